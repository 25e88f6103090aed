/* Unit tests of the scan instrument: the worked numbers of spec 2.6, S93–S95, S100. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

static size_t contact(struct trial *t, double at, const char *from, const char *to, int port,
                      const char *more)
{
    char text[300];
    snprintf(
        text, sizeof text,
        "event.category=network;source.ip=%s;destination.ip=%s;destination.port=%d;network.transport=tcp;%s",
        from, to, port, more);
    return trial_event(t, at, text);
}

static const char *address(int n, char text[20])
{
    snprintf(text, 20, "192.0.2.%d", n);
    return text;
}

#define DENIED   "event.type=denied"
#define ANSWERED "destination.bytes=900"

/* α = β = .01: (1−β)/α = 99, 4⁴ = 256: four failures in a row (spec 2.6). */
static void test_fourth_failure_decides(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20];
    for (int i = 1; i <= 3; i++)
        assert_int_equal(contact(t, i, "10.20.30.31", address(i, to), 445, DENIED), 0);
    assert_int_equal(contact(t, 4, "10.20.30.31", address(4, to), 445, DENIED), 1);
    assert_int_equal(trial_count(t, "scan_suspected", "10.20.30.31"), 1);
    assert_true(str_eq(trial_fact(t, "scan_suspected", "likelihood_ratio"), STR("256")));
    assert_true(str_eq(trial_fact(t, "scan_suspected", "threshold"), STR("99")));
    trial_free(t);
}

/* Years of good behaviour buy nothing: the reverse test. */
static void test_infected_later(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20];
    for (int i = 1; i <= 200; i++)
        contact(t, i, "10.20.30.31", address(i, to), 443, ANSWERED);
    for (int i = 201; i <= 204; i++)
        contact(t, i, "10.20.30.31", address(i, to), 445, DENIED);
    assert_int_equal(trial_count(t, "scan_suspected", NULL), 1);
    trial_free(t);
}

static void test_quiet_about(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20], from[20];
    for (int i = 1; i <= 100; i++) /* the same destination again and again is one contact */
        contact(t, i, "10.20.30.31", "192.0.2.1", 445, DENIED);
    for (int i = 1; i <= 100; i++) /* every other one answers */
        contact(t, 2000 + 20 * i, "10.20.30.32", address(i, to), 443, i % 2 ? ANSWERED : DENIED);
    for (int i = 1; i <= 100; i++) /* allowed, and nobody knows whether it was answered */
        contact(t, 5000 + i, "10.20.30.33", address(i, to), 443, "event.type=allowed");
    for (int i = 1; i <= 100; i++) /* the registered scanner in its window (S100) */
        contact(t, 6000 + i, "10.10.0.99", address(i, to), 445, DENIED ";hyakuyo.exception=scanner");
    for (int i = 1; i <= 100; i++) /* outside hosts are others' business */
        contact(t, 7000 + i, "198.51.100.7", address(i, to), 445, DENIED);
    for (int i = 1; i <= 100; i++) /* refused mail is told by another instrument (5.2) … */
        contact(t, 7200 + i, "10.20.30.34", address(i, to), 25, DENIED);
    for (int i = 1; i <= 100; i++) /* what is sent to all, which nobody has to answer */
        trial_event(t, 7300 + i,
                    i % 2 ? "event.category=network;source.ip=10.20.30.36;destination.ip=10.20.30.255;"
                            "destination.port=137;network.transport=udp;event.type=denied"
                          : "event.category=network;source.ip=10.20.30.36;destination.ip=239.255.255.250;"
                            "destination.port=1900;network.transport=udp;event.type=denied");
    for (int i = 1; i <= 12; i++) /* a dead end now and then */
        contact(t, 7400 + 2 * 3600.0 * i, "10.20.30.37", address(i, to), 443, DENIED);
    assert_int_equal(trial_count(t, "scan_suspected", NULL) + trial_count(t, "scan_horizontal", NULL), 0);
    for (int i = 1; i <= 4; i++) { /* … but not a search for mail servers inside */
        snprintf(to, sizeof to, "10.10.9.%d", i);
        contact(t, 94000 + i, "10.20.30.35", to, 25, DENIED);
    }
    assert_int_equal(trial_count(t, "scan_suspected", "10.20.30.35"), 1);
    for (int i = 1; i <= 60; i++) { /* four servers are down and all ask for them */
        snprintf(from, sizeof from, "10.20.40.%d", i);
        for (int down = 0; down < 4; down++) {
            snprintf(to, sizeof to, "10.10.0.%d", 60 + down);
            contact(t, 95000 + i, from, to, 445, DENIED);
        }
    }
    assert_true(trial_count(t, "scan_suspected", NULL) <= 1 + 4); /* the first ones, before it is known */
    for (int i = 1; i <= 10; i++)                                 /* the scanner outside its window */
        contact(t, 96000 + i, "10.10.0.99", address(i, to), 445, DENIED);
    assert_int_equal(trial_count(t, "scan_suspected", "10.10.0.99"), 1);
    trial_free(t);
}

