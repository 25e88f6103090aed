/* One column of one row group as Parquet pages: [dictionary page] data pages, each compressed with zstd. */
#ifndef STORE_PARQUET_PAGE_H
#define STORE_PARQUET_PAGE_H

#include "store/column.h"
#include "store/parquet_format.h"

enum { STATISTIC_BYTES = 64 }; /* longer texts have no minimum and maximum */

/* What the footer says about the column chunk. Offsets count from the chunk's first byte. */
struct parquet_chunk {
    bool has_dictionary;
    bool has_statistics;
    uint8_t encoding; /* of the data pages */
    uint64_t data_offset;
    int64_t values; /* with nulls */
    int64_t nulls;
    int64_t uncompressed_bytes, compressed_bytes; /* page headers included */
    unsigned char min[STATISTIC_BYTES], max[STATISTIC_BYTES];
    uint8_t min_bytes, max_bytes;
    struct page_place *pages; /* data pages; owned by the caller */
    uint32_t page_count, page_capacity;
};

/* Compression context and buffers, reused from column to column; one per thread. */
struct page_encoder;
struct page_encoder *page_encoder_new(int zstd_level);
void page_encoder_free(struct page_encoder *e);

/* Appends the pages of rows 0 … rows − 1 to `out`. */
void page_encode_column(struct page_encoder *e, const struct column *c, uint32_t rows, struct buf *out,
                        struct parquet_chunk *chunk);

#endif
