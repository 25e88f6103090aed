/* Instrument: what the firewall lets out and nobody needs (S103). Reads allowed outward flows that name their
 * firewall rule; raises no alarms, but shows a list to people who ask (instruments_list "egress"):
 *
 *   unused   (rule, protocol, port) that was used once, and not for 90 days: a candidate for closing
 *   any_any  rules that let many ports out to many networks
 *   trend    outward ports by flows of the last week and of the week before
 *
 * A rule that never let anything through does not appear in logs: only the firewall's configuration knows it,
 * and the list does not say that there is none. */
#include "instrument/kinds.h"

#include <stdio.h>

#include "base/memory.h"

#define DAY_NS (24 * 3600 * NS_PER_SECOND)
#define WEEK   7
#define DAYS   (2 * WEEK)
#define BITS   4096 /* of a linear count: exact enough for a few hundred */

struct egress_parameters {
    double unused_days, forget_days, any_ports, any_networks, max_entries;
};

#define P(field, low, high)                                                                                  \
    {                                                                                                        \
#field, offsetof(struct egress_parameters, field), low, high                                         \
    }
static const struct parameter parameters[] = {
    P(unused_days, 1, 3650),  P(forget_days, 30, 3650), P(any_ports, 2, 1000),
    P(any_networks, 2, 1000), P(max_entries, 100, 1e7),
};
#undef P

struct use { /* of (rule, protocol, port) */
    int64_t first_ns, last_ns;
    uint64_t hits;
};

struct rule {
    int64_t last_ns;
    uint32_t ports, networks; /* distinct */
    uint8_t port_bits[BITS / 8], network_bits[BITS / 8];
};

struct port {
    int64_t day; /* since 1970, of the newest count */
    uint64_t flows[DAYS];
};

struct egress {
    const struct egress_parameters *p;
    struct keyed *uses, *rules, *ports;
    int64_t now_ns; /* the watermark */
};

static struct keyed *table(size_t record_bytes, double most)
{
    return keyed_new(&(struct keyed_options){(uint32_t)record_bytes, (uint32_t)most, NULL, NULL});
}

static void *open_egress(struct instrument *i)
{
    struct egress *e = NEW(struct egress);
    e->p = instrument_parameters(i);
    e->uses = table(sizeof(struct use), e->p->max_entries);
    e->rules = table(sizeof(struct rule), e->p->max_entries / 20 + 1);
    e->ports = table(sizeof(struct port), e->p->max_entries);
    return e;
}

static void close_egress(void *state)
{
    struct egress *e = state;
    keyed_free(e->uses);
    keyed_free(e->rules);
    keyed_free(e->ports);
    memory_free(e);
}

/* "observer\nrule\nprotocol/port": parts are read back for the list. */
struct key {
    char text[300];
    size_t n;
};

static void add_part(struct key *k, struct str part)
{
    for (size_t i = 0; i < part.n && i < 120 && k->n + 2 < sizeof k->text; i++)
        k->text[k->n++] = part.p[i] == '\n' ? ' ' : part.p[i];
    k->text[k->n++] = '\n';
}

static struct str key_text(const struct key *k)
{
    return str_n(k->text, k->n);
}

static void add_port(struct key *k, const struct sight *s)
{
    char text[24];
    const char *protocol = s->protocol == 17  ? "udp"
                           : s->protocol == 6 ? "tcp"
                           : s->protocol == 1 ? "icmp"
                                              : "?";
    add_part(k, str_n(text, (size_t)snprintf(text, sizeof text, "%s/%u", protocol, s->port)));
}

static struct str observer_of(const struct event *e)
{
    static const field_id fields[] = {FIELD_OBSERVER_NAME, FIELD_OBSERVER_HOSTNAME, FIELD_OBSERVER_IP,
                                      FIELD_OBSERVER_PRODUCT};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct str text = event_text(e, fields[i]);
        if (text.n)
            return text;
    }
    return STR("firewall");
}

static uint32_t note_bit(uint8_t *bits, uint64_t hash)
{
    uint32_t bit = (uint32_t)(hash % BITS);
    bool is_new = (bits[bit / 8] & (1u << (bit % 8))) == 0;
    bits[bit / 8] |= (uint8_t)(1u << (bit % 8));
    return is_new;
}

static void note_trend(struct egress *e, const struct sight *s)
{
    struct key key = {.n = 0};
    int64_t day = s->time_ns / DAY_NS;
    add_port(&key, s);
    struct port *p = keyed_put(e->ports, key_text(&key), s->time_ns, NULL);
    if (p->day == 0 || day - p->day >= DAYS)
        *p = (struct port){.day = day};
    for (; p->day < day; p->day++)
        p->flows[(p->day + 1) % DAYS] = 0;
    if (day > p->day - DAYS)
        p->flows[day % DAYS]++;
}

