/* Stage: store. Hosts, users, departments, networks, exceptions and conditions in the state database. Which
 * member is which column comes from event/asset_columns.def; the tables have the same order. Next:
 * state_sources.c. */
#include "store/state_assets.h"

#include <stddef.h>

#include "base/buf.h"
#include "store/state_sql.h"

struct column {
    enum asset_kind kind;
    size_t offset;
};

static const struct {
    enum asset_file file;
    struct column column;
} columns[] = {
#define ASSET_COLUMN(file, type, member, name, kind)                                                         \
    {ASSET_##file, {ASSET_##kind, offsetof(struct type, member)}},
#include "event/asset_columns.def"
#undef ASSET_COLUMN
};

#define ROW_COLUMNS "valid_from_ns, valid_to_ns, labels, line"
#define TABLE(name, listed, marks)                                                                           \
    "INSERT INTO " name " (row_hash, imported_ns, " ROW_COLUMNS ", " listed                                  \
    ") VALUES (?, ?, ?, ?, ?, ?, " marks ")",                                                                \
        "SELECT id, row_hash FROM " name " WHERE retired_ns IS NULL",                                        \
        "UPDATE " name " SET line = ? WHERE id = ?", "UPDATE " name " SET retired_ns = ? WHERE id = ?",      \
        "SELECT " ROW_COLUMNS ", retired_ns, " listed " FROM " name                                          \
        " WHERE ? OR retired_ns IS NULL ORDER BY line, id"

static const struct table {
    size_t row_bytes, rows_offset;
    const char *insert, *in_force, *move, *retire, *load;
} tables[ASSET_FILE_COUNT] = {
    [ASSET_HOSTS] =
        {sizeof(struct asset_host), offsetof(struct asset_set, hosts),
         TABLE("asset_host",
               "ip, hostname, mac, owner, department, importance, role, type, approved_applications",
               "?, ?, ?, ?, ?, ?, ?, ?, ?")},
    [ASSET_USERS] = {sizeof(struct asset_user), offsetof(struct asset_set, users),
                     TABLE("asset_user", "user, department, role, importance, host", "?, ?, ?, ?, ?")},
    [ASSET_DEPARTMENTS] = {sizeof(struct asset_department), offsetof(struct asset_set, departments),
                           TABLE("asset_department",
                                 "department, network, sensor, importance, approved_applications",
                                 "?, ?, ?, ?, ?")},
    [ASSET_NETWORKS] = {sizeof(struct asset_network), offsetof(struct asset_set, networks),
                        TABLE("asset_network", "cidr, department, zone, sensor", "?, ?, ?, ?")},
    [ASSET_EXCEPTIONS] = {sizeof(struct asset_exception), offsetof(struct asset_set, exceptions),
                          TABLE("asset_exception",
                                "kind, ip, protocol, port, domain, \"window\", reason, owner, expires_ns",
                                "?, ?, ?, ?, ?, ?, ?, ?, ?")},
    [ASSET_CONDITIONS] = {sizeof(struct asset_condition), offsetof(struct asset_set, conditions),
                          TABLE("asset_condition", "kind, value, reason, added_by, review_ns",
                                "?, ?, ?, ?, ?")},
};

#define WINDOW_BASE 10000 /* from_minute * WINDOW_BASE + to_minute */

static void join_list(const struct asset_list *list, struct buf *out)
{
    for (uint32_t i = 0; i < list->count; i++) {
        if (i)
            buf_char(out, ';');
        buf_add(out, list->items[i]);
    }
}

static bool is_number(enum asset_kind kind)
{
    return kind == ASSET_LEVEL || kind == ASSET_FLAG || kind == ASSET_WINDOW || kind == ASSET_UNTIL;
}

static int64_t number_of(const struct column *c, const char *row)
{
    const void *member = row + c->offset;
    if (c->kind == ASSET_UNTIL)
        return *(const int64_t *)member;
    if (c->kind == ASSET_WINDOW) {
        const struct asset_window *w = member;
        return (int64_t)w->from_minute * WINDOW_BASE + w->to_minute;
    }
    return *(const int *)member;
}

static void text_of(const struct column *c, const char *row, struct buf *out)
{
    const void *member = row + c->offset;
    if (c->kind == ASSET_TEXT || c->kind == ASSET_WORD)
        buf_add(out, *(const struct str *)member);
    else
        join_list(member, out);
}

/* Two rows are the same when they say the same; the line does not count. */
static void hash_row(enum asset_file file, const char *row, struct buf *text, uint64_t hash[2])
{
    const struct asset_row *head = (const struct asset_row *)(const void *)row;
    buf_clear(text);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (columns[i].file != file)
            continue;
        if (is_number(columns[i].column.kind))
            buf_i64(text, number_of(&columns[i].column, row));
        else
            text_of(&columns[i].column, row, text);
        buf_char(text, '\0');
    }
    buf_printf(text, "%lld %lld ", (long long)head->valid_from_ns, (long long)head->valid_to_ns);
    buf_add(text, head->labels);
    hash[0] = str_hash(buf_str(text));
    buf_char(text, '\1');
    hash[1] = str_hash(buf_str(text));
}

