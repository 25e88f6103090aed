/* How canaries enter: over each kind of input as its peers do. */
#ifndef PROOF_CANARY_SEND_H
#define PROOF_CANARY_SEND_H

#include "proof/canary.h"

/* Sends the records, each with its mark already; `records` are texts without line end. False with a sentence
 * when the input refuses. */
bool canary_send(const struct canary_options *options, const struct canary_input *input,
                 const struct str *records, uint32_t count, struct error *err) MUST_CHECK;
/* Whether the input can carry the record; false: the reason, in the process language. */
bool canary_can_send(const struct canary_input *input, struct str record, const char **why);

#endif
