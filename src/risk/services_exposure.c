/* Exposure to unknown malware by person and department with what would lower it most (S39), and the effect of
 * training (S26). Next: services_worklist.c. */
#include <math.h>
#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"
#include "risk/services_risk.h"

#define FALLBACK_RATE 4 /* months, spec 2.3 */

/* ----------------------------------------------------------------- exposure */

struct exposed {
    struct str name, department;
    double count, exposure;
    struct estimate rate, launch, risk;
    bool has_launch;
    struct {
        const char *lever;
        double would_be;
    } levers[3];
};

static int by_risk(const void *left, const void *right)
{
    const struct exposed *a = left, *b = right;
    if (a->risk.value > b->risk.value || a->risk.value < b->risk.value)
        return a->risk.value > b->risk.value ? -1 : 1;
    return str_compare(a->name, b->name);
}

static void fill_levers(struct exposed *e, const struct measuring *m, const struct gamma_prior *prior,
                        struct estimate missed)
{
    double rest = 1 - e->launch.value;
    double usual = fmin(prior->mean, e->rate.value);
    double everywhere = 1 - fmax(e->launch.value, m->content->parameters[PARAMETER_EFFICACY].value);
    e->levers[0].lever = "detections_like_everyone";
    e->levers[0].would_be = usual * missed.value * rest;
    e->levers[1].lever = "misses_at_their_lower_end";
    e->levers[1].would_be = e->rate.value * missed.low * rest;
    e->levers[2].lever = "launch_control_everywhere";
    e->levers[2].would_be = e->rate.value * missed.value * everywhere;
}

static void calculate(struct measuring *m, struct exposed *rows, uint32_t count, struct estimate missed)
{
    struct exposure_count *counts = ARENA_ARRAY(m->answer->arena, struct exposure_count, count + 1);
    for (uint32_t i = 0; i < count; i++)
        counts[i] = (struct exposure_count){rows[i].count, rows[i].exposure};
    struct gamma_prior prior = gamma_prior_fit(counts, count, FALLBACK_RATE);
    for (uint32_t i = 0; i < count; i++) {
        struct exposed *e = &rows[i];
        e->rate = estimate_gamma(prior.shape + e->count, prior.rate + e->exposure);
        e->risk = risk_unknown(e->rate, missed, e->launch);
        fill_levers(e, m, &prior, missed);
    }
    if (count)
        qsort(rows, count, sizeof *rows, by_risk);
}

static void write_levers(const struct exposed *e, struct json_writer *w)
{
    size_t best = 0;
    json_key(w, "would_be");
    json_begin_array(w);
    for (size_t i = 0; i < COUNT_OF(e->levers); i++) {
        json_begin_object(w);
        json_key(w, "lever");
        json_put_c(w, e->levers[i].lever);
        json_key(w, "a_month");
        json_put_double(w, e->levers[i].would_be);
        json_end_object(w);
        if (e->levers[i].would_be < e->levers[best].would_be)
            best = i;
    }
    json_end_array(w);
    json_key(w, "lowers_most");
    json_put_c(w, e->levers[best].lever);
}

static void write_exposed(const struct exposed *e, bool is_known, struct json_writer *w)
{
    struct estimate per = {e->risk.value * 1000 / MONTH_DAYS, e->risk.low * 1000 / MONTH_DAYS,
                           e->risk.high * 1000 / MONTH_DAYS};
    json_begin_object(w);
    risk_put(w, "name", e->name);
    risk_put(w, "department", e->department);
    json_key(w, "detections");
    json_put_double(w, e->count);
    json_key(w, "months");
    json_put_double(w, e->exposure);
    residual_write_estimate(w, "rate_a_month", e->rate);
    if (e->has_launch) {
        residual_write_estimate(w, "launch_control", e->launch);
    } else {
        json_key(w, "launch_control");
        json_put_null(w);
    }
    json_key(w, "known");
    json_put_bool(w, is_known && e->has_launch);
    if (is_known && e->has_launch) {
        residual_write_estimate(w, "risk_per_1000_days", per);
        write_levers(e, w);
    } else {
        json_key(w, "risk_per_1000_days");
        json_put_null(w);
    }
    json_end_object(w);
}

