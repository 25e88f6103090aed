/* What is known of a destination, for the instruments that ask whether it is a rare one. */
#ifndef INSTRUMENT_DESTINATION_H
#define INSTRUMENT_DESTINATION_H

#include "instrument/target.h"

struct destination_known {
    uint32_t clients;        /* distinct, since it was first seen */
    bool is_exact;           /* false: an estimate (beyond 256 clients) */
    uint32_t active_clients; /* distinct clients with any destination at all */
    int64_t first_s;
    bool is_allowed;    /* on an allow list, or excepted by somebody */
    bool is_comparable; /* false: too few hosts are seen at all for prevalence to mean anything */
    bool is_rare;       /* visited by at most max(rare_clients, rare_share × active clients) */
};
/* `destination` is instrument_neighbour(i, "destination"); `registered` as in struct target. False when it
 * was never seen. */
bool destination_known(void *const *destination, struct str registered, struct destination_known *out);
/* Whether it lies below a provider where anybody takes a name for an address that changes; false without a
 * destination instrument. */
bool destination_is_dynamic(void *const *destination, struct str registered);

/* The visit that the event at hand is; worked out once for all. */
struct visit {
    struct target target;
    struct destination_known known;
    uint32_t client, place; /* serial numbers; a new one when it was forgotten in between */
};
/* Counts the event unless that was done, whichever instrument stands first. False when the sight is no visit
 * of ours to outside, or goes to an ignored port. */
bool destination_visit(void *const *destination, const struct sight *s, struct visit *out);

#endif
