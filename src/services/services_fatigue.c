/* What keeps the team from tiring (S107), beside the work list: how much each handles and how long it takes,
 * a checklist in turn, and notes for the next shift. Next: services_calibration.c. */
#include <stdlib.h>

#include "base/map.h"
#include "incident/incident.h"
#include "risk/services_risk.h"
#include "store/state_incidents.h"

#define LOAD_DAYS 30

/* What people handled: an incident counts once for each person and day that moved it or noted something. */
struct load {
    struct map days, deeds; /* person and day; person, day and incident */
    struct buf minutes;     /* double each: first step of a person → over */
};

static int64_t local_day(const struct server *s, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND;
    return (seconds + zone_offset_at_utc(s->zone, seconds)) / 86400;
}

static bool add_load(struct risk_answer *a, struct load *l, const struct incident *i, struct error *err)
{
    struct state_change *changes;
    uint32_t count;
    int64_t first_ns = TIME_UNKNOWN, last_ns = TIME_UNKNOWN;
    if (!state_incidents_changes(a->server->state, i->id, a->arena, &changes, &count, err))
        return false;
    for (uint32_t n = 0; n < count; n++) {
        const struct state_change *c = &changes[n];
        if (str_eq(c->who, STR("hyakuyo")))
            continue;
        first_ns = first_ns == TIME_UNKNOWN || c->when_ns < first_ns ? c->when_ns : first_ns;
        last_ns = c->when_ns > last_ns ? c->when_ns : last_ns;
        if (a->now_ns - c->when_ns > LOAD_DAYS * DAY_NS)
            continue;
        long long day = (long long)local_day(a->server, c->when_ns);
        *map_put(&l->days, arena_printf(a->arena, "%lld %.*s", day, STR_ARGS(c->who)), NULL) = 1;
        *map_put(&l->deeds,
                 arena_printf(a->arena, "%llu %lld %.*s", (unsigned long long)i->id, day, STR_ARGS(c->who)),
                 NULL) = 1;
    }
    bool is_over = !incident_is_open(i->state) && i->state != INCIDENT_CANDIDATE;
    if (is_over && last_ns != TIME_UNKNOWN && a->now_ns - last_ns <= LOAD_DAYS * DAY_NS) {
        double minutes = (double)(last_ns - first_ns) / (60.0 * NS_PER_SECOND);
        buf_bytes(&l->minutes, &minutes, sizeof minutes);
    }
    return true;
}

static int by_length(const void *left, const void *right)
{
    double a = *(const double *)left, b = *(const double *)right;
    return (a > b) - (a < b);
}

static void write_load(struct risk_answer *a, struct load *l)
{
    struct json_writer *w = a->w;
    uint32_t handled = (uint32_t)(l->minutes.n / sizeof(double));
    double *minutes = (void *)l->minutes.p;
    if (handled)
        qsort(minutes, handled, sizeof *minutes, by_length);
    json_key(w, "load");
    json_begin_object(w);
    json_key(w, "days");
    json_put_i64(w, LOAD_DAYS);
    json_key(w, "analyst_days");
    json_put_u64(w, l->days.count);
    json_key(w, "items_per_analyst_day");
    if (l->days.count)
        json_put_double(w, (double)l->deeds.count / l->days.count);
    else
        json_put_null(w);
    json_key(w, "closed");
    json_put_u64(w, handled);
    json_key(w, "median_handling_minutes");
    if (handled)
        json_put_double(w, minutes[(handled - 1) / 2]);
    else
        json_put_null(w);
    json_end_object(w);
}

static bool measure_load(struct risk_answer *a, const struct incidents_of *open,
                         const struct incidents_of *closed, struct error *err)
{
    struct load l = {0};
    bool ok = true;
    for (uint32_t i = 0; ok && i < open->count; i++)
        ok = add_load(a, &l, &open->rows[i], err);
    for (uint32_t i = 0; ok && i < closed->count; i++)
        ok = add_load(a, &l, &closed->rows[i], err);
    if (ok)
        write_load(a, &l);
    map_free(&l.days);
    map_free(&l.deeds);
    buf_free(&l.minutes);
    return ok;
}

/* So many of the list each day, in turn. */
static void write_checks(struct risk_answer *a, const struct risk_content *c)
{
    struct json_writer *w = a->w;
    int64_t first = local_day(a->server, a->now_ns) * (int64_t)c->worklist_checks;
    json_key(w, "checklist");
    json_begin_array(w);
    for (int64_t i = 0; i < (int64_t)c->worklist_checks && i < c->check_count; i++) {
        const struct risk_check *check = &c->checks[(first + i) % c->check_count];
        json_begin_object(w);
        risk_put(w, "en", check->en);
        risk_put(w, "ja", check->ja);
        json_end_object(w);
    }
    json_end_array(w);
}

static bool write_handovers(struct risk_answer *a, struct error *err)
{
    struct register_entry *rows;
    uint32_t count;
    if (!state_register_list(a->server->state, register_name(REGISTER_HANDOVER), a->now_ns, 50, a->arena,
                             &rows, &count, err))
        return false;
    json_key(a->w, "handovers");
    json_begin_array(a->w);
    for (uint32_t i = 0; i < count; i++) {
        json_begin_object(a->w);
        json_key(a->w, "id");
        json_put_i64(a->w, rows[i].id);
        risk_put(a->w, "note", rows[i].reason);
        risk_put(a->w, "to", rows[i].subject);
        risk_put(a->w, "by", rows[i].created_by);
        json_key(a->w, "at");
        json_put_time(a->w, rows[i].created_ns);
        json_key(a->w, "until");
        json_put_time(a->w, rows[i].until_ns);
        json_end_object(a->w);
    }
    json_end_array(a->w);
    return true;
}

bool risk_fatigue(struct risk_answer *a, const struct risk_content *content, const struct incidents_of *open,
                  const struct incidents_of *closed)
{
    struct error err;
    write_checks(a, content);
    return (write_handovers(a, &err) && measure_load(a, open, closed, &err)) || risk_fail(a, 500, &err);
}
