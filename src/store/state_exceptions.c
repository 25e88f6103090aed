/* Stage: store. The register of exceptions from rules. The last of the state files. */
#include "store/state_exceptions.h"

#include "base/log.h"
#include "store/state_sql.h"

bool state_exceptions_add(struct state *s, const struct rule_exception *e, int64_t *id, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s,
                "INSERT INTO rule_exception (rule_id, condition, owner, reason, created_by, created_ns,"
                " expires_ns, withdrawn_by, withdrawn_ns, suppressed) VALUES (?, ?, ?, ?, ?, ?, ?, '', ?, 0)",
                err);
    if (q) {
        const struct str texts[] = {e->rule_id, e->condition, e->owner, e->reason, e->created_by};
        for (int i = 0; i < 5; i++)
            sql_text(q, i + 1, texts[i]);
        sql_i64(q, 6, e->created_ns);
        sql_i64(q, 7, e->expires_ns);
        sql_i64(q, 8, INT64_MAX);
    }
    bool ok = q && sql_run(s, q, err);
    *id = ok ? sqlite3_last_insert_rowid(s->db) : 0;
    return state_end(s, ok, err);
}

bool state_exceptions_withdraw(struct state *s, int64_t id, struct str who, int64_t when_ns,
                               struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s,
                              "UPDATE rule_exception SET withdrawn_by = ?, withdrawn_ns = ?"
                              " WHERE id = ? AND withdrawn_ns = 9223372036854775807",
                              err);
    if (q) {
        sql_text(q, 1, who);
        sql_i64(q, 2, when_ns);
        sql_i64(q, 3, id);
    }
    bool ok = q && sql_run(s, q, err);
    if (ok && sqlite3_changes(s->db) != 1)
        ok = error_set(err, tr("there is no exception %lld that stands", "有効な例外 %lld はありません"),
                       (long long)id);
    return state_end(s, ok, err);
}

bool state_exceptions_count(struct state *s, int64_t id, uint64_t suppressed, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, "UPDATE rule_exception SET suppressed = ? WHERE id = ?", err);
    if (q) {
        sql_u64(q, 1, suppressed);
        sql_i64(q, 2, id);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

static void read_exception(sqlite3_stmt *q, struct arena *arena, struct rule_exception *e)
{
    struct str *const texts[] = {&e->rule_id, &e->condition,  &e->owner,
                                 &e->reason,  &e->created_by, &e->withdrawn_by};
    e->id = sql_column_i64(q, 0);
    for (int i = 0; i < 6; i++)
        *texts[i] = sql_column_str(q, i + 1, arena);
    e->created_ns = sql_column_i64(q, 7);
    e->expires_ns = sql_column_i64(q, 8);
    e->withdrawn_ns = sql_column_i64(q, 9);
    e->suppressed = sql_column_u64(q, 10);
}

bool state_exceptions_list(struct state *s, struct arena *arena, struct rule_exception **rows,
                           uint32_t *count, struct error *err)
{
    struct buf found = {0};
    int row = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT id, rule_id, condition, owner, reason, created_by, withdrawn_by,"
                              " created_ns, expires_ns, withdrawn_ns, suppressed"
                              " FROM rule_exception ORDER BY id",
                              err);
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct rule_exception e = {0};
        read_exception(q, arena, &e);
        buf_bytes(&found, &e, sizeof e);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **rows);
    *rows = sql_rows(&found, arena);
    return row == 0;
}
