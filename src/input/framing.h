/* A stream of bytes → records: RFC 6587 octet counting and line framing, told apart for each message. The
 * result depends on the bytes only, never on how the network cut them into pieces. */
#ifndef INPUT_FRAMING_H
#define INPUT_FRAMING_H

#include "base/buf.h"
#include "base/str.h"

#define FRAMING_DEFAULT_MAX_MESSAGE ((size_t)64 << 10)
#define FRAMING_LARGEST_MAX_MESSAGE ((size_t)16 << 20)

/* One message without its frame; `flags` are RECORD_…. The bytes are valid during the call. */
typedef void framing_emit(void *context, struct str raw, uint16_t flags);

struct framing {
    size_t max_message;
    uint64_t cut_bytes; /* left out of records that were too long; the owner reads and resets it */

    struct buf carry;     /* the beginning of a message that is not complete yet */
    size_t scanned;       /* bytes of carry known to hold no line end */
    uint64_t skip_octets; /* rest of a counted message that was cut */
    bool skips_line;      /* rest of a line that was cut */
    bool was_counted;     /* the message before was framed by octet counting */
    bool is_settled;      /* do not wait for the byte behind a counted message */
};

void framing_init(struct framing *f, size_t max_message); /* clamped to 64 … 16 MiB */
void framing_free(struct framing *f);
void framing_feed(struct framing *f, struct str bytes, framing_emit *emit, void *context);
/* Nothing came for a while: a counted message that only waits for the byte behind it is complete. */
void framing_settle(struct framing *f, framing_emit *emit, void *context);
/* The stream ended: a last line without its end is a record; an incomplete counted message is kept and
 * flagged. With `is_broken` (we closed, not the peer) a last line may be half a line: flagged too. */
void framing_end(struct framing *f, bool is_broken, framing_emit *emit, void *context);

#endif
