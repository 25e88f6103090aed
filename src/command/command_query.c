/* hyakuyo query: searches with the filter language. Asks the server that runs on the data folder, or
 * --server; without one it reads the sealed parts itself. */
#include <stdio.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "search/search.h"

/* Rows asked for at once: an answer is a tree in memory here. */
#define PAGE_ROWS 1000

struct range {
    int64_t from_ns, to_ns;
};

static bool get_page(const struct client *client, const struct arguments *a, const struct range *range,
                     uint64_t limit, const char *before, struct buf *body, struct error *err)
{
    char time[TIME_TEXT_MAX];
    struct buf path = {0};
    buf_c(&path, "/api/v1/search?q=");
    client_escape(&path, a->words[0]);
    buf_printf(&path, "&limit=%llu", (unsigned long long)limit);
    if (range->from_ns != INT64_MIN)
        buf_printf(&path, "&from=%.*s", (int)time_format_iso(range->from_ns, time), time);
    if (range->to_ns != INT64_MAX)
        buf_printf(&path, "&to=%.*s", (int)time_format_iso(range->to_ns, time), time);
    if (before != NULL) {
        buf_c(&path, "&before=");
        client_escape(&path, before);
    }
    bool ok = client_get(client, buf_cstr(&path), body, err);
    buf_free(&path);
    return ok;
}

static bool print_next_page(const struct client *client, const struct range *range, struct rows_printer *p,
                            uint64_t limit, struct buf *before, struct error *err)
{
    struct buf body = {0};
    struct arena arena;
    struct str rows;
    arena_init(&arena, 1 << 20);
    bool ok = get_page(client, p->arguments, range, limit, before->n ? buf_cstr(before) : NULL, &body, err);
    const struct json_node *top = ok ? client_rows(buf_str(&body), &arena, &rows, err) : NULL;
    buf_clear(before);
    if (top != NULL)
        buf_add(before, json_text(top, "next"));
    ok = top != NULL && rows_page(p, rows, err);
    arena_free(&arena);
    buf_free(&body);
    return ok;
}

static bool query_server(const struct client *client, const struct range *range, struct rows_printer *p,
                         struct error *err)
{
    uint64_t left = (uint64_t)argument_number(p->arguments, "limit");
    struct buf before = {0};
    bool ok;
    do {
        uint64_t limit = left < PAGE_ROWS ? left : PAGE_ROWS;
        ok = print_next_page(client, range, p, limit, &before, err);
        left -= limit;
    } while (ok && before.n > 0 && left > 0);
    buf_free(&before);
    return ok;
}

static bool print_page(struct rows_printer *p, const struct search_page *page, struct error *err)
{
    struct buf rows = {0};
    for (uint32_t i = 0; i < page->warning_count && !p->has_begun; i++)
        fprintf(stderr, "hyakuyo query: %.*s\n", STR_ARGS(page->warnings[i]));
    buf_char(&rows, '[');
    buf_add(&rows, buf_str(&page->rows));
    buf_char(&rows, ']');
    bool ok = rows_page(p, buf_str(&rows), err);
    buf_free(&rows);
    return ok;
}

/* Rows it took from `left`; the cursor of the next page in `before`, empty at the end. */
static bool search_next_page(struct store *store, struct search *search, struct rows_printer *p,
                             struct buf *before, uint64_t *left, struct error *err)
{
    struct arena arena;
    struct search_page page;
    struct query_error syntax;
    arena_init(&arena, 1 << 20);
    search->limit = (uint32_t)(*left < PAGE_ROWS ? *left : PAGE_ROWS);
    search->before = buf_str(before);
    enum search_end end = search_run(store, search, &arena, &page, &syntax, err);
    if (end == SEARCH_BAD_EXPRESSION)
        error_set(err, tr("at character %zu: %s", "%zu 文字目: %s"), syntax.position,
                  tr(syntax.en, syntax.ja));
    bool ok = end == SEARCH_DONE && print_page(p, &page, err);
    *left -= page.row_count < *left ? page.row_count : *left;
    buf_clear(before);
    buf_add(before, page.next);
    buf_free(&page.rows);
    arena_free(&arena);
    return ok;
}

