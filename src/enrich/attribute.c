/* Attribution (stage enrich, run by the desk). Reads addresses and host names; leaves hyakuyo.source.*,
 * hyakuyo.destination.*, hyakuyo.identity.* and the entities of findings. instrument/ and correlate/ are
 * next. */
#include "enrich/attribute.h"

#include "enrich/context_index.h"
#include "enrich/identity_rules.h"

struct end {
    field_id ip, host, department, user;
};

static const struct end source_end = {FIELD_SOURCE_IP, FIELD_HYAKUYO_SOURCE_HOST,
                                      FIELD_HYAKUYO_SOURCE_DEPARTMENT, FIELD_HYAKUYO_SOURCE_USER};
static const struct end destination_end = {FIELD_DESTINATION_IP, FIELD_HYAKUYO_DESTINATION_HOST,
                                           FIELD_HYAKUYO_DESTINATION_DEPARTMENT,
                                           FIELD_HYAKUYO_DESTINATION_USER};

struct moment {
    const struct identity *table;
    const struct context *context; /* may be NULL */
    int64_t time_ns;
    uint64_t sequence;
};

static bool is_same_name(struct str a, struct str b)
{
    return str_eq_nocase(str_slice(a, 0, str_find_char(a, '.', 0)),
                         str_slice(b, 0, str_find_char(b, '.', 0)));
}

/* The name by which the holder of an address goes: as the lease says, or whose hardware it is. */
static struct str holder_name(const struct moment *m, const struct identity_interval *device)
{
    if (device->host.n)
        return device->host;
    const struct asset_host *host = m->context != NULL && device->mac.n
                                        ? context_find(m->context, INDEX_MAC, device->mac, m->time_ns)
                                        : NULL;
    return host != NULL && host->hostname.n
               ? host->hostname
               : identity_name(identity_find(m->table, SUBJECT_HARDWARE, device->mac), m->time_ns,
                               m->sequence);
}

static const struct asset_host *registered(const struct moment *m, struct str name)
{
    return m->context != NULL && name.n ? context_find_host(m->context, name, STR_EMPTY, m->time_ns) : NULL;
}

/* ------------------------------------------------------------------ events */

static void add(struct event *e, struct arena *a, field_id field, struct str text)
{
    if (text.n)
        event_add(e, a, field, arena_str(a, text)); /* the event outlives the table */
}

static void name_host(struct identity *t, const struct moment *m, const struct end *end,
                      const struct identity_subject *address, struct event *e, struct arena *a)
{
    const struct identity_interval *device = identity_device(address, m->time_ns, m->sequence);
    struct str known = event_text(e, end->host),
               learned = device != NULL ? holder_name(m, device) : STR_EMPTY;
    if (learned.n == 0)
        return;
    if (known.n) {
        if (is_same_name(known, learned))
            return;
        add(e, a, FIELD_HYAKUYO_IDENTITY_CONFLICT, learned);
        identity_count_conflict(t);
        return;
    }
    const struct asset_host *host = registered(m, learned);
    add(e, a, end->host, host != NULL ? host->hostname : learned);
    add(e, a, FIELD_HYAKUYO_IDENTITY_BY, device->by);
    if (host != NULL && host->department.n)
        event_set(e, a, end->department, arena_str(a, host->department)); /* nearer than its network's */
}

static const struct identity_subject *host_subject(const struct moment *m, struct str name)
{
    return identity_find(m->table, SUBJECT_HOST, str_slice(name, 0, str_find_char(name, '.', 0)));
}

static void name_users(const struct moment *m, const struct end *end, const struct identity_subject *address,
                       struct event *e, struct arena *a)
{
    const struct identity_interval *users[IDENTITY_USERS_MAX];
    const struct identity_subject *host = host_subject(m, event_text(e, end->host));
    size_t n = identity_users(address, host, m->time_ns, m->sequence, users, COUNT_OF(users));
    for (size_t i = 0; i < n; i++) {
        add(e, a, end->user, users[i]->user);
        add(e, a, FIELD_HYAKUYO_IDENTITY_BY, users[i]->by);
    }
}

static void attribute_end(struct identity *t, const struct moment *m, const struct end *end, struct event *e,
                          struct arena *a)
{
    struct str text = event_text(e, end->ip);
    if (text.n == 0)
        return;
    const struct identity_subject *address = identity_find(t, SUBJECT_ADDRESS, text);
    if (address != NULL)
        name_host(t, m, end, address, e, a);
    name_users(m, end, address, e, a);
}

/* Switches and RADIUS servers know a computer by its hardware address alone. */
static struct str hardware_name(const struct moment *m, struct str text, struct arena *a)
{
    struct str mac = identity_mac(text, a);
    const struct asset_host *host =
        m->context != NULL && mac.n ? context_find(m->context, INDEX_MAC, mac, m->time_ns) : NULL;
    if (host != NULL && host->hostname.n)
        return host->hostname;
    return mac.n ? identity_name(identity_find(m->table, SUBJECT_HARDWARE, mac), m->time_ns, m->sequence)
                 : STR_EMPTY;
}

static void name_by_hardware(const struct moment *m, struct event *e, struct arena *a)
{
    struct str mac = event_text(e, FIELD_HOST_MAC);
    if (mac.n == 0 || event_text(e, FIELD_HOST_NAME).n || event_text(e, FIELD_HOST_IP).n)
        return;
    struct str name = hardware_name(m, mac, a);
    const struct asset_host *host = registered(m, name);
    add(e, a, FIELD_HOST_NAME, host != NULL ? host->hostname : name);
    if (host != NULL)
        context_describe(m->context, host, e, a);
}

/* The inside source of a communication, else the host that reports: its row, found by the name that was
 * learned. */
