/* Header lines of tables and the parser that fitted last, per source. Stage: normalise. Next: emit.c. */
#include "normalise/source_memory.h"

struct source_memory *source_memory_new(void)
{
    return NEW(struct source_memory);
}

void source_memory_free(struct source_memory *m)
{
    if (!m)
        return;
    struct kept_header *h = atomic_load(&m->header);
    while (h) {
        struct kept_header *older = h->older;
        memory_free(h);
        h = older;
    }
    memory_free(m);
}

const struct kept_header *source_memory_header(const struct source_memory *m, uint64_t generation)
{
    const struct kept_header *h = atomic_load_explicit(&m->header, memory_order_acquire);
    return h && h->generation == generation ? h : NULL;
}

static bool same_header(const struct column_header *a, const struct column_header *b)
{
    if (a->count != b->count || a->separator != b->separator || !str_eq(a->path, b->path) ||
        !str_eq(a->software, b->software))
        return false;
    for (uint16_t i = 0; i < a->count; i++)
        if (!str_eq(a->names[i], b->names[i]))
            return false;
    return true;
}

void source_memory_learn(struct source_memory *m, uint64_t generation, uint16_t parser,
                         const struct column_header *header)
{
    struct kept_header *current = atomic_load_explicit(&m->header, memory_order_acquire);
    if (current && current->generation == generation && current->parser == parser &&
        same_header(&current->header, header))
        return;
    if (atomic_fetch_add(&m->header_count, 1) >= KEPT_HEADERS_MAX)
        return;
    struct kept_header *h = memory_alloc(sizeof *h);
    h->generation = generation;
    h->parser = parser;
    column_header_copy(header, &h->header);
    do
        h->older = current;
    while (!atomic_compare_exchange_weak(&m->header, &current, h));
}
