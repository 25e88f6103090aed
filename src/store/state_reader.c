/* Stage: store. The state for reports, read only. Next: state_reader_tables.c, whose SQL it runs. */
#include "store/state_reader.h"

#include <sqlite3.h>
#include <stdio.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/state_parts.h"
#include "store/state_reader_tables.h"

#define COLUMNS_MAX 32

struct state_reader {
    sqlite3 *db;
};

static bool fail(const struct state_reader *s, struct str table, struct error *err)
{
    return error_set(err,
                     tr("the state could not be read for '%.*s': %s", "状態から '%.*s' を読めません: %s"),
                     STR_ARGS(table), sqlite3_errmsg(s->db));
}

struct state_reader *state_reader_open(const char *data_dir, struct error *err)
{
    struct state_reader *s = NEW(struct state_reader);
    struct buf path = {0};
    buf_printf(&path, "%s/state.db", data_dir);
    s->db = state_parts_open_readonly(buf_cstr(&path), err);
    buf_free(&path);
    /* The first read fixes what all later ones see. */
    bool ok = s->db != NULL &&
              (sqlite3_exec(s->db, "BEGIN; SELECT count(*) FROM part", NULL, NULL, NULL) == SQLITE_OK ||
               fail(s, STR("part"), err));
    if (ok)
        return s;
    state_reader_close(s);
    return NULL;
}

void state_reader_close(struct state_reader *s)
{
    if (s == NULL)
        return;
    if (s->db != NULL)
        state_parts_close(s->db);
    memory_free(s);
}

const char *state_reader_sql(struct str table)
{
    for (size_t i = 0; i < state_named_table_count; i++)
        if (str_eq(table, str_c(state_named_tables[i].name)))
            return state_named_tables[i].sql;
    return NULL;
}

static void bind(sqlite3_stmt *q, const struct state_argument *arguments, size_t count)
{
    for (int i = 1; i <= sqlite3_bind_parameter_count(q); i++) {
        const char *name = sqlite3_bind_parameter_name(q, i);
        for (size_t a = 0; name != NULL && a < count; a++)
            if (str_eq(arguments[a].name, str_c(name + 1)))
                sqlite3_bind_int64(q, i, arguments[a].number);
    }
}

static struct state_value value_at(sqlite3_stmt *q, int i)
{
    switch (sqlite3_column_type(q, i)) {
    case SQLITE_INTEGER:
        return (struct state_value){.kind = STATE_WHOLE, .whole = sqlite3_column_int64(q, i)};
    case SQLITE_FLOAT:
        return (struct state_value){.kind = STATE_REAL, .real = sqlite3_column_double(q, i)};
    case SQLITE_NULL:
        return (struct state_value){.kind = STATE_NULL};
    default:;
        const char *text = (const char *)sqlite3_column_text(q, i);
        return (struct state_value){.kind = STATE_TEXT,
                                    .text = {text ? text : "", (size_t)sqlite3_column_bytes(q, i)}};
    }
}

static bool read_rows(sqlite3_stmt *q, const struct str *names, uint32_t count, state_row_fn *row,
                      void *context)
{
    struct state_value values[COLUMNS_MAX];
    int step;
    while ((step = sqlite3_step(q)) == SQLITE_ROW) {
        for (uint32_t i = 0; i < count; i++)
            values[i] = value_at(q, (int)i);
        if (!row(context, names, values, count))
            return true;
    }
    return step == SQLITE_DONE;
}

bool state_reader_table(struct state_reader *s, struct str table, const struct state_argument *arguments,
                        size_t argument_count,
                        void (*columns)(void *context, const struct str *names, uint32_t count),
                        state_row_fn *row, void *context, struct error *err)
{
    struct str names[COLUMNS_MAX];
    sqlite3_stmt *q = NULL;
    const char *sql = state_reader_sql(table);
    if (sql == NULL)
        return error_set(err,
                         tr("the state has no table '%.*s' for reports", "報告書用の表 '%.*s' はありません"),
                         STR_ARGS(table));
    if (sqlite3_prepare_v2(s->db, sql, -1, &q, NULL) != SQLITE_OK)
        return fail(s, table, err);
    uint32_t count = (uint32_t)sqlite3_column_count(q);
    BUG_IF(count > COLUMNS_MAX);
    for (uint32_t i = 0; i < count; i++)
        names[i] = str_c(sqlite3_column_name(q, (int)i));
    bind(q, arguments, argument_count);
    if (columns != NULL)
        columns(context, names, count);
    bool ok = read_rows(q, names, count, row, context) || fail(s, table, err);
    sqlite3_finalize(q);
    return ok;
}

bool state_reader_desk_part(struct state_reader *s, const char *name, struct arena *arena, struct str *out,
                            struct error *err)
{
    sqlite3_stmt *q = NULL;
    *out = STR_EMPTY;
    if (sqlite3_prepare_v2(s->db, "SELECT bytes FROM desk_part WHERE name = ?", -1, &q, NULL) != SQLITE_OK)
        return fail(s, STR("desk_part"), err);
    sqlite3_bind_text(q, 1, name, -1, SQLITE_STATIC);
    int step = sqlite3_step(q);
    if (step == SQLITE_ROW)
        *out = arena_str(arena, str_n(sqlite3_column_blob(q, 0), (size_t)sqlite3_column_bytes(q, 0)));
    bool ok = step == SQLITE_ROW || step == SQLITE_DONE || fail(s, STR("desk_part"), err);
    sqlite3_finalize(q);
    return ok;
}
