/* Community ID version 1, https://github.com/corelight/community-id-spec: one string for a flow, the same in
 * both directions. Private to this stage. */
#ifndef NORMALISE_COMMUNITY_ID_H
#define NORMALISE_COMMUNITY_ID_H

#include "base/ip.h"

#define COMMUNITY_ID_LENGTH 30 /* "1:" and 28 letters of base64 */

struct flow {
    struct ip source, destination;
    uint16_t source_port, destination_port; /* ICMP: type and code */
    uint8_t protocol;                       /* IANA number */
};

/* Seed 0. */
void community_id(const struct flow *flow, char out[COMMUNITY_ID_LENGTH]);

/* FIPS 180-4, for messages of at most 55 bytes: one block. */
void sha1_short(const uint8_t *message, size_t n, uint8_t digest[20]);

#endif
