/* Units of judge/: which findings become one candidate, and the worked numbers of spec 4.4 and 4.5. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "judge/candidate.h"
#include "judge/judge.h"
#include "judge/score.h"

static struct criteria *load(void)
{
    const char *content = getenv("HYAKUYO_CONTENT");
    char path[512];
    struct error err;
    snprintf(path, sizeof path, "%s/judgement.yml", content ? content : "content");
    struct criteria *c = criteria_load(path, &err);
    if (c == NULL)
        fail_msg("%s", err.text);
    return c;
}

static uint64_t next_sequence = 1;

static struct finding make(const char *rule, const char *ip, const char *name, double ratio,
                           const char *group, int64_t second)
{
    return (struct finding){
        .rule_id = str_c(rule),
        .title_en = str_c(rule),
        .title_ja = STR_EMPTY,
        .level = LEVEL_MEDIUM,
        .time_ns = second * NS_PER_SECOND,
        .sequence = next_sequence++,
        .product = STR("test"),
        .evidence_group = str_c(group),
        .likelihood_ratio = ratio,
        .stage = STR_EMPTY,
        .host_name = str_c(name),
        .host_ip = str_c(ip),
        .user = STR_EMPTY,
        .department = STR_EMPTY,
        .peer = STR_EMPTY,
    };
}

static bool remember(void *context, const struct judgement *judgement)
{
    *(struct judgement *)context = *judgement;
    return true;
}

/* Takes a finding and gives the candidate that it changed; all zero when none. */
static struct judgement take(struct judge *j, const struct finding *f)
{
    struct judgement last = {0};
    judge_take(j, f, f->time_ns);
    assert_true(judge_hand_out(j, HAND_OUT_ALL, UINT32_MAX, remember, &last));
    judge_settle(j, true);
    return last;
}

static void one_host_one_candidate(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    judge_take(j, &f, f.time_ns);
    f = make("b", "10.0.0.1", "PC-1", 0, "", 1010);
    judge_take(j, &f, f.time_ns);
    f = make("c", "", "pc-1.example.co.jp", 0, "", 900);
    struct judgement got = take(j, &f);
    assert_non_null(got.candidate);
    assert_int_equal(judge_candidate_count(j), 1);
    assert_int_equal(got.candidate->finding_count, 3);
    assert_memory_equal(got.candidate->findings[0].rule_id.p, "c", 1); /* in order of event time */
    assert_int_equal(got.candidate->first_ns, 900 * NS_PER_SECOND);
    f = make("a", "10.0.0.2", "", 0, "", 1000);
    judge_take(j, &f, f.time_ns);
    assert_int_equal(judge_candidate_count(j), 2);
    judge_free(j);
    criteria_free(c);
}

static struct finding of_kin(const char *ip, const char *group, const char *peer, double ratio,
                             int64_t second)
{
    struct finding f = make(group, ip, "", ratio, group, second);
    f.peer = str_c(peer);
    f.level = ratio > 20 ? LEVEL_HIGH : LEVEL_MEDIUM;
    return f;
}

