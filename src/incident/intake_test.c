/* What people are asked and told (S80–S86): the file that came with the program, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "incident/intake.h"

static void the_own_file_has_what_the_talk_asks_for(void **state)
{
    static const char *const symptoms[] = {"opened_odd_mail", "visited_odd_site", "slow_or_odd",
                                           "net_icon_always_on"};
    struct error err = {{0}};
    struct intake_rules *r = intake_rules_load(SOURCE_ROOT "/content/intake.yml", &err);
    (void)state;
    assert_string_equal(err.text, "");
    assert_non_null(r);
    assert_int_equal(r->symptoms.count, COUNT_OF(symptoms));
    for (size_t i = 0; i < COUNT_OF(symptoms); i++) {
        bool has_look = false;
        assert_true(str_eq(r->symptoms.items[i].id, str_c(symptoms[i])));
        for (uint32_t k = 0; k < r->look_count; k++)
            has_look |= !r->looks[k].is_for_all && intake_is_for(&r->looks[k], str_c(symptoms[i]));
        assert_true(has_look); /* each symptom has its own enrichment */
    }
    /* pull the connector, leave the power on, hands off: in this order */
    assert_true(str_eq(r->steps.items[0].id, STR("connector_pulled")));
    assert_true(str_eq(r->steps.items[1].id, STR("power_left_on")));
    assert_true(str_eq(r->steps.items[2].id, STR("hands_off")));
    assert_non_null(intake_find(&r->deviations, STR("restarted")));
    assert_null(intake_find(&r->deviations, STR("")));
    assert_int_equal(r->first_answer_minutes, 10);
    intake_rules_free(r);
}

#define HEAD                                                                                                 \
    "version: 1\nsymptoms: [{id: a, text: {en: A, ja: あ}}]\nsteps: [{id: s, text: {en: S, ja: す}}]\n"    \
    "deviations: [{id: d, text: {en: D, ja: で}}]\nscript: [{en: X, ja: ん}]\n"
#define LOOK "looks:\n  - {id: l, title: {en: L, ja: る}, "

static const struct {
    const char *text, *complaint; /* "" = taken */
} cases[] = {
    {HEAD, ""},
    {HEAD LOOK "symptoms: [a], who: {host.name: host}, show: [file.name]}\n", ""},
    {HEAD LOOK "symptoms: [b], who: {host.name: host}, show: [file.name]}\n", ":7:"},
    {HEAD LOOK "symptoms: [a], who: {host.name: pc}, show: [file.name]}\n", ":7:"},
    {HEAD LOOK "symptoms: [a], who: {}, show: [file.name]}\n", "who"},
    {HEAD LOOK "symptoms: [a], who: {host.name: host}}\n", "volume"},
    {HEAD LOOK "symptoms: [a], who: {host.name: host}, show: [x], volume: events}\n", "volume"},
    {HEAD LOOK "symptoms: [a], who: {host.name: host}, rare: process.name}\n", "across"},
    {HEAD LOOK "symptoms: [a], who: {host.name: host}, show: [x], before: 0}\n", "before"},
    {HEAD LOOK "symptoms: [a], who: {host.name: host}, show: [x], follow: y}\n", ""},
    {HEAD LOOK "symptoms: [a], who: {host.name: host}, volume: x, follow: y}\n", "follow"},
    {"version: 1\nsymptoms: [{id: a, text: {en: A}}]\n", ":2:"},
    {"version: 1\nsymptoms: [{id: 'A b', text: {en: A, ja: あ}}]\n", "id"},
    {"version: 1\nsymptoms: [{id: a, text: {en: A, ja: あ}}, {id: a, text: {en: A, ja: あ}}]\n", ":2:"},
    {"version: 1\nsymptoms: []\n", "symptoms"},
    {"symptoms: [{id: a, text: {en: A, ja: あ}}]\n", "version"},
};

static void mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {{0}};
        struct intake_rules *r = intake_rules_read(str_c(cases[i].text), "intake.yml", &err);
        if ((r != NULL) != (cases[i].complaint[0] == 0) || strstr(err.text, cases[i].complaint) == NULL)
            print_error("case %zu: %s\n", i, err.text);
        assert_int_equal(r != NULL, cases[i].complaint[0] == 0);
        assert_non_null(strstr(err.text, cases[i].complaint));
        intake_rules_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_own_file_has_what_the_talk_asks_for),
                                       cmocka_unit_test(mistakes_are_told_with_their_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
