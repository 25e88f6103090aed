/* YAML documents → Sigma rules.
 * Stage: detect, at load. Reads the YAML tree of one file; hands each good rule on and puts each refused one
 * into the report with file:line:column. Documents of `action: global` and `repeat` are merged first, so that
 * the rest sees whole rules. Next: sigma_meta.c. */
#include "base/buf.h"
#include "base/log.h"
#include "detect/report.h"
#include "detect/sigma.h"

/* Merging: members of `over` replace or add to those of `under`; maps inside maps are merged too. */
static struct yaml *merge(struct arena *arena, const struct yaml *under, const struct yaml *over,
                          unsigned depth)
{
    struct yaml *out = ARENA_NEW(arena, struct yaml), **end = &out->child;
    *out = *over;
    out->child = NULL;
    out->count = 0;
    const struct yaml *sides[] = {under, over};
    for (size_t side = 0; side < 2; side++)
        for (const struct yaml *m = sides[side]->child; m; m = m->next) {
            struct yaml *copy = ARENA_NEW(arena, struct yaml);
            const struct yaml *other = NULL;
            for (const struct yaml *o = sides[1 - side]->child; o && !other; o = o->next)
                other = str_eq(o->key, m->key) ? o : NULL;
            if (side == 1 && other)
                continue; /* came with the first side */
            const struct yaml *winner = other ? other : m;
            bool both_maps =
                other && other->type == YAML_MAP && m->type == YAML_MAP && depth < SIGMA_MAX_DEPTH;
            *copy = both_maps ? *merge(arena, m, other, depth + 1) : *winner;
            copy->next = NULL;
            *end = copy;
            end = &copy->next;
            out->count++;
        }
    return out;
}

/* One entry or several of a map, or a list of them, or keywords. */
static struct sigma_node *selection_node(const struct sigma_source *source, const struct yaml *node,
                                         unsigned depth, struct error *err);

static struct sigma_node *map_node(const struct sigma_source *source, const struct yaml *map,
                                   struct error *err)
{
    struct sigma_node **items = ARENA_ARRAY(source->arena, struct sigma_node *, map->count + 1);
    uint32_t n = 0;
    for (const struct yaml *m = map->child; m; m = m->next) {
        struct yaml place = *m;
        place.line = m->key_line;
        place.column = m->key_column;
        if (!(items[n] = sigma_item(source, m->key, m, &place, err)))
            return NULL;
        n++;
    }
    return sigma_node_group(source->arena, NODE_AND, items, n);
}

static struct sigma_node *list_node(const struct sigma_source *source, const struct yaml *list,
                                    unsigned depth, struct error *err)
{
    struct sigma_node **items = ARENA_ARRAY(source->arena, struct sigma_node *, list->count + 1);
    uint32_t n = 0;
    for (const struct yaml *e = list->child; e; e = e->next)
        if (!(items[n++] = selection_node(source, e, depth + 1, err)))
            return NULL;
    return sigma_node_group(source->arena, NODE_OR, items, n);
}

static struct sigma_node *selection_node(const struct sigma_source *source, const struct yaml *node,
                                         unsigned depth, struct error *err)
{
    if (depth > 8)
        goto too_deep;
    if (node->type == YAML_SCALAR && !yaml_is_null(node))
        return sigma_item(source, STR_EMPTY, node, node, err);
    if (node->count == 0) {
        error_at(err, source->path, node->line, node->column, "%s",
                 tr("this search identifier is empty.", "この検索条件は空です。"));
        return NULL;
    }
    return node->type == YAML_MAP ? map_node(source, node, err) : list_node(source, node, depth, err);
too_deep:
    error_at(err, source->path, node->line, node->column, "%s",
             tr("lists are nested too deeply.", "一覧の入れ子が深すぎます。"));
    return NULL;
}

static size_t count_nodes(const struct sigma_node *node)
{
    size_t n = 1;
    for (uint32_t i = 0; i < node->child_count && n < SIGMA_MAX_NODES; i++)
        n += count_nodes(node->children[i]);
    return n;
}

static struct sigma_node *read_conditions(const struct sigma_source *source, const struct yaml *condition,
                                          const struct sigma_selection *selections, size_t count,
                                          struct error *err)
{
    bool is_list = condition->type == YAML_LIST;
    struct sigma_node **alternatives = ARENA_ARRAY(source->arena, struct sigma_node *, condition->count + 1);
    uint32_t n = 0;
    for (const struct yaml *c = is_list ? condition->child : condition; c; c = is_list ? c->next : NULL) {
        if (c->type != YAML_SCALAR)
            goto not_text;
        if (!(alternatives[n++] = sigma_condition(source, c->text, c, selections, count, err)))
            return NULL;
    }
    if (n)
        return sigma_node_group(source->arena, NODE_OR, alternatives, n);
not_text:
    error_at(err, source->path, condition->line, condition->column, "%s",
             tr("the condition must be a text or a list of texts.",
                "condition には文字列かその一覧が必要です。"));
    return NULL;
}

