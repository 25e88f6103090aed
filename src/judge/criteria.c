/* Reads content/judgement.yml (stage judge). Leaves an immutable struct criteria; score.c applies it. */
#include "judge/criteria.h"

#include "base/yaml.h"

static const char *const stage_names[STAGE_COUNT] = {
    [STAGE_UNKNOWN] = "unknown",
    [STAGE_EXPOSURE] = "exposure",
    [STAGE_STOPPED] = "stopped",
    [STAGE_EXECUTED] = "executed",
    [STAGE_C2_DENIED] = "c2_denied",
    [STAGE_C2_ALLOWED] = "c2_allowed",
    [STAGE_OUTWARD_ATTACK] = "outward_attack",
    [STAGE_SPREADING] = "spreading",
};

struct str stage_kind_name(enum stage_kind k)
{
    return str_c(stage_names[k]);
}

/* One file being read: where complaints point to. */
struct reader {
    const char *path;
    struct error *err;
};

static bool read_number(struct reader *r, const struct yaml *map, const char *key, double low, double high,
                        double *out)
{
    const struct yaml *node = yaml_get(map, key);
    if (node == NULL)
        return error_at(r->err, r->path, map ? map->line : 1, 0,
                        "'%s' is missing; add a number from %g to %g", key, low, high);
    if (node->type != YAML_SCALAR || !str_to_double(node->text, out) || !(*out >= low && *out <= high))
        return error_at(r->err, r->path, node->line, node->column, "'%s' must be a number from %g to %g", key,
                        low, high);
    return true;
}

static bool read_rank(struct reader *r, const struct yaml *map, const char *key, int *out)
{
    double number;
    if (!read_number(r, map, key, 1, 4, &number))
        return false;
    *out = (int)number;
    return true;
}

static bool read_confidence(struct reader *r, const struct yaml *map, struct criteria *c)
{
    if (!read_number(r, map, "prior", 1e-9, 0.5, &c->prior) ||
        !read_number(r, map, "correlation", 0, 1, &c->correlation) ||
        !read_number(r, map, "group_cap", 1, 100, &c->group_cap) ||
        !read_number(r, map, "decisive", 1, 1e12, &c->decisive))
        return false;
    const struct yaml *levels = yaml_get(map, "levels");
    if (levels == NULL || levels->type != YAML_LIST || levels->count != 3)
        return error_at(r->err, r->path, map->line, 0,
                        "'levels' must be a list of three rising numbers between 0 and 1");
    size_t i = 0;
    for (const struct yaml *at = levels->child; at != NULL; at = at->next, i++)
        if (!str_to_double(at->text, &c->confidence_levels[i]) || c->confidence_levels[i] <= 0 ||
            c->confidence_levels[i] >= 1 || (i > 0 && c->confidence_levels[i] <= c->confidence_levels[i - 1]))
            return error_at(r->err, r->path, at->line, at->column,
                            "'levels' must be three rising numbers between 0 and 1");
    const struct yaml *ratios = yaml_get(map, "likelihood_ratio_by_level");
    for (int level = 0; level <= LEVEL_CRITICAL; level++)
        if (!read_number(r, ratios, level_name((enum level)level).p, 1e-6, 1e9, &c->likelihood_ratio[level]))
            return false;
    return true;
}

static bool read_promotion(struct reader *r, const struct yaml *map, struct criteria *c)
{
    if (!read_number(r, map, "confidence", 0, 1, &c->promotion_confidence))
        return false;
    const struct yaml *level = yaml_get(map, "level");
    if (level == NULL || !level_parse(level->text, &c->promotion_level))
        return error_at(r->err, r->path, level ? level->line : map->line, 0,
                        "'level' must be informational, low, medium, high or critical");
    return true;
}

static bool read_criteria(struct reader *r, const struct yaml *top, struct criteria *c)
{
    double minutes, hosts;
    c->version = yaml_text(top, "version");
    if (c->version.n == 0)
        return error_at(r->err, r->path, top->line, 0, "'version' is missing; every judgement names it");
    if (!read_number(r, top, "window_minutes", 1, 60 * 24 * 365, &minutes) ||
        !read_confidence(r, yaml_get(top, "confidence"), c) ||
        !read_promotion(r, yaml_get(top, "promotion"), c) ||
        !read_rank(r, yaml_get(top, "importance"), "unregistered", &c->unregistered_importance))
        return false;
    c->window_ns = (int64_t)(minutes * 60) * NS_PER_SECOND;
    const struct yaml *urgency = yaml_get(top, "urgency");
    for (int k = 0; k < STAGE_COUNT; k++)
        if (!read_rank(r, urgency, stage_names[k], &c->urgency[k]))
            return false;
    if (!read_number(r, urgency, "hosts_within_hour", 2, 1e6, &hosts))
        return false;
    c->hosts_within_hour = (int)hosts;
    return true;
}

struct criteria *criteria_load(const char *path, struct error *err)
{
    struct criteria *c = NEW(struct criteria);
    arena_init(&c->arena, 16 << 10);
    struct reader r = {path, err};
    struct yaml *top = yaml_load(path, &c->arena, err);
    if (top == NULL || !read_criteria(&r, top, c)) {
        criteria_free(c);
        return NULL;
    }
    return c;
}

void criteria_free(struct criteria *c)
{
    if (c == NULL)
        return;
    arena_free(&c->arena);
    memory_free(c);
}
