/* Rows of the work on incidents: the tables of the schema are those of state_work.def, and rows come back as
 * they were. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "store/state_work.h"

struct fixture {
    struct state *state;
    struct arena arena;
    char path[64];
};

static int setup(void **state)
{
    struct fixture *f = NEW(struct fixture);
    struct error err = {{0}};
    snprintf(f->path, sizeof f->path, "/tmp/state_work_test.%d.db", (int)getpid());
    unlink(f->path);
    arena_init(&f->arena, 4096);
    f->state = state_open(f->path, &err);
    assert_string_equal(err.text, "");
    *state = f;
    return f->state == NULL;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    char more[80];
    state_close(f->state);
    arena_free(&f->arena);
    for (int i = 0; i < 3; i++) {
        static const char *const suffixes[] = {"", "-wal", "-shm"};
        snprintf(more, sizeof more, "%s%s", f->path, suffixes[i]);
        unlink(more);
    }
    memory_free(f);
    return 0;
}

static void the_schema_has_the_columns_that_are_described(void **state)
{
    struct fixture *f = *state;
    for (int t = 0; t < WORK_TABLE_COUNT; t++) {
        uint32_t count, at = 0;
        const struct work_column *columns = work_columns((enum work_table)t, &count);
        sqlite3_stmt *q = NULL;
        char sql[100];
        snprintf(sql, sizeof sql, "SELECT name, type FROM pragma_table_info('%s') WHERE name <> 'id'",
                 work_table_name((enum work_table)t));
        assert_true(count > 0 && count <= WORK_COLUMNS_MAX);
        assert_int_equal(sqlite3_prepare_v2(state_lock(f->state), sql, -1, &q, NULL), SQLITE_OK);
        while (sqlite3_step(q) == SQLITE_ROW) {
            enum work_kind kind = columns[at].kind;
            bool is_number = kind == WORK_NUMBER || kind == WORK_TIME || kind == WORK_BOOLEAN;
            assert_true(at < count);
            assert_string_equal((const char *)sqlite3_column_text(q, 0), columns[at].name);
            assert_string_equal((const char *)sqlite3_column_text(q, 1), is_number ? "INTEGER" : "TEXT");
            at++;
        }
        assert_int_equal(at, count);
        sqlite3_finalize(q);
        state_unlock(f->state);
    }
}

static void rows_come_back(void **state)
{
    struct fixture *f = *state;
    struct error err = {{0}};
    struct work_row row = {0}, back;
    struct work_rows rows;
    row.values[HOST_INCIDENT] = STR("7");
    row.values[HOST_HOST] = STR("PC-'1\"; DROP TABLE work_host; --");
    row.values[HOST_DETECTED] = STR("9000000000000000000");
    assert_true(state_work_add(f->state, WORK_HOST, &row, &err));
    assert_true(state_work_get(f->state, WORK_HOST, row.id, &f->arena, &back, &err));
    assert_true(str_eq(back.values[HOST_HOST], row.values[HOST_HOST]));
    assert_true(work_number(&back, HOST_DETECTED) == INT64_C(9000000000000000000));
    assert_true(work_number(&back, HOST_CLOSED) == 0);
    assert_true(state_work_set(f->state, WORK_HOST, row.id, HOST_STATUS, STR("acted"), &err));
    assert_true(state_work_list(f->state, WORK_HOST, HOST_INCIDENT, STR("7"), 10, &f->arena, &rows, &err));
    assert_true(rows.count == 1 && str_eq(rows.rows[0].values[HOST_STATUS], STR("acted")));
    assert_true(state_work_list(f->state, WORK_HOST, HOST_INCIDENT, STR("8"), 10, &f->arena, &rows, &err));
    assert_int_equal(rows.count, 0);
    assert_false(state_work_set(f->state, WORK_HOST, 99, HOST_STATUS, STR("acted"), &err));
    assert_false(state_work_get(f->state, WORK_HOST, 99, &f->arena, &back, &err));
    assert_true(state_work_remove(f->state, WORK_HOST, row.id, &err));
    assert_false(state_work_remove(f->state, WORK_HOST, row.id, &err));
    assert_int_equal(work_column_find(WORK_HOST, STR("host")), HOST_HOST);
    assert_int_equal(work_column_find(WORK_HOST, STR("nonsense")), -1);
}

static void a_list_keeps_the_newest(void **state)
{
    struct fixture *f = *state;
    struct error err = {{0}};
    struct work_rows rows;
    for (int i = 0; i < 5; i++) {
        struct work_row row = {0};
        row.values[ENTRY_INCIDENT] = STR("1");
        row.values[ENTRY_TEXT] = work_text_of(i, &f->arena);
        assert_true(state_work_add(f->state, WORK_ENTRY, &row, &err));
    }
    assert_true(state_work_list(f->state, WORK_ENTRY, -1, STR_EMPTY, 2, &f->arena, &rows, &err));
    assert_int_equal(rows.count, 2);
    assert_true(str_eq(rows.rows[0].values[ENTRY_TEXT], STR("3")));
    assert_true(str_eq(rows.rows[1].values[ENTRY_TEXT], STR("4")));
}

static void persons_are_hidden(void **state)
{
    struct fixture *f = *state;
    struct work_row row = {.id = 3};
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    for (int i = 0; i < CONTACT_COLUMNS; i++)
        row.values[i] = STR_EMPTY;
    row.values[CONTACT_ROLE] = STR("ciso");
    row.values[CONTACT_PHONE] = STR("090");
    json_begin_object(&w);
    work_row_members(WORK_CONTACT, &row, false, &w);
    json_end_object(&w);
    assert_true(str_contains(buf_str(&out), STR("\"role\":\"ciso\"")));
    assert_true(str_contains(buf_str(&out), STR("\"verified\":null")));
    assert_false(str_contains(buf_str(&out), STR("090")));
    assert_non_null(json_parse(buf_str(&out), &f->arena, &(struct error){{0}}));
    buf_free(&out);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(the_schema_has_the_columns_that_are_described),
        CASE(rows_come_back),
        CASE(a_list_keeps_the_newest),
        CASE(persons_are_hidden),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
