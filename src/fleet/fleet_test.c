/* The fleet on events made by hand: versions, states of agents, bounds, and that what is saved comes back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "base/memory.h"
#include "fleet/spread.h"
#include "fleet/states.h"

#define START  INT64_C(1762732800000000000) /* 2025-11-10T00:00:00Z */
#define MINUTE (60 * NS_PER_SECOND)
#define HOUR   (60 * MINUTE)

struct world {
    struct fleet *fleet;
    uint64_t sequence;
    uint32_t found[FOUND_COUNT];
};

static struct fleet_rules *load_rules(void)
{
    struct error err;
    struct fleet_rules *rules = fleet_rules_load(SOURCE_ROOT "/content/fleet.yml", &err);
    if (rules == NULL)
        fail_msg("%s", err.text);
    return rules;
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    w->fleet = fleet_new(load_rules());
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    fleet_free(w->fleet);
    memory_free(w);
    return 0;
}

struct pair {
    field_id field;
    const char *text;
};

static void count(struct world *w, const struct batch *b)
{
    for (const struct finding *f = b->findings; f != NULL; f = f->next)
        for (unsigned i = 0; i < FOUND_COUNT; i++)
            w->found[i] += str_eq(f->rule_id, w->fleet->rules->findings[i].id);
}

/* One event of these fields; a list ends with an empty text. */
static void say(struct world *w, int64_t time_ns, unsigned flags, const struct pair *pairs)
{
    struct batch *b = batch_new(1);
    batch_add(b, STR("x"), STR("test"));
    b->first_sequence = b->last_sequence = b->events[0].sequence = ++w->sequence;
    b->events[0].time_ns = b->events[0].received_ns = time_ns;
    b->events[0].flags = (uint16_t)flags;
    for (; pairs->text != NULL; pairs++)
        assert_true(event_add(&b->events[0], &b->arena, pairs->field, str_c(pairs->text)));
    fleet_take(w->fleet, b);
    count(w, b);
    batch_free(b);
}
#define SAY(w, time_ns, ...) say(w, time_ns, 0, (const struct pair[]){__VA_ARGS__, {FIELD_NONE, NULL}})

static void beat(struct world *w, int64_t time_ns, const char *host, const char *ip, const char *pattern)
{
    SAY(w, time_ns, {FIELD_HOST_NAME, host}, {FIELD_HOST_IP, ip}, {FIELD_HYAKUYO_CONTROL_NAME, "antivirus"},
        {FIELD_HYAKUYO_CONTROL_HEARTBEAT, "true"}, {FIELD_HYAKUYO_CONTROL_STATE, "running"},
        {FIELD_HYAKUYO_CONTROL_REALTIME, "true"}, {FIELD_HYAKUYO_CONTROL_PATTERN_VERSION, pattern},
        {FIELD_OBSERVER_PRODUCT, "Guard"}, {FIELD_OBSERVER_VENDOR, "Example"});
}

static void flow(struct world *w, int64_t time_ns, const char *ip)
{
    SAY(w, time_ns, {FIELD_SOURCE_IP, ip}, {FIELD_DESTINATION_IP, "198.51.100.9"},
        {FIELD_EVENT_CATEGORY, "network"});
}

static struct agent agent_of(struct world *w, const char *host, int64_t now_ns)
{
    products_count(w->fleet);
    struct host *h = host_by_name(w->fleet, str_c(host), false);
    assert_non_null(h);
    return agent_state(w->fleet, h, FUNCTION_ANTIVIRUS, now_ns);
}

/* ---------------------------------------------------------------- versions */

static struct version_key parse(const struct fleet *f, const char *text)
{
    struct version_key key;
    if (!version_parse(str_c(text), f->rules->dates, f->rules->date_count, f->regex, &key))
        fail_msg("%s is no version", text);
    return key;
}

