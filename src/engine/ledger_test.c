/* Runs, keys and the ledger over a real state.db: what is counted when, and what a failed commit leaves. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "engine/key_table.h"
#include "engine/ledger.h"
#include "engine/runs.h"
#include "store/state_cursors.h"
#include "store/state_parts.h"
#include "store/store_testing.h"

#define HOUR_NS (3600 * NS_PER_SECOND)

struct world {
    struct test_folder folder;
    struct registry *registry;
    struct ledger *ledger;
    struct error err;
};

static void start(struct world *w)
{
    w->registry = registry_new(w->folder.state, &w->err);
    assert_non_null(w->registry);
    w->ledger = ledger_new(w->folder.state, w->registry, &w->err);
    assert_non_null(w->ledger);
}

static void stop(struct world *w)
{
    ledger_free(w->ledger);
    registry_free(w->registry);
}

/* As after kill -9: what was not committed is gone. */
static void crash(struct world *w)
{
    stop(w);
    test_folder_reopen(&w->folder);
    start(w);
}

static void world_make(struct world *w)
{
    bool is_new;
    test_folder_make(&w->folder);
    assert_true(state_parts_prepare(state_lock(w->folder.state), &is_new, &w->err));
    state_unlock(w->folder.state);
    start(w);
}

static void world_remove(struct world *w)
{
    stop(w);
    test_folder_remove(&w->folder);
}

/* Records of two sources in turn, in one hour. */
static struct batch *make_batch(uint64_t first, uint32_t count)
{
    struct batch *b = test_batch(first, count, NULL);
    for (uint32_t i = 0; i < count; i++) {
        b->records[i].source = 1 + i % 2;
        b->records[i].received_ns = 500 * HOUR_NS + i;
        b->events[i].source = b->records[i].source;
        b->events[i].received_ns = b->records[i].received_ns;
    }
    return b;
}

static void receive(struct world *w, uint64_t first, uint32_t count, bool is_stored)
{
    struct batch *b = make_batch(first, count);
    ledger_received(w->ledger, b);
    if (is_stored)
        ledger_stored(w->ledger, b);
    batch_free(b);
}

/* The transaction that enters a part. */
static bool commit(struct world *w, uint64_t last, bool succeeds)
{
    struct state *state = w->folder.state;
    assert_true(state_begin(state, &w->err));
    bool ok = state_parts_set_stored_through(state_lock(state), last, &w->err);
    state_unlock(state);
    assert_true(ok && ledger_commit(w->ledger, state, last, &w->err));
    if (succeeds)
        return state_commit(state, &w->err);
    state_rollback(state);
    return false;
}

static struct balance_count total(struct world *w, uint32_t *rows)
{
    struct arena arena;
    struct balance_count *list, sum;
    uint32_t count;
    struct balance_filter all = {.from_hour = INT64_MIN, .to_hour = INT64_MAX, .source = UINT32_MAX};
    arena_init(&arena, 4096);
    assert_true(ledger_balance(w->ledger, &all, &arena, &list, &count, &sum, &w->err));
    arena_free(&arena);
    if (rows != NULL)
        *rows = count;
    return sum;
}

static void assert_total(struct world *w, uint64_t received, uint64_t stored, uint64_t lost)
{
    struct balance_count sum = total(w, NULL);
    assert_int_equal(sum.received, received);
    assert_int_equal(sum.stored, stored);
    assert_int_equal(sum.lost, lost);
    assert_int_equal(sum.difference, (int64_t)(received - stored - lost));
}

/* ------------------------------------------------------------------ runs */

static void a_run_is_split_where_a_part_ends(void **state)
{
    (void)state;
    struct runs q = {0};
    struct run run;
    for (uint64_t i = 1; i <= 10; i++)
        runs_add(&q, i, i <= 6 ? 1 : 2, 7, 100);
    assert_int_equal(q.count, 2);
    struct runs copy = runs_copy(&q, 4);
    assert_int_equal(copy.count, 1);
    assert_true(runs_take(&copy, 4, &run));
    assert_int_equal(run.last, 4);
    assert_int_equal(run.bytes, 0); /* with the piece that ends it */
    assert_false(runs_take(&copy, 4, &run));
    runs_drop(&q, 4);
    assert_true(runs_take(&q, UINT64_MAX, &run));
    assert_int_equal(run.first, 5);
    assert_int_equal(run.last, 6);
    assert_int_equal(run.bytes, 600);
    assert_true(runs_take(&q, UINT64_MAX, &run));
    assert_int_equal(run.source, 2);
    assert_false(runs_take(&q, UINT64_MAX, &run));
    runs_free(&copy);
    runs_free(&q);
}

