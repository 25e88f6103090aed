/* Instrument, fleet, correlate, judge and incident. Within one transaction for some candidates that changed:
 * candidate → judgement → incident → state.db, and what was kept is told. Once all have been kept, so is how
 * far the desk has come: a batch that comes again after a restart changes nothing, whatever has become of its
 * incidents meanwhile. Candidates without news for a window go out of state.db. Next: desk_find.c,
 * desk_keep.c, desk_restore.c, desk_ask.c; then incident/incident.c, and store/writer.c for the events. */
#include "desk/desk_internal.h"

#include <time.h>

#include "base/log.h"
#include "incident/incident.h"
#include "store/state_incidents.h"

static double risk_asked(void *risk, const struct finding *f, int64_t now_ns)
{
    return risk_of_finding(risk, f, now_ns);
}

struct desk *desk_new(const struct desk_options *options, struct error *err)
{
    struct desk *d = NEW(struct desk);
    d->options = *options;
    d->judge = judge_new(options->criteria);
    judge_set_signatures(d->judge, options->signatures);
    d->priors = priors_new(options->criteria);
    priors_set_fleet(d->priors, options->fleet);
    judge_set_prior(d->judge, priors_of, d->priors);
    d->risk = risk_new(options->criteria);
    judge_set_risk(d->judge, risk_asked, d->risk);
    atomic_store(&d->level_shown, LEVEL_NOT_JUDGED);
    if (options->posture_criteria != NULL)
        d->posture = posture_new(options->posture_criteria, options->posture_changed, options->context);
    d->correlator = correlator_new(NULL, CORRELATE_LATENESS_NS);
    d->watermark_ns = d->reached_ns = INT64_MIN;
    pthread_mutex_init(&d->keeping, NULL);
    pthread_mutex_init(&d->lock, NULL);
    pthread_mutex_init(&d->notes_lock, NULL);
    if ((options->state != NULL && !desk_restore(d, err)) || !desk_restore_observers(d, err)) {
        desk_free(d);
        return NULL;
    }
    return d;
}

void desk_free_learned(struct desk *d)
{
    if (d->learned != NULL)
        arena_free(d->learned);
    memory_free(d->learned);
    d->learned = NULL;
}

void desk_free(struct desk *d)
{
    if (d == NULL)
        return;
    judge_free(d->judge);
    priors_free(d->priors);
    risk_free(d->risk);
    focus_free(d->focus);
    desk_free_learned(d);
    posture_free(d->posture);
    correlator_free(d->correlator);
    instruments_free(d->options.instruments);
    identity_free(d->options.identity);
    fleet_free(d->options.fleet);
    rollup_free(d->options.rollup);
    context_unref(d->context);
    suppressions_unref(d->suppressions);
    buf_free(&d->saved_correlations);
    buf_free(&d->notes);
    pthread_mutex_destroy(&d->notes_lock);
    pthread_mutex_destroy(&d->lock);
    pthread_mutex_destroy(&d->keeping);
    memory_free(d);
}

/* ------------------------------------------------- what people decided */

struct note {
    uint64_t id;
    enum incident_state state;
};

void desk_note_state(struct desk *d, uint64_t id, enum incident_state state)
{
    struct note note = {id, state};
    pthread_mutex_lock(&d->notes_lock);
    buf_bytes(&d->notes, &note, sizeof note);
    pthread_mutex_unlock(&d->notes_lock);
}

/* An incident that was closed and is open again is not the judge's any more: it comes back from state.db. */
void desk_take_up_again(struct desk *d, uint64_t id)
{
    struct arena arena;
    struct incident incident;
    struct error err;
    arena_init(&arena, 64 << 10);
    if (state_incidents_load(d->options.state, id, &arena, &incident, &err))
        judge_restore(d->judge, &incident, true);
    else
        log_warning("%s", err.text);
    arena_free(&arena);
}

/* False: the candidate has changed and that must be kept first. */
static bool follow_note(struct desk *d, const struct note *note)
{
    bool is_open = incident_is_open(note->state);
    enum judge_answer answer = judge_set_state(d->judge, note->id, note->state, is_open);
    if (answer == JUDGE_NOT_HELD && is_open)
        desk_take_up_again(d, note->id);
    return answer != JUDGE_LATER;
}

/* Before what came meanwhile. */
static void put_back(struct desk *d, struct str notes)
{
    struct buf all = {0};
    buf_add(&all, notes);
    pthread_mutex_lock(&d->notes_lock);
    buf_add(&all, buf_str(&d->notes));
    buf_free(&d->notes);
    d->notes = all;
    pthread_mutex_unlock(&d->notes_lock);
}

/* In their order; those that must wait hold up the ones behind them. */
void desk_read_notes(struct desk *d)
{
    struct note note;
    pthread_mutex_lock(&d->notes_lock);
    struct buf notes = d->notes;
    d->notes = (struct buf){0};
    pthread_mutex_unlock(&d->notes_lock);
    struct str rest = buf_str(&notes);
    for (; rest.n; rest = str_skip(rest, sizeof note)) {
        memcpy(&note, rest.p, sizeof note);
        if (!follow_note(d, &note))
            break;
    }
    if (rest.n)
        put_back(d, rest);
    buf_free(&notes);
}

/* ------------------------------------------------------------------- batches */

bool desk_take(struct desk *d, struct batch *batch)
{
    uint64_t counted = atomic_load(&d->counted_before);
    pthread_mutex_lock(&d->lock);
    struct finding *exercises = desk_set_exercises_aside(batch);
    desk_find(d, batch, counted);
    int64_t reached_ns = desk_reached_by(batch);
    desk_take_posture(d, batch, reached_ns, counted);
    batch_merge_findings(batch, exercises);
    desk_ask_inventory(d, batch, counted);
    desk_note_awake(d, batch);
    if (d->options.rollup != NULL)
        rollup_take(d->options.rollup, batch, counted);
    d->reached_ns = reached_ns > d->reached_ns ? reached_ns : d->reached_ns;
    judge_review(d->judge, d->reached_ns);
    if (batch->findings == NULL) {
        atomic_store(&d->taken_through, batch->last_sequence);
        pthread_mutex_unlock(&d->lock);
        return false;
    }
    bool has_news = false;
    desk_read_notes(d);
    for (struct finding *f = batch->findings; f != NULL; f = f->next) {
        if (f->sequence <= counted)
            continue;
        has_news = true;
        f->is_outside = attribute_is_outside(d->options.identity, d->context, f);
        desk_advance(d, batch, f);
        const struct event *e = &batch->events[f->sequence - batch->first_sequence];
        if (!(e->flags & EVENT_EXERCISE))
            priors_note(d->priors, f, e);
        risk_take(d->risk, f);
        judge_take(d->judge, f, d->watermark_ns);
    }
    atomic_store(&d->taken_through, batch->last_sequence);
    pthread_mutex_unlock(&d->lock);
    return has_news;
}

void desk_note_recovered(struct desk *d, uint64_t last)
{
    pthread_mutex_lock(&d->lock);
    if (d->options.instruments != NULL)
        instruments_note_recovered(d->options.instruments, last);
    if (d->options.identity != NULL)
        identity_note_recovered(d->options.identity, last);
    if (d->options.fleet != NULL)
        fleet_note_recovered(d->options.fleet, last);
    pthread_mutex_unlock(&d->lock);
    uint_fast64_t counted = atomic_load(&d->counted_before);
    while (counted > last && !atomic_compare_exchange_weak(&d->counted_before, &counted, last))
        ;
}
