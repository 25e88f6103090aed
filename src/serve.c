/* hyakuyo serve: puts the whole system together and keeps it running. The order of the start is the order of
 * the data, backwards: what takes comes up before what gives; the stop goes the other way round.
 *
 *   state.db → registry, ledger → knowledge, context → desk → store → engine → journal (replays) → inputs →
 * console
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "commands.h"
#include "server.h"
#include "store/state_assets.h"
#include "store/state_cursors.h"

/* Where the tailed files go on: what state.db has, then what the journal brings, oldest first. */
struct cursor_list {
    struct str *items;
    size_t count, capacity;
};

/* What the start needs beside the server itself. */
struct start {
    struct server *server;
    const struct arguments *arguments;
    struct arena arena; /* of paths and cursors */
    struct cursor_list cursors;
};

static const char *data_path(struct start *start, const char *name)
{
    return arena_printf(&start->arena, "%s/%s", start->server->data_dir, name).p;
}

/* ------------------------------------------------ between the stages */

static void note_cursor(struct start *start, struct str cursor)
{
    struct cursor_list *list = &start->cursors;
    if (list->count == list->capacity) {
        list->capacity = list->capacity ? list->capacity * 2 : 64;
        list->items = memory_resize_array(list->items, list->capacity, sizeof *list->items);
    }
    list->items[list->count++] = arena_str(&start->arena, cursor);
}

static bool journal_sink(void *context, struct batch *batch)
{
    struct start *start = context;
    return engine_take(start->server->engine, batch);
}

static void journal_mark(void *context, const struct journal_mark *mark)
{
    struct start *start = context;
    ledger_mark(start->server->ledger, mark);
    if (mark->cursor.n && start->server->inputs == NULL) /* recovery: where the tailed files go on */
        note_cursor(start, mark->cursor);
}

static void journal_gap(void *context, uint64_t first, uint64_t last)
{
    struct start *start = context;
    engine_skip(start->server->engine, first, last);
}

static void journal_room(void *context)
{
    struct start *start = context;
    if (start->server->inputs != NULL)
        inputs_room(start->server->inputs);
}

static bool store_commit(void *context, struct state *state, uint64_t first, uint64_t last, struct error *err)
{
    struct server *s = context;
    (void)first;
    return ledger_commit(s->ledger, state, last, err);
}

static void store_on_stored(void *context, uint64_t last)
{
    struct server *s = context;
    ledger_confirm(s->ledger, last);
    if (s->journal != NULL)
        journal_release(s->journal, last);
}

static bool input_submit(void *context, struct submission *submission)
{
    struct server *s = context;
    return journal_submit(s->journal, submission);
}

static void publish_batch(void *context, const struct batch *batch)
{
    struct server *s = context;
    pthread_mutex_lock(&s->publish_lock);
    if (s->console != NULL) {
        for (const struct finding *f = batch->findings; f != NULL; f = f->next)
            console_publish_finding(s->console, f);
        console_offer_events(s->console, batch);
    }
    pthread_mutex_unlock(&s->publish_lock);
}

static void publish_incident(void *context, const struct incident *incident, bool is_new)
{
    struct server *s = context;
    (void)is_new;
    pthread_mutex_lock(&s->publish_lock);
    if (s->console != NULL && incident->state != INCIDENT_CANDIDATE)
        console_publish_incident(s->console, incident);
    pthread_mutex_unlock(&s->publish_lock);
}

/* ------------------------------------------------------------ reloading */

bool server_reload_knowledge(struct server *s, uint64_t *loaded, uint64_t *refused, struct error *err)
{
    pthread_mutex_lock(&s->reload_lock);
    struct knowledge *k = knowledge_load(&s->knowledge_options, err);
    if (k != NULL) {
        *loaded = k->rules_report.loaded;
        *refused = k->rules_report.refused;
        engine_set_knowledge(s->engine, k);
    }
    pthread_mutex_unlock(&s->reload_lock);
    return k != NULL;
}

static struct context *load_context(struct server *s, struct error *err)
{
    struct arena arena;
    struct asset_set set = {.zone = s->zone};
    arena_init(&arena, 64 << 10);
    if (!state_assets_load(s->state, true, &arena, &set, err)) {
        arena_free(&arena);
        return NULL;
    }
    return context_new(&arena, &set, s->zone);
}

bool server_reload_context(struct server *s, struct error *err)
{
    pthread_mutex_lock(&s->reload_lock);
    struct context *context = load_context(s, err);
    if (context != NULL)
        engine_set_context(s->engine, context);
    pthread_mutex_unlock(&s->reload_lock);
    return context != NULL;
}

