/* One group of one correlation: its hits, and when it fired. Inside the stage only. */
#ifndef CORRELATE_GROUP_H
#define CORRELATE_GROUP_H

#include "correlate/window.h"

/* A firing that was told and is not settled yet: hits that come late may still move it. */
struct firing {
    int64_t time_ns;
    struct origin *origin; /* of the hit that completed it */
    double amount;
};

struct firings {
    struct firing *items;
    uint32_t count, capacity;
};

struct group {
    struct str key;  /* 8 bytes: the correlation's hash; then the values. Owned */
    uint64_t number; /* never given twice */
    uint32_t correlation;
    struct hits hits;
    int64_t settled_ns; /* of the last settled firing; INT64_MIN = none. Fixed windows: end of the last one */
    struct firings told; /* sliding windows only, in order of time */
    int64_t due_ns;      /* sequences with a negation, in the heap: when to look at it */
    bool is_in_heap;     /* waits for a window to end */
};

struct group *group_new(struct str key, uint32_t correlation, uint64_t number);
void group_free(struct group *g);

void firings_insert(struct firings *f, struct firing firing);
void firings_remove(struct firings *f, uint32_t at);

/* What a change of a group's hits at `from_ns` or later means. `told` is brought up to date; `tell` is called
 * for each firing that is new, `move` for each that stands at another time or on another hit than it did;
 * `to` is NULL when it is gone. */
struct group_news {
    void *context;
    void (*tell)(void *context, struct group *g, const struct firing *f);
    void (*move)(void *context, struct group *g, const struct firing *from, const struct firing *to);
};
void group_recompute(struct group *g, const struct correlation *c, int64_t from_ns,
                     const struct group_news *news);

/* Everything up to `horizon_ns` is settled: firings are, and hits that no window can reach any more go.
 * `settled` may be NULL. */
void group_settle(struct group *g, const struct correlation *c, int64_t horizon_ns,
                  correlator_settled_fn *settled, void *context);
/* Nothing is left that could matter. */
bool group_is_idle(const struct group *g, const struct correlation *c, int64_t horizon_ns);

#endif
