/* The section `sequence` of a document → struct sequence (docs/correlation.md, "Sequences").
 * Stage: correlate, at load. Every mistake is refused at its place. Names are not resolved yet; next: link.c.
 */
#include "base/log.h"
#include "base/memory.h"
#include "correlate/read.h"
#include "correlate/sequence.h"

#define MAX_CHOICES 256

static struct sequence *sequence_of(const struct reading *r)
{
    return r->out->sequence;
}

static bool knows_keys(struct reading *r, const struct yaml *map, const char *const *keys, size_t count,
                       const char *where)
{
    for (const struct yaml *m = map->child; m; m = m->next) {
        size_t i = 0;
        while (i < count && !str_eq(m->key, str_c(keys[i])))
            i++;
        if (i == count)
            return error_at(r->err, r->path, m->key_line, m->key_column,
                            tr("'%.*s' is no key of %s; see docs/correlation.md.",
                               "「%.*s」は%sのキーではありません。docs/correlation.md を見てください。"),
                            STR_ARGS(m->key), where);
    }
    return true;
}

static bool read_flag(struct reading *r, const struct yaml *map, const char *key, bool fallback, bool *out)
{
    const struct yaml *node = yaml_get(map, key);
    *out = yaml_bool(map, key, fallback);
    if (node && (node->type != YAML_SCALAR || yaml_bool(map, key, true) != yaml_bool(map, key, false)))
        return error_at(r->err, r->path, node->line, node->column,
                        tr("%s must be true or false.", "%s には true か false が必要です。"), key);
    return true;
}

static bool read_number(struct reading *r, const struct yaml *map, const char *key, double fallback,
                        double least, double most, double *out)
{
    const struct yaml *node = yaml_get(map, key);
    *out = fallback;
    if (!node ||
        (node->type == YAML_SCALAR && str_to_double(node->text, out) && *out >= least && *out <= most))
        return true;
    return error_at(r->err, r->path, node->line, node->column,
                    tr("%s must be a number from %g to %g.", "%s には %g から %g までの数値が必要です。"),
                    key, least, most);
}

/* --------------------------------------------------------------- choices */

static bool read_tag(struct reading *r, const struct yaml *node, struct sequence_choice *out)
{
    struct str tag = node->text;
    if (str_starts_nocase(tag, STR("attack.t")) && tag.n > 8 && ascii_is_digit(tag.p[8])) {
        out->technique = arena_concat(r->arena, STR("T"), str_skip(tag, 8));
        return true;
    }
    return error_at(r->err, r->path, node->line, node->column,
                    tr("the tag '%.*s' cannot select rules; write a technique such as attack.t1486.",
                       "タグ「%.*s」ではルールを選べません。attack.t1486 のような技術を書いてください。"),
                    STR_ARGS(tag));
}

static bool read_selector_entry(struct reading *r, const struct yaml *m, struct sequence_choice *out)
{
    if (str_eq(m->key, STR("except")))
        return reading_texts(r, m, CORRELATE_MAX_RULES, &out->except, &out->except_count);
    if (m->type != YAML_SCALAR || m->text.n == 0)
        return reading_refuse(r, m,
                              tr("what selects rules must be a text.",
                                 "ルールの選択条件は文字列で書きます。"));
    if (str_eq(m->key, STR("tag")))
        return read_tag(r, m, out);
    if (str_eq(m->key, STR("evidence_group")))
        out->evidence_group = arena_str(r->arena, m->text);
    else if (str_eq(m->key, STR("stage")))
        out->stage = arena_str(r->arena, m->text);
    else if (!level_parse(m->text, &out->least))
        return error_at(r->err, r->path, m->line, m->column,
                        tr("the level '%.*s' is none of informational, low, medium, high, critical.",
                           "level「%.*s」は informational、low、medium、high、critical "
                           "のいずれでもありません。"),
                        STR_ARGS(m->text));
    return true;
}

