/* What can be searched now: the sealed parts and the open ones. A part moves from open to sealed, and several
 * from small to merged, in one step under the lock, so every snapshot shows each event exactly once. */
#ifndef STORE_CATALOGUE_H
#define STORE_CATALOGUE_H

#include "store/open_part.h"
#include "store/part.h"
#include "store/state_parts.h"

struct store_needle {
    struct str field, value; /* the field equals the value, ignoring case */
};

/* Which parts a search needs. All-zero would mean 1970: start from PART_FILTER_ALL. */
struct part_filter {
    int64_t from_ns, to_ns;                 /* @timestamp in [from, to); TIME_UNKNOWN = open */
    uint64_t first_sequence, last_sequence; /* inclusive; last 0 = open */
    const struct store_needle *needles;     /* all must hold */
    size_t needle_count;
};
#define PART_FILTER_ALL ((struct part_filter){.from_ns = TIME_UNKNOWN, .to_ns = TIME_UNKNOWN})

struct snapshot_open {
    struct open_part *part;
    uint32_t rows; /* rows below this number belong to the snapshot */
};

struct snapshot {
    struct part_list sealed;
    struct snapshot_open *open;
    uint32_t open_count;
    uint32_t parts_total; /* sealed parts there are */
};

struct catalogue;
struct catalogue *catalogue_new(struct part_list *parts); /* takes the references of the list */
void catalogue_free(struct catalogue *c);

/* Where the memory of open parts comes from; it lives as long as the catalogue. */
struct set_pool *catalogue_pool(struct catalogue *c);
void catalogue_add_open(struct catalogue *c, struct open_part *p);
/* The open part's file takes its place; `sealed` may be NULL when it had no rows. Takes over the caller's
 * reference to `sealed`. */
void catalogue_seal(struct catalogue *c, struct open_part *open, struct part *sealed);
/* Takes `old` out (their files go with the last reader) and puts `merged` in (NULL: nothing). Takes over its
 * reference. */
void catalogue_replace(struct catalogue *c, struct part *const *old, uint32_t count, struct part *merged);

struct snapshot *catalogue_snapshot(struct catalogue *c, const struct part_filter *filter);
void snapshot_free(struct snapshot *s);

struct catalogue_totals {
    uint64_t parts, rows, bytes;
    uint64_t open_rows;
};
struct catalogue_totals catalogue_totals(struct catalogue *c);

#endif
