/* Tailing: rotation in all its forms, restarts at the cursor, exactly once. Every line of a test is a number;
 * each must be seen once and in order. */
#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "input/internal.h"

struct world {
    char folder[64], pattern[96];
    const char *pattern_pointer;
    struct inputs *inputs;
    struct buf text;        /* records, each followed by '|' */
    struct str cursors[64]; /* newest of each identity, as the state keeps them */
    size_t cursor_count;
    struct arena arena;
    _Atomic uint64_t records;
    atomic_bool is_full;
    char sender[96];
};

static void keep_cursor(struct world *w, struct str cursor)
{
    struct str identity, path, other;
    uint64_t offset;
    assert_true(tail_cursor_parse(cursor, &identity, &offset, &path));
    size_t i = 0;
    for (; i < w->cursor_count; i++)
        if (tail_cursor_parse(w->cursors[i], &other, &offset, &path) && str_eq(identity, other))
            break;
    assert_true(i < COUNT_OF(w->cursors));
    w->cursor_count = i == w->cursor_count ? i + 1 : w->cursor_count;
    w->cursors[i] = arena_str(&w->arena, cursor);
}

static bool submit(void *context, struct submission *s)
{
    struct world *w = context;
    if (atomic_load(&w->is_full))
        return false;
    for (uint32_t i = 0; i < s->batch->count; i++) {
        buf_add(&w->text, s->batch->records[i].raw);
        buf_char(&w->text, '|');
    }
    snprintf(w->sender, sizeof w->sender, "%.*s", STR_ARGS(s->batch->records[0].sender));
    keep_cursor(w, s->cursor);
    atomic_fetch_add(&w->records, s->batch->count);
    batch_free(s->batch);
    return true;
}

static void start(struct world *w)
{
    struct error err = {.text = ""};
    const struct input_sink sink = {w, submit};
    struct input_settings s = {.type = "tail",
                               .name = "test",
                               .patterns = &w->pattern_pointer,
                               .pattern_count = 1,
                               .poll_ms = 20,
                               .rotated_wait_ms = 60,
                               .cursors = w->cursors,
                               .cursor_count = w->cursor_count,
                               .max_message_bytes = 1000};
    w->inputs = inputs_new(&sink, &err);
    if (!inputs_add(w->inputs, &s, &err) || !inputs_start(w->inputs, &err))
        fail_msg("%s", err.text);
}

static void stop(struct world *w)
{
    inputs_free(w->inputs);
    w->inputs = NULL;
}

static void begin(struct world *w, const char *pattern)
{
    *w = (struct world){0};
    arena_init(&w->arena, 4096);
    snprintf(w->folder, sizeof w->folder, "/tmp/hyakuyo-tail-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->pattern, sizeof w->pattern, "%s/%s", w->folder, pattern);
    w->pattern_pointer = w->pattern;
}

static void end(struct world *w)
{
    stop(w);
    DIR *d = opendir(w->folder);
    for (struct dirent *e; (e = readdir(d)) != NULL;)
        (void)unlinkat(dirfd(d), e->d_name, 0);
    closedir(d);
    rmdir(w->folder);
    buf_free(&w->text);
    arena_free(&w->arena);
}

static const char *path_of(struct world *w, const char *name, char out[96])
{
    snprintf(out, 96, "%s/%s", w->folder, name);
    return out;
}

static void append(struct world *w, const char *name, struct str text)
{
    char path[96];
    int fd = open(path_of(w, name, path), O_WRONLY | O_CREAT | O_APPEND, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.p, text.n), text.n);
    close(fd);
}

/* Lines that differ early and make files longer than the prints. */
static void append_numbers(struct world *w, const char *name, int first, int last)
{
    struct buf b = {0};
    for (int i = first; i <= last; i++)
        buf_printf(&b, "%d\n", i);
    append(w, name, buf_str(&b));
    buf_free(&b);
}

static void move(struct world *w, const char *from, const char *to)
{
    char a[96], b[96];
    assert_int_equal(rename(path_of(w, from, a), path_of(w, to, b)), 0);
}

static void copy_and_truncate(struct world *w, const char *from, const char *to, int copy_ms)
{
    char a[96], b[96];
    struct buf content = {0};
    struct error err;
    assert_true(file_read(path_of(w, from, a), 1 << 20, &content, &err));
    append(w, to, buf_str(&content));
    nanosleep(&(struct timespec){.tv_nsec = copy_ms * 1000000L}, NULL);
    assert_int_equal(truncate(path_of(w, from, a), 0), 0);
    (void)path_of(w, to, b);
    buf_free(&content);
}

static void wait_for(struct world *w, uint64_t records)
{
    for (int i = 0; atomic_load(&w->records) < records && i < 1500; i++)
        nanosleep(&(struct timespec){.tv_nsec = 2000000}, NULL);
    nanosleep(&(struct timespec){.tv_nsec = 50000000}, NULL); /* and no more */
    if (atomic_load(&w->records) != records)
        fail_msg("%llu records instead of %llu: %s", (unsigned long long)atomic_load(&w->records),
                 (unsigned long long)records, buf_cstr(&w->text));
}