/* {evidence_group: av, level: high} */
static bool read_selector(struct reading *r, const struct yaml *node, struct sequence_choice *out)
{
    static const char *const keys[] = {"tag", "evidence_group", "stage", "level", "except"};
    if (!knows_keys(r, node, keys, COUNT_OF(keys), tr("a selection of rules", "ルールの選択")))
        return false;
    out->least = LEVEL_LOW; /* what is below are bases of correlations */
    for (const struct yaml *m = node->child; m; m = m->next)
        if (!read_selector_entry(r, m, out))
            return false;
    if (out->technique.n || out->evidence_group.n || out->stage.n)
        return true;
    return reading_refuse(r, node,
                          tr("a selection needs tag, evidence_group or stage.",
                             "ルールの選択には tag、evidence_group、stage のいずれかが必要です。"));
}

static bool read_choice(struct reading *r, const struct yaml *node, uint32_t part)
{
    struct sequence *s = sequence_of(r);
    struct sequence_choice *choice = &s->choices[s->choice_count];
    if (s->choice_count == MAX_CHOICES)
        return reading_refuse(r, node,
                              tr("the sequence names more than 256 rules.",
                                 "シーケンスが参照するルールが 256 個を超えています。"));
    *choice = (struct sequence_choice){.part = part, .line = node->line, .column = node->column};
    choice->rule = choice->technique = choice->evidence_group = choice->stage = STR_EMPTY;
    if (node->type == YAML_MAP ? !read_selector(r, node, choice) : node->type != YAML_SCALAR || !node->text.n)
        return node->type == YAML_MAP
                   ? false
                   : reading_refuse(
                         r, node,
                         tr("an entry of rules must be the id or name of a rule, or a selection such "
                            "as {evidence_group: av}.",
                            "rules の項目はルールの id か名前、または {evidence_group: av} "
                            "のような選択でなければなりません。"));
    if (node->type == YAML_SCALAR)
        choice->rule = arena_str(r->arena, node->text);
    s->choice_count++;
    return true;
}

static bool read_choices(struct reading *r, const struct yaml *owner, const char *key, uint32_t part)
{
    const struct yaml *list = yaml_get(owner, key);
    if (!list || yaml_is_null(list) || (list->type == YAML_LIST && list->count == 0))
        return reading_refuse(r, list ? list : owner,
                              tr("the step names no rules.", "手順に rules がありません。"));
    if (list->type != YAML_LIST)
        return read_choice(r, list, part);
    for (const struct yaml *e = list->child; e; e = e->next)
        if (!read_choice(r, e, part))
            return false;
    return true;
}

/* ----------------------------------------------------------------- parts */

static bool is_known_name(const struct sequence *s, uint32_t part)
{
    for (uint32_t i = 0; i < part; i++)
        if (str_eq_nocase(s->parts[i].name, s->parts[part].name))
            return true;
    return false;
}

static bool read_name(struct reading *r, const struct yaml *node, uint32_t part)
{
    struct sequence *s = sequence_of(r);
    struct str name = yaml_text(node, "name");
    const struct yaml *at = yaml_get(node, "name");
    if (at && name.n == 0)
        return reading_refuse(r, at, tr("name must be a text.", "name は文字列で書きます。"));
    s->parts[part].name = name.n ? arena_str(r->arena, name) : arena_printf(r->arena, "step %u", part + 1);
    if (!is_known_name(s, part))
        return true;
    return error_at(r->err, r->path, at ? at->line : node->line, at ? at->column : node->column,
                    tr("two steps are called '%.*s'.", "「%.*s」という名前の手順が二つあります。"),
                    STR_ARGS(s->parts[part].name));
}

