/* Instrument: trends and outbreaks (S36, S42–S44, S48, S52–S55, S58, S59, S92; spec 2.1). Events → keys that
 * are counted: a signature, a family of malware, a denied port in one direction, mail sent past the mail
 * servers, MX questions, refusals of admission; and the same for each of our networks. trend.c counts and
 * judges; what it finds becomes findings here. One source that many hosts of a network deny is told at once
 * (S44). */
#include "instrument/kinds.h"

#include <math.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "instrument/trend.h"

enum { OUTBREAK_SURGE, OUTBREAK_FOUND, OUTBREAK_NOISY, OUTBREAK_BREADTH, OUTBREAK_NETWORK, OUTBREAK_SOURCE };
static const char *const findings[] = {"trend_surge",   "trend_outbreak",      "trend_noisy_host",
                                       "trend_breadth", "trend_network_surge", "trend_network_source"};

struct outbreak_parameters {
    struct trend_options trend;
    double network_hosts, max_contacts;
};

#define P(name, field, low, high)                                                                            \
    {                                                                                                        \
        name, offsetof(struct outbreak_parameters, field), low, high                                         \
    }
static const struct parameter parameters[] = {
    P("ewma_lambda", trend.ensemble.ewma_lambda, 0.01, 1),
    P("ewma_limit", trend.ensemble.ewma_limit, 1, 10),
    P("cusum_k", trend.ensemble.cusum_k, 0, 5),
    P("cusum_h", trend.ensemble.cusum_h, 1, 50),
    P("ears_alpha", trend.ensemble.ears_alpha, 1e-9, 0.2),
    P("ears_least_deviation", trend.ensemble.ears_least_deviation, 0.01, 1000),
    P("farrington_alpha", trend.ensemble.farrington_alpha, 1e-9, 0.2),
    P("outlier_threshold", trend.ensemble.outlier_threshold, 0.5, 10),
    P("least_recent", trend.ensemble.least_recent, 0, 1e6),
    P("tail_p", trend.ensemble.tail_p, 1e-12, 0.2),
    P("decisive_p", trend.ensemble.decisive_p, 1e-30, 0.1),
    P("learning_bins", trend.ensemble.learning_bins, 1, 10000),
    P("mature_bins", trend.ensemble.mature_bins, 168, 10000),
    P("outbreak_p", trend.outbreak_p, 1e-30, 0.1),
    P("outbreak_q", trend.outbreak_q, 1e-12, 0.5),
    P("outbreak_count", trend.outbreak_count, 1, 1e9),
    P("outbreak_ratio", trend.outbreak_ratio, 1, 1000),
    P("inside_sources", trend.inside_sources, 1, 1000),
    P("outside_sources", trend.outside_sources, 1, 1e6),
    P("known_per_hour", trend.known_per_hour, 0.001, 1e6),
    P("trim_least", trend.trim_least, 0, 1e6),
    P("repeat_hours", trend.repeat_hours, 0, 1000),
    P("relearn_hours", trend.relearn_hours, 1, 10000),
    P("breadth_share", trend.breadth_share, 0.25, 1),
    P("breadth_p", trend.breadth_p, 1e-12, 0.5),
    P("breadth_keys", trend.breadth_keys, 2, 10000),
    P("total_p", trend.total_p, 1e-12, 0.5),
    P("winsor", trend.winsor, 1, 100),
    P("lateness_seconds", trend.lateness_seconds, 0, 290), /* two bins are open at most */
    P("max_keys", trend.max_keys, 10, 100000),
    P("network_hosts", network_hosts, 2, 32),
    P("max_contacts", max_contacts, 100, 1e6),
};
#undef P

/* Hosts of one network that denied one source on one port, within an hour. */
struct contact {
    int64_t first_ns, told_ns;
    uint32_t count;
    uint64_t hosts[32];
};

struct outbreak {
    const struct outbreak_parameters *p;
    struct instrument *instrument;
    struct trend *trend;
    struct keyed *contacts; /* network, source, port → struct contact */
};

/* ------------------------------------------------------------------ calendar */

static int64_t local_day(void *context, int64_t hour)
{
    const struct outbreak *o = context;
    int64_t seconds = hour * 3600 + zone_offset_at_utc(instrument_zone(o->instrument), hour * 3600);
    return seconds >= 0 ? seconds / 86400 : (seconds - 86399) / 86400;
}

static bool is_rest(void *context, int64_t hour)
{
    const struct outbreak *o = context;
    return !calendar_is_business_day(instrument_calendar(o->instrument), OFFICE_COMPANY,
                                     local_day(context, hour));
}

/* ------------------------------------------------------------------- telling */

