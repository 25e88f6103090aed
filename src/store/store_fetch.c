/* store stage: whole events by their sequence numbers, from the open parts (event_rebuild.c) and the sealed
 * ones (row_reader.c). */
#include <stdlib.h>

#include "base/memory.h"
#include "store/store_internal.h"

struct wanted_event {
    uint64_t sequence;
    size_t index;
};

struct fetching {
    struct wanted_event *wanted; /* sorted by sequence */
    uint64_t *sequences;         /* the same without repetition */
    size_t count, distinct;
    store_event_fn *on_event;
    void *context;
    struct event_rebuild rebuild;
    bool is_ended;
};

static int compare_wanted(const void *a, const void *b)
{
    uint64_t x = ((const struct wanted_event *)a)->sequence, y = ((const struct wanted_event *)b)->sequence;
    return x < y ? -1 : x > y;
}

static void begin(struct fetching *f, const uint64_t *sequences)
{
    f->wanted = NEW_ARRAY(struct wanted_event, f->count);
    f->sequences = NEW_ARRAY(uint64_t, f->count);
    for (size_t i = 0; i < f->count; i++)
        f->wanted[i] = (struct wanted_event){sequences[i], i};
    qsort(f->wanted, f->count, sizeof *f->wanted, compare_wanted);
    for (size_t i = 0; i < f->count; i++)
        if (!i || f->wanted[i].sequence != f->wanted[i - 1].sequence)
            f->sequences[f->distinct++] = f->wanted[i].sequence;
}

static void end(struct fetching *f)
{
    event_rebuild_free(&f->rebuild);
    memory_free(f->wanted);
    memory_free(f->sequences);
}

static size_t first_wanted(const struct fetching *f, uint64_t sequence)
{
    size_t low = 0, high = f->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (f->wanted[middle].sequence < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The rebuilt event to everyone who asked for its number. */
static bool give_event(void *context, const struct event *event)
{
    struct fetching *f = context;
    for (size_t i = first_wanted(f, event->sequence);
         i < f->count && f->wanted[i].sequence == event->sequence && !f->is_ended; i++)
        f->is_ended = !f->on_event(f->context, f->wanted[i].index, event);
    return !f->is_ended;
}

/* ---- open parts ---- */

static bool rebuild_open(struct fetching *f, const struct snapshot_open *open, uint64_t sequence)
{
    const struct column *c = open->part->set->sequence; /* sequence numbers ascend */
    uint32_t low = 0, high = open->rows;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((uint64_t)c->numbers[middle] < sequence)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == open->rows || (uint64_t)c->numbers[low] != sequence)
        return false;
    event_rebuild_row(&f->rebuild, open->part->set, low);
    return true;
}

static void fetch_open(struct fetching *f, const struct snapshot_open *open)
{
    for (size_t i = 0; i < f->distinct && !f->is_ended; i++) {
        pthread_mutex_lock(&open->part->lock);
        bool is_here = rebuild_open(f, open, f->sequences[i]);
        pthread_mutex_unlock(&open->part->lock);
        if (is_here)
            give_event(f, &f->rebuild.event);
    }
}

/* ---- sealed parts ---- */

static bool fetch_sealed(struct store *s, struct fetching *f, const struct part *p, struct error *err)
{
    size_t from = 0, to;
    while (from < f->distinct && f->sequences[from] < p->first_sequence)
        from++;
    for (to = from; to < f->distinct && f->sequences[to] <= p->last_sequence;)
        to++;
    return row_reader_read(s->rows, p, f->sequences + from, to - from, &f->rebuild, give_event, f, err);
}

static struct snapshot *snapshot_for(struct store *s, const struct fetching *f, struct error *err)
{
    struct part_filter filter = PART_FILTER_ALL;
    filter.first_sequence = f->sequences[0];
    filter.last_sequence = f->sequences[f->distinct - 1];
    struct snapshot *snapshot = store_snapshot(s, &filter);
    if (!s->readonly_db || !store_has_vanished(snapshot))
        return snapshot;
    snapshot_free(snapshot);
    return store_reload(s, err) ? store_snapshot(s, &filter) : NULL;
}

bool store_fetch(struct store *s, const uint64_t *sequences, size_t count, store_event_fn *on_event,
                 void *context, struct error *err)
{
    if (!count)
        return true;
    struct fetching f = {.count = count, .on_event = on_event, .context = context};
    begin(&f, sequences);
    struct snapshot *snapshot = snapshot_for(s, &f, err);
    bool ok = snapshot != NULL;
    for (uint32_t i = 0; ok && i < snapshot->open_count && !f.is_ended; i++)
        fetch_open(&f, &snapshot->open[i]);
    for (uint32_t i = 0; ok && i < snapshot->sealed.count && !f.is_ended; i++)
        ok = fetch_sealed(s, &f, snapshot->sealed.parts[i], err);
    snapshot_free(snapshot);
    end(&f);
    return ok;
}

static bool write_json(void *context, size_t index, const struct event *event)
{
    (void)index;
    event_json(event, context);
    return false;
}

bool store_fetch_event(struct store *s, uint64_t sequence, struct buf *json, bool *found, struct error *err)
{
    size_t before = json->n;
    bool ok = store_fetch(s, &sequence, 1, write_json, json, err);
    *found = ok && json->n > before;
    return ok;
}
