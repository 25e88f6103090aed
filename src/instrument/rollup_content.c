/* Reads content/trends.yml (stage instrument), and writes the question behind a key. Next: rollup.c. */
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "instrument/rollup.h"

struct reader {
    const char *path;
    struct error *err;
    struct rollup_content *c;
};

static bool read_field(struct reader *r, const struct yaml *at, struct str name, field_id *out)
{
    *out = field_find(name);
    if (*out == FIELD_NONE || *out >= FIELD_STATIC_COUNT)
        return error_at(r->err, r->path, at->line, at->column,
                        tr("'%.*s' is no field of events; docs/parsers.md says which there are",
                           "「%.*s」というイベントのフィールドはありません（docs/parsers.md 参照）"),
                        STR_ARGS(name));
    return true;
}

static bool read_condition(struct reader *r, const struct yaml *node, struct rollup_condition *out)
{
    if (!read_field(r, node, node->key, &out->field))
        return false;
    if (node->type != YAML_LIST || node->count == 0)
        return error_at(r->err, r->path, node->line, node->column, "%s",
                        tr("a condition of 'when' is a list of values, such as [network]",
                           "「when」の条件は [network] のような値のリストにしてください"));
    struct str *values = ARENA_ARRAY(&r->c->arena, struct str, node->count);
    for (const struct yaml *v = node->child; v != NULL; v = v->next) {
        bool is_any = str_eq(v->text, STR("*"));
        if (!is_any && field_get(out->field)->type != TYPE_KEYWORD)
            return error_at(r->err, r->path, v->line, v->column,
                            tr("'%.*s' holds no words; only \"*\" can be asked of it here",
                               "「%.*s」は語のフィールドではないため、\"*\" だけを指定できます"),
                            STR_ARGS(node->key));
        values[out->count++] = v->text;
    }
    out->values = values;
    return true;
}

static bool read_part(struct reader *r, const struct yaml *node, struct rollup_part *out)
{
    struct str name = node->text;
    out->is_registered = str_starts(name, STR("registered(")) && str_ends(name, STR(")"));
    if (out->is_registered)
        name = str_slice(name, sizeof "registered(" - 1, name.n - 1);
    if (!read_field(r, node, name, &out->field))
        return false;
    const struct field *field = field_get(out->field);
    if (field->shape == FIELD_ARRAY || field->type == TYPE_DOUBLE || field->type == TYPE_DATE)
        return error_at(r->err, r->path, node->line, node->column,
                        tr("'%.*s' cannot be counted by: it may hold several values, or values without end",
                           "「%.*s」は複数の値や連続値をとるため、集計のキーにできません"),
                        STR_ARGS(name));
    return true;
}

static bool read_dimension(struct reader *r, const struct yaml *node)
{
    const struct yaml *title = yaml_get(node, "title"), *when = yaml_get(node, "when"),
                      *by = yaml_get(node, "by");
    struct rollup_dimension *d = &r->c->dimensions[r->c->count];
    *d = (struct rollup_dimension){.name = yaml_text(node, "name"),
                                   .title_en = yaml_text(title, "en"),
                                   .title_ja = yaml_text(title, "ja")};
    bool is_whole = d->name.n && d->title_en.n && d->title_ja.n && when != NULL && by != NULL &&
                    when->type == YAML_MAP && by->type == YAML_LIST && when->count && by->count &&
                    when->count <= ROLLUP_WHEN_MAX && by->count <= ROLLUP_BY_MAX;
    if (!is_whole)
        return error_at(
            r->err, r->path, node->line, node->column,
            tr("a dimension needs name, title in en and ja, one to %d conditions under 'when' and "
               "one to %d fields under 'by'",
               "次元には name、en と ja の title、1〜%d 個の when、1〜%d 個の by が必要です"),
            ROLLUP_WHEN_MAX, ROLLUP_BY_MAX);
    if (rollup_dimension_find(r->c, d->name) != NULL)
        return error_at(r->err, r->path, node->line, node->column,
                        tr("the dimension '%.*s' is there twice", "次元「%.*s」が重複しています"),
                        STR_ARGS(d->name));
    for (const struct yaml *c = when->child; c != NULL; c = c->next)
        if (!read_condition(r, c, &d->when[d->when_count++]))
            return false;
    for (const struct yaml *p = by->child; p != NULL; p = p->next)
        if (!read_part(r, p, &d->by[d->by_count++]))
            return false;
    r->c->count++;
    return true;
}

static bool read_limit(struct reader *r, const struct yaml *top, const char *key, int64_t low, int64_t high,
                       uint32_t *out)
{
    int64_t number = yaml_int(top, key, -1);
    *out = (uint32_t)number;
    return (number >= low && number <= high) ||
           error_at(r->err, r->path, top->line, 0,
                    tr("'%s' must be a whole number from %lld to %lld",
                       "「%s」は %lld から %lld までの整数にしてください"),
                    key, (long long)low, (long long)high);
}

