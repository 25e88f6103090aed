/* Idempotency keys by hash. ledger.c owns the table, loads it from state.db and saves what is settled. */
#include "engine/key_table.h"

#include "base/memory.h"

void key_table_init(struct key_table *t, uint32_t max)
{
    *t = (struct key_table){.max = max, .dropped_through_ns = INT64_MIN};
    t->unsaved_end = &t->unsaved;
}

void key_table_free(struct key_table *t)
{
    for (uint32_t i = 0; i < t->by_hash.count; i++)
        memory_free((void *)t->by_hash.entries[i].value);
    map_free(&t->by_hash);
}

XXH128_hash_t key_table_hash(struct str source, struct str key)
{
    return XXH3_128bits_withSeed(key.p, key.n, str_hash(source));
}

static struct str hash_bytes(const XXH128_hash_t *hash)
{
    return str_n((const char *)hash, sizeof *hash);
}

struct key_entry *key_table_find(struct key_table *t, XXH128_hash_t hash)
{
    return map_get_pointer(&t->by_hash, hash_bytes(&hash));
}

static bool is_waited_for(const struct key_entry *e)
{
    return !e->is_saved && (e->is_claimed || e->last != 0);
}

/* The map has no removal: it is made anew. Entries are in order of age, and so of expiry. */
static void make_room(struct key_table *t, int64_t now_ns)
{
    struct map kept = {0};
    uint32_t live = 0;
    for (uint32_t i = 0; i < t->by_hash.count; i++)
        live += ((const struct key_entry *)t->by_hash.entries[i].value)->expires_ns > now_ns;
    uint32_t surplus = live > t->max / 4 * 3 ? live - t->max / 4 * 3 : 0;
    for (uint32_t i = 0; i < t->by_hash.count; i++) {
        struct key_entry *e = (struct key_entry *)t->by_hash.entries[i].value;
        bool is_over = e->expires_ns <= now_ns || (!e->is_claimed && e->last == 0);
        if (is_waited_for(e) || (!is_over && surplus == 0)) {
            *map_put(&kept, hash_bytes(&e->hash), NULL) = (uintptr_t)e;
            continue;
        }
        if (!is_over) {
            surplus--;
            t->dropped_through_ns = e->expires_ns;
        }
        memory_free(e);
    }
    map_free(&t->by_hash);
    t->by_hash = kept;
}

struct key_entry *key_table_enter(struct key_table *t, XXH128_hash_t hash, struct str source, int64_t now_ns,
                                  int64_t expires_ns)
{
    struct key_entry *entry = key_table_find(t, hash);
    if (entry != NULL)
        return entry;
    if (t->by_hash.count >= t->max)
        make_room(t, now_ns);
    entry = memory_zero(sizeof *entry + source.n);
    entry->hash = hash;
    entry->expires_ns = expires_ns;
    entry->source_bytes = (uint32_t)source.n;
    memcpy(entry->source, source.p, source.n);
    *map_put(&t->by_hash, hash_bytes(&entry->hash), NULL) = (uintptr_t)entry;
    return entry;
}

void key_table_settle(struct key_table *t, struct key_entry *entry, uint64_t first, uint64_t last)
{
    if (entry->last != 0)
        return;
    entry->first = first;
    entry->last = last;
    entry->is_claimed = false;
    *t->unsaved_end = entry;
    t->unsaved_end = &entry->next_unsaved;
}

void key_table_saved(struct key_table *t, uint64_t last)
{
    while (t->unsaved != NULL && t->unsaved->last <= last) {
        struct key_entry *entry = t->unsaved;
        entry->is_saved = true;
        t->unsaved = entry->next_unsaved;
        entry->next_unsaved = NULL;
    }
    if (t->unsaved == NULL)
        t->unsaved_end = &t->unsaved;
}
