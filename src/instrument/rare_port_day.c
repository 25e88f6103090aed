/* The daily list of hosts with rare ports (stage instrument): walks what rare_port.c noted of the day, scores
 * each host, tells the first `daily_list`. */
#include "instrument/rare_port.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"

#define PORTS_SHOWN 8

bool rare_port_is_rare(const struct rare_port *r, const struct port_record *port)
{
    double share = r->p->rare_share * keyed_count(r->hosts);
    return port->hosts <= (share > r->p->rare_hosts ? share : r->p->rare_hosts);
}

struct shown {
    struct port_key key;
    struct ip destination;
    uint32_t hosts;
    double score;
};

struct scored {
    uint32_t number; /* of the host */
    const struct host_record *host;
    double score, ephemeral; /* ephemeral: the rarest of those ports, in `score` already */
    struct shown shown[PORTS_SHOWN];
    uint32_t shown_count, port_count;
};

static int by_number(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    return (x->number > y->number) - (x->number < y->number);
}

static int by_score(const void *a, const void *b)
{
    const struct scored *x = a, *y = b;
    if (x->score != y->score)
        return x->score < y->score ? 1 : -1;
    return by_number(a, b);
}

/* The most telling ports stay. */
static void show(struct scored *s, const struct shown *port)
{
    uint32_t at = s->shown_count < PORTS_SHOWN ? s->shown_count++ : PORTS_SHOWN - 1;
    if (at == PORTS_SHOWN - 1 && s->port_count >= PORTS_SHOWN && s->shown[at].score >= port->score)
        return;
    for (; at > 0 && s->shown[at - 1].score < port->score; at--)
        s->shown[at] = s->shown[at - 1];
    s->shown[at] = *port;
}

static void add(const struct rare_port *r, struct scored *s, const struct shown *port)
{
    double more = port->score;
    if (port->key.port >= (uint16_t)r->p->ephemeral_from) {
        more = port->score > s->ephemeral ? port->score - s->ephemeral : 0;
        s->ephemeral += more;
    }
    s->score += more;
    show(s, port);
    s->port_count++;
}

static void score_uses(const struct rare_port *r, struct scored *all, size_t count)
{
    const double weights[] = {[USE_FAILED] = r->p->failure_weight, [USE_UNKNOWN] = 0.5, [USE_ANSWERED] = 1};
    struct keyed_entry entry;
    const void *place = NULL;
    while (keyed_next(r->uses, &place, &entry)) {
        struct shown port;
        const struct use_record *use = entry.record;
        memcpy(&port.key, entry.key.p, sizeof port.key);
        struct scored wanted = {.number = port.key.host};
        struct scored *s = bsearch(&wanted, all, count, sizeof *all, by_number);
        struct port_key key = port.key;
        key.host = 0;
        const struct port_record *known = keyed_find(r->ports, port_key_str(&key));
        if (s == NULL || known == NULL || known->hosts == 0 || !rare_port_is_rare(r, known))
            continue;
        port.hosts = known->hosts;
        port.destination = use->destination;
        port.score = -log10((double)known->hosts / (double)count) * weights[use->best];
        if (port.score > 0)
            add(r, s, &port);
    }
}

static const char *protocol_name(uint8_t protocol)
{
    return protocol == 17 ? "udp" : "tcp";
}

/* "8291/tcp 192.0.2.4 (1); …": port, destination, hosts that use the port. */
static void ports_text(const struct scored *s, struct buf *out)
{
    for (uint32_t n = 0; n < s->shown_count; n++) {
        char ip[IP_TEXT_MAX];
        const struct shown *p = &s->shown[n];
        ip_format(&p->destination, ip);
        buf_printf(out, "%s%u/%s %s (%u)", n ? "; " : "", p->key.port, protocol_name(p->key.protocol), ip,
                   p->hosts);
    }
    if (s->port_count > s->shown_count)
        buf_printf(out, "; +%u", s->port_count - s->shown_count);
}

static void tell_host(struct instrument *i, const struct rare_port *r, const struct scored *s, uint32_t rank,
                      size_t active, int64_t time_ns)
{
    struct buf ports = {0};
    char place[16], hosts[16], peer[IP_TEXT_MAX];
    ports_text(s, &ports);
    struct matched_value facts[] = {{STR("rank"), {place, 0}},
                                    {STR("ports"), buf_str(&ports)},
                                    {STR("active_hosts"), {hosts, 0}}};
    facts[0].text.n = (size_t)snprintf(place, sizeof place, "%u", rank);
    facts[2].text.n = (size_t)snprintf(hosts, sizeof hosts, "%zu", active);
    struct reading reading = {.finding = RARE_PORT_HOST,
                              .time_ns = time_ns,
                              .host_ip = str_n(s->host->ip, s->host->ip_bytes),
                              .host_name = str_n(s->host->name, s->host->name_bytes),
                              .peer = str_n(peer, ip_format(&s->shown[0].destination, peer)),
                              .statistic_name = "score",
                              .statistic = s->score,
                              .threshold = r->p->min_score,
                              .window_ns = INT64_C(86400) * NS_PER_SECOND,
                              .facts = facts,
                              .fact_count = COUNT_OF(facts)};
    instrument_tell(i, &reading);
    buf_free(&ports);
}

void rare_port_tell_day(struct rare_port *r, struct instrument *i, int64_t time_ns)
{
    size_t count = 0;
    struct scored *all = NEW_ARRAY(struct scored, keyed_count(r->hosts) + 1);
    struct keyed_entry entry;
    const void *place = NULL;
    while (keyed_next(r->hosts, &place, &entry)) {
        const struct host_record *h = entry.record;
        all[count++] = (struct scored){.number = h->number, .host = h};
    }
    qsort(all, count, sizeof *all, by_number);
    score_uses(r, all, count);
    qsort(all, count, sizeof *all, by_score);
    for (uint32_t n = 0; n < count && n < (uint32_t)r->p->daily_list && all[n].score >= r->p->min_score; n++)
        tell_host(i, r, &all[n], n + 1, count, time_ns);
    memory_free(all);
}

void rare_port_tell_new(struct instrument *i, const struct sight *s, double left_today)
{
    char port[24];
    struct matched_value facts[] = {{STR("destination.port"), {port, 0}},
                                    {STR("more_today"), left_today > 0
                                                            ? STR("told")
                                                            : STR("not told, the day's limit is reached")}};
    facts[0].text.n = (size_t)snprintf(port, sizeof port, "%u/%s", s->port, protocol_name(s->protocol));
    struct reading reading = {.finding = PORT_FIRST_SEEN,
                              .statistic_name = "hosts",
                              .statistic = 1,
                              .threshold = 1,
                              .peer = s->destination.text,
                              .facts = facts,
                              .fact_count = COUNT_OF(facts)};
    reading_about(&reading, s);
    instrument_tell(i, &reading);
}
