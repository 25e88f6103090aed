/* JSON: flat leaves, trees, refusals, writing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/json.h"

static const struct json_limits limits = {.max_depth = 16, .max_leaves = 1000};

/* Leaves as "name=text;" with a letter for the kind and * inside arrays. */
static void flat(struct json_reader *r, const char *text, struct buf *out)
{
    struct arena a = {0};
    struct json_leaves leaves = {0};
    struct error err;
    buf_clear(out);
    if (!json_flatten(r, str_c(text), &limits, &a, &leaves, &err)) {
        buf_printf(out, "error: %s", err.text);
    } else {
        for (uint32_t i = 0; i < leaves.count; i++)
            buf_printf(out, "%.*s%s=%c%.*s;", STR_ARGS(leaves.items[i].name),
                       leaves.items[i].in_array ? "*" : "", "0bns"[leaves.items[i].kind],
                       STR_ARGS(leaves.items[i].text));
    }
    arena_free(&a);
}

static void flattens(void **state)
{
    (void)state;
    static const char *const cases[][2] = {
        {"{}", ""},
        {"[]", ""},
        {" {\"a\" : 1 , \"b\":\"x\"}\n", "a=n1;b=sx;"},
        {"{\"a\":{\"b\":{\"c\":true}},\"d\":null}", "a.b.c=btrue;d=0;"},
        {"{\"a\":[{\"b\":1},{\"b\":2}]}", "a.b*=n1;a.b*=n2;"},
        {"{\"a\":[1,[2,\"x\"],{}]}", "a*=n1;a*=n2;a*=sx;"},
        {"{\"a\":1,\"a\":2}", "a=n1;a=n2;"},
        {"{\"n\":-1.50e+10,\"z\":0,\"big\":123456789012345678901234567890}",
         "n=n-1.50e+10;z=n0;big=n123456789012345678901234567890;"},
        {"{\"s\":\"a\\\"b\\\\c\\/\\n\\t\"}", "s=sa\"b\\c/\n\t;"},
        {"{\"s\":\"\\u65e5\\ud83d\\ude00\"}", "s=s日😀;"},
        {"{\"s\":\"\\ud83dx\\udc00\"}", "s=s\xef\xbf\xbdx\xef\xbf\xbd;"}, /* half a pair */
        {"{\"\\u0061\\\"\":{\"k\":1}}", "a\".k=n1;"},
        {"\xef\xbb\xbf{\"a\":1}", "a=n1;"},
        {"\"x\"", "=sx;"},
        {"{\"\":{\"\":1}}", "=n1;"},
        {"{\"a.b\":{\"c\":1}}", "a.b.c=n1;"},
    };
    struct json_reader *r = json_reader_new();
    struct buf out = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        flat(r, cases[i][0], &out);
        assert_string_equal(buf_cstr(&out), cases[i][1]);
    }
    buf_free(&out);
    json_reader_free(r);
}

static void refuses(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "",
        "  ",
        "{",
        "}",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1,}",
        "{,}",
        "[1,]",
        "[1 2]",
        "{\"a\":1}x",
        "{\"a\":1}{",
        "{a:1}",
        "{\"a\" 1}",
        "{\"a\":01}",
        "{\"a\":1.}",
        "{\"a\":.5}",
        "{\"a\":-}",
        "{\"a\":+1}",
        "{\"a\":1e}",
        "{\"a\":tru}",
        "{\"a\":truex}",
        "{\"a\":True}",
        "{\"a\":nul}",
        "{\"a\":\"x}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"\\u12g4\"}",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\n\"}",
        "[1,2",
        "[1,2}",
        "{\"a\":1]",
        "\"x\"y",
        "12 x",
        "{\"a\":\"\xff\"}",
        "{\"a\":\"\xed\xa0\x80\"}",
        "NaN",
        "{\"a\":\"x\"\"y\"}",
        "[tru\"x\"]",
        "[\"a\" \"b\"]",
        "{1:2}",
        "[:]",
        "[,]",
        "{\"a\":1 \"b\":2}",
        "\"abc\\\"",
        "[\"x\"\\]",
        "\x01",
    };
    struct json_reader *r = json_reader_new();
    struct buf out = {0};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        flat(r, cases[i], &out);
        if (!str_starts(buf_str(&out), STR("error: not valid JSON")))
            fail_msg("taken: %s as %s", cases[i], buf_cstr(&out));
    }
    flat(r, "[1, 2, x]", &out);
    assert_string_equal(buf_cstr(&out), "error: not valid JSON at byte 8: a value is expected here");
    buf_free(&out);
    json_reader_free(r);
}

