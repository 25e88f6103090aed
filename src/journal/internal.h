/* The journal's own view of itself; for the files of this folder only. */
#ifndef JOURNAL_INTERNAL_H
#define JOURNAL_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/buf.h"
#include "base/queue.h"
#include "journal/journal.h"
#include "journal/segment.h"

#define GROUP_MAX 1024

struct journal {
    struct journal_options options; /* defaults filled in; .folder is segments.folder */
    struct journal_callbacks callbacks;
    const struct journal_io *io;
    struct segment_list segments;
    int lock_fd; /* one process at a time */

    struct queue *queue;
    _Atomic uint64_t waiting_bytes;
    atomic_bool somebody_was_refused;

    /* the journal thread's own */
    struct segment_writer writer;
    struct buf staging; /* the frames of the group, as they go to the disk */
    struct submission *group[GROUP_MAX];
    size_t group_count;
    bool is_full; /* said so */

    /* between the threads */
    pthread_t thread;
    bool is_running;
    pthread_mutex_t lock; /* guards trouble, stopping; `changed` tells of room and of the end */
    pthread_cond_t changed;
    bool is_stopping;
    bool is_stuck;
    struct error trouble;
    _Atomic uint64_t stored_through;
    _Atomic uint64_t next_sequence;
    _Atomic uint64_t groups, records, bytes, failures;
    _Atomic uint64_t latency[JOURNAL_LATENCY_BUCKETS];
};

/* commit.c: the thread. */
void *journal_run(void *journal);

/* recover.c: reads all segments, replays, cuts the torn tail. Sets next_sequence and the list's last
 * sequences. */
bool journal_recover(struct journal *j, struct journal_recovery *report, struct error *err) MUST_CHECK;

#endif
