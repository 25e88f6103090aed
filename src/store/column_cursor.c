/* store stage: reading single rows of a column. Reads pages where the footer says they are
 * (parquet_footer.c), leaves values for row_reader.c. The inverse of parquet_page.c.
 *
 * A page (version 1): [u32 size, repetition levels] of lists, [u32 size, definition levels], values. */
#include "store/column_cursor.h"

#include <zstd.h>

#include "base/memory.h"
#include "store/thrift_read.h"

enum {
    NO_PAGE = UINT32_MAX,
    PAGE_VALUES_MAX = 1 << 24,
    ZSTD_BLOCK = 128 << 10, /* four bytes of input make no more than this */
};

struct page_unpacker {
    int fd;
    uint64_t file_bytes;
    ZSTD_DCtx *zstd;
    struct buf packed;
};

struct page_unpacker *page_unpacker_new(int fd, uint64_t file_bytes)
{
    struct page_unpacker *u = NEW(struct page_unpacker);
    u->fd = fd;
    u->file_bytes = file_bytes;
    u->zstd = ZSTD_createDCtx();
    BUG_IF(!u->zstd);
    return u;
}

void page_unpacker_free(struct page_unpacker *u)
{
    if (!u)
        return;
    ZSTD_freeDCtx(u->zstd);
    buf_free(&u->packed);
    memory_free(u);
}

void cursor_begin(struct column_cursor *c, const struct footer_column *column,
                  const struct footer_chunk *chunk, uint32_t group_rows)
{
    c->column = column;
    c->chunk = chunk;
    c->group_rows = group_rows;
    c->page_number = NO_PAGE;
    c->has_dictionary = false;
    c->row = c->row_end = 0;
}

void cursor_free(struct column_cursor *c)
{
    buf_free(&c->dictionary);
    buf_free(&c->page);
    memory_free(c->entries);
}

/* ---- one page ---- */

struct page_header {
    int64_t type, unpacked_bytes, packed_bytes, values, encoding;
};

static void read_page_details(struct thrift_reader *t, enum thrift_type type, struct page_header *h)
{
    int16_t field;
    thrift_read_struct(t, type);
    while (thrift_read_field(t, &field, &type)) {
        if (field == 1)
            h->values = thrift_read_integer(t, type);
        else if (field == 2)
            h->encoding = thrift_read_integer(t, type);
        else
            thrift_skip(t, type);
    }
}

/* `*bytes`: header and body; afterwards the body. */
static bool read_page_header(struct str *bytes, struct page_header *h)
{
    struct thrift_reader t;
    int16_t field;
    enum thrift_type type;
    *h = (struct page_header){-1, -1, -1, -1, -1};
    thrift_read_begin(&t, *bytes);
    while (thrift_read_field(&t, &field, &type)) {
        if (field == 1)
            h->type = thrift_read_integer(&t, type);
        else if (field == 2)
            h->unpacked_bytes = thrift_read_integer(&t, type);
        else if (field == 3)
            h->packed_bytes = thrift_read_integer(&t, type);
        else if (field == 5 || field == 7)
            read_page_details(&t, type, h);
        else
            thrift_skip(&t, type);
    }
    if (t.is_bad)
        return false;
    *bytes = str_n((const char *)t.p, (size_t)(t.end - t.p));
    return h->packed_bytes >= 0 && (uint64_t)h->packed_bytes <= bytes->n && h->unpacked_bytes >= 0 &&
           h->values >= 0 && h->values <= PAGE_VALUES_MAX;
}

/* Reads the page at `offset` and unpacks its body into `out`. */
static bool read_page(struct page_unpacker *u, const struct footer_chunk *chunk, uint64_t offset,
                      uint64_t bytes, struct page_header *h, struct buf *out)
{
    if (offset > u->file_bytes || bytes > u->file_bytes - offset)
        return false;
    const char *p = parquet_read_at(u->fd, offset, (size_t)bytes, &u->packed);
    struct str body = {p, (size_t)bytes};
    if (!p || !read_page_header(&body, h))
        return false;
    uint64_t size = (uint64_t)h->unpacked_bytes;
    if (size > chunk->uncompressed_bytes || size / ZSTD_BLOCK > (uint64_t)h->packed_bytes / 4 + 1)
        return false;
    buf_clear(out);
    char *to = buf_reserve(out, size + 1);
    out->n = (size_t)size;
    return ZSTD_decompressDCtx(u->zstd, to, (size_t)size, body.p, (size_t)h->packed_bytes) == size;
}

/* ---- dictionary ---- */

static bool place_entries(struct column_cursor *c)
{
    size_t at = 0;
    for (uint32_t i = 0; i < c->dictionary_count; i++) {
        uint32_t size;
        if (c->dictionary.n - at < sizeof size)
            return false;
        memcpy(&size, c->dictionary.p + at, sizeof size);
        if (size > c->dictionary.n - at - sizeof size)
            return false;
        c->entries[i] = (uint32_t)at;
        at += sizeof size + size;
    }
    return true;
}

