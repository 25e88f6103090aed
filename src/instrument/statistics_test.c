/* Every worked number of spec 2.1 to 2.3 and the distributions under them (S36–S38, S44, S49, S50, S54). The
 * reference tails were summed exactly, as fractions. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "instrument/charts.h"
#include "instrument/ensemble.h"
#include "instrument/farrington.h"
#include "instrument/holt_winters.h"
#include "instrument/shrink.h"
#include "instrument/statistics.h"

static void near_to(double value, double expected, double tolerance, int line)
{
    if (!(fabs(value - expected) <= tolerance))
        fail_msg("line %d: %.17g, expected %.17g ± %g", line, value, expected, tolerance);
}
#define NEAR(value, expected, tolerance)     near_to((value), (expected), (tolerance), __LINE__)
#define RELATIVE(value, expected, tolerance) near_to((value) / (expected), 1, (tolerance), __LINE__)

static void test_tails(void **state)
{
    (void)state;
    RELATIVE(binomial_upper(60, 100, 0.2), 2.51581919953345017e-18, 1e-12);
    RELATIVE(binomial_upper(200, 100000, 0.001), 8.88705916765584616e-19, 1e-11);
    RELATIVE(poisson_upper(20, 2), 6.44373139311209370e-14, 1e-12);
    RELATIVE(poisson_upper(100, 50), 3.20006532458512524e-10, 1e-12);
    RELATIVE(poisson_upper(50, 50), 5.18808315472043313e-01, 1e-12);
    RELATIVE(poisson_upper(100500, 100000), 5.71941761081025957e-02, 1e-10);
    RELATIVE(negative_binomial_upper(30, 5, 3), 5.84103142923594632e-05, 1e-12);
    RELATIVE(negative_binomial_upper(200, 5, 3), 4.35296373338293722e-38, 1e-12);
    RELATIVE(chi_squared_upper(10, 4), 4.04276819945128055e-02, 1e-12);
    RELATIVE(student_upper(12.706204736174698, 1), 0.025, 1e-12);
    NEAR(student_upper(-2.2281388519862746, 10), 0.975, 1e-12);
    NEAR(gamma_lower(3, 2) + gamma_upper(3, 2), 1, 1e-15);
    NEAR(negative_binomial_upper(7, 4, INFINITY), poisson_upper(7, 4), 1e-15);
    assert_true(binomial_upper(0, 5, 0.1) == 1 && binomial_upper(6, 5, 0.1) == 0);
    assert_true(negative_binomial_upper(1, 0, 1) == 0);
}

static void test_quantiles(void **state)
{
    (void)state;
    NEAR(normal_upper_quantile(0.001), 3.0902323061678132, 1e-13);
    NEAR(normal_upper_quantile(0.025), 1.9599639845400542, 1e-13);
    NEAR(normal_upper_quantile(0.975), -1.9599639845400542, 1e-13);
    NEAR(normal_upper_quantile(1e-12), 7.034483825, 1e-8);
    NEAR(normal_upper(normal_upper_quantile(1e-100)) / 1e-100, 1, 1e-10);
    for (int n = 0; n < 7; n++) {
        double tail = 1e-6 * pow(7, n);
        double k = negative_binomial_upper_quantile(tail, 12, 4);
        assert_true(negative_binomial_upper(k + 1, 12, 4) <= tail &&
                    negative_binomial_upper(k, 12, 4) > tail);
    }
    assert_true(negative_binomial_upper_quantile(0.01, 0, 1) == 0);
    NEAR(negative_binomial_size(10, 30), 5, 1e-12);
    assert_true(isinf(negative_binomial_size(10, 9)));
}

static void test_intervals(void **state)
{
    (void)state;
    struct interval i = wilson_interval(10, 50, 1.959963984540054); /* a textbook's example */
    NEAR(i.low, 0.1124, 5e-5);
    NEAR(i.high, 0.3304, 5e-5);
    i = wilson_interval(0, 0, 1.96);
    assert_true(i.low == 0 && i.high == 1);
    NEAR(wilson_interval(0, 20, 1.96).low, 0, 1e-12);
}

