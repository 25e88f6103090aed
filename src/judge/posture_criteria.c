/* Reads content/posture.yml (stage judge) into an immutable struct posture_criteria; posture.c applies it. */
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "judge/posture.h"

struct reader {
    const char *path;
    struct error *err;
    struct posture_criteria *criteria;
};

static bool complain(const struct reader *r, const struct yaml *at, const char *what)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 1, "%s", what);
}

static bool read_number(const struct reader *r, const struct yaml *map, const char *key, double low,
                        double high, double *out)
{
    const struct yaml *node = yaml_get(map, key);
    if (node != NULL && node->type == YAML_SCALAR && str_to_double(node->text, out) && *out >= low &&
        *out <= high)
        return true;
    return error_at(r->err, r->path,
                    node  ? node->line
                    : map ? map->line
                          : 1,
                    0, tr("'%s' must be a number from %g to %g", "'%s' は %g から %g の数にしてください"),
                    key, low, high);
}

static bool read_hours(const struct reader *r, const struct yaml *map, const char *key, int64_t *out)
{
    double hours = 0;
    if (!read_number(r, map, key, 0.01, 24 * 366, &hours))
        return false;
    *out = (int64_t)(hours * 3600) * NS_PER_SECOND;
    return true;
}

static bool read_texts(const struct reader *r, const struct yaml *at, struct str *en, struct str *ja)
{
    *en = yaml_text(at, "en");
    *ja = yaml_text(at, "ja");
    return (en->n && ja->n) || complain(r, at,
                                        tr("this needs a text in English (en) and one in Japanese (ja)",
                                           "英語(en)と日本語(ja)の文が必要です"));
}

static bool read_level(const struct reader *r, const struct yaml *levels, enum posture_level level)
{
    struct posture_criteria *c = r->criteria;
    const struct yaml *node = yaml_get(levels, posture_level_name(level).p),
                      *duties = yaml_get(node, "duties");
    if (node == NULL || duties == NULL || duties->type != YAML_LIST)
        return complain(
            r, node ? node : levels,
            tr("'levels' must hold green, yellow, orange and red, each with title and duties",
               "'levels' には green、yellow、orange、red があり、それぞれ title と duties が必要です"));
    if (!read_texts(r, yaml_get(node, "title"), &c->titles_en[level], &c->titles_ja[level]))
        return false;
    c->duties[level] = ARENA_ARRAY(&c->arena, struct posture_duty, duties->count + 1);
    for (const struct yaml *at = duties->child; at != NULL; at = at->next) {
        struct posture_duty *duty = &c->duties[level][c->duty_counts[level]++];
        if (!read_texts(r, at, &duty->en, &duty->ja))
            return false;
    }
    return true;
}

static bool read_rule(const struct reader *r, const struct yaml *node, struct posture_rule *rule)
{
    const struct yaml *ids = yaml_get(node, "findings");
    double minutes = 0, sources = 1;
    if (!posture_level_parse(yaml_text(node, "to"), &rule->to) ||
        (rule->to != POSTURE_YELLOW && rule->to != POSTURE_ORANGE))
        return complain(r, node,
                        tr("'to' must be yellow or orange: Red is declared by people",
                           "'to' は yellow か orange です。Red は人が宣言します"));
    if (ids == NULL || ids->type != YAML_LIST || ids->count == 0)
        return complain(r, node,
                        tr("'findings' must list ids of findings",
                           "'findings' には検知の id を並べてください"));
    rule->findings = ARENA_ARRAY(&r->criteria->arena, struct str, ids->count);
    for (const struct yaml *at = ids->child; at != NULL; at = at->next)
        rule->findings[rule->finding_count++] = at->text;
    rule->keys = yaml_text(node, "keys");
    rule->same = yaml_text(node, "same");
    rule->text = yaml_text(node, "text");
    if (yaml_get(node, "sources") != NULL && (!read_number(r, node, "sources", 1, 16, &sources) ||
                                              !read_number(r, node, "within_minutes", 1, 60 * 24, &minutes)))
        return false;
    rule->sources = (uint32_t)sources;
    rule->within_ns = (int64_t)(minutes * 60) * NS_PER_SECOND;
    return true;
}

static bool read_criteria(const struct reader *r, const struct yaml *top)
{
    struct posture_criteria *c = r->criteria;
    const struct yaml *levels = yaml_get(top, "levels"), *raise = yaml_get(top, "raise"),
                      *lower = yaml_get(top, "lower");
    c->version = yaml_text(top, "version");
    if (c->version.n == 0)
        return complain(r, top,
                        tr("'version' is missing; every decision names it",
                           "'version' がありません。判定ごとに記録されます"));
    for (int level = 0; level < POSTURE_LEVELS; level++)
        if (!read_level(r, levels, (enum posture_level)level))
            return false;
    if (raise == NULL || raise->type != YAML_LIST)
        return complain(r, top, tr("'raise' must be a list", "'raise' は列にしてください"));
    c->rules = ARENA_ARRAY(&c->arena, struct posture_rule, raise->count + 1);
    for (const struct yaml *at = raise->child; at != NULL; at = at->next)
        if (!read_rule(r, at, &c->rules[c->rule_count++]))
            return false;
    return read_hours(r, lower, "yellow_quiet_hours", &c->yellow_quiet_ns) &&
           read_hours(r, lower, "orange_quiet_hours", &c->orange_quiet_ns) &&
           read_hours(r, top, "notice_lasts_hours", &c->notice_lasts_ns) &&
           read_hours(r, top, "override_longest_hours", &c->override_longest_ns);
}

struct posture_criteria *posture_criteria_load(const char *path, struct error *err)
{
    struct posture_criteria *c = NEW(struct posture_criteria);
    arena_init(&c->arena, 16 << 10);
    struct reader r = {path, err, c};
    struct yaml *top = yaml_load(path, &c->arena, err);
    if (top == NULL || !read_criteria(&r, top)) {
        posture_criteria_free(c);
        return NULL;
    }
    return c;
}

void posture_criteria_free(struct posture_criteria *c)
{
    if (c == NULL)
        return;
    arena_free(&c->arena);
    memory_free(c);
}
