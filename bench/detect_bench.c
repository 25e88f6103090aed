/* What the stage detect costs: events a second on one core with every rule of a folder, 1 × and 10 × the
 * rules, allocations.
 *
 *   detect_bench --taxonomy DIR --rules DIR [--events FILE.ndjson.zst] [--times N] [--seconds S] [--copies
 * FOLDER]
 *
 * Prints one line for each set of events. Mixed security events are built here (firewall, proxy, DNS, IDS,
 * sshd, mail); Windows events come from the file given, lines {"file", "record_no", "event": {flat fields}}.
 * --copies gives a folder with altered copies of the rules, which bench/detect_copies.py writes. */
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/json.h"
#include "base/line_reader.h"
#include "detect/detect.h"

#define MAX_EVENTS   20000
#define BATCH_EVENTS 512

struct events {
    struct arena arena;
    struct event *items;
    size_t count;
};

struct pair {
    const char *field, *text;
};

/* %u in a text is a number that changes from event to event. */
#define PAIRS_MAX 24
static const struct {
    const char *raw;
    struct pair pairs[PAIRS_MAX];
} mixed[] = {
    {"Nov 10 09:13:09 fw kernel: IN=eth0 OUT=eth1 SRC=10.20.30.31 DST=198.51.100.23 LEN=52 PROTO=TCP "
     "SPT=49712 DPT=443",
     {{"event.category", "network"},
      {"event.type", "connection"},
      {"event.type", "allowed"},
      {"event.action", "allow"},
      {"observer.type", "firewall"},
      {"observer.vendor", "netfilter"},
      {"source.ip", "10.20.30.%u"},
      {"source.port", "49%u"},
      {"destination.ip", "198.51.100.%u"},
      {"destination.port", "443"},
      {"network.transport", "tcp"},
      {"host.name", "fw01"},
      {"log.syslog.priority", "4"},
      {"log.syslog.facility.code", "0"},
      {"process.name", "kernel"},
      {"message", "IN=eth0 OUT=eth1 SRC=10.20.30.31 DST=198.51.100.23"}}},
    {"date=2025-11-10 time=09:13:09 devname=FW-EDGE type=traffic subtype=forward srcip=10.20.30.31 "
     "dstip=198.51.100.23 dstport=443 action=accept",
     {{"event.category", "network"},
      {"event.type", "connection"},
      {"event.type", "denied"},
      {"event.action", "deny"},
      {"observer.type", "firewall"},
      {"observer.vendor", "fortinet"},
      {"observer.product", "fortigate"},
      {"observer.name", "FW-EDGE"},
      {"source.ip", "10.20.30.%u"},
      {"source.port", "50%u"},
      {"destination.ip", "192.0.2.%u"},
      {"destination.port", "445"},
      {"network.transport", "tcp"},
      {"network.iana_number", "6"},
      {"source.bytes", "2311"},
      {"destination.bytes", "5120"},
      {"fortinet.firewall.type", "traffic"},
      {"fortinet.firewall.subtype", "forward"},
      {"fortinet.firewall.policyid", "12"},
      {"rule.id", "12"},
      {"network.protocol", "smb"}}},
    {"1762733551.000    212 10.20.30.31 TCP_MISS/200 18230 GET http://www.ryokan-tokuten.example/ t.sato "
     "HIER_DIRECT/203.0.113.20 text/html",
     {{"event.category", "web"},
      {"event.type", "access"},
      {"event.dataset", "squid.access"},
      {"observer.type", "proxy"},
      {"observer.product", "squid"},
      {"source.ip", "10.20.30.%u"},
      {"user.name", "t.sato%u"},
      {"http.request.method", "GET"},
      {"http.response.status_code", "200"},
      {"http.response.bytes", "18230"},
      {"url.original", "http://www.site%u.example/index.html?a=%u"},
      {"url.domain", "www.site%u.example"},
      {"url.path", "/index.html"},
      {"url.extension", "html"},
      {"url.scheme", "http"},
      {"destination.ip", "203.0.113.%u"},
      {"event.duration", "212000000"},
      {"user_agent.original", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like "
                              "Gecko) Chrome/130.0.0.0 Safari/537.36"}}},
    {"10-Nov-2025 09:12:30.110 queries: info: client @0x7f2a 10.10.0.80#43390 (www.ryokan-tokuten.example): "
     "query: www.ryokan-tokuten.example IN A + (10.10.0.53)",
     {{"event.category", "network"},
      {"event.type", "protocol"},
      {"event.dataset", "bind.query"},
      {"source.ip", "10.10.0.%u"},
      {"source.port", "43%u"},
      {"dns.question.name", "www.site%u.example"},
      {"dns.question.type", "A"},
      {"dns.question.class", "IN"},
      {"network.protocol", "dns"},
      {"observer.product", "bind"},
      {"host.name", "dns01"},
      {"process.name", "named"},
      {"log.level", "info"}}},
    {"{\"timestamp\":\"2025-11-10T09:13:10.000000+0900\",\"event_type\":\"alert\",\"src_ip\":\"10.20.30.31\","
     "\"dest_ip\":\"198.51.100.23\"}",
     {{"event.category", "network"},
      {"event.category", "intrusion_detection"},
      {"event.kind", "alert"},
      {"event.module", "suricata"},
      {"event.dataset", "suricata.eve"},
      {"observer.type", "ids"},
      {"observer.product", "suricata"},
      {"source.ip", "10.20.30.%u"},
      {"source.port", "49%u"},
      {"destination.ip", "198.51.100.%u"},
      {"destination.port", "80"},
      {"network.transport", "tcp"},
      {"rule.name", "LOCAL POLICY update check %u"},
      {"rule.id", "1000%u"},
      {"rule.category", "Not Suspicious Traffic"},
      {"event.severity", "3"},
      {"event.action", "allowed"},
      {"suricata.eve.in_iface", "edge"},
      {"suricata.eve.flow_id", "19%u"}}},
    {"Nov 10 09:13:10 srv01 sshd[221]: Accepted publickey for deploy from 10.20.50.15 port 50022 ssh2",
     {{"event.category", "authentication"},
      {"event.type", "start"},
      {"event.dataset", "system.auth"},
      {"event.outcome", "success"},
      {"event.action", "ssh_login"},
      {"source.ip", "10.20.50.%u"},
      {"source.port", "50%u"},
      {"user.name", "deploy"},
      {"process.name", "sshd"},
      {"process.pid", "22%u"},
      {"host.name", "srv%u"},
      {"host.os.type", "linux"},
      {"message", "Accepted publickey for deploy from 10.20.50.15 port 50022 ssh2"},
      {"log.syslog.facility.code", "4"},
      {"log.syslog.priority", "38"}}},
    {"Nov 10 13:01:50 mail01 postfix/qmgr[221]: 4bX7Q1: from=<billing@invoice-desk.example>, size=48211, "
     "nrcpt=1 (queue active)",
     {{"event.category", "email"},
      {"event.dataset", "postfix.log"},
      {"process.name", "postfix/qmgr"},
      {"process.pid", "221"},
      {"host.name", "mail01"},
      {"email.from.address", "billing%u@invoice-desk.example"},
      {"postfix.queue_id", "4bX7Q%u"},
      {"message", "4bX7Q1: from=<billing@invoice-desk.example>, size=48211, nrcpt=1 (queue active)"},
      {"log.syslog.facility.code", "2"}}},
};

