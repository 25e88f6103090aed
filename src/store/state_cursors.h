/* What lets inputs go on exactly where they stopped: how far each tailed file was stored, and which
 * idempotency keys were already taken in. Both are put inside the transaction that enters the part in the
 * catalogue. */
#ifndef STORE_STATE_CURSORS_H
#define STORE_STATE_CURSORS_H

#include "base/arena.h"
#include "base/str.h"
#include "store/state.h"

struct tail_cursor {
    struct str identity; /* opaque bytes that name the file */
    struct str position; /* opaque bytes: its end offset as the input writes it */
    uint64_t sequence;   /* last record before that position */
};

/* The newer one stays: a cursor with a lower sequence than the stored one changes nothing. */
bool state_cursors_put(struct state *s, const struct tail_cursor *cursor, struct error *err) MUST_CHECK;
bool state_cursors_load(struct state *s, struct arena *arena, struct tail_cursor **out, uint32_t *count,
                        struct error *err) MUST_CHECK;
bool state_cursors_delete(struct state *s, struct str identity, struct error *err) MUST_CHECK;

struct idempotency_key {
    struct str source; /* who chose the key; keys of two sources never meet */
    uint8_t key_hash[16];
    uint64_t first_sequence, last_sequence; /* what the first request became */
    int64_t expires_ns;
};

/* The first one stays: the same key again changes nothing. */
bool state_keys_put(struct state *s, const struct idempotency_key *key, struct error *err) MUST_CHECK;
bool state_keys_find(struct state *s, struct str source, const uint8_t key_hash[16], int64_t now_ns,
                     struct idempotency_key *out, bool *found,
                     struct error *err) MUST_CHECK; /* out->source borrowed */
bool state_keys_load(struct state *s, int64_t now_ns, struct arena *arena, struct idempotency_key **out,
                     uint32_t *count, struct error *err) MUST_CHECK; /* those not expired */
bool state_keys_expire(struct state *s, int64_t now_ns, struct error *err) MUST_CHECK;

#endif
