/* Reads content/judgement.yml (stage judge). Leaves an immutable struct criteria; score.c applies it. */
#include "judge/criteria.h"

#include "base/yaml.h"

static const char *const stage_names[STAGE_COUNT] = {
    [STAGE_UNKNOWN] = "unknown",         [STAGE_EXPOSURE] = "exposure",
    [STAGE_STOPPED] = "stopped",         [STAGE_EXECUTED] = "executed",
    [STAGE_C2_DENIED] = "c2_denied",     [STAGE_C2_ALLOWED] = "c2_allowed",
    [STAGE_MAIL_DENIED] = "mail_denied", [STAGE_OUTWARD_ATTACK] = "outward_attack",
    [STAGE_SPREADING] = "spreading",     [STAGE_HARM] = "harm",
};

struct str stage_kind_name(enum stage_kind k)
{
    return str_c(stage_names[k]);
}

static const char *const modifier_names[MODIFIER_COUNT] = {
    [MODIFIER_ONGOING_AND_SPREADING] = "ongoing_and_spreading",
    [MODIFIER_ORANGE_OF_SAME_CLASS] = "orange_of_same_class",
    [MODIFIER_ISOLATED] = "isolated",
};

const char *urgency_modifier_name(enum urgency_modifier m)
{
    return modifier_names[m];
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

/* What is thought of a host beforehand: by posture, and near a sensor that was hit. */
static bool read_priors(struct reader *r, const struct yaml *map, struct criteria *c)
{
    static const char *const postures[] = {"green", "yellow", "orange", "red"};
    const struct yaml *by_posture = yaml_get(map, "prior"), *sensor = yaml_get(map, "sensor");
    double hours;
    for (size_t i = 0; i < COUNT_OF(postures); i++)
        if (!read_number(r, by_posture, postures[i], 1e-9, 0.5, &c->prior_by_posture[i]))
            return false;
    c->prior = c->prior_by_posture[0];
    if (!read_number(r, map, "prior_cap", 1e-9, 0.5, &c->prior_cap) ||
        !read_number(r, yaml_get(map, "focus"), "factor", 1, 100, &c->focus_factor) ||
        !read_number(r, yaml_get(map, "unpatched"), "factor", 1, 100, &c->unpatched_factor) ||
        !read_number(r, yaml_get(map, "control"), "factor", 1, 100, &c->control_factor) ||
        !read_number(r, sensor, "factor", 1, 100, &c->sensor_factor) ||
        !read_number(r, sensor, "hours", 0.1, 1000, &hours))
        return false;
    c->sensor_ns = (int64_t)(hours * 3600) * NS_PER_SECOND;
    return level_parse(yaml_text(sensor, "level"), &c->sensor_level) ||
           error_at(r->err, r->path, sensor->line, 0,
                    "'level' of 'sensor' must be informational, low, medium, high or critical");
}

static bool read_confidence(struct reader *r, const struct yaml *map, struct criteria *c)
{
    if (!read_priors(r, map, c) || !read_number(r, map, "correlation", 0, 1, &c->correlation) ||
        !read_number(r, map, "group_cap", 1, 100, &c->group_cap) ||
        !read_number(r, map, "decisive", 1, 1e12, &c->decisive) ||
        !read_number(r, map, "hysteresis", 0, 0.2, &c->hysteresis))
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

static bool read_urgency(struct reader *r, const struct yaml *map, struct criteria *c)
{
    const struct yaml *modifiers = yaml_get(map, "modifiers");
    double minutes, hosts, step;
    for (int k = 0; k < STAGE_COUNT; k++)
        if (!read_rank(r, map, stage_names[k], &c->urgency[k]))
            return false;
    for (int m = 0; m < MODIFIER_COUNT; m++) {
        if (!read_number(r, modifiers, modifier_names[m], -3, 3, &step))
            return false;
        c->modifier[m] = (int)step;
    }
    if (!read_number(r, map, "ongoing_minutes", 1, 1440, &minutes) ||
        !read_number(r, map, "hosts_within_hour", 2, 1e6, &hosts))
        return false;
    c->ongoing_ns = (int64_t)(minutes * 60) * NS_PER_SECOND;
    c->hosts_within_hour = (int)hosts;
    return true;
}

static bool read_weights(struct reader *r, const struct yaml *map, struct risk_criteria *risk)
{
    const struct yaml *weights = yaml_get(map, "weight_by_importance");
    int rank = 0;
    if (weights == NULL || weights->type != YAML_LIST || weights->count != 4)
        return error_at(r->err, r->path, map ? map->line : 1, 0,
                        "'weight_by_importance' must be a list of four numbers from 0.01 to 100");
    for (const struct yaml *at = weights->child; at != NULL; at = at->next) {
        double *weight = &risk->weight[++rank];
        if (!str_to_double(at->text, weight) || !(*weight >= 0.01 && *weight <= 100))
            return error_at(r->err, r->path, at->line, at->column,
                            "'weight_by_importance' must be a list of four numbers from 0.01 to 100");
    }
    risk->weight[0] = risk->weight[2];
    return true;
}

static bool read_risk(struct reader *r, const struct yaml *map, struct risk_criteria *risk)
{
    const struct yaml *scores = yaml_get(map, "score_by_level");
    double systems, half_life, watched;
    for (int level = 0; level <= LEVEL_CRITICAL; level++)
        if (!read_number(r, scores, level_name((enum level)level).p, 0, 100, &risk->score[level]))
            return false;
    if (!read_number(r, map, "source_cap", 1, 100, &risk->source_cap) ||
        !read_number(r, map, "promotion", 1, 1e6, &risk->promotion) ||
        !read_number(r, map, "systems", 1, 1000, &systems) ||
        !read_number(r, map, "half_life_days", 0.1, 365, &half_life) ||
        !read_number(r, map, "watched_half_life_days", 0.1, 365, &watched) || !read_weights(r, map, risk))
        return false;
    risk->systems = (int)systems;
    risk->half_life_ns = (int64_t)(half_life * 86400) * NS_PER_SECOND;
    risk->watched_half_life_ns = (int64_t)(watched * 86400) * NS_PER_SECOND;
    return true;
}

static bool read_criteria(struct reader *r, const struct yaml *top, struct criteria *c)
{
    double minutes = 0;
    c->version = yaml_text(top, "version");
    if (c->version.n == 0)
        return error_at(r->err, r->path, top->line, 0, "'version' is missing; every judgement names it");
    if (!read_number(r, top, "window_minutes", 1, 60 * 24 * 365, &minutes) ||
        !read_confidence(r, yaml_get(top, "confidence"), c) ||
        !read_promotion(r, yaml_get(top, "promotion"), c) ||
        !read_rank(r, yaml_get(top, "importance"), "unregistered", &c->unregistered_importance))
        return false;
    c->window_ns = (int64_t)(minutes * 60) * NS_PER_SECOND;
    return read_urgency(r, yaml_get(top, "urgency"), c) && read_risk(r, yaml_get(top, "risk"), &c->risk);
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
