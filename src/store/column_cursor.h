/* The values of one column of one row group, for a few rows in ascending order. Only the pages that hold
 * these rows are read and unpacked, each once; within a page what lies between is passed over. */
#ifndef STORE_COLUMN_CURSOR_H
#define STORE_COLUMN_CURSOR_H

#include "store/parquet_footer.h"
#include "store/parquet_unpack.h"

struct page_unpacker; /* zstd and a buffer; one per thread */
struct page_unpacker *page_unpacker_new(int fd, uint64_t file_bytes);
void page_unpacker_free(struct page_unpacker *u);

struct cursor_value {
    union {
        struct str text; /* valid until the next call */
        int64_t number;  /* times in microseconds */
        double real;
    };
};

struct column_cursor {
    const struct footer_column *column;
    const struct footer_chunk *chunk;
    uint32_t group_rows;
    /* dictionary, once a page needs it */
    struct buf dictionary;
    uint32_t *entries; /* texts: place of each in `dictionary` */
    uint32_t dictionary_count, entry_capacity;
    bool has_dictionary;
    /* the page at hand */
    struct buf page;
    uint32_t page_number;  /* UINT32_MAX: none */
    uint32_t row, row_end; /* the next row of it, and where it ends */
    uint64_t values_left;  /* level pairs that were not passed */
    uint64_t skipped;      /* values before the next one wanted that were not passed yet */
    enum parquet_encoding encoding;
    struct rle_reader repetition, definition, codes;
    struct delta_reader delta;
    const char *plain, *plain_end;
    uint64_t plain_bit; /* booleans */
};

/* Zeroed before the first use; may begin again with another chunk and keeps its memory. */
void cursor_begin(struct column_cursor *c, const struct footer_column *column,
                  const struct footer_chunk *chunk, uint32_t group_rows);
void cursor_free(struct column_cursor *c);

/* Moves to a row, higher than those before: how many values it has. False: the file is damaged. */
bool cursor_seek(struct column_cursor *c, struct page_unpacker *u, uint32_t row, uint32_t *count);
/* The next value of the row; as often as cursor_seek() said. */
bool cursor_value(struct column_cursor *c, struct cursor_value *value);

#endif
