/* Sigma correlations: what each type means, that the order of arrival does not matter, that a restart changes
 * nothing (S116–S118, spec 2.11), and that mistakes are refused with their place. */
#include "correlate/test_world.h"

/* ------------------------------------------------------------------------ types */

#define COUNT_RULE                                                                                           \
    "title: many\nid: many\nlevel: high\ncorrelation:\n  type: event_count\n  rules: a\n  group-by: "        \
    "user.name\n"                                                                                            \
    "  timespan: 1m\n  condition: {gte: 3}\n"

static void counting_fires_once_a_timespan(void **state)
{
    (void)state;
    struct world w;
    start(&w, COUNT_RULE, 0);
    happen(&w, 0, "a", "u", "h", NULL);
    happen(&w, 70, "a", "u", "h", NULL);   /* the first is out of the window by now */
    happen(&w, 80, "a", "v", "h", NULL);   /* another group */
    happen(&w, 90, "b", "u", "h", NULL);   /* another rule */
    happen(&w, 100, "a", NULL, "h", NULL); /* in no group */
    happen(&w, 110, "a", "U", "h", NULL);  /* texts compare without case */
    expect(&w, "");
    happen(&w, 130, "a", "u", "h", NULL); /* 70 is just within */
    expect(&w, "many@130 ");
    for (int i = 1; i <= 65; i++)
        happen(&w, 130 + i, "a", "u", "h", NULL);
    expect(&w, "many@190 ");
    assert_int_equal(w.named[0], 1);
    assert_int_equal(w.spoken[0], 0);
    assert_int_equal(correlator_counters(w.correlator).findings, 2);
    stop(&w);
}

static void values_are_counted_once_each(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          "title: t\nid: spray\ncorrelation:\n  type: value_count\n  rules: [a, b]\n  group-by: "
          "[host.name]\n  timespan: "
          "5m\n  condition:\n    field: user.name\n    gt: 2\n",
          0);
    for (int i = 0; i < 50; i++)
        happen(&w, i, i % 2 ? "a" : "b", i % 3 ? "u" : "v", "h", NULL);
    happen(&w, 60, "a", NULL, "h", NULL); /* no value */
    happen(&w, 61, "a", "V", "h", NULL);  /* known */
    expect(&w, "");
    happen(&w, 62, "a", "w", "h", NULL);
    expect(&w, "spray@62 ");
    stop(&w);
}

static void several_fields_make_one_value(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          "title: t\nid: pairs\ncorrelation:\n  type: value_count\n  rules: a\n  timespan: 5m\n  "
          "condition:\n    field: "
          "[user.name, host.name]\n    gte: 3\n",
          0);
    happen(&w, 0, "a", "u", "h", NULL);
    happen(&w, 1, "a", "u", "i", NULL);
    happen(&w, 2, "a", "u", "i", NULL);
    expect(&w, "");
    happen(&w, 3, "a", "v", "h", NULL);
    expect(&w, "pairs@3 ");
    stop(&w);
}

#define TEMPORAL(type)                                                                                       \
    "title: t\nid: t\ncorrelation:\n  type: " type                                                           \
    "\n  rules: [a, b, c]\n  group-by: [user.name]\n  timespan: 1m\n"

static void temporal_wants_all_in_any_order(void **state)
{
    (void)state;
    struct world w;
    start(&w, TEMPORAL("temporal"), 0);
    happen(&w, 0, "c", "u", NULL, NULL);
    happen(&w, 1, "a", "u", NULL, NULL);
    happen(&w, 2, "b", "v", NULL, NULL);
    expect(&w, "");
    happen(&w, 60, "b", "u", NULL, NULL);
    expect(&w, "t@60 ");
    stop(&w);
}

