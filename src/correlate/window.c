/* What the hits of a window amount to. Stage: correlate. Reads hits in order of time; leaves a verdict. Each
 * type of the specification is one function here. Next: correlator.c, which decides when to ask. */
#include "correlate/window.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

/* -------------------------------------------------------------- the hits */

static uint32_t lower_bound(const struct hits *h, int64_t time_ns, bool passes_equal)
{
    uint32_t low = 0, high = h->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int64_t t = h->items[middle].time_ns;
        if (t < time_ns || (passes_equal && t == time_ns))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t hits_from(const struct hits *h, int64_t time_ns)
{
    return lower_bound(h, time_ns, false);
}

uint32_t hits_after(const struct hits *h, int64_t time_ns)
{
    return lower_bound(h, time_ns, true);
}

/* ---- how many different values there are at most: nearly always this says that a window cannot hold ---- */

static uint32_t value_place(const struct value_counts *v, uint64_t value)
{
    uint32_t at = (uint32_t)(value ^ value >> 32) & (v->size - 1);
    while (v->values[at] && v->values[at] != value)
        at = (at + 1) & (v->size - 1);
    return at;
}

static void values_grow(struct value_counts *v)
{
    struct value_counts old = *v;
    v->size = old.size ? old.size * 2 : 8;
    v->values = NEW_ARRAY(uint64_t, v->size);
    v->counts = NEW_ARRAY(uint32_t, v->size);
    for (uint32_t i = 0; i < old.size; i++)
        if (old.values[i]) {
            uint32_t at = value_place(v, old.values[i]);
            v->values[at] = old.values[i];
            v->counts[at] = old.counts[i];
        }
    memory_free(old.values);
    memory_free(old.counts);
}

static void values_add(struct value_counts *v, uint64_t value)
{
    if (v->distinct * 2 >= v->size)
        values_grow(v);
    uint32_t at = value_place(v, value);
    v->distinct += v->values[at] == 0;
    v->values[at] = value;
    v->counts[at]++;
}

/* Moves the entries behind a gap back to where they are looked for. */
static void close_gap(struct value_counts *v, uint32_t gap)
{
    for (uint32_t at = (gap + 1) & (v->size - 1); v->values[at]; at = (at + 1) & (v->size - 1)) {
        uint64_t value = v->values[at];
        uint32_t count = v->counts[at];
        v->values[at] = 0;
        uint32_t to = value_place(v, value);
        v->values[to] = value;
        v->counts[to] = count;
    }
}

static void values_drop(struct value_counts *v, uint64_t value)
{
    uint32_t at = value_place(v, value);
    if (--v->counts[at])
        return;
    v->values[at] = 0;
    v->distinct--;
    close_gap(v, at);
}

void hits_free(struct hits *h)
{
    hits_remove(h, 0, h->count);
    memory_free(h->items);
    memory_free(h->values.values);
    memory_free(h->values.counts);
}

void hits_insert(struct hits *h, const struct hit *hit)
{
    if (h->count == h->capacity) {
        h->capacity = h->capacity ? h->capacity * 2 : 4;
        h->items = memory_resize_array(h->items, h->capacity, sizeof *h->items);
    }
    uint32_t at =
        h->count && h->items[h->count - 1].time_ns > hit->time_ns ? hits_after(h, hit->time_ns) : h->count;
    memmove(h->items + at + 1, h->items + at, (h->count - at) * sizeof *h->items);
    h->items[at] = *hit;
    h->count++;
    if (hit->has_value)
        values_add(&h->values, hit->value);
}

void hits_remove(struct hits *h, uint32_t at, uint32_t count)
{
    if (count == 0)
        return;
    for (uint32_t i = at; i < at + count; i++) {
        if (h->items[i].has_value)
            values_drop(&h->values, h->items[i].value);
        origin_release(h->items[i].origin);
    }
    h->count -= count;
    memmove(h->items + at, h->items + at + count, (h->count - at) * sizeof *h->items);
}

/* ------------------------------------------------------------ the amounts */

bool limits_hold(const struct correlation *c, double number)
{
    for (uint32_t i = 0; i < c->limit_count; i++) {
        double limit = c->limits[i].value;
        bool holds[] = {
            [LIMIT_GT] = number > limit,   [LIMIT_GTE] = number >= limit, [LIMIT_LT] = number < limit,
            [LIMIT_LTE] = number <= limit, [LIMIT_EQ] = number == limit,  [LIMIT_NEQ] = number != limit};
        if (!holds[c->limits[i].op])
            return false;
    }
    return true;
}

static double count_events(const struct correlation *c, const struct hit *hits, uint32_t n)
{
    (void)c;
    (void)hits;
    return n;
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

static int by_number(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The hashes of all values, sorted; the caller frees. */
static uint64_t *sorted_values(const struct hit *hits, uint32_t n, uint32_t *count)
{
    uint64_t *values = NEW_ARRAY(uint64_t, n + 1);
    *count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (hits[i].has_value)
            values[(*count)++] = hits[i].value;
    qsort(values, *count, sizeof *values, by_value);
    return values;
}

static double count_values(const struct correlation *c, const struct hit *hits, uint32_t n)
{
    (void)c;
    uint32_t count, distinct = 0;
    uint64_t *values = sorted_values(hits, n, &count);
    for (uint32_t i = 0; i < count; i++)
        distinct += i == 0 || values[i] != values[i - 1];
    memory_free(values);
    return distinct;
}

static double add_up(const struct correlation *c, const struct hit *hits, uint32_t n)
{
    (void)c;
    double sum = 0, lost = 0; /* Kahan: hits of the same time stand in any order, which must not show */
    for (uint32_t i = 0; i < n; i++) {
        if (!hits[i].has_value)
            continue;
        double y = hits[i].number - lost, t = sum + y;
        lost = (t - sum) - y;
        sum = t;
    }
    return sum;
}

static double average(const struct correlation *c, const struct hit *hits, uint32_t n)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        count += hits[i].has_value;
    return count ? add_up(c, hits, n) / count : NAN; /* NaN fulfils no limit but neq */
}

/* With `percentile: p`: the p-th percentile of the numbers, by nearest rank. Without: see rare_share(). */
static double percentile(const struct correlation *c, const struct hit *hits, uint32_t n)
{
    double *numbers = NEW_ARRAY(double, n + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < n; i++)
        if (hits[i].has_value)
            numbers[count++] = hits[i].number;
    qsort(numbers, count, sizeof *numbers, by_number);
    uint32_t rank = (uint32_t)ceil(c->percentile / 100 * count);
    double result = count ? numbers[rank ? rank - 1 : 0] : NAN;
    memory_free(numbers);
    return result;
}

static double (*const amounts[])(const struct correlation *c, const struct hit *hits, uint32_t n) = {
    [TYPE_EVENT_COUNT] = count_events, [TYPE_VALUE_COUNT] = count_values,    [TYPE_VALUE_SUM] = add_up,
    [TYPE_VALUE_AVG] = average,        [TYPE_VALUE_PERCENTILE] = percentile,
};

/* The specification's example: a value that makes up at most 1 % of all values of the window. True when a
 * value's share, in percent, fulfils the limits. */
static bool some_share_holds(const struct correlation *c, const struct hit *hits, uint32_t n, double *amount)
{
    uint32_t count, from = 0;
    uint64_t *values = sorted_values(hits, n, &count);
    bool holds = false;
    for (uint32_t i = 1; i <= count && !holds; i++) {
        if (i < count && values[i] == values[from])
            continue;
        *amount = 100.0 * (i - from) / count;
        holds = limits_hold(c, *amount);
        from = i;
    }
    memory_free(values);
    return holds;
}

/* How many of the rules matched; for the temporal types the default is all of them. */
static bool rules_hold(const struct correlation *c, const struct hit *hits, uint32_t n, double *amount)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < n; i++)
        seen |= UINT64_C(1) << hits[i].step;
    uint32_t count = (uint32_t)__builtin_popcountll(seen);
    *amount = count;
    return c->limit_count ? limits_hold(c, count) : count == c->rule_count;
}

