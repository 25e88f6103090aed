/* Stage: query. The grammar of the filter, read from left to right without a separate scanner, because what a
 * colon, a bracket or a minus means depends on where it stands:
 *
 *   query  = [or] { "|" pipe }
 *   or     = and { "or" and }
 *   and    = not { ["and"] not }
 *   not    = { "not" } one
 *   one    = "(" or ")" | name ":" value | name compare word | word | phrase
 *   value  = word | phrase | "(" or of values ")" | "[" word "to" word "]" | compare word
 *
 * Next: term.c gives words their types, pipe.c reads what stands behind "|". */
#include "query/tree.h"

bool parse_problem(struct parser *p, size_t at, enum problem problem, struct str word)
{
    p->err->byte = at;
    p->err->position = text_count_chars(str_slice(p->text, 0, at));
    problem_sentence(problem, word, p->err);
    return false;
}

static const struct {
    const char *text;
    enum comparison how;
    bool negated, only_where;
} comparisons[] = {
    {">=", COMPARE_GREATER_EQUAL, false, false}, {"<=", COMPARE_LESS_EQUAL, false, false},
    {">", COMPARE_GREATER, false, false},        {"<", COMPARE_LESS, false, false},
    {"!=", COMPARE_EQUAL, true, true},           {"==", COMPARE_EQUAL, false, true},
    {"=", COMPARE_EQUAL, false, true},
};

static bool take_comparison(struct parser *p, enum comparison *how, bool *negated)
{
    for (size_t i = 0; i < COUNT_OF(comparisons); i++) {
        struct str text = str_c(comparisons[i].text);
        if ((comparisons[i].only_where && !p->is_where) || !str_starts(str_skip(p->text, p->at), text))
            continue;
        *how = comparisons[i].how;
        *negated = comparisons[i].negated;
        p->at += text.n;
        return true;
    }
    return false;
}

/* http://…, fe80::1, std::map and C:\… are words although they begin like a field. */
static bool colon_belongs_to_word(const struct parser *p, struct str name)
{
    char next = parse_peek(p, 1);
    bool may_be_field = str_find_char(name, '.', 0) != STR_NOT_FOUND || field_find(name) != FIELD_NONE;
    return (next == ':' && !may_be_field) || (next == '/' && parse_peek(p, 2) == '/') ||
           (name.n == 1 && (next == '\\' || next == '/'));
}

static bool is_known(const struct parser *p, struct str name)
{
    for (size_t i = 0; i < p->q->context.known_count; i++)
        if (str_eq(p->q->context.known[i], name))
            return true;
    return false;
}

const struct column *parse_column(struct parser *p, struct str name, size_t at)
{
    if (p->table) {
        for (uint32_t i = 0; i < p->table->count; i++)
            if (str_eq(p->table->items[i]->name, name))
                return p->table->items[i];
        parse_problem(p, at, PROBLEM_NO_SUCH_COLUMN, name);
        return NULL;
    }
    struct column *c = ARENA_NEW(&p->q->arena, struct column);
    column_of_field(name, c);
    if (c->field == FIELD_NONE && !is_known(p, name))
        parse_warn_unknown(p, name, at);
    return c;
}

/* ---- nodes ---- */

static struct node *new_node(struct parser *p, enum node_kind kind, struct node *child)
{
    struct node *n = ARENA_NEW(&p->q->arena, struct node);
    n->kind = kind;
    n->child = child;
    return n;
}

static struct node *term_node(struct parser *p, struct term *term, size_t at)
{
    if (!term)
        return NULL;
    if (++p->term_count > QUERY_TERM_MAX) {
        parse_problem(p, at, PROBLEM_TOO_MANY_TERMS, STR_EMPTY);
        return NULL;
    }
    struct node *n = new_node(p, NODE_TERM, NULL);
    n->term = term;
    return n;
}

static bool go_deeper(struct parser *p)
{
    return ++p->depth <= QUERY_DEPTH_MAX || parse_problem(p, p->at, PROBLEM_TOO_DEEP, STR_EMPTY);
}

static struct node *parse_group(struct parser *p, const struct column *column)
{
    size_t open = p->at;
    if (!go_deeper(p))
        return NULL;
    p->at++;
    struct node *n = parse_or(p, column);
    if (!n)
        return NULL;
    parse_skip_white(p);
    if (parse_peek(p, 0) != ')') {
        parse_problem(p, open, PROBLEM_OPEN_GROUP, STR_EMPTY);
        return NULL;
    }
    p->at++;
    p->depth--;
    return n;
}

