/* The formulae of what remains, by their worked numbers. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/arena.h"
#include "risk/residual_report.h"

static void assert_near(double got, double wanted, double within)
{
    if (!(fabs(got - wanted) <= within))
        fail_msg("%.8f is not %.8f", got, wanted);
}

/* Reference values: R, qgamma() and qbeta(). */
static void quantiles_are_those_of_the_tables(void **state)
{
    (void)state;
    assert_near(gamma_quantile(0.975, 0.5, 1), 2.511943, 1e-5); /* qchisq(.975, 1)/2 */
    assert_near(gamma_quantile(0.5, 1, 2), 0.346574, 1e-6);     /* ln 2/2 */
    assert_near(beta_quantile(0.5, 2, 2), 0.5, 1e-9);
    assert_near(beta_quantile(0.975, 1, 1), 0.975, 1e-9);
}

/* S5: later scans and other layers 5, real-time 95. Wilson's 95 %: .0215 to .1118. */
static void the_miss_ratio_has_wilsons_interval(void **state)
{
    (void)state;
    struct estimate m = miss_ratio(5, 95);
    assert_near(m.value, 5.5 / 101, 1e-12);
    assert_near(m.low, 0.02154, 1e-4);
    assert_near(m.high, 0.11175, 1e-4);
    m = miss_ratio(0, 0);
    assert_near(m.value, 0.5, 0); /* nothing is known */
    assert_near(m.high, 1, 0);
}

/* S70: "drop AV coverage 99 → 80 %: R_known rises accordingly". */
static void lower_coverage_raises_what_remains_of_known_malware(void **state)
{
    (void)state;
    struct estimate detections = estimate_rate(60, 1);
    struct estimate before = risk_known(detections, estimate_share(990, 1000));
    struct estimate after = risk_known(detections, estimate_share(800, 1000));
    assert_near(before.value, 60.5 * (10.5 / 1001), 1e-9);
    assert_near(after.value, 60.5 * (200.5 / 1001), 1e-9);
    assert_near(after.value / before.value, 200.5 / 10.5, 1e-9);
    assert_true(before.low < before.value && before.value < before.high && before.high < after.low);
}

/* S70–S78: no category ever displays exactly 0, however good everything is. */
static void nothing_is_ever_zero(void **state)
{
    (void)state;
    struct estimate all = estimate_share(500, 500), none = estimate_share(0, 500),
                    quiet = estimate_rate(0, 12);
    struct estimate missed = miss_ratio(0, 1000);
    struct estimate results[] = {risk_known(quiet, all), risk_mail(0, 0.05, missed),
                                 risk_web(quiet, 0.01, all, 0.8), risk_worm(none, 500, quiet),
                                 risk_unknown(quiet, missed, all)};
    for (size_t i = 0; i < sizeof results / sizeof results[0]; i++)
        assert_true(results[i].low > 0 && results[i].value >= results[i].low &&
                    results[i].high > results[i].value);
}

/* S39: "halving launch-control coverage doubles the term": 2/3 → 1/3 leaves 1/3 → 2/3. */
static void halving_launch_control_doubles_the_unknown(void **state)
{
    (void)state;
    struct estimate rate = estimate_gamma(5.8, 16), missed = miss_ratio(5, 95);
    double with = risk_unknown(rate, missed, estimate_exact(2.0 / 3)).value;
    double half = risk_unknown(rate, missed, estimate_exact(1.0 / 3)).value;
    assert_near(half / with, 2, 1e-12);
    assert_near(with, 5.8 / 16 * (5.5 / 101) / 3, 1e-12); /* spec 2.3: 5 in 12 months → .36 */
}

/* S71, S72, S73, S77 with round numbers. */
static void the_other_categories_are_their_products(void **state)
{
    (void)state;
    assert_near(risk_mail(20, 0.05, estimate_exact(0.1)).value, 0.1, 1e-12);
    assert_near(risk_web(estimate_exact(30), 0.01, estimate_exact(0.5), 0.8).value, 30 * 0.01 * 0.6, 1e-12);
    assert_near(risk_worm(estimate_exact(0.1), 200, estimate_exact(0.05)).value, 1, 1e-12);
    struct estimate rest = estimate_rest((struct estimate){0.5, 0.4, 0.6}, 0.8);
    assert_near(rest.low, 0.52, 1e-12);
    assert_near(rest.high, 0.68, 1e-12);
}

/* S26: half as many with n = 400 person-months is seen; with 5 there is no conclusion. */
static void education_has_an_effect_or_no_conclusion(void **state)
{
    (void)state;
    struct effect e = rate_ratio(80, 400, 40, 400);
    assert_near(e.ratio, 0.5, 1e-12);
    assert_true(e.is_conclusive && e.low > 0.3 && e.low < 0.36 && e.high > 0.70 && e.high < 0.75);
    e = rate_ratio(2, 5, 1, 5);
    assert_near(e.ratio, 0.5, 1e-12);
    assert_false(e.is_conclusive);
    e = rate_ratio(0, 5, 0, 5);
    assert_true(isnan(e.ratio) && !e.is_conclusive);
    e = rate_ratio(10, 100, 0, 100);
    assert_near(e.low, 0, 0);
    assert_true(e.is_conclusive);
    assert_near(e.high, (1 / pow(0.05, 0.1)) - 1, 1e-6); /* ½(1 − π)^10 = .025 */
    e = rate_ratio(0, 100, 3, 100);
    assert_true(isinf(e.high) && isinf(e.ratio) && !e.is_conclusive);
    e = rate_ratio(80, 800, 40, 400); /* by exposure */
    assert_near(e.ratio, 1, 1e-12);
}

