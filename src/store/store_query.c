/* store stage: reading. A question and the parts it needs (catalogue.c) → SQL (events_sql.c) → rows
 * (duckdb.c); sequence numbers → whole events (event_rebuild.c). */
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "store/event_rebuild.h"
#include "store/events_sql.h"
#include "store/store_internal.h"

static struct snapshot *take_snapshot(struct store *s, const struct part_filter *filter)
{
    pthread_mutex_lock(&s->reload_lock);
    struct snapshot *snapshot = catalogue_snapshot(s->catalogue, filter);
    pthread_mutex_unlock(&s->reload_lock);
    return snapshot;
}

/* Beside a running server a file may have been merged away between the catalogue and the search. */
static bool has_vanished(const struct snapshot *snapshot)
{
    for (uint32_t i = 0; i < snapshot->sealed.count; i++)
        if (access(snapshot->sealed.parts[i]->file, R_OK) != 0)
            return true;
    return false;
}

/* ---- rows ---- */

struct counting {
    store_row_fn *on_row;
    void *context;
    uint64_t rows;
};

static bool count_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct counting *c = context;
    c->rows++;
    return c->on_row(c->context, result, cells);
}

static enum store_end query_snapshot(struct store *s, const struct store_query *q, struct snapshot *snapshot,
                                     struct counting *to, struct error *err)
{
    struct buf relation = {0};
    uint64_t number = duckdb_reader_show(s->reader, snapshot);
    struct events_request request = {snapshot, number, q->columns, q->column_count, &q->filter};
    events_sql(&request, &relation);
    enum store_end end = duckdb_reader_run(s->reader, buf_str(&relation), q->sql, q->params, q->param_count,
                                           &q->limits, count_row, to, err);
    duckdb_reader_hide(s->reader, number);
    buf_free(&relation);
    return end;
}

enum store_end store_query(struct store *s, const struct store_query *q, store_row_fn *on_row, void *context,
                           struct store_numbers *numbers, struct error *err)
{
    int64_t started = clock_monotonic_ns();
    struct counting to = {.on_row = on_row, .context = context};
    struct snapshot *snapshot = take_snapshot(s, &q->filter);
    enum store_end end = query_snapshot(s, q, snapshot, &to, err);
    for (int tries = 0;
         end == STORE_FAILED && s->readonly_db && !to.rows && has_vanished(snapshot) && tries < 3; tries++) {
        snapshot_free(snapshot);
        if (!store_reload(s, err))
            return STORE_FAILED;
        snapshot = take_snapshot(s, &q->filter);
        end = query_snapshot(s, q, snapshot, &to, err);
    }
    if (numbers)
        *numbers = (struct store_numbers){snapshot->sealed.count, snapshot->parts_total, to.rows,
                                          clock_monotonic_ns() - started};
    snapshot_free(snapshot);
    return end;
}

static void cell_json(const struct store_column *column, const struct store_cell *cell, struct json_writer *w)
{
    if (cell->is_null) {
        json_put_null(w);
        return;
    }
    switch (column->type) {
    case TYPE_LONG:
        json_put_i64(w, cell->number);
        break;
    case TYPE_BOOL:
        json_put_bool(w, cell->number != 0);
        break;
    case TYPE_DOUBLE:
        json_put_double(w, cell->real);
        break;
    case TYPE_DATE:
        json_put_time(w, cell->number);
        break;
    default:
        json_put_str(w, cell->text);
    }
}

void store_cell_json(const struct store_column *column, const struct store_cell *cell, struct buf *out)
{
    struct json_writer w = {.out = out};
    if (!column->is_list || cell->is_null) {
        cell_json(column, cell, &w);
        return;
    }
    json_begin_array(&w);
    for (uint32_t i = 0; i < cell->list.count; i++)
        cell_json(column, &cell->list.items[i], &w);
    json_end_array(&w);
}

/* ---- whole events ---- */

struct wanted_event {
    uint64_t sequence;
    size_t index;
};

struct fetching {
    struct wanted_event *wanted; /* sorted by sequence */
    size_t count;
    store_event_fn *on_event;
    void *context;
    struct event_rebuild rebuild;
    bool is_ended;
};

static int compare_wanted(const void *a, const void *b)
{
    uint64_t x = ((const struct wanted_event *)a)->sequence, y = ((const struct wanted_event *)b)->sequence;
    return x < y ? -1 : x > y;
}

