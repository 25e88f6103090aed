/* The taxonomy: log sources and field names of Sigma as conditions and names of ECS.
 * Stage: detect, at load. Reads the files of content/taxonomy (documented in docs/rules.md); answers the
 * compiler's questions. All knowledge of products is in those files. Next: classifier.c. */
#include "detect/taxonomy.h"

#include "base/file.h"
#include "base/log.h"

struct taxonomy {
    struct arena *arena;
    const char *folder;
    const struct yaml **logsources;
    size_t logsource_count, logsource_capacity;
    struct map field_sets; /* name → const struct yaml * */
};

static bool add_logsource(struct taxonomy *t, const struct yaml *entry, const char *path, struct error *err)
{
    const struct yaml *when = yaml_get(entry, "when");
    if (!when || when->type != YAML_LIST || when->count == 0)
        return error_at(err, path, entry->line, entry->column, "%s",
                        tr("a log source needs when: with at least one alternative.",
                           "logsource には when: に 1 つ以上の条件が必要です。"));
    for (const struct yaml *alternative = when->child; alternative; alternative = alternative->next)
        if (alternative->type != YAML_MAP)
            return error_at(err, path, alternative->line, alternative->column, "%s",
                            tr("an alternative of when: is a map from field to value.",
                               "when: の各項目はフィールドと値の表です。"));
    if (t->logsource_count == t->logsource_capacity) {
        const struct yaml **old = t->logsources;
        t->logsource_capacity = t->logsource_capacity ? t->logsource_capacity * 2 : 128;
        t->logsources = ARENA_ARRAY(t->arena, const struct yaml *, t->logsource_capacity);
        if (old)
            memcpy(t->logsources, old, t->logsource_count * sizeof *old);
    }
    t->logsources[t->logsource_count++] = entry;
    return true;
}

static bool add_file(struct taxonomy *t, const char *path, struct error *err)
{
    struct yaml *document = yaml_load(path, t->arena, err);
    if (!document)
        return false;
    const struct yaml *sources = yaml_get(document, "logsources"), *sets = yaml_get(document, "field_sets");
    for (const struct yaml *e = sources ? sources->child : NULL; e; e = e->next)
        if (!add_logsource(t, e, path, err))
            return false;
    for (const struct yaml *s = sets ? sets->child : NULL; s; s = s->next) {
        bool is_new;
        uintptr_t *place = map_put(&t->field_sets, s->key, &is_new);
        if (!is_new)
            return error_at(err, path, s->key_line, s->key_column,
                            tr("the field set '%.*s' is defined twice.",
                               "フィールド集合 '%.*s' が二重に定義されています。"),
                            STR_ARGS(s->key));
        *place = (uintptr_t)s;
    }
    return true;
}

static bool check_set_names(const struct taxonomy *t, const struct yaml *list, const char *what,
                            struct error *err)
{
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next)
        if (!map_get_pointer(&t->field_sets, n->text))
            return error_set(err,
                             tr("%s: line %u: %s names the field set '%.*s', which does not exist.",
                                "%s: %u 行: %s のフィールド集合 '%.*s' は存在しません。"),
                             t->folder, n->line, what, STR_ARGS(n->text));
    return true;
}

static bool check_names(const struct taxonomy *t, struct error *err)
{
    for (size_t i = 0; i < t->logsource_count; i++)
        if (!check_set_names(t, yaml_get(t->logsources[i], "fields"), "fields", err))
            return false;
    for (uint32_t i = 0; i < t->field_sets.count; i++)
        if (!check_set_names(t, yaml_get((const struct yaml *)t->field_sets.entries[i].value, "include"),
                             "include", err))
            return false;
    return true;
}

struct taxonomy *taxonomy_load(const char *folder, struct arena *arena, struct error *err)
{
    static const char *const suffixes[] = {".yml", ".yaml", NULL};
    struct taxonomy *t = ARENA_NEW(arena, struct taxonomy);
    struct file_list files = {0};
    t->arena = arena;
    t->folder = folder;
    if (!file_walk(folder, suffixes, arena, &files, err))
        return NULL;
    for (size_t i = 0; i < files.count; i++)
        if (!add_file(t, files.paths[i].p, err)) {
            map_free(&t->field_sets);
            return NULL;
        }
    if (t->logsource_count == 0) {
        error_set(err,
                  tr("%s: no log source is defined here; reinstall content/taxonomy.",
                     "%s: logsource の定義がありません。content/taxonomy を入れ直してください。"),
                  folder);
        map_free(&t->field_sets);
        return NULL;
    }
    if (!check_names(t, err)) {
        map_free(&t->field_sets);
        return NULL;
    }
    return t;
}

