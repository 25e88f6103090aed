/* store stage: columns → Parquet pages (parquet-format: README.md, Encodings.md). Data pages of version 1,
 * because every reader knows them. Reads a column, leaves bytes and what the footer must say about them
 * (parquet_file.c).
 *
 * Encodings: texts that repeat → dictionary; other texts → plain; numbers and
 * times with few different values → dictionary, others → delta; reals and booleans → plain. */
#include "store/parquet_page.h"

#include <zstd.h>

#include "base/memory.h"
#include "store/parquet_rle.h"
#include "store/parquet_thrift.h"

enum {
    TEXT_PAGE_BYTES = 1 << 17,
    PAGE_BITS = 8 << 14, /* of other pages: whoever wants one row unpacks no more than this of each column */
    NUMBER_DICTIONARY_MAX = 1 << 14,
    NUMBER_SLOTS = NUMBER_DICTIONARY_MAX * 2,
};

struct page_encoder {
    ZSTD_CCtx *zstd;
    struct buf page, compressed;
    uint32_t *levels, *codes; /* scratch, grown to the largest column seen */
    size_t level_capacity, code_capacity;
    int64_t numbers[NUMBER_DICTIONARY_MAX]; /* dictionary of the column at hand */
    uint32_t number_count;
    uint16_t slots[NUMBER_SLOTS]; /* code + 1 */
};

struct page_encoder *page_encoder_new(int zstd_level)
{
    struct page_encoder *e = NEW(struct page_encoder);
    e->zstd = ZSTD_createCCtx();
    BUG_IF(!e->zstd);
    BUG_IF(ZSTD_isError(ZSTD_CCtx_setParameter(e->zstd, ZSTD_c_compressionLevel, zstd_level)));
    return e;
}

void page_encoder_free(struct page_encoder *e)
{
    if (!e)
        return;
    ZSTD_freeCCtx(e->zstd);
    buf_free(&e->page);
    buf_free(&e->compressed);
    memory_free(e->levels);
    memory_free(e->codes);
    memory_free(e);
}

static uint32_t *scratch(uint32_t **p, size_t *capacity, size_t count)
{
    if (count > *capacity) {
        *capacity = count;
        *p = memory_resize_array(*p, count, sizeof **p);
    }
    return *p;
}

/* ---- one page ---- */

static void write_page(struct page_encoder *e, unsigned type, uint32_t values, unsigned encoding,
                       struct buf *out, struct parquet_chunk *chunk)
{
    size_t bound = ZSTD_compressBound(e->page.n), start = out->n;
    buf_clear(&e->compressed);
    char *p = buf_reserve(&e->compressed, bound);
    size_t size = ZSTD_compress2(e->zstd, p, bound, e->page.p ? e->page.p : "", e->page.n);
    BUG_IF(ZSTD_isError(size));
    struct thrift t;
    thrift_begin(&t, out);
    thrift_i32(&t, 1, (int32_t)type);
    thrift_i32(&t, 2, (int32_t)e->page.n);
    thrift_i32(&t, 3, (int32_t)size);
    thrift_struct(&t, type == PAGE_DATA ? 5 : 7);
    thrift_i32(&t, 1, (int32_t)values);
    thrift_i32(&t, 2, (int32_t)encoding);
    if (type == PAGE_DATA) {
        thrift_i32(&t, 3, ENCODING_RLE);
        thrift_i32(&t, 4, ENCODING_RLE);
    }
    thrift_end(&t);
    thrift_end(&t);
    chunk->uncompressed_bytes += (int64_t)(out->n - start + e->page.n);
    buf_bytes(out, p, size);
    chunk->compressed_bytes += (int64_t)(out->n - start);
    buf_clear(&e->page);
}

/* ---- levels ---- */

/* A range of rows and the values in them. */
struct span {
    uint32_t row, row_end, value, value_end;
};

/* They stand behind their size. */
static size_t begin_levels(struct buf *page)
{
    buf_bytes(page, "\0\0\0\0", 4);
    return page->n;
}

static void end_levels(struct buf *page, size_t begin)
{
    uint32_t size = (uint32_t)(page->n - begin);
    memcpy(page->p + begin - 4, &size, 4);
}

