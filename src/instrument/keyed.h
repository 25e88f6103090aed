/* Bounded tables of the instruments: bytes → a flat record of fixed size. When full, the entry that was
 * touched longest ago makes room. Walks are in the order of last use, oldest first: the same events give the
 * same walk. In a table of more than 4,096 entries both orders are exact to a sixteenth of the entries. */
#ifndef INSTRUMENT_KEYED_H
#define INSTRUMENT_KEYED_H

#include "base/buf.h"
#include "base/str.h"

struct keyed;

struct keyed_options {
    uint32_t record_bytes; /* zeroed when new; saved as they are: numbers only, no pointers */
    uint32_t max_entries;
    /* An entry is about to go, to make room or by keyed_drop_before(). May be NULL. Must not touch this
     * table. */
    void (*dropped)(void *context, struct str key, void *record);
    void *context;
};

struct keyed *keyed_new(const struct keyed_options *options);
void keyed_free(struct keyed *k);

/* The record of the key, made when there is none; counts as its use at `time_ns` (which may go back: order
 * of use is order of calls). Valid until the next keyed_put() or drop. */
void *keyed_put(struct keyed *k, struct str key, int64_t time_ns, bool *is_new);
void *keyed_find(const struct keyed *k, struct str key); /* NULL when absent; no use */
/* The key of that hash (str_hash) is going to be asked for: fetches into the cache, first where it is noted,
 * then, a moment later, its record. Says and changes nothing. */
enum keyed_fetch { FETCH_SLOT, FETCH_RECORD };
void keyed_fetch(const struct keyed *k, uint64_t hash, enum keyed_fetch what);
void keyed_remove(struct keyed *k, struct str key);
/* Entries whose latest use lies before `time_ns`. */
void keyed_drop_before(struct keyed *k, int64_t time_ns);
void keyed_clear(struct keyed *k);

/* Walks all: start with NULL. The walk allows nothing but keyed_find() meanwhile. */
struct keyed_entry {
    struct str key;
    void *record;
    int64_t used_ns;
};
bool keyed_next(const struct keyed *k, const void **place, struct keyed_entry *out);

uint32_t keyed_count(const struct keyed *k);
uint64_t keyed_dropped(const struct keyed *k); /* to make room */
size_t keyed_bytes(const struct keyed *k);

/* Reading what buf_… wrote. Every read fails for good once something is missing. */
struct cursor {
    struct str rest;
    bool is_bad;
};
void cursor_bytes(struct cursor *c, void *to, size_t n); /* zeroed when bad */
struct str cursor_text(struct cursor *c);                /* as put_text() wrote it; borrowed */
uint64_t cursor_u64(struct cursor *c);                   /* as buf_bytes() of a uint64_t wrote it */
void put_text(struct buf *out, struct str text);

void keyed_save(const struct keyed *k, struct buf *out);
bool keyed_load(struct keyed *k, struct cursor *in); /* false, and empty, when it does not fit */

#endif
