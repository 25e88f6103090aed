/* Keeps counts, cursors and keys until the part that covers them is sealed. Three threads meet here for
 * microseconds, once a batch. */
#include "ledger.h"

#include <pthread.h>
#include <stdlib.h>
#include <xxhash.h>

#include "base/map.h"
#include "base/memory.h"
#include "store/state_cursors.h"
#include "store/state_parts.h"

#define HOUR_NS (3600 * NS_PER_SECOND)

/* Consecutive records of one source and hour. */
struct run {
    uint64_t first, last;
    uint32_t source;
    int64_t hour;
    uint64_t bytes;
};

struct runs { /* a queue: taken from the front at commit */
    struct run *items;
    size_t head, count, capacity;
};

struct mark {
    struct mark *next;
    uint64_t last_sequence;
    char *identity, *position; /* a cursor; NULL = none */
    size_t identity_bytes, position_bytes;
};

struct key_entry {
    XXH128_hash_t hash;
    uint32_t source_bytes;
    char *source;
    uint64_t first, last; /* 0 while on its way */
    int64_t expires_ns;
    bool is_saved;
};

struct ledger {
    pthread_mutex_t lock;
    struct state *state;
    struct registry *registry;
    struct runs received, stored;
    struct balance_count *losses; /* not yet in state.db */
    uint32_t loss_count, loss_capacity;
    struct mark *marks, **marks_end;
    struct map keys; /* hash bytes → struct key_entry * */
};

/* ------------------------------------------------------------------ runs */

static struct run *push_run(struct runs *q)
{
    if (q->head + q->count == q->capacity && q->head > 0) {
        memmove(q->items, q->items + q->head, q->count * sizeof *q->items);
        q->head = 0;
    }
    if (q->count == q->capacity) {
        q->capacity = q->capacity ? q->capacity * 2 : 1024;
        q->items = memory_resize_array(q->items, q->capacity, sizeof *q->items);
    }
    return &q->items[q->head + q->count++];
}

static void add_record(struct runs *q, uint64_t sequence, uint32_t source, int64_t hour, size_t bytes)
{
    struct run *newest = q->count ? &q->items[q->head + q->count - 1] : NULL;
    if (newest != NULL && newest->source == source && newest->hour == hour && newest->last + 1 == sequence) {
        newest->last = sequence;
        newest->bytes += bytes;
        return;
    }
    *push_run(q) = (struct run){sequence, sequence, source, hour, bytes};
}

/* The part of the oldest run up to `last`; false when there is none. Bytes go with the part that ends the
 * run. */
static bool take_run(struct runs *q, uint64_t last, struct run *out)
{
    if (q->count == 0 || q->items[q->head].first > last)
        return false;
    struct run *run = &q->items[q->head];
    *out = *run;
    if (run->last > last) {
        out->last = last;
        out->bytes = 0;
        run->first = last + 1;
        return true;
    }
    q->head++;
    if (--q->count == 0)
        q->head = 0;
    return true;
}

/* --------------------------------------------------------- balance rows */

struct rows {
    struct balance_count *items;
    uint32_t count, capacity;
};

static struct balance_count *row_of(struct rows *rows, uint32_t source, int64_t hour)
{
    for (uint32_t i = rows->count; i-- > 0;)
        if (rows->items[i].source == source && rows->items[i].hour == hour)
            return &rows->items[i];
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? rows->capacity * 2 : 16;
        rows->items = memory_resize_array(rows->items, rows->capacity, sizeof *rows->items);
    }
    rows->items[rows->count] = (struct balance_count){.source = source, .hour = hour};
    return &rows->items[rows->count++];
}

static void add_losses(struct ledger *l, struct rows *rows)
{
    for (uint32_t i = 0; i < l->loss_count; i++) {
        struct balance_count *row = row_of(rows, l->losses[i].source, l->losses[i].hour);
        row->received += l->losses[i].received;
        row->lost += l->losses[i].lost;
    }
}

static void add_received(struct rows *rows, const struct run *run)
{
    struct balance_count *row = row_of(rows, run->source, run->hour);
    row->received += run->last - run->first + 1;
    row->bytes += run->bytes;
}

static void add_stored(struct rows *rows, const struct run *run)
{
    row_of(rows, run->source, run->hour)->stored += run->last - run->first + 1;
}

