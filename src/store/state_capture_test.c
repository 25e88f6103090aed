/* What a transaction changes is seen, and is not kept before somebody took it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/memory.h"
#include "store/state_capture.h"
#include "store/state_incidents.h"
#include "store/state_sql.h"
#include "store/state_users.h"

struct world {
    char folder[64], path[96];
    struct state *state;
    struct arena arena;
    struct error err;
    unsigned asked; /* how often nobody had taken the changes */
    bool refuses;
};

static bool take_all(void *context, struct error *err)
{
    struct world *w = context;
    struct captured_row *rows;
    uint32_t count;
    w->asked++;
    if (w->refuses)
        return error_set(err, "no entry");
    return state_capture_take(w->state, &w->arena, &rows, &count, err);
}

static int setup(void **state)
{
    struct world *w = NEW(struct world);
    snprintf(w->folder, sizeof w->folder, "/tmp/capture_test_XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->path, sizeof w->path, "%s/state.db", w->folder);
    arena_init(&w->arena, 4096);
    w->state = state_open(w->path, &w->err);
    assert_non_null(w->state);
    assert_true(state_capture_arm(w->state, take_all, w, &w->err));
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    static const char *const endings[] = {"", "-wal", "-shm"};
    state_close(w->state);
    for (size_t i = 0; i < COUNT_OF(endings); i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", w->path, endings[i]);
        unlink(path);
    }
    rmdir(w->folder);
    arena_free(&w->arena);
    memory_free(w);
    return 0;
}

static bool add_user(struct world *w, const char *name)
{
    struct user user = {.name = str_c(name),
                        .password_hash = STR("hash"),
                        .roles = STR("analyst"),
                        .language = STR("en"),
                        .created_ns = 7};
    return state_users_create(w->state, &user, &w->err);
}

static uint32_t take(struct world *w, struct captured_row **rows)
{
    uint32_t count;
    assert_true(state_capture_take(w->state, &w->arena, rows, &count, &w->err));
    return count;
}

static struct str value_of(const struct captured_row *row, const struct str *values, const char *column)
{
    for (uint32_t i = 0; i < row->table->count; i++)
        if (str_eq(row->table->columns[i].name, str_c(column)))
            return values[i];
    fail_msg("no column %s", column);
    return STR_EMPTY;
}

static void test_every_table_has_a_law(void **state)
{
    struct world *w = *state;
    unsigned seen = 0;
    sqlite3_stmt *q = NULL;
    assert_int_equal(sqlite3_prepare_v2(w->state->db, "SELECT name FROM sqlite_master WHERE type = 'table'",
                                        -1, &q, NULL),
                     SQLITE_OK);
    for (; sqlite3_step(q) == SQLITE_ROW; seen++) {
        const char *name = (const char *)sqlite3_column_text(q, 0);
        if (!state_table_has_law(str_c(name)))
            fail_msg("the table %s has no line in state_recorded.def", name);
    }
    sqlite3_finalize(q);
    assert_true(seen > 40);
}

static void test_nothing_is_kept_that_nobody_took(void **state)
{
    struct world *w = *state;
    struct user *users;
    uint32_t count;
    w->refuses = true;
    assert_false(add_user(w, "sato"));
    assert_string_equal(w->err.text, "no entry");
    w->refuses = false;
    assert_true(add_user(w, "sato"));
    assert_int_equal(w->asked, 2);
    assert_true(state_users_list(w->state, &w->arena, &users, &count, &w->err));
    assert_int_equal(count, 1);
}

static void test_old_and_new_values(void **state)
{
    struct world *w = *state;
    struct captured_row *rows;
    struct user user;
    bool found;
    assert_true(add_user(w, "sato"));
    assert_true(state_users_find(w->state, STR("sato"), &w->arena, &user, &found, &w->err) && found);
    assert_true(state_begin(w->state, &w->err));
    user.roles = STR("lead");
    assert_true(state_users_update(w->state, &user, &w->err));
    user.roles = STR("approver");
    assert_true(state_users_update(w->state, &user, &w->err));
    assert_true(state_capture_waits(w->state));
    assert_int_equal(take(w, &rows), 1); /* both steps are one change */
    assert_true(str_eq(value_of(&rows[0], rows[0].old_values, "roles"), STR("analyst")));
    assert_true(str_eq(value_of(&rows[0], rows[0].new_values, "roles"), STR("approver")));
    assert_true(rows[0].id == user.id);
    assert_false(state_capture_waits(w->state));
    assert_true(state_commit(w->state, &w->err));
    assert_int_equal(w->asked, 1);
}

static void test_what_is_undone_is_forgotten(void **state)
{
    struct world *w = *state;
    struct captured_row *rows;
    assert_true(state_begin(w->state, &w->err) && add_user(w, "sato"));
    assert_true(state_begin(w->state, &w->err) && add_user(w, "suzuki"));
    state_rollback(w->state);
    assert_int_equal(take(w, &rows), 1);
    assert_true(str_eq(value_of(&rows[0], rows[0].new_values, "name"), STR("sato")));
    assert_true(state_commit(w->state, &w->err));
    assert_int_equal(w->asked, 0);
}

static void test_an_entry_that_is_undone_takes_its_changes_along(void **state)
{
    struct world *w = *state;
    struct captured_row *rows;
    assert_true(state_begin(w->state, &w->err) && add_user(w, "sato") && state_begin(w->state, &w->err));
    assert_int_equal(take(w, &rows), 1);
    state_rollback(w->state); /* the entry goes, the user would stay */
    assert_false(state_commit(w->state, &w->err));
}

static struct incident an_incident(struct incident_finding *finding)
{
    *finding =
        (struct incident_finding){.rule_id = STR("r"), .title_en = STR("t"), .host_ip = STR("192.0.2.1")};
    return (struct incident){.state = INCIDENT_CANDIDATE,
                             .title_en = STR("t"),
                             .hosts = STR("192.0.2.1"),
                             .type = STR("unclassified"),
                             .reason = STR("{}"),
                             .findings = finding,
                             .finding_count = 1};
}

static void test_a_candidate_comes_in_whole_when_it_is_an_incident(void **state)
{
    struct world *w = *state;
    struct captured_row *rows;
    struct incident_finding finding;
    struct incident incident = an_incident(&finding);
    struct state_change step = {STR("hyakuyo"), STR_EMPTY, 1, INCIDENT_CANDIDATE, INCIDENT_NEW};
    assert_true(state_incidents_save(w->state, &incident, &w->err));
    assert_int_equal(w->asked, 0);
    assert_true(state_begin(w->state, &w->err));
    assert_true(state_incidents_change(w->state, incident.id, &step, &w->err));
    assert_int_equal(take(w, &rows), 3); /* incident, its finding, the step */
    for (int i = 0; i < 3; i++)
        assert_true(rows[i].old_values == NULL && rows[i].new_values != NULL);
    finding.count = 9; /* only counted */
    finding.is_stored = false;
    assert_true(state_incidents_save(w->state, &incident, &w->err));
    assert_false(state_capture_waits(w->state));
    assert_true(state_commit(w->state, &w->err));
}

static void test_fingerprints_tell_rows_apart(void **state)
{
    const struct recorded_column columns[] = {{STR("a"), true, false},
                                              {STR("b"), false, false},
                                              {STR("c"), false, true}};
    const struct recorded_table t = {STR("t"), columns, 3, -1, -1};
    const struct str one[] = {STR("12"), STR_EMPTY, STR("x")}, two[] = {STR("1"), STR("2"), STR("x")},
                     kept[] = {STR("12"), STR("0"), STR("y")};
    char a[STATE_DIGEST_TEXT], b[STATE_DIGEST_TEXT];
    (void)state;
    state_row_digest(&t, one, STR("salt"), a);
    state_row_digest(&t, two, STR("salt"), b);
    assert_string_not_equal(a, b);
    state_row_digest(&t, kept, STR("salt"), b);
    assert_string_equal(a, b);
    state_row_digest(&t, one, STR("other"), b);
    assert_string_not_equal(a, b);
    state_row_digest(&t, NULL, STR("salt"), b);
    assert_string_equal(b, "");
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(test_every_table_has_a_law),
        CASE(test_nothing_is_kept_that_nobody_took),
        CASE(test_old_and_new_values),
        CASE(test_what_is_undone_is_forgotten),
        CASE(test_an_entry_that_is_undone_takes_its_changes_along),
        CASE(test_a_candidate_comes_in_whole_when_it_is_an_incident),
        CASE(test_fingerprints_tell_rows_apart),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
