/* Times as the systems write them, in the office's zone (UTC+9, no summer time), and spans as people write
 * them. */
#ifndef SIMULATE_TIME_FORM_H
#define SIMULATE_TIME_FORM_H

#include "base/buf.h"
#include "base/clock.h"

#define TIME_OFFSET_NS (9 * 3600 * NS_PER_SECOND)
#define DAY_NS         (86400 * NS_PER_SECOND)

/* Local day, counted from 1970-01-01, and its first moment. */
static inline int64_t time_day(int64_t time_ns)
{
    int64_t local = time_ns + TIME_OFFSET_NS;
    return local / DAY_NS - (local % DAY_NS < 0);
}
static inline int64_t time_of_day(int64_t day)
{
    return day * DAY_NS - TIME_OFFSET_NS;
}

enum time_form {
#define TIME_FORM(name, word, example) TIME_FORM_##name,
#include "simulate/time_forms.def"
#undef TIME_FORM
    TIME_FORM_COUNT
};
bool time_form_find(struct str word, enum time_form *out);
void time_form_put(enum time_form form, int64_t time_ns, struct buf *out);

/* "90s", "9m30s", "1h", "30ms", "2d", "0.4s": one number and unit after the other. */
bool span_parse(struct str text, int64_t *span_ns);
/* "30-60ms", "1s-3s" or one span: both ends; a unit that is missing is that of the other end. */
bool span_range_parse(struct str text, int64_t *low_ns, int64_t *high_ns);

#endif
