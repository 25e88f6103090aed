/* Adds what the organisation knows to an event (stage enrich). Reads addresses, host and user names; leaves
 * hyakuyo.* fields that rules and people use. detect/ is next. */
#include "enrich/context_index.h"

/* One end of a communication. */
struct end {
    field_id ip, host, department, zone, watched;
};

static const struct end source_end = {FIELD_SOURCE_IP, FIELD_HYAKUYO_SOURCE_HOST,
                                      FIELD_HYAKUYO_SOURCE_DEPARTMENT, FIELD_HYAKUYO_SOURCE_ZONE,
                                      FIELD_HYAKUYO_SOURCE_WATCHED};
static const struct end destination_end = {FIELD_DESTINATION_IP, FIELD_HYAKUYO_DESTINATION_HOST,
                                           FIELD_HYAKUYO_DESTINATION_DEPARTMENT,
                                           FIELD_HYAKUYO_DESTINATION_ZONE, FIELD_HYAKUYO_DESTINATION_WATCHED};

/* Texts of the context are copied: the event outlives it. */
static void add_text(struct event *e, struct arena *a, field_id field, struct str text)
{
    if (text.n)
        event_add(e, a, field, arena_str(a, text));
}

static const struct asset_host *describe_end(const struct context *c, struct event *e, struct arena *a,
                                             const struct end *end, struct str ip)
{
    const struct asset_host *host = context_find_host(c, STR_EMPTY, ip, e->time_ns);
    const struct asset_network *network = context_find_network(c, ip, e->time_ns);
    if (host != NULL)
        add_text(e, a, end->host, host->hostname);
    add_text(e, a, end->department, context_department(c, host, ip, e->time_ns));
    if (network != NULL) {
        signed char watched = c->watched[network - c->set.networks];
        add_text(e, a, end->zone, network->zone);
        if (watched != ASSET_FLAG_UNKNOWN)
            event_add(e, a, end->watched, watched == ASSET_FLAG_YES ? STR("true") : STR("false"));
    }
    return host;
}

static struct str direction(bool from_inside, bool to_inside)
{
    if (from_inside)
        return to_inside ? STR("internal") : STR("outbound");
    return to_inside ? STR("inbound") : STR("external");
}

bool context_describes(const struct event *e)
{
    int64_t is_registered;
    return event_number(e, FIELD_HYAKUYO_ASSET_REGISTERED, &is_registered) && is_registered;
}

static void describe_department(const struct context *c, struct event *e, struct arena *a)
{
    struct str name = event_text(e, FIELD_HYAKUYO_DEPARTMENT);
    const struct asset_department *department =
        name.n ? context_find(c, INDEX_DEPARTMENT, name, e->time_ns) : NULL;
    if (department != NULL && department->sensor == ASSET_FLAG_YES)
        event_add(e, a, FIELD_HYAKUYO_SENSOR, STR("true"));
}

static void describe_host(const struct context *c, const struct asset_host *host, struct event *e,
                          struct arena *a)
{
    int importance = context_importance(c, host, event_text(e, FIELD_USER_NAME), e->time_ns);
    event_set(e, a, FIELD_HYAKUYO_ASSET_REGISTERED, STR("true"));
    if (importance)
        event_add_number(e, a, FIELD_HYAKUYO_ASSET_IMPORTANCE, importance);
    for (uint32_t i = 0; i < host->roles.count; i++)
        add_text(e, a, FIELD_HYAKUYO_ASSET_ROLE, host->roles.items[i]);
    add_text(e, a, FIELD_HYAKUYO_ASSET_TYPE, host->type);
    add_text(e, a, FIELD_HYAKUYO_ASSET_OWNER, host->owner);
}

void context_describe(const struct context *c, const struct asset_host *host, struct event *e,
                      struct arena *a)
{
    if (host->department.n)
        event_set(e, a, FIELD_HYAKUYO_DEPARTMENT, arena_str(a, host->department));
    describe_host(c, host, e, a);
    event_remove(e, FIELD_HYAKUYO_SENSOR);
    describe_department(c, e, a);
}

/* The host that the event is about: the inside source of a communication, else the host that reports. */
static void describe_asset(const struct context *c, struct event *e, struct arena *a,
                           const struct asset_host *source, bool source_inside)
{
    struct str ip = event_text(e, FIELD_HOST_IP);
    const struct asset_host *host = source;
    if (source_inside)
        ip = event_text(e, FIELD_SOURCE_IP);
    else
        host = context_find_host(c, event_text(e, FIELD_HOST_NAME), ip, e->time_ns);
    add_text(e, a, FIELD_HYAKUYO_DEPARTMENT, context_department(c, host, ip, e->time_ns));
    if (host != NULL)
        describe_host(c, host, e, a);
    else if (c->set.counts[ASSET_HOSTS] && (ip.n || event_text(e, FIELD_HOST_NAME).n))
        event_set(e, a, FIELD_HYAKUYO_ASSET_REGISTERED, STR("false")); /* S11: seen, and nobody's */
}

void enrich_event(const struct context *c, struct event *e, struct arena *a)
{
    struct str source_ip = event_text(e, FIELD_SOURCE_IP),
               destination_ip = event_text(e, FIELD_DESTINATION_IP);
    const struct asset_host *source = NULL;
    bool source_inside = false;
    if (source_ip.n) {
        source = describe_end(c, e, a, &source_end, source_ip);
        source_inside = context_is_inside(c, source_ip, e->time_ns);
    }
    if (destination_ip.n) {
        describe_end(c, e, a, &destination_end, destination_ip);
        if (source_ip.n)
            event_add(e, a, FIELD_HYAKUYO_DIRECTION,
                      direction(source_inside, context_is_inside(c, destination_ip, e->time_ns)));
    }
    describe_asset(c, e, a, source, source_inside);
    describe_department(c, e, a);
    enrich_exceptions(c, e, a);
    enrich_conditions(c, e, a);
}

void context_attach(const struct context *c, struct finding *f, struct arena *a)
{
    const struct asset_host *host = context_find_host(c, f->host_name, f->host_ip, f->time_ns);
    if (f->department.n == 0)
        f->department = context_department(c, host, f->host_ip, f->time_ns);
    f->importance = context_importance(c, host, f->user, f->time_ns);
    if (host != NULL && f->host_name.n == 0)
        f->host_name = host->hostname;
    if (host != NULL && f->host_ip.n == 0 && host->ips.count == 1)
        f->host_ip = host->ips.items[0];
    f->department = arena_str(a, f->department);
    f->host_name = arena_str(a, f->host_name);
    f->host_ip = arena_str(a, f->host_ip);
}
