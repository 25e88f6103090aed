/* What this machine can do at best: computing, reading from its caches, copying memory, writing a file,
 * making a write safe. All other figures are read against these: a virtual machine may have half of its
 * processor from one minute to the next.
 *
 *   floor_bench --processor                only that
 *   floor_bench [FOLDER [MEBIBYTES]]       default: the current folder, 256 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"

#define BLOCK ((size_t)1 << 20)
#define SYNCS 200

static double seconds_since(int64_t start_ns)
{
    return (double)(clock_monotonic_ns() - start_ns) / 1e9;
}

/* Each step needs the one before: nothing but the clock and who shares the core decides. */
static double time_of_steps(void)
{
    enum { STEPS = 5000000 };
    uint64_t x = 1;
    int64_t start = clock_monotonic_ns();
    for (uint64_t i = 0; i < STEPS; i++) {
        x = x * 3 + i;
        __asm__ volatile("" : "+r"(x));
    }
    return (double)(clock_monotonic_ns() - start) / STEPS;
}

/* One after the other, in an order that no prefetcher knows. */
static double time_of_reads(const uint32_t *next, uint32_t count)
{
    enum { READS = 2000000 };
    uint32_t at = 0;
    int64_t start = clock_monotonic_ns();
    for (uint32_t i = 0; i < READS; i++)
        at = (next[at] + i) & (count - 1);
    __asm__ volatile("" : : "r"(at));
    return (double)(clock_monotonic_ns() - start) / READS;
}

static void compute(void)
{
    enum { COUNT = 65536 }; /* 256 KiB */
    uint32_t *next = memory_array(COUNT, sizeof *next);
    double step = 1e9, read = 1e9;
    for (uint32_t i = 0; i < COUNT; i++)
        next[i] = i * 2654435761u >> 16;
    for (int i = 0; i < 10; i++) {
        double steps_ns = time_of_steps(), reads_ns = time_of_reads(next, COUNT);
        step = steps_ns < step ? steps_ns : step;
        read = reads_ns < read ? reads_ns : read;
    }
    printf("processor step %.2f ns, read of 256 KiB %.1f ns\n", step, read);
    memory_free(next);
}

/* Far larger than the caches. */
static void copy_memory(void)
{
    size_t n = (size_t)64 << 20;
    char *from = memory_alloc(n), *to = memory_alloc(n);
    double best = 0;
    memset(from, 1, n);
    memset(to, 2, n);
    for (int i = 0; i < 8; i++) {
        int64_t start = clock_monotonic_ns();
        memcpy(to, from, n);
        __asm__ volatile("" : : "r"(to) : "memory"); /* the copy counts as used */
        double rate = (double)n / seconds_since(start) / 1e9;
        best = rate > best ? rate : best;
    }
    printf("memory copy %.1f GB/s\n", best);
    memory_free(from);
    memory_free(to);
}

static bool write_block(int fd, const char *block, size_t n)
{
    for (size_t at = 0; at < n;) {
        ssize_t wrote = write(fd, block + at, n - at);
        if (wrote <= 0)
            return false;
        at += (size_t)wrote;
    }
    return true;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

static bool write_disk(int fd, size_t mebibytes)
{
    char *block = memory_alloc(BLOCK);
    double times[SYNCS];
    for (size_t i = 0; i < BLOCK; i++)
        block[i] = (char)(i * 2654435761u >> 13);
    int64_t start = clock_monotonic_ns();
    bool ok = true;
    for (size_t i = 0; ok && i < mebibytes; i++)
        ok = write_block(fd, block, BLOCK);
    ok = ok && fdatasync(fd) == 0;
    printf("sequential write with fdatasync %.0f MB/s\n",
           (double)(mebibytes * BLOCK) / seconds_since(start) / 1e6);
    for (int i = 0; ok && i < SYNCS; i++) {
        start = clock_monotonic_ns();
        ok = write_block(fd, block, 4096) && fdatasync(fd) == 0;
        times[i] = seconds_since(start) * 1e6;
    }
    if (ok)
        qsort(times, SYNCS, sizeof *times, by_value);
    if (ok)
        printf("append of 4 KiB and fdatasync p50 %.0f us p99 %.0f us\n", times[SYNCS / 2],
               times[SYNCS * 99 / 100]);
    memory_free(block);
    return ok;
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : ".";
    char path[4096];
    compute();
    if (argc > 1 && strcmp(argv[1], "--processor") == 0)
        return 0;
    copy_memory();
    snprintf(path, sizeof path, "%s/floor-bench-XXXXXX", folder);
    int fd = mkstemp(path);
    if (fd >= 0)
        unlink(path);
    bool ok = fd >= 0 && write_disk(fd, argc > 2 ? strtoul(argv[2], NULL, 10) : 256);
    if (!ok)
        fprintf(stderr, "floor_bench: %s: %s\n", path, strerror(errno));
    return ok ? 0 : 1;
}
