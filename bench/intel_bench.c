/* What indicators cost: memory and time of a look-up among two million of mixed types.
 *
 *   intel_bench [--count N] [--seconds S]
 *
 * Makes N indicators (indicator_mix.h), builds the image and the set, writes the image to a file and opens it
 * again, then looks up values that hit and values that miss, in an order that defeats caches. Beside them
 * stand the floors: reads at random places of a table that is as large as all that is looked into, one after
 * the other (what a look-up that waits for memory costs at least) and side by side. The last line holds both
 * goals against what was seen. */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "indicator_mix.h"

#define PROBES 409600
#define GROUP  128

struct probe {
    enum indicator_type type;
    struct str text;
};

static uint64_t state = 88172645463325252u;
static uint64_t next_random(void)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return state;
}

static double seconds_of(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double now(void)
{
    return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

static double rss_mib(void)
{
    unsigned long pages = 0, resident = 0;
    FILE *f = fopen("/proc/self/statm", "r");
    if (!f || fscanf(f, "%lu %lu", &pages, &resident) != 2)
        resident = 0;
    if (f)
        fclose(f);
    return (double)resident * (double)sysconf(_SC_PAGESIZE) / (1 << 20);
}

static struct probe *make_probes(struct arena *arena, uint64_t count, bool is_absent, int only)
{
    struct probe *probes = ARENA_ARRAY(arena, struct probe, PROBES);
    char text[MIX_TEXT_MAX];
    for (size_t i = 0; i < PROBES; i++) {
        size_t n;
        enum indicator_type type;
        do {
            type = mix_make(next_random() % count, is_absent, text, &n);
            if (type == INDICATOR_NETWORK) { /* an address within */
                n = str_find_char(str_n(text, n), '/', 0);
                type = INDICATOR_ADDRESS;
            }
        } while (only >= 0 && (int)type != only);
        probes[i] = (struct probe){type, arena_str(arena, str_n(text, n))};
    }
    return probes;
}

static void count_met(void *context, uint32_t question, uint32_t ref)
{
    uint64_t *met = context;
    (void)question;
    (void)ref;
    ++*met;
}

/* As batches of events ask: in groups. */
static uint64_t ask_all(const struct indicator_set *set, const struct probe *probes)
{
    struct indicator_question questions[GROUP];
    uint64_t met = 0;
    for (size_t i = 0; i + GROUP <= PROBES; i += GROUP) {
        for (size_t k = 0; k < GROUP; k++)
            questions[k] = (struct indicator_question){probes[i + k].type, probes[i + k].text};
        indicator_set_ask(set, questions, GROUP, count_met, &met);
    }
    return met;
}

/* The first round brings the file's pages in and is not counted. */
static double measure(const struct indicator_set *set, const char *name, const struct probe *probes,
                      double seconds)
{
    uint64_t looked = 0, met = ask_all(set, probes);
    double start = now(), spent;
    do {
        ask_all(set, probes);
        looked += PROBES;
        spent = now() - start;
    } while (spent < seconds);
    printf("%-22s %6.1f ns a look-up, %5.1f %% met\n", name, spent / (double)looked * 1e9,
           100.0 * (double)met / (double)PROBES);
    return spent / (double)looked * 1e9;
}

/* The floor of whoever waits for each read: the next place depends on what was read. */
static double measure_waiting(const uint64_t *table, size_t lines, double seconds)
{
    uint64_t at = 1, done = 0;
    double start = now(), spent;
    do {
        for (size_t i = 0; i < PROBES; i++)
            at = mix_bits(at + table[at % lines * 8]);
        done += PROBES;
        spent = now() - start;
    } while (spent < seconds);
    printf("%-22s %6.1f ns (each waits for the one before)%s\n", "floor: dependent read",
           spent / (double)done * 1e9, at == 42 ? "!" : "");
    return spent / (double)done * 1e9;
}

/* What any table costs: the text is read, hashed, and one line of memory is read. Returns the dependent
 * read's time. */
static double measure_floor(size_t bytes, const struct probe *probes, double seconds)
{
    size_t lines = bytes / 64 + 1;
    uint64_t *table = aligned_alloc(64, lines * 64), sum = 0, done = 0;
    if (!table)
        abort();
    for (size_t i = 0; i < lines * 8; i++)
        table[i] = i;
    double start = now(), spent;
    do {
        for (size_t i = 0; i < PROBES; i++)
            sum += table[mix_bits(done + i) % lines * 8];
        done += PROBES;
        spent = now() - start;
    } while (spent < seconds);
    printf("%-22s %6.1f ns (%zu MiB, independent reads)\n", "floor: random read", spent / (double)done * 1e9,
           bytes >> 20);
    done = 0;
    start = now();
    do {
        for (size_t i = 0; i < PROBES; i++)
            sum += table[str_hash(probes[i].text) % lines * 8];
        done += PROBES;
        spent = now() - start;
    } while (spent < seconds);
    printf("%-22s %6.1f ns%s\n", "floor: hash and read", spent / (double)done * 1e9, sum == 42 ? "!" : "");
    double waiting = measure_waiting(table, lines, seconds);
    free(table);
    return waiting;
}

static void fail(const struct error *err)
{
    fprintf(stderr, "intel_bench: %s\n", err->text);
    exit(1);
}

static void release(void *map)
{
    file_map_close(map);
}

static struct indicator_set *open_set(const char *content, const char *path, struct file_map *map)
{
    struct error err = {{0}};
    double start = now(), wall = seconds_of(CLOCK_MONOTONIC), before = rss_mib();
    if (!file_map_open(path, map, &err) || !indicator_image_is_whole(file_map_str(map), &err))
        fail(&err);
    file_map_forget(map);
    struct indicator_image image = {file_map_str(map), release, map};
    struct indicator_set_options options = {.plan = indicator_plan_load(content, &err),
                                            .images = &image,
                                            .image_count = 1};
    struct indicator_set *set = options.plan ? indicator_set_new(&options, &err) : NULL;
    if (!set)
        fail(&err);
    file_map_forget(map);
    printf("opened: %zu indicators, %.3f s CPU (%.3f s), file %.1f MiB, tables %.1f MiB, RSS + %.1f MiB\n",
           indicator_set_count(set), now() - start, seconds_of(CLOCK_MONOTONIC) - wall,
           (double)map->size / (1 << 20), (double)indicator_set_memory(set) / (1 << 20), rss_mib() - before);
    return set;
}

static void measure_kinds(const struct indicator_set *set, uint64_t count, double seconds)
{
    static const struct {
        const char *name;
        int type;
    } kinds[] = {{"address", INDICATOR_ADDRESS},
                 {"domain", INDICATOR_DOMAIN},
                 {"hash", INDICATOR_HASH},
                 {"url", INDICATOR_URL},
                 {"mail", INDICATOR_MAIL}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        for (unsigned is_absent = 0; is_absent < 2; is_absent++) {
            char name[40];
            snprintf(name, sizeof name, "%s, %s", is_absent ? "misses" : "hits", kinds[i].name);
            struct arena own;
            arena_init(&own, 16 << 20);
            measure(set, name, make_probes(&own, count, is_absent, kinds[i].type), seconds / 2);
            arena_free(&own);
        }
    }
}

static void write_image(const char *content, uint64_t count, const char *path)
{
    struct error err = {{0}};
    struct buf image = {0};
    struct indicator_plan *plan = indicator_plan_load(content, &err);
    if (!plan)
        fail(&err);
    double start = now();
    uint64_t kept = mix_image(plan, count, &image);
    printf("import: %.2f s CPU for %llu, kept %llu\n", now() - start, (unsigned long long)count,
           (unsigned long long)kept);
    if (!file_write_atomic(path, buf_str(&image), 0600, &err))
        fail(&err);
    buf_free(&image);
    indicator_plan_unref(plan);
    malloc_trim(0);
}

static void measure_all(const struct indicator_set *set, size_t file_bytes, uint64_t count, double seconds)
{
    struct arena arena;
    arena_init(&arena, 64 << 20);
    const struct probe *hits = make_probes(&arena, count, false, -1),
                       *misses = make_probes(&arena, count, true, -1);
    double before = rss_mib(), met = measure(set, "hits, mixed", hits, seconds),
           missed = measure(set, "misses, mixed", misses, seconds);
    measure_kinds(set, count, seconds);
    double touched = rss_mib() - before;
    size_t whole = indicator_set_memory(set) + file_bytes;
    double floor = measure_floor(whole, misses, seconds), slower = met > missed ? met : missed;
    printf("RSS + %.1f MiB by looking up (pages of the file that hits touched)\n", touched);
    printf("goals: %.1f MiB with every page of the file (%s 200 MiB); %.1f ns the slower of hits and misses "
           "(%s 150 "
           "ns), %.2f x the floor of one dependent read\n",
           (double)whole / (1 << 20), whole <= 200u << 20 ? "within" : "MORE THAN", slower,
           slower <= 150 ? "within" : "MORE THAN", slower / floor);
    arena_free(&arena);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"count", required_argument, NULL, 'c'},
                                            {"seconds", required_argument, NULL, 's'},
                                            {"content", required_argument, NULL, 'f'},
                                            {0}};
    uint64_t count = 2000000;
    double seconds = 1;
    const char *content = "content/intel";
    for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;) {
        if (o == 'c')
            count = strtoull(optarg, NULL, 10);
        else if (o == 's')
            seconds = strtod(optarg, NULL);
        else if (o == 'f')
            content = optarg;
        else
            return 2;
    }
    struct file_map map;
    char path[] = "/tmp/intel-bench-XXXXXX";
    int fd = mkstemp(path);
    if (fd < 0 || close(fd) != 0) {
        perror("intel_bench: /tmp");
        return 1;
    }
    write_image(content, count, path);
    struct indicator_set *set = open_set(content, path, &map);
    measure_all(set, map.size, count, seconds);
    indicator_set_unref(set);
    unlink(path);
    return 0;
}
