/* How regular a series of connections is: the beacon score of RITA v5, from its published formula (spec 2.7).
 * Pure arithmetic, no state.
 *
 *   score = ¼ timestamps + ¼ sizes + ¼ histogram + ¼ duration         each within [0, 1]
 *
 *   timestamps  mean(1 − |Bowley skew|, MAD score) of the intervals that are not zero
 *   sizes       the same of the bytes; without any known size the other three parts are averaged
 *   histogram   24 equal bars of the window: max(1 − coefficient of variation, bimodal fit)
 *   duration    max(share of the window between first and last, longest run of bars / 12) */
#ifndef INSTRUMENT_BEACON_SCORE_H
#define INSTRUMENT_BEACON_SCORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BEACON_BARS 24

struct beacon_input {
    const int64_t *times_s; /* ascending, seconds */
    size_t time_count;
    const double *sizes; /* bytes of each connection whose size is known, any order */
    size_t size_count;
    const uint32_t *bars; /* BEACON_BARS of them over [start, end): connections in each */
    int64_t first_s, last_s;
    int64_t start_s, end_s; /* the window */
};

struct beacon_score {
    double timestamps, sizes, histogram, duration;
    bool has_sizes;
    double total;
    double interval_s, deviation_s; /* median and median absolute deviation of the intervals */
};

/* False when there are fewer than 4 connections or fewer than 3 intervals that are not zero. */
bool beacon_score(const struct beacon_input *in, struct beacon_score *out);

/* Median of n ≥ 1 ascending values; quartiles as medians of the halves, the middle one left out. */
double median_of_sorted(const double *sorted, size_t n);
/* (Q1 + Q3 − 2 Q2) / (Q3 − Q1); 0 when Q3 − Q1 < 10 or Q2 is Q1 or Q3. */
double bowley_skew(const double *sorted, size_t n);
/* max(0, (median − MAD) / median), `if_tiny` when the median is below 1. Puts both out. */
double mad_score(const double *sorted, size_t n, double if_tiny, double *median, double *deviation);
double histogram_score(const uint32_t bars[BEACON_BARS]);
double duration_score(const uint32_t bars[BEACON_BARS], double coverage);

/* Equal bars over [start, end): adds what lies in them. */
void beacon_bars(const int64_t *times_s, size_t n, int64_t start_s, int64_t end_s,
                 uint32_t bars[BEACON_BARS]);

#endif
