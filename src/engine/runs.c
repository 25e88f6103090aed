/* Runs of records, and the rows of the balance that are made of them. ledger.c holds the queues. */
#include "engine/runs.h"

#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

/* ------------------------------------------------------------------ runs */

void runs_free(struct runs *q)
{
    memory_free(q->items);
    *q = (struct runs){0};
}

void runs_push(struct runs *q, const struct run *run)
{
    if (q->head + q->count == q->capacity && q->head > 0) {
        BUG_IF(q->items == NULL);
        memmove(q->items, q->items + q->head, q->count * sizeof *q->items);
        q->head = 0;
    }
    if (q->count == q->capacity) {
        q->capacity = q->capacity ? q->capacity * 2 : 64;
        q->items = memory_resize_array(q->items, q->capacity, sizeof *q->items);
    }
    BUG_IF(q->items == NULL);
    q->items[q->head + q->count++] = *run;
}

void runs_add(struct runs *q, uint64_t sequence, uint32_t source, int64_t hour, size_t bytes)
{
    struct run *newest = q->count ? &q->items[q->head + q->count - 1] : NULL;
    if (newest != NULL && newest->source == source && newest->hour == hour && newest->last + 1 == sequence) {
        newest->last = sequence;
        newest->bytes += bytes;
        return;
    }
    runs_push(q, &(struct run){sequence, sequence, source, hour, bytes});
}

void runs_append(struct runs *q, const struct runs *more)
{
    for (size_t i = 0; i < more->count; i++)
        runs_push(q, &more->items[more->head + i]);
}

bool runs_take(struct runs *q, uint64_t last, struct run *out)
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

void runs_drop(struct runs *q, uint64_t last)
{
    struct run run;
    while (runs_take(q, last, &run)) {
    }
}

struct runs runs_copy(const struct runs *q, uint64_t last)
{
    struct runs copy = {0};
    const struct run *items = q->items + q->head;
    while (copy.count < q->count && items[copy.count].first <= last)
        copy.count++;
    if (copy.count == 0)
        return copy;
    copy.capacity = copy.count;
    copy.items = memory_array(copy.count, sizeof *copy.items);
    memcpy(copy.items, items, copy.count * sizeof *copy.items);
    return copy;
}

/* ------------------------------------------------------------------ rows */

void rows_free(struct rows *rows)
{
    memory_free(rows->items);
    *rows = (struct rows){0};
}

static int compare_rows(const void *left, const void *right)
{
    const struct balance_count *a = left, *b = right;
    if (a->hour != b->hour)
        return a->hour < b->hour ? -1 : 1;
    return a->source < b->source ? -1 : a->source > b->source;
}

static void add_to(struct balance_count *row, const struct balance_count *more)
{
    row->received += more->received;
    row->stored += more->stored;
    row->filtered += more->filtered;
    row->rejected += more->rejected;
    row->lost += more->lost;
    row->bytes += more->bytes;
}

void rows_add(struct rows *rows, const struct balance_count *row)
{
    if (rows->count && compare_rows(&rows->items[rows->count - 1], row) == 0) {
        add_to(&rows->items[rows->count - 1], row);
        return;
    }
    if (rows->count == rows->capacity) {
        rows->capacity = rows->capacity ? rows->capacity * 2 : 16;
        rows->items = memory_resize_array(rows->items, rows->capacity, sizeof *rows->items);
    }
    rows->items[rows->count++] = *row;
}

void rows_merge(struct rows *rows)
{
    if (rows->count == 0)
        return;
    qsort(rows->items, rows->count, sizeof *rows->items, compare_rows);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < rows->count; i++)
        if (compare_rows(&rows->items[kept], &rows->items[i]) == 0)
            add_to(&rows->items[kept], &rows->items[i]);
        else
            rows->items[++kept] = rows->items[i];
    rows->count = kept + 1;
}
