/* hyakuyo ports: what listens on our hosts. Reads results of nmap, or scans lightly by itself; hands the
 * records to the running server, where the instrument "inventory" compares them with the last accepted
 * baseline (docs/ports.md). */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/client.h"
#include "cli/commands.h"
#include "command/command_record.h"
#include "organisation/ports.h"
#include "store/state_assets.h"

#define XML_BYTES   ((size_t)1 << 30)
#define POST_BYTES  (1 << 20)
#define TARGETS_MAX 4096 /* of --target */
#define RECORDS     "/api/v1/records/port-scan"

/* -------------------------------------------------------------------- writing */

struct output {
    const struct arguments *arguments;
    struct client client;
    bool prints; /* standard output instead of a server */
    struct buf lines;
    struct error *err;
};

static bool choose_output(struct output *o, const struct arguments *a, bool prints, struct error *err)
{
    *o = (struct output){.arguments = a, .prints = prints, .err = err};
    err->text[0] = 0;
    if (prints || client_choose(a, &o->client, err))
        return true;
    return err->text[0] != 0
               ? false
               : error_set(
                     err,
                     tr("no server runs on %s; start it with 'hyakuyo serve --data %s', name one with "
                        "--server, or "
                        "print the records with --print",
                        "%s で動作中のサーバーがありません。'hyakuyo serve --data %s' で起動するか、--server "
                        "で指定するか、--print で記録を表示してください"),
                     argument_text(a, "data"), argument_text(a, "data"));
}

static bool write_lines(void *context, struct str lines, struct error *err)
{
    struct output *o = context;
    struct buf answer = {0};
    if (o->prints) {
        fwrite(lines.p, 1, lines.n, stdout);
        return true;
    }
    bool ok = client_post(&o->client, RECORDS, "text/plain", lines, &answer, err);
    buf_free(&answer);
    return ok;
}

static bool take_host(void *context, const struct nmap_run *run, const struct nmap_host *host)
{
    struct output *o = context;
    ports_put_nmap(&o->lines, run, host);
    if (o->lines.n < POST_BYTES)
        return true;
    bool ok = write_lines(o, buf_str(&o->lines), o->err);
    buf_clear(&o->lines);
    return ok;
}

/* --------------------------------------------------------------------- import */

static bool import_file(struct output *o, const char *path, struct error *err)
{
    struct buf text = {0};
    struct nmap_run run;
    bool ok = file_read(path, XML_BYTES, &text, err) &&
              nmap_read(buf_str(&text), path, take_host, o, &run, err) &&
              (o->lines.n == 0 || write_lines(o, buf_str(&o->lines), err));
    buf_free(&text);
    buf_clear(&o->lines);
    if (!ok)
        return false;
    fprintf(stderr,
            tr("%s: %llu hosts, %llu open ports, %llu entries refused%s\n",
               "%s: 端末 %llu、開いているポート %llu、読めない項目 %llu%s\n"),
            path, (unsigned long long)run.hosts, (unsigned long long)run.open,
            (unsigned long long)run.refused,
            run.is_broken_off
                ? tr("; the scan was broken off, the rest is unknown", "。途中で終わっており、残りは不明です")
                : "");
    return true;
}

