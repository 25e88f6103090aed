/* The journal: raw records become safe here before anybody is told so. Append-only segments, one writer
 * thread, natural group commit: whatever waits when the disk is free is written and synced together.
 *
 * Invariants
 * 1. `done(SUBMISSION_SAFE)` is called only after fdatasync() of every byte of the frame returned 0.
 * 2. Sequence numbers are contiguous in the order of submissions; the sink sees batches in that order.
 * 3. After a crash every acknowledged record with a sequence above `stored_through` is replayed exactly once.
 * 4. Bytes that do not verify are never replayed; what is missing is reported as a range of sequence numbers.
 * 5. Disk full, I/O errors and the size bound make submissions wait; they never drop or acknowledge one.
 *
 * Life: journal_open() recovers and replays in the caller's thread → journal_start() → journal_submit() from
 * any thread → journal_stop() → journal_free(). */
#ifndef JOURNAL_JOURNAL_H
#define JOURNAL_JOURNAL_H

#include <sys/types.h>

#include "base/error.h"
#include "event/submission.h"

struct journal;

/* System calls, replaceable so that tests can fail them. Results and errno as of pwrite, fdatasync,
 * ftruncate. */
struct journal_io {
    void *context;
    ssize_t (*write)(void *context, int fd, const void *bytes, size_t n, off_t at);
    int (*sync)(void *context, int fd);
    int (*truncate)(void *context, int fd, off_t bytes);
};

struct journal_options {
    const char *folder;     /* created when missing; one process at a time (flock) */
    uint64_t segment_bytes; /* a new segment starts at this size; 0 = 64 MiB; 4 KiB … 1 GiB */
    uint64_t total_bytes;   /* all segments together; 0 = 4 GiB; at least two segments */
    uint64_t commit_bytes;  /* a group is closed at this size; 0 = 1 MiB */
    unsigned
        commit_interval_ms; /* … or when it was collected for so long; 0 = 50; at most 50. Never waits idly */
    unsigned retry_ms;      /* after a failed write or sync; 0 = 500 */
    size_t queue_capacity;       /* submissions that may wait; 0 = 256 */
    uint64_t queue_bytes;        /* raw bytes that may wait; 0 = 64 MiB */
    const struct journal_io *io; /* NULL = the system's */
};

/* What a frame carries beside its records. Bytes are valid during the call only. */
struct journal_mark {
    struct str cursor; /* "" = none */
    struct str idempotency_source;
    struct str idempotency_key; /* "" = none */
    uint64_t first_sequence, last_sequence;
};

struct journal_callbacks {
    void *context;
    /* Takes the batch (sequences set). May block: that is the back-pressure. False: the pipeline is closed;
     * the journal frees the batch, the records stay in the journal and are replayed at the next start. */
    bool (*sink)(void *context, struct batch *batch);
    /* Every frame with a cursor or a key: when it became safe, and again at recovery (those at or below
     * stored_through too, as long as their segment is kept). Always before the sink sees the batch. May be
     * NULL. */
    void (*mark)(void *context, const struct journal_mark *mark);
    /* Recovery: these sequence numbers, all above stored_through, are lost to corruption. In order with the
     * batches given to the sink. May be NULL. */
    void (*gap)(void *context, uint64_t first, uint64_t last);
    /* A submission was turned away earlier and there is room again. Called by the journal's thread. May be
     * NULL. */
    void (*room)(void *context);
};

/* What recovery met; all zero after a clean stop with everything stored. */
struct journal_recovery {
    uint64_t segments, frames;
    uint64_t replayed_records;
    uint64_t torn_bytes; /* after the last whole frame: cut off, were never acknowledged or are unreadable */
    uint64_t corrupt_bytes; /* in the middle: skipped */
    uint64_t corrupt_places;
    uint64_t lost_records; /* sum of the gaps */
    uint64_t next_sequence;
};

/* NULL with a sentence when the folder cannot be used, is in use, or holds a newer format. Replays through
 * callbacks->sink before it returns, so whoever empties the sink must be running; what gets stored meanwhile
 * is released by calling journal_release() once it has returned. `report` may be NULL. */
struct journal *journal_open(const struct journal_options *options, uint64_t stored_through,
                             const struct journal_callbacks *callbacks, struct journal_recovery *report,
                             struct error *err) MUST_CHECK;
bool journal_start(struct journal *j, struct error *err) MUST_CHECK;

/* Any thread; never blocks. True: the journal owns it. False: full or stopping; the caller keeps it, stops
 * taking and tries again (callbacks.room), or counts the loss. */
bool journal_submit(struct journal *j, struct submission *s);

/* Everything up to and including `stored_through` is in the parts: deletes the segments that hold nothing
 * newer. Any thread. */
void journal_release(struct journal *j, uint64_t stored_through);

/* True while nothing can be written; `why` (may be NULL) gets the sentence for the operator. Any thread. */
bool journal_is_stuck(struct journal *j, struct error *why);

#define JOURNAL_LATENCY_BUCKETS 40

struct journal_stats {
    uint64_t next_sequence;
    uint64_t segments, segment_bytes;          /* on disk now */
    uint64_t waiting, waiting_bytes;           /* submissions in the queue, their raw bytes */
    uint64_t groups, records, bytes;           /* committed since start; bytes as written */
    uint64_t failures;                         /* writes or syncs that failed */
    uint64_t latency[JOURNAL_LATENCY_BUCKETS]; /* commits that took 2^i … 2^(i+1) − 1 µs, encode to synced */
};
void journal_stats(struct journal *j, struct journal_stats *out); /* any thread */

/* Writes what waits, then ends the thread. Submissions that cannot be written (the disk is stuck) are
 * refused. */
void journal_stop(struct journal *j);
void journal_free(struct journal *j); /* stops first when needed; NULL is fine */

#endif
