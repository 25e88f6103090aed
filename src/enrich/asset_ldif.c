/* Reads LDIF (stage enrich): lines → entries → cells, as content/ldap.yml says. Next: asset_table.c. */
#include "enrich/asset_ldif.h"

#include "base/base64.h"
#include "base/log.h"
#include "base/yaml.h"
#include "enrich/asset_table.h"

#define VALUES_MAX  2000 /* of one entry */
#define SOURCES_MAX 8    /* attributes for one column */
#define COLUMNS_MAX 16

enum extract { EXTRACT_ALL, EXTRACT_RDN /* "CN=Taro,OU=…" → "Taro" */, EXTRACT_OU /* → the nearest OU */ };

struct source {
    struct str attribute; /* lower case; "dn" is the entry's own name */
    enum extract extract;
};

struct column {
    struct str name;
    struct source sources[SOURCES_MAX];
    uint32_t source_count;
    bool takes_all; /* every value of the first attribute that has any; else the first value */
};

struct rule {
    struct str attribute;
    struct str *values;
    uint32_t count;
};

struct kind {
    struct rule *when, *unless;
    uint32_t when_count, unless_count;
    struct column columns[COLUMNS_MAX];
    uint32_t column_count;
};

struct ldap_map {
    struct arena arena;
    struct kind kinds[ASSET_FILE_COUNT];
};

/* --------------------------------------------------------------- the map */

struct map_reader {
    const char *path;
    struct ldap_map *map;
    struct error *err;
};

static bool bad(struct map_reader *r, const struct yaml *at, const char *en, const char *ja)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 0, "%s", tr(en, ja));
}

static bool read_rules(struct map_reader *r, const struct yaml *map, struct rule **out, uint32_t *count)
{
    *count = 0;
    if (map == NULL)
        return true;
    if (map->type != YAML_MAP)
        return bad(r, map, "write {attribute: [value]}", "{属性: [値]} の形で書いてください");
    *out = ARENA_ARRAY(&r->map->arena, struct rule, map->count);
    for (const struct yaml *m = map->child; m != NULL; m = m->next) {
        struct rule *rule = &(*out)[(*count)++];
        if (m->type != YAML_LIST)
            return bad(r, m, "write a list of values", "値の一覧を書いてください");
        rule->attribute = arena_lower(&r->map->arena, m->key);
        rule->values = ARENA_ARRAY(&r->map->arena, struct str, m->count);
        for (const struct yaml *v = m->child; v != NULL; v = v->next)
            rule->values[rule->count++] = arena_str(&r->map->arena, v->text);
    }
    return true;
}

/* "managedby|rdn" */
static bool read_source(struct map_reader *r, const struct yaml *node, struct source *out)
{
    size_t bar = str_find_char(node->text, '|', 0);
    struct str how = bar == STR_NOT_FOUND ? STR_EMPTY : str_skip(node->text, bar + 1);
    out->attribute = arena_lower(&r->map->arena, str_slice(node->text, 0, bar));
    out->extract = str_eq(how, STR("rdn")) ? EXTRACT_RDN : str_eq(how, STR("ou")) ? EXTRACT_OU : EXTRACT_ALL;
    return (out->extract != EXTRACT_ALL || how.n == 0) ||
           bad(r, node, "after '|' write rdn or ou", "「|」の後には rdn か ou を書いてください");
}

static bool read_columns(struct map_reader *r, const struct yaml *map, struct kind *out)
{
    if (map == NULL || map->type != YAML_MAP || map->count == 0 || map->count > COLUMNS_MAX)
        return bad(r, map, "write 'columns' with 1 to 16 of them",
                   "columns に 1 から 16 個の列を書いてください");
    for (const struct yaml *m = map->child; m != NULL; m = m->next) {
        struct column *c = &out->columns[out->column_count++];
        struct str name = m->key;
        c->takes_all = str_ends(name, STR("[]"));
        c->name = arena_str(&r->map->arena, c->takes_all ? str_slice(name, 0, name.n - 2) : name);
        if (m->type != YAML_LIST || m->count == 0 || m->count > SOURCES_MAX)
            return bad(r, m, "write a list of 1 to 8 attributes", "属性の一覧(1 から 8 個)を書いてください");
        for (const struct yaml *v = m->child; v != NULL; v = v->next)
            if (!read_source(r, v, &c->sources[c->source_count++]))
                return false;
    }
    return true;
}

