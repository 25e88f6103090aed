/* Findings of a batch → hits → groups → further findings, in the order of events. Stage: correlate, one
 * thread. Reads the batch's findings and silent matches; leaves findings of correlations among them. This
 * file holds the groups, the watermark and the windows that end; hit.c brings hits in, group.c says what they
 * mean, tell.c writes findings. Next stage: judge/. */
#include "correlate/correlator.h"

#include <stdlib.h>

#include "base/memory.h"
#include "correlate/sequence.h"

struct correlator *correlator_new(struct correlation_set *set, int64_t lateness_ns)
{
    struct correlator *c = NEW(struct correlator);
    c->set = set;
    c->lateness_ns = lateness_ns;
    c->watermark_ns = INT64_MIN;
    c->next_number = 1;
    c->sweep_at = 1024;
    return c;
}

static void forget_all(struct correlator *c)
{
    for (uint32_t i = 0; i < c->group_count; i++)
        group_free(c->groups[i]);
    c->group_count = c->heap_count = 0;
    c->hit_count = 0;
    map_clear(&c->by_key);
}

void correlator_free(struct correlator *c)
{
    if (c == NULL)
        return;
    forget_all(c);
    correlation_set_unref(c->set);
    map_free(&c->by_key);
    memory_free(c->groups);
    memory_free(c->heap);
    buf_free(&c->key);
    buf_free(&c->onward);
    memory_free(c);
}

struct correlator_counters correlator_counters(const struct correlator *c)
{
    struct correlator_counters all = c->counters;
    all.live_groups = c->group_count;
    all.live_hits = c->hit_count;
    return all;
}

void correlator_on_settled(struct correlator *c, correlator_settled_fn *fn, void *context)
{
    c->settled = fn;
    c->settled_context = context;
}

/* ---------------------------------------------------------------- windows */

static const struct correlation *rule_of(const struct correlator *c, const struct group *g)
{
    return c->set->rules[g->correlation];
}

static int64_t end_of(const struct correlator *c, const struct group *g)
{
    if (rule_of(c, g)->sequence)
        return g->due_ns;
    return time_after(g->hits.items[0].time_ns, rule_of(c, g)->timespan_ns);
}

/* By end, then by key: the order in which windows end is the order of their findings. */
static bool ends_before(const struct correlator *c, const struct group *a, const struct group *b)
{
    int64_t a_ns = end_of(c, a), b_ns = end_of(c, b);
    return a_ns != b_ns ? a_ns < b_ns : str_compare(a->key, b->key) < 0;
}

static void sift_down(struct correlator *c, uint32_t at)
{
    for (;;) {
        uint32_t least = at;
        for (uint32_t child = 2 * at + 1; child <= 2 * at + 2 && child < c->heap_count; child++)
            if (ends_before(c, c->heap[child], c->heap[least]))
                least = child;
        if (least == at)
            return;
        struct group *g = c->heap[at];
        c->heap[at] = c->heap[least];
        c->heap[least] = g;
        at = least;
    }
}

static void sift_up(struct correlator *c, uint32_t at)
{
    while (at > 0 && ends_before(c, c->heap[at], c->heap[(at - 1) / 2])) {
        struct group *g = c->heap[at];
        c->heap[at] = c->heap[(at - 1) / 2];
        c->heap[(at - 1) / 2] = g;
        at = (at - 1) / 2;
    }
}

static void push_heap(struct correlator *c, struct group *g)
{
    if (c->heap_count == c->heap_capacity) {
        c->heap_capacity = c->heap_capacity ? c->heap_capacity * 2 : 64;
        c->heap = memory_resize_array(c->heap, c->heap_capacity, sizeof(struct group *));
    }
    g->is_in_heap = true;
    c->heap[c->heap_count++] = g;
    sift_up(c, c->heap_count - 1);
}

void correlator_refill_heap(struct correlator *c)
{
    c->heap_count = 0;
    for (uint32_t i = 0; i < c->group_count; i++) {
        struct group *g = c->groups[i];
        if (g->is_in_heap && g->hits.count)
            push_heap(c, g);
        else
            g->is_in_heap = false;
    }
}

