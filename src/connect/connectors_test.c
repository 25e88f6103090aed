/* connectors.yml: what is refused and where; what would be sent. */
#include "connect/connectors.h"

#include <setjmp.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"

static struct arena arena;
static char folder[] = "/tmp/hyakuyo_connect_XXXXXX";

static bool load(const char *text, struct connectors *out, struct error *err)
{
    const char *path = arena_printf(&arena, "%s/connectors.yml", folder).p;
    assert_true(file_write_atomic(path, str_c(text), 0600, err));
    return connectors_load(out, path, folder, &arena, err);
}

#define HOOK    "connectors:\n  - {name: a, kind: webhook, on: true, serves: [firewall], secret_file: key, "
#define COMMAND "connectors:\n  - {name: a, kind: command, serves: [proxy], "
#define RADIUS                                                                                               \
    "connectors:\n  - {name: a, kind: radius, serves: [access], host: h, secret_file: key, carry_out: "
#define A_DISCONNECT "{request: disconnect, attributes: {User-Name: x}}"

static void mistakes_are_refused(void **state)
{
    (void)state;
    struct connectors c;
    struct error err;
    static const struct {
        const char *text, *said;
    } cases[] = {
        {HOOK "url: 'http://h/secretpath'}\n", "plain: true"},
        {HOOK "url: 'ftp://h/'}\n", "https://"},
        {HOOK "url: 'https://h/', undo: perhaps}\n", "'undo' is true or false"},
        {HOOK "url: 'https://h/', shell: x}\n", "'shell'"},
        {"connectors:\n  - {name: a, kind: webhook, serves: [firewall], url: 'https://h/'}\n", "secret_file"},
        {"connectors:\n  - {name: a, kind: webhook, serves: [x], url: 'https://h/', secret_file: key}\n",
         "serves"},
        {"connectors:\n  - {name: a, kind: webhook, serves: [], url: 'https://h/', secret_file: open}\n",
         "chmod 600"},
        {"connectors:\n  - {name: 'a b', kind: webhook, serves: []}\n", ":2:5: "},
        {"connectors:\n  - {name: a, kind: telepathy, serves: []}\n", "webhook, command or radius"},
        {COMMAND "program: sh, carry_out: []}\n", "full path"},
        {COMMAND "program: /bin/sh}\n", "carry_out"},
        {COMMAND "program: /bin/sh, carry_out: ['{secret}']}\n", "'secret'"},
        {COMMAND "program: /bin/sh, carry_out: ['{target']}\n", "'{target'"},
        {COMMAND "program: /bin/sh, carry_out: x}\n", "arguments"},
        {COMMAND "program: /bin/sh, carry_out: [], seconds: 0}\n", "1 to 600"},
        {COMMAND "program: /bin/sh, carry_out: [], seconds: soon}\n", "1 to 600"},
        {RADIUS "{request: reboot, attributes: {User-Name: x}}}\n", "disconnect or coa"},
        {RADIUS "{request: coa, attributes: {Users-Name: x}}}\n", "'Users-Name'"},
        {RADIUS "{request: coa, attributes: {NAS-Port: x}}}\n", "NAS-Port is a number"},
        {RADIUS A_DISCONNECT ", port: 0}\n", "1 to 65535"},
        {RADIUS A_DISCONNECT ", message_authenticator: never}\n", "required or optional"},
        {"connectors: {}\n", "'connectors' is a list"},
        {"retry: {first_seconds: 9, longest_seconds: 5}\nconnectors: []\n", "first_seconds"},
        {"conectors: []\n", "'conectors'"},
        {"connectors:\n  - {name: a, kind: command, serves: [], program: /bin/sh, carry_out: []}\n"
         "  - {name: a, kind: command, serves: [], program: /bin/sh, carry_out: []}\n",
         ":3:5: this name is there already"}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        err.text[0] = 0;
        assert_false(load(cases[i].text, &c, &err));
        if (strstr(err.text, cases[i].said) == NULL || strstr(err.text, "connectors.yml:") == NULL)
            fail_msg("%zu: %s", i, err.text);
        assert_null(strstr(err.text, "top secret"));
        assert_null(strstr(err.text, "secretpath"));
    }
}

static void off_by_default(void **state)
{
    (void)state;
    struct connectors c;
    struct error err;
    assert_true(load(COMMAND "program: /bin/sh, carry_out: []}\n", &c, &err));
    assert_int_equal(c.count, 1);
    assert_false(c.items[0].is_on);
    assert_false(connector_is_for(&c.items[0], STR("proxy")));
    assert_true(load(HOOK "url: 'https://h/'}\n", &c, &err));
    assert_true(connector_is_for(&c.items[0], STR("firewall")));
    assert_false(connector_is_for(&c.items[0], STR("proxy")));
    assert_string_equal(c.items[0].secret, "top secret");
    connectors_forget(&c);
    assert_string_equal(c.items[0].secret, "");
    assert_true(connectors_load(&c, SOURCE_ROOT "/content/connectors.yml", folder, &arena, &err));
    assert_int_equal(c.count, 0);
}

