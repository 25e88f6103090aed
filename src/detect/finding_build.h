/* A rule that holds becomes a finding. Inside the stage only. */
#ifndef DETECT_FINDING_BUILD_H
#define DETECT_FINDING_BUILD_H

#include "detect/match.h"

/* `rule` is a number in the unit. Texts of the event are copied into the batch's arena. */
void finding_build(struct run *run, uint32_t rule, uint32_t record_number, struct batch *batch);
/* Who is meant: address, name, user, department of the side asked for (or of the one the event knows), the
 * peer from `peer_field` or the other side, and the asset's importance. Texts are copied into the arena. */
void finding_entities(struct finding *f, const struct event *e, enum entity wanted, struct str peer_field,
                      struct arena *arena);

#endif
