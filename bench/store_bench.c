/* Measures the event plane: events a second into the open part and onto disk, bytes an event, latencies of
 * typical searches.
 *
 *   store_bench [--write-only] [EVENTS]     default 2,000,000 events, below /tmp */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/store_testing.h"

enum { BATCH = 512 };

static uint64_t state_of_random = 88172645463325252u;

static uint64_t pseudo_random(void)
{
    state_of_random ^= state_of_random << 13;
    state_of_random ^= state_of_random >> 7;
    return state_of_random ^= state_of_random << 17;
}

/* Small numbers are much likelier: hosts, domains and ports of a real network are like that. */
static unsigned skewed(unsigned limit)
{
    unsigned n = limit;
    for (int i = 0; i < 3; i++) {
        unsigned r = (unsigned)(pseudo_random() % limit);
        n = r < n ? r : n;
    }
    return n;
}

static double seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static double cpu_seconds(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* The store's threads: all but this one, which makes the events up. */
static double store_cpu_seconds(void)
{
    return cpu_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu_seconds(CLOCK_THREAD_CPUTIME_ID);
}

static long resident_kib(void)
{
    long pages = 0, ignored;
    FILE *f = fopen("/proc/self/statm", "r");
    if (f && fscanf(f, "%ld %ld", &ignored, &pages) != 2)
        pages = 0;
    if (f)
        fclose(f);
    return pages * (sysconf(_SC_PAGESIZE) / 1024);
}

static void add_text(struct batch *b, struct event *e, field_id field, const char *text)
{
    event_add(e, &b->arena, field, arena_str(&b->arena, str_c(text)));
}

/* A firewall event of 20 filled columns; every seventh is a proxy's with five other ones. */
static void fill(struct batch *b, struct event *e, uint64_t n)
{
    char source[32], destination[32], text[400];
    unsigned host = skewed(3000);
    int64_t port = skewed(2) ? 443 : (int64_t)(skewed(1000) + 1),
            source_port = (int64_t)(pseudo_random() % 28000 + 32768);
    snprintf(source, sizeof source, "10.%u.%u.%u", host / 1024 + 20, host / 256 % 4, host % 256);
    snprintf(destination, sizeof destination, "198.51.%u.%u", skewed(100), skewed(250));
    int64_t bytes = (int64_t)(pseudo_random() % 90000);
    int size = snprintf(text, sizeof text,
                        "<134>date=2025-11-10 time=09:13:%02u devname=fw-%u devid=FGT60E%07u "
                        "logid=0000000013 type=traffic subtype=forward "
                        "level=notice srcip=%s srcport=%lld dstip=%s dstport=%lld proto=6 action=%s "
                        "policyid=%u sentbyte=%lld "
                        "sessionid=%llu",
                        (unsigned)(n % 60), host % 3, host % 3, source, (long long)source_port, destination,
                        (long long)port, host % 9 ? "accept" : "deny", host % 40, (long long)bytes,
                        (unsigned long long)pseudo_random() % 100000000);
    e->raw = arena_str(&b->arena, str_n(text, (size_t)size));
    e->time_ns = TEST_TIME_NS + (int64_t)n * 500000;
    e->received_ns = e->time_ns + (int64_t)(pseudo_random() % 900000000);
    add_text(b, e, FIELD_SOURCE_IP, source);
    add_text(b, e, FIELD_DESTINATION_IP, destination);
    event_add_number(e, &b->arena, FIELD_SOURCE_PORT, source_port);
    event_add_number(e, &b->arena, FIELD_DESTINATION_PORT, port);
    event_add_number(e, &b->arena, FIELD_SOURCE_BYTES, bytes);
    add_text(b, e, FIELD_EVENT_ACTION, host % 9 ? "accept" : "deny");
    add_text(b, e, FIELD_EVENT_OUTCOME, host % 9 ? "success" : "failure");
    add_text(b, e, FIELD_EVENT_KIND, "event");
    add_text(b, e, FIELD_EVENT_CATEGORY, "network");
    add_text(b, e, FIELD_EVENT_TYPE, "connection");
    add_text(b, e, FIELD_EVENT_CODE, "0000000013");
    add_text(b, e, FIELD_OBSERVER_VENDOR, "Fortinet");
    add_text(b, e, FIELD_OBSERVER_NAME, host % 3 ? "fw-1" : "fw-0");
    add_text(b, e, FIELD_NETWORK_TRANSPORT, "tcp");
    add_text(b, e, FIELD_RELATED_IP, source);
    add_text(b, e, FIELD_RELATED_IP, destination);
    if (n % 7 == 0) {
        snprintf(text, sizeof text, "www%u.example.test", skewed(5000));
        add_text(b, e, FIELD_URL_DOMAIN, text);
        add_text(b, e, FIELD_HTTP_REQUEST_METHOD, "GET");
        event_add_number(e, &b->arena, FIELD_HTTP_RESPONSE_STATUS_CODE, 200);
        snprintf(text, sizeof text, "user%u", host);
        add_text(b, e, FIELD_USER_NAME, text);
        add_text(b, e, FIELD_USER_AGENT_ORIGINAL, "Mozilla/5.0 (Windows NT 10.0; Win64; x64)");
    }
}

/* Of all threads: what a search costs however busy the machine is otherwise. */
static double process_cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static bool ignore_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    (void)context, (void)result, (void)cells;
    return true;
}

