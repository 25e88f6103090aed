/* Keeps counts, cursors and keys until the part that covers them is sealed. Three threads meet here for
 * microseconds, once a batch: state.db is never asked while `lock` is held. Next: registry.c names sources.
 */
#include "engine/ledger.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"
#include "engine/key_table.h"
#include "engine/runs.h"
#include "store/state_cursors.h"
#include "store/state_parts.h"

#define HOUR_NS (3600 * NS_PER_SECOND)

/* A cursor of a tailed file, and the record it stands behind. */
struct mark {
    struct mark *next;
    uint64_t last_sequence;
    struct str identity, position; /* in `bytes` */
    char bytes[];
};

struct ledger {
    pthread_mutex_t lock; /* after state.db's lock where both are held */
    struct state *state;
    struct registry *registry;
    struct runs received, stored;
    struct runs gaps;   /* received before a crash, and unreadable since */
    struct rows losses; /* never journalled; not yet in state.db */
    struct mark *marks, **marks_end;
    struct key_table keys;
    int64_t keys_expired_ns; /* the sealer's: when state.db last let old keys go */
};

/* ---------------------------------------------------------------- counts */

static void append_runs(struct ledger *l, struct runs *to, struct runs *fresh)
{
    pthread_mutex_lock(&l->lock);
    runs_append(to, fresh);
    pthread_mutex_unlock(&l->lock);
    runs_free(fresh);
}

void ledger_received(struct ledger *l, const struct batch *batch)
{
    struct runs fresh = {0};
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct record *record = &batch->records[i];
        runs_add(&fresh, batch->first_sequence + i, record->source, record->received_ns / HOUR_NS,
                 record->raw.n);
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
        runs_add(&fresh, e->sequence, e->source, e->received_ns / HOUR_NS, e->raw.n);
    }
    append_runs(l, &l->stored, &fresh);
}

/* Which source and hour they were of is lost with them. */
void ledger_gap(struct ledger *l, uint64_t first, uint64_t last)
{
    struct run gap = {.first = first, .last = last, .hour = clock_wall_ns() / HOUR_NS};
    pthread_mutex_lock(&l->lock);
    runs_push(&l->gaps, &gap);
    pthread_mutex_unlock(&l->lock);
}

void ledger_lost(struct ledger *l, const struct input_tally *tally)
{
    if (tally->count.lost == 0)
        return;
    const struct source *source =
        registry_find(l->registry, (uint8_t)tally->transport, tally->sender, tally->hour_ns);
    struct balance_count loss = {.source = source ? source->number : 0,
                                 .hour = tally->hour_ns / HOUR_NS,
                                 .received = tally->count.lost,
                                 .lost = tally->count.lost};
    pthread_mutex_lock(&l->lock);
    rows_add(&l->losses, &loss);
    pthread_mutex_unlock(&l->lock);
}

/* ----------------------------------------------------------------- marks */

bool ledger_key_seen(struct ledger *l, struct str source, struct str key, uint64_t *first, uint64_t *last)
{
    int64_t now_ns = clock_wall_ns();
    XXH128_hash_t hash = key_table_hash(source, key);
    pthread_mutex_lock(&l->lock);
    struct key_entry *entry =
        key_table_enter(&l->keys, hash, source, now_ns, now_ns + LEDGER_KEY_LIFETIME_NS);
    *first = entry->first;
    *last = entry->last;
    bool is_seen = entry->is_claimed || entry->last != 0;
    if (!is_seen)
        entry->is_claimed = true;
    pthread_mutex_unlock(&l->lock);
    return is_seen;
}

void ledger_key_forget(struct ledger *l, struct str source, struct str key)
{
    XXH128_hash_t hash = key_table_hash(source, key);
    pthread_mutex_lock(&l->lock);
    struct key_entry *entry = key_table_find(&l->keys, hash);
    if (entry != NULL)
        entry->is_claimed = false;
    pthread_mutex_unlock(&l->lock);
}