static void reload(struct server *s)
{
    struct error err;
    uint64_t loaded, refused;
    if (!server_reload_knowledge(s, &loaded, &refused, &err))
        log_error(tr("the content could not be loaded, the old one stays: %s",
                     "定義を読み込めないため、前の定義を使い続けます: %s"),
                  err.text);
    else
        log_info(tr("content loaded: %llu rules, %llu refused", "定義を読み込みました: 規則 %llu、拒否 %llu"),
                 (unsigned long long)loaded, (unsigned long long)refused);
    if (!server_reload_context(s, &err))
        log_error(tr("the organisation could not be loaded, the old one stays: %s",
                     "組織の台帳を読み込めないため、前の台帳を使い続けます: %s"),
                  err.text);
}

/* -------------------------------------------------------------- starting */

static bool split_address(const char *text, char *host, size_t host_size, uint16_t *port, struct error *err)
{
    struct str s = str_c(text);
    size_t colon = str_find_last_char(s, ':');
    uint64_t number;
    if (colon == STR_NOT_FOUND || !str_to_u64(str_skip(s, colon + 1), 10, &number) || number > 65535 ||
        colon >= host_size)
        return error_set(err,
                         tr("'%s' is not an address; write ADDRESS:PORT, for example 127.0.0.1:5514",
                            "'%s' はアドレスではありません。127.0.0.1:5514 のように書いてください"),
                         text);
    struct str name = str_trim_chars(str_slice(s, 0, colon), "[]");
    memcpy(host, name.p, name.n);
    host[name.n] = 0;
    *port = (uint16_t)number;
    return true;
}

static bool open_audit(struct start *start, struct error *err)
{
    const char *path = data_path(start, "audit.ndjson");
    start->server->audit_fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    return start->server->audit_fd >= 0 ||
           error_errno(err, tr("%s cannot be written", "%s に書き込めません"), path);
}

static bool open_state(struct start *start, struct error *err)
{
    struct server *s = start->server;
    if (!file_make_folders(s->data_dir, 0700, err))
        return false;
    s->state = state_open(data_path(start, "state.db"), err);
    s->registry = s->state ? registry_new(s->state, err) : NULL;
    s->ledger = s->registry ? ledger_new(s->state, s->registry, err) : NULL;
    return s->ledger != NULL && open_audit(start, err);
}

static bool open_desk(struct start *start, struct error *err)
{
    struct server *s = start->server;
    s->criteria = criteria_load(share_path(start->arguments, "content/judgement.yml"), err);
    struct desk_options options = {.criteria = s->criteria,
                                   .state = s->state,
                                   .context = s,
                                   .changed = publish_incident};
    s->desk = s->criteria ? desk_new(&options, err) : NULL;
    return s->desk != NULL;
}

static bool open_store(struct server *s, const struct arguments *a, struct error *err)
{
    struct store_config config = {.data_dir = s->data_dir,
                                  .state = s->state,
                                  .seal_after_ms = (unsigned)argument_number(a, "seal-after-ms"),
                                  .retention_days = (unsigned)argument_number(a, "retention-days"),
                                  .retention_bytes = (uint64_t)argument_number(a, "retention-gb") << 30,
                                  .commit = store_commit,
                                  .on_stored = store_on_stored,
                                  .context = s};
    s->store = store_open(&config, err);
    return s->store != NULL;
}

static void log_knowledge(const struct knowledge *k)
{
    log_info(
        tr("content loaded: %u parsers, %u rules; refused: %u parsers, %u rules ('hyakuyo check' says why)",
           "定義を読み込みました: 解析定義 %u、規則 %u。拒否: 解析定義 %u、規則 %u(理由は 'hyakuyo check')"),
        k->parsers_report.loaded, k->rules_report.loaded, k->parsers_report.refused, k->rules_report.refused);
}

static bool start_engine(struct server *s, const struct arguments *a, struct error *err)
{
    struct knowledge *knowledge = knowledge_load(&s->knowledge_options, err);
    struct context *context = knowledge ? load_context(s, err) : NULL;
    if (context == NULL) {
        knowledge_unref(knowledge);
        return false;
    }
    log_knowledge(knowledge);
    struct engine_options options = {.workers = (unsigned)argument_number(a, "workers"),
                                     .registry = s->registry,
                                     .ledger = s->ledger,
                                     .desk = s->desk,
                                     .store = s->store,
                                     .published = publish_batch,
                                     .context = s};
    s->engine = engine_new(&options, knowledge, context);
    engine_start(s->engine);
    return true;
}

