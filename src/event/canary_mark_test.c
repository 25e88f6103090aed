/* Marks of canaries: what the key's holder makes is read again, and nothing else is. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "event/canary_mark.h"

static const struct canary_key key = {{1, 2, 3}};
static const struct canary_key other_key = {{1, 2, 4}};
static const int64_t now_ns = INT64_C(1795000000) * NS_PER_SECOND;

static void written(struct buf *out, const char *record)
{
    struct canary_mark mark = {now_ns, 0x1234567890abcdef, 2, false};
    canary_mark_write(&key, &mark, str_c(record), out);
}

static void reads_what_was_written(void **state)
{
    static const char *const records[] = {"",        "a", "{\"a\":1}", "two\nlines", " hyakuyo-canary:1:",
                                          "\xff\xfe"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(records); i++) {
        struct buf text = {0};
        struct canary_mark mark;
        written(&text, records[i]);
        assert_int_equal(text.n, strlen(records[i]) + CANARY_MARK_BYTES);
        assert_true(canary_mark_read(&key, buf_str(&text), now_ns + NS_PER_SECOND, 2, &mark));
        assert_true(mark.number == 0x1234567890abcdef && mark.issued_ns == now_ns && mark.transport == 2);
        buf_free(&text);
    }
}

/* S178: a line of an exercise says so, and is no canary. */
static void exercises_are_told_apart(void **state)
{
    struct buf text = {0};
    struct canary_mark mark = {now_ns, 77, 5, true};
    (void)state;
    canary_mark_write(&key, &mark, str_c("a line"), &text);
    assert_int_equal(text.n, 6 + CANARY_MARK_BYTES);
    mark = (struct canary_mark){0};
    assert_true(canary_mark_read(&key, buf_str(&text), now_ns, 5, &mark) && mark.is_exercise &&
                mark.number == 77);
    buf_clear(&text);
    written(&text, "a line");
    assert_true(canary_mark_read(&key, buf_str(&text), now_ns, 2, &mark) && !mark.is_exercise);
    buf_free(&text);
}

/* No bit of record or mark can be changed. */
static void every_bit_counts(void **state)
{
    struct buf text = {0};
    struct canary_mark mark;
    (void)state;
    written(&text, "Failed password for root");
    for (size_t bit = 0; bit < text.n * 8; bit++) {
        text.p[bit / 8] ^= (char)(1 << bit % 8);
        assert_false(canary_mark_read(&key, buf_str(&text), now_ns, 2, &mark));
        text.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(canary_mark_read(&key, buf_str(&text), now_ns, 2, &mark));
    buf_free(&text);
}

static void holds_for_its_key_time_and_transport(void **state)
{
    struct buf text = {0};
    struct canary_mark mark;
    (void)state;
    written(&text, "x");
    struct str raw = buf_str(&text);
    assert_false(canary_mark_read(&other_key, raw, now_ns, 2, &mark));
    assert_false(canary_mark_read(&key, raw, now_ns, 1, &mark));
    assert_true(canary_mark_read(&key, raw, now_ns + CANARY_LIFETIME_NS, 2, &mark));
    assert_false(canary_mark_read(&key, raw, now_ns + CANARY_LIFETIME_NS + 1, 2, &mark));
    assert_true(canary_mark_read(&key, raw, now_ns - CANARY_LIFETIME_NS, 2, &mark));
    assert_false(canary_mark_read(&key, raw, now_ns - CANARY_LIFETIME_NS - 1, 2, &mark));
    assert_false(canary_mark_read(&key, raw, INT64_MIN, 2, &mark));
    assert_false(canary_mark_read(&key, raw, INT64_MAX, 2, &mark));
    for (size_t n = 0; n < raw.n; n++)
        assert_false(canary_mark_read(&key, str_slice(raw, 0, n), now_ns, 2, &mark));
    assert_false(canary_mark_read(&key, str_skip(raw, 1), now_ns, 2, &mark)); /* the record is gone */
    buf_free(&text);
}

static void the_key_is_made_once_and_is_private(void **state)
{
    char folder[] = "/tmp/canary_mark_test_XXXXXX", path[80], keys[80];
    struct canary_key first, second;
    struct error err;
    struct stat info;
    (void)state;
    assert_non_null(mkdtemp(folder));
    assert_true(canary_key_load(folder, &first, &err));
    assert_true(canary_key_load(folder, &second, &err));
    assert_memory_equal(&first, &second, sizeof first);
    snprintf(path, sizeof path, "%s/keys/canary.key", folder);
    snprintf(keys, sizeof keys, "%s/keys", folder);
    assert_int_equal(stat(path, &info), 0);
    assert_int_equal(info.st_mode & 0777, 0600);
    assert_int_equal(truncate(path, 5), 0);
    assert_false(canary_key_load(folder, &first, &err));
    assert_non_null(strstr(err.text, "canary.key"));
    unlink(path);
    rmdir(keys);
    rmdir(folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_what_was_written),
        cmocka_unit_test(exercises_are_told_apart),
        cmocka_unit_test(every_bit_counts),
        cmocka_unit_test(holds_for_its_key_time_and_transport),
        cmocka_unit_test(the_key_is_made_once_and_is_private),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
