/* Who is reached, and when: quiet hours, digests, hours of contacts, deputies, back-off. The clock is a
 * value. */
#include "notify/plan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"

static struct calendar *calendar;

static int set_up(void **state)
{
    struct error err;
    (void)state;
    calendar = calendar_load(SOURCE_ROOT "/content/calendar.yml", &err);
    return calendar == NULL;
}

static int tear_down(void **state)
{
    (void)state;
    calendar_free(calendar);
    return 0;
}

static int64_t at(const char *iso)
{
    int64_t time_ns;
    assert_true(time_parse_iso(str_c(iso), NULL, &time_ns));
    return time_ns;
}

static struct notify_when when(const char *iso)
{
    return (struct notify_when){calendar, zone_find(STR("Asia/Tokyo")), at(iso)};
}

/* Monday 2025-11-10 is a working day; Saturday 8th, Sunday 9th and Sunday 23rd/Monday 24th (substitute) are
 * not. */
static const struct {
    bool through;
    int collect_minutes, until; /* until −1 = none */
    const char *now, *due;
} dues[] = {
    {false, 0, -1, "2025-11-10T12:00:00+09:00", "2025-11-10T12:00:00+09:00"},
    {false, 0, -1, "2025-11-10T21:59:59+09:00", "2025-11-10T21:59:59+09:00"},
    {false, 0, -1, "2025-11-10T22:00:00+09:00", "2025-11-11T07:00:00+09:00"},
    {false, 0, -1, "2025-11-11T00:30:00+09:00", "2025-11-11T07:00:00+09:00"},
    {false, 0, -1, "2025-11-11T06:59:00+09:00", "2025-11-11T07:00:00+09:00"},
    {false, 0, -1, "2025-11-11T07:00:00+09:00", "2025-11-11T07:00:00+09:00"},
    {false, 0, -1, "2025-11-08T12:00:00+09:00", "2025-11-10T07:00:00+09:00"}, /* Saturday noon */
    {false, 0, -1, "2025-11-07T23:00:00+09:00", "2025-11-10T07:00:00+09:00"}, /* Friday night */
    {false, 0, -1, "2025-11-22T09:00:00+09:00",
     "2025-11-25T07:00:00+09:00"},                                           /* over the substitute holiday */
    {true, 0, -1, "2025-11-08T03:00:00+09:00", "2025-11-08T03:00:00+09:00"}, /* urgent breaks through */
    {false, 30, -1, "2025-11-10T12:00:00+09:00", "2025-11-10T12:30:00+09:00"},
    {false, 30, -1, "2025-11-10T21:45:00+09:00", "2025-11-11T07:00:00+09:00"},
    {true, 30, -1, "2025-11-10T21:45:00+09:00", "2025-11-10T22:15:00+09:00"},
    {false, 0, 510, "2025-11-10T03:00:00+09:00", "2025-11-10T08:30:00+09:00"},
    {false, 0, 510, "2025-11-10T08:30:00+09:00", "2025-11-11T08:30:00+09:00"},
    {false, 0, 510, "2025-11-07T09:00:00+09:00",
     "2025-11-10T07:00:00+09:00"}, /* Saturday's digest on Monday */
};

static void messages_leave_when_they_may(void **state)
{
    const struct notify_rules rules = {.quiet_from = 22 * 60, .quiet_to = 7 * 60, .quiet_closed_days = true};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(dues); i++) {
        struct notify_rule rule = {.through_quiet_hours = dues[i].through,
                                   .collect_ns = dues[i].collect_minutes * 60 * NS_PER_SECOND,
                                   .collect_until = dues[i].until};
        struct notify_when w = when(dues[i].now);
        if (notify_due(&rules, &rule, &w) != at(dues[i].due))
            fail_msg("%s should leave at %s", dues[i].now, dues[i].due);
    }
}

static void without_quiet_hours_nothing_waits(void **state)
{
    const struct notify_rules rules = {.quiet_from = 0, .quiet_to = 0};
    const struct notify_rule rule = {.collect_until = -1};
    struct notify_when w = when("2025-11-08T03:00:00+09:00");
    (void)state;
    assert_true(notify_due(&rules, &rule, &w) == w.now_ns);
    assert_false(notify_is_quiet(&rules, &w));
}

static const struct {
    const char *hours, *now;
    bool reachable;
} hours[] = {
    {"", "2025-11-08T03:00:00+09:00", true},
    {"24h", "2025-11-08T03:00:00+09:00", true},
    {"whenever you like", "2025-11-08T03:00:00+09:00", true},
    {"9:00-17:30", "2025-11-10T09:00:00+09:00", true},
    {"9:00-17:30", "2025-11-10T17:30:00+09:00", false},
    {"9:00-17:30", "2025-11-08T12:00:00+09:00", true},
    {"9-17", "2025-11-10T08:59:00+09:00", false},
    {"平日 9:00〜17:30", "2025-11-10T12:00:00+09:00", true},
    {"平日 9:00〜17:30", "2025-11-08T12:00:00+09:00", false},
    {"平日 9:00 - 17:30", "2025-11-10T18:00:00+09:00", false},
    {"Mon-Fri 9-17", "2025-11-24T12:00:00+09:00", false}, /* a holiday */
    {"22:00-06:00", "2025-11-10T23:00:00+09:00", true},
    {"22:00-06:00", "2025-11-10T05:59:00+09:00", true},
    {"22:00-06:00", "2025-11-10T12:00:00+09:00", false},
};

