/* The map of hyakuyo: one batch of raw records through every stage that a worker runs, to completion, without
 * locks.
 *
 *   record ─parse, normalise─▶ event ─enrich─▶ event ─detect─▶ findings ─attach─▶ findings know host,
 * department, importance; the event knows which rules it met
 *
 * Before: input/ and journal/ (the batch is safe on disk). After: judge/, incident/, store/ (engine.c). */
#include "pipeline.h"

#include "base/memory.h"

void pipeline_adopt(struct pipeline *p, struct knowledge *knowledge, struct context *context)
{
    pipeline_release(p);
    p->anonymous = source_anonymous(zone_find(STR("local")));
    p->knowledge = knowledge;
    p->context = context;
    p->normaliser_scratch = normaliser_scratch_new(knowledge->normaliser);
    p->detect_scratch = detect_scratch_new(knowledge->rules);
}

void pipeline_release(struct pipeline *p)
{
    if (p->knowledge == NULL)
        return;
    normaliser_scratch_free(p->normaliser_scratch);
    detect_scratch_free(p->detect_scratch);
    knowledge_unref(p->knowledge);
    context_unref(p->context);
    p->knowledge = NULL;
    p->context = NULL;
}

static void normalise(struct pipeline *p, struct batch *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        struct record *record = &b->records[i];
        const struct source *source = p->find_source ? p->find_source(p->find_source_context, record) : NULL;
        if (source != NULL)
            record->source = source->number;
        struct event *e = &b->events[i];
        normalise_record(p->knowledge->normaliser, p->normaliser_scratch,
                         knowledge_memory(p->knowledge, record->source), record,
                         source ? source : &p->anonymous, &b->arena, e);
        event_add(e, &b->arena, FIELD_HYAKUYO_PARSER,
                  normaliser_parser_name(p->knowledge->normaliser, e->parser));
    }
}

static void enrich(struct pipeline *p, struct batch *b)
{
    if (p->context == NULL)
        return;
    for (uint32_t i = 0; i < b->count; i++)
        enrich_event(p->context, &b->events[i], &b->arena);
}

static enum passage passage_of(const struct event *e)
{
    for (const struct value *v = event_get(e, FIELD_EVENT_TYPE); v != NULL; v = event_next(e, v)) {
        if (str_eq(value_text(v), STR("denied")))
            return PASSAGE_DENIED;
        if (str_eq(value_text(v), STR("allowed")))
            return PASSAGE_ALLOWED;
    }
    return PASSAGE_UNKNOWN;
}

static bool is_ours(const struct context *c, struct str address, int64_t time_ns)
{
    struct ip ip;
    return c != NULL ? context_is_inside(c, address, time_ns) : ip_parse(address, &ip) && ip_is_private(&ip);
}

/* A finding is about a host of ours: when the rule named the outside end of a communication, the inside end
 * is the one to look after, and the other is its peer. */
static void turn_inside(const struct context *c, struct finding *f, const struct event *e)
{
    struct str destination = event_text(e, FIELD_DESTINATION_IP);
    if (f->host_name.n || f->host_ip.n == 0 || destination.n == 0 ||
        !str_eq(f->host_ip, event_text(e, FIELD_SOURCE_IP)))
        return;
    if (is_ours(c, f->host_ip, f->time_ns) || !is_ours(c, destination, f->time_ns))
        return;
    f->peer = f->host_ip;
    f->host_ip = destination;
}

/* Who the finding is about, from the inventory: the rule saw an address or a name, people want both. */
static void attach_asset(const struct context *c, struct finding *f)
{
    const struct asset_host *host = context_find_host(c, f->host_name, f->host_ip, f->time_ns);
    if (f->department.n == 0)
        f->department = context_department(c, host, f->host_ip, f->time_ns);
    f->importance = context_importance(c, host, f->user, f->time_ns);
    if (host == NULL)
        return;
    if (f->host_name.n == 0)
        f->host_name = host->hostname;
    if (f->host_ip.n == 0 && host->ips.count == 1)
        f->host_ip = host->ips.items[0];
}

/* Texts of the inventory must outlive the context: the finding's go into the batch. */
static void keep_texts(struct finding *f, struct arena *a)
{
    f->department = arena_str(a, f->department);
    f->host_name = arena_str(a, f->host_name);
    f->host_ip = arena_str(a, f->host_ip);
}

static void attach(struct pipeline *p, struct batch *b)
{
    struct event *e = b->events;
    for (struct finding *f = b->findings; f != NULL; f = f->next) {
        while (e->sequence != f->sequence) /* findings come in the order of events */
            e++;
        f->source = e->source;
        f->passage = passage_of(e);
        turn_inside(p->context, f, e);
        if (p->context != NULL) {
            attach_asset(p->context, f);
            keep_texts(f, &b->arena);
        }
        event_add(e, &b->arena, FIELD_HYAKUYO_FINDING_RULE_ID, f->rule_id);
        event_add(e, &b->arena, FIELD_HYAKUYO_FINDING_RULE, f->title_en);
        event_add(e, &b->arena, FIELD_HYAKUYO_FINDING_LEVEL, level_name(f->level));
    }
}

static void unpin_knowledge(void *knowledge)
{
    knowledge_unref(knowledge);
}

/* Events and findings borrow texts of parsers and rules (constants, names, titles). A reload must not take
 * them away while the batch waits for the desk and the writer. */
static void pin_knowledge(struct pipeline *p, struct batch *batch)
{
    BUG_IF(batch->pinned != NULL);
    batch->pinned = knowledge_ref(p->knowledge);
    batch->unpin = unpin_knowledge;
}

void pipeline_run(struct pipeline *p, struct batch *batch)
{
    pin_knowledge(p, batch);
    normalise(p, batch);
    enrich(p, batch);
    detect_batch(p->knowledge->rules, p->detect_scratch, batch);
    attach(p, batch);
}
