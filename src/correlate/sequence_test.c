/* Sequences: what each part of them means (S116–S118, spec 2.11), and what bounds them. */
#include "correlate/test_world.h"

#include "correlate/sequence.h"

#define SEQUENCE(body) "title: s\nid: s\nsequence:\n  timespan: 1h\n  by: host\n" body

static void on(struct world *w, double at_s, const char *rule, const char *host)
{
    happen(w, at_s, rule, NULL, host, NULL);
}

static void says(struct world *w, const char *what)
{
    if (strstr(buf_cstr(&w->json), what) == NULL)
        fail_msg("'%s' is not in %s", what, buf_cstr(&w->json));
}

/* ------------------------------------------------------------------- meaning */

static void steps_come_in_their_order_and_within_their_time(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          SEQUENCE(
              "  steps:\n    - {name: first, rules: [a]}\n    - {name: second, rules: [b], within: 10m}\n"
              "    - {name: third, rules: [c, d], within: 5m}\n"),
          0);
    on(&w, 0, "b", "pc");
    on(&w, 1, "c", "pc");
    on(&w, 2, "a", "pc");
    on(&w, 3, "b", "other");
    on(&w, 4, "c", "pc");
    on(&w, 700, "b", "pc"); /* too long after a */
    on(&w, 701, "c", "pc");
    expect(&w, "");
    on(&w, 1000, "a", "pc");
    on(&w, 1001, "a", "pc");
    on(&w, 1500, "b", "PC"); /* names compare without case */
    on(&w, 1801, "d", "pc"); /* too long after b */
    expect(&w, "");
    on(&w, 1590, "b", "pc"); /* late: and now it is not */
    expect(&w, "");
    assert_int_equal(correlator_counters(w.correlator).late_hits, 1);
    on(&w, 1900, "a", "pc");
    on(&w, 1900, "b", "pc"); /* the same second: clocks say no more */
    on(&w, 1900, "c", "pc");
    expect(&w, "s@1900 ");
    on(&w, 2000, "c", "pc"); /* the same attack goes on */
    expect(&w, "");
    says(&w, "\"step.first\":\"2025-11-10T00:44:49.000Z pc\"");
    stop(&w);
}

static void a_host_is_one_with_and_without_its_domain(void **state)
{
    (void)state;
    struct world w;
    start(&w, SEQUENCE("  steps:\n    - {name: first, rules: [a]}\n    - {name: second, rules: [b]}\n"), 0);
    on(&w, 0, "a", "pc31.corp.example");
    on(&w, 5, "b", "192.0.2.31"); /* addresses have no labels */
    on(&w, 6, "b", "192.0.2.77");
    on(&w, 7, "a", "192.0.2.31");
    on(&w, 8, "b", "192.0.2.77");
    expect(&w, "");
    on(&w, 10, "b", "PC31");
    expect(&w, "s@10 ");
    says(&w, "\"hosts\":\"pc31.corp.example\"");
    stop(&w);
}

static void one_event_is_one_step(void **state)
{
    (void)state;
    struct world w;
    start(&w, SEQUENCE("  steps:\n    - {rules: [a]}\n    - {rules: [b]}\n"), 0);
    happen_after(&w, &(struct happening){.at_s = 0, .rule = "a", .also = "b", .host = "pc"}, 0);
    expect(&w, "");
    on(&w, 1, "b", "pc");
    expect(&w, "s@1 ");
    stop(&w);
}

static void the_timespan_bounds_the_whole(void **state)
{
    (void)state;
    struct world w;
    start(&w, SEQUENCE("  steps:\n    - {rules: [a]}\n    - {rules: [b]}\n    - {rules: [c]}\n"), 0);
    on(&w, 0, "a", "pc");
    on(&w, 1800, "b", "pc");
    on(&w, 3601, "c", "pc");
    expect(&w, "");
    on(&w, 3602, "a", "pc");
    on(&w, 3603, "b", "pc");
    on(&w, 7202, "c", "pc");
    expect(&w, "s@7202 ");
    stop(&w);
}