static bool load_dictionary(struct column_cursor *c, struct page_unpacker *u)
{
    struct page_header h;
    uint64_t offset = c->chunk->dictionary_offset;
    if (c->has_dictionary)
        return true;
    if (!offset || !read_page(u, c->chunk, offset, c->chunk->data_offset - offset, &h, &c->dictionary) ||
        h.type != PAGE_DICTIONARY || h.encoding != ENCODING_PLAIN || h.values == 0)
        return false;
    bool is_text = c->column->kind == COLUMN_TEXT;
    if ((uint64_t)h.values > c->dictionary.n / (is_text ? sizeof(uint32_t) : sizeof(int64_t)))
        return false;
    c->dictionary_count = (uint32_t)h.values;
    c->has_dictionary = true;
    if (!is_text)
        return c->column->kind == COLUMN_NUMBER || c->column->kind == COLUMN_TIME;
    if (c->dictionary_count > c->entry_capacity) {
        c->entry_capacity = c->dictionary_count;
        c->entries = memory_resize_array(c->entries, c->entry_capacity, sizeof *c->entries);
    }
    return place_entries(c);
}

/* ---- the page at hand ---- */

static bool take_levels(struct str *rest, struct rle_reader *levels, unsigned width)
{
    uint32_t size;
    if (rest->n < sizeof size)
        return false;
    memcpy(&size, rest->p, sizeof size);
    *rest = str_skip(*rest, sizeof size);
    if (size > rest->n)
        return false;
    rle_read_begin(levels, str_n(rest->p, size), width);
    *rest = str_skip(*rest, size);
    return true;
}

static bool begin_codes(struct column_cursor *c, struct page_unpacker *u, struct str values)
{
    unsigned width = values.n ? (unsigned char)values.p[0] : 0;
    if (!values.n)
        return true; /* a page without values */
    if (width < 1 || width > 32)
        return false;
    rle_read_begin(&c->codes, str_skip(values, 1), width);
    return load_dictionary(c, u);
}

static bool begin_values(struct column_cursor *c, struct page_unpacker *u, struct str values)
{
    bool is_whole = c->column->kind == COLUMN_NUMBER || c->column->kind == COLUMN_TIME;
    c->plain = values.p;
    c->plain_end = values.p + values.n;
    c->plain_bit = 0;
    c->codes = (struct rle_reader){.width = 1};
    switch (c->encoding) {
    case ENCODING_DICTIONARY:
        return begin_codes(c, u, values);
    case ENCODING_DELTA:
        return is_whole && delta_read_begin(&c->delta, values);
    case ENCODING_PLAIN:
        return !is_whole;
    default:
        return false;
    }
}

static bool load_page(struct column_cursor *c, struct page_unpacker *u, uint32_t number)
{
    const struct page_place *place = &c->chunk->pages[number];
    struct page_header h;
    if (!read_page(u, c->chunk, place->offset, place->bytes, &h, &c->page) || h.type != PAGE_DATA)
        return false;
    struct str rest = buf_str(&c->page);
    if (c->column->is_list && !take_levels(&rest, &c->repetition, 1))
        return false;
    if (!take_levels(&rest, &c->definition, c->column->is_list ? 2 : 1))
        return false;
    c->page_number = number;
    c->row = place->first_row;
    c->row_end = number + 1 < c->chunk->page_count ? place[1].first_row : c->group_rows;
    c->values_left = (uint64_t)h.values;
    c->encoding = (enum parquet_encoding)h.encoding;
    c->skipped = 0;
    return begin_values(c, u, rest);
}

static uint32_t page_of(const struct footer_chunk *chunk, uint32_t row)
{
    uint32_t low = 0, high = chunk->page_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (chunk->pages[middle].first_row <= row)
            low = middle;
        else
            high = middle;
    }
    return low;
}

/* ---- rows ---- */

static bool skip_scalars(struct column_cursor *c, uint32_t rows)
{
    if (rows > c->values_left)
        return false;
    c->values_left -= rows;
    c->row += rows;
    return rle_count_ones(&c->definition, rows, &c->skipped);
}

static bool read_scalar(struct column_cursor *c, uint32_t *count)
{
    if (!c->values_left || !rle_read(&c->definition, count))
        return false;
    c->values_left--;
    c->row++;
    return true;
}

/* As many level pairs as are certainly alike and begin rows; false when there is none. */
static bool skip_alike(struct column_cursor *c, uint32_t rows)
{
    uint64_t n, same;
    uint32_t repetition, definition;
    if (!rle_same(&c->repetition, &n, &repetition) || repetition != 0 ||
        !rle_same(&c->definition, &same, &definition))
        return false;
    n = same < n ? same : n;
    n = rows < n ? rows : n;
    n = c->values_left < n ? c->values_left : n;
    c->values_left -= n;
    c->row += (uint32_t)n;
    c->skipped += definition == LIST_DEFINED ? n : 0;
    return n && rle_skip(&c->repetition, n) && rle_skip(&c->definition, n);
}

