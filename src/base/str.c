/* Ground floor: borrowed bytes. Comparing, searching, cutting, numbers, hashes, UTF-8. */
#include "base/str.h"

#include <locale.h>
#include <stdlib.h>
#define XXH_INLINE_ALL
#include <xxhash.h>

bool str_eq_nocase(struct str a, struct str b)
{
    if (a.n != b.n)
        return false;
    for (size_t i = 0; i < a.n; i++)
        if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
            return false;
    return true;
}

bool str_starts(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq((struct str){s.p, prefix.n}, prefix);
}

bool str_ends(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq((struct str){s.p + (s.n - suffix.n), suffix.n}, suffix);
}

bool str_starts_nocase(struct str s, struct str prefix)
{
    return s.n >= prefix.n && str_eq_nocase((struct str){s.p, prefix.n}, prefix);
}

bool str_ends_nocase(struct str s, struct str suffix)
{
    return s.n >= suffix.n && str_eq_nocase((struct str){s.p + (s.n - suffix.n), suffix.n}, suffix);
}

int str_compare(struct str a, struct str b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = n ? memcmp(a.p, b.p, n) : 0;
    if (order)
        return order;
    return a.n < b.n ? -1 : a.n > b.n;
}

#define FIND_TRIES 8

size_t str_find(struct str s, struct str needle, size_t from)
{
    if (from > s.n || needle.n > s.n - from)
        return STR_NOT_FOUND;
    if (!needle.n)
        return from;
    /* Needles of a few bytes whose first is rare and near: then memchr finds them sooner than memmem has
     * prepared itself. */
    const char *at = s.p + from, *last = s.p + s.n - needle.n;
    for (int tries = 0; tries < FIND_TRIES; tries++, at++) {
        at = at <= last ? memchr(at, needle.p[0], (size_t)(last - at) + 1) : NULL;
        if (at == NULL)
            return STR_NOT_FOUND;
        if (str_eq(str_n(at, needle.n), needle))
            return (size_t)(at - s.p);
    }
    const char *hit = memmem(at, (size_t)(s.p + s.n - at), needle.p, needle.n);
    return hit ? (size_t)(hit - s.p) : STR_NOT_FOUND;
}

size_t str_find_char(struct str s, char c, size_t from)
{
    if (from >= s.n)
        return STR_NOT_FOUND;
    const char *hit = memchr(s.p + from, c, s.n - from);
    return hit ? (size_t)(hit - s.p) : STR_NOT_FOUND;
}

size_t str_find_last_char(struct str s, char c)
{
    const char *hit = s.n ? memrchr(s.p, c, s.n) : NULL;
    return hit ? (size_t)(hit - s.p) : STR_NOT_FOUND;
}

bool str_contains(struct str s, struct str needle)
{
    return str_find(s, needle, 0) != STR_NOT_FOUND;
}

bool str_contains_nocase(struct str s, struct str needle)
{
    if (!needle.n)
        return true;
    char first = ascii_lower(needle.p[0]);
    for (size_t i = 0; i + needle.n <= s.n; i++)
        if (ascii_lower(s.p[i]) == first && str_eq_nocase((struct str){s.p + i, needle.n}, needle))
            return true;
    return false;
}

struct str str_slice(struct str s, size_t from, size_t to)
{
    if (to > s.n)
        to = s.n;
    if (from > to)
        from = to;
    return s.p ? (struct str){s.p + from, to - from} : STR_EMPTY;
}

struct str str_skip(struct str s, size_t n)
{
    return str_slice(s, n, s.n);
}

struct str str_trim(struct str s)
{
    while (s.n && ascii_is_space(s.p[0]))
        s.p++, s.n--;
    while (s.n && ascii_is_space(s.p[s.n - 1]))
        s.n--;
    return s;
}

struct str str_trim_chars(struct str s, const char *chars)
{
    struct str set = str_c(chars);
    while (s.n && str_find_char(set, s.p[0], 0) != STR_NOT_FOUND)
        s.p++, s.n--;
    while (s.n && str_find_char(set, s.p[s.n - 1], 0) != STR_NOT_FOUND)
        s.n--;
    return s;
}

bool str_split(struct str *rest, char separator, struct str *part)
{
    if (!rest->p)
        return false;
    size_t at = str_find_char(*rest, separator, 0);
    if (at == STR_NOT_FOUND) {
        *part = *rest;
        *rest = (struct str){NULL, 0};
        return true;
    }
    *part = (struct str){rest->p, at};
    *rest = (struct str){rest->p + at + 1, rest->n - at - 1};
    return true;
}

static unsigned digit_value(char c)
{
    if (ascii_is_digit(c))
        return (unsigned)(c - '0');
    char lower = ascii_lower(c);
    return lower >= 'a' && lower <= 'z' ? (unsigned)(lower - 'a') + 10 : 99;
}

