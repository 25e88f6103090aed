/* Unit tests of the beacon instrument (S104–S106, S101; spec 2.7) and scenario 5.6 over seeds, its decoys
 * among them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "instrument/covert_testing.h"

/* ------------------------------------------------------------------------------- scenario 5.6 */

/* Period 3,600 s, jitter ±20 %, 5 % dropped, 4,300 ± 20 bytes. */
static double beat(struct trial *t, double from, double until)
{
    for (; from < until; from += HOUR * (1 + 0.4 * (uniform() - 0.5)))
        if (uniform() >= 0.05)
            visit(t, from, INFECTED, "cdn-assets.quietpath.example", 4280 + (int)(41 * uniform()), "");
    return from;
}

/* By the end of day 1 in at least 95 % of the seeds. */
static void test_scenario_day_1(void **state)
{
    (void)state;
    const unsigned seeds = 40;
    unsigned found = 0;
    for (unsigned seed = 0; seed < seeds; seed++) {
        struct trial *t = trial_new();
        random_state = seed * 7919 + 3;
        uniform();
        staff(t, MORNING, 20);
        beat(t, MORNING + 100 + uniform() * HOUR, MORNING + DAY);
        trial_advance(t, MORNING + DAY + 1);
        found += beacons(t, INFECTED) == 1;
        assert_true(beacons(t, NULL) <= 1);
        trial_free(t);
    }
    print_message("scenario 5.6, candidate by the end of day 1: %u of %u seeds\n", found, seeds);
    assert_true(found >= seeds * 95 / 100);
}

static void test_scenario_ten_days(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    random_state = 11;
    double at = MORNING + 500;
    for (int day = 0; day < 9; day++) {
        staff(t, MORNING + day * DAY + 9 * HOUR, 20);
        at = beat(t, at, MORNING + (day + 1) * DAY);
        if (day == 4)
            trial_restart(t);
    }
    trial_advance(t, MORNING + 9 * DAY + 1);
    /* one item a day for this host and destination, and one that the domain is rare and new */
    assert_int_equal(beacons(t, INFECTED), 9);
    assert_int_equal(trial_count(t, "rare_destination_kept", INFECTED), 1);
    assert_int_equal(trial_count(t, "dns_tunnel", NULL), 0);
    tunnel(t, MORNING + 9 * DAY + 20.25 * HOUR, 180, INFECTED, "t.quietpath.example", "TXT");
    assert_int_equal(trial_count(t, "dns_tunnel", INFECTED), 1);
    assert_true(trial_seconds(t, "dns_tunnel") <= MORNING + 9 * DAY + 22.25 * HOUR);
    double entropy;
    assert_true(str_to_double(trial_fact(t, "dns_tunnel", "name_entropy"), &entropy));
    assert_float_equal(entropy, 4.5, 0.3);
    assert_true(str_eq(trial_fact(t, "dns_tunnel", "data_record_share"), STR("1")));
    trial_free(t);
}

/* Clocks, updates, monitoring inside, mail that holds its connection, block lists, antivirus look-ups. */
static void test_scenario_decoys(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[20], name[120];
    random_state = 5;
    for (int day = 0; day < 3; day++) {
        double start = MORNING + day * DAY;
        for (int n = 0; n < (int)DAY; n += 64)
            flow(t, start + n, "10.20.30.1", "203.0.113.123", 123, "source.bytes=76;destination.bytes=76");
        for (int n = 1; n <= 20; n++)
            visit(t, start + 12 * HOUR + n, host(n, from), "update.osvendor.example", 40000, "");
        for (int n = 0; n < (int)DAY; n += 60)
            flow(t, start + n, "10.10.0.60", "10.10.0.61", 443, "source.bytes=300;destination.bytes=900");
        for (int k = 0; k < 160; k++)
            for (int n = 1; n <= 20; n++)
                visit(t, start + 9 * HOUR + k * 200 + n, host(n, from), "webmail.example", 700, "");
        for (int k = 0; k < 120; k++) {
            snprintf(name, sizeof name, "%d.%d.%d.%d.zen.spamhaus.org", 1 + k, k % 7, k % 11, 3);
            question(t, start + k * 60, "10.10.0.25", name, "A", ";hyakuyo.asset.role=mail-server");
        }
        for (int k = 0; k < 120; k++)
            for (int n = 1; n <= 20; n++) { /* a service that no list knows */
                snprintf(name, sizeof name, "%016llx%016llx%08x.lookup.avcloud.example",
                         (unsigned long long)(uniform() * 1.8e19), (unsigned long long)(uniform() * 1.8e19),
                         n);
                question(t, start + 9 * HOUR + k * 60 + n, host(n, from), name, "TXT", "");
            }
        for (int k = 0; k < 200; k++) { /* one that the list knows, asked by one host */
            snprintf(name, sizeof name, "%016llx%016llx%08x.avqs.mcafee.com",
                     (unsigned long long)(uniform() * 1.8e19), (unsigned long long)(uniform() * 1.8e19), k);
            question(t, start + 9 * HOUR + k * 30, "10.20.30.9", name, "TXT", "");
        }
    }
    trial_advance(t, MORNING + 3 * DAY + 1);
    assert_int_equal(beacons(t, NULL), 0);
    assert_int_equal(trial_count(t, "dns_tunnel", NULL) + trial_count(t, "dns_tunnel_suspected", NULL) +
                         trial_count(t, "dns_information", NULL),
                     0);
    assert_int_equal(trial_count(t, "rare_destination_kept", NULL), 0);
    trial_free(t);
}

