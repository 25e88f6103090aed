/* Instrument: data carried in names (S106; spec 2.9). Reads questions of DNS; for each client and registered
 * domain counts distinct subdomains, their length, entropy and record types within an hour and a day, and for
 * each registered domain the information that all distinct subdomains carry, in fixed memory (information-
 * weighted heavy hitters, Ozery et al., arXiv 2307.02614).
 *
 *   question ─▶ zone (per domain: clients that did this, information of the day)
 *           └─▶ channel (per client and domain) ── signs ≥ 3 and enough names ─▶ finding
 *
 * A domain that many clients ask in this way is a service (antivirus look-ups, telemetry). Next: upload.c. */
#include "base/memory.h"
#include "instrument/distinct.h"
#include "instrument/kinds.h"
#include "instrument/name_score.h"
#include "instrument/target.h"

#define HOUR_LOG2  10 /* bits of the bitmaps */
#define DAY_LOG2   12
#define ASKER_LOG2 14
#define ZONE_LOG2  9
#define WEIGHTS    5 /* 32 minima: standard error 18 % */
#define HOUR_S     3600
#define DAY_S      86400

enum { DNS_TUNNEL, DNS_TUNNEL_SUSPECTED, DNS_INFORMATION };
static const char *const findings[] = {"dns_tunnel", "dns_tunnel_suspected", "dns_information"};

struct tunnel_parameters {
    double hour_names, day_names, suspected_names, signs, suspected_signs, label_length, name_length, entropy,
        entropy_length, record_share, unique_share, service_names, service_clients, service_share,
        information_bytes, information_clients, max_channels, max_zones;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct tunnel_parameters, field), low, high                                         \
    }
static const struct parameter parameters[] = {
    P(hour_names, 2, 1e6),        P(day_names, 2, 1e6),
    P(suspected_names, 2, 1e6),   P(signs, 1, 4),
    P(suspected_signs, 1, 4),     P(label_length, 1, 63),
    P(name_length, 1, 255),       P(entropy, 0, 8),
    P(entropy_length, 1, 255),    P(record_share, 0, 1),
    P(unique_share, 0, 1),        P(service_names, 1, 1e6),
    P(service_clients, 1, 1e6),   P(service_share, 0, 1),
    P(information_bytes, 1, 1e9), P(information_clients, 1, 1e6),
    P(max_channels, 100, 1e7),    P(max_zones, 100, 1e6),
};
#undef P

/* Sums over the questions of a window; a window begins with the first question after the last one ended. */
struct sums {
    int64_t start_s;
    uint32_t questions, data_records, long_names, varied, measured;
};

/* One client and one registered domain. */
struct channel {
    struct sums hour, day;
    int64_t told_s[DNS_INFORMATION + 1];
    uint64_t hour_bits[1 << (HOUR_LOG2 - 6)];
    uint64_t day_bits[1 << (DAY_LOG2 - 6)];
};

/* One registered domain. */
struct zone_info {
    int64_t start_s, told_s;
    uint64_t clients[1 << (ZONE_LOG2 - 6)]; /* that ask service_names and more: bitmap */
    uint64_t askers[2];                     /* that ask anything below it */
    float weights[1 << WEIGHTS];            /* bits of the day's distinct subdomains */
};

struct tunnel {
    const struct tunnel_parameters *p;
    struct keyed *channels, *zones;
    uint64_t askers[1 << (ASKER_LOG2 - 6)]; /* of anything below any domain; bitmap */
    double asker_count;
    int64_t counted_s;
    struct name_set allowed;
};

static void *open_tunnel(struct instrument *i)
{
    struct tunnel *t = NEW(struct tunnel);
    t->p = instrument_parameters(i);
    t->channels = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct channel),
                                                    .max_entries = (uint32_t)t->p->max_channels});
    t->zones = keyed_new(&(struct keyed_options){.record_bytes = sizeof(struct zone_info),
                                                 .max_entries = (uint32_t)t->p->max_zones});
    name_set_fill(&t->allowed, i, "allowed");
    return t;
}

static void close_tunnel(void *state)
{
    struct tunnel *t = state;
    keyed_free(t->channels);
    keyed_free(t->zones);
    name_set_free(&t->allowed);
    memory_free(t);
}

/* ----------------------------------------------------------------------------------- counting */

struct question {
    struct str below; /* the part below the registered domain */
    double entropy;
    uint64_t hash;
    bool is_data, is_long, is_measured, is_varied;
};

static bool carries_data(struct str type)
{
    static const struct str types[] = {STR("TXT"), STR("NULL"), STR("CNAME"), STR("KEY"), STR("PRIVATE")};
    for (size_t n = 0; n < COUNT_OF(types); n++)
        if (str_eq(type, types[n]))
            return true;
    return false;
}

static struct question measure_question(const struct tunnel *t, const struct sight *s, struct str below)
{
    struct question q = {.below = below, .entropy = name_entropy(below), .hash = str_hash(below)};
    q.is_data = carries_data(s->question_type);
    q.is_long = label_length_mean(below) > t->p->label_length || (double)s->domain.n > t->p->name_length;
    q.is_measured = (double)below.n >= t->p->entropy_length;
    q.is_varied = q.is_measured && q.entropy >= t->p->entropy;
    return q;
}

