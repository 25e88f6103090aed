/* Stage: store. Registers of decisions about risk. The last of the state files. */
#include "store/state_register.h"

#include "base/log.h"
#include "store/state_sql.h"

static bool has_room(struct state *s, const char *name, int64_t now_ns, uint32_t most, struct error *err)
{
    sqlite3_stmt *q = sql_get(s,
                              "SELECT count(*) FROM risk_register WHERE name = ? AND"
                              " ended_ns = 9223372036854775807 AND until_ns > ?",
                              err);
    if (q == NULL)
        return false;
    sql_text(q, 1, str_c(name));
    sql_i64(q, 2, now_ns);
    if (sql_step(s, q, err) != 1)
        return false;
    int64_t count = sql_column_i64(q, 0);
    return sql_run(s, q, err) &&
           (count < most || error_set(err,
                                      tr("%lld entries stand already, which is the limit; end some first",
                                         "有効な項目が上限の %lld 件に達しています。先に終了させてください"),
                                      (long long)count));
}

static bool insert(struct state *s, const char *name, const struct register_entry *e, int64_t *id,
                   struct error *err)
{
    sqlite3_stmt *q = sql_get(
        s,
        "INSERT INTO risk_register (name, kind, subject, reason, owner, approver, created_by, details,"
        " created_ns, until_ns, ended_by, ended_reason, ended_ns)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 9223372036854775807)",
        err);
    if (q == NULL)
        return false;
    const struct str texts[] = {str_c(name),   e->kind,
                                e->subject,    e->reason,
                                e->owner,      e->approver,
                                e->created_by, e->details.n ? e->details : STR("{}")};
    for (int i = 0; i < (int)COUNT_OF(texts); i++)
        sql_text(q, i + 1, texts[i]);
    sql_i64(q, 9, e->created_ns);
    sql_i64(q, 10, e->until_ns);
    bool ok = sql_run(s, q, err);
    *id = ok ? sqlite3_last_insert_rowid(s->db) : 0;
    return ok;
}

bool state_register_add(struct state *s, const char *name, const struct register_entry *e, uint32_t most,
                        int64_t *id, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return state_end(s, has_room(s, name, e->created_ns, most, err) && insert(s, name, e, id, err), err);
}

bool state_register_end(struct state *s, const char *name, int64_t id, struct str who, struct str reason,
                        int64_t now_ns, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s,
                "UPDATE risk_register SET ended_by = ?, ended_reason = ?, ended_ns = ?"
                " WHERE id = ? AND name = ? AND ended_ns = 9223372036854775807 AND until_ns > ?",
                err);
    if (q) {
        sql_text(q, 1, who);
        sql_text(q, 2, reason);
        sql_i64(q, 3, now_ns);
        sql_i64(q, 4, id);
        sql_text(q, 5, str_c(name));
        sql_i64(q, 6, now_ns);
    }
    bool ok = q && sql_run(s, q, err);
    if (ok && sqlite3_changes(s->db) != 1)
        ok = error_set(err, tr("there is no entry %lld that stands", "有効な項目 %lld はありません"),
                       (long long)id);
    return state_end(s, ok, err);
}

bool state_register_set_details(struct state *s, int64_t id, struct str details, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, "UPDATE risk_register SET details = ? WHERE id = ?", err);
    if (q) {
        sql_text(q, 1, details);
        sql_i64(q, 2, id);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

static void read_entry(sqlite3_stmt *q, struct arena *arena, struct register_entry *e)
{
    struct str *const texts[] = {&e->kind,       &e->subject,  &e->reason,       &e->owner,  &e->approver,
                                 &e->created_by, &e->ended_by, &e->ended_reason, &e->details};
    e->id = sql_column_i64(q, 0);
    for (int i = 0; i < (int)COUNT_OF(texts); i++)
        *texts[i] = sql_column_str(q, i + 1, arena);
    e->created_ns = sql_column_i64(q, 10);
    e->until_ns = sql_column_i64(q, 11);
    e->ended_ns = sql_column_i64(q, 12);
}

bool state_register_list(struct state *s, const char *name, int64_t standing_ns, uint32_t limit,
                         struct arena *arena, struct register_entry **rows, uint32_t *count,
                         struct error *err)
{
    struct buf found = {0};
    int row = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT id, kind, subject, reason, owner, approver, created_by, ended_by,"
                              " ended_reason, details, created_ns, until_ns, ended_ns FROM risk_register"
                              " WHERE name = ?1 AND (?2 = ?4 OR (ended_ns = 9223372036854775807 AND"
                              " until_ns > ?2)) ORDER BY id DESC LIMIT ?3",
                              err);
    if (q) {
        sql_text(q, 1, str_c(name));
        sql_i64(q, 2, standing_ns);
        sql_i64(q, 3, limit);
        sql_i64(q, 4, TIME_UNKNOWN);
    }
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct register_entry e = {0};
        read_entry(q, arena, &e);
        buf_bytes(&found, &e, sizeof e);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **rows);
    *rows = sql_rows(&found, arena);
    return row == 0;
}
