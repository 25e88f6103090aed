/* store stage: whole events out of sealed parts. Reads footers (parquet_footer.c, kept here) and values
 * (column_cursor.c), leaves events (event_rebuild.c). Used by store_fetch.c.
 *
 *   sequence number ──▶ row group and row ──▶ page of each column ──▶ values ──▶ event
 *
 * A row group whose sequence numbers have no gap is counted out; otherwise its sequence column is searched.
 */
#include "store/row_reader.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/column_cursor.h"

enum { CACHE_SLOTS = 256 };
#define CACHE_BYTES ((size_t)16 << 20)

struct cached_footer {
    unsigned char sha256[PART_HASH_BYTES]; /* of the file: the same bytes have the same footer */
    struct parquet_footer *footer;         /* NULL: the slot is free */
    unsigned readers;
    uint64_t last_used;
};

struct row_reader {
    pthread_mutex_t lock; /* guards all below */
    struct cached_footer slots[CACHE_SLOTS];
    size_t bytes, max_bytes;
    uint64_t clock;
};

struct row_reader *row_reader_new(size_t cache_bytes)
{
    struct row_reader *r = NEW(struct row_reader);
    pthread_mutex_init(&r->lock, NULL);
    r->max_bytes = cache_bytes ? cache_bytes : CACHE_BYTES;
    return r;
}

void row_reader_free(struct row_reader *r)
{
    if (!r)
        return;
    for (unsigned i = 0; i < CACHE_SLOTS; i++)
        parquet_footer_free(r->slots[i].footer);
    pthread_mutex_destroy(&r->lock);
    memory_free(r);
}

/* ---- footers that are kept ---- */

static struct cached_footer *find_footer(struct row_reader *r, const struct part *part)
{
    for (unsigned i = 0; i < CACHE_SLOTS; i++)
        if (r->slots[i].footer && memcmp(r->slots[i].sha256, part->sha256, PART_HASH_BYTES) == 0)
            return &r->slots[i];
    return NULL;
}

static void drop_footer(struct row_reader *r, struct cached_footer *c)
{
    r->bytes -= parquet_footer_bytes(c->footer);
    parquet_footer_free(c->footer);
    *c = (struct cached_footer){0};
}

/* The slot that nobody reads and that was used longest ago; NULL when all are being read. */
static struct cached_footer *oldest(struct row_reader *r)
{
    struct cached_footer *found = NULL;
    for (unsigned i = 0; i < CACHE_SLOTS; i++) {
        struct cached_footer *c = &r->slots[i];
        if (c->footer && !c->readers && (!found || c->last_used < found->last_used))
            found = c;
    }
    return found;
}

static struct cached_footer *free_slot(struct row_reader *r)
{
    for (unsigned i = 0; i < CACHE_SLOTS; i++)
        if (!r->slots[i].footer)
            return &r->slots[i];
    struct cached_footer *c = oldest(r);
    if (c)
        drop_footer(r, c);
    return c;
}

static void make_room(struct row_reader *r, size_t bytes)
{
    for (struct cached_footer *c; r->bytes + bytes > r->max_bytes && (c = oldest(r)) != NULL;)
        drop_footer(r, c);
}

/* Keeps a footer, unless another thread was faster or there is no room; then it stays the caller's. */
static struct cached_footer *keep_footer(struct row_reader *r, const struct part *part,
                                         struct parquet_footer *footer)
{
    size_t bytes = parquet_footer_bytes(footer);
    make_room(r, bytes);
    struct cached_footer *c = NULL;
    if (r->bytes + bytes <= r->max_bytes && !find_footer(r, part))
        c = free_slot(r);
    if (!c)
        return NULL;
    memcpy(c->sha256, part->sha256, PART_HASH_BYTES);
    c->footer = footer;
    r->bytes += bytes;
    return c;
}

/* A footer in use: `slot` is NULL when it is not kept. */
struct footer_use {
    struct parquet_footer *footer;
    struct cached_footer *slot;
};

