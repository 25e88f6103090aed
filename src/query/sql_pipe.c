/* Stage: query. The whole statement: each pipe wraps what stands before it as a subquery. The engine's
 * optimiser takes the layers away again. Orders are remembered and written where they decide something: at a
 * limit, and at the end. The last file of this stage. */
#include <stdio.h>

#include "query/tree.h"

#define DEFAULT_LIMIT 10000

struct build {
    struct sql_writer w; /* w.text = the relation so far, a complete SELECT */
    const struct query *q;
    const struct query_options *options;
    const struct column_list *table; /* NULL = events */
    const struct sort_key *keys;     /* the order; none = newest first for events */
    uint32_t key_count;
    unsigned layer;
};

#define ADD(b, format, ...) buf_printf(&(b)->w.text, format, __VA_ARGS__)
#define ADD_C(b, text_)     buf_c(&(b)->w.text, text_)

/* Takes the text written so far out, to be put inside the next layer. */
static struct str take_text(struct build *b)
{
    struct str text = arena_str(b->w.arena, buf_str(&b->w.text));
    buf_clear(&b->w.text);
    return text;
}

static void add_from(struct build *b, struct str inner)
{
    ADD(b, " FROM (%.*s) AS layer%u", STR_ARGS(inner), ++b->layer);
}

static struct str quoted(struct build *b, struct str name)
{
    struct buf outer = b->w.text;
    b->w.text = (struct buf){0};
    sql_name(&b->w, name);
    struct str text = arena_str(b->w.arena, buf_str(&b->w.text));
    buf_free(&b->w.text);
    b->w.text = outer;
    return text;
}

/* ---- order ---- */

static bool is_key(const struct build *b, struct str name)
{
    for (uint32_t i = 0; i < b->key_count; i++)
        if (str_eq(b->keys[i].column->name, name))
            return true;
    return false;
}

/* The keys, then all that is left, so that equal rows never change places. */
static void add_order(struct build *b)
{
    const char *comma = " ORDER BY ";
    for (uint32_t i = 0; i < b->key_count; i++, comma = ", ") {
        ADD_C(b, comma);
        sql_name(&b->w, b->keys[i].column->name);
        ADD_C(b, b->keys[i].is_falling ? " DESC NULLS LAST" : " ASC NULLS LAST");
    }
    if (!b->table) {
        ADD(b, "%s\"@timestamp\" DESC, \"hyakuyo.sequence\" DESC", comma);
        return;
    }
    for (uint32_t i = 0; i < b->table->count; i++) {
        if (is_key(b, b->table->items[i]->name))
            continue;
        ADD_C(b, comma);
        sql_name(&b->w, b->table->items[i]->name);
        ADD_C(b, " ASC NULLS LAST");
        comma = ", ";
    }
}

static void use_order_columns(struct build *b)
{
    for (uint32_t i = 0; !b->table && i < b->key_count; i++)
        sql_use_column(&b->w, b->keys[i].column->name);
}

/* ---- events ---- */

static void add_time_limits(struct build *b)
{
    const struct query_options *o = b->options;
    if (o->from_ns != INT64_MIN) {
        ADD_C(b, " AND epoch_us(\"@timestamp\") >= ");
        sql_param_long(&b->w, o->from_ns / 1000 + (o->from_ns % 1000 > 0));
    }
    if (o->to_ns != INT64_MAX) {
        ADD_C(b, " AND epoch_us(\"@timestamp\") < ");
        sql_param_long(&b->w, o->to_ns / 1000 + (o->to_ns % 1000 > 0));
    }
}

static void add_cursor(struct build *b)
{
    const struct query_cursor *c = b->options->before;
    ADD_C(b, " AND (epoch_us(\"@timestamp\") < ");
    sql_param_long(&b->w, c->time_us);
    ADD_C(b, " OR (epoch_us(\"@timestamp\") = ");
    sql_param_long(&b->w, c->time_us);
    ADD_C(b, " AND \"hyakuyo.sequence\" < ");
    sql_param_long(&b->w, (int64_t)c->sequence);
    ADD_C(b, "))");
}

