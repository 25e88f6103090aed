/* From judgement to work: a candidate that deserves it becomes an incident in state New; states then move
 * only along the steps of workflow.h. */
#ifndef INCIDENT_INCIDENT_H
#define INCIDENT_INCIDENT_H

#include "base/error.h"
#include "event/incident.h"

/* Promotes a candidate when the judge says it deserves it, and returns true when the incident is new. An
 * incident that was closed is not reopened by this. `time_ns` is event time. */
bool incident_promote(struct incident *candidate, bool deserves_incident, int64_t time_ns);

/* Whether further findings still belong to it: closed, merged and false ones take none. */
bool incident_is_open(enum incident_state s);

#endif
