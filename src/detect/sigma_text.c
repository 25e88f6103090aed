/* Strings of Sigma rules: escapes, wildcards, encodings, and matching of wildcards.
 * Stage: detect, at load (parsing, encoding) and on events (sigma_text_match). Next: sigma_item.c. */
#include "detect/sigma_text.h"

#include "base/base64.h"
#include "detect/fold.h"

static struct sigma_text text_new(uint32_t capacity, char **bytes, uint8_t **glyphs, struct arena *arena)
{
    *bytes = arena_zero(arena, (size_t)capacity + 1);
    *glyphs = arena_zero(arena, (size_t)capacity + 1);
    return (struct sigma_text){*bytes, *glyphs, 0};
}

static bool is_special(char c)
{
    return c == '*' || c == '?' || c == '\\';
}

struct sigma_text sigma_text_parse(struct str s, struct arena *arena)
{
    char *bytes;
    uint8_t *glyphs;
    struct sigma_text t = text_new((uint32_t)s.n, &bytes, &glyphs, arena);
    for (size_t i = 0; i < s.n; i++) {
        char c = s.p[i];
        uint8_t glyph = c == '*' ? GLYPH_STAR : c == '?' ? GLYPH_ONE : GLYPH_BYTE;
        if (c == '\\' && i + 1 < s.n && is_special(s.p[i + 1])) {
            c = s.p[++i];
            glyph = GLYPH_BYTE;
        }
        if (glyph == GLYPH_STAR && t.n && glyphs[t.n - 1] == GLYPH_STAR)
            continue;
        bytes[t.n] = c;
        glyphs[t.n++] = glyph;
    }
    return t;
}

struct sigma_text sigma_text_plain(struct str s, struct arena *arena)
{
    char *bytes;
    uint8_t *glyphs;
    struct sigma_text t = text_new((uint32_t)s.n, &bytes, &glyphs, arena);
    if (s.n)
        memcpy(bytes, s.p, s.n);
    t.n = (uint32_t)s.n;
    return t;
}

struct sigma_text sigma_text_surround(struct sigma_text t, bool before, bool behind, struct arena *arena)
{
    char *bytes;
    uint8_t *glyphs;
    before = before && !(t.n && t.glyphs[0] == GLYPH_STAR);
    behind = behind && !(t.n && t.glyphs[t.n - 1] == GLYPH_STAR);
    struct sigma_text out = text_new(t.n + 2, &bytes, &glyphs, arena);
    if (before) {
        bytes[0] = '*';
        glyphs[0] = GLYPH_STAR;
        out.n = 1;
    }
    memcpy(bytes + out.n, t.bytes, t.n);
    memcpy(glyphs + out.n, t.glyphs, t.n);
    out.n += t.n;
    if (behind && !(out.n && glyphs[out.n - 1] == GLYPH_STAR)) {
        bytes[out.n] = '*';
        glyphs[out.n++] = GLYPH_STAR;
    }
    return out;
}

bool sigma_text_has_wildcard(struct sigma_text t)
{
    for (uint32_t i = 0; i < t.n; i++)
        if (t.glyphs[i] != GLYPH_BYTE)
            return true;
    return false;
}

struct str sigma_text_bytes(struct sigma_text t)
{
    return str_n(t.bytes, t.n);
}

struct sigma_text sigma_text_fold(struct sigma_text t, struct arena *arena)
{
    char *bytes;
    uint8_t *glyphs;
    struct sigma_text out = text_new((uint32_t)FOLD_GROWTH((size_t)t.n), &bytes, &glyphs, arena);
    for (uint32_t i = 0; i < t.n;) {
        uint32_t run = i;
        while (run < t.n && t.glyphs[run] == GLYPH_BYTE)
            run++;
        out.n += (uint32_t)fold_text(str_n(t.bytes + i, run - i), bytes + out.n, NULL);
        if (run < t.n) {
            bytes[out.n] = t.bytes[run];
            glyphs[out.n++] = t.glyphs[run];
            run++;
        }
        i = run;
    }
    return out;
}

