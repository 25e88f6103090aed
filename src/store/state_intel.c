/* Stage: store. The tables intel_source and intel_hit. */
#include "store/state_intel.h"

#include "store/state_sql.h"

#define SOURCE_COLUMNS                                                                                       \
    "name, kind, format, origin, file, imported_ns, seen, kept, repeated, refused, expired, allowed, "       \
    "details, "                                                                                              \
    "cursor, searched_ns, searched_for"
#define HIT_COLUMNS                                                                                          \
    "source, indicator, type, description, field, value, allowed_by, first_ns, last_ns, count, "             \
    "first_sequence, before_valid, patient_zero, hosts, host_count, searched_ns"

bool state_intel_put(struct state *s, const struct intel_source *source, struct error *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO intel_source (" SOURCE_COLUMNS
                              ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)";
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, sql, err);
    if (q) {
        const struct str texts[] = {source->format, source->origin, source->file};
        const uint64_t counts[] = {source->seen,    source->kept,    source->repeated,
                                   source->refused, source->expired, source->allowed};
        sql_text(q, 1, source->name);
        sql_i64(q, 2, source->kind);
        for (int i = 0; i < 3; i++)
            sql_text(q, 3 + i, texts[i]);
        sql_i64(q, 6, source->imported_ns);
        for (int i = 0; i < 6; i++)
            sql_u64(q, 7 + i, counts[i]);
        sql_text(q, 13, source->details);
        sql_text(q, 14, source->cursor);
        sql_i64(q, 15, source->searched_ns);
        sql_u64(q, 16, source->searched_for);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

static bool run_with_name(struct state *s, const char *sql, struct str name, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, sql, err);
    if (!q)
        return false;
    sql_text(q, 1, name);
    return sql_run(s, q, err);
}

bool state_intel_remove(struct state *s, struct str name, bool *found, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    bool ok = run_with_name(s, "DELETE FROM intel_hit WHERE source = ?1", name, err) &&
              run_with_name(s, "DELETE FROM intel_source WHERE name = ?1", name, err);
    *found = ok && sqlite3_changes(s->db) > 0;
    return state_end(s, ok, err);
}

bool state_intel_list(struct state *s, struct arena *arena, struct intel_source **out, uint32_t *count,
                      struct error *err)
{
    struct buf rows = {0};
    int step = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT " SOURCE_COLUMNS " FROM intel_source ORDER BY kind, name", err);
    while (q && (step = sql_step(s, q, err)) == 1) {
        struct intel_source row = {.name = sql_column_str(q, 0, arena),
                                   .kind = (enum intel_kind)sql_column_i64(q, 1),
                                   .format = sql_column_str(q, 2, arena),
                                   .origin = sql_column_str(q, 3, arena),
                                   .file = sql_column_str(q, 4, arena),
                                   .imported_ns = sql_column_i64(q, 5),
                                   .seen = sql_column_u64(q, 6),
                                   .kept = sql_column_u64(q, 7),
                                   .repeated = sql_column_u64(q, 8),
                                   .refused = sql_column_u64(q, 9),
                                   .expired = sql_column_u64(q, 10),
                                   .allowed = sql_column_u64(q, 11),
                                   .details = sql_column_str(q, 12, arena),
                                   .cursor = sql_column_str(q, 13, arena),
                                   .searched_ns = sql_column_i64(q, 14),
                                   .searched_for = sql_column_u64(q, 15)};
        buf_bytes(&rows, &row, sizeof row);
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(struct intel_source));
    *out = sql_rows(&rows, arena);
    return q && step == 0;
}

bool state_intel_searched(struct state *s, struct str name, int64_t when_ns, uint64_t searched_for,
                          struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s, "UPDATE intel_source SET searched_ns = ?2, searched_for = ?3 WHERE name = ?1", err);
    if (q) {
        sql_text(q, 1, name);
        sql_i64(q, 2, when_ns);
        sql_u64(q, 3, searched_for);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_intel_put_hit(struct state *s, const struct intel_hit *hit, struct error *err)
{
    static const char sql[] = "INSERT OR REPLACE INTO intel_hit (" HIT_COLUMNS
                              ") VALUES (?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16)";
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, sql, err);
    if (q) {
        const struct str texts[] = {hit->source, hit->indicator, hit->type,      hit->description,
                                    hit->field,  hit->value,     hit->allowed_by};
        for (int i = 0; i < 7; i++)
            sql_text(q, 1 + i, texts[i]);
        sql_i64(q, 8, hit->first_ns);
        sql_i64(q, 9, hit->last_ns);
        sql_u64(q, 10, hit->count);
        sql_u64(q, 11, hit->first_sequence);
        sql_u64(q, 12, hit->before_valid);
        sql_text(q, 13, hit->patient_zero);
        sql_text(q, 14, hit->hosts);
        sql_i64(q, 15, hit->host_count);
        sql_i64(q, 16, hit->searched_ns);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_intel_hits(struct state *s, struct str source, uint32_t limit, struct arena *arena,
                      struct intel_hit **out, uint32_t *count, struct error *err)
{
    static const char sql[] = "SELECT " HIT_COLUMNS " FROM intel_hit WHERE ?1 = '' OR source = ?1 "
                              "ORDER BY searched_ns DESC, first_ns, indicator, field LIMIT ?2";
    struct buf rows = {0};
    int step = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, sql, err);
    if (q) {
        sql_text(q, 1, source);
        sql_i64(q, 2, limit);
    }
    while (q && (step = sql_step(s, q, err)) == 1) {
        struct intel_hit row = {.source = sql_column_str(q, 0, arena),
                                .indicator = sql_column_str(q, 1, arena),
                                .type = sql_column_str(q, 2, arena),
                                .description = sql_column_str(q, 3, arena),
                                .field = sql_column_str(q, 4, arena),
                                .value = sql_column_str(q, 5, arena),
                                .allowed_by = sql_column_str(q, 6, arena),
                                .first_ns = sql_column_i64(q, 7),
                                .last_ns = sql_column_i64(q, 8),
                                .count = sql_column_u64(q, 9),
                                .first_sequence = sql_column_u64(q, 10),
                                .before_valid = sql_column_u64(q, 11),
                                .patient_zero = sql_column_str(q, 12, arena),
                                .hosts = sql_column_str(q, 13, arena),
                                .host_count = (uint32_t)sql_column_i64(q, 14),
                                .searched_ns = sql_column_i64(q, 15)};
        buf_bytes(&rows, &row, sizeof row);
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(struct intel_hit));
    *out = sql_rows(&rows, arena);
    return q && step == 0;
}