static void add_levels(struct buf *page, const uint32_t *levels, size_t count, unsigned width)
{
    size_t at = begin_levels(page);
    rle_encode(page, levels, count, width);
    end_levels(page, at);
}

static uint32_t add_scalar_levels(struct page_encoder *e, const struct column *c, const struct span *s)
{
    uint32_t rows = s->row_end - s->row;
    size_t words = rows / 64 + 1;
    uint64_t *bits = (uint64_t *)scratch(&e->levels, &e->level_capacity, 2 * words);
    if (s->value_end - s->value == rows) {
        memset(bits, 0xFF, words * sizeof *bits);
    } else {
        memset(bits, 0, words * sizeof *bits);
        for (uint32_t i = s->value; i < s->value_end; i++) {
            uint32_t row = column_row(c, i) - s->row;
            bits[row / 64] |= UINT64_C(1) << row % 64;
        }
    }
    size_t at = begin_levels(&e->page);
    rle_encode_bits(&e->page, bits, rows);
    end_levels(&e->page, at);
    return rows;
}

/* One level pair for each element, and one for each row that has none. */
static uint32_t add_list_levels(struct page_encoder *e, const struct column *c, const struct span *s)
{
    uint32_t most = s->row_end - s->row + s->value_end - s->value, n = 0, value = s->value;
    uint32_t *definition = scratch(&e->levels, &e->level_capacity, (size_t)most * 2),
             *repetition = definition + most;
    for (uint32_t row = s->row; row < s->row_end; row++) {
        uint32_t first = n;
        for (; value < s->value_end && column_row(c, value) == row; value++) {
            repetition[n] = n > first;
            definition[n++] = LIST_DEFINED;
        }
        if (n == first) {
            repetition[n] = 0;
            definition[n++] = 0;
        }
    }
    add_levels(&e->page, repetition, n, 1);
    add_levels(&e->page, definition, n, bits_for(LIST_DEFINED));
    return n;
}

/* ---- values ---- */

static void add_indices(struct buf *page, const uint32_t *codes, uint32_t count, uint32_t dictionary)
{
    unsigned width = bits_for(dictionary ? dictionary - 1 : 0);
    buf_char(page, (char)width);
    rle_encode(page, codes, count, width);
}

static void add_plain_text(struct buf *page, struct str text)
{
    uint32_t size = (uint32_t)text.n;
    char *p = buf_reserve(page, text.n + 4);
    memcpy(p, &size, 4);
    memcpy(p + 4, text.p, text.n);
    page->n += text.n + 4;
}

static void add_bools(struct buf *page, const int64_t *values, uint32_t count)
{
    for (uint32_t i = 0; i < count; i += 8) {
        unsigned bits = 0;
        for (uint32_t k = 0; k < 8 && i + k < count; k++)
            bits |= (unsigned)(values[i + k] != 0) << k;
        buf_char(page, (char)bits);
    }
}

static void add_values(struct page_encoder *e, const struct column *c, const struct span *s,
                       unsigned encoding)
{
    uint32_t count = s->value_end - s->value;
    if (count == 0) {
        if (encoding == ENCODING_DELTA)
            delta_encode(&e->page, NULL, 0); /* readers expect its header even so */
        return;
    }
    if (encoding == ENCODING_DICTIONARY && c->kind == COLUMN_TEXT)
        add_indices(&e->page, c->codes + s->value, count, c->entry_count);
    else if (encoding == ENCODING_DICTIONARY)
        add_indices(&e->page, e->codes + s->value, count, e->number_count);
    else if (encoding == ENCODING_DELTA)
        delta_encode(&e->page, c->numbers + s->value, count);
    else if (c->kind == COLUMN_REAL)
        buf_bytes(&e->page, c->reals + s->value, count * sizeof *c->reals);
    else if (c->kind == COLUMN_BOOL)
        add_bools(&e->page, c->numbers + s->value, count);
    else
        for (uint32_t i = s->value; i < s->value_end; i++)
            add_plain_text(&e->page, column_text(c, i));
}

static void add_place(struct parquet_chunk *chunk, struct page_place place)
{
    if (chunk->page_count == chunk->page_capacity) {
        chunk->page_capacity = chunk->page_capacity ? chunk->page_capacity * 2 : 16;
        chunk->pages = memory_resize_array(chunk->pages, chunk->page_capacity, sizeof *chunk->pages);
    }
    chunk->pages[chunk->page_count++] = place;
}

