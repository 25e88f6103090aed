/* Stage: store. Rows of the work on incidents; the tables are described by state_work.def. Statements are
 * made for each call: people do this, not events. Next: state_work_schema.c. */
#include "store/state_work.h"

#include "base/clock.h"
#include "base/log.h"
#include "store/state_sql.h"

#define TABLE(table, name)                static const struct work_column columns_##table[] = {
#define COLUMN(table, column, name, kind) {name, WORK_##kind},
#define END(table)                                                                                           \
    }                                                                                                        \
    ;
#include "store/state_work.def"
#undef TABLE
#undef COLUMN
#undef END

#define TABLE(table, name) {name, columns_##table, table##_COLUMNS},
#define COLUMN(table, column, name, kind)
#define END(table)
static const struct {
    const char *name;
    const struct work_column *columns;
    uint32_t count;
} tables[] = {
#include "store/state_work.def"
};
#undef TABLE
#undef COLUMN
#undef END

/* ------------------------------------------------------------- description */

const char *work_table_name(enum work_table table)
{
    return tables[table].name;
}

const struct work_column *work_columns(enum work_table table, uint32_t *count)
{
    *count = tables[table].count;
    return tables[table].columns;
}

int work_column_find(enum work_table table, struct str name)
{
    for (uint32_t i = 0; i < tables[table].count; i++)
        if (str_eq(name, str_c(tables[table].columns[i].name)))
            return (int)i;
    return -1;
}

bool work_is_recorded_open(enum work_kind kind)
{
    return kind != WORK_PROSE && kind != WORK_PERSON && kind != WORK_JSON && kind != WORK_ENGLISH &&
           kind != WORK_JAPANESE;
}

int64_t work_number(const struct work_row *row, int column)
{
    int64_t number;
    return str_to_i64(row->values[column], &number) ? number : 0;
}

bool work_flag(const struct work_row *row, int column)
{
    return work_number(row, column) != 0;
}

struct str work_text_of(int64_t number, struct arena *arena)
{
    return arena_printf(arena, "%lld", (long long)number);
}

static bool is_number(enum work_kind kind)
{
    return kind == WORK_NUMBER || kind == WORK_TIME || kind == WORK_BOOLEAN;
}

/* --------------------------------------------------------------- statements */

static sqlite3_stmt *prepare(struct state *s, struct buf *sql, struct error *err)
{
    sqlite3_stmt *q = NULL;
    if (sqlite3_prepare_v2(s->db, sql->p, (int)sql->n, &q, NULL) != SQLITE_OK)
        error_set(err, tr("%s cannot be asked: %s", "%s に問い合わせできません: %s"), s->path,
                  sqlite3_errmsg(s->db));
    buf_free(sql);
    return q;
}

static void bind(sqlite3_stmt *q, int at, enum work_kind kind, struct str value)
{
    int64_t number = 0;
    if (!is_number(kind)) {
        sql_text(q, at, value);
        return;
    }
    if (!str_to_i64(value, &number))
        number = 0;
    sql_i64(q, at, number);
}

static bool finish(struct state *s, sqlite3_stmt *q, struct error *err)
{
    bool ok = q != NULL && sql_run(s, q, err);
    sqlite3_finalize(q);
    return ok;
}

static void add_columns(struct buf *sql, enum work_table table)
{
    for (uint32_t i = 0; i < tables[table].count; i++)
        buf_printf(sql, "%s\"%s\"", i ? ", " : "", tables[table].columns[i].name);
}

bool state_work_add(struct state *s, enum work_table table, struct work_row *row, struct error *err)
{
    struct buf sql = {0};
    if (!state_begin(s, err))
        return false;
    buf_printf(&sql, "INSERT INTO %s (", tables[table].name);
    add_columns(&sql, table);
    buf_c(&sql, ") VALUES (");
    for (uint32_t i = 0; i < tables[table].count; i++)
        buf_c(&sql, i ? ", ?" : "?");
    buf_char(&sql, ')');
    sqlite3_stmt *q = prepare(s, &sql, err);
    for (uint32_t i = 0; q != NULL && i < tables[table].count; i++)
        bind(q, (int)i + 1, tables[table].columns[i].kind, row->values[i].p ? row->values[i] : STR_EMPTY);
    bool ok = finish(s, q, err);
    if (ok)
        row->id = (uint64_t)sqlite3_last_insert_rowid(s->db);
    return state_end(s, ok, err);
}

static bool no_such_row(enum work_table table, uint64_t id, struct error *err)
{
    return error_set(err, tr("there is no %s %llu", "%s %llu はありません"), tables[table].name + 5,
                     (unsigned long long)id);
}

bool state_work_set(struct state *s, enum work_table table, uint64_t id, int column, struct str value,
                    struct error *err)
{
    struct buf sql = {0};
    if (!state_begin(s, err))
        return false;
    buf_printf(&sql, "UPDATE %s SET \"%s\" = ?1 WHERE id = ?2", tables[table].name,
               tables[table].columns[column].name);
    sqlite3_stmt *q = prepare(s, &sql, err);
    if (q != NULL) {
        bind(q, 1, tables[table].columns[column].kind, value);
        sql_u64(q, 2, id);
    }
    bool ok = finish(s, q, err) && (sqlite3_changes(s->db) == 1 || no_such_row(table, id, err));
    return state_end(s, ok, err);
}

