/* Hourly counts and what compares with an hour (stage instrument): ring of counts → baseline. Used by
 * trend.c; next: ensemble.c. */
#include "instrument/series.h"

#include <math.h>
#include <string.h>

#include "instrument/holt_winters.h"

enum { LEAST_POINTS = 8, DAY = 24, WEEKS = 8 };

/* Five bits of exponent, eleven of mantissa; rounded to the nearest. */
static uint16_t pack(double count)
{
    int exponent = 0;
    while (count >= 2047.5 && exponent < 31) {
        count /= 2;
        exponent++;
    }
    return (uint16_t)(exponent << 11 | (int)fmin(count + 0.5, 2047));
}

static double unpack(uint16_t packed)
{
    return (double)((uint64_t)(packed & 2047) << (packed >> 11));
}

static uint32_t place_of(int64_t hour)
{
    return (uint32_t)(hour % SERIES_HOURS);
}

static bool bit(const uint8_t *bits, int64_t hour)
{
    uint32_t place = place_of(hour);
    return bits[place / 8] >> place % 8 & 1;
}

static void set_bit(uint8_t *bits, int64_t hour, bool value)
{
    uint32_t place = place_of(hour);
    bits[place / 8] = (uint8_t)((bits[place / 8] & ~(1 << place % 8)) | value << place % 8);
}

void series_put(struct series *s, int64_t hour, double count, bool is_alarmed)
{
    if (hour - s->last_hour >= SERIES_HOURS)
        memset(s, 0, sizeof *s);
    else
        for (int64_t h = s->last_hour + 1; h < hour; h++) {
            s->counts[place_of(h)] = 0;
            set_bit(s->alarmed, h, false);
        }
    s->last_hour = hour;
    s->counts[place_of(hour)] = pack(count);
    set_bit(s->alarmed, hour, is_alarmed);
}

static bool holds(const struct series *s, int64_t hour)
{
    return hour <= s->last_hour && hour > s->last_hour - SERIES_HOURS;
}

double series_get(const struct series *s, int64_t hour)
{
    return holds(s, hour) ? unpack(s->counts[place_of(hour)]) : 0;
}

bool series_is_alarmed(const struct series *s, int64_t hour)
{
    return holds(s, hour) && bit(s->alarmed, hour);
}

void hours_put(struct hours *h, int64_t hour, bool is_seen, bool is_rest)
{
    if (h->first_hour == 0)
        h->first_hour = h->last_hour = hour;
    if (hour - h->last_hour >= SERIES_HOURS)
        memset(h->seen, 0, sizeof h->seen);
    else
        for (int64_t at = h->last_hour + 1; at < hour; at++)
            set_bit(h->seen, at, false);
    h->last_hour = hour;
    set_bit(h->seen, hour, is_seen);
    set_bit(h->rest, hour, is_rest);
    h->seen_count += is_seen;
}

static bool covers(const struct hours *h, int64_t hour)
{
    return hour <= h->last_hour && hour >= h->first_hour && hour > h->last_hour - SERIES_HOURS;
}

bool hours_is_seen(const struct hours *h, int64_t hour)
{
    return covers(h, hour) && bit(h->seen, hour);
}

bool hours_is_rest(const struct hours *h, int64_t hour)
{
    return covers(h, hour) && bit(h->rest, hour);
}

/* ------------------------------------------------------------------ baseline */

struct finder {
    struct baseline *b;
    const struct series *series;
    const struct hours *hours;
    int64_t hour;
    bool is_rest;
};

static bool compares(const struct finder *f, int64_t hour)
{
    return hour < f->hour && hours_is_seen(f->hours, hour) && hours_is_rest(f->hours, hour) == f->is_rest &&
           !series_is_alarmed(f->series, hour);
}

static void add_point(const struct finder *f, int64_t hour)
{
    struct ensemble_history *h = &f->b->history;
    if (h->n == ENSEMBLE_POINTS_MAX || !compares(f, hour))
        return;
    f->b->points[h->n++] =
        (struct baseline_point){series_get(f->series, hour), (double)(hour - f->hour) / WEEK_HOURS, 0};
}

/* The hour ± 1 every `step` hours back. */
static void add_around(const struct finder *f, int step, int times)
{
    for (int back = 1; back <= times; back++)
        for (int beside = -1; beside <= 1; beside++)
            add_point(f, f->hour - (int64_t)back * step + beside);
}

/* Comparable bins for EARS: the same hour on days of the class; with too few days the latest hours of it. */
static void find_recent(const struct finder *f)
{
    double newest_first[RECENT_MAX];
    struct ensemble_history *h = &f->b->history;
    for (int step = DAY; step >= 1 && h->recent_count < EARS_BASELINE + EARS_LAG; step -= DAY - 1) {
        h->recent_count = 0;
        int furthest = step == DAY ? WEEKS * 7 : 2 * WEEK_HOURS;
        for (int back = 1; back <= furthest && h->recent_count < RECENT_MAX; back++)
            if (compares(f, f->hour - (int64_t)back * step))
                newest_first[h->recent_count++] = series_get(f->series, f->hour - (int64_t)back * step);
    }
    for (size_t i = 0; i < h->recent_count; i++)
        f->b->recent[i] = newest_first[h->recent_count - 1 - i];
}

/* A whole day of the class stands in for days that are not there yet: its variance holds day and night. */
static void add_latest_day(const struct finder *f)
{
    struct ensemble_history *h = &f->b->history;
    h->n = 0;
    for (int back = 1; back <= 2 * WEEK_HOURS && h->n < DAY; back++)
        add_point(f, f->hour - back);
    if (h->n < DAY)
        h->n = 0;
}

void baseline_find(struct baseline *b, const struct series *s, const struct hours *h, int64_t hour,
                   bool is_rest, double count, double mature_bins)
{
    struct finder f = {b, s, h, hour, is_rest};
    b->history = (struct ensemble_history){.points = b->points, .recent = b->recent, .prior_mean = -1};
    if (h->seen_count >= mature_bins)
        add_around(&f, WEEK_HOURS, WEEKS);
    if (b->history.n < LEAST_POINTS) {
        b->history.n = 0;
        add_around(&f, DAY, WEEKS * 7);
    }
    if (b->history.n < LEAST_POINTS)
        add_latest_day(&f);
    if (count > 3) /* z of 0.001 times a deviation of at least 1 */
        find_recent(&f);
    for (int64_t back = 1; back <= 3; back++)
        b->history.sum_recent += series_get(s, hour - back);
    b->history.bins = b->history.n ? h->seen_count : 0;
}
