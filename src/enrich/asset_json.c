/* Reads context files written as JSON (stage enrich): array of objects → table of cells. Next: asset_table.c.
 */
#include "enrich/asset_json.h"

#include "base/json.h"
#include "base/log.h"
#include "enrich/asset_table.h"

#define NO_ARRAY                                                                                             \
    tr("must be a list of objects: [{\"hostname\": \"pc-1\"}, …]",                                           \
       "オブジェクトの一覧を書いてください: [{\"hostname\": \"pc-1\"}, …]")

struct reader {
    const char *path;
    struct arena *arena;
    struct asset_table table;
    struct error *err;
    uint32_t line;
};

static bool fault(struct reader *r, struct str member, const char *why)
{
    return error_at(r->err, r->path, r->line, 0, tr("member \"%.*s\": %s", "項目「%.*s」: %s"),
                    (int)(member.n > 80 ? 80 : member.n), member.p, why);
}

static bool put_scalar(struct reader *r, struct str column, const struct json_node *v)
{
    if (v->type == JSON_NODE_ARRAY || v->type == JSON_NODE_OBJECT)
        return fault(r, column,
                     tr("write a text, a number, or a list of them",
                        "文字列か数値、またはその一覧を書いてください"));
    struct str text = v->type == JSON_NODE_NULL ? STR_EMPTY : v->text;
    if (v->type == JSON_NODE_BOOL)
        text = str_eq(text, STR("true")) ? STR("yes") : STR("no");
    return asset_table_put(&r->table, r->arena, column, text) ||
           fault(r, column,
                 tr("more than 64 columns, or more than 64 KiB in one",
                    "列が 64 を超えているか、1 つの値が 64 KiB を超えています"));
}

static bool put_member(struct reader *r, const struct json_node *m)
{
    if (m->type != JSON_NODE_ARRAY)
        return put_scalar(r, m->key, m);
    for (const struct json_node *v = m->child; v != NULL; v = v->next)
        if (!put_scalar(r, m->key, v))
            return false;
    return true;
}

static bool put_object(struct reader *r, struct str text)
{
    struct error why;
    const struct json_node *object = json_parse(text, r->arena, &why);
    if (object == NULL || object->type != JSON_NODE_OBJECT)
        return error_at(r->err, r->path, r->line, 0, "%s", object == NULL ? why.text : NO_ARRAY);
    asset_table_row(&r->table, r->line);
    for (const struct json_node *m = object->child; m != NULL; m = m->next)
        if (!put_member(r, m))
            return false;
    return true;
}

/* White space, and what separates values; lines are counted. */
static struct str skip(struct reader *r, struct str rest, bool *is_separated)
{
    *is_separated = false;
    while (rest.n && (rest.p[0] == ' ' || rest.p[0] == '\t' || rest.p[0] == '\r' || rest.p[0] == '\n' ||
                      (rest.p[0] == ',' && !*is_separated))) {
        *is_separated |= rest.p[0] == ',';
        r->line += rest.p[0] == '\n';
        rest = str_skip(rest, 1);
    }
    return rest;
}

/* Object by object, so that a fault can name the line where its object begins. */
static bool put_all(struct reader *r, struct str rest)
{
    bool is_separated;
    rest = skip(r, rest, &is_separated);
    if (rest.n == 0 || rest.p[0] != '[' || is_separated)
        return error_at(r->err, r->path, r->line, 0, "%s", NO_ARRAY);
    rest = skip(r, str_skip(rest, 1), &is_separated);
    for (bool is_first = true; rest.n && rest.p[0] != ']'; is_first = false) {
        size_t n = is_first || is_separated ? json_value_length(rest) : 0;
        if (n == 0 || rest.p[0] != '{')
            return error_at(r->err, r->path, r->line, 0, "%s", NO_ARRAY);
        if (!put_object(r, str_slice(rest, 0, n)))
            return false;
        for (size_t i = 0; i < n; i++)
            r->line += rest.p[i] == '\n';
        rest = skip(r, str_skip(rest, n), &is_separated);
    }
    bool is_closed = rest.n && rest.p[0] == ']' && !is_separated;
    rest = skip(r, str_skip(rest, is_closed), &is_separated);
    return (is_closed && rest.n == 0 && !is_separated) ||
           error_at(r->err, r->path, r->line, 0, "%s", NO_ARRAY);
}

bool asset_read_json(enum asset_file file, const char *path, struct str text, struct arena *arena,
                     struct asset_set *set, struct error *err)
{
    struct reader r = {.path = path, .arena = arena, .err = err, .line = 1};
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_skip(text, 3);
    bool ok = put_all(&r, text) && asset_table_read(&r.table, file, path, arena, set, err);
    asset_table_free(&r.table);
    return ok;
}
