/* What the state and the content say to each item of the list of readiness (S79). Shown and kept by
 * work_readiness.c. */
#ifndef WORK_READINESS_MEASURE_H
#define WORK_READINESS_MEASURE_H

#include "incident/readiness.h"
#include "work/work.h"

struct readiness_answer {
    enum readiness_status status;
    int64_t good, all; /* contacts, roles, hours of approvers, sheets …: so many of so many */
    int64_t since_ns;  /* of an exercise or an attestation: when; 0 = never, or not asked */
    struct str *lacks; /* ids of what is open; names of the person are never among them */
    uint32_t lack_count;
};

/* One answer for each item of c->s->readiness, in order, in the arena of the request. */
bool readiness_measure(struct casework *c, struct readiness_answer **answers);

#endif
