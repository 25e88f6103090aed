/* The parser language, recognition, derived fields and the messages for mistakes; community IDs; the literal
 * scanner; and the samples of all parsers of the tree. Parsers are written to a folder of their own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "normalise/community_id.h"
#include "normalise/literal_scanner.h"
#include "normalise/normalise.h"

struct bench {
    char folder[64];
    unsigned files;
    struct load_report report;
    struct normaliser *n;
    struct normaliser_scratch *s;
    struct source_memory *memory;
    struct arena arena;
    struct event e;
};

static int set_up(void **state)
{
    struct bench *b = NEW(struct bench);
    memcpy(b->folder, "/tmp/normalise_test.XXXXXX", 27);
    assert_non_null(mkdtemp(b->folder));
    arena_init(&b->arena, 1 << 14);
    b->memory = source_memory_new(true);
    *state = b;
    return 0;
}

static void unload(struct bench *b)
{
    normaliser_scratch_free(b->s);
    normaliser_free(b->n);
    load_report_free(&b->report);
    b->report = (struct load_report){0};
    b->s = NULL;
    b->n = NULL;
}

static int tear_down(void **state)
{
    struct bench *b = *state;
    unload(b);
    source_memory_free(b->memory);
    for (unsigned i = 0; i < b->files; i++)
        unlink(arena_printf(&b->arena, "%s/p%u.yml", b->folder, i).p);
    rmdir(b->folder);
    arena_free(&b->arena);
    memory_free(b);
    return 0;
}

static void add_file(struct bench *b, const char *yaml)
{
    struct str path = arena_printf(&b->arena, "%s/p%u.yml", b->folder, b->files++);
    assert_true(file_write_atomic(path.p, str_c(yaml), 0600, NULL));
}

static void add_parser(struct bench *b, const char *yaml)
{
    add_file(b, arena_printf(&b->arena, "%s\ntitle: Test\n", yaml).p);
}

static void load(struct bench *b)
{
    const char *folders[] = {b->folder, NULL};
    struct error err = {.text = ""};
    unload(b);
    b->n = normaliser_load(folders, &b->report, &err);
    assert_non_null(b->n);
    b->s = normaliser_scratch_new(b->n);
}

static void load_one(struct bench *b, const char *yaml)
{
    add_parser(b, yaml);
    load(b);
    if (b->report.refused)
        fail_msg("%s", buf_cstr(&b->report.sentences));
}

static void feed(struct bench *b, const char *raw, const char *pinned)
{
    struct record record = {.raw = arena_str(&b->arena, str_c(raw)),
                            .received_ns = INT64_C(1762765200) * NS_PER_SECOND};
    struct source source = {.name = STR_EMPTY,
                            .sender = STR_EMPTY,
                            .charset = STR_EMPTY,
                            .parser = pinned ? str_c(pinned) : STR_EMPTY};
    normalise_record(b->n, b->s, b->memory, &record, pinned ? &source : NULL, &b->arena, &b->e);
}

static void is_taken_by(struct bench *b, const char *raw, const char *parser)
{
    feed(b, raw, NULL);
    struct str name = normaliser_parser_name(b->n, b->e.parser);
    if (!str_eq(name, str_c(parser)))
        fail_msg("\"%.60s\" was taken by \"%.*s\", expected \"%s\"", raw, STR_ARGS(name), parser);
}

/* "" = the field must be absent; with several values any may be the expected one. */
static void has(struct bench *b, const char *field, const char *expected)
{
    field_id id = field_find(str_c(field));
    const struct value *v = id ? event_get(&b->e, id) : NULL;
    if (!*expected && !v)
        return;
    struct str last = STR("(absent)");
    for (; v; v = event_next(&b->e, v)) {
        last = value_as_text(v, &b->arena);
        if (str_eq(last, str_c(expected)))
            return;
    }
    fail_msg("%s is \"%.*s\", expected \"%s\"", field, STR_ARGS(last), expected);
}

static void a_parser_without_a_name_for_people_is_refused(void **state)
{
    struct bench *b = *state;
    static const char *const bad[] = {"\nshape: kv\n", "shape: kv\ntitle: {en: Gate}\n",
                                      "shape: kv\ntitle: {ja: ゲート}\n", "shape: kv\ntitle: ''\n"};
    for (size_t i = 0; i < COUNT_OF(bad); i++)
        add_file(b, bad[i]);
    load(b);
    assert_int_equal(b->report.refused, COUNT_OF(bad));
    assert_non_null(strstr(buf_cstr(&b->report.sentences), "p0.yml:2: \"title\""));
    for (size_t i = 1; i < COUNT_OF(bad); i++)
        assert_non_null(strstr(buf_cstr(&b->report.sentences), arena_printf(&b->arena, "p%zu.yml:2:", i).p));
}

