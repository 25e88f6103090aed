/* Unit tests of the scans from outside: S42, S93; spec 2.6. */
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
    snprintf(text, sizeof text,
             "event.category=network;source.ip=%s;destination.ip=%s;destination.port=%d;"
             "network.transport=tcp;%s",
             from, to, port, more);
    return trial_event(t, at, text);
}

#define DENIED   "event.type=denied"
#define ANSWERED "destination.bytes=900"

static const char *numbered(const char *network, int n, char text[32])
{
    snprintf(text, 32, "%s%d", network, n);
    return text;
}

/* 25 hosts on one port in five minutes, from outside: told once, and about the one who sweeps. */
static void test_sweep(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[32];
    for (int i = 1; i <= 24; i++)
        assert_int_equal(contact(t, i, "198.51.100.7", numbered("10.20.30.", i, to), 3389, DENIED), 0);
    trial_restart(t);
    contact(t, 30, "198.51.100.7", "10.20.30.25", 3389, DENIED);
    for (int i = 26; i <= 90; i++)
        contact(t, i + 10, "198.51.100.7", numbered("10.20.30.", i, to), 3389, DENIED);
    assert_int_equal(trial_count(t, "scan_from_outside", "198.51.100.7"), 1);
    assert_int_equal(trial_count(t, "scan_from_outside", NULL), 1);
    trial_free(t);
}

static void test_ports(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int i = 1; i <= 15; i++)
        contact(t, i, "198.51.100.7", "10.10.0.80", 1000 + i, DENIED);
    assert_int_equal(trial_count(t, "port_scan_from_outside", "198.51.100.7"), 1);
    assert_true(str_eq(trial_peer(t, "port_scan_from_outside", "198.51.100.7"), STR("10.10.0.80")));
    trial_free(t);
}

/* Thirty different outsiders within a day: the host is named, once a day. */
static void test_approached(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[32];
    for (int i = 1; i <= 29; i++)
        assert_int_equal(contact(t, 1800.0 * i, numbered("198.51.100.", i, from), "10.10.0.80", 22, DENIED),
                         0);
    for (int i = 30; i <= 40; i++)
        contact(t, 1800.0 * i, numbered("198.51.100.", i, from), "10.10.0.80", 22, DENIED);
    assert_int_equal(trial_count(t, "host_approached", "10.10.0.80"), 1);
    trial_free(t);
}

static void test_quiet_about(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char text[32];
    for (int i = 1; i <= 60; i++) /* whoever is answered has been let in */
        contact(t, i, "198.51.100.7", numbered("10.20.30.", i, text), 443, ANSWERED);
    for (int i = 1; i <= 60; i++) /* our own hosts are another instrument's business */
        contact(t, 100 + i, "10.20.30.31", numbered("10.20.40.", i, text), 445, DENIED);
    for (int i = 1; i <= 60; i++) /* far apart */
        contact(t, 1000.0 * i, "198.51.100.8", numbered("10.20.50.", i, text), 445, DENIED);
    for (int i = 1; i <= 25; i++) /* a few outsiders a day */
        contact(t, 100000 + 3600.0 * i, numbered("203.0.113.", i, text), "10.10.0.81", 22, DENIED);
    assert_int_equal(trial_count(t, "scan_from_outside", NULL) +
                         trial_count(t, "port_scan_from_outside", NULL) +
                         trial_count(t, "host_approached", NULL),
                     0);
    trial_free(t);
}

/* The Internet never sleeps: no more than so many a day. */
static void test_limit(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[32];
    for (int n = 1; n <= 200; n++)
        for (int i = 1; i <= 15; i++)
            contact(t, n * 60 + i, numbered("198.51.100.", n, from), "192.0.2.80", 1000 + i, DENIED);
    assert_int_equal(trial_count(t, "port_scan_from_outside", NULL), 50);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sweep),       cmocka_unit_test(test_ports), cmocka_unit_test(test_approached),
        cmocka_unit_test(test_quiet_about), cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