/* Spec 2.2: hosts and detections of Sales, Engineering, Finance, HR, Admin. */
static void test_departments(void **state)
{
    static const double hosts[] = {80, 150, 20, 15, 35}, found[] = {48, 30, 9, 4, 29};
    (void)state;
    double p[5], q[5];
    for (int d = 0; d < 5; d++)
        p[d] = binomial_upper(found[d], 120, hosts[d] / 300);
    benjamini_hochberg(p, q, 5, 5);
    NEAR(found[4] / (120 * hosts[4] / 300), 2.07, 0.005);
    NEAR(p[4], 1.0e-4, 0.05e-4);
    NEAR(q[4], 5.0e-4, 0.05e-4);
    NEAR(found[0] / (120 * hosts[0] / 300), 1.50, 0.005);
    NEAR(p[0], 0.0010, 0.00005);
    NEAR(q[0], 0.0026, 0.00005);
    NEAR(found[2] / (120 * hosts[2] / 300), 1.12, 0.0051);
    NEAR(p[2], 0.41, 0.005);
    assert_true(q[1] > 0.05 && q[2] > 0.05 && q[3] > 0.05);
    double one = 0.004; /* of a hundred, the others 1 */
    benjamini_hochberg(&one, &one, 1, 100);
    NEAR(one, 0.4, 1e-12);
}

/* Spec 2.3: α .8, β 4 a month. */
static void test_individuals(void **state)
{
    (void)state;
    struct gamma_prior prior = {0.8, 4, 0.2};
    NEAR(shrunk_rate(&prior, 5, 1), 1.16, 0.005);
    NEAR(shrunk_rate(&prior, 5, 12), 0.36, 0.005);
    NEAR(shrunk_rate(&prior, 0, 1), 0.16, 0.005);
    NEAR(shrunk_rate(&prior, 1, 0.1), 0.44, 0.005);
    assert_true(exceedance(&prior, 1, 0.1, 3) < 0.95); /* S38: not flagged */
    assert_true(exceedance(&prior, 8, 1, 3) > 0.95);
    NEAR(exceedance(&prior, 5, 1, 3), gamma_upper(5.8, 5 * 3 * 0.2), 1e-15);
}

static void test_prior(void **state)
{
    (void)state;
    /* equal exposures: v = 3.5 (n), m = 1.5, 1/e = 1: rate 1.5/(3.25 − 1.5) */
    struct exposure_count items[] = {{0, 1}, {0, 1}, {1, 1}, {5, 1}};
    struct gamma_prior prior = gamma_prior_fit(items, 4, 4);
    double between = (2.25 + 2.25 + 0.25 + 12.25) / 4 - 1.5;
    NEAR(prior.mean, 1.5, 1e-12);
    NEAR(prior.rate, 1.5 / between, 1e-12);
    NEAR(prior.shape, 1.5 * 1.5 / between, 1e-12);
    struct exposure_count even[] = {{1, 1}, {1, 1}, {1, 1}};
    prior = gamma_prior_fit(even, 3, 4);
    NEAR(prior.rate, 4, 1e-12); /* less than Poisson: the fallback */
    NEAR(prior.shape, 4, 1e-12);
    prior = gamma_prior_fit(NULL, 0, 4);
    assert_true(prior.rate == 4 && prior.mean > 0);
}

static void test_robust_z(void **state)
{
    (void)state;
    double peers[] = {2, 0, 1, 3, 1, 0, 2, 1, 14};
    NEAR(robust_z(14, peers, 9), 8.8, 0.05);
    double flat[] = {1, 1, 1, 1, 6}; /* MAD 0: mean absolute deviation 1 */
    NEAR(robust_z(6, flat, 5), 5 / 1.2533, 1e-9);
    double same[] = {2, 2, 2};
    NEAR(robust_z(2, same, 3), 0, 0);
}

/* Spec 2.1, 3: 4, 6, 5, 3, 7, 5, 4 → mean 4.86, sd 1.345, U = 9.01. */
static void test_ears(void **state)
{
    static const double seven[] = {4, 6, 5, 3, 7, 5, 4, 50, 60};
    (void)state;
    struct ears e = ears_c1(seven, 7, 9, 0.001, 1);
    assert_true(e.is_usable && !e.is_alarm);
    NEAR(e.mean, 4.86, 0.005);
    NEAR(e.deviation, 1.345, 0.0005);
    NEAR(e.upper, 9.01, 0.005);
    assert_true(ears_c1(seven, 7, 10, 0.001, 1).is_alarm);
    assert_false(ears_c1(seven, 6, 10, 0.001, 1).is_usable);
    assert_false(ears_c2(seven, 8, 10, 0.001, 1).is_usable); /* first usable at baseline + 3 */
    e = ears_c2(seven, 9, 10, 0.001, 1);                     /* the two latest are left out */
    assert_true(e.is_usable && e.is_alarm);
    NEAR(e.mean, 4.86, 0.005);
    static const double flat[11] = {3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};
    assert_false(ears_c1(flat, 7, 4, 0.001, 1).is_alarm); /* sd 0, but at least 1 */
    assert_false(ears_c3(flat, 10, 9, 0.025, 1).is_usable);
    e = ears_c3(flat, 11, 6, 0.025, 1); /* 0 + 0 + max(0, 3 − 1) */
    NEAR(e.statistic, 2, 1e-12);
    assert_true(e.is_alarm);
    assert_false(ears_c3(flat, 11, 5, 0.025, 1).is_alarm);
}