static void optional_steps_need_not_come(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          SEQUENCE("  steps:\n    - {name: in, rules: [a]}\n    - {name: maybe, rules: [b], optional: true}\n"
                   "    - {name: out, rules: [c], within: 1m}\n"),
          0);
    on(&w, 0, "a", "one");
    on(&w, 60, "c", "one");
    expect(&w, "s@60 ");
    says(&w, "\"missing\":\"maybe\"");
    on(&w, 100, "a", "two");
    on(&w, 200, "b", "two");
    on(&w, 250, "c", "two"); /* a minute after the step before it that came */
    expect(&w, "s@250 ");
    stop(&w);
}

static void any_order_wants_all_of_a_set(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          SEQUENCE("  steps:\n    - {rules: [a]}\n    - {any_order: [{rules: [b]}, {rules: [c], times: 2}], "
                   "within: 2m}\n"
                   "    - {rules: [d]}\n"),
          0);
    on(&w, 0, "c", "pc");
    on(&w, 1, "a", "pc");
    on(&w, 2, "c", "pc");
    on(&w, 3, "b", "pc");
    on(&w, 4, "d", "pc"); /* one c was before a */
    expect(&w, "");
    on(&w, 5, "c", "pc");
    on(&w, 6, "d", "pc");
    expect(&w, "s@6 ");
    on(&w, 10, "a", "late");
    on(&w, 11, "c", "late");
    on(&w, 12, "c", "late");
    on(&w, 131, "b", "late");
    on(&w, 132, "d", "late");
    expect(&w, "");
    stop(&w);
}

static void repetitions_are_events_apart(void **state)
{
    (void)state;
    struct world w;
    start(&w, SEQUENCE("  steps:\n    - {rules: [a, b], times: 3, within: 10s}\n    - {rules: [c]}\n"), 0);
    happen_after(&w, &(struct happening){.at_s = 0, .rule = "a", .also = "b", .host = "pc"}, 0);
    happen_after(&w, &(struct happening){.at_s = 1, .rule = "a", .also = "b", .host = "pc"}, 0);
    on(&w, 2, "c", "pc");
    on(&w, 11, "a", "pc"); /* eleven seconds after the first */
    on(&w, 12, "c", "pc");
    expect(&w, "");
    on(&w, 11, "b", "pc");
    on(&w, 13, "c", "pc");
    expect(&w, "");
    assert_int_equal(correlator_counters(w.correlator).late_hits, 1);
    on(&w, 13, "a", "pc");
    on(&w, 14, "b", "pc");
    on(&w, 15, "c", "pc");
    expect(&w, "s@15 ");
    stop(&w);
}

static void some_steps_are_enough_when_needs_says_so(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          SEQUENCE("  steps:\n    - {name: w, rules: [a]}\n    - {name: x, rules: [b]}\n    - {name: y, "
                   "rules: [c]}\n"
                   "    - {name: z, rules: [d]}\n  needs: 3\n"),
          0);
    on(&w, 0, "a", "pc");
    on(&w, 1, "a", "pc");
    on(&w, 2, "d", "pc");
    on(&w, 3, "c", "pc"); /* a, c in order; d came too early */
    expect(&w, "");
    on(&w, 4, "d", "pc");
    expect(&w, "s@4 ");
    says(&w, "\"weight\":\"3\"");
    says(&w, "\"missing\":\"x\"");
    stop(&w);
}

static void weights_and_required_steps(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          SEQUENCE("  steps:\n    - {rules: [a], weight: 0}\n    - {rules: [b], weight: 2.5}\n"
                   "    - {rules: [c], optional: false}\n    - {rules: [d], weight: 0.5}\n  needs: 3\n"),
          0);
    on(&w, 0, "a", "pc");
    on(&w, 1, "b", "pc");
    on(&w, 2, "d", "pc"); /* 3, and c is missing */
    expect(&w, "");
    on(&w, 3, "c", "pc");
    expect(&w, "s@3 ");
    on(&w, 10, "a", "other");
    on(&w, 11, "c", "other");
    on(&w, 12, "d", "other");
    expect(&w, "");
    stop(&w);
}

static void nothing_may_come_between(void **state)
{
    (void)state;
    struct world w;
    start(&w, SEQUENCE("  steps:\n    - {rules: [a]}\n    - {not: [b]}\n    - {rules: [c]}\n"), 10);
    on(&w, 0, "a", "pc");
    on(&w, 1, "b", "pc");
    on(&w, 2, "c", "pc");
    on(&w, 20, "", NULL);
    expect(&w, "");
    on(&w, 30, "a", "pc");
    on(&w, 32, "c", "pc");
    expect(&w, ""); /* b may still be on its way */
    on(&w, 42, "", NULL);
    expect(&w, "");
    on(&w, 43, "", NULL);
    expect(&w, "s@32 ");
    on(&w, 50, "a", "other");
    on(&w, 52, "c", "other");
    on(&w, 51, "b", "other"); /* it was */
    on(&w, 100, "", NULL);
    expect(&w, "");
    stop(&w);
}