static bool open_journal(struct start *start, struct error *err)
{
    struct server *s = start->server;
    struct journal_recovery report;
    struct journal_options options = {.folder = data_path(start, "journal"),
                                      .total_bytes = (uint64_t)argument_number(start->arguments, "journal-mb")
                                                     << 20,
                                      .commit_interval_ms =
                                          (unsigned)argument_number(start->arguments, "commit-ms")};
    struct journal_callbacks callbacks = {.context = start,
                                          .sink = journal_sink,
                                          .mark = journal_mark,
                                          .gap = journal_gap,
                                          .room = journal_room};
    s->journal = journal_open(&options, store_stored_through(s->store), &callbacks, &report, err);
    if (s->journal == NULL)
        return false;
    if (report.replayed_records || report.torn_bytes || report.lost_records)
        log_info(tr("journal: %llu records taken up again, %llu torn bytes cut off, %llu records unreadable",
                    "ジャーナル: %llu 件を再処理、書きかけの %llu バイトを切り捨て、読めない記録 %llu 件"),
                 (unsigned long long)report.replayed_records, (unsigned long long)report.torn_bytes,
                 (unsigned long long)report.lost_records);
    journal_release(s->journal, store_stored_through(s->store));
    return journal_start(s->journal, err);
}

static bool load_cursors(struct start *start, struct error *err)
{
    struct arena arena;
    struct tail_cursor *cursors;
    uint32_t count;
    arena_init(&arena, 16 << 10);
    bool ok = state_cursors_load(start->server->state, &arena, &cursors, &count, err);
    for (uint32_t i = 0; ok && i < count; i++)
        note_cursor(start, cursors[i].position);
    arena_free(&arena);
    return ok;
}

static bool add_syslog(struct server *s, const char *address, struct error *err)
{
    char host[256];
    uint16_t port = 0;
    if (!split_address(address, host, sizeof host, &port, err))
        return false;
    struct input_settings udp = {.type = "syslog_udp", .name = "syslog/udp", .address = host, .port = port};
    if (!inputs_add(s->inputs, &udp, err))
        return false;
    struct input_settings tcp = {.type = "syslog_tcp",
                                 .name = "syslog/tcp",
                                 .address = host,
                                 .port = port ? port : inputs_port(s->inputs, "syslog/udp")};
    return inputs_add(s->inputs, &tcp, err);
}

static bool start_inputs(struct start *start, struct error *err)
{
    struct server *s = start->server;
    struct input_sink sink = {s, input_submit};
    const struct option_value *tail = argument(start->arguments, "tail");
    struct inputs *inputs = inputs_new(&sink, err);
    if (inputs == NULL)
        return false;
    s->inputs = inputs;
    s->http_counters = inputs_counters(inputs, "http", TRANSPORT_HTTP);
    struct input_settings files = {.type = "tail",
                                   .name = "tail",
                                   .patterns = tail->list,
                                   .pattern_count = tail->list_count,
                                   .cursors = start->cursors.items,
                                   .cursor_count = start->cursors.count};
    if (!add_syslog(s, argument_text(start->arguments, "listen-syslog"), err) ||
        (tail->list_count && !inputs_add(inputs, &files, err)))
        return false;
    return inputs_start(inputs, err);
}

/* An address that means "all of them" is reached by its loopback. */
static bool name_url(struct server *s, const char *listen, struct error *err)
{
    char host[256];
    uint16_t port;
    if (!split_address(listen, host, sizeof host, &port, err))
        return false;
    struct str name = str_c(host);
    if (name.n == 0 || str_eq(name, STR("0.0.0.0")))
        name = STR("127.0.0.1");
    if (str_eq(name, STR("::")))
        name = STR("::1");
    bool is_v6 = str_find_char(name, ':', 0) != STR_NOT_FOUND;
    snprintf(s->url, sizeof s->url, "http://%s%.*s%s:%u", is_v6 ? "[" : "", STR_ARGS(name), is_v6 ? "]" : "",
             console_port(s->console));
    return true;
}

