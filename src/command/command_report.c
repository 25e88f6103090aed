/* hyakuyo report: a report as PDF, page or tables. The server on the data folder, or --server, builds it;
 * without one it is built from the folder itself. */
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "fleet/fleet.h"
#include "judge/criteria.h"
#include "judge/posture.h"
#include "knowledge/knowledge.h"
#include "reporting/report_build.h"
#include "reporting/report_pack.h"
#include "store/state_assets.h"

#define FLEET_STATE_MAX (1u << 30)

struct job {
    const struct arguments *arguments;
    struct report_order order;
    struct report_rendering how;
    struct buf file;
    enum report_format format;
};

/* ------------------------------------------------------- without a server */

static struct fleet *load_fleet(const struct arguments *a, struct error *err)
{
    const char *data = argument_text(a, "data");
    struct str own = arena_printf(a->arena, "%s/fleet.yml", data);
    struct str kept = arena_printf(a->arena, "%s/fleet.state", data);
    struct buf saved = {0};
    if (!file_exists(kept.p)) {
        error_set(err, "%s",
                  tr("the fleet's state was never kept here", "端末の守りの状態がまだ保存されていません"));
        return NULL;
    }
    struct fleet_rules *rules =
        fleet_rules_load(file_exists(own.p) ? own.p : share_path(a, "content/fleet.yml"), err);
    struct fleet *fleet = rules ? fleet_new(rules) : NULL;
    bool ok = fleet != NULL && file_read(kept.p, FLEET_STATE_MAX, &saved, err) &&
              fleet_load(fleet, buf_str(&saved), err);
    buf_free(&saved);
    if (ok)
        return fleet;
    fleet_free(fleet);
    return NULL;
}

static bool fleet_document(const struct arguments *a, struct buf *json, struct error *err)
{
    struct asset_set assets = {0};
    struct fleet *fleet = load_fleet(a, err);
    struct state *state =
        fleet ? state_open(arena_printf(a->arena, "%s/state.db", argument_text(a, "data")).p, err) : NULL;
    bool ok = state != NULL && state_assets_load(state, false, a->arena, &assets, err);
    if (ok) {
        struct json_writer w = {.out = json};
        json_begin_object(&w);
        fleet_summary(fleet,
                      &(struct fleet_asking){.assets = &assets, .department = STR_EMPTY, .state = STR_EMPTY},
                      &w);
        json_end_object(&w);
    }
    if (state != NULL)
        state_close(state);
    fleet_free(fleet);
    return ok;
}

struct offline {
    const struct arguments *arguments;
    struct state_reader *state;
    struct normaliser *parsers; /* read when the first system is named */
};

static bool posture_document(struct offline *o, struct buf *json, struct error *err)
{
    struct str saved;
    struct posture_criteria *criteria =
        posture_criteria_load(share_path(o->arguments, "content/posture.yml"), err);
    if (criteria == NULL)
        return false;
    struct posture *posture = posture_new(criteria, NULL, NULL);
    bool ok =
        state_reader_desk_part(o->state, "posture", o->arguments->arena, &saved, err) &&
        ((saved.n && posture_load(posture, saved)) ||
         error_set(err, "%s", tr("the posture was never kept here", "警戒態勢がまだ保存されていません")));
    if (ok)
        posture_json(posture, json);
    posture_free(posture);
    posture_criteria_free(criteria);
    return ok;
}

static bool document(void *context, struct str name, struct buf *json, struct error *err)
{
    struct offline *o = context;
    if (str_eq(name, STR("fleet")))
        return fleet_document(o->arguments, json, err);
    if (str_eq(name, STR("posture")))
        return posture_document(o, json, err);
    if (str_starts(name, STR("deadlines/")))
        return error_set(err, "%s",
                         tr("deadlines are worked out by the running server; make this report there",
                            "期限は稼働中のサーバーが計算します。サーバーでレポートを作成してください"));
    return error_set(err, tr("there is no document '%.*s'", "文書 '%.*s' はありません"), STR_ARGS(name));
}

/* Parsers that are wrong are told by `hyakuyo check`; here they only have no title. */
static void system_name(void *context, struct str system, struct arena *arena, struct str *en, struct str *ja)
{
    struct offline *o = context;
    struct load_report report = {0};
    struct knowledge_folders folders;
    struct error err;
    const char *const none[] = {NULL};
    if (o->parsers == NULL) {
        knowledge_default_folders(&folders, o->arguments, none, none);
        o->parsers = normaliser_load(folders.parsers, &report, &err);
        load_report_free(&report);
    }
    *en = *ja = arena_str(arena, system);
    if (o->parsers != NULL)
        knowledge_system_name(o->parsers, *en, en, ja);
}

