/* Entropies of spec 2.9 by the digit, and that the pair model tells names that people chose from names drawn
 * by lot (S66, S106, spec 2.4); counting in a few words within its stated error (spec 2.5). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/memory.h"
#include "base/yaml.h"
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
    assert_float_equal(digit_share(STR("a1b2")), 0.5, 0);
    assert_float_equal(vowel_share(STR("aeb1")), 2.0 / 3, 1e-12);
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

static struct name_model *load(struct arena *a)
{
    struct error err = {0};
    arena_init(a, 64 << 10);
    const struct yaml *top = yaml_load(SOURCE_ROOT "/content/instruments/dga.yml", a, &err);
    if (top == NULL)
        fail_msg("%s", err.text);
    const struct yaml *words = yaml_get(yaml_get(top, "lists"), "words");
    struct str *items = ARENA_ARRAY(a, struct str, words->count + 1);
    size_t n = 0;
    for (const struct yaml *w = words->child; w != NULL; w = w->next)
        items[n++] = w->text;
    return name_model_new(items, n);
}

static void test_model(void **state)
{
    (void)state;
    static const struct str chosen[] = {STR("wikipedia"),      STR("stackoverflow"), STR("booking"),
                                        STR("salesforce"),     STR("tripadvisor"),   STR("yomiuri"),
                                        STR("kakaku"),         STR("theguardian"),   STR("paypal"),
                                        STR("ebay"),           STR("zoominfo"),      STR("dropbox"),
                                        STR("slideshare"),     STR("mercari"),       STR("softbank"),
                                        STR("mozilla"),        STR("wordpress"),     STR("bloomberg"),
                                        STR("reuters"),        STR("spotify"),       STR("cloudflare"),
                                        STR("linkedin"),       STR("ntt-east"),      STR("netflix"),
                                        STR("kurashiru"),      STR("cookpad"),       STR("pinterest"),
                                        STR("hatena"),         STR("livedoor"),      STR("sourceforge"),
                                        STR("accuweather"),    STR("citibank"),      STR("tabelog"),
                                        STR("microsoftonline")};
    struct arena a;
    struct name_model *m = load(&a);
    unsigned chosen_taken = 0, drawn_found = 0;
    double lowest = 0;
    for (size_t i = 0; i < COUNT_OF(chosen); i++) {
        chosen_taken += generated_likeness(m, chosen[i]) >= 0.5;
        lowest = fmin(lowest, name_likelihood(m, chosen[i]));
    }
    char room[32];
    for (int i = 0; i < 1000; i++)
        drawn_found += generated_likeness(m, drawn("abcdefghijklmnopqrstuvwxyz", 12 + below(8), room)) >= 0.5;
    print_message(
        "names people chose taken for generated: %u of %zu, lowest likelihood %.2f; drawn by lot found: "
        "%.1f %%\n",
        chosen_taken, COUNT_OF(chosen), lowest, drawn_found / 10.0);
    assert_true(chosen_taken <= 1);
    assert_true(drawn_found >= 900);
    drawn_found = 0;
    for (int i = 0; i < 1000; i++)
        drawn_found += generated_likeness(m, drawn("abcdef0123456789", 12 + below(8), room)) >= 0.5;
    assert_true(drawn_found >= 950);
    assert_float_equal(generated_likeness(m, STR("abc")), 0, 0);
    assert_float_equal(generated_likeness(m, STR("xn--eckwd4c7cu47r2wf")), 0, 0);
    name_model_free(m);
    arena_free(&a);
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
        cmocka_unit_test(test_model),
        cmocka_unit_test(test_distinct),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
