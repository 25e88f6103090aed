/* Prometheus text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "console/metrics.h"

static void families_are_announced_once(void **state)
{
    struct buf out = {0}, labels = {0};
    struct metrics m = {.out = &out};
    (void)state;
    metrics_label(&labels, "source", STR("a\"b\\c\nd"));
    metrics_counter(&m, "x_total", "Help.", buf_str(&labels), 3);
    metrics_counter(&m, "x_total", "Help.", STR_EMPTY, 1.5);
    metrics_gauge(&m, "y", "Other.", STR_EMPTY, 1e20);
    assert_string_equal(buf_cstr(&out), "# HELP x_total Help.\n# TYPE x_total counter\n"
                                        "x_total{source=\"a\\\"b\\\\c\\nd\"} 3\nx_total 1.5\n"
                                        "# HELP y Other.\n# TYPE y gauge\ny 1e+20\n");
    buf_free(&out);
    buf_free(&labels);
}

static void histograms_are_cumulative(void **state)
{
    struct buf out = {0};
    struct metrics m = {.out = &out};
    struct metrics_histogram h = {0};
    (void)state;
    metrics_observe(&h, 0);
    metrics_observe(&h, 2 * NS_PER_MS);
    metrics_observe(&h, 100 * NS_PER_SECOND);
    metrics_histogram(&m, "d", "Durations.", STR("a=\"b\""), &h);
    assert_true(str_contains(buf_str(&out), STR("d_bucket{a=\"b\",le=\"0.0005\"} 1\n")));
    assert_true(str_contains(buf_str(&out), STR("d_bucket{a=\"b\",le=\"0.0025\"} 2\n")));
    assert_true(str_contains(buf_str(&out), STR("d_bucket{a=\"b\",le=\"10\"} 2\n")));
    assert_true(str_contains(buf_str(&out), STR("d_bucket{a=\"b\",le=\"+Inf\"} 3\n")));
    assert_true(str_contains(buf_str(&out), STR("d_sum{a=\"b\"} 100.002\nd_count{a=\"b\"} 3\n")));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(families_are_announced_once),
                                       cmocka_unit_test(histograms_are_cumulative)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
