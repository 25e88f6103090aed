/* Instrument: ports that hardly anybody here uses (S104), and ports never seen before (S56). Reads contacts
 * of inside hosts with the outside; tells once a day the hosts worth looking at, at most `daily_list`, and a
 * new port when it is first used. Counts are exact: which hosts used a port in the last `memory_days` stands
 * in `pairs`, one entry for each, and an entry that makes room is counted and told (measure).
 *
 *   rare:  hosts of the port ≤ max(rare_hosts, rare_share × active hosts)
 *   score of a host and day = Σ over its rare ports of −log10(hosts of the port / active hosts) × weight
 *   weight by the best answer of the day: answered 1, unknown ½, refused or silent `failure_weight`
 *
 * Ports from `ephemeral_from` up count once, the rarest of them: calls and file transfers choose them anew
 * each time. A reply that was logged as if it were a contact (from a service's port to a high one) is passed
 * over. */
#include "instrument/kinds.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "instrument/ports.h"
#include "instrument/rare_port.h"

#define DAY_NS        (INT64_C(86400) * NS_PER_SECOND)
#define LATE_NS       (300 * NS_PER_SECOND) /* a day's list waits so long for late events */
#define PORT_MEMORY   90                    /* days, S56 */
#define RESERVED_PORT 1024

const char *const rare_port_findings[] = {"rare_port_host", "port_first_seen"};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct rare_port_parameters, field), low, high                                      \
    }
static const struct parameter parameters[] = {
    P(rare_hosts, 1, 1e6),   P(rare_share, 0, 1),          P(memory_days, 1, 365),
    P(min_score, 0, 100),    P(daily_list, 1, 1000),       P(failure_weight, 0, 1),
    P(learning_days, 0, 90), P(new_ports_a_day, 1, 10000), P(ephemeral_from, 1025, 65535),
    P(max_hosts, 100, 1e6),  P(max_pairs, 1000, 1e8),
};
#undef P

static const void *read_rare_port(const char *path, const struct yaml *top, struct arena *a,
                                  struct error *err)
{
    struct usual_ports *u = ARENA_NEW(a, struct usual_ports);
    u->all = ports_read(path, top, "ordinary_ports", a, err);
    u->mail_server = u->all ? ports_read(path, top, "mail_server_ports", a, err) : NULL;
    u->name_server = u->mail_server ? ports_read(path, top, "name_server_ports", a, err) : NULL;
    return u->name_server ? u : NULL;
}

/* A host has not used the port for `memory_days`, or made room. */
static void forget_pair(void *context, struct str key, void *record)
{
    struct rare_port *r = context;
    struct port_key port;
    (void)record;
    memcpy(&port, key.p, sizeof port);
    port.host = 0;
    struct port_record *known = keyed_find(r->ports, port_key_str(&port));
    if (known != NULL && known->hosts > 0)
        known->hosts--;
}

static struct keyed *table(uint32_t record_bytes, double most)
{
    return keyed_new(&(struct keyed_options){.record_bytes = record_bytes, .max_entries = (uint32_t)most});
}

static void *open_rare_port(struct instrument *i)
{
    struct rare_port *r = NEW(struct rare_port);
    r->p = instrument_parameters(i);
    r->usual = instrument_own(i);
    r->hosts = table(sizeof(struct host_record), r->p->max_hosts);
    r->ports = table(sizeof(struct port_record), 2 * 65536);
    r->uses = table(sizeof(struct use_record), r->p->max_pairs);
    r->pairs = keyed_new(&(struct keyed_options){.record_bytes = sizeof(uint8_t),
                                                 .max_entries = (uint32_t)r->p->max_pairs,
                                                 .dropped = forget_pair,
                                                 .context = r});
    return r;
}

static void close_rare_port(void *state)
{
    struct rare_port *r = state;
    keyed_free(r->pairs);
    keyed_free(r->uses);
    keyed_free(r->ports);
    keyed_free(r->hosts);
    memory_free(r);
}

int64_t rare_port_local_day(const struct instrument *i, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND;
    return (seconds + zone_offset_at_utc(instrument_zone(i), seconds)) / 86400;
}

/* -------------------------------------------------------------------- seeing */

static struct host_record *note_host(struct rare_port *r, const struct sight *s)
{
    bool is_new;
    struct host_record *h = keyed_put(r->hosts, s->key, s->time_ns, &is_new);
    if (is_new)
        h->number = ++r->next_number;
    if (h->ip_bytes == 0 || s->time_ns > h->noted_ns + DAY_NS / 24) { /* texts only now and then */
        h->ip_bytes = keep_bytes(h->ip, sizeof h->ip, s->ip);
        h->name_bytes = keep_bytes(h->name, sizeof h->name, s->name);
        h->noted_ns = s->time_ns;
    }
    return h;
}

/* From a service's port to a high one: the other side asked. */
static bool is_reply(const struct rare_port *r, const struct sight *s)
{
    int64_t from;
    if (s->port < RESERVED_PORT || !event_number(s->event, FIELD_SOURCE_PORT, &from) || from <= 0 ||
        from > 65535)
        return false;
    if (from < RESERVED_PORT || ports_has(r->usual->all, (uint16_t)from))
        return true;
    struct port_key service = {.protocol = s->protocol, .port = (uint16_t)from};
    const struct port_record *known = keyed_find(r->ports, port_key_str(&service));
    return known != NULL && !rare_port_is_rare(r, known) && s->port >= (uint16_t)r->p->ephemeral_from;
}

