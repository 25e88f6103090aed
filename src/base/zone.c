/* Ground floor: time zones. Fixed offsets, the abbreviations of logs, and IANA zones read from the system's
 * TZif files (RFC 8536): the table of transitions, and behind its end the rule of the footer (POSIX TZ).
 *
 * Zones found once are kept for the process under a mutex: there are only as many as zone files and offsets.
 */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock_internal.h"
#include "base/file.h"
#include "base/map.h"

#define ZONE_FOLDER   "/usr/share/zoneinfo/"
#define ZONE_FILE_MAX (256 * 1024)
#define MAX_OFFSET    (18 * 3600)

enum rule_kind { RULE_JULIAN_NO_LEAP, RULE_JULIAN, RULE_WEEKDAY };

/* When daylight saving begins or ends: "Jn", "n" or "Mm.w.d", then "/time". */
struct change_rule {
    enum rule_kind kind;
    int month, week, day;
    int32_t seconds; /* local time of day, −167…167 h */
};

struct zone {
    bool is_fixed;
    int32_t standard, daylight; /* of the footer; `standard` alone when fixed */
    bool has_rule;
    struct change_rule begin, end; /* of daylight saving */
    uint32_t count;
    int64_t *times;   /* transitions, ascending */
    int32_t *offsets; /* from times[i] on */
    int32_t first_offset;
};

static const struct zone utc = {.is_fixed = true};

const struct zone *zone_utc(void)
{
    return &utc;
}

/* Abbreviations are ambiguous; these are the readings that syslog senders mean most often. In byte order. */
static const struct {
    char name[6];
    int16_t minutes;
} abbreviations[] = {
    {"ACDT", 630}, {"ACST", 570}, {"ADT", -180}, {"AEDT", 660}, {"AEST", 600}, {"AKDT", -480}, {"AKST", -540},
    {"AST", -240}, {"AWST", 480}, {"BRT", -180}, {"BST", 60},   {"CAT", 120},  {"CDT", -300},  {"CEST", 120},
    {"CET", 60},   {"CST", -360}, {"EAT", 180},  {"EDT", -240}, {"EEST", 180}, {"EET", 120},   {"EST", -300},
    {"GMT", 0},    {"HKT", 480},  {"HST", -600}, {"ICT", 420},  {"IDT", 180},  {"IST", 330},   {"JST", 540},
    {"KST", 540},  {"MDT", -360}, {"MEST", 120}, {"MET", 60},   {"MSK", 180},  {"MST", -420},  {"MYT", 480},
    {"NDT", -150}, {"NST", -210}, {"NZDT", 780}, {"NZST", 720}, {"PDT", -420}, {"PHT", 480},   {"PKT", 300},
    {"PST", -480}, {"SAST", 120}, {"SGT", 480},  {"TRT", 180},  {"UT", 0},     {"UTC", 0},     {"WAT", 60},
    {"WEST", 60},  {"WET", 0},    {"WIB", 420},  {"Z", 0},
};

static bool abbreviation_find(struct str word, int32_t *offset)
{
    size_t from = 0, to = COUNT_OF(abbreviations);
    while (from < to) {
        size_t middle = from + (to - from) / 2;
        int order = str_compare(word, str_c(abbreviations[middle].name));
        if (!order) {
            *offset = abbreviations[middle].minutes * 60;
            return true;
        }
        if (order < 0)
            to = middle;
        else
            from = middle + 1;
    }
    return false;
}

/* "+09:00", "+0900", "+09", "-3". */
static size_t offset_parse(struct str s, int32_t *offset)
{
    uint32_t hours, minutes = 0;
    size_t n = 3;
    if (s.n < 2 || (s.p[0] != '+' && s.p[0] != '-') || !ascii_is_digit(s.p[1]))
        return 0;
    if (s.n < 3 || !digits2(s.p + 1, &hours)) {
        hours = (uint32_t)(s.p[1] - '0');
        n = 2;
    } else if (s.n >= 6 && s.p[3] == ':' && digits2(s.p + 4, &minutes)) {
        n = 6;
    } else if (s.n >= 5 && digits2(s.p + 3, &minutes)) {
        n = 5;
    } else {
        minutes = 0;
    }
    int32_t seconds = (int32_t)(hours * 3600 + minutes * 60);
    if (seconds > MAX_OFFSET || minutes > 59)
        return 0;
    *offset = s.p[0] == '-' ? -seconds : seconds;
    return n;
}