/* ---------------------------------------------------------------- counts */

static void append_runs(struct ledger *l, struct runs *to, struct runs *fresh)
{
    pthread_mutex_lock(&l->lock);
    for (size_t i = 0; i < fresh->count; i++)
        *push_run(to) = fresh->items[fresh->head + i];
    pthread_mutex_unlock(&l->lock);
    memory_free(fresh->items);
}

/* Sources are looked up before the lock is taken: a new one waits for state.db. */
void ledger_received(struct ledger *l, const struct batch *batch)
{
    struct registry_cache cache = {.registry = l->registry};
    struct runs fresh = {0};
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct record *record = &batch->records[i];
        const struct source *source = registry_cache_find(&cache, record);
        add_record(&fresh, batch->first_sequence + i, source ? source->number : 0,
                   record->received_ns / HOUR_NS, record->raw.n);
    }
    append_runs(l, &l->received, &fresh);
}

/* Counts the events that go on, not the records that came: an event that was lost on the way would be
 * missing. */
void ledger_stored(struct ledger *l, const struct batch *batch)
{
    struct runs fresh = {0};
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct event *e = &batch->events[i];
        add_record(&fresh, e->sequence, e->source, e->received_ns / HOUR_NS, e->raw.n);
    }
    append_runs(l, &l->stored, &fresh);
}

static void add_loss(struct ledger *l, uint32_t source, int64_t hour, uint64_t lost)
{
    if (l->loss_count == l->loss_capacity) {
        l->loss_capacity = l->loss_capacity ? l->loss_capacity * 2 : 16;
        l->losses = memory_resize_array(l->losses, l->loss_capacity, sizeof *l->losses);
    }
    l->losses[l->loss_count++] =
        (struct balance_count){.source = source, .hour = hour, .received = lost, .lost = lost};
}

void ledger_lost(struct ledger *l, const struct input_tally *tally)
{
    if (tally->count.lost == 0)
        return;
    const struct source *source =
        registry_find(l->registry, (uint8_t)tally->transport, tally->sender, tally->hour_ns);
    pthread_mutex_lock(&l->lock);
    add_loss(l, source ? source->number : 0, tally->hour_ns / HOUR_NS, tally->count.lost);
    pthread_mutex_unlock(&l->lock);
}

void ledger_gap(struct ledger *l, uint64_t first, uint64_t last)
{
    pthread_mutex_lock(&l->lock);
    add_loss(l, 0, clock_wall_ns() / HOUR_NS, last - first + 1);
    pthread_mutex_unlock(&l->lock);
}

/* ----------------------------------------------------------------- marks */

static char *copy_bytes(struct str s)
{
    char *copy = memory_alloc(s.n + 1);
    memcpy(copy, s.p, s.n);
    copy[s.n] = 0;
    return copy;
}

static XXH128_hash_t hash_key(struct str source, struct str key)
{
    return XXH3_128bits_withSeed(key.p, key.n, str_hash(source));
}

static struct str hash_bytes(const XXH128_hash_t *hash)
{
    return str_n((const char *)hash, sizeof *hash);
}

static struct key_entry *enter_key(struct ledger *l, XXH128_hash_t hash, struct str source,
                                   int64_t expires_ns, bool *is_new)
{
    struct key_entry *known = map_get_pointer(&l->keys, hash_bytes(&hash));
    *is_new = known == NULL;
    if (known != NULL)
        return known;
    struct key_entry *entry = NEW(struct key_entry);
    *entry = (struct key_entry){.hash = hash,
                                .source = copy_bytes(source),
                                .source_bytes = (uint32_t)source.n,
                                .expires_ns = expires_ns};
    *map_put(&l->keys, hash_bytes(&entry->hash), NULL) = (uintptr_t)entry;
    return entry;
}

static void free_key(struct key_entry *entry)
{
    memory_free(entry->source);
    memory_free(entry);
}

/* The table has no removal: it is made anew, without what `drop` names and what has expired. */
static void rebuild_keys(struct ledger *l, const struct key_entry *drop, int64_t now_ns)
{
    struct map kept = {0};
    for (uint32_t i = 0; i < l->keys.count; i++) {
        struct key_entry *entry = (struct key_entry *)l->keys.entries[i].value;
        if (entry == drop || entry->expires_ns <= now_ns)
            free_key(entry);
        else
            *map_put(&kept, hash_bytes(&entry->hash), NULL) = (uintptr_t)entry;
    }
    map_free(&l->keys);
    l->keys = kept;
}

