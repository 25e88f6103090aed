/* What a trend keeps. Inside trend*.c only. */
#ifndef INSTRUMENT_TREND_STATE_H
#define INSTRUMENT_TREND_STATE_H

#include "instrument/holt_winters.h"
#include "instrument/trend.h"

#define FINE_NS     (300 * NS_PER_SECOND)
#define HOUR_NS     (3600 * NS_PER_SECOND)
#define FINE_A_HOUR 12

/* The last three bins of a scale: whether they were of an outbreak. */
struct streak {
    int64_t last_bin;
    uint8_t bits;
};

struct trend_key {
    uint32_t flags, alarm_run; /* alarm_run: hours in a row */
    int64_t fine_bin[2];       /* of the two open bins; by bin & 1 */
    struct tally fine[2], hour;
    struct ensemble_state ensemble;
    struct streak fine_streak, hour_streak;
    int64_t told_ns[TREND_NOISY_HOST + 1];
    struct series series;
};

/* The total of all keys, winsorised; hour by hour and day by day. */
struct trend_total {
    struct ensemble_state ensemble;
    struct holt_winters band;
    struct series series;
    int64_t last_high_hour; /* beyond its bound, with breadth */
    int64_t told_ns;
};

struct trend {
    struct trend_options options;
    struct trend_world world;
    struct keyed *keys;
    struct trend_numbers {
        int64_t next_bin;   /* the first one that is not over; 0 = nothing was heard yet */
        int64_t heard_hour; /* the latest hour in which anything was heard */
        int64_t last_day;   /* local day of the latest hour that is over */
        uint32_t heard[2];  /* things added in the open bins; by bin & 1 */
        uint32_t heard_in_hour;
        uint64_t late;
        struct hours hours;
        struct trend_total total;
    } n;
};

/* One key in an hour that is over. */
struct judged {
    struct str name;
    struct trend_key *key;
    struct ensemble_verdict verdict;
    double count, trimmed, p, q;
    bool is_above; /* its third quartile */
    double winsorised, median;
};

void trend_judge_fine(struct trend *t, struct str name, struct trend_key *key, const struct tally *tally,
                      int64_t bin);
void trend_judge_hour(struct trend *t, int64_t hour, bool is_rest);
void trend_judge_breadth(struct trend *t, const struct judged *all, size_t n, int64_t hour, bool is_rest);
void trend_judge_day(struct trend *t, int64_t last_hour);
bool trend_may_tell(const struct trend *t, int64_t *told_ns, int64_t now_ns);

#endif
