/* RFC 4648 base64. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"

void base64_encode(struct buf *out, struct str bytes);
bool base64_decode(struct buf *out, struct str text); /* standard alphabet, padding optional */

#endif
