/* Indicators by number for measuring: addresses 35 %, domains 34 %, SHA-256 20 %, URLs 8 %, networks 2 %, mail addresses
 * 1 %, the same for the same number. */
#ifndef BENCH_INDICATOR_MIX_H
#define BENCH_INDICATOR_MIX_H

#include "detect/indicator.h"

#define MIX_TEXT_MAX 256

/* Spreads the bits of a number (splitmix64). */
uint64_t mix_bits(uint64_t x);
/* Number i into out, n bytes; its type. `is_absent`: a value of the same form that is in no set. */
enum indicator_type mix_make(uint64_t i, bool is_absent, char out[MIX_TEXT_MAX], size_t *n);
/* The first `count` of them as the image of a source; returns how many were kept. The plan is borrowed. */
uint64_t mix_image(const struct indicator_plan *plan, uint64_t count, struct buf *image);

#endif
