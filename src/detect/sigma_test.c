/* Sigma semantics, rule by rule: a rule as text, an event as text, does it fire? Also what is refused, and
 * why. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/yaml.h"
#include "detect/detect.h"
#include "detect/fold.h"
#include "detect/regex_literal.h"
#include "detect/sigma_text.h"

#define TAXONOMY                                                                                             \
    "logsources:\n"                                                                                          \
    "  - {product: test, entity: host, fields: [plain], when: [{event.module: test}]}\n"                     \
    "  - {category: narrow, product: test, entity: source, fields: [plain], when: [{event.module: test, "    \
    "event.code: ['7', '8']}]}\n"                                                                            \
    "  - {product: '*', entity: host, fields: [plain], when: [{observer.product: '{product}'}]}\n"           \
    "field_sets:\n"                                                                                          \
    "  plain:\n"                                                                                             \
    "    unmapped: ['t.{name}', '{name}']\n"                                                                 \
    "    map:\n"                                                                                             \
    "      First: [t.one, t.two]\n"                                                                          \
    "      Hashes: {fields: t.Hashes, hashes: {MD5: t.md5}}\n"

struct world {
    char folder[64], rules[96], taxonomy[96];
    struct ruleset *set;
    struct rule_report report;
};

static void write_file(const char *folder, const char *name, const char *text)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

static void load_with(struct world *w, const char *rules, const struct watch_list *lists, size_t count)
{
    struct error err = {0};
    *w = (struct world){.folder = "/tmp/hyakuyo-sigma-test-XXXXXX"};
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->rules, sizeof w->rules, "%s/rules", w->folder);
    snprintf(w->taxonomy, sizeof w->taxonomy, "%s/taxonomy", w->folder);
    assert_true(file_make_folders(w->rules, 0700, &err) && file_make_folders(w->taxonomy, 0700, &err));
    write_file(w->rules, "rule.yml", rules);
    write_file(w->taxonomy, "taxonomy.yml", TAXONOMY);
    const char *folders[] = {w->rules, NULL};
    w->set = ruleset_load(&(struct ruleset_options){folders, w->taxonomy, lists, count}, &w->report, &err);
    if (!w->set)
        fail_msg("%s", err.text);
}

static void unload(struct world *w)
{
    char command[160];
    ruleset_unref(w->set);
    rule_report_free(&w->report);
    snprintf(command, sizeof command, "rm -rf %s", w->folder);
    assert_int_equal(system(command), 0);
}

/* "a=1|b=x" as an event of module test; a field named raw is the record. */
static struct event *event_of(const char *text, struct arena *arena)
{
    struct event *e = ARENA_NEW(arena, struct event);
    struct str rest = arena_str(arena, str_c(text)), pair;
    e->time_ns = INT64_C(1762733589) * NS_PER_SECOND; /* 2025-11-10T00:13:09Z, a Monday, week 46 */
    event_add(e, arena, field_intern(STR("event.module")), STR("test"));
    while (str_split(&rest, '|', &pair)) {
        size_t at = str_find_char(pair, '=', 0);
        if (at == STR_NOT_FOUND)
            continue;
        struct str name = str_slice(pair, 0, at), value = str_skip(pair, at + 1);
        if (str_eq(name, STR("raw")))
            e->raw = value;
        else
            event_add(e, arena,
                      field_intern(str_find_char(name, '.', 0) == STR_NOT_FOUND
                                       ? arena_concat(arena, STR("t."), name)
                                       : name),
                      value);
    }
    return e;
}

static uint32_t findings(const struct world *w, const char *event)
{
    struct batch *batch = batch_new(1);
    struct detect_scratch *scratch = detect_scratch_new(w->set);
    uint32_t n = detect_event(w->set, scratch, event_of(event, &batch->arena), 0, batch);
    detect_scratch_free(scratch);
    batch_free(batch);
    return n;
}

#define HEAD "title: t\nid: r1\nlogsource: {product: test}\ndetection:\n"

/* detection in YAML flow form, an event that fires it and one that does not; NULL = no such event */
struct semantic {
    const char *detection, *fires, *silent;
};

