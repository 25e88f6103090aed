/* Instrument: an inside host that scans (S93, S95; spec 2.6). Reads contacts of inside hosts; tells
 * suspicions by the sequential test, sweeps and port scans by count, slow scans, and worms by what several
 * hosts do.
 *
 * - Sequential test on first contacts (Jung, Paxson, Berger, Balakrishnan, S&P 2004), in its reverse form for
 *   our own hosts (Schechter, Jung, Berger, RAID 2004): L = max(1, L) × θ1/θ0 after an answer, ×
 * (1−θ1)/(1−θ0) after a failure; suspicious when L reaches (1−β)/α. A host infected after years of good
 * behaviour starts from 1 like any other.
 * - Counts: distinct failed destinations on one port, distinct failed ports of one destination, in a window.
 * - Slow: distinct failed destinations in 24 h, and the share of failures.
 * - Worm: the same port swept by several inside hosts within an hour.
 * Mail past our own servers is one fact, told by mass_mail.c: its ports outside are left out here.
 * Destinations that many hosts fail on are down, and say nothing about those who ask for them; nobody has to
 * answer what is sent to all. Failures hours apart are no walk: slow scans are counted by the day. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/memory.h"
#include "instrument/ports.h"

#define RING_MAX     64
#define DEAD_SOURCES 16
#define WORM_SOURCES 16
#define HOURS        24

enum { SCAN_SUSPECTED, SCAN_HORIZONTAL, SCAN_VERTICAL, SCAN_SLOW, SCAN_WORM };
static const char *const findings[] = {"scan_suspected", "scan_horizontal", "scan_vertical", "scan_slow",
                                       "scan_worm"};

struct scan_parameters {
    double alpha, beta, theta0, theta1, sweep_destinations, port_scan_ports, window_minutes,
        slow_destinations, slow_failure_share, walk_minutes, dead_sources, worm_sources, worm_minutes,
        repeat_minutes, max_sources, max_contacts;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct scan_parameters, field), low, high                                           \
    }
static const struct parameter parameters[] = {
    P(alpha, 1e-9, 0.5),
    P(beta, 1e-9, 0.5),
    P(theta0, 0.01, 0.99),
    P(theta1, 0.01, 0.99),
    P(sweep_destinations, 2, RING_MAX),
    P(port_scan_ports, 2, RING_MAX),
    P(window_minutes, 1, 1440),
    P(slow_destinations, 2, 1e6),
    P(slow_failure_share, 0.01, 1),
    P(walk_minutes, 1, 1440),
    P(dead_sources, 2, DEAD_SOURCES),
    P(worm_sources, 2, WORM_SOURCES),
    P(worm_minutes, 1, 1440),
    P(repeat_minutes, 1, 10080),
    P(max_sources, 100, 1e7),
    P(max_contacts, 1000, 1e8),
};
#undef P

struct source {
    double likelihood; /* L of the sequential test */
    uint32_t number;   /* in keys of the other tables */
    int64_t walked_ns; /* the latest step of the test */
    int64_t told_ns[SCAN_WORM + 1];
    int64_t first_hour;                      /* of the ring below, hours since 1970 */
    uint32_t failed[HOURS], answered[HOURS]; /* distinct destinations, by hour % 24 */
};

/* A source's contact with a destination, or with one of its ports. */
struct contact {
    int64_t failed_ns; /* the latest failure that was counted; 0 = none */
    uint8_t is_seen;
};

/* Times of the latest distinct failures of (source, port) or (source, destination). */
struct fan {
    uint32_t count, at;
    int64_t times_ns[RING_MAX];
};

struct dead {
    uint32_t sources[DEAD_SOURCES];
    uint32_t count;
};

struct worm {
    uint32_t sources[WORM_SOURCES];
    int64_t times_ns[WORM_SOURCES];
    int64_t told_ns;
    uint32_t told_count;
};

struct scan {
    const struct scan_parameters *p;
    const struct ports *elsewhere; /* ports outside that another instrument tells of */
    struct keyed *sources, *contacts, *ports, *fans, *dead, *worms;
    uint32_t next_number;
};

static struct keyed *table(uint32_t record_bytes, double most)
{
    return keyed_new(&(struct keyed_options){.record_bytes = record_bytes, .max_entries = (uint32_t)most});
}

static const void *read_scan(const char *path, const struct yaml *top, struct arena *a, struct error *err)
{
    return ports_read(path, top, "told_elsewhere", a, err);
}

