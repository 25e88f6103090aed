/* Draws the conclusions of watch.c: sources that are silent or drift, rules that cannot fire, techniques that
 * are watched by what is live. Pure arithmetic over copies; no thread, no file. */
#include "proof/coverage.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/memory.h"

#define HOUR_NS (3600 * NS_PER_SECOND)
#define DAY_NS  (24 * HOUR_NS)
/* S22: nobody is called silent before this, whatever the rhythm; without a day of history it is the measure.
 */
#define SILENT_FLOOR_NS (15 * 60 * NS_PER_SECOND)
/* Parse failures: at least so many of the last day, twice the former share and 2 % more. */
#define FAILURES_MIN   20
#define FAILURES_SLACK 0.02
/* A field filled in the share r of events is missed 20/r times in a row by chance once in e^20 times. */
#define DRIFT_FACTOR 20
#define DRIFT_SLACK  100

struct str coverage_status_name(enum coverage_status s)
{
    static const char *const names[COVERAGE_STATUS_COUNT] = {"live",   "drifting", "silent",
                                                             "fields", "unmapped", "unknown"};
    return str_c(names[s]);
}

/* ---------------------------------------------------------------- sources */

struct sums {
    uint64_t events_now, failures_now, events_before, failures_before;
    int64_t first_hour;
};

static double share(uint64_t part, uint64_t whole)
{
    return whole ? (double)part / (double)whole : -1;
}

static void judge_source(struct source_health *h, const struct sums *s, int64_t now_ns)
{
    bool has_history = s->first_hour * HOUR_NS <= now_ns - DAY_NS;
    if (!has_history)
        h->usual_gap_ns = TIME_UNKNOWN;
    h->silent_after_ns = SILENT_FLOOR_NS;
    if (has_history && 2 * h->usual_gap_ns > SILENT_FLOOR_NS)
        h->silent_after_ns = 2 * h->usual_gap_ns;
    h->is_silent = now_ns - h->last_ns > h->silent_after_ns;
    h->per_hour = (double)s->events_now / 24;
    h->failures_now = share(s->failures_now, s->events_now);
    h->failures_before = share(s->failures_before, s->events_before);
    h->is_failing = s->failures_now >= FAILURES_MIN && h->failures_before >= 0 &&
                    h->failures_now > 2 * h->failures_before + FAILURES_SLACK;
}

static void add_hour(struct source_health *h, struct sums *s, const struct source_activity *a, int64_t now_ns)
{
    bool is_now = a->hour * HOUR_NS > now_ns - DAY_NS;
    *(is_now ? &s->events_now : &s->events_before) += a->events;
    *(is_now ? &s->failures_now : &s->failures_before) += a->failures;
    if (a->last_ns > h->last_ns)
        h->last_ns = a->last_ns;
    if (a->longest_gap_ns > h->usual_gap_ns)
        h->usual_gap_ns = a->longest_gap_ns;
}

void coverage_sources(const struct watch_view *seen, int64_t now_ns, struct arena *arena,
                      struct coverage *out)
{
    out->sources = ARENA_ARRAY(arena, struct source_health, seen->hour_count + 1);
    for (uint32_t i = 0; i < seen->hour_count;) {
        struct source_health *h = &out->sources[out->source_count++];
        struct sums sums = {.first_hour = seen->hours[i].hour};
        *h = (struct source_health){.source = seen->hours[i].source, .last_ns = TIME_UNKNOWN};
        for (; i < seen->hour_count && seen->hours[i].source == h->source; i++)
            add_hour(h, &sums, &seen->hours[i], now_ns);
        judge_source(h, &sums, now_ns);
    }
}

static struct source_health *find_source(const struct coverage *c, uint32_t source)
{
    for (uint32_t i = 0; i < c->source_count; i++)
        if (c->sources[i].source == source)
            return &c->sources[i];
    return NULL;
}

/* ------------------------------------------------------------------ fields */

/* The fields of one source's events of one log source. */
struct group {
    struct group *next; /* the same log source from another source */
    struct map fields;  /* name → observation */
    uint32_t source;
    int64_t last_ns;
    bool is_silent;
};

enum asked { ASK_NOW, ASK_EVER };

struct question {
    const struct group *group;
    enum asked asked;
};

static bool has_drifted(const struct observation *o)
{
    if (o->events == 0 || o->looked <= o->missed)
        return false;
    double share_before = (double)o->events / (double)(o->looked - o->missed);
    return (double)o->missed > DRIFT_FACTOR / share_before + DRIFT_SLACK;
}

static bool has_field(void *context, struct str field)
{
    const struct question *q = context;
    const struct observation *o = map_get_pointer(&q->group->fields, field);
    return o != NULL && o->events > 0 && (q->asked == ASK_EVER || !has_drifted(o));
}

struct groups {
    struct map by_logsource; /* key → first struct group * */
    struct group *all;
    uint32_t count;
};

static struct group *find_group(struct groups *g, const struct observation *o)
{
    struct group *x = map_get_pointer(&g->by_logsource, o->logsource);
    while (x != NULL && x->source != o->source)
        x = x->next;
    if (x != NULL)
        return x;
    struct group **head = (struct group **)map_put(&g->by_logsource, o->logsource, NULL);
    x = &g->all[g->count++];
    *x = (struct group){.next = *head, .source = o->source, .last_ns = TIME_UNKNOWN};
    *head = x;
    return x;
}

