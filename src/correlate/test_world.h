/* A small world for the tests of this stage: rules a to j, a correlator, events one after the other, and what
 * they bring. */
#ifndef CORRELATE_TEST_WORLD_H
#define CORRELATE_TEST_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/memory.h"
#include "correlate/correlate.h"

#define BASE_NS (INT64_C(1762733589) * NS_PER_SECOND)

/* ------------------------------------------------------------------ a small world */

struct world {
    struct arena arena;
    struct correlation_set *set;
    struct correlator *correlator;
    struct rule_info rules[8]; /* a to h */
    unsigned named[8], spoken[8];
    char refused[1024];
    uint64_t sequence;
    struct buf found;   /* "id@seconds " of each finding */
    struct buf json;    /* all findings */
    struct buf settled; /* lines */
};

static inline const struct rule_info *find_rule(void *context, struct str id_or_name)
{
    struct world *w = context;
    for (size_t i = 0; i < COUNT_OF(w->rules); i++)
        if (str_eq(w->rules[i].id, id_or_name))
            return &w->rules[i];
    return NULL;
}

static inline size_t fields_of(void *context, const struct rule_info *rule, struct str name, field_id *out,
                               size_t max)
{
    (void)context;
    (void)rule;
    (void)max;
    out[0] = field_intern(name);
    return 1;
}

static inline void named(void *context, const struct rule_info *rule, bool speaks)
{
    struct world *w = context;
    w->named[rule - w->rules]++;
    w->spoken[rule - w->rules] += speaks;
}

static inline void refused(void *context, const struct rule_info *correlation, const char *why)
{
    struct world *w = context;
    (void)correlation;
    snprintf(w->refused, sizeof w->refused, "%s", why);
}

static inline void add_document(struct world *w, const char *text)
{
    struct error err = {.text = ""};
    struct arena reading;
    arena_init(&reading, 4096);
    struct yaml *d = yaml_parse(str_c(text), "t.yml", &reading, &err);
    for (; d != NULL; d = d->next)
        if (!correlation_set_add(w->set, "t.yml", d, NULL, &err))
            fail_msg("%s", err.text);
    assert_string_equal(err.text, "");
    arena_free(&reading);
}