static void add(struct sums *w, const struct question *q)
{
    w->questions++;
    w->data_records += q->is_data;
    w->long_names += q->is_long;
    w->varied += q->is_varied;
    w->measured += q->is_measured;
}

/* Begins a window anew when the last one is over. */
static void turn(struct sums *w, uint64_t *bits, unsigned log2_bits, int64_t now_s, int64_t length_s)
{
    if (w->questions && now_s - w->start_s < length_s)
        return;
    *w = (struct sums){.start_s = now_s};
    memset(bits, 0, ((size_t)1 << log2_bits) / 8);
}

/* -------------------------------------------------------------------------------------- signs */

struct signs {
    double unique, unique_share, long_share, varied_share, data_share;
    unsigned count;
};

/* Four of spec 2.9; that nobody connects to the answers cannot be seen from questions alone. */
static struct signs signs_of(const struct tunnel *t, const struct sums *w, double unique)
{
    double n = w->questions;
    struct signs s = {.unique = unique,
                      .unique_share = unique < n ? unique / n : 1,
                      .long_share = w->long_names / n,
                      .varied_share = w->varied / n,
                      .data_share = w->data_records / n};
    s.count = (s.unique_share > t->p->unique_share) + (s.long_share > 0.5) + (s.varied_share > 0.5) +
              (s.data_share > t->p->record_share);
    return s;
}

static void tell(struct tunnel *t, struct instrument *i, const struct sight *s, struct channel *c,
                 unsigned finding, const struct signs *signs, double threshold, int64_t window_s)
{
    int64_t now = seconds_of(s->time_ns);
    if (c->told_s[finding] && now - c->told_s[finding] < DAY_S)
        return;
    c->told_s[finding] = now;
    struct facts f = {.count = 0};
    (void)t;
    fact_number(&f, "signs", signs->count);
    fact_number(&f, "unique_share", signs->unique_share);
    fact_number(&f, "long_name_share", signs->long_share);
    fact_number(&f, "high_entropy_share", signs->varied_share);
    fact_number(&f, "data_record_share", signs->data_share);
    fact_number(&f, "name_entropy", name_entropy(subdomain_of(s->domain, s->registered_domain)));
    fact_text(&f, "latest", str_slice(s->domain, 0, 100));
    struct reading r = {.finding = finding,
                        .statistic_name = "distinct_subdomains",
                        .statistic = (double)(int64_t)(signs->unique + 0.5),
                        .threshold = threshold,
                        .window_ns = window_s * NS_PER_SECOND,
                        .peer = s->registered_domain,
                        .facts = f.items,
                        .fact_count = f.count};
    reading_about(&r, s);
    r.peer = s->registered_domain;
    instrument_tell(i, &r);
}

/* Many hosts, and a good part of all, ask in the same way: antivirus look-ups, telemetry. */
static bool is_service(const struct tunnel *t, const struct zone_info *z)
{
    double clients = bitmap_count(z->clients, ZONE_LOG2) + 0.5;
    return clients >= t->p->service_clients && clients >= t->p->service_share * t->asker_count;
}

static void decide(struct tunnel *t, struct instrument *i, const struct sight *s, struct channel *c,
                   struct zone_info *z)
{
    const struct tunnel_parameters *p = t->p;
    struct signs hour = signs_of(t, &c->hour, bitmap_count(c->hour_bits, HOUR_LOG2));
    struct signs day = signs_of(t, &c->day, bitmap_count(c->day_bits, DAY_LOG2));
    if (is_service(t, z) || name_set_holds(&t->allowed, s->registered_domain))
        return;
    if (day.unique >= p->day_names && day.count >= p->signs)
        tell(t, i, s, c, DNS_TUNNEL, &day, p->day_names, DAY_S);
    else if (hour.unique >= p->hour_names && hour.count >= p->signs)
        tell(t, i, s, c, DNS_TUNNEL, &hour, p->hour_names, HOUR_S);
    else if (day.unique >= p->suspected_names && day.count >= p->suspected_signs)
        tell(t, i, s, c, DNS_TUNNEL_SUSPECTED, &day, p->suspected_names, DAY_S);
}

/* -------------------------------------------------------------------------------- information */

