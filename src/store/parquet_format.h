/* Numbers of the Parquet format that writing and reading share (parquet-format, parquet.thrift). */
#ifndef STORE_PARQUET_FORMAT_H
#define STORE_PARQUET_FORMAT_H

#include <stdint.h>

enum parquet_physical { PHYSICAL_BOOLEAN = 0, PHYSICAL_INT64 = 2, PHYSICAL_DOUBLE = 5, PHYSICAL_TEXT = 6 };
enum parquet_repetition { REPETITION_OPTIONAL = 1, REPETITION_REPEATED = 2 };
enum parquet_converted { CONVERTED_UTF8 = 0, CONVERTED_LIST = 3, CONVERTED_TIMESTAMP_MICROS = 10 };
enum parquet_encoding { ENCODING_PLAIN = 0, ENCODING_RLE = 3, ENCODING_DELTA = 5, ENCODING_DICTIONARY = 8 };
enum parquet_page_type { PAGE_DATA = 0, PAGE_DICTIONARY = 2 };
enum { CODEC_ZSTD = 6 };

/* Definition level of a list's element (0 = the row has no list), and of a scalar. */
enum { LIST_DEFINED = 3, SCALAR_DEFINED = 1 };

/* Where a data page lies, and the first row (of its row group) in it: an entry of the OffsetIndex. */
struct page_place {
    uint64_t offset;    /* of its header */
    uint32_t bytes;     /* header and compressed values */
    uint32_t first_row; /* every page begins with a row */
};

#endif