static inline struct correlation_set *load_set(struct world *w, const char *text)
{
    static const char *const ids[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    w->set = correlation_set_new();
    for (size_t i = 0; i < COUNT_OF(w->rules); i++)
        w->rules[i] = (struct rule_info){.id = str_c(ids[i]), .title_en = str_c(ids[i])};
    add_document(w, text);
    struct correlation_resolver resolver = {w, find_rule, fields_of, named, refused};
    correlation_set_link(w->set, &resolver);
    return w->set;
}

static inline void start(struct world *w, const char *text, int64_t lateness_s)
{
    *w = (struct world){.sequence = 0};
    arena_init(&w->arena, 4096);
    w->correlator = correlator_new(load_set(w, text), lateness_s * NS_PER_SECOND);
}

static inline void stop(struct world *w)
{
    correlator_free(w->correlator);
    buf_free(&w->found);
    buf_free(&w->settled);
    buf_free(&w->json);
    arena_free(&w->arena);
}

/* One event of `rule` ("" = of none), at so many seconds. Fields that are NULL are absent. */
struct happening {
    double at_s;
    const char *rule, *user, *host, *value;
    const char *ip, *to;           /* of the host; the other end */
    const char *also;              /* a second rule that matches the same event */
    const char *group, *technique; /* what the finding says */
    enum level level;
    bool is_exercise;
    uint64_t sequence; /* 0: the next one */
};

static inline void set_field(struct batch *b, struct event *e, const char *name, const char *text)
{
    if (text != NULL)
        event_add(e, &b->arena, field_intern(str_c(name)), str_c(text));
}

static inline void note_findings(struct world *w, const struct batch *b)
{
    for (const struct finding *f = b->findings; f != NULL; f = f->next) {
        if (!f->is_correlated)
            continue;
        assert_true(f->sequence >= b->first_sequence && f->sequence <= b->last_sequence);
        assert_true(f->next == NULL || f->next->sequence >= f->sequence);
        buf_printf(&w->found, "%.*s@%.10g ", STR_ARGS(f->rule_id), (double)(f->time_ns - BASE_NS) / 1e9);
        finding_json(f, STR_EMPTY, &w->json);
    }
}

static inline void add_match(struct batch *b, const struct event *e, const struct happening *h,
                             const char *rule)
{
    struct finding *f = batch_add_finding(b);
    *f = (struct finding){.rule_id = str_c(rule), .sequence = e->sequence, .time_ns = e->time_ns};
    f->host_name = str_c(h->host ? h->host : "");
    f->host_ip = str_c(h->ip ? h->ip : "");
    f->user = str_c(h->user ? h->user : "");
    f->evidence_group = str_c(h->group ? h->group : "");
    f->stage = f->department = f->product = f->peer = STR_EMPTY;
    f->level = h->level;
    f->is_exercise = h->is_exercise;
    f->techniques = ARENA_ARRAY(&b->arena, struct str, 1);
    f->techniques[0] = str_c(h->technique ? h->technique : "");
    f->technique_count = h->technique != NULL;
}

static inline void happen_after(struct world *w, const struct happening *h, uint64_t counted_through)
{
    struct batch *b = batch_new(1);
    batch_add(b, STR("x"), STR_EMPTY);
    struct event *e = &b->events[0];
    e->time_ns = BASE_NS + (int64_t)(h->at_s * 1e9);
    e->received_ns = INT64_MAX;
    e->sequence = b->first_sequence = b->last_sequence = h->sequence ? h->sequence : ++w->sequence;
    set_field(b, e, "user.name", h->user);
    set_field(b, e, "host.name", h->host);
    set_field(b, e, "test.value", h->value);
    set_field(b, e, "source.ip", h->ip);
    set_field(b, e, "destination.ip", h->to);
    if (h->rule[0])
        add_match(b, e, h, h->rule);
    if (h->also)
        add_match(b, e, h, h->also);
    correlator_take(w->correlator, b, counted_through);
    note_findings(w, b);
    batch_free(b);
}

static inline void happen(struct world *w, double at_s, const char *rule, const char *user, const char *host,
                          const char *value)
{
    struct happening h = {.at_s = at_s, .rule = rule, .user = user, .host = host, .value = value};
    happen_after(w, &h, 0);
}

static inline void expect(struct world *w, const char *found)
{
    assert_string_equal(buf_cstr(&w->found), found);
    buf_clear(&w->found);
}

static inline uint32_t random_below(uint64_t *seed, uint32_t n)
{
    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (uint32_t)(*seed >> 33) % n;
}

static inline int compare_lines(const void *a, const void *b)
{
    return str_compare(*(const struct str *)a, *(const struct str *)b);
}

/* Sorted, so that two runs can be compared. */
static inline char *sorted_lines(const struct buf *b)
{
    struct str rest = buf_str(b), *lines = NEW_ARRAY(struct str, b->n + 1);
    size_t n = 0;
    while (str_split(&rest, '\n', &lines[n]))
        n++;
    qsort(lines, n, sizeof *lines, compare_lines);
    struct buf out = {0};
    for (size_t i = 0; i < n; i++)
        buf_printf(&out, "%.*s\n", STR_ARGS(lines[i]));
    char *result = memory_strdup(buf_cstr(&out));
    buf_free(&out);
    memory_free(lines);
    return result;
}

static inline void on_settled(void *context, struct str correlation, struct str group, int64_t time_ns)
{
    struct world *w = context;
    buf_printf(&w->settled, "%.*s ", STR_ARGS(correlation));
    for (size_t i = 0; i < group.n; i++)
        buf_printf(&w->settled, "%02x", (unsigned char)group.p[i]);
    buf_printf(&w->settled, " %lld\n", (long long)(time_ns - BASE_NS));
}

#endif