static void *open_scan(struct instrument *i)
{
    struct scan *s = NEW(struct scan);
    s->p = instrument_parameters(i);
    s->elsewhere = instrument_own(i);
    s->sources = table(sizeof(struct source), s->p->max_sources);
    s->contacts = table(sizeof(struct contact), s->p->max_contacts);
    s->ports = table(sizeof(struct contact), s->p->max_contacts);
    s->fans = table(sizeof(struct fan), s->p->max_sources);
    s->dead = table(sizeof(struct dead), s->p->max_sources);
    s->worms = table(sizeof(struct worm), 4096);
    return s;
}

static void close_scan(void *state)
{
    struct scan *s = state;
    keyed_free(s->sources);
    keyed_free(s->contacts);
    keyed_free(s->ports);
    keyed_free(s->fans);
    keyed_free(s->dead);
    keyed_free(s->worms);
    memory_free(s);
}

/* -------------------------------------------------------------------- tables */

/* Keys of flat numbers: who, what kind of key, and what of the destination. */
struct key {
    uint32_t source;
    uint16_t port;
    uint8_t protocol, kind;
    struct ip ip;
};

static struct str bytes_of(const struct key *k)
{
    return (struct str){(const char *)k, sizeof *k};
}

enum { KEY_CONTACT, KEY_PORT, KEY_SWEEP, KEY_PORT_SCAN };

/* A flood of one source must not grow for ever: an hour that is over counts no more. */
static void turn_hours(struct source *src, int64_t time_ns)
{
    int64_t hour = time_ns / (3600 * NS_PER_SECOND);
    if (src->first_hour == 0 || hour - src->first_hour >= 2 * HOURS)
        src->first_hour = hour - HOURS + 1;
    while (src->first_hour + HOURS <= hour) {
        src->failed[src->first_hour % HOURS] = 0;
        src->answered[src->first_hour % HOURS] = 0;
        src->first_hour++;
    }
}

/* Adds a time; the number of times within the window that ends with it, no more than `most`. */
static uint32_t add_to_fan(struct fan *f, int64_t time_ns, int64_t window_ns, uint32_t most)
{
    uint32_t within = 0;
    f->times_ns[f->at % RING_MAX] = time_ns;
    f->at++;
    f->count += f->count < RING_MAX;
    for (uint32_t n = 1; n <= f->count && within < most; n++)
        within += f->times_ns[(f->at - n) % RING_MAX] > time_ns - window_ns;
    return within;
}

static bool is_dead(struct scan *s, const struct source *src, const struct ip *ip, int64_t time_ns)
{
    struct dead *d = keyed_put(s->dead, str_n((const char *)ip, sizeof *ip), time_ns, NULL);
    uint32_t n = 0;
    while (n < d->count && d->sources[n] != src->number)
        n++;
    if (n == d->count && d->count < DEAD_SOURCES)
        d->sources[d->count++] = src->number;
    return d->count >= (uint32_t)s->p->dead_sources;
}

/* ------------------------------------------------------------------- telling */

struct contact_at_hand {
    struct scan *scan;
    struct instrument *instrument;
    const struct sight *sight;
    struct source *source;
};

static bool may_tell(const struct contact_at_hand *c, unsigned finding)
{
    int64_t *told = &c->source->told_ns[finding], now = c->sight->time_ns;
    if (*told != 0 && now < *told + (int64_t)(c->scan->p->repeat_minutes * 60) * NS_PER_SECOND)
        return false;
    *told = now;
    return true;
}

static void tell(const struct contact_at_hand *c, unsigned finding, const char *name, double statistic,
                 double threshold, int64_t window_ns)
{
    char port[16], service[24];
    const char *transport = c->sight->protocol == 17 ? "udp" : "tcp";
    struct matched_value facts[] = {{STR("destination.port"), {port, 0}}, {STR("service"), {service, 0}}};
    facts[0].text.n = (size_t)snprintf(port, sizeof port, "%u", c->sight->port);
    facts[1].text.n = (size_t)snprintf(service, sizeof service, "%u/%s", c->sight->port, transport);
    struct reading r = {.finding = finding,
                        .statistic_name = name,
                        .statistic = statistic,
                        .threshold = threshold,
                        .window_ns = window_ns,
                        .peer = c->sight->destination.text,
                        .facts = facts,
                        .fact_count = c->sight->port != 0 ? COUNT_OF(facts) : 0};
    reading_about(&r, c->sight);
    instrument_tell(c->instrument, &r);
}

/* ----------------------------------------------------------------- the tests */

