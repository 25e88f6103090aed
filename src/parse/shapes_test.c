/* key=value, columns, CEF, LEEF and XML: ordinary and broken input. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "parse/cef.h"
#include "parse/csv.h"
#include "parse/key_value.h"
#include "parse/xml.h"

struct fixture {
    struct arena arena;
    struct named_list list;
};

static int set_up(void **state)
{
    struct fixture *f = NEW(struct fixture);
    arena_init(&f->arena, 1 << 12);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    arena_free(&f->arena);
    memory_free(f);
    return 0;
}

static void has(const struct fixture *f, const char *name, const char *expected)
{
    struct str actual = named_get(&f->list, name);
    if (!actual.p || !str_eq(actual, str_c(expected)))
        fail_msg("%s is \"%.*s\", expected \"%s\"", name, actual.p ? (int)actual.n : 6,
                 actual.p ? actual.p : "absent", expected);
}

static uint32_t read_pairs(struct fixture *f, const char *text, struct key_value_form form)
{
    named_clear(&f->list);
    return key_value_parse(str_c(text), &form, &f->list, &f->arena);
}

static void pairs_of_firewalls(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_pairs(f, "a=1 b=\"x y\" c=\"say \\\"hi\\\"\" d= e=\"C:\\\\dir\" f='q'",
                                key_value_default()),
                     6);
    has(f, "b", "x y");
    has(f, "c", "say \"hi\"");
    has(f, "d", "");
    has(f, "e", "C:\\dir");
    has(f, "f", "q");
    assert_int_equal(read_pairs(f, "msg=\"unclosed value", key_value_default()), 1);
    has(f, "msg", "unclosed value");
    assert_int_equal(read_pairs(f, "msg=\"a \"b\" c\" x=1", key_value_default()), 2);
    has(f, "x", "1");
    assert_int_equal(read_pairs(f, "user=eve, ip=192.0.2.1; list=a,b", key_value_default()), 3);
    has(f, "user", "eve");
    has(f, "ip", "192.0.2.1");
    has(f, "list", "a,b");
    assert_int_equal(read_pairs(f, "GET /a?x=1&y=2 z", key_value_default()), 0);
    assert_int_equal(read_pairs(f, "", key_value_default()), 0);
    assert_int_equal(read_pairs(f, "no pairs here", key_value_default()), 0);
}

static void pairs_of_netfilter(void **state)
{
    struct fixture *f = *state;
    struct key_value_form form = key_value_default();
    form.keep_flags = true;
    read_pairs(f, "IN=eth0 OUT= MAC=aa:bb SRC=192.0.2.1 DF PROTO=TCP SYN URGP=0", form);
    has(f, "DF", "true");
    has(f, "SYN", "true");
    has(f, "OUT", "");
    has(f, "PROTO", "TCP");
}

static void pairs_with_other_signs(void **state)
{
    struct fixture *f = *state;
    struct key_value_form form = key_value_default();
    form.separators = ",";
    form.assign = ':';
    read_pairs(f, "user: eve, ip: 192.0.2.1,note:", form);
    has(f, "user", "eve");
    has(f, "ip", "192.0.2.1");
    form = key_value_default();
    form.values_have_spaces = true;
    read_pairs(f, "name=A B C url=http://x/?a=b port=1", form);
    has(f, "name", "A B C");
    has(f, "url", "http://x/?a=b");
    has(f, "port", "1");
}

static uint32_t split(struct fixture *f, const char *text, struct column_form form, struct str *columns,
                      uint32_t max)
{
    return column_split(str_c(text), &form, columns, max, &f->arena);
}

static void assert_text(struct str actual, const char *expected)
{
    if (!str_eq(actual, str_c(expected)))
        fail_msg("got \"%.*s\", expected \"%s\"", STR_ARGS(actual), expected);
}

static void columns(void **state)
{
    struct fixture *f = *state;
    struct str c[8];
    assert_int_equal(split(f, "a,\"b,\"\"c\"\"\",,d", (struct column_form){',', '"', false}, c, 8), 4);
    assert_text(c[1], "b,\"c\"");
    assert_text(c[2], "");
    assert_int_equal(split(f, "a,b,c", (struct column_form){',', '"', false}, c, 2), 2);
    assert_text(c[1], "b,c");
    assert_int_equal(split(f, "  1  2 [x y] \"q r\" ", (struct column_form){' ', '"', true}, c, 8), 4);
    assert_text(c[2], "x y");
    assert_text(c[3], "q r");
    assert_int_equal(split(f, "a,\"never closed", (struct column_form){',', '"', false}, c, 8), 2);
    assert_text(c[1], "never closed");
    assert_int_equal(split(f, "", (struct column_form){',', '"', false}, c, 8), 1);
    assert_int_equal(split(f, "", (struct column_form){' ', '"', false}, c, 8), 0);
    assert_int_equal(split(f, "a,", (struct column_form){',', '"', false}, c, 8), 2);
}

static void headers_of_tables(void **state)
{
    (void)state;
    struct column_header *h = NEW(struct column_header), *copy = NEW(struct column_header);
    assert_true(column_header_line(STR("#separator \\x09"), h));
    assert_true(column_header_line(STR("#path\tconn"), h));
    assert_true(column_header_line(STR("#fields\tts\tuid\tid.orig_h"), h));
    assert_int_equal(h->count, 3);
    column_header_copy(h, copy);
    memset(h->bytes, 'x', h->used);
    assert_text(copy->names[2], "id.orig_h");
    assert_text(copy->path, "conn");
    assert_true(column_header_line(STR("#Fields: date time c-ip"), copy));
    assert_int_equal(copy->count, 3);
    assert_text(copy->names[2], "c-ip");
    assert_false(column_header_line(STR("date time"), copy));
    assert_true(column_header_line(STR("#types\tx"), copy)); /* not as many: no types */
    assert_false(copy->has_kinds);
    column_header_clear(copy); /* without #separator, and again */
    for (int i = 0; i < 2; i++) {
        assert_true(column_header_line(STR("#path\tdns"), copy));
        assert_true(column_header_line(STR("#fields\tts\tid.orig_h\tAA\tquery"), copy));
        assert_text(copy->path, "dns");
        assert_text(copy->names[3], "query");
    }
    assert_true(column_header_line(STR("#types\ttime\taddr\tbool\tstring"), copy));
    assert_true(copy->has_kinds);
    const struct str fits[] = {STR("1.5"), STR("2001:db8::1"), STR("T"), STR("x")},
                     unset[] = {STR("-1"), STR("-"), STR("-"), STR("-")},
                     shifted[] = {STR("1.5"), STR("x"), STR("192.0.2.1"), STR("T")};
    assert_int_equal(column_header_fit(copy, fits, 4), 4);
    assert_int_equal(column_header_fit(copy, unset, 4), 2);
    assert_int_equal(column_header_fit(copy, shifted, 4), 0);
    assert_int_equal(column_header_fit(copy, fits, 3), 0);
    memory_free(h);
    memory_free(copy);
}

