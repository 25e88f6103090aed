/* Between recorder.c and recorder_checkpoint.c. */
#ifndef RECORDER_RECORDER_INTERNAL_H
#define RECORDER_RECORDER_INTERNAL_H

#include <pthread.h>

#include "base/arena.h"
#include "base/buf.h"
#include "record/checkpoint.h"
#include "recorder/recorder.h"
#include "store/state_capture.h"

struct recorder {
    struct state *state;
    const struct zone *zone;
    char criteria[2 * RECORD_HASH_BYTES + 1];
    struct arena pending;                  /* texts of the changes */
    unsigned char salt[RECORD_SALT_BYTES]; /* of the entry that comes */
    struct buf changes;                    /* struct record_change_row */
    pthread_key_t acting;                  /* struct recorder_act of the thread */
    const char *data_dir;                  /* NULL: no checkpoints */
    struct record_key key;
    pthread_mutex_t checkpoint_lock;
    uint64_t checkpoint_seq;
    int64_t checkpoint_ns; /* monotonic */
};

/* A row into the entry that comes, as if it had just changed. */
void recorder_take_row(struct recorder *r, const struct captured_row *row);
void recorder_take_hash(struct record_hash *out, struct str bytes);

#endif
