/* Unit tests of the instrument individuals: S38, S48, S49; the numbers of spec 2.3 are in statistics_test.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0

static void event(struct trial *t, double at, int person, const char *more)
{
    char text[400];
    snprintf(text, sizeof text, "host.name=PC-%d;user.name=u%d;%s", person, person, more);
    trial_event(t, at, text);
}

#define PROCESS "event.category=process;event.type=start;process.name=a.exe"
#define FOUND   "event.category=malware;event.kind=alert;hyakuyo.malware.name="

/* 40 people for 60 days, each with a detection at most; one has a different one every third day; one came
 * three days ago and has one (raw rate: ten a month); one has the same file found a hundred times in a day.
 */
static void test_detections(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char text[200];
    for (int d = 0; d < 60; d++) {
        for (int person = 0; person < 40; person++) {
            event(t, d * DAY + 100, person, PROCESS);
            if (d == person && person % 4 == 0)
                event(t, d * DAY + 200, person, FOUND "Adware.Y");
        }
        if (d % 3 == 0) {
            snprintf(text, sizeof text, FOUND "Worm.%d", d);
            event(t, d * DAY + 300, 7, text);
        }
        for (int i = 0; d == 30 && i < 100; i++)
            event(t, d * DAY + 400 + i * 60, 9, FOUND "Same.File");
        if (d >= 57)
            event(t, d * DAY + 500, 99, d == 58 ? FOUND "Adware.Y" : PROCESS);
    }
    trial_advance(t, 60 * DAY + 1);
    assert_true(trial_count(t, "individual_detections", "PC-7") >= 1);
    assert_int_equal(trial_count(t, "individual_detections", NULL),
                     trial_count(t, "individual_detections", "PC-7"));
    trial_free(t);
}

/* S49: a laptop refused on most days against people who never are; the same of a desktop says nothing. 200
 * tries in an hour are one episode (S48–S50 test). */
static void test_refusals(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int d = 0; d < 20; d++)
        for (int person = 0; person < 30; person++) {
            bool is_refused = (person < 2 && d % 4) || (d == 5 && person % 3 == 0);
            int times = person == 5 && d == 6 ? 200 : 1;
            char text[200];
            snprintf(text, sizeof text,
                     "observer.type=nac;event.category=network;event.type=%s;hyakuyo.asset.type=%s",
                     is_refused || times > 1 ? "denied" : "allowed", person == 1 ? "desktop" : "laptop");
            for (int i = 0; i < times; i++)
                event(t, d * DAY + 100 + person + i * 18, person, text);
        }
    trial_restart(t);
    trial_advance(t, 20 * DAY + 1);
    assert_true(trial_count(t, "individual_refusals", "PC-0") >= 1);
    assert_int_equal(trial_count(t, "individual_refusals", "PC-1"), 0);
    assert_int_equal(trial_count(t, "individual_refusals", "PC-5"), 0);
    assert_int_equal(trial_count(t, "individual_refusals", NULL),
                     trial_count(t, "individual_refusals", "PC-0"));
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_detections),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
