/* Stage: store. The tables of the state database, as numbered steps. A step that was released is never
 * changed; the next change is a new step at the end. PRAGMA user_version holds the number of the last step
 * that was applied. Times are ns since 1970 UTC; 64-bit sequence numbers are kept as their two's complement;
 * lists are "a;b". Next: state_parts.c, state_assets.c, state_sources.c, state_incidents.c, state_desk.c,
 * state_users.c, state_balance.c, state_cursors.c, state_intel.c, state_tables.c, state_proof.c,
 * state_exceptions.c, state_identity.c, state_rollup.c, state_record.c, state_register.c, state_work.c, each
 * the only user of its tables. */
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/state_connect_schema.h"
#include "store/state_intake_schema.h"
#include "store/state_notify_schema.h"
#include "store/state_readiness.h"
#include "store/state_retrospect.h"
#include "store/state_sql.h"
#include "store/state_work_schema.h"

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

static const char desk[] =
"ALTER TABLE incident ADD COLUMN news_ns INTEGER NOT NULL DEFAULT 0;" /* the watermark at its last finding */
"UPDATE incident SET news_ns = min(last_ns, CAST(strftime('%s', 'now') AS INTEGER) * 1000000000);"
"CREATE INDEX candidate_by_news ON incident (news_ns) WHERE state = 0;"
"CREATE TABLE desk (" /* one row */
"  id INTEGER PRIMARY KEY CHECK (id = 1),"
"  counted_through INTEGER NOT NULL, watermark_ns INTEGER NOT NULL,"
"  correlations BLOB NOT NULL) STRICT;"; /* the correlator's state at that event */

static const char intel[] =
"CREATE TABLE intel_source ("
"  name TEXT PRIMARY KEY, kind INTEGER NOT NULL, format TEXT NOT NULL, origin TEXT NOT NULL, file TEXT NOT NULL,"
"  imported_ns INTEGER NOT NULL, seen INTEGER NOT NULL, kept INTEGER NOT NULL, repeated INTEGER NOT NULL,"
"  refused INTEGER NOT NULL, expired INTEGER NOT NULL, allowed INTEGER NOT NULL,"
"  details TEXT NOT NULL, cursor TEXT NOT NULL,"
"  searched_ns INTEGER NOT NULL, searched_for INTEGER NOT NULL) STRICT;"
"CREATE TABLE intel_hit ("                               /* of the search back through the stored events */
"  id INTEGER PRIMARY KEY,"
"  source TEXT NOT NULL, indicator TEXT NOT NULL, type TEXT NOT NULL, description TEXT NOT NULL,"
"  field TEXT NOT NULL, value TEXT NOT NULL, allowed_by TEXT NOT NULL,"
"  first_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL, count INTEGER NOT NULL,"
"  first_sequence INTEGER NOT NULL, before_valid INTEGER NOT NULL, patient_zero TEXT NOT NULL,"
"  hosts TEXT NOT NULL, host_count INTEGER NOT NULL, searched_ns INTEGER NOT NULL,"
"  UNIQUE (source, indicator, field, value)) STRICT;"
"CREATE INDEX intel_hit_in_order ON intel_hit (searched_ns DESC, first_ns);";

static const char tables[] =
"CREATE TABLE source_table (" /* headers that a source has sent */
"  source INTEGER NOT NULL, number INTEGER NOT NULL, last_sequence INTEGER NOT NULL, header BLOB NOT NULL,"
"  PRIMARY KEY (source, number)) STRICT, WITHOUT ROWID;";

