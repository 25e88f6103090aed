/* hyakuyo asset import: what the organisation knows about itself, from CSV files into state.db; a running
 * server takes it up at once. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "client.h"
#include "commands.h"
#include "enrich/asset_csv.h"
#include "store/state_assets.h"

static void print_counts(const struct asset_set *set, const struct asset_counts *counts)
{
    for (int file = 0; file < ASSET_FILE_COUNT; file++)
        if (set->present[file])
            printf(tr("%-16s %u new, %u unchanged, %u retired, %u repeated lines\n",
                      "%-16s 新規 %u、変更なし %u、廃止 %u、重複行 %u\n"),
                   asset_file_name((enum asset_file)file), counts->added[file], counts->kept[file],
                   counts->retired[file], counts->repeated[file]);
}

static bool import(const char *folder, const char *data_dir, struct error *err)
{
    char path[4096];
    struct arena arena;
    struct asset_counts counts;
    struct asset_set set = {.zone = zone_find(STR("local"))};
    arena_init(&arena, 64 << 10);
    bool ok = asset_read_folder(folder, &arena, &set, err) && file_make_folders(data_dir, 0700, err);
    snprintf(path, sizeof path, "%s/state.db", data_dir);
    struct state *state = ok ? state_open(path, err) : NULL;
    ok = state != NULL && state_assets_save(state, &set, clock_wall_ns(), &counts, err);
    if (ok)
        print_counts(&set, &counts);
    if (state != NULL)
        state_close(state);
    arena_free(&arena);
    return ok;
}

static int run(const struct arguments *a)
{
    struct error err;
    struct client server;
    const char *data_dir = argument_text(a, "data");
    if (strcmp(a->words[0], "import") != 0) {
        error_set(&err,
                  tr("there is no '%s' here; write 'hyakuyo asset import DIR'",
                     "'%s' はありません。'hyakuyo asset import DIR' と書いてください"),
                  a->words[0]);
        return command_fail(a, EXIT_USAGE, &err);
    }
    if (!import(a->words[1], data_dir, &err))
        return command_fail(a, EXIT_FOUND, &err);
    if (client_find(data_dir, &server) && kill((pid_t)server.pid, SIGHUP) == 0)
        printf("%s\n", tr("the running server takes it up now", "動作中のサーバーに反映しました"));
    return EXIT_DONE;
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder",
     .help_ja = "データフォルダー"},
};

const struct command command_asset = {
    .name = "asset",
    .run = run,
    .summary_en = "import hosts, users, departments, networks, exceptions and conditions from CSV",
    .summary_ja = "ホスト・利用者・部署・ネットワーク・例外・条件の CSV を取り込む",
    .words = "import DIR",
    .word_min = 2,
    .word_max = 2,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo asset import ./organisation\n",
};
