/* Do most keys rise together (stage instrument): S55. Breadth is the share of keys above their third
 * quartile, with a sign test; height is the total, in which no key counts more than `winsor` times its
 * median. Both must hold for two hours in a row, or for a day. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "instrument/statistics.h"
#include "instrument/trend_state.h"

enum { NAMES_MAX = 10, DAYS_MAX = 40, LEAST_DAYS = 5, DAY_HOURS_MAX = 25 };

struct breadth {
    double keys, above, total;
    struct str names[NAMES_MAX]; /* of those that are above, by how far */
    double excess[NAMES_MAX];
    size_t name_count;
};

static void note_name(struct breadth *b, struct str name, double excess)
{
    size_t at = b->name_count < NAMES_MAX ? b->name_count++ : NAMES_MAX - 1;
    if (at == NAMES_MAX - 1 && b->name_count == NAMES_MAX && excess <= b->excess[at] && b->names[at].n)
        return;
    for (; at > 0 && b->excess[at - 1] < excess; at--) {
        b->names[at] = b->names[at - 1];
        b->excess[at] = b->excess[at - 1];
    }
    b->names[at] = name;
    b->excess[at] = excess;
}

static void note(struct breadth *b, struct str name, double count, double expected, bool is_above,
                 double winsorised)
{
    b->keys++;
    b->above += is_above;
    b->total += winsorised;
    if (is_above)
        note_name(b, name, count - expected);
}

/* The sign test: each key is above its third quartile with probability ¼ at most. */
static double breadth_p(const struct breadth *b)
{
    return binomial_upper(b->above, b->keys, 0.25);
}

static bool is_broad(const struct trend_options *o, const struct breadth *b)
{
    return b->keys >= o->breadth_keys && b->above / b->keys >= o->breadth_share &&
           breadth_p(b) <= o->breadth_p;
}

static void tell(struct trend *t, const struct breadth *b, const struct ensemble_verdict *v, int64_t time_ns,
                 int64_t window_ns)
{
    struct trend_told told = {.kind = TREND_BREADTH,
                              .time_ns = time_ns,
                              .window_ns = window_ns,
                              .count = b->total,
                              .trimmed = b->total,
                              .expected = v->expected,
                              .threshold = v->upper,
                              .p = v->p,
                              .q = breadth_p(b),
                              .ratio = b->total / v->expected,
                              .votes = v->votes,
                              .share = b->above / b->keys,
                              .keys = b->names,
                              .key_count = b->name_count};
    if (trend_may_tell(t, &t->n.total.told_ns, time_ns))
        t->world.tell(t->world.context, &told);
}

/* ---------------------------------------------------------------------- hour */

/* A key counts once it is usually there: one that is seen once a month says nothing about breadth. */
static bool takes_part(const struct judged *j)
{
    return !j->verdict.is_learning && !(j->key->flags & TREND_INDIVIDUAL) && j->verdict.expected >= 0.5;
}

static unsigned hour_of_week(int64_t hour)
{
    return (unsigned)((hour + 72) % WEEK_HOURS); /* 1970-01-01 was a Thursday: hours since Monday, UTC */
}

void trend_judge_breadth(struct trend *t, const struct judged *all, size_t n, int64_t hour, bool is_rest)
{
    const struct trend_options *o = &t->options;
    struct trend_total *total = &t->n.total;
    struct breadth b = {0};
    struct baseline history;
    for (size_t i = 0; i < n; i++)
        if (takes_part(&all[i]))
            note(&b, all[i].name, all[i].trimmed, all[i].verdict.expected, all[i].is_above,
                 all[i].winsorised);
    baseline_find(&history, &total->series, &t->n.hours, hour, is_rest, b.total, o->ensemble.mature_bins);
    struct ensemble_verdict v = ensemble_judge(&total->ensemble, &history.history, b.total, &o->ensemble);
    bool is_high =
        b.keys > 0 && !v.is_learning && (v.votes & VOTE_TAIL || v.p <= o->total_p) && is_broad(o, &b);
    if (is_high && v.upper == 0)
        v.upper = negative_binomial_upper_quantile(o->total_p, v.expected,
                                                   negative_binomial_size(v.expected, v.variance));
    if (is_high && total->last_high_hour == hour - 1)
        tell(t, &b, &v, (hour + 1) * HOUR_NS, HOUR_NS);
    if (is_high)
        total->last_high_hour = hour;
    series_put(&total->series, hour, b.total, is_high);
    holt_winters_step(&total->band, hour_of_week(hour), b.total, 0.2, 0.02, 0.1);
}

