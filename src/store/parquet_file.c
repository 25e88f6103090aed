/* store stage: the Parquet file around the pages (parquet-format: README.md, parquet.thrift). Reads column
 * sets, leaves a file on disk and its description in a struct part. writer.c and merge.c use it. */
#include "store/parquet_file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/memory.h"
#include "base/sha256.h"
#include "store/bloom.h"
#include "store/parquet_format.h"
#include "store/parquet_page.h"
#include "store/parquet_thrift.h"

enum { FLUSH_BYTES = 1 << 20 };

static const int32_t physical_type[COLUMN_KIND_COUNT] = {
    [COLUMN_TEXT] = PHYSICAL_TEXT,   [COLUMN_NUMBER] = PHYSICAL_INT64, [COLUMN_TIME] = PHYSICAL_INT64,
    [COLUMN_REAL] = PHYSICAL_DOUBLE, [COLUMN_BOOL] = PHYSICAL_BOOLEAN,
};

struct placed_chunk {
    struct parquet_chunk chunk;
    uint64_t offset;
    struct bloom_place bloom; /* bytes == 0: none */
    uint32_t bloom_header_bytes;
    uint64_t index_offset;
    uint32_t index_bytes;
};

struct row_group {
    struct placed_chunk *chunks; /* one per column of the file */
    uint32_t chunk_count, rows;
};

struct parquet_file {
    int fd;
    char *path;
    uint64_t offset; /* bytes handed to the kernel */
    struct buf out;  /* bytes that come next */
    struct page_encoder *encoder;
    struct sha256 *hash;
    struct part_column *columns;
    uint32_t column_count;
    struct row_group *groups;
    uint32_t group_count;
    uint64_t rows;
};

struct parquet_file *parquet_file_create(const char *path, int zstd_level, struct error *err)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) {
        error_errno(err, "cannot create the event file %s", path);
        return NULL;
    }
    struct parquet_file *f = NEW(struct parquet_file);
    f->fd = fd;
    f->path = memory_strdup(path);
    f->encoder = page_encoder_new(zstd_level);
    f->hash = sha256_new();
    buf_c(&f->out, "PAR1");
    return f;
}

static void free_group(struct row_group *g)
{
    for (uint32_t i = 0; i < g->chunk_count; i++)
        memory_free(g->chunks[i].chunk.pages);
    memory_free(g->chunks);
}

static void file_free(struct parquet_file *f)
{
    for (uint32_t i = 0; i < f->group_count; i++)
        free_group(&f->groups[i]);
    memory_free(f->groups);
    part_columns_free(f->columns, f->column_count);
    page_encoder_free(f->encoder);
    if (f->hash)
        sha256_end(f->hash, NULL);
    buf_free(&f->out);
    memory_free(f->path);
    memory_free(f);
}

void parquet_file_abort(struct parquet_file *f)
{
    if (!f)
        return;
    close(f->fd);
    unlink(f->path);
    file_free(f);
}

