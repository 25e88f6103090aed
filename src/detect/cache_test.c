/* Compiled rule sets on disk: the same set and the same report as from the files, whatever happened to the
 * file in between. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/log.h"
#include "detect/ruleset.h"

#define TAXONOMY                                                                                             \
    "logsources:\n"                                                                                          \
    "  - {product: test, entity: source, fields: [plain], when: [{event.module: test}]}\n"                   \
    "  - {product: '*', entity: host, fields: [plain], when: [{observer.product: '{product}'}]}\n"           \
    "field_sets:\n"                                                                                          \
    "  plain: {unmapped: ['t.{name}', '{name}'], map: {Hashes: {fields: t.Hashes, hashes: {MD5: t.md5}}}}\n"

/* Every kind of comparison; the files are made large by their descriptions, since few rules are not cached.
 */
#define RULES                                                                                                \
    "title: first\nid: a\nlevel: high\ntags: [attack.t1059.001]\nlogsource: {product: test}\ndetection:\n"   \
    "  s: {A|contains: [needle in hay, other needle], N|gt: 5}\n  f: {F|cidr: 10.0.0.0/8}\n"                 \
    "  condition: s and not f\nhyakuyo: {title_ja: X, samples: [{fires: true, event: {event.module: test, "  \
    "t.A: a needle in hay, t.N: 7}}]}\n---\n"                                                                \
    "title: second\nid: b\nlogsource: {product: test}\ndetection:\n  s: {A: 'w*r?d', B|re|i: '^X+$'}\n"      \
    "  t: {B|exists: false, A|fieldref: C}\n  k: [word of keys]\n  h: {Hashes: "                             \
    "MD5=00112233445566778899aabbccddeeff}\n"                                                                \
    "  condition: 1 of them\n---\n"                                                                          \
    "title: third\nid: c\nlogsource: {product: else}\ndetection: {s: {A|startswith: begin}, condition: "     \
    "s}\n---\n"                                                                                              \
    "title: wrong\nid: d\nlogsource: {product: test}\ndetection: {s: {A|nonsense: x}, condition: s}\n---\n"  \
    "title: c\nid: e\ncorrelation: {type: event_count, rules: [a]}\n---\n"                                   \
    "title: f\nlogsource: {product: test}\nfilter: {rules: [b, z], x: {N: 9}, condition: not x}\n"

static const char *const events[] = {"t.A=a needle in hay|t.N=7",
                                     "t.A=needle in hay|t.N=7|t.F=10.2.3.4",
                                     "t.A=woorkd|t.B=xxX",
                                     "t.B=xxX",
                                     "t.A=1|t.C=1",
                                     "t.md5=00112233445566778899AABBCCDDEEFF",
                                     "raw=a Word of Keys",
                                     "t.A=worXd|t.B=xx|t.N=9",
                                     "t.A=Beginning|observer.product=else"};

struct world {
    char folder[64], rules[96], taxonomy[96], cache[96], file[200];
    uint32_t correlations;
    struct rule_report report;
    struct ruleset *set;
};

static void write_file(const char *folder, const char *name, struct str text)
{
    char path[160];
    struct error err = {0};
    snprintf(path, sizeof path, "%s/%s", folder, name);
    assert_true(file_write_atomic(path, text, 0600, &err));
}

static void write_rules(const struct world *w, const char *last)
{
    struct buf text = {0};
    buf_c(&text, RULES "---\n"
                       "title: last\nid: last\nlogsource: {product: test}\ndescription: '");
    for (size_t i = 0; i < 300000; i++)
        buf_char(&text, (char)('a' + i % 26));
    buf_printf(&text, "'\ndetection: {s: {A: %s}, condition: s}\n", last);
    write_file(w->rules, "rules.yml", buf_str(&text));
    buf_free(&text);
}

static void begin(struct world *w)
{
    struct error err = {0};
    *w = (struct world){.folder = "/tmp/hyakuyo-cache-test-XXXXXX"};
    assert_non_null(mkdtemp(w->folder));
    snprintf(w->rules, sizeof w->rules, "%s/rules", w->folder);
    snprintf(w->taxonomy, sizeof w->taxonomy, "%s/taxonomy", w->folder);
    snprintf(w->cache, sizeof w->cache, "%s/deep/cache", w->folder);
    assert_true(file_make_folders(w->rules, 0700, &err) && file_make_folders(w->taxonomy, 0700, &err));
    write_file(w->taxonomy, "taxonomy.yml", STR(TAXONOMY));
    write_rules(w, "last");
}