static void ordered_wants_their_order(void **state)
{
    (void)state;
    struct world w;
    start(&w, TEMPORAL("temporal_ordered"), 0);
    happen(&w, 0, "c", "u", NULL, NULL);
    happen(&w, 1, "a", "u", NULL, NULL);
    happen(&w, 2, "b", "u", NULL, NULL);
    expect(&w, "");
    happen(&w, 2, "c", "u", NULL, NULL); /* the same second: clocks of systems say no more */
    expect(&w, "t@2 ");
    happen(&w, 100, "a", "u", NULL, NULL);
    happen(&w, 130, "b", "u", NULL, NULL);
    happen(&w, 161, "c", "u", NULL, NULL); /* too late after a */
    happen(&w, 162, "a", "u", NULL, NULL);
    expect(&w, "");
    stop(&w);
}

static void ordered_with_a_condition_takes_some_of_them(void **state)
{
    (void)state;
    struct world w;
    start(&w, TEMPORAL("temporal_ordered") "  condition: {gte: 2}\n", 0);
    happen(&w, 0, "c", "u", NULL, NULL);
    happen(&w, 1, "b", "u", NULL, NULL);
    expect(&w, "");
    happen(&w, 2, "c", "u", NULL, NULL);
    expect(&w, "t@2 ");
    stop(&w);
}

static void sums_averages_percentiles_and_ranges(void **state)
{
    (void)state;
    static const struct {
        const char *rule; /* type and condition */
        const char *found;
    } cases[] = {
        {"type: value_sum, condition: {field: test.value, gt: 59}", "t@3 "},
        {"type: value_sum, condition: {field: test.value, gt: 100}", ""},
        {"type: value_sum, condition: {field: test.value, lt: 100.5}", "t@4 "},
        {"type: value_avg, condition: {field: test.value, gte: 25}", "t@4 "},
        {"type: value_avg, condition: {field: test.value, gt: 25}", ""},
        {"type: value_percentile, condition: {field: test.value, percentile: 50, eq: 20}", "t@4 "},
        {"type: value_percentile, condition: {field: test.value, percentile: 100, gte: 40}", "t@4 "},
        {"type: value_percentile, condition: {field: test.value, percentile: 0, gte: 11}", ""},
        {"type: value_percentile, condition: {field: test.value, lte: 25}", "t@4 "}, /* shares of 25 % */
        {"type: value_percentile, condition: {field: test.value, lte: 19}", ""},
        {"type: event_count, condition: {lt: 6}", "t@4 "},
        {"type: event_count, condition: {lt: 5}", ""},
        {"type: event_count, condition: {gt: 4, lte: 5}", "t@4 "},
        {"type: event_count, condition: {eq: 4}", ""},
        {"type: event_count, condition: {neq: 4}", "t@4 "},
        {"type: value_count, condition: {field: test.value, lte: 5}", "t@4 "},
        {"type: temporal, condition: {eq: 1}", "t@4 "},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        char text[400];
        snprintf(
            text, sizeof text,
            "{title: t, id: t, correlation: {rules: [a, b], group-by: [user.name], timespan: 10s, %s}}\n",
            cases[i].rule);
        start(&w, text, 0);
        for (int k = 1; k <= 4; k++) {
            char number[8];
            snprintf(number, sizeof number, "%d", 10 * k);
            happen(&w, k, "a", "u", NULL, number);
        }
        happen(&w, 4, "a", "u", NULL, "no number");
        happen(&w, 10.5, "", NULL, NULL, NULL);
        happen(&w, 12, "", NULL, NULL, NULL); /* the window that began at 1 is over */
        if (strcmp(buf_cstr(&w.found), cases[i].found) != 0)
            fail_msg("%s gave '%s'", cases[i].rule, buf_cstr(&w.found));
        stop(&w);
    }
}

/* The specification's own example of chaining. */
static const char chain_rules[] =
    "title: failures, then success\nid: chain\nlevel: high\ncorrelation:\n  type: temporal_ordered\n  rules: "
    "[many_failed, b]\n"
    "  group-by: [user.name]\n  timespan: 10m\n"
    "---\ntitle: failures\nid: 0001\nname: many_failed\ncorrelation:\n  type: event_count\n  rules: [a]\n"
    "  group-by: [host.name]\n  timespan: 10m\n  condition: {gte: 3}\n";

