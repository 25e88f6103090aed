/* Sources by transport and sender, over state_sources. Known senders cost a hash; new ones a row in state.db.
 *
 * Lock order: state.db's lock is never waited for while `lock` is held. */
#include "engine/registry.h"

#include <pthread.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "store/state_sources.h"

#define KEY_MAX 4200 /* a path and the transport */

struct registry {
    struct state *state;
    const struct zone *zone; /* the installation's: of sources without one of their own */
    pthread_rwlock_t lock;   /* guards by_key and arena */
    struct map by_key;       /* transport + sender → struct source * */
    struct arena arena;
    _Atomic(const struct source *) *by_number; /* REGISTRY_SOURCES_MAX of them */
    atomic_bool has_complained;
};

static size_t make_key(char *key, uint8_t transport, struct str sender)
{
    size_t n = sender.n < KEY_MAX - 1 ? sender.n : KEY_MAX - 1;
    key[0] = (char)('a' + transport);
    memcpy(key + 1, sender.p, n);
    return n + 1;
}

static bool is_same(const struct source *a, const struct source *b)
{
    return a->number == b->number && a->zone == b->zone && a->registered == b->registered &&
           str_eq(a->name, b->name) && str_eq(a->sender, b->sender) && str_eq(a->parser, b->parser) &&
           str_eq(a->charset, b->charset);
}

/* Lock held for writing. Those that did not change stay: a decision about one source does not copy all. */
static void put_source(struct registry *r, struct str key, const struct source *from)
{
    uintptr_t *place = map_find(&r->by_key, key);
    struct source wanted = *from;
    if (wanted.zone == NULL)
        wanted.zone = r->zone;
    if (from->number >= REGISTRY_SOURCES_MAX || (place && is_same((const struct source *)*place, &wanted)))
        return;
    struct source *copy = ARENA_NEW(&r->arena, struct source);
    *copy = wanted;
    copy->name = arena_str(&r->arena, from->name);
    copy->sender = arena_str(&r->arena, from->sender);
    copy->parser = arena_str(&r->arena, from->parser);
    copy->charset = arena_str(&r->arena, from->charset);
    if (place == NULL)
        place = map_put(&r->by_key, arena_str(&r->arena, key), NULL);
    *place = (uintptr_t)copy;
    atomic_store_explicit(&r->by_number[copy->number], copy, memory_order_release);
}

bool registry_reload(struct registry *r, struct error *err)
{
    char key[KEY_MAX];
    struct arena arena;
    struct source_entry *entries;
    uint32_t count;
    arena_init(&arena, 64 << 10);
    bool ok = state_sources_load(r->state, &arena, &entries, &count, err);
    pthread_rwlock_wrlock(&r->lock);
    for (uint32_t i = 0; ok && i < count; i++)
        put_source(r, str_n(key, make_key(key, entries[i].transport, entries[i].source.sender)),
                   &entries[i].source);
    pthread_rwlock_unlock(&r->lock);
    arena_free(&arena);
    return ok;
}

struct registry *registry_new(struct state *state, struct error *err)
{
    struct registry *r = NEW(struct registry);
    r->state = state;
    r->zone = zone_find(STR("local"));
    r->by_number = memory_zero(REGISTRY_SOURCES_MAX * sizeof *r->by_number);
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

static const struct source *find_known(struct registry *r, struct str key, bool *is_full)
{
    pthread_rwlock_rdlock(&r->lock);
    const struct source *source = map_get_pointer(&r->by_key, key);
    *is_full = r->by_key.count >= REGISTRY_SOURCES_MAX - 1;
    pthread_rwlock_unlock(&r->lock);
    return source;
}

static const struct source *complain(struct registry *r, const char *why)
{
    if (!atomic_exchange(&r->has_complained, true))
        log_error(tr("a new source cannot be entered into the registry; its records are kept under no "
                     "source: %s",
                     "新しい情報源を台帳に登録できません。記録は情報源なしで保存します: %s"),
                  why);
    return NULL;
}

/* Two threads may come here for the same sender: the first one's entry stays, and so does what was decided
 * about it meanwhile. */
static const struct source *enter_new(struct registry *r, struct str key, uint8_t transport,
                                      struct str sender, int64_t seen_ns)
{
    struct error err;
    struct source source = {.name = sender, .sender = sender, .parser = STR_EMPTY, .charset = STR_EMPTY};
    if (!state_sources_find_or_create(r->state, transport, sender, seen_ns, &source.number, NULL, &err))
        return complain(r, err.text);
    pthread_rwlock_wrlock(&r->lock);
    if (map_find(&r->by_key, key) == NULL)
        put_source(r, key, &source);
    const struct source *entered = map_get_pointer(&r->by_key, key);
    pthread_rwlock_unlock(&r->lock);
    return entered;
}

const struct source *registry_find(struct registry *r, uint8_t transport, struct str sender, int64_t seen_ns)
{
    char text[KEY_MAX];
    bool is_full;
    struct str key = str_n(text, make_key(text, transport, sender));
    const struct source *source = find_known(r, key, &is_full);
    if (source == NULL && is_full)
        return complain(r, tr("there are 65535 sources already", "情報源が 65535 件に達しています"));
    return source != NULL ? source : enter_new(r, key, transport, sender, seen_ns);
}

const struct source *registry_get(const struct registry *r, uint32_t number)
{
    return number < REGISTRY_SOURCES_MAX ? atomic_load_explicit(&r->by_number[number], memory_order_acquire)
                                         : NULL;
}

static const struct source *find_cached(struct registry_cache *cache, const struct record *record)
{
    uint64_t hash = str_hash(record->sender) + record->transport;
    struct registry_cache_slot *slot = &cache->slots[hash % REGISTRY_CACHE_SLOTS];
    if (slot->source == NULL || slot->hash != hash || slot->transport != record->transport ||
        !str_eq(slot->source->sender, record->sender))
        *slot = (struct registry_cache_slot){hash,
                                             registry_find(cache->registry, record->transport, record->sender,
                                                           record->received_ns),
                                             record->transport};
    return slot->source;
}

void registry_assign(struct registry_cache *cache, struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct source *source = find_cached(cache, &batch->records[i]);
        batch->records[i].source = source != NULL ? source->number : 0;
    }
}

const struct source *registry_source_of(void *context, const struct record *record)
{
    return record->source ? registry_get(context, record->source) : NULL;
}
