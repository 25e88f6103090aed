/* Compiling templates: names become numbers of cells, columns and attributes here, mistakes become sentences
 * with file:line. Rendering is in template_render.c, lists are in words.c. */
#include "simulate/template.h"

#include "base/log.h"
#include "simulate/template_parts.h"

#define PARTS_MAX 256
#define DEPTH_MAX 8

int scope_find(const struct scope *s, struct str name)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (str_eq(s->cells[i].name, name))
            return (int)i;
    return -1;
}

bool scope_add(struct scope *s, struct str name, enum cell_kind kind, const struct list *list)
{
    int old = scope_find(s, name);
    if (old < 0 && s->count == CELLS_MAX)
        return false;
    s->cells[old < 0 ? (int)s->count++ : old] = (struct cell_name){name, kind, list};
    return true;
}

/* What names mean at this place: inside a format those of its `with` and `defaults` first. */
struct place {
    const struct place *outer;
    const struct yaml *with, *defaults;
    const char *path;
    uint32_t host_cell;
};

struct compiler {
    const struct words *words;
    const struct scope *scope;
    struct part parts[PARTS_MAX];
    uint32_t count;
    unsigned depth;
    const struct yaml *node; /* for messages */
    const char *path;
    struct error *err;
};

static bool complain(struct compiler *c, struct str name, const char *en, const char *ja)
{
    return error_at(c->err, c->path, c->node->line, c->node->column, "${%.*s}: %s", STR_ARGS(name),
                    tr(en, ja));
}

static bool add(struct compiler *c, struct part part)
{
    struct part *last = c->count ? &c->parts[c->count - 1] : NULL;
    if (part.kind == PART_TEXT && part.text.n == 0)
        return true;
    if (part.kind == PART_TEXT && last != NULL && last->kind == PART_TEXT) {
        last->text = arena_concat(c->words->arena, last->text, part.text);
        return true;
    }
    if (c->count == PARTS_MAX)
        return complain(c, STR_EMPTY, "the line has too many parts", "行の部品が多すぎます");
    c->parts[c->count++] = part;
    return true;
}

/* ---------------------------------------------------------------- functions */

struct function {
    const char *name;
    enum part_kind kind;
    unsigned numbers; /* arguments */
    bool wants_list;
    double a, b; /* when it takes no arguments */
};

static const struct function functions[] = {
    {"between", PART_BETWEEN, 2, false, 0, 0},
    {"port", PART_BETWEEN, 0, false, 49152, 65535},
    {"lognormal", PART_LOGNORMAL, 2, false, 0, 0},
    {"hex", PART_HEX, 1, false, 0, 0},
    {"base32", PART_BASE32, 1, false, 0, 0},
    {"letters", PART_LETTERS, 1, false, 0, 0},
    {"digits", PART_DIGITS, 1, false, 0, 0},
    {"i", PART_INDEX, 0, false, 0, 0},
    {"pick", PART_PICK, 0, true, 0, 0},
    {"nth", PART_NTH, 0, true, 0, 0},
    {"outside", PART_OUTSIDE, 0, false, 0, 0},
    {"nth_outside", PART_NTH_OUTSIDE, 0, false, 0, 0},
};

static bool compile_function(struct compiler *c, const struct function *f, struct str name, struct str rest)
{
    struct part part = {.kind = f->kind, .a = f->a, .b = f->b};
    struct str word;
    double numbers[2] = {0, 0};
    if (f->wants_list) {
        part.list = words_list(c->words, rest);
        return (part.list != NULL && part.list->count && add(c, part)) ||
               complain(c, name, "there is no such list", "その名前のリストはありません");
    }
    for (unsigned i = 0; i < f->numbers; i++)
        if (!str_split(&rest, ' ', &word) || !str_to_double(word, &numbers[i]))
            return complain(c, name, "a number is missing or cannot be read", "数値が足りないか読めません");
    if (f->numbers) {
        part.a = numbers[0];
        part.b = numbers[1];
    }
    if (f->numbers == 1 && (part.a < 1 || part.a > 4096))
        return complain(c, name, "the length must be between 1 and 4096",
                        "長さは 1〜4096 で指定してください");
    return add(c, part);
}

/* ---------------------------------------------------------------- names */

static bool compile_text(struct compiler *c, struct str text, const struct place *place);

static bool compile_value(struct compiler *c, const struct yaml *value, const struct place *place)
{
    if (value->type != YAML_SCALAR)
        return complain(c, value->key, "must be a text", "文字列でなければなりません");
    if (++c->depth > DEPTH_MAX)
        return complain(c, value->key, "refers to itself", "自分自身を参照しています");
    bool ok = compile_text(c, value->text, place);
    c->depth--;
    return ok;
}

static const struct yaml *find_member(const struct yaml *map, struct str name)
{
    if (map == NULL || map->type != YAML_MAP)
        return NULL;
    for (const struct yaml *m = map->child; m; m = m->next)
        if (str_eq(m->key, name))
            return m;
    return NULL;
}

