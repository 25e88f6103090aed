/* Arenas, growing bytes, the hash table, sentences of errors. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>

#include "base/arena.h"
#include "base/base64.h"
#include "base/buf.h"
#include "base/map.h"

static void arena_keeps_what_it_gave(void **state)
{
    (void)state;
    struct arena a;
    arena_init(&a, 1024);
    struct str all[500];
    for (int i = 0; i < 500; i++)
        all[i] = arena_printf(&a, "value %d", i);
    for (int i = 0; i < 500; i++) {
        char expected[32];
        snprintf(expected, sizeof expected, "value %d", i);
        assert_string_equal(all[i].p, expected);
        assert_int_equal((uintptr_t)all[i].p % 8, 0);
    }
    char *big = arena_alloc(&a, 100000); /* larger than a chunk: gets its own */
    memset(big, 'x', 100000);
    assert_string_equal(arena_str(&a, STR("after")).p, "after");
    assert_true(a.used_bytes >= 100000);
    arena_reset(&a);
    assert_int_equal(a.used_bytes, 0);
    assert_string_equal(arena_concat(&a, STR("ab"), STR("cd")).p, "abcd");
    assert_string_equal(arena_lower(&a, STR("AbÄ")).p, "abÄ");
    assert_int_equal(arena_str(&a, STR_EMPTY).n, 0);
    arena_free(&a);
    arena_free(&a);
}

static void arena_needs_no_init(void **state)
{
    (void)state;
    struct arena a = {0};
    int *numbers = ARENA_ARRAY(&a, int, 10);
    assert_int_equal(numbers[9], 0);
    arena_free(&a);
}

static void markup_is_escaped(void **state)
{
    (void)state;
    struct buf b = {0};
    buf_markup(&b, STR("<a href=\"x\">'Q' & \a\r\n日本</a>"));
    assert_true(str_eq(buf_str(&b), STR("&lt;a href=&quot;x&quot;&gt;&#39;Q&#39; &amp; \n日本&lt;/a&gt;")));
    buf_free(&b);
}

static void buf_grows(void **state)
{
    (void)state;
    struct buf b = {0};
    assert_int_equal(buf_str(&b).n, 0);
    buf_i64(&b, INT64_MIN);
    buf_char(&b, ' ');
    buf_u64(&b, UINT64_MAX);
    buf_printf(&b, " %0500d", 7);
    buf_c(&b, "!");
    assert_true(str_starts(buf_str(&b), STR("-9223372036854775808 18446744073709551615 000")));
    assert_true(str_ends(buf_str(&b), STR("07!")));
    assert_int_equal(b.n, 20 + 1 + 20 + 1 + 500 + 1);
    assert_int_equal(strlen(buf_cstr(&b)), b.n);
    buf_clear(&b);
    buf_add(&b, STR_EMPTY);
    assert_string_equal(buf_cstr(&b), "");
    buf_free(&b);
}

static void map_finds(void **state)
{
    (void)state;
    struct map m = {0};
    struct arena a = {0};
    bool is_new;
    assert_null(map_find(&m, STR("x")));
    for (uintptr_t i = 0; i < 5000; i++) {
        uintptr_t *place = map_put(&m, arena_printf(&a, "key %zu", (size_t)i), &is_new);
        assert_true(is_new && *place == 0);
        *place = i;
    }
    assert_int_equal(*map_put(&m, STR("key 77"), &is_new), 77);
    assert_false(is_new);
    assert_int_equal(m.count, 5000);
    assert_null(map_find(&m, STR("key 5000")));
    assert_int_equal(*map_find(&m, STR("key 4999")), 4999);
    assert_string_equal(m.entries[3].key.p, "key 3"); /* order of insertion */
    map_clear(&m);
    assert_null(map_find(&m, STR("key 1")));
    map_put(&m, STR(""), NULL);
    assert_non_null(map_find(&m, STR_EMPTY));
    map_free(&m);
    arena_free(&a);
}

static void errors_are_sentences(void **state)
{
    (void)state;
    struct error err;
    assert_false(error_at(&err, "rules/a.yml", 3, 7, "bad %s", "thing"));
    assert_string_equal(err.text, "rules/a.yml:3:7: bad thing");
    error_prefix(&err, "cannot load: ");
    assert_string_equal(err.text, "cannot load: rules/a.yml:3:7: bad thing");
    error_at(&err, "f", 3, 0, "x");
    assert_string_equal(err.text, "f:3: x");
    error_at(&err, "f", 0, 0, "x");
    assert_string_equal(err.text, "f: x");
    errno = ENOENT;
    error_errno(&err, "cannot open %s", "f");
    assert_string_equal(err.text, "cannot open f: No such file or directory");
    char longer[4000];
    memset(longer, 'y', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    error_at(&err, longer, 1, 1, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    error_prefix(&err, "%s", longer);
    assert_int_equal(strlen(err.text), sizeof err.text - 1);
    assert_false(error_set(NULL, "nobody listens"));
}

static void base64_round_trips(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"},
                                           {"\xff\xfe\xfd", "//79"}}; /* RFC 4648 section 10 */
    struct buf b = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        buf_clear(&b);
        base64_encode(&b, str_c(cases[i][0]));
        assert_string_equal(buf_cstr(&b), cases[i][1]);
        buf_clear(&b);
        assert_true(base64_decode(&b, str_c(cases[i][1])));
        assert_string_equal(buf_cstr(&b), cases[i][0]);
        buf_clear(&b);
        assert_true(base64_decode(&b, str_trim_chars(str_c(cases[i][1]), "=")));
        assert_string_equal(buf_cstr(&b), cases[i][0]);
    }
    buf_clear(&b);
    assert_false(base64_decode(&b, STR("Zg=x")) || base64_decode(&b, STR("Z")) ||
                 base64_decode(&b, STR("Zm9v!")));
    assert_int_equal(b.n, 0);
    buf_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_keeps_what_it_gave),
        cmocka_unit_test(arena_needs_no_init),
        cmocka_unit_test(buf_grows),
        cmocka_unit_test(markup_is_escaped),
        cmocka_unit_test(map_finds),
        cmocka_unit_test(errors_are_sentences),
        cmocka_unit_test(base64_round_trips),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
