/* Parquet's integer encodings: read back by the plainest reader there can be. */
#include "store/parquet_rle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33);
}

static uint64_t take_varint(struct str *in)
{
    uint64_t number = 0;
    for (unsigned shift = 0;; shift += 7) {
        assert_true(in->n > 0);
        unsigned char byte = (unsigned char)in->p[0];
        *in = str_skip(*in, 1);
        number |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80)
            return number;
    }
}

static uint32_t take_packed(struct str bytes, size_t place, unsigned width)
{
    uint32_t number = 0;
    for (unsigned bit = 0; bit < width; bit++) {
        size_t at = place * width + bit;
        number |= (uint32_t)((unsigned char)bytes.p[at / 8] >> at % 8 & 1) << bit;
    }
    return number;
}

/* Encodings.md: a run's head is its length × 2, a packed one's the number of groups × 2 + 1. */
static void check(struct str in, const uint32_t *expected, size_t count, unsigned width)
{
    size_t at = 0;
    while (in.n) {
        uint64_t head = take_varint(&in);
        size_t bytes = head & 1 ? (size_t)(head >> 1) * width : (width + 7) / 8;
        size_t values = head & 1 ? (size_t)(head >> 1) * 8 : (size_t)(head >> 1);
        assert_true(bytes <= in.n && values > 0);
        for (size_t i = 0; i < values && at < count; i++, at++)
            assert_int_equal(take_packed(in, head & 1 ? i : 0, width), expected[at]);
        in = str_skip(in, bytes);
    }
    assert_int_equal(at, count);
}

static void test_numbers_of_every_width(void **state)
{
    (void)state;
    uint64_t seed = 1;
    uint32_t values[1000];
    for (unsigned width = 1; width <= 32; width++)
        for (size_t count = 1; count <= COUNT_OF(values); count += 1 + count / 3) {
            struct buf out = {0};
            uint32_t mask = width == 32 ? UINT32_MAX : (1u << width) - 1, run = 0, value = 0;
            for (size_t i = 0; i<count; i++, run -= run> 0) {
                if (run == 0 && next_random(&seed) % 20 == 0)
                    run = next_random(&seed) % 40;
                value = run ? value : (next_random(&seed) << 1 ^ next_random(&seed)) & mask;
                values[i] = value;
            }
            rle_encode(&out, values, count, width);
            check(buf_str(&out), values, count, width);
            buf_free(&out);
        }
}

/* Dense, sparse, and in runs of every length around the limits of groups and words. */
static void test_bits_are_the_same_bytes(void **state)
{
    (void)state;
    uint64_t seed = 2;
    for (int round = 0; round < 2000; round++) {
        size_t count = 1 + next_random(&seed) % 700;
        uint32_t *values = NEW_ARRAY(uint32_t, count);
        uint64_t *words = NEW_ARRAY(uint64_t, count / 64 + 1);
        struct buf as_numbers = {0}, as_bits = {0};
        uint32_t longest = 1 + next_random(&seed) % 150, value = 0, run = 0;
        for (size_t i = 0; i < count; i++, run--) {
            if (run == 0) {
                value = !value;
                run = 1 + next_random(&seed) % longest;
            }
            values[i] = value;
            words[i / 64] |= (uint64_t)value << i % 64;
        }
        rle_encode(&as_numbers, values, count, 1);
        rle_encode_bits(&as_bits, words, count);
        check(buf_str(&as_bits), values, count, 1);
        assert_int_equal(as_bits.n, as_numbers.n);
        assert_memory_equal(as_bits.p, as_numbers.p, as_bits.n);
        buf_free(&as_numbers);
        buf_free(&as_bits);
        memory_free(values);
        memory_free(words);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numbers_of_every_width),
        cmocka_unit_test(test_bits_are_the_same_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