static struct node *parse_range(struct parser *p, const struct column *column)
{
    size_t open = p->at++;
    struct word from, to;
    if (!parse_word(p, true, &from))
        return NULL;
    parse_skip_white(p);
    if (!parse_keyword(p, "to", "TO")) {
        parse_problem(p, p->at, PROBLEM_EXPECTED_TO, STR_EMPTY);
        return NULL;
    }
    if (!parse_word(p, true, &to))
        return NULL;
    parse_skip_white(p);
    if (parse_peek(p, 0) != ']') {
        parse_problem(p, p->at, PROBLEM_OPEN_RANGE, STR_EMPTY);
        return NULL;
    }
    p->at++;
    return term_node(p, term_range(p, column, &from, &to), open);
}

static struct node *parse_comparison(struct parser *p, const struct column *column, enum comparison how,
                                     bool negated)
{
    struct word w;
    if (!parse_word(p, false, &w))
        return NULL;
    struct node *n = term_node(p, term_compare(p, column, how, &w), w.at);
    return n && negated ? new_node(p, NODE_NOT, n) : n;
}

/* What stands behind "name:", or one element of "name:( … )". */
static struct node *parse_value(struct parser *p, const struct column *column, bool in_list)
{
    enum comparison how = COMPARE_EQUAL;
    bool negated = false;
    parse_skip_white(p);
    if (parse_peek(p, 0) == '(')
        return parse_group(p, column);
    if (parse_peek(p, 0) == '[')
        return parse_range(p, column);
    if (take_comparison(p, &how, &negated))
        return parse_comparison(p, column, how, negated);
    struct word w;
    if (!parse_word(p, in_list, &w))
        return NULL;
    return term_node(p, term_compare(p, column, COMPARE_EQUAL, &w), w.at);
}

/* field:value or field >= value; `*taken` false when what stands here is no such thing. */
static struct node *parse_field(struct parser *p, bool *taken)
{
    size_t start = p->at;
    struct str name;
    bool found, negated;
    enum comparison how;
    *taken = true;
    if (!parse_name(p, &name, &found))
        return NULL;
    bool has_colon = found && parse_peek(p, 0) == ':' && !colon_belongs_to_word(p, name);
    if (has_colon) {
        p->at++;
        const struct column *column = parse_column(p, name, start);
        return column ? parse_value(p, column, false) : NULL;
    }
    if (found && parse_peek(p, 0) != ':') {
        parse_skip_white(p);
        if (take_comparison(p, &how, &negated)) {
            const struct column *column = parse_column(p, name, start);
            return column ? parse_comparison(p, column, how, negated) : NULL;
        }
    }
    p->at = start;
    *taken = false;
    return NULL;
}

static struct node *parse_raw(struct parser *p)
{
    struct word w;
    size_t start = p->at;
    if (p->table) {
        parse_problem(p, start, PROBLEM_RAW_IN_TABLE, STR_EMPTY);
        return NULL;
    }
    if (!parse_word(p, false, &w))
        return NULL;
    if (w.pattern.count == 1 && w.pattern.items[0] == PATTERN_ANY && !w.is_quoted)
        return new_node(p, NODE_ALL, NULL);
    return term_node(p, term_raw(p, &w), start);
}

static bool at_joining_word(struct parser *p)
{
    size_t here = p->at;
    bool joins = parse_keyword(p, "and", "AND") || parse_keyword(p, "or", "OR");
    p->at = here;
    return joins;
}

static struct node *parse_one(struct parser *p, const struct column *column)
{
    bool taken;
    parse_skip_white(p);
    char c = parse_peek(p, 0);
    if (p->at >= p->text.n || c == ')' || c == '|' || at_joining_word(p)) {
        parse_problem(p, p->at, column ? PROBLEM_EXPECTED_VALUE : PROBLEM_EXPECTED_TERM, STR_EMPTY);
        return NULL;
    }
    if (c == '(')
        return parse_group(p, column);
    if (column)
        return parse_value(p, column, true);
    struct node *n = parse_field(p, &taken);
    return taken ? n : parse_raw(p);
}