static bool flush(struct parquet_file *f, struct error *err)
{
    sha256_add(f->hash, buf_str(&f->out));
    for (size_t done = 0; done < f->out.n;) {
        ssize_t n = write(f->fd, f->out.p + done, f->out.n - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(err, "cannot write the event file %s", f->path);
        done += (size_t)n;
    }
    f->offset += f->out.n;
    buf_clear(&f->out);
    return true;
}

static uint64_t position(const struct parquet_file *f)
{
    return f->offset + f->out.n;
}

/* ---- row groups ---- */

static void take_columns(struct parquet_file *f, const struct column_set *set)
{
    f->column_count = set->count;
    f->columns = NEW_ARRAY(struct part_column, set->count);
    for (uint32_t i = 0; i < set->count; i++) {
        const struct column *c = set->columns[i];
        struct str name = {memory_alloc(c->name.n + 1), c->name.n};
        memcpy((char *)(uintptr_t)name.p, c->name.p, c->name.n);
        f->columns[i] = (struct part_column){.name = name, .kind = c->kind, .is_list = c->is_list};
    }
}

static void check_columns(const struct parquet_file *f, const struct column_set *set)
{
    BUG_IF(f->column_count != set->count);
    for (uint32_t i = 0; i < set->count; i++)
        BUG_IF(!str_eq(f->columns[i].name, set->columns[i]->name) ||
               f->columns[i].kind != set->columns[i]->kind);
}

static void write_bloom(struct parquet_file *f, const struct column *c, struct placed_chunk *placed)
{
    size_t header = 0;
    uint64_t start = position(f);
    bloom_write_column(&f->out, c, &header);
    placed->bloom = (struct bloom_place){start + header, (uint32_t)(position(f) - start - header)};
    placed->bloom_header_bytes = (uint32_t)header;
}

static bool write_columns(struct parquet_file *f, const struct column_set *set, struct placed_chunk *chunks,
                          struct error *err)
{
    for (uint32_t i = 0; i < set->count; i++) {
        chunks[i].offset = position(f);
        page_encode_column(f->encoder, set->columns[i], set->rows, &f->out, &chunks[i].chunk);
        if (f->out.n >= FLUSH_BYTES && !flush(f, err))
            return false;
    }
    for (uint32_t i = 0; i < set->count; i++)
        if (set->columns[i]->has_bloom && set->columns[i]->count)
            write_bloom(f, set->columns[i], &chunks[i]);
    return flush(f, err);
}

bool parquet_file_write(struct parquet_file *f, const struct column_set *set, struct error *err)
{
    if (!f->columns)
        take_columns(f, set);
    check_columns(f, set);
    f->groups = memory_resize_array(f->groups, f->group_count + 1, sizeof *f->groups);
    struct row_group *g = &f->groups[f->group_count++];
    *g = (struct row_group){NEW_ARRAY(struct placed_chunk, set->count), set->count, set->rows};
    f->rows += set->rows;
    return write_columns(f, set, g->chunks, err);
}

/* ---- offset index ---- */

/* Which rows are on which page: readers of single rows (row_reader.c) go straight there. */
static void write_index(struct parquet_file *f, struct placed_chunk *placed)
{
    struct thrift t;
    const struct parquet_chunk *c = &placed->chunk;
    placed->index_offset = position(f);
    thrift_begin(&t, &f->out);
    thrift_list(&t, 1, THRIFT_STRUCT, c->page_count);
    for (uint32_t i = 0; i < c->page_count; i++) {
        thrift_element_struct(&t);
        thrift_i64(&t, 1, (int64_t)(placed->offset + c->pages[i].offset));
        thrift_i32(&t, 2, (int32_t)c->pages[i].bytes);
        thrift_i64(&t, 3, c->pages[i].first_row);
        thrift_end(&t);
    }
    thrift_end(&t);
    placed->index_bytes = (uint32_t)(position(f) - placed->index_offset);
}

static void write_indexes(struct parquet_file *f)
{
    for (uint32_t g = 0; g < f->group_count; g++)
        for (uint32_t i = 0; i < f->column_count; i++)
            write_index(f, &f->groups[g].chunks[i]);
}

/* ---- footer ---- */

/* SchemaElement up to its name; the caller adds what follows and ends it. */
static void begin_element(struct thrift *t, int32_t type, int32_t repetition, struct str name)
{
    thrift_element_struct(t);
    if (type >= 0)
        thrift_i32(t, 1, type);
    thrift_i32(t, 3, repetition);
    thrift_binary(t, 4, name);
}

static void logical_type(struct thrift *t, enum column_kind kind)
{
    if (kind == COLUMN_TEXT) {
        thrift_i32(t, 6, CONVERTED_UTF8);
        thrift_struct(t, 10);
        thrift_empty(t, 1);
        thrift_end(t);
    } else if (kind == COLUMN_TIME) {
        thrift_i32(t, 6, CONVERTED_TIMESTAMP_MICROS);
        thrift_struct(t, 10);
        thrift_struct(t, 8);
        thrift_bool(t, 1, true); /* isAdjustedToUTC */
        thrift_struct(t, 2);
        thrift_empty(t, 2); /* MICROS */
        thrift_end(t);
        thrift_end(t);
        thrift_end(t);
    }
}

static void write_leaf(struct thrift *t, enum column_kind kind, struct str name)
{
    begin_element(t, physical_type[kind], REPETITION_OPTIONAL, name);
    logical_type(t, kind);
    thrift_end(t);
}

/* optional group NAME (LIST) { repeated group list { optional TYPE element } } */
static void write_list(struct thrift *t, const struct part_column *c)
{
    begin_element(t, -1, REPETITION_OPTIONAL, c->name);
    thrift_i32(t, 5, 1);
    thrift_i32(t, 6, CONVERTED_LIST);
    thrift_struct(t, 10);
    thrift_empty(t, 3);
    thrift_end(t);
    thrift_end(t);
    begin_element(t, -1, REPETITION_REPEATED, STR("list"));
    thrift_i32(t, 5, 1);
    thrift_end(t);
    write_leaf(t, c->kind, STR("element"));
}

static void write_schema(struct thrift *t, const struct parquet_file *f)
{
    uint32_t elements = 1;
    for (uint32_t i = 0; i < f->column_count; i++)
        elements += f->columns[i].is_list ? 3 : 1;
    thrift_list(t, 2, THRIFT_STRUCT, elements);
    thrift_element_struct(t);
    thrift_binary(t, 4, STR("hyakuyo_event"));
    thrift_i32(t, 5, (int32_t)f->column_count);
    thrift_end(t);
    for (uint32_t i = 0; i < f->column_count; i++) {
        if (f->columns[i].is_list)
            write_list(t, &f->columns[i]);
        else
            write_leaf(t, f->columns[i].kind, f->columns[i].name);
    }
}

static void write_path(struct thrift *t, const struct part_column *c)
{
    thrift_list(t, 3, THRIFT_BINARY, c->is_list ? 3 : 1);
    thrift_element_binary(t, c->name);
    if (c->is_list) {
        thrift_element_binary(t, STR("list"));
        thrift_element_binary(t, STR("element"));
    }
}

static void write_statistics(struct thrift *t, const struct parquet_chunk *c)
{
    thrift_struct(t, 12);
    thrift_i64(t, 3, c->nulls);
    if (c->has_statistics) {
        thrift_binary(t, 5, (struct str){(const char *)c->max, c->max_bytes});
        thrift_binary(t, 6, (struct str){(const char *)c->min, c->min_bytes});
        thrift_bool(t, 7, true);
        thrift_bool(t, 8, true);
    }
    thrift_end(t);
}

static void write_encodings(struct thrift *t, const struct parquet_chunk *c)
{
    thrift_list(t, 2, THRIFT_I32, c->has_dictionary ? 3 : 2);
    thrift_element_i32(t, ENCODING_RLE);
    thrift_element_i32(t, c->encoding);
    if (c->has_dictionary)
        thrift_element_i32(t, ENCODING_PLAIN);
}

static void write_chunk(struct thrift *t, const struct part_column *column, const struct placed_chunk *placed)
{
    const struct parquet_chunk *c = &placed->chunk;
    thrift_element_struct(t);
    thrift_i64(t, 2, 0);
    thrift_struct(t, 3);
    thrift_i32(t, 1, physical_type[column->kind]);
    write_encodings(t, c);
    write_path(t, column);
    thrift_i32(t, 4, CODEC_ZSTD);
    thrift_i64(t, 5, c->values);
    thrift_i64(t, 6, c->uncompressed_bytes);
    thrift_i64(t, 7, c->compressed_bytes);
    thrift_i64(t, 9, (int64_t)(placed->offset + c->data_offset));
    if (c->has_dictionary)
        thrift_i64(t, 11, (int64_t)placed->offset);
    write_statistics(t, c);
    if (placed->bloom.bytes) {
        thrift_i64(t, 14, (int64_t)(placed->bloom.offset - placed->bloom_header_bytes));
        thrift_i32(t, 15, (int32_t)(placed->bloom.bytes + placed->bloom_header_bytes));
    }
    thrift_end(t);
    thrift_i64(t, 4, (int64_t)placed->index_offset);
    thrift_i32(t, 5, (int32_t)placed->index_bytes);
    thrift_end(t);
}

static void write_group(struct thrift *t, const struct parquet_file *f, uint32_t number)
{
    const struct row_group *g = &f->groups[number];
    int64_t uncompressed = 0, compressed = 0;
    thrift_element_struct(t);
    thrift_list(t, 1, THRIFT_STRUCT, f->column_count);
    for (uint32_t i = 0; i < f->column_count; i++) {
        write_chunk(t, &f->columns[i], &g->chunks[i]);
        uncompressed += g->chunks[i].chunk.uncompressed_bytes;
        compressed += g->chunks[i].chunk.compressed_bytes;
    }
    thrift_i64(t, 2, uncompressed);
    thrift_i64(t, 3, g->rows);
    thrift_i64(t, 5, (int64_t)g->chunks[0].offset);
    thrift_i64(t, 6, compressed);
    if (number < INT16_MAX)
        thrift_i16(t, 7, (int16_t)number);
    thrift_end(t);
}

static void write_pair(struct thrift *t, const char *key, struct str value)
{
    thrift_element_struct(t);
    thrift_binary(t, 1, str_c(key));
    thrift_binary(t, 2, value);
    thrift_end(t);
}

static void write_pairs(struct thrift *t, const struct part *part)
{
    struct buf first = {0}, last = {0};
    buf_u64(&first, part->first_sequence);
    buf_u64(&last, part->last_sequence);
    thrift_list(t, 5, THRIFT_STRUCT, 4);
    write_pair(t, "hyakuyo.format_version", STR(PARQUET_FORMAT_VERSION));
    write_pair(t, "hyakuyo.version", STR(HYAKUYO_VERSION));
    write_pair(t, "hyakuyo.first_sequence", buf_str(&first));
    write_pair(t, "hyakuyo.last_sequence", buf_str(&last));
    buf_free(&first);
    buf_free(&last);
}

/* FileMetaData, its length, the magic again. */
static void write_footer(struct parquet_file *f, const struct part *part)
{
    struct thrift t;
    size_t start = f->out.n;
    thrift_begin(&t, &f->out);
    thrift_i32(&t, 1, 2);
    write_schema(&t, f);
    thrift_i64(&t, 3, (int64_t)f->rows);
    thrift_list(&t, 4, THRIFT_STRUCT, f->group_count);
    for (uint32_t i = 0; i < f->group_count; i++)
        write_group(&t, f, i);
    write_pairs(&t, part);
    thrift_binary(&t, 6, STR("hyakuyo version " HYAKUYO_VERSION));
    thrift_list(&t, 7, THRIFT_STRUCT, f->column_count);
    for (uint32_t i = 0; i < f->column_count; i++) {
        thrift_element_struct(&t);
        thrift_empty(&t, 1); /* TYPE_ORDER */
        thrift_end(&t);
    }
    thrift_end(&t);
    uint32_t size = (uint32_t)(f->out.n - start);
    buf_bytes(&f->out, &size, sizeof size);
    buf_c(&f->out, "PAR1");
}

/* ---- the end ---- */

static void describe_blooms(struct parquet_file *f)
{
    for (uint32_t i = 0; i < f->column_count; i++) {
        struct part_column *c = &f->columns[i];
        c->blooms = NEW_ARRAY(struct bloom_place, f->group_count);
        for (uint32_t g = 0; g < f->group_count; g++)
            if (f->groups[g].chunks[i].bloom.bytes)
                c->blooms[c->bloom_count++] = f->groups[g].chunks[i].bloom;
    }
}

static void describe(struct parquet_file *f, struct part *part)
{
    describe_blooms(f);
    part->rows = f->rows;
    part->bytes = f->offset;
    sha256_end(f->hash, part->sha256);
    f->hash = NULL;
    part_set_columns(part, f->columns, f->column_count);
    f->columns = NULL;
    f->column_count = 0;
}

bool parquet_file_finish(struct parquet_file *f, struct part *part, struct error *err)
{
    write_indexes(f);
    write_footer(f, part);
    bool ok = flush(f, err);
    if (ok && fsync(f->fd) != 0)
        ok = error_errno(err, "cannot fsync the event file %s", f->path);
    if (!ok) {
        parquet_file_abort(f);
        return false;
    }
    close(f->fd);
    describe(f, part);
    file_free(f);
    return true;
}
