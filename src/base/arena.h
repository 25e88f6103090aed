/* Memory that is released together: a batch, a rule set, a request. Allocations are 8-byte aligned and
 * never freed one by one. An arena belongs to one thread at a time. */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/error.h"
#include "base/memory.h"
#include "base/str.h"

struct arena_chunk;

struct arena {
    struct arena_chunk *chunks; /* newest first */
    char *at, *end;             /* free room of the newest chunk */
    size_t chunk_bytes;
    size_t used_bytes;
};

void arena_init(struct arena *a, size_t chunk_bytes);
void arena_reset(struct arena *a); /* keeps one chunk */
void arena_free(struct arena *a);

void *arena_alloc_slow(struct arena *a, size_t bytes);

static inline void *arena_alloc(struct arena *a, size_t bytes)
{
    size_t rounded = (bytes + 7) & ~(size_t)7;
    if (rounded <= (size_t)(a->end - a->at)) {
        char *p = a->at;
        a->at += rounded;
        a->used_bytes += rounded;
        return p;
    }
    return arena_alloc_slow(a, rounded);
}

void *arena_zero(struct arena *a, size_t bytes);
#define ARENA_NEW(a, type)      ((type *)arena_zero((a), sizeof(type)))
#define ARENA_ARRAY(a, type, n) ((type *)arena_zero((a), sizeof(type) * (size_t)(n)))

struct str arena_str(struct arena *a, struct str s); /* a copy, NUL behind it for convenience */
struct str arena_lower(struct arena *a, struct str s);
struct str arena_printf(struct arena *a, const char *format, ...) PRINTF_LIKE(2, 3);
struct str arena_concat(struct arena *a, struct str x, struct str y);

#endif