static const struct connector_values VALUES = {.key = {"k1", 2},
                                               .device = {"access", 6},
                                               .target = {"pc-7", 4},
                                               .mac = {"{ip}", 4}, /* what a value holds stays as it is */
                                               .countermeasure = {"3", 1},
                                               .incident = {"5", 1},
                                               .expires = {"1700000000", 10},
                                               .approved_by = {"mori", 4}};

static void check(const char *text, enum connector_act act, const char *wanted)
{
    struct connectors c;
    struct error err;
    struct buf out = {0};
    assert_true(load(text, &c, &err));
    if (connector_render(&c.items[0], act, &VALUES, &arena, &out, &err))
        assert_string_equal(buf_cstr(&out), wanted);
    else if (strstr(err.text, wanted) == NULL)
        fail_msg("%s", err.text);
    buf_free(&out);
}

static void what_would_be_sent(void **state)
{
    (void)state;
    check(HOOK "url: 'https://h/'}\n", ACT_CARRY_OUT,
          "{\"key\":\"k1\",\"act\":\"carry_out\",\"countermeasure\":3,\"incident\":5,\"device\":\"access\","
          "\"target\":\"pc-7\","
          "\"mac\":\"{ip}\",\"expires\":1700000000,\"approved_by\":\"mori\"}");
    check(COMMAND "program: /bin/sh, carry_out: [-x, 'on={target}', '{mac}', '{target}{key}']}\n",
          ACT_CARRY_OUT, "[\"/bin/sh\",\"-x\",\"on=pc-7\",\"{ip}\",\"pc-7k1\"]");
    check(COMMAND "program: /bin/sh, carry_out: ['{user}']}\n", ACT_CARRY_OUT,
          "of 'pc-7' the {user} is not known");
    check(COMMAND "program: /bin/sh, carry_out: []}\n", ACT_UNDO, "a has no 'undo'");
    check(COMMAND "program: /bin/sh, carry_out: []}\n", ACT_TEST, "[]");
    check(RADIUS "{request: coa, attributes: {Calling-Station-Id: '{mac}', Filter-Id: quarantine}}}\n",
          ACT_CARRY_OUT,
          "{\"request\":\"CoA-Request\",\"attributes\":[{\"name\":\"Calling-Station-Id\",\"value\":\"{ip}\"},"
          "{\"name\":\"Filter-Id\",\"value\":\"quarantine\"}]}");
    check(RADIUS "{request: disconnect, attributes: {Framed-IP-Address: '{target}'}}}\n", ACT_CARRY_OUT,
          "'pc-7' is no IPv4 address");
    check(RADIUS A_DISCONNECT "}\n", ACT_TEST,
          "{\"request\":\"Disconnect-Request\",\"attributes\":[{\"name\":\"Acct-Session-Id\",\"value\":"
          "\"k1\"}]}");
}

static void no_value_becomes_an_option(void **state)
{
    (void)state;
    struct connectors c;
    struct error err;
    struct buf out = {0};
    struct connector_values values = VALUES;
    values.target = STR("-rf");
    assert_true(load(COMMAND "program: /bin/sh, carry_out: ['{target}']}\n", &c, &err));
    assert_false(connector_render(&c.items[0], ACT_CARRY_OUT, &values, &arena, &out, &err));
    assert_non_null(strstr(err.text, "'-rf'"));
    buf_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(mistakes_are_refused),
                                       cmocka_unit_test(off_by_default), cmocka_unit_test(what_would_be_sent),
                                       cmocka_unit_test(no_value_becomes_an_option)};
    struct error err;
    arena_init(&arena, 16 << 10);
    if (mkdtemp(folder) == NULL ||
        !file_write_atomic(arena_printf(&arena, "%s/key", folder).p, STR("top secret\n"), 0600, &err) ||
        !file_write_atomic(arena_printf(&arena, "%s/open", folder).p, STR("top secret\n"), 0644, &err) ||
        chmod(arena_printf(&arena, "%s/open", folder).p, 0644) != 0)
        return 1;
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(arena_printf(&arena, "%s/key", folder).p);
    unlink(arena_printf(&arena, "%s/open", folder).p);
    unlink(arena_printf(&arena, "%s/connectors.yml", folder).p);
    rmdir(folder);
    arena_free(&arena);
    return failed;
}
