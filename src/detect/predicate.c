/* One predicate on one value: the comparisons themselves.
 * Stage: detect, on events. Next: finding_build.c. */
#include <math.h>

#include "detect/match.h"

typedef int8_t sixteen __attribute__((vector_size(16)));

static inline bool may_start_within(const char *first, const char *last, sixteen first_byte,
                                    sixteen last_byte)
{
    sixteen a, b;
    memcpy(&a, first, 16);
    memcpy(&b, last, 16);
    sixteen both = (a == first_byte) & (b == last_byte);
    uint64_t halves[2];
    memcpy(halves, &both, sizeof halves);
    return halves[0] | halves[1];
}

/* Sixteen places at once: where the literal's first and last byte both fit, the rest is compared. Several
 * times faster than memmem() on values of usual length, which spends its time on preparing a table. */
static bool text_contains(struct str value, struct str literal)
{
    size_t n = literal.n, at = 0;
    if (n == 0 || n > value.n)
        return n == 0;
    size_t places = value.n - n + 1;
    sixteen zero = {0}, first_byte = zero + (int8_t)literal.p[0], last_byte = zero + (int8_t)literal.p[n - 1];
    for (; at + 16 <= places; at += 16) {
        const char *p = value.p + at;
        if (!may_start_within(p, p + n - 1, first_byte, last_byte))
            continue;
        for (size_t i = 0; i < 16; i++)
            if (p[i] == literal.p[0] && memcmp(p + i, literal.p, n) == 0)
                return true;
    }
    for (; at < places; at++)
        if (value.p[at] == literal.p[0] && memcmp(value.p + at, literal.p, n) == 0)
            return true;
    return false;
}

static bool shape_holds(enum text_shape shape, struct str value, struct str literal)
{
    switch (shape) {
    case SHAPE_EQUALS:
        return str_eq(value, literal);
    case SHAPE_PREFIX:
        return str_starts(value, literal);
    case SHAPE_SUFFIX:
        return str_ends(value, literal);
    case SHAPE_CONTAINS:
        return text_contains(value, literal);
    default:
        return true;
    }
}

static bool text_holds(const struct predicate *p, const struct view *view)
{
    struct str value = p->cased ? view->raw : view->folded;
    if (p->shape == SHAPE_GLOB)
        return sigma_text_match(p->text, value);
    return shape_holds((enum text_shape)p->shape, value, p->literal);
}

static bool regex_holds(struct run *run, const struct predicate *p, const struct view *view)
{
    enum regex_result result = regex_match(p->regex, run->s->regex, view->raw, NULL, 0);
    run->s->counters.regex_limits += result == REGEX_LIMIT;
    return result == REGEX_YES;
}

/* Many networks are compared with the same address: it is read once. */
static bool cidr_holds(struct run *run, const struct predicate *p, const struct view *view)
{
    struct detect_scratch *s = run->s;
    if (s->ip_text != view->folded.p) {
        s->ip_text = view->folded.p;
        s->ip_valid = ip_parse(view->raw, &s->ip);
    }
    return s->ip_valid && cidr_contains(&p->cidr, &s->ip);
}

/* ISO 8601 week: the one that holds the year's first Thursday is week 1. */
static int iso_week(int64_t days)
{
    int64_t weekday = (days % 7 + 10) % 7; /* Monday = 0: 1970-01-01 was a Thursday */
    int64_t thursday = days - weekday + 3, year;
    unsigned month, day;
    days_to_civil(thursday, &year, &month, &day);
    return (int)((thursday - civil_to_days(year, 1, 1)) / 7 + 1);
}

static double part_of_time(int64_t time_ns, enum time_part part)
{
    int64_t seconds = time_ns / NS_PER_SECOND - (time_ns % NS_PER_SECOND < 0), year;
    int64_t days = seconds / 86400 - (seconds % 86400 < 0), within = seconds - days * 86400;
    int64_t minute = within / 60 % 60, hour = within / 3600;
    unsigned month, day;
    days_to_civil(days, &year, &month, &day);
    switch (part) {
    case TIME_MINUTE:
        return (double)minute;
    case TIME_HOUR:
        return (double)hour;
    case TIME_DAY:
        return day;
    case TIME_WEEK:
        return iso_week(days);
    case TIME_MONTH:
        return month;
    default:
        return (double)year;
    }
}

static bool time_number(const struct predicate *p, const struct view *view, double *out)
{
    int64_t time_ns;
    if (view->value && view->value->type == TYPE_DATE)
        time_ns = view->value->number;
    else if (!time_parse_iso(view->raw, &(struct time_context){0}, &time_ns))
        return false;
    *out = part_of_time(time_ns, (enum time_part)p->time_part);
    return true;
}

static bool value_number(const struct predicate *p, const struct view *view, double *out)
{
    uint64_t hexadecimal;
    if (p->time_part != TIME_WHOLE)
        return time_number(p, view, out);
    if (view->value && view->value->type == TYPE_LONG)
        return *out = (double)view->value->number, true;
    if (view->value && view->value->type == TYPE_DOUBLE)
        return *out = view->value->real, true;
    if (str_to_double(view->raw, out))
        return true;
    if (!str_starts_nocase(view->raw, STR("0x")) || !str_to_u64(str_skip(view->raw, 2), 16, &hexadecimal))
        return false;
    *out = (double)hexadecimal;
    return true;
}

static bool number_holds(const struct predicate *p, const struct view *view)
{
    double x;
    if (!value_number(p, view, &x) || isnan(x))
        return false;
    switch ((enum relation)p->relation) {
    case RELATION_LESS:
        return x < p->number;
    case RELATION_LESS_EQUAL:
        return x <= p->number;
    case RELATION_GREATER:
        return x > p->number;
    case RELATION_GREATER_EQUAL:
        return x >= p->number;
    default:
        return !(x < p->number) && !(x > p->number);
    }
}

static bool field_holds(struct run *run, const struct predicate *p, const struct view *view)
{
    struct cursor cursor = {0};
    struct view *other;
    while ((other = column_next(run, p->other_column, &cursor)))
        if (p->cased ? shape_holds((enum text_shape)p->shape, view->raw, other->raw)
                     : shape_holds((enum text_shape)p->shape, view->folded, other->folded))
            return true;
    return false;
}

bool predicate_test(struct run *run, const struct predicate *p, struct view *view)
{
    switch ((enum comparison)p->comparison) {
    case COMPARE_TEXT:
        return text_holds(p, view);
    case COMPARE_REGEX:
        return regex_holds(run, p, view);
    case COMPARE_CIDR:
        return cidr_holds(run, p, view);
    case COMPARE_NUMBER:
        return number_holds(p, view);
    case COMPARE_FIELD:
        return field_holds(run, p, view);
    case COMPARE_PRESENT:
        return true;
    case COMPARE_ABSENT:
        return false; /* there is a value, or nobody would ask */
    }
    return false;
}
