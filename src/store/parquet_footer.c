/* store stage: reading the footer and the offset indexes of a part (parquet-format, parquet.thrift). Reads
 * the end of a file, leaves where everything is; column_cursor.c reads the pages, row_reader.c keeps the
 * result. */
#include "store/parquet_footer.h"

#include <errno.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/thrift_read.h"

enum { TAIL_BYTES = 8, FIRST_READ = 64 << 10 };

struct index_place {
    uint64_t offset;
    uint32_t bytes;
};

struct footer_parsing {
    struct parquet_footer *footer;
    struct thrift_reader t;
    uint64_t file_bytes, footer_offset;
    struct index_place *indexes; /* one per chunk, group by group */
    bool is_foreign;             /* well-formed, but not our layout */
};

static const char *damaged(void)
{
    return tr("its footer is damaged", "フッターが壊れています");
}

static const char *foreign(void)
{
    return tr("it is not laid out as hyakuyo lays out its parts, or by an older version",
              "hyakuyo の形式ではないか、古い版の形式です");
}

const char *parquet_read_at(int fd, uint64_t offset, size_t n, struct buf *out)
{
    buf_clear(out);
    char *p = buf_reserve(out, n);
    while (out->n < n) {
        ssize_t got = pread(fd, p + out->n, n - out->n, (off_t)(offset + out->n));
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return NULL;
        out->n += (size_t)got;
    }
    return p;
}

/* ---- schema ---- */

struct schema_element {
    struct str name;
    int64_t physical, repetition, children, converted; /* −1: not said */
};

static struct schema_element read_element(struct thrift_reader *t)
{
    struct schema_element e = {STR_EMPTY, -1, -1, -1, -1};
    int16_t field;
    enum thrift_type type;
    thrift_read_struct(t, THRIFT_STRUCT);
    while (thrift_read_field(t, &field, &type)) {
        if (field == 1)
            e.physical = thrift_read_integer(t, type);
        else if (field == 3)
            e.repetition = thrift_read_integer(t, type);
        else if (field == 4)
            e.name = thrift_read_binary(t, type);
        else if (field == 5)
            e.children = thrift_read_integer(t, type);
        else if (field == 6)
            e.converted = thrift_read_integer(t, type);
        else
            thrift_skip(t, type);
    }
    return e;
}

static bool find_kind(const struct schema_element *e, enum column_kind *kind)
{
    static const struct {
        int64_t physical, converted;
        enum column_kind kind;
    } kinds[] = {
        {PHYSICAL_TEXT, CONVERTED_UTF8, COLUMN_TEXT},
        {PHYSICAL_INT64, -1, COLUMN_NUMBER},
        {PHYSICAL_INT64, CONVERTED_TIMESTAMP_MICROS, COLUMN_TIME},
        {PHYSICAL_DOUBLE, -1, COLUMN_REAL},
        {PHYSICAL_BOOLEAN, -1, COLUMN_BOOL},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++)
        if (kinds[i].physical == e->physical && kinds[i].converted == e->converted) {
            *kind = kinds[i].kind;
            return e->repetition == REPETITION_OPTIONAL && e->children < 0;
        }
    return false;
}

/* One leaf, or the three levels of a list; the number of elements taken in `*used`. */
static bool read_column(struct footer_parsing *p, struct footer_column *c, uint32_t *used)
{
    struct schema_element e = read_element(&p->t);
    c->name = arena_str(&p->footer->arena, e.name);
    c->is_list = e.converted == CONVERTED_LIST && e.children == 1 && e.repetition == REPETITION_OPTIONAL;
    *used = c->is_list ? 3 : 1;
    if (c->is_list) {
        e = read_element(&p->t);
        if (e.repetition != REPETITION_REPEATED || e.children != 1)
            return false;
        e = read_element(&p->t);
    }
    return find_kind(&e, &c->kind);
}

