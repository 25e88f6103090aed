/* Instrument: people with many detections or refusals (S38, S48, S49; spec 2.3). At the end of each local day
 * the rates of all are fitted by a gamma distribution; someone stands out when the posterior says that the
 * rate is more than three times the usual with probability 0.95. Detections are per month of being seen, the
 * same one within a day counts once; refusals are per attempt, both in sessions of half an hour. Old counts
 * and exposures fade together. A person is the user, else the host. */
#include "instrument/kinds.h"

#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "instrument/daily.h"
#include "instrument/shrink.h"

enum { INDIVIDUAL_DETECTIONS, INDIVIDUAL_REFUSALS };
static const char *const findings[] = {"individual_detections", "individual_refusals"};

struct individuals_parameters {
    double times, probability, least_count, fallback_months, fallback_attempts, half_life_days, same_hours,
        session_minutes, repeat_days, least_people, max_people, max_episodes;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct individuals_parameters, field), low, high                                    \
    }
static const struct parameter parameters[] = {
    P(times, 1, 100),
    P(probability, 0.5, 1),
    P(least_count, 1, 1000),
    P(fallback_months, 0.01, 1000),
    P(fallback_attempts, 0.1, 1e6),
    P(half_life_days, 1, 10000),
    P(same_hours, 0, 1000),
    P(session_minutes, 1, 1440),
    P(repeat_days, 0, 1000),
    P(least_people, 2, 1e6),
    P(max_people, 100, 1e7),
    P(max_episodes, 100, 1e7),
};
#undef P

struct person {
    double counts[2], exposures[2]; /* detections over months, refusals over attempts */
    int64_t faded_day, seen_day, told_day[2];
    int64_t attempt_ns, refusal_ns;
    uint8_t is_laptop;
    char ip[46], name[64]; /* of the host it was seen on last */
};

struct individuals {
    const struct individuals_parameters *p;
    struct keyed *people;
    struct keyed *episodes; /* person and malware → int64_t: when it was last detected */
    struct daily_memory memory;
    int64_t day;
};

static void *open_individuals(struct instrument *i)
{
    struct individuals *s = NEW(struct individuals);
    s->p = instrument_parameters(i);
    s->people = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct person),
                                                  .max_entries = (uint32_t)s->p->max_people});
    s->episodes = keyed_new(&(struct keyed_options){.record_bytes = sizeof(int64_t),
                                                    .max_entries = (uint32_t)s->p->max_episodes});
    return s;
}

static void close_individuals(void *state)
{
    struct individuals *s = state;
    keyed_free(s->people);
    keyed_free(s->episodes);
    memory_free(s);
}

/* ------------------------------------------------------------------- counting */

static void fade(const struct individuals *s, struct person *p, int64_t day)
{
    if (p->faded_day != 0 && day > p->faded_day) {
        double left = pow(0.5, (double)(day - p->faded_day) / s->p->half_life_days);
        for (int kind = 0; kind < 2; kind++) {
            p->counts[kind] *= left;
            p->exposures[kind] *= left;
        }
    }
    if (day > p->faded_day)
        p->faded_day = day;
}

static void copy_text(char *to, size_t room, struct str text)
{
    size_t n = text.n < room - 1 ? text.n : room - 1;
    memset(to, 0, room);
    if (n > 0)
        memcpy(to, text.p, n);
}

static bool is_new_detection(struct individuals *s, struct str who, const struct sight *at)
{
    char room[256];
    struct str what = at->sha256.n ? at->sha256 : at->malware.n ? at->malware : at->family;
    int n = snprintf(room, sizeof room, "%.*s|%.*s", (int)(who.n < 80 ? who.n : 80), who.p,
                     (int)(what.n < 160 ? what.n : 160), what.n ? what.p : "");
    int64_t *last_ns = keyed_put(s->episodes, str_n(room, (size_t)n), at->time_ns, NULL);
    return episode_begins(last_ns, at->time_ns, (int64_t)(s->p->same_hours * 3600) * NS_PER_SECOND);
}

static void count_event(struct individuals *s, struct person *p, struct str who, const struct sight *at)
{
    int64_t gap_ns = (int64_t)(s->p->session_minutes * 60) * NS_PER_SECOND;
    if (at->kinds & SIGHT_MALWARE && is_new_detection(s, who, at))
        p->counts[0]++;
    if (!(at->kinds & SIGHT_ADMISSION))
        return;
    p->is_laptop = str_eq_nocase(at->asset_type, STR("laptop")) || at->roles & ROLE_LAPTOP;
    if (episode_begins(&p->attempt_ns, at->time_ns, gap_ns))
        p->exposures[1]++;
    if (at->passage == PASSAGE_DENIED && episode_begins(&p->refusal_ns, at->time_ns, gap_ns))
        p->counts[1]++;
}

static void see_individuals(void *state, struct instrument *i, const struct sight *at)
{
    struct individuals *s = state;
    struct str who = at->user.n ? at->user : at->key;
    if (who.n == 0 || at->key.n == 0 || at->event->flags & EVENT_EXERCISE || at->roles & ROLE_SERVER)
        return;
    int64_t day = daily_day_of(instrument_zone(i), at->event);
    bool is_counted = at->kinds & (SIGHT_MALWARE | SIGHT_ADMISSION);
    if (daily_is_noted(&s->memory, day, str_hash(who)) && !is_counted)
        return;
    struct person *p = keyed_put(s->people, who, at->time_ns, NULL);
    fade(s, p, day);
    if (p->seen_day < day) {
        p->seen_day = day;
        p->exposures[0] += 1 / 30.0;
    }
    if (is_counted) {
        copy_text(p->ip, sizeof p->ip, at->ip);
        copy_text(p->name, sizeof p->name, at->name);
        count_event(s, p, who, at);
    }
}

