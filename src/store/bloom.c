/* store stage: Bloom filters for needles. Reads the texts of a column, leaves the filter in the part's file
 * (parquet_file.c); the catalogue asks 32 bytes of it before a part is read (catalogue.c). */
#include "store/bloom.h"

#include <xxhash.h>

#include "base/memory.h"
#include "store/column_set.h"
#include "store/parquet_thrift.h"

static const uint32_t salts[8] = {0x47b6137b, 0x44974d91, 0x8824ad5b, 0xa2b7289d,
                                  0x705495c7, 0x2df1424b, 0x9efc4947, 0x5c6bfb31};

size_t bloom_bytes(size_t distinct)
{
    size_t wanted = distinct * 10 / 8, bytes = BLOOM_BLOCK_BYTES;
    while (bytes < wanted && bytes < BLOOM_MAX_BYTES)
        bytes *= 2;
    return bytes;
}

uint64_t bloom_hash(struct str value)
{
    return XXH64(value.p, value.n, 0);
}

size_t bloom_block(uint64_t hash, size_t filter_bytes)
{
    return (size_t)((hash >> 32) * (filter_bytes / BLOOM_BLOCK_BYTES) >> 32);
}

/* Words are little-endian in the file, as in memory on every machine we run on. */
static uint32_t bit_of(uint64_t hash, unsigned word)
{
    return UINT32_C(1) << ((uint32_t)hash * salts[word] >> 27);
}

void bloom_add(struct str filter, uint64_t hash)
{
    char *block = (char *)(uintptr_t)filter.p + bloom_block(hash, filter.n) * BLOOM_BLOCK_BYTES;
    for (unsigned i = 0; i < 8; i++) {
        uint32_t word;
        memcpy(&word, block + i * 4, 4);
        word |= bit_of(hash, i);
        memcpy(block + i * 4, &word, 4);
    }
}

bool bloom_block_has(const unsigned char block[BLOOM_BLOCK_BYTES], uint64_t hash)
{
    for (unsigned i = 0; i < 8; i++) {
        uint32_t word;
        memcpy(&word, block + i * 4, 4);
        if (!(word & bit_of(hash, i)))
            return false;
    }
    return true;
}

/* BloomFilterHeader: numBytes, algorithm BLOCK, hash XXHASH, compression UNCOMPRESSED. */
static void write_header(struct buf *out, size_t filter_bytes)
{
    struct thrift t;
    thrift_begin(&t, out);
    thrift_i32(&t, 1, (int32_t)filter_bytes);
    for (int16_t field = 2; field <= 4; field++) {
        thrift_struct(&t, field);
        thrift_empty(&t, 1);
        thrift_end(&t);
    }
    thrift_end(&t);
}

/* False when it is there already. `slots` are free where they are 0, and more than half of them stay so. */
static bool note_hash(uint64_t *slots, size_t mask, uint64_t hash)
{
    size_t at = (size_t)hash & mask;
    while (slots[at] != 0 && slots[at] != hash)
        at = (at + 1) & mask;
    bool is_new = slots[at] == 0 && hash != 0;
    slots[at] = hash;
    return is_new;
}

static size_t keep_distinct(uint64_t *hashes, size_t count)
{
    size_t kept = 0, capacity = 64;
    while (capacity < count * 2 + 1)
        capacity *= 2;
    uint64_t *slots = NEW_ARRAY(uint64_t, capacity);
    bool has_zero = false;
    for (size_t i = 0; i < count; i++) {
        has_zero |= hashes[i] == 0;
        if (note_hash(slots, capacity - 1, hashes[i]))
            hashes[kept++] = hashes[i];
    }
    memory_free(slots);
    if (has_zero)
        hashes[kept++] = 0;
    return kept;
}

/* Hashes of all texts and of their folded forms, each once: a column that gave its dictionary up holds texts
 * twice. */
static uint64_t *distinct_hashes(const struct column *c, size_t *count)
{
    struct buf scratch = {0};
    uint64_t *hashes = NEW_ARRAY(uint64_t, (size_t)c->entry_count * 2);
    size_t n = 0;
    for (uint32_t i = 0; i < c->entry_count; i++) {
        struct str text = column_entry(c, i), folded = column_fold(text, &scratch);
        hashes[n++] = bloom_hash(text);
        if (!str_eq(text, folded))
            hashes[n++] = bloom_hash(folded);
    }
    buf_free(&scratch);
    *count = keep_distinct(hashes, n);
    return hashes;
}

void bloom_write_column(struct buf *out, const struct column *c, size_t *header_bytes)
{
    size_t count, start = out->n;
    uint64_t *hashes = distinct_hashes(c, &count);
    size_t bytes = bloom_bytes(count);
    write_header(out, bytes);
    *header_bytes = out->n - start;
    char *p = buf_reserve(out, bytes);
    memset(p, 0, bytes);
    out->n += bytes;
    for (size_t i = 0; i < count; i++)
        bloom_add((struct str){p, bytes}, hashes[i]);
    memory_free(hashes);
}
