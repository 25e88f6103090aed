/* One entry of a detection map, "CommandLine|contains|all: […]", as a condition tree.
 * Stage: detect, at load. Reads the key with its modifiers and the YAML value; leaves a struct sigma_node.
 * Next: sigma_modifier.c. */
#include "detect/sigma_item.h"
#include "base/log.h"

static const struct watch_list *find_list(const struct ruleset_options *options, struct str name)
{
    for (size_t i = 0; i < options->list_count; i++)
        if (str_eq_nocase(options->lists[i].name, name))
            return &options->lists[i];
    return NULL;
}

/* The place of the first %name% whose percent signs are not escaped; false when there is none. */
static bool find_placeholder(struct str s, size_t *from, size_t *to)
{
    size_t open = STR_NOT_FOUND;
    for (size_t i = 0; i < s.n; i++) {
        if (s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '%') {
            i++;
        } else if (s.p[i] == '%') {
            if (open != STR_NOT_FOUND) {
                *from = open;
                *to = i + 1;
                return true;
            }
            open = i;
        } else if (!is_word_byte(s.p[i]) && s.p[i] != '-' && s.p[i] != '.') {
            open = STR_NOT_FOUND;
        }
    }
    return false;
}

static struct str unescape_percent(struct str s, struct arena *arena)
{
    char *out = arena_alloc(arena, s.n + 1);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] == '\\' && i + 1 < s.n && s.p[i + 1] == '%'))
            out[n++] = s.p[i];
    return str_n(out, n);
}

/* Works on the text as written, before the other modifiers: each value of the list in the placeholder's
 * place. */
static bool expand_text(struct item *item, struct str text, unsigned depth, struct str **out, uint32_t *count)
{
    struct arena *arena = item->source->arena;
    size_t from, to;
    if (*count >= SIGMA_MAX_VALUES || depth > 8)
        return item_error(item, item->at, "the placeholders make too many values.",
                          "プレースホルダの値が多すぎます。");
    if (!find_placeholder(text, &from, &to)) {
        (*out)[(*count)++] = unescape_percent(text, arena);
        return true;
    }
    struct str name = str_slice(text, from + 1, to - 1);
    const struct watch_list *list = find_list(item->source->options, name);
    if (!list)
        return error_at(
            item->err, item->source->path, item->at->line, item->at->column,
            tr("the placeholder %%%.*s%% needs a watch list of that name, and there is none; create the list "
               "or remove the rule.",
               "プレースホルダ %%%.*s%% に対応するウォッチリストがありません。リストを作成するか、"
               "ルールを外してください。"),
            STR_ARGS(name));
    for (size_t i = 0; i < list->count; i++) {
        struct str head = arena_concat(arena, str_slice(text, 0, from), list->values[i]);
        if (!expand_text(item, arena_concat(arena, head, str_skip(text, to)), depth + 1, out, count))
            return false;
    }
    return true;
}

static struct sigma_node *value_node(struct item *item, enum comparison comparison)
{
    struct sigma_node *node = sigma_node_new(item->source->arena, NODE_VALUE, 0);
    node->field = item->field;
    node->value = ARENA_NEW(item->source->arena, struct sigma_value);
    node->value->comparison = comparison;
    node->value->cased = item->cased;
    node->value->relation = item->relation;
    node->value->time_part = item->time_part;
    node->value->regex_flags = item->regex_flags;
    return node;
}

static struct sigma_node *text_node(struct item *item, struct sigma_text text)
{
    struct arena *arena = item->source->arena;
    if (item->field.n == 0) /* keyword: anywhere in the record */
        text = sigma_text_surround(text, true, true, arena);
    struct sigma_node *node = value_node(item, COMPARE_TEXT);
    node->value->text = item->cased ? text : sigma_text_fold(text, arena);
    node->value->shape = sigma_text_shape(node->value->text, &node->value->literal);
    if (node->value->shape != SHAPE_ANY)
        return node;
    if (item->field.n) {
        node->value->comparison = COMPARE_PRESENT;
        return node;
    }
    item_error(item, item->at, "an empty keyword stands in every record.",
               "空のキーワードはすべての記録に一致してしまいます。");
    return NULL;
}

static struct sigma_node *regex_node(struct item *item, struct str text)
{
    struct arena *arena = item->source->arena;
    struct sigma_node *node = value_node(item, COMPARE_REGEX);
    if (item->before != item->behind) /* startswith, endswith: an anchor on one side */
        text = item->behind ? arena_printf(arena, "^(?:%.*s)", STR_ARGS(text))
                            : arena_printf(arena, "(?:%.*s)$", STR_ARGS(text));
    node->value->literal = text;
    struct error why = {0};
    struct regex *compiled = regex_new(text, item->regex_flags, &why);
    if (!compiled) {
        error_at(item->err, item->source->path, item->at->line, item->at->column, "%.*s: %s",
                 STR_ARGS(item->key), why.text);
        return NULL;
    }
    regex_free(compiled);
    return node;
}

static struct sigma_node *cidr_node(struct item *item, struct str text)
{
    struct sigma_node *node = value_node(item, COMPARE_CIDR);
    if (cidr_parse(text, &node->value->cidr))
        return node;
    error_at(item->err, item->source->path, item->at->line, item->at->column,
             tr("'%.*s' is not a network in CIDR form such as 192.0.2.0/24.",
                "'%.*s' は 192.0.2.0/24 のような CIDR 形式のネットワークではありません。"),
             STR_ARGS(text));
    return NULL;
}

