/* What live events give the rules: which log sources they belong to and which of the fields that rules read
 * they fill; and whether a rule could fire on such events at all.
 * Stage: detect. Watching is part of a worker's scratch, beside the matcher, which has put the event's values
 * into columns anyway. Nothing is parsed or mapped twice. Next: prove.c. */
#include "detect/match.h"

/* After so many events of a log source and sender, only every 16th is looked at. */
#define LOOK_AT_ALL 1024
#define LOOK_AT_ONE 16

struct seen_field {
    uint64_t filled, missed;
    int64_t last_ns;
};

struct seen {
    struct seen *next;
    uint32_t unit, source;
    uint64_t events, looked;
    int64_t last_ns;
    struct seen_field *fields; /* one for each column of the unit */
};

#define SEEN_SLOTS 256 /* chained */

struct detect_watch {
    struct arena arena;
    struct seen *slots[SEEN_SLOTS];
    uint32_t count;
    uint64_t left_out;
};

void detect_scratch_watch(struct detect_scratch *s)
{
    if (s->watch != NULL)
        return;
    s->watch = NEW(struct detect_watch);
    arena_init(&s->watch->arena, 16 << 10);
}

void detect_watch_free(struct detect_watch *w)
{
    if (w == NULL)
        return;
    arena_free(&w->arena);
    memory_free(w);
}

static struct seen *find_seen(struct detect_watch *w, const struct unit *u, uint32_t unit, uint32_t source)
{
    struct seen **at = &w->slots[(unit * 31 + source) % SEEN_SLOTS];
    for (; *at != NULL; at = &(*at)->next)
        if ((*at)->unit == unit && (*at)->source == source)
            return *at;
    if (w->count == DETECT_WATCH_MAX) {
        w->left_out++;
        return NULL;
    }
    w->count++;
    *at = ARENA_NEW(&w->arena, struct seen);
    **at = (struct seen){.unit = unit,
                         .source = source,
                         .last_ns = TIME_UNKNOWN,
                         .fields = ARENA_ARRAY(&w->arena, struct seen_field, u->column_count + 1)};
    return *at;
}

/* The columns of keywords and of the event's time are always filled. */
static bool is_filled(const struct run *run, uint32_t column)
{
    return run->unit->columns[column].kind != COLUMN_FIELDS ||
           run->state->columns[column].epoch == run->s->epoch;
}

void detect_watch_event(const struct run *run, uint32_t unit)
{
    const struct event *e = run->event;
    struct seen *seen = find_seen(run->s->watch, run->unit, unit, e->source);
    if (seen == NULL || (e->flags & (EVENT_CANARY | EVENT_EXERCISE)))
        return;
    seen->events++;
    if (e->received_ns > seen->last_ns)
        seen->last_ns = e->received_ns;
    if (seen->events > LOOK_AT_ALL && seen->events % LOOK_AT_ONE != 0)
        return;
    seen->looked++;
    for (uint32_t c = 0; c < run->unit->column_count; c++) {
        struct seen_field *field = &seen->fields[c];
        if (!is_filled(run, c)) {
            field->missed++;
            continue;
        }
        field->filled++;
        field->missed = 0;
        field->last_ns = e->received_ns;
    }
}

static void hand_over(const struct unit *u, struct seen *seen, detect_take_seen take, void *context)
{
    struct detect_seen out = {.source = seen->source,
                              .logsource = u->logsource.key,
                              .events = seen->events,
                              .looked = seen->looked,
                              .last_ns = seen->last_ns};
    take(context, &out);
    for (uint32_t c = 0; c < u->column_count && seen->looked; c++) {
        out.field = u->columns[c].name;
        out.events = seen->fields[c].filled;
        out.missed = seen->fields[c].missed;
        out.last_ns = seen->fields[c].last_ns;
        take(context, &out);
        seen->fields[c] = (struct seen_field){0};
    }
    seen->events = seen->looked = 0;
}

uint64_t detect_scratch_seen(struct detect_scratch *s, detect_take_seen take, void *context)
{
    if (s->watch == NULL)
        return 0;
    for (size_t i = 0; i < SEEN_SLOTS; i++)
        for (struct seen *seen = s->watch->slots[i]; seen != NULL; seen = seen->next)
            if (seen->events)
                hand_over(&s->set->units[seen->unit], seen, take, context);
    return s->watch->left_out;
}

/* ---------------------------------------------- could a rule fire at all */

struct asking {
    const struct unit *unit;
    detect_has_field has_field;
    void *context;
    struct detect_need *need;
    struct arena *arena;
};

static bool has_column(const struct asking *a, uint32_t column)
{
    const struct column *c = &a->unit->columns[column];
    return c->kind != COLUMN_FIELDS || a->has_field(a->context, c->name);
}

static void note_missing(struct asking *a, struct str name)
{
    struct detect_need *need = a->need;
    for (uint32_t i = 0; i < need->missing_count; i++)
        if (str_eq(need->missing[i], name))
            return;
    if (need->missing_count < DETECT_MISSING_MAX)
        need->missing[need->missing_count++] = arena_str(a->arena, name);
}

/* A comparison with an absent field is false, its negation true; of values nothing is known, so whatever
 * compares them can hold. */
static bool could_hold(struct asking *a, uint32_t number)
{
    const struct node *node = &a->unit->nodes[number];
    const struct predicate *p;
    uint32_t could = 0;
    switch ((enum node_type)node->type) {
    case TREE_NOT_PREDICATE:
        return true;
    case TREE_PREDICATE:
        p = &a->unit->predicates[node->first];
        if (p->comparison == COMPARE_ABSENT || has_column(a, p->column))
            return true;
        note_missing(a, a->unit->columns[p->column].name);
        return false;
    case TREE_AND:
    case TREE_OR:
    case TREE_COUNT:
        for (uint32_t i = 0; i < node->count; i++)
            could += could_hold(a, node->first + i);
        return could >= (node->type == TREE_OR ? 1 : node->type == TREE_AND ? node->count : node->needed);
    }
    return false;
}

static const struct compiled_rule *find_compiled(const struct ruleset *set, size_t rule,
                                                 const struct unit **unit)
{
    for (uint32_t u = 0; u < set->unit_count; u++)
        for (uint32_t r = 0; r < set->units[u].rule_count; r++)
            if (set->units[u].rules[r].rule == rule) {
                *unit = &set->units[u];
                return &set->units[u].rules[r];
            }
    return NULL;
}

bool detect_could_fire(const struct ruleset *set, size_t rule, detect_has_field has_field, void *context,
                       struct arena *arena, struct detect_need *need)
{
    struct asking a = {.has_field = has_field, .context = context, .need = need, .arena = arena};
    const struct compiled_rule *compiled = find_compiled(set, rule, &a.unit);
    need->missing_count = 0;
    return compiled != NULL && could_hold(&a, compiled->root);
}

struct str detect_logsource(const struct ruleset *set, size_t rule)
{
    const struct unit *unit = NULL;
    return find_compiled(set, rule, &unit) ? unit->logsource.key : STR_EMPTY;
}

bool ruleset_sample(const struct ruleset *set, size_t rule, size_t number, struct detect_sample *out)
{
    const struct sigma_sample *s = set->rules[rule]->samples;
    for (; s != NULL && number > 0; number--)
        s = s->next;
    if (s == NULL)
        return false;
    *out = (struct detect_sample){.fires = s->fires, .raw = s->raw, .line = s->line, .event = s->event};
    return true;
}
