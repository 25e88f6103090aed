/* Ground floor: memory that is released together. Chunks of one size are filled front to back; a request that
 * would waste most of a chunk gets a chunk of its own, behind the one being filled. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdio.h>

#define DEFAULT_CHUNK_BYTES 65536

struct arena_chunk {
    struct arena_chunk *next;
    size_t bytes; /* of data */
    alignas(16) char data[];
};

void arena_init(struct arena *a, size_t chunk_bytes)
{
    *a = (struct arena){.chunk_bytes = chunk_bytes};
}

static struct arena_chunk *chunk_new(size_t bytes)
{
    struct arena_chunk *chunk = memory_alloc(sizeof *chunk + bytes);
    chunk->bytes = bytes;
    return chunk;
}

static void fill_from(struct arena *a, struct arena_chunk *chunk)
{
    a->at = chunk->data;
    a->end = chunk->data + chunk->bytes;
}

void *arena_alloc_slow(struct arena *a, size_t bytes)
{
    BUG_IF(bytes > PTRDIFF_MAX - sizeof(struct arena_chunk));
    if (!a->chunk_bytes)
        a->chunk_bytes = DEFAULT_CHUNK_BYTES;
    a->used_bytes += bytes;
    if (bytes > a->chunk_bytes / 4 && a->chunks) {
        struct arena_chunk *own = chunk_new(bytes);
        own->next = a->chunks->next;
        a->chunks->next = own;
        return own->data;
    }
    struct arena_chunk *chunk = chunk_new(bytes > a->chunk_bytes ? bytes : a->chunk_bytes);
    chunk->next = a->chunks;
    a->chunks = chunk;
    fill_from(a, chunk);
    a->at += bytes;
    return chunk->data;
}

void arena_reset(struct arena *a)
{
    struct arena_chunk *kept = NULL;
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        if (!kept && c->bytes == a->chunk_bytes)
            kept = c;
        else
            memory_free(c);
    }
    size_t chunk_bytes = a->chunk_bytes;
    *a = (struct arena){.chunks = kept, .chunk_bytes = chunk_bytes};
    if (kept) {
        kept->next = NULL;
        fill_from(a, kept);
    }
}

void arena_free(struct arena *a)
{
    for (struct arena_chunk *c = a->chunks, *next; c; c = next) {
        next = c->next;
        memory_free(c);
    }
    *a = (struct arena){.chunk_bytes = a->chunk_bytes};
}

void *arena_zero(struct arena *a, size_t bytes)
{
    return memset(arena_alloc(a, bytes), 0, bytes);
}

struct str arena_str(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    if (s.n)
        memcpy(p, s.p, s.n);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}

struct str arena_lower(struct arena *a, struct str s)
{
    char *p = arena_alloc(a, s.n + 1);
    for (size_t i = 0; i < s.n; i++)
        p[i] = ascii_lower(s.p[i]);
    p[s.n] = '\0';
    return (struct str){p, s.n};
}

struct str arena_printf(struct arena *a, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    va_list again;
    va_copy(again, arguments);
    int n = vsnprintf(NULL, 0, format, arguments);
    va_end(arguments);
    BUG_IF(n < 0);
    char *p = arena_alloc(a, (size_t)n + 1);
    vsnprintf(p, (size_t)n + 1, format, again);
    va_end(again);
    return (struct str){p, (size_t)n};
}

struct str arena_concat(struct arena *a, struct str x, struct str y)
{
    char *p = arena_alloc(a, x.n + y.n + 1);
    if (x.n)
        memcpy(p, x.p, x.n);
    if (y.n)
        memcpy(p + x.n, y.p, y.n);
    p[x.n + y.n] = '\0';
    return (struct str){p, x.n + y.n};
}
