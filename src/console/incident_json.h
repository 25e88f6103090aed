/* Incidents and findings as the API shows them: one shape for a finding, live or stored. */
#ifndef CONSOLE_INCIDENT_JSON_H
#define CONSOLE_INCIDENT_JSON_H

#include "console/services.h"

/* With a history: the whole incident; NULL: its row in the queue. With `sees_persons` false the user behind
 * the host is left out, and so are the matched values, which may name people. */
void incident_json(const struct incident *incident, const struct incident_history *history, bool sees_persons,
                   struct buf *out);
void incident_finding_json(const struct incident_finding *finding, bool sees_persons, struct buf *out);
void live_finding_json(const struct finding *finding, bool sees_persons, struct buf *out);

#endif
