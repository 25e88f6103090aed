/* Templates of tickets: those that come along give whole JSON whatever the texts hold, and mistakes are named
 * with their place. */
#include "notify/ticket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

#define NASTY "\"}],{\"x\": \"\\ \n\t{secret} 感染 </script>"

static struct arena arena;

static int set_up(void **state)
{
    (void)state;
    language_set(LANGUAGE_EN);
    arena_init(&arena, 64 << 10);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_free(&arena);
    return 0;
}

static const struct yaml *with_values(const char *text)
{
    struct error err;
    return text ? yaml_parse(str_c(text), "with", &arena, &err) : NULL;
}

static bool load(const char *text, const char *with, struct ticket_template *t, struct error *err)
{
    char path[100];
    snprintf(path, sizeof path, "/tmp/notify_ticket_test.%d.yml", (int)getpid());
    assert_true(file_write_atomic(path, str_c(text), 0600, err));
    bool ok = ticket_template_load(t, path, with_values(with), &arena, err);
    unlink(path);
    return ok;
}

static struct ticket_values values(const struct ticket_template *t, const struct yaml *with)
{
    struct ticket_values v = {0};
    ticket_add(&v, "title", STR(NASTY));
    ticket_add(&v, "text", STR(NASTY));
    ticket_add(&v, "kind", STR("incident_opened"));
    ticket_add(&v, "key", STR("0123"));
    ticket_add(&v, "url", STR("https://c.example/#/incidents/7"));
    ticket_add(&v, "hosts", STR(""));
    ticket_add(&v, "happened", STR("2025-11-10T00:13:07Z"));
    ticket_add(&v, "secret", STR("s3\r\nX: y"));
    ticket_add(&v, "secret_base64", STR("czM="));
    ticket_add_number(&v, "happened_ms", INT64_C(1762733587000), &arena);
    ticket_add_number(&v, "incident", 7, &arena);
    ticket_add_number(&v, "urgency", 4, &arena);
    ticket_complete(t, with, &v, &arena);
    return v;
}

static const struct {
    const char *file, *with, *path, *text, *number, *number_is;
} templates[] = {
    {"thehive5", NULL, "/api/v1/alert", "title", "severity", "4"},
    {"dfir-iris", "{customer: 3}", "/alerts/add", "alert_title", "alert_customer_id", "3"},
};

static void the_templates_that_come_along_hold(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(templates); i++) {
        struct ticket_template t;
        struct error err = {{0}};
        struct buf json = {0};
        const struct yaml *with = with_values(templates[i].with);
        struct str path = arena_printf(&arena, SOURCE_ROOT "/content/webhooks/%s.yml", templates[i].file);
        if (!ticket_template_load(&t, path.p, with, &arena, &err))
            fail_msg("%s", err.text);
        struct ticket_values v = values(&t, with);
        ticket_body(&t, &v, &json);
        const struct json_node *top = json_parse(buf_str(&json), &arena, &err);
        assert_non_null(top);
        assert_true(str_eq(t.path, str_c(templates[i].path)));
        assert_true(str_eq(json_text(top, templates[i].text), STR(NASTY)));
        const struct json_node *number = json_member(top, templates[i].number);
        assert_true(number != NULL && number->type == JSON_NODE_NUMBER &&
                    str_eq(number->text, str_c(templates[i].number_is)));
        buf_free(&json);
    }
}

static void jira_gets_its_nested_fields(void **state)
{
    struct ticket_template t;
    struct error err = {{0}};
    struct buf json = {0}, header = {0};
    const struct yaml *with = with_values("{project: SEC, issue_type: Task}");
    (void)state;
    assert_true(ticket_template_load(&t, SOURCE_ROOT "/content/webhooks/jira.yml", with, &arena, &err));
    struct ticket_values v = values(&t, with);
    ticket_body(&t, &v, &json);
    const struct json_node *fields = json_member(json_parse(buf_str(&json), &arena, &err), "fields");
    assert_true(str_eq(json_text(json_member(fields, "project"), "key"), STR("SEC")));
    assert_true(str_eq(json_text(json_member(fields, "issuetype"), "name"), STR("Task")));
    assert_true(str_eq(json_text(fields, "summary"), STR("[hyakuyo] " NASTY)));
    assert_true(ticket_header(&t, 0, &v, &header));
    assert_string_equal(buf_cstr(&header), "Authorization: Basic czM=");
    assert_false(ticket_header(&t, 1, &v, &header));
    assert_true(str_eq(ticket_receipt(&t, STR("{\"id\":\"10\",\"key\":\"SEC-24\"}"), &arena), STR("SEC-24")));
    assert_int_equal(ticket_receipt(&t, STR("<html>"), &arena).n, 0);
    buf_free(&json);
    buf_free(&header);
}

