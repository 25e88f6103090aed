/* Columns, and the integer encodings read back by decoders written from the specification. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "store/bloom.h"
#include "store/column_set.h"
#include "store/parquet_rle.h"
#include "store/parquet_unpack.h"

/* ---- columns ---- */

static void test_rows_are_left_out_while_dense(void **state)
{
    (void)state;
    struct column c;
    column_init(&c, STR("a"), COLUMN_NUMBER, false);
    for (uint32_t row = 0; row < 100; row++)
        column_add_number(&c, row, row);
    assert_null(c.rows);
    column_add_number(&c, 99, 7); /* a scalar keeps its first value */
    assert_int_equal(c.count, 100);
    assert_null(c.rows);
    column_add_number(&c, 105, 1050);
    assert_non_null(c.rows);
    assert_int_equal(column_first(&c, 50), 50);
    assert_int_equal(column_first(&c, 101), 100);
    assert_int_equal(column_row(&c, 100), 105);
    assert_int_equal(column_first(&c, 106), 101);
    column_free(&c);
}

static void test_dictionary_and_giving_up(void **state)
{
    (void)state;
    struct column c;
    char text[16];
    column_init(&c, STR("a"), COLUMN_TEXT, false);
    for (uint32_t row = 0; row < 10000; row++)
        column_add_text(&c, row, row % 2 ? STR("odd") : STR(""));
    assert_int_equal(c.entry_count, 2);
    column_free(&c);
    column_init(&c, STR("a"), COLUMN_TEXT, false);
    for (uint32_t row = 0; row < 40000; row++) {
        int n = snprintf(text, sizeof text, "%u", row);
        column_add_text(&c, row, str_n(text, (size_t)n));
    }
    assert_true(c.is_plain);
    assert_int_equal(c.entry_count, 40000);
    assert_true(str_eq(column_text(&c, 39999), STR("39999")));
    column_free(&c);
}

static void test_several_texts_in_a_scalar(void **state)
{
    (void)state;
    struct column c;
    column_init(&c, STR("a"), COLUMN_TEXT, false);
    column_add_text(&c, 0, STR("x"));
    column_add_text(&c, 0, STR("y\""));
    column_add_text(&c, 0, STR("z"));
    column_add_text(&c, 1, STR("x"));
    column_add_text(&c, 1, STR("y"));
    assert_int_equal(c.count, 2);
    assert_true(str_eq(column_text(&c, 0), STR("[\"x\",\"y\\\"\",\"z\"]")));
    assert_true(str_eq(column_text(&c, 1), STR("[\"x\",\"y\"]")));
    column_free(&c);
}

static void test_texts_become_utf8(void **state)
{
    (void)state;
    struct column c;
    column_init(&c, STR("a"), COLUMN_TEXT, true);
    column_add_text(&c, 0,
                    STR("a\xFF"
                        "b\xE3\x81"));
    column_add_text(&c, 0, STR("\xE3\x81\x82\xED\xA0\x80"));
    assert_true(str_eq(column_text(&c, 0), STR("a\xEF\xBF\xBD"
                                               "b\xEF\xBF\xBD\xEF\xBF\xBD")));
    assert_true(str_is_utf8(column_text(&c, 1)));
    assert_true(str_starts(column_text(&c, 1), STR("\xE3\x81\x82\xEF\xBF\xBD")));
    column_free(&c);
}

static void fill_column(struct column *c, uint32_t rows, unsigned every, unsigned different)
{
    char text[32];
    for (uint32_t row = 0; row < rows; row += every) {
        int n = snprintf(text, sizeof text, "text %u", row % different);
        column_add_text(c, row, str_n(text, (size_t)n));
    }
}

/* A recycled column is as a new one, and gives back what it does not need. */
static void test_recycling(void **state)
{
    (void)state;
    static const struct {
        uint32_t rows;
        unsigned every, different;
    } rounds[] = {{30000, 1, 100}, {30000, 2, 30000}, {50000, 3, 7},
                  {100, 1, 100},   {40000, 1, 40000}, {5, 2, 1}};
    struct column used, fresh;
    column_init(&used, STR("a"), COLUMN_TEXT, false);
    for (size_t i = 0; i < COUNT_OF(rounds); i++) {
        column_init(&fresh, STR("a"), COLUMN_TEXT, false);
        fill_column(&fresh, rounds[i].rows, rounds[i].every, rounds[i].different);
        fill_column(&used, rounds[i].rows, rounds[i].every, rounds[i].different);
        assert_int_equal(used.count, fresh.count);
        assert_int_equal(used.entry_count, fresh.entry_count);
        assert_int_equal(used.is_plain, fresh.is_plain);
        assert_int_equal(used.rows == NULL, fresh.rows == NULL);
        for (uint32_t v = 0; v < fresh.count; v++) {
            assert_int_equal(column_row(&used, v), column_row(&fresh, v));
            assert_true(str_eq(column_text(&used, v), column_text(&fresh, v)));
        }
        column_free(&fresh);
        column_recycle(&used);
        assert_int_equal(used.count + used.entry_count + used.heap.n, 0);
        assert_true(used.capacity <= rounds[i].rows * 4 + 64);
    }
    assert_true(used.heap.capacity < 1024);
    column_free(&used);
}

