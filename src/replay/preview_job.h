/* Previews for the console: one after the other on a thread of their own, over the stored events, bounded in
 * time and number. The last few are kept with their results. */
#ifndef REPLAY_PREVIEW_JOB_H
#define REPLAY_PREVIEW_JOB_H

#include "replay/preview.h"
#include "store/store.h"

#define PREVIEW_JOBS_MAX   8       /* kept; the oldest that is done goes first */
#define PREVIEW_EVENTS_MAX 5000000 /* the newest of the range */
#define PREVIEW_TIME_NS    (120 * NS_PER_SECOND)

struct preview_jobs;
/* `rules` is borrowed; NULL = findings are not attributed by leases and log-ons. */
struct preview_jobs *preview_jobs_new(struct store *store, const struct identity_rules *rules);
void preview_jobs_free(struct preview_jobs *j); /* gives up what is running; NULL is fine */

/* Takes over what preview_new() would, also on false: then PREVIEW_JOBS_MAX are waiting or running. */
bool preview_jobs_start(struct preview_jobs *j, struct preview_side before, struct preview_side after,
                        struct context *context, int64_t from_ns, int64_t to_ns, uint64_t *id);
/* The job as a JSON object; false when there is none of that number (any more). */
bool preview_jobs_json(struct preview_jobs *j, uint64_t id, struct buf *json);

#endif
