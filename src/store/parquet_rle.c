/* store stage: Parquet's integer encodings. Reads arrays of numbers, leaves bytes for a page
 * (parquet_page.c). */
#include "store/parquet_rle.h"

#include "base/memory.h"
#include "store/parquet_thrift.h"

enum { GROUP = 8, BLOCK = 128, MINI_BLOCK = 32, MINI_BLOCKS = BLOCK / MINI_BLOCK };

unsigned bits_for(uint32_t max)
{
    return max ? 32 - (unsigned)__builtin_clz(max) : 1;
}

/* Packs `count` numbers, least significant bit first; `count` × width is a whole number of bytes. */
static void pack(struct buf *out, const uint64_t *values, size_t count, unsigned width)
{
    unsigned char *p = (unsigned char *)buf_reserve(out, (count * width + 7) / 8 + 16);
    unsigned __int128 bits = 0;
    unsigned held = 0;
    size_t n = 0;
    for (size_t i = 0; i < count; i++) {
        bits |= (unsigned __int128)values[i] << held;
        for (held += width; held >= 8; held -= 8, bits >>= 8)
            p[n++] = (unsigned char)bits;
    }
    if (held)
        p[n++] = (unsigned char)bits;
    out->n += n;
}

/* ---- hybrid ---- */

static void pack_group(unsigned char *out, const uint32_t *values, size_t count, unsigned width)
{
    uint64_t bits = 0;
    unsigned held = 0;
    for (size_t i = 0; i < GROUP; i++) {
        bits |= (i < count ? (uint64_t)values[i] : 0) << held;
        for (held += width; held >= 8; held -= 8, bits >>= 8)
            *out++ = (unsigned char)bits;
    }
}

/* Packed groups of eight; the last one is filled up with zeros, which readers leave out by the page's count.
 */
static void write_packed(struct buf *out, const uint32_t *values, size_t count, unsigned width)
{
    size_t groups = (count + GROUP - 1) / GROUP;
    if (!groups)
        return;
    varint_add(out, groups << 1 | 1);
    unsigned char *p = (unsigned char *)buf_reserve(out, groups * width);
    for (size_t g = 0; g < groups; g++) {
        size_t left = count - g * GROUP;
        pack_group(p + g * width, values + g * GROUP, left < GROUP ? left : GROUP, width);
    }
    out->n += groups * width;
}

static void write_run(struct buf *out, uint32_t value, size_t count, unsigned width)
{
    varint_add(out, count << 1);
    for (unsigned i = 0; i < (width + 7) / 8; i++)
        buf_char(out, (char)(value >> (8 * i)));
}

static size_t run_length(const uint32_t *values, size_t count)
{
    size_t n = 1;
    while (n < count && values[n] == values[0])
        n++;
    return n;
}

void rle_encode(struct buf *out, const uint32_t *values, size_t count, unsigned width)
{
    size_t packed_from = 0, at = 0;
    while (at < count) {
        size_t run = run_length(values + at, count - at);
        if (run < GROUP && at + GROUP <= count) {
            at += GROUP;
        } else if (run < GROUP) {
            at = count;
        } else {
            write_packed(out, values + packed_from, at - packed_from, width);
            write_run(out, values[at], run, width);
            at += run;
            packed_from = at;
        }
    }
    write_packed(out, values + packed_from, count - packed_from, width);
}

/* ---- delta ---- */

static unsigned width_of(uint64_t max)
{
    return max ? 64 - (unsigned)__builtin_clzll(max) : 0;
}

/* Differences wrap around in two's complement, so every step of two 64-bit numbers has one. */
static void write_block(struct buf *out, const int64_t *values, size_t count)
{
    uint64_t deltas[BLOCK] = {0};
    int64_t min = INT64_MAX;
    for (size_t i = 0; i < count; i++) {
        deltas[i] = (uint64_t)values[i] - (uint64_t)values[(ptrdiff_t)i - 1];
        if ((int64_t)deltas[i] < min)
            min = (int64_t)deltas[i];
    }
    for (size_t i = 0; i < count; i++)
        deltas[i] -= (uint64_t)min;
    varint_add(out, zigzag(min));
    unsigned widths[MINI_BLOCKS];
    for (unsigned m = 0; m < MINI_BLOCKS; m++) {
        uint64_t all = 0;
        for (unsigned i = 0; i < MINI_BLOCK; i++)
            all |= deltas[m * MINI_BLOCK + i];
        widths[m] = width_of(all);
        buf_char(out, (char)widths[m]);
    }
    for (unsigned m = 0; m < MINI_BLOCKS && m * MINI_BLOCK < count; m++)
        pack(out, deltas + (size_t)m * MINI_BLOCK, MINI_BLOCK, widths[m]);
}

void delta_encode(struct buf *out, const int64_t *values, size_t count)
{
    varint_add(out, BLOCK);
    varint_add(out, MINI_BLOCKS);
    varint_add(out, count);
    varint_add(out, count ? zigzag(values[0]) : 0);
    for (size_t at = 1; at < count; at += BLOCK)
        write_block(out, values + at, count - at < BLOCK ? count - at : BLOCK);
}
