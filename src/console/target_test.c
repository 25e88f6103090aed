/* Request targets: splitting, percent-decoding, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "console/target.h"

static enum target_result parse(const char *uri, struct arena *arena, struct target *out)
{
    arena_init(arena, 4096);
    return target_parse(str_c(uri), arena, out);
}

static void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.n, strlen(expected));
    assert_memory_equal(s.p, expected, s.n);
}

static void splits_before_decoding(void **state)
{
    struct arena arena;
    struct target t;
    (void)state;
    assert_int_equal(parse("/api/a%2Fb/%E3%81%82?q=x%26y+z&empty&=v&n=1%3D2#f?g", &arena, &t), TARGET_OK);
    assert_int_equal(t.segment_count, 3);
    assert_str(t.segments[1], "a/b");
    assert_str(t.segments[2], "あ");
    assert_int_equal(t.query_count, 4);
    assert_str(t.query[0].value, "x&y z");
    assert_str(t.query[1].name, "empty");
    assert_str(t.query[1].value, "");
    assert_str(t.query[2].name, "");
    assert_str(t.query[3].value, "1=2");
    arena_free(&arena);
}

static void paths(void **state)
{
    struct arena arena;
    struct target t;
    (void)state;
    assert_int_equal(parse("/", &arena, &t), TARGET_OK);
    assert_int_equal(t.segment_count, 0);
    arena_free(&arena);
    assert_int_equal(parse("/a//b/", &arena, &t), TARGET_OK);
    assert_int_equal(t.segment_count, 4);
    assert_str(t.segments[3], "");
    arena_free(&arena);
    assert_int_equal(parse("http://other.example:80/a?b=c", &arena, &t), TARGET_OK);
    assert_str(t.path, "/a");
    assert_int_equal(t.query_count, 1);
    arena_free(&arena);
    assert_int_equal(parse("http://other.example", &arena, &t), TARGET_OK);
    assert_str(t.path, "/");
    arena_free(&arena);
    assert_int_equal(parse("/a+b", &arena, &t), TARGET_OK);
    assert_str(t.path, "/a+b");
    arena_free(&arena);
}

static void refuses(void **state)
{
    static const char *const BAD[] = {"",         "a",    "*",       "/%",   "/%2",   "/%g0",    "/%00",
                                      "/a%0d%0a", "/%ff", "/%c0%ae", "/%7f", "/?q=%", "/?q=%ff", "/?%zz=1"};
    struct arena arena;
    struct target t;
    (void)state;
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        assert_int_equal(parse(BAD[i], &arena, &t), TARGET_BAD_ENCODING);
        arena_free(&arena);
    }
}

static void limits(void **state)
{
    struct arena arena;
    struct target t;
    struct buf uri = {0};
    (void)state;
    buf_c(&uri, "/?");
    for (int i = 0; i < TARGET_QUERY_MAX; i++)
        buf_c(&uri, "a=b&");
    assert_int_equal(parse(buf_cstr(&uri), &arena, &t), TARGET_OK);
    arena_free(&arena);
    buf_c(&uri, "a=b");
    assert_int_equal(parse(buf_cstr(&uri), &arena, &t), TARGET_TOO_MANY);
    arena_free(&arena);
    buf_clear(&uri);
    for (int i = 0; i <= TARGET_SEGMENTS_MAX; i++)
        buf_c(&uri, "/a");
    assert_int_equal(parse(buf_cstr(&uri), &arena, &t), TARGET_TOO_MANY);
    arena_free(&arena);
    while (uri.n <= TARGET_BYTES_MAX)
        buf_char(&uri, 'x');
    assert_int_equal(parse(buf_cstr(&uri), &arena, &t), TARGET_TOO_LONG);
    arena_free(&arena);
    buf_free(&uri);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(splits_before_decoding), cmocka_unit_test(paths),
                                       cmocka_unit_test(refuses), cmocka_unit_test(limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
