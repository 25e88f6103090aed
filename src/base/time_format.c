/* Ground floor: times in a format that an operator wrote down, with the letters of strptime. The format is
 * compiled once into steps; matching walks them. Reads text and a context, leaves nanoseconds. */
#include <stdlib.h>

#include "base/clock_internal.h"
#include "base/memory.h"

struct parsed {
    struct time_fields fields;
    uint32_t day_of_year; /* 0 = not given */
    bool is_pm, has_half, has_epoch;
    int64_t epoch_ns;
};

/* Each reads its part from the start of `s` and returns the bytes taken, 0 when it is not there. */
typedef size_t read_part(struct str s, struct parsed *out);

struct step {
    read_part *read; /* NULL: literal byte, or white space when it is ' ' */
    char literal;
};

struct time_format {
    size_t count;
    struct step *steps;
};

static size_t number(struct str s, size_t most_digits, uint32_t most, uint32_t *out)
{
    size_t n = 0;
    uint32_t value = 0;
    while (n < s.n && n < most_digits && ascii_is_digit(s.p[n]))
        value = value * 10 + (uint32_t)(s.p[n++] - '0');
    *out = value;
    return value <= most ? n : 0;
}

/* A number that may be padded with one blank, as %e writes it. */
static size_t padded(struct str s, uint32_t most, uint32_t *out)
{
    size_t blank = s.n && s.p[0] == ' ';
    size_t n = number(str_skip(s, blank), 2, most, out);
    return n ? n + blank : 0;
}

static size_t read_year(struct str s, struct parsed *out)
{
    uint32_t year;
    size_t n = number(s, 4, 9999, &year);
    out->fields.year = (int32_t)year;
    return n == 4 ? n : 0;
}

/* POSIX: 69–99 are 1969–1999. */
static size_t read_short_year(struct str s, struct parsed *out)
{
    uint32_t year;
    size_t n = number(s, 2, 99, &year);
    out->fields.year = (int32_t)(year < 69 ? 2000 + year : 1900 + year);
    return n == 2 ? n : 0;
}

static size_t read_month(struct str s, struct parsed *out)
{
    return padded(s, 12, &out->fields.month);
}

static size_t read_month_name(struct str s, struct parsed *out)
{
    return month_word_parse(s, &out->fields.month);
}

static size_t read_day(struct str s, struct parsed *out)
{
    return padded(s, 31, &out->fields.day);
}

static size_t read_hour(struct str s, struct parsed *out)
{
    return padded(s, 24, &out->fields.hour);
}

static size_t read_hour12(struct str s, struct parsed *out)
{
    return padded(s, 12, &out->fields.hour);
}

static size_t read_minute(struct str s, struct parsed *out)
{
    return number(s, 2, 59, &out->fields.minute);
}

static size_t read_second(struct str s, struct parsed *out)
{
    return number(s, 2, 60, &out->fields.second);
}

static size_t read_fraction(struct str s, struct parsed *out)
{
    return fraction_parse(s, &out->fields.nanosecond);
}

static size_t read_half(struct str s, struct parsed *out)
{
    static const struct {
        struct str word;
        bool is_pm;
    } halves[] = {{{"AM", 2}, false},  {{"PM", 2}, true},    {{"a.m.", 4}, false},
                  {{"p.m.", 4}, true}, {{"午前", 6}, false}, {{"午後", 6}, true}};
    for (size_t i = 0; i < COUNT_OF(halves); i++) {
        if (str_starts_nocase(s, halves[i].word)) {
            out->is_pm = halves[i].is_pm;
            out->has_half = true;
            return halves[i].word.n;
        }
    }
    return 0;
}

static size_t read_offset(struct str s, struct parsed *out)
{
    return zone_word_parse(s, &out->fields.offset);
}

/* An abbreviation, an offset, or an IANA name. A word that is none of these is refused: guessing would shift
 * the time. */
static size_t read_zone(struct str s, struct parsed *out)
{
    size_t n = zone_word_parse(s, &out->fields.offset), end = 0;
    while (end < s.n && end < 64 && !ascii_is_space(s.p[end]) && s.p[end] != ')' && s.p[end] != ']')
        end++;
    if (n && (n == end || str_find_char(str_slice(s, 0, end), '/', 0) == STR_NOT_FOUND))
        return n;
    out->fields.offset = OFFSET_UNKNOWN;
    out->fields.zone = zone_find(str_slice(s, 0, end));
    return end && out->fields.zone ? end : 0;
}

/* The name of the weekday says nothing that the date does not: any word will do, in any script. */
static size_t read_weekday(struct str s, struct parsed *out)
{
    size_t n = 0;
    (void)out;
    while (n < s.n &&
           ((unsigned char)s.p[n] >= 0x80 || (ascii_lower(s.p[n]) >= 'a' && ascii_lower(s.p[n]) <= 'z')))
        n++;
    return n;
}

static size_t read_day_of_year(struct str s, struct parsed *out)
{
    size_t n = number(s, 3, 366, &out->day_of_year);
    return out->day_of_year ? n : 0;
}

static size_t read_epoch(struct str s, struct parsed *out, int64_t unit_ns)
{
    size_t n = s.n && s.p[0] == '-';
    while (n < s.n && ascii_is_digit(s.p[n]))
        n++;
    int64_t value;
    if (!str_to_i64(str_slice(s, 0, n), &value) || __builtin_mul_overflow(value, unit_ns, &out->epoch_ns))
        return 0;
    out->has_epoch = true;
    return n;
}

static size_t read_epoch_seconds(struct str s, struct parsed *out)
{
    return read_epoch(s, out, NS_PER_SECOND);
}

