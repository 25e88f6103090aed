/* Printing rows. Values are taken from flattened objects: "source.ip" works whether the row is nested or
 * flat. */
#include "cli/rows.h"

#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"

#define CELL_MAX 48

static const struct json_node *member(const struct json_node *row, const char *column)
{
    const struct json_node *direct = json_member(row, column);
    if (direct != NULL)
        return direct;
    struct str rest = str_c(column), part;
    char name[128];
    while (row != NULL && str_split(&rest, '.', &part) && part.n < sizeof name) {
        memcpy(name, part.p, part.n);
        name[part.n] = 0;
        row = json_member(row, name);
    }
    return row;
}

static void put_text(const struct json_node *node, struct buf *out)
{
    if (node == NULL || node->type == JSON_NODE_NULL)
        return;
    if (node->type != JSON_NODE_ARRAY && node->type != JSON_NODE_OBJECT) {
        buf_add(out, node->text);
        return;
    }
    for (const struct json_node *at = node->child; at != NULL; at = at->next) {
        if (at != node->child)
            buf_char(out, ';');
        put_text(at, out);
    }
}

static void put_csv(struct str cell, struct buf *out)
{
    bool is_plain = true;
    for (size_t i = 0; i < cell.n; i++)
        is_plain &= cell.p[i] != '"' && cell.p[i] != ',' && cell.p[i] != '\n' && cell.p[i] != '\r';
    if (is_plain) {
        buf_add(out, cell);
        return;
    }
    buf_char(out, '"');
    for (size_t i = 0; i < cell.n; i++) {
        if (cell.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, cell.p[i]);
    }
    buf_char(out, '"');
}

/* Columns of a terminal: a wide character of Chinese or Japanese takes two. */
static size_t width_of(struct str s)
{
    size_t width = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned char c = (unsigned char)s.p[i];
        if ((c & 0xc0) != 0x80)
            width += c >= 0xe2 ? 2 : 1;
    }
    return width;
}

static void put_cell(struct str cell, size_t width, struct buf *out)
{
    size_t used = width_of(cell);
    buf_add(out, cell);
    for (; used < width + 2; used++)
        buf_char(out, ' ');
}

static void measure(struct rows_printer *p, const struct json_node *rows)
{
    struct buf cell = {0};
    const struct json_node *first = rows->child;
    bool is_open = first != NULL && p->column_count == 0; /* nobody named the columns */
    for (const struct json_node *at = is_open ? first->child : NULL;
         at != NULL && p->column_count < ROWS_COLUMNS_MAX; at = at->next)
        p->columns[p->column_count++] = arena_str(&p->arena, at->key).p;
    for (size_t i = 0; i < p->column_count; i++)
        p->widths[i] = width_of(str_c(p->columns[i]));
    for (const struct json_node *row = first; row != NULL; row = row->next)
        for (size_t i = 0; i < p->column_count; i++) {
            buf_clear(&cell);
            put_text(member(row, p->columns[i]), &cell);
            size_t width = width_of(buf_str(&cell));
            p->widths[i] = width > p->widths[i] ? (width < CELL_MAX ? width : CELL_MAX) : p->widths[i];
        }
    buf_free(&cell);
}

static void put_column(const struct rows_printer *p, size_t column, struct str cell, bool is_csv,
                       struct buf *line)
{
    if (is_csv && column)
        buf_char(line, ',');
    if (is_csv)
        put_csv(cell, line);
    else
        put_cell(cell, p->widths[column], line);
}

static void print_sheet(const struct rows_printer *p, const struct json_node *rows, bool is_csv)
{
    struct buf line = {0}, cell = {0};
    for (size_t i = 0; i < p->column_count && !p->has_begun; i++)
        put_column(p, i, str_c(p->columns[i]), is_csv, &line);
    if (!p->has_begun)
        buf_char(&line, '\n');
    for (const struct json_node *row = rows->child; row != NULL; row = row->next) {
        for (size_t i = 0; i < p->column_count; i++) {
            buf_clear(&cell);
            put_text(member(row, p->columns[i]), &cell);
            put_column(p, i, buf_str(&cell), is_csv, &line);
        }
        buf_char(&line, '\n');
    }
    fwrite(line.p, 1, line.n, stdout);
    buf_free(&line);
    buf_free(&cell);
}

static void put_json(const struct json_node *node, struct json_writer *w)
{
    switch (node->type) {
    case JSON_NODE_NULL:
        json_put_null(w);
        return;
    case JSON_NODE_BOOL:
        json_put_bool(w, str_eq(node->text, STR("true")));
        return;
    case JSON_NODE_NUMBER:
        if (w->needs_comma)
            buf_char(w->out, ',');
        buf_add(w->out, node->text);
        w->needs_comma = true;
        return;
    case JSON_NODE_STRING:
        json_put_str(w, node->text);
        return;
    case JSON_NODE_ARRAY:
    case JSON_NODE_OBJECT:
        break;
    }
    bool is_object = node->type == JSON_NODE_OBJECT;
    if (is_object)
        json_begin_object(w);
    else
        json_begin_array(w);
    for (const struct json_node *at = node->child; at != NULL; at = at->next) {
        if (is_object)
            json_key_str(w, at->key);
        put_json(at, w);
    }
    if (is_object)
        json_end_object(w);
    else
        json_end_array(w);
}

static void print_ndjson(const struct json_node *rows)
{
    struct buf out = {0};
    for (const struct json_node *row = rows->child; row != NULL; row = row->next) {
        struct json_writer w = {.out = &out};
        put_json(row, &w);
        buf_char(&out, '\n');
        if (out.n > 1 << 20) {
            fwrite(out.p, 1, out.n, stdout);
            buf_clear(&out);
        }
    }
    fwrite(out.p, 1, out.n, stdout);
    buf_free(&out);
}

void rows_begin(struct rows_printer *p, const struct arguments *a, const char *const *columns)
{
    *p = (struct rows_printer){.arguments = a, .format = argument_text(a, "format")};
    if (p->format == NULL)
        p->format = isatty(STDOUT_FILENO) ? "table" : "ndjson";
    arena_init(&p->arena, 4096);
    for (; columns != NULL && *columns != NULL && p->column_count < ROWS_COLUMNS_MAX; columns++)
        p->columns[p->column_count++] = *columns;
}

bool rows_page(struct rows_printer *p, struct str rows, struct error *err)
{
    struct arena arena;
    arena_init(&arena, 1 << 20);
    const struct json_node *top = json_parse(rows, &arena, err);
    if (top != NULL && strcmp(p->format, "ndjson") == 0) {
        print_ndjson(top);
    } else if (top != NULL) {
        if (!p->has_begun)
            measure(p, top);
        print_sheet(p, top, strcmp(p->format, "csv") == 0);
    }
    p->has_begun = true;
    arena_free(&arena);
    return top != NULL;
}

void rows_end(struct rows_printer *p)
{
    arena_free(&p->arena);
}

bool rows_print(const struct arguments *a, struct str rows, const char *const *columns, struct error *err)
{
    struct rows_printer p;
    rows_begin(&p, a, columns);
    bool ok = rows_page(&p, rows, err);
    rows_end(&p);
    return ok;
}