/* The same program within the hour joins incidents, the same control server those that are sure. */
static void kin_join_incidents_only(void **state)
{
    (void)state;
    const struct {
        const char *group, *peer, *other;
        int64_t apart_s;
        double other_ratio; /* of the second host */
        size_t then, later; /* candidates, when that has been found and when antivirus has too */
    } cases[] = {{"c2_flow", "198.51.100.23", "198.51.100.23", 40000, 50000, 1, 1},
                 {"c2_flow", "198.51.100.23", "198.51.100.23", 40000, 20, 2, 1},
                 {"c2_flow", "198.51.100.23", "198.51.100.23", 40000, 0.01, 2, 2}, /* no longer sure */
                 {"c2_flow", "198.51.100.23", "198.51.100.24", 60, 50000, 2, 2},
                 {"process", "C:\\Windows\\Temp\\svcupd.exe", "c:\\windows\\temp\\SVCUPD.exe", 600, 50, 1, 1},
                 {"process", "C:\\Windows\\Temp\\svcupd.exe", "c:\\windows\\temp\\SVCUPD.exe", 600, 4, 2, 1},
                 {"process", "C:\\Windows\\Temp\\svcupd.exe", "C:\\Windows\\Temp\\svcupd.exe", 9000, 50, 2,
                  2},
                 {"persistence", "qzwx", "qzwx", 600, 50, 1, 1},
                 {"destination", "198.51.100.23", "198.51.100.23", 60, 50000, 2, 2}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct criteria *c = load();
        struct judge *j = judge_new(c);
        int64_t then = 1000 + cases[i].apart_s;
        struct finding f[] = {of_kin("10.0.0.1", cases[i].group, cases[i].peer, 50000, 1000),
                              of_kin("10.0.0.2", cases[i].group, cases[i].other, cases[i].other_ratio, then),
                              of_kin("10.0.0.3", cases[i].group, cases[i].other, 2,
                                     then), /* never an incident */
                              of_kin("10.0.0.2", "av", "x", 2000, then + 900)};
        for (size_t n = 0; n < COUNT_OF(f); n++) {
            judge_take(j, &f[n], f[n].time_ns);
            if (n == 1 && judge_candidate_count(j) == 1 && cases[i].apart_s < 3600) {
                struct judgement got = {0};
                assert_true(judge_hand_out(j, HAND_OUT_ALL, UINT32_MAX, remember, &got));
                judge_settle(j, true);
                assert_int_equal(got.candidate->urgency, 4); /* two hosts within the hour, at once */
            }
            if (n == 1 && judge_candidate_count(j) != cases[i].then)
                fail_msg("case %zu: %zu candidates", i, judge_candidate_count(j));
        }
        if (judge_candidate_count(j) != cases[i].later + 1)
            fail_msg("case %zu, later: %zu candidates", i, judge_candidate_count(j));
        judge_free(j);
        criteria_free(c);
    }
}

/* Whether it is asked for after each finding or once at the end. */
static void it_opens_with_the_finding_that_makes_it_one(void **state)
{
    (void)state;
    struct criteria *c = load();
    for (int asks_each = 0; asks_each < 2; asks_each++) {
        struct judge *j = judge_new(c);
        struct judgement got = {0};
        for (int n = 0; n < 4; n++) {
            struct finding f = make(n == 2 ? "grave" : "slight", "10.0.0.1", "", 0, "", 1000 + 10 * n);
            f.level = n == 2 ? LEVEL_CRITICAL : LEVEL_LOW;
            if (asks_each || n == 3)
                got = take(j, &f);
            else
                judge_take(j, &f, f.time_ns);
            if (asks_each)
                assert_int_equal(got.deserved_ns, n < 2 ? 0 : 1020 * NS_PER_SECOND);
        }
        assert_true(got.deserves_incident);
        assert_int_equal(got.deserved_ns, 1020 * NS_PER_SECOND);
        judge_free(j);
    }
    criteria_free(c);
}

static void name_and_address_join_late(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    judge_take(j, &f, f.time_ns);
    f = make("b", "", "PC-1", 0, "", 1001);
    judge_take(j, &f, f.time_ns);
    assert_int_equal(judge_candidate_count(j), 2);
    f = make("c", "10.0.0.1", "PC-1", 0, "", 1002);
    struct judgement got = take(j, &f);
    assert_int_equal(judge_candidate_count(j), 1);
    assert_int_equal(got.candidate->finding_count, 3);
    judge_free(j);
    criteria_free(c);
}

/* Spec 0.3: the same address, leased to two hosts one after the other. Without knowing whose it is, one
 * address is one host, as before. */
static void an_address_that_changed_hands_is_two_hosts(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    take(j, &f);
    f = make("b", "10.0.0.1", "PC-A", 0, "", 1001);
    f.is_identified = true;
    take(j, &f);
    assert_int_equal(judge_candidate_count(j), 1); /* nobody's before: its */
    f = make("c", "10.0.0.1", "PC-B", 0, "", 5000);
    f.is_identified = true;
    take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2);
    f = make("d", "10.0.0.1", "pc-a.example.co.jp", 0, "", 5001);
    f.is_identified = true;
    struct judgement got = take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2);
    assert_int_equal(got.candidate->finding_count, 3);
    f = make("e", "10.0.0.1", "www", 0, "",
             5002); /* a name of somebody's own, not known to be another host */
    take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2);
    judge_free(j);
    criteria_free(c);
}

