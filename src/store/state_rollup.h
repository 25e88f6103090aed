/* The everyday trends in the state database: one row for each dimension, key and local day, with its count,
 * its hours and its bins. Numbers of a row are added to, never set: whoever adds does so in the transaction
 * that notes which events are counted.
 *
 * Bound: `keys` rows (twice as many until the next tidying) of a dimension and day, for `days` days. A row
 * has at most 300 bins of 2 to 11 bytes; 9 dimensions of 500 keys over 400 days are 1.8 million rows. */
#ifndef STORE_STATE_ROLLUP_H
#define STORE_STATE_ROLLUP_H

#include "base/arena.h"
#include "base/error.h"
#include "base/str.h"
#include "store/state.h"

enum {
    ROLLUP_BINS = 300,               /* five minutes each, of a day with up to 25 hours */
    ROLLUP_HOURS = ROLLUP_BINS / 12, /* twelve bins each */
};

struct rollup_keys {
    struct str total, other, shortfall; /* the keys of no event */
};

/* Adds `count` to one bin each. Items of one dimension, day and key stand together. */
struct rollup_item {
    struct str dimension, key;
    int64_t day_s;
    unsigned bin;
    uint64_t count;
};
bool state_rollup_add(struct state *s, const struct rollup_item *items, size_t n,
                      const struct rollup_keys *special, uint32_t keys_most, struct error *err) MUST_CHECK;
bool state_rollup_expire(struct state *s, int64_t before_day_s, struct error *err) MUST_CHECK;

/* Counts by key over [from_s, to_s), to whole bins, largest first; at most `limit`, in `arena`. The special
 * keys are apart. */
struct rollup_row {
    struct str key;
    uint64_t count;
};
struct rollup_top {
    struct rollup_row *rows;
    uint32_t count, keys; /* keys: how many there are */
    uint64_t total, other;
    uint64_t short_by; /* a key may have so many more, which stand under `other` */
};
bool state_rollup_top(struct state *s, struct str dimension, int64_t from_s, int64_t to_s,
                      const struct rollup_keys *special, uint32_t limit, struct arena *arena,
                      struct rollup_top *out, struct error *err) MUST_CHECK;

/* The days of a key within [from_s, to_s), oldest first, in `arena`. */
struct rollup_day {
    int64_t day_s;
    uint64_t count, hours[ROLLUP_HOURS];
    const uint64_t *bins; /* ROLLUP_BINS of them; NULL unless asked for */
};
bool state_rollup_days(struct state *s, struct str dimension, struct str key, int64_t from_s, int64_t to_s,
                       bool with_bins, struct arena *arena, struct rollup_day **days, uint32_t *count,
                       struct error *err) MUST_CHECK;
/* The first day that a dimension has; INT64_MAX = none. "" = any dimension. */
bool state_rollup_first_day(struct state *s, struct str dimension, int64_t *day_s,
                            struct error *err) MUST_CHECK;

#endif
