/* Is a bin of a key beyond what is usual (stage instrument): spec 2.1 and S54. trend.c calls it when bins are
 * over; next: trend_breadth.c for all keys together. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "instrument/statistics.h"
#include "instrument/trend_state.h"

/* Takes the bin into the streak; true when two of the last three were of an outbreak. */
static bool is_second_of_three(struct streak *s, int64_t bin, bool is_outbreak)
{
    int64_t gap = bin - s->last_bin;
    s->bits = gap > 2 ? 0 : (uint8_t)(s->bits << gap);
    s->bits = (uint8_t)((s->bits | is_outbreak) & 7);
    s->last_bin = bin;
    return is_outbreak && __builtin_popcount(s->bits) >= 2;
}

static struct trend_told describe(struct str name, const struct trend_key *key, const struct tally *tally,
                                  const struct judged *j)
{
    return (struct trend_told){.key = name,
                               .flags = key->flags,
                               .count = j->count,
                               .trimmed = j->trimmed,
                               .expected = j->verdict.expected,
                               .threshold = j->verdict.upper,
                               .p = j->p,
                               .q = j->q,
                               .ratio = j->trimmed / j->verdict.expected,
                               .votes = j->verdict.votes,
                               .sources = tally_sources(tally),
                               .top_name = str_n(tally->top_name, strnlen(tally->top_name, TALLY_NAME)),
                               .top_is_inside = tally->top_is_inside != 0};
}

static void tell(struct trend *t, struct trend_key *key, struct trend_told *told, enum trend_kind kind)
{
    told->kind = kind;
    if (trend_may_tell(t, &key->told_ns[kind], told->time_ns))
        t->world.tell(t->world.context, told);
}

/* S54 but for the two of three. */
static bool is_outbreak_bin(const struct trend_options *o, const struct trend_told *told, bool is_alarm)
{
    return is_alarm && told->p <= o->outbreak_p && told->q <= o->outbreak_q &&
           told->trimmed >= o->outbreak_count && told->ratio >= o->outbreak_ratio &&
           !(told->flags & TREND_INDIVIDUAL) &&
           (told->sources.inside >= o->inside_sources || told->sources.outside >= o->outside_sources);
}

/* The whole count is far out, and it is only few sources that make it so. */
static bool is_noisy_host(const struct trend_options *o, const struct trend_told *told,
                          const struct ensemble_verdict *v)
{
    double size = negative_binomial_size(v->expected, v->variance);
    return told->count >= o->outbreak_count && told->count / v->expected >= o->outbreak_ratio &&
           told->sources.top * 2 >= told->count && told->trimmed < told->count &&
           negative_binomial_upper(told->count, v->expected, size) <= o->ensemble.decisive_p;
}

static void find_history(const struct trend *t, struct baseline *b, const struct trend_key *key, int64_t hour,
                         bool is_rest, double count)
{
    baseline_find(b, &key->series, &t->n.hours, hour, is_rest, count, t->options.ensemble.mature_bins);
    if (key->flags & TREND_FORBIDDEN)
        b->history.prior_mean = t->options.known_per_hour;
}

/* ------------------------------------------------------------- five minutes */

/* Sources inside alone, and p by the decisive limit alone: what is usual in five minutes is taken from the
 * hour, a twelfth of it with the same overdispersion, since the key's own bursts are not known at that scale.
 */
void trend_judge_fine(struct trend *t, struct str name, struct trend_key *key, const struct tally *tally,
                      int64_t bin)
{
    const struct trend_options *o = &t->options;
    struct baseline b;
    struct ensemble_state none = {0};
    double trimmed = tally_trimmed(tally, o->trim_least);
    if (trimmed < o->outbreak_count || (key->flags & TREND_INDIVIDUAL) ||
        tally_sources(tally).inside < o->inside_sources)
        return;
    int64_t hour = bin / FINE_A_HOUR;
    find_history(t, &b, key, hour, t->world.is_rest(t->world.context, hour), 0);
    struct judged j = {.count = tally->count, .trimmed = trimmed};
    j.verdict = ensemble_judge(&none, &b.history, 0, &o->ensemble);
    if (j.verdict.is_learning)
        return;
    double overdispersion = fmax(j.verdict.variance / j.verdict.expected, 1);
    j.verdict.expected /= FINE_A_HOUR;
    j.verdict.variance = j.verdict.expected * overdispersion;
    double size = negative_binomial_size(j.verdict.expected, j.verdict.variance);
    j.p = negative_binomial_upper(trimmed, j.verdict.expected, size);
    j.q = fmin(1, j.p * keyed_count(t->keys)); /* Bonferroni: stricter than BH, and needs no other key */
    j.verdict.upper = negative_binomial_upper_quantile(o->outbreak_p, j.verdict.expected, size);
    struct trend_told told = describe(name, key, tally, &j);
    told.time_ns = (bin + 1) * FINE_NS;
    told.window_ns = FINE_NS;
    if (is_second_of_three(&key->fine_streak, bin, is_outbreak_bin(o, &told, j.p <= o->ensemble.decisive_p)))
        tell(t, key, &told, TREND_OUTBREAK);
}

