/* The writer: batches in whatever order the workers finish them → rows of the open part → sealed files, in
 * the order of sequence numbers, each event exactly once.
 *
 *   workers ──put──▶ waiting batches ──writer thread──▶ open part ──rotate──▶ sealing ──sealer thread──▶ file
 * + catalogue skip ▶ (bounded: put blocks)              (searchable)          (at most 2, searchable)    then
 * on_stored
 *
 * A file counts when its row in state.db is committed; what a crash leaves before that is removed at the next
 * start, and the journal brings the events again. A full disk: the part stays in memory, is tried again and
 * again, and put() blocks when two more parts have filled up behind it. */
#ifndef STORE_WRITER_H
#define STORE_WRITER_H

#include "event/batch.h"
#include "store/catalogue.h"
#include "store/state.h"

struct writer_config {
    const char *events_folder;
    struct state *state;
    uint32_t rows_per_part;
    unsigned seal_after_ms;
    size_t part_bytes;        /* raw bytes and memory of an open part, at most */
    unsigned waiting_batches; /* out of order; put() blocks beyond */
    int zstd_level;
    /* Called by the sealer before that transaction: what else must be on disk before the events up to `last`
     * count as stored. False: tried again later. NULL: nothing. */
    bool (*prepare)(void *context, uint64_t last, struct error *err);
    /* Called by the sealer inside the transaction that enters the part, for everything up to `last`: cursors,
     * idempotency keys, counters. False: rolled back and tried again. NULL: nothing. */
    bool (*commit)(void *context, struct state *state, uint64_t first, uint64_t last, struct error *err);
    /* Called by the sealer when that is on disk: the journal may move on. NULL: nobody. */
    void (*on_stored)(void *context, uint64_t last);
    void *context;
};

struct writer;
struct writer *writer_new(const struct writer_config *config, struct catalogue *catalogue,
                          uint64_t stored_through);
/* Seals what is there (unless the disk refuses) and stops. No put or skip may be running. */
void writer_close(struct writer *w);

/* Any thread. Takes the batch, frees it once its rows are in the open part. Batches that were stored before
 * are dropped silently: that is what makes replay harmless. Blocks while too much waits. False after
 * writer_close began, or after writer_leave while the disk refuses; the batch is freed all the same and stays
 * in the journal. */
bool writer_put(struct writer *w, struct batch *batch);
/* The program is about to end: put() does not wait for a disk that refuses any more. Any thread. */
void writer_leave(struct writer *w);
/* These sequence numbers will never come: the journal lost them. Any thread. */
void writer_skip(struct writer *w, uint64_t first, uint64_t last);
/* Seals now and waits until everything put before is on disk. False when it is not after `timeout_ms`. */
bool writer_flush(struct writer *w, unsigned timeout_ms);

struct writer_status {
    uint64_t stored_through; /* everything up to here is on disk */
    uint64_t next_sequence;  /* the next one the open part wants */
    uint32_t waiting;        /* batches that came too early */
    uint32_t sealing;        /* parts on their way to disk */
    uint64_t events, parts;  /* since start */
    bool is_stuck;
    char problem[1024]; /* why, "" when all is well */
};
void writer_status(struct writer *w, struct writer_status *out);

#endif