static void use_slot(struct row_reader *r, struct cached_footer *slot, struct footer_use *use)
{
    if (!slot)
        return;
    *use = (struct footer_use){slot->footer, slot};
    slot->readers++;
    slot->last_used = ++r->clock;
}

static bool begin_footer(struct row_reader *r, const struct part *part, int fd, struct footer_use *use,
                         const char **why)
{
    *use = (struct footer_use){0};
    pthread_mutex_lock(&r->lock);
    use_slot(r, find_footer(r, part), use);
    pthread_mutex_unlock(&r->lock);
    if (use->footer)
        return true;
    use->footer = parquet_footer_read(fd, part->bytes, why);
    if (!use->footer)
        return false;
    pthread_mutex_lock(&r->lock);
    use_slot(r, keep_footer(r, part, use->footer), use);
    pthread_mutex_unlock(&r->lock);
    return true;
}

static void end_footer(struct row_reader *r, struct footer_use *use)
{
    if (!use->slot) {
        parquet_footer_free(use->footer);
        return;
    }
    pthread_mutex_lock(&r->lock);
    use->slot->readers--;
    pthread_mutex_unlock(&r->lock);
}

/* ---- rows ---- */

struct reading {
    const struct parquet_footer *footer;
    struct page_unpacker *unpacker;
    struct column_cursor *cursors; /* one per column */
    struct event_rebuild *rebuild;
    row_reader_event_fn *on_event;
    void *context;
    bool is_ended;
    const char *why; /* set when something is wrong */
};

static bool damaged(struct reading *r)
{
    r->why = tr("its values are damaged", "値が壊れています");
    return false;
}

/* One value of the row at hand. What does not fit a time in nanoseconds was never one. */
static bool rebuild_value(struct reading *r, const struct footer_column *column, const struct cursor_value *v)
{
    int64_t number = v->number;
    switch (column->kind) {
    case COLUMN_TEXT:
        event_rebuild_text(r->rebuild, column->name, v->text);
        return true;
    case COLUMN_REAL:
        event_rebuild_real(r->rebuild, column->name, v->real);
        return true;
    case COLUMN_TIME:
        if (__builtin_mul_overflow(number, 1000, &number))
            return false;
        break;
    default:
        break;
    }
    event_rebuild_number(r->rebuild, column->name, column->kind, number);
    return true;
}

static bool rebuild_row(struct reading *r, uint32_t row)
{
    event_rebuild_begin(r->rebuild);
    for (uint32_t i = 0; i < r->footer->column_count; i++) {
        const struct footer_column *column = &r->footer->columns[i];
        struct column_cursor *c = &r->cursors[i];
        struct cursor_value v;
        uint32_t count;
        if (!cursor_seek(c, r->unpacker, row, &count))
            return damaged(r);
        for (; count; count--)
            if (!cursor_value(c, &v) || !rebuild_value(r, column, &v))
                return damaged(r);
    }
    return true;
}

/* ---- from sequence numbers to rows ---- */

struct row_search {
    struct column_cursor cursor;
    uint32_t row;      /* rows before this one were passed */
    uint64_t sequence; /* of the row before it */
};

static bool next_sequence(struct reading *r, struct row_search *s, uint32_t rows)
{
    struct cursor_value v;
    uint32_t count;
    if (s->row == rows)
        return false;
    if (!cursor_seek(&s->cursor, r->unpacker, s->row, &count) || count != 1 || !cursor_value(&s->cursor, &v))
        return damaged(r);
    s->sequence = (uint64_t)v.number;
    s->row++;
    return true;
}

/* The row of a sequence number in a group; asked for in ascending order. */
static bool find_row(struct reading *r, const struct footer_group *g, struct row_search *s, uint64_t sequence,
                     uint32_t *row)
{
    const struct footer_chunk *chunk = &g->chunks[r->footer->sequence];
    if ((uint64_t)(chunk->max - chunk->min) == g->rows - 1u) {
        *row = (uint32_t)(sequence - (uint64_t)chunk->min);
        return true;
    }
    while (!s->row || s->sequence < sequence)
        if (!next_sequence(r, s, g->rows))
            return false;
    *row = s->row - 1;
    return s->sequence == sequence;
}