static struct node *parse_not(struct parser *p, const struct column *column)
{
    parse_skip_white(p);
    if (!parse_keyword(p, "not", "NOT"))
        return parse_one(p, column);
    if (!go_deeper(p))
        return NULL;
    struct node *n = parse_not(p, column);
    p->depth--;
    return n ? new_node(p, NODE_NOT, n) : NULL;
}

static bool at_operand_end(struct parser *p, const struct column *column)
{
    parse_skip_white(p);
    size_t here = p->at;
    bool is_or = parse_keyword(p, "or", "OR");
    p->at = here;
    char c = parse_peek(p, 0);
    return is_or || p->at >= p->text.n || c == ')' || c == '|' || (column && c == ',');
}

static struct node *parse_and(struct parser *p, const struct column *column)
{
    struct node *first = parse_not(p, column), *last = first, *all = first;
    while (last && !at_operand_end(p, column)) {
        parse_keyword(p, "and", "AND");
        struct node *n = parse_not(p, column);
        if (!n)
            return NULL;
        if (all == first)
            all = new_node(p, NODE_AND, first);
        last->next = n;
        last = n;
    }
    return all;
}

/* In a list of values a comma is an "or". */
static bool take_or(struct parser *p, const struct column *column)
{
    parse_skip_white(p);
    if (column && parse_peek(p, 0) == ',') {
        p->at++;
        return true;
    }
    return parse_keyword(p, "or", "OR");
}

struct node *parse_or(struct parser *p, const struct column *column)
{
    struct node *first = parse_and(p, column), *last = first, *all = first;
    while (last && take_or(p, column)) {
        struct node *n = parse_and(p, column);
        if (!n)
            return NULL;
        if (all == first)
            all = new_node(p, NODE_OR, first);
        last->next = n;
        last = n;
    }
    return last ? all : NULL;
}

/* ---- the whole text ---- */

static size_t first_bad_byte(struct str s)
{
    for (size_t at = 0, next = 0; at < s.n; at = next) {
        text_next(s, &next);
        if (!str_is_utf8(str_slice(s, at, next)))
            return at;
    }
    return s.n;
}

static bool parse_all(struct parser *p)
{
    if (p->text.n > QUERY_TEXT_MAX)
        return parse_problem(p, 0, PROBLEM_TOO_LONG, STR_EMPTY);
    if (!str_is_utf8(p->text))
        return parse_problem(p, first_bad_byte(p->text), PROBLEM_NOT_UTF8, STR_EMPTY);
    parse_skip_white(p);
    bool is_empty = p->at >= p->text.n || parse_peek(p, 0) == '|';
    p->q->filter = is_empty ? new_node(p, NODE_ALL, NULL) : parse_or(p, NULL);
    if (!p->q->filter)
        return false;
    parse_skip_white(p);
    if (parse_peek(p, 0) == ')' && p->at < p->text.n)
        return parse_problem(p, p->at, PROBLEM_STRAY_CLOSE, STR_EMPTY);
    return parse_pipes(p);
}

struct query *query_parse(struct str text, const struct query_context *context, struct query_error *err)
{
    struct query *q = NEW(struct query);
    arena_init(&q->arena, 4096);
    q->context = *context;
    if (!q->context.zone)
        q->context.zone = zone_utc();
    int64_t now_seconds = context->now_ns / NS_PER_SECOND;
    q->zone_offset_us = zone_offset_at_utc(q->context.zone, now_seconds) * INT64_C(1000000);
    *err = (struct query_error){0};
    struct parser p = {.q = q, .text = arena_str(&q->arena, text), .err = err};
    bool ok = parse_all(&p);
    q->context.known = NULL; /* the caller's, for the time of the call */
    q->context.known_count = 0;
    if (ok)
        return q;
    query_free(q);
    return NULL;
}

void query_free(struct query *q)
{
    if (!q)
        return;
    arena_free(&q->arena);
    memory_free(q);
}

bool query_has_pipes(const struct query *q)
{
    return q->pipes != NULL;
}

bool query_is_table(const struct query *q)
{
    const struct pipe *last = q->pipes;
    while (last && last->next)
        last = last->next;
    return last && last->out.count > 0;
}

const struct query_warning *query_warnings(const struct query *q, size_t *count)
{
    *count = q->warning_count;
    return q->warnings;
}
