/* Ground floor: source character sets to UTF-8 through iconv (glibc). Reads bytes, leaves text in an arena.
 *
 * Recognition: escape sequences mean ISO-2022-JP; otherwise CP932, EUC-JP and Windows-1252 compete. Each
 * candidate must decode whole; among those the text that looks most like what people write wins. */
#include "base/charset.h"

#include <errno.h>
#include <iconv.h>

#include "base/buf.h"

/* Decodes all of `s`; stops at the first bad byte when `strict`, else puts U+FFFD in its place. */
static bool decode(struct str s, const char *from, bool strict, struct buf *out)
{
    iconv_t converter = iconv_open("UTF-8", from);
    if (converter == (iconv_t)-1)
        return false;
    char *in = (char *)(uintptr_t)s.p;
    size_t left = s.n;
    bool is_good = true;
    while (left && is_good) {
        char *at = buf_reserve(out, left * 2 + 16);
        size_t room = out->capacity - out->n, before = room;
        size_t result = iconv(converter, &in, &left, &at, &room);
        out->n += before - room;
        if (result != (size_t)-1 || errno == E2BIG)
            continue;
        if (strict) {
            is_good = false;
        } else { /* EILSEQ or a cut sequence at the end: one byte becomes U+FFFD, shift states stay */
            buf_bytes(out, "\xef\xbf\xbd", 3);
            in++;
            left--;
        }
    }
    iconv_close(converter);
    return is_good;
}

/* ISO-2022-JP and its extensions (RFC 1468): ESC $ or ESC ( with no byte above 0x7f. */
static bool looks_iso2022(struct str s)
{
    bool has_escape = false;
    for (size_t i = 0; i < s.n; i++) {
        if ((unsigned char)s.p[i] >= 0x80)
            return false;
        if (s.p[i] == 0x1b && i + 2 < s.n && s.p[i + 1] == '$' && strchr("@B(", s.p[i + 2]))
            has_escape = true;
    }
    return has_escape;
}

static uint32_t next_code_point(const unsigned char **p)
{
    const unsigned char *c = *p;
    size_t n = *c < 0x80 ? 1 : *c < 0xe0 ? 2 : *c < 0xf0 ? 3 : 4;
    uint32_t code = n == 1 ? *c : *c & (0xffu >> (n + 1));
    for (size_t i = 1; i < n; i++)
        code = code << 6 | (c[i] & 0x3f);
    *p += n;
    return code;
}

/* What a character says about the guess that produced it. */
static const struct {
    uint32_t first, last;
    int score;
} character_scores[] = {
    {0x80, 0x9f, -20},     /* C1 controls: no log has them */
    {0xa0, 0xbf, 0},       /* Latin punctuation */
    {0xc0, 0x24f, 3},      /* Latin letters with marks, judged by their neighbours too */
    {0x370, 0x4ff, -2},    /* Greek, Cyrillic: in Japanese sets mostly misread bytes */
    {0x2010, 0x2030, 1},   /* dashes and quotation marks */
    {0x3000, 0x3002, 8},   /* 、。 and the wide blank */
    {0x3003, 0x303f, 4},   /* brackets of Japanese text */
    {0x3040, 0x309f, 10},  /* hiragana */
    {0x30a0, 0x30ff, 9},   /* katakana */
    {0x4e00, 0x9fff, 5},   /* kanji; rare ones are judged by their place in JIS X 0208 */
    {0xe000, 0xf8ff, -30}, /* private use: user-defined rows of CP932 */
    {0xff01, 0xff60, 6},   /* full-width forms */
    {0xff61, 0xff65, -6},  /* half-width punctuation: lead bytes of EUC-JP kana read as CP932 */
    {0xff66, 0xff9f, 3},   /* half-width katakana: in old logs, but also kanji of EUC-JP misread */
    {0xfffd, 0xfffd, -40},
};

static int character_score(uint32_t code)
{
    for (size_t i = 0; i < COUNT_OF(character_scores); i++)
        if (code >= character_scores[i].first && code <= character_scores[i].last)
            return character_scores[i].score;
    return code < 0x80 ? 0 : -5;
}

/* Mean score of the characters that are not ASCII, times 16, so that sets that make fewer or more characters
 * of the same bytes compare fairly. */
static int text_score(struct str text)
{
    const unsigned char *p = (const unsigned char *)text.p, *end = p + text.n;
    int64_t total = 0, count = 0;
    while (p < end) {
        uint32_t code = next_code_point(&p);
        if (code < 0x80)
            continue;
        total += character_score(code);
        count++;
    }
    return count ? (int)(total * 16 / count) : 0;
}

/* Lead bytes of kanji beyond JIS level 1: CP932 0x98–0xfc, EUC-JP 0xd0–0xf4. Text in use stays mostly within
 * level 1; the wrong guess scatters over both levels. */
