/* Inside of the context: how rows are found. */
#ifndef ENRICH_CONTEXT_INDEX_H
#define ENRICH_CONTEXT_INDEX_H

#include <stdatomic.h>

#include "base/map.h"
#include "enrich/context.h"

enum { INDEX_IP = 'i', INDEX_HOST = 'h', INDEX_USER = 'u', INDEX_DEPARTMENT = 'd', INDEX_MAC = 'm' };
#define INDEX_KEY_MAX 300

enum { CONDITION_COUNTRY, CONDITION_ASN, CONDITION_DOMAIN, CONDITION_PORT, CONDITION_KINDS };

struct indexed {
    struct indexed *next;        /* other rows of the same key */
    const struct asset_row *row; /* the first member of every kind of row */
};

/* From networks to rows. The prefix map keeps one number for each network: that of the newest link, from
 * which the other rows of the same network follow. Link 0 ends a chain. */
struct network_index {
    struct cidr_map *map;
    struct network_link {
        uint32_t row, next;
    } * links;
    uint32_t count; /* of links in use, the unused link 0 included */
};

/* conditions.csv (S105): rows by kind and value. */
struct condition_index {
    struct map by_key; /* "country:ZZ", "asn:64500", "domain:x" → struct indexed * */
    struct condition_port {
        struct asset_port_range range;
        struct str transport; /* "" = any */
        const struct asset_condition *row;
    } * ports;
    uint32_t port_count;
    uint32_t counts[CONDITION_KINDS];
};

struct context {
    atomic_uint references;
    struct arena arena;
    struct asset_set set;
    const struct zone *zone;
    struct map by_key; /* kind + lower-case text → struct indexed * */
    struct network_index networks, exceptions;
    signed char *watched; /* enum asset_flag for each row of set.networks: an IDS sees its traffic (S96) */
    struct condition_index conditions;
    uint32_t *unaddressed; /* rows of set.exceptions that name no network */
    uint32_t unaddressed_count;
};

/* Of two rows that are valid, the one that says more about the moment: it began later, or ends sooner (what
 * an import has retired held until then, whatever the row in its place says about earlier days). */
bool asset_is_nearer(const struct asset_row *a, const struct asset_row *b);
bool asset_is_valid(const struct asset_row *row, int64_t time_ns);
/* Length of the key, 0 when the text is too long to be one. */
size_t index_key(char key[INDEX_KEY_MAX], char kind, struct str text);
/* The valid row of that kind (asset_host, asset_user, asset_department) or NULL. */
const void *context_find(const struct context *c, char kind, struct str text, int64_t time_ns);
const struct asset_network *context_find_network(const struct context *c, struct str ip, int64_t time_ns);

void index_hosts(struct context *c);
void index_named(struct context *c); /* users, departments */
void index_networks(struct context *c);
void index_exceptions(struct context *c);
void index_conditions(struct context *c);

/* Adds hyakuyo.exception for each registered exception that covers the event. */
void enrich_exceptions(const struct context *c, struct event *e, struct arena *a);

/* Adds hyakuyo.condition for a communication from inside that conditions.csv asks for. */
void enrich_conditions(const struct context *c, struct event *e, struct arena *a);

#endif
