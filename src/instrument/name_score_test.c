/* Entropies of spec 2.9 by the digit; counting in a few words within its stated error (spec 2.5). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "instrument/distinct.h"
#include "instrument/name_score.h"

static uint64_t random_state = 1;

static unsigned below(unsigned n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((random_state >> 33) % n);
}

static struct str drawn(const char *alphabet, size_t length, char *room)
{
    size_t letters = strlen(alphabet);
    for (size_t i = 0; i < length; i++)
        room[i] = alphabet[below((unsigned)letters)];
    return str_n(room, length);
}

static double mean_entropy(const char *alphabet, size_t length)
{
    char room[64];
    double sum = 0;
    for (int i = 0; i < 4000; i++)
        sum += name_entropy(drawn(alphabet, length, room));
    return sum / 4000;
}

static void test_entropy(void **state)
{
    (void)state;
    assert_float_equal(name_entropy(STR("mail")), 2.0, 1e-12);
    assert_float_equal(name_entropy(STR("MaIl")), 2.0, 1e-12);
    assert_float_equal(name_entropy(STR("")), 0, 0);
    assert_float_equal(name_entropy(STR("aaaa")), 0, 0);
    /* the expectation over what a tunnel sends: 31 characters of base32 */
    assert_float_equal(mean_entropy("abcdefghijklmnopqrstuvwxyz234567", 31), 4.22, 0.06);
    /* 20 hexadecimal digits, twelve of them once and four twice */
    assert_float_equal(name_entropy(STR("0123456789abcdef0123")), 3.92, 0.005);
}

static void test_labels(void **state)
{
    (void)state;
    assert_true(str_eq(subdomain_of(STR("a.b.example.com"), STR("example.com")), STR("a.b")));
    assert_int_equal(subdomain_of(STR("example.com"), STR("example.com")).n, 0);
    assert_int_equal(subdomain_of(STR("notexample.com"), STR("example.com")).n, 0);
    assert_true(str_eq(first_label(STR("example.co.jp")), STR("example")));
    assert_float_equal(label_length_mean(STR("abcd.ab")), 3, 1e-12);
}

static void test_distinct(void **state)
{
    (void)state;
    double worst = 0, weight_error = 0;
    for (int round = 0; round < 40; round++) {
        uint64_t words[32] = {0}; /* 2,048 bits */
        float minima[64] = {0};
        for (int i = 0; i < 1000; i++) {
            char text[32];
            int n = snprintf(text, sizeof text, "item %d of %d", i, round);
            uint64_t h = str_hash(str_n(text, (size_t)n));
            for (int twice = 0; twice < 2; twice++) { /* what comes again changes nothing */
                bitmap_add(words, 11, h);
                weight_add(minima, 6, h, 100 + i % 50);
            }
            if (i == 99)
                assert_float_equal(bitmap_count(words, 11), 100, 8);
        }
        worst = fmax(worst, fabs(bitmap_count(words, 11) / 1000 - 1));
        weight_error += pow(weight_sum(minima, 6) / 124500 - 1, 2) / 40;
    }
    print_message("linear counting: worst error %.1f %%; weights: standard error %.1f %% (stated %.1f %%)\n",
                  100 * worst, 100 * sqrt(weight_error), 100 / sqrt(62));
    assert_true(worst < 3 * 0.017); /* √(m(eᵗ − t − 1))/n at t = .49 is 1.7 % */
    assert_true(sqrt(weight_error) < 1.5 / sqrt(62));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_entropy),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
