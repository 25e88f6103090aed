/* The ensemble (stage instrument): history of one key and the count of its bin → votes, expected count, p.
 * Used by outbreak.c, which corrects over all keys of a bin. */
#include "instrument/ensemble.h"

#include <math.h>

#include "instrument/statistics.h"

/* Jeffreys' prior of a rate stands for what a key that was never seen may do: half an event in all of the
 * history. Mean and variance of the predictive NB. */
static void expect_from_points(struct ensemble_verdict *v, const struct ensemble_history *h)
{
    double counts[ENSEMBLE_POINTS_MAX];
    for (size_t i = 0; i < h->n; i++)
        counts[i] = h->points[i].count;
    struct moments m = moments_of(counts, h->n);
    double n = fmax((double)h->n, 1);
    v->expected = (m.mean * (double)h->n + 0.5) / n;
    double spread = fmax(m.variance, v->expected);
    v->variance = spread + v->expected / n;
}

static void expect_from_fit(struct ensemble_verdict *v, const struct farrington_fit *fit,
                            const struct ensemble_history *h)
{
    v->expected = fmax(fit->expected, 0.5 / fmax((double)h->n, 1));
    v->variance = fit->dispersion * v->expected + fit->error * fit->error;
}

static void expect_from_policy(struct ensemble_verdict *v, const struct ensemble_history *h)
{
    v->expected = fmax(h->prior_mean, 1e-6);
    v->variance = v->expected + v->expected * v->expected;
}

/* Deviation on Anscombe's scale, in units of what an overdispersed count does there. */
static double deviation_of(const struct ensemble_verdict *v, double count)
{
    double overdispersion = fmax(v->variance / v->expected, 1);
    return (anscombe(count) - anscombe(v->expected)) / sqrt(overdispersion);
}

static void vote_charts(struct ensemble_verdict *v, struct ensemble_state *s, bool counts_too,
                        const struct ensemble_options *o)
{
    if (ewma_step(&s->ewma, v->deviation, o->ewma_lambda, o->ewma_limit) > 1 && counts_too)
        v->votes |= VOTE_EWMA;
    if (cusum_step(&s->cusum, v->deviation, o->cusum_k, o->cusum_h) > 1 && counts_too)
        v->votes |= VOTE_CUSUM;
    double limit = o->ewma_limit * sqrt(o->ewma_lambda / (2 - o->ewma_lambda));
    s->ewma.z = fmin(s->ewma.z, 2 * limit);
    s->cusum = fmin(s->cusum, 2 * o->cusum_h);
}

static bool is_beyond_fit(const struct farrington_fit *fit, const struct ensemble_history *h, double count,
                          const struct ensemble_options *o)
{
    return fit->is_usable && h->sum_recent + count >= o->least_recent &&
           count > fmax(fit->bound, fit->quantile);
}

/* The regression costs more than all the rest: only what the points alone find unusual is worth it. */
static struct farrington_fit fit_if_unusual(struct ensemble_verdict *v, const struct ensemble_history *h,
                                            double count, const struct ensemble_options *o)
{
    struct farrington_options options = {o->farrington_alpha, o->outlier_threshold, h->n >= 16, 1};
    struct farrington_fit fit = {0};
    double size = negative_binomial_size(v->expected, v->variance);
    if (count < 3 || negative_binomial_upper(count, v->expected, size) > 0.05)
        return fit;
    fit = farrington_fit(h->points, h->n, 0, &options);
    if (fit.is_usable)
        expect_from_fit(v, &fit, h);
    return fit;
}

/* Far ones count as four σ: an outbreak is no noise. */
static void note_dispersion(struct ensemble_state *s, const struct ensemble_verdict *v, double count)
{
    double deviation = count - v->expected, square = deviation * deviation / v->expected;
    double most = 16 * fmax(v->variance / v->expected, 1);
    double weight = fmax(1.0 / (s->ewma.steps + 1), 0.005);
    s->dispersion += weight * (fmin(square, most) - s->dispersion);
}

struct ensemble_verdict ensemble_judge(struct ensemble_state *s, const struct ensemble_history *h,
                                       double count, const struct ensemble_options *o)
{
    struct ensemble_verdict v = {.p = 1};
    struct farrington_fit fit = {0};
    bool is_short = h->bins < o->learning_bins, is_mature = h->bins >= o->mature_bins;
    v.is_learning = is_short && h->prior_mean < 0;
    if (v.is_learning)
        return v;
    if (is_short)
        expect_from_policy(&v, h);
    else
        expect_from_points(&v, h);
    if (is_mature)
        fit = fit_if_unusual(&v, h, count, o);
    v.variance = fmax(v.variance, s->dispersion * v.expected);
    double size = negative_binomial_size(v.expected, v.variance);
    v.p = negative_binomial_upper(count, v.expected, size);
    v.deviation = deviation_of(&v, count);
    note_dispersion(s, &v, count);
    vote_charts(&v, s, is_mature, o);
    struct ears ears = ears_c2(h->recent, h->recent_count, count, o->ears_alpha, o->ears_least_deviation);
    if (ears.is_alarm)
        v.votes |= VOTE_EARS;
    if (v.p <= o->tail_p || is_beyond_fit(&fit, h, count, o))
        v.votes |= VOTE_TAIL;
    v.is_alarm = __builtin_popcount(v.votes) >= 2 || v.p <= o->decisive_p;
    if (v.is_alarm)
        v.upper = negative_binomial_upper_quantile(o->tail_p, v.expected, size);
    return v;
}
