/* What travels through the stages: records as the world sent them, the events made of them, and what was
 * found. One event for each record, same index. A batch and all it points to is freed at once. */
#ifndef EVENT_BATCH_H
#define EVENT_BATCH_H

#include "event/event.h"
#include "event/finding.h"

enum transport {
    TRANSPORT_FILE_SCAN, /* a command reads files at rest */
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_TLS,
    TRANSPORT_TAIL,
    TRANSPORT_HTTP,
};

struct record {
    struct str raw;    /* exact bytes, framing removed */
    uint64_t sequence; /* given by the journal; 0 before */
    int64_t received_ns;
    uint32_t source;   /* number in the source registry, 0 = not yet known */
    uint16_t flags;    /* RECORD_… */
    uint8_t transport; /* enum transport */
    struct str sender; /* text address of the peer, path of the file, or source name of HTTP; may be "" */
};

enum {
    RECORD_CUT = 1 << 0, /* longer than the limit: the rest was left out, the loss is counted in bytes */
    RECORD_BAD_FRAMING = 1 << 1, /* the frame was broken; what there was is kept */
};

struct batch {
    struct arena arena;
    struct record *records;
    struct event *events; /* `count` of them once parsed */
    uint32_t count, capacity;
    struct finding *findings; /* linked by next, in order of events */
    struct finding **findings_end;
    uint64_t first_sequence, last_sequence; /* contiguous: last − first + 1 == count */
    size_t bytes;                           /* sum of raw sizes */
    int64_t journalled_ns;                  /* when the fsync returned */
    void *pinned; /* rule set kept alive for findings; released by batch_free through `unpin` */
    void (*unpin)(void *);
};

struct batch *batch_new(uint32_t capacity);
void batch_free(struct batch *b);
/* Room for one more record, zeroed; grows. `raw` and `sender` are copied into the arena. */
struct record *batch_add(struct batch *b, struct str raw, struct str sender);
struct finding *batch_add_finding(struct batch *b); /* zeroed, linked at the end */

#endif