static bool query_folder(const struct range *range, struct rows_printer *p, struct error *err)
{
    struct store *store = store_open_readonly(argument_text(p->arguments, "data"), err);
    if (store == NULL)
        return false;
    struct search search = {.expression = str_c(p->arguments->words[0]),
                            .from_ns = range->from_ns,
                            .to_ns = range->to_ns,
                            .now_ns = clock_wall_ns(),
                            .zone = zone_find(STR("local"))};
    uint64_t left = (uint64_t)argument_number(p->arguments, "limit");
    struct buf before = {0};
    bool ok;
    do
        ok = search_next_page(store, &search, p, &before, &left, err);
    while (ok && before.n > 0 && left > 0);
    buf_free(&before);
    store_close(store);
    return ok;
}

/* Rows on their way to the screen, printed in pieces, so that any number of them may come. */
struct sql_rows {
    struct rows_printer *printer;
    struct buf text;
    uint32_t count;
    bool ok;
    struct error *err;
};

static void print_sql_rows(struct sql_rows *r)
{
    buf_c(&r->text, r->count ? "]" : "[]");
    r->ok = r->ok && rows_page(r->printer, buf_str(&r->text), r->err);
    buf_clear(&r->text);
    r->count = 0;
}

static bool put_sql_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct sql_rows *r = context;
    buf_c(&r->text, r->count++ ? ",{" : "[{");
    for (uint32_t i = 0; i < result->column_count; i++) {
        if (i)
            buf_char(&r->text, ',');
        json_string(&r->text, result->columns[i].name);
        buf_char(&r->text, ':');
        store_cell_json(&result->columns[i], &cells[i], &r->text);
    }
    buf_char(&r->text, '}');
    if (r->count == PAGE_ROWS)
        print_sql_rows(r);
    return r->ok;
}

/* SQL over the relation `events`, on the sealed parts. */
static bool query_sql(struct rows_printer *p, struct error *err)
{
    struct sql_rows rows = {.printer = p, .ok = true, .err = err};
    struct store *store = store_open_readonly(argument_text(p->arguments, "data"), err);
    if (store == NULL)
        return false;
    struct store_query query = {.sql = str_c(p->arguments->words[0]),
                                .filter = PART_FILTER_ALL,
                                .limits = {.max_rows = (uint64_t)argument_number(p->arguments, "limit")}};
    enum store_end end = store_query(store, &query, put_sql_row, &rows, NULL, err);
    bool ok = (end == STORE_DONE || end == STORE_MORE_ROWS) && rows.ok;
    if (ok && rows.count) {
        print_sql_rows(&rows);
        ok = rows.ok;
    }
    buf_free(&rows.text);
    store_close(store);
    return ok;
}

static bool query(const struct arguments *a, struct rows_printer *p, struct error *err)
{
    struct client client;
    struct range range;
    if (!argument_time(a, "from", INT64_MIN, &range.from_ns, err) ||
        !argument_time(a, "to", INT64_MAX, &range.to_ns, err))
        return false;
    if (argument_flag(a, "sql"))
        return query_sql(p, err);
    if (client_choose(a, &client, err))
        return query_server(&client, &range, p, err);
    return err->text[0] == 0 && query_folder(&range, p, err);
}

static int run(const struct arguments *a)
{
    struct error err;
    struct rows_printer printer;
    rows_begin(&printer, a, NULL);
    bool ok = query(a, &printer, &err);
    rows_end(&printer);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}

static const struct option options[] = {
    CLIENT_OPTIONS,
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder; its server is asked when one runs",
     .help_ja = "データフォルダー(サーバーが動いていればそこに問い合わせます)"},
    {.name = "from",
     .type = OPTION_TEXT,
     .values = "TIME",
     .help_en = "only events since",
     .help_ja = "この時刻以降"},
    {.name = "to",
     .type = OPTION_TEXT,
     .values = "TIME",
     .help_en = "only events before",
     .help_ja = "この時刻より前"},
    {.name = "limit",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "1000",
     .low = 1,
     .high = 1000000000,
     .help_en = "most rows",
     .help_ja = "最大行数"},
    {.name = "sql",
     .type = OPTION_FLAG,
     .help_en = "EXPRESSION is one SELECT over the relation events (sealed parts)",
     .help_ja = "EXPRESSION を SQL(確定済みファイルの events に対する SELECT)とみなす"},
    ROWS_FORMAT_OPTION,
};

const struct command command_query = {
    .name = "query",
    .run = run,
    .summary_en = "search events with the filter language",
    .summary_ja = "フィルター言語でイベントを検索する",
    .words = "EXPRESSION",
    .word_min = 1,
    .word_max = 1,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo query 'source.ip:10.20.0.0/16 and destination.port:25'\n"
                "  hyakuyo query --from now-1d '* | count by destination.port | head 10'\n",
};