static void expect_numbers(struct world *w, int last)
{
    struct buf want = {0};
    for (int i = 1; i <= last; i++)
        buf_printf(&want, "%d|", i);
    assert_string_equal(buf_cstr(&w->text), buf_cstr(&want));
    buf_free(&want);
}

static void follows_a_file(void **state)
{
    struct world w;
    (void)state;
    begin(&w, "app.log");
    start(&w);
    append(&w, "app.log", STR("1\n2\r\n3"));
    wait_for(&w, 2);
    append(&w, "app.log", STR("\n\n4\n")); /* the end of 3, an empty line */
    wait_for(&w, 4);
    expect_numbers(&w, 4);
    assert_string_equal(w.sender, w.pattern);
    end(&w);
}

static void resumes_at_the_cursor(void **state)
{
    struct world w;
    (void)state;
    begin(&w, "*.log");
    append_numbers(&w, "app.log", 1, 2000);
    start(&w);
    wait_for(&w, 2000);
    stop(&w);
    append_numbers(&w, "app.log", 2001, 2010);
    start(&w);
    wait_for(&w, 2010);
    expect_numbers(&w, 2010);
    end(&w);
}

/* The sink takes some batches and then none; the next life goes on behind the last one it took. */
static void what_was_not_taken_is_read_again(void **state)
{
    struct world w;
    (void)state;
    begin(&w, "app.log");
    append_numbers(&w, "app.log", 1, 700);
    start(&w);
    wait_for(&w, 700);
    atomic_store(&w.is_full, true);
    append_numbers(&w, "app.log", 701, 3000);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    stop(&w);
    atomic_store(&w.is_full, false);
    start(&w);
    wait_for(&w, 3000);
    expect_numbers(&w, 3000);
    end(&w);
}

static void goes_on_when_there_is_room(void **state)
{
    struct world w;
    (void)state;
    begin(&w, "app.log");
    atomic_store(&w.is_full, true);
    append_numbers(&w, "app.log", 1, 3000);
    start(&w);
    nanosleep(&(struct timespec){.tv_nsec = 100000000}, NULL);
    assert_int_equal(w.records, 0);
    atomic_store(&w.is_full, false);
    wait_for(&w, 3000);
    expect_numbers(&w, 3000);
    end(&w);
}

static void rotation_by_rename(void **state)
{
    struct world w;
    const char *patterns[] = {"app.log", "app.log*"}; /* the old file matches no more, or still */
    (void)state;
    for (int i = 0; i < 2; i++) {
        begin(&w, patterns[i]);
        start(&w);
        append_numbers(&w, "app.log", 1, 300);
        wait_for(&w, 300);
        move(&w, "app.log", "app.log.1");
        append_numbers(&w, "app.log.1", 301, 305); /* the writer has not noticed yet */
        wait_for(&w, 305);
        append(&w, "app.log.1", STR("306")); /* and ends without a line end */
        wait_for(&w, 306);
        append_numbers(&w, "app.log", 307, 310);
        wait_for(&w, 310);
        expect_numbers(&w, 310);
        end(&w);
    }
}

static void rotation_while_nobody_looked(void **state)
{
    struct world w;
    const char *patterns[] = {"app.log", "app.log*"};
    (void)state;
    for (int i = 0; i < 2; i++) {
        begin(&w, patterns[i]);
        append_numbers(&w, "app.log", 1, 300);
        start(&w);
        wait_for(&w, 300);
        stop(&w);
        append_numbers(&w, "app.log", 301, 310);
        move(&w, "app.log", "app.log.1");
        start(&w);
        wait_for(&w, 310);
        append_numbers(&w, "app.log", 311, 320);
        wait_for(&w, 320);
        expect_numbers(&w, 320);
        stop(&w);
        start(&w); /* nothing twice in a third life */
        wait_for(&w, 320);
        end(&w);
    }
}

static void rotation_by_copy_and_truncate(void **state)
{
    struct world w;
    const char *patterns[] = {"app.log", "app.log*"}; /* the copy does not match, or does */
    (void)state;
    for (int i = 0; i < 2; i++) {
        begin(&w, patterns[i]);
        start(&w);
        append_numbers(&w, "app.log", 1, 300);
        wait_for(&w, 300);
        copy_and_truncate(&w, "app.log", "app.log.1", 100);
        append_numbers(&w, "app.log", 301, 302); /* shorter than before */
        wait_for(&w, 302);
        copy_and_truncate(&w, "app.log", "app.log.2", 0);
        append_numbers(&w, "app.log", 303, 900); /* longer than before, at once */
        wait_for(&w, 900);
        expect_numbers(&w, 900);
        end(&w);
    }
}

