/* Whether every recorded row of state.db is what the record says it was made last (record_check.c asks). */
#ifndef RECORDER_RECORD_COMPARE_H
#define RECORDER_RECORD_COMPARE_H

#include <stdint.h>

#include "store/state.h"

struct record_compare {
    struct state *state;
    /* What differs: the entry that made it what it should be, and why; seq 0: no entry tells of it. */
    void (*found)(void *context, uint64_t seq, const char *why);
    void *context;
    /* out: values and rows compared; those that cannot be, because their text was erased or they have no
     * column */
    uint64_t compared, not_compared;
};

bool record_compare_run(struct record_compare *c, struct error *err) MUST_CHECK;

#define RECORD_BASELINE "state.baseline" /* target of the entry from which on every row has a fingerprint */

#endif
