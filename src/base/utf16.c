/* Ground floor: UTF-16 → UTF-8 (RFC 2781, RFC 3629). */
#include "base/utf16.h"

size_t utf8_put(uint32_t code, char out[4])
{
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        code = 0xFFFD;
    if (code < 0x80) {
        out[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        out[0] = (char)(0xC0 | code >> 6);
        out[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        out[0] = (char)(0xE0 | code >> 12);
        out[1] = (char)(0x80 | (code >> 6 & 63));
        out[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    out[0] = (char)(0xF0 | code >> 18);
    out[1] = (char)(0x80 | (code >> 12 & 63));
    out[2] = (char)(0x80 | (code >> 6 & 63));
    out[3] = (char)(0x80 | (code & 63));
    return 4;
}

static uint32_t unit(struct str s, size_t at, bool is_big_endian)
{
    uint32_t first = (unsigned char)s.p[at], second = (unsigned char)s.p[at + 1];
    return is_big_endian ? first << 8 | second : second << 8 | first;
}

uint32_t utf16_next(struct str bytes, size_t *at, bool is_big_endian)
{
    if (bytes.n - *at < 2) {
        *at = bytes.n;
        return 0xFFFD;
    }
    uint32_t high = unit(bytes, *at, is_big_endian);
    *at += 2;
    if (high < 0xD800 || high >= 0xE000)
        return high;
    if (high >= 0xDC00 || bytes.n - *at < 2)
        return 0xFFFD;
    uint32_t low = unit(bytes, *at, is_big_endian);
    if (low < 0xDC00 || low >= 0xE000)
        return 0xFFFD;
    *at += 2;
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

void utf16_add(struct buf *out, struct str bytes, bool is_big_endian)
{
    for (size_t at = 0; at < bytes.n;)
        out->n += utf8_put(utf16_next(bytes, &at, is_big_endian), buf_reserve(out, 4));
}
