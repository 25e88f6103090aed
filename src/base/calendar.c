/* Ground floor: the days of a year from the rules of content/calendar.yml, all worked out when it is loaded:
 * afterwards nothing changes, and any thread may ask.
 *
 * Act on National Holidays (国民の祝日に関する法律), article 3: 2. a holiday on a Sunday moves the rest to
 * the next day that is no holiday (since 2007); 3. a day between two holidays is a holiday. Equinoxes: the
 * formula of the Hydrographic Department for 1980–2099, day = floor(c + 0.242194 (y − 1980)) − floor((y −
 * 1980) / 4). */
#include "base/calendar.h"

#include <math.h>

#include "base/log.h"
#include "base/yaml.h"

enum rule_kind { RULE_DATE, RULE_FIXED, RULE_MONDAY, RULE_SPRING, RULE_AUTUMN };

struct holiday_rule {
    enum rule_kind kind;
    struct str name;
    int64_t day;           /* RULE_DATE */
    unsigned month, order; /* day of the month, or which Monday */
    int64_t since, until;
    const struct yaml *except; /* years in which it was moved */
};

struct closing_rule {
    unsigned from, to;    /* month * 100 + day; may run over the year's end */
    int64_t since, until; /* years in which it begins */
    bool is_company_only;
};

struct year_days {
    struct str names[367]; /* by day of the year */
};

struct calendar {
    struct arena arena;
    struct holiday_rule *rules;
    size_t rule_count;
    struct closing_rule *closings;
    size_t closing_count;
    uint8_t weekend; /* bit 0 = Monday */
    int open_minute, close_minute;
    struct year_days *years; /* from CALENDAR_FIRST_YEAR */
};

unsigned calendar_weekday(int64_t day)
{
    return (unsigned)(((day + 3) % 7 + 7) % 7); /* 1970-01-01 was a Thursday */
}

/* ---------------------------------------------------------------- reading */

static bool month_and_day(struct str text, unsigned *month, unsigned *day)
{
    uint64_t m, d;
    if (text.n != 5 || text.p[2] != '-' || !str_to_u64(str_slice(text, 0, 2), 10, &m) ||
        !str_to_u64(str_skip(text, 3), 10, &d) || m < 1 || m > 12 || d < 1 || d > 31)
        return false;
    *month = (unsigned)m;
    *day = (unsigned)d;
    return true;
}

static bool whole_date(struct str text, int64_t *day)
{
    int64_t year;
    unsigned month, d;
    if (text.n != 10 || !str_to_i64(str_slice(text, 0, 4), &year) ||
        !month_and_day(str_skip(text, 5), &month, &d))
        return false;
    *day = civil_to_days(year, month, d);
    return true;
}

static bool read_rule(const char *path, const struct yaml *node, struct holiday_rule *rule, struct error *err)
{
    const struct yaml *monday = yaml_get(node, "monday"), *name = yaml_get(node, "name");
    struct str equinox = yaml_text(node, "equinox"), on = yaml_text(node, "on"),
               date = yaml_text(node, "date");
    uint64_t month = 0, order = 0;
    bool ok = true;
    *rule = (struct holiday_rule){.name = name && name->type == YAML_MAP ? yaml_text(name, "ja")
                                                                         : yaml_text(node, "name"),
                                  .since = yaml_int(node, "since", INT64_MIN),
                                  .until = yaml_int(node, "until", INT64_MAX),
                                  .except = yaml_get(node, "except")};
    if (monday != NULL && monday->type == YAML_LIST && monday->count == 2) {
        rule->kind = RULE_MONDAY;
        ok = str_to_u64(monday->child->text, 10, &month) &&
             str_to_u64(monday->child->next->text, 10, &order) && month >= 1 && month <= 12 && order >= 1 &&
             order <= 4;
        rule->month = (unsigned)month;
        rule->order = (unsigned)order;
    } else if (equinox.n) {
        rule->kind = str_eq(equinox, STR("spring")) ? RULE_SPRING : RULE_AUTUMN;
        ok = rule->kind == RULE_SPRING || str_eq(equinox, STR("autumn"));
    } else if (date.n) {
        rule->kind = RULE_DATE;
        ok = whole_date(date, &rule->day);
    } else {
        rule->kind = RULE_FIXED;
        ok = month_and_day(on, &rule->month, &rule->order);
    }
    ok = ok && rule->name.n;
    return ok || error_at(err, path, node->line, node->column, "%s",
                          tr("a holiday needs a name and one of on: MM-DD, monday: [month, which], "
                             "equinox: spring or autumn, date: YYYY-MM-DD",
                             "祝日には name と、on: MM-DD、monday: [月, 第何]、equinox: spring/autumn、date: "
                             "YYYY-MM-DD のいずれかが必要です"));
}