static void a_correlation_of_a_correlation(void **state)
{
    (void)state;
    struct world w;
    start(&w, chain_rules, 0);
    happen(&w, 0, "a", "u", "h", NULL);
    happen(&w, 1, "a", "u", "h", NULL);
    happen(&w, 2, "b", "u", "h", NULL); /* too early */
    happen(&w, 3, "a", "u", "h", NULL);
    expect(&w, ""); /* the inner one is silent */
    happen(&w, 4, "b", "other", "h", NULL);
    happen(&w, 5, "b", "u", "i", NULL);
    expect(&w, "chain@5 ");
    stop(&w);
}

/* A window that has ended counts in another correlation at its end, even when event time jumps. */
static void what_a_window_end_brings_counts_further_on(void **state)
{
    (void)state;
    struct world w;
    start(
        &w,
        "{title: t, id: few, correlation: {type: event_count, rules: [a], group-by: [user.name], timespan: "
        "10s, condition: {lte: 2}}}\n---\n{title: t, id: then, correlation: {type: temporal_ordered, rules: "
        "[few, b], group-by: [user.name], timespan: 60s}}\n",
        5);
    happen(&w, 0, "a", "u", NULL, NULL);
    happen(&w, 500, "", NULL, NULL, NULL);
    happen(&w, 600, "a", "u", NULL, NULL);
    happen(&w, 625, "b", "u", NULL, NULL);
    expect(&w, "then@625 ");
    assert_int_equal(correlator_counters(w.correlator).late_hits, 0);
    stop(&w);
}

static void aliases_join_different_fields(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          "title: hop\nid: hop\ncorrelation:\n  type: temporal_ordered\n  rules: [a, b]\n  group-by: "
          "[machine]\n  timespan: "
          "10m\n  aliases:\n    machine:\n      a: test.value\n      b: host.name\n",
          0);
    happen(&w, 0, "a", "u", "pc-1", "pc-2"); /* pc-1 attacks pc-2 */
    happen(&w, 1, "b", "u", "pc-1", NULL);
    expect(&w, "");
    happen(&w, 2, "b", "u", "PC-2", NULL); /* which then does something of its own */
    expect(&w, "hop@2 ");
    stop(&w);
}

static void a_late_hit_completes_what_others_began(void **state)
{
    (void)state;
    struct world w;
    start(&w, COUNT_RULE, 30);
    happen(&w, 0, "a", "u", NULL, NULL);
    happen(&w, 20, "a", "u", NULL, NULL);
    happen(&w, 25, "", NULL, NULL, NULL);
    expect(&w, "");
    happen(&w, 10, "a", "u", NULL, NULL);
    expect(&w, "many@20 ");
    happen(&w, 1, "a", "u", NULL, NULL); /* it fires at 10 now: the same finding, moved */
    expect(&w, "");
    happen(&w, 100, "", NULL, NULL, NULL);
    happen(&w, 69, "a", "u", NULL, NULL); /* too late */
    assert_int_equal(correlator_counters(w.correlator).late_hits, 1);
    stop(&w);
}

/* ------------------------------------------------------- order does not matter */

