/* Instrument: departments that stand out (S37, S44, S50; spec 2.2). At the end of each local day it compares,
 * over a window of days, each department's detections with its share of host-days, and its refusals of
 * admission with its share of attempts.
 *
 * One-sided binomial p; where days vary more than chance does, the negative binomial. Overdispersion is taken
 * from day to day within departments: taken between departments, the ones that stand out would hide
 * themselves. */
#include "instrument/kinds.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "instrument/daily.h"
#include "instrument/statistics.h"

enum { SKEW_DETECTIONS, SKEW_REFUSALS };
static const char *const findings[] = {"skew_detections", "skew_refusals"};
enum { DAYS_MAX = 31, HISTORY = 32 };

struct skew_parameters {
    double window_days, least_q, least_ratio, least_count, overdispersion, same_hours, session_minutes,
        repeat_days, max_departments, max_hosts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct skew_parameters, field), low, high                                           \
    }
static const struct parameter parameters[] = {
    P(window_days, 1, DAYS_MAX), P(least_q, 1e-9, 0.5),     P(least_ratio, 1, 100),
    P(least_count, 1, 1e6),      P(overdispersion, 1, 100), P(same_hours, 0, 1000),
    P(session_minutes, 1, 1440), P(repeat_days, 0, 1000),   P(max_departments, 2, 10000),
    P(max_hosts, 100, 1e7),
};
#undef P

struct day_counts {
    uint32_t counts[2], exposures[2]; /* detections over hosts, refusals over attempts */
};

struct department {
    int64_t days[HISTORY]; /* which day each place holds */
    struct day_counts counts[HISTORY];
    int64_t told_day[2];
};

struct skew {
    const struct skew_parameters *p;
    struct keyed *departments;
    struct keyed *episodes; /* host and what happened → int64_t: when it last did */
    struct daily_memory memory;
    int64_t day;
};

static void *open_skew(struct instrument *i)
{
    struct skew *s = NEW(struct skew);
    s->p = instrument_parameters(i);
    s->departments = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct department),
                                                       .max_entries = (uint32_t)s->p->max_departments});
    s->episodes = keyed_new(
        &(struct keyed_options){.record_bytes = sizeof(int64_t), .max_entries = (uint32_t)s->p->max_hosts});
    return s;
}

static void close_skew(void *state)
{
    struct skew *s = state;
    keyed_free(s->departments);
    keyed_free(s->episodes);
    memory_free(s);
}

/* ------------------------------------------------------------------- counting */

static struct day_counts *counts_of(struct department *d, int64_t day)
{
    uint32_t place = (uint32_t)(day % HISTORY);
    if (d->days[place] != day) {
        d->days[place] = day;
        d->counts[place] = (struct day_counts){0};
    }
    return &d->counts[place];
}

static bool is_new_episode(struct skew *s, const struct sight *at, const char *what, struct str detail,
                           double minutes)
{
    char room[256];
    int n = snprintf(room, sizeof room, "%s|%.*s|%.*s", what, (int)(at->key.n < 80 ? at->key.n : 80),
                     at->key.p, (int)(detail.n < 120 ? detail.n : 120), detail.n ? detail.p : "");
    int64_t *last_ns = keyed_put(s->episodes, str_n(room, (size_t)n), at->time_ns, NULL);
    return episode_begins(last_ns, at->time_ns, (int64_t)(minutes * 60) * NS_PER_SECOND);
}

static void count_event(struct skew *s, const struct sight *at, struct day_counts *c)
{
    if (at->kinds & SIGHT_MALWARE &&
        is_new_episode(s, at, "m", at->family.n ? at->family : at->malware, s->p->same_hours * 60))
        c->counts[0]++;
    if (!(at->kinds & SIGHT_ADMISSION))
        return;
    if (is_new_episode(s, at, "a", STR_EMPTY, s->p->session_minutes))
        c->exposures[1]++;
    if (at->passage == PASSAGE_DENIED && is_new_episode(s, at, "r", STR_EMPTY, s->p->session_minutes))
        c->counts[1]++;
}

static void see_skew(void *state, struct instrument *i, const struct sight *at)
{
    struct skew *s = state;
    if (at->key.n == 0 || at->department.n == 0 || at->event->flags & EVENT_EXERCISE)
        return;
    int64_t day = daily_day_of(instrument_zone(i), at->event);
    bool is_counted = at->kinds & (SIGHT_MALWARE | SIGHT_ADMISSION);
    if (daily_is_noted(&s->memory, day, str_hash(at->key) ^ str_hash(at->department)) && !is_counted)
        return;
    struct department *d = keyed_put(s->departments, at->department, at->time_ns, NULL);
    struct day_counts *c = counts_of(d, day);
    char room[200];
    int n = snprintf(room, sizeof room, "h|%.*s", (int)(at->key.n < 150 ? at->key.n : 150), at->key.p);
    int64_t *seen_day = keyed_put(s->episodes, str_n(room, (size_t)n), at->time_ns, NULL);
    if (*seen_day < day) {
        *seen_day = day;
        c->exposures[0]++;
    }
    if (is_counted)
        count_event(s, at, c);
}

/* -------------------------------------------------------------------- judging */

struct row {
    struct str name;
    struct department *department;
    double count, exposure, expected, p, q;
};

/* Days vary around what the department's own rate gives: squares over what Poisson would do. */
static void add_dispersion(const struct row *r, int kind, int64_t from, double *squares, double *degrees)
{
    double rate = r->exposure > 0 ? r->count / r->exposure : 0, cells = 0;
    for (int place = 0; rate > 0 && place < HISTORY; place++) {
        const struct day_counts *c = &r->department->counts[place];
        double mean = rate * c->exposures[kind];
        if (r->department->days[place] <= from || mean <= 0)
            continue;
        *squares += (c->counts[kind] - mean) * (c->counts[kind] - mean) / mean;
        cells++;
    }
    *degrees += fmax(cells - 1, 0);
}

