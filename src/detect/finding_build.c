/* A rule that holds becomes a finding: what matched, who is meant, what the rule says about it.
 * Stage: detect, on events, only when something fires. Reads the event and the rule; leaves a finding in the
 * batch. The next stage that looks at it is incident/ (through the pipeline). */
#include "detect/finding_build.h"

#define MAX_MATCHED       24
#define MAX_MATCHED_BYTES 1024

static struct str field_text(const struct event *e, field_id field, struct arena *arena)
{
    const struct value *v = event_get(e, field);
    return v ? arena_str(arena, value_as_text(v, arena)) : STR_EMPTY;
}

static struct str first_text(const struct event *e, const field_id *fields, size_t count, struct arena *arena)
{
    for (size_t i = 0; i < count; i++) {
        struct str s = field_text(e, fields[i], arena);
        if (s.n)
            return s;
    }
    return STR_EMPTY;
}

/* Who can be meant, and the fields that name them, best first; 0 ends a list. */
#define SIDE_FIELDS 5
struct side {
    field_id ip[SIDE_FIELDS], name[SIDE_FIELDS], user[SIDE_FIELDS], department[SIDE_FIELDS],
        peer[SIDE_FIELDS];
};

static const struct side sides[] = {
    [ENTITY_HOST] = {.ip = {FIELD_HOST_IP},
                     .name = {FIELD_HOST_NAME, FIELD_HOST_HOSTNAME},
                     .user = {FIELD_USER_NAME, FIELD_SOURCE_USER_NAME},
                     .department = {FIELD_HYAKUYO_DEPARTMENT},
                     .peer = {FIELD_DESTINATION_IP, FIELD_DESTINATION_DOMAIN, FIELD_URL_DOMAIN,
                              FIELD_DNS_QUESTION_NAME}},
    [ENTITY_SOURCE] = {.ip = {FIELD_SOURCE_IP, FIELD_CLIENT_IP},
                       .name = {FIELD_HYAKUYO_SOURCE_HOST, FIELD_SOURCE_DOMAIN, FIELD_CLIENT_DOMAIN},
                       .user = {FIELD_SOURCE_USER_NAME, FIELD_USER_NAME},
                       .department = {FIELD_HYAKUYO_SOURCE_DEPARTMENT, FIELD_HYAKUYO_DEPARTMENT},
                       .peer = {FIELD_URL_DOMAIN, FIELD_DESTINATION_DOMAIN, FIELD_DESTINATION_IP,
                                FIELD_SERVER_IP, FIELD_DNS_QUESTION_NAME}},
    [ENTITY_DESTINATION] = {.ip = {FIELD_DESTINATION_IP, FIELD_SERVER_IP},
                            .name = {FIELD_HYAKUYO_DESTINATION_HOST, FIELD_DESTINATION_DOMAIN},
                            .user = {FIELD_DESTINATION_USER_NAME},
                            .department = {FIELD_HYAKUYO_DESTINATION_DEPARTMENT},
                            .peer = {FIELD_SOURCE_IP, FIELD_SOURCE_DOMAIN}},
};

static size_t list_length(const field_id *fields)
{
    size_t n = 0;
    while (n < SIDE_FIELDS && fields[n] != FIELD_NONE)
        n++;
    return n;
}

static struct str side_text(const struct event *e, const field_id *fields, struct arena *arena)
{
    return first_text(e, fields, list_length(fields), arena);
}

static bool side_is_known(const struct event *e, enum entity side)
{
    const field_id *lists[] = {sides[side].ip, sides[side].name};
    for (size_t l = 0; l < COUNT_OF(lists); l++)
        for (size_t i = 0; i < list_length(lists[l]); i++)
            if (event_get(e, lists[l][i]))
                return true;
    return false;
}

/* The side the rule means, or the one that the event knows. */
static enum entity choose_side(const struct event *e, enum entity wanted)
{
    static const enum entity instead[] = {
        [ENTITY_HOST] = ENTITY_SOURCE, [ENTITY_SOURCE] = ENTITY_HOST, [ENTITY_DESTINATION] = ENTITY_HOST};
    return side_is_known(e, wanted) || !side_is_known(e, instead[wanted]) ? wanted : instead[wanted];
}

