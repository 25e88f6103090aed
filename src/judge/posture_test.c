/* The posture (S53–S55, S62; spec 5.1): evidence raises it, quiet and people lower it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/memory.h"
#include "judge/posture.h"

#define MINUTE (60 * NS_PER_SECOND)
#define HOUR   (60 * MINUTE)
#define START  (INT64_C(1762732800) * NS_PER_SECOND) /* 2025-11-10T00:00:00Z */

struct world {
    struct posture_criteria *criteria;
    struct posture *posture;
    struct buf lines;
    uint32_t changes;
};

static void note_change(void *context, const struct posture_view *view, int64_t time_ns)
{
    struct world *w = context;
    w->changes++;
    posture_line(view, time_ns, &w->lines);
}

static int set_up(void **state)
{
    const char *content = getenv("HYAKUYO_CONTENT");
    char path[512];
    struct error err;
    struct world *w = NEW(struct world);
    snprintf(path, sizeof path, "%s/posture.yml", content ? content : "content");
    w->criteria = posture_criteria_load(path, &err);
    if (w->criteria == NULL)
        fail_msg("%s", err.text);
    w->posture = posture_new(w->criteria, note_change, w);
    *state = w;
    return 0;
}

static int tear_down(void **state)
{
    struct world *w = *state;
    posture_free(w->posture);
    posture_criteria_free(w->criteria);
    buf_free(&w->lines);
    memory_free(w);
    return 0;
}

static void take(struct world *w, const char *rule, const char *host, const char *name, const char *value,
                 int64_t time_ns)
{
    struct matched_value fact = {str_c(name), str_c(value)};
    struct finding f = {.rule_id = str_c(rule),
                        .title_en = str_c(rule),
                        .host_ip = str_c(host),
                        .host_name = STR_EMPTY,
                        .time_ns = time_ns,
                        .matched = &fact,
                        .matched_count = 1};
    posture_take(w->posture, &f);
}

/* Spec 5.1: Orange for the sweep of 445 once three internal sources, not before; not one source three times,
 * not three ports, not beyond an hour. */
static void test_worm_needs_three_sources(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 9; i++)
        take(w, "scan_suspected", "10.20.30.31", "service", "445/tcp", START + i * MINUTE);
    take(w, "scan_horizontal", "10.20.30.44", "service", "445/tcp", START + 10 * MINUTE);
    take(w, "scan_suspected", "10.20.30.58", "service", "139/tcp", START + 11 * MINUTE);
    assert_int_equal(posture_level(w->posture), POSTURE_GREEN);
    assert_int_equal(w->changes, 0);
    take(w, "scan_suspected", "10.20.30.58", "service", "445/tcp", START + 71 * MINUTE); /* too late */
    assert_int_equal(posture_level(w->posture), POSTURE_GREEN);
    take(w, "scan_suspected", "10.20.30.44", "service", "445/tcp", START + 72 * MINUTE);
    assert_int_equal(posture_level(w->posture), POSTURE_GREEN);
    take(w, "scan_horizontal", "10.20.30.31", "service", "445/tcp", START + 73 * MINUTE);
    assert_int_equal(posture_level(w->posture), POSTURE_ORANGE);
    assert_string_equal(buf_cstr(&w->lines), "{\"kind\":\"posture\",\"time\":\"2025-11-10T01:13:00.000Z\","
                                             "\"level\":\"orange\",\"keys\":[\"445/tcp sweep\"]}\n");
}

static void test_orange_comes_down_when_confirmed(void **state)
{
    struct world *w = *state;
    struct error err;
    take(w, "trend_outbreak", "", "key", "25/tcp direct", START);
    assert_int_equal(posture_level(w->posture), POSTURE_ORANGE);
    assert_false(posture_confirm(w->posture, START + HOUR, &err));
    assert_non_null(strstr(err.text, "4 hours"));
    take(w, "trend_outbreak", "", "key", "25/tcp direct", START + 2 * HOUR); /* goes on */
    posture_reach(w->posture, START + 5 * HOUR);
    assert_false(posture_confirm(w->posture, START + 5 * HOUR, &err));
    posture_reach(w->posture, START + 50 * HOUR);
    assert_int_equal(posture_level(w->posture), POSTURE_ORANGE); /* nobody has confirmed */
    struct posture_view view;
    posture_view(w->posture, &view);
    assert_true(view.awaits_confirmation);
    assert_true(posture_confirm(w->posture, START + 51 * HOUR, &err));
    assert_int_equal(posture_level(w->posture), POSTURE_GREEN);
    assert_int_equal(w->changes, 2);
    assert_false(posture_confirm(w->posture, START + 52 * HOUR, &err));
}

