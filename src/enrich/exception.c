/* Registered exceptions (S91, S100): which of them cover an event (stage enrich). An expired one covers
 * nothing, so that what it hid alarms again. Reads addresses, ports, protocol, domain and local time; leaves
 * hyakuyo.exception. */
#include "enrich/context_index.h"

/* "example.com" covers itself and what is below it. */
static bool is_domain_or_below(struct str wanted, struct str actual)
{
    if (!str_ends_nocase(actual, wanted))
        return false;
    return actual.n == wanted.n || actual.p[actual.n - wanted.n - 1] == '.';
}

static struct str domain_of(const struct event *e)
{
    static const field_id fields[] = {FIELD_DESTINATION_DOMAIN, FIELD_URL_DOMAIN, FIELD_DNS_QUESTION_NAME,
                                      FIELD_TLS_CLIENT_SERVER_NAME};
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        struct str text = event_text(e, fields[i]);
        if (text.n)
            return text;
    }
    return STR_EMPTY;
}

static bool domain_matches(const struct asset_list *wanted, const struct event *e)
{
    struct str actual = wanted->count ? domain_of(e) : STR_EMPTY;
    bool matches = wanted->count == 0;
    for (uint32_t i = 0; i < wanted->count && !matches; i++)
        matches = is_domain_or_below(wanted->items[i], actual);
    return matches;
}

static bool port_matches(const struct asset_list *wanted, const struct event *e)
{
    int64_t port;
    struct asset_port_range range;
    if (wanted->count == 0)
        return true;
    if (!event_number(e, FIELD_DESTINATION_PORT, &port) && !event_number(e, FIELD_SERVER_PORT, &port))
        return false; /* the latter: what listens, as a port scan tells */
    for (uint32_t i = 0; i < wanted->count; i++)
        if (asset_port_parse(wanted->items[i], &range) && port >= range.from && port <= range.to)
            return true;
    return false;
}

static bool window_matches(const struct context *c, const struct asset_window *window, int64_t time_ns)
{
    const int64_t day = 86400;
    if (window->from_minute == window->to_minute)
        return true;
    int64_t seconds = time_ns / NS_PER_SECOND;
    seconds += zone_offset_at_utc(c->zone, seconds);
    int minute = (int)((seconds % day + day) % day / 60);
    if (window->from_minute < window->to_minute)
        return minute >= window->from_minute && minute < window->to_minute;
    return minute >= window->from_minute || minute < window->to_minute; /* over midnight */
}

static bool protocol_matches(struct str wanted, const struct event *e)
{
    return wanted.n == 0 || str_eq_nocase(wanted, event_text(e, FIELD_NETWORK_TRANSPORT)) ||
           str_eq_nocase(wanted, event_text(e, FIELD_NETWORK_PROTOCOL));
}

static void add_if_covered(const struct context *c, uint32_t row, struct event *e, struct arena *a)
{
    const struct asset_exception *x = &c->set.exceptions[row];
    if (asset_is_valid(&x->row, e->time_ns) && e->time_ns < x->expires_ns &&
        protocol_matches(x->protocol, e) && port_matches(&x->ports, e) && domain_matches(&x->domains, e) &&
        window_matches(c, &x->window, e->time_ns))
        event_add(e, a, FIELD_HYAKUYO_EXCEPTION, arena_str(a, x->kind)); /* the event outlives the context */
}

/* A host that tells its name only is looked up in the inventory. */
static struct str address_of(const struct context *c, const struct event *e)
{
    struct str ip = event_text(e, FIELD_SOURCE_IP), name = event_text(e, FIELD_HOST_NAME);
    if (ip.n == 0)
        ip = event_text(e, FIELD_HOST_IP);
    if (ip.n || name.n == 0)
        return ip;
    const struct asset_host *host = context_find_host(c, name, STR_EMPTY, e->time_ns);
    return host != NULL && host->ips.count ? host->ips.items[0] : STR_EMPTY;
}

void enrich_exceptions(const struct context *c, struct event *e, struct arena *a)
{
    struct ip ip;
    uint32_t links[64];
    if (c->set.counts[ASSET_EXCEPTIONS] == 0)
        return;
    for (uint32_t i = 0; i < c->unaddressed_count; i++)
        add_if_covered(c, c->unaddressed[i], e, a);
    struct str source = address_of(c, e);
    if (source.n == 0 || !ip_parse(source, &ip))
        return;
    size_t count = cidr_map_find_all(c->exceptions.map, &ip, links, COUNT_OF(links));
    for (size_t i = 0; i < count; i++)
        for (uint32_t link = links[i]; link != 0; link = c->exceptions.links[link].next)
            add_if_covered(c, c->exceptions.links[link].row, e, a);
}