static void systems_have_names_for_people(void **state)
{
    struct bench *b = *state;
    add_file(b,
             "name: example.gate\naliases: [Gate]\ntitle: {en: Example gate, ja: 例のゲート}\nshape: kv\n");
    load(b);
    static const char *const cases[][3] = {{"example.gate", "Example gate", "例のゲート"},
                                           {"Gate", "Gate", "Gate"}, /* what a record itself says stays */
                                           {"inventory", "Inventory", "台帳"},
                                           {"", "", ""}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct str en, ja;
        normaliser_system_name(b->n, str_c(cases[i][0]), &en, &ja);
        assert_true(str_eq(en, str_c(cases[i][1])) && str_eq(ja, str_c(cases[i][2])));
    }
}

static void refuses_unknown_fields(void **state)
{
    struct bench *b = *state;
    add_parser(b, "shape: kv\nfields:\n  src: source.ipp\n");
    load(b);
    assert_int_equal(b->report.refused, 1);
    assert_non_null(strstr(buf_cstr(&b->report.sentences), "p0.yml:3:"));
    assert_non_null(strstr(buf_cstr(&b->report.sentences), "source.ipp"));
}

static void keeps_the_others(void **state)
{
    struct bench *b = *state;
    static const char *const wrong[] = {"shape: nosuch\n",
                                        "fields: {a: source.ip}\n",
                                        "shape: kv\nsteps: [{whn: x}]\n",
                                        "shape: kv\nsteps: [{when: '$a ==', set: {user.name: x}}]\n",
                                        "shape: kv\nsteps: [{set: {user.name: '= nosuch($a)'}}]\n",
                                        "shape: {kind: pattern, patterns: ['<a']}\n",
                                        "shape: {kind: pattern, patterns: [{regex: '('}]}\n",
                                        "shape: kv\ntime: {from: $a, format: 'nope'}\n",
                                        "shape: kv\nrecognise: {contains: ['']}\n",
                                        "shape: kv\nsteps: [{table: {use: nosuch, from: $a}}]\n",
                                        "[1, 2]\n",
                                        "a: [\n",
                                        "shape: kv\ninclude: nosuch\n",
                                        "shape: kv\nunknown_key: 1\n",
                                        "shape: csv\n"};
    for (size_t i = 0; i < COUNT_OF(wrong); i++)
        add_parser(b, wrong[i]);
    add_parser(b, "shape: kv\nrecognise: {contains: ['a=']}\n");
    load(b);
    if (b->report.refused != COUNT_OF(wrong) || b->report.loaded != 1)
        fail_msg("refused %u of %zu:\n%s", b->report.refused, COUNT_OF(wrong),
                 buf_cstr(&b->report.sentences));
    feed(b, "a=1", NULL);
    assert_int_equal(b->e.parser, 1);
}

static void fields_and_kept_names(void **state)
{
    struct bench *b = *state;
    load_one(b, "shape: kv\nrecognise: {contains: ['gate=']}\nkeep: {prefix: acme.gate, drop: "
                "[junk]}\nnull_values: [none]\n"
                "fields:\n  src: source.ip\n  addr: source.ip\n  who: [user.name, source.user.name]\n  "
                "proto: network.transport\n"
                "  in: source.bytes\n  out: destination.bytes\n  dst: destination.ip\n  sp: source.port\n  "
                "dp: destination.port\n"
                "observer: {vendor: Acme}\ndefaults: {event.category: [network, web]}\n");
    feed(b,
         "gate=1 addr=192.0.2.9 src=192.0.2.7 dst=srv.example.test who=eve proto=6 in=10 out=0x20 junk=1 "
         "odd#name=2 x=none y=-",
         NULL);
    has(b, "source.ip", "192.0.2.7");
    has(b, "destination.ip", "");
    has(b, "destination.domain", "srv.example.test");
    has(b, "source.user.name", "eve");
    has(b, "network.transport", "tcp");
    has(b, "network.iana_number", "6");
    has(b, "acme.gate.gate", "1");
    has(b, "acme.gate.odd_name", "2");
    has(b, "acme.gate.junk", "");
    has(b, "acme.gate.x", "");
    has(b, "acme.gate.y", "");
    has(b, "acme.gate.src", "");
    has(b, "related.user", "eve");
    has(b, "related.ip", "192.0.2.7");
    has(b, "related.hosts", "srv.example.test");
    has(b, "event.category", "web");
    has(b, "observer.vendor", "Acme");
    has(b, "event.kind", "event");
    feed(b, "gate=1 src=128.232.110.120 dst=66.35.250.204 sp=34855 dp=80 proto=TCP in=10 out=5", NULL);
    has(b, "network.community_id", "1:LQU9qZlK+B5F3KDmev6m5PMibrg=");
    has(b, "network.bytes", "15");
    has(b, "network.type", "ipv4");
}

