/* Counts what a program asks of malloc, from outside and while it runs: LD_PRELOAD=libcount_allocations.so,
 * and ALLOCATION_COUNTS names a file of counters (struct counts, one line for each slot of threads) that
 * anybody may read meanwhile. Linked into a program it counts without a file. Stands in front of glibc's
 * allocator and passes everything on. */
#include "count_allocations.h"

#include <fcntl.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS 64

struct counts {
    _Atomic uint64_t allocations, frees, bytes;
    uint64_t padding[5]; /* a cache line each: threads do not wait for each other */
};

/* glibc's own entry points behind the public names. */
void *__libc_malloc(size_t bytes);
void *__libc_calloc(size_t count, size_t each);
void *__libc_realloc(void *p, size_t bytes);
void *__libc_memalign(size_t alignment, size_t bytes);
void __libc_free(void *p);

static struct counts before_start[SLOTS];
static struct counts *slots = before_start;
static _Atomic unsigned threads_seen;
static _Thread_local unsigned own_slot __attribute__((tls_model("initial-exec")));

__attribute__((constructor)) static void share_counts(void)
{
    const char *path = getenv("ALLOCATION_COUNTS");
    int fd = path ? open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600) : -1;
    if (fd < 0 || ftruncate(fd, sizeof before_start) != 0)
        return;
    void *shared = mmap(NULL, sizeof before_start, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (shared != MAP_FAILED)
        slots = shared;
}

uint64_t allocations_counted(void)
{
    uint64_t sum = 0;
    for (unsigned i = 0; i < SLOTS; i++)
        sum += atomic_load_explicit(&slots[i].allocations, memory_order_relaxed);
    return sum;
}

static struct counts *mine(void)
{
    if (!own_slot)
        own_slot = 1 + atomic_fetch_add(&threads_seen, 1) % SLOTS;
    return &slots[own_slot - 1];
}

static void note(size_t bytes)
{
    struct counts *c = mine();
    atomic_fetch_add_explicit(&c->allocations, 1, memory_order_relaxed);
    atomic_fetch_add_explicit(&c->bytes, bytes, memory_order_relaxed);
}

void *malloc(size_t bytes)
{
    note(bytes);
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t each)
{
    note(count * each);
    return __libc_calloc(count, each);
}

void *realloc(void *p, size_t bytes)
{
    note(bytes);
    return __libc_realloc(p, bytes);
}

void *aligned_alloc(size_t alignment, size_t bytes)
{
    note(bytes);
    return __libc_memalign(alignment, bytes);
}

void *memalign(size_t alignment, size_t bytes);
void *memalign(size_t alignment, size_t bytes)
{
    return aligned_alloc(alignment, bytes);
}

int posix_memalign(void **out, size_t alignment, size_t bytes)
{
    *out = aligned_alloc(alignment, bytes);
    return *out || !bytes ? 0 : 12; /* ENOMEM */
}

void free(void *p)
{
    if (p)
        atomic_fetch_add_explicit(&mine()->frees, 1, memory_order_relaxed);
    __libc_free(p);
}