static bool read_kinds(struct map_reader *r, const struct yaml *top)
{
    static const struct {
        const char *name;
        enum asset_file file;
    } kinds[] = {{"hosts", ASSET_HOSTS}, {"users", ASSET_USERS}, {"departments", ASSET_DEPARTMENTS}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        const struct yaml *node = yaml_get(top, kinds[i].name);
        struct kind *kind = &r->map->kinds[kinds[i].file];
        if (node == NULL)
            continue;
        if (!read_rules(r, yaml_get(node, "when"), &kind->when, &kind->when_count) ||
            !read_rules(r, yaml_get(node, "unless"), &kind->unless, &kind->unless_count) ||
            !read_columns(r, yaml_get(node, "columns"), kind))
            return false;
        if (kind->when_count == 0)
            return bad(r, node, "'when' must say which entries are meant",
                       "when に対象の項目を書いてください");
    }
    return true;
}

struct ldap_map *ldap_map_load(const char *path, struct error *err)
{
    struct ldap_map *map = NEW(struct ldap_map);
    struct map_reader r = {path, map, err};
    struct arena scratch;
    arena_init(&map->arena, 4096);
    arena_init(&scratch, 16 << 10);
    struct yaml *top = yaml_load(path, &scratch, err);
    bool ok = top != NULL && read_kinds(&r, top);
    arena_free(&scratch);
    if (ok)
        return map;
    ldap_map_free(map);
    return NULL;
}

void ldap_map_free(struct ldap_map *m)
{
    if (m == NULL)
        return;
    arena_free(&m->arena);
    memory_free(m);
}

/* ---------------------------------------------------------------- entries */

struct value {
    struct str attribute, text; /* attribute in lower case, without options */
};

struct entry {
    struct value *values;
    uint32_t count;
    uint32_t line; /* of its dn */
    bool is_change;
};

struct reader {
    const char *path;
    const struct ldap_map *map;
    struct str rest;
    uint32_t line; /* of `rest` */
    struct arena *arena;
    struct arena scratch; /* of the entry */
    struct asset_table tables[ASSET_FILE_COUNT];
    struct error *err;
};

static struct str next_line(struct reader *r)
{
    size_t end = str_find_char(r->rest, '\n', 0);
    struct str line = str_slice(r->rest, 0, end);
    r->rest = end == STR_NOT_FOUND ? STR_EMPTY : str_skip(r->rest, end + 1);
    r->line++;
    return line.n && line.p[line.n - 1] == '\r' ? str_slice(line, 0, line.n - 1) : line;
}

/* With its continuations, which begin with a space. */
static struct str next_unfolded(struct reader *r)
{
    struct str line = next_line(r);
    if (r->rest.n == 0 || r->rest.p[0] != ' ')
        return line;
    struct buf whole = {0};
    buf_add(&whole, line);
    while (r->rest.n && r->rest.p[0] == ' ')
        buf_add(&whole, str_skip(next_line(r), 1));
    line = arena_str(&r->scratch, buf_str(&whole));
    buf_free(&whole);
    return line;
}

static struct str decode(struct reader *r, struct str text)
{
    struct buf bytes = {0};
    struct str out = base64_decode(&bytes, text) ? arena_str(&r->scratch, buf_str(&bytes)) : STR_EMPTY;
    buf_free(&bytes);
    return out;
}

