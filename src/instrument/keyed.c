/* Bounded tables of the instruments (instrument/keyed.h). Items lie in one array, each followed by its
 * record; slots hold indices into it, at most half full, linear probing; a list through the items keeps the
 * order of use. Moving an item in that list touches its neighbours, which are far away in a large table:
 * there an item moves only when a sixteenth of the table was used since it last did. */
#include "instrument/keyed.h"

#include "base/memory.h"

#define FIRST_SLOTS 64
#define NONE        UINT32_MAX
#define INLINE_KEY  32
#define LARGE       4096 /* entries: smaller tables keep the exact order of use */
#define SHARE       16
#define KEY_MAX     4096 /* longer ones are cut: what names something is shorter */

struct item {
    uint64_t hash;
    int64_t used_ns;
    uint32_t older, newer; /* in order of use; `newer` links the free ones */
    uint32_t linked_at;    /* number of the use that put it into its place in the list */
    uint16_t key_bytes;
    uint8_t is_used;
    union {
        char inside[INLINE_KEY];
        char *outside;
    };
};

/* The low half of the hash beside the index: a probe touches an item only to confirm, since each costs a miss
 * of the cache in a large table. */
struct slot {
    uint32_t item; /* index + 1; 0 = free */
    uint32_t hash;
};

struct keyed {
    struct keyed_options options;
    size_t stride;
    char *items;
    struct slot *slots;
    uint32_t slot_mask, count, reached, capacity; /* reached: items that were ever used */
    uint32_t oldest, newest, unused;
    uint32_t uses; /* counts, and comes round */
    uint64_t dropped;
    size_t outside_bytes;
};

static struct item *item_at(const struct keyed *k, uint32_t index)
{
    return (struct item *)(k->items + k->stride * index);
}

static void *record_of(struct item *i)
{
    return i + 1;
}

static struct str key_of(const struct item *i)
{
    return (struct str){i->key_bytes > INLINE_KEY ? i->outside : i->inside, i->key_bytes};
}

struct keyed *keyed_new(const struct keyed_options *options)
{
    struct keyed *k = NEW(struct keyed);
    BUG_IF(options->max_entries == 0 || options->max_entries > UINT32_MAX / 4);
    k->options = *options;
    k->stride = sizeof(struct item) + ((options->record_bytes + 7) & ~(size_t)7);
    k->oldest = k->newest = k->unused = NONE;
    return k;
}

static void forget_key(struct keyed *k, struct item *i)
{
    if (i->key_bytes <= INLINE_KEY)
        return;
    k->outside_bytes -= i->key_bytes;
    memory_free(i->outside);
}

void keyed_clear(struct keyed *k)
{
    for (uint32_t i = 0; i < k->reached; i++)
        if (item_at(k, i)->is_used)
            forget_key(k, item_at(k, i));
    memory_free(k->items);
    memory_free(k->slots);
    k->items = NULL;
    k->slots = NULL;
    k->slot_mask = k->count = k->reached = k->capacity = 0;
    k->oldest = k->newest = k->unused = NONE;
}

void keyed_free(struct keyed *k)
{
    if (k == NULL)
        return;
    keyed_clear(k);
    memory_free(k);
}

/* -------------------------------------------------------------- order of use */

static void unlink_item(struct keyed *k, uint32_t index)
{
    struct item *i = item_at(k, index);
    if (i->older == NONE)
        k->oldest = i->newer;
    else
        item_at(k, i->older)->newer = i->newer;
    if (i->newer == NONE)
        k->newest = i->older;
    else
        item_at(k, i->newer)->older = i->older;
}

static void link_newest(struct keyed *k, uint32_t index)
{
    struct item *i = item_at(k, index);
    i->older = k->newest;
    i->newer = NONE;
    i->linked_at = k->uses;
    if (k->newest == NONE)
        k->oldest = index;
    else
        item_at(k, k->newest)->newer = index;
    k->newest = index;
}

/* --------------------------------------------------------------------- slots */

/* The slot that holds the key, or the free one where it belongs. */
static uint32_t probe(const struct keyed *k, struct str key, uint64_t hash)
{
    uint32_t slot = (uint32_t)hash & k->slot_mask;
    for (; k->slots[slot].item; slot = (slot + 1) & k->slot_mask) {
        if (k->slots[slot].hash != (uint32_t)hash)
            continue;
        const struct item *i = item_at(k, k->slots[slot].item - 1);
        if (i->hash == hash && str_eq(key_of(i), key))
            break;
    }
    return slot;
}

