/* Units of judge/risk: the worked numbers of spec 2.12, caps and decay, the table's limits and its saving. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "judge/risk.h"

#define HOUR_NS (3600 * NS_PER_SECOND)
#define DAY_NS  (24 * HOUR_NS)
#define NOW     (20000 * DAY_NS)

struct world {
    struct criteria *criteria;
    struct risk *risk;
};

static void start(struct world *w)
{
    const char *content = getenv("HYAKUYO_CONTENT");
    char path[512];
    struct error err;
    snprintf(path, sizeof path, "%s/judgement.yml", content ? content : "content");
    w->criteria = criteria_load(path, &err);
    if (w->criteria == NULL)
        fail_msg("%s", err.text);
    w->risk = risk_new(w->criteria);
}

static void stop(struct world *w)
{
    risk_free(w->risk);
    criteria_free(w->criteria);
}

static struct finding on(const char *host, const char *rule, const char *product, enum level level,
                         int64_t time_ns)
{
    return (struct finding){.rule_id = str_c(rule),
                            .title_en = STR("Rule"),
                            .title_ja = STR("規則"),
                            .level = level,
                            .time_ns = time_ns,
                            .product = str_c(product),
                            .host_name = str_c(host),
                            .host_ip = STR_EMPTY,
                            .user = STR("sato"),
                            .department = STR("営業"),
                            .peer = STR_EMPTY};
}

static void take(struct world *w, const char *host, const char *rule, enum level level, int64_t time_ns)
{
    struct finding f = on(host, rule, "fw", level, time_ns);
    risk_take(w->risk, &f);
}

static void assert_near(double got, double wanted, double within)
{
    if (!(fabs(got - wanted) <= within))
        fail_msg("%.6f is not %.6f", got, wanted);
}

/* S130, spec 2.12: 70, 45, 21, 21, 21 → 36.16, and 53.11 for an asset of the highest importance. */
static void the_worked_numbers_come_out(void **state)
{
    (void)state;
    double scores[] = {21, 70, 21, 45, 21};
    double sum = risk_sum(scores, 5);
    assert_near(sum, 36.16, 0.005);
    assert_near(risk_weighted(sum, 2), 53.11, 0.01);
    assert_near(risk_weighted(sum, 1), sum, 1e-9);
    assert_near(risk_sum(scores, 0), 0, 0);
    assert_near(risk_weighted(100, 0.5), 100, 0);
    assert_string_equal(risk_level(19.9), "unknown");
    assert_string_equal(risk_level(53.11), "moderate");
    assert_string_equal(risk_level(90), "high");
    assert_string_equal(risk_level(90.1), "critical");
}

/* Spec 2.12: one rule on one system counts at most twice its highest score, however often it speaks. */
static void a_chatty_rule_counts_twice_at_most(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    const struct risk_criteria *c = &w.criteria->risk;
    for (int i = 0; i < 500; i++)
        take(&w, "pc-1.example.jp", "chatty", LEVEL_MEDIUM, NOW - i * NS_PER_SECOND);
    double medium = c->score[LEVEL_MEDIUM], high = c->score[LEVEL_HIGH];
    assert_near(risk_capped(w.risk, RISK_HOST, STR("pc-1"), NOW), c->source_cap * medium, 1e-9);
    take(&w, "PC-1", "grave", LEVEL_HIGH, NOW);
    double sum = c->source_cap * medium + high;
    assert_near(risk_capped(w.risk, RISK_HOST, STR("pc-1"), NOW), sum, 1e-9);
    assert_near(risk_capped(w.risk, RISK_USER, STR("sato"), NOW), sum, 1e-9);
    assert_near(risk_capped(w.risk, RISK_DEPARTMENT, STR("営業"), NOW), sum, 1e-9);
    assert_near(risk_capped(w.risk, RISK_HOST, STR("pc-1"), NOW + 25 * HOUR_NS), 0, 0); /* the day is over */
    assert_near(risk_capped(w.risk, RISK_HOST, STR("pc-2"), NOW), 0, 0);
    stop(&w);
}

/* Half-lives: 3 days, and 14 under focus watch; 30 days back and no further. */
static void risk_fades(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    take(&w, "pc-1", "a", LEVEL_HIGH, NOW);
    double fresh = w.criteria->risk.score[LEVEL_HIGH] / 2.612;
    assert_near(risk_index(w.risk, RISK_HOST, STR("pc-1"), false, NOW), fresh, 1e-9);
    assert_near(risk_index(w.risk, RISK_HOST, STR("pc-1"), false, NOW + 3 * DAY_NS), fresh / 2, 1e-9);
    assert_near(risk_index(w.risk, RISK_HOST, STR("pc-1"), true, NOW + 14 * DAY_NS), fresh / 2, 1e-9);
    assert_near(risk_index(w.risk, RISK_HOST, STR("pc-1"), true, NOW + 31 * DAY_NS), 0, 0);
    stop(&w);
}