static void describe_learned(const struct moment *m, struct event *e, struct arena *a)
{
    struct str source_ip = event_text(e, FIELD_SOURCE_IP), name = STR_EMPTY;
    if (m->context == NULL || context_describes(e))
        return;
    if (source_ip.n && context_is_inside(m->context, source_ip, m->time_ns)) {
        name = event_text(e, FIELD_HYAKUYO_SOURCE_HOST);
    } else if (event_text(e, FIELD_HOST_NAME).n == 0) {
        const struct identity_interval *device =
            identity_device(identity_find(m->table, SUBJECT_ADDRESS, event_text(e, FIELD_HOST_IP)),
                            m->time_ns, m->sequence);
        name = device != NULL ? holder_name(m, device) : STR_EMPTY;
    }
    const struct asset_host *host = registered(m, name);
    if (host != NULL)
        context_describe(m->context, host, e, a);
}

void attribute_events(struct identity *t, const struct context *c, struct batch *batch, uint64_t counted)
{
    const struct identity_fact *fact = batch->facts;
    for (uint32_t i = 0; i < batch->count; i++) {
        struct event *e = &batch->events[i];
        for (; fact != NULL && fact->sequence == e->sequence; fact = fact->next)
            if (fact->sequence > counted)
                identity_take(t, fact, e->received_ns);
        if (e->flags & EVENT_CANARY)
            continue;
        struct moment m = {t, c, e->time_ns, e->sequence};
        attribute_end(t, &m, &source_end, e, &batch->arena);
        attribute_end(t, &m, &destination_end, e, &batch->arena);
        describe_learned(&m, e, &batch->arena);
        name_by_hardware(&m, e, &batch->arena);
    }
}

/* ---------------------------------------------------------------- findings */

/* Who the address was then: the inventory's word, else what was learned. */
static struct str name_of(const struct moment *m, struct str address)
{
    const struct asset_host *host =
        m->context != NULL ? context_find_host(m->context, STR_EMPTY, address, m->time_ns) : NULL;
    if (host != NULL && host->hostname.n)
        return host->hostname;
    const struct identity_interval *device =
        identity_device(identity_find(m->table, SUBJECT_ADDRESS, address), m->time_ns, m->sequence);
    struct str name = device != NULL ? holder_name(m, device) : STR_EMPTY;
    host = registered(m, name);
    return host != NULL ? host->hostname : name;
}

static void fill_user(const struct moment *m, struct finding *f, struct arena *a)
{
    const struct identity_interval *users[2];
    size_t n = identity_users(identity_find(m->table, SUBJECT_ADDRESS, f->host_ip),
                              host_subject(m, f->host_name), m->time_ns, m->sequence, users, COUNT_OF(users));
    if (n == 1) /* of two nobody knows which */
        f->user = arena_str(a, users[0]->user);
}

static void attribute_finding(const struct moment *m, struct finding *f, struct arena *a)
{
    struct str name = f->host_ip.n ? name_of(m, f->host_ip) : STR_EMPTY;
    bool is_new = f->host_name.n == 0 && name.n;
    if (is_new) {
        const struct asset_host *host = registered(m, name);
        f->host_name = arena_str(a, name);
        if (host != NULL && host->department.n)
            f->department = arena_str(a, host->department);
    }
    f->is_identified = name.n && is_same_name(f->host_name, name);
    bool has_user = f->user.n > 0;
    if (!has_user)
        fill_user(m, f, a);
    if (m->context != NULL && (is_new || (!has_user && f->user.n)))
        context_attach(m->context, f, a);
}

/* A rule speaks of the host that its event learned the name of only here. */
static void name_as_event(const struct moment *m, const struct event *e, struct finding *f, struct arena *a)
{
    struct str name = event_text(e, FIELD_HOST_NAME);
    if (f->host_name.n || f->host_ip.n || name.n == 0 || event_text(e, FIELD_HOST_MAC).n == 0)
        return;
    f->host_name = arena_str(a, name);
    if (m->context != NULL)
        context_attach(m->context, f, a);
}

static bool is_of_canary(const struct batch *batch, const struct finding *f)
{
    uint64_t place =
        f->sequence - batch->first_sequence; /* what an instrument found may be of none of them */
    return place < batch->count && batch->events[place].flags & EVENT_CANARY;
}

void attribute_findings(const struct identity *t, const struct context *c, struct batch *batch,
                        struct finding *first)
{
    for (struct finding *f = first; f != NULL; f = f->next) {
        struct moment m = {t, c, f->time_ns, f->sequence};
        uint64_t place = f->sequence - batch->first_sequence;
        if (is_of_canary(batch, f)) /* samples speak of nobody's hosts */
            continue;
        if (place < batch->count)
            name_as_event(&m, &batch->events[place], f, &batch->arena);
        attribute_finding(&m, f, &batch->arena);
    }
}

/* By us: a log-on or a proxy's name (weak) is seen from addresses of others too. */
static bool is_leased(const struct identity *t, struct str address, const struct finding *f)
{
    const struct identity_interval *user;
    const struct identity_subject *subject = t != NULL ? identity_find(t, SUBJECT_ADDRESS, address) : NULL;
    return identity_device(subject, f->time_ns, f->sequence) != NULL ||
           (identity_users(subject, NULL, f->time_ns, f->sequence, &user, 1) > 0 && !user->is_weak);
}

bool attribute_is_outside(const struct identity *t, const struct context *c, const struct finding *f)
{
    struct ip ip;
    struct str address = f->host_name.n ? f->host_name : f->host_ip; /* some senders name hosts by address */
    if (!ip_parse(address, &ip) || ip_is_private(&ip) || ip_is_local(&ip))
        return false;
    return !(c != NULL && context_is_inside(c, address, f->time_ns)) && !is_leased(t, address, f);
}
