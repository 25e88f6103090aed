/* Stage: store. Facts, knowledge and deadlines of incidents, as they were told. */
#include "store/state_outside.h"

#include "base/log.h"
#include "store/state_sql.h"

static bool incident_exists(struct state *s, uint64_t id, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "SELECT 1 FROM incident WHERE id = ? AND state <> 0", err);
    if (q == NULL)
        return false;
    sql_u64(q, 1, id);
    int row = sql_step(s, q, err);
    if (row == 1)
        sqlite3_reset(q);
    if (row == 0)
        error_set(err, tr("there is no incident %llu", "インシデント %llu はありません"),
                  (unsigned long long)id);
    return row == 1;
}

static bool insert(struct state *s, struct outside_entry *e, struct error *err)
{
    sqlite3_stmt *q = sql_get(s,
                              "INSERT INTO outside_entry (incident, kind, name, value, receipt, who, at_ns,"
                              " noted_ns, missing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                              err);
    if (q == NULL)
        return false;
    sql_u64(q, 1, e->incident);
    sql_i64(q, 2, e->kind);
    sql_text(q, 3, e->name);
    sql_text(q, 4, e->value);
    sql_text(q, 5, e->receipt);
    sql_text(q, 6, e->who);
    sql_i64(q, 7, e->at_ns);
    sql_i64(q, 8, e->noted_ns);
    sql_text(q, 9, e->missing.p ? e->missing : STR_EMPTY);
    if (!sql_run(s, q, err))
        return false;
    e->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return true;
}

bool state_outside_add(struct state *s, struct outside_entry *entry, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return state_end(s, incident_exists(s, entry->incident, err) && insert(s, entry, err), err);
}

static void read_entry(sqlite3_stmt *q, struct arena *arena, struct outside_entry *e)
{
    *e = (struct outside_entry){.id = sql_column_u64(q, 0),
                                .incident = sql_column_u64(q, 1),
                                .kind = (enum outside_kind)sql_column_i64(q, 2),
                                .name = sql_column_str(q, 3, arena),
                                .value = sql_column_str(q, 4, arena),
                                .receipt = sql_column_str(q, 5, arena),
                                .who = sql_column_str(q, 6, arena),
                                .at_ns = sql_column_i64(q, 7),
                                .noted_ns = sql_column_i64(q, 8),
                                .missing = sql_column_str(q, 9, arena)};
}

bool state_outside_list(struct state *s, uint64_t incident, struct arena *arena, struct outside_entry **out,
                        uint32_t *count, struct error *err)
{
    struct buf found = {0};
    int row = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT id, incident, kind, name, value, receipt, who, at_ns, noted_ns, missing"
                              " FROM outside_entry WHERE incident = ? ORDER BY id",
                              err);
    if (q)
        sql_u64(q, 1, incident);
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct outside_entry e;
        read_entry(q, arena, &e);
        buf_bytes(&found, &e, sizeof e);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **out);
    *out = sql_rows(&found, arena);
    return row == 0;
}
