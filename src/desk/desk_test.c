/* The desk over a real state.db: incidents kept all or none, found again after a restart, and closed by
 * people.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "base/memory.h"
#include "desk/desk.h"
#include "store/state_incidents.h"
#include "store/store_testing.h"

#define MINUTE_NS (60 * NS_PER_SECOND)

struct world {
    struct test_folder folder;
    struct criteria *criteria;
    struct desk *desk;
    struct arena arena; /* of what is read back */
    struct error err;
    unsigned told, told_new;
    uint64_t last_id, sequence;
    enum level level; /* of the next findings */
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

static void restart(struct world *w)
{
    desk_free(w->desk);
    start(w);
}

static int world_make(void **state)
{
    struct world *w = *state = NEW(struct world);
    w->level = LEVEL_CRITICAL;
    test_folder_make(&w->folder);
    arena_init(&w->arena, 4096);
    w->criteria = criteria_load(SOURCE_ROOT "/content/judgement.yml", &w->err);
    assert_non_null(w->criteria);
    start(w);
    return 0;
}

static int world_remove(void **state)
{
    struct world *w = *state;
    desk_free(w->desk);
    criteria_free(w->criteria);
    arena_free(&w->arena);
    test_folder_remove(&w->folder);
    memory_free(w);
    return 0;
}

/* One finding, said to be at `time_ns` and received at `received_ns`. */
static void find_on(struct world *w, const char *ip, const char *name, uint64_t sequence, int64_t time_ns,
                    int64_t received_ns)
{
    struct batch *b = test_batch(sequence, 1, NULL);
    b->events[0].received_ns = received_ns;
    struct finding *f = batch_add_finding(b);
    *f = (struct finding){.rule_id = w->level == LEVEL_CRITICAL ? STR("rule") : STR("weak rule"),
                          .title_en = STR("Rule"),
                          .title_ja = STR_EMPTY,
                          .level = w->level,
                          .time_ns = time_ns,
                          .sequence = sequence,
                          .product = STR("fw"),
                          .evidence_group = STR_EMPTY,
                          .stage = STR("executed"),
                          .host_name = str_c(name),
                          .host_ip = str_c(ip),
                          .user = STR_EMPTY,
                          .department = STR_EMPTY,
                          .peer = STR_EMPTY};
    desk_take(w->desk, b);
    batch_free(b); /* the desk keeps nothing of it */
}

static void find(struct world *w, const char *ip, uint64_t sequence, int64_t time_ns, int64_t received_ns)
{
    find_on(w, ip, "", sequence, time_ns, received_ns);
}

static void find_named(struct world *w, const char *ip, const char *name, int64_t minute)
{
    int64_t time_ns = TEST_TIME_NS + minute * MINUTE_NS;
    find_on(w, ip, name, ++w->sequence, time_ns, time_ns);
}

static void find_now(struct world *w, const char *ip, int64_t minute)
{
    int64_t time_ns = TEST_TIME_NS + minute * MINUTE_NS;
    find(w, ip, ++w->sequence, time_ns, time_ns);
}

static struct incident_page list(struct world *w, enum incident_selection selection)
{
    struct incident_page page = {.selection = selection, .limit = 100, .with_findings = true};
    assert_true(state_incidents_list(w->folder.state, &w->arena, &page, &w->err));
    return page;
}

static void findings_become_one_incident_and_join_it_after_a_restart(void **state)
{
    struct world *w = *state;
    find_now(w, "10.0.0.1", 0);
    find_now(w, "10.0.0.1", 1);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_equal(w->told_new, 1);
    restart(w);
    find(w, "10.0.0.1", w->sequence, TEST_TIME_NS + MINUTE_NS, TEST_TIME_NS + MINUTE_NS); /* replayed */
    find_now(w, "10.0.0.1", 2);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    struct incident_page page = list(w, SELECT_ALL_INCIDENTS);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.incidents[0].findings[0].count, 3);
    assert_int_equal(w->told_new, 1);
}

/* A state.db that takes nothing. */
static void query_only(struct world *w, const char *sql)
{
    assert_int_equal(sqlite3_exec(state_lock(w->folder.state), sql, NULL, NULL, NULL), SQLITE_OK);
    state_unlock(w->folder.state);
}

