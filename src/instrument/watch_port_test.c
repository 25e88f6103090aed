/* Unit tests of watched ports (S60–S62). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

static size_t flow(struct trial *t, double at, const char *from, int port, const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "event.category=network;source.ip=%s;destination.ip=198.51.100.23;destination.port=%d;%s", from,
             port, more);
    return trial_event(t, at, text);
}

#define TCP "network.transport=tcp;"

/* SSH of an administrator is silent, of a clerical PC an event (S60). */
static void test_expected_users(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    assert_int_equal(flow(t, 1, "10.10.0.5", 22,
                          TCP "hyakuyo.asset.role=staff;hyakuyo.asset.role=administrator"),
                     0);
    assert_int_equal(flow(t, 2, "10.20.40.12", 22, TCP "hyakuyo.asset.role=staff;hyakuyo.department=Admin"),
                     1);
    assert_true(str_eq(trial_fact(t, "watched_port", "destination.port"), STR("22")));
    assert_true(trial_fact(t, "watched_port", "reason").n > 0 &&
                trial_fact(t, "watched_port", "reason_ja").n > 0);
    assert_true(str_eq(trial_fact(t, "watched_port", "added"), STR("2026-11-23")));
    trial_free(t);
}

/* Once a day, and at once when it gets through. */
static void test_repeats(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int n = 0; n < 50; n++)
        flow(t, n, "10.20.40.12", 3389, TCP "event.type=denied");
    assert_int_equal(trial_count(t, "watched_port", "10.20.40.12"), 1);
    flow(t, 60, "10.20.40.12", 3389, TCP "event.type=allowed");
    assert_int_equal(trial_count(t, "watched_port", "10.20.40.12"), 2);
    assert_true(str_eq(trial_fact(t, "watched_port", "denied"), STR("50")));
    assert_true(str_eq(trial_fact(t, "watched_port", "not_denied"), STR("1")));
    trial_restart(t);
    flow(t, 70, "10.20.40.12", 3389, TCP "event.type=allowed");
    assert_int_equal(trial_count(t, "watched_port", "10.20.40.12"), 2);
    flow(t, 90000, "10.20.40.12", 3389, TCP "event.type=allowed");
    assert_int_equal(trial_count(t, "watched_port", "10.20.40.12"), 3);
    trial_free(t);
}

/* Every port that S61 names is watched; those of IRC and mail are left to what knows more about them. */
static void test_seeded_list(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    static const int told[] = {1433, 3306, 3389,  5900, 22,   23,   2323, 445,  135,   139,
                               4444, 1337, 31337, 1080, 9001, 9030, 9050, 3333, 14444, 853};
    static const int elsewhere[] = {6660, 6667, 6669, 6697, 7000, 25};
    static const int none[] = {80, 443, 53, 6670, 8080, 446};
    for (size_t n = 0; n < sizeof told / sizeof *told; n++)
        if (flow(t, 1, "10.20.40.12", told[n], TCP) != 1)
            fail_msg("port %d is not watched", told[n]);
    size_t before = trial_count(t, "watched_port", NULL);
    for (size_t n = 0; n < 6; n++) {
        flow(t, 2, "10.20.40.12", elsewhere[n], TCP);
        flow(t, 2, "10.20.40.12", none[n], TCP);
    }
    flow(t, 3, "10.20.40.13", 4444, "network.transport=udp"); /* the entry says tcp */
    trial_event(
        t, 4, "event.category=network;source.ip=10.20.40.12;destination.ip=10.10.0.5;destination.port=3389");
    flow(t, 5, "10.20.40.14", 3389, TCP "hyakuyo.exception=destination");
    flow(t, 6, "203.0.113.9", 3389, TCP);
    flow(t, 7, "10.20.40.15", 22, TCP "source.packets=0;destination.packets=2"); /* nobody asked for that */
    assert_int_equal(trial_count(t, "watched_port", NULL), before);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_expected_users),
        cmocka_unit_test(test_repeats),
        cmocka_unit_test(test_seeded_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
