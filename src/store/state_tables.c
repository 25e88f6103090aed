/* Stage: store. Headers of tables by source. */
#include "store/state_tables.h"

#include "store/state_sql.h"

bool state_tables_put(struct state *s, const struct table_row *row, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s,
                              "INSERT INTO source_table (source, number, last_sequence, header)"
                              " VALUES (?, ?, ?, ?) ON CONFLICT (source, number) DO UPDATE SET"
                              " last_sequence = excluded.last_sequence, header = excluded.header",
                              err);
    if (q) {
        sql_i64(q, 1, row->source);
        sql_i64(q, 2, row->number);
        sql_u64(q, 3, row->last_sequence);
        sql_blob(q, 4, row->header.p, row->header.n);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_tables_load(struct state *s, struct arena *arena, struct table_row **out, uint32_t *count,
                       struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s, "SELECT source, number, last_sequence, header FROM source_table ORDER BY source, number",
                err);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct table_row r = {(uint32_t)sql_column_i64(q, 0), (uint32_t)sql_column_i64(q, 1),
                              sql_column_u64(q, 2), sql_column_str(q, 3, arena)};
        buf_bytes(&rows, &r, sizeof(r));
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}
