/* What rules cost while they run.
 * Stage: detect. Workers time one event in COST_SAMPLE (match.c, ruleset.c) and add to counters that all
 * share; people ask which rule takes more than its part. Nothing that is found depends on it. Next: prove.c.
 */
#include "detect/match.h"

#define FOREIGN_NS 5000 /* by the clock and not by the thread: somebody else had the processor */

void costs_init(struct ruleset *set)
{
    set->costs = memory_zero(sizeof *set->costs + set->rule_count * sizeof set->costs->rule_ns[0]);
}

static int64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

/* Spread evenly over the events, in step with nothing. */
static bool is_sampled(uint32_t epoch)
{
    return epoch * UINT32_C(0x9E3779B1) < UINT32_MAX / COST_SAMPLE;
}

void cost_begin(struct detect_scratch *s)
{
    s->timing.is_on = is_sampled(s->epoch);
    if (!s->timing.is_on)
        return;
    s->timing.count = 0;
    s->timing.started_cpu_ns = thread_cpu_ns();
    s->timing.started_ns = clock_monotonic_ns();
}

void cost_end(struct detect_scratch *s)
{
    const struct timing *t = &s->timing;
    struct costs *costs = s->set->costs;
    if (!t->is_on)
        return;
    int64_t wall = clock_monotonic_ns() - t->started_ns, cpu = thread_cpu_ns() - t->started_cpu_ns;
    if (wall > cpu + FOREIGN_NS)
        return;
    atomic_fetch_add_explicit(&costs->events, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&costs->ns, (uint64_t)wall, memory_order_relaxed);
    for (uint32_t i = 0; i < t->count; i++)
        atomic_fetch_add_explicit(&costs->rule_ns[t->charges[i].rule], t->charges[i].ns,
                                  memory_order_relaxed);
}

static void charge(struct run *run, uint32_t rule, int64_t ns)
{
    struct timing *t = &run->s->timing;
    if (ns <= 0 || t->count == TIMING_MAX)
        return;
    t->charges[t->count].rule = run->unit->rules[rule].rule;
    t->charges[t->count++].ns = ns < UINT32_MAX ? (uint32_t)ns : UINT32_MAX;
}

void cost_of_rule(struct run *run, uint32_t rule, int64_t started_ns)
{
    charge(run, rule, clock_monotonic_ns() - started_ns);
}

void cost_of_candidate(struct run *run, const struct predicate *p, int64_t started_ns)
{
    int64_t each = p->rule_count ? (clock_monotonic_ns() - started_ns) / p->rule_count : 0;
    for (uint32_t i = 0; each > 0 && i < p->rule_count; i++)
        charge(run, run->unit->triggered[p->first_rule + i], each);
}

double ruleset_ns_per_event(const struct ruleset *set)
{
    uint64_t events = atomic_load_explicit(&set->costs->events, memory_order_relaxed);
    return events ? (double)atomic_load_explicit(&set->costs->ns, memory_order_relaxed) / (double)events : 0;
}

struct rule_cost ruleset_cost(const struct ruleset *set, size_t index)
{
    BUG_IF(index >= set->rule_count);
    uint64_t events = atomic_load_explicit(&set->costs->events, memory_order_relaxed),
             ns = atomic_load_explicit(&set->costs->rule_ns[index], memory_order_relaxed),
             all = atomic_load_explicit(&set->costs->ns, memory_order_relaxed);
    struct rule_cost cost = {.ns_per_event = events ? (double)ns / (double)events : 0,
                             .share = all ? (double)ns / (double)all : 0};
    cost.is_dear =
        events >= COST_MIN_EVENTS && cost.share >= COST_DEAR_SHARE && cost.ns_per_event >= COST_DEAR_NS;
    return cost;
}