static const char proof[] =
"CREATE TABLE proof ("                                   /* the last canary of each rule over each input */
"  rule_id TEXT NOT NULL, input TEXT NOT NULL, form INTEGER NOT NULL,"
"  sent_ns INTEGER NOT NULL, proven_ns INTEGER NOT NULL,"
"  outcome INTEGER NOT NULL, detail TEXT NOT NULL,"
"  PRIMARY KEY (rule_id, input)) STRICT, WITHOUT ROWID;"
"CREATE TABLE rule_activity ("
"  rule_id TEXT PRIMARY KEY, fired INTEGER NOT NULL, suppressed INTEGER NOT NULL, last_ns INTEGER NOT NULL)"
"  STRICT, WITHOUT ROWID;"
"CREATE TABLE source_activity ("
"  source INTEGER NOT NULL, hour INTEGER NOT NULL,"      /* hours since 1970 UTC, of receipt */
"  events INTEGER NOT NULL, failures INTEGER NOT NULL, longest_gap_ns INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
"  PRIMARY KEY (source, hour)) STRICT, WITHOUT ROWID;"
"CREATE TABLE observation ("                             /* field '': events of the log source themselves */
"  source INTEGER NOT NULL, logsource TEXT NOT NULL, field TEXT NOT NULL,"
"  events INTEGER NOT NULL, looked INTEGER NOT NULL, missed INTEGER NOT NULL, last_ns INTEGER NOT NULL,"
"  PRIMARY KEY (source, logsource, field)) STRICT, WITHOUT ROWID;"
"CREATE TABLE rule_exception ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT,"                /* never given twice: it is in events */
"  rule_id TEXT NOT NULL, condition TEXT NOT NULL, owner TEXT NOT NULL, reason TEXT NOT NULL,"
"  created_by TEXT NOT NULL, created_ns INTEGER NOT NULL, expires_ns INTEGER NOT NULL,"
"  withdrawn_by TEXT NOT NULL, withdrawn_ns INTEGER NOT NULL," /* INT64_MAX: stands */
"  suppressed INTEGER NOT NULL) STRICT;";
static const char incident_type[] =
"ALTER TABLE incident ADD COLUMN type TEXT NOT NULL DEFAULT 'unclassified';";
static const char desk_parts[] =
"CREATE TABLE desk_part (name TEXT PRIMARY KEY, bytes BLOB NOT NULL) STRICT;";
static const char exercises[] =
"ALTER TABLE incident ADD COLUMN exercise INTEGER NOT NULL DEFAULT 0 CHECK (exercise IN (0, 1));";
static const char identity[] =
"CREATE TABLE identity ("                 /* who held an address or sat at a computer; relation as in event/identity.h */
"  id INTEGER PRIMARY KEY, relation INTEGER NOT NULL, weak INTEGER NOT NULL, key TEXT NOT NULL,"
"  mac TEXT NOT NULL, host TEXT NOT NULL, user TEXT NOT NULL, session TEXT NOT NULL, by TEXT NOT NULL,"
"  from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL, limit_ns INTEGER NOT NULL,"
"  learned INTEGER NOT NULL, ended INTEGER NOT NULL) STRICT;"
"CREATE INDEX identity_by_key ON identity (relation, key, from_ns);"
"CREATE INDEX identity_by_host ON identity (relation, lower(host));"
"CREATE INDEX identity_by_end ON identity (to_ns);";
static const char risk[] =
"CREATE TABLE risk_register ("            /* decisions about risk; name as in state_register.h */
"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
"  name TEXT NOT NULL, kind TEXT NOT NULL, subject TEXT NOT NULL, reason TEXT NOT NULL,"
"  owner TEXT NOT NULL, approver TEXT NOT NULL, created_by TEXT NOT NULL, details TEXT NOT NULL,"
"  created_ns INTEGER NOT NULL, until_ns INTEGER NOT NULL,"
"  ended_by TEXT NOT NULL, ended_reason TEXT NOT NULL, ended_ns INTEGER NOT NULL) STRICT;" /* INT64_MAX: stands */
"CREATE INDEX risk_register_by_name ON risk_register (name, id);";
static const char record[] =
"CREATE TABLE record_entry ("            /* what each column is: record/format.h */
"  seq INTEGER PRIMARY KEY, recorded_ns INTEGER NOT NULL, event_ns INTEGER NOT NULL,"
"  clock_back_ns INTEGER NOT NULL, tz TEXT NOT NULL, action TEXT NOT NULL, actor TEXT NOT NULL,"
"  role TEXT NOT NULL, on_behalf TEXT NOT NULL, target TEXT NOT NULL, instructed_by TEXT NOT NULL,"
"  approved_by TEXT NOT NULL, reported_to TEXT NOT NULL, evidence TEXT NOT NULL, criteria_version TEXT NOT NULL,"
"  incident INTEGER NOT NULL, incident_seq INTEGER NOT NULL, prev_hash BLOB NOT NULL,"
"  incident_prev_hash BLOB NOT NULL, changes_hash BLOB NOT NULL, payload_hash BLOB NOT NULL,"
"  entry_hash BLOB NOT NULL) STRICT;"
"CREATE INDEX record_by_incident ON record_entry (incident, seq);"
"CREATE INDEX record_by_target ON record_entry (target, seq);"
"CREATE TABLE record_change ("
"  seq INTEGER NOT NULL, place INTEGER NOT NULL, row_table TEXT NOT NULL, row_id INTEGER NOT NULL,"
"  field TEXT NOT NULL, old_value TEXT NOT NULL, new_value TEXT NOT NULL,"
"  PRIMARY KEY (seq, place)) STRICT, WITHOUT ROWID;"
"CREATE TABLE record_payload ("
"  seq INTEGER PRIMARY KEY, salt BLOB NOT NULL, text TEXT NOT NULL, erased INTEGER NOT NULL) STRICT;"
"CREATE TRIGGER record_entry_stays BEFORE UPDATE ON record_entry BEGIN"
"  SELECT RAISE(ABORT, 'the record is only added to'); END;"
"CREATE TRIGGER record_entry_remains BEFORE DELETE ON record_entry BEGIN"
"  SELECT RAISE(ABORT, 'the record is only added to'); END;"
"CREATE TRIGGER record_change_stays BEFORE UPDATE ON record_change BEGIN"
"  SELECT RAISE(ABORT, 'the record is only added to'); END;"
"CREATE TRIGGER record_change_remains BEFORE DELETE ON record_change BEGIN"
"  SELECT RAISE(ABORT, 'the record is only added to'); END;"
"CREATE TRIGGER record_payload_remains BEFORE DELETE ON record_payload BEGIN"
"  SELECT RAISE(ABORT, 'the record is only added to'); END;"
"CREATE TRIGGER record_payload_erased BEFORE UPDATE ON record_payload" /* the entry that says so comes first */
"  WHEN NEW.seq IS NOT OLD.seq OR NEW.erased <> 1 OR OLD.erased <> 0 OR NEW.text <> '' OR length(NEW.salt) <> 0"
"    OR NOT EXISTS (SELECT 1 FROM record_entry WHERE action = 'correct' AND target = 'record/' || OLD.seq) BEGIN"
"  SELECT RAISE(ABORT, 'a text of the record is only erased, and with an entry'); END;";
static const char outside[] =
"CREATE TABLE outside_entry (" /* what people told about an incident for those outside; the last word counts */
"  id INTEGER PRIMARY KEY AUTOINCREMENT, incident INTEGER NOT NULL REFERENCES incident (id),"
"  kind INTEGER NOT NULL, name TEXT NOT NULL, value TEXT NOT NULL, receipt TEXT NOT NULL, missing TEXT NOT NULL,"
"  who TEXT NOT NULL, at_ns INTEGER NOT NULL, noted_ns INTEGER NOT NULL) STRICT;"
"CREATE INDEX outside_entry_by_incident ON outside_entry (incident, id);"
"CREATE TRIGGER outside_entry_stays BEFORE UPDATE ON outside_entry BEGIN"
" SELECT raise(ABORT, 'outside_entry is append-only'); END;"
"CREATE TRIGGER outside_entry_is_kept BEFORE DELETE ON outside_entry BEGIN"
" SELECT raise(ABORT, 'outside_entry is append-only'); END;";
static const char reports[] =
"CREATE TABLE report ("                                  /* never removed; signed once */
"  id INTEGER PRIMARY KEY AUTOINCREMENT,"
"  name TEXT NOT NULL, language TEXT NOT NULL, format TEXT NOT NULL, section TEXT NOT NULL,"
"  from_ns INTEGER NOT NULL, to_ns INTEGER NOT NULL, incident INTEGER NOT NULL, seed INTEGER NOT NULL,"
"  built_ns INTEGER NOT NULL, built_by TEXT NOT NULL, due_ns INTEGER NOT NULL," /* INT64_MAX: nobody must sign */
"  file TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 TEXT NOT NULL,"
"  signed_by TEXT NOT NULL, note TEXT NOT NULL, signed_ns INTEGER NOT NULL) STRICT;" /* INT64_MAX: not signed */
"CREATE INDEX report_by_period ON report (name, from_ns, to_ns);"
"CREATE INDEX report_unsigned ON report (due_ns) WHERE signed_by = '';"
"CREATE TRIGGER report_stays BEFORE DELETE ON report"
"  BEGIN SELECT RAISE(ABORT, 'reports are kept'); END;"
"CREATE TRIGGER report_is_fixed BEFORE UPDATE OF id, name, language, format, section, from_ns, to_ns, incident, seed,"
"  built_ns, built_by, due_ns, file, bytes, sha256 ON report"
"  BEGIN SELECT RAISE(ABORT, 'a report is never changed'); END;"
"CREATE TRIGGER report_signature_is_fixed BEFORE UPDATE ON report WHEN OLD.signed_by <> ''"
"  BEGIN SELECT RAISE(ABORT, 'a signed report is never changed'); END;";
static const char record_rows[] =
"CREATE INDEX record_change_by_row ON record_change (row_table, row_id, field, seq);"; /* what a value was at a time */

