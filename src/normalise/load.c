/* Files of content/parsers → struct parser. Stage: normalise. Reads the files, leaves an immutable
 * normaliser; what is wrong is refused with file:line:column and the rest goes on. The language is described
 * in docs/parsers.md. Next: compile_slot.c. */
#include <stdarg.h>
#include <stdio.h>

#include "base/file.h"
#include "normalise/compile.h"
#include "normalise/literal_scanner.h"

bool compile_mistake(struct compile *c, const struct yaml *node, const char *format, ...)
{
    char text[900];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return error_at(c->err, c->path, node ? node->line : c->p->line, node ? node->column : 0, "%s", text);
}

struct map *compile_map(struct compile *c)
{
    struct normaliser *n = c->n;
    if (n->map_count == n->map_capacity) {
        n->map_capacity = n->map_capacity ? n->map_capacity * 2 : 64;
        n->maps = memory_resize_array(n->maps, n->map_capacity, sizeof(struct map *));
    }
    return n->maps[n->map_count++] = ARENA_NEW(c->arena, struct map);
}

bool compile_known_keys(struct compile *c, const struct yaml *map, const char *const *keys)
{
    for (const struct yaml *e = map->child; e; e = e->next) {
        const char *const *k = keys;
        while (*k && !str_eq(e->key, str_c(*k)))
            k++;
        if (!*k)
            return compile_mistake(c, e, "unknown key \"%.*s\"; docs/parsers.md lists the known ones",
                                   STR_ARGS(e->key));
    }
    return true;
}

bool compile_texts(struct compile *c, const struct yaml *node, struct str **texts, uint32_t *count)
{
    *count = 0;
    if (node->type == YAML_MAP)
        return compile_mistake(c, node, "expected a text or a list of texts");
    *texts = ARENA_ARRAY(c->arena, struct str, node->type == YAML_LIST ? node->count + 1 : 1);
    if (node->type == YAML_SCALAR)
        (*texts)[(*count)++] = node->text;
    else
        for (const struct yaml *e = node->child; e; e = e->next) {
            if (e->type != YAML_SCALAR)
                return compile_mistake(c, e, "expected a text");
            (*texts)[(*count)++] = e->text;
        }
    return true;
}

/* Sections of the file -------- */

static bool add_mapping(struct compile *c, const struct yaml *e)
{
    struct parser *p = c->p;
    struct str *targets;
    struct mapping m = {.from = SLOT_NONE};
    if (!compile_texts(c, e, &targets, &m.target_count))
        return false;
    if (e->key.n > 2 && e->key.p[0] == '=' && e->key.p[1] == ' ') {
        if (!(m.first_of = compile_expression(c, str_skip(e->key, 2), e)))
            return false;
    } else {
        m.from = compile_name(c, e->key.p[0] == '$' ? str_skip(e->key, 1) : e->key);
        p->slots[m.from].is_consumed = true;
    }
    m.targets = ARENA_ARRAY(c->arena, slot_id, m.target_count + 1);
    for (uint32_t i = 0; i < m.target_count; i++)
        if ((m.targets[i] = compile_target(c, targets[i], e)) == SLOT_NONE)
            return false;
    if (p->mapping_count == p->mapping_capacity) {
        p->mapping_capacity = p->mapping_capacity ? p->mapping_capacity * 2 : 64;
        p->mappings = memory_resize_array(p->mappings, p->mapping_capacity, sizeof *p->mappings);
    }
    p->mappings[p->mapping_count++] = m;
    return true;
}

static bool section_fields(struct compile *c, const struct yaml *node)
{
    if (node->type != YAML_MAP)
        return compile_mistake(c, node, "\"fields\" is a map: name of the record → event field");
    for (const struct yaml *e = node->child; e; e = e->next)
        if (e->key.n && !yaml_is_null(e) && !add_mapping(c, e))
            return false;
    return true;
}

/* under: {path: prefix} */
static bool keep_parts(struct compile *c, const struct yaml *map)
{
    struct parser *p = c->p;
    if (map->type != YAML_MAP || map->count > 63)
        return compile_mistake(c, map, "\"under\" is a map of at most 63 paths, each with its prefix");
    p->parts = ARENA_ARRAY(c->arena, struct part, map->count + 1);
    for (const struct yaml *e = map->child; e; e = e->next) {
        struct part *part = &p->parts[p->part_count++];
        part->skips_one = str_ends(e->key, STR(".*"));
        struct str path = part->skips_one ? str_slice(e->key, 0, e->key.n - 2) : e->key;
        part->under = arena_concat(c->arena, path, STR("."));
        part->keep_prefix = arena_concat(c->arena, e->text, STR("."));
    }
    return true;
}

