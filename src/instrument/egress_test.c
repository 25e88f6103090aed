/* Unit tests of the list of outward firewall rules (S103). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "instrument/testing.h"

#define DAY 86400.0

static void allowed(struct trial *t, double at, const char *rule, int port, int network, const char *more)
{
    char text[400];
    snprintf(
        text, sizeof text,
        "event.category=network;event.type=allowed;observer.name=FW-EDGE;rule.id=%s;source.ip=10.20.30.31;"
        "destination.ip=198.%d.100.7;destination.port=%d;network.transport=tcp;%s",
        rule, network, port, more);
    trial_event(t, at, text);
}

static bool lists(const struct trial *t, const char *wanted)
{
    struct buf out = {0};
    assert_true(instruments_list(trial_instruments(t), STR("egress"), &out));
    bool found = str_contains(buf_str(&out), str_c(wanted));
    if (!found)
        print_message("%.*s\n", (int)out.n, out.p);
    buf_free(&out);
    return found;
}

static bool lists_not(const struct trial *t, const char *unwanted)
{
    struct buf out = {0};
    assert_true(instruments_list(trial_instruments(t), STR("egress"), &out));
    bool found = str_contains(buf_str(&out), str_c(unwanted));
    buf_free(&out);
    return !found;
}

static void test_unused(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    allowed(t, 10, "12", 21, 51, "");
    allowed(t, 20, "12", 21, 51, "");
    allowed(t, 30, "12", 443, 51, "");
    allowed(t, 40, "99", 25, 51, "event.type=denied"); /* denied: not let out */
    trial_event(t, 50,
                "event.category=network;event.type=allowed;observer.name=FW-EDGE;rule.id=7;source.ip=10.20."
                "30.31;destination.ip=10.10.0.5;"
                "destination.port=445;network.transport=tcp"); /* stays inside */
    trial_advance(t, 89 * DAY);
    assert_true(lists_not(t, "unused"));
    allowed(t, 89 * DAY, "12", 443, 51, "");
    trial_restart(t);
    trial_advance(t, 91 * DAY);
    assert_true(lists(t, "{\"kind\":\"unused\",\"observer\":\"FW-EDGE\",\"rule\":\"12\",\"port\":\"tcp/"
                         "21\",\"first_hit\":\"2025-11-10T00:00:10.000Z\","
                         "\"last_hit\":\"2025-11-10T00:00:20.000Z\",\"days_unused\":90,\"hits\":2}"));
    assert_true(lists_not(t, "\"unused\",\"observer\":\"FW-EDGE\",\"rule\":\"12\",\"port\":\"tcp/443\""));
    assert_true(lists_not(t, "tcp/25") && lists_not(t, "tcp/445"));
    trial_free(t);
}

static void test_any_any(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int n = 1; n <= 40; n++) {
        allowed(t, n, "1", 1000 + n, n, "");
        allowed(t, n, "2", 443, n, "");
        allowed(t, n, "3", 1000 + n, 9, "");
    }
    assert_true(lists(t, "{\"kind\":\"any_any\",\"observer\":\"FW-EDGE\",\"rule\":\"1\",\"ports\":40,"));
    assert_true(lists_not(t, "any_any\",\"observer\":\"FW-EDGE\",\"rule\":\"2\"") &&
                lists_not(t, "any_any\",\"observer\":\"FW-EDGE\",\"rule\":\"3\""));
    trial_free(t);
}

static void test_trend(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    for (int day = 0; day < 14; day++)
        for (int n = 0; n < (day < 7 ? 1 : 5); n++)
            allowed(t, day * DAY + 3600 + n, "1", 8443, 51, "");
    assert_true(lists(t, "{\"kind\":\"trend\",\"port\":\"tcp/8443\",\"this_week\":35,\"week_before\":7}"));
    struct buf out = {0};
    assert_false(instruments_list(trial_instruments(t), STR("launch"), &out));
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unused),
        cmocka_unit_test(test_any_any),
        cmocka_unit_test(test_trend),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