static void write_data_page(struct page_encoder *e, const struct column *c, const struct span *s,
                            unsigned encoding, struct buf *out, struct parquet_chunk *chunk)
{
    uint32_t values = c->is_list ? add_list_levels(e, c, s) : add_scalar_levels(e, c, s);
    uint64_t offset = (uint64_t)chunk->compressed_bytes;
    add_values(e, c, s, encoding);
    chunk->values += values;
    chunk->nulls += values - (s->value_end - s->value);
    write_page(e, PAGE_DATA, values, encoding, out, chunk);
    add_place(chunk,
              (struct page_place){offset, (uint32_t)((uint64_t)chunk->compressed_bytes - offset), s->row});
}

/* ---- dictionaries ---- */

/* The numbers' dictionary, or false when there are too many different ones. */
static bool find_number_dictionary(struct page_encoder *e, const struct column *c)
{
    uint32_t limit = c->count / 4 < NUMBER_DICTIONARY_MAX ? c->count / 4 : NUMBER_DICTIONARY_MAX;
    uint32_t *codes = scratch(&e->codes, &e->code_capacity, c->count);
    memset(e->slots, 0, sizeof e->slots);
    e->number_count = 0;
    for (uint32_t i = 0; i < c->count; i++) {
        uint64_t mixed = (uint64_t)c->numbers[i] * UINT64_C(0x9E3779B97F4A7C15);
        uint32_t at = (uint32_t)(mixed >> 49); /* 15 bits: NUMBER_SLOTS */
        while (e->slots[at] && e->numbers[e->slots[at] - 1] != c->numbers[i])
            at = (at + 1) % NUMBER_SLOTS;
        if (!e->slots[at]) {
            if (e->number_count >= limit)
                return false;
            e->numbers[e->number_count++] = c->numbers[i];
            e->slots[at] = (uint16_t)e->number_count;
        }
        codes[i] = e->slots[at] - 1u;
    }
    return e->number_count > 0;
}

static unsigned choose_encoding(struct page_encoder *e, const struct column *c)
{
    switch (c->kind) {
    case COLUMN_TEXT:
        return c->entry_count && c->entry_count <= c->count / 2 ? ENCODING_DICTIONARY : ENCODING_PLAIN;
    case COLUMN_NUMBER:
    case COLUMN_TIME:
        return find_number_dictionary(e, c) ? ENCODING_DICTIONARY : ENCODING_DELTA;
    default:
        return ENCODING_PLAIN;
    }
}

static void write_dictionary(struct page_encoder *e, const struct column *c, struct buf *out,
                             struct parquet_chunk *chunk)
{
    uint32_t count = c->kind == COLUMN_TEXT ? c->entry_count : e->number_count;
    if (c->kind == COLUMN_TEXT)
        for (uint32_t i = 0; i < count; i++)
            add_plain_text(&e->page, column_entry(c, i));
    else
        buf_bytes(&e->page, e->numbers, count * sizeof *e->numbers);
    write_page(e, PAGE_DICTIONARY, count, ENCODING_PLAIN, out, chunk);
    chunk->has_dictionary = true;
}

/* ---- statistics ---- */

static void set_statistics(struct parquet_chunk *chunk, const void *min, size_t min_bytes, const void *max,
                           size_t max_bytes)
{
    if (min_bytes > STATISTIC_BYTES || max_bytes > STATISTIC_BYTES)
        return;
    memcpy(chunk->min, min, min_bytes);
    memcpy(chunk->max, max, max_bytes);
    chunk->min_bytes = (uint8_t)min_bytes;
    chunk->max_bytes = (uint8_t)max_bytes;
    chunk->has_statistics = true;
}

/* Every entry is in use, so the entries tell. Long texts (records) are not worth comparing. */
static void text_statistics(const struct column *c, struct parquet_chunk *chunk)
{
    if (c->heap.n / c->entry_count > STATISTIC_BYTES)
        return;
    struct str min = column_entry(c, 0), max = min;
    for (uint32_t i = 1; i < c->entry_count; i++) {
        struct str text = column_entry(c, i);
        if (str_compare(text, min) < 0)
            min = text;
        else if (str_compare(text, max) > 0)
            max = text;
    }
    set_statistics(chunk, min.p, min.n, max.p, max.n);
}

