/* Stage: store. Intervals of identity. Host names are compared without their domain and case: `host` is the
 * short name, the keys of sessions are in lower case. */
#include "store/state_identity.h"

#include "store/state_sql.h"

#define COLUMNS                                                                                              \
    "id, relation, weak, key, mac, host, user, session, by, from_ns, to_ns, limit_ns, learned, ended"

static bool put_as(struct state *s, const char *words, const struct identity_interval *i, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, words, err);
    if (q == NULL)
        return false;
    sql_u64(q, 1, i->id);
    sql_i64(q, 2, i->relation);
    sql_i64(q, 3, i->is_weak);
    const struct str texts[] = {i->key, i->mac, i->host, i->user, i->session, i->by};
    for (int n = 0; n < (int)COUNT_OF(texts); n++)
        sql_text(q, 4 + n, texts[n]);
    sql_i64(q, 10, i->from_ns);
    sql_i64(q, 11, i->to_ns);
    sql_i64(q, 12, i->limit_ns);
    sql_u64(q, 13, i->learned);
    sql_u64(q, 14, i->ended);
    return sql_run(s, q, err);
}

/* Most of them just last longer: then only the index of ends is written. */
static bool put(struct state *s, const struct identity_interval *i, struct error *err)
{
    return put_as(s,
                  "UPDATE identity SET (weak, mac, user, session, by, to_ns, limit_ns, learned, ended)"
                  " = (?3, ?5, ?7, ?8, ?9, ?11, ?12, ?13, ?14)"
                  " WHERE id = ?1 AND relation = ?2 AND key = ?4 AND host = ?6 AND from_ns = ?10",
                  i, err) &&
           (sqlite3_changes(s->db) == 1 || put_as(s,
                                                  "INSERT OR REPLACE INTO identity (" COLUMNS ") VALUES"
                                                  " (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                                                  i, err));
}

static bool let_go(struct state *s, int64_t history_ns, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "DELETE FROM identity WHERE to_ns < ?", err);
    if (q)
        sql_i64(q, 1, history_ns);
    return q && sql_run(s, q, err);
}

bool state_identity_save(struct state *s, const struct identity_interval *rows, uint32_t count,
                         int64_t history_ns, struct error *err)
{
    if (count == 0)
        return true;
    if (!state_begin(s, err))
        return false;
    bool ok = true;
    for (uint32_t i = 0; i < count && ok; i++)
        ok = put(s, &rows[i], err);
    return state_end(s, ok && let_go(s, history_ns, err), err);
}

static struct identity_interval read_row(sqlite3_stmt *q, struct arena *arena)
{
    struct identity_interval i = {.id = sql_column_u64(q, 0),
                                  .relation = (enum identity_relation)sql_column_i64(q, 1),
                                  .is_weak = sql_column_i64(q, 2) != 0,
                                  .from_ns = sql_column_i64(q, 9),
                                  .to_ns = sql_column_i64(q, 10),
                                  .limit_ns = sql_column_i64(q, 11),
                                  .learned = sql_column_u64(q, 12),
                                  .ended = sql_column_u64(q, 13)};
    struct str *texts[] = {&i.key, &i.mac, &i.host, &i.user, &i.session, &i.by};
    for (int n = 0; n < (int)COUNT_OF(texts); n++)
        *texts[n] = sql_column_str(q, 3 + n, arena);
    return i;
}

static bool read_rows(struct state *s, sqlite3_stmt *q, struct arena *arena, struct identity_interval **rows,
                      uint32_t *count, struct error *err)
{
    struct buf all = {0};
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct identity_interval i = read_row(q, arena);
        buf_bytes(&all, &i, sizeof i);
    }
    *count = (uint32_t)(all.n / sizeof **rows);
    *rows = sql_rows(&all, arena);
    return row == 0;
}

bool state_identity_load(struct state *s, int64_t from_ns, uint32_t most, struct arena *arena,
                         struct identity_interval **rows, uint32_t *count, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s,
                "SELECT * FROM (SELECT " COLUMNS
                " FROM identity WHERE to_ns >= ? ORDER BY to_ns DESC, id DESC LIMIT ?) ORDER BY id",
                err);
    if (q) {
        sql_i64(q, 1, from_ns);
        sql_i64(q, 2, most);
    }
    bool ok = read_rows(s, q, arena, rows, count, err);
    state_unlock(s);
    return ok;
}

/* relation: 0 device, 1 name, 2 tenant, 3 session (event/identity.h) */
static const char of_host[] =
    "WITH device AS (SELECT d.* FROM identity d WHERE d.relation = 0 AND (lower(d.host) = ?1"
    "  OR (d.host = '' AND d.mac <> '' AND (instr(?5, d.mac) > 0"
    "      OR EXISTS (SELECT 1 FROM identity n WHERE n.relation = 1 AND n.key = d.mac AND lower(n.host) = ?1"
    "                 AND n.from_ns < d.to_ns AND n.to_ns > d.from_ns)))))"
    " SELECT * FROM (SELECT " COLUMNS " FROM device UNION SELECT " COLUMNS
    "  FROM identity WHERE relation = 3 AND key = ?1 UNION SELECT t.id, t.relation, t.weak, t.key, t.mac, "
    "t.host, t.user,"
    "  t.session, t.by, max(t.from_ns, d.from_ns), min(t.to_ns, d.to_ns), t.limit_ns, t.learned, t.ended"
    "  FROM identity t JOIN device d ON t.relation = 2 AND t.key = d.key AND t.from_ns < d.to_ns"
    "  AND t.to_ns > d.from_ns)"
    " WHERE from_ns < ?3 AND to_ns > ?2 ORDER BY from_ns DESC, id DESC LIMIT ?4";

bool state_identity_of_host(struct state *s, struct str host, struct str macs, int64_t from_ns, int64_t to_ns,
                            uint32_t limit, struct arena *arena, struct identity_interval **rows,
                            uint32_t *count, struct error *err)
{
    _Static_assert(IDENTITY_DEVICE == 0 && IDENTITY_NAME == 1 && IDENTITY_TENANT == 2 &&
                       IDENTITY_SESSION == 3,
                   "the statement says so");
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, of_host, err);
    if (q) {
        sql_text(q, 1, arena_lower(arena, host));
        sql_i64(q, 2, from_ns);
        sql_i64(q, 3, to_ns);
        sql_i64(q, 4, limit);
        sql_text(q, 5, macs);
    }
    bool ok = read_rows(s, q, arena, rows, count, err);
    state_unlock(s);
    return ok;
}

/* Of a lease without a name, the name that its hardware address went by then. */
bool state_identity_host_then(struct state *s, struct str address, int64_t time_ns, struct arena *arena,
                              struct str *host, struct error *err)
{
    static const char question[] =
        "SELECT CASE WHEN d.host <> '' THEN d.host ELSE coalesce((SELECT n.host FROM identity n WHERE"
        "   n.relation = 1 AND n.key = d.mac AND n.from_ns <= ?2 AND n.to_ns > ?2 ORDER BY n.from_ns DESC "
        "LIMIT 1), '') END"
        " FROM identity d WHERE d.relation = 0 AND d.key = ?1 AND d.from_ns <= ?2 AND d.to_ns > ?2"
        " ORDER BY d.weak, d.from_ns DESC LIMIT 1";
    *host = STR_EMPTY;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, question, err);
    if (q) {
        sql_text(q, 1, address);
        sql_i64(q, 2, time_ns);
    }
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        *host = sql_column_str(q, 0, arena);
        sqlite3_reset(q);
    }
    state_unlock(s);
    return row >= 0;
}