static bool read_wanted(struct reading *r, const struct footer_group *g, const uint64_t *sequences,
                        size_t count)
{
    struct row_search search = {0};
    cursor_begin(&search.cursor, &r->footer->columns[r->footer->sequence], &g->chunks[r->footer->sequence],
                 g->rows);
    for (size_t i = 0; i < count && !r->is_ended && !r->why; i++) {
        uint32_t row;
        if (!find_row(r, g, &search, sequences[i], &row) || !rebuild_row(r, row))
            continue;
        if (r->rebuild->event.sequence != sequences[i])
            damaged(r);
        else
            r->is_ended = !r->on_event(r->context, &r->rebuild->event);
    }
    cursor_free(&search.cursor);
    return !r->why;
}

static bool read_group(struct reading *r, const struct footer_group *g, const uint64_t *sequences,
                       size_t count)
{
    const struct footer_chunk *chunk = &g->chunks[r->footer->sequence];
    size_t from = 0, to;
    if (!chunk->has_range || chunk->min < 0 || chunk->max < chunk->min)
        return damaged(r);
    while (from < count && sequences[from] < (uint64_t)chunk->min)
        from++;
    for (to = from; to < count && sequences[to] <= (uint64_t)chunk->max;)
        to++;
    if (from == to)
        return true;
    for (uint32_t i = 0; i < r->footer->column_count; i++)
        cursor_begin(&r->cursors[i], &r->footer->columns[i], &g->chunks[i], g->rows);
    return read_wanted(r, g, sequences + from, to - from);
}

static void read_groups(struct reading *r, const uint64_t *sequences, size_t count)
{
    const struct parquet_footer *f = r->footer;
    r->cursors = NEW_ARRAY(struct column_cursor, f->column_count);
    for (uint32_t i = 0; i < f->group_count && !r->is_ended; i++)
        if (!read_group(r, &f->groups[i], sequences, count))
            break;
    for (uint32_t i = 0; i < f->column_count; i++)
        cursor_free(&r->cursors[i]);
    memory_free(r->cursors);
}

/* ---- the file ---- */

static bool report(const struct part *part, const char *why, struct error *err)
{
    return error_set(
        err,
        tr("the event file %s cannot be read: %s; `hyakuyo verify` lists all files that changed, restore "
           "them from a backup",
           "イベントファイル %s を読めません: %s。`hyakuyo verify` "
           "で変更されたファイルを確認し、バックアップから戻してください"),
        part->file, why);
}

static bool open_part_file(const struct part *part, int *fd, struct error *err)
{
    struct stat st;
    *fd = open(part->file, O_RDONLY | O_CLOEXEC);
    if (*fd < 0)
        return error_errno(err, tr("cannot open the event file %s", "イベントファイル %s を開けません"),
                           part->file);
    if (fstat(*fd, &st) == 0 && (uint64_t)st.st_size == part->bytes)
        return true;
    close(*fd);
    return report(part, tr("its size is not what it was", "大きさが変わっています"), err);
}

bool row_reader_read(struct row_reader *reader, const struct part *part, const uint64_t *sequences,
                     size_t count, struct event_rebuild *rebuild, row_reader_event_fn *on_event,
                     void *context, struct error *err)
{
    int fd;
    struct footer_use use;
    struct reading r = {.rebuild = rebuild, .on_event = on_event, .context = context};
    if (!count)
        return true;
    if (!open_part_file(part, &fd, err))
        return false;
    if (begin_footer(reader, part, fd, &use, &r.why)) {
        r.footer = use.footer;
        r.unpacker = page_unpacker_new(fd, part->bytes);
        read_groups(&r, sequences, count);
        page_unpacker_free(r.unpacker);
        if (r.why)
            report(part, r.why, err);
        end_footer(reader, &use);
    } else {
        report(part, r.why, err);
    }
    close(fd);
    return !r.why;
}
