/* Runs a query of the filter language on the event plane. */
#include "search/search.h"

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

#define TIMEOUT_MS 60000

static struct query *parse(const struct search *s, struct query_error *syntax)
{
    struct query_context context = {.now_ns = s->now_ns, .zone = s->zone};
    struct query *q = query_parse(s->expression, &context, syntax);
    if (q != NULL) {
        query_hide(q, field_name(FIELD_HYAKUYO_CANARY));
        query_hide(q, field_name(FIELD_HYAKUYO_EXERCISE));
    }
    return q;
}

static enum value_type param_type(const struct query_param *p)
{
    switch (p->kind) {
    case QUERY_PARAM_TEXT:
        return TYPE_KEYWORD;
    case QUERY_PARAM_LONG:
        return TYPE_LONG;
    case QUERY_PARAM_DOUBLE:
        return TYPE_DOUBLE;
    }
    BUG("a parameter of no kind");
}

/* The store speaks of events, the query stage of SQL: this is where they meet. */
static struct store_query to_store(const struct query_plan *plan, const struct search *s, struct arena *arena)
{
    struct store_param *params = ARENA_ARRAY(arena, struct store_param, plan->param_count + 1);
    struct store_needle *needles = ARENA_ARRAY(arena, struct store_needle, plan->needle_count + 1);
    for (uint32_t i = 0; i < plan->param_count; i++) {
        const struct query_param *p = &plan->params[i];
        params[i] = (struct store_param){.type = param_type(p),
                                         .text = p->text,
                                         .number = p->number,
                                         .real = p->real};
    }
    for (uint32_t i = 0; i < plan->needle_count; i++)
        needles[i] = (struct store_needle){plan->needles[i].field, plan->needles[i].text};
    struct part_filter filter = PART_FILTER_ALL;
    if (plan->from_ns != INT64_MIN)
        filter.from_ns = plan->from_ns;
    if (plan->to_ns != INT64_MAX)
        filter.to_ns = plan->to_ns;
    filter.needles = needles;
    filter.needle_count = plan->needle_count;
    return (struct store_query){.sql = plan->sql,
                                .params = params,
                                .param_count = plan->param_count,
                                .filter = filter,
                                .columns = plan->columns,
                                .column_count = plan->column_count,
                                .limits = {.timeout_ms = s->timeout_ms ? s->timeout_ms : TIMEOUT_MS}};
}

static enum search_end finish(enum store_end end, struct error *err)
{
    if (end == STORE_DONE || end == STORE_MORE_ROWS)
        return SEARCH_DONE;
    if (end == STORE_TIMEOUT)
        error_set(err, "%s",
                  tr("the query took too long; narrow the time range",
                     "検索に時間がかかりすぎました。期間を狭めてください"));
    return SEARCH_FAILED;
}

/* -------------------------------------------------------------- documents */

struct found {
    uint64_t *sequences;
    struct buf *texts; /* one for each sequence */
    uint32_t count, capacity;
    int64_t last_time_ns;
};

static bool note_document(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct found *found = context;
    (void)result;
    if (found->count == found->capacity)
        return false;
    found->sequences[found->count++] = (uint64_t)cells[0].number;
    found->last_time_ns = cells[1].is_null ? 0 : cells[1].number;
    return true;
}

void search_document(const struct event *e, struct buf *out)
{
    size_t start = out->n;
    buf_printf(out, "{\"_id\":\"%llu\",", (unsigned long long)e->sequence);
    size_t body = out->n;
    event_json(e, out);
    /* event_json began with '{': the member takes its place */
    memmove(out->p + body, out->p + body + 1, out->n - body - 1);
    out->n--;
    BUG_IF(out->n <= start);
}

static bool put_document(void *context, size_t index, const struct event *event)
{
    struct found *found = context;
    search_document(event, &found->texts[index]);
    return true;
}

static void join_documents(struct found *found, struct search_page *page)
{
    for (uint32_t i = 0; i < found->count; i++) {
        if (found->texts[i].n == 0)
            continue; /* dropped by retention since it was found */
        if (page->row_count++)
            buf_char(&page->rows, ',');
        buf_add(&page->rows, buf_str(&found->texts[i]));
    }
}

static void set_cursor(const struct found *found, uint32_t limit, struct arena *arena,
                       struct search_page *page)
{
    char text[QUERY_CURSOR_TEXT_MAX];
    page->next = STR_EMPTY;
    if (found->count < limit || found->count == 0)
        return;
    struct query_cursor cursor = {found->last_time_ns / 1000, found->sequences[found->count - 1]};
    page->next = arena_str(arena, str_n(text, query_cursor_format(&cursor, text)));
}

