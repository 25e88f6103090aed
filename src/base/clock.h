/* Time. Everything inside is nanoseconds since 1970-01-01T00:00:00Z (int64_t, "time_ns").
 * Stages read event time; only inputs, timers and the journal ask the wall clock. */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include "base/buf.h"
#include "base/error.h"
#include "base/str.h"

#define NS_PER_SECOND INT64_C(1000000000)
#define NS_PER_MS     INT64_C(1000000)
#define TIME_UNKNOWN  INT64_MIN

int64_t clock_wall_ns(void);
int64_t clock_monotonic_ns(void);

/* A zone: "UTC", "Z", "+09:00", "+0900", "JST" and the other common abbreviations of logs, or an IANA
 * name such as "Asia/Tokyo" (read once from the system's zone files; shared for the process). */
struct zone;
const struct zone *zone_utc(void);
const struct zone *zone_find(struct str name); /* NULL when unknown */
/* Seconds east of UTC that hold at that local wall time. */
int32_t zone_offset_at_local(const struct zone *z, int64_t local_seconds);
int32_t zone_offset_at_utc(const struct zone *z, int64_t utc_seconds);

int64_t civil_to_days(int64_t year, unsigned month, unsigned day); /* days since 1970-01-01 */
void days_to_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* Context for times that say less than everything. */
struct time_context {
    const struct zone *zone; /* for times without an offset; NULL = UTC */
    int64_t reference_ns;    /* for times without a year: the year that puts the time nearest to this, at most
                                a week ahead of it */
};

/* ISO 8601 / RFC 3339 in all common spellings: 'T' or ' ', '.' or ',' fraction of 1–9 digits, 'Z', ±hh:mm,
 * ±hhmm, ±hh, or no zone. The whole string must match. */
bool time_parse_iso(struct str s, const struct time_context *context, int64_t *time_ns);
/* RFC 3164 "Nov  2 09:13:07" with optional year ("Nov  2 2025 09:13:07", "2025 Nov  2 …"), optional fraction,
 * optional zone word. Returns the bytes consumed, 0 when it does not match. */
size_t time_parse_bsd(struct str s, const struct time_context *context, int64_t *time_ns);
/* Numbers: seconds, milliseconds, microseconds or nanoseconds since 1970 told apart by size; fractions kept.
 */
bool time_parse_epoch(struct str s, int64_t *time_ns);

/* A compiled format in the letters of strptime: %Y %y %m %d %e %b %B %H %I %p %M %S %f (fraction of any
 * length) %z %Z %a %A %j %s (epoch) %L (epoch in ms) %T %D %F %%; a space matches any run of white space. */
struct time_format;
struct time_format *time_format_new(struct str format, struct error *err);
void time_format_free(struct time_format *f);
bool time_format_parse(const struct time_format *f, struct str s, const struct time_context *context,
                       int64_t *time_ns);

/* "2025-11-10T00:13:09.123456789Z"; the fraction has 3, 6 or 9 digits, as few as keep the value. */
#define TIME_TEXT_MAX 40
size_t time_format_iso(int64_t time_ns, char out[TIME_TEXT_MAX]);
size_t time_format_local(int64_t time_ns, const struct zone *z, char out[TIME_TEXT_MAX]); /* with ±hh:mm */

/* Operator's expressions: ISO times, "now", "now-7d", "now-15m", "today", and the units s m h d w. */
bool time_parse_expression(struct str s, int64_t now_ns, const struct zone *z, int64_t *time_ns);

#endif
