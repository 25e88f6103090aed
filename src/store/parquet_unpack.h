/* Reading Parquet's integer encodings (parquet-format, Encodings.md), the inverse of parquet_rle.h: forward
 * only, without a copy. The bytes are untrusted; false means that they end too early or make no sense. */
#ifndef STORE_PARQUET_UNPACK_H
#define STORE_PARQUET_UNPACK_H

#include "base/str.h"

/* RLE / bit-packing hybrid. */
struct rle_reader {
    const unsigned char *p, *end; /* what follows the run at hand */
    const unsigned char *packed;  /* NULL: the run repeats `value` */
    uint64_t at;                  /* packed: values taken of the run */
    uint64_t left;                /* values left in the run */
    uint32_t value;
    unsigned width;
};

void rle_read_begin(struct rle_reader *r, struct str bytes, unsigned width); /* 1…32 bits */
bool rle_read(struct rle_reader *r, uint32_t *value);
bool rle_skip(struct rle_reader *r, uint64_t count);
/* Passes `count` values of one bit and adds the number of ones to `*ones`. */
bool rle_count_ones(struct rle_reader *r, uint64_t count, uint64_t *ones);
/* How many values from here on are certainly the same, `*value`; at least 1. They are not passed. */
bool rle_same(struct rle_reader *r, uint64_t *count, uint32_t *value);

/* DELTA_BINARY_PACKED. */
struct delta_reader {
    const unsigned char *p, *end;
    const unsigned char *widths; /* of the block at hand */
    uint64_t left;               /* values that were not read */
    uint64_t value;              /* the next one, once the block is known */
    int64_t min_delta;
    uint32_t blocks_minis, per_mini; /* mini-blocks in a block, values in a mini-block */
    uint32_t mini, at;               /* place in the block */
    bool is_first;
};

bool delta_read_begin(struct delta_reader *r, struct str bytes);
bool delta_read(struct delta_reader *r, int64_t *value);

#endif
