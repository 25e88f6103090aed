/* One request of dynamic authorisation and its answer, over UDP (RFC 5176). */
#ifndef CONNECT_RADIUS_CLIENT_H
#define CONNECT_RADIUS_CLIENT_H

#include <stdatomic.h>

#include "connect/radius.h"

struct radius_exchange {
    const char *host, *port;
    struct str secret;
    unsigned tries;                      /* the same packet, with the same identifier, so often */
    unsigned timeout_ms;                 /* for each */
    bool needs_authenticator;            /* of the answer */
    const atomic_bool *is_over;          /* gives up at once when it becomes true; may be NULL */
    const struct radius_packet *request; /* signed */
    unsigned sent;                       /* out: packets sent */
    char answer_bytes[RADIUS_PACKET_MAX + 1];
};
/* False with a sentence: no answer that holds. A NAK is an answer. */
bool radius_exchange(struct radius_exchange *x, struct radius_answer *answer, struct error *err) MUST_CHECK;

#endif