static void what_says_no_hours_is_told_from_what_does(void **state)
{
    static const char *const told[] = {"24h", "24時間365日", "9:00-17:30", "平日 9:00〜17:30", "always"};
    static const char *const untold[] = {"", "see the roster", "平日", "office hours"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(told); i++)
        if (!notify_hours_are_told(str_c(told[i])))
            fail_msg("'%s' says hours", told[i]);
    for (size_t i = 0; i < COUNT_OF(untold); i++)
        if (notify_hours_are_told(str_c(untold[i])))
            fail_msg("'%s' says no hours", untold[i]);
}

static void hours_are_read_as_people_write_them(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(hours); i++) {
        struct notify_when w = when(hours[i].now);
        if (notify_is_reachable(str_c(hours[i].hours), &w) != hours[i].reachable)
            fail_msg("'%s' at %s", hours[i].hours, hours[i].now);
    }
}

static void deputies_stand_in(void **state)
{
    const struct notify_contact contacts[] = {
        {.role = STR("lead"), .person = STR("day"), .account = STR("mori"), .hours = STR("9:00-17:00")},
        {.role = STR("lead"), .person = STR("night"), .hours = STR("17:00-9:00"), .is_deputy = true},
        {.role = STR("ciso"), .person = STR("office"), .hours = STR("9:00-17:00")},
        {.role = STR("legal"), .person = STR("only deputy"), .hours = STR("9:00-17:00"), .is_deputy = true},
    };
    struct notify_when noon = when("2025-11-10T12:00:00+09:00"), night = when("2025-11-10T23:00:00+09:00");
    uint32_t out[4];
    (void)state;
    assert_int_equal(notify_recipients(contacts, 4, STR("lead"), POSITION_ANY, &noon, out), 1);
    assert_int_equal(out[0], 0);
    assert_int_equal(notify_recipients(contacts, 4, STR("lead"), POSITION_ANY, &night, out), 1);
    assert_int_equal(out[0], 1);
    assert_int_equal(notify_recipients(contacts, 4, STR("lead"), POSITION_DEPUTY, &noon, out), 1);
    assert_int_equal(out[0], 1);
    assert_int_equal(notify_recipients(contacts, 4, STR("lead"), POSITION_PRIMARY, &night, out), 1);
    assert_int_equal(out[0], 0);
    /* nobody is on duty: the primary is told all the same */
    assert_int_equal(notify_recipients(contacts, 4, STR("ciso"), POSITION_ANY, &night, out), 1);
    assert_int_equal(out[0], 2);
    assert_int_equal(notify_recipients(contacts, 4, STR("legal"), POSITION_ANY, &night, out), 1);
    assert_int_equal(out[0], 3);
    assert_int_equal(notify_recipients(contacts, 4, STR("ciso"), POSITION_DEPUTY, &noon, out), 0);
    assert_int_equal(notify_recipients(contacts, 4, STR("@Mori"), POSITION_ANY, &noon, out), 1);
    assert_int_equal(out[0], 0);
    assert_int_equal(notify_recipients(contacts, 4, STR("@"), POSITION_ANY, &noon, out), 0);
    assert_int_equal(notify_recipients(contacts, 4, STR("nobody"), POSITION_ANY, &noon, out), 0);
}

static void attempts_grow_apart(void **state)
{
    const int64_t first = 30 * NS_PER_SECOND, longest = 3600 * NS_PER_SECOND;
    (void)state;
    for (uint32_t attempts = 1; attempts < 40; attempts++) {
        int64_t span = attempts > 7 ? longest : first << (attempts - 1);
        span = span > longest ? longest : span;
        assert_true(notify_back_off(attempts, first, longest, 0) == span / 2);
        assert_true(notify_back_off(attempts, first, longest, UINT64_MAX) >= span / 2);
        assert_true(notify_back_off(attempts, first, longest, UINT64_MAX) <= span);
        assert_true(notify_back_off(attempts, first, longest, (uint64_t)(span / 2)) == span / 2 * 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_leave_when_they_may),
        cmocka_unit_test(without_quiet_hours_nothing_waits),
        cmocka_unit_test(hours_are_read_as_people_write_them),
        cmocka_unit_test(what_says_no_hours_is_told_from_what_does),
        cmocka_unit_test(deputies_stand_in),
        cmocka_unit_test(attempts_grow_apart),
    };
    return cmocka_run_group_tests_name("notify plan", tests, set_up, tear_down);
}
