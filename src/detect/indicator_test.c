/* Readers, canonical forms, look-ups, allow lists and matching on samples of our own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "base/log.h"
#include "detect/indicator.h"
#include "detect/indicator_text.h"

#define DAY_NS (INT64_C(86400) * NS_PER_SECOND)

static struct indicator_plan *load_plan(void)
{
    struct error err = {{0}};
    struct indicator_plan *plan = indicator_plan_load(SOURCE_ROOT "/content/intel", &err);
    if (!plan)
        fail_msg("%s", err.text);
    return plan;
}

struct world {
    struct indicator_plan *plan;
    struct indicator_report report;
    struct indicator_set *set;
    struct buf image;
};

static struct indicator_builder_options plain_options(const struct indicator_plan *plan)
{
    return (struct indicator_builder_options){
        .plan = plan, .source = STR("test"), .confidence = -1, .tlp = STR_EMPTY, .now_ns = TIME_UNKNOWN};
}

/* Reads a feed (and an allow list, when given) into a set. */
static struct world world_of(struct indicator_builder_options options, const char *feed, const char *allow)
{
    struct world w = {.plan = load_plan()};
    struct error err = {{0}};
    options.plan = w.plan;
    struct indicator_builder *b = indicator_builder_new(&options);
    if (!indicators_read(str_c(feed), "feed", b, &err))
        fail_msg("%s", err.text);
    indicator_builder_finish(b, &w.image);
    w.report = *indicator_builder_report(b);
    indicator_builder_free(b);
    assert_int_equal(w.report.seen, w.report.kept + w.report.repeated + indicator_report_refused(&w.report));
    struct allow_lists *lists = allow ? allow_lists_new() : NULL;
    if (allow && !allow_lists_add(lists, str_c(allow), "allow", &err))
        fail_msg("%s", err.text);
    struct indicator_image image = {.bytes = buf_str(&w.image)};
    struct indicator_set_options set = {.plan = w.plan, .allow = lists, .images = &image, .image_count = 1};
    w.set = indicator_set_new(&set, &err);
    if (!w.set)
        fail_msg("%s", err.text);
    return w;
}

static struct world world_plain(const char *feed)
{
    return world_of(plain_options(NULL), feed, NULL);
}

static void world_free(struct world *w)
{
    indicator_set_unref(w->set);
    buf_free(&w->image);
}

static size_t find(const struct world *w, enum indicator_type type, const char *value, char *text)
{
    uint32_t refs[INDICATOR_HITS_MAX];
    size_t count = indicator_set_find(w->set, type, str_c(value), refs);
    if (count && text)
        text[indicator_set_text(w->set, refs[0], text)] = 0;
    return count;
}

static void assert_meets(const struct world *w, enum indicator_type type, const char *value,
                         const char *indicator)
{
    char text[INDICATOR_TEXT_MAX + 1] = "";
    if (find(w, type, value, text) == 0)
        fail_msg("%s met nothing", value);
    assert_string_equal(text, indicator);
}

static void assert_misses(const struct world *w, enum indicator_type type, const char *value)
{
    char text[INDICATOR_TEXT_MAX + 1] = "";
    if (find(w, type, value, text))
        fail_msg("%s met %s", value, text);
}

/* ---------------------------------------------------------------------- readers */

static void test_list(void **unused)
{
    (void)unused;
    struct world w = world_plain("# comment\n"
                                 "198.51.100.7\t5\r\n"
                                 "203.0.113.0/24 # scanners\n"
                                 "hxxps://evil[.]example/load.php?x=1#frag\n"
                                 "0.0.0.0 ads.example tracker.example\n"
                                 "||filter.example^\n"
                                 "2001:db8::bad\n"
                                 "bad@mail.example - phishing\n"
                                 "D41D8CD98F00B204E9800998ECF8427E\n"
                                 "192.0.2.9:4444\n"
                                 "first.example,malware,2025\n"
                                 "loader.exe\n"
                                 "co.jp\n"
                                 "10.0.0.7\n"
                                 "198.51.100.7\n"
                                 "what is this\n");
    assert_string_equal(w.report.format, "list");
    assert_int_equal(w.report.kept, 12);
    assert_int_equal(w.report.repeated, 1);
    assert_int_equal(w.report.refused[REASON_PUBLIC_SUFFIX], 1);
    assert_int_equal(w.report.refused[REASON_LOCAL_ADDRESS], 1);
    assert_int_equal(w.report.refused[REASON_NOT_RECOGNISED], 1);
    assert_int_equal(w.report.sample_line[REASON_NOT_RECOGNISED], 16);
    assert_meets(&w, INDICATOR_ADDRESS, "198.51.100.7", "198.51.100.7");
    assert_meets(&w, INDICATOR_ADDRESS, "::ffff:198.51.100.7", "198.51.100.7");
    assert_meets(&w, INDICATOR_ADDRESS, "203.0.113.77", "203.0.113.0/24");
    assert_misses(&w, INDICATOR_ADDRESS, "203.0.114.77");
    assert_meets(&w, INDICATOR_ADDRESS, "2001:DB8:0::bad", "2001:db8::bad");
    assert_meets(&w, INDICATOR_URL, "http://EVIL.example:80/load.php?x=1", "evil.example/load.php?x=1");
    assert_misses(&w, INDICATOR_URL, "http://evil.example/load.php?x=2");
    assert_meets(&w, INDICATOR_DOMAIN, "a.b.Tracker.Example.", "tracker.example");
    assert_misses(&w, INDICATOR_DOMAIN, "nottracker.example");
    assert_misses(&w, INDICATOR_DOMAIN, "example");
    assert_meets(&w, INDICATOR_DOMAIN, "filter.example", "filter.example");
    assert_meets(&w, INDICATOR_DOMAIN, "192.0.2.9", "192.0.2.9");
    assert_meets(&w, INDICATOR_MAIL, "Bad@Mail.Example", "bad@mail.example");
    assert_meets(&w, INDICATOR_HASH, "d41d8cd98f00b204e9800998ecf8427e", "d41d8cd98f00b204e9800998ecf8427e");
    assert_meets(&w, INDICATOR_FILE_NAME, "C:\\Users\\x\\Loader.EXE", "loader.exe");
    assert_meets(&w, INDICATOR_DOMAIN, "first.example", "first.example");
    world_free(&w);
}

