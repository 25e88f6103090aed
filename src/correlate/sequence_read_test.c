/* Sequences: every kind of mistake is refused with its place. */
#include "correlate/test_world.h"

/* ---------------------------------------------------------------------- mistakes */

#define STEPS(steps) "title: t\nsequence:\n  timespan: 1h\n  by: host\n  steps:\n" steps

static void mistakes_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"sequence: {timespan: 1h, steps: [{rules: [a]}]}\n", "t.yml:1:1: the rule has no title"},
        {"title: t\nsequence: x\n", "t.yml:2:11: 'sequence' must be a map"},
        {"title: t\ncorrelation: {}\nsequence: {timespan: 1h}\n", "t.yml:3:11: a document is either"},
        {"title: t\nsequence:\n  steps: [{rules: [a]}]\n", "t.yml:3:3: the correlation has no timespan"},
        {"title: t\nsequence:\n  timespan: 3\n", "t.yml:3:13: timespan must"},
        {"title: t\nsequence:\n  timespan: 1h\n", "t.yml:3:3: the sequence needs a list of steps"},
        {"title: t\nsequence:\n  timespan: 1h\n  steps: []\n", "t.yml:4:10: the sequence needs a list"},
        {"title: t\nsequence:\n  timespan: 1h\n  steps: x\n", "t.yml:4:10: the sequence needs a list"},
        {"title: t\nsequence:\n  timespan: 1h\n  stpes: []\n", "t.yml:4:3: 'stpes' is no key of a sequence"},
        {"title: t\nsequence:\n  timespan: 1h\n  by: {a: b}\n", "t.yml:4:7: 'by' must be"},
        {"title: t\nsequence:\n  timespan: 1h\n  aliases: [x]\n", "t.yml:4:12: aliases must"},
        {"title: t\nsequence:\n  timespan: 1h\n  needs: many\n", "t.yml:4:10: needs must be a number"},
        {"title: t\nsequence:\n  timespan: 1h\n  needs: 0\n", "t.yml:4:10: needs must be a number"},
        {"title: t\nsequence:\n  timespan: 1h\n  needs: 3\n  steps: [{rules: [a]}, {rules: [b]}]\n",
         "t.yml:4:10: needs asks for more"},
        {STEPS("    - a\n"), "t.yml:6:7: a step must be a map"},
        {STEPS("    - {name: x}\n"), "t.yml:6:7: the step names no rules"},
        {STEPS("    - {rules: []}\n"), "t.yml:6:15: the step names no rules"},
        {STEPS("    - {rules: [[a]]}\n"), "t.yml:6:16: an entry of rules"},
        {STEPS("    - {rules: ['']}\n"), "t.yml:6:16: an entry of rules"},
        {STEPS("    - {rules: [{}]}\n"), "t.yml:6:16: a selection needs"},
        {STEPS("    - {rules: [{level: high}]}\n"), "t.yml:6:16: a selection needs"},
        {STEPS("    - {rules: [{group: av}]}\n"), "t.yml:6:17: 'group' is no key of a selection"},
        {STEPS("    - {rules: [{evidence_group: [av]}]}\n"), "t.yml:6:33: what selects rules"},
        {STEPS("    - {rules: [{evidence_group: av, except: {a: b}}]}\n"), "t.yml:6:45: 'except' must be"},
        {STEPS("    - {rules: [{tag: attack.impact}]}\n"), "t.yml:6:22: the tag 'attack.impact'"},
        {STEPS("    - {rules: [{tag: attack.t1486, level: urgent}]}\n"), "t.yml:6:43: the level 'urgent'"},
        {STEPS("    - {rules: [a], wihtin: 1m}\n"), "t.yml:6:20: 'wihtin' is no key of a step"},
        {STEPS("    - {rules: [a], within: 10}\n"), "t.yml:6:28: within must be"},
        {STEPS("    - {rules: [a], within: 2h}\n"), "t.yml:6:28: within is longer"},
        {STEPS("    - {rules: [a], times: 0}\n"), "t.yml:6:27: times must be a number from 1 to 500"},
        {STEPS("    - {rules: [a], times: 1.5}\n"), "t.yml:6:27: times must be a whole number"},
        {STEPS("    - {rules: [a], weight: -1}\n"), "t.yml:6:28: weight must be"},
        {STEPS("    - {rules: [a], optional: maybe}\n"), "t.yml:6:30: optional must be true or false"},
        {STEPS("    - {rules: [a], name: [x]}\n"), "t.yml:6:26: name must be a text"},
        {STEPS("    - {rules: [a], name: x}\n    - {rules: [b], name: X}\n"),
         "t.yml:7:26: two steps are called"},
        {STEPS("    - {rules: [a], optional: true}\n"), "t.yml:6:5: every step is optional"},
        {STEPS("    - {rules: [a], hop: sideways}\n    - {rules: [b]}\n"), "t.yml:6:25: hop must be"},
        {STEPS("    - {rules: [a]}\n    - {rules: [b], hop: source}\n"),
         "t.yml:7:7: no step that could match"},
        {STEPS("    - {rules: [a], hop: source}\n    - {not: [b], for: 1m}\n"), "t.yml:7:7: no step that"},
        {"title: t\nsequence:\n  timespan: 1h\n  by: user\n  steps: [{rules: [a], hop: source}, {rules: "
         "[b]}]\n",
         "t.yml:5:29: hop goes from host to host"},
        {STEPS("    - {not: [a]}\n    - {rules: [b]}\n"), "t.yml:6:7: a sequence cannot begin with 'not'"},
        {STEPS("    - {rules: [a]}\n    - {not: [b]}\n"), "t.yml:7:7: 'not' as the last step needs 'for'"},
        {STEPS("    - {rules: [a]}\n    - {not: [b], for: long}\n"), "t.yml:7:23: for must be"},
        {STEPS("    - {rules: [a]}\n    - {not: [b], within: 1m}\n"),
         "t.yml:7:18: 'within' is no key of a negated"},
        {STEPS("    - {rules: [a]}\n    - {not: []}\n"), "t.yml:7:13: the step names no rules"},
        {STEPS("    - {any_order: [{rules: [a]}]}\n"), "t.yml:6:19: any_order needs"},
        {STEPS("    - {any_order: {rules: [a]}}\n"), "t.yml:6:19: any_order needs"},
        {STEPS("    - {any_order: [a, b]}\n"), "t.yml:6:20: a step must be a map"},
        {STEPS("    - {any_order: [{rules: [a]}, {rules: [b], hop: source}]}\n"),
         "t.yml:6:47: 'hop' is no key"},
        {STEPS("    - {any_order: [{rules: [a]}, {rules: [b]}], times: 2}\n"),
         "t.yml:6:49: 'times' is no key"},
        {"title: t\nhyakuyo: {colour: red}\nsequence: {timespan: 1h, steps: [{rules: [a]}]}\n",
         "hyakuyo.colour"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct correlation_set *set = correlation_set_new();
        struct arena arena;
        struct error err = {.text = ""};
        arena_init(&arena, 4096);
        struct yaml *d = yaml_parse(str_c(cases[i].text), "t.yml", &arena, &err);
        assert_non_null(d);
        if (correlation_set_add(set, "t.yml", d, NULL, &err) || strstr(err.text, cases[i].says) == NULL)
            fail_msg("case %zu, wanted '%s': %s", i, cases[i].says, err.text);
        assert_int_equal(correlation_count(set), 0);
        arena_free(&arena);
        correlation_set_unref(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mistakes_are_refused_with_their_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
