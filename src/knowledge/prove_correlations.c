/* A correlation proves itself on samples as a rule does: at load, in `check`. Each sample begins with a
 * correlator of its own; at its end event time goes on, so that windows end. */
#include "knowledge/prove_correlations.h"

#include "base/log.h"
#include "base/memory.h"

#define SAMPLE_TIME_NS (INT64_C(1762733589) * NS_PER_SECOND) /* any time will do */
#define AFTERWARDS_NS  (1000 * 86400 * NS_PER_SECOND)

struct prover {
    struct knowledge *k;
    struct detect_scratch *scratch;
    detect_normalise normalise;
    void *context;
    struct correlator *correlator;
    uint64_t sequence;
    struct str wanted;
    bool has_fired;
};

static void look_for(struct prover *p, const struct batch *b)
{
    for (const struct finding *f = b->findings; f != NULL; f = f->next)
        p->has_fired |= f->is_correlated && str_eq(f->rule_id, p->wanted);
}

/* False: no parser understands the record. */
static bool run_event(struct prover *p, const struct correlation_step *step, int64_t time_ns)
{
    struct batch *b = batch_new(1);
    batch_add(b, step->raw, STR_EMPTY);
    struct event *e = &b->events[0];
    bool ok = step->event != NULL || p->normalise(p->context, b->records[0].raw, &b->arena, e);
    if (step->event != NULL)
        sample_event(step->event, &b->arena, e);
    e->time_ns = time_ns;
    e->received_ns = INT64_MAX;
    e->sequence = b->first_sequence = b->last_sequence = ++p->sequence;
    detect_event(p->k->rules, p->scratch, e, 0, b);
    correlator_take(p->correlator, b, 0);
    look_for(p, b);
    batch_free(b);
    return ok;
}

static bool run_sample(struct prover *p, const struct correlation_sample *sample)
{
    bool ok = true;
    p->correlator = correlator_new(correlation_set_ref(p->k->correlations), CORRELATE_LATENESS_NS);
    p->has_fired = false;
    for (uint32_t i = 0; i < sample->step_count; i++)
        for (uint32_t n = 0; n < sample->steps[i].repeat; n++)
            ok &= run_event(p, &sample->steps[i],
                            SAMPLE_TIME_NS + sample->steps[i].at_ns + n * sample->steps[i].every_ns);
    struct batch *b = batch_new(1);
    batch_add(b, STR_EMPTY, STR_EMPTY);
    correlator_advance(p->correlator, b, SAMPLE_TIME_NS + AFTERWARDS_NS);
    look_for(p, b);
    batch_free(b);
    correlator_free(p->correlator);
    return ok;
}

static void report_failure(struct prover *p, const struct rule_info *info,
                           const struct correlation_sample *sample, const char *what)
{
    struct error why = {0};
    error_at(&why, info->path.p, sample->line, 0, "%s", what);
    rule_report_add(&p->k->rules_report, RULE_UNPROVED, info, str_c(why.text));
    p->k->rules_report.samples_failed++;
}

static void prove_one(struct prover *p, size_t index)
{
    const struct rule_info *info = correlation_info(p->k->correlations, index);
    struct rule_report *report = &p->k->rules_report;
    uint32_t count, failed_before = report->samples_failed;
    const struct correlation_sample *samples = correlation_samples(p->k->correlations, index, &count);
    p->wanted = info->id;
    for (uint32_t i = 0; i < count; i++) {
        report->samples++;
        if (!run_sample(p, &samples[i]))
            report_failure(p, info, &samples[i],
                           tr("no parser understands a record of this sample.",
                              "このサンプルの記録を読めるパーサがありません。"));
        else if (p->has_fired != samples[i].fires)
            report_failure(p, info, &samples[i],
                           samples[i].fires ? tr("the correlation does not fire on this sample, and must.",
                                                 "このサンプルで発火すべき相関ルールが発火しません。")
                                            : tr("the correlation fires on this sample, and must not.",
                                                 "このサンプルで発火してはならない相関ルールが発火します。"));
    }
    report->rules_without_samples += count == 0;
    report->rules_proved += count > 0 && report->samples_failed == failed_before;
}

void prove_correlations(struct knowledge *k, detect_normalise normalise, void *context)
{
    struct prover p = {.k = k, .normalise = normalise, .context = context};
    p.scratch = detect_scratch_new(k->rules);
    for (size_t i = 0; i < correlation_count(k->correlations); i++)
        prove_one(&p, i);
    detect_scratch_free(p.scratch);
}
