/* The days of an office in Japan, from content/calendar.yml: public holidays by the rules of the law, the
 * days it is closed, its hours. Loaded once; afterwards any thread may ask. */
#ifndef BASE_CALENDAR_H
#define BASE_CALENDAR_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/str.h"

#define CALENDAR_FIRST_YEAR 2007 /* since then substitute holidays follow today's rule */
#define CALENDAR_LAST_YEAR  2099 /* the formula of the equinoxes holds until then */

struct calendar;
/* NULL with a sentence that names file and line. */
struct calendar *calendar_load(const char *path, struct error *err) MUST_CHECK;
void calendar_free(struct calendar *c); /* NULL is fine */

/* Days count from 1970-01-01, local. */

/* The name of the public holiday, "" when it is none; years outside of the two above have none. */
struct str calendar_holiday(const struct calendar *c, int64_t day);
/* 0 = Monday … 6 = Sunday. */
unsigned calendar_weekday(int64_t day);

enum calendar_office {
    OFFICE_COMPANY,    /* its own weekend and all closings of the file */
    OFFICE_GOVERNMENT, /* Saturday, Sunday, and the closings `for: everybody` (law 91 of 1988, article 1) */
};
bool calendar_is_business_day(const struct calendar *c, enum calendar_office office, int64_t day);
/* That day when it is one, else the next; after 400 days without one, that day. */
int64_t calendar_business_day_from(const struct calendar *c, enum calendar_office office, int64_t day);
/* The `count`-th business day after `day`, which itself does not count; 0 = `day`. */
int64_t calendar_add_business_days(const struct calendar *c, enum calendar_office office, int64_t day,
                                   unsigned count);
/* On a business day of the company, within its hours; `minute` of the local day. */
bool calendar_is_office_hour(const struct calendar *c, int64_t day, int minute);
int calendar_closing_minute(const struct calendar *c); /* of the day: when the office closes */

#endif
