/* Ground floor: the times of logs. Hot: no allocation, no libc parser. Reads text and a context, leaves
 * nanoseconds. */
#include "base/clock_internal.h"

static uint32_t days_in_month(int64_t year, uint32_t month)
{
    static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && is_leap);
}

/* Second 60 is a leap second, 24:00:00 the end of the day (ISO 8601): both roll over by arithmetic. */
static bool clock_fields_are_valid(const struct time_fields *f)
{
    if (f->month - 1 > 11 || f->day - 1 > 30 || f->minute > 59 || f->second > 60)
        return false;
    return f->hour <= 23 || (f->hour == 24 && f->minute == 0 && f->second == 0);
}

static int64_t offset_of(const struct time_fields *f, const struct time_context *context, int64_t local)
{
    if (f->offset != OFFSET_UNKNOWN)
        return f->offset;
    const struct zone *zone = f->zone ? f->zone : context ? context->zone : NULL;
    return zone ? zone_offset_at_local(zone, local) : 0;
}

static bool with_year(const struct time_fields *f, int64_t year, const struct time_context *context,
                      int64_t *time_ns)
{
    if (year < 1678 || year > 2261 ||
        f->day > days_in_month(year, f->month)) /* what int64_t nanoseconds hold */
        return false;
    int64_t local = civil_to_days(year, f->month, f->day) * SECONDS_PER_DAY + f->hour * INT64_C(3600) +
                    f->minute * INT64_C(60) + f->second;
    *time_ns = (local - offset_of(f, context, local)) * NS_PER_SECOND + f->nanosecond;
    return true;
}

/* The latest year that puts the time at most a week ahead of the reference: next year only in the last days
 * of December (a day more for zones). 29 February may lie up to eight years back (1896–1904). */
static bool nearest_year(const struct time_fields *f, const struct time_context *context, int64_t *time_ns)
{
    int64_t reference = context ? context->reference_ns : 0, year, found;
    unsigned month, day;
    days_to_civil(reference / (SECONDS_PER_DAY * NS_PER_SECOND), &year, &month, &day);
    int64_t latest = month == 12 && day >= 22 ? year + 1 : year;
    for (int64_t y = latest; y >= year - 8; y--) {
        if (with_year(f, y, context, &found) && found - reference <= 7 * SECONDS_PER_DAY * NS_PER_SECOND) {
            *time_ns = found;
            return true;
        }
    }
    return false;
}

bool time_from_fields(const struct time_fields *f, const struct time_context *context, int64_t *time_ns)
{
    if (!clock_fields_are_valid(f))
        return false;
    if (f->year == YEAR_UNKNOWN)
        return nearest_year(f, context, time_ns);
    return with_year(f, f->year, context, time_ns);
}

size_t fraction_parse(struct str s, uint32_t *nanosecond)
{
    static const uint32_t scale[] = {1000000000, 100000000, 10000000, 1000000, 100000,
                                     10000,      1000,      100,      10,      1};
    uint32_t value = 0;
    size_t n = 0, kept = 0;
    for (; n < s.n && ascii_is_digit(s.p[n]); n++) {
        if (n < 9) {
            value = value * 10 + (uint32_t)(s.p[n] - '0');
            kept = n + 1;
        }
    }
    *nanosecond = value * scale[kept];
    return n;
}

/* "09:13:07", "09:13", "091307" with an optional fraction at *at; moves *at behind it. */
static bool clock_part(struct str s, size_t *at, struct time_fields *f)
{
    const char *p = s.p + *at;
    size_t left = s.n - *at, n;
    if (left < 4 || !digits2(p, &f->hour))
        return false;
    bool has_colons = p[2] == ':';
    n = has_colons ? 3 : 2;
    if (left < n + 2 || !digits2(p + n, &f->minute))
        return false;
    n += 2;
    size_t gap = has_colons ? 1 : 0;
    bool has_second = left >= n + gap + 2 && (!has_colons || p[n] == ':');
    if (has_second) {
        if (!digits2(p + n + gap, &f->second))
            return has_colons ? false : (*at += n, true);
        n += gap + 2;
        if (left > n + 1 && (p[n] == '.' || p[n] == ',') && ascii_is_digit(p[n + 1]))
            n += 1 + fraction_parse(str_n(p + n + 1, left - n - 1), &f->nanosecond);
    }
    *at += n;
    return true;
}

