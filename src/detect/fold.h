/* Comparison without regard to case: Unicode simple folding (statuses C and S of CaseFolding.txt). */
#ifndef DETECT_FOLD_H
#define DETECT_FOLD_H

#include "base/str.h"

/* Folding makes a text at most this many times longer (U+023A: two bytes become three). */
#define FOLD_GROWTH(n) ((n) + (n) / 2 + 1)

/* Writes the folded text to `out` (room for FOLD_GROWTH(s.n) bytes) and returns its length. Bytes that are
 * not UTF-8 are copied as they are. `*is_ascii` (may be NULL): no byte of `s` is above 127. */
size_t fold_text(struct str s, char *out, bool *is_ascii);
uint32_t fold_code_point(uint32_t c);

/* Bytes of the character that starts at s.p: 1 for bytes that are not UTF-8. s.n > 0. */
size_t utf8_step(struct str s);

#endif
