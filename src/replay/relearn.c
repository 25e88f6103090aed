/* Stored events → the instruments, in the order of the journal. serve_start.c calls it between opening the
 * store and starting the engine; findings of then are in their incidents already. */
#include "replay/relearn.h"

#include "base/log.h"
#include "base/memory.h"

#define PAGE_EVENTS 512

struct sequences {
    uint64_t *items;
    size_t count, capacity;
};

static bool note_sequence(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct sequences *s = context;
    (void)result;
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 4096;
        s->items = memory_resize_array(s->items, s->capacity, sizeof *s->items);
    }
    s->items[s->count++] = (uint64_t)cells[0].number;
    return true;
}

static bool list_missing(struct store *store, uint64_t from, uint64_t to, struct sequences *out,
                         struct error *err)
{
    static const struct str columns[] = {{"hyakuyo.sequence", 16}};
    struct part_filter filter = PART_FILTER_ALL;
    filter.first_sequence = from;
    filter.last_sequence = to;
    struct store_query query = {.sql = STR(
                                    "SELECT \"hyakuyo.sequence\" FROM events ORDER BY \"hyakuyo.sequence\""),
                                .filter = filter,
                                .columns = columns,
                                .column_count = COUNT_OF(columns)};
    return store_query(store, &query, note_sequence, out, NULL, err) == STORE_DONE;
}

static bool keep_event(void *context, size_t index, const struct event *e)
{
    struct batch *b = context;
    event_copy(e, &b->events[index], &b->arena);
    if (event_get(e, FIELD_HYAKUYO_CANARY) != NULL || event_get(e, FIELD_HYAKUYO_EXERCISE) != NULL)
        b->events[index].flags |= EVENT_CANARY;
    return true;
}

static bool show_page(struct store *store, struct desk *desk, const uint64_t *sequences, size_t count,
                      struct error *err)
{
    struct batch *b = batch_new(PAGE_EVENTS);
    for (size_t i = 0; i < count; i++) { /* one that is gone stays an empty event */
        batch_add(b, STR_EMPTY, STR_EMPTY)->sequence = sequences[i];
        b->events[i].sequence = sequences[i];
        b->events[i].flags = EVENT_CANARY;
    }
    b->first_sequence = sequences[0];
    b->last_sequence = sequences[count - 1];
    bool ok = store_fetch(store, sequences, count, keep_event, b, err);
    if (ok)
        desk_relearn(desk, b);
    batch_free(b);
    return ok;
}

bool relearn(struct store *store, struct desk *desk, struct error *err)
{
    uint64_t from = desk_observed_through(desk) + 1, to = store_stored_through(store);
    struct sequences s = {0};
    if (from > to)
        return true;
    int64_t started_ns = clock_monotonic_ns();
    bool ok = list_missing(store, from, to, &s, err);
    for (size_t done = 0; ok && done < s.count; done += PAGE_EVENTS) {
        size_t n = s.count - done < PAGE_EVENTS ? s.count - done : PAGE_EVENTS;
        ok = show_page(store, desk, s.items + done, n, err);
    }
    if (ok && s.count)
        log_info(tr("instruments: %zu stored events shown again in %.1f s",
                    "計器: 保存済みイベント %zu 件を %.1f 秒で読み直しました"),
                 s.count, (double)(clock_monotonic_ns() - started_ns) / (double)NS_PER_SECOND);
    memory_free(s.items);
    return ok;
}
