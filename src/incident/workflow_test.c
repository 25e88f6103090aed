/* The workflow: every (step, missing condition) of the table, and the same steps once more as a list that was
 * written down by itself (spec 3.7, S156–S175). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>

#include "base/memory.h"
#include "incident/workflow.h"

static struct workflow_facts everything(void)
{
    return (struct workflow_facts){.importance = 4,
                                   .confidence_level = 4,
                                   .has_approval = true,
                                   .has_eradication_evidence = true,
                                   .owner_agreed = true,
                                   .has_vector = true,
                                   .has_root_cause = true,
                                   .deadlines_met = true,
                                   .review_signed = true,
                                   .has_evidence = true,
                                   .second_person_agreed = true,
                                   .has_reason = true,
                                   .is_rootkit_suspected = true,
                                   .has_offline_check = true,
                                   .has_target = true};
}

/* Takes away what one guard asks for, and nothing else. */
static struct workflow_facts without(enum workflow_guard guard)
{
    struct workflow_facts f = everything();
    bool *const flags[GUARD_COUNT] = {[GUARD_APPROVAL] = &f.has_approval,
                                      [GUARD_ERADICATED] = &f.has_eradication_evidence,
                                      [GUARD_OWNER] = &f.owner_agreed,
                                      [GUARD_VECTOR] = &f.has_vector,
                                      [GUARD_ROOT_CAUSE] = &f.has_root_cause,
                                      [GUARD_DEADLINES] = &f.deadlines_met,
                                      [GUARD_REVIEW] = &f.review_signed,
                                      [GUARD_EVIDENCE] = &f.has_evidence,
                                      [GUARD_SECOND_PERSON] = &f.second_person_agreed,
                                      [GUARD_REASON] = &f.has_reason,
                                      [GUARD_TARGET] = &f.has_target,
                                      [GUARD_OFFLINE] = &f.has_offline_check};
    if (flags[guard] != NULL)
        *flags[guard] = false;
    else if (guard == GUARD_TASKS)
        f.open_tasks = 1;
    else
        f.incomplete_entries = 1;
    return f;
}

static void each_missing_condition_is_named(void **state)
{
    (void)state;
    uint32_t count, refused = 0;
    const struct workflow_step *steps = workflow_steps(&count);
    for (uint32_t i = 0; i < count; i++) {
        struct error en = {{0}}, ja = {{0}};
        struct workflow_facts all = everything();
        if (steps[i].from == steps[i].to)
            continue;
        assert_true(workflow_check(steps[i].from, steps[i].to, &all, &en, &ja));
        for (int g = 0; g < GUARD_COUNT; g++) {
            struct workflow_facts facts = without((enum workflow_guard)g);
            bool asks = steps[i].guards & 1u << g;
            assert_int_equal(workflow_check(steps[i].from, steps[i].to, &facts, &en, &ja), !asks);
            if (!asks)
                continue;
            refused++;
            assert_non_null(strstr(en.text, workflow_guard_en((enum workflow_guard)g).p));
            assert_non_null(strstr(ja.text, workflow_guard_ja((enum workflow_guard)g).p));
            assert_int_equal(workflow_missing(&steps[i], &facts), 1u << g);
        }
    }
    assert_true(refused > 60);
}

/* from, to, names of the guards */
static const char *const expected[] = {
    "candidate new",
    "candidate merged",
    "new triage",
    "new on_hold reason",
    "new false_positive evidence second_person offline_check",
    "new merged target",
    "new duplicate target",
    "new exercise reason",
    "monitoring review",
    "review closed vector root_cause tasks work_entries deadlines review offline_check",
    "on_hold review",
    "closed reopened reason",
    "false_positive reopened reason",
    "duplicate reopened reason",
    "exercise reopened reason"};
static const char *const open_states[] = {"triage",      "investigating", "containing",
                                          "eradicating", "recovering",    "monitoring",
                                          "review",      "on_hold",       "reopened"};
static const char *const from_open[] = {"triage",
                                        "investigating",
                                        "containing approval",
                                        "eradicating",
                                        "recovering eradication_evidence owner_agreement offline_check",
                                        "monitoring",
                                        "on_hold reason",
                                        "false_positive evidence second_person offline_check",
                                        "merged target",
                                        "duplicate target",
                                        "exercise reason"};

static bool is_expected(const char *line)
{
    for (size_t i = 0; i < COUNT_OF(expected); i++)
        if (strcmp(expected[i], line) == 0)
            return true;
    for (size_t i = 0; i < COUNT_OF(open_states); i++)
        for (size_t k = 0; k < COUNT_OF(from_open); k++) {
            char wanted[200];
            snprintf(wanted, sizeof wanted, "%s %s", open_states[i], from_open[k]);
            if (strcmp(wanted, line) == 0)
                return true;
        }
    return false;
}

