/* Periodogram with a threshold from shuffles, hills of the autocorrelation, and the Rayleigh test. Stage:
 * instrument. Times → is there a period, and which. Next: beacon.c. */
#include "instrument/periodicity.h"

#include <math.h>

#include "base/memory.h"

#define BINS        4096 /* of the series; the transform is twice as long, so that lags do not wrap */
#define SHUFFLES    20
#define LEAST_BEATS 5 /* periods that must fit into the series */
#define LEAST_TIMES 8
#define PI          3.14159265358979323846
#define WIDEST_S    60
#define GRID        64 /* periods that the Rayleigh search tries */

void fourier(double *re, double *im, size_t n)
{
    for (size_t i = 1, j = 0; i < n; i++) {
        size_t bit = n >> 1;
        for (; j & bit; bit >>= 1)
            j ^= bit;
        j ^= bit;
        if (i < j) {
            double r = re[i], m = im[i];
            re[i] = re[j], im[i] = im[j];
            re[j] = r, im[j] = m;
        }
    }
    for (size_t half = 1; half < n; half *= 2)
        for (size_t k = 0; k < half; k++) {
            double c = cos(PI * (double)k / (double)half), s = -sin(PI * (double)k / (double)half);
            for (size_t a = k; a < n; a += 2 * half) {
                size_t b = a + half;
                double r = c * re[b] - s * im[b], m = c * im[b] + s * re[b];
                re[b] = re[a] - r, im[b] = im[a] - m;
                re[a] += r, im[a] += m;
            }
        }
}

/* --------------------------------------------------------------------------------- series */

struct series {
    size_t bins;   /* that the series spans */
    size_t length; /* of the transform */
    double bin_s;
    double *counts, *re, *im; /* counts: mean removed */
};

static bool series_open(struct series *s, const int64_t *times_s, size_t n)
{
    double span = (double)(times_s[n - 1] - times_s[0]) + 1;
    double typical = span / (double)n;
    s->bin_s = fmin(WIDEST_S, fmax(1, floor(typical / 8)));
    s->bin_s = fmax(s->bin_s, ceil(span / BINS));
    s->bins = (size_t)(span / s->bin_s) + 1;
    if (s->bins < 4 * LEAST_BEATS || s->bins > BINS + 1)
        return false;
    for (s->length = 64; s->length < 2 * s->bins;)
        s->length *= 2;
    s->counts = NEW_ARRAY(double, s->bins);
    s->re = NEW_ARRAY(double, s->length);
    s->im = NEW_ARRAY(double, s->length);
    double mean = (double)n / (double)s->bins;
    for (size_t i = 0; i < s->bins; i++)
        s->counts[i] = -mean;
    for (size_t i = 0; i < n; i++)
        s->counts[(size_t)((double)(times_s[i] - times_s[0]) / s->bin_s)]++;
    return true;
}

static void series_close(struct series *s)
{
    memory_free(s->counts);
    memory_free(s->re);
    memory_free(s->im);
}

/* Power of each frequency into re[]. */
static void spectrum(struct series *s, const double *counts)
{
    for (size_t i = 0; i < s->length; i++) {
        s->re[i] = i < s->bins ? counts[i] : 0;
        s->im[i] = 0;
    }
    fourier(s->re, s->im, s->length);
    for (size_t i = 0; i < s->length; i++) {
        s->re[i] = s->re[i] * s->re[i] + s->im[i] * s->im[i];
        s->im[i] = 0;
    }
}

/* Frequencies of at least LEAST_BEATS periods in the series, and of at least two bins a period. */
static size_t lowest_frequency(const struct series *s)
{
    BUG_IF(s->bins == 0);
    return LEAST_BEATS * s->length / s->bins;
}

static size_t peak(const struct series *s)
{
    size_t best = lowest_frequency(s);
    for (size_t f = best; f < s->length / 2; f++)
        if (s->re[f] > s->re[best])
            best = f;
    return best;
}

