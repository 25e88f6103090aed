/* Ground floor: names of fields to small numbers and back. What fields.def declares is in a constant table;
 * what vendors add is appended to a second table of fixed size. This interner is the process's one growing
 * global: a number means the same to every thread, store part and rule set.
 *
 * Looking up takes no lock: an open-addressing table of 32-bit slots, high half a tag of the hash, low half
 * the number. An entry is written before its slot is published (release) and never changes afterwards.
 * Inserting takes a mutex. */
#include "event/field.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/arena.h"

#define SLOTS          32768 /* at most half full */
#define NAME_MAX_BYTES 512   /* longer names are refused: 16,384 of them stay under 8 MiB */

static_assert(FIELD_STATIC_COUNT < FIELD_MAX, "the dictionary leaves room for vendor fields");
static_assert(FIELD_MAX <= SLOTS / 2 && FIELD_MAX <= UINT16_MAX, "numbers fit their slots");

static const struct field declared[FIELD_STATIC_COUNT] = {
    [FIELD_NONE] = {.name = {"", 0}},
#define FIELD(constant, text, value_type, value_shape, value_index)                                          \
    [FIELD_##constant] = {.name = {text, sizeof(text) - 1},                                                  \
                          .type = (value_type),                                                              \
                          .shape = (value_shape),                                                            \
                          .index = (value_index)},
#include "event/fields.def"
#undef FIELD
};

static struct field vendor[FIELD_MAX - FIELD_STATIC_COUNT];
static atomic_uint count = FIELD_STATIC_COUNT;
static atomic_uint_least64_t refused;
static atomic_uint slots[SLOTS];
static atomic_bool is_ready;
static pthread_mutex_t inserting = PTHREAD_MUTEX_INITIALIZER;
static struct arena names; /* under the mutex */

const struct field *field_get(field_id id)
{
    if (id < FIELD_STATIC_COUNT)
        return &declared[id];
    BUG_IF(id >= FIELD_MAX);
    return &vendor[id - FIELD_STATIC_COUNT];
}

struct str field_name(field_id id)
{
    return field_get(id)->name;
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 48) << 16;
}

/* Number of the name, or FIELD_NONE and the free slot where it belongs. */
static field_id look_up(struct str name, uint64_t hash, uint32_t *free_slot)
{
    for (uint32_t slot = (uint32_t)hash & (SLOTS - 1);; slot = (slot + 1) & (SLOTS - 1)) {
        uint32_t found = atomic_load_explicit(&slots[slot], memory_order_acquire);
        if (!found) {
            *free_slot = slot;
            return FIELD_NONE;
        }
        field_id id = (field_id)(found & 0xffff);
        if ((found & 0xffff0000u) == tag_of(hash) && str_eq(field_name(id), name))
            return id;
    }
}

static void publish(uint32_t slot, uint64_t hash, field_id id)
{
    atomic_store_explicit(&slots[slot], tag_of(hash) | id, memory_order_release);
}

static void enter_declared(void)
{
    pthread_mutex_lock(&inserting);
    if (!atomic_load_explicit(&is_ready, memory_order_relaxed)) {
        for (unsigned id = 1; id < FIELD_STATIC_COUNT; id++) {
            uint32_t slot = 0;
            uint64_t hash = str_hash(declared[id].name);
            if (look_up(declared[id].name, hash, &slot) != FIELD_NONE)
                BUG("fields.def names a field twice");
            publish(slot, hash, (field_id)id);
        }
        atomic_store_explicit(&is_ready, true, memory_order_release);
    }
    pthread_mutex_unlock(&inserting);
}

static inline void make_ready(void)
{
    if (!atomic_load_explicit(&is_ready, memory_order_acquire))
        enter_declared();
}

field_id field_find(struct str name)
{
    make_ready();
    uint32_t slot;
    return look_up(name, str_hash(name), &slot);
}

static field_id insert(struct str name, uint64_t hash)
{
    uint32_t slot = 0;
    pthread_mutex_lock(&inserting);
    field_id id = look_up(name, hash, &slot); /* another thread may have been faster */
    unsigned next = atomic_load_explicit(&count, memory_order_relaxed);
    if (id == FIELD_NONE && next < FIELD_MAX) {
        id = (field_id)next;
        vendor[id - FIELD_STATIC_COUNT] =
            (struct field){.name = arena_str(&names, name), .type = TYPE_KEYWORD};
        atomic_store_explicit(&count, next + 1, memory_order_release);
        publish(slot, hash, id);
    }
    pthread_mutex_unlock(&inserting);
    return id;
}

field_id field_intern(struct str name)
{
    make_ready();
    uint32_t slot;
    uint64_t hash = str_hash(name);
    field_id id = look_up(name, hash, &slot);
    if (id == FIELD_NONE && name.n && name.n <= NAME_MAX_BYTES)
        id = insert(name, hash);
    if (id == FIELD_NONE && name.n)
        atomic_fetch_add_explicit(&refused, 1, memory_order_relaxed);
    return id;
}

size_t field_count(void)
{
    return atomic_load_explicit(&count, memory_order_acquire);
}

uint64_t field_refused(void)
{
    return atomic_load_explicit(&refused, memory_order_relaxed);
}