static void see_egress(void *state, struct instrument *i, const struct sight *s)
{
    struct egress *e = state;
    struct str name = s->signature_id.n ? s->signature_id : s->signature;
    struct key key = {.n = 0};
    (void)i;
    if (name.n == 0 || s->passage != PASSAGE_ALLOWED || !s->source.is_inside || s->destination.is_inside ||
        !s->destination.is_known)
        return;
    note_trend(e, s);
    add_part(&key, observer_of(s->event));
    add_part(&key, name);
    struct rule *rule = keyed_put(e->rules, key_text(&key), s->time_ns, NULL);
    rule->last_ns = s->time_ns > rule->last_ns ? s->time_ns : rule->last_ns;
    rule->ports += note_bit(rule->port_bits, (uint64_t)s->protocol * 65537 + s->port);
    rule->networks +=
        note_bit(rule->network_bits, str_hash(str_n((const char *)s->destination.ip.bytes, 14)));
    add_port(&key, s);
    struct use *use = keyed_put(e->uses, key_text(&key), s->time_ns, NULL);
    if (use->hits++ == 0)
        use->first_ns = s->time_ns;
    use->last_ns = s->time_ns > use->last_ns ? s->time_ns : use->last_ns;
}

static void reach_egress(void *state, struct instrument *i, int64_t watermark_ns)
{
    struct egress *e = state;
    int64_t horizon_ns = watermark_ns - (int64_t)(e->p->forget_days * DAY_NS);
    (void)i;
    e->now_ns = watermark_ns;
    keyed_drop_before(e->uses, horizon_ns);
    keyed_drop_before(e->rules, horizon_ns);
    keyed_drop_before(e->ports, watermark_ns - DAYS * DAY_NS);
}

/* ---------------------------------------------------------------------- list */

static void begin_row(struct json_writer *w, const char *kind, struct str key)
{
    static const char *const names[] = {"observer", "rule", "port"};
    struct str part;
    size_t n = str_eq(str_c(kind), STR("trend")) ? 2 : 0;
    json_begin_object(w);
    json_key(w, "kind");
    json_put_c(w, kind);
    while (n < COUNT_OF(names) && key.n && str_split(&key, '\n', &part)) {
        json_key(w, names[n++]);
        json_put_str(w, part);
    }
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}

static void put_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns);
}

static void list_unused(const struct egress *e, struct json_writer *w)
{
    const void *at = NULL;
    struct keyed_entry entry;
    while (keyed_next(e->uses, &at, &entry)) { /* the longest unused first */
        const struct use *use = entry.record;
        int64_t unused_ns = e->now_ns - use->last_ns;
        if (unused_ns < (int64_t)(e->p->unused_days * DAY_NS))
            continue;
        begin_row(w, "unused", entry.key);
        put_time(w, "first_hit", use->first_ns);
        put_time(w, "last_hit", use->last_ns);
        put_number(w, "days_unused", (uint64_t)(unused_ns / DAY_NS));
        put_number(w, "hits", use->hits);
        json_end_object(w);
    }
}

static void list_any_any(const struct egress *e, struct json_writer *w)
{
    const void *at = NULL;
    struct keyed_entry entry;
    while (keyed_next(e->rules, &at, &entry)) {
        const struct rule *rule = entry.record;
        if (rule->ports < e->p->any_ports || rule->networks < e->p->any_networks)
            continue;
        begin_row(w, "any_any", entry.key);
        put_number(w, "ports", rule->ports);
        put_number(w, "networks", rule->networks);
        put_time(w, "last_hit", rule->last_ns);
        json_end_object(w);
    }
}

static void list_trend(const struct egress *e, struct json_writer *w)
{
    const void *at = NULL;
    struct keyed_entry entry;
    int64_t today = e->now_ns / DAY_NS;
    while (keyed_next(e->ports, &at, &entry)) {
        const struct port *p = entry.record;
        uint64_t weeks[2] = {0, 0};
        for (int n = 0; n < DAYS; n++) {
            int64_t day = today - n;
            if (day <= p->day && day > p->day - DAYS)
                weeks[n / WEEK] += p->flows[day % DAYS];
        }
        begin_row(w, "trend", entry.key);
        put_number(w, "this_week", weeks[0]);
        put_number(w, "week_before", weeks[1]);
        json_end_object(w);
    }
}

static void list_egress(const void *state, const struct instrument *i, struct json_writer *rows)
{
    (void)i;
    list_unused(state, rows);
    list_any_any(state, rows);
    list_trend(state, rows);
}

/* ------------------------------------------------------------------- keeping */

static void save_egress(const void *state, struct buf *out)
{
    const struct egress *e = state;
    buf_bytes(out, &e->now_ns, sizeof e->now_ns);
    keyed_save(e->uses, out);
    keyed_save(e->rules, out);
    keyed_save(e->ports, out);
}

static bool load_egress(void *state, struct cursor *in)
{
    struct egress *e = state;
    cursor_bytes(in, &e->now_ns, sizeof e->now_ns);
    return keyed_load(e->uses, in) && keyed_load(e->rules, in) && keyed_load(e->ports, in);
}

static void measure_egress(const void *state, struct instrument_info *out)
{
    const struct egress *e = state;
    const struct keyed *tables[] = {e->uses, e->rules, e->ports};
    for (size_t n = 0; n < COUNT_OF(tables); n++) {
        out->entries += keyed_count(tables[n]);
        out->dropped += keyed_dropped(tables[n]);
        out->bytes += keyed_bytes(tables[n]);
    }
}

const struct instrument_kind egress_kind = {
    .name = "egress",
    .version = 1,
    .wants = SIGHT_FLOW,
    .parameter_bytes = sizeof(struct egress_parameters),
    .parameters = parameters,
    .parameter_count = COUNT_OF(parameters),
    .open = open_egress,
    .close = close_egress,
    .see = see_egress,
    .reach = reach_egress,
    .save = save_egress,
    .load = load_egress,
    .measure = measure_egress,
    .list = list_egress,
};
