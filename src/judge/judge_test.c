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
    judge_take(j, f);
    assert_true(judge_hand_out(j, remember, &last));
    judge_settle(j, true);
    return last;
}

static void one_host_one_candidate(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    judge_take(j, &f);
    f = make("b", "10.0.0.1", "PC-1", 0, "", 1010);
    judge_take(j, &f);
    f = make("c", "", "pc-1.example.co.jp", 0, "", 900);
    struct judgement got = take(j, &f);
    assert_non_null(got.candidate);
    assert_int_equal(judge_candidate_count(j), 1);
    assert_int_equal(got.candidate->finding_count, 3);
    assert_memory_equal(got.candidate->findings[0].rule_id.p, "c", 1); /* in order of event time */
    assert_int_equal(got.candidate->first_ns, 900 * NS_PER_SECOND);
    f = make("a", "10.0.0.2", "", 0, "", 1000);
    judge_take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2);
    judge_free(j);
    criteria_free(c);
}

static void name_and_address_join_late(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    judge_take(j, &f);
    f = make("b", "", "PC-1", 0, "", 1001);
    judge_take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2);
    f = make("c", "10.0.0.1", "PC-1", 0, "", 1002);
    struct judgement got = take(j, &f);
    assert_int_equal(judge_candidate_count(j), 1);
    assert_int_equal(got.candidate->finding_count, 3);
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
    judge_take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2); /* .8 was never attacked */
    f = make("process", "10.0.0.9", "", 4, "process", 1002);
    got = take(j, &f);
    assert_int_equal(judge_candidate_count(j), 2);
    assert_int_equal(got.candidate->finding_count, 2);
    judge_free(j);
    criteria_free(c);
}

static void a_repeated_sequence_is_not_counted_again(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct finding f = make("a", "10.0.0.1", "", 0, "", 1000);
    judge_take(j, &f);
    struct finding again = make("a", "10.0.0.1", "", 0, "", 1001);
    struct judgement got = take(j, &again);
    assert_int_equal(got.candidate->findings[0].count, 2);

    struct judge *restarted = judge_new(c);
    judge_restore(restarted, got.candidate);
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
    judge_advance(j, (1000 + 2 * 86400) * NS_PER_SECOND);
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
    judge_take(j, &f);
    f = make("skype", "10.20.30.77", "", 0.6, "business_context", 1001);
    got = take(j, &f);
    assert_true(fabs(got.candidate->confidence - 0.375) < 0.001);
    assert_int_equal(got.candidate->confidence_level, 2);
    assert_int_equal(got.candidate->urgency, 3);
    assert_true(got.deserves_incident);
    judge_free(j);
    criteria_free(c);
}

/* One noisy system cannot reach "high" on its own (S114). */
static void one_group_stays_medium(void **state)
{
    (void)state;
    struct criteria *c = load();
    struct judge *j = judge_new(c);
    struct judgement got = {0};
    for (int i = 0; i < 10; i++) {
        char rule[16];
        snprintf(rule, sizeof rule, "ids-%d", i);
        struct finding f = make(rule, "10.0.0.1", "", 300, "c2_flow", 1000 + i);
        got = take(j, &f);
    }
    assert_true(got.candidate->confidence > 0.97);
    assert_int_equal(got.candidate->confidence_level, 2);
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
        judge_take(j, &f);
    }
    int calls = 0;
    assert_false(judge_hand_out(j, refuse_the_second, &calls));
    judge_settle(j, false);
    assert_int_equal(calls, 2);
    struct seen seen = {0, true};
    assert_true(judge_hand_out(j, look, &seen));
    judge_settle(j, true);
    assert_int_equal(seen.count, 3);
    assert_true(seen.all_as_before);
    assert_true(judge_hand_out(j, look, &seen));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_host_one_candidate),
        cmocka_unit_test(name_and_address_join_late),
        cmocka_unit_test(attacked_host_joins_only_with_signs_of_its_own),
        cmocka_unit_test(a_repeated_sequence_is_not_counted_again),
        cmocka_unit_test(windows_end),
        cmocka_unit_test(worked_cases),
        cmocka_unit_test(one_group_stays_medium),
        cmocka_unit_test(unknown_passage_gives_a_band),
        cmocka_unit_test(what_could_not_be_kept_is_handed_out_again),
        cmocka_unit_test(a_merge_names_the_incident_it_swallowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