static void versions_compare_as_people_read_them(void **state)
{
    struct world *w = *state;
    static const char *const rising[][2] = {{"1.9", "1.10"},
                                            {"1.441.99.0", "1.441.100.0"},
                                            {"AV: 1.393.1.0, AS: 1.393.1.0", "AV: 1.393.2.0, AS: 1.393.2.0"},
                                            {"2025.11.09.3", "2025.11.10.1"},
                                            {"251109003", "2025-11-10 rev. 001"},
                                            {"30000 (20251109)", "30001 (20251110)"},
                                            {"1936700", "1936900"},
                                            {"5600.0", "5601.0"}};
    for (size_t i = 0; i < COUNT_OF(rising); i++) {
        struct version_key a = parse(w->fleet, rising[i][0]), b = parse(w->fleet, rising[i][1]);
        assert_true(version_compare(&a, &b) < 0 && version_compare(&b, &a) > 0 &&
                    version_compare(&a, &a) == 0);
    }
    struct version_key one = parse(w->fleet, "251109003"), same = parse(w->fleet, "2025-11-09 rev. 003");
    assert_int_equal(version_compare(&one, &same), 0);
    assert_int_equal(version_date_ns(&one), START - 24 * HOUR);
}

static void what_is_no_version_is_refused(void **state)
{
    struct world *w = *state;
    static const char *const texts[] = {"",
                                        "unknown",
                                        "n/a",
                                        "0",
                                        "0.0.0.0",
                                        "no definitions since 2020 or so",
                                        ("a text that is much longer than any version that a vendor has ever "
                                         "given to a product of his 1.2.3.4")};
    struct version_key key;
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (version_parse(str_c(texts[i]), w->fleet->rules->dates, w->fleet->rules->date_count,
                          w->fleet->regex, &key))
            fail_msg("'%s' is taken for a version", texts[i]);
}

/* S32: green up to a day, amber up to three, red beyond; what cannot be read is unknown, and unknown is red.
 */
static void lag_is_by_hours_and_unreadable_is_unknown(void **state)
{
    struct world *w = *state;
    struct fleet *f = w->fleet;
    const struct {
        const char *host, *pattern;
        enum lag_colour colour;
    } cases[] = {{"A", "2025.11.10.1", LAG_GREEN},
                 {"B", "2025.11.09.1", LAG_GREEN},
                 {"C", "2025.11.07.1", LAG_AMBER},
                 {"D", "2025.11.06.1", LAG_RED},
                 {"E", "???", LAG_UNKNOWN}};
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        beat(w, START + (int64_t)i * MINUTE, cases[i].host, "10.0.0.1", cases[i].pattern);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const struct control *c = host_by_name(f, str_c(cases[i].host), false)->controls[FUNCTION_ANTIVIRUS];
        assert_int_equal(version_lag(f, COMPONENT_PATTERN, &c->held[COMPONENT_PATTERN], START + HOUR).colour,
                         cases[i].colour);
    }
    /* a version from the future is a wrong text, and makes nobody else old */
    beat(w, START + HOUR, "F", "10.0.0.9", "2031.01.01.1");
    const struct control *a = host_by_name(f, STR("A"), false)->controls[FUNCTION_ANTIVIRUS];
    assert_int_equal(version_lag(f, COMPONENT_PATTERN, &a->held[COMPONENT_PATTERN], START + HOUR).versions,
                     0);
}

/* Versions without a date that were all there at the start: how old the older one is nobody has seen. */
static void lag_without_a_known_release_is_never_green(void **state)
{
    struct world *w = *state;
    beat(w, START, "A", "10.0.0.1", "1.10");
    beat(w, START + MINUTE, "B", "10.0.0.2", "1.9");
    const struct control *b = host_by_name(w->fleet, STR("B"), false)->controls[FUNCTION_ANTIVIRUS];
    struct lag lag = version_lag(w->fleet, COMPONENT_PATTERN, &b->held[COMPONENT_PATTERN], START + HOUR);
    assert_int_equal(lag.versions, 1);
    assert_int_equal(lag.colour, LAG_AMBER);
    assert_true(lag.is_least);
    lag = version_lag(w->fleet, COMPONENT_PATTERN, &b->held[COMPONENT_PATTERN], START + 80 * HOUR);
    assert_int_equal(lag.colour, LAG_RED);
}

