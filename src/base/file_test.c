/* Files, folders, and lines of plain and compressed files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include "base/file.h"
#include "base/line_reader.h"

static char folder[64];

static const char *in_folder(struct arena *a, const char *name)
{
    return arena_printf(a, "%s/%s", folder, name).p;
}

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof folder, "/tmp/hyakuyo-file-test-XXXXXX");
    return mkdtemp(folder) ? 0 : -1;
}

static int remove_folder(void **state)
{
    (void)state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void writes_and_reads(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err;
    struct buf b = {0};
    const char *path = in_folder(&a, "a/b/c");
    assert_true(file_make_folders(path, 0755, &err) && file_make_folders(path, 0755, &err));
    assert_true(file_is_folder(path) && !file_is_folder(in_folder(&a, "none")));
    path = in_folder(&a, "a/file");
    assert_true(file_write_atomic(path, STR("old"), 0600, &err));
    assert_true(file_write_atomic(path, STR("new content"), 0640, &err));
    struct stat st;
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_true(file_read(path, 100, &b, &err));
    assert_string_equal(buf_cstr(&b), "new content");
    assert_false(file_read(path, 5, &b, &err)); /* over the limit: what was there stays */
    assert_string_equal(buf_cstr(&b), "new content");
    assert_false(file_read(in_folder(&a, "none"), 5, &b, &err));
    assert_non_null(strstr(err.text, "/none: No such file"));
    assert_false(file_write_atomic(in_folder(&a, "none/x"), STR(""), 0600, &err));
    assert_false(file_make_folders(in_folder(&a, "a/file/x"), 0755, &err));
    assert_true(file_exists(path) && !file_exists("/nonexistent"));
    buf_free(&b);
    arena_free(&a);
}

static void walks(void **state)
{
    (void)state;
    static const char *const yml[] = {".yml", ".yaml", NULL};
    struct arena a = {0};
    struct error err;
    struct file_list list;
    assert_true(file_make_folders(in_folder(&a, "w/sub/deep"), 0755, &err));
    static const char *const names[] = {"w/b.yml", "w/a.yaml", "w/x.txt", "w/sub/deep/c.yml",
                                        "w/.hidden.yml"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        assert_true(file_write_atomic(in_folder(&a, names[i]), STR(""), 0600, &err));
    assert_true(file_walk(in_folder(&a, "w"), yml, &a, &list, &err));
    assert_int_equal(list.count, 3);
    assert_string_equal(list.paths[0].p, in_folder(&a, "w/a.yaml"));
    assert_string_equal(list.paths[1].p, in_folder(&a, "w/b.yml"));
    assert_string_equal(list.paths[2].p, in_folder(&a, "w/sub/deep/c.yml"));
    assert_true(
        file_walk(in_folder(&a, "w/x.txt"), yml, &a, &list, &err)); /* a named file, whatever it is called */
    assert_int_equal(list.count, 1);
    assert_false(file_walk(in_folder(&a, "none"), yml, &a, &list, &err));
    assert_int_equal(symlink("..", in_folder(&a, "w/sub/loop")), 0);
    assert_false(file_walk(in_folder(&a, "w"), yml, &a, &list, &err));
    assert_non_null(strstr(err.text, "circle"));
    arena_free(&a);
}

/* Lines joined with '|'; '!' behind cut ones. */
static void assert_lines(const char *path, size_t limit, const char *expected)
{
    struct error err = {{0}};
    struct buf out = {0};
    struct line_reader *r = line_reader_open(path, limit, &err);
    assert_non_null(r);
    struct str line;
    bool was_cut;
    int result;
    while ((result = line_reader_next(r, &line, &was_cut, &err)) == 1)
        buf_printf(&out, "%.*s%s|", STR_ARGS(line), was_cut ? "!" : "");
    if (result < 0)
        buf_c(&out, "error");
    assert_string_equal(buf_cstr(&out), expected);
    line_reader_close(r);
    buf_free(&out);
}

static void reads_lines(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err;
    static const struct {
        const char *text, *expected;
    } cases[] = {
        {"", ""},
        {"a\nb\n", "a|b|"},
        {"a\r\n\r\nb", "a||b|"},
        {"\n", "|"},
        {"1234567890\nx\n", "12345678!|x|"},
        {"12345678\n12345678\r\n123456789", "12345678|12345678!|12345678!|"},
    };
    const char *path = in_folder(&a, "lines");
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(file_write_atomic(path, str_c(cases[i].text), 0600, &err));
        assert_lines(path, 8, cases[i].expected);
    }
    assert_null(line_reader_open("/nonexistent", 8, &err));
    arena_free(&a);
}

static void make_text(struct buf *text)
{
    for (int i = 0; i < 60000; i++)
        buf_printf(text, "line number %d with some text that repeats\n", i);
}

static void gzip_append(const char *path, struct str text)
{
    gzFile f = gzopen(path, "ab");
    assert_int_equal(gzwrite(f, text.p, (unsigned)text.n), text.n);
    gzclose(f);
}

static uint64_t count_lines(const char *path, int *last_result)
{
    struct error err;
    struct line_reader *r = line_reader_open(path, 1000, &err);
    assert_non_null(r);
    struct str line;
    uint64_t n = 0, hash = 0;
    while ((*last_result = line_reader_next(r, &line, NULL, &err)) == 1) {
        hash ^= str_hash(line) + n;
        n++;
    }
    line_reader_close(r);
    return n ^ hash << 20;
}

static void reads_compressed(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err;
    struct buf text = {0}, packed = {0};
    make_text(&text);
    const char *plain = in_folder(&a, "p.log"), *gz = in_folder(&a, "p.gz"), *zst = in_folder(&a, "p.zst");
    assert_true(file_write_atomic(plain, buf_str(&text), 0600, &err));
    int result;
    uint64_t expected = count_lines(plain, &result);
    assert_int_equal(result, 0);
    struct str all = buf_str(&text);
    gzip_append(gz, str_slice(all, 0, 1000003)); /* two members in one file, cut inside a line */
    gzip_append(gz, str_skip(all, 1000003));
    assert_true(count_lines(gz, &result) == expected);
    assert_int_equal(result, 0);
    buf_reserve(&packed, ZSTD_compressBound(text.n) * 2);
    packed.n = ZSTD_compress(packed.p, packed.capacity, text.p, 500001, 1);
    packed.n +=
        ZSTD_compress(packed.p + packed.n, packed.capacity - packed.n, text.p + 500001, text.n - 500001, 1);
    assert_true(file_write_atomic(zst, buf_str(&packed), 0600, &err));
    assert_true(count_lines(zst, &result) == expected);
    assert_int_equal(result, 0);
    assert_true(file_write_atomic(zst, str_slice(buf_str(&packed), 0, packed.n / 2), 0600, &err));
    count_lines(zst, &result);
    assert_int_equal(result, -1);
    packed.p[packed.n / 2] ^= 0x55;
    assert_true(file_write_atomic(zst, buf_str(&packed), 0600, &err));
    count_lines(zst, &result);
    buf_clear(&packed);
    assert_true(file_read(gz, 1 << 24, &packed, &err));
    assert_true(file_write_atomic(gz, str_slice(buf_str(&packed), 0, packed.n - 100), 0600, &err));
    count_lines(gz, &result);
    assert_int_equal(result, -1);
    buf_free(&text);
    buf_free(&packed);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(writes_and_reads),
        cmocka_unit_test(walks),
        cmocka_unit_test(reads_lines),
        cmocka_unit_test(reads_compressed),
    };
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
