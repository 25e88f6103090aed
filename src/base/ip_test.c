/* Addresses, networks and the longest-prefix map. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/ip.h"
#include "base/memory.h"

static void text_both_ways(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"192.0.2.1", "192.0.2.1"},
        {"255.255.255.255", "255.255.255.255"},
        {"::ffff:192.0.2.1", "192.0.2.1"},
        {"::FFFF:c000:201", "192.0.2.1"},
        {"2001:db8::1", "2001:db8::1"},
        {"2001:0DB8:0000:0000:0000:0000:0000:0001", "2001:db8::1"},
        {"2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
        {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"}, /* one zero group is not shortened */
        {"::", "::"},
        {"::1", "::1"},
        {"1::", "1::"},
        {"1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"},
        {"::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"},
        {"64:ff9b::192.0.2.33", "64:ff9b::c000:221"},
        {"[2001:db8::1]", "2001:db8::1"},
        {"fe80::1%eth0", "fe80::1"},
        {"[fe80::1%2]", "fe80::1"},
    };
    static const char *const bad[] = {"",
                                      "1.2.3",
                                      "1.2.3.4.5",
                                      "1.2.3.256",
                                      "01.2.3.4",
                                      "1.2.3.4 ",
                                      "1..2.3",
                                      ":",
                                      ":::",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1::2::3",
                                      "12345::",
                                      "1:2:3:4:5:6:7",
                                      "1:",
                                      ":1",
                                      "g::",
                                      "::1.2.3",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "host.example",
                                      "[]",
                                      "[",
                                      "2001:db8::1%",
                                      "1:2:3:4:5:6:7:8::",
                                      "1.2.3.4:80",
                                      "::ffff:1.2.3.4.5",
                                      "+1.2.3.4"};
    struct ip ip;
    char text[IP_TEXT_MAX];
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        assert_true(ip_parse(str_c(cases[i][0]), &ip));
        size_t n = ip_format(&ip, text);
        assert_int_equal(n, strlen(text));
        assert_string_equal(text, cases[i][1]);
    }
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        if (ip_parse(str_c(bad[i]), &ip))
            fail_msg("taken: %s", bad[i]);
}

static void kinds(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool is_public, is_private;
    } cases[] = {
        {"8.8.8.8", true, false},      {"10.1.2.3", false, true},    {"172.31.255.255", false, true},
        {"172.32.0.1", true, false},   {"192.168.1.1", false, true}, {"127.0.0.1", false, false},
        {"169.254.1.1", false, false}, {"224.0.0.1", false, false},  {"255.255.255.255", false, false},
        {"192.0.2.1", false, false},   {"100.64.0.1", false, false}, {"2001:db8::1", false, false},
        {"2606:4700::1", true, false}, {"fe80::1", false, false},    {"fd00::1", false, true},
        {"ff02::1", false, false},     {"::1", false, false},        {"0.0.0.0", false, false},
    };
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct ip ip;
        assert_true(ip_parse(str_c(cases[i].text), &ip));
        assert_int_equal(ip_is_public(&ip), cases[i].is_public);
        assert_int_equal(ip_is_private(&ip), cases[i].is_private);
    }
}

static bool contains(const char *network, const char *address)
{
    struct cidr c;
    struct ip ip;
    assert_true(cidr_parse(str_c(network), &c) && ip_parse(str_c(address), &ip));
    return cidr_contains(&c, &ip);
}

static void networks(void **state)
{
    (void)state;
    assert_true(contains("10.20.0.0/16", "10.20.255.1") && !contains("10.20.0.0/16", "10.21.0.1"));
    assert_true(contains("10.20.99.99/16", "10.20.1.1")); /* host bits are no matter */
    assert_true(contains("192.0.2.128/25", "192.0.2.200") && !contains("192.0.2.128/25", "192.0.2.127"));
    assert_true(contains("0.0.0.0/0", "8.8.8.8") && !contains("0.0.0.0/0", "2001:db8::1"));
    assert_true(contains("::/0", "2001:db8::1") && contains("192.0.2.1", "192.0.2.1"));
    assert_true(contains("2001:db8::/33", "2001:db8:7fff::") &&
                !contains("2001:db8::/33", "2001:db8:8000::"));
    struct cidr c;
    assert_false(cidr_parse(STR("10.0.0.0/33"), &c) || cidr_parse(STR("10.0.0.0/"), &c) ||
                 cidr_parse(STR("::/129"), &c) || cidr_parse(STR("10.0.0.0/-1"), &c) ||
                 cidr_parse(STR("/8"), &c));
}

