/* Stage: query. A word beside a field becomes a typed term: numbers, addresses, networks, times and texts
 * each know their own comparisons. Everything ordered ends as one inclusive range, so that the two readers of
 * the tree have few kinds to agree on. Next: pipe.c. */
#include <math.h>

#include "query/tree.h"

static const char *const aliases[][2] = {{"_id", "hyakuyo.sequence"}};

void column_of_field(struct str name, struct column *out)
{
    for (size_t i = 0; i < COUNT_OF(aliases); i++)
        if (str_eq(name, str_c(aliases[i][0])))
            name = str_c(aliases[i][1]);
    *out = (struct column){.name = name, .field = field_find(name), .type = TYPE_KEYWORD};
    out->is_vendor = out->field == FIELD_NONE || out->field >= FIELD_STATIC_COUNT;
    if (out->field == FIELD_NONE)
        return;
    const struct field *f = field_get(out->field);
    out->type = f->type;
    out->is_list = f->shape == FIELD_ARRAY;
    out->is_vendor = out->is_vendor && !out->is_list && f->type == TYPE_KEYWORD;
    out->is_long_text = f->type == TYPE_TEXT || out->field == FIELD_EVENT_ORIGINAL;
}

static struct term *new_term(struct parser *p, enum term_kind kind, const struct column *c)
{
    struct term *t = ARENA_NEW(&p->q->arena, struct term);
    t->kind = kind;
    t->column = c;
    t->prefix_bits = 255;
    return t;
}

static struct term *fail(struct parser *p, const struct word *w, enum problem problem)
{
    parse_problem(p, w->at, problem, w->text);
    return NULL;
}

static struct str fold(struct parser *p, struct str text)
{
    struct buf folded = {0};
    query_fold(text, &folded);
    struct str kept = arena_str(&p->q->arena, buf_str(&folded));
    buf_free(&folded);
    return kept;
}

static struct term *like_term(struct parser *p, const struct column *c, const struct word *w, bool anywhere)
{
    struct term *t = new_term(p, TERM_TEXT_LIKE, c);
    uint32_t n = 0;
    t->pattern.items = arena_alloc(&p->q->arena, sizeof(int32_t) * (w->pattern.count + 2));
    if (anywhere && w->pattern.items[0] != PATTERN_ANY)
        t->pattern.items[n++] = PATTERN_ANY;
    memcpy(t->pattern.items + n, w->pattern.items, sizeof(int32_t) * w->pattern.count);
    n += w->pattern.count;
    if (anywhere && t->pattern.items[n - 1] != PATTERN_ANY)
        t->pattern.items[n++] = PATTERN_ANY;
    t->pattern.count = n;
    return t;
}

static struct term *text_term(struct parser *p, enum term_kind kind, const struct column *c, struct str text)
{
    struct term *t = new_term(p, kind, c);
    t->text = fold(p, text);
    return t;
}

static struct term *long_range(struct parser *p, const struct column *c, int64_t low, int64_t high)
{
    struct term *t = new_term(p, low <= high ? TERM_LONG_RANGE : TERM_NEVER, c);
    t->low = low;
    t->high = high;
    return t;
}

/* ---- bounds: how a comparison or a pair of words limits an ordered value ---- */

struct bounds {
    const struct word *low, *high; /* NULL = open */
    bool low_is_open, high_is_open;
};

static struct bounds bounds_of(enum comparison how, const struct word *w)
{
    switch (how) {
    case COMPARE_EQUAL:
        return (struct bounds){w, w, false, false};
    case COMPARE_LESS:
        return (struct bounds){.high = w, .high_is_open = true};
    case COMPARE_LESS_EQUAL:
        return (struct bounds){.high = w};
    case COMPARE_GREATER:
        return (struct bounds){.low = w, .low_is_open = true};
    case COMPARE_GREATER_EQUAL:
        return (struct bounds){.low = w};
    }
    BUG("no such comparison");
}

/* ---- whole numbers ---- */

/* The least whole number that is at least (or above) the written one; the greatest for the other side.
 * `*beyond`: no 64-bit number is on the right side of it. */
static bool long_bound(struct str text, bool is_low, bool is_open, int64_t *out, bool *beyond)
{
    double real;
    if (str_to_i64(text, out)) {
        *beyond |= is_open && __builtin_add_overflow(*out, is_low ? 1 : -1, out);
        return true;
    }
    if (!str_to_double(text, &real) || isnan(real))
        return false;
    double whole = is_low ? ceil(real) : floor(real);
    if (is_open && whole == real)
        whole += is_low ? 1 : -1;
    bool is_above = whole >= 9223372036854775808.0, is_below = whole < -9223372036854775808.0;
    *beyond |= is_low ? is_above : is_below;
    *out = is_above ? INT64_MAX : is_below ? INT64_MIN : (int64_t)whole;
    return true;
}

