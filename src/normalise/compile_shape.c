/* Shapes, patterns and dates of a parser file → struct shape, struct date. Stage: normalise. Next:
 * compile_step.c. */
#include "normalise/compile.h"

static bool one_character(struct compile *c, const struct yaml *map, const char *key, char *out)
{
    const struct yaml *node = yaml_get(map, key);
    if (!node)
        return true;
    struct str t = node->text;
    if (t.n == 2 && t.p[0] == '\\' && t.p[1] == 't')
        *out = '\t';
    else if (t.n == 1)
        *out = t.p[0];
    else if (str_eq(t, STR("tab")))
        *out = '\t';
    else if (str_eq(t, STR("none")) || t.n == 0)
        *out = 0;
    else
        return compile_mistake(c, node, "%s must be one character, \"tab\" or \"none\"", key);
    return true;
}

static bool compile_key_value(struct compile *c, const struct yaml *node, struct shape *shape)
{
    struct key_value_form *f = &shape->key_value;
    *f = key_value_default();
    struct str separators = yaml_text(node, "separators"), quotes = yaml_text(node, "quotes");
    if (separators.n)
        f->separators = arena_str(c->arena, named_unescape(separators, '\\', "", true, c->arena)).p;
    if (yaml_get(node, "quotes"))
        f->quotes = arena_str(c->arena, quotes).p;
    f->values_have_spaces = yaml_bool(node, "values_have_spaces", false);
    f->keep_flags = yaml_bool(node, "flags", false);
    shape->minimum = (uint32_t)yaml_int(node, "minimum", 1);
    return one_character(c, node, "assign", &f->assign) &&
           one_character(c, node, "second_assign", &f->second_assign);
}

/* Captures and columns: a dotted word (and "message") is an event field, "$x" or any other word a name. */
static slot_id compile_place(struct compile *c, struct str text, const struct yaml *at)
{
    bool is_target =
        text.p[0] == '$' || str_find_char(text, '.', 0) != STR_NOT_FOUND || str_eq(text, STR("message"));
    return is_target ? compile_target(c, text, at) : compile_name(c, text);
}

static struct column_set *compile_column_set(struct compile *c, const struct yaml *list)
{
    if (list->type != YAML_LIST) {
        compile_mistake(c, list, "columns must be a list of names");
        return NULL;
    }
    struct column_set *set = ARENA_NEW(c->arena, struct column_set);
    set->slots = ARENA_ARRAY(c->arena, slot_id, list->count + 1);
    for (const struct yaml *e = list->child; e; e = e->next) {
        bool is_skipped = e->type != YAML_SCALAR || yaml_is_null(e) || str_eq(e->text, STR("-"));
        set->slots[set->count] = is_skipped ? SLOT_NONE : compile_place(c, e->text, e);
        if (!is_skipped && set->slots[set->count] == SLOT_NONE)
            return NULL;
        set->count++;
    }
    return set;
}

/* "a|b|c" as key: one entry for each. */
static void put_each(struct map *map, struct str keys, void *value)
{
    struct str key;
    while (str_split(&keys, '|', &key))
        *map_put(map, str_trim(key), NULL) = (uintptr_t)value;
}

static bool compile_columns(struct compile *c, const struct yaml *node, struct shape *shape)
{
    struct column_form *f = &shape->column;
    *f = (struct column_form){.separator = ',', .quote = '"'};
    f->brackets = yaml_bool(node, "brackets", false);
    shape->has_header = yaml_bool(node, "header", false);
    shape->minimum = (uint32_t)yaml_int(node, "minimum", 1);
    if (!one_character(c, node, "separator", &f->separator) || !one_character(c, node, "quote", &f->quote))
        return false;
    const struct yaml *columns = yaml_get(node, "columns"), *sets = yaml_get(node, "column_sets");
    if (columns && !(shape->columns = compile_column_set(c, columns)))
        return false;
    if (!sets)
        return columns || shape->has_header ||
               compile_mistake(c, node, "csv needs \"columns\", \"column_sets\" or \"header: true\"");
    const struct yaml *by = yaml_get(node, "by");
    if (!by || sets->type != YAML_MAP)
        return compile_mistake(
            c, node,
            "\"column_sets\" is a map, and \"by\" says which column (1 = first) or \"count\" selects");
    int64_t column = yaml_int(node, "by", 0);
    shape->select_column = str_eq(by->text, STR("count")) ? UINT16_MAX : (uint16_t)column;
    if (!shape->select_column)
        return compile_mistake(c, by, "\"by\" is a column number from 1, or \"count\"");
    shape->selections = compile_map(c);
    for (const struct yaml *e = sets->child; e; e = e->next) {
        struct column_set *set = compile_column_set(c, e);
        if (!set)
            return false;
        put_each(shape->selections, e->key, set);
    }
    return true;
}