static bool read(struct reader *r, const struct yaml *top)
{
    const struct yaml *list = yaml_get(top, "dimensions");
    r->c->version = yaml_text(top, "version");
    if (!read_limit(r, top, "days", 396, 4000, &r->c->days) || /* S59: 13 months at least */
        !read_limit(r, top, "keys", 10, 10000, &r->c->keys))
        return false;
    if (list == NULL || list->type != YAML_LIST || list->count == 0 || list->count > ROLLUP_DIMENSIONS_MAX)
        return error_at(r->err, r->path, top->line, 0,
                        tr("'dimensions' must be a list of 1 to %d dimensions",
                           "「dimensions」は 1〜%d 個の次元のリストにしてください"),
                        ROLLUP_DIMENSIONS_MAX);
    for (const struct yaml *d = list->child; d != NULL; d = d->next)
        if (!read_dimension(r, d))
            return false;
    return true;
}

struct rollup_content *rollup_content_load(const char *path, struct error *err)
{
    struct rollup_content *c = NEW(struct rollup_content);
    struct reader r = {path, err, c};
    arena_init(&c->arena, 16 << 10);
    struct yaml *top = yaml_load(path, &c->arena, err);
    if (top != NULL && read(&r, top))
        return c;
    rollup_content_free(c);
    return NULL;
}

void rollup_content_free(struct rollup_content *c)
{
    if (c == NULL)
        return;
    arena_free(&c->arena);
    memory_free(c);
}

const struct rollup_dimension *rollup_dimension_find(const struct rollup_content *c, struct str name)
{
    for (size_t i = 0; i < c->count; i++)
        if (str_eq(c->dimensions[i].name, name))
            return &c->dimensions[i];
    return NULL;
}

/* ------------------------------------------------------------------ questions */

size_t rollup_key_values(struct str key, struct str values[ROLLUP_BY_MAX], struct arena *a)
{
    size_t count = 0;
    char *room = arena_alloc(a, key.n + 1);
    size_t start = 0, n = 0;
    for (size_t i = 0; i <= key.n && count < ROLLUP_BY_MAX; i++) {
        if (i == key.n || key.p[i] == '|') {
            values[count++] = str_n(room + start, n - start);
            start = n;
            continue;
        }
        if (key.p[i] == '\\' && i + 1 < key.n)
            i++;
        room[n++] = key.p[i];
    }
    return count;
}

static void put_quoted(struct str text, struct buf *out)
{
    buf_char(out, '"');
    for (size_t i = 0; i < text.n; i++) {
        if (text.p[i] == '"' || text.p[i] == '\\')
            buf_char(out, '\\');
        buf_char(out, text.p[i]);
    }
    buf_char(out, '"');
}

/* A name that a pattern can hold as it is. */
static bool is_host_name(struct str text)
{
    for (size_t i = 0; i < text.n; i++)
        if (!ascii_is_digit(text.p[i]) && (text.p[i] < 'a' || text.p[i] > 'z') && text.p[i] != '.' &&
            text.p[i] != '-' && text.p[i] != '_')
            return false;
    return text.n > 0;
}

static void put_condition(const struct rollup_condition *c, struct buf *out)
{
    buf_add(out, field_name(c->field));
    buf_c(out, ":(");
    for (size_t i = 0; i < c->count; i++) {
        buf_c(out, i ? " or " : "");
        if (str_eq(c->values[i], STR("*")))
            buf_char(out, '*');
        else
            put_quoted(c->values[i], out);
    }
    buf_c(out, ") ");
}

static void put_value(const struct rollup_part *part, struct str value, struct buf *out)
{
    if (value.n == 0)
        buf_c(out, "not ");
    buf_add(out, field_name(part->field));
    buf_c(out, value.n == 0 ? ":*" : ":(");
    if (value.n) {
        put_quoted(value, out);
        if (part->is_registered && is_host_name(value)) {
            buf_c(out, " or *.");
            buf_add(out, value);
        }
        buf_char(out, ')');
    }
    buf_char(out, ' ');
}

void rollup_question(const struct rollup_dimension *d, struct str key, struct buf *out)
{
    struct arena arena;
    struct str values[ROLLUP_BY_MAX];
    for (size_t i = 0; i < d->when_count; i++)
        put_condition(&d->when[i], out);
    arena_init(&arena, 512);
    size_t count = str_eq(key, STR(ROLLUP_TOTAL)) ? 0 : rollup_key_values(key, values, &arena);
    for (size_t i = 0; i < count && i < d->by_count; i++)
        put_value(&d->by[i], values[i], out);
    arena_free(&arena);
    buf_c(out, "not hyakuyo.exercise:* not hyakuyo.canary:*");
}
