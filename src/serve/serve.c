/* hyakuyo serve: keeps the whole system running. serve_start.c starts it; the stop here goes the other way
 * round. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/calendar.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "cli/geoip.h"
#include "intake/intake.h"
#include "intel/intel.h"
#include "intel/retro.h"
#include "knowledge/references.h"
#include "notifier/notifier.h"
#include "reporting/reporter.h"
#include "serve/serve.h"
#include "work/carrier.h"
#include "work/outside.h"
#include "work/retrospect.h"
#include "work/work.h"

/* ------------------------------------------------------------ the welcome */

static void print_welcome(const struct server *s)
{
    unsigned syslog = inputs_port(s->inputs, "syslog/tcp");
    const char *token = console_setup_token(s->console);
    printf(tr("\nhyakuyo is running.\n  console   %s/\n", "\nhyakuyo が動いています。\n  コンソール  %s/\n"),
           s->url);
    if (token[0])
        printf(tr("  first user  %s/#/setup?token=%s   (works once)\n",
                  "  最初の利用者  %s/#/setup?token=%s   (1回だけ使えます)\n"),
               s->url, token);
    printf(tr("  syslog    127.0.0.1:%u (UDP and TCP)\n\nSend a line:\n",
              "  syslog    127.0.0.1:%u (UDP と TCP)\n\n1行送ってみる:\n"),
           syslog);
    printf("  logger --server 127.0.0.1 --port %u --tcp --rfc3164 'hello hyakuyo'\n", syslog);
    printf("  curl --data-binary 'hello hyakuyo' %s/api/v1/records/test\n\n", s->url);
    fflush(stdout);
}

/* --------------------------------------------------------------- running */

struct previous {
    uint64_t received, events, findings;
    int64_t at_ns, saved_ns, reviewed_ns;
};

#define SAVE_WATCH_NS   (60 * NS_PER_SECOND)
#define REVIEW_EVERY_NS (3600 * NS_PER_SECOND)

/* Acceptances rest on premises whether anybody looks at them or not (S78). */
static void review(struct server *s, struct previous *p)
{
    struct error err;
    if (p->at_ns - p->reviewed_ns < REVIEW_EVERY_NS)
        return;
    p->reviewed_ns = p->at_ns;
    if (!server_review_acceptances(s, &err))
        log_warning("%s", err.text);
}

/* Once a second: losses into state.db, rates for the screens. */
static void look_after(struct server *s, struct previous *p)
{
    struct error err;
    struct engine_counters now;
    input_counters_take(s->inputs, serve_take_loss, s);
    if (!ledger_save_losses(s->ledger, &err))
        log_warning(tr("counts of lost records are not saved yet: %s", "欠落数をまだ保存できません: %s"),
                    err.text);
    engine_counters(s->engine, &now);
    int64_t at_ns = clock_monotonic_ns();
    double seconds = (double)(at_ns - p->at_ns) / 1e9;
    s->received_per_second = (double)(s->received - p->received) / seconds;
    s->stored_per_second = (double)(now.events - p->events) / seconds;
    s->findings_per_second = (double)(now.findings - p->findings) / seconds;
    *p = (struct previous){s->received, now.events, now.findings, at_ns, p->saved_ns, p->reviewed_ns};
    engine_collect(s->engine);
    serve_record_checkpoint(s, false);
    work_tick(s);
    serve_tell_lags(s);
    work_tick_watch(s);
    work_tick_readiness(s);
    if (at_ns - p->saved_ns > SAVE_WATCH_NS && watch_save(s->watch, &err))
        p->saved_ns = at_ns;
    review(s, p);
}

static void run_until_signal(struct server *s, const sigset_t *signals)
{
    int64_t now_ns = clock_monotonic_ns();
    struct previous previous = {.at_ns = now_ns, .saved_ns = now_ns, .reviewed_ns = now_ns};
    struct timespec second = {1, 0};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &second);
        if (number == SIGTERM || number == SIGINT)
            return;
        if (number == SIGHUP)
            server_reload(s);
        if (number < 0 && errno == EAGAIN)
            look_after(s, &previous);
    }
}

/* The journal answers all that wait for it before the console waits for its requests to end, and the engine
 * takes as long as the journal gives. None of them waits for a disk that refuses: the journal keeps what was
 * acknowledged. */
