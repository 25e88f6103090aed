/* Stage: query. The filter as an SQL condition for the reader of the event plane (DuckDB, without its inet
 * extension). Text of people only ever becomes a bound parameter; names of columns are quoted. A value that
 * is missing is NULL; a term over NULL counts as false, which matters only below a "not", where it is
 * therefore wrapped. Next: sql_pipe.c. */
#include <stdio.h>

#include "query/tree.h"

void sql_use_column(struct sql_writer *w, struct str name)
{
    const struct str *used = (const struct str *)(const void *)w->columns.p;
    for (size_t i = 0; i < w->columns.n / sizeof(*used); i++)
        if (str_eq(used[i], name))
            return;
    buf_bytes(&w->columns, &name, sizeof(name));
}

static void add_quoted(struct buf *out, struct str name)
{
    buf_char(out, '"');
    for (size_t i = 0; i < name.n; i++) {
        if (name.p[i] == '"')
            buf_char(out, '"');
        buf_char(out, name.p[i]);
    }
    buf_char(out, '"');
}

void sql_name(struct sql_writer *w, struct str name)
{
    add_quoted(&w->text, name);
}

static void add_param(struct sql_writer *w, struct query_param param)
{
    buf_bytes(&w->params, &param, sizeof(param));
    buf_printf(&w->text, "$%zu", w->params.n / sizeof(param));
}

void sql_param_text(struct sql_writer *w, struct str text)
{
    add_param(w, (struct query_param){.kind = QUERY_PARAM_TEXT, .text = text});
    buf_c(&w->text, "::VARCHAR");
}

void sql_param_long(struct sql_writer *w, int64_t number)
{
    add_param(w, (struct query_param){.kind = QUERY_PARAM_LONG, .number = number});
    buf_c(&w->text, "::BIGINT");
}

void sql_param_real(struct sql_writer *w, double real)
{
    add_param(w, (struct query_param){.kind = QUERY_PARAM_DOUBLE, .real = real});
    buf_c(&w->text, "::DOUBLE");
}

#define ADD(w, format, ...) buf_printf(&(w)->text, format, __VA_ARGS__)

void sql_vendor_list(struct sql_writer *w, struct str q)
{
    ADD(w,
        "CASE WHEN %.*s IS NULL THEN NULL WHEN starts_with(%.*s, '[\"') AND json_valid(%.*s) THEN"
        " CASE WHEN json_structure(%.*s)::VARCHAR = '[\"VARCHAR\"]' THEN list_filter(from_json(%.*s, "
        "'[\"VARCHAR\"]'),"
        " lambda e: e IS NOT NULL) ELSE [%.*s] END ELSE [%.*s] END",
        STR_ARGS(q), STR_ARGS(q), STR_ARGS(q), STR_ARGS(q), STR_ARGS(q), STR_ARGS(q), STR_ARGS(q));
}

void sql_decimal(struct sql_writer *w, struct str q)
{
    ADD(w,
        "CASE WHEN regexp_full_match(%.*s, '-?[0-9]{1,18}([.][0-9]{1,18})?') THEN TRY_CAST(%.*s AS DOUBLE) "
        "ELSE NULL END",
        STR_ARGS(q), STR_ARGS(q));
}

/* ---- ranges ---- */

static void text_range(struct sql_writer *w, const struct term *t, struct str v)
{
    if (t->has_low) {
        ADD(w, "lower(%.*s) %s ", STR_ARGS(v), t->low_is_open ? ">" : ">=");
        sql_param_text(w, t->text_low);
    }
    buf_c(&w->text, t->has_low && t->has_high ? " AND " : "");
    if (t->has_high) {
        ADD(w, "lower(%.*s) %s ", STR_ARGS(v), t->high_is_open ? "<" : "<=");
        sql_param_text(w, t->text_high);
    }
}