static void longest_prefix(void **state)
{
    (void)state;
    static const char *const given[] = {"10.0.0.0/8", "10.20.0.0/16",  "10.20.30.0/24",  "10.20.30.31",
                                        "0.0.0.0/0",  "2001:db8::/32", "10.20.30.128/25"};
    struct cidr_map *m = cidr_map_new();
    struct cidr c;
    struct ip ip;
    uint32_t value, all[8];
    for (uint32_t i = 0; i < COUNT_OF(given); i++) {
        assert_true(cidr_parse(str_c(given[i]), &c));
        cidr_map_add(m, &c, i);
    }
    assert_true(ip_parse(STR("10.20.30.31"), &ip));
    assert_int_equal(cidr_map_find_all(m, &ip, all, COUNT_OF(all)), 5);
    uint32_t expected[] = {3, 2, 1, 0, 4};
    assert_memory_equal(all, expected, sizeof expected);
    assert_int_equal(cidr_map_find_all(m, &ip, all, 2), 2);
    assert_true(ip_parse(STR("10.20.30.200"), &ip) && cidr_map_find(m, &ip, &value) && value == 6);
    assert_true(ip_parse(STR("2001:db9::1"), &ip) && !cidr_map_find(m, &ip, &value));
    assert_true(cidr_parse(STR("10.0.0.0/8"), &c));
    cidr_map_add(m, &c, 99); /* last wins */
    assert_true(ip_parse(STR("10.99.0.1"), &ip) && cidr_map_find(m, &ip, &value) && value == 99);
    cidr_map_free(m);
}

/* Against the definition: of all networks that contain the address, the longest. */
static void longest_prefix_like_a_list(void **state)
{
    (void)state;
    enum { NETWORKS = 300 };
    struct cidr list[NETWORKS];
    struct cidr_map *m = cidr_map_new();
    uint64_t random = 42;
    for (uint32_t i = 0; i < NETWORKS; i++) {
        char text[64];
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
        snprintf(text, sizeof text, "10.%u.%u.%u/%u", (unsigned)(random >> 33 & 3),
                 (unsigned)(random >> 40 & 7), (unsigned)(random >> 48 & 255),
                 (unsigned)(8 + (random >> 56) % 25));
        assert_true(cidr_parse(str_c(text), &list[i]));
        cidr_map_add(m, &list[i], i);
    }
    for (unsigned i = 0; i < 4 * 8 * 256; i++) {
        struct ip ip = {.bytes = {[10] = 0xff,
                                  [11] = 0xff,
                                  [12] = 10,
                                  [13] = (uint8_t)(i >> 11),
                                  [14] = (uint8_t)(i >> 8 & 7),
                                  [15] = (uint8_t)i}};
        int best = -1;
        for (int k = 0; k < NETWORKS; k++) /* same network twice: the later one */
            if (cidr_contains(&list[k], &ip) && (best < 0 || list[k].bits >= list[best].bits))
                best = k;
        uint32_t value = 0;
        assert_int_equal(cidr_map_find(m, &ip, &value), best >= 0);
        if (best >= 0)
            assert_int_equal(value, best);
    }
    cidr_map_free(m);
}

static void labels_of_hosts(void **state)
{
    static const char *const cases[][2] = {
        {"pc-7.works.example", "pc-7"},
        {"PC-7", "PC-7"},
        {"10.20.30.99", "10.20.30.99"},
        {"fe80::1", "fe80::1"},
        {"10.20.30", "10"},
        {".x", ""},
        {"", ""},
    };
    (void)state;
    for (size_t i = 0; i < COUNT_OF(cases); i++)
        assert_true(str_eq(ip_host_label(str_c(cases[i][0])), str_c(cases[i][1])));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_both_ways),  cmocka_unit_test(kinds),
        cmocka_unit_test(labels_of_hosts), cmocka_unit_test(networks),
        cmocka_unit_test(longest_prefix),  cmocka_unit_test(longest_prefix_like_a_list),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