/* Who has used the port in the last weeks. */
static void note_pair(struct rare_port *r, const struct port_key *key, const struct sight *s)
{
    struct port_key port = *key;
    bool is_new;
    keyed_put(r->pairs, port_key_str(key), s->time_ns, &is_new);
    port.host = 0;
    struct port_record *known = keyed_put(r->ports, port_key_str(&port), s->time_ns, NULL);
    known->hosts += is_new;
    if (known->first_ns == 0)
        known->first_ns = s->time_ns;
}

/* Not while learning, not what was refused, not ports that programs choose by chance. */
static void tell_if_new(struct rare_port *r, struct instrument *i, const struct port_key *key,
                        const struct sight *s)
{
    struct port_key port = *key;
    port.host = 0;
    struct port_record *known = keyed_find(r->ports, port_key_str(&port));
    bool is_learning = s->time_ns < r->first_ns + (int64_t)r->p->learning_days * DAY_NS;
    if (known->is_met || s->answer == ANSWER_NO || s->passage == PASSAGE_DENIED)
        return;
    known->is_met = 1;
    if (is_learning || s->port >= (uint16_t)r->p->ephemeral_from || r->new_today >= r->p->new_ports_a_day)
        return;
    r->new_today++;
    rare_port_tell_new(i, s, r->p->new_ports_a_day - r->new_today);
}

static bool is_of_interest(const struct sight *s)
{
    return s->source.is_inside && s->destination.is_known && !s->destination.is_inside && s->port != 0 &&
           s->key.n && (s->protocol == 6 || s->protocol == 17) && !s->is_backscatter;
}

static void await_rare_port(const void *state, const struct sight *s, enum keyed_fetch what)
{
    const struct rare_port *r = state;
    keyed_fetch(r->hosts, s->key_hash, what);
}

static bool is_usual(const struct usual_ports *u, const struct sight *s)
{
    return ports_has(u->all, s->port) ||
           (s->roles & ROLE_MAIL_SERVER && ports_has(u->mail_server, s->port)) ||
           (s->roles & ROLE_DNS_SERVER && ports_has(u->name_server, s->port));
}

static void see_rare_port(void *state, struct instrument *i, const struct sight *s)
{
    struct rare_port *r = state;
    if (!is_of_interest(s))
        return;
    if (r->first_ns == 0 || s->time_ns < r->first_ns)
        r->first_ns = s->time_ns;
    struct host_record *h = note_host(r, s);
    if (is_usual(r->usual, s))
        return;
    if (s->exceptions) {
        r->excepted++;
        return;
    }
    if (is_reply(r, s))
        return;
    struct port_key key = {h->number, s->port, s->protocol, 0};
    bool is_new;
    struct use_record *use = keyed_put(r->uses, port_key_str(&key), s->time_ns, &is_new);
    uint8_t best = s->answer == ANSWER_YES ? USE_ANSWERED : s->answer == ANSWER_NO ? USE_FAILED : USE_UNKNOWN;
    if (is_new)
        note_pair(r, &key, s);
    if (!is_new && best <= use->best)
        return;
    use->best = best;
    use->destination = s->destination.ip;
    tell_if_new(r, i, &key, s);
}

static void reach_rare_port(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct rare_port *r = state;
    if (watermark_ns < r->day_ends_ns)
        return;
    int64_t day = rare_port_local_day(i, watermark_ns - LATE_NS);
    if (r->day_ends_ns != 0 && day != r->day) {
        rare_port_tell_day(r, i, watermark_ns);
        keyed_clear(r->uses);
        r->new_today = 0;
        keyed_drop_before(r->pairs, watermark_ns - (int64_t)r->p->memory_days * DAY_NS);
        keyed_drop_before(r->hosts, watermark_ns - (int64_t)r->p->memory_days * DAY_NS);
        keyed_drop_before(r->ports, watermark_ns - PORT_MEMORY * DAY_NS);
    }
    r->day = day;
    int64_t local_end = (day + 1) * 86400; /* seconds of local time */
    r->day_ends_ns =
        (local_end - zone_offset_at_local(instrument_zone(i), local_end)) * NS_PER_SECOND + LATE_NS;
}

static void save_rare_port(const void *state, struct buf *out)
{
    const struct rare_port *r = state;
    int64_t numbers[] = {r->first_ns,          r->day,       r->day_ends_ns,
                         (int64_t)r->excepted, r->new_today, r->next_number};
    buf_bytes(out, numbers, sizeof numbers);
    keyed_save(r->hosts, out);
    keyed_save(r->ports, out);
    keyed_save(r->pairs, out);
    keyed_save(r->uses, out);
}

static bool load_rare_port(void *state, struct cursor *in)
{
    struct rare_port *r = state;
    int64_t numbers[6];
    cursor_bytes(in, numbers, sizeof numbers);
    r->first_ns = numbers[0];
    r->day = numbers[1];
    r->day_ends_ns = numbers[2];
    r->excepted = (uint64_t)numbers[3];
    r->new_today = (uint32_t)numbers[4];
    r->next_number = (uint32_t)numbers[5];
    return keyed_load(r->hosts, in) && keyed_load(r->ports, in) && keyed_load(r->pairs, in) &&
           keyed_load(r->uses, in);
}

static void measure_rare_port(const void *state, struct instrument_info *out)
{
    const struct rare_port *r = state;
    const struct keyed *tables[] = {r->hosts, r->ports, r->pairs, r->uses};
    out->excepted = r->excepted;
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind rare_port_kind = {
    .name = "rare_port",
    .version = 1,
    .wants = SIGHT_FLOW,
    .parameter_bytes = sizeof(struct rare_port_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = rare_port_findings,
    .finding_count = 2,
    .open = open_rare_port,
    .close = close_rare_port,
    .see = see_rare_port,
    .await = await_rare_port,
    .reach = reach_rare_port,
    .save = save_rare_port,
    .load = load_rare_port,
    .measure = measure_rare_port,
    .read = read_rare_port,
};
