/* What the destination instrument tells: at the end of a day the candidates for the list of suspicious
 * domains (S65–S67) and the rare places a host keeps going back to, and at once what is visited beside a bad
 * one (co-occurrence, spec 2.4 after EvilSeed, Invernizzi et al., S&P 2012). Stage: instrument. */
#include <math.h>
#include <stdlib.h>

#include "base/memory.h"
#include "instrument/destination_internal.h"
#include "instrument/dga.h"
#include "instrument/name_score.h"
#include "instrument/shrink.h"

#define DAY_S     86400
#define KEPT_S    (30 * DAY_S)
#define VISITOR_S (30 * DAY_S)
#define ALSO_MOST 5

/* ------------------------------------------------------------------------------ candidates */

struct candidate {
    struct str name;
    struct place *place;
    double score, rarity, likeness;
    bool is_new, is_dynamic, is_odd;
};

/* Spec 2.4: rarity −log10((n + ½)/(N + 1)), and what makes a name look worse. */
static void rate(const struct destination *d, struct candidate *c, int64_t end_s)
{
    const struct place *p = c->place;
    c->rarity = -log10((p->client_count + 0.5) / (keyed_count(d->clients) + 1.0));
    c->is_new = end_s - p->first_s <= (int64_t)(d->p->new_days * DAY_S);
    c->is_dynamic = name_set_holds(&d->dynamic, c->name);
    c->is_odd = name_set_holds(&d->odd, c->name);
    c->likeness = p->is_address ? 0 : dga_likeness(d->dga, first_label(c->name));
    c->score = c->rarity + c->is_new + 2 * c->is_dynamic + c->is_odd + p->is_address + 2 * c->likeness;
}

static int by_score(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return str_compare(x->name, y->name);
}

/* Visited during the day and not told during the time of review. */
static size_t collect(struct destination *d, int64_t end_s, struct candidate *out)
{
    const void *place = NULL;
    struct keyed_entry e;
    size_t n = 0;
    while (keyed_next(d->places, &place, &e)) {
        struct place *p = e.record;
        if (seconds_of(e.used_ns) < end_s - DAY_S || p->client_count == 0 ||
            !destination_is_bottom(d, p, end_s) || (p->told_s && end_s - p->told_s < REVIEW_S))
            continue;
        out[n] = (struct candidate){.name = e.key, .place = p};
        rate(d, &out[n], end_s);
        n += out[n].score >= d->p->unknown_score;
    }
    qsort(out, n, sizeof *out, by_score);
    return n;
}

/* The others of the same host: one item a day for each host. */
static void add_also(struct facts *f, struct candidate *list, size_t count, size_t at, int64_t end_s)
{
    unsigned also = 0;
    for (size_t n = at + 1; n < count && also < ALSO_MOST; n++)
        if (list[n].place->clients[0] == list[at].place->clients[0] && !list[n].place->told_s) {
            fact_text(f, "also", list[n].name);
            list[n].place->told_s = (uint32_t)end_s;
            also++;
        }
}

static void tell_candidate(struct destination *d, struct instrument *i, struct candidate *list, size_t count,
                           size_t at, int64_t end_s)
{
    const struct candidate *c = &list[at];
    struct facts f = {.count = 0};
    fact_number(&f, "clients", c->place->client_count);
    fact_number(&f, "active_clients", keyed_count(d->clients));
    fact_number(&f, "rarity", c->rarity);
    fact_number(&f, "requests", c->place->requests);
    fact_number(&f, "generated_likeness", c->likeness);
    if (c->is_new)
        fact_text(&f, "age", STR("new"));
    if (c->is_dynamic)
        fact_text(&f, "kind", STR("dynamic DNS"));
    c->place->told_s = (uint32_t)end_s;
    add_also(&f, list, count, at, end_s);
    struct reading r = {.finding = UNKNOWN_DESTINATION,
                        .time_ns = (end_s - 1) * NS_PER_SECOND,
                        .peer = c->name,
                        .statistic_name = "suspicion",
                        .statistic = c->score,
                        .threshold = d->p->unknown_score,
                        .window_ns = DAY_S * NS_PER_SECOND,
                        .facts = f.items,
                        .fact_count = f.count};
    about_reading(&d->people[c->place->clients[0]], &r);
    instrument_tell(i, &r);
}

