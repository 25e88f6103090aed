/* Adds what the organisation knows to an event (stage enrich). Reads addresses, host and user names; leaves
 * hyakuyo.* fields that rules and people use. detect/ is next. */
#include "enrich/context_index.h"

/* One end of a communication. */
struct end {
    field_id ip, host, department, zone;
};

static const struct end source_end = {FIELD_SOURCE_IP, FIELD_HYAKUYO_SOURCE_HOST,
                                      FIELD_HYAKUYO_SOURCE_DEPARTMENT, FIELD_HYAKUYO_SOURCE_ZONE};
static const struct end destination_end = {FIELD_DESTINATION_IP, FIELD_HYAKUYO_DESTINATION_HOST,
                                           FIELD_HYAKUYO_DESTINATION_DEPARTMENT,
                                           FIELD_HYAKUYO_DESTINATION_ZONE};

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
    if (network != NULL)
        add_text(e, a, end->zone, network->zone);
    return host;
}

static struct str direction(bool from_inside, bool to_inside)
{
    if (from_inside)
        return to_inside ? STR("internal") : STR("outbound");
    return to_inside ? STR("inbound") : STR("external");
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
    if (host == NULL)
        return;
    int importance = context_importance(c, host, event_text(e, FIELD_USER_NAME), e->time_ns);
    if (importance)
        event_add_number(e, a, FIELD_HYAKUYO_ASSET_IMPORTANCE, importance);
    for (uint32_t i = 0; i < host->roles.count; i++)
        add_text(e, a, FIELD_HYAKUYO_ASSET_ROLE, host->roles.items[i]);
    add_text(e, a, FIELD_HYAKUYO_ASSET_TYPE, host->type);
    add_text(e, a, FIELD_HYAKUYO_ASSET_OWNER, host->owner);
}

static void describe_department(const struct context *c, struct event *e, struct arena *a)
{
    struct str name = event_text(e, FIELD_HYAKUYO_DEPARTMENT);
    const struct asset_department *department =
        name.n ? context_find(c, INDEX_DEPARTMENT, name, e->time_ns) : NULL;
    if (department != NULL && department->sensor == ASSET_FLAG_YES)
        event_add(e, a, FIELD_HYAKUYO_SENSOR, STR("true"));
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
}