static struct matched_value fact(const char *name, char room[32], double value)
{
    int n = snprintf(room, 32, "%.4g", value);
    return (struct matched_value){str_c(name), str_n(room, (size_t)n)};
}

static unsigned finding_of(const struct trend_told *told)
{
    if (told->kind == TREND_SURGE && told->flags & TREND_INDIVIDUAL && str_contains(told->key, STR(" @ ")))
        return OUTBREAK_NETWORK;
    static const unsigned of_kind[] = {OUTBREAK_SURGE, OUTBREAK_FOUND, OUTBREAK_NOISY, OUTBREAK_BREADTH};
    return of_kind[told->kind];
}

static struct str join(const struct str *texts, size_t n, struct buf *room)
{
    for (size_t i = 0; i < n; i++) {
        if (i)
            buf_char(room, '\n');
        buf_add(room, texts[i]);
    }
    return buf_str(room);
}

static void tell(void *context, const struct trend_told *told)
{
    struct outbreak *o = context;
    char room[8][32];
    struct buf names = {0};
    bool is_breadth = told->kind == TREND_BREADTH;
    struct matched_value facts[] = {
        is_breadth ? (struct matched_value){STR("keys"), join(told->keys, told->key_count, &names)}
                   : (struct matched_value){STR("key"), told->key},
        fact("expected", room[0], told->expected),
        fact("ratio", room[1], told->ratio),
        fact("q", room[2], told->q),
        is_breadth ? fact("share", room[3], told->share)
                   : fact("inside_sources", room[3], told->sources.inside),
        fact("outside_sources", room[4], told->sources.outside),
        fact("count_of_busiest", room[5], told->sources.top),
        {STR("busiest_source"), told->top_name},
    };
    struct reading r = {.finding = finding_of(told),
                        .time_ns = told->time_ns,
                        .window_ns = told->window_ns,
                        .statistic_name = "count",
                        .statistic = told->kind == TREND_NOISY_HOST ? told->count : told->trimmed,
                        .threshold = told->threshold,
                        .p = told->p,
                        .facts = facts,
                        .fact_count = is_breadth ? 5 : COUNT_OF(facts)};
    struct ip ip;
    if (told->kind == TREND_NOISY_HOST && told->top_is_inside) {
        bool is_address = ip_parse(told->top_name, &ip);
        r.host_ip = is_address ? told->top_name : STR_EMPTY;
        r.host_name = is_address ? STR_EMPTY : told->top_name;
    }
    instrument_tell(o->instrument, &r);
    buf_free(&names);
}

/* ---------------------------------------------------------------------- keys */

struct counted {
    char text[160];
    size_t n;
    uint32_t flags;
    bool is_of_network; /* counted for its network too */
};

/* `n` as snprintf() returned it. */
static bool named(struct counted *c, int n)
{
    c->n = n < 0 ? 0 : (size_t)n < sizeof c->text ? (size_t)n : sizeof c->text - 1;
    return true;
}

static struct str direction_of(const struct sight *s)
{
    if (s->source.is_inside)
        return s->destination.is_inside ? STR("inside") : STR("outward");
    return STR("inward");
}

static bool is_direct_mail(const struct sight *s)
{
    return s->port == 25 && s->protocol != 17 && s->source.is_inside && s->destination.is_known &&
           !s->destination.is_inside && !(s->roles & ROLE_MAIL_SERVER) && !(s->exceptions & EXCEPTED_SMTP);
}

static bool name_flow(struct counted *c, const struct sight *s)
{
    const char *protocol = s->protocol == 17 ? "udp" : s->protocol == 6 || s->protocol == 0 ? "tcp" : NULL;
    if (is_direct_mail(s)) {
        c->flags = TREND_FORBIDDEN;
        return named(c, snprintf(c->text, sizeof c->text, "25/tcp direct"));
    }
    if (s->passage != PASSAGE_DENIED || s->port == 0 || protocol == NULL)
        return false;
    c->is_of_network = true;
    return named(c, snprintf(c->text, sizeof c->text, "denied %u/%s %.*s", s->port, protocol,
                             STR_ARGS(direction_of(s))));
}

static bool name_question(struct counted *c, const struct sight *s)
{
    bool is_usual =
        s->roles & (ROLE_MAIL_SERVER | ROLE_DNS_SERVER) || s->exceptions & (EXCEPTED_DNS | EXCEPTED_SMTP);
    if (!str_eq_nocase(s->question_type, STR("MX")) || s->key.n == 0)
        return false;
    c->flags = is_usual ? 0 : TREND_FORBIDDEN;
    return named(c, snprintf(c->text, sizeof c->text, "mx queries of %s", is_usual ? "servers" : "clients"));
}

