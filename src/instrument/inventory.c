/* Instrument: what listens on our hosts (S97–S100, spec 2.13). Reads the records of port scans (one for each
 * host and open port, one for each host that was done or not); tells ports that are new since the last
 * accepted baseline, services that changed their banner, ports known for backdoors, and hosts that no scan
 * reached for long.
 *
 *   first scan of a host with this coverage ──▶ baseline: accepted, but for ports known for backdoors
 *   a port that is not accepted ──▶ seen once: a hint ──▶ seen in two scans in a row, or probed twice: told
 *   an accepted port that two scans in a row missed ──▶ forgotten: new when it comes back
 *   registered (exceptions.csv, kind listening) ──▶ silent until the registration expires
 *
 * A scan compares with earlier ones of the same coverage (ports and protocol) only: a wider scan makes
 * nothing new. How common a port is among hosts of the same class (type and roles) weighs a new one. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/memory.h"
#include "instrument/flat_key.h"

#define DAY_NS (24 * 3600 * NS_PER_SECOND)

enum { PORT_NEW, PORT_HINT, PORT_BACKDOOR, PORT_BANNER, PORT_OVERDUE };
static const char *const findings[] = {"listening_port_new", "listening_port_unconfirmed",
                                       "listening_port_known_for_backdoors", "listening_banner_changed",
                                       "port_scan_overdue"};

struct inventory_parameters {
    double scans_in_row, missed_scans, common_share, common_hosts, common_ratio, repeat_days, overdue_scans,
        forget_days, max_hosts, max_ports;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct inventory_parameters, field), low, high                                      \
    }
static const struct parameter parameters[] = {
    P(scans_in_row, 1, 10),   P(missed_scans, 1, 30), P(common_share, 0.01, 1), P(common_hosts, 1, 1e6),
    P(common_ratio, 1, 1000), P(repeat_days, 1, 365), P(overdue_scans, 1, 100), P(forget_days, 7, 1000),
    P(max_hosts, 10, 1e7),    P(max_ports, 100, 1e8),
};
#undef P

/* A host under one coverage. */
struct scanned {
    uint64_t scan; /* hash of the latest scan's id */
    uint32_t scans, missed;
    int64_t told_ns;
};

struct port {
    uint32_t last; /* number of the host's scan that saw it last */
    uint32_t in_row;
    int64_t first_ns, told_ns;
    uint64_t banner, other_banner; /* hashes; 0 = none */
    uint8_t is_accepted, is_hinted;
};

struct count {
    uint32_t hosts;
};

struct inventory {
    const struct inventory_parameters *p;
    struct keyed *scanned, *ports, *classes, *class_ports, *members;
};

static struct keyed *table(size_t record_bytes, double most)
{
    return keyed_new(&(struct keyed_options){(uint32_t)record_bytes, (uint32_t)most, NULL, NULL});
}

static void *open_inventory(struct instrument *i)
{
    struct inventory *v = NEW(struct inventory);
    v->p = instrument_parameters(i);
    v->scanned = table(sizeof(struct scanned), v->p->max_hosts * 2);
    v->ports = table(sizeof(struct port), v->p->max_ports);
    v->classes = table(sizeof(struct count), 10000);
    v->class_ports = table(sizeof(struct count), v->p->max_ports);
    v->members = table(sizeof(uint8_t), v->p->max_ports + v->p->max_hosts);
    return v;
}

static void close_inventory(void *state)
{
    struct inventory *v = state;
    keyed_free(v->scanned);
    keyed_free(v->ports);
    keyed_free(v->classes);
    keyed_free(v->class_ports);
    keyed_free(v->members);
    memory_free(v);
}

/* ---------------------------------------------------------------------- keys */

static struct flat_key port_key(const struct sight *s)
{
    struct flat_key k = {.n = 0};
    flat_key_add(&k, s->key);
    flat_key_add_numbers(&k, s->protocol, s->port);
    return k;
}

/* Digits are versions: an update of the same server is no other server. */
static uint64_t banner_hash(struct str banner)
{
    char text[200];
    size_t n = 0;
    for (size_t i = 0; i < banner.n && n < sizeof text; i++)
        if (!ascii_is_digit(banner.p[i]) && banner.p[i] != '.')
            text[n++] = ascii_lower(banner.p[i]);
    return n ? str_hash(str_n(text, n)) | 1 : 0;
}

/* ------------------------------------------------------------------- classes */

struct rarity {
    uint32_t with, hosts;
};

