/* store stage: DuckDB as the reader of events. Reads sealed parts (read_parquet) and open parts
 * (duckdb_open.c), leaves rows of cells (duckdb_cell.c) with the caller of duckdb_reader_run. Which SQL is
 * run is decided in events_query.c.
 *
 * Sandbox: the database is in memory, may read files below the events folder only, loads no extension, and
 * its settings are locked. Only one SELECT is accepted. */
#include "store/duckdb_internal.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"

enum { WATCH_MS = 20 };

/* A query that runs, as the watchdog sees it. */
struct running {
    struct running *next;
    duckdb_connection connection;
    int64_t deadline_ns; /* monotonic; 0 = none */
    const atomic_bool *is_cancelled;
    enum store_end end; /* STORE_DONE until it was interrupted */
};

struct duckdb_reader {
    char *events_folder;
    size_t memory_bytes;
    unsigned threads;
    pthread_mutex_t lock; /* guards all below */
    pthread_cond_t changed;
    duckdb_database database; /* NULL until the first query */
    struct shown_snapshots *shown;
    struct running *running;
    pthread_t watchdog;
    bool is_watched, is_closing;
};

struct duckdb_reader *duckdb_reader_new(const char *events_folder, size_t memory_bytes, unsigned threads)
{
    struct duckdb_reader *r = NEW(struct duckdb_reader);
    r->events_folder = memory_strdup(events_folder);
    r->memory_bytes = memory_bytes;
    r->threads = threads;
    r->shown = shown_new();
    pthread_mutex_init(&r->lock, NULL);
    pthread_cond_init(&r->changed, NULL);
    return r;
}

void duckdb_reader_free(struct duckdb_reader *r)
{
    if (!r)
        return;
    pthread_mutex_lock(&r->lock);
    r->is_closing = true;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
    if (r->is_watched)
        pthread_join(r->watchdog, NULL);
    if (r->database)
        duckdb_close(&r->database);
    shown_free(r->shown);
    pthread_mutex_destroy(&r->lock);
    pthread_cond_destroy(&r->changed);
    memory_free(r->events_folder);
    memory_free(r);
}

uint64_t duckdb_reader_show(struct duckdb_reader *r, const struct snapshot *snapshot)
{
    return shown_add(r->shown, snapshot);
}

void duckdb_reader_hide(struct duckdb_reader *r, uint64_t number)
{
    shown_remove(r->shown, number);
}

/* ---- watchdog ---- */

static void check_running(struct running *q, int64_t now)
{
    if (q->end == STORE_DONE && q->is_cancelled && atomic_load(q->is_cancelled))
        q->end = STORE_CANCELLED;
    if (q->end == STORE_DONE && q->deadline_ns && now >= q->deadline_ns)
        q->end = STORE_TIMEOUT;
    if (q->end != STORE_DONE)
        duckdb_interrupt(q->connection); /* again and again: it has no effect between two steps of a query */
}

