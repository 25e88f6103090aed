/* Events as nested JSON. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "event/event.h"

struct given {
    const char *name, *text;
};

/* The object for these fields, after checking that it is JSON. */
static struct str written(const struct given *given, size_t count, struct event e, struct arena *a)
{
    struct buf out = {0};
    struct error err;
    for (size_t i = 0; i < count; i++)
        event_add(&e, a, field_intern(str_c(given[i].name)), str_c(given[i].text));
    event_json(&e, &out);
    struct str s = arena_str(a, buf_str(&out));
    buf_free(&out);
    if (!json_parse(s, a, &err))
        fail_msg("%s: %.*s", err.text, STR_ARGS(s));
    return s;
}

static void assert_written(const struct given *given, size_t count, const char *expected)
{
    struct arena a = {0};
    struct event e = {.time_ns = INT64_C(1762733589000000000)};
    struct buf whole = {0};
    buf_printf(&whole, "{\"@timestamp\":\"2025-11-10T00:13:09.000Z\"%s%s}", *expected ? "," : "", expected);
    assert_string_equal(written(given, count, e, &a).p, buf_cstr(&whole));
    buf_free(&whole);
    arena_free(&a);
}

#define ASSERT_WRITTEN(expected, ...)                                                                        \
    assert_written((const struct given[]){__VA_ARGS__}, COUNT_OF(((const struct given[]){__VA_ARGS__})),     \
                   expected)

static void nests(void **state)
{
    (void)state;
    assert_written(NULL, 0, "");
    ASSERT_WRITTEN("\"destination\":{\"port\":25},\"source\":{\"ip\":\"192.0.2.1\",\"nat\":{\"ip\":\"198.51."
                   "100.1\"},\"port\":7}",
                   {"source.port", "7"}, {"destination.port", "25"}, {"source.ip", "192.0.2.1"},
                   {"source.nat.ip", "198.51.100.1"});
    ASSERT_WRITTEN(
        "\"event\":{\"category\":[\"network\"],\"type\":[\"denied\",\"connection\"]},\"message\":\"x\"",
        {"event.type", "denied"}, {"message", "x"}, {"event.type", "connection"},
        {"event.category", "network"});
    ASSERT_WRITTEN("\"zeek\":{\"conn\":{\"state\":\"S0\"},\"uid\":\"C1\"}", {"zeek.uid", "C1"},
                   {"zeek.conn.state", "S0"});
    ASSERT_WRITTEN("\"hyakuyo\":{\"asset\":{\"importance\":3,\"registered\":true}}",
                   {"hyakuyo.asset.importance", "3"}, {"hyakuyo.asset.registered", "yes"});
}

static void keeps_conflicting_names(void **state)
{
    (void)state;
    ASSERT_WRITTEN("\"v\":{\"a\":\"1\",\"a.b\":\"2\",\"a.b.c\":\"3\",\"d\":{\"e\":\"4\"}}", {"v.a", "1"},
                   {"v.a.b", "2"}, {"v.a.b.c", "3"}, {"v.d.e", "4"});
    ASSERT_WRITTEN("\"v\":{\"a\":\"1\",\"a-b\":\"5\",\"a.b\":\"2\"}", {"v.a", "1"}, {"v.a.b", "2"},
                   {"v.a-b", "5"});
    ASSERT_WRITTEN("\"a\":{\"\":\"1\"},\"y\":{\"\":{\"z\":\"2\"}}", {"a.", "1"}, {"y..z", "2"});
}

static void writes_members(void **state)
{
    (void)state;
    struct arena a = {0};
    struct event e = {.time_ns = TIME_UNKNOWN,
                      .received_ns = 1,
                      .sequence = 7,
                      .raw = STR("a \"line\""),
                      .flags = EVENT_PARSE_FAILURE};
    static const struct given tags[] = {{"tags", "parse_failure"}, {"tags", "x"}};
    assert_string_equal(
        written(tags, 2, e, &a).p,
        "{\"event\":{\"ingested\":\"1970-01-01T00:00:00.000000001Z\",\"original\":\"a \\\"line\\\"\"},"
        "\"hyakuyo\":{\"sequence\":7},\"tags\":[\"parse_failure\",\"x\"]}");
    struct event other = {.time_ns = TIME_UNKNOWN, .raw = STR("\x8a\x75\x97\xa3")}; /* 隔離 in CP932 */
    assert_string_equal(written(NULL, 0, other, &a).p,
                        "{\"event\":{\"original\":\"隔離\"},\"hyakuyo\":{\"original_base64\":\"inWXow==\"}}");
    arena_free(&a);
}

static void is_json_whatever_the_names(void **state)
{
    (void)state;
    struct arena a = {0};
    struct event e = {.time_ns = 0};
    char name[400];
    memset(name, '.', sizeof name);
    event_add(&e, &a, field_intern(str_n(name, sizeof name)), STR("dots"));
    for (int i = 0; i < 300; i++)
        event_add(&e, &a, field_intern(arena_printf(&a, "n%d.%d.\"%d\xff", i % 7, i % 3, i)),
                  STR("\x01\xff"));
    written(NULL, 0, e, &a);
    arena_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nests),
        cmocka_unit_test(keeps_conflicting_names),
        cmocka_unit_test(writes_members),
        cmocka_unit_test(is_json_whatever_the_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
