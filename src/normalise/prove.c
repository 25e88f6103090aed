/* Runs the samples that prove a parser. Stage: normalise. Reads `samples:` of each parser, leaves sentences
 * with file:line. Each sample goes the whole way, recognition included, as a record of an unknown source
 * unless it names one. */
#include <stdarg.h>
#include <stdio.h>

#include "base/yaml.h"
#include "normalise/run.h"

/* Samples that say nothing else are records of this moment, so that times without a year do not depend on the
 * day of the test. */
#define SAMPLE_NOW INT64_C(1767225600) /* 2026-01-01T00:00:00Z */

struct proof {
    const struct normaliser *n;
    struct normaliser_scratch *scratch;
    struct source_memory *memory;
    const struct parser *parser;
    struct arena arena;
    struct load_report *report;
    bool failed;
};

static void PRINTF_LIKE(3, 4) fail(struct proof *p, const struct yaml *at, const char *format, ...)
{
    va_list arguments;
    struct error err = {.text = ""};
    va_start(arguments, format);
    char text[900];
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    error_at(&err, p->parser->path.p, at->line, at->column, "%s", text);
    buf_printf(&p->report->sentences, "%s\n", err.text);
    p->failed = true;
}

static bool same_instant(struct str expected, int64_t actual)
{
    int64_t t;
    return time_parse_iso(expected, &(struct time_context){.reference_ns = 0}, &t) && t == actual;
}

static bool has_value(struct proof *p, const struct event *e, field_id id, struct str expected)
{
    for (const struct value *v = event_get(e, id); v; v = event_next(e, v)) {
        if (v->type == TYPE_DATE && same_instant(expected, v->number))
            return true;
        if (str_eq(value_as_text(v, &p->arena), expected))
            return true;
    }
    return false;
}

static void check_value(struct proof *p, const struct event *e, const struct yaml *at, struct str name,
                        struct str expected)
{
    if (str_eq(name, STR("@timestamp"))) {
        char text[TIME_TEXT_MAX];
        size_t n = time_format_iso(e->time_ns, text);
        if (!same_instant(expected, e->time_ns))
            fail(p, at, "@timestamp is %.*s, the sample expects %.*s", (int)n, text, STR_ARGS(expected));
        return;
    }
    field_id id = field_find(name);
    const struct value *v = id ? event_get(e, id) : NULL;
    if (!v)
        fail(p, at, "%.*s is missing, the sample expects \"%.*s\"", STR_ARGS(name), STR_ARGS(expected));
    else if (!has_value(p, e, id, expected))
        fail(p, at, "%.*s is \"%.*s\", the sample expects \"%.*s\"", STR_ARGS(name),
             STR_ARGS(value_as_text(v, &p->arena)), STR_ARGS(expected));
}

static void check_field(struct proof *p, const struct event *e, const struct yaml *expected)
{
    field_id id = field_find(expected->key);
    if (expected->type == YAML_LIST) {
        for (const struct yaml *i = expected->child; i; i = i->next)
            check_value(p, e, i, expected->key, i->text);
    } else if (yaml_is_null(expected)) {
        if (id && event_get(e, id))
            fail(p, expected, "%.*s must be absent", STR_ARGS(expected->key));
    } else {
        check_value(p, e, expected, expected->key, expected->text);
    }
}

static void check_event(struct proof *p, const struct event *e, const struct yaml *sample)
{
    bool is_mine = e->parser == p->parser->number;
    struct str other = normaliser_parser_name(p->n, e->parser);
    if (yaml_bool(sample, "not_mine", false)) {
        if (is_mine)
            fail(p, sample, "this sample must not be taken by %.*s", STR_ARGS(p->parser->name));
        return;
    }
    if (!is_mine)
        fail(p, sample, "this sample was taken by %.*s", other.n ? (int)other.n : 6,
             other.n ? other.p : "nobody");
    const struct yaml *expect = yaml_get(sample, "expect");
    for (const struct yaml *f = expect ? expect->child : NULL; f; f = f->next)
        check_field(p, e, f);
}

static void run_sample(struct proof *p, const struct yaml *sample)
{
    struct str raw = yaml_text(sample, "raw"), zone = yaml_text(sample, "zone"),
               now = yaml_text(sample, "now");
    struct record record = {.raw = raw, .received_ns = SAMPLE_NOW * NS_PER_SECOND};
    struct source source = {.name = STR_EMPTY,
                            .sender = STR_EMPTY,
                            .parser = yaml_text(sample, "source"),
                            .charset = STR_EMPTY};
    if (!raw.n) {
        fail(p, sample, "a sample needs \"raw\"");
        return;
    }
    if (now.n && !time_parse_iso(now, &(struct time_context){.reference_ns = 0}, &record.received_ns))
        fail(p, sample, "\"now\" is no ISO time");
    if (zone.n && !(source.zone = zone_find(zone)))
        fail(p, sample, "unknown zone \"%.*s\"", STR_ARGS(zone));
    bool is_continued = yaml_bool(sample, "continued", false);
    if (!is_continued || !p->memory) {
        source_memory_free(p->memory);
        p->memory = source_memory_new(true);
    }
    struct event e;
    bool has_source = source.zone || source.parser.n;
    normalise_record(p->n, p->scratch, p->memory, &record, has_source ? &source : NULL, &p->arena, &e);
    bool before = p->failed;
    p->failed = false;
    check_event(p, &e, sample);
    p->report->samples++;
    p->report->samples_failed += p->failed;
    p->failed = p->failed || before;
    arena_reset(&p->arena);
}

static void prove_parser(struct proof *p)
{
    p->failed = false;
    size_t count = 0;
    for (const struct yaml *s = p->parser->samples ? p->parser->samples->child : NULL; s;
         s = s->next, count++)
        run_sample(p, s);
    if (count && !p->failed)
        p->report->proved++;
    else if (!count)
        p->report->unproved++;
}

bool normaliser_prove(const struct normaliser *n, struct load_report *report)
{
    struct proof p = {.n = n, .scratch = normaliser_scratch_new(n), .report = report};
    arena_init(&p.arena, 1 << 16);
    uint32_t failed_before = report->samples_failed;
    for (uint32_t i = 0; i < n->parser_count; i++) {
        p.parser = n->parsers[i];
        prove_parser(&p);
    }
    source_memory_free(p.memory);
    arena_free(&p.arena);
    normaliser_scratch_free(p.scratch);
    return report->samples_failed == failed_before;
}
