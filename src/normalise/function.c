/* The functions that parser files may call; the table at the end is the list. Stage: normalise. All are
 * total: what makes no sense has no value. docs/parsers.md describes each. Next: url.c. */
#include "normalise/function.h"

#include "base/base64.h"
#include "base/ip.h"
#include "normalise/compile.h"

static const struct str absent = {NULL, 0};

static struct str argument(struct run *r, const struct expression *e, uint16_t i)
{
    return i < e->argument_count ? expression_text(r, e->arguments[i]) : absent;
}

static bool argument_number(struct run *r, const struct expression *e, uint16_t i, int64_t *n)
{
    struct str text = argument(r, e, i);
    return text.p && str_to_i64(str_trim(text), n);
}

static struct str of_number(struct run *r, int64_t v)
{
    char text[24];
    struct buf digits = {.p = text, .capacity = sizeof text};
    buf_i64(&digits, v);
    return arena_str(r->arena, buf_str(&digits));
}

static struct str of_bool(bool b)
{
    return b ? STR("true") : STR("false");
}

static struct str call_lower(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    return s.p ? arena_lower(r->arena, s) : absent;
}

static struct str call_upper(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    if (!s.p)
        return absent;
    s = arena_str(r->arena, s);
    for (size_t i = 0; i < s.n; i++)
        ((char *)s.p)[i] = ascii_upper(s.p[i]);
    return s;
}

static struct str call_trim(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), chars = argument(r, e, 1);
    if (!s.p)
        return absent;
    return chars.p ? str_trim_chars(s, arena_str(r->arena, chars).p) : str_trim(s);
}

static struct str call_concat(struct run *r, const struct expression *e)
{
    struct str out = STR_EMPTY;
    for (uint16_t i = 0; i < e->argument_count; i++) {
        struct str part = argument(r, e, i);
        if (!part.p)
            return absent; /* half a text is worse than none; use ?? '' where a part may be missing */
        out = out.n ? arena_concat(r->arena, out, part) : part;
    }
    return out;
}

static struct str call_join(struct run *r, const struct expression *e)
{
    struct str separator = argument(r, e, 0), out = absent;
    if (e->argument_count == 2 && e->arguments[1]->kind == EXPRESSION_SLOT) {
        slot_id slot = e->arguments[1]->slot;
        out = slot_text(r, slot);
        for (const struct cell *c = out.p ? r->s->cells[slot].more : NULL; c; c = c->more)
            out = arena_concat(r->arena, arena_concat(r->arena, out, separator), c->text);
        return out;
    }
    for (uint16_t i = 1; i < e->argument_count; i++) {
        struct str part = argument(r, e, i);
        if (part.p && part.n)
            out = out.p ? arena_concat(r->arena, arena_concat(r->arena, out, separator), part) : part;
    }
    return out;
}

static struct str call_replace(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), from = argument(r, e, 1), to = argument(r, e, 2), out = STR_EMPTY;
    if (!s.p || !from.n)
        return s;
    for (size_t at; (at = str_find(s, from, 0)) != STR_NOT_FOUND; s = str_skip(s, at + from.n))
        out = arena_concat(r->arena, arena_concat(r->arena, out, str_slice(s, 0, at)), to.p ? to : STR_EMPTY);
    return out.n ? arena_concat(r->arena, out, s) : s;
}

static struct str call_substring(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    int64_t from, length = (int64_t)s.n;
    if (!s.p || !argument_number(r, e, 1, &from) ||
        (e->argument_count > 2 && !argument_number(r, e, 2, &length)))
        return absent;
    if (from < 0)
        from = (int64_t)s.n + from < 0 ? 0 : (int64_t)s.n + from;
    return length < 0 ? absent : str_slice(s, (size_t)from, (size_t)from + (size_t)length);
}

static struct str call_before(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), mark = argument(r, e, 1);
    size_t at = s.p && mark.n ? str_find(s, mark, 0) : STR_NOT_FOUND;
    return at == STR_NOT_FOUND ? absent : str_slice(s, 0, at);
}

static struct str call_after(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), mark = argument(r, e, 1);
    size_t at = s.p && mark.n ? str_find(s, mark, 0) : STR_NOT_FOUND;
    return at == STR_NOT_FOUND ? absent : str_skip(s, at + mark.n);
}

static size_t find_last(struct str s, struct str mark)
{
    for (size_t i = mark.n && s.n >= mark.n ? s.n - mark.n + 1 : 0; i-- > 0;)
        if (memcmp(s.p + i, mark.p, mark.n) == 0)
            return i;
    return STR_NOT_FOUND;
}

static struct str call_before_last(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), mark = argument(r, e, 1);
    size_t at = s.p ? find_last(s, mark) : STR_NOT_FOUND;
    return at == STR_NOT_FOUND ? absent : str_slice(s, 0, at);
}

