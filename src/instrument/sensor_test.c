/* Unit tests of the sensor instrument: S113. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0

static size_t launch(struct trial *t, double at, int host, const char *department, bool sensor,
                     const char *list)
{
    char text[400];
    snprintf(
        text, sizeof text,
        "event.category=process;event.type=start;host.name=PC-%03d;host.ip=10.20.30.%d;hyakuyo.department=%s;"
        "process.executable=C:\\Windows\\System32\\x.exe;process.code_signature.exists=true;hyakuyo.launch."
        "list=%s%s",
        host, host, department, list, sensor ? ";hyakuyo.sensor=true" : "");
    return trial_event(t, at, text);
}

static double ratio(const struct trial *t, const char *id)
{
    struct str text = trial_fact(t, id, "likelihood_ratio");
    double value = 0;
    assert_true(str_to_double(text, &value));
    return value;
}

/* The same event: nothing more than the rule's word in engineering, fifteenfold in sales. */
static void test_same_event_two_departments(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    launch(t, 10, 1, "Engineering", false, "not-listed");
    assert_int_equal(trial_count(t, "sensor_program", NULL), 0);
    launch(t, 20, 2, "Sales", true, "not-listed");
    assert_int_equal(trial_count(t, "sensor_program", "10.20.30.2"), 1);
    assert_true(ratio(t, "sensor_program") == 15);
    launch(t, 30, 2, "Sales", true, "not-listed"); /* once a host and day */
    launch(t, 40, 3, "Sales", true, "listed");
    assert_int_equal(trial_count(t, "sensor_program", NULL), 1);
    trial_free(t);
}

/* Its own baseline: quiet years make it heavier, habitual violations lighter, down to silence. */
static void test_own_baseline(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int day = 0; day < 20; day++)
        for (int host = 1; host <= 20; host++) {
            launch(t, day * DAY + host, host, "Quiet", true, "listed");
            launch(t, day * DAY + host, 100 + host, "Noisy", true, "not-listed");
        }
    trial_restart(t);
    launch(t, 21 * DAY, 5, "Quiet", true, "not-listed");
    /* rate = .04 · 200 / 600, ratio = .6 / rate = 45 */
    assert_true(str_eq(trial_fact(t, "sensor_program", "likelihood_ratio"), STR("45")));
    size_t before = trial_count(t, "sensor_program", NULL);
    launch(t, 21 * DAY, 105, "Noisy", true, "not-listed"); /* .6 / (408/600) */
    assert_int_equal(trial_count(t, "sensor_program", NULL), before);
    /* an outbreak on one morning does not excuse itself */
    for (int host = 6; host <= 20; host++)
        launch(t, 21 * DAY + host, host, "Quiet", true, "not-listed");
    assert_true(str_eq(trial_fact(t, "sensor_program", "likelihood_ratio"), STR("45")));
    trial_free(t);
}

static void test_other_violations(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    trial_event(
        t, 10,
        "observer.type=nac;event.type=denied;event.category=network;host.name=PC-1;host.ip=10.20.30.1;"
        "hyakuyo.department=Sales;hyakuyo.sensor=true");
    assert_int_equal(trial_count(t, "sensor_admission", "10.20.30.1"), 1);
    trial_event(t, 20,
                "event.category=network;event.type=denied;source.ip=10.20.30.1;destination.ip=198.51.100.9;"
                "destination.port=6667;hyakuyo.department=Sales;hyakuyo.sensor=true");
    assert_int_equal(trial_count(t, "sensor_communication", NULL), 0); /* 3 < 4: too common without history */
    for (int day = 1; day < 20; day++)
        for (int host = 1; host <= 20; host++)
            launch(t, day * DAY + host, host, "Sales", true, "listed");
    trial_event(t, 21 * DAY,
                "event.category=network;event.type=denied;source.ip=10.20.30.7;destination.ip=198.51.100.9;"
                "destination.port=6667;hyakuyo.department=Sales;hyakuyo.sensor=true");
    assert_int_equal(trial_count(t, "sensor_communication", "10.20.30.7"), 1);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_same_event_two_departments),
        cmocka_unit_test(test_own_baseline),
        cmocka_unit_test(test_other_violations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