static const char all_types[] = "{title: t, id: count, correlation: {type: event_count, rules: [a, b], "
                                "group-by: [user.name], timespan: 20s, condition: {gte: 4}}}\n"
                                "---\n{title: t, id: values, correlation: {type: value_count, rules: [a], "
                                "group-by: [host.name], timespan: 30s, condition: {field: "
                                "test.value, gte: 3}}}\n"
                                "---\n{title: t, id: both, correlation: {type: temporal, rules: [a, c], "
                                "group-by: [user.name], timespan: 15s}}\n"
                                "---\n{title: t, id: order, correlation: {type: temporal_ordered, rules: [a, "
                                "b, c], group-by: [host.name], timespan: 40s}}\n"
                                "---\n{title: t, id: sum, correlation: {type: value_sum, rules: [b], "
                                "group-by: [user.name], timespan: 25s, condition: {field: "
                                "test.value, gt: 12}}}\n"
                                "---\n{title: t, id: average, correlation: {type: value_avg, rules: [b, c], "
                                "group-by: [user.name], timespan: 25s, condition: "
                                "{field: test.value, gte: 4}}}\n"
                                "---\n{title: t, id: median, correlation: {type: value_percentile, rules: "
                                "[a, b, c], timespan: 25s, condition: {field: test.value, "
                                "percentile: 50, gte: 3}}}\n"
                                "---\n{title: t, id: few, correlation: {type: event_count, rules: [c], "
                                "group-by: [host.name], timespan: 30s, condition: {lte: 3}}}\n"
                                "---\n{title: t, id: chained, correlation: {type: temporal_ordered, rules: "
                                "[count, c], group-by: [host.name], timespan: 60s}}\n"
                                "---\n{title: t, id: chained2, correlation: {type: event_count, rules: "
                                "[values, both], group-by: [user.name], timespan: 90s, "
                                "condition: {gte: 3}}}\n";

enum { HAPPENINGS = 400, LATENESS_S = 20 };

static void make_happenings(struct happening *h, uint64_t *seed)
{
    static const char *const rules[] = {"a", "b", "c", "d"}, *const users[] = {"u", "v", "w"},
                             *const hosts[] = {"h", "i"}, *const values[] = {"1", "2", "3", "4",
                                                                             "5", "6", "7"};
    double at_s = 0;
    for (int i = 0; i < HAPPENINGS; i++) {
        at_s += random_below(seed, 4); /* several at one time are common */
        h[i] = (struct happening){.at_s = at_s,
                                  .rule = rules[random_below(seed, 4)],
                                  .user = users[random_below(seed, 3)],
                                  .host = hosts[random_below(seed, 2)],
                                  .value = values[random_below(seed, 7)],
                                  .sequence = (uint64_t)i + 1};
    }
}

/* Each keeps its place in time; arrival is anything within the lateness. */
static void shuffle(struct happening *h, uint64_t *seed)
{
    double due[HAPPENINGS];
    for (int i = 0; i < HAPPENINGS; i++)
        due[i] = h[i].at_s + random_below(seed, LATENESS_S * 1000) / 1000.0;
    for (int i = 1; i < HAPPENINGS; i++)
        for (int k = i; k > 0 && due[k] < due[k - 1]; k--) {
            struct happening other = h[k];
            double d = due[k];
            h[k] = h[k - 1];
            due[k] = due[k - 1];
            h[k - 1] = other;
            due[k - 1] = d;
        }
}

static char *run_all(const struct happening *h, uint32_t *findings)
{
    struct world w;
    start(&w, all_types, LATENESS_S);
    correlator_on_settled(w.correlator, on_settled, &w);
    for (int i = 0; i < HAPPENINGS; i++)
        happen_after(&w, &h[i], 0);
    struct batch *b = batch_new(1);
    batch_add(b, STR("x"), STR_EMPTY);
    correlator_advance(w.correlator, b, BASE_NS + INT64_C(100000) * NS_PER_SECOND);
    note_findings(&w, b);
    batch_free(b);
    assert_int_equal(correlator_counters(w.correlator).late_hits, 0);
    *findings = 0;
    for (size_t i = 0; i < w.found.n; i++)
        *findings += w.found.p[i] == '@';
    char *lines = sorted_lines(&w.settled);
    stop(&w);
    return lines;
}