static const char *const expression_cases[][2] = {
    {"lower('AbC')", "abc"},
    {"upper('a')", "A"},
    {"concat('a', $one, 'b')", "a1b"},
    {"concat('a', $none)", ""},
    {"$none ?? 'x'", "x"},
    {"1 + 2 * 3", "7"},
    {"(1 + 2) * 3", "9"},
    {"7 / 2", "3.5"},
    {"1 / 0", ""},
    {"9223372036854775807 + 1", "9.22337203685e+18"},
    {"-3", "-3"},
    {"if($one == 1, 'y', 'n')", "y"},
    {"if($one == '01', 'y', 'n')", "y"},
    {"if($none != 1, 'y', 'n')", "y"},
    {"if($none == 1, 'y', 'n')", "n"},
    {"if($one in ('2', '1'), 'y', 'n')", "y"},
    {"if($one not in ('2', '3'), 'y', 'n')", "y"},
    {"if(not $none exists and $one exists, 'y')", "y"},
    {"if('abc' =~ '^a.c$', 'y', 'n')", "y"},
    {"if('abc' starts 'ab' and 'abc' ends 'bc' and 'abc' contains 'b', 'y', 'n')", "y"},
    {"if(2 < 10 and '2' >= 2 and 'b' > 'a', 'y', 'n')", "y"},
    {"before('a=b=c', '=')", "a"},
    {"after('a=b=c', '=')", "b=c"},
    {"before_last('a=b=c', '=')", "a=b"},
    {"after_last('a=b=c', '=')", "c"},
    {"before('abc', 'x')", ""},
    {"part('a,b,c', ',', 2)", "b"},
    {"part('a,b', ',', 3)", ""},
    {"basename('C:\\a\\b.txt')", "b.txt"},
    {"dirname('/a/b')", "/a"},
    {"extension('/a/b.tar.gz')", "gz"},
    {"extension('/a/.profile')", ""},
    {"replace('a-b-c', '-', '+')", "a+b+c"},
    {"substring('abcdef', 2, 3)", "cde"},
    {"substring('abcdef', -2)", "ef"},
    {"extract('id=42;', 'id=(\\d+)')", "42"},
    {"extract('id', '\\d')", ""},
    {"hex('0x1F')", "31"},
    {"int('12.9')", "12"},
    {"int('80 bytes')", "80"},
    {"bytes('1.5 KB')", "1536"},
    {"duration('1:02:03')", "3723000000000"},
    {"duration(15, 'ms')", "15000000"},
    {"duration('1h2m3s')", "3723000000000"},
    {"duration('0.5')", "500000000"},
    {"host_part('[2001:db8::1]:80')", "2001:db8::1"},
    {"port_part('192.0.2.1#53')", "53"},
    {"host_part('a.test:8080')", "a.test"},
    {"port_part('2001:db8::1')", ""},
    {"is_ip('x')", "false"},
    {"in_network('10.1.2.3', '192.168.0.0/16', '10.0.0.0/8')", "true"},
    {"is_private('10.1.2.3')", "true"},
    {"join('+', $many)", "a+b"},
    {"join('-', 'a', $none, 'b')", "a-b"},
    {"count($many)", "2"},
    {"last($many)", "b"},
    {"length('abc')", "3"},
    {"url_decode('a%20b%zz')", "a b%zz"},
    {"hex_decode('2F62696E2F6C73002D6C')", "/bin/ls -l"},
    {"base64_decode('aGk=')", "hi"},
    {"dashed('Process Create')", "process-create"},
    {"lookup('t', 'B')", "two"},
    {"lookup('t', 'zz')", "other"},
    {"trim('  x ')", "x"},
    {"trim('[x]', '[]')", "x"},
    {"${odd name} ?? 'no'", "no"},
};

