/* Tables of cells → the text of a CSV file → the one reader of rows (stage enrich). Filled by asset_json.c
 * and asset_ldif.c. Next: asset_csv.c. */
#include "enrich/asset_table.h"

#include "base/log.h"

void asset_table_free(struct asset_table *t)
{
    buf_free(&t->cells);
    buf_free(&t->rows);
}

static uint32_t cell_count(const struct asset_table *t)
{
    return (uint32_t)(t->cells.n / sizeof(struct asset_table_cell));
}

static struct asset_table_cell *cell_at(const struct asset_table *t, uint32_t i)
{
    return (struct asset_table_cell *)(void *)t->cells.p + i;
}

static const struct asset_table_row *row_at(const struct asset_table *t, uint32_t i)
{
    return (const struct asset_table_row *)(const void *)t->rows.p + i;
}

uint32_t asset_table_count(const struct asset_table *t)
{
    return (uint32_t)(t->rows.n / sizeof(struct asset_table_row));
}

void asset_table_row(struct asset_table *t, uint32_t line)
{
    struct asset_table_row row = {line, cell_count(t)};
    buf_bytes(&t->rows, &row, sizeof row);
}

static uint32_t find_column(struct asset_table *t, struct arena *arena, struct str name)
{
    struct str lower = arena_lower(arena, name);
    uint32_t i = 0;
    while (i < t->column_count && !str_eq(t->columns[i], lower))
        i++;
    if (i == t->column_count && i < ASSET_TABLE_COLUMNS)
        t->columns[t->column_count++] = lower;
    return i;
}

bool asset_table_put(struct asset_table *t, struct arena *arena, struct str column, struct str value)
{
    uint32_t c = find_column(t, arena, str_trim(column)), i = row_at(t, asset_table_count(t) - 1)->first_cell;
    if (c == ASSET_TABLE_COLUMNS || value.n > ASSET_CELL_BYTES)
        return false;
    if (value.n == 0)
        return true;
    while (i < cell_count(t) && cell_at(t, i)->column != c)
        i++;
    if (i == cell_count(t)) {
        struct asset_table_cell cell = {arena_str(arena, value), c};
        buf_bytes(&t->cells, &cell, sizeof cell);
        return true;
    }
    struct str *text = &cell_at(t, i)->text;
    if (text->n + value.n >= ASSET_CELL_BYTES)
        return false;
    *text = arena_printf(arena, "%.*s;%.*s", STR_ARGS(*text), STR_ARGS(value));
    return true;
}

/* One row is one line: the reader counts lines to find a row's own. */
static void put_cell(struct buf *out, struct str cell)
{
    buf_char(out, '"');
    for (size_t i = 0; i < cell.n; i++) {
        char c = cell.p[i];
        if (c == '"')
            buf_char(out, '"');
        buf_char(out, c == '\n' || c == '\r' || c == '\0' ? ' ' : c);
    }
    buf_char(out, '"');
}

static void put_line(const struct asset_table *t, const struct str *cells, struct buf *out)
{
    for (uint32_t i = 0; i < t->column_count; i++) {
        if (i)
            buf_char(out, ',');
        put_cell(out, cells[i]);
    }
    buf_char(out, '\n');
}

static void put_row(const struct asset_table *t, uint32_t row, struct buf *out)
{
    struct str cells[ASSET_TABLE_COLUMNS];
    uint32_t end = row + 1 < asset_table_count(t) ? row_at(t, row + 1)->first_cell : cell_count(t);
    for (size_t i = 0; i < COUNT_OF(cells); i++)
        cells[i] = STR_EMPTY;
    for (uint32_t i = row_at(t, row)->first_cell; i < end; i++)
        cells[cell_at(t, i)->column] = cell_at(t, i)->text;
    put_line(t, cells, out);
}

bool asset_table_read(const struct asset_table *t, enum asset_file file, const char *path,
                      struct arena *arena, struct asset_set *set, struct error *err)
{
    struct buf text = {0}, lines = {0};
    if (t->column_count == 0 &&
        asset_table_count(t)) /* an empty list empties the set; entries that say nothing do not */
        return error_at(err, path, row_at(t, 0)->line, 0, "%s",
                        tr("the entry says nothing; fill it or delete it",
                           "内容がありません。埋めるか削除してください"));
    if (t->column_count)
        put_line(t, t->columns, &text);
    for (uint32_t i = 0; i < asset_table_count(t) && t->column_count; i++) {
        put_row(t, i, &text);
        buf_bytes(&lines, &row_at(t, i)->line, sizeof(uint32_t));
    }
    bool ok = asset_read_lines(file, path, buf_str(&text), (const uint32_t *)(const void *)buf_str(&lines).p,
                               (uint32_t)(lines.n / sizeof(uint32_t)), arena, set, err);
    buf_free(&text);
    buf_free(&lines);
    return ok;
}