static void attacked_host_joins_only_with_signs_of_its_own(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("exploit", "10.0.0.1", "", 50, "outward", 1000);
    f.stage = STR("spreading");
    f.peer = STR("10.0.0.9");
    struct judgement got = take(j, &f);
    assert_int_equal(got.candidate->urgency, 4);
    assert_string_equal("10.0.0.1", got.candidate->hosts.n == 8 ? "10.0.0.1" : "other");
    f = make("early", "10.0.0.8", "", 4, "process", 1001);
    judge_take(j, &f, f.time_ns);
    assert_int_equal(judge_candidate_count(j), 2); /* .8 was never attacked */
    f = make("scan_worm", "10.0.0.1", "", 30, "scan", 1001);
    f.stage = STR("spreading");
    f.peer = STR("10.0.0.8"); /* nor is it when it was tried */
    judge_take(j, &f, f.time_ns);
    f = make("report", "10.0.0.8", "", 3, "user_report", 1002);
    judge_take(j, &f, f.time_ns);
    assert_int_equal(judge_candidate_count(j), 2);
    f = make("process", "10.0.0.9", "", 4, "process", 1002);
    got = take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2);
    assert_int_equal(got.candidate->finding_count, 3);
    judge_free(j);
    criteria_free(c);
}

/* The first had a slight finding the day before, and its last one two minutes before the other's first. */
static void one_after_the_other_is_within_the_hour(void **state)
{
    (void)state;
    struct criteria *c = load();
    for (int gap = 0; gap < 2; gap++) {
        struct judge *j = judge_new(c);
        int64_t other = 80120 + (gap ? 3600 : 0);
        struct finding f[] = {make("slight", "10.0.0.1", "", 1, "destination", 1000),
                              make("exploit", "10.0.0.1", "", 50, "inside_exploit", 80000),
                              make("process", "10.0.0.2", "", 4, "process", other)};
        struct judgement got = {0};
        f[1].peer = STR("10.0.0.2");
        f[1].stage = f[2].stage = STR("executed");
        f[2].hosts = (struct finding_host[]){{STR_EMPTY, STR("10.0.0.1"), STR_EMPTY}};
        f[2].host_count = 1;
        for (size_t n = 0; n < COUNT_OF(f); n++)
            got = take(j, &f[n]);
        assert_int_equal(judge_candidate_count(j), 1);
        assert_int_equal(got.candidate->urgency,
                         gap ? 3 : 4); /* 2, and one more since it goes on and spreads */
        judge_free(j);
    }
    criteria_free(c);
}

/* S116: one incident, not one for each host. */
static void a_sequence_joins_the_candidates_of_its_hosts(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("login", "198.51.100.201", "", 15, "remote_access", 1000);
    judge_take(j, &f, f.time_ns);
    f = make("logon", "", "DC01", 15, "account", 1001);
    judge_take(j, &f, f.time_ns);
    f = make("other", "", "PC9", 4, "process", 1001);
    judge_take(j, &f, f.time_ns);
    f = make("off", "", "FS01", 15, "agent_state", 1002);
    judge_take(j, &f, f.time_ns);
    assert_int_equal(judge_candidate_count(j), 4);
    const struct finding_host hosts[] = {{STR_EMPTY, STR("198.51.100.201"), STR("vendor")},
                                         {STR("dc01"), STR_EMPTY, STR_EMPTY},
                                         {STR("FS01"), STR_EMPTY, STR_EMPTY},
                                         {STR("unheard of"), STR_EMPTY, STR_EMPTY}};
    f = make("ransomware", "", "FS01", 5, "sequence", 1002);
    f.hosts = hosts;
    f.host_count = COUNT_OF(hosts);
    struct judgement got = take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2); /* PC9 has no part in it */
    assert_int_equal(got.candidate->finding_count, 4);
    assert_true(got.candidate->confidence > 0.9); /* 20 x 15 x 15 of spec 5.5 give .90 at odds .002 */
    judge_free(j);
    criteria_free(c);
}

