/* Counts per key over time, and when they rise beyond what is usual: the engine of the instrument outbreak.
 * Keys are anything that is counted; who is behind a count is remembered while its bin is open.
 *
 *   trend_add() ──▶ tally of (key, 5 min) ──bin over──▶ tally of (key, hour) ──hour over──▶ series of the key
 *                     │ fine judgement                    │ ensemble, BH over keys, S54       baseline
 *                     └────────────▶ trend_told ◀─────────┴── breadth and total, S55 ◀── day over
 *
 * Times are event times. A bin is over `lateness` after its end; what comes later is counted as late and left
 * out. Memory: `max_keys` records of about 5 KiB. */
#ifndef INSTRUMENT_TREND_H
#define INSTRUMENT_TREND_H

#include "base/clock.h"
#include "instrument/keyed.h"
#include "instrument/series.h"
#include "instrument/tally.h"

struct trend_options {
    struct ensemble_options ensemble;
    /* S54: a key by itself. p is that of the NB tail, q that over all keys of the bin. */
    double outbreak_p, outbreak_q, outbreak_count, outbreak_ratio, inside_sources, outside_sources;
    double known_per_hour; /* expected of keys that a policy forbids, before anything has been learned */
    double trim_least;     /* a source may always count this much */
    double repeat_hours, relearn_hours;
    /* S55: all keys together. */
    double breadth_share, breadth_p, breadth_keys, total_p, winsor;
    double lateness_seconds, max_keys;
};

enum trend_flag {
    TREND_FORBIDDEN = 1 << 0,  /* a policy forbids it: its expected count is known beforehand */
    TREND_INDIVIDUAL = 1 << 1, /* surges are told, but it takes no part in S54 and S55 (networks, totals) */
};

enum trend_kind {
    TREND_SURGE,      /* one bin of one key */
    TREND_OUTBREAK,   /* two of the last three: S54 */
    TREND_NOISY_HOST, /* a surge that one or two sources carry */
    TREND_BREADTH,    /* S55 */
};

struct trend_told {
    enum trend_kind kind;
    struct str key; /* "" for breadth */
    uint32_t flags;
    int64_t time_ns, window_ns; /* end of the bin; its length */
    double count, trimmed, expected, threshold, p, q, ratio;
    struct tally_sources sources;
    struct str top_name;
    bool top_is_inside;
    unsigned votes;
    double share;           /* breadth: of keys above their third quartile */
    const struct str *keys; /* breadth: that contribute most */
    size_t key_count;
};

struct trend;
/* `is_rest` tells the class of the day that holds an hour (hours since 1970), `day_of` the number of its
 * local day; `tell` hears what is found, within trend_reach() and trend_add(). */
struct trend_world {
    void *context;
    bool (*is_rest)(void *context, int64_t hour);
    int64_t (*day_of)(void *context, int64_t hour);
    void (*tell)(void *context, const struct trend_told *told);
};
struct trend *trend_new(const struct trend_options *options, const struct trend_world *world);
void trend_free(struct trend *t);

/* Something was heard at all: hours in which nothing was are not taken for quiet ones. Ends bins first. */
void trend_hear(struct trend *t, int64_t time_ns);
void trend_add(struct trend *t, struct str key, uint32_t flags, const struct source_name *source,
               int64_t time_ns, uint32_t count);
void trend_reach(struct trend *t, int64_t watermark_ns);

struct trend_counters {
    uint64_t late, dropped;
    uint32_t keys;
    size_t bytes;
    bool is_learning; /* 学習中 */
};
struct trend_counters trend_counters(const struct trend *t);

void trend_save(const struct trend *t, struct buf *out);
bool trend_load(struct trend *t, struct cursor *in);

#endif
