/* The map of hyakuyo: one batch of raw records through every stage that a worker runs, to completion, without
 * locks.
 *
 *   record ─parse, normalise─▶ event ─enrich─▶ event ─indicators, detect─▶ findings ─attach─▶ findings know
 * host, department, importance; the event knows which rules it met; what is not to be
 * judged is withheld
 *
 * Before: input/ and journal/ (the batch is safe on disk). After: judge/, incident/, store/ (engine.c). */
#include "engine/pipeline.h"

#include "base/memory.h"

void pipeline_suppress(struct pipeline *p, struct suppressions *suppressions)
{
    suppressions_unref(p->suppressions);
    p->suppressions = suppressions;
}

static void release_knowledge(struct pipeline *p)
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

void pipeline_adopt(struct pipeline *p, struct knowledge *knowledge, struct context *context)
{
    release_knowledge(p);
    p->anonymous = source_anonymous(zone_find(STR("local")));
    p->knowledge = knowledge;
    p->context = context;
    p->normaliser_scratch = normaliser_scratch_new(knowledge->normaliser);
    p->detect_scratch = detect_scratch_new(knowledge->rules);
}

void pipeline_adopt_indicators(struct pipeline *p, struct indicator_set *indicators)
{
    indicator_set_unref(p->indicators);
    p->indicators = indicators;
}

void pipeline_adopt_geo(struct pipeline *p, struct geo *geo)
{
    geo_cache_free(p->places);
    p->places = geo != NULL ? geo_cache_new(geo) : NULL;
}

void pipeline_release(struct pipeline *p)
{
    pipeline_adopt_geo(p, NULL);
    release_knowledge(p);
    pipeline_adopt_indicators(p, NULL);
    pipeline_suppress(p, NULL);
}

/* A canary is read as if it had no mark, and by content: what is known about its sender, and what the parsers
 * remember about it, is about others. */
static void normalise_canary(struct pipeline *p, struct record *record, const struct canary_mark *mark,
                             struct arena *arena, struct event *e)
{
    record->raw.n -= CANARY_MARK_BYTES;
    normalise_record(p->knowledge->normaliser, p->normaliser_scratch, NULL, record, &p->anonymous, arena, e);
    e->source = record->source;
    e->flags |= EVENT_CANARY;
    event_set(e, arena, FIELD_HYAKUYO_CANARY,
              arena_printf(arena, "%016llx", (unsigned long long)mark->number));
}

/* A line of an exercise is about the organisation's hosts: it is enriched and judged, and marked all the way.
 */
static void normalise_exercise(struct pipeline *p, struct record *record, const struct canary_mark *mark,
                               struct arena *arena, struct event *e)
{
    record->raw.n -= CANARY_MARK_BYTES;
    normalise_record(p->knowledge->normaliser, p->normaliser_scratch, NULL, record, &p->anonymous, arena, e);
    record->raw.n += CANARY_MARK_BYTES;
    e->raw = record->raw;
    e->source = record->source;
    e->flags |= EVENT_EXERCISE;
    event_set(e, arena, FIELD_HYAKUYO_EXERCISE,
              arena_printf(arena, "%016llx", (unsigned long long)mark->number));
}

static void normalise(struct pipeline *p, struct batch *b)
{
    struct canary_mark mark;
    for (uint32_t i = 0; i < b->count; i++) {
        struct record *record = &b->records[i];
        const struct source *source = p->find_source ? p->find_source(p->find_source_context, record) : NULL;
        if (source != NULL)
            record->source = source->number;
        struct event *e = &b->events[i];
        struct source_memory *memory =
            record->source ? knowledge_memory(p->knowledge, record->source) : p->memory;
        if (p->canary_key != NULL &&
            canary_mark_read(p->canary_key, record->raw, record->received_ns, record->transport, &mark))
            (mark.is_exercise ? normalise_exercise : normalise_canary)(p, record, &mark, &b->arena, e);
        else
            normalise_record(p->knowledge->normaliser, p->normaliser_scratch, memory, record,
                             source ? source : &p->anonymous, &b->arena, e);
        event_add(e, &b->arena, FIELD_HYAKUYO_PARSER,
                  normaliser_parser_name(p->knowledge->normaliser, e->parser));
    }
}

