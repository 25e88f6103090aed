/* What sources give, from the matcher's own columns, and what follows from it for rules. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "knowledge/suppression.h"
#include "proof/coverage.h"

#define HOUR_NS (3600 * NS_PER_SECOND)

static const int64_t now_ns = INT64_C(1795003200) * NS_PER_SECOND;

static const char rules_text[] =
    "title: Port\nid: port\nlogsource: {category: traffic}\ntags: [attack.t1071]\n"
    "detection:\n  s: {destination.port: 25}\n  condition: s\n---\n"
    "title: Bytes\nid: bytes\nlogsource: {category: traffic}\ntags: [attack.t1071, attack.t1048]\n"
    "detection:\n  s: {destination.port: 25, source.bytes|gt: 5}\n  condition: s\n---\n"
    "title: Either\nid: either\nlogsource: {category: traffic}\n"
    "detection:\n  s: {source.bytes|gt: 5}\n  t: {destination.ip: 192.0.2.1}\n  condition: 1 of them\n---\n"
    "title: Not\nid: not\nlogsource: {category: traffic}\n"
    "detection:\n  s: {destination.port: 25}\n  x: {source.bytes: 5}\n  condition: s and not x\n---\n"
    "title: Name\nid: name\nlogsource: {category: name_query}\n"
    "detection:\n  s: {dns.question.name: a}\n  condition: s\n";

struct world {
    struct ruleset *rules;
    struct rule_report report;
    struct detect_scratch *scratch;
    struct watch *watch;
    struct arena arena;
    uint64_t sequence;
};

static int set_up(void **state)
{
    struct world *w = NEW(struct world);
    struct error err = {.text = ""};
    struct ruleset_options options = {.taxonomy_folder = SOURCE_ROOT "/content/taxonomy",
                                      .text = str_c(rules_text)};
    arena_init(&w->arena, 64 << 10);
    w->rules = ruleset_load(&options, &w->report, &err);
    assert_string_equal(err.text, "");
    assert_int_equal(w->report.loaded, 5);
    w->scratch = detect_scratch_new(w->rules);
    detect_scratch_watch(w->scratch);
    w->watch = watch_new(NULL, &err);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    detect_scratch_free(w->scratch);
    watch_free(w->watch);
    ruleset_unref(w->rules);
    rule_report_free(&w->report);
    arena_free(&w->arena);
    memory_free(w);
    return 0;
}

enum { WITH_BYTES = 1, FAILED = 2, CANARY = 4, QUERY = 8 };

static void come(struct world *w, uint32_t source, int64_t at_ns, unsigned what)
{
    struct batch *b = batch_new(1);
    struct record *r = batch_add(b, STR("x"), STR_EMPTY);
    struct event *e = &b->events[0];
    r->sequence = b->first_sequence = b->last_sequence = ++w->sequence;
    *e = (struct event){.sequence = r->sequence, .source = source, .time_ns = at_ns, .received_ns = at_ns};
    e->raw = r->raw;
    e->flags = (uint16_t)(what & FAILED ? EVENT_PARSE_FAILURE : what & CANARY ? EVENT_CANARY : 0);
    if (what & QUERY) {
        event_add(e, &b->arena, FIELD_DNS_QUESTION_NAME, STR("a"));
    } else if (!(what & FAILED)) {
        event_add(e, &b->arena, FIELD_EVENT_CATEGORY, STR("network"));
        event_add(e, &b->arena, FIELD_DESTINATION_PORT, STR("443"));
        if (what & WITH_BYTES)
            event_add(e, &b->arena, FIELD_SOURCE_BYTES, STR("9"));
    }
    detect_batch(w->rules, w->scratch, b);
    watch_batch(w->watch, b);
    batch_free(b);
}

static struct coverage look(struct world *w)
{
    struct watch_view seen;
    struct coverage c;
    watch_scratch(w->watch, w->scratch);
    watch_look(w->watch, &w->arena, &seen);
    coverage_compute(w->rules, &seen, now_ns, &w->arena, &c);
    return c;
}

static const struct rule_coverage *rule(const struct coverage *c, const char *id)
{
    for (uint32_t i = 0; i < c->rule_count; i++)
        if (str_eq(c->rules[i].rule->id, str_c(id)))
            return &c->rules[i];
    fail_msg("no rule %s", id);
    return NULL;
}

static void expect(const struct coverage *c, const char *id, enum coverage_status status)
{
    struct str got = coverage_status_name(rule(c, id)->status), wanted = coverage_status_name(status);
    if (!str_eq(got, wanted))
        fail_msg("%s is %.*s, not %.*s", id, STR_ARGS(got), STR_ARGS(wanted));
}

static void nothing_seen_is_unknown(void **state)
{
    struct world *w = *state;
    struct coverage c = look(w);
    assert_int_equal(c.by_status[COVERAGE_UNKNOWN], 5);
    come(w, 1, now_ns - NS_PER_SECOND, CANARY); /* canaries are nobody's events */
    c = look(w);
    assert_int_equal(c.by_status[COVERAGE_UNKNOWN], 5);
}

