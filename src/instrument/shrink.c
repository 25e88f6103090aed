/* Gamma–Poisson empirical Bayes (stage instrument): counts with their exposures → prior → shrunk rates. Used
 * by individuals.c. Next: outbreak_math.c. */
#include "instrument/shrink.h"

#include <math.h>

#include "instrument/statistics.h"

struct gamma_prior gamma_prior_fit(const struct exposure_count *items, size_t n, double fallback_rate)
{
    double counts = 0, exposures = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        counts += items[i].count;
        exposures += items[i].exposure;
    }
    if (exposures <= 0)
        return (struct gamma_prior){0.5, fallback_rate, 0.5 / fallback_rate};
    double mean = fmax(counts, 0.5) / exposures;
    for (size_t i = 0; i < n; i++) {
        double deviation = items[i].count / items[i].exposure - mean;
        squares += items[i].exposure * deviation * deviation;
    }
    double between = squares / exposures - mean * (double)n / exposures;
    double rate = between > 0 ? mean / between : fallback_rate;
    return (struct gamma_prior){mean * rate, rate, mean};
}

double shrunk_rate(const struct gamma_prior *prior, double count, double exposure)
{
    return (prior->shape + count) / (prior->rate + exposure);
}

double exceedance(const struct gamma_prior *prior, double count, double exposure, double times)
{
    return gamma_upper(prior->shape + count, (prior->rate + exposure) * times * prior->mean);
}
