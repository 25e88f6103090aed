/* Detection alone: rules and indicators on events that a parser has just made.
 *
 *   detect_bench --rules FOLDER… [--indicators N] [--seconds S] FILE…
 *
 * Each FILE of lines is normalised by content/parsers (not measured); then its events go, in batches of 512,
 * through indicator_match_batch() and detect_event(), as a worker runs them. Prints, for each file: events a
 * second and nanoseconds an event of processor time on one thread, of them for indicators and for rules, how
 * many values were looked up, how many events fired, and the calls of malloc in batches of one event on which
 * nothing fires. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/line_reader.h"
#include "count_allocations.h"
#include "detect/detect.h"
#include "indicator_mix.h"
#include "normalise/normalise.h"

#define EVENTS_MAX   20000
#define BATCH_EVENTS 512
#define RULES_MAX    8

struct events {
    struct arena arena;
    struct event *items;
    uint64_t texts; /* all values of all events */
    size_t count;
};

struct engine {
    struct ruleset *rules;
    struct indicator_set *indicators; /* NULL = none */
    struct detect_scratch *scratch;
    struct batch *batch;
};

struct spent {
    double indicators, rules; /* seconds */
    uint64_t fired;           /* events with a finding */
};

static void stop(const char *sentence)
{
    fprintf(stderr, "detect_bench: %s\n", sentence);
    exit(1);
}

/* Time on the core, so that neighbours on the machine count less. */
static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void read_events(const struct normaliser *n, const char *path, struct events *set)
{
    struct error err = {{0}};
    struct line_reader *reader = line_reader_open(path, 1 << 20, &err);
    struct normaliser_scratch *scratch = normaliser_scratch_new(n);
    struct source_memory *memory = source_memory_new(true);
    struct str line;
    arena_init(&set->arena, 4 << 20);
    set->items = memory_resize_array(NULL, EVENTS_MAX, sizeof *set->items);
    while (reader && set->count < EVENTS_MAX && line_reader_next(reader, &line, NULL, &err) == 1) {
        struct record record = {.raw = arena_str(&set->arena, line),
                                .received_ns = INT64_C(1795219201) * NS_PER_SECOND};
        struct event *e = &set->items[set->count++];
        normalise_record(n, scratch, memory, &record, NULL, &set->arena, e);
        e->sequence = set->count;
        set->texts += e->count;
    }
    if (!reader || set->count == 0)
        stop(reader ? "the file has no lines." : err.text);
    line_reader_close(reader);
    source_memory_free(memory);
    normaliser_scratch_free(scratch);
}

/* What a parser does just before: the event was written moments ago. Not measured. */
static void copy_event(const struct event *from, struct event *to, struct arena *arena)
{
    *to = *from;
    to->values = arena_alloc(arena, from->count * sizeof *to->values);
    to->capacity = from->count;
    to->raw = arena_str(arena, from->raw);
    memcpy(to->values, from->values, from->count * sizeof *to->values);
    for (uint16_t i = 0; i < to->count; i++)
        if (to->values[i].type <= TYPE_IP)
            to->values[i].text = arena_str(arena, value_text(&from->values[i])).p;
}

static void fill_batch(struct batch *b, const struct event *events, uint32_t count)
{
    arena_reset(&b->arena); /* findings of this loop are nobody's */
    b->findings = NULL;
    b->findings_end = &b->findings;
    b->count = count;
    for (uint32_t i = 0; i < count; i++)
        copy_event(&events[i], &b->events[i], &b->arena);
}

static void run_batch(struct engine *e, struct spent *spent)
{
    double start = cpu_seconds();
    struct finding *met = e->indicators ? indicator_match_batch(e->indicators, e->batch) : NULL;
    double between = cpu_seconds();
    uint64_t fired = 0;
    for (uint32_t i = 0; i < e->batch->count; i++)
        fired += detect_event(e->rules, e->scratch, &e->batch->events[i], 0, e->batch) > 0;
    spent->indicators += between - start;
    spent->rules += cpu_seconds() - between;
    spent->fired += fired + (met != NULL);
}

static void run_all(struct engine *e, const struct events *set, uint32_t batch_events, struct spent *spent)
{
    for (size_t first = 0; first < set->count; first += batch_events) {
        size_t left = set->count - first;
        fill_batch(e->batch, set->items + first, left < batch_events ? (uint32_t)left : batch_events);
        run_batch(e, spent);
    }
}