static void test_charts(void **state)
{
    (void)state;
    struct ewma e = {0};
    double ratio = ewma_step(&e, 3.1, 0.25, 3); /* at t = 1 the limit is L·λ: x itself against L */
    NEAR(ratio, 3.1 / 3, 1e-12);
    for (int i = 0; i < 200; i++)
        ratio = ewma_step(&e, 1.5, 0.25, 3);
    NEAR(ratio, 1.5 / (3 * sqrt(0.25 / 1.75)), 1e-9);
    double sum = 0;
    int steps = 0;
    while (cusum_step(&sum, 1.5, 0.5, 5) <= 1)
        steps++;
    assert_int_equal(steps, 5); /* one σ a step above k: beyond 5 at the sixth */
    NEAR(cusum_poisson_reference(4, 8), 4 / log(2), 1e-12);
    NEAR(anscombe(5.625), 2 * sqrt(6), 1e-12);
}

static void test_farrington(void **state)
{
    (void)state;
    struct baseline_point points[24];
    struct farrington_options options = {0.001, 2.58, false, 1};
    double sum = 0;
    for (int i = 0; i < 24; i++) {
        points[i] = (struct baseline_point){5 + i % 7, i - 24, 0};
        sum += points[i].count;
    }
    struct farrington_fit fit = farrington_fit(points, 24, 0, &options);
    assert_true(fit.is_usable);
    NEAR(fit.expected, sum / 24, 1e-6); /* an intercept alone is the mean; φ̂ < 1 counts as 1 */
    NEAR(fit.dispersion, 1, 0);
    NEAR(fit.error, sqrt(sum / 24 / 24), 1e-6);
    NEAR(fit.bound, farrington_bound(sum / 24, sqrt(sum / 24 / 24), 1, 0.001), 1e-5);
    NEAR(fit.quantile, negative_binomial_upper_quantile(0.001, sum / 24, INFINITY), 0);
    points[11].count = 100; /* an old outbreak is weighed down: the mean alone would be 11.6 */
    fit = farrington_fit(points, 24, 0, &options);
    assert_true(fit.expected < 9 && fit.expected > 7);
}

static void test_farrington_trend_and_season(void **state)
{
    (void)state;
    struct baseline_point points[30];
    struct farrington_options options = {0.001, 2.58, true, 1};
    for (int i = 0; i < 30; i++) /* without noise the regression finds it: falling, so that it may go on */
        points[i] = (struct baseline_point){exp(3 - 0.05 * (i - 30)), i - 30, 0};
    struct farrington_fit fit = farrington_fit(points, 30, 0, &options);
    assert_true(fit.is_usable && fit.has_trend);
    RELATIVE(fit.expected, exp(3), 1e-6);
    for (int i = 0; i < 30; i++) /* rising beyond all that was: the trend is left out */
        points[i].count = exp(3 + 0.05 * (i - 30));
    fit = farrington_fit(points, 30, 0, &options);
    assert_true(fit.is_usable && !fit.has_trend);
    options = (struct farrington_options){0.001, 2.58, false, 3};
    for (int i = 0; i < 30; i++)
        points[i] = (struct baseline_point){(i % 3 + 1) * 10, i - 30, (unsigned)i % 3};
    RELATIVE(farrington_fit(points, 30, 2, &options).expected, 30, 1e-6);
    RELATIVE(farrington_fit(points, 30, 0, &options).expected, 10, 1e-6);
}

/* U and s by hand. */
static void test_farrington_formulae(void **state)
{
    (void)state;
    double root = sqrt(4.0 / 9 * cbrt(8) * (2 + 1.0 / 8));
    NEAR(farrington_bound(8, 1, 2, 0.002), pow(4 + 3.0902323061678132 * root, 1.5), 1e-9);
    NEAR(anscombe_residual(27, 64, 1, 0.75), 1.5 * (9.0 / 2 - 8) / 0.5, 1e-9);
    assert_false(farrington_fit(NULL, 0, 0, &(struct farrington_options){0.001, 2.58, true, 1}).is_usable);
}

