/* Stage: store. The connection to the state database: opening, the recursive lock, nested transactions, and
 * prepared statements. It knows no table; those are in state_schema.c and in the file of each area.
 *
 * What must survive does: WAL with synchronous=FULL, so a commit that returned is on the disk. Next:
 * state_schema.c. */
#include "store/state_capture_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

#define BUSY_TIMEOUT_MS 10000
#define WAL_PAGES       4096 /* then a commit carries them home */

static bool fail_with(struct state *s, struct error *err, const char *doing)
{
    return error_set(err,
                     tr("%s: the state database could not %s: %s",
                        "%s: 状態データベースで %s に失敗しました: %s"),
                     s->path, doing, sqlite3_errmsg(s->db));
}

bool state_exec(struct state *s, const char *sql, struct error *err)
{
    if (sqlite3_exec(s->db, sql, NULL, NULL, NULL) != SQLITE_OK)
        return fail_with(s, err, sql);
    return true;
}

/* The same as a prepared statement. */
static bool run_word(struct state *s, const char *sql, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, sql, err);
    return q && sql_run(s, q, err);
}

static void init_lock(struct state *s)
{
    pthread_mutexattr_t recursive;
    pthread_mutexattr_init(&recursive);
    pthread_mutexattr_settype(&recursive, PTHREAD_MUTEX_RECURSIVE);
    pthread_mutex_init(&s->mutex, &recursive);
    pthread_mutexattr_destroy(&recursive);
}

/* State holds password hashes and addresses of people: nobody else's business. The file exists before SQLite
 * opens it, because SQLite gives its -wal and -shm the mode of the database. */
static void make_private(const char *path)
{
    FILE *f = fopen(path, "ab");
    if (f)
        fclose(f);
    if (chmod(path, 0600) != 0 && errno != ENOENT)
        log_warning(tr("%s: cannot make the state database private",
                       "%s: 状態データベースの権限を絞れません"),
                    path);
}

static bool configure(struct state *s, struct error *err)
{
    sqlite3_busy_timeout(s->db, BUSY_TIMEOUT_MS);
    sqlite3_extended_result_codes(s->db, 1);
    sqlite3_limit(s->db, SQLITE_LIMIT_LENGTH, 64 << 20);
    sqlite3_wal_autocheckpoint(s->db, WAL_PAGES);
    return state_exec(s, "PRAGMA journal_mode=WAL", err) && state_exec(s, "PRAGMA synchronous=FULL", err) &&
           state_exec(s, "PRAGMA foreign_keys=ON", err) && state_exec(s, "PRAGMA trusted_schema=OFF", err) &&
           state_exec(s, "PRAGMA journal_size_limit=67108864", err) &&
           /* pages of busy incidents are written again and again: from memory, and home only now and then */
           state_exec(s, "PRAGMA cache_size=-16384", err);
}

struct state *state_open(const char *path, struct error *err)
{
    struct state *s = NEW(struct state);
    snprintf(s->path, sizeof(s->path), "%s", path);
    init_lock(s);
    make_private(path);
    /* Our own lock guards the connection; SQLite's would be taken again for every value of every row. */
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
    bool ok =
        sqlite3_open_v2(path, &s->db, flags, NULL) == SQLITE_OK ||
        error_set(
            err,
            tr("%s: cannot open the state database: %s; check that the folder exists and is writable",
               "%s: 状態データベースを開けません: %s。フォルダーの有無と書き込み権限を確認してください"),
            path, s->db ? sqlite3_errmsg(s->db) : "out of memory");
    state_lock(s);
    ok = ok && configure(s, err) && state_migrate(s, err);
    state_unlock(s);
    if (ok)
        return s;
    state_close(s);
    return NULL;
}

void state_close(struct state *s)
{
    if (!s)
        return;
    BUG_IF(s->depth != 0);
    state_capture_disarm(s);
    for (uint32_t i = 0; i < s->statements.count; i++)
        sqlite3_finalize((sqlite3_stmt *)s->statements.entries[i].value);
    map_free(&s->statements);
    sqlite3_close(s->db);
    pthread_mutex_destroy(&s->mutex);
    memory_free(s);
}

struct sqlite3 *state_lock(struct state *s)
{
    pthread_mutex_lock(&s->mutex);
    s->holder = pthread_self();
    s->locks++;
    return s->db;
}

bool state_try_lock(struct state *s)
{
    if (pthread_mutex_trylock(&s->mutex) != 0)
        return false;
    s->holder = pthread_self();
    s->locks++;
    return true;
}

void state_unlock(struct state *s)
{
    s->locks--;
    pthread_mutex_unlock(&s->mutex);
}

static void wait_for_disk_again(struct state *s)
{
    if (!s->is_unsynced)
        return;
    BUG_IF(sqlite3_exec(s->db, "PRAGMA synchronous=FULL", NULL, NULL, NULL) != SQLITE_OK);
    sqlite3_wal_autocheckpoint(s->db, WAL_PAGES);
    s->is_unsynced = false;
}

/* The outermost begin takes the write lock at once: a transaction never fails half way because another
 * connection was faster. Inner ones are savepoints, so that an area's failure undoes only its own part. */
bool state_begin(struct state *s, struct error *err)
{
    state_lock(s);
    if (!run_word(s, s->depth == 0 ? "BEGIN IMMEDIATE" : "SAVEPOINT inner_change", err)) {
        state_unlock(s);
        return false;
    }
    s->depth++;
    state_capture_began(s);
    return true;
}

/* In WAL mode NORMAL leaves out the fsync of each commit and nothing else: the log stays whole in its order.
 */