static void expressions(void **state)
{
    struct bench *b = *state;
    struct buf yaml = {0};
    buf_c(&yaml, "shape: kv\nkeep: x\ntables: {t: {ignore_case: true, default: other, values: {a|b: "
                 "two}}}\nrecognise: {contains: ['one=']}\nsteps:\n");
    for (size_t i = 0; i < COUNT_OF(expression_cases); i++) {
        buf_printf(&yaml, "  - set:\n      $r%zu: \"= ", i);
        for (const char *c = expression_cases[i][0]; *c; c++) {
            if (*c == '"' || *c == '\\')
                buf_char(&yaml, '\\');
            buf_char(&yaml, *c);
        }
        buf_c(&yaml, "\"\n");
    }
    load_one(b, buf_cstr(&yaml));
    buf_free(&yaml);
    feed(b, "one=1 many=a many=b", NULL);
    for (size_t i = 0; i < COUNT_OF(expression_cases); i++) {
        print_message("%s\n", expression_cases[i][0]);
        has(b, arena_printf(&b->arena, "x.r%zu", i).p, expression_cases[i][1]);
    }
}

static void steps(void **state)
{
    struct bench *b = *state;
    load_one(b, "shape: {kind: json}\nrecognise: {contains: ['\"kind\"']}\nkeep: v\ntables:\n  codes: "
                "{'1|2': {event.action: low, event.type: [info, start]}, '3': {event.action: three}}\n"
                "steps:\n"
                "  - table: {use: codes, from: $code}\n"
                "  - when: $kind == 'a'\n    set: {user.name: eve}\n    else: {set: {user.name: bob}}\n"
                "  - switch: {on: $kind, cases: {'a|b': {add: {event.type: end}}}, default: {refuse: true}}\n"
                "  - split: {from: $ips, by: ',', to: host.ip}\n"
                "  - split: {from: $path, by: '/', to: [$p1, $p2]}\n"
                "  - parse: {kind: kv, from: $inner, prefix: i., separators: ';'}\n"
                "  - patterns: {from: $text, try: ['login <user.id:int>', {match: 'logout <user.id:int>', "
                "set: {event.outcome: success}}]}\n"
                "  - pairs: {names: props.Name, values: props.Value, prefix: q.}\n"
                "  - date: {from: $begin, format: '%d/%b/%Y:%H:%M:%S %z', to: event.start}\n"
                "  - url: $link\n"
                "  - remove: [$secret]\n"
                "  - when: $kind == 'b'\n    stop: true\n"
                "  - set: {event.reason: went on}\n");
    feed(b,
         "{\"kind\":\"a\",\"code\":2,\"ips\":\"192.0.2.1, 192.0.2.2\",\"path\":\"x/y/z\",\"inner\":\"k=v "
         "w;m=2\",\"text\":\"logout 7\","
         "\"props\":[{\"Name\":\"n1\",\"Value\":\"v1\"},{\"Name\":\"n2\",\"Value\":\"v1\"}],\"begin\":\"10/"
         "Nov/2025:09:00:00 +0900\",\"link\":\"https://u@h.test:8443/a/b.php?q=1#f\",\"secret\":\"s\"}",
         NULL);
    has(b, "event.action", "low");
    has(b, "event.type", "start");
    has(b, "event.type", "end");
    has(b, "user.name", "eve");
    has(b, "host.ip", "192.0.2.2");
    has(b, "v.p2", "y/z");
    has(b, "v.i.k", "v w");
    has(b, "user.id", "7");
    has(b, "event.outcome", "success");
    has(b, "v.q.n2", "v1");
    has(b, "event.start", "2025-11-10T00:00:00.000Z");
    has(b, "url.domain", "h.test");
    has(b, "url.port", "8443");
    has(b, "url.extension", "php");
    has(b, "url.query", "q=1");
    has(b, "url.fragment", "f");
    has(b, "url.username", "u");
    has(b, "v.secret", "");
    has(b, "event.reason", "went on");
    feed(b, "{\"kind\":\"b\"}", NULL);
    has(b, "user.name", "bob");
    has(b, "event.reason", "");
    feed(b, "{\"kind\":\"c\"}", NULL);
    assert_int_equal(b->e.parser, 0);
    assert_true(b->e.flags & EVENT_PARSE_FAILURE);
}

/* "keep: under" and "mapped": the vendor's own names and values survive, whatever wraps them. */
static const char *const parts_parser =
    "recognise: {contains: [Gate7]}\n"
    "shape: document\n"
    "ecs_names: true\n"
    "keep:\n"
    "  prefix: winlog.event_data\n"
    "  mapped: true\n"
    "  under: {winlog.event_data: winlog.event_data, Event.Data: winlog.event_data, Data: "
    "winlog.event_data, 'User.*': winlog.user_data}\n"
    "  drop: [System, Maker]\n"
    "fields: {Image: process.executable, Who: user.name, Maker: observer.vendor}\n";

