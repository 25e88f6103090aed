/* What a batch means to the desk: instruments and correlations add findings, the posture follows, and the
 * inventory is asked. Next: desk_keep.c. */
#include "base/log.h"
#include "desk/desk_internal.h"

/* ------------------------------------------------------------- correlations */

void desk_set_correlations(struct desk *d, struct correlation_set *set)
{
    struct error err;
    pthread_mutex_lock(&d->lock);
    correlator_use(d->correlator, set);
    if (d->saved_correlations.n && !correlator_load(d->correlator, buf_str(&d->saved_correlations), &err))
        log_warning("%s", err.text);
    buf_free(&d->saved_correlations);
    pthread_mutex_unlock(&d->lock);
}

struct correlator_counters desk_correlation_counters(struct desk *d)
{
    pthread_mutex_lock(&d->lock);
    struct correlator_counters counters = correlator_counters(d->correlator);
    pthread_mutex_unlock(&d->lock);
    return counters;
}

/* ---------------------------------------------------------------- findings */

/* What senders say about the time moves the watermark no further than the time of receipt: one clock that
 * runs ahead would end the windows of all others. */
void desk_advance(struct desk *d, const struct batch *batch, const struct finding *f)
{
    BUG_IF(f->sequence < batch->first_sequence || f->sequence > batch->last_sequence);
    int64_t received_ns = batch->events[f->sequence - batch->first_sequence].received_ns;
    int64_t time_ns = f->time_ns < received_ns ? f->time_ns : received_ns;
    if (time_ns > d->watermark_ns)
        d->watermark_ns = time_ns;
}

/* A finding that one of the batch's events completed stands with that event, as those of single-event rules
 * do. */
static void note_in_events(struct batch *batch)
{
    for (const struct finding *f = batch->findings; f != NULL; f = f->next) {
        struct event *e = &batch->events[f->sequence - batch->first_sequence];
        if (!f->is_correlated || f->time_ns != e->time_ns)
            continue;
        event_add(e, &batch->arena, FIELD_HYAKUYO_FINDING_RULE_ID, f->rule_id);
        event_add(e, &batch->arena, FIELD_HYAKUYO_FINDING_RULE, f->title_en);
        event_add(e, &batch->arena, FIELD_HYAKUYO_FINDING_LEVEL, level_name(f->level));
    }
}

/* Exceptions from correlations: the condition is asked of the event that completed it. */
static void withhold(struct desk *d, struct batch *batch)
{
    struct finding **at = &batch->findings;
    while (*at != NULL) {
        struct finding *f = *at;
        struct event *e = &batch->events[f->sequence - batch->first_sequence];
        f->exception = f->is_correlated ? suppressions_find(d->suppressions, f, e) : 0;
        if (f->exception == 0) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        f->next = batch->withheld;
        batch->withheld = f;
        event_add(e, &batch->arena, FIELD_HYAKUYO_FINDING_SUPPRESSED, f->rule_id);
        event_add(e, &batch->arena, FIELD_HYAKUYO_FINDING_EXCEPTION,
                  arena_printf(&batch->arena, "%lld", (long long)f->exception));
    }
    batch->findings_end = at;
}

void desk_set_suppressions(struct desk *d, struct suppressions *suppressions)
{
    pthread_mutex_lock(&d->lock);
    suppressions_unref(d->suppressions);
    d->suppressions = suppressions;
    pthread_mutex_unlock(&d->lock);
}

void desk_set_context(struct desk *d, struct context *context)
{
    pthread_mutex_lock(&d->lock);
    context_unref(d->context);
    d->context = context;
    pthread_mutex_unlock(&d->lock);
}

struct identity_counters desk_identity_counters(struct desk *d)
{
    struct identity_counters counters = {0};
    pthread_mutex_lock(&d->lock);
    if (d->options.identity != NULL)
        counters = identity_counters(d->options.identity);
    pthread_mutex_unlock(&d->lock);
    return counters;
}

static void attribute(struct desk *d, struct batch *batch, struct finding *findings)
{
    if (d->options.identity != NULL)
        attribute_findings(d->options.identity, d->context, batch, findings);
}

static bool has_own_findings(const struct batch *batch)
{
    for (const struct finding *f = batch->findings; f != NULL; f = f->next)
        if (f->is_correlated)
            return true;
    return false;
}

/* Where an instrument counts the same more exactly, the correlation need not speak as well. */
static void drop_replaced(const struct desk *d, struct batch *batch)
{
    struct finding **at = &batch->findings;
    while (*at != NULL) {
        const struct finding *f = *at;
        if (f->is_correlated && f->instrument.n == 0 &&
            instruments_replace(d->options.instruments, f->rule_id))
            *at = f->next;
        else
            at = &(*at)->next;
    }
    batch->findings_end = at;
}