static const char rollup[] =
"CREATE TABLE rollup ("                                  /* the everyday trends (state_rollup.h) */
"  dimension TEXT NOT NULL, key TEXT NOT NULL,"
"  day_s INTEGER NOT NULL,"                              /* when the local day begins, seconds since 1970 UTC */
"  count INTEGER NOT NULL,"
"  hours BLOB NOT NULL, bins BLOB NOT NULL,"
"  PRIMARY KEY (dimension, key, day_s)) STRICT, WITHOUT ROWID;"
"CREATE INDEX rollup_by_day ON rollup (dimension, day_s, key, count);";
static const char incident_outside[] = /* addresses of others, which findings may be about: no hosts of ours */
"ALTER TABLE incident ADD COLUMN outside TEXT NOT NULL DEFAULT '';"
"ALTER TABLE incident_finding ADD COLUMN outside INTEGER NOT NULL DEFAULT 0 CHECK (outside IN (0, 1));";
static const char mentions[] = /* notes that are for somebody: the columns of state_work.def */
"CREATE TABLE work_mention ("
"  id INTEGER PRIMARY KEY AUTOINCREMENT"
"  , \"incident\" INTEGER NOT NULL DEFAULT 0"
"  , \"kind\" TEXT NOT NULL DEFAULT ''"
"  , \"item\" INTEGER NOT NULL DEFAULT 0"
"  , \"account\" TEXT NOT NULL DEFAULT ''"
"  , \"who\" TEXT NOT NULL DEFAULT ''"
"  , \"text\" TEXT NOT NULL DEFAULT ''"
"  , \"written\" INTEGER NOT NULL DEFAULT 0"
"  , \"read\" INTEGER NOT NULL DEFAULT 0"
") STRICT;"
"CREATE INDEX work_mention_by_account ON work_mention (account, id);";
/* clang-format on */

static const struct {
    int number;
    const char *sql;
} steps[] = {
    {1, parts},
    {2, assets},
    {3, sources},
    {4, incidents},
    {5, users},
    {6, balance},
    {7, cursors},
    {8, desk},
    {9, intel},
    {10, tables},
    {11, proof},
    {12, incident_type},
    {13, desk_parts},
    {14, exercises},
    {15, identity},
    {16, record},
    {17, state_work_schema},
    {18, risk},
    {19, outside},
    {20, reports},
    {21, state_intake_schema},
    {22, state_registers_schema},
    {23, state_notify_schema},
    {24, record_rows},
    {25, state_connect_schema},
    {26, rollup},
    {27, state_readiness_schema},
    {28, state_custody_schema},
    {29, state_retrospect_schema},
    {30, incident_outside},
    {31, mentions},
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
