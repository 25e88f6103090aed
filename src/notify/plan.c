/* Whom a rule reaches, and when (stage notify). Next: mime.c says it. */
#include "notify/plan.h"

#include "base/memory.h"

#define MINUTE_NS   (60 * NS_PER_SECOND)
#define DAY_MINUTES 1440
#define DAYS_AHEAD  60 /* more closed days in a row than that there are not */

struct local {
    int64_t day;
    int minute;
};

static struct local local_of(const struct zone *zone, int64_t time_ns)
{
    int64_t seconds = time_ns / NS_PER_SECOND;
    int64_t local = seconds + zone_offset_at_utc(zone, seconds);
    return (struct local){local / 86400, (int)(local % 86400 / 60)};
}

static int64_t time_of(const struct zone *zone, int64_t day, int minute)
{
    int64_t local = day * 86400 + (int64_t)minute * 60;
    return (local - zone_offset_at_local(zone, local)) * NS_PER_SECOND;
}

/* ------------------------------------------------------------- quiet hours */

static bool is_within(int minute, int from, int to)
{
    return from <= to ? minute >= from && minute < to : minute >= from || minute < to;
}

static bool is_quiet_at(const struct notify_rules *rules, const struct notify_when *when, struct local at)
{
    if (rules->quiet_closed_days && !calendar_is_business_day(when->calendar, OFFICE_COMPANY, at.day))
        return true;
    return is_within(at.minute, rules->quiet_from, rules->quiet_to);
}

bool notify_is_quiet(const struct notify_rules *rules, const struct notify_when *when)
{
    return is_quiet_at(rules, when, local_of(when->zone, when->now_ns));
}

/* The end of the quiet hours around that time; the time itself when it is not in any. */
static int64_t behind_quiet(const struct notify_rules *rules, const struct notify_when *when, int64_t time_ns)
{
    struct local at = local_of(when->zone, time_ns);
    if (!is_quiet_at(rules, when, at))
        return time_ns;
    /* Quiet begins anew only at midnight (a closed day) or in the evening, so these are all the candidates.
     */
    for (int64_t day = at.day; day < at.day + DAYS_AHEAD; day++) {
        const int ends[] = {0, rules->quiet_to};
        for (size_t i = 0; i < COUNT_OF(ends); i++) {
            struct local end = {day, ends[i]};
            bool is_ahead = day > at.day || ends[i] > at.minute;
            if (is_ahead && !is_quiet_at(rules, when, end))
                return time_of(when->zone, end.day, end.minute);
        }
    }
    return time_ns;
}

int64_t notify_due(const struct notify_rules *rules, const struct notify_rule *rule,
                   const struct notify_when *when)
{
    int64_t due_ns = when->now_ns + rule->collect_ns;
    if (rule->collect_until >= 0) {
        struct local now = local_of(when->zone, when->now_ns);
        int64_t day = now.day + (now.minute >= rule->collect_until);
        due_ns = time_of(when->zone, day, rule->collect_until);
    }
    return rule->through_quiet_hours ? due_ns : behind_quiet(rules, when, due_ns);
}

/* -------------------------------------------------------------------- hours */

/* "9", "9:00", "17:30" at the start of `s`; the bytes it takes, 0 = none. */
static size_t read_clock(struct str s, int *minute)
{
    int hour = 0, minutes = 0;
    size_t n = 0;
    while (n < s.n && n < 2 && ascii_is_digit(s.p[n]))
        hour = hour * 10 + (s.p[n++] - '0');
    if (n == 0)
        return 0;
    if (n + 2 < s.n && s.p[n] == ':' && ascii_is_digit(s.p[n + 1]) && ascii_is_digit(s.p[n + 2])) {
        minutes = (s.p[n + 1] - '0') * 10 + (s.p[n + 2] - '0');
        n += 3;
    }
    *minute = hour * 60 + minutes;
    return hour <= 24 && minutes < 60 && *minute <= DAY_MINUTES ? n : 0;
}

static size_t read_dash(struct str s)
{
    static const char *const dashes[] = {"-", "–", "~", "〜", "～"};
    for (size_t i = 0; i < COUNT_OF(dashes); i++)
        if (str_starts(s, str_c(dashes[i])))
            return strlen(dashes[i]);
    return 0;
}

/* The first "9:00-17:30" in the text. */
static bool find_span(struct str s, int *from, int *to)
{
    for (; s.n; s = str_skip(s, 1)) {
        size_t n = read_clock(s, from);
        size_t dash = n ? read_dash(str_trim(str_skip(s, n))) : 0;
        if (dash == 0)
            continue;
        struct str rest = str_trim(str_skip(str_trim(str_skip(s, n)), dash));
        if (read_clock(rest, to) > 0)
            return *from != *to;
    }
    return false;
}

bool notify_is_reachable(struct str hours, const struct notify_when *when)
{
    static const char *const weekdays[] = {"平日",         "営業日", "weekday", "mon-fri",
                                           "business day", "月-金",  "月〜金"};
    struct local now = local_of(when->zone, when->now_ns);
    int from = 0, to = 0;
    bool only_business_days = false;
    for (size_t i = 0; i < COUNT_OF(weekdays); i++)
        only_business_days |= str_contains_nocase(hours, str_c(weekdays[i]));
    if (only_business_days && !calendar_is_business_day(when->calendar, OFFICE_COMPANY, now.day))
        return false;
    return !find_span(hours, &from, &to) || is_within(now.minute, from, to);
}

bool notify_hours_are_told(struct str hours)
{
    static const char *const always[] = {"24h", "24 h", "24時間", "24/7", "24x7", "always", "常時"};
    int from, to;
    for (size_t i = 0; i < COUNT_OF(always); i++)
        if (str_contains_nocase(hours, str_c(always[i])))
            return true;
    return find_span(hours, &from, &to);
}

/* --------------------------------------------------------------- recipients */

/* "@mori" is whoever has that account, whatever the role. */
static bool is_meant(const struct notify_contact *c, struct str role)
{
    return str_starts(role, STR("@")) ? c->account.n > 0 && str_eq_nocase(c->account, str_skip(role, 1))
                                      : str_eq(c->role, role);
}

static uint32_t choose(const struct notify_contact *contacts, uint32_t count, struct str role, bool is_deputy,
                       bool only_reachable, const struct notify_when *when, uint32_t *out)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < count; i++)
        if (is_meant(&contacts[i], role) && contacts[i].is_deputy == is_deputy &&
            (!only_reachable || notify_is_reachable(contacts[i].hours, when)))
            out[n++] = i;
    return n;
}

uint32_t notify_recipients(const struct notify_contact *contacts, uint32_t count, struct str role,
                           enum contact_position position, const struct notify_when *when, uint32_t *out)
{
    for (int only_reachable = 1; only_reachable >= 0; only_reachable--)
        for (int is_deputy = 0; is_deputy <= 1; is_deputy++) {
            if (position != POSITION_ANY && (position == POSITION_DEPUTY) != is_deputy)
                continue;
            uint32_t n = choose(contacts, count, role, is_deputy, only_reachable, when, out);
            if (n)
                return n;
        }
    return 0;
}

/* ------------------------------------------------------------------ back-off */

int64_t notify_back_off(uint32_t attempts, int64_t first_ns, int64_t longest_ns, uint64_t random)
{
    int64_t span = first_ns;
    for (uint32_t i = 1; i < attempts && span < longest_ns; i++)
        span *= 2;
    if (span > longest_ns)
        span = longest_ns;
    int64_t half = span / 2;
    return half + (int64_t)(random % (uint64_t)(half + 1));
}
