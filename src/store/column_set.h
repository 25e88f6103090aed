/* The columns of one part in memory: rows in the order of their sequence numbers, a column for each field
 * that occurs.
 *
 * Always there: hyakuyo.sequence, @timestamp, event.ingested, event.original. How an event becomes a row:
 *   keyword, text, ip → text; long → number; double → real; bool → bool; date → time (microseconds, UTC).
 * What a date says below the microsecond is kept as a number 1…999 in "hyakuyo.nanoseconds.<field>"
 * (event.ingested: dropped). Fields declared as arrays are lists. A vendor field with several values is one
 * JSON array text. A record that is not UTF-8: event.original is its text converted, hyakuyo.original_base64
 * its bytes. Vendor fields past the limit of columns, with names that differ from another column only in case
 * (SQL cannot tell them apart), or with names that are no clean text: together in "hyakuyo.overflow", a JSON
 * object text. */
#ifndef STORE_COLUMN_SET_H
#define STORE_COLUMN_SET_H

#include "event/event.h"
#include "store/column.h"

#define COLUMN_LIMIT       2000 /* vendor fields beyond go to the overflow column */
#define COLUMN_NAME_MAX    512
#define COLUMN_OVERFLOW    STR("hyakuyo.overflow")
#define COLUMN_NANOSECONDS STR("hyakuyo.nanoseconds.")

struct column_set {
    struct column **columns; /* stable pointers, in order of first occurrence */
    uint32_t count, capacity;
    struct column **spare; /* empty ones with memory, for the fields of the part before */
    uint32_t spare_count;
    uint32_t rows;
    int64_t min_time_ns, max_time_ns; /* of @timestamp; TIME_UNKNOWN while there is none */
    int64_t first_time_ns;            /* of the first row that has one */
    size_t text_bytes;                /* raw bytes taken in, for the memory bound */
    uint16_t *by_field;               /* column number + 1, COLUMN_BY_OVERFLOW, or 0 = not seen yet */
    struct arena arena;               /* names made here, scratch of one row */
    struct column *sequence, *timestamp, *ingested, *original, *overflow;
    struct buf scratch;
};

struct column_set *column_set_new(void);
void column_set_free(struct column_set *set);
/* As new, with memory for the columns that it held. Only for sets that were not frozen. */
void column_set_recycle(struct column_set *set);

/* One more row. `sequence` is the event's identity. The event is copied, nothing of it is kept. */
void column_set_add_event(struct column_set *set, const struct event *e, uint64_t sequence);

/* For readers of finished parts (merge.c): a column by name; the name is copied. */
struct column *column_set_add_column(struct column_set *set, struct str name, enum column_kind kind,
                                     bool is_list);
struct column *column_set_find(const struct column_set *set, struct str name); /* NULL when absent */
/* Ends a row that was filled column by column. */
void column_set_end_row(struct column_set *set, int64_t time_ns);

size_t column_set_bytes(const struct column_set *set); /* memory that holds something, roughly */
void column_set_freeze(struct column_set *set);        /* no more rows will come */

enum column_kind column_kind_of(enum value_type type);
/* Text of a needle or value as the bloom filters know it: letters in lower case, so that searches that ignore
 * case find it too. */
struct str column_fold(struct str text, struct buf *scratch);

#endif