static struct event *add_event(struct events *set)
{
    set->items = memory_resize_array(set->items, set->count + 1, sizeof *set->items);
    struct event *e = &set->items[set->count++];
    *e = (struct event){.sequence = set->count};
    return e;
}

static struct str fill_numbers(struct arena *arena, const char *text, unsigned number)
{
    struct str out = str_c(text);
    for (size_t at; (at = str_find(out, STR("%u"), 0)) != STR_NOT_FOUND;)
        out = arena_printf(arena, "%.*s%u%.*s", (int)at, out.p, number % 250, (int)(out.n - at - 2),
                           out.p + at + 2);
    return arena_str(arena, out);
}

static void build_mixed(struct events *set)
{
    arena_init(&set->arena, 1 << 20);
    for (unsigned i = 0; i < MAX_EVENTS; i++) {
        struct event *e = add_event(set);
        size_t kind = i % COUNT_OF(mixed);
        e->raw = str_c(mixed[kind].raw);
        for (size_t p = 0; p < PAIRS_MAX && mixed[kind].pairs[p].field; p++)
            event_add(e, &set->arena, field_intern(str_c(mixed[kind].pairs[p].field)),
                      fill_numbers(&set->arena, mixed[kind].pairs[p].text, i));
    }
}

static void add_windows(struct event *e, struct arena *arena, const struct json_leaf *leaf)
{
    static const struct pair names[] = {{"Channel", "winlog.channel"},
                                        {"EventID", "event.code"},
                                        {"Provider_Name", "winlog.provider_name"},
                                        {"Computer", "host.name"}};
    struct str name = str_skip(leaf->name, 6);
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (str_eq(name, str_c(names[i].field))) {
            event_add(e, arena, field_intern(str_c(names[i].text)), leaf->text);
            return;
        }
    event_add(e, arena, field_intern(arena_concat(arena, STR("winlog.event_data."), name)), leaf->text);
}

