/* Packets of dynamic authorisation: Disconnect-Request and CoA-Request (RFC 5176), their answers, and the
 * attributes they name (RFC 2865, 2866, 2868, 2869, 3162, 6911). Pure: bytes in, bytes out; radius_client.c
 * carries them.
 *
 *   0        1        2        3        4                            20
 *   | Code   | Ident. | Length          | Authenticator (16 octets)  | Attributes: Type, Length, Value …
 *
 * The Message-Authenticator stands first. In a request both it and the Request Authenticator are reckoned
 * over sixteen zeros in the Authenticator's place, the Message-Authenticator first (RFC 5176, 3). */
#ifndef CONNECT_RADIUS_H
#define CONNECT_RADIUS_H

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define RADIUS_PACKET_MAX 4096
#define RADIUS_VALUE_MAX  253
#define RADIUS_PORT       3799

enum radius_code {
    RADIUS_DISCONNECT_REQUEST = 40,
    RADIUS_DISCONNECT_ACK,
    RADIUS_DISCONNECT_NAK,
    RADIUS_COA_REQUEST,
    RADIUS_COA_ACK,
    RADIUS_COA_NAK,
};
const char *radius_code_name(enum radius_code code); /* "Disconnect-Request" …; code is one of the enum */

struct radius_packet {
    uint8_t bytes[RADIUS_PACKET_MAX];
    size_t n;
};
void radius_begin(struct radius_packet *p, enum radius_code code, uint8_t identifier);
/* An attribute by its name and its value as text: addresses, decimal numbers, else the bytes as they are. The
 * name "Vendor/9/1" stands for type 1 of vendor 9 (RFC 2865, 5.26). False with a sentence: no such attribute,
 * not such a value, no room. */
bool radius_put(struct radius_packet *p, struct str name, struct str value, struct error *err) MUST_CHECK;
/* Whether radius_put() knows the attribute. */
bool radius_has_attribute(struct str name);
/* Event-Timestamp: a NAS passes over what is old (RFC 5176, 6.3). */
bool radius_put_time(struct radius_packet *p, uint32_t unix_seconds, struct error *err) MUST_CHECK;
/* The last step: length and both authenticators. */
bool radius_sign(struct radius_packet *p, struct str secret, struct error *err) MUST_CHECK;

struct radius_answer {
    bool is_ack;
    enum radius_code code;
    uint32_t error_cause; /* RFC 5176, 3.5; 0 = none */
    struct str message;   /* Reply-Message, bytes of the datagram; "" = none */
};
/* Holds the datagram against the request: shape, identifier, code, Response Authenticator and, when there is
 * one or `needs_authenticator`, Message-Authenticator. False with a sentence: it is not an answer to us. */
bool radius_check(const struct radius_packet *request, struct str secret, bool needs_authenticator,
                  struct str datagram, struct radius_answer *out, struct error *err) MUST_CHECK;
/* "Session-Context-Not-Found" of 503; "" = not of the RFC. */
struct str radius_error_cause(uint32_t cause);

#endif
