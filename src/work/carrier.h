/* Countermeasures carried out by connectors (docs/connectors.md). Without connectors nothing is ordered and
 * nothing leaves.
 *
 *   approved ─▶ order in the outbox, one for each connector ─┬─▶ done: the countermeasure is active
 *   removed, expired ─▶ order of the undo                    ├─▶ tried again, later and later
 *                                                            ├─▶ failed, refused: a task for people
 *                                                            └─▶ withdrawn: nobody wants it any more
 *
 * An order enters state.db in the transaction of the approval and has one key for ever: what is sent twice,
 * because the program ended between sending and noting, is recognised by it. carrier.c is the thread,
 * carrier_lane.c a thread for each connector at work, carrier_order.c the outbox, carrier_values.c what is
 * known of a target, carrier_send.c one attempt, carrier_carry.c what goes over the connector. */
#ifndef WORK_CARRIER_H
#define WORK_CARRIER_H

#include "work/work.h"

struct carrier;
/* DATA/connectors.yml takes the place of content/connectors.yml. NULL with a sentence. */
struct carrier *carrier_start(struct server *s, struct error *err) MUST_CHECK;
void carrier_stop(struct carrier *c); /* NULL is fine */
/* Reads the connectors again; false: the old ones stay. */
bool carrier_reload(struct carrier *c, struct error *err) MUST_CHECK;
/* Loads the connectors.yml of that folder; for `hyakuyo check`. */
bool carrier_check(const char *content, struct error *err) MUST_CHECK;
void carrier_wake(struct carrier *c); /* NULL is fine */

/* Within a transaction of the recorder. The countermeasure is approved: orders for the connectors that serve
 * its device. A connector that lacks something gets an order that is refused, and people a task. */
bool carrier_order(struct casework *c, const struct work_row *measure);
/* It is over: what was not tried is withdrawn, what may have been done is undone by connectors that can. */
bool carrier_take_back(struct casework *c, const struct work_row *measure);

#endif
