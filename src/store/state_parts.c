/* store stage: the parts in state.db. The rows are written in the transaction that also takes the caller's
 * cursors and counters (writer.c), so that a part and what it stands for become valid at the same instant. */
#include "store/state_parts.h"

#include <sqlite3.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

/* The table of parts is a step of state_schema.c. */
static const char schema[] =
    "CREATE TABLE IF NOT EXISTS part_progress (id INTEGER PRIMARY KEY CHECK (id = 1),"
    " stored_through INTEGER NOT NULL) STRICT;";

void part_list_add(struct part_list *list, struct part *p)
{
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 16;
        list->parts = memory_resize_array(list->parts, list->capacity, sizeof(struct part *));
    }
    list->parts[list->count++] = p;
}

void part_list_free(struct part_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        part_release(list->parts[i]);
    memory_free(list->parts);
    *list = (struct part_list){0};
}

static bool failed(struct sqlite3 *db, const char *doing, struct error *err)
{
    return error_set(err, "the catalogue of event files in state.db: cannot %s: %s", doing,
                     sqlite3_errmsg(db));
}

static sqlite3_stmt *prepare(struct sqlite3 *db, const char *sql, const char *doing, struct error *err)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) != SQLITE_OK)
        failed(db, doing, err);
    return s;
}

/* Runs a statement that gives no rows, and ends it. */
static bool finish(struct sqlite3 *db, sqlite3_stmt *s, const char *doing, struct error *err)
{
    bool ok = sqlite3_step(s) == SQLITE_DONE;
    if (!ok)
        failed(db, doing, err);
    sqlite3_finalize(s);
    return ok;
}

bool state_parts_prepare(struct sqlite3 *db, bool *is_new, struct error *err)
{
    if (sqlite3_exec(db, schema, NULL, NULL, NULL) != SQLITE_OK)
        return failed(db, "create its tables", err);
    if (sqlite3_exec(db, "INSERT OR IGNORE INTO part_progress VALUES (1, 0)", NULL, NULL, NULL) != SQLITE_OK)
        return failed(db, "write", err);
    *is_new = sqlite3_changes(db) > 0;
    return true;
}

bool state_parts_insert(struct sqlite3 *db, struct part *p, struct error *err)
{
    sqlite3_stmt *s =
        prepare(db,
                "INSERT INTO part (path, first_sequence, last_sequence, min_time_ns, max_time_ns, rows,"
                " bytes, hash, sealed_ns, columns) VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10)",
                "add a file", err);
    if (!s)
        return false;
    struct buf columns = {0};
    part_columns_text(p, &columns);
    sqlite3_bind_text(s, 1, p->path, -1, SQLITE_STATIC);
    sqlite3_bind_int64(s, 2, (int64_t)p->first_sequence);
    sqlite3_bind_int64(s, 3, (int64_t)p->last_sequence);
    sqlite3_bind_int64(s, 4, p->min_time_ns);
    sqlite3_bind_int64(s, 5, p->max_time_ns);
    sqlite3_bind_int64(s, 6, (int64_t)p->rows);
    sqlite3_bind_int64(s, 7, (int64_t)p->bytes);
    sqlite3_bind_blob(s, 8, p->sha256, PART_HASH_BYTES, SQLITE_STATIC);
    sqlite3_bind_int64(s, 9, p->sealed_ns);
    sqlite3_bind_text(s, 10, columns.p ? columns.p : "", (int)columns.n, SQLITE_STATIC);
    bool ok = finish(db, s, "add a file", err);
    p->id = sqlite3_last_insert_rowid(db);
    buf_free(&columns);
    return ok;
}

bool state_parts_delete(struct sqlite3 *db, const struct part *p, struct error *err)
{
    sqlite3_stmt *s = prepare(db, "DELETE FROM part WHERE id = ?1", "remove a file", err);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, p->id);
    return finish(db, s, "remove a file", err);
}

static struct str column_bytes_at(sqlite3_stmt *s, int column)
{
    const void *p = sqlite3_column_blob(s, column);
    return (struct str){p ? p : "", (size_t)sqlite3_column_bytes(s, column)};
}

