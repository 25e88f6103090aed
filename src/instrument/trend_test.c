/* Rises of counts: the tests of S54 and S55, warm-up, single hosts, restarts, and the simulation of spec 2.1
 * (NB baseline × weekly profile, seeded): false Orange in 90 days, outbreaks of five times found within two
 * bins. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "instrument/trend.h"

#define HOUR_NS   (3600 * NS_PER_SECOND)
#define FIRST_DAY 20400 /* a Saturday in JST; days since 1970 */

static const struct trend_options usual = {
    .ensemble = {.ewma_lambda = 0.25,
                 .ewma_limit = 3,
                 .cusum_k = 0.5,
                 .cusum_h = 5,
                 .ears_alpha = 0.001,
                 .ears_least_deviation = 1,
                 .farrington_alpha = 0.001,
                 .outlier_threshold = 2.58,
                 .least_recent = 5,
                 .tail_p = 1e-3,
                 .decisive_p = 1e-6,
                 .learning_bins = 8,
                 .mature_bins = 672},
    .outbreak_p = 1e-4,
    .outbreak_q = 0.01,
    .outbreak_count = 10,
    .outbreak_ratio = 5,
    .inside_sources = 3,
    .outside_sources = 20,
    .known_per_hour = 0.5,
    .trim_least = 3,
    .repeat_hours = 6,
    .relearn_hours = 168,
    .breadth_share = 0.6,
    .breadth_p = 0.01,
    .breadth_keys = 5,
    .total_p = 1e-3,
    .winsor = 3,
    .lateness_seconds = 120,
    .max_keys = 2000,
};

struct world {
    struct trend *trend;
    uint64_t seed;
    int told[TREND_BREADTH + 1];
    int64_t first_ns[TREND_BREADTH + 1]; /* since the counts were last cleared */
    char key[64], name[64];
    double ratio, expected;
};

static bool is_rest(void *context, int64_t hour)
{
    (void)context;
    int64_t weekday = ((hour + 9) / 24 + 4) % 7; /* 0 Sunday */
    return weekday == 0 || weekday == 6;
}

static int64_t day_of(void *context, int64_t hour)
{
    (void)context;
    return (hour + 9) / 24;
}

static void hear(void *context, const struct trend_told *told)
{
    struct world *w = context;
    if (w->told[told->kind]++ == 0)
        w->first_ns[told->kind] = told->time_ns;
    if (told->kind == TREND_BREADTH)
        return;
    snprintf(w->key, sizeof w->key, "%.*s", STR_ARGS(told->key));
    snprintf(w->name, sizeof w->name, "%.*s", STR_ARGS(told->top_name));
    w->ratio = told->ratio;
    w->expected = told->expected;
}

static struct trend *new_trend(struct world *w)
{
    struct trend_world world = {w, is_rest, day_of, hear};
    return trend_new(&usual, &world);
}

static struct world new_world(uint64_t seed)
{
    return (struct world){.seed = seed};
}

