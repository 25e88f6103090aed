/* YAML documents → struct correlation (Sigma correlation rules specification 2.1; sequences:
 * sequence_read.c). Stage: correlate, at load. Leaves rules whose names are not resolved yet; next: link.c.
 */
#include "correlate/read.h"
#include "base/log.h"
#include "base/memory.h"
#include "correlate/sequence.h"

static const struct {
    const char *name;
    enum correlation_type type;
    bool needs_condition, needs_field;
} types[] = {
    {"event_count", TYPE_EVENT_COUNT, true, false},
    {"value_count", TYPE_VALUE_COUNT, true, true},
    {"temporal", TYPE_TEMPORAL, false, false},
    {"temporal_ordered", TYPE_TEMPORAL_ORDERED, false, false},
    {"value_sum", TYPE_VALUE_SUM, true, true},
    {"value_avg", TYPE_VALUE_AVG, true, true},
    {"value_percentile", TYPE_VALUE_PERCENTILE, true, true},
};

static const struct {
    const char *name;
    enum limit_op op;
} ops[] = {{"gt", LIMIT_GT},   {"gte", LIMIT_GTE}, {"lt", LIMIT_LT},
           {"lte", LIMIT_LTE}, {"eq", LIMIT_EQ},   {"neq", LIMIT_NEQ}};

static size_t find_type(struct str name)
{
    size_t i = 0;
    while (i < COUNT_OF(types) && !str_eq(name, str_c(types[i].name)))
        i++;
    return i;
}