/* Launch control of each department, asked once each. */
static void fill_launch(struct risk_answer *a, struct exposed *rows, uint32_t count)
{
    struct map known = {0};
    struct exposed *first = rows;
    for (uint32_t i = 0; i < count; i++) {
        struct exposed *e = &rows[i];
        bool is_new;
        struct fleet_figures f;
        uintptr_t *at = map_put(&known, e->department, &is_new);
        if (!is_new) {
            e->launch = first[*at].launch;
            e->has_launch = first[*at].has_launch;
            continue;
        }
        *at = i;
        e->has_launch = measuring_figures(a->server, e->department, &f) && f.launch_told > 0 && f.hosts > 0;
        e->launch =
            e->has_launch ? estimate_share((double)f.launch, (double)f.hosts) : (struct estimate){0.5, 0, 1};
    }
    map_free(&known);
}

/* Everybody of the inventory, and those who are in none but were found. */
static struct exposed *list_people(struct measuring *m, const struct asset_set *assets,
                                   const struct measured *found, uint32_t *count)
{
    struct arena *arena = m->answer->arena;
    uint32_t users = assets ? assets->counts[ASSET_USERS] : 0,
             rows = m->inputs.rows[MEASURE_MALWARE_BY_PERSON];
    struct exposed *out = ARENA_ARRAY(arena, struct exposed, users + rows + 1);
    struct map by_name = {0};
    double months = m->content->window_days / MONTH_DAYS;
    for (uint32_t i = 0; i < users + rows; i++) {
        bool is_new, is_user = i < users;
        struct str name = is_user ? assets->users[i].user : found[i - users].key;
        uintptr_t *at = map_put(&by_name, arena_lower(arena, name), &is_new);
        if (is_new) {
            *at = *count;
            out[(*count)++] =
                (struct exposed){.name = arena_str(arena, name),
                                 .department =
                                     is_user ? arena_str(arena, assets->users[i].department) : STR_EMPTY,
                                 .exposure = months};
        }
        if (!is_user)
            out[*at].count += found[i - users].n;
    }
    map_free(&by_name);
    m->inputs.people = users;
    return out;
}

static struct exposed *list_departments(struct measuring *m, const struct measured *found, uint32_t *count)
{
    uint32_t rows = m->inputs.rows[MEASURE_MALWARE_BY_DEPARTMENT];
    struct exposed *out = ARENA_ARRAY(m->answer->arena, struct exposed, rows + 1);
    for (uint32_t i = 0; i < rows; i++) {
        struct fleet_figures f;
        bool has_fleet = measuring_figures(m->answer->server, found[i].key, &f);
        out[(*count)++] = (struct exposed){.name = found[i].key,
                                           .department = found[i].key,
                                           .count = found[i].n,
                                           .exposure = m->content->window_days / MONTH_DAYS *
                                                       (has_fleet && f.hosts ? (double)f.hosts : 1)};
    }
    return out;
}

static bool list_exposed(struct measuring *m, bool is_person, struct exposed **rows, uint32_t *count)
{
    enum risk_measure which = is_person ? MEASURE_MALWARE_BY_PERSON : MEASURE_MALWARE_BY_DEPARTMENT;
    struct measured *found, *unused;
    if (!measuring_take_window(m, which, &found) || !measuring_take_window(m, MEASURE_REALTIME, &unused) ||
        !measuring_take_window(m, MEASURE_LATER, &unused))
        return false;
    struct context *c = engine_context(m->answer->server->engine);
    *rows = is_person ? list_people(m, c ? context_assets(c) : NULL, found, count)
                      : list_departments(m, found, count);
    context_unref(c);
    return true;
}

static void write_exposure(struct measuring *m, struct exposed *rows, uint32_t count, bool is_person)
{
    struct risk_answer *a = m->answer;
    bool has_missed;
    struct estimate missed = residual_missed(&m->inputs, &has_missed);
    fill_launch(a, rows, count);
    calculate(m, rows, count, missed);
    risk_put(a->w, "by", is_person ? STR("person") : STR("department"));
    risk_put(a->w, "reference", STR("S39"));
    json_key(a->w, "total");
    json_put_u64(a->w, count);
    json_key(a->w, "population_known"); /* of those that nothing was found on nobody is counted otherwise */
    json_put_bool(a->w, is_person ? m->inputs.people > 0 : m->inputs.has_fleet);
    if (has_missed) {
        residual_write_estimate(a->w, "missed", missed);
    } else {
        json_key(a->w, "missed");
        json_put_null(a->w);
    }
    json_key(a->w, "rows");
    json_begin_array(a->w);
    for (uint32_t i = 0; i < count && i < a->request->limit; i++)
        write_exposed(&rows[i], has_missed, a->w);
    json_end_array(a->w);
}

