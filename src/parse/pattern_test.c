/* The pattern language: what matches, what is captured, what is refused, and that no text makes it slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/clock.h"
#include "parse/pattern.h"

struct pattern_case {
    const char *pattern, *text;
    const char *captured; /* "name=value|name=value"; NULL = no match */
};

static const struct pattern_case cases[] = {
    {"a <x> c", "a b c", "x=b"},
    {"a <x> c", "a   b\tc  ", "x=b"},
    {"a <x> c", "a b c d", NULL},
    {"a <x> c...", "a b cd", "x=b"},
    {"Failed <m> for {invalid user }?<u> from <ip:ip> port <p:int>...",
     "Failed password for invalid user eve from 192.0.2.7 port 22 ssh2",
     "m=password|u=eve|ip=192.0.2.7|p=22"},
    {"Failed <m> for {invalid user }?<u> from <ip:ip> port <p:int>...",
     "Failed none for root from 2001:db8::7 port 22", "m=none|u=root|ip=2001:db8::7|p=22"},
    {"for <u:until> from <ip:ip>...", "for a from b from 192.0.2.1 x", "u=a from b|ip=192.0.2.1"},
    {"{accepted|denied|de} <x>", "denied y", "x=y"},
    {"<a:ip>:<p:int>", "192.0.2.1:80", "a=192.0.2.1|p=80"},
    {"[<a:ip>]:<p:int>", "[2001:db8::1]:80", "a=2001:db8::1|p=80"},
    {"by <x>{ port <p:int>}?...", "by host port 7 end", "x=host|p=7"},
    {"by <x>{ port <p:int>}?...", "by host", "x=host"},
    {"n=<x:any>;", "n=;", "x="},
    {"n=<x:until>;", "n=;", NULL},
    {"...%ASA-<l:int>-<c:int>: <t:rest>", "Nov 10 %ASA-6-302013: Built it ", "l=6|c=302013|t=Built it"},
    {"\\<<a>\\> (x) [y]", "<b> (x) [y]", "a=b"},
    {"from <m:mac> via", "from 192.168.224.144 via", NULL},
    {"from <m:mac> via", "from 0200.5e20.3031 via", "m=0200.5e20.3031"},
    {"u=<u:quoted> m=<m:mac> h=<h:hex> n=<n:num> p=<p:path>",
     "u=\"a \\\" b\" m=02:00:5e:10:00:01 h=0x1f n=-1.5 p=C:\\a\\b",
     "u=a \\\" b|m=02:00:5e:10:00:01|h=0x1f|n=-1.5|p=C:\\a\\b"},
    {"<h:host>: x", "srv-1.example.test: x", "h=srv-1.example.test"},
    {"a{ b{ <x>}?}?", "a b c", "x=c"},
    {"a{ b{ <x>}?}?", "a", ""},
    {"<:word> <x:id>.", "skip eve.", NULL},
};

static void matches(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 14);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct error err = {.text = ""};
        const struct pattern *p = pattern_compile(str_c(cases[i].pattern), &arena, &err);
        struct str captures[PATTERN_MAX_CAPTURES];
        if (!p)
            fail_msg("%s", err.text);
        bool hit = pattern_match(p, str_c(cases[i].text), captures);
        if (hit != (cases[i].captured != NULL))
            fail_msg("\"%s\" %s \"%s\"", cases[i].pattern, hit ? "matches" : "does not match", cases[i].text);
        struct str got = STR_EMPTY;
        for (size_t k = 0; hit && k < pattern_capture_count(p); k++)
            if (captures[k].p)
                got = arena_printf(&arena, "%.*s%s%.*s=%.*s", STR_ARGS(got), got.n ? "|" : "",
                                   STR_ARGS(pattern_capture_name(p, k)), STR_ARGS(captures[k]));
        if (hit && !str_eq(got, str_c(cases[i].captured)))
            fail_msg("\"%s\" captured \"%.*s\", expected \"%s\"", cases[i].pattern, STR_ARGS(got),
                     cases[i].captured);
    }
    arena_free(&arena);
}

static void refuses_mistakes(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "", "<x", "<x:nosuchtype>", "{a", "{a|b", "a\\", "{{{{{{{{{{{{{{{{{{a}}}}}}}}}}}}}}}}}}"};
    struct arena arena;
    arena_init(&arena, 1 << 14);
    for (size_t i = 0; i < COUNT_OF(wrong); i++) {
        struct error err = {.text = ""};
        assert_null(pattern_compile(str_c(wrong[i]), &arena, &err));
        assert_true(err.text[0]);
    }
    arena_free(&arena);
}

static void is_never_slow(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 1 << 14);
    const struct pattern *p =
        pattern_compile(STR("<a:until>x<b:until>x<c:until>x<d:until>x<e:until>y"), &arena, NULL);
    static char text[20000];
    memset(text, 'x', sizeof text);
    struct str captures[PATTERN_MAX_CAPTURES];
    int64_t start = clock_monotonic_ns();
    assert_false(pattern_match(p, str_n(text, sizeof text), captures));
    assert_true(clock_monotonic_ns() - start < 2 * NS_PER_SECOND);
    arena_free(&arena);
}

static void sets_choose_in_order(void **state)
{
    (void)state;
    static const char *const sources[] = {"<x> special", "Accepted <x>", "{Accepted|Denied} <x:rest>",
                                          "Accepted late", "...any <x>"};
    const struct pattern *patterns[COUNT_OF(sources)];
    struct str captures[PATTERN_MAX_CAPTURES];
    struct arena arena;
    arena_init(&arena, 1 << 14);
    for (size_t i = 0; i < COUNT_OF(sources); i++)
        assert_non_null(patterns[i] = pattern_compile(str_c(sources[i]), &arena, NULL));
    const struct pattern_set *set = pattern_set_new(patterns, COUNT_OF(sources), &arena);
    assert_int_equal(pattern_set_match(set, STR("Accepted special"), captures), 0);
    assert_int_equal(pattern_set_match(set, STR("Accepted late"), captures), 1);
    assert_int_equal(pattern_set_match(set, STR("Accepted a b"), captures), 2);
    assert_int_equal(pattern_set_match(set, STR("Denied a b"), captures), 2);
    assert_int_equal(pattern_set_match(set, STR("so any thing"), captures), 4);
    assert_int_equal(pattern_set_match(set, STR("zzz"), captures), -1);
    assert_int_equal(pattern_set_match(set, STR(""), captures), -1);
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(matches), cmocka_unit_test(refuses_mistakes),
                                       cmocka_unit_test(is_never_slow),
                                       cmocka_unit_test(sets_choose_in_order)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
