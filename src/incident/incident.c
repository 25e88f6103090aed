/* From judgement to work (stage incident): reads a candidate as judged; leaves its state. The states and the
 * steps between them are in workflow.c. */
#include "incident/incident.h"

bool incident_is_open(enum incident_state s)
{
    return s != INCIDENT_CLOSED && s != INCIDENT_FALSE_POSITIVE && s != INCIDENT_MERGED &&
           s != INCIDENT_DUPLICATE && s != INCIDENT_EXERCISE;
}

bool incident_promote(struct incident *candidate, bool deserves_incident, int64_t time_ns)
{
    if (candidate->state != INCIDENT_CANDIDATE || !deserves_incident)
        return false;
    candidate->state = INCIDENT_NEW;
    if (candidate->opened_ns == 0)
        candidate->opened_ns = time_ns;
    return true;
}