static void tell_candidates(struct destination *d, struct instrument *i, int64_t end_s)
{
    struct candidate *list = NEW_ARRAY(struct candidate, keyed_count(d->places) + 1);
    uint8_t *is_told = NEW_ARRAY(uint8_t, 65536); /* by client */
    size_t count = collect(d, end_s, list);
    double told = 0;
    for (size_t n = 0; n < count && told < d->p->daily_limit; n++) {
        uint8_t *about = &is_told[list[n].place->clients[0]];
        if (*about || list[n].place->told_s == (uint32_t)end_s)
            continue;
        tell_candidate(d, i, list, count, n, end_s);
        *about = 1;
        told++;
    }
    memory_free(is_told);
    memory_free(list);
}

/* ------------------------------------------------------------------------------------ kept */

static int by_hours(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;
    if (x->place->hours != y->place->hours)
        return x->place->hours < y->place->hours ? 1 : -1;
    return str_compare(x->name, y->name);
}

static void tell_one_kept(struct destination *d, struct instrument *i, const struct candidate *c,
                          int64_t end_s)
{
    struct place *p = c->place;
    struct facts f = {.count = 0};
    fact_number(&f, "requests", p->requests);
    fact_number(&f, "clients", p->client_count);
    fact_number(&f, "active_clients", keyed_count(d->clients));
    fact_number(&f, "age_days", (double)(end_s - p->first_s) / DAY_S);
    struct reading r = {.finding = RARE_DESTINATION_KEPT,
                        .time_ns = (end_s - 1) * NS_PER_SECOND,
                        .peer = c->name,
                        .statistic_name = "distinct_hours",
                        .statistic = p->hours,
                        .threshold = d->p->kept_hours,
                        .facts = f.items,
                        .fact_count = f.count};
    p->kept_told_s = p->told_s = (uint32_t)end_s; /* no candidate of its own beside this */
    about_reading(&d->people[p->clients[0]], &r);
    instrument_tell(i, &r);
}

/* One or two hosts go there, in many distinct hours, and it is new. */
static size_t collect_kept(struct destination *d, int64_t end_s, struct candidate *out)
{
    const void *at = NULL;
    struct keyed_entry e;
    size_t n = 0;
    while (keyed_next(d->places, &at, &e)) {
        struct place *p = e.record;
        if (p->hours >= d->p->kept_hours && p->client_count > 0 && p->client_count <= d->p->rare_clients &&
            seconds_of(e.used_ns) >= end_s - DAY_S && (!p->kept_told_s || end_s - p->kept_told_s >= KEPT_S) &&
            end_s - p->first_s <= (int64_t)(d->p->new_days * DAY_S) && destination_is_bottom(d, p, end_s))
            out[n++] = (struct candidate){.name = e.key, .place = p};
    }
    qsort(out, n, sizeof *out, by_hours);
    return n;
}

static void tell_kept(struct destination *d, struct instrument *i, int64_t end_s)
{
    struct candidate *list = NEW_ARRAY(struct candidate, keyed_count(d->places) + 1);
    uint8_t *is_told = NEW_ARRAY(uint8_t, 65536); /* by client */
    size_t count = collect_kept(d, end_s, list);
    double told = 0;
    for (size_t n = 0; n < count && told < d->p->daily_limit; n++) {
        uint8_t *about = &is_told[list[n].place->clients[0]];
        if (*about)
            continue;
        tell_one_kept(d, i, &list[n], end_s);
        *about = 1;
        told++;
    }
    memory_free(is_told);
    memory_free(list);
}

/* -------------------------------------------------------------------------------- visitors */

static size_t collect_exposures(const struct destination *d, struct exposure_count *out)
{
    const void *at = NULL;
    struct keyed_entry e;
    size_t n = 0;
    while (keyed_next(d->clients, &at, &e)) {
        const struct client *c = e.record;
        out[n++] = (struct exposure_count){c->listed_visits, c->active_days > 0 ? c->active_days : 1};
    }
    return n;
}

static void tell_visitor(struct destination *d, struct instrument *i, struct client *c, double p, double rate,
                         int64_t end_s)
{
    struct facts f = {.count = 0};
    fact_number(&f, "distinct_domains", c->listed_count);
    fact_number(&f, "visits", c->listed_visits);
    fact_number(&f, "active_days", c->active_days);
    fact_number(&f, "visits_a_day_of_all", rate);
    struct reading r = {.finding = FREQUENT_VISITOR,
                        .time_ns = (end_s - 1) * NS_PER_SECOND,
                        .statistic_name = "probability",
                        .statistic = p,
                        .threshold = d->p->visitor_confidence,
                        .facts = f.items,
                        .fact_count = f.count};
    c->visitor_told_s = (uint32_t)end_s;
    about_reading(&d->people[c->number], &r);
    instrument_tell(i, &r);
}

