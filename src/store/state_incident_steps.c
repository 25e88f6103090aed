/* Stage: store. What becomes of stored incidents by steps: the state with its log, findings that change their
 * incident. Next: state_incidents.c holds the rows. */
#include "store/state_incidents.h"

#include "base/log.h"
#include "store/state_sql.h"

static bool move_state(struct state *s, uint64_t id, const struct state_change *c, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "UPDATE incident SET state = ? WHERE id = ? AND state = ?", err);
    if (!q)
        return false;
    sql_i64(q, 1, c->to);
    sql_u64(q, 2, id);
    sql_i64(q, 3, c->from);
    if (!sql_run(s, q, err))
        return false;
    struct str from = incident_state_name(c->from);
    return sqlite3_changes(s->db) == 1 ||
           error_set(
               err,
               tr("incident %llu is not (or no longer) in state \"%.*s\"; look at it again before changing "
                  "it",
                  "インシデント %llu "
                  "の状態は「%.*s」ではありません（変わった可能性があります）。確認してから変更してください"),
               (unsigned long long)id, STR_ARGS(from));
}

static bool append_change(struct state *s, uint64_t id, const struct state_change *c, struct error *err)
{
    sqlite3_stmt *q =
        sql_get(s,
                "INSERT INTO incident_change (incident, who, when_ns, from_state, to_state, note)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                err);
    if (!q)
        return false;
    sql_u64(q, 1, id);
    sql_text(q, 2, c->who);
    sql_i64(q, 3, c->when_ns);
    sql_i64(q, 4, c->from);
    sql_i64(q, 5, c->to);
    sql_text(q, 6, c->note);
    return sql_run(s, q, err);
}

bool state_incidents_change(struct state *s, uint64_t id, const struct state_change *change,
                            struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return state_end(s, move_state(s, id, change, err) && append_change(s, id, change, err), err);
}

bool state_incidents_move_finding(struct state *s, uint64_t finding, uint64_t from, uint64_t to,
                                  struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s, "UPDATE incident_finding SET incident = ? WHERE id = ? AND incident = ?", err);
    if (q) {
        sql_u64(q, 1, to);
        sql_u64(q, 2, finding);
        sql_u64(q, 3, from);
    }
    bool ok =
        q && sql_run(s, q, err) &&
        (sqlite3_changes(s->db) == 1 ||
         error_set(err, tr("incident %llu has no finding %llu", "インシデント %llu に検知 %llu はありません"),
                   (unsigned long long)from, (unsigned long long)finding));
    return state_end(s, ok, err);
}

bool state_incidents_changes(struct state *s, uint64_t id, struct arena *arena, struct state_change **out,
                             uint32_t *count, struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q = sql_get(
        s,
        "SELECT who, when_ns, from_state, to_state, note FROM incident_change WHERE incident = ? ORDER BY id",
        err);
    if (q)
        sql_u64(q, 1, id);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct state_change c = {.who = sql_column_str(q, 0, arena),
                                 .when_ns = sql_column_i64(q, 1),
                                 .from = (enum incident_state)sql_column_i64(q, 2),
                                 .to = (enum incident_state)sql_column_i64(q, 3),
                                 .note = sql_column_str(q, 4, arena)};
        buf_bytes(&rows, &c, sizeof(c));
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}
