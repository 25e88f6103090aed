/* Stage: store. Canaries, activity of rules and sources, and what fields sources fill. Next:
 * state_exceptions.c. */
#include "store/state_proof.h"

#include "store/state_sql.h"

bool state_proof_put(struct state *s, const struct proof_row *row, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s,
                              "INSERT OR REPLACE INTO proof"
                              " (rule_id, input, form, sent_ns, proven_ns, outcome, detail)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?)",
                              err);
    if (q) {
        sql_text(q, 1, row->rule_id);
        sql_text(q, 2, row->input);
        sql_i64(q, 3, row->form);
        sql_i64(q, 4, row->sent_ns);
        sql_i64(q, 5, row->proven_ns);
        sql_i64(q, 6, row->outcome);
        sql_text(q, 7, row->detail);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_proof_list(struct state *s, struct arena *arena, struct proof_row **rows, uint32_t *count,
                      struct error *err)
{
    struct buf found = {0};
    int row = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT rule_id, input, form, sent_ns, proven_ns, outcome, detail FROM proof"
                              " ORDER BY rule_id, input",
                              err);
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct proof_row p = {.rule_id = sql_column_str(q, 0, arena),
                              .input = sql_column_str(q, 1, arena),
                              .form = (enum proof_form)sql_column_i64(q, 2),
                              .sent_ns = sql_column_i64(q, 3),
                              .proven_ns = sql_column_i64(q, 4),
                              .outcome = (enum proof_outcome)sql_column_i64(q, 5),
                              .detail = sql_column_str(q, 6, arena)};
        buf_bytes(&found, &p, sizeof p);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **rows);
    *rows = sql_rows(&found, arena);
    return row == 0;
}

bool state_rule_activity_put(struct state *s, const struct rule_activity *row, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s,
                              "INSERT OR REPLACE INTO rule_activity (rule_id, fired, suppressed, last_ns)"
                              " VALUES (?, ?, ?, ?)",
                              err);
    if (q) {
        sql_text(q, 1, row->rule_id);
        sql_u64(q, 2, row->fired);
        sql_u64(q, 3, row->suppressed);
        sql_i64(q, 4, row->last_ns);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_rule_activity_list(struct state *s, struct arena *arena, struct rule_activity **rows,
                              uint32_t *count, struct error *err)
{
    struct buf found = {0};
    int row = -1;
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s, "SELECT rule_id, fired, suppressed, last_ns FROM rule_activity ORDER BY rule_id", err);
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct rule_activity a = {.rule_id = sql_column_str(q, 0, arena),
                                  .fired = sql_column_u64(q, 1),
                                  .suppressed = sql_column_u64(q, 2),
                                  .last_ns = sql_column_i64(q, 3)};
        buf_bytes(&found, &a, sizeof a);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **rows);
    *rows = sql_rows(&found, arena);
    return row == 0;
}

bool state_source_activity_put(struct state *s, const struct source_activity *row, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s,
                "INSERT OR REPLACE INTO source_activity"
                " (source, hour, events, failures, longest_gap_ns, last_ns) VALUES (?, ?, ?, ?, ?, ?)",
                err);
    if (q) {
        sql_i64(q, 1, row->source);
        sql_i64(q, 2, row->hour);
        sql_u64(q, 3, row->events);
        sql_u64(q, 4, row->failures);
        sql_i64(q, 5, row->longest_gap_ns);
        sql_i64(q, 6, row->last_ns);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_source_activity_expire(struct state *s, int64_t before_hour, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, "DELETE FROM source_activity WHERE hour < ?", err);
    if (q)
        sql_i64(q, 1, before_hour);
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_source_activity_list(struct state *s, struct arena *arena, struct source_activity **rows,
                                uint32_t *count, struct error *err)
{
    struct buf found = {0};
    int row = -1;
    state_lock(s);
    sqlite3_stmt *q = sql_get(s,
                              "SELECT source, hour, events, failures, longest_gap_ns, last_ns"
                              " FROM source_activity ORDER BY source, hour",
                              err);
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct source_activity a = {.source = (uint32_t)sql_column_i64(q, 0),
                                    .hour = sql_column_i64(q, 1),
                                    .events = sql_column_u64(q, 2),
                                    .failures = sql_column_u64(q, 3),
                                    .longest_gap_ns = sql_column_i64(q, 4),
                                    .last_ns = sql_column_i64(q, 5)};
        buf_bytes(&found, &a, sizeof a);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **rows);
    *rows = sql_rows(&found, arena);
    return row == 0;
}

bool state_observation_put(struct state *s, const struct observation *row, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s,
                              "INSERT OR REPLACE INTO observation"
                              " (source, logsource, field, events, looked, missed, last_ns)"
                              " VALUES (?, ?, ?, ?, ?, ?, ?)",
                              err);
    if (q) {
        sql_i64(q, 1, row->source);
        sql_text(q, 2, row->logsource);
        sql_text(q, 3, row->field);
        sql_u64(q, 4, row->events);
        sql_u64(q, 5, row->looked);
        sql_u64(q, 6, row->missed);
        sql_i64(q, 7, row->last_ns);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_observation_list(struct state *s, struct arena *arena, struct observation **rows, uint32_t *count,
                            struct error *err)
{
    struct buf found = {0};
    int row = -1;
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s,
                "SELECT source, logsource, field, events, looked, missed, last_ns FROM observation"
                " ORDER BY source, logsource, field",
                err);
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct observation o = {.source = (uint32_t)sql_column_i64(q, 0),
                                .logsource = sql_column_str(q, 1, arena),
                                .field = sql_column_str(q, 2, arena),
                                .events = sql_column_u64(q, 3),
                                .looked = sql_column_u64(q, 4),
                                .missed = sql_column_u64(q, 5),
                                .last_ns = sql_column_i64(q, 6)};
        buf_bytes(&found, &o, sizeof o);
    }
    state_unlock(s);
    *count = (uint32_t)(found.n / sizeof **rows);
    *rows = sql_rows(&found, arena);
    return row == 0;
}