static bool read_rules(struct reading *r, const struct yaml *section)
{
    const struct yaml *rules = yaml_get(section, "rules");
    if (!rules || yaml_is_null(rules) || (rules->type == YAML_LIST && rules->count == 0))
        return reading_refuse(r, rules ? rules : section,
                              tr("the correlation names no rules.", "相関ルールに rules がありません。"));
    if (!reading_texts(r, rules, CORRELATE_MAX_RULES, &r->out->rules, &r->out->rule_count))
        return false;
    r->out->step_count = r->out->rule_count;
    for (uint32_t i = 0; i < r->out->rule_count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (str_eq(r->out->rules[i], r->out->rules[k]))
                return error_at(r->err, r->path, rules->line, rules->column,
                                tr("the rule '%.*s' is named twice.",
                                   "ルール「%.*s」が二度指定されています。"),
                                STR_ARGS(r->out->rules[i]));
    return true;
}

static bool read_limit(struct reading *r, const struct yaml *node, bool *is_known)
{
    struct correlation *c = r->out;
    *is_known = false;
    for (size_t i = 0; i < COUNT_OF(ops); i++) {
        if (!str_eq(node->key, str_c(ops[i].name)))
            continue;
        *is_known = true;
        c->limits[c->limit_count].op = ops[i].op;
        if (node->type != YAML_SCALAR || !str_to_double(node->text, &c->limits[c->limit_count].value))
            return error_at(r->err, r->path, node->line, node->column,
                            tr("'%.*s' needs a number.", "「%.*s」には数値が必要です。"),
                            STR_ARGS(node->key));
        c->limit_count++;
    }
    return true;
}

static bool read_condition_entry(struct reading *r, const struct yaml *m)
{
    struct correlation *c = r->out;
    bool is_known;
    if (str_eq(m->key, STR("field")))
        return reading_texts(r, m, CORRELATE_MAX_FIELDS, &c->fields, &c->field_count);
    if (str_eq(m->key, STR("percentile"))) {
        if (m->type == YAML_SCALAR && str_to_double(m->text, &c->percentile) && c->percentile >= 0 &&
            c->percentile <= 100)
            return true;
        return reading_refuse(r, m,
                              tr("percentile must be a number from 0 to 100.",
                                 "percentile は 0 から 100 の数値です。"));
    }
    if (!read_limit(r, m, &is_known))
        return false;
    if (is_known)
        return true;
    return error_at(r->err, r->path, m->key_line, m->key_column,
                    tr("'%.*s' is no part of a correlation's condition: gt, gte, lt, lte, eq, neq, field.",
                       "「%.*s」は相関条件に使えません。gt、gte、lt、lte、eq、neq、field が使えます。"),
                    STR_ARGS(m->key));
}

static bool read_condition(struct reading *r, const struct yaml *section, bool needs_it, bool needs_field)
{
    struct correlation *c = r->out;
    const struct yaml *condition = yaml_get(section, "condition");
    c->percentile = -1;
    if (condition && condition->type != YAML_MAP)
        return reading_refuse(r, condition,
                              tr("the condition must be a map such as 'gte: 10'.",
                                 "condition は「gte: 10」のような表でなければなりません。"));
    for (const struct yaml *m = condition ? condition->child : NULL; m; m = m->next)
        if (!read_condition_entry(r, m))
            return false;
    if (needs_it && c->limit_count == 0)
        return reading_refuse(r, condition ? condition : section,
                              tr("the condition names no limit: gt, gte, lt, lte, eq or neq.",
                                 "condition に gt、gte、lt、lte、eq、neq のいずれもありません。"));
    if (needs_field != (c->field_count > 0))
        return reading_refuse(r, condition ? condition : section,
                              needs_field ? tr("this type needs 'field' in its condition.",
                                               "この種類には condition の field が必要です。")
                                          : tr("this type has no 'field' in its condition.",
                                               "この種類の condition に field は使えません。"));
    if (c->type != TYPE_VALUE_COUNT && c->field_count > 1)
        return reading_refuse(r, condition,
                              tr("only value_count takes several fields.",
                                 "複数の field は value_count だけに使えます。"));
    return true;
}

static const char *const section_keys[] = {"type",      "rules",   "group-by", "timespan",
                                           "condition", "aliases", "generate"};

static bool knows_keys(struct reading *r, const struct yaml *section)
{
    for (const struct yaml *m = section->child; m; m = m->next) {
        size_t i = 0;
        while (i < COUNT_OF(section_keys) && !str_eq(m->key, str_c(section_keys[i])))
            i++;
        if (i == COUNT_OF(section_keys))
            return error_at(r->err, r->path, m->key_line, m->key_column,
                            tr("'%.*s' is no key of a correlation.",
                               "「%.*s」は相関ルールのキーではありません。"),
                            STR_ARGS(m->key));
    }
    return true;
}

static bool read_section(struct reading *r, const struct yaml *document)
{
    const struct yaml *section = yaml_get(document, "correlation"), *group = yaml_get(section, "group-by"),
                      *type_node = yaml_get(section, "type");
    struct correlation *c = r->out;
    if (section->type != YAML_MAP)
        return reading_refuse(r, section,
                              tr("'correlation' must be a map.", "correlation は表でなければなりません。"));
    size_t type = find_type(yaml_text(section, "type"));
    if (type == COUNT_OF(types))
        return reading_refuse(
            r, type_node ? type_node : section,
            tr("the type must be event_count, value_count, temporal, temporal_ordered, value_sum, value_avg "
               "or "
               "value_percentile.",
               "type は event_count、value_count、temporal、temporal_ordered、value_sum、value_avg、"
               "value_percentile のいずれかです。"));
    c->type = types[type].type;
    c->speaks = yaml_bool(section, "generate", yaml_bool(document, "generate", false));
    return knows_keys(r, section) && read_rules(r, section) && reading_timespan(r, section) &&
           (!group || yaml_is_null(group) ||
            reading_texts(r, group, CORRELATE_MAX_FIELDS, &c->group_by, &c->group_count)) &&
           reading_aliases(r, section) &&
           read_condition(r, section, types[type].needs_condition, types[type].needs_field);
}

/* More hits can only bring it nearer to holding. */
static bool is_sliding(const struct correlation *c)
{
    if (c->type == TYPE_VALUE_AVG || c->type == TYPE_VALUE_PERCENTILE)
        return false;
    if (c->sequence)
        return !c->sequence->has_negation;
    for (uint32_t i = 0; i < c->limit_count; i++)
        if (c->limits[i].op != LIMIT_GT && c->limits[i].op != LIMIT_GTE)
            return false;
    return true;
}

/* ------------------------------------------------------------------ whole */

static void hash_texts(struct buf *b, const struct str *texts, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_add(b, texts[i]);
        buf_char(b, '\n');
    }
    buf_char(b, '\f');
}