static void test_yellow_goes_after_a_day(void **state)
{
    struct world *w = *state;
    take(w, "trend_breadth", "", "keys", "denied 445/tcp inward\nmx queries", START);
    assert_int_equal(posture_level(w->posture), POSTURE_YELLOW);
    assert_non_null(strstr(buf_cstr(&w->lines), "\"keys\":[\"denied 445/tcp inward\",\"mx queries\"]"));
    take(w, "trend_breadth", "", "keys", "mx queries", START + 10 * HOUR);
    posture_reach(w->posture, START + 33 * HOUR);
    assert_int_equal(posture_level(w->posture), POSTURE_YELLOW);
    posture_reach(w->posture, START + 34 * HOUR);
    assert_int_equal(posture_level(w->posture), POSTURE_GREEN);
}

/* S55: both → Orange shown, Yellow noted; afterwards Yellow goes on by itself. */
static void test_both(void **state)
{
    struct world *w = *state;
    struct posture_view view;
    struct error err;
    take(w, "trend_breadth", "", "keys", "mx queries", START + HOUR);
    take(w, "trend_outbreak", "", "key", "signature X, with a comma", START);
    posture_view(w->posture, &view);
    assert_int_equal(view.level, POSTURE_ORANGE);
    assert_true(view.is_yellow_noted);
    assert_string_equal(view.keys[0]->text, "signature X, with a comma");
    assert_non_null(strstr(buf_cstr(&w->lines), "\"level\":\"orange\",\"keys\":[\"signature X, with a "
                                                "comma\"],\"noted\":{\"yellow\":[\"mx queries\"]}"));
    assert_true(posture_confirm(w->posture, START + 5 * HOUR, &err));
    assert_int_equal(posture_level(w->posture), POSTURE_YELLOW);
}

static void test_override(void **state)
{
    struct world *w = *state;
    struct error err;
    struct posture_decision d = {POSTURE_RED, STR("ransomware on FS01"), STR("suzuki"), STR("suzuki"),
                                 START + 3 * HOUR};
    assert_false(posture_decide(w->posture, &d, START, &err)); /* approved by oneself */
    d.approver = STR("ciso");
    d.reason = STR(" ");
    assert_false(posture_decide(w->posture, &d, START, &err));
    d.reason = STR("ransomware on FS01");
    d.expires_ns = START;
    assert_false(posture_decide(w->posture, &d, START, &err));
    d.expires_ns = START + 400 * HOUR;
    assert_false(posture_decide(w->posture, &d, START, &err));
    assert_int_equal(w->changes, 0);
    d.expires_ns = START + 3 * HOUR;
    assert_true(posture_decide(w->posture, &d, START, &err));
    assert_int_equal(posture_level(w->posture), POSTURE_RED);
    take(w, "trend_outbreak", "", "key", "signature X", START + HOUR); /* goes on beneath */
    assert_int_equal(posture_level(w->posture), POSTURE_RED);
    posture_reach(w->posture, START + 3 * HOUR);
    assert_int_equal(posture_level(w->posture), POSTURE_ORANGE);
    assert_false(posture_withdraw(w->posture, START + 3 * HOUR, &err));
}

/* S62: news from outside raises to Yellow after somebody has confirmed it, and no further. */
static void test_notice(void **state)
{
    struct world *w = *state;
    struct error err;
    struct posture_notice notice = {.issuer = "police",
                                    .trend = "445 rising",
                                    .port = 445,
                                    .tlp = "green",
                                    .time_ns = START,
                                    .is_confirmed = true,
                                    .until_ns = INT64_MAX};
    uint64_t id = posture_add_notice(w->posture, &notice);
    posture_reach(w->posture, START + HOUR);
    assert_int_equal(posture_level(w->posture), POSTURE_GREEN);
    assert_false(posture_confirm_notice(w->posture, id + 1, STR("sato"), START + HOUR, &err));
    assert_false(posture_confirm_notice(w->posture, id, STR(""), START + HOUR, &err));
    assert_true(posture_confirm_notice(w->posture, id, STR("sato"), START + HOUR, &err));
    assert_int_equal(posture_level(w->posture), POSTURE_YELLOW);
    struct buf json = {0};
    posture_json(w->posture, &json);
    assert_non_null(strstr(buf_cstr(&json), "\"trend\":\"445 rising\""));
    assert_non_null(strstr(buf_cstr(&json), "\"port\":445"));
    buf_free(&json);
    posture_reach(w->posture, START + 25 * HOUR);
    assert_int_equal(posture_level(w->posture), POSTURE_GREEN);
}

