/* Stage: query. What stands behind "|": each pipe knows the columns it finds and the columns it leaves, so
 * that a wrong name is shown where it stands. Next: match.c. */
#include "query/tree.h"

#define TOP_DEFAULT  10
#define HEAD_DEFAULT 10
#define LIMIT_MAX    1000000

static bool take(struct parser *p, char c)
{
    parse_skip_white(p);
    if (p->at >= p->text.n || parse_peek(p, 0) != c)
        return false;
    p->at++;
    return true;
}

static void add_column(struct parser *p, struct column_list *list, const struct column *c)
{
    if (list->count == list->capacity) {
        uint32_t more = list->capacity ? list->capacity * 2 : 8;
        const struct column **items = ARENA_ARRAY(&p->q->arena, const struct column *, more);
        if (list->count)
            memcpy(items, list->items, sizeof(*items) * list->count);
        list->items = items;
        list->capacity = more;
    }
    list->items[list->count++] = c;
}

/* A column that this pipe makes; two of the same name would make the next pipe guess. */
static bool add_result(struct parser *p, struct pipe *pipe, struct str name, enum value_type type,
                       bool is_list, size_t at)
{
    for (uint32_t i = 0; i < pipe->out.count; i++)
        if (str_eq_nocase(pipe->out.items[i]->name, name))
            return parse_problem(p, at, PROBLEM_SAME_NAME, name);
    struct column *c = ARENA_NEW(&p->q->arena, struct column);
    *c = (struct column){.name = name, .type = type, .is_list = is_list, .is_result = true};
    add_column(p, &pipe->out, c);
    return true;
}

static const struct column *read_column(struct parser *p)
{
    struct str name;
    bool found;
    parse_skip_white(p);
    size_t at = p->at;
    if (!parse_name(p, &name, &found))
        return NULL;
    if (!found) {
        parse_problem(p, at, PROBLEM_EXPECTED_FIELD, STR_EMPTY);
        return NULL;
    }
    return parse_column(p, name, at);
}

static bool read_columns(struct parser *p, struct column_list *list)
{
    do {
        const struct column *c = read_column(p);
        if (!c)
            return false;
        add_column(p, list, c);
    } while (take(p, ','));
    return true;
}

/* A whole number, when one stands here; `*out` keeps its value otherwise. */
static bool read_count(struct parser *p, uint64_t *out)
{
    parse_skip_white(p);
    size_t start = p->at;
    while (ascii_is_digit(parse_peek(p, 0)))
        p->at++;
    if (p->at == start)
        return true;
    if (!str_to_u64(str_slice(p->text, start, p->at), 10, out) || *out < 1 || *out > LIMIT_MAX)
        return parse_problem(p, start, PROBLEM_EXPECTED_COUNT, STR_EMPTY);
    return true;
}

/* ---- aggregates ---- */

static const struct {
    const char *lower, *upper;
    enum aggregate_kind kind;
    bool takes_numbers_only;
} aggregates[] = {
    {"count", "COUNT", AGGREGATE_COUNT, false}, {"sum", "SUM", AGGREGATE_SUM, true},
    {"avg", "AVG", AGGREGATE_AVG, true},        {"min", "MIN", AGGREGATE_MIN, false},
    {"max", "MAX", AGGREGATE_MAX, false},       {"dc", "DC", AGGREGATE_DISTINCT, false},
};

static bool take_aggregate_word(struct parser *p, size_t *which)
{
    parse_skip_white(p);
    for (*which = 0; *which < COUNT_OF(aggregates); ++*which)
        if (parse_keyword(p, aggregates[*which].lower, aggregates[*which].upper))
            return true;
    return false;
}

static bool is_numeric(const struct column *c)
{
    return c->type == TYPE_LONG || c->type == TYPE_DOUBLE || (c->type == TYPE_KEYWORD && !c->is_list);
}

static bool read_argument(struct parser *p, size_t which, struct aggregate *a)
{
    if (!take(p, '('))
        return a->kind == AGGREGATE_COUNT || parse_problem(p, p->at, PROBLEM_EXPECTED_OPEN, STR_EMPTY);
    if (a->kind == AGGREGATE_COUNT)
        return take(p, ')') || parse_problem(p, p->at, PROBLEM_EXPECTED_CLOSE, STR_EMPTY);
    parse_skip_white(p);
    size_t at = p->at;
    a->column = read_column(p);
    if (!a->column)
        return false;
    if (aggregates[which].takes_numbers_only && !is_numeric(a->column))
        return parse_problem(p, at, PROBLEM_NOT_NUMERIC, a->column->name);
    return take(p, ')') || parse_problem(p, p->at, PROBLEM_EXPECTED_CLOSE, STR_EMPTY);
}

static bool read_result_name(struct parser *p, size_t which, struct aggregate *a)
{
    parse_skip_white(p);
    if (!parse_keyword(p, "as", "AS")) {
        a->name = a->column ? arena_printf(&p->q->arena, "%s(%.*s)", aggregates[which].lower,
                                           STR_ARGS(a->column->name))
                            : STR("count");
        return true;
    }
    bool found;
    parse_skip_white(p);
    size_t at = p->at;
    return parse_name(p, &a->name, &found) &&
           (found || parse_problem(p, at, PROBLEM_EXPECTED_FIELD, STR_EMPTY));
}