size_t zone_word_parse(struct str s, int32_t *offset)
{
    if (!s.n)
        return 0;
    if (s.p[0] == '+' || s.p[0] == '-')
        return offset_parse(s, offset);
    if (s.n == 1 && ascii_lower(s.p[0]) == 'z') {
        *offset = 0;
        return 1;
    }
    size_t n = 0;
    while (n < s.n && n < 6 && s.p[n] >= 'A' && s.p[n] <= 'Z')
        n++;
    if (!n || !abbreviation_find(str_slice(s, 0, n), offset))
        return 0;
    int32_t more; /* "UTC+9", "GMT+09:00" */
    size_t behind = *offset == 0 ? offset_parse(str_skip(s, n), &more) : 0;
    if (behind)
        *offset = more;
    return n + behind;
}

/* Seconds since 1970, local, at which the rule strikes in that year. */
static int64_t change_at(const struct change_rule *r, int64_t year)
{
    bool is_leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    int64_t days;
    if (r->kind == RULE_JULIAN_NO_LEAP) {
        days = civil_to_days(year, 1, 1) + r->day - 1 + (is_leap && r->day >= 60);
    } else if (r->kind == RULE_JULIAN) {
        days = civil_to_days(year, 1, 1) + r->day;
    } else {
        int64_t first = civil_to_days(year, (unsigned)r->month, 1);
        int64_t weekday = ((first + 4) % 7 + 7) % 7; /* 1970-01-01 was a Thursday */
        days = first + (r->day - weekday + 7) % 7 + 7 * (r->week - 1);
        int64_t next =
            r->month == 12 ? civil_to_days(year + 1, 1, 1) : civil_to_days(year, (unsigned)r->month + 1, 1);
        while (days >= next) /* week 5 means the last one */
            days -= 7;
    }
    return days * SECONDS_PER_DAY + r->seconds;
}

static int32_t offset_by_rule(const struct zone *z, int64_t utc_seconds)
{
    if (!z->has_rule)
        return z->standard;
    int64_t local = utc_seconds + z->standard, year;
    unsigned month, day;
    days_to_civil((local - (local % SECONDS_PER_DAY + SECONDS_PER_DAY) % SECONDS_PER_DAY) / SECONDS_PER_DAY,
                  &year, &month, &day);
    int64_t begin = change_at(&z->begin, year) - z->standard, end = change_at(&z->end, year) - z->daylight;
    bool is_daylight = begin < end ? utc_seconds >= begin && utc_seconds < end
                                   : utc_seconds >= begin || utc_seconds < end; /* southern half */
    return is_daylight ? z->daylight : z->standard;
}

int32_t zone_offset_at_utc(const struct zone *z, int64_t utc_seconds)
{
    if (z->is_fixed)
        return z->standard;
    if (!z->count || utc_seconds >= z->times[z->count - 1])
        return offset_by_rule(z, utc_seconds);
    if (utc_seconds < z->times[0])
        return z->first_offset;
    uint32_t from = 0, to = z->count - 1; /* times[from] <= t < times[to] */
    while (to - from > 1) {
        uint32_t middle = from + (to - from) / 2;
        if (z->times[middle] <= utc_seconds)
            from = middle;
        else
            to = middle;
    }
    return z->offsets[from];
}

/* A wall time that occurs twice is the earlier one; one that is skipped is read with the offset before the
 * gap. */
int32_t zone_offset_at_local(const struct zone *z, int64_t local_seconds)
{
    if (z->is_fixed)
        return z->standard;
    int32_t before = zone_offset_at_utc(z, local_seconds - SECONDS_PER_DAY);
    int32_t after = zone_offset_at_utc(z, local_seconds + SECONDS_PER_DAY);
    if (before == after || zone_offset_at_utc(z, local_seconds - before) == before)
        return before;
    return zone_offset_at_utc(z, local_seconds - after) == after ? after : before;
}