static void real_side(struct sql_writer *w, const struct term *t, struct str v, const char *operator,
                      double bound)
{
    buf_char(&w->text, '(');
    if (t->kind == TERM_DECIMAL_RANGE)
        sql_decimal(w, v);
    else
        buf_add(&w->text, v);
    ADD(w, ") %s ", operator);
    sql_param_real(w, bound);
}

/* The engine orders NaN above all numbers; here it is no number at all. */
static void real_range(struct sql_writer *w, const struct term *t, struct str v)
{
    if (t->kind == TERM_REAL_RANGE)
        ADD(w, "NOT isnan(%.*s) AND ", STR_ARGS(v));
    if (t->has_low)
        real_side(w, t, v, t->low_is_open ? ">" : ">=", t->real_low);
    buf_c(&w->text, t->has_low && t->has_high ? " AND " : "");
    if (t->has_high)
        real_side(w, t, v, t->high_is_open ? "<" : "<=", t->real_high);
}

static void long_range(struct sql_writer *w, const struct term *t, struct str v)
{
    static const char *const forms[] = {
        [TYPE_LONG] = "%.*s", [TYPE_BOOL] = "CAST(%.*s AS BIGINT)", [TYPE_DATE] = "epoch_us(%.*s)"};
    buf_printf(&w->text, forms[t->column->type], STR_ARGS(v));
    buf_c(&w->text, " BETWEEN ");
    sql_param_long(w, t->low);
    buf_c(&w->text, " AND ");
    sql_param_long(w, t->high);
}

/* ---- addresses: the column holds canonical text (RFC 5952; IPv4 dotted) ---- */

static uint32_t v4_number(const struct ip *ip)
{
    return (uint32_t)ip->bytes[12] << 24 | (uint32_t)ip->bytes[13] << 16 | (uint32_t)ip->bytes[14] << 8 |
           ip->bytes[15];
}

/* A network of IPv4: its whole octets are a prefix of the text ("10.20."), the octet the mask cuts lies in a
 * range. */
static void v4_network(struct sql_writer *w, const struct term *t, struct str v)
{
    char prefix[20];
    int n = 0;
    unsigned whole = t->prefix_bits / 8;
    for (unsigned i = 0; i < whole; i++)
        n += snprintf(prefix + n, sizeof(prefix) - (size_t)n, "%u.", t->ip_low.bytes[12 + i]);
    if (t->prefix_bits == 32) {
        ADD(w, "%.*s = ", STR_ARGS(v));
        sql_param_text(w, arena_str(w->arena, str_n(prefix, (size_t)n - 1)));
        return;
    }
    ADD(w, "NOT contains(%.*s, ':')", STR_ARGS(v));
    if (whole > 0) {
        ADD(w, " AND starts_with(%.*s, ", STR_ARGS(v));
        sql_param_text(w, arena_str(w->arena, str_n(prefix, (size_t)n)));
        buf_char(&w->text, ')');
    }
    if (t->prefix_bits % 8 == 0)
        return;
    ADD(w, " AND TRY_CAST(split_part(%.*s, '.', %u) AS BIGINT) BETWEEN ", STR_ARGS(v), whole + 1);
    sql_param_long(w, t->ip_low.bytes[12 + whole]);
    buf_c(&w->text, " AND ");
    sql_param_long(w, t->ip_high.bytes[12 + whole]);
}

static void v4_range(struct sql_writer *w, const struct term *t, struct str v)
{
    ADD(w, "NOT contains(%.*s, ':') AND ", STR_ARGS(v));
    static const int64_t weights[] = {16777216, 65536, 256, 1};
    for (unsigned i = 0; i < 4; i++)
        ADD(w, "%sTRY_CAST(split_part(%.*s, '.', %u) AS BIGINT) * %lld", i ? " + " : "(", STR_ARGS(v), i + 1,
            (long long)weights[i]);
    buf_c(&w->text, ") BETWEEN ");
    sql_param_long(w, v4_number(&t->ip_low));
    buf_c(&w->text, " AND ");
    sql_param_long(w, v4_number(&t->ip_high));
}