void taxonomy_free(struct taxonomy *t)
{
    map_free(&t->field_sets);
}

/* Log sources */

struct wanted {
    struct str keys[3]; /* category, product, service */
};

static const char *const key_names[] = {"category", "product", "service"};

static struct str entry_key(const struct yaml *entry, size_t i)
{
    return yaml_text(entry, key_names[i]);
}

/* Which of the wanted keys the entry speaks for, as bits; 0 when it names another value for one of them. */
static unsigned covered(const struct yaml *entry, const struct wanted *w, bool templates)
{
    unsigned bits = 0;
    bool is_template = false;
    for (size_t i = 0; i < 3; i++) {
        struct str key = entry_key(entry, i);
        if (key.n == 0)
            continue;
        if (str_eq(key, STR("*")) && w->keys[i].n)
            is_template = true;
        else if (!str_eq_nocase(key, w->keys[i]))
            return 0;
        bits |= 1u << i;
    }
    return is_template == templates ? bits : 0;
}

static unsigned wanted_bits(const struct wanted *w)
{
    return (w->keys[0].n > 0) | (w->keys[1].n > 0) << 1 | (w->keys[2].n > 0) << 2;
}

static enum entity parse_entity(struct str s)
{
    return str_eq(s, STR("source"))        ? ENTITY_SOURCE
           : str_eq(s, STR("destination")) ? ENTITY_DESTINATION
                                           : ENTITY_HOST;
}

static struct str fill_template(struct arena *arena, struct str text, const struct wanted *w)
{
    for (size_t i = 0; i < 3; i++) {
        struct str mark = arena_printf(arena, "{%s}", key_names[i]);
        size_t at = str_find(text, mark, 0);
        if (at == STR_NOT_FOUND)
            continue;
        struct str head = arena_concat(arena, str_slice(text, 0, at), w->keys[i]);
        text = arena_concat(arena, head, str_skip(text, at + mark.n));
    }
    return text;
}

static struct yaml *fill_templates(struct arena *arena, const struct yaml *node, const struct wanted *w)
{
    struct yaml *out = ARENA_NEW(arena, struct yaml), **end = &out->child;
    *out = *node;
    out->child = out->next = NULL;
    if (node->type == YAML_SCALAR)
        out->text = fill_template(arena, node->text, w);
    for (const struct yaml *c = node->child; c; c = c->next) {
        *end = fill_templates(arena, c, w);
        end = &(*end)->next;
    }
    return out;
}

static void add_part(struct taxonomy *t, struct logsource *out, const struct yaml *entry,
                     const struct wanted *w, bool is_template)
{
    const struct yaml *when = yaml_get(entry, "when"), *fields = yaml_get(entry, "fields");
    if (out->part_count == TAXONOMY_MAX_PARTS)
        return;
    out->parts[out->part_count++] = is_template ? fill_templates(t->arena, when, w) : when;
    if (out->part_count == 1 || yaml_text(entry, "entity").n)
        out->entity = parse_entity(yaml_text(entry, "entity"));
    for (const struct yaml *f = fields ? fields->child : NULL; f && out->field_set_count < TAXONOMY_MAX_PARTS;
         f = f->next)
        out->field_sets[out->field_set_count++] = map_get_pointer(&t->field_sets, f->text);
}

static unsigned add_entries(struct taxonomy *t, struct logsource *out, const struct wanted *w, unsigned need,
                            bool templates)
{
    unsigned have = 0;
    for (size_t i = 0; i < t->logsource_count; i++) { /* an entry that says it all stands alone */
        if (covered(t->logsources[i], w, templates) == need) {
            add_part(t, out, t->logsources[i], w, templates);
            return need;
        }
    }
    for (size_t i = 0; i < t->logsource_count; i++) {
        unsigned bits = covered(t->logsources[i], w, templates);
        if (bits && (bits & ~need) == 0) {
            add_part(t, out, t->logsources[i], w, templates);
            have |= bits;
        }
    }
    return have;
}