static const struct semantic semantics[] = {
    {"  s: {A: 'word'}\n  condition: s", "A=WoRd", "A=words"},
    {"  s: {A: 'wo*d'}\n  condition: s", "A=Woood", "A=word!"},
    {"  s: {A: 'w?rd'}\n  condition: s", "A=w\xE8\xAA\x9Erd", "A=wrd"},
    {"  s: {A: 'C:\\*'}\n  condition: s", "A=C:*", "A=C:\\x"},
    {"  s: {A: 'C:\\\\*'}\n  condition: s", "A=c:\\x", "A=c:x"},
    {"  s: {A: 'a\\\\\\*b'}\n  condition: s", "A=a\\*b", "A=a\\xb"},
    {"  s: {A: 'a\\b'}\n  condition: s", "A=A\\B", "A=ab"},
    {"  s: {A: '\xC3\x84RGER'}\n  condition: s", "A=\xC3\xA4rger", "A=arger"},
    {"  s: {A: 'kelvin'}\n  condition: s",
     "A=\xE2\x84\xAA"
     "ELVIN",
     "A=helvin"}, /* U+212A KELVIN SIGN */
    {"  s: {A: 'ma\xC5\xBF"
     "t'}\n  condition: s",
     "A=MAST", "A=MAFT"},                                                   /* U+017F LONG S */
    {"  s: {A: 'file'}\n  condition: s", "A=FILE", "A=f\xC4\xB1le"},        /* dotless i is no i */
    {"  s: {A: 'f\xC4\xB0le'}\n  condition: s", "A=f\xC4\xB0LE", "A=file"}, /* nor is I with a dot */
    {"  s: {A: '\xEF\xBC\xA1\xEF\xBC\xA2'}\n  condition: s", "A=\xEF\xBD\x81\xEF\xBD\x82",
     "A=ab"},                                                                             /* full width */
    {"  s: {A: '\xCF\x83\xCF\x82'}\n  condition: s", "A=\xCE\xA3\xCE\xA3", "A=\xCF\x83"}, /* final sigma */
    {"  s: {A|contains: '\xE3\x83\x89'}\n  condition: s", "A=x\xE3\x83\x89y", "A=xy"},
    {"  s: {A|cased: 'Word'}\n  condition: s", "A=Word", "A=word"},
    {"  s: {A|contains|cased: 'WordWord'}\n  condition: s", "A=xWordWordx", "A=xwordwordx"},
    {"  s: {A|contains: ['longenough', 'x']}\n  condition: s", "A=aXa", "A=bbb"},
    {"  s: {A|contains|all: ['one', 'two']}\n  condition: s", "A=two one", "A=one"},
    {"  s: {A|startswith: 'be'}\n  condition: s", "A=Before", "A=abe"},
    {"  s: {A|startswith: 'beginning of'}\n  condition: s", "A=Beginning of x", "A=x beginning of"},
    {"  s: {A|endswith: '.exe'}\n  condition: s", "A=x.EXE", "A=x.exe.txt"},
    {"  s: {A|endswith: '\\\\longer.exe'}\n  condition: s", "A=c:\\longer.EXE", "A=longer.exe"},
    {"  s: {A|endswith: 'e'}\n  condition: s", "A=ee", "A=ef"},
    {"  s: {A|re: 'W.rd\\d+$'}\n  condition: s", "A=a Word12", "A=word12"},
    {"  s: {A|re|i: 'w.rd'}\n  condition: s", "A=WORD", "A=wd"},
    {"  s: {A|re|m: '^two'}\n  condition: s", "A=one\ntwo", "A=one two"},
    {"  s: {A|re|s: 'a.b'}\n  condition: s", "A=a\nb", "A=ab"},
    {"  s: {A|cidr: '192.0.2.0/24'}\n  condition: s", "A=192.0.2.77", "A=192.0.3.1"},
    {"  s: {A|cidr: ['10.0.0.0/8', '2001:db8::/32']}\n  condition: s", "A=2001:db8::1", "A=text"},
    {"  s: {A|base64: 'hello'}\n  condition: s", "A=aGVsbG8=", "A=hello"},
    {"  s: {A|base64offset|contains: '/bin/bash'}\n  condition: s", "A=xxxvYmluL2Jhc2gyy", "A=/bin/bash"},
    {"  s: {A|wide|base64offset|contains: 'ping'}\n  condition: s", "A=qqqcABpAG4AZwqqq", "A=ping"},
    {"  s: {A|utf16le|base64|contains: 'http'}\n  condition: s", "A=xaAB0AHQAcAA=", "A=aHR0cA=="},
    {"  s: {A|windash|contains: ' -force '}\n  condition: s", "A=x /force y", "A=x force y"},
    {"  s: {A|contains|windash: 'x -s -t'}\n  condition: s", "A=x \xE2\x80\x93s /t", "A=x -s _t"},
    {"  s: {A|exists: true}\n  condition: s", "A=", "B=1"},
    {"  s: {A|exists: false}\n  condition: s", "B=1", "A=1"},
    {"  s: {A: null}\n  condition: s", "B=1", "A=x"},
    {"  s: {A: ''}\n  condition: s", "A=", "A=x"},
    {"  s: {A: ''}\n  condition: s", "A=", "B=x"},
    {"  s: {A: '*'}\n  condition: s", "A=anything", "B=x"},
    {"  s: {B: 1}\n  f: {A: x}\n  condition: s and not f", "B=1", "B=1|A=X"},
    {"  s: {A|neq: x}\n  condition: s", "A=y", "A=x"},
    {"  s: {A|gt: 5}\n  condition: s", "A=6", "A=5"},
    {"  s: {A|gte: 5, A|lt: 7}\n  condition: s", "A=5.5", "A=7"},
    {"  s: {A|lte: -1}\n  condition: s", "A=-1", "A=text"},
    {"  s: {destination.port: 25}\n  condition: s", "destination.port=25", "destination.port=250"},
    {"  s: {destination.port|gte: 6660}\n  condition: s", "destination.port=6660", "destination.port=6659"},
    {"  s: {A: true}\n  condition: s", "A=True", "A=1"},
    {"  s: {A|fieldref: B}\n  condition: s", "A=x|B=X", "A=x|B=y"},
    {"  s: {A|fieldref|startswith: B}\n  condition: s", "A=xyz|B=XY", "A=yx|B=x"},
    {"  s: {A|fieldref|contains: B}\n  condition: s", "A=xyz|B=Y", "A=x|B=xy"},
    {"  s: {First: 2}\n  condition: s", "two=2", "one=1|two=2"},
    {"  s: {Hashes|contains: 'MD5=AB12'}\n  condition: s", "Hashes=SHA1=x,MD5=ab12", "Hashes=MD5=ac"},
    {"  s: {Hashes|contains: 'MD5=AB12'}\n  condition: s", "md5=ab12", "md5=ab123"},
    {"  s: {ThreatName: x}\n  condition: s", "t.Threat Name=x", "ThreatNames=x"},
    {"  s: {'@timestamp|hour': 0, '@timestamp|minute': 13}\n  condition: s", "A=1", NULL},
    {"  s: {'@timestamp|week': 46, '@timestamp|day|gte': 10, '@timestamp|month': 11, '@timestamp|year': "
     "2025}\n  condition: s",
     "A=1", NULL},
    {"  s: {T|hour|gt: 20}\n  condition: s", "T=2025-11-10T21:00:00Z", "T=2025-11-10T20:59:59Z"},
    {"  s: ['needle', 'other']\n  condition: s", "raw=hay NEEDLE hay", "raw=hay"},
    {"  s:\n    '|all': ['one', 'two']\n  condition: s", "raw=two one", "raw=two"},
    {"  s: ['a\\b']\n  condition: s", "raw={\"x\":\"a\\\\b\"}|A=a\\b", "raw=a/b"},
    /* escapes hide words of the record: its texts are searched too, each by itself */
    {"  s: ['one two']\n  condition: s", "raw={\"x\":\"one\\u0020two\"}|A=one|B=x ONE TWO",
     "raw=\\|A=one |B=two"},
    {"  s: ['*one*two*']\n  condition: s", "raw=\\|A=x one and two", "raw=\\|A=one|B=two"},
    {"  s: ['three']\n  condition: s", "A=one|B=two|C=x three", "raw=\\|A=thr|B=ee"},
    {"  s:\n    '|re': '^one.*two$'\n  condition: s", "raw=\\|A=x|B=one or two", "raw=\\|A=one|B=two"},
    {"  s: ['\xE8\xAA\x9E\xE8\xAA\x9E']\n  condition: s", "raw=\\|A=x|B=\xE8\xAA\x9E\xE8\xAA\x9E",
     "raw=\\|A=\xE8\xAA\x9E|B=\xE8\xAA\x9E"},
    {"  s:\n    - {A: 1, B: 1}\n    - {C: 1}\n  condition: s", "C=1", "A=1"},
    {"  s_a: {A: 1}\n  s_b: {B: 1}\n  _c: {C: 1}\n  condition: 1 of them", "B=1", "C=1"},
    {"  s_a: {A: 1}\n  s_b: {B: 1}\n  condition: all of them", "A=1|B=1", "A=1"},
    {"  s_a: {A: 1}\n  s_b: {B: 1}\n  x: {C: 1}\n  condition: all of s_*", "A=1|B=1", "A=1|C=1"},
    {"  s_a: {A: 1}\n  s_b: {B: 1}\n  s_c: {C: 1}\n  condition: 2 of s*", "A=1|C=1", "B=1"},
    {"  s_a: {A: 1}\n  s_b: {B: 1}\n  s_c: {C: 1}\n  condition: not 2 of s*", "B=1", "B=1|C=1"},
    {"  s_a: {A: 1}\n  s_b: {B: 1}\n  condition: any of s_*", "B=1", "C=1"},
    {"  a: {A: 1}\n  b: {B: 1}\n  c: {C: 1}\n  condition: a or b and c", "A=1", "B=1"},
    {"  a: {A: 1}\n  b: {B: 1}\n  c: {C: 1}\n  condition: (a or b) and c", "B=1|C=1", "A=1"},
    {"  a: {A: 1}\n  b: {B: 1}\n  condition: NOT a AND b", "B=1", "A=1|B=1"},
    {"  a: {A: 1}\n  b: {B: 1}\n  condition: not (a or b)", "C=1", "B=1"},
    {"  a: {A: 1}\n  b: {B: 1}\n  condition: [a, b]", "B=1", "C=1"},
};