/* Closes the gap: entries that were pushed past it move back. */
static void empty_slot(struct keyed *k, uint32_t gap)
{
    for (uint32_t at = (gap + 1) & k->slot_mask; k->slots[at].item; at = (at + 1) & k->slot_mask) {
        uint32_t home = k->slots[at].hash & k->slot_mask;
        if (((at - home) & k->slot_mask) >= ((at - gap) & k->slot_mask)) {
            k->slots[gap] = k->slots[at];
            gap = at;
        }
    }
    k->slots[gap] = (struct slot){0};
}

static void grow_slots(struct keyed *k)
{
    uint32_t slots = k->slots ? (k->slot_mask + 1) * 2 : FIRST_SLOTS;
    memory_free(k->slots);
    k->slots = NEW_ARRAY(struct slot, slots);
    k->slot_mask = slots - 1;
    for (uint32_t i = 0; i < k->reached; i++) {
        const struct item *item = item_at(k, i);
        if (!item->is_used)
            continue;
        uint32_t slot = (uint32_t)item->hash & k->slot_mask;
        while (k->slots[slot].item)
            slot = (slot + 1) & k->slot_mask;
        k->slots[slot] = (struct slot){i + 1, (uint32_t)item->hash};
    }
}

/* ------------------------------------------------------------------- entries */

static void take_out(struct keyed *k, uint32_t index, bool is_told)
{
    struct item *i = item_at(k, index);
    if (is_told && k->options.dropped != NULL)
        k->options.dropped(k->options.context, key_of(i), record_of(i));
    empty_slot(k, probe(k, key_of(i), i->hash));
    unlink_item(k, index);
    forget_key(k, i);
    i->is_used = false;
    i->newer = k->unused;
    k->unused = index;
    k->count--;
}

static void move_to_newest(struct keyed *k, uint32_t index)
{
    unlink_item(k, index);
    link_newest(k, index);
}

static uint32_t free_item(struct keyed *k)
{
    if (k->count == k->options.max_entries) {
        k->dropped++;
        take_out(k, k->oldest, true);
    }
    if (k->unused != NONE) {
        uint32_t index = k->unused;
        k->unused = item_at(k, index)->newer;
        return index;
    }
    if (k->reached == k->capacity) {
        k->capacity = k->capacity ? k->capacity * 2 : 16;
        if (k->capacity > k->options.max_entries)
            k->capacity = k->options.max_entries;
        k->items = memory_resize_array(k->items, k->capacity, k->stride);
    }
    return k->reached++;
}

static uint32_t slack(const struct keyed *k)
{
    return k->count < LARGE ? 0 : k->count / SHARE;
}

static struct item *insert(struct keyed *k, struct str key, uint64_t hash)
{
    uint32_t index = free_item(k);
    if (k->slots == NULL || k->count >= (k->slot_mask + 1) / 2)
        grow_slots(k);
    struct item *i = item_at(k, index);
    memset(i, 0, k->stride);
    i->hash = hash;
    i->key_bytes = (uint16_t)key.n;
    i->is_used = true;
    if (key.n > INLINE_KEY) {
        i->outside = memory_alloc(key.n);
        k->outside_bytes += key.n;
    }
    memcpy(key.n > INLINE_KEY ? i->outside : i->inside, key.p, key.n);
    k->slots[probe(k, key, hash)] = (struct slot){index + 1, (uint32_t)hash};
    k->count++;
    link_newest(k, index);
    return i;
}

void *keyed_put(struct keyed *k, struct str key, int64_t time_ns, bool *is_new)
{
    key = str_slice(key, 0, KEY_MAX);
    uint64_t hash = str_hash(key);
    uint32_t slot = k->slots ? probe(k, key, hash) : 0;
    bool found = k->slots != NULL && k->slots[slot].item != 0;
    struct item *i;
    k->uses++;
    if (is_new != NULL)
        *is_new = !found;
    if (found) {
        uint32_t index = k->slots[slot].item - 1;
        i = item_at(k, index);
        if (index != k->newest && k->uses - i->linked_at > slack(k))
            move_to_newest(k, index);
    } else {
        i = insert(k, key, hash);
        i->used_ns = time_ns;
    }
    if (time_ns > i->used_ns)
        i->used_ns = time_ns;
    return record_of(i);
}

static bool find_index(const struct keyed *k, struct str key, uint32_t *out)
{
    if (k->count == 0)
        return false;
    key = str_slice(key, 0, KEY_MAX);
    uint32_t slot = probe(k, key, str_hash(key));
    *out = k->slots[slot].item - 1;
    return k->slots[slot].item != 0;
}