/* What is in the set is found by its own text, also when its path looks like a scheme. */
static void test_scheme_in_path(void **unused)
{
    (void)unused;
    struct world w = world_plain("https://evil.example/go://there\n"
                                 "http://a.example/b://c\n"
                                 "ftp+x.1-y://t.example/10.p2://10!.\n");
    assert_meets(&w, INDICATOR_URL, "http://evil.example/go://there", "evil.example/go://there");
    assert_meets(&w, INDICATOR_URL, "evil.example/go://there", "evil.example/go://there");
    assert_meets(&w, INDICATOR_URL, "a.example/b://c", "a.example/b://c");
    assert_misses(&w, INDICATOR_URL, "c.example/evil.example/go://there");
    world_free(&w);
    w = world_plain("http://t.ex/p2://10!.\n");
    assert_meets(&w, INDICATOR_URL, "http://t.ex/p2://10!.", "t.ex/p2://10!.");
    assert_meets(&w, INDICATOR_URL, "t.ex/p2://10!.", "t.ex/p2://10!.");
    world_free(&w);
    w = world_plain("http://t.e/p://10\n"); /* within what a scheme may be long */
    assert_meets(&w, INDICATOR_URL, "t.e/p://10", "t.e/p://10");
    world_free(&w);
}

/* The colons of an address of IPv6 are not those of a port, with brackets or without. */
static void test_colons_of_addresses(void **unused)
{
    (void)unused;
    struct world w =
        world_plain("http://[2001:db8::1]/x\nhttp://[2001:DB8::2]:8080/y\nhttp://[::ffff:1]:100/\n:::///z\n");
    assert_meets(&w, INDICATOR_URL, "https://[2001:db8:0::1]:443/x", "2001:db8::1/x");
    assert_meets(&w, INDICATOR_URL, "2001:db8::1/x", "2001:db8::1/x");
    assert_meets(&w, INDICATOR_URL, "http://[2001:db8::2]:8080/y", "[2001:db8::2]:8080/y");
    assert_meets(&w, INDICATOR_URL, "[2001:db8::2]:8080/y", "[2001:db8::2]:8080/y");
    assert_misses(&w, INDICATOR_URL, "http://[2001:db8::2]/y");
    assert_meets(&w, INDICATOR_URL, "[::ffff:1]:100/", "[::ffff:1]:100/");
    assert_meets(&w, INDICATOR_URL, "::///z", "::///z");
    assert_true(str_eq(indicator_url_host(STR("[2001:db8::2]:8080/y")), STR("2001:db8::2")) &&
                str_eq(indicator_url_host(STR("2001:db8::1/x")), STR("2001:db8::1")));
    world_free(&w);
}

static void test_csv(void **unused)
{
    (void)unused;
    struct world w =
        world_plain("\xef\xbb\xbfType,Indicator,Confidence,Description,valid_from,valid_until,tlp\r\n"
                    "ip,198.51.100.7,80,\"C2, \"\"old\"\"\",2025-01-01,2025-02-01T00:00:00Z,TLP:AMBER\r\n"
                    "domain,evil.example,,,,,\r\n"
                    "mutex,Global\\x,,,,,\r\n");
    uint32_t refs[INDICATOR_HITS_MAX];
    assert_string_equal(w.report.format, "csv");
    assert_int_equal(w.report.kept, 2);
    assert_int_equal(w.report.refused[REASON_TYPE], 1);
    assert_int_equal(indicator_set_find(w.set, INDICATOR_ADDRESS, STR("198.51.100.7"), refs), 1);
    struct indicator_view view = indicator_set_view(w.set, refs[0]);
    assert_int_equal(view.confidence, 80);
    assert_true(str_eq(view.description, STR("C2, \"old\"")));
    assert_true(str_eq(view.tlp, STR("amber")));
    assert_true(str_eq(view.source, STR("test")));
    int64_t january = 1735689600 * NS_PER_SECOND;
    assert_int_equal(view.valid_from_ns, january);
    assert_false(indicator_set_holds_at(w.set, refs[0], january - NS_PER_SECOND));
    assert_true(indicator_set_holds_at(w.set, refs[0], january));
    assert_true(indicator_set_holds_at(w.set, refs[0], january + 31 * DAY_NS - NS_PER_SECOND));
    assert_false(indicator_set_holds_at(w.set, refs[0], january + 31 * DAY_NS));
    world_free(&w);
}