static void add_events(struct build *b)
{
    sql_use_column(&b->w, STR("hyakuyo.sequence"));
    sql_use_column(&b->w, STR("@timestamp"));
    ADD_C(b, "SELECT * FROM events WHERE ");
    sql_node(&b->w, b->q->filter, false);
    add_time_limits(b);
}

/* ---- groups ---- */

/* One more layer for each group that holds several values: an event then counts once for each of them. */
static void unfold_group(struct build *b, const struct column *c)
{
    struct str name = quoted(b, c->name), inner = take_text(b);
    ADD(b, "SELECT * REPLACE (\"hyakuyo.value\" AS %.*s) FROM (SELECT *, unnest(", STR_ARGS(name));
    if (c->is_list)
        ADD(b, "list_distinct(%.*s)", STR_ARGS(name));
    else {
        ADD_C(b, "list_distinct(");
        sql_vendor_list(&b->w, name);
        ADD_C(b, ")");
    }
    ADD_C(b, ") AS \"hyakuyo.value\"");
    add_from(b, inner);
    ADD_C(b, ")");
    struct str replaced = take_text(b);
    ADD(b, "SELECT * EXCLUDE (\"hyakuyo.value\") FROM (%.*s)", STR_ARGS(replaced));
}

static void unfold_groups(struct build *b, const struct pipe *pipe)
{
    for (uint32_t i = 0; i < pipe->groups.count; i++) {
        const struct column *c = pipe->groups.items[i];
        if (!b->table)
            sql_use_column(&b->w, c->name);
        if (c->is_list || c->is_vendor)
            unfold_group(b, c);
    }
}

/* SQL by aggregate; scalar and list columns. @ stands for the column. */
static const struct {
    const char *scalar, *list;
} templates[] = {
    [AGGREGATE_COUNT] = {"count(*)", "count(*)"},
    [AGGREGATE_SUM] = {"sum(@)", "sum(list_sum(@))"},
    [AGGREGATE_AVG] = {"CAST(avg(@) AS DOUBLE)", "CAST(sum(list_sum(@)) AS DOUBLE) / sum(len(@))"},
    [AGGREGATE_MIN] = {"min(@)", "min(list_min(@))"},
    [AGGREGATE_MAX] = {"max(@)", "max(list_max(@))"},
    [AGGREGATE_DISTINCT] = {"count(DISTINCT @)", "coalesce(len(list_distinct(flatten(list(@)))), 0)"},
};

/* What stands for @: the column itself, keywords as numbers where numbers are asked for, vendor texts as
 * lists. */
static struct str aggregate_subject(struct build *b, const struct aggregate *a, bool *is_list)
{
    struct str name = quoted(b, a->column->name);
    bool wants_number = a->kind == AGGREGATE_SUM || a->kind == AGGREGATE_AVG;
    *is_list = a->column->is_list;
    if (!b->table)
        sql_use_column(&b->w, a->column->name);
    if (a->column->type != TYPE_KEYWORD || a->column->is_list || !(wants_number || a->column->is_vendor))
        return name;
    struct buf outer = b->w.text;
    b->w.text = (struct buf){0};
    if (wants_number)
        sql_decimal(&b->w, name);
    else
        sql_vendor_list(&b->w, name);
    *is_list = !wants_number;
    struct str text = arena_str(b->w.arena, buf_str(&b->w.text));
    buf_free(&b->w.text);
    b->w.text = outer;
    return text;
}

