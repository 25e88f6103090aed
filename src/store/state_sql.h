/* Binding and stepping, for the state_*.c files only. Statements are found by the address of their SQL text,
 * prepared once for the life of the connection, and used under the state's lock. Texts that come out live in
 * the caller's arena. */
#ifndef STORE_STATE_SQL_H
#define STORE_STATE_SQL_H

#include <pthread.h>
#include <sqlite3.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/map.h"
#include "base/str.h"
#include "store/state.h"

struct state_capture;
struct state {
    sqlite3 *db;
    pthread_mutex_t mutex; /* recursive */
    pthread_t holder;      /* of the lock, while locks is not 0 */
    unsigned locks;
    unsigned depth;   /* open transactions of the thread that holds the lock: 1 = BEGIN, more = SAVEPOINT */
    bool is_unsynced; /* the open one waits for no disk */
    struct map statements;         /* SQL text → sqlite3_stmt * */
    struct state_capture *capture; /* NULL: nobody records (state_capture.h) */
    char path[512];
};

/* Brings the database to this program's schema, one numbered step after the other, each in its own
 * transaction. */
bool state_migrate(struct state *s, struct error *err) MUST_CHECK;
bool state_exec(struct state *s, const char *sql, struct error *err) MUST_CHECK;

/* The prepared statement, reset and without bindings. `sql` must be a string that lives as long as the
 * program. NULL on error. The caller holds the lock. */
sqlite3_stmt *sql_get(struct state *s, const char *sql, struct error *err) MUST_CHECK;

void sql_text(sqlite3_stmt *q, int at, struct str text);
void sql_blob(sqlite3_stmt *q, int at, const void *bytes, size_t n);
void sql_i64(sqlite3_stmt *q, int at, int64_t number);
void sql_u64(sqlite3_stmt *q, int at, uint64_t number); /* kept as its two's complement */
void sql_real(sqlite3_stmt *q, int at, double real);

/* 1 = a row, 0 = done, -1 = error with the sentence set. Done and error reset the statement. */
int sql_step(struct state *s, sqlite3_stmt *q, struct error *err) MUST_CHECK;
bool sql_run(struct state *s, sqlite3_stmt *q, struct error *err) MUST_CHECK; /* to the end, rows ignored */

struct str sql_column_str(sqlite3_stmt *q, int at, struct arena *arena); /* "" for NULL */
int64_t sql_column_i64(sqlite3_stmt *q, int at);
uint64_t sql_column_u64(sqlite3_stmt *q, int at);
double sql_column_real(sqlite3_stmt *q, int at);

/* Structs that were gathered in a buf while stepping, as an array of the arena (never NULL); the buf is
 * freed. */
void *sql_rows(struct buf *rows, struct arena *arena);

/* One change that is whole or not at all, inside the caller's transaction or in its own:
 *     if (!state_begin(s, err)) return false;
 *     return state_end(s, <everything went well>, err); */
bool state_end(struct state *s, bool ok, struct error *err) MUST_CHECK;

#endif