bool ledger_key_seen(struct ledger *l, struct str source, struct str key, uint64_t *first, uint64_t *last)
{
    bool is_new;
    int64_t now_ns = clock_wall_ns();
    pthread_mutex_lock(&l->lock);
    if (l->keys.count >= LEDGER_KEYS_MAX)
        rebuild_keys(l, NULL, now_ns);
    struct key_entry *entry =
        enter_key(l, hash_key(source, key), source, now_ns + LEDGER_KEY_LIFETIME_NS, &is_new);
    *first = entry->first;
    *last = entry->last;
    pthread_mutex_unlock(&l->lock);
    return !is_new;
}

void ledger_key_forget(struct ledger *l, struct str source, struct str key)
{
    XXH128_hash_t hash = hash_key(source, key);
    pthread_mutex_lock(&l->lock);
    const struct key_entry *entry = map_get_pointer(&l->keys, hash_bytes(&hash));
    if (entry != NULL && entry->last == 0)
        rebuild_keys(l, entry, clock_wall_ns());
    pthread_mutex_unlock(&l->lock);
}

static void note_key(struct ledger *l, const struct journal_mark *mark)
{
    bool is_new;
    struct key_entry *entry =
        enter_key(l, hash_key(mark->idempotency_source, mark->idempotency_key), mark->idempotency_source,
                  clock_wall_ns() + LEDGER_KEY_LIFETIME_NS, &is_new);
    if (entry->last != 0)
        return;
    entry->first = mark->first_sequence;
    entry->last = mark->last_sequence;
}

static void note_cursor(struct ledger *l, const struct journal_mark *mark)
{
    struct str identity, path;
    uint64_t offset;
    if (!tail_cursor_parse(mark->cursor, &identity, &offset, &path))
        return;
    struct mark *m = NEW(struct mark);
    *m = (struct mark){.last_sequence = mark->last_sequence,
                       .identity = copy_bytes(identity),
                       .identity_bytes = identity.n,
                       .position = copy_bytes(mark->cursor),
                       .position_bytes = mark->cursor.n};
    *l->marks_end = m;
    l->marks_end = &m->next;
}

void ledger_mark(struct ledger *l, const struct journal_mark *mark)
{
    pthread_mutex_lock(&l->lock);
    if (mark->idempotency_key.n)
        note_key(l, mark);
    if (mark->cursor.n)
        note_cursor(l, mark);
    pthread_mutex_unlock(&l->lock);
}

/* ---------------------------------------------------------------- commit */

static void free_mark(struct mark *m)
{
    memory_free(m->identity);
    memory_free(m->position);
    memory_free(m);
}

static bool save_cursors(struct ledger *l, struct state *state, uint64_t last, struct error *err)
{
    for (const struct mark *m = l->marks; m != NULL && m->last_sequence <= last; m = m->next) {
        struct tail_cursor cursor = {str_n(m->identity, m->identity_bytes),
                                     str_n(m->position, m->position_bytes), m->last_sequence};
        if (!state_cursors_put(state, &cursor, err))
            return false;
    }
    return true;
}

static bool save_keys(struct ledger *l, struct state *state, uint64_t last, struct error *err)
{
    for (uint32_t i = 0; i < l->keys.count; i++) {
        struct key_entry *entry = (struct key_entry *)l->keys.entries[i].value;
        if (entry->is_saved || entry->last == 0 || entry->last > last)
            continue;
        struct idempotency_key row = {.source = str_n(entry->source, entry->source_bytes),
                                      .first_sequence = entry->first,
                                      .last_sequence = entry->last,
                                      .expires_ns = entry->expires_ns};
        memcpy(row.key_hash, &entry->hash, sizeof row.key_hash);
        if (!state_keys_put(state, &row, err))
            return false;
    }
    return true;
}

static void collect(uint64_t last, struct runs *received, struct runs *stored, struct rows *rows)
{
    struct run run;
    while (take_run(received, last, &run))
        add_received(rows, &run);
    while (take_run(stored, last, &run))
        add_stored(rows, &run);
}

