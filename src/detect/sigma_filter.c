/* Filter documents: one organisation's exceptions to many rules, without touching their files.
 * Stage: detect, at load. Reads which rules a filter means; once all rules are read, each of those is to fire
 * only where the filter's condition holds as well. Next: compile.c. */
#include "base/log.h"
#include "detect/report.h"
#include "detect/sigma.h"

static bool is_every_rule(const struct yaml *rules)
{
    if (rules->type == YAML_LIST)
        return rules->count == 0;
    return str_eq_nocase(rules->text, STR("any")) || str_eq_nocase(rules->text, STR("all"));
}

bool sigma_filter_names(const struct sigma_source *source, const struct yaml *filter,
                        struct sigma_filter *out, struct error *err)
{
    const struct yaml *rules = yaml_get(filter, "rules");
    const struct yaml *at = rules ? rules : filter;
    bool is_good = rules && rules->type != YAML_MAP && !yaml_is_null(rules);
    for (const struct yaml *e = is_good ? rules->child : NULL; e; e = e->next)
        is_good = is_good && e->type == YAML_SCALAR && e->text.n;
    if (!is_good)
        return error_at(err, source->path, at->line, at->column, "%s",
                        tr("a filter needs rules: a list of ids or names, or any.",
                           "フィルタには rules: として id か名前の一覧、または any が必要です。"));
    out->names = is_every_rule(rules) ? NULL : rules;
    return true;
}

/* What the filter's log source says, the rule's must say too; what it leaves out may be anything. */
static bool is_within(const struct sigma_rule *filter, const struct sigma_rule *rule)
{
    return (filter->category.n == 0 || str_eq(filter->category, rule->category)) &&
           (filter->product.n == 0 || str_eq(filter->product, rule->product)) &&
           (filter->service.n == 0 || str_eq(filter->service, rule->service));
}

static void join(struct sigma_rule *rule, const struct sigma_filter *filter, struct arena *arena)
{
    struct sigma_node *both[] = {rule->condition, filter->rule.condition};
    rule->condition = sigma_node_group(arena, NODE_AND, both, COUNT_OF(both));
}

static void complain(const struct sigma_filter *filter, const struct yaml *at, struct rule_report *report,
                     const char *format)
{
    struct error why = {0};
    const struct rule_info *info = &filter->rule.info;
    struct str name = at ? at->text : info->logsource;
    error_at(&why, info->path.p, at ? at->line : filter->rule.logsource_line,
             at ? at->column : filter->rule.logsource_column, format, STR_ARGS(name));
    report_problem(report, RULE_FILTER, info, str_c(why.text));
}

static void apply_name(const struct sigma_filter *filter, const struct yaml *name,
                       struct sigma_rule *const *rules, size_t count, struct arena *arena,
                       struct rule_report *report)
{
    size_t named = 0, within = 0;
    for (size_t i = 0; i < count; i++) {
        if (!str_eq_nocase(rules[i]->info.id, name->text) && !str_eq(rules[i]->info.name, name->text))
            continue;
        named++;
        if (!is_within(&filter->rule, rules[i]))
            continue;
        within++;
        join(rules[i], filter, arena);
    }
    if (named == 0)
        complain(filter, name, report,
                 tr("the filter names the rule '%.*s', which is not loaded.",
                    "フィルタが指定するルール '%.*s' は読み込まれていません。"));
    else if (within == 0)
        complain(filter, name, report,
                 tr("the filter does not apply to the rule '%.*s': their log sources differ.",
                    "フィルタはルール '%.*s' に適用されません。logsource が異なります。"));
}

static void apply_to_all(const struct sigma_filter *filter, struct sigma_rule *const *rules, size_t count,
                         struct arena *arena, struct rule_report *report)
{
    size_t within = 0;
    for (size_t i = 0; i < count; i++)
        if (is_within(&filter->rule, rules[i])) {
            within++;
            join(rules[i], filter, arena);
        }
    if (within == 0)
        complain(filter, NULL, report,
                 tr("no loaded rule has the filter's log source '%.*s'.",
                    "フィルタの logsource '%.*s' に当たるルールが読み込まれていません。"));
}

static bool has_negation(const struct sigma_node *node)
{
    bool found = node->type == NODE_NOT;
    for (uint32_t i = 0; i < node->child_count && !found; i++)
        found = has_negation(node->children[i]);
    return found;
}

/* The reference implementation joins the condition as it is written. Somebody who forgot the "not" silences
 * the rule for everything but the exception. */
static void warn_of_narrowing(const struct sigma_filter *filter, struct rule_report *report)
{
    struct error why = {0};
    const struct rule_info *info = &filter->rule.info;
    if (has_negation(filter->rule.condition))
        return;
    error_at(
        &why, info->path.p, info->line, 1, "%s",
        tr("the filter lets its rules fire only where its condition holds; write 'not selection' to leave "
           "such events out.",
           "このフィルタにより、ルールは条件が成り立つ場合だけ発火します。除外するには 'not selection' と"
           "書いてください。"));
    report_problem(report, RULE_NOTE, info, str_c(why.text));
}

void sigma_filters_apply(const struct sigma_filter *filters, struct sigma_rule *const *rules, size_t count,
                         struct arena *arena, struct rule_report *report)
{
    for (const struct sigma_filter *f = filters; f; f = f->next) {
        report->filters++;
        warn_of_narrowing(f, report);
        if (!f->names)
            apply_to_all(f, rules, count, arena, report);
        else if (f->names->type == YAML_SCALAR)
            apply_name(f, f->names, rules, count, arena, report);
        for (const struct yaml *n = f->names ? f->names->child : NULL; n; n = n->next)
            apply_name(f, n, rules, count, arena, report);
    }
}