/* splitmix64 (Steele, Lea, Flood, OOPSLA 2014). */
static uint64_t next_random(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static double highest_of_shuffles(struct series *s)
{
    uint64_t state = s->bins;
    double highest = 0;
    double *mixed = NEW_ARRAY(double, s->bins);
    for (size_t i = 0; i < s->bins; i++)
        mixed[i] = s->counts[i];
    for (unsigned round = 0; round < SHUFFLES; round++) {
        for (size_t i = s->bins; i > 1; i--) {
            size_t j = (size_t)(next_random(&state) % i);
            double swap = mixed[i - 1];
            mixed[i - 1] = mixed[j], mixed[j] = swap;
        }
        spectrum(s, mixed);
        highest = fmax(highest, s->re[peak(s)]);
    }
    memory_free(mixed);
    return highest;
}

/* Between the bins: the centre of the hill's three. */
static double centre(const struct series *s, size_t lag)
{
    double below = fmax(s->re[lag - 1], 0), at = fmax(s->re[lag], 0), above = fmax(s->re[lag + 1], 0);
    return (double)lag + (above - below) / (below + at + above);
}

/* The lag near `about` where the autocorrelation has a hill; 0 when it has none there. The correlations are
 * in re[], by the theorem of Wiener and Khinchin. Lags are smoothed over three: a beat falls on either side
 * of the border of a bin. */
static size_t hill(const struct series *s, double about)
{
    size_t reach = (size_t)fmax(2, about * 0.15);
    size_t low = about > (double)reach + 2 ? (size_t)about - reach : 2, high = (size_t)about + reach;
    if (high + 2 >= s->bins)
        return 0;
    size_t best = low;
    double best_sum = -INFINITY;
    for (size_t lag = low; lag <= high; lag++) {
        double sum = s->re[lag - 1] + s->re[lag] + s->re[lag + 1];
        if (sum > best_sum)
            best_sum = sum, best = lag;
    }
    size_t away = (size_t)fmax(2, about / 2);
    double valley = s->re[best - (away < best ? away : best - 1)];
    double beyond = best + away < s->bins ? s->re[best + away] : 0;
    return best > low && best < high && best_sum > 3 * fmax(valley, beyond) ? best : 0;
}

void periodicity_find(const int64_t *times_s, size_t n, struct periodicity *out)
{
    *out = (struct periodicity){0};
    struct series s = {0};
    if (n < LEAST_TIMES || !series_open(&s, times_s, n))
        return;
    out->threshold = highest_of_shuffles(&s);
    spectrum(&s, s.counts);
    size_t frequency = peak(&s);
    out->power = s.re[frequency];
    fourier(s.re, s.im, s.length); /* of the powers: the autocorrelation, times the length */
    /* A train of narrow pulses is as strong in its harmonics: the period may be a multiple. */
    double shortest = (double)s.length / (double)frequency;
    for (unsigned multiple = 1; multiple <= 8 && out->power > out->threshold; multiple++) {
        double about = shortest * multiple;
        if (about * LEAST_BEATS > (double)s.bins)
            break;
        size_t lag = hill(&s, about);
        double correlation = lag ? (s.re[lag - 1] + s.re[lag] + s.re[lag + 1]) / s.re[0] : 0;
        if (correlation > 3 / sqrt((double)n) && correlation > 1.5 * out->correlation) {
            out->is_periodic = true;
            out->correlation = fmin(1, correlation);
            out->period_s = centre(&s, lag) * s.bin_s;
        }
    }
    series_close(&s);
}

/* ------------------------------------------------------------------------------- few beats */

double rayleigh_p(const int64_t *times_s, size_t n, double period_s)
{
    if (n < 2 || period_s <= 0)
        return 1;
    double c = 0, s = 0, count = (double)n;
    for (size_t i = 0; i < n; i++) {
        double phase = 2 * PI * fmod((double)(times_s[i] - times_s[0]), period_s) / period_s;
        c += cos(phase);
        s += sin(phase);
    }
    double z = (c * c + s * s) / count;
    double correction = 1 + (2 * z - z * z) / (4 * count) -
                        (24 * z - 132 * z * z + 76 * z * z * z - 9 * z * z * z * z) / (288 * count * count);
    return fmin(1, fmax(0, exp(-z) * fmax(correction, 0)));
}

double rayleigh_search(const int64_t *times_s, size_t n, double about_s, double *period_s)
{
    *period_s = about_s;
    if (n < 4 || about_s < 1)
        return 1;
    double span = (double)(times_s[n - 1] - times_s[0]);
    double best = 1;
    for (unsigned i = 0; i <= GRID; i++) {
        double period = about_s * (0.9 + 0.2 * i / GRID);
        double p = rayleigh_p(times_s, n, period);
        if (p < best)
            best = p, *period_s = period;
    }
    /* Independent frequencies lie 1/span apart; among them the one that fits best was taken. */
    double tried = fmax(1, fmin(GRID, 0.2 * span / about_s) + 1);
    return fmin(1, best * tried);
}
