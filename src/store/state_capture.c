/* Stage: store. What a transaction changes in recorded tables, seen by SQLite's preupdate hook while it
 * happens. Marks follow the savepoints: what is undone is forgotten.
 *
 *   hook: rows[] ──take──▶ entry of the record (src/recorder/recorder.c)
 *            └── still there at the outermost commit ──▶ unrecorded() ──▶ entry, or nothing is kept
 *
 * Candidates are no incidents yet: their rows are left out, and come in whole once the candidate is one. */
#define SQLITE_ENABLE_PREUPDATE_HOOK
#include "store/state_capture.h"

#include "base/log.h"
#include "base/memory.h"
#include "store/state_capture_internal.h"

#define MARKS_MAX 16

struct raw_row {
    const struct recorded_table *table;
    int64_t old_id, id;
    struct str *old_values, *new_values;
    bool is_first; /* from now on it is recorded: its kin under it come too */
};

struct state_capture {
    struct arena arena; /* tables; what is captured lives in `rows_arena` */
    struct arena rows_arena;
    struct recorded_table *tables;
    uint32_t count;
    struct map by_name; /* table → index + 1 */
    struct buf rows;    /* struct raw_row */
    size_t marks[MARKS_MAX];
    bool swallowed[MARKS_MAX]; /* an entry took what was changed before this savepoint */
    bool is_broken;
    int64_t parent; /* the last row of incident that was seen, and whether it is only a candidate */
    bool parent_is_left_out;
    bool (*unrecorded)(void *context, struct error *err);
    void *context;
};

/* --------------------------------------------------------------------- hook */

static struct str *read_values(struct state_capture *c, sqlite3 *db, const struct recorded_table *t,
                               int (*get)(sqlite3 *db, int column, sqlite3_value **out))
{
    struct str *values = ARENA_ARRAY(&c->rows_arena, struct str, t->count + 1);
    for (uint32_t i = 0; i < t->count; i++) {
        sqlite3_value *value = NULL;
        values[i] = get(db, (int)i, &value) == SQLITE_OK && value ? state_value_text(value, &c->rows_arena)
                                                                  : STR_EMPTY;
    }
    return values;
}

static bool differs(const struct recorded_table *t, const struct str *a, const struct str *b)
{
    for (uint32_t i = 0; i < t->count; i++)
        if (!t->columns[i].is_kept && !str_eq(a[i], b[i]))
            return true;
    return false;
}

static bool is_same_value(sqlite3_value *a, sqlite3_value *b)
{
    int type = sqlite3_value_type(a);
    if (type != sqlite3_value_type(b))
        return false;
    if (type == SQLITE_INTEGER)
        return sqlite3_value_int64(a) == sqlite3_value_int64(b);
    if (type == SQLITE_NULL)
        return true;
    const void *left = type == SQLITE_FLOAT ? NULL : sqlite3_value_blob(a);
    const void *right = type == SQLITE_FLOAT ? NULL : sqlite3_value_blob(b);
    int n = type == SQLITE_FLOAT ? -1 : sqlite3_value_bytes(a);
    return n >= 0 && n == sqlite3_value_bytes(b) && (n == 0 || memcmp(left, right, (size_t)n) == 0);
}

/* Of an update, without a copy: most only count on. False for certain only; a real number is looked at again.
 */
static bool differs_now(const struct recorded_table *t, sqlite3 *db)
{
    for (uint32_t i = 0; i < t->count; i++) {
        sqlite3_value *old_value = NULL, *new_value = NULL;
        if (t->columns[i].is_kept)
            continue;
        if (sqlite3_preupdate_old(db, (int)i, &old_value) != SQLITE_OK ||
            sqlite3_preupdate_new(db, (int)i, &new_value) != SQLITE_OK || old_value == NULL ||
            new_value == NULL || !is_same_value(old_value, new_value))
            return true;
    }
    return false;
}

static bool is_set(const struct recorded_table *t, sqlite3 *db,
                   int (*get)(sqlite3 *db, int column, sqlite3_value **out))
{
    sqlite3_value *value = NULL;
    return get(db, t->once, &value) != SQLITE_OK || value == NULL || sqlite3_value_int64(value) != 0;
}

/* An update that changes nothing of what is recorded, seen without a copy of the row. */
static bool is_nothing(struct state_capture *c, const struct raw_row *r, sqlite3 *db)
{
    bool was = true, is = true;
    if (r->table->once >= 0) {
        was = is_set(r->table, db, sqlite3_preupdate_old);
        is = is_set(r->table, db, sqlite3_preupdate_new);
    }
    if (was != is || (is && differs_now(r->table, db)))
        return false;
    if (r->table->once >= 0) {
        c->parent = r->id;
        c->parent_is_left_out = !is;
    }
    return true;
}

