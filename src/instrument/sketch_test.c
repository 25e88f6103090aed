/* Sketches keep their promises: the worked numbers of spec 2.5 (S56–S65). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/str.h"
#include "instrument/sketch.h"

static uint64_t hash_of(uint32_t n)
{
    return str_hash(str_n((const char *)&n, sizeof n));
}

static void test_sizes(void **state)
{
    (void)state;
    struct count_min_size size = count_min_size(1e-4, 1e-3);
    assert_int_equal(size.width, 27183);
    assert_int_equal(size.depth, 7);
    assert_true(fabs(hyperloglog_error(14) - 0.0081) < 0.00005);
}

static void test_space_saving(void **state)
{
    (void)state;
    enum { CAPACITY = 50, N = 20000 };
    struct heavy_entry entries[CAPACITY];
    uint32_t used = 0, truth[1000] = {0};
    bool is_new;
    for (uint32_t i = 0; i < N; i++) { /* few often, many seldom */
        uint32_t item = i % 4 ? (i / 4) % 8 : 8 + (i * 7919) % 992;
        truth[item]++;
        heavy_add(entries, &used, CAPACITY, hash_of(item), 1, &is_new);
    }
    assert_int_equal(used, CAPACITY);
    uint64_t sum = 0;
    uint32_t heavy = 0;
    for (uint32_t i = 0; i < used; i++) {
        sum += entries[i].count;
        assert_true(entries[i].error <= N / CAPACITY);
        for (uint32_t item = 0; item < 1000; item++)
            if (entries[i].hash == hash_of(item)) {
                assert_true(entries[i].count >= truth[item] &&
                            entries[i].count - entries[i].error <= truth[item]);
                heavy += truth[item] > N / CAPACITY;
            }
    }
    assert_int_equal(sum, N);
    assert_int_equal(heavy, 8); /* all that came more than N/k times are there */
}

static void test_distinct(void **state)
{
    (void)state;
    static uint8_t one[1 << 14], two[1 << 14];
    for (uint32_t i = 0; i < 100000; i++)
        hyperloglog_add(i % 2 ? one : two, 14, hash_of(i / 2 + (i % 2) * 50000));
    assert_true(fabs(hyperloglog_count(one, 14) / 50000 - 1) < 4 * 0.0081);
    hyperloglog_merge(one, two, 14);
    assert_true(fabs(hyperloglog_count(one, 14) / 100000 - 1) < 4 * 0.0081);
    uint8_t few[128] = {0};
    for (uint32_t i = 0; i < 20; i++)
        hyperloglog_add(few, 7, hash_of(i));
    assert_true(fabs(hyperloglog_count(few, 7) - 20) < 4);
}

static void test_count_min(void **state)
{
    (void)state;
    struct count_min_size size = count_min_size(0.01, 0.01);
    uint32_t *cells = NEW_ARRAY(uint32_t, (size_t)size.width * size.depth), beyond = 0;
    for (uint32_t i = 0; i < 10000; i++)
        count_min_add(cells, size, hash_of(i % 1000), 1);
    for (uint32_t i = 0; i < 1000; i++) {
        uint32_t estimate = count_min_estimate(cells, size, hash_of(i));
        assert_true(estimate >= 10); /* never too low */
        beyond += estimate > 10 + 100;
    }
    assert_true(beyond <= 10);
    memory_free(cells);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_space_saving),
        cmocka_unit_test(test_distinct),
        cmocka_unit_test(test_count_min),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
