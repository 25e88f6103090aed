/* Key figures by month over all incidents, and what is behind each: incidents, their events, and the actions
 * that are to better it (S158, S186, S190). Exercises leave every figure as it is (S176).
 * Next: work_dossier.c. */
#include <math.h>

#include "base/log.h"
#include "incident/incident.h"
#include "work/work_kpi.h"

#define BEHIND_MOST 500 /* incidents named behind one figure */

/* ------------------------------------------------------------------- months */

/* Months since year 0, in the installation's zone. */
static int64_t month_of(const struct zone *zone, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND, year;
    unsigned month, day;
    days_to_civil((seconds + zone_offset_at_utc(zone, seconds)) / 86400, &year, &month, &day);
    return year * 12 + month - 1;
}

static int64_t month_begin(const struct zone *zone, int64_t month)
{
    int64_t seconds = civil_to_days(month / 12, (unsigned)(month % 12) + 1, 1) * 86400;
    return (seconds - zone_offset_at_local(zone, seconds)) * NS_PER_SECOND;
}

static struct str month_text(int64_t month, struct arena *arena)
{
    return arena_printf(arena, "%04lld-%02lld", (long long)(month / 12), (long long)(month % 12 + 1));
}

static bool month_parse(struct str text, int64_t *month)
{
    uint64_t year, number;
    if (text.n != 7 || text.p[4] != '-' || !str_to_u64(str_slice(text, 0, 4), 10, &year) ||
        !str_to_u64(str_skip(text, 5), 10, &number) || number < 1 || number > 12 || year < 1970 ||
        year > 2200)
        return false;
    *month = (int64_t)year * 12 + (int64_t)number - 1;
    return true;
}

/* -------------------------------------------------------------------- figures */

static void put_number(struct json_writer *w, const char *key, int64_t number)
{
    json_key(w, key);
    json_put_i64(w, number);
}

static void put_about(enum kpi kpi, struct json_writer *w)
{
    const struct kpi_about *about = kpi_about(kpi);
    json_key(w, "kpi");
    json_put_c(w, about->name);
    json_key(w, "unit");
    json_put_c(w, about->unit);
    json_key(w, "more_is_better");
    json_put_bool(w, about->more_is_better);
    json_both(w, "title", str_c(about->title_en), str_c(about->title_ja));
    json_both(w, "formula", str_c(about->formula_en), str_c(about->formula_ja));
}

static void put_figure(struct json_writer *w, const struct period_figure *f)
{
    json_key(w, "value");
    json_put_double(w, f->value);
    put_number(w, "count", f->count);
    put_number(w, "missed", f->missed);
    put_number(w, "pending", f->pending);
}

/* Actions that are to better this figure. */
static void put_action_counts(struct casework *c, const struct work_rows *actions, enum kpi kpi,
                              struct json_writer *w)
{
    int64_t all = 0, open = 0;
    for (uint32_t i = 0; i < actions->count; i++) {
        const struct work_row *a = &actions->rows[i];
        if (!str_eq(a->values[ACTION_KPI], str_c(kpi_about(kpi)->name)) ||
            !work_may_see_number(c, work_number(a, ACTION_INCIDENT)))
            continue;
        all++;
        open += work_number(a, ACTION_ENDED) == 0;
    }
    put_number(w, "actions", all);
    put_number(w, "open_actions", open);
}

static void put_months(struct casework *c, const struct kpi_world *world, enum kpi kpi, int64_t first,
                       int64_t last, struct json_writer *w)
{
    json_key(w, "months");
    json_begin_array(w);
    for (int64_t month = first; month <= last; month++) {
        struct period_figure f =
            kpi_world_figure(world, kpi, month_begin(c->s->zone, month), month_begin(c->s->zone, month + 1));
        json_begin_object(w);
        json_key(w, "month");
        json_put_str(w, month_text(month, c->arena));
        put_figure(w, &f);
        json_end_object(w);
    }
    json_end_array(w);
}

