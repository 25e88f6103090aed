/* Whatever the moment of a kill -9: after the next start every event of a simulated journal is stored exactly
 * once, and what the caller wrote in the same transaction agrees with the parts. The child writes, seals and
 * merges as fast as it can. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/state_cursors.h"
#include "store/store_testing.h"

enum { KILLS = 60, BATCH = 40, LONGEST_MS = 120 };

static bool put_cursor(void *context, struct state *state, uint64_t first, uint64_t last, struct error *err)
{
    (void)context, (void)first;
    struct tail_cursor cursor = {STR("file"), STR("position"), last};
    return state_cursors_put(state, &cursor, err);
}

static struct store *open_store(struct test_folder *f)
{
    struct error err = {.text = ""};
    struct store_config config = {.data_dir = f->path,
                                  .state = f->state,
                                  .rows_per_part = 90,
                                  .seal_after_ms = 10,
                                  .commit = put_cursor};
    struct store *s = store_open(&config, &err);
    if (!s) {
        fprintf(stderr, "%s\n", err.text);
        _exit(3);
    }
    return s;
}

static _Noreturn void write_until_killed(struct test_folder *f)
{
    char path[96];
    struct error err;
    snprintf(path, sizeof path, "%s/state.db", f->path);
    f->state = state_open(path, &err);
    if (!f->state)
        _exit(2);
    struct store *s = open_store(f);
    for (uint64_t next = store_stored_through(s) + 1;; next += BATCH)
        if (!store_put(s, test_batch(next, BATCH, NULL)))
            _exit(4);
}

static void expect_exactly_once(struct test_folder *f)
{
    struct store *s = open_store(f);
    uint64_t through = store_stored_through(s);
    struct store_status status;
    store_status(s, &status);
    assert_int_equal(status.parts_missing, 0);
    assert_int_equal(status.rows, through);
    char expected[100];
    snprintf(expected, sizeof expected, "%llu %llu %llu\n", (unsigned long long)through,
             (unsigned long long)through, (unsigned long long)through);
    struct buf rows = test_rows(
        s, "SELECT count(*), count(DISTINCT \"hyakuyo.sequence\"), max(\"hyakuyo.sequence\") FROM events");
    assert_string_equal(buf_cstr(&rows), expected);
    buf_free(&rows);
    assert_int_equal(
        test_number(
            s, "SELECT count(*) FROM events WHERE \"event.original\" <> 'event ' || \"hyakuyo.sequence\""),
        0);
    struct arena arena;
    struct tail_cursor *cursors;
    uint32_t count;
    struct error err;
    arena_init(&arena, 1024);
    assert_true(state_cursors_load(f->state, &arena, &cursors, &count, &err));
    assert_int_equal(count, 1);
    assert_int_equal(cursors[0].sequence, through);
    arena_free(&arena);
    store_close(s);
}

static void test_killed_at_any_moment(void **state)
{
    (void)state;
    struct test_folder f;
    log_set_level(LOG_ERROR);
    test_folder_make(&f);
    state_close(f.state);
    srandom(20251110);
    for (int i = 0; i < KILLS; i++) {
        pid_t child = fork();
        if (child == 0)
            write_until_killed(&f);
        usleep((useconds_t)(5000 + random() % (LONGEST_MS * 1000)));
        kill(child, SIGKILL);
        int status;
        waitpid(child, &status, 0);
        assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    }
    char path[96];
    struct error err;
    snprintf(path, sizeof path, "%s/state.db", f.path);
    f.state = state_open(path, &err);
    assert_non_null(f.state);
    expect_exactly_once(&f);
    test_folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_killed_at_any_moment)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
