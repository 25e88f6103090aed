/* Stage: store. The desk's progress, and candidates that are let go. Next: state_users.c. */
#include "store/state_desk.h"

#include "event/incident.h"
#include "store/state_sql.h"

static bool load_part(struct state *s, struct arena *arena, struct desk_part *part, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "SELECT bytes FROM desk_part WHERE name = ?", err);
    part->bytes = STR_EMPTY;
    if (q == NULL)
        return false;
    sql_text(q, 1, str_c(part->name));
    int row = sql_step(s, q, err);
    if (row == 1) {
        part->bytes = sql_column_str(q, 0, arena);
        sqlite3_reset(q);
    }
    return row >= 0;
}

bool state_desk_load(struct state *s, struct arena *arena, struct desk_progress *out, struct error *err)
{
    out->counted_through = 0;
    out->watermark_ns = INT64_MIN;
    out->correlations = STR_EMPTY;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s, "SELECT counted_through, watermark_ns, correlations FROM desk", err);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1) {
        out->counted_through = sql_column_u64(q, 0);
        out->watermark_ns = sql_column_i64(q, 1);
        out->correlations = sql_column_str(q, 2, arena);
        sqlite3_reset(q);
    }
    bool ok = row >= 0;
    for (size_t i = 0; ok && i < out->part_count; i++)
        ok = load_part(s, arena, &out->parts[i], err);
    state_unlock(s);
    return ok;
}

static bool save_part(struct state *s, const struct desk_part *part, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "INSERT OR REPLACE INTO desk_part (name, bytes) VALUES (?, ?)", err);
    if (q == NULL)
        return false;
    sql_text(q, 1, str_c(part->name));
    sql_blob(q, 2, part->bytes.p, part->bytes.n);
    return sql_run(s, q, err);
}

bool state_desk_save(struct state *s, const struct desk_progress *p, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(
        s,
        "INSERT OR REPLACE INTO desk (id, counted_through, watermark_ns, correlations) VALUES (1, ?, ?, ?)",
        err);
    if (q) {
        sql_u64(q, 1, p->counted_through);
        sql_i64(q, 2, p->watermark_ns);
        sql_blob(q, 3, p->correlations.p, p->correlations.n);
    }
    bool ok = q && sql_run(s, q, err);
    for (size_t i = 0; ok && i < p->part_count; i++)
        ok = save_part(s, &p->parts[i], err);
    return state_end(s, ok, err);
}

bool state_desk_save_part(struct state *s, const struct desk_part *part, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    return state_end(s, save_part(s, part, err), err);
}

bool state_candidates_expire(struct state *s, int64_t news_ns, uint32_t limit, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    _Static_assert(INCIDENT_CANDIDATE == 0, "the partial index and the statements below say 0");
    sqlite3_stmt *q = sql_get(s,
                              "DELETE FROM incident WHERE id IN (SELECT id FROM incident"
                              " WHERE state = 0 AND news_ns < ? ORDER BY news_ns LIMIT ?)",
                              err);
    if (q) {
        sql_i64(q, 1, news_ns);
        sql_i64(q, 2, limit);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_candidates_remove(struct state *s, uint64_t id, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, "DELETE FROM incident WHERE id = ? AND state = 0", err);
    if (q)
        sql_u64(q, 1, id);
    return state_end(s, q && sql_run(s, q, err), err);
}