/* It keeps findings together and is shown as what it is; it is neither counted nor listed as one of ours. */
static void an_address_of_others_is_no_host_of_ours(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("login", "198.51.100.201", "", 15, "remote_access", 1000);
    f.is_outside = true;
    struct judgement got = take(j, &f);
    assert_int_equal(got.candidate->hosts.n, 0);
    assert_true(str_eq(got.candidate->outside, STR("198.51.100.201")));
    const struct finding_host hosts[] = {{STR_EMPTY, STR("198.51.100.201"), STR("vendor")},
                                         {STR("FS01"), STR_EMPTY, STR_EMPTY}};
    f = make("ransomware", "", "FS01", 5, "sequence", 1002);
    f.hosts = hosts;
    f.host_count = COUNT_OF(hosts);
    got = take(j, &f);
    assert_int_equal(judge_candidate_count(j), 1);
    assert_true(str_eq(got.candidate->hosts, STR("FS01")));
    assert_true(str_eq(got.candidate->outside, STR("198.51.100.201")));
    assert_true(str_contains(got.candidate->reason, STR("\"hosts_within_hour\":1")));

    struct judge *restarted = judge_new(c);
    judge_restore(restarted, got.candidate, true);
    f = make("late", "198.51.100.201", "LAPTOP7", 5, "process", 1003); /* one of ours, on the road */
    got = take(restarted, &f);
    assert_true(str_contains(got.candidate->hosts, STR("FS01")) &&
                str_contains(got.candidate->hosts, STR("LAPTOP7 (198.51.100.201)")));
    assert_int_equal(got.candidate->outside.n, 0);
    judge_free(restarted);
    judge_free(j);
    criteria_free(c);
}

static void a_repeated_sequence_is_not_counted_again(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    judge_take(j, &f, f.time_ns);
    struct finding again = make("a", "10.0.0.1", "", 0, "", 1001);
    struct judgement got = take(j, &again);
    assert_int_equal(got.candidate->findings[0].count, 2);

    struct judge *restarted = judge_new(c);
    judge_restore(restarted, got.candidate, true);
    assert_null(take(restarted, &f).candidate);
    assert_null(take(restarted, &again).candidate);
    struct finding fresh = make("a", "10.0.0.1", "", 0, "", 1002);
    got = take(restarted, &fresh);
    assert_int_equal(got.candidate->findings[0].count, 3);
    judge_free(restarted);
    judge_free(j);
    criteria_free(c);
}

static void windows_end(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    take(j, &f);
    f = make("a", "10.0.0.1", "", 0, "", 1000 + 2 * 86400);
    take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2);
    judge_let_go(j);
    assert_int_equal(judge_candidate_count(j), 1);
    f = make("b", "10.0.0.1", "", 0, "", 1001 + 2 * 86400);
    assert_int_equal(take(j, &f).candidate->finding_count, 2);
    judge_free(j);
    criteria_free(c);
}