static size_t first_wanted(const struct fetching *f, uint64_t sequence)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->wanted[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The rebuilt event to everyone who asked for its number. */
static bool give_event(struct fetching *f)
{
    uint64_t sequence = f->rebuild.event.sequence;
    for (size_t i = first_wanted(f, sequence);
         i < f->count && f->wanted[i].sequence == sequence && !f->is_ended; i++)
        f->is_ended = !f->on_event(f->context, f->wanted[i].index, &f->rebuild.event);
    return !f->is_ended;
}

static bool fetch_open(struct fetching *f, const struct snapshot_open *open)
{
    struct column_set *set = open->part->set;
    for (size_t i = 0; i < f->count && !f->is_ended; i++) {
        if (i && f->wanted[i].sequence == f->wanted[i - 1].sequence)
            continue;
        pthread_mutex_lock(&open->part->lock);
        uint32_t low = 0, high = open->rows; /* sequence numbers ascend */
        while (low < high) {
            uint32_t middle = low + (high - low) / 2;
            if ((uint64_t)set->sequence->numbers[middle] < f->wanted[i].sequence)
                low = middle + 1;
            else
                high = middle;
        }
        bool is_here = low < open->rows && (uint64_t)set->sequence->numbers[low] == f->wanted[i].sequence;
        if (is_here)
            event_rebuild_row(&f->rebuild, set, low);
        pthread_mutex_unlock(&open->part->lock);
        if (is_here)
            give_event(f);
    }
    return !f->is_ended;
}

static enum column_kind kind_of(enum value_type type)
{
    return column_kind_of(type);
}

static void rebuild_cell(struct event_rebuild *r, const struct store_column *c, const struct store_cell *cell)
{
    if (cell->is_null)
        return;
    if (kind_of(c->type) == COLUMN_TEXT)
        event_rebuild_text(r, c->name, cell->text);
    else if (c->type == TYPE_DOUBLE)
        event_rebuild_real(r, c->name, cell->real);
    else
        event_rebuild_number(r, c->name, kind_of(c->type), cell->number);
}

static bool take_document(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct fetching *f = context;
    event_rebuild_begin(&f->rebuild);
    for (uint32_t i = 0; i < result->column_count; i++) {
        const struct store_column *c = &result->columns[i];
        if (!c->is_list)
            rebuild_cell(&f->rebuild, c, &cells[i]);
        else if (!cells[i].is_null)
            for (uint32_t k = 0; k < cells[i].list.count; k++)
                rebuild_cell(&f->rebuild, c, &cells[i].list.items[k]);
    }
    return give_event(f);
}

static bool fetch_sealed(struct store *s, struct fetching *f, const struct part *p, struct error *err)
{
    struct buf sql = {0};
    size_t from = first_wanted(f, p->first_sequence);
    buf_c(&sql, "SELECT * FROM read_parquet(");
    sql_literal(&sql, str_c(p->file));
    buf_c(&sql, ", hive_partitioning=false) WHERE \"hyakuyo.sequence\" IN (");
    size_t i = from;
    for (; i < f->count && f->wanted[i].sequence <= p->last_sequence; i++)
        buf_printf(&sql, "%s%llu", i > from ? "," : "", (unsigned long long)f->wanted[i].sequence);
    buf_c(&sql, ")");
    struct store_limits limits = {0};
    bool ok = i == from || duckdb_reader_run(s->reader, STR_EMPTY, buf_str(&sql), NULL, 0, &limits,
                                             take_document, f, err) != STORE_FAILED;
    buf_free(&sql);
    return ok;
}

bool store_fetch(struct store *s, const uint64_t *sequences, size_t count, store_event_fn *on_event,
                 void *context, struct error *err)
{
    if (!count)
        return true;
    struct fetching f = {.wanted = NEW_ARRAY(struct wanted_event, count),
                         .count = count,
                         .on_event = on_event,
                         .context = context};
    for (size_t i = 0; i < count; i++)
        f.wanted[i] = (struct wanted_event){sequences[i], i};
    qsort(f.wanted, count, sizeof *f.wanted, compare_wanted);
    struct part_filter filter = PART_FILTER_ALL;
    filter.first_sequence = f.wanted[0].sequence;
    filter.last_sequence = f.wanted[count - 1].sequence;
    struct snapshot *snapshot = take_snapshot(s, &filter);
    if (s->readonly_db && has_vanished(snapshot)) {
        snapshot_free(snapshot);
        if (!store_reload(s, err)) {
            memory_free(f.wanted);
            return false;
        }
        snapshot = take_snapshot(s, &filter);
    }
    bool ok = true;
    for (uint32_t i = 0; i < snapshot->open_count && !f.is_ended; i++)
        fetch_open(&f, &snapshot->open[i]);
    for (uint32_t i = 0; ok && i < snapshot->sealed.count && !f.is_ended; i++)
        ok = fetch_sealed(s, &f, snapshot->sealed.parts[i], err);
    snapshot_free(snapshot);
    event_rebuild_free(&f.rebuild);
    memory_free(f.wanted);
    return ok;
}

static bool write_json(void *context, size_t index, const struct event *event)
{
    (void)index;
    event_json(event, context);
    return false;
}

bool store_fetch_event(struct store *s, uint64_t sequence, struct buf *json, bool *found, struct error *err)
{
    size_t before = json->n;
    bool ok = store_fetch(s, &sequence, 1, write_json, json, err);
    *found = ok && json->n > before;
    return ok;
}

/* ---- verification ---- */

static const char *check_file(const struct part *p)
{
    unsigned char block[64 * 1024], hash[PART_HASH_BYTES];
    int fd = open(p->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return "missing";
    crypto_hash_sha256_state state;
    crypto_hash_sha256_init(&state);
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            crypto_hash_sha256_update(&state, block, (unsigned long long)n);
    close(fd);
    crypto_hash_sha256_final(&state, hash);
    if (n < 0)
        return "unreadable";
    return sodium_memcmp(hash, p->sha256, sizeof hash) == 0 ? NULL : "changed";
}

bool store_verify(struct store *s, void (*on_bad)(void *context, const struct part *part, const char *why),
                  void *context, struct error *err)
{
    struct part_list parts = {0};
    struct sqlite3 *db = s->readonly_db ? s->readonly_db : state_lock(s->state);
    bool ok = state_parts_load(db, s->events_folder, &parts, err);
    if (!s->readonly_db)
        state_unlock(s->state);
    for (uint32_t i = 0; ok && i < parts.count; i++) {
        const char *why = check_file(parts.parts[i]);
        if (why)
            on_bad(context, parts.parts[i], why);
    }
    part_list_free(&parts);
    return ok;
}