static void take_correlation(void *context, const char *path, const struct yaml *document,
                             struct rule_report *report)
{
    struct world *w = context;
    (void)report;
    assert_true(str_ends(str_c(path), STR("/rules.yml")));
    assert_true(str_eq(yaml_text(yaml_get(document, "correlation"), "type"), STR("event_count")));
    w->correlations++;
}

static void load(struct world *w)
{
    struct error err = {0};
    const char *folders[] = {w->rules, NULL};
    struct ruleset_options options = {.rule_folders = folders,
                                      .taxonomy_folder = w->taxonomy,
                                      .cache_folder = w->cache,
                                      .take_correlation = take_correlation,
                                      .correlation_context = w};
    w->correlations = 0;
    w->set = ruleset_load(&options, &w->report, &err);
    if (!w->set)
        fail_msg("%s", err.text);
}

static void unload(struct world *w)
{
    ruleset_unref(w->set);
    rule_report_free(&w->report);
}

static void end(struct world *w)
{
    char command[160];
    snprintf(command, sizeof command, "rm -rf %s", w->folder);
    assert_int_equal(system(command), 0);
}

static bool came_from_cache(const struct world *w)
{
    return w->set->image.n > 0;
}

static void add_field(struct event *e, struct arena *arena, struct str pair)
{
    size_t at = str_find_char(pair, '=', 0);
    struct str name = str_slice(pair, 0, at), value = str_skip(pair, at + 1);
    if (str_eq(name, STR("raw")))
        e->raw = value;
    else
        event_add(e, arena, field_intern(name), value);
}

/* What the set finds and what it says about itself, as one text. */
static void describe(const struct world *w, struct buf *out)
{
    struct detect_scratch *scratch = detect_scratch_new(w->set);
    for (size_t i = 0; i < COUNT_OF(events); i++) {
        struct batch *batch = batch_new(1);
        struct event e = {.time_ns = 0};
        struct str rest = arena_str(&batch->arena, str_c(events[i])), pair;
        event_add(&e, &batch->arena, field_intern(STR("event.module")), STR("test"));
        while (str_split(&rest, '|', &pair))
            add_field(&e, &batch->arena, pair);
        detect_event(w->set, scratch, &e, 0, batch);
        buf_printf(out, "%zu:", i);
        for (const struct finding *f = batch->findings; f; f = f->next)
            buf_printf(out, " %.*s(%.*s)", STR_ARGS(f->rule_id), STR_ARGS(f->title_en));
        buf_char(out, '\n');
        batch_free(batch);
    }
    detect_scratch_free(scratch);
    for (size_t i = 0; i < ruleset_count(w->set); i++) {
        const struct rule_info *r = ruleset_rule(w->set, i);
        buf_printf(out, "%.*s %.*s %.*s:%u %.*s %u %.*s %u %zu\n", STR_ARGS(r->id), STR_ARGS(r->title_ja),
                   STR_ARGS(r->path), r->line, STR_ARGS(r->logsource), r->level,
                   STR_ARGS(r->technique_count ? r->techniques[0] : STR_EMPTY), r->sample_count,
                   r->description_en.n);
    }
    const struct rule_report *report = &w->report;
    for (uint32_t i = 0; i < report->problem_count; i++)
        buf_printf(out, "%d %.*s %.*s %.*s\n", report->problems[i].kind,
                   STR_ARGS(report->problems[i].rule_id), STR_ARGS(report->problems[i].path),
                   STR_ARGS(report->problems[i].text));
    buf_printf(out, "%u %u %u %u %u correlations %u\n", report->files, report->loaded, report->refused,
               report->filters, report->correlations, w->correlations);
}

static void describe_load(struct world *w, struct buf *out, bool from_cache)
{
    load(w);
    assert_int_equal(came_from_cache(w), from_cache);
    buf_clear(out);
    describe(w, out);
    unload(w);
}

static void find_file(struct world *w)
{
    struct arena arena;
    struct file_list files = {0};
    struct error err = {0};
    static const char *const suffixes[] = {".cache", NULL};
    arena_init(&arena, 4096);
    assert_true(file_walk(w->cache, suffixes, &arena, &files, &err));
    assert_int_equal(files.count, 1);
    snprintf(w->file, sizeof w->file, "%s", files.paths[0].p);
    arena_free(&arena);
}