static bool read_closing(const char *path, const struct yaml *node, struct closing_rule *rule,
                         struct error *err)
{
    unsigned month = 0, day = 0;
    struct str office = yaml_text(node, "for");
    struct str to = yaml_text(node, "to").n ? yaml_text(node, "to") : yaml_text(node, "from");
    bool ok = month_and_day(yaml_text(node, "from"), &month, &day);
    rule->from = month * 100 + day;
    ok = ok && month_and_day(to, &month, &day);
    rule->to = month * 100 + day;
    rule->since = yaml_int(node, "since", INT64_MIN);
    rule->until = yaml_int(node, "until", INT64_MAX);
    rule->is_company_only = str_eq(office, STR("company"));
    ok = ok && (rule->is_company_only || str_eq(office, STR("everybody")));
    return ok ||
           error_at(err, path, node->line, node->column, "%s",
                    tr("a closing needs from: MM-DD and for: company or everybody; to: MM-DD, since and "
                       "until: years",
                       "休業日には from: MM-DD と for: company または everybody が必要です。to: MM-DD、"
                       "since・until: 年 も書けます"));
}

static bool read_weekend(const char *path, const struct yaml *list, uint8_t *out, struct error *err)
{
    static const char *const names[] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
    *out = 0;
    for (const struct yaml *n = list ? list->child : NULL; n; n = n->next) {
        size_t at = 0;
        while (at < COUNT_OF(names) && !str_eq(n->text, str_c(names[at])))
            at++;
        if (at == COUNT_OF(names))
            return error_at(err, path, n->line, n->column, "%s",
                            tr("a day of the week is mon, tue, wed, thu, fri, sat or sun",
                               "曜日は mon、tue、wed、thu、fri、sat、sun です"));
        *out |= (uint8_t)(1u << at);
    }
    return *out != 0x7f || error_at(err, path, list->line, list->column, "%s",
                                    tr("a week needs a day of work", "週に 1 日は勤務日が必要です"));
}

static bool time_of_day(struct str text, int *minute)
{
    uint64_t hours, minutes;
    if (text.n != 5 || text.p[2] != ':' || !str_to_u64(str_slice(text, 0, 2), 10, &hours) ||
        !str_to_u64(str_skip(text, 3), 10, &minutes) || minutes > 59 || hours * 60 + minutes > 24 * 60)
        return false;
    *minute = (int)(hours * 60 + minutes);
    return true;
}

static bool read_hours(struct calendar *c, const char *path, const struct yaml *top, struct error *err)
{
    const struct yaml *hours = yaml_get(top, "office_hours");
    return (time_of_day(yaml_text(hours, "from"), &c->open_minute) &&
            time_of_day(yaml_text(hours, "to"), &c->close_minute) && c->open_minute < c->close_minute) ||
           error_at(err, path, hours ? hours->line : top->line, 1, "%s",
                    tr("office_hours needs from: HH:MM and to: HH:MM, of one day",
                       "office_hours には同じ日の from: HH:MM と to: HH:MM が必要です"));
}

static bool read_calendar(struct calendar *c, const char *path, struct error *err)
{
    struct yaml *top = yaml_load(path, &c->arena, err);
    if (top == NULL)
        return false;
    const struct yaml *holidays = yaml_get(top, "holidays"), *closed = yaml_get(top, "closed");
    c->rules = ARENA_ARRAY(&c->arena, struct holiday_rule, (holidays ? holidays->count : 0) + 1);
    c->closings = ARENA_ARRAY(&c->arena, struct closing_rule, (closed ? closed->count : 0) + 1);
    for (const struct yaml *n = holidays ? holidays->child : NULL; n; n = n->next)
        if (!read_rule(path, n, &c->rules[c->rule_count++], err))
            return false;
    for (const struct yaml *n = closed ? closed->child : NULL; n; n = n->next)
        if (!read_closing(path, n, &c->closings[c->closing_count++], err))
            return false;
    return read_weekend(path, yaml_get(top, "weekend"), &c->weekend, err) && read_hours(c, path, top, err);
}

static void work_out(struct calendar *c);

struct calendar *calendar_load(const char *path, struct error *err)
{
    struct calendar *c = NEW(struct calendar);
    arena_init(&c->arena, 16 << 10);
    if (read_calendar(c, path, err)) {
        work_out(c);
        return c;
    }
    calendar_free(c);
    return NULL;
}

void calendar_free(struct calendar *c)
{
    if (c == NULL)
        return;
    memory_free(c->years);
    arena_free(&c->arena);
    memory_free(c);
}

/* ---------------------------------------------------------------- a year */

static int64_t equinox(int64_t year, double constant, unsigned month)
{
    int64_t since = year - 1980;
    double day = floor(constant + 0.242194 * (double)since) - floor((double)since / 4);
    return civil_to_days(year, month, (unsigned)day);
}

static bool holds_in(const struct holiday_rule *rule, int64_t year)
{
    if (year < rule->since || year > rule->until)
        return false;
    for (const struct yaml *n = rule->except ? rule->except->child : NULL; n; n = n->next) {
        int64_t other;
        if (str_to_i64(n->text, &other) && other == year)
            return false;
    }
    return true;
}

