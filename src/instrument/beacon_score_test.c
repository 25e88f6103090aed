/* Beacon score and periodicity (S106, spec 2.7): the worked numbers, the expectations of scenario 5.6 over
 * 200 seeds, a sweep over jitter and dropped beats, and that chance is no beacon. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "instrument/beacon_score.h"
#include "instrument/periodicity.h"

#define DAY_S 86400

static uint64_t random_state;

static double uniform(void)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (double)(random_state >> 11) / 9007199254740992.0;
}

struct train {
    int64_t times[4096];
    double sizes[4096];
    size_t count;
};

/* Beats of `period_s` with jitter ±share, some of them dropped, through [0, length). */
static void beat(struct train *t, double period_s, double jitter, double dropped, double length_s)
{
    t->count = 0;
    for (double at = uniform() * period_s; at < length_s && t->count < COUNT_OF(t->times);) {
        if (uniform() >= dropped) {
            t->times[t->count] = (int64_t)at;
            t->sizes[t->count++] = floor(4280 + uniform() * 41);
        }
        at += period_s * (1 + jitter * (2 * uniform() - 1));
    }
}

static double score_of(const struct train *t, int64_t length_s, struct beacon_score *out)
{
    uint32_t bars[BEACON_BARS] = {0};
    if (t->count == 0)
        return 0;
    beacon_bars(t->times, t->count, 0, length_s, bars);
    struct beacon_input in = {.times_s = t->times,
                              .time_count = t->count,
                              .sizes = t->sizes,
                              .size_count = t->count,
                              .bars = bars,
                              .first_s = t->times[0],
                              .last_s = t->times[t->count - 1],
                              .end_s = length_s};
    return beacon_score(&in, out) ? out->total : 0;
}

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* ------------------------------------------------------------------------- worked numbers */

/* 60 s ± 6 s: quartiles 57, 60, 63, so no skew and a MAD of 3; timestamps score .975. */
static void test_worked_timestamps(void **state)
{
    (void)state;
    double intervals[1201];
    for (size_t i = 0; i < COUNT_OF(intervals); i++)
        intervals[i] = 54 + 12.0 * (double)i / 1200;
    double median, deviation;
    assert_float_equal(bowley_skew(intervals, COUNT_OF(intervals)), 0, 1e-9);
    double mad = mad_score(intervals, COUNT_OF(intervals), 1, &median, &deviation);
    assert_float_equal(median, 60, 1e-6);
    assert_float_equal(deviation, 3, 0.02);
    assert_float_equal((1 + mad) / 2, 0.975, 0.001);

    struct train t;
    struct beacon_score s;
    random_state = 7;
    beat(&t, 60, 0.1, 0, DAY_S);
    score_of(&t, DAY_S, &s);
    assert_float_equal(s.timestamps, 0.975, 0.01);
    assert_true(s.total > 0.97);
}

static void test_bowley(void **state)
{
    (void)state;
    const double skewed[] = {1, 11, 12, 13, 14, 60, 90, 100};
    /* halves {1, 11, 12, 13} and {14, 60, 90, 100}: Q1 11.5, Q2 13.5, Q3 75 */
    assert_float_equal(bowley_skew(skewed, 8), (11.5 + 75 - 27) / 63.5, 1e-9);
    const double narrow[] = {1, 2, 3, 4, 5, 6, 7, 8};
    assert_float_equal(bowley_skew(narrow, 8), 0, 0); /* Q3 − Q1 < 10 */
    const double piled[] = {5, 5, 5, 5, 5, 80, 90, 100};
    assert_float_equal(bowley_skew(piled, 8), 0, 0); /* Q2 = Q1 */
    double m, d;
    const double tiny[] = {0, 0, 0, 0, 9};
    assert_float_equal(mad_score(tiny, 5, 1, &m, &d), 1, 0);
    assert_float_equal(mad_score(tiny, 5, 0, &m, &d), 0, 0);
    const double wild[] = {1, 2, 3, 400, 500};
    assert_float_equal(mad_score(wild, 5, 0, &m, &d), 1 - 2.0 / 3, 1e-9);
}

