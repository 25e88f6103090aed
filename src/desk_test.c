/* The desk over a real state.db: incidents kept all or none, found again after a restart, and closed by
 * people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/memory.h"
#include "desk.h"
#include "store/state_incidents.h"
#include "store/store_testing.h"

#define MINUTE_NS (60 * NS_PER_SECOND)

struct world {
    struct test_folder folder;
    struct criteria *criteria;
    struct desk *desk;
    struct error err;
    unsigned told, told_new;
    uint64_t last_id, sequence;
};

static void changed(void *context, const struct incident *incident, bool is_new)
{
    struct world *w = context;
    w->told++;
    w->told_new += is_new;
    w->last_id = incident->id;
}

static void start(struct world *w)
{
    struct desk_options options = {.criteria = w->criteria,
                                   .state = w->folder.state,
                                   .context = w,
                                   .changed = changed};
    w->desk = desk_new(&options, &w->err);
    assert_non_null(w->desk);
}

static void world_make(struct world *w)
{
    *w = (struct world){.sequence = 0};
    test_folder_make(&w->folder);
    w->criteria = criteria_load(SOURCE_ROOT "/content/judgement.yml", &w->err);
    assert_non_null(w->criteria);
    start(w);
}

static void world_remove(struct world *w)
{
    desk_free(w->desk);
    criteria_free(w->criteria);
    test_folder_remove(&w->folder);
}

/* One critical finding, said to be at `time_ns` and received at `received_ns`. */
static void find(struct world *w, const char *ip, uint64_t sequence, int64_t time_ns, int64_t received_ns)
{
    struct batch *b = test_batch(sequence, 1, NULL);
    b->events[0].received_ns = received_ns;
    struct finding *f = batch_add_finding(b);
    *f = (struct finding){.rule_id = STR("rule"),
                          .title_en = STR("Rule"),
                          .title_ja = STR_EMPTY,
                          .level = LEVEL_CRITICAL,
                          .time_ns = time_ns,
                          .sequence = sequence,
                          .product = STR("fw"),
                          .evidence_group = STR_EMPTY,
                          .stage = STR("executed"),
                          .host_name = STR_EMPTY,
                          .host_ip = str_c(ip),
                          .user = STR_EMPTY,
                          .department = STR_EMPTY,
                          .peer = STR_EMPTY};
    desk_take(w->desk, b);
    batch_free(b); /* the desk keeps nothing of it */
}

static void find_now(struct world *w, const char *ip, int64_t minute)
{
    int64_t time_ns = TEST_TIME_NS + minute * MINUTE_NS;
    find(w, ip, ++w->sequence, time_ns, time_ns);
}

static struct incident_page list(struct world *w, struct arena *arena, enum incident_selection selection)
{
    struct incident_page page = {.selection = selection, .limit = 100, .with_findings = true};
    assert_true(state_incidents_list(w->folder.state, arena, &page, &w->err));
    return page;
}

static void findings_become_one_incident_and_join_it_after_a_restart(void **state)
{
    (void)state;
    struct world w;
    struct arena arena;
    world_make(&w);
    arena_init(&arena, 4096);
    find_now(&w, "10.0.0.1", 0);
    find_now(&w, "10.0.0.1", 1);
    assert_true(desk_keep(w.desk, &w.err));
    assert_int_equal(w.told_new, 1);
    desk_free(w.desk);
    start(&w);
    find(&w, "10.0.0.1", w.sequence, TEST_TIME_NS + MINUTE_NS, TEST_TIME_NS + MINUTE_NS); /* replayed */
    find_now(&w, "10.0.0.1", 2);
    assert_true(desk_keep(w.desk, &w.err));
    struct incident_page page = list(&w, &arena, SELECT_ALL_INCIDENTS);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.incidents[0].findings[0].count, 3);
    assert_int_equal(w.told_new, 1);
    arena_free(&arena);
    world_remove(&w);
}