static struct sigma_node *number_node(struct item *item, struct str text)
{
    struct sigma_node *node = value_node(item, COMPARE_NUMBER);
    if (str_to_double(text, &node->value->number))
        return node;
    error_at(item->err, item->source->path, item->at->line, item->at->column,
             tr("%.*s needs a number, not '%.*s'.",
                "%.*s には数値が必要です ('%.*s' は数値ではありません)。"),
             STR_ARGS(item->key), STR_ARGS(text));
    return NULL;
}

static struct sigma_node *exists_node(struct item *item, const struct yaml *v)
{
    bool yes = str_eq_nocase(v->text, STR("true")) || str_eq_nocase(v->text, STR("yes"));
    bool no = str_eq_nocase(v->text, STR("false")) || str_eq_nocase(v->text, STR("no"));
    if (yes || no)
        return value_node(item, yes ? COMPARE_PRESENT : COMPARE_ABSENT);
    error_at(item->err, item->source->path, v->line, v->column,
             tr("%.*s needs true or false.", "%.*s には true か false が必要です。"), STR_ARGS(item->key));
    return NULL;
}

static struct sigma_node *field_node(struct item *item, struct str other)
{
    struct sigma_node *node = value_node(item, COMPARE_FIELD);
    node->value->text = sigma_text_plain(other, item->source->arena);
    node->value->shape = item->before   ? (item->behind ? SHAPE_CONTAINS : SHAPE_SUFFIX)
                         : item->behind ? SHAPE_PREFIX
                                        : SHAPE_EQUALS;
    return node;
}

static bool start_value(struct item *item, const struct yaml *v)
{
    struct arena *arena = item->source->arena;
    struct str *written = ARENA_ARRAY(arena, struct str, item->expand ? SIGMA_MAX_VALUES : 1);
    uint32_t count = 0;
    if (!item->expand)
        written[count++] = v->text;
    else if (!expand_text(item, v->text, 0, &written, &count))
        return false;
    item->texts = ARENA_ARRAY(arena, struct sigma_text, count);
    item->text_count = count;
    bool plain = item->mode != MODE_TEXT;
    for (uint32_t i = 0; i < count; i++)
        item->texts[i] = plain ? sigma_text_plain(written[i], arena) : sigma_text_parse(written[i], arena);
    return true;
}

static struct sigma_node *form_node(struct item *item, struct sigma_text text)
{
    switch (item->mode) {
    case MODE_REGEX:
        return regex_node(item, sigma_text_bytes(text));
    case MODE_CIDR:
        return cidr_node(item, sigma_text_bytes(text));
    case MODE_NUMBER:
        return number_node(item, sigma_text_bytes(text));
    case MODE_FIELD:
        return field_node(item, sigma_text_bytes(text));
    default:
        return text_node(item, text);
    }
}

static struct sigma_node *scalar_node(struct item *item, const struct yaml *v,
                                      const struct modifier *const *chain, size_t count)
{
    if (v->type != YAML_SCALAR) {
        item_error(item, v, "a map or list cannot stand inside a list of values.",
                   "値の一覧の中に表や一覧は書けません。");
        return NULL;
    }
    item->before = item->behind = false;
    if (yaml_is_null(v))
        return value_node(item, COMPARE_ABSENT);
    if (!start_value(item, v))
        return NULL;
    for (size_t i = 0; i < count; i++)
        if (chain[i]->changes_texts && !chain[i]->apply(item, chain[i]->argument))
            return NULL;
    if (item->mode == MODE_EXISTS)
        return exists_node(item, v);
    struct sigma_node **forms = ARENA_ARRAY(item->source->arena, struct sigma_node *, item->text_count);
    for (uint32_t i = 0; i < item->text_count; i++)
        if (!(forms[i] = form_node(item, item->texts[i])))
            return NULL;
    if (item->text_count == 0) {
        item_error(item, v, "the watch list is empty, so that the rule cannot fire.",
                   "ウォッチリストが空のため、このルールは発火できません。");
        return NULL;
    }
    return sigma_node_group(item->source->arena, NODE_OR, forms, item->text_count);
}

static struct sigma_node *negate(struct arena *arena, struct sigma_node *node)
{
    struct sigma_node *not = sigma_node_new(arena, NODE_NOT, 1);
    not ->children[0] = node;
    return not ;
}

struct sigma_node *sigma_item(const struct sigma_source *source, struct str key, const struct yaml *values,
                              const struct yaml *at, struct error *err)
{
    struct item item = {.source = source, .key = key, .at = at, .err = err};
    const struct modifier *chain[MAX_MODIFIERS];
    size_t modifier_count;
    if (!read_modifiers(&item, chain, &modifier_count))
        return NULL;
    bool is_list = values->type == YAML_LIST;
    if (values->type == YAML_MAP || (is_list && values->count == 0)) {
        item_error(&item, at, "needs a value or a list of values.", "値または値の一覧が必要です。");
        return NULL;
    }
    uint32_t count = is_list ? (uint32_t)values->count : 1, n = 0;
    struct sigma_node **nodes = ARENA_ARRAY(source->arena, struct sigma_node *, count);
    for (const struct yaml *v = is_list ? values->child : values; v && n < count; v = v->next) {
        item.at = v->line ? v : at;
        if (!(nodes[n] = scalar_node(&item, v, (const struct modifier *const *)chain, modifier_count)))
            return NULL;
        n++;
    }
    struct sigma_node *node = sigma_node_group(source->arena, item.all ? NODE_AND : NODE_OR, nodes, n);
    return item.negated ? negate(source->arena, node) : node;
}
