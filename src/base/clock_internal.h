/* What the readers of times share; only time_parse.c, time_format.c, zone.c and clock.c include it. */
#ifndef BASE_CLOCK_INTERNAL_H
#define BASE_CLOCK_INTERNAL_H

#include "base/clock.h"

#define SECONDS_PER_DAY INT64_C(86400)
#define YEAR_UNKNOWN    INT32_MIN
#define OFFSET_UNKNOWN  INT32_MIN

/* A time as it is written down. */
struct time_fields {
    int32_t year; /* YEAR_UNKNOWN: the context decides */
    uint32_t month, day, hour, minute, second, nanosecond;
    int32_t offset;          /* seconds east of UTC, OFFSET_UNKNOWN: the context decides */
    const struct zone *zone; /* named in the text; NULL: the context decides */
};

/* False when a member is out of range or the result does not fit. */
bool time_from_fields(const struct time_fields *f, const struct time_context *context, int64_t *time_ns);

/* "Z", "+09:00", "+0900", "+09", "JST" …: bytes consumed from the start, 0 when none of these. */
size_t zone_word_parse(struct str s, int32_t *offset);

/* "Jan" or "January" in any case: bytes consumed, 0 when it is no month. */
size_t month_word_parse(struct str s, uint32_t *month);

static inline bool digits2(const char *p, uint32_t *out)
{
    unsigned high = (unsigned char)p[0] - '0', low = (unsigned char)p[1] - '0';
    *out = high * 10 + low;
    return high <= 9 && low <= 9;
}

/* Digits behind a point: nanoseconds of the first nine, the rest only skipped. Returns the digits read. */
size_t fraction_parse(struct str s, uint32_t *nanosecond);

#endif