static void parts_of_records(void **state)
{
    struct bench *b = *state;
    load_one(b, parts_parser);
    feed(b,
         "{\"Maker\":\"Gate7\",\"Image\":\"C:\\\\a.exe\",\"Who\":\"-\",\"Threat Name\":\"x\",\"Empty\":\"\"}",
         NULL);
    has(b, "process.executable", "C:\\a.exe");
    has(b, "winlog.event_data.Image", "C:\\a.exe");
    has(b, "winlog.event_data.Threat Name", "x");
    has(b, "winlog.event_data.Who", "-");
    assert_non_null(event_get(&b->e, field_find(STR("winlog.event_data.Empty"))));
    has(b, "user.name", "");
    has(b, "winlog.event_data.Maker", "");
    has(b, "observer.vendor", "Gate7");
    feed(b,
         "{\"Maker\":\"Gate7\",\"winlog\":{\"event_data\":{\"Image\":\"b\",\"Maker\":\"of "
         "it\"},\"task\":\"t\"},\"agent\":{\"x\":1},\"host\":{\"name\":\"h1\"}}",
         NULL);
    has(b, "winlog.event_data.Image", "b");
    has(b, "winlog.event_data.Maker", "of it"); /* dropped outside of a part only */
    has(b, "winlog.task", "t");
    has(b, "host.name", "h1");
    has(b, "winlog.event_data.agent.x", ""); /* the shipper's */
    feed(b, "{\"Maker\":\"Gate7\",\"winlog\":{\"task\":\"t\"},\"agent\":{\"x\":1}}", NULL);
    has(b, "winlog.event_data.agent.x", "");
    feed(b,
         "<Event><Maker>Gate7</Maker><Data><Data Name='Image'> c </Data><Data "
         "Name='None'/></Data><User><Any><Who>eve</Who></Any></User></Event>",
         NULL);
    has(b, "process.executable", " c ");
    has(b, "winlog.event_data.Image", " c ");
    assert_non_null(event_get(&b->e, field_find(STR("winlog.event_data.None"))));
    has(b, "winlog.user_data.Who", "eve");
    has(b, "user.name", "eve");
}

static void each_value(void **state)
{
    struct bench *b = *state;
    load_one(b, "recognise: {contains: [Gate8]}\nshape: json\nsteps:\n"
                "  - each:\n"
                "      from: $answers\n"
                "      by: ';'\n"
                "      as: $_one\n"
                "      steps:\n"
                "        - {when: is_ip($_one), add: {dns.resolved_ip: $_one}, else: [{add: "
                "{dns.answers.data: $_one}}]}\n"
                "  - each: {from: $list, as: $_one, steps: [{add: {host.ip: $_one}}]}\n"
                "  - {when: $_one exists, set: {event.action: left behind}}\n");
    feed(b,
         "{\"p\":\"Gate8\",\"answers\":\"a.example; 192.0.2.7 "
         ";;192.0.2.8\",\"list\":[\"192.0.2.1\",\"192.0.2.2\"]}",
         NULL);
    has(b, "dns.answers.data", "a.example");
    has(b, "dns.resolved_ip", "192.0.2.7");
    has(b, "dns.resolved_ip", "192.0.2.8");
    has(b, "host.ip", "192.0.2.1");
    has(b, "host.ip", "192.0.2.2");
    has(b, "event.action", "");
    feed(b, "{\"p\":\"Gate8\"}", NULL);
    has(b, "host.ip", "");
    add_parser(
        b, "recognise: {contains: [Gate9]}\nshape: json\nsteps: [{each: {from: $x, as: $x, steps: []}}]\n");
    load(b);
    assert_int_equal(b->report.refused, 1);
}

/* A library gives all sections; the file's own come first, except in `before`. */
static void libraries(void **state)
{
    struct bench *b = *state;
    add_parser(b, "name: common\nlibrary: true\nshape: kv\nkeep: common\nnull_values: [none]\n"
                  "before: [{set: {$_seen: library}}]\n"
                  "time: {from: $when}\n"
                  "fields: {user: user.name, src: source.ip}\n"
                  "tables: {words: {y: success}}\n"
                  "steps: [{set: {event.action: '= event.action ?? $_seen', event.reason: last}}]\n"
                  "defaults: {event.kind: alert}\n"
                  "observer: {vendor: Common}\n");
    add_parser(b, "name: own\ninclude: common\nrecognise: {contains: [gate=10]}\n"
                  "before: [{set: {$_seen: \"= concat($_seen, ' own')\"}}]\n"
                  "fields: {login: user.name}\n"
                  "steps: [{set: {event.outcome: \"= lookup('words', $ok)\", event.reason: first}}]\n");
    load(b);
    assert_int_equal(b->report.refused, 0);
    feed(b, "gate=10 login=eve user=bob src=none ok=y rest=1 when=2025-11-10T09:13:02Z", NULL);
    has(b, "user.name", "eve");
    has(b, "source.ip", "");
    has(b, "event.action", "library own");
    has(b, "event.reason", "last");
    has(b, "event.outcome", "success");
    has(b, "event.kind", "alert");
    has(b, "observer.vendor", "Common");
    has(b, "common.rest", "1");
    assert_int_equal(b->e.time_ns, INT64_C(1762765982) * NS_PER_SECOND);
}