/* Keys of a detection, or of a filter, that are no search identifiers. */
static bool is_search_identifier(struct str key, bool is_filter)
{
    return !str_eq(key, STR("condition")) && !(is_filter && str_eq(key, STR("rules")));
}

static bool read_selections(const struct sigma_source *source, const struct yaml *detection, bool is_filter,
                            struct sigma_selection *out, size_t *count, struct error *err)
{
    for (const struct yaml *m = detection->child; m; m = m->next) {
        if (!is_search_identifier(m->key, is_filter))
            continue;
        if (str_eq(m->key, STR("timeframe")))
            return error_at(err, source->path, m->key_line, m->key_column, "%s",
                            tr("timeframe is not part of Sigma 2; write a correlation rule.",
                               "timeframe は Sigma 2 にありません。相関ルールを使ってください。"));
        out[*count].name = m->key;
        if (!(out[*count].node = selection_node(source, m, 0, err)))
            return false;
        (*count)++;
    }
    return true;
}

/* `what`: "detection", or "filter" of a filter document. */
static bool read_detection(const struct sigma_source *source, const struct yaml *document, const char *what,
                           struct sigma_rule *rule, struct error *err)
{
    const struct yaml *detection = yaml_get(document, what), *condition = yaml_get(detection, "condition");
    if (!detection || detection->type != YAML_MAP) {
        const struct yaml *at = detection ? detection : document;
        return error_at(err, source->path, at->line, at->column,
                        tr("the rule has no %s.", "ルールに %s がありません。"), what);
    }
    if (!condition)
        return error_at(err, source->path, detection->line, detection->column,
                        tr("%s has no condition.", "%s に condition がありません。"), what);
    struct sigma_selection *selections =
        ARENA_ARRAY(source->arena, struct sigma_selection, detection->count + 1);
    size_t count = 0;
    if (!read_selections(source, detection, str_eq(str_c(what), STR("filter")), selections, &count, err) ||
        !(rule->condition = read_conditions(source, condition, selections, count, err)))
        return false;
    if (count_nodes(rule->condition) >= SIGMA_MAX_NODES)
        return error_at(err, source->path, condition->line, condition->column,
                        tr("the rule has more than %d comparisons; use a watch list instead.",
                           "比較が %d 個を超えています。ウォッチリストを使ってください。"),
                        SIGMA_MAX_NODES);
    return true;
}

static bool read_logsource(const struct sigma_source *source, const struct yaml *document,
                           struct sigma_rule *rule, struct error *err)
{
    const struct yaml *logsource = yaml_get(document, "logsource");
    if (!logsource || logsource->type != YAML_MAP)
        return error_at(err, source->path, document->line, document->column, "%s",
                        tr("the rule has no logsource.", "ルールに logsource がありません。"));
    for (const struct yaml *m = logsource->child; m; m = m->next)
        if (m->type != YAML_SCALAR)
            return error_at(err, source->path, m->line, m->column,
                            tr("%.*s of a logsource must be a text.",
                               "logsource の %.*s には文字列が必要です。"),
                            STR_ARGS(m->key));
    rule->category = arena_lower(source->arena, yaml_text(logsource, "category"));
    rule->product = arena_lower(source->arena, yaml_text(logsource, "product"));
    rule->service = arena_lower(source->arena, yaml_text(logsource, "service"));
    if (rule->category.n + rule->product.n + rule->service.n == 0)
        return error_at(err, source->path, logsource->line, logsource->column, "%s",
                        tr("the logsource names neither category nor product nor service.",
                           "logsource に category、product、service のいずれもありません。"));
    rule->logsource_line = logsource->line;
    rule->logsource_column = logsource->column;
    rule->info.logsource = arena_printf(source->arena, "%.*s/%.*s/%.*s", STR_ARGS(rule->category),
                                        STR_ARGS(rule->product), STR_ARGS(rule->service));
    return true;
}

static void name_rule(const struct sigma_source *source, const struct yaml *document, struct rule_info *info)
{
    struct str path = str_c(source->path);
    size_t slash = str_find_last_char(path, '/');
    info->path = path;
    info->line = document->line;
    info->id = yaml_text(document, "id");
    if (info->id.n == 0)
        info->id = slash == STR_NOT_FOUND ? path : str_skip(path, slash + 1);
}

