/* Stage: store. The rows of the response record. */
#include "store/state_record.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/state_sql.h"

/* The columns of record_entry by their kind: a table instead of twenty lines three times. */
enum kind { NUMBER, TEXT, BLOB };
#define ROW(member, kind)                                                                                    \
    {                                                                                                        \
        offsetof(struct record_row, member), kind                                                            \
    }
static const struct {
    size_t offset;
    enum kind kind;
} columns[] = {
    ROW(seq, NUMBER),
    ROW(recorded_ns, NUMBER),
    ROW(event_ns, NUMBER),
    ROW(clock_back_ns, NUMBER),
    ROW(tz, TEXT),
    ROW(action, TEXT),
    ROW(actor, TEXT),
    ROW(role, TEXT),
    ROW(on_behalf, TEXT),
    ROW(target, TEXT),
    ROW(instructed_by, TEXT),
    ROW(approved_by, TEXT),
    ROW(reported_to, TEXT),
    ROW(evidence, TEXT),
    ROW(criteria_version, TEXT),
    ROW(incident, NUMBER),
    ROW(incident_seq, NUMBER),
    ROW(prev_hash, BLOB),
    ROW(incident_prev_hash, BLOB),
    ROW(changes_hash, BLOB),
    ROW(payload_hash, BLOB),
    ROW(entry_hash, BLOB),
};
#define COLUMNS                                                                                              \
    "seq, recorded_ns, event_ns, clock_back_ns, tz, action, actor, role, on_behalf, target, instructed_by,"  \
    " approved_by, reported_to, evidence, criteria_version, incident, incident_seq, prev_hash,"              \
    " incident_prev_hash, changes_hash, payload_hash, entry_hash"

static bool add_entry(struct state *s, const struct record_row *row, struct error *err)
{
    sqlite3_stmt *q = sql_get(s,
                              "INSERT INTO record_entry (" COLUMNS ") VALUES"
                              " (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
                              err);
    for (int i = 0; q && i < (int)COUNT_OF(columns); i++) {
        const void *at = (const char *)row + columns[i].offset;
        const struct str *text = at;
        if (columns[i].kind == NUMBER)
            sql_i64(q, i + 1, *(const int64_t *)at);
        else if (columns[i].kind == TEXT)
            sql_text(q, i + 1, *text);
        else
            sql_blob(q, i + 1, text->p, text->n);
    }
    return q && sql_run(s, q, err);
}

static bool add_payload(struct state *s, const struct record_row *row, struct error *err)
{
    sqlite3_stmt *q =
        sql_get(s, "INSERT INTO record_payload (seq, salt, text, erased) VALUES (?, ?, ?, 0)", err);
    if (q) {
        sql_u64(q, 1, row->seq);
        sql_blob(q, 2, row->salt.p, row->salt.n);
        sql_text(q, 3, row->text);
    }
    return q && sql_run(s, q, err);
}

static bool add_change(struct state *s, uint64_t seq, uint32_t place, const struct record_change_row *c,
                       struct error *err)
{
    sqlite3_stmt *q = sql_get(s,
                              "INSERT INTO record_change (seq, place, row_table, row_id, field, old_value,"
                              " new_value) VALUES (?, ?, ?, ?, ?, ?, ?)",
                              err);
    if (q) {
        sql_u64(q, 1, seq);
        sql_i64(q, 2, place);
        sql_text(q, 3, c->table);
        sql_u64(q, 4, c->id);
        sql_text(q, 5, c->field);
        sql_text(q, 6, c->old_value);
        sql_text(q, 7, c->new_value);
    }
    return q && sql_run(s, q, err);
}

bool state_record_add(struct state *s, const struct record_row *row, const struct record_change_row *changes,
                      uint32_t change_count, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    bool ok = add_entry(s, row, err) && add_payload(s, row, err);
    for (uint32_t i = 0; ok && i < change_count; i++)
        ok = add_change(s, row->seq, i, &changes[i], err);
    return state_end(s, ok, err);
}

static void read_row(sqlite3_stmt *q, struct arena *arena, struct record_row *row)
{
    *row = (struct record_row){0};
    for (int i = 0; i < (int)COUNT_OF(columns); i++) {
        void *at = (char *)row + columns[i].offset;
        if (columns[i].kind == NUMBER)
            *(int64_t *)at = sql_column_i64(q, i);
        else
            *(struct str *)at = sql_column_str(q, i, arena);
    }
    int next = (int)COUNT_OF(columns);
    row->salt = sql_column_str(q, next, arena);
    row->text = sql_column_str(q, next + 1, arena);
    row->is_erased = sql_column_i64(q, next + 2) != 0;
}