static void exercises_and_the_inventory_are_no_risk(void **state)
{
    (void)state;
    struct world w;
    start(&w);
    struct finding f = on("pc-1", "a", "fw", LEVEL_CRITICAL, NOW);
    f.is_exercise = true;
    risk_take(w.risk, &f);
    f.is_exercise = false;
    f.is_context = true;
    risk_take(w.risk, &f);
    assert_near(risk_capped(w.risk, RISK_HOST, STR("pc-1"), NOW), 0, 0);
    stop(&w);
}

static struct str json_of(struct world *w, uint32_t limit, struct buf *out)
{
    struct json_writer writer = {.out = out};
    struct risk_asking asking = {.kind = RISK_HOST, .limit = limit, .now_ns = NOW};
    buf_clear(out);
    json_begin_object(&writer);
    risk_json(w->risk, &asking, &writer);
    json_end_object(&writer);
    return buf_str(out);
}

static void more_than_two_systems_in_a_day_are_an_alert(void **state)
{
    (void)state;
    struct world w;
    struct buf json = {0};
    const char *const products[] = {"fw", "av", "proxy"};
    start(&w);
    for (size_t i = 0; i < 3; i++) {
        struct finding f = on("pc-1", "a", products[i], LEVEL_LOW, NOW - HOUR_NS);
        assert_true(str_contains(json_of(&w, 10, &json), STR("\"alert\":true")) == false);
        risk_take(w.risk, &f);
    }
    assert_true(str_contains(json_of(&w, 10, &json), STR("\"systems_24h\":3,\"alert\":true")));
    assert_true(str_contains(buf_str(&json), STR("\"rule_ja\":\"規則\"")));
    buf_free(&json);
    stop(&w);
}

static double capped_of(struct world *w)
{
    return risk_capped(w->risk, RISK_HOST, STR("pc-1"), NOW);
}

static void take_about(struct world *w, const char *group, const char *rule, const char *product,
                       enum level level)
{
    struct finding f = on("pc-1", rule, product, level, NOW - HOUR_NS);
    f.evidence_group = str_c(group);
    risk_take(w->risk, &f);
}

/* Spec 4.4: one group for each underlying fact, not for each product. */
static void the_same_fact_on_several_devices_is_one(void **state)
{
    (void)state;
    static const char *const firewalls[] = {"fw-a", "fw-b", "fw-c", "fw-d", "fw-e"};
    struct world w;
    start(&w);
    double low = w.criteria->risk.score[LEVEL_LOW], medium = w.criteria->risk.score[LEVEL_MEDIUM];
    double correlation = w.criteria->correlation, cap = w.criteria->risk.source_cap;
    for (size_t i = 0; i < COUNT_OF(firewalls); i++) {
        for (int again = 0; again < 3; again++) {
            take_about(&w, "", "port", firewalls[i], LEVEL_MEDIUM);
            take_about(&w, "outward", "mail", firewalls[i], LEVEL_LOW);
        }
        assert_near(capped_of(&w), cap * (medium + low), 1e-9);
    }
    take_about(&w, "outward", "smtp", "ids", LEVEL_LOW); /* another word for the same fact */
    assert_near(capped_of(&w), cap * (medium + low) + correlation * low, 1e-9);
    take_about(&w, "outward", "smtp", "fw-c", LEVEL_LOW); /* one system that says both */
    assert_near(capped_of(&w), cap * (medium + low) + low, 1e-9);
    take_about(&w, "process", "mail client", "agent", LEVEL_LOW); /* another fact */
    assert_near(capped_of(&w), cap * (medium + low) + 2 * low, 1e-9);
    assert_true(risk_index(w.risk, RISK_HOST, STR("pc-1"), false, NOW) < 100);
    stop(&w);
}

/* In whatever order findings come, the same is counted; and each can only add, by what it says at most. */
static void order_does_not_matter_and_nothing_counts_against(void **state)
{
    (void)state;
    static const char *const groups[] = {"", "flow", "process"}, *const products[] = {"fw", "ids", "av",
                                                                                      "proxy"};
    static const char *const rules[3][2] = {{"a", "b"}, {"c", "d"}, {"e", "f"}};
    static const enum level levels[] = {LEVEL_LOW, LEVEL_MEDIUM, LEVEL_HIGH};
    enum { FINDINGS = 14 };
    uint64_t random = 7;
    for (int round = 0; round < 300; round++) {
        unsigned drawn[FINDINGS];
        double before = 0, index = 0;
        for (int order = 0; order < 3; order++) {
            struct world w;
            start(&w);
            double last = 0;
            for (int i = 0; i < FINDINGS; i++) {
                random = random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
                if (order == 0)
                    drawn[i] = (unsigned)(random >> 33);
                unsigned d = drawn[order == 0 ? i : order == 1 ? FINDINGS - 1 - i : (i * 5 + 3) % FINDINGS];
                enum level level = levels[d / 24 % 3];
                take_about(&w, groups[d % 3], rules[d % 3][d / 3 % 2], products[d / 6 % 4], level);
                double now = capped_of(&w);
                assert_true(now >= last - 1e-9 && now <= last + w.criteria->risk.score[level] * 2 + 1e-9);
                last = now;
            }
            double index_now = risk_index(w.risk, RISK_HOST, STR("pc-1"), false, NOW);
            if (order > 0) {
                assert_near(last, before, 1e-9);
                assert_near(index_now, index, 1e-9);
            }
            before = last;
            index = index_now;
            stop(&w);
        }
    }
}

