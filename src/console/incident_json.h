/* Incidents and findings as the API shows them: one shape for a finding, live or stored. */
#ifndef CONSOLE_INCIDENT_JSON_H
#define CONSOLE_INCIDENT_JSON_H

#include "console/request.h"
#include "console/services.h"

/* Who looks. With `sees_persons` false the user behind the host is left out, and so are the matched values,
 * which may name people. `services` gives systems the names that people read. */
struct viewing {
    const struct console_services *services;
    bool sees_persons;
};

struct viewing viewing_of(const struct request *r);

/* With a history: the whole incident; NULL: its row in the queue. */
void incident_json(const struct incident *incident, const struct incident_history *history,
                   struct viewing viewing, struct buf *out);
void incident_finding_json(const struct incident_finding *finding, struct viewing viewing, struct buf *out);
void live_finding_json(const struct finding *finding, struct viewing viewing, struct buf *out);

#endif