/* LEFT JOIN: a payload that somebody removed must not take its entry out of sight. */
#define SELECT_ROWS                                                                                          \
    "SELECT " COLUMNS ", p.salt, p.text, ifnull(p.erased, 0) FROM record_entry"                              \
    " LEFT JOIN record_payload p USING (seq)"

bool state_record_head(struct state *s, uint64_t incident, struct arena *arena, struct record_row *out,
                       struct error *err)
{
    *out = (struct record_row){0};
    state_lock(s);
    sqlite3_stmt *q = incident ? sql_get(s, SELECT_ROWS " WHERE incident = ? ORDER BY seq DESC LIMIT 1", err)
                               : sql_get(s, SELECT_ROWS " ORDER BY seq DESC LIMIT 1", err);
    if (q && incident)
        sql_u64(q, 1, incident);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        read_row(q, arena, out);
        sqlite3_reset(q);
    }
    state_unlock(s);
    return row >= 0;
}

#define LIST_WHERE                                                                                           \
    " WHERE (?1 = 0 OR incident = ?1) AND seq > ?2 AND (?3 = 0 OR seq < ?3) AND (?4 = '' OR actor = ?4)"     \
    " AND recorded_ns >= ?5 AND recorded_ns < ?6"

bool state_record_list(struct state *s, const struct record_filter *f, struct arena *arena,
                       struct record_row **out, uint32_t *count, struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q = f->newest_first ? sql_get(s, SELECT_ROWS LIST_WHERE " ORDER BY seq DESC LIMIT ?7", err)
                                      : sql_get(s, SELECT_ROWS LIST_WHERE " ORDER BY seq LIMIT ?7", err);
    if (q) {
        sql_u64(q, 1, f->incident);
        sql_u64(q, 2, f->after_seq);
        sql_u64(q, 3, f->before_seq);
        sql_text(q, 4, f->actor);
        sql_i64(q, 5, f->from_ns);
        sql_i64(q, 6, f->to_ns);
        sql_i64(q, 7, f->limit);
    }
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct record_row r;
        read_row(q, arena, &r);
        buf_bytes(&rows, &r, sizeof r);
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}

static struct record_change_row read_change(sqlite3_stmt *q, struct arena *arena)
{
    return (struct record_change_row){.table = sql_column_str(q, 0, arena),
                                      .id = sql_column_u64(q, 1),
                                      .field = sql_column_str(q, 2, arena),
                                      .old_value = sql_column_str(q, 3, arena),
                                      .new_value = sql_column_str(q, 4, arena)};
}

bool state_record_changes(struct state *s, uint64_t seq, struct arena *arena, struct record_change_row **out,
                          uint32_t *count, struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT row_table, row_id, field, old_value, new_value FROM record_change"
                              " WHERE seq = ? ORDER BY place",
                              err);
    if (q)
        sql_u64(q, 1, seq);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct record_change_row c = read_change(q, arena);
        buf_bytes(&rows, &c, sizeof c);
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}

bool state_record_erase(struct state *s, uint64_t seq, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s, "UPDATE record_payload SET salt = x'', text = '', erased = 1 WHERE seq = ? AND erased = 0",
                err);
    if (q)
        sql_u64(q, 1, seq);
    bool ok = q && sql_run(s, q, err);
    if (ok && sqlite3_changes(s->db) != 1)
        ok = error_set(err, tr("entry %llu has no text to erase", "記録 %llu に消去できる本文はありません"),
                       (unsigned long long)seq);
    return state_end(s, ok, err);
}

/* SQLite gives bare columns of the row that has the max() (its documentation, "Bare columns in an aggregate
 * query"). */
#define LAST_VALUES "SELECT row_table, row_id, field, old_value, new_value, max((seq << 24) + place) >> 24"
#define EACH_FIELD  " GROUP BY row_table, row_id, field"

