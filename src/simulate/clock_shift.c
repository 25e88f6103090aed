/* A scan for the forms of clock_shift.h. A date without a year is moved within 2024, a leap year; zones do
 * not matter. */
#include "simulate/clock_shift.h"

#include "base/clock.h"
#include "base/memory.h"

static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

/* Digits and '#'-free letters: '9' a digit, 'x' a letter, '_' a space or T, '?' a space or a digit, else
 * itself. */
static bool looks_like(struct str s, const char *form)
{
    size_t n = strlen(form);
    if (s.n < n)
        return false;
    for (size_t i = 0; i < n; i++) {
        char c = s.p[i];
        bool is_letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        bool ok = form[i] == '9'   ? ascii_is_digit(c)
                  : form[i] == 'x' ? is_letter
                  : form[i] == '_' ? c == ' ' || c == 'T'
                  : form[i] == '?' ? c == ' ' || ascii_is_digit(c)
                                   : c == form[i];
        if (!ok)
            return false;
    }
    return true;
}

static unsigned number(struct str s, size_t at, size_t width)
{
    unsigned value = 0;
    for (size_t i = 0; i < width; i++)
        if (ascii_is_digit(s.p[at + i]))
            value = value * 10 + (unsigned)(s.p[at + i] - '0');
    return value;
}

static unsigned month_number(struct str s, size_t at)
{
    for (unsigned m = 0; m < 12; m++)
        if (str_eq_nocase(str_n(s.p + at, 3), str_n(months + 3 * m, 3)))
            return m + 1;
    return 0;
}

struct moment {
    int64_t year;
    unsigned month, day, clock; /* clock: seconds of the day */
};

static bool move(struct moment *m, int64_t seconds)
{
    if (m->month < 1 || m->month > 12 || m->day < 1 || m->day > 31 || m->clock >= 86400)
        return false;
    int64_t all = civil_to_days(m->year, m->month, m->day) * 86400 + m->clock + seconds;
    int64_t day = all / 86400 - (all % 86400 < 0);
    days_to_civil(day, &m->year, &m->month, &m->day);
    m->clock = (unsigned)(all - day * 86400);
    return true;
}

static unsigned clock_of(struct str s, size_t at)
{
    return number(s, at, 2) * 3600 + number(s, at + 3, 2) * 60 + number(s, at + 6, 2);
}

static void put_clock(struct buf *out, const struct moment *m)
{
    buf_printf(out, "%02u:%02u:%02u", m->clock / 3600, m->clock / 60 % 60, m->clock % 60);
}

/* "2025-11-10T09:13:07" and "2025-11-10 09:13:07". */
static size_t shift_iso(struct str s, int64_t seconds, struct buf *out)
{
    if (!looks_like(s, "9999-99-99_99:99:99"))
        return 0;
    struct moment m = {number(s, 0, 4), number(s, 5, 2), number(s, 8, 2), clock_of(s, 11)};
    if (!move(&m, seconds))
        return 0;
    buf_printf(out, "%04d-%02u-%02u%c", (int)m.year, m.month, m.day, s.p[10]);
    put_clock(out, &m);
    return 19;
}

static size_t shift_key_value(struct str s, int64_t seconds, struct buf *out)
{
    if (!looks_like(s, "date=9999-99-99 time=99:99:99"))
        return 0;
    struct moment m = {number(s, 5, 4), number(s, 10, 2), number(s, 13, 2), clock_of(s, 21)};
    if (!move(&m, seconds))
        return 0;
    buf_printf(out, "date=%04d-%02u-%02u time=", (int)m.year, m.month, m.day);
    put_clock(out, &m);
    return 29;
}

static size_t shift_bind(struct str s, int64_t seconds, struct buf *out)
{
    if (!looks_like(s, "99-xxx-9999 99:99:99"))
        return 0;
    struct moment m = {number(s, 7, 4), month_number(s, 3), number(s, 0, 2), clock_of(s, 12)};
    if (!move(&m, seconds))
        return 0;
    buf_printf(out, "%02u-%.3s-%04d ", m.day, months + 3 * (m.month - 1), (int)m.year);
    put_clock(out, &m);
    return 20;
}

static size_t shift_bsd(struct str s, int64_t seconds, struct buf *out)
{
    if (!looks_like(s, "xxx ?9 99:99:99"))
        return 0;
    struct moment m = {2024, month_number(s, 0), number(s, 4, 2), clock_of(s, 7)};
    if (!move(&m, seconds))
        return 0;
    buf_printf(out, "%.3s %2u ", months + 3 * (m.month - 1), m.day);
    put_clock(out, &m);
    return 15;
}

/* Seconds, or a finer unit: the digits of the seconds are moved. */
static size_t shift_epoch(struct str s, int64_t seconds, struct buf *out)
{
    size_t n = 0;
    uint64_t value;
    while (n < s.n && ascii_is_digit(s.p[n]))
        n++;
    if ((n != 10 && n != 13 && n != 16 && n != 19) || !str_to_u64(str_slice(s, 0, 10), 10, &value))
        return 0;
    buf_i64(out, (int64_t)value + seconds);
    return 10;
}

static bool is_epoch_place(struct str line, size_t at)
{
    static const char *const before[] = {"\"ts\":", "eventtime=", " rt=", "|rt="};
    for (size_t i = 0; i < COUNT_OF(before); i++)
        if (str_ends(str_slice(line, 0, at), str_c(before[i])))
            return true;
    return at == 0;
}

void clock_shift(struct str line, int64_t seconds, struct buf *out)
{
    static size_t (*const forms[])(struct str s, int64_t seconds,
                                   struct buf * out) = {shift_key_value, shift_iso, shift_bind, shift_bsd};
    size_t copied = 0;
    for (size_t at = 0; at < line.n;) {
        size_t used = 0, before = out->n;
        bool is_inside_word = at > 0 && ascii_is_digit(line.p[at - 1]);
        buf_add(out, str_slice(line, copied, at));
        for (size_t i = 0; i < COUNT_OF(forms) && used == 0 && !is_inside_word; i++)
            used = forms[i](str_skip(line, at), seconds, out);
        if (used == 0 && is_epoch_place(line, at))
            used = shift_epoch(str_skip(line, at), seconds, out);
        if (used == 0)
            out->n = before;
        else
            copied = at + used;
        at += used ? used : 1;
    }
    buf_add(out, str_slice(line, copied, line.n));
}
