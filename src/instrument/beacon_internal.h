/* State of the beacon instrument: beacon.c gathers, beacon_look.c scores and tells. */
#ifndef INSTRUMENT_BEACON_INTERNAL_H
#define INSTRUMENT_BEACON_INTERNAL_H

#include "instrument/destination.h"

enum { BEACON_STRONG, BEACON_LIKELY };

struct beacon_parameters {
    double strong_score, likely_score, doubtful_score, deviation_share, least_connections, least_span_minutes,
        rayleigh_p, new_days, old_days, modifier, daily_limit, second_looks, evening_hour, max_pairs,
        max_series;
};

#define PAIR_TIMES   3
#define RHYTHM_RING  384
#define RHYTHM_HOURS 336 /* 14 days */

/* (host, name asked for in full), before its fourth connection. Sizes are bytes + 1, 0 unknown. */
struct pair {
    uint32_t count, times[PAIR_TIMES], sizes[PAIR_TIMES];
};

struct rhythm {
    uint32_t times[RHYTHM_RING], sizes[RHYTHM_RING]; /* ascending; the latest `count` */
    uint32_t count, total, fresh;                    /* fresh: since the last look */
    uint32_t first_s, newest_hour;
    uint32_t looked_s;
    uint32_t named_s; /* of an address: when it was seen under a name; 0 = never */
    int32_t told_day; /* local */
    uint16_t hours[RHYTHM_HOURS];
    uint16_t port;
    uint8_t name_bytes, registered_bytes; /* the registered domain is the end of the name */
    char name[128];
    struct about about;
};

struct beacon_tallies {
    int64_t born_s; /* of the first event */
    int64_t day, next_day_s;
    double told; /* today */
};

struct beacon {
    const struct beacon_parameters *p;
    struct keyed *pairs, *rhythms;
    void *const *destination;
    struct beacon_tallies t;
};

/* Scores the series over the 24 hours and the 14 days before `now_s`, tells when it is a beacon. */
void beacon_look(struct beacon *b, struct instrument *i, struct rhythm *r, int64_t now_s);
/* All that were active during the day that ends at `end_s`: the highest first. */
void beacon_look_at_all(struct beacon *b, struct instrument *i, int64_t end_s);

#endif
