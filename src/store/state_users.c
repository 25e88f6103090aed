/* Stage: store. Users, sessions, tokens and failed log-ins. Next: state_balance.c. */
#include "store/state_users.h"

#include <stdarg.h>

#include "base/log.h"
#include "store/state_sql.h"

/* Most statements here bind a few values and run: the letters say which. t = struct str as text, b = struct
 * str as blob, i = int64_t, u = uint64_t. NULL when the statement cannot be prepared. */
static sqlite3_stmt *bind(struct state *s, struct error *err, const char *sql, const char *letters, ...)
{
    sqlite3_stmt *q = sql_get(s, sql, err);
    va_list values;
    va_start(values, letters);
    for (int at = 1; q && letters[at - 1]; at++) {
        if (letters[at - 1] == 't') {
            sql_text(q, at, va_arg(values, struct str));
        } else if (letters[at - 1] == 'b') {
            struct str bytes = va_arg(values, struct str);
            sql_blob(q, at, bytes.p, bytes.n);
        } else if (letters[at - 1] == 'i') {
            sql_i64(q, at, va_arg(values, int64_t));
        } else {
            sql_u64(q, at, va_arg(values, uint64_t));
        }
    }
    va_end(values);
    return q;
}

static bool run_change(struct state *s, sqlite3_stmt *q, struct error *err)
{
    return state_end(s, q && sql_run(s, q, err), err);
}

/* One row or none: reads it while the lock is held. */
static bool read_one(struct state *s, sqlite3_stmt *q, bool *found, struct error *err)
{
    int row = q ? sql_step(s, q, err) : -1;
    *found = row == 1;
    return row >= 0;
}

static bool is_taken(struct state *s, struct str name, bool *taken, struct error *err)
{
    sqlite3_stmt *q = bind(s, err, "SELECT 1 FROM user WHERE name = ?", "t", name);
    if (!read_one(s, q, taken, err))
        return false;
    sqlite3_reset(q);
    return true;
}

static bool insert_user(struct state *s, struct user *u, struct error *err)
{
    bool taken;
    if (u->name.n == 0)
        return error_set(err, "%s", tr("a user needs a name", "利用者には名前が必要です"));
    if (!is_taken(s, u->name, &taken, err))
        return false;
    if (taken)
        return error_set(err, tr("there is already a user \"%.*s\"", "利用者「%.*s」はすでに存在します"),
                         STR_ARGS(u->name));
    sqlite3_stmt *q =
        bind(s, err,
             "INSERT INTO user (name, password_hash, roles, language, created_ns, disabled)"
             " VALUES (?, ?, ?, ?, ?, ?)",
             "ttttii", u->name, u->password_hash, u->roles, u->language, u->created_ns, (int64_t)u->disabled);
    if (!q || !sql_run(s, q, err))
        return false;
    u->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return true;
}

bool state_users_create(struct state *s, struct user *user, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return state_end(s, insert_user(s, user, err), err);
}

static bool write_user(struct state *s, const struct user *u, struct error *err)
{
    sqlite3_stmt *q = bind(s, err,
                           "DELETE FROM session WHERE user = ?1 AND EXISTS"
                           " (SELECT 1 FROM user WHERE id = ?1 AND password_hash <> ?2)",
                           "ut", u->id, u->password_hash);
    if (!q || !sql_run(s, q, err))
        return false;
    q = bind(s, err, "UPDATE user SET password_hash = ?, roles = ?, language = ?, disabled = ? WHERE id = ?",
             "tttiu", u->password_hash, u->roles, u->language, (int64_t)u->disabled, u->id);
    if (!q || !sql_run(s, q, err))
        return false;
    if (sqlite3_changes(s->db) != 1)
        return error_set(err, tr("there is no user number %llu", "番号 %llu の利用者はいません"),
                         (unsigned long long)u->id);
    return !u->disabled || state_sessions_delete_user(s, u->id, err);
}

bool state_users_update(struct state *s, const struct user *user, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return state_end(s, write_user(s, user, err), err);
}

#define USER_COLUMNS "id, name, password_hash, roles, language, created_ns, disabled"

static void read_user(sqlite3_stmt *q, struct arena *arena, struct user *u)
{
    *u = (struct user){.id = sql_column_u64(q, 0),
                       .name = sql_column_str(q, 1, arena),
                       .password_hash = sql_column_str(q, 2, arena),
                       .roles = sql_column_str(q, 3, arena),
                       .language = sql_column_str(q, 4, arena),
                       .created_ns = sql_column_i64(q, 5),
                       .disabled = sql_column_i64(q, 6) != 0};
}

/* Takes the one row of a statement that was bound under the lock, and gives the lock back. */
static bool finish_user(struct state *s, sqlite3_stmt *q, struct arena *arena, struct user *out, bool *found,
                        struct error *err)
{
    bool ok = read_one(s, q, found, err);
    if (ok && *found)
        read_user(q, arena, out);
    if (q)
        sqlite3_reset(q);
    state_unlock(s);
    return ok;
}

