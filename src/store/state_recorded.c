/* Stage: store. Which tables the response record keeps, read from state_recorded.def, state_work.def and the
 * schema itself; fingerprints of rows, and the walk over them. Next: state_capture.c. */
#include "store/state_capture_internal.h"

#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "store/state_work.h"

enum law { LAW_RECORDED, LAW_OPEN, LAW_KEPT, LAW_ONCE, LAW_UNDER, LAW_MACHINE };

static const struct {
    enum law law;
    const char *table, *column;
} laws[] = {
#define RECORDED(table)              {LAW_RECORDED, table, ""},
#define OPEN(table, column)          {LAW_OPEN, table, column},
#define KEPT(table, column)          {LAW_KEPT, table, column},
#define ONCE(table, column)          {LAW_ONCE, table, column},
#define UNDER(table, column, parent) {LAW_UNDER, table, column},
#define MACHINE(table, why)          {LAW_MACHINE, table, ""},
#include "store/state_recorded.def"
#undef RECORDED
#undef OPEN
#undef KEPT
#undef ONCE
#undef UNDER
#undef MACHINE
};

static bool has_law(enum law law, struct str table, struct str column)
{
    for (size_t i = 0; i < COUNT_OF(laws); i++)
        if (laws[i].law == law && str_eq(table, str_c(laws[i].table)) &&
            str_eq(column, str_c(laws[i].column)))
            return true;
    return false;
}

static bool find_work_table(struct str name, enum work_table *out)
{
    for (int t = 0; t < WORK_TABLE_COUNT; t++)
        if (str_eq(name, str_c(work_table_name((enum work_table)t)))) {
            *out = (enum work_table)t;
            return true;
        }
    return false;
}

static bool is_open(struct str table, struct str column)
{
    enum work_table work;
    uint32_t count;
    if (!find_work_table(table, &work))
        return has_law(LAW_OPEN, table, column);
    int at = work_column_find(work, column);
    return at >= 0 && work_is_recorded_open(work_columns(work, &count)[at].kind);
}

static bool read_columns(struct state *s, struct arena *arena, struct recorded_table *t, struct error *err)
{
    struct buf rows = {0};
    sqlite3_stmt *q = sql_get(s, "SELECT name FROM pragma_table_info(?) ORDER BY cid", err);
    int row = -1;
    t->once = t->under = -1;
    if (q)
        sql_text(q, 1, t->name);
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct str name = sql_column_str(q, 0, arena);
        bool is_kept = has_law(LAW_KEPT, t->name, name);
        struct recorded_column c = {name, !is_kept && is_open(t->name, name), is_kept};
        int at = (int)(rows.n / sizeof c);
        t->once = has_law(LAW_ONCE, t->name, name) ? at : t->once;
        t->under = has_law(LAW_UNDER, t->name, name) ? at : t->under;
        buf_bytes(&rows, &c, sizeof c);
    }
    t->count = (uint32_t)(rows.n / sizeof(struct recorded_column));
    t->columns = sql_rows(&rows, arena);
    return row == 0;
}

static bool read_tables(struct state *s, struct arena *arena, struct buf *tables, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name", err);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1) {
        struct recorded_table t = {.name = sql_column_str(q, 0, arena)};
        enum work_table work;
        if (has_law(LAW_RECORDED, t.name, STR_EMPTY) ||
            (find_work_table(t.name, &work) && !has_law(LAW_MACHINE, t.name, STR_EMPTY)))
            buf_bytes(tables, &t, sizeof t);
    }
    return row == 0;
}

bool state_table_has_law(struct str table)
{
    enum work_table work;
    return find_work_table(table, &work) || has_law(LAW_RECORDED, table, STR_EMPTY) ||
           has_law(LAW_MACHINE, table, STR_EMPTY);
}

bool state_recorded_tables(struct state *s, struct arena *arena, struct recorded_table **out, uint32_t *count,
                           struct error *err)
{
    struct buf tables = {0};
    state_lock(s);
    bool ok = read_tables(s, arena, &tables, err);
    *count = (uint32_t)(tables.n / sizeof(struct recorded_table));
    *out = sql_rows(&tables, arena);
    for (uint32_t i = 0; ok && i < *count; i++)
        ok = read_columns(s, arena, &(*out)[i], err);
    state_unlock(s);
    return ok;
}

