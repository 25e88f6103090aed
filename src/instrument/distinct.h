/* How many different items, and how much they weigh together, in a fixed few words that lie inside a record
 * and are saved as they are. Where people see such a count it is marked "≈" once it is an estimate. */
#ifndef INSTRUMENT_DISTINCT_H
#define INSTRUMENT_DISTINCT_H

#include <stdbool.h>
#include <stdint.h>

/* Linear counting (Whang, Vander-Zanden, Taylor, TODS 1990): standard error √(m(eᵗ − t − 1)) / n at load
 * t = n/m, so nearly exact while few bits are set. `words` has 2^log2_bits bits, zero at first. */
bool bitmap_add(uint64_t *words, unsigned log2_bits, uint64_t hash); /* true: was not set */
double bitmap_count(const uint64_t *words, unsigned log2_bits);

/* Sum of the weights of distinct items from exponential minima with stochastic averaging (Cohen, "Size-
 * estimation framework", JCSS 55, 1997): standard error about 1/√(m − 2). Zero at first. */
void weight_add(float *minima, unsigned log2_m, uint64_t hash, double weight);
double weight_sum(const float *minima, unsigned log2_m);

#endif
