/* The flexible Farrington algorithm (spec 2.1, 4): a quasi-Poisson regression of a baseline, past outbreaks
 * weighed down, and the bound that the present count must not exceed.
 * Sources: Farrington et al., JRSS A 159 (1996); Noufaily et al., Statistics in Medicine 32 (2013); the two
 * forms of the threshold as in R's surveillance (Salmon et al., JSS 70, 2016). */
#ifndef INSTRUMENT_FARRINGTON_H
#define INSTRUMENT_FARRINGTON_H

#include <stdbool.h>
#include <stddef.h>

enum { FARRINGTON_LEVELS_MAX = 10 };

struct baseline_point {
    double count;
    double time;    /* before the bin that is judged, in any unit: negative */
    unsigned level; /* of the season factor; 0 … FARRINGTON_LEVELS_MAX − 1 */
};

struct farrington_options {
    double alpha;             /* of both thresholds */
    double outlier_threshold; /* standardised Anscombe residual; classic 1, flexible 2.58 */
    bool has_trend;           /* log µ = θ + β·t */
    unsigned levels;          /* of the season factor; 0 or 1: none */
};

struct farrington_fit {
    bool is_usable;    /* the regression could be solved */
    bool has_trend;    /* dropped when µ would exceed every count of the baseline */
    double expected;   /* µ at t = 0 */
    double dispersion; /* φ = max(φ̂, 1) */
    double error;      /* standard error of µ */
    double bound;      /* {µ^⅔ + z_{1−α/2}·√((4/9)·µ^⅓·τ)}^{3/2}, τ = φ + se(µ)²/µ */
    double quantile;   /* "nbPlugin": quantile 1 − α of NB(µ, µ/(φ − 1)), of Poisson when φ is 1 */
};

/* `level` is that of the bin that is judged. n <= FARRINGTON_POINTS_MAX. */
enum { FARRINGTON_POINTS_MAX = 512 };
struct farrington_fit farrington_fit(const struct baseline_point *points, size_t n, unsigned level,
                                     const struct farrington_options *options);

double farrington_bound(double expected, double error, double dispersion, double alpha);
/* s = [3/2·(y^⅔·µ^{−1/6} − µ^½)]/√(φ·(1 − h)) */
double anscombe_residual(double count, double expected, double dispersion, double leverage);

#endif