static void a_secret_adds_no_header(void **state)
{
    struct ticket_template t;
    struct error err = {{0}};
    struct buf header = {0};
    (void)state;
    assert_true(load("name: x\npath: /x\nheaders: {A: 'Bearer {secret}'}\nbody: {a: 1}\n", NULL, &t, &err));
    struct ticket_values v = values(&t, NULL);
    assert_true(ticket_header(&t, 0, &v, &header));
    assert_string_equal(buf_cstr(&header), "A: Bearer s3  X: y");
    buf_free(&header);
}

static void kinds_of_scalars_are_kept(void **state)
{
    struct ticket_template t;
    struct error err = {{0}};
    struct buf json = {0};
    (void)state;
    assert_true(load(
        "name: x\npath: /x\nreceipt: data.id\nlevels: {p: {of: urgency, is: [none, low, mid, high, top]}}\n"
        "body: {a: 1, b: '1', c: true, d: 'true', e: '{incident}', f: 'no {incident}', g: '{p}', h: '{key}', "
        "i: [x, {j: 2.5}], k: '{ }'}\n",
        NULL, &t, &err));
    struct ticket_values v = values(&t, NULL);
    ticket_body(&t, &v, &json);
    assert_string_equal(buf_cstr(&json),
                        "{\"a\":1,\"b\":\"1\",\"c\":true,\"d\":\"true\",\"e\":7,\"f\":\"no 7\",\"g\":\"top\","
                        "\"h\":\"0123\",\"i\":[\"x\",{\"j\":2.5}],\"k\":\"{ }\"}");
    assert_true(str_eq(ticket_receipt(&t, STR("{\"data\":{\"id\":42}}"), &arena), STR("42")));
    buf_free(&json);
}

static const struct {
    const char *text, *place, *says;
} mistakes[] = {
    {"name: x\npath: /x\n", ":1:", "body"},
    {"name: x\npath: x\nbody: {a: 1}\n", ":1:", "path"},
    {"name: x\npath: /x\nbody: {a: '{project}'}\n", ":3:", "{project}"},
    {"name: x\npath: /x\nheaders: {A: '{nothing}'}\nbody: {a: 1}\n", ":3:", "{nothing}"},
    {"name: x\npath: /x\nbody: {a: 1}\ncolour: red\n", ":4:", "colour"},
    {"name: x\npath: /x\nlevels: {s: {of: weather, is: [1, 2, 3, 4, 5]}}\nbody: {a: 1}\n", ":3:", "urgency"},
    {"name: x\npath: /x\nlevels: {s: {of: urgency, is: [1, 2]}}\nbody: {a: 1}\n", ":3:", "five"},
};

static void mistakes_are_named_with_their_place(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT_OF(mistakes); i++) {
        struct ticket_template t;
        struct error err = {{0}};
        if (load(mistakes[i].text, NULL, &t, &err))
            fail_msg("taken: %s", mistakes[i].text);
        if (!str_contains(str_c(err.text), str_c(mistakes[i].place)) ||
            !str_contains(str_c(err.text), str_c(mistakes[i].says)))
            fail_msg("%s says: %s", mistakes[i].text, err.text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_templates_that_come_along_hold),
        cmocka_unit_test(jira_gets_its_nested_fields),
        cmocka_unit_test(a_secret_adds_no_header),
        cmocka_unit_test(kinds_of_scalars_are_kept),
        cmocka_unit_test(mistakes_are_named_with_their_place),
    };
    return cmocka_run_group_tests_name("notify ticket", tests, set_up, tear_down);
}