bool state_users_find(struct state *s, struct str name, struct arena *arena, struct user *out, bool *found,
                      struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q = bind(s, err, "SELECT " USER_COLUMNS " FROM user WHERE name = ?", "t", name);
    return finish_user(s, q, arena, out, found, err);
}

bool state_users_get(struct state *s, uint64_t id, struct arena *arena, struct user *out, bool *found,
                     struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q = bind(s, err, "SELECT " USER_COLUMNS " FROM user WHERE id = ?", "u", id);
    return finish_user(s, q, arena, out, found, err);
}

bool state_users_list(struct state *s, struct arena *arena, struct user **out, uint32_t *count,
                      struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q = bind(s, err, "SELECT " USER_COLUMNS " FROM user ORDER BY name", "");
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct user u;
        read_user(q, arena, &u);
        buf_bytes(&rows, &u, sizeof(u));
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}

bool state_sessions_create(struct state *s, const struct session *n, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return run_change(
        s,
        bind(s, err,
             "INSERT INTO session (token_hash, user, csrf, created_ns, last_seen_ns, expires_ns)"
             " VALUES (?, ?, ?, ?, ?, ?)",
             "butiii", n->token_hash, n->user, n->csrf, n->created_ns, n->last_seen_ns, n->expires_ns),
        err);
}

bool state_sessions_find(struct state *s, struct str token_hash, int64_t now_ns, struct arena *arena,
                         struct session *out, bool *found, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q = bind(s, err,
                           "SELECT user, csrf, session.created_ns, last_seen_ns, expires_ns FROM session"
                           " JOIN user ON user.id = session.user AND NOT disabled"
                           " WHERE token_hash = ? AND expires_ns > ?",
                           "bi", token_hash, now_ns);
    bool ok = read_one(s, q, found, err);
    if (ok && *found)
        *out = (struct session){.token_hash = arena_str(arena, token_hash),
                                .user = sql_column_u64(q, 0),
                                .csrf = sql_column_str(q, 1, arena),
                                .created_ns = sql_column_i64(q, 2),
                                .last_seen_ns = sql_column_i64(q, 3),
                                .expires_ns = sql_column_i64(q, 4)};
    if (q)
        sqlite3_reset(q);
    state_unlock(s);
    return ok;
}

bool state_sessions_list(struct state *s, struct arena *arena, struct session **out, uint32_t *count,
                         struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q = bind(s, err,
                           "SELECT token_hash, user, csrf, session.created_ns, last_seen_ns, expires_ns"
                           " FROM session JOIN user ON user.id = session.user AND NOT disabled",
                           "");
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct session one = {.token_hash = sql_column_str(q, 0, arena),
                              .user = sql_column_u64(q, 1),
                              .csrf = sql_column_str(q, 2, arena),
                              .created_ns = sql_column_i64(q, 3),
                              .last_seen_ns = sql_column_i64(q, 4),
                              .expires_ns = sql_column_i64(q, 5)};
        buf_bytes(&rows, &one, sizeof one);
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}

bool state_sessions_seen(struct state *s, struct str token_hash, int64_t now_ns, int64_t expires_ns,
                         struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return run_change(s,
                      bind(s, err, "UPDATE session SET last_seen_ns = ?, expires_ns = ? WHERE token_hash = ?",
                           "iib", now_ns, expires_ns, token_hash),
                      err);
}

bool state_sessions_delete(struct state *s, struct str token_hash, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return run_change(s, bind(s, err, "DELETE FROM session WHERE token_hash = ?", "b", token_hash), err);
}

bool state_sessions_delete_user(struct state *s, uint64_t user, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return run_change(s, bind(s, err, "DELETE FROM session WHERE user = ?", "u", user), err);
}

bool state_sessions_expire(struct state *s, int64_t now_ns, int64_t failures_before_ns, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = bind(s, err, "DELETE FROM session WHERE expires_ns <= ?", "i", now_ns);
    bool ok = q && sql_run(s, q, err);
    q = ok ? bind(s, err, "DELETE FROM login_failure WHERE when_ns < ?", "i", failures_before_ns) : NULL;
    return run_change(s, q, err);
}

bool state_tokens_create(struct state *s, struct api_token *t, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        bind(s, err,
             "INSERT INTO api_token (token_hash, user, name, roles, created_ns, last_seen_ns, expires_ns)"
             " VALUES (?, ?, ?, ?, ?, ?, ?)",
             "buttiii", t->token_hash, t->user, t->name, t->roles, t->created_ns, t->last_seen_ns,
             t->expires_ns);
    bool ok = q && sql_run(s, q, err);
    if (ok)
        t->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return state_end(s, ok, err);
}

