/* Ground floor: hash table from bytes to a number. Entries lie in order of insertion; slots hold indices into
 * them and are kept at most half full, linear probing. Half of the hash stands in the slot: an entry, which
 * costs a miss of the cache in a large table, is looked at only to confirm. */
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
    for (; m->slots[slot].entry; slot = (slot + 1) & m->slot_mask) {
        if (m->slots[slot].hash != (uint32_t)(hash >> 32))
            continue;
        const struct map_entry *e = &m->entries[m->slots[slot].entry - 1];
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
    return m->slots[slot].entry ? &m->entries[m->slots[slot].entry - 1].value : NULL;
}

static void grow(struct map *m)
{
    BUG_IF(m->slot_mask >= UINT32_MAX / 4);
    uint32_t slots = m->slots ? (m->slot_mask + 1) * 2 : FIRST_SLOTS;
    memory_free(m->slots);
    m->slots = NEW_ARRAY(struct map_slot, slots);
    m->slot_mask = slots - 1;
    m->capacity = slots / 2;
    m->entries = memory_resize_array(m->entries, m->capacity, sizeof m->entries[0]);
    for (uint32_t i = 0; i < m->count; i++) {
        uint32_t slot = (uint32_t)m->entries[i].hash & m->slot_mask;
        while (m->slots[slot].entry)
            slot = (slot + 1) & m->slot_mask;
        m->slots[slot] = (struct map_slot){i + 1, (uint32_t)(m->entries[i].hash >> 32)};
    }
}

uintptr_t *map_put(struct map *m, struct str key, bool *is_new)
{
    uint64_t hash = str_hash(key);
    if (m->count == m->capacity)
        grow(m);
    uint32_t slot = probe(m, key, hash);
    if (is_new)
        *is_new = !m->slots[slot].entry;
    if (!m->slots[slot].entry) {
        m->entries[m->count] = (struct map_entry){.key = key, .hash = hash};
        m->slots[slot] = (struct map_slot){++m->count, (uint32_t)(hash >> 32)};
    }
    return &m->entries[m->slots[slot].entry - 1].value;
}
