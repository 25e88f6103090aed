/* SHA-256 (FIPS 180-4) of bytes that come bit by bit: OpenSSL's, which uses the processor's instructions. */
#ifndef BASE_SHA256_H
#define BASE_SHA256_H

#include "base/error.h"
#include "base/str.h"

#define SHA256_BYTES 32

struct sha256;
struct sha256 *sha256_new(void);
void sha256_add(struct sha256 *h, struct str bytes);
/* Gives the hash and frees `h`; `out` may be NULL: nobody wants it any more. */
void sha256_end(struct sha256 *h, unsigned char out[SHA256_BYTES]);
/* Of a file from its begin to its end; `fd` stays open. False with errno. */
bool sha256_of_file(int fd, unsigned char out[SHA256_BYTES], uint64_t *bytes) MUST_CHECK;
/* RFC 2104 with SHA-256; the key has at most 64 bytes. */
void hmac_sha256(struct str key, struct str message, unsigned char out[SHA256_BYTES]);

/* Only where a format asks for it: name-based UUIDs of version 5 (RFC 9562), "xxxxxxxx-…" of 36 characters.
 */
#define UUID_TEXT_BYTES 36
void uuid_of_name(const unsigned char space[16], struct str name, char out[UUID_TEXT_BYTES]);

#endif