/* Spec 4.5: 6667/tcp outbound 500, business context 10 and 0.6, antivirus clean 0.8. */
static void worked_cases(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("irc", "10.20.10.5", "", 500, "c2_flow", 1000);
    f.stage = STR("c2_suspected");
    f.passage = PASSAGE_DENIED;
    f.importance = 4;
    struct judgement got = take(j, &f);
    assert_true(fabs(got.candidate->confidence - 0.5005) < 0.001);
    f = make("context", "10.20.10.5", "", 10, "business_context", 1001);
    got = take(j, &f);
    assert_true(fabs(got.candidate->confidence - 0.909) < 0.001);
    assert_int_equal(got.candidate->confidence_level, 3);
    assert_int_equal(got.candidate->urgency, 2);
    assert_int_equal(got.candidate->importance, 4);
    f = make("clean", "10.20.10.5", "", 0.8, "av", 1002);
    got = take(j, &f);
    assert_true(fabs(got.candidate->confidence - 0.889) < 0.001);

    for (int i = 0; i < 100; i++) { /* property (b): a hundred more packets change nothing */
        f = make("irc", "10.20.10.5", "", 500, "c2_flow", 1003 + i);
        got = take(j, &f);
    }
    assert_true(fabs(got.candidate->confidence - 0.889) < 0.001);

    f = make("irc", "10.20.30.77", "", 500, "c2_flow", 1000);
    f.stage = STR("c2_suspected");
    f.passage = PASSAGE_ALLOWED;
    judge_take(j, &f, f.time_ns);
    f = make("skype", "10.20.30.77", "", 0.6, "business_context", 1001);
    got = take(j, &f);
    assert_true(fabs(got.candidate->confidence - 0.375) < 0.001);
    assert_int_equal(got.candidate->confidence_level, 2);
    assert_int_equal(got.candidate->urgency, 3);
    assert_true(got.deserves_incident);
    judge_free(j);
    criteria_free(c);
}

/* One noisy system is one witness; even several about one fact cannot reach "high" on their own (S114). */
static void one_group_stays_medium(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct judgement one = {0}, several = {0};
    char rules[10][16];
    for (int i = 0; i < 10; i++) {
        snprintf(rules[i], sizeof rules[i], "ids-%d", i);
        struct finding f = make(rules[i], "10.0.0.1", "", 300, "c2_flow", 1000 + i);
        one = take(j, &f);
    }
    assert_true(fabs(one.candidate->confidence - 0.3755) < 0.001); /* .002 → odds .6012 */
    assert_int_equal(one.candidate->confidence_level, 2);
    for (int i = 0; i < 10; i++) {
        struct finding f = make(rules[i], "10.0.0.2", "", 300, "c2_flow", 1000 + i);
        f.product = str_c(rules[i]);
        several = take(j, &f);
    }
    assert_true(several.candidate->confidence > 0.97);
    assert_int_equal(several.candidate->confidence_level, 2);
    judge_free(j);
    criteria_free(c);
}

/* A first word that says nothing (the first direct mail, S89) does not hide the group it stands in; mail past
 * our own servers is less urgent while the firewall stops it (S89, scenario 5.2). */
static void neutral_findings_hide_nothing(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding first = make("direct_smtp", "10.0.0.1", "", 1, "spam", 1000),
                   several = make("direct_smtp_several", "10.0.0.1", "", 80, "spam", 1002),
                   mx = make("mx", "10.0.0.1", "", 100, "mx_query", 1003);
    struct finding *all[] = {&first, &several, &mx};
    struct judgement got = {0};
    for (int i = 0; i < 3; i++) {
        all[i]->passage = PASSAGE_DENIED;
        all[i]->stage = i == 2 ? STR("executed") : STR("outward_mail");
        got = take(j, all[i]);
    }
    assert_true(fabs(got.candidate->confidence - 0.9413) < 0.001); /* .002 → odds 16.03 */
    assert_int_equal(got.candidate->confidence_level, 3);
    assert_int_equal(got.candidate->urgency, 2);
    several.passage = PASSAGE_ALLOWED;
    several.sequence = next_sequence++;
    assert_int_equal(take(j, &several).candidate->urgency, 3);
    judge_free(j);
    criteria_free(c);
}

/* Near a limit the level that was there stays (spec 4.4: hysteresis). */
static void levels_are_steady(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 240, "c2_flow", 1000); /* .3248 */
    assert_int_equal(take(j, &f).candidate->confidence_level, 2);
    f = make("b", "10.0.0.1", "", 0.85, "av", 1001); /* .2902: within .03 of .30 */
    struct judgement got = take(j, &f);
    assert_true(got.candidate->confidence < 0.30);
    assert_int_equal(got.candidate->confidence_level, 2);
    f = make("c", "10.0.0.1", "", 0.5, "hearing", 1002);
    assert_int_equal(take(j, &f).candidate->confidence_level, 1);
    judge_free(j);
    criteria_free(c);
}

