/* A step of the schema: policy documents, what people attested, and the history of readiness (S79, S160);
 * columns in state_work.def. And what readiness asks of the ledger of incidents. */
#ifndef STORE_STATE_READINESS_H
#define STORE_STATE_READINESS_H

#include <stdint.h>

#include "store/state.h"

extern const char state_readiness_schema[];

/* When a person last worked on an exercise; 0 = there is none. */
bool state_readiness_last_exercise(struct state *s, int64_t *when_ns, struct error *err) MUST_CHECK;

#endif