static struct str hex_of(struct sql_writer *w, const struct ip *ip)
{
    char *at = arena_alloc(w->arena, 32);
    for (unsigned i = 0; i < 32; i++)
        at[i] = "0123456789abcdef"[ip->bytes[i / 2] >> (i % 2 ? 0 : 4) & 15];
    return str_n(at, 32);
}

static void hex_groups(struct sql_writer *w, struct str v, unsigned side)
{
    ADD(w,
        "array_to_string(list_transform(list_filter(string_split(split_part(%.*s, '::', %u), ':'), lambda g: "
        "g <> ''),"
        " lambda g: lpad(g, 4, '0')), '')",
        STR_ARGS(v), side);
}

/* IPv6 is written out to 32 hexadecimal digits, "::" filled up with zeros: their order as text is the order
 * of the addresses. */
static void v6_range(struct sql_writer *w, const struct term *t, struct str v)
{
    ADD(w, "CASE WHEN contains(%.*s, ':') THEN ", STR_ARGS(v));
    hex_groups(w, v, 1);
    buf_c(&w->text, " || repeat('0', 32 - length(");
    hex_groups(w, v, 1);
    buf_c(&w->text, ") - length(");
    hex_groups(w, v, 2);
    buf_c(&w->text, ")) || ");
    hex_groups(w, v, 2);
    buf_c(&w->text, " ELSE NULL END BETWEEN ");
    sql_param_text(w, hex_of(w, &t->ip_low));
    buf_c(&w->text, " AND ");
    sql_param_text(w, hex_of(w, &t->ip_high));
}

static void ip_range(struct sql_writer *w, const struct term *t, struct str v)
{
    if (!t->is_v4)
        v6_range(w, t, v);
    else if (t->prefix_bits <= 32)
        v4_network(w, t, v);
    else
        v4_range(w, t, v);
}

/* ---- wildcards ---- */

static struct str literal_part(struct sql_writer *w, const int32_t *items, uint32_t count)
{
    struct buf text = {0};
    for (uint32_t i = 0; i < count; i++)
        text_put(&text, (uint32_t)items[i]);
    struct str kept = arena_str(w->arena, buf_str(&text));
    buf_free(&text);
    return kept;
}

static struct str like_text(struct sql_writer *w, const struct pattern *p)
{
    struct buf text = {0};
    for (uint32_t i = 0; i < p->count; i++) {
        int32_t c = p->items[i];
        if (c == '%' || c == '_' || c == '\\')
            buf_char(&text, '\\');
        text_put(&text, c == PATTERN_ANY ? '%' : c == PATTERN_ONE ? '_' : (uint32_t)c);
    }
    struct str kept = arena_str(w->arena, buf_str(&text));
    buf_free(&text);
    return kept;
}

/* A star at one or both ends is a faster function than LIKE. */
static void like(struct sql_writer *w, const struct term *t, struct str v)
{
    const struct pattern *p = &t->pattern;
    bool front = p->items[0] == PATTERN_ANY, back = p->items[p->count - 1] == PATTERN_ANY;
    uint32_t from = front, to = p->count - (back && p->count > 1);
    bool is_plain = front || back;
    for (uint32_t i = from; i < to; i++)
        is_plain = is_plain && p->items[i] >= 0;
    ADD(w, "%s(lower(%.*s%s), ",
        !is_plain       ? "like_escape"
        : front && back ? "contains"
        : front         ? "ends_with"
                        : "starts_with",
        STR_ARGS(v), t->column->type == TYPE_LONG ? "::VARCHAR" : "");
    sql_param_text(w, is_plain && from <= to ? literal_part(w, p->items + from, to - from) : like_text(w, p));
    buf_c(&w->text, is_plain ? ")" : ", '\\')");
}

/* ---- terms ---- */