static bool compile_pattern(struct compile *c, const struct yaml *node, struct pattern_entry *entry)
{
    struct error inner = {.text = ""};
    const struct pattern *p = pattern_compile(node->text, c->arena, &inner);
    if (!p)
        return compile_mistake(c, node, "%s", inner.text);
    entry->pattern = p;
    entry->capture_count = (uint16_t)pattern_capture_count(p);
    entry->slots = ARENA_ARRAY(c->arena, slot_id, entry->capture_count + 1);
    for (uint16_t i = 0; i < entry->capture_count; i++) {
        struct str name = pattern_capture_name(p, i);
        entry->slots[i] = compile_place(c, name, node);
        if (entry->slots[i] == SLOT_NONE)
            return false;
    }
    return true;
}

/* Group names cannot hold dots: source__ip means source.ip. */
static bool compile_regex_entry(struct compile *c, const struct yaml *node, struct pattern_entry *entry)
{
    struct regex *regex = compile_regex(c, node->text, 0, node);
    if (!regex)
        return false;
    entry->regex = regex;
    entry->capture_count = (uint16_t)regex_group_count(regex);
    entry->slots = ARENA_ARRAY(c->arena, slot_id, entry->capture_count + 1);
    for (uint16_t i = 0; i < entry->capture_count; i++) {
        struct str name = regex_group_name(regex, i);
        entry->slots[i] = SLOT_NONE;
        if (!name.n)
            continue;
        char text[128];
        size_t n = 0;
        bool is_field = false;
        for (size_t k = 0; k < name.n && n < sizeof text; k++) {
            bool dot = k + 1 < name.n && name.p[k] == '_' && name.p[k + 1] == '_';
            text[n++] = dot ? '.' : name.p[k];
            k += dot;
            is_field = is_field || dot;
        }
        entry->slots[i] = is_field ? compile_field(c, str_n(text, n), node) : compile_name(c, str_n(text, n));
        if (entry->slots[i] == SLOT_NONE)
            return false;
    }
    return true;
}

static bool compile_entry(struct compile *c, const struct yaml *node, struct pattern_entry *entry)
{
    if (node->type == YAML_SCALAR)
        return compile_pattern(c, node, entry);
    const struct yaml *match = yaml_get(node, "match"), *regex = yaml_get(node, "regex");
    if (!match == !regex)
        return compile_mistake(c, node, "a pattern needs either \"match\" or \"regex\"");
    if (match ? !compile_pattern(c, match, entry) : !compile_regex_entry(c, regex, entry))
        return false;
    struct yaml step = *node; /* what else it holds is a step */
    step.next = NULL;
    struct yaml list = {
        .type = YAML_LIST, .line = node->line, .column = node->column, .child = &step, .count = 1};
    return (entry->then = compile_block(c, &list)) != NULL;
}

static bool compile_patterns(struct compile *c, const struct yaml *list, struct shape *shape)
{
    if (!list || list->type != YAML_LIST || !list->child)
        return compile_mistake(c, list, "\"patterns\" must be a list with at least one pattern");
    struct pattern_entry *entries = ARENA_ARRAY(c->arena, struct pattern_entry, list->count);
    struct pattern_entry *regexes = ARENA_ARRAY(c->arena, struct pattern_entry, list->count);
    const struct pattern **patterns = ARENA_ARRAY(c->arena, const struct pattern *, list->count);
    for (const struct yaml *e = list->child; e; e = e->next) {
        struct pattern_entry entry = {0};
        if (!compile_entry(c, e, &entry))
            return false;
        if (entry.regex) {
            regexes[shape->regex_count++] = entry;
        } else {
            patterns[shape->entry_count] = entry.pattern;
            entries[shape->entry_count++] = entry;
        }
    }
    shape->entries = entries;
    shape->regexes = regexes;
    shape->set = pattern_set_new(patterns, shape->entry_count, c->arena);
    return true;
}

static const struct {
    const char *name;
    enum shape_kind kind;
} shape_names[] = {
    {"none", SHAPE_NONE},         {"kv", SHAPE_KEY_VALUE},    {"json", SHAPE_JSON},
    {"csv", SHAPE_CSV},           {"cef", SHAPE_CEF},         {"leef", SHAPE_LEEF},
    {"xml", SHAPE_XML},           {"pattern", SHAPE_PATTERN}, {"structured", SHAPE_STRUCTURED},
    {"document", SHAPE_DOCUMENT},
};

static const char *const shape_keys[] = {"kind",
                                         "from",
                                         "prefix",
                                         "required",
                                         "separators",
                                         "quotes",
                                         "assign",
                                         "second_assign",
                                         "values_have_spaces",
                                         "flags",
                                         "minimum",
                                         "separator",
                                         "quote",
                                         "brackets",
                                         "header",
                                         "columns",
                                         "column_sets",
                                         "by",
                                         "patterns",
                                         NULL};