static void read_schema(struct footer_parsing *p, enum thrift_type type)
{
    struct parquet_footer *f = p->footer;
    uint32_t elements = thrift_read_list(&p->t, type, THRIFT_STRUCT), used = 0;
    if (!elements)
        return;
    read_element(&p->t); /* the root */
    f->columns = ARENA_ARRAY(&f->arena, struct footer_column, elements);
    f->sequence = UINT32_MAX;
    for (uint32_t left = elements - 1; left && !p->t.is_bad && !p->is_foreign; left -= used) {
        struct footer_column *c = &f->columns[f->column_count];
        p->is_foreign = !read_column(p, c, &used) || used > left;
        if (str_eq(c->name, STR("hyakuyo.sequence")) && c->kind == COLUMN_NUMBER && !c->is_list)
            f->sequence = f->column_count;
        f->column_count++;
        if (p->is_foreign)
            return;
    }
}

/* ---- row groups ---- */

static int64_t little_endian(struct str bytes)
{
    int64_t v;
    memcpy(&v, bytes.p, sizeof v);
    return v;
}

static void read_statistics(struct thrift_reader *t, enum thrift_type type, struct footer_chunk *c,
                            int64_t *nulls)
{
    int16_t field;
    struct str min = STR_EMPTY, max = STR_EMPTY;
    thrift_read_struct(t, type);
    while (thrift_read_field(t, &field, &type)) {
        if (field == 3)
            *nulls = thrift_read_integer(t, type);
        else if (field == 5)
            max = thrift_read_binary(t, type);
        else if (field == 6)
            min = thrift_read_binary(t, type);
        else
            thrift_skip(t, type);
    }
    c->has_range = min.n == sizeof c->min && max.n == sizeof c->max;
    if (c->has_range) {
        c->min = little_endian(min);
        c->max = little_endian(max);
    }
}

static void read_chunk_metadata(struct footer_parsing *p, enum thrift_type type, struct footer_chunk *c)
{
    struct thrift_reader *t = &p->t;
    int64_t codec = -1, values = -1, nulls = -2;
    int16_t field;
    thrift_read_struct(t, type);
    while (thrift_read_field(t, &field, &type)) {
        if (field == 4)
            codec = thrift_read_integer(t, type);
        else if (field == 5)
            values = thrift_read_integer(t, type);
        else if (field == 6)
            c->uncompressed_bytes = (uint64_t)thrift_read_integer(t, type);
        else if (field == 9)
            c->data_offset = (uint64_t)thrift_read_integer(t, type);
        else if (field == 11)
            c->dictionary_offset = (uint64_t)thrift_read_integer(t, type);
        else if (field == 12)
            read_statistics(t, type, c, &nulls);
        else
            thrift_skip(t, type);
    }
    c->is_empty = values == nulls;
    p->is_foreign |= codec != CODEC_ZSTD;
    t->is_bad |= c->data_offset >= p->footer_offset ||
                 (c->dictionary_offset && c->dictionary_offset >= c->data_offset);
}

static void read_chunk(struct footer_parsing *p, struct footer_chunk *c, struct index_place *index)
{
    int16_t field;
    enum thrift_type type;
    thrift_read_struct(&p->t, THRIFT_STRUCT);
    while (thrift_read_field(&p->t, &field, &type)) {
        if (field == 3)
            read_chunk_metadata(p, type, c);
        else if (field == 4)
            index->offset = (uint64_t)thrift_read_integer(&p->t, type);
        else if (field == 5)
            index->bytes = (uint32_t)thrift_read_integer(&p->t, type);
        else
            thrift_skip(&p->t, type);
    }
    p->is_foreign |= index->bytes == 0;
}

static void read_chunks(struct footer_parsing *p, enum thrift_type type, struct footer_group *g,
                        struct index_place *indexes)
{
    uint32_t count = thrift_read_list(&p->t, type, THRIFT_STRUCT);
    if (count != p->footer->column_count || g->chunks)
        p->t.is_bad = true;
    if (p->t.is_bad)
        return;
    g->chunks = ARENA_ARRAY(&p->footer->arena, struct footer_chunk, count);
    for (uint32_t i = 0; i < count && !p->t.is_bad; i++)
        read_chunk(p, &g->chunks[i], &indexes[i]);
}

