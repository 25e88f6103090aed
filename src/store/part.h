/* A sealed part: one immutable Parquet file that holds every stored event of a contiguous range of sequence
 * numbers. Counted references: the catalogue has one, every search that reads it another; a dropped part's
 * file goes with the last. */
#ifndef STORE_PART_H
#define STORE_PART_H

#include <stdatomic.h>

#include "base/clock.h"
#include "base/error.h"
#include "store/column.h"

struct bloom_place {
    uint64_t offset; /* of the filter's first block in the file */
    uint32_t bytes;
};

struct part_column {
    struct str name; /* owned */
    enum column_kind kind;
    bool is_list;
    struct bloom_place *blooms; /* owned; one per row group that has values */
    uint32_t bloom_count;
};

enum { PART_HASH_BYTES = 32 };

struct part {
    atomic_uint references;
    atomic_bool is_dropped;
    int64_t id; /* in state.db */
    char *path; /* below the events folder: year=2025/month=11/day=10/1-122880.parquet */
    char *file; /* absolute */
    uint64_t first_sequence, last_sequence; /* every sequence number in between is here or was lost before */
    int64_t min_time_ns, max_time_ns;       /* of @timestamp; TIME_UNKNOWN: no row has one */
    uint64_t rows, bytes;
    unsigned char sha256[PART_HASH_BYTES];
    int64_t sealed_ns;
    struct part_column *columns; /* sorted by name, byte order */
    uint32_t column_count;
};

/* One reference. `time_ns` names the day of the folder (TIME_UNKNOWN: the day of sealing). */
struct part *part_new(const char *events_folder, uint64_t first_sequence, uint64_t last_sequence,
                      int64_t time_ns, int64_t sealed_ns);
struct part *part_new_at(const char *events_folder, const char *path);
struct part *part_reference(struct part *p);
void part_release(struct part *p); /* NULL is fine */

/* Takes ownership of the array and what it holds; sorts it. */
void part_set_columns(struct part *p, struct part_column *columns, uint32_t count);
void part_columns_free(struct part_column *columns, uint32_t count);
const struct part_column *part_find_column(const struct part *p, struct str name);

/* The columns as lines "name TAB kind[*] TAB offset:bytes,…": how state.db keeps them. False: not in that
 * form. */
void part_columns_text(const struct part *p, struct buf *out);
bool part_parse_columns(struct part *p, struct str text);

/* "…/17-42.parquet" → 17, 42. */
bool part_parse_name(const char *path, uint64_t *first, uint64_t *last);

/* Renames the finished temporary file to its place in the events folder and fsyncs the folders. writer.c. */
bool part_publish(const char *events_folder, const char *temporary, const struct part *p,
                  struct error *err) MUST_CHECK;

/* May the column hold the value, ignoring case? Reads 32 bytes of each filter; true when there is none or it
 * cannot be read. */
bool part_may_hold(const struct part *p, struct str field, struct str value);

#endif
