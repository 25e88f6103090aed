/* hyakuyo balance: received = stored + filtered + rejected + lost, for every source and hour. Exit 1 when it
 * does not close. */
#include <stdio.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "store/state_balance.h"
#include "store/state_sources.h"

static const char *const columns[] = {"source",   "hour", "received",   "stored", "filtered",
                                      "rejected", "lost", "difference", NULL};

static bool ask_server(const struct client *client, struct buf *rows, int64_t *difference, struct error *err)
{
    struct buf body = {0};
    struct arena arena;
    arena_init(&arena, 64 << 10);
    struct str text;
    bool ok = client_get(client, "/api/v1/balance", &body, err);
    const struct json_node *top = ok ? client_rows(buf_str(&body), &arena, &text, err) : NULL;
    const struct json_node *list = top ? json_member(top, "rows") : NULL;
    *difference = 0;
    for (const struct json_node *row = list ? list->child : NULL; row != NULL; row = row->next) {
        int64_t one = 0;
        str_to_i64(json_text(row, "difference"), &one);
        *difference += one < 0 ? -one : one;
    }
    if (top != NULL)
        buf_add(rows, text);
    arena_free(&arena);
    buf_free(&body);
    return top != NULL;
}

static struct str source_name(const struct source_entry *entries, uint32_t count, uint32_t number)
{
    for (uint32_t i = 0; i < count; i++)
        if (entries[i].source.number == number)
            return entries[i].source.name;
    return STR("?");
}

static void put_row(const struct balance_count *row, struct str source, struct json_writer *w)
{
    const struct {
        const char *name;
        uint64_t value;
    } counts[] = {{"received", row->received},
                  {"stored", row->stored},
                  {"filtered", row->filtered},
                  {"rejected", row->rejected},
                  {"lost", row->lost}};
    json_begin_object(w);
    json_key(w, "source");
    json_put_str(w, source);
    json_key(w, "hour");
    json_put_time(w, row->hour * 3600 * NS_PER_SECOND);
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
        json_key(w, counts[i].name);
        json_put_u64(w, counts[i].value);
    }
    json_key(w, "difference");
    json_put_i64(w, row->difference);
    json_end_object(w);
}

static bool read_folder(const char *data_dir, struct buf *rows, int64_t *difference, struct error *err)
{
    char path[4096];
    struct arena arena;
    struct source_entry *entries;
    struct balance_count *counts;
    uint32_t entry_count, count;
    struct balance_filter filter = {.from_hour = INT64_MIN, .to_hour = INT64_MAX, .source = UINT32_MAX};
    snprintf(path, sizeof path, "%s/state.db", data_dir);
    struct state *state = state_open(path, err);
    if (state == NULL)
        return false;
    arena_init(&arena, 64 << 10);
    bool ok = state_sources_load(state, &arena, &entries, &entry_count, err) &&
              state_balance_list(state, &filter, &arena, &counts, &count, NULL, err);
    struct json_writer w = {.out = rows};
    json_begin_array(&w);
    *difference = 0;
    for (uint32_t i = 0; ok && i < count; i++) {
        put_row(&counts[i], source_name(entries, entry_count, counts[i].source), &w);
        *difference += counts[i].difference < 0 ? -counts[i].difference : counts[i].difference;
    }
    json_end_array(&w);
    arena_free(&arena);
    state_close(state);
    return ok;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct client client;
    struct buf rows = {0};
    int64_t difference = 0;
    bool ok;
    if (client_choose(a, &client, &err))
        ok = ask_server(&client, &rows, &difference, &err);
    else
        ok = err.text[0] == 0 && read_folder(argument_text(a, "data"), &rows, &difference, &err);
    ok = ok && rows_print(a, buf_str(&rows), columns, &err);
    buf_free(&rows);
    if (!ok)
        return command_fail(a, EXIT_USAGE, &err);
    if (difference == 0)
        return EXIT_DONE;
    fprintf(stderr,
            tr("hyakuyo balance: the balance does not close, difference %lld\n",
               "hyakuyo balance: 収支が合いません。差 %lld\n"),
            (long long)difference);
    return EXIT_FOUND;
}

static const struct option options[] = {
    CLIENT_OPTIONS,
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder; its server is asked when one runs",
     .help_ja = "データフォルダー(サーバーが動いていればそこに問い合わせます)"},
    ROWS_FORMAT_OPTION,
};

const struct command command_balance = {
    .name = "balance",
    .run = run,
    .summary_en =
        "received = stored + filtered + rejected + lost, per source and hour; exit 1 if it does not close",
    .summary_ja = "情報源と時間ごとの収支(受信 = 保存 + 除外 + 拒否 + 欠落)。合わなければ終了コード 1",
    .word_max = 0,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo balance\n  hyakuyo balance --format csv\n",
};