static void the_order_of_arrival_does_not_matter(void **state)
{
    (void)state;
    uint64_t seed = 20061207;
    for (int round = 0; round < 60; round++) {
        struct happening h[HAPPENINGS], other[HAPPENINGS];
        uint32_t findings;
        make_happenings(h, &seed);
        char *in_order = run_all(h, &findings);
        assert_true(findings > 20);
        for (const char *id = "count\0values\0both\0order\0sum\0average\0median\0few\0chained\0chained2\0";
             *id; id += strlen(id) + 1)
            if (round == 0 && strstr(in_order, id) == NULL)
                fail_msg("%s never fires: the test would prove nothing", id);
        for (int again = 0; again < 3; again++) {
            memcpy(other, h, sizeof h);
            shuffle(other, &seed);
            char *shuffled = run_all(other, &findings);
            if (strcmp(in_order, shuffled) != 0)
                fail_msg("round %d: in order\n%s\nshuffled\n%s", round, in_order, shuffled);
            memory_free(shuffled);
        }
        memory_free(in_order);
    }
}

/* ---------------------------------------------------------------------- restarts */

static void a_restart_in_mid_window_changes_nothing(void **state)
{
    (void)state;
    uint64_t seed = 7;
    for (int round = 0; round < 20; round++) {
        struct happening h[HAPPENINGS];
        struct world whole, parts;
        make_happenings(h, &seed);
        shuffle(h, &seed);
        for (int i = 0; i < HAPPENINGS; i++)
            h[i].sequence = (uint64_t)i + 1; /* numbers are given as they arrive */
        start(&whole, all_types, LATENESS_S);
        start(&parts, all_types, LATENESS_S);
        for (int i = 0; i < HAPPENINGS; i++)
            happen_after(&whole, &h[i], 0);
        int saved_at = (int)random_below(&seed, HAPPENINGS), crash = saved_at + (int)random_below(&seed, 50);
        struct buf saved = {0};
        for (int i = 0; i < HAPPENINGS && i < crash; i++) {
            if (i == saved_at)
                correlator_save(parts.correlator, &saved);
            if (i >= saved_at)
                buf_clear(&parts.found); /* told before the crash, and again after it */
            happen_after(&parts, &h[i], 0);
        }
        if (saved.n == 0)
            correlator_save(parts.correlator, &saved);
        struct error err;
        correlator_free(parts.correlator);
        parts.correlator = correlator_new(load_set(&parts, all_types), LATENESS_S * NS_PER_SECOND);
        assert_true(correlator_load(parts.correlator, buf_str(&saved), &err));
        buf_clear(&parts.found);
        for (int i = saved_at - 20 < 0 ? 0 : saved_at - 20; i < HAPPENINGS; i++)
            happen_after(&parts, &h[i], (uint64_t)saved_at); /* the journal brings some of them again */
        assert_true(whole.found.n >= parts.found.n);
        assert_string_equal(buf_cstr(&whole.found) + whole.found.n - parts.found.n, buf_cstr(&parts.found));
        assert_int_equal(correlator_counters(whole.correlator).live_hits,
                         correlator_counters(parts.correlator).live_hits);
        buf_free(&saved);
        stop(&whole);
        stop(&parts);
    }
}

static void a_damaged_state_is_refused_and_harmless(void **state)
{
    (void)state;
    struct world w;
    struct error err;
    struct buf saved = {0};
    start(&w, all_types, LATENESS_S);
    for (int i = 0; i < 30; i++)
        happen(&w, i, i % 2 ? "a" : "c", "u", "h", "1");
    correlator_save(w.correlator, &saved);
    for (size_t i = 0; i < saved.n; i += 7) {
        struct correlator *c = correlator_new(correlation_set_ref(w.set), 0);
        saved.p[i] ^= 0x10;
        assert_false(correlator_load(c, buf_str(&saved), &err));
        assert_int_equal(correlator_counters(c).live_groups, 0);
        saved.p[i] ^= 0x10;
        assert_false(correlator_load(c, str_n(saved.p, i), &err));
        correlator_free(c);
    }
    buf_free(&saved);
    stop(&w);
}

