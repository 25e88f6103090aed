/* Disturbances of any stream of lines (spec 5.8): late by at most 120 s, sent twice, out of order, one
 * source's clock 90 s ahead, one source missing. */
#ifndef SIMULATE_DISTURB_H
#define SIMULATE_DISTURB_H

#include "base/error.h"
#include "base/str.h"

enum disturbance {
    DISTURB_NONE,
    DISTURB_LATE,
    DISTURB_DUPLICATED,
    DISTURB_OUT_OF_ORDER,
    DISTURB_SKEWED,
    DISTURB_MISSING
};

struct disturbance_options {
    enum disturbance kind;
    struct str source; /* of SKEWED and MISSING */
    uint64_t seed;
};
/* "late", "duplicated", "out-of-order", "skewed:SOURCE", "missing:SOURCE". */
bool disturbance_parse(struct str text, struct disturbance_options *out, struct error *err) MUST_CHECK;

/* `line` is called in order of arrival. */
struct disturber;
typedef bool (*disturbed_line)(void *context, int64_t arrival_ns, unsigned source, struct str text);
struct disturber *disturber_new(const struct disturbance_options *options, disturbed_line line,
                                void *context);
/* In order of time. `is_its_source`: the line is of options->source. */
bool disturber_take(struct disturber *d, int64_t time_ns, unsigned source, bool is_its_source,
                    struct str text) MUST_CHECK;
bool disturber_end(struct disturber *d) MUST_CHECK; /* what still waits; frees */

#endif
