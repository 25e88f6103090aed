/* Which of many literals occur in a text, in one pass. Each literal is found by four of its bytes: a window
 * that few others share; a bit map over hashes of windows rejects nearly all positions of a text without a
 * branch that depends on the one before, and only the rest is compared. Private to this stage. */
#ifndef NORMALISE_LITERAL_SCANNER_H
#define NORMALISE_LITERAL_SCANNER_H

#include "base/str.h"

struct literal_scanner;
struct literal_scanner *literal_scanner_new(void);
void literal_scanner_free(struct literal_scanner *s);
/* Number of the literal (the same text gets the same number); empty ones are not allowed. Before
 * literal_scanner_build. */
uint32_t literal_scanner_add(struct literal_scanner *s, struct str literal);
void literal_scanner_build(struct literal_scanner *s);
uint32_t literal_scanner_count(const struct literal_scanner *s);

/* Sets a bit in `seen` for each literal that occurs and puts its number into `hits` (room for the count),
 * once each. `seen` must be all zero. Returns how many. */
uint32_t literal_scanner_scan(const struct literal_scanner *s, struct str text, uint64_t *seen,
                              uint32_t *hits);

#endif