bool taxonomy_logsource(struct taxonomy *t, struct str category, struct str product, struct str service,
                        struct logsource *out, struct error *err)
{
    struct wanted w = {{category, product, service}};
    *out = (struct logsource){.category = arena_str(t->arena, category), /* the rule's own text goes away */
                              .product = arena_str(t->arena, product),
                              .service = arena_str(t->arena, service)};
    out->key =
        arena_printf(t->arena, "%.*s/%.*s/%.*s", STR_ARGS(category), STR_ARGS(product), STR_ARGS(service));
    unsigned need = wanted_bits(&w), have = add_entries(t, out, &w, need, false);
    if (need & ~have)
        have |= add_entries(t, out, &w, need & ~have, true);
    if ((need & ~have) == 0)
        return true;
    unsigned missing = need & ~have;
    size_t i = missing & 1 ? 0 : missing & 2 ? 1 : 2;
    return error_set(
        err,
        tr("the taxonomy does not know the log source with %s '%.*s'; describe it in a file of %s.",
           "taxonomy に %s '%.*s' の logsource がありません。%s のファイルに定義を追加してください。"),
        key_names[i], STR_ARGS(w.keys[i]), t->folder);
}

/* Fields */

struct str without_spaces(struct str s, struct arena *arena)
{
    if (str_find_char(s, ' ', 0) == STR_NOT_FOUND)
        return s;
    char *out = arena_alloc(arena, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] != ' ')
            out[n++] = s.p[i];
    return str_n(out, n);
}

static void add_name(struct field_chain *chain, struct str name)
{
    for (size_t i = 0; i < chain->count; i++)
        if (str_eq(chain->names[i], name))
            return;
    if (chain->count < TAXONOMY_MAX_CHAIN)
        chain->names[chain->count++] = name;
}

static void add_names(const struct taxonomy *t, struct field_chain *chain, const struct yaml *names,
                      struct str field)
{
    for (const struct yaml *n = names->type == YAML_LIST ? names->child : names; n;
         n = names->type == YAML_LIST ? n->next : NULL) {
        size_t at = str_find(n->text, STR("{name}"), 0);
        struct str name = n->text;
        if (at != STR_NOT_FOUND)
            name = arena_concat(t->arena, arena_concat(t->arena, str_slice(name, 0, at), field),
                                str_skip(name, at + 6));
        add_name(chain, without_spaces(name, t->arena));
    }
}

/* Looks into the set and those it includes; true when the field has an entry. */
static bool find_in_set(const struct taxonomy *t, const struct yaml *set, struct str field,
                        struct field_chain *out, unsigned depth)
{
    const struct yaml *map = yaml_get(set, "map"), *include = yaml_get(set, "include");
    for (const struct yaml *m = map ? map->child : NULL; m; m = m->next) {
        if (!str_eq(m->key, field))
            continue;
        out->hashes = m->type == YAML_MAP ? yaml_get(m, "hashes") : NULL;
        const struct yaml *names = m->type == YAML_MAP ? yaml_get(m, "fields") : m;
        if (names)
            add_names(t, out, names, field);
        return true;
    }
    for (const struct yaml *i = include ? include->child : NULL; i && depth < 8; i = i->next)
        if (find_in_set(t, map_get_pointer(&t->field_sets, i->text), field, out, depth + 1))
            return true;
    return false;
}

static void add_unmapped(const struct taxonomy *t, const struct yaml *set, struct str field,
                         struct field_chain *out, unsigned depth)
{
    const struct yaml *names = yaml_get(set, "unmapped"), *include = yaml_get(set, "include");
    if (names)
        add_names(t, out, names, field);
    for (const struct yaml *i = include ? include->child : NULL; i && depth < 8; i = i->next)
        add_unmapped(t, map_get_pointer(&t->field_sets, i->text), field, out, depth + 1);
}

void taxonomy_fields(const struct taxonomy *t, const struct logsource *source, struct str field,
                     struct field_chain *out)
{
    *out = (struct field_chain){0};
    field = without_spaces(field, t->arena);
    for (size_t i = 0; i < source->field_set_count; i++)
        if (find_in_set(t, source->field_sets[i], field, out, 0))
            return;
    bool is_path = str_find_char(field, '.', 0) != STR_NOT_FOUND;
    if (is_path && field_find(field) != FIELD_NONE)
        add_name(out, field); /* a name of ECS says what it means */
    for (size_t i = 0; i < source->field_set_count; i++)
        add_unmapped(t, source->field_sets[i], field, out, 0);
    if (is_path || out->count == 0)
        add_name(out, field);
}
