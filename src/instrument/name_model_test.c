/* The model of names on what nobody tuned it with: names that people choose are not taken for generated, by
 * kind, and names drawn by lot are, by family (S66, S106, spec 2.4). Whole hosts: tests/test_names.py. */
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
#include "instrument/name_model.h"

#define LIKENESS 0.65 /* generated_likeness of content/instruments/dga.yml */

static uint64_t random_state;

static unsigned below(unsigned n)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (unsigned)((random_state >> 33) % n);
}

struct world {
    struct arena arena;
    struct str *words;
    size_t word_count;
    struct name_model *model;
};

static void start(struct world *w)
{
    struct error err = {0};
    random_state = 1;
    arena_init(&w->arena, 64 << 10);
    const struct yaml *top = yaml_load(SOURCE_ROOT "/content/instruments/dga.yml", &w->arena, &err);
    if (top == NULL)
        fail_msg("%s", err.text);
    const struct yaml *words = yaml_get(yaml_get(top, "lists"), "words");
    w->words = ARENA_ARRAY(&w->arena, struct str, words->count + 1);
    w->word_count = 0;
    for (const struct yaml *word = words->child; word != NULL; word = word->next)
        w->words[w->word_count++] = word->text;
    w->model = name_model_new(w->words, w->word_count);
}

static void stop(struct world *w)
{
    name_model_free(w->model);
    arena_free(&w->arena);
}

/* ------------------------------------------------------------------------- names drawn by lot */

static struct str drawn(const char *alphabet, size_t length, char *room)
{
    size_t letters = strlen(alphabet);
    for (size_t i = 0; i < length; i++)
        room[i] = alphabet[below((unsigned)letters)];
    return str_n(room, length);
}

static double share_found(const struct world *w, const char *alphabet, size_t shortest, unsigned more)
{
    char room[64];
    unsigned found = 0;
    for (int i = 0; i < 1000; i++)
        found += generated_likeness(w->model, drawn(alphabet, shortest + below(more), room)) >= LIKENESS;
    print_message("%-38s %.1f %% found\n", alphabet, found / 10.0);
    return found / 1000.0;
}

static void drawn_names_are_found(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    assert_true(share_found(&w, "abcdefghijklmnopqrstuvwxyz", 12, 8) >= 0.97);
    assert_true(share_found(&w, "abcdefghijklmnopqrstuvwxyz", 8, 4) >= 0.90);
    assert_true(share_found(&w, "abcdefghijklmnopqrstuvwxy", 12, 1) >= 0.95);
    assert_true(share_found(&w, "abcdef0123456789", 12, 20) >= 0.98);
    assert_true(share_found(&w, "abcdefghijklmnopqrstuvwxyz234567", 12, 8) >= 0.98);
    stop(&w);
}

/* ------------------------------------------------------------------------- names that people choose */

static void chosen_names_are_left_alone(void **state)
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
    struct world w;
    start(&w);
    unsigned taken = 0;
    double lowest = 0;
    for (size_t i = 0; i < COUNT_OF(chosen); i++) {
        taken += generated_likeness(w.model, chosen[i]) >= LIKENESS;
        lowest = fmin(lowest, name_likelihood(w.model, chosen[i]));
    }
    print_message("names people chose taken for generated: %u of %zu, lowest likelihood %.2f\n", taken,
                  COUNT_OF(chosen), lowest);
    assert_true(taken <= 1);
    stop(&w);
}

static int print_numbered(char *room, size_t size, struct str first, struct str second, unsigned number)
{
    switch (below(6)) {
    case 0:
        return snprintf(room, size, "%.*s%u", STR_ARGS(first), number);
    case 1:
        return snprintf(room, size, "%u%.*s", number, STR_ARGS(first));
    case 2:
        return snprintf(room, size, "%.*s-%u", STR_ARGS(first), number);
    case 3:
        return snprintf(room, size, "%.*s%u%.*s", STR_ARGS(first), number, STR_ARGS(second));
    case 4:
        return snprintf(room, size, "%.*s-%u-%.*s", STR_ARGS(first), number, STR_ARGS(second));
    default:
        return snprintf(room, size, "%.*s%.*s%u", STR_ARGS(first), STR_ARGS(second), number);
    }
}

/* Servers, sites, tenants: a word, or two, and a number before, between or after them. */
static void numbers_beside_words_say_nothing(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    unsigned taken = 0;
    for (int n = 0; n < 3000; n++) {
        char room[64];
        struct str first = w.words[below((unsigned)w.word_count)];
        struct str second = w.words[below((unsigned)w.word_count)];
        print_numbered(room, sizeof room, first, second, below(9999));
        taken += generated_likeness(w.model, str_c(room)) >= LIKENESS;
    }
    print_message("words with numbers taken for generated: %u of 3000\n", taken);
    assert_true(taken <= 15);
    stop(&w);
}

static void what_says_nothing_gives_nothing(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    assert_float_equal(generated_likeness(w.model, STR("abc")), 0, 0);
    assert_float_equal(generated_likeness(w.model, STR("xn--eckwd4c7cu47r2wf")), 0, 0);
    assert_true(generated_likeness(w.model, STR("20261128")) < 0.1);
    assert_float_equal(name_likelihood(w.model, STR("123-45")), 0, 0);
    assert_float_equal(name_wordless_share(w.model, STR("")), 0, 0);
    assert_float_equal(name_wordless_share(w.model, STR("mailserver")), 0, 0);
    assert_float_equal(name_wordless_share(w.model, STR("MailServer")), 0, 0);
    assert_float_equal(name_wordless_share(w.model, STR("mailxq")), 2.0 / 6, 1e-12);
    assert_float_equal(name_wordless_share(w.model, STR("xqz-mail-kkr")), 0, 0); /* initials */
    char room[300]; /* longer than a label may be: some log says so */
    assert_true(generated_likeness(w.model, drawn("abcdefghijklmnopqrstuvwxyz0123456789-.", 300, room)) <= 1);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(drawn_names_are_found),
        cmocka_unit_test(chosen_names_are_left_alone),
        cmocka_unit_test(numbers_beside_words_say_nothing),
        cmocka_unit_test(what_says_nothing_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