/* ------------------------------------------------------------------ agents */

/* S10, S30: heartbeats stop while traffic goes on → silent, told once; a host that is switched off → absent.
 */
static void silent_and_absent_are_told_apart(void **state)
{
    struct world *w = *state;
    for (int hour = 0; hour < 30; hour++) {
        beat(w, START + hour * HOUR, "WELL", "10.0.0.1", "1.1");
        if (hour < 5) {
            beat(w, START + hour * HOUR + MINUTE, "SILENT", "10.0.0.2", "1.1");
            beat(w, START + hour * HOUR + 2 * MINUTE, "AWAY", "10.0.0.3", "1.1");
        }
        flow(w, START + hour * HOUR + 3 * MINUTE, "10.0.0.2");
        if (hour < 5)
            flow(w, START + hour * HOUR + 4 * MINUTE, "10.0.0.3");
    }
    int64_t now_ns = START + 30 * HOUR;
    assert_int_equal(agent_of(w, "WELL", now_ns).state, AGENT_UP);
    assert_int_equal(agent_of(w, "SILENT", now_ns).state, AGENT_SILENT);
    assert_int_equal(agent_of(w, "AWAY", now_ns).state, AGENT_ABSENT);
    assert_int_equal(w->found[FOUND_AGENT_SILENT], 1);
    beat(w, now_ns, "SILENT", "10.0.0.2", "1.1");
    assert_int_equal(agent_of(w, "SILENT", now_ns).state, AGENT_UP);
}

/* When nobody of the product is heard any more, the feed is gone and not the agents. */
static void a_silent_feed_is_no_silent_agent(void **state)
{
    struct world *w = *state;
    for (int hour = 0; hour < 40; hour++) {
        if (hour < 5) {
            beat(w, START + hour * HOUR, "A", "10.0.0.1", "1.1");
            beat(w, START + hour * HOUR + MINUTE, "B", "10.0.0.2", "1.1");
        }
        flow(w, START + hour * HOUR + 2 * MINUTE, "10.0.0.1");
        flow(w, START + hour * HOUR + 3 * MINUTE, "10.0.0.2");
    }
    struct agent a = agent_of(w, "A", START + 40 * HOUR);
    assert_int_equal(a.state, AGENT_UNKNOWN);
    assert_string_equal(a.reason, "feed_silent");
    assert_int_equal(w->found[FOUND_AGENT_SILENT], 0);
}

static void a_night_between_two_flows_is_no_traffic(void **state)
{
    struct world *w = *state;
    for (int hour = 0; hour < 8; hour++) {
        beat(w, START + hour * HOUR, "A", "10.0.0.1", "1.1");
        beat(w, START + hour * HOUR, "B", "10.0.0.2", "1.1");
    }
    flow(w, START + 7 * HOUR + MINUTE, "10.0.0.1");
    for (int hour = 8; hour < 22; hour++)
        beat(w, START + hour * HOUR, "B", "10.0.0.2", "1.1");
    flow(w, START + 22 * HOUR, "10.0.0.1"); /* it is switched on again, and its agent comes up after this */
    assert_int_equal(w->found[FOUND_AGENT_SILENT], 0);
    beat(w, START + 22 * HOUR + 5 * MINUTE, "A", "10.0.0.1", "1.1");
    assert_int_equal(agent_of(w, "A", START + 22 * HOUR + 5 * MINUTE).state, AGENT_UP);
}

