/* Control charts for counts (spec 2.1): EWMA on Anscombe's transform for slow shifts, CUSUM for small
 * persistent ones, EARS C1/C2/C3 where there is little history. */
#ifndef INSTRUMENT_CHARTS_H
#define INSTRUMENT_CHARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 2√(x + 3/8): nearly normal with σ 1 when x is Poisson (Anscombe, Biometrika 35, 1948). */
double anscombe(double count);

/* z_t = λ·x_t + (1 − λ)·z_{t−1}, from z_0 = 0: x is a standardised deviation (µ0 = 0, σ0 = 1).
 * Starts zeroed. Returns z_t over its limit L·√(λ/(2 − λ)·(1 − (1 − λ)^{2t})): above 1 is an alarm. */
struct ewma {
    double z;
    uint32_t steps;
};
double ewma_step(struct ewma *e, double x, double lambda, double limit);

/* S_t = max(0, S_{t−1} + x_t − k). Returns S_t over h: above 1 is an alarm. */
double cusum_step(double *sum, double x, double k, double h);
/* k of the Poisson form, (λ1 − λ0)/(ln λ1 − ln λ0), in counts (Lucas, Technometrics 27, 1985). */
double cusum_poisson_reference(double in_control, double out_of_control);

/* EARS C1, C2, C3 as in R's surveillance (Hutwagner et al. 2003; Salmon et al. 2016): `history` is oldest
 * first and ends just before the bin that is judged. */
enum { EARS_BASELINE = 7, EARS_LAG = 2 };
struct ears {
    bool is_usable; /* enough history */
    double mean, deviation, upper;
    double statistic; /* standardised; of C3 the sum of three */
    bool is_alarm;
};
struct ears ears_c1(const double *history, size_t n, double count, double alpha, double least_deviation);
struct ears ears_c2(const double *history, size_t n, double count, double alpha, double least_deviation);
struct ears ears_c3(const double *history, size_t n, double count, double alpha, double least_deviation);

#endif