static bool start_console(struct start *start, struct error *err)
{
    struct server *s = start->server;
    struct console_services services = {.ctx = s};
    const char *web = argument_text(start->arguments, "web");
    struct console_config config = {.listen = argument_text(start->arguments, "listen-http"),
                                    .web_folder = web ? web : share_path(start->arguments, "console"),
                                    .language = language_current()};
    services_events(&services);
    services_incidents(&services);
    services_admin(&services);
    services_access(&services);
    services_ingest(&services);
    server_choose_token(s);
    struct console *console = console_start(&config, &services, err);
    pthread_mutex_lock(&s->publish_lock);
    s->console = console;
    pthread_mutex_unlock(&s->publish_lock);
    return console != NULL && name_url(s, config.listen, err) && server_announce(s, err);
}

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

static void take_loss(void *context, const struct input_tally *tally)
{
    struct server *s = context;
    ledger_lost(s->ledger, tally);
    s->received += tally->count.received;
}

struct previous {
    uint64_t received, events, findings;
    int64_t at_ns;
};

/* Once a second: losses into state.db, rates for the screens. */
static void look_after(struct server *s, struct previous *p)
{
    struct error err;
    struct engine_counters now;
    input_counters_take(s->inputs, take_loss, s);
    if (!ledger_save_losses(s->ledger, &err))
        log_warning(tr("counts of lost records are not saved yet: %s", "欠落数をまだ保存できません: %s"),
                    err.text);
    engine_counters(s->engine, &now);
    int64_t at_ns = clock_monotonic_ns();
    double seconds = (double)(at_ns - p->at_ns) / 1e9;
    s->received_per_second = (double)(s->received - p->received) / seconds;
    s->stored_per_second = (double)(now.events - p->events) / seconds;
    s->findings_per_second = (double)(now.findings - p->findings) / seconds;
    *p = (struct previous){s->received, now.events, now.findings, at_ns};
}

static void run_until_signal(struct server *s, const sigset_t *signals)
{
    struct previous previous = {.at_ns = clock_monotonic_ns()};
    struct timespec second = {1, 0};
    for (;;) {
        int number = sigtimedwait(signals, NULL, &second);
        if (number == SIGTERM || number == SIGINT)
            return;
        if (number == SIGHUP)
            reload(s);
        if (number < 0 && errno == EAGAIN)
            look_after(s, &previous);
    }
}

/* The journal answers all that wait for it before the console waits for its requests to end, and the engine
 * takes as long as the journal gives. None of them waits for a disk that refuses: the journal keeps what was
 * acknowledged. */
static void stop(struct start *start)
{
    struct server *s = start->server;
    struct error err;
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
        unlink(data_path(start, "server.json"));
    }
    if (s->engine != NULL)
        engine_stop(s->engine);
    if (s->inputs != NULL) {
        input_counters_take(s->inputs, take_loss, s);
        if (!ledger_save_losses(s->ledger, &err))
            log_error(tr("counts of lost records could not be saved: %s", "欠落数を保存できません: %s"),
                      err.text);
    }
    if (s->store != NULL)
        store_close(s->store);
    engine_free(s->engine);
    inputs_free(s->inputs);
    journal_free(s->journal);
    desk_free(s->desk);
    criteria_free(s->criteria);
    ledger_free(s->ledger);
    registry_free(s->registry);
    if (s->state != NULL)
        state_close(s->state);
    if (s->audit_fd >= 0)
        close(s->audit_fd);
    arena_free(&start->arena);
    memory_free(start->cursors.items);
}

static bool start_all(struct start *start, struct error *err)
{
    struct server *s = start->server;
    return open_state(start, err) && load_cursors(start, err) && open_desk(start, err) &&
           open_store(s, start->arguments, err) && start_engine(s, start->arguments, err) &&
           open_journal(start, err) && start_inputs(start, err) && start_console(start, err);
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
    struct server s = {.data_dir = argument_text(&a, "data"),
                       .zone = zone_find(STR("local")),
                       .knowledge_options = {folders.parsers, folders.rules,
                                             share_path(&a, "content/taxonomy"), argument_flag(&a, "prove")},
                       .started_ns = clock_wall_ns(),
                       .audit_fd = -1};
    struct start start = {.server = &s, .arguments = &a};
    arena_init(&start.arena, 16 << 10);
    pthread_mutex_init(&s.publish_lock, NULL);
    pthread_mutex_init(&s.reload_lock, NULL);
    int status = EXIT_DONE;
    if (start_all(&start, &err)) {
        print_welcome(&s);
        run_until_signal(&s, &signals);
        log_info("%s", tr("stopping: what was received is being stored",
                          "停止します。受け取った記録を保存しています"));
    } else {
        status = command_fail(&a, EXIT_FOUND, &err);
    }
    stop(&start);
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
