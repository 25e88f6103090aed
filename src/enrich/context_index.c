/* Builds the index of a context (stage enrich). */
#include "enrich/context_index.h"

#include "base/json.h"
#include "enrich/identity_rules.h"

size_t index_key(char key[INDEX_KEY_MAX], char kind, struct str text)
{
    if (text.n + 1 > INDEX_KEY_MAX)
        return 0;
    key[0] = kind;
    for (size_t i = 0; i < text.n; i++)
        key[i + 1] = ascii_lower(text.p[i]);
    return text.n + 1;
}

static void add_row(struct context *c, char kind, struct str text, const struct asset_row *row)
{
    char key[INDEX_KEY_MAX];
    size_t n = index_key(key, kind, str_trim(text));
    if (n <= 1)
        return;
    struct indexed *entry = ARENA_NEW(&c->arena, struct indexed);
    uintptr_t *place = map_put(&c->by_key, arena_str(&c->arena, str_n(key, n)), NULL);
    *entry = (struct indexed){(struct indexed *)*place, row};
    *place = (uintptr_t)entry;
}

void index_hosts(struct context *c)
{
    for (uint32_t i = 0; i < c->set.counts[ASSET_HOSTS]; i++) {
        const struct asset_host *host = &c->set.hosts[i];
        for (uint32_t k = 0; k < host->ips.count; k++)
            add_row(c, INDEX_IP, host->ips.items[k], &host->row);
        for (uint32_t k = 0; k < host->macs.count; k++)
            add_row(c, INDEX_MAC, identity_mac(host->macs.items[k], &c->arena), &host->row);
        add_row(c, INDEX_HOST, str_slice(host->hostname, 0, str_find_char(host->hostname, '.', 0)),
                &host->row);
    }
}

void index_named(struct context *c)
{
    for (uint32_t i = 0; i < c->set.counts[ASSET_USERS]; i++)
        add_row(c, INDEX_USER, c->set.users[i].user, &c->set.users[i].row);
    for (uint32_t i = 0; i < c->set.counts[ASSET_DEPARTMENTS]; i++)
        add_row(c, INDEX_DEPARTMENT, c->set.departments[i].department, &c->set.departments[i].row);
}

static void add_network(struct context *c, struct network_index *index, struct map *known, struct str text,
                        uint32_t row)
{
    struct cidr cidr;
    if (!cidr_parse(str_trim(text), &cidr))
        return;
    char key[sizeof cidr.ip.bytes + 1];
    memcpy(key, cidr.ip.bytes, sizeof cidr.ip.bytes);
    key[sizeof key - 1] = (char)cidr.bits;
    uintptr_t *place = map_put(known, arena_str(&c->arena, str_n(key, sizeof key)), NULL);
    index->links[index->count] = (struct network_link){row, (uint32_t)*place};
    cidr_map_add(index->map, &cidr, index->count);
    *place = index->count++;
}

static void start_network_index(struct context *c, struct network_index *index, size_t link_count)
{
    index->map = cidr_map_new();
    index->links = ARENA_ARRAY(&c->arena, struct network_link, link_count + 1);
    index->count = 1;
}

/* The further column `ids` of networks.csv: a sensor's name or yes; no or none; nothing says nothing. */
static enum asset_flag read_watched(struct context *c, struct str labels)
{
    static const struct str no[] = {STR("no"),    STR("none"), STR("0"),
                                    STR("false"), STR("なし"), STR("いいえ")};
    struct error err;
    struct str text = labels.n ? json_text(json_parse(labels, &c->arena, &err), "ids") : STR_EMPTY;
    for (size_t i = 0; i < COUNT_OF(no); i++)
        if (str_eq_nocase(text, no[i]))
            return ASSET_FLAG_NO;
    return text.n ? ASSET_FLAG_YES : ASSET_FLAG_UNKNOWN;
}

void index_networks(struct context *c)
{
    c->watched = ARENA_ARRAY(&c->arena, signed char, c->set.counts[ASSET_NETWORKS] + 1);
    for (uint32_t i = 0; i < c->set.counts[ASSET_NETWORKS]; i++)
        c->watched[i] = (signed char)read_watched(c, c->set.networks[i].row.labels);
    struct map known = {0};
    size_t links = 0;
    for (uint32_t i = 0; i < c->set.counts[ASSET_NETWORKS]; i++)
        links += c->set.networks[i].cidrs.count;
    start_network_index(c, &c->networks, links);
    for (uint32_t i = 0; i < c->set.counts[ASSET_NETWORKS]; i++)
        for (uint32_t k = 0; k < c->set.networks[i].cidrs.count; k++)
            add_network(c, &c->networks, &known, c->set.networks[i].cidrs.items[k], i);
    map_free(&known);
}

void index_exceptions(struct context *c)
{
    struct map known = {0};
    size_t links = 0;
    uint32_t count = c->set.counts[ASSET_EXCEPTIONS];
    for (uint32_t i = 0; i < count; i++)
        links += c->set.exceptions[i].networks.count;
    start_network_index(c, &c->exceptions, links);
    c->unaddressed = ARENA_ARRAY(&c->arena, uint32_t, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct asset_list *networks = &c->set.exceptions[i].networks;
        if (networks->count == 0)
            c->unaddressed[c->unaddressed_count++] = i;
        for (uint32_t k = 0; k < networks->count; k++)
            add_network(c, &c->exceptions, &known, networks->items[k], i);
    }
    map_free(&known);
}