/* ---------------------------------------------------------------------------------------- beacon */

static void test_popular_is_no_beacon(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[20];
    for (int n = 1; n <= 10; n++) /* ten hosts poll the same place */
        for (double at = MORNING + n; at < MORNING + DAY; at += 300)
            visit(t, at, host(n, from), "poll.popular.example", 500, "");
    trial_advance(t, MORNING + DAY + 1);
    assert_true(beacons(t, NULL) <= 2); /* the first two hosts, while nobody else had come */
    trial_free(t);
}

static void test_beacon_exceptions(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    staff(t, MORNING, 20);
    for (double at = MORNING + 100; at < MORNING + DAY; at += 600) {
        visit(t, at, "10.20.30.1", "agent.monitor.example", 500, ";hyakuyo.exception=destination");
        visit(t, at + 1, "10.20.30.2", "settings-win.data.microsoft.com", 500, "");
        flow(t, at + 2, "10.20.30.3", "224.0.0.251", 9999, "source.bytes=60");
        flow(t, at + 3, "198.51.100.9", "10.20.30.4", 443, "source.bytes=60");
    }
    trial_advance(t, MORNING + DAY + 1);
    assert_int_equal(beacons(t, NULL), 0);
    trial_free(t);
}

/* Logs of two systems about one connection, late and out of order, count once; the address keeps quiet once
 * it has a name. */
static void test_beacon_told_twice(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    staff(t, MORNING, 20);
    for (int n = 0; n < 200; n++) {
        double at = MORNING + 1000 + 300.0 * (n ^ 1);
        visit(t, at, INFECTED, "c2.quietpath.example", 500, "");
        flow(t, at, INFECTED, "203.0.113.140", 443, "source.bytes=700;destination.bytes=500");
        visit(t, at, INFECTED, "c2.quietpath.example", 500, "");
    }
    trial_advance(t, MORNING + DAY + 1);
    assert_int_equal(beacons(t, INFECTED), 1);
    double interval;
    assert_true(str_to_double(trial_fact(t, "beacon_strong", "interval_seconds"), &interval));
    assert_float_equal(interval, 300, 1);
    trial_free(t);
}

/* Eight hours a day, every 600 s: only the spectrum sees it. */
static void test_beacon_at_working_hours(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    random_state = 2;
    staff(t, MORNING - DAY, 20);
    for (double at = MORNING + 9 * HOUR; at < MORNING + 17 * HOUR; at += 300)
        visit(t, at + uniform() * 10, INFECTED, "www.shift.example", 400 + (int)(9000 * uniform()), "");
    trial_advance(t, MORNING + DAY + 1);
    assert_int_equal(trial_count(t, "beacon_likely", INFECTED), 1);
    assert_true(str_eq(trial_fact(t, "beacon_likely", "decided_by"), STR("spectrum")));
    trial_free(t);
}

/* Where too few hosts are seen, prevalence is unknown, and only strong ones are told. */
static void test_beacon_in_a_lonely_place(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (double at = 0; at < 50 * 60; at += 12)
        flow(t, MORNING + at, "192.168.1.115", "41.108.179.197", 1177,
             "source.bytes=244;destination.bytes=122");
    assert_int_equal(trial_count(t, "beacon_strong", "192.168.1.115"), 1);
    assert_true(str_eq(trial_fact(t, "beacon_strong", "prevalence"), STR("unknown")));
    trial_free(t);
}

static void test_people_are_no_beacons(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[20], site[40];
    random_state = 77;
    for (int n = 1; n <= 30; n++)
        for (double at = MORNING + 8.5 * HOUR; at < MORNING + 18 * HOUR;) {
            at += 1800 * uniform() * uniform();
            snprintf(site, sizeof site, "www.site%d-%d.example", n, (int)(4 * uniform()));
            for (int k = 0; k < 5; k++, at += 20 * uniform() * uniform())
                visit(t, at, host(n, from), site, (int)(30000 * uniform()), "");
        }
    trial_advance(t, MORNING + DAY + 1);
    print_message("30 people for a day on sites of their own: %zu beacons\n", beacons(t, NULL));
    assert_true(beacons(t, NULL) <= 1);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenario_day_1),          cmocka_unit_test(test_scenario_ten_days),
        cmocka_unit_test(test_scenario_decoys),         cmocka_unit_test(test_popular_is_no_beacon),
        cmocka_unit_test(test_beacon_exceptions),       cmocka_unit_test(test_beacon_told_twice),
        cmocka_unit_test(test_beacon_at_working_hours), cmocka_unit_test(test_beacon_in_a_lonely_place),
        cmocka_unit_test(test_people_are_no_beacons),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
