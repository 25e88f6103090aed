/* Texts as the language compares them: by code points, letter case folded away (Unicode simple lower case,
 * the same mapping as SQL's lower()). Bytes that are not UTF-8 stand for themselves. */
#ifndef QUERY_TEXT_H
#define QUERY_TEXT_H

#include "base/arena.h"
#include "base/buf.h"

uint32_t text_fold_char(uint32_t c);
/* The code point at `*at`, which moves behind it. Precondition: *at < s.n. */
uint32_t text_next(struct str s, size_t *at);
void text_put(struct buf *out, uint32_t c);
size_t text_count_chars(struct str s); /* code points */

bool text_equal(struct str value, struct str folded);  /* fold(value) == folded */
int text_compare(struct str value, struct str folded); /* order of the UTF-8 bytes of fold(value) */
bool text_contains(struct str value, struct str folded);

/* A pattern: folded code points and these two. */
enum { PATTERN_ANY = -1, PATTERN_ONE = -2 };
struct pattern {
    int32_t *items;
    uint32_t count;
};
bool text_like(struct str value, const struct pattern *p); /* the whole value */

/* A text that is a JSON array of strings stands for its elements: that is how the store keeps several values
 * of a vendor field. Walks them: `*at` starts at 0; false at the end. `text_is_list` must be true. Elements
 * are decoded into `out` (nulls are skipped). */
bool text_is_list(struct str s);
bool text_next_element(struct str s, size_t *at, struct buf *out);

/* Digits with optional minus and fraction, at most 18 digits on each side: what counts as a number inside a
 * keyword. */
bool text_is_decimal(struct str s);

#endif
