/* Instrument: data that leaves (S106; spec 2.10). Reads flows and visits to outside destinations; tells large
 * and one-sided uploads to rare places, days on which a host sends far more than it and its peers use to,
 * connections that stay open for hours, resolvers of DNS over HTTPS, and ICMP with a payload.
 *
 * - (host, destination): bytes both ways within 24 hours of the first;
 * - host: bytes out of each local day, 14 of them. The modified z of a day (Iglewicz & Hoaglin 1993) is taken
 *   on logarithms against the host's own days, against its peers' day while it has fewer than 7.
 * Next: destination.c knows who is rare. */
#include <math.h>
#include <stdlib.h>

#include "base/domain.h"
#include "base/memory.h"
#include "instrument/destination.h"
#include "instrument/kinds.h"
#include "instrument/statistics.h"

#define DAY_S     86400
#define DAYS      14
#define OWN_DAYS  7
#define LEAST_SUM 4096 /* bytes: smaller events make no table entry of their own */

enum { UPLOAD_RARE, UPLOAD_VOLUME, LONG_CONNECTION, LONG_CONNECTION_HALF_DAY, DOH_RESOLVER, ICMP_VOLUME };
static const char *const findings[] = {"upload_rare",     "upload_volume",
                                       "long_connection", "long_connection_half_day",
                                       "doh_resolver",    "icmp_volume"};
#define FINDINGS (ICMP_VOLUME + 1)

struct upload_parameters {
    double asymmetry, upload_megabytes, volume_megabytes, volume_ratio, z, long_hours, half_day_hours,
        icmp_kilobytes, icmp_average_bytes, doh_clients_share, max_hosts, max_pairs;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct upload_parameters, field), low, high                                         \
    }
static const struct parameter parameters[] = {
    P(asymmetry, 1, 1000),
    P(upload_megabytes, 0.001, 1e9),
    P(volume_megabytes, 0.001, 1e9),
    P(volume_ratio, 1, 1000),
    P(z, 1, 100),
    P(long_hours, 0.1, 1000),
    P(half_day_hours, 0.1, 10000),
    P(icmp_kilobytes, 1, 1e9),
    P(icmp_average_bytes, 1, 65535),
    P(doh_clients_share, 0, 1),
    P(max_hosts, 100, 1e7),
    P(max_pairs, 1000, 1e8),
};
#undef P

struct host {
    struct about about;
    int64_t told_s[FINDINGS];
    int64_t icmp_start_s;
    uint64_t icmp_bytes, icmp_events;
    uint64_t today;
    float days[DAYS]; /* log(1 + bytes) of earlier days */
    uint32_t day_count;
};

struct pair {
    uint64_t out, in;
    int64_t start_s, told_s;
    int64_t open_s, open_until_s; /* of pieces of a connection that follow one another */
};

struct upload {
    const struct upload_parameters *p;
    struct keyed *hosts, *pairs;
    void *const *destination;
    struct name_set resolvers;
    struct name_set suspects; /* what the resolvers are registered under: asked first */
    int64_t day, next_day_s;
};

static void *open_upload(struct instrument *i)
{
    struct upload *u = NEW(struct upload);
    u->p = instrument_parameters(i);
    u->hosts = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct host),
                                                 .max_entries = (uint32_t)u->p->max_hosts});
    u->pairs = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct pair),
                                                 .max_entries = (uint32_t)u->p->max_pairs});
    u->destination = instrument_neighbour(i, "destination");
    u->day = INT64_MIN;
    name_set_fill(&u->resolvers, i, "doh_resolvers");
    size_t count;
    const struct str *names = instrument_list(i, "doh_resolvers", &count);
    for (size_t n = 0; n < count; n++)
        *map_put(&u->suspects.names, domain_registered(names[n]), NULL) = 1;
    return u;
}

static void close_upload(void *state)
{
    struct upload *u = state;
    keyed_free(u->hosts);
    keyed_free(u->pairs);
    name_set_free(&u->resolvers);
    name_set_free(&u->suspects);
    memory_free(u);
}

/* -------------------------------------------------------------------------------------- telling */

struct seen {
    struct upload *upload;
    struct instrument *instrument;
    const struct sight *sight;
    struct visit visit;
};