/* ----------------------------------------------------------------------- day */

struct day_sum {
    double count;
    bool is_whole; /* heard in most of its hours, of one class, no alarms */
};

static struct day_sum sum_day(const struct trend *t, const struct series *s, int64_t last_hour,
                              bool skips_alarms)
{
    struct day_sum d = {0, true};
    int heard = 0;
    for (int back = 0; back < 24; back++) {
        heard += hours_is_seen(&t->n.hours, last_hour - back);
        d.is_whole &= !(skips_alarms && series_is_alarmed(s, last_hour - back));
        d.count += series_get(s, last_hour - back);
    }
    d.is_whole &= heard >= 20;
    return d;
}

/* Days of the same class before; the noon of each tells its class. */
static size_t past_days(const struct trend *t, const struct series *s, int64_t last_hour, bool is_rest,
                        double *out)
{
    size_t n = 0;
    for (int day = 1; day < SERIES_HOURS / 24 && n < DAYS_MAX; day++) {
        int64_t at = last_hour - day * 24;
        if (hours_is_rest(&t->n.hours, at - 12) != is_rest || at - 23 < t->n.hours.first_hour)
            continue;
        struct day_sum d = sum_day(t, s, at, true);
        if (d.is_whole)
            out[n++] = d.count;
    }
    return n;
}

static struct ensemble_verdict judge_day(const double *past, size_t n, double count)
{
    struct moments m = moments_of(past, n);
    struct ensemble_verdict v = {.expected = fmax(m.mean, 0.5 / (double)n)};
    v.variance = fmax(m.variance, v.expected) * (1 + 1 / (double)n);
    /* few days tell little about how much days vary: Student's t as well */
    v.p = fmax(negative_binomial_upper(count, v.expected, negative_binomial_size(v.expected, v.variance)),
               student_upper((count - v.expected) / sqrt(v.variance), (double)n - 1));
    return v;
}

static void add_day_of(const struct trend *t, struct breadth *b, double *past_total, struct str name,
                       const struct series *s, int64_t last_hour, bool is_rest, size_t *days)
{
    double past[DAYS_MAX], sorted[DAYS_MAX];
    size_t n = past_days(t, s, last_hour, is_rest, past);
    if (n < LEAST_DAYS)
        return;
    double count = sum_day(t, s, last_hour, false).count;
    struct ensemble_verdict v = judge_day(past, n, count);
    if (v.expected < 0.5)
        return;
    memcpy(sorted, past, n * sizeof *past);
    double limit = t->options.winsor * fmax(median_of(sorted, n), 1);
    note(b, name, count, v.expected, v.p <= 0.25, fmin(count, limit));
    *days = n < *days ? n : *days;
    for (size_t i = 0; i < n; i++)
        past_total[i] += fmin(past[i], limit);
}

void trend_judge_day(struct trend *t, int64_t last_hour)
{
    const struct trend_options *o = &t->options;
    const void *place = NULL;
    struct keyed_entry e;
    struct breadth b = {0};
    double past_total[DAYS_MAX] = {0};
    size_t days = DAYS_MAX;
    bool is_rest = hours_is_rest(&t->n.hours, last_hour - 12);
    if (!sum_day(t, &t->n.total.series, last_hour, false).is_whole)
        return;
    while (keyed_next(t->keys, &place, &e)) {
        const struct trend_key *key = e.record;
        if (!(key->flags & TREND_INDIVIDUAL))
            add_day_of(t, &b, past_total, e.key, &key->series, last_hour, is_rest, &days);
    }
    if (!is_broad(o, &b) || days < LEAST_DAYS)
        return;
    struct ensemble_verdict v = judge_day(past_total, days, b.total);
    v.upper = negative_binomial_upper_quantile(o->total_p, v.expected,
                                               negative_binomial_size(v.expected, v.variance));
    if (v.p <= o->total_p)
        tell(t, &b, &v, (last_hour + 1) * HOUR_NS, 24 * HOUR_NS);
}