static int rare_kanji_penalty(struct str s, unsigned first_rare, unsigned last_rare, bool is_euc)
{
    int rare = 0, pairs = 0;
    for (size_t i = 0; i + 1 < s.n; i++) {
        unsigned lead = (unsigned char)s.p[i];
        bool is_pair = is_euc ? lead >= 0xa1 && lead <= 0xfe
                              : (lead >= 0x81 && lead <= 0x9f) || (lead >= 0xe0 && lead <= 0xfc);
        if (!is_pair)
            continue;
        pairs++;
        rare += lead >= first_rare && lead <= last_rare;
        i++;
    }
    return pairs ? rare * 16 * 6 / pairs : 0;
}

static bool is_letter_at(struct str s, size_t i)
{
    return i < s.n && ascii_lower(s.p[i]) >= 'a' && ascii_lower(s.p[i]) <= 'z';
}

static bool is_high_at(struct str s, size_t i)
{
    return i < s.n && (unsigned char)s.p[i] >= 0x80;
}

/* A single accented letter (0xc0 and above) beside ASCII letters belongs to a European word ("caf\xe9",
 * "M\xfcller"). Lower high bytes say nothing: they are lead bytes of CP932 whose second byte is a letter.
 * −4…+4 a character. */
static int latin_bonus(struct str s)
{
    int single = 0, high = 0;
    for (size_t i = 0; i < s.n; i++) {
        if (!is_high_at(s, i))
            continue;
        high++;
        bool is_single = !(i && is_high_at(s, i - 1)) && !is_high_at(s, i + 1);
        if (is_single && (unsigned char)s.p[i] >= 0xc0)
            single += (i && is_letter_at(s, i - 1)) || is_letter_at(s, i + 1) ? 2 : 1;
    }
    return high ? single * 16 * 4 / high - 16 * 4 : 0;
}

struct candidate {
    const char *name;    /* as it is reported */
    const char *charset; /* as iconv calls it */
    int (*adjust)(struct str s);
};

static int adjust_cp932(struct str s)
{
    return -rare_kanji_penalty(s, 0x98, 0xfc, false);
}

static int adjust_euc(struct str s)
{
    return -rare_kanji_penalty(s, 0xd0, 0xf4, true);
}

static const struct candidate candidates[] = {
    {"CP932", "CP932", adjust_cp932},
    {"EUC-JP", "EUC-JP", adjust_euc},
    {"windows-1252", "CP1252", latin_bonus},
};

static struct str keep(struct arena *arena, struct buf *text)
{
    struct str kept = arena_str(arena, buf_str(text));
    buf_free(text);
    return kept;
}

static struct str replace_bad(struct str s, struct arena *arena)
{
    struct buf out = {0};
    while (s.n) {
        size_t n = str_utf8_length(s);
        if (n)
            buf_bytes(&out, s.p, n);
        else
            buf_bytes(&out, "\xef\xbf\xbd", 3);
        s = str_skip(s, n ? n : 1);
    }
    return keep(arena, &out);
}

/* Only this much of a long record is judged. */
#define JUDGED_BYTES 8192

/* Cuts behind an ASCII byte, so that no pair of bytes is torn. */
static struct str judged_part(struct str s)
{
    if (s.n <= JUDGED_BYTES)
        return s;
    size_t n = JUDGED_BYTES;
    while (n > JUDGED_BYTES / 2 && (unsigned char)s.p[n - 1] >= 0x40)
        n--;
    return str_slice(s, 0, n);
}

/* Text that is mostly UTF-8 with a cut or broken sequence stays UTF-8. */
static bool is_mostly_utf8(struct str s)
{
    size_t good = 0, bad = 0;
    while (s.n) {
        size_t n = str_utf8_length(s);
        good += n > 1;
        bad += !n;
        s = str_skip(s, n ? n : 1);
    }
    return good > bad * 4;
}

static const struct candidate *best_candidate(struct str s)
{
    struct str part = judged_part(s);
    const struct candidate *best = NULL;
    int best_score = -16 * 12;
    struct buf decoded = {0};
    for (size_t i = 0; i < COUNT_OF(candidates); i++) {
        buf_clear(&decoded);
        if (!decode(part, candidates[i].charset, true, &decoded))
            continue;
        int score = text_score(buf_str(&decoded)) + candidates[i].adjust(part);
        if (score > best_score) {
            best_score = score;
            best = &candidates[i];
        }
    }
    buf_free(&decoded);
    return best;
}

struct str charset_convert(struct str s, const char *from, struct arena *arena)
{
    struct buf decoded = {0};
    if (decode(s, from, false, &decoded))
        return keep(arena, &decoded);
    buf_free(&decoded); /* iconv does not know that set */
    return str_is_utf8(s) ? s : replace_bad(s, arena);
}

struct str charset_to_utf8(struct str s, struct arena *arena, const char **name)
{
    const char *ignored;
    if (!name)
        name = &ignored;
    if (str_is_utf8(s)) {
        *name = "UTF-8";
        if (!looks_iso2022(s))
            return s;
        *name = "ISO-2022-JP";
        return charset_convert(s, "ISO-2022-JP-3", arena);
    }
    const struct candidate *best = is_mostly_utf8(s) ? NULL : best_candidate(s);
    *name = best ? best->name : "unknown";
    return best ? charset_convert(s, best->charset, arena) : replace_bad(s, arena);
}
