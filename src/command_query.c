/* hyakuyo query: searches with the filter language. Asks the server that runs on the data folder, or
 * --server; without one it reads the sealed parts itself. */
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/memory.h"
#include "client.h"
#include "commands.h"
#include "rows.h"
#include "search.h"

/* Rows asked for at once: an answer is a tree in memory here. */
#define PAGE_ROWS 1000

struct range {
    int64_t from_ns, to_ns;
};

static bool read_time(const char *text, int64_t fallback, int64_t *out, struct error *err)
{
    *out = fallback;
    if (text == NULL || time_parse_expression(str_c(text), clock_wall_ns(), zone_find(STR("local")), out))
        return true;
    return error_set(err,
                     tr("'%s' is not a time; write 2025-11-10T09:00, now-7d or today",
                        "'%s' は時刻ではありません。2025-11-10T09:00、now-7d、today のように書いてください"),
                     text);
}

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

/* The value of "rows" as text, and the cursor of the next page. */
static bool split_page(struct str body, struct arena *arena, struct str *rows, const char **next,
                       struct error *err)
{
    const struct json_node *top = json_parse(body, arena, err);
    size_t at = str_find(body, STR("\"rows\":["), 0);
    if (top == NULL || at == STR_NOT_FOUND)
        return error_set(err, "%s",
                         tr("the server's answer is not a page of rows",
                            "サーバーの応答が検索結果の形ではありません"));
    struct str rest = str_skip(body, at + 7);
    *rows = str_slice(rest, 0, json_value_length(rest));
    struct str cursor = json_text(top, "next");
    *next = cursor.n ? arena_str(arena, cursor).p : NULL;
    return true;
}

static int query_server(const struct client *client, const struct arguments *a, const struct range *range)
{
    struct error err;
    uint64_t left = (uint64_t)argument_number(a, "limit");
    const char *before = NULL;
    int status = EXIT_DONE;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    do {
        struct buf body = {0};
        struct str rows;
        const char *next = NULL;
        uint64_t limit = left < PAGE_ROWS ? left : PAGE_ROWS;
        if (!get_page(client, a, range, limit, before, &body, &err) ||
            !split_page(buf_str(&body), &arena, &rows, &next, &err) || !rows_print(a, rows, NULL, &err))
            status = command_fail(a, EXIT_USAGE, &err);
        buf_free(&body);
        before = next;
        left -= limit;
    } while (status == EXIT_DONE && before != NULL && left > 0);
    arena_free(&arena);
    return status;
}

static int print_page(const struct arguments *a, struct search_page *page)
{
    struct error err;
    struct buf rows = {0};
    for (uint32_t i = 0; i < page->warning_count; i++)
        fprintf(stderr, "hyakuyo query: %.*s\n", STR_ARGS(page->warnings[i]));
    buf_char(&rows, '[');
    buf_add(&rows, buf_str(&page->rows));
    buf_char(&rows, ']');
    bool ok = rows_print(a, buf_str(&rows), NULL, &err);
    buf_free(&rows);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}

static int query_folder(const struct arguments *a, const struct range *range)
{
    struct error err;
    struct store *store = store_open_readonly(argument_text(a, "data"), &err);
    if (store == NULL)
        return command_fail(a, EXIT_USAGE, &err);
    struct search search = {.expression = str_c(a->words[0]),
                            .from_ns = range->from_ns,
                            .to_ns = range->to_ns,
                            .now_ns = clock_wall_ns(),
                            .zone = zone_find(STR("local")),
                            .before = STR_EMPTY};
    uint64_t left = (uint64_t)argument_number(a, "limit");
    int status = EXIT_DONE;
    struct arena arena;
    arena_init(&arena, 1 << 20);
    do {
        struct search_page page;
        struct query_error syntax;
        search.limit = (uint32_t)(left < PAGE_ROWS ? left : PAGE_ROWS);
        enum search_end end = search_run(store, &search, &arena, &page, &syntax, &err);
        if (end == SEARCH_BAD_EXPRESSION)
            error_set(&err, tr("at character %zu: %s", "%zu 文字目: %s"), syntax.position,
                      tr(syntax.en, syntax.ja));
        status = end == SEARCH_DONE ? print_page(a, &page) : command_fail(a, EXIT_USAGE, &err);
        left -= page.row_count < left ? page.row_count : left;
        search.before = page.next;
        buf_free(&page.rows);
    } while (status == EXIT_DONE && search.before.n && left > 0);
    arena_free(&arena);
    store_close(store);
    return status;
}

static bool put_sql_row(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct buf *rows = context;
    buf_c(rows, rows->n > 1 ? ",{" : "{");
    for (uint32_t i = 0; i < result->column_count; i++) {
        if (i)
            buf_char(rows, ',');
        json_string(rows, result->columns[i].name);
        buf_char(rows, ':');
        store_cell_json(&result->columns[i], &cells[i], rows);
    }
    buf_char(rows, '}');
    return true;
}

/* SQL over the relation `events`, on the sealed parts. */
static int query_sql(const struct arguments *a)
{
    struct error err;
    struct buf rows = {0};
    struct store *store = store_open_readonly(argument_text(a, "data"), &err);
    if (store == NULL)
        return command_fail(a, EXIT_USAGE, &err);
    struct store_query query = {.sql = str_c(a->words[0]),
                                .filter = PART_FILTER_ALL,
                                .limits = {.max_rows = (uint64_t)argument_number(a, "limit")}};
    buf_char(&rows, '[');
    enum store_end end = store_query(store, &query, put_sql_row, &rows, NULL, &err);
    buf_char(&rows, ']');
    bool ok = (end == STORE_DONE || end == STORE_MORE_ROWS) && rows_print(a, buf_str(&rows), NULL, &err);
    buf_free(&rows);
    store_close(store);
    return ok ? EXIT_DONE : command_fail(a, EXIT_USAGE, &err);
}

static int run(const struct arguments *a)
{
    struct error err;
    struct client client = {.pid = 0};
    struct range range;
    const char *server = argument_text(a, "server"), *token = argument_text(a, "token");
    if (token == NULL)
        token = getenv("HYAKUYO_TOKEN");
    if (!read_time(argument_text(a, "from"), INT64_MIN, &range.from_ns, &err) ||
        !read_time(argument_text(a, "to"), INT64_MAX, &range.to_ns, &err))
        return command_fail(a, EXIT_USAGE, &err);
    if (argument_flag(a, "sql"))
        return query_sql(a);
    if (server != NULL) {
        snprintf(client.url, sizeof client.url, "%s", server);
        snprintf(client.token, sizeof client.token, "%s", token ? token : "");
        return query_server(&client, a, &range);
    }
    if (client_find(argument_text(a, "data"), &client))
        return query_server(&client, a, &range);
    return query_folder(a, &range);
}

static const struct option options[] = {
    {.name = "server",
     .type = OPTION_TEXT,
     .values = "URL",
     .help_en = "ask this server",
     .help_ja = "問い合わせるサーバー"},
    {.name = "token",
     .type = OPTION_TEXT,
     .values = "TEXT",
     .help_en = "API token for --server (or HYAKUYO_TOKEN)",
     .help_ja = "--server 用の API トークン(または HYAKUYO_TOKEN)"},
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
