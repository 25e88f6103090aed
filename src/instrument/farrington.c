/* Farrington's algorithm (stage instrument): baseline points → expected count, dispersion and bounds. The
 * regression is solved by iteratively reweighted least squares: with its few columns the normal equations,
 * solved by Cholesky's decomposition, are exact enough. Next: ensemble.c. */
#include "instrument/farrington.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "instrument/statistics.h"

enum { COLUMNS_MAX = 2 + FARRINGTON_LEVELS_MAX - 1, ROUNDS_MAX = 50 };
#define LEAST_MEAN 1e-8

struct regression {
    const struct baseline_point *points;
    size_t n;
    bool has_trend;
    unsigned levels, columns;
    double weight[FARRINGTON_POINTS_MAX]; /* ω: of outbreaks small */
    double mean[FARRINGTON_POINTS_MAX];
    double leverage[FARRINGTON_POINTS_MAX];
    double beta[COLUMNS_MAX];
    double factor[COLUMNS_MAX][COLUMNS_MAX]; /* lower Cholesky factor of X'WX */
    double dispersion;
};

static void row_of(const struct regression *r, double time, unsigned level, double *x)
{
    unsigned column = 1;
    memset(x, 0, sizeof(double) * COLUMNS_MAX);
    x[0] = 1;
    if (r->has_trend)
        x[column++] = time;
    if (r->levels > 1 && level > 0 && level < r->levels)
        x[column + level - 1] = 1;
}

static bool factorise(struct regression *r)
{
    for (unsigned i = 0; i < r->columns; i++)
        for (unsigned j = 0; j <= i; j++) {
            double sum = r->factor[i][j], scale = fabs(r->factor[i][i]);
            for (unsigned k = 0; k < j; k++)
                sum -= r->factor[i][k] * r->factor[j][k];
            if (i == j && !(sum > scale * 1e-12))
                return false;
            r->factor[i][j] = i == j ? sqrt(sum) : sum / r->factor[j][j];
        }
    return true;
}

/* Solves L·y = x in place. */
static void forward(const struct regression *r, double *x)
{
    for (unsigned i = 0; i < r->columns; i++) {
        for (unsigned k = 0; k < i; k++)
            x[i] -= r->factor[i][k] * x[k];
        x[i] /= r->factor[i][i];
    }
}

static void backward(const struct regression *r, double *x)
{
    for (unsigned i = r->columns; i-- > 0;) {
        for (unsigned k = i + 1; k < r->columns; k++)
            x[i] -= r->factor[k][i] * x[k];
        x[i] /= r->factor[i][i];
    }
}

static double dot(const double *x, const double *y, unsigned n)
{
    double sum = 0;
    for (unsigned i = 0; i < n; i++)
        sum += x[i] * y[i];
    return sum;
}

/* One step of iteratively reweighted least squares; the largest change of µ, relative. −1: not solvable. */
static double iterate(struct regression *r)
{
    double right[COLUMNS_MAX] = {0}, x[COLUMNS_MAX], change = 0;
    memset(r->factor, 0, sizeof r->factor);
    for (size_t i = 0; i < r->n; i++) {
        double w = r->weight[i] * r->mean[i];
        double response = log(r->mean[i]) + (r->points[i].count - r->mean[i]) / r->mean[i];
        row_of(r, r->points[i].time, r->points[i].level, x);
        for (unsigned a = 0; a < r->columns; a++) {
            right[a] += w * x[a] * response;
            for (unsigned b = 0; b <= a; b++)
                r->factor[a][b] += w * x[a] * x[b];
        }
    }
    if (!factorise(r))
        return -1;
    forward(r, right);
    backward(r, right);
    memcpy(r->beta, right, sizeof right);
    for (size_t i = 0; i < r->n; i++) {
        row_of(r, r->points[i].time, r->points[i].level, x);
        double mean = fmax(exp(fmin(dot(x, r->beta, r->columns), 50)), LEAST_MEAN);
        change = fmax(change, fabs(mean - r->mean[i]) / (r->mean[i] + 1e-3));
        r->mean[i] = mean;
    }
    return change;
}