/* 25 distinct destinations on one port in 5 minutes; 15 ports of one destination. */
/* Pages that are not there come from servers that are; what a gateway could not reach did not answer. */
static void test_web_answers(void **state)
{
    (void)state;
    for (int status = 404; status <= 504; status += 100) {
        struct trial *t = trial_new();
        char text[20], more[120];
        for (int n = 1; n <= 6; n++) {
            snprintf(
                more, sizeof more,
                "event.category=web;event.outcome=failure;http.response.status_code=%d;destination.bytes=900",
                status);
            contact(t, n, "10.1.1.1", address(n, text), 80, more);
        }
        assert_int_equal(trial_count(t, "scan_suspected", NULL), status == 504);
        trial_free(t);
    }
}

static void test_counts(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20];
    for (int i = 1; i <= 24; i++)
        contact(t, i, "10.20.30.31", address(i, to), 445, DENIED);
    assert_int_equal(trial_count(t, "scan_horizontal", NULL), 0);
    contact(t, 25, "10.20.30.31", address(25, to), 445, DENIED);
    assert_int_equal(trial_count(t, "scan_horizontal", "10.20.30.31"), 1);
    for (int i = 1; i <= 14; i++)
        contact(t, 100 + i, "10.20.30.32", "10.10.0.5", i, DENIED);
    assert_int_equal(trial_count(t, "scan_vertical", NULL), 0);
    contact(t, 120, "10.20.30.32", "10.10.0.5", 15, DENIED);
    assert_int_equal(trial_count(t, "scan_vertical", "10.20.30.32"), 1);
    for (int i = 1; i <= 40; i++) /* one every 20 seconds: 15 in a window */
        contact(t, 1000 + 20 * i, "10.20.30.33", address(i, to), 22, DENIED);
    assert_int_equal(trial_count(t, "scan_horizontal", "10.20.30.33"), 0);
    trial_free(t);
}

/* One every 20 minutes: 50 within a day, mostly failures. */
static void test_slow_scan(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20];
    for (int i = 1; i <= 60; i++) {
        contact(t, 1200.0 * i, "10.20.30.31", address(i, to), 22, DENIED);
        contact(t, 1200.0 * i + 1, "10.20.30.32", address(i, to), 22, i % 2 ? DENIED : ANSWERED);
    }
    assert_int_equal(trial_count(t, "scan_horizontal", NULL), 0);
    assert_true(trial_count(t, "scan_slow", "10.20.30.31") >= 1);
    assert_int_equal(trial_count(t, "scan_slow", "10.20.30.32"), 0);
    assert_true(trial_seconds(t, "scan_slow") == 1200.0 * 50);
    trial_free(t);
}

/* The same port, three inside hosts within an hour, each sweeping by itself (S54's fast path). */
static void test_worm(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20], from[20];
    for (int host = 1; host <= 4; host++)
        for (int i = 1; i <= 30; i++) {
            snprintf(from, sizeof from, "10.20.30.%d", host);
            contact(t, 600 * host + i, from, address(host * 40 + i, to), host == 2 ? 139 : 445, DENIED);
            if (host == 2 && i == 15)
                trial_restart(t); /* in the middle */
        }
    assert_int_equal(trial_count(t, "scan_horizontal", NULL), 4);
    assert_int_equal(trial_count(t, "scan_worm", NULL), 1);
    assert_int_equal(trial_count(t, "scan_worm", "10.20.30.4"), 1);
    assert_true(str_eq(trial_fact(t, "scan_worm", "destination.port"), STR("445")));
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fourth_failure_decides),
        cmocka_unit_test(test_infected_later),
        cmocka_unit_test(test_quiet_about),
        cmocka_unit_test(test_web_answers),
        cmocka_unit_test(test_counts),
        cmocka_unit_test(test_slow_scan),
        cmocka_unit_test(test_worm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
