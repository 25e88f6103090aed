/* Unit tests of rare ports (S56, S104). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0

static size_t flow(struct trial *t, double at, const char *from, int from_port, int port, const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "event.category=network;source.ip=%s;source.port=%d;destination.ip=198.51.100.23;"
             "destination.port=%d;network.transport=tcp;%s",
             from, from_port, port, more);
    return trial_event(t, at, text);
}

#define ANSWERED "destination.bytes=900"
#define DENIED   "event.type=denied"

static const char *host(int n, char text[20])
{
    snprintf(text, 20, "10.20.%d.%d", n / 200, n % 200 + 1);
    return text;
}

/* A hundred hosts that browse and read mail on 993. */
static void office(struct trial *t, double from)
{
    char ip[20];
    for (int n = 0; n < 100; n++) {
        flow(t, from + n, host(n, ip), 50000, 443, ANSWERED);
        flow(t, from + n, host(n, ip), 50001, 993, ANSWERED);
    }
}

/* Exact: 1 of 100 hosts, −log10(1/100) = 2; 2 of 100, 1.69897; refused, a fifth of it. */
static void test_daily_list(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char ip[20];
    office(t, 3600);
    flow(t, 5000, host(7, ip), 50002, 8291, ANSWERED);
    flow(t, 5001, host(7, ip), 50003, 8291, ANSWERED); /* again: nothing new */
    for (int n = 8; n <= 9; n++)
        flow(t, 5010 + n, host(n, ip), 50002, 5222, ANSWERED);
    for (int n = 20; n <= 22; n++) /* three hosts: more than max(2, 1 %) */
        flow(t, 5020 + n, host(n, ip), 50002, 8081, ANSWERED);
    flow(t, 5050, host(30, ip), 50002, 9999, DENIED); /* 0.4: below the list */
    assert_int_equal(trial_count(t, "rare_port_host", NULL), 0);
    trial_restart(t);
    trial_advance(t, 15 * 3600 + 299); /* midnight in Tokyo, and the late ones */
    assert_int_equal(trial_count(t, "rare_port_host", NULL), 0);
    trial_advance(t, 15 * 3600 + 301);
    assert_int_equal(trial_count(t, "rare_port_host", NULL), 3);
    assert_int_equal(trial_count(t, "rare_port_host", host(7, ip)), 1);
    assert_int_equal(trial_count(t, "rare_port_host", host(8, ip)), 1);
    assert_true(str_eq(trial_fact(t, "rare_port_host", "score"), STR("1.69897")));
    assert_true(str_eq(trial_fact(t, "rare_port_host", "rank"), STR("3")));
    assert_true(str_eq(trial_fact(t, "rare_port_host", "ports"), STR("5222/tcp 198.51.100.23 (2)")));
    assert_true(str_eq(trial_fact(t, "rare_port_host", "active_hosts"), STR("100")));
    trial_free(t);
}

/* What a host is there for is not rare, for it alone. */
static void test_roles(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char ip[20];
    office(t, 3600);
    flow(t, 5000, "10.10.0.25", 50002, 25, ANSWERED ";hyakuyo.asset.role=mail-relay");
    flow(t, 5001, "10.10.0.53", 50002, 853, ANSWERED ";hyakuyo.asset.role=dns-server");
    flow(t, 5002, "10.10.0.26", 50002, 8291, ANSWERED ";hyakuyo.asset.role=mail-server");
    flow(t, 5003, host(7, ip), 50002, 25, ANSWERED);
    trial_advance(t, 16 * 3600);
    assert_int_equal(trial_count(t, "rare_port_host", NULL), 2);
    assert_int_equal(trial_count(t, "rare_port_host", "10.10.0.26"), 1);
    assert_int_equal(trial_count(t, "rare_port_host", host(7, ip)), 1);
    trial_free(t);
}

