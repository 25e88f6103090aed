/* MD5 (RFC 1321) and HMAC-MD5 (RFC 2104). Only where a protocol asks for it, which is RADIUS: never to
 * protect anything of our own. */
#ifndef BASE_MD5_H
#define BASE_MD5_H

#include "base/error.h"
#include "base/str.h"

#define MD5_BYTES 16

/* The hash of the parts one behind the other. False with a sentence where the machine's policy forbids MD5
 * (FIPS mode). */
bool md5_of(const struct str *parts, size_t count, unsigned char out[MD5_BYTES],
            struct error *err) MUST_CHECK;
/* Keys of any length. */
bool hmac_md5(struct str key, struct str message, unsigned char out[MD5_BYTES], struct error *err) MUST_CHECK;

#endif
