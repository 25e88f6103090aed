/* hyakuyo connect: which connectors a running server has, and a probe of one of them, to its answer. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/rows.h"

#define POLL_NS (200 * NS_PER_MS)

struct probe {
    const struct arguments *arguments;
    struct client client;
    struct arena arena;
    struct buf body;
    struct str id; /* of the order */
};

static bool get_connectors(struct probe *p, struct str *rows, const struct json_node **top, struct error *err)
{
    buf_clear(&p->body);
    if (!client_get(&p->client, "/api/v1/connectors", &p->body, err))
        return false;
    *top = client_rows(buf_str(&p->body), &p->arena, rows, err);
    return *top != NULL;
}

/* The order as it stands, when it is the last of its connector. */
static const struct json_node *find_order(const struct json_node *top, struct str name, struct str id)
{
    const struct json_node *list = json_member(top, "rows");
    for (const struct json_node *row = list ? list->child : NULL; row != NULL; row = row->next) {
        const struct json_node *last = json_member(row, "last");
        if (str_eq(json_text(row, "name"), name) && last != NULL && str_eq(json_text(last, "id"), id))
            return last;
    }
    return NULL;
}

static bool ask(struct probe *p, const char *name, struct error *err)
{
    struct buf path = {0};
    buf_c(&path, "/api/v1/connectors/");
    client_escape(&path, name);
    buf_c(&path, "/test");
    bool ok = client_post(&p->client, buf_cstr(&path), "application/json", STR("{}"), &p->body, err);
    const struct json_node *order = ok ? json_parse(buf_str(&p->body), &p->arena, err) : NULL;
    if (order != NULL)
        p->id = arena_str(&p->arena, json_text(order, "id"));
    buf_free(&path);
    return order != NULL;
}

/* It is tried again as every order is; --wait says for how long that is watched. */
static bool wait_for_answer(struct probe *p, struct str name, struct str *status, struct error *err)
{
    int64_t end_ns = clock_monotonic_ns() + argument_number(p->arguments, "wait") * NS_PER_SECOND;
    *status = STR("waiting");
    for (;;) {
        struct str rows;
        const struct json_node *top;
        struct timespec pause = {0, POLL_NS};
        if (!get_connectors(p, &rows, &top, err))
            return false;
        const struct json_node *order = find_order(top, name, p->id);
        if (order != NULL)
            *status = arena_str(&p->arena, json_text(order, "status"));
        bool is_over = order != NULL && !str_eq(*status, STR("waiting"));
        if (order != NULL && (is_over || clock_monotonic_ns() >= end_ns)) {
            printf("%.*s\n", STR_ARGS(*status));
            struct str answer = json_text(order, "answer"), failure = json_text(order, "failure");
            if (failure.n)
                fprintf(stderr, "%.*s\n", STR_ARGS(failure));
            else if (answer.n)
                printf("%.*s\n", STR_ARGS(answer));
            return true;
        }
        if (clock_monotonic_ns() >= end_ns)
            return error_set(err,
                             tr("the probe of %.*s has no answer yet; see the page System",
                                "%.*s の確認の応答がまだありません。「稼働状況」を確認してください"),
                             STR_ARGS(name));
        nanosleep(&pause, NULL);
    }
}

static int list_all(struct probe *p)
{
    struct error err;
    struct str rows;
    const struct json_node *top;
    static const char *const columns[] = {"name", "kind", "on", "undo", NULL};
    if (!get_connectors(p, &rows, &top, &err) || !rows_print(p->arguments, rows, columns, &err))
        return command_fail(p->arguments, EXIT_FOUND, &err);
    return EXIT_DONE;
}

static int run_probe(struct probe *p, const char *name)
{
    struct error err;
    struct str status;
    if (!ask(p, name, &err) || !wait_for_answer(p, str_c(name), &status, &err))
        return command_fail(p->arguments, EXIT_FOUND, &err);
    return str_eq(status, STR("done")) ? EXIT_DONE : EXIT_FOUND;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct probe p = {.arguments = a};
    bool is_list = str_eq(str_c(a->words[0]), STR("list")) && a->word_count == 1;
    bool is_probe = str_eq(str_c(a->words[0]), STR("probe")) && a->word_count == 2;
    if (!is_list && !is_probe) {
        error_set(&err, "%s",
                  tr("write 'connect list' or 'connect probe NAME'",
                     "'connect list' か 'connect probe 名前' と書いてください"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    if (!client_choose(a, &p.client, &err)) {
        if (err.text[0] == 0)
            error_set(&err,
                      tr("no server is running on %s; connectors belong to one",
                         "%s で動いているサーバーがありません。コネクタはサーバーのものです"),
                      argument_text(a, "data"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    arena_init(&p.arena, 64 << 10);
    int status = is_list ? list_all(&p) : run_probe(&p, a->words[1]);
    buf_free(&p.body);
    arena_free(&p.arena);
    return status;
}

static const struct option options[] = {
    CLIENT_OPTIONS,
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder of the running server",
     .help_ja = "動いているサーバーのデータフォルダー"},
    {.name = "wait",
     .type = OPTION_NUMBER,
     .values = "S",
     .fallback = "30",
     .low = 0,
     .high = 3600,
     .help_en = "how long the answer is waited for",
     .help_ja = "応答を待つ秒数"},
    ROWS_FORMAT_OPTION,
};

const struct command command_connect = {
    .name = "connect",
    .run = run,
    .summary_en = "list the connectors of the server, or probe one of them; exit 1 when it fails",
    .summary_ja = "サーバーのコネクタを一覧、または1つを試験する(失敗すれば終了コード 1)",
    .words = "list|probe [NAME]",
    .word_min = 1,
    .word_max = 2,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo connect list\n  hyakuyo connect probe edge-firewall\n",
};
