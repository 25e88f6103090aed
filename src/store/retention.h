/* How long events stay. */
#ifndef STORE_RETENTION_H
#define STORE_RETENTION_H

#include "store/catalogue.h"
#include "store/state.h"

struct retention_config {
    struct state *state;
    struct catalogue *catalogue;
    unsigned days;      /* 0: for ever */
    uint64_t max_bytes; /* of all parts; 0: no limit */
};

struct retention_result {
    uint64_t parts, rows, bytes; /* dropped */
};

/* Drops parts whose newest event is older than `days` before `now_ns` (a time in the future counts as the
 * time of sealing), then the oldest ones until the rest fits. Whole parts only. The counts are added to
 * `result`. */
bool retention_step(const struct retention_config *r, int64_t now_ns, struct retention_result *result,
                    struct error *err) MUST_CHECK;

#endif
