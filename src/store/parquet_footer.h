/* What the end of a part says about the rest of it: columns, row groups, where every page lies and which rows
 * it holds. Only the layout that parquet_file.c writes is understood; the bytes are untrusted all the same.
 * Immutable once read: any number of threads may use it. */
#ifndef STORE_PARQUET_FOOTER_H
#define STORE_PARQUET_FOOTER_H

#include "base/arena.h"
#include "base/buf.h"
#include "store/column.h"
#include "store/parquet_format.h"

enum { PARQUET_GROUP_ROWS_MAX = 1 << 24, PARQUET_FOOTER_MAX = 32 << 20 };

struct footer_column {
    struct str name;
    enum column_kind kind;
    bool is_list;
};

struct footer_chunk {
    uint64_t dictionary_offset; /* 0: there is none */
    uint64_t data_offset;
    uint64_t uncompressed_bytes; /* of all its pages: the bound for each */
    bool is_empty;               /* no row has a value */
    bool has_range;
    int64_t min, max;         /* whole numbers only */
    struct page_place *pages; /* ascending, without holes in their rows */
    uint32_t page_count;
};

struct footer_group {
    struct footer_chunk *chunks; /* one per column */
    uint32_t rows;
};

struct parquet_footer {
    struct arena arena;
    struct footer_column *columns; /* in the order of the file */
    uint32_t column_count;
    struct footer_group *groups;
    uint32_t group_count;
    uint64_t rows;
    uint32_t sequence; /* which column is hyakuyo.sequence */
};

/* Reads the end of a file of `bytes` bytes. NULL: `*why` says what is wrong with it, in the user's language.
 */
struct parquet_footer *parquet_footer_read(int fd, uint64_t bytes, const char **why);
void parquet_footer_free(struct parquet_footer *f);
size_t parquet_footer_bytes(const struct parquet_footer *f); /* memory in use, roughly */

/* All `n` bytes at `offset`, or NULL. The buffer is reused. */
const char *parquet_read_at(int fd, uint64_t offset, size_t n, struct buf *out);

#endif
