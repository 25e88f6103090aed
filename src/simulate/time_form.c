/* Writing times without printf: a simulation writes millions. */
#include "simulate/time_form.h"

#include "base/memory.h"

static const char *const words[] = {
#define TIME_FORM(name, word, example) word,
#include "simulate/time_forms.def"
#undef TIME_FORM
};

static const char months[12][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                   "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

bool time_form_find(struct str word, enum time_form *out)
{
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq(word, str_c(words[i]))) {
            *out = (enum time_form)i;
            return true;
        }
    return false;
}

struct moment {
    int64_t year;
    unsigned month, day, hour, minute, second, nanosecond;
};

static struct moment moment_of(int64_t time_ns, int64_t offset_ns)
{
    struct moment m;
    int64_t local = time_ns + offset_ns, day = local / DAY_NS, rest = local % DAY_NS;
    if (rest < 0) {
        rest += DAY_NS;
        day--;
    }
    days_to_civil(day, &m.year, &m.month, &m.day);
    unsigned seconds = (unsigned)(rest / NS_PER_SECOND);
    m.hour = seconds / 3600;
    m.minute = seconds / 60 % 60;
    m.second = seconds % 60;
    m.nanosecond = (unsigned)(rest % NS_PER_SECOND);
    return m;
}

static void digits(struct buf *out, unsigned value, unsigned width)
{
    char *p = buf_reserve(out, width);
    for (unsigned i = width; i-- > 0; value /= 10)
        p[i] = (char)('0' + value % 10);
    out->n += width;
}

static void put_date(struct buf *out, const struct moment *m)
{
    digits(out, (unsigned)m->year, 4);
    buf_char(out, '-');
    digits(out, m->month, 2);
    buf_char(out, '-');
    digits(out, m->day, 2);
}

static void put_clock(struct buf *out, const struct moment *m)
{
    digits(out, m->hour, 2);
    buf_char(out, ':');
    digits(out, m->minute, 2);
    buf_char(out, ':');
    digits(out, m->second, 2);
}

static void put_date_clock(struct buf *out, const struct moment *m, char between)
{
    put_date(out, m);
    buf_char(out, between);
    put_clock(out, m);
}

static void put_fraction(struct buf *out, const struct moment *m, unsigned width)
{
    unsigned value = m->nanosecond;
    for (unsigned i = width; i < 9; i++)
        value /= 10;
    buf_char(out, '.');
    digits(out, value, width);
}

static void put_bsd(struct buf *out, const struct moment *m)
{
    buf_bytes(out, months[m->month - 1], 3);
    buf_char(out, ' ');
    if (m->day < 10)
        buf_char(out, ' ');
    digits(out, m->day, m->day < 10 ? 1 : 2);
    buf_char(out, ' ');
    put_clock(out, m);
}

static void put_bind(struct buf *out, const struct moment *m)
{
    digits(out, m->day, 2);
    buf_char(out, '-');
    buf_bytes(out, months[m->month - 1], 3);
    buf_char(out, '-');
    digits(out, (unsigned)m->year, 4);
    buf_char(out, ' ');
    put_clock(out, m);
    put_fraction(out, m, 3);
}

static void put_epoch(struct buf *out, int64_t time_ns)
{
    buf_i64(out, time_ns / NS_PER_SECOND);
    buf_char(out, '.');
    digits(out, (unsigned)(time_ns % NS_PER_SECOND / NS_PER_MS), 3);
}

void time_form_put(enum time_form form, int64_t time_ns, struct buf *out)
{
    bool is_utc = form == TIME_FORM_UTC || form == TIME_FORM_UTC_PLAIN;
    struct moment m = moment_of(time_ns, is_utc ? 0 : TIME_OFFSET_NS);
    switch (form) {
    case TIME_FORM_EPOCH:
        put_epoch(out, time_ns);
        return;
    case TIME_FORM_NANOSECONDS:
        buf_i64(out, time_ns);
        return;
    case TIME_FORM_MS:
        buf_i64(out, time_ns / NS_PER_MS);
        return;
    case TIME_FORM_BIND:
        put_bind(out, &m);
        return;
    case TIME_FORM_BSD:
        put_bsd(out, &m);
        return;
    case TIME_FORM_ISO:
        put_date_clock(out, &m, 'T');
        buf_c(out, "+09:00");
        return;
    case TIME_FORM_LOCAL:
    case TIME_FORM_UTC_PLAIN:
        put_date_clock(out, &m, ' ');
        return;
    case TIME_FORM_DATE:
        put_date(out, &m);
        return;
    case TIME_FORM_CLOCK:
        put_clock(out, &m);
        return;
    case TIME_FORM_UTC:
        put_date_clock(out, &m, 'T');
        put_fraction(out, &m, 3);
        buf_char(out, 'Z');
        return;
    case TIME_FORM_EVE:
        put_date_clock(out, &m, 'T');
        put_fraction(out, &m, 6);
        buf_c(out, "+0900");
        return;
    case TIME_FORM_YYMMDD:
        digits(out, (unsigned)(m.year % 100), 2);
        digits(out, m.month, 2);
        digits(out, m.day, 2);
        return;
    case TIME_FORM_COUNT:
        break;
    }
    BUG("unknown form of time");
}

/* ---------------------------------------------------------------- spans */

static bool unit_of(struct str text, int64_t *unit_ns)
{
    static const struct {
        const char *name;
        int64_t ns;
    } units[] = {{"ms", NS_PER_MS},
                 {"s", NS_PER_SECOND},
                 {"m", 60 * NS_PER_SECOND},
                 {"h", 3600 * NS_PER_SECOND},
                 {"d", DAY_NS}};
    for (size_t i = 0; i < COUNT_OF(units); i++)
        if (str_eq(text, str_c(units[i].name))) {
            *unit_ns = units[i].ns;
            return true;
        }
    return false;
}

static size_t span_of(struct str text, bool is_number)
{
    size_t n = 0;
    while (n < text.n && (ascii_is_digit(text.p[n]) || text.p[n] == '.') == is_number)
        n++;
    return n;
}

bool span_parse(struct str text, int64_t *span_ns)
{
    *span_ns = 0;
    bool ok = text.n > 0;
    while (ok && text.n) {
        double number;
        int64_t unit_ns;
        size_t n = span_of(text, true);
        ok = str_to_double(str_slice(text, 0, n), &number);
        text = str_skip(text, n);
        n = span_of(text, false);
        if (!ok || number > 1e6 || !unit_of(str_slice(text, 0, n), &unit_ns))
            return false;
        *span_ns += (int64_t)(number * (double)unit_ns);
        text = str_skip(text, n);
    }
    return ok;
}

bool span_range_parse(struct str text, int64_t *low_ns, int64_t *high_ns)
{
    size_t dash = str_find_char(text, '-', 0);
    if (dash == STR_NOT_FOUND) {
        bool ok = span_parse(text, low_ns);
        *high_ns = *low_ns;
        return ok;
    }
    struct str low = str_slice(text, 0, dash), high = str_skip(text, dash + 1);
    if (!span_parse(high, high_ns))
        return false;
    if (span_of(low, true) < low.n)
        return span_parse(low, low_ns) && *low_ns <= *high_ns;
    struct buf with_unit = {0};
    buf_add(&with_unit, low);
    buf_add(&with_unit, str_skip(high, span_of(high, true)));
    bool ok = span_parse(buf_str(&with_unit), low_ns) && *low_ns <= *high_ns;
    buf_free(&with_unit);
    return ok;
}
