/* Case folding of rule values (once, at load) and of event values (once per event).
 * Stage: detect. Reads text, leaves folded text. ASCII goes sixteen bytes at a time; a text with
 * a byte above 127 is done again with the table of fold_table.def. Next: sigma_text.c, which parses what
 * rules write. */
#include "detect/fold.h"

#include "base/memory.h"

struct fold_range {
    uint32_t first, last, step;
    int32_t delta;
};

static const struct fold_range fold_ranges[] = {
#define FOLD(first, last, step, delta) {first, last, step, delta},
#include "detect/fold_table.def"
#undef FOLD
};

uint32_t fold_code_point(uint32_t c)
{
    if (c < 0x80)
        return (uint32_t)(unsigned char)ascii_lower((char)c);
    size_t low = 0, high = COUNT_OF(fold_ranges);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (fold_ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == COUNT_OF(fold_ranges) || c < fold_ranges[low].first)
        return c;
    const struct fold_range *r = &fold_ranges[low];
    return (c - r->first) % r->step == 0 ? (uint32_t)((int32_t)c + r->delta) : c;
}

/* Decodes one character; 0 when the bytes are not UTF-8. */
static size_t decode(struct str s, uint32_t *c)
{
    unsigned char lead = (unsigned char)s.p[0];
    size_t n = lead < 0x80 ? 1 : lead < 0xC2 ? 0 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : lead < 0xF5 ? 4 : 0;
    if (n == 0 || n > s.n)
        return 0;
    uint32_t value = n == 1 ? lead : lead & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        unsigned char next = (unsigned char)s.p[i];
        if ((next & 0xC0) != 0x80)
            return 0;
        value = value << 6 | (next & 0x3F);
    }
    *c = value;
    return n;
}

static size_t encode(uint32_t c, char *out)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

static size_t fold_beyond_ascii(struct str s, char *out)
{
    size_t at = 0, to = 0;
    while (at < s.n) {
        if (!(s.p[at] & 0x80)) {
            out[to++] = ascii_lower(s.p[at++]);
            continue;
        }
        uint32_t c;
        size_t n = decode(str_skip(s, at), &c);
        if (n == 0)
            out[to++] = s.p[at++];
        else
            to += encode(fold_code_point(c), out + to);
        at += n;
    }
    return to;
}

/* Signs such as ® and ideographs have no case: texts with only those are done already. */
static bool has_beyond_ascii_to_fold(struct str s)
{
    for (size_t at = 0; at < s.n;) {
        uint32_t c;
        size_t n = 1;
        if ((s.p[at] & 0x80) && (n = decode(str_skip(s, at), &c)) && fold_code_point(c) != c)
            return true;
        at += n ? n : 1;
    }
    return false;
}

/* Sixteen bytes at once, in the compiler's portable vectors. */
typedef int8_t sixteen __attribute__((vector_size(16)));

static inline sixteen lower_sixteen(sixteen bytes)
{
    sixteen is_upper = (bytes >= 'A') & (bytes <= 'Z'); /* signed: bytes above 127 are below 'A' */
    return bytes + (is_upper & 32);
}

static inline bool any_top_bit(sixteen bytes)
{
    uint64_t halves[2];
    memcpy(halves, &bytes, sizeof halves);
    return (halves[0] | halves[1]) & UINT64_C(0x8080808080808080);
}

size_t fold_text(struct str s, char *out, bool *is_ascii)
{
    sixteen seen = {0};
    char seen_tail = 0;
    size_t i = 0;
    for (; i + 16 <= s.n; i += 16) {
        sixteen bytes;
        memcpy(&bytes, s.p + i, 16);
        seen |= bytes;
        bytes = lower_sixteen(bytes);
        memcpy(out + i, &bytes, 16);
    }
    for (; i < s.n; i++) {
        seen_tail |= s.p[i];
        out[i] = ascii_lower(s.p[i]);
    }
    bool ascii = !any_top_bit(seen) && !(seen_tail & 0x80);
    if (is_ascii)
        *is_ascii = ascii;
    return ascii || !has_beyond_ascii_to_fold(s) ? s.n : fold_beyond_ascii(s, out);
}

size_t utf8_step(struct str s)
{
    uint32_t c;
    size_t n = decode(s, &c);
    return n ? n : 1;
}