static struct term *long_term(struct parser *p, const struct column *c, const struct bounds *b)
{
    int64_t low = INT64_MIN, high = INT64_MAX;
    bool beyond = false;
    if (b->low && !long_bound(b->low->text, true, b->low_is_open, &low, &beyond))
        return fail(p, b->low, PROBLEM_NOT_A_NUMBER);
    if (b->high && !long_bound(b->high->text, false, b->high_is_open, &high, &beyond))
        return fail(p, b->high, PROBLEM_NOT_A_NUMBER);
    return long_range(p, c, beyond ? INT64_MAX : low, beyond ? INT64_MIN : high);
}

/* ---- real numbers, and keywords that are decimal numbers ---- */

static bool real_bound(const struct word *w, double *out)
{
    return str_to_double(w->text, out) && isfinite(*out);
}

static struct term *real_term(struct parser *p, const struct column *c, const struct bounds *b,
                              enum term_kind kind)
{
    struct term *t = new_term(p, kind, c);
    if (b->low && !real_bound(b->low, &t->real_low))
        return fail(p, b->low, PROBLEM_NOT_A_NUMBER);
    if (b->high && !real_bound(b->high, &t->real_high))
        return fail(p, b->high, PROBLEM_NOT_A_NUMBER);
    t->has_low = b->low;
    t->has_high = b->high;
    t->low_is_open = b->low_is_open;
    t->high_is_open = b->high_is_open;
    return t;
}

static struct term *double_term(struct parser *p, const struct column *c, const struct bounds *b)
{
    return real_term(p, c, b, TERM_REAL_RANGE);
}

static struct term *bool_term(struct parser *p, const struct column *c, const struct bounds *b)
{
    static const struct {
        const char *word;
        int64_t value;
    } words[] = {{"true", 1}, {"false", 0}, {"yes", 1}, {"no", 0}, {"1", 1}, {"0", 0}};
    const struct word *w = b->low ? b->low : b->high;
    if (b->low != b->high)
        return fail(p, w, PROBLEM_NO_ORDER);
    for (size_t i = 0; i < COUNT_OF(words); i++)
        if (str_eq_nocase(w->text, str_c(words[i].word)))
            return long_range(p, c, words[i].value, words[i].value);
    return fail(p, w, PROBLEM_NOT_A_BOOLEAN);
}

/* ---- times: a day or a minute is the whole of it ---- */

static int64_t floor_us(int64_t ns)
{
    return ns / 1000 - (ns % 1000 < 0);
}

static bool date_part(struct str s, int64_t *year, unsigned *month, unsigned *day)
{
    uint64_t y, m = 1, d = 1;
    if ((s.n != 4 && s.n != 7 && s.n != 10) || !str_to_u64(str_slice(s, 0, 4), 10, &y) ||
        (s.n >= 7 && (s.p[4] != '-' || !str_to_u64(str_slice(s, 5, 7), 10, &m))) ||
        (s.n == 10 && (s.p[7] != '-' || !str_to_u64(str_slice(s, 8, 10), 10, &d))))
        return false;
    *year = (int64_t)y;
    *month = (unsigned)m;
    *day = (unsigned)d;
    return m >= 1 && m <= 12 && d >= 1 && d <= 31 && y >= 1970 && y <= 2200;
}

static int64_t local_midnight_us(const struct query *q, int64_t days)
{
    int64_t seconds = days * 86400;
    return (seconds - zone_offset_at_local(q->context.zone, seconds)) * INT64_C(1000000);
}

/* 2025, 2025-11 and 2025-11-10: from its first moment to before the next one's. */
static bool calendar_span(const struct query *q, struct str s, int64_t *start, int64_t *end)
{
    int64_t year;
    unsigned month, day;
    if (!date_part(s, &year, &month, &day))
        return false;
    int64_t first = civil_to_days(year, month, day), next = first + 1;
    if (s.n == 4)
        next = civil_to_days(year + 1, 1, 1);
    else if (s.n == 7)
        next = civil_to_days(month == 12 ? year + 1 : year, month == 12 ? 1 : month + 1, 1);
    int64_t y2;
    unsigned m2, d2;
    days_to_civil(first, &y2, &m2, &d2);
    if (m2 != month)
        return false; /* 2025-02-30 */
    *start = local_midnight_us(q, first);
    *end = local_midnight_us(q, next);
    return true;
}

