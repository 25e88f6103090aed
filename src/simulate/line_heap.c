/* See line_heap.h. Used by engine.c (lines that follow an act after a while) and disturb.c (lines that are
 * late). */
#include "simulate/line_heap.h"

#include "base/memory.h"

static bool before(const struct waiting_line *a, const struct waiting_line *b)
{
    return a->time_ns != b->time_ns ? a->time_ns < b->time_ns : a->order < b->order;
}

void line_heap_add(struct line_heap *h, int64_t time_ns, uint32_t source, struct str text)
{
    if (h->count == h->capacity) {
        h->capacity = h->capacity ? h->capacity * 2 : 1024;
        h->items = memory_resize_array(h->items, h->capacity, sizeof *h->items);
    }
    struct waiting_line line = {time_ns, h->added++, memory_alloc(text.n + 1), (uint32_t)text.n, source};
    memcpy(line.text, text.p, text.n);
    size_t at = h->count++;
    for (; at > 0 && before(&line, &h->items[(at - 1) / 2]); at = (at - 1) / 2)
        h->items[at] = h->items[(at - 1) / 2];
    h->items[at] = line;
}

bool line_heap_take(struct line_heap *h, int64_t until_ns, struct waiting_line *out)
{
    if (h->count == 0 || h->items[0].time_ns >= until_ns)
        return false;
    *out = h->items[0];
    struct waiting_line moved = h->items[--h->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= h->count)
            break;
        child += child + 1 < h->count && before(&h->items[child + 1], &h->items[child]);
        if (!before(&h->items[child], &moved))
            break;
        h->items[at] = h->items[child];
        at = child;
    }
    if (h->count)
        h->items[at] = moved;
    return true;
}

void line_heap_free(struct line_heap *h)
{
    for (size_t i = 0; i < h->count; i++)
        memory_free(h->items[i].text);
    memory_free(h->items);
    *h = (struct line_heap){0};
}
