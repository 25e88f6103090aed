/* Ground floor: hash table from bytes to a number. Entries lie in order of insertion; slots hold indices into
 * them and are kept at most half full, linear probing. */
#include "base/map.h"

#include "base/memory.h"

#define FIRST_SLOTS 16

void map_free(struct map *m)
{
    memory_free(m->entries);
    memory_free(m->slots);
    *m = (struct map){0};
}

void map_clear(struct map *m)
{
    if (m->slots)
        memset(m->slots, 0, ((size_t)m->slot_mask + 1) * sizeof m->slots[0]);
    m->count = 0;
}

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t probe(const struct map *m, struct str key, uint64_t hash)
{
    uint32_t slot = (uint32_t)hash & m->slot_mask;
    for (; m->slots[slot]; slot = (slot + 1) & m->slot_mask) {
        const struct map_entry *e = &m->entries[m->slots[slot] - 1];
        if (e->hash == hash && str_eq(e->key, key))
            break;
    }
    return slot;
}

uintptr_t *map_find(const struct map *m, struct str key)
{
    if (!m->count)
        return NULL;
    uint32_t slot = probe(m, key, str_hash(key));
    return m->slots[slot] ? &m->entries[m->slots[slot] - 1].value : NULL;
}

static void grow(struct map *m)
{
    BUG_IF(m->slot_mask >= UINT32_MAX / 4);
    uint32_t slots = m->slots ? (m->slot_mask + 1) * 2 : FIRST_SLOTS;
    memory_free(m->slots);
    m->slots = NEW_ARRAY(uint32_t, slots);
    m->slot_mask = slots - 1;
    m->capacity = slots / 2;
    m->entries = memory_resize_array(m->entries, m->capacity, sizeof m->entries[0]);
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t slot = (uint32_t)m->entries[i].hash & m->slot_mask;
        while (m->slots[slot])
            slot = (slot + 1) & m->slot_mask;
        m->slots[slot] = i + 1;
    }
}

uintptr_t *map_put(struct map *m, struct str key, bool *is_new)
{
    uint64_t hash = str_hash(key);
    if (m->count == m->capacity)
        grow(m);
    uint32_t slot = probe(m, key, hash);
    if (is_new)
        *is_new = !m->slots[slot];
    if (!m->slots[slot]) {
        m->entries[m->count] = (struct map_entry){.key = key, .hash = hash};
        m->slots[slot] = ++m->count;
    }
    return &m->entries[m->slots[slot] - 1].value;
}