static void what_does_not_come_in_time(void **state)
{
    (void)state;
    struct world w;
    start(&w, SEQUENCE("  steps:\n    - {rules: [a]}\n    - {not: [b], for: 30m}\n"), 10);
    on(&w, 0, "a", "found");
    on(&w, 10, "a", "cleaned");
    on(&w, 1809, "b", "cleaned");
    on(&w, 1811, "", NULL);
    expect(&w, "s@1800 ");
    on(&w, 4000, "", NULL);
    expect(&w, "");
    stop(&w);
    start(&w, SEQUENCE("  steps:\n    - {rules: [a]}\n    - {not: [b], for: 1m}\n    - {rules: [c]}\n"), 0);
    on(&w, 0, "a", "pc");
    on(&w, 59, "c", "pc"); /* too early to know */
    on(&w, 61, "c", "pc");
    on(&w, 62, "", NULL);
    expect(&w, "s@61 ");
    stop(&w);
}

static void groups_by_user_destination_and_field(void **state)
{
    (void)state;
    static const char *const bys[] = {"user", "destination", "test.value", "[user, destination]", "~"};
    struct world w;
    for (size_t i = 0; i < COUNT_OF(bys); i++) {
        char text[300];
        snprintf(
            text, sizeof text,
            "title: s\nid: s\nsequence:\n  timespan: 1h\n  by: %s\n  steps: [{rules: [a]}, {rules: [b]}]\n",
            bys[i]);
        struct happening h = {.rule = "a", .host = "x", .user = "u", .to = "192.0.2.1", .value = "v"};
        start(&w, text, 0);
        happen_after(&w, &h, 0);
        h.rule = "b", h.host = "y", h.user = "other", h.to = "192.0.2.2", h.value = "w";
        happen_after(&w, &h, 0);
        expect(&w, i == 4 ? "s@0 " : ""); /* without `by`: everywhere */
        h.user = "U", h.to = "192.0.2.1", h.value = "V";
        happen_after(&w, &h, 0);
        expect(&w, i == 4 ? "" : "s@0 ");
        stop(&w);
    }
}

/* ------------------------------------------------------------ from host to host */

static const char worm[] =
    SEQUENCE("  steps:\n    - {name: start, rules: [a]}\n    - {name: c2, rules: [b], within: 10m}\n"
             "    - {name: exploit, rules: [c], hop: destination}\n"
             "    - {name: c2 there, rules: [b], within: 10m}\n");

static void at_ip(struct world *w, double at_s, const char *rule, const char *ip, const char *host,
                  const char *to)
{
    happen_after(w, &(struct happening){.at_s = at_s, .rule = rule, .ip = ip, .host = host, .to = to}, 0);
}

static void a_hop_follows_the_attack_to_its_target(void **state)
{
    (void)state;
    struct world w;
    start(&w, worm, 0);
    at_ip(&w, 0, "a", "10.0.0.1", NULL, NULL);
    at_ip(&w, 1, "b", "10.0.0.1", NULL, "192.0.2.1");
    at_ip(&w, 2, "b", "10.0.0.3", NULL, "192.0.2.1"); /* nobody attacked that one */
    at_ip(&w, 3, "c", "10.0.0.1", NULL, "10.0.0.2");
    at_ip(&w, 4, "b", "10.0.0.1", NULL, "192.0.2.1"); /* not the target */
    at_ip(&w, 5, "b", "10.0.0.3", NULL, "192.0.2.1");
    expect(&w, "");
    at_ip(&w, 6, "b", "10.0.0.2", "PC-2", "192.0.2.1"); /* its address joins it to its name */
    expect(&w, "s@6 ");
    says(&w, "\"hosts\":[\"10.0.0.1\",\"PC-2\"]");
    says(&w, "\"step.exploit\":\"2025-11-10T00:13:12.000Z 10.0.0.1\"");
    says(&w, "\"step.c2 there\":\"2025-11-10T00:13:15.000Z PC-2\"");
    stop(&w);
}