static void sort_out(const struct watch_view *seen, struct arena *arena, struct coverage *out,
                     struct groups *g)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < seen->observation_count; i++)
        most += seen->observations[i].field.n == 0;
    g->all = ARENA_ARRAY(arena, struct group, seen->observation_count + most + 1);
    for (uint32_t i = 0; i < seen->observation_count; i++) {
        const struct observation *o = &seen->observations[i];
        struct group *x = find_group(g, o);
        struct source_health *h = find_source(out, o->source);
        x->is_silent = h == NULL || h->is_silent;
        if (o->field.n == 0) {
            x->last_ns = o->last_ns;
            continue;
        }
        *map_put(&x->fields, o->field, NULL) = (uintptr_t)o;
        if (h != NULL)
            h->drifting_fields += has_drifted(o);
    }
}

/* ------------------------------------------------------------------- rules */

static void note_source(struct rule_coverage *r, const struct group *g, enum coverage_status status)
{
    if (status < r->status) {
        r->status = status;
        r->source_count = 0;
    }
    if (status == r->status)
        r->sources[r->source_count++] = g->source;
}

static void judge_group(const struct ruleset *rules, size_t number, const struct group *g,
                        struct arena *arena, struct rule_coverage *r)
{
    struct detect_need now, ever;
    struct question question = {g, ASK_NOW};
    bool could = detect_could_fire(rules, number, has_field, &question, arena, &now);
    question.asked = ASK_EVER;
    bool could_once = could || detect_could_fire(rules, number, has_field, &question, arena, &ever);
    enum coverage_status status = !could_once    ? COVERAGE_FIELDS
                                  : g->is_silent ? COVERAGE_SILENT
                                  : could        ? COVERAGE_LIVE
                                                 : COVERAGE_DRIFTING;
    if (!could && status <= r->status && (r->missing_count == 0 || status < r->status)) {
        r->missing = ARENA_ARRAY(arena, struct str, now.missing_count + 1);
        memcpy(r->missing, now.missing, now.missing_count * sizeof *now.missing);
        r->missing_count = now.missing_count;
    }
    if (g->last_ns > r->last_event_ns)
        r->last_event_ns = g->last_ns;
    note_source(r, g, status);
    if (r->status == COVERAGE_LIVE)
        r->missing_count = 0;
}

static void judge_rule(const struct ruleset *rules, size_t number, const struct groups *groups,
                       bool nothing_seen, struct arena *arena, struct rule_coverage *r)
{
    *r = (struct rule_coverage){.rule = ruleset_rule(rules, number),
                                .logsource = detect_logsource(rules, number),
                                .status = nothing_seen ? COVERAGE_UNKNOWN : COVERAGE_UNMAPPED,
                                .last_event_ns = TIME_UNKNOWN};
    const struct group *first = map_get_pointer(&groups->by_logsource, r->logsource), *g;
    uint32_t count = 0;
    for (g = first; g != NULL; g = g->next)
        count++;
    r->sources = ARENA_ARRAY(arena, uint32_t, count + 1);
    for (g = first; g != NULL; g = g->next)
        judge_group(rules, number, g, arena, r);
}

/* -------------------------------------------------------------- techniques */

static int by_technique(const void *left, const void *right)
{
    const struct technique_coverage *a = left, *b = right;
    return str_compare(a->technique, b->technique);
}

static void count_techniques(struct arena *arena, struct coverage *out)
{
    struct map numbers = {0};
    uint32_t most = 0;
    for (uint32_t i = 0; i < out->rule_count; i++)
        most += out->rules[i].rule->technique_count;
    out->techniques = ARENA_ARRAY(arena, struct technique_coverage, most + 1);
    for (uint32_t i = 0; i < out->rule_count; i++) {
        const struct rule_info *rule = out->rules[i].rule;
        for (uint32_t t = 0; t < rule->technique_count; t++) {
            uintptr_t *number = map_put(&numbers, rule->techniques[t], NULL);
            if (*number == 0)
                *number = ++out->technique_count;
            struct technique_coverage *c = &out->techniques[*number - 1];
            c->technique = rule->techniques[t];
            c->total++;
            c->live += out->rules[i].status == COVERAGE_LIVE;
        }
    }
    map_free(&numbers);
    if (out->technique_count)
        qsort(out->techniques, out->technique_count, sizeof *out->techniques, by_technique);
}

void coverage_compute(const struct ruleset *rules, const struct watch_view *seen, int64_t now_ns,
                      struct arena *arena, struct coverage *out)
{
    struct groups groups = {0};
    *out = (struct coverage){.rule_count = (uint32_t)ruleset_count(rules), .is_full = seen->is_full};
    coverage_sources(seen, now_ns, arena, out);
    sort_out(seen, arena, out, &groups);
    out->rules = ARENA_ARRAY(arena, struct rule_coverage, out->rule_count + 1);
    for (uint32_t i = 0; i < out->rule_count; i++) {
        judge_rule(rules, i, &groups, seen->hour_count == 0, arena, &out->rules[i]);
        out->by_status[out->rules[i].status]++;
    }
    count_techniques(arena, out);
    for (uint32_t i = 0; i < groups.count; i++)
        map_free(&groups.all[i].fields);
    map_free(&groups.by_logsource);
}