/* The header may stand in the last comment, and typed columns need no type. */
static void test_csv_headers(void **unused)
{
    (void)unused;
    struct world w =
        world_plain("# Feed of the day\n# \"first_seen\", \"ioc_value\", \"ioc_type\", \"confidence_level\"\n"
                    "\"2025-11-10\", \"198.51.100.7:443\", \"ip:port\", \"100\"\n"
                    "\"2025-11-10\", \"evil.example\", \"domain\", \"50\"\n");
    assert_int_equal(w.report.kept, 2);
    assert_meets(&w, INDICATOR_ADDRESS, "198.51.100.7", "198.51.100.7");
    world_free(&w);
    w = world_plain("md5;sha256;file_name\n"
                    "d41d8cd98f00b204e9800998ecf8427e;"
                    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;a.exe\n");
    assert_int_equal(w.report.by_type[INDICATOR_HASH], 2);
    world_free(&w);
}

static void test_zeek(void **unused)
{
    (void)unused;
    struct world w =
        world_plain("#separator \\x09\n"
                    "#fields\tindicator\tindicator_type\tmeta.source\tmeta.desc\tmeta.do_notice\n"
                    "198.51.100.7\tIntel::ADDR\tsrc\tC2 server\tF\n"
                    "203.0.113.0/24\tIntel::SUBNET\tsrc\t-\t-\n"
                    "evil.example/a.php\tIntel::URL\tsrc\t-\t-\n"
                    "t.sato\tIntel::USER_NAME\tsrc\t-\t-\n");
    assert_string_equal(w.report.format, "zeek");
    assert_int_equal(w.report.kept, 3);
    assert_int_equal(w.report.refused[REASON_TYPE], 1);
    assert_meets(&w, INDICATOR_URL, "https://evil.example/a.php", "evil.example/a.php");
    world_free(&w);
}

static void test_misp(void **unused)
{
    (void)unused;
    struct world w =
        world_plain("{\"Event\":{\"info\":\"Campaign "
                    "\\u3042\",\"uuid\":\"5f0c6a5e-0000-4000-8000-000000000001\",\"date\":\"2025-11-10\","
                    "\"Tag\":[{\"name\":\"tlp:green\"},{\"name\":\"malware:x\"}],"
                    "\"Attribute\":[{\"type\":\"ip-dst|port\",\"value\":\"198.51.100.7|443\",\"to_ids\":true,"
                    "\"comment\":\"c2\"},"
                    "{\"type\":\"filename|sha1\",\"value\":\"a.exe|"
                    "da39a3ee5e6b4b0d3255bfef95601890afd80709\",\"to_ids\":\"1\"},"
                    "{\"type\":\"domain|ip\",\"value\":\"evil.example|198.51.100.8\",\"to_ids\":true,\"Tag\":"
                    "[{\"name\":\"tlp:red\"}]},"
                    "{\"type\":\"comment\",\"value\":\"x\",\"to_ids\":true},"
                    "{\"type\":\"ip-src\",\"value\":\"198.51.100.9\",\"to_ids\":false}],"
                    "\"Object\":[{\"name\":\"file\",\"Attribute\":[{\"type\":\"sha256\",\"to_ids\":true,"
                    "\"value\":\"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\"}]}]}}");
    uint32_t refs[INDICATOR_HITS_MAX];
    assert_string_equal(w.report.format, "misp");
    assert_int_equal(w.report.kept, 5);
    assert_int_equal(w.report.refused[REASON_NOT_FOR_DETECTION], 1);
    assert_int_equal(w.report.refused[REASON_TYPE], 1);
    assert_int_equal(indicator_set_find(w.set, INDICATOR_ADDRESS, STR("198.51.100.7"), refs), 1);
    struct indicator_view view = indicator_set_view(w.set, refs[0]);
    assert_true(str_eq(view.description, STR("Campaign \xe3\x81\x82: c2")));
    assert_true(str_eq(view.tlp, STR("green")));
    assert_true(str_eq(view.labels, STR("malware:x")));
    assert_int_equal(indicator_set_find(w.set, INDICATOR_DOMAIN, STR("evil.example"), refs), 1);
    assert_true(str_eq(indicator_set_view(w.set, refs[0]).tlp, STR("red")));
    assert_misses(&w, INDICATOR_ADDRESS, "198.51.100.9");
    world_free(&w);
}

#define STIX_OBJECT(pattern)                                                                                 \
    "{\"type\":\"indicator\",\"spec_version\":\"2.1\",\"id\":\"indicator--1\",\"name\":\"n\",\"pattern_"     \
    "type\":\"stix\","                                                                                       \
    "\"confidence\":85,\"valid_from\":\"2025-01-01T00:00:00Z\",\"pattern\":\"" pattern "\","                 \
    "\"object_marking_refs\":[\"marking-definition--939a9414-2ddd-4d32-a0cd-375ea402b003\"]}"

static void test_stix(void **unused)
{
    (void)unused;
    struct world w =
        world_plain(
            "{\"type\":\"bundle\",\"id\":\"bundle--1\",\"objects\":[{\"type\":\"identity\",\"id\":"
            "\"identity--1\",\"name\":\"x\"}," STIX_OBJECT(
                "[ipv4-addr:value = '198.51.100.7' OR "
                "ipv4-addr:value ISSUBSET "
                "'203.0.113.0/24']") "," STIX_OBJECT("[dom"
                                                     "ain-"
                                                     "name"
                                                     ":val"
                                                     "ue "
                                                     "IN "
                                                     "('a."
                                                     "exam"
                                                     "ple'"
                                                     ", "
                                                     "'b."
                                                     "exam"
                                                     "ple'"
                                                     ")] "
                                                     "OR "
                                                     "[url"
                                                     ":val"
                                                     "ue "
                                                     "= "
                                                     "'htt"
                                                     "p://"
                                                     "c."
                                                     "exam"
                                                     "ple/"
                                                     "x']") "," STIX_OBJECT("[file:hashes.'SHA-256' = "
                                                                            "'e3b0c44298fc1c149afbf4c8996fb92"
                                                                            "427ae41e4649b934ca495991b7852b85"
                                                                            "5' AND file:name = "
                                                                            "'x.exe']") "," STIX_OBJECT("[ema"
                                                                                                        "il-"
                                                                                                        "mess"
                                                                                                        "age:"
                                                                                                        "from"
                                                                                                        "_ref"
                                                                                                        ".val"
                                                                                                        "ue "
                                                                                                        "= "
                                                                                                        "'bad"
                                                                                                        "@mai"
                                                                                                        "l."
                                                                                                        "exam"
                                                                                                        "ple'"
                                                                                                        "]") "," STIX_OBJECT("[domain-name:value LIKE '%.d.example']") "," STIX_OBJECT("[domain-name:value MATCHES '^(.+\\\\\\\\.)?e\\\\\\\\.example$']") "," STIX_OBJECT("[ipv4-addr:value = '198.51.100.8' AND domain-name:value = 'f.example']") "," STIX_OBJECT("[ipv4-addr:value = '198.51.100.9'] FOLLOWEDBY [ipv4-addr:value = '198.51.100.10']") "," STIX_OBJECT("[windows-registry-key:key = 'HKLM']") "," STIX_OBJECT("[url:value MATCHES '^http://.*/gate']") "," STIX_OBJECT("[url:value = ") ","
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "{\"type\":\"indicator\",\"pattern_type\":\"yara\",\"pattern\":\"rule x {}\"},"
                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                                          "{\"type\":\"indicator\",\"revoked\":true,\"pattern\":\"[ipv4-addr:value = '198.51.100.11']\"}]}");
    uint32_t refs[INDICATOR_HITS_MAX];
    assert_string_equal(w.report.format, "stix");
    assert_int_equal(w.report.kept, 9);
    assert_int_equal(w.report.refused[REASON_PATTERN_AND], 2);
    assert_int_equal(w.report.refused[REASON_PATTERN_OBJECT], 1);
    assert_int_equal(w.report.refused[REASON_PATTERN_OPERATOR], 1);
    assert_int_equal(w.report.refused[REASON_PATTERN_SYNTAX], 1);
    assert_int_equal(w.report.refused[REASON_PATTERN_LANGUAGE], 1);
    assert_int_equal(w.report.refused[REASON_REVOKED], 1);
    assert_meets(&w, INDICATOR_ADDRESS, "203.0.113.1", "203.0.113.0/24");
    assert_meets(&w, INDICATOR_DOMAIN, "www.b.example", "b.example");
    assert_meets(&w, INDICATOR_DOMAIN, "x.d.example", "d.example");
    assert_meets(&w, INDICATOR_DOMAIN, "e.example", "e.example");
    assert_meets(&w, INDICATOR_URL, "http://c.example/x", "c.example/x");
    assert_misses(&w, INDICATOR_FILE_NAME, "x.exe");
    assert_misses(&w, INDICATOR_ADDRESS, "198.51.100.8");
    assert_int_equal(indicator_set_find(w.set, INDICATOR_ADDRESS, STR("198.51.100.7"), refs), 1);
    struct indicator_view view = indicator_set_view(w.set, refs[0]);
    assert_int_equal(view.confidence, 85);
    assert_true(str_eq(view.tlp, STR("amber+strict")));
    assert_true(str_eq(view.description, STR("n")));
    world_free(&w);
}

/* What ends too early is counted; what was whole before stays. */
static void test_truncated(void **unused)
{
    (void)unused;
    struct world w =
        world_plain("{\"objects\":[" STIX_OBJECT("[ipv4-addr:value = '198.51.100.7']") ",{\"type\":\"indi");
    assert_int_equal(w.report.kept + w.report.refused[REASON_DAMAGED], 0 + w.report.seen);
    world_free(&w);
}

static void test_unknown_json(void **unused)
{
    (void)unused;
    struct indicator_plan *plan = load_plan();
    struct indicator_builder_options options = plain_options(plan);
    struct indicator_builder *b = indicator_builder_new(&options);
    struct error err = {{0}};
    assert_false(indicators_read(STR("{\"a\":1}"), "file.json", b, &err));
    assert_non_null(strstr(err.text, "file.json"));
    indicator_builder_free(b);
    indicator_plan_unref(plan);
}

/* ------------------------------------------------------------------------ checks */

static void test_too_broad(void **unused)
{
    (void)unused;
    struct world w =
        world_plain("com\n*.co.uk\nac.jp\ngithub.io\nevil.github.io\n0.0.0.0/0\n11.0.0.0/7\n11.0.0.0/8\n"
                    "127.0.0.1\n::1\n224.0.0.5\nfe80::1\n192.168.1.0/24\n172.16.0.1\nsvchost.exe\n");
    assert_int_equal(w.report.kept, 2);
    assert_int_equal(w.report.refused[REASON_NOT_RECOGNISED], 1); /* "com" is no name with two labels */
    assert_int_equal(w.report.refused[REASON_PUBLIC_SUFFIX], 2);
    assert_int_equal(w.report.refused[REASON_SHARED_HOST], 1);
    assert_int_equal(w.report.refused[REASON_BROAD_NETWORK], 2);
    assert_int_equal(w.report.refused[REASON_LOCAL_ADDRESS], 6);
    assert_int_equal(w.report.refused[REASON_COMMON_NAME], 1);
    world_free(&w);
}

static void test_expiry_at_import(void **unused)
{
    (void)unused;
    struct indicator_builder_options options = plain_options(NULL);
    options.now_ns = 1762732800 * NS_PER_SECOND; /* 2025-11-10 */
    struct world w =
        world_of(options, "indicator,valid_until\n198.51.100.7,2025-11-09\n198.51.100.8,2025-11-11\n", NULL);
    assert_int_equal(w.report.refused[REASON_EXPIRED], 1);
    assert_int_equal(w.report.kept, 1);
    world_free(&w);
    options.valid_ns = 10 * DAY_NS;
    w = world_of(options, "198.51.100.7\n", NULL);
    uint32_t refs[INDICATOR_HITS_MAX];
    assert_int_equal(indicator_set_find(w.set, INDICATOR_ADDRESS, STR("198.51.100.7"), refs), 1);
    assert_int_equal(indicator_set_view(w.set, refs[0]).valid_until_ns, options.now_ns + options.valid_ns);
    world_free(&w);
}

/* The one that holds longer stays; it holds from the earlier beginning. */
static void test_repeated(void **unused)
{
    (void)unused;
    struct world w =
        world_plain("indicator,confidence,valid_from,valid_until\n"
                    "198.51.100.7,90,2025-03-01,2025-04-01\n198.51.100.7,10,2025-05-01,2025-06-01\n");
    uint32_t refs[INDICATOR_HITS_MAX];
    assert_int_equal(w.report.kept, 1);
    assert_int_equal(indicator_set_find(w.set, INDICATOR_ADDRESS, STR("198.51.100.7"), refs), 1);
    struct indicator_view view = indicator_set_view(w.set, refs[0]);
    assert_int_equal(view.confidence, 10);
    assert_int_equal(view.valid_from_ns, 1740787200 * NS_PER_SECOND);
    world_free(&w);
}

/* --------------------------------------------------------------------- allow lists */

#define ALLOW(kind, attributes, entries)                                                                     \
    "{\"name\":\"Known " kind "\",\"type\":\"" kind "\",\"matching_attributes\":[" attributes                \
    "],\"list\":[" entries "],\"version\":1}"

static const struct {
    const char *allow, *feed;
    enum indicator_type type;
    const char *value;
    bool is_allowed;
} allowed[] = {
    {ALLOW("cidr", "\"ip-dst\"", "\"198.51.100.0/24\""), "198.51.100.7\n", INDICATOR_ADDRESS, "198.51.100.7",
     true},
    {ALLOW("cidr", "\"ip-dst\"", "\"198.51.100.0/24\""), "198.51.100.128/25\n", INDICATOR_ADDRESS,
     "198.51.100.200", true},
    /* the indicator is wider than the list, but what was seen is on it */
    {ALLOW("cidr", "\"ip-dst\"", "\"198.51.100.7\""), "198.51.100.0/24\n", INDICATOR_ADDRESS, "198.51.100.7",
     true},
    {ALLOW("cidr", "\"ip-dst\"", "\"198.51.100.7\""), "198.51.100.0/24\n", INDICATOR_ADDRESS, "198.51.100.8",
     false},
    {ALLOW("cidr", "\"ip-dst\"", "\"2001:db8::/32\""), "2001:db8:1::/48\n", INDICATOR_ADDRESS,
     "2001:db8:1::9", true},
    {ALLOW("hostname", "\"domain\"", "\"good.example\""), "a.good.example\n", INDICATOR_DOMAIN,
     "x.a.good.example", true},
    {ALLOW("hostname", "\"domain\"", "\".good.example\""), "good.example\n", INDICATOR_DOMAIN, "good.example",
     true},
    {ALLOW("hostname", "\"domain\"", "\"a.good.example\""), "good.example\n", INDICATOR_DOMAIN,
     "b.good.example", false},
    {ALLOW("hostname", "\"domain\"", "\"good.example\""), "http://good.example/x\n", INDICATOR_URL,
     "http://good.example/x", false},
    {ALLOW("hostname", "\"domain\",\"url\"", "\"good.example\""), "http://good.example/x\n", INDICATOR_URL,
     "http://good.example/x", true},
    {ALLOW("string", "\"domain\"", "\"good.example\""), "good.example\n", INDICATOR_DOMAIN,
     "www.good.example", true},
    {ALLOW("string", "\"domain\"", "\"good.example\""), "a.good.example\n", INDICATOR_DOMAIN,
     "a.good.example", false},
    {ALLOW("string", "\"md5\"", "\"d41d8cd98f00b204e9800998ecf8427e\""), "D41D8CD98F00B204E9800998ECF8427E\n",
     INDICATOR_HASH, "d41d8cd98f00b204e9800998ecf8427e", true},
    {ALLOW("substring", "\"email-src\"", "\"@throwaway.example\""), "x@throwaway.example\n", INDICATOR_MAIL,
     "x@throwaway.example", true},
    {ALLOW("substring", "\"email-src\"", "\"throwaway\""), "throwaway.example\n", INDICATOR_DOMAIN,
     "throwaway.example", false},
    {ALLOW("regex", "\"email-src\"", "\"/^(abuse|soc)@.*$/i\""), "SOC@mail.example\n", INDICATOR_MAIL,
     "soc@mail.example", true},
    {ALLOW("regex", "\"email-src\"", "\"/^(abuse|soc)@.*$/i\""), "boss@mail.example\n", INDICATOR_MAIL,
     "boss@mail.example", false},
};

static void test_allow_lists(void **unused)
{
    (void)unused;
    for (size_t i = 0; i < COUNT_OF(allowed); i++) {
        struct world w = world_of(plain_options(NULL), allowed[i].feed, allowed[i].allow);
        uint32_t refs[INDICATOR_HITS_MAX];
        assert_int_equal(indicator_set_find(w.set, allowed[i].type, str_c(allowed[i].value), refs), 1);
        bool is_allowed =
            indicator_set_allowed(w.set, refs[0], allowed[i].type, str_c(allowed[i].value)) != NULL;
        if (is_allowed != allowed[i].is_allowed)
            fail_msg("case %zu: %s is %s", i, allowed[i].value, is_allowed ? "allowed" : "not allowed");
        world_free(&w);
    }
}

/* ------------------------------------------------------------------------ matching */

struct expectation {
    const char *fields; /* name=value;… */
    const char *rule_id, *stage, *group;
    enum level level;
    const char *host;
};

#define OUT "source.ip=10.0.0.5;destination.ip=198.51.100.7;event.category=network;"
static const struct expectation expectations[] = {
    {OUT "event.type=allowed", "intel:test", "c2_suspected", "destination", LEVEL_HIGH, "10.0.0.5"},
    {OUT "event.type=denied", "intel:test", "c2_suspected", "destination", LEVEL_MEDIUM, "10.0.0.5"},
    {"source.ip=198.51.100.7;destination.ip=10.0.0.5;event.type=denied", "intel:test", "exposure",
     "inbound_reputation", LEVEL_INFORMATIONAL, "10.0.0.5"},
    {"source.ip=198.51.100.7;destination.ip=10.0.0.5;event.type=allowed", "intel:test", "exposure",
     "inbound_reputation", LEVEL_LOW, "10.0.0.5"},
    {"source.ip=10.0.0.5;dns.question.name=a.evil.example", "intel:test", "c2_suspected", "destination",
     LEVEL_HIGH, "10.0.0.5"},
    {"source.ip=10.0.0.5;dns.question.name=q.example;dns.resolved_ip=198.51.100.7", "intel:test",
     "c2_suspected", "destination", LEVEL_HIGH, "10.0.0.5"},
    {"source.ip=10.0.0.5;url.full=http://url.example/x.exe;url.domain=url.example", "intel:test",
     "c2_suspected", "destination", LEVEL_HIGH, "10.0.0.5"},
    {"host.ip=10.0.0.5;process.hash.md5=d41d8cd98f00b204e9800998ecf8427e", "intel:test", "executed",
     "process", LEVEL_HIGH, "10.0.0.5"},
    /* an unsure source is believed less: two levels down */
    {"source.ip=10.0.0.5;destination.ip=198.51.100.9;event.type=allowed", "intel:test", "c2_suspected",
     "destination", LEVEL_LOW, "10.0.0.5"},
    {"source.ip=10.0.0.5;destination.ip=198.51.100.10;event.type=allowed", NULL, NULL, NULL, LEVEL_LOW, NULL},
    {"source.ip=10.0.0.5;destination.domain=good.example", NULL, NULL, NULL, LEVEL_LOW,
     NULL}, /* on the allow list */
};

static void fill_event(struct event *e, struct arena *arena, const char *fields)
{
    struct str rest = str_c(fields), pair;
    while (str_split(&rest, ';', &pair)) {
        size_t at = str_find_char(pair, '=', 0);
        if (pair.n)
            event_add(e, arena, field_intern(str_slice(pair, 0, at)), str_skip(pair, at + 1));
    }
}

static struct batch *batch_of(const char *const *lines, uint32_t count)
{
    struct batch *b = batch_new(count);
    for (uint32_t i = 0; i < count; i++) {
        batch_add(b, STR("raw"), STR_EMPTY);
        b->events[i].sequence = i + 1;
        b->events[i].time_ns = 1762732800 * NS_PER_SECOND;
        fill_event(&b->events[i], &b->arena, lines[i]);
    }
    return b;
}

static const char matching_feed[] =
    "indicator,confidence\n198.51.100.7,90\nevil.example,90\nhttp://url.example/x.exe,90\n"
    "d41d8cd98f00b204e9800998ecf8427e,90\n198.51.100.9,20\ngood.example,90\n";

static void test_matching(void **unused)
{
    (void)unused;
    struct world w =
        world_of(plain_options(NULL), matching_feed, ALLOW("hostname", "\"domain\"", "\"good.example\""));
    for (size_t i = 0; i < COUNT_OF(expectations); i++) {
        const struct expectation *wanted = &expectations[i];
        struct batch *b = batch_of(&wanted->fields, 1);
        struct finding *f = indicator_match_batch(w.set, b);
        if (wanted->rule_id == NULL) {
            if (f)
                fail_msg("case %zu fired", i);
        } else {
            if (!f)
                fail_msg("case %zu did not fire", i);
            assert_true(str_eq(f->rule_id, str_c(wanted->rule_id)));
            assert_true(str_eq(f->stage, str_c(wanted->stage)));
            assert_true(str_eq(f->evidence_group, str_c(wanted->group)));
            assert_int_equal(f->level, wanted->level);
            assert_true(str_eq(f->host_ip, str_c(wanted->host)));
            assert_null(f->next);
            assert_true(event_text(&b->events[0], FIELD_THREAT_INDICATOR_NAME).n > 0);
        }
        batch_free(b);
    }
    world_free(&w);
}

static void test_allowed_hit_is_shown(void **unused)
{
    (void)unused;
    static const char *const line = "source.ip=10.0.0.5;destination.domain=good.example";
    struct world w =
        world_of(plain_options(NULL), matching_feed, ALLOW("hostname", "\"domain\"", "\"good.example\""));
    struct batch *b = batch_of(&line, 1);
    assert_null(indicator_match_batch(w.set, b));
    assert_true(str_eq(event_text(&b->events[0], FIELD_HYAKUYO_INDICATOR_ALLOWED_BY), STR("Known hostname")));
    assert_true(str_eq(event_text(&b->events[0], FIELD_THREAT_INDICATOR_NAME), STR("good.example")));
    batch_free(b);
    world_free(&w);
}

/* More values than one group holds, several batches: findings come in the order of events, each event's own.
 */
static void test_order(void **unused)
{
    (void)unused;
    enum { EVENTS = 700 };
    static const char *lines[EVENTS];
    struct world w = world_plain("198.51.100.7\nevil.example\n");
    for (int i = 0; i < EVENTS; i++)
        lines[i] = i % 3 == 0
                       ? "source.ip=10.0.0.5;destination.ip=198.51.100.7;destination.domain=www.evil.example"
                       : "source.ip=10.0.0.5;destination.ip=203.0.113.9;destination.domain=www.fine.example";
    struct batch *b = batch_of(lines, EVENTS);
    uint64_t sequence = 1;
    uint32_t count = 0;
    for (struct finding *f = indicator_match_batch(w.set, b); f; f = f->next, sequence += 3, count++) {
        assert_int_equal(f->sequence, sequence);
        assert_true(f->matched_count >= 4); /* both indicators are told */
    }
    assert_int_equal(count, (EVENTS + 2) / 3);
    batch_free(b);
    world_free(&w);
}

/* Nothing is allocated for events that meet nothing. */
static void test_no_memory_without_hits(void **unused)
{
    (void)unused;
    enum { EVENTS = 300 };
    static const char *lines[EVENTS];
    struct world w = world_plain("198.51.100.7\nevil.example\n203.0.113.0/25\nhttp://evil.example/x\n");
    for (int i = 0; i < EVENTS; i++)
        lines[i] = "source.ip=10.0.0.5;destination.ip=203.0.113.200;url.full=http://fine.example/"
                   "x?y;dns.question.name=a.b.c.fine.example";
    struct batch *b = batch_of(lines, EVENTS);
    size_t before = b->arena.used_bytes;
    assert_null(indicator_match_batch(w.set, b));
    assert_int_equal(b->arena.used_bytes, before);
    batch_free(b);
    world_free(&w);
}

static void test_event_time_decides(void **unused)
{
    (void)unused;
    static const char *const line = "source.ip=10.0.0.5;destination.ip=198.51.100.7";
    struct world w = world_plain("indicator,valid_from,valid_until\n198.51.100.7,2025-11-01,2025-12-01\n");
    static const struct {
        int64_t seconds;
        bool fires;
    } times[] = {{1761955199, false}, {1761955200, true}, {1764547199, true}, {1764547200, false}};
    for (size_t i = 0; i < COUNT_OF(times); i++) {
        struct batch *b = batch_of(&line, 1);
        b->events[0].time_ns = times[i].seconds * NS_PER_SECOND;
        assert_int_equal(indicator_match_batch(w.set, b) != NULL, times[i].fires);
        batch_free(b);
    }
    world_free(&w);
}

/* --------------------------------------------------------------------------- images */

static void test_damaged_images(void **unused)
{
    (void)unused;
    struct world w = world_plain("198.51.100.7\n203.0.113.0/24\nevil.example\n");
    struct error err = {{0}};
    struct buf copy = {0};
    for (size_t i = 0; i < w.image.n; i++) {
        buf_clear(&copy);
        buf_add(&copy, buf_str(&w.image));
        copy.p[i] ^= 0x20;
        assert_false(indicator_image_is_whole(buf_str(&copy), &err) &&
                     i > 112); /* the checksum sees every byte */
        /* without the checksum: refused or harmless */
        struct indicator_image image = {.bytes = buf_str(&copy)};
        struct indicator_set_options options = {.plan = load_plan(), .images = &image, .image_count = 1};
        struct indicator_set *set = indicator_set_new(&options, &err);
        uint32_t refs[INDICATOR_HITS_MAX];
        if (set) {
            size_t count = indicator_set_find(set, INDICATOR_DOMAIN, STR("www.evil.example"), refs);
            for (size_t k = 0; k < count; k++)
                indicator_set_view(set, refs[k]);
            indicator_set_find(set, INDICATOR_ADDRESS, STR("203.0.113.8"), refs);
        }
        indicator_set_unref(set);
    }
    buf_free(&copy);
    world_free(&w);
}

static void test_added(void **unused)
{
    (void)unused;
    struct world before = world_plain("198.51.100.7\nevil.example\n"),
                 now = world_plain("198.51.100.7\n198.51.100.8\nb.example\n203.0.113.0/24\n");
    struct buf added = {0};
    struct error err = {{0}};
    assert_int_equal(indicator_image_added(buf_str(&now.image), buf_str(&before.image), STR_EMPTY, &added),
                     3);
    assert_true(indicator_image_is_whole(buf_str(&added), &err));
    struct indicator_image image = {.bytes = buf_str(&added)};
    struct indicator_set_options options = {.plan = load_plan(), .images = &image, .image_count = 1};
    struct world w = {.set = indicator_set_new(&options, &err)};
    assert_non_null(w.set);
    assert_misses(&w, INDICATOR_ADDRESS, "198.51.100.7");
    assert_meets(&w, INDICATOR_ADDRESS, "198.51.100.8", "198.51.100.8");
    assert_meets(&w, INDICATOR_ADDRESS, "203.0.113.8", "203.0.113.0/24");
    indicator_set_unref(w.set);
    /* what still waited to be searched for stays new */
    assert_int_equal(indicator_image_added(buf_str(&now.image), buf_str(&now.image), buf_str(&added),
                                           &w.image),
                     3);
    buf_free(&w.image);
    buf_free(&added);
    world_free(&before);
    world_free(&now);
}

/* TAXII's later pages: what is new is added, later versions win, what was revoked or is over goes. */
static void test_taking_over(void **unused)
{
    (void)unused;
    struct world before = world_plain(
        "indicator,confidence\n198.51.100.1,90\n198.51.100.2,90\n198.51.100.3,90\n198.51.100.4,90\n");
    struct indicator_plan *plan = load_plan();
    struct indicator_builder_options options = plain_options(plan);
    options.now_ns = 1762732800 * NS_PER_SECOND;
    struct indicator_builder *b = indicator_builder_new(&options);
    struct error err = {{0}};
    struct buf image = {0};
    indicator_builder_take(b, buf_str(&before.image));
    assert_true(indicators_read(STR("indicator,confidence,valid_until\n198.51.100.2,10,\n198.51.100.3,50,"
                                    "2025-01-01\n198.51.100.5,50,\n"),
                                "page", b, &err));
    indicator_builder_forget(b, INDICATOR_ADDRESS, STR("198.51.100.4"));
    indicator_builder_forget(b, INDICATOR_ADDRESS, STR("198.51.100.5")); /* this page itself says otherwise */
    indicator_builder_finish(b, &image);
    indicator_builder_free(b);
    struct indicator_image one = {.bytes = buf_str(&image)};
    struct indicator_set_options set = {.plan = plan, .images = &one, .image_count = 1};
    struct world w = {.set = indicator_set_new(&set, &err)};
    assert_non_null(w.set);
    uint32_t refs[INDICATOR_HITS_MAX];
    assert_meets(&w, INDICATOR_ADDRESS, "198.51.100.1", "198.51.100.1");
    assert_int_equal(indicator_set_find(w.set, INDICATOR_ADDRESS, STR("198.51.100.2"), refs), 1);
    assert_int_equal(indicator_set_view(w.set, refs[0]).confidence, 10);
    assert_misses(&w, INDICATOR_ADDRESS, "198.51.100.3");
    assert_misses(&w, INDICATOR_ADDRESS, "198.51.100.4");
    assert_meets(&w, INDICATOR_ADDRESS, "198.51.100.5", "198.51.100.5");
    assert_int_equal(indicator_set_count(w.set), 3);
    indicator_set_unref(w.set);
    buf_free(&image);
    world_free(&before);
}

/* Every length from the shortest to one address, both families, beside each other. */
static void test_networks(void **unused)
{
    (void)unused;
    struct buf feed = {0};
    for (unsigned bits = 8; bits <= 32; bits++)
        buf_printf(&feed, "%u.128.64.32/%u\n", 20 + bits, bits);
    for (unsigned bits = 24; bits <= 128; bits++)
        buf_printf(&feed, "2a%02x:8000:4000:2000:1000:800:400:201/%u\n", bits, bits);
    struct world w = world_plain(buf_cstr(&feed));
    char value[64];
    for (unsigned bits = 8; bits <= 32; bits++) {
        snprintf(value, sizeof value, "%u.128.64.32", 20 + bits);
        assert_int_equal(find(&w, INDICATOR_ADDRESS, value, NULL), 1);
        unsigned host = (128u << 16 | 64u << 8 | 32u) ^
                        (bits == 8 ? 0 : 1u << (32 - bits)); /* last bit of the prefix differs */
        snprintf(value, sizeof value, "%u.%u.%u.%u", 20 + bits, host >> 16, host >> 8 & 255, host & 255);
        if (bits > 8)
            assert_misses(&w, INDICATOR_ADDRESS, value);
    }
    for (unsigned bits = 24; bits <= 128; bits++) {
        snprintf(value, sizeof value, "2a%02x:8000:4000:2000:1000:800:400:201", bits);
        assert_int_equal(find(&w, INDICATOR_ADDRESS, value, NULL), 1);
    }
    buf_free(&feed);
    world_free(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_scheme_in_path),
        cmocka_unit_test(test_colons_of_addresses),
        cmocka_unit_test(test_csv),
        cmocka_unit_test(test_csv_headers),
        cmocka_unit_test(test_zeek),
        cmocka_unit_test(test_misp),
        cmocka_unit_test(test_stix),
        cmocka_unit_test(test_truncated),
        cmocka_unit_test(test_unknown_json),
        cmocka_unit_test(test_too_broad),
        cmocka_unit_test(test_expiry_at_import),
        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_allow_lists),
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_allowed_hit_is_shown),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_no_memory_without_hits),
        cmocka_unit_test(test_event_time_decides),
        cmocka_unit_test(test_damaged_images),
        cmocka_unit_test(test_added),
        cmocka_unit_test(test_taking_over),
        cmocka_unit_test(test_networks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