static bool is_map(const struct sigma_source *source, const struct yaml *document, struct error *err)
{
    return document->type == YAML_MAP || error_at(err, source->path, document->line, document->column, "%s",
                                                  tr("a rule must be a map of keys and values.",
                                                     "ルールはキーと値の表でなければなりません。"));
}

static void read_rule(const struct sigma_source *source, const struct yaml *document)
{
    struct error err = {0};
    struct sigma_rule *rule = ARENA_NEW(source->arena, struct sigma_rule);
    rule->info.title_en = yaml_text(document, "title");
    name_rule(source, document, &rule->info);
    if (is_map(source, document, &err) && sigma_meta(source, document, &rule->info, &err) &&
        read_logsource(source, document, rule, &err) &&
        read_detection(source, document, "detection", rule, &err) &&
        sigma_own(source, yaml_get(document, "hyakuyo"), rule, &err))
        source->take(source->context, rule);
    else
        report_problem(source->report, RULE_REFUSED, &rule->info, str_c(err.text));
}

static void read_filter(const struct sigma_source *source, const struct yaml *document)
{
    struct error err = {0};
    struct sigma_filter *filter = ARENA_NEW(source->arena, struct sigma_filter);
    struct sigma_rule *rule = &filter->rule;
    name_rule(source, document, &rule->info);
    if (sigma_meta(source, document, &rule->info, &err) && read_logsource(source, document, rule, &err) &&
        read_detection(source, document, "filter", rule, &err) &&
        sigma_filter_names(source, yaml_get(document, "filter"), filter, &err))
        source->take_filter(source->context, filter);
    else
        report_problem(source->report, RULE_REFUSED, &rule->info, str_c(err.text));
}

static bool put_aside(const struct sigma_source *source, const struct yaml *document)
{
    struct rule_info info = {0};
    if (!yaml_get(document, "correlation") && !yaml_get(document, "sequence"))
        return false;
    struct error err = {0};
    info.title_en = yaml_text(document, "title");
    name_rule(source, document, &info);
    if (source->options->take_correlation) {
        source->take_aside(source->context, source->path, document);
        return true;
    }
    error_at(&err, source->path, document->line, document->column, "%s",
             tr("this correlation was not asked for; it is recognised and not loaded.",
                "相関ルールは対象外のため、認識しましたが読み込んでいません。"));
    report_problem(source->report, RULE_CORRELATION, &info, str_c(err.text));
    return true;
}

static bool is_known_action(const struct sigma_source *source, const struct yaml *document)
{
    static const char *const actions[] = {"", "global", "repeat", "reset"};
    struct rule_info info = {0};
    struct error err = {0};
    const struct yaml *action = yaml_get(document, "action");
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (str_eq(yaml_text(document, "action"), str_c(actions[i])))
            return true;
    name_rule(source, document, &info);
    error_at(&err, source->path, action->line, action->column,
             tr("the action '%.*s' is none of global, repeat, reset.",
                "action '%.*s' は global、repeat、reset のいずれでもありません。"),
             STR_ARGS(action->text));
    report_problem(source->report, RULE_REFUSED, &info, str_c(err.text));
    return false;
}

static void read_document(const struct sigma_source *source, const struct yaml *document)
{
    if (put_aside(source, document))
        return;
    if (yaml_get(document, "filter"))
        read_filter(source, document);
    else
        read_rule(source, document);
}

void sigma_read(const struct sigma_source *source, struct yaml *documents)
{
    const struct yaml *global = NULL, *previous = NULL;
    for (struct yaml *d = documents; d; d = d->next) {
        struct yaml alone = *d;
        alone.next = NULL;
        struct str action = yaml_text(&alone, "action");
        if (str_eq(action, STR("reset"))) {
            global = NULL;
            continue;
        }
        if (alone.type == YAML_SCALAR && yaml_is_null(&alone))
            continue; /* an empty document */
        if (!is_known_action(source, &alone))
            continue;
        struct yaml *copy = ARENA_NEW(source->arena, struct yaml);
        *copy = alone;
        if (str_eq(action, STR("global"))) {
            global = global ? merge(source->arena, global, copy, 0) : copy;
            continue;
        }
        const struct yaml *base = str_eq(action, STR("repeat")) && previous ? previous : global;
        const struct yaml *whole =
            base && copy->type == YAML_MAP ? merge(source->arena, base, copy, 0) : copy;
        previous = whole;
        read_document(source, whole);
    }
}
