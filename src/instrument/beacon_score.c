/* The beacon score, from spec 2.7 (formula of RITA v5). Stage: instrument. Times and sizes → a number within
 * [0, 1]. Next: periodicity.c looks where this one is weak, beacon.c decides. */
#include "instrument/beacon_score.h"

#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

#define LEAST_CONNECTIONS   4
#define LEAST_INTERVALS     3
#define LEAST_QUARTILE_SPAN 10
#define LEAST_BARS_BIMODAL  11
#define LEAST_BARS_DURATION 6
#define FULL_RUN            12
#define BAR_TOLERANCE       0.05

static int by_size(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of_sorted(const double *sorted, size_t n)
{
    return n % 2 ? sorted[n / 2] : (sorted[n / 2 - 1] + sorted[n / 2]) / 2;
}

double bowley_skew(const double *sorted, size_t n)
{
    if (n < 2)
        return 0;
    size_t half = n / 2;
    double q1 = median_of_sorted(sorted, half);
    double q2 = median_of_sorted(sorted, n);
    double q3 = median_of_sorted(sorted + (n - half), half);
    if (q3 - q1 < LEAST_QUARTILE_SPAN || q2 == q1 || q2 == q3)
        return 0;
    return (q1 + q3 - 2 * q2) / (q3 - q1);
}

double mad_score(const double *sorted, size_t n, double if_tiny, double *median, double *deviation)
{
    double *distances = NEW_ARRAY(double, n);
    *median = median_of_sorted(sorted, n);
    for (size_t i = 0; i < n; i++)
        distances[i] = fabs(sorted[i] - *median);
    qsort(distances, n, sizeof *distances, by_size);
    *deviation = median_of_sorted(distances, n);
    memory_free(distances);
    if (*median < 1)
        return if_tiny;
    return fmax(0, (*median - *deviation) / *median);
}

/* Mean of both measures. Sorts in place. */
static double regularity(double *values, size_t n, double if_tiny, double *median, double *deviation)
{
    qsort(values, n, sizeof *values, by_size);
    double even = 1 - fabs(bowley_skew(values, n));
    return (even + mad_score(values, n, if_tiny, median, deviation)) / 2;
}

/* Share of the bars whose heights lie in the two most frequent classes of height. */
static double bimodal_fit(const uint32_t bars[BEACON_BARS])
{
    uint32_t highest = 0, active = 0;
    for (size_t i = 0; i < BEACON_BARS; i++) {
        active += bars[i] > 0;
        highest = bars[i] > highest ? bars[i] : highest;
    }
    if (active < LEAST_BARS_BIMODAL)
        return 0;
    uint32_t class_width = (uint32_t)ceil(highest * BAR_TOLERANCE);
    uint32_t largest = 0, second = 0;
    for (size_t i = 0; i < BEACON_BARS; i++) {
        uint32_t alike = 0, before = 0;
        for (size_t k = 0; k < BEACON_BARS && bars[i]; k++)
            if (bars[k] && bars[k] / class_width == bars[i] / class_width) {
                alike++;
                before += k < i;
            }
        if (before) /* this class was counted at its first bar */
            continue;
        if (alike > largest) {
            second = largest;
            largest = alike;
        } else if (alike > second) {
            second = alike;
        }
    }
    return fmin(1, (double)(largest + second) / (active - 1));
}

double histogram_score(const uint32_t bars[BEACON_BARS])
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < BEACON_BARS; i++)
        sum += bars[i];
    if (sum == 0)
        return 0;
    double mean = sum / BEACON_BARS;
    for (size_t i = 0; i < BEACON_BARS; i++)
        squares += (bars[i] - mean) * (bars[i] - mean);
    double variation = sqrt(squares / BEACON_BARS) / mean;
    return fmax(variation > 1 ? 0 : 1 - variation, bimodal_fit(bars));
}

double duration_score(const uint32_t bars[BEACON_BARS], double coverage)
{
    unsigned active = 0, run = 0, longest = 0;
    for (size_t i = 0; i < BEACON_BARS; i++) {
        active += bars[i] > 0;
        run = bars[i] ? run + 1 : 0;
        longest = run > longest ? run : longest;
    }
    if (active < LEAST_BARS_DURATION)
        return 0;
    return fmin(1, fmax(coverage, (double)longest / FULL_RUN));
}

void beacon_bars(const int64_t *times_s, size_t n, int64_t start_s, int64_t end_s, uint32_t bars[BEACON_BARS])
{
    for (size_t i = 0; i < n; i++) {
        if (times_s[i] < start_s || times_s[i] >= end_s)
            continue;
        bars[(times_s[i] - start_s) * BEACON_BARS / (end_s - start_s)]++;
    }
}

bool beacon_score(const struct beacon_input *in, struct beacon_score *out)
{
    *out = (struct beacon_score){0};
    if (in->time_count < LEAST_CONNECTIONS)
        return false;
    double *values = NEW_ARRAY(double, in->time_count + in->size_count);
    size_t n = 0;
    for (size_t i = 1; i < in->time_count; i++)
        if (in->times_s[i] > in->times_s[i - 1])
            values[n++] = (double)(in->times_s[i] - in->times_s[i - 1]);
    bool enough = n >= LEAST_INTERVALS;
    if (enough) {
        out->timestamps = regularity(values, n, 1, &out->interval_s, &out->deviation_s);
        out->has_sizes = in->size_count >= LEAST_CONNECTIONS;
        double median, deviation;
        for (size_t i = 0; i < in->size_count; i++)
            values[i] = in->sizes[i];
        if (out->has_sizes)
            out->sizes = regularity(values, in->size_count, 0, &median, &deviation);
        out->histogram = histogram_score(in->bars);
        out->duration =
            duration_score(in->bars, (double)(in->last_s - in->first_s) / (double)(in->end_s - in->start_s));
        double sum = out->timestamps + out->sizes + out->histogram + out->duration;
        out->total = sum / (out->has_sizes ? 4 : 3);
    }
    memory_free(values);
    return enough;
}