static struct str call_after_last(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), mark = argument(r, e, 1);
    size_t at = s.p ? find_last(s, mark) : STR_NOT_FOUND;
    return at == STR_NOT_FOUND ? absent : str_skip(s, at + mark.n);
}

static struct str call_part(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), mark = argument(r, e, 1);
    int64_t wanted;
    if (!s.p || !mark.n || !argument_number(r, e, 2, &wanted) || wanted < 1)
        return absent;
    for (;; wanted--) {
        size_t at = str_find(s, mark, 0);
        if (wanted == 1)
            return at == STR_NOT_FOUND ? s : str_slice(s, 0, at);
        if (at == STR_NOT_FOUND)
            return absent;
        s = str_skip(s, at + mark.n);
    }
}

static size_t last_slash(struct str s)
{
    for (size_t i = s.n; i-- > 0;)
        if (s.p[i] == '/' || s.p[i] == '\\')
            return i;
    return STR_NOT_FOUND;
}

static struct str call_basename(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    size_t at = s.p ? last_slash(s) : STR_NOT_FOUND;
    s = at == STR_NOT_FOUND ? s : str_skip(s, at + 1);
    return s.n ? s : absent;
}

static struct str call_dirname(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    size_t at = s.p ? last_slash(s) : STR_NOT_FOUND;
    return at == STR_NOT_FOUND || at == 0 ? absent : str_slice(s, 0, at);
}

static struct str call_extension(struct run *r, const struct expression *e)
{
    struct str s = call_basename(r, e);
    size_t dot = s.p ? str_find_last_char(s, '.') : STR_NOT_FOUND;
    return dot == STR_NOT_FOUND || dot == 0 || dot + 1 == s.n ? absent : str_skip(s, dot + 1);
}

static struct str call_extract(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    if (!s.p || regex_match(e->regex, r->s->regex, s, r->s->captures, REGEX_MAX_GROUPS) != REGEX_YES)
        return absent;
    return regex_group_count(e->regex) > 1 ? r->s->captures[1] : r->s->captures[0];
}

static struct str call_length(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    return s.p ? of_number(r, (int64_t)s.n) : absent;
}

static struct str call_hex(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    uint64_t v;
    if (!s.p)
        return absent;
    if (str_starts_nocase(s, STR("0x")))
        s = str_skip(s, 2);
    return str_to_u64(s, 16, &v) && v <= INT64_MAX ? of_number(r, (int64_t)v) : absent;
}

static struct str call_int(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    double v;
    if (!s.p)
        return absent;
    s = str_trim(s);
    if (!str_to_double(s, &v)) { /* "120 bytes": the number in front */
        size_t n = 0;
        while (n < s.n && (ascii_is_digit(s.p[n]) || (n == 0 && s.p[n] == '-')))
            n++;
        if (!n || !str_to_double(str_slice(s, 0, n), &v))
            return absent;
    }
    return v > -9.2e18 && v < 9.2e18 ? of_number(r, (int64_t)v) : absent;
}

/* "1.5 KB", "20M", "3 GiB": powers of 1,024 for all of them, as log writers mean it. */
static struct str call_bytes(struct run *r, const struct expression *e)
{
    static const char units[] = "KMGTP";
    struct str s = str_trim(argument(r, e, 0));
    size_t n = 0;
    double v, factor = 1;
    while (n < s.n && (ascii_is_digit(s.p[n]) || s.p[n] == '.'))
        n++;
    if (!n || !str_to_double(str_slice(s, 0, n), &v))
        return absent;
    struct str unit = str_trim(str_skip(s, n));
    const char *known = unit.n ? strchr(units, ascii_upper(unit.p[0])) : NULL;
    if (known)
        for (const char *u = units; u <= known; u++)
            factor *= 1024;
    return v * factor < 9.2e18 ? of_number(r, (int64_t)(v * factor)) : absent;
}

/* "1:02:03", "02:03", "1d2h3m4s", "12" (seconds) → nanoseconds; with a unit as second argument: a number of
 * those. */
static bool clock_seconds(struct str s, double *seconds)
{
    double total = 0, v;
    struct str part;
    while (str_split(&s, ':', &part)) {
        if (!str_to_double(str_trim(part), &v))
            return false;
        total = total * 60 + v;
    }
    *seconds = total;
    return true;
}

static bool unit_seconds(struct str s, double *seconds)
{
    static const struct {
        char unit;
        double seconds;
    } units[] = {{'w', 604800}, {'d', 86400}, {'h', 3600}, {'m', 60}, {'s', 1}};
    double total = 0, v;
    size_t i = 0;
    while (i < s.n) {
        size_t start = i;
        while (i < s.n && (ascii_is_digit(s.p[i]) || s.p[i] == '.'))
            i++;
        if (i == start || !str_to_double(str_slice(s, start, i), &v))
            return false;
        size_t u = 0;
        while (u < COUNT_OF(units) && (i >= s.n || ascii_lower(s.p[i]) != units[u].unit))
            u++;
        if (u == COUNT_OF(units))
            return false;
        total += v * units[u].seconds;
        while (i < s.n && !ascii_is_digit(s.p[i]))
            i++;
    }
    *seconds = total;
    return true;
}

