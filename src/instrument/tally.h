/* Who is behind a count: one bin of one key. Exact while few sources take part; beyond that the busiest ones
 * (Space-Saving) and how many there are (HyperLogLog, ±13 %). Numbers and one text: saved as it is. */
#ifndef INSTRUMENT_TALLY_H
#define INSTRUMENT_TALLY_H

#include "base/str.h"
#include "instrument/sketch.h"

enum { TALLY_SOURCES = 24, TALLY_BITS = 6, TALLY_NAME = 48 };

struct tally { /* starts zeroed */
    uint32_t count, used;
    struct heavy_entry sources[TALLY_SOURCES]; /* mark: 1 = inside */
    uint8_t distinct[1 << TALLY_BITS];
    uint64_t top_hash;
    char top_name[TALLY_NAME]; /* of the busiest source, cut to what fits; zero-filled */
    uint8_t top_is_inside;
};

struct source_name {
    struct str name;
    uint64_t hash; /* 0: of the name */
    bool is_inside;
};

void tally_add(struct tally *t, const struct source_name *source, uint32_t count);
void tally_merge(struct tally *into, const struct tally *from);

struct tally_sources {
    double inside, outside; /* different ones */
    uint32_t top;           /* count of the busiest */
};
struct tally_sources tally_sources(const struct tally *t);

/* The count when each source counts at most as much as the third busiest does, or as `least` when that is
 * more: one or two noisy sources move it little (S54, the single-host rule). */
double tally_trimmed(const struct tally *t, double least);

#endif
