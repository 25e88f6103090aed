/* Who an event and its findings are about, from what the journal has told so far: leases, log-ons. The desk
 * does this before instruments, correlations and the judge look, in the order of the journal. The inventory's
 * word stands where it has one for the address; what was learned fills the rest, and a contradiction is noted
 * and counted. */
#ifndef ENRICH_ATTRIBUTE_H
#define ENRICH_ATTRIBUTE_H

#include "enrich/context.h"
#include "enrich/identity.h"
#include "event/batch.h"

/* Takes the batch's facts that are newer than `counted`, and attributes each event with what is known up to
 * it. Sets hyakuyo.source.host and .user, hyakuyo.destination.host and .user, hyakuyo.identity.*; where a
 * name that was learned is in the inventory, its department, importance, roles … too. `c` may be NULL. */
void attribute_events(struct identity *t, const struct context *c, struct batch *batch, uint64_t counted);
/* The same for findings of the batch, linked by next: host, user, department, importance, is_identified. */
void attribute_findings(const struct identity *t, const struct context *c, struct batch *batch,
                        struct finding *first);

/* Whether a finding is about an address that is not ours: in no registered network, no private one, leased to
 * nobody here, of no host with a name. What has a name is taken for ours: a laptop on the road reports from
 * addresses of others. `t` and `c` may be NULL. */
bool attribute_is_outside(const struct identity *t, const struct context *c, const struct finding *f);

#endif