static bool name_verdict(struct counted *c, const struct sight *s)
{
    struct str name = s->family.n ? s->family : s->malware;
    if (name.n == 0)
        return false;
    return named(c, snprintf(c->text, sizeof c->text, "malware %.*s", (int)(name.n < 120 ? name.n : 120),
                             name.p));
}

static bool name_signature(struct counted *c, const struct sight *s)
{
    struct str name = s->signature.n ? s->signature : s->signature_id;
    if (name.n == 0)
        return false;
    c->is_of_network = true;
    return named(c, snprintf(c->text, sizeof c->text, "signature %.*s", (int)(name.n < 120 ? name.n : 120),
                             name.p));
}

static bool name_refusal(struct counted *c, const struct sight *s)
{
    struct str reason = event_text(s->event, FIELD_EVENT_REASON);
    if (s->passage != PASSAGE_DENIED)
        return false;
    return named(c, snprintf(c->text, sizeof c->text, "refused %.*s", (int)(reason.n < 100 ? reason.n : 100),
                             reason.n ? reason.p : ""));
}

static bool find_key(struct counted *c, const struct sight *s)
{
    if (s->kinds & SIGHT_MALWARE)
        return name_verdict(c, s);
    if (s->kinds & SIGHT_ALERT)
        return name_signature(c, s);
    if (s->kinds & SIGHT_ADMISSION)
        return name_refusal(c, s);
    if (s->kinds & SIGHT_DNS && s->question_type.n)
        return name_question(c, s);
    return s->kinds & SIGHT_FLOW && name_flow(c, s);
}

/* Whoever does it: the source of a communication, the host of a verdict. */
static struct source_name source_of(const struct sight *s)
{
    if (s->kinds & (SIGHT_MALWARE | SIGHT_ADMISSION) || !s->source.is_known || s->source.is_inside)
        return (struct source_name){s->key.n ? s->key : s->source.text, 0, s->key.n || s->source.is_inside};
    return (struct source_name){s->source.text, 0, false};
}

/* ------------------------------------------------------------------ networks */

/* The network that it happens to, for communications with us; whose it is, for those that leave. Its
 * department or zone in the inventory, else the /24 or /64. */
static struct str network_of(const struct sight *s, char room[64])
{
    const struct end *end = s->destination.is_inside ? &s->destination : &s->source;
    if (!end->is_inside)
        return STR_EMPTY;
    if (end->department.n || end->zone.n)
        return end->department.n ? end->department : end->zone;
    size_t dot = str_find_last_char(end->text, '.'), colon = str_find_last_char(end->text, ':');
    bool is_v4 = dot != STR_NOT_FOUND;
    size_t cut = is_v4 ? dot : colon != STR_NOT_FOUND ? colon : end->text.n;
    struct str tail = is_v4 ? STR(".0/24") : STR(":");
    cut = cut < 40 ? cut : 40;
    memcpy(room, end->text.p, cut);
    memcpy(room + cut, tail.p, tail.n);
    return str_n(room, cut + tail.n);
}

/* Different hosts of the network that denied this source on this port, this one included; 0 when told lately.
 */
static uint32_t count_deniers(struct outbreak *o, const struct sight *s, struct str network)
{
    char room[256];
    int n = snprintf(room, sizeof room, "%.*s|%.*s|%u", (int)(network.n < 100 ? network.n : 100), network.p,
                     STR_ARGS(s->source.text), s->port);
    struct contact *c = keyed_put(o->contacts, str_n(room, (size_t)n), s->time_ns, NULL);
    uint64_t host = str_hash(s->destination.text);
    if (c->count == 0 || s->time_ns - c->first_ns > 3600 * NS_PER_SECOND) {
        c->count = 0;
        c->first_ns = s->time_ns;
    }
    if (c->told_ns != 0 &&
        s->time_ns - c->told_ns < (int64_t)(o->p->trend.repeat_hours * 3600) * NS_PER_SECOND)
        return 0;
    for (uint32_t i = 0; i < c->count; i++)
        if (c->hosts[i] == host)
            return 0;
    if (c->count < COUNT_OF(c->hosts))
        c->hosts[c->count++] = host;
    if (c->count >= o->p->network_hosts)
        c->told_ns = s->time_ns;
    return c->count;
}