static void a_late_event_reaches_the_other_host(void **state)
{
    (void)state;
    struct world w;
    start(&w, worm, 60);
    at_ip(&w, 1, "b", "10.0.0.1", NULL, NULL);
    at_ip(&w, 3, "c", "10.0.0.1", NULL, "10.0.0.2");
    at_ip(&w, 6, "b", "10.0.0.2", NULL, NULL);
    expect(&w, "");
    at_ip(&w, 0, "a", "10.0.0.1", NULL, NULL);
    expect(&w, "s@6 ");
    stop(&w);
}

static void hops_go_on_and_come_back(void **state)
{
    (void)state;
    struct world w;
    start(&w,
          SEQUENCE("  steps:\n    - {name: 1, rules: [a], hop: destination}\n    - {name: 2, rules: [a], "
                   "hop: destination}\n"
                   "    - {name: 3, rules: [b]}\n"),
          60);
    at_ip(&w, 0, "a", "10.0.0.1", NULL, "10.0.0.1"); /* to itself: no hop */
    at_ip(&w, 1, "a", "10.0.0.1", NULL, "10.0.0.2");
    at_ip(&w, 3, "b", "10.0.0.1", NULL, NULL);
    expect(&w, "");
    at_ip(&w, 2, "a", "10.0.0.2", NULL, "10.0.0.1"); /* late, and back */
    expect(&w, "s@3 ");
    says(&w, "\"hosts\":[\"10.0.0.1\",\"10.0.0.2\"]");
    stop(&w);
}

static void exercises_and_what_is_real_do_not_mix(void **state)
{
    (void)state;
    struct world w;
    struct buf saved = {0};
    struct error err;
    start(&w, worm, 0);
    struct happening h = {.at_s = 0, .rule = "a", .ip = "10.0.0.1", .is_exercise = true};
    happen_after(&w, &h, 0);
    h.rule = "b", h.at_s = 1;
    happen_after(&w, &h, 0);
    at_ip(&w, 2, "c", "10.0.0.1", NULL, "10.0.0.2"); /* a real attack */
    at_ip(&w, 3, "b", "10.0.0.2", NULL, NULL);
    expect(&w, "");
    h.rule = "c", h.at_s = 4, h.to = "10.0.0.2";
    happen_after(&w, &h, 0);
    correlator_save(w.correlator, &saved);
    correlator_free(w.correlator);
    w.correlator = correlator_new(load_set(&w, worm), 0);
    assert_true(correlator_load(w.correlator, buf_str(&saved), &err));
    at_ip(&w, 5, "b", "10.0.0.2", NULL, NULL);
    expect(&w, "");
    h.rule = "b", h.at_s = 6, h.ip = "10.0.0.2", h.to = NULL;
    happen_after(&w, &h, 0);
    expect(&w, "s@6 ");
    says(&w, "\"exercise\":true");
    buf_free(&saved);
    stop(&w);
}

static void a_name_and_an_address_are_one_host(void **state)
{
    (void)state;
    struct world w;
    start(&w, SEQUENCE("  steps:\n    - {rules: [a]}\n    - {rules: [b]}\n"), 0);
    at_ip(&w, 0, "a", "10.0.0.1", NULL, NULL);
    at_ip(&w, 1, "b", "10.0.0.1", "pc", NULL);
    expect(&w, "s@1 "); /* by the address */
    at_ip(&w, 10, "a", "10.0.0.2", "pc2", NULL);
    at_ip(&w, 11, "b", "10.0.0.2", "pc2", NULL);
    expect(&w, "s@11 "); /* by the name, once */
    at_ip(&w, 20, "a", "10.0.0.3", "pc3", NULL);
    at_ip(&w, 21, "b", "10.0.0.3", "pc4", NULL); /* the address has another owner now */
    expect(&w, "");
    stop(&w);
}

/* ----------------------------------------------------------------- which rules */

