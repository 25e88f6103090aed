/* Holt–Winters, additive, for bands around a seasonal series (spec 2.1, 5): level, trend and one value for
 * each hour of the week; the band is ± width·1.25·EWMA(|residual|), as 1.25·E|r| ≈ σ of a normal. */
#ifndef INSTRUMENT_HOLT_WINTERS_H
#define INSTRUMENT_HOLT_WINTERS_H

#include <stdbool.h>
#include <stdint.h>

enum { WEEK_HOURS = 168 };

struct holt_winters {             /* starts zeroed: numbers only, saved as they are */
    float level, trend, residual; /* residual: EWMA of |r| */
    uint32_t steps;
    float season[WEEK_HOURS];
};

struct band {
    bool is_usable; /* a whole season has been seen */
    double expected, low, high;
};

struct band holt_winters_band(const struct holt_winters *h, unsigned hour_of_week, double width);
/* α 0.2, β 0.02, γ 0.1 in the spec. The first season sets level and season as means do. */
void holt_winters_step(struct holt_winters *h, unsigned hour_of_week, double x, double alpha, double beta,
                       double gamma);

#endif
