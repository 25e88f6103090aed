/* Sources by transport and sender, over state_sources. Known senders cost a hash; new ones a row in state.db.
 */
#include "registry.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "store/state_sources.h"

#define KEY_MAX 4200 /* a path and the transport */

struct registry {
    struct state *state;
    pthread_rwlock_t lock;
    struct map by_key; /* transport + sender → struct source * */
    struct arena arena;
    const struct source **by_number;
    uint32_t number_capacity;
    atomic_uint_fast64_t generation;
    bool has_complained;
};

static size_t make_key(char *key, uint8_t transport, struct str sender)
{
    size_t n = sender.n < KEY_MAX - 1 ? sender.n : KEY_MAX - 1;
    key[0] = (char)('a' + transport);
    memcpy(key + 1, sender.p, n);
    return n + 1;
}

static void put_source(struct registry *r, uint8_t transport, const struct source *from)
{
    char key[KEY_MAX];
    struct source *copy = ARENA_NEW(&r->arena, struct source);
    *copy = *from;
    copy->name = arena_str(&r->arena, from->name);
    copy->sender = arena_str(&r->arena, from->sender);
    copy->parser = arena_str(&r->arena, from->parser);
    copy->charset = arena_str(&r->arena, from->charset);
    size_t n = make_key(key, transport, from->sender);
    *map_put(&r->by_key, arena_str(&r->arena, str_n(key, n)), NULL) = (uintptr_t)copy;
    if (copy->number >= r->number_capacity) {
        uint32_t more = (copy->number + 1) * 2;
        r->by_number = memory_resize_array(r->by_number, more, sizeof(*r->by_number));
        memset(r->by_number + r->number_capacity, 0, (more - r->number_capacity) * sizeof(*r->by_number));
        r->number_capacity = more;
    }
    r->by_number[copy->number] = copy;
}

bool registry_reload(struct registry *r, struct error *err)
{
    struct arena arena;
    struct source_entry *entries;
    uint32_t count;
    arena_init(&arena, 64 << 10);
    bool ok = state_sources_load(r->state, &arena, &entries, &count, err);
    pthread_rwlock_wrlock(&r->lock);
    for (uint32_t i = 0; ok && i < count; i++)
        put_source(r, entries[i].transport, &entries[i].source);
    atomic_fetch_add(&r->generation, 1);
    pthread_rwlock_unlock(&r->lock);
    arena_free(&arena);
    return ok;
}

struct registry *registry_new(struct state *state, struct error *err)
{
    struct registry *r = NEW(struct registry);
    r->state = state;
    arena_init(&r->arena, 64 << 10);
    pthread_rwlock_init(&r->lock, NULL);
    if (!registry_reload(r, err)) {
        registry_free(r);
        return NULL;
    }
    return r;
}

void registry_free(struct registry *r)
{
    if (r == NULL)
        return;
    map_free(&r->by_key);
    arena_free(&r->arena);
    memory_free(r->by_number);
    pthread_rwlock_destroy(&r->lock);
    memory_free(r);
}

uint64_t registry_generation(const struct registry *r)
{
    return atomic_load_explicit(&r->generation, memory_order_acquire);
}

static const struct source *find_known(struct registry *r, struct str key)
{
    pthread_rwlock_rdlock(&r->lock);
    const struct source *source = map_get_pointer(&r->by_key, key);
    pthread_rwlock_unlock(&r->lock);
    return source;
}

static const struct source *enter_new(struct registry *r, uint8_t transport, struct str sender,
                                      int64_t seen_ns)
{
    struct error err;
    uint32_t number;
    if (!state_sources_find_or_create(r->state, transport, sender, seen_ns, &number, NULL, &err)) {
        if (!r->has_complained)
            log_error(tr("a new source cannot be entered into the registry; its records are kept under no "
                         "source: %s",
                         "新しい情報源を台帳に登録できません。記録は情報源なしで保存します: %s"),
                      err.text);
        r->has_complained = true;
        return NULL;
    }
    struct source source = {
        .number = number, .name = sender, .sender = sender, .parser = STR_EMPTY, .charset = STR_EMPTY};
    pthread_rwlock_wrlock(&r->lock);
    put_source(r, transport, &source);
    const struct source *entered = r->by_number[number];
    pthread_rwlock_unlock(&r->lock);
    return entered;
}

const struct source *registry_find(struct registry *r, uint8_t transport, struct str sender, int64_t seen_ns)
{
    char key[KEY_MAX];
    size_t n = make_key(key, transport, sender);
    const struct source *source = find_known(r, str_n(key, n));
    return source != NULL ? source : enter_new(r, transport, sender, seen_ns);
}

const struct source *registry_get(struct registry *r, uint32_t number)
{
    pthread_rwlock_rdlock(&r->lock);
    const struct source *source = number < r->number_capacity ? r->by_number[number] : NULL;
    pthread_rwlock_unlock(&r->lock);
    return source;
}

const struct source *registry_cache_find(void *context, const struct record *record)
{
    struct registry_cache *cache = context;
    uint64_t generation = registry_generation(cache->registry);
    if (cache->generation != generation) {
        memset(cache->slots, 0, sizeof cache->slots);
        cache->generation = generation;
    }
    uint64_t hash = str_hash(record->sender) + record->transport;
    struct registry_cache_slot *slot = &cache->slots[hash % REGISTRY_CACHE_SLOTS];
    if (slot->source == NULL || slot->hash != hash || slot->transport != record->transport ||
        !str_eq(slot->source->sender, record->sender)) {
        *slot = (struct registry_cache_slot){hash,
                                             registry_find(cache->registry, record->transport, record->sender,
                                                           record->received_ns),
                                             record->transport};
    }
    return slot->source;
}
