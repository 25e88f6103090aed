/* Formulae of what remains. residual_report.c feeds them. */
#include "risk/residual.h"

#include <math.h>

#include "instrument/statistics.h"

#define TAIL  0.025
#define Z_95  1.959964
#define STEPS 200

struct estimate estimate_exact(double value)
{
    return (struct estimate){value, value, value};
}

/* Both are monotone: halving finds them. */
double gamma_quantile(double p, double shape, double rate)
{
    double low = 0, high = shape + 10 * sqrt(shape) + 50;
    for (int i = 0; i < STEPS; i++) {
        double middle = (low + high) / 2;
        if (gamma_lower(shape, middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2 / rate;
}

double beta_quantile(double p, double a, double b)
{
    double low = 0, high = 1;
    for (int i = 0; i < STEPS; i++) {
        double middle = (low + high) / 2;
        if (beta_lower(a, b, middle) < p)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

struct estimate estimate_gamma(double shape, double rate)
{
    return (struct estimate){shape / rate, gamma_quantile(TAIL, shape, rate),
                             gamma_quantile(1 - TAIL, shape, rate)};
}

struct estimate estimate_rate(double count, double exposure)
{
    return estimate_gamma(count + 0.5, exposure);
}

struct estimate estimate_share(double k, double n)
{
    double a = k + 0.5, b = n - k + 0.5;
    return (struct estimate){a / (a + b), beta_quantile(TAIL, a, b), beta_quantile(1 - TAIL, a, b)};
}

struct estimate estimate_product(struct estimate a, struct estimate b)
{
    return (struct estimate){a.value * b.value, a.low * b.low, a.high * b.high};
}

struct estimate estimate_sum(struct estimate a, struct estimate b)
{
    return (struct estimate){a.value + b.value, a.low + b.low, a.high + b.high};
}

struct estimate estimate_rest(struct estimate share, double efficacy)
{
    return (struct estimate){1 - share.value * efficacy, 1 - share.high * efficacy, 1 - share.low * efficacy};
}

struct estimate miss_ratio(double later, double realtime)
{
    double n = later + realtime;
    struct interval wilson = wilson_interval(later, n, Z_95);
    return (struct estimate){(later + 0.5) / (n + 1), fmax(wilson.low, 1e-6), wilson.high};
}

struct estimate risk_known(struct estimate detections, struct estimate effective_coverage)
{
    return estimate_product(detections, estimate_rest(effective_coverage, 1));
}

struct estimate risk_mail(double people, double p_open, struct estimate missed)
{
    double n = people > 0 ? people : 0.5; /* nobody known is not nobody */
    return estimate_product(estimate_exact(n * p_open), missed);
}

struct estimate risk_web(struct estimate visits, double p_infect, struct estimate launch, double efficacy)
{
    return estimate_product(estimate_product(visits, estimate_exact(p_infect)),
                            estimate_rest(launch, efficacy));
}

struct estimate risk_worm(struct estimate unpatched_share, double hosts, struct estimate attacks_per_host)
{
    return estimate_product(estimate_product(unpatched_share, estimate_exact(hosts)), attacks_per_host);
}

struct estimate risk_unknown(struct estimate rate, struct estimate missed, struct estimate launch)
{
    return estimate_product(estimate_product(rate, missed), estimate_rest(launch, 1));
}

/* -------------------------------------------------------------------- S26 */

/* P(X > k) + ½ P(X = k) of Bin(n, p). */
static double upper_mid(double k, double n, double p)
{
    return (binomial_upper(k, n, p) + binomial_upper(k + 1, n, p)) / 2;
}

/* The ratio at which what was seen after is just that unlikely. */
static double limit(double wanted, double after, double n, double odds)
{
    double low = -40, high = 40; /* logarithms */
    for (int i = 0; i < STEPS; i++) {
        double middle = (low + high) / 2, share = exp(middle) * odds / (exp(middle) * odds + 1);
        if (upper_mid(after, n, share) < wanted)
            low = middle;
        else
            high = middle;
    }
    return exp((low + high) / 2);
}

struct effect rate_ratio(double before, double exposure_before, double after, double exposure_after)
{
    double n = before + after, odds = exposure_after / exposure_before;
    struct effect e = {NAN, 0, INFINITY, false};
    if (n < 1)
        return e;
    e.ratio = before > 0 ? after / before / odds : INFINITY;
    if (after > 0)
        e.low = limit(TAIL, after, n, odds);
    if (before > 0)
        e.high = limit(1 - TAIL, after, n, odds);
    e.is_conclusive = e.low > 1 || e.high < 1;
    return e;
}

static double log_ratio(const double c[4], double *variance)
{
    *variance += 1 / (c[0] + 0.5) + 1 / (c[2] + 0.5);
    return log((c[2] + 0.5) / c[3]) - log((c[0] + 0.5) / c[1]);
}

struct effect ratio_of_ratios(const double trained[4], const double others[4])
{
    double variance = 0;
    double difference = log_ratio(trained, &variance) - log_ratio(others, &variance);
    double half = Z_95 * sqrt(variance);
    struct effect e = {exp(difference), exp(difference - half), exp(difference + half), false};
    e.is_conclusive = e.low > 1 || e.high < 1;
    return e;
}

double new_share(size_t names, size_t new_names)
{
    return names ? (double)new_names / (double)names : 0;
}