/* Lock held. */
static void note_key(struct ledger *l, const struct journal_mark *mark)
{
    int64_t now_ns = clock_wall_ns();
    struct key_entry *entry =
        key_table_enter(&l->keys, key_table_hash(mark->idempotency_source, mark->idempotency_key),
                        mark->idempotency_source, now_ns, now_ns + LEDGER_KEY_LIFETIME_NS);
    key_table_settle(&l->keys, entry, mark->first_sequence, mark->last_sequence);
}

/* Lock held. */
static void note_cursor(struct ledger *l, const struct journal_mark *mark)
{
    struct str identity, path;
    uint64_t offset;
    if (!tail_cursor_parse(mark->cursor, &identity, &offset, &path))
        return;
    struct mark *m = memory_zero(sizeof *m + identity.n + mark->cursor.n);
    m->last_sequence = mark->last_sequence;
    m->identity = str_n(m->bytes, identity.n);
    m->position = str_n(m->bytes + identity.n, mark->cursor.n);
    memcpy(m->bytes, identity.p, identity.n);
    memcpy(m->bytes + identity.n, mark->cursor.p, mark->cursor.n);
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

/* What a part covers, taken out from under the lock. Marks and keys are borrowed: only ledger_confirm() lets
 * them go, and the same thread calls it later. */
struct covered {
    struct runs received, stored, gaps;
    const struct mark **marks;
    const struct key_entry **keys;
    size_t mark_count, key_count;
    int64_t keys_dropped_through_ns;
};

/* Lock held. */
static void borrow_marks(struct ledger *l, uint64_t last, struct covered *c)
{
    for (const struct mark *m = l->marks; m != NULL && m->last_sequence <= last; m = m->next)
        c->mark_count++;
    for (const struct key_entry *k = l->keys.unsaved; k != NULL && k->last <= last; k = k->next_unsaved)
        c->key_count++;
    c->marks = memory_array(c->mark_count + 1, sizeof *c->marks);
    c->keys = memory_array(c->key_count + 1, sizeof *c->keys);
    const struct mark *m = l->marks;
    for (size_t i = 0; i < c->mark_count; i++, m = m->next)
        c->marks[i] = m;
    const struct key_entry *k = l->keys.unsaved;
    for (size_t i = 0; i < c->key_count; i++, k = k->next_unsaved)
        c->keys[i] = k;
}

static void copy_counts(struct ledger *l, uint64_t last, struct covered *c)
{
    c->received = runs_copy(&l->received, last);
    c->stored = runs_copy(&l->stored, last);
    c->gaps = runs_copy(&l->gaps, last);
}

static void free_covered(struct covered *c)
{
    runs_free(&c->received);
    runs_free(&c->stored);
    runs_free(&c->gaps);
    memory_free(c->marks);
    memory_free(c->keys);
}

/* Empties the copies. */
static void count_rows(struct covered *c, uint64_t last, struct rows *rows)
{
    struct run run;
    while (runs_take(&c->received, last, &run))
        rows_add(rows, &(struct balance_count){.source = run.source,
                                               .hour = run.hour,
                                               .received = run.last - run.first + 1,
                                               .bytes = run.bytes});
    while (runs_take(&c->stored, last, &run))
        rows_add(rows, &(struct balance_count){.source = run.source,
                                               .hour = run.hour,
                                               .stored = run.last - run.first + 1});
    while (runs_take(&c->gaps, last, &run))
        rows_add(rows, &(struct balance_count){.source = run.source,
                                               .hour = run.hour,
                                               .received = run.last - run.first + 1,
                                               .lost = run.last - run.first + 1});
    rows_merge(rows);
}

static bool save_cursors(struct state *state, const struct covered *c, struct error *err)
{
    for (size_t i = 0; i < c->mark_count; i++) {
        const struct mark *m = c->marks[i];
        struct tail_cursor cursor = {m->identity, m->position, m->last_sequence};
        if (!state_cursors_put(state, &cursor, err))
            return false;
    }
    return true;
}

static bool save_keys(struct state *state, const struct covered *c, struct error *err)
{
    for (size_t i = 0; i < c->key_count; i++) {
        const struct key_entry *k = c->keys[i];
        struct idempotency_key row = {.source = str_n(k->source, k->source_bytes),
                                      .first_sequence = k->first,
                                      .last_sequence = k->last,
                                      .expires_ns = k->expires_ns};
        memcpy(row.key_hash, &k->hash, sizeof row.key_hash);
        if (!state_keys_put(state, &row, err))
            return false;
    }
    return true;
}

/* Once an hour is enough for those whose day is over. */
static bool expire_keys(struct ledger *l, struct state *state, const struct covered *c, struct error *err)
{
    int64_t now_ns = clock_wall_ns();
    if (now_ns - l->keys_expired_ns < HOUR_NS)
        return true;
    int64_t through_ns = c->keys_dropped_through_ns > now_ns ? c->keys_dropped_through_ns : now_ns;
    if (!state_keys_expire(state, through_ns, err))
        return false;
    l->keys_expired_ns = now_ns;
    return true;
}

bool ledger_commit(struct ledger *l, struct state *state, uint64_t last, struct error *err)
{
    struct rows rows = {0};
    struct covered c = {0};
    pthread_mutex_lock(&l->lock);
    copy_counts(l, last, &c);
    borrow_marks(l, last, &c);
    c.keys_dropped_through_ns = l->keys.dropped_through_ns;
    pthread_mutex_unlock(&l->lock);
    count_rows(&c, last, &rows);
    bool ok = state_balance_add(state, rows.items, rows.count, err) && save_cursors(state, &c, err) &&
              save_keys(state, &c, err) && expire_keys(l, state, &c, err);
    free_covered(&c);
    rows_free(&rows);
    return ok;
}

void ledger_confirm(struct ledger *l, uint64_t last)
{
    pthread_mutex_lock(&l->lock);
    runs_drop(&l->received, last);
    runs_drop(&l->stored, last);
    runs_drop(&l->gaps, last);
    while (l->marks != NULL && l->marks->last_sequence <= last) {
        struct mark *m = l->marks;
        l->marks = m->next;
        memory_free(m);
    }
    if (l->marks == NULL)
        l->marks_end = &l->marks;
    key_table_saved(&l->keys, last);
    pthread_mutex_unlock(&l->lock);
}

static bool save_rows(struct ledger *l, struct rows *rows, struct error *err)
{
    rows_merge(rows);
    if (!state_begin(l->state, err))
        return false;
    if (state_balance_add(l->state, rows->items, rows->count, err))
        return state_commit(l->state, err);
    state_rollback(l->state);
    return false;
}

/* state.db is held throughout, so that a reader of the balance finds a loss there or here, never twice. */
bool ledger_save_losses(struct ledger *l, struct error *err)
{
    state_lock(l->state);
    pthread_mutex_lock(&l->lock);
    struct rows taken = l->losses;
    l->losses = (struct rows){0};
    pthread_mutex_unlock(&l->lock);
    bool ok = taken.count == 0 || save_rows(l, &taken, err);
    pthread_mutex_lock(&l->lock);
    for (uint32_t i = 0; !ok && i < taken.count; i++)
        rows_add(&l->losses, &taken.items[i]);
    pthread_mutex_unlock(&l->lock);
    state_unlock(l->state);
    rows_free(&taken);
    return ok;
}

/* --------------------------------------------------------------- reading */

static bool passes(const struct balance_filter *f, const struct balance_count *row)
{
    return row->hour >= f->from_hour && row->hour <= f->to_hour &&
           (f->source == UINT32_MAX || f->source == row->source);
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

/* What is on its way. What a committed part covers is in state.db, whether or not ledger_confirm() came round
 * to it. */
static void add_on_the_way(struct ledger *l, uint64_t stored_through, const struct balance_filter *filter,
                           struct rows *rows)
{
    struct covered c = {0};
    struct rows moving = {0};
    pthread_mutex_lock(&l->lock);
    copy_counts(l, UINT64_MAX, &c);
    for (uint32_t i = 0; i < l->losses.count; i++)
        rows_add(&moving, &l->losses.items[i]);
    pthread_mutex_unlock(&l->lock);
    runs_drop(&c.received, stored_through);
    runs_drop(&c.stored, stored_through);
    runs_drop(&c.gaps, stored_through);
    count_rows(&c, UINT64_MAX, &moving);
    for (uint32_t i = 0; i < moving.count; i++)
        if (passes(filter, &moving.items[i]))
            rows_add(rows, &moving.items[i]);
    free_covered(&c);
    rows_free(&moving);
}

/* state.db is held still, so that nothing moves from here to there between the two readings. */
static bool read_both(struct ledger *l, const struct balance_filter *filter, struct arena *arena,
                      struct rows *rows, struct error *err)
{
    uint64_t stored_through = 0;
    struct balance_count *known;
    uint32_t known_count;
    struct balance_filter all = *filter;
    all.only_open = false; /* of the sums, not of what is stored so far */
    bool ok = state_parts_stored_through(state_lock(l->state), &stored_through, err) &&
              state_balance_list(l->state, &all, arena, &known, &known_count, NULL, err);
    for (uint32_t i = 0; ok && i < known_count; i++)
        rows_add(rows, &known[i]);
    if (ok)
        add_on_the_way(l, stored_through, filter, rows);
    state_unlock(l->state);
    rows_merge(rows);
    return ok;
}

bool ledger_balance(struct ledger *l, const struct balance_filter *filter, struct arena *arena,
                    struct balance_count **out, uint32_t *count, struct balance_count *total,
                    struct error *err)
{
    struct rows rows = {0};
    bool ok = read_both(l, filter, arena, &rows, err);
    sum_rows(&rows, total);
    *out = ARENA_ARRAY(arena, struct balance_count, rows.count + 1);
    *count = 0;
    for (uint32_t i = 0; i < rows.count; i++)
        if (!filter->only_open || rows.items[i].difference != 0)
            (*out)[(*count)++] = rows.items[i];
    rows_free(&rows);
    return ok;
}

/* ------------------------------------------------------------- beginning */

static int by_expiry(const void *left, const void *right)
{
    const struct idempotency_key *a = left, *b = right;
    return a->expires_ns < b->expires_ns ? -1 : a->expires_ns > b->expires_ns;
}

static bool load_keys(struct ledger *l, struct error *err)
{
    struct arena arena;
    struct idempotency_key *keys;
    uint32_t count;
    int64_t now_ns = clock_wall_ns();
    arena_init(&arena, 64 << 10);
    bool ok = state_keys_expire(l->state, now_ns, err) &&
              state_keys_load(l->state, now_ns, &arena, &keys, &count, err);
    if (ok && count)
        qsort(keys, count, sizeof *keys, by_expiry); /* the table wants the oldest first */
    for (uint32_t i = 0; ok && i < count; i++) {
        XXH128_hash_t hash;
        memcpy(&hash, keys[i].key_hash, sizeof hash);
        struct key_entry *entry = key_table_enter(&l->keys, hash, keys[i].source, now_ns, keys[i].expires_ns);
        entry->first = keys[i].first_sequence;
        entry->last = keys[i].last_sequence;
        entry->is_saved = true;
    }
    arena_free(&arena);
    l->keys_expired_ns = now_ns;
    return ok;
}

struct ledger *ledger_new(struct state *state, struct registry *registry, struct error *err)
{
    struct ledger *l = NEW(struct ledger);
    pthread_mutex_init(&l->lock, NULL);
    l->state = state;
    l->registry = registry;
    l->marks_end = &l->marks;
    key_table_init(&l->keys, LEDGER_KEYS_MAX);
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
    runs_free(&l->received);
    runs_free(&l->stored);
    runs_free(&l->gaps);
    rows_free(&l->losses);
    while (l->marks != NULL) {
        struct mark *next = l->marks->next;
        memory_free(l->marks);
        l->marks = next;
    }
    key_table_free(&l->keys);
    pthread_mutex_destroy(&l->lock);
    memory_free(l);
}
