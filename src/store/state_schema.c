/* Stage: store. The tables of the state database, as numbered steps. A step that was released is never
 * changed; the next change is a new step at the end. PRAGMA user_version holds the number of the last step
 * that was applied. Times are ns since 1970 UTC; 64-bit sequence numbers are kept as their two's complement;
 * lists are "a;b". Next: state_parts.c, state_assets.c, state_sources.c, state_incidents.c, state_users.c,
 * state_balance.c, state_cursors.c, each the only user of its tables. */
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/state_sql.h"

/* clang-format off */
static const char parts[] =
"CREATE TABLE part ("                                    /* the catalogue of sealed files */
"  id INTEGER PRIMARY KEY,"
"  path TEXT NOT NULL UNIQUE,"                           /* below the data folder */
"  first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL,"
"  min_time_ns INTEGER NOT NULL, max_time_ns INTEGER NOT NULL,"
"  rows INTEGER NOT NULL, bytes INTEGER NOT NULL,"
"  hash BLOB NOT NULL,"
"  columns TEXT NOT NULL,"
"  bloom BLOB,"
"  sealed_ns INTEGER NOT NULL) STRICT;"
"CREATE INDEX part_by_sequence ON part (first_sequence);"
"CREATE INDEX part_by_time ON part (min_time_ns, max_time_ns);";

#define ASSET_TABLE(name, columns) \
"CREATE TABLE " name " ("                               \
"  id INTEGER PRIMARY KEY,"                             \
"  line INTEGER NOT NULL,"                              \
   columns ","                                          \
"  valid_from_ns INTEGER NOT NULL, valid_to_ns INTEGER NOT NULL," \
"  labels TEXT NOT NULL,"                               \
"  row_hash BLOB NOT NULL,"    /* of all that the file said: the same row again is the same row */ \
"  imported_ns INTEGER NOT NULL,"                       \
"  retired_ns INTEGER) STRICT;" /* when an import no longer held it; NULL = in force */ \
"CREATE UNIQUE INDEX " name "_in_force ON " name " (row_hash) WHERE retired_ns IS NULL;"

static const char assets[] =
ASSET_TABLE("asset_host",
"  ip TEXT NOT NULL, hostname TEXT NOT NULL, mac TEXT NOT NULL, owner TEXT NOT NULL, department TEXT NOT NULL,"
"  importance INTEGER NOT NULL CHECK (importance BETWEEN 0 AND 4), role TEXT NOT NULL, type TEXT NOT NULL,"
"  approved_applications TEXT NOT NULL")
ASSET_TABLE("asset_user",
"  user TEXT NOT NULL, department TEXT NOT NULL, role TEXT NOT NULL,"
"  importance INTEGER NOT NULL CHECK (importance BETWEEN 0 AND 4), host TEXT NOT NULL")
ASSET_TABLE("asset_department",
"  department TEXT NOT NULL, network TEXT NOT NULL, sensor INTEGER NOT NULL,"
"  importance INTEGER NOT NULL CHECK (importance BETWEEN 0 AND 4), approved_applications TEXT NOT NULL")
ASSET_TABLE("asset_network",
"  cidr TEXT NOT NULL, department TEXT NOT NULL, zone TEXT NOT NULL, sensor INTEGER NOT NULL")
ASSET_TABLE("asset_exception",
"  kind TEXT NOT NULL, ip TEXT NOT NULL, protocol TEXT NOT NULL, port TEXT NOT NULL, domain TEXT NOT NULL,"
"  \"window\" INTEGER NOT NULL, reason TEXT NOT NULL, owner TEXT NOT NULL, expires_ns INTEGER NOT NULL")
ASSET_TABLE("asset_condition",
"  kind TEXT NOT NULL, value TEXT NOT NULL, reason TEXT NOT NULL, added_by TEXT NOT NULL, review_ns INTEGER NOT NULL");

