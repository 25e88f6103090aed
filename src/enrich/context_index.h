/* Inside of the context: how rows are found. */
#ifndef ENRICH_CONTEXT_INDEX_H
#define ENRICH_CONTEXT_INDEX_H

#include <stdatomic.h>

#include "base/map.h"
#include "enrich/context.h"

enum { INDEX_IP = 'i', INDEX_HOST = 'h', INDEX_USER = 'u', INDEX_DEPARTMENT = 'd' };
#define INDEX_KEY_MAX 300

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

struct context {
    atomic_uint references;
    struct arena arena;
    struct asset_set set;
    const struct zone *zone;
    struct map by_key; /* kind + lower-case text → struct indexed * */
    struct network_index networks, exceptions;
    uint32_t *unaddressed; /* rows of set.exceptions that name no network */
    uint32_t unaddressed_count;
};

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

/* Adds hyakuyo.exception for each registered exception that covers the event. */
void enrich_exceptions(const struct context *c, struct event *e, struct arena *a);

#endif
