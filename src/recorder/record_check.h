/* The whole check of a response record: chain, sub-chains, texts, checkpoints, and whether the state database
 * is what the record says it was made last. Needs no running server and no secret key. */
#ifndef RECORDER_RECORD_CHECK_H
#define RECORDER_RECORD_CHECK_H

#include "record/checkpoint.h"
#include "store/state.h"

struct record_check {
    struct state *state;
    const char *data_dir;                 /* of the checkpoints */
    const struct record_hash *public_key; /* NULL: the keys that the entries name are believed */
    /* Each thing that is wrong: at which entry, and why. The first call is the first bad entry. */
    void (*found)(void *context, uint64_t seq, const char *why);
    void *context;
    const char *content; /* folder of the program's content; NULL: its files are not compared */
    const char *tsa_ca;  /* certificates for the signatures of time stamps; NULL: those are not checked */
    /* out */
    uint64_t audit_lines; /* of DATA/audit.ndjson */
    uint64_t timestamps, entries, checkpoints, compared, not_compared, bad;
};

/* False only when it could not be checked. */
bool record_check_run(struct record_check *c, struct error *err) MUST_CHECK;

#endif