static void a_gap_in_the_numbers_ends_a_run(void **state)
{
    (void)state;
    struct runs q = {0};
    runs_add(&q, 1, 1, 7, 1);
    runs_add(&q, 3, 1, 7, 1);
    runs_add(&q, 4, 1, 8, 1);
    assert_int_equal(q.count, 3);
    runs_free(&q);
}

static void a_queue_of_runs_reuses_its_front(void **state)
{
    (void)state;
    struct runs q = {0};
    struct run run;
    for (uint64_t i = 1; i <= 10000; i++) {
        runs_add(&q, i, (uint32_t)(i % 3), 7, 1);
        if (q.count > 10)
            assert_true(runs_take(&q, i, &run));
    }
    assert_true(q.capacity <= 64);
    runs_free(&q);
}

static void rows_of_one_source_and_hour_become_one(void **state)
{
    (void)state;
    struct rows rows = {0};
    for (uint32_t i = 0; i < 100; i++)
        rows_add(&rows, &(struct balance_count){.source = i % 5, .hour = i % 2, .received = 1, .stored = 2});
    rows_merge(&rows);
    assert_int_equal(rows.count, 10);
    for (uint32_t i = 0; i < rows.count; i++) {
        assert_int_equal(rows.items[i].hour, i / 5);
        assert_int_equal(rows.items[i].source, i % 5);
        assert_int_equal(rows.items[i].received, 10);
        assert_int_equal(rows.items[i].stored, 20);
    }
    rows_free(&rows);
}

/* ---------------------------------------------------------------- commit */

static void what_is_on_its_way_shows(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    receive(&w, 1, 100, true);
    receive(&w, 101, 50, false);
    assert_total(&w, 150, 100, 0);
    assert_true(commit(&w, 60, true));
    assert_total(&w, 150, 100, 0); /* before the confirmation as after it */
    ledger_confirm(w.ledger, 60);
    assert_total(&w, 150, 100, 0);
    uint32_t rows;
    total(&w, &rows);
    assert_int_equal(rows, 2);
    crash(&w);
    assert_total(&w, 60, 60, 0);
    world_remove(&w);
}

static void a_failed_commit_is_tried_again(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    receive(&w, 1, 10, true);
    struct journal_mark mark = {.idempotency_source = STR("web"),
                                .idempotency_key = STR("k"),
                                .first_sequence = 1,
                                .last_sequence = 10};
    ledger_mark(w.ledger, &mark);
    assert_false(commit(&w, 10, false));
    assert_total(&w, 10, 10, 0);
    assert_true(commit(&w, 10, true));
    ledger_confirm(w.ledger, 10);
    assert_total(&w, 10, 10, 0);
    crash(&w);
    uint64_t first, last;
    assert_true(ledger_key_seen(w.ledger, STR("web"), STR("k"), &first, &last));
    assert_int_equal(last, 10);
    assert_total(&w, 10, 10, 0);
    world_remove(&w);
}

static void a_gap_is_counted_once_over_two_crashes(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    receive(&w, 1, 5, true);
    ledger_gap(w.ledger, 6, 8);
    assert_total(&w, 8, 5, 3);
    assert_true(ledger_save_losses(w.ledger, &w.err));
    crash(&w); /* before the part that passes over it: recovery will tell of it again */
    receive(&w, 1, 5, true);
    ledger_gap(w.ledger, 6, 8);
    assert_true(commit(&w, 8, true));
    ledger_confirm(w.ledger, 8);
    crash(&w);
    assert_total(&w, 8, 5, 3);
    world_remove(&w);
}

static void losses_are_saved_once(void **state)
{
    (void)state;
    struct world w = {0};
    world_make(&w);
    struct input_tally tally = {.transport = TRANSPORT_UDP,
                                .sender = STR("192.0.2.7"),
                                .hour_ns = 500 * HOUR_NS,
                                .count = {.received = 9, .lost = 4}};
    ledger_lost(w.ledger, &tally);
    ledger_lost(w.ledger, &tally);
    assert_total(&w, 8, 0, 8);
    assert_true(ledger_save_losses(w.ledger, &w.err));
    assert_true(ledger_save_losses(w.ledger, &w.err));
    assert_total(&w, 8, 0, 8);
    crash(&w);
    assert_total(&w, 8, 0, 8);
    world_remove(&w);
}

/* ------------------------------------------------------------------ keys */

