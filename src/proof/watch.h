/* The watch over what comes: which rules fired, what each source sends and fills, and whether canaries come
 * back. Told of every batch by the desk's thread and of fields by the workers; kept in state.db now and then,
 * so that a restart does not forget. A crash loses the last minute; what the journal then brings again is
 * counted again.
 *
 * Canaries count for nothing here but the canary they are. */
#ifndef PROOF_WATCH_H
#define PROOF_WATCH_H

#include "base/arena.h"
#include "detect/detect.h"
#include "event/batch.h"
#include "store/state_proof.h"

#define WATCH_HISTORY_HOURS    (8 * 24)
#define WATCH_OBSERVATIONS_MAX 200000 /* source × log source × field */
#define WATCH_HOURS_MAX        500000 /* source × hour */

struct watch;
/* Reads what state.db knows; `state` may be NULL: nothing is kept. */
struct watch *watch_new(struct state *state, struct error *err) MUST_CHECK;
void watch_free(struct watch *w);

/* The desk's thread: the batch in its order, findings filled. */
void watch_batch(struct watch *w, const struct batch *batch);
/* A worker's: what its matcher has seen since the last time. */
void watch_scratch(struct watch *w, struct detect_scratch *scratch);
/* What changed goes into state.db. */
bool watch_save(struct watch *w, struct error *err) MUST_CHECK;

/* Who waits for canaries: called by the desk's thread for each canary event with the findings it made (those
 * of `batch->withheld` with its sequence). NULL: nobody. */
typedef void (*watch_canary)(void *context, const struct event *e, const struct batch *batch);
void watch_set_canary(struct watch *w, watch_canary came, void *context);

/* Any thread; copies in the arena. Rows are sorted: activity by source and hour, observations by source, log
 * source and field. */
struct watch_view {
    struct source_activity *hours;
    uint32_t hour_count;
    struct observation *observations;
    uint32_t observation_count;
    bool is_full; /* a limit was reached: some are not watched */
};
void watch_look(struct watch *w, struct arena *arena, struct watch_view *out);
/* False when nothing is known about the rule. */
bool watch_rule(struct watch *w, struct str rule_id, struct rule_activity *out);
/* Findings that the exception has withheld so far. */
uint64_t watch_suppressed(struct watch *w, int64_t exception);

#endif
