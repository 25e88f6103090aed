/* The balance of events: for every source and hour of receipt, received = stored + filtered + rejected +
 * lost. */
#ifndef STORE_STATE_BALANCE_H
#define STORE_STATE_BALANCE_H

#include "base/arena.h"
#include "store/state.h"

struct balance_count {
    uint32_t source; /* number in the registry; 0 = not known */
    int64_t hour;    /* hours since 1970 UTC, of receipt: received_ns / 3,600 s */
    uint64_t received, stored, filtered, rejected, lost, bytes;
    int64_t difference; /* received − stored − filtered − rejected − lost; computed when read */
};

/* Adds the counts to those that are there. Call it inside the transaction that makes the counted things true.
 */
bool state_balance_add(struct state *s, const struct balance_count *rows, uint32_t count,
                       struct error *err) MUST_CHECK;

struct balance_filter {
    int64_t from_hour, to_hour; /* both inclusive; INT64_MIN and INT64_MAX = all */
    uint32_t source;            /* UINT32_MAX = all */
    bool only_open;             /* only rows whose difference is not zero */
};
/* In order of hour, then source. `total` (hour and source 0) is over what the filter lets through; may be
 * NULL. */
bool state_balance_list(struct state *s, const struct balance_filter *filter, struct arena *arena,
                        struct balance_count **out, uint32_t *count, struct balance_count *total,
                        struct error *err) MUST_CHECK;

#endif
