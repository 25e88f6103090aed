/* Playbooks: the sheets that came with the program, and what is refused, with its line (S144, S147–S149). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "incident/playbook.h"

static void the_programs_own_are_proved(void **state)
{
    (void)state;
    struct error err = {{0}};
    struct playbooks *p = playbooks_load(SOURCE_ROOT "/content/playbooks", &err);
    if (p == NULL)
        print_error("%s\n", err.text);
    assert_non_null(p);
    static const struct {
        const char *kind, *id;
        bool is_server;
        int64_t minutes, watch_days;
    } firsts[] = {{"pull_connector", "pull_connector", false, 15, 0},
                  {"pull_connector", "pull_connector_server", true, 15, 0},
                  {"isolate_and_hear", "isolate_and_hear_server", true, 15, 0},
                  {"hearing_or_direct_check", "hearing_or_direct_check", true, 60, 0},
                  {"history_and_watch", "history_and_watch", false, 1440, 14}};
    for (size_t i = 0; i < COUNT_OF(firsts); i++) {
        const struct playbook_task *t = playbooks_first(p, str_c(firsts[i].kind), firsts[i].is_server);
        assert_non_null(t);
        assert_true(str_eq(t->id, str_c(firsts[i].id)));
        assert_int_equal(t->minutes, firsts[i].minutes);
        assert_int_equal(t->watch_days, firsts[i].watch_days);
    }
    assert_null(playbooks_first(p, STR("nonsense"), false));
    uint32_t questions;
    playbooks_hearing(p, &questions);
    assert_int_equal(questions, 10);
    const struct hearing_question *q = playbooks_question(p, STR("doing"));
    assert_non_null(q);
    assert_true(hearing_find(q, STR("explains"))->likelihood_ratio < 1);
    assert_true(hearing_find(q, STR("away"))->likelihood_ratio > 1);
    assert_null(hearing_find(q, STR("nonsense")));
    playbooks_free(p);
}

static void an_unknown_type_gets_the_common_tasks(void **state)
{
    (void)state;
    struct error err;
    struct arena arena;
    uint32_t unknown, ransomware;
    arena_init(&arena, 4096);
    struct playbooks *p = playbooks_load(SOURCE_ROOT "/content/playbooks", &err);
    assert_non_null(p);
    playbooks_tasks(p, STR("unclassified"), &arena, &unknown);
    const struct playbook_task **tasks = playbooks_tasks(p, STR("ransomware"), &arena, &ransomware);
    assert_int_equal(unknown, 8);
    assert_true(ransomware > unknown);
    for (uint32_t i = 1; i < ransomware; i++)
        assert_true(tasks[i - 1]->stage <= tasks[i]->stage);
    arena_free(&arena);
    playbooks_free(p);
}

#define HEAD  "type: '*'\nversion: 1\nowner: me\nreview: 2027-01-31\ntitle: {en: a, ja: b}\n"
#define FIRST "first:\n  - {id: pull_connector, title: {en: a, ja: b}}\n"

static void what_is_wrong_is_named_with_its_line(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"type: x\n", "x.yml:1:"},
        {"type: x\nversion: 1\nowner: me\nreview: soon\ntitle: {en: a, ja: b}\n", "review"},
        {HEAD FIRST "stages:\n  nowhere:\n    - {id: a, title: {en: a, ja: b}}\nsamples: [{}]\n",
         "x.yml:10:"},
        {HEAD FIRST "stages:\n  triage:\n    - {id: a, title: {en: a}}\nsamples: [{}]\n", "title"},
        {HEAD FIRST "stages:\n  triage:\n    - {id: a, action: cut, title: {en: a, ja: b}}\nsamples: [{}]\n",
         "scope"},
        {HEAD FIRST
         "stages:\n  triage:\n    - {id: a, title: {en: a, ja: b}}\n    - {id: a, title: {en: a, ja: b}}\n",
         "x.yml:11:"},
        {HEAD FIRST, "samples"},
        {HEAD FIRST "samples: [{tasks: [judge]}]\n", "judge"},
        {HEAD FIRST "samples: [{first: pull_connector, opens: other}]\n", "other"},
        {HEAD FIRST "hearing:\n  - {id: a, group: g, text: {en: a, ja: b}, answers: [{id: y, en: a, ja: b, "
                    "ratio: 0}]}\nsamples: [{}]\n",
         "ratio"},
        {HEAD "samples: [{}]\n", "'*'"},
    };
    char folder[] = "/tmp/playbook_test.XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/x.yml", folder);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {{0}};
        assert_true(file_write_atomic(path, str_c(cases[i].text), 0600, &err));
        struct playbooks *p = playbooks_load(folder, &err);
        if (p != NULL || strstr(err.text, cases[i].says) == NULL)
            print_error("case %zu: %s\n", i, err.text);
        assert_null(p);
        assert_non_null(strstr(err.text, cases[i].says));
    }
    unlink(path);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_programs_own_are_proved),
        cmocka_unit_test(an_unknown_type_gets_the_common_tasks),
        cmocka_unit_test(what_is_wrong_is_named_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
