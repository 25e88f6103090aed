/* Rates of individuals, shrunk towards the rate of all (spec 2.3): y ~ Poisson(λ·e), λ ~ Gamma(shape, rate).
 * The posterior is Gamma(shape + y, rate + e). One detection in three days is no rate of ten a month. */
#ifndef INSTRUMENT_SHRINK_H
#define INSTRUMENT_SHRINK_H

#include <stddef.h>

struct exposure_count {
    double count, exposure; /* exposure > 0, in the unit of the rates */
};

struct gamma_prior {
    double shape, rate; /* mean = shape/rate */
    double mean;        /* Σy/Σe */
};

/* By moments (Marshall, Applied Statistics 40, 1991): v = Σe(y/e − m)²/Σe, rate = m/(v − m·n/Σe), where n/Σe
 * is the exposure-weighted mean of 1/e; shape = m·rate. `fallback_rate` when the counts vary no more than
 * Poisson does. With no count at all the mean is ½/Σe. */
struct gamma_prior gamma_prior_fit(const struct exposure_count *items, size_t n, double fallback_rate);

double shrunk_rate(const struct gamma_prior *prior, double count, double exposure); /* posterior mean */
/* P(λ > times·prior->mean | count, exposure) */
double exceedance(const struct gamma_prior *prior, double count, double exposure, double times);

#endif
