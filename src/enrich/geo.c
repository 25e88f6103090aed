/* Databases of places and networks (stage enrich); the only file that knows libmaxminddb. Opening and
 * proving, then one address → struct geo_place, remembered by network. Reads files; leaves places for
 * geo_event.c. */
#include "enrich/geo.h"

#include <arpa/inet.h>
#include <maxminddb.h>
#include <stdatomic.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define PROVED_NODES 20000 /* of the search tree: a database with fewer is read from end to end */
#define CACHE_SLOTS  8192  /* networks and single addresses of one worker; about 2 MB */
#define NETWORK_V4   120   /* 96 + 24: networks that are remembered as one */
#define NETWORK_V6   48

struct database {
    MMDB_s file;
    bool knows_places, knows_networks;
    struct str path, name;
    int64_t built_ns;
};

struct geo {
    atomic_uint references;
    struct arena arena;
    struct database databases[GEO_DATABASES_MAX];
    size_t count;
};

enum slot_use { SLOT_FREE, SLOT_PLACE, SLOT_VARIES /* the network's addresses are in different places */ };

struct slot {
    struct ip network;
    uint8_t bits, use;
    struct geo_place place;
};

struct geo_cache {
    struct geo *geo;
    struct slot slots[CACHE_SLOTS];
};

/* ---------------------------------------------------------------- opening */

#define PATH(...) ((const char *const[]){__VA_ARGS__, NULL})

static bool has(MMDB_entry_s *entry, const char *const *path)
{
    MMDB_entry_data_s data;
    return MMDB_aget_value(entry, &data, path) == MMDB_SUCCESS && data.has_data;
}

/* What kind of database it is, its records say: makers name them as they like. */
static bool decodes(struct database *d, MMDB_entry_s *entry)
{
    MMDB_entry_data_list_s *list = NULL;
    bool ok = MMDB_get_entry_data_list(entry, &list) == MMDB_SUCCESS;
    MMDB_free_entry_data_list(list);
    if (ok && !d->knows_places)
        d->knows_places = has(entry, PATH("country", "iso_code")) || has(entry, PATH("continent", "code")) ||
                          has(entry, PATH("location", "latitude"));
    if (ok && !d->knows_networks)
        d->knows_networks = has(entry, PATH("autonomous_system_number"));
    return ok;
}

static bool side_is_sound(struct database *d, uint8_t type, uint64_t record, MMDB_entry_s *entry)
{
    if (type == MMDB_RECORD_TYPE_SEARCH_NODE)
        return record < d->file.metadata.node_count;
    return type == MMDB_RECORD_TYPE_EMPTY || (type == MMDB_RECORD_TYPE_DATA && decodes(d, entry));
}

/* Nodes at even distances over the whole tree, and the data they lead to. */
static bool is_sound(struct database *d)
{
    uint32_t count = d->file.metadata.node_count, step = count / PROVED_NODES + 1;
    for (uint64_t i = 0; i < count; i += step) {
        MMDB_search_node_s node;
        if (MMDB_read_node(&d->file, (uint32_t)i, &node) != MMDB_SUCCESS ||
            !side_is_sound(d, node.left_record_type, node.left_record, &node.left_record_entry) ||
            !side_is_sound(d, node.right_record_type, node.right_record, &node.right_record_entry))
            return false;
    }
    return count > 0;
}

static bool damaged(const char *path, const char *why, struct error *err)
{
    return error_set(
        err,
        tr("%s is not a sound GeoIP database (%s); download it again, in the format .mmdb",
           "%s は正しい GeoIP データベースではありません (%s)。.mmdb 形式のものを入手し直してください"),
        path, why);
}