static void every_meaning(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof semantics / sizeof *semantics; i++) {
        char text[2048];
        struct world w;
        snprintf(text, sizeof text, HEAD "%s\n", semantics[i].detection);
        load_with(&w, text, NULL, 0);
        if (w.report.loaded != 1)
            fail_msg("%s\nwas refused: %.*s", semantics[i].detection, STR_ARGS(w.report.problems[0].text));
        if (findings(&w, semantics[i].fires) != 1)
            fail_msg("%s\ndoes not fire on %s", semantics[i].detection, semantics[i].fires);
        if (semantics[i].silent && findings(&w, semantics[i].silent) != 0)
            fail_msg("%s\nfires on %s", semantics[i].detection, semantics[i].silent);
        unload(&w);
    }
}

/* a whole rule, and words of the sentence that refuses it */
static const struct {
    const char *rule, *place, *reason;
} mistakes[] = {
    {HEAD "  s: {A|contain: x}\n  condition: s\n", "rule.yml:5:7:", "'contain' does not exist"},
    {HEAD "  s: {A: x}\n  condition: s and t\n", "rule.yml:6:20:", "'t' is not defined"},
    {HEAD "  s: {A: x}\n  condition: s and\n", "rule.yml:6:", "missing"},
    {HEAD "  s: {A: x}\n  condition: (s\n", "rule.yml:6:", "')' is missing"},
    {HEAD "  s: {A: x}\n  condition: s)\n", "rule.yml:6:", "missing before ')'"},
    {HEAD "  s: {A: x}\n  condition: s s\n", "rule.yml:6:", "'and' or 'or' is missing"},
    {HEAD "  s: {A: x}\n  condition: s | count() > 5\n", "rule.yml:6:", "correlation rule"},
    {HEAD "  s: {A: x}\n  condition: 1 of x*\n", "rule.yml:6:", "no search identifier matches 'x*'"},
    {HEAD "  s: {A: x}\n  condition: 3 of s*\n", "rule.yml:6:", "more are asked for"},
    {HEAD "  s: {A: x}\n  condition: 0 of s*\n", "rule.yml:6:", "above zero"},
    {HEAD "  s: {A: x}\n  condition: ''\n", "rule.yml:6:", "empty"},
    {HEAD "  s: {A: x}\n", "rule.yml:5:", "no condition"},
    {HEAD "  s: {A: x}\n  timeframe: 5m\n  condition: s\n", "rule.yml:6:", "timeframe"},
    {HEAD "  s: {}\n  condition: s\n", "rule.yml:5:", "empty"},
    {HEAD "  s: {A: []}\n  condition: s\n", "rule.yml:5:", "needs a value"},
    {HEAD "  s: {A: {B: x}}\n  condition: s\n", "rule.yml:5:", "needs a value"},
    {HEAD "  s: {A: [[x]]}\n  condition: s\n", "rule.yml:5:", "cannot stand inside"},
    {HEAD "  s: {A|re: '(x'}\n  condition: s\n", "rule.yml:5:", "A|re"},
    {HEAD "  s: {A|i: x}\n  condition: s\n", "rule.yml:5:", "behind re"},
    {HEAD "  s: {A|re|cidr: x}\n  condition: s\n", "rule.yml:5:", "exclude"},
    {HEAD "  s: {A|cidr|contains: '10.0.0.0/8'}\n  condition: s\n", "rule.yml:5:7:", "means nothing"},
    {HEAD "  s: {A|gt|startswith: 5}\n  condition: s\n", "rule.yml:5:7:", "means nothing"},
    {HEAD "  s: {A|exists|contains: true}\n  condition: s\n", "rule.yml:5:7:", "means nothing"},
    {HEAD "  s: {A|re|base64: x}\n  condition: s\n", "rule.yml:5:7:", "means nothing"},
    {HEAD "  s: {A|contains|startswith: x}\n  condition: s\n", "rule.yml:5:7:", "exclude each other"},
    {HEAD "  s: {A|gt|lt: 5}\n  condition: s\n", "rule.yml:5:7:", "exclude each other"},
    {HEAD "  s: {A|hour|day: 5}\n  condition: s\n", "rule.yml:5:7:", "exclude each other"},
    {HEAD "  s: {A|wide|utf16be: x}\n  condition: s\n", "rule.yml:5:7:", "exclude each other"},
    {HEAD "  s: {A|all|all: [x, y]}\n  condition: s\n", "rule.yml:5:7:", "exclude each other"},
    {HEAD "  s: {'|cidr': 10.0.0.0/8}\n  condition: s\n", "rule.yml:5:7:", "keywords are texts"},
    {HEAD "  s: ['']\n  condition: s\n", "rule.yml:5:7:", "empty keyword"},
    {HEAD "  s: {A|cidr: '300.0.0.0/8'}\n  condition: s\n", "rule.yml:5:", "not a network"},
    {HEAD "  s: {A|gt: many}\n  condition: s\n", "rule.yml:5:", "needs a number"},
    {HEAD "  s: {A|exists: maybe}\n  condition: s\n", "rule.yml:5:", "true or false"},
    {HEAD "  s: {A|base64: 'a*'}\n  condition: s\n", "rule.yml:5:", "wildcards"},
    {HEAD "  s: {A|wide: 'a?'}\n  condition: s\n", "rule.yml:5:", "wildcards"},
    {HEAD "  s: {A|expand: '%nobody%'}\n  condition: s\n", "rule.yml:5:", "%nobody%"},
    {HEAD "  s: {A|windash: '-a -b -c -d -e -f -g'}\n  condition: s\n", "rule.yml:5:", "too many dashes"},
    {"id: x\nlogsource: {product: test}\ndetection: {s: {A: x}, condition: s}\n", "rule.yml:1:", "no title"},
    {"title: t\ndetection: {s: {A: x}, condition: s}\n", "rule.yml:1:", "no logsource"},
    {"title: t\nlogsource: {definition: x}\ndetection: {s: {A: x}, condition: s}\n",
     "rule.yml:2:", "neither category"},
    {"title: t\nlogsource: {category: unheard_of}\ndetection: {s: {A: x}, condition: s}\n",
     "rule.yml:2:12:", "unheard_of"},
    {"title: t\nlogsource: {product: test}\n", "rule.yml:1:", "no detection"},
    {"title: t\nlevel: grave\nlogsource: {product: test}\ndetection: {s: {A: x}, condition: s}\n",
     "rule.yml:2:8:", "'grave'"},
    {HEAD "  s: {A: x}\n  condition: s\nstatus: finished\n", "rule.yml:7:9:", "'finished'"},
    {HEAD "  s: {A: x}\n  condition: s\ndate: 2026-02-30\n", "rule.yml:7:7:", "day of the calendar"},
    {HEAD "  s: {A: x}\n  condition: s\nmodified: yesterday\n", "rule.yml:7:11:", "day of the calendar"},
    {HEAD "  s: {A: x}\n  condition: s\ntags: [attack.t1059, plain]\n", "rule.yml:7:22:", "'plain'"},
    {HEAD "  s: {A: x}\n  condition: s\ntags: attack.t1059\n", "rule.yml:7:7:", "must be a list"},
    {HEAD "  s: {A: x}\n  condition: s\nlevel: [high]\n", "rule.yml:7:8:", "must be a text"},
    {HEAD "  s: {A: x}\n  condition: s\nrelated: [{id: a, type: cousin}]\n", "rule.yml:7:11:", "derived"},
    {HEAD "  s: {A: x}\n  condition: s\naction: globe\n", "rule.yml:7:9:", "'globe'"},
    {HEAD "  s: {A: x}\n  condition: s\nhyakuyo: yes\n", "rule.yml:7:10:", "a map of our own keys"},
    {"title: t\nlogsource: {product: [a]}\ndetection: {s: {A: x}, condition: s}\n",
     "rule.yml:2:22:", "must be a text"},
    {"- a\n- b\n", "rule.yml:1:", "must be a map"},
    {"title: [\n", "rule.yml:", ""},
    {"title: t\ntitle: u\n", "rule.yml:2:", ""},
    {HEAD "  s: {A: x}\n  condition: s\nhyakuyo: {colour: red}\n", "rule.yml:7:", "hyakuyo.colour"},
    {HEAD "  s: {A: x}\n  condition: s\nhyakuyo: {stage: third}\n", "rule.yml:7:", "'third'"},
    {HEAD "  s: {A: x}\n  condition: s\nhyakuyo: {likelihood_ratio: -1}\n", "rule.yml:7:", "above zero"},
    {HEAD "  s: {A: x}\n  condition: s\nhyakuyo: {entity: neighbour}\n", "rule.yml:7:", "hyakuyo.entity"},
    {HEAD "  s: {A: x}\n  condition: s\nhyakuyo: {samples: [{event: {a: b}}]}\n", "rule.yml:7:", "fires"},
};