static void number_statistics(const struct column *c, struct parquet_chunk *chunk)
{
    int64_t min = INT64_MAX, max = INT64_MIN;
    for (uint32_t i = 0; i < c->count; i++) {
        min = c->numbers[i] < min ? c->numbers[i] : min;
        max = c->numbers[i] > max ? c->numbers[i] : max;
    }
    if (c->kind == COLUMN_BOOL) {
        unsigned char low = min != 0, high = max != 0;
        set_statistics(chunk, &low, 1, &high, 1);
    } else {
        set_statistics(chunk, &min, sizeof min, &max, sizeof max);
    }
}

/* parquet.thrift on ColumnOrder: none when there is a NaN; a zero minimum is written −0, a zero maximum +0.
 */
static void real_statistics(const struct column *c, struct parquet_chunk *chunk)
{
    double min = c->reals[0], max = c->reals[0];
    for (uint32_t i = 0; i < c->count; i++) {
        if (c->reals[i] != c->reals[i])
            return;
        min = c->reals[i] < min ? c->reals[i] : min;
        max = c->reals[i] > max ? c->reals[i] : max;
    }
    min = min == 0 ? -0.0 : min;
    max = max == 0 ? 0.0 : max;
    set_statistics(chunk, &min, sizeof min, &max, sizeof max);
}

static void find_statistics(const struct column *c, struct parquet_chunk *chunk)
{
    if (!c->count)
        return;
    if (c->kind == COLUMN_TEXT)
        text_statistics(c, chunk);
    else if (c->kind == COLUMN_REAL)
        real_statistics(c, chunk);
    else
        number_statistics(c, chunk);
}

/* ---- the column ---- */

/* Where a page that starts at `value` ends: a row's values stay together. */
static uint32_t text_page_end(const struct column *c, uint32_t value)
{
    size_t bytes = 0;
    uint32_t end = value;
    while (end < c->count && (bytes < TEXT_PAGE_BYTES || column_row(c, end) == column_row(c, end - 1)))
        bytes += c->entries[c->codes[end++]].size + 4;
    return end;
}

static unsigned value_bits(const struct page_encoder *e, const struct column *c, unsigned encoding)
{
    unsigned levels = c->is_list ? 3 : 1;
    uint32_t dictionary = c->kind == COLUMN_TEXT ? c->entry_count : e->number_count;
    if (encoding == ENCODING_DICTIONARY)
        return levels + bits_for(dictionary - 1);
    if (encoding == ENCODING_DELTA)
        return levels + 32; /* about */
    return levels + (c->kind == COLUMN_BOOL ? 1 : 64);
}

static uint32_t page_end(const struct page_encoder *e, const struct column *c, uint32_t value,
                         unsigned encoding)
{
    if (c->kind == COLUMN_TEXT && encoding == ENCODING_PLAIN)
        return text_page_end(c, value);
    uint32_t most = PAGE_BITS / value_bits(e, c, encoding);
    if (c->count - value <= most)
        return c->count;
    uint32_t end = value + most;
    while (end < c->count && column_row(c, end) == column_row(c, end - 1))
        end++;
    return end;
}

void page_encode_column(struct page_encoder *e, const struct column *c, uint32_t rows, struct buf *out,
                        struct parquet_chunk *chunk)
{
    *chunk = (struct parquet_chunk){0};
    size_t start = out->n;
    unsigned encoding = choose_encoding(e, c);
    chunk->encoding = (uint8_t)encoding;
    if (encoding == ENCODING_DICTIONARY)
        write_dictionary(e, c, out, chunk);
    chunk->data_offset = out->n - start;
    struct span s = {0};
    do {
        s.value_end = page_end(e, c, s.value, encoding);
        s.row_end = s.value_end == c->count ? rows : column_row(c, s.value_end);
        write_data_page(e, c, &s, encoding, out, chunk);
        s.row = s.row_end;
        s.value = s.value_end;
    } while (s.row < rows);
    find_statistics(c, chunk);
}