static bool build_here(struct job *j, struct error *err)
{
    const char *data = argument_text(j->arguments, "data");
    struct offline offline = {.arguments = j->arguments};
    struct report_world world = {.data_dir = data,
                                 .now_ns = clock_wall_ns(),
                                 .document = document,
                                 .system_name = system_name,
                                 .context = &offline};
    struct criteria *criteria = criteria_load(share_path(j->arguments, "content/judgement.yml"), err);
    world.criteria_version = criteria ? criteria->version : STR_EMPTY;
    world.state = offline.state = criteria ? state_reader_open(data, err) : NULL;
    world.store = world.state ? store_open_readonly(data, err) : NULL;
    struct report *r = world.store ? report_build(&world, &j->order, err) : NULL;
    bool ok = r != NULL && report_render(r, &j->how, &j->file, &j->format, err);
    report_free(r);
    normaliser_free(offline.parsers);
    if (world.store != NULL)
        store_close(world.store);
    state_reader_close(world.state);
    if (criteria != NULL)
        criteria_free(criteria);
    return ok;
}

/* ------------------------------------------------------------- at a server */

static void write_wish(const struct job *j, struct buf *body)
{
    const struct report_order *o = &j->order;
    struct json_writer w = {.out = body};
    json_begin_object(&w);
    if (o->from_ns != TIME_UNKNOWN) {
        json_key(&w, "from");
        json_put_time(&w, o->from_ns);
    }
    if (o->to_ns != TIME_UNKNOWN) {
        json_key(&w, "to");
        json_put_time(&w, o->to_ns);
    }
    if (o->incident) {
        json_key(&w, "incident");
        json_put_u64(&w, o->incident);
    }
    json_key(&w, "language");
    json_put_c(&w, o->language == LANGUAGE_JA ? "ja" : "en");
    json_key(&w, "format");
    json_put_c(&w, report_format_name(j->how.format));
    if (j->how.section.n) {
        json_key(&w, "section");
        json_put_str(&w, j->how.section);
    }
    json_key(&w, "seed");
    json_put_i64(&w, j->how.seed);
    json_key(&w, "bom");
    json_put_bool(&w, j->how.bom);
    json_end_object(&w);
}

static bool build_there(struct job *j, const struct client *client, struct error *err)
{
    struct buf path = {0}, wish = {0}, answer = {0};
    struct arena *arena = j->arguments->arena;
    buf_c(&path, "/api/v1/reports/");
    client_escape(&path, j->arguments->words[0]);
    write_wish(j, &wish);
    bool ok = client_post(client, buf_cstr(&path), "application/json", buf_str(&wish), &answer, err);
    const struct json_node *made = ok ? json_parse(buf_str(&answer), arena, err) : NULL;
    if (made != NULL) {
        ok = report_format_parse(json_text(made, "format"), &j->format) ||
             error_set(err, "%s",
                       tr("the server's answer is no report", "サーバーの応答が報告書ではありません"));
        buf_clear(&path);
        buf_printf(&path, "/api/v1/reports/%.*s", STR_ARGS(json_text(made, "id")));
        ok = ok && client_get(client, buf_cstr(&path), &j->file, err);
    }
    buf_free(&path);
    buf_free(&wish);
    buf_free(&answer);
    return made != NULL && ok;
}

static bool build(struct job *j, struct error *err)
{
    struct client client;
    if (client_choose(j->arguments, &client, err))
        return build_there(j, &client, err);
    return err->text[0] == 0 && build_here(j, err);
}

/* ------------------------------------------------------------------- output */

static bool write_file(struct job *j, struct error *err)
{
    const char *out = argument_text(j->arguments, "out");
    if (out != NULL && str_eq(str_c(out), STR("-")))
        return fwrite(j->file.p, 1, j->file.n, stdout) == j->file.n ||
               error_errno(err, "%s", tr("standard output cannot be written", "標準出力に書けません"));
    if (out == NULL) {
        char day[TIME_TEXT_MAX];
        time_format_local(clock_wall_ns(), j->order.zone, day);
        out = arena_printf(j->arguments->arena, "%.*s-%.10s.%s", STR_ARGS(j->order.name), day,
                           report_format_name(j->format))
                  .p;
    }
    if (!file_write_atomic(out, buf_str(&j->file), 0600, err))
        return false;
    printf("%s\n", out);
    return true;
}

