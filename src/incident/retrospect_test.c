/* What passed before it was known (S1): the file that came with the program, and what is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/memory.h"
#include "incident/retrospect.h"

static void the_own_file_is_read(void **state)
{
    struct error err = {{0}};
    struct retrospect_rules *r = retrospect_rules_load(SOURCE_ROOT "/content/retrospect.yml", &err);
    struct arena arena;
    (void)state;
    assert_string_equal(err.text, "");
    assert_non_null(r);
    assert_true(str_eq(r->uses[0].id, STR("executed")));
    assert_int_equal(r->uses[0].when.count, 2);
    assert_true(r->due_server_minutes < r->due_minutes);
    assert_true(r->check_count >= 3);
    arena_init(&arena, 1024);
    struct str title = retrospect_fill(r->title.en, STR("Evil.A"), STR("pc-1"), r->uses[0].text.en, &arena);
    assert_true(str_eq(title, STR("Retrospective: Evil.A was executed on pc-1 before it was known")));
    /* what a verdict is called is text, never a place */
    title = retrospect_fill(STR("{name}!"), STR("{host}"), STR("pc-1"), STR("x"), &arena);
    assert_true(str_eq(title, STR("{host}!")));
    arena_free(&arena);
    retrospect_rules_free(r);
}

static void a_hash_is_told_by_its_digits(void **state)
{
    struct str md5 = STR("d41d8cd98f00b204e9800998ecf8427e");
    (void)state;
    assert_true(retrospect_is_hash(md5, RETROSPECT_MD5));
    assert_true(retrospect_is_hash(STR("D41D8CD98F00B204E9800998ECF8427E"), RETROSPECT_MD5));
    assert_false(retrospect_is_hash(md5, RETROSPECT_SHA1));
    assert_false(retrospect_is_hash(STR("d41d8cd98f00b204e9800998ecf8427x"), RETROSPECT_MD5));
    assert_false(retrospect_is_hash(STR(""), RETROSPECT_SHA256));
}

#define NUMBERS                                                                                              \
    "version: 1\nround_seconds: 10\nlook_back_days: 30\ngap_least_seconds: 0\ndue_minutes: 60\n"             \
    "due_server_minutes: 30\nhosts_most: 9\n"
#define PLACES "places: [{path: file.path, hash: file.hash}]\n"
#define BARE   "hashes: {sha256: [file.hash.sha256], sha1: [file.hash.sha1], md5: [file.hash.md5]}\n"
#define HASHES BARE PLACES
#define USES                                                                                                 \
    "uses: [{id: executed, text: {en: run, ja: 実行}, when: {event.category: process, event.type: "        \
    "start}}]\n"
#define TASK                                                                                                 \
    "task: {title: {en: '{name}', ja: '{host}'}, script: {en: S, ja: す}, checklist: [{en: C, ja: "         \
    "か}]}\n"

static const struct {
    const char *text, *complaint; /* "" = taken */
} cases[] = {
    {NUMBERS HASHES USES TASK, ""},
    {NUMBERS HASHES USES TASK "ignored: [EICAR]\n", ""},
    {NUMBERS HASHES USES TASK "ignored: ['']\n", ":12:"},
    {NUMBERS HASHES USES TASK "prevented: {event.type: denied}\n", ""},
    {NUMBERS HASHES USES TASK "prevented: {}\n", ":12:"},
    {NUMBERS HASHES USES TASK "prevented: {event.tipe: denied}\n", "event.tipe"},
    {HASHES USES TASK, "version"},
    {"version: 1\n" HASHES USES TASK, "round_seconds"},
    {"version: 1\nround_seconds: 0\n" HASHES USES TASK, ":2:"},
    {NUMBERS USES TASK, "hashes"},
    {NUMBERS "hashes: {sha256: [file.hash.sha256], sha1: [], md5: [file.hash.md5]}\n" USES TASK, ":8:"},
    {NUMBERS "hashes: {sha256: [file.hush], sha1: [file.hash.sha1], md5: [file.hash.md5]}\n" USES TASK,
     "file.hush"},
    {NUMBERS "hashes: {sha256: [file.size], sha1: [file.hash.sha1], md5: [file.hash.md5]}\n" USES TASK,
     "file.size"},
    {NUMBERS BARE USES TASK, "places"},
    {NUMBERS BARE "places: [{path: file.path, hash: file.hush}]\n" USES TASK, "file.hush.sha256"},
    {NUMBERS HASHES TASK, "uses"},
    {NUMBERS HASHES "uses: [{id: executed, text: {en: run, ja: 実行}, when: {}}]\n" TASK, "when"},
    {NUMBERS HASHES "uses: [{id: executed, text: {en: run}, when: {event.type: start}}]\n" TASK, ":10:"},
    {NUMBERS HASHES "uses: [{id: 'A b', text: {en: run, ja: 実行}, when: {event.type: start}}]\n" TASK, "id"},
    {NUMBERS HASHES USES "task: {title: {en: '{user}', ja: x}}\n", "{use}"},
    {NUMBERS HASHES USES "task: {title: {en: x, ja: x}, script: {en: S, ja: す}, checklist: []}\n",
     "checklist"},
    {NUMBERS HASHES USES, ":1:"},
};

static void mistakes_are_told_with_their_line(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {{0}};
        struct retrospect_rules *r = retrospect_rules_read(str_c(cases[i].text), "retrospect.yml", &err);
        if ((r != NULL) != (cases[i].complaint[0] == 0) || strstr(err.text, cases[i].complaint) == NULL)
            print_error("case %zu: %s\n", i, err.text);
        assert_int_equal(r != NULL, cases[i].complaint[0] == 0);
        assert_non_null(strstr(err.text, cases[i].complaint));
        retrospect_rules_free(r);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_own_file_is_read),
                                       cmocka_unit_test(a_hash_is_told_by_its_digits),
                                       cmocka_unit_test(mistakes_are_told_with_their_line)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
