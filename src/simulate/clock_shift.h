/* Moves all times that a line names, as a clock that goes wrong does. Works on any line: ISO 8601 and its
 * relatives, date= time=, "10-Nov-2025 09:13:07", "Nov 10 09:13:07", seconds since 1970 at the start or
 * behind "ts":, eventtime= and rt=. */
#ifndef SIMULATE_CLOCK_SHIFT_H
#define SIMULATE_CLOCK_SHIFT_H

#include "base/buf.h"

/* Appends the line with its times moved by whole seconds; what is finer stays as it is. */
void clock_shift(struct str line, int64_t seconds, struct buf *out);

#endif
