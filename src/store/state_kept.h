/* What the program counts and writes for itself in incidents and their findings (KEPT in state_recorded.def),
 * as one text for each incident: for the seal of the record (src/recorder/record_seal.h). */
#ifndef STORE_STATE_KEPT_H
#define STORE_STATE_KEPT_H

#include "base/arena.h"
#include "store/state.h"

struct kept_incident {
    uint64_t id;
    bool is_over;
    int64_t changed_ns; /* its last step; 0 = none */
    struct str text;    /* reason, times and counters, in a fixed order; valid during the call */
};
/* By id; false of `each` ends the walk with false. */
bool state_kept_walk(struct state *s,
                     bool (*each)(void *context, const struct kept_incident *k, struct error *err),
                     void *context, struct error *err) MUST_CHECK;

#endif
