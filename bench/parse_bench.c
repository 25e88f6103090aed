/* Cost of parsing and normalising: parse_bench FILE [PARSERS]. Reads lines, runs them through
 * normalise_record on one thread, and prints ns, arena bytes and heap allocations per event, and which parser
 * took how many. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"
#include "base/line_reader.h"
#include "normalise/normalise.h"

#define BATCH 512

static struct str *read_lines(const char *path, struct arena *arena, size_t *count)
{
    struct error err = {.text = ""};
    struct line_reader *reader = line_reader_open(path, 1 << 20, &err);
    struct str *lines = NULL, line;
    size_t capacity = 0;
    *count = 0;
    if (!reader) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    while (line_reader_next(reader, &line, NULL, &err) == 1) {
        if (*count == capacity) {
            capacity = capacity ? capacity * 2 : 4096;
            lines = memory_resize_array(lines, capacity, sizeof *lines);
        }
        lines[(*count)++] = arena_str(arena, line);
    }
    line_reader_close(reader);
    return lines;
}

/* CPU time of the process: the machine may be busy with other things. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

struct totals {
    uint64_t values, failures, arena_bytes;
    uint64_t by_parser[1024];
};

static void run_all(const struct normaliser *n, const struct str *lines, size_t count,
                    struct source_memory *memory, struct totals *t)
{
    struct normaliser_scratch *s = normaliser_scratch_new(n);
    struct arena arena;
    arena_init(&arena, 4 << 20);
    for (size_t i = 0; i < count; i++) {
        struct record record = {.raw = lines[i], .received_ns = INT64_C(1795219201) * NS_PER_SECOND};
        struct event e;
        normalise_record(n, s, memory, &record, NULL, &arena, &e);
        t->values += e.count;
        t->failures += (e.flags & EVENT_PARSE_FAILURE) != 0;
        t->by_parser[e.parser & 1023]++;
        if (i % BATCH == BATCH - 1) {
            t->arena_bytes += arena.used_bytes;
            arena_reset(&arena);
        }
    }
    arena_free(&arena);
    normaliser_scratch_free(s);
}

int main(int argc, char **argv)
{
    if (argc < 2) {
        fprintf(stderr, "usage: parse_bench FILE [PARSERS]\n");
        return 2;
    }
    const char *folders[] = {argc > 2 ? argv[2] : "content/parsers", NULL};
    struct load_report report = {0};
    struct error err = {.text = ""};
    struct arena arena;
    size_t count;
    arena_init(&arena, 16 << 20);
    struct str *lines = read_lines(argv[1], &arena, &count);
    struct normaliser *n = normaliser_load(folders, &report, &err);
    if (!n || !count) {
        fprintf(stderr, "%s\n", n ? "no lines" : err.text);
        return 1;
    }
    struct totals warm = {0}, total = {0};
    run_all(n, lines, count < 10000 ? count : 10000, NULL, &warm);
    struct mallinfo2 before = mallinfo2();
    int64_t start = cpu_ns();
    run_all(n, lines, count, NULL, &total);
    int64_t ns = cpu_ns() - start;
    struct mallinfo2 after = mallinfo2();
    printf("%zu events, %u parsers: %.0f ns/event, %.0f events/s, %.1f values/event, %.0f arena bytes/event, "
           "heap %+lld bytes over the whole run, %llu not parsed\n",
           count, report.loaded, (double)ns / (double)count, 1e9 * (double)count / (double)ns,
           (double)total.values / (double)count, (double)total.arena_bytes / (double)count,
           (long long)after.uordblks - (long long)before.uordblks, (unsigned long long)total.failures);
    for (uint16_t i = 0; i < 1024; i++)
        if (total.by_parser[i])
            printf("  %-28.*s %8llu\n", STR_ARGS(normaliser_parser_name(n, i)),
                   (unsigned long long)total.by_parser[i]);
    normaliser_free(n);
    load_report_free(&report);
    arena_free(&arena);
    memory_free(lines);
    return 0;
}
