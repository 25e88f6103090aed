/* Quiet times of the simulated office (stage simulate): presence.yml → share of people at work. Next:
 * presence.c. */
#include "simulate/quiet.h"

#include "base/log.h"
#include "base/yaml.h"

struct quiet_rule {
    unsigned from, to; /* month * 100 + day; may run over the year's end */
    double presence;
};

struct quiet {
    struct arena arena;
    struct quiet_rule *rules;
    size_t count;
    double weekend_presence, holiday_presence;
};

static bool month_and_day(struct str text, unsigned *out)
{
    uint64_t month, day;
    if (text.n != 5 || text.p[2] != '-' || !str_to_u64(str_slice(text, 0, 2), 10, &month) ||
        !str_to_u64(str_skip(text, 3), 10, &day) || month < 1 || month > 12 || day < 1 || day > 31)
        return false;
    *out = (unsigned)(month * 100 + day);
    return true;
}

static bool read_rule(const char *path, const struct yaml *node, struct quiet_rule *rule, struct error *err)
{
    return (month_and_day(yaml_text(node, "from"), &rule->from) &&
            month_and_day(yaml_text(node, "to"), &rule->to) &&
            str_to_double(yaml_text(node, "presence"), &rule->presence)) ||
           error_at(err, path, node->line, node->column, "%s",
                    tr("a quiet time needs from: MM-DD, to: MM-DD and presence: 0 to 1",
                       "静かな期間には from: MM-DD、to: MM-DD、presence: 0〜1 が必要です"));
}

static double share_of(const struct yaml *map, const char *key)
{
    double value;
    return str_to_double(yaml_text(map, key), &value) ? value : 0;
}

static bool read_quiet(struct quiet *q, const char *path, struct error *err)
{
    struct yaml *top = yaml_load(path, &q->arena, err);
    if (top == NULL)
        return false;
    const struct yaml *list = yaml_get(top, "quiet");
    q->weekend_presence = share_of(top, "weekend_presence");
    q->holiday_presence = share_of(top, "holiday_presence");
    q->rules = ARENA_ARRAY(&q->arena, struct quiet_rule, (list ? list->count : 0) + 1);
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next)
        if (!read_rule(path, n, &q->rules[q->count++], err))
            return false;
    return true;
}

struct quiet *quiet_load(const char *path, struct error *err)
{
    struct quiet *q = NEW(struct quiet);
    arena_init(&q->arena, 4 << 10);
    if (read_quiet(q, path, err))
        return q;
    quiet_free(q);
    return NULL;
}

void quiet_free(struct quiet *q)
{
    if (q == NULL)
        return;
    arena_free(&q->arena);
    memory_free(q);
}

double quiet_presence(const struct quiet *q, const struct calendar *c, int64_t day)
{
    int64_t year;
    unsigned month, d;
    days_to_civil(day, &year, &month, &d);
    unsigned at = month * 100 + d;
    double presence = 1;
    if (calendar_weekday(day) >= 5)
        presence = q->weekend_presence;
    else if (calendar_holiday(c, day).n)
        presence = q->holiday_presence;
    for (size_t i = 0; i < q->count; i++) {
        const struct quiet_rule *r = &q->rules[i];
        bool is_inside = r->from <= r->to ? at >= r->from && at <= r->to : at >= r->from || at <= r->to;
        if (is_inside && r->presence < presence)
            presence = r->presence;
    }
    return presence;
}