/* ---- encodings ---- */

static uint64_t read_varint(const unsigned char **p)
{
    uint64_t v = 0;
    for (unsigned shift = 0;; shift += 7) {
        unsigned char byte = *(*p)++;
        v |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return v;
    }
}

static uint64_t read_bits(const unsigned char *p, size_t at, unsigned width)
{
    uint64_t v = 0;
    for (unsigned i = 0; i < width; i++)
        v |= (uint64_t)(p[(at + i) / 8] >> ((at + i) % 8) & 1) << i;
    return v;
}

/* Our reader gives the same, whether it reads one by one, skips, or is told how many are alike. */
static void expect_read_back(struct str bytes, const uint32_t *values, size_t count, unsigned width)
{
    struct rle_reader r;
    uint32_t value;
    rle_read_begin(&r, bytes, width);
    for (size_t i = 0; i < count; i++) {
        assert_true(rle_read(&r, &value));
        assert_int_equal(value, values[i]);
    }
    rle_read_begin(&r, bytes, width);
    for (size_t i = 0; i < count;) {
        uint64_t same;
        assert_true(rle_same(&r, &same, &value));
        for (uint64_t k = 0; k < same && i + k < count; k++)
            assert_int_equal(value, values[i + k]);
        uint64_t step = (uint64_t)random() % 5 + 1;
        step = step < count - i ? step : count - i;
        assert_true(rle_skip(&r, step));
        i += step;
    }
    if (width > 1)
        return;
    uint64_t ones = 0, expected = 0;
    rle_read_begin(&r, bytes, width);
    for (size_t i = 0; i < count;) {
        uint64_t step = (uint64_t)random() % 200 + 1;
        step = step < count - i ? step : count - i;
        assert_true(rle_count_ones(&r, step, &ones));
        for (; step; step--)
            expected += values[i++];
        assert_int_equal(ones, expected);
    }
}

static void expect_hybrid(const uint32_t *values, size_t count, unsigned width)
{
    struct buf out = {0};
    rle_encode(&out, values, count, width);
    const unsigned char *p = (const unsigned char *)out.p, *end = p + out.n;
    size_t at = 0;
    while (p < end) {
        uint64_t header = read_varint(&p), n = header >> 1;
        if (header & 1) {
            for (uint64_t i = 0; i < n * 8; i++, at++)
                if (at < count)
                    assert_int_equal(read_bits(p, i * width, width), values[at]);
            p += n * width;
        } else {
            uint32_t value = 0;
            for (unsigned i = 0; i < (width + 7) / 8; i++)
                value |= (uint32_t)*p++ << (8 * i);
            for (uint64_t i = 0; i < n; i++, at++)
                assert_int_equal(value, values[at]);
        }
    }
    assert_true(p == end && at >= count && at < count + 8);
    expect_read_back(buf_str(&out), values, count, width);
    struct rle_reader r;
    rle_read_begin(&r, str_slice(buf_str(&out), 0, out.n - 1), width);
    assert_false(rle_skip(&r, at)); /* cut off */
    buf_free(&out);
}

static void test_hybrid(void **state)
{
    (void)state;
    uint32_t values[3000];
    srandom(7);
    for (unsigned width = 1; width <= 32; width++)
        for (unsigned round = 0; round < 20; round++) {
            size_t count = (size_t)random() % COUNT_OF(values) + 1;
            for (size_t i = 0; i < count;) {
                size_t run = random() % 3 ? 1 : (size_t)random() % 40 + 1;
                uint32_t value = (uint32_t)((uint64_t)random() << 8 ^ (uint64_t)random()) >> (32 - width);
                for (; run && i < count; run--)
                    values[i++] = value;
            }
            expect_hybrid(values, count, width);
        }
    assert_int_equal(bits_for(0), 1);
    assert_int_equal(bits_for(255), 8);
    assert_int_equal(bits_for(256), 9);
}