static void another_set_keeps_what_is_the_same(void **state)
{
    (void)state;
    struct world w;
    start(&w, COUNT_RULE "---\n" TEMPORAL("temporal"), 0);
    happen(&w, 0, "a", "u", NULL, NULL);
    happen(&w, 1, "a", "u", NULL, NULL);
    happen(&w, 2, "b", "u", NULL, NULL);
    correlator_use(w.correlator, load_set(&w, TEMPORAL("temporal_ordered") "---\n" COUNT_RULE));
    happen(&w, 3, "c", "u", NULL, NULL); /* the other type begins anew */
    expect(&w, "");
    happen(&w, 4, "a", "u", NULL, NULL);
    expect(&w, "many@4 ");
    stop(&w);
}

/* ------------------------------------------------------------------------ limits */

static void groups_are_bounded_and_what_is_dropped_is_counted(void **state)
{
    (void)state;
    struct world w;
    start(&w, COUNT_RULE, 0);
    for (int i = 0; i < CORRELATE_MAX_GROUPS + 500; i++) {
        char user[16];
        snprintf(user, sizeof user, "u%d", i);
        happen(&w, i / 10000.0, "a", user, NULL, NULL);
    }
    struct correlator_counters n = correlator_counters(w.correlator);
    assert_true(n.live_groups <= CORRELATE_MAX_GROUPS);
    assert_true(n.dropped_groups > 0);
    assert_int_equal(n.live_groups + n.dropped_groups, CORRELATE_MAX_GROUPS + 500);
    for (int i = 0; i < CORRELATE_MAX_GROUP_HITS + 100; i++)
        happen(&w, 20, "a", "one", NULL, NULL);
    assert_int_equal(correlator_counters(w.correlator).dropped_hits, n.dropped_hits + 100);
    happen(&w, 1000, "", NULL, NULL, NULL);
    for (int i = 0; i < 2000; i++) {
        char user[16];
        snprintf(user, sizeof user, "v%d", i);
        happen(&w, 1000 + i, "a", user, NULL, NULL);
    }
    stop(&w);
}

/* ---------------------------------------------------------------------- mistakes */

static void mistakes_are_refused_with_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"correlation: {type: event_count}\n", "t.yml:1:"},
        {"title: t\ncorrelation: many\n", "t.yml:2:"},
        {"title: t\ncorrelation:\n  type: count\n", "t.yml:3:9"},
        {"title: t\ncorrelation:\n  rules: a\n", "type must be"},
        {"title: t\ncorrelation:\n  type: temporal\n  timespan: 1m\n", "no rules"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: []\n  timespan: 1m\n", "t.yml:4:"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: [a, a]\n  timespan: 1m\n", "named twice"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: {a: b}\n  timespan: 1m\n", "t.yml:4:"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: [a, [b]]\n  timespan: 1m\n", "no text"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: [a, b]\n", "no timespan"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: 1w\n", "t.yml:5:13"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: m\n", "timespan must"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: 0s\n", "timespan must"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: 99999999999999999999s\n",
         "timespan must"},
        {"title: t\ncorrelation:\n  type: event_count\n  rules: a\n  timespan: 1m\n", "no limit"},
        {"title: t\ncorrelation:\n  type: event_count\n  rules: a\n  timespan: 1m\n  condition: {gte: "
         "many}\n",
         "needs a number"},
        {"title: t\ncorrelation:\n  type: event_count\n  rules: a\n  timespan: 1m\n  condition: {over: 3}\n",
         "'over'"},
        {"title: t\ncorrelation:\n  type: event_count\n  rules: a\n  timespan: 1m\n  condition: 3\n",
         "must be a map"},
        {"title: t\ncorrelation:\n  type: event_count\n  rules: a\n  timespan: 1m\n  condition: {gte: 1, "
         "field: x}\n",
         "no 'field'"},
        {"title: t\ncorrelation:\n  type: value_count\n  rules: a\n  timespan: 1m\n  condition: {gte: 1}\n",
         "needs 'field'"},
        {"title: t\ncorrelation:\n  type: value_sum\n  rules: a\n  timespan: 1m\n  condition: {gte: 1, "
         "field: [x, y]}\n",
         "several fields"},
        {"title: t\ncorrelation:\n  type: value_percentile\n  rules: a\n  timespan: 1m\n  condition: {gte: "
         "1, field: x, percentile: 101}\n",
         "0 to 100"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: 1m\n  aliases: [x]\n",
         "aliases must"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: 1m\n  aliases: {x: {a: [b]}}\n",
         "alias maps"},
        {"title: t\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: 1m\n  within: 3\n", "'within'"},
        {"title: t\nlevel: urgent\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: 1m\n",
         "t.yml:2:8"},
        {"title: t\nhyakuyo: {colour: red}\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: 1m\n",
         "hyakuyo.colour"},
        {"title: t\nhyakuyo: {likelihood_ratio: -1}\ncorrelation:\n  type: temporal\n  rules: a\n  timespan: "
         "1m\n",
         "above zero"},
        {"title: t\nhyakuyo: {samples: [{fires: true}]}\ncorrelation:\n  type: temporal\n  rules: a\n  "
         "timespan: 1m\n",
         "list of events"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct correlation_set *set = correlation_set_new();
        struct arena arena;
        struct error err = {.text = ""};
        arena_init(&arena, 4096);
        struct yaml *d = yaml_parse(str_c(cases[i].text), "t.yml", &arena, &err);
        assert_non_null(d);
        if (correlation_set_add(set, "t.yml", d, NULL, &err) || strstr(err.text, cases[i].says) == NULL ||
            strncmp(err.text, "t.yml:", 6) != 0)
            fail_msg("case %zu, wanted '%s': %s", i, cases[i].says, err.text);
        assert_int_equal(correlation_count(set), 0);
        arena_free(&arena);
        correlation_set_unref(set);
    }
}