/* The footer: "JST-9", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30". Each step moves *s forward. */
static bool skip_name(struct str *s)
{
    size_t n = 0;
    if (s->n && s->p[0] == '<') {
        n = str_find_char(*s, '>', 0);
        if (n == STR_NOT_FOUND)
            return false;
        n++;
    } else {
        while (n < s->n && (ascii_lower(s->p[n]) >= 'a' && ascii_lower(s->p[n]) <= 'z'))
            n++;
    }
    *s = str_skip(*s, n);
    return n >= 3;
}

static bool read_number(struct str *s, int most, int *out)
{
    size_t n = 0;
    int value = 0;
    while (n < s->n && n < 4 && ascii_is_digit(s->p[n]))
        value = value * 10 + (s->p[n++] - '0');
    *s = str_skip(*s, n);
    *out = value;
    return n && value <= most;
}

static bool take_char(struct str *s, char c)
{
    if (!s->n || s->p[0] != c)
        return false;
    *s = str_skip(*s, 1);
    return true;
}

/* "-9", "3:30", "-167:59:59". */
static bool read_clock(struct str *s, int32_t *seconds)
{
    bool is_negative = take_char(s, '-');
    if (!is_negative)
        take_char(s, '+');
    int hours, minutes = 0, second = 0;
    if (!read_number(s, 167, &hours) || (take_char(s, ':') && !read_number(s, 59, &minutes)) ||
        (take_char(s, ':') && !read_number(s, 59, &second)))
        return false;
    int32_t value = hours * 3600 + minutes * 60 + second;
    *seconds = is_negative ? -value : value;
    return true;
}

static bool read_rule(struct str *s, struct change_rule *r)
{
    if (!take_char(s, ','))
        return false;
    if (take_char(s, 'M')) {
        r->kind = RULE_WEEKDAY;
        if (!read_number(s, 12, &r->month) || !r->month || !take_char(s, '.') ||
            !read_number(s, 5, &r->week) || !r->week || !take_char(s, '.') || !read_number(s, 6, &r->day))
            return false;
    } else {
        r->kind = take_char(s, 'J') ? RULE_JULIAN_NO_LEAP : RULE_JULIAN;
        if (!read_number(s, 365, &r->day))
            return false;
    }
    r->seconds = 2 * 3600;
    return !take_char(s, '/') || read_clock(s, &r->seconds);
}

static bool read_footer(struct zone *z, struct str s)
{
    if (!skip_name(&s) || !read_clock(&s, &z->standard))
        return false;
    z->standard = -z->standard; /* POSIX counts west of Greenwich */
    if (!s.n)
        return true;
    if (!skip_name(&s))
        return false;
    z->daylight = z->standard + 3600;
    if (s.n && s.p[0] != ',') {
        if (!read_clock(&s, &z->daylight))
            return false;
        z->daylight = -z->daylight;
    }
    z->has_rule = read_rule(&s, &z->begin) && read_rule(&s, &z->end) && !s.n;
    return z->has_rule;
}

static int64_t big_endian(const char *p, size_t bytes)
{
    uint64_t v = bytes == 4 && (p[0] & 0x80) ? UINT64_C(0xffffffff) : 0;
    for (size_t i = 0; i < bytes; i++)
        v = v << 8 | (unsigned char)p[i];
    return (int64_t)v;
}

/* Counts of a TZif header, in file order. */
struct tzif {
    size_t isut, isstd, leap, times, types, chars;
};

#define TZIF_HEADER 44

static bool tzif_header(struct str s, struct tzif *h)
{
    if (s.n < TZIF_HEADER || !str_starts(s, STR("TZif")) || s.p[4] < '2')
        return false;
    size_t *counts[] = {&h->isut, &h->isstd, &h->leap, &h->times, &h->types, &h->chars};
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        *counts[i] = (size_t)(uint32_t)big_endian(s.p + 20 + 4 * i, 4);
        if (*counts[i] > ZONE_FILE_MAX)
            return false;
    }
    return h->types > 0;
}