static void add_aggregate(struct build *b, const struct aggregate *a)
{
    bool is_list = false, is_whole = a->kind == AGGREGATE_SUM && a->column->type == TYPE_LONG;
    struct str subject = a->column ? aggregate_subject(b, a, &is_list) : STR_EMPTY;
    ADD_C(b, is_whole ? "TRY_CAST(" : "");
    for (const char *c = is_list ? templates[a->kind].list : templates[a->kind].scalar; *c; c++) {
        if (*c == '@')
            ADD(b, "(%.*s)", STR_ARGS(subject));
        else
            buf_char(&b->w.text, *c);
    }
    ADD_C(b, is_whole ? " AS BIGINT) AS " : " AS ");
    sql_name(&b->w, a->name);
}

/* The start of the time step an event falls into, in the reader's zone; weeks begin on Monday (1970-01-05 was
 * one). */
static void add_time_step(struct build *b, int64_t span_us)
{
    int64_t shift = b->q->zone_offset_us - (span_us % 604800000000 == 0 ? 4 * INT64_C(86400000000) : 0);
    char value[96], text[512];
    snprintf(value, sizeof(value), "(epoch_us(\"@timestamp\") + (%lld))", (long long)shift);
    snprintf(text, sizeof(text),
             "make_timestamp(%s - ((%s %% %lld) + %lld) %% %lld - (%lld)) AS \"@timestamp\"", value, value,
             (long long)span_us, (long long)span_us, (long long)span_us, (long long)shift);
    ADD_C(b, text);
}

static void add_group(struct build *b, const struct pipe *pipe)
{
    bool is_chart = pipe->kind == PIPE_TIMECHART;
    unfold_groups(b, pipe);
    struct str inner = take_text(b);
    const char *comma = "SELECT ";
    if (is_chart) {
        ADD_C(b, comma);
        add_time_step(b, pipe->span_us);
        comma = ", ";
    }
    for (uint32_t i = 0; i < pipe->groups.count; i++, comma = ", ") {
        ADD_C(b, comma);
        sql_name(&b->w, pipe->groups.items[i]->name);
    }
    for (const struct aggregate *a = pipe->aggregates; a; a = a->next, comma = ", ") {
        ADD_C(b, comma);
        add_aggregate(b, a);
    }
    add_from(b, inner);
    for (uint32_t i = 0; i < pipe->groups.count; i++) {
        ADD_C(b, i ? " AND " : " WHERE ");
        sql_name(&b->w, pipe->groups.items[i]->name);
        ADD_C(b, " IS NOT NULL");
    }
    for (uint32_t i = 0; i < pipe->groups.count + is_chart; i++)
        ADD(b, "%s%u", i ? ", " : " GROUP BY ", i + 1);
    b->table = &pipe->out;
    b->keys = pipe->keys;
    b->key_count = pipe->key_count;
}

/* ---- the other pipes ---- */

static void add_limit(struct build *b, uint64_t limit)
{
    struct str inner = take_text(b);
    use_order_columns(b);
    ADD_C(b, "SELECT *");
    add_from(b, inner);
    add_order(b);
    ADD(b, " LIMIT %llu", (unsigned long long)limit);
}

static void add_where(struct build *b, const struct node *where)
{
    struct str inner = take_text(b);
    ADD_C(b, "SELECT *");
    add_from(b, inner);
    ADD_C(b, " WHERE ");
    sql_node(&b->w, where, false);
}

/* The order may hang on columns that are not shown: rows are put in order and numbered before those go. */
static void add_fields(struct build *b, const struct pipe *pipe)
{
    struct str inner = take_text(b);
    use_order_columns(b);
    ADD_C(b, "SELECT ");
    for (uint32_t i = 0; i < pipe->groups.count; i++) {
        if (!b->table)
            sql_use_column(&b->w, pipe->groups.items[i]->name);
        ADD_C(b, i ? ", " : "");
        sql_name(&b->w, pipe->groups.items[i]->name);
    }
    ADD_C(b, ", row_number() OVER (");
    add_order(b);
    ADD_C(b, ") AS \"hyakuyo.row\"");
    add_from(b, inner);
    static const struct column row = {.name = {"hyakuyo.row", 11}, .type = TYPE_LONG};
    static const struct sort_key by_row = {&row, false};
    b->table = &pipe->out;
    b->keys = &by_row;
    b->key_count = 1;
}