static void test_histogram_and_duration(void **state)
{
    (void)state;
    uint32_t bars[BEACON_BARS] = {0};
    for (size_t i = 0; i < 5; i++)
        bars[i] = 10;
    assert_float_equal(histogram_score(bars), 0, 0);   /* variation above 1, too few bars for two modes */
    assert_float_equal(duration_score(bars, 1), 0, 0); /* fewer than 6 */
    for (size_t i = 5; i < 9; i++)
        bars[i] = 10;
    assert_float_equal(duration_score(bars, 0.3), 0.75, 1e-9); /* a run of 9 of 12 */
    assert_float_equal(duration_score(bars, 0.8), 0.8, 1e-9);
    for (size_t i = 0; i < BEACON_BARS; i++)
        bars[i] = i % 2 ? 100 : 10;
    assert_float_equal(histogram_score(bars), 1, 1e-9); /* two heights: bimodal */
    for (size_t i = 0; i < BEACON_BARS; i++)
        bars[i] = 50;
    assert_float_equal(histogram_score(bars), 1, 1e-9);
    assert_float_equal(duration_score(bars, 3), 1, 0);
}

static void test_too_little(void **state)
{
    (void)state;
    struct train t = {.times = {10, 20, 30}, .count = 3};
    struct beacon_score s;
    assert_true(score_of(&t, DAY_S, &s) == 0);
    t = (struct train){.times = {10, 10, 10, 20, 30}, .count = 5};
    assert_true(score_of(&t, DAY_S, &s) == 0); /* two intervals that are not zero */
}

/* What cannot be known is left out, not counted as irregular. */
static void test_unknown_sizes(void **state)
{
    (void)state;
    struct train t;
    struct beacon_score s;
    random_state = 11;
    beat(&t, 300, 0.05, 0, DAY_S);
    uint32_t bars[BEACON_BARS] = {0};
    beacon_bars(t.times, t.count, 0, DAY_S, bars);
    struct beacon_input in = {.times_s = t.times,
                              .time_count = t.count,
                              .bars = bars,
                              .first_s = t.times[0],
                              .last_s = t.times[t.count - 1],
                              .end_s = DAY_S};
    assert_true(beacon_score(&in, &s));
    assert_false(s.has_sizes);
    assert_float_equal(s.total, (s.timestamps + s.histogram + s.duration) / 3, 1e-12);
}

/* ------------------------------------------------------------------- RITA's published scores */

struct connection {
    char uid[32];
    double time_s, bytes_out;
};

/* The fields of a Zeek line in tabs; those that are asked for, by column. */
static void columns(char *line, const int *wanted, char **out, size_t count)
{
    int at = 0;
    for (char *rest = line, *field; (field = strsep(&rest, "\t")) != NULL; at++)
        for (size_t n = 0; n < count; n++)
            if (wanted[n] == at)
                out[n] = field;
}

static size_t read_connections(const char *path, struct connection *out, size_t max, double *latest_s)
{
    static const int wanted[] = {0, 1, 17}; /* ts, uid, orig_ip_bytes */
    char line[4096], *f[3] = {NULL, NULL, NULL};
    size_t n = 0;
    FILE *file = fopen(path, "r");
    if (file == NULL) {
        print_message("skipped: the test corpora are not beside this clone\n");
        skip();
    }
    while (fgets(line, sizeof line, file) && n < max) {
        if (line[0] == '#')
            continue;
        columns(line, wanted, f, 3);
        out[n].time_s = strtod(f[0], NULL);
        snprintf(out[n].uid, sizeof out[n].uid, "%s", f[1]);
        out[n].bytes_out = strtod(f[2], NULL);
        *latest_s = fmax(*latest_s, out[n++].time_s);
    }
    fclose(file);
    return n;
}