static void measure(struct store *s, const char *name, struct store_query q)
{
    struct error err;
    struct store_numbers n;
    double times[5], cpu = process_cpu_seconds();
    for (int i = 0; i < 5; i++) {
        enum store_end end = store_query(s, &q, ignore_row, NULL, &n, &err);
        if (end != STORE_DONE && end != STORE_MORE_ROWS) {
            printf("  %-44s failed: %s\n", name, err.text);
            return;
        }
        times[i] = (double)n.took_ns / 1e6;
    }
    double best = times[0];
    for (int i = 1; i < 5; i++)
        best = times[i] < best ? times[i] : best;
    cpu = (process_cpu_seconds() - cpu) / 5 * 1e3;
    printf("  %-44s first %7.1f ms, best %7.1f ms, processor %7.1f ms, %llu rows, %u of %u parts\n", name,
           times[0], best, cpu, (unsigned long long)n.rows, n.parts_read, n.parts_total);
}

static void measure_searches(struct store *s, uint64_t events)
{
    struct str port = STR("destination.port"), domain = STR("url.domain"), time = STR("@timestamp");
    struct str needle_columns[] = {STR("user.name"), STR("@timestamp")},
               raw[] = {STR("event.original"), STR("@timestamp")};
    struct str action[] = {STR("event.action"), STR("@timestamp")}, list[] = {STR("related.ip")};
    struct part_filter all = PART_FILTER_ALL, late = all, with_needle = all;
    struct store_needle needle = {STR("user.name"), STR("nobody-of-that-name")};
    late.from_ns = TEST_TIME_NS + (int64_t)(events - events / 20) * 500000;
    with_needle.needles = &needle;
    with_needle.needle_count = 1;
    measure(s, "count by destination.port",
            (struct store_query){
                .sql = STR(
                    "SELECT \"destination.port\", count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 20"),
                .filter = all,
                .columns = &port,
                .column_count = 1});
    measure(s, "the same, newest twentieth",
            (struct store_query){
                .sql = STR(
                    "SELECT \"destination.port\", count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 20"),
                .filter = late,
                .columns = &port,
                .column_count = 1});
    measure(s, "top domains",
            (struct store_query){
                .sql = STR("SELECT \"url.domain\", count(*) FROM events GROUP BY 1 ORDER BY 2 DESC LIMIT 20"),
                .filter = all,
                .columns = &domain,
                .column_count = 1});
    measure(s, "timechart 1m of denies",
            (struct store_query){.sql = STR("SELECT time_bucket(INTERVAL 1 MINUTE, \"@timestamp\"), count(*) "
                                            "FROM events WHERE \"event.action\" = 'deny' GROUP BY 1"),
                                 .filter = all,
                                 .columns = action,
                                 .column_count = 2});
    measure(s, "newest 100 sequence numbers",
            (struct store_query){
                .sql = STR("SELECT \"hyakuyo.sequence\" FROM events ORDER BY \"@timestamp\" DESC LIMIT 100"),
                .filter = all,
                .columns = &time,
                .column_count = 1});
    measure(s, "needle that is nowhere (bloom)",
            (struct store_query){
                .sql = STR(
                    "SELECT \"hyakuyo.sequence\" FROM events WHERE \"user.name\" = 'nobody-of-that-name'"),
                .filter = with_needle,
                .columns = needle_columns,
                .column_count = 2});
    measure(s, "needle in a list",
            (struct store_query){.sql = STR("SELECT \"hyakuyo.sequence\" FROM events WHERE "
                                            "list_contains(\"related.ip\", '198.51.99.249')"),
                                 .filter = all,
                                 .columns = list,
                                 .column_count = 1});
    measure(s, "substring of the raw line, whole store",
            (struct store_query){.sql = STR("SELECT \"hyakuyo.sequence\" FROM events WHERE "
                                            "contains(\"event.original\", 'sessionid=777777')"),
                                 .filter = all,
                                 .columns = raw,
                                 .column_count = 2});
}

static bool ignore_event(void *context, size_t index, const struct event *event)
{
    (void)index;
    event_json(event, context);
    return true;
}