static bool open_database(struct geo *g, const char *path, struct error *err)
{
    struct database *d = &g->databases[g->count];
    int status = MMDB_open(path, MMDB_MODE_MMAP, &d->file);
    if (status == MMDB_FILE_OPEN_ERROR || status == MMDB_IO_ERROR)
        return error_errno(err, tr("%s cannot be read", "%s を読めません"), path);
    if (status != MMDB_SUCCESS)
        return damaged(path, MMDB_strerror(status), err);
    g->count++; /* from here on geo_unref() closes it */
    d->path = arena_str(&g->arena, str_c(path));
    char built_text[TIME_TEXT_MAX];
    uint64_t built = d->file.metadata.build_epoch;
    d->built_ns = built < INT64_MAX / NS_PER_SECOND ? (int64_t)built * NS_PER_SECOND : 0;
    time_format_iso(d->built_ns, built_text);
    d->name = arena_printf(&g->arena, "%s %.10s", d->file.metadata.database_type, built_text);
    if (!is_sound(d))
        return damaged(path, tr("records cannot be decoded", "読めない記録があります"), err);
    if (!d->knows_places && !d->knows_networks)
        return error_set(
            err,
            tr("%s holds \"%s\", which is neither a country, a city nor an ASN database; leave it out",
               "%s の種類は「%s」で、国・都市・ASN のデータベースではありません。指定から外してください"),
            path, d->file.metadata.database_type);
    return true;
}

struct geo *geo_open(const char *const *paths, size_t count, struct error *err)
{
    struct geo *g = NEW(struct geo);
    atomic_init(&g->references, 1);
    arena_init(&g->arena, 1024);
    bool ok =
        count <= GEO_DATABASES_MAX ||
        error_set(err, tr("at most %d GeoIP databases; name fewer", "GeoIP データベースは %d 個までです"),
                  GEO_DATABASES_MAX);
    for (size_t i = 0; ok && i < count; i++)
        ok = open_database(g, paths[i], err);
    if (ok)
        return g;
    geo_unref(g);
    return NULL;
}

struct geo *geo_ref(struct geo *g)
{
    atomic_fetch_add_explicit(&g->references, 1, memory_order_relaxed);
    return g;
}

void geo_unref(struct geo *g)
{
    if (g == NULL || atomic_fetch_sub_explicit(&g->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < g->count; i++)
        MMDB_close(&g->databases[i].file);
    arena_free(&g->arena);
    memory_free(g);
}

size_t geo_count(const struct geo *g)
{
    return g != NULL ? g->count : 0;
}

struct geo_database geo_database(const struct geo *g, size_t i)
{
    const struct database *d = &g->databases[i];
    return (struct geo_database){d->path, str_c(d->file.metadata.database_type), d->name, d->built_ns};
}

/* ------------------------------------------------------------------- facts */

static struct str text_at(MMDB_entry_s *entry, const char *const *path)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
        data.type != MMDB_DATA_TYPE_UTF8_STRING)
        return STR_EMPTY;
    struct str text = str_n(data.utf8_string, data.data_size);
    return str_is_utf8(text) ? text : STR_EMPTY;
}

static bool real_at(MMDB_entry_s *entry, const char *const *path, double *out)
{
    MMDB_entry_data_s data;
    if (MMDB_aget_value(entry, &data, path) != MMDB_SUCCESS || !data.has_data ||
        data.type != MMDB_DATA_TYPE_DOUBLE)
        return false;
    *out = data.double_value;
    return true;
}

static void first(struct str *place, struct str text)
{
    if (place->n == 0)
        *place = text;
}

static void read_place(MMDB_entry_s *entry, struct geo_place *p)
{
    double latitude, longitude;
    first(&p->continent_code, text_at(entry, PATH("continent", "code")));
    first(&p->continent_name, text_at(entry, PATH("continent", "names", "en")));
    first(&p->country_code, text_at(entry, PATH("country", "iso_code")));
    first(&p->country_name, text_at(entry, PATH("country", "names", "en")));
    struct str region = text_at(entry, PATH("subdivisions", "0", "iso_code"));
    if (p->region_code[0] == 0 && region.n && p->country_code.n)
        snprintf(p->region_code, sizeof p->region_code, "%.*s-%.*s", STR_ARGS(p->country_code),
                 STR_ARGS(region));
    first(&p->region_name, text_at(entry, PATH("subdivisions", "0", "names", "en")));
    first(&p->city, text_at(entry, PATH("city", "names", "en")));
    first(&p->postal_code, text_at(entry, PATH("postal", "code")));
    first(&p->time_zone, text_at(entry, PATH("location", "time_zone")));
    if (p->location[0] == 0 && real_at(entry, PATH("location", "latitude"), &latitude) &&
        real_at(entry, PATH("location", "longitude"), &longitude))
        snprintf(p->location, sizeof p->location, "%.7g,%.7g", latitude, longitude);
    p->is_known |= p->country_code.n || p->continent_code.n || p->location[0] != 0;
}