static struct str longest_run(struct sigma_text t)
{
    struct str best = STR_EMPTY;
    for (uint32_t i = 0; i < t.n;) {
        uint32_t end = i;
        while (end < t.n && t.glyphs[end] == GLYPH_BYTE)
            end++;
        if (end - i > best.n)
            best = str_n(t.bytes + i, end - i);
        i = end + 1;
    }
    return best;
}

enum text_shape sigma_text_shape(struct sigma_text t, struct str *literal)
{
    bool before = t.n && t.glyphs[0] == GLYPH_STAR;
    bool behind = t.n > (uint32_t)before && t.glyphs[t.n - 1] == GLYPH_STAR;
    *literal = longest_run(t);
    if (before && t.n == 1)
        return SHAPE_ANY;
    if (literal->n != t.n - before - behind)
        return SHAPE_GLOB;
    return before ? (behind ? SHAPE_CONTAINS : SHAPE_SUFFIX) : behind ? SHAPE_PREFIX : SHAPE_EQUALS;
}

bool sigma_text_match(struct sigma_text t, struct str s)
{
    uint32_t pattern = 0, star = UINT32_MAX;
    size_t at = 0, star_at = 0;
    while (at < s.n) {
        if (pattern < t.n && t.glyphs[pattern] == GLYPH_STAR) {
            star = pattern++;
            star_at = at;
        } else if (pattern < t.n && t.glyphs[pattern] == GLYPH_ONE) {
            at += utf8_step(str_skip(s, at));
            pattern++;
        } else if (pattern < t.n && t.bytes[pattern] == s.p[at]) {
            at++;
            pattern++;
        } else if (star != UINT32_MAX) {
            pattern = star + 1; /* the star takes one more byte */
            at = ++star_at;
        } else {
            return false;
        }
    }
    while (pattern < t.n && t.glyphs[pattern] == GLYPH_STAR)
        pattern++;
    return pattern == t.n;
}

static uint32_t next_code_point(struct str s, size_t *at)
{
    size_t n = utf8_step(str_skip(s, *at));
    unsigned char lead = (unsigned char)s.p[*at];
    uint32_t c = n == 1 ? lead : lead & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        c = c << 6 | ((unsigned char)s.p[*at + i] & 0x3F);
    *at += n;
    return c;
}

static char *put_unit(char *out, uint32_t unit, bool big_endian)
{
    out[big_endian ? 1 : 0] = (char)(unit & 0xFF);
    out[big_endian ? 0 : 1] = (char)(unit >> 8);
    return out + 2;
}

struct str encode_utf16(struct str s, bool big_endian, bool with_mark, struct arena *arena)
{
    char *start = arena_alloc(arena, s.n * 2 + 3), *out = start;
    if (with_mark)
        out = put_unit(out, 0xFEFF, big_endian);
    for (size_t at = 0; at < s.n;) {
        uint32_t c = next_code_point(s, &at);
        if (c >= 0x10000) { /* four bytes of UTF-8 become two units */
            out = put_unit(out, 0xD800 + ((c - 0x10000) >> 10), big_endian);
            c = 0xDC00 + ((c - 0x10000) & 0x3FF);
        }
        out = put_unit(out, c, big_endian);
    }
    return str_n(start, (size_t)(out - start));
}

struct str encode_base64(struct str s, struct arena *arena)
{
    struct buf b = {0};
    base64_encode(&b, s);
    struct str out = arena_str(arena, buf_str(&b));
    buf_free(&b);
    return out;
}

struct str encode_base64_offset(struct str s, unsigned shift, struct arena *arena)
{
    char *padded = arena_zero(arena, s.n + shift + 1);
    if (s.n)
        memcpy(padded + shift, s.p, s.n);
    struct str whole = encode_base64(str_n(padded, s.n + shift), arena);
    /* Characters that hold bits of the bytes before (`from`) or behind (`whole characters` of 6 bits) are cut
     * off. */
    size_t from = (shift * 8 + 5) / 6, to = (s.n + shift) * 8 / 6;
    return from < to ? str_slice(whole, from, to) : STR_EMPTY;
}