static void add_pipe(struct build *b, const struct pipe *pipe)
{
    switch (pipe->kind) {
    case PIPE_GROUP:
    case PIPE_TIMECHART:
        add_group(b, pipe);
        if (pipe->limit)
            add_limit(b, pipe->limit);
        return;
    case PIPE_SORT:
        b->keys = pipe->keys;
        b->key_count = pipe->key_count;
        return;
    case PIPE_HEAD:
        add_limit(b, pipe->limit);
        return;
    case PIPE_FIELDS:
        add_fields(b, pipe);
        return;
    case PIPE_WHERE:
        add_where(b, pipe->where);
        return;
    }
    BUG("no such kind of pipe");
}

/* ---- the statement ---- */

static void add_result(struct build *b, struct query_plan *plan, struct str name, enum value_type type,
                       bool is_list)
{
    if (!plan->result)
        plan->result =
            ARENA_ARRAY(b->w.arena, struct query_result_column, (b->table ? b->table->count : 0) + 2);
    plan->result[plan->result_count++] = (struct query_result_column){name, type, is_list};
}

static void finish_documents(struct build *b, struct query_plan *plan, uint32_t limit)
{
    struct str inner = take_text(b);
    plan->is_documents = true;
    plan->is_pageable = b->q->pipes == NULL;
    use_order_columns(b);
    ADD_C(b, "SELECT \"hyakuyo.sequence\", \"@timestamp\"");
    add_from(b, inner);
    add_order(b);
    ADD(b, " LIMIT %u", limit);
    add_result(b, plan, STR("hyakuyo.sequence"), TYPE_LONG, false);
    add_result(b, plan, STR("@timestamp"), TYPE_DATE, false);
}

static void finish_table(struct build *b, struct query_plan *plan, uint32_t limit)
{
    struct str inner = take_text(b);
    for (uint32_t i = 0; i < b->table->count; i++) {
        const struct column *c = b->table->items[i];
        ADD_C(b, i ? ", " : "SELECT ");
        sql_name(&b->w, c->name);
        add_result(b, plan, c->name, c->type, c->is_list);
    }
    add_from(b, inner);
    add_order(b);
    ADD(b, " LIMIT %u", limit);
}

static void finish_histogram(struct build *b, struct query_plan *plan, uint32_t limit)
{
    struct str inner = take_text(b);
    int64_t step_us = b->options->step_ns / 1000;
    BUG_IF(step_us < 1000 || b->options->from_ns == INT64_MIN);
    ADD_C(b, "SELECT (epoch_us(\"@timestamp\") - ");
    sql_param_long(&b->w, b->options->from_ns / 1000);
    ADD(b, ") // %lld AS step, count(*) AS \"count\"", (long long)step_us);
    add_from(b, inner);
    ADD(b, " GROUP BY 1 ORDER BY 1 LIMIT %u", limit);
    add_result(b, plan, STR("step"), TYPE_LONG, false);
    add_result(b, plan, STR("count"), TYPE_LONG, false);
}

static void finish_count(struct build *b, struct query_plan *plan)
{
    struct str inner = take_text(b);
    ADD_C(b, "SELECT count(*) AS \"count\"");
    add_from(b, inner);
    add_result(b, plan, STR("count"), TYPE_LONG, false);
}

static void finish(struct build *b, struct query_plan *plan)
{
    uint32_t limit = b->options->limit ? b->options->limit : DEFAULT_LIMIT;
    if (b->options->purpose == QUERY_HISTOGRAM)
        finish_histogram(b, plan, limit);
    else if (b->options->purpose == QUERY_COUNT)
        finish_count(b, plan);
    else if (b->table)
        finish_table(b, plan, limit);
    else
        finish_documents(b, plan, limit);
}