static uint64_t sum_of_numbers(const struct world *w)
{
    uint64_t sum = 0, n;
    struct str rest = buf_str(&w->text), word;
    while (str_split(&rest, '|', &word) && word.n > 0) {
        assert_true(str_to_u64(word, 10, &n));
        sum += n;
    }
    return sum;
}

static void copy_and_truncate_while_nobody_looked(void **state)
{
    struct world w;
    const char *patterns[] = {"app.log", "app.log*"};
    const uint64_t last[] = {310, 2000}; /* the file is shorter than it was, or longer */
    (void)state;
    for (int i = 0; i < 4; i++) {
        begin(&w, patterns[i / 2]);
        append_numbers(&w, "app.log", 1, 300);
        start(&w);
        wait_for(&w, 300);
        stop(&w);
        append_numbers(&w, "app.log", 301, 305);
        copy_and_truncate(&w, "app.log", "app.log.1", 0);
        append_numbers(&w, "app.log", 306, (int)last[i % 2]);
        start(&w);
        wait_for(&w, last[i % 2]);
        /* two files: the order between them is open */
        assert_int_equal(sum_of_numbers(&w), last[i % 2] * (last[i % 2] + 1) / 2);
        end(&w);
    }
}

static void deleted_and_made_again(void **state)
{
    struct world w;
    char path[96];
    (void)state;
    begin(&w, "app.log");
    start(&w);
    append_numbers(&w, "app.log", 1, 10);
    wait_for(&w, 10);
    assert_int_equal(unlink(path_of(&w, "app.log", path)), 0);
    append_numbers(&w, "app.log", 11, 20);
    wait_for(&w, 20);
    expect_numbers(&w, 20);
    end(&w);
}

static void long_lines_are_cut(void **state)
{
    struct world w;
    struct buf line = {0};
    (void)state;
    begin(&w, "app.log");
    start(&w);
    memset(buf_reserve(&line, 1000000), 'x', 1000000);
    line.n = 1000000; /* longer than the buffer */
    append(&w, "app.log", buf_str(&line));
    nanosleep(&(struct timespec){.tv_nsec = 80000000}, NULL);
    append(&w, "app.log", STR("y\n"));
    append(&w, "app.log", str_slice(buf_str(&line), 0, 1001)); /* one too long */
    append(&w, "app.log", STR("\n"));
    append(&w, "app.log", str_slice(buf_str(&line), 0, 1000)); /* just right */
    append(&w, "app.log", STR("\n1\n"));
    wait_for(&w, 4);
    assert_int_equal(w.text.n, 3 * 1001 + 2);
    buf_free(&line);
    end(&w);
}

static void holes_are_skipped(void **state)
{
    struct world w;
    char path[96];
    (void)state;
    begin(&w, "app.log");
    int fd = open(path_of(&w, "app.log", path), O_WRONLY | O_CREAT, 0600); /* does not append */
    start(&w);
    for (int i = 1; i <= 300; i++)
        dprintf(fd, "%d\n", i);
    wait_for(&w, 300);
    assert_int_equal(ftruncate(fd, 0), 0);
    dprintf(fd, "301\n"); /* behind a hole */
    wait_for(&w, 301);
    expect_numbers(&w, 301);
    close(fd);
    end(&w);
}

static void cursors_are_read_with_care(void **state)
{
    struct str identity, path;
    uint64_t offset;
    (void)state;
    assert_true(
        tail_cursor_parse(STR("1 64769:42 1000 256 0123456789abcdef fedcba9876543210 /var/log/a b.log"),
                          &identity, &offset, &path));
    assert_true(str_eq(identity, STR("64769:42")) && offset == 1000 && str_eq(path, STR("/var/log/a b.log")));
    const char *bad[] = {"",
                         "2 1:1 0 0 0 0 /a",
                         "1 1:1 5 6 0 0 /a",
                         "1 1:1 9999 257 0 0 /a",
                         "1 1:1 0 0 0 0 ",
                         "1 1:1 0 0 0",
                         "1 x:1 0 0 0 0 /a",
                         "1 1 0 0 0 0 /a",
                         "one two three"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        assert_false(tail_cursor_parse(str_c(bad[i]), &identity, &offset, &path));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(follows_a_file),
        cmocka_unit_test(resumes_at_the_cursor),
        cmocka_unit_test(what_was_not_taken_is_read_again),
        cmocka_unit_test(goes_on_when_there_is_room),
        cmocka_unit_test(rotation_by_rename),
        cmocka_unit_test(rotation_while_nobody_looked),
        cmocka_unit_test(rotation_by_copy_and_truncate),
        cmocka_unit_test(copy_and_truncate_while_nobody_looked),
        cmocka_unit_test(deleted_and_made_again),
        cmocka_unit_test(long_lines_are_cut),
        cmocka_unit_test(holes_are_skipped),
        cmocka_unit_test(cursors_are_read_with_care),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
