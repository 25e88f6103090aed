/* Files at rest as batches: for the commands that look at logs without a server (scan, trace, replay). */
#ifndef FEED_H
#define FEED_H

#include "base/error.h"
#include "event/batch.h"

#define FEED_BATCH_RECORDS 1024
#define FEED_RECORD_BYTES  (16u << 20)

struct feed;
/* "-" reads standard input; .gz and .zst are unpacked. */
struct feed *feed_open(const char *path, struct error *err) MUST_CHECK;
void feed_close(struct feed *f);

/* Up to FEED_BATCH_RECORDS lines; sequence numbers are the 1-based line numbers, the sender is the path. NULL
 * at the end, or on a read error with `err` set (its text is empty at the end). Empty lines are skipped but
 * counted. */
struct batch *feed_next(struct feed *f, int64_t received_ns, struct error *err);
uint64_t feed_lines(const struct feed *f);

#endif
