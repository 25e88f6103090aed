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
    struct kept_header *h = atomic_load(&m->newest);
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
        !str_eq(a->software, b->software) || a->has_kinds != b->has_kinds)
        return false;
    if (a->has_kinds && memcmp(a->kinds, b->kinds, a->count) != 0)
        return false;
    for (uint16_t i = 0; i < a->count; i++)
        if (!str_eq(a->names[i], b->names[i]))
            return false;
    return true;
}

static bool belongs(const struct kept_header *h, uint64_t generation, uint16_t parser)
{
    return h->generation == generation && h->parser == parser;
}

const struct kept_header *source_memory_table(const struct source_memory *m, uint64_t generation,
                                              uint16_t parser, const struct str *columns, uint32_t count)
{
    const struct kept_header *last = atomic_load_explicit(&m->header, memory_order_acquire), *best = NULL,
                             *untyped = NULL;
    uint32_t best_fit = 0;
    bool has_typed = false;
    for (const struct kept_header *h = atomic_load_explicit(&m->newest, memory_order_acquire); h;
         h = h->older) {
        if (h->header.count != count || !belongs(h, generation, parser))
            continue;
        if (!h->header.has_kinds) {
            untyped = h == last || !untyped ? h : untyped;
            continue;
        }
        has_typed = true;
        uint32_t fit = column_header_fit(&h->header, columns, count);
        if (fit > best_fit || (fit && fit == best_fit && h == last)) {
            best = h;
            best_fit = fit;
        }
    }
    return has_typed ? best : untyped;
}

static struct kept_header *find_same(const struct source_memory *m, uint64_t generation, uint16_t parser,
                                     const struct column_header *header)
{
    struct kept_header *h = atomic_load_explicit(&m->newest, memory_order_acquire);
    while (h && !(belongs(h, generation, parser) && same_header(&h->header, header)))
        h = h->older;
    return h;
}

/* Log rotation repeats the same headers for years: what is known already costs nothing. */
void source_memory_learn(struct source_memory *m, uint64_t generation, uint16_t parser,
                         const struct column_header *header)
{
    struct kept_header *h = find_same(m, generation, parser, header);
    if (!h) {
        if (atomic_fetch_add(&m->header_count, 1) >= KEPT_HEADERS_MAX)
            return;
        h = memory_alloc(sizeof *h);
        h->generation = generation;
        h->parser = parser;
        column_header_copy(header, &h->header);
        h->older = atomic_load_explicit(&m->newest, memory_order_acquire);
        while (!atomic_compare_exchange_weak(&m->newest, &h->older, h))
            ;
    }
    atomic_store_explicit(&m->header, h, memory_order_release);
}
