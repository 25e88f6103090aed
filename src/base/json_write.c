/* Ground floor: writing JSON (RFC 8259) into a buf. Reading is json.cpp. */
#include "base/json.h"

#include <math.h>
#include <stdio.h>

#include "base/clock.h"
#include "base/memory.h"

/* Bytes below 0x20, '"', '\\' and those from 0x7f on need a second look; all others are copied in runs. */
static const unsigned char is_special[256] = {
    [0 ... 0x1f] = 1,
    ['"'] = 1,
    ['\\'] = 1,
    [0x7f ... 0xff] = 1,
};

/* A byte below 0x20, '"', '\\', or from 0x7f on has its high bit set in the result; a borrow can set it for a
 * neighbour above such a byte too, which only costs a second look. */
static inline uint64_t special_bytes(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = (word ^ ones * '"') - ones, backslash = (word ^ ones * '\\') - ones;
    return (word | (word + ones) | (word - ones * 0x20) | quote | backslash) & ones * 0x80;
}

static inline size_t plain_run(const unsigned char *p, size_t n)
{
    size_t i = 0;
    for (; i + 8 <= n; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, sizeof word);
        if (special_bytes(word))
            break;
    }
    while (i < n && !is_special[p[i]])
        i++;
    return i;
}

static void put_escape(struct buf *out, unsigned char c)
{
    static const char names[] = "\"\"\\\\\bb\ff\nn\rr\tt"; /* pairs: byte, letter */
    for (size_t i = 0; i + 1 < sizeof names; i += 2) {
        if ((unsigned char)names[i] == c) {
            char pair[2] = {'\\', names[i + 1]};
            buf_bytes(out, pair, 2);
            return;
        }
    }
    static const char hex[] = "0123456789abcdef";
    char code[6] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
    buf_bytes(out, code, sizeof code);
}

static void put_rest(struct buf *out, struct str s)
{
    const unsigned char *p = (const unsigned char *)s.p;
    for (size_t i = 0; i < s.n;) {
        size_t run = plain_run(p + i, s.n - i);
        buf_bytes(out, p + i, run);
        i += run;
        if (i == s.n)
            break;
        if (p[i] < 0x80) {
            put_escape(out, p[i++]);
            continue;
        }
        size_t n = str_utf8_length(str_n(s.p + i, s.n - i));
        if (n)
            buf_bytes(out, p + i, n);
        else
            buf_bytes(out, "\xef\xbf\xbd", 3);
        i += n ? n : 1;
    }
}

/* Most strings need no escape: they are copied whole. */
void json_string(struct buf *out, struct str s)
{
    char *at = buf_reserve(out, s.n + 2);
    *at++ = '"';
    size_t run = plain_run((const unsigned char *)s.p, s.n);
    if (run)
        memcpy(at, s.p, run);
    out->n += run + 1;
    if (run < s.n)
        put_rest(out, str_skip(s, run));
    buf_char(out, '"');
}

static void comma(struct json_writer *w)
{
    if (w->needs_comma)
        buf_char(w->out, ',');
    w->needs_comma = true;
}

static void begin(struct json_writer *w, char bracket)
{
    comma(w);
    buf_char(w->out, bracket);
    w->needs_comma = false;
}

static void end(struct json_writer *w, char bracket)
{
    buf_char(w->out, bracket);
    w->needs_comma = true;
}

void json_begin_object(struct json_writer *w)
{
    begin(w, '{');
}

void json_end_object(struct json_writer *w)
{
    end(w, '}');
}

void json_begin_array(struct json_writer *w)
{
    begin(w, '[');
}

void json_end_array(struct json_writer *w)
{
    end(w, ']');
}

void json_key_str(struct json_writer *w, struct str key)
{
    comma(w);
    json_string(w->out, key);
    buf_char(w->out, ':');
    w->needs_comma = false;
}

void json_key(struct json_writer *w, const char *key)
{
    json_key_str(w, str_c(key));
}

void json_put_str(struct json_writer *w, struct str value)
{
    comma(w);
    json_string(w->out, value);
}

void json_put_texts(struct json_writer *w, const char *key, const struct str *texts, uint32_t count)
{
    json_key(w, key);
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++)
        json_put_str(w, texts[i]);
    json_end_array(w);
}

void json_put_c(struct json_writer *w, const char *value)
{
    json_put_str(w, str_c(value));
}

void json_put_i64(struct json_writer *w, int64_t value)
{
    comma(w);
    buf_i64(w->out, value);
}

void json_put_u64(struct json_writer *w, uint64_t value)
{
    comma(w);
    buf_u64(w->out, value);
}

void json_put_double(struct json_writer *w, double value)
{
    if (!isfinite(value)) {
        json_put_null(w);
        return;
    }
    comma(w);
    char text[40];
    for (int precision = 15; precision <= 17; precision++) {
        snprintf(text, sizeof text, "%.*g", precision, value);
        double back;
        if (str_to_double(str_c(text), &back) && back == value)
            break;
    }
    buf_c(w->out, text);
}

void json_put_bool(struct json_writer *w, bool value)
{
    comma(w);
    buf_c(w->out, value ? "true" : "false");
}

void json_put_json(struct json_writer *w, struct str json)
{
    comma(w);
    buf_add(w->out, json);
}

void json_put_null(struct json_writer *w)
{
    comma(w);
    buf_c(w->out, "null");
}

void json_put_time(struct json_writer *w, int64_t time_ns)
{
    if (time_ns == TIME_UNKNOWN) {
        json_put_null(w);
        return;
    }
    char text[TIME_TEXT_MAX + 2];
    comma(w);
    text[0] = '"';
    size_t n = time_format_iso(time_ns, text + 1);
    text[n + 1] = '"';
    buf_bytes(w->out, text, n + 2);
}

void json_both_members(struct json_writer *w, struct str en, struct str ja)
{
    json_key(w, "en");
    json_put_str(w, en);
    json_key(w, "ja");
    json_put_str(w, ja.n ? ja : en);
}

void json_put_both(struct json_writer *w, struct str en, struct str ja)
{
    json_begin_object(w);
    json_both_members(w, en, ja);
    json_end_object(w);
}

void json_both(struct json_writer *w, const char *key, struct str en, struct str ja)
{
    json_key(w, key);
    json_put_both(w, en, ja);
}
