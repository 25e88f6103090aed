/* Key figures for reports: the figures of work_kpi_world.c over the report's period and the one before it.
 * Next: report_build.c. */
#include "reporting/report_kpi.h"

#include <math.h>
#include <stdio.h>

#include "work/work_kpi.h"

/* The period before: the month before a whole month, otherwise as long as the report's own. */
static int64_t begin_of_previous(const struct report *r)
{
    int64_t from_ns, to_ns;
    if (r->period != PERIOD_NONE) {
        report_default_period(r->period, r->zone, r->from_ns, &from_ns, &to_ns);
        if (to_ns == r->from_ns)
            return from_ns;
    }
    return r->from_ns - (r->to_ns - r->from_ns);
}

static const char *change_of(const struct kpi_about *about, double before, double now)
{
    if (isnan(before) || isnan(now))
        return "unknown";
    if (fabs(now - before) < 1e-9)
        return "same";
    return (now > before) == about->more_is_better ? "better" : "worse";
}

static void put_number(struct json_writer *w, const char *key, double number)
{
    json_key(w, key);
    json_put_double(w, number); /* NAN: null */
}

static uint32_t open_actions(const struct work_rows *actions, const char *kpi)
{
    uint32_t open = 0;
    for (uint32_t i = 0; i < actions->count; i++)
        open += str_eq(actions->rows[i].values[ACTION_KPI], str_c(kpi)) &&
                work_number(&actions->rows[i], ACTION_ENDED) == 0;
    return open;
}

/* "#/improvement?kpi=sla&month=2026-11": the console opens there what is behind the figure. */
static void put_way(const struct report_world *world, const struct report *r, const char *kpi,
                    struct json_writer *w)
{
    int64_t seconds = r->from_ns / NS_PER_SECOND, year;
    unsigned month, day;
    char way[420];
    days_to_civil((seconds + zone_offset_at_utc(r->zone, seconds)) / 86400, &year, &month, &day);
    snprintf(way, sizeof way, "%s/#/improvement?kpi=%s&month=%04lld-%02u",
             world->console_url ? world->console_url : "", kpi, (long long)year, month);
    json_key(w, "drill");
    json_put_c(w, way);
}

static void put_kpi(const struct report_world *world, const struct report *r, const struct kpi_world *kpis,
                    const struct work_rows *actions, enum kpi kpi, struct json_writer *w)
{
    const struct kpi_about *about = kpi_about(kpi);
    struct period_figure now = kpi_world_figure(kpis, kpi, r->from_ns, r->to_ns);
    double before = kpi_world_value(kpis, kpi, begin_of_previous(r), r->from_ns);
    json_begin_object(w);
    json_key(w, "title_en");
    json_put_c(w, about->title_en);
    json_key(w, "title_ja");
    json_put_c(w, about->title_ja);
    json_key(w, "unit");
    json_put_c(w, about->unit);
    put_number(w, "value", now.value);
    put_number(w, "before", before);
    json_key(w, "change");
    json_put_c(w, change_of(about, before, now.value));
    json_key(w, "count");
    json_put_u64(w, now.count);
    json_key(w, "missed");
    json_put_u64(w, now.missed);
    json_key(w, "pending");
    json_put_u64(w, now.pending);
    json_key(w, "open_actions");
    json_put_u64(w, open_actions(actions, about->name));
    put_way(world, r, about->name, w);
    json_end_object(w);
}

/* The figures need no more of a server than its state. */
static bool write_kpis(const struct report_world *world, const struct report *r, struct state *state,
                       struct buf *json, struct error *err)
{
    struct server server = {.state = state, .data_dir = world->data_dir, .zone = r->zone};
    struct console_failure failure = {0};
    struct kpi_world kpis;
    struct work_rows actions;
    struct arena arena;
    struct json_writer w = {.out = json};
    arena_init(&arena, 256 << 10);
    struct casework c = work_machine(&server, &arena, &failure);
    c.now_ns = r->as_of_ns;
    bool ok = kpi_world_load(&c, &kpis) && work_all_rows(&c, WORK_ACTION, &actions);
    if (ok) {
        json_begin_object(&w);
        json_key(&w, "kpis");
        json_begin_array(&w);
        for (int k = 0; k < KPI_COUNT; k++)
            put_kpi(world, r, &kpis, &actions, (enum kpi)k, &w);
        json_end_array(&w);
        json_end_object(&w);
    } else {
        error_set(err, "%s", failure.en.text);
    }
    kpi_world_free(&kpis);
    arena_free(&arena);
    return ok;
}

bool report_kpis(const struct report_world *world, const struct report *report, struct buf *json,
                 struct error *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/state.db", world->data_dir);
    struct state *state = state_open(buf_cstr(&path), err);
    bool ok = state != NULL && write_kpis(world, report, state, json, err);
    if (state != NULL)
        state_close(state);
    buf_free(&path);
    return ok;
}