static bool is_rare(const struct seen *c)
{
    return !c->visit.known.is_allowed && (c->visit.known.is_rare || !c->visit.known.is_comparable);
}

static struct host *host_of(const struct seen *c)
{
    return keyed_put(c->upload->hosts, c->sight->key, c->sight->time_ns, NULL);
}

static bool may_tell(const struct seen *c, unsigned finding)
{
    int64_t now = seconds_of(c->sight->time_ns), *told = &host_of(c)->told_s[finding];
    if (*told && now - *told < DAY_S)
        return false;
    *told = now;
    return true;
}

static void tell(const struct seen *c, unsigned finding, const char *name, double statistic, double threshold,
                 const struct facts *f)
{
    struct reading r = {.finding = finding,
                        .statistic_name = name,
                        .statistic = statistic,
                        .threshold = threshold,
                        .window_ns = DAY_S * NS_PER_SECOND,
                        .facts = f->items,
                        .fact_count = f->count};
    reading_about(&r, c->sight);
    r.peer = c->visit.target.name;
    instrument_tell(c->instrument, &r);
}

static void add_known(const struct seen *c, struct facts *f)
{
    fact_number(f, "clients", c->visit.known.clients);
    fact_number(f, "active_clients", c->visit.known.active_clients);
    if (c->sight->port)
        fact_number(f, "destination.port", c->sight->port);
}

/* ------------------------------------------------------------------------------- single readings */

static void test_upload(const struct seen *c)
{
    const struct sight *s = c->sight;
    const struct upload_parameters *p = c->upload->p;
    int64_t now = seconds_of(s->time_ns);
    if (s->bytes_out < LEAST_SUM || !is_rare(c))
        return;
    struct key_pair key = {c->visit.client, c->visit.place};
    struct pair *pair = keyed_put(c->upload->pairs, key_pair_str(&key), s->time_ns, NULL);
    if (pair->start_s == 0 || now - pair->start_s >= DAY_S)
        pair->start_s = now, pair->out = pair->in = 0;
    pair->out += (uint64_t)s->bytes_out;
    pair->in += s->bytes_in > 0 ? (uint64_t)s->bytes_in : 0;
    double megabytes = (double)pair->out / 1e6, asymmetry = (double)pair->out / fmax(1, (double)pair->in);
    if (megabytes < p->upload_megabytes || asymmetry < p->asymmetry ||
        (pair->told_s && now - pair->told_s < DAY_S))
        return;
    pair->told_s = now;
    struct facts f = {.count = 0};
    fact_number(&f, "asymmetry", asymmetry);
    fact_number(&f, "asymmetry_threshold", p->asymmetry);
    fact_number(&f, "first_seen_days_ago", (double)(now - c->visit.known.first_s) / DAY_S);
    add_known(c, &f);
    tell(c, UPLOAD_RARE, "megabytes_out", megabytes, p->upload_megabytes, &f);
}

#define PIECE_S 300

/* Flow exporters cut long connections into pieces: those of five minutes and more that follow one another
 * within five minutes are one. */
static double hours_open(const struct seen *c)
{
    int64_t length_s = c->sight->duration_ns / NS_PER_SECOND, start_s = seconds_of(c->sight->time_ns);
    struct key_pair key = {c->visit.client, c->visit.place};
    struct pair *pair = keyed_put(c->upload->pairs, key_pair_str(&key), c->sight->time_ns, NULL);
    if (pair->open_until_s == 0 || start_s > pair->open_until_s + PIECE_S || start_s < pair->open_s)
        pair->open_s = start_s;
    if (start_s + length_s > pair->open_until_s || pair->open_s == start_s)
        pair->open_until_s = start_s + length_s;
    return (double)(pair->open_until_s - pair->open_s) / 3600;
}

static void test_duration(const struct seen *c)
{
    const struct upload_parameters *p = c->upload->p;
    if (c->sight->duration_ns < PIECE_S * NS_PER_SECOND || !is_rare(c))
        return;
    double hours = hours_open(c);
    if (hours < p->long_hours)
        return;
    unsigned finding = hours >= p->half_day_hours ? LONG_CONNECTION_HALF_DAY : LONG_CONNECTION;
    if (!may_tell(c, finding))
        return;
    struct facts f = {.count = 0};
    add_known(c, &f);
    tell(c, finding, "hours", hours, finding == LONG_CONNECTION ? p->long_hours : p->half_day_hours, &f);
}