static void cef(void **state)
{
    struct fixture *f = *state;
    named_clear(&f->list);
    assert_true(cef_parse(STR("<1>x CEF:0|V|P\\|1|2|id|n|5|src=192.0.2.1 msg=a b\\=c\\nd cs1Label=Rule Name "
                              "cs1=x y request=http://a/?b=c"),
                          &f->list, &f->arena));
    has(f, "cef.product", "P|1");
    has(f, "msg", "a b=c\nd");
    has(f, "Rule_Name", "x y");
    has(f, "request", "http://a/?b=c");
    named_clear(&f->list);
    assert_true(cef_parse(STR("CEF:0|V|P|2|id|n|5"), &f->list, &f->arena));
    has(f, "cef.severity", "5");
    assert_false(cef_parse(STR("CEF:0|V|P"), &f->list, &f->arena));
    assert_false(cef_parse(STR("nothing"), &f->list, &f->arena));
}

static void leef(void **state)
{
    struct fixture *f = *state;
    named_clear(&f->list);
    assert_true(leef_parse(STR("LEEF:1.0|V|P|1|id|src=192.0.2.1\tusrName=a b\tx="), &f->list, &f->arena));
    has(f, "usrName", "a b");
    named_clear(&f->list);
    assert_true(leef_parse(STR("LEEF:2.0|V|P|1|id|x5E|src=192.0.2.1^usrName=eve"), &f->list, &f->arena));
    has(f, "usrName", "eve");
    named_clear(&f->list);
    assert_true(leef_parse(STR("LEEF:2.0|V|P|1|id|src=192.0.2.1 usrName=eve"), &f->list, &f->arena));
    has(f, "usrName", "eve");
}

static void xml(void **state)
{
    struct fixture *f = *state;
    named_clear(&f->list);
    assert_true(xml_parse(
        STR("<?xml version='1.0'?><Event xmlns='x'><System><Provider Name='P &amp; Q'/><EventID "
            "Qualifiers=''>4624</EventID></System>"
            "<EventData><Data Name='User'>a&#x3042;&lt;</Data><Data "
            "Name='Empty'/><Data>bare</Data></EventData><!-- c --><R><![CDATA[<raw>]]></R></Event>"),
        &f->list, &f->arena));
    has(f, "System.Provider.Name", "P & Q");
    has(f, "System.EventID", "4624");
    has(f, "EventData.User", "a\xE3\x81\x82<");
    has(f, "EventData.Data", "bare");
    has(f, "R", "<raw>");
    named_clear(&f->list);
    assert_false(xml_parse(STR("no xml"), &f->list, &f->arena));
    assert_false(xml_parse(STR("<a"), &f->list, &f->arena));
    assert_true(xml_parse(STR("<a><b>1</b><c"), &f->list, &f->arena));
    has(f, "b", "1");
    static char deep[4000];
    for (size_t i = 0; i + 3 < sizeof deep; i += 3)
        memcpy(deep + i, "<a>", 3);
    assert_false(xml_parse(str_n(deep, sizeof deep - 1), &f->list, &f->arena) && f->list.count > NAMED_MAX);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pairs_of_firewalls),
                                       cmocka_unit_test(pairs_of_netfilter),
                                       cmocka_unit_test(pairs_with_other_signs),
                                       cmocka_unit_test(columns),
                                       cmocka_unit_test(headers_of_tables),
                                       cmocka_unit_test(cef),
                                       cmocka_unit_test(leef),
                                       cmocka_unit_test(xml)};
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
