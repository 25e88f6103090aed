/* Versions as they can be compared. A text is read as the date in it when content/fleet.yml knows its form
 * (then year-month-day and release of that day), else as the numbers in it, from the left: "1.10" follows
 * "1.9". */
#ifndef FLEET_VERSION_H
#define FLEET_VERSION_H

#include "base/regex.h"
#include "base/str.h"

#define VERSION_PARTS 6

struct version_key {
    uint64_t parts[VERSION_PARTS];
    uint32_t count;
    uint32_t has_date; /* parts[0] is yyyymmdd */
};

/* False when it is no version: empty, without a digit, nothing but zeros, or words ("unknown"). */
bool version_parse(struct str text, struct regex *const *dates, uint32_t date_count,
                   struct regex_scratch *scratch, struct version_key *out);
int version_compare(const struct version_key *a, const struct version_key *b);
/* Midnight UTC of the date in it; TIME_UNKNOWN when it has none. */
int64_t version_date_ns(const struct version_key *v);

#endif
