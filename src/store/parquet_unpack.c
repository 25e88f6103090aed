/* store stage: Parquet's integer encodings, reading. Used by column_cursor.c for levels, dictionary indices
 * and numbers. */
#include "store/parquet_unpack.h"

#include "base/memory.h"
#include "store/thrift_read.h"

enum { GROUP = 8, MINIS_MAX = 128, BLOCK_MAX = 1 << 16 };

/* `width` bits at bit number `bit`, least significant first. What lies behind `end` reads as zeros. */
static uint64_t read_bits(const unsigned char *p, const unsigned char *end, uint64_t bit, unsigned width)
{
    p += bit / 8;
    unsigned shift = bit % 8;
    uint64_t low = 0, high = 0;
    size_t there = end > p ? (size_t)(end - p) : 0;
    if (there >= 9) {
        memcpy(&low, p, 8);
        high = p[8];
    } else {
        memcpy(&low, p, there < 8 ? there : 8);
    }
    uint64_t bits = low >> shift | (shift ? high << (64 - shift) : 0);
    return width < 64 ? bits & ((UINT64_C(1) << width) - 1) : bits;
}

/* ---- hybrid ---- */

void rle_read_begin(struct rle_reader *r, struct str bytes, unsigned width)
{
    BUG_IF(width < 1 || width > 32);
    const unsigned char *p = (const unsigned char *)bytes.p;
    *r = (struct rle_reader){.p = p, .end = p + bytes.n, .width = width};
}

static bool begin_packed(struct rle_reader *r, uint64_t groups)
{
    if (groups == 0 || groups > (uint64_t)(r->end - r->p) / r->width)
        return false;
    r->packed = r->p;
    r->at = 0;
    r->left = groups * GROUP;
    r->p += groups * r->width;
    return true;
}

static bool begin_repeated(struct rle_reader *r, uint64_t count)
{
    size_t bytes = (r->width + 7) / 8;
    if (count == 0 || bytes > (size_t)(r->end - r->p))
        return false;
    r->packed = NULL;
    r->value = (uint32_t)read_bits(r->p, r->p + bytes, 0, 32);
    r->left = count;
    r->p += bytes;
    return true;
}

static bool begin_run(struct rle_reader *r)
{
    uint64_t header;
    if (!varint_read(&r->p, r->end, &header))
        return false;
    return header & 1 ? begin_packed(r, header >> 1) : begin_repeated(r, header >> 1);
}

static uint32_t current(const struct rle_reader *r)
{
    return r->packed ? (uint32_t)read_bits(r->packed, r->p, r->at * r->width, r->width) : r->value;
}

static void pass(struct rle_reader *r, uint64_t count)
{
    r->at += count;
    r->left -= count;
}

bool rle_read(struct rle_reader *r, uint32_t *value)
{
    if (!r->left && !begin_run(r))
        return false;
    *value = current(r);
    pass(r, 1);
    return true;
}

bool rle_skip(struct rle_reader *r, uint64_t count)
{
    while (count) {
        if (!r->left && !begin_run(r))
            return false;
        uint64_t n = count < r->left ? count : r->left;
        pass(r, n);
        count -= n;
    }
    return true;
}

static uint64_t packed_ones(const struct rle_reader *r, uint64_t count)
{
    uint64_t ones = 0;
    for (uint64_t i = 0; i < count; i += 64) {
        unsigned width = count - i < 64 ? (unsigned)(count - i) : 64;
        ones += (uint64_t)__builtin_popcountll(read_bits(r->packed, r->p, r->at + i, width));
    }
    return ones;
}

bool rle_count_ones(struct rle_reader *r, uint64_t count, uint64_t *ones)
{
    while (count) {
        if (!r->left && !begin_run(r))
            return false;
        uint64_t n = count < r->left ? count : r->left;
        *ones += r->packed ? packed_ones(r, n) : n * (r->value == 1);
        pass(r, n);
        count -= n;
    }
    return true;
}

bool rle_same(struct rle_reader *r, uint64_t *count, uint32_t *value)
{
    if (!r->left && !begin_run(r))
        return false;
    *count = r->packed ? 1 : r->left;
    *value = current(r);
    return true;
}

/* ---- delta ---- */

bool delta_read_begin(struct delta_reader *r, struct str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    *r = (struct delta_reader){.p = p, .end = p + bytes.n, .is_first = true};
    uint64_t block, minis, first;
    if (!varint_read(&r->p, r->end, &block) || !varint_read(&r->p, r->end, &minis) ||
        !varint_read(&r->p, r->end, &r->left) || !varint_read(&r->p, r->end, &first))
        return false;
    if (minis == 0 || minis > MINIS_MAX || block == 0 || block > BLOCK_MAX || block % minis)
        return false;
    r->blocks_minis = r->mini = (uint32_t)minis;
    r->per_mini = (uint32_t)(block / minis);
    r->value = (uint64_t)unzigzag(first);
    return true;
}

static bool begin_block(struct delta_reader *r)
{
    uint64_t min_delta;
    if (!varint_read(&r->p, r->end, &min_delta) || r->blocks_minis > (size_t)(r->end - r->p))
        return false;
    r->min_delta = unzigzag(min_delta);
    r->widths = r->p;
    r->p += r->blocks_minis;
    r->mini = r->at = 0;
    return true;
}

/* Moves to the next mini-block when the one at hand is used up. */
static bool find_delta(struct delta_reader *r)
{
    if (r->mini < r->blocks_minis && r->at == r->per_mini) {
        r->p += ((size_t)r->per_mini * r->widths[r->mini] + 7) / 8;
        r->mini++;
        r->at = 0;
    }
    if (r->mini == r->blocks_minis && !begin_block(r))
        return false;
    unsigned width = r->widths[r->mini];
    return width <= 64 && ((size_t)r->per_mini * width + 7) / 8 <= (size_t)(r->end - r->p);
}

bool delta_read(struct delta_reader *r, int64_t *value)
{
    if (!r->left)
        return false;
    if (!r->is_first) {
        if (!find_delta(r))
            return false;
        unsigned width = r->widths[r->mini];
        r->value += (uint64_t)r->min_delta + read_bits(r->p, r->end, (uint64_t)r->at * width, width);
        r->at++;
    }
    r->is_first = false;
    r->left--;
    *value = (int64_t)r->value;
    return true;
}