/* Counts a host and its port once each, and says how many of the class have the port. */
static struct rarity count_in_class(struct inventory *v, const struct sight *s)
{
    bool is_new;
    struct flat_key class = {.n = 0}, host = {.n = 0}, port;
    flat_key_add(&class, s->asset_type);
    flat_key_add_numbers(&class, s->roles, 0);
    struct count *hosts = keyed_put(v->classes, flat_key_text(&class), s->time_ns, NULL);
    flat_key_add(&host, s->key);
    keyed_put(v->members, flat_key_text(&host), s->time_ns, &is_new);
    hosts->hosts += is_new;
    if (s->port == 0)
        return (struct rarity){0, hosts->hosts};
    port = port_key(s);
    keyed_put(v->members, flat_key_text(&port), s->time_ns, &is_new);
    flat_key_add_numbers(&class, s->protocol, s->port);
    struct count *with = keyed_put(v->class_ports, flat_key_text(&class), s->time_ns, NULL);
    with->hosts += is_new;
    return (struct rarity){with->hosts, hosts->hosts};
}

/* ------------------------------------------------------------------- telling */

static bool may_tell(const struct inventory *v, int64_t *told_ns, int64_t now_ns)
{
    if (*told_ns != 0 && now_ns - *told_ns < (int64_t)(v->p->repeat_days * (double)DAY_NS))
        return false;
    *told_ns = now_ns;
    return true;
}

static void tell(const struct inventory *v, struct instrument *i, const struct sight *s, unsigned finding,
                 const struct port *p, struct rarity rarity)
{
    char texts[3][24], first[TIME_TEXT_MAX], peer[32];
    uint32_t numbers[] = {s->port, rarity.with, rarity.hosts};
    for (int n = 0; n < 3; n++)
        snprintf(texts[n], sizeof texts[n], "%u", numbers[n]);
    snprintf(peer, sizeof peer, "%u/%s", s->port, s->protocol == 17 ? "udp" : "tcp");
    struct matched_value facts[] = {
        {STR("server.port"), str_c(texts[0])},
        {STR("service"), s->application},
        {STR("banner"), s->port_banner},
        {STR("hosts_of_class_with_port"), str_c(texts[1])},
        {STR("hosts_of_class"), str_c(texts[2])},
        {STR("first_seen"), str_n(first, time_format_iso(p->first_ns, first))},
    };
    struct reading r = {.finding = finding,
                        .statistic_name = "scans_in_row",
                        .statistic = p->in_row,
                        .threshold = v->p->scans_in_row,
                        .peer = str_c(peer),
                        .facts = facts,
                        .fact_count = COUNT_OF(facts)};
    if (finding == PORT_NEW && rarity.hosts >= v->p->common_hosts &&
        rarity.with >= v->p->common_share * rarity.hosts)
        r.likelihood_ratio = v->p->common_ratio;
    reading_about(&r, s);
    instrument_tell(i, &r);
}

/* --------------------------------------------------------------------- ports */

static bool is_known_for_backdoors(const struct instrument *i, const struct sight *s)
{
    char text[16];
    size_t count;
    const struct str *ports = instrument_list(i, "backdoor_ports", &count);
    struct str port = str_n(text, (size_t)snprintf(text, sizeof text, "%u", s->port));
    for (size_t n = 0; n < count; n++)
        if (str_eq(ports[n], port))
            return true;
    return false;
}

static void see_banner(const struct inventory *v, struct instrument *i, const struct sight *s, struct port *p,
                       struct rarity rarity)
{
    uint64_t banner = banner_hash(s->port_banner);
    if (banner == 0 || banner == p->banner) {
        p->other_banner = banner ? 0 : p->other_banner;
        return;
    }
    if (p->banner == 0) {
        p->banner = banner;
        return;
    }
    bool is_sure = p->other_banner == banner || s->port_confirmed;
    p->other_banner = banner;
    if (!is_sure)
        return;
    p->banner = banner;
    p->other_banner = 0;
    if (!(s->exceptions & (EXCEPTED_LISTENING | EXCEPTED_CHANGE)))
        tell(v, i, s, PORT_BANNER, p, rarity);
}

static void see_unaccepted(const struct inventory *v, struct instrument *i, const struct sight *s,
                           struct port *p, struct rarity rarity)
{
    bool is_backdoor = is_known_for_backdoors(i, s);
    if (is_backdoor || p->in_row >= (uint32_t)v->p->scans_in_row || s->port_confirmed) {
        if (may_tell(v, &p->told_ns, s->time_ns))
            tell(v, i, s, PORT_NEW, p, rarity);
    } else if (!p->is_hinted) {
        p->is_hinted = 1;
        tell(v, i, s, PORT_HINT, p, rarity);
    }
}

