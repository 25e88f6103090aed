/* Key figures against times worked out by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <math.h>

#include "base/clock.h"
#include "incident/kpi.h"

#define MINUTE (60 * NS_PER_SECOND)

static bool is_near(double a, double b)
{
    return fabs(a - b) < 1e-9;
}

/* Alarm at minute 100, first event at 90, last at 130. */
static struct kpi_case case_of(const struct kpi_step *steps, uint32_t count)
{
    return (struct kpi_case){.first_ns = 90 * MINUTE,
                             .last_ns = 130 * MINUTE,
                             .opened_ns = 100 * MINUTE,
                             .sla_ns = 15 * MINUTE,
                             .now_ns = 1000 * MINUTE,
                             .steps = steps,
                             .step_count = count};
}

static void a_whole_life(void **state)
{
    const struct kpi_step steps[] = {
        {101 * MINUTE, INCIDENT_NEW, false},       {112 * MINUTE, INCIDENT_TRIAGE, true},
        {120 * MINUTE, INCIDENT_ON_HOLD, true},    {125 * MINUTE, INCIDENT_INVESTIGATING, true},
        {128 * MINUTE, INCIDENT_CONTAINING, true}, {140 * MINUTE, INCIDENT_ERADICATING, true},
        {200 * MINUTE, INCIDENT_RECOVERING, true}, {260 * MINUTE, INCIDENT_MONITORING, true},
        {300 * MINUTE, INCIDENT_CLOSED, true},     {400 * MINUTE, INCIDENT_REOPENED, true},
    };
    struct kpi_case c = case_of(steps, 10);
    double v[KPI_COUNT];
    (void)state;
    c.deeds = 4;
    c.incomplete_deeds = 1;
    kpi_measure(&c, v);
    assert_true(is_near(v[KPI_DETECT], 10) && is_near(v[KPI_CHECK], 12) && is_near(v[KPI_TRIAGE], 25));
    assert_true(is_near(v[KPI_CONTAIN], 30) && is_near(v[KPI_RECOVER], 160));
    assert_true(is_near(v[KPI_SLA], 100) && is_near(v[KPI_COMPLETE_FIELDS], 0));
    assert_true(is_near(v[KPI_REOPENED], 100));
    assert_true(isnan(v[KPI_FALSE_POSITIVE])); /* it is work again */
    assert_true(isnan(v[KPI_EFFORT]) && isnan(v[KPI_COST]) && isnan(v[KPI_DECISION]));
    c.step_count = 9;
    c.incomplete_deeds = 0;
    kpi_measure(&c, v);
    assert_true(is_near(v[KPI_REOPENED], 0) && is_near(v[KPI_FALSE_POSITIVE], 0));
    assert_true(is_near(v[KPI_COMPLETE_FIELDS], 100));
}

static void what_is_not_known_is_not_zero(void **state)
{
    const struct kpi_step machine[] = {{101 * MINUTE, INCIDENT_NEW, false}};
    struct kpi_case c = case_of(machine, 1);
    double v[KPI_COUNT];
    (void)state;
    c.now_ns = 110 * MINUTE;
    kpi_measure(&c, v);
    assert_true(isnan(v[KPI_SLA]) && isnan(v[KPI_CHECK]) && isnan(v[KPI_TRIAGE]));
    assert_true(isnan(v[KPI_COMPLETE_FIELDS]) && isnan(v[KPI_CONTAIN]) && isnan(v[KPI_REOPENED]));
    c.now_ns = 116 * MINUTE; /* late, and nobody has looked */
    kpi_measure(&c, v);
    assert_true(is_near(v[KPI_SLA], 0) && isnan(v[KPI_CHECK]));
}

static void the_limit_itself_is_in_time(void **state)
{
    struct kpi_step step = {115 * MINUTE, INCIDENT_FALSE_POSITIVE, true};
    struct kpi_case c = case_of(&step, 1);
    double v[KPI_COUNT];
    (void)state;
    kpi_measure(&c, v);
    assert_true(is_near(v[KPI_SLA], 100) && is_near(v[KPI_FALSE_POSITIVE], 100));
    assert_true(isnan(v[KPI_CONTAIN]) && is_near(v[KPI_REOPENED], 0));
    step.when_ns++;
    kpi_measure(&c, v);
    assert_true(is_near(v[KPI_SLA], 0));
    step.when_ns = 50 * MINUTE; /* clocks disagree: no time, never less */
    kpi_measure(&c, v);
    assert_true(is_near(v[KPI_CHECK], 0));
}

static void many_become_one(void **state)
{
    double odd[] = {9, 1, 4}, even[] = {9, 1, 4, 6}, shares[] = {100, 0, 100, 100}, hours[] = {1.5, 2};
    (void)state;
    assert_true(is_near(kpi_combine(KPI_DETECT, odd, 3), 4));
    assert_true(is_near(kpi_combine(KPI_DECISION, even, 4), 5));
    assert_true(is_near(kpi_combine(KPI_SLA, shares, 4), 75));
    assert_true(is_near(kpi_combine(KPI_EFFORT, hours, 2), 3.5));
    assert_true(isnan(kpi_combine(KPI_SLA, shares, 0)));
}

static void what_counts_against_it(void **state)
{
    enum kpi k;
    (void)state;
    assert_true(kpi_is_missed(KPI_SLA, 0) && !kpi_is_missed(KPI_SLA, 100));
    assert_true(kpi_is_missed(KPI_REOPENED, 100) && !kpi_is_missed(KPI_REOPENED, 0));
    assert_false(kpi_is_missed(KPI_DETECT, 5000));
    for (int i = 0; i < KPI_COUNT; i++) {
        assert_true(kpi_find(str_c(kpi_about((enum kpi)i)->name), &k));
        assert_int_equal(k, i);
    }
    assert_false(kpi_find(STR("nonsense"), &k));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_life),
        cmocka_unit_test(what_is_not_known_is_not_zero),
        cmocka_unit_test(the_limit_itself_is_in_time),
        cmocka_unit_test(many_become_one),
        cmocka_unit_test(what_counts_against_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
