/* Files at rest as batches: for the commands that look at logs without a server (scan, trace, replay, parse).
 * What a file holds shows in its first bytes: Windows event logs, JSON and XML documents, or lines; plain or
 * packed by gzip, zstd or zip. */
#ifndef REPLAY_FEED_H
#define REPLAY_FEED_H

#include "base/error.h"
#include "event/batch.h"
#include "parse/evtx.h"

#define FEED_BATCH_RECORDS 1024
#define FEED_BATCH_BYTES   (4u << 20) /* a batch is full after either */
#define FEED_RECORD_BYTES  (16u << 20)

struct feed;
/* "-" reads standard input. */
struct feed *feed_open(const char *path, struct error *err);
void feed_close(struct feed *f);
/* Whether the records are the lines of the file (standard input: always so; archives: never). */
bool feed_is_lines(const char *path);

/* A piece of a file: records, or a chunk of an event log that is still to be decoded. */
struct feed_block {
    struct batch *batch;
    uint64_t *record_numbers; /* of each record: its EventRecordID, or the 1-based line where it begins */
    struct str member;        /* of an archive, "" otherwise */
    uint32_t member_number;   /* 1 … */
    bool is_ordered; /* lines of a table whose header may change on the way: blocks of this file need each
                        other */
    struct evtx_counts event_log; /* what of the chunk could be read */
    uint64_t cut_records;         /* longer than FEED_RECORD_BYTES, or broken off */
    struct str chunk;             /* not yet decoded */
    struct str path;
    int64_t received_ns;
    int64_t written_ns; /* the file was, last; INT64_MAX = unknown */
};

/* 1 = a block, 0 = the end, −1 = one member of an archive could not be read (the next call goes on with the
 * next), or the file (the next call gives 0). Sequence numbers go on over the file; the sender is the path.
 * Empty lines are skipped but counted. */
int feed_next_block(struct feed *f, int64_t received_ns, struct feed_block **block, struct error *err);
/* Decodes what is still to be decoded: any thread may do it, with a reader of its own. */
void feed_decode(struct feed_block *block, struct evtx_reader *reader);
void feed_block_free(struct feed_block *block); /* with its batch */

/* The number that people know a record by. */
uint64_t feed_record_number(const struct feed_block *block, uint64_t sequence);

/* Both in one, for one thread: NULL at the end, or on an error with `err` set (its text is empty at the end).
 * The batch is the caller's. */
struct batch *feed_next(struct feed *f, int64_t received_ns, struct error *err);

uint64_t feed_records(const struct feed *f);
uint64_t feed_position(const struct feed *f);      /* bytes of the file that were read */
uint64_t feed_skipped_bytes(const struct feed *f); /* of JSON and XML files, outside of records */

#endif