/* Connections of 10.136.0.18 through the proxy to one name, since start_s. */
static void read_train(struct train *t, const char *path, const char *name, const struct connection *all,
                       size_t count, int64_t start_s)
{
    static const int wanted[] = {1, 8}; /* uid, host */
    char line[8192], *f[2] = {NULL, NULL};
    FILE *file = fopen(path, "r");
    assert_non_null(file);
    t->count = 0;
    while (fgets(line, sizeof line, file)) {
        if (line[0] == '#')
            continue;
        columns(line, wanted, f, 2);
        for (size_t n = 0; n < count && f[0] && f[1] && strcmp(f[1], name) == 0; n++)
            if (strcmp(all[n].uid, f[0]) == 0 && all[n].time_s >= (double)start_s) {
                t->times[t->count] = (int64_t)all[n].time_s;
                t->sizes[t->count++] = all[n].bytes_out;
            }
    }
    fclose(file);
}

static int by_time(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

#define RITA SOURCE_ROOT "/../shared/corpora/net/rita/proxy/"

/* integration/beacons_test.go of activecm/rita: the two beacons of its data set (corpora: expected.json). */
static void test_published(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t connections;
        double total, timestamps, sizes, duration, histogram;
    } expected[] = {
        {"www.honestimnotevil.com", 357, 0.979, 0.921, 0.995, 1, 1},
        {"www.google.com", 6, 0.586, 0.48, 0.865, 1, 0},
    };
    static struct connection all[2000];
    double latest_s = 0;
    size_t count = read_connections(RITA "conn.log", all, COUNT_OF(all), &latest_s);
    int64_t end_s = (int64_t)latest_s, start_s = end_s - end_s % 3600 - DAY_S; /* 24 h and the hour begun */
    for (size_t n = 0; n < COUNT_OF(expected); n++) {
        struct train t;
        struct beacon_score s;
        uint32_t bars[BEACON_BARS] = {0};
        read_train(&t, RITA "http.log", expected[n].name, all, count, start_s);
        qsort(t.times, t.count, sizeof t.times[0], by_time);
        beacon_bars(t.times, t.count, start_s, end_s + 1, bars);
        struct beacon_input in = {t.times, t.count, t.sizes, t.count, bars, t.times[0], t.times[t.count - 1],
                                  start_s, end_s};
        assert_true(beacon_score(&in, &s));
        print_message("%s: %zu connections, score %.3f (published %.3f): %.3f %.3f %.3f %.3f\n",
                      expected[n].name, t.count, s.total, expected[n].total, s.timestamps, s.sizes,
                      s.histogram, s.duration);
        assert_int_equal(t.count, expected[n].connections);
        assert_float_equal(s.total, expected[n].total, 0.02);
        assert_float_equal(s.timestamps, expected[n].timestamps, 0.02);
        assert_float_equal(s.sizes, expected[n].sizes, 0.02);
        assert_float_equal(s.histogram, expected[n].histogram,
                           0.04); /* where its first bar begins is not told */
        assert_float_equal(s.duration, expected[n].duration, 0.03);
    }
}

/* ---------------------------------------------------------------------------- scenario 5.6 */

static void quantiles(double length_s, double out[3])
{
    double scores[200];
    for (unsigned seed = 0; seed < 200; seed++) {
        struct train t;
        struct beacon_score s;
        random_state = seed * 7919 + 1;
        for (int i = 0; i < 8; i++)
            uniform();
        beat(&t, 3600, 0.2, 0.05, length_s);
        scores[seed] = score_of(&t, (int64_t)length_s, &s);
    }
    qsort(scores, 200, sizeof *scores, by_size);
    out[0] = scores[10], out[1] = scores[100], out[2] = scores[190];
}