static void test_worm(const struct contact_at_hand *c)
{
    const struct scan_parameters *p = c->scan->p;
    struct key key = {.port = c->sight->port, .protocol = c->sight->protocol};
    struct worm *w = keyed_put(c->scan->worms, bytes_of(&key), c->sight->time_ns, NULL);
    int64_t window_ns = (int64_t)(p->worm_minutes * 60) * NS_PER_SECOND, now = c->sight->time_ns;
    uint32_t slot = 0, within = 0;
    for (uint32_t n = 0; n < WORM_SOURCES; n++) { /* its own place, else the oldest */
        if (w->sources[n] == c->source->number) {
            slot = n;
            break;
        }
        if (w->times_ns[n] < w->times_ns[slot])
            slot = n;
    }
    w->sources[slot] = c->source->number;
    w->times_ns[slot] = now;
    for (uint32_t n = 0; n < WORM_SOURCES; n++)
        within += w->times_ns[n] != 0 && w->times_ns[n] > now - window_ns;
    if (w->told_ns != 0 && now - w->told_ns > window_ns)
        w->told_count = 0;
    if (within < (uint32_t)p->worm_sources || within <= w->told_count)
        return;
    w->told_count = within;
    w->told_ns = now;
    tell(c, SCAN_WORM, "scanning_hosts", within, p->worm_sources, window_ns);
}

/* Every failure to a destination on a port that this source had not failed on lately. */
static void test_counts(const struct contact_at_hand *c)
{
    const struct scan_parameters *p = c->scan->p;
    const struct sight *s = c->sight;
    int64_t window_ns = (int64_t)(p->window_minutes * 60) * NS_PER_SECOND;
    struct key key = {c->source->number, s->port, s->protocol, KEY_PORT, s->destination.ip};
    struct contact *contact = keyed_put(c->scan->ports, bytes_of(&key), s->time_ns, NULL);
    if (contact->failed_ns != 0 && s->time_ns - contact->failed_ns < window_ns)
        return;
    contact->failed_ns = s->time_ns;
    struct key sweep = {.source = key.source, .port = s->port, .protocol = s->protocol, .kind = KEY_SWEEP};
    uint32_t destinations = add_to_fan(keyed_put(c->scan->fans, bytes_of(&sweep), s->time_ns, NULL),
                                       s->time_ns, window_ns, (uint32_t)p->sweep_destinations);
    if (destinations >= (uint32_t)p->sweep_destinations) {
        if (may_tell(c, SCAN_HORIZONTAL))
            tell(c, SCAN_HORIZONTAL, "distinct_failed_destinations", destinations, p->sweep_destinations,
                 window_ns);
        test_worm(c);
    }
    if (s->port == 0)
        return;
    struct key scan = {.source = key.source,
                       .protocol = s->protocol,
                       .kind = KEY_PORT_SCAN,
                       .ip = s->destination.ip};
    uint32_t ports = add_to_fan(keyed_put(c->scan->fans, bytes_of(&scan), s->time_ns, NULL), s->time_ns,
                                window_ns, (uint32_t)p->port_scan_ports);
    if (ports >= (uint32_t)p->port_scan_ports && may_tell(c, SCAN_VERTICAL))
        tell(c, SCAN_VERTICAL, "distinct_failed_ports", ports, p->port_scan_ports, window_ns);
}

static void test_slow(const struct contact_at_hand *c)
{
    const struct scan_parameters *p = c->scan->p;
    const struct source *src = c->source;
    double failed = 0, answered = 0;
    for (int n = 0; n < HOURS; n++) {
        failed += src->failed[n];
        answered += src->answered[n];
    }
    if (failed >= p->slow_destinations && failed / (failed + answered) >= p->slow_failure_share &&
        may_tell(c, SCAN_SLOW))
        tell(c, SCAN_SLOW, "distinct_failed_destinations", failed, p->slow_destinations,
             (int64_t)HOURS * 3600 * NS_PER_SECOND);
}

static void test_sequentially(const struct contact_at_hand *c, bool is_answered)
{
    const struct scan_parameters *p = c->scan->p;
    struct source *src = c->source;
    double limit = (1 - p->beta) / p->alpha;
    int64_t now = c->sight->time_ns, walk_ns = (int64_t)(p->walk_minutes * 60) * NS_PER_SECOND;
    bool is_same_walk = now - src->walked_ns <= walk_ns;
    double from = is_same_walk && src->likelihood > 1 ? src->likelihood : 1;
    src->walked_ns = now > src->walked_ns ? now : src->walked_ns;
    src->likelihood = from * (is_answered ? p->theta1 / p->theta0 : (1 - p->theta1) / (1 - p->theta0));
    if (src->likelihood < limit)
        return;
    if (may_tell(c, SCAN_SUSPECTED))
        tell(c, SCAN_SUSPECTED, "likelihood_ratio", src->likelihood, limit, 0);
    src->likelihood = limit; /* a flood of failures is forgotten as fast as a few */
}