/* base 0 reads "0x1f" as hexadecimal and everything else as decimal; base 16 takes an optional "0x". */
bool str_to_u64(struct str s, unsigned base, uint64_t *out)
{
    bool has_prefix = s.n > 2 && s.p[0] == '0' && ascii_lower(s.p[1]) == 'x';
    if (has_prefix && (base == 0 || base == 16)) {
        s = str_skip(s, 2);
        base = 16;
    } else if (base == 0) {
        base = 10;
    }
    if (!s.n)
        return false;
    uint64_t value = 0;
    for (size_t i = 0; i < s.n; i++) {
        unsigned digit = digit_value(s.p[i]);
        if (digit >= base || __builtin_mul_overflow(value, (uint64_t)base, &value) ||
            __builtin_add_overflow(value, (uint64_t)digit, &value))
            return false;
    }
    *out = value;
    return true;
}

bool str_to_i64(struct str s, int64_t *out)
{
    bool is_negative = s.n && s.p[0] == '-';
    if (s.n && (s.p[0] == '-' || s.p[0] == '+'))
        s = str_skip(s, 1);
    uint64_t magnitude;
    if (!str_to_u64(s, 10, &magnitude))
        return false;
    if (magnitude > (uint64_t)INT64_MAX + is_negative)
        return false;
    *out = is_negative ? (int64_t)(0 - magnitude) : (int64_t)magnitude;
    return true;
}

/* Decimal digits with optional sign, point and exponent: what strtod takes, less infinities, NaN and
 * hexadecimal. */
static bool looks_decimal(struct str s)
{
    bool has_digit = false;
    for (size_t i = 0; i < s.n; i++) {
        if (ascii_is_digit(s.p[i]))
            has_digit = true;
        else if (!strchr("+-.eE", s.p[i]) || !s.p[i])
            return false;
    }
    return has_digit;
}

bool str_to_double(struct str s, double *out)
{
    char text[128];
    if (s.n >= sizeof text || !looks_decimal(s))
        return false;
    memcpy(text, s.p, s.n);
    text[s.n] = '\0';
    /* glibc hands out its built-in "C" object here, nothing is allocated */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    char *end;
    double value = strtod_l(text, &end, plain);
    freelocale(plain);
    if (end != text + s.n || __builtin_isinf(value))
        return false;
    *out = value;
    return true;
}

uint64_t str_hash(struct str s)
{
    return XXH3_64bits(s.p, s.n);
}

uint64_t str_hash_nocase(struct str s)
{
    char lower[256];
    if (s.n <= sizeof lower) {
        for (size_t i = 0; i < s.n; i++)
            lower[i] = ascii_lower(s.p[i]);
        return XXH3_64bits(lower, s.n);
    }
    XXH3_state_t state;
    XXH3_64bits_reset(&state);
    while (s.n) {
        size_t n = s.n < sizeof lower ? s.n : sizeof lower;
        for (size_t i = 0; i < n; i++)
            lower[i] = ascii_lower(s.p[i]);
        XXH3_64bits_update(&state, lower, n);
        s = str_skip(s, n);
    }
    return XXH3_64bits_digest(&state);
}

/* Length of the well-formed sequence at p, 0 when ill-formed (RFC 3629 section 4). */
static size_t utf8_sequence(const unsigned char *p, size_t n)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t length;
    if (p[0] < 0xc2 || p[0] > 0xf4)
        return 0;
    if (p[0] < 0xe0) {
        length = 2;
    } else if (p[0] < 0xf0) {
        length = 3;
        low = p[0] == 0xe0 ? 0xa0 : 0x80;
        high = p[0] == 0xed ? 0x9f : 0xbf;
    } else {
        length = 4;
        low = p[0] == 0xf0 ? 0x90 : 0x80;
        high = p[0] == 0xf4 ? 0x8f : 0xbf;
    }
    if (length > n || p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < length; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return length;
}

size_t str_utf8_length(struct str s)
{
    if (!s.n)
        return 0;
    return (unsigned char)s.p[0] < 0x80 ? 1 : utf8_sequence((const unsigned char *)s.p, s.n);
}

struct str str_utf8_start(struct str s, size_t most)
{
    size_t n = s.n < most ? s.n : most;
    while (n && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
        n--;
    return str_slice(s, 0, n);
}

bool str_is_ascii(struct str s)
{
    uint64_t seen = 0, word = 0;
    size_t i = 0;
    for (; i + sizeof word <= s.n; i += sizeof word) {
        memcpy(&word, s.p + i, sizeof word);
        seen |= word;
    }
    for (; i < s.n; i++)
        seen |= (unsigned char)s.p[i];
    return (seen & UINT64_C(0x8080808080808080)) == 0;
}

bool str_is_utf8(struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p, *end = p + s.n;
    while (p < end) {
        while (end - p >= 32) { /* most lines are ASCII: four words at a time */
            uint64_t words[4];
            memcpy(words, p, sizeof words);
            if ((words[0] | words[1] | words[2] | words[3]) & UINT64_C(0x8080808080808080))
                break;
            p += 32;
        }
        if (p == end)
            break;
        if (*p < 0x80) {
            p++;
            continue;
        }
        size_t n = utf8_sequence(p, (size_t)(end - p));
        if (!n)
            return false;
        p += n;
    }
    return true;
}
