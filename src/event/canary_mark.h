/* The mark that makes a record a canary, or a line of an exercise: a fixed number of bytes behind the record,
 * with a code that only this installation's key can make. What is before the mark is parsed as if the mark
 * were not there.
 *
 *   <record> " hyakuyo-canary:1:" issued ":" number ":" transport ":" code
 *                                 16 hex     16 hex     1 hex         32 hex
 *   <record> " hyakuyo-drill:01:" …   the same; number: of the exercise
 *
 * The code is HMAC-SHA-256 (RFC 2104, first half) over all that stands before it, the record included, and
 * holds for CANARY_LIFETIME_NS around the time of issue, over the transport it was made for. Nobody outside
 * can make a record of theirs a canary; who repeats a canary repeats a sample that we sent. */
#ifndef EVENT_CANARY_MARK_H
#define EVENT_CANARY_MARK_H

#include "base/buf.h"
#include "base/clock.h"
#include "base/error.h"

#define CANARY_KEY_BYTES   32
#define CANARY_LIFETIME_NS (600 * NS_PER_SECOND)
#define CANARY_MARK_BYTES  (18 + 16 + 1 + 16 + 1 + 1 + 1 + 32)

struct canary_key {
    unsigned char bytes[CANARY_KEY_BYTES];
};
/* DATA/keys/canary.key, made when it is not there. */
bool canary_key_load(const char *data_dir, struct canary_key *out, struct error *err) MUST_CHECK;

struct canary_mark {
    int64_t issued_ns;
    uint64_t number;   /* of the canary: never given twice within its lifetime; or of the exercise */
    uint8_t transport; /* enum transport */
    bool is_exercise;  /* a line of an exercise, no canary */
};

/* Appends the record with its mark. */
void canary_mark_write(const struct canary_key *key, const struct canary_mark *mark, struct str record,
                       struct buf *out);
/* True when `raw` ends in a mark of this key that holds at that time over that transport; the record is then
 * all but the last CANARY_MARK_BYTES. Costs one comparison when there is none. */
bool canary_mark_read(const struct canary_key *key, struct str raw, int64_t received_ns, uint8_t transport,
                      struct canary_mark *out);

#endif
