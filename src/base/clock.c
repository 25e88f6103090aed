/* Ground floor: clocks, the calendar, writing times, and the operator's expressions. Reading times of logs is
 * time_parse.c, formats given by an operator time_format.c, zones zone.c. */
#include "base/clock.h"

#include <time.h>

#include "base/clock_internal.h"

static int64_t clock_ns(clockid_t id)
{
    struct timespec t;
    clock_gettime(id, &t);
    return (int64_t)t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

int64_t clock_wall_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

/* Both ways: the proleptic Gregorian calendar in eras of 400 years that begin in March, so that the leap day
 * is the last day of a year. Method: H. Hinnant, "chrono-Compatible Low-Level Date Algorithms". */
int64_t civil_to_days(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = (year >= 0 ? year : year - 399) / 400;
    int64_t year_of_era = year - era * 400;
    int64_t day_of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + (int64_t)day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

void days_to_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
    days += 719468;
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t day_of_era = days - era * 146097;
    int64_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    int64_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (unsigned)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (unsigned)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = year_of_era + era * 400 + (*month <= 2);
}

static char *put2(char *p, unsigned v)
{
    p[0] = (char)('0' + v / 10);
    p[1] = (char)('0' + v % 10);
    return p + 2;
}

static char *put3(char *p, unsigned v)
{
    *p++ = (char)('0' + v / 100);
    return put2(p, v % 100);
}

static int64_t floor_divide(int64_t a, int64_t b)
{
    return a / b - (a % b < 0);
}

/* An int64_t of nanoseconds reaches from 1677 to 2262: years have four digits. */
static char *put_civil(char *p, int64_t seconds, uint32_t nanosecond)
{
    int64_t days = floor_divide(seconds, SECONDS_PER_DAY), year;
    unsigned left = (unsigned)(seconds - days * SECONDS_PER_DAY), month, day;
    days_to_civil(days, &year, &month, &day);
    p = put2(put2(p, (unsigned)year / 100), (unsigned)year % 100);
    *p++ = '-';
    p = put2(p, month);
    *p++ = '-';
    p = put2(p, day);
    *p++ = 'T';
    p = put2(p, left / 3600);
    *p++ = ':';
    p = put2(p, left / 60 % 60);
    *p++ = ':';
    p = put2(p, left % 60);
    *p++ = '.';
    p = put3(p, nanosecond / 1000000);
    if (nanosecond % 1000000)
        p = put3(p, nanosecond / 1000 % 1000);
    if (nanosecond % 1000)
        p = put3(p, nanosecond % 1000);
    return p;
}

size_t time_format_iso(int64_t time_ns, char out[TIME_TEXT_MAX])
{
    int64_t seconds = floor_divide(time_ns, NS_PER_SECOND);
    char *p = put_civil(out, seconds, (uint32_t)(time_ns - seconds * NS_PER_SECOND));
    *p++ = 'Z';
    *p = '\0';
    return (size_t)(p - out);
}

size_t time_format_local(int64_t time_ns, const struct zone *z, char out[TIME_TEXT_MAX])
{
    int64_t seconds = floor_divide(time_ns, NS_PER_SECOND);
    int32_t offset = z ? zone_offset_at_utc(z, seconds) : 0;
    char *p = put_civil(out, seconds + offset, (uint32_t)(time_ns - seconds * NS_PER_SECOND));
    unsigned minutes = (unsigned)(offset < 0 ? -offset : offset) / 60;
    *p++ = offset < 0 ? '-' : '+';
    p = put2(p, minutes / 60);
    *p++ = ':';
    p = put2(p, minutes % 60);
    *p = '\0';
    return (size_t)(p - out);
}

static bool unit_ns(char unit, int64_t *ns)
{
    static const struct {
        char letter;
        int64_t seconds;
    } units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', 86400}, {'w', 604800}};
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (units[i].letter == unit) {
            *ns = units[i].seconds * NS_PER_SECOND;
            return true;
        }
    }
    return false;
}

/* "-7d", "+90m", "-1d+6h" on top of *time_ns. */
static bool add_terms(struct str s, int64_t *time_ns)
{
    while (s.n) {
        bool is_minus = s.p[0] == '-';
        size_t end = 1;
        while (end < s.n && ascii_is_digit(s.p[end]))
            end++;
        int64_t count, unit;
        if ((!is_minus && s.p[0] != '+') || end == s.n || !str_to_i64(str_slice(s, 1, end), &count) ||
            !unit_ns(s.p[end], &unit) || __builtin_mul_overflow(is_minus ? -count : count, unit, &unit) ||
            __builtin_add_overflow(*time_ns, unit, time_ns))
            return false;
        s = str_skip(s, end + 1);
    }
    return true;
}

static int64_t midnight(int64_t now_ns, const struct zone *z)
{
    int64_t seconds = floor_divide(now_ns, NS_PER_SECOND);
    int64_t local = seconds + (z ? zone_offset_at_utc(z, seconds) : 0);
    local = floor_divide(local, SECONDS_PER_DAY) * SECONDS_PER_DAY;
    return (local - (z ? zone_offset_at_local(z, local) : 0)) * NS_PER_SECOND;
}

bool time_parse_expression(struct str s, int64_t now_ns, const struct zone *z, int64_t *time_ns)
{
    s = str_trim(s);
    int64_t from = now_ns;
    struct str terms = {NULL, 0};
    if (str_starts(s, STR("now"))) {
        terms = str_skip(s, 3);
    } else if (str_starts(s, STR("today"))) {
        from = midnight(now_ns, z);
        terms = str_skip(s, 5);
    } else if (s.n && s.p[0] == '-') {
        terms = s;
    }
    if (terms.p) {
        if (!add_terms(terms, &from))
            return false;
        *time_ns = from;
        return true;
    }
    struct time_context context = {.zone = z, .reference_ns = now_ns};
    return time_parse_iso(s, &context, time_ns) || time_parse_epoch(s, time_ns);
}