/* True when the row stays outside: it and what it was are not recorded yet. */
static bool apply_once(struct state_capture *c, struct raw_row *r)
{
    int once = r->table->once;
    if (once < 0)
        return false;
    bool was = r->old_values && !state_value_is_default(r->old_values[once]);
    bool is = r->new_values && !state_value_is_default(r->new_values[once]);
    r->is_first = !was && is;
    r->old_values = was ? r->old_values : NULL;
    r->new_values = is ? r->new_values : NULL;
    c->parent = r->id;
    c->parent_is_left_out = !was && !is;
    return !was && !is;
}

/* Of a row that is told by its parent alone: looked at before anything is read of it, since most of what
 * changes is a candidate's. */
static bool is_under_left_out(const struct state_capture *c, const struct recorded_table *t, sqlite3 *db,
                              int operation)
{
    sqlite3_value *parent = NULL;
    if (t->under < 0 || t->once >= 0 || !c->parent_is_left_out)
        return false;
    int status = operation == SQLITE_DELETE ? sqlite3_preupdate_old(db, t->under, &parent)
                                            : sqlite3_preupdate_new(db, t->under, &parent);
    return status == SQLITE_OK && parent != NULL && sqlite3_value_type(parent) == SQLITE_INTEGER &&
           sqlite3_value_int64(parent) == c->parent;
}

static void on_change(void *context, sqlite3 *db, int operation, const char *schema, const char *table,
                      sqlite3_int64 old_id, sqlite3_int64 new_id)
{
    struct state_capture *c = context;
    uintptr_t *at = map_find(&c->by_name, str_c(table));
    if (at == NULL || strcmp(schema, "main") != 0)
        return;
    struct raw_row r = {.table = &c->tables[*at], .old_id = old_id, .id = new_id};
    if (is_under_left_out(c, r.table, db, operation) ||
        (operation == SQLITE_UPDATE && old_id == new_id && is_nothing(c, &r, db)))
        return;
    if (operation != SQLITE_INSERT)
        r.old_values = read_values(c, db, r.table, sqlite3_preupdate_old);
    if (operation != SQLITE_DELETE)
        r.new_values = read_values(c, db, r.table, sqlite3_preupdate_new);
    else
        r.id = old_id;
    bool is_silent = r.old_values && r.new_values && !differs(r.table, r.old_values, r.new_values);
    if (apply_once(c, &r) || (is_silent && !r.is_first))
        return;
    buf_bytes(&c->rows, &r, sizeof r);
}

/* -------------------------------------------------------------- transactions */

void state_capture_began(struct state *s)
{
    struct state_capture *c = s->capture;
    if (c == NULL)
        return;
    BUG_IF(s->depth >= MARKS_MAX);
    c->marks[s->depth] = c->rows.n;
    c->swallowed[s->depth] = false;
}

static void forget(struct state_capture *c)
{
    buf_clear(&c->rows);
    arena_reset(&c->rows_arena);
    c->parent = 0;
    c->parent_is_left_out = c->is_broken = false;
}

void state_capture_undone(struct state *s)
{
    struct state_capture *c = s->capture;
    if (c == NULL)
        return;
    c->is_broken |= c->swallowed[s->depth];
    if (c->marks[s->depth] < c->rows.n)
        c->rows.n = c->marks[s->depth];
    c->parent_is_left_out = false;
    if (s->depth == 1)
        forget(c);
}

void state_capture_ended(struct state *s)
{
    if (s->capture != NULL && s->depth == 1)
        forget(s->capture);
}

bool state_capture_may_commit(struct state *s, struct error *err)
{
    struct state_capture *c = s->capture;
    if (c == NULL || s->depth != 1)
        return true;
    if (c->is_broken)
        return error_set(err, "%s",
                         tr("a change lost its entry in the response record; nothing was kept",
                            "変更の対応記録が取り消されたため、変更を保存しませんでした"));
    return !state_capture_waits(s) || c->unrecorded(c->context, err);
}

/* --------------------------------------------------------------------- arming */

bool state_capture_arm(struct state *s, bool (*unrecorded)(void *context, struct error *err), void *context,
                       struct error *err)
{
    struct state_capture *c = NEW(struct state_capture);
    c->unrecorded = unrecorded;
    c->context = context;
    arena_init(&c->arena, 16 << 10);
    arena_init(&c->rows_arena, 16 << 10);
    state_lock(s);
    BUG_IF(s->capture != NULL || s->depth != 0);
    s->capture = c;
    bool ok = state_recorded_tables(s, &c->arena, &c->tables, &c->count, err);
    for (uint32_t i = 0; ok && i < c->count; i++)
        *map_put(&c->by_name, c->tables[i].name, NULL) = i;
    if (ok)
        sqlite3_preupdate_hook(s->db, on_change, c);
    else
        state_capture_disarm(s);
    state_unlock(s);
    return ok;
}