/* A restart changes nothing: half of the worm before, half after. */
static void test_saved(void **state)
{
    struct world *w = *state;
    struct buf saved = {0};
    take(w, "trend_breadth", "", "keys", "mx queries", START);
    take(w, "scan_suspected", "10.1.1.1", "service", "445/tcp", START);
    take(w, "scan_suspected", "10.1.1.2", "service", "445/tcp", START + MINUTE);
    posture_save(w->posture, &saved);
    struct posture *again = posture_new(w->criteria, note_change, w);
    assert_true(posture_load(again, buf_str(&saved)));
    assert_int_equal(posture_level(again), POSTURE_YELLOW);
    posture_free(w->posture);
    w->posture = again;
    take(w, "scan_suspected", "10.1.1.3", "service", "445/tcp", START + 2 * MINUTE);
    assert_int_equal(posture_level(w->posture), POSTURE_ORANGE);
    assert_false(posture_load(w->posture, str_slice(buf_str(&saved), 0, saved.n - 1)));
    saved.p[0] ^= 1;
    assert_false(posture_load(w->posture, buf_str(&saved)));
    assert_int_equal(posture_level(w->posture), POSTURE_ORANGE); /* as it was */
    buf_free(&saved);
}

static void test_memory_is_fixed(void **state)
{
    struct world *w = *state;
    struct posture_view view;
    char name[300];
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof name, "signature %d %0200d", i, 0);
        take(w, "trend_outbreak", "", "key", name, START + i * MINUTE);
        snprintf(name, sizeof name, "%d", i);
        take(w, "scan_suspected", "10.1.1.1", "service", name, START + i * MINUTE);
    }
    posture_view(w->posture, &view);
    assert_int_equal(view.key_count, POSTURE_KEYS_MAX);
    assert_non_null(strstr(view.keys[POSTURE_KEYS_MAX - 1]->text, "signature 499"));
}

/* Each level asks something of the team, in both languages. */
static void test_content(void **state)
{
    struct world *w = *state;
    for (int level = 0; level < POSTURE_LEVELS; level++)
        assert_true(w->criteria->duty_counts[level] > 0);
    assert_true(w->criteria->yellow_quiet_ns == 24 * HOUR && w->criteria->orange_quiet_ns == 4 * HOUR);
}

static void refuse(const char *text, const char *complaint)
{
    char path[] = "/tmp/posture_test_XXXXXX";
    struct error err;
    int fd = mkstemp(path);
    FILE *file = fdopen(fd, "w");
    fputs(text, file);
    fclose(file);
    assert_null(posture_criteria_load(path, &err));
    if (strstr(err.text, complaint) == NULL || strstr(err.text, path) == NULL)
        fail_msg("%s", err.text);
    remove(path);
}

static void test_refusals(void **state)
{
    (void)state;
#define LEVEL(name) #name ": {title: {en: a, ja: b}, duties: [{en: a, ja: b}]}\n"
#define LEVELS      "version: 1\nlevels:\n  " LEVEL(green) "  " LEVEL(yellow) "  " LEVEL(orange) "  " LEVEL(red)
    refuse("a: 1\n", "'version' is missing");
    refuse("version: 1\nlevels: {green: {title: {en: a}}}\n", "each with title");
    refuse(LEVELS "raise: [{to: red, findings: [x]}]\n", ":7:");
    refuse(LEVELS "raise: [{to: orange}]\n", "'findings'");
    refuse(LEVELS "raise: [{to: orange, findings: [x], sources: 99}]\n", "from 1 to 16");
    refuse(LEVELS "raise: []\nlower: {yellow_quiet_hours: 0}\n", "yellow_quiet_hours");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_worm_needs_three_sources, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_orange_comes_down_when_confirmed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_yellow_goes_after_a_day, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_both, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_override, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_notice, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_saved, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_memory_is_fixed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_content, set_up, tear_down),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