static void test_scenario(void **state)
{
    (void)state;
    double q[3];
    quantiles(DAY_S, q);
    print_message("one day: median %.3f (5-95 %%: %.3f-%.3f)\n", q[1], q[0], q[2]);
    assert_float_equal(q[1], 0.93, 0.02);
    assert_float_equal(q[0], 0.88, 0.03);
    assert_float_equal(q[2], 0.98, 0.02);
    quantiles(14.0 * DAY_S, q);
    print_message("14 days: median %.3f (5-95 %%: %.3f-%.3f)\n", q[1], q[0], q[2]);
    assert_float_equal(q[1], 0.95, 0.01);
    assert_float_equal(q[0], 0.93, 0.02);
    assert_float_equal(q[2], 0.97, 0.02);
}

/* -------------------------------------------------------------------------- jitter and drops */

/* Somebody at work: bursts at random times of 9 hours, sizes of any kind. */
static void browse(struct train *t)
{
    t->count = 0;
    for (double at = 32400; at < 64800 && t->count < 900;) {
        at += -log(1 - uniform()) * 1500;
        for (unsigned burst = 1 + (unsigned)(uniform() * 12); burst; burst--) {
            at += -log(1 - uniform()) * 6;
            t->times[t->count] = (int64_t)at;
            t->sizes[t->count++] = floor(exp(6 + 3 * uniform()));
        }
    }
}

static bool is_beacon(const struct train *t, double *score)
{
    struct beacon_score s;
    struct periodicity p;
    *score = score_of(t, DAY_S, &s);
    if (*score >= 0.75 && s.deviation_s <= 0.5 * s.interval_s)
        return true;
    periodicity_find(t->times, t->count, &p);
    return *score >= 0.5 && p.is_periodic;
}

static void test_sweep(void **state)
{
    (void)state;
    static const double periods[] = {30, 300, 1800};
    static const double jitters[] = {0, 0.1, 0.2, 0.4, 0.6}, drops[] = {0, 0.1, 0.3};
    double mistaken = 0, people[100], score;
    double steady = 0;
    for (unsigned seed = 0; seed < 40; seed++) { /* no rhythm, but all day long and of one size */
        struct train t = {.count = 0};
        random_state = 77 + seed * 53;
        for (double at = 0; at < DAY_S - 4000 && t.count < 900;) {
            at += -log(1 - uniform()) * 600;
            t.times[t.count] = (int64_t)at;
            t.sizes[t.count++] = 512;
        }
        steady += is_beacon(&t, &score) / 40.0;
    }
    print_message("steady arrivals without rhythm taken for a beacon: %.0f %%\n", 100 * steady);
    assert_true(steady <= 0.05);
    for (unsigned seed = 0; seed < COUNT_OF(people); seed++) {
        struct train t;
        random_state = 5 + seed * 977;
        browse(&t);
        mistaken += is_beacon(&t, &people[seed]);
    }
    const size_t all = COUNT_OF(people);
    const double false_share = mistaken / (double)all;
    print_message("people at work taken for a beacon: %.0f %%\n", 100 * false_share);
    assert_true(false_share <= 0.01);
    for (size_t j = 0; j < COUNT_OF(jitters); j++)
        for (size_t d = 0; d < COUNT_OF(drops); d++) {
            double found = 0, above = 0, mean = 0;
            const unsigned seeds = 6;
            for (unsigned k = 0; k < seeds * COUNT_OF(periods); k++) {
                struct train t;
                random_state = 17 + k * 31337;
                beat(&t, periods[k % COUNT_OF(periods)], jitters[j], drops[d], DAY_S);
                found += is_beacon(&t, &score);
                mean += score;
                for (unsigned i = 0; i < COUNT_OF(people); i++)
                    above += score > people[i];
            }
            size_t trains = seeds * COUNT_OF(periods);
            double n = (double)trains, share = above / (n * (double)all);
            print_message("jitter %2.0f %% drop %2.0f %%: score %.3f found %3.0f %% AUC %.3f\n",
                          100 * jitters[j], 100 * drops[d], mean / n, 100 * found / n, share);
            assert_true(share > 0.99);
            assert_true(found / n >= 0.95);
        }
}

/* ------------------------------------------------------------------------------ second look */

