/* Training and its effect, for the report "education": DATA/education.yml names departments and days, the
 * store counts cases, the inventory says how many people. */
#include "reporting/report_education.h"

#include <math.h>
#include <stdio.h>

#include "base/file.h"
#include "base/json.h"
#include "base/memory.h"
#include "base/yaml.h"
#include "instrument/statistics.h"
#include "search/search.h"

#define TRAININGS_MAX 100
#define DAYS_MAX      366
#define TAIL          0.025
#define NORMAL_95     1.959963984540054
#define DAY_NS        (86400 * NS_PER_SECOND)
#define CASES         "event.category:malware and hyakuyo.malware.name:*"

/* ----------------------------------------------------------------- arithmetic */

/* The p at which I_p(a, b) = wanted. */
static double beta_quantile(double a, double b, double wanted)
{
    double low = 0, high = 1;
    for (int i = 0; i < 100; i++) {
        double middle = (low + high) / 2;
        if (beta_lower(a, b, middle) < wanted)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

static const struct rate_ratio unknown_ratio = {NAN, NAN, NAN};

struct rate_ratio rate_ratio_exact(struct exposed before, struct exposed after)
{
    double x0 = before.cases, x1 = after.cases, times = before.exposure / after.exposure;
    if (!(before.exposure > 0) || !(after.exposure > 0) || x0 + x1 <= 0)
        return unknown_ratio;
    double low = x1 > 0 ? beta_quantile(x1, x0 + 1, TAIL) : 0;
    double high = x0 > 0 ? beta_quantile(x1 + 1, x0, 1 - TAIL) : 1;
    return (struct rate_ratio){.ratio = x0 > 0 ? x1 / x0 * times : INFINITY,
                               .low = low / (1 - low) * times,
                               .high = high < 1 ? high / (1 - high) * times : INFINITY};
}

struct rate_ratio rate_ratio_against(struct exposed before, struct exposed after,
                                     struct exposed others_before, struct exposed others_after)
{
    const struct exposed all[] = {before, after, others_before, others_after};
    double variance = 0;
    for (size_t i = 0; i < COUNT_OF(all); i++) {
        if (!(all[i].cases > 0) || !(all[i].exposure > 0))
            return unknown_ratio;
        variance += 1 / all[i].cases;
    }
    double ratio =
        after.cases / after.exposure / (before.cases / before.exposure) /
        (others_after.cases / others_after.exposure / (others_before.cases / others_before.exposure));
    double reach = exp(NORMAL_95 * sqrt(variance));
    return (struct rate_ratio){ratio, ratio / reach, ratio * reach};
}

const char *rate_ratio_conclusion(struct rate_ratio r)
{
    if (isnan(r.low) || isnan(r.high))
        return "unknown";
    return r.high < 1 ? "fewer" : r.low > 1 ? "more" : "no_conclusion";
}

/* --------------------------------------------------------------------- file */

struct training {
    struct str department, cases;
    int64_t day_ns; /* local midnight */
    int64_t days;
};

struct course {
    const struct report_world *world;
    const struct zone *zone;
    struct arena *arena;
    struct str path;
    struct training trainings[TRAININGS_MAX];
    uint32_t count;
};

static bool read_training(struct course *c, const struct yaml *node, struct error *err)
{
    struct training *t = &c->trainings[c->count++];
    struct time_context local = {.zone = c->zone};
    struct str day = yaml_text(node, "date"), cases = yaml_text(node, "cases");
    struct str midnight = arena_printf(c->arena, "%.*sT00:00:00", STR_ARGS(day));
    t->department = arena_str(c->arena, yaml_text(node, "department"));
    t->cases = cases.n ? arena_str(c->arena, cases) : STR(CASES);
    t->days = yaml_int(node, "days", 30);
    if (t->department.n == 0 || str_find_char(t->department, '"', 0) != STR_NOT_FOUND)
        return error_at(err, c->path.p, node->line, node->column, "%s",
                        tr("a training needs a department", "研修には department が必要です"));
    if (day.n != 10 || !time_parse_iso(midnight, &local, &t->day_ns))
        return error_at(err, c->path.p, node->line, node->column,
                        tr("'%.*s' is no day such as 2025-11-10",
                           "'%.*s' は 2025-11-10 のような日付ではありません"),
                        STR_ARGS(day));
    return (t->days >= 1 && t->days <= DAYS_MAX) ||
           error_at(err, c->path.p, node->line, node->column, "%s",
                    tr("days must be 1 to 366", "days は 1~366 です"));
}

static bool read_course(struct course *c, struct error *err)
{
    if (!file_exists(c->path.p))
        return error_set(err,
                         tr("nobody has entered trainings: there is no %s", "研修の記録がありません(%s)"),
                         c->path.p);
    struct yaml *top = yaml_load(c->path.p, c->arena, err);
    const struct yaml *list = top ? yaml_get(top, "trainings") : NULL;
    if (top != NULL && (list == NULL || list->count == 0 || list->count > TRAININGS_MAX))
        return error_at(err, c->path.p, top->line, 0, "%s",
                        tr("trainings must be a list of 1 to 100", "trainings は 1~100 個の一覧です"));
    for (const struct yaml *t = list ? list->child : NULL; t != NULL; t = t->next)
        if (!read_training(c, t, err))
            return false;
    return top != NULL;
}

/* ----------------------------------------------------------------- counting */

struct people {
    struct course *course;
    struct str department;
    int64_t trained, others; /* of that department; of those that nobody trained */
};

static bool is_trained(const struct course *c, struct str department)
{
    for (uint32_t i = 0; i < c->count; i++)
        if (str_eq_nocase(c->trainings[i].department, department))
            return true;
    return false;
}

static bool count_people(void *context, const struct str *names, const struct state_value *values,
                         uint32_t count)
{
    struct people *p = context;
    (void)names;
    (void)count;
    if (str_eq_nocase(values[0].text, p->department))
        p->trained += values[1].whole;
    else if (!is_trained(p->course, values[0].text))
        p->others += values[1].whole;
    return true;
}

/* Cases in a range; `whose` is a condition on the department. */
static bool count_cases(const struct course *c, const struct training *t, struct str whose, int64_t from_ns,
                        double *out, struct error *err)
{
    struct search_page page;
    struct query_error syntax;
    struct search search = {.expression = arena_printf(c->arena, "(%.*s) and %.*s | count",
                                                       STR_ARGS(t->cases), STR_ARGS(whose)),
                            .from_ns = from_ns,
                            .to_ns = from_ns + t->days * DAY_NS,
                            .now_ns = c->world->now_ns,
                            .zone = c->zone,
                            .limit = 1,
                            .before = STR_EMPTY};
    enum search_end end = search_run(c->world->store, &search, c->arena, &page, &syntax, err);
    if (end == SEARCH_BAD_EXPRESSION)
        error_set(err, tr("%s: cases of '%.*s', character %zu: %s", "%s: '%.*s' の cases、%zu 文字目: %s"),
                  c->path.p, STR_ARGS(t->department), syntax.position, tr(syntax.en, syntax.ja));
    const struct json_node *row = end == SEARCH_DONE ? json_parse(buf_str(&page.rows), c->arena, err) : NULL;
    buf_free(&page.rows);
    return row != NULL && row->child != NULL && str_to_double(row->child->text, out);
}

static struct str others_of(const struct course *c)
{
    struct buf list = {0};
    buf_c(&list, "hyakuyo.department:* and not hyakuyo.department:(");
    for (uint32_t i = 0; i < c->count; i++)
        buf_printf(&list, "%s\"%.*s\"", i ? " or " : "", STR_ARGS(c->trainings[i].department));
    buf_char(&list, ')');
    struct str text = arena_str(c->arena, buf_str(&list));
    buf_free(&list);
    return text;
}

/* Before and after; the day of the training is in neither. */
static bool measure(const struct course *c, const struct training *t, struct str whose, int64_t people,
                    struct exposed out[2], struct error *err)
{
    out[0].exposure = out[1].exposure = (double)(people * t->days);
    return count_cases(c, t, whose, t->day_ns - t->days * DAY_NS, &out[0].cases, err) &&
           count_cases(c, t, whose, t->day_ns + DAY_NS, &out[1].cases, err);
}

/* ------------------------------------------------------------------ writing */

static void put_real(struct json_writer *w, const char *key, double value)
{
    json_key(w, key);
    json_put_double(w, value);
}

static void put_ratio(struct json_writer *w, const char *const keys[4], struct rate_ratio r)
{
    put_real(w, keys[0], r.ratio);
    put_real(w, keys[1], r.low);
    put_real(w, keys[2], r.high);
    json_key(w, keys[3]);
    json_put_c(w, rate_ratio_conclusion(r));
}

static void put_training(struct json_writer *w, const struct training *t, int64_t people,
                         const struct exposed own[2], const struct exposed others[2], bool is_over)
{
    static const char *const plain[] = {"ratio", "ratio_low", "ratio_high", "conclusion"};
    static const char *const against[] = {"against", "against_low", "against_high", "against_conclusion"};
    struct rate_ratio exact = is_over ? rate_ratio_exact(own[0], own[1]) : unknown_ratio;
    struct rate_ratio versus =
        is_over ? rate_ratio_against(own[0], own[1], others[0], others[1]) : unknown_ratio;
    json_begin_object(w);
    json_key(w, "department");
    json_put_str(w, t->department);
    json_key(w, "day");
    json_put_time(w, t->day_ns);
    json_key(w, "days");
    json_put_i64(w, t->days);
    json_key(w, "people");
    json_put_i64(w, people);
    put_real(w, "before", own[0].cases);
    put_real(w, "after", is_over ? own[1].cases : NAN);
    put_ratio(w, plain, exact);
    put_ratio(w, against, versus);
    json_end_object(w);
}

static bool tell_training(struct course *c, const struct training *t, struct json_writer *w,
                          struct error *err)
{
    struct people people = {.course = c, .department = t->department};
    struct exposed own[2], others[2];
    struct str mine = arena_printf(c->arena, "hyakuyo.department:\"%.*s\"", STR_ARGS(t->department));
    bool is_over = t->day_ns + (t->days + 1) * DAY_NS <= c->world->now_ns;
    if (!state_reader_table(c->world->state, STR("people"), NULL, 0, NULL, count_people, &people, err) ||
        !measure(c, t, mine, people.trained, own, err) ||
        !measure(c, t, others_of(c), people.others, others, err))
        return false;
    put_training(w, t, people.trained, own, others, is_over);
    return true;
}

bool report_education(const struct report_world *world, const struct zone *zone, struct buf *json,
                      struct error *err)
{
    struct arena arena;
    struct json_writer w = {.out = json};
    arena_init(&arena, 64 << 10);
    struct course *c = ARENA_NEW(&arena, struct course);
    c->world = world;
    c->zone = zone;
    c->arena = &arena;
    c->path = arena_printf(&arena, "%s/education.yml", world->data_dir);
    bool ok = read_course(c, err);
    json_begin_object(&w);
    json_key(&w, "trainings");
    json_begin_array(&w);
    for (uint32_t i = 0; ok && i < c->count; i++)
        ok = tell_training(c, &c->trainings[i], &w, err);
    json_end_array(&w);
    json_end_object(&w);
    arena_free(&arena);
    return ok;
}