/* A step, or a member of any_order. */
static bool read_part(struct reading *r, const struct yaml *node, const char *rules_key)
{
    struct sequence *s = sequence_of(r);
    uint32_t part = s->part_count;
    double times;
    bool is_optional;
    if (part == SEQUENCE_MAX_PARTS)
        return reading_refuse(r, node,
                              tr("the sequence has more than 32 steps.",
                                 "シーケンスの手順が 32 個を超えています。"));
    struct sequence_part *p = &s->parts[part];
    p->stage = s->stage_count;
    if (!read_name(r, node, part) || !read_choices(r, node, rules_key, part) ||
        !read_number(r, node, "times", 1, 1, SEQUENCE_MAX_TIMES, &times) ||
        !read_number(r, node, "weight", 1, 0, 1000, &p->weight) ||
        !read_flag(r, node, "optional", s->needs > 0, &is_optional))
        return false;
    if (times != (double)(uint32_t)times)
        return reading_refuse(r, yaml_get(node, "times"),
                              tr("times must be a whole number.", "times には整数が必要です。"));
    p->times = (uint32_t)times;
    p->is_required = !is_optional;
    s->stages[s->stage_count].is_required |= p->is_required;
    s->stages[s->stage_count].count++;
    s->part_count++;
    return true;
}

/* ---------------------------------------------------------------- stages */

static bool read_hop(struct reading *r, const struct yaml *node, struct sequence_stage *stage)
{
    const struct yaml *hop = yaml_get(node, "hop");
    static const char *const names[] = {
        [HOP_DESTINATION] = "destination", [HOP_SOURCE] = "source", [HOP_HOST] = "host"};
    struct sequence *s = sequence_of(r);
    if (!hop)
        return true;
    for (enum hop h = HOP_DESTINATION; h <= HOP_HOST; h++)
        if (str_eq(hop->text, str_c(names[h])))
            stage->hop = h;
    if (stage->hop == HOP_NONE)
        return reading_refuse(r, hop,
                              tr("hop must be destination, source or host.",
                                 "hop は destination、source、host のいずれかです。"));
    if (!s->has_host)
        return reading_refuse(r, hop,
                              tr("hop goes from host to host: the sequence needs by: host.",
                                 "hop は端末から端末へ移るため、by: host が必要です。"));
    s->has_hop = true;
    return true;
}

static bool read_within(struct reading *r, const struct yaml *node, struct sequence_stage *stage)
{
    const struct yaml *within = yaml_get(node, "within");
    if (!within)
        return true;
    if (!reading_span(r, within, &stage->within_ns))
        return false;
    if (stage->within_ns <= r->out->timespan_ns)
        return true;
    return reading_refuse(r, within,
                          tr("within is longer than the timespan of the sequence.",
                             "within がシーケンスの timespan より長くなっています。"));
}

static bool read_set(struct reading *r, const struct yaml *node, struct sequence_stage *stage)
{
    static const char *const stage_keys[] = {"any_order", "within"};
    static const char *const part_keys[] = {"name", "rules", "times", "weight", "optional"};
    const struct yaml *list = yaml_get(node, "any_order");
    if (!knows_keys(r, node, stage_keys, COUNT_OF(stage_keys), tr("any_order", "any_order ")) ||
        !read_within(r, node, stage))
        return false;
    if (list->type != YAML_LIST || list->count < 2 || list->count > SEQUENCE_MAX_SET)
        return reading_refuse(r, list,
                              tr("any_order needs a list of 2 to 8 steps.",
                                 "any_order には 2～8 個の手順の一覧が必要です。"));
    for (const struct yaml *e = list->child; e; e = e->next) {
        if (e->type != YAML_MAP)
            return reading_refuse(r, e, tr("a step must be a map.", "手順は表でなければなりません。"));
        if (!knows_keys(r, e, part_keys, COUNT_OF(part_keys),
                        tr("a step of any_order", "any_order の手順")) ||
            !read_part(r, e, "rules"))
            return false;
    }
    return true;
}