static bool answer_kpis(struct casework *c, const struct kpi_world *world)
{
    struct work_rows actions;
    struct json_writer w = {.out = c->out};
    int64_t last = month_of(c->s->zone, c->now_ns);
    int64_t first = last - work_value_number(c, "months", 12) + 1;
    if (!work_all_rows(c, WORK_ACTION, &actions))
        return false;
    json_begin_object(&w);
    json_key(&w, "from");
    json_put_time(&w, month_begin(c->s->zone, first));
    json_key(&w, "to");
    json_put_time(&w, month_begin(c->s->zone, last + 1));
    json_key(&w, "is_cut");
    json_put_bool(&w, world->is_cut);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (int k = 0; k < KPI_COUNT; k++) {
        json_begin_object(&w);
        put_about((enum kpi)k, &w);
        put_months(c, world, (enum kpi)k, first, last, &w);
        put_action_counts(c, &actions, (enum kpi)k, &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_get_kpis(struct casework *c)
{
    struct kpi_world world;
    if (!work_is_inside(c))
        return false;
    bool ok = kpi_world_load(c, &world) && answer_kpis(c, &world);
    kpi_world_free(&world);
    return ok;
}

/* --------------------------------------------------------------- what is behind */

static bool is_named_before(const struct incident *i, uint32_t at)
{
    for (uint32_t k = 0; k < at; k++)
        if (i->findings[k].first_sequence == i->findings[at].first_sequence)
            return true;
    return false;
}

/* The events that began the findings, each once, as numbers to open. */
static void put_events(const struct incident *i, struct json_writer *w)
{
    json_key(w, "events");
    json_begin_array(w);
    for (uint32_t k = 0; k < i->finding_count; k++)
        if (!is_named_before(i, k))
            json_put_u64(w, i->findings[k].first_sequence);
    json_end_array(w);
}

static bool put_behind(struct casework *c, const struct kpi_sample *s, struct json_writer *w)
{
    struct incident found = {0};
    const struct incident *i = &found;
    if (!work_incident(c, s->incident, &found)) /* with its findings */
        return false;
    json_begin_object(w);
    put_number(w, "incident", (int64_t)i->id);
    json_both(w, "title", i->title_en, i->title_ja);
    json_key(w, "state");
    json_put_str(w, incident_state_name(i->state));
    json_key(w, "time");
    json_put_time(w, s->when_ns);
    json_key(w, "value");
    json_put_double(w, s->value);
    json_key(w, "is_missed");
    json_put_bool(w, !isnan(s->value) && kpi_is_missed(s->kpi, s->value));
    json_key(w, "first");
    json_put_time(w, i->first_ns);
    json_key(w, "last");
    json_put_time(w, i->last_ns);
    put_events(i, w);
    json_end_object(w);
    return true;
}

static bool put_all_behind(struct casework *c, const struct kpi_world *world, enum kpi kpi, int64_t from_ns,
                           int64_t to_ns, struct json_writer *w)
{
    uint32_t all, written = 0;
    const struct kpi_sample *samples = kpi_world_samples(world, &all);
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = 0; i < all && written < BEHIND_MOST; i++)
        if (samples[i].kpi == kpi && samples[i].when_ns >= from_ns && samples[i].when_ns < to_ns) {
            if (!put_behind(c, &samples[i], w))
                return false;
            written++;
        }
    json_end_array(w);
    return true;
}

static bool answer_kpi(struct casework *c, const struct kpi_world *world, enum kpi kpi, int64_t month)
{
    struct json_writer w = {.out = c->out};
    int64_t from_ns = month_begin(c->s->zone, month), to_ns = month_begin(c->s->zone, month + 1);
    struct period_figure f = kpi_world_figure(world, kpi, from_ns, to_ns);
    json_begin_object(&w);
    put_about(kpi, &w);
    json_key(&w, "month");
    json_put_str(&w, month_text(month, c->arena));
    put_figure(&w, &f);
    if (!put_all_behind(c, world, kpi, from_ns, to_ns, &w))
        return false;
    json_key(&w, "actions");
    bool ok = work_put_improvements(c, str_c(kpi_about(kpi)->name), &w);
    json_end_object(&w);
    return ok;
}

bool work_get_kpi(struct casework *c)
{
    struct kpi_world world;
    enum kpi kpi;
    int64_t month = month_of(c->s->zone, c->now_ns);
    if (!work_is_inside(c))
        return false;
    if (!kpi_find(c->q->name, &kpi))
        return work_refuse(c, 404, "There is no such figure; see GET /api/v1/kpis.",
                           "その指標はありません。GET /api/v1/kpis を参照してください。");
    if (work_given(c, "month") && !month_parse(work_value(c, "month"), &month))
        return work_refuse(c, 400, "\"month\" is a month like 2026-11.",
                           "「month」は 2026-11 のような年月です。");
    bool ok = kpi_world_load(c, &world) && answer_kpi(c, &world, kpi, month);
    kpi_world_free(&world);
    return ok;
}
