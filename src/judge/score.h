/* Urgency, importance and confidence of one candidate, with the arithmetic that led there. */
#ifndef JUDGE_SCORE_H
#define JUDGE_SCORE_H

#include "base/buf.h"
#include "event/incident.h"
#include "judge/criteria.h"

/* Sets urgency (and its band), importance, confidence and confidence level of `incident` from its findings.
 * `host_count_in_hour`: most hosts with a finding within one hour of each other. `reason` receives a JSON
 * object: criteria version, the row of the urgency table, the importance's origin, and for confidence the
 * prior, each group's items and sum, the posterior. */
void score(const struct criteria *c, struct incident *incident, size_t host_count_in_hour,
           struct buf *reason);

/* Log-odds of the prior plus, for each evidence group, its strongest item and `correlation` times the others,
 * at most `group_cap` times the strongest (spec 4.4). Likelihood ratios below 1 speak against and count in
 * full. */
double score_confidence(const struct criteria *c, const struct incident *incident);

#endif