/* "2025-11-10", "2025/11/10" or "20251110". */
static bool date_part(struct str s, size_t *at, struct time_fields *f)
{
    uint32_t century, year;
    if (s.n < 8 || !digits2(s.p, &century) || !digits2(s.p + 2, &year))
        return false;
    f->year = (int32_t)(century * 100 + year);
    char separator = s.p[4];
    if (separator == '-' || separator == '/') {
        *at = 10;
        return s.n >= 10 && digits2(s.p + 5, &f->month) && s.p[7] == separator && digits2(s.p + 8, &f->day);
    }
    *at = 8;
    return digits2(s.p + 4, &f->month) && digits2(s.p + 6, &f->day);
}

bool time_parse_iso(struct str s, const struct time_context *context, int64_t *time_ns)
{
    struct time_fields f = {.offset = OFFSET_UNKNOWN};
    size_t at;
    if (!date_part(s, &at, &f))
        return false;
    if (at < s.n) {
        if (s.p[at] != 'T' && s.p[at] != ' ' && s.p[at] != 't')
            return false;
        at++;
        if (!clock_part(s, &at, &f))
            return false;
    }
    if (at < s.n) {
        at += s.p[at] == ' ';
        size_t zone = zone_word_parse(str_skip(s, at), &f.offset);
        if (!zone || at + zone != s.n)
            return false;
    }
    return time_from_fields(&f, context, time_ns);
}

static uint32_t month_key(const char *p)
{
    return (uint32_t)(unsigned char)(p[0] | 32) << 16 | (uint32_t)(unsigned char)(p[1] | 32) << 8 |
           (uint32_t)(unsigned char)(p[2] | 32);
}

#define MONTH(a, b, c) ((uint32_t)(a) << 16 | (uint32_t)(b) << 8 | (uint32_t)(c))

static uint32_t month_of_key(uint32_t key)
{
    switch (key) {
    case MONTH('j', 'a', 'n'):
        return 1;
    case MONTH('f', 'e', 'b'):
        return 2;
    case MONTH('m', 'a', 'r'):
        return 3;
    case MONTH('a', 'p', 'r'):
        return 4;
    case MONTH('m', 'a', 'y'):
        return 5;
    case MONTH('j', 'u', 'n'):
        return 6;
    case MONTH('j', 'u', 'l'):
        return 7;
    case MONTH('a', 'u', 'g'):
        return 8;
    case MONTH('s', 'e', 'p'):
        return 9;
    case MONTH('o', 'c', 't'):
        return 10;
    case MONTH('n', 'o', 'v'):
        return 11;
    case MONTH('d', 'e', 'c'):
        return 12;
    default:
        return 0;
    }
}

size_t month_word_parse(struct str s, uint32_t *month)
{
    static const struct str rest[] = {{"uary", 4},   {"ruary", 5}, {"ch", 2},    {"il", 2},
                                      {"", 0},       {"e", 1},     {"y", 1},     {"ust", 3},
                                      {"tember", 6}, {"ober", 4},  {"ember", 5}, {"ember", 5}};
    if (s.n < 3 || !(*month = month_of_key(month_key(s.p))))
        return 0;
    struct str full = rest[*month - 1];
    return full.n && str_starts_nocase(str_skip(s, 3), full) ? 3 + full.n : 3;
}

/* Four digits and a space: a year. Returns the bytes consumed. */
static size_t year_part(struct str s, int32_t *year)
{
    uint32_t high, low;
    if (s.n < 5 || s.p[4] != ' ' || !digits2(s.p, &high) || !digits2(s.p + 2, &low))
        return 0;
    *year = (int32_t)(high * 100 + low);
    return 5;
}

