/* Canonical JSON by the examples of RFC 8785, and the walk that finds what was changed (S175). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/memory.h"
#include "record/entry.h"
#include "record/jcs.h"

static void canonical(const char *json, const char *wanted)
{
    struct arena arena;
    struct error err;
    struct buf out = {0};
    arena_init(&arena, 4096);
    const struct json_node *node = json_parse(str_c(json), &arena, &err);
    assert_non_null(node);
    assert_true(jcs_write(&out, node, &err));
    assert_string_equal(buf_cstr(&out), wanted);
    buf_free(&out);
    arena_free(&arena);
}

/* RFC 8785 3.2.2 and 3.2.3. */
static void rfc_examples(void **state)
{
    (void)state;
    canonical("{\"numbers\": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],"
              "\"string\": \"\\u20ac$\\u000F\\u000aA'\\u0042\\u0022\\u005c\\\\\\\"\\/\","
              "\"literals\": [null, true, false]}",
              "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
              "\"string\":\"\xe2\x82\xac$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
    canonical(
        "{\"\\u20ac\":\"Euro Sign\",\"\\r\":\"Carriage Return\",\"\\ufb33\":\"Hebrew Letter Dalet With "
        "Dagesh\",\"1\":\"One\",\"\\ud83d\\ude00\":\"Emoji: Grinning Face\",\"\\u0080\":\"Control\","
        "\"\\u00f6\":\"Latin Small Letter O With Diaeresis\"}",
        "{\"\\r\":\"Carriage Return\",\"1\":\"One\",\"\xc2\x80\":\"Control\",\"\xc3\xb6\":\"Latin Small "
        "Letter O With Diaeresis\",\"\xe2\x82\xac\":\"Euro Sign\",\"\xf0\x9f\x98\x80\":\"Emoji: Grinning "
        "Face\",\"\xef\xac\xb3\":\"Hebrew Letter Dalet With Dagesh\"}");
}

static void number_is(uint64_t bits, const char *wanted)
{
    double number;
    struct buf out = {0};
    memcpy(&number, &bits, sizeof number);
    jcs_number(&out, number);
    assert_string_equal(buf_cstr(&out), wanted);
    buf_free(&out);
}

/* RFC 8785 appendix B. */
static void rfc_numbers(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        const char *text;
    } cases[] = {
        {0x0000000000000000, "0"},
        {0x8000000000000000, "0"},
        {0x0000000000000001, "5e-324"},
        {0x8000000000000001, "-5e-324"},
        {0x7fefffffffffffff, "1.7976931348623157e+308"},
        {0x4340000000000000, "9007199254740992"},
        {0x4430000000000000, "295147905179352830000"},
        {0x44b52d02c7e14af5, "9.999999999999997e+22"},
        {0x44b52d02c7e14af6, "1e+23"},
        {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
        {0x444b1ae4d6e2ef4e, "999999999999999700000"},
        {0x444b1ae4d6e2ef50, "1e+21"},
        {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
        {0x3eb0c6f7a0b5ed8d, "0.000001"},
        {0x41b3de4355555553, "333333333.3333332"},
        {0x41b3de4355555555, "333333333.3333333"},
        {0xbecbf647612f3696, "-0.0000033333333333333333"},
        {0x43143ff3c1cb0959, "1424953923781206.2"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        number_is(cases[i].bits, cases[i].text);
}

#define ENTRIES 4
struct fixture {
    struct record_entry entries[ENTRIES];
    struct record_change change;
};

static void make(struct fixture *f)
{
    struct record_hash last_of_incident = {0};
    *f = (struct fixture){.change = {STR("incident"), STR("state"), STR("new"), STR("triage"), 7}};
    for (uint64_t i = 0; i < ENTRIES; i++) {
        struct record_entry *e = &f->entries[i];
        *e = (struct record_entry){.seq = i + 1,
                                   .recorded_ns = 1000 + (int64_t)i,
                                   .action = STR("judge"),
                                   .actor = STR("sato"),
                                   .salt = STR("0123456789abcdef0123456789abcdef"),
                                   .text = STR("calls Ms Suzuki")};
        if (i % 2) {
            e->incident = 7;
            e->incident_seq = i / 2 + 1;
            e->incident_prev_hash = last_of_incident;
            e->changes = &f->change;
            e->change_count = 1;
        }
        if (i)
            e->prev_hash = f->entries[i - 1].entry_hash;
        record_seal(e);
        if (i % 2)
            last_of_incident = e->entry_hash;
    }
}

/* The seq of the first bad entry; 0 = all good. */
static uint64_t first_bad(const struct fixture *f)
{
    struct error err;
    uint64_t bad = 0;
    struct record_walk *w = record_walk_new();
    for (int i = 0; bad == 0 && i < ENTRIES; i++)
        if (!record_walk_take(w, &f->entries[i], &err))
            bad = f->entries[i].seq;
    if (bad == 0)
        (void)!record_walk_end(w, &bad, &err);
    record_walk_free(w);
    return bad;
}

static void changes_are_found(void **state)
{
    (void)state;
    struct fixture f;
    make(&f);
    assert_int_equal(first_bad(&f), 0);
    f.entries[1].text = STR("calls Mr Suzuki");
    assert_int_equal(first_bad(&f), 2);
    make(&f);
    f.change.new_value = STR("closed");
    assert_int_equal(first_bad(&f), 2);
    make(&f);
    f.entries[2].actor = STR("kato");
    assert_int_equal(first_bad(&f), 3);
    make(&f);
    record_seal((f.entries[2].role = STR("lead"), &f.entries[2])); /* hashed again: the next tells */
    assert_int_equal(first_bad(&f), 4);
    make(&f);
    f.entries[3].incident_seq = 3;
    record_seal(&f.entries[3]);
    assert_int_equal(first_bad(&f), 4);
    make(&f);
    f.entries[2].recorded_ns = 5; /* the clock went back, and nobody says so */
    record_seal(&f.entries[2]);
    assert_int_equal(first_bad(&f), 3);
}

static void an_erased_text_needs_its_entry(void **state)
{
    (void)state;
    struct fixture f;
    make(&f);
    f.entries[1].is_erased = true;
    f.entries[1].text = f.entries[1].salt = STR_EMPTY;
    assert_int_equal(first_bad(&f), 2);
    f.entries[3].action = STR("correct");
    f.entries[3].target = STR("record/2");
    record_seal(&f.entries[3]);
    assert_int_equal(first_bad(&f), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rfc_examples),
        cmocka_unit_test(rfc_numbers),
        cmocka_unit_test(changes_are_found),
        cmocka_unit_test(an_erased_text_needs_its_entry),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
