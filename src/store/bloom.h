/* Split-block Bloom filters as Parquet defines them (parquet-format, BloomFilter.md; Putze, Sanders, Singler
 * 2009): XXH64 of the value's bytes picks one block of 32 bytes and eight bits in it. About ten bits a value:
 * one in a hundred absent values is taken for present. Every value is entered as it is, and folded
 * (column_fold) so that searches that ignore case may ask too. */
#ifndef STORE_BLOOM_H
#define STORE_BLOOM_H

#include "base/buf.h"

enum { BLOOM_BLOCK_BYTES = 32, BLOOM_MAX_BYTES = 1 << 20 };

size_t bloom_bytes(size_t distinct); /* a power of two, at least one block */
uint64_t bloom_hash(struct str value);
void bloom_add(struct str filter, uint64_t hash); /* writes through filter.p */
/* Which block of a filter of that size decides about the hash. */
size_t bloom_block(uint64_t hash, size_t filter_bytes);
bool bloom_block_has(const unsigned char block[BLOOM_BLOCK_BYTES], uint64_t hash);

struct column;
/* The filter of all texts of a column, behind its Parquet header, appended to `out`. */
void bloom_write_column(struct buf *out, const struct column *c, size_t *header_bytes);

#endif