static void condition(struct sql_writer *w, const struct term *t, struct str v)
{
    switch (t->kind) {
    case TERM_NEVER:
        buf_c(&w->text, "false");
        return;
    case TERM_EXISTS:
        ADD(w, "%.*s IS NOT NULL", STR_ARGS(v));
        return;
    case TERM_TEXT_EQUAL:
        ADD(w, "lower(%.*s) = ", STR_ARGS(v));
        sql_param_text(w, t->text);
        return;
    case TERM_TEXT_CONTAINS:
        ADD(w, "contains(lower(%.*s), ", STR_ARGS(v));
        sql_param_text(w, t->text);
        buf_char(&w->text, ')');
        return;
    case TERM_TEXT_LIKE:
        like(w, t, v);
        return;
    case TERM_TEXT_RANGE:
        text_range(w, t, v);
        return;
    case TERM_DECIMAL_RANGE:
    case TERM_REAL_RANGE:
        real_range(w, t, v);
        return;
    case TERM_LONG_RANGE:
        long_range(w, t, v);
        return;
    case TERM_IP_EQUAL:
        ADD(w, "%.*s = ", STR_ARGS(v));
        sql_param_text(w, t->text);
        return;
    case TERM_IP_RANGE:
        ip_range(w, t, v);
        return;
    }
    BUG("no such kind of term");
}

static void list_condition(struct sql_writer *w, const struct term *t, struct str list)
{
    if (t->kind == TERM_EXISTS) {
        ADD(w, "len(%.*s) > 0", STR_ARGS(list));
        return;
    }
    ADD(w, "len(list_filter(%.*s, lambda x: ", STR_ARGS(list));
    condition(w, t, STR("x"));
    buf_c(&w->text, ")) > 0");
}

static void vendor_condition(struct sql_writer *w, const struct term *t, struct str name)
{
    if (t->kind == TERM_EXISTS) {
        condition(w, t, name);
        return;
    }
    struct buf outer = w->text;
    w->text = (struct buf){0};
    sql_vendor_list(w, name);
    struct str list = arena_str(w->arena, buf_str(&w->text));
    buf_free(&w->text);
    w->text = outer;
    ADD(w, "CASE WHEN starts_with(%.*s, '[\"') THEN ", STR_ARGS(name));
    list_condition(w, t, list);
    buf_c(&w->text, " ELSE ");
    condition(w, t, name);
    buf_c(&w->text, " END");
}

static void sql_term(struct sql_writer *w, const struct term *t, bool is_negated)
{
    struct buf quoted = {0};
    add_quoted(&quoted, t->column->name);
    struct str name = arena_str(w->arena, buf_str(&quoted));
    buf_free(&quoted);
    if (!t->column->is_result)
        sql_use_column(w, t->column->name);
    buf_c(&w->text, is_negated ? "coalesce((" : "(");
    if (t->column->is_list)
        list_condition(w, t, name);
    else if (t->column->is_vendor)
        vendor_condition(w, t, name);
    else
        condition(w, t, name);
    buf_c(&w->text, is_negated ? "), false)" : ")");
}

void sql_node(struct sql_writer *w, const struct node *n, bool is_negated)
{
    switch (n->kind) {
    case NODE_ALL:
        buf_c(&w->text, "true");
        return;
    case NODE_TERM:
        sql_term(w, n->term, is_negated);
        return;
    case NODE_NOT:
        buf_c(&w->text, "NOT ");
        sql_node(w, n->child, true);
        return;
    case NODE_AND:
    case NODE_OR:
        buf_char(&w->text, '(');
        for (const struct node *c = n->child; c; c = c->next) {
            sql_node(w, c, is_negated);
            buf_c(&w->text, !c->next ? "" : n->kind == NODE_AND ? " AND " : " OR ");
        }
        buf_char(&w->text, ')');
        return;
    }
    BUG("no such kind of node");
}