static void sum_row(struct row *r, int kind, int64_t from)
{
    for (int place = 0; place < HISTORY; place++)
        if (r->department->days[place] > from) {
            r->count += r->department->counts[place].counts[kind];
            r->exposure += r->department->counts[place].exposures[kind];
        }
}

static double tail(const struct row *r, double all, double exposures, double dispersion,
                   const struct skew_parameters *p)
{
    if (dispersion > p->overdispersion)
        return negative_binomial_upper(r->count, r->expected, r->expected / (dispersion - 1));
    return binomial_upper(r->count, all, r->exposure / exposures);
}

static void tell(const struct skew *s, struct instrument *i, struct row *r, int kind, int64_t time_ns,
                 double all, double exposures)
{
    char room[7][32];
    const char *names[] = {"q",        "expected",  "exposure", "share_of_exposure", "ratio_to_others",
                           "limit_95", "limit_99_8"};
    double others = exposures > r->exposure ? (all - r->count) / (exposures - r->exposure) : 0;
    double values[] = {r->q,
                       r->expected,
                       r->exposure,
                       r->exposure / exposures,
                       others > 0 ? r->count / r->exposure / others
                                  : 0, /* leaving it out: less conservative */
                       negative_binomial_upper_quantile(0.025, r->expected, (double)INFINITY) / r->expected,
                       negative_binomial_upper_quantile(0.001, r->expected, (double)INFINITY) / r->expected};
    struct matched_value facts[9] = {{STR("department"), r->name}};
    char count[32];
    facts[1] = (struct matched_value){STR("count"),
                                      str_n(count, (size_t)snprintf(count, sizeof count, "%g", r->count))};
    for (int f = 0; f < 7; f++)
        facts[f + 2] =
            (struct matched_value){str_c(names[f]),
                                   str_n(room[f], (size_t)snprintf(room[f], 32, "%.4g", values[f]))};
    struct reading reading = {.finding = (unsigned)kind,
                              .time_ns = time_ns,
                              .department = r->name,
                              .statistic_name = "ratio",
                              .statistic = r->count / r->expected,
                              .threshold = s->p->least_ratio,
                              .window_ns = (int64_t)s->p->window_days * 86400 * NS_PER_SECOND,
                              .p = r->p,
                              .facts = facts,
                              .fact_count = 9};
    instrument_tell(i, &reading);
}

static void judge(struct skew *s, struct instrument *i, int kind, int64_t day, int64_t time_ns)
{
    size_t n = 0;
    double all = 0, exposures = 0, squares = 0, degrees = 0;
    int64_t from = day - (int64_t)s->p->window_days;
    const void *place = NULL;
    struct keyed_entry e;
    struct row *rows = NEW_ARRAY(struct row, keyed_count(s->departments) + 1);
    while (keyed_next(s->departments, &place, &e)) {
        struct row *r = &rows[n++];
        *r = (struct row){.name = e.key, .department = e.record};
        sum_row(r, kind, from);
        add_dispersion(r, kind, from, &squares, &degrees);
        all += r->count;
        exposures += r->exposure;
    }
    double *p = NEW_ARRAY(double, n + 1), dispersion = degrees > 0 ? squares / degrees : 1;
    for (size_t k = 0; k < n; k++) {
        rows[k].expected = exposures > 0 ? all * rows[k].exposure / exposures : 0;
        p[k] = rows[k].p = rows[k].expected > 0 ? tail(&rows[k], all, exposures, dispersion, s->p) : 1;
    }
    benjamini_hochberg(p, p, n, n);
    for (size_t k = 0; k < n; k++) {
        struct row *r = &rows[k];
        int64_t *told = &r->department->told_day[kind];
        r->q = p[k];
        if (r->q > s->p->least_q || r->count < s->p->least_count ||
            r->count < s->p->least_ratio * r->expected * (1 - 1e-9) || r->expected <= 0 ||
            (*told != 0 && day - *told < s->p->repeat_days))
            continue;
        *told = day;
        tell(s, i, r, kind, time_ns, all, exposures);
    }
    memory_free(p);
    memory_free(rows);
}

static void reach_skew(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct skew *s = state;
    int64_t over;
    if (!daily_is_over(&s->day, instrument_zone(i), watermark_ns, &over))
        return;
    judge(s, i, SKEW_DETECTIONS, over, watermark_ns);
    judge(s, i, SKEW_REFUSALS, over, watermark_ns);
}

static void save_skew(const void *state, struct buf *out)
{
    const struct skew *s = state;
    buf_bytes(out, &s->day, sizeof s->day);
    keyed_save(s->departments, out);
    keyed_save(s->episodes, out);
}

static bool load_skew(void *state, struct cursor *in)
{
    struct skew *s = state;
    cursor_bytes(in, &s->day, sizeof s->day);
    return keyed_load(s->departments, in) && keyed_load(s->episodes, in);
}

static void measure_skew(const void *state, struct instrument_info *out)
{
    const struct skew *s = state;
    out->entries = keyed_count(s->departments) + keyed_count(s->episodes);
    out->bytes = keyed_bytes(s->departments) + keyed_bytes(s->episodes) + sizeof *s;
    out->dropped = keyed_dropped(s->departments) + keyed_dropped(s->episodes);
}

const struct instrument_kind skew_kind = {
    .name = "skew",
    .version = 1,
    .wants = SIGHT_ANY,
    .parameter_bytes = sizeof(struct skew_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_skew,
    .close = close_skew,
    .see = see_skew,
    .reach = reach_skew,
    .save = save_skew,
    .load = load_skew,
    .measure = measure_skew,
};