static struct prior double_prior(void *context, const struct incident *incident)
{
    assert_true(incident->finding_count > 0);
    return (struct prior){2 * *(double *)context, STR("[{\"factor\":\"sensor nearby\",\"value\":2}]")};
}

static void priors_are_asked_for(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    double base = 0.002;
    judge_set_prior(j, double_prior, &base);
    struct finding f = make("a", "10.0.0.1", "", 500, "c2_flow", 1000);
    struct judgement got = take(j, &f);
    assert_true(fabs(got.candidate->confidence - 0.6676) < 0.001); /* odds .004/.996 × 500 */
    assert_true(str_find(got.candidate->reason, STR("sensor nearby"), 0) != STR_NOT_FOUND);
    judge_free(j);
    criteria_free(c);
}

/* S148: what a person says weighs, in the place of what was said to the same question before. */
static void what_is_heard_weighs_anew(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct judgement last = {0};
    struct incident_finding said = {.rule_id = STR("hearing_doing"),
                                    .title_en = STR("away"),
                                    .title_ja = STR("席を外していた"),
                                    .level = LEVEL_INFORMATIONAL,
                                    .product = STR("hearing"),
                                    .evidence_group = STR("hearing_activity"),
                                    .matched = STR("{}"),
                                    .likelihood_ratio = 4};
    struct finding f = make("a", "10.0.0.1", "PC1", 100, "c2_flow", 100);
    struct judgement first = take(j, &f);
    double before = first.candidate->confidence;
    int64_t last_ns = first.candidate->last_ns;
    first.candidate->id = 7;
    first.candidate->state = INCIDENT_NEW;
    assert_int_equal(judge_hear(j, 8, &said), JUDGE_NOT_HELD);
    assert_int_equal(judge_hear(j, 7, &said), JUDGE_DONE);
    assert_true(judge_hand_out(j, HAND_OUT_ALL, UINT32_MAX, remember, &last));
    judge_settle(j, true);
    double odds = before / (1 - before);
    assert_true(fabs(last.candidate->confidence - odds * 4 / (1 + odds * 4)) < 1e-9);
    assert_int_equal(last.candidate->finding_count, 2);
    assert_true(last.candidate->last_ns == last_ns); /* it moves no times */
    said.likelihood_ratio = 0.5;
    assert_int_equal(judge_hear(j, 7, &said), JUDGE_DONE);
    assert_true(judge_hand_out(j, HAND_OUT_ALL, UINT32_MAX, remember, &last));
    judge_settle(j, true);
    assert_int_equal(last.candidate->finding_count, 2);
    assert_true(fabs(last.candidate->confidence - odds * 0.5 / (1 + odds * 0.5)) < 1e-9);
    judge_free(j);
    criteria_free(c);
}

static void unknown_passage_gives_a_band(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("irc", "10.0.0.1", "", 500, "c2_flow", 1000);
    f.stage = STR("c2_suspected");
    struct judgement got = take(j, &f);
    assert_int_equal(got.candidate->urgency_low, 2);
    assert_int_equal(got.candidate->urgency_high, 3);
    assert_int_equal(got.candidate->importance, 2); /* not registered */
    judge_free(j);
    criteria_free(c);
}

/* Gives the first an id and a state, as a store does, and fails with the second. */
static bool refuse_the_second(void *context, const struct judgement *judgement)
{
    judgement->candidate->id = 70;
    judgement->candidate->state = INCIDENT_NEW;
    judgement->candidate->opened_ns = 5;
    judgement->candidate->findings[0].id = 71;
    judgement->candidate->findings[0].is_stored = true;
    return ++*(int *)context < 2;
}

struct seen {
    int count;
    bool all_as_before;
};

static bool look(void *context, const struct judgement *judgement)
{
    struct seen *seen = context;
    const struct incident *i = judgement->candidate;
    seen->count++;
    seen->all_as_before = seen->all_as_before && i->id == 0 && i->state == INCIDENT_CANDIDATE &&
                          i->opened_ns == 0 && i->findings[0].id == 0 && !i->findings[0].is_stored;
    return true;
}