static int run_import(const struct arguments *a)
{
    struct error err;
    struct output o;
    int status = EXIT_DONE;
    if (a->word_count < 2) {
        error_set(&err, "%s", tr("name the files to import", "取り込むファイルを指定してください"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    if (!choose_output(&o, a, argument_flag(a, "print"), &err))
        return command_fail(a, EXIT_FOUND, &err);
    for (size_t i = 1; i < a->word_count; i++)
        if (!import_file(&o, a->words[i], &err))
            status = command_fail(a, EXIT_FOUND, &err);
    buf_free(&o.lines);
    return status;
}

/* ----------------------------------------------------------------------- scan */

struct job {
    struct arena arena;
    struct port_plan plan;
    struct asset_set assets;
    struct ports_state state;
    struct port_target *targets;
    size_t count;
};

static bool load_assets(struct job *j, const char *data_dir, struct error *err)
{
    char path[4096];
    snprintf(path, sizeof path, "%s/state.db", data_dir);
    if (!file_exists(path))
        return true; /* no inventory: only what --target names */
    struct state *state = state_open(path, err);
    bool ok = state != NULL && state_assets_load(state, false, &j->arena, &j->assets, err);
    if (state != NULL)
        state_close(state);
    return ok;
}

static bool add_target(struct job *j, const char *text, struct error *err)
{
    struct cidr cidr;
    if (!cidr_parse(str_c(text), &cidr))
        return error_set(err,
                         tr("--target: '%s' is no address and no network",
                            "--target: '%s' はアドレスでもネットワークでもありません"),
                         text);
    unsigned host_bits = 128 - cidr.bits;
    if (host_bits > 12 || j->count + ((size_t)1 << host_bits) > TARGETS_MAX)
        return error_set(err,
                         tr("--target: no more than %d addresses at a time",
                            "--target: 一度に %d アドレスまでです"),
                         TARGETS_MAX);
    for (uint32_t i = 0; i < (uint32_t)1 << host_bits; i++) {
        struct ip ip = cidr.ip;
        ip.bytes[15] = (uint8_t)(ip.bytes[15] + (i & 0xff));
        ip.bytes[14] = (uint8_t)(ip.bytes[14] + (i >> 8));
        j->targets[j->count++] = port_plan_target(&j->plan, &j->assets, &ip, &j->arena);
    }
    return true;
}

static bool find_targets(struct job *j, const struct arguments *a, struct error *err)
{
    const struct option_value *named = argument(a, "target");
    if (named->list_count == 0) {
        j->count = port_plan_targets(&j->plan, &j->assets, &j->arena, &j->targets);
        return j->count != 0 ||
               error_set(
                   err, "%s",
                   tr("the inventory names nothing to scan: import hosts.csv with importance, roles and "
                      "zones, or name addresses with --target",
                      "スキャン対象が台帳にありません。重要度・役割・ゾーンを含む hosts.csv "
                      "を取り込むか、--target "
                      "でアドレスを指定してください"));
    }
    j->targets = ARENA_ARRAY(&j->arena, struct port_target, TARGETS_MAX + 1);
    for (size_t i = 0; i < named->list_count; i++)
        if (!add_target(j, named->list[i], err))
            return false;
    return true;
}

static bool prepare(struct job *j, const struct arguments *a, struct error *err)
{
    const char *data_dir = argument_text(a, "data");
    *j = (struct job){0};
    arena_init(&j->arena, 256 << 10);
    return port_plan_read(&j->plan, share_path(a, "content"), argument_text(a, "profile"), &j->arena, err) &&
           load_assets(j, data_dir, err) && ports_state_load(&j->state, data_dir, &j->arena, err);
}

/* "", or why nothing is scanned now. */
static const char *why_not_now(const struct job *j, const struct arguments *a)
{
    int minute;
    int64_t now_ns = clock_wall_ns();
    const struct zone *zone = zone_find(STR("local"));
    if (ports_are_stopped(argument_text(a, "data")))
        return tr("port scans are stopped; 'hyakuyo ports allow' lets them run again",
                  "ポートスキャンは停止中です。'hyakuyo ports allow' で再開します");
    if (!argument_flag(a, "scheduled"))
        return "";
    if (!port_plan_is_open(&j->plan, zone, now_ns))
        return tr("outside the window of the daily scan, or a holiday",
                  "定時スキャンの時間外、または休日です");
    if (j->state.day == port_plan_day(zone, now_ns, &minute))
        return tr("the daily scan has run today", "本日の定時スキャンは実施済みです");
    return "";
}

static void print_counts(const struct ports_counts *c)
{
    fprintf(stderr,
            tr("%zu hosts scanned, %zu open ports; not done: %zu without an answer, %zu stopped; never "
               "scanned: %zu\n",
               "実施 %zu 台、開いているポート %zu。未実施: 応答なし %zu 台、中断 %zu 台。対象外: %zu 台\n"),
            c->scanned, c->open, c->silent, c->not_done, c->never);
}

static int scan(const struct arguments *a, struct job *j)
{
    struct error err;
    struct output o;
    struct ports_counts counts;
    const char *why_not, *data_dir = argument_text(a, "data");
    if (!prepare(j, a, &err))
        return command_fail(a, EXIT_FOUND, &err);
    if (j->plan.profile.needs_approval && argument_text(a, "approved-by") == NULL) {
        error_set(&err,
                  tr("the profile '%s' needs approval: name who gave it with --approved-by",
                     "プロファイル '%s' には承認が必要です。--approved-by で承認者を指定してください"),
                  argument_text(a, "profile"));
        return command_fail(a, EXIT_USAGE, &err);
    }
    why_not = why_not_now(j, a);
    if (*why_not) {
        fprintf(stderr, "hyakuyo ports: %s\n", why_not);
        return EXIT_DONE;
    }
    if (!find_targets(j, a, &err) || !choose_output(&o, a, argument_flag(a, "print"), &err))
        return command_fail(a, EXIT_FOUND, &err);
    if (j->plan.profile.needs_approval)
        log_info(tr("port scan with profile %s, approved by %s",
                    "プロファイル %s のポートスキャン(承認: %s)"),
                 argument_text(a, "profile"), argument_text(a, "approved-by"));
    if (!command_record_note(a, "ports.scan", argument_text(a, "profile"), argument_text(a, "approved-by"),
                             &err))
        return command_fail(a, EXIT_FOUND, &err);
    struct ports_run_options options = {.plan = &j->plan,
                                        .targets = j->targets,
                                        .count = j->count,
                                        .data_dir = data_dir,
                                        .zone = zone_find(STR("local")),
                                        .is_scheduled = argument_flag(a, "scheduled"),
                                        .write = write_lines,
                                        .context = &o};
    bool ok = ports_run(&options, &j->state, &j->arena, &counts, &err);
    print_counts(&counts);
    if (ok && options.is_scheduled)
        ok = ports_state_save(&j->state, data_dir, &err);
    return ok ? EXIT_DONE : command_fail(a, EXIT_FOUND, &err);
}

static int run_scan(const struct arguments *a)
{
    struct job j;
    int status = scan(a, &j);
    port_plan_free(&j.plan);
    arena_free(&j.arena);
    return status;
}

/* --------------------------------------------------------------------- others */

static int run_stop(const struct arguments *a)
{
    struct error err;
    char path[4096];
    snprintf(path, sizeof path, "%s/ports.stop", argument_text(a, "data"));
    if (!file_make_folders(argument_text(a, "data"), 0700, &err) ||
        !file_write_atomic(path, STR("stopped\n"), 0600, &err))
        return command_fail(a, EXIT_FOUND, &err);
    if (!command_record_note(a, "ports.stop", "", NULL, &err))
        return command_fail(a, EXIT_FOUND, &err);
    puts(tr("port scans end now, and none begins", "ポートスキャンを中止し、以後も開始しません"));
    return EXIT_DONE;
}

static int run_allow(const struct arguments *a)
{
    struct error err;
    char path[4096];
    snprintf(path, sizeof path, "%s/ports.stop", argument_text(a, "data"));
    unlink(path);
    if (!command_record_note(a, "ports.allow", "", NULL, &err))
        return command_fail(a, EXIT_FOUND, &err);
    puts(tr("port scans may run", "ポートスキャンを許可しました"));
    return EXIT_DONE;
}

static void print_status(const struct job *j, bool is_stopped)
{
    char next[TIME_TEXT_MAX], last[16] = "-";
    const struct zone *zone = zone_find(STR("local"));
    int64_t year, next_ns = port_plan_next(&j->plan, zone, clock_wall_ns());
    unsigned month, day;
    size_t n = next_ns == TIME_UNKNOWN || is_stopped ? 0 : time_format_local(next_ns, zone, next);
    days_to_civil(j->state.day, &year, &month, &day);
    if (j->state.day)
        snprintf(last, sizeof last, "%04d-%02u-%02u", (int)year, month, day);
    printf(tr("last daily scan: %s\nnext: %.*s\nnot reached: %zu\n",
              "前回の定時スキャン: %s\n次回: %.*s\n未実施: %zu 台\n"),
           last, n ? (int)n : 1, n ? next : "-", j->state.count);
    for (size_t i = 0; i < j->state.count; i++)
        printf(tr("  %.*s, %u times in a row\n", "  %.*s(連続 %u 回)\n"),
               STR_ARGS(j->state.missed[i].address), j->state.missed[i].times);
}

static int run_status(const struct arguments *a)
{
    struct error err;
    struct job j;
    int status = EXIT_DONE;
    if (prepare(&j, a, &err))
        print_status(&j, ports_are_stopped(argument_text(a, "data")));
    else
        status = command_fail(a, EXIT_FOUND, &err);
    port_plan_free(&j.plan);
    arena_free(&j.arena);
    return status;
}

static const struct {
    const char *word;
    int (*run)(const struct arguments *a);
} actions[] = {{"import", run_import},
               {"scan", run_scan},
               {"status", run_status},
               {"stop", run_stop},
               {"allow", run_allow}};

static int run(const struct arguments *a)
{
    struct error err;
    for (size_t i = 0; i < COUNT_OF(actions); i++)
        if (strcmp(a->words[0], actions[i].word) == 0)
            return actions[i].run(a);
    error_set(&err,
              tr("there is no '%s' here; write import, scan, status, stop or allow",
                 "'%s' はありません。import、scan、status、stop、allow のどれかです"),
              a->words[0]);
    return command_fail(a, EXIT_USAGE, &err);
}

static const struct option options[] = {
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder: the inventory, and the server that takes the records",
     .help_ja = "データフォルダー(台帳と、記録を受け取るサーバー)"},
    {.name = "profile",
     .type = OPTION_TEXT,
     .values = "NAME",
     .fallback = "light",
     .help_en = "scan: a profile of content/port-scan.yml",
     .help_ja = "スキャン: content/port-scan.yml のプロファイル"},
    {.name = "target",
     .type = OPTION_LIST,
     .values = "ADDRESS|NETWORK",
     .help_en = "scan: these instead of the inventory's servers and important departments",
     .help_ja = "スキャン: 台帳の対象の代わりにこれらを調べる"},
    {.name = "scheduled",
     .type = OPTION_FLAG,
     .help_en =
         "scan: only within the daily window, on working days, once a day; hosts missed before come first",
     .help_ja = "スキャン: 定時の時間帯・平日に一日一回だけ。未実施だった端末を先に調べる"},
    {.name = "approved-by",
     .type = OPTION_TEXT,
     .values = "NAME",
     .help_en = "scan: who approved a profile that needs it",
     .help_ja = "スキャン: 承認が必要なプロファイルの承認者"},
    {.name = "print",
     .type = OPTION_FLAG,
     .help_en = "print the records instead of handing them to the server",
     .help_ja = "サーバーへ渡さず記録を表示する"},
    CLIENT_OPTIONS,
};

const struct command command_ports = {
    .name = "ports",
    .run = run,
    .summary_en = "what listens on our hosts: import results of nmap, scan lightly",
    .summary_ja = "待ち受けポート: nmap の結果の取り込み、軽いスキャン",
    .words = "import FILE… | scan | status | stop | allow",
    .word_min = 1,
    .word_max = 4096,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  nmap -sT -oX scan.xml 10.10.0.0/24 && hyakuyo ports import scan.xml\n"
                "  hyakuyo ports scan --target 10.10.0.21\n"
                "  hyakuyo ports scan --scheduled\n"
                "  hyakuyo ports stop\n",
};