static size_t tzif_body(const struct tzif *h, size_t time_bytes)
{
    return h->times * (time_bytes + 1) + h->types * 6 + h->chars + h->leap * (time_bytes + 4) + h->isstd +
           h->isut;
}

/* The second, 64-bit block of the file and the footer behind it. */
static bool tzif_read(struct zone *z, struct str s)
{
    struct tzif h;
    if (!tzif_header(s, &h))
        return false;
    s = str_skip(s, TZIF_HEADER + tzif_body(&h, 4));
    if (!tzif_header(s, &h))
        return false;
    s = str_skip(s, TZIF_HEADER);
    if (s.n < tzif_body(&h, 8))
        return false;
    const char *times = s.p, *indices = times + h.times * 8, *types = indices + h.times;
    z->count = (uint32_t)h.times;
    z->times = NEW_ARRAY(int64_t, h.times);
    z->offsets = NEW_ARRAY(int32_t, h.times);
    z->first_offset = (int32_t)big_endian(types, 4);
    for (size_t i = 0; i < h.times; i++) {
        unsigned type = (unsigned char)indices[i];
        z->times[i] = big_endian(times + i * 8, 8);
        if (type >= h.types || (i && z->times[i] <= z->times[i - 1]))
            return false;
        z->offsets[i] = (int32_t)big_endian(types + type * 6, 4);
    }
    struct str footer = str_trim(str_skip(s, tzif_body(&h, 8)));
    z->standard = h.times ? z->offsets[h.times - 1] : z->first_offset;
    return !footer.n || read_footer(z, footer);
}

static void zone_free(struct zone *z)
{
    memory_free(z->times);
    memory_free(z->offsets);
    memory_free(z);
}

static struct zone *zone_read(const char *path)
{
    struct buf content = {0};
    struct zone *z = NULL;
    if (file_read(path, ZONE_FILE_MAX, &content, NULL)) {
        z = NEW(struct zone);
        if (!tzif_read(z, buf_str(&content))) {
            zone_free(z);
            z = NULL;
        }
    }
    buf_free(&content);
    return z;
}

/* No way out of the zone folder: letters, digits, "_+-" and single slashes between them. */
static bool is_zone_name(struct str name)
{
    if (!name.n || name.n > 64 || name.p[0] == '/' || name.p[name.n - 1] == '/')
        return false;
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);
        if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c) && !strchr("_+-/", c))
            return false;
    }
    return true;
}

static struct zone *zone_load(struct str name)
{
    char path[128];
    if (str_eq(name, STR("local"))) {
        const char *tz = getenv("TZ");
        if (!tz || !*tz)
            return zone_read("/etc/localtime");
        name = str_c(*tz == ':' ? tz + 1 : tz);
    }
    if (!is_zone_name(name))
        return NULL;
    snprintf(path, sizeof path, ZONE_FOLDER "%.*s", STR_ARGS(name));
    return zone_read(path);
}

static struct zone *zone_fixed(int32_t offset)
{
    struct zone *z = NEW(struct zone);
    z->is_fixed = true;
    z->standard = offset;
    return z;
}

const struct zone *zone_find(struct str name)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    static struct map known;
    static struct arena names;
    int32_t offset = 0;
    name = str_trim(name);
    bool is_offset = !name.n || zone_word_parse(name, &offset) == name.n;
    if (is_offset && offset == 0)
        return zone_utc();
    pthread_mutex_lock(&lock);
    struct zone *z = map_get_pointer(&known, name);
    if (!z) {
        z = is_offset ? zone_fixed(offset) : zone_load(name);
        if (!z && str_eq(name, STR("local"))) /* no zone set on this machine */
            z = zone_fixed(0);
        if (z)
            *map_put(&known, arena_str(&names, name), NULL) = (uintptr_t)z;
    }
    pthread_mutex_unlock(&lock);
    return z;
}
