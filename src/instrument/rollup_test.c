/* Unit tests of the everyday trends (S59): what is counted as what, the bounds, the questions behind keys,
 * and what is usual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "instrument/rollup.h"

#define NOON (INT64_C(1762740000) * NS_PER_SECOND) /* 2025-11-10 11:00 JST */

struct world {
    struct rollup_content *content;
    struct rollup *rollup;
};

static int set_up(void **context)
{
    struct error err;
    struct world *w = calloc(1, sizeof *w);
    w->content = rollup_content_load(SOURCE_ROOT "/content/trends.yml", &err);
    assert_non_null(w->content);
    w->rollup = rollup_new(w->content, zone_find(STR("Asia/Tokyo")));
    *context = w;
    return 0;
}

static int tear_down(void **context)
{
    struct world *w = *context;
    rollup_free(w->rollup);
    rollup_content_free(w->content);
    free(w);
    return 0;
}

static void count_visit(struct world *w, const char *domain, int64_t time_ns, uint64_t sequence,
                        uint64_t after)
{
    struct batch *b = batch_new(1);
    batch_add(b, STR("x"), STR_EMPTY);
    struct event *e = &b->events[0];
    e->sequence = sequence;
    e->time_ns = time_ns;
    e->received_ns = NOON;
    event_add(e, &b->arena, FIELD_EVENT_CATEGORY, STR("web"));
    event_add(e, &b->arena, FIELD_URL_DOMAIN, str_c(domain));
    rollup_take(w->rollup, b, after);
    batch_free(b);
}

/* Of the cells handed over: the count of that web key, whatever its bin. */
static uint64_t counted(const struct rollup_cells *cells, const struct world *w, const char *key)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < cells->map.count; i++) {
        struct rollup_place place;
        memcpy(&place, cells->map.entries[i].key.p, sizeof place);
        if (str_eq(w->content->dimensions[place.dimension].name, STR("web")) &&
            str_eq(str_skip(cells->map.entries[i].key, sizeof place), str_c(key)))
            sum += cells->map.entries[i].value;
    }
    return sum;
}

/* S63's own test, and each event once: what an earlier run counted is passed over, what was not kept is put
 * back. */
static void names_roll_to_what_was_registered(void **context)
{
    struct world *w = *context;
    struct rollup_cells cells;
    count_visit(w, "www.a.co.jp", NOON, 7, 0);
    count_visit(w, "B.a.co.jp", NOON, 8, 0);
    count_visit(w, "198.51.100.7", NOON, 9, 0);
    count_visit(w, "www.a.co.jp", NOON, 5, 6);
    rollup_hand_over(w->rollup, &cells);
    assert_int_equal(counted(&cells, w, "a.co.jp"), 2);
    assert_int_equal(counted(&cells, w, "198.51.100.7"), 1);
    rollup_put_back(w->rollup, &cells);
    count_visit(w, "c.a.co.jp", NOON, 10, 0);
    rollup_hand_over(w->rollup, &cells);
    assert_int_equal(counted(&cells, w, "a.co.jp"), 3);
    rollup_cells_free(&cells);
}

static void a_flood_of_keys_stays_within_the_bound(void **context)
{
    struct world *w = *context;
    struct rollup_cells cells;
    char domain[32];
    unsigned many = ROLLUP_CELLS_MAX + 500;
    for (unsigned i = 0; i < many; i++) {
        snprintf(domain, sizeof domain, "d%u.example", i);
        count_visit(w, domain, NOON, i + 1, 0);
    }
    count_visit(w, "d0.example", NOON, many + 1, 0);
    rollup_hand_over(w->rollup, &cells);
    assert_int_equal(cells.map.count, ROLLUP_CELLS_MAX + 2);
    assert_int_equal(counted(&cells, w, "d0.example"), 2);
    assert_int_equal(counted(&cells, w, ROLLUP_OTHER), 500);
    assert_int_equal(counted(&cells, w, ROLLUP_SHORT), 500);
    rollup_cells_free(&cells);
}

static void too_old_and_from_the_future_is_counted_apart(void **context)
{
    struct world *w = *context;
    struct rollup_cells cells;
    count_visit(w, "a.example", NOON - INT64_C(500) * 86400 * NS_PER_SECOND, 1, 0);
    count_visit(w, "a.example", NOON + INT64_C(2) * 86400 * NS_PER_SECOND, 2, 0);
    assert_int_equal(rollup_out_of_range(w->rollup), 2);
    rollup_hand_over(w->rollup, &cells);
    assert_int_equal(cells.map.count, 0);
    rollup_cells_free(&cells);
}