static void test_fourier(void **state)
{
    (void)state;
    double re[16], im[16] = {0};
    for (size_t i = 0; i < 16; i++)
        re[i] = cos(2 * 3.14159265358979323846 * 3 * (double)i / 16);
    fourier(re, im, 16);
    for (size_t i = 0; i < 16; i++)
        assert_float_equal(hypot(re[i], im[i]), i == 3 || i == 13 ? 8 : 0, 1e-9);
}

/* Nine hours a day only: the histogram says no, the spectrum says 300 s. */
static void test_working_hours(void **state)
{
    (void)state;
    struct train t = {.count = 0};
    struct beacon_score s;
    struct periodicity p;
    random_state = 3;
    for (int64_t at = 9 * 3600; at < 17 * 3600; at += 300) {
        t.times[t.count] = at + (int64_t)(uniform() * 10);
        t.sizes[t.count++] = 500;
    }
    assert_true(score_of(&t, DAY_S, &s) < 0.75);
    periodicity_find(t.times, t.count, &p);
    assert_true(p.is_periodic);
    assert_float_equal(p.period_s, 300, 32);
}

/* Two trains at once: 600 s and 1,000 s. */
static void test_two_periods(void **state)
{
    (void)state;
    struct train t = {.count = 0};
    struct periodicity p;
    for (int64_t at = 0; at < DAY_S; at += 50)
        if (at % 600 == 0 || at % 1000 == 350)
            t.times[t.count++] = at;
    periodicity_find(t.times, t.count, &p);
    assert_true(p.is_periodic);
    assert_true(p.power > p.threshold);
}

static void test_chance_has_no_period(void **state)
{
    (void)state;
    unsigned taken = 0;
    for (unsigned seed = 0; seed < 60; seed++) {
        struct train t = {.count = 0};
        struct periodicity p;
        random_state = seed * 101 + 9;
        for (double at = 0; at < DAY_S && t.count < 300;) {
            at += -log(1 - uniform()) * 400;
            t.times[t.count++] = (int64_t)at;
        }
        periodicity_find(t.times, t.count, &p);
        taken += p.is_periodic;
    }
    print_message("Poisson arrivals taken for periodic: %u of 60\n", taken);
    assert_true(taken <= 2);
}

/* Few beats: p of Rayleigh is uniform for chance, tiny for a train. */
static void test_rayleigh(void **state)
{
    (void)state;
    struct train t = {.count = 0};
    double period;
    random_state = 21;
    for (int day = 0; day < 12; day++)
        t.times[t.count++] = day * DAY_S + (int64_t)(uniform() * 1200);
    assert_true(rayleigh_p(t.times, t.count, DAY_S) < 1e-4);
    assert_true(rayleigh_search(t.times, t.count, DAY_S * 1.01, &period) < 1e-3);
    assert_float_equal(period, DAY_S, 0.03 * DAY_S);
    unsigned small = 0;
    for (unsigned seed = 0; seed < 2000; seed++) {
        random_state = seed * 13 + 1;
        for (size_t i = 0; i < 20; i++)
            t.times[i] = (int64_t)(uniform() * 1e7);
        small += rayleigh_p(t.times, 20, 86400) < 0.05;
    }
    assert_true(small > 70 && small < 130); /* 5 % of 2,000 */
    /* z = n R² = 3: e^−3 (1 + (6 − 9)/(4·20) − …) */
    assert_true(rayleigh_p(t.times, 1, DAY_S) == 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worked_timestamps),
        cmocka_unit_test(test_bowley),
        cmocka_unit_test(test_histogram_and_duration),
        cmocka_unit_test(test_too_little),
        cmocka_unit_test(test_unknown_sizes),
        cmocka_unit_test(test_published),
        cmocka_unit_test(test_scenario),
        cmocka_unit_test(test_sweep),
        cmocka_unit_test(test_fourier),
        cmocka_unit_test(test_working_hours),
        cmocka_unit_test(test_two_periods),
        cmocka_unit_test(test_chance_has_no_period),
        cmocka_unit_test(test_rayleigh),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
