/* What remains, as residual_report.c calculates it, and the premises of what was accepted. Next:
 * services_exposure.c. */
#include <math.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "risk/services_risk.h"

#define FALLBACK_RATE 4 /* months, spec 2.3 */

/* S2: names of the last week that the year before did not have. */
static bool measure_names(struct measuring *m)
{
    struct measured *week, *before;
    int64_t now_ns = m->answer->now_ns, week_ns = now_ns - 7 * DAY_NS;
    struct map known = {0};
    size_t fresh = 0;
    if (!measuring_take(m, MEASURE_NAMES, week_ns - 365 * DAY_NS, week_ns, &before))
        return false;
    for (uint32_t i = 0; i < m->inputs.rows[MEASURE_NAMES]; i++)
        *map_put(&known, before[i].key, NULL) = 1;
    bool ok = measuring_take(m, MEASURE_NAMES, week_ns, now_ns, &week);
    for (uint32_t i = 0; ok && i < m->inputs.rows[MEASURE_NAMES]; i++)
        fresh += map_find(&known, week[i].key) == NULL;
    map_free(&known);
    m->inputs.new_names_share =
        ok && m->inputs.rows[MEASURE_NAMES] ? new_share(m->inputs.rows[MEASURE_NAMES], fresh) : -1;
    return ok;
}

/* Each once, whatever the letters of the account. */
static void add_careful(struct measuring *m, struct map *careful, struct str person)
{
    char *lower = arena_alloc(m->answer->arena, person.n + 1);
    bool is_new;
    for (size_t i = 0; i < person.n; i++)
        lower[i] = ascii_lower(person.p[i]);
    map_put(careful, str_n(lower, person.n), &is_new);
    m->inputs.careful += is_new;
}

/* S71: clicks in drills, malware by mail, mails that people say they opened, and much mail from outside. */
static void count_careful(struct measuring *m, struct measured *const *rows)
{
    static const enum risk_measure signs[] = {MEASURE_DRILL_CLICKS, MEASURE_MAIL_BY_PERSON,
                                              MEASURE_OPENED_REPORTS};
    struct map careful = {0};
    uint32_t mailed = m->inputs.rows[MEASURE_MAIL_VOLUME];
    const struct measured *volumes = rows[MEASURE_MAIL_VOLUME];
    double months = m->content->window_days / MONTH_DAYS;
    struct exposure_count *counts = ARENA_ARRAY(m->answer->arena, struct exposure_count, mailed + 1);
    for (size_t s = 0; s < COUNT_OF(signs); s++)
        for (uint32_t i = 0; i < m->inputs.rows[signs[s]]; i++)
            add_careful(m, &careful, rows[signs[s]][i].key);
    for (uint32_t i = 0; i < mailed; i++)
        counts[i] = (struct exposure_count){volumes[i].n, months};
    struct gamma_prior prior = gamma_prior_fit(counts, mailed, FALLBACK_RATE);
    for (uint32_t i = 0; i < mailed; i++)
        if (exceedance(&prior, volumes[i].n, months, m->content->heavy_times) >=
            m->content->heavy_probability) {
            m->inputs.heavy_mail++;
            add_careful(m, &careful, volumes[i].key);
        }
    map_free(&careful);
}

static bool measure_all(struct measuring *m)
{
    struct register_entry *rows;
    struct measured *measured[RISK_MEASURES];
    struct error err;
    for (unsigned i = 0; i < MEASURE_NAMES; i++)
        if (!measuring_take_window(m, (enum risk_measure)i, &measured[i]))
            return false;
    count_careful(m, measured);
    if (!state_register_list(m->answer->server->state, register_name(REGISTER_SCENARIO), m->answer->now_ns,
                             1000, m->answer->arena, &rows, &m->inputs.scenarios, &err))
        return risk_fail(m->answer, 500, &err);
    return measure_names(m);
}

/* ---------------------------------------------------- S1: how late detections are */

#define GAPS_MOST 100000 /* the fleet keeps no more */

struct gap_list {
    struct fleet_gap *rows;
    uint32_t count;
};

static void ask_gaps(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct gap_list *list = context;
    (void)assets;
    list->rows = NEW_ARRAY(struct fleet_gap, GAPS_MOST);
    list->count = fleet_gaps(fleet, list->rows, GAPS_MOST);
}

static int64_t month_of(const struct server *s, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND, year;
    unsigned month, day;
    days_to_civil((seconds + zone_offset_at_utc(s->zone, seconds)) / 86400, &year, &month, &day);
    return year * 12 + month - 1;
}

