/* S26: rate ratios against published and exactly known intervals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "reporting/report_education.h"

static void expect(struct rate_ratio r, double ratio, double low, double high, const char *conclusion)
{
    assert_true(fabs(r.ratio - ratio) < 1e-3);
    assert_true(fabs(r.low - low) < 1e-3);
    assert_true(isinf(high) ? isinf(r.high) : fabs(r.high - high) < 1e-3);
    assert_string_equal(rate_ratio_conclusion(r), conclusion);
}

/* Clopper–Pearson of 10 of 30 is (0.17287, 0.52812); 0 of n: 1 − 0.025^(1/n); n of n: 0.025^(1/n). */
static void the_interval_is_the_exact_one(void **state)
{
    (void)state;
    expect(rate_ratio_exact((struct exposed){20, 100}, (struct exposed){10, 100}), 0.5, 0.17287 / 0.82713,
           0.52812 / 0.47188, "no_conclusion");
    expect(rate_ratio_exact((struct exposed){20, 100}, (struct exposed){10, 50}), 1, 2 * 0.17287 / 0.82713,
           2 * 0.52812 / 0.47188, "no_conclusion");
    double p = 1 - pow(0.025, 1 / 8.0);
    expect(rate_ratio_exact((struct exposed){8, 1}, (struct exposed){0, 1}), 0, 0, p / (1 - p), "fewer");
    double q = pow(0.025, 1 / 8.0);
    struct rate_ratio more = rate_ratio_exact((struct exposed){0, 1}, (struct exposed){8, 1});
    assert_true(isinf(more.ratio) && isinf(more.high) && fabs(more.low - q / (1 - q)) < 1e-6);
    assert_string_equal(rate_ratio_conclusion(more), "more");
}

static void half_is_seen_among_400_and_not_among_5(void **state)
{
    (void)state;
    assert_string_equal(rate_ratio_conclusion(
                            rate_ratio_exact((struct exposed){267, 1}, (struct exposed){133, 1})),
                        "fewer");
    assert_string_equal(rate_ratio_conclusion(
                            rate_ratio_exact((struct exposed){3, 1}, (struct exposed){2, 1})),
                        "no_conclusion");
}

static void what_was_not_measured_is_unknown(void **state)
{
    (void)state;
    assert_string_equal(rate_ratio_conclusion(
                            rate_ratio_exact((struct exposed){0, 1}, (struct exposed){0, 1})),
                        "unknown");
    assert_string_equal(rate_ratio_conclusion(
                            rate_ratio_exact((struct exposed){5, 0}, (struct exposed){5, 0})),
                        "unknown");
    assert_string_equal(rate_ratio_conclusion(
                            rate_ratio_against((struct exposed){5, 1}, (struct exposed){5, 1},
                                               (struct exposed){5, 1}, (struct exposed){0, 1})),
                        "unknown");
}

/* When the others fell as much, training had no share in it. */
static void others_who_fell_as_much_take_the_effect_away(void **state)
{
    (void)state;
    struct rate_ratio same = rate_ratio_against((struct exposed){200, 10}, (struct exposed){100, 10},
                                                (struct exposed){400, 20}, (struct exposed){200, 20});
    double reach = exp(1.959964 * sqrt(1 / 200.0 + 1 / 100.0 + 1 / 400.0 + 1 / 200.0));
    expect(same, 1, 1 / reach, reach, "no_conclusion");
    struct rate_ratio fell = rate_ratio_against((struct exposed){200, 10}, (struct exposed){100, 10},
                                                (struct exposed){400, 20}, (struct exposed){400, 20});
    assert_string_equal(rate_ratio_conclusion(fell), "fewer");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_interval_is_the_exact_one),
        cmocka_unit_test(half_is_seen_among_400_and_not_among_5),
        cmocka_unit_test(what_was_not_measured_is_unknown),
        cmocka_unit_test(others_who_fell_as_much_take_the_effect_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