static void unknown_is_not_up(void **state)
{
    struct world *w = *state;
    SAY(w, START, {FIELD_HOST_NAME, "A"}, {FIELD_HYAKUYO_CONTROL_NAME, "antivirus"},
        {FIELD_HYAKUYO_CONTROL_HEARTBEAT, "true"}, {FIELD_OBSERVER_PRODUCT, "Guard"});
    struct agent a = agent_of(w, "a.office.example", START);
    assert_int_equal(a.state, AGENT_UNKNOWN);
    assert_string_equal(a.reason, "realtime_not_told");
    SAY(w, START + MINUTE, {FIELD_HOST_NAME, "A"}, {FIELD_HYAKUYO_CONTROL_NAME, "antivirus"},
        {FIELD_HYAKUYO_CONTROL_REALTIME, "off"});
    assert_int_equal(agent_of(w, "A", START + MINUTE).state, AGENT_OFF);
    /* older news does not undo it */
    SAY(w, START - HOUR, {FIELD_HOST_NAME, "A"}, {FIELD_HYAKUYO_CONTROL_NAME, "antivirus"},
        {FIELD_HYAKUYO_CONTROL_REALTIME, "on"});
    assert_int_equal(agent_of(w, "A", START + MINUTE).state, AGENT_OFF);
}

static void report_off(struct world *w, int64_t time_ns, const char *product)
{
    SAY(w, time_ns, {FIELD_HOST_NAME, "A"}, {FIELD_HYAKUYO_CONTROL_NAME, "antivirus"},
        {FIELD_HYAKUYO_CONTROL_HEARTBEAT, "true"}, {FIELD_HYAKUYO_CONTROL_STATE, "running"},
        {FIELD_HYAKUYO_CONTROL_REALTIME, "false"}, {FIELD_OBSERVER_PRODUCT, product},
        {FIELD_OBSERVER_VENDOR, "Example"});
}

/* Two antiviruses on one host: the one that stands back says by the hour that it is off. */
static void one_of_two_antiviruses_may_be_off(void **state)
{
    struct world *w = *state;
    for (int hour = 0; hour < 6; hour++) {
        beat(w, START + hour * HOUR, "A", "10.0.0.1", "1.1");
        report_off(w, START + hour * HOUR + MINUTE, "Bystander");
        assert_int_equal(agent_of(w, "A", START + hour * HOUR + 2 * MINUTE).state, AGENT_UP);
    }
    assert_int_equal(w->found[FOUND_REPORTED_OFF], 0);
    report_off(w, START + 6 * HOUR, "Guard"); /* the one that was on */
    assert_int_equal(w->found[FOUND_REPORTED_OFF], 1);
    assert_int_equal(agent_of(w, "A", START + 6 * HOUR).state, AGENT_OFF);
    report_off(w, START + 7 * HOUR, "Guard");
    report_off(w, START + 7 * HOUR, "Bystander");
    assert_int_equal(w->found[FOUND_REPORTED_OFF], 1);
}

/* When the one that was on falls silent, the other's reports count again. */
static void a_silent_antivirus_stands_in_for_no_other(void **state)
{
    struct world *w = *state;
    beat(w, START, "A", "10.0.0.1", "1.1");
    report_off(w, START + 23 * HOUR, "Bystander");
    assert_int_equal(w->found[FOUND_REPORTED_OFF], 0);
    report_off(w, START + 25 * HOUR, "Bystander");
    assert_int_equal(w->found[FOUND_REPORTED_OFF], 1);
}

static void canaries_are_no_hosts(void **state)
{
    struct world *w = *state;
    say(w, START, EVENT_CANARY,
        (const struct pair[]){{FIELD_HOST_NAME, "A"},
                              {FIELD_HYAKUYO_CONTROL_NAME, "antivirus"},
                              {FIELD_NONE, NULL}});
    assert_int_equal(fleet_counters(w->fleet).hosts, 0);
    assert_int_equal(fleet_through(w->fleet), 1);
}

/* ------------------------------------------------------------------- hosts */