static const char sources[] =
"CREATE TABLE source ("
"  number INTEGER PRIMARY KEY,"                          /* never given twice: it is in the records */
"  name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
"  transport INTEGER NOT NULL, sender TEXT NOT NULL,"
"  parser TEXT NOT NULL DEFAULT '', zone TEXT NOT NULL DEFAULT '', charset TEXT NOT NULL DEFAULT '',"
"  registered INTEGER NOT NULL DEFAULT 0 CHECK (registered IN (0, 1)),"
"  first_seen_ns INTEGER NOT NULL, last_seen_ns INTEGER NOT NULL,"
"  UNIQUE (transport, sender)) STRICT;";

static const char incidents[] =
"CREATE TABLE incident ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
"  state INTEGER NOT NULL, title_en TEXT NOT NULL, title_ja TEXT NOT NULL,"
"  opened_ns INTEGER NOT NULL, first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
"  hosts TEXT NOT NULL, department TEXT NOT NULL, user TEXT NOT NULL,"
"  urgency INTEGER NOT NULL, urgency_low INTEGER NOT NULL, urgency_high INTEGER NOT NULL,"
"  importance INTEGER NOT NULL, confidence_level INTEGER NOT NULL, confidence REAL NOT NULL,"
"  reason TEXT NOT NULL) STRICT;"
"CREATE INDEX incident_in_order ON incident (urgency DESC, importance DESC, confidence DESC, opened_ns, id);"
"CREATE INDEX incident_by_state ON incident (state);"
"CREATE TABLE incident_finding ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
"  incident INTEGER NOT NULL REFERENCES incident (id) ON DELETE CASCADE,"
"  rule_id TEXT NOT NULL, title_en TEXT NOT NULL, title_ja TEXT NOT NULL, level INTEGER NOT NULL,"
"  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
"  first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL, count INTEGER NOT NULL,"
"  product TEXT NOT NULL, evidence_group TEXT NOT NULL, stage TEXT NOT NULL, likelihood_ratio REAL NOT NULL,"
"  host_name TEXT NOT NULL, host_ip TEXT NOT NULL, user TEXT NOT NULL, department TEXT NOT NULL,"
"  peer TEXT NOT NULL, peers TEXT NOT NULL, importance INTEGER NOT NULL, passage INTEGER NOT NULL,"
"  techniques TEXT NOT NULL, matched TEXT NOT NULL) STRICT;"
"CREATE INDEX incident_finding_by_incident ON incident_finding (incident, first_ns, id);"
"CREATE TABLE incident_change ("                         /* append-only, see the triggers */
"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
"  incident INTEGER NOT NULL REFERENCES incident (id),"
"  who TEXT NOT NULL, when_ns INTEGER NOT NULL,"
"  from_state INTEGER NOT NULL, to_state INTEGER NOT NULL, note TEXT NOT NULL) STRICT;"
"CREATE INDEX incident_change_by_incident ON incident_change (incident, id);"
"CREATE TRIGGER incident_change_stays BEFORE DELETE ON incident_change"
"  BEGIN SELECT RAISE(ABORT, 'the log of state changes is append-only'); END;"
"CREATE TRIGGER incident_change_is_fixed BEFORE UPDATE ON incident_change"
"  BEGIN SELECT RAISE(ABORT, 'the log of state changes is append-only'); END;";

