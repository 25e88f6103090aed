/* Regular expressions: groups, flags, limits, bytes that are not UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/regex.h"

static bool matches(const char *pattern, unsigned flags, struct str subject)
{
    struct error err;
    struct regex *r = regex_new(str_c(pattern), flags, &err);
    struct regex_scratch *s = regex_scratch_new();
    assert_non_null(r);
    enum regex_result result = regex_match(r, s, subject, NULL, 0);
    assert_int_not_equal(result, REGEX_LIMIT);
    regex_scratch_free(s);
    regex_free(r);
    return result == REGEX_YES;
}

static void flags(void **state)
{
    (void)state;
    assert_true(matches("a.c", 0, STR("xabcx")));
    assert_false(matches("a.c", REGEX_ANCHORED, STR("xabcx")));
    assert_true(matches("ABC", REGEX_NOCASE, STR("abc")) && !matches("ABC", 0, STR("abc")));
    assert_true(matches("^b", REGEX_MULTILINE, STR("a\nb")) && !matches("^b", 0, STR("a\nb")));
    assert_true(matches("a.b", REGEX_DOTALL, STR("a\nb")) && !matches("a.b", 0, STR("a\nb")));
    assert_true(matches("^$", 0, (struct str){NULL, 0}));
    assert_true(matches("\xe7\x97\x85.\xe6\xaf\x92?", 0, STR("\xe7\x97\x85\xe5\x8e\x9f\xe6\xaf\x92")));
    assert_true(matches("^.$", 0, STR("\xff")));       /* bytes */
    assert_true(matches("日", 0, STR("\xff\xfe 日"))); /* the subject is not UTF-8 */
}

static void groups(void **state)
{
    (void)state;
    struct error err;
    struct regex *r = regex_new(STR("(?<user>\\w+)@(?<host>\\w+)(?::(\\d+))?"), 0, &err);
    struct regex_scratch *s = regex_scratch_new();
    struct str found[8];
    assert_int_equal(regex_group_count(r), 4);
    assert_true(str_eq(regex_group_name(r, 1), STR("user")) && str_eq(regex_group_name(r, 2), STR("host")));
    assert_true(str_eq(regex_group_name(r, 3), STR_EMPTY) && str_eq(regex_group_name(r, 99), STR_EMPTY));
    assert_int_equal(regex_match(r, s, STR("-- root@mail --"), found, 8), REGEX_YES);
    assert_true(str_eq(found[0], STR("root@mail")) && str_eq(found[1], STR("root")) &&
                str_eq(found[2], STR("mail")));
    assert_null(found[3].p);
    assert_null(found[7].p);
    assert_int_equal(regex_match(r, s, STR("nobody"), found, 8), REGEX_NO);
    regex_free(r);
    regex_scratch_free(s);
}

static void refuses(void **state)
{
    (void)state;
    struct error err;
    static const char *const bad[] = {"(", "[a", "a{2", "(?<n>a)(?<n>b)", "*", "\\C", "(*UTF)a"};
    for (size_t i = 0; i < COUNT_OF(bad); i++) {
        struct regex *r = regex_new(str_c(bad[i]), 0, &err);
        if (r && strcmp(bad[i], "a{2") != 0) /* a brace that is no repeat is a brace */
            fail_msg("taken: %s", bad[i]);
        regex_free(r);
    }
    assert_null(regex_new(STR("abc("), 0, &err));
    assert_non_null(strstr(err.text, "character 5"));
    struct buf many = {0};
    for (int i = 0; i < 70; i++)
        buf_c(&many, "(a)");
    assert_null(regex_new(buf_str(&many), 0, &err));
    buf_free(&many);
}

static void gives_up(void **state)
{
    (void)state;
    struct error err;
    char text[4001];
    memset(text, 'a', sizeof text - 1);
    text[sizeof text - 1] = 'b';
    struct regex *r = regex_new(STR("^(a+)+$"), 0, &err);
    struct regex_scratch *s = regex_scratch_new();
    assert_int_equal(regex_match(r, s, str_n(text, sizeof text), NULL, 0), REGEX_LIMIT);
    assert_int_equal(regex_match(r, s, str_n(text, 20), NULL, 0),
                     REGEX_YES); /* the scratch is as good as before */
    regex_free(r);
    regex_scratch_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flags),
        cmocka_unit_test(groups),
        cmocka_unit_test(refuses),
        cmocka_unit_test(gives_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
