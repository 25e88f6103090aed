/* Distributions and tests of counts (stage instrument): pure functions. In: counts and parameters; out:
 * tails, quantiles, q values. Next: shrink.c for individuals, outbreak_math.c for series. */
#include "instrument/statistics.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"

#define TINY           1e-300
#define ITERATIONS_MAX 200000

/* ------------------------------------------------------------- leading terms */

/* ln Γ(n + 1) − (n + ½) ln n + n − ½ ln 2π: what Stirling's formula leaves out. */
static double stirling_error(double n)
{
    if (n <= 16)
        return lgamma(n + 1) - (n + 0.5) * log(n) + n - 0.5 * log(2 * M_PI);
    double nn = n * n;
    return (1.0 / 12 -
            (1.0 / 360 - (1.0 / 1260 - (1.0 / 1680 - (1.0 / 1188 - 691.0 / 360360 / nn) / nn) / nn) / nn) /
                nn) /
           n;
}

/* x ln(x/m) + m − x, without cancellation near x = m. */
static double deviance_part(double x, double m)
{
    double v = (x - m) / (x + m);
    if (fabs(v) >= 0.1)
        return x * log(x / m) + m - x;
    double sum = (x - m) * v, term = 2 * x * v, vv = v * v;
    for (int j = 1; j < 1000; j++) {
        term *= vv;
        double next = sum + term / (2 * j + 1);
        if (next == sum)
            break;
        sum = next;
    }
    return sum;
}

/* x^a e^−x / Γ(a + 1) */
static double gamma_term(double a, double x)
{
    if (x == 0)
        return 0;
    if (a < 1e-8) /* Γ(a + 1) is 1 to the last digit */
        return exp(a * log(x) - x);
    return exp(-stirling_error(a) - deviance_part(a, x)) / sqrt(2 * M_PI * a);
}

/* x^a (1 − x)^b / B(a, b) */
static double beta_term(double a, double b, double x)
{
    double n = a + b;
    double exponent = stirling_error(n) - stirling_error(a) - stirling_error(b) - deviance_part(a, n * x) -
                      deviance_part(b, n * (1 - x));
    return exp(exponent) * sqrt(a * b / (2 * M_PI * n));
}

/* -------------------------------------------------------------------- tails */

double normal_upper(double z)
{
    return 0.5 * erfc(z * M_SQRT1_2);
}

/* Halley's steps on the tail itself from the rational start of Abramowitz and Stegun 26.2.23. */
double normal_upper_quantile(double p)
{
    if (p <= 0)
        return INFINITY;
    if (p >= 1)
        return -INFINITY;
    if (p > 0.5)
        return -normal_upper_quantile(1 - p);
    double t = sqrt(-2 * log(p));
    double z =
        t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1 + t * (1.432788 + t * (0.189269 + t * 0.001308)));
    for (int i = 0; i < 4; i++) {
        double density = exp(-z * z / 2) / sqrt(2 * M_PI);
        double step = (normal_upper(z) - p) / density;
        z += step / (1 - step * z / 2);
    }
    return z;
}

static double gamma_series(double a, double x)
{
    double term = 1, sum = 1;
    for (int n = 1; n < ITERATIONS_MAX && term > sum * DBL_EPSILON / 4; n++) {
        term *= x / (a + n);
        sum += term;
    }
    return gamma_term(a, x) * sum;
}

/* Γ(a, x) by its continued fraction (modified Lentz). */
static double gamma_fraction(double a, double x)
{
    double b = x + 1 - a, c = 1 / TINY, d = 1 / b, h = d;
    for (int i = 1; i < ITERATIONS_MAX; i++) {
        double an = -i * (i - a);
        b += 2;
        d = an * d + b;
        d = 1 / (fabs(d) < TINY ? TINY : d);
        c = b + an / c;
        c = fabs(c) < TINY ? TINY : c;
        double delta = d * c;
        h *= delta;
        if (fabs(delta - 1) < DBL_EPSILON)
            break;
    }
    return gamma_term(a, x) * a * h;
}

double gamma_lower(double a, double x)
{
    if (x <= 0)
        return 0;
    return x < a + 1 ? gamma_series(a, x) : 1 - gamma_fraction(a, x);
}

double gamma_upper(double a, double x)
{
    if (x <= 0)
        return 1;
    return x < a + 1 ? 1 - gamma_series(a, x) : gamma_fraction(a, x);
}

double chi_squared_upper(double x, double degrees)
{
    return gamma_upper(degrees / 2, x / 2);
}

