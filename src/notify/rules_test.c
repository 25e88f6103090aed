/* The rules of notification: the file that comes with the program proves itself, and every mistake is named
 * with its place. */
#include "notify/rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static struct calendar *calendar;
static struct arena arena;

static int set_up(void **state)
{
    struct error err;
    (void)state;
    language_set(LANGUAGE_EN);
    arena_init(&arena, 64 << 10);
    calendar = calendar_load(SOURCE_ROOT "/content/calendar.yml", &err);
    return calendar == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    calendar_free(calendar);
    arena_free(&arena);
    return 0;
}

static bool load(const char *text, struct notify_rules *out, struct error *err)
{
    char path[100];
    snprintf(path, sizeof path, "/tmp/notify_rules_test.%d.yml", (int)getpid());
    assert_true(file_write_atomic(path, str_c(text), 0600, err));
    bool ok = notify_rules_load(out, path, calendar, &arena, err);
    unlink(path);
    return ok;
}

static void the_rules_that_come_along_prove_themselves(void **state)
{
    struct notify_rules rules;
    struct error err = {{0}};
    (void)state;
    if (!notify_rules_load(&rules, SOURCE_ROOT "/content/notify.yml", calendar, &arena, &err))
        fail_msg("%s", err.text);
    assert_true(rules.count > 10);
    bool heard[NOTICE_KIND_COUNT] = {false};
    for (uint32_t i = 0; i < rules.count; i++)
        heard[rules.rules[i].on] = true;
    for (int k = 0; k < NOTICE_TEST; k++)
        assert_true(heard[k]);
}

static void a_rule_is_read_as_written(void **state)
{
    struct notify_rules rules;
    struct error err = {{0}};
    (void)state;
    if (!load("version: 1\nlanguage: ja\nquiet: {from: '22:00', to: '07:00'}\nrules:\n"
              "  - {id: a, on: incident_opened, urgency: 3, importance: 2, to: [lead, ciso], by: [mail, "
              "hook], quiet: "
              "through, window: 60, details: true, escalate: [{minutes: 15, to: [lead], position: deputy}]}\n"
              "  - {id: b, on: report_made, reports: [daily], to: [lead], by: [mail], collect: {until: "
              "'08:30'}, attach: "
              "true}\n",
              &rules, &err))
        fail_msg("%s", err.text);
    const struct notify_rule *a = &rules.rules[0], *b = &rules.rules[1];
    assert_int_equal(rules.count, 2);
    assert_int_equal(rules.language, LANGUAGE_JA);
    assert_int_equal(rules.quiet_from, 1320);
    assert_int_equal(rules.quiet_to, 420);
    assert_int_equal(a->step_count, 2);
    assert_int_equal(a->steps[0].role_count, 2);
    assert_true(a->steps[1].after_ns == 15 * 60 * NS_PER_SECOND && a->steps[1].position == POSITION_DEPUTY);
    assert_true(a->window_ns == 3600 * NS_PER_SECOND && a->has_details && a->through_quiet_hours);
    assert_true(b->collect_until == 510 && b->attaches && notify_rule_collects(b) &&
                !notify_rule_collects(a));

    struct occurrence o = {.kind = NOTICE_INCIDENT_OPENED, .urgency = 3, .importance = 2, .posture = -1};
    assert_true(notify_rule_is_met(a, &o));
    o.importance = 1;
    assert_false(notify_rule_is_met(a, &o));
    o = (struct occurrence){.kind = NOTICE_REPORT_MADE, .posture = -1, .name = STR("daily")};
    assert_true(notify_rule_is_met(b, &o));
    o.name = STR("incident");
    assert_false(notify_rule_is_met(b, &o));
}

static const struct {
    const char *text, *place, *says;
} mistakes[] = {
    {"rules: 5\n", ":1:", "list"},
    {"rules:\n  - {id: a, on: moonrise, to: [lead], by: [mail]}\n", ":2:", "incident_opened"},
    {"rules:\n  - {id: a, on: test, to: [lead], by: [mail]}\n", ":2:", "incident_opened"},
    {"rules:\n  - {id: a, on: incident_opened, to: [lead]}\n", ":2:", "by"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], urgency: 9}\n", ":2:", "1 to 4"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], posture: pink}\n", ":2:", "posture"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], quiet: maybe}\n", ":2:", "quiet"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], sound: loud}\n", ":2:", "sound"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], collect: {minutes: 5, until: '08:30'}}\n",
     ":2:", "collect"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], collect: {until: '25:30'}}\n", ":2:", "collect"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], window: -1}\n", ":2:", "minutes"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], escalate: [{to: [lead]}]}\n", ":2:", "minutes"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], escalate: [{minutes: 5, to: [lead], position: "
     "boss}]}\n",
     ":2:", "deputy"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail], collect: {minutes: 5}, escalate: [{minutes: 5, "
     "to: [x]}]}\n",
     ":2:", "escalated"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail]}\n  - {id: a, on: incident_opened, by: [mail]}\n",
     ":3:", "id"},
    {"language: fr\nrules: []\n", ":1:", "language"},
    {"storm: {messages: 0, minutes: 5}\nrules: []\n", ":1:", "storm"},
    {"quiet: {from: '9', to: '07:00'}\nrules: []\n", ":1:", "quiet hours"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail]}\nsamples:\n  - {on: incident_opened, at: "
     "'2025-11-10T12:00:00', "
     "rules: []}\n",
     ":4:", "'a'"},
    {"rules:\n  - {id: a, on: incident_opened, by: [mail]}\nsamples:\n  - {on: incident_opened, at: "
     "'2025-11-10T12:00:00', "
     "rules: [a], leaves: '2025-11-10T12:00:01'}\n",
     ":4:", "another time"},
};

static void mistakes_are_named_with_their_place(void **state)
{
    struct notify_rules rules;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct error err = {{0}};
        if (load(mistakes[i].text, &rules, &err))
            fail_msg("taken: %s", mistakes[i].text);
        if (!str_contains(str_c(err.text), str_c(mistakes[i].place)) ||
            !str_contains(str_c(err.text), str_c(mistakes[i].says)))
            fail_msg("%s says: %s", mistakes[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_rules_that_come_along_prove_themselves),
        cmocka_unit_test(a_rule_is_read_as_written),
        cmocka_unit_test(mistakes_are_named_with_their_place),
    };
    return cmocka_run_group_tests_name("notify rules", tests, set_up, tear_down);
}
