/* Distinct items in a few words. Stage: instrument. Hashes → counts. Next: dns_tunnel.c, destination.c. */
#include "instrument/distinct.h"

#include <math.h>
#include <stddef.h>

bool bitmap_add(uint64_t *words, unsigned log2_bits, uint64_t hash)
{
    uint64_t bit = hash >> (64 - log2_bits);
    uint64_t mask = UINT64_C(1) << (bit & 63);
    bool is_new = !(words[bit >> 6] & mask);
    words[bit >> 6] |= mask;
    return is_new;
}

double bitmap_count(const uint64_t *words, unsigned log2_bits)
{
    size_t bits = (size_t)1 << log2_bits, set = 0;
    for (size_t i = 0; i < bits / 64; i++)
        set += (size_t)__builtin_popcountll(words[i]);
    double empty = set == bits ? 0.5 : (double)(bits - set);
    return (double)bits * log((double)bits / empty);
}

/* Bits of the hash that chose the part must not decide the race in it (Murmur3's finaliser). */
static uint64_t remix(uint64_t h)
{
    h = (h ^ (h >> 33)) * UINT64_C(0xff51afd7ed558ccd);
    h = (h ^ (h >> 33)) * UINT64_C(0xc4ceb9fe1a85ec53);
    return h ^ (h >> 33);
}

void weight_add(float *minima, unsigned log2_m, uint64_t hash, double weight)
{
    if (weight <= 0)
        return;
    double u = ((double)(remix(hash) >> 11) + 0.5) / 9007199254740992.0;
    float e = (float)(-log(u) / weight);
    float *least = &minima[hash >> (64 - log2_m)];
    if (*least == 0 || e < *least)
        *least = e;
}

/* Every part of the hash space runs a race of its own; the minima of parts with weight W each are exponential
 * with rate W, so that (f − 1) / Σ is the mean W of the f parts that hold anything. */
double weight_sum(const float *minima, unsigned log2_m)
{
    size_t m = (size_t)1 << log2_m, filled = 0;
    double sum = 0;
    for (size_t i = 0; i < m; i++)
        if (minima[i] > 0) {
            filled++;
            sum += (double)minima[i];
        }
    if (filled < 2)
        return filled ? 1 / sum : 0;
    return (double)filled * (double)(filled - 1) / sum;
}
