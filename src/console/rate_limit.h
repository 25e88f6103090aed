/* Counts failures per key in a sliding window. Bounded: past its capacity the key that failed longest ago is
 * forgotten. Any thread. */
#ifndef CONSOLE_RATE_LIMIT_H
#define CONSOLE_RATE_LIMIT_H

#include "base/str.h"

struct rate_limit;
struct rate_limit *rate_limit_new(unsigned max_failures, int64_t window_ns, size_t capacity);
void rate_limit_free(struct rate_limit *l);

/* Takes one attempt. 0 = go on; else the seconds after which another may be made. An attempt counts as a
 * failure until rate_limit_forget(), so that attempts made at the same time cannot pass the limit together.
 */
unsigned rate_limit_attempt(struct rate_limit *l, struct str key, int64_t now_ns);
/* The same question without taking an attempt. */
unsigned rate_limit_wait(struct rate_limit *l, struct str key, int64_t now_ns);
/* It succeeded: takes all attempts of the key back. */
void rate_limit_forget(struct rate_limit *l, struct str key);
/* It succeeded: takes back only this one. */
void rate_limit_undo(struct rate_limit *l, struct str key);

#endif