static void days_begin_at_local_midnight(void **context)
{
    (void)context;
    const struct zone *berlin = zone_find(STR("Europe/Berlin"));
    assert_int_equal(rollup_day_start(zone_find(STR("Asia/Tokyo")), NOON / NS_PER_SECOND), 1762700400);
    /* 2025-10-26 has 25 hours there: it begins at 22:00 UTC and ends at 23:00 UTC */
    int64_t day = rollup_day_start(berlin, 1761480000);
    assert_int_equal(day, 1761429600);
    assert_int_equal(rollup_day_start(berlin, day + 86400 + 7200) - day, 25 * 3600);
}

static void questions_ask_for_what_was_counted(void **context)
{
    struct world *w = *context;
    struct buf out = {0};
    rollup_question(rollup_dimension_find(w->content, STR("denied")), STR("a\\|b \\\\ \"c||tcp|inbound"),
                    &out);
    assert_string_equal(
        buf_cstr(&out),
        "event.category:(\"network\") event.type:(\"denied\") hyakuyo.destination.zone:(\"a|b \\\\ \\\"c\") "
        "not destination.port:* network.transport:(\"tcp\") hyakuyo.direction:(\"inbound\") "
        "not hyakuyo.exercise:* not hyakuyo.canary:*");
    buf_clear(&out);
    rollup_question(rollup_dimension_find(w->content, STR("web")), STR("a.co.jp"), &out);
    assert_string_equal(buf_cstr(&out),
                        "event.category:(\"web\") url.domain:(*) url.domain:(\"a.co.jp\" or *.a.co.jp) "
                        "not hyakuyo.exercise:* not hyakuyo.canary:*");
    buf_free(&out);
}

static void refuse(const char *text, const char *why)
{
    struct error err;
    char path[] = "/tmp/trends.XXXXXX";
    int fd = mkstemp(path);
    FILE *f = fdopen(fd, "w");
    fputs(text, f);
    fclose(f);
    assert_null(rollup_content_load(path, &err));
    assert_non_null(strstr(err.text, why));
    assert_non_null(strstr(err.text, path));
    remove(path);
}

static void mistakes_are_told_with_their_place(void **context)
{
    (void)context;
    refuse("days: 30\nkeys: 50\ndimensions: []\n", "'days'");
    refuse("days: 400\nkeys: 50\ndimensions: []\n", "'dimensions'");
    refuse("days: 400\nkeys: 50\ndimensions:\n  - {name: a, title: {en: a, ja: a}, when: {no.such: [x]}, by: "
           "[rule.name]}\n",
           ":4:");
    refuse("days: 400\nkeys: 50\ndimensions:\n  - {name: a, title: {en: a, ja: a}, when: {event.category: "
           "[x]}, by: [event.type]}\n",
           "several values");
    refuse("days: 400\nkeys: 50\ndimensions:\n  - {name: a, title: {en: a}, when: {event.category: [x]}, by: "
           "[rule.name]}\n",
           "title");
}

/* Weekdays differ from weekends: after four weeks the band knows, and a surge lies outside of it. */
static void the_band_follows_the_week(void **context)
{
    enum { HOURS = 168 * 6 };
    static double hours[HOURS];
    static struct band bands[HOURS];
    (void)context;
    for (unsigned i = 0; i < HOURS; i++)
        hours[i] = i % 168 < 120 ? 100 : 10;
    hours[HOURS - 168 + 50] = 400;
    rollup_bands(hours, HOURS, 0, bands);
    assert_false(bands[100].is_usable);
    assert_true(bands[HOURS - 168 + 49].is_usable);
    assert_true(bands[HOURS - 168 + 50].high < 200);
    assert_float_equal(bands[HOURS - 168 + 49].expected, 100, 10);
    assert_float_equal(bands[HOURS - 170].expected, 10, 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(names_roll_to_what_was_registered, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_flood_of_keys_stays_within_the_bound, set_up, tear_down),
        cmocka_unit_test_setup_teardown(too_old_and_from_the_future_is_counted_apart, set_up, tear_down),
        cmocka_unit_test_setup_teardown(questions_ask_for_what_was_counted, set_up, tear_down),
        cmocka_unit_test(days_begin_at_local_midnight),
        cmocka_unit_test(mistakes_are_told_with_their_place),
        cmocka_unit_test(the_band_follows_the_week),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
