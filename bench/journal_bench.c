/* How fast records become safe. Prints records/s and MB/s with the real fdatasync, what that costs in CPU of
 * the journal's thread, and the latency of a commit as the submitter sees it.
 *
 *   journal_bench [FOLDER [SECONDS]]       default: ./journal-bench-data, 3 s for each row */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"
#include "journal/journal.h"

#define LINE_BYTES  265
#define SAMPLES_MAX 2000000

struct bench {
    struct journal *j;
    int64_t *latencies; /* of submissions, written by the journal's thread */
    size_t samples;
    uint64_t safe, through; /* submissions; highest sequence number in the sink */
    int64_t thread_ns;      /* CPU of the journal's thread */
};

struct ticket {
    struct bench *b;
    int64_t submitted_ns;
};

static int64_t thread_cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static void done(void *context, const struct submission *s, enum submission_result result, uint64_t first,
                 uint64_t last)
{
    struct ticket *t = context;
    struct bench *b = t->b;
    (void)s;
    (void)result;
    (void)first;
    (void)last;
    if (b->samples < SAMPLES_MAX)
        b->latencies[b->samples++] = clock_monotonic_ns() - t->submitted_ns;
    b->safe++;
}

static bool null_sink(void *context, struct batch *batch)
{
    struct bench *b = context;
    b->through = batch->last_sequence;
    b->thread_ns = thread_cpu_ns();
    if ((batch->first_sequence & 0xFFFF) < batch->count)
        journal_release(b->j, batch->last_sequence); /* keeps the disk small, as the store would */
    batch_free(batch);
    return true;
}

static struct submission *make(struct bench *b, uint32_t records, struct str line)
{
    struct batch *batch = batch_new(records);
    for (uint32_t i = 0; i < records; i++)
        batch_add(batch, line, STR("192.0.2.1"))->received_ns = 1;
    struct submission *s = submission_new(batch);
    struct ticket *t = ARENA_NEW(&batch->arena, struct ticket);
    *t = (struct ticket){b, clock_monotonic_ns()};
    s->done = done;
    s->context = t;
    return s;
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static ssize_t no_write(void *context, int fd, const void *bytes, size_t n, off_t at)
{
    (void)context;
    (void)fd;
    (void)bytes;
    (void)at;
    return (ssize_t)n;
}

static int no_sync(void *context, int fd)
{
    (void)context;
    (void)fd;
    return 0;
}

static int no_truncate(void *context, int fd, off_t bytes)
{
    (void)context;
    (void)fd;
    (void)bytes;
    return 0;
}

/* `stored`: above all sequence numbers of the rows before, so that their segments go. */
static void run(uint64_t stored, const char *name, const char *folder, double seconds, uint32_t records,
                unsigned pause_us, const struct journal_io *io)
{
    struct bench b = {.latencies = NEW_ARRAY(int64_t, SAMPLES_MAX)};
    struct error err;
    char line[LINE_BYTES];
    const struct journal_callbacks callbacks = {.context = &b, .sink = null_sink};
    const struct journal_options options = {.folder = folder, .io = io};
    memset(line, 'x', sizeof line);
    b.j = journal_open(&options, stored, &callbacks, NULL, &err);
    if (!b.j || !journal_start(b.j, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    int64_t start = clock_monotonic_ns(), until = start + (int64_t)(seconds * 1e9);
    uint64_t submitted = 0;
    while (clock_monotonic_ns() < until) {
        struct submission *s = make(&b, records, str_n(line, sizeof line));
        while (!journal_submit(b.j, s))
            nanosleep(&(struct timespec){.tv_nsec = 100000}, NULL);
        submitted++;
        if (pause_us)
            nanosleep(&(struct timespec){.tv_nsec = pause_us * 1000L}, NULL);
    }
    journal_stop(b.j);
    double took = (double)(clock_monotonic_ns() - start) / 1e9;
    double all = (double)submitted * records;
    struct journal_stats stats;
    journal_stats(b.j, &stats);
    qsort(b.latencies, b.samples, sizeof *b.latencies, by_value);
    printf("%-34s %9.0f records/s %7.1f MB/s  %9.0f records per CPU second  groups of %6.0f  latency p50 "
           "%7.0f us  p99 %7.0f us\n",
           name, all / took, (double)stats.bytes / took / 1e6, all / ((double)b.thread_ns / 1e9),
           all / (double)stats.groups, (double)b.latencies[b.samples / 2] / 1e3,
           (double)b.latencies[b.samples * 99 / 100] / 1e3);
    journal_free(b.j);
    memory_free(b.latencies);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "journal-bench-data";
    double seconds = argc > 2 ? strtod(argv[2], NULL) : 3;
    uint64_t stored = (uint64_t)clock_wall_ns(); /* above those of an earlier call, too */
    const struct journal_io nothing = {NULL, no_write, no_sync, no_truncate};
    printf("journal: lines of %d bytes, batches of 512 unless said\n", LINE_BYTES);
    run(stored + (UINT64_C(1) << 40), "as fast as it goes, fdatasync", folder, seconds, 512, 0, NULL);
    run(stored + (UINT64_C(2) << 40), "without a disk (encode, checksum)", folder, seconds, 512, 0, &nothing);
    run(stored + (UINT64_C(3) << 40), "one record each, 1,000/s", folder, seconds, 1, 1000, NULL);
    run(stored + (UINT64_C(4) << 40), "20 records each, 1,000/s", folder, seconds, 20, 1000, NULL);
    return 0;
}
