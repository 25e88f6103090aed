/* The latest different items and when each was met: how many of them lie within a window. Numbers only, fixed
 * size, zeroed at first: lives inside records of keyed tables and is saved as it is. Exact up to RECENT_MAX
 * items in the window, which bounds every threshold that is compared with it. */
#ifndef INSTRUMENT_RECENT_H
#define INSTRUMENT_RECENT_H

#include <stdbool.h>
#include <stdint.h>

#define RECENT_MAX 64

struct recent {
    int64_t times_ns[RECENT_MAX]; /* 0 = free */
    uint64_t items[RECENT_MAX];   /* hashes */
};

/* Notes the item; true when it was not met within the window that ends at `time_ns`. The oldest makes room.
 */
bool recent_add(struct recent *r, uint64_t item, int64_t time_ns, int64_t window_ns);
/* Different items within (time − window, time]. */
uint32_t recent_count(const struct recent *r, int64_t time_ns, int64_t window_ns);

#endif