static void what_cannot_be_linked_is_left_out(void **state)
{
    (void)state;
    static const struct {
        const char *text, *says;
    } cases[] = {
        {"{title: t, id: x, correlation: {type: temporal, rules: [a, nobody], timespan: 1m}}\n", "'nobody'"},
        {"{title: t, id: x, correlation: {type: temporal, rules: [y], timespan: 1m}}\n---\n"
         "{title: t, id: y, correlation: {type: temporal, rules: [x], timespan: 1m}}\n",
         "circle"},
        {"{title: t, id: x, correlation: {type: temporal, rules: [y], timespan: 1m}}\n---\n"
         "{title: t, id: y, correlation: {type: temporal, rules: [nobody], timespan: 1m}}\n",
         "was refused"},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        start(&w, cases[i].text, 0);
        assert_non_null(strstr(w.refused, cases[i].says));
        happen(&w, 0, "a", "u", NULL, NULL);
        expect(&w, "");
        stop(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counting_fires_once_a_timespan),
        cmocka_unit_test(values_are_counted_once_each),
        cmocka_unit_test(several_fields_make_one_value),
        cmocka_unit_test(temporal_wants_all_in_any_order),
        cmocka_unit_test(ordered_wants_their_order),
        cmocka_unit_test(ordered_with_a_condition_takes_some_of_them),
        cmocka_unit_test(sums_averages_percentiles_and_ranges),
        cmocka_unit_test(a_correlation_of_a_correlation),
        cmocka_unit_test(what_a_window_end_brings_counts_further_on),
        cmocka_unit_test(aliases_join_different_fields),
        cmocka_unit_test(a_late_hit_completes_what_others_began),
        cmocka_unit_test(the_order_of_arrival_does_not_matter),
        cmocka_unit_test(a_restart_in_mid_window_changes_nothing),
        cmocka_unit_test(a_damaged_state_is_refused_and_harmless),
        cmocka_unit_test(another_set_keeps_what_is_the_same),
        cmocka_unit_test(groups_are_bounded_and_what_is_dropped_is_counted),
        cmocka_unit_test(mistakes_are_refused_with_their_place),
        cmocka_unit_test(what_cannot_be_linked_is_left_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
