/* Days on which few work: content/simulate/presence.yml over the calendar. */
#ifndef SIMULATE_QUIET_H
#define SIMULATE_QUIET_H

#include "base/calendar.h"

struct quiet;
/* NULL with a sentence. */
struct quiet *quiet_load(const char *path, struct error *err) MUST_CHECK;
void quiet_free(struct quiet *q); /* NULL is fine */

static inline bool quiet_is_workday(const struct calendar *c, int64_t day)
{
    return calendar_weekday(day) < 5 && calendar_holiday(c, day).n == 0;
}
/* Share of people who work on that day, 1 on an ordinary workday. */
double quiet_presence(const struct quiet *q, const struct calendar *c, int64_t day);

#endif