/* φ̂ by Pearson's χ² over the degrees of freedom, and the leverages h. */
static void measure(struct regression *r)
{
    double x[COLUMNS_MAX], sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        double deviation = r->points[i].count - r->mean[i];
        row_of(r, r->points[i].time, r->points[i].level, x);
        forward(r, x);
        r->leverage[i] = fmin(r->weight[i] * r->mean[i] * dot(x, x, r->columns), 0.999);
        sum += r->weight[i] * deviation * deviation / r->mean[i];
    }
    double degrees = (double)r->n - r->columns;
    r->dispersion = degrees > 0 ? fmax(sum / degrees, 1) : 1;
}

static bool solve(struct regression *r)
{
    for (size_t i = 0; i < r->n; i++)
        r->mean[i] = fmax(r->points[i].count, 0.1);
    for (int round = 0; round < ROUNDS_MAX; round++) {
        double change = iterate(r);
        if (change < 0)
            return false;
        if (change < 1e-9)
            break;
    }
    measure(r);
    return true;
}

double anscombe_residual(double count, double expected, double dispersion, double leverage)
{
    return 1.5 * (pow(count, 2.0 / 3) * pow(expected, -1.0 / 6) - sqrt(expected)) /
           sqrt(dispersion * (1 - leverage));
}

/* ω = γ·s^−2 where s exceeds the threshold, else γ; γ makes them sum to n. */
static void reweigh(struct regression *r, double threshold)
{
    double sum = 0;
    for (size_t i = 0; i < r->n; i++) {
        double s = anscombe_residual(r->points[i].count, r->mean[i], r->dispersion, r->leverage[i]);
        r->weight[i] = s > threshold ? 1 / (s * s) : 1;
        sum += r->weight[i];
    }
    for (size_t i = 0; i < r->n; i++)
        r->weight[i] *= (double)r->n / sum;
}

double farrington_bound(double expected, double error, double dispersion, double alpha)
{
    if (expected <= 0)
        return 0;
    double tau = dispersion + error * error / expected;
    double root = sqrt(4.0 / 9 * cbrt(expected) * tau);
    return pow(cbrt(expected * expected) + normal_upper_quantile(alpha / 2) * root, 1.5);
}

static bool fit_with(struct regression *r, const struct farrington_options *options, bool has_trend)
{
    r->has_trend = has_trend;
    r->levels = options->levels > FARRINGTON_LEVELS_MAX ? FARRINGTON_LEVELS_MAX : options->levels;
    r->columns = 1 + has_trend + (r->levels > 1 ? r->levels - 1 : 0);
    for (size_t i = 0; i < r->n; i++)
        r->weight[i] = 1;
    if (r->n <= r->columns || !solve(r))
        return false;
    reweigh(r, options->outlier_threshold);
    return solve(r);
}

static double predict(const struct regression *r, unsigned level, double *error)
{
    double x[COLUMNS_MAX];
    row_of(r, 0, level, x);
    double mean = fmax(exp(fmin(dot(x, r->beta, r->columns), 50)), LEAST_MEAN);
    forward(r, x);
    *error = mean * sqrt(r->dispersion * dot(x, x, r->columns));
    return mean;
}

static double largest(const struct baseline_point *points, size_t n)
{
    double most = 0;
    for (size_t i = 0; i < n; i++)
        most = fmax(most, points[i].count);
    return most;
}

struct farrington_fit farrington_fit(const struct baseline_point *points, size_t n, unsigned level,
                                     const struct farrington_options *options)
{
    struct farrington_fit fit = {0};
    struct regression r = {.points = points, .n = n};
    BUG_IF(n > FARRINGTON_POINTS_MAX);
    double most = largest(points, n);
    if (n < 2 || most <= 0)
        return fit;
    for (int with = options->has_trend; with >= 0 && !fit.is_usable; with--) {
        if (!fit_with(&r, options, with != 0))
            continue;
        fit.expected = predict(&r, level, &fit.error);
        fit.is_usable = with == 0 || fit.expected <= most; /* a trend must not run away */
        fit.has_trend = with != 0;
    }
    if (!fit.is_usable)
        return fit;
    fit.dispersion = r.dispersion;
    fit.bound = farrington_bound(fit.expected, fit.error, fit.dispersion, options->alpha);
    double size = fit.dispersion > 1 ? fit.expected / (fit.dispersion - 1) : INFINITY;
    fit.quantile = negative_binomial_upper_quantile(options->alpha, fit.expected, size);
    return fit;
}
