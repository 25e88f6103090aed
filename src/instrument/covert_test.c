/* Unit tests of the other covert-channel instruments: dns_tunnel, upload, destination (S63–S69,
 * S104–S106; spec 2.4, 2.9, 2.10). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "instrument/covert_testing.h"
#include "instrument/destination_internal.h"

/* ----------------------------------------------------------------------------------- dns_tunnel */

static void test_tunnel_kinds(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    random_state = 4;
    tunnel(t, 0, 90, "10.20.30.1", "x.tunnel1.example", "TXT");
    assert_int_equal(trial_count(t, "dns_tunnel", NULL), 0);
    assert_int_equal(trial_count(t, "dns_tunnel_suspected", "10.20.30.1"), 1);
    tunnel(t, 2000, 40, "10.20.30.1", "x.tunnel1.example", "TXT");
    assert_int_equal(trial_count(t, "dns_tunnel", "10.20.30.1"), 1);
    tunnel(t, 0, 150, "10.20.30.2", "x.tunnel2.example", "A"); /* three signs are enough */
    assert_int_equal(trial_count(t, "dns_tunnel", "10.20.30.2"), 1);
    tunnel(t, 5000, 150, "10.20.30.3", "x.tunnel3.example", "TXT;hyakuyo.exception=dns");
    tunnel(t, 5000, 150, "10.10.0.53", "x.tunnel3.example", "TXT;hyakuyo.asset.role=dns-server");
    assert_int_equal(trial_count(t, "dns_tunnel", NULL), 2);
    trial_free(t);
}

static void test_tunnel_leaves_alone(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char name[120];
    random_state = 8;
    for (int n = 0; n < 2000; n++) { /* many short names of a content network, and the same long one */
        snprintf(name, sizeof name, "img%d.static-content.cdn77.example", n);
        question(t, n * 10, "10.20.30.1", name, "A", "");
        question(t, n * 10 + 1, "10.20.30.1",
                 "a-rather-long-but-constant-name-of-a-service.eu-west.longname.example", "A", "");
        snprintf(name, sizeof name, "%d.2.20.10.in-addr.arpa", n % 250);
        question(t, n * 10 + 2, "10.20.30.1", name, "PTR", "");
    }
    assert_int_equal(trial_count(t, "dns_tunnel", NULL) + trial_count(t, "dns_tunnel_suspected", NULL), 0);
    trial_free(t);
}

/* 0.7 bytes a second for a day, by names too short for the signs. */
static void test_slow_information(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char name[120];
    random_state = 6;
    for (int n = 0; n < 7200; n++) {
        snprintf(name, sizeof name, "%08x%07x.slow.example", (unsigned)(uniform() * 4e9),
                 (unsigned)(uniform() * 2.6e8));
        question(t, n * 12.0, "10.20.30.1", name, "A", "");
        if (n % 3000 == 2999)
            trial_restart(t);
    }
    assert_int_equal(trial_count(t, "dns_information", "10.20.30.1"), 1);
    double bytes;
    assert_true(str_to_double(trial_fact(t, "dns_information", "information_bytes"), &bytes));
    assert_true(bytes >= 10000 && bytes < 20000);
    trial_free(t);
}

/* --------------------------------------------------------------------------------------- upload */

static void test_upload(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    staff(t, MORNING, 20);
    flow(t, MORNING + 900, "10.20.30.1", "203.0.113.150", 443,
         "source.bytes=49000000;destination.bytes=90000");
    assert_int_equal(trial_count(t, "upload_rare", NULL), 0);
    flow(t, MORNING + 950, "10.20.30.1", "203.0.113.150", 443, "source.bytes=2000000;destination.bytes=1000");
    assert_int_equal(trial_count(t, "upload_rare", "10.20.30.1"), 1);
    flow(t, MORNING + 990, "10.20.30.1", "203.0.113.150", 443, "source.bytes=9000000;destination.bytes=1000");
    flow(t, MORNING + 1000, "10.20.30.2", "203.0.113.151", 443,
         "source.bytes=90000000;destination.bytes=80000000");
    for (int n = 1; n <= 20; n++) { /* where everybody sends to */
        char from[20];
        flow(t, MORNING + 2000 + n, host(n, from), "203.0.113.152", 443,
             "source.bytes=100;destination.bytes=100");
    }
    flow(t, MORNING + 3000, "10.20.30.3", "203.0.113.152", 443,
         "source.bytes=900000000;destination.bytes=1000");
    flow(t, MORNING + 3001, "10.20.30.4", "10.10.0.9", 445, "source.bytes=900000000;destination.bytes=1000");
    assert_int_equal(trial_count(t, "upload_rare", NULL), 1);
    trial_free(t);
}