static void stop_taking(struct server *s, struct start *start)
{
    canary_stop(s->canary);
    pthread_mutex_lock(&s->reload_lock);
    struct retro *retro = s->retro;
    s->retro = NULL;
    pthread_mutex_unlock(&s->reload_lock);
    retro_stop(retro);
    if (s->inputs != NULL)
        inputs_stop(s->inputs);
    if (s->engine != NULL)
        engine_leave(s->engine);
    if (s->store != NULL)
        store_leave(s->store);
    if (s->journal != NULL)
        journal_stop(s->journal);
    pthread_mutex_lock(&s->publish_lock);
    struct console *console = s->console;
    s->console = NULL;
    pthread_mutex_unlock(&s->publish_lock);
    if (console != NULL) {
        console_stop(console);
        unlink(serve_data_path(start, "server.json"));
    }
    intake_stop(s->intake);
    retrospect_stop(s->retrospect);
    if (s->engine != NULL)
        engine_stop(s->engine);
}

/* Nothing comes any more: who reads the state ends, and what was counted, watched and judged is kept. */
static void keep_all(struct server *s)
{
    struct error err;
    if (s->inputs != NULL) {
        input_counters_take(s->inputs, serve_take_loss, s);
        if (!ledger_save_losses(s->ledger, &err))
            log_error(tr("counts of lost records could not be saved: %s", "欠落数を保存できません: %s"),
                      err.text);
    }
    canary_free(s->canary);
    carrier_stop(s->carrier);
    s->carrier = NULL;
    notifier_stop(s->notifier); /* before what it reads from */
    s->notifier = NULL;
    reporter_stop(s->reporter);
    preview_jobs_free(s->previews);
    if (s->engine != NULL && s->watch != NULL && !watch_save(s->watch, &err))
        log_error(tr("what was watched could not be saved: %s", "監視結果を保存できません: %s"), err.text);
    if (s->desk != NULL)
        desk_keep_instruments_next(s->desk);
    if (s->store != NULL)
        store_close(s->store);
    if (s->engine != NULL && !desk_keep_all(s->desk, &err))
        log_error(tr("what the desk knows could not be saved: %s", "判断の状態を保存できません: %s"),
                  err.text);
}

void server_stop(struct start *start)
{
    struct server *s = start->server;
    stop_taking(s, start);
    keep_all(s);
    engine_free(s->engine);
    inputs_free(s->inputs);
    journal_free(s->journal);
    desk_free(s->desk);
    rollup_content_free(s->trends);
    outside_free(s->outside);
    business_free(s->business);
    signatures_free(s->signatures);
    identity_rules_free(s->identity_rules);
    posture_criteria_free(s->posture_criteria);
    serve_record_stop(s, s->console_was_up);
    playbooks_free(s->playbooks);
    references_free(s->references);
    readiness_free(s->readiness);
    vectors_free(s->vectors);
    calendar_free(s->calendar);
    authority_free(s->authority);
    intake_rules_free(s->intake_rules);
    retrospect_rules_free(s->retrospect_rules);
    criteria_free(s->criteria);
    tables_free(s->tables);
    watch_free(s->watch);
    lag_free(s->lag);
    buf_free(&s->watch_ids);
    ledger_free(s->ledger);
    registry_free(s->registry);
    if (s->state != NULL)
        state_close(s->state);
    audit_log_close(s->audit_log);
    arena_free(&start->arena);
    memory_free(start->cursors.items);
}

/* Thousands of connections, tailed files and parts: as many descriptors as the system lets us have. */
static void allow_many_files(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    setrlimit(RLIMIT_NOFILE, &limit);
}

