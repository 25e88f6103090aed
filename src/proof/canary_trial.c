/* See canary_trial.h. As prove_correlations.c proves samples at load, but on events that came in by the front
 * door. Next: canary.c. */
#include "proof/canary_trial.h"

#include "base/memory.h"

#define TRIAL_TIME_NS (INT64_C(1762733589) * NS_PER_SECOND) /* any time will do */
#define AFTERWARDS_NS (1000 * 86400 * NS_PER_SECOND)

struct canary_trial {
    struct correlator *correlator;
    struct str rule_id; /* of the correlation set, which the correlator keeps alive */
    uint64_t sequence;
    bool has_fired;
};

struct canary_trial *canary_trial_new(const struct knowledge *k, struct str rule_id)
{
    struct canary_trial *t = NEW(struct canary_trial);
    const struct rule_info *info = correlation_find(k->correlations, rule_id);
    t->correlator = correlator_new(correlation_set_ref(k->correlations), CORRELATE_LATENESS_NS);
    t->rule_id = info != NULL ? info->id : STR_EMPTY;
    return t;
}

void canary_trial_free(struct canary_trial *t)
{
    if (t == NULL)
        return;
    correlator_free(t->correlator);
    memory_free(t);
}

static void look_for(struct canary_trial *t, const struct batch *b)
{
    for (const struct finding *f = b->findings; f != NULL; f = f->next)
        t->has_fired |= f->is_correlated && str_eq(f->rule_id, t->rule_id);
}

/* A copy: correlations add to events. */
void canary_trial_take(struct canary_trial *t, const struct event *e, const struct finding *findings,
                       int64_t at_ns)
{
    struct batch *b = batch_new(1);
    batch_add(b, e->raw, STR_EMPTY);
    struct event *own = &b->events[0];
    event_copy(e, own, &b->arena);
    own->flags = 0;
    own->time_ns = TRIAL_TIME_NS + at_ns;
    own->received_ns = INT64_MAX;
    own->sequence = b->first_sequence = b->last_sequence = ++t->sequence;
    for (const struct finding *f = findings; f != NULL; f = f->next) {
        if (f->sequence != e->sequence)
            continue;
        struct finding *copy = batch_add_finding(b);
        *copy = *f;
        copy->next = NULL;
        copy->time_ns = own->time_ns;
        copy->sequence = own->sequence;
    }
    correlator_take(t->correlator, b, 0);
    look_for(t, b);
    batch_free(b);
}

bool canary_trial_end(struct canary_trial *t)
{
    struct batch *b = batch_new(1);
    batch_add(b, STR_EMPTY, STR_EMPTY);
    correlator_advance(t->correlator, b, TRIAL_TIME_NS + AFTERWARDS_NS);
    look_for(t, b);
    batch_free(b);
    return t->has_fired;
}