static enum value_type result_type(const struct aggregate *a)
{
    switch (a->kind) {
    case AGGREGATE_COUNT:
    case AGGREGATE_DISTINCT:
        return TYPE_LONG;
    case AGGREGATE_AVG:
        return TYPE_DOUBLE;
    case AGGREGATE_SUM:
        return a->column->type == TYPE_LONG ? TYPE_LONG : TYPE_DOUBLE;
    case AGGREGATE_MIN:
    case AGGREGATE_MAX:
        return a->column->type;
    }
    BUG("no such aggregate");
}

static bool read_aggregates(struct parser *p, struct pipe *pipe)
{
    struct aggregate **end = &pipe->aggregates;
    do {
        size_t which;
        parse_skip_white(p);
        size_t at = p->at;
        if (!take_aggregate_word(p, &which))
            return parse_problem(p, at, PROBLEM_EXPECTED_AGGREGATE, STR_EMPTY);
        struct aggregate *a = ARENA_NEW(&p->q->arena, struct aggregate);
        a->kind = aggregates[which].kind;
        if (!read_argument(p, which, a) || !read_result_name(p, which, a))
            return false;
        *end = a;
        end = &a->next;
    } while (take(p, ','));
    return true;
}

/* ---- pipes that make a table ---- */

static bool add_group_results(struct parser *p, struct pipe *pipe, size_t at)
{
    for (uint32_t i = 0; i < pipe->groups.count; i++)
        if (!add_result(p, pipe, pipe->groups.items[i]->name, pipe->groups.items[i]->type, false, at))
            return false;
    for (const struct aggregate *a = pipe->aggregates; a; a = a->next)
        if (!add_result(p, pipe, a->name, result_type(a), false, at))
            return false;
    return true;
}

static bool read_by(struct parser *p, struct pipe *pipe)
{
    parse_skip_white(p);
    return !parse_keyword(p, "by", "BY") || read_columns(p, &pipe->groups);
}

/* The order a table has until somebody sorts it: the first aggregate, then the groups. */
static void order_groups(struct parser *p, struct pipe *pipe, bool is_falling)
{
    uint32_t first = pipe->groups.count + (pipe->kind == PIPE_TIMECHART);
    pipe->keys = ARENA_ARRAY(&p->q->arena, struct sort_key, pipe->out.count + 1);
    if (pipe->kind == PIPE_TIMECHART)
        pipe->keys[pipe->key_count++].column = pipe->out.items[0];
    if (pipe->aggregates)
        pipe->keys[pipe->key_count++] = (struct sort_key){pipe->out.items[first], is_falling};
}

static bool read_stats(struct parser *p, struct pipe *pipe)
{
    size_t at = p->at;
    pipe->kind = PIPE_GROUP;
    if (!read_aggregates(p, pipe) || !read_by(p, pipe) || !add_group_results(p, pipe, at))
        return false;
    order_groups(p, pipe, true);
    return true;
}

static bool read_counted(struct parser *p, struct pipe *pipe, bool is_falling)
{
    size_t at = p->at;
    pipe->kind = PIPE_GROUP;
    pipe->limit = TOP_DEFAULT;
    pipe->aggregates = ARENA_NEW(&p->q->arena, struct aggregate);
    *pipe->aggregates = (struct aggregate){.kind = AGGREGATE_COUNT, .name = STR("count")};
    if (!read_count(p, &pipe->limit) || !read_columns(p, &pipe->groups) || !add_group_results(p, pipe, at))
        return false;
    order_groups(p, pipe, is_falling);
    return true;
}

static bool read_top(struct parser *p, struct pipe *pipe)
{
    return read_counted(p, pipe, true);
}

static bool read_rare(struct parser *p, struct pipe *pipe)
{
    return read_counted(p, pipe, false);
}

static bool read_distinct(struct parser *p, struct pipe *pipe)
{
    size_t at = p->at;
    pipe->kind = PIPE_GROUP;
    if (!read_columns(p, &pipe->groups) || !add_group_results(p, pipe, at))
        return false;
    order_groups(p, pipe, false);
    return true;
}

static bool read_span(struct parser *p, int64_t *span_us)
{
    static const struct {
        char unit;
        int64_t us;
    } units[] = {{'s', 1000000}, {'m', 60000000}, {'h', 3600000000}, {'d', 86400000000}, {'w', 604800000000}};
    uint64_t n = 0;
    parse_skip_white(p);
    size_t at = p->at;
    if (!read_count(p, &n))
        return false;
    for (size_t i = 0; n > 0 && i < COUNT_OF(units); i++)
        if (parse_peek(p, 0) == units[i].unit) {
            p->at++;
            *span_us = (int64_t)n * units[i].us; /* at most a million weeks: 6e17 */
            return true;
        }
    return parse_problem(p, at, PROBLEM_EXPECTED_SPAN, STR_EMPTY);
}

