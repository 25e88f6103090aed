/* The everyday trends (S59): events counted by the dimensions of content/trends.yml in bins of five minutes.
 *
 *   desk ──rollup_take()──▶ cells since the last keeping ──rollup_hand_over()──▶ state.db, in the transaction
 *                                                                               that notes how far the desk
 * is
 *
 * So each event is counted once, whatever happens in between: what is not kept comes again from the journal.
 * A cell is (dimension, local day, bin of the day, key); hours and days are added up where they are kept
 * (store/state_rollup.h). Memory: ROLLUP_CELLS_MAX cells; beyond it an event counts under ROLLUP_OTHER, and
 * ROLLUP_SHORT says by how much a single key may fall short. */
#ifndef INSTRUMENT_ROLLUP_H
#define INSTRUMENT_ROLLUP_H

#include "base/error.h"
#include "base/map.h"
#include "event/batch.h"
#include "instrument/holt_winters.h"

enum {
    ROLLUP_DIMENSIONS_MAX = 12,
    ROLLUP_BY_MAX = 4,
    ROLLUP_WHEN_MAX = 4,
    ROLLUP_CELLS_MAX = 1 << 16,
    ROLLUP_KEY_MAX = 240, /* bytes; longer ones count under ROLLUP_OTHER */
    ROLLUP_BIN_SECONDS = 300,
};

/* Keys of no event: values have no control characters. */
#define ROLLUP_TOTAL "\x01" /* all of the dimension */
#define ROLLUP_OTHER "\x02" /* what has no line of its own */
#define ROLLUP_SHORT "\x03" /* counts nothing: how much of one key may stand under ROLLUP_OTHER */

struct rollup_condition {
    field_id field;
    const struct str *values; /* one is enough; "*" = any */
    size_t count;
};

struct rollup_part {
    field_id field;
    bool is_registered; /* the registered domain of the field */
};

struct rollup_dimension {
    struct str name, title_en, title_ja;
    struct rollup_condition when[ROLLUP_WHEN_MAX];
    size_t when_count;
    struct rollup_part by[ROLLUP_BY_MAX];
    size_t by_count;
};

struct rollup_content {
    struct arena arena;
    struct str version;
    uint32_t days, keys;
    struct rollup_dimension dimensions[ROLLUP_DIMENSIONS_MAX];
    size_t count;
};
/* content/trends.yml. NULL with a sentence that names file, line and remedy. */
struct rollup_content *rollup_content_load(const char *path, struct error *err) MUST_CHECK;
void rollup_content_free(struct rollup_content *c); /* NULL is fine */
const struct rollup_dimension *rollup_dimension_find(const struct rollup_content *c, struct str name);

/* The question (docs/query.md) that finds the events behind a key, into `out`; ROLLUP_TOTAL: all of the
 * dimension. Key values are separated by "|", with "\" before a "|" or "\" of their own. */
void rollup_question(const struct rollup_dimension *d, struct str key, struct buf *out);
/* The values of a key, unescaped, into `a`; the number of them. */
size_t rollup_key_values(struct str key, struct str values[ROLLUP_BY_MAX], struct arena *a);

struct rollup;
/* Both borrowed. */
struct rollup *rollup_new(const struct rollup_content *content, const struct zone *zone);
void rollup_free(struct rollup *r); /* NULL is fine */
/* Events after that number; those up to it were counted by an earlier run. */
void rollup_take(struct rollup *r, const struct batch *batch, uint64_t after);
/* Events whose time lies before the days that are kept, or more than a day ahead. */
uint64_t rollup_out_of_range(const struct rollup *r);

/* Cells in no order. Whoever has taken them frees them, or puts them back. */
struct rollup_cells {
    struct map map; /* struct rollup_place and the key's text → count */
    struct arena arena;
};
struct rollup_place {
    int64_t day_s; /* when the local day begins, seconds since 1970 UTC */
    uint16_t bin;  /* of five minutes, from then on */
    uint16_t dimension;
    uint32_t zero;
};
void rollup_hand_over(struct rollup *r, struct rollup_cells *out);
void rollup_put_back(struct rollup *r, struct rollup_cells *cells); /* frees them */
void rollup_cells_free(struct rollup_cells *cells);

/* When the local day that holds the time begins. */
int64_t rollup_day_start(const struct zone *zone, int64_t seconds);

/* What is usual for each of `n` hours, from those before it (Holt–Winters over the hours of a week,
 * spec 2.1): `first_hour_of_week` is that of hours[0], 0 = Monday 0:00. Bands are not usable in the first
 * week. */
void rollup_bands(const double *hours, size_t n, unsigned first_hour_of_week, struct band *out);

#endif