/* SplitMix64 (Steele, Lea, Flood 2014). */
static double uniform(struct world *w)
{
    uint64_t z = (w->seed += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return ((double)((z ^ (z >> 31)) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct world *w)
{
    return sqrt(-2 * log(uniform(w))) * cos(2 * M_PI * uniform(w));
}

/* Marsaglia and Tsang (2000); shape >= 1. */
static double gamma_variate(struct world *w, double shape)
{
    double d = shape - 1.0 / 3, c = 1 / sqrt(9 * d);
    for (;;) {
        double x = normal(w), v = 1 + c * x;
        if (v <= 0)
            continue;
        v = v * v * v;
        if (log(uniform(w)) < 0.5 * x * x + d - d * v + d * log(v))
            return d * v;
    }
}

static uint32_t poisson(struct world *w, double mean)
{
    if (mean > 30)
        return (uint32_t)fmax(0, floor(mean + sqrt(mean) * normal(w) + 0.5));
    uint32_t k = 0;
    for (double p = uniform(w), limit = exp(-mean); p > limit; k++)
        p *= uniform(w);
    return k;
}

static uint32_t negative_binomial(struct world *w, double mean, double size)
{
    return poisson(w, mean * gamma_variate(w, size) / size);
}

/* An office: busy by day, a fifth at night and a third on days of rest. */
static double profile(int64_t hour)
{
    int64_t of_day = (hour + 9) % 24;
    double day = of_day >= 9 && of_day < 18 ? 1 : 0.2;
    return is_rest(NULL, hour) ? day / 3 : day;
}

/* `count` of a key within the hour, by `sources` different ones inside or outside, evenly over its minutes.
 */
static void add(struct world *w, const char *key, int64_t hour, uint32_t count, uint32_t sources, bool inside)
{
    for (uint32_t i = 0; i < count; i++) {
        char name[32];
        uint32_t source = sources > 1 ? (uint32_t)(uniform(w) * sources) : 0;
        snprintf(name, sizeof name, "%s%u", inside ? "10.0.0." : "203.0.113.", source);
        struct source_name from = {str_c(name), 0, inside};
        int64_t at = hour * HOUR_NS + (int64_t)((i + 0.5) / count * 3600e9);
        trend_add(w->trend, str_c(key), 0, &from, at, 1);
    }
}

struct load {
    int keys;
    double mean, size; /* of a key in a busy hour */
    uint32_t sources;
    bool inside;
};

/* The keys' hours are told hour by hour: within one, key by key, as times of the keys interleave anyway. */
static void run_hour(struct world *w, const struct load *l, int64_t hour, int risen, double times)
{
    char key[32];
    trend_hear(w->trend, hour * HOUR_NS + 1);
    for (int k = 0; k < l->keys; k++) {
        double mean = l->mean * (0.5 + (k % 7) / 6.0) * profile(hour) * (risen < 0 || risen == k ? times : 1);
        uint32_t count = negative_binomial(w, mean, l->size);
        snprintf(key, sizeof key, "denied %d/tcp", k);
        for (uint32_t i = 0; i < count; i++) {
            char name[32];
            snprintf(name, sizeof name, "%s%u", l->inside ? "10.0.0." : "203.0.113.",
                     (uint32_t)(uniform(w) * l->sources));
            trend_add(w->trend, str_c(key), 0, &(struct source_name){str_c(name), 0, l->inside},
                      hour * HOUR_NS + (int64_t)((double)i / count * 300e9), 1);
        }
    }
    trend_reach(w->trend, (hour + 1) * HOUR_NS - 1);
}

static int64_t run(struct world *w, const struct load *l, int64_t hour, int64_t hours, int risen,
                   double times)
{
    for (int64_t end = hour + hours; hour < end; hour++)
        run_hour(w, l, hour, risen, times);
    return hour;
}

static void forget(struct world *w)
{
    memset(w->told, 0, sizeof w->told);
}

#define START (FIRST_DAY * 24 - 9) /* midnight in JST */
static const struct load office = {12, 8, 8, 40, true};

/* Five weeks, and on to ten o'clock of a Wednesday. */
static int64_t grow_up(struct world *w, const struct load *l)
{
    w->trend = new_trend(w);
    int64_t hour = run(w, l, START, 5 * 168 + 4 * 24 + 10, 99, 1);
    assert_false(trend_counters(w->trend).is_learning);
    assert_int_equal(w->told[TREND_OUTBREAK], 0);
    assert_int_equal(w->told[TREND_BREADTH], 0);
    forget(w);
    return hour;
}

/* S54: one key ×20 → Orange with the key named, not Yellow. */
static void test_one_key_times_twenty(void **state)
{
    (void)state;
    struct world w = new_world(1);
    int64_t hour = grow_up(&w, &office);
    run(&w, &office, hour, 3, 4, 20);
    trend_reach(w.trend, (hour + 3) * HOUR_NS + 600 * NS_PER_SECOND);
    assert_int_equal(w.told[TREND_OUTBREAK], 1);
    assert_true(w.first_ns[TREND_OUTBREAK] <= (hour + 2) * HOUR_NS); /* two bins */
    assert_string_equal(w.key, "denied 4/tcp");
    assert_true(w.ratio >= 5);
    assert_int_equal(w.told[TREND_BREADTH], 0);
    trend_free(w.trend);
}

/* S54: one noisy host ×100 → no Orange; it is told as a noisy host. */
static void test_noisy_host(void **state)
{
    (void)state;
    struct world w = new_world(2);
    int64_t hour = grow_up(&w, &office);
    for (int h = 0; h < 4; h++, hour++) {
        run_hour(&w, &office, hour, 99, 1);
        struct source_name one = {STR("10.9.9.9"), 0, true};
        trend_add(w.trend, STR("denied 4/tcp"), 0, &one, (hour + 1) * HOUR_NS - 2, 800);
    }
    trend_reach(w.trend, hour * HOUR_NS + 600 * NS_PER_SECOND);
    assert_int_equal(w.told[TREND_OUTBREAK], 0);
    assert_int_equal(w.told[TREND_BREADTH], 0);
    assert_int_equal(w.told[TREND_NOISY_HOST], 1);
    assert_string_equal(w.name, "10.9.9.9");
    trend_free(w.trend);
}

/* S55: +40 % on all keys → Yellow within a day, not Orange. One key ×50 → not Yellow. */
static void test_breadth(void **state)
{
    (void)state;
    struct world w = new_world(3);
    int64_t hour = grow_up(&w, &office);
    run(&w, &office, hour, 38, -1, 1.4); /* to the end of the next whole day */
    trend_reach(w.trend, (hour + 39) * HOUR_NS);
    assert_true(w.told[TREND_BREADTH] >= 1);
    assert_int_equal(w.told[TREND_OUTBREAK], 0);
    trend_free(w.trend);
    w = new_world(4);
    hour = grow_up(&w, &office);
    run(&w, &office, hour, 38, 7, 50);
    trend_reach(w.trend, (hour + 39) * HOUR_NS);
    assert_int_equal(w.told[TREND_BREADTH], 0);
    assert_true(w.told[TREND_OUTBREAK] >= 1);
    trend_free(w.trend);
}

/* Both: all keys ×2 for a day and one ×50. */
static void test_both(void **state)
{
    (void)state;
    struct world w = new_world(5);
    int64_t hour = grow_up(&w, &office);
    hour = run(&w, &office, hour, 6, -1, 2);
    run(&w, &office, hour, 3, 7, 50);
    trend_reach(w.trend, (hour + 4) * HOUR_NS);
    assert_true(w.told[TREND_BREADTH] >= 1 && w.told[TREND_OUTBREAK] >= 1);
    trend_free(w.trend);
}

/* 学習中: nothing is said of what cannot be compared yet, but of what a policy forbids. */
static void test_warm_up(void **state)
{
    (void)state;
    struct world w = new_world(6);
    w.trend = new_trend(&w);
    assert_true(trend_counters(w.trend).is_learning);
    int64_t hour = START + 81;
    for (int h = 0; h < 4; h++)
        add(&w, "signature X", hour + h, h < 2 ? 2 : 300, 20, true);
    trend_reach(w.trend, (hour + 5) * HOUR_NS);
    assert_int_equal(w.told[TREND_OUTBREAK] + w.told[TREND_SURGE] + w.told[TREND_NOISY_HOST], 0);
    hour += 5;
    for (int i = 0; i < 2; i++) { /* one host, however often */
        struct source_name one = {STR("10.0.0.1"), 0, true};
        trend_add(w.trend, STR("25/tcp direct"), TREND_FORBIDDEN, &one,
                  hour * HOUR_NS + i * 300 * NS_PER_SECOND, 100);
    }
    trend_reach(w.trend, hour * HOUR_NS + 900 * NS_PER_SECOND);
    assert_int_equal(w.told[TREND_OUTBREAK], 0);
    for (int i = 4; i < 6; i++) /* spec 5.2: three hosts */
        for (int host = 0; host < 3; host++) {
            struct source_name from = {str_c(host == 0   ? "10.0.0.1"
                                             : host == 1 ? "10.0.0.2"
                                                         : "10.0.0.3"),
                                       0, true};
            trend_add(w.trend, STR("25/tcp direct"), TREND_FORBIDDEN, &from,
                      hour * HOUR_NS + i * 300 * NS_PER_SECOND, 22);
        }
    trend_reach(w.trend, hour * HOUR_NS + 2000 * NS_PER_SECOND);
    assert_int_equal(w.told[TREND_OUTBREAK], 1);
    assert_string_equal(w.key, "25/tcp direct");
    assert_true(w.first_ns[TREND_OUTBREAK] == hour * HOUR_NS + 1800 * NS_PER_SECOND);
    trend_free(w.trend);
}

/* Late, silent, and too many: counted, not lost in silence. */
static void test_edges(void **state)
{
    (void)state;
    struct world w = new_world(7);
    w.trend = new_trend(&w);
    struct source_name from = {STR("10.0.0.1"), 0, true};
    char key[32];
    for (int i = 0; i < 2500; i++) {
        snprintf(key, sizeof key, "signature %d", i);
        trend_add(w.trend, str_c(key), 0, &from, START * HOUR_NS + i * NS_PER_SECOND, 1);
    }
    assert_int_equal(trend_counters(w.trend).keys, 2000);
    assert_int_equal(trend_counters(w.trend).dropped, 500);
    trend_add(w.trend, STR("late"), 0, &from, START * HOUR_NS, 1);
    assert_int_equal(trend_counters(w.trend).late, 1);
    trend_reach(w.trend, (START + 24 * 365) * HOUR_NS); /* a year's silence is no year of zeroes */
    assert_true(trend_counters(w.trend).is_learning);
    trend_free(w.trend);
}

/* Saved and loaded in the middle of a bin: the same is found. */
static void test_restart(void **state)
{
    (void)state;
    struct world w = new_world(8);
    int64_t hour = grow_up(&w, &office);
    hour = run(&w, &office, hour, 1, 4, 20);
    add(&w, "denied 4/tcp", hour, 100, 30, true);
    struct buf saved = {0}, again = {0};
    trend_save(w.trend, &saved);
    struct trend *other = new_trend(&w);
    struct cursor in = {buf_str(&saved), false};
    assert_true(trend_load(other, &in));
    trend_save(other, &again);
    assert_true(str_eq(buf_str(&saved), buf_str(&again)));
    trend_free(w.trend);
    w.trend = other;
    trend_reach(w.trend, (hour + 1) * HOUR_NS + 600 * NS_PER_SECOND);
    assert_int_equal(w.told[TREND_OUTBREAK], 1);
    for (size_t cut = 0; cut < saved.n; cut += saved.n / 7 + 1) {
        in = (struct cursor){str_slice(buf_str(&saved), 0, cut), false};
        assert_false(trend_load(other, &in));
    }
    assert_int_equal(trend_counters(other).keys, 0);
    printf("state of 12 keys after five weeks: %zu bytes\n", saved.n);
    buf_free(&saved);
    buf_free(&again);
    trend_free(w.trend);
}

/* ---------------------------------------------------------------- simulation */

enum { SIMULATED_KEYS = 500, SIMULATED_DAYS = 90 };

static void test_quiet_days(void **state)
{
    (void)state;
    struct world w = new_world(20251110);
    static const struct load load = {SIMULATED_KEYS, 2, 3, 120, false};
    w.trend = new_trend(&w);
    run(&w, &load, START, 24 * SIMULATED_DAYS, 99, 1);
    printf("%d keys, %d benign days: %d false Orange, %d false Yellow, %d surges (%.2f a day)\n",
           SIMULATED_KEYS, SIMULATED_DAYS, w.told[TREND_OUTBREAK], w.told[TREND_BREADTH], w.told[TREND_SURGE],
           w.told[TREND_SURGE] / (double)SIMULATED_DAYS);
    assert_true(w.told[TREND_OUTBREAK] <= 1);
    assert_true(w.told[TREND_BREADTH] == 0);
    assert_true(w.told[TREND_SURGE] <= SIMULATED_DAYS);
    assert_true(trend_counters(w.trend).bytes < 20u << 20);
    trend_free(w.trend);
}

static void test_outbreaks_are_found(void **state)
{
    (void)state;
    enum { TRIALS = 40 };
    static const struct load load = {10, 8, 8, 40, true};
    struct world w = new_world(77);
    int64_t hour = grow_up(&w, &load);
    struct buf saved = {0};
    trend_save(w.trend, &saved);
    int found = 0;
    for (int trial = 0; trial < TRIALS; trial++) {
        struct cursor in = {buf_str(&saved), false};
        assert_true(trend_load(w.trend, &in));
        forget(&w);
        /* five times what the key would have done: an outbreak comes on top of it */
        run(&w, &load, hour, 2, trial % 10, 6);
        trend_reach(w.trend, (hour + 2) * HOUR_NS + 600 * NS_PER_SECOND);
        found += w.told[TREND_SURGE] >= 1;
    }
    printf("outbreaks of five times the usual: %d of %d found within two bins\n", found, TRIALS);
    assert_true(found >= TRIALS * 9 / 10);
    buf_free(&saved);
    trend_free(w.trend);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_key_times_twenty),
        cmocka_unit_test(test_noisy_host),
        cmocka_unit_test(test_breadth),
        cmocka_unit_test(test_both),
        cmocka_unit_test(test_warm_up),
        cmocka_unit_test(test_edges),
        cmocka_unit_test(test_restart),
        cmocka_unit_test(test_quiet_days),
        cmocka_unit_test(test_outbreaks_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