static void a_key_is_claimed_refused_and_settled(void **state)
{
    (void)state;
    struct world w = {0};
    uint64_t first, last;
    world_make(&w);
    assert_false(ledger_key_seen(w.ledger, STR("web"), STR("k"), &first, &last));
    assert_true(ledger_key_seen(w.ledger, STR("web"), STR("k"), &first, &last));
    assert_int_equal(last, 0); /* on its way */
    assert_false(ledger_key_seen(w.ledger, STR("other"), STR("k"), &first, &last));
    ledger_key_forget(w.ledger, STR("web"), STR("k"));
    assert_false(ledger_key_seen(w.ledger, STR("web"), STR("k"), &first, &last));
    struct journal_mark mark = {.idempotency_source = STR("web"),
                                .idempotency_key = STR("k"),
                                .first_sequence = 7,
                                .last_sequence = 9};
    ledger_mark(w.ledger, &mark);
    ledger_key_forget(w.ledger, STR("web"), STR("k")); /* too late: its records are safe */
    assert_true(ledger_key_seen(w.ledger, STR("web"), STR("k"), &first, &last));
    assert_int_equal(first, 7);
    assert_int_equal(last, 9);
    mark.first_sequence = mark.last_sequence = 50; /* recovery tells the same mark again */
    ledger_mark(w.ledger, &mark);
    assert_true(ledger_key_seen(w.ledger, STR("web"), STR("k"), &first, &last));
    assert_int_equal(first, 7);
    world_remove(&w);
}

static struct key_entry *enter(struct key_table *t, int number, int64_t now_ns, int64_t expires_ns)
{
    char key[16];
    int n = snprintf(key, sizeof key, "k%d", number);
    return key_table_enter(t, key_table_hash(STR("web"), str_n(key, (size_t)n)), STR("web"), now_ns,
                           expires_ns);
}

static void a_full_table_lets_the_oldest_saved_keys_go(void **state)
{
    (void)state;
    struct key_table t;
    key_table_init(&t, 100);
    for (int i = 1; i <= 100; i++)
        key_table_settle(&t, enter(&t, i, 0, 1000 + i), (uint64_t)i, (uint64_t)i);
    key_table_saved(&t, 90);
    assert_int_equal(t.unsaved->last, 91);
    enter(&t, 101, 0, 2000)->is_claimed = true;
    assert_int_equal(t.by_hash.count, 76);
    assert_null(key_table_find(&t, key_table_hash(STR("web"), STR("k25"))));
    assert_non_null(key_table_find(&t, key_table_hash(STR("web"), STR("k26"))));
    assert_int_equal(t.dropped_through_ns, 1025);
    for (int i = 102; i <= 125; i++) /* expired ones go first, what is on its way or unsaved never */
        enter(&t, i, 0, 3000);
    enter(&t, 126, 1500, 4000);
    assert_non_null(key_table_find(&t, key_table_hash(STR("web"), STR("k95"))));
    assert_non_null(key_table_find(&t, key_table_hash(STR("web"), STR("k101"))));
    assert_null(key_table_find(&t, key_table_hash(STR("web"), STR("k80"))));
    key_table_free(&t);
}

/* --------------------------------------------------------------- cursors */

static void a_cursor_moves_with_its_part(void **state)
{
    (void)state;
    struct world w = {0};
    struct arena arena;
    struct tail_cursor *cursors;
    uint32_t count;
    world_make(&w);
    arena_init(&arena, 4096);
    const struct journal_mark nonsense = {.cursor = STR("no cursor"),
                                          .first_sequence = 1,
                                          .last_sequence = 2};
    ledger_mark(w.ledger, &nonsense);
    assert_true(commit(&w, 2, true));
    ledger_confirm(w.ledger, 2);
    assert_true(state_cursors_load(w.folder.state, &arena, &cursors, &count, &w.err));
    assert_int_equal(count, 0);
    arena_free(&arena);
    world_remove(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_run_is_split_where_a_part_ends),
        cmocka_unit_test(a_gap_in_the_numbers_ends_a_run),
        cmocka_unit_test(a_queue_of_runs_reuses_its_front),
        cmocka_unit_test(rows_of_one_source_and_hour_become_one),
        cmocka_unit_test(what_is_on_its_way_shows),
        cmocka_unit_test(a_failed_commit_is_tried_again),
        cmocka_unit_test(a_gap_is_counted_once_over_two_crashes),
        cmocka_unit_test(losses_are_saved_once),
        cmocka_unit_test(a_key_is_claimed_refused_and_settled),
        cmocka_unit_test(a_full_table_lets_the_oldest_saved_keys_go),
        cmocka_unit_test(a_cursor_moves_with_its_part),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
