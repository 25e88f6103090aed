/* Ground floor: RFC 4648 section 4. */
#include "base/base64.h"

static const char alphabet[65] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(struct buf *out, struct str bytes)
{
    const unsigned char *p = (const unsigned char *)bytes.p;
    char *at = buf_reserve(out, (bytes.n + 2) / 3 * 4);
    size_t left = bytes.n;
    for (; left >= 3; left -= 3, p += 3) {
        uint32_t group = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
        for (int shift = 18; shift >= 0; shift -= 6)
            *at++ = alphabet[group >> shift & 63];
    }
    if (left) {
        uint32_t group = (uint32_t)p[0] << 16 | (left == 2 ? (uint32_t)p[1] << 8 : 0);
        *at++ = alphabet[group >> 18 & 63];
        *at++ = alphabet[group >> 12 & 63];
        *at++ = left == 2 ? alphabet[group >> 6 & 63] : '=';
        *at++ = '=';
    }
    out->n += (size_t)(at - (out->p + out->n));
}

static int digit(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (ascii_is_digit(c))
        return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* On false nothing is appended. */
bool base64_decode(struct buf *out, struct str text)
{
    for (int i = 0; i < 2 && text.n && text.p[text.n - 1] == '='; i++)
        text.n--;
    size_t before = out->n;
    uint32_t group = 0;
    buf_reserve(out, text.n / 4 * 3 + 3);
    for (size_t i = 0; i < text.n; i++) {
        int d = digit(text.p[i]);
        if (d < 0) {
            out->n = before;
            return false;
        }
        group = group << 6 | (uint32_t)d;
        if (i % 4)
            out->p[out->n++] = (char)(group >> (6 - 2 * (i % 4)));
    }
    if (text.n % 4 == 1) { /* six bits are no byte */
        out->n = before;
        return false;
    }
    return true;
}