/* A late hit moves the beginning of a window that is open: its end comes sooner. */
void correlator_wait(struct correlator *c, struct group *g)
{
    if (!g->is_in_heap) {
        push_heap(c, g);
        return;
    }
    uint32_t at = 0;
    while (c->heap[at] != g)
        at++;
    sift_up(c, at);
}

static void drop_hits(struct correlator *c, struct group *g, uint32_t at, uint32_t count)
{
    hits_remove(&g->hits, at, count);
    c->hit_count -= count;
}

/* A hit of a sequence with a negation: by then nothing can come that would break it. */
void correlator_wait_until(struct correlator *c, struct group *g, int64_t settled_ns)
{
    int64_t due_ns = time_after(settled_ns, 1);
    if (settled_ns == INT64_MIN || (g->is_in_heap && g->due_ns <= due_ns))
        return;
    g->due_ns = due_ns;
    correlator_wait(c, g);
}

bool correlator_next_due(const struct correlator *c, struct group *g, int64_t after_ns)
{
    int64_t next_ns = INT64_MAX;
    for (uint32_t i = 0; i < g->hits.count; i++) {
        int64_t due_ns = sequence_due(rule_of(c, g), &g->hits.items[i]);
        if (due_ns > after_ns && due_ns < next_ns)
            next_ns = due_ns;
    }
    g->due_ns = time_after(next_ns, 1);
    return next_ns != INT64_MAX;
}

/* The group on top of the heap waits for something else, or for nothing any more. */
static void settle_top(struct correlator *c, bool waits)
{
    c->heap[0]->is_in_heap = waits;
    if (!waits)
        c->heap[0] = c->heap[--c->heap_count];
    if (c->heap_count)
        sift_down(c, 0);
}

/* For a correlation that names this one it has happened when it is known: at the end. */
static void report(struct correlator *c, struct group *g, struct firing *f, int64_t end_ns)
{
    const struct correlation *rule = rule_of(c, g);
    if (c->settled)
        c->settled(c->settled_context, rule->info.id, str_skip(g->key, sizeof rule->hash), f->time_ns);
    if (!rule->is_silent)
        tell_firing(c, g, f);
    f->time_ns = end_ns;
    hit_from_firing(c, g, f);
}

/* Nothing can break a sequence any more that was complete just before. */
static void end_negation(struct correlator *c, struct group *g)
{
    const struct correlation *rule = rule_of(c, g);
    int64_t end_ns = g->due_ns, time_ns = time_after(end_ns, -1);
    struct sequence_match match;
    bool is_quiet = g->settled_ns != INT64_MIN && time_after(g->settled_ns, rule->timespan_ns) > time_ns;
    settle_top(c, correlator_next_due(c, g, time_ns));
    if (is_quiet || !sequence_match_at(rule, &g->hits, time_ns, &match))
        return;
    g->settled_ns = time_ns;
    struct firing f = {time_ns, origin_share(g->hits.items[match.last].origin), match.score};
    report(c, g, &f, end_ns);
    origin_release(f.origin);
}

/* The window on top of the heap is over. */
static void end_window(struct correlator *c)
{
    struct group *g = c->heap[0];
    if (rule_of(c, g)->sequence) {
        end_negation(c, g);
        return;
    }
    int64_t end_ns = end_of(c, g);
    uint32_t to = hits_from(&g->hits, end_ns);
    struct firing f = {.time_ns = g->hits.items[to - 1].time_ns,
                       .origin = origin_share(g->hits.items[to - 1].origin)};
    bool holds = window_holds(rule_of(c, g), &g->hits, 0, to, &f.amount);
    g->settled_ns = end_ns;
    drop_hits(c, g, 0, to);
    settle_top(c, g->hits.count > 0);
    if (holds)
        report(c, g, &f, end_ns);
    origin_release(f.origin);
}