static bool read_negation(struct reading *r, const struct yaml *node, struct sequence_stage *stage)
{
    static const char *const keys[] = {"not", "for", "name"};
    const struct yaml *span = yaml_get(node, "for");
    struct sequence *s = sequence_of(r);
    if (!knows_keys(r, node, keys, COUNT_OF(keys), tr("a negated step", "否定の手順")))
        return false;
    if (s->stage_count == 0)
        return reading_refuse(r, node,
                              tr("a sequence cannot begin with 'not': there is nothing yet after which "
                                 "something could fail to come.",
                                 "シーケンスの最初に not は使えません。"));
    if (span && !reading_span(r, span, &stage->for_ns))
        return false;
    if (!read_part(r, node, "not"))
        return false;
    s->parts[s->part_count - 1].is_required = stage->is_required = false;
    s->parts[s->part_count - 1].weight = 0;
    stage->is_negation = s->has_negation = true;
    return true;
}

static bool read_single(struct reading *r, const struct yaml *node, struct sequence_stage *stage)
{
    static const char *const keys[] = {"name", "rules", "within", "times", "weight", "optional", "hop"};
    return knows_keys(r, node, keys, COUNT_OF(keys), tr("a step", "手順")) && read_within(r, node, stage) &&
           read_hop(r, node, stage) && read_part(r, node, "rules");
}

static bool read_stage(struct reading *r, const struct yaml *node)
{
    struct sequence *s = sequence_of(r);
    if (node->type != YAML_MAP)
        return reading_refuse(r, node, tr("a step must be a map.", "手順は表でなければなりません。"));
    if (s->part_count >= SEQUENCE_MAX_PARTS)
        return reading_refuse(r, node,
                              tr("the sequence has more than 32 steps.",
                                 "シーケンスの手順が 32 個を超えています。"));
    struct sequence_stage *stage = &s->stages[s->stage_count];
    stage->first = s->part_count;
    if (s->stage_count > 0)
        stage->segment = stage[-1].segment + (stage[-1].hop != HOP_NONE);
    bool ok = yaml_get(node, "any_order") ? read_set(r, node, stage)
              : yaml_get(node, "not")     ? read_negation(r, node, stage)
                                          : read_single(r, node, stage);
    s->stage_count += ok;
    return ok;
}

/* A negation until the next step needs one; a hop needs somebody to arrive. */
static bool check_last(struct reading *r, const struct yaml *steps)
{
    struct sequence *s = sequence_of(r);
    const struct sequence_stage *last = &s->stages[s->stage_count - 1];
    const struct yaml *node = steps->child;
    BUG_IF(node == NULL);
    while (node->next)
        node = node->next;
    if (last->is_negation && !last->for_ns)
        return reading_refuse(r, node,
                              tr("'not' as the last step needs 'for': how long nothing must come.",
                                 "最後の手順の not には for (待つ時間) が必要です。"));
    s->tail_ns = last->is_negation ? last->for_ns : 0;
    while (last->is_negation) /* the first step is none */
        last--;
    if (last->hop != HOP_NONE)
        return reading_refuse(r, node,
                              tr("no step that could match follows the last hop on the other host.",
                                 "最後の hop の後に、移った先の端末で一致する手順がありません。"));
    return true;
}

static bool check_needs(struct reading *r, const struct yaml *section)
{
    struct sequence *s = sequence_of(r);
    const struct yaml *needs = yaml_get(section, "needs"), *steps = yaml_get(section, "steps");
    double all = 0;
    bool any_required = false;
    for (uint32_t i = 0; i < s->part_count; i++) {
        all += s->parts[i].weight;
        any_required |= s->parts[i].is_required;
    }
    if (needs && s->needs > all)
        return error_at(r->err, r->path, needs->line, needs->column,
                        tr("needs asks for more than all steps together weigh (%g).",
                           "needs がすべての手順の重みの合計 (%g) を超えています。"),
                        all);
    if (needs || any_required)
        return true;
    return reading_refuse(r, steps,
                          tr("every step is optional: say with 'needs' how many must be there.",
                             "すべての手順が optional です。needs で必要な数を指定してください。"));
}