static void the_table_is_the_list(void **state)
{
    (void)state;
    size_t found = 0;
    for (int from = 0; from < INCIDENT_STATE_COUNT; from++)
        for (int to = 0; to < INCIDENT_STATE_COUNT; to++) {
            char line[200];
            const struct workflow_step *step =
                workflow_find((enum incident_state)from, (enum incident_state)to);
            if (step == NULL)
                continue;
            int n = snprintf(line, sizeof line, "%s %s", incident_state_name((enum incident_state)from).p,
                             incident_state_name((enum incident_state)to).p);
            for (int g = 0; g < GUARD_COUNT; g++)
                if (step->guards & 1u << g)
                    n += snprintf(line + n, sizeof line - (size_t)n, " %s",
                                  workflow_guard_name((enum workflow_guard)g).p);
            if (!is_expected(line))
                print_error("not on the list: %s\n", line);
            assert_true(is_expected(line));
            found++;
        }
    /* of the open states six working ones and on_hold have no step to themselves; review and reopened are not
     * among the targets */
    assert_int_equal(found, COUNT_OF(expected) + COUNT_OF(open_states) * COUNT_OF(from_open) - 7);
}

static void each_step_stands_once(void **state)
{
    (void)state;
    uint32_t count;
    const struct workflow_step *steps = workflow_steps(&count);
    for (uint32_t i = 0; i < count; i++)
        for (uint32_t k = i + 1; k < count; k++)
            assert_false(steps[i].from == steps[k].from && steps[i].to == steps[k].to);
}

static void all_that_is_missing_is_named_at_once(void **state)
{
    (void)state;
    struct workflow_facts nothing = {.importance = 4,
                                     .confidence_level = 2,
                                     .open_tasks = 2,
                                     .incomplete_entries = 1};
    struct error en = {{0}}, ja = {{0}};
    assert_false(workflow_check(INCIDENT_REVIEW, INCIDENT_CLOSED, &nothing, &en, &ja));
    static const enum workflow_guard all[] = {GUARD_VECTOR,  GUARD_ROOT_CAUSE, GUARD_TASKS,
                                              GUARD_ENTRIES, GUARD_DEADLINES,  GUARD_REVIEW};
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        assert_non_null(strstr(en.text, workflow_guard_en(all[i]).p));
        assert_non_null(strstr(ja.text, workflow_guard_ja(all[i]).p));
    }
}

static void what_stands_in_for_what(void **state)
{
    (void)state;
    struct workflow_facts f = without(GUARD_APPROVAL);
    struct error en, ja;
    f.is_preauthorised = true;
    assert_true(workflow_check(INCIDENT_INVESTIGATING, INCIDENT_CONTAINING, &f, &en, &ja));
    f = without(GUARD_ROOT_CAUSE);
    f.has_unknown_reason = true;
    assert_true(workflow_check(INCIDENT_REVIEW, INCIDENT_CLOSED, &f, &en, &ja));
    f = without(GUARD_REVIEW); /* the review is for confidence 中 and above */
    f.confidence_level = 1;
    assert_true(workflow_check(INCIDENT_REVIEW, INCIDENT_CLOSED, &f, &en, &ja));
    f = without(GUARD_SECOND_PERSON); /* the second person for importance 高 and above */
    f.importance = 2;
    assert_true(workflow_check(INCIDENT_TRIAGE, INCIDENT_FALSE_POSITIVE, &f, &en, &ja));
    f.importance = 3;
    assert_false(workflow_check(INCIDENT_TRIAGE, INCIDENT_FALSE_POSITIVE, &f, &en, &ja));
}

static void refusals_name_the_way_out(void **state)
{
    (void)state;
    struct workflow_facts all = everything();
    struct error en = {{0}}, ja = {{0}};
    assert_false(workflow_check(INCIDENT_NEW, INCIDENT_CLOSED, &all, &en, &ja));
    assert_non_null(strstr(en.text, "triage"));
    for (int s = 0; s < INCIDENT_STATE_COUNT; s++) {
        assert_false(workflow_check((enum incident_state)s, (enum incident_state)s, &all, &en, &ja));
        assert_false(workflow_check(INCIDENT_MERGED, (enum incident_state)s, &all, &en, &ja));
        assert_false(workflow_check((enum incident_state)s, INCIDENT_CANDIDATE, &all, &en, &ja));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_missing_condition_is_named),
        cmocka_unit_test(the_table_is_the_list),
        cmocka_unit_test(each_step_stands_once),
        cmocka_unit_test(all_that_is_missing_is_named_at_once),
        cmocka_unit_test(what_stands_in_for_what),
        cmocka_unit_test(refusals_name_the_way_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
