/* Urgency, importance and confidence of one candidate, with the arithmetic that led there. */
#ifndef JUDGE_SCORE_H
#define JUDGE_SCORE_H

#include "base/json.h"
#include "event/incident.h"
#include "judge/criteria.h"

/* What is known of a candidate beside its findings. */
struct circumstances {
    size_t hosts_within_hour; /* most hosts with a finding within one hour of each other */
    double prior;             /* probability before anything was found */
    struct str prior_reason;  /* JSON array, or "" */
    unsigned modifiers;       /* bits 1 << enum urgency_modifier: those that hold */
    double risk_24h;          /* the most that its hosts' capped risk of a day has been (S121) */
    /* Learned likelihood ratios; NULL = the rules' own (learned.h). */
    const struct learned *learned;
};

/* Confidence (spec 4.4): log-odds of the prior plus, for each evidence group, its strongest item and
 * `correlation` times the others, at most `group_cap` times the strongest. What one system says about one
 * fact counts once, by its strongest word: several rules that see the same line are not several witnesses.
 * Likelihood ratios below 1 speak against and count in full.
 *
 * Sets urgency (and its band), importance, confidence and confidence level of `incident` from its findings.
 * The urgency is that of the gravest finding plus the modifiers that hold, from 1 to 4 (spec 4.1). The
 * confidence level that the incident had is kept while the confidence is no further than the criteria's
 * hysteresis from the limit between both. */
void score(const struct criteria *c, struct incident *incident, const struct circumstances *known);

/* The arithmetic of a scored incident, as members of the JSON object at hand: criteria version, the row of
 * the urgency table with what modified it, the importance's origin, for confidence the prior with its
 * reason, each group's items and sum, and the posterior; and what counts for becoming an incident. */
void score_explain(const struct criteria *c, const struct incident *incident,
                   const struct circumstances *known, struct json_writer *w);

/* The likelihood ratio of a finding by content: the rule's own, else its level's. */
double score_ratio(const struct criteria *c, const struct incident_finding *f);

/* By when somebody must have looked (spec 4.3): "P1" … "P4" and minutes. */
struct sla {
    const char *label;
    int minutes;
};
struct sla score_sla(int urgency, int importance);

/* The first thing to do (S147–S149, spec 4.6): pull_connector, hearing_or_direct_check, history_and_watch, or
 * isolate_and_hear when harm grows too fast to hear first. */
const char *score_first_task(const struct incident *incident);

#endif
