/* Stage: record. Canonical JSON. It reads a tree of base/json and leaves bytes. Next: entry.c. */
#include "record/jcs.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"

#define DEPTH_MAX  32
#define DIGITS_MAX 17 /* a double is told by that many */

/* ----------------------------------------------------------------- strings */

static void put_control(struct buf *out, unsigned char c)
{
    static const char letters[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    if (c < sizeof letters && letters[c])
        buf_printf(out, "\\%c", letters[c]);
    else
        buf_printf(out, "\\u%04x", c);
}

void jcs_string(struct buf *out, struct str s)
{
    buf_char(out, '"');
    while (s.n > 0) {
        size_t n = str_utf8_length(s);
        unsigned char c = (unsigned char)s.p[0];
        if (n == 0)
            buf_c(out, "\xef\xbf\xbd");
        else if (c < 0x20)
            put_control(out, c);
        else if (c == '"' || c == '\\')
            buf_printf(out, "\\%c", c);
        else
            buf_add(out, str_slice(s, 0, n));
        s = str_skip(s, n ? n : 1);
    }
    buf_char(out, '"');
}

/* ----------------------------------------------------------------- numbers */

/* The fewest digits that come back as the same double, and the power of ten of the first of them. */
static int shortest_digits(double number, char digits[DIGITS_MAX + 1], int *power)
{
    char text[40];
    for (int n = 1;; n++) {
        snprintf(text, sizeof text, "%.*e", n - 1, number);
        if (n < DIGITS_MAX && strtod(text, NULL) != number)
            continue;
        digits[0] = text[0];
        memcpy(digits + 1, text + 2, (size_t)n - 1);
        *power = (int)strtol(strchr(text, 'e') + 1, NULL, 10);
        return n;
    }
}

static void put_zeros(struct buf *out, int count)
{
    for (int i = 0; i < count; i++)
        buf_char(out, '0');
}

static void put_exponent(struct buf *out, const char *digits, int n, int power)
{
    buf_char(out, digits[0]);
    if (n > 1) {
        buf_char(out, '.');
        buf_bytes(out, digits + 1, (size_t)n - 1);
    }
    buf_printf(out, "e%+d", power);
}

/* ECMA-262 6.1.6.1.20: plain digits from 1e-6 up to below 1e21. */
void jcs_number(struct buf *out, double number)
{
    char digits[DIGITS_MAX + 1];
    int power;
    BUG_IF(!isfinite(number));
    if (number == 0) {
        buf_char(out, '0');
        return;
    }
    if (number < 0)
        buf_char(out, '-');
    int n = shortest_digits(fabs(number), digits, &power);
    if (power < -6 || power >= 21) {
        put_exponent(out, digits, n, power);
    } else if (power < 0) {
        buf_c(out, "0.");
        put_zeros(out, -power - 1);
        buf_bytes(out, digits, (size_t)n);
    } else if (n <= power + 1) {
        buf_bytes(out, digits, (size_t)n);
        put_zeros(out, power + 1 - n);
    } else {
        buf_bytes(out, digits, (size_t)power + 1);
        buf_char(out, '.');
        buf_bytes(out, digits + power + 1, (size_t)(n - power - 1));
    }
}

/* --------------------------------------------------------------- documents */

/* UTF-8 sorts by code points; UTF-16 puts the surrogates (U+10000 and above) before U+E000 to U+FFFF. */
static int by_utf16(const void *a, const void *b)
{
    struct str x = (*(const struct json_node *const *)a)->key, y = (*(const struct json_node *const *)b)->key;
    size_t i = 0;
    while (i < x.n && i < y.n && x.p[i] == y.p[i])
        i++;
    if (i == x.n || i == y.n)
        return (x.n > y.n) - (x.n < y.n);
    unsigned char p = (unsigned char)x.p[i], q = (unsigned char)y.p[i];
    bool p_high = p >= 0xee && p < 0xf0, q_high = q >= 0xee && q < 0xf0; /* lead bytes of U+E000 to U+FFFF */
    if (p >= 0xf0 && q_high)
        return -1;
    if (q >= 0xf0 && p_high)
        return 1;
    return p < q ? -1 : 1;
}

static bool write_node(struct buf *out, const struct json_node *node, unsigned depth, struct error *err);

static bool write_object(struct buf *out, const struct json_node *node, unsigned depth, struct error *err)
{
    struct buf list = {0};
    for (const struct json_node *m = node->child; m; m = m->next)
        buf_bytes(&list, &m, sizeof(m));
    const struct json_node **members = (const struct json_node **)(void *)list.p;
    size_t count = list.n / sizeof(*members);
    if (count > 1)
        qsort(members, count, sizeof(*members), by_utf16);
    bool ok = true;
    buf_char(out, '{');
    for (size_t i = 0; ok && i < count; i++) {
        if (i)
            buf_char(out, ',');
        jcs_string(out, members[i]->key);
        buf_char(out, ':');
        ok = write_node(out, members[i], depth + 1, err);
    }
    buf_char(out, '}');
    buf_free(&list);
    return ok;
}

static bool write_array(struct buf *out, const struct json_node *node, unsigned depth, struct error *err)
{
    bool ok = true;
    buf_char(out, '[');
    for (const struct json_node *m = node->child; ok && m; m = m->next) {
        if (m != node->child)
            buf_char(out, ',');
        ok = write_node(out, m, depth + 1, err);
    }
    buf_char(out, ']');
    return ok;
}

static bool write_number(struct buf *out, struct str text, struct error *err)
{
    double number;
    if (!str_to_double(text, &number) || !isfinite(number))
        return error_set(err, tr("%.*s is no number that JSON can carry", "%.*s は JSON で表せない数です"),
                         STR_ARGS(text));
    jcs_number(out, number);
    return true;
}

static bool write_node(struct buf *out, const struct json_node *node, unsigned depth, struct error *err)
{
    if (depth > DEPTH_MAX)
        return error_set(err, tr("a document more than %d levels deep", "入れ子が %d 段を超えています"),
                         DEPTH_MAX);
    switch (node->type) {
    case JSON_NODE_OBJECT:
        return write_object(out, node, depth, err);
    case JSON_NODE_ARRAY:
        return write_array(out, node, depth, err);
    case JSON_NODE_NUMBER:
        return write_number(out, node->text, err);
    case JSON_NODE_STRING:
        jcs_string(out, node->text);
        return true;
    case JSON_NODE_NULL:
        buf_c(out, "null");
        return true;
    case JSON_NODE_BOOL:
        buf_add(out, node->text);
        return true;
    }
    return false;
}

bool jcs_write(struct buf *out, const struct json_node *node, struct error *err)
{
    return write_node(out, node, 0, err);
}
