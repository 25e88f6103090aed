/* The correlator's state. Inside the stage only. */
#ifndef CORRELATE_CORRELATOR_H
#define CORRELATE_CORRELATOR_H

#include "correlate/group.h"

struct correlator {
    struct correlation_set *set;
    int64_t lateness_ns;
    int64_t watermark_ns; /* INT64_MIN before the first event */
    struct group **groups;
    uint32_t group_count, group_capacity;
    uint32_t sweep_at; /* number of groups at which idle ones are looked for */
    struct map by_key;
    struct group **heap; /* groups whose window is open, the one that ends first on top */
    uint32_t heap_count, heap_capacity;
    uint64_t next_number; /* of a group */
    uint64_t hit_count;
    struct correlator_counters counters;
    correlator_settled_fn *settled;
    void *settled_context;
    struct buf key, onward; /* scratch */
    /* while a batch is being taken */
    struct batch *batch;
    const struct event *event;
    uint32_t record_number;     /* of the match at hand */
    struct finding **insert_at; /* findings of earlier events are before this */
};

static inline int64_t horizon_of(const struct correlator *c)
{
    return c->watermark_ns == INT64_MIN ? INT64_MIN : time_after(c->watermark_ns, -c->lateness_ns);
}

/* correlator.c: the group of that key, made when there is none. The key is copied. */
struct group *correlator_group(struct correlator *c, uint32_t correlation, struct str key);
void correlator_add_group(struct correlator *c, struct group *g);
void correlator_wait(struct correlator *c, struct group *g); /* fixed windows: into the heap */
/* Sequences with a negation: into the heap, until just after that time; INT64_MIN: not for this hit. */
void correlator_wait_until(struct correlator *c, struct group *g, int64_t settled_ns);
/* Sets due_ns to when the next hit's match is settled, after that time; false: there is none. */
bool correlator_next_due(const struct correlator *c, struct group *g, int64_t after_ns);
void correlator_refill_heap(struct correlator *c); /* a group in it has lost all its hits */

/* hit.c: from an event, or from a firing's way on, into the groups. */
void hit_from_event(struct correlator *c, const struct route *route, const struct event *e,
                    const struct finding *f);
void hit_from_firing(struct correlator *c, const struct group *child, const struct firing *f);
void hit_moves(struct correlator *c, const struct group *child, const struct firing *from,
               const struct firing *to);

/* tell.c: a firing → a finding in the batch. */
void tell_firing(struct correlator *c, const struct group *g, const struct firing *f);

#endif