static int list(const struct arguments *a)
{
    struct error err;
    struct str *names;
    size_t count;
    const char *folder = share_path(a, "content/reports");
    if (!report_form_names(folder, a->arena, &names, &count, &err))
        return command_fail(a, EXIT_USAGE, &err);
    for (size_t i = 0; i < count; i++) {
        struct report *r = report_form_load(folder, names[i], &err);
        if (r == NULL)
            return command_fail(a, EXIT_USAGE, &err);
        struct str title = language_current() == LANGUAGE_JA ? r->title.ja : r->title.en;
        printf("%-24.*s %.*s\n", STR_ARGS(names[i]), STR_ARGS(title));
        report_free(r);
    }
    return EXIT_DONE;
}

static bool read_order(struct job *j, struct error *err)
{
    const struct arguments *a = j->arguments;
    const char *section = argument_text(a, "section");
    j->order = (struct report_order){.forms = share_path(a, "content/reports"),
                                     .name = str_c(a->words[0]),
                                     .incident = (uint64_t)argument_number(a, "incident"),
                                     .language = language_current(),
                                     .zone = zone_find(STR("local"))};
    j->how = (struct report_rendering){.section = section ? str_c(section) : STR_EMPTY,
                                       .bom = argument_flag(a, "bom"),
                                       .seed = argument_number(a, "seed")};
    return report_format_parse(str_c(argument_text(a, "format")), &j->how.format) &&
           argument_time(a, "from", TIME_UNKNOWN, &j->order.from_ns, err) &&
           argument_time(a, "to", TIME_UNKNOWN, &j->order.to_ns, err);
}

static int run(const struct arguments *a)
{
    struct error err = {0};
    struct job job = {.arguments = a};
    if (a->word_count == 0)
        return list(a);
    bool ok = read_order(&job, &err) && build(&job, &err) && write_file(&job, &err);
    buf_free(&job.file);
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
     .help_en = "begin of the period (default: the whole day, week or month before now)",
     .help_ja = "期間の始まり(既定: 現在の直前の一日、一週間、一か月)"},
    {.name = "to",
     .type = OPTION_TEXT,
     .values = "TIME",
     .help_en = "end of the period, not included",
     .help_ja = "期間の終わり(この時刻は含みません)"},
    {.name = "incident",
     .type = OPTION_NUMBER,
     .values = "ID",
     .fallback = "0",
     .low = 0,
     .high = INT64_MAX,
     .help_en = "the incident of a report about one",
     .help_ja = "報告書の対象となるインシデント"},
    {.name = "format",
     .type = OPTION_CHOICE,
     .values = "pdf|html|csv",
     .fallback = "pdf",
     .help_en = "what is written; csv without --section is a ZIP of all tables",
     .help_ja = "出力形式。csv で --section がなければ全表の ZIP"},
    {.name = "section",
     .type = OPTION_TEXT,
     .values = "NAME",
     .help_en = "csv: only this table",
     .help_ja = "csv: この表だけ"},
    {.name = "bom",
     .type = OPTION_FLAG,
     .help_en = "csv: begin with a byte order mark, as spreadsheet programs want it",
     .help_ja = "csv: 先頭に BOM を付ける(表計算ソフト用)"},
    {.name = "seed",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "1",
     .low = 0,
     .high = INT64_MAX,
     .help_en = "evidence pack: the seed of the samples",
     .help_ja = "証跡一式: サンプル抽出の種"},
    {.name = "out",
     .type = OPTION_TEXT,
     .values = "FILE",
     .help_en = "file to write (default: NAME-DATE.pdf here); - is standard output",
     .help_ja = "出力先(既定: ここに 名前-日付.pdf)。- は標準出力"},
};

const struct command command_report = {
    .name = "report",
    .run = run,
    .summary_en = "write a report; without NAME, list what there is",
    .summary_ja = "報告書を作る(NAME がなければ一覧)",
    .words = "[NAME]",
    .word_min = 0,
    .word_max = 1,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples =
        "  hyakuyo report daily --lang ja\n"
        "  hyakuyo report monthly --from 2025-11-01 --to 2025-12-01 --format html --out november.html\n"
        "  hyakuyo report incident --incident 7 --format pdf --out -\n"
        "  hyakuyo report j-sox --from 2025-04-01 --to 2026-04-01 --seed 20260401\n",
};