static struct runs copy_runs(const struct runs *q)
{
    struct runs copy = {.count = q->count, .capacity = q->count};
    copy.items = memory_array(q->count ? q->count : 1, sizeof *copy.items);
    if (q->count)
        memcpy(copy.items, q->items + q->head, q->count * sizeof *copy.items);
    return copy;
}

bool ledger_commit(struct ledger *l, struct state *state, uint64_t last, struct error *err)
{
    struct rows rows = {0};
    pthread_mutex_lock(&l->lock);
    struct runs received = copy_runs(&l->received), stored = copy_runs(&l->stored);
    collect(last, &received, &stored, &rows);
    bool ok = state_balance_add(state, rows.items, rows.count, err) && save_cursors(l, state, last, err) &&
              save_keys(l, state, last, err);
    pthread_mutex_unlock(&l->lock);
    memory_free(received.items);
    memory_free(stored.items);
    memory_free(rows.items);
    return ok;
}

void ledger_confirm(struct ledger *l, uint64_t last)
{
    struct run run;
    pthread_mutex_lock(&l->lock);
    while (take_run(&l->received, last, &run) || take_run(&l->stored, last, &run)) {
    }
    while (l->marks != NULL && l->marks->last_sequence <= last) {
        struct mark *m = l->marks;
        l->marks = m->next;
        free_mark(m);
    }
    if (l->marks == NULL)
        l->marks_end = &l->marks;
    for (uint32_t i = 0; i < l->keys.count; i++) {
        struct key_entry *entry = (struct key_entry *)l->keys.entries[i].value;
        entry->is_saved |= entry->last != 0 && entry->last <= last;
    }
    pthread_mutex_unlock(&l->lock);
}

bool ledger_save_losses(struct ledger *l, struct error *err)
{
    struct rows rows = {0};
    pthread_mutex_lock(&l->lock);
    add_losses(l, &rows);
    uint32_t taken = l->loss_count;
    pthread_mutex_unlock(&l->lock);
    bool ok = true;
    if (rows.count && (ok = state_begin(l->state, err))) {
        ok = state_balance_add(l->state, rows.items, rows.count, err);
        if (ok)
            ok = state_commit(l->state, err);
        else
            state_rollback(l->state);
    }
    pthread_mutex_lock(&l->lock);
    if (ok && taken <= l->loss_count) {
        memmove(l->losses, l->losses + taken, (l->loss_count - taken) * sizeof *l->losses);
        l->loss_count -= taken;
    }
    pthread_mutex_unlock(&l->lock);
    memory_free(rows.items);
    return ok;
}

/* --------------------------------------------------------------- reading */

static bool passes(const struct balance_filter *f, const struct balance_count *row)
{
    return row->hour >= f->from_hour && row->hour <= f->to_hour &&
           (f->source == UINT32_MAX || f->source == row->source);
}

static int compare_rows(const void *left, const void *right)
{
    const struct balance_count *a = left, *b = right;
    if (a->hour != b->hour)
        return a->hour < b->hour ? -1 : 1;
    return a->source < b->source ? -1 : a->source > b->source;
}

static void merge_rows(struct rows *rows, const struct balance_count *more, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        struct balance_count *row = row_of(rows, more[i].source, more[i].hour);
        row->received += more[i].received;
        row->stored += more[i].stored;
        row->filtered += more[i].filtered;
        row->rejected += more[i].rejected;
        row->lost += more[i].lost;
        row->bytes += more[i].bytes;
    }
}

static void sum_rows(const struct rows *rows, struct balance_count *total)
{
    *total = (struct balance_count){0};
    for (uint32_t i = 0; i < rows->count; i++) {
        struct balance_count *row = &rows->items[i];
        row->difference = (int64_t)(row->received - row->stored - row->filtered - row->rejected - row->lost);
        total->received += row->received;
        total->stored += row->stored;
        total->filtered += row->filtered;
        total->rejected += row->rejected;
        total->lost += row->lost;
        total->bytes += row->bytes;
        total->difference += row->difference;
    }
}

/* What a committed part covers is in state.db, whether or not ledger_confirm() came round to it. */
static void drop_through(uint64_t last, struct runs *received, struct runs *stored)
{
    struct run run;
    while (take_run(received, last, &run) || take_run(stored, last, &run)) {
    }
}