static void weigh(struct tunnel *t, struct instrument *i, const struct sight *s, struct channel *c,
                  struct zone_info *z, const struct question *q)
{
    int64_t now = seconds_of(s->time_ns);
    if (z->start_s == 0 || now - z->start_s >= DAY_S) {
        z->start_s = now;
        memset(z->weights, 0, sizeof z->weights);
        memset(z->askers, 0, sizeof z->askers);
    }
    bitmap_add(z->askers, 7, str_hash(s->key));
    weight_add(z->weights, WEIGHTS, q->hash, q->entropy * (double)q->below.n);
    if (c->day.questions % 8 || (z->told_s && now - z->told_s < DAY_S))
        return;
    double bytes = weight_sum(z->weights, WEIGHTS) / 8;
    if (bytes < t->p->information_bytes || bitmap_count(z->askers, 7) > t->p->information_clients ||
        is_service(t, z) || name_set_holds(&t->allowed, s->registered_domain))
        return;
    struct signs day = signs_of(t, &c->day, bitmap_count(c->day_bits, DAY_LOG2));
    struct facts f = {.count = 0};
    z->told_s = now;
    fact_number(&f, "distinct_subdomains", day.unique);
    fact_number(&f, "clients", bitmap_count(z->askers, 7));
    fact_number(&f, "seconds", (double)(now - z->start_s));
    struct reading r = {.finding = DNS_INFORMATION,
                        .statistic_name = "information_bytes",
                        .statistic = bytes,
                        .threshold = t->p->information_bytes,
                        .window_ns = DAY_S * NS_PER_SECOND,
                        .facts = f.items,
                        .fact_count = f.count};
    reading_about(&r, s);
    r.peer = s->registered_domain;
    instrument_tell(i, &r);
}

/* Names below a registered domain; of hosts that ask for themselves. */
static struct str below_of(const struct sight *s)
{
    if (s->key.n == 0 || s->registered_domain.n == s->domain.n ||
        (s->roles & (ROLE_DNS_SERVER | ROLE_MAIL_SERVER)) || (s->exceptions & EXCEPTED_DNS) ||
        str_ends(s->domain, STR(".arpa")) || str_eq(s->question_type, STR("PTR")))
        return STR_EMPTY;
    return subdomain_of(s->domain, s->registered_domain);
}

#define SHORT 12 /* "www", "mail", "api.static": too little to carry anything */

static void see_tunnel(void *state, struct instrument *i, const struct sight *s)
{
    struct tunnel *t = state;
    struct str below = below_of(s);
    if (below.n < SHORT)
        return;
    int64_t now = seconds_of(s->time_ns);
    struct question q = measure_question(t, s, below);
    struct key_pair key = key_pair_of(s->key, s->registered_domain);
    bitmap_add(t->askers, ASKER_LOG2, key.who);
    if (now - t->counted_s >= HOUR_S) {
        t->asker_count = bitmap_count(t->askers, ASKER_LOG2);
        t->counted_s = now;
    }
    struct channel *c = keyed_put(t->channels, key_pair_str(&key), s->time_ns, NULL);
    struct zone_info *z = keyed_put(t->zones, s->registered_domain, s->time_ns, NULL);
    turn(&c->hour, c->hour_bits, HOUR_LOG2, now, HOUR_S);
    turn(&c->day, c->day_bits, DAY_LOG2, now, DAY_S);
    bool is_new_in_hour = bitmap_add(c->hour_bits, HOUR_LOG2, q.hash);
    bool is_new_in_day = bitmap_add(c->day_bits, DAY_LOG2, q.hash);
    add(&c->hour, &q);
    add(&c->day, &q);
    if (!is_new_in_hour && !is_new_in_day)
        return;
    if (c->day.questions == t->p->service_names)
        bitmap_add(z->clients, ZONE_LOG2, key.who);
    if (c->day.questions >= t->p->suspected_names || c->hour.questions >= t->p->hour_names)
        decide(t, i, s, c, z);
    weigh(t, i, s, c, z, &q);
}

static void reach_tunnel(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct tunnel *t = state;
    (void)i;
    keyed_drop_before(t->channels, watermark_ns - (int64_t)2 * DAY_S * NS_PER_SECOND);
    keyed_drop_before(t->zones, watermark_ns - (int64_t)14 * DAY_S * NS_PER_SECOND);
}

static void save_tunnel(const void *state, struct buf *out)
{
    const struct tunnel *t = state;
    buf_bytes(out, t->askers, sizeof t->askers);
    buf_bytes(out, &t->asker_count, sizeof t->asker_count);
    buf_bytes(out, &t->counted_s, sizeof t->counted_s);
    keyed_save(t->channels, out);
    keyed_save(t->zones, out);
}

static bool load_tunnel(void *state, struct cursor *in)
{
    struct tunnel *t = state;
    cursor_bytes(in, t->askers, sizeof t->askers);
    cursor_bytes(in, &t->asker_count, sizeof t->asker_count);
    cursor_bytes(in, &t->counted_s, sizeof t->counted_s);
    return keyed_load(t->channels, in) && keyed_load(t->zones, in);
}

static void measure_tunnel(const void *state, struct instrument_info *out)
{
    const struct tunnel *t = state;
    out->entries = keyed_count(t->channels) + keyed_count(t->zones);
    out->dropped = keyed_dropped(t->channels) + keyed_dropped(t->zones);
    out->bytes = keyed_bytes(t->channels) + keyed_bytes(t->zones);
}

const struct instrument_kind dns_tunnel_kind = {
    .name = "dns_tunnel",
    .version = 1,
    .wants = SIGHT_DNS,
    .parameter_bytes = sizeof(struct tunnel_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_tunnel,
    .close = close_tunnel,
    .see = see_tunnel,
    .reach = reach_tunnel,
    .save = save_tunnel,
    .load = load_tunnel,
    .measure = measure_tunnel,
};