/* No more than 20 a day, the next day anew, and after 30 days a host's use is forgotten. */
static void test_days(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char ip[20];
    office(t, 3600);
    for (int n = 0; n < 30; n++)
        flow(t, 5000 + n, host(n, ip), 50002, 2000 + n, ANSWERED);
    trial_advance(t, 16 * 3600);
    assert_int_equal(trial_count(t, "rare_port_host", NULL), 20);
    office(t, DAY);
    trial_advance(t, DAY + 16 * 3600);
    assert_int_equal(trial_count(t, "rare_port_host", NULL), 20); /* nobody did it again */
    for (int n = 0; n < 3; n++)                                   /* three hosts over a month are three … */
        flow(t, (2 + n) * DAY, host(n, ip), 50002, 8291, ANSWERED);
    trial_advance(t, 5 * DAY);
    size_t before = trial_count(t, "rare_port_host", NULL);
    flow(t, 6 * DAY, host(50, ip), 50002, 8291, ANSWERED);
    trial_advance(t, 7 * DAY);
    assert_int_equal(trial_count(t, "rare_port_host", NULL), before);
    office(t, 50 * DAY);
    flow(t, 50 * DAY + 200, host(60, ip), 50002, 8291, ANSWERED); /* … and none the month after */
    trial_advance(t, 51 * DAY);
    assert_int_equal(trial_count(t, "rare_port_host", host(60, ip)), 1);
    trial_free(t);
}

/* Replies that were logged as contacts, ports chosen by chance, registered programs. */
static void test_quiet_about(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char ip[20];
    office(t, 3600);
    for (int n = 0; n < 50; n++) {
        flow(t, 5000 + n, "10.20.0.3", 53, 40000 + n, ANSWERED);  /* our name server answers */
        flow(t, 5000 + n, "10.20.0.4", 993, 50000 + n, ANSWERED); /* a known service */
        flow(t, 5000 + n, "10.20.0.5", 50000 + n, 2000 + n, ANSWERED ";hyakuyo.exception=application");
        flow(t, 5000 + n, "10.20.0.6", 50000 + n, 40000 + n, ANSWERED); /* calls */
        flow(t, 5000 + n, "203.0.113.9", 50000 + n, 2000 + n, ANSWERED);
    }
    trial_advance(t, 16 * 3600);
    assert_int_equal(trial_count(t, "rare_port_host", NULL), 1);
    assert_int_equal(trial_count(t, "rare_port_host", "10.20.0.6"), 1); /* fifty chance ports weigh as one */
    assert_true(str_eq(trial_fact(t, "rare_port_host", "score"), STR("2")));
    (void)ip;
    trial_free(t);
}

/* A new port is told when it is first used, once the instrument has learned for a week (S56). */
static void test_first_seen(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char ip[20];
    for (int day = 0; day < 8; day++)
        office(t, day * DAY + 60);
    flow(t, 7.5 * DAY, host(1, ip), 50002, 8291, DENIED); /* refused: nobody uses it */
    assert_int_equal(trial_count(t, "port_first_seen", NULL), 0);
    flow(t, 7.6 * DAY, host(1, ip), 50002, 8291, ANSWERED);
    assert_int_equal(trial_count(t, "port_first_seen", host(1, ip)), 1);
    assert_true(str_eq(trial_fact(t, "port_first_seen", "destination.port"), STR("8291/tcp")));
    flow(t, 7.605 * DAY, host(2, ip), 50002, 8291, ANSWERED);
    assert_int_equal(trial_count(t, "port_first_seen", NULL), 1);
    for (int n = 0; n < 40; n++)
        flow(t, 7.61 * DAY, host(3, ip), 50002, 2000 + n, ANSWERED);
    assert_int_equal(trial_count(t, "port_first_seen", NULL),
                     20); /* no more in a day, and the last says so */
    assert_true(str_contains(trial_fact(t, "port_first_seen", "more_today"), STR("limit")));
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_daily_list),  cmocka_unit_test(test_roles),      cmocka_unit_test(test_days),
        cmocka_unit_test(test_quiet_about), cmocka_unit_test(test_first_seen),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
