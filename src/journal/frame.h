/* Frames in memory: the only code that knows the bytes of journal/format.h. Pure functions, no files. */
#ifndef JOURNAL_FRAME_H
#define JOURNAL_FRAME_H

#include "event/submission.h"
#include "journal/format.h"

size_t frame_bytes(const struct submission *s);
/* Writes exactly frame_bytes(s) at `to`. The batch's sequence numbers are set. */
void frame_encode(char *to, const struct submission *s, uint64_t seed, int64_t now_ns);

void segment_header_encode(char to[sizeof(struct journal_segment_header)], uint64_t seed,
                           uint64_t first_sequence, int64_t now_ns);

enum frame_state {
    FRAME_WHOLE,
    FRAME_INCOMPLETE,  /* the header is right, the payload reaches behind the end */
    FRAME_BAD_PAYLOAD, /* the header is right, so the next frame starts at `total_bytes` */
    FRAME_BAD_HEADER,
    FRAME_TOO_NEW, /* verifies, but is of a later version */
};

struct frame {
    uint64_t first_sequence, last_sequence;
    uint32_t record_count;
    size_t total_bytes;
    struct str records, cursor, key_source, key; /* point into the bytes that were read */
};

/* Looks at the frame at the start of `bytes`. `out` is set unless BAD_HEADER. */
enum frame_state frame_read(struct str bytes, uint64_t seed, struct frame *out);

/* The records above `after_sequence` as a batch. A whole frame decodes always; NULL: its records do not add
 * up (a bug of a writer), the caller treats it as corrupt. */
struct batch *frame_decode(const struct frame *f, uint64_t after_sequence);

enum segment_state { SEGMENT_GOOD, SEGMENT_DAMAGED, SEGMENT_TOO_NEW };
/* Finds the seed and where the frames start. DAMAGED: from the first frame that verifies under its own seed;
 * then
 * `*frames_at` is that frame's place, or the end of the bytes when there is none. */
enum segment_state segment_read(struct str bytes, uint64_t *seed, size_t *frames_at);

/* Offset of the first whole frame at or after `from`, or bytes.n. */
size_t frame_find(struct str bytes, size_t from, uint64_t seed);

#endif
