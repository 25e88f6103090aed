/* Second look at a series of connections, where the spread of its intervals says little: skipped beats, two
 * periods at once, working hours only, few beats (spec 2.7, after BAYWATCH, Hu et al., DSN 2016). Pure
 * arithmetic; the same series gives the same answer. */
#ifndef INSTRUMENT_PERIODICITY_H
#define INSTRUMENT_PERIODICITY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct periodicity {
    bool is_periodic;
    double period_s;
    double power, threshold; /* of the periodogram: the peak, and the highest of 20 shuffles of the series */
    double correlation;      /* autocorrelation at that period */
};

/* Peak of the periodogram above every peak of 20 shuffles, at a period that is a hill of the autocorrelation.
 * `times_s` ascending. Bins of 1–60 s, wider when the series is longer than the transform. */
void periodicity_find(const int64_t *times_s, size_t n, struct periodicity *out);

/* Rayleigh test of phases at a period: p of "no preferred phase", for counts where a spectrum says nothing
 * (Mardia & Jupp, Directional Statistics, 2000, section 6.3.1). */
double rayleigh_p(const int64_t *times_s, size_t n, double period_s);
/* The smallest p over periods near `about_s` (±10 %), multiplied by the number of independent ones tried. */
double rayleigh_search(const int64_t *times_s, size_t n, double about_s, double *period_s);

/* In place, n a power of two; cosine and sine parts apart. */
void fourier(double *real, double *imaginary, size_t n);

#endif
