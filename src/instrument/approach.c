/* Instrument: outsiders who try our doors (S42, S93; spec 2.6). Reads failed contacts of outside addresses;
 * tells who sweeps our hosts or tries one host's ports, and which host of ours is tried by many. The Internet
 * does so all day: these are notes for whoever looks at a host, no evidence against it, and so many a day.
 *
 * - Counts as for our own hosts (scan.c): distinct failed destinations on one port, distinct failed ports of
 *   one destination, in a window.
 * - A host that many different outsiders failed on within a day. */
#include "instrument/daily.h"
#include "instrument/kinds.h"
#include "instrument/recent.h"

#include <stdio.h>

#include "base/memory.h"

#define DAY_NS (INT64_C(86400) * NS_PER_SECOND)

enum { OUTSIDE_SWEEP, OUTSIDE_PORT_SCAN, HOST_APPROACHED };
static const char *const findings[] = {"scan_from_outside", "port_scan_from_outside", "host_approached"};

struct approach_parameters {
    double sweep_destinations, port_scan_ports, window_minutes, approaching_sources, repeat_hours, told_a_day,
        max_entries;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct approach_parameters, field), low, high                                       \
    }
static const struct parameter parameters[] = {
    P(sweep_destinations, 2, RECENT_MAX),
    P(port_scan_ports, 2, RECENT_MAX),
    P(window_minutes, 1, 1440),
    P(approaching_sources, 2, RECENT_MAX),
    P(repeat_hours, 1, 720),
    P(told_a_day, 1, 10000),
    P(max_entries, 1000, 1e7),
};
#undef P

struct tries {
    int64_t told_ns;
    struct recent recent;
};

struct approach {
    const struct approach_parameters *p;
    struct keyed *sweeps, *port_scans, *hosts;
    int64_t day;
    uint32_t told_today;
};

static struct keyed *table(const struct approach *a)
{
    return keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct tries),
                                             .max_entries = (uint32_t)a->p->max_entries});
}

static void *open_approach(struct instrument *i)
{
    struct approach *a = NEW(struct approach);
    a->p = instrument_parameters(i);
    a->sweeps = table(a);
    a->port_scans = table(a);
    a->hosts = table(a);
    return a;
}

static void close_approach(void *state)
{
    struct approach *a = state;
    keyed_free(a->sweeps);
    keyed_free(a->port_scans);
    keyed_free(a->hosts);
    memory_free(a);
}

/* ------------------------------------------------------------------- telling */

struct question {
    struct approach *approach;
    struct instrument *instrument;
    const struct sight *sight;
};

static void tell(const struct question *q, unsigned finding, const char *name, double statistic,
                 double threshold, int64_t window_ns)
{
    const struct sight *s = q->sight;
    char port[16];
    struct matched_value fact = {STR("destination.port"), {port, 0}};
    fact.text.n = (size_t)snprintf(port, sizeof port, "%u", s->port);
    struct reading r = {.finding = finding,
                        .time_ns = s->time_ns,
                        .passage = s->passage,
                        .statistic_name = name,
                        .statistic = statistic,
                        .threshold = threshold,
                        .window_ns = window_ns,
                        .product = event_text(s->event, FIELD_OBSERVER_PRODUCT),
                        .facts = &fact,
                        .fact_count = s->port != 0};
    bool is_of_host = finding == HOST_APPROACHED;
    r.host_ip = is_of_host ? s->destination.text : s->source.text;
    r.host_name = is_of_host ? s->destination.name : STR_EMPTY;
    r.department = is_of_host ? s->destination.department : STR_EMPTY;
    r.peer = is_of_host ? s->source.text : s->destination.text;
    instrument_tell(q->instrument, &r);
}

