/* Values of event log records as text, the way Windows writes them. Stage: parse. Reads typed bytes of binary
 * XML, leaves escaped UTF-8. Next: evtx.c. */
#include "base/clock.h"
#include "base/memory.h"
#include "base/utf16.h"
#include "parse/evtx_internal.h"

static void add_escaped(struct buf *out, uint32_t code)
{
    switch (code) {
    case '&':
        buf_c(out, "&amp;");
        break;
    case '<':
        buf_c(out, "&lt;");
        break;
    case '>':
        buf_c(out, "&gt;");
        break;
    case '"':
        buf_c(out, "&quot;");
        break;
    default:
        out->n += utf8_put(code, buf_reserve(out, 4));
    }
}

static bool is_plain(unsigned char c)
{
    return c < 0x80 && c != '&' && c != '<' && c != '>' && c != '"';
}

void evtx_text_add(struct buf *out, struct str s)
{
    while (s.n >= 2 && s.p[s.n - 1] == 0 && s.p[s.n - 2] == 0)
        s.n -= 2;
    for (size_t at = 0; at < s.n;) {
        char *to = buf_reserve(out, s.n / 2 + 1); /* nearly all of it is ASCII */
        while (s.n - at >= 2 && s.p[at + 1] == 0 && is_plain((unsigned char)s.p[at])) {
            *to++ = s.p[at];
            at += 2;
        }
        out->n = (size_t)(to - out->p);
        if (at < s.n)
            add_escaped(out, utf16_next(s, &at, false));
    }
}

/* Bytes of no declared character set: what is not ASCII is read as Windows-1252's neighbour Latin-1. */
static void add_ansi(struct buf *out, struct str s)
{
    while (s.n && s.p[s.n - 1] == 0)
        s.n--;
    for (size_t i = 0; i < s.n; i++)
        add_escaped(out, (unsigned char)s.p[i]);
}

static void add_digits(struct buf *out, struct str s, const char *digits)
{
    char *to = buf_reserve(out, s.n * 2);
    for (size_t i = 0; i < s.n; i++) {
        *to++ = digits[(unsigned char)s.p[i] >> 4];
        *to++ = digits[(unsigned char)s.p[i] & 15];
    }
    out->n += s.n * 2;
}

static void add_bytes(struct buf *out, struct str s)
{
    add_digits(out, s, "0123456789ABCDEF");
}

static uint64_t unsigned_of(struct str s)
{
    uint64_t v = 0;
    for (size_t i = s.n; i-- > 0;)
        v = v << 8 | (unsigned char)s.p[i];
    return v;
}

static void add_unsigned(struct buf *out, struct str s)
{
    buf_u64(out, unsigned_of(s));
}

static void add_signed(struct buf *out, struct str s)
{
    unsigned unused = 64 - 8 * (unsigned)s.n;
    buf_i64(out, (int64_t)(unsigned_of(s) << unused) >> unused);
}

static void add_hex(struct buf *out, struct str s)
{
    char text[16], *at = text + sizeof text;
    uint64_t v = unsigned_of(s);
    do {
        *--at = "0123456789abcdef"[v & 15];
        v >>= 4;
    } while (v);
    buf_bytes(out, "0x", 2);
    buf_bytes(out, at, (size_t)(text + sizeof text - at));
}

static void add_bool(struct buf *out, struct str s)
{
    buf_c(out, unsigned_of(s) ? "true" : "false");
}

static void add_float(struct buf *out, struct str s)
{
    float v;
    memcpy(&v, s.p, sizeof v);
    buf_printf(out, "%.9g", (double)v);
}

static void add_double(struct buf *out, struct str s)
{
    double v;
    memcpy(&v, s.p, sizeof v);
    buf_printf(out, "%.17g", v);
}

/* The first three groups are numbers, the others bytes. */
static void add_guid(struct buf *out, struct str s)
{
    static const uint8_t order[] = {3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15};
    char bytes[sizeof order];
    for (size_t i = 0; i < sizeof order; i++)
        bytes[i] = s.p[order[i]];
    buf_char(out, '{');
    for (size_t i = 0; i < sizeof order; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            buf_char(out, '-');
        add_digits(out, str_n(bytes + i, 1), "0123456789abcdef");
    }
    buf_char(out, '}');
}

/* At least so many digits, and what stands behind them. */
static void add_padded(struct buf *out, uint64_t v, int digits, char behind)
{
    uint64_t bound = 10;
    for (int i = 1; i < digits; i++, bound *= 10)
        ;
    for (bound /= 10; bound > 1 && v < bound; bound /= 10)
        buf_char(out, '0');
    buf_u64(out, v);
    buf_char(out, behind);
}

