/* Unit tests of MX questions by clients (S92, scenario 5.2). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

static size_t ask(struct trial *t, double at, const char *from, const char *name, const char *more)
{
    char text[300];
    snprintf(text, sizeof text,
             "event.category=network;source.ip=%s;source.port=40226;destination.port=53;"
             "dns.question.name=%s;dns.question.type=MX;%s",
             from, name, more);
    return trial_event(t, at, text);
}

static const char *domain(int n, char text[30])
{
    snprintf(text, 30, "d%d.example", n);
    return text;
}

static void test_fifth_name(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char name[30];
    for (int n = 1; n <= 4; n++)
        assert_int_equal(ask(t, n, "10.20.40.12", domain(n, name), ""), 0);
    trial_restart(t);
    assert_int_equal(ask(t, 5, "10.20.40.12", "D1.EXAMPLE", ""), 0); /* no fifth */
    assert_int_equal(ask(t, 6, "10.20.40.12", domain(5, name), ""), 1);
    assert_true(trial_seconds(t, "mx_many_names") == 6);
    for (int n = 6; n <= 47; n++)
        ask(t, 5 * n, "10.20.40.12", domain(n, name), "");
    assert_int_equal(trial_count(t, "mx_many_names", NULL), 1);
    assert_int_equal(trial_count(t, "mx_many_questions", "10.20.40.12"), 1);
    trial_free(t);
}

static void test_questions(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int n = 1; n <= 9; n++)
        ask(t, n * 10, "10.20.40.12", "a.example", "");
    assert_int_equal(trial_count(t, "mx_many_questions", NULL), 0);
    ask(t, 100, "10.20.40.12", "a.example", "");
    assert_int_equal(trial_count(t, "mx_many_questions", "10.20.40.12"), 1);
    assert_int_equal(trial_count(t, "mx_many_names", NULL), 0);
    trial_free(t);
}

static void test_quiet_about(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    char name[30];
    static const char *const roles[] = {"mail-server", "dns-server", "proxy", "domain-controller", "mta"};
    for (int n = 1; n <= 40; n++) {
        for (int r = 0; r < 5; r++) {
            char from[20], more[60];
            snprintf(from, sizeof from, "10.10.0.%d", 20 + r);
            snprintf(more, sizeof more, "hyakuyo.asset.role=%s", roles[r]);
            ask(t, n, from, domain(n, name), more);
        }
        ask(t, n, "10.10.0.40", domain(n, name), "hyakuyo.exception=dns");
        ask(t, n, "198.51.100.9", domain(n, name), "");
        ask(t, 200 * n, "10.20.40.13", domain(n, name), ""); /* one in three minutes */
        char text[300];                                      /* the resolver's answers */
        snprintf(text, sizeof text,
                 "event.category=network;source.ip=10.10.0.53;source.port=53;destination.ip=10.20.40.12;"
                 "destination.port=40226;dns.question.name=%s;dns.question.type=MX",
                 domain(n, name));
        trial_event(t, n, text);
    }
    assert_int_equal(trial_count(t, "mx_many_names", NULL) + trial_count(t, "mx_many_questions", NULL), 0);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fifth_name),
        cmocka_unit_test(test_questions),
        cmocka_unit_test(test_quiet_about),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
