/* The arithmetic of what remains (spec 1.I): rates and shares with their uncertainty, and the formulae of
 * S5, S26, S39, S70–S74, S77. Pure: no state. Rates are per month of 30 days.
 *
 * Nothing is ever exactly 0 or 1: a rate is the posterior mean of a Poisson count and a share that of a
 * binomial one, both with Jeffreys' prior, and the intervals are the posteriors' 95 % (equal tails). A
 * product's interval is that of its factors' ends: wider than 95 %, never narrower. */
#ifndef RISK_RESIDUAL_H
#define RISK_RESIDUAL_H

#include <stdbool.h>
#include <stddef.h>

struct estimate {
    double value, low, high;
};

struct estimate estimate_exact(double value); /* a parameter */
/* Events in an exposure > 0: Gamma(k + ½, e). */
struct estimate estimate_rate(double count, double exposure);
/* k of n: Beta(k + ½, n − k + ½). */
struct estimate estimate_share(double k, double n);
/* Gamma posterior of a person's shrunk rate (spec 2.3). */
struct estimate estimate_gamma(double shape, double rate);
struct estimate estimate_product(struct estimate a, struct estimate b);
struct estimate estimate_sum(struct estimate a, struct estimate b);
struct estimate estimate_rest(struct estimate share, double efficacy); /* 1 − share·efficacy */

double gamma_quantile(double p, double shape, double rate);
double beta_quantile(double p, double a, double b);

/* S5: detections by another layer or a later scan, of all. Wilson's interval. */
struct estimate miss_ratio(double later, double realtime);
/* S70: expected known infections a month. */
struct estimate risk_known(struct estimate detections, struct estimate effective_coverage);
/* S71: people who need care × p(open) × p(undetected). */
struct estimate risk_mail(double people, double p_open, struct estimate missed);
/* S72: Σ of the visitors' rates × p(infect | visit) × (1 − launch control · efficacy) (S77). */
struct estimate risk_web(struct estimate visits, double p_infect, struct estimate launch, double efficacy);
/* S73: unpatched hosts × attacks on a host. */
struct estimate risk_worm(struct estimate unpatched_share, double hosts, struct estimate attacks_per_host);
/* S39: shrunk detection rate × miss ratio × (1 − launch control). */
struct estimate risk_unknown(struct estimate rate, struct estimate missed, struct estimate launch);

/* S26: what happened after ÷ what happened before, each by its exposure; exact conditional interval with
 * mid-P (Rothman and Greenland, Modern Epidemiology). No conclusion while it includes 1. */
struct effect {
    double ratio, low, high; /* high may be INFINITY; NaN when nothing happened at all */
    bool is_conclusive;
};
struct effect rate_ratio(double before, double exposure_before, double after, double exposure_after);
/* Of trained people against others in the same time: ratio of their ratios, by normal approximation of the
 * logarithm with ½ added to each count. */
struct effect ratio_of_ratios(const double trained[4],
                              const double others[4]); /* as rate_ratio's arguments */

/* S2: of so many names so many were not there before. */
double new_share(size_t names, size_t new_names); /* 0 of nothing */

#endif