/* A state.db that takes nothing. */
static void query_only(struct world *w, const char *sql)
{
    assert_int_equal(sqlite3_exec(state_lock(w->folder.state), sql, NULL, NULL, NULL), SQLITE_OK);
    state_unlock(w->folder.state);
}

static void what_cannot_be_kept_is_told_to_nobody_and_kept_later(void **state)
{
    (void)state;
    struct world w;
    struct arena arena;
    world_make(&w);
    arena_init(&arena, 4096);
    find_now(&w, "10.0.0.1", 0);
    find_now(&w, "10.0.0.2", 0);
    query_only(&w, "PRAGMA query_only=ON");
    assert_false(desk_keep(w.desk, &w.err));
    query_only(&w, "PRAGMA query_only=OFF");
    assert_int_equal(w.told, 0);
    assert_true(desk_keep(w.desk, &w.err));
    assert_int_equal(w.told_new, 2);
    assert_int_equal(list(&w, &arena, SELECT_OPEN_INCIDENTS).count, 2);
    arena_free(&arena);
    world_remove(&w);
}

static void a_closed_incident_takes_no_more(void **state)
{
    (void)state;
    struct world w;
    struct arena arena;
    world_make(&w);
    arena_init(&arena, 4096);
    find_now(&w, "10.0.0.1", 0);
    assert_true(desk_keep(w.desk, &w.err));
    uint64_t first = w.last_id;
    struct state_change close = {.who = STR("hanako"),
                                 .note = STR("test"),
                                 .from = INCIDENT_NEW,
                                 .to = INCIDENT_FALSE_POSITIVE};
    assert_true(state_incidents_change(w.folder.state, first, &close, &w.err));
    desk_note_state(w.desk, first, INCIDENT_FALSE_POSITIVE);
    find_now(&w, "10.0.0.1", 1);
    assert_true(desk_keep(w.desk, &w.err));
    assert_int_not_equal(w.last_id, first);
    assert_int_equal(list(&w, &arena, SELECT_OPEN_INCIDENTS).count, 1);
    assert_int_equal(list(&w, &arena, SELECT_CLOSED_INCIDENTS).incidents[0].findings[0].count, 1);
    arena_free(&arena);
    world_remove(&w);
}

static void an_incident_that_is_opened_again_goes_on(void **state)
{
    (void)state;
    struct world w;
    world_make(&w);
    find_now(&w, "10.0.0.1", 0);
    assert_true(desk_keep(w.desk, &w.err));
    uint64_t first = w.last_id;
    desk_note_state(w.desk, first, INCIDENT_FALSE_POSITIVE);
    desk_note_state(w.desk, first, INCIDENT_INVESTIGATING);
    find_now(&w, "10.0.0.1", 1);
    assert_true(desk_keep(w.desk, &w.err));
    assert_int_equal(w.last_id, first);
    world_remove(&w);
}

static void a_clock_that_runs_ahead_ends_nobodys_window(void **state)
{
    (void)state;
    struct world w;
    world_make(&w);
    find_now(&w, "10.0.0.1", 0);
    find(&w, "10.0.0.9", ++w.sequence, TEST_TIME_NS + 5 * 366 * 24 * 60 * MINUTE_NS, TEST_TIME_NS);
    find(&w, "10.0.0.8", ++w.sequence, INT64_MAX, TEST_TIME_NS);
    find(&w, "10.0.0.7", ++w.sequence, INT64_MIN + 1, TEST_TIME_NS);
    assert_true(desk_keep(w.desk, &w.err));
    assert_int_equal(w.told_new, 4);
    find_now(&w, "10.0.0.1", 1);
    assert_true(desk_keep(w.desk, &w.err));
    assert_int_equal(w.told_new, 4); /* it joined */
    world_remove(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(findings_become_one_incident_and_join_it_after_a_restart),
        cmocka_unit_test(what_cannot_be_kept_is_told_to_nobody_and_kept_later),
        cmocka_unit_test(a_closed_incident_takes_no_more),
        cmocka_unit_test(an_incident_that_is_opened_again_goes_on),
        cmocka_unit_test(a_clock_that_runs_ahead_ends_nobodys_window),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