static void read_group(struct footer_parsing *p, struct footer_group *g, struct index_place *indexes)
{
    int16_t field;
    enum thrift_type type;
    int64_t rows = -1;
    thrift_read_struct(&p->t, THRIFT_STRUCT);
    while (thrift_read_field(&p->t, &field, &type)) {
        if (field == 1)
            read_chunks(p, type, g, indexes);
        else if (field == 3)
            rows = thrift_read_integer(&p->t, type);
        else
            thrift_skip(&p->t, type);
    }
    if (!g->chunks || rows <= 0 || rows > PARQUET_GROUP_ROWS_MAX)
        p->t.is_bad = true;
    else
        g->rows = (uint32_t)rows;
    p->footer->rows += g->rows;
}

static void read_groups(struct footer_parsing *p, enum thrift_type type)
{
    struct parquet_footer *f = p->footer;
    uint32_t count = thrift_read_list(&p->t, type, THRIFT_STRUCT);
    if (!f->column_count || f->groups)
        p->t.is_bad = true; /* the schema comes first, everything once */
    if (p->t.is_bad)
        return;
    f->groups = ARENA_ARRAY(&f->arena, struct footer_group, count);
    /* every chunk takes more than one byte of the footer */
    if ((uint64_t)count * f->column_count > (uint64_t)(p->t.end - p->t.p)) {
        p->t.is_bad = true;
        return;
    }
    p->indexes = NEW_ARRAY(struct index_place, (size_t)count * f->column_count);
    for (; f->group_count < count && !p->t.is_bad; f->group_count++)
        read_group(p, &f->groups[f->group_count], p->indexes + (size_t)f->group_count * f->column_count);
}

static void read_metadata(struct footer_parsing *p)
{
    int16_t field;
    enum thrift_type type;
    while (!p->is_foreign && thrift_read_field(&p->t, &field, &type)) {
        if (field == 2 && !p->footer->columns)
            read_schema(p, type);
        else if (field == 4)
            read_groups(p, type);
        else
            thrift_skip(&p->t, type);
    }
}

/* ---- offset indexes ---- */

static bool read_place(struct thrift_reader *t, struct page_place *place)
{
    int16_t field;
    enum thrift_type type;
    int64_t offset = -1, bytes = -1, row = -1;
    thrift_read_struct(t, THRIFT_STRUCT);
    while (thrift_read_field(t, &field, &type)) {
        if (field == 1)
            offset = thrift_read_integer(t, type);
        else if (field == 2)
            bytes = thrift_read_integer(t, type);
        else if (field == 3)
            row = thrift_read_integer(t, type);
        else
            thrift_skip(t, type);
    }
    *place = (struct page_place){(uint64_t)offset, (uint32_t)bytes, (uint32_t)row};
    return !t->is_bad && offset >= 0 && bytes > 0 && bytes <= INT32_MAX && row >= 0 &&
           row < PARQUET_GROUP_ROWS_MAX;
}

/* Pages follow one another in the file and in their rows. */
static bool is_in_order(const struct footer_parsing *p, const struct footer_chunk *c, uint32_t rows)
{
    if (!c->page_count || c->pages[0].first_row != 0 || c->pages[0].offset < c->data_offset)
        return false;
    for (uint32_t i = 0; i < c->page_count; i++) {
        const struct page_place *place = &c->pages[i];
        if (place->offset >= p->footer_offset || place->bytes > p->footer_offset - place->offset ||
            place->first_row >= rows)
            return false;
        if (i &&
            (place->first_row <= place[-1].first_row || place->offset < place[-1].offset + place[-1].bytes))
            return false;
    }
    return true;
}