/* Ticks of 100 ns since 1601-01-01, with all seven digits of the fraction. */
static void add_file_time(struct buf *out, struct str s)
{
    const uint64_t per_second = 10000000, per_day = 86400 * per_second;
    const int64_t days_to_1970 = 134774;
    uint64_t ticks = unsigned_of(s), in_day = ticks % per_day;
    int64_t year;
    unsigned month, day, seconds = (unsigned)(in_day / per_second);
    days_to_civil((int64_t)(ticks / per_day) - days_to_1970, &year, &month, &day);
    add_padded(out, (uint64_t)year, 4, '-'); /* 1601 to 60056 */
    add_padded(out, month, 2, '-');
    add_padded(out, day, 2, 'T');
    add_padded(out, seconds / 3600, 2, ':');
    add_padded(out, seconds / 60 % 60, 2, ':');
    add_padded(out, seconds % 60, 2, '.');
    add_padded(out, in_day % per_second, 7, 'Z');
}

/* SYSTEMTIME: year, month, day of week, day, hour, minute, second, millisecond. */
static void add_system_time(struct buf *out, struct str s)
{
    buf_printf(out, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ", evtx_u16(s, 0), evtx_u16(s, 2), evtx_u16(s, 6),
               evtx_u16(s, 8), evtx_u16(s, 10), evtx_u16(s, 12), evtx_u16(s, 14));
}

/* S-revision-authority-… ([MS-DTYP] 2.4.2). */
static void add_sid(struct buf *out, struct str s)
{
    if (s.n < 8 || s.n != 8 + 4 * (size_t)(unsigned char)s.p[1]) {
        add_bytes(out, s);
        return;
    }
    uint64_t authority = 0;
    for (size_t i = 2; i < 8; i++)
        authority = authority << 8 | (unsigned char)s.p[i];
    buf_c(out, "S-");
    buf_u64(out, (unsigned char)s.p[0]);
    buf_char(out, '-');
    buf_u64(out, authority);
    for (size_t at = 8; at < s.n; at += 4) {
        buf_char(out, '-');
        buf_u64(out, evtx_u32(s, at));
    }
}

static const struct {
    uint8_t size; /* 0 = any */
    void (*add)(struct buf *out, struct str bytes);
} types[] = {
    [EVTX_STRING] = {0, evtx_text_add},
    [EVTX_ANSI_STRING] = {0, add_ansi},
    [0x03] = {1, add_signed},
    [0x04] = {1, add_unsigned},
    [0x05] = {2, add_signed},
    [0x06] = {2, add_unsigned},
    [0x07] = {4, add_signed},
    [0x08] = {4, add_unsigned},
    [0x09] = {8, add_signed},
    [0x0a] = {8, add_unsigned},
    [0x0b] = {4, add_float},
    [0x0c] = {8, add_double},
    [0x0d] = {4, add_bool},
    [0x0e] = {0, add_bytes},
    [0x0f] = {16, add_guid},
    [0x10] = {0, add_hex}, /* as wide as the sender's pointers */
    [0x11] = {8, add_file_time},
    [0x12] = {16, add_system_time},
    [0x13] = {0, add_sid},
    [0x14] = {4, add_hex},
    [0x15] = {8, add_hex},
    [0x23] = {0, evtx_text_add}, /* XML as text */
};

void evtx_value_add(struct buf *out, unsigned type, struct str bytes)
{
    if (!bytes.n || type == EVTX_NULL)
        return;
    bool is_known = type < COUNT_OF(types) && types[type].add;
    if (is_known && types[type].size && types[type].size != bytes.n)
        is_known = false;
    if (type == 0x10 && bytes.n > 8)
        is_known = false;
    if (is_known)
        types[type].add(out, bytes);
    else
        add_bytes(out, bytes);
}

static size_t string_bytes(struct str s, size_t unit)
{
    for (size_t at = 0; at + unit <= s.n; at += unit)
        if (s.p[at] == 0 && s.p[at + unit - 1] == 0)
            return at + unit;
    return s.n;
}

bool evtx_array_next(unsigned type, struct str *rest, struct str *item)
{
    type &= ~(unsigned)EVTX_ARRAY;
    if (!rest->n)
        return false;
    size_t n = type < COUNT_OF(types) ? types[type].size : 0;
    if (type == EVTX_STRING || type == EVTX_ANSI_STRING)
        n = string_bytes(*rest, type == EVTX_STRING ? 2 : 1);
    else if (type == 0x13 && rest->n >= 2)
        n = 8 + 4 * (size_t)(unsigned char)rest->p[1];
    else if (type == 0x10)
        n = rest->n % 8 ? 4 : 8;
    if (!n || n > rest->n)
        n = rest->n;
    *item = str_slice(*rest, 0, n);
    *rest = str_skip(*rest, n);
    return true;
}
