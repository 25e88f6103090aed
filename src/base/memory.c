/* Ground floor: allocation that cannot fail, and BUG(). Everything else that needs memory comes through here
 * or through an arena (arena.c is next). */
#include "base/memory.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t bytes)
{
    fprintf(
        stderr,
        "hyakuyo: out of memory (%zu bytes asked for); lower the limits in the configuration or add memory\n",
        bytes);
    abort();
}

static size_t product(size_t count, size_t each)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, each, &bytes))
        out_of_memory(SIZE_MAX);
    return bytes;
}

void *memory_alloc(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);
    if (!p)
        out_of_memory(bytes);
    return p;
}

void *memory_zero(size_t bytes)
{
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p)
        out_of_memory(bytes);
    return p;
}

void *memory_resize(void *p, size_t bytes)
{
    void *moved = realloc(p, bytes ? bytes : 1);
    if (!moved)
        out_of_memory(bytes);
    return moved;
}

void *memory_array(size_t count, size_t each)
{
    return memory_zero(product(count, each));
}

void *memory_resize_array(void *p, size_t count, size_t each)
{
    return memory_resize(p, product(count, each));
}

char *memory_strdup(const char *c)
{
    size_t bytes = strlen(c) + 1;
    return memcpy(memory_alloc(bytes), c, bytes);
}

void memory_free(void *p)
{
    free(p);
}

void memory_keep_freed(void)
{
    mallopt(M_MMAP_THRESHOLD, 32 << 20); /* the largest that glibc takes */
    mallopt(M_TRIM_THRESHOLD, 256 << 20);
}

void memory_give_back(void)
{
    malloc_trim(0);
}

_Noreturn void bug(const char *file, int line, const char *what)
{
    fprintf(stderr, "hyakuyo: bug at %s:%d: %s\n", file, line, what);
    abort();
}