/* -------------------------------------------------------------------- judging */

static bool stands_out(const struct individuals *s, const struct person *p, const struct gamma_prior *prior,
                       int kind, double *probability)
{
    if (p->counts[kind] < s->p->least_count || p->exposures[kind] <= 0 ||
        (kind == INDIVIDUAL_REFUSALS && !p->is_laptop))
        return false;
    *probability = exceedance(prior, p->counts[kind], p->exposures[kind], s->p->times);
    return *probability >= s->p->probability;
}

static void tell(const struct individuals *s, struct instrument *i, struct str who, const struct person *p,
                 const struct gamma_prior *prior, int kind, double probability, int64_t time_ns)
{
    char room[5][32];
    const char *names[] = {"count", "exposure", "raw_rate", "shrunk_rate", "usual_rate"};
    double values[] = {p->counts[kind], p->exposures[kind], p->counts[kind] / p->exposures[kind],
                       shrunk_rate(prior, p->counts[kind], p->exposures[kind]), prior->mean};
    struct matched_value facts[5];
    for (int f = 0; f < 5; f++)
        facts[f] = (struct matched_value){str_c(names[f]),
                                          str_n(room[f], (size_t)snprintf(room[f], 32, "%.4g", values[f]))};
    bool is_host = str_eq_nocase(who, str_c(p->name)) || str_eq(who, str_c(p->ip));
    struct reading r = {.finding = (unsigned)kind,
                        .time_ns = time_ns,
                        .host_ip = str_c(p->ip),
                        .host_name = str_c(p->name),
                        .user = is_host ? STR_EMPTY : who,
                        .statistic_name = "probability",
                        .statistic = probability,
                        .threshold = s->p->probability,
                        .facts = facts,
                        .fact_count = 5};
    instrument_tell(i, &r);
}

static struct gamma_prior fit(struct individuals *s, int kind, int64_t day, size_t *n)
{
    const void *place = NULL;
    struct keyed_entry e;
    struct exposure_count *items = NEW_ARRAY(struct exposure_count, keyed_count(s->people) + 1);
    *n = 0;
    while (keyed_next(s->people, &place, &e)) {
        struct person *p = e.record;
        fade(s, p, day);
        if (p->exposures[kind] > 1e-6)
            items[(*n)++] = (struct exposure_count){p->counts[kind], p->exposures[kind]};
    }
    struct gamma_prior prior =
        gamma_prior_fit(items, *n,
                        kind == INDIVIDUAL_DETECTIONS ? s->p->fallback_months : s->p->fallback_attempts);
    memory_free(items);
    return prior;
}

static void judge(struct individuals *s, struct instrument *i, int kind, int64_t day, int64_t time_ns)
{
    size_t n;
    const void *place = NULL;
    struct keyed_entry e;
    struct gamma_prior prior = fit(s, kind, day, &n);
    if (n < s->p->least_people) /* nobody to compare with */
        return;
    while (keyed_next(s->people, &place, &e)) {
        struct person *p = e.record;
        double probability;
        if ((p->told_day[kind] != 0 && day - p->told_day[kind] < s->p->repeat_days) ||
            !stands_out(s, p, &prior, kind, &probability))
            continue;
        p->told_day[kind] = day;
        tell(s, i, e.key, p, &prior, kind, probability, time_ns);
    }
}

static void reach_individuals(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct individuals *s = state;
    int64_t over;
    if (!daily_is_over(&s->day, instrument_zone(i), watermark_ns, &over))
        return;
    judge(s, i, INDIVIDUAL_DETECTIONS, over, watermark_ns);
    judge(s, i, INDIVIDUAL_REFUSALS, over, watermark_ns);
}

static void save_individuals(const void *state, struct buf *out)
{
    const struct individuals *s = state;
    buf_bytes(out, &s->day, sizeof s->day);
    keyed_save(s->people, out);
    keyed_save(s->episodes, out);
}

static bool load_individuals(void *state, struct cursor *in)
{
    struct individuals *s = state;
    const void *place = NULL;
    struct keyed_entry e;
    cursor_bytes(in, &s->day, sizeof s->day);
    if (!keyed_load(s->people, in) || !keyed_load(s->episodes, in))
        return false;
    while (keyed_next(s->people, &place, &e)) {
        const struct person *p = e.record;
        if (memchr(p->ip, 0, sizeof p->ip) == NULL || memchr(p->name, 0, sizeof p->name) == NULL)
            return false;
    }
    return true;
}

static void measure_individuals(const void *state, struct instrument_info *out)
{
    const struct individuals *s = state;
    out->entries = keyed_count(s->people) + keyed_count(s->episodes);
    out->bytes = keyed_bytes(s->people) + keyed_bytes(s->episodes) + sizeof *s;
    out->dropped = keyed_dropped(s->people) + keyed_dropped(s->episodes);
}

const struct instrument_kind individuals_kind = {
    .name = "individuals",
    .version = 1,
    .wants = SIGHT_ANY,
    .parameter_bytes = sizeof(struct individuals_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_individuals,
    .close = close_individuals,
    .see = see_individuals,
    .reach = reach_individuals,
    .save = save_individuals,
    .load = load_individuals,
    .measure = measure_individuals,
};
