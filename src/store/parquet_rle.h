/* Parquet's integer encodings (parquet-format, Encodings.md). */
#ifndef STORE_PARQUET_RLE_H
#define STORE_PARQUET_RLE_H

#include "base/buf.h"

/* RLE / bit-packing hybrid: levels and dictionary indices. `width` is 1…32 bits. */
void rle_encode(struct buf *out, const uint32_t *values, size_t count, unsigned width);
/* The same of numbers of one bit, 64 to a word, the least significant first. */
void rle_encode_bits(struct buf *out, const uint64_t *words, size_t count);
/* DELTA_BINARY_PACKED, blocks of 128 in 4 mini-blocks. */
void delta_encode(struct buf *out, const int64_t *values, size_t count);
/* Bits that hold every number up to `max`; 1 for 0. */
unsigned bits_for(uint32_t max);

#endif