static int by_hours(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

/* `rows` are of one month. */
static void write_gap_month(struct risk_answer *a, int64_t month, const struct fleet_gap *rows,
                            uint32_t count)
{
    double *hours = ARENA_ARRAY(a->arena, double, count);
    for (uint32_t i = 0; i < count; i++)
        hours[i] = (double)(rows[i].detected_ns - rows[i].first_ns) / 3600e9;
    qsort(hours, count, sizeof *hours, by_hours);
    json_begin_object(a->w);
    risk_put(a->w, "month",
             arena_printf(a->arena, "%04lld-%02lld", (long long)(month / 12), (long long)(month % 12 + 1)));
    json_key(a->w, "objects");
    json_put_u64(a->w, count);
    json_key(a->w, "median_hours");
    json_put_double(a->w, hours[(count - 1) / 2]);
    json_key(a->w, "p90_hours");
    json_put_double(a->w, hours[(count * 9 + 9) / 10 - 1]);
    json_end_object(a->w);
}

static void write_gaps(struct risk_answer *a)
{
    struct gap_list gaps = {0};
    desk_ask_fleet(a->server->desk, ask_gaps, &gaps);
    json_key(a->w, "gap_months");
    json_begin_array(a->w);
    for (uint32_t i = 0, next; i < gaps.count; i = next) {
        int64_t month = month_of(a->server, gaps.rows[i].detected_ns);
        for (next = i + 1; next < gaps.count && month_of(a->server, gaps.rows[next].detected_ns) == month;
             next++)
            ;
        write_gap_month(a, month, gaps.rows + i, next - i);
    }
    json_end_array(a->w);
    memory_free(gaps.rows);
}

bool risk_residual(struct risk_answer *a)
{
    struct measuring m;
    bool ok = measuring_begin(&m, a) && measure_all(&m);
    if (ok)
        residual_write(&m.inputs, a->w);
    if (ok)
        write_gaps(a);
    risk_content_free(m.content);
    return ok;
}

/* -------------------------------------------------------------- acceptances */

/* What the decision was made on: the estimate, and the premises as they were. */
bool risk_estimate(struct risk_answer *a, struct str category, struct buf *details)
{
    struct measuring m;
    struct json_writer w = {.out = details};
    struct residual_row row;
    enum residual_category which = CATEGORY_KNOWN;
    bool has_coverage, ok = measuring_begin(&m, a) && measure_all(&m);
    if (ok && residual_category_find(category, &which)) {
        residual_calculate(&m.inputs, which, &row);
        json_begin_object(&w);
        risk_put(&w, "decision", a->request->decision);
        json_key(&w, "estimate");
        residual_write_row(&row, &w);
        struct estimate coverage = residual_coverage(&m.inputs, &has_coverage);
        json_key(&w, "premise_coverage");
        json_put_double(&w, has_coverage ? coverage.value : NAN);
        json_key(&w, "red_since");
        json_put_null(&w);
        json_key(&w, "broken");
        json_put_bool(&w, false);
        json_end_object(&w);
    }
    risk_content_free(m.content);
    return ok;
}

/* Red: known and below the share, or not known any more. */
static bool is_premise_red(const struct measuring *m)
{
    const struct fleet_figures *f = &m->inputs.fleet;
    bool has_coverage;
    residual_coverage(&m->inputs, &has_coverage);
    return !has_coverage || 100.0 * (double)f->effective < m->content->red_percent * (double)f->hosts;
}

static void write_premise(const struct json_node *old, int64_t red_since_ns, bool is_broken, struct buf *out)
{
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    risk_put(&w, "decision", json_text(old, "decision"));
    for (const struct json_node *n = old->child; n != NULL; n = n->next)
        if (str_eq(n->key, STR("premise_coverage"))) {
            double value;
            json_key_str(&w, n->key);
            json_put_double(&w, str_to_double(n->text, &value) ? value : NAN);
        }
    json_key(&w, "red_since");
    json_put_time(&w, red_since_ns);
    json_key(&w, "broken");
    json_put_bool(&w, is_broken);
}

/* The estimate as it was written: it is kept byte by byte. */
static struct str estimate_text(struct str details)
{
    size_t at = str_find(details, STR("\"estimate\":"), 0);
    struct str rest = at == STR_NOT_FOUND ? STR_EMPTY : str_skip(details, at + 11);
    return str_slice(rest, 0, json_value_length(rest));
}

bool risk_premises(struct risk_answer *a, struct register_entry *e)
{
    struct measuring m;
    struct error err;
    struct buf out = {0};
    int64_t since_ns = TIME_UNKNOWN;
    const struct json_node *old = json_parse(e->details, a->arena, &err);
    if (!register_stands(e, a->now_ns) || old == NULL || str_eq(json_text(old, "broken"), STR("true")))
        return true;
    if (!measuring_begin(&m, a))
        return false;
    struct time_context context = {0};
    if (is_premise_red(&m) && !time_parse_iso(json_text(old, "red_since"), &context, &since_ns))
        since_ns = a->now_ns;
    bool is_broken =
        since_ns != TIME_UNKNOWN && a->now_ns - since_ns > (int64_t)(m.content->red_days * (double)DAY_NS);
    write_premise(old, since_ns, is_broken, &out);
    buf_printf(&out, ",\"estimate\":%.*s}", STR_ARGS(estimate_text(e->details)));
    e->details = arena_str(a->arena, buf_str(&out));
    bool ok =
        state_register_set_details(a->server->state, e->id, e->details, &err) || risk_fail(a, 500, &err);
    if (ok && is_broken)
        log_warning(tr("the acceptance %lld of residual risk is broken: its premise has been red for %g days",
                       "残存リスクの受容 %lld は前提が %g 日を超えて崩れています"),
                    (long long)e->id, m.content->red_days);
    buf_free(&out);
    risk_content_free(m.content);
    return ok;
}