static void every_mistake(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
        struct world w;
        load_with(&w, mistakes[i].rule, NULL, 0);
        if (w.report.refused != 1 || w.report.loaded != 0)
            fail_msg("%s\nwas not refused", mistakes[i].rule);
        struct str text = w.report.problems[0].text;
        if (!str_contains(text, str_c(mistakes[i].place)) || !str_contains(text, str_c(mistakes[i].reason)))
            fail_msg("%s\nwas refused with: %.*s", mistakes[i].rule, STR_ARGS(text));
        unload(&w);
    }
}

static void a_refused_rule_does_not_stop_the_others(void **state)
{
    (void)state;
    struct world w;
    load_with(&w, HEAD "  s: {A|bad: x}\n  condition: s\n---\n" HEAD "  s: {A: x}\n  condition: s\n", NULL,
              0);
    assert_int_equal(w.report.loaded, 1);
    assert_int_equal(w.report.refused, 1);
    assert_int_equal(findings(&w, "A=x"), 1);
    unload(&w);
}

static void placeholders_come_from_watch_lists(void **state)
{
    (void)state;
    struct str admins[] = {STR("root"), STR("adm*")};
    struct watch_list list = {STR("Administrators"), admins, 2};
    struct world w;
    load_with(&w, HEAD "  s: {A|expand: 'x-%administrators%-\\%y%'}\n  condition: s\n", &list, 1);
    assert_int_equal(w.report.loaded, 1);
    assert_int_equal(findings(&w, "A=x-root-%y%"), 1);
    assert_int_equal(findings(&w, "A=x-adm77-%y%"), 1);
    assert_int_equal(findings(&w, "A=x-guest-%y%"), 0);
    unload(&w);
}