static int run(const struct arguments *given)
{
    struct error err;
    struct arguments a = *given;
    sigset_t signals;
    struct knowledge_folders folders;
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGHUP);
    pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before any thread: all inherit it */
    signal(SIGPIPE, SIG_IGN);
    allow_many_files();
    const char *config = argument_text(&a, "config");
    if (config != NULL && !arguments_read_config(&a, config, &err))
        return command_fail(&a, EXIT_USAGE, &err);
    knowledge_default_folders(&folders, &a, argument(&a, "parsers")->list, argument(&a, "rules")->list);
    const char *own_rules[] = {arena_printf(a.arena, "%s/rules", argument_text(&a, "data")).p, NULL};
    knowledge_add_rules(&folders, own_rules[0]);
    const struct option_value *geoip = argument(&a, "geoip");
    struct server s = {.data_dir = argument_text(&a, "data"),
                       .rules_dir = own_rules[0],
                       .zone = zone_find(STR("local")),
                       .knowledge_options = {.parser_folders = folders.parsers,
                                             .rule_folders = folders.rules,
                                             .taxonomy_folder = share_path(&a, "content/taxonomy"),
                                             .proves_samples = argument_flag(&a, "prove"),
                                             .replacing_folders = own_rules},
                       .intel_folder = share_path(&a, "content/intel"),
                       .content_folder = share_path(&a, "content"),
                       .geoip = geoip->list,
                       .geoip_count = geoip->list_count,
                       .fleet_file = share_path(&a, "content/fleet.yml"),
                       .risk_file = share_path(&a, "content/risk.yml"),
                       .started_ns = clock_wall_ns()};
    struct start start = {.server = &s, .arguments = &a};
    arena_init(&start.arena, 16 << 10);
    s.knowledge_options.cache_folder = arena_printf(&start.arena, "%s/cache", s.data_dir).p;
    pthread_mutex_init(&s.publish_lock, NULL);
    pthread_mutex_init(&s.watch_lock, NULL);
    pthread_mutex_init(&s.reload_lock, NULL);
    int status = EXIT_DONE;
    if (server_start(&start, &err)) {
        s.console_was_up = true;
        serve_record_content(&s, "server.start");
        serve_record_checkpoint(&s, true);
        print_welcome(&s);
        run_until_signal(&s, &signals);
        log_info("%s", tr("stopping: what was received is being stored",
                          "停止します。受け取った記録を保存しています"));
    } else {
        status = command_fail(&a, EXIT_FOUND, &err);
    }
    server_stop(&start);
    return status;
}