static void fetch_best(struct store *s, const uint64_t *sequences, size_t count, const char *what)
{
    struct buf json = {0};
    struct error err;
    double best = 1e9, cpu = 1e9, first = 0;
    for (int i = 0; i < 5; i++) {
        double start = seconds(), cpu_start = process_cpu_seconds();
        buf_clear(&json);
        if (!store_fetch(s, sequences, count, ignore_event, &json, &err)) {
            printf("  %s\n", err.text);
            break;
        }
        double took = seconds() - start, worked = process_cpu_seconds() - cpu_start;
        first = i ? first : took;
        best = took < best ? took : best;
        cpu = worked < cpu ? worked : cpu;
    }
    printf("  %4zu whole documents, %-17s          first %7.1f ms, best %7.1f ms, processor %7.1f ms\n",
           count, what, first * 1e3, best * 1e3, cpu * 1e3);
    buf_free(&json);
}

static void measure_fetch(struct store *s, uint64_t last)
{
    static uint64_t sequences[1000];
    for (unsigned count = 100; count <= 1000; count *= 10)
        for (int is_spread = 0; is_spread < 2; is_spread++) {
            for (uint64_t i = 0; i < count; i++)
                sequences[i] = last - i * (is_spread ? last / (count + 10) : 1);
            fetch_best(s, sequences, count, is_spread ? "spread over all" : "neighbours");
        }
    double start = seconds();
    struct buf json = {0};
    struct error err;
    uint64_t taken = 0;
    for (uint64_t at = 1; at + 1000 <= last && taken < 200000; at += 1000, taken += 1000) {
        for (uint64_t i = 0; i < 1000; i++)
            sequences[i] = at + i;
        buf_clear(&json);
        if (!store_fetch(s, sequences, 1000, ignore_event, &json, &err))
            printf("  %s\n", err.text);
    }
    printf("  %llu documents in pages of 1000: %.2f s\n", (unsigned long long)taken, seconds() - start);
    buf_free(&json);
}

/* Everything into the store and onto the disk. */
static bool write_all(struct store *s, uint64_t events)
{
    double making = 0, start = seconds(), cpu = store_cpu_seconds();
    for (uint64_t at = 1; at <= events; at += BATCH) {
        double before = seconds();
        struct batch *b = test_batch(at, BATCH, fill);
        making += seconds() - before;
        if (!store_put(s, b))
            return false;
    }
    if (!store_flush(s, 60000))
        return false;
    double took = seconds() - start, worked = store_cpu_seconds() - cpu;
    struct store_status status;
    store_status(s, &status);
    printf("%llu events in %.2f s (%.2f s of it making them up): %.0f k events/s\n",
           (unsigned long long)status.rows, took, making, (double)status.rows / took / 1e3);
    printf("processor time of the store's threads: %.2f µs an event, %.0f k events/s if it were one thread\n",
           worked / (double)status.rows * 1e6, (double)status.rows / worked / 1e3);
    printf("%llu parts, %.1f bytes an event; resident %ld KiB\n", (unsigned long long)status.parts,
           (double)status.bytes / (double)status.rows, resident_kib());
    return true;
}

static void wait_for_merging(struct store *s)
{
    struct store_status status;
    double start = seconds();
    do {
        usleep(50000);
        store_status(s, &status);
    } while (status.merged_parts == 0 && seconds() - start < 60);
    sleep(1);
    store_status(s, &status);
    printf("merging: %llu parts left, %.1f bytes an event, after %.1f s\n", (unsigned long long)status.parts,
           (double)status.bytes / (double)status.rows, seconds() - start);
}

static void search(struct store *s, const char *when, uint64_t events)
{
    measure_searches(s, events);
    measure_fetch(s, events);
    printf("resident after searches %s %ld KiB\n", when, resident_kib());
}

static bool run(struct test_folder *f, uint64_t events, bool only_writes)
{
    struct error err = {.text = ""};
    struct store_config config = {.data_dir = f->path, .state = f->state, .is_merging_off = true};
    struct store *s = store_open(&config, &err);
    bool ok = s && write_all(s, events);
    if (ok && !only_writes) {
        search(s, "before merging", events);
        store_close(s);
        config.is_merging_off = false;
        s = store_open(&config, &err);
        ok = s != NULL;
    }
    if (ok && !only_writes) {
        wait_for_merging(s);
        search(s, "at the end", events);
    }
    if (!ok)
        fprintf(stderr, "store_bench: %s\n", err.text);
    store_close(s);
    return ok;
}

int main(int argc, char **argv)
{
    bool only_writes = argc > 1 && strcmp(argv[1], "--write-only") == 0;
    const char *count = argc > 1 + only_writes ? argv[1 + only_writes] : "2000000";
    struct test_folder f;
    log_set_level(LOG_WARNING);
    test_folder_make(&f);
    printf("resident at start %ld KiB\n", resident_kib());
    bool ok = run(&f, strtoull(count, NULL, 10), only_writes);
    test_folder_remove(&f);
    return ok ? 0 : 1;
}