static void documents_are_merged(void **state)
{
    (void)state;
    struct world w;
    load_with(
        &w,
        "action: global\ntitle: t\nlevel: high\nlogsource: {product: test}\ndetection: {condition: s}\n---\n"
        "id: one\ndetection: {s: {A: 1}}\n---\nid: two\ndetection: {s: {A: 2}}\n---\naction: repeat\nid: "
        "three\ndetection: {s: {B: 3}}\n"
        "---\naction: reset\n---\nid: four\ndetection: {s: {A: 4}, condition: s}\n",
        NULL, 0);
    assert_int_equal(w.report.loaded, 3);
    assert_int_equal(w.report.refused, 1);
    assert_int_equal(findings(&w, "A=1"), 1);
    assert_int_equal(findings(&w, "A=2"), 1);
    assert_int_equal(findings(&w, "B=3"), 0); /* repeated from two: A and B must hold */
    assert_int_equal(findings(&w, "A=2|B=3"), 2);
    unload(&w);
}

static void correlations_are_counted_apart(void **state)
{
    (void)state;
    struct world w;
    load_with(&w, "title: c\ncorrelation: {type: event_count}\n", NULL, 0);
    assert_int_equal(w.report.correlations, 1);
    assert_int_equal(w.report.refused, 0);
    assert_int_equal(w.report.problem_count, 1);
    unload(&w);
}

