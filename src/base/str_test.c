/* Borrowed bytes: comparing, searching, numbers, UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"

static void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.n, strlen(expected));
    assert_memory_equal(s.p, expected, s.n);
}

static void compares(void **state)
{
    (void)state;
    assert_true(str_eq(STR(""), (struct str){NULL, 0}));
    assert_true(str_eq_nocase(STR("AbC"), STR("aBc")));
    assert_false(str_eq_nocase(STR("[a"), STR("{a"))); /* 32 apart, but no letters */
    assert_true(str_starts(STR("abc"), STR("ab")) && !str_starts(STR("a"), STR("ab")));
    assert_true(str_ends(STR("abc"), STR("bc")) && !str_ends(STR("c"), STR("bc")));
    assert_true(str_starts_nocase(STR("ABC"), STR("ab")) && str_ends_nocase(STR("ABC"), STR("bc")));
    assert_true(str_compare(STR("a"), STR("ab")) < 0 && str_compare(STR("\xff"), STR("a")) > 0);
    assert_int_equal(str_compare(STR("a"), STR("a")), 0);
}

static void searches(void **state)
{
    (void)state;
    assert_int_equal(str_find(STR("aXbXc"), STR("X"), 2), 3);
    assert_int_equal(str_find(STR("abc"), STR(""), 3), 3);
    assert_true(str_find(STR("abc"), STR(""), 4) == STR_NOT_FOUND);
    assert_true(str_find(STR("ab"), STR("abc"), 0) == STR_NOT_FOUND);
    assert_true(str_find_char(STR("ab"), 'a', 1) == STR_NOT_FOUND);
    assert_int_equal(str_find_last_char(STR("a.b.c"), '.'), 3);
    assert_true(str_find_last_char((struct str){NULL, 0}, '.') == STR_NOT_FOUND);
    assert_true(str_contains_nocase(STR("xxPoWeRshell"), STR("powershell")));
    assert_true(str_contains_nocase(STR("x"), STR("")) && !str_contains_nocase(STR("ab"), STR("abc")));
}

static void cuts(void **state)
{
    (void)state;
    assert_str(str_slice(STR("abc"), 1, 99), "bc");
    assert_str(str_slice(STR("abc"), 9, 1), "");
    assert_str(str_skip(STR("abc"), 9), "");
    assert_str(str_trim(STR(" \t a b\r\n")), "a b");
    assert_str(str_trim(STR("  ")), "");
    assert_str(str_trim_chars(STR("\"a\""), "\""), "a");
}

static void splits(void **state)
{
    (void)state;
    struct str rest = STR("a,,b"), part;
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "a");
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_true(str_split(&rest, ',', &part));
    assert_str(part, "b");
    assert_false(str_split(&rest, ',', &part));
    rest = STR("a,");
    assert_true(str_split(&rest, ',', &part) && str_split(&rest, ',', &part));
    assert_str(part, "");
    assert_false(str_split(&rest, ',', &part));
}

static void reads_numbers(void **state)
{
    (void)state;
    int64_t i;
    uint64_t u;
    double d;
    assert_true(str_to_i64(STR("-9223372036854775808"), &i) && i == INT64_MIN);
    assert_true(str_to_i64(STR("+42"), &i) && i == 42);
    assert_true(str_to_i64(STR("9223372036854775807"), &i) && i == INT64_MAX);
    assert_false(str_to_i64(STR("9223372036854775808"), &i));
    assert_false(str_to_i64(STR("-9223372036854775809"), &i));
    assert_false(str_to_i64(STR(""), &i) || str_to_i64(STR("-"), &i) || str_to_i64(STR("1 "), &i));
    assert_false(str_to_i64(STR("0x1f"), &i) || str_to_i64(STR("--1"), &i));
    assert_true(str_to_u64(STR("18446744073709551615"), 10, &u) && u == UINT64_MAX);
    assert_false(str_to_u64(STR("18446744073709551616"), 10, &u));
    assert_true(str_to_u64(STR("fF"), 16, &u) && u == 255);
    assert_true(str_to_u64(STR("0x1f"), 0, &u) && u == 31);
    assert_true(str_to_u64(STR("0"), 0, &u) && u == 0);
    assert_false(str_to_u64(STR("0x"), 16, &u) || str_to_u64(STR("8"), 8, &u));
    assert_true(str_to_double(STR("-1.5e3"), &d) && d == -1500);
    assert_false(str_to_double(STR("inf"), &d) || str_to_double(STR("nan"), &d) ||
                 str_to_double(STR("0x1p3"), &d));
    assert_false(str_to_double(STR(""), &d) || str_to_double(STR("1.2.3"), &d) ||
                 str_to_double(STR("1e999"), &d));
    assert_false(str_to_double(STR("1 "), &d) || str_to_double(STR("e"), &d) ||
                 str_to_double(STR("1\0"), &d));
}

static void hashes(void **state)
{
    (void)state;
    char upper[1000], lower[1000];
    memset(upper, 'A', sizeof upper);
    memset(lower, 'a', sizeof lower);
    assert_true(str_hash(STR("a")) != str_hash(STR("b")));
    for (size_t n = 0; n <= sizeof upper; n += 37)
        assert_true(str_hash_nocase(str_n(upper, n)) == str_hash_nocase(str_n(lower, n)));
    assert_true(str_hash_nocase(str_n(lower, 999)) == str_hash(str_n(lower, 999)));
}

static void knows_utf8(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_utf8;
    } cases[] = {
        {"", true},
        {"abc", true},
        {"日本語", true},
        {"\xf0\x9f\x98\x80", true},
        {"\xc0\xaf", false},
        {"\xc1\xbf", false},
        {"\xe0\x80\xaf", false},
        {"\xed\xa0\x80", false},
        {"\x80", false},
        {"\xe3\x81", false},
        {"\xf4\x8f\xbf\xbf", true},
        {"\xf4\x90\x80\x80", false},
        {"\xf5\x80\x80\x80", false},
        {"\xef\xbf\xbf", true},
        {"\xc2\xa9", true},
        {"\xf0\x8f\xbf\xbf", false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_int_equal(str_is_utf8(str_c(cases[i].text)), cases[i].is_utf8);
        for (size_t before = 0; before < 70; before += 23) { /* across the fast path's strides */
            char line[128];
            memset(line, 'x', sizeof line);
            memcpy(line + before, cases[i].text, strlen(cases[i].text));
            assert_int_equal(str_is_utf8(str_n(line, sizeof line)), cases[i].is_utf8);
        }
    }
    char line[40];
    for (size_t n = 0; n < sizeof line; n++) {
        memset(line, 'x', sizeof line);
        assert_true(str_is_ascii(str_n(line, n)));
        for (size_t at = 0; at < sizeof line; at++, line[at - 1] = 'x') {
            line[at] = (char)0x80;
            assert_int_equal(str_is_ascii(str_n(line, n)), at >= n);
        }
    }
    assert_int_equal(str_utf8_length(STR("日x")), 3);
    assert_int_equal(str_utf8_length(STR("\xff")), 0);
    assert_int_equal(str_utf8_length(STR("")), 0);
    static const size_t starts[] = {0, 1, 1, 1, 4, 5, 5};
    for (size_t most = 0; most < COUNT_OF(starts); most++)
        assert_int_equal(str_utf8_start(STR("a日b"), most).n, starts[most]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(compares),   cmocka_unit_test(searches),      cmocka_unit_test(cuts),
        cmocka_unit_test(splits),     cmocka_unit_test(reads_numbers), cmocka_unit_test(hashes),
        cmocka_unit_test(knows_utf8),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
