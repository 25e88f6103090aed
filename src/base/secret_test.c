/* Secrets from files, and what is shown of an address that is one. */
#include "base/secret.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static struct arena arena;

static const char *put(struct str content, unsigned mode)
{
    static char path[64];
    struct error err;
    snprintf(path, sizeof path, "/tmp/hyakuyo_secret_XXXXXX");
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_true(file_write_atomic(path, content, 0600, &err));
    assert_int_equal(chmod(path, mode), 0);
    return path;
}

static void one_line_of_its_owner(void **state)
{
    (void)state;
    struct error err;
    static const struct {
        const char *content;
        unsigned mode;
        const char *secret; /* NULL = refused */
    } cases[] = {{"key\n", 0600, "key"}, {"key\n", 0640, NULL}, {" \n", 0600, NULL}, {"a\nb\n", 0600, NULL}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        const char *path = put(str_c(cases[i].content), cases[i].mode);
        const char *secret = secret_read(path, &arena, &err);
        unlink(path);
        if (cases[i].secret != NULL) {
            assert_string_equal(secret, cases[i].secret);
            continue;
        }
        assert_null(secret);
        assert_non_null(strstr(err.text, path));
        assert_null(strstr(err.text, "key"));
    }
    assert_null(secret_read("/nowhere/key", &arena, &err));
}

static void an_address_keeps_its_path(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"https://hooks.example/T0/secret?x=1", "https://hooks.example"},
                                           {"https://me:pass@hooks.example:8443/a",
                                            "https://hooks.example:8443"},
                                           {"http://[::1]:80", "http://[::1]:80"},
                                           {"smtp://mail.example#x", "smtp://mail.example"},
                                           {"secret", ""}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str shown = url_origin(str_c(cases[i][0]), &arena);
        assert_true(str_eq(shown, str_c(cases[i][1])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(one_line_of_its_owner),
                                       cmocka_unit_test(an_address_keeps_its_path)};
    arena_init(&arena, 1024);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