static void what_could_not_be_kept_is_handed_out_again(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f;
    for (const char *const *ip = (const char *const[]){"10.0.0.1", "10.0.0.2", "10.0.0.3", NULL}; *ip; ip++) {
        f = make("a", *ip, "", 0, "", 1000);
        judge_take(j, &f, f.time_ns);
    }
    int calls = 0;
    assert_false(judge_hand_out(j, HAND_OUT_ALL, UINT32_MAX, refuse_the_second, &calls));
    judge_settle(j, false);
    assert_int_equal(calls, 2);
    struct seen seen = {0, true};
    assert_true(judge_hand_out(j, HAND_OUT_ALL, UINT32_MAX, look, &seen));
    judge_settle(j, true);
    assert_int_equal(seen.count, 3);
    assert_true(seen.all_as_before);
    assert_true(judge_hand_out(j, HAND_OUT_ALL, UINT32_MAX, look, &seen));
    judge_settle(j, true);
    assert_int_equal(seen.count, 3); /* nothing is left */
    judge_free(j);
    criteria_free(c);
}

static void a_merge_names_the_incident_it_swallowed(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    take(j, &f).candidate->id = 7;
    f = make("b", "", "PC-1", 0, "", 1001);
    take(j, &f).candidate->id = 9;
    f = make("c", "10.0.0.1", "PC-1", 0, "", 1002);
    struct judgement got = take(j, &f);
    assert_int_equal(got.candidate->id, 7);
    assert_int_equal(got.candidate->finding_count, 3);
    judge_free(j);
    criteria_free(c);
}

/* Spec 4.1: +1 ongoing and spreading, +1 Orange of the same class, −1 isolated; between 1 and 4. */
static void urgency_is_moved_by_what_is_going_on(void **state)
{
    (void)state;
    enum { SPREADS = 1 << MODIFIER_ONGOING_AND_SPREADING, ORANGE = 1 << MODIFIER_ORANGE_OF_SAME_CLASS };
    enum { ISOLATED = 1 << MODIFIER_ISOLATED };
    static const struct {
        const char *stage;
        enum passage passage;
        unsigned modifiers;
        int low, high;
    } cases[] = {
        {"c2_suspected", PASSAGE_ALLOWED, 0, 3, 3},
        {"c2_suspected", PASSAGE_ALLOWED, SPREADS, 4, 4},
        {"c2_suspected", PASSAGE_ALLOWED, SPREADS | ORANGE, 4, 4},
        {"c2_suspected", PASSAGE_ALLOWED, ISOLATED, 2, 2},
        {"c2_suspected", PASSAGE_ALLOWED, ORANGE | ISOLATED, 3, 3},
        {"c2_suspected", PASSAGE_UNKNOWN, ORANGE, 3, 4},
        {"c2_suspected", PASSAGE_DENIED, ISOLATED, 1, 1},
        {"exposure", PASSAGE_UNKNOWN, ISOLATED, 1, 1},
        {"exposure", PASSAGE_UNKNOWN, ORANGE, 2, 2},
        {"spreading", PASSAGE_UNKNOWN, SPREADS, 4, 4},
    };
    struct criteria *c = load();
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct incident_finding f = {.rule_id = STR("r"),
                                     .product = STR("p"),
                                     .evidence_group = STR_EMPTY,
                                     .stage = str_c(cases[i].stage),
                                     .passage = cases[i].passage};
        struct incident incident = {.findings = &f, .finding_count = 1};
        struct circumstances known = {.prior = 0.002, .modifiers = cases[i].modifiers};
        score(c, &incident, &known);
        assert_int_equal(incident.urgency_low, cases[i].low);
        assert_int_equal(incident.urgency_high, cases[i].high);
        assert_int_equal(incident.urgency, cases[i].high);
    }
    criteria_free(c);
}