bool state_work_remove(struct state *s, enum work_table table, uint64_t id, struct error *err)
{
    struct buf sql = {0};
    if (!state_begin(s, err))
        return false;
    buf_printf(&sql, "DELETE FROM %s WHERE id = ?1", tables[table].name);
    sqlite3_stmt *q = prepare(s, &sql, err);
    if (q != NULL)
        sql_u64(q, 1, id);
    bool ok = finish(s, q, err) && (sqlite3_changes(s->db) == 1 || no_such_row(table, id, err));
    return state_end(s, ok, err);
}

static void read_row(sqlite3_stmt *q, enum work_table table, struct arena *arena, struct work_row *row)
{
    *row = (struct work_row){.id = sql_column_u64(q, 0)};
    for (uint32_t i = 0; i < tables[table].count; i++)
        row->values[i] = sql_column_str(q, (int)i + 1, arena);
}

bool state_work_get(struct state *s, enum work_table table, uint64_t id, struct arena *arena,
                    struct work_row *out, struct error *err)
{
    struct buf sql = {0};
    state_lock(s);
    buf_c(&sql, "SELECT id, ");
    add_columns(&sql, table);
    buf_printf(&sql, " FROM %s WHERE id = ?1", tables[table].name);
    sqlite3_stmt *q = prepare(s, &sql, err);
    if (q != NULL)
        sql_u64(q, 1, id);
    int row = q ? sql_step(s, q, err) : -1;
    if (row == 1)
        read_row(q, table, arena, out);
    else if (row == 0)
        no_such_row(table, id, err);
    sqlite3_finalize(q);
    state_unlock(s);
    return row == 1;
}

bool state_work_list(struct state *s, enum work_table table, int column, struct str value, uint32_t limit,
                     struct arena *arena, struct work_rows *out, struct error *err)
{
    struct buf sql = {0}, rows = {0};
    int row = -1;
    state_lock(s);
    buf_c(&sql, "SELECT * FROM (SELECT id, ");
    add_columns(&sql, table);
    buf_printf(&sql, " FROM %s", tables[table].name);
    if (column >= 0)
        buf_printf(&sql, " WHERE \"%s\" = ?1", tables[table].columns[column].name);
    buf_printf(&sql, " ORDER BY id DESC LIMIT %u) ORDER BY id", limit);
    sqlite3_stmt *q = prepare(s, &sql, err);
    if (q != NULL && column >= 0)
        bind(q, 1, tables[table].columns[column].kind, value);
    while (q != NULL && (row = sql_step(s, q, err)) == 1) {
        struct work_row r;
        read_row(q, table, arena, &r);
        buf_bytes(&rows, &r, sizeof r);
    }
    sqlite3_finalize(q);
    state_unlock(s);
    out->count = (uint32_t)(rows.n / sizeof(struct work_row));
    out->rows = sql_rows(&rows, arena);
    return row == 0;
}

/* ------------------------------------------------------------------- JSON */

static void put_list(struct json_writer *w, struct str list)
{
    struct str part;
    json_begin_array(w);
    while (list.n && str_split(&list, ';', &part))
        if (part.n)
            json_put_str(w, part);
    json_end_array(w);
}

static void put_both(struct json_writer *w, const char *name, struct str en, struct str ja)
{
    struct str key = str_c(name);
    json_key_str(w, str_slice(key, 0, key.n - 3)); /* without "_en" */
    json_put_both(w, en, ja);
}

static void put_value(struct json_writer *w, enum work_kind kind, const struct work_row *row, int at,
                      bool sees_persons)
{
    int64_t number = is_number(kind) ? work_number(row, at) : 0;
    if (kind == WORK_LIST)
        put_list(w, row->values[at]);
    else if (kind == WORK_NUMBER)
        json_put_i64(w, number);
    else if (kind == WORK_TIME)
        json_put_time(w, number ? number : TIME_UNKNOWN);
    else if (kind == WORK_BOOLEAN)
        json_put_bool(w, number != 0);
    else if (kind == WORK_JSON)
        json_put_json(w, row->values[at].n ? row->values[at] : STR("[]"));
    else
        json_put_str(w, kind == WORK_PERSON && !sees_persons ? STR_EMPTY : row->values[at]);
}

void work_row_members(enum work_table table, const struct work_row *row, bool sees_persons,
                      struct json_writer *w)
{
    json_key(w, "id");
    json_put_u64(w, row->id);
    for (uint32_t i = 0; i < tables[table].count; i++) {
        const struct work_column *column = &tables[table].columns[i];
        if (column->kind == WORK_JAPANESE)
            continue;
        if (column->kind == WORK_ENGLISH) {
            put_both(w, column->name, row->values[i], row->values[i + 1]);
            continue;
        }
        json_key(w, column->name);
        put_value(w, column->kind, row, (int)i, sees_persons);
    }
}
