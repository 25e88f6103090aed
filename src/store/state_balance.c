/* Stage: store. Counters that must close. Next: state_cursors.c. */
#include "store/state_balance.h"

#include "store/state_sql.h"

static bool add_row(struct state *s, const struct balance_count *r, struct error *err)
{
    sqlite3_stmt *q =
        sql_get(s,
                "INSERT INTO balance (source, hour, received, stored, filtered, rejected, lost, bytes)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (hour, source) DO UPDATE SET"
                " received = received + excluded.received, stored = stored + excluded.stored,"
                " filtered = filtered + excluded.filtered, rejected = rejected + excluded.rejected,"
                " lost = lost + excluded.lost, bytes = bytes + excluded.bytes",
                err);
    if (!q)
        return false;
    const uint64_t counts[] = {r->received, r->stored, r->filtered, r->rejected, r->lost, r->bytes};
    sql_i64(q, 1, r->source);
    sql_i64(q, 2, r->hour);
    for (int i = 0; i < 6; i++)
        sql_u64(q, 3 + i, counts[i]);
    return sql_run(s, q, err);
}

bool state_balance_add(struct state *s, const struct balance_count *rows, uint32_t count, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    bool ok = true;
    for (uint32_t i = 0; ok && i < count; i++)
        ok = add_row(s, &rows[i], err);
    return state_end(s, ok, err);
}

static void compute_difference(struct balance_count *r)
{
    r->difference = (int64_t)(r->received - r->stored - r->filtered - r->rejected - r->lost);
}

static void read_row(sqlite3_stmt *q, struct balance_count *r)
{
    uint64_t *const counts[] = {&r->received, &r->stored, &r->filtered, &r->rejected, &r->lost, &r->bytes};
    r->source = (uint32_t)sql_column_i64(q, 0);
    r->hour = sql_column_i64(q, 1);
    for (int i = 0; i < 6; i++)
        *counts[i] = sql_column_u64(q, 2 + i);
    compute_difference(r);
}

static void add_to_total(struct balance_count *total, const struct balance_count *r)
{
    total->received += r->received;
    total->stored += r->stored;
    total->filtered += r->filtered;
    total->rejected += r->rejected;
    total->lost += r->lost;
    total->bytes += r->bytes;
    compute_difference(total);
}

bool state_balance_list(struct state *s, const struct balance_filter *filter, struct arena *arena,
                        struct balance_count **out, uint32_t *count, struct balance_count *total,
                        struct error *err)
{
    struct buf rows = {0};
    struct balance_count sum = {0};
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s,
                "SELECT source, hour, received, stored, filtered, rejected, lost, bytes FROM balance"
                " WHERE hour BETWEEN ? AND ? AND (?3 = 4294967295 OR source = ?3) ORDER BY hour, source",
                err);
    if (q) {
        sql_i64(q, 1, filter->from_hour);
        sql_i64(q, 2, filter->to_hour);
        sql_i64(q, 3, filter->source);
    }
    int step = -1;
    while (q && (step = sql_step(s, q, err)) == 1) {
        struct balance_count r = {0};
        read_row(q, &r);
        if (filter->only_open && r.difference == 0)
            continue;
        add_to_total(&sum, &r);
        buf_bytes(&rows, &r, sizeof(r));
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    if (total)
        *total = sum;
    return step == 0;
}
