/* YAML documents → Sigma rules.
 * Stage: detect, at load. Reads the YAML tree of one file; hands each good rule on and puts each refused one
 * into the report with file:line:column. Documents of `action: global` and `repeat` are merged first, so that
 * the rest sees whole rules. Next: taxonomy.c, which says what a logsource and a field are in ECS. */
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

static bool read_detection(const struct sigma_source *source, const struct yaml *document,
                           struct sigma_rule *rule, struct error *err)
{
    const struct yaml *detection = yaml_get(document, "detection"),
                      *condition = yaml_get(detection, "condition");
    if (!detection || detection->type != YAML_MAP)
        return error_at(err, source->path, document->line, document->column, "%s",
                        tr("the rule has no detection.", "ルールに detection がありません。"));
    if (!condition)
        return error_at(err, source->path, detection->line, detection->column, "%s",
                        tr("detection has no condition.", "detection に condition がありません。"));
    struct sigma_selection *selections =
        ARENA_ARRAY(source->arena, struct sigma_selection, detection->count + 1);
    size_t count = 0;
    for (const struct yaml *m = detection->child; m; m = m->next) {
        if (str_eq(m->key, STR("condition")))
            continue;
        if (str_eq(m->key, STR("timeframe")))
            return error_at(err, source->path, m->key_line, m->key_column, "%s",
                            tr("timeframe is not part of Sigma 2; write a correlation rule.",
                               "timeframe は Sigma 2 にありません。相関ルールを使ってください。"));
        selections[count].name = m->key;
        if (!(selections[count].node = selection_node(source, m, 0, err)))
            return false;
        count++;
    }
    if (!(rule->condition = read_conditions(source, condition, selections, count, err)))
        return false;
    if (count_nodes(rule->condition) >= SIGMA_MAX_NODES)
        return error_at(err, source->path, condition->line, condition->column,
                        tr("the rule has more than %d comparisons; use a watch list instead.",
                           "比較が %d 個を超えています。ウォッチリストを使ってください。"),
                        SIGMA_MAX_NODES);
    return true;
}

static struct str joined_lines(struct arena *arena, const struct yaml *list)
{
    struct buf b = {0};
    if (list && list->type == YAML_SCALAR)
        return list->text;
    for (const struct yaml *e = list ? list->child : NULL; e; e = e->next) {
        if (b.n)
            buf_char(&b, '\n');
        buf_add(&b, e->text);
    }
    struct str out = arena_str(arena, buf_str(&b));
    buf_free(&b);
    return out;
}

/* "attack.t1071.001" → "T1071.001" */
static void read_tags(struct arena *arena, const struct yaml *tags, struct rule_info *info)
{
    if (!tags || tags->type != YAML_LIST)
        return;
    info->techniques = ARENA_ARRAY(arena, struct str, tags->count);
    for (const struct yaml *t = tags->child; t; t = t->next)
        if (str_starts_nocase(t->text, STR("attack.t")) && t->text.n > 8 && ascii_is_digit(t->text.p[8]))
            info->techniques[info->technique_count++] = arena_concat(arena, STR("T"), str_skip(t->text, 8));
}

static bool read_samples(const struct sigma_source *source, const struct yaml *samples,
                         struct sigma_rule *rule, struct error *err)
{
    struct sigma_sample **end = &rule->samples;
    for (const struct yaml *s = samples ? samples->child : NULL; s; s = s->next) {
        struct sigma_sample *sample = ARENA_NEW(source->arena, struct sigma_sample);
        const struct yaml *fires = yaml_get(s, "fires");
        sample->event = yaml_get(s, "event");
        sample->raw = yaml_text(s, "raw");
        sample->fires = yaml_bool(s, "fires", true);
        sample->line = s->line;
        bool has_event = sample->event && sample->event->type == YAML_MAP;
        if (!fires || has_event == (sample->raw.n > 0))
            return error_at(
                err, source->path, s->line, s->column, "%s",
                tr("a sample needs fires: true or false, and either event: or raw:.",
                   "samples の各項目には fires: true/false と、event: か raw: のどちらか一方が必要です。"));
        *end = sample;
        end = &sample->next;
        rule->info.sample_count++;
    }
    return true;
}

