/* Different items within a window (stage instrument); see recent.h. */
#include "instrument/recent.h"

bool recent_add(struct recent *r, uint64_t item, int64_t time_ns, int64_t window_ns)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < RECENT_MAX; i++) {
        if (r->items[i] == item && r->times_ns[i] != 0) {
            bool is_new = r->times_ns[i] <= time_ns - window_ns;
            r->times_ns[i] = r->times_ns[i] > time_ns ? r->times_ns[i] : time_ns;
            return is_new;
        }
        if (r->times_ns[i] < r->times_ns[at])
            at = i;
    }
    r->times_ns[at] = time_ns;
    r->items[at] = item;
    return true;
}

uint32_t recent_count(const struct recent *r, int64_t time_ns, int64_t window_ns)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < RECENT_MAX; i++)
        count += r->times_ns[i] != 0 && r->times_ns[i] > time_ns - window_ns && r->times_ns[i] <= time_ns;
    return count;
}