static bool read_windows(struct events *set, const char *path, bool only_sysmon, struct error *err)
{
    struct json_reader *json = json_reader_new();
    struct line_reader *reader = line_reader_open(path, 16 << 20, err);
    struct str line;
    arena_init(&set->arena, 1 << 20);
    while (reader && line_reader_next(reader, &line, NULL, err) == 1) {
        struct json_leaves leaves = {0};
        bool wanted =
            !only_sysmon || str_find(line, STR("Microsoft-Windows-Sysmon/Operational"), 0) != STR_NOT_FOUND;
        if (!wanted || !json_flatten(json, line, &(struct json_limits){64, 10000}, &set->arena, &leaves, err))
            continue;
        struct event *e = add_event(set);
        for (uint32_t i = 0; i < leaves.count; i++)
            if (str_starts(leaves.items[i].name, STR("event.")))
                add_windows(e, &set->arena, &leaves.items[i]);
    }
    bool ok = reader != NULL;
    if (reader)
        line_reader_close(reader);
    json_reader_free(json);
    return ok;
}

/* Time on the core, so that neighbours on the machine count less. */
static int64_t cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

/* What a parser does just before: the event was written moments ago. Not measured. */
static void copy_event(const struct event *from, struct event *to, struct arena *arena)
{
    *to = *from;
    to->values = arena_alloc(arena, from->count * sizeof *to->values);
    to->raw = arena_str(arena, from->raw);
    memcpy(to->values, from->values, from->count * sizeof *to->values);
    for (uint16_t i = 0; i < to->count; i++)
        if (to->values[i].type <= TYPE_IP)
            to->values[i].text = arena_str(arena, value_text(&from->values[i])).p;
}

static double run_once(const struct ruleset *set, struct detect_scratch *scratch, const struct events *events,
                       struct batch *batch, uint64_t *fired)
{
    double seconds = 0;
    for (size_t first = 0; first < events->count; first += BATCH_EVENTS) {
        size_t count = events->count - first < BATCH_EVENTS ? events->count - first : BATCH_EVENTS;
        arena_reset(&batch->arena); /* findings of this loop are nobody's */
        batch->findings = NULL;
        batch->findings_end = &batch->findings;
        for (size_t i = 0; i < count; i++)
            copy_event(&events->items[first + i], &batch->events[i], &batch->arena);
        int64_t start = cpu_ns();
        for (size_t i = 0; i < count; i++)
            *fired += detect_event(set, scratch, &batch->events[i], 0, batch) > 0;
        seconds += (double)(cpu_ns() - start) / 1e9;
    }
    return seconds;
}