bool risk_exposure(struct risk_answer *a)
{
    struct measuring m;
    struct exposed *rows;
    uint32_t count = 0;
    bool is_person = str_eq(a->request->kind, STR("person"));
    bool ok = measuring_begin(&m, a) && list_exposed(&m, is_person, &rows, &count);
    if (ok)
        write_exposure(&m, rows, count, is_person);
    risk_content_free(m.content);
    return ok;
}

/* ----------------------------------------------------------------- training */

/* Detections of a department and of all others in a span. */
static bool count_span(struct measuring *m, struct str department, int64_t from_ns, int64_t to_ns,
                       double *own, double *others)
{
    struct measured *rows;
    *own = *others = 0;
    if (!measuring_take(m, MEASURE_MALWARE_BY_DEPARTMENT, from_ns, to_ns, &rows))
        return false;
    for (uint32_t i = 0; i < m->inputs.rows[MEASURE_MALWARE_BY_DEPARTMENT]; i++)
        *(str_eq(rows[i].key, department) ? own : others) += rows[i].n;
    return true;
}

static void write_effect(struct json_writer *w, const char *key, const struct effect *e)
{
    json_key(w, key);
    json_begin_object(w);
    json_key(w, "ratio");
    json_put_double(w, e->ratio);
    json_key(w, "low");
    json_put_double(w, e->low);
    json_key(w, "high");
    json_put_double(w, e->high);
    json_key(w, "conclusion");
    json_put_c(w, !e->is_conclusive ? "none" : e->high < 1 ? "lower" : "higher");
    json_end_object(w);
}

static bool write_training(struct measuring *m, const struct register_entry *e)
{
    struct risk_answer *a = m->answer;
    struct error err;
    struct time_context context = {0};
    const struct json_node *details = json_parse(e->details, a->arena, &err);
    int64_t held_ns, span_ns = (int64_t)(m->content->training_days * (double)DAY_NS);
    double people = 0, before, after, others_before, others_after;
    if (details == NULL || !time_parse_iso(json_text(details, "held"), &context, &held_ns) ||
        !str_to_double(json_text(details, "people"), &people) || people < 1)
        return true;
    int64_t to_ns = held_ns + span_ns < a->now_ns ? held_ns + span_ns : a->now_ns;
    double months_before = m->content->training_days / MONTH_DAYS;
    double months_after = (double)(to_ns - held_ns) / (double)DAY_NS / MONTH_DAYS;
    if (months_after <= 0)
        return true; /* it has yet to be held */
    if (!count_span(m, e->subject, held_ns - span_ns, held_ns, &before, &others_before) ||
        !count_span(m, e->subject, held_ns, to_ns, &after, &others_after))
        return false;
    struct effect effect = rate_ratio(before, people * months_before, after, people * months_after);
    const double own[] = {before, months_before, after, months_after};
    const double others[] = {others_before, months_before, others_after, months_after};
    struct effect difference = ratio_of_ratios(own, others);
    json_begin_object(a->w);
    json_key(a->w, "id");
    json_put_i64(a->w, e->id);
    risk_put(a->w, "department", e->subject);
    risk_put(a->w, "topic", e->kind);
    json_key(a->w, "held");
    json_put_time(a->w, held_ns);
    json_key(a->w, "detections_before");
    json_put_double(a->w, before);
    json_key(a->w, "detections_after");
    json_put_double(a->w, after);
    json_key(a->w, "person_months_before");
    json_put_double(a->w, people * months_before);
    json_key(a->w, "person_months_after");
    json_put_double(a->w, people * months_after);
    write_effect(a->w, "effect", &effect);
    write_effect(a->w, "against_others", &difference);
    json_end_object(a->w);
    return true;
}

#define TRAININGS_LOOKED_AT 50

bool risk_training_effect(struct risk_answer *a)
{
    struct measuring m;
    struct register_entry *rows;
    struct error err;
    uint32_t count;
    if (!measuring_begin(&m, a))
        return false;
    bool ok = state_register_list(a->server->state, register_name(REGISTER_TRAINING), a->now_ns,
                                  TRAININGS_LOOKED_AT, a->arena, &rows, &count, &err) ||
              risk_fail(a, 500, &err);
    risk_put(a->w, "reference", STR("S26"));
    json_key(a->w, "rows");
    json_begin_array(a->w);
    for (uint32_t i = 0; ok && i < count; i++)
        ok = write_training(&m, &rows[i]);
    json_end_array(a->w);
    risk_content_free(m.content);
    return ok;
}
