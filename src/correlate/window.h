/* The hits of one group and what they amount to. Inside the stage only. */
#ifndef CORRELATE_WINDOW_H
#define CORRELATE_WINDOW_H

#include "correlate/rule.h"

/* Who a hit is about, and the way on from its correlation: one block of bytes, shared by hits in which it is
 * the same. origin.c knows the layout. */
struct origin {
    uint32_t references, size;
    char bytes[];
};

struct hit {
    int64_t time_ns;
    uint64_t sequence;
    uint64_t value; /* hash of the value that is counted */
    double number;  /* the value that is added up */
    uint64_t child; /* of a correlation's firing: that group's number; 0 for a match of a rule */
    uint32_t step;  /* which of the correlation's rules */
    bool has_value; /* false: counts as an event, but not as a value */
    bool is_second; /* sequences: the same hit is in another group too, which speaks for it (hit.c) */
    bool is_token;  /* sequences: what happened on the hosts before; `number` is its weight (hop.c) */
    struct origin *origin;
};

/* How often each value occurs among the hits; open addressing, 0 = free (a hash of 0 is taken as 1). */
struct value_counts {
    uint64_t *values;
    uint32_t *counts;
    uint32_t distinct, size;
};

/* In order of time; equal times in any order. */
struct hits {
    struct hit *items;
    uint32_t count, capacity;
    struct value_counts values;
};

void hits_free(struct hits *h);

/* First hit not before (or after) that time. */
uint32_t hits_from(const struct hits *h, int64_t time_ns);
uint32_t hits_after(const struct hits *h, int64_t time_ns);
void hits_insert(struct hits *h, const struct hit *hit);
void hits_remove(struct hits *h, uint32_t at, uint32_t count); /* releases their origins */

/* Whether the condition holds over items[from … to); `amount` is what was compared: the count, sum, … */
bool window_holds(const struct correlation *c, const struct hits *h, uint32_t from, uint32_t to,
                  double *amount);

/* origin.c: who, packed. */
struct who {
    struct str host_name, host_ip, user, department, product, peer;
    int importance;
    uint32_t source;
    enum passage passage;
};
struct origin *origin_new(const struct who *who, struct str onward);
struct origin *origin_share(struct origin *o);
void origin_release(struct origin *o);
/* Borrowed from the origin. */
struct str origin_read(const struct origin *o, struct who *who);

static inline int64_t time_after(int64_t time_ns, int64_t span_ns)
{
    int64_t sum;
    if (__builtin_add_overflow(time_ns, span_ns, &sum))
        return span_ns < 0 ? INT64_MIN : INT64_MAX;
    return sum;
}

#endif