static void what_cannot_be_kept_is_told_to_nobody_and_kept_later(void **state)
{
    struct world *w = *state;
    find_now(w, "10.0.0.1", 0);
    find_now(w, "10.0.0.2", 0);
    query_only(w, "PRAGMA query_only=ON");
    assert_false(desk_keep_incidents(w->desk, &w->err));
    query_only(w, "PRAGMA query_only=OFF");
    assert_int_equal(w->told, 0);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_equal(w->told_new, 2);
    assert_int_equal(list(w, SELECT_OPEN_INCIDENTS).count, 2);
}

static void a_closed_incident_takes_no_more(void **state)
{
    struct world *w = *state;
    find_now(w, "10.0.0.1", 0);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    uint64_t first = w->last_id;
    struct state_change close = {.who = STR("hanako"),
                                 .note = STR("test"),
                                 .from = INCIDENT_NEW,
                                 .to = INCIDENT_FALSE_POSITIVE};
    assert_true(state_incidents_change(w->folder.state, first, &close, &w->err));
    desk_note_state(w->desk, first, INCIDENT_FALSE_POSITIVE);
    find_now(w, "10.0.0.1", 1);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_not_equal(w->last_id, first);
    assert_int_equal(list(w, SELECT_OPEN_INCIDENTS).count, 1);
    assert_int_equal(list(w, SELECT_CLOSED_INCIDENTS).incidents[0].findings[0].count, 1);
}

static void an_incident_that_is_opened_again_goes_on(void **state)
{
    struct world *w = *state;
    find_now(w, "10.0.0.1", 0);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    uint64_t first = w->last_id;
    desk_note_state(w->desk, first, INCIDENT_FALSE_POSITIVE);
    desk_note_state(w->desk, first, INCIDENT_INVESTIGATING);
    find_now(w, "10.0.0.1", 1);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_equal(w->last_id, first);
}

static void a_clock_that_runs_ahead_ends_nobodys_window(void **state)
{
    struct world *w = *state;
    find_now(w, "10.0.0.1", 0);
    find(w, "10.0.0.9", ++w->sequence, TEST_TIME_NS + 5 * 366 * 24 * 60 * MINUTE_NS, TEST_TIME_NS);
    find(w, "10.0.0.8", ++w->sequence, INT64_MAX, TEST_TIME_NS);
    find(w, "10.0.0.7", ++w->sequence, INT64_MIN + 1, TEST_TIME_NS);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_equal(w->told_new, 4);
    find_now(w, "10.0.0.1", 1);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_equal(w->told_new, 4); /* it joined */
}

/* Invariant 2. */
static void a_candidate_is_kept_when_all_are_and_goes_on_after_a_restart(void **state)
{
    struct world *w = *state;
    w->level = LEVEL_LOW;
    find(w, "10.0.0.1", ++w->sequence, TEST_TIME_NS, TEST_TIME_NS);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_equal(list(w, SELECT_LIVING).count, 0);
    assert_true(desk_keep_all(w->desk, &w->err));
    assert_int_equal(list(w, SELECT_LIVING).count, 1);
    restart(w);
    find(w, "10.0.0.1", w->sequence, TEST_TIME_NS, TEST_TIME_NS); /* replayed */
    w->level = LEVEL_CRITICAL;
    find_now(w, "10.0.0.1", 1);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    struct incident_page page = list(w, SELECT_OPEN_INCIDENTS);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.incidents[0].finding_count, 2);
    assert_int_equal(page.incidents[0].findings[0].count, 1);
}

/* More candidates than go into one transaction. */
static void all_of_many_are_kept(void **state)
{
    struct world *w = *state;
    for (unsigned i = 0; i < 700; i++) {
        char ip[32];
        snprintf(ip, sizeof ip, "10.1.%u.%u", i / 250, i % 250);
        w->level = i % 50 == 0 ? LEVEL_CRITICAL : LEVEL_LOW;
        find(w, ip, ++w->sequence, TEST_TIME_NS, TEST_TIME_NS);
    }
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_equal(list(w, SELECT_LIVING).total, 14);
    query_only(w, "PRAGMA query_only=ON");
    assert_false(desk_keep_all(w->desk, &w->err));
    query_only(w, "PRAGMA query_only=OFF");
    assert_true(desk_keep_all(w->desk, &w->err));
    assert_int_equal(list(w, SELECT_LIVING).total, 700);
    assert_int_equal(w->told_new, 14);
}

