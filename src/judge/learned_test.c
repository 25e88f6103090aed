/* Units of judge/learned: what closed incidents teach (spec 4.4, 4.5 d). */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "judge/learned.h"
#include "judge/score.h"

#define CASES_MAX 100

struct world {
    struct criteria *criteria;
    struct arena arena;
    struct incident incidents[CASES_MAX];
    uint32_t count;
};

static void start(struct world *w)
{
    const char *content = getenv("HYAKUYO_CONTENT");
    char path[512];
    struct error err;
    *w = (struct world){0};
    snprintf(path, sizeof path, "%s/judgement.yml", content ? content : "content");
    w->criteria = criteria_load(path, &err);
    if (w->criteria == NULL)
        fail_msg("%s", err.text);
    arena_init(&w->arena, 64 << 10);
}

static void stop(struct world *w)
{
    arena_free(&w->arena);
    criteria_free(w->criteria);
}

static struct incident_finding finding(const char *rule, double ratio)
{
    return (struct incident_finding){.rule_id = str_c(rule),
                                     .title_en = str_c(rule),
                                     .title_ja = STR_EMPTY,
                                     .product = str_c(rule),
                                     .evidence_group = STR_EMPTY,
                                     .stage = STR_EMPTY,
                                     .likelihood_ratio = ratio,
                                     .level = LEVEL_MEDIUM};
}

static struct incident *close_as(struct world *w, enum incident_state state, const char *first,
                                 const char *second)
{
    struct incident *i = &w->incidents[w->count++];
    i->state = state;
    i->findings = ARENA_ARRAY(&w->arena, struct incident_finding, 2);
    i->findings[i->finding_count++] = finding(first, 50);
    if (second)
        i->findings[i->finding_count++] = finding(second, 8);
    return i;
}

static const struct learned *learn(struct world *w)
{
    return learned_from(w->criteria, w->incidents, w->count, &w->arena);
}

static void with_nothing_closed_the_ratio_is_contents(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    const struct learned *l = learn(&w);
    assert_null(learned_find(l, STR("noisy")));
    assert_false(learned_is_calibrated(l));
    assert_true(l->brier_content < 0);
    close_as(&w, INCIDENT_MERGED, "noisy", NULL);
    close_as(&w, INCIDENT_FALSE_POSITIVE, "noisy", NULL)->is_exercise = true; /* exercises never teach */
    l = learn(&w);
    assert_int_equal(learned_cases(l), 0);
    assert_int_equal(l->left_out, 2);
    stop(&w);
}

/* Content's ratio 50 on a prior of .002: p = .0911. 0 of 20 real: the share to be met is (0 + 10·.0911)/30 =
 * .0304, whose odds are .0313: a ratio of 15.6. 20 of 20: .6970, odds 2.301, ratio 1148. */
static void the_ratio_meets_the_share_of_real_ones(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    for (int i = 0; i < 20; i++)
        close_as(&w, INCIDENT_FALSE_POSITIVE, "noisy", NULL);
    for (int i = 0; i < 20; i++)
        close_as(&w, INCIDENT_CLOSED, "telling", NULL);
    const struct learned_ratio *l = learned_find(learn(&w), STR("noisy"));
    assert_non_null(l);
    assert_int_equal(l->cases, 20);
    assert_true(fabs(l->observed - 0.03036) < 1e-4);
    assert_true(fabs(l->ratio - 15.62) < 0.05);
    l = learned_find(learn(&w), STR("telling"));
    assert_true(fabs(l->ratio - 1148) < 3);
    stop(&w);
}

/* A rule that content trusts and that is mostly wrong here: the error falls, also for cases that it has not
 * seen. */
static void closed_incidents_make_judgement_better_and_leave_uncalibrated(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    for (int i = 0; i < 49; i++)
        close_as(&w, i % 3 ? INCIDENT_FALSE_POSITIVE : INCIDENT_CLOSED, "noisy", i % 3 ? "backup" : "beacon");
    const struct learned *l = learn(&w);
    assert_false(learned_is_calibrated(l));
    close_as(&w, INCIDENT_CLOSED, "noisy", "beacon");
    l = learn(&w);
    assert_true(learned_is_calibrated(l)); /* at 50 */
    assert_true(l->brier_learned >= 0 && l->brier_learned < l->brier_content);
    assert_int_equal(l->real + l->not_real, 50);
    assert_int_equal(learned_find(l, STR("noisy"))->cases, 50); /* leaving out has left nothing out */
    stop(&w);
}

/* The arithmetic says which ratio was used. */
static void the_judgement_shows_where_a_ratio_is_from(void **state)
{
    (void)state;
    struct world w;
    struct buf json = {0};
    struct json_writer writer = {.out = &json};
    start(&w);
    for (int i = 0; i < 30; i++)
        close_as(&w, INCIDENT_FALSE_POSITIVE, "noisy", NULL);
    struct incident *open = close_as(&w, INCIDENT_NEW, "noisy", "unheard");
    struct circumstances known = {.prior = 0.002,
                                  .prior_reason = STR_EMPTY,
                                  .learned = learn(&w),
                                  .hosts_within_hour = 1};
    score(w.criteria, open, &known);
    json_begin_object(&writer);
    score_explain(w.criteria, open, &known, &writer);
    json_end_object(&writer);
    assert_true(str_contains(buf_str(&json), STR("\"origin\":\"learned\",\"learned_from\":30")));
    assert_true(str_contains(buf_str(&json), STR("\"origin\":\"content\"")));
    assert_true(str_contains(buf_str(&json), STR("\"calibrated\":false,\"labelled_incidents\":30")));
    buf_free(&json);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(with_nothing_closed_the_ratio_is_contents),
        cmocka_unit_test(the_ratio_meets_the_share_of_real_ones),
        cmocka_unit_test(closed_incidents_make_judgement_better_and_leave_uncalibrated),
        cmocka_unit_test(the_judgement_shows_where_a_ratio_is_from),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
