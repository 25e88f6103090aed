/* hyakuyo intel: threat intelligence into the data folder, and what is known about it. A running server takes
 * an import up at once and searches what is new back through its stored events. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "cli/rows.h"
#include "command/command_record.h"
#include "intel/intel.h"
#include "intel/intel_json.h"
#include "intel/taxii.h"

#define HITS_SHOWN 1000

static void print_import(void *context, const struct intel_source *source,
                         const struct indicator_report *report, uint64_t added)
{
    (void)context;
    if (source->kind == INTEL_ALLOW_LIST) {
        printf(tr("%-32.*s allow list (%.*s): %llu entries, %llu refused\n",
                  "%-32.*s 許可リスト(%.*s): %llu 件、拒否 %llu 件\n"),
               STR_ARGS(source->name), STR_ARGS(source->format), (unsigned long long)source->kept,
               (unsigned long long)source->refused);
        return;
    }
    printf(tr("%-32.*s %-5s %llu kept (%llu new, %llu allowed by lists), %llu repeated, %llu refused\n",
              "%-32.*s %-5s 採用 %llu(新規 %llu、許可リストにより抑止 %llu)、重複 %llu、拒否 %llu\n"),
           STR_ARGS(source->name), report->format, (unsigned long long)source->kept,
           (unsigned long long)added, (unsigned long long)source->allowed,
           (unsigned long long)source->repeated, (unsigned long long)source->refused);
    for (int i = 0; i < REASON_COUNT; i++)
        if (report->refused[i])
            printf(tr("    %llu %s, first at %u: %s\n", "    %llu 件 %s。最初は %u: %s\n"),
                   (unsigned long long)report->refused[i], indicator_reason_text((enum indicator_reason)i),
                   report->sample_line[i], report->sample[i]);
}

static bool tell_server(const char *data_dir)
{
    struct client server;
    if (!client_find(data_dir, &server) || kill((pid_t)server.pid, SIGHUP) != 0)
        return false;
    printf("%s\n", tr("the running server takes it up now", "動作中のサーバーに反映しました"));
    return true;
}

static struct state *open_state(const struct arguments *a, struct error *err)
{
    char path[4096];
    const char *data_dir = argument_text(a, "data");
    snprintf(path, sizeof path, "%s/state.db", data_dir);
    return file_make_folders(data_dir, 0700, err) ? state_open(path, err) : NULL;
}

/* -------------------------------------------------------------------------- import */

static bool fill_options(const struct arguments *a, struct intel_options *o, struct error *err)
{
    const char *source = argument_text(a, "source"), *tlp = argument_text(a, "tlp");
    *o = (struct intel_options){.data_dir = argument_text(a, "data"),
                                .content_folder = share_path(a, "content/intel"),
                                .source = source ? str_c(source) : STR_EMPTY,
                                .origin = STR_EMPTY,
                                .cursor = STR_EMPTY,
                                .confidence = argument(a, "confidence")->is_given
                                                  ? (int)argument_number(a, "confidence")
                                                  : -1,
                                .tlp = tlp ? str_c(tlp) : STR_EMPTY,
                                .valid_ns = argument_number(a, "valid-days") * 86400 * NS_PER_SECOND,
                                .now_ns = clock_wall_ns()};
    return o->source.n <= 64 ||
           error_set(err, "%s", tr("--source: 64 bytes at most", "--source は 64 バイトまでです"));
}