static double beta_fraction(double a, double b, double x)
{
    double c = 1, d = 1 - (a + b) * x / (a + 1);
    d = 1 / (fabs(d) < TINY ? TINY : d);
    double h = d;
    for (int m = 1; m < ITERATIONS_MAX; m++) {
        double steps[2] = {m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
                           -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))};
        double delta = 1;
        for (int k = 0; k < 2; k++) {
            d = 1 + steps[k] * d;
            d = 1 / (fabs(d) < TINY ? TINY : d);
            c = 1 + steps[k] / c;
            c = fabs(c) < TINY ? TINY : c;
            delta = d * c;
            h *= delta;
        }
        if (fabs(delta - 1) < DBL_EPSILON)
            break;
    }
    return h;
}

double beta_lower(double a, double b, double x)
{
    if (x <= 0)
        return 0;
    if (x >= 1)
        return 1;
    double term = beta_term(a, b, x);
    if (x < (a + 1) / (a + b + 2))
        return term * beta_fraction(a, b, x) / a;
    return 1 - term * beta_fraction(b, a, 1 - x) / b;
}

double student_upper(double t, double degrees)
{
    double half = beta_lower(degrees / 2, 0.5, degrees / (degrees + t * t)) / 2;
    return t >= 0 ? half : 1 - half;
}

double poisson_upper(double k, double mean)
{
    return k <= 0 ? 1 : gamma_lower(k, mean);
}

double binomial_upper(double k, double n, double p)
{
    if (k <= 0)
        return 1;
    if (k > n)
        return 0;
    return beta_lower(k, n - k + 1, p);
}

double negative_binomial_upper(double k, double mean, double size)
{
    if (k <= 0)
        return 1;
    if (mean <= 0)
        return 0;
    if (!isfinite(size) || size > mean * 1e9)
        return poisson_upper(k, mean);
    return beta_lower(k, size, mean / (mean + size));
}

double negative_binomial_upper_quantile(double tail, double mean, double size)
{
    double low = -1, high = 1;
    while (negative_binomial_upper(high + 1, mean, size) > tail && high < 1e12)
        high *= 2;
    while (high - low > 1) { /* P(X > low) > tail >= P(X > high) */
        double middle = floor((low + high) / 2);
        if (negative_binomial_upper(middle + 1, mean, size) > tail)
            low = middle;
        else
            high = middle;
    }
    return high;
}

double negative_binomial_size(double mean, double variance)
{
    return variance > mean ? mean * mean / (variance - mean) : INFINITY;
}

/* -------------------------------------------------------- intervals and tests */

struct interval wilson_interval(double k, double n, double z)
{
    if (n <= 0)
        return (struct interval){0, 1};
    double p = k / n, zz = z * z;
    double centre = (p + zz / (2 * n)) / (1 + zz / n);
    double half = z / (1 + zz / n) * sqrt(p * (1 - p) / n + zz / (4 * n * n));
    return (struct interval){fmax(0, centre - half), fmin(1, centre + half)};
}

struct ranked {
    double p;
    size_t index;
};

static int by_p(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->p != y->p)
        return x->p < y->p ? -1 : 1;
    return x->index < y->index ? -1 : 1;
}

void benjamini_hochberg(const double *p, double *q, size_t count, size_t m)
{
    if (count == 0)
        return;
    struct ranked *order = NEW_ARRAY(struct ranked, count);
    for (size_t i = 0; i < count; i++)
        order[i] = (struct ranked){p[i], i};
    qsort(order, count, sizeof *order, by_p);
    double least = 1;
    for (size_t rank = count; rank > 0; rank--) {
        least = fmin(least, order[rank - 1].p * (double)m / (double)rank);
        q[order[rank - 1].index] = least;
    }
    memory_free(order);
}

/* ------------------------------------------------------------------ summaries */

struct moments moments_of(const double *x, size_t n)
{
    struct moments m = {0, 0};
    double squares = 0;
    for (size_t i = 0; i < n; i++) { /* Welford */
        double delta = x[i] - m.mean;
        m.mean += delta / (double)(i + 1);
        squares += delta * (x[i] - m.mean);
    }
    if (n > 1)
        m.variance = squares / (double)(n - 1);
    return m;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

double median_of(double *x, size_t n)
{
    if (n == 0)
        return 0;
    qsort(x, n, sizeof *x, by_value);
    return n % 2 ? x[n / 2] : (x[n / 2 - 1] + x[n / 2]) / 2;
}

double robust_z(double x, double *peers, size_t n)
{
    double median = median_of(peers, n), sum = 0;
    for (size_t i = 0; i < n; i++) {
        peers[i] = fabs(peers[i] - median);
        sum += peers[i];
    }
    double deviation = median_of(peers, n);
    if (deviation > 0)
        return 0.6745 * (x - median) / deviation;
    return sum > 0 ? (x - median) / (1.2533 * sum / (double)n) : 0;
}