static bool read_timechart(struct parser *p, struct pipe *pipe)
{
    size_t at = p->at;
    pipe->kind = PIPE_TIMECHART;
    if (p->table)
        return parse_problem(p, at, PROBLEM_NEEDS_EVENTS, STR_EMPTY);
    if (!read_span(p, &pipe->span_us) || !read_aggregates(p, pipe) || !read_by(p, pipe) ||
        !add_result(p, pipe, STR("@timestamp"), TYPE_DATE, false, at) || !add_group_results(p, pipe, at))
        return false;
    order_groups(p, pipe, true);
    return true;
}

static bool read_fields(struct parser *p, struct pipe *pipe)
{
    size_t at = p->at;
    pipe->kind = PIPE_FIELDS;
    if (!read_columns(p, &pipe->groups))
        return false;
    for (uint32_t i = 0; i < pipe->groups.count; i++) {
        const struct column *c = pipe->groups.items[i];
        if (!add_result(p, pipe, c->name, c->type, c->is_list, at))
            return false;
    }
    return true;
}

/* ---- pipes that keep the columns ---- */

static bool read_sort(struct parser *p, struct pipe *pipe)
{
    struct column_list columns = {0};
    bool falling[64];
    pipe->kind = PIPE_SORT;
    do {
        bool is_falling = take(p, '-');
        if (!is_falling)
            take(p, '+');
        parse_skip_white(p);
        size_t at = p->at;
        const struct column *c = read_column(p);
        if (!c)
            return false;
        if (columns.count == COUNT_OF(falling))
            return parse_problem(p, at, PROBLEM_EXPECTED_PIPE_END, STR_EMPTY);
        falling[columns.count] = is_falling;
        add_column(p, &columns, c);
    } while (take(p, ','));
    pipe->keys = ARENA_ARRAY(&p->q->arena, struct sort_key, columns.count);
    for (; pipe->key_count < columns.count; pipe->key_count++)
        pipe->keys[pipe->key_count] =
            (struct sort_key){columns.items[pipe->key_count], falling[pipe->key_count]};
    return true;
}

static bool read_head(struct parser *p, struct pipe *pipe)
{
    pipe->kind = PIPE_HEAD;
    pipe->limit = HEAD_DEFAULT;
    return read_count(p, &pipe->limit);
}

static bool read_where(struct parser *p, struct pipe *pipe)
{
    pipe->kind = PIPE_WHERE;
    p->is_where = true;
    pipe->where = parse_or(p, NULL);
    p->is_where = false;
    return pipe->where;
}

static const struct {
    const char *lower, *upper;
    bool (*read)(struct parser *p, struct pipe *pipe);
    bool keeps_word; /* the word is the first aggregate itself */
} pipes[] = {
    {"count", "COUNT", read_stats, true},
    {"sum", "SUM", read_stats, true},
    {"avg", "AVG", read_stats, true},
    {"min", "MIN", read_stats, true},
    {"max", "MAX", read_stats, true},
    {"dc", "DC", read_stats, true},
    {"timechart", "TIMECHART", read_timechart, false},
    {"sort", "SORT", read_sort, false},
    {"head", "HEAD", read_head, false},
    {"distinct", "DISTINCT", read_distinct, false},
    {"rare", "RARE", read_rare, false},
    {"top", "TOP", read_top, false},
    {"fields", "FIELDS", read_fields, false},
    {"where", "WHERE", read_where, false},
};

static bool unknown_pipe(struct parser *p)
{
    size_t end = p->at;
    while (end < p->text.n && !ascii_is_space(p->text.p[end]) && p->text.p[end] != '|')
        end++;
    return parse_problem(p, p->at, PROBLEM_UNKNOWN_PIPE, str_slice(p->text, p->at, end));
}

static bool read_pipe(struct parser *p, struct pipe *pipe)
{
    parse_skip_white(p);
    size_t at = p->at;
    for (size_t i = 0; i < COUNT_OF(pipes); i++) {
        if (!parse_keyword(p, pipes[i].lower, pipes[i].upper))
            continue;
        if (pipes[i].keeps_word)
            p->at = at;
        return pipes[i].read(p, pipe);
    }
    return unknown_pipe(p);
}

bool parse_pipes(struct parser *p)
{
    struct pipe **end = &p->q->pipes;
    for (unsigned n = 0; take(p, '|'); n++) {
        if (n == QUERY_PIPE_MAX)
            return parse_problem(p, p->at - 1, PROBLEM_TOO_MANY_PIPES, STR_EMPTY);
        struct pipe *pipe = ARENA_NEW(&p->q->arena, struct pipe);
        if (!read_pipe(p, pipe))
            return false;
        if (pipe->out.count == 0 && p->table)
            pipe->out = *p->table;
        if (pipe->out.count > 0)
            p->table = &pipe->out;
        *end = pipe;
        end = &pipe->next;
        parse_skip_white(p);
        if (p->at < p->text.n && parse_peek(p, 0) != '|')
            return parse_problem(p, p->at, PROBLEM_EXPECTED_PIPE_END, STR_EMPTY);
    }
    return true;
}