static bool compile_dotted(struct compiler *c, struct str name, const struct place *place)
{
    size_t dot = str_find_char(name, '.', 0);
    struct str head = str_slice(name, 0, dot), tail = str_skip(name, dot + 1);
    enum attribute attribute;
    enum time_form form;
    if (str_eq(head, STR("t")))
        return time_form_find(tail, &form)
                   ? add(c, (struct part){.kind = PART_TIME, .column = form})
                   : complain(c, name, "no such form of time", "その時刻形式はありません");
    int cell = str_eq(head, STR("host")) ? (int)place->host_cell : scope_find(c->scope, head);
    const struct cell_name *named = cell >= 0 ? &c->scope->cells[cell] : NULL;
    if (named != NULL && named->kind == CELL_ROW)
        for (uint32_t i = 0; i < named->list->column_count; i++)
            if (str_eq(named->list->columns[i], tail))
                return add(c, (struct part){.kind = PART_COLUMN,
                                            .cell = (uint32_t)cell,
                                            .column = i,
                                            .list = named->list});
    if (!attribute_find(tail, &attribute))
        return complain(c, name, "no such name; see docs/simulate.md",
                        "その名前はありません(docs/simulate.md)");
    if (named != NULL && named->kind == CELL_HOST)
        return add(c, (struct part){.kind = PART_HOST, .cell = (uint32_t)cell, .column = attribute});
    const struct host *server = office_server(c->words->office, head);
    return server != NULL ? add(c, (struct part){.kind = PART_TEXT, .text = server->texts[attribute]})
                          : complain(c, name, "neither a host of this step nor a server",
                                     "この手順の端末でもサーバーでもありません");
}

static bool compile_name(struct compiler *c, struct str name, const struct place *place)
{
    size_t space = str_find_char(name, ' ', 0);
    struct str word = space == STR_NOT_FOUND ? name : str_slice(name, 0, space);
    struct str rest = space == STR_NOT_FOUND ? STR_EMPTY : str_skip(name, space + 1);
    const struct yaml *value = find_member(place->with, word);
    if (value != NULL)
        return compile_value(c, value, place->outer);
    if ((value = find_member(place->defaults, word)) != NULL)
        return compile_value(c, value, place);
    int cell = scope_find(c->scope, word);
    if (cell >= 0 && c->scope->cells[cell].kind == CELL_TEXT)
        return add(c, (struct part){.kind = PART_CELL, .cell = (uint32_t)cell});
    if (cell >= 0 && c->scope->cells[cell].kind == CELL_ROW && c->scope->cells[cell].list->columns[0].n == 0)
        return add(c, (struct part){.kind = PART_COLUMN,
                                    .cell = (uint32_t)cell,
                                    .list = c->scope->cells[cell].list});
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (str_eq(word, str_c(functions[i].name)))
            return compile_function(c, &functions[i], name, rest);
    if (str_find_char(word, '.', 0) != STR_NOT_FOUND)
        return compile_dotted(c, word, place);
    return complain(c, name, "no such name; see docs/simulate.md", "その名前はありません(docs/simulate.md)");
}

static bool compile_text(struct compiler *c, struct str text, const struct place *place)
{
    for (;;) {
        size_t start = str_find(text, STR("${"), 0);
        if (start == STR_NOT_FOUND)
            return add(c, (struct part){.kind = PART_TEXT, .text = text});
        size_t end = str_find_char(text, '}', start);
        if (end == STR_NOT_FOUND)
            return complain(c, str_skip(text, start), "the closing } is missing", "閉じる } がありません");
        if (!add(c, (struct part){.kind = PART_TEXT, .text = str_slice(text, 0, start)}) ||
            !compile_name(c, str_slice(text, start + 2, end), place))
            return false;
        text = str_skip(text, end + 1);
    }
}

static void keep(struct compiler *c, struct template *out)
{
    out->count = c->count;
    out->parts = ARENA_ARRAY(c->words->arena, struct part, c->count + 1);
    memcpy(out->parts, c->parts, c->count * sizeof *c->parts);
}

bool template_compile(const struct words *w, const struct scope *scope, const char *path,
                      const struct yaml *node, struct template *out, struct error *err)
{
    struct compiler c = {.words = w, .scope = scope, .node = node, .path = path, .err = err};
    struct place place = {.path = path};
    if (!compile_value(&c, node, &place))
        return false;
    keep(&c, out);
    return true;
}

bool template_compile_format(const struct words *w, const struct scope *scope, const char *path,
                             const struct yaml *use, struct template *out, struct str *source,
                             struct error *err)
{
    struct compiler c = {.words = w, .scope = scope, .node = use, .path = path, .err = err};
    struct str name = yaml_text(use, "format"), host = yaml_text(use, "host");
    const struct yaml *format = find_member(w->formats, name), *text = yaml_get(format, "text");
    if (text == NULL)
        return error_at(err, path, use->line, use->column,
                        tr("there is no format \"%.*s\"; the formats are in %s",
                           "形式「%.*s」がありません。形式は %s にあります"),
                        STR_ARGS(name), w->formats_path);
    int cell = host.n ? scope_find(scope, host) : 0;
    if (cell < 0 || scope->cells[cell].kind != CELL_HOST)
        return error_at(
            err, path, use->line, use->column,
            tr("\"%.*s\" is no host of this step; name a role or a host that `let` binds",
               "「%.*s」はこの手順の端末ではありません。役割名か let で束縛した端末を書いてください"),
            STR_ARGS(host));
    struct place outer = {.path = path, .host_cell = (uint32_t)cell};
    struct place place = {.outer = &outer,
                          .with = yaml_get(use, "with"),
                          .defaults = yaml_get(format, "defaults"),
                          .path = path,
                          .host_cell = (uint32_t)cell};
    *source = yaml_text(format, "source");
    if (!compile_text(&c, text->text, &place))
        return false;
    keep(&c, out);
    return true;
}
