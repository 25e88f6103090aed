/* What all instruments together cost: instrument_bench LINES [--parsers DIR] [--instruments DIR] [--hosts N]
 * [--destinations N] [--no-breadth]. Two sets of events, each on one thread, CPU time of instruments_take()
 * alone:
 *   mixed    the lines of the file, parsed beforehand, again and again while the clock goes on
 *   breadth  so many hosts ask for so many destinations: what the tables hold, how large they are, and how
 *            long it takes to write and to read back what was gathered */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/line_reader.h"
#include "base/memory.h"
#include "instrument/instrument.h"
#include "normalise/normalise.h"

#define BATCH     512
#define LINES_MAX 200000
#define START_NS  (INT64_C(1795219201) * NS_PER_SECOND)
#define GOAL_NS   1500.0
#define GOAL_MIB  300.0

struct options {
    const char *lines, *parsers, *instruments;
    unsigned hosts, destinations, seconds;
    bool is_mixed_only;
};

static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static void fail(const char *text)
{
    fprintf(stderr, "%s\n", text);
    exit(1);
}

/* The calendar stands beside the folder. */
static struct instruments *open_instruments(const char *folder)
{
    char calendar[4096];
    struct error err = {.text = ""};
    snprintf(calendar, sizeof calendar, "%s/../calendar.yml", folder);
    struct instruments *all = instruments_new(folder, calendar, zone_find(STR("UTC")), &err);
    if (all == NULL)
        fail(err.text);
    return all;
}

/* ---------------------------------------------------------------------- mixed */

struct batches {
    struct normaliser *normaliser; /* events borrow its words */
    struct batch **items;
    size_t count, events;
};

static void parse(struct batches *set, struct batch *batch, const struct normaliser *n,
                  struct normaliser_scratch *scratch)
{
    for (uint32_t i = 0; i < batch->count; i++)
        normalise_record(n, scratch, NULL, &batch->records[i], NULL, &batch->arena, &batch->events[i]);
    set->items = memory_resize_array(set->items, set->count + 1, sizeof(struct batch *));
    set->items[set->count++] = batch;
    set->events += batch->count;
}

static struct batches read_batches(const struct options *o)
{
    struct batches set = {0};
    struct error err = {.text = ""};
    struct load_report report = {0};
    const char *folders[] = {o->parsers, NULL};
    struct normaliser *n = normaliser_load(folders, &report, &err);
    struct line_reader *reader = n != NULL ? line_reader_open(o->lines, 1 << 20, &err) : NULL;
    if (reader == NULL)
        fail(err.text);
    struct normaliser_scratch *scratch = normaliser_scratch_new(n);
    struct batch *batch = batch_new(BATCH);
    struct str line;
    for (size_t lines = 0; lines < LINES_MAX && line_reader_next(reader, &line, NULL, &err) == 1; lines++) {
        batch_add(batch, line, STR("bench"));
        batch->records[batch->count - 1].received_ns = START_NS;
        if (batch->count == BATCH) {
            parse(&set, batch, n, scratch);
            batch = batch_new(BATCH);
        }
    }
    parse(&set, batch, n, scratch);
    line_reader_close(reader);
    normaliser_scratch_free(scratch);
    load_report_free(&report);
    if (set.events == 0)
        fail("instrument_bench: the file has no lines");
    set.normaliser = n;
    return set;
}

/* The next round of the same events is later and bears new numbers. */
static void renew(struct batch *batch, uint64_t *sequence, int64_t later_ns)
{
    batch->findings = NULL;
    batch->findings_end = &batch->findings;
    for (uint32_t i = 0; i < batch->count; i++) {
        batch->events[i].sequence = ++*sequence;
        batch->events[i].time_ns += later_ns;
        batch->events[i].received_ns += later_ns;
    }
}

static int64_t span_of(const struct batches *set)
{
    const struct batch *last = set->items[set->count - (set->items[set->count - 1]->count ? 1 : 2)];
    return last->events[last->count - 1].time_ns - set->items[0]->events[0].time_ns + NS_PER_SECOND;
}

static int64_t run_round(struct instruments *all, const struct batches *set, uint64_t *sequence,
                         int64_t later_ns)
{
    int64_t ns = 0;
    for (size_t i = 0; i < set->count; i++) {
        renew(set->items[i], sequence, later_ns);
        int64_t start = cpu_ns();
        instruments_take(all, set->items[i]);
        ns += cpu_ns() - start;
    }
    return ns;
}

static void run_mixed(const struct options *o)
{
    struct instruments *all = open_instruments(o->instruments);
    struct batches set = read_batches(o);
    int64_t span_ns = span_of(&set), ns = 0;
    uint64_t sequence = 0, events = 0;
    run_round(all, &set, &sequence, 0);
    while (ns < (int64_t)o->seconds * NS_PER_SECOND) {
        ns += run_round(all, &set, &sequence, span_ns);
        events += set.events;
    }
    double each = (double)ns / (double)events;
    printf("mixed: %llu events, %zu instruments, %.0f ns/event, goal at most %.0f: %s\n",
           (unsigned long long)events, instruments_count(all), each, GOAL_NS,
           each <= GOAL_NS ? "reached" : "MISSED");
    for (size_t i = 0; i < instruments_count(all); i++) {
        struct instrument_info info;
        instruments_info(all, i, &info);
        printf("  %-14.*s %10llu seen %8llu told %9llu entries %8.1f MiB\n", STR_ARGS(info.name),
               (unsigned long long)info.seen, (unsigned long long)info.told, (unsigned long long)info.entries,
               (double)info.bytes / (1 << 20));
    }
    for (size_t i = 0; i < set.count; i++)
        batch_free(set.items[i]);
    memory_free(set.items);
    normaliser_free(set.normaliser);
    instruments_free(all);
}

