/* Pseudo-random numbers of the generators of logs: the same seed gives the same lines on every machine. */
#ifndef BENCH_CHANCE_H
#define BENCH_CHANCE_H

#include "base/buf.h"

struct generator {
    uint64_t state; /* of the pseudo-random numbers */
    int64_t now;    /* seconds, UTC */
    bool has_priority;
    struct buf line;
};

/* splitmix64: one multiplication chain, any seed is good. */
static inline uint64_t next(struct generator *g)
{
    uint64_t z = g->state += UINT64_C(0x9E3779B97F4A7C15);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

static inline unsigned below(struct generator *g, unsigned limit)
{
    return (unsigned)((next(g) >> 32) * limit >> 32);
}

static inline unsigned between(struct generator *g, unsigned low, unsigned high)
{
    return low + below(g, high - low + 1);
}

/* The least of three: small numbers are much likelier. */
static inline unsigned skewed(struct generator *g, unsigned limit)
{
    unsigned least = below(g, limit);
    for (int i = 0; i < 2; i++) {
        unsigned other = below(g, limit);
        least = other < least ? other : least;
    }
    return least;
}

#define PICK(g, ...)                                                                                         \
    ((const char *const[]){                                                                                  \
        __VA_ARGS__}[below(g, sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *))])

#endif