/* How much time "…T09", "…T09:13", "…T09:13:05" stands for, in µs; 1 for anything finer. */
static int64_t clock_width_us(struct str s)
{
    unsigned colons = 0;
    for (size_t i = 11; i < s.n && s.p[i] != '+' && s.p[i] != '-' && s.p[i] != 'Z' && s.p[i] != 'z'; i++) {
        if (s.p[i] == '.' || s.p[i] == ',')
            return 1;
        colons += s.p[i] == ':';
    }
    return colons == 0 ? 3600000000 : colons == 1 ? 60000000 : 1000000;
}

static bool time_span(struct parser *p, struct str s, int64_t *start, int64_t *end)
{
    struct time_context context = {.zone = p->q->context.zone, .reference_ns = p->q->context.now_ns};
    int64_t ns;
    if (calendar_span(p->q, s, start, end))
        return true;
    bool is_iso = time_parse_iso(s, &context, &ns);
    if (!is_iso && !time_parse_expression(s, p->q->context.now_ns, p->q->context.zone, &ns))
        return false;
    *start = floor_us(ns);
    int64_t width = is_iso && s.n > 11 ? clock_width_us(s) : str_eq_nocase(s, STR("today")) ? 86400000000 : 1;
    return !__builtin_add_overflow(*start, width, end);
}

static struct term *date_term(struct parser *p, const struct column *c, const struct bounds *b)
{
    int64_t low = INT64_MIN, high = INT64_MAX, start, end;
    if (b->low) {
        if (!time_span(p, b->low->text, &start, &end))
            return fail(p, b->low, PROBLEM_NOT_A_TIME);
        low = b->low_is_open ? end : start;
    }
    if (b->high) {
        if (!time_span(p, b->high->text, &start, &end))
            return fail(p, b->high, PROBLEM_NOT_A_TIME);
        high = (b->high_is_open ? start : end) - 1;
    }
    return long_range(p, c, low, high);
}

/* ---- addresses ---- */