/* -------------------------------------------------------------------- hours */

static void judge_key(const struct trend *t, struct judged *j, int64_t hour, bool is_rest)
{
    struct baseline b;
    double counts[ENSEMBLE_POINTS_MAX];
    j->count = j->key->hour.count;
    j->trimmed = tally_trimmed(&j->key->hour, t->options.trim_least);
    find_history(t, &b, j->key, hour, is_rest, j->trimmed);
    j->verdict = ensemble_judge(&j->key->ensemble, &b.history, j->trimmed, &t->options.ensemble);
    j->p = j->verdict.p;
    if (j->verdict.is_learning || b.history.n == 0 || j->trimmed <= 0)
        return;
    for (size_t i = 0; i < b.history.n; i++)
        counts[i] = b.points[i].count;
    j->median = median_of(counts, b.history.n);
    double size = negative_binomial_size(j->verdict.expected, j->verdict.variance);
    /* above its third quartile: at most so much is above by chance */
    j->is_above = negative_binomial_upper(j->trimmed, j->verdict.expected, size) <= 0.25;
    j->winsorised = fmin(j->trimmed, t->options.winsor * fmax(j->median, 1));
}

static void tell_key(struct trend *t, struct judged *j, int64_t hour)
{
    struct trend_key *key = j->key;
    struct trend_told told = describe(j->name, key, &key->hour, j);
    told.time_ns = (hour + 1) * HOUR_NS;
    told.window_ns = HOUR_NS;
    bool is_surge = j->verdict.is_alarm && j->q <= t->options.outbreak_q;
    if (is_second_of_three(&key->hour_streak, hour, is_outbreak_bin(&t->options, &told, is_surge)))
        tell(t, key, &told, TREND_OUTBREAK);
    if (is_surge)
        tell(t, key, &told, TREND_SURGE);
    else if (is_noisy_host(&t->options, &told, &j->verdict))
        tell(t, key, &told, TREND_NOISY_HOST);
    key->alarm_run = is_surge ? key->alarm_run + 1 : 0;
}

/* A rise that lasts is the new usual after a while. */
static void close_key(const struct trend *t, struct judged *j, int64_t hour)
{
    struct trend_key *key = j->key;
    bool is_excluded = key->alarm_run > 0 && key->alarm_run <= t->options.relearn_hours;
    series_put(&key->series, hour, j->trimmed, is_excluded);
    memset(&key->hour, 0, sizeof key->hour);
}

static void correct(struct judged *all, size_t n)
{
    double *p = NEW_ARRAY(double, n + 1);
    for (size_t i = 0; i < n; i++)
        p[i] = all[i].p;
    benjamini_hochberg(p, p, n, n);
    for (size_t i = 0; i < n; i++)
        all[i].q = p[i];
    memory_free(p);
}

void trend_judge_hour(struct trend *t, int64_t hour, bool is_rest)
{
    const void *place = NULL;
    struct keyed_entry e;
    size_t n = 0;
    struct judged *all = NEW_ARRAY(struct judged, keyed_count(t->keys) + 1);
    while (keyed_next(t->keys, &place, &e)) {
        all[n] = (struct judged){.name = e.key, .key = e.record, .p = 1, .q = 1};
        judge_key(t, &all[n++], hour, is_rest);
    }
    correct(all, n);
    for (size_t i = 0; i < n; i++)
        if (all[i].key->hour.count > 0 && !all[i].verdict.is_learning)
            tell_key(t, &all[i], hour);
        else
            all[i].key->alarm_run = 0;
    trend_judge_breadth(t, all, n, hour, is_rest);
    for (size_t i = 0; i < n; i++)
        close_key(t, &all[i], hour);
    memory_free(all);
}
