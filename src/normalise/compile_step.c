/* Steps and tables of a parser file → struct block, struct table. Stage: normalise. Each step of the file
 * becomes one STEP_BLOCK (its condition) around the actions it names, in the order of `actions` below. Next:
 * load.c. */
#include "normalise/compile.h"

static void append(struct step ***end, struct step *s)
{
    **end = s;
    *end = (struct step **)&s->next;
}

static struct step *new_step(struct compile *c, enum step_kind kind)
{
    struct step *s = ARENA_NEW(c->arena, struct step);
    s->kind = (uint8_t)kind;
    s->to = SLOT_NONE;
    return s;
}

static bool compile_assignment(struct compile *c, struct str target, const struct yaml *value,
                               bool append_value, const struct assignment ***end)
{
    struct assignment *a = ARENA_NEW(c->arena, struct assignment);
    a->slot = compile_target(c, target, value);
    if (a->slot == SLOT_NONE || !(a->value = compile_value(c, value->text, value)))
        return false;
    a->append = append_value;
    **end = a;
    *end = &a->next;
    return true;
}

bool compile_assignments(struct compile *c, const struct yaml *map, bool append_values,
                         const struct assignment **out)
{
    const struct assignment **end = out;
    *out = NULL;
    if (!map || map->type != YAML_MAP)
        return compile_mistake(c, map, "expected a map of fields and values");
    for (const struct yaml *e = map->child; e; e = e->next) {
        if (e->type == YAML_MAP)
            return compile_mistake(
                c, e, "a field's value is a text or a list; write the field's full dotted name as key");
        if (e->type == YAML_SCALAR && !compile_assignment(c, e->key, e, append_values, &end))
            return false;
        bool more = append_values;
        for (const struct yaml *i = e->type == YAML_LIST ? e->child : NULL; i; i = i->next, more = true)
            if (!compile_assignment(c, e->key, i, more, &end))
                return false;
    }
    return true;
}

static void add_regex(struct compile *c, struct regex *r)
{
    struct normaliser *n = c->n;
    if (n->regex_count == n->regex_capacity) {
        n->regex_capacity = n->regex_capacity ? n->regex_capacity * 2 : 32;
        n->regexes = memory_resize_array(n->regexes, n->regex_capacity, sizeof(struct regex *));
    }
    n->regexes[n->regex_count++] = r;
}

struct regex *compile_regex(struct compile *c, struct str pattern, unsigned flags, const struct yaml *at)
{
    struct error inner = {.text = ""};
    struct regex *r = regex_new(pattern, flags, &inner);
    if (!r) {
        compile_mistake(c, at, "the regular expression does not compile: %s", inner.text);
        return NULL;
    }
    add_regex(c, r);
    return r;
}

/* Actions -------- */

static bool action_shape(struct compile *c, const struct yaml *node, struct step *s)
{
    return (s->shape = compile_shape(c, node, false)) != NULL;
}

static bool action_patterns(struct compile *c, const struct yaml *node, struct step *s)
{
    struct yaml kind = {.type = YAML_SCALAR, .key = STR("kind"), .text = STR("pattern"), .next = NULL};
    struct yaml shape = {.type = YAML_MAP, .line = node->line, .column = node->column, .count = 2};
    struct yaml patterns = *node; /* the short form: a list that reads the message */
    if (node->type == YAML_LIST) {
        patterns.key = STR("patterns");
        patterns.next = NULL;
        kind.next = &patterns;
    } else {
        const struct yaml *tried = yaml_get(node, "try"), *from = yaml_get(node, "from");
        if (!tried)
            return compile_mistake(c, node, "\"patterns\" needs \"try\": a list of patterns");
        static struct yaml none;
        struct yaml source = from ? *from : none, list = *tried, required = none;
        const struct yaml *must = yaml_get(node, "required");
        list.key = STR("patterns");
        list.next = NULL;
        kind.next = &list;
        if (from) {
            source.next = NULL;
            list.next = &source;
        }
        if (must) {
            required = *must;
            required.next = NULL;
            (from ? &source : &list)->next = &required;
        }
        shape.child = &kind;
        return (s->shape = compile_shape(c, &shape, false)) != NULL;
    }
    shape.child = &kind;
    return (s->shape = compile_shape(c, &shape, false)) != NULL;
}

static bool action_date(struct compile *c, const struct yaml *node, struct step *s)
{
    return (s->date = compile_date(c, node)) != NULL;
}

static bool needs_from(struct compile *c, const struct yaml *node, struct step *s)
{
    const struct yaml *from = node->type == YAML_SCALAR ? node : yaml_get(node, "from");
    if (!from)
        return compile_mistake(c, node, "\"from\" is missing");
    return (s->from = compile_value(c, from->text, from)) != NULL;
}