static void test_upload_volume(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    random_state = 3;
    for (int day = 0; day < 12; day++) {
        for (int n = 1; n <= 20; n++) {
            char from[20], more[80];
            double megabytes = n == 7 && day == 10 ? 900
                               : n == 8            ? 300 + 60 * uniform()
                                                   : 20 + 40 * uniform();
            snprintf(more, sizeof more, "source.bytes=%.0f;destination.bytes=900000000", megabytes * 1e6);
            flow(t, MORNING + day * DAY + 10 * HOUR + n, host(n, from), "203.0.113.152", 443, more);
        }
        trial_advance(t, MORNING + (day + 1) * DAY + 1);
    }
    assert_int_equal(trial_count(t, "upload_volume", "10.20.30.7"), 1);
    assert_true(str_eq(trial_fact(t, "upload_volume", "baseline"), STR("own days")));
    /* the one that always sends much is far from its peers until its own days are known */
    assert_true(trial_count(t, "upload_volume", "10.20.30.8") <= 7);
    assert_int_equal(trial_count(t, "upload_volume", NULL) - trial_count(t, "upload_volume", "10.20.30.8"),
                     1);
    trial_free(t);
}

static void test_long_connections(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    staff(t, MORNING, 20);
    flow(t, MORNING + 900, "10.20.30.1", "203.0.113.160", 22, "event.duration=3500000000000");
    assert_int_equal(trial_count(t, "long_connection", NULL), 0);
    flow(t, MORNING + 900, "10.20.30.2", "203.0.113.161", 22, "event.duration=3700000000000");
    assert_int_equal(trial_count(t, "long_connection", "10.20.30.2"), 1);
    flow(t, MORNING + 900, "10.20.30.3", "203.0.113.162", 22, "event.duration=50000000000000");
    assert_int_equal(trial_count(t, "long_connection_half_day", "10.20.30.3"), 1);
    for (int piece = 0; piece < 5; piece++) /* an exporter cuts it into pieces of half an hour */
        flow(t, MORNING + 9000 + 1800 * piece, "10.20.30.4", "203.0.113.163", 22,
             "event.duration=1800000000000");
    assert_int_equal(trial_count(t, "long_connection", "10.20.30.4"), 1);
    trial_free(t);
}

static void test_resolvers_and_icmp(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    staff(t, MORNING, 30);
    visit(t, MORNING + 100, "10.20.30.1", "cloudflare-dns.com", 500, "");
    flow(t, MORNING + 101, "10.20.30.2", "8.8.8.8", 443, "source.bytes=100");
    flow(t, MORNING + 102, "10.20.30.3", "8.8.8.8", 53, "source.bytes=100");
    visit(t, MORNING + 103, "10.10.0.53", "dns.google", 500, ";hyakuyo.asset.role=dns-server");
    assert_int_equal(trial_count(t, "doh_resolver", "10.20.30.1"), 1);
    assert_int_equal(trial_count(t, "doh_resolver", "10.20.30.2"), 1);
    assert_int_equal(trial_count(t, "doh_resolver", NULL), 2);
    for (int n = 0; n < 1000; n++) {
        trial_event(t, MORNING + 200 + n,
                    "source.ip=10.20.30.1;destination.ip=203.0.113.170;network.transport=icmp;"
                    "source.bytes=1400;source.packets=1");
        for (int k = 0; k < 20; k++) /* twenty times as many ordinary pings */
            trial_event(t, MORNING + 200 + n,
                        "source.ip=10.20.30.2;destination.ip=203.0.113.171;"
                        "network.transport=icmp;source.bytes=84;source.packets=1");
    }
    assert_int_equal(trial_count(t, "icmp_volume", "10.20.30.1"), 1);
    assert_int_equal(trial_count(t, "icmp_volume", NULL), 1);
    trial_free(t);
}

/* ---------------------------------------------------------------------------------- destination */

/* S66, S67: visited by one host, on no list: a candidate next morning, once; a registered exception ends it.
 */
