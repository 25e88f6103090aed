/* Unit tests of the dga instrument (S66, S106; spec 2.4). Whole families of names: tests/test_names.py. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "instrument/covert_testing.h"

static void ask_missing(struct trial *t, double at, int count, const char *from, const char *format,
                        const char *more)
{
    char name[80], label[20];
    for (int n = 0; n < count; n++) {
        for (int k = 0; k < 14; k++)
            label[k] = (char)('a' + (int)(uniform() * 26));
        label[14] = 0;
        snprintf(name, sizeof name, format, label);
        question(t, at + n * 20, from, name, "A", more);
    }
}

#define MISSING ";dns.response_code=NXDOMAIN"

static void test_generated(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    random_state = 9;
    ask_missing(t, 0, 9, "10.20.30.1", "%s.com", MISSING);
    assert_int_equal(trial_count(t, "generated_names", NULL), 0);
    ask_missing(t, 200, 1, "10.20.30.1", "%s.net", MISSING);
    assert_int_equal(trial_count(t, "generated_names", "10.20.30.1"), 1);
    assert_int_equal(trial_count(t, "nxdomain_burst", NULL), 0);
    ask_missing(t, 1000, 30, "10.20.30.2", "%s.corp.example", MISSING); /* a search suffix */
    ask_missing(t, 3000, 30, "10.20.30.3", "%s", MISSING);              /* a browser's probes */
    ask_missing(t, 5000, 30, "10.10.0.25", "%s.com", MISSING ";hyakuyo.asset.role=mail-server");
    ask_missing(t, 7000, 30, "10.20.30.4", "%s.com", ";dns.response_code=NOERROR");
    assert_int_equal(trial_count(t, "generated_names", NULL) + trial_count(t, "nxdomain_burst", NULL), 1);
    ask_missing(t, 9000, 24, "10.20.30.5", "%s.org", ""); /* the log keeps no answers */
    assert_int_equal(trial_count(t, "generated_names", "10.20.30.5"), 1);
    trial_free(t);
}

static void test_old_bookmarks(void **state)
{
    (void)state;
    static const char *const names[] = {"orangegarden", "kyotostation", "summerhouse", "bluewater",
                                        "greenvalley",  "goldenhotel",  "citylibrary", "marketplace",
                                        "familydoctor", "winterschool", "musicteacher"};
    struct trial *t = trial_new();
    char name[80];
    for (size_t n = 0; n < COUNT_OF(names); n++) {
        snprintf(name, sizeof name, "www.%s.com", names[n]);
        question(t, 10.0 * (double)n, "10.20.30.1", name, "A", MISSING);
    }
    assert_int_equal(trial_count(t, "generated_names", NULL), 0);
    assert_int_equal(trial_count(t, "nxdomain_burst", "10.20.30.1"), 1);
    trial_free(t);
}

/* `count` domains of two words each, from `from_number` on, one every 12 seconds. */
static void ask_words(struct trial *t, double at, int from_number, int count, const char *from,
                      const char *more)
{
    static const char *const words[] = {"orange", "garden", "summer", "house", "green",  "valley", "golden",
                                        "hotel",  "city",   "market", "place", "winter", "school", "river"};
    char name[80];
    for (int n = from_number; n < from_number + count; n++) {
        snprintf(name, sizeof name, "%s%s.com", words[n % 14], words[n / 14 % 14]);
        question(t, at + 12.0 * (n - from_number), from, name, "A", more);
    }
}

/* A bot that puts its names together from words: that hardly any exists is all there is to see. */
static void test_flood(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    ask_words(t, 0, 0, 20, "10.20.30.1", MISSING);
    assert_int_equal(trial_count(t, "nxdomain_burst", "10.20.30.1"), 1);
    ask_words(t, 0, 100, 5, "10.20.30.1", ";dns.response_code=NOERROR"); /* as every computer does */
    trial_restart(t);
    ask_words(t, 240, 20, 20, "10.20.30.1", MISSING);
    assert_int_equal(trial_count(t, "nxdomain_flood", "10.20.30.1"), 1);
    ask_words(t, 1200, 0, 90, "10.20.30.3", MISSING); /* an isolated network: nothing exists */
    assert_int_equal(trial_count(t, "nxdomain_flood", NULL), 1);
    assert_int_equal(trial_count(t, "nxdomain_burst", "10.20.30.3"), 1);
    for (int n = 0; n < 5; n++) { /* a link checker meets dead links among living ones */
        ask_words(t, 3000 + 120 * n, 10 * n, 6, "10.20.30.2", MISSING);
        ask_words(t, 3000 + 120 * n, 60 + 20 * n, 20, "10.20.30.2", ";dns.response_code=NOERROR");
    }
    assert_int_equal(trial_count(t, "nxdomain_flood", NULL), 1);
    assert_int_equal(trial_count(t, "generated_names", NULL), 0);
    trial_free(t);
}

/* One name in five minutes makes no burst; over hours it is seen. A link checker meets many dead names in a
 * day, few of which look generated. */
static void test_slow(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    random_state = 5;
    for (int n = 0; n < 40; n++) {
        ask_missing(t, 1000 + 300 * n, 1, "10.20.30.1", "%s.info", MISSING);
        if (n == 15) {
            assert_int_equal(trial_count(t, "generated_names", NULL), 0);
            trial_restart(t);
        }
    }
    assert_int_equal(trial_count(t, "generated_names", "10.20.30.1"), 1);
    for (int n = 0; n < 120; n++) {
        ask_words(t, 20000 + 300 * n, n, 1, "10.20.30.2", MISSING);
        if (n % 4 == 0)
            ask_missing(t, 20000 + 300 * n, 1, "10.20.30.2", "%s.info", MISSING);
    }
    assert_int_equal(trial_count(t, "generated_names", NULL), 1);
    trial_free(t);
}

/* Names that a provider draws for its customers are no generated ones, unless anybody may take one there; and
 * who asks for hundreds of domains asks for some odd ones. */
static void test_who_drew_the_lot(void **state)
{
    (void)state;
    struct trial *t = trial_new();
    random_state = 11;
    ask_missing(t, 0, 30, "10.20.30.1", "%s.cloudfront.net", "");
    assert_int_equal(trial_count(t, "generated_names", NULL), 0);
    ask_missing(t, 3000, 24, "10.20.30.2", "%s.duckdns.org", "");
    assert_int_equal(trial_count(t, "generated_names", "10.20.30.2"), 1);
    ask_missing(t, 6000, 1, "10.20.30.3", "%s.com", "");
    for (int n = 0; n < 196; n += 14)
        ask_words(t, 6000, n, 14, "10.20.30.3", "");
    ask_missing(t, 6000, 24, "10.20.30.3", "%s.com", "");
    assert_int_equal(trial_count(t, "generated_names", NULL), 1);
    trial_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_generated),
        cmocka_unit_test(test_old_bookmarks),
        cmocka_unit_test(test_flood),
        cmocka_unit_test(test_slow),
        cmocka_unit_test(test_who_drew_the_lot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