/* Event time passes from one end to the next, so that what ends can still count in what has not. */
static void end_windows(struct correlator *c, int64_t watermark_ns)
{
    int64_t horizon_ns = time_after(watermark_ns, -c->lateness_ns);
    while (c->heap_count && end_of(c, c->heap[0]) <= horizon_ns) {
        int64_t reached_ns = time_after(end_of(c, c->heap[0]), c->lateness_ns);
        if (reached_ns > c->watermark_ns)
            c->watermark_ns = reached_ns;
        end_window(c);
    }
}

static void advance(struct correlator *c, int64_t time_ns)
{
    if (time_ns <= c->watermark_ns)
        return;
    if (c->heap_count)
        end_windows(c, time_ns);
    c->watermark_ns = time_ns;
}

/* ----------------------------------------------------------------- groups */

static void settle(struct correlator *c, struct group *g)
{
    uint32_t before = g->hits.count;
    group_settle(g, rule_of(c, g), horizon_of(c), c->settled, c->settled_context);
    c->hit_count -= before - g->hits.count;
}

static void keep_groups(struct correlator *c,
                        bool (*keeps)(struct correlator *c, struct group *g, void *context), void *context)
{
    uint32_t kept = 0;
    map_clear(&c->by_key);
    for (uint32_t i = 0; i < c->group_count; i++) {
        struct group *g = c->groups[i];
        if (keeps(c, g, context)) {
            c->groups[kept++] = g;
            *map_put(&c->by_key, g->key, NULL) = (uintptr_t)g;
            continue;
        }
        c->hit_count -= g->hits.count;
        group_free(g);
    }
    c->group_count = kept;
}

static bool is_busy(struct correlator *c, struct group *g, void *context)
{
    (void)context;
    settle(c, g);
    return !group_is_idle(g, rule_of(c, g), horizon_of(c));
}

