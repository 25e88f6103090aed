/* Unit tests of hosts that only call themselves clean (S76). A scan weighs 30, as another
 * instrument tells it; exploits are what rules found. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0

static void sweep(struct trial *t, double at, int host)
{
    char text[300];
    for (int i = 1; i <= 8; i++) {
        snprintf(text, sizeof text,
                 "event.category=network;event.type=denied;source.ip=10.20.30.%d;hyakuyo.source.host=PC-%03d;"
                 "destination.ip=192.0.2.%d;"
                 "destination.port=445;network.transport=tcp",
                 host, host, i);
        trial_event(t, at + i, text);
    }
}

static void scanned(struct trial *t, double at, int host, const char *state, const char *extent)
{
    char text[300];
    snprintf(text, sizeof text,
             "event.category=configuration;host.name=PC-%03d;hyakuyo.scan.state=%s;hyakuyo.scan.extent=%s",
             host, state, extent);
    trial_event(t, at, text);
}

static void exploit(struct trial *t, double at, int host)
{
    char ip[20], name[20];
    snprintf(ip, sizeof ip, "10.20.30.%d", host);
    snprintf(name, sizeof name, "PC-%03d", host);
    trial_found(t, at, "outward_exploit", 50, ip, name);
}

static void test_network_against_host(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    sweep(t, 10, 31);
    scanned(t, 100, 31, "completed", "full");
    assert_int_equal(trial_count(t, "rootkit_suspected", NULL), 0); /* 30 alone is not medium */
    exploit(t, 200, 31);                                            /* 30 × 50, after a clean scan */
    assert_int_equal(trial_count(t, "rootkit_suspected", NULL), 1);
    assert_true(str_eq(trial_fact(t, "rootkit_suspected", "network_likelihood_ratio"), STR("1500")));
    scanned(t, 300, 31, "completed", "full");
    assert_int_equal(trial_count(t, "rootkit_suspected", NULL), 1);
    sweep(t, 1000, 32);
    exploit(t, 1100, 32);
    exploit(t, 1200, 32); /* the same fact again weighs nothing more */
    trial_restart(t);
    scanned(t, 2000, 32, "completed", "quick");
    scanned(t, 2100, 32, "cancelled", "full");
    assert_int_equal(trial_count(t, "rootkit_suspected", "PC-032"), 0);
    scanned(t, 2200, 32, "completed", "full"); /* the scan knows the name only */
    assert_int_equal(trial_count(t, "rootkit_suspected", "PC-032"), 1);
    assert_true(str_eq(trial_fact(t, "rootkit_suspected", "network_likelihood_ratio"), STR("1500")));
    trial_free(t);
}

/* A scan that did find something is no clean scan; old evidence is none. */
static void test_silent(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    sweep(t, 10, 31);
    exploit(t, 20, 31);
    trial_event(t, 90,
                "event.category=malware;event.kind=alert;host.name=PC-031;host.ip=10.20.30.31;hyakuyo."
                "malware.name=X");
    scanned(t, 100, 31, "completed", "full");
    sweep(t, 200, 32);
    exploit(t, 210, 32);
    scanned(t, 9 * DAY, 32, "completed", "full");
    assert_int_equal(trial_count(t, "rootkit_suspected", NULL), 0);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_network_against_host),
        cmocka_unit_test(test_silent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