/* A person closes an incident that has news nobody has kept yet: these belong to it, what comes later does
 * not. */
static void closing_waits_for_what_is_not_kept(void **state)
{
    struct world *w = *state;
    find_now(w, "10.0.0.1", 0);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    uint64_t first = w->last_id;
    find_now(w, "10.0.0.1", 1);
    desk_note_state(w->desk, first, INCIDENT_CLOSED);
    find_now(w, "10.0.0.1", 2);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    struct incident i;
    assert_true(state_incidents_load(w->folder.state, first, &w->arena, &i, &w->err));
    assert_int_equal(i.findings[0].count, 3);
    find_now(w, "10.0.0.1", 3);
    assert_true(desk_keep_incidents(w->desk, &w->err));
    assert_int_not_equal(w->last_id, first);
}

/* What the journal brings again after a crash, when people closed the incident in between. */
static void replay_of_a_closed_incident(struct world *w, bool (*keep)(struct desk *d, struct error *err))
{
    find_now(w, "10.0.0.1", 0);
    find_now(w, "10.0.0.2", 0);
    find_now(w, "10.0.0.1", 1);
    assert_true(keep(w->desk, &w->err));
    struct incident_page page = list(w, SELECT_OPEN_INCIDENTS);
    assert_int_equal(page.count, 2);
    for (uint32_t i = 0; i < page.count; i++) {
        struct state_change close = {.who = STR("hanako"),
                                     .note = STR("test"),
                                     .from = INCIDENT_NEW,
                                     .to = INCIDENT_FALSE_POSITIVE};
        assert_true(state_incidents_change(w->folder.state, page.incidents[i].id, &close, &w->err));
    }
    desk_free(w->desk); /* it had no time to hear of that */
    for (int crash = 0; crash < 2; crash++) {
        start(w);
        uint64_t through = w->sequence;
        w->sequence = 0;
        find_now(w, "10.0.0.1", 0);
        assert_true(keep(w->desk, &w->err)); /* and crashes again in the middle */
        if (crash)
            find_now(w, "10.0.0.2", 0);
        if (crash)
            find_now(w, "10.0.0.1", 1);
        assert_true(keep(w->desk, &w->err));
        w->sequence = through;
        assert_int_equal(list(w, SELECT_OPEN_INCIDENTS).count, 0);
        if (!crash)
            desk_free(w->desk);
    }
    find_now(w, "10.0.0.1", 2); /* what is new is news */
    assert_true(keep(w->desk, &w->err));
    page = list(w, SELECT_OPEN_INCIDENTS);
    assert_int_equal(page.count, 1);
    assert_int_equal(page.incidents[0].findings[0].count, 1);
}

static void a_replayed_finding_of_a_closed_incident_opens_nothing(void **state)
{
    replay_of_a_closed_incident(*state, desk_keep_all);
}

static void nor_does_it_when_only_incidents_were_kept(void **state)
{
    replay_of_a_closed_incident(*state, desk_keep_incidents);
}

/* The journal was lost with numbers that were counted: later events bear them again. */
static void numbers_given_again_are_counted(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 5; i++)
        find_now(w, "10.0.0.1", i);
    assert_true(desk_keep_all(w->desk, &w->err));
    restart(w);
    desk_note_recovered(w->desk, 2);
    w->sequence = 2;
    find_now(w, "10.0.0.2", 6);
    assert_true(desk_keep_all(w->desk, &w->err));
    assert_int_equal(list(w, SELECT_OPEN_INCIDENTS).count, 2);
    restart(w);
    find_now(w, "10.0.0.3", 7); /* number 4 */
    assert_true(desk_keep_all(w->desk, &w->err));
    assert_int_equal(list(w, SELECT_OPEN_INCIDENTS).count, 3);
}