static void test_holt_winters(void **state)
{
    (void)state;
    struct holt_winters h = {0};
    for (int t = 0; t < 6 * WEEK_HOURS; t++)
        holt_winters_step(&h, (unsigned)t % WEEK_HOURS, 50 + 40 * sin(2 * M_PI * t / 24), 0.2, 0.02, 0.1);
    struct band noon = holt_winters_band(&h, 6, 3), night = holt_winters_band(&h, 18, 3);
    assert_true(noon.is_usable);
    NEAR(noon.expected, 90, 1);
    NEAR(night.expected, 10, 1);
    assert_true(noon.low <= 90 && noon.high >= 90 && noon.high < 100);
    assert_false(holt_winters_band(&(struct holt_winters){0}, 0, 3).is_usable);
}

static const struct ensemble_options usual = {
    .ewma_lambda = 0.25,
    .ewma_limit = 3,
    .cusum_k = 0.5,
    .cusum_h = 5,
    .ears_alpha = 0.001,
    .ears_least_deviation = 1,
    .farrington_alpha = 0.001,
    .outlier_threshold = 2.58,
    .least_recent = 5,
    .tail_p = 1e-3,
    .decisive_p = 1e-6,
    .learning_bins = 8,
    .mature_bins = 672,
};

static void test_ensemble(void **state)
{
    (void)state;
    struct baseline_point points[24];
    double recent[24];
    for (int i = 0; i < 24; i++) {
        recent[i] = 8 + i % 5;
        points[i] = (struct baseline_point){recent[i], i - 24, 0};
    }
    struct ensemble_history h = {points, 24, recent, 24, 7, 40, -1};
    struct ensemble_state s = {0};
    struct ensemble_verdict v = ensemble_judge(&s, &h, 500, &usual);
    assert_true(v.is_learning && !v.is_alarm && v.p == 1); /* warm-up: 学習中 */
    h.prior_mean = 0.5;                                    /* known by policy: no learning */
    assert_true(ensemble_judge(&s, &h, 50, &usual).is_alarm);
    h.prior_mean = -1;
    h.bins = 100; /* EARS and the tail */
    s = (struct ensemble_state){0};
    v = ensemble_judge(&s, &h, 26, &usual);
    assert_true(v.is_alarm && v.votes == (VOTE_EARS | VOTE_TAIL));
    NEAR(v.expected, 10, 0.5);
    assert_false(ensemble_judge(&s, &h, 13, &usual).is_alarm);
    h.bins = 1000;
    s = (struct ensemble_state){0};
    v = ensemble_judge(&s, &h, 50, &usual);
    assert_true(v.is_alarm && v.p <= 1e-6);
    assert_int_equal(v.votes, VOTE_EWMA | VOTE_CUSUM | VOTE_EARS | VOTE_TAIL);
}

/* A small lasting shift: the charts see what no single bin shows. */
static void test_ensemble_slow_shift(void **state)
{
    (void)state;
    struct baseline_point points[24];
    double recent[24];
    for (int i = 0; i < 24; i++) {
        recent[i] = 16 + i % 9;
        points[i] = (struct baseline_point){recent[i], i - 24, 0};
    }
    struct ensemble_history h = {points, 24, recent, 24, 1000, 80, -1};
    struct ensemble_state s = {0};
    int first = -1;
    for (int bin = 0; bin < 40; bin++) /* as usual */
        assert_false(ensemble_judge(&s, &h, 16 + bin % 9, &usual).is_alarm);
    for (int bin = 0; bin < 12 && first < 0; bin++) {
        struct ensemble_verdict v = ensemble_judge(&s, &h, 28, &usual);
        assert_true(v.p > 1e-3);
        if (v.is_alarm)
            first = bin;
    }
    assert_true(first > 0 && first < 12);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_quantiles),
        cmocka_unit_test(test_intervals),
        cmocka_unit_test(test_departments),
        cmocka_unit_test(test_individuals),
        cmocka_unit_test(test_prior),
        cmocka_unit_test(test_robust_z),
        cmocka_unit_test(test_ears),
        cmocka_unit_test(test_charts),
        cmocka_unit_test(test_farrington),
        cmocka_unit_test(test_farrington_trend_and_season),
        cmocka_unit_test(test_farrington_formulae),
        cmocka_unit_test(test_holt_winters),
        cmocka_unit_test(test_ensemble),
        cmocka_unit_test(test_ensemble_slow_shift),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