/* What names the product may stand behind a text of any length: an attacker's script is one. */
static void recognises_behind_a_long_text(void **state)
{
    struct bench *b = *state;
    enum { LONG = 100000 };
    char *script = memory_alloc(LONG + 1);
    for (size_t i = 0; i < LONG; i++)
        script[i] = "a \\\"{\\\\b"[i % 8]; /* quotes and braces within, escaped */
    script[LONG] = 0;
    add_parser(
        b, "name: gate\nshape: json\nrecognise: {contains: ['\"Product\":\"Gate\"', '\"EventID\"'], none: "
           "['other']}\nfields: {Script: message}\n");
    add_parser(b, "name: plain\nshape: none\nrecognise: {contains: ['far behind']}\n");
    load(b);
    assert_int_equal(b->report.refused, 0);
    const char *formats[] = {"{\"Script\":\"%s\",\"Product\":\"Gate\",\"EventID\":4104}",
                             "<13>Nov 10 09:00:00 h x: {\"A\":\"%s\", \"Product\":\"Gate\",\"EventID\":1}",
                             "{\"Product\":\"Gate\",\"A\":{\"B\":[\"%s\"]},\"EventID\":1}"};
    for (size_t i = 0; i < COUNT_OF(formats); i++) {
        struct buf raw = {0};
        const char *place = strstr(formats[i], "%s");
        buf_bytes(&raw, formats[i], (size_t)(place - formats[i]));
        buf_c(&raw, script);
        buf_c(&raw, place + 2);
        is_taken_by(b, buf_cstr(&raw), "gate");
        buf_free(&raw);
    }
    is_taken_by(b, arena_printf(&b->arena, "%s far behind", script).p, ""); /* no JSON: only its beginning */
    is_taken_by(b, "x far behind", "plain");
    memory_free(script);
}

static void recognises(void **state)
{
    struct bench *b = *state;
    add_parser(b, "name: loose\nshape: none\nrecognise: {contains: ['abcd'], priority: 20}\n");
    add_parser(b, "name: strict\nshape: {kind: kv, minimum: 2}\nrecognise: {contains: ['abcd', 'efgh'], "
                  "none: ['nope']}\n");
    add_parser(b, "name: by-app\nshape: none\nrecognise: [{app: [Daemon, postfix]}, {starts: "
                  "['%X-']}]\naliases: [shared]\n");
    add_parser(b, "name: by-regex\nshape: none\nrecognise: {any: ['zz1', 'zz22'], regex: "
                  "'^zz\\d+$'}\naliases: [shared, mine]\n");
    load(b);
    assert_int_equal(b->report.refused, 0);
    static const struct {
        const char *raw, *pinned, *parser;
    } cases[] = {
        {"abcd", NULL, "loose"},
        {"abcd efgh a=1 b=2", NULL, "strict"},
        {"abcd efgh", NULL, "loose"},
        {"abcd efgh nope a=1 b=2", NULL, "loose"},
        {"Nov 10 09:00:00 h daemon[1]: x", NULL, "by-app"},
        {"Nov 10 09:00:00 h postfix/smtpd[1]: x", NULL, "by-app"},
        {"<1>%X-1: y", NULL, "by-app"},
        {"zz22", NULL, "by-regex"},
        {"azz22", NULL, ""},
        {"whatever", "MINE", "by-regex"},
        {"zz1", "shared", "by-regex"},
        {"%X-", "shared", "by-app"},
        {"whatever", "by-regex", "by-regex"},
        {"a=1", "strict", ""},
        {"", NULL, ""},
    };
    for (int round = 0; round < 2; round++) /* the second time with a memory of the first */
        for (size_t i = 0; i < COUNT_OF(cases); i++) {
            feed(b, cases[i].raw, cases[i].pinned);
            struct str name = normaliser_parser_name(b->n, b->e.parser);
            if (!str_eq(name, str_c(cases[i].parser)))
                fail_msg("\"%s\" was taken by \"%.*s\", expected \"%s\"", cases[i].raw, STR_ARGS(name),
                         cases[i].parser);
        }
    assert_int_equal(normaliser_parser_find(b->n, STR("Mine")),
                     b->n ? normaliser_parser_find(b->n, STR("by-regex")) : 0);
}

