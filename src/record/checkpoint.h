/* Checkpoints: signed marks of how far the record had come, in a file beside the database. Who cuts off the
 * end of the record cannot make them again without the key. The lines are described in format.h. */
#ifndef RECORD_CHECKPOINT_H
#define RECORD_CHECKPOINT_H

#include "record/entry.h"

#define RECORD_PUBLIC_KEY_BYTES 32
#define RECORD_SECRET_KEY_BYTES 64

struct record_key {
    unsigned char secret[RECORD_SECRET_KEY_BYTES];
    struct record_hash public_key;
};

/* DATA/keys/record.key (0600), made together with record.pub when there is none. */
bool record_key_load(const char *data_dir, struct record_key *out, struct error *err) MUST_CHECK;
/* A file with the public key in hexadecimal. */
bool record_public_key_read(const char *path, struct record_hash *out, struct error *err) MUST_CHECK;

struct record_checkpoint {
    uint64_t number, entries;
    int64_t time_ns;
    struct record_hash head, parts, key, previous;
    struct record_hash line_hash; /* of the line itself: the `previous` of the next */
};

/* Gives it its number, key and previous, signs it, and returns once it is on the disk. */
bool record_checkpoint_append(const char *data_dir, const struct record_key *key, struct record_checkpoint *c,
                              struct error *err) MUST_CHECK;

/* All of them, oldest first, each checked against the one before it and the key. On false `*count` tells how
 * many were good. No file: none. */
bool record_checkpoints_read(const char *data_dir, const struct record_hash *public_key, struct arena *arena,
                             struct record_checkpoint **out, uint32_t *count, struct error *err) MUST_CHECK;

#endif
