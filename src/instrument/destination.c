/* Instrument: where inside hosts go (S63–S69, S104–S106; spec 2.4). Reads visits; keeps for each registered
 * domain or address exact counts of clients, requests and bytes, and tells once a day which rare and new ones
 * nobody can explain, which one a host keeps going back to, and what was visited
 * beside a destination that is known to be bad.
 *
 *   visit ──▶ place (exact; up to 6 clients inside) ──7th client──▶ crowd (exact to 256, then an estimate)
 *
 * Counts run from the first visit; a place that nobody visits for 30 days is forgotten. Others ask it through
 * destination.h. Next: beacon.c. */
#include "instrument/destination.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/memory.h"
#include "instrument/destination_internal.h"
#include "instrument/distinct.h"
#include "instrument/kinds.h"

static const char *const findings[] = {"unknown_destination", "rare_destination_kept",
                                       "beside_bad_destination", "frequent_visitor"};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct destination_parameters, field), low, high                                    \
    }
static const struct parameter parameters[] = {
    P(least_clients, 1, 1e6),      P(rare_clients, 1, 1e6),        P(rare_share, 0, 1),
    P(new_days, 1, 365),           P(bottom_days, 1, 365),         P(forget_days, 1, 3650),
    P(unknown_score, 0, 100),      P(daily_limit, 1, 10000),       P(kept_hours, 2, 1000),
    P(beside_seconds, 1, 3600),    P(beside_lift, 1, 1e6),         P(beside_times, 1, 1000),
    P(visitor_domains, 1, LISTED), P(visitor_ratio, 1, 100),       P(visitor_confidence, 0.5, 1),
    P(name_hours, 0, 720),         P(max_destinations, 1000, 1e8), P(max_clients, 100, 60000),
    P(max_crowds, 100, 1e7),       P(max_addresses, 100, 1e7),
};
#undef P

static struct keyed *table(uint32_t record_bytes, double most)
{
    return keyed_new(&(struct keyed_options){.record_bytes = record_bytes, .max_entries = (uint32_t)most});
}

static void read_ports(struct destination *d, const struct instrument *i)
{
    size_t count;
    const struct str *ports = instrument_list(i, "ignored_ports", &count);
    for (size_t n = 0; n < count; n++) {
        uint64_t port;
        if (str_to_u64(ports[n], 10, &port) && port < 65536)
            d->ignored_ports[port / 64] |= UINT64_C(1) << (port % 64);
    }
}

static void read_networks(struct destination *d, const struct instrument *i)
{
    size_t count;
    const struct str *networks = instrument_list(i, "allowed_networks", &count);
    d->networks = cidr_map_new();
    for (size_t n = 0; n < count; n++) {
        struct cidr c;
        if (cidr_parse(networks[n], &c))
            cidr_map_add(d->networks, &c, 1);
    }
}

static bool is_ignored(const struct destination *d, uint16_t port)
{
    return d->ignored_ports[port / 64] >> (port % 64) & 1;
}

static void *open_destination(struct instrument *i)
{
    struct destination *d = NEW(struct destination);
    d->self = i;
    d->p = instrument_parameters(i);
    d->places = table(sizeof(struct place), d->p->max_destinations);
    d->clients = table(sizeof(struct client), d->p->max_clients);
    d->crowds = table(sizeof(struct crowd), d->p->max_crowds);
    d->beside = table(sizeof(struct beside), d->p->max_crowds);
    d->addresses = table(sizeof(struct address_name), d->p->max_addresses);
    d->owners = instrument_list(i, "allowed_owners", &d->owner_count);
    d->dga = instrument_neighbour(i, "dga");
    d->t.day = INT64_MIN;
    name_set_fill(&d->allowed, i, "allowed");
    name_set_fill(&d->dynamic, i, "dynamic_dns");
    name_set_fill(&d->odd, i, "odd_suffixes");
    read_ports(d, i);
    read_networks(d, i);
    return d;
}

static void close_destination(void *state)
{
    struct destination *d = state;
    keyed_free(d->places);
    keyed_free(d->clients);
    keyed_free(d->crowds);
    keyed_free(d->beside);
    keyed_free(d->addresses);
    cidr_map_free(d->networks);
    name_set_free(&d->allowed);
    name_set_free(&d->dynamic);
    name_set_free(&d->odd);
    memory_free(d->people);
    memory_free(d);
}

