/* Holt–Winters bands (stage instrument): hourly counts → the band of the next hour. In the first week the
 * level is the running mean and the season keeps what was seen; after it the season is what deviates from
 * that mean. Next: ensemble.c. */
#include "instrument/holt_winters.h"

#include <math.h>

struct band holt_winters_band(const struct holt_winters *h, unsigned hour_of_week, double width)
{
    if (h->steps < WEEK_HOURS)
        return (struct band){0};
    double expected = (double)h->level + (double)h->trend + (double)h->season[hour_of_week];
    double half = width * 1.25 * (double)h->residual;
    return (struct band){true, expected, fmax(0, expected - half), expected + half};
}

/* The first season is over: deviations from the mean, and a first idea of their noise. */
static void settle(struct holt_winters *h)
{
    double sum = 0;
    for (int i = 0; i < WEEK_HOURS; i++) {
        double next = (double)h->season[(i + 1) % WEEK_HOURS];
        sum += fabs(next - (double)h->season[i]);
    }
    for (int i = 0; i < WEEK_HOURS; i++)
        h->season[i] -= h->level;
    h->residual = (float)fmax(sum / WEEK_HOURS / M_SQRT2, 0.5); /* two neighbours differ by √2·σ */
}

void holt_winters_step(struct holt_winters *h, unsigned hour_of_week, double x, double alpha, double beta,
                       double gamma)
{
    if (h->steps < WEEK_HOURS) {
        h->season[hour_of_week] = (float)x;
        h->level += (float)((x - (double)h->level) / (h->steps + 1));
        if (++h->steps == WEEK_HOURS)
            settle(h);
        return;
    }
    double level = (double)h->level, trend = (double)h->trend, season = (double)h->season[hour_of_week];
    double error = fabs(x - (level + trend + season));
    double next = alpha * (x - season) + (1 - alpha) * (level + trend);
    h->trend = (float)(beta * (next - level) + (1 - beta) * trend);
    h->level = (float)next;
    h->season[hour_of_week] = (float)(gamma * (x - next) + (1 - gamma) * season);
    h->residual = (float)(0.1 * error + 0.9 * (double)h->residual);
    h->steps += h->steps < UINT32_MAX;
}