static const struct {
    const char *name;
    enum entity entity;
} entities[] = {{"", ENTITY_UNSET},
                {"host", ENTITY_HOST},
                {"source", ENTITY_SOURCE},
                {"destination", ENTITY_DESTINATION}};

static const char *const stages[] = {"",         "exposure",     "stopped",
                                     "executed", "c2_suspected", "outward_attack",
                                     "spreading"};

static const char *const own_keys[] = {"title_ja", "description_ja", "evidence_group", "likelihood_ratio",
                                       "stage",    "entity",         "peer",           "next_steps",
                                       "samples"};

static bool is_among(struct str s, const char *const *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(s, str_c(list[i])))
            return true;
    return false;
}

static bool read_entity(const struct sigma_source *source, const struct yaml *own, struct sigma_rule *rule,
                        struct error *err)
{
    struct str entity = yaml_text(own, "entity");
    for (size_t i = 0; i < COUNT_OF(entities); i++)
        if (str_eq(entity, str_c(entities[i].name))) {
            rule->entity = entities[i].entity;
            return true;
        }
    return error_at(err, source->path, own->line, own->column, "%s",
                    tr("hyakuyo.entity must be host, source or destination.",
                       "hyakuyo.entity は host、source、destination のいずれかです。"));
}

/* Our own keys, under `hyakuyo:`. Here a word that is not known is a mistake: nobody else writes them. */
static bool read_own(const struct sigma_source *source, const struct yaml *own, struct sigma_rule *rule,
                     struct error *err)
{
    if (!own)
        return true;
    for (const struct yaml *m = own->child; m; m = m->next)
        if (!is_among(m->key, own_keys, COUNT_OF(own_keys)))
            return error_at(err, source->path, m->key_line, m->key_column,
                            tr("hyakuyo.%.*s does not exist; see docs/rules.md.",
                               "hyakuyo.%.*s は存在しません。docs/rules.md を見てください。"),
                            STR_ARGS(m->key));
    struct rule_info *info = &rule->info;
    info->title_ja = yaml_text(own, "title_ja");
    info->description_ja = yaml_text(own, "description_ja");
    info->evidence_group = yaml_text(own, "evidence_group");
    info->stage = yaml_text(own, "stage");
    rule->peer_field = yaml_text(own, "peer");
    const struct yaml *steps = yaml_get(own, "next_steps"), *ratio = yaml_get(own, "likelihood_ratio");
    info->next_steps_en = joined_lines(source->arena, yaml_get(steps, "en"));
    info->next_steps_ja = joined_lines(source->arena, yaml_get(steps, "ja"));
    if (ratio && (!str_to_double(ratio->text, &info->likelihood_ratio) || info->likelihood_ratio <= 0))
        return error_at(err, source->path, ratio->line, ratio->column, "%s",
                        tr("likelihood_ratio must be a number above zero.",
                           "likelihood_ratio には正の数が必要です。"));
    if (!is_among(info->stage, stages, COUNT_OF(stages)))
        return error_at(err, source->path, own->line, own->column,
                        tr("the stage '%.*s' is not one of those in docs/rules.md.",
                           "stage '%.*s' は docs/rules.md の一覧にありません。"),
                        STR_ARGS(info->stage));
    return read_entity(source, own, rule, err) && read_samples(source, yaml_get(own, "samples"), rule, err);
}