static const struct option options[] = {
    {.name = "config",
     .type = OPTION_TEXT,
     .values = "FILE",
     .help_en = "YAML file with these options as keys",
     .help_ja = "これらのオプションを書いた YAML ファイル"},
    {.name = "data",
     .type = OPTION_TEXT,
     .values = "DIR",
     .fallback = "./var",
     .help_en = "data folder",
     .help_ja = "データフォルダー"},
    {.name = "listen-syslog",
     .type = OPTION_TEXT,
     .values = "ADDRESS:PORT",
     .fallback = "127.0.0.1:5514",
     .help_en = "syslog over UDP and TCP",
     .help_ja = "syslog(UDP と TCP)"},
    {.name = "listen-http",
     .type = OPTION_TEXT,
     .values = "ADDRESS:PORT",
     .fallback = "127.0.0.1:8480",
     .help_en = "console and API",
     .help_ja = "コンソールと API"},
    {.name = "tail",
     .type = OPTION_LIST,
     .values = "PATTERN",
     .help_en = "files to follow, for example '/var/log/*.log'; may be repeated",
     .help_ja = "追いかけるファイル。例 '/var/log/*.log'(複数可)"},
    {.name = "rules",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "further Sigma rules; may be repeated",
     .help_ja = "追加の Sigma 規則(複数可)"},
    {.name = "parsers",
     .type = OPTION_LIST,
     .values = "DIR",
     .help_en = "further parsers; may be repeated",
     .help_ja = "追加の解析定義(複数可)"},
    GEOIP_OPTION,
    {.name = "prove",
     .type = OPTION_FLAG,
     .help_en = "run the samples of all parsers and rules at the start",
     .help_ja = "起動時に解析定義と規則の見本をすべて実行"},
    {.name = "workers",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "2",
     .low = 1,
     .high = 64,
     .help_en = "threads that parse and detect",
     .help_ja = "解析と検知のスレッド数"},
    {.name = "commit-ms",
     .type = OPTION_NUMBER,
     .values = "MS",
     .fallback = "50",
     .low = 1,
     .high = 50,
     .help_en = "longest collection of a journal group",
     .help_ja = "ジャーナルの1回分をまとめる最長時間"},
    {.name = "journal-mb",
     .type = OPTION_NUMBER,
     .values = "MB",
     .fallback = "4096",
     .low = 128,
     .high = 1 << 20,
     .help_en = "size at which the journal makes senders wait",
     .help_ja = "ジャーナルの上限(これを超えると送信元を待たせます)"},
    {.name = "seal-after-ms",
     .type = OPTION_NUMBER,
     .values = "MS",
     .fallback = "10000",
     .low = 100,
     .high = 60000,
     .help_en = "oldest age of an event outside a sealed file",
     .help_ja = "イベントをファイルに確定するまでの最長時間"},
    {.name = "retention-days",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "0",
     .low = 0,
     .high = 36500,
     .help_en = "drop events older than this; 0 keeps all",
     .help_ja = "この日数より古いイベントを捨てる(0 は無期限)"},
    {.name = "retention-gb",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "0",
     .low = 0,
     .high = 1 << 20,
     .help_en = "drop the oldest events beyond this size; 0 keeps all",
     .help_ja = "この容量を超えたら古いイベントから捨てる(0 は無制限)"},
    {.name = "canary-hours",
     .type = OPTION_NUMBER,
     .values = "HOURS",
     .fallback = "24",
     .low = 0,
     .high = 8760,
     .help_en = "between two proofs that every rule can still fire; 0 only on demand",
     .help_ja = "すべての規則が働くことを確かめる間隔(0 は指示したときだけ)"},
    {.name = "canary-wait-ms",
     .type = OPTION_NUMBER,
     .values = "MS",
     .fallback = "30000",
     .low = 100,
     .high = 300000,
     .help_en = "time for canaries to come back",
     .help_ja = "カナリアが戻るまで待つ時間"},
    {.name = "lag-seconds",
     .type = OPTION_NUMBER,
     .values = "S",
     .fallback = "60",
     .low = 1,
     .high = 86400,
     .help_en = "lag of a source (95 % of its events) that is too much",
     .help_ja = "情報源の遅延の上限(イベントの 95 % の到着まで)"},
    {.name = "lag-minutes",
     .type = OPTION_NUMBER,
     .values = "MIN",
     .fallback = "5",
     .low = 0,
     .high = 1440,
     .help_en = "minutes that it may last before it is an alarm",
     .help_ja = "アラームにするまでの継続時間(分)"},
    {.name = "report-limit",
     .type = OPTION_NUMBER,
     .values = "N",
     .fallback = "10",
     .low = 0,
     .high = 1000,
     .help_en =
         "reports of users without log-in that one address may send in 10 minutes; 0 switches the form off",
     .help_ja = "ログインなしの利用者申告を1アドレスから10分間に受け付ける件数(0 でフォームを停止)"},
    {.name = "evidence-mb",
     .type = OPTION_NUMBER,
     .values = "MIB",
     .fallback = "1024",
     .low = 0,
     .high = 1048576,
     .help_en = "largest file that is taken in as evidence, in MiB; 0 takes none",
     .help_ja = "証拠として受け入れるファイルの上限(MiB、0 で受け入れない)"},
    {.name = "evidence-password",
     .type = OPTION_TEXT,
     .values = "TEXT",
     .fallback = "infected",
     .help_en = "password of the ZIP in which files of evidence are given out, so that no scanner opens them "
                "on their way; no secret",
     .help_ja = "証拠ファイルをZIPで渡すときのパスワード(途中の検査で開かれないため。秘密ではありません)"},
    {.name = "role",
     .type = OPTION_CHOICE,
     .values = "all",
     .fallback = "all",
     .help_en = "what this process does",
     .help_ja = "このプロセスの役割"},
    {.name = "web",
     .type = OPTION_TEXT,
     .values = "DIR",
     .help_en = "files of the web console",
     .help_ja = "Web コンソールのファイル"},
};

const struct command command_serve = {
    .name = "serve",
    .run = run,
    .summary_en = "the whole system: collect, understand, detect, judge, show",
    .summary_ja = "システム全体を動かす(収集、解析、検知、判断、表示)",
    .word_max = 0,
    .options = options,
    .option_count = COUNT_OF(options),
    .examples = "  hyakuyo serve\n  hyakuyo serve --data /var/lib/hyakuyo --tail '/var/log/*.log'\n",
};
