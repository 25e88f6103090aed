/* What rules cost is seen while they run: the dear one is named, the cheap ones are not, and findings are the
 * same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "detect/detect.h"

#define RULE(id, item)                                                                                       \
    "title: t\nid: " id "\nlogsource: {product: test}\ndetection: {s: {" item "}, condition: s}\n---\n"

static struct ruleset *load(const char *rules, char folder[64])
{
    char path[96];
    struct error err = {0};
    struct rule_report report = {0};
    snprintf(folder, 64, "%s", "/tmp/hyakuyo-cost-test-XXXXXX");
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/taxonomy.yml", folder);
    assert_true(file_write_atomic(
        path,
        STR("logsources:\n  - {product: test, fields: [plain], when: [{event.module: test}]}\n"
            "field_sets: {plain: {unmapped: ['t.{name}']}}\n"),
        0600, &err));
    struct ruleset_options options = {.taxonomy_folder = folder, .text = str_c(rules)};
    struct ruleset *set = ruleset_load(&options, &report, &err);
    if (!set || report.refused)
        fail_msg("%s", set ? report.problems[0].text.p : err.text);
    rule_report_free(&report);
    return set;
}

static void unload(struct ruleset *set, const char *folder)
{
    char path[96];
    snprintf(path, sizeof path, "%s/taxonomy.yml", folder);
    ruleset_unref(set);
    assert_int_equal(unlink(path) | rmdir(folder), 0);
}

static uint32_t run(const struct ruleset *set, uint32_t count, const char *value)
{
    struct batch *batch = batch_new(1);
    struct detect_scratch *scratch = detect_scratch_new(set);
    struct event e = {.time_ns = 0};
    uint32_t found = 0;
    event_add(&e, &batch->arena, field_intern(STR("event.module")), STR("test"));
    event_add(&e, &batch->arena, field_intern(STR("t.A")), str_c(value));
    for (uint32_t i = 0; i < count; i++)
        found += detect_event(set, scratch, &e, 0, batch);
    detect_scratch_free(scratch);
    batch_free(batch);
    return found;
}

#define LONG                                                                                                 \
    "a needle in a heap of hay and straw that the farmer left on the field behind the house when the rain "  \
    "came "                                                                                                  \
    "down and the cart could not be moved any more"

static bool is_named(const struct ruleset *set, const char *id)
{
    for (size_t i = 0; i < ruleset_count(set); i++)
        if (str_eq(ruleset_rule(set, i)->id, str_c(id)))
            return ruleset_cost(set, i).is_dear;
    return false;
}

/* No literal is in the expression: it is tried on every value, from each place, for nothing. */
static void the_dear_rule_is_named(void **state)
{
    (void)state;
    char folder[64];
    struct ruleset *set =
        load(RULE("cheap", "A|contains: needle") RULE("dear", "A|re: '[a-z ]*[~!]'") RULE("plain", "A: hay"),
             folder);
    assert_true(ruleset_ns_per_event(set) == 0);
    assert_int_equal(run(set, 200, LONG LONG LONG LONG), 200);
    assert_false(ruleset_cost(set, 1).is_dear); /* too few events so far */
    /* events during which the processor did something else do not count: on a busy machine that takes more */
    for (int round = 0; round < 20 && !is_named(set, "dear"); round++)
        assert_int_equal(run(set, 80 * COST_MIN_EVENTS, LONG LONG LONG LONG), 80 * COST_MIN_EVENTS);
    assert_true(is_named(set, "dear"));
    assert_true(ruleset_ns_per_event(set) > 0);
    double sum = 0;
    for (size_t i = 0; i < 3; i++) {
        struct rule_cost cost = ruleset_cost(set, i);
        bool is_dear = str_eq(ruleset_rule(set, i)->id, STR("dear"));
        if (cost.is_dear && !is_dear &&
            !str_eq(ruleset_rule(set, i)->id, STR("cheap"))) /* it fires each time */
            fail_msg("%s", ruleset_rule(set, i)->id.p);
        sum += cost.share;
    }
    assert_true(sum > 0.3 && sum <= 1.0);
    unload(set, folder);
}

static void a_small_set_has_no_dear_rule_for_want_of_others(void **state)
{
    (void)state;
    char folder[64];
    struct ruleset *set = load(RULE("only", "A|startswith: abcdefgh"), folder);
    assert_int_equal(run(set, 80 * COST_MIN_EVENTS, "something else"), 0);
    assert_false(ruleset_cost(set, 0).is_dear);
    unload(set, folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_dear_rule_is_named),
        cmocka_unit_test(a_small_set_has_no_dear_rule_for_want_of_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