static int64_t day_of(const struct holiday_rule *rule, int64_t year)
{
    int64_t first;
    switch (rule->kind) {
    case RULE_DATE:
        return rule->day;
    case RULE_FIXED:
        return civil_to_days(year, rule->month, rule->order);
    case RULE_MONDAY:
        first = civil_to_days(year, rule->month, 1);
        return first + (7 - calendar_weekday(first)) % 7 + 7 * ((int64_t)rule->order - 1);
    case RULE_SPRING:
        return equinox(year, 20.8431, 3);
    case RULE_AUTUMN:
        return equinox(year, 23.2488, 9);
    }
    BUG("unknown kind of holiday rule");
}

/* Substitutes first: the day between two holidays looks at days that the law names. */
static void add_derived(struct year_days *y, int64_t january_1, unsigned length)
{
    bool is_named[367] = {false};
    for (unsigned d = 0; d < length; d++)
        is_named[d] = y->names[d].n > 0;
    for (unsigned d = 0; d < length; d++) {
        if (!is_named[d] || calendar_weekday(january_1 + d) != 6)
            continue;
        unsigned to = d + 1;
        while (to < length && is_named[to])
            to++;
        if (to < length)
            y->names[to] = STR("振替休日");
    }
    for (unsigned d = 1; d + 1 < length; d++)
        if (y->names[d].n == 0 && is_named[d - 1] && is_named[d + 1])
            y->names[d] = STR("国民の休日");
}

static void work_out_year(const struct calendar *c, int64_t year, struct year_days *y)
{
    int64_t january_1 = civil_to_days(year, 1, 1);
    unsigned length = (unsigned)(civil_to_days(year + 1, 1, 1) - january_1);
    for (size_t i = 0; i < c->rule_count; i++) {
        int64_t at = day_of(&c->rules[i], year) - january_1;
        if (holds_in(&c->rules[i], year) && at >= 0 && at < (int64_t)length)
            y->names[at] = c->rules[i].name;
    }
    add_derived(y, january_1, length);
}

static void work_out(struct calendar *c)
{
    c->years = NEW_ARRAY(struct year_days, CALENDAR_LAST_YEAR - CALENDAR_FIRST_YEAR + 1);
    for (int64_t year = CALENDAR_FIRST_YEAR; year <= CALENDAR_LAST_YEAR; year++)
        work_out_year(c, year, &c->years[year - CALENDAR_FIRST_YEAR]);
}

/* ---------------------------------------------------------------- questions */

struct str calendar_holiday(const struct calendar *c, int64_t day)
{
    int64_t year;
    unsigned month, d;
    days_to_civil(day, &year, &month, &d);
    if (year < CALENDAR_FIRST_YEAR || year > CALENDAR_LAST_YEAR)
        return STR_EMPTY;
    struct str name = c->years[year - CALENDAR_FIRST_YEAR].names[day - civil_to_days(year, 1, 1)];
    return name.p ? name : STR_EMPTY;
}

static bool is_closed(const struct closing_rule *r, int64_t year, unsigned at)
{
    bool is_over_year_end = r->from > r->to;
    bool is_inside = is_over_year_end ? at >= r->from || at <= r->to : at >= r->from && at <= r->to;
    int64_t began = is_over_year_end && at <= r->to ? year - 1 : year;
    return is_inside && began >= r->since && began <= r->until;
}

bool calendar_is_business_day(const struct calendar *c, enum calendar_office office, int64_t day)
{
    int64_t year;
    unsigned month, d;
    unsigned weekend = office == OFFICE_COMPANY ? c->weekend : 0x60;
    if ((weekend >> calendar_weekday(day) & 1) || calendar_holiday(c, day).n)
        return false;
    days_to_civil(day, &year, &month, &d);
    for (size_t i = 0; i < c->closing_count; i++)
        if ((office == OFFICE_COMPANY || !c->closings[i].is_company_only) &&
            is_closed(&c->closings[i], year, month * 100 + d))
            return false;
    return true;
}

int64_t calendar_business_day_from(const struct calendar *c, enum calendar_office office, int64_t day)
{
    int64_t end = day + 400; /* a calendar that closes the whole year still ends */
    while (day < end && !calendar_is_business_day(c, office, day))
        day++;
    return day;
}

int64_t calendar_add_business_days(const struct calendar *c, enum calendar_office office, int64_t day,
                                   unsigned count)
{
    for (; count > 0; count--)
        day = calendar_business_day_from(c, office, day + 1);
    return day;
}

bool calendar_is_office_hour(const struct calendar *c, int64_t day, int minute)
{
    return calendar_is_business_day(c, OFFICE_COMPANY, day) && minute >= c->open_minute &&
           minute < c->close_minute;
}

int calendar_closing_minute(const struct calendar *c)
{
    return c->close_minute;
}