static bool action_table(struct compile *c, const struct yaml *node, struct step *s)
{
    static const char *const keys[] = {"use", "from", "to", NULL};
    if (node->type != YAML_MAP || !compile_known_keys(c, node, keys))
        return compile_mistake(c, node, "\"table\" is a map of use, from, to");
    struct str name = yaml_text(node, "use");
    s->table = map_get_pointer(&c->p->tables, name);
    if (!s->table)
        return compile_mistake(c, node, "there is no table \"%.*s\" in this parser", STR_ARGS(name));
    const struct yaml *to = yaml_get(node, "to");
    if (to && (s->to = compile_target(c, to->text, to)) == SLOT_NONE)
        return false;
    return needs_from(c, node, s);
}

static bool action_set(struct compile *c, const struct yaml *node, struct step *s)
{
    return compile_assignments(c, node, false, &s->assignments);
}

static bool action_add(struct compile *c, const struct yaml *node, struct step *s)
{
    return compile_assignments(c, node, true, &s->assignments);
}

static bool action_targets(struct compile *c, const struct yaml *node, struct step *s)
{
    struct str *texts;
    if (!compile_texts(c, node, &texts, &s->slot_count))
        return false;
    slot_id *slots = ARENA_ARRAY(c->arena, slot_id, s->slot_count + 1);
    for (uint32_t i = 0; i < s->slot_count; i++)
        if ((slots[i] = compile_target(c, texts[i], node)) == SLOT_NONE)
            return false;
    s->slots = slots;
    return true;
}

static bool action_split(struct compile *c, const struct yaml *node, struct step *s)
{
    static const char *const keys[] = {"from", "by", "to", NULL};
    const struct yaml *to = yaml_get(node, "to");
    if (node->type != YAML_MAP || !compile_known_keys(c, node, keys) || !to)
        return compile_mistake(c, node, "\"split\" is a map of from, by, to");
    s->separator = yaml_text(node, "by").n ? yaml_text(node, "by") : STR(",");
    if (to->type == YAML_SCALAR) /* all parts into one field of several values */
        return needs_from(c, node, s) && (s->to = compile_target(c, to->text, to)) != SLOT_NONE;
    return needs_from(c, node, s) && action_targets(c, to, s);
}

static bool action_each(struct compile *c, const struct yaml *node, struct step *s)
{
    static const char *const keys[] = {"from", "by", "as", "steps", NULL};
    const struct yaml *as = yaml_get(node, "as"), *steps = yaml_get(node, "steps");
    if (node->type != YAML_MAP || !compile_known_keys(c, node, keys) || !as || !steps)
        return compile_mistake(c, node, "\"each\" is a map of from, by, as, steps");
    s->separator = yaml_text(node, "by");
    if (!needs_from(c, node, s) || (s->to = compile_target(c, as->text, as)) == SLOT_NONE)
        return false;
    if (s->from->kind == EXPRESSION_SLOT && s->from->slot == s->to)
        return compile_mistake(c, as, "\"as\" needs another name than \"from\"");
    return (s->then = compile_block(c, steps)) != NULL;
}

/* [{"Name": "a", "Value": "1"}, …] → a = 1. */
static bool action_pairs(struct compile *c, const struct yaml *node, struct step *s)
{
    static const char *const keys[] = {"names", "values", "prefix", NULL};
    if (node->type != YAML_MAP || !compile_known_keys(c, node, keys))
        return compile_mistake(c, node, "\"pairs\" is a map of names, values, prefix");
    s->pair_name = yaml_text(node, "names");
    s->pair_value = yaml_text(node, "values");
    s->separator = yaml_text(node, "prefix");
    return (s->pair_name.n && s->pair_value.n) ||
           compile_mistake(c, node, "\"pairs\" needs names and values");
}

static bool action_switch(struct compile *c, const struct yaml *node, struct step *s)
{
    static const char *const keys[] = {"on", "cases", "default", NULL};
    const struct yaml *on = yaml_get(node, "on"), *cases = yaml_get(node, "cases"),
                      *otherwise = yaml_get(node, "default");
    if (!on || !cases || cases->type != YAML_MAP || !compile_known_keys(c, node, keys))
        return compile_mistake(c, node, "\"switch\" is a map of on, cases, default");
    struct map *map = compile_map(c);
    s->cases = map;
    if (!(s->from = compile_value(c, on->text, on)) ||
        (otherwise && !(s->otherwise = compile_block(c, otherwise))))
        return false;
    for (const struct yaml *e = cases->child; e; e = e->next) {
        const struct block *b = compile_block(c, e);
        struct str keys_left = e->key, key;
        if (!b)
            return false;
        while (str_split(&keys_left, '|', &key))
            *map_put(map, str_trim(key), NULL) = (uintptr_t)b;
    }
    return true;
}

static bool action_steps(struct compile *c, const struct yaml *node, struct step *s)
{
    return (s->then = compile_block(c, node)) != NULL;
}

static bool action_flag(struct compile *c, const struct yaml *node, struct step *s)
{
    (void)s;
    return str_eq(node->text, STR("true")) || compile_mistake(c, node, "only \"true\" makes sense here");
}

