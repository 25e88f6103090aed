/* Reads content/risk.yml. services_residual.c and services_worklist.c use it. */
#include "risk/risk_content.h"

#include "base/log.h"
#include "base/yaml.h"

static const struct {
    const char *name;
    double low, high;
} parameters[RISK_PARAMETERS] = {
    [PARAMETER_OPEN] = {"p_open", 1e-6, 1},
    [PARAMETER_INFECT] = {"p_infect", 1e-6, 1},
    [PARAMETER_EFFICACY] = {"efficacy", 0, 0.99},    /* S77: it can be evaded */
    [PARAMETER_ZERO_DAY] = {"zero_day", 1e-6, 1000}, /* S74: never 0 */
};

static const char *const measures[RISK_MEASURES] = {
    [MEASURE_MALWARE_BY_PERSON] = "malware_by_person",
    [MEASURE_MALWARE_BY_DEPARTMENT] = "malware_by_department",
    [MEASURE_MALWARE] = "malware",
    [MEASURE_REALTIME] = "realtime",
    [MEASURE_LATER] = "later",
    [MEASURE_MAIL_BY_PERSON] = "mail_by_person",
    [MEASURE_DRILL_CLICKS] = "drill_clicks",
    [MEASURE_OPENED_REPORTS] = "opened_reports",
    [MEASURE_MAIL_VOLUME] = "mail_volume",
    [MEASURE_MAIL_ALIVE] = "mail_alive",
    [MEASURE_WEB_BY_PERSON] = "web_by_person",
    [MEASURE_WEB_ALIVE] = "web_alive",
    [MEASURE_ATTACKS] = "attacks",
    [MEASURE_NAMES] = "names",
};

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
                        tr("'%s' is missing; add a number from %g to %g",
                           "「%s」がありません。%g から %g までの数値を書いてください"),
                        key, low, high);
    if (node->type != YAML_SCALAR || !str_to_double(node->text, out) || !(*out >= low && *out <= high))
        return error_at(r->err, r->path, node->line, node->column,
                        tr("'%s' must be a number from %g to %g",
                           "「%s」は %g から %g までの数値にしてください"),
                        key, low, high);
    return true;
}

static bool read_parameters(struct reader *r, const struct yaml *map, struct risk_content *c)
{
    for (size_t i = 0; i < RISK_PARAMETERS; i++) {
        const struct yaml *p = yaml_get(map, parameters[i].name);
        struct risk_parameter_value *out = &c->parameters[i];
        if (p == NULL)
            return error_at(r->err, r->path, map ? map->line : 1, 0,
                            tr("the parameter '%s' is missing", "パラメータ「%s」がありません"),
                            parameters[i].name);
        if (!read_number(r, p, "value", parameters[i].low, parameters[i].high, &out->value))
            return false;
        out->name = parameters[i].name;
        out->owner = yaml_text(p, "owner");
        out->text_en = yaml_text(p, "en");
        out->text_ja = yaml_text(p, "ja");
    }
    return true;
}

static bool read_measures(struct reader *r, const struct yaml *map, struct risk_content *c)
{
    for (size_t i = 0; i < RISK_MEASURES; i++) {
        const struct yaml *m = yaml_get(map, measures[i]);
        c->measures[i].name = measures[i];
        c->measures[i].key = yaml_text(m, "key");
        c->measures[i].expression = yaml_text(m, "expression");
        if (c->measures[i].expression.n == 0)
            return error_at(r->err, r->path,
                            m     ? m->line
                            : map ? map->line
                                  : 1,
                            0,
                            tr("the measure '%s' needs an 'expression' that gives a column n",
                               "測定「%s」には列 n を返す「expression」が必要です"),
                            measures[i]);
    }
    return true;
}

static bool read_checks(struct reader *r, const struct yaml *list, struct risk_content *c)
{
    const struct yaml *checks = yaml_get(list, "checklist");
    size_t count = checks ? checks->count : 0;
    c->checks = ARENA_ARRAY(&c->arena, struct risk_check, count + 1);
    for (const struct yaml *one = count ? checks->child : NULL; one != NULL; one = one->next) {
        struct risk_check *check = &c->checks[c->check_count++];
        *check = (struct risk_check){yaml_text(one, "en"), yaml_text(one, "ja")};
        if (check->en.n == 0 || check->ja.n == 0)
            return error_at(r->err, r->path, one->line, one->column, "%s",
                            tr("an item of 'checklist' needs a text in en and in ja",
                               "「checklist」の項目には en と ja の文が必要です"));
    }
    return c->check_count > 0 ||
           error_at(r->err, r->path, list ? list->line : 1, 0, "%s",
                    tr("'checklist' of 'worklist' must be a list with at least one item",
                       "「worklist」の「checklist」には1項目以上が必要です"));
}

static bool read(struct reader *r, const struct yaml *top, struct risk_content *c)
{
    const struct yaml *heavy = yaml_get(top, "heavy_mail"), *premise = yaml_get(top, "premise"),
                      *list = yaml_get(top, "worklist");
    c->version = yaml_text(top, "version");
    return read_number(r, top, "window_days", 1, 366, &c->window_days) &&
           read_number(r, top, "training_days", 7, 366, &c->training_days) &&
           read_parameters(r, yaml_get(top, "parameters"), c) &&
           read_measures(r, yaml_get(top, "measures"), c) &&
           read_number(r, heavy, "times", 1, 100, &c->heavy_times) &&
           read_number(r, heavy, "probability", 0.5, 0.999, &c->heavy_probability) &&
           read_number(r, premise, "red_percent", 0, 100, &c->red_percent) &&
           read_number(r, premise, "days", 0, 366, &c->red_days) && read_checks(r, list, c) &&
           read_number(r, list, "checks", 1, 20, &c->worklist_checks) &&
           read_number(r, list, "items", 1, 1000, &c->worklist_items) &&
           read_number(r, list, "benign_share", 0.5, 1, &c->benign_share) &&
           read_number(r, list, "benign_items", 1, 1e6, &c->benign_items);
}

struct risk_content *risk_content_load(const char *path, struct error *err)
{
    struct risk_content *c = NEW(struct risk_content);
    struct reader r = {path, err};
    arena_init(&c->arena, 16 << 10);
    struct yaml *top = yaml_load(path, &c->arena, err);
    if (top != NULL && read(&r, top, c))
        return c;
    risk_content_free(c);
    return NULL;
}

void risk_content_free(struct risk_content *c)
{
    if (c == NULL)
        return;
    arena_free(&c->arena);
    memory_free(c);
}