static void expect_delta(const int64_t *values, size_t count)
{
    struct buf out = {0};
    delta_encode(&out, values, count);
    const unsigned char *p = (const unsigned char *)out.p;
    assert_int_equal(read_varint(&p), 128);
    assert_int_equal(read_varint(&p), 4);
    assert_int_equal(read_varint(&p), count);
    uint64_t z = read_varint(&p), value = (z >> 1) ^ -(z & 1);
    if (count)
        assert_int_equal((int64_t)value, values[0]);
    for (size_t at = 1; at < count;) {
        z = read_varint(&p);
        uint64_t min = (z >> 1) ^ -(z & 1);
        const unsigned char *widths = p;
        p += 4;
        for (unsigned m = 0; m < 4 && at < count; m++) {
            for (unsigned i = 0; i < 32 && at < count; i++, at++) {
                value += min + read_bits(p, (size_t)i * widths[m], widths[m]);
                assert_int_equal((int64_t)value, values[at]);
            }
            p += widths[m] * 4;
        }
    }
    assert_true(p == (const unsigned char *)out.p + out.n);
    struct delta_reader r;
    int64_t number;
    assert_true(delta_read_begin(&r, buf_str(&out)));
    for (size_t i = 0; i < count; i++) {
        assert_true(delta_read(&r, &number));
        assert_int_equal(number, values[i]);
    }
    assert_false(delta_read(&r, &number));
    buf_free(&out);
}

static void test_delta(void **state)
{
    (void)state;
    int64_t values[700];
    srandom(8);
    expect_delta(values, 0);
    for (unsigned bits = 1; bits <= 64; bits++) {
        for (size_t i = 0; i < COUNT_OF(values); i++)
            values[i] =
                (int64_t)(((uint64_t)random() << 42 ^ (uint64_t)random() << 21 ^ (uint64_t)random()) >>
                          (64 - bits));
        for (size_t count = 1; count < COUNT_OF(values); count += 31)
            expect_delta(values, count);
    }
    int64_t extremes[] = {INT64_MIN, INT64_MAX, INT64_MIN, 0, -1, INT64_MAX, INT64_MAX, INT64_MIN};
    expect_delta(extremes, COUNT_OF(extremes));
}

/* ---- bloom ---- */

static bool may_hold(struct str filter, struct str value)
{
    uint64_t hash = bloom_hash(value);
    return bloom_block_has((const unsigned char *)filter.p + bloom_block(hash, filter.n) * BLOOM_BLOCK_BYTES,
                           hash);
}

static void test_bloom(void **state)
{
    (void)state;
    struct column c;
    struct buf out = {0};
    size_t header;
    char text[32];
    column_init(&c, STR("a"), COLUMN_TEXT, false);
    for (uint32_t i = 0; i < 20000; i++) {
        int n = snprintf(text, sizeof text, "PC-%u.Example", i);
        column_add_text(&c, i, str_n(text, (size_t)n));
    }
    bloom_write_column(&out, &c, &header);
    struct str filter = str_skip(buf_str(&out), header);
    assert_int_equal(filter.n & (filter.n - 1), 0);
    unsigned wrong = 0;
    for (uint32_t i = 0; i < 20000; i++) {
        int n = snprintf(text, sizeof text, "PC-%u.Example", i);
        assert_true(may_hold(filter, str_n(text, (size_t)n)));
        n = snprintf(text, sizeof text, "pc-%u.example", i);
        assert_true(may_hold(filter, str_n(text, (size_t)n)));
        n = snprintf(text, sizeof text, "absent-%u", i);
        wrong += may_hold(filter, str_n(text, (size_t)n));
    }
    assert_in_range(wrong, 0, 600); /* 3 % at most */
    column_free(&c);
    buf_free(&out);
    struct buf folded = {0};
    assert_true(str_eq(column_fold(STR("A\xE2\x84\xAA\xC4\xB0\xC3\x89z"), &folded), STR("aki\xC3\x89z")));
    buf_free(&folded);
    assert_int_equal(bloom_bytes(0), 32);
    assert_int_equal(bloom_bytes(100000000), BLOOM_MAX_BYTES);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows_are_left_out_while_dense),
        cmocka_unit_test(test_dictionary_and_giving_up),
        cmocka_unit_test(test_several_texts_in_a_scalar),
        cmocka_unit_test(test_texts_become_utf8),
        cmocka_unit_test(test_recycling),
        cmocka_unit_test(test_hybrid),
        cmocka_unit_test(test_delta),
        cmocka_unit_test(test_bloom),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