static void read_network(MMDB_entry_s *entry, struct geo_place *p)
{
    MMDB_entry_data_s data;
    if (p->as_number == 0 &&
        MMDB_aget_value(entry, &data, PATH("autonomous_system_number")) == MMDB_SUCCESS && data.has_data &&
        data.type == MMDB_DATA_TYPE_UINT32)
        p->as_number = data.uint32;
    first(&p->organisation, text_at(entry, PATH("autonomous_system_organization")));
}

/* Fills the place; returns the length of the longest prefix that any database told apart, in bits of 128. */
static unsigned look_up(struct geo *g, const struct ip *ip, struct geo_place *p)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.any = {0}};
    unsigned longest = 0;
    if (ip_is_v4(ip)) {
        address.v4.sin_family = AF_INET;
        memcpy(&address.v4.sin_addr, ip->bytes + 12, 4);
    } else {
        address.v6.sin6_family = AF_INET6;
        memcpy(&address.v6.sin6_addr, ip->bytes, 16);
    }
    for (size_t i = 0; i < g->count; i++) {
        struct database *d = &g->databases[i];
        int error;
        MMDB_lookup_result_s found = MMDB_lookup_sockaddr(&d->file, &address.any, &error);
        if (error != MMDB_SUCCESS)
            continue; /* an address of the other family, or a damaged branch: nothing is known */
        unsigned bits = found.netmask + (d->file.metadata.ip_version == 4 ? 96u : 0u);
        longest = bits > longest ? bits : longest;
        if (!found.found_entry)
            continue;
        if (d->knows_places)
            read_place(&found.entry, p);
        if (d->knows_networks)
            read_network(&found.entry, p);
    }
    return longest;
}

/* ------------------------------------------------------------------- cache */

struct geo_cache *geo_cache_new(struct geo *g)
{
    struct geo_cache *c = NEW(struct geo_cache);
    c->geo = g;
    return c;
}

void geo_cache_free(struct geo_cache *c)
{
    if (c == NULL)
        return;
    geo_unref(c->geo);
    memory_free(c);
}

static struct ip network_of(const struct ip *ip, unsigned bits)
{
    struct ip network = {{0}};
    memcpy(network.bytes, ip->bytes, bits / 8);
    return network;
}

static struct slot *slot_of(struct geo_cache *c, const struct ip *network, unsigned bits)
{
    uint64_t halves[2];
    memcpy(halves, network->bytes, sizeof halves);
    uint64_t mixed =
        (halves[0] ^ halves[1] * UINT64_C(0x9e3779b97f4a7c15) ^ bits) * UINT64_C(0xd6e8feb86659fd93);
    return &c->slots[(mixed >> 40) % CACHE_SLOTS];
}

static bool holds(const struct slot *s, const struct ip *network, unsigned bits)
{
    return s->use != SLOT_FREE && s->bits == bits && memcmp(&s->network, network, sizeof *network) == 0;
}

const struct geo_place *geo_find(struct geo_cache *c, const struct ip *ip)
{
    unsigned bits = ip_is_v4(ip) ? NETWORK_V4 : NETWORK_V6;
    struct ip network = network_of(ip, bits);
    struct slot *whole = slot_of(c, &network, bits), *single = slot_of(c, ip, 128);
    bool is_remembered = holds(whole, &network, bits);
    if (is_remembered && whole->use == SLOT_PLACE)
        return &whole->place;
    if (is_remembered && holds(single, ip, 128))
        return &single->place;
    struct geo_place place = {.is_known = false};
    bool varies = look_up(c->geo, ip, &place) > bits;
    struct slot *slot = varies ? single : whole;
    *whole = (struct slot){network, (uint8_t)bits, SLOT_VARIES, {.is_known = false}};
    *slot = (struct slot){varies ? *ip : network, (uint8_t)(varies ? 128 : bits), SLOT_PLACE, place};
    return &slot->place;
}

const struct geo *geo_cache_set(const struct geo_cache *c)
{
    return c->geo;
}