static bool read_part(sqlite3_stmt *s, const char *events_folder, struct part_list *out, struct error *err)
{
    const char *path = (const char *)sqlite3_column_text(s, 1);
    struct part *p = part_new_at(events_folder, path);
    part_list_add(out, p);
    p->id = sqlite3_column_int64(s, 0);
    p->first_sequence = (uint64_t)sqlite3_column_int64(s, 2);
    p->last_sequence = (uint64_t)sqlite3_column_int64(s, 3);
    p->min_time_ns = sqlite3_column_int64(s, 4);
    p->max_time_ns = sqlite3_column_int64(s, 5);
    p->rows = (uint64_t)sqlite3_column_int64(s, 6);
    p->bytes = (uint64_t)sqlite3_column_int64(s, 7);
    struct str hash = column_bytes_at(s, 8);
    p->sealed_ns = sqlite3_column_int64(s, 9);
    if (hash.n != PART_HASH_BYTES || !part_parse_columns(p, column_bytes_at(s, 10)))
        return error_set(
            err, "state.db: the entry of the event file %s is damaged; restore state.db from a backup", path);
    memcpy(p->sha256, hash.p, PART_HASH_BYTES);
    return true;
}

bool state_parts_load(struct sqlite3 *db, const char *events_folder, struct part_list *out, struct error *err)
{
    sqlite3_stmt *s =
        prepare(db,
                "SELECT id, path, first_sequence, last_sequence, min_time_ns, max_time_ns, rows, bytes,"
                " hash, sealed_ns, columns FROM part ORDER BY first_sequence",
                "read", err);
    if (!s)
        return false;
    int step;
    bool ok = true;
    while (ok && (step = sqlite3_step(s)) == SQLITE_ROW)
        ok = read_part(s, events_folder, out, err);
    if (ok && step != SQLITE_DONE)
        ok = failed(db, "read", err);
    sqlite3_finalize(s);
    return ok;
}

bool state_parts_stored_through(struct sqlite3 *db, uint64_t *sequence, struct error *err)
{
    sqlite3_stmt *s = prepare(db, "SELECT stored_through FROM part_progress", "read", err);
    if (!s)
        return false;
    int step = sqlite3_step(s);
    *sequence = step == SQLITE_ROW ? (uint64_t)sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return step == SQLITE_ROW || step == SQLITE_DONE || failed(db, "read", err);
}

bool state_parts_set_stored_through(struct sqlite3 *db, uint64_t sequence, struct error *err)
{
    sqlite3_stmt *s = prepare(db, "UPDATE part_progress SET stored_through = ?1", "write", err);
    if (!s)
        return false;
    sqlite3_bind_int64(s, 1, (int64_t)sequence);
    return finish(db, s, "write", err);
}

static sqlite3 *open_uri(const char *path, const char *options)
{
    sqlite3 *db = NULL;
    struct buf uri = {0};
    buf_c(&uri, "file:");
    for (const char *c = path; *c; c++)
        buf_printf(&uri, *c == '%' || *c == '?' || *c == '#' ? "%%%02X" : "%c", *c);
    buf_c(&uri, options);
    bool ok = sqlite3_open_v2(buf_cstr(&uri), &db, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, NULL) == SQLITE_OK;
    buf_free(&uri);
    if (ok)
        sqlite3_busy_timeout(db, 5000);
    if (ok && sqlite3_exec(db, "SELECT count(*) FROM part", NULL, NULL, NULL) == SQLITE_OK)
        return db;
    sqlite3_close(db);
    return NULL;
}

/* On a medium that nobody can write to, SQLite cannot make its shared memory; there the file cannot change
 * either. */
struct sqlite3 *state_parts_open_readonly(const char *path, struct error *err)
{
    sqlite3 *db = open_uri(path, "");
    if (!db && access(path, W_OK) != 0)
        db = open_uri(path, "?immutable=1");
    if (!db)
        error_set(err,
                  tr("%s cannot be read as the catalogue of a hyakuyo data directory",
                     "%s を hyakuyo の目録として読めません"),
                  path);
    return db;
}

void state_parts_close(struct sqlite3 *db)
{
    sqlite3_close(db);
}