/* The latest chain that ends in the window's last hits: each rule's hit the latest that is not later than the
 * next rule's, and of another event. The latest start is the best one, since only the window limits it. */
static bool order_holds(const struct correlation *c, const struct hit *hits, uint32_t n, double *amount)
{
    uint32_t needed = c->rule_count, at = n;
    const struct hit *next = NULL;
    while (needed > 0 && at > 0) {
        const struct hit *h = &hits[--at];
        if (h->step != needed - 1 || (next && h->sequence == next->sequence && !h->child && !next->child))
            continue;
        next = h;
        needed--;
        /* those of the same time stand in any order: look at all of them again */
        while (needed > 0 && at < n && hits[at].time_ns == next->time_ns)
            at++;
    }
    *amount = c->rule_count - needed;
    return needed == 0;
}

/* With a condition: the most rules that matched in their order, left-out ones allowed. */
static bool partial_order_holds(const struct correlation *c, const struct hit *hits, uint32_t n,
                                double *amount)
{
    uint32_t longest[CORRELATE_MAX_RULES] = {0}, best = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t before = 0;
        for (uint32_t s = 0; s < hits[i].step; s++)
            before = longest[s] > before ? longest[s] : before;
        if (before + 1 > longest[hits[i].step])
            longest[hits[i].step] = before + 1;
        best = longest[hits[i].step] > best ? longest[hits[i].step] : best;
    }
    *amount = best;
    return limits_hold(c, best);
}

bool window_holds(const struct correlation *c, const struct hits *h, uint32_t from, uint32_t to,
                  double *amount)
{
    const struct hit *hits = h->items + from;
    uint32_t n = to - from;
    *amount = 0;
    if (n == 0)
        return false;
    if (c->type == TYPE_TEMPORAL)
        return rules_hold(c, hits, n, amount);
    if (c->type == TYPE_TEMPORAL_ORDERED)
        return c->limit_count ? partial_order_holds(c, hits, n, amount) : order_holds(c, hits, n, amount);
    if (c->type == TYPE_VALUE_COUNT && c->is_sliding && !limits_hold(c, h->values.distinct))
        return false;
    if (c->type == TYPE_VALUE_PERCENTILE && c->percentile < 0)
        return some_share_holds(c, hits, n, amount);
    *amount = amounts[c->type](c, hits, n);
    return limits_hold(c, *amount);
}
