/* Numbers that look random and are the same for the same seed: splitmix64 (Steele, Lea and Flood, "Fast
 * splittable pseudorandom number generators", 2014). Each actor has a state of its own, so that one more
 * actor changes nothing for the others. */
#ifndef SIMULATE_RANDOM_H
#define SIMULATE_RANDOM_H

#include <math.h>
#include <stdint.h>

#include "base/str.h"

struct random {
    uint64_t state;
};

/* A well mixed function of its argument. */
static inline uint64_t random_mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

static inline uint64_t random_key(uint64_t a, uint64_t b)
{
    return random_mix(random_mix(a + UINT64_C(0x9e3779b97f4a7c15)) ^ b);
}

static inline uint64_t random_key_of(uint64_t a, struct str name)
{
    return random_key(a, str_hash(name));
}

static inline uint64_t random_next(struct random *r)
{
    return random_mix(r->state += UINT64_C(0x9e3779b97f4a7c15));
}

/* [0, 1) of a key: the same key gives the same share. */
static inline double random_share(uint64_t key)
{
    return (double)(key >> 11) * 0x1p-53;
}

static inline double random_unit(struct random *r)
{
    return random_share(random_next(r));
}

/* Both ends included. */
static inline int64_t random_between(struct random *r, int64_t low, int64_t high)
{
    return high <= low ? low : low + (int64_t)(random_next(r) % ((uint64_t)(high - low) + 1));
}

static inline double random_exponential(struct random *r) /* mean 1 */
{
    return -log1p(-random_unit(r));
}

/* Box and Muller, one of the two. */
static inline double random_normal(struct random *r)
{
    double radius = sqrt(2 * random_exponential(r));
    return radius * cos(6.283185307179586 * random_unit(r));
}

#endif