/* An address that spoke before its name was known, and one that is another's now. */
static void addresses_follow_names(void **state)
{
    struct world *w = *state;
    flow(w, START, "10.0.0.1");
    assert_int_equal(fleet_counters(w->fleet).hosts, 1);
    beat(w, START + MINUTE, "A", "10.0.0.1", "1.1");
    assert_int_equal(fleet_counters(w->fleet).hosts, 1);
    assert_true(host_by_name(w->fleet, STR("A"), false)->seen & SEEN_TRAFFIC);
    beat(w, START + HOUR, "B", "10.0.0.1", "1.1");
    flow(w, START + 2 * HOUR, "10.0.0.1");
    assert_int_equal(host_by_name(w->fleet, STR("B"), false)->traffic_ns, START + 2 * HOUR);
    assert_int_equal(host_by_name(w->fleet, STR("A"), false)->traffic_ns, START);
    flow(w, START + 2 * HOUR, "198.51.100.7"); /* not ours */
    assert_int_equal(fleet_counters(w->fleet).hosts, 2);
}

static void hosts_are_bounded_and_what_goes_is_counted(void **state)
{
    struct world *w = *state;
    w->fleet->rules->limits.hosts = 64;
    for (int i = 0; i < 500; i++) {
        char ip[32];
        snprintf(ip, sizeof ip, "10.1.%d.%d", i / 200, i % 200 + 1);
        flow(w, START + i * MINUTE, ip);
    }
    struct fleet_counters c = fleet_counters(w->fleet);
    assert_true(c.hosts <= 64);
    assert_int_equal(c.hosts + c.dropped_hosts, 500);
    struct ip last;
    assert_true(ip_parse(STR("10.1.2.100"), &last));
    assert_non_null(host_by_address(w->fleet, &last, START + 500 * MINUTE, false));
}

/* ------------------------------------------------------------- propagation */

/* S33: T50 … T99 are order statistics over the hosts that were there; the slow release stands out. */
static void the_slow_release_stands_out(void **state)
{
    struct world *w = *state;
    struct spread s[RELEASES_JUDGED];
    char host[16], ip[16], version[16];
    for (int release = 0; release < 9; release++)
        for (int i = 0; i < 20; i++) {
            int64_t after_ns = i * (release == 8 ? 30 : 6) * MINUTE;
            snprintf(host, sizeof host, "H%d", i);
            snprintf(ip, sizeof ip, "10.0.0.%d", i + 1);
            snprintf(version, sizeof version, "1.%d", release + 1);
            beat(w, START + release * 12 * HOUR + after_ns, host, ip, version);
        }
    flow(w, START + 110 * HOUR, "10.0.0.1"); /* the hour after */
    uint32_t product = product_number(w->fleet, STR("Guard"), STR("Example"));
    uint32_t n = spread_measure(w->fleet, product, (struct part){0, 0}, s);
    assert_int_equal(n, 8); /* the first version was there from the start */
    assert_int_equal(s[0].reached, 20);
    assert_true(s[1].hours[0] == 0.9 && s[1].hours[1] == 1.7 && s[1].hours[3] == 1.9);
    struct spread_judgement j = spread_judge(w->fleet, s, n, w->fleet->watermark_ns);
    assert_true(j.is_delayed && j.z > 3.5 && j.p90 == 8.5 && j.median > 1.69 && j.median < 1.71);
    assert_int_equal(w->found[FOUND_UPDATE_DELAYED], 1);
    j = spread_judge(w->fleet, s + 4, n - 4, w->fleet->watermark_ns);
    assert_int_equal(j.history, 0); /* too few before it to judge by */
}

/* ------------------------------------------------------------ full scans (S4) */

static void scan(struct world *w, int64_t time_ns, const char *host, const char *state, const char *duration)
{
    SAY(w, time_ns, {FIELD_HOST_NAME, host}, {FIELD_HYAKUYO_CONTROL_NAME, "antivirus"},
        {FIELD_HYAKUYO_SCAN_EXTENT, "full"}, {FIELD_HYAKUYO_SCAN_STATE, state},
        {FIELD_OBSERVER_PRODUCT, "Guard"}, {FIELD_OBSERVER_VENDOR, "Example"},
        {duration ? FIELD_EVENT_DURATION : FIELD_EVENT_REASON, duration ? duration : "weekly"});
}