/* " 2 ", "2 ", "02 ": a day and one space. */
static size_t day_part(struct str s, uint32_t *day)
{
    size_t n = s.n && s.p[0] == ' ', digits = 0;
    for (*day = 0; digits < 2 && n < s.n && ascii_is_digit(s.p[n]); digits++, n++)
        *day = *day * 10 + (uint32_t)(s.p[n] - '0');
    return digits && n < s.n && s.p[n] == ' ' ? n + 1 : 0;
}

/* " JST", " +0900" or "Z" behind the clock, when a blank, a colon or the end follows. */
static size_t trailing_zone(struct str s, int32_t *offset)
{
    size_t blank = s.n && s.p[0] == ' ';
    int32_t found;
    size_t n = zone_word_parse(str_skip(s, blank), &found);
    if (!n || (blank + n < s.n && s.p[blank + n] != ' ' && s.p[blank + n] != ':'))
        return 0;
    *offset = found;
    return blank + n;
}

size_t time_parse_bsd(struct str s, const struct time_context *context, int64_t *time_ns)
{
    struct time_fields f = {.year = YEAR_UNKNOWN, .offset = OFFSET_UNKNOWN};
    size_t at = s.n && ascii_is_digit(s.p[0]) ? year_part(s, &f.year) : 0;
    if (s.n < at + 14 || !(f.month = month_of_key(month_key(s.p + at))) || s.p[at + 3] != ' ')
        return 0;
    at += 4;
    size_t n = day_part(str_skip(s, at), &f.day);
    if (!n)
        return 0;
    at += n;
    if (f.year == YEAR_UNKNOWN)
        at += year_part(str_skip(s, at), &f.year);
    if (s.n < at + 8 || s.p[at + 2] != ':' || s.p[at + 5] != ':' || !clock_part(s, &at, &f))
        return 0;
    at += trailing_zone(str_skip(s, at), &f.offset);
    return time_from_fields(&f, context, time_ns) ? at : 0;
}

static bool epoch_of_double(struct str s, int64_t *time_ns)
{
    double v;
    if (!str_to_double(s, &v))
        return false;
    double size = v < 0 ? -v : v;
    double scale = size < 1e11 ? 1e9 : size < 1e14 ? 1e6 : size < 1e17 ? 1e3 : 1;
    if (!(size * scale < 9.2e18)) /* years 1678 to 2261 */
        return false;
    *time_ns = (int64_t)(v * scale);
    return true;
}

/* Under 10^11 seconds (year 5138), under 10^14 milliseconds, under 10^17 microseconds, else nanoseconds. */
static int64_t epoch_scale(int64_t whole)
{
    uint64_t size = whole < 0 ? -(uint64_t)whole : (uint64_t)whole;
    return size < UINT64_C(100000000000)         ? NS_PER_SECOND
           : size < UINT64_C(100000000000000)    ? NS_PER_MS
           : size < UINT64_C(100000000000000000) ? 1000
                                                 : 1;
}

bool time_parse_epoch(struct str s, int64_t *time_ns)
{
    size_t point = str_find_char(s, '.', 0);
    int64_t whole;
    if (!str_to_i64(str_slice(s, 0, point), &whole))
        return epoch_of_double(s, time_ns);
    int64_t scale = epoch_scale(whole), result;
    if (__builtin_mul_overflow(whole, scale, &result))
        return false;
    if (point != STR_NOT_FOUND) {
        uint32_t fraction;
        struct str digits = str_skip(s, point + 1);
        size_t n = fraction_parse(digits, &fraction);
        if (!n || n != digits.n)
            return epoch_of_double(s, time_ns);
        int64_t part = (int64_t)fraction / (NS_PER_SECOND / scale);
        if (__builtin_add_overflow(result, s.p[0] == '-' ? -part : part, &result))
            return false;
    }
    *time_ns = result;
    return true;
}