#define TOKEN_COLUMNS                                                                                        \
    "api_token.id, token_hash, api_token.user, api_token.name, api_token.roles, api_token.created_ns, "      \
    "last_seen_ns,"                                                                                          \
    " expires_ns"

static void read_token(sqlite3_stmt *q, struct arena *arena, struct api_token *t)
{
    *t = (struct api_token){.id = sql_column_u64(q, 0),
                            .token_hash = sql_column_str(q, 1, arena),
                            .user = sql_column_u64(q, 2),
                            .name = sql_column_str(q, 3, arena),
                            .roles = sql_column_str(q, 4, arena),
                            .created_ns = sql_column_i64(q, 5),
                            .last_seen_ns = sql_column_i64(q, 6),
                            .expires_ns = sql_column_i64(q, 7)};
}

bool state_tokens_find(struct state *s, struct str token_hash, int64_t now_ns, struct arena *arena,
                       struct api_token *out, bool *found, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q =
        bind(s, err,
             "SELECT " TOKEN_COLUMNS " FROM api_token JOIN user ON user.id = api_token.user AND NOT disabled"
             " WHERE token_hash = ? AND expires_ns > ?",
             "bi", token_hash, now_ns);
    bool ok = read_one(s, q, found, err);
    if (ok && *found)
        read_token(q, arena, out);
    if (q)
        sqlite3_reset(q);
    state_unlock(s);
    return ok;
}

bool state_tokens_seen(struct state *s, uint64_t id, int64_t now_ns, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return run_change(s, bind(s, err, "UPDATE api_token SET last_seen_ns = ? WHERE id = ?", "iu", now_ns, id),
                      err);
}

bool state_tokens_list(struct state *s, struct arena *arena, struct api_token **out, uint32_t *count,
                       struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q = bind(s, err, "SELECT " TOKEN_COLUMNS " FROM api_token ORDER BY id", "");
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct api_token t;
        read_token(q, arena, &t);
        buf_bytes(&rows, &t, sizeof(t));
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}

bool state_tokens_delete(struct state *s, uint64_t id, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return run_change(s, bind(s, err, "DELETE FROM api_token WHERE id = ?", "u", id), err);
}

bool state_setup_create(struct state *s, struct str token_hash, int64_t now_ns, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = bind(s, err, "DELETE FROM setup_token WHERE used_ns IS NULL", "");
    bool ok = q && sql_run(s, q, err);
    q = ok ? bind(s, err, "INSERT INTO setup_token (token_hash, created_ns) VALUES (?, ?)", "bi", token_hash,
                  now_ns)
           : NULL;
    return run_change(s, q, err);
}

bool state_setup_use(struct state *s, struct str token_hash, int64_t now_ns, bool *accepted,
                     struct error *err)
{
    *accepted = false;
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = bind(s, err,
                           "UPDATE setup_token SET used_ns = ? WHERE token_hash = ? AND used_ns IS NULL"
                           " AND NOT EXISTS (SELECT 1 FROM user)",
                           "ib", now_ns, token_hash);
    bool ok = q && sql_run(s, q, err);
    bool used = ok && sqlite3_changes(s->db) == 1;
    ok = state_end(s, ok, err);
    *accepted = ok && used;
    return ok;
}

bool state_setup_needed(struct state *s, bool *needed, struct error *err)
{
    bool any = false;
    state_lock(s);
    sqlite3_stmt *q = bind(s, err, "SELECT 1 FROM user LIMIT 1", "");
    bool ok = read_one(s, q, &any, err);
    if (q)
        sqlite3_reset(q);
    state_unlock(s);
    *needed = !any;
    return ok;
}

bool state_failures_add(struct state *s, struct str user, struct str address, int64_t now_ns,
                        struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return run_change(s,
                      bind(s, err, "INSERT INTO login_failure (user, address, when_ns) VALUES (?, ?, ?)",
                           "tti", user, address, now_ns),
                      err);
}

bool state_failures_count(struct state *s, struct str user, struct str address, int64_t since_ns,
                          uint32_t *count, struct error *err)
{
    bool found = false;
    state_lock(s);
    sqlite3_stmt *q =
        bind(s, err, "SELECT count(*) FROM login_failure WHERE user = ? AND address = ? AND when_ns >= ?",
             "tti", user, address, since_ns);
    bool ok = read_one(s, q, &found, err);
    *count = found ? (uint32_t)sql_column_u64(q, 0) : 0;
    if (q)
        sqlite3_reset(q);
    state_unlock(s);
    return ok;
}

bool state_failures_clear(struct state *s, struct str user, struct str address, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return run_change(s,
                      bind(s, err, "DELETE FROM login_failure WHERE user = ? AND address = ?", "tt", user,
                           address),
                      err);
}
