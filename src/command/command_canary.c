/* hyakuyo canary: asks a running server to prove its rules now, or what was proven last. */
#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/rows.h"

#define POLL_NS (200 * NS_PER_MS)

static bool is_running(struct str body, struct arena *arena, bool *running, struct error *err)
{
    const struct json_node *top = json_parse(body, arena, err);
    if (top == NULL)
        return false;
    *running = str_eq(json_text(top, "running"), STR("true"));
    return true;
}

/* Waits until no run is under way; `body` is the last answer. */
static bool wait_for_end(const struct client *c, struct buf *body, struct arena *arena, struct error *err)
{
    bool running = true;
    while (running) {
        struct timespec pause = {0, POLL_NS};
        nanosleep(&pause, NULL);
        buf_clear(body);
        arena_reset(arena);
        if (!client_get(c, "/api/v1/proof", body, err) || !is_running(buf_str(body), arena, &running, err))
            return false;
    }
    return true;
}

static bool is_proven(const struct json_node *row)
{
    struct str outcome = json_text(row, "outcome");
    return str_eq(outcome, STR("proven")) || str_eq(outcome, STR("unsendable"));
}

static int print(const struct arguments *a, struct str body, struct arena *arena)
{
    struct error err;
    struct str rows;
    const struct json_node *top = client_rows(body, arena, &rows, &err);
    if (top == NULL)
        return command_fail(a, EXIT_FOUND, &err);
    unsigned failed = 0;
    for (const struct json_node *row = json_member(top, "rows")->child; row; row = row->next)
        failed += !is_proven(row);
    static const char *const columns[] = {"rule_id", "title",  "input",  "form",
                                          "outcome", "proven", "detail", NULL};
    if (!rows_print(a, rows, columns, &err))
        return command_fail(a, EXIT_FOUND, &err);
    return failed ? EXIT_FOUND : EXIT_DONE;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct client client;
    struct arena arena;
    struct buf body = {0};
    struct str word = str_c(a->words[0]);
    bool runs = str_eq(word, STR("run"));
    if (!runs && !str_eq(word, STR("list"))) {
        error_set(&err, "%s",
                  tr("write 'canary run' or 'canary list'",
                     "'canary run' か 'canary list' と書いてください"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    if (!client_choose(a, &client, &err)) {
        if (err.text[0] == 0)
            error_set(&err,
                      tr("no server is running on %s; canaries need one",
                         "%s で動いているサーバーがありません。カナリアには必要です"),
                      argument_text(a, "data"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    arena_init(&arena, 64 << 10);
    bool ok = !runs || client_post(&client, "/api/v1/proof/run", "application/json", STR_EMPTY, &body, &err);
    buf_clear(&body);
    ok = ok && (runs ? wait_for_end(&client, &body, &arena, &err)
                     : client_get(&client, "/api/v1/proof", &body, &err));
    int status = ok ? print(a, buf_str(&body), &arena) : command_fail(a, EXIT_FOUND, &err);
    buf_free(&body);
    arena_free(&arena);
    return status;
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
     .help_en = "data folder of the running server",
     .help_ja = "動いているサーバーのデータフォルダー"},
    ROWS_FORMAT_OPTION,
};

const struct command command_canary = {
    .name = "canary",
    .run = run,
    .summary_en = "prove through every real input that each rule can still fire; exit 1 if one is not proven",
    .summary_ja = "実際の入力すべてを通して各規則が働くことを実証する(実証できなければ終了コード 1)",
    .words = "run|list",
    .word_min = 1,
    .word_max = 1,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo canary run\n  hyakuyo canary list --format csv\n",
};
