/* Control charts for counts (stage instrument). In: a series of counts or standardised deviations; out: how
 * far beyond the limit. Next: farrington.c for mature history, ensemble.c for what they say together. */
#include "instrument/charts.h"

#include <math.h>

#include "instrument/statistics.h"

double anscombe(double count)
{
    return 2 * sqrt(count + 0.375);
}

double ewma_step(struct ewma *e, double x, double lambda, double limit)
{
    e->z = lambda * x + (1 - lambda) * e->z;
    e->steps += e->steps < UINT32_MAX;
    double share = 1 - pow(1 - lambda, 2.0 * e->steps);
    return e->z / (limit * sqrt(lambda / (2 - lambda) * share));
}

double cusum_step(double *sum, double x, double k, double h)
{
    *sum = fmax(0, *sum + x - k);
    return *sum / h;
}

double cusum_poisson_reference(double in_control, double out_of_control)
{
    return (out_of_control - in_control) / (log(out_of_control) - log(in_control));
}

/* The baseline ends `lag` bins before the bin that is judged. */
static struct ears ears_at(const double *history, size_t n, size_t lag, double count, double alpha,
                           double least_deviation)
{
    struct ears e = {0};
    if (n < EARS_BASELINE + lag)
        return e;
    struct moments m = moments_of(history + n - lag - EARS_BASELINE, EARS_BASELINE);
    e.is_usable = true;
    e.mean = m.mean;
    e.deviation = fmax(sqrt(m.variance), least_deviation);
    e.upper = m.mean + normal_upper_quantile(alpha) * e.deviation;
    e.statistic = (count - m.mean) / e.deviation;
    e.is_alarm = count > e.upper;
    return e;
}

struct ears ears_c1(const double *history, size_t n, double count, double alpha, double least_deviation)
{
    return ears_at(history, n, 0, count, alpha, least_deviation);
}

struct ears ears_c2(const double *history, size_t n, double count, double alpha, double least_deviation)
{
    return ears_at(history, n, EARS_LAG, count, alpha, least_deviation);
}

/* Σ over this bin and the two before it of max(0, C2 − 1), against z. Its limit in counts is what this bin
 * may hold given the other two. */
struct ears ears_c3(const double *history, size_t n, double count, double alpha, double least_deviation)
{
    struct ears e = ears_at(history, n, EARS_LAG, count, alpha, least_deviation);
    if (n < EARS_BASELINE + 2 * EARS_LAG)
        return (struct ears){0};
    double before = 0, limit = normal_upper_quantile(alpha);
    for (size_t back = 1; back <= EARS_LAG; back++) {
        struct ears past = ears_at(history, n - back, EARS_LAG, history[n - back], alpha, least_deviation);
        before += fmax(0, past.statistic - 1);
    }
    e.statistic = before + fmax(0, e.statistic - 1);
    e.upper = e.mean + e.deviation * fmax(0, limit - before + 1);
    e.is_alarm = e.statistic > limit;
    return e;
}