static struct str call_duration(struct run *r, const struct expression *e)
{
    static const struct {
        struct str unit;
        double ns;
    } units[] = {{{"ns", 2}, 1},  {{"us", 2}, 1e3}, {{"ms", 2}, 1e6},
                 {{"s", 1}, 1e9}, {{"m", 1}, 6e10}, {{"h", 1}, 3.6e12}};
    struct str s = str_trim(argument(r, e, 0)), unit = argument(r, e, 1);
    double v, factor = 1e9;
    int64_t whole;
    if (!s.n)
        return absent;
    for (size_t i = 0; unit.p && i < COUNT_OF(units); i++)
        if (str_eq(unit, units[i].unit))
            factor = units[i].ns;
    if (str_to_i64(s, &whole) && !__builtin_mul_overflow(whole, (int64_t)factor, &whole))
        return of_number(r, whole);
    if (!str_to_double(s, &v) && !clock_seconds(s, &v) && !unit_seconds(s, &v))
        return absent;
    v *= factor;
    return v > -9.2e18 && v < 9.2e18 ? of_number(r, (int64_t)(v + (v < 0 ? -0.5 : 0.5))) : absent;
}

static struct str call_is_ip(struct run *r, const struct expression *e)
{
    struct ip ip;
    struct str s = argument(r, e, 0);
    return of_bool(s.p && ip_parse(s, &ip));
}

static struct str call_is_private(struct run *r, const struct expression *e)
{
    struct ip ip;
    struct str s = argument(r, e, 0);
    return of_bool(s.p && ip_parse(s, &ip) && !ip_is_public(&ip));
}

static struct str call_in_network(struct run *r, const struct expression *e)
{
    struct ip ip;
    struct cidr network;
    struct str s = argument(r, e, 0);
    if (!s.p || !ip_parse(s, &ip))
        return of_bool(false);
    for (uint16_t i = 1; i < e->argument_count; i++)
        if (cidr_parse(argument(r, e, i), &network) && cidr_contains(&network, &ip))
            return of_bool(true);
    return of_bool(false);
}

/* "192.0.2.1:80", "[2001:db8::1]:80", "192.0.2.1#53", "192.0.2.1/80": the address or name in front, the port
 * behind. */
static bool split_host_port(struct str s, struct str *host, struct str *port)
{
    size_t at = STR_NOT_FOUND;
    struct ip ip;
    *port = absent;
    if (s.n && s.p[0] == '[') {
        size_t close = str_find_char(s, ']', 0);
        *host = str_slice(s, 1, close);
        if (close != STR_NOT_FOUND && close + 1 < s.n)
            *port = str_skip(s, close + 2);
        return true;
    }
    *host = s;
    if (ip_parse(s, &ip))
        return true;
    for (size_t i = s.n; i-- > 0 && (ascii_is_digit(s.p[i]) || strchr(":#/", s.p[i]));)
        if (!ascii_is_digit(s.p[i])) {
            at = i;
            break;
        }
    if (at == STR_NOT_FOUND || at + 1 == s.n)
        return true;
    *host = str_slice(s, 0, at);
    *port = str_skip(s, at + 1);
    return true;
}

static struct str call_host_part(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), host, port;
    return s.n && split_host_port(s, &host, &port) && host.n ? host : absent;
}

static struct str call_port_part(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0), host, port;
    return s.n && split_host_port(s, &host, &port) && port.n ? port : absent;
}

static struct str call_lookup(struct run *r, const struct expression *e)
{
    struct str key = argument(r, e, 1);
    const struct table *t = e->table;
    if (!key.p)
        return absent;
    const struct table_row *row = map_get_pointer(t->rows, t->ignore_case ? arena_lower(r->arena, key) : key);
    if (!row)
        row = t->otherwise;
    return row && row->text ? expression_text(r, row->text) : absent;
}

static struct str call_if(struct run *r, const struct expression *e)
{
    return argument(r, e, expression_holds(r, e->arguments[0]) ? 1 : 2);
}

static bool hex_digit(char c, unsigned *v)
{
    *v = ascii_is_digit(c) ? (unsigned)(c - '0') : (unsigned)(ascii_lower(c) - 'a' + 10);
    return ascii_is_digit(c) || (ascii_lower(c) >= 'a' && ascii_lower(c) <= 'f');
}