/* Many hosts of one network deny the same source: it is scanning, whatever network it is in (S44). */
static void watch_source(struct outbreak *o, const struct sight *s, struct str network)
{
    if (s->passage != PASSAGE_DENIED || !s->source.is_inside || !s->destination.is_inside || s->port == 0)
        return;
    uint32_t hosts = count_deniers(o, s, network);
    if (hosts < o->p->network_hosts)
        return;
    char port[8];
    int n = snprintf(port, sizeof port, "%u", s->port);
    struct matched_value facts[] = {{STR("network"), network},
                                    {STR("destination.port"), str_n(port, (size_t)n)}};
    struct reading r = {.finding = OUTBREAK_SOURCE,
                        .statistic_name = "distinct_denying_hosts",
                        .statistic = hosts,
                        .threshold = o->p->network_hosts,
                        .window_ns = 3600 * NS_PER_SECOND,
                        .facts = facts,
                        .fact_count = 2};
    reading_about(&r, s);
    r.peer = network;
    instrument_tell(o->instrument, &r);
}

static void see_network(struct outbreak *o, const struct sight *s, const struct counted *c,
                        const struct source_name *source)
{
    char room[64];
    struct counted key;
    struct str network = network_of(s, room);
    if (network.n == 0)
        return;
    named(&key, snprintf(key.text, sizeof key.text, "%.*s @ %.*s", (int)(c->n < 90 ? c->n : 90), c->text,
                         (int)(network.n < 60 ? network.n : 60), network.p));
    trend_add(o->trend, str_n(key.text, key.n), TREND_INDIVIDUAL, source, s->time_ns, 1);
    watch_source(o, s, network);
}

/* ---------------------------------------------------------------- instrument */

static bool is_excepted(const struct sight *s)
{
    return s->exceptions & EXCEPTED_SCANNER || s->event->flags & EVENT_EXERCISE;
}

static void see_outbreak(void *state, struct instrument *i, const struct sight *s)
{
    struct outbreak *o = state;
    struct counted c = {.n = 0};
    int64_t received_ns = s->event->received_ns;
    struct sight at = *s;
    (void)i;
    at.time_ns = s->time_ns < received_ns ? s->time_ns : received_ns; /* a clock that is ahead */
    trend_hear(o->trend, at.time_ns);
    if (is_excepted(s) || !find_key(&c, s))
        return;
    struct source_name source = source_of(s);
    trend_add(o->trend, str_n(c.text, c.n), c.flags, &source, at.time_ns, 1);
    if (c.is_of_network)
        see_network(o, &at, &c, &source);
}

static void reach_outbreak(void *state, struct instrument *i, int64_t watermark_ns)
{
    (void)i;
    trend_reach(((struct outbreak *)state)->trend, watermark_ns);
}

static void *open_outbreak(struct instrument *i)
{
    struct outbreak *o = NEW(struct outbreak);
    struct trend_world world = {o, is_rest, local_day, tell};
    o->p = instrument_parameters(i);
    o->instrument = i;
    o->trend = trend_new(&o->p->trend, &world);
    o->contacts = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct contact),
                                                    .max_entries = (uint32_t)o->p->max_contacts});
    return o;
}

static void close_outbreak(void *state)
{
    struct outbreak *o = state;
    trend_free(o->trend);
    keyed_free(o->contacts);
    memory_free(o);
}

static void save_outbreak(const void *state, struct buf *out)
{
    const struct outbreak *o = state;
    trend_save(o->trend, out);
    keyed_save(o->contacts, out);
}

static bool load_outbreak(void *state, struct cursor *in)
{
    struct outbreak *o = state;
    const void *place = NULL;
    struct keyed_entry e;
    if (!trend_load(o->trend, in) || !keyed_load(o->contacts, in))
        return false;
    while (keyed_next(o->contacts, &place, &e))
        if (((struct contact *)e.record)->count > COUNT_OF(((struct contact *)0)->hosts))
            return false;
    return true;
}

static void measure_outbreak(const void *state, struct instrument_info *out)
{
    const struct outbreak *o = state;
    struct trend_counters c = trend_counters(o->trend);
    out->entries = c.keys + keyed_count(o->contacts);
    out->bytes = c.bytes + keyed_bytes(o->contacts);
    out->dropped = c.dropped + keyed_dropped(o->contacts);
    out->late = c.late;
}

const struct instrument_kind outbreak_kind = {
    .name = "outbreak",
    .version = 1,
    .wants = SIGHT_FLOW | SIGHT_DNS | SIGHT_WEB | SIGHT_MAIL | SIGHT_ALERT | SIGHT_MALWARE | SIGHT_ADMISSION |
             SIGHT_LOGON,
    .parameter_bytes = sizeof(struct outbreak_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_outbreak,
    .close = close_outbreak,
    .see = see_outbreak,
    .reach = reach_outbreak,
    .save = save_outbreak,
    .load = load_outbreak,
    .measure = measure_outbreak,
};