/* ---------------------------------------------------------------------------------- counts */

static struct client *client_of(struct destination *d, const struct sight *s)
{
    bool is_new;
    struct client *c = keyed_put(d->clients, s->key, s->time_ns, &is_new);
    if (!is_new)
        return c;
    c->serial = ++d->t.clients;
    c->number = (uint16_t)c->serial;
    if (d->people_count <= c->number) {
        size_t more = d->people_count ? d->people_count * 2 : 256;
        d->people = memory_resize_array(d->people, more, sizeof *d->people);
        memset(d->people + d->people_count, 0, (more - d->people_count) * sizeof *d->people);
        d->people_count = more;
    }
    about_fill(&d->people[c->number], s);
    return c;
}

/* Numbers are consecutive; linear counting wants them scattered by chance. */
static uint64_t spread(uint16_t number)
{
    return str_hash(str_n((const char *)&number, sizeof number));
}

static void join_crowd(struct crowd *c, uint16_t number)
{
    if (c->is_estimate) {
        bitmap_add(c->bits, CROWD_LOG2_BITS, spread(number));
        return;
    }
    for (uint32_t n = 0; n < c->count; n++)
        if (c->numbers[n] == number)
            return;
    if (c->count < CROWD_EXACT) {
        c->numbers[c->count++] = number;
        return;
    }
    uint16_t numbers[CROWD_EXACT];
    memcpy(numbers, c->numbers, sizeof numbers);
    memset(c->bits, 0, sizeof c->bits);
    c->is_estimate = 1;
    for (uint32_t n = 0; n < CROWD_EXACT; n++)
        bitmap_add(c->bits, CROWD_LOG2_BITS, spread(numbers[n]));
    bitmap_add(c->bits, CROWD_LOG2_BITS, spread(number));
}

uint32_t destination_crowd_size(const struct crowd *c)
{
    return c->is_estimate ? (uint32_t)(bitmap_count(c->bits, CROWD_LOG2_BITS) + 0.5) : c->count;
}

#define CROWD_TOUCH 64

/* Adds the client to those of the place. */
static void count_client(struct destination *d, struct place *p, struct str name, uint16_t number,
                         int64_t time_ns)
{
    if (!p->is_crowd) {
        for (uint32_t n = 0; n < p->client_count; n++)
            if (p->clients[n] == number)
                return;
        if (p->client_count < PLACE_CLIENTS) {
            p->clients[p->client_count++] = number;
            return;
        }
    }
    bool is_new = false;
    struct crowd *c = p->is_crowd && p->requests % CROWD_TOUCH ? keyed_find(d->crowds, name) : NULL;
    if (c == NULL) /* its use is noted now and then: what is visited much is never the oldest */
        c = keyed_put(d->crowds, name, time_ns, &is_new);
    if (is_new)
        for (uint32_t n = 0; n < PLACE_CLIENTS; n++)
            join_crowd(c, p->clients[n]);
    p->is_crowd = 1;
    join_crowd(c, number);
    uint32_t size = c->is_estimate ? p->client_count : destination_crowd_size(c);
    p->client_count = size > p->client_count ? size : p->client_count;
    p->is_estimate |= c->is_estimate;
}

static double rare_limit(const struct destination *d)
{
    return fmax(d->p->rare_clients, d->p->rare_share * keyed_count(d->clients));
}

static struct destination_known known_of(const struct destination *d, const struct place *p)
{
    return (struct destination_known){.clients = p->client_count, /* enough to tell rare from not */
                                      .is_exact = !p->is_estimate,
                                      .active_clients = keyed_count(d->clients),
                                      .first_s = p->first_s,
                                      .is_allowed = p->is_allowed,
                                      .is_comparable = keyed_count(d->clients) >= d->p->least_clients,
                                      .is_rare = p->client_count <= rare_limit(d)};
}

bool destination_known(void *const *destination, struct str registered, struct destination_known *out)
{
    const struct destination *d = destination ? *destination : NULL;
    if (d == NULL)
        return false;
    const struct place *p = keyed_find(d->places, registered);
    if (p != NULL)
        *out = known_of(d, p);
    return p != NULL;
}

