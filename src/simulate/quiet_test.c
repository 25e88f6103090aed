/* S178, spec 5.8: the simulated office is nearly empty at year-end and Obon. */
#include "simulate/quiet.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void few_work_at_year_end_and_obon(void **state)
{
    struct error err;
    struct calendar *c = calendar_load(SOURCE_ROOT "/content/calendar.yml", &err);
    struct quiet *q = c ? quiet_load(SOURCE_ROOT "/content/simulate/presence.yml", &err) : NULL;
    if (q == NULL)
        fail_msg("%s", err.text);
    (void)state;
    assert_true(quiet_presence(q, c, civil_to_days(2025, 11, 11)) == 1);
    assert_true(quiet_presence(q, c, civil_to_days(2025, 12, 31)) < 0.1);
    assert_true(quiet_presence(q, c, civil_to_days(2026, 1, 2)) < 0.1);
    assert_true(quiet_presence(q, c, civil_to_days(2025, 8, 14)) < 0.5);
    assert_true(quiet_presence(q, c, civil_to_days(2025, 11, 24)) < 0.1); /* substitute holiday */
    assert_true(quiet_presence(q, c, civil_to_days(2025, 11, 15)) < 0.1); /* Saturday */
    assert_int_equal(calendar_weekday(civil_to_days(2025, 11, 10)), 0);
    assert_false(quiet_is_workday(c, civil_to_days(2025, 11, 3)));
    assert_true(quiet_is_workday(c, civil_to_days(2025, 11, 4)));
    quiet_free(q);
    calendar_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(few_work_at_year_end_and_obon)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
