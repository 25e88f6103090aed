/* Exceptions from rules: rows of the register → conditions compiled by query/ → asked by pipeline.c. */
#include "knowledge/suppression.h"

#include <stdatomic.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/yaml.h"

#define LONGEST_NS (INT64_C(3660) * 86400 * NS_PER_SECOND)

struct suppression {
    struct suppression *next; /* of the same rule, in the order of their numbers */
    int64_t id, expires_ns;
    struct query *condition;
};

struct suppressions {
    atomic_uint references;
    struct arena arena;
    struct map by_rule; /* rule id → struct suppression * */
    uint32_t count;
};

/* "now" in a condition means the time at which the exception was made: event time, not the reader's clock. */
static struct query *read_condition(const struct rule_exception *e, struct query_error *err)
{
    struct query_context context = {.now_ns = e->created_ns};
    return query_parse(e->condition, &context, err);
}

static void add(struct suppressions *s, const struct rule_exception *e)
{
    struct query_error err;
    struct query *condition = read_condition(e, &err);
    if (condition == NULL) {
        log_warning(tr("exception %lld is not applied, its condition cannot be read: %s",
                       "例外 %lld は条件を読めないため適用されません: %s"),
                    (long long)e->id, language_current() == LANGUAGE_JA ? err.ja : err.en);
        return;
    }
    struct suppression *made = ARENA_NEW(&s->arena, struct suppression);
    *made = (struct suppression){NULL, e->id, e->expires_ns, condition};
    struct suppression **end =
        (struct suppression **)map_put(&s->by_rule, arena_str(&s->arena, e->rule_id), NULL);
    while (*end != NULL)
        end = &(*end)->next;
    *end = made;
    s->count++;
}

struct suppressions *suppressions_new(const struct rule_exception *rows, uint32_t count)
{
    struct suppressions *s = NEW(struct suppressions);
    atomic_init(&s->references, 1);
    arena_init(&s->arena, 4096);
    for (uint32_t i = 0; i < count && s->count < SUPPRESSIONS_MAX; i++)
        if (rows[i].withdrawn_ns == INT64_MAX)
            add(s, &rows[i]);
    return s;
}

struct suppressions *suppressions_ref(struct suppressions *s)
{
    atomic_fetch_add_explicit(&s->references, 1, memory_order_relaxed);
    return s;
}

void suppressions_unref(struct suppressions *s)
{
    if (s == NULL || atomic_fetch_sub_explicit(&s->references, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < s->by_rule.count; i++)
        for (struct suppression *x = (struct suppression *)s->by_rule.entries[i].value; x; x = x->next)
            query_free(x->condition);
    map_free(&s->by_rule);
    arena_free(&s->arena);
    memory_free(s);
}

uint32_t suppressions_count(const struct suppressions *s)
{
    return s ? s->count : 0;
}

int64_t suppressions_find(const struct suppressions *s, const struct finding *f, const struct event *e)
{
    const struct suppression *x = s && s->count ? map_get_pointer(&s->by_rule, f->rule_id) : NULL;
    for (; x != NULL; x = x->next)
        if (e->time_ns < x->expires_ns && query_match(x->condition, e))
            return x->id;
    return 0;
}

/* -------------------------------------------------------------- checking */

static bool refuse(struct error *en, struct error *ja, const char *english, const char *japanese)
{
    error_set(en, "%s", english);
    return error_set(ja, "%s", japanese);
}

static bool check_condition(const struct rule_exception *e, struct error *en, struct error *ja)
{
    struct query_error why;
    struct query *q = read_condition(e, &why);
    if (q == NULL) {
        error_set(en, "The condition cannot be read, character %zu: %s", why.position + 1, why.en);
        return error_set(ja, "条件を読めません(%zu 文字目): %s", why.position + 1, why.ja);
    }
    bool has_pipes = query_has_pipes(q);
    query_free(q);
    if (has_pipes)
        return refuse(en, ja, "A condition has no pipes.", "条件にパイプは使えません。");
    if (str_eq(str_trim(e->condition), STR("*")))
        return refuse(en, ja, "This condition holds for every event; switch the rule off instead.",
                      "この条件はすべてのイベントに当てはまります。規則そのものを外してください。");
    return true;
}

bool suppression_check(const struct rule_exception *e, int64_t now_ns, struct error *en, struct error *ja)
{
    const struct {
        struct str text;
        const char *en, *ja;
    } needed[] = {
        {e->rule_id, "An exception names the rule it is from.", "例外には規則の識別子が必要です。"},
        {e->condition, "An exception says for which events: a condition in the filter language.",
         "例外には対象のイベントを表す条件(検索式)が必要です。"},
        {e->owner, "An exception has an owner who answers for it.", "例外には責任者が必要です。"},
        {e->reason, "An exception has a reason.", "例外には理由が必要です。"},
    };
    for (size_t i = 0; i < COUNT_OF(needed); i++)
        if (str_trim(needed[i].text).n == 0)
            return refuse(en, ja, needed[i].en, needed[i].ja);
    if (e->expires_ns <= now_ns || e->expires_ns - now_ns > LONGEST_NS)
        return refuse(en, ja, "The expiry must lie ahead, and not further than ten years.",
                      "期限は現在より後、10年以内で指定してください。");
    return check_condition(e, en, ja);
}

/* ------------------------------------------------------------------ files */

static bool read_row(const struct yaml *node, const char *path, struct rule_exception *e, struct error *err)
{
    const struct {
        const char *key;
        struct str *place;
    } texts[] = {{"rule", &e->rule_id},
                 {"condition", &e->condition},
                 {"owner", &e->owner},
                 {"reason", &e->reason}};
    struct error ja;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        const struct yaml *member = yaml_get(node, texts[i].key);
        if (member != NULL)
            *texts[i].place = member->text;
    }
    const struct yaml *expires = yaml_get(node, "expires");
    if (expires == NULL || !time_parse_expression(expires->text, 0, zone_find(STR("local")), &e->expires_ns))
        return error_at(err, path, node->line, node->column, "%s",
                        tr("'expires' is missing or no time; write 2027-03-31 or 2027-03-31T18:00:00+09:00",
                           "expires がないか時刻ではありません。2027-03-31 のように書いてください"));
    if (suppression_check(e, e->expires_ns - 1, err, &ja))
        return true;
    struct error why = language_current() == LANGUAGE_JA ? ja : *err;
    return error_at(err, path, node->line, node->column, "%s", why.text);
}

bool suppressions_read_file(const char *path, struct arena *arena, struct rule_exception **rows,
                            uint32_t *count, struct error *err)
{
    const struct yaml *list = yaml_load(path, arena, err);
    if (list == NULL)
        return false;
    if (list->type != YAML_LIST)
        return error_at(err, path, 1, 1, "%s",
                        tr("a list of exceptions is expected: - rule: …, condition: …, owner: …",
                           "例外の一覧(- rule: …, condition: …, owner: …)が必要です"));
    *count = 0;
    for (const struct yaml *n = list->child; n; n = n->next)
        ++*count;
    *rows = ARENA_ARRAY(arena, struct rule_exception, *count + 1);
    int64_t id = 0;
    for (const struct yaml *n = list->child; n; n = n->next, id++) {
        struct rule_exception *e = &(*rows)[id];
        *e = (struct rule_exception){.id = id + 1, .withdrawn_ns = INT64_MAX};
        if (!read_row(n, path, e, err))
            return false;
    }
    return true;
}
