/* Counts of consecutive records, kept by sequence number until the part that covers them is sealed. */
#ifndef ENGINE_RUNS_H
#define ENGINE_RUNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/state_balance.h"

/* Consecutive records of one source and hour. */
struct run {
    uint64_t first, last;
    uint32_t source;
    int64_t hour;
    uint64_t bytes;
};

/* A queue by sequence number: filled at the end, taken from the front. Zero-initialised. */
struct runs {
    struct run *items;
    size_t head, count, capacity;
};

void runs_free(struct runs *q);
/* One more record; extends the newest run when it follows on it. */
void runs_add(struct runs *q, uint64_t sequence, uint32_t source, int64_t hour, size_t bytes);
void runs_push(struct runs *q, const struct run *run);
void runs_append(struct runs *q, const struct runs *more);
/* The front, as far as it is not beyond `last`; false when nothing is. A run that goes on beyond is split:
 * its bytes go with the piece that ends it. */
bool runs_take(struct runs *q, uint64_t last, struct run *out);
void runs_drop(struct runs *q, uint64_t last);
/* A copy of what begins at or before `last`. */
struct runs runs_copy(const struct runs *q, uint64_t last);

/* Rows of the balance being gathered. Zero-initialised; rows_merge() puts them in order of hour and source,
 * one row each. */
struct rows {
    struct balance_count *items;
    uint32_t count, capacity;
};

void rows_free(struct rows *rows);
void rows_add(struct rows *rows, const struct balance_count *row);
void rows_merge(struct rows *rows);

#endif
