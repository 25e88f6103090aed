/* The index of static files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "console/static_files.h"

static void write_file(const char *folder, const char *name, struct str content)
{
    char path[256];
    struct error err;
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_true(file_write_atomic(path, content, 0644, &err));
}

static void indexes_a_folder(void **state)
{
    char folder[] = "/tmp/hyakuyo-static-XXXXXX", path[256], command[300];
    struct error err;
    struct buf large = {0};
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/assets", folder);
    assert_true(file_make_folders(path, 0755, &err));
    while (large.n < 4000)
        buf_c(&large, "repeated text ");
    write_file(folder, "index.html", STR("<p>"));
    write_file(folder, "assets/app-B3f9aK2x.js", buf_str(&large));
    write_file(folder, "assets/app-short.js", buf_str(&large));
    write_file(folder, "assets/app-B3-_aK2x.css", STR("a{}"));
    write_file(folder, "assets/app-B3-_aK2x.css.gz", STR("GZ"));
    write_file(folder, "logo.png", buf_str(&large));
    snprintf(command, sizeof command, "%s/", folder);
    struct static_files *f = static_files_load(command, &err);
    assert_non_null(f);
    assert_ptr_equal(static_files_find(f, STR("/")), static_files_find(f, STR("/index.html")));
    const struct static_file *js = static_files_find(f, STR("/assets/app-B3f9aK2x.js"));
    assert_true(js->is_immutable);
    assert_true(js->gzip.n > 0 && js->gzip.n < js->bytes.n);
    assert_string_equal(js->content_type, "text/javascript; charset=utf-8");
    assert_false(static_files_find(f, STR("/assets/app-short.js"))->is_immutable);
    const struct static_file *css = static_files_find(f, STR("/assets/app-B3-_aK2x.css"));
    assert_true(css->is_immutable);
    assert_true(str_eq(css->gzip, STR("GZ")));
    assert_int_equal(static_files_find(f, STR("/logo.png"))->gzip.n, 0);
    assert_null(static_files_find(f, STR("/assets/../index.html")));
    assert_null(static_files_find(f, STR("/assets")));
    assert_null(static_files_find(f, STR("")));
    static_files_free(f);
    buf_free(&large);
    snprintf(command, sizeof command, "rm -r '%s'", folder);
    assert_int_equal(system(command), 0);
}

static void missing_folder_has_a_page(void **state)
{
    struct error err;
    (void)state;
    struct static_files *f = static_files_load("/nonexistent/web", &err);
    assert_non_null(f);
    assert_true(str_contains(static_files_find(f, STR("/"))->bytes, STR("hyakuyo")));
    assert_null(static_files_find(f, STR("/etc/passwd")));
    static_files_free(f);
}

static void entity_tags(void **state)
{
    (void)state;
    assert_true(etag_matches(STR("\"a\""), "\"a\""));
    assert_true(etag_matches(STR("\"b\" , W/\"a\""), "\"a\""));
    assert_true(etag_matches(STR("*"), "\"a\""));
    assert_false(etag_matches(STR("a"), "\"a\""));
    assert_false(etag_matches(STR(""), "\"a\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(indexes_a_folder),
                                       cmocka_unit_test(missing_folder_has_a_page),
                                       cmocka_unit_test(entity_tags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