static bool read_steps(struct reading *r, const struct yaml *section)
{
    const struct yaml *steps = yaml_get(section, "steps");
    struct sequence *s = sequence_of(r);
    if (!steps || steps->type != YAML_LIST || steps->count == 0)
        return reading_refuse(r, steps ? steps : section,
                              tr("the sequence needs a list of steps.",
                                 "シーケンスには steps の一覧が必要です。"));
    for (const struct yaml *e = steps->child; e; e = e->next)
        if (!read_stage(r, e))
            return false;
    s->reach_ns = r->out->timespan_ns;
    for (uint32_t i = 0; i < s->stage_count; i++)
        s->reach_ns += s->stages[i].for_ns;
    return check_last(r, steps) && check_needs(r, section);
}

/* ------------------------------------------------------------------ whole */

static bool read_by(struct reading *r, const struct yaml *section)
{
    const struct yaml *by = yaml_get(section, "by");
    static const char *const kinds[] = {
        [BY_HOST] = "host", [BY_USER] = "user", [BY_DESTINATION] = "destination"};
    struct correlation *c = r->out;
    if (!by || yaml_is_null(by))
        return true;
    if (!reading_texts(r, by, CORRELATE_MAX_FIELDS, &c->group_by, &c->group_count))
        return false;
    c->sequence->by = ARENA_ARRAY(r->arena, enum by_kind, c->group_count + 1);
    for (uint32_t i = 0; i < c->group_count; i++)
        for (enum by_kind k = BY_HOST; k <= BY_DESTINATION; k++)
            if (str_eq(c->group_by[i], str_c(kinds[k]))) {
                c->sequence->by[i] = k;
                c->sequence->has_host |= k == BY_HOST;
            }
    return true;
}

/* What link.c looks at: the rules that are named. */
static void list_rules(struct reading *r)
{
    struct correlation *c = r->out;
    const struct sequence *s = c->sequence;
    c->rules = ARENA_ARRAY(r->arena, struct str, s->choice_count + 1);
    c->step_of = ARENA_ARRAY(r->arena, uint32_t, s->choice_count + 1);
    for (uint32_t i = 0; i < s->choice_count; i++)
        if (s->choices[i].rule.n) {
            c->step_of[c->rule_count] = s->choices[i].part;
            c->rules[c->rule_count++] = s->choices[i].rule;
        }
    c->step_count = s->part_count;
}

bool reading_sequence(struct reading *r, const struct yaml *document)
{
    static const char *const keys[] = {"by", "timespan", "steps", "needs", "aliases"};
    const struct yaml *section = yaml_get(document, "sequence");
    struct correlation *c = r->out;
    if (section->type != YAML_MAP)
        return reading_refuse(r, section,
                              tr("'sequence' must be a map.", "sequence は表でなければなりません。"));
    if (yaml_get(document, "correlation"))
        return reading_refuse(r, section,
                              tr("a document is either a correlation or a sequence.",
                                 "一つの文書に correlation と sequence の両方は書けません。"));
    struct sequence *s = c->sequence = ARENA_NEW(r->arena, struct sequence);
    s->parts = ARENA_ARRAY(r->arena, struct sequence_part, SEQUENCE_MAX_PARTS + 1);
    s->stages = ARENA_ARRAY(r->arena, struct sequence_stage, SEQUENCE_MAX_PARTS + 1);
    s->choices = ARENA_ARRAY(r->arena, struct sequence_choice, MAX_CHOICES + 1);
    c->type = TYPE_SEQUENCE;
    c->percentile = -1;
    c->speaks = true;
    c->info.logsource = STR("sequence");
    if (!knows_keys(r, section, keys, COUNT_OF(keys), tr("a sequence", "シーケンス")) ||
        !reading_timespan(r, section) || !read_by(r, section) || !reading_aliases(r, section) ||
        !read_number(r, section, "needs", 0, 1e-3, 32000, &s->needs) || !read_steps(r, section))
        return false;
    list_rules(r);
    return true;
}