/* "attribute;option: text", "attribute:: base64"; "attribute:< url" has no value here. */
static bool read_value(struct reader *r, struct str line, struct value *out)
{
    size_t colon = str_find_char(line, ':', 0);
    if (colon == STR_NOT_FOUND || colon == 0)
        return error_at(r->err, r->path, r->line - 1, 0,
                        tr("\"%.*s\" is no line of LDIF; write ATTRIBUTE: VALUE",
                           "「%.*s」は LDIF の行ではありません。「属性: 値」と書いてください"),
                        (int)(line.n > 60 ? 60 : line.n), line.p);
    struct str name = str_slice(line, 0, colon), text = str_skip(line, colon + 1);
    out->attribute = arena_lower(&r->scratch, str_slice(name, 0, str_find_char(name, ';', 0)));
    if (text.n && text.p[0] == ':')
        text = decode(r, str_trim(str_skip(text, 1)));
    else if (text.n && text.p[0] == '<')
        text = STR_EMPTY;
    out->text = str_is_utf8(text) ? str_trim(text) : STR_EMPTY;
    return true;
}

static void note_value(struct entry *e, struct value v)
{
    if (str_eq(v.attribute, STR("changetype")))
        e->is_change = !str_eq_nocase(v.text, STR("add"));
    if (e->count < VALUES_MAX && v.text.n)
        e->values[e->count++] = v;
}

/* 1 = an entry, 0 = the end, -1 = a fault. */
static int read_entry(struct reader *r, struct entry *e)
{
    arena_reset(&r->scratch);
    *e = (struct entry){.values = ARENA_ARRAY(&r->scratch, struct value, VALUES_MAX)};
    bool is_begun = false;
    while (r->rest.n) {
        uint32_t line_number = r->line;
        struct str line = next_unfolded(r);
        struct value v;
        if (line.n == 0 && is_begun)
            return 1;
        if (line.n == 0 || line.p[0] == '#' || (e->is_change && line.p[0] == '-'))
            continue;
        if (!read_value(r, line, &v))
            return -1;
        if (!is_begun && str_eq(v.attribute, STR("version")))
            continue;
        if (!is_begun)
            e->line = line_number;
        is_begun = true;
        note_value(e, v);
    }
    return is_begun;
}

static bool has_value(const struct entry *e, const struct rule *rule)
{
    for (uint32_t i = 0; i < e->count; i++)
        for (uint32_t k = 0; k < rule->count && str_eq(e->values[i].attribute, rule->attribute); k++)
            if (str_eq_nocase(e->values[i].text, rule->values[k]))
                return true;
    return false;
}

static bool is_wanted(const struct kind *kind, const struct entry *e)
{
    for (uint32_t i = 0; i < kind->when_count; i++)
        if (!has_value(e, &kind->when[i]))
            return false;
    for (uint32_t i = 0; i < kind->unless_count; i++)
        if (has_value(e, &kind->unless[i]))
            return false;
    return kind->when_count > 0;
}

/* One name of a distinguished name (RFC 4514): up to the next comma that is not escaped, and on. */
static struct str next_name(struct str *rest)
{
    size_t i = 0;
    while (i < rest->n && rest->p[i] != ',')
        i += rest->p[i] == '\\' ? 2 : 1;
    struct str name = str_slice(*rest, 0, i < rest->n ? i : rest->n);
    *rest = str_skip(*rest, i < rest->n ? i + 1 : rest->n);
    return str_trim(name);
}

/* "\," is a comma, "\4e" a byte. */
static struct str unescape(struct str text, struct arena *a)
{
    struct buf out = {0};
    for (size_t i = 0; i < text.n; i++) {
        uint64_t byte;
        if (text.p[i] == '\\' && i + 2 < text.n && str_to_u64(str_slice(text, i + 1, i + 3), 16, &byte)) {
            buf_char(&out, (char)byte);
            i += 2;
        } else if (text.p[i] != '\\' || ++i < text.n) {
            buf_char(&out, text.p[i]);
        }
    }
    struct str plain = arena_str(a, buf_str(&out));
    buf_free(&out);
    return str_is_utf8(plain) ? plain : STR_EMPTY;
}

