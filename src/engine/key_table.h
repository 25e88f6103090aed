/* Idempotency keys of HTTP requests: what each became, for a day. One lock of the owner guards a table. */
#ifndef ENGINE_KEY_TABLE_H
#define ENGINE_KEY_TABLE_H

#include <xxhash.h>

#include "base/map.h"
#include "base/str.h"

struct key_entry {
    struct key_entry *next_unsaved;
    XXH128_hash_t hash;
    uint64_t first, last; /* sequence numbers that the request became; 0 while on its way */
    int64_t expires_ns;
    bool is_claimed; /* its request is on its way; false with last == 0: it was refused, and may come again */
    bool is_saved;   /* state.db has it */
    uint32_t source_bytes;
    char source[];
};

struct key_table {
    struct map by_hash;                       /* hash bytes → struct key_entry *, oldest first */
    struct key_entry *unsaved, **unsaved_end; /* settled ones in order of `last` */
    uint32_t max;
    int64_t dropped_through_ns; /* those that expire until then were let go before their time */
};

void key_table_init(struct key_table *t, uint32_t max);
void key_table_free(struct key_table *t);

XXH128_hash_t key_table_hash(struct str source, struct str key);

/* The entry, or a new one that expires then. When the table is full, what has expired goes, and then the
 * oldest quarter of what state.db already has. Good until the next call of this. */
struct key_entry *key_table_enter(struct key_table *t, XXH128_hash_t hash, struct str source, int64_t now_ns,
                                  int64_t expires_ns);
/* NULL when there is none. */
struct key_entry *key_table_find(struct key_table *t, XXH128_hash_t hash);
/* The journal has the request's records; in order of sequence numbers. A key that is settled stays as it is.
 */
void key_table_settle(struct key_table *t, struct key_entry *entry, uint64_t first, uint64_t last);
/* state.db has all that were settled up to and including `last`. */
void key_table_saved(struct key_table *t, uint64_t last);

#endif
