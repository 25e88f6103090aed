/* Stage: query. Comparing texts: code points, letter case, wildcards, lists inside a text. match.c uses it
 * directly; sql.c writes expressions that mean the same. Next: parse.c. */
#include "query/text.h"

#include "query/query.h"

struct fold_run {
    uint32_t first, last;
    uint8_t step;
    int32_t distance;
};

static const struct fold_run fold_runs[] = {
#include "query/fold_runs.def"
};

uint32_t text_fold_char(uint32_t c)
{
    if (c < 128)
        return c >= 'A' && c <= 'Z' ? c + 32 : c;
    size_t low = 0, high = COUNT_OF(fold_runs);
    while (low < high) {
        size_t middle = (low + high) / 2;
        if (fold_runs[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == COUNT_OF(fold_runs) || c < fold_runs[low].first ||
        (c - fold_runs[low].first) % fold_runs[low].step != 0)
        return c;
    return (uint32_t)((int32_t)c + fold_runs[low].distance);
}

uint32_t text_next(struct str s, size_t *at)
{
    unsigned char lead = (unsigned char)s.p[*at];
    static const struct {
        unsigned char mask, lead;
        uint32_t lowest;
    } forms[] = {{0xe0, 0xc0, 0x80}, {0xf0, 0xe0, 0x800}, {0xf8, 0xf0, 0x10000}};
    for (size_t more = 1; lead >= 0xc0 && more <= COUNT_OF(forms); more++) {
        if ((lead & forms[more - 1].mask) != forms[more - 1].lead || *at + more >= s.n)
            continue;
        uint32_t c = lead & (unsigned char)~forms[more - 1].mask;
        size_t i = 1;
        for (; i <= more && ((unsigned char)s.p[*at + i] & 0xc0) == 0x80; i++)
            c = c << 6 | ((unsigned char)s.p[*at + i] & 0x3f);
        if (i <= more || c < forms[more - 1].lowest)
            break;
        *at += more + 1;
        return c;
    }
    ++*at;
    return lead < 128 ? lead : 0x110000 + lead; /* no code point: only equal to itself */
}

void text_put(struct buf *out, uint32_t c)
{
    if (c < 0x80) {
        buf_char(out, (char)c);
    } else if (c < 0x800) {
        buf_char(out, (char)(0xc0 | c >> 6));
        buf_char(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x10000) {
        buf_char(out, (char)(0xe0 | c >> 12));
        buf_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(out, (char)(0x80 | (c & 0x3f)));
    } else if (c < 0x110000) {
        buf_char(out, (char)(0xf0 | c >> 18));
        buf_char(out, (char)(0x80 | (c >> 12 & 0x3f)));
        buf_char(out, (char)(0x80 | (c >> 6 & 0x3f)));
        buf_char(out, (char)(0x80 | (c & 0x3f)));
    } else {
        buf_char(out, (char)(c - 0x110000));
    }
}

size_t text_count_chars(struct str s)
{
    size_t n = 0;
    for (size_t at = 0; at < s.n; n++)
        text_next(s, &at);
    return n;
}

void query_fold(struct str text, struct buf *out)
{
    for (size_t at = 0; at < text.n;)
        text_put(out, text_fold_char(text_next(text, &at)));
}

/* Order of code points is order of UTF-8 bytes. */
int text_compare(struct str value, struct str folded)
{
    size_t a = 0, b = 0;
    while (a < value.n && b < folded.n) {
        uint32_t x = text_fold_char(text_next(value, &a)), y = text_next(folded, &b);
        if (x != y)
            return x < y ? -1 : 1;
    }
    return (a < value.n) - (b < folded.n);
}

bool text_equal(struct str value, struct str folded)
{
    return text_compare(value, folded) == 0;
}

static bool is_ascii(struct str s)
{
    unsigned char any = 0;
    for (size_t i = 0; i < s.n; i++)
        any |= (unsigned char)s.p[i];
    return any < 128;
}

static bool starts_here(struct str value, size_t at, struct str folded)
{
    size_t b = 0;
    while (b < folded.n) {
        if (at >= value.n || text_fold_char(text_next(value, &at)) != text_next(folded, &b))
            return false;
    }
    return true;
}

bool text_contains(struct str value, struct str folded)
{
    if (is_ascii(value))
        return str_contains_nocase(value, folded);
    for (size_t at = 0; at < value.n; text_next(value, &at))
        if (starts_here(value, at, folded))
            return true;
    return folded.n == 0;
}

/* Greedy, going back to the last PATTERN_ANY only: at most value × pattern steps. */
bool text_like(struct str value, const struct pattern *p)
{
    size_t at = 0, retry_at = 0;
    uint32_t i = 0, retry = UINT32_MAX;
    for (;;) {
        if (i < p->count && p->items[i] == PATTERN_ANY) {
            retry = i++;
            retry_at = at;
            continue;
        }
        if (at >= value.n) {
            return i == p->count;
        }
        size_t next = at;
        uint32_t c = text_fold_char(text_next(value, &next));
        if (i < p->count && (p->items[i] == PATTERN_ONE || (uint32_t)p->items[i] == c)) {
            at = next;
            i++;
            continue;
        }
        if (retry == UINT32_MAX)
            return false;
        text_next(value, &retry_at);
        at = retry_at;
        i = retry + 1;
    }
}

/* ---- JSON arrays of strings ---- */

static size_t skip_white(struct str s, size_t at)
{
    while (at < s.n && (s.p[at] == ' ' || s.p[at] == '\t' || s.p[at] == '\n' || s.p[at] == '\r'))
        at++;
    return at;
}

static int hex4(struct str s, size_t at)
{
    int v = 0;
    for (size_t i = 0; i < 4; i++) {
        char c = at + i < s.n ? ascii_lower(s.p[at + i]) : 'x';
        int digit = c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
        if (digit < 0)
            return -1;
        v = v * 16 + digit;
    }
    return v;
}

/* \uXXXX, or two of them that make one code point; `at` is behind "\u". 0 = broken. */
static size_t read_unicode_escape(struct str s, size_t at, uint32_t *c)
{
    int high = hex4(s, at);
    if (high < 0 || (high >= 0xdc00 && high < 0xe000))
        return 0;
    *c = (uint32_t)high;
    if (high < 0xd800 || high >= 0xe000)
        return 4;
    if (at + 6 > s.n || s.p[at + 4] != '\\' || s.p[at + 5] != 'u')
        return 0;
    int low = hex4(s, at + 6);
    if (low < 0xdc00 || low >= 0xe000)
        return 0;
    *c = 0x10000 + ((uint32_t)(high - 0xd800) << 10) + (uint32_t)(low - 0xdc00);
    return 10;
}

/* A string whose opening quote is at `at`; `out` may be NULL. The place behind its end, 0 = broken. */
static size_t read_string(struct str s, size_t at, struct buf *out)
{
    static const char short_escapes[] = "\"\"\\\\//b\bf\fn\nr\rt\t";
    for (at++; at < s.n && s.p[at] != '"';) {
        unsigned char c = (unsigned char)s.p[at];
        uint32_t code = c;
        if (c < 0x20)
            return 0;
        at++;
        if (c == '\\') {
            if (at >= s.n)
                return 0;
            const char *e = NULL;
            for (size_t i = 0; i + 1 < sizeof(short_escapes) - 1 && !e; i += 2)
                e = short_escapes[i] == s.p[at] ? &short_escapes[i + 1] : NULL;
            size_t used = e ? 0 : s.p[at] == 'u' ? read_unicode_escape(s, at + 1, &code) : 0;
            if (!e && !used)
                return 0;
            code = e ? (unsigned char)*e : code;
            at += 1 + used;
            if (out)
                text_put(out, code);
        } else if (out) {
            buf_char(out, (char)c);
        }
    }
    return at < s.n ? at + 1 : 0;
}

static size_t read_element(struct str s, size_t at, struct buf *out, bool *is_null)
{
    *is_null = at + 4 <= s.n && memcmp(s.p + at, "null", 4) == 0;
    if (*is_null)
        return at + 4;
    return at < s.n && s.p[at] == '"' ? read_string(s, at, out) : 0;
}

bool text_is_list(struct str s)
{
    if (!str_starts(s, STR("[\"")) || !str_is_utf8(s))
        return false;
    for (size_t at = 1;;) {
        bool is_null;
        at = read_element(s, skip_white(s, at), NULL, &is_null);
        if (at == 0)
            return false;
        at = skip_white(s, at);
        if (at < s.n && s.p[at] == ']')
            return skip_white(s, at + 1) == s.n;
        if (at >= s.n || s.p[at++] != ',')
            return false;
    }
}

bool text_next_element(struct str s, size_t *at, struct buf *out)
{
    size_t i = *at ? *at : 1;
    for (bool is_null = true; is_null;) {
        i = skip_white(s, i);
        if (i >= s.n || s.p[i] == ']')
            return false;
        buf_clear(out);
        i = skip_white(s, read_element(s, i, out, &is_null));
        i += i < s.n && s.p[i] == ',';
    }
    *at = i;
    return true;
}

bool text_is_decimal(struct str s)
{
    size_t at = s.n && s.p[0] == '-', start = at;
    while (at < s.n && ascii_is_digit(s.p[at]))
        at++;
    if (at == start || at - start > 18)
        return false;
    if (at == s.n)
        return true;
    start = at + 1;
    if (s.p[at] != '.' || s.n - start < 1 || s.n - start > 18)
        return false;
    for (at = start; at < s.n; at++)
        if (!ascii_is_digit(s.p[at]))
            return false;
    return true;
}