static struct str extracted(struct str text, enum extract how, struct arena *a)
{
    struct str rest = text;
    while (how != EXTRACT_ALL && rest.n) {
        struct str name = next_name(&rest);
        size_t equals = str_find_char(name, '=', 0);
        if (equals == STR_NOT_FOUND)
            return how == EXTRACT_RDN ? text : STR_EMPTY; /* no distinguished name at all */
        if (how == EXTRACT_RDN || str_eq_nocase(str_slice(name, 0, equals), STR("ou")))
            return unescape(str_trim(str_skip(name, equals + 1)), a);
    }
    return how == EXTRACT_ALL ? text : STR_EMPTY;
}

static bool put_column(struct reader *r, struct asset_table *t, const struct column *c, const struct entry *e)
{
    bool any = false;
    for (uint32_t s = 0; s < c->source_count && !any; s++)
        for (uint32_t i = 0; i < e->count && (!any || c->takes_all); i++) {
            if (!str_eq(e->values[i].attribute, c->sources[s].attribute))
                continue;
            struct str text = extracted(e->values[i].text, c->sources[s].extract, &r->scratch);
            any |= text.n > 0;
            if (!asset_table_put(t, r->arena, c->name, text))
                return error_at(
                    r->err, r->path, e->line, 0,
                    tr("the values of \"%.*s\" are longer than 64 KiB; leave the attribute out of "
                       "content/ldap.yml",
                       "「%.*s」の値が 64 KiB を超えています。content/ldap.yml からこの属性を外してください"),
                    STR_ARGS(c->sources[s].attribute));
        }
    return true;
}

static bool put_entry(struct reader *r, const struct entry *e)
{
    for (int file = 0; file < ASSET_FILE_COUNT; file++) {
        const struct kind *kind = &r->map->kinds[file];
        if (!is_wanted(kind, e))
            continue;
        asset_table_row(&r->tables[file], e->line);
        for (uint32_t i = 0; i < kind->column_count; i++)
            if (!put_column(r, &r->tables[file], &kind->columns[i], e))
                return false;
        return true;
    }
    return true;
}

static bool read_tables(struct reader *r, struct asset_set *set)
{
    bool any = false, ok = true;
    for (int file = 0; ok && file < ASSET_FILE_COUNT; file++) {
        if (asset_table_count(&r->tables[file]) == 0)
            continue;
        any = true;
        ok = asset_table_read(&r->tables[file], (enum asset_file)file, r->path, r->arena, set, r->err);
    }
    if (ok && !any)
        return error_set(
            r->err,
            tr("%s: no entry is a computer, a person or a department as content/ldap.yml describes them",
               "%s: content/ldap.yml にあてはまるコンピューター・利用者・部署がありません"),
            r->path);
    return ok;
}

bool asset_read_ldif(const struct ldap_map *map, const char *path, struct str text, struct arena *arena,
                     struct asset_set *set, struct error *err)
{
    struct reader r = {.path = path, .map = map, .line = 1, .arena = arena, .err = err};
    struct entry e;
    int got;
    if (str_starts(text, STR("\xef\xbb\xbf")))
        text = str_skip(text, 3);
    r.rest = text;
    arena_init(&r.scratch, 128 << 10);
    bool ok = true;
    while (ok && (got = read_entry(&r, &e)) == 1)
        ok = e.is_change || put_entry(&r, &e);
    ok = ok && got == 0 && read_tables(&r, set);
    for (int file = 0; file < ASSET_FILE_COUNT; file++)
        asset_table_free(&r.tables[file]);
    arena_free(&r.scratch);
    return ok;
}