static struct str call_url_decode(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    unsigned high, low;
    if (!s.p || str_find_char(s, '%', 0) == STR_NOT_FOUND)
        return s;
    char *out = arena_alloc(r->arena, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '%' && i + 2 < s.n && hex_digit(s.p[i + 1], &high) && hex_digit(s.p[i + 2], &low)) {
            out[n++] = (char)(high << 4 | low);
            i += 2;
        } else {
            out[n++] = s.p[i];
        }
    return str_n(out, n);
}

/* Hexadecimal bytes → text, up to the last NUL: the way auditd writes command lines, NUL between arguments
 * becomes a space. */
static struct str call_hex_decode(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    unsigned high, low;
    if (!s.p || s.n % 2)
        return s;
    char *out = arena_alloc(r->arena, s.n / 2 + 1);
    for (size_t i = 0; i < s.n; i += 2) {
        if (!hex_digit(s.p[i], &high) || !hex_digit(s.p[i + 1], &low))
            return s;
        char c = (char)(high << 4 | low);
        out[i / 2] = c ? c : ' ';
    }
    return str_trim(str_n(out, s.n / 2));
}

static struct str call_base64_decode(struct run *r, const struct expression *e)
{
    struct str s = argument(r, e, 0);
    struct buf out = {0};
    if (!s.p || !base64_decode(&out, s)) {
        buf_free(&out);
        return absent;
    }
    struct str text = arena_str(r->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static struct str call_last(struct run *r, const struct expression *e)
{
    if (e->arguments[0]->kind != EXPRESSION_SLOT)
        return argument(r, e, 0);
    struct str first = slot_text(r, e->arguments[0]->slot);
    const struct cell *c = &r->s->cells[e->arguments[0]->slot];
    return first.p && c->last ? c->last->text : first;
}

static struct str call_count(struct run *r, const struct expression *e)
{
    int64_t n = 0;
    if (e->arguments[0]->kind == EXPRESSION_SLOT && slot_is_set(r, e->arguments[0]->slot))
        for (const struct cell *c = &r->s->cells[e->arguments[0]->slot]; c; c = c->more)
            n++;
    return of_number(r, n);
}

/* "Process Create" → "process-create". */
static struct str call_dashed(struct run *r, const struct expression *e)
{
    struct str s = call_lower(r, e);
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == ' ' || s.p[i] == '_')
            ((char *)s.p)[i] = '-';
    return s;
}

static const struct function functions[] = {
    {"after", call_after, 2, 2, false, false},
    {"after_last", call_after_last, 2, 2, false, false},
    {"base64_decode", call_base64_decode, 1, 1, false, false},
    {"basename", call_basename, 1, 1, false, false},
    {"before", call_before, 2, 2, false, false},
    {"before_last", call_before_last, 2, 2, false, false},
    {"bytes", call_bytes, 1, 1, false, false},
    {"concat", call_concat, 1, 32, false, false},
    {"count", call_count, 1, 1, false, false},
    {"dashed", call_dashed, 1, 1, false, false},
    {"dirname", call_dirname, 1, 1, false, false},
    {"duration", call_duration, 1, 2, false, false},
    {"extension", call_extension, 1, 1, false, false},
    {"extract", call_extract, 2, 2, true, false},
    {"hex", call_hex, 1, 1, false, false},
    {"hex_decode", call_hex_decode, 1, 1, false, false},
    {"host_part", call_host_part, 1, 1, false, false},
    {"if", call_if, 2, 3, false, false},
    {"in_network", call_in_network, 2, 32, false, false},
    {"int", call_int, 1, 1, false, false},
    {"is_ip", call_is_ip, 1, 1, false, false},
    {"is_private", call_is_private, 1, 1, false, false},
    {"join", call_join, 2, 32, false, false},
    {"last", call_last, 1, 1, false, false},
    {"length", call_length, 1, 1, false, false},
    {"lookup", call_lookup, 2, 2, false, true},
    {"lower", call_lower, 1, 1, false, false},
    {"part", call_part, 3, 3, false, false},
    {"port_part", call_port_part, 1, 1, false, false},
    {"replace", call_replace, 3, 3, false, false},
    {"substring", call_substring, 2, 3, false, false},
    {"trim", call_trim, 1, 2, false, false},
    {"upper", call_upper, 1, 1, false, false},
    {"url_decode", call_url_decode, 1, 1, false, false},
};

const struct function *function_find(struct str name)
{
    for (size_t i = 0; i < COUNT_OF(functions); i++)
        if (str_eq(name, str_c(functions[i].name)))
            return &functions[i];
    return NULL;
}

bool function_accepts(const struct function *f, uint32_t arguments)
{
    return arguments >= f->least && arguments <= f->most;
}

bool function_wants_regex(const struct function *f)
{
    return f->wants_regex;
}

bool function_wants_table(const struct function *f)
{
    return f->wants_table;
}