const struct shape *compile_shape(struct compile *c, const struct yaml *node, bool is_main)
{
    struct shape *shape = ARENA_NEW(c->arena, struct shape);
    struct str kind = node->type == YAML_SCALAR ? node->text : yaml_text(node, "kind");
    size_t i = 0;
    while (i < COUNT_OF(shape_names) && !str_eq(kind, str_c(shape_names[i].name)))
        i++;
    if (i == COUNT_OF(shape_names)) {
        compile_mistake(
            c, node,
            "unknown shape \"%.*s\"; known: none kv json csv cef leef xml document pattern structured",
            STR_ARGS(kind));
        return NULL;
    }
    if (node->type == YAML_MAP && !compile_known_keys(c, node, shape_keys))
        return NULL;
    shape->kind = (uint8_t)shape_names[i].kind;
    shape->prefix = yaml_text(node, "prefix");
    shape->is_required = yaml_bool(node, "required", is_main);
    const struct yaml *from = yaml_get(node, "from");
    if (from && !(shape->from = compile_value(c, from->text, from)))
        return NULL;
    bool ok = true;
    if (shape->kind == SHAPE_KEY_VALUE)
        ok = compile_key_value(c, node, shape);
    else if (shape->kind == SHAPE_CSV)
        ok = compile_columns(c, node, shape);
    else if (shape->kind == SHAPE_PATTERN)
        ok = compile_patterns(c, yaml_get(node, "patterns") ? yaml_get(node, "patterns") : node, shape);
    return ok ? shape : NULL;
}

static const struct {
    const char *name;
    enum date_kind kind;
} date_names[] = {
    {"iso", DATE_ISO},           {"epoch", DATE_EPOCH},       {"epoch_s", DATE_EPOCH_S},
    {"epoch_ms", DATE_EPOCH_MS}, {"epoch_us", DATE_EPOCH_US}, {"epoch_ns", DATE_EPOCH_NS},
    {"syslog", DATE_SYSLOG},
};

static bool compile_date_format(struct compile *c, struct str text, const struct yaml *at, struct date *d)
{
    uint32_t i = d->count++;
    for (size_t k = 0; k < COUNT_OF(date_names); k++)
        if (str_eq(text, str_c(date_names[k].name))) {
            d->kinds[i] = (uint8_t)date_names[k].kind;
            return true;
        }
    struct error inner = {.text = ""};
    struct time_format *format = time_format_new(text, &inner);
    if (!format || str_find_char(text, '%', 0) == STR_NOT_FOUND) {
        if (format)
            time_format_free(format);
        return compile_mistake(c, at,
                               "\"%.*s\" is no date format: iso, syslog, epoch, epoch_s, epoch_ms, epoch_us, "
                               "epoch_ns or letters of strptime (%s)",
                               STR_ARGS(text), inner.text);
    }
    struct normaliser *n = c->n;
    if (n->format_count == n->format_capacity) {
        n->format_capacity = n->format_capacity ? n->format_capacity * 2 : 16;
        n->formats = memory_resize_array(n->formats, n->format_capacity, sizeof(struct time_format *));
    }
    n->formats[n->format_count++] = format;
    d->formats[i] = format;
    d->kinds[i] = DATE_FORMAT;
    return true;
}

static const char *const date_keys[] = {"from", "format", "zone", "to", "when", NULL};

const struct date *compile_date(struct compile *c, const struct yaml *node)
{
    struct date *d = ARENA_NEW(c->arena, struct date);
    d->to = SLOT_NONE;
    const struct yaml *from = node->type == YAML_SCALAR ? node : yaml_get(node, "from");
    if (!from || (node->type == YAML_MAP && !compile_known_keys(c, node, date_keys))) {
        if (!from)
            compile_mistake(c, node, "a date needs \"from\"");
        return NULL;
    }
    if (!(d->from = compile_value(c, from->text, from)))
        return NULL;
    if (d->from->kind == EXPRESSION_SLOT)
        c->p->slots[d->from->slot].is_consumed = true;
    const struct yaml *zone = yaml_get(node, "zone"), *to = yaml_get(node, "to"),
                      *format = yaml_get(node, "format");
    if (zone && !(d->zone = compile_value(c, zone->text, zone)))
        return NULL;
    if (to && !str_eq(to->text, STR("@timestamp")) && (d->to = compile_target(c, to->text, to)) == SLOT_NONE)
        return NULL;
    struct str automatic[] = {STR("iso"), STR("epoch"), STR("syslog")}, *texts = automatic;
    uint32_t count = COUNT_OF(automatic);
    if (format && !compile_texts(c, format, &texts, &count))
        return NULL;
    d->formats = ARENA_ARRAY(c->arena, const struct time_format *, count);
    d->kinds = ARENA_ARRAY(c->arena, uint8_t, count);
    for (uint32_t i = 0; i < count; i++)
        if (!compile_date_format(c, texts[i], format ? format : node, d))
            return NULL;
    return d;
}
