/* Runs two rule sets over the same events and keeps what differs. See preview.h. */
#include "replay/preview.h"

#include <stdlib.h>

#include "base/json.h"
#include "base/map.h"
#include "base/memory.h"
#include "enrich/attribute.h"

struct preview {
    struct pipeline pipeline; /* with the knowledge of `before` */
    struct preview_side before, after;
    struct identity *identity; /* NULL = nothing is learned */
    struct detect_scratch *after_scratch;
    struct correlator *before_correlator, *after_correlator;
    preview_difference each;
    void *each_context;
    struct arena arena;
    struct map numbers; /* rule id → number + 1 */
    struct preview_rule *rules;
    uint32_t count, capacity;
    uint64_t events, added, removed;
    bool is_cut; /* more rules differ than are kept */
};

struct preview *preview_new(struct preview_side before, struct preview_side after, struct context *context,
                            preview_difference each, void *each_context)
{
    struct preview *p = NEW(struct preview);
    p->before = before;
    p->after = after;
    p->each = each;
    p->each_context = each_context;
    arena_init(&p->arena, 64 << 10);
    pipeline_adopt(&p->pipeline, knowledge_ref(before.knowledge), context);
    p->after_scratch = detect_scratch_new(after.knowledge->rules);
    p->before_correlator =
        correlator_new(correlation_set_ref(before.knowledge->correlations), CORRELATE_LATENESS_NS);
    p->after_correlator =
        correlator_new(correlation_set_ref(after.knowledge->correlations), CORRELATE_LATENESS_NS);
    return p;
}

void preview_learn(struct preview *p, const struct identity_rules *rules)
{
    p->pipeline.identity_rules = rules;
    p->identity = identity_new(identity_rules_limits(rules));
}

void preview_free(struct preview *p)
{
    if (p == NULL)
        return;
    detect_scratch_free(p->after_scratch);
    identity_free(p->identity);
    correlator_free(p->before_correlator);
    correlator_free(p->after_correlator);
    pipeline_release(&p->pipeline);
    struct preview_side *const sides[] = {&p->before, &p->after};
    for (size_t i = 0; i < COUNT_OF(sides); i++) {
        knowledge_unref(sides[i]->knowledge);
        suppressions_unref(sides[i]->suppressions);
    }
    map_free(&p->numbers);
    arena_free(&p->arena);
    memory_free(p->rules);
    memory_free(p);
}

/* -------------------------------------------------------------- differing */

static struct preview_rule *find_rule(struct preview *p, const struct finding *f)
{
    const uintptr_t *number = map_find(&p->numbers, f->rule_id);
    if (number != NULL)
        return &p->rules[*number - 1];
    if (p->count == PREVIEW_RULES_MAX) {
        p->is_cut = true;
        return NULL;
    }
    if (p->count == p->capacity) {
        p->capacity = p->capacity ? p->capacity * 2 : 16;
        p->rules = memory_resize_array(p->rules, p->capacity, sizeof *p->rules);
    }
    struct preview_rule *r = &p->rules[p->count++];
    *r = (struct preview_rule){.rule_id = arena_str(&p->arena, f->rule_id),
                               .title_en = arena_str(&p->arena, f->title_en),
                               .title_ja = arena_str(&p->arena, f->title_ja)};
    *map_put(&p->numbers, r->rule_id, NULL) = p->count;
    return r;
}

static struct str note_host(struct preview *p, struct preview_rule *r, const struct finding *f)
{
    struct str host = f->host_name.n ? f->host_name : f->host_ip;
    for (uint32_t i = 0; i < r->host_count; i++)
        if (str_eq(r->hosts[i], host))
            return r->hosts[i];
    if (host.n == 0)
        return STR_EMPTY;
    if (r->host_count == PREVIEW_HOSTS_MAX) {
        r->has_more_hosts = true;
        return arena_str(&p->arena, host);
    }
    return r->hosts[r->host_count++] = arena_str(&p->arena, host);
}

static void differ(struct preview *p, const struct finding *f, bool is_added)
{
    if (p->each != NULL)
        p->each(p->each_context, f, is_added);
    *(is_added ? &p->added : &p->removed) += 1;
    struct preview_rule *r = find_rule(p, f);
    if (r == NULL)
        return;
    *(is_added ? &r->added : &r->removed) += 1;
    bool has_room = r->example_count < PREVIEW_EXAMPLES_MAX;
    struct str host = has_room || r->host_count < PREVIEW_HOSTS_MAX ? note_host(p, r, f) : STR_EMPTY;
    if (has_room)
        r->examples[r->example_count++] = (struct preview_example){f->sequence, f->time_ns, host, is_added};
    else if (r->host_count == PREVIEW_HOSTS_MAX)
        r->has_more_hosts = true;
}

/* Findings of one event, judged: an exception makes them as if they were not. */
struct judged {
    struct finding *first, *end; /* [first, end) */
    const struct suppressions *suppressions;
    const struct event *event;
};

static bool holds(const struct judged *side, struct str rule_id)
{
    for (const struct finding *f = side->first; f != side->end; f = f->next)
        if (str_eq(f->rule_id, rule_id) && !f->is_silent)
            return suppressions_find(side->suppressions, f, side->event) == 0;
    return false;
}