void finding_entities(struct finding *f, const struct event *e, enum entity wanted, struct str peer_field,
                      struct arena *arena)
{
    enum entity chosen = choose_side(e, wanted);
    const struct side *side = &sides[chosen];
    f->host_ip = side_text(e, side->ip, arena);
    f->host_name = side_text(e, side->name, arena);
    f->user = side_text(e, side->user, arena);
    f->department = side_text(e, side->department, arena);
    f->peer = peer_field.n ? field_text(e, field_find(peer_field), arena) : side_text(e, side->peer, arena);
    if (chosen == ENTITY_HOST && f->host_name.n &&
        f->host_ip.n == 0) /* a network event seen by the host itself */
        f->host_ip = str_eq_nocase(f->host_name, event_text(e, FIELD_HYAKUYO_SOURCE_HOST))
                         ? field_text(e, FIELD_SOURCE_IP, arena)
                         : STR_EMPTY;
    int64_t importance;
    if (event_number(e, FIELD_HYAKUYO_ASSET_IMPORTANCE, &importance) && importance >= 1 && importance <= 4)
        f->importance = (int)importance;
}

/* ECS says in event.type whether a communication was let through. */
static enum passage find_passage(const struct event *e)
{
    for (const struct value *v = event_get(e, FIELD_EVENT_TYPE); v; v = event_next(e, v)) {
        if (str_eq_nocase(value_text(v), STR("denied")))
            return PASSAGE_DENIED;
        if (str_eq_nocase(value_text(v), STR("allowed")))
            return PASSAGE_ALLOWED;
    }
    return PASSAGE_UNKNOWN;
}

/* What matched */

struct collected {
    struct matched_value values[MAX_MATCHED];
    uint32_t count;
};

static void collect_value(struct run *run, const struct predicate *p, struct collected *out,
                          struct arena *arena)
{
    struct cursor cursor = {0};
    struct view *view;
    while ((view = column_next(run, p->column, &cursor)) && !predicate_test(run, p, view))
        ;
    struct str name = run->unit->columns[p->column].name;
    if (!view || out->count == MAX_MATCHED)
        return;
    struct str text = str_slice(view->raw, 0, MAX_MATCHED_BYTES);
    for (uint32_t i = 0; i < out->count; i++)
        if (str_eq(out->values[i].name, name) && str_eq(out->values[i].text, text))
            return;
    out->values[out->count++] = (struct matched_value){name, arena_str(arena, text)};
}

static void collect(struct run *run, uint32_t number, struct collected *out, struct arena *arena)
{
    const struct node *node = &run->unit->nodes[number];
    if (node->type == TREE_PREDICATE && predicate_holds(run, node->first))
        collect_value(run, &run->unit->predicates[node->first], out, arena);
    for (uint32_t i = 0; node->type >= TREE_AND && i < node->count; i++)
        collect(run, node->first + i, out, arena);
}

static void fill_from_rule(struct finding *f, const struct rule_info *info)
{
    f->rule_id = info->id;
    f->title_en = info->title_en;
    f->title_ja = info->title_ja;
    f->level = info->level;
    f->evidence_group = info->evidence_group;
    f->likelihood_ratio = info->likelihood_ratio;
    f->stage = info->stage;
    f->techniques = info->techniques;
    f->technique_count = info->technique_count;
}

void finding_build(struct run *run, uint32_t rule, uint32_t record_number, struct batch *batch)
{
    static const field_id product_fields[] = {FIELD_OBSERVER_PRODUCT, FIELD_HYAKUYO_PARSER};
    const struct compiled_rule *compiled = &run->unit->rules[rule];
    const struct sigma_rule *source = run->s->set->rules[compiled->rule];
    const struct event *e = run->event;
    struct finding *f = batch_add_finding(batch);
    fill_from_rule(f, &source->info);
    f->time_ns = e->time_ns;
    f->sequence = e->sequence;
    f->source = e->source;
    f->record_number = record_number;
    f->is_silent = source->is_silent;
    f->product = first_text(e, product_fields, COUNT_OF(product_fields), &batch->arena);
    f->passage = find_passage(e);
    finding_entities(f, e, source->entity ? source->entity : run->unit->logsource.entity, source->peer_field,
                     &batch->arena);
    struct collected matched = {.count = 0};
    collect(run, compiled->root, &matched, &batch->arena);
    f->matched_count = matched.count;
    f->matched = ARENA_ARRAY(&batch->arena, struct matched_value, matched.count + 1);
    memcpy(f->matched, matched.values, matched.count * sizeof *f->matched);
}