static void measure(const char *name, const struct ruleset *set, const struct events *events, double seconds)
{
    struct detect_scratch *scratch = detect_scratch_new(set);
    struct batch *batch = batch_new(BATCH_EVENTS);
    uint64_t fired = 0, passes = 0;
    run_once(set, scratch, events, batch, &fired); /* warm: class memory, field names, buffers */
    struct detect_counters before = detect_scratch_counters(scratch);
    struct mallinfo2 memory_before = mallinfo2();
    double total = 0;
    for (fired = 0; total < seconds; passes++)
        total += run_once(set, scratch, events, batch, &fired);
    struct detect_counters after = detect_scratch_counters(scratch);
    double n = (double)(passes * events->count);
    printf("%-22s %9.0f events/s  %7.0f ns/event  %.3f rules evaluated/event  fires on %.2f %%  heap growth "
           "%lld B\n",
           name, n / total, total / n * 1e9, (double)(after.rules_evaluated - before.rules_evaluated) / n,
           100 * (double)fired / n, (long long)mallinfo2().uordblks - (long long)memory_before.uordblks);
    batch_free(batch);
    detect_scratch_free(scratch);
}

static bool measure_rules(const char *const *folders, const char *taxonomy, const struct events *sets,
                          const char *const *names, size_t count, double seconds)
{
    struct rule_report report = {0};
    struct error err = {0};
    int64_t start = clock_monotonic_ns();
    struct ruleset *set = ruleset_load(&(struct ruleset_options){folders, taxonomy, NULL, 0}, &report, &err);
    if (!set) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    struct ruleset_shape shape = ruleset_shape(set);
    printf(
        "rules %u (refused %u) loaded in %.2f s: %u predicates, %u literals, %u without trigger, %.1f MB\n",
        report.loaded, report.refused, (double)(clock_monotonic_ns() - start) / 1e9, shape.predicates,
        shape.literals, shape.untriggered_rules, (double)shape.memory_bytes / 1e6);
    for (size_t i = 0; i < count; i++)
        measure(names[i], set, &sets[i], seconds);
    ruleset_unref(set);
    rule_report_free(&report);
    return true;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"taxonomy", 1, NULL, 't'}, {"rules", 1, NULL, 'r'},
                                            {"events", 1, NULL, 'e'},   {"copies", 1, NULL, 'c'},
                                            {"seconds", 1, NULL, 's'},  {0}};
    const char *taxonomy = "content/taxonomy", *rules = "content/rules", *path = NULL, *copies = NULL;
    double seconds = 2;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 't':
            taxonomy = optarg;
            break;
        case 'r':
            rules = optarg;
            break;
        case 'e':
            path = optarg;
            break;
        case 'c':
            copies = optarg;
            break;
        case 's':
            seconds = strtod(optarg, NULL);
            break;
        default:
            return 2;
        }
    struct events sets[3] = {0};
    const char *const names[] = {"mixed security", "Windows, all", "Windows, Sysmon only"};
    struct error err = {0};
    build_mixed(&sets[0]);
    if (path && (!read_windows(&sets[1], path, false, &err) || !read_windows(&sets[2], path, true, &err))) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    size_t count = path ? 3 : 1;
    const char *once[] = {rules, NULL}, *many[] = {rules, copies, NULL};
    bool ok = measure_rules(once, taxonomy, sets, names, count, seconds);
    if (ok && copies)
        ok = measure_rules(many, taxonomy, sets, names, count, seconds);
    for (size_t i = 0; i < count; i++) {
        arena_free(&sets[i].arena);
        memory_free(sets[i].items);
    }
    return ok ? 0 : 1;
}