/* What spread by hops an hour apart is more urgent while it goes on, and less once it has been quiet. */
static void what_stops_is_less_urgent_again(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct judgement got = {0};
    struct finding f = make("a", "10.0.0.1", "", 0, "", 100000);
    struct finding_host hosts[] = {{STR_EMPTY, STR("10.0.0.1"), STR_EMPTY},
                                   {STR_EMPTY, STR("10.0.0.2"), STR_EMPTY}};
    f.stage = STR("outward_attack");
    judge_review(j, f.time_ns);
    assert_int_equal(take(j, &f).candidate->urgency, 3);
    f = make("b", "10.0.0.2", "", 0, "", 108000);
    f.hosts = hosts;
    f.host_count = 2;
    judge_review(j, f.time_ns);
    got = take(j, &f);
    assert_int_equal(got.candidate->urgency, 4);
    assert_true(
        str_contains(got.candidate->reason, STR("{\"modifier\":\"ongoing_and_spreading\",\"step\":1}")));
    judge_review(j, (108000 + 300) * NS_PER_SECOND);
    assert_int_equal(judge_changed_count(j), 0);
    judge_review(j, (108000 + 1200) * NS_PER_SECOND);
    assert_int_equal(judge_changed_count(j), 1);
    assert_true(judge_hand_out(j, HAND_OUT_ALL, UINT32_MAX, remember, &got));
    judge_settle(j, true);
    assert_int_equal(got.candidate->urgency, 3);
    judge_free(j);
    criteria_free(c);
}

static double too_much(void *context, const struct finding *f, int64_t now_ns)
{
    (void)now_ns;
    return str_eq(f->rule_id, STR("a")) ? 0 : *(const double *)context;
}

/* S121: a candidate that no confidence promotes becomes an incident by the risk of a day, and says so. */
static void risk_of_a_day_promotes(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    double risk = c->risk.promotion;
    judge_set_risk(j, too_much, &risk);
    struct finding f = make("a", "10.0.0.1", "", 1.5, "", 1000);
    assert_false(take(j, &f).deserves_incident);
    f = make("b", "10.0.0.1", "", 1.5, "", 1001);
    assert_false(take(j, &f).deserves_incident); /* not beyond it */
    risk = c->risk.promotion + 1;
    f = make("c", "10.0.0.1", "", 1.5, "", 1002);
    struct judgement got = take(j, &f);
    assert_true(got.deserves_incident && got.candidate->confidence < c->promotion_confidence);
    assert_true(str_contains(got.candidate->reason, STR("\"risk\":100,\"risk_24h\":101")));
    risk = 0;
    f = make("d", "10.0.0.1", "", 1.5, "", 1003);
    assert_true(take(j, &f).deserves_incident); /* a day that is over does not take it back */
    judge_free(j);
    criteria_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_host_one_candidate),
        cmocka_unit_test(kin_join_incidents_only),
        cmocka_unit_test(it_opens_with_the_finding_that_makes_it_one),
        cmocka_unit_test(name_and_address_join_late),
        cmocka_unit_test(an_address_that_changed_hands_is_two_hosts),
        cmocka_unit_test(attacked_host_joins_only_with_signs_of_its_own),
        cmocka_unit_test(one_after_the_other_is_within_the_hour),
        cmocka_unit_test(a_sequence_joins_the_candidates_of_its_hosts),
        cmocka_unit_test(an_address_of_others_is_no_host_of_ours),
        cmocka_unit_test(a_repeated_sequence_is_not_counted_again),
        cmocka_unit_test(windows_end),
        cmocka_unit_test(worked_cases),
        cmocka_unit_test(one_group_stays_medium),
        cmocka_unit_test(neutral_findings_hide_nothing),
        cmocka_unit_test(levels_are_steady),
        cmocka_unit_test(priors_are_asked_for),
        cmocka_unit_test(what_is_heard_weighs_anew),
        cmocka_unit_test(unknown_passage_gives_a_band),
        cmocka_unit_test(what_could_not_be_kept_is_handed_out_again),
        cmocka_unit_test(urgency_is_moved_by_what_is_going_on),
        cmocka_unit_test(what_stops_is_less_urgent_again),
        cmocka_unit_test(risk_of_a_day_promotes),
        cmocka_unit_test(a_merge_names_the_incident_it_swallowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