static void candidates_without_news_leave_the_database_and_incidents_stay(void **state)
{
    const int many = 1200, day = 24 * 60; /* more than go at once */
    struct world *w = *state;
    find_now(w, "10.1.0.1", 0);
    w->level = LEVEL_LOW;
    for (int i = 0; i < many; i++) {
        char ip[32];
        snprintf(ip, sizeof ip, "10.0.%d.%d", i / 250, i % 250);
        find_now(w, ip, i % 60);
    }
    assert_true(desk_keep_all(w->desk, &w->err));
    assert_int_equal(list(w, SELECT_LIVING).total, many + 1);
    find_now(w, "10.0.0.0", day - 1); /* still within its window */
    assert_true(desk_keep_all(w->desk, &w->err));
    assert_int_equal(list(w, SELECT_LIVING).total, many + 1);
    uint64_t left[3];
    for (int i = 0; i < 3; i++) {
        find_now(w, "10.0.0.0", day + 61 + i);
        assert_true(desk_keep_all(w->desk, &w->err));
        left[i] = list(w, SELECT_LIVING).total;
    }
    assert_int_equal(left[0], many + 1 - 500);
    assert_int_equal(left[1], many + 1 - 1000);
    assert_int_equal(left[2], 2); /* the incident, and the candidate with news */
    assert_int_equal(list(w, SELECT_OPEN_INCIDENTS).count, 1);
}

/* Last week's records come in between today's: each finds its own, however the batches fall. */
static void old_records_beside_new_ones_make_one_incident(void **state)
{
    const int week = 7 * 24 * 60;
    struct world *w = *state;
    for (int i = 0; i < 20; i++) {
        int64_t old_ns = TEST_TIME_NS + i * MINUTE_NS, now_ns = old_ns + week * MINUTE_NS;
        find(w, "10.0.0.1", ++w->sequence, now_ns, now_ns);
        find(w, "10.0.0.2", ++w->sequence, old_ns, now_ns);
        if (i % 3 == 0)
            assert_true(desk_keep_all(w->desk, &w->err));
        if (i == 10) { /* and a restart forgets nothing of it */
            assert_true(desk_keep_all(w->desk, &w->err));
            restart(w);
        }
    }
    assert_true(desk_keep_all(w->desk, &w->err));
    struct incident_page page = list(w, SELECT_ALL_INCIDENTS);
    assert_int_equal(page.count, 2);
    assert_int_equal(page.incidents[0].findings[0].count, 20);
    assert_int_equal(page.incidents[1].findings[0].count, 20);
}

/* Two candidates turn out to be one: the other is nobody's work and goes. */
static void an_absorbed_candidate_leaves_no_trace_an_absorbed_incident_does(void **state)
{
    struct world *w = *state;
    for (int grave = 0; grave < 2; grave++) {
        w->level = grave ? LEVEL_CRITICAL : LEVEL_LOW;
        find_named(w, grave ? "10.0.0.2" : "10.0.0.1", "", 0);
        find_named(w, "", grave ? "PC-2" : "PC-1", 1);
        assert_true(desk_keep_all(w->desk, &w->err));
        find_named(w, grave ? "10.0.0.2" : "10.0.0.1", grave ? "PC-2" : "PC-1", 2);
        assert_true(desk_keep_all(w->desk, &w->err));
        assert_int_equal(list(w, SELECT_CLOSED_INCIDENTS).total, grave);
        assert_int_equal(list(w, SELECT_LIVING).total, 1 + grave);
    }
}

#define WITH_A_DESK(test) cmocka_unit_test_setup_teardown(test, world_make, world_remove)
int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_A_DESK(findings_become_one_incident_and_join_it_after_a_restart),
        WITH_A_DESK(what_cannot_be_kept_is_told_to_nobody_and_kept_later),
        WITH_A_DESK(a_closed_incident_takes_no_more),
        WITH_A_DESK(an_incident_that_is_opened_again_goes_on),
        WITH_A_DESK(a_clock_that_runs_ahead_ends_nobodys_window),
        WITH_A_DESK(a_candidate_is_kept_when_all_are_and_goes_on_after_a_restart),
        WITH_A_DESK(all_of_many_are_kept),
        WITH_A_DESK(closing_waits_for_what_is_not_kept),
        WITH_A_DESK(a_replayed_finding_of_a_closed_incident_opens_nothing),
        WITH_A_DESK(nor_does_it_when_only_incidents_were_kept),
        WITH_A_DESK(numbers_given_again_are_counted),
        WITH_A_DESK(candidates_without_news_leave_the_database_and_incidents_stay),
        WITH_A_DESK(old_records_beside_new_ones_make_one_incident),
        WITH_A_DESK(an_absorbed_candidate_leaves_no_trace_an_absorbed_incident_does),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