static struct scanned *note_scan(struct inventory *v, const struct sight *s)
{
    struct flat_key key = {.n = 0};
    flat_key_add(&key, s->key);
    flat_key_add(&key, s->port_coverage);
    struct scanned *h = keyed_put(v->scanned, flat_key_text(&key), s->time_ns, NULL);
    uint64_t scan = str_hash(s->port_scan_id);
    if (h->scans == 0 || h->scan != scan) {
        h->scan = scan;
        h->scans++;
    }
    h->missed = 0;
    h->told_ns = 0;
    return h;
}

static void see_port(struct inventory *v, struct instrument *i, const struct sight *s)
{
    bool is_new;
    struct flat_key key = port_key(s);
    flat_key_add(&key, s->port_coverage);
    struct rarity rarity = count_in_class(v, s);
    const struct scanned *h = note_scan(v, s);
    struct port *p = keyed_put(v->ports, flat_key_text(&key), s->time_ns, &is_new);
    bool is_again = !is_new && p->last == h->scans; /* the same record again, or a second probe */
    if (is_new || h->scans >= p->last + 1 + (uint32_t)v->p->missed_scans)
        *p = (struct port){.first_ns = s->time_ns, .is_accepted = h->scans == 1};
    if (!is_again)
        p->in_row = p->last + 1 == h->scans ? p->in_row + 1 : 1;
    p->last = h->scans;
    see_banner(v, i, s, p, rarity);
    if (s->exceptions & EXCEPTED_LISTENING)
        return; /* as long as the registration holds */
    if (!p->is_accepted)
        see_unaccepted(v, i, s, p, rarity);
    else if (is_known_for_backdoors(i, s) && may_tell(v, &p->told_ns, s->time_ns))
        tell(v, i, s, PORT_BACKDOOR, p, rarity);
}

/* ---------------------------------------------------------------------- hosts */

static void see_unreached(struct inventory *v, struct instrument *i, const struct sight *s)
{
    struct flat_key key = {.n = 0};
    flat_key_add(&key, s->key);
    flat_key_add(&key, s->port_coverage);
    struct scanned *h = keyed_put(v->scanned, flat_key_text(&key), s->time_ns, NULL);
    h->missed++;
    if (h->missed < (uint32_t)v->p->overdue_scans || !may_tell(v, &h->told_ns, s->time_ns))
        return;
    struct reading r = {.finding = PORT_OVERDUE,
                        .statistic_name = "missed_scans",
                        .statistic = h->missed,
                        .threshold = v->p->overdue_scans,
                        .facts = &(struct matched_value){STR("why"), s->reason},
                        .fact_count = s->reason.n != 0};
    reading_about(&r, s);
    instrument_tell(i, &r);
}

static void see_inventory(void *state, struct instrument *i, const struct sight *s)
{
    struct inventory *v = state;
    if (s->key.n == 0)
        return;
    if (str_eq(s->action, STR("port-open"))) {
        if (s->port != 0)
            see_port(v, i, s);
    } else if (str_eq(s->action, STR("host-scanned"))) {
        note_scan(v, s);
        count_in_class(v, s);
    } else if (str_eq(s->action, STR("host-not-scanned"))) {
        see_unreached(v, i, s);
    }
}

static void reach_inventory(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct inventory *v = state;
    int64_t horizon_ns = watermark_ns - (int64_t)(v->p->forget_days * (double)DAY_NS);
    (void)i;
    keyed_drop_before(v->ports, horizon_ns);
    keyed_drop_before(v->scanned, horizon_ns);
}

static void save_inventory(const void *state, struct buf *out)
{
    const struct inventory *v = state;
    const struct keyed *tables[] = {v->scanned, v->ports, v->classes, v->class_ports, v->members};
    for (size_t n = 0; n < COUNT_OF(tables); n++)
        keyed_save(tables[n], out);
}

static bool load_inventory(void *state, struct cursor *in)
{
    struct inventory *v = state;
    return keyed_load(v->scanned, in) && keyed_load(v->ports, in) && keyed_load(v->classes, in) &&
           keyed_load(v->class_ports, in) && keyed_load(v->members, in);
}

static void measure_inventory(const void *state, struct instrument_info *out)
{
    const struct inventory *v = state;
    const struct keyed *tables[] = {v->scanned, v->ports, v->classes, v->class_ports, v->members};
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind inventory_kind = {
    .name = "inventory",
    .version = 1,
    .wants = SIGHT_PORTS,
    .parameter_bytes = sizeof(struct inventory_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_inventory,
    .close = close_inventory,
    .see = see_inventory,
    .reach = reach_inventory,
    .save = save_inventory,
    .load = load_inventory,
    .measure = measure_inventory,
};