static struct buf rows_of(struct fleet *f, enum fleet_question q)
{
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    const struct fleet_asking asking = {.limit = UINT32_MAX};
    json_begin_object(&w);
    fleet_rows(f, q, &asking, &w);
    json_end_object(&w);
    buf_char(&out, 0);
    return out;
}

/* The row of a host, up to the next one. */
static void assert_row(struct world *w, const char *host, const char *state, const char *detail)
{
    char begin[64], wanted[64];
    struct buf rows = rows_of(w->fleet, QUESTION_SCAN_DURATIONS);
    snprintf(begin, sizeof begin, "{\"host\":\"%s\"", host);
    snprintf(wanted, sizeof wanted, "\"state\":\"%s\"", state);
    char *row = strstr(rows.p, begin);
    assert_non_null(row);
    char *next = strstr(row + 1, "{\"host\":");
    if (next != NULL)
        *next = 0;
    if (strstr(row, wanted) == NULL || strstr(row, detail) == NULL)
        print_error("%s\n", row);
    assert_non_null(strstr(row, wanted));
    assert_non_null(strstr(row, detail));
    buf_free(&rows);
}

static void scans_that_are_long_or_do_not_end_are_told_apart(void **state)
{
    struct world *w = *state;
    scan(w, START, "SHORT", "started", NULL);
    scan(w, START, "LONG", "started", NULL);
    scan(w, START, "STUCK", "started", NULL);
    scan(w, START, "STOPPED", "started", NULL);
    scan(w, START + HOUR, "STOPPED", "cancelled", NULL);
    scan(w, START + 90 * MINUTE, "SHORT", "completed", NULL);
    scan(w, START + 2 * HOUR, "TOLD", "completed", "7200000000000"); /* nobody told when it began */
    scan(w, START + 2 * HOUR, "BARE", "completed", NULL);
    /* a break for lunch belongs to the scan */
    scan(w, START + HOUR, "LUNCH", "started", NULL);
    scan(w, START + 2 * HOUR, "LUNCH", "paused", NULL);
    scan(w, START + 3 * HOUR, "LUNCH", "started", NULL);
    scan(w, START + 4 * HOUR, "LUNCH", "completed", NULL);
    /* one that was switched off in the middle and began anew */
    scan(w, START, "AGAIN", "started", NULL);
    scan(w, START + 3 * HOUR, "AGAIN", "started", NULL);
    scan(w, START + 4 * HOUR, "AGAIN", "completed", NULL);
    scan(w, START + 5 * HOUR, "LONG", "completed", NULL);
    scan(w, START + 5 * HOUR, "NOW", "started", NULL);
    assert_row(w, "SHORT", "within", "\"took_hours\":1.5");
    assert_row(w, "TOLD", "within", "\"took_hours\":2");
    assert_row(w, "LUNCH", "within", "\"took_hours\":3");
    assert_row(w, "AGAIN", "within", "\"took_hours\":1");
    assert_row(w, "LONG", "long", "\"took_hours\":5");
    assert_row(w, "STUCK", "unended", "\"unended_since\":\"2025-11-10T00:00:00");
    assert_row(w, "STOPPED", "unknown", "\"took_hours\":null");
    assert_row(w, "BARE", "unknown", "\"took_hours\":null");
    assert_row(w, "NOW", "running", "\"unended_since\":\"2025-11-10T05:00:00");
}