/* One that few use: where all use it, somebody has set it up. */
static void test_resolver(const struct seen *c)
{
    const struct sight *s = c->sight;
    bool is_https = s->port == 443 || (!c->visit.target.is_address && s->port == 0);
    if (!is_https || (s->roles & (ROLE_DNS_SERVER | ROLE_PROXY)) ||
        map_find(&c->upload->suspects.names, c->visit.target.registered) == NULL ||
        !name_set_holds(&c->upload->resolvers, c->visit.target.name))
        return;
    double share = (double)c->visit.known.clients / fmax(1, c->visit.known.active_clients);
    if ((c->visit.known.is_comparable && share > c->upload->p->doh_clients_share) ||
        !may_tell(c, DOH_RESOLVER))
        return;
    struct facts f = {.count = 0};
    add_known(c, &f);
    tell(c, DOH_RESOLVER, "share_of_clients", share, c->upload->p->doh_clients_share, &f);
}

static void test_icmp(const struct seen *c)
{
    const struct sight *s = c->sight;
    const struct upload_parameters *p = c->upload->p;
    int64_t now = seconds_of(s->time_ns), packets = 0;
    if (s->protocol != 1)
        return;
    struct host *h = host_of(c);
    if (h->icmp_start_s == 0 || now - h->icmp_start_s >= DAY_S) {
        h->icmp_start_s = now;
        h->icmp_bytes = h->icmp_events = 0;
    }
    if (!event_number(s->event, FIELD_SOURCE_PACKETS, &packets) || packets < 1)
        packets = 1;
    h->icmp_bytes += (uint64_t)s->bytes_out;
    h->icmp_events += (uint64_t)packets;
    double kilobytes = (double)h->icmp_bytes / 1e3, average = (double)h->icmp_bytes / (double)h->icmp_events;
    if (kilobytes < p->icmp_kilobytes || average < p->icmp_average_bytes || !may_tell(c, ICMP_VOLUME))
        return;
    struct facts f = {.count = 0};
    fact_number(&f, "bytes_per_packet", average);
    fact_number(&f, "bytes_per_packet_threshold", p->icmp_average_bytes);
    tell(c, ICMP_VOLUME, "kilobytes_out", kilobytes, p->icmp_kilobytes, &f);
}

static void await_upload(const void *state, const struct sight *s, enum keyed_fetch what)
{
    const struct upload *u = state;
    keyed_fetch(u->hosts, s->key_hash, what);
}

static void see_upload(void *state, struct instrument *i, const struct sight *s)
{
    struct upload *u = state;
    struct seen c = {.upload = u, .instrument = i, .sight = s};
    bool tells_anything = s->bytes_out > 0 || s->duration_ns > 0 || (s->kinds & (SIGHT_WEB | SIGHT_TLS));
    if (!tells_anything || (s->exceptions & EXCEPTED_COMMUNICATION) ||
        !destination_visit(u->destination, s, &c.visit))
        return;
    if (s->bytes_out > 0) {
        struct host *h = host_of(&c);
        if (h->today == 0)
            about_fill(&h->about, s);
        h->today += (uint64_t)s->bytes_out;
        test_upload(&c);
        test_icmp(&c);
    }
    test_duration(&c);
    test_resolver(&c);
}

/* ------------------------------------------------------------------------------------------ days */

static void tell_volume(struct upload *u, struct instrument *i, struct host *h, double z,
                        const char *baseline, size_t days, int64_t end_s)
{
    struct facts f = {.count = 0};
    fact_number(&f, "megabytes_out", (double)h->today / 1e6);
    fact_text(&f, "baseline", str_c(baseline));
    fact_number(&f, "baseline_values", (double)days);
    struct reading r = {.finding = UPLOAD_VOLUME,
                        .time_ns = (end_s - 1) * NS_PER_SECOND,
                        .statistic_name = "modified_z",
                        .statistic = z,
                        .threshold = u->p->z,
                        .window_ns = DAY_S * NS_PER_SECOND,
                        .facts = f.items,
                        .fact_count = f.count};
    about_reading(&h->about, &r);
    instrument_tell(i, &r);
}

