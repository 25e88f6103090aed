/* Stage: store. Reports that were made. Next: state_reader.c, where reports take their rows from. */
#include "store/state_reports.h"

#include "base/log.h"
#include "store/state_sql.h"

#define COLUMNS                                                                                              \
    "id, name, language, format, section, from_ns, to_ns, incident, seed, built_ns, built_by, due_ns, "      \
    "file, "                                                                                                 \
    "bytes, sha256, signed_by, note, signed_ns"

bool state_reports_add(struct state *s, struct report_row *row, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s,
                "INSERT INTO report (name, language, format, section, built_by, file, sha256, from_ns, to_ns,"
                " incident, seed, built_ns, due_ns, bytes, signed_by, note, signed_ns)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', '', 9223372036854775807)",
                err);
    if (q) {
        const struct str texts[] = {row->name,     row->language, row->format, row->section,
                                    row->built_by, row->file,     row->sha256};
        const int64_t numbers[] = {row->from_ns,  row->to_ns,  (int64_t)row->incident, row->seed,
                                   row->built_ns, row->due_ns, (int64_t)row->bytes};
        for (int i = 0; i < 7; i++) {
            sql_text(q, i + 1, texts[i]);
            sql_i64(q, i + 8, numbers[i]);
        }
    }
    bool ok = q && sql_run(s, q, err);
    row->id = ok ? (uint64_t)sqlite3_last_insert_rowid(s->db) : 0;
    return state_end(s, ok, err);
}

static struct report_row row_of(sqlite3_stmt *q, struct arena *arena)
{
    return (struct report_row){.id = sql_column_u64(q, 0),
                               .name = sql_column_str(q, 1, arena),
                               .language = sql_column_str(q, 2, arena),
                               .format = sql_column_str(q, 3, arena),
                               .section = sql_column_str(q, 4, arena),
                               .from_ns = sql_column_i64(q, 5),
                               .to_ns = sql_column_i64(q, 6),
                               .incident = sql_column_u64(q, 7),
                               .seed = sql_column_i64(q, 8),
                               .built_ns = sql_column_i64(q, 9),
                               .built_by = sql_column_str(q, 10, arena),
                               .due_ns = sql_column_i64(q, 11),
                               .file = sql_column_str(q, 12, arena),
                               .bytes = sql_column_u64(q, 13),
                               .sha256 = sql_column_str(q, 14, arena),
                               .signed_by = sql_column_str(q, 15, arena),
                               .note = sql_column_str(q, 16, arena),
                               .signed_ns = sql_column_i64(q, 17)};
}

bool state_reports_list(struct state *s, uint32_t limit, struct arena *arena, struct report_row **rows,
                        uint32_t *count, struct error *err)
{
    struct buf found = {0};
    int step = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT " COLUMNS " FROM report ORDER BY id DESC LIMIT ?", err);
    if (q)
        sql_i64(q, 1, limit);
    while (q && (step = sql_step(s, q, err)) == 1) {
        struct report_row row = row_of(q, arena);
        buf_bytes(&found, &row, sizeof row);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **rows);
    *rows = sql_rows(&found, arena);
    return step == 0;
}

bool state_reports_get(struct state *s, uint64_t id, struct arena *arena, struct report_row *out, bool *found,
                       struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT " COLUMNS " FROM report WHERE id = ?", err);
    if (q)
        sql_u64(q, 1, id);
    int step = q ? sql_step(s, q, err) : -1;
    *found = step == 1;
    if (*found)
        *out = row_of(q, arena);
    bool ok = step == 0 || (step == 1 && sql_run(s, q, err));
    state_unlock(s);
    return ok;
}

bool state_reports_sign(struct state *s, uint64_t id, struct str who, struct str note, int64_t when_ns,
                        struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s, "UPDATE report SET signed_by = ?, note = ?, signed_ns = ? WHERE id = ? AND signed_by = ''",
                err);
    if (q) {
        sql_text(q, 1, who);
        sql_text(q, 2, note);
        sql_i64(q, 3, when_ns);
        sql_u64(q, 4, id);
    }
    bool ok = q && sql_run(s, q, err);
    if (ok && sqlite3_changes(s->db) != 1)
        ok = error_set(err, tr("report %llu is signed already", "報告書 %llu は署名済みです"),
                       (unsigned long long)id);
    return state_end(s, ok, err);
}

static bool ask_number(struct state *s, sqlite3_stmt *q, int64_t *out, struct error *err)
{
    if (q == NULL || sql_step(s, q, err) != 1)
        return false;
    *out = sql_column_i64(q, 0);
    return sql_run(s, q, err);
}

bool state_reports_has(struct state *s, struct str name, int64_t from_ns, int64_t to_ns, bool *has,
                       struct error *err)
{
    int64_t count = 0;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT count(*) FROM report WHERE name = ? AND from_ns = ? AND to_ns = ?"
                              " AND built_by = 'hyakuyo'",
                              err);
    if (q) {
        sql_text(q, 1, name);
        sql_i64(q, 2, from_ns);
        sql_i64(q, 3, to_ns);
    }
    bool ok = ask_number(s, q, &count, err);
    state_unlock(s);
    *has = count > 0;
    return ok;
}

bool state_reports_overdue(struct state *s, int64_t now_ns, uint32_t *count, struct error *err)
{
    int64_t number = 0;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT count(*) FROM report WHERE signed_by = '' AND due_ns < ?", err);
    if (q)
        sql_i64(q, 1, now_ns);
    bool ok = ask_number(s, q, &number, err);
    state_unlock(s);
    *count = (uint32_t)number;
    return ok;
}