static void long_scans_of_a_product_are_told_once(void **state)
{
    struct world *w = *state;
    char host[16];
    for (int week = 0; week < 3; week++) {
        int hours = week == 1 ? 6 : 1; /* the second week is the bad one */
        int64_t monday = START + week * 7 * 24 * HOUR;
        for (int i = 0; i < 10; i++) {
            snprintf(host, sizeof host, "H%d", i);
            scan(w, monday + i * MINUTE, host, "started", NULL);
        }
        for (int i = 0; i < 10; i++) {
            snprintf(host, sizeof host, "H%d", i);
            scan(w, monday + hours * HOUR + i * MINUTE, host, "completed", NULL);
        }
        for (int hour = hours + 1; hour < 48; hour++)
            scan(w, monday + hour * HOUR, "OTHER", "failed", NULL); /* time goes on */
        assert_int_equal(w->found[FOUND_SCANS_LONG], week >= 1);
    }
    struct buf out = {0};
    struct json_writer json = {.out = &out};
    const struct fleet_asking asking = {.limit = UINT32_MAX};
    json_begin_object(&json);
    fleet_summary(w->fleet, &asking, &json);
    json_end_object(&json);
    buf_char(&out, 0);
    assert_non_null(strstr(out.p, "\"limit_hours\":4,\"window_days\":7"));
    assert_non_null(strstr(out.p,
                           "{\"from\":\"2025-11-17T00:00:00.000Z\",\"scans\":10,\"hosts\":10,\"long\":10,"
                           "\"median_hours\":6,\"p95_hours\":6}"));
    assert_non_null(
        strstr(out.p, "\"product\":\"Guard\",\"scans\":10,\"hosts\":10,\"long\":0,\"median_hours\":1"));
    buf_free(&out);
}

/* -------------------------------------------------------------- checkpoint */

static struct buf answers_of(struct fleet *f)
{
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    struct fleet_asking asking = {.department = STR_EMPTY, .state = STR_EMPTY, .limit = UINT32_MAX};
    json_begin_object(&w);
    fleet_summary(f, &asking, &w);
    json_end_object(&w);
    for (unsigned q = 0; q < QUESTION_COUNT; q++) {
        struct json_writer rows = {.out = &out};
        json_begin_object(&rows);
        fleet_rows(f, (enum fleet_question)q, &asking, &rows);
        json_end_object(&rows);
    }
    return out;
}

static void fill(struct world *w)
{
    char host[16], ip[16];
    for (int hour = 0; hour < 40; hour++)
        for (int i = 0; i < 10; i++) {
            snprintf(host, sizeof host, "H%d", i);
            snprintf(ip, sizeof ip, "10.0.0.%d", i + 1);
            flow(w, START + hour * HOUR + i * MINUTE, ip);
            if (i || hour < 8)
                beat(w, START + hour * HOUR + i * MINUTE, host, ip, hour < 10 ? "1.1" : "1.2");
        }
    scan(w, START + 40 * HOUR, "H3", "started", NULL);
    scan(w, START + 41 * HOUR, "H3", "completed", NULL);
    scan(w, START + 41 * HOUR, "H4", "started", NULL);
    SAY(w, START + 41 * HOUR, {FIELD_HOST_NAME, "H3"}, {FIELD_HYAKUYO_CONTROL_NAME, "antivirus"},
        {FIELD_HYAKUYO_MALWARE_NAME, "Worm"}, {FIELD_HYAKUYO_SCAN_TYPE, "scheduled"},
        {FIELD_FILE_MTIME, "2025-11-09T00:00:00Z"},
        {FIELD_FILE_HASH_SHA256, "9f2c6d1e0b7a4c53e8d1f0a26b3c4d5e6f708192a3b4c5d6e7f8091a2b3c4d5e"});
}