static bool section_keep(struct compile *c, const struct yaml *node)
{
    static const char *const keys[] = {"prefix", "drop", "mapped", "under", NULL};
    struct parser *p = c->p;
    if (node->type == YAML_SCALAR) {
        p->keep_prefix = node->text;
        p->keeps = !str_eq(node->text, STR("none")) && node->text.n;
        p->kept_under = arena_concat(c->arena, p->keep_prefix, STR("."));
        return true;
    }
    const struct yaml *under = yaml_get(node, "under");
    if (!compile_known_keys(c, node, keys) || (under && !keep_parts(c, under)))
        return false;
    p->keep_prefix = yaml_text(node, "prefix");
    p->kept_under = arena_concat(c->arena, p->keep_prefix, STR("."));
    p->keeps = p->keep_prefix.n > 0;
    p->keeps_mapped = yaml_bool(node, "mapped", false);
    const struct yaml *drop = yaml_get(node, "drop");
    struct str *texts;
    uint32_t count = 0;
    if (drop && !compile_texts(c, drop, &texts, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        *map_put(&p->dropped, texts[i], NULL) = 1;
    return true;
}

static bool section_times(struct compile *c, const struct yaml *node)
{
    struct parser *p = c->p;
    const struct date **times = ARENA_ARRAY(c->arena, const struct date *, p->time_count + node->count + 1);
    if (p->time_count)
        memcpy(times, p->times, p->time_count * sizeof *times);
    p->times = times;
    if (node->type != YAML_LIST)
        return (p->times[p->time_count++] = compile_date(c, node)) != NULL;
    for (const struct yaml *e = node->child; e; e = e->next)
        if (!(p->times[p->time_count++] = compile_date(c, e)))
            return false;
    return true;
}

static void add_null(struct parser *p, struct str text)
{
    if (!text.n)
        return; /* always */
    *map_put(&p->nulls, text, NULL) = 1;
    p->null_begins[(unsigned char)text.p[0]] = true;
    p->null_longest = text.n > p->null_longest ? text.n : p->null_longest;
}

static bool section_nulls(struct compile *c, const struct yaml *node)
{
    struct str *texts;
    uint32_t count;
    if (!compile_texts(c, node, &texts, &count))
        return false;
    for (uint32_t i = 0; i < count; i++)
        add_null(c->p, texts[i]);
    return true;
}

static bool section_envelope(struct compile *c, const struct yaml *node)
{
    static const char *const names[] = {"auto", "syslog", "none"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(node->text, str_c(names[i]))) {
            c->p->envelope = (uint8_t)i;
            return true;
        }
    return compile_mistake(c, node, "\"envelope\" is auto, syslog or none");
}

static bool section_derive(struct compile *c, const struct yaml *node)
{
    static const struct {
        const char *name;
        unsigned flag;
    } flags[] = {{"client_server", DERIVE_CLIENT_SERVER},
                 {"source_destination", DERIVE_SOURCE_DESTINATION},
                 {"user_domain", DERIVE_USER_DOMAIN},
                 {"no_url", DERIVE_NO_URL},
                 {"no_host", DERIVE_NO_HOST},
                 {"direction", DERIVE_DIRECTION}};
    struct str *texts;
    uint32_t count;
    if (!compile_texts(c, node, &texts, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        size_t k = 0;
        while (k < COUNT_OF(flags) && !str_eq(texts[i], str_c(flags[k].name)))
            k++;
        if (k == COUNT_OF(flags))
            return compile_mistake(c, node, "unknown derivation \"%.*s\"", STR_ARGS(texts[i]));
        c->p->derive |= flags[k].flag;
    }
    return true;
}

static bool section_shape(struct compile *c, const struct yaml *node)
{
    return (c->p->shape = compile_shape(c, node, true)) != NULL;
}

/* The steps of a library and those of the file that includes it follow one another. */
static bool append_steps(struct compile *c, const struct yaml *node, const struct block **all)
{
    const struct block *more = compile_block(c, node);
    if (!more)
        return false;
    struct block *both = ARENA_NEW(c->arena, struct block);
    struct step *parts[] = {*all ? ARENA_NEW(c->arena, struct step) : NULL, ARENA_NEW(c->arena, struct step)};
    *parts[1] = (struct step){.kind = STEP_BLOCK, .to = SLOT_NONE, .then = more};
    if (*all)
        *parts[0] = (struct step){.kind = STEP_BLOCK, .to = SLOT_NONE, .then = *all, .next = parts[1]};
    both->first = *all ? parts[0] : parts[1];
    *all = both;
    return true;
}

static bool section_before(struct compile *c, const struct yaml *node)
{
    return append_steps(c, node, &c->p->before);
}

static bool section_steps(struct compile *c, const struct yaml *node)
{
    return append_steps(c, node, &c->p->steps);
}

static bool section_samples(struct compile *c, const struct yaml *node)
{
    c->p->samples = node;
    return node->type == YAML_LIST || compile_mistake(c, node, "\"samples\" is a list");
}

/* observer: and defaults: fill fields that are still empty at the end. */
static bool section_defaults(struct compile *c, const struct yaml *node)
{
    const struct assignment *more, **end = &c->p->defaults;
    if (!compile_assignments(c, node, false, &more))
        return false;
    while (*end)
        end = (const struct assignment **)&((struct assignment *)*end)->next;
    *end = more;
    return true;
}

static bool section_observer(struct compile *c, const struct yaml *node)
{
    for (struct yaml *e = node->child; e; e = e->next)
        if (!str_starts(e->key, STR("observer.")))
            e->key = arena_concat(c->arena, STR("observer."), e->key);
    return section_defaults(c, node);
}

static bool section_ecs(struct compile *c, const struct yaml *node)
{
    c->p->is_ecs = str_eq(node->text, STR("true"));
    return true;
}

/* What a library may give to the files that include it, before or behind their own; INSTEAD: when they have
 * none of their own. */
enum sharing { NOT_SHARED, INSTEAD, FIRST, LAST };

/* In the order in which they are compiled: what later ones refer to comes first. */
static const struct section {
    const char *key;
    bool (*compile)(struct compile *, const struct yaml *);
    enum sharing sharing;
} sections[] = {
    {"keep", section_keep, INSTEAD},
    {"null_values", section_nulls, FIRST},
    {"envelope", section_envelope, INSTEAD},
    {"derive", section_derive, FIRST},
    {"ecs_names", section_ecs, INSTEAD},
    {"tables", compile_tables, FIRST},
    {"shape", section_shape, INSTEAD},
    {"before", section_before, FIRST},
    {"time", section_times, LAST},
    {"fields", section_fields, LAST},
    {"steps", section_steps, LAST},
    {"observer", section_observer, INSTEAD},
    {"defaults", section_defaults, LAST},
    {"recognise", recognise_compile, NOT_SHARED},
    {"samples", section_samples, NOT_SHARED},
};

static const char *const top_keys[] = {"name",      "title",  "aliases",     "library",  "include",
                                       "note",      "keep",   "null_values", "envelope", "derive",
                                       "ecs_names", "tables", "shape",       "before",   "time",
                                       "fields",    "steps",  "observer",    "defaults", "recognise",
                                       "samples",   NULL};

struct source_file {
    struct str path, name;
    const struct yaml *root;
    bool is_library;
};

struct loader {
    struct normaliser *n;
    struct load_report *report;
    struct source_file *files;
    size_t file_count;
};

static const struct source_file *find_library(const struct loader *l, struct str name)
{
    for (size_t i = l->file_count; i-- > 0;)
        if (l->files[i].is_library && str_eq(l->files[i].name, name))
            return &l->files[i];
    return NULL;
}

/* One section of the libraries that the file includes. */
static bool include(struct compile *c, const struct loader *l, const struct section *s,
                    const struct yaml *root)
{
    const struct yaml *names = yaml_get(root, "include");
    struct str *texts;
    uint32_t count = 0;
    if (names && !compile_texts(c, names, &texts, &count))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct source_file *library = find_library(l, texts[i]);
        if (!library)
            return compile_mistake(c, names, "there is no library \"%.*s\" (a file with \"library: true\")",
                                   STR_ARGS(texts[i]));
        const struct yaml *section = yaml_get(library->root, s->key);
        struct compile inside = *c;
        inside.path = library->path.p;
        if (section && !s->compile(&inside, section))
            return false;
    }
    return true;
}

static bool compile_sections(struct compile *c, const struct loader *l, const struct yaml *root)
{
    if (!compile_known_keys(c, root, top_keys))
        return false;
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        const struct section *s = &sections[i];
        const struct yaml *node = yaml_get(root, s->key);
        bool is_first = s->sharing == FIRST || (s->sharing == INSTEAD && !node);
        if (is_first && !include(c, l, s, root))
            return false;
        if (node && !s->compile(c, node))
            return false;
        if (s->sharing == LAST && !include(c, l, s, root))
            return false;
    }
    return c->p->shape || compile_mistake(c, root, "\"shape\" is missing");
}

/* What people read instead of the parser's name; one text does for both languages when it is a product's
 * name.
 */
static bool compile_title(struct compile *c, const struct yaml *root)
{
    struct parser *p = c->p;
    const struct yaml *title = yaml_get(root, "title");
    bool is_one = title && title->type == YAML_SCALAR;
    p->title_en = is_one ? title->text : yaml_text(title, "en");
    p->title_ja = is_one ? title->text : yaml_text(title, "ja");
    return (p->title_en.n && p->title_ja.n) ||
           compile_mistake(c, title,
                           "\"title\" is what people read instead of \"%.*s\": write title: {en: …, ja: …}",
                           STR_ARGS(p->name));
}

static void parser_free(struct parser *p)
{
    map_free(&p->names);
    map_free(&p->fields);
    map_free(&p->nulls);
    map_free(&p->tables);
    map_free(&p->dropped);
    memory_free(p->slots);
    memory_free(p->mappings);
}

static void refuse(struct load_report *report, const struct error *err)
{
    report->refused++;
    buf_printf(&report->sentences, "%s\n", err->text);
}

static void resolve_kept_names(struct parser *p, struct arena *arena)
{
    for (uint32_t i = SLOT_FIXED; i < p->slot_count; i++) {
        struct slot *s = &p->slots[i];
        if (!p->keeps || p->keeps_mapped || s->field || s->is_consumed || !s->name.n || s->name.p[0] == '_' ||
            map_find(&p->dropped, s->name))
            continue;
        s->kept_as =
            field_intern(arena_printf(arena, "%.*s.%.*s", STR_ARGS(p->keep_prefix), STR_ARGS(s->name)));
    }
}

static bool compile_parser(struct loader *l, const struct source_file *file, struct parser *p,
                           struct error *err)
{
    struct compile c = {.n = l->n, .p = p, .path = file->path.p, .arena = &l->n->arena, .err = err};
    *p = (struct parser){.name = file->name,
                         .path = file->path,
                         .line = file->root->line,
                         .keep_prefix = STR_EMPTY};
    const struct yaml *aliases = yaml_get(file->root, "aliases");
    compile_fixed_slots(&c);
    add_null(p, STR("-"));
    if (aliases && !compile_texts(&c, aliases, &p->aliases, &p->alias_count))
        return false;
    return compile_sections(&c, l, file->root) && compile_title(&c, file->root);
}

static void add_name(struct normaliser *n, struct str name, struct parser *p)
{
    uintptr_t *place = map_put(&n->by_name, arena_lower(&n->arena, name), NULL);
    struct named_parsers *list = (struct named_parsers *)*place;
    if (!list)
        *place = (uintptr_t)(list = ARENA_NEW(&n->arena, struct named_parsers));
    if (list->count == list->capacity) {
        uint32_t capacity = list->capacity ? list->capacity * 2 : 4;
        struct parser **grown = ARENA_ARRAY(&n->arena, struct parser *, capacity);
        if (list->count)
            memcpy(grown, list->items, list->count * sizeof *grown);
        list->items = grown;
        list->capacity = capacity;
    }
    list->items[list->count++] = p;
}

static void add_parser(struct normaliser *n, struct parser *p)
{
    n->parsers = memory_resize_array(n->parsers, n->parser_count + 1, sizeof *n->parsers);
    n->parsers[n->parser_count++] = p;
    p->number = (uint16_t)n->parser_count;
    p->mapping_from = ARENA_ARRAY(&n->arena, slot_id, p->mapping_count + 1);
    for (uint32_t i = 0; i < p->mapping_count; i++)
        p->mapping_from[i] = p->mappings[i].from;
    resolve_kept_names(p, &n->arena);
    if (p->slot_count > n->slots_max)
        n->slots_max = p->slot_count;
    add_name(n, p->name, p);
    for (uint32_t i = 0; i < p->alias_count; i++)
        add_name(n, p->aliases[i], p);
}

static void load_parser(struct loader *l, const struct source_file *file)
{
    struct error err = {.text = ""};
    struct parser *p = ARENA_NEW(&l->n->arena, struct parser);
    if (compile_parser(l, file, p, &err)) {
        add_parser(l->n, p);
        l->report->loaded++;
    } else {
        parser_free(p);
        refuse(l->report, &err);
    }
}

/* "vendor.product" of "…/vendor.product.yml". */
static struct str name_of(struct str path)
{
    size_t slash = str_find_last_char(path, '/');
    struct str name = slash == STR_NOT_FOUND ? path : str_skip(path, slash + 1);
    size_t dot = str_find_last_char(name, '.');
    return str_slice(name, 0, dot == STR_NOT_FOUND ? name.n : dot);
}

static void read_file(struct loader *l, struct str path)
{
    struct error err = {.text = ""};
    struct yaml *root = yaml_load(path.p, &l->n->arena, &err);
    if (root && root->type != YAML_MAP)
        error_at(&err, path.p, root->line, root->column, "a parser file is a map");
    if (!root || root->type != YAML_MAP) {
        refuse(l->report, &err);
        return;
    }
    struct source_file file = {.path = path,
                               .name = yaml_text(root, "name"),
                               .root = root,
                               .is_library = yaml_bool(root, "library", false)};
    if (!file.name.n)
        file.name = name_of(path);
    for (size_t i = 0; i < l->file_count; i++)
        if (str_eq(l->files[i].name, file.name)) {
            l->files[i] = file; /* the later folder wins */
            return;
        }
    l->files = memory_resize_array(l->files, l->file_count + 1, sizeof *l->files);
    l->files[l->file_count++] = file;
}

static bool read_folders(struct loader *l, const char *const *folders, struct error *err)
{
    static const char *const suffixes[] = {".yml", ".yaml", NULL};
    for (; *folders; folders++) {
        struct file_list list = {0};
        if (!file_walk(*folders, suffixes, &l->n->arena, &list, err))
            return false;
        for (size_t i = 0; i < list.count; i++)
            read_file(l, list.paths[i]);
    }
    return true;
}

struct normaliser *normaliser_load(const char *const *folders, struct load_report *report, struct error *err)
{
    struct normaliser *n = NEW(struct normaliser);
    arena_init(&n->arena, 1 << 20);
    struct loader l = {.n = n, .report = report};
    if (!read_folders(&l, folders, err)) {
        memory_free(l.files);
        normaliser_free(n);
        return NULL;
    }
    for (size_t i = 0; i < l.file_count; i++)
        if (!l.files[i].is_library && n->parser_count < UINT16_MAX - 1)
            load_parser(&l, &l.files[i]);
    memory_free(l.files);
    n->slots_max = n->slots_max > SLOT_FIXED ? n->slots_max : SLOT_FIXED;
    n->generation = (uint64_t)clock_monotonic_ns() >> 10; /* only has to differ from that of the last set */
    recognise_build(n);
    return n;
}

void normaliser_free(struct normaliser *n)
{
    if (!n)
        return;
    for (uint32_t i = 0; i < n->parser_count; i++)
        parser_free(n->parsers[i]);
    for (uint32_t i = 0; i < n->regex_count; i++)
        regex_free(n->regexes[i]);
    for (uint32_t i = 0; i < n->format_count; i++)
        time_format_free(n->formats[i]);
    for (uint32_t i = 0; i < n->map_count; i++)
        map_free(n->maps[i]);
    recognise_free(n);
    memory_free(n->maps);
    memory_free(n->regexes);
    memory_free(n->formats);
    memory_free(n->parsers);
    map_free(&n->by_name);
    arena_free(&n->arena);
    memory_free(n);
}

void load_report_free(struct load_report *report)
{
    buf_free(&report->sentences);
}