static void enrich(struct pipeline *p, struct batch *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = &b->events[i];
        if (e->flags & EVENT_CANARY) /* samples speak of nobody's hosts */
            continue;
        if (p->places != NULL)
            geo_describe(p->places, e, &b->arena);
        if (p->context != NULL)
            enrich_event(p->context, e, &b->arena);
    }
    if (p->identity_rules != NULL)
        identity_extract(p->identity_rules, b);
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

/* Findings of a canary prove that the rule can fire, and nothing else; those under an exception are kept on
 * the event. Neither is judged. */
static bool withhold(const struct pipeline *p, struct arena *a, struct finding *f, struct event *e)
{
    if (e->flags & EVENT_CANARY) {
        event_add(e, a, FIELD_HYAKUYO_FINDING_CANARY, f->rule_id);
        return true;
    }
    if ((e->flags & EVENT_EXERCISE) && f->is_silent)
        return true; /* correlations are for what is real */
    f->exception = suppressions_find(p->suppressions, f, e);
    if (f->exception == 0)
        return false;
    event_add(e, a, FIELD_HYAKUYO_FINDING_SUPPRESSED, f->rule_id);
    event_add(e, a, FIELD_HYAKUYO_FINDING_EXCEPTION, arena_printf(a, "%lld", (long long)f->exception));
    return true;
}

void pipeline_locate(struct pipeline *p, struct batch *b, struct finding *f, const struct event *e)
{
    f->source = e->source;
    f->passage = passage_of(e);
    f->is_exercise = (e->flags & EVENT_EXERCISE) != 0;
    const struct context *context = e->flags & EVENT_CANARY ? NULL : p->context; /* nobody's hosts */
    turn_inside(context, f, e);
    if (context != NULL)
        context_attach(context, f, &b->arena);
}

static void attach(struct pipeline *p, struct batch *b)
{
    struct event *e = b->events;
    struct finding *next, **withheld_end = &b->withheld;
    struct finding *f = b->findings;
    b->findings = NULL;
    b->findings_end = &b->findings;
    for (; f != NULL; f = next) {
        next = f->next;
        f->next = NULL;
        while (e->sequence != f->sequence) /* findings come in the order of events */
            e++;
        pipeline_locate(p, b, f, e);
        if (withhold(p, &b->arena, f, e)) {
            *withheld_end = f;
            withheld_end = &f->next;
            continue;
        }
        if (f->is_silent) {
            *b->silent_end = f;
            b->silent_end = &f->next;
            continue;
        }
        *b->findings_end = f;
        b->findings_end = &f->next;
        event_add(e, &b->arena, FIELD_HYAKUYO_FINDING_RULE_ID, f->rule_id);
        event_add(e, &b->arena, FIELD_HYAKUYO_FINDING_RULE, f->title_en);
        event_add(e, &b->arena, FIELD_HYAKUYO_FINDING_LEVEL, level_name(f->level));
    }
}

/* From here on a canary is an event of now with its record as it came, whatever time its sample speaks of: it
 * must not make a part of the store reach back. */
static void finish_canaries(struct batch *b)
{
    for (uint32_t i = 0; i < b->count; i++) {
        struct event *e = &b->events[i];
        if (!(e->flags & EVENT_CANARY))
            continue;
        b->records[i].raw.n += CANARY_MARK_BYTES;
        e->raw = b->records[i].raw;
        e->time_ns = e->received_ns;
    }
    const struct event *e = b->events;
    for (struct finding *f = b->withheld; f != NULL; f = f->next) {
        while (e->sequence != f->sequence)
            e++;
        if (e->flags & EVENT_CANARY)
            f->time_ns = e->time_ns;
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

void pipeline_prepare(struct pipeline *p, struct batch *batch)
{
    pin_knowledge(p, batch);
    normalise(p, batch);
    enrich(p, batch);
}

void pipeline_run(struct pipeline *p, struct batch *batch)
{
    pipeline_prepare(p, batch);
    struct finding *met = p->indicators ? indicator_match_batch(p->indicators, batch) : NULL;
    detect_batch(p->knowledge->rules, p->detect_scratch, batch);
    batch_merge_findings(batch, met);
    attach(p, batch);
    if (p->canary_key != NULL)
        finish_canaries(batch);
}