void *keyed_find(const struct keyed *k, struct str key)
{
    uint32_t index;
    return find_index(k, key, &index) ? record_of(item_at(k, index)) : NULL;
}

void keyed_fetch(const struct keyed *k, uint64_t hash, enum keyed_fetch what)
{
    if (k->count == 0)
        return;
    const struct slot *slot = &k->slots[(uint32_t)hash & k->slot_mask];
    if (what == FETCH_SLOT) {
        __builtin_prefetch(slot);
    } else if (slot->item) {
        const char *item = (const char *)item_at(k, slot->item - 1);
        __builtin_prefetch(item);
        __builtin_prefetch(item + 64);
    }
}

void keyed_remove(struct keyed *k, struct str key)
{
    uint32_t index;
    if (find_index(k, key, &index))
        take_out(k, index, false);
}

void keyed_drop_before(struct keyed *k, int64_t time_ns)
{
    while (k->oldest != NONE && item_at(k, k->oldest)->used_ns < time_ns)
        take_out(k, k->oldest, true);
}

bool keyed_next(const struct keyed *k, const void **place, struct keyed_entry *out)
{
    const struct item *before = *place;
    uint32_t index = before == NULL ? k->oldest : before->newer;
    if (index == NONE)
        return false;
    struct item *i = item_at(k, index);
    *out = (struct keyed_entry){key_of(i), record_of(i), i->used_ns};
    *place = i;
    return true;
}

uint32_t keyed_count(const struct keyed *k)
{
    return k->count;
}

uint64_t keyed_dropped(const struct keyed *k)
{
    return k->dropped;
}

size_t keyed_bytes(const struct keyed *k)
{
    return sizeof *k + k->capacity * k->stride + (k->slots ? (k->slot_mask + 1) * sizeof k->slots[0] : 0) +
           k->outside_bytes;
}

/* -------------------------------------------------------------------- saving */

void cursor_bytes(struct cursor *c, void *to, size_t n)
{
    if (c->is_bad || c->rest.n < n) {
        c->is_bad = true;
        memset(to, 0, n);
        return;
    }
    memcpy(to, c->rest.p, n);
    c->rest = str_skip(c->rest, n);
}

uint64_t cursor_u64(struct cursor *c)
{
    uint64_t n;
    cursor_bytes(c, &n, sizeof n);
    return n;
}

struct str cursor_text(struct cursor *c)
{
    uint32_t n;
    cursor_bytes(c, &n, sizeof n);
    if (c->is_bad || c->rest.n < n) {
        c->is_bad = true;
        return STR_EMPTY;
    }
    struct str text = str_slice(c->rest, 0, n);
    c->rest = str_skip(c->rest, n);
    return text;
}

void put_text(struct buf *out, struct str text)
{
    uint32_t n = (uint32_t)text.n;
    buf_bytes(out, &n, sizeof n);
    buf_add(out, text);
}

void keyed_save(const struct keyed *k, struct buf *out)
{
    uint32_t head[2] = {k->count, k->options.record_bytes};
    const void *place = NULL;
    struct keyed_entry e;
    buf_bytes(out, head, sizeof head);
    buf_bytes(out, &k->dropped, sizeof k->dropped);
    buf_bytes(out, &k->uses, sizeof k->uses);
    while (keyed_next(k, &place, &e)) {
        put_text(out, e.key);
        buf_bytes(out, &((const struct item *)e.record - 1)->linked_at, sizeof(uint32_t));
        buf_bytes(out, &e.used_ns, sizeof e.used_ns);
        buf_bytes(out, e.record, k->options.record_bytes);
    }
}

bool keyed_load(struct keyed *k, struct cursor *in)
{
    uint32_t head[2], uses, linked_at;
    keyed_clear(k);
    cursor_bytes(in, head, sizeof head);
    cursor_bytes(in, &k->dropped, sizeof k->dropped);
    cursor_bytes(in, &uses, sizeof uses);
    if (head[1] != k->options.record_bytes)
        in->is_bad = true;
    for (uint32_t i = 0; i < head[0] && !in->is_bad; i++) {
        int64_t used_ns;
        struct str key = cursor_text(in);
        cursor_bytes(in, &linked_at, sizeof linked_at);
        cursor_bytes(in, &used_ns, sizeof used_ns);
        if (in->is_bad)
            break;
        void *record = keyed_put(k, key, used_ns, NULL);
        ((struct item *)record - 1)->linked_at = linked_at;
        cursor_bytes(in, record, k->options.record_bytes);
    }
    k->uses = uses;
    if (in->is_bad)
        keyed_clear(k);
    return !in->is_bad;
}
