/* The effect of training (S26): cases before and after, as a rate ratio with its exact interval, and against
 * those who were not trained. */
#ifndef REPORTING_REPORT_EDUCATION_H
#define REPORTING_REPORT_EDUCATION_H

#include "reporting/report_build.h"

/* {"trainings":[…]} of DATA/education.yml, for the report "education". False, with the sentence, when there
 * is no such file or it is wrong. */
bool report_education(const struct report_world *world, const struct zone *zone, struct buf *json,
                      struct error *err) MUST_CHECK;

/* Counts over an exposure (people × days). */
struct exposed {
    double cases, exposure;
};
struct rate_ratio {
    double ratio, low, high; /* 95 %; NaN = not known, high may be infinite */
};
/* After over before. Given the sum, the cases after are binomial with p = R·t1 / (R·t1 + t0); Clopper and
 * Pearson (1934) give the interval of p, and so of R. */
struct rate_ratio rate_ratio_exact(struct exposed before, struct exposed after);
/* Ratio of two ratios (difference in differences of logarithms); its logarithm is taken as normal with
 * variance Σ 1/cases. Unknown when one of the four is 0. */
struct rate_ratio rate_ratio_against(struct exposed before, struct exposed after,
                                     struct exposed others_before, struct exposed others_after);
/* "fewer", "more", "no_conclusion" (the interval holds 1), "unknown". */
const char *rate_ratio_conclusion(struct rate_ratio r);

#endif
