/* What passed before it was known (S1). The rows themselves are those of state_work.h. */
#ifndef STORE_STATE_RETROSPECT_H
#define STORE_STATE_RETROSPECT_H

#include "base/error.h"
#include "base/str.h"
#include "store/state.h"

extern const char state_retrospect_schema[];

/* The newest incident in one of `states` (a bit for each enum incident_state) with a finding on that host, by
 * name, or by address where the finding has no name; exercises are none. 0 = there is none. */
bool state_retrospect_incident(struct state *s, int64_t states, struct str host, struct str ip, uint64_t *id,
                               struct error *err) MUST_CHECK;

/* Numbers of the retrospects whose task is not over, or was dropped with its incident; newest first, at most
 * `most`. */
bool state_retrospect_waiting(struct state *s, uint64_t *ids, uint32_t most, uint32_t *count,
                              struct error *err) MUST_CHECK;

#endif