/* One more try of `what`; tells when there were enough within the window, now and then. */
static void note(const struct question *q, struct keyed *table, struct str key, uint64_t what,
                 unsigned finding, const char *name, double threshold, int64_t window_ns)
{
    struct approach *a = q->approach;
    int64_t now = q->sight->time_ns;
    struct tries *t = keyed_put(table, key, now, NULL);
    if (!recent_add(&t->recent, what, now, window_ns))
        return;
    uint32_t count = recent_count(&t->recent, now, window_ns);
    bool is_told = t->told_ns != 0 && now - t->told_ns < (int64_t)(a->p->repeat_hours * 3600) * NS_PER_SECOND;
    if (count < (uint32_t)threshold || is_told)
        return;
    t->told_ns = now;
    if (a->told_today++ < (uint32_t)a->p->told_a_day)
        tell(q, finding, name, count, threshold, window_ns);
}

/* -------------------------------------------------------------------- seeing */

static bool is_of_interest(const struct sight *s)
{
    return s->source.is_known && !s->source.is_inside && s->destination.is_known && !s->is_broadcast &&
           !s->is_backscatter && s->answer == ANSWER_NO && s->exceptions == 0 &&
           !ip_is_private(&s->source.ip);
}

struct flat_key {
    struct ip ip;
    uint16_t port;
    uint8_t protocol;
};

static void see_approach(void *state, struct instrument *i, const struct sight *s)
{
    struct approach *a = state;
    if (!is_of_interest(s))
        return;
    int64_t day = daily_day_of(instrument_zone(i), s->event);
    a->told_today = day == a->day ? a->told_today : 0;
    a->day = day;
    struct question q = {a, i, s};
    int64_t window_ns = (int64_t)(a->p->window_minutes * 60) * NS_PER_SECOND;
    struct flat_key sweep;
    memset(&sweep, 0, sizeof sweep); /* the bytes between the members are part of the key */
    sweep.ip = s->source.ip;
    sweep.port = s->port;
    sweep.protocol = s->protocol;
    note(&q, a->sweeps, str_n((const char *)&sweep, sizeof sweep), s->destination_hash, OUTSIDE_SWEEP,
         "distinct_failed_destinations", a->p->sweep_destinations, window_ns);
    struct ip pair[2] = {s->source.ip, s->destination.ip};
    note(&q, a->port_scans, str_n((const char *)pair, sizeof pair), s->port + 1u, OUTSIDE_PORT_SCAN,
         "distinct_failed_ports", a->p->port_scan_ports, window_ns);
    if (s->destination.is_inside)
        note(&q, a->hosts, str_n((const char *)&pair[1], sizeof pair[1]), str_hash(s->source.text),
             HOST_APPROACHED, "distinct_sources", a->p->approaching_sources, DAY_NS);
}

static void reach_approach(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct approach *a = state;
    (void)i;
    keyed_drop_before(a->sweeps, watermark_ns - DAY_NS);
    keyed_drop_before(a->port_scans, watermark_ns - DAY_NS);
    keyed_drop_before(a->hosts, watermark_ns - 2 * DAY_NS);
}

/* ------------------------------------------------------------------- keeping */

static void save_approach(const void *state, struct buf *out)
{
    const struct approach *a = state;
    buf_bytes(out, &a->day, sizeof a->day);
    buf_bytes(out, &a->told_today, sizeof a->told_today);
    keyed_save(a->sweeps, out);
    keyed_save(a->port_scans, out);
    keyed_save(a->hosts, out);
}

static bool load_approach(void *state, struct cursor *in)
{
    struct approach *a = state;
    cursor_bytes(in, &a->day, sizeof a->day);
    cursor_bytes(in, &a->told_today, sizeof a->told_today);
    return keyed_load(a->sweeps, in) && keyed_load(a->port_scans, in) && keyed_load(a->hosts, in);
}

static void measure_approach(const void *state, struct instrument_info *out)
{
    const struct approach *a = state;
    const struct keyed *tables[] = {a->sweeps, a->port_scans, a->hosts};
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind approach_kind = {
    .name = "approach",
    .version = 1,
    .wants = SIGHT_FLOW,
    .parameter_bytes = sizeof(struct approach_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_approach,
    .close = close_approach,
    .see = see_approach,
    .reach = reach_approach,
    .save = save_approach,
    .load = load_approach,
    .measure = measure_approach,
};
