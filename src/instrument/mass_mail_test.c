/* Unit tests of mail past our own servers (S88–S91, scenario 5.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

static int next_port = 50000;

static size_t smtp(struct trial *t, double at, const char *from, const char *to, int port, const char *more)
{
    char text[400];
    snprintf(text, sizeof text,
             "event.category=network;source.ip=%s;source.port=%d;destination.ip=%s;destination.port=%d;"
             "network.transport=tcp;observer.product=Fortigate;observer.name=FW-EDGE;rule.id=98;%s",
             from, next_port++, to, port, more);
    return trial_event(t, at, text);
}

static const char *address(int n, char text[20])
{
    snprintf(text, 20, "192.0.2.%d", n);
    return text;
}

#define DENIED  "event.type=denied"
#define ALLOWED "event.type=allowed;destination.bytes=900"
#define CLIENT  "10.20.40.12"

/* The first denial is told and is no alarm, the third server is one, the fifth means mass mailing. */
static void test_scenario(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20];
    assert_int_equal(smtp(t, 3, CLIENT, address(1, to), 25, DENIED), 1);
    assert_int_equal(trial_count(t, "direct_smtp", CLIENT), 1);
    assert_int_equal(smtp(t, 4, CLIENT, address(2, to), 25, DENIED), 0);
    assert_int_equal(smtp(t, 5, CLIENT, address(3, to), 25, DENIED), 1);
    assert_true(trial_seconds(t, "direct_smtp_several") == 5);
    assert_true(str_eq(trial_fact(t, "direct_smtp_several", "distinct_destinations"), STR("3")));
    assert_true(str_eq(trial_fact(t, "direct_smtp_several", "destination.port"), STR("25")));
    smtp(t, 6, CLIENT, address(4, to), 25, DENIED);
    trial_restart(t); /* in the middle */
    smtp(t, 20, CLIENT, address(5, to), 25, DENIED);
    assert_true(trial_seconds(t, "mass_mailing") == 20);
    for (int n = 6; n <= 44; n++)
        smtp(t, 30 + n * 10, CLIENT, address(n, to), 25, DENIED);
    assert_int_equal(trial_count(t, "direct_smtp_several", NULL), 1); /* not once for each of 44 */
    assert_int_equal(trial_count(t, "mass_mailing", NULL), 1);
    assert_int_equal(trial_count(t, "egress_25_open", NULL), 0); /* nothing got out */
    trial_free(t);
}

/* What gets through is graver: told at once, and the firewall rule that let it (S89, S90). */
static void test_allowed(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20];
    for (int n = 1; n <= 4; n++)
        smtp(t, n, CLIENT, address(n, to), 25, DENIED);
    smtp(t, 10, CLIENT, address(1, to), 25, ALLOWED);
    assert_int_equal(trial_count(t, "direct_smtp", CLIENT), 2);
    assert_int_equal(trial_count(t, "direct_smtp_several", CLIENT), 2);
    assert_int_equal(trial_count(t, "egress_25_open", NULL), 1);
    assert_true(str_eq(trial_fact(t, "egress_25_open", "rule.id"), STR("98")));
    assert_true(str_eq(trial_fact(t, "egress_25_open", "observer.name"), STR("FW-EDGE")));
    smtp(t, 20, "10.20.40.13", address(9, to), 25, ALLOWED); /* the same rule on the same day */
    assert_int_equal(trial_count(t, "egress_25_open", NULL), 1);
    smtp(t, 90000, "10.20.40.13", address(9, to), 25, ALLOWED);
    assert_int_equal(trial_count(t, "egress_25_open", NULL), 2);
    trial_free(t);
}

static void test_quiet_about(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20];
    for (int n = 1; n <= 40; n++) {
        smtp(t, n, "10.10.0.25", address(n, to), 25, ALLOWED ";hyakuyo.asset.role=mail-server");
        smtp(t, n, "10.10.0.26", address(n, to), 25, ALLOWED ";hyakuyo.asset.role=mail-relay");
        smtp(t, n, "10.20.40.200", "10.10.0.25", 25, ALLOWED); /* the printer to our own server */
        smtp(t, n, "10.20.40.201", address(n, to), 25, ALLOWED ";hyakuyo.exception=smtp");
        smtp(t, n, "198.51.100.9", "10.10.0.25", 25, ALLOWED); /* mail that comes in */
        smtp(t, n, "10.20.40.14", address(n, to), 443, ALLOWED);
    }
    for (int n = 1; n <= 5; n++) /* a private account: few mails, one server */
        smtp(t, 100 * n, "10.20.40.15", "192.0.2.80", 587, ALLOWED);
    assert_int_equal(trial_count(t, "direct_smtp", NULL) + trial_count(t, "direct_smtp_several", NULL) +
                         trial_count(t, "mass_mailing", NULL) + trial_count(t, "egress_25_open", NULL),
                     0);
    struct instrument_info info;
    for (size_t n = 0; n < instruments_count(trial_instruments(t)); n++) {
        instruments_info(trial_instruments(t), n, &info);
        if (str_eq(info.name, STR("mass_mail")))
            assert_int_equal(info.excepted, 40); /* silent, and counted (S91) */
    }
    trial_free(t);
}

/* An exception that has expired covers nothing: enrich/ marks no event with it, and the host alarms again. */
static void test_expired_exception_alarms(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char to[20];
    for (int n = 1; n <= 3; n++)
        smtp(t, n, "10.20.40.201", address(n, to), 25, DENIED ";hyakuyo.exception=smtp");
    for (int n = 1; n <= 3; n++)
        smtp(t, 100 + n, "10.20.40.201", address(n, to), 25, DENIED);
    assert_int_equal(trial_count(t, "direct_smtp_several", "10.20.40.201"), 1);
    assert_true(str_eq(trial_fact(t, "direct_smtp_several", "excepted"), STR("3")));
    trial_free(t);
}

/* Twenty connections to one server are mass mailing; ten that two firewalls report are ten. */
static void test_attempts(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int n = 1; n <= 19; n++)
        smtp(t, n, CLIENT, "192.0.2.25", 587, ALLOWED);
    assert_int_equal(trial_count(t, "mass_mailing", NULL), 0);
    smtp(t, 20, CLIENT, "192.0.2.25", 587, ALLOWED);
    assert_int_equal(trial_count(t, "mass_mailing", CLIENT), 1);
    assert_true(str_eq(trial_fact(t, "mass_mailing", "attempts"), STR("20")));
    for (int n = 1; n <= 19; n++) {
        smtp(t, 100 + n, "10.20.40.13", "192.0.2.25", 587, ALLOWED);
        next_port--;
        smtp(t, 100 + n, "10.20.40.13", "192.0.2.25", 587, ALLOWED ";event.action=end");
    }
    assert_int_equal(trial_count(t, "mass_mailing", "10.20.40.13"), 0);
    for (int n = 1; n <= 40; n++) /* two servers and one connection a minute: ten in a window */
        smtp(t, 1000 + 60 * n, "10.20.40.14", n % 2 ? "192.0.2.1" : "192.0.2.2", 25, DENIED);
    assert_int_equal(trial_count(t, "mass_mailing", "10.20.40.14"), 0);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_scenario),    cmocka_unit_test(test_allowed),
        cmocka_unit_test(test_quiet_about), cmocka_unit_test(test_expired_exception_alarms),
        cmocka_unit_test(test_attempts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