#define TWO_RULES                                                                                            \
    "title: t\nid: one\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n---\n"             \
    "title: u\nid: two\nname: second\nlogsource: {product: test, category: narrow}\n"                        \
    "detection: {s: {A: 1}, condition: s}\n---\n"
#define FILTER(logsource, rules, condition)                                                                  \
    "title: f\nlogsource: {" logsource "}\nfilter:\n  rules: " rules                                         \
    "\n  selection: {B|startswith: adm_}\n  condition: " condition "\n"

/* Both rules see the events (event.code 7); which of them fire with and without the exception. */
static const struct {
    const char *filter;
    size_t exempt, plain;
    uint32_t filters, refused, problems;
    const char *words;
} filters[] = {
    {FILTER("product: test", "[one]", "not selection"), 1, 2, 1, 0, 0, NULL},
    {FILTER("product: test", "one", "not selection"), 1, 2, 1, 0, 0, NULL},
    {FILTER("product: test", "[ONE, second]", "not selection"), 0, 2, 1, 0, 0, NULL},
    {FILTER("product: test", "any", "not selection"), 0, 2, 1, 0, 0, NULL},
    {FILTER("product: test", "[]", "not 1 of sel*"), 0, 2, 1, 0, 0, NULL},
    {FILTER("category: narrow", "any", "not selection"), 1, 2, 1, 0, 0, NULL},
    {FILTER("product: test", "[one, two]", "selection"), 2, 0, 1, 0, 1, "rule.yml:12:1: "},
    {FILTER("product: test", "[one, nobody]", "not selection"), 1, 2, 1, 0, 1, "rule.yml:15:16: "},
    {FILTER("product: else", "[one]", "not selection"), 2, 2, 1, 0, 1, "log sources differ"},
    {FILTER("product: else", "any", "not selection"), 2, 2, 1, 0, 1, "else/"},
    {FILTER("product: test", "{one: two}", "not selection"), 2, 2, 0, 1, 1, "needs rules"},
    {FILTER("product: test", "[one]", "not nothing"), 2, 2, 0, 1, 1, "'nothing' is not defined"},
    {FILTER("service: ''", "[one]", "not selection"), 2, 2, 0, 1, 1, "neither category"},
    {"title: f\nlogsource: {product: test}\nfilter: {selection: {A: 1}, condition: selection}\n", 2, 2, 0, 1,
     1, "needs rules"},
    {"title: f\nlogsource: {product: test}\nfilter: {rules: [one], selection: {A: 1}}\n", 2, 2, 0, 1, 1,
     "filter has no condition"},
};