static void fields_decide(void **state)
{
    struct world *w = *state;
    come(w, 1, now_ns - NS_PER_SECOND, 0);
    struct coverage c = look(w);
    expect(&c, "port", COVERAGE_LIVE);
    expect(&c, "not", COVERAGE_LIVE); /* what is negated may be absent */
    expect(&c, "bytes", COVERAGE_FIELDS);
    expect(&c, "either", COVERAGE_FIELDS);
    expect(&c, "name", COVERAGE_UNMAPPED);
    assert_int_equal(rule(&c, "bytes")->missing_count, 1);
    assert_true(str_eq(rule(&c, "bytes")->missing[0], STR("source.bytes")));
    assert_int_equal(rule(&c, "either")->missing_count, 2);
    come(w, 2, now_ns - NS_PER_SECOND, WITH_BYTES);
    c = look(w);
    expect(&c, "bytes", COVERAGE_LIVE);
    expect(&c, "either", COVERAGE_LIVE); /* one of them is enough */
    assert_int_equal(rule(&c, "bytes")->source_count, 1);
    assert_int_equal(rule(&c, "bytes")->sources[0], 2);
    assert_int_equal(rule(&c, "port")->source_count, 2);
}

static void fields_of_two_sources_do_not_add_up(void **state)
{
    struct world *w = *state;
    come(w, 1, now_ns - NS_PER_SECOND, 0);
    come(w, 3, now_ns - NS_PER_SECOND, QUERY);
    struct coverage c = look(w);
    expect(&c, "name", COVERAGE_LIVE);
    expect(&c, "bytes", COVERAGE_FIELDS);
}

static void silence_by_the_usual_gap(void **state)
{
    struct world *w = *state;
    /* every three hours for two days: four hours of silence are nothing, seven are */
    for (int64_t hours = 60; hours >= 10; hours -= 3)
        come(w, 1, now_ns - hours * HOUR_NS, 0);
    come(w, 2, now_ns - 20 * 60 * NS_PER_SECOND, QUERY); /* no history: fifteen minutes */
    come(w, 1, now_ns - 5 * HOUR_NS, 0);
    struct coverage c = look(w);
    expect(&c, "port", COVERAGE_LIVE);
    expect(&c, "name", COVERAGE_SILENT);
    assert_true(c.sources[0].usual_gap_ns == 7 * HOUR_NS && !c.sources[0].is_silent);
    assert_true(c.sources[1].usual_gap_ns == TIME_UNKNOWN && c.sources[1].is_silent);
}

static void silence_of_a_busy_source(void **state)
{
    struct world *w = *state;
    for (int64_t minutes = 30 * 60; minutes >= 20; minutes--)
        come(w, 1, now_ns - minutes * 60 * NS_PER_SECOND, 0);
    struct coverage c = look(w);
    expect(&c, "port", COVERAGE_SILENT);
    assert_true(c.sources[0].usual_gap_ns == 60 * NS_PER_SECOND);
}