static bool read_index(struct footer_parsing *p, struct str bytes, struct footer_chunk *c, uint32_t rows)
{
    struct thrift_reader t;
    int16_t field;
    enum thrift_type type;
    thrift_read_begin(&t, bytes);
    while (thrift_read_field(&t, &field, &type)) {
        if (field != 1 || c->pages) {
            thrift_skip(&t, type);
            continue;
        }
        uint32_t count = thrift_read_list(&t, type, THRIFT_STRUCT);
        c->pages = ARENA_ARRAY(&p->footer->arena, struct page_place, count);
        for (; c->page_count < count; c->page_count++)
            if (!read_place(&t, &c->pages[c->page_count]))
                return false;
    }
    return !t.is_bad && is_in_order(p, c, rows);
}

/* They lie together, so they are read together. */
static bool read_indexes(struct footer_parsing *p, int fd)
{
    struct parquet_footer *f = p->footer;
    size_t count = (size_t)f->group_count * f->column_count;
    uint64_t from = p->footer_offset;
    struct buf bytes = {0};
    for (size_t i = 0; i < count; i++)
        from = p->indexes[i].offset < from ? p->indexes[i].offset : from;
    uint64_t n = p->footer_offset - from;
    bool ok = n <= PARQUET_FOOTER_MAX && parquet_read_at(fd, from, (size_t)n, &bytes);
    for (size_t i = 0; ok && i < count; i++) {
        const struct index_place *place = &p->indexes[i];
        uint64_t at = place->offset - from;
        struct footer_group *g = &f->groups[i / f->column_count];
        ok = at <= n && place->bytes <= n - at &&
             read_index(p, str_n(bytes.p + at, place->bytes), &g->chunks[i % f->column_count], g->rows);
    }
    buf_free(&bytes);
    return ok;
}

/* ---- the file ---- */

/* The footer's bytes in `out`; from the last 64 KiB when it fits. */
static bool read_end(struct footer_parsing *p, int fd, struct buf *out, struct str *footer)
{
    uint32_t size;
    size_t first = p->file_bytes < FIRST_READ ? (size_t)p->file_bytes : FIRST_READ;
    if (first < TAIL_BYTES + 4 || !parquet_read_at(fd, p->file_bytes - first, first, out))
        return false;
    memcpy(&size, out->p + first - TAIL_BYTES, sizeof size);
    if (memcmp(out->p + first - 4, "PAR1", 4) != 0 || size > p->file_bytes - TAIL_BYTES - 4 ||
        size > PARQUET_FOOTER_MAX)
        return false;
    p->footer_offset = p->file_bytes - TAIL_BYTES - size;
    *footer = str_n(out->p + first - TAIL_BYTES - (size <= first - TAIL_BYTES ? size : 0), size);
    if (size <= first - TAIL_BYTES)
        return true;
    const char *p_all = parquet_read_at(fd, p->footer_offset, size, out);
    *footer = str_n(p_all, size);
    return p_all != NULL;
}

static const char *parse_footer(struct footer_parsing *p, int fd)
{
    struct buf bytes = {0};
    struct str footer;
    const char *why = NULL;
    if (read_end(p, fd, &bytes, &footer)) {
        thrift_read_begin(&p->t, footer);
        read_metadata(p);
        if (p->t.is_bad || !p->footer->column_count)
            why = damaged();
        else if (p->is_foreign || !p->footer->groups || p->footer->sequence == UINT32_MAX)
            why = foreign();
        else if (!read_indexes(p, fd))
            why = damaged();
    } else {
        why = damaged();
    }
    buf_free(&bytes);
    return why;
}

struct parquet_footer *parquet_footer_read(int fd, uint64_t bytes, const char **why)
{
    struct parquet_footer *f = NEW(struct parquet_footer);
    struct footer_parsing p = {.footer = f, .file_bytes = bytes};
    arena_init(&f->arena, 16 * 1024);
    *why = parse_footer(&p, fd);
    memory_free(p.indexes);
    if (!*why)
        return f;
    parquet_footer_free(f);
    return NULL;
}

void parquet_footer_free(struct parquet_footer *f)
{
    if (!f)
        return;
    arena_free(&f->arena);
    memory_free(f);
}

size_t parquet_footer_bytes(const struct parquet_footer *f)
{
    return sizeof *f + f->arena.used_bytes;
}