/* -------------------------------------------------------------- fingerprint */

bool state_value_is_default(struct str value)
{
    return value.n == 0 || str_eq(value, STR("0"));
}

void state_row_digest(const struct recorded_table *t, const struct str *values, struct str salt,
                      char out[STATE_DIGEST_TEXT])
{
    unsigned char bytes[SHA256_BYTES];
    out[0] = 0;
    if (values == NULL)
        return;
    struct sha256 *h = sha256_new();
    sha256_add(h, salt);
    for (uint32_t i = 0; i < t->count; i++) {
        char size[32];
        if (t->columns[i].is_kept || state_value_is_default(values[i]))
            continue;
        int n = snprintf(size, sizeof size, "%c%zu:", 0, values[i].n);
        sha256_add(h, t->columns[i].name);
        sha256_add(h, str_n(size, (size_t)n));
        sha256_add(h, values[i]);
    }
    sha256_end(h, bytes);
    for (int i = 0; i < SHA256_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

/* --------------------------------------------------------------------- walk */

struct str state_value_text(sqlite3_value *value, struct arena *arena)
{
    switch (sqlite3_value_type(value)) {
    case SQLITE_INTEGER:
        return arena_printf(arena, "%lld", (long long)sqlite3_value_int64(value));
    case SQLITE_FLOAT:
        return arena_printf(arena, "%.17g", sqlite3_value_double(value));
    case SQLITE_NULL:
        return STR_EMPTY;
    default: {
        const void *p = sqlite3_value_blob(value);
        int n = sqlite3_value_bytes(value);
        return p && n > 0 ? arena_str(arena, str_n(p, (size_t)n)) : STR_EMPTY;
    }
    }
}

static bool walk_rows(struct state *s, const struct recorded_table *t, struct str condition,
                      bool (*each)(void *context, const struct captured_row *row, struct error *err),
                      void *context, struct error *err)
{
    struct arena arena;
    sqlite3_stmt *q = NULL;
    int step = -1;
    arena_init(&arena, 4096);
    struct str sql = arena_printf(&arena, "SELECT rowid, * FROM \"%.*s\" %.*s ORDER BY rowid",
                                  STR_ARGS(t->name), STR_ARGS(condition));
    state_lock(s);
    bool ok = sqlite3_prepare_v2(s->db, sql.p, (int)sql.n, &q, NULL) == SQLITE_OK ||
              error_set(err, tr("the table %.*s cannot be read: %s", "表 %.*s を読めません: %s"),
                        STR_ARGS(t->name), sqlite3_errmsg(s->db));
    while (ok && (step = sql_step(s, q, err)) == 1) {
        arena_reset(&arena);
        struct str *values = ARENA_ARRAY(&arena, struct str, t->count + 1);
        for (uint32_t i = 0; i < t->count; i++)
            values[i] = state_value_text(sqlite3_column_value(q, (int)i + 1), &arena);
        struct captured_row row = {.table = t, .id = sql_column_u64(q, 0), .new_values = values};
        ok = each(context, &row, err);
    }
    sqlite3_finalize(q);
    state_unlock(s);
    arena_free(&arena);
    return ok && step == 0;
}

bool state_recorded_walk(struct state *s, const struct recorded_table *t,
                         bool (*each)(void *context, const struct captured_row *row, struct error *err),
                         void *context, struct error *err)
{
    char condition[200] = "";
    if (t->once >= 0)
        snprintf(condition, sizeof condition, "WHERE \"%.*s\" <> 0", STR_ARGS(t->columns[t->once].name));
    else if (t->under >= 0)
        snprintf(condition, sizeof condition, "WHERE \"%.*s\" IN (SELECT id FROM incident WHERE state <> 0)",
                 STR_ARGS(t->columns[t->under].name));
    return walk_rows(s, t, str_c(condition), each, context, err);
}

bool state_recorded_walk_under(struct state *s, const struct recorded_table *t, uint64_t parent,
                               bool (*each)(void *context, const struct captured_row *row, struct error *err),
                               void *context, struct error *err)
{
    char condition[200];
    snprintf(condition, sizeof condition, "WHERE \"%.*s\" = %lld", STR_ARGS(t->columns[t->under].name),
             (long long)parent);
    return walk_rows(s, t, str_c(condition), each, context, err);
}
