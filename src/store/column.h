/* One column of a part while it is in memory: only the values that occur, each with the row it belongs to. A
 * row without the field costs nothing. Texts are kept once each while they repeat (a dictionary by hash); a
 * column whose texts hardly repeat stops looking and just appends.
 *
 *   rows    0 1 1 4 …      row of value i, ascending; left out (NULL) while value i belongs to row i
 *   codes   0 1 0 2 …      text columns: index into entries
 *   entries {offset,size}  →  heap "10.0.0.1" "10.0.0.2" …
 *
 * A list column has several values with the same row. One writer; readers hold the lock of the part
 * (open_part.h). */
#ifndef STORE_COLUMN_H
#define STORE_COLUMN_H

#include "base/buf.h"
#include "base/str.h"

enum column_kind {
    COLUMN_TEXT,   /* valid UTF-8 */
    COLUMN_NUMBER, /* int64_t */
    COLUMN_TIME,   /* int64_t, microseconds since 1970 UTC */
    COLUMN_REAL,   /* double */
    COLUMN_BOOL,   /* 0 or 1 */
    COLUMN_KIND_COUNT
};

struct text_entry {
    uint32_t offset, size;
};

struct column {
    struct str name; /* borrowed; lives as long as the column set */
    enum column_kind kind;
    bool is_list;
    bool has_bloom;
    bool is_plain;            /* the dictionary was given up: every new value is a new entry */
    bool row_is_array;        /* the newest row's text is a JSON array made of several values */
    uint32_t count, capacity; /* values */
    uint32_t *rows;
    uint32_t *kept_rows; /* recycled memory for `rows`, of the same capacity */
    union {
        int64_t *numbers; /* COLUMN_NUMBER, COLUMN_TIME, COLUMN_BOOL */
        double *reals;
        uint32_t *codes;
    };
    struct text_entry *entries;
    uint32_t entry_count, entry_capacity;
    struct buf heap;
    uint64_t *slots; /* hash << 32 | code + 1; 0 = free */
    uint32_t slot_mask;
    uint32_t last_code;
    struct column *nanoseconds; /* companion of a time column, NULL until a time needs it */
};

void column_init(struct column *c, struct str name, enum column_kind kind, bool is_list);
void column_free(struct column *c);

/* `row` never goes down. Text that is not UTF-8 gets U+FFFD for what does not fit. A second value for a row
 * of a column that is no list: text becomes a JSON array text, other kinds keep the first. Texts are at most
 * 1 GiB. */
void column_add_text(struct column *c, uint32_t row, struct str text);
/* The same with what column_ahead() said of the text. */
void column_add_text_ahead(struct column *c, uint32_t row, struct str text, uint32_t hash);
/* The only value of its row, known to be UTF-8. */
void column_add_utf8(struct column *c, uint32_t row, struct str text);
void column_add_number(struct column *c, uint32_t row, int64_t number);
void column_add_real(struct column *c, uint32_t row, double real);

/* A dictionary's memory is far away: three steps, each of which waits for the one before. Asking for it for
 * all values of a row at once lets them wait together. First step: the text's hash, 0 when it needs none. */
uint32_t column_ahead(const struct column *c, struct str text);
/* Second and third step: the entry the hash leads to, and its text. They change nothing. */
void column_ahead_entry(const struct column *c, uint32_t hash);
void column_ahead_text(const struct column *c, uint32_t hash);

static inline uint32_t column_row(const struct column *c, uint32_t value)
{
    return c->rows ? c->rows[value] : value;
}

static inline struct str column_entry(const struct column *c, uint32_t code)
{
    return (struct str){c->heap.p + c->entries[code].offset, c->entries[code].size};
}

static inline struct str column_text(const struct column *c, uint32_t value)
{
    return column_entry(c, c->codes[value]);
}

/* Index of the first value whose row is `row` or later; count when there is none. */
uint32_t column_first(const struct column *c, uint32_t row);
/* Memory that holds something, roughly. */
size_t column_bytes(const struct column *c);
/* No more values will come: gives the look-up table back. */
void column_freeze(struct column *c);
/* Empty again, as column_init() makes it, but with the memory it had: filling fresh memory costs more than
 * what is done with it. Memory of which less than a quarter was in use is given back. */
void column_recycle(struct column *c);

#endif