/* -------------------------------------------------------------------- breadth */

static void add(struct event *e, struct arena *a, field_id field, struct str text)
{
    event_add(e, a, field, text);
}

/* Host n of them asks for the next destination: web, name server and a plain connection take turns. */
static void fill(struct event *e, struct arena *a, uint64_t n, const struct options *o)
{
    unsigned host = (unsigned)(n * 2654435761U % o->hosts), target = (unsigned)(n % o->destinations);
    *e = (struct event){.sequence = n + 1,
                        .time_ns = START_NS + (int64_t)n * (NS_PER_SECOND / 100),
                        .received_ns = START_NS + (int64_t)n * (NS_PER_SECOND / 100)};
    add(e, a, FIELD_SOURCE_IP,
        arena_printf(a, "10.%u.%u.%u", 20 + host / 62500, host / 250 % 250, host % 250 + 1));
    add(e, a, FIELD_EVENT_TYPE, STR("allowed"));
    if (n % 3 != 1) {
        add(e, a, FIELD_DESTINATION_IP,
            arena_printf(a, "198.%u.%u.%u", 18 + target / 62500 % 2, target / 250 % 250, target % 250 + 1));
        add(e, a, FIELD_NETWORK_TRANSPORT, STR("tcp"));
        event_add_number(e, a, FIELD_DESTINATION_PORT, 443);
        event_add_number(e, a, FIELD_SOURCE_BYTES, 900);
        event_add_number(e, a, FIELD_DESTINATION_BYTES, 5000);
    }
    struct str name = arena_printf(a, "www.site%u.example", target);
    if (n % 3 == 0)
        add(e, a, FIELD_URL_DOMAIN, name);
    if (n % 3 == 1) {
        add(e, a, FIELD_DNS_QUESTION_NAME, name);
        add(e, a, FIELD_DNS_QUESTION_TYPE, STR("A"));
    }
}

static void measure_keeping(struct instruments *all, const struct options *o)
{
    struct buf saved = {0}, again = {0};
    struct error err = {.text = ""};
    int64_t start = cpu_ns();
    instruments_save(all, &saved);
    int64_t written = cpu_ns();
    struct instruments *other = open_instruments(o->instruments);
    int64_t opened = cpu_ns();
    if (!instruments_load(other, buf_str(&saved), &err))
        fail(err.text);
    int64_t loaded = cpu_ns();
    instruments_save(other, &again);
    printf("  kept: %.1f MiB, written in %.0f ms, read in %.0f ms, written again %s\n",
           (double)saved.n / (1 << 20), (double)(written - start) / 1e6, (double)(loaded - opened) / 1e6,
           str_eq(buf_str(&saved), buf_str(&again)) ? "the same" : "DIFFERENT");
    instruments_free(other);
    buf_free(&saved);
    buf_free(&again);
}

static void run_breadth(const struct options *o)
{
    struct instruments *all = open_instruments(o->instruments);
    uint64_t events = 2 * (uint64_t)o->destinations, dropped = 0;
    size_t before = mallinfo2().uordblks + mallinfo2().hblkhd;
    int64_t ns = 0;
    for (uint64_t n = 0; n < events;) {
        struct batch *batch = batch_new(BATCH);
        for (; batch->count < BATCH && n < events; n++)
            fill(&batch->events[batch->count++], &batch->arena, n, o);
        int64_t start = cpu_ns();
        instruments_take(all, batch);
        ns += cpu_ns() - start;
        batch_free(batch);
    }
    double mib = (double)(mallinfo2().uordblks + mallinfo2().hblkhd - before) / (1 << 20);
    for (size_t i = 0; i < instruments_count(all); i++) {
        struct instrument_info info;
        instruments_info(all, i, &info);
        dropped += info.dropped;
    }
    printf("breadth: %u hosts, %u destinations, %.0f ns/event, %.0f MiB, goal at most %.0f: %s; %llu entries "
           "made room\n",
           o->hosts, o->destinations, (double)ns / (double)events, mib, GOAL_MIB,
           mib <= GOAL_MIB ? "reached" : "MISSED", (unsigned long long)dropped);
    measure_keeping(all, o);
    instruments_free(all);
}

int main(int argc, char **argv)
{
    static const struct option long_options[] = {
        {"parsers", required_argument, NULL, 'p'},
        {"instruments", required_argument, NULL, 'i'},
        {"hosts", required_argument, NULL, 'h'},
        {"destinations", required_argument, NULL, 'd'},
        {"seconds", required_argument, NULL, 's'},
        {"no-breadth", no_argument, NULL, 'b'},
        {NULL, 0, NULL, 0},
    };
    struct options o = {.parsers = "content/parsers",
                        .instruments = "content/instruments",
                        .hosts = 10000,
                        .destinations = 1000000,
                        .seconds = 3};
    for (int c; (c = getopt_long(argc, argv, "", long_options, NULL)) != -1;) {
        if (c == 'p')
            o.parsers = optarg;
        else if (c == 'i')
            o.instruments = optarg;
        else if (c == 'h')
            o.hosts = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'd')
            o.destinations = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 's')
            o.seconds = (unsigned)strtoul(optarg, NULL, 10);
        else if (c == 'b')
            o.is_mixed_only = true;
        else
            return 2;
    }
    if (optind + 1 != argc || o.hosts == 0 || o.destinations == 0) {
        fprintf(stderr, "usage: instrument_bench LINES [--parsers DIR] [--instruments DIR] [--hosts N] "
                        "[--destinations N] [--seconds N] [--no-breadth]\n");
        return 2;
    }
    o.lines = argv[optind];
    run_mixed(&o);
    if (!o.is_mixed_only)
        run_breadth(&o);
    return 0;
}