/* With the state locked; rows of `q`, which is NULL when it could not be made. */
static bool take_last_values(struct state *s, sqlite3_stmt *q, struct arena *arena,
                             struct record_change_row **out, uint64_t **seqs, uint32_t *count,
                             struct error *err)
{
    struct buf rows = {0}, numbers = {0};
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct record_change_row c = read_change(q, arena);
        uint64_t seq = sql_column_u64(q, 5);
        buf_bytes(&rows, &c, sizeof c);
        buf_bytes(&numbers, &seq, sizeof seq);
    }
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    *seqs = sql_rows(&numbers, arena);
    return row == 0;
}

bool state_record_last_values(struct state *s, struct arena *arena, struct record_change_row **out,
                              uint64_t **seqs, uint32_t *count, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, LAST_VALUES " FROM record_change" EACH_FIELD, err);
    bool ok = take_last_values(s, q, arena, out, seqs, count, err);
    state_unlock(s);
    return ok;
}

bool state_record_last_of(struct state *s, struct str table, struct str field, struct arena *arena,
                          struct record_change_row **out, uint64_t **seqs, uint32_t *count, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s,
                LAST_VALUES " FROM record_change WHERE row_table = ?1 AND (?2 = '' OR field = ?2)" EACH_FIELD,
                err);
    if (q) {
        sql_text(q, 1, table);
        sql_text(q, 2, field);
    }
    bool ok = take_last_values(s, q, arena, out, seqs, count, err);
    state_unlock(s);
    return ok;
}

bool state_record_last_change(struct state *s, struct str table, uint64_t id, uint64_t *seq,
                              struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s, "SELECT max(seq) FROM record_change WHERE row_table = ? AND row_id = ?", err);
    if (q) {
        sql_text(q, 1, table);
        sql_u64(q, 2, id);
    }
    int row = q ? sql_step(s, q, err) : -1;
    *seq = row == 1 ? sql_column_u64(q, 0) : 0;
    if (row == 1)
        sqlite3_reset(q);
    state_unlock(s);
    return row >= 0;
}

bool state_record_last_target(struct state *s, struct str target, int64_t *recorded_ns, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s, "SELECT recorded_ns FROM record_entry WHERE target = ? ORDER BY seq DESC LIMIT 1", err);
    if (q)
        sql_text(q, 1, target);
    int row = q ? sql_step(s, q, err) : -1;
    *recorded_ns = row == 1 ? sql_column_i64(q, 0) : 0;
    if (row == 1)
        sqlite3_reset(q);
    state_unlock(s);
    return row >= 0;
}

bool state_record_salt(struct state *s, uint64_t seq, struct arena *arena, struct str *out, struct error *err)
{
    *out = STR_EMPTY;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT salt FROM record_payload WHERE seq = ?", err);
    if (q)
        sql_u64(q, 1, seq);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        *out = sql_column_str(q, 0, arena);
        sqlite3_reset(q);
    }
    state_unlock(s);
    return row >= 0;
}

bool state_record_value_then(struct state *s, struct str table, uint64_t id, struct str field,
                             int64_t time_ns, struct arena *arena, struct str *out, bool *is_there,
                             struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT c.new_value FROM record_change c JOIN record_entry e USING (seq)"
                              " WHERE c.row_table = ? AND c.row_id = ? AND c.field = ? AND e.recorded_ns <= ?"
                              " ORDER BY c.seq DESC, c.place DESC LIMIT 1",
                              err);
    if (q) {
        sql_text(q, 1, table);
        sql_u64(q, 2, id);
        sql_text(q, 3, field);
        sql_i64(q, 4, time_ns);
    }
    int row = q ? sql_step(s, q, err) : -1;
    *is_there = row == 1;
    *out = row == 1 ? sql_column_str(q, 0, arena) : STR_EMPTY;
    if (row == 1)
        sqlite3_reset(q);
    state_unlock(s);
    return row >= 0;
}

bool state_record_has_target(struct state *s, struct str target, bool *out, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT 1 FROM record_entry WHERE target = ? LIMIT 1", err);
    if (q)
        sql_text(q, 1, target);
    int row = q ? sql_step(s, q, err) : -1;
    *out = row == 1;
    if (row == 1)
        sqlite3_reset(q);
    state_unlock(s);
    return row >= 0;
}

bool state_record_parts(struct state *s, struct arena *arena, struct str *out, struct error *err)
{
    struct buf hashes = {0};
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT hash FROM part ORDER BY first_sequence", err);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1)
        buf_add(&hashes, sql_column_str(q, 0, arena));
    state_unlock(s);
    *out = arena_str(arena, buf_str(&hashes));
    buf_free(&hashes);
    return row == 0;
}
