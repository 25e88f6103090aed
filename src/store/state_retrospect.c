/* Stage: store. What passed before it was known (S1): its tables, and which incident a host has. Next:
 * state_work.c. */
#include "store/state_retrospect.h"

#include "store/state_sql.h"

/* clang-format off */
const char state_retrospect_schema[] =
"CREATE TABLE work_gap ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT"
"  , \"object\" TEXT NOT NULL DEFAULT ''"
"  , \"hashes\" TEXT NOT NULL DEFAULT ''"
"  , \"name\" TEXT NOT NULL DEFAULT ''"
"  , \"basis\" TEXT NOT NULL DEFAULT ''"
"  , \"known_by\" TEXT NOT NULL DEFAULT ''"
"  , \"first\" INTEGER NOT NULL DEFAULT 0"
"  , \"known\" INTEGER NOT NULL DEFAULT 0"
"  , \"hosts\" INTEGER NOT NULL DEFAULT 0"
"  , \"noted\" INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE UNIQUE INDEX work_gap_by_object ON work_gap (object);"
"CREATE TABLE work_retrospect ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT"
"  , \"gap\" INTEGER NOT NULL DEFAULT 0"
"  , \"incident\" INTEGER NOT NULL DEFAULT 0"
"  , \"task\" INTEGER NOT NULL DEFAULT 0"
"  , \"host\" TEXT NOT NULL DEFAULT ''"
"  , \"ip\" TEXT NOT NULL DEFAULT ''"
"  , \"department\" TEXT NOT NULL DEFAULT ''"
"  , \"users\" TEXT NOT NULL DEFAULT ''"
"  , \"use_id\" TEXT NOT NULL DEFAULT ''"
"  , \"use_en\" TEXT NOT NULL DEFAULT ''"
"  , \"use_ja\" TEXT NOT NULL DEFAULT ''"
"  , \"used\" INTEGER NOT NULL DEFAULT 0"
"  , \"last_used\" INTEGER NOT NULL DEFAULT 0"
"  , \"count\" INTEGER NOT NULL DEFAULT 0"
"  , \"sequence\" INTEGER NOT NULL DEFAULT 0"
"  , \"noted\" INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE UNIQUE INDEX work_retrospect_once ON work_retrospect (gap, host);"
"CREATE INDEX work_retrospect_by_task ON work_retrospect (task);"
"CREATE TABLE work_looked ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT"
"  , \"sequence\" INTEGER NOT NULL DEFAULT 0"
"  , \"hits\" INTEGER NOT NULL DEFAULT 0"
") STRICT;";
/* clang-format on */

bool state_retrospect_incident(struct state *s, int64_t states, struct str host, struct str ip, uint64_t *id,
                               struct error *err)
{
    *id = 0;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT i.id FROM incident_finding f JOIN incident i ON i.id = f.incident"
                              " WHERE (?1 >> i.state) & 1 AND i.exercise = 0 AND"
                              " ((?2 <> '' AND f.host_name = ?2 COLLATE NOCASE) OR"
                              "  (?3 <> '' AND f.host_name = '' AND f.host_ip = ?3))"
                              " ORDER BY i.id DESC LIMIT 1",
                              err);
    if (q != NULL) {
        sql_i64(q, 1, states);
        sql_text(q, 2, host);
        sql_text(q, 3, ip);
    }
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        *id = sql_column_u64(q, 0);
        sqlite3_reset(q);
    }
    state_unlock(s);
    return row >= 0;
}

bool state_retrospect_waiting(struct state *s, uint64_t *ids, uint32_t most, uint32_t *count,
                              struct error *err)
{
    int row = -1;
    *count = 0;
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s,
                "SELECT r.id FROM work_retrospect r JOIN work_task t ON t.id = r.task"
                " WHERE t.status IN ('open', 'doing', 'superseded') ORDER BY r.id DESC LIMIT ?1",
                err);
    if (q != NULL)
        sql_i64(q, 1, most);
    while (q != NULL && (row = sql_step(s, q, err)) == 1)
        ids[(*count)++] = sql_column_u64(q, 0);
    state_unlock(s);
    return row == 0;
}
