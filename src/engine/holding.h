/* The last stretch before the store: batches that the desk has taken wait here until the incidents they led
 * to are kept in state.db, and go on in their order. A thread of its own: neither the disk under state.db nor
 * the writer holds up what the desk finds next, until HOLDING_CAPACITY batches wait. */
#ifndef ENGINE_HOLDING_H
#define ENGINE_HOLDING_H

#include "desk/desk.h"
#include "event/batch.h"
#include "store/store.h"

#define HOLDING_CAPACITY 64 /* batches that wait to be looked at, and as many that are held */

struct holding;
/* Desk and store are borrowed. */
struct holding *holding_new(struct desk *desk, struct store *store);
void holding_start(struct holding *h);
/* Takes the batch over, or a range that will never come; blocks while it is full. `has_news`: it changed
 * candidates, so incidents are kept before it goes. One thread. */
void holding_put(struct holding *h, struct batch *batch, bool has_news);
void holding_skip(struct holding *h, uint64_t first, uint64_t last);
/* From now on a disk that refuses is not waited for: what cannot be kept is left to the journal. Any thread.
 */
void holding_leave(struct holding *h);
/* Works off what was given and stops. */
void holding_stop(struct holding *h);
void holding_free(struct holding *h);

#endif
