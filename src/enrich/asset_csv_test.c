/* Context files: what is understood, and what is said when it is not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "enrich/asset_csv.h"

struct reading {
    struct arena arena;
    struct asset_set set;
    struct error err;
};

static int setup(void **state)
{
    struct reading *r = NEW(struct reading);
    arena_init(&r->arena, 4096);
    r->set.zone = zone_find(STR("+09:00"));
    *state = r;
    return 0;
}

static int teardown(void **state)
{
    struct reading *r = *state;
    arena_free(&r->arena);
    memory_free(r);
    return 0;
}

static void read_ok(struct reading *r, enum asset_file file, const char *text)
{
    if (!asset_read_text(file, asset_file_name(file), str_c(text), &r->arena, &r->set, &r->err))
        fail_msg("%s", r->err.text);
}

static void test_hosts(void **state)
{
    struct reading *r = *state;
    read_ok(
        r, ASSET_HOSTS,
        "\xef\xbb\xbf"
        "Hostname, ip ,role,importance,floor,valid_from,valid_to,memo\r\n"
        "# a comment\r\n"
        "\r\n"
        "pc1,192.0.2.1; 2001:DB8:0::1,staff;administrator,3,\"3F, \"\"east\"\"\",2025-11-10,2025-11-10,\r\n"
        "\"pc\n2\",,,,,,2025-11-10T09:00:00Z,\"x\"");
    assert_int_equal(r->set.counts[ASSET_HOSTS], 2);
    const struct asset_host *h = r->set.hosts;
    assert_true(str_eq(h[0].ips.items[1], STR("2001:db8::1")) && h[0].ips.count == 2);
    assert_true(h[0].roles.count == 2 && h[0].importance == 3 && h[0].row.line == 4);
    assert_true(str_eq(h[0].row.labels, STR("{\"floor\":\"3F, \\\"east\\\"\"}")));
    assert_true(h[0].row.valid_from_ns == INT64_C(1762700400) * NS_PER_SECOND);
    assert_true(h[0].row.valid_to_ns == INT64_C(1762786800) * NS_PER_SECOND);
    assert_true(str_eq(h[1].hostname, STR("pc\n2")) && h[1].row.line == 5);
    assert_true(h[1].row.valid_from_ns == INT64_MIN &&
                h[1].row.valid_to_ns == INT64_C(1762765200) * NS_PER_SECOND);
    assert_true(h[1].ips.count == 0 && h[1].importance == 0);
}

static void test_other_files(void **state)
{
    struct reading *r = *state;
    read_ok(r, ASSET_DEPARTMENTS,
            "department,network,sensor\nSales,10.20.30.0/24;2001:db8::/32,はい\nFinance,,\n");
    assert_true(r->set.departments[0].sensor == ASSET_FLAG_YES && r->set.departments[0].networks.count == 2);
    assert_true(r->set.departments[1].sensor == ASSET_FLAG_UNKNOWN);
    read_ok(r, ASSET_EXCEPTIONS,
            "kind,ip,port,window,expires\nScanner,10.10.0.99,25;6000-6010,23:00-01:30,2025-12-31\ndns,,,,\n");
    const struct asset_exception *e = r->set.exceptions;
    assert_true(str_eq(e[0].kind, STR("scanner")) && e[0].window.from_minute == 1380 &&
                e[0].window.to_minute == 90);
    assert_true(e[0].ports.count == 2 && e[1].expires_ns == INT64_MAX && e[0].expires_ns < INT64_MAX);
    read_ok(r, ASSET_CONDITIONS, "kind,value,review\nport,6667,\n");
    read_ok(r, ASSET_USERS, "user,host\nt.sato,pc1;pc2\n");
    read_ok(r, ASSET_NETWORKS, "cidr,zone\n10.0.0.0/8,inside\n");
    assert_int_equal(r->set.users[0].hosts.count, 2);
    read_ok(r, ASSET_USERS, "");
    assert_int_equal(r->set.counts[ASSET_USERS], 0);
}

static void test_cp932(void **state)
{
    struct reading *r = *state;
    read_ok(r, ASSET_DEPARTMENTS, "department\n\x89\x63\x8b\xc6\x95\x94\n");
    assert_true(str_eq(r->set.departments[0].department, STR("営業部")));
}

static void test_faults(void **state)
{
    static const struct {
        enum asset_file file;
        const char *text, *place;
    } cases[] = {
        {ASSET_HOSTS, "ip\n192.0.2.1\n192.0.2.999\n", "hosts.csv:3"},
        {ASSET_HOSTS, "ip,importance\n192.0.2.1,5\n", "hosts.csv:2"},
        {ASSET_HOSTS, "owner\nsato\n", "hosts.csv:1"},
        {ASSET_HOSTS, "ip,owner\n,sato\n", "hosts.csv:2"},
        {ASSET_HOSTS, "ip\n192.0.2.1,x\n", "hosts.csv:2"},
        {ASSET_HOSTS, "ip,ip\n", "hosts.csv:1"},
        {ASSET_HOSTS, "hostname\n\"open\n", "hosts.csv:2"},
        {ASSET_HOSTS, "hostname\n\"a\"b\n", "hosts.csv:2"},
        {ASSET_HOSTS, "hostname,valid_from,valid_to\na,2025-11-10,2025-11-09\n", "hosts.csv:2"},
        {ASSET_HOSTS, "hostname,valid_from\na,10/11/2025\n", "hosts.csv:2"},
        {ASSET_NETWORKS, "cidr\n10.0.0.0/33\n", "networks.csv:2"},
        {ASSET_EXCEPTIONS, "kind,port\nsmtp,99999\n", "exceptions.csv:2"},
        {ASSET_EXCEPTIONS, "kind,window\nsmtp,25:00-26:00\n", "exceptions.csv:2"},
        {ASSET_DEPARTMENTS, "department,sensor\nx,perhaps\n", "departments.csv:2"},
    };
    struct reading *r = *state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        if (asset_read_text(cases[i].file, asset_file_name(cases[i].file), str_c(cases[i].text), &r->arena,
                            &r->set, &r->err))
            fail_msg("case %zu was accepted", i);
        if (!strstr(r->err.text, cases[i].place))
            fail_msg("case %zu: %s", i, r->err.text);
    }
    assert_false(asset_read_text(ASSET_HOSTS, "h", STR("ip\nx\ny\nz\n"), &r->arena, &r->set, &r->err));
    assert_non_null(strstr(r->err.text, "2"));
}

static void test_folder(void **state)
{
    struct reading *r = *state;
    char folder[] = "/tmp/asset_csv_test_XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    assert_false(asset_read_folder(folder, &r->arena, &r->set, &r->err));
    assert_non_null(strstr(r->err.text, "hosts.csv"));
    snprintf(path, sizeof(path), "%s/users.csv", folder);
    assert_true(file_write_atomic(path, STR("user\nt.sato\n"), 0600, &r->err));
    assert_true(asset_read_folder(folder, &r->arena, &r->set, &r->err));
    assert_true(r->set.present[ASSET_USERS] && !r->set.present[ASSET_HOSTS]);
    assert_true(r->set.zone == zone_find(STR("+09:00")));
    unlink(path);
    rmdir(folder);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {CASE(test_hosts), CASE(test_other_files), CASE(test_cp932),
                                       CASE(test_faults), CASE(test_folder)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
