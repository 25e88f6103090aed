/* Hourly counts of one key for eight weeks, and which of them compare with an hour (spec 2.1: the same hour
 * of the week ± 1 h, holidays a class of days of their own, no alarmed bins, no hours in which nothing was
 * heard). */
#ifndef INSTRUMENT_SERIES_H
#define INSTRUMENT_SERIES_H

#include "instrument/ensemble.h"

enum { SERIES_HOURS = 8 * 168 + 24, SERIES_BYTES = SERIES_HOURS / 8 };

/* Counts are kept with eleven bits of precision: exact below 2,048. */
struct series {        /* starts zeroed */
    int64_t last_hour; /* hours since 1970 */
    uint16_t counts[SERIES_HOURS];
    uint8_t alarmed[SERIES_BYTES];
};
void series_put(struct series *s, int64_t hour, double count, bool is_alarmed);
double series_get(const struct series *s, int64_t hour); /* 0 when it is too old or yet to come */
bool series_is_alarmed(const struct series *s, int64_t hour);

/* What holds for all keys. */
struct hours { /* starts zeroed */
    int64_t first_hour, last_hour;
    double seen_count;                              /* hours in which anything was heard, ever */
    uint8_t seen[SERIES_BYTES], rest[SERIES_BYTES]; /* rest: a day nobody works */
};
void hours_put(struct hours *h, int64_t hour, bool is_seen, bool is_rest);
bool hours_is_seen(const struct hours *h, int64_t hour);
bool hours_is_rest(const struct hours *h, int64_t hour);

enum { RECENT_MAX = 24 };
struct baseline {
    struct baseline_point points[ENSEMBLE_POINTS_MAX];
    double recent[RECENT_MAX]; /* oldest first */
    struct ensemble_history history;
};
/* What to judge `count` of `hour` by; `is_rest` is its class. Too little of it: history.bins is 0. `recent`
 * is left out for a count that EARS cannot find too high, whatever came before. */
void baseline_find(struct baseline *b, const struct series *s, const struct hours *h, int64_t hour,
                   bool is_rest, double count, double mature_bins);

#endif