/* Elements that belong to the row before them; the number of those that are there is added to `*count`. */
static bool take_elements(struct column_cursor *c, uint64_t *count)
{
    uint64_t same;
    uint32_t level;
    while (c->values_left) {
        if (!rle_same(&c->repetition, &same, &level))
            return false;
        if (level == 0)
            return true;
        if (!rle_skip(&c->repetition, 1) || !rle_read(&c->definition, &level))
            return false;
        *count += level == LIST_DEFINED;
        c->values_left--;
    }
    return true;
}

static bool skip_lists(struct column_cursor *c, uint32_t rows)
{
    uint32_t end = c->row + rows;
    while (c->row < end)
        if (!skip_alike(c, end - c->row) || !take_elements(c, &c->skipped))
            return false;
    return true;
}

static bool read_list(struct column_cursor *c, uint32_t *count)
{
    uint32_t repetition, definition;
    if (!c->values_left || !rle_read(&c->repetition, &repetition) || repetition != 0 ||
        !rle_read(&c->definition, &definition))
        return false;
    uint64_t n = definition == LIST_DEFINED;
    c->values_left--;
    c->row++;
    if (!take_elements(c, &n))
        return false;
    *count = (uint32_t)n;
    return true;
}

bool cursor_seek(struct column_cursor *c, struct page_unpacker *u, uint32_t row, uint32_t *count)
{
    *count = 0;
    if (c->chunk->is_empty)
        return true;
    if (c->page_number == NO_PAGE || row >= c->row_end)
        if (!load_page(c, u, page_of(c->chunk, row)))
            return false;
    BUG_IF(row < c->row);
    if (c->column->is_list)
        return skip_lists(c, row - c->row) && read_list(c, count);
    return skip_scalars(c, row - c->row) && read_scalar(c, count);
}

/* ---- values ---- */

static bool plain_text(struct column_cursor *c, struct str *text)
{
    uint32_t size;
    if ((size_t)(c->plain_end - c->plain) < sizeof size)
        return false;
    memcpy(&size, c->plain, sizeof size);
    if (size > (size_t)(c->plain_end - c->plain) - sizeof size)
        return false;
    *text = str_n(c->plain + sizeof size, size);
    c->plain += sizeof size + size;
    return true;
}

static bool skip_plain(struct column_cursor *c, uint64_t count)
{
    struct str ignored;
    bool ok = true;
    if (c->column->kind == COLUMN_BOOL) {
        c->plain_bit += count;
    } else if (c->column->kind == COLUMN_REAL) {
        ok = count <= (size_t)(c->plain_end - c->plain) / sizeof(double);
        c->plain += ok ? count * sizeof(double) : 0;
    } else {
        for (; ok && count; count--)
            ok = plain_text(c, &ignored);
    }
    return ok;
}

static bool skip_values(struct column_cursor *c)
{
    uint64_t count = c->skipped;
    int64_t ignored;
    c->skipped = 0;
    if (c->encoding == ENCODING_DICTIONARY)
        return rle_skip(&c->codes, count);
    if (c->encoding == ENCODING_PLAIN)
        return skip_plain(c, count);
    for (; count; count--)
        if (!delta_read(&c->delta, &ignored))
            return false;
    return true;
}

static bool dictionary_value(struct column_cursor *c, struct cursor_value *v)
{
    uint32_t code, size;
    if (!rle_read(&c->codes, &code) || code >= c->dictionary_count)
        return false;
    if (c->column->kind == COLUMN_TEXT) {
        const char *p = c->dictionary.p + c->entries[code];
        memcpy(&size, p, sizeof size);
        v->text = str_n(p + sizeof size, size);
    } else {
        memcpy(&v->number, c->dictionary.p + (size_t)code * sizeof v->number, sizeof v->number);
    }
    return true;
}

static bool plain_value(struct column_cursor *c, struct cursor_value *v)
{
    if (c->column->kind == COLUMN_TEXT)
        return plain_text(c, &v->text);
    size_t bytes = (size_t)(c->plain_end - c->plain);
    if (c->column->kind == COLUMN_REAL) {
        if (bytes < sizeof v->real)
            return false;
        memcpy(&v->real, c->plain, sizeof v->real);
        c->plain += sizeof v->real;
        return true;
    }
    if (c->plain_bit / 8 >= bytes)
        return false;
    v->number = (unsigned char)c->plain[c->plain_bit / 8] >> (c->plain_bit % 8) & 1;
    c->plain_bit++;
    return true;
}

bool cursor_value(struct column_cursor *c, struct cursor_value *v)
{
    if (c->skipped && !skip_values(c))
        return false;
    if (c->encoding == ENCODING_DICTIONARY)
        return dictionary_value(c, v);
    if (c->encoding == ENCODING_DELTA)
        return delta_read(&c->delta, &v->number);
    return plain_value(c, v);
}