static void note_first_contact(const struct contact_at_hand *c, bool is_answered)
{
    struct source *src = c->source;
    turn_hours(src, c->sight->time_ns);
    int64_t hour = c->sight->time_ns / (3600 * NS_PER_SECOND);
    if (hour >= src->first_hour)
        (is_answered ? src->answered : src->failed)[hour % HOURS]++;
    test_sequentially(c, is_answered);
    if (!is_answered)
        test_slow(c);
}

static bool is_of_interest(const struct scan *scan, const struct sight *s)
{
    if (s->is_backscatter || s->is_broadcast ||
        (!s->destination.is_inside && ports_has(scan->elsewhere, s->port)))
        return false;
    return s->key.n && s->source.is_inside && s->destination.is_known && s->answer != ANSWER_UNKNOWN &&
           !(s->exceptions & EXCEPTED_SCANNER) && (s->protocol == 6 || s->protocol == 17 || s->protocol == 0);
}

static void await_scan(const void *state, const struct sight *s, enum keyed_fetch what)
{
    const struct scan *scan = state;
    keyed_fetch(scan->sources, s->key_hash, what);
}

static void see_scan(void *state, struct instrument *i, const struct sight *s)
{
    struct scan *scan = state;
    bool is_new, is_answered = s->answer == ANSWER_YES;
    if (!is_of_interest(scan, s))
        return;
    struct source *src = keyed_put(scan->sources, s->key, s->time_ns, &is_new);
    if (is_new)
        *src = (struct source){.likelihood = 1, .number = ++scan->next_number};
    struct contact_at_hand c = {scan, i, s, src};
    struct key key = {.source = src->number, .kind = KEY_CONTACT, .ip = s->destination.ip};
    if (!is_answered && is_dead(scan, src, &s->destination.ip, s->time_ns))
        return;
    struct contact *contact = keyed_put(scan->contacts, bytes_of(&key), s->time_ns, &is_new);
    if (!contact->is_seen)
        note_first_contact(&c, is_answered);
    contact->is_seen = true;
    if (!is_answered)
        test_counts(&c);
}

#define FORGET_NS ((int64_t)24 * 3600 * NS_PER_SECOND)

/* A contact is a first one again after a day without it; a destination that was down may be up again. */
static void reach_scan(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct scan *s = state;
    (void)i;
    keyed_drop_before(s->contacts, watermark_ns - FORGET_NS);
    keyed_drop_before(s->ports, watermark_ns - FORGET_NS);
    keyed_drop_before(s->fans, watermark_ns - FORGET_NS);
    keyed_drop_before(s->dead, watermark_ns - FORGET_NS / 24);
}

static void save_scan(const void *state, struct buf *out)
{
    const struct scan *s = state;
    buf_bytes(out, &s->next_number, sizeof s->next_number);
    keyed_save(s->sources, out);
    keyed_save(s->contacts, out);
    keyed_save(s->ports, out);
    keyed_save(s->fans, out);
    keyed_save(s->dead, out);
    keyed_save(s->worms, out);
}

static bool load_scan(void *state, struct cursor *in)
{
    struct scan *s = state;
    cursor_bytes(in, &s->next_number, sizeof s->next_number);
    return keyed_load(s->sources, in) && keyed_load(s->contacts, in) && keyed_load(s->ports, in) &&
           keyed_load(s->fans, in) && keyed_load(s->dead, in) && keyed_load(s->worms, in);
}

static void measure_scan(const void *state, struct instrument_info *out)
{
    const struct scan *s = state;
    const struct keyed *tables[] = {s->sources, s->contacts, s->ports, s->fans, s->dead, s->worms};
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind scan_kind = {
    .name = "scan",
    .version = 2,
    .wants = SIGHT_FLOW,
    .parameter_bytes = sizeof(struct scan_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_scan,
    .close = close_scan,
    .see = see_scan,
    .await = await_scan,
    .reach = reach_scan,
    .save = save_scan,
    .load = load_scan,
    .measure = measure_scan,
    .read = read_scan,
};
