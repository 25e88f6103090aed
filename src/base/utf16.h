/* UTF-16 as Windows writes it: event logs, and text files that begin with a byte order mark. */
#ifndef BASE_UTF16_H
#define BASE_UTF16_H

#include "base/buf.h"

/* One character as UTF-8 (1–4 bytes); returns their number. What is no character (surrogates, beyond
 * U+10FFFF) becomes U+FFFD. */
size_t utf8_put(uint32_t code, char out[4]);

/* The next character of `units` bytes at *at, which moves behind it; a lone surrogate or an odd byte at the
 * end gives U+FFFD. Call while *at < bytes.n. */
uint32_t utf16_next(struct str bytes, size_t *at, bool is_big_endian);

/* Appends all of it as UTF-8. */
void utf16_add(struct buf *out, struct str bytes, bool is_big_endian);

#endif
