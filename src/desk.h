/* The desk: judge and incident, one thread. Takes finished batches in order of their sequence numbers, turns
 * their findings into candidates and incidents, keeps those in state.db, and tells the console. */
#ifndef DESK_H
#define DESK_H

#include "event/batch.h"
#include "event/incident.h"
#include "judge/judge.h"
#include "store/state.h"

struct desk_options {
    const struct criteria *criteria;
    struct state *state; /* NULL: nothing is kept (replay) */
    void *context;
    /* A changed incident or candidate; `is_new` when it has just become an incident. May be NULL. */
    void (*changed)(void *context, const struct incident *incident, bool is_new);
};

struct desk;
/* Puts the open incidents and candidates of state.db back, so that later findings join them. */
struct desk *desk_new(const struct desk_options *options, struct error *err) MUST_CHECK;
void desk_free(struct desk *d);

/* People moved a stored incident to another state: the desk goes on from that one, and an incident that is
 * over takes no further findings. Any thread. */
void desk_note_state(struct desk *d, uint64_t id, enum incident_state state);

/* Folds the batch's findings into candidates. */
void desk_take(struct desk *d, const struct batch *batch);
/* Keeps every candidate that changed. False when state.db could not be written: what was not kept is kept by
 * the next call. */
bool desk_keep(struct desk *d, struct error *err) MUST_CHECK;

#endif