/* In the order in which they are carried out within one step. */
static const struct {
    const char *key;
    enum step_kind kind;
    bool (*compile)(struct compile *, const struct yaml *, struct step *);
} actions[] = {
    {"parse", STEP_SHAPE, action_shape},    {"patterns", STEP_SHAPE, action_patterns},
    {"pairs", STEP_PAIRS, action_pairs},    {"split", STEP_SPLIT, action_split},
    {"each", STEP_EACH, action_each},       {"date", STEP_DATE, action_date},
    {"url", STEP_URL, needs_from},          {"table", STEP_TABLE, action_table},
    {"set", STEP_ASSIGN, action_set},       {"add", STEP_ASSIGN, action_add},
    {"switch", STEP_SWITCH, action_switch}, {"remove", STEP_REMOVE, action_targets},
    {"steps", STEP_BLOCK, action_steps},    {"refuse", STEP_REFUSE, action_flag},
    {"stop", STEP_STOP, action_flag},
};

static bool is_action(struct str key)
{
    static const char *const others[] = {"when", "else", "match", "regex", "note"};
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (str_eq(key, str_c(actions[i].key)))
            return true;
    for (size_t i = 0; i < COUNT_OF(others); i++)
        if (str_eq(key, str_c(others[i])))
            return true;
    return false;
}

static struct step *compile_step(struct compile *c, const struct yaml *node)
{
    if (node->type != YAML_MAP) {
        compile_mistake(c, node, "a step is a map, such as {when: …, set: {…}}");
        return NULL;
    }
    for (const struct yaml *e = node->child; e; e = e->next)
        if (!is_action(e->key)) {
            compile_mistake(c, e, "unknown action \"%.*s\"; docs/parsers.md lists them", STR_ARGS(e->key));
            return NULL;
        }
    struct step *outer = new_step(c, STEP_BLOCK);
    struct block *inside = ARENA_NEW(c->arena, struct block);
    struct step **end = (struct step **)&inside->first;
    const struct yaml *when = yaml_get(node, "when"), *otherwise = yaml_get(node, "else");
    if (when && !(outer->when = compile_expression(c, when->text, when)))
        return NULL;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        const struct yaml *argument = yaml_get(node, actions[i].key);
        if (!argument)
            continue;
        struct step *s = new_step(c, actions[i].kind);
        if (!actions[i].compile(c, argument, s))
            return NULL;
        append(&end, s);
    }
    outer->then = inside;
    if (otherwise && !(outer->otherwise = compile_block(c, otherwise)))
        return NULL;
    return outer;
}

const struct block *compile_block(struct compile *c, const struct yaml *list)
{
    struct block *b = ARENA_NEW(c->arena, struct block);
    struct step **end = (struct step **)&b->first;
    const struct yaml *first =
        list->type == YAML_LIST ? list->child : list; /* one step may stand without a list */
    for (const struct yaml *e = first; e; e = list->type == YAML_LIST ? e->next : NULL) {
        struct step *s = compile_step(c, e);
        if (!s)
            return NULL;
        append(&end, s);
    }
    return b;
}

/* Tables -------- */

static struct table_row *compile_row(struct compile *c, const struct yaml *value)
{
    struct table_row *row = ARENA_NEW(c->arena, struct table_row);
    if (value->type == YAML_MAP)
        return compile_assignments(c, value, false, &row->assignments) ? row : NULL;
    if (value->type != YAML_SCALAR) {
        compile_mistake(c, value, "a table's value is a text, or a map of fields");
        return NULL;
    }
    row->text = compile_value(c, value->text, value);
    return row->text ? row : NULL;
}

static bool compile_table(struct compile *c, const struct yaml *node)
{
    static const char *const keys[] = {"values", "default", "ignore_case", NULL};
    struct table *t = ARENA_NEW(c->arena, struct table);
    const struct yaml *values = yaml_get(node, "values"), *otherwise = yaml_get(node, "default");
    bool is_long = values && values->type == YAML_MAP;
    if (is_long && !compile_known_keys(c, node, keys))
        return false;
    t->name = node->key;
    t->rows = compile_map(c);
    t->ignore_case = is_long && yaml_bool(node, "ignore_case", false);
    if (is_long && otherwise && !(t->otherwise = compile_row(c, otherwise)))
        return false;
    *map_put(&c->p->tables, t->name, NULL) = (uintptr_t)t;
    for (const struct yaml *e = (is_long ? values : node)->child; e; e = e->next) {
        struct table_row *row = compile_row(c, e);
        struct str left = e->key, key;
        if (!row)
            return false;
        while (str_split(&left, '|', &key)) {
            key = str_trim(key);
            *map_put(t->rows, t->ignore_case ? arena_lower(c->arena, key) : key, NULL) = (uintptr_t)row;
        }
    }
    return true;
}

bool compile_tables(struct compile *c, const struct yaml *map)
{
    if (map->type != YAML_MAP)
        return compile_mistake(c, map, "\"tables\" is a map of tables");
    for (const struct yaml *e = map->child; e; e = e->next)
        if (e->type != YAML_MAP)
            return compile_mistake(c, e, "a table is a map");
        else if (!compile_table(c, e))
            return false;
    return true;
}