static int run_import(const struct arguments *a, struct state *state)
{
    struct error err;
    struct intel_options options;
    if (a->word_count < 2) {
        error_set(&err, "%s", tr("name the files to import", "取り込むファイルを指定してください"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    if (!fill_options(a, &options, &err))
        return command_fail(a, EXIT_USAGE, &err);
    struct command_record record;
    bool ok = command_record_begin(&record, state, "indicators.import", a->words[1], &err) &&
              intel_import_paths(state, &options, a->words + 1, a->word_count - 1, print_import, NULL, &err);
    command_record_end(&record);
    if (!ok)
        return command_fail(a, EXIT_FOUND, &err);
    tell_server(options.data_dir);
    return EXIT_DONE;
}

/* --------------------------------------------------------------------------- fetch */

static int run_fetch(const struct arguments *a, struct state *state)
{
    struct error err;
    struct intel_options import;
    if (a->word_count != 2) {
        error_set(&err, "%s",
                  tr("name one TAXII 2.1 address: discovery, API root or collection",
                     "TAXII 2.1 のアドレス(検出、API ルート、コレクション)を 1 つ指定してください"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    if (!fill_options(a, &import, &err))
        return command_fail(a, EXIT_USAGE, &err);
    struct taxii_options options = {.url = a->words[1],
                                    .user = argument_text(a, "user"),
                                    .password = getenv("HYAKUYO_TAXII_PASSWORD"),
                                    .token = getenv("HYAKUYO_TAXII_TOKEN"),
                                    .import = &import};
    struct command_record record;
    bool ok = command_record_begin(&record, state, "indicators.fetch", a->words[1], &err) &&
              taxii_fetch(state, &options, print_import, NULL, &err);
    command_record_end(&record);
    tell_server(import.data_dir);
    return ok ? EXIT_DONE : command_fail(a, EXIT_FOUND, &err);
}

/* ---------------------------------------------------------------------------- list */

static int run_list(const struct arguments *a, struct state *state)
{
    static const char *const columns[] = {"name",    "kind",    "format",   "kept",
                                          "allowed", "refused", "imported", NULL};
    struct error err;
    struct arena arena;
    struct intel_source *sources;
    uint32_t count;
    struct buf rows = {0};
    struct json_writer w = {.out = &rows};
    arena_init(&arena, 64 << 10);
    bool ok = state_intel_list(state, &arena, &sources, &count, &err);
    json_begin_array(&w);
    for (uint32_t i = 0; ok && i < count; i++)
        intel_source_json(&w, &sources[i]);
    json_end_array(&w);
    ok = ok && rows_print(a, buf_str(&rows), columns, &err);
    buf_free(&rows);
    arena_free(&arena);
    return ok ? EXIT_DONE : command_fail(a, EXIT_FOUND, &err);
}

/* ---------------------------------------------------------------------------- show */

static bool put_hits(struct state *state, struct str source, struct arena *arena, struct json_writer *w,
                     struct error *err)
{
    struct intel_hit *hits;
    uint32_t count;
    if (!state_intel_hits(state, source, HITS_SHOWN, arena, &hits, &count, err))
        return false;
    for (uint32_t i = 0; i < count; i++)
        intel_hit_json(w, &hits[i]);
    return true;
}

static bool put_matches(const struct arguments *a, struct state *state, struct str value,
                        struct json_writer *w, struct error *err)
{
    struct indicator_set *set =
        intel_open(state, argument_text(a, "data"), share_path(a, "content/intel"), err);
    if (set == NULL)
        return false;
    intel_matches_json(w, set, value);
    indicator_set_unref(set);
    return true;
}

static bool is_source(struct state *state, struct str name, struct arena *arena)
{
    struct error ignored;
    struct intel_source *sources;
    uint32_t count;
    if (!state_intel_list(state, arena, &sources, &count, &ignored))
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (str_eq(sources[i].name, name))
            return true;
    return false;
}

static int run_show(const struct arguments *a, struct state *state)
{
    static const char *const hit_columns[] = {"indicator",  "patient_zero", "first",      "last", "count",
                                              "host_count", "field",        "allowed_by", NULL};
    static const char *const match_columns[] = {"indicator",  "type",        "source",
                                                "confidence", "valid_from",  "valid_until",
                                                "allowed_by", "description", NULL};
    struct error err;
    struct arena arena;
    struct buf rows = {0};
    struct json_writer w = {.out = &rows};
    struct str word = a->word_count > 1 ? str_c(a->words[1]) : STR_EMPTY;
    arena_init(&arena, 64 << 10);
    bool shows_hits = word.n == 0 || is_source(state, word, &arena);
    json_begin_array(&w);
    bool ok = shows_hits ? put_hits(state, word, &arena, &w, &err) : put_matches(a, state, word, &w, &err);
    json_end_array(&w);
    ok = ok && rows_print(a, buf_str(&rows), shows_hits ? hit_columns : match_columns, &err);
    bool is_empty = rows.n <= 2;
    buf_free(&rows);
    arena_free(&arena);
    return !ok ? command_fail(a, EXIT_FOUND, &err) : is_empty && !shows_hits ? EXIT_FOUND : EXIT_DONE;
}

/* -------------------------------------------------------------------------- remove */

static int run_remove(const struct arguments *a, struct state *state)
{
    struct error err;
    bool found = false;
    const char *name = a->word_count > 1 ? a->words[1] : "";
    struct command_record record;
    bool ok = command_record_begin(&record, state, "indicators.remove", name, &err) &&
              intel_remove(state, argument_text(a, "data"), str_c(name), &found, &err);
    command_record_end(&record);
    if (!ok)
        return command_fail(a, EXIT_FOUND, &err);
    if (!found) {
        error_set(&err,
                  tr("there is no source '%s'; 'hyakuyo intel list' shows them",
                     "情報源 '%s' はありません。'hyakuyo intel list' で一覧を表示します"),
                  name);
        return command_fail(a, EXIT_FOUND, &err);
    }
    tell_server(argument_text(a, "data"));
    return EXIT_DONE;
}

static const struct {
    const char *word;
    int (*run)(const struct arguments *a, struct state *state);
} actions[] = {{"import", run_import},
               {"fetch", run_fetch},
               {"list", run_list},
               {"show", run_show},
               {"remove", run_remove}};

static int run(const struct arguments *a)
{
    struct error err;
    for (size_t i = 0; i < COUNT_OF(actions); i++) {
        if (strcmp(a->words[0], actions[i].word) != 0)
            continue;
        struct state *state = open_state(a, &err);
        if (state == NULL)
            return command_fail(a, EXIT_FOUND, &err);
        int status = actions[i].run(a, state);
        state_close(state);
        return status;
    }
    error_set(&err,
              tr("there is no '%s' here; write import, fetch, list, show or remove",
                 "'%s' はありません。import、fetch、list、show、remove のどれかです"),
              a->words[0]);
    return command_fail(a, EXIT_USAGE, &err);
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder",
     .help_ja = "データフォルダー"},
    {.name = "source",
     .type = OPTION_TEXT,
     .values = "NAME",
     .help_en = "import: one source of this name (default: each file its own, by its name)",
     .help_ja = "取り込み: この名前の情報源にまとめる(既定: ファイルごと)"},
    {.name = "confidence",
     .type = OPTION_NUMBER,
     .values = "0-100",
     .low = 0,
     .high = 100,
     .help_en = "import: for indicators that say none",
     .help_ja = "取り込み: 確度のない指標の確度"},
    {.name = "tlp",
     .type = OPTION_CHOICE,
     .values = "clear|green|amber|amber+strict|red",
     .help_en = "import: for indicators that carry no marking",
     .help_ja = "取り込み: 表示のない指標の TLP"},
    {.name = "valid-days",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "0",
     .low = 0,
     .high = 36500,
     .help_en = "import: how long indicators hold that name no end; 0 = for ever",
     .help_ja = "取り込み: 期限のない指標の有効日数(0 は無期限)"},
    {.name = "user",
     .type = OPTION_TEXT,
     .values = "NAME",
     .help_en = "fetch: log-in; the password is in HYAKUYO_TAXII_PASSWORD, a token in HYAKUYO_TAXII_TOKEN",
     .help_ja = "取得: 利用者名。パスワードは HYAKUYO_TAXII_PASSWORD、トークンは HYAKUYO_TAXII_TOKEN に設定"},
    ROWS_FORMAT_OPTION,
};

const struct command command_intel = {
    .name = "intel",
    .run = run,
    .summary_en = "import threat intelligence and allow lists; list, look up, remove",
    .summary_ja = "脅威情報と許可リストの取り込み・一覧・照会・削除",
    .words = "import FILE… | fetch URL | list | show [SOURCE|VALUE] | remove SOURCE",
    .word_min = 1,
    .word_max = 4096,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo intel import feeds/*.txt --confidence 70\n"
                "  hyakuyo intel import --source misp ./misp-feed\n"
                "  hyakuyo intel fetch https://taxii.example/api1/collections/91a7b528/ --source partner\n"
                "  hyakuyo intel show 198.51.100.7\n",
};
