/* Running the samples that rules carry.
 * Stage: detect, at load and in `check`. Reads the samples as read by sigma_reader.c; leaves the failures in
 * the report. An event of a sample is a map of fields, nested or with dotted names; a raw record goes through
 * the normaliser that the caller gives. */
#include "base/log.h"
#include "detect/report.h"
#include "detect/ruleset.h"

struct prover {
    struct ruleset *set;
    struct detect_scratch *scratch;
    detect_normalise normalise;
    void *context;
    struct rule_report *report;
};

static void add_fields(struct event *e, struct arena *arena, struct str prefix, const struct yaml *node,
                       unsigned depth)
{
    if (depth > 16)
        return;
    for (const struct yaml *m = node->child; m; m = m->next) {
        struct str name = node->type == YAML_LIST ? prefix
                          : prefix.n ? arena_printf(arena, "%.*s.%.*s", STR_ARGS(prefix), STR_ARGS(m->key))
                                     : m->key;
        if (m->type != YAML_SCALAR)
            add_fields(e, arena, name, m, depth + 1);
        else if (str_eq(name, STR("@timestamp")))
            (void)time_parse_iso(m->text, &(struct time_context){0}, &e->time_ns);
        else if (str_eq(name, STR("event.original")))
            e->raw = m->text;
        else
            event_add(e, arena, field_intern(name), m->text);
    }
}

void sample_event(const struct yaml *fields, struct arena *arena, struct event *out)
{
    add_fields(out, arena, STR_EMPTY, fields, 0);
}

static bool make_event(const struct prover *p, const struct sigma_sample *sample, struct arena *arena,
                       struct event *e)
{
    if (sample->event)
        sample_event(sample->event, arena, e);
    return sample->event || p->normalise(p->context, sample->raw, arena, e);
}

static bool rule_fires(const struct prover *p, const struct sigma_rule *rule, const struct event *e,
                       struct batch *batch)
{
    detect_event(p->set, p->scratch, e, 0, batch);
    for (const struct finding *f = batch->findings; f; f = f->next)
        if (str_eq(f->rule_id, rule->info.id))
            return true;
    return false;
}

static void put_failure(const struct prover *p, const struct sigma_rule *rule,
                        const struct sigma_sample *sample, const char *what)
{
    struct error why = {0};
    error_at(&why, rule->info.path.p, sample->line, 0, "%s", what);
    report_problem(p->report, RULE_UNPROVED, &rule->info, str_c(why.text));
    p->report->samples_failed++;
}

static void run_sample(const struct prover *p, const struct sigma_rule *rule,
                       const struct sigma_sample *sample)
{
    struct batch *batch = batch_new(1);
    struct event e = {.time_ns = 0};
    if (!make_event(p, sample, &batch->arena, &e))
        put_failure(p, rule, sample,
                    tr("no parser understands this sample's record.",
                       "このサンプルの記録を読めるパーサがありません。"));
    else if (rule_fires(p, rule, &e, batch) != sample->fires)
        put_failure(p, rule, sample,
                    sample->fires ? tr("the rule does not fire on this sample, and must.",
                                       "このサンプルで発火すべきルールが発火しません。")
                                  : tr("the rule fires on this sample, and must not.",
                                       "このサンプルで発火してはならないルールが発火します。"));
    batch_free(batch);
}

bool detect_fields_fire(struct ruleset *set, struct detect_scratch *scratch, size_t rule,
                        const struct detect_sample *sample)
{
    const struct prover p = {.set = set, .scratch = scratch};
    struct batch *batch = batch_new(1);
    struct event e = {.time_ns = 0};
    add_fields(&e, &batch->arena, STR_EMPTY, sample->event, 0);
    bool fires = rule_fires(&p, set->rules[rule], &e, batch);
    batch_free(batch);
    return fires;
}

void detect_prove(struct ruleset *set, detect_normalise normalise, void *context, struct rule_report *report)
{
    struct prover p = {set, detect_scratch_new(set), normalise, context, report};
    for (uint32_t i = 0; i < set->rule_count; i++) {
        const struct sigma_rule *rule = set->rules[i];
        uint32_t run = 0, failed = report->samples_failed;
        for (const struct sigma_sample *s = rule->samples; s; s = s->next) {
            if (!s->event && !normalise)
                continue;
            run_sample(&p, rule, s);
            run++;
        }
        report->samples += run;
        report->rules_proved += run && report->samples_failed == failed;
        report->rules_without_samples += !rule->samples;
    }
    detect_scratch_free(p.scratch);
}
