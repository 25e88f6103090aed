/* The registry of sources as the threads see it: (transport, sender) → struct source. Backed by state.db; a
 * sender that was never seen is entered as not registered. Entries are replaced, never changed or freed, so
 * that a pointer stays good for the life of the registry. */
#ifndef ENGINE_REGISTRY_H
#define ENGINE_REGISTRY_H

#include "event/batch.h"
#include "event/source.h"
#include "store/state.h"

/* A flood of forged senders ends here: what is beyond is kept under no source (0). */
#define REGISTRY_SOURCES_MAX 65536

struct registry;
struct registry *registry_new(struct state *state, struct error *err) MUST_CHECK;
void registry_free(struct registry *r);

/* Any thread; a new sender waits for state.db. NULL when state.db cannot take it or the registry is full
 * (logged once). */
const struct source *registry_find(struct registry *r, uint8_t transport, struct str sender, int64_t seen_ns);
/* By number; NULL when there is none. Any thread, no lock. */
const struct source *registry_get(const struct registry *r, uint32_t number);
/* After a decision about sources was stored: reads them again. Any thread. */
bool registry_reload(struct registry *r, struct error *err) MUST_CHECK;

/* One thread's small cache before the registry; records of a batch mostly come from few senders. */
#define REGISTRY_CACHE_SLOTS 64
struct registry_cache {
    struct registry *registry;
    struct registry_cache_slot {
        uint64_t hash;
        const struct source *source;
        uint8_t transport;
    } slots[REGISTRY_CACHE_SLOTS];
};
/* Gives every record of the batch the number of its source, once for all that follows: what is counted as
 * received and what is counted as stored must name the same one. */
void registry_assign(struct registry_cache *cache, struct batch *batch);
/* A pipeline_find_source; `context` is the struct registry. The source that registry_assign() chose. */
const struct source *registry_source_of(void *context, const struct record *record);

#endif
