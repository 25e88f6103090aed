/* Checks parameters against their tables. Stage: console. Reads a decoded target or a JSON body, leaves typed
 * values. Next: the handlers in api_*.c, which find everything in range. */
#include "console/parameters.h"

#include "base/clock.h"

#define BODY_DEPTH_MAX 16

static bool wrong(const struct parameter *p, struct error *en, struct error *ja, const char *what_en,
                  const char *what_ja)
{
    error_set(en, "\"%s\" %s", p->name, what_en);
    error_set(ja, "「%s」%s", p->name, what_ja);
    return false;
}

static bool wrong_range(const struct parameter *p, struct error *en, struct error *ja, const char *unit_en,
                        const char *unit_ja)
{
    error_set(en, "\"%s\" must be %s between %lld and %lld.", p->name, unit_en, (long long)p->min,
              (long long)p->max);
    error_set(ja, "「%s」は%lld以上%lld以下の%sで指定してください。", p->name, (long long)p->min,
              (long long)p->max, unit_ja);
    return false;
}

static bool choice_index(const char *choices, struct str text, int64_t *index)
{
    struct str rest = str_c(choices), part;
    for (*index = 0; str_split(&rest, '|', &part); (*index)++)
        if (str_eq(part, text))
            return true;
    return false;
}

static bool wrong_choice(const struct parameter *p, struct error *en, struct error *ja)
{
    error_set(en, "\"%s\" must be one of %s.", p->name, p->choices);
    error_set(ja, "「%s」は %s のいずれかにしてください。", p->name, p->choices);
    return false;
}

static bool read_boolean(struct str text, int64_t *number)
{
    *number = str_eq(text, STR("1")) || str_eq(text, STR("true"));
    return *number || str_eq(text, STR("0")) || str_eq(text, STR("false"));
}

static bool read_value(const struct parameter *p, struct str text, int64_t now_ns,
                       struct parameter_value *value, struct error *en, struct error *ja)
{
    value->is_given = true;
    value->text = text;
    switch (p->kind) {
    case PARAMETER_TEXT:
        if ((int64_t)text.n < p->min || (int64_t)text.n > p->max)
            return wrong_range(p, en, ja, "a text with a length in bytes", "バイトの文字列");
        return str_find_char(text, '\0', 0) == STR_NOT_FOUND ||
               wrong(p, en, ja, "must not hold NUL.", "にNUL文字は使えません。");
    case PARAMETER_INTEGER:
        if (!str_to_i64(text, &value->number) || value->number < p->min || value->number > p->max)
            return wrong_range(p, en, ja, "a whole number", "整数");
        return true;
    case PARAMETER_TIME:
        if (text.n == 0 || text.n > 64 || !time_parse_expression(text, now_ns, zone_utc(), &value->number))
            return wrong(p, en, ja, "must be a time such as 2025-11-10T00:00:00Z or now-7d.",
                         "は 2025-11-10T00:00:00Z や now-7d のような時刻にしてください。");
        return true;
    case PARAMETER_BOOLEAN:
        return read_boolean(text, &value->number) ||
               wrong(p, en, ja, "must be true or false.", "は true か false にしてください。");
    case PARAMETER_CHOICE:
        return choice_index(p->choices, text, &value->number) || wrong_choice(p, en, ja);
    }
    BUG("parameter kind");
}

static bool check_required(const struct parameter *table, const struct parameter_value *values,
                           struct error *en, struct error *ja)
{
    for (size_t i = 0; table[i].name; i++)
        if (table[i].required && !values[i].is_given)
            return wrong(&table[i], en, ja, "is missing.", "がありません。");
    return true;
}

static size_t find_parameter(const struct parameter *table, struct str name)
{
    for (size_t i = 0; table[i].name; i++)
        if (str_eq(name, str_c(table[i].name)))
            return i;
    return STR_NOT_FOUND;
}

bool parameters_from_query(const struct parameter *table, const struct target *target, int64_t now_ns,
                           struct parameter_value *values, struct error *en, struct error *ja)
{
    memset(values, 0, sizeof *values * PARAMETERS_MAX);
    for (size_t i = 0; i < target->query_count; i++) {
        size_t at = find_parameter(table, target->query[i].name);
        if (at == STR_NOT_FOUND)
            continue;
        if (values[at].is_given)
            return wrong(&table[at], en, ja, "is given twice.", "が二度指定されています。");
        if (!read_value(&table[at], target->query[i].value, now_ns, &values[at], en, ja))
            return false;
    }
    return check_required(table, values, en, ja);
}

/* A JSON number is not a text and a quoted number is not a number: clients learn of their mistake. */
static bool kind_fits(const struct parameter *p, const struct json_node *node, struct error *en,
                      struct error *ja)
{
    switch (p->kind) {
    case PARAMETER_INTEGER:
        return node->type == JSON_NODE_NUMBER ||
               wrong(p, en, ja, "must be a number.", "は数値にしてください。");
    case PARAMETER_BOOLEAN:
        return node->type == JSON_NODE_BOOL ||
               wrong(p, en, ja, "must be true or false.", "は true か false にしてください。");
    case PARAMETER_TEXT:
    case PARAMETER_TIME:
    case PARAMETER_CHOICE:
        return node->type == JSON_NODE_STRING ||
               wrong(p, en, ja, "must be a string.", "は文字列にしてください。");
    }
    BUG("parameter kind");
}

/* The tree reader recurses; a request has no reason to nest. */
static bool nests_too_deep(struct str body)
{
    int depth = 0;
    bool in_string = false;
    for (size_t i = 0; i < body.n; i++) {
        char c = body.p[i];
        if (in_string) {
            if (c == '\\')
                i++;
            else if (c == '"')
                in_string = false;
        } else if (c == '"') {
            in_string = true;
        } else if ((c == '{' || c == '[') && ++depth > BODY_DEPTH_MAX) {
            return true;
        } else if (c == '}' || c == ']') {
            depth--;
        }
    }
    return false;
}

static const struct json_node *parse_object(struct str body, struct arena *arena, struct error *en,
                                            struct error *ja)
{
    if (nests_too_deep(body)) {
        error_set(en, "The body nests deeper than %d levels.", BODY_DEPTH_MAX);
        error_set(ja, "本文の入れ子が%d段を超えています。", BODY_DEPTH_MAX);
        return NULL;
    }
    struct error why = {.text = ""};
    const struct json_node *object = json_parse(body, arena, &why);
    if (!object || object->type != JSON_NODE_OBJECT) {
        error_set(en, "The body must be one JSON object%s%s", object ? "." : ": ", object ? "" : why.text);
        error_set(ja, "本文はJSONオブジェクトでなければなりません。");
        return NULL;
    }
    return object;
}

bool parameters_from_json(const struct parameter *table, struct str body, struct arena *arena, int64_t now_ns,
                          struct parameter_value *values, struct error *en, struct error *ja)
{
    memset(values, 0, sizeof *values * PARAMETERS_MAX);
    const struct json_node *object = parse_object(body, arena, en, ja);
    if (!object)
        return false;
    for (const struct json_node *node = object->child; node; node = node->next) {
        size_t at = find_parameter(table, node->key);
        if (at == STR_NOT_FOUND || node->type == JSON_NODE_NULL)
            continue;
        if (values[at].is_given)
            return wrong(&table[at], en, ja, "is given twice.", "が二度指定されています。");
        if (!kind_fits(&table[at], node, en, ja) ||
            !read_value(&table[at], node->text, now_ns, &values[at], en, ja))
            return false;
    }
    return check_required(table, values, en, ja);
}
