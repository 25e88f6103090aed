/* Sketches (spec 2.5): what a stream holds, in fixed memory, with a known error. For live panels and for
 * counts beyond what is kept exactly; never for evidence. Numbers only, no pointers: saved and copied as they
 * are. */
#ifndef INSTRUMENT_SKETCH_H
#define INSTRUMENT_SKETCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Space-Saving (Metwally, Agrawal, El Abbadi, ICDT 2005) over hashes: exact while at most `capacity` distinct
 * ones came; after that a count is too large by at most its `error` <= N/capacity, and everything that came
 * more than N/capacity times is there. Marks are the caller's: a newcomer's stays with its entry. */
struct heavy_entry {
    uint64_t hash;
    uint32_t count, error;
    uint32_t mark;
};
struct heavy_entry *heavy_add(struct heavy_entry *entries, uint32_t *used, uint32_t capacity, uint64_t hash,
                              uint32_t count, bool *is_new);

/* HyperLogLog (Flajolet et al., AofA 2007) with linear counting below 2.5·m; standard error 1.04/√m.
 * `registers` is 2^bits bytes, zeroed; bits 4 to 16. Merged by the maximum. */
void hyperloglog_add(uint8_t *registers, unsigned bits, uint64_t hash);
void hyperloglog_merge(uint8_t *into, const uint8_t *from, unsigned bits);
double hyperloglog_count(const uint8_t *registers, unsigned bits);
double hyperloglog_error(unsigned bits);

/* Count–Min (Cormode and Muthukrishnan, J. Algorithms 55, 2005): f <= estimate <= f + ε·N with probability
 * 1 − δ; width ⌈e/ε⌉, depth ⌈ln 1/δ⌉. `cells` is width·depth, zeroed. */
struct count_min_size {
    uint32_t width, depth;
};
struct count_min_size count_min_size(double epsilon, double delta);
void count_min_add(uint32_t *cells, struct count_min_size size, uint64_t hash, uint32_t count);
uint32_t count_min_estimate(const uint32_t *cells, struct count_min_size size, uint64_t hash);

#endif
