/* Unit tests of the inventory of listening ports: S97–S100, spec 2.13. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0
#define RECORD                                                                                               \
    "event.dataset=hyakuyo.port_scan;host.ip=10.10.0.%d;hyakuyo.asset.type=server;hyakuyo.port.scan_id=s%d;" \
    "hyakuyo.port.coverage=%s;"

static size_t open_port(struct trial *t, int day, int host, int port, const char *more)
{
    char text[400];
    snprintf(text, sizeof text, RECORD "event.action=port-open;server.port=%d;network.transport=tcp;%s", host,
             day, "light", port, more);
    return trial_event(t, day * DAY + 1, text);
}

static size_t done(struct trial *t, int day, int host, const char *what)
{
    char text[400];
    snprintf(text, sizeof text, RECORD "event.action=%s", host, day, "light", what);
    return trial_event(t, day * DAY + 2, text);
}

static void scan(struct trial *t, int day, int host)
{
    open_port(t, day, host, 22, "hyakuyo.port.banner=OpenSSH 9.2");
    open_port(t, day, host, 80, "");
    done(t, day, host, "host-scanned");
}

/* The first scan is the baseline; then a new port, once, twice; a known backdoor port at once (S97). */
static void test_new_port(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    scan(t, 1, 21);
    assert_int_equal(trial_count(t, "listening_port_new", NULL), 0);
    scan(t, 2, 21);
    assert_int_equal(open_port(t, 2, 21, 8443, ""), 1);
    assert_int_equal(trial_count(t, "listening_port_unconfirmed", "10.10.0.21"), 1);
    trial_restart(t);
    scan(t, 3, 21);
    open_port(t, 3, 21, 8443, "");
    assert_int_equal(trial_count(t, "listening_port_new", "10.10.0.21"), 1);
    assert_true(str_eq(trial_fact(t, "listening_port_new", "server.port"), STR("8443")));
    open_port(t, 3, 21, 31337, "");
    assert_int_equal(trial_count(t, "listening_port_new", NULL), 2);
    for (int day = 4; day <= 8; day++) { /* open and unregistered: not every day */
        scan(t, day, 21);
        open_port(t, day, 21, 8443, "");
    }
    assert_int_equal(trial_count(t, "listening_port_new", NULL), 2);
    trial_free(t);
}

/* A second probe in the same scan decides at once; the same record twice is no second look. */
static void test_probes(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    scan(t, 1, 21);
    open_port(t, 2, 21, 8443, "");
    open_port(t, 2, 21, 8443, "");
    assert_int_equal(trial_count(t, "listening_port_new", NULL), 0);
    open_port(t, 2, 21, 8443, "hyakuyo.port.confirmed=true");
    assert_int_equal(trial_count(t, "listening_port_new", NULL), 1);
    trial_free(t);
}

/* Flapping: gone for one scan is nothing, gone for two is closed and new when it returns. */
static void test_flapping(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    scan(t, 1, 21);
    done(t, 2, 21, "host-scanned");
    scan(t, 3, 21);
    scan(t, 4, 21);
    assert_int_equal(trial_count(t, "listening_port_new", NULL) +
                         trial_count(t, "listening_port_unconfirmed", NULL),
                     0);
    done(t, 5, 21, "host-scanned");
    done(t, 6, 21, "host-scanned");
    scan(t, 7, 21);
    assert_int_equal(trial_count(t, "listening_port_unconfirmed", NULL), 2);
    trial_free(t);
}

/* Registered services are silent while the registration holds (S91 for listening). */
static void test_registered(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    scan(t, 1, 21);
    for (int day = 2; day <= 5; day++)
        open_port(t, day, 21, 8443, "hyakuyo.exception=listening");
    assert_int_equal(trial_count(t, "listening_port_new", NULL), 0);
    open_port(t, 6, 21, 8443, ""); /* expired */
    assert_int_equal(trial_count(t, "listening_port_new", NULL), 1);
    trial_free(t);
}

/* A wider scan makes nothing new; a port known for backdoors that was there first is told all the same. */
static void test_coverage_and_baseline(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    scan(t, 1, 21);
    trial_event(t, 2 * DAY,
                "event.dataset=hyakuyo.port_scan;host.ip=10.10.0.21;hyakuyo.port.scan_id=full;hyakuyo.port."
                "coverage=all;"
                "event.action=port-open;server.port=49152;network.transport=tcp");
    assert_int_equal(trial_count(t, "listening_port_unconfirmed", NULL), 0);
    scan(t, 3, 21);
    for (int day = 4; day <= 7;
         day++) { /* daily light ones, and a full one now and then that saw port 22 too */
        scan(t, day, 21);
        trial_event(t, day * DAY + 9,
                    "event.dataset=hyakuyo.port_scan;host.ip=10.10.0.21;hyakuyo.port.scan_id=full;hyakuyo."
                    "port.coverage=all;"
                    "event.action=port-open;server.port=22;network.transport=tcp");
    }
    assert_int_equal(trial_count(t, "listening_port_unconfirmed", NULL), 0);
    open_port(t, 1, 22, 12345, "");
    assert_int_equal(trial_count(t, "listening_port_known_for_backdoors", "10.10.0.22"), 1);
    assert_int_equal(trial_count(t, "listening_port_new", NULL), 0);
    trial_free(t);
}

/* Rarity in the class weighs a new port; another server behind a known port is told, another version is not.
 */
static void test_class_and_banner(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int host = 1; host <= 10; host++)
        scan(t, 1, host);
    for (int host = 1; host <= 9; host++)
        open_port(t, 1, host, 8443, "");
    open_port(t, 2, 10, 8443, "hyakuyo.port.confirmed=true");
    assert_true(str_eq(trial_fact(t, "listening_port_new", "hosts_of_class_with_port"), STR("10")));
    assert_true(str_eq(trial_fact(t, "listening_port_new", "hosts_of_class"), STR("10")));
    open_port(t, 2, 1, 22, "hyakuyo.port.banner=OpenSSH 9.7");
    open_port(t, 3, 1, 22, "hyakuyo.port.banner=OpenSSH 9.7");
    assert_int_equal(trial_count(t, "listening_banner_changed", NULL), 0);
    open_port(t, 4, 1, 22, "hyakuyo.port.banner=dropbear");
    assert_int_equal(trial_count(t, "listening_banner_changed", NULL), 0);
    open_port(t, 5, 1, 22, "hyakuyo.port.banner=dropbear");
    assert_int_equal(trial_count(t, "listening_banner_changed", "10.10.0.1"), 1);
    trial_free(t);
}

/* S99: hosts that are off are counted, and told when it lasts. */
static void test_overdue(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    scan(t, 1, 21);
    for (int day = 2; day <= 5; day++)
        done(t, day, 21, "host-not-scanned");
    assert_int_equal(trial_count(t, "port_scan_overdue", NULL), 0);
    done(t, 6, 21, "host-not-scanned");
    assert_int_equal(trial_count(t, "port_scan_overdue", "10.10.0.21"), 1);
    done(t, 7, 21, "host-not-scanned");
    assert_int_equal(trial_count(t, "port_scan_overdue", NULL), 1);
    scan(t, 8, 21); /* what was open before is no news */
    assert_int_equal(trial_count(t, "listening_port_unconfirmed", NULL), 0);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_new_port),
        cmocka_unit_test(test_probes),
        cmocka_unit_test(test_flapping),
        cmocka_unit_test(test_registered),
        cmocka_unit_test(test_coverage_and_baseline),
        cmocka_unit_test(test_class_and_banner),
        cmocka_unit_test(test_overdue),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