static void test_candidates(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    staff(t, MORNING, 20);
    visit(t, MORNING + 100, "10.20.30.1", "www.planted.example", 900, "");
    visit(t, MORNING + 200, "10.20.30.2", "www.reviewed.example", 900, ";hyakuyo.exception=destination");
    visit(t, MORNING + 300, "10.20.30.3", "download.windowsupdate.com", 900, "");
    assert_int_equal(trial_count(t, "unknown_destination", NULL), 0);
    trial_advance(t, MORNING + DAY + 1);
    assert_int_equal(trial_count(t, "unknown_destination", "10.20.30.1"), 1);
    assert_int_equal(trial_count(t, "unknown_destination", NULL), 1);
    visit(t, MORNING + DAY + 100, "10.20.30.1", "www.planted.example", 900, "");
    trial_advance(t, MORNING + 2 * DAY + 1);
    assert_int_equal(trial_count(t, "unknown_destination", NULL), 1);
    trial_free(t);
}

static void test_candidate_limits(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[20], site[60];
    for (int n = 1; n <= 60; n++)
        for (int k = 0; k < 5; k++) {
            snprintf(site, sizeof site, "www.place%d-%d.example", n, k);
            visit(t, MORNING + n + 100 * k, host(n, from), site, 900, "");
        }
    trial_advance(t, MORNING + DAY + 1);
    assert_int_equal(trial_count(t, "unknown_destination", NULL), 20);
    for (int n = 1; n <= 60; n++)
        assert_true(trial_count(t, "unknown_destination", host(n, from)) <= 1);
    trial_free(t);
}

/* S63: names roll up to what somebody registered; S64, S65: top by clients, bottom exact. */
static void test_ranking(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[20];
    for (int n = 1; n <= 250; n++) {
        host(n, from);
        visit(t, MORNING + n, from, n % 2 ? "www.roll.co.jp" : "b.roll.co.jp", 10, "");
        if (n <= 100)
            visit(t, MORNING + n, from, "half.example", 10, "");
        if (n <= 3)
            visit(t, MORNING + n, from, "three.example", 10, "");
        if (n <= 2)
            visit(t, MORNING + n, from, "two.example", 10, "");
    }
    struct destination *d = trial_state(t, "destination");
    struct destination_rank rank[10];
    assert_int_equal(destination_ranking(d, false, 1762732800, rank, 10), 4);
    assert_true(str_eq(rank[0].name, STR("roll.co.jp")));
    assert_int_equal(rank[0].clients, 250);
    assert_int_equal(rank[0].requests, 250);
    assert_int_equal(rank[1].clients, 100);
    assert_false(rank[0].is_estimate);
    assert_int_equal(destination_ranking(d, true, 1762732800, rank, 10), 1); /* max(2, 0.5 % of 250) */
    assert_true(str_eq(rank[0].name, STR("two.example")));
    trial_free(t);
}

/* What people are shown: both lists, the bottom one whole. */
static void test_lists(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    struct buf rows = {0};
    staff(t, MORNING, 20);
    visit(t, MORNING + 100, "10.20.30.1", "www.planted.example", 900, "");
    assert_true(instruments_list(trial_instruments(t), STR("destination"), &rows));
    assert_true(
        str_contains(buf_str(&rows), STR("\"list\":\"top\",\"rank\":1,\"destination\":\"favourite.example\","
                                         "\"clients\":20,\"is_estimate\":false,\"requests\":20")));
    assert_true(str_contains(
        buf_str(&rows),
        STR("\"list\":\"bottom\",\"rank\":1,\"destination\":\"planted.example\",\"clients\":1")));
    buf_free(&rows);
    trial_free(t);
}

/* Beyond 256 clients an estimate, marked as one. */
static void test_crowd(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[24];
    for (int round = 0; round < 17; round++)
        for (int n = 0; n < 3000; n++) {
            snprintf(from, sizeof from, "10.30.%d.%d", n / 250, n % 250 + 1);
            visit(t, MORNING + round * 3000 + n, from, "crowd.example", 10, "");
        }
    struct destination_rank rank;
    assert_int_equal(destination_ranking(trial_state(t, "destination"), false, 1762732800, &rank, 1), 1);
    print_message("3,000 clients: %u\n", rank.clients);
    assert_true(rank.is_estimate);
    assert_true(rank.clients > 2800 && rank.clients < 3200);
    trial_free(t);
}