static bool insert_row(struct state *s, enum asset_file file, const char *row, const uint64_t hash[2],
                       int64_t imported_ns, struct buf *text, struct error *err)
{
    const struct asset_row *head = (const struct asset_row *)(const void *)row;
    sqlite3_stmt *q = sql_get(s, tables[file].insert, err);
    if (!q)
        return false;
    int at = 1;
    sql_blob(q, at++, hash, 16);
    sql_i64(q, at++, imported_ns);
    sql_i64(q, at++, head->valid_from_ns);
    sql_i64(q, at++, head->valid_to_ns);
    sql_text(q, at++, head->labels);
    sql_i64(q, at++, head->line);
    for (size_t i = 0; i < COUNT_OF(columns); i++) {
        if (columns[i].file != file)
            continue;
        buf_clear(text);
        if (is_number(columns[i].column.kind)) {
            sql_i64(q, at++, number_of(&columns[i].column, row));
        } else {
            text_of(&columns[i].column, row, text);
            sql_text(q, at++, buf_str(text));
        }
    }
    return sql_run(s, q, err);
}

struct in_force { /* the rows of one table that hold now; seen = also in the new set */
    struct map by_hash;
    struct arena arena;
};
enum { SEEN_BIT = 1 };

static bool read_in_force(struct state *s, enum asset_file file, struct in_force *now, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, tables[file].in_force, err);
    int row = -1;
    while (q && (row = sql_step(s, q, err)) == 1)
        *map_put(&now->by_hash, sql_column_str(q, 1, &now->arena), NULL) = (uintptr_t)sql_column_u64(q, 0)
                                                                           << 1;
    return row == 0;
}

static bool run_on_row(struct state *s, const char *sql, int64_t value, uintptr_t entry, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, sql, err);
    if (!q)
        return false;
    sql_i64(q, 1, value);
    sql_i64(q, 2, (int64_t)(entry >> 1));
    return sql_run(s, q, err);
}

static bool retire_unseen(struct state *s, enum asset_file file, const struct in_force *now,
                          int64_t imported_ns, uint32_t *retired, struct error *err)
{
    for (uint32_t i = 0; i < now->by_hash.count; i++) {
        uintptr_t entry = now->by_hash.entries[i].value;
        if (entry & SEEN_BIT)
            continue;
        if (!run_on_row(s, tables[file].retire, imported_ns, entry, err))
            return false;
        ++*retired;
    }
    return true;
}

static bool save_rows(struct state *s, const struct asset_set *set, enum asset_file file,
                      struct in_force *now, int64_t imported_ns, struct asset_counts *counts,
                      struct error *err)
{
    const char *rows;
    memcpy(&rows, (const char *)set + tables[file].rows_offset, sizeof(rows));
    struct buf text = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < set->counts[file]; i++) {
        const char *row = rows + i * tables[file].row_bytes;
        uint64_t hash[2];
        bool is_new;
        hash_row(file, row, &text, hash);
        uintptr_t *entry =
            map_put(&now->by_hash, arena_str(&now->arena, str_n((const char *)hash, 16)), &is_new);
        if (is_new) {
            *entry = SEEN_BIT;
            counts->added[file]++;
            ok = insert_row(s, file, row, hash, imported_ns, &text, err);
        } else if (*entry & SEEN_BIT) {
            counts->repeated[file]++;
        } else {
            counts->kept[file]++;
            ok = run_on_row(s, tables[file].move, ((const struct asset_row *)(const void *)row)->line, *entry,
                            err);
            *entry |= SEEN_BIT;
        }
    }
    buf_free(&text);
    return ok && retire_unseen(s, file, now, imported_ns, &counts->retired[file], err);
}

