/* What an input hands to the journal: one batch, with what must become safe together with it. The inputs know
 * only this shape; who takes it is the caller's business (struct input_sink, journal_submit).
 *
 * A submission lives in the arena of its batch, and so do the bytes of cursor and key: submission_new() makes
 * it. It belongs to the taker from the moment it is accepted and is gone with the batch. */
#ifndef EVENT_SUBMISSION_H
#define EVENT_SUBMISSION_H

#include "event/batch.h"

enum submission_result {
    SUBMISSION_SAFE,    /* fsynced: it may be acknowledged; sequences first … last are its records */
    SUBMISSION_REFUSED, /* the program stops and could not write it: nothing of it is safe; first = last = 0
                         */
};

struct submission {
    struct batch *batch;           /* at least one record */
    struct str cursor;             /* opaque; "" = none. A tailed file's identity and end offset */
    struct str idempotency_source; /* who chose the key: the source name of HTTP */
    struct str idempotency_key;    /* "" = none */
    /* Called once, by the journal's thread; must not block. NULL: nobody waits for an answer. On REFUSED the
     * batch is still whole during the call, and freed after it. */
    void (*done)(void *context, const struct submission *s, enum submission_result result, uint64_t first,
                 uint64_t last);
    void *context;
};

static inline struct submission *submission_new(struct batch *batch)
{
    struct submission *s = ARENA_NEW(&batch->arena, struct submission);
    s->batch = batch;
    return s;
}

#endif
