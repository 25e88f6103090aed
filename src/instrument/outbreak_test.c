/* Unit tests of the instrument outbreak: what is counted as what, per network, and what is told (S42–S44,
 * S52–S54, S58, S92, S100). The statistics are in trend_test.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

static void denied(struct trial *t, double at, const char *from, const char *to, int port, const char *more)
{
    char text[800];
    snprintf(text, sizeof text,
             "event.category=network;event.type=denied;source.ip=%s;destination.ip=%s;destination.port=%d;"
             "network.transport=tcp;%s",
             from, to, port, more);
    trial_event(t, at, text);
}

/* Spec 5.2: three hosts send past the mail servers, denied: Orange names {25/tcp direct}. One host: none.
 * Nothing has been learned yet, but the policy says what is usual. */
static void test_direct_mail(void **state)
{
    (void)state;
    for (int hosts = 1; hosts <= 3; hosts++) {
        struct trial *t = trial_new();
        char from[32], to[32];
        for (int i = 0; i < 44; i++)
            for (int h = 0; h < hosts; h++) {
                snprintf(from, sizeof from, "10.20.40.%d", 12 + h);
                snprintf(to, sizeof to, "192.0.2.%d", i + 1);
                denied(t, 47043 + i * 13 + h, from, to, 25, "hyakuyo.direction=outbound");
            }
        trial_advance(t, 48500);
        assert_int_equal(trial_count(t, "trend_outbreak", NULL), hosts == 3);
        if (hosts == 3) {
            assert_true(str_eq(trial_fact(t, "trend_outbreak", "key"), STR("25/tcp direct")));
            assert_true(str_eq(trial_fact(t, "trend_outbreak", "inside_sources"), STR("3")));
        }
        trial_free(t);
    }
}

/* Mail servers may, and so may what is registered; MX questions of clients are like direct mail. */
static void test_who_may(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char text[300];
    for (int i = 0; i < 300; i++) {
        const char *more = i % 3 == 0   ? "hyakuyo.asset.role=mail-server"
                           : i % 3 == 1 ? "hyakuyo.exception=smtp"
                                        : "hyakuyo.exception=scanner";
        snprintf(text, sizeof text, "10.0.%d.25", i % 5);
        denied(t, i * 4, text, "192.0.2.25", 25, more);
    }
    trial_advance(t, 4000);
    assert_int_equal(trial_count(t, "trend_outbreak", NULL), 0);
    for (int i = 0; i < 200; i++) {
        snprintf(
            text, sizeof text,
            "event.category=network;source.ip=10.20.40.%d;dns.question.name=a%d.example;dns.question.type=MX",
            i % 4 + 1, i);
        trial_event(t, 4200 + i * 3, text);
    }
    trial_advance(t, 5700);
    assert_int_equal(trial_count(t, "trend_outbreak", NULL), 1);
    assert_true(str_eq(trial_fact(t, "trend_outbreak", "key"), STR("mx queries of clients")));
    trial_free(t);
}

/* S42–S44: one inside host probes 445 on 30 hosts of net A: net A alone is raised, and the source named. The
 * same from the registered scanner: nothing. */
static void test_one_source_many_hosts(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[32];
    for (int i = 0; i < 30; i++) {
        snprintf(to, sizeof to, "10.20.30.%d", 40 + i);
        denied(t, i, "10.20.50.9", to, 445,
               "hyakuyo.direction=internal;hyakuyo.destination.department=Net A");
        denied(t, i, "10.10.0.99", to, 445,
               "hyakuyo.direction=internal;hyakuyo.destination.department=Net A;hyakuyo.exception=scanner");
        snprintf(to, sizeof to, "10.20.60.%d", i % 3);
        denied(t, i, "10.20.50.9", to, 445,
               "hyakuyo.direction=internal;hyakuyo.destination.department=Net B");
        denied(t, i, "198.51.100.7", to, 445,
               "hyakuyo.direction=inbound;hyakuyo.destination.department=Net B");
    }
    assert_int_equal(trial_count(t, "trend_network_source", NULL), 1);
    assert_int_equal(trial_count(t, "trend_network_source", "10.20.50.9"), 1);
    assert_true(str_eq(trial_fact(t, "trend_network_source", "network"), STR("Net A")));
    trial_free(t);
}

/* Four weeks of a port that is denied at the edge, then twenty times as often in one network, from many
 * addresses: S42 and S54 with outside sources; a restart in between. */
static void test_network_and_outside(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[32];
    const char *nets[] = {"hyakuyo.direction=inbound;hyakuyo.destination.department=Net A",
                          "hyakuyo.direction=inbound;hyakuyo.destination.department=Net B"};
    int hour = 0;
    for (; hour < 29 * 24 + 10; hour++)
        for (int i = 0; i < 6; i++) {
            snprintf(from, sizeof from, "198.51.100.%d", (hour * 7 + i * 31) % 200);
            denied(t, hour * 3600.0 + i * 300, from, "203.0.113.1", 23, nets[i % 2]);
        }
    assert_int_equal(trial_count(t, "trend_outbreak", NULL) + trial_count(t, "trend_surge", NULL), 0);
    trial_restart(t);
    for (int h = 0; h < 2; h++, hour++)
        for (int i = 0; i < 120; i++) {
            snprintf(from, sizeof from, "198.51.100.%d", i * 2);
            denied(t, hour * 3600.0 + i * 30, from, "203.0.113.1", 23, nets[i % 20 == 0]);
        }
    trial_advance(t, hour * 3600.0 + 600);
    assert_int_equal(trial_count(t, "trend_outbreak", NULL), 1);
    assert_true(str_eq(trial_fact(t, "trend_outbreak", "key"), STR("denied 23/tcp inward")));
    assert_int_equal(trial_count(t, "trend_network_surge", NULL), 1);
    assert_true(str_eq(trial_fact(t, "trend_network_surge", "key"), STR("denied 23/tcp inward @ Net A")));
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_direct_mail),
        cmocka_unit_test(test_who_may),
        cmocka_unit_test(test_one_source_many_hosts),
        cmocka_unit_test(test_network_and_outside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
