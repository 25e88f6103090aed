/* hyakuyo asset import: what the organisation knows about itself, from CSV or JSON files, or from
 * a directory's export, into state.db; a running
 * server takes it up at once. */
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "command/command_record.h"
#include "enrich/asset_csv.h"
#include "enrich/asset_ldif.h"
#include "organisation/register_csv.h"
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

/* A folder of context files, or one file of LDIF. */
static bool read_path(const struct arguments *a, const char *path, struct arena *arena, struct asset_set *set,
                      struct error *err)
{
    struct str text;
    if (!str_ends_nocase(str_c(path), STR(".ldif")) || file_is_folder(path))
        return asset_read_folder(path, arena, set, err);
    struct ldap_map *map = ldap_map_load(share_path(a, "content/ldap.yml"), err);
    bool ok = map != NULL && asset_read_file(path, arena, &text, err) &&
              asset_read_ldif(map, path, text, arena, set, err);
    ldap_map_free(map);
    return ok;
}

static bool import_assets(const struct arguments *a, const char *source, struct state *state,
                          struct error *err)
{
    struct arena arena;
    struct asset_counts counts;
    struct asset_set set = {.zone = zone_find(STR("local"))};
    arena_init(&arena, 64 << 10);
    bool ok = read_path(a, source, &arena, &set, err) &&
              state_assets_save(state, &set, clock_wall_ns(), &counts, err);
    if (ok)
        print_counts(&set, &counts);
    arena_free(&arena);
    return ok;
}

static bool import_register(const struct register_form *form, const char *path, struct state *state,
                            struct error *err)
{
    struct register_counts counts;
    if (!register_import(form, state, path, &counts, err))
        return false;
    if (form->key < 0)
        printf(tr("%-16s %u new, %u unchanged, %u removed\n", "%-16s 新規 %u、変更なし %u、削除 %u\n"),
               form->file, counts.added, counts.kept, counts.removed);
    else
        printf(tr("%-16s %u new, %u changed, %u unchanged, %u ended\n",
                  "%-16s 新規 %u、変更 %u、変更なし %u、終了 %u\n"),
               form->file, counts.added, counts.changed, counts.kept, counts.removed);
    return true;
}

/* Those of the folder that are there. */
static bool import_registers(const char *folder, struct state *state, struct error *err)
{
    size_t count;
    const struct register_form *forms = register_forms(&count);
    char path[4096];
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, "%s/%s", folder, forms[i].file);
        if (file_exists(path) && !import_register(&forms[i], path, state, err))
            return false;
    }
    return true;
}

/* A register's file by itself, or those beside the others of a folder. */
static bool import(const struct arguments *a, const char *source, const char *data_dir, struct error *err)
{
    char path[4096];
    const struct register_form *form = register_form_of(str_c(source));
    snprintf(path, sizeof path, "%s/state.db", data_dir);
    if (!file_make_folders(data_dir, 0700, err))
        return false;
    struct state *state = state_open(path, err);
    if (state == NULL)
        return false;
    struct command_record record;
    bool ok = command_record_begin(&record, state, "asset.import", source, err) &&
              (form != NULL ? import_register(form, source, state, err)
                            : import_assets(a, source, state, err) && import_registers(source, state, err));
    command_record_end(&record);
    state_close(state);
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
    if (!import(a, a->words[1], data_dir, &err))
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
    .summary_en =
        "import hosts, users, departments, networks, exceptions and conditions from CSV or JSON, or hosts, "
        "users and departments from a directory (LDIF)",
    .summary_ja = "ホスト・利用者・部署・ネットワーク・例外・条件の "
                  "CSV・JSON、またはディレクトリの書き出し(LDIF)を取り込む",
    .words = "import DIR|FILE.ldif|contacts.csv",
    .word_min = 2,
    .word_max = 2,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples =
        "  hyakuyo asset import ./organisation\n  ldapsearch -LLL -x -H ldap://dc1 -b dc=corp,dc=example > "
        "corp.ldif && hyakuyo asset import corp.ldif\n",
};
