/* Headers, cookies, languages, origins, parameters, problems. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "console/request.h"

static void languages(void **state)
{
    (void)state;
    assert_int_equal(language_accepted(STR("ja,en-US;q=0.9,en;q=0.8"), LANGUAGE_EN), LANGUAGE_JA);
    assert_int_equal(language_accepted(STR("en;q=0.9, ja-JP;q=0.95"), LANGUAGE_EN), LANGUAGE_JA);
    assert_int_equal(language_accepted(STR("de, fr"), LANGUAGE_JA), LANGUAGE_JA);
    assert_int_equal(language_accepted(STR("en;q=0"), LANGUAGE_JA), LANGUAGE_JA);
    assert_int_equal(language_accepted(STR(""), LANGUAGE_EN), LANGUAGE_EN);
    assert_int_equal(language_accepted(STR(",,;q=,ja;q=x,en"), LANGUAGE_JA), LANGUAGE_EN);
}

static void encodings(void **state)
{
    (void)state;
    assert_true(accepts_gzip(STR("gzip")));
    assert_true(accepts_gzip(STR("br, GZIP;q=0.5")));
    assert_false(accepts_gzip(STR("gzip;q=0")));
    assert_false(accepts_gzip(STR("gzip;q=x")));
    assert_false(accepts_gzip(STR("identity")));
    assert_false(accepts_gzip(STR("")));
    assert_false(accepts_gzip(STR("gzipped")));
}

static void hosts(void **state)
{
    static const char *const NAMES[] = {"siem.example", NULL};
    static const char *const OWN[] = {"localhost", "LOCALHOST:80", "127.0.0.1",        "10.1.2.3:8480",
                                      "[::1]",     "[fe80::1]:8",  "SIEM.example:8480"};
    static const char *const FOREIGN[] = {"",
                                          "evil.example",
                                          "siem.example.evil.example",
                                          "localhost.evil",
                                          "[::1",
                                          "127.0.0.1:x",
                                          "127.0.0.1:70000",
                                          "[::1]x",
                                          "siem.example:80:80"};
    (void)state;
    for (size_t i = 0; i < COUNT_OF(OWN); i++)
        assert_true(host_is_own(str_c(OWN[i]), NAMES));
    for (size_t i = 0; i < COUNT_OF(FOREIGN); i++)
        assert_false(host_is_own(str_c(FOREIGN[i]), NAMES));
    assert_false(host_is_own(STR("siem.example"), NULL));
}

static void origins(void **state)
{
    (void)state;
    assert_true(origin_is_own(STR("http://localhost:8480"), STR("localhost:8480")));
    assert_true(origin_is_own(STR("https://siem.example"), STR("SIEM.example")));
    assert_true(origin_is_own(STR("https://siem.example"), STR("siem.example:443")));
    assert_true(origin_is_own(STR("http://siem.example:80"), STR("siem.example")));
    assert_false(origin_is_own(STR("http://localhost:8481"), STR("localhost:8480")));
    assert_false(origin_is_own(STR("null"), STR("localhost")));
    assert_false(origin_is_own(STR("http://"), STR("")));
    assert_false(origin_is_own(STR("http://evil.example"), STR("localhost")));
    assert_false(origin_is_own(STR("file://localhost"), STR("localhost")));
}

static void cookies(void **state)
{
    struct request r = {.header_count = 2};
    (void)state;
    r.headers[0] = (struct pair){STR("cookie"), STR("a=1; hyakuyo_sessionx=2;hyakuyo_session=abc=; b=3")};
    r.headers[1] = (struct pair){STR("X-Y"), STR("z")};
    assert_true(str_eq(request_cookie(&r, "hyakuyo_session"), STR("abc=")));
    assert_int_equal(request_cookie(&r, "c").n, 0);
    assert_true(str_eq(request_header(&r, "x-y"), STR("z")));
}

enum { P_TEXT, P_NUMBER, P_TIME, P_FLAG, P_CHOICE };
static const struct parameter TABLE[] = {{"text", PARAMETER_TEXT, true, 1, 5, NULL},
                                         {"number", PARAMETER_INTEGER, false, -2, 10, NULL},
                                         {"time", PARAMETER_TIME, false, 0, 0, NULL},
                                         {"flag", PARAMETER_BOOLEAN, false, 0, 0, NULL},
                                         {"choice", PARAMETER_CHOICE, false, 0, 0, "a|bc|d"},
                                         {0}};

static bool from_query(const char *uri, struct parameter_value *values, struct arena *arena)
{
    struct target t;
    struct error en, ja;
    arena_init(arena, 4096);
    assert_int_equal(target_parse(str_c(uri), arena, &t), TARGET_OK);
    return parameters_from_query(TABLE, &t, 100 * NS_PER_SECOND, values, &en, &ja);
}

static void query_parameters(void **state)
{
    static const char *const BAD[] = {"/",
                                      "/?text=",
                                      "/?text=123456",
                                      "/?text=a&text=b",
                                      "/?text=%00",
                                      "/?text=a&number=11",
                                      "/?text=a&number=-3",
                                      "/?text=a&number=",
                                      "/?text=a&number=1.5",
                                      "/?text=a&flag=yes",
                                      "/?text=a&choice=b",
                                      "/?text=a&time=",
                                      "/?text=a&time=tomorrowish",
                                      "/?text=a&number=99999999999999999999"};
    struct parameter_value v[PARAMETERS_MAX];
    struct arena arena;
    (void)state;
    assert_true(from_query("/?text=a&number=-2&time=now-10s&flag=1&choice=bc&unknown=1", v, &arena));
    assert_int_equal(v[P_NUMBER].number, -2);
    assert_int_equal(v[P_TIME].number, 90 * NS_PER_SECOND);
    assert_int_equal(v[P_FLAG].number, 1);
    assert_int_equal(v[P_CHOICE].number, 1);
    arena_free(&arena);
    for (size_t i = 0; i < COUNT_OF(BAD); i++) {
        assert_false(from_query(BAD[i], v, &arena));
        arena_free(&arena);
    }
}

static bool from_json(const char *body, struct parameter_value *values)
{
    struct arena arena;
    struct error en = {.text = ""}, ja = {.text = ""};
    arena_init(&arena, 4096);
    bool ok = parameters_from_json(TABLE, str_c(body), &arena, 0, values, &en, &ja);
    if (!ok) {
        assert_true(en.text[0] != '\0');
        assert_true(ja.text[0] != '\0');
    }
    arena_free(&arena);
    return ok;
}

static void json_members(void **state)
{
    static const char *const BAD[] = {"",
                                      "[]",
                                      "null",
                                      "{",
                                      "{\"text\":1}",
                                      "{\"text\":\"a\",\"number\":\"1\"}",
                                      "{\"text\":\"a\",\"flag\":1}",
                                      "{\"text\":null}",
                                      "{\"text\":\"a\"} x",
                                      "{\"text\":\"a\",\"text\":\"b\"}",
                                      "{\"text\":{}}",
                                      "{\"text\":\"a\\u0000\"}"};
    struct parameter_value v[PARAMETERS_MAX];
    (void)state;
    assert_true(from_json("{\"text\":\"a\",\"number\":10,\"flag\":true,\"choice\":\"d\",\"x\":[{}]}", v));
    assert_int_equal(v[P_NUMBER].number, 10);
    assert_int_equal(v[P_CHOICE].number, 2);
    assert_true(from_json("{\"text\":\"a\",\"number\":null}", v));
    assert_false(v[P_NUMBER].is_given);
    for (size_t i = 0; i < COUNT_OF(BAD); i++)
        assert_false(from_json(BAD[i], v));
    char deep[1000];
    memset(deep, '[', sizeof deep - 1);
    deep[sizeof deep - 1] = '\0';
    assert_false(from_json(deep, v));
}

static void problems(void **state)
{
    struct request r = {.header_count = 0};
    struct error err;
    (void)state;
    arena_init(&r.arena, 4096);
    reply_problem_at(&r, PROBLEM_EXPRESSION, STR("a \"quote\""), STR(""), 3);
    assert_int_equal(r.reply.status, 400);
    struct json_node *node = json_parse(buf_str(&r.reply.body), &r.arena, &err);
    assert_non_null(node);
    assert_true(str_eq(json_text(node, "type"), STR("urn:hyakuyo:problem:expression")));
    assert_true(str_eq(json_text(node, "detail_ja"), STR("a \"quote\"")));
    assert_true(str_eq(json_text(node, "position"), STR("3")));
    struct console_failure failure = failure_none();
    failure.status = 503;
    reply_failure(&r, &failure);
    assert_int_equal(r.reply.status, 503);
    assert_int_equal(r.reply.header_count, 1);
    failure.status = 0;
    reply_failure(&r, &failure);
    assert_int_equal(r.reply.status, 500);
    buf_free(&r.reply.body);
    arena_free(&r.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(languages),    cmocka_unit_test(encodings),
                                       cmocka_unit_test(hosts),        cmocka_unit_test(origins),
                                       cmocka_unit_test(cookies),      cmocka_unit_test(query_parameters),
                                       cmocka_unit_test(json_members), cmocka_unit_test(problems)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