static void steps_select_findings_by_what_they_say(void **state)
{
    (void)state;
    static const struct {
        const char *selection, *group, *technique;
        enum level level;
        bool is_selected;
    } cases[] = {
        {"{evidence_group: av}", "av", NULL, LEVEL_LOW, true},
        {"{evidence_group: av}", "av", NULL, LEVEL_INFORMATIONAL, false},
        {"{evidence_group: av, level: informational}", "av", NULL, LEVEL_INFORMATIONAL, true},
        {"{evidence_group: av, level: high}", "av", NULL, LEVEL_MEDIUM, false},
        {"{evidence_group: av}", "avx", NULL, LEVEL_HIGH, false},
        {"{tag: attack.t1059}", "x", "T1059", LEVEL_LOW, true},
        {"{tag: attack.t1059}", "x", "T1059.001", LEVEL_LOW, true},
        {"{tag: attack.t1059.001}", "x", "T1059", LEVEL_LOW, false},
        {"{tag: attack.t105}", "x", "T1059", LEVEL_LOW, false},
        {"{tag: attack.t1059, evidence_group: process}", "x", "T1059", LEVEL_LOW, false},
        {"{evidence_group: av, except: [any rule of any stage]}", "av", NULL, LEVEL_LOW, false},
        {"{evidence_group: av, except: another}", "av", NULL, LEVEL_LOW, true},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct world w;
        char text[300];
        snprintf(
            text, sizeof text,
            "title: s\nid: s\nsequence: {timespan: 1h, by: host, steps: [{rules: [%s]}, {rules: [b]}]}\n",
            cases[i].selection);
        start(&w, text, 0);
        struct happening h = {.rule = "any rule of any stage",
                              .host = "pc",
                              .group = cases[i].group,
                              .technique = cases[i].technique,
                              .level = cases[i].level};
        happen_after(&w, &h, 0);
        on(&w, 1, "b", "pc");
        if ((w.found.n > 0) != cases[i].is_selected)
            fail_msg("%s: '%s'", cases[i].selection, buf_cstr(&w.found));
        stop(&w);
    }
}

static const struct rule_info *find_instrument(void *context, struct str id)
{
    static const struct rule_info scan = {.id = {"scan_horizontal", 15}};
    (void)context;
    return str_eq(id, scan.id) ? &scan : NULL;
}

static void findings_of_other_stages_are_steps_too(void **state)
{
    (void)state;
    struct world w = {.sequence = 0};
    struct correlation_resolver resolver = {&w, find_rule, fields_of, named, refused, find_instrument};
    arena_init(&w.arena, 4096);
    w.set = correlation_set_new();
    w.rules[0] = (struct rule_info){.id = STR("a")};
    add_document(&w, "title: s\nid: s\nsequence:\n  timespan: 1h\n  by: host\n  steps: [{rules: [a]}, "
                     "{rules: [scan_horizontal]}]\n"
                     "---\ntitle: t\nid: t\nsequence:\n  timespan: 1h\n  steps: [{rules: [a]}, {rules: "
                     "[scan_vertical]}]\n");
    correlation_set_link(w.set, &resolver);
    assert_non_null(strstr(w.refused, "t.yml:12:34: the correlation names the rule 'scan_vertical'"));
    w.correlator = correlator_new(w.set, 0);
    on(&w, 0, "a", "pc");
    on(&w, 1, "scan_horizontal", "pc");
    expect(&w, "s@1 ");
    assert_int_equal(w.named[0], 0); /* a speaks on */
    stop(&w);
}

static const char *const upon_each_other =
    SEQUENCE("  steps:\n    - {rules: [many]}\n    - {rules: [inner]}\n    - {rules: "
             "[lacking]}\n") "---\n{title: many, id: many, level: high, correlation: "
                             "{type: event_count, rules: [a], group-by: [host.name], "
                             "timespan: 1m, condition: {gte: 3}}}\n"
                             "---\n{title: inner, id: inner, sequence: {by: host, "
                             "timespan: 1m, steps: [{rules: [b]}, {rules: [c]}]}}\n"
                             "---\n{title: lacking, id: lacking, sequence: {by: host, "
                             "timespan: 1m, steps: [{rules: [d]}, {not: [e], for: "
                             "10s}]}}\n"
                             "---\n{title: by group, id: selected, sequence: {by: host, "
                             "timespan: 1m, steps: [{rules: [{tag: "
                             "attack.t1110}]}, {rules: [d]}]}}\n"
                             "---\n{title: spray, id: spray, tags: [attack.t1110.003], "
                             "correlation: {type: event_count, rules: [f], "
                             "group-by: [host.name], timespan: 1m, condition: {gte: 2}}}\n";

