/* The registry of sources as workers see it: (transport, sender) → struct source. Backed by state.db; a
 * sender that was never seen is entered as not registered. Entries are replaced, never changed, so that a
 * worker's pointer stays good. */
#ifndef REGISTRY_H
#define REGISTRY_H

#include "event/batch.h"
#include "event/source.h"
#include "store/state.h"

struct registry;
struct registry *registry_new(struct state *state, struct error *err) MUST_CHECK;
void registry_free(struct registry *r);

/* Any thread. NULL only when state.db cannot take a new sender (logged once). */
const struct source *registry_find(struct registry *r, uint8_t transport, struct str sender, int64_t seen_ns);
/* By number; NULL when there is none. */
const struct source *registry_get(struct registry *r, uint32_t number);
/* After a decision about sources was stored: reads them again. */
bool registry_reload(struct registry *r, struct error *err) MUST_CHECK;
uint64_t registry_generation(const struct registry *r);

/* A worker's small cache before the registry; records of a batch mostly come from few senders. */
#define REGISTRY_CACHE_SLOTS 64
struct registry_cache {
    struct registry *registry;
    uint64_t generation;
    struct registry_cache_slot {
        uint64_t hash;
        const struct source *source;
        uint8_t transport;
    } slots[REGISTRY_CACHE_SLOTS];
};
/* A pipeline_find_source; `context` is a struct registry_cache. */
const struct source *registry_cache_find(void *context, const struct record *record);

#endif
