/* A correlation's sample on its way: its events, as they come back from the pipeline one by one, go through a
 * correlator of their own. What it gathers and finds touches nothing else: neither the real correlator nor
 * the judge. */
#ifndef PROOF_CANARY_TRIAL_H
#define PROOF_CANARY_TRIAL_H

#include "event/batch.h"
#include "knowledge/knowledge.h"

struct canary_trial;
/* For the correlation of that id. Takes a reference of its own to the knowledge's correlations. */
struct canary_trial *canary_trial_new(const struct knowledge *k, struct str rule_id);
void canary_trial_free(struct canary_trial *t); /* NULL is fine */
/* The next event of the sample, as if it had happened `at_ns` after the sample's first, with those of the
 * findings (linked by next) that are of this event. Both are only looked at. */
void canary_trial_take(struct canary_trial *t, const struct event *e, const struct finding *findings,
                       int64_t at_ns);
/* After the last event: time goes on until all windows have ended. Whether the correlation has fired. */
bool canary_trial_end(struct canary_trial *t);

#endif