static void filters_join_the_rules_they_name(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof filters / sizeof *filters; i++) {
        char text[2048];
        struct world w;
        snprintf(text, sizeof text, TWO_RULES "%s", filters[i].filter);
        load_with(&w, text, NULL, 0);
        size_t exempt = findings(&w, "A=1|B=adm_7|event.code=7"), plain = findings(&w, "A=1|event.code=7");
        if (exempt != filters[i].exempt || plain != filters[i].plain ||
            w.report.filters != filters[i].filters || w.report.refused != filters[i].refused ||
            w.report.problem_count != filters[i].problems)
            fail_msg("%s\n%zu and %zu findings, %u problems: %.*s", filters[i].filter, exempt, plain,
                     w.report.problem_count,
                     STR_ARGS(w.report.problem_count ? w.report.problems[0].text : STR("")));
        if (filters[i].words && !str_contains(w.report.problems[0].text, str_c(filters[i].words)))
            fail_msg("%s\n%.*s", filters[i].filter, STR_ARGS(w.report.problems[0].text));
        unload(&w);
    }
}

static void log_sources_keep_rules_apart(void **state)
{
    (void)state;
    struct world w;
    load_with(&w,
              "title: t\nid: n\nlogsource: {category: narrow, product: test}\ndetection: {s: {A: 1}, "
              "condition: s}\n---\n"
              "title: u\nid: acme\nlogsource: {product: acme}\ndetection: {s: {A: 1}, condition: s}\n",
              NULL, 0);
    assert_int_equal(w.report.loaded, 2);
    assert_int_equal(findings(&w, "A=1"), 0);
    assert_int_equal(findings(&w, "A=1|event.code=8"), 1);
    assert_int_equal(findings(&w, "A=1|event.code=9|observer.product=ACME"),
                     1); /* a product nobody described */
    unload(&w);
}

static void findings_say_what_and_who(void **state)
{
    (void)state;
    struct world w;
    load_with(&w,
              "title: Titel\nid: r9\nlevel: critical\ntags: [attack.t1071.001, attack.execution]\nlogsource: "
              "{category: narrow, product: test}\n"
              "detection: {s: {A|contains: [xx, yy]}, f: {B: no}, condition: s and not f}\n"
              "hyakuyo: {title_ja: 題, evidence_group: process, likelihood_ratio: 40, stage: executed, peer: "
              "url.domain}\n",
              NULL, 0);
    struct batch *batch = batch_new(1);
    struct detect_scratch *scratch = detect_scratch_new(w.set);
    const char *text = "A=ayyb|event.code=7|source.ip=10.20.30.31|user.name=sato|url.domain=a.example|event."
                       "type=denied|hyakuyo.asset.importance=4";
    struct event *e = event_of(text, &batch->arena);
    assert_int_equal(detect_event(w.set, scratch, e, 12, batch), 1);
    const struct finding *f = batch->findings;
    assert_true(str_eq(f->rule_id, STR("r9")) && str_eq(f->title_ja, STR("題")) &&
                f->level == LEVEL_CRITICAL);
    assert_true(str_eq(f->host_ip, STR("10.20.30.31")) && str_eq(f->user, STR("sato")) &&
                str_eq(f->peer, STR("a.example")));
    assert_true(f->passage == PASSAGE_DENIED && f->importance == 4 && f->record_number == 12 &&
                f->likelihood_ratio > 39);
    assert_int_equal(f->technique_count, 1);
    assert_true(str_eq(f->techniques[0], STR("T1071.001")));
    assert_int_equal(f->matched_count, 1);
    assert_true(str_eq(f->matched[0].name, STR("A")) && str_eq(f->matched[0].text, STR("ayyb")));
    detect_scratch_free(scratch);
    batch_free(batch);
    unload(&w);
}

static void any_value_of_a_field_may_match(void **state)
{
    (void)state;
    struct world w;
    load_with(&w,
              HEAD "  s: {related.ip|cidr: 192.0.2.0/24}\n  t: {host.ip: 10.0.0.2}\n  condition: s or t\n",
              NULL, 0);
    assert_int_equal(findings(&w, "related.ip=10.0.0.1|related.ip=192.0.2.4"), 1);
    assert_int_equal(findings(&w, "host.ip=10.0.0.1|host.ip=10.0.0.2"), 1);
    assert_int_equal(findings(&w, "related.ip=10.0.0.1|related.ip=10.0.0.2"), 0);
    unload(&w);
}