static bool read_logsource(const struct sigma_source *source, const struct yaml *document,
                           struct sigma_rule *rule, struct error *err)
{
    const struct yaml *logsource = yaml_get(document, "logsource");
    if (!logsource || logsource->type != YAML_MAP)
        return error_at(err, source->path, document->line, document->column, "%s",
                        tr("the rule has no logsource.", "ルールに logsource がありません。"));
    rule->category = arena_lower(source->arena, yaml_text(logsource, "category"));
    rule->product = arena_lower(source->arena, yaml_text(logsource, "product"));
    rule->service = arena_lower(source->arena, yaml_text(logsource, "service"));
    if (rule->category.n + rule->product.n + rule->service.n == 0)
        return error_at(err, source->path, logsource->line, logsource->column, "%s",
                        tr("the logsource names neither category nor product nor service.",
                           "logsource に category、product、service のいずれもありません。"));
    rule->info.logsource = arena_printf(source->arena, "%.*s/%.*s/%.*s", STR_ARGS(rule->category),
                                        STR_ARGS(rule->product), STR_ARGS(rule->service));
    return true;
}

static bool read_meta(const struct sigma_source *source, const struct yaml *document, struct rule_info *info,
                      struct error *err)
{
    info->title_en = yaml_text(document, "title");
    if (info->title_en.n == 0)
        return error_at(err, source->path, document->line, document->column, "%s",
                        tr("the rule has no title.", "ルールに title がありません。"));
    struct str level = yaml_text(document, "level");
    info->level = LEVEL_MEDIUM; /* the specification makes it optional */
    const struct yaml *level_node = yaml_get(document, "level");
    if (level.n && !level_parse(level, &info->level))
        return error_at(
            err, source->path, level_node->line, level_node->column,
            tr("the level '%.*s' is none of informational, low, medium, high, critical.",
               "level '%.*s' は informational、low、medium、high、critical のいずれでもありません。"),
            STR_ARGS(level));
    info->name = yaml_text(document, "name");
    info->description_en = yaml_text(document, "description");
    info->status = yaml_text(document, "status");
    info->author = yaml_text(document, "author");
    info->false_positives = joined_lines(source->arena, yaml_get(document, "falsepositives"));
    info->references = joined_lines(source->arena, yaml_get(document, "references"));
    read_tags(source->arena, yaml_get(document, "tags"), info);
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

static void read_rule(const struct sigma_source *source, const struct yaml *document)
{
    struct error err = {0};
    struct sigma_rule *rule = ARENA_NEW(source->arena, struct sigma_rule);
    rule->info.title_en = yaml_text(document, "title");
    name_rule(source, document, &rule->info);
    bool ok =
        document->type == YAML_MAP || error_at(&err, source->path, document->line, document->column, "%s",
                                               tr("a rule must be a map of keys and values.",
                                                  "ルールはキーと値の表でなければなりません。"));
    ok = ok && read_meta(source, document, &rule->info, &err) &&
         read_logsource(source, document, rule, &err) && read_detection(source, document, rule, &err) &&
         read_own(source, yaml_get(document, "hyakuyo"), rule, &err);
    if (ok)
        source->take(source->context, rule);
    else
        report_problem(source->report, RULE_REFUSED, &rule->info, str_c(err.text));
}

static bool put_aside(const struct sigma_source *source, const struct yaml *document)
{
    struct rule_info info = {0};
    const struct yaml *correlation = yaml_get(document, "correlation"),
                      *filter = yaml_get(document, "filter");
    if (!correlation && !filter)
        return false;
    struct error err = {0};
    info.title_en = yaml_text(document, "title");
    name_rule(source, document, &info);
    error_at(
        &err, source->path, document->line, document->column, "%s",
        correlation
            ? tr("correlation rules arrive with the correlator; this document is recognised and not loaded.",
                 "相関ルールは相関エンジンとともに対応します。この文書は認識しましたが読み込んでいません。")
            : tr("filter documents arrive with the correlator; this document is recognised and not loaded.",
                 "フィルタ文書は相関エンジンとともに対応します。この文書は認識しましたが読み込んでいません"
                 "。"));
    report_problem(source->report, correlation ? RULE_CORRELATION : RULE_FILTER, &info, str_c(err.text));
    return true;
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
        if (!put_aside(source, whole))
            read_rule(source, whole);
    }
}