static void what_is_saved_comes_back(void **state)
{
    struct world *w = *state;
    struct error err;
    struct buf saved = {0};
    fill(w);
    assert_int_equal(w->found[FOUND_LATE], 1);
    fleet_save(w->fleet, &saved);
    struct buf before = answers_of(w->fleet);
    struct fleet *other = fleet_new(load_rules());
    assert_true(fleet_load(other, buf_str(&saved), &err));
    struct buf after = answers_of(other);
    assert_int_equal(before.n, after.n);
    assert_memory_equal(before.p, after.p, before.n);
    assert_int_equal(fleet_through(other), w->sequence);
    /* and the same goes on from there: an event of before changes nothing, a later one does */
    uint64_t hosts = fleet_counters(other).hosts;
    struct world on = {.fleet = other, .sequence = 5};
    flow(&on, START + 42 * HOUR, "10.9.9.9");
    assert_int_equal(fleet_counters(other).hosts, hosts);
    on.sequence = w->sequence;
    flow(&on, START + 42 * HOUR, "10.9.9.9");
    assert_int_equal(fleet_counters(other).hosts, hosts + 1);
    fleet_free(other);
    buf_free(&before);
    buf_free(&after);
    buf_free(&saved);
}

static void what_is_damaged_is_refused_and_leaves_nothing(void **state)
{
    struct world *w = *state;
    struct error err;
    struct buf saved = {0};
    fill(w);
    fleet_save(w->fleet, &saved);
    for (size_t n = 0; n < saved.n; n += saved.n / 37 + 1)
        assert_false(fleet_load(w->fleet, str_n(saved.p, n), &err));
    saved.p[saved.n / 2] ^= 1;
    assert_false(fleet_load(w->fleet, buf_str(&saved), &err));
    /* the checksum holds, the rest does not */
    for (size_t at = 0; at + 8 < saved.n; at += saved.n / 53 + 1) {
        saved.p[at] = (char)0xff;
        uint64_t sum = str_hash(str_n(saved.p, saved.n - sizeof sum));
        memcpy(saved.p + saved.n - sizeof sum, &sum, sizeof sum);
        if (fleet_load(w->fleet, buf_str(&saved), &err)) { /* nothing that matters: it can be asked */
            struct buf answers = answers_of(w->fleet);
            assert_true(answers.n > 0);
            buf_free(&answers);
        }
    }
    buf_free(&saved);
}

static void a_wrong_file_is_refused_with_its_line(void **state)
{
    (void)state;
    struct error err;
    const char *path = "fleet_test.yml";
    FILE *file = fopen(path, "w");
    fputs("version: 1\nlimits:\n  hosts: many\n", file);
    fclose(file);
    assert_null(fleet_rules_load(path, &err));
    assert_non_null(strstr(err.text, "fleet_test.yml:3"));
    remove(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(versions_compare_as_people_read_them, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_no_version_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(lag_is_by_hours_and_unreadable_is_unknown, setup, teardown),
        cmocka_unit_test_setup_teardown(lag_without_a_known_release_is_never_green, setup, teardown),
        cmocka_unit_test_setup_teardown(silent_and_absent_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_feed_is_no_silent_agent, setup, teardown),
        cmocka_unit_test_setup_teardown(a_night_between_two_flows_is_no_traffic, setup, teardown),
        cmocka_unit_test_setup_teardown(unknown_is_not_up, setup, teardown),
        cmocka_unit_test_setup_teardown(one_of_two_antiviruses_may_be_off, setup, teardown),
        cmocka_unit_test_setup_teardown(a_silent_antivirus_stands_in_for_no_other, setup, teardown),
        cmocka_unit_test_setup_teardown(canaries_are_no_hosts, setup, teardown),
        cmocka_unit_test_setup_teardown(addresses_follow_names, setup, teardown),
        cmocka_unit_test_setup_teardown(hosts_are_bounded_and_what_goes_is_counted, setup, teardown),
        cmocka_unit_test_setup_teardown(the_slow_release_stands_out, setup, teardown),
        cmocka_unit_test_setup_teardown(scans_that_are_long_or_do_not_end_are_told_apart, setup, teardown),
        cmocka_unit_test_setup_teardown(long_scans_of_a_product_are_told_once, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_saved_comes_back, setup, teardown),
        cmocka_unit_test_setup_teardown(what_is_damaged_is_refused_and_leaves_nothing, setup, teardown),
        cmocka_unit_test(a_wrong_file_is_refused_with_its_line),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