static size_t read_epoch_ms(struct str s, struct parsed *out)
{
    return read_epoch(s, out, NS_PER_MS);
}

static const struct {
    char letter;
    read_part *read;
    const char *expansion; /* instead of `read` */
} letters[] = {
    {'Y', read_year, NULL},
    {'y', read_short_year, NULL},
    {'m', read_month, NULL},
    {'d', read_day, NULL},
    {'e', read_day, NULL},
    {'b', read_month_name, NULL},
    {'B', read_month_name, NULL},
    {'h', read_month_name, NULL},
    {'H', read_hour, NULL},
    {'k', read_hour, NULL},
    {'I', read_hour12, NULL},
    {'l', read_hour12, NULL},
    {'p', read_half, NULL},
    {'P', read_half, NULL},
    {'M', read_minute, NULL},
    {'S', read_second, NULL},
    {'f', read_fraction, NULL},
    {'z', read_offset, NULL},
    {'Z', read_zone, NULL},
    {'a', read_weekday, NULL},
    {'A', read_weekday, NULL},
    {'j', read_day_of_year, NULL},
    {'s', read_epoch_seconds, NULL},
    {'L', read_epoch_ms, NULL},
    {'T', NULL, "%H:%M:%S"},
    {'R', NULL, "%H:%M"},
    {'D', NULL, "%m/%d/%y"},
    {'F', NULL, "%Y-%m-%d"},
    {'%', NULL, ""},
    {'n', NULL, " "},
    {'t', NULL, " "},
};

static void add_step(struct time_format *f, struct step step)
{
    bool is_space = !step.read && step.literal == ' ';
    if (is_space && f->count && !f->steps[f->count - 1].read && f->steps[f->count - 1].literal == ' ')
        return;
    f->steps = memory_resize_array(f->steps, f->count + 1, sizeof f->steps[0]);
    f->steps[f->count++] = step;
}

static void add_letter(struct time_format *f, size_t which)
{
    const char *expansion = letters[which].expansion;
    if (!expansion) {
        add_step(f, (struct step){.read = letters[which].read});
        return;
    }
    if (letters[which].letter == '%')
        add_step(f, (struct step){.literal = '%'});
    for (const char *c = expansion; *c; c++) {
        if (*c != '%') {
            add_step(f, (struct step){.literal = *c});
            continue;
        }
        c++;
        for (size_t i = 0; i < COUNT_OF(letters); i++)
            if (letters[i].letter == *c)
                add_step(f, (struct step){.read = letters[i].read});
    }
}

struct time_format *time_format_new(struct str format, struct error *err)
{
    struct time_format *f = NEW(struct time_format);
    for (size_t i = 0; i < format.n; i++) {
        if (format.p[i] != '%') {
            add_step(f, (struct step){.literal = ascii_is_space(format.p[i]) ? ' ' : format.p[i]});
            continue;
        }
        char letter = ++i < format.n ? format.p[i] : '\0';
        size_t which = 0;
        while (which < COUNT_OF(letters) && letters[which].letter != letter)
            which++;
        if (which == COUNT_OF(letters)) {
            error_set(err, "the time format \"%.*s\" has an unknown letter at character %zu; known are %s",
                      STR_ARGS(format), i,
                      "%Y %y %m %d %e %b %B %H %I %p %M %S %f %z %Z %a %A %j %s %L %T %D %F %%");
            time_format_free(f);
            return NULL;
        }
        add_letter(f, which);
    }
    if (!f->count) {
        error_set(err, "the time format is empty");
        time_format_free(f);
        return NULL;
    }
    return f;
}

void time_format_free(struct time_format *f)
{
    if (!f)
        return;
    memory_free(f->steps);
    memory_free(f);
}

static bool walk_steps(const struct time_format *f, struct str s, struct parsed *out)
{
    for (size_t i = 0; i < f->count; i++) {
        const struct step *step = &f->steps[i];
        if (step->read) {
            size_t n = step->read(s, out);
            if (!n)
                return false;
            s = str_skip(s, n);
        } else if (step->literal == ' ') {
            while (s.n && ascii_is_space(s.p[0]))
                s = str_skip(s, 1);
        } else if (s.n && s.p[0] == step->literal) {
            s = str_skip(s, 1);
        } else {
            return false;
        }
    }
    return !str_trim(s).n;
}

/* 12 o'clock is the hour before 1. */
static void apply_half(struct parsed *p)
{
    if (p->has_half)
        p->fields.hour = p->fields.hour % 12 + (p->is_pm ? 12 : 0);
}

/* The day of the year needs a year; the format's author is trusted to give one. */
static void apply_day_of_year(struct parsed *p)
{
    if (!p->day_of_year || p->fields.year == YEAR_UNKNOWN)
        return;
    int64_t year;
    unsigned month, day;
    days_to_civil(civil_to_days(p->fields.year, 1, 1) + p->day_of_year - 1, &year, &month, &day);
    p->fields.year = (int32_t)year;
    p->fields.month = month;
    p->fields.day = day;
}

bool time_format_parse(const struct time_format *f, struct str s, const struct time_context *context,
                       int64_t *time_ns)
{
    struct parsed p = {
        .fields = {.year = YEAR_UNKNOWN, .month = 1, .day = 1, .offset = OFFSET_UNKNOWN},
    };
    if (!walk_steps(f, s, &p))
        return false;
    if (p.has_epoch) {
        *time_ns = p.epoch_ns + p.fields.nanosecond;
        return true;
    }
    apply_half(&p);
    apply_day_of_year(&p);
    return time_from_fields(&p.fields, context, time_ns);
}