/* A firewall tells addresses, the resolver their names: one destination, and the allowed ones stay allowed.
 * An address that two domains share keeps to itself. */
static void test_names_of_addresses(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    staff(t, MORNING, 20);
    question(t, MORNING + 90, INFECTED, "c2.quietpath.example", "A", ";dns.resolved_ip=203.0.113.77");
    question(t, MORNING + 91, "10.20.30.5", "settings.microsoft.com", "A", ";dns.resolved_ip=203.0.113.78");
    question(t, MORNING + 92, "10.20.30.6", "a.first.example", "A", ";dns.resolved_ip=203.0.113.79");
    question(t, MORNING + 93, "10.20.30.6", "b.second.example", "A", ";dns.resolved_ip=203.0.113.79");
    for (double at = MORNING + 100; at < MORNING + 12 * HOUR; at += 300) {
        flow(t, at, INFECTED, "203.0.113.77", 443, "source.bytes=700;destination.bytes=500");
        flow(t, at + 1, "10.20.30.5", "203.0.113.78", 443, "source.bytes=700;destination.bytes=500");
        flow(t, at + 2, "10.20.30.6", "203.0.113.79", 443, "source.bytes=700;destination.bytes=500");
    }
    assert_int_equal(beacons(t, INFECTED), 1);
    assert_int_equal(beacons(t, "10.20.30.5"), 0);
    assert_int_equal(beacons(t, "10.20.30.6"), 1);
    assert_true(str_eq(trial_peer(t, "beacon_strong", INFECTED), STR("c2.quietpath.example")));
    assert_true(str_eq(trial_peer(t, "beacon_strong", "10.20.30.6"), STR("203.0.113.79")));
    trial_free(t);
}

/* S68, S69: one host goes to candidates day after day. */
static void test_frequent_visitor(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char site[60];
    for (int day = 0; day < 6; day++) {
        staff(t, MORNING + day * DAY + 9 * HOUR, 30);
        for (int k = 0; k < 4; k++) {
            snprintf(site, sizeof site, "www.shady%d.example", k);
            visit(t, MORNING + day * DAY + (10 + k) * HOUR, "10.20.30.9", site, 900, "");
        }
        visit(t, MORNING + day * DAY + 10 * HOUR, "10.20.30.10", "www.hobby.example", 900, "");
        trial_advance(t, MORNING + (day + 1) * DAY + 1);
    }
    assert_int_equal(trial_count(t, "frequent_visitor", "10.20.30.9"), 1);
    assert_int_equal(trial_count(t, "frequent_visitor", NULL), 1);
    trial_free(t);
}

/* The co-occurrence gadget: visited within a minute of a known bad place, twice, and hardly elsewhere. */
static void test_beside(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char from[20];
    for (int n = 1; n <= 40; n++)
        for (int k = 0; k < 10; k++)
            visit(t, MORNING + 60 * n + k, host(n, from), "www.favourite.example", 900, "");
    for (int n = 1; n <= 2; n++) {
        visit(t, MORNING + 9000 + 500 * n, host(n, from), "www.innocent.example", 900, "");
        visit(t, MORNING + 10000 + 500 * n, host(n, from), "hop.redirect.example", 900, "");
        visit(t, MORNING + 10010 + 500 * n, host(n, from), "known.bad.example", 900,
              ";threat.indicator.type=domain-name");
        visit(t, MORNING + 10020 + 500 * n, host(n, from), "next.stage.example", 900, "");
    }
    assert_int_equal(trial_count(t, "beside_bad_destination", NULL), 2); /* the hop before, the stage after */
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tunnel_kinds),
        cmocka_unit_test(test_tunnel_leaves_alone),
        cmocka_unit_test(test_slow_information),
        cmocka_unit_test(test_upload),
        cmocka_unit_test(test_upload_volume),
        cmocka_unit_test(test_long_connections),
        cmocka_unit_test(test_resolvers_and_icmp),
        cmocka_unit_test(test_candidates),
        cmocka_unit_test(test_candidate_limits),
        cmocka_unit_test(test_ranking),
        cmocka_unit_test(test_crowd),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_names_of_addresses),
        cmocka_unit_test(test_frequent_visitor),
        cmocka_unit_test(test_beside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
