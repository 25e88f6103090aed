/* store stage: Parquet's integer encodings. Reads arrays of numbers, leaves bytes for a page
 * (parquet_page.c). */
#include "store/parquet_rle.h"

#include "base/memory.h"
#include "store/parquet_thrift.h"

enum { GROUP = 8, SPARE = 16, BLOCK = 128, MINI_BLOCK = 32, MINI_BLOCKS = BLOCK / MINI_BLOCK };

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

/* Eight numbers become `width` bytes; up to SPARE more are written over. */
static void pack_group(unsigned char *out, const uint32_t *values, unsigned width)
{
    unsigned __int128 bits[2] = {0};
    for (unsigned i = 0; i < GROUP / 2; i++) {
        bits[0] |= (unsigned __int128)values[i] << (i * width);
        bits[1] |= (unsigned __int128)values[GROUP / 2 + i] << (i * width);
    }
    unsigned half = width * (GROUP / 2); /* bits */
    if (half <= 64) {
        bits[0] |= bits[1] << half;
        memcpy(out, bits, SPARE);
        return;
    }
    memcpy(out, &bits[0], SPARE);
    if (half % 8) { /* the other half begins within a byte */
        out[half / 8] =
            (unsigned char)((unsigned char)(bits[0] >> (half / 8 * 8)) | (unsigned char)(bits[1] << 4));
        bits[1] >>= 4;
        memcpy(out + half / 8 + 1, &bits[1], SPARE);
    } else {
        memcpy(out + half / 8, &bits[1], SPARE);
    }
}

static void pack_rest(unsigned char *out, const uint32_t *values, size_t count, unsigned width)
{
    uint32_t filled[GROUP] = {0};
    memcpy(filled, values, count * sizeof *values);
    pack_group(out, filled, width);
}

/* Packed groups of eight; the last one is filled up with zeros, which readers leave out by the page's count.
 */
static void write_packed(struct buf *out, const uint32_t *values, size_t count, unsigned width)
{
    size_t groups = (count + GROUP - 1) / GROUP;
    if (!groups)
        return;
    varint_add(out, groups << 1 | 1);
    unsigned char *p = (unsigned char *)buf_reserve(out, groups * width + 2 * SPARE);
    for (size_t g = 0; g < count / GROUP; g++)
        pack_group(p + g * width, values + g * GROUP, width);
    if (count % GROUP)
        pack_rest(p + count / GROUP * width, values + count / GROUP * GROUP, count % GROUP, width);
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

/* ---- bits ---- */

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* 64 bits from there on; those behind the end of the words are 0. */
static uint64_t bits_at(const uint64_t *words, size_t at, size_t count)
{
    size_t word = at / 64, shift = at % 64;
    uint64_t bits = words[word] >> shift;
    if (shift && (word + 1) * 64 < count)
        bits |= words[word + 1] << (64 - shift);
    return bits;
}

static size_t bit_run_length(const uint64_t *words, size_t at, size_t count)
{
    uint64_t same = words[at / 64] >> at % 64 & 1 ? ~UINT64_C(0) : 0;
    size_t end = at;
    while (end < count) {
        uint64_t other = (words[end / 64] ^ same) >> end % 64;
        if (other)
            return least(end + (size_t)__builtin_ctzll(other), count) - at;
        end = (end / 64 + 1) * 64;
    }
    return count - at;
}

static void write_packed_bits(struct buf *out, const uint64_t *words, size_t from, size_t to)
{
    size_t groups = (to - from + GROUP - 1) / GROUP;
    if (!groups)
        return;
    varint_add(out, groups << 1 | 1);
    char *p = buf_reserve(out, groups + sizeof(uint64_t));
    for (size_t at = from; at < to; at += 64) {
        uint64_t bits = bits_at(words, at, to);
        if (to - at < 64)
            bits &= (UINT64_C(1) << (to - at)) - 1;
        memcpy(p + (at - from) / GROUP, &bits, sizeof bits);
    }
    out->n += groups;
}

void rle_encode_bits(struct buf *out, const uint64_t *words, size_t count)
{
    size_t packed_from = 0, at = 0;
    while (at < count) {
        size_t run = bit_run_length(words, at, count);
        if (run < GROUP) {
            at = least(at + GROUP, count);
            continue;
        }
        write_packed_bits(out, words, packed_from, at);
        write_run(out, words[at / 64] >> at % 64 & 1, run, 1);
        at += run;
        packed_from = at;
    }
    write_packed_bits(out, words, packed_from, count);
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
