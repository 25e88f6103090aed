/* What the detectors of spec 2.1 say together about one bin of one key: an alarm when two of {EWMA, CUSUM,
 * EARS C2, Farrington or NB} see it, or the NB tail alone is below `decisive_p`. Warm-up: with fewer than
 * `learning_bins` nothing is said (学習中); up to `mature_bins` EARS and the NB tail; then all. */
#ifndef INSTRUMENT_ENSEMBLE_H
#define INSTRUMENT_ENSEMBLE_H

#include "instrument/charts.h"
#include "instrument/farrington.h"

struct ensemble_options {
    double ewma_lambda, ewma_limit;
    double cusum_k, cusum_h;
    double ears_alpha, ears_least_deviation;
    double farrington_alpha, outlier_threshold;
    double least_recent; /* limit54: fewer in the latest bins and Farrington says nothing */
    double tail_p;       /* the NB tail votes at or below this */
    double decisive_p;   /* and needs no second vote at or below this */
    double learning_bins, mature_bins;
};

enum { ENSEMBLE_POINTS_MAX = 64 };

/* Everything comparable that came before: no alarmed bins, only the same class of day. */
struct ensemble_history {
    const struct baseline_point *points; /* n <= ENSEMBLE_POINTS_MAX */
    size_t n;
    const double *recent; /* comparable bins, oldest first, for EARS */
    size_t recent_count;
    double bins;       /* of history at all, seen or empty */
    double sum_recent; /* of the three bins before this one */
    double prior_mean; /* known beforehand, such as by policy; < 0: nothing is */
};

enum vote { VOTE_EWMA = 1, VOTE_CUSUM = 2, VOTE_EARS = 4, VOTE_TAIL = 8 };

struct ensemble_state { /* zeroed at first; saved as it is */
    struct ewma ewma;
    double cusum;
    double dispersion; /* mean of (x − µ)²/µ over many bins: the points of one hour alone say too little */
};

struct ensemble_verdict {
    bool is_learning;
    bool is_alarm;
    unsigned votes;
    double expected, variance; /* of the count, given the history: predictive */
    double p;                  /* NB tail of the count */
    double upper;              /* of an alarm: what the NB tail would have let pass */
    double deviation;          /* standardised, on Anscombe's scale */
};

/* Judges `count` and takes it into EWMA and CUSUM; these do not follow an alarm beyond their limits, so that
 * they come down when it is over. */
struct ensemble_verdict ensemble_judge(struct ensemble_state *s, const struct ensemble_history *h,
                                       double count, const struct ensemble_options *options);

#endif