/* What several events together mean. Who a finding of an instrument is about comes from the inventory; those
 * of correlations name their hosts as their events did. */
void desk_find(struct desk *d, struct batch *batch, uint64_t counted)
{
    if (d->options.identity != NULL)
        attribute_events(d->options.identity, d->context, batch, counted);
    attribute(d, batch, batch->findings);
    attribute(d, batch, batch->silent);
    attribute(d, batch, batch->withheld);
    if (d->options.instruments != NULL)
        instruments_take(d->options.instruments, batch);
    if (d->options.fleet != NULL)
        fleet_take(d->options.fleet, batch);
    for (struct finding *f = batch->findings; f != NULL && d->context != NULL; f = f->next)
        if (f->instrument.n)
            context_attach(d->context, f, &batch->arena);
    correlator_take(d->correlator, batch, counted);
    attribute(d, batch, batch->findings); /* those of instruments and correlations */
    if (!has_own_findings(batch))
        return;
    if (d->options.instruments != NULL)
        drop_replaced(d, batch);
    withhold(d, batch);
    note_in_events(batch);
}

/* Instruments and correlations are about what is real: they neither see what an exercise found nor add to it.
 */
struct finding *desk_set_exercises_aside(struct batch *batch)
{
    struct finding *aside = NULL, **aside_end = &aside, **at = &batch->findings;
    while (*at != NULL) {
        struct finding *f = *at;
        if (!f->is_exercise) {
            at = &f->next;
            continue;
        }
        *at = f->next;
        f->next = NULL;
        *aside_end = f;
        aside_end = &f->next;
    }
    batch->findings_end = at;
    return aside;
}

/* What the inventory has to say about what was found, as evidence of its own. */
void desk_ask_inventory(struct desk *d, struct batch *batch, uint64_t counted)
{
    struct str program;
    for (struct finding *f = batch->findings; f != NULL && d->options.business != NULL; f = f->next) {
        if (f->sequence <= counted)
            continue;
        const struct event *e = &batch->events[f->sequence - batch->first_sequence];
        enum explanation answer = explain(d->options.business, d->context, f, e, &program);
        if (answer == EXPLANATION_NONE)
            continue;
        struct finding *said = batch_insert_finding(batch, &f->next);
        explain_as_finding(d->options.business, answer, program, f, said, &batch->arena);
    }
}

/* Which systems were heard of. What names no kind of system but a host is the host itself. */
void desk_note_awake(struct desk *d, const struct batch *batch)
{
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct event *e = &batch->events[i];
        if (e->flags & EVENT_EXERCISE)
            continue;
        struct str type = event_text(e, FIELD_OBSERVER_TYPE);
        int64_t time_ns = e->time_ns < e->received_ns ? e->time_ns : e->received_ns;
        if (type.n == 0 && event_get(e, FIELD_HOST_NAME) != NULL)
            type = STR("host");
        judge_note_awake(d->judge, type, time_ns);
    }
}

/* Yellow is about everything, Orange about what raised it. */
void desk_follow_posture(struct desk *d)
{
    struct posture_view view;
    struct str rules[PRIORS_CLASS_MAX];
    size_t count = 0;
    posture_view(d->posture, &view);
    for (uint32_t i = 0; i < view.key_count && count < PRIORS_CLASS_MAX; i++)
        if (view.keys[i]->level >= POSTURE_ORANGE)
            rules[count++] = str_c(view.keys[i]->rule);
    const double *priors = d->options.criteria->prior_by_posture;
    enum posture_level general = view.level < POSTURE_YELLOW ? view.level : POSTURE_YELLOW;
    priors_set_posture(d->priors, priors[general], priors[view.level], rules, count);
}

/* The latest event time of the batch that is no later than its receipt. */
int64_t desk_reached_by(const struct batch *batch)
{
    int64_t reached_ns = INT64_MIN;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct event *e = &batch->events[i];
        int64_t time_ns = e->time_ns < e->received_ns ? e->time_ns : e->received_ns;
        reached_ns = time_ns > reached_ns ? time_ns : reached_ns;
    }
    return reached_ns;
}

/* After the findings: what they say of the posture holds before its quiet is counted on. */
void desk_take_posture(struct desk *d, const struct batch *batch, int64_t reached_ns, uint64_t counted)
{
    if (d->posture == NULL)
        return;
    for (const struct finding *f = batch->findings; f != NULL; f = f->next)
        if (f->sequence > counted)
            posture_take(d->posture, f);
    posture_reach(d->posture, reached_ns);
    desk_follow_posture(d);
    desk_show_level(d);
}
