/* Stage: store. Cursors of tailed files and idempotency keys. Next: state_proof.c. */
#include "store/state_cursors.h"

#include "store/state_sql.h"

bool state_cursors_put(struct state *s, const struct tail_cursor *c, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s,
                              "INSERT INTO tail_cursor (identity, position, sequence) VALUES (?, ?, ?)"
                              " ON CONFLICT (identity) DO UPDATE SET position = excluded.position,"
                              " sequence = excluded.sequence WHERE excluded.sequence >= sequence",
                              err);
    if (q) {
        sql_blob(q, 1, c->identity.p, c->identity.n);
        sql_blob(q, 2, c->position.p, c->position.n);
        sql_u64(q, 3, c->sequence);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_cursors_load(struct state *s, struct arena *arena, struct tail_cursor **out, uint32_t *count,
                        struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s, "SELECT identity, position, sequence FROM tail_cursor ORDER BY identity", err);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct tail_cursor c = {sql_column_str(q, 0, arena), sql_column_str(q, 1, arena),
                                sql_column_u64(q, 2)};
        buf_bytes(&rows, &c, sizeof(c));
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}

bool state_cursors_delete(struct state *s, struct str identity, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, "DELETE FROM tail_cursor WHERE identity = ?", err);
    if (q)
        sql_blob(q, 1, identity.p, identity.n);
    return state_end(s, q && sql_run(s, q, err), err);
}

bool state_keys_put(struct state *s, const struct idempotency_key *k, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q =
        sql_get(s,
                "INSERT INTO idempotency_key (source, key_hash, first_sequence, last_sequence, expires_ns)"
                " VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                err);
    if (q) {
        sql_text(q, 1, k->source);
        sql_blob(q, 2, k->key_hash, sizeof(k->key_hash));
        sql_u64(q, 3, k->first_sequence);
        sql_u64(q, 4, k->last_sequence);
        sql_i64(q, 5, k->expires_ns);
    }
    return state_end(s, q && sql_run(s, q, err), err);
}

static void read_key(sqlite3_stmt *q, struct idempotency_key *k)
{
    BUG_IF(sqlite3_column_bytes(q, 0) != sizeof(k->key_hash));
    memcpy(k->key_hash, sqlite3_column_blob(q, 0), sizeof(k->key_hash));
    k->first_sequence = sql_column_u64(q, 1);
    k->last_sequence = sql_column_u64(q, 2);
    k->expires_ns = sql_column_i64(q, 3);
}

bool state_keys_find(struct state *s, struct str source, const uint8_t key_hash[16], int64_t now_ns,
                     struct idempotency_key *out, bool *found, struct error *err)
{
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s,
                "SELECT key_hash, first_sequence, last_sequence, expires_ns FROM idempotency_key"
                " WHERE source = ? AND key_hash = ? AND expires_ns > ?",
                err);
    int row = -1;
    if (q) {
        sql_text(q, 1, source);
        sql_blob(q, 2, key_hash, 16);
        sql_i64(q, 3, now_ns);
        row = sql_step(s, q, err);
    }
    *found = row == 1;
    if (*found) {
        read_key(q, out);
        out->source = source;
        sqlite3_reset(q);
    }
    state_unlock(s);
    return row >= 0;
}

bool state_keys_load(struct state *s, int64_t now_ns, struct arena *arena, struct idempotency_key **out,
                     uint32_t *count, struct error *err)
{
    struct buf rows = {0};
    state_lock(s);
    sqlite3_stmt *q =
        sql_get(s,
                "SELECT key_hash, first_sequence, last_sequence, expires_ns, source FROM idempotency_key"
                " WHERE expires_ns > ? ORDER BY source, key_hash",
                err);
    if (q)
        sql_i64(q, 1, now_ns);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct idempotency_key k = {.source = sql_column_str(q, 4, arena)};
        read_key(q, &k);
        buf_bytes(&rows, &k, sizeof(k));
    }
    state_unlock(s);
    *count = (uint32_t)(rows.n / sizeof(**out));
    *out = sql_rows(&rows, arena);
    return row == 0;
}

bool state_keys_expire(struct state *s, int64_t now_ns, struct error *err)
{
    if (!state_begin(s, err))
        return false;
    sqlite3_stmt *q = sql_get(s, "DELETE FROM idempotency_key WHERE expires_ns <= ?", err);
    if (q)
        sql_i64(q, 1, now_ns);
    return state_end(s, q && sql_run(s, q, err), err);
}