/* What fell everywhere fell not by training. */
static void others_are_compared_with(void **state)
{
    (void)state;
    const double trained[] = {80, 400, 40, 400}, same[] = {160, 800, 80, 800},
                 steady[] = {160, 800, 160, 800};
    assert_false(ratio_of_ratios(trained, same).is_conclusive);
    struct effect e = ratio_of_ratios(trained, steady);
    assert_true(e.is_conclusive && e.high < 1);
}

/* S2: 10 names of which 4 new → 40 %. */
static void new_names_are_a_share(void **state)
{
    (void)state;
    assert_near(new_share(10, 4), 0.4, 1e-12);
    assert_near(new_share(0, 0), 0, 0);
}

/* ------------------------------------------------------------------ report */

static struct risk_content *load(void)
{
    struct error err;
    struct risk_content *c = risk_content_load(SOURCE_ROOT "/content/risk.yml", &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

static struct residual_inputs healthy(const struct risk_content *c)
{
    return (struct residual_inputs){.content = c,
                                    .has_fleet = true,
                                    .fleet = {.hosts = 1000,
                                              .antivirus = 990,
                                              .effective = 990,
                                              .launch = 500,
                                              .antivirus_told = 1000,
                                              .launch_told = 500,
                                              .patch_told = 1000,
                                              .unpatched = 100},
                                    .totals = {[MEASURE_MALWARE] = 60,
                                               [MEASURE_REALTIME] = 55,
                                               [MEASURE_LATER] = 5,
                                               [MEASURE_MAIL_ALIVE] = 1,
                                               [MEASURE_WEB_ALIVE] = 1,
                                               [MEASURE_WEB_BY_PERSON] = 30,
                                               [MEASURE_ATTACKS] = 200},
                                    .rows = {[MEASURE_MAIL_BY_PERSON] = 15},
                                    .careful = 20};
}

static struct residual_row row_of(const struct residual_inputs *in, enum residual_category c)
{
    struct residual_row row;
    residual_calculate(in, c, &row);
    return row;
}

/* S70–S74 from one month of a company of 1,000 hosts, by hand. */
static void the_report_calculates_each_category(void **state)
{
    (void)state;
    struct risk_content *c = load();
    struct residual_inputs in = healthy(c);
    double missed = 5.5 / 61, launch = 500.5 / 1001;
    assert_near(row_of(&in, CATEGORY_KNOWN).estimate.value, 60.5 * 10.5 / 1001, 1e-9);
    assert_near(row_of(&in, CATEGORY_MAIL).estimate.value, 20 * 0.05 * missed, 1e-9);
    assert_near(row_of(&in, CATEGORY_WEB).estimate.value, 30.5 * 0.01 * (1 - launch * 0.8), 1e-9);
    assert_near(row_of(&in, CATEGORY_VULNERABILITY).estimate.value, 1000 * (100.5 / 1001) * (200.5 / 1000),
                1e-9);
    assert_near(row_of(&in, CATEGORY_ZERO_DAY).estimate.value, 0.01, 1e-12);
    assert_false(row_of(&in, CATEGORY_TARGETED).is_known);
    in.fleet.effective = 800; /* 99 → 80 % */
    assert_near(row_of(&in, CATEGORY_KNOWN).estimate.value, 60.5 * 200.5 / 1001, 1e-9);
    risk_content_free(c);
}

/* Each input that is missing makes its categories unknown, and is named. */
static void what_is_missing_is_named(void **state)
{
    (void)state;
    struct risk_content *c = load();
    struct residual_inputs in = healthy(c);
    for (unsigned k = 0; k < CATEGORY_TARGETED; k++)
        assert_true(row_of(&in, (enum residual_category)k).is_known);
    in.totals[MEASURE_MAIL_ALIVE] = 0;
    assert_string_equal(row_of(&in, CATEGORY_MAIL).missing, "mail");
    in.fleet.launch_told = 0;
    assert_string_equal(row_of(&in, CATEGORY_WEB).missing, "launch_control");
    in.totals[MEASURE_ATTACKS] = 0;
    assert_string_equal(row_of(&in, CATEGORY_VULNERABILITY).missing, "intrusion_detection");
    in.fleet.patch_told = 0;
    assert_string_equal(row_of(&in, CATEGORY_VULNERABILITY).missing, "patches");
    in.has_fleet = false;
    assert_string_equal(row_of(&in, CATEGORY_KNOWN).missing, "antivirus");
    risk_content_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quantiles_are_those_of_the_tables),
        cmocka_unit_test(the_miss_ratio_has_wilsons_interval),
        cmocka_unit_test(lower_coverage_raises_what_remains_of_known_malware),
        cmocka_unit_test(nothing_is_ever_zero),
        cmocka_unit_test(halving_launch_control_doubles_the_unknown),
        cmocka_unit_test(the_other_categories_are_their_products),
        cmocka_unit_test(education_has_an_effect_or_no_conclusion),
        cmocka_unit_test(others_are_compared_with),
        cmocka_unit_test(new_names_are_a_share),
        cmocka_unit_test(the_report_calculates_each_category),
        cmocka_unit_test(what_is_missing_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
