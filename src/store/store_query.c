/* store stage: searching. A question and the parts it needs (catalogue.c) → SQL (events_sql.c) → rows
 * (duckdb.c). Next: store_fetch.c (whole events). */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "store/events_sql.h"
#include "store/store_internal.h"

struct snapshot *store_snapshot(struct store *s, const struct part_filter *filter)
{
    pthread_mutex_lock(&s->reload_lock);
    struct snapshot *snapshot = catalogue_snapshot(s->catalogue, filter);
    pthread_mutex_unlock(&s->reload_lock);
    return snapshot;
}

bool store_has_vanished(const struct snapshot *snapshot)
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
    struct snapshot *snapshot = store_snapshot(s, &q->filter);
    enum store_end end = query_snapshot(s, q, snapshot, &to, err);
    for (int tries = 0;
         end == STORE_FAILED && s->readonly_db && !to.rows && store_has_vanished(snapshot) && tries < 3;
         tries++) {
        snapshot_free(snapshot);
        if (!store_reload(s, err))
            return STORE_FAILED;
        snapshot = store_snapshot(s, &q->filter);
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

/* ---- verification ---- */

static const char *check_file(const struct part *p)
{
    unsigned char block[64 * 1024], hash[PART_HASH_BYTES];
    int fd = open(p->file, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return "missing";
    struct sha256 *state = sha256_new();
    ssize_t n;
    while ((n = read(fd, block, sizeof block)) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            sha256_add(state, str_n((const char *)block, (size_t)n));
    close(fd);
    sha256_end(state, hash);
    if (n < 0)
        return "unreadable";
    return memcmp(hash, p->sha256, sizeof hash) == 0 ? NULL : "changed";
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
