/* YAML: trees with places, aliases, merge keys, refusals. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/yaml.h"

static struct arena arena;
static struct error err;

static struct yaml *parse(const char *text)
{
    return yaml_parse(str_c(text), "t.yml", &arena, &err);
}

static int release(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static void reads_places(void **state)
{
    (void)state;
    struct yaml *doc =
        parse("title: A rule\nlist:\n  - one\n  - k: 'v'\n\n    n: 2\nempty:\nnothing: ~\nq: \"~\"\n");
    assert_non_null(doc);
    assert_int_equal(doc->type, YAML_MAP);
    assert_int_equal(doc->count, 5);
    assert_true(str_eq(yaml_text(doc, "title"), STR("A rule")));
    struct yaml *list = yaml_get(doc, "list");
    assert_int_equal(list->type, YAML_LIST);
    assert_int_equal(list->count, 2);
    assert_int_equal(list->key_line, 2);
    assert_int_equal(list->key_column, 1);
    assert_int_equal(list->child->line, 3);
    assert_int_equal(list->child->column, 5);
    struct yaml *v = yaml_get(list->child->next, "k");
    assert_false(v->is_plain);
    assert_int_equal(v->line, 4);
    assert_int_equal(v->column, 8);
    assert_int_equal(yaml_int(list->child->next, "n", 0), 2);
    assert_int_equal(yaml_get(list->child->next, "n")->line, 6);
    assert_true(yaml_is_null(yaml_get(doc, "empty")) && yaml_is_null(yaml_get(doc, "nothing")) &&
                yaml_is_null(NULL));
    assert_false(yaml_is_null(yaml_get(doc, "q")));
    assert_null(yaml_get(list, "k"));
    assert_null(doc->next);
}

static void reads_scalars(void **state)
{
    (void)state;
    struct yaml *doc = parse("a: |\n  x\n  y\nb: >\n  x\n  y\nc: \"\\u65e5\\n\"\nd: yes\ne: False\nf: -7\n"
                             "\"quoted key\": 1\ng: '*abc'\n日本: 語\n");
    assert_true(str_eq(yaml_text(doc, "a"), STR("x\ny\n")));
    assert_true(str_eq(yaml_text(doc, "b"), STR("x y\n")));
    assert_true(str_eq(yaml_text(doc, "c"), STR("日\n")));
    assert_true(yaml_bool(doc, "d", false));
    assert_false(yaml_bool(doc, "e", true));
    assert_true(yaml_bool(doc, "none", true));
    assert_false(yaml_bool(doc, "none", false));
    assert_int_equal(yaml_int(doc, "f", 0), -7);
    assert_int_equal(yaml_int(doc, "a", 5), 5);
    assert_int_equal(yaml_int(doc, "quoted key", 0), 1);
    assert_true(str_eq(yaml_text(doc, "日本"), STR("語")));
    assert_true(str_eq(yaml_text(doc, "g"), STR("*abc")));
}

static void reads_documents(void **state)
{
    (void)state;
    struct yaml *doc = parse("---\na: 1\n---\na: 2\n...\n---\n- 3\n");
    assert_int_equal(yaml_int(doc, "a", 0), 1);
    assert_int_equal(yaml_int(doc->next, "a", 0), 2);
    assert_int_equal(doc->next->next->type, YAML_LIST);
    assert_null(doc->next->next->next);
    assert_int_equal(parse("{a: [1, {b: 2}]}")->child->child->next->count, 1);
}

static void resolves_aliases(void **state)
{
    (void)state;
    struct yaml *doc = parse("base: &b\n  x: 1\n  y: 2\nuse: *b\nmerged:\n  y: 9\n  <<: *b\n"
                             "both:\n  <<: [*b, {x: 5, z: 6}]\n  w: 0\nword: &w hello\nagain: *w\n");
    assert_non_null(doc);
    assert_int_equal(yaml_int(yaml_get(doc, "use"), "x", 0), 1);
    assert_int_equal(yaml_get(doc, "use")->line, 4);
    struct yaml *merged = yaml_get(doc, "merged");
    assert_int_equal(merged->count, 2);
    assert_int_equal(yaml_int(merged, "y", 0), 9);
    assert_int_equal(yaml_int(merged, "x", 0), 1);
    struct yaml *both = yaml_get(doc, "both");
    assert_int_equal(yaml_int(both, "x", 0), 1);
    assert_int_equal(yaml_int(both, "z", 0), 6);
    assert_true(str_eq(yaml_text(doc, "again"), STR("hello")));
}

static void assert_refused(const char *text, const char *sentence)
{
    assert_null(parse(text));
    if (!strstr(err.text, sentence))
        fail_msg("for %.40s: %s", text, err.text);
}

static void refuses(void **state)
{
    (void)state;
    assert_refused("a: 1\nb: 2\na: 3\n", "t.yml:3:1: the key \"a\" is already there in line 1");
    assert_refused("a: *none\n", "t.yml:1:");
    assert_refused("a: [1, 2\n", "t.yml:");
    assert_refused("a: b: c\n", "t.yml:1:");
    assert_refused("\tx: 1\n", "t.yml:1:");
    assert_refused("", "empty");
    assert_refused("# only a comment\n", "empty");
    assert_refused("? [a]\n: 1\n", "key must be");
    assert_refused("<<: 5\n", "<< takes");
    assert_refused("a: \xff\n", "UTF-8");
    assert_refused("a: &x [*x]\n", "no anchor");
}

static void keeps_limits(void **state)
{
    (void)state;
    struct buf text = {0};
    for (int i = 0; i < 100; i++)
        buf_c(&text, "[");
    assert_refused(buf_cstr(&text), "deeper than 64");
    buf_clear(&text); /* a billion laughs */
    buf_c(&text, "a: &a0 [x,x,x,x,x,x,x,x,x,x]\n");
    for (int i = 1; i < 10; i++) {
        buf_printf(&text, "b%d: &a%d [", i, i);
        for (int k = 0; k < 10; k++)
            buf_printf(&text, "%s*a%d", k ? "," : "", i - 1);
        buf_c(&text, "]\n");
    }
    assert_refused(buf_cstr(&text), "200,000 nodes");
    buf_clear(&text);
    buf_c(&text, "- &a x\n");
    for (int i = 0; i < 10001; i++)
        buf_c(&text, "- *a\n");
    assert_refused(buf_cstr(&text), "10,000 aliases");
    buf_clear(&text);
    buf_printf(&text, "a: \"%05000000d\"\n", 1);
    assert_refused(buf_cstr(&text), "larger than 4 MiB");
    buf_free(&text);
}

static void loads_files(void **state)
{
    (void)state;
    assert_null(yaml_load("/nonexistent/x.yml", &arena, &err));
    assert_non_null(strstr(err.text, "/nonexistent/x.yml"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(reads_places, release),
        cmocka_unit_test_teardown(reads_scalars, release),
        cmocka_unit_test_teardown(reads_documents, release),
        cmocka_unit_test_teardown(resolves_aliases, release),
        cmocka_unit_test_teardown(refuses, release),
        cmocka_unit_test_teardown(keeps_limits, release),
        cmocka_unit_test_teardown(loads_files, release),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
