/* Unit tests of mass mail through our own server (S88). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

static void mail(struct trial *t, double at, const char *text)
{
    char all[600];
    snprintf(all, sizeof all, "event.category=email;observer.product=Postfix;host.name=mail01;%s", text);
    trial_event(t, at, all);
}

static void accept(struct trial *t, double at, const char *id, const char *from, const char *more)
{
    char text[300];
    snprintf(text, sizeof text, "email.local_id=%s;source.ip=%s;%s", id, from, more);
    mail(t, at, text);
}

static void deliver(struct trial *t, double at, const char *id, const char *outcome, const char *relay)
{
    char text[300];
    snprintf(text, sizeof text,
             "email.local_id=%s;email.to.address=a@b.example;event.outcome=%s;destination.ip=%s", id, outcome,
             relay);
    mail(t, at, text);
}

/* Three of ten are refused: told once there are 20 recipients. */
static void test_bounces(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    accept(t, 0, "A1", "10.20.40.12", "user.name=k.mori");
    for (int n = 0; n < 30; n++)
        deliver(t, 1 + n, "A1", n % 10 < 3 ? "failure" : "success", "192.0.2.25");
    assert_int_equal(trial_count(t, "relay_bounces", "10.20.40.12"), 1);
    assert_true(str_eq(trial_fact(t, "relay_bounces", "recipients"), STR("20"))); /* 6 of 20 */
    assert_int_equal(trial_count(t, "relay_many_recipients", NULL), 0);
    trial_free(t);
}

/* A content filter on the server: a second queue id, the same message id, and no delivery counted twice. */
static void test_through_a_filter(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    accept(t, 0, "A1", "10.20.40.12", "");
    mail(t, 0.1, "email.local_id=A1;email.message_id=1@pc.example");
    accept(t, 0.2, "B2", "127.0.0.1", "");
    mail(t, 0.3, "email.local_id=B2;email.message_id=1@pc.example");
    trial_restart(t);
    for (int n = 0; n < 20; n++) {
        deliver(t, 1, "A1", "success", "127.0.0.1");
        deliver(t, 2, "B2", n < 5 ? "failure" : "success", "192.0.2.25");
    }
    assert_int_equal(trial_count(t, "relay_bounces", "10.20.40.12"), 1); /* 5 of 20 = a quarter */
    trial_free(t);
}

static void test_quiet_about(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char id[20];
    accept(t, 0, "N1", "10.10.0.60", ""); /* the newsletter: 5,000 recipients, 1 % bounce */
    for (int n = 0; n < 5000; n++)
        deliver(t, n / 20.0, "N1", n % 100 == 99 ? "failure" : "success", "192.0.2.25");
    for (int n = 0; n < 30; n++) { /* mail from outside to people who have left */
        snprintf(id, sizeof id, "X%d", n);
        accept(t, 600, id, "198.51.100.7", "");
        deliver(t, 601, id, "failure", "10.10.0.26");
    }
    accept(t, 700, "G1", "10.10.0.26", "hyakuyo.asset.role=mail-gateway");
    accept(t, 700, "E1", "10.10.0.61", "hyakuyo.exception=smtp");
    for (int n = 0; n < 40; n++) {
        deliver(t, 701, "G1", "failure", "192.0.2.25");
        deliver(t, 701, "E1", "failure", "192.0.2.25");
    }
    accept(t, 800, "S1", "10.20.40.13", ""); /* a person with an old address book */
    for (int n = 0; n < 10; n++)
        deliver(t, 801, "S1", "failure", "192.0.2.25");
    assert_int_equal(trial_count(t, "relay_bounces", NULL) + trial_count(t, "relay_many_recipients", NULL),
                     0);
    trial_free(t);
}

/* 1,000 recipients need 5 %. Refusals at the door name client and recipient themselves. */
static void test_many_and_refused(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    accept(t, 0, "A1", "10.20.40.12", "");
    for (int n = 0; n < 1000; n++)
        deliver(t, n / 10.0, "A1", n % 12 == 0 ? "failure" : "success", "192.0.2.25");
    assert_int_equal(trial_count(t, "relay_many_recipients", "10.20.40.12"), 1);
    for (int n = 0; n < 20; n++)
        mail(t, 200 + n,
             "source.ip=10.20.40.14;email.to.address=x@y.example;event.outcome=failure;event.type=denied");
    assert_int_equal(trial_count(t, "relay_bounces", "10.20.40.14"), 1);
    for (int n = 0; n < 40; n++) /* one refusal a minute: ten in a window */
        mail(t, 1000 + 60 * n,
             "source.ip=10.20.40.15;email.to.address=x@y.example;event.outcome=failure;event.type=denied");
    assert_int_equal(trial_count(t, "relay_bounces", "10.20.40.15"), 0);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bounces),
        cmocka_unit_test(test_through_a_filter),
        cmocka_unit_test(test_quiet_about),
        cmocka_unit_test(test_many_and_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