/* ---- what lets the catalogue leave parts out ---- */

static int64_t us_to_ns(int64_t us, int64_t least, int64_t most)
{
    int64_t ns;
    return __builtin_mul_overflow(us, INT64_C(1000), &ns) ? (us < 0 ? least : most) : ns;
}

static bool is_ascii(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if ((unsigned char)s.p[i] >= 128)
            return false;
    return true;
}

static void note_term(const struct term *t, struct buf *needles, struct query_plan *plan)
{
    if (t->column->field == FIELD_TIMESTAMP && t->kind == TERM_LONG_RANGE) {
        int64_t from = us_to_ns(t->low, INT64_MIN, INT64_MAX);
        int64_t to = t->high == INT64_MAX ? INT64_MAX : us_to_ns(t->high + 1, INT64_MIN, INT64_MAX);
        plan->from_ns = from > plan->from_ns ? from : plan->from_ns;
        plan->to_ns = to < plan->to_ns ? to : plan->to_ns;
    }
    bool is_text = t->kind == TERM_TEXT_EQUAL;
    if ((!is_text && t->kind != TERM_IP_EQUAL) || t->column->field == FIELD_NONE ||
        field_get(t->column->field)->index != INDEX_BLOOM)
        return;
    /* Beyond ASCII, indexes and this language may differ in what they fold: no needle then, only a slower
     * search. */
    struct query_needle needle = {t->column->name, t->text, is_text};
    if (is_ascii(t->text) && !(t->column->is_vendor && is_text))
        buf_bytes(needles, &needle, sizeof(needle));
}

static void note_node(const struct node *n, struct buf *needles, struct query_plan *plan)
{
    if (n->kind == NODE_TERM)
        note_term(n->term, needles, plan);
    for (const struct node *c = n->kind == NODE_AND ? n->child : NULL; c; c = c->next)
        note_node(c, needles, plan);
}

static void *move_array(struct arena *arena, struct buf *items, size_t each, uint32_t *count)
{
    *count = (uint32_t)(items->n / each);
    void *copy = arena_zero(arena, items->n + 1);
    if (items->n)
        memcpy(copy, items->p, items->n);
    buf_free(items);
    return copy;
}

void query_compile(const struct query *q, const struct query_options *options, struct arena *arena,
                   struct query_plan *plan)
{
    struct build b = {.w.arena = arena, .q = q, .options = options};
    struct buf needles = {0};
    *plan = (struct query_plan){.from_ns = options->from_ns, .to_ns = options->to_ns};
    add_events(&b);
    if (options->before && options->purpose == QUERY_ROWS && !q->pipes)
        add_cursor(&b);
    for (const struct pipe *pipe = options->purpose == QUERY_ROWS ? q->pipes : NULL; pipe; pipe = pipe->next)
        add_pipe(&b, pipe);
    finish(&b, plan);
    note_node(q->filter, &needles, plan);
    plan->sql = take_text(&b);
    buf_free(&b.w.text);
    plan->params = move_array(arena, &b.w.params, sizeof(struct query_param), &plan->param_count);
    plan->columns = move_array(arena, &b.w.columns, sizeof(struct str), &plan->column_count);
    plan->needles = move_array(arena, &needles, sizeof(struct query_needle), &plan->needle_count);
}

/* ---- cursors as text ---- */

size_t query_cursor_format(const struct query_cursor *c, char out[QUERY_CURSOR_TEXT_MAX])
{
    return (size_t)snprintf(out, QUERY_CURSOR_TEXT_MAX, "%lld_%llu", (long long)c->time_us,
                            (unsigned long long)c->sequence);
}

bool query_cursor_parse(struct str text, struct query_cursor *out)
{
    size_t middle = str_find_char(text, '_', 0);
    return middle != STR_NOT_FOUND && str_to_i64(str_slice(text, 0, middle), &out->time_us) &&
           str_to_u64(str_skip(text, middle + 1), 10, &out->sequence);
}
