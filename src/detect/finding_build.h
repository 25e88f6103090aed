/* A rule that holds becomes a finding. Inside the stage only. */
#ifndef DETECT_FINDING_BUILD_H
#define DETECT_FINDING_BUILD_H

#include "detect/match.h"

/* `rule` is a number in the unit. Texts of the event are copied into the batch's arena. */
void finding_build(struct run *run, uint32_t rule, uint32_t record_number, struct batch *batch);

#endif
