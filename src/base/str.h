/* Borrowed bytes. A `struct str` never owns what it points to and is never assumed to end in NUL; it is
 * passed by value. Functions that need memory take an arena or a buf. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *p;
    size_t n;
};

#define STR(literal)  ((struct str){"" literal, sizeof(literal) - 1})
#define STR_EMPTY     ((struct str){"", 0})
#define STR_ARGS(s)   (int)(s).n, (s).p /* for "%.*s" */
#define STR_NOT_FOUND SIZE_MAX

static inline struct str str_c(const char *c)
{
    return (struct str){c, strlen(c)};
}

static inline struct str str_n(const char *p, size_t n)
{
    return (struct str){p, n};
}

/* Most texts compared are shorter than 17 bytes: two words that may overlap, without a call. */
static inline bool bytes_eq_short(const char *a, const char *b, size_t n)
{
    if (n >= 8) {
        uint64_t a_head, a_tail, b_head, b_tail;
        memcpy(&a_head, a, 8);
        memcpy(&b_head, b, 8);
        memcpy(&a_tail, a + n - 8, 8);
        memcpy(&b_tail, b + n - 8, 8);
        return ((a_head ^ b_head) | (a_tail ^ b_tail)) == 0;
    }
    if (n >= 4) {
        uint32_t a_head, a_tail, b_head, b_tail;
        memcpy(&a_head, a, 4);
        memcpy(&b_head, b, 4);
        memcpy(&a_tail, a + n - 4, 4);
        memcpy(&b_tail, b + n - 4, 4);
        return ((a_head ^ b_head) | (a_tail ^ b_tail)) == 0;
    }
    return n == 0 || (a[0] == b[0] && a[n / 2] == b[n / 2] && a[n - 1] == b[n - 1]);
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.n == b.n && (a.n <= 16 ? bytes_eq_short(a.p, b.p, a.n) : memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII letters only. */
static inline char ascii_lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c + 32) : c;
}

static inline char ascii_upper(char c)
{
    return c >= 'a' && c <= 'z' ? (char)(c - 32) : c;
}

static inline bool ascii_is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static inline bool ascii_is_space(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

bool str_eq_nocase(struct str a, struct str b);
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_starts_nocase(struct str s, struct str prefix);
bool str_ends_nocase(struct str s, struct str suffix);

/* Byte order, like memcmp; a prefix sorts first. */
int str_compare(struct str a, struct str b);

/* Offset of the first occurrence at or after `from`, or STR_NOT_FOUND. */
size_t str_find(struct str s, struct str needle, size_t from);
size_t str_find_char(struct str s, char c, size_t from);
size_t str_find_last_char(struct str s, char c);
bool str_contains(struct str s, struct str needle);
bool str_contains_nocase(struct str s, struct str needle);

/* [from, to), clamped to the string. */
struct str str_slice(struct str s, size_t from, size_t to);
struct str str_skip(struct str s, size_t n);
struct str str_trim(struct str s); /* white space at both ends */
struct str str_trim_chars(struct str s, const char *chars);

/* Takes the part of `*rest` before the next `separator` into `*part` and moves `*rest` behind it.
 * False when `*rest` is exhausted (its p is NULL then). "a,,b" gives "a", "", "b". */
bool str_split(struct str *rest, char separator, struct str *part);

/* The whole string must be the number; false otherwise and on overflow. */
bool str_to_i64(struct str s, int64_t *out);
bool str_to_u64(struct str s, unsigned base, uint64_t *out);
bool str_to_double(struct str s, double *out);

/* XXH3, 64 bits. */
uint64_t str_hash(struct str s);
uint64_t str_hash_nocase(struct str s);

/* True when the bytes are well-formed UTF-8 (RFC 3629). */
bool str_is_ascii(struct str s);
bool str_is_utf8(struct str s);
/* Bytes of the well-formed UTF-8 character at the start of `s` (1–4), 0 when there is none. */
size_t str_utf8_length(struct str s);
/* The start of well-formed `s` in at most so many bytes, without half a character at its end. */
struct str str_utf8_start(struct str s, size_t most);

#endif
