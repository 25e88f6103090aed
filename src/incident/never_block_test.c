/* The list of what is never touched. */
#include "incident/never_block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static struct arena arena;

static const struct never_block *load(const char *text, struct error *err)
{
    char path[] = "/tmp/hyakuyo_never_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_true(file_write_atomic(path, str_c(text), 0600, err));
    const struct never_block *list = never_block_load(path, &arena, err);
    unlink(path);
    return list;
}

static bool blocks(const struct never_block *list, const char *target)
{
    struct cidr network;
    bool is_network = cidr_parse(str_c(target), &network);
    return never_block_has(list, str_c(target), is_network ? &network : NULL);
}

static void what_is_reached(void **state)
{
    (void)state;
    struct error err;
    const struct never_block *list =
        load("networks: [192.0.2.0/24, 'fc00::/7']\nnames: [a.example, .b.example]\n", &err);
    static const struct {
        const char *target;
        bool is_never;
    } cases[] = {{"192.0.2.7", true}, {"192.0.0.0/16", true}, {"192.0.3.1", false},   {"fc00::1", true},
                 {"a.example", true}, {"example", true},      {"x.a.example", false}, {"x.b.example", true},
                 {"b.example", true}, {"xb.example", false}};
    assert_non_null(list);
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_int_equal(blocks(list, cases[i].target), cases[i].is_never);
    assert_false(never_block_has_host(list, STR("a.example"), STR("192.0.2.7")));
}

static void our_own_computers(void **state)
{
    (void)state;
    struct error err;
    const struct never_block *list = load("hosts: [10.1.0.0/30, DC01, .ot.example]\n", &err);
    assert_non_null(list);
    assert_true(never_block_has_host(list, STR_EMPTY, STR("10.1.0.2")));
    assert_true(never_block_has_host(list, STR("10.1.0.2"), STR_EMPTY));
    assert_false(never_block_has_host(list, STR("pc-7"), STR("10.1.0.4")));
    assert_true(never_block_has_host(list, STR("dc01"), STR_EMPTY));
    assert_true(never_block_has_host(list, STR("dc01.works.example"), STR_EMPTY));
    assert_true(never_block_has_host(list, STR("plc.ot.example"), STR_EMPTY));
    assert_false(never_block_has_host(list, STR("dc011"), STR_EMPTY));
    assert_false(blocks(list, "10.1.0.2"));
}

static void mistakes_are_refused(void **state)
{
    (void)state;
    struct error err;
    static const struct {
        const char *text, *said;
    } cases[] = {{"networks: [10.0.0.0/8, 10.0.0]\n", ":1:24: "},
                 {"names:\n  - a b\n", ":2:5: "},
                 {"hosts: ['10.0.0.0/99']\n", "'10.0.0.0/99'"},
                 {"network: []\n", "'network'"},
                 {"names: x\n", "'names'"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_null(load(cases[i].text, &err));
        assert_non_null(strstr(err.text, cases[i].said));
    }
    assert_null(never_block_load("/nowhere.yml", &arena, &err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_reached), cmocka_unit_test(our_own_computers),
                                       cmocka_unit_test(mistakes_are_refused)};
    arena_init(&arena, 4096);
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    arena_free(&arena);
    return failed;
}
