/* Stage: query. The tree against one event in memory. Says the same as the SQL of sql.c; query_test.c
 * holds both against each other. Next: sql.c. */
#include "base/charset.h"
#include "query/tree.h"

/* One value in the form terms look at. */
struct subject {
    struct str text;
    int64_t number; /* whole numbers, booleans; dates in µs */
    double real;
};

static int64_t floor_us(int64_t ns)
{
    return ns / 1000 - (ns % 1000 < 0);
}

static bool in_text_range(const struct term *t, struct str text)
{
    if (t->has_low) {
        int order = text_compare(text, t->text_low);
        if (order < 0 || (order == 0 && t->low_is_open))
            return false;
    }
    if (t->has_high) {
        int order = text_compare(text, t->text_high);
        if (order > 0 || (order == 0 && t->high_is_open))
            return false;
    }
    return true;
}

static bool in_real_range(const struct term *t, double v)
{
    if (v != v)
        return false;
    return (!t->has_low || (t->low_is_open ? v > t->real_low : v >= t->real_low)) &&
           (!t->has_high || (t->high_is_open ? v < t->real_high : v <= t->real_high));
}

static bool in_ip_range(const struct term *t, struct str text)
{
    struct ip ip;
    return ip_parse(text, &ip) && ip_is_v4(&ip) == t->is_v4 && memcmp(&ip, &t->ip_low, sizeof(ip)) >= 0 &&
           memcmp(&ip, &t->ip_high, sizeof(ip)) <= 0;
}

static bool holds(const struct term *t, const struct subject *v)
{
    double real;
    switch (t->kind) {
    case TERM_NEVER:
        return false;
    case TERM_EXISTS:
        return true;
    case TERM_TEXT_EQUAL:
        return text_equal(v->text, t->text);
    case TERM_TEXT_CONTAINS:
        return text_contains(v->text, t->text);
    case TERM_TEXT_LIKE:
        return text_like(v->text, &t->pattern);
    case TERM_TEXT_RANGE:
        return in_text_range(t, v->text);
    case TERM_DECIMAL_RANGE:
        return text_is_decimal(v->text) && str_to_double(v->text, &real) && in_real_range(t, real);
    case TERM_LONG_RANGE:
        return v->number >= t->low && v->number <= t->high;
    case TERM_REAL_RANGE:
        return in_real_range(t, v->real);
    case TERM_IP_EQUAL:
        return str_eq(v->text, t->text);
    case TERM_IP_RANGE:
        return in_ip_range(t, v->text);
    }
    BUG("no such kind of term");
}

static bool holds_for_text(const struct term *t, struct str text)
{
    return holds(t, &(struct subject){.text = text});
}

static bool holds_for_number(const struct term *t, int64_t number)
{
    char digits[24];
    struct subject v = {.number = number};
    if (t->kind == TERM_TEXT_LIKE) {
        struct buf text = {.p = digits, .capacity = sizeof(digits)};
        buf_i64(&text, number);
        v.text = buf_str(&text);
    }
    return holds(t, &v);
}

/* Several values of a vendor field are kept as one JSON text; an event that came in with such a text is no
 * different. */
static bool holds_for_vendor_text(const struct term *t, struct str text)
{
    if (!text_is_list(text))
        return holds_for_text(t, text);
    struct buf element = {0};
    bool found = t->kind == TERM_EXISTS;
    for (size_t at = 0; !found && text_next_element(text, &at, &element);)
        found = holds_for_text(t, buf_str(&element));
    buf_free(&element);
    return found;
}

static bool holds_for_value(const struct term *t, const struct value *v)
{
    switch ((enum value_type)v->type) {
    case TYPE_KEYWORD:
    case TYPE_TEXT:
    case TYPE_IP:
        return t->column->is_vendor ? holds_for_vendor_text(t, value_text(v))
                                    : holds_for_text(t, value_text(v));
    case TYPE_LONG:
    case TYPE_BOOL:
        return holds_for_number(t, v->number);
    case TYPE_DATE:
        return holds_for_number(t, floor_us(v->number));
    case TYPE_DOUBLE:
        return holds(t, &(struct subject){.real = v->real});
    }
    BUG("no such type of value");
}

/* The store keeps the record's text in UTF-8; bytes that are not are converted the same way here. */
static bool holds_for_raw(const struct term *t, struct str raw)
{
    if (str_is_utf8(raw))
        return holds_for_text(t, raw);
    struct arena arena;
    arena_init(&arena, raw.n * 3 + 64);
    bool result = holds_for_text(t, charset_to_utf8(raw, &arena, NULL));
    arena_free(&arena);
    return result;
}

static bool match_term(const struct term *t, const struct event *e)
{
    switch (t->column->field) {
    case FIELD_NONE:
        return false;
    case FIELD_TIMESTAMP:
        return holds_for_number(t, floor_us(e->time_ns));
    case FIELD_EVENT_INGESTED:
        return holds_for_number(t, floor_us(e->received_ns));
    case FIELD_HYAKUYO_SEQUENCE:
        return holds_for_number(t, (int64_t)e->sequence);
    case FIELD_EVENT_ORIGINAL:
        return holds_for_raw(t, e->raw);
    case FIELD_TAGS:
        if ((e->flags & EVENT_PARSE_FAILURE) && holds_for_text(t, STR("parse_failure")))
            return true;
        break;
    default:
        break;
    }
    for (const struct value *v = event_get(e, t->column->field); v; v = event_next(e, v))
        if (holds_for_value(t, v))
            return true;
    return false;
}

static bool match_node(const struct node *n, const struct event *e)
{
    switch (n->kind) {
    case NODE_ALL:
        return true;
    case NODE_TERM:
        return match_term(n->term, e);
    case NODE_NOT:
        return !match_node(n->child, e);
    case NODE_AND:
    case NODE_OR:
        for (const struct node *c = n->child; c; c = c->next)
            if (match_node(c, e) == (n->kind == NODE_OR))
                return n->kind == NODE_OR;
        return n->kind == NODE_AND;
    }
    BUG("no such kind of node");
}

bool query_match(const struct query *q, const struct event *e)
{
    return match_node(q->filter, e);
}
