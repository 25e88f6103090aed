/* Stage: store. The registry of sources. A number is given once and never again, because records carry it.
 * Next: state_incidents.c. */
#include "store/state_sources.h"

#include "base/log.h"
#include "store/state_sql.h"

static bool find(struct state *s, uint8_t transport, struct str sender, uint32_t *number, struct error *err)
{
    *number = 0;
    sqlite3_stmt *q = sql_get(s, "SELECT number FROM source WHERE transport = ? AND sender = ?", err);
    if (!q)
        return false;
    sql_i64(q, 1, transport);
    sql_text(q, 2, sender);
    int row = sql_step(s, q, err);
    if (row == 1) {
        *number = (uint32_t)sql_column_i64(q, 0);
        return sql_run(s, q, err);
    }
    return row == 0;
}

/* Two transports may have the same sender; the second gets " (2)" behind its name. */
static bool free_name(struct state *s, struct str sender, struct arena *arena, struct str *name,
                      struct error *err)
{
    struct str wanted = sender.n ? sender : STR("unnamed");
    *name = wanted;
    for (unsigned i = 2;; i++) {
        sqlite3_stmt *q = sql_get(s, "SELECT 1 FROM source WHERE name = ?", err);
        if (!q)
            return false;
        sql_text(q, 1, *name);
        int row = sql_step(s, q, err);
        if (row != 1)
            return row == 0;
        sqlite3_reset(q);
        *name = arena_printf(arena, "%.*s (%u)", STR_ARGS(wanted), i);
    }
}

static bool create(struct state *s, uint8_t transport, struct str sender, int64_t seen_ns, uint32_t *number,
                   struct error *err)
{
    struct arena arena;
    struct str name;
    arena_init(&arena, 1024);
    bool ok = free_name(s, sender, &arena, &name, err);
    sqlite3_stmt *q = ok ? sql_get(s,
                                   "INSERT INTO source (name, transport, sender, first_seen_ns, last_seen_ns)"
                                   " VALUES (?, ?, ?, ?, ?)",
                                   err)
                         : NULL;
    if (q) {
        sql_text(q, 1, name);
        sql_i64(q, 2, transport);
        sql_text(q, 3, sender);
        sql_i64(q, 4, seen_ns);
        sql_i64(q, 5, seen_ns);
    }
    ok = q && sql_run(s, q, err);
    if (ok)
        *number = (uint32_t)sqlite3_last_insert_rowid(s->db);
    arena_free(&arena);
    return ok;
}

bool state_sources_find_or_create(struct state *s, uint8_t transport, struct str sender, int64_t seen_ns,
                                  uint32_t *number, bool *is_new, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    bool ok = find(s, transport, sender, number, err);
    bool must_create = ok && *number == 0;
    if (is_new)
        *is_new = must_create;
    if (must_create)
        ok = create(s, transport, sender, seen_ns, number, err);
    else if (ok)
        ok = state_sources_seen(s, *number, seen_ns, err);
    return state_end(s, ok, err);
}

bool state_sources_seen(struct state *s, uint32_t number, int64_t seen_ns, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s,
                              "UPDATE source SET first_seen_ns = min(first_seen_ns, ?2), last_seen_ns ="
                              " max(last_seen_ns, ?2) WHERE number = ?1",
                              err);
    if (q) {
        sql_i64(q, 1, number);
        sql_i64(q, 2, seen_ns);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

static bool name_is_free(struct state *s, uint32_t number, struct str name, struct error *err)
{
    if (name.n == 0)
        return error_set(err, "%s", tr("a source needs a name", "送信元には名前が必要です"));
    sqlite3_stmt *q = sql_get(s, "SELECT number FROM source WHERE name = ? AND number <> ?", err);
    if (!q)
        return false;
    sql_text(q, 1, name);
    sql_i64(q, 2, number);
    int row = sql_step(s, q, err);
    sqlite3_reset(q);
    if (row == 1)
        return error_set(err,
                         tr("the name \"%.*s\" belongs to another source; choose a different one",
                            "「%.*s」はほかの送信元の名前です。別の名前にしてください"),
                         STR_ARGS(name));
    return row == 0;
}

static bool write_decision(struct state *s, uint32_t number, const struct source_decision *d,
                           struct error *err)
{
    sqlite3_stmt *q = sql_get(
        s, "UPDATE source SET name = ?, parser = ?, zone = ?, charset = ?, registered = ? WHERE number = ?",
        err);
    if (!q)
        return false;
    sql_text(q, 1, d->name);
    sql_text(q, 2, d->parser);
    sql_text(q, 3, d->zone);
    sql_text(q, 4, d->charset);
    sql_i64(q, 5, d->registered);
    sql_i64(q, 6, number);
    if (!sql_run(s, q, err))
        return false;
    return sqlite3_changes(s->db) == 1 ||
           error_set(err, tr("there is no source number %u", "番号 %u の送信元はありません"), number);
}

bool state_sources_decide(struct state *s, uint32_t number, const struct source_decision *d,
                          struct error *err)
{
    if (d->zone.n && !zone_find(d->zone))
        return error_set(err,
                         tr("the zone \"%.*s\" is not known; write Asia/Tokyo, +09:00 or UTC",
                            "タイムゾーン「%.*s」は不明です。Asia/Tokyo、+09:00、UTC などと書いてください"),
                         STR_ARGS(d->zone));
    if (!state_begin(s, err))
        return false;
    return state_end(s, name_is_free(s, number, d->name, err) && write_decision(s, number, d, err), err);
}

static void read_entry(sqlite3_stmt *q, struct arena *arena, struct source_entry *e)
{
    e->source.number = (uint32_t)sql_column_i64(q, 0);
    e->source.name = sql_column_str(q, 1, arena);
    e->source.sender = sql_column_str(q, 2, arena);
    e->source.parser = sql_column_str(q, 3, arena);
    e->source.charset = sql_column_str(q, 4, arena);
    e->source.registered = sql_column_i64(q, 5) != 0;
    e->transport = (uint8_t)sql_column_i64(q, 6);
    e->zone = sql_column_str(q, 7, arena);
    e->first_seen_ns = sql_column_i64(q, 8);
    e->last_seen_ns = sql_column_i64(q, 9);
    e->source.zone = e->zone.n ? zone_find(e->zone) : NULL;
}

bool state_sources_load(struct state *s, struct arena *arena, struct source_entry **out, uint32_t *count,
                        struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT number, name, sender, parser, charset, registered, transport, zone,"
                              " first_seen_ns, last_seen_ns FROM source ORDER BY number",
                              err);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct source_entry e = {0};
        read_entry(q, arena, &e);
        buf_bytes(&rows, &e, sizeof(e));
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}
