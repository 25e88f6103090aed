/* The index over hosts, users, departments and networks (stage enrich). Built once from an asset set by
 * context_index.c; enrich.c fills the fields of events from here. Rows with the same key are chained and
 * chosen by validity at event time. */
#include "enrich/context_index.h"

struct context *context_new(struct arena *arena, const struct asset_set *set, const struct zone *zone)
{
    struct context *c = NEW(struct context);
    atomic_init(&c->references, 1);
    c->arena = *arena;
    *arena = (struct arena){0};
    c->set = *set;
    c->zone = zone;
    index_hosts(c);
    index_named(c);
    index_networks(c);
    index_exceptions(c);
    index_conditions(c);
    return c;
}

struct context *context_ref(struct context *c)
{
    atomic_fetch_add_explicit(&c->references, 1, memory_order_relaxed);
    return c;
}

const struct asset_set *context_assets(const struct context *c)
{
    return &c->set;
}

void context_unref(struct context *c)
{
    if (c == NULL || atomic_fetch_sub_explicit(&c->references, 1, memory_order_acq_rel) != 1)
        return;
    cidr_map_free(c->networks.map);
    cidr_map_free(c->exceptions.map);
    map_free(&c->by_key);
    map_free(&c->conditions.by_key);
    arena_free(&c->arena);
    memory_free(c);
}

bool asset_is_valid(const struct asset_row *row, int64_t time_ns)
{
    return time_ns >= row->valid_from_ns && time_ns < row->valid_to_ns;
}

bool asset_is_nearer(const struct asset_row *a, const struct asset_row *b)
{
    return a->valid_from_ns != b->valid_from_ns ? a->valid_from_ns > b->valid_from_ns
                                                : a->valid_to_ns < b->valid_to_ns;
}

const void *context_find(const struct context *c, char kind, struct str text, int64_t time_ns)
{
    char key[INDEX_KEY_MAX];
    size_t n = index_key(key, kind, text);
    const struct indexed *entry = n ? map_get_pointer(&c->by_key, str_n(key, n)) : NULL;
    const struct asset_row *best = NULL;
    for (; entry != NULL; entry = entry->next)
        if (asset_is_valid(entry->row, time_ns) && (best == NULL || asset_is_nearer(entry->row, best)))
            best = entry->row;
    return best;
}

const struct asset_host *context_find_host(const struct context *c, struct str name, struct str ip,
                                           int64_t time_ns)
{
    const struct asset_host *host = ip.n ? context_find(c, INDEX_IP, ip, time_ns) : NULL;
    if (host == NULL && name.n)
        host = context_find(c, INDEX_HOST, str_slice(name, 0, str_find_char(name, '.', 0)), time_ns);
    return host;
}

const struct asset_network *context_find_network(const struct context *c, struct str ip, int64_t time_ns)
{
    struct ip address;
    uint32_t links[64];
    if (c->set.counts[ASSET_NETWORKS] == 0 || !ip_parse(ip, &address))
        return NULL;
    size_t count = cidr_map_find_all(c->networks.map, &address, links, COUNT_OF(links));
    const struct asset_network *best = NULL;
    for (size_t i = 0; i < count && best == NULL; i++)
        for (uint32_t link = links[i]; link != 0; link = c->networks.links[link].next) {
            const struct asset_network *network = &c->set.networks[c->networks.links[link].row];
            if (asset_is_valid(&network->row, time_ns) &&
                (best == NULL || asset_is_nearer(&network->row, &best->row)))
                best = network;
        }
    return best;
}

struct str context_department(const struct context *c, const struct asset_host *host, struct str ip,
                              int64_t time_ns)
{
    if (host != NULL && host->department.n)
        return host->department;
    const struct asset_network *network = ip.n ? context_find_network(c, ip, time_ns) : NULL;
    return network != NULL ? network->department : STR_EMPTY;
}

int context_importance(const struct context *c, const struct asset_host *host, struct str user,
                       int64_t time_ns)
{
    int importance = host != NULL ? host->importance : 0;
    struct str who = user.n ? user : host != NULL ? host->owner : STR_EMPTY;
    const struct asset_user *person = who.n ? context_find(c, INDEX_USER, who, time_ns) : NULL;
    if (person != NULL && person->importance > importance)
        importance = person->importance;
    struct str name = STR_EMPTY;
    if (host != NULL && host->department.n)
        name = host->department;
    else if (person != NULL)
        name = person->department;
    const struct asset_department *department =
        name.n ? context_find(c, INDEX_DEPARTMENT, name, time_ns) : NULL;
    if (department != NULL && department->importance > importance)
        importance = department->importance;
    return importance;
}

bool context_is_inside(const struct context *c, struct str ip, int64_t time_ns)
{
    struct ip address;
    if (!ip_parse(ip, &address))
        return false;
    return ip_is_private(&address) || context_find_network(c, ip, time_ns) != NULL ||
           context_find(c, INDEX_IP, ip, time_ns) != NULL;
}