/* One transaction holds state.db still, so that nothing moves from there to here between the two readings. */
static bool read_both(struct ledger *l, const struct balance_filter *filter, struct arena *arena,
                      struct balance_count **known, uint32_t *known_count, struct rows *on_the_way,
                      struct error *err)
{
    uint64_t stored_through = 0;
    if (!state_begin(l->state, err))
        return false;
    bool ok = state_balance_list(l->state, filter, arena, known, known_count, NULL, err);
    if (ok) {
        ok = state_parts_stored_through(state_lock(l->state), &stored_through, err);
        state_unlock(l->state);
    }
    pthread_mutex_lock(&l->lock);
    struct runs received = copy_runs(&l->received), stored = copy_runs(&l->stored);
    drop_through(stored_through, &received, &stored);
    collect(UINT64_MAX, &received, &stored, on_the_way);
    add_losses(l, on_the_way);
    pthread_mutex_unlock(&l->lock);
    state_rollback(l->state);
    memory_free(received.items);
    memory_free(stored.items);
    return ok;
}

bool ledger_balance(struct ledger *l, const struct balance_filter *filter, struct arena *arena,
                    struct balance_count **out, uint32_t *count, struct balance_count *total,
                    struct error *err)
{
    struct rows rows = {0}, on_the_way = {0};
    struct balance_count *known = NULL;
    uint32_t known_count = 0;
    struct balance_filter all = *filter;
    all.only_open = false;
    bool ok = read_both(l, &all, arena, &known, &known_count, &on_the_way, err);
    merge_rows(&rows, known, known_count);
    for (uint32_t i = 0; i < on_the_way.count; i++)
        if (passes(filter, &on_the_way.items[i]))
            merge_rows(&rows, &on_the_way.items[i], 1);
    sum_rows(&rows, total);
    if (rows.count)
        qsort(rows.items, rows.count, sizeof *rows.items, compare_rows);
    *out = ARENA_ARRAY(arena, struct balance_count, rows.count + 1);
    *count = 0;
    for (uint32_t i = 0; i < rows.count; i++)
        if (!filter->only_open || rows.items[i].difference != 0)
            (*out)[(*count)++] = rows.items[i];
    memory_free(rows.items);
    memory_free(on_the_way.items);
    return ok;
}

/* ------------------------------------------------------------- beginning */

static bool load_keys(struct ledger *l, struct error *err)
{
    struct arena arena;
    struct idempotency_key *keys;
    uint32_t count;
    bool is_new;
    int64_t now_ns = clock_wall_ns();
    arena_init(&arena, 64 << 10);
    bool ok = state_keys_expire(l->state, now_ns, err) &&
              state_keys_load(l->state, now_ns, &arena, &keys, &count, err);
    for (uint32_t i = 0; ok && i < count; i++) {
        XXH128_hash_t hash;
        memcpy(&hash, keys[i].key_hash, sizeof hash);
        struct key_entry *entry = enter_key(l, hash, keys[i].source, keys[i].expires_ns, &is_new);
        entry->first = keys[i].first_sequence;
        entry->last = keys[i].last_sequence;
        entry->is_saved = true;
    }
    arena_free(&arena);
    return ok;
}

struct ledger *ledger_new(struct state *state, struct registry *registry, struct error *err)
{
    struct ledger *l = NEW(struct ledger);
    pthread_mutex_init(&l->lock, NULL);
    l->state = state;
    l->registry = registry;
    l->marks_end = &l->marks;
    if (!load_keys(l, err)) {
        ledger_free(l);
        return NULL;
    }
    return l;
}

void ledger_free(struct ledger *l)
{
    if (l == NULL)
        return;
    memory_free(l->received.items);
    memory_free(l->stored.items);
    memory_free(l->losses);
    while (l->marks != NULL) {
        struct mark *next = l->marks->next;
        free_mark(l->marks);
        l->marks = next;
    }
    for (uint32_t i = 0; i < l->keys.count; i++)
        free_key((struct key_entry *)l->keys.entries[i].value);
    map_free(&l->keys);
    pthread_mutex_destroy(&l->lock);
    memory_free(l);
}
