/* Reads content/deadlines.yml (stage incident). Next: deadline.c. */
#include "base/log.h"
#include "base/yaml.h"
#include "incident/deadline.h"
#include "incident/deadline_internal.h"

enum { DEADLINE_COUNT_MAX = 3660 }; /* hours or days */

static bool complain(const char *path, const struct yaml *node, struct error *err, const char *text)
{
    return error_at(err, path, node->line, node->column, "%s", text);
}

static bool read_span(const char *path, const struct yaml *rule, const char *key, struct deadline_span *out,
                      struct error *err)
{
    static const char *const units[] = {"hours", "calendar_days", "business_days", "government_days"};
    const struct yaml *node = yaml_get(rule, key);
    int64_t count = yaml_int(node, "count", 0);
    struct str unit = yaml_text(node, "unit");
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (str_eq(unit, str_c(units[i])) && count >= 1 && count <= DEADLINE_COUNT_MAX) {
            *out = (struct deadline_span){(enum deadline_unit)i, (unsigned)count};
            return true;
        }
    return complain(
        path, node ? node : rule, err,
        tr("'due' and 'warn' need count: 1 to 3660 and unit: hours, calendar_days, business_days or "
           "government_days",
           "'due' と 'warn' には count: 1〜3660 と unit: hours、calendar_days、business_days、"
           "government_days のいずれかが必要です"));
}

/* A list of maps whose members are texts or lists of texts. */
static bool check_condition(const char *path, const struct yaml *list, struct error *err)
{
    size_t facts = 0;
    bool ok = list->type == YAML_LIST && list->count > 0;
    for (const struct yaml *map = list->child; ok && map != NULL; map = map->next) {
        ok = map->type == YAML_MAP && map->count > 0;
        for (const struct yaml *n = map->child; ok && n != NULL; n = n->next, facts++)
            ok = n->type == YAML_SCALAR || (n->type == YAML_LIST && n->count > 0);
    }
    return (ok && facts <= DEADLINE_FACTS_MAX) ||
           complain(path, list, err,
                    tr("a condition is a list of maps, fact: value or fact: [values], of at most 16 facts",
                       "条件は「事実: 値」または「事実: [値…]」のマップのリストです(事実は 16 個まで)"));
}

static void read_texts(const struct yaml *node, const char *key, struct str *en, struct str *ja)
{
    const struct yaml *both = yaml_get(node, key);
    *en = yaml_text(both, "en");
    *ja = yaml_text(both, "ja");
}

static bool read_rule(const char *path, const struct yaml *node, struct deadline_rule *r, struct error *err)
{
    struct str undecided = yaml_text(node, "when_undecided"), moved = yaml_text(node, "last_day_closed");
    *r = (struct deadline_rule){.id = yaml_text(node, "id"),
                                .source = yaml_text(node, "source"),
                                .form = yaml_text(node, "form"),
                                .first_day_counts = yaml_bool(node, "first_day_counts", false),
                                .moves_to_business_day = str_eq(moved, STR("next_government_day")),
                                .blocks_undecided = str_eq(undecided, STR("block")),
                                .when = yaml_get(node, "when"),
                                .unless = yaml_get(node, "unless")};
    read_texts(node, "title", &r->title_en, &r->title_ja);
    read_texts(node, "to", &r->to_en, &r->to_ja);
    read_texts(node, "note", &r->note_en, &r->note_ja);
    if (!r->id.n || !r->title_en.n || !r->title_ja.n || !r->to_en.n || !r->to_ja.n || r->when == NULL)
        return complain(path, node, err,
                        tr("a clock needs id, title and to in both languages, when, due and warn",
                           "期限には id、両言語の title と to、when、due、warn が必要です"));
    if ((moved.n && !r->moves_to_business_day) ||
        (undecided.n && !r->blocks_undecided && !str_eq(undecided, STR("tell"))))
        return complain(path, node, err,
                        tr("last_day_closed is next_government_day, when_undecided is tell or block",
                           "last_day_closed は next_government_day、when_undecided は tell か block です"));
    return check_condition(path, r->when, err) &&
           (r->unless == NULL || check_condition(path, r->unless, err)) &&
           read_span(path, node, "due", &r->due, err) && read_span(path, node, "warn", &r->warn, err);
}

static bool is_repeated(const struct deadline_rule *rules, size_t at)
{
    for (size_t i = 0; i < at; i++)
        if (str_eq(rules[i].id, rules[at].id))
            return true;
    return false;
}

static bool read_questions(struct deadlines *d, const char *path, const struct yaml *list,
                           struct arena *arena, struct error *err)
{
    struct deadline_question *all =
        ARENA_ARRAY(arena, struct deadline_question, (list ? list->count : 0) + 1);
    for (const struct yaml *n = list ? list->child : NULL; n != NULL; n = n->next) {
        struct deadline_question *q = &all[d->question_count++];
        *q = (struct deadline_question){.fact = yaml_text(n, "fact"), .kind = yaml_text(n, "kind")};
        read_texts(n, "title", &q->title_en, &q->title_ja);
        if (q->kind.n == 0)
            q->kind = STR("answer");
        if (!q->fact.n || !q->title_en.n || !q->title_ja.n)
            return complain(path, n, err,
                            tr("a question needs fact, and title in both languages",
                               "質問には fact と両言語の title が必要です"));
        if (!str_eq(q->kind, STR("answer")) && !str_eq(q->kind, STR("number")) &&
            !str_eq(q->kind, STR("text")))
            return complain(path, n, err,
                            tr("the kind of a question is answer, number or text",
                               "質問の kind は answer、number、text のいずれかです"));
    }
    d->questions = all;
    return true;
}

bool deadlines_load(struct deadlines *d, const char *path, struct arena *arena, struct error *err)
{
    const struct yaml *top = yaml_load(path, arena, err);
    *d = (struct deadlines){0};
    if (top == NULL)
        return false;
    const struct yaml *list = yaml_get(top, "clocks");
    struct deadline_rule *rules = ARENA_ARRAY(arena, struct deadline_rule, (list ? list->count : 0) + 1);
    for (const struct yaml *n = list ? list->child : NULL; n != NULL; n = n->next) {
        if (!read_rule(path, n, &rules[d->count], err))
            return false;
        if (is_repeated(rules, d->count++))
            return complain(path, n, err, tr("this id is there already", "この id はすでにあります"));
    }
    d->rules = rules;
    if (!read_questions(d, path, yaml_get(top, "facts"), arena, err))
        return false;
    d->version = yaml_text(top, "version");
    read_texts(top, "note", &d->note_en, &d->note_ja);
    return true;
}