/* Events one by one: calls of malloc by those on which nothing fires. */
static uint64_t count_quiet(struct engine *e, const struct events *set, uint64_t *quiet)
{
    uint64_t calls = 0;
    *quiet = 0;
    for (size_t i = 0; i < set->count; i++) {
        struct spent spent = {0};
        fill_batch(e->batch, set->items + i, 1);
        uint64_t before = allocations_counted();
        run_batch(e, &spent);
        if (spent.fired == 0) {
            calls += allocations_counted() - before;
            ++*quiet;
        }
    }
    return calls;
}

static void measure(struct engine *e, const char *path, const struct events *set, double seconds)
{
    struct spent warm = {0}, total = {0};
    uint64_t passes = 0, quiet;
    run_all(e, set, BATCH_EVENTS, &warm); /* class memory, field names, buffers, pages of the tables */
    while (total.indicators + total.rules < seconds) {
        run_all(e, set, BATCH_EVENTS, &total);
        passes++;
    }
    double n = (double)(passes * set->count), all = total.indicators + total.rules;
    uint64_t calls = count_quiet(e, set, &quiet);
    const char *name = strrchr(path, '/');
    printf(
        "%-16s %9.0f events/s  %6.0f ns/event  indicators %5.0f  rules %5.0f  %.1f values  fires on %.2f %%  "
        "malloc %llu calls for %llu quiet events\n",
        name ? name + 1 : path, n / all, all / n * 1e9, total.indicators / n * 1e9, total.rules / n * 1e9,
        (double)set->texts / (double)set->count, 100 * (double)total.fired / n, (unsigned long long)calls,
        (unsigned long long)quiet);
}

static struct indicator_set *make_indicators(uint64_t count, struct buf *image)
{
    struct error err = {{0}};
    struct indicator_plan *plan = indicator_plan_load("content/intel", &err);
    if (!plan)
        stop(err.text);
    mix_image(plan, count, image);
    struct indicator_image bytes = {.bytes = buf_str(image)};
    struct indicator_set_options options = {.plan = plan, .images = &bytes, .image_count = 1};
    struct indicator_set *set = indicator_set_new(&options, &err);
    if (!set)
        stop(err.text);
    return set;
}

static struct ruleset *load_rules(const char *const *folders)
{
    struct error err = {{0}};
    struct rule_report report = {0};
    struct ruleset *rules = ruleset_load(&(struct ruleset_options){.rule_folders = folders,
                                                                   .taxonomy_folder = "content/taxonomy"},
                                         &report, &err);
    if (!rules)
        stop(err.text);
    printf("rules %u\n", report.loaded);
    rule_report_free(&report);
    return rules;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"rules", 1, NULL, 'r'},
                                            {"indicators", 1, NULL, 'i'},
                                            {"seconds", 1, NULL, 's'},
                                            {0}};
    const char *folders[RULES_MAX + 1] = {0}, *const parsers[] = {"content/parsers", NULL};
    size_t folder_count = 0;
    uint64_t indicators = 0;
    double seconds = 2;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        if (c == 'r' && folder_count < RULES_MAX)
            folders[folder_count++] = optarg;
        else if (c == 'i')
            indicators = strtoull(optarg, NULL, 10);
        else if (c == 's')
            seconds = strtod(optarg, NULL);
        else
            return 2;
    struct load_report report = {0};
    struct error err = {{0}};
    struct buf image = {0};
    struct normaliser *normaliser = normaliser_load(parsers, &report, &err);
    if (!normaliser || folder_count == 0)
        stop(normaliser ? "--rules is missing." : err.text);
    struct engine e = {.rules = load_rules(folders), .batch = batch_new(BATCH_EVENTS)};
    e.indicators = indicators ? make_indicators(indicators, &image) : NULL;
    e.scratch = detect_scratch_new(e.rules);
    for (int i = optind; i < argc; i++) {
        struct events set = {0};
        read_events(normaliser, argv[i], &set);
        measure(&e, argv[i], &set, seconds);
        arena_free(&set.arena);
        memory_free(set.items);
    }
    detect_scratch_free(e.scratch);
    batch_free(e.batch);
    ruleset_unref(e.rules);
    indicator_set_unref(e.indicators);
    buf_free(&image);
    normaliser_free(normaliser);
    load_report_free(&report);
    return 0;
}