static void tables_with_headers(void **state)
{
    struct bench *b = *state;
    load_one(b, "name: tab\nenvelope: none\nshape: {kind: csv, separator: tab, header: true, columns: [a, "
                "b]}\nkeep: t\n"
                "recognise: {starts: ['#separator', '#fields']}\nfields: {id.orig_h: source.ip, table.path: "
                "event.action}\n");
    feed(b, "#separator \\x09", NULL);
    assert_int_equal(b->e.parser, 1);
    feed(b, "#path\tconn", NULL);
    feed(b, "#fields\tuid\tid.orig_h\tnote", NULL);
    feed(b, "C1\t192.0.2.7\thello", NULL);
    assert_int_equal(b->e.parser, 1);
    has(b, "source.ip", "192.0.2.7");
    has(b, "t.note", "hello");
    has(b, "event.action", "conn");
    feed(b, "1\t2", "tab");
    has(b, "t.a", "1");
}

/* A directory of logs as one source: lines of all of them after all headers, two of them with as many
 * columns. */
static void tables_mixed(void **state)
{
    struct bench *b = *state;
    load_one(b, "name: tab\nenvelope: none\nshape: {kind: csv, separator: tab, header: true}\nkeep: t\n"
                "recognise: {starts: ['#separator', '#fields']}\nfields: {id.orig_h: source.ip, table.path: "
                "event.action}\n");
    for (int rotation = 0; rotation < 300; rotation++) { /* the same headers again take no room */
        feed(b, "#separator \\x09", NULL);
        feed(b, "#path\tweird", NULL);
        feed(b, "#fields\tts\tid.orig_h\tname", NULL);
        feed(b, "#types\ttime\taddr\tstring", NULL);
    }
    feed(b, "#separator \\x09", NULL);
    feed(b, "#path\tsoftware", NULL);
    feed(b, "#fields\tts\tkind\tid.orig_h", NULL);
    feed(b, "#types\ttime\tenum\taddr", NULL);
    feed(b, "1.5\t192.0.2.7\todd", NULL);
    has(b, "event.action", "weird");
    has(b, "source.ip", "192.0.2.7");
    feed(b, "1.5\tHTTP::BROWSER\t192.0.2.8", NULL);
    has(b, "event.action", "software");
    has(b, "source.ip", "192.0.2.8");
    feed(b, "1.5\t-\t-", NULL);
    has(b, "event.action", "software");
    feed(b, "1.5\tx\ty", NULL);
    assert_int_equal(b->e.parser, 0);
}

static void envelope_and_time(void **state)
{
    struct bench *b = *state;
    load_one(b,
             "shape: kv\nrecognise: {contains: ['k1=']}\ntime:\n  - {from: $when, format: ['%Y/%m/%d %H:%M', "
             "epoch_ms], zone: $tz}\nfields: {syslog.host: observer.hostname, syslog.severity: log.level}\n");
    feed(b, "<11>Nov 10 09:00:00 fw1 k1=1 when=\"2025/11/10 09:13\" tz=Asia/Tokyo", NULL);
    assert_true(b->e.time_ns == INT64_C(1762733580) * NS_PER_SECOND);
    has(b, "observer.hostname", "fw1");
    has(b, "log.level", "error");
    has(b, "log.syslog.priority", "11");
    feed(b, "<11>Nov 10 08:59:00 fw1 k1=1 when=never", NULL);
    assert_true(b->e.time_ns == INT64_C(1762765140) * NS_PER_SECOND);
    feed(b, "k1=1 when=1762733580123", NULL);
    assert_true(b->e.time_ns == INT64_C(1762733580123) * NS_PER_MS);
    feed(b, "k1=1", NULL);
    assert_true(b->e.time_ns == b->e.received_ns);
}

static void other_character_sets(void **state)
{
    struct bench *b = *state;
    load_one(b, "shape: kv\nrecognise: {contains: ['user=']}\nfields: {user: user.name}\n");
    feed(b, "user=\x8d\xb2\x93\xa1 note=\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x83\x8d\x83\x4f", NULL);
    has(b, "user.name", "\xE4\xBD\x90\xE8\x97\xA4");
    assert_int_equal((unsigned char)b->e.raw.p[5], 0x8d);
}