/* Most visits are to places that have counted this client long ago. */
static bool was_counted(struct client *c, const struct place *p)
{
    uint32_t *slot = &c->counted[p->serial % COUNTED];
    bool was = *slot == p->serial;
    *slot = p->serial;
    return was;
}

static void note_day(struct client *c, uint32_t now)
{
    c->active_days += c->last_day != now / 86400;
    c->last_day = now / 86400;
}

/* S68: a candidate is visited; once an hour. Places that a program keeps going back to are told as such. */
static void note_listed(struct client *c, const struct place *p, uint32_t now)
{
    if (c->last_listed == p->serial && c->last_listed_hour == now / 3600)
        return;
    c->last_listed = p->serial;
    c->last_listed_hour = now / 3600;
    c->listed_visits++;
    for (uint32_t n = 0; n < c->listed_count; n++)
        if (c->listed[n] == p->serial)
            return;
    if (c->listed_count < LISTED)
        c->listed[c->listed_count++] = p->serial;
}

/* What one log tells by name and another by address is one request, and the bytes are the other's. */
static void note_visit(struct place *p, const struct sight *s, uint32_t now, bool is_inferred)
{
    uint32_t hour = now / 3600;
    p->first_s = now < p->first_s ? now : p->first_s;
    p->excepted_s = s->exceptions & EXCEPTED_COMMUNICATION ? now : p->excepted_s;
    p->requests += !is_inferred;
    if (!sight_is_duty(s)) {
        p->hours += p->last_hour != hour && p->hours < UINT16_MAX;
        p->last_hour = hour;
    }
    p->bytes_out += s->bytes_out > 0 ? (uint64_t)s->bytes_out : 0;
    p->bytes_in += s->bytes_in > 0 ? (uint64_t)s->bytes_in : 0;
}

static struct place *place_of(struct destination *d, const struct sight *s, const struct target *t)
{
    bool is_new;
    struct place *p = keyed_put(d->places, t->registered, s->time_ns, &is_new);
    if (is_new) {
        p->serial = ++d->t.places;
        p->first_s = (uint32_t)seconds_of(s->time_ns);
        p->is_allowed = name_set_holds(&d->allowed, t->registered) || destination_is_owner_allowed(d, s, t);
        p->is_address = t->is_address;
    }
    return p;
}

/* A server's flow to an address whose name is guessed: a proxy repeats what its client has asked for, a mail
 * server has other business there. Neither makes the name less rare. */
static bool speaks_for_others(const struct sight *s, const struct target *t)
{
    return t->is_inferred && (s->roles & (ROLE_PROXY | ROLE_SERVER));
}

static void count_visit(struct destination *d, struct instrument *i, const struct sight *s,
                        const struct target *t)
{
    struct client *c = client_of(d, s);
    struct place *p = place_of(d, s, t);
    uint32_t now = (uint32_t)seconds_of(s->time_ns);
    note_visit(p, s, now, t->is_inferred);
    note_day(c, now);
    if (p->told_s && !p->kept_told_s && now < p->told_s + (uint32_t)REVIEW_S)
        note_listed(c, p, now);
    if (!speaks_for_others(s, t) && !was_counted(c, p))
        count_client(d, p, t->registered, c->number, s->time_ns);
    d->t.visits++;
    d->is_visit = true;
    d->visit = (struct visit){*t, known_of(d, p), c->serial, p->serial};
    if (!p->is_allowed && d->visit.known.is_rare)
        destination_see_beside(d, i, s, t, c);
}

/* Once for each event, whoever asks first: this instrument or one that stands before it. */
static void count_once(struct destination *d, const struct sight *s)
{
    struct target t;
    if (d->seen == s->event && d->seen_sequence == s->event->sequence)
        return;
    d->seen = s->event;
    d->seen_sequence = s->event->sequence;
    d->is_visit = false;
    if (s->kinds & SIGHT_DNS)
        destination_learn_answers(d, s);
    else if (!is_ignored(d, s->port) && target_of(s, &t)) {
        if (t.is_address)
            destination_infer_name(d, seconds_of(s->time_ns), &t);
        else
            destination_learn_name(d, s, &t);
        count_visit(d, d->self, s, &t);
    }
}