static void samples_prove_rules(void **state)
{
    (void)state;
    struct world w;
    load_with(&w,
              HEAD "  s: {A: 1}\n  condition: s\nhyakuyo:\n  samples:\n    - {fires: true, event: {event: "
                   "{module: test}, t: {A: 1}}}\n"
                   "    - {fires: false, event: {event.module: test, t.A: 2}}\n    - {fires: true, event: "
                   "{event.module: test, t.A: 3}}\n"
                   "    - {fires: true, raw: 'a line'}\n",
              NULL, 0);
    detect_prove(w.set, NULL, NULL, &w.report);
    assert_int_equal(w.report.samples, 3); /* raw needs a normaliser */
    assert_int_equal(w.report.samples_failed, 1);
    assert_int_equal(w.report.rules_proved, 0);
    assert_true(str_contains(w.report.problems[0].text, STR("rule.yml:11:")));
    unload(&w);
}

static void twice_the_same_id_is_refused(void **state)
{
    (void)state;
    struct world w;
    struct rule_report report = {0};
    struct error err = {0};
    load_with(&w, HEAD "  s: {A: 1}\n  condition: s\n", NULL, 0);
    write_file(w.rules, "second.yml", HEAD "  s: {A: 1}\n  condition: s\n");
    const char *folders[] = {w.rules, NULL};
    struct ruleset *set =
        ruleset_load(&(struct ruleset_options){folders, w.taxonomy, NULL, 0}, &report, &err);
    assert_non_null(set);
    assert_int_equal(report.loaded, 1);
    assert_int_equal(report.refused, 1);
    assert_true(str_contains(report.problems[0].text, STR("already taken")));
    ruleset_unref(set);
    rule_report_free(&report);
    unload(&w);
}

static void texts_shapes_and_folding(void **state)
{
    (void)state;
    struct arena arena;
    arena_init(&arena, 4096);
    char out[64];
    struct str literal;
    assert_int_equal(fold_text(STR("STRASSE \xE1\xBA\x9E K\xE2\x84\xAA \xC8\xBA"), out, NULL), 17);
    assert_memory_equal(out, "strasse \xC3\x9F kk \xE2\xB1\xA5", 17);
    assert_int_equal(fold_text(STR("\xFF\xC3(Z"), out, NULL), 4);
    assert_memory_equal(out, "\xFF\xC3(z", 4);
    assert_int_equal(sigma_text_shape(sigma_text_parse(STR("*a*"), &arena), &literal), SHAPE_CONTAINS);
    assert_int_equal(sigma_text_shape(sigma_text_parse(STR("**"), &arena), &literal), SHAPE_ANY);
    assert_int_equal(sigma_text_shape(sigma_text_parse(STR("a*bcd"), &arena), &literal), SHAPE_GLOB);
    assert_true(str_eq(literal, STR("bcd")));
    assert_true(str_eq(encode_base64_offset(STR("/bin/bash"), 1, &arena), STR("9iaW4vYmFza")));
    static const struct {
        struct str pattern, literal;
    } cases[] = {
        {STR("abc.*defgh"), STR("defgh")},
        {STR("a|b"), STR("")},
        {STR("(foo|bar)bazqux?"), STR("bazqu")},
        {STR("\\\\temp\\.exe\\d"), STR("\\temp.exe")},
        {STR("x{abc|d}e"), STR("")},
        {STR("ab+c"), STR("ab")},
        {STR("[a|b]cde"), STR("cde")},
        {STR("(?i)hello"), STR("hello")},
        {STR("(?x) a b"), STR("")},
        {STR("ab{2}cd"), STR("cd")},
        {STR("abc*"), STR("ab")},
        {STR("a(?!xyz)bc"), STR("bc")},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct str got = regex_required_literal(cases[i].pattern, &arena);
        if (!str_eq(got, cases[i].literal))
            fail_msg("%.*s gives '%.*s'", STR_ARGS(cases[i].pattern), STR_ARGS(got));
    }
    arena_free(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_meaning),
        cmocka_unit_test(every_mistake),
        cmocka_unit_test(a_refused_rule_does_not_stop_the_others),
        cmocka_unit_test(placeholders_come_from_watch_lists),
        cmocka_unit_test(documents_are_merged),
        cmocka_unit_test(correlations_are_counted_apart),
        cmocka_unit_test(filters_join_the_rules_they_name),
        cmocka_unit_test(log_sources_keep_rules_apart),
        cmocka_unit_test(findings_say_what_and_who),
        cmocka_unit_test(any_value_of_a_field_may_match),
        cmocka_unit_test(samples_prove_rules),
        cmocka_unit_test(twice_the_same_id_is_refused),
        cmocka_unit_test(texts_shapes_and_folding),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
