/* Unit tests of the condition extractor (S105); how conditions are matched: enrich_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

static size_t flow(struct trial *t, double at, const char *from, const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "event.category=network;source.ip=%s;destination.ip=198.51.100.23;destination.port=8080;"
             "network.transport=tcp;%s",
             from, more);
    return trial_event(t, at, text);
}

#define MATCHED "hyakuyo.condition=port:8080;hyakuyo.condition=country:zz;destination.geo.country_iso_code=ZZ"
#define UNKNOWN "hyakuyo.condition=port:8080;hyakuyo.condition=country:unknown"

static void test_matched(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    assert_int_equal(flow(t, 1, "10.20.30.31", MATCHED), 1);
    assert_true(str_eq(trial_fact(t, "condition_matched", "condition"), STR("port:8080 country:zz")));
    assert_true(str_eq(trial_fact(t, "condition_matched", "destination.geo.country_iso_code"), STR("ZZ")));
    assert_int_equal(flow(t, 2, "10.20.30.31", ""), 0);
    for (int n = 0; n < 9; n++)
        flow(t, 3 + n, "10.20.30.31", MATCHED);
    trial_restart(t);
    assert_int_equal(flow(t, 20, "10.20.30.32", MATCHED), 1); /* the host list is the list of findings */
    assert_int_equal(flow(t, 90000, "10.20.30.31", MATCHED), 1);
    assert_true(
        str_eq(trial_fact(t, "condition_matched", "connections"), STR("10"))); /* since the last time */
    assert_int_equal(flow(t, 90001, "10.20.30.33", MATCHED ";hyakuyo.exception=destination"), 0);
    trial_free(t);
}

/* A place that is not known is shown as unknown, not dropped. */
static void test_unknown(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    assert_int_equal(flow(t, 1, "10.20.30.31", UNKNOWN), 1);
    assert_int_equal(flow(t, 2, "10.20.30.32", UNKNOWN), 1);
    assert_true(
        str_eq(trial_fact(t, "condition_unknown", "destination.geo.country_iso_code"), STR("unknown")));
    assert_int_equal(trial_count(t, "condition_matched", NULL), 0);
    /* without a port in the conditions and without a database everything is unknown: told once a day */
    size_t told = 0;
    for (int n = 0; n < 50; n++) {
        char from[20];
        snprintf(from, sizeof from, "10.20.30.%d", n + 1);
        told += flow(t, 10 + n, from, "hyakuyo.condition=country:unknown");
    }
    assert_int_equal(told, 1);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_matched), cmocka_unit_test(test_unknown)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