static void community_ids(void **state)
{
    (void)state;
    static const struct {
        const char *source, *destination;
        uint16_t source_port, destination_port;
        uint8_t protocol;
        const char *id;
    } cases[] = {{"128.232.110.120", "66.35.250.204", 34855, 80, 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
                 {"66.35.250.204", "128.232.110.120", 80, 34855, 6, "1:LQU9qZlK+B5F3KDmev6m5PMibrg="},
                 {"192.168.1.52", "8.8.8.8", 54585, 53, 17, "1:d/FP5EW3wiY1vCndhwleRRKHowQ="},
                 {"192.168.0.89", "192.168.0.1", 8, 0, 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="},
                 {"192.168.0.1", "192.168.0.89", 0, 0, 1, "1:X0snYXpgwiv9TZtqg64sgzUn6Dk="}};
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        struct flow flow = {.source_port = cases[i].source_port,
                            .destination_port = cases[i].destination_port,
                            .protocol = cases[i].protocol};
        char id[COMMUNITY_ID_LENGTH + 1] = {0};
        assert_true(ip_parse(str_c(cases[i].source), &flow.source) &&
                    ip_parse(str_c(cases[i].destination), &flow.destination));
        community_id(&flow, id);
        assert_string_equal(id, cases[i].id);
    }
}

static uint32_t next_random(uint32_t *x)
{
    *x = *x * 1664525 + 1013904223;
    return *x >> 16;
}

/* Against searching each literal by itself, over a small alphabet so that literals overlap. */
static void finds_all_literals(void **state)
{
    (void)state;
    uint32_t x = 7;
    struct literal_scanner *s = literal_scanner_new();
    char texts[200][12];
    size_t lengths[200];
    uint32_t numbers[200];
    for (size_t i = 0; i < 200; i++) {
        lengths[i] = 1 + next_random(&x) % 9;
        for (size_t k = 0; k < lengths[i]; k++)
            texts[i][k] = (char)('a' + next_random(&x) % 4);
        numbers[i] = literal_scanner_add(s, str_n(texts[i], lengths[i]));
    }
    literal_scanner_build(s);
    for (int round = 0; round < 300; round++) {
        char text[60];
        size_t n = next_random(&x) % sizeof text;
        uint64_t seen[8] = {0};
        uint32_t hits[256];
        for (size_t k = 0; k < n; k++)
            text[k] = (char)('a' + next_random(&x) % 5);
        literal_scanner_scan(s, str_n(text, n), seen, hits);
        for (size_t i = 0; i < 200; i++)
            assert_int_equal(seen[numbers[i] / 64] >> (numbers[i] % 64) & 1,
                             str_contains(str_n(text, n), str_n(texts[i], lengths[i])));
    }
    literal_scanner_free(s);
}

static void proves_the_parsers_of_the_tree(void **state)
{
    (void)state;
    const char *folders[] = {getenv("PARSERS"), NULL};
    if (!folders[0])
        skip();
    struct load_report report = {0};
    struct error err = {.text = ""};
    struct normaliser *n = normaliser_load(folders, &report, &err);
    assert_non_null(n);
    bool proved = normaliser_prove(n, &report);
    if (!proved || report.refused)
        fail_msg("%s", buf_cstr(&report.sentences));
    print_message("%u parsers, %u samples, %u without\n", report.loaded, report.samples, report.unproved);
    load_report_free(&report);
    normaliser_free(n);
}

int main(void)
{
#define BENCH_TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
    const struct CMUnitTest tests[] = {BENCH_TEST(refuses_unknown_fields),

                                       BENCH_TEST(a_parser_without_a_name_for_people_is_refused),

                                       BENCH_TEST(systems_have_names_for_people),
                                       BENCH_TEST(keeps_the_others),
                                       BENCH_TEST(fields_and_kept_names),
                                       BENCH_TEST(expressions),
                                       BENCH_TEST(steps),
                                       BENCH_TEST(recognises),
                                       BENCH_TEST(recognises_behind_a_long_text),
                                       BENCH_TEST(tables_with_headers),
                                       BENCH_TEST(tables_mixed),
                                       BENCH_TEST(envelope_and_time),
                                       BENCH_TEST(other_character_sets),
                                       BENCH_TEST(parts_of_records),
                                       BENCH_TEST(each_value),
                                       BENCH_TEST(libraries),
                                       cmocka_unit_test(community_ids),
                                       cmocka_unit_test(finds_all_literals),
                                       cmocka_unit_test(proves_the_parsers_of_the_tree)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