static void network_bounds(const struct cidr *cidr, struct ip *low, struct ip *high)
{
    *low = *high = cidr->ip;
    for (unsigned bit = cidr->bits; bit < 128; bit++) {
        low->bytes[bit / 8] &= (uint8_t) ~(0x80 >> bit % 8);
        high->bytes[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
    }
}

static struct term *network_term(struct parser *p, const struct column *c, const struct word *w)
{
    struct cidr cidr;
    if (!cidr_parse(w->text, &cidr))
        return fail(p, w, PROBLEM_NOT_A_NETWORK);
    struct term *t = new_term(p, TERM_IP_RANGE, c);
    t->is_v4 = cidr.bits >= 96 && ip_is_v4(&cidr.ip);
    t->prefix_bits = (uint8_t)(t->is_v4 ? cidr.bits - 96 : cidr.bits);
    network_bounds(&cidr, &t->ip_low, &t->ip_high);
    return t;
}

/* One step up or down; false when there is none. */
static bool ip_step(struct ip *ip, bool up)
{
    for (int i = 15; i >= 0; i--)
        if (up ? ++ip->bytes[i] != 0 : ip->bytes[i]-- != 0)
            return true;
    return false;
}

static struct term *address_range(struct parser *p, const struct column *c, const struct bounds *b)
{
    struct term *t = new_term(p, TERM_IP_RANGE, c);
    struct cidr family = {.bits = 0};
    const struct word *one = b->low ? b->low : b->high;
    if (!ip_parse(one->text, &family.ip))
        return fail(p, one, PROBLEM_NOT_AN_ADDRESS);
    t->is_v4 = ip_is_v4(&family.ip);
    family.bits = t->is_v4 ? 96 : 0;
    network_bounds(&family, &t->ip_low, &t->ip_high);
    bool possible = true;
    if (b->low && !ip_parse(b->low->text, &t->ip_low))
        return fail(p, b->low, PROBLEM_NOT_AN_ADDRESS);
    if (b->high && !ip_parse(b->high->text, &t->ip_high))
        return fail(p, b->high, PROBLEM_NOT_AN_ADDRESS);
    if (b->low && b->low_is_open)
        possible = ip_step(&t->ip_low, true);
    if (b->high && b->high_is_open)
        possible = ip_step(&t->ip_high, false) && possible;
    if (!possible || ip_is_v4(&t->ip_low) != t->is_v4 || ip_is_v4(&t->ip_high) != t->is_v4 ||
        memcmp(&t->ip_low, &t->ip_high, sizeof(t->ip_low)) > 0)
        t->kind = TERM_NEVER;
    return t;
}

static struct term *ip_term(struct parser *p, const struct column *c, const struct bounds *b)
{
    if (b->low != b->high)
        return address_range(p, c, b);
    if (str_find_char(b->low->text, '/', 0) != STR_NOT_FOUND)
        return network_term(p, c, b->low);
    struct ip ip;
    if (!ip_parse(b->low->text, &ip))
        return fail(p, b->low, PROBLEM_NOT_AN_ADDRESS);
    char text[IP_TEXT_MAX];
    struct term *t = new_term(p, TERM_IP_EQUAL, c);
    t->text = arena_str(&p->q->arena, str_n(text, ip_format(&ip, text)));
    t->ip_low = t->ip_high = ip;
    return t;
}

/* ---- texts ---- */

static bool are_decimal(const struct bounds *b)
{
    return (!b->low || text_is_decimal(b->low->text)) && (!b->high || text_is_decimal(b->high->text));
}

static struct term *keyword_term(struct parser *p, const struct column *c, const struct bounds *b)
{
    bool is_equality = b->low == b->high;
    if (is_equality && c->is_long_text && b->low->text.n)
        return text_term(p, TERM_TEXT_CONTAINS, c, b->low->text);
    if (is_equality)
        return text_term(p, TERM_TEXT_EQUAL, c, b->low->text);
    if (c->is_long_text)
        return fail(p, b->low ? b->low : b->high, PROBLEM_RANGE_OF_RAW);
    if (are_decimal(b))
        return real_term(p, c, b, TERM_DECIMAL_RANGE);
    struct term *t = new_term(p, TERM_TEXT_RANGE, c);
    t->has_low = b->low;
    t->has_high = b->high;
    t->low_is_open = b->low_is_open;
    t->high_is_open = b->high_is_open;
    t->text_low = b->low ? fold(p, b->low->text) : STR_EMPTY;
    t->text_high = b->high ? fold(p, b->high->text) : STR_EMPTY;
    return t;
}

/* ---- by type ---- */

static const struct {
    struct term *(*make)(struct parser *p, const struct column *c, const struct bounds *b);
    bool takes_wildcards;
} types[] = {
    [TYPE_KEYWORD] = {keyword_term, true}, [TYPE_TEXT] = {keyword_term, true},
    [TYPE_IP] = {ip_term, true},           [TYPE_LONG] = {long_term, true},
    [TYPE_DOUBLE] = {double_term, false},  [TYPE_BOOL] = {bool_term, false},
    [TYPE_DATE] = {date_term, false},
};

static bool is_any(const struct word *w)
{
    return !w->is_quoted && w->pattern.count == 1 && w->pattern.items[0] == PATTERN_ANY;
}

struct term *term_compare(struct parser *p, const struct column *c, enum comparison how, const struct word *w)
{
    if (how == COMPARE_EQUAL && is_any(w))
        return new_term(p, TERM_EXISTS, c);
    if (w->has_wildcard && (how != COMPARE_EQUAL || !types[c->type].takes_wildcards))
        return fail(p, w, PROBLEM_NO_WILDCARD);
    if (w->has_wildcard)
        return like_term(p, c, w, c->is_long_text);
    struct bounds b = bounds_of(how, w);
    return types[c->type].make(p, c, &b);
}

struct term *term_range(struct parser *p, const struct column *c, const struct word *from,
                        const struct word *to)
{
    struct bounds b = {.low = is_any(from) ? NULL : from, .high = is_any(to) ? NULL : to};
    if (!b.low && !b.high)
        return fail(p, from, PROBLEM_EMPTY_RANGE);
    if ((b.low && b.low->has_wildcard) || (b.high && b.high->has_wildcard))
        return fail(p, b.low && b.low->has_wildcard ? b.low : b.high, PROBLEM_NO_WILDCARD);
    return types[c->type].make(p, c, &b);
}

struct term *term_raw(struct parser *p, const struct word *w)
{
    struct column *c = ARENA_NEW(&p->q->arena, struct column);
    column_of_field(STR("event.original"), c);
    if (w->has_wildcard)
        return like_term(p, c, w, true);
    return text_term(p, TERM_TEXT_CONTAINS, c, w->text);
}
