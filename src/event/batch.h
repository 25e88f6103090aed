/* What travels through the stages: records as the world sent them, the events made of them, and what was
 * found. One event for each record, same index. A batch and all it points to is freed at once. */
#ifndef EVENT_BATCH_H
#define EVENT_BATCH_H

#include "event/event.h"
#include "event/finding.h"
#include "event/identity.h"

enum transport {
    TRANSPORT_FILE_SCAN, /* a command reads files at rest */
    TRANSPORT_UDP,
    TRANSPORT_TCP,
    TRANSPORT_TLS,
    TRANSPORT_TAIL,
    TRANSPORT_HTTP,
};

/* The headers of tables that a record's source had sent before it; normalise/ knows what they are. */
struct table_list;
struct known_tables {
    const struct table_list *list;
    uint16_t count; /* the first ones of the list; 0 = none */
    uint16_t last;  /* the one sent last */
};

struct record {
    struct str raw;    /* exact bytes, framing removed */
    uint64_t sequence; /* given by the journal; 0 before */
    int64_t received_ns;
    uint32_t source;   /* number in the source registry, 0 = not yet known */
    uint16_t flags;    /* RECORD_… */
    uint8_t transport; /* enum transport */
    struct str sender; /* text address of the peer, path of the file, or source name of HTTP; may be "" */
    struct known_tables tables;
};

enum {
    RECORD_CUT = 1 << 0, /* longer than the limit: the rest was left out, the loss is counted in bytes */
    RECORD_BAD_FRAMING = 1 << 1, /* the frame was broken; what there was is kept */
    RECORD_AGE_SHIFT =
        4, /* the bits from here on: for how many days the file had rested, 0 = less than one */
    RECORD_AGE_MOST = 4095,
};

/* What rests in a file was written no later than that: its times without a year are read as of then, not as
 * of the receipt. The journal keeps flags, so a record that comes again is read the same. */
static inline uint16_t record_age_flags(int64_t received_ns, int64_t written_ns)
{
    int64_t days = received_ns > written_ns ? (received_ns - written_ns) / (86400 * NS_PER_SECOND) : 0;
    return (uint16_t)((days < RECORD_AGE_MOST ? days : RECORD_AGE_MOST) << RECORD_AGE_SHIFT);
}

static inline int64_t record_reference_ns(const struct record *r)
{
    return r->received_ns - (int64_t)(r->flags >> RECORD_AGE_SHIFT) * 86400 * NS_PER_SECOND;
}

struct batch {
    struct arena arena;
    struct record *records;
    struct event *events; /* `count` of them once parsed */
    uint32_t count, capacity;
    struct finding *findings; /* linked by next, in order of events */
    struct finding **findings_end;
    struct finding
        *withheld; /* not judged, in order of events: of canaries, and what an exception suppresses */
    struct finding *silent; /* matches that only correlations want; as findings */
    struct finding **silent_end;
    struct identity_fact *facts; /* who holds what, as the events say; linked by next, in their order */
    struct identity_fact **facts_end;
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
/* Zeroed, linked at `at`, which is &batch->findings or a finding's `next`. */
struct finding *batch_insert_finding(struct batch *b, struct finding **at);
/* Moves the finding at `at` to the end of batch->silent. */
void batch_silence_finding(struct batch *b, struct finding **at);
/* Puts findings of the batch's arena, linked by next and in the order of events like its own, among them;
 * before those of the same event. */
void batch_merge_findings(struct batch *b, struct finding *findings);

#endif
