/* Runs the samples of correlations: events some seconds apart through rules and correlator. */
#ifndef KNOWLEDGE_PROVE_CORRELATIONS_H
#define KNOWLEDGE_PROVE_CORRELATIONS_H

#include "knowledge/knowledge.h"

/* Counts and failures go into k->rules_report. */
void prove_correlations(struct knowledge *k, detect_normalise normalise, void *context);

#endif
