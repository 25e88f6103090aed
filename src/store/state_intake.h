/* What joins reports of users to incidents. The rows themselves are those of state_work.h. */
#ifndef STORE_STATE_INTAKE_H
#define STORE_STATE_INTAKE_H

#include "base/error.h"
#include "base/str.h"
#include "store/state.h"

/* The newest incident or candidate with a finding of the evidence group user_report which covers the event,
 * on that host (by name or address, either may be ""); 0 = none yet. */
bool state_intake_incident(struct state *s, uint64_t sequence, struct str host, struct str ip, uint64_t *id,
                           struct error *err) MUST_CHECK;

#endif
