/* Lists and formats: content/simulate/lists.yml and formats.yml → what templates can name. */
#include "base/log.h"
#include "simulate/template_parts.h"

#define LISTS_MAX     256
#define LIST_ROWS_MAX 5000
#define COLUMNS_MAX   12

const struct list *words_list(const struct words *w, struct str name)
{
    for (size_t i = 0; i < w->list_count; i++)
        if (str_eq(w->lists[i].name, name))
            return &w->lists[i];
    return NULL;
}

static bool bad_list(const char *path, const struct yaml *node, struct error *err)
{
    return error_at(
        err, path, node->line, node->column, "%s",
        tr("a list is a list of texts, a list of maps with the same names, or a map with count and columns",
           "リストは、文字列の並び、同じ名前をもつマップの並び、または count と columns のマップです"));
}

static bool read_plain(struct words *w, const char *path, const struct yaml *node, struct list *l,
                       struct error *err)
{
    const struct yaml *first = node->child;
    bool is_table = first != NULL && first->type == YAML_MAP;
    l->count = (uint32_t)node->count;
    l->column_count = is_table ? (uint32_t)first->count : 1;
    l->columns = ARENA_ARRAY(w->arena, struct str, l->column_count + 1);
    l->columns[0] = STR_EMPTY;
    uint32_t n = 0;
    for (const struct yaml *m = is_table ? first->child : NULL; m; m = m->next)
        l->columns[n++] = m->key;
    l->cells = ARENA_ARRAY(w->arena, struct str, (size_t)l->count * l->column_count + 1);
    n = 0;
    for (const struct yaml *row = first; row; row = row->next) {
        if ((row->type == YAML_MAP) != is_table || row->type == YAML_LIST)
            return bad_list(path, row, err);
        for (uint32_t i = 0; i < l->column_count && is_table; i++)
            l->cells[n++] = yaml_text(row, l->columns[i].p);
        if (!is_table)
            l->cells[n++] = row->text;
    }
    return true;
}

/* Row by row; rows that begin like an earlier one are drawn again, as often as it takes a while. */
static void render_rows(struct words *w, struct list *l, const struct template *columns, uint64_t seed)
{
    struct random random = {random_key_of(seed, l->name)};
    struct buf text = {0};
    struct rendering r = {.random = &random, .cells = (const struct cell[1]){{.row = 0}}};
    for (uint32_t row = 0, tries = 0; row < l->count; row++) {
        r.index = row;
        bool is_new = true;
        for (uint32_t i = 0; i < l->column_count; i++) {
            buf_clear(&text);
            template_render(&columns[i], &r, &text);
            for (uint32_t old = 0; old < row && i == 0 && is_new; old++)
                is_new = !str_eq(list_cell(l, old, 0), buf_str(&text));
            if (!is_new && ++tries < 20 * l->count)
                break;
            is_new = true;
            l->cells[(size_t)row * l->column_count + i] = arena_str(w->arena, buf_str(&text));
        }
        row -= !is_new;
    }
    buf_free(&text);
}

static bool read_drawn(struct words *w, const char *path, const struct yaml *node, uint64_t seed,
                       struct list *l, struct error *err)
{
    const struct yaml *columns = yaml_get(node, "columns");
    int64_t count = yaml_int(node, "count", 0);
    struct template templates[COLUMNS_MAX];
    struct scope none = {0};
    if (columns == NULL || columns->type != YAML_MAP || columns->count > COLUMNS_MAX || count < 1 ||
        count > LIST_ROWS_MAX)
        return bad_list(path, node, err);
    l->count = (uint32_t)count;
    l->columns = ARENA_ARRAY(w->arena, struct str, columns->count + 1);
    for (const struct yaml *m = columns->child; m; m = m->next) {
        if (!template_compile(w, &none, path, m, &templates[l->column_count], err))
            return false;
        l->columns[l->column_count++] = m->key;
    }
    l->cells = ARENA_ARRAY(w->arena, struct str, (size_t)l->count * l->column_count + 1);
    render_rows(w, l, templates, seed);
    return true;
}

bool words_read_lists(struct words *w, const char *path, uint64_t seed, struct error *err)
{
    const struct yaml *top = yaml_load(path, w->arena, err);
    if (top == NULL)
        return false;
    if (top->type != YAML_MAP || w->list_count + top->count > LISTS_MAX)
        return bad_list(path, top, err);
    if (w->lists == NULL)
        w->lists = ARENA_ARRAY(w->arena, struct list, LISTS_MAX);
    for (const struct yaml *n = top->child; n; n = n->next) {
        struct list *l = &w->lists[w->list_count];
        *l = (struct list){.name = n->key};
        bool ok = n->type == YAML_LIST  ? read_plain(w, path, n, l, err)
                  : n->type == YAML_MAP ? read_drawn(w, path, n, seed, l, err)
                                        : bad_list(path, n, err);
        if (!ok)
            return false;
        w->list_count++;
    }
    return true;
}

bool words_read_formats(struct words *w, const char *path, struct error *err)
{
    w->formats_path = path;
    w->formats = yaml_load(path, w->arena, err);
    return w->formats != NULL;
}
