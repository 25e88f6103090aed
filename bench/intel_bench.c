/* What indicators cost: memory and time of a look-up among two million of mixed types.
 *
 *   intel_bench [--count N] [--seconds S]
 *
 * Makes N indicators (addresses 35 %, domains 35 %, SHA-256 20 %, URLs 8 %, networks 2 %), builds the image
 * and the set, writes the image to a file and opens it again, then looks up values that hit and values that
 * miss, in an order that defeats caches. Beside each line stands the floor: one read at a random place of a
 * table of the same size, and one with the value's bytes hashed before. */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "detect/indicator.h"

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

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Indicator number i; the same for the same i. `salt` 1 gives values that are in no set. */
static enum indicator_type make(uint64_t i, unsigned salt, char *out, size_t *n)
{
    uint64_t r = mix(i * 2 + salt), share = i % 100;
    if (share < 35) {
        *n =
            (size_t)snprintf(out, 256, "%u.%u.%u.%u", 11 + (unsigned)(i >> 16) % 80, (unsigned)(i >> 8) & 255,
                             (unsigned)i & 255, salt ? 200 + (unsigned)(r & 31) : (unsigned)(r % 200));
        return INDICATOR_ADDRESS;
    }
    if (share < 70) {
        *n = (size_t)snprintf(out, 256, "%sh%llx.d%llx.example", r & 1 ? "www." : "",
                              (unsigned long long)(r & 0xffff), (unsigned long long)(r >> 16));
        return INDICATOR_DOMAIN;
    }
    if (share < 90) {
        *n = (size_t)snprintf(out, 256, "%016llx%016llx%016llx%016llx", (unsigned long long)r,
                              (unsigned long long)mix(r), (unsigned long long)mix(r + 1),
                              (unsigned long long)mix(r + 2));
        return INDICATOR_HASH;
    }
    if (share < 98) {
        *n = (size_t)snprintf(out, 256, "http://h%llx.example/p/%llx.php?id=%llu",
                              (unsigned long long)(r & 0xffffff), (unsigned long long)(r >> 24),
                              (unsigned long long)(r & 1023));
        return INDICATOR_URL;
    }
    if (salt) {
        *n = (size_t)snprintf(out, 256, "%u.%u.%u.9", 150 + (unsigned)(r & 15), (unsigned)(r >> 8) & 255,
                              (unsigned)(r >> 16) & 255);
        return INDICATOR_ADDRESS;
    }
    *n = (size_t)snprintf(out, 256, "%u.%u.%u.0/%u", 100 + (unsigned)(r & 15), (unsigned)(r >> 8) & 255,
                          (unsigned)(r >> 16) & 255, 20 + (unsigned)(r >> 32) % 9);
    return INDICATOR_NETWORK;
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

static struct probe *make_probes(struct arena *arena, uint64_t count, unsigned salt, int only)
{
    struct probe *probes = ARENA_ARRAY(arena, struct probe, PROBES);
    char text[256];
    for (size_t i = 0; i < PROBES; i++) {
        size_t n;
        enum indicator_type type;
        do {
            type = make(next_random() % count, salt, text, &n);
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
static void measure(const struct indicator_set *set, const char *name, const struct probe *probes,
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
}

/* The floor of whoever waits for each read: the next place depends on what was read. */
static void measure_waiting(const uint64_t *table, size_t lines, double seconds)
{
    uint64_t at = 1, done = 0;
    double start = now(), spent;
    do {
        for (size_t i = 0; i < PROBES; i++)
            at = mix(at + table[at % lines * 8]);
        done += PROBES;
        spent = now() - start;
    } while (spent < seconds);
    printf("%-22s %6.1f ns (each waits for the one before)%s\n", "floor: dependent read",
           spent / (double)done * 1e9, at == 42 ? "!" : "");
}

/* What any table costs: the text is read, hashed, and one line of memory is read. */
static void measure_floor(size_t bytes, const struct probe *probes, double seconds)
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
            sum += table[mix(done + i) % lines * 8];
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
    measure_waiting(table, lines, seconds);
    free(table);
}

static void fill(struct indicator_builder *b, uint64_t count)
{
    char text[256], description[64];
    for (uint64_t i = 0; i < count; i++) {
        size_t n;
        enum indicator_type type = make(i, 0, text, &n);
        struct indicator indicator = {.type = type,
                                      .value = str_n(text, n),
                                      .confidence = (int)(i % 101),
                                      .valid_from_ns = TIME_UNKNOWN,
                                      .valid_until_ns = TIME_UNKNOWN,
                                      .labels = STR_EMPTY,
                                      .tlp = STR("amber"),
                                      .reference = STR_EMPTY};
        indicator.description = str_n(description, (size_t)snprintf(description, sizeof description,
                                                                    "campaign %u", (unsigned)(i % 5000)));
        indicator_builder_add(b, &indicator, 0);
    }
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
    struct error err = {{0}};
    struct buf image = {0};
    struct file_map map;
    char path[] = "/tmp/intel-bench-XXXXXX";
    struct indicator_plan *plan = indicator_plan_load(content, &err);
    if (!plan || close(mkstemp(path)) != 0)
        fail(&err);
    double start = now();
    struct indicator_builder_options building = {
        .plan = plan, .source = STR("bench"), .confidence = -1, .tlp = STR_EMPTY, .now_ns = TIME_UNKNOWN};
    struct indicator_builder *b = indicator_builder_new(&building);
    fill(b, count);
    indicator_builder_finish(b, &image);
    printf("import: %.2f s CPU for %llu, kept %llu\n", now() - start, (unsigned long long)count,
           (unsigned long long)indicator_builder_report(b)->kept);
    if (!file_write_atomic(path, buf_str(&image), 0600, &err))
        fail(&err);
    indicator_builder_free(b);
    buf_free(&image);
    malloc_trim(0);
    struct indicator_set *set = open_set(content, path, &map);
    double before = rss_mib();
    struct arena arena;
    arena_init(&arena, 64 << 20);
    const struct probe *hits = make_probes(&arena, count, 0, -1), *misses = make_probes(&arena, count, 1, -1);
    double with_probes = rss_mib();
    measure(set, "hits, mixed", hits, seconds);
    measure(set, "misses, mixed", misses, seconds);
    static const struct {
        const char *name;
        int type;
    } kinds[] = {{"address", INDICATOR_ADDRESS},
                 {"domain", INDICATOR_DOMAIN},
                 {"hash", INDICATOR_HASH},
                 {"url", INDICATOR_URL}};
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        char name[40];
        for (unsigned salt = 0; salt < 2; salt++) {
            snprintf(name, sizeof name, "%s, %s", salt ? "misses" : "hits", kinds[i].name);
            struct arena own;
            arena_init(&own, 16 << 20);
            measure(set, name, make_probes(&own, count, salt, kinds[i].type), seconds / 2);
            arena_free(&own);
        }
    }
    measure_floor(indicator_set_memory(set), misses, seconds);
    printf("RSS + %.1f MiB by looking up (pages of the file that hits touched)\n", rss_mib() - with_probes);
    (void)before;
    arena_free(&arena);
    indicator_set_unref(set);
    indicator_plan_unref(plan);
    unlink(path);
    return 0;
}
