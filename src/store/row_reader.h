/* Whole events out of sealed parts by their sequence numbers, without an engine: the pages that hold a wanted
 * row are read, nothing else. What the ends of the files say is kept for the next time, within a bound. Any
 * thread. */
#ifndef STORE_ROW_READER_H
#define STORE_ROW_READER_H

#include "base/error.h"
#include "store/event_rebuild.h"
#include "store/part.h"

struct row_reader;
struct row_reader *row_reader_new(size_t cache_bytes); /* 0: 16 MiB */
void row_reader_free(struct row_reader *r);            /* no read may be running */

/* False ends the reading, without an error. The event is valid during the call. */
typedef bool row_reader_event_fn(void *context, const struct event *event);

/* `sequences` ascend and differ; those that the part does not hold are left out. False with a sentence when
 * the file cannot be read or is damaged; events may have been given before that. */
bool row_reader_read(struct row_reader *r, const struct part *part, const uint64_t *sequences, size_t count,
                     struct event_rebuild *rebuild, row_reader_event_fn *on_event, void *context,
                     struct error *err) MUST_CHECK;

#endif