static void a_field_that_stops_is_drift(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 100; i++)
        come(w, 1, now_ns - HOUR_NS + i, i % 2 ? WITH_BYTES : 0);
    for (int i = 0; i < 130; i++) /* 20 / ½ + 100 = 140 are allowed */
        come(w, 1, now_ns - NS_PER_SECOND + i, 0);
    struct coverage c = look(w);
    expect(&c, "bytes", COVERAGE_LIVE);
    for (int i = 0; i < 20; i++)
        come(w, 1, now_ns - NS_PER_SECOND + i, 0);
    c = look(w);
    expect(&c, "bytes", COVERAGE_DRIFTING);
    expect(&c, "port", COVERAGE_LIVE);
    assert_int_equal(c.sources[0].drifting_fields, 1);
    come(w, 1, now_ns - 1, WITH_BYTES);
    c = look(w);
    expect(&c, "bytes", COVERAGE_LIVE);
}

static void rising_failures(void **state)
{
    struct world *w = *state;
    for (int64_t i = 0; i < 200; i++)
        come(w, 1, now_ns - 40 * HOUR_NS + i * 60 * NS_PER_SECOND, i % 50 ? 0 : FAILED);
    for (int64_t i = 0; i < 100; i++)
        come(w, 1, now_ns - 90 * 60 * NS_PER_SECOND + i * NS_PER_SECOND, i % 3 ? 0 : FAILED);
    struct coverage c = look(w);
    assert_true(c.sources[0].is_failing);
    assert_true(c.sources[0].failures_before > 0.01 && c.sources[0].failures_before < 0.03);
    assert_true(c.sources[0].failures_now > 0.3);
}

static void techniques_by_what_is_live(void **state)
{
    struct world *w = *state;
    come(w, 1, now_ns - NS_PER_SECOND, 0);
    struct coverage c = look(w);
    assert_int_equal(c.technique_count, 2);
    assert_true(str_eq(c.techniques[0].technique, STR("T1048")));
    assert_true(c.techniques[0].live == 0 && c.techniques[0].total == 1);
    assert_true(c.techniques[1].live == 1 && c.techniques[1].total == 2);
}

/* ------------------------------------------------------------- exceptions */

static struct rule_exception exception(int64_t id, const char *rule_id, const char *condition)
{
    return (struct rule_exception){.id = id,
                                   .rule_id = str_c(rule_id),
                                   .condition = str_c(condition),
                                   .owner = STR("o"),
                                   .reason = STR("r"),
                                   .created_ns = now_ns,
                                   .expires_ns = now_ns + HOUR_NS,
                                   .withdrawn_ns = INT64_MAX};
}

static void exceptions_hold_by_rule_condition_and_event_time(void **state)
{
    struct world *w = *state;
    struct rule_exception rows[] = {exception(1, "port", "destination.port:443"),
                                    exception(2, "port", "destination.port:25"),
                                    exception(3, "port", "source.bytes:9"),
                                    exception(4, "name", "destination.port:443"),
                                    exception(5, "port", "broken:(")};
    rows[0].withdrawn_ns = now_ns;
    struct suppressions *s = suppressions_new(rows, COUNT_OF(rows));
    struct event e = {.time_ns = now_ns};
    struct finding f = {.rule_id = STR("port")};
    event_add(&e, &w->arena, FIELD_DESTINATION_PORT, STR("443"));
    assert_int_equal(suppressions_count(s), 3);
    assert_int_equal(suppressions_find(s, &f, &e), 0);
    event_add(&e, &w->arena, FIELD_SOURCE_BYTES, STR("9"));
    assert_int_equal(suppressions_find(s, &f, &e), 3);
    e.time_ns = now_ns + HOUR_NS - 1;
    assert_int_equal(suppressions_find(s, &f, &e), 3);
    e.time_ns = now_ns + HOUR_NS;
    assert_int_equal(suppressions_find(s, &f, &e), 0);
    assert_int_equal(suppressions_find(NULL, &f, &e), 0);
    suppressions_unref(s);
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        IN_WORLD(nothing_seen_is_unknown),
        IN_WORLD(fields_decide),
        IN_WORLD(fields_of_two_sources_do_not_add_up),
        IN_WORLD(silence_by_the_usual_gap),
        IN_WORLD(silence_of_a_busy_source),
        IN_WORLD(a_field_that_stops_is_drift),
        IN_WORLD(rising_failures),
        IN_WORLD(techniques_by_what_is_live),
        IN_WORLD(exceptions_hold_by_rule_condition_and_event_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
