/* Unit tests of the everyday trends in the state database (S59): sums stay exact when small keys are folded.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/state_rollup.h"

#define DAY INT64_C(1762700400) /* 2025-11-10 00:00 JST */

static const struct rollup_keys special = {{"\x01", 1}, {"\x02", 1}, {"\x03", 1}};

struct world {
    struct state *state;
    struct arena arena;
    struct error err;
    char folder[64], path[96];
};

static int set_up(void **context)
{
    struct world *w = calloc(1, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/rollup_test.XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/state.db", w->folder);
    w->state = state_open(w->path, &w->err);
    assert_non_null(w->state);
    arena_init(&w->arena, 4096);
    *context = w;
    return 0;
}

static int tear_down(void **context)
{
    struct world *w = *context;
    char command[128];
    state_close(w->state);
    arena_free(&w->arena);
    snprintf(command, sizeof command, "rm -rf %s", w->folder);
    assert_int_equal(system(command), 0);
    free(w);
    return 0;
}

static void add(struct world *w, const char *key, int64_t day_s, unsigned bin, uint64_t count, uint32_t keys)
{
    struct rollup_item item = {STR("ports"), str_c(key), day_s, bin, count};
    assert_true(state_rollup_add(w->state, &item, 1, &special, keys, &w->err));
}

static struct rollup_top top(struct world *w, int64_t from_s, int64_t to_s, uint32_t limit)
{
    struct rollup_top found;
    assert_true(
        state_rollup_top(w->state, STR("ports"), from_s, to_s, &special, limit, &w->arena, &found, &w->err));
    return found;
}

static uint64_t sum_of(const struct rollup_top *t)
{
    uint64_t sum = t->other;
    for (uint32_t i = 0; i < t->count; i++)
        sum += t->rows[i].count;
    return sum;
}

/* A scan of thousands of ports leaves the busy ones alone, and every event is in some line. */
static void small_keys_are_folded_and_the_sum_stays(void **context)
{
    struct world *w = *context;
    char port[16];
    add(w, "445", DAY, 3, 1000, 10);
    for (unsigned i = 0; i < 2000; i++) {
        snprintf(port, sizeof port, "%u", 10000 + i);
        add(w, port, DAY, i % 288, 1 + i % 3, 10);
    }
    add(w, "445", DAY, 287, 7, 10);
    struct rollup_top t = top(w, DAY, DAY + 86400, 1000);
    assert_int_equal(t.total, 1000 + 7 + 2000 / 3 * 6 + 1 + 2);
    assert_int_equal(sum_of(&t), t.total);
    assert_true(t.keys <= 20 && t.other > 3000);
    assert_string_equal(arena_printf(&w->arena, "%.*s", STR_ARGS(t.rows[0].key)).p, "445");
    assert_int_equal(t.rows[0].count, 1007);
    assert_true(t.short_by >= 3); /* a folded key may have had as much as that */
    struct rollup_top few = top(w, DAY, DAY + 86400, 1);
    assert_int_equal(few.count, 1);
    assert_int_equal(sum_of(&few), t.total);
}

/* Days that only reach into the range count with those bins alone. */
static void a_range_takes_whole_bins_of_days_at_its_edges(void **context)
{
    struct world *w = *context;
    for (int d = 0; d < 4; d++)
        for (unsigned hour = 0; hour < 24; hour++)
            add(w, "25", DAY + d * INT64_C(86400), hour * 12, 1, 10);
    assert_int_equal(top(w, DAY, DAY + 4 * 86400, 10).total, 96);
    assert_int_equal(top(w, DAY + 6 * 3600, DAY + 3 * 86400 + 6 * 3600, 10).total, 72);
    assert_int_equal(top(w, DAY + 300, DAY + 3600, 10).total, 0);
    assert_int_equal(top(w, DAY + 3600, DAY + 3900, 10).total, 1);
    struct rollup_day *days;
    uint32_t count;
    assert_true(state_rollup_days(w->state, STR("ports"), STR("25"), DAY + 86400, DAY + 2 * 86400, true,
                                  &w->arena, &days, &count, &w->err));
    const struct rollup_day *last = &days[count - 1];
    assert_int_equal(last->day_s, DAY + 86400);
    assert_int_equal(last->count, 24);
    assert_int_equal(last->hours[5], 1);
    assert_int_equal(last->bins[60], 1);
    assert_int_equal(last->bins[61], 0);
    assert_true(state_rollup_expire(w->state, DAY + 86400, &w->err));
    int64_t first_s;
    assert_true(state_rollup_first_day(w->state, STR("ports"), &first_s, &w->err));
    assert_int_equal(first_s, DAY + 86400);
    assert_true(state_rollup_first_day(w->state, STR("other"), &first_s, &w->err));
    assert_true(first_s == INT64_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(small_keys_are_folded_and_the_sum_stays, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_range_takes_whole_bins_of_days_at_its_edges, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