static void the_table_is_bounded_and_forgets_the_oldest(void **state)
{
    (void)state;
    struct world w;
    char host[32];
    start(&w);
    for (int i = 0; i < RISK_MAX_ENTITIES + 100; i++) {
        snprintf(host, sizeof host, "pc-%d", i);
        take(&w, host, "a", LEVEL_LOW, NOW - (RISK_MAX_ENTITIES + 100 - i) * NS_PER_SECOND);
    }
    snprintf(host, sizeof host, "pc-%d", RISK_MAX_ENTITIES + 99);
    assert_true(risk_capped(w.risk, RISK_HOST, str_c(host), NOW) > 0);
    assert_near(risk_capped(w.risk, RISK_HOST, STR("pc-0"), NOW), 0, 0);
    for (int i = 0; i < RISK_MAX_SOURCES + 5; i++) {
        snprintf(host, sizeof host, "rule-%d", i);
        take(&w, "busy", host, LEVEL_LOW, NOW - 100 + i);
    }
    assert_near(risk_capped(w.risk, RISK_HOST, STR("busy"), NOW),
                RISK_MAX_SOURCES * w.criteria->risk.score[LEVEL_LOW], 1e-9);
    stop(&w);
}

static void what_was_saved_comes_back(void **state)
{
    (void)state;
    struct world w;
    struct buf saved = {0}, before = {0}, after = {0};
    start(&w);
    for (int i = 0; i < 20; i++)
        take(&w, i % 2 ? "pc-1" : "pc-2", i % 3 ? "a" : "b", LEVEL_MEDIUM, NOW - i * HOUR_NS);
    json_of(&w, 100, &before);
    risk_save(w.risk, &saved);
    risk_free(w.risk);
    w.risk = risk_new(w.criteria);
    for (size_t cut = 0; cut < saved.n; cut += 97) { /* damaged: as if nothing had been there */
        risk_load(w.risk, str_n(saved.p, cut));
        assert_near(risk_capped(w.risk, RISK_HOST, STR("pc-1"), NOW), 0, 0);
    }
    risk_load(w.risk, buf_str(&saved));
    json_of(&w, 100, &after);
    assert_true(str_eq(buf_str(&before), buf_str(&after)));
    buf_free(&saved);
    buf_free(&before);
    buf_free(&after);
    stop(&w);
}

/* What the version before facts were known has saved is still good: its sources end eight bytes earlier. */
static void what_an_older_version_saved_comes_back(void **state)
{
    (void)state;
    enum { SOURCE_AT = 8 + 24 + 4, OLD_SOURCE = 40 }; /* after two numbers, the entity's head and "pc-1" */
    struct world w;
    struct buf saved = {0}, old = {0};
    struct finding f = on("pc-1", "a", "fw", LEVEL_MEDIUM, NOW);
    uint32_t version = 1;
    f.user = f.department = STR_EMPTY;
    start(&w);
    risk_take(w.risk, &f);
    risk_save(w.risk, &saved);
    buf_bytes(&old, &version, sizeof version);
    buf_bytes(&old, saved.p + sizeof version, SOURCE_AT + OLD_SOURCE - sizeof version);
    buf_bytes(&old, saved.p + SOURCE_AT + OLD_SOURCE + 8, saved.n - SOURCE_AT - OLD_SOURCE - 8);
    risk_free(w.risk);
    w.risk = risk_new(w.criteria);
    risk_load(w.risk, buf_str(&old));
    assert_near(capped_of(&w), w.criteria->risk.score[LEVEL_MEDIUM], 1e-9);
    buf_free(&saved);
    buf_free(&old);
    stop(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_worked_numbers_come_out),
        cmocka_unit_test(a_chatty_rule_counts_twice_at_most),
        cmocka_unit_test(risk_fades),
        cmocka_unit_test(exercises_and_the_inventory_are_no_risk),
        cmocka_unit_test(more_than_two_systems_in_a_day_are_an_alert),
        cmocka_unit_test(the_same_fact_on_several_devices_is_one),
        cmocka_unit_test(order_does_not_matter_and_nothing_counts_against),
        cmocka_unit_test(the_table_is_bounded_and_forgets_the_oldest),
        cmocka_unit_test(what_was_saved_comes_back),
        cmocka_unit_test(what_an_older_version_saved_comes_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