/* Log bytes of all hosts that sent anything on the day. */
static size_t peers_of_day(const struct upload *u, double *out)
{
    const void *place = NULL;
    struct keyed_entry e;
    size_t n = 0;
    while (keyed_next(u->hosts, &place, &e)) {
        const struct host *h = e.record;
        if (h->today)
            out[n++] = log1p((double)h->today);
    }
    return n;
}

#define LEAST_PEERS 10

static void end_of_host(struct upload *u, struct instrument *i, struct host *h, double *peers, size_t count,
                        double *room, int64_t end_s)
{
    double today = log1p((double)h->today), z = 0, least = log(u->p->volume_ratio);
    bool has_own = h->day_count >= OWN_DAYS;
    size_t n = has_own ? (h->day_count < DAYS ? h->day_count : DAYS) : count;
    if ((double)h->today / 1e6 >= u->p->volume_megabytes && (has_own || count >= LEAST_PEERS)) {
        for (size_t k = 0; k < n; k++)
            room[k] = has_own ? (double)h->days[k] : peers[k];
        if (today - median_of(room, n) >= least) /* days that are all alike make everything far */
            z = robust_z(today, room, n);
    }
    if (z > u->p->z)
        tell_volume(u, i, h, z, has_own ? "own days" : "peers", n, end_s);
    h->days[h->day_count++ % DAYS] = (float)today;
    h->today = 0;
}

static void end_day(struct upload *u, struct instrument *i, int64_t end_s)
{
    size_t all = keyed_count(u->hosts);
    double *peers = NEW_ARRAY(double, all + 1), *room = NEW_ARRAY(double, all + DAYS);
    size_t count = peers_of_day(u, peers);
    const void *place = NULL;
    struct keyed_entry e;
    while (keyed_next(u->hosts, &place, &e)) {
        struct host *h = e.record;
        if (h->today) /* days off are no days of little work */
            end_of_host(u, i, h, peers, count, room, end_s);
    }
    memory_free(peers);
    memory_free(room);
}

static void reach_upload(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct upload *u = state;
    int64_t now = seconds_of(watermark_ns);
    if (now < u->next_day_s)
        return;
    int64_t day = local_day(i, now);
    if (u->day != INT64_MIN)
        end_day(u, i, day_start_s(i, day));
    u->day = day;
    u->next_day_s = day_start_s(i, day + 1);
    keyed_drop_before(u->pairs, watermark_ns - (int64_t)2 * DAY_S * NS_PER_SECOND);
    keyed_drop_before(u->hosts, watermark_ns - (int64_t)30 * DAY_S * NS_PER_SECOND);
}

static void save_upload(const void *state, struct buf *out)
{
    const struct upload *u = state;
    buf_bytes(out, &u->day, sizeof u->day);
    buf_bytes(out, &u->next_day_s, sizeof u->next_day_s);
    keyed_save(u->hosts, out);
    keyed_save(u->pairs, out);
}

static bool load_upload(void *state, struct cursor *in)
{
    struct upload *u = state;
    cursor_bytes(in, &u->day, sizeof u->day);
    cursor_bytes(in, &u->next_day_s, sizeof u->next_day_s);
    return keyed_load(u->hosts, in) && keyed_load(u->pairs, in);
}

static void measure_upload(const void *state, struct instrument_info *out)
{
    const struct upload *u = state;
    out->entries = keyed_count(u->hosts) + keyed_count(u->pairs);
    out->dropped = keyed_dropped(u->hosts) + keyed_dropped(u->pairs);
    out->bytes = keyed_bytes(u->hosts) + keyed_bytes(u->pairs);
}

const struct instrument_kind upload_kind = {
    .name = "upload",
    .version = 1,
    .wants = SIGHT_FLOW | SIGHT_WEB | SIGHT_TLS | SIGHT_ICMP,
    .parameter_bytes = sizeof(struct upload_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_upload,
    .close = close_upload,
    .see = see_upload,
    .await = await_upload,
    .reach = reach_upload,
    .save = save_upload,
    .load = load_upload,
    .measure = measure_upload,
};