static void hash_sequence(struct buf *b, const struct sequence *s)
{
    buf_printf(b, "%.17g\n", s->needs);
    for (uint32_t i = 0; i < s->stage_count; i++)
        buf_printf(b, "%u %u %lld %d %d %lld\n", s->stages[i].first, s->stages[i].count,
                   (long long)s->stages[i].within_ns, s->stages[i].hop, s->stages[i].is_negation,
                   (long long)s->stages[i].for_ns);
    for (uint32_t i = 0; i < s->part_count; i++) {
        hash_texts(b, &s->parts[i].name, 1);
        buf_printf(b, "%u %.17g %d\n", s->parts[i].times, s->parts[i].weight, s->parts[i].is_required);
    }
    for (uint32_t i = 0; i < s->choice_count; i++) {
        hash_texts(b, &s->choices[i].rule, 1);
        hash_texts(b, &s->choices[i].technique, 1);
        hash_texts(b, &s->choices[i].evidence_group, 1);
        hash_texts(b, &s->choices[i].stage, 1);
        hash_texts(b, s->choices[i].except, s->choices[i].except_count);
        buf_printf(b, "%d %u\n", s->choices[i].least, s->choices[i].part);
    }
}

/* Equal for two versions of a rule that gather the same: state can go on. */
static uint64_t content_hash(const struct correlation *c)
{
    struct buf b = {0};
    buf_printf(&b, "%d %lld %d %g\n", c->type, (long long)c->timespan_ns, c->is_sliding, c->percentile);
    hash_texts(&b, &c->info.id, 1);
    hash_texts(&b, c->rules, c->rule_count);
    hash_texts(&b, c->group_by, c->group_count);
    hash_texts(&b, c->fields, c->field_count);
    for (uint32_t i = 0; i < c->alias_count; i++)
        hash_texts(&b, &c->aliases[i].alias, 3);
    for (uint32_t i = 0; i < c->limit_count; i++)
        buf_printf(&b, "%d %.17g\n", c->limits[i].op, c->limits[i].value);
    if (c->sequence)
        hash_sequence(&b, c->sequence);
    uint64_t hash = str_hash(buf_str(&b));
    buf_free(&b);
    return hash;
}

static bool is_known(const struct correlation_set *s, const struct correlation *c, struct reading *r,
                     const struct yaml *document)
{
    if (!map_find(&s->by_id, c->info.id))
        return false;
    error_at(r->err, r->path, document->line, document->column,
             tr("another correlation has the id '%.*s'.", "id「%.*s」の相関ルールがすでにあります。"),
             STR_ARGS(c->info.id));
    return true;
}

bool correlation_set_add(struct correlation_set *s, const char *path, const struct yaml *document,
                         struct rule_info *info, struct error *err)
{
    struct correlation *c = ARENA_NEW(&s->arena, struct correlation);
    struct reading r = {&s->arena, path, c, err};
    bool ok =
        reading_meta(&r, document) && reading_own(&r, document) &&
        (yaml_get(document, "sequence") ? reading_sequence(&r, document) : read_section(&r, document)) &&
        reading_samples(&r, document);
    if (info)
        *info = c->info;
    if (!ok || is_known(s, c, &r, document))
        return false;
    c->is_sliding = is_sliding(c);
    c->hash = content_hash(c);
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 16;
        s->rules = memory_resize_array(s->rules, s->capacity, sizeof *s->rules);
    }
    s->rules[s->count++] = c;
    *map_put(&s->by_id, c->info.id, NULL) = s->count;
    if (c->info.name.n)
        *map_put(&s->by_name, c->info.name, NULL) = s->count;
    return true;
}
