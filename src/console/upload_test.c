/* Files that come as bodies: their bytes, their hash, and what is left behind. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "console/upload.h"

static char folder[64]; /* NOLINT: a test's scratch */

static struct upload *begin(uint64_t announced, bool *is_full)
{
    struct error en, ja;
    return upload_new(folder, announced, is_full, &en, &ja);
}

static void is_written_and_hashed(void **state)
{
    bool is_full;
    struct error en, ja;
    struct console_upload file;
    struct buf bytes = {0};
    struct stat st;
    (void)state;
    struct upload *u = begin(3, &is_full);
    assert_non_null(u);
    assert_true(upload_add(u, STR("ab"), &is_full, &en, &ja) && upload_add(u, STR("c"), &is_full, &en, &ja));
    assert_true(upload_end(u, &file, &en));
    assert_int_equal(file.bytes, 3);
    assert_string_equal(file.sha256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_true(file_read(file.path, 10, &bytes, &en) && str_eq(buf_str(&bytes), STR("abc")));
    assert_int_equal(stat(file.path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0400);
    char path[4096];
    snprintf(path, sizeof path, "%s", file.path);
    upload_free(u);
    assert_false(file_exists(path));
    buf_free(&bytes);
}

static void stays_where_it_was_moved(void **state)
{
    bool is_full;
    struct error en;
    struct console_upload file;
    char kept[96];
    (void)state;
    struct upload *u = begin(0, &is_full);
    assert_non_null(u);
    assert_true(upload_end(u, &file, &en));
    snprintf(kept, sizeof kept, "%s/kept", folder);
    assert_int_equal(rename(file.path, kept), 0);
    upload_free(u);
    assert_true(file_exists(kept));
}

static void what_has_no_room_is_refused_first(void **state)
{
    bool is_full;
    (void)state;
    assert_null(begin(UINT64_C(1) << 60, &is_full));
    assert_true(is_full);
}

static void a_crash_leaves_nothing(void **state)
{
    char left[96], other[96];
    (void)state;
    snprintf(left, sizeof left, "%s/1-1.part", folder);
    snprintf(other, sizeof other, "%s/other", folder);
    close(open(left, O_WRONLY | O_CREAT, 0400));
    close(open(other, O_WRONLY | O_CREAT, 0400));
    upload_clear(folder);
    assert_false(file_exists(left));
    assert_true(file_exists(other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(is_written_and_hashed),
                                       cmocka_unit_test(stays_where_it_was_moved),
                                       cmocka_unit_test(what_has_no_room_is_refused_first),
                                       cmocka_unit_test(a_crash_leaves_nothing)};
    snprintf(folder, sizeof folder, "/tmp/hyakuyo-upload-XXXXXX");
    if (mkdtemp(folder) == NULL)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