static void sequences_and_correlations_stand_upon_each_other(void **state)
{
    (void)state;
    struct world w;
    start(&w, upon_each_other, 0);
    for (int i = 0; i < 3; i++)
        on(&w, i, "a", "pc");
    expect(&w, "many@2 "); /* a sequence silences nobody */
    on(&w, 5, "b", "pc");
    on(&w, 6, "c", "pc");
    expect(&w, "inner@6 ");
    on(&w, 7, "d", "pc");
    on(&w, 100, "", NULL); /* event time jumps, and it counts all the same */
    expect(&w, "lacking@17 s@17 ");
    on(&w, 200, "f", "pc");
    on(&w, 201, "f", "pc");
    on(&w, 202, "d", "pc");
    expect(&w, "spray@201 selected@202 ");
    stop(&w);
}

static void another_set_keeps_what_is_the_same(void **state)
{
    (void)state;
    struct world w;
    const char *old = SEQUENCE("  steps: [{rules: [a]}, {rules: [b]}]\n");
    start(&w, old, 0);
    on(&w, 0, "a", "pc");
    correlator_use(
        w.correlator,
        load_set(&w, "title: x\nid: x\nsequence: {timespan: 1h, steps: [{rules: [d]}]}\n---\n" SEQUENCE(
                         "  steps: [{rules: [a]}, {rules: [b]}]\nlevel: high\n")));
    on(&w, 1, "b", "pc");
    expect(&w, "s@1 ");
    on(&w, 2, "a", "other");
    correlator_use(w.correlator,
                   load_set(&w, SEQUENCE("  steps: [{rules: [a]}, {rules: [b], within: 1m}]\n")));
    on(&w, 3, "b", "other"); /* another rule begins anew */
    expect(&w, "");
    stop(&w);
}

static void a_flood_of_one_step_leaves_the_others(void **state)
{
    (void)state;
    struct world w;
    start(&w, SEQUENCE("  steps: [{rules: [a]}, {rules: [b]}, {rules: [c]}]\n"), 0);
    on(&w, 0, "a", "pc");
    for (int i = 0; i < SEQUENCE_MAX_HITS * 2; i++)
        on(&w, 1 + i / 10.0, "b", "pc");
    assert_int_equal(correlator_counters(w.correlator).live_hits, SEQUENCE_MAX_HITS);
    assert_int_equal(correlator_counters(w.correlator).dropped_hits, SEQUENCE_MAX_HITS + 1);
    on(&w, 500, "c", "pc");
    expect(&w, "s@500 ");
    on(&w, 10000, "d", "pc");
    for (int i = 0; i < 3000; i++) { /* idle groups go */
        char host[16];
        snprintf(host, sizeof host, "h%d", i);
        on(&w, 10000 + 10 * i, "a", host);
    }
    assert_true(correlator_counters(w.correlator).live_groups < 2000);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(steps_come_in_their_order_and_within_their_time),
        cmocka_unit_test(a_host_is_one_with_and_without_its_domain),
        cmocka_unit_test(one_event_is_one_step),
        cmocka_unit_test(the_timespan_bounds_the_whole),
        cmocka_unit_test(optional_steps_need_not_come),
        cmocka_unit_test(any_order_wants_all_of_a_set),
        cmocka_unit_test(repetitions_are_events_apart),
        cmocka_unit_test(some_steps_are_enough_when_needs_says_so),
        cmocka_unit_test(weights_and_required_steps),
        cmocka_unit_test(nothing_may_come_between),
        cmocka_unit_test(what_does_not_come_in_time),
        cmocka_unit_test(groups_by_user_destination_and_field),
        cmocka_unit_test(a_hop_follows_the_attack_to_its_target),
        cmocka_unit_test(a_late_event_reaches_the_other_host),
        cmocka_unit_test(hops_go_on_and_come_back),
        cmocka_unit_test(exercises_and_what_is_real_do_not_mix),
        cmocka_unit_test(a_name_and_an_address_are_one_host),
        cmocka_unit_test(steps_select_findings_by_what_they_say),
        cmocka_unit_test(findings_of_other_stages_are_steps_too),
        cmocka_unit_test(sequences_and_correlations_stand_upon_each_other),
        cmocka_unit_test(another_set_keeps_what_is_the_same),
        cmocka_unit_test(a_flood_of_one_step_leaves_the_others),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