bool state_begin_unsynced(struct state *s, struct error *err)
{
    state_lock(s);
    bool is_outermost = s->depth == 0;
    bool ok = !is_outermost || state_exec(s, "PRAGMA synchronous=NORMAL", err);
    if (ok && is_outermost) {
        sqlite3_wal_autocheckpoint(s->db, 0);
        s->is_unsynced = true;
    }
    ok = ok && state_begin(s, err);
    if (!ok && is_outermost)
        wait_for_disk_again(s);
    state_unlock(s);
    return ok;
}

bool state_sync(struct state *s, struct error *err)
{
    char path[sizeof s->path + 8];
    snprintf(path, sizeof path, "%s-wal", s->path);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) /* nothing was ever written */
        return true;
    bool ok = fd >= 0 && fdatasync(fd) == 0;
    if (!ok)
        error_errno(err, tr("%s: cannot be brought to the disk", "%s: ディスクへ書き込めません"), path);
    if (fd >= 0)
        close(fd);
    return ok;
}

bool state_commit(struct state *s, struct error *err)
{
    BUG_IF(s->depth == 0);
    if (!state_capture_may_commit(s, err) ||
        !run_word(s, s->depth == 1 ? "COMMIT" : "RELEASE inner_change", err)) {
        state_rollback(s);
        return false;
    }
    state_capture_ended(s);
    if (--s->depth == 0)
        wait_for_disk_again(s);
    state_unlock(s);
    return true;
}

void state_rollback(struct state *s)
{
    BUG_IF(s->depth == 0);
    const char *undo = s->depth == 1 ? "ROLLBACK" : "ROLLBACK TO inner_change; RELEASE inner_change";
    /* A full disk may already have ended the transaction; then there is nothing left to undo. */
    if (!sqlite3_get_autocommit(s->db))
        sqlite3_exec(s->db, undo, NULL, NULL, NULL);
    state_capture_undone(s);
    if (--s->depth == 0)
        wait_for_disk_again(s);
    state_unlock(s);
}

bool state_end(struct state *s, bool ok, struct error *err)
{
    if (ok)
        return state_commit(s, err);
    state_rollback(s);
    return false;
}

sqlite3_stmt *sql_get(struct state *s, const char *sql, struct error *err)
{
    BUG_IF(s->locks == 0 || !pthread_equal(s->holder, pthread_self()));
    uintptr_t *place = map_put(&s->statements, str_c(sql), NULL);
    sqlite3_stmt *q = (sqlite3_stmt *)*place;
    if (!q) {
        if (sqlite3_prepare_v3(s->db, sql, -1, SQLITE_PREPARE_PERSISTENT, &q, NULL) != SQLITE_OK) {
            fail_with(s, err, sql);
            return NULL;
        }
        *place = (uintptr_t)q;
    }
    sqlite3_reset(q);
    sqlite3_clear_bindings(q);
    return q;
}

/* A bind fails only for a wrong index or for a text over SQLITE_LIMIT_LENGTH. The first is a bug; the second
 * binds NULL, which the columns' NOT NULL turns into a sentence. */
static void check_bind(int result)
{
    BUG_IF(result == SQLITE_RANGE || result == SQLITE_MISUSE);
}

void sql_text(sqlite3_stmt *q, int at, struct str text)
{
    check_bind(sqlite3_bind_text64(q, at, text.p ? text.p : "", text.n, SQLITE_TRANSIENT, SQLITE_UTF8));
}

void sql_blob(sqlite3_stmt *q, int at, const void *bytes, size_t n)
{
    check_bind(sqlite3_bind_blob64(q, at, n ? bytes : "", n, SQLITE_TRANSIENT));
}

void sql_i64(sqlite3_stmt *q, int at, int64_t number)
{
    check_bind(sqlite3_bind_int64(q, at, number));
}

void sql_u64(sqlite3_stmt *q, int at, uint64_t number)
{
    check_bind(sqlite3_bind_int64(q, at, (int64_t)number));
}

void sql_real(sqlite3_stmt *q, int at, double real)
{
    check_bind(sqlite3_bind_double(q, at, real));
}

int sql_step(struct state *s, sqlite3_stmt *q, struct error *err)
{
    int result = sqlite3_step(q);
    if (result == SQLITE_ROW)
        return 1;
    if (result != SQLITE_DONE)
        fail_with(s, err, sqlite3_sql(q));
    sqlite3_reset(q);
    return result == SQLITE_DONE ? 0 : -1;
}

bool sql_run(struct state *s, sqlite3_stmt *q, struct error *err)
{
    int result;
    while ((result = sql_step(s, q, err)) == 1)
        ;
    return result == 0;
}

struct str sql_column_str(sqlite3_stmt *q, int at, struct arena *arena)
{
    const void *p = sqlite3_column_blob(q, at);
    int n = sqlite3_column_bytes(q, at);
    return p && n > 0 ? arena_str(arena, str_n(p, (size_t)n)) : STR_EMPTY;
}

int64_t sql_column_i64(sqlite3_stmt *q, int at)
{
    return sqlite3_column_int64(q, at);
}

uint64_t sql_column_u64(sqlite3_stmt *q, int at)
{
    return (uint64_t)sqlite3_column_int64(q, at);
}

double sql_column_real(sqlite3_stmt *q, int at)
{
    return sqlite3_column_double(q, at);
}

void *sql_rows(struct buf *rows, struct arena *arena)
{
    void *copy = arena_zero(arena, rows->n + 1);
    if (rows->n)
        memcpy(copy, rows->p, rows->n);
    buf_free(rows);
    return copy;
}