static void compare(struct preview *p, const struct judged *left, const struct judged *right, bool is_added)
{
    for (const struct finding *f = left->first; f != left->end; f = f->next)
        if (holds(left, f->rule_id) && !holds(right, f->rule_id))
            differ(p, f, is_added);
}

static struct judged take_event(struct finding **rest, const struct event *e,
                                const struct suppressions *suppressions)
{
    struct judged j = {.first = *rest, .suppressions = suppressions, .event = e};
    while (*rest != NULL && (*rest)->sequence == e->sequence)
        *rest = (*rest)->next;
    j.end = *rest;
    return j;
}

/* Findings of one side that wait while the other side looks at the same events. */
struct found {
    struct finding *first, **end;
};

static struct found detect(const struct ruleset *rules, struct detect_scratch *scratch, struct batch *b)
{
    b->findings = NULL;
    b->findings_end = &b->findings;
    for (uint32_t i = 0; i < b->count; i++)
        detect_event(rules, scratch, &b->events[i], 0, b);
    return (struct found){b->findings, b->findings_end};
}

static void attribute(struct preview *p, struct batch *b)
{
    if (p->identity != NULL)
        attribute_findings(p->identity, p->pipeline.context, b, b->findings);
}

/* Who a side's findings are about, and what these mean together. */
static struct finding *finish(struct preview *p, struct found found, struct correlator *correlator,
                              struct batch *b)
{
    b->findings = found.first;
    b->findings_end = found.first != NULL ? found.end : &b->findings;
    const struct event *e = b->events;
    for (struct finding *f = b->findings; f != NULL; f = f->next) {
        while (e->sequence != f->sequence) /* findings come in the order of events */
            e++;
        pipeline_locate(&p->pipeline, b, f, e);
    }
    attribute(p, b);
    correlator_take(correlator, b, 0);
    attribute(p, b);
    return b->findings;
}

void preview_batch(struct preview *p, struct batch *b)
{
    pipeline_prepare(&p->pipeline, b);
    struct found old = detect(p->before.knowledge->rules, p->pipeline.detect_scratch, b);
    struct found new = detect(p->after.knowledge->rules, p->after_scratch, b);
    if (p->identity != NULL)
        attribute_events(p->identity, p->pipeline.context, b, 0);
    struct finding *before = finish(p, old, p->before_correlator, b);
    struct finding *after = finish(p, new, p->after_correlator, b);
    b->findings = NULL;
    b->findings_end = &b->findings;
    p->events += b->count;
    for (uint32_t i = 0; i < b->count && (before || after); i++) {
        struct event *e = &b->events[i];
        struct judged left = take_event(&before, e, p->before.suppressions);
        struct judged right = take_event(&after, e, p->after.suppressions);
        compare(p, &left, &right, false);
        compare(p, &right, &left, true);
    }
}

/* ----------------------------------------------------------------- telling */

uint64_t preview_events(const struct preview *p)
{
    return p->events;
}

static int by_id(const void *left, const void *right)
{
    const struct preview_rule *a = left, *b = right;
    return str_compare(a->rule_id, b->rule_id);
}

const struct preview_rule *preview_rules(struct preview *p, uint32_t *count)
{
    if (p->count)
        qsort(p->rules, p->count, sizeof *p->rules, by_id);
    map_clear(&p->numbers);
    for (uint32_t i = 0; i < p->count; i++)
        *map_put(&p->numbers, p->rules[i].rule_id, NULL) = i + 1;
    *count = p->count;
    return p->rules;
}

static void put_text(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value.p ? value : STR_EMPTY);
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}

static void write_example(struct json_writer *w, const struct preview_example *x)
{
    char sequence[24];
    struct buf text = {.p = sequence, .capacity = sizeof sequence};
    buf_u64(&text, x->sequence);
    json_begin_object(w);
    put_text(w, "sequence", buf_str(&text));
    json_key(w, "time");
    json_put_time(w, x->time_ns);
    put_text(w, "change", x->is_added ? STR("added") : STR("removed"));
    put_text(w, "host", x->host);
    json_end_object(w);
}

static void write_rule(struct json_writer *w, const struct preview_rule *r)
{
    json_begin_object(w);
    put_text(w, "kind", STR("preview"));
    put_text(w, "rule_id", r->rule_id);
    put_text(w, "title", r->title_en);
    put_text(w, "title_ja", r->title_ja);
    put_number(w, "added", r->added);
    put_number(w, "removed", r->removed);
    json_key(w, "hosts");
    json_begin_array(w);
    for (uint32_t i = 0; i < r->host_count; i++)
        json_put_str(w, r->hosts[i]);
    json_end_array(w);
    json_key(w, "more_hosts");
    json_put_bool(w, r->has_more_hosts);
    json_key(w, "examples");
    json_begin_array(w);
    for (uint32_t i = 0; i < r->example_count; i++)
        write_example(w, &r->examples[i]);
    json_end_array(w);
    json_end_object(w);
}

void preview_json(struct preview *p, struct json_writer *w)
{
    uint32_t count;
    const struct preview_rule *rules = preview_rules(p, &count);
    put_number(w, "events", p->events);
    put_number(w, "added", p->added);
    put_number(w, "removed", p->removed);
    json_key(w, "incomplete");
    json_put_bool(w, p->is_cut);
    json_key(w, "rules");
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++)
        write_rule(w, &rules[i]);
    json_end_array(w);
}
