/* Stage: store. Documents, attestations and the history of readiness: their tables, and one question. */
#include "store/state_readiness.h"

#include "store/state_sql.h"

/* clang-format off */
const char state_readiness_schema[] =
"CREATE TABLE work_document ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT"
"  , \"kind\" TEXT NOT NULL DEFAULT ''"
"  , \"title\" TEXT NOT NULL DEFAULT ''"
"  , \"owner\" TEXT NOT NULL DEFAULT ''"
"  , \"version\" TEXT NOT NULL DEFAULT ''"
"  , \"approved_by\" TEXT NOT NULL DEFAULT ''"
"  , \"approved\" INTEGER NOT NULL DEFAULT 0"
"  , \"review_due\" INTEGER NOT NULL DEFAULT 0"
"  , \"location\" TEXT NOT NULL DEFAULT ''"
"  , \"note\" TEXT NOT NULL DEFAULT ''"
"  , \"entered\" INTEGER NOT NULL DEFAULT 0"
"  , \"entered_by\" TEXT NOT NULL DEFAULT ''"
"  , \"ended\" INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE INDEX work_document_by_kind ON work_document (kind, id);"
"CREATE TABLE work_attestation ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT"
"  , \"item\" TEXT NOT NULL DEFAULT ''"
"  , \"checked\" INTEGER NOT NULL DEFAULT 0"
"  , \"is_good\" INTEGER NOT NULL DEFAULT 0"
"  , \"result\" TEXT NOT NULL DEFAULT ''"
"  , \"attested_by\" TEXT NOT NULL DEFAULT ''"
"  , \"entered\" INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE INDEX work_attestation_by_item ON work_attestation (item, id);"
"CREATE TABLE work_readiness (" /* one row when a day begins, and when the answer to an item changed */
"  id INTEGER PRIMARY KEY AUTOINCREMENT"
"  , \"noted\" INTEGER NOT NULL DEFAULT 0"
"  , \"version\" TEXT NOT NULL DEFAULT ''"
"  , \"score\" INTEGER NOT NULL DEFAULT 0"
"  , \"met\" INTEGER NOT NULL DEFAULT 0"
"  , \"missed\" INTEGER NOT NULL DEFAULT 0"
"  , \"unknown\" INTEGER NOT NULL DEFAULT 0"
"  , \"items\" TEXT NOT NULL DEFAULT ''"
") STRICT;"
"CREATE INDEX work_readiness_by_noted ON work_readiness (noted, id);";
/* clang-format on */

/* A drill that nobody worked on has trained nobody. 14: it turned out to be an exercise. */
bool state_readiness_last_exercise(struct state *s, int64_t *when_ns, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s,
                "SELECT max(c.when_ns) FROM incident i JOIN incident_change c ON c.incident = i.id"
                " WHERE i.state <> 0 AND (i.exercise = 1 OR i.state = 14) AND c.who <> 'hyakuyo'",
                err);
    bool ok = q && sql_step(s, q, err) == 1;
    *when_ns = ok ? sql_column_i64(q, 0) : 0;
    ok = ok && sql_run(s, q, err);
    state_unlock(s);
    return ok;
}
