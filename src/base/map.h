/* Hash table from bytes to a pointer-sized number; open addressing, insertion order kept for walking.
 * Keys are borrowed: the caller keeps them alive as long as the map. One writer, or many readers. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include "base/str.h"

struct map_entry {
    struct str key;
    uint64_t hash;
    uintptr_t value;
};

struct map_slot {
    uint32_t entry; /* its index + 1; 0 = free */
    uint32_t hash;  /* the high half */
};

struct map {
    struct map_entry *entries; /* in order of insertion */
    struct map_slot *slots;
    uint32_t count, capacity, slot_mask;
};

void map_free(struct map *m);
void map_clear(struct map *m);
/* NULL when absent. The pointer is valid until the next insertion. */
uintptr_t *map_find(const struct map *m, struct str key);
/* The value's place, created as 0 when absent; `*is_new` may be NULL. */
uintptr_t *map_put(struct map *m, struct str key, bool *is_new);

static inline void *map_get_pointer(const struct map *m, struct str key)
{
    uintptr_t *v = map_find(m, key);
    return v ? (void *)*v : NULL;
}

#endif