void state_capture_disarm(struct state *s)
{
    state_lock(s);
    struct state_capture *c = s->capture;
    if (c != NULL) {
        sqlite3_preupdate_hook(s->db, NULL, NULL);
        s->capture = NULL;
        map_free(&c->by_name);
        buf_free(&c->rows);
        arena_free(&c->rows_arena);
        arena_free(&c->arena);
        memory_free(c);
    }
    state_unlock(s);
}

/* --------------------------------------------------------------------- taking */

/* Whether the incident that this row belongs to is one; what belongs to a candidate that went is nothing. */
static bool is_recorded_parent(struct state *s, struct str parent, bool *out, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, "SELECT 1 FROM incident WHERE id = ? AND state <> 0", err);
    if (!q)
        return false;
    sql_text(q, 1, parent);
    int row = sql_step(s, q, err);
    *out = row == 1;
    sqlite3_reset(q);
    return row >= 0;
}

/* *out false: the row stays outside. */
static bool belongs(struct state *s, const struct raw_row *r, bool *out, struct error *err)
{
    *out = true;
    int under = r->table->under;
    if (under < 0)
        return true;
    bool ok = is_recorded_parent(s, (r->new_values ? r->new_values : r->old_values)[under], out, err);
    if (ok && !*out && r->new_values && r->old_values)
        ok = is_recorded_parent(s, r->old_values[under], out, err);
    return ok;
}

bool state_capture_waits(struct state *s)
{
    struct state_capture *c = s->capture;
    const struct raw_row *rows = c ? (const void *)c->rows.p : NULL;
    size_t count = c ? c->rows.n / sizeof *rows : 0;
    for (size_t i = 0; i < count; i++) {
        struct error err;
        bool is = true;
        if (!belongs(s, &rows[i], &is, &err) || is)
            return true; /* when in doubt, an entry */
    }
    return false;
}

struct taking {
    struct arena *arena;
    struct map places; /* "table/id" → index + 1 */
    struct buf rows;   /* struct captured_row */
};

static const struct str *copy_values(struct taking *t, const struct recorded_table *table,
                                     const struct str *values)
{
    if (values == NULL)
        return NULL;
    struct str *copy = ARENA_ARRAY(t->arena, struct str, table->count + 1);
    for (uint32_t i = 0; i < table->count; i++)
        copy[i] = arena_str(t->arena, values[i]);
    return copy;
}

static void take_row(struct taking *t, const struct recorded_table *table, uint64_t id,
                     const struct str *old_values, const struct str *new_values)
{
    bool is_new;
    struct str key = arena_printf(t->arena, "%.*s/%llu", STR_ARGS(table->name), (unsigned long long)id);
    uintptr_t *at = map_put(&t->places, key, &is_new);
    new_values = copy_values(t, table, new_values);
    if (!is_new) {
        ((struct captured_row *)(void *)t->rows.p)[*at].new_values = new_values;
        return;
    }
    *at = t->rows.n / sizeof(struct captured_row);
    struct captured_row row = {table, id, copy_values(t, table, old_values), new_values};
    buf_bytes(&t->rows, &row, sizeof row);
}

static bool take_kin(void *context, const struct captured_row *row, struct error *err)
{
    (void)err;
    take_row(context, row->table, row->id, NULL, row->new_values);
    return true;
}

/* A candidate became an incident: what was found of it before is part of it now. */
static bool take_all_kin(struct state *s, struct taking *t, uint64_t parent, struct error *err)
{
    struct state_capture *c = s->capture;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->tables[i].under >= 0 && !state_recorded_walk_under(s, &c->tables[i], parent, take_kin, t, err))
            return false;
    return true;
}

static void mark_swallowed(struct state *s)
{
    struct state_capture *c = s->capture;
    for (unsigned d = 1; d <= s->depth; d++) {
        c->swallowed[d] |= c->marks[d] > 0;
        c->marks[d] = 0;
    }
    buf_clear(&c->rows);
    arena_reset(&c->rows_arena);
}

bool state_capture_take(struct state *s, struct arena *arena, struct captured_row **rows, uint32_t *count,
                        struct error *err)
{
    struct taking t = {.arena = arena};
    struct state_capture *c = s->capture;
    bool ok = true;
    const struct raw_row *raw = c ? (const void *)c->rows.p : NULL;
    size_t raw_count = c ? c->rows.n / sizeof *raw : 0;
    for (size_t i = 0; ok && i < raw_count; i++) {
        bool is;
        ok = belongs(s, &raw[i], &is, err);
        if (ok && is)
            take_row(&t, raw[i].table, (uint64_t)raw[i].id, raw[i].old_values, raw[i].new_values);
    }
    for (size_t i = 0; ok && i < raw_count; i++) /* behind them: what moved there keeps its old place */
        ok = !raw[i].is_first || take_all_kin(s, &t, (uint64_t)raw[i].id, err);
    if (ok && c)
        mark_swallowed(s);
    *count = (uint32_t)(t.rows.n / sizeof **rows);
    *rows = sql_rows(&t.rows, arena);
    map_free(&t.places);
    return ok;
}
