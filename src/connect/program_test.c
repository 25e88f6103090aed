/* Real programs. */
#include "connect/program.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/memory.h"

static const char *const ENVIRONMENT[] = {"PATH=/usr/bin:/bin", "HYAKUYO_KEY=k1", NULL};

static bool run(struct program *p, const char *script, const char *argument, struct error *err)
{
    const char *const arguments[] = {"/bin/sh", "-c", script, "sh", argument, NULL};
    *p = (struct program){.arguments = arguments, .environment = ENVIRONMENT, .seconds = 30};
    return program_run(p, err);
}

static void says_what_it_did(void **state)
{
    (void)state;
    struct program p;
    struct error err;
    assert_true(
        run(&p, "printf '%s/%s/%s' \"$1\" \"$HYAKUYO_KEY\" \"$HOME\"; echo also >&2", "a b;$(id)", &err));
    assert_true(str_eq(buf_str(&p.output), STR("a b;$(id)/k1/also\n")));
    buf_free(&p.output);
    assert_false(run(&p, "echo no; exit 3", "", &err));
    assert_int_equal(p.exit_code, 3);
    assert_non_null(strstr(err.text, "/bin/sh"));
    assert_true(str_eq(buf_str(&p.output), STR("no\n")));
    buf_free(&p.output);
}

static void has_nothing_of_ours(void **state)
{
    (void)state;
    struct program p;
    struct error err;
    int fd = dup(1);
    signal(SIGPIPE, SIG_IGN);
    assert_true(
        run(&p,
            "ls /proc/self/fd | wc -l; grep NoNewPrivs /proc/self/status; grep SigIgn /proc/self/status; pwd",
            "", &err));
    /* 0, 1, 2 and the folder that ls reads */
    assert_true(str_eq(buf_str(&p.output), STR("4\nNoNewPrivs:\t1\nSigIgn:\t0000000000000000\n/\n")));
    close(fd);
    buf_free(&p.output);
}

static void is_bounded(void **state)
{
    (void)state;
    struct program p;
    struct error err;
    assert_true(run(&p, "yes | head -c 1000000", "", &err));
    assert_int_equal(p.output.n, PROGRAM_OUTPUT_MAX);
    buf_free(&p.output);
    const char *const sleeper[] = {"/bin/sh", "-c", "sleep 600 & echo $!; wait", NULL};
    p = (struct program){.arguments = sleeper, .environment = ENVIRONMENT, .seconds = 1};
    assert_false(program_run(&p, &err));
    assert_non_null(strstr(err.text, "1"));
    int64_t child;
    assert_true(str_to_i64(str_trim(buf_str(&p.output)), &child));
    int64_t end_ns = clock_monotonic_ns() + 60 * NS_PER_SECOND;
    char stat_path[64];
    snprintf(stat_path, sizeof stat_path, "/proc/%lld/stat", (long long)child);
    bool is_gone = false;
    while (!is_gone && clock_monotonic_ns() < end_ns) { /* a zombie of init's is gone as well */
        struct buf text = {0};
        struct error none;
        is_gone = !file_read(stat_path, 4096, &text, &none) || str_contains(buf_str(&text), STR(") Z "));
        buf_free(&text);
    }
    assert_true(is_gone);
    buf_free(&p.output);
    atomic_bool over = true;
    p = (struct program){.arguments = sleeper, .environment = ENVIRONMENT, .seconds = 600, .is_over = &over};
    assert_false(program_run(&p, &err));
    buf_free(&p.output);
}

static void only_what_nobody_else_can_change(void **state)
{
    (void)state;
    struct error err;
    char path[] = "/tmp/hyakuyo_program_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_true(program_is_trusted("/bin/sh", &err));
    assert_false(program_is_trusted("sh", &err));
    assert_false(program_is_trusted("/bin", &err));
    assert_false(program_is_trusted(path, &err)); /* not executable */
    assert_int_equal(chmod(path, 0755), 0);
    assert_true(program_is_trusted(path, &err));
    assert_int_equal(chmod(path, 0775), 0);
    assert_false(program_is_trusted(path, &err));
    assert_non_null(strstr(err.text, "chmod go-w"));
    unlink(path);
    const char *const gone[] = {path, NULL};
    struct program p = {.arguments = gone, .environment = ENVIRONMENT, .seconds = 5};
    assert_false(program_run(&p, &err));
    assert_int_equal(p.exit_code, 127);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(says_what_it_did),
                                       cmocka_unit_test(has_nothing_of_ours), cmocka_unit_test(is_bounded),
                                       cmocka_unit_test(only_what_nobody_else_can_change)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