/* S68: visits to candidates an active day, shrunk (spec 2.3); P(rate > visitor_ratio × the rate of all). */
static void tell_visitors(struct destination *d, struct instrument *i, int64_t end_s)
{
    struct exposure_count *exposures = NEW_ARRAY(struct exposure_count, keyed_count(d->clients) + 1);
    size_t count = collect_exposures(d, exposures);
    struct gamma_prior prior = gamma_prior_fit(exposures, count, 1);
    const void *at = NULL;
    struct keyed_entry e;
    for (size_t n = 0; keyed_next(d->clients, &at, &e); n++) {
        struct client *c = e.record;
        if (c->listed_count < d->p->visitor_domains ||
            (c->visitor_told_s && end_s - c->visitor_told_s < VISITOR_S))
            continue;
        double p = exceedance(&prior, exposures[n].count, exposures[n].exposure, d->p->visitor_ratio);
        if (p >= d->p->visitor_confidence)
            tell_visitor(d, i, c, p, prior.mean, end_s);
    }
    memory_free(exposures);
}

void destination_tell_day(struct destination *d, struct instrument *i, int64_t end_s)
{
    if (keyed_count(d->clients) < d->p->least_clients)
        return;
    tell_kept(d, i, end_s);
    tell_candidates(d, i, end_s);
    tell_visitors(d, i, end_s);
}

/* ---------------------------------------------------------------------------------- beside */

static void count_beside(struct destination *d, struct instrument *i, struct str name, uint64_t bad,
                         const struct sight *s, struct str bad_name)
{
    struct place *p = keyed_find(d->places, name);
    if (p == NULL || p->is_allowed)
        return;
    struct beside *b = keyed_put(d->beside, name, s->time_ns, NULL);
    d->t.near_visits++;
    b->times += b->last_bad != bad;
    b->last_bad = bad;
    double expected = (double)p->requests / (double)d->t.visits;
    double lift = (double)b->times / (double)d->t.near_visits / expected;
    if (b->times < d->p->beside_times || lift < d->p->beside_lift || b->told_s)
        return;
    struct facts f = {.count = 0};
    fact_number(&f, "times", b->times);
    fact_text(&f, "beside", bad_name);
    struct reading r = {.finding = BESIDE_BAD_DESTINATION,
                        .statistic_name = "lift",
                        .statistic = lift,
                        .threshold = d->p->beside_lift,
                        .window_ns = (int64_t)(d->p->beside_seconds * 1e9),
                        .peer = name,
                        .facts = f.items,
                        .fact_count = f.count};
    b->told_s = (uint32_t)seconds_of(s->time_ns);
    reading_about(&r, s);
    r.peer = name;
    instrument_tell(i, &r);
}

static void remember(struct client *c, struct str name, uint32_t now)
{
    struct recent *v = &c->recent[c->at++ % RECENT];
    v->time_s = now;
    v->name_bytes = (uint8_t)(name.n <= sizeof v->name ? name.n : 0); /* longer ones are not followed */
    memcpy(v->name, name.p, v->name_bytes);
}

void destination_see_beside(struct destination *d, struct instrument *i, const struct sight *s,
                            const struct target *t, struct client *c)
{
    uint32_t now = (uint32_t)seconds_of(s->time_ns), reach = (uint32_t)d->p->beside_seconds;
    if (event_get(s->event, FIELD_THREAT_INDICATOR_TYPE) != NULL) {
        d->t.bad[d->t.bad_visits++ % BAD_VISITS] = (struct bad_visit){now, c->number};
        for (size_t n = 0; n < RECENT; n++) {
            const struct recent *v = &c->recent[n];
            if (v->name_bytes && v->time_s + reach >= now && v->time_s <= now)
                count_beside(d, i, str_n(v->name, v->name_bytes), d->t.bad_visits, s, t->registered);
        }
        return;
    }
    remember(c, t->registered, now);
    for (uint64_t n = 0; n < BAD_VISITS && n < d->t.bad_visits; n++) {
        uint64_t bad = d->t.bad_visits - n; /* the latest first */
        const struct bad_visit *v = &d->t.bad[(bad - 1) % BAD_VISITS];
        if (v->time_s + reach < now)
            break;
        if (v->client == c->number && v->time_s <= now)
            count_beside(d, i, t->registered, bad, s, STR("indicator"));
    }
}