static void *watch(void *context)
{
    struct duckdb_reader *r = context;
    pthread_mutex_lock(&r->lock);
    while (!r->is_closing) {
        if (!r->running) {
            pthread_cond_wait(&r->changed, &r->lock);
            continue;
        }
        int64_t now = clock_monotonic_ns();
        for (struct running *q = r->running; q; q = q->next)
            check_running(q, now);
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WATCH_MS * 1000000;
        until.tv_sec += until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        pthread_cond_timedwait(&r->changed, &r->lock, &until);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void start_watching(struct duckdb_reader *r, struct running *q)
{
    pthread_mutex_lock(&r->lock);
    if (!r->is_watched) {
        BUG_IF(pthread_create(&r->watchdog, NULL, watch, r) != 0);
        r->is_watched = true;
    }
    q->next = r->running;
    r->running = q;
    pthread_cond_signal(&r->changed);
    pthread_mutex_unlock(&r->lock);
}

static void stop_watching(struct duckdb_reader *r, struct running *q)
{
    pthread_mutex_lock(&r->lock);
    for (struct running **at = &r->running; *at; at = &(*at)->next)
        if (*at == q) {
            *at = q->next;
            break;
        }
    pthread_mutex_unlock(&r->lock);
}

/* ---- opening ---- */

static bool run_plain(duckdb_connection connection, const char *sql, struct error *err)
{
    duckdb_result result;
    bool ok = duckdb_query(connection, sql, &result) == DuckDBSuccess;
    if (!ok) {
        const char *why = duckdb_result_error(&result);
        error_set(err, "%s", why ? why : "DuckDB failed");
    }
    duckdb_destroy_result(&result);
    return ok;
}

static void add_quoted(struct buf *out, const char *text)
{
    buf_char(out, '\'');
    for (; *text; text++) {
        if (*text == '\'')
            buf_char(out, '\'');
        buf_char(out, *text);
    }
    buf_char(out, '\'');
}

static bool configure(struct duckdb_reader *r, duckdb_connection connection, struct error *err)
{
    struct buf sql = {0};
    buf_printf(&sql, "SET memory_limit='%zuB'; SET threads=%u; SET temp_directory=", r->memory_bytes,
               r->threads);
    struct buf folder = {0};
    buf_printf(&folder, "%s/spill", r->events_folder);
    add_quoted(&sql, buf_cstr(&folder));
    buf_c(&sql, "; SET TimeZone='UTC'; SET parquet_metadata_cache=true; SET enable_external_file_cache=false;"
                " SET autoinstall_known_extensions=false; SET autoload_known_extensions=false;"
                " SET allow_community_extensions=false; SET allocator_flush_threshold='16MB'; SET "
                "allowed_directories=[");
    buf_clear(&folder);
    buf_printf(&folder, "%s/", r->events_folder);
    add_quoted(&sql, buf_cstr(&folder));
    buf_c(&sql, "]; SET enable_external_access=false; SET lock_configuration=true");
    bool ok = run_plain(connection, buf_cstr(&sql), err) || error_prefix(err, "cannot configure DuckDB: ");
    buf_free(&folder);
    buf_free(&sql);
    return ok && shown_register(r->shown, connection, err);
}

/* Lock held. */
static bool open_database(struct duckdb_reader *r, struct error *err)
{
    duckdb_connection connection;
    char *why = NULL;
    if (duckdb_open_ext(NULL, &r->database, NULL, &why) != DuckDBSuccess) {
        error_set(err, "cannot start DuckDB: %s", why ? why : "unknown reason");
        duckdb_free(why);
        return false;
    }
    bool ok = duckdb_connect(r->database, &connection) == DuckDBSuccess ||
              error_set(err, "cannot connect to DuckDB");
    if (ok) {
        ok = configure(r, connection, err);
        duckdb_disconnect(&connection);
    }
    if (!ok)
        duckdb_close(&r->database);
    return ok;
}

static bool connect(struct duckdb_reader *r, duckdb_connection *out, struct error *err)
{
    pthread_mutex_lock(&r->lock);
    bool ok = r->database || open_database(r, err);
    if (ok && duckdb_connect(r->database, out) != DuckDBSuccess)
        ok = error_set(err, "cannot connect to DuckDB");
    pthread_mutex_unlock(&r->lock);
    return ok;
}

/* ---- one statement ---- */

static bool make_view(duckdb_connection connection, struct str relation, struct error *err)
{
    if (!relation.n)
        return true;
    struct buf sql = {0};
    buf_c(&sql, "CREATE TEMP VIEW events AS ");
    buf_add(&sql, relation);
    bool ok = run_plain(connection, buf_cstr(&sql), err);
    buf_free(&sql);
    return ok;
}

static bool prepare(duckdb_connection connection, const char *sql, duckdb_prepared_statement *out,
                    struct error *err)
{
    duckdb_extracted_statements statements;
    *out = NULL;
    idx_t count = duckdb_extract_statements(connection, sql, &statements);
    bool ok = true;
    if (count == 0) {
        const char *why = duckdb_extract_statements_error(statements);
        ok = error_set(err, "%s", why ? why : tr("the SQL text is empty", "SQL 文が空です"));
    } else if (count > 1) {
        ok = error_set(err, "%s",
                       tr("only one SQL statement at a time", "SQL 文は一度に一つだけ実行できます"));
    } else if (duckdb_prepare_extracted_statement(connection, statements, 0, out) != DuckDBSuccess) {
        const char *why = *out ? duckdb_prepare_error(*out) : NULL;
        ok = error_set(err, "%s", why ? why : "DuckDB could not prepare the statement");
    } else if (duckdb_prepared_statement_type(*out) != DUCKDB_STATEMENT_TYPE_SELECT) {
        ok = error_set(err, "%s", tr("only SELECT statements are allowed", "SELECT 文だけを実行できます"));
    }
    duckdb_destroy_extracted(&statements);
    return ok;
}

static bool bind_param(duckdb_prepared_statement s, idx_t at, const struct store_param *p)
{
    switch (p->type) {
    case TYPE_LONG:
        return duckdb_bind_int64(s, at, p->number) == DuckDBSuccess;
    case TYPE_BOOL:
        return duckdb_bind_boolean(s, at, p->number != 0) == DuckDBSuccess;
    case TYPE_DOUBLE:
        return duckdb_bind_double(s, at, p->real) == DuckDBSuccess;
    case TYPE_DATE: {
        int64_t us = p->number / 1000 - (p->number % 1000 < 0);
        return duckdb_bind_timestamp(s, at, (duckdb_timestamp){us}) == DuckDBSuccess;
    }
    default:
        return duckdb_bind_varchar_length(s, at, p->text.p ? p->text.p : "", p->text.n) == DuckDBSuccess;
    }
}

static bool bind_all(duckdb_prepared_statement s, const struct store_param *params, size_t count,
                     struct error *err)
{
    for (size_t i = 0; i < count; i++)
        if (!bind_param(s, i + 1, &params[i]))
            return error_set(err, "parameter %zu of the query could not be bound", i + 1);
    return true;
}

/* ---- rows ---- */

struct rows {
    struct store_result result;
    struct cell_reader *readers;
    struct store_cell *cells;
    struct arena arena; /* lists of one row */
};

static bool describe_result(duckdb_result *result, struct rows *rows)
{
    idx_t count = duckdb_column_count(result);
    rows->result.column_count = (uint32_t)count;
    rows->result.columns = NEW_ARRAY(struct store_column, count);
    rows->readers = NEW_ARRAY(struct cell_reader, count);
    rows->cells = NEW_ARRAY(struct store_cell, count);
    bool is_known = true;
    for (idx_t i = 0; i < count; i++) {
        duckdb_logical_type type = duckdb_column_logical_type(result, i);
        is_known = cell_reader_init(&rows->readers[i], type) && is_known;
        duckdb_destroy_logical_type(&type);
        rows->result.columns[i] = (struct store_column){str_c(duckdb_column_name(result, i)),
                                                        rows->readers[i].type, rows->readers[i].is_list};
    }
    return is_known;
}

static void rows_free(struct rows *rows)
{
    memory_free(rows->result.columns);
    memory_free(rows->readers);
    memory_free(rows->cells);
    *rows = (struct rows){.arena = rows->arena};
}

struct consumer {
    store_row_fn *on_row;
    void *context;
    uint64_t max_rows, given;
};

static bool give_chunk(struct rows *rows, duckdb_data_chunk chunk, struct consumer *to, enum store_end *end)
{
    idx_t size = duckdb_data_chunk_get_size(chunk);
    for (idx_t row = 0; row < size; row++) {
        if (to->max_rows && to->given == to->max_rows) {
            *end = STORE_MORE_ROWS;
            return false;
        }
        arena_reset(&rows->arena);
        for (uint32_t c = 0; c < rows->result.column_count; c++)
            cell_read(&rows->readers[c], duckdb_data_chunk_get_vector(chunk, c), row, &rows->arena,
                      &rows->cells[c]);
        to->given++;
        if (!to->on_row(to->context, &rows->result, rows->cells))
            return false;
    }
    return true;
}

/* STORE_DONE, STORE_MORE_ROWS, or STORE_FAILED with a sentence. */
static enum store_end give_rows(duckdb_result *result, struct rows *rows, struct consumer *to,
                                struct error *err)
{
    enum store_end end = STORE_DONE;
    for (bool more = true; more;) {
        duckdb_data_chunk chunk = duckdb_fetch_chunk(*result);
        if (!chunk)
            break;
        more = duckdb_data_chunk_get_size(chunk) > 0 && give_chunk(rows, chunk, to, &end);
        duckdb_destroy_data_chunk(&chunk);
        if (!more)
            return end;
    }
    const char *why = duckdb_result_error(result);
    if (why && *why) {
        error_set(err, "%s", why);
        return STORE_FAILED;
    }
    return end;
}

/* The statement again, every column as text: for types that have no counterpart. */
static struct str as_text(struct str sql, struct buf *out)
{
    sql = str_trim_chars(str_trim(sql), ";");
    buf_c(out, "SELECT CAST(COLUMNS(*) AS VARCHAR) FROM (");
    buf_add(out, sql);
    buf_c(out, "\n)");
    return buf_str(out);
}

struct statement {
    struct str sql;
    const struct store_param *params;
    size_t param_count;
};

static enum store_end run_statement(duckdb_connection connection, const struct statement *s, bool is_last_try,
                                    struct consumer *to, struct error *err)
{
    struct buf text = {0};
    buf_add(&text, s->sql);
    duckdb_prepared_statement prepared = NULL;
    duckdb_result result = {0};
    struct rows rows = {0};
    arena_init(&rows.arena, 4096);
    enum store_end end = STORE_FAILED;
    bool must_cast = false;
    if (prepare(connection, buf_cstr(&text), &prepared, err) &&
        bind_all(prepared, s->params, s->param_count, err)) {
        if (duckdb_execute_prepared_streaming(prepared, &result) != DuckDBSuccess) {
            const char *why = duckdb_result_error(&result);
            error_set(err, "%s", why ? why : "DuckDB failed");
        } else if (!describe_result(&result, &rows) && !is_last_try) {
            must_cast = true;
        } else {
            end = give_rows(&result, &rows, to, err);
        }
        duckdb_destroy_result(&result);
    }
    duckdb_destroy_prepare(&prepared);
    rows_free(&rows);
    arena_free(&rows.arena);
    buf_clear(&text);
    if (must_cast)
        end =
            run_statement(connection, &(struct statement){as_text(s->sql, &text), s->params, s->param_count},
                          true, to, err);
    buf_free(&text);
    return end;
}

static enum store_end explain_interrupt(enum store_end end, const struct store_limits *limits,
                                        struct error *err)
{
    if (end == STORE_TIMEOUT)
        error_set(err,
                  tr("the query was stopped after %u ms; narrow the time range or the filter",
                     "検索は %u ミリ秒で打ち切られました。期間か条件を絞ってください"),
                  limits->timeout_ms);
    else if (end == STORE_CANCELLED)
        error_set(err, "%s", tr("the query was cancelled", "検索は取り消されました"));
    return end;
}

enum store_end duckdb_reader_run(struct duckdb_reader *r, struct str events_relation, struct str sql,
                                 const struct store_param *params, size_t param_count,
                                 const struct store_limits *limits, store_row_fn *on_row, void *context,
                                 struct error *err)
{
    duckdb_connection connection;
    if (!connect(r, &connection, err))
        return STORE_FAILED;
    struct running running = {.connection = connection, .is_cancelled = limits->is_cancelled};
    if (limits->timeout_ms)
        running.deadline_ns = clock_monotonic_ns() + limits->timeout_ms * NS_PER_MS;
    struct consumer to = {.on_row = on_row, .context = context, .max_rows = limits->max_rows};
    struct statement s = {sql, params, param_count};
    start_watching(r, &running);
    enum store_end end = STORE_FAILED;
    if (make_view(connection, events_relation, err))
        end = run_statement(connection, &s, false, &to, err);
    stop_watching(r, &running);
    duckdb_disconnect(&connection);
    return end == STORE_FAILED && running.end != STORE_DONE ? explain_interrupt(running.end, limits, err)
                                                            : end;
}