static const char users[] =
"CREATE TABLE user ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
"  name TEXT NOT NULL UNIQUE COLLATE NOCASE,"
"  password_hash TEXT NOT NULL, roles TEXT NOT NULL, language TEXT NOT NULL,"
"  created_ns INTEGER NOT NULL, disabled INTEGER NOT NULL DEFAULT 0 CHECK (disabled IN (0, 1))) STRICT;"
"CREATE TABLE session ("
"  token_hash BLOB PRIMARY KEY, user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,"
"  csrf TEXT NOT NULL, created_ns INTEGER NOT NULL, last_seen_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL)"
"  STRICT, WITHOUT ROWID;"
"CREATE INDEX session_by_expiry ON session (expires_ns);"
"CREATE TABLE api_token ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
"  token_hash BLOB NOT NULL UNIQUE, user INTEGER NOT NULL REFERENCES user (id) ON DELETE CASCADE,"
"  name TEXT NOT NULL, roles TEXT NOT NULL, created_ns INTEGER NOT NULL, last_seen_ns INTEGER NOT NULL,"
"  expires_ns INTEGER NOT NULL) STRICT;"
"CREATE TABLE setup_token ("
"  token_hash BLOB PRIMARY KEY, created_ns INTEGER NOT NULL, used_ns INTEGER) STRICT, WITHOUT ROWID;"
"CREATE TABLE login_failure ("
"  id INTEGER PRIMARY KEY, user TEXT NOT NULL COLLATE NOCASE, address TEXT NOT NULL, when_ns INTEGER NOT NULL) STRICT;"
"CREATE INDEX login_failure_by_user ON login_failure (user, address, when_ns);"
"CREATE INDEX login_failure_by_time ON login_failure (when_ns);";

static const char balance[] =
"CREATE TABLE balance ("
"  source INTEGER NOT NULL, hour INTEGER NOT NULL,"      /* hours since 1970 UTC, of receipt */
"  received INTEGER NOT NULL, stored INTEGER NOT NULL, filtered INTEGER NOT NULL, rejected INTEGER NOT NULL,"
"  lost INTEGER NOT NULL, bytes INTEGER NOT NULL,"
"  PRIMARY KEY (hour, source)) STRICT, WITHOUT ROWID;";

static const char cursors[] =
"CREATE TABLE tail_cursor ("
"  identity BLOB PRIMARY KEY, position BLOB NOT NULL, sequence INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
"CREATE TABLE idempotency_key ("
"  source TEXT NOT NULL, key_hash BLOB NOT NULL CHECK (length(key_hash) = 16),"
"  first_sequence INTEGER NOT NULL, last_sequence INTEGER NOT NULL, expires_ns INTEGER NOT NULL,"
"  PRIMARY KEY (source, key_hash)) STRICT, WITHOUT ROWID;"
"CREATE INDEX idempotency_key_by_expiry ON idempotency_key (expires_ns);";
/* clang-format on */

static const struct {
    int number;
    const char *sql;
} steps[] = {
    {1, parts}, {2, assets}, {3, sources}, {4, incidents}, {5, users}, {6, balance}, {7, cursors},
};

static bool schema_number(struct state *s, int64_t *number, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "PRAGMA user_version", err);
    if (!q || sql_step(s, q, err) != 1)
        return false;
    *number = sql_column_i64(q, 0);
    return sql_run(s, q, err);
}

static bool apply_step(struct state *s, int number, const char *sql, struct error *err)
{
    char set_number[64];
    snprintf(set_number, sizeof(set_number), "PRAGMA user_version = %d", number);
    if (!state_begin(s, err))
        return false;
    return state_end(s, state_exec(s, sql, err) && state_exec(s, set_number, err), err);
}

bool state_migrate(struct state *s, struct error *err)
{
    int64_t number;
    if (!schema_number(s, &number, err))
        return false;
    int newest = steps[COUNT_OF(steps) - 1].number;
    if (number > newest)
        return error_set(
            err,
            tr("%s: the state database was written by a newer hyakuyo (schema %lld, this program knows %d); "
               "start the newer program, or restore a backup made by this version",
               "%s: 状態データベースは新しい hyakuyo が書いたものです（スキーマ %lld、このプログラムは %d "
               "まで）。"
               "新しいプログラムで起動するか、この版のバックアップを復元してください"),
            s->path, (long long)number, newest);
    for (size_t i = 0; i < COUNT_OF(steps); i++)
        if (steps[i].number > number && !apply_step(s, steps[i].number, steps[i].sql, err))
            return error_prefix(err,
                                tr("cannot bring the state database to schema %d: ",
                                   "状態データベースをスキーマ %d に更新できません: "),
                                steps[i].number);
    return true;
}