bool state_assets_save(struct state *s, const struct asset_set *set, int64_t imported_ns,
                       struct asset_counts *counts, struct error *err)
{
    *counts = (struct asset_counts){{0}};
    if (!state_begin(s, err))
        return false;
    bool ok = true;
    for (int file = 0; ok && file < ASSET_FILE_COUNT; file++) {
        if (!set->present[file])
            continue;
        struct in_force now = {{0}};
        arena_init(&now.arena, 1 << 16);
        ok = read_in_force(s, (enum asset_file)file, &now, err) &&
             save_rows(s, set, (enum asset_file)file, &now, imported_ns, counts, err);
        map_free(&now.by_hash);
        arena_free(&now.arena);
    }
    return state_end(s, ok, err);
}

static struct asset_list split_list(struct str text, struct arena *arena)
{
    uint32_t most = 1;
    for (size_t i = 0; i < text.n; i++)
        most += text.p[i] == ';';
    struct asset_list list = {ARENA_ARRAY(arena, struct str, most), 0};
    struct str part;
    while (text.n && str_split(&text, ';', &part))
        list.items[list.count++] = part;
    return list;
}

static void read_member(sqlite3_stmt *q, int at, const struct column *c, char *row, struct arena *arena)
{
    void *member = row + c->offset;
    int64_t number = sql_column_i64(q, at);
    if (c->kind == ASSET_UNTIL)
        *(int64_t *)member = number;
    else if (c->kind == ASSET_WINDOW)
        *(struct asset_window *)member =
            (struct asset_window){(int16_t)(number / WINDOW_BASE), (int16_t)(number % WINDOW_BASE)};
    else if (is_number(c->kind))
        *(int *)member = (int)number;
    else if (c->kind == ASSET_TEXT || c->kind == ASSET_WORD)
        *(struct str *)member = sql_column_str(q, at, arena);
    else
        *(struct asset_list *)member = split_list(sql_column_str(q, at, arena), arena);
}

static void read_row(sqlite3_stmt *q, enum asset_file file, char *row, struct arena *arena)
{
    struct asset_row *head = (struct asset_row *)(void *)row;
    head->valid_from_ns = sql_column_i64(q, 0);
    head->valid_to_ns = sql_column_i64(q, 1);
    head->labels = sql_column_str(q, 2, arena);
    head->line = (uint32_t)sql_column_i64(q, 3);
    if (sqlite3_column_type(q, 4) != SQLITE_NULL && sql_column_i64(q, 4) < head->valid_to_ns)
        head->valid_to_ns = sql_column_i64(q, 4);
    int at = 5;
    for (size_t i = 0; i < COUNT_OF(columns); i++)
        if (columns[i].file == file)
            read_member(q, at++, &columns[i].column, row, arena);
}

static bool load_table(struct state *s, enum asset_file file, bool with_history, struct arena *arena,
                       struct asset_set *set, struct error *err)
{
    sqlite3_stmt *q = sql_get(s, tables[file].load, err);
    if (!q)
        return false;
    sql_i64(q, 1, with_history);
    struct buf rows = {0};
    int result;
    while ((result = sql_step(s, q, err)) == 1) {
        char *row = buf_reserve(&rows, tables[file].row_bytes);
        memset(row, 0, tables[file].row_bytes);
        read_row(q, file, row, arena);
        rows.n += tables[file].row_bytes;
    }
    set->counts[file] = (uint32_t)(rows.n / tables[file].row_bytes);
    set->present[file] = rows.n > 0;
    void *copy = sql_rows(&rows, arena);
    memcpy((char *)set + tables[file].rows_offset, &copy, sizeof(copy));
    return result == 0;
}

bool state_assets_load(struct state *s, bool with_history, struct arena *arena, struct asset_set *set,
                       struct error *err)
{
    struct asset_set empty = {.zone = set->zone};
    *set = empty;
    bool ok = true;
    state_lock(s);
    for (int file = 0; ok && file < ASSET_FILE_COUNT; file++)
        ok = load_table(s, (enum asset_file)file, with_history, arena, set, err);
    state_unlock(s);
    return ok;
}
