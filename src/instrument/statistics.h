/* Distributions and tests of counts, as the instruments need them. Pure functions: no state, no allocation
 * but where said. Tails are P(X >= k) themselves, never 1 − something, so that 1e-300 is as exact as 0.1;
 * relative error below 1e-12 for counts up to a million.
 *
 * Sources: C. Loader, "Fast and accurate computation of binomial probabilities" (2000) for the leading terms;
 * DLMF 8.7.1, 8.9.2 and 8.17.22 for series and continued fractions; E. B. Wilson, JASA 22 (1927);
 * Y. Benjamini and Y. Hochberg, JRSS B 57 (1995). */
#ifndef INSTRUMENT_STATISTICS_H
#define INSTRUMENT_STATISTICS_H

#include <stdbool.h>
#include <stddef.h>

double normal_upper(double z);                   /* P(Z >= z) */
double normal_upper_quantile(double p);          /* z with P(Z >= z) = p; ±infinity at 0 and 1 */
double gamma_lower(double a, double x);          /* regularised P(a, x), a > 0, x >= 0 */
double gamma_upper(double a, double x);          /* Q = 1 − P */
double beta_lower(double a, double b, double x); /* regularised I_x(a, b), a and b > 0, x within [0, 1] */
double chi_squared_upper(double x, double degrees);
double student_upper(double t, double degrees); /* P(T >= t) */

/* P(X >= k); 1 when k <= 0. k is a whole number. */
double poisson_upper(double k, double mean);
double binomial_upper(double k, double n, double p);
/* Variance mean + mean²/size; size INFINITY is Poisson. */
double negative_binomial_upper(double k, double mean, double size);
/* The smallest k with P(X <= k) >= 1 − tail. */
double negative_binomial_upper_quantile(double tail, double mean, double size);
/* Size by moments, mean²/(variance − mean); INFINITY when the variance does not exceed the mean. */
double negative_binomial_size(double mean, double variance);

struct interval {
    double low, high;
};
/* Wilson's score interval for k successes of n; [0, 1] when n is 0. z: 1.96 for 95 %. */
struct interval wilson_interval(double k, double n, double z);

/* q[i] = min over j >= i (by rising p) of p_(j)·m/j, at most 1. `m` >= count: hypotheses tested, those that
 * are not in `p` have p = 1. p and q may be the same array. */
void benjamini_hochberg(const double *p, double *q, size_t count, size_t m);

/* Mean and variance (n − 1). Variance 0 for fewer than two. */
struct moments {
    double mean, variance;
};
struct moments moments_of(const double *x, size_t n);
/* Sorts x. 0 of nothing. */
double median_of(double *x, size_t n);
/* Modified z of Iglewicz and Hoaglin (1993), spec 2.3: 0.6745·(x − median)/MAD; with MAD 0
 * (x − median)/(1.2533·mean absolute deviation); 0 when all are the same. Sorts `peers`, which is n long. */
double robust_z(double x, double *peers, size_t n);

#endif