bool destination_visit(void *const *destination, const struct sight *s, struct visit *out)
{
    struct destination *d = destination ? *destination : NULL;
    if (d == NULL)
        return false;
    count_once(d, s);
    if (d->is_visit)
        *out = d->visit;
    return d->is_visit;
}

static void await_destination(const void *state, const struct sight *s, enum keyed_fetch what)
{
    const struct destination *d = state;
    keyed_fetch(d->clients, s->key_hash, what);
    keyed_fetch(d->places, s->registered_domain.n ? s->registered_hash : s->destination_hash, what);
    keyed_fetch(d->addresses, s->destination_hash, what);
}

static void see_destination(void *state, struct instrument *i, const struct sight *s)
{
    (void)i;
    count_once(state, s);
}

/* ------------------------------------------------------------------------------------- day */

static void reach_destination(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct destination *d = state;
    int64_t now = seconds_of(watermark_ns);
    d->t.latest_s = now;
    if (now < d->t.next_day_s)
        return;
    int64_t day = local_day(i, now);
    if (d->t.day != INT64_MIN && day > d->t.day)
        destination_tell_day(d, i, day_start_s(i, day));
    d->t.day = day;
    d->t.next_day_s = day_start_s(i, day + 1);
    int64_t forget_ns = (int64_t)(d->p->forget_days * 86400) * NS_PER_SECOND;
    keyed_drop_before(d->places, watermark_ns - forget_ns);
    keyed_drop_before(d->clients, watermark_ns - forget_ns);
    keyed_drop_before(d->crowds, watermark_ns - forget_ns);
    keyed_drop_before(d->beside, watermark_ns - forget_ns);
    keyed_drop_before(d->addresses, watermark_ns - forget_ns);
}

bool destination_is_bottom(const struct destination *d, const struct place *p, int64_t now_s)
{
    bool is_excepted = p->excepted_s && now_s - p->excepted_s < 86400 * 2;
    return !p->is_allowed && !is_excepted && p->client_count <= rare_limit(d) &&
           keyed_count(d->clients) >= d->p->least_clients &&
           now_s - p->first_s <= (int64_t)(d->p->bottom_days * 86400);
}

/* ---------------------------------------------------------------------------------- saving */

static void save_destination(const void *state, struct buf *out)
{
    const struct destination *d = state;
    buf_bytes(out, &d->t, sizeof d->t);
    uint64_t people = d->people_count;
    buf_bytes(out, &people, sizeof people);
    buf_bytes(out, d->people, d->people_count * sizeof *d->people);
    keyed_save(d->places, out);
    keyed_save(d->clients, out);
    keyed_save(d->crowds, out);
    keyed_save(d->beside, out);
    keyed_save(d->addresses, out);
}

static bool load_destination(void *state, struct cursor *in)
{
    struct destination *d = state;
    cursor_bytes(in, &d->t, sizeof d->t);
    uint64_t people = cursor_u64(in);
    if (in->is_bad || people > 65536)
        return false;
    d->people = memory_resize_array(d->people, people + 1, sizeof *d->people);
    d->people_count = people;
    cursor_bytes(in, d->people, people * sizeof *d->people);
    return keyed_load(d->places, in) && keyed_load(d->clients, in) && keyed_load(d->crowds, in) &&
           keyed_load(d->beside, in) && keyed_load(d->addresses, in);
}

static void measure_destination(const void *state, struct instrument_info *out)
{
    const struct destination *d = state;
    const struct keyed *tables[] = {d->places, d->clients, d->crowds, d->beside, d->addresses};
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
    out->bytes += d->people_count * sizeof *d->people;
}

const struct instrument_kind destination_kind = {
    .name = "destination",
    .version = 1,
    .wants = SIGHT_FLOW | SIGHT_WEB | SIGHT_TLS | SIGHT_ICMP | SIGHT_DNS,
    .parameter_bytes = sizeof(struct destination_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .findings = findings,
    .finding_count = COUNT_OF(findings),
    .open = open_destination,
    .close = close_destination,
    .see = see_destination,
    .await = await_destination,
    .reach = reach_destination,
    .save = save_destination,
    .load = load_destination,
    .measure = measure_destination,
    .list = destination_list,
};
