/* Lines that wait until their time has come: a heap by time, then by order of arrival. */
#ifndef SIMULATE_LINE_HEAP_H
#define SIMULATE_LINE_HEAP_H

#include "base/str.h"

struct waiting_line {
    int64_t time_ns;
    uint64_t order;
    char *text; /* whoever takes it frees it with memory_free() */
    uint32_t size, source;
};
struct line_heap {
    struct waiting_line *items;
    size_t count, capacity;
    uint64_t added;
};
void line_heap_add(struct line_heap *h, int64_t time_ns, uint32_t source, struct str text);
/* The earliest, when it is before `until_ns`. */
bool line_heap_take(struct line_heap *h, int64_t until_ns, struct waiting_line *out);
void line_heap_free(struct line_heap *h);

#endif