static int64_t last_hit(const struct group *g)
{
    return g->hits.count ? g->hits.items[g->hits.count - 1].time_ns : g->settled_ns;
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static bool is_newer(struct correlator *c, struct group *g, void *context)
{
    bool stays = last_hit(g) > *(int64_t *)context;
    c->counters.dropped_groups += !stays;
    c->counters.dropped_hits += stays ? 0 : g->hits.count;
    return stays;
}

/* Lets go of the tenth that is longest without a hit. */
static void make_room(struct correlator *c)
{
    int64_t *times = NEW_ARRAY(int64_t, c->group_count + 1);
    for (uint32_t i = 0; i < c->group_count; i++)
        times[i] = last_hit(c->groups[i]);
    qsort(times, c->group_count, sizeof *times, by_time);
    int64_t oldest_ns = times[c->group_count / 10];
    memory_free(times);
    keep_groups(c, is_newer, &oldest_ns);
    correlator_refill_heap(c);
}

static void sweep(struct correlator *c)
{
    keep_groups(c, is_busy, NULL);
    if (c->group_count >= CORRELATE_MAX_GROUPS || c->hit_count >= CORRELATE_MAX_HITS)
        make_room(c);
    c->sweep_at = c->group_count * 2 + 1024;
    if (c->sweep_at > CORRELATE_MAX_GROUPS)
        c->sweep_at = CORRELATE_MAX_GROUPS;
}

void correlator_add_group(struct correlator *c, struct group *g)
{
    if (c->group_count == c->group_capacity) {
        c->group_capacity = c->group_capacity ? c->group_capacity * 2 : 64;
        c->groups = memory_resize_array(c->groups, c->group_capacity, sizeof *c->groups);
    }
    c->groups[c->group_count++] = g;
    *map_put(&c->by_key, g->key, NULL) = (uintptr_t)g;
}

struct group *correlator_group(struct correlator *c, uint32_t correlation, struct str key)
{
    struct group *g = map_get_pointer(&c->by_key, key);
    if (g == NULL) {
        g = group_new(key, correlation, c->next_number++);
        correlator_add_group(c, g);
    }
    settle(c, g);
    return g;
}

/* ------------------------------------------------------------------ batches */

static struct rule_info said_by(const struct finding *f)
{
    return (struct rule_info){.id = f->rule_id,
                              .name = STR_EMPTY,
                              .evidence_group = f->evidence_group,
                              .stage = f->stage,
                              .level = f->level,
                              .techniques = f->techniques,
                              .technique_count = f->technique_count};
}

/* Steps that take findings by what they say. What speaks only through correlations, and correlations
 * themselves, are not among them: the latter are known beforehand (link.c). */
static void take_selected(struct correlator *c, const struct finding *f)
{
    const struct rule_info said = said_by(f);
    for (const struct selected *s = c->set->selected; s != NULL; s = s->next)
        if (sequence_selects(s->choice, &said))
            hit_from_event(c, s->route, c->event, f);
}

/* Those of the event at hand; returns the next one. */
static struct finding *take_matches(struct correlator *c, struct finding *f)
{
    while (f != NULL && f->sequence < c->event->sequence)
        f = f->next;
    for (; f != NULL && f->sequence == c->event->sequence; f = f->next) {
        c->record_number = f->record_number;
        for (const struct route *r = map_get_pointer(&c->set->routes, f->rule_id); r != NULL; r = r->next)
            hit_from_event(c, r, c->event, f);
        if (!f->is_silent && (!f->is_correlated || f->instrument.n))
            take_selected(c, f);
    }
    return f;
}

/* What senders say about the time moves the watermark no further than the time of receipt. */
static int64_t reached_by(const struct event *e)
{
    return e->received_ns != 0 && e->received_ns < e->time_ns ? e->received_ns : e->time_ns;
}

/* Groups are let go between two batches only: nobody holds one. */
static void look_after_limits(struct correlator *c)
{
    if (c->group_count >= c->sweep_at || c->hit_count >= CORRELATE_MAX_HITS)
        sweep(c);
}

void correlator_take(struct correlator *c, struct batch *batch, uint64_t counted_through)
{
    if (c->set == NULL || c->set->count == 0)
        return;
    look_after_limits(c);
    struct finding *spoken = batch->findings, *silent = batch->silent;
    c->batch = batch;
    c->insert_at = &batch->findings;
    for (uint32_t i = 0; i < batch->count; i++) {
        c->event = &batch->events[i];
        if (c->event->sequence <= counted_through)
            continue;
        while (*c->insert_at && (*c->insert_at)->sequence <= c->event->sequence)
            c->insert_at = &(*c->insert_at)->next;
        c->record_number = 0;
        advance(c, reached_by(c->event));
        silent = take_matches(c, silent);
        spoken = take_matches(c, spoken);
    }
    c->batch = NULL;
}

void correlator_advance(struct correlator *c, struct batch *batch, int64_t watermark_ns)
{
    if (c->set == NULL || batch->count == 0)
        return;
    c->batch = batch;
    c->event = &batch->events[batch->count - 1];
    c->insert_at = batch->findings_end;
    advance(c, watermark_ns);
    for (uint32_t i = 0; i < c->group_count; i++)
        settle(c, c->groups[i]);
    c->batch = NULL;
}

/* ----------------------------------------------------------------- another set */

static bool takes_over(struct correlator *c, struct group *g, void *context)
{
    struct correlation_set *next = context;
    const struct correlation *old = rule_of(c, g);
    const uintptr_t *index = map_find(&next->by_hash, str_n((const char *)&old->hash, sizeof old->hash));
    bool stays = index != NULL && !next->rules[*index - 1]->is_out;
    if (stays)
        g->correlation = (uint32_t)*index - 1;
    return stays;
}

void correlator_use(struct correlator *c, struct correlation_set *set)
{
    c->heap_count = 0;
    if (set == NULL || c->set == NULL)
        forget_all(c);
    else
        keep_groups(c, takes_over, set);
    correlation_set_unref(c->set);
    c->set = set;
    correlator_refill_heap(c);
}