static void keeps_limits(void **state)
{
    (void)state;
    struct json_reader *r = json_reader_new();
    struct buf text = {0}, out = {0};
    for (int depth = 15; depth <= 18; depth++) {
        buf_clear(&text);
        for (int i = 0; i < depth; i++)
            buf_c(&text, "[");
        buf_c(&text, "1");
        for (int i = 0; i < depth; i++)
            buf_c(&text, "]");
        flat(r, buf_cstr(&text), &out);
        assert_int_equal(str_starts(buf_str(&out), STR("error")), depth > 16);
    }
    for (int leaves = 1000; leaves <= 1001; leaves++) {
        buf_clear(&text);
        for (int i = 0; i < leaves; i++)
            buf_c(&text, i ? ",1" : "[1");
        buf_c(&text, "]");
        flat(r, buf_cstr(&text), &out);
        assert_int_equal(str_starts(buf_str(&out), STR("error")), leaves > 1000);
    }
    buf_clear(&text); /* a long path of names */
    buf_printf(&text, "{\"%0600d\":{\"%0600d\":1}}", 1, 1);
    flat(r, buf_cstr(&text), &out);
    assert_non_null(strstr(buf_cstr(&out), "1,024"));
    buf_clear(&text); /* two megabytes of one string: the reader grows, then shrinks */
    buf_printf(&text, "{\"a\":\"%02000000d\"}", 1);
    flat(r, buf_cstr(&text), &out);
    assert_int_equal(out.n, 2000000 + 4);
    flat(r, "{\"a\":1}", &out);
    assert_string_equal(buf_cstr(&out), "a=n1;");
    buf_free(&text);
    buf_free(&out);
    json_reader_free(r);
}

static void measures_values(void **state)
{
    (void)state;
    assert_int_equal(json_value_length(STR("{\"a\":\"}\"} {\"b\":1}")), 9);
    assert_int_equal(json_value_length(STR(" [1,[2]]x")), 8);
    assert_int_equal(json_value_length(STR("{\"a\":\"\\\"}\"}")), 11);
    assert_int_equal(json_value_length(STR("{\"a\":[1")), 0);
    assert_int_equal(json_value_length(STR("{\"a\":\"")), 0);
    assert_int_equal(json_value_length(STR("{\"a\\")), 0);
    assert_int_equal(json_value_length(STR("x{}")), 0);
    assert_int_equal(json_value_length(STR("")), 0);
}

static void grows_trees(void **state)
{
    (void)state;
    struct arena a = {0};
    struct error err;
    struct json_node *n =
        json_parse(STR("{\"name\":\"x\",\"port\":25,\"on\":true,\"list\":[1,{\"k\":null}]}"), &a, &err);
    assert_non_null(n);
    assert_true(str_eq(json_text(n, "name"), STR("x")) && str_eq(json_text(n, "port"), STR("25")));
    assert_true(str_eq(json_text(n, "none"), STR_EMPTY) && str_eq(json_text(n, "list"), STR_EMPTY));
    const struct json_node *list = json_member(n, "list");
    assert_int_equal(list->type, JSON_NODE_ARRAY);
    assert_int_equal(json_member(list->child->next, "k")->type, JSON_NODE_NULL);
    assert_null(json_member(list, "k"));
    assert_null(json_parse(STR("{\"a\":1,}"), &a, &err));
    assert_null(json_parse(STR("1 2"), &a, &err));
    char deep[200];
    memset(deep, '[', sizeof deep);
    assert_null(json_parse(str_n(deep, sizeof deep), &a, &err));
    arena_free(&a);
}

static void writes(void **state)
{
    (void)state;
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_begin_object(&w);
    json_key(&w, "s");
    json_put_str(&w, STR("a\"\\\n\x01\x7f日\xff\xe3\x81"));
    json_key(&w, "list");
    json_begin_array(&w);
    json_put_i64(&w, -1);
    json_put_u64(&w, UINT64_MAX);
    json_put_double(&w, 0.1);
    json_put_double(&w, 1e300 * 1e300);
    json_put_bool(&w, true);
    json_put_null(&w);
    json_begin_object(&w);
    json_end_object(&w);
    json_put_time(&w, 0);
    json_put_time(&w, TIME_UNKNOWN);
    json_end_array(&w);
    json_key_str(&w, STR("c"));
    json_put_c(&w, "x");
    json_end_object(&w);
    assert_string_equal(
        buf_cstr(&out),
        "{\"s\":\"a\\\"\\\\\\n\\u0001\\u007f日\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\","
        "\"list\":[-1,18446744073709551615,0.1,null,true,null,{},\"1970-01-01T00:00:00.000Z\",null],"
        "\"c\":\"x\"}");
    buf_free(&out);
}

static void writes_what_people_read_in_both_languages(void **state)
{
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    (void)state;
    json_begin_object(&w);
    json_both(&w, "title", STR("Rule"), STR("規則"));
    json_both_members(&w, STR("only"), STR_EMPTY); /* there is no Japanese */
    json_key(&w, "list");
    json_begin_array(&w);
    json_put_both(&w, STR("a"), STR("b"));
    json_put_both(&w, STR_EMPTY, STR_EMPTY);
    json_end_array(&w);
    json_end_object(&w);
    assert_string_equal(buf_cstr(&out),
                        "{\"title\":{\"en\":\"Rule\",\"ja\":\"規則\"},\"en\":\"only\",\"ja\":\"only\","
                        "\"list\":[{\"en\":\"a\",\"ja\":\"b\"},{\"en\":\"\",\"ja\":\"\"}]}");
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(flattens),
        cmocka_unit_test(refuses),
        cmocka_unit_test(keeps_limits),
        cmocka_unit_test(measures_values),
        cmocka_unit_test(grows_trees),
        cmocka_unit_test(writes),
        cmocka_unit_test(writes_what_people_read_in_both_languages),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