static enum search_end run_documents(struct store *store, const struct query_plan *plan,
                                     const struct search *s, struct arena *arena, struct search_page *page,
                                     struct error *err)
{
    struct store_query query = to_store(plan, s, arena);
    struct found found = {.capacity = s->limit};
    found.sequences = ARENA_ARRAY(arena, uint64_t, s->limit + 1);
    found.texts = ARENA_ARRAY(arena, struct buf, s->limit + 1);
    enum search_end end = finish(store_query(store, &query, note_document, &found, &page->numbers, err), err);
    if (end == SEARCH_DONE && !store_fetch(store, found.sequences, found.count, put_document, &found, err))
        end = SEARCH_FAILED;
    if (end == SEARCH_DONE) {
        join_documents(&found, page);
        if (plan->is_pageable)
            set_cursor(&found, s->limit, arena, page);
    }
    for (uint32_t i = 0; i < found.count; i++)
        buf_free(&found.texts[i]);
    return end;
}

/* ------------------------------------------------------------------ tables */

static bool put_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct search_page *page = context;
    if (page->row_count++)
        buf_char(&page->rows, ',');
    buf_char(&page->rows, '{');
    for (uint32_t i = 0; i < result->column_count; i++) {
        if (i)
            buf_char(&page->rows, ',');
        json_string(&page->rows, page->columns[i]);
        buf_char(&page->rows, ':');
        store_cell_json(&result->columns[i], &cells[i], &page->rows);
    }
    buf_char(&page->rows, '}');
    return true;
}

static enum search_end run_table(struct store *store, const struct query_plan *plan, const struct search *s,
                                 struct arena *arena, struct search_page *page, struct error *err)
{
    struct store_query query = to_store(plan, s, arena);
    page->columns = ARENA_ARRAY(arena, struct str, plan->result_count + 1);
    page->column_count = plan->result_count;
    for (uint32_t i = 0; i < plan->result_count; i++)
        page->columns[i] = arena_str(arena, plan->result[i].name);
    return finish(store_query(store, &query, put_row, page, &page->numbers, err), err);
}

static void list_warnings(const struct query *q, struct arena *arena, struct search_page *page)
{
    size_t count;
    const struct query_warning *warnings = query_warnings(q, &count);
    page->warnings = ARENA_ARRAY(arena, struct str, count + 1);
    for (size_t i = 0; i < count; i++) {
        const struct query_warning *w = &warnings[i];
        struct str nearest = w->nearest_count ? w->nearest[0] : STR("?");
        page->warnings[page->warning_count++] =
            arena_printf(arena,
                         tr("no event has a field '%.*s'; did you mean '%.*s'?",
                            "'%.*s' という項目はありません。'%.*s' ではありませんか"),
                         STR_ARGS(w->name), STR_ARGS(nearest));
    }
}

enum search_end search_run(struct store *store, const struct search *s, struct arena *arena,
                           struct search_page *page, struct query_error *syntax, struct error *err)
{
    struct query_cursor cursor;
    struct query_plan plan;
    *page = (struct search_page){.next = STR_EMPTY};
    struct query *q = parse(s, syntax);
    if (q == NULL)
        return SEARCH_BAD_EXPRESSION;
    bool has_cursor = s->before.n && query_cursor_parse(s->before, &cursor);
    struct query_options options = {.purpose = QUERY_ROWS,
                                    .from_ns = s->from_ns,
                                    .to_ns = s->to_ns,
                                    .limit = s->limit,
                                    .before = has_cursor ? &cursor : NULL};
    query_compile(q, &options, arena, &plan);
    page->is_documents = plan.is_documents;
    list_warnings(q, arena, page);
    enum search_end end = plan.is_documents ? run_documents(store, &plan, s, arena, page, err)
                                            : run_table(store, &plan, s, arena, page, err);
    query_free(q);
    return end;
}

/* --------------------------------------------------------------- histogram */

struct steps {
    uint64_t *counts;
    uint32_t count;
};

static bool put_step(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct steps *steps = context;
    (void)result;
    int64_t index = cells[0].number;
    if (index >= 0 && index < (int64_t)steps->count)
        steps->counts[index] += (uint64_t)cells[1].number;
    return true;
}

enum search_end search_histogram(struct store *store, const struct search *s, int64_t step_ns,
                                 uint64_t *counts, uint32_t count, struct query_error *syntax,
                                 struct error *err)
{
    struct arena arena;
    struct query_plan plan;
    struct query *q = parse(s, syntax);
    if (q == NULL)
        return SEARCH_BAD_EXPRESSION;
    arena_init(&arena, 16 << 10);
    struct query_options options = {.purpose = QUERY_HISTOGRAM,
                                    .from_ns = s->from_ns,
                                    .to_ns = s->to_ns,
                                    .step_ns = step_ns};
    query_compile(q, &options, &arena, &plan);
    struct store_query query = to_store(&plan, s, &arena);
    struct steps steps = {counts, count};
    enum search_end end = finish(store_query(store, &query, put_step, &steps, NULL, err), err);
    arena_free(&arena);
    query_free(q);
    return end;
}