static void the_same_comes_out(void **state)
{
    (void)state;
    struct world w;
    struct stat st;
    struct buf cold = {0}, warm = {0};
    begin(&w);
    describe_load(&w, &cold, false);
    find_file(&w);
    assert_int_equal(stat(w.file, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    describe_load(&w, &warm, true);
    assert_string_equal(buf_cstr(&cold), buf_cstr(&warm));
    assert_true(str_contains(buf_str(&cold), STR("0: a(first)\n1:\n2: b(second)\n3:\n4: b(second)\n5: "
                                                 "b(second)\n6: b(second)\n7:\n8: c(third)\n")));
    assert_true(str_contains(buf_str(&cold), STR("1 4 1 1 0 correlations 1\n")));
    load(&w);
    detect_prove(w.set, NULL, NULL, &w.report);
    assert_int_equal(w.report.rules_proved, 1);
    unload(&w);
    buf_free(&cold);
    buf_free(&warm);
    end(&w);
}

static void whatever_changes_the_set_makes_it_anew(void **state)
{
    (void)state;
    struct world w;
    struct buf text = {0};
    begin(&w);
    describe_load(&w, &text, false);
    write_rules(&w, "lust"); /* the same length */
    describe_load(&w, &text, false);
    describe_load(&w, &text, true);
    write_file(w.rules, "new.yml",
               STR("title: n\nid: n\nlogsource: {product: test}\ndetection: {s: {A: 1}, condition: s}\n"));
    describe_load(&w, &text, false);
    write_file(w.taxonomy, "more.yml", STR("field_sets: {more: {map: {A: a}}}\n"));
    describe_load(&w, &text, false);
    describe_load(&w, &text, true);
    language_set(LANGUAGE_JA);
    describe_load(&w, &text, false);
    describe_load(&w, &text, true);
    language_set(LANGUAGE_EN);
    describe_load(&w, &text, true);
    buf_free(&text);
    end(&w);
}

static void read_whole(const char *path, struct buf *out)
{
    struct error err = {0};
    buf_clear(out);
    assert_true(file_read(path, 1 << 28, out, &err));
}

static void a_damaged_file_is_replaced(void **state)
{
    (void)state;
    struct world w;
    struct buf text = {0}, whole = {0}, sick = {0}, healed = {0};
    struct error err = {0};
    begin(&w);
    describe_load(&w, &text, false);
    find_file(&w);
    read_whole(w.file, &whole);
    for (size_t i = 0; i < 40; i++) {
        buf_clear(&sick);
        buf_add(&sick, buf_str(&whole));
        size_t at = i < 8 ? i * 6 : whole.n / 40 * i; /* header and image */
        if (i % 3 == 2)
            sick.n = at;
        else
            sick.p[at] ^= 0x40;
        assert_true(file_write_atomic(w.file, buf_str(&sick), 0600, &err));
        describe_load(&w, &text,
                      i % 3 != 2 && at >= 40 && at < 48); /* eight bytes of the header mean nothing yet */
        describe_load(&w, &text, true);
    }
    assert_int_equal(chmod(w.file, 0622), 0);
    describe_load(&w, &text, false);
    read_whole(w.file, &healed);
    assert_int_equal(healed.n, whole.n);
    buf_free(&text);
    buf_free(&whole);
    buf_free(&sick);
    buf_free(&healed);
    end(&w);
}

static void small_sets_and_closed_folders_do_without(void **state)
{
    (void)state;
    struct world w;
    begin(&w);
    write_file(w.rules, "rules.yml", STR(RULES));
    load(&w);
    assert_false(file_exists(w.cache));
    unload(&w);
    write_rules(&w, "last");
    snprintf(w.cache, sizeof w.cache, "/proc/nowhere");
    load(&w);
    assert_int_equal(w.report.loaded, 4);
    unload(&w);
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_comes_out),
        cmocka_unit_test(whatever_changes_the_set_makes_it_anew),
        cmocka_unit_test(a_damaged_file_is_replaced),
        cmocka_unit_test(small_sets_and_closed_folders_do_without),
    };
    log_set_level(LOG_ERROR);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
