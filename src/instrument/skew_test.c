/* Unit tests of the instrument skew: S37 and the worked example of spec 2.2, S50 with its sessions. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0

static void event(struct trial *t, double at, const char *department, int host, const char *more)
{
    char text[400];
    snprintf(text, sizeof text, "host.name=%s-%d;hyakuyo.department=%s;%s", department, host, department,
             more);
    trial_event(t, at, text);
}

#define PROCESS "event.category=process;event.type=start;process.name=a.exe"

/* Sales 80/48, Engineering 150/30, Finance 20/9, HR 15/4, Admin 35/29, within one day: Admin q .0005 and
 * Sales q .0026, the others not. The same malware again on the same host within 24 h counts once. */
static void test_worked_example(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int hosts, found;
    } departments[] = {{"Sales", 80, 48}, {"Eng", 150, 30}, {"Fin", 20, 9}, {"HR", 15, 4}, {"Admin", 35, 29}};
    struct trial *t = trial_new();
    for (int d = 0; d < 5; d++)
        for (int h = 0; h < departments[d].hosts; h++) {
            event(t, d * 100, departments[d].name, h, PROCESS);
            for (int again = 0; h < departments[d].found && again < 3; again++)
                event(t, 1000 + d * 100 + again, departments[d].name, h,
                      "event.category=malware;event.kind=alert;hyakuyo.malware.name=Worm.X");
        }
    assert_int_equal(trial_count(t, "skew_detections", NULL), 0);
    trial_advance(t, DAY + 1); /* midnight in Tokyo has passed */
    assert_int_equal(trial_count(t, "skew_detections", NULL), 2);
    assert_true(str_eq(trial_fact(t, "skew_detections", "department"), STR("Admin")) ||
                str_eq(trial_fact(t, "skew_detections", "department"), STR("Sales")));
    bool is_admin = str_eq(trial_fact(t, "skew_detections", "department"), STR("Admin"));
    double q, ratio, p;
    assert_true(str_to_double(trial_fact(t, "skew_detections", "q"), &q));
    assert_true(str_to_double(trial_fact(t, "skew_detections", "ratio"), &ratio));
    assert_true(str_to_double(trial_fact(t, "skew_detections", "p"), &p));
    if (is_admin)
        assert_true(q > 4.9e-4 && q < 5.1e-4 && ratio > 2.06 && ratio < 2.08 && p < 1.1e-4);
    else
        assert_true(q > 0.00245 && q < 0.00265 && ratio > 1.49 && ratio < 1.51 && p < 0.0011);
    trial_advance(t, 2 * DAY + 1); /* told once a week */
    assert_int_equal(trial_count(t, "skew_detections", NULL), 2);
    trial_free(t);
}

/* S50: refusals per attempt. One laptop that tries 200 times in an hour is one refusal: no department stands
 * out. */
static void test_refusals(void **state)
{
    (void)state;
    for (int loud = 0; loud < 2; loud++) {
        struct trial *t = trial_new();
        for (int d = 0; d < 5; d++)
            for (int h = 0; h < 20; h++) {
                char name[8];
                snprintf(name, sizeof name, "D%d", d);
                bool is_refused = h < (loud && d == 2 ? 12 : 1);
                int times = is_refused && !loud && d == 2 ? 200 : 1;
                for (int i = 0; i < times; i++)
                    event(t, h * 60 + i * 15, name, h,
                          is_refused ? "observer.type=nac;event.category=network;event.type=denied"
                                     : "observer.type=nac;event.category=network;event.type=allowed");
            }
        trial_restart(t);
        trial_advance(t, DAY + 1);
        assert_int_equal(trial_count(t, "skew_refusals", NULL), loud);
        if (loud) {
            assert_true(str_eq(trial_fact(t, "skew_refusals", "department"), STR("D2")));
            assert_true(str_eq(trial_fact(t, "skew_refusals", "count"), STR("12")));
        }
        trial_free(t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_example),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
