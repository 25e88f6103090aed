/* hyakuyo verify: reads every sealed event file again and compares its hash with the catalogue. Exit 1 when
 * one differs. */
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "commands.h"
#include "store/store.h"

static void on_bad(void *context, const struct part *part, const char *why)
{
    uint64_t *bad = context;
    ++*bad;
    printf(tr("%s (events %llu to %llu): %s\n", "%s(イベント %llu~%llu): %s\n"), part->path,
           (unsigned long long)part->first_sequence, (unsigned long long)part->last_sequence, why);
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
    return bad ? EXIT_FOUND : EXIT_DONE;
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder",
     .help_ja = "データフォルダー"},
};

const struct command command_verify = {
    .name = "verify",
    .run = run,
    .summary_en = "check the sealed event files against their hashes; exit 1 when one differs",
    .summary_ja = "確定済みイベントファイルをハッシュと照合する(異常があれば終了コード 1)",
    .word_max = 0,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo verify --data /var/lib/hyakuyo\n",
};
