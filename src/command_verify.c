/* hyakuyo verify: reads every sealed event file again and compares its hash with the catalogue, then walks
 * the response record. Works on a copy of the data folder, without the server. Exit 1 when something differs.
 */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "commands.h"
#include "record_check.h"
#include "store/store.h"

static void on_bad(void *context, const struct part *part, const char *why)
{
    uint64_t *bad = context;
    ++*bad;
    printf(tr("%s (events %llu to %llu): %s\n", "%s(イベント %llu~%llu): %s\n"), part->path,
           (unsigned long long)part->first_sequence, (unsigned long long)part->last_sequence, why);
}

static void on_bad_entry(void *context, uint64_t seq, const char *why)
{
    (void)context;
    printf(tr("record, entry %llu: %s\n", "対応記録 %llu: %s\n"), (unsigned long long)seq, why);
}

/* The key given, or the one of the data folder: who could replace that one cannot replace the keys named in
 * the record. */
static bool find_key(const struct arguments *a, struct record_hash *key, bool *has_key, struct error *err)
{
    const char *path = argument_text(a, "public-key");
    if (path == NULL) {
        path = arena_printf(a->arena, "%s/keys/record.pub", argument_text(a, "data")).p;
        *has_key = file_exists(path);
    } else {
        *has_key = true;
    }
    return !*has_key || record_public_key_read(path, key, err);
}

static bool verify_record(const struct arguments *a, uint64_t *bad, struct error *err)
{
    struct record_hash key;
    bool has_key;
    const char *path = arena_printf(a->arena, "%s/state.db", argument_text(a, "data")).p;
    if (!find_key(a, &key, &has_key, err))
        return false;
    struct record_check check = {.state = state_open(path, err),
                                 .data_dir = argument_text(a, "data"),
                                 .public_key = has_key ? &key : NULL,
                                 .found = on_bad_entry};
    if (check.state == NULL)
        return false;
    bool ok = record_check_run(&check, err);
    state_close(check.state);
    if (ok)
        printf(tr("%llu entries of the record and %llu checkpoints walked, %llu values of the state database "
                  "compared (%llu have no column), %llu bad\n",
                  "対応記録 %llu 件とチェックポイント %llu 個を検査、状態データベースの値 %llu "
                  "個を照合(対応する列の"
                  "ないもの %llu 個)、異常 %llu 個\n"),
               (unsigned long long)check.entries, (unsigned long long)check.checkpoints,
               (unsigned long long)check.compared, (unsigned long long)check.not_compared,
               (unsigned long long)check.bad);
    *bad += check.bad;
    return ok;
}

static int run(const struct arguments *a)
{
    struct error err;
    uint64_t bad = 0;
    struct store_status status;
    struct store *store = store_open_readonly(argument_text(a, "data"), &err);
    if (store == NULL)
        return command_fail(a, EXIT_USAGE, &err);
    store_status(store, &status);
    bool ok = store_verify(store, on_bad, &bad, &err);
    store_close(store);
    if (!ok)
        return command_fail(a, EXIT_USAGE, &err);
    printf(tr("%llu sealed files with %llu events read, %llu bad\n",
              "確定済みファイル %llu 個(イベント %llu 件)を検査、異常 %llu 個\n"),
           (unsigned long long)status.parts, (unsigned long long)status.rows, (unsigned long long)bad);
    if (!verify_record(a, &bad, &err))
        return command_fail(a, EXIT_USAGE, &err);
    return bad ? EXIT_FOUND : EXIT_DONE;
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder",
     .help_ja = "データフォルダー"},
    {.name = "public-key",
     .type = OPTION_TEXT,
     .values = "FILE",
     .help_en = "key that signed the checkpoints; default DATA/keys/record.pub",
     .help_ja = "チェックポイントの署名鍵(公開鍵)。既定は DATA/keys/record.pub"},
};

const struct command command_verify = {
    .name = "verify",
    .run = run,
    .summary_en = "check the sealed event files and the response record; exit 1 when something differs",
    .summary_ja = "確定済みイベントファイルと対応記録を検査する(異常があれば終了コード 1)",
    .word_max = 0,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo verify --data /var/lib/hyakuyo\n",
};
