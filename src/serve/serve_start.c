/* Starts the stages in the order of the data, backwards: what takes comes up before what gives.
 *
 *   state.db → registry, ledger → knowledge, context → desk → store → engine → journal (replays) → inputs →
 * console. Next: serve_wiring.c. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "cli/commands.h"
#include "intake/intake.h"
#include "intel/intel.h"
#include "intel/retro.h"
#include "knowledge/references.h"
#include "notifier/notifier.h"
#include "replay/relearn.h"
#include "reporting/reporter.h"
#include "serve/serve.h"
#include "store/state_cursors.h"
#include "work/carrier.h"
#include "work/outside.h"
#include "work/retrospect.h"
#include "work/work.h"

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
    start->server->audit_log = audit_log_open(serve_data_path(start, "audit.ndjson"), err);
    return start->server->audit_log != NULL;
}

static bool open_state(struct start *start, struct error *err)
{
    struct server *s = start->server;
    if (!file_make_folders(s->data_dir, 0700, err))
        return false;
    s->state = state_open(serve_data_path(start, "state.db"), err);
    s->registry = s->state ? registry_new(s->state, err) : NULL;
    s->ledger = s->registry ? ledger_new(s->state, s->registry, err) : NULL;
    s->tables = s->ledger ? tables_new(s->state, s->registry, err) : NULL;
    s->watch = s->tables ? watch_new(s->state, err) : NULL;
    s->lag = lag_new((double)argument_number(start->arguments, "lag-seconds"),
                     (double)argument_number(start->arguments, "lag-minutes"));
    s->outside = s->watch ? outside_load(share_path(start->arguments, "content"), s->data_dir, err) : NULL;
    return s->outside != NULL && canary_key_load(s->data_dir, &s->canary_key, err) &&
           open_audit(start, err) && serve_record_open(s, err);
}

static bool deadlines_met(struct server *s, uint64_t incident)
{
    struct error why;
    return outside_deadlines_are_met(s->outside, s->state, incident, s->zone, clock_wall_ns(), &why);
}

/* DATA/NAME when there is one, else content/NAME; lives as long as the process. */
static const char *own_or_content(struct start *start, const char *name)
{
    const char *own = serve_data_path(start, name);
    char shared[64];
    snprintf(shared, sizeof shared, "content/%s", name);
    return file_exists(own) ? own : share_path(start->arguments, shared);
}

static bool open_readiness(struct start *start, struct error *err)
{
    struct server *s = start->server;
    s->vectors = vectors_load(own_or_content(start, "vectors.yml"), err);
    s->references = s->vectors ? references_load(own_or_content(start, "references.yml"), err) : NULL;
    s->readiness = s->references ? readiness_load(own_or_content(start, "readiness.yml"), err) : NULL;
    s->calendar = s->readiness ? calendar_load(own_or_content(start, "calendar.yml"), err) : NULL;
    return s->calendar != NULL;
}

/* What every program that opens such a ZIP can be given. */
static bool check_evidence_password(const char *password, struct error *err)
{
    size_t n = strlen(password), printable = 0;
    while (printable < n && password[printable] > ' ' && password[printable] < 0x7f)
        printable++;
    return (n > 0 && n <= 64 && printable == n) ||
           error_set(err, "%s",
                     tr("--evidence-password has 1 to 64 printable ASCII characters without spaces",
                        "--evidence-password は空白を含まない ASCII 文字 1〜64 字で指定してください"));
}

static bool open_work(struct start *start, struct error *err)
{
    struct server *s = start->server;
    s->deadlines_met = deadlines_met;
    s->never_block_file = serve_data_path(start, "never-block.yml");
    if (!file_exists(s->never_block_file))
        s->never_block_file = share_path(start->arguments, "content/never-block.yml");
    s->playbooks = playbooks_load(share_path(start->arguments, "content/playbooks"), err);
    s->authority =
        s->playbooks ? authority_load(share_path(start->arguments, "content/authority.yml"), err) : NULL;
    bool ok = s->authority != NULL && open_readiness(start, err);
    s->intake_rules = ok ? intake_rules_load(share_path(start->arguments, "content/intake.yml"), err) : NULL;
    s->report_limit = (unsigned)argument_number(start->arguments, "report-limit");
    s->evidence_password = argument_text(start->arguments, "evidence-password");
    s->evidence_bytes = (uint64_t)argument_number(start->arguments, "evidence-mb") << 20;
    s->retrospect_rules =
        s->intake_rules ? retrospect_rules_load(own_or_content(start, "retrospect.yml"), err) : NULL;
    return s->retrospect_rules != NULL && check_evidence_password(s->evidence_password, err) &&
           intake_prove(s->intake_rules, err);
}

static bool open_desk(struct start *start, struct error *err)
{
    struct server *s = start->server;
    s->criteria = criteria_load(share_path(start->arguments, "content/judgement.yml"), err);
    s->business =
        s->criteria ? business_load(share_path(start->arguments, "content/business.yml"), err) : NULL;
    s->signatures =
        s->business ? signatures_load(share_path(start->arguments, "content/signatures.yml"), err) : NULL;
    struct desk_options options = {.criteria = s->criteria,
                                   .signatures = s->signatures,
                                   .business = s->business,
                                   .state = s->state,
                                   .recorder = s->recorder,
                                   .context = s,
                                   .changed = serve_publish_incident,
                                   .instruments_path = serve_data_path(start, "instruments.state")};
    s->posture_criteria =
        s->signatures ? posture_criteria_load(share_path(start->arguments, "content/posture.yml"), err)
                      : NULL;
    options.posture_criteria = s->posture_criteria;
    options.posture_changed = serve_record_posture;
    s->identity_rules = s->posture_criteria
                            ? identity_rules_load(share_path(start->arguments, "content/identity.yml"), err)
                            : NULL;
    if (s->identity_rules != NULL)
        options.instruments = instruments_new(share_path(start->arguments, "content/instruments"),
                                              share_path(start->arguments, "content/calendar.yml"),
                                              zone_find(STR("local")), err);
    options.fleet_path = serve_data_path(start, "fleet.state");
    struct fleet_rules *rules = options.instruments ? serve_fleet_rules(s, err) : NULL;
    if (rules != NULL)
        options.fleet = fleet_new(rules);
    s->trends =
        options.fleet ? rollup_content_load(share_path(start->arguments, "content/trends.yml"), err) : NULL;
    options.rollup_content = s->trends;
    options.rollup = s->trends ? rollup_new(s->trends, s->zone) : NULL;
    if (options.rollup != NULL)
        options.identity = identity_new(identity_rules_limits(s->identity_rules));
    s->desk = options.rollup ? desk_new(&options, err) : NULL;
    return s->desk != NULL;
}

static bool open_store(struct server *s, const struct arguments *a, struct error *err)
{
    struct store_config config = {.data_dir = s->data_dir,
                                  .state = s->state,
                                  .seal_after_ms = (unsigned)argument_number(a, "seal-after-ms"),
                                  .retention_days = (unsigned)argument_number(a, "retention-days"),
                                  .retention_bytes = (uint64_t)argument_number(a, "retention-gb") << 30,
                                  .prepare = serve_store_prepare,
                                  .commit = serve_store_commit,
                                  .on_stored = serve_store_on_stored,
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
    struct context *context = knowledge ? server_load_context(s, err) : NULL;
    if (context == NULL) {
        knowledge_unref(knowledge);
        return false;
    }
    log_knowledge(knowledge);
    struct engine_options options = {.workers = (unsigned)argument_number(a, "workers"),
                                     .registry = s->registry,
                                     .ledger = s->ledger,
                                     .tables = s->tables,
                                     .desk = s->desk,
                                     .store = s->store,
                                     .canary_key = &s->canary_key,
                                     .identity_rules = s->identity_rules,
                                     .watch = s->watch,
                                     .published = serve_publish_batch,
                                     .context = s};
    s->engine = engine_new(&options, knowledge, context);
    memory_keep_freed();
    if (!relearn(s->store, s->desk, err) || !server_reload_exceptions(s, err) ||
        !server_reload_intel(s, err) || !server_reload_geo(s, err) || !server_reload_focus(s, err) ||
        !server_reload_calibration(s, err))
        return false;
    engine_start(s->engine);
    return true;
}

static bool open_journal(struct start *start, struct error *err)
{
    struct server *s = start->server;
    struct journal_recovery report;
    struct journal_options options = {.folder = serve_data_path(start, "journal"),
                                      .total_bytes = (uint64_t)argument_number(start->arguments, "journal-mb")
                                                     << 20,
                                      .commit_interval_ms =
                                          (unsigned)argument_number(start->arguments, "commit-ms")};
    struct journal_callbacks callbacks = {.context = start,
                                          .sink = serve_journal_sink,
                                          .mark = serve_journal_mark,
                                          .gap = serve_journal_gap,
                                          .room = serve_journal_room};
    s->journal = journal_open(&options, store_stored_through(s->store), &callbacks, &report, err);
    if (s->journal == NULL)
        return false;
    desk_note_recovered(s->desk, report.next_sequence - 1);
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
        serve_note_cursor(start, cursors[i].position);
    arena_free(&arena);
    return ok;
}

static bool add_syslog(struct server *s, const char *address, struct error *err)
{
    char host[256];
    uint16_t port = 0;
    if (!split_address(address, host, sizeof host, &port, err))
        return false;
    if (port == 0)
        port = inputs_free_port(host);
    struct input_settings udp = {.type = "syslog_udp", .name = "syslog/udp", .address = host, .port = port};
    if (!inputs_add(s->inputs, &udp, err))
        return false;
    struct input_settings tcp = {.type = "syslog_tcp", .name = "syslog/tcp", .address = host, .port = port};
    return inputs_add(s->inputs, &tcp, err);
}

static bool start_inputs(struct start *start, struct error *err)
{
    struct server *s = start->server;
    struct input_sink sink = {s, serve_input_submit};
    const struct option_value *tail = argument(start->arguments, "tail");
    const char *patterns[OPTION_LIST_MAX + 1]; /* and the file of the canaries */
    size_t pattern_count = tail->list_count ? tail->list_count + 1 : 0;
    memcpy(patterns, tail->list, tail->list_count * sizeof *patterns);
    patterns[tail->list_count] = start->canary_file;
    struct inputs *inputs = inputs_new(&sink, err);
    if (inputs == NULL)
        return false;
    s->inputs = inputs;
    s->http_counters = inputs_counters(inputs, "http", TRANSPORT_HTTP);
    struct input_settings files = {.type = "tail",
                                   .name = "tail",
                                   .patterns = patterns,
                                   .pattern_count = pattern_count,
                                   .cursors = start->cursors.items,
                                   .cursor_count = start->cursors.count};
    if (!add_syslog(s, argument_text(start->arguments, "listen-syslog"), err) ||
        (pattern_count && !inputs_add(inputs, &files, err)))
        return false;
    return inputs_start(inputs, err);
}

/* An address that means "all of them" is reached by its loopback. */
static struct str reachable(const char *host)
{
    struct str name = str_c(host);
    if (name.n == 0 || str_eq(name, STR("0.0.0.0")))
        return STR("127.0.0.1");
    return str_eq(name, STR("::")) ? STR("::1") : name;
}

static bool name_url(struct server *s, const char *listen, struct error *err)
{
    char host[256];
    uint16_t port;
    if (!split_address(listen, host, sizeof host, &port, err))
        return false;
    struct str name = reachable(host);
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
                                    .language = language_current(),
                                    .reports_per_address = s->report_limit,
                                    .upload_folder = serve_data_path(start, "evidence/incoming"),
                                    .upload_bytes = s->evidence_bytes};
    services_events(&services);
    services_incidents(&services);
    services_work(&services);
    services_intake(&services);
    services_outside(&services);
    services_forms(&services);
    services_posture(&services);
    services_record(&services);
    services_admin(&services);
    services_access(&services);
    services_assets(&services);
    services_hosts(&services);
    services_host_list(&services);
    services_ingest(&services);
    services_proof(&services);
    services_fleet(&services);
    services_reports(&services);
    services_instruments(&services);
    services_trends(&services);
    services_risk(&services);
    services_editor(&services);
    s->reporter = reporter_start(s, share_path(start->arguments, "content/reports"));
    s->notifier = notifier_start(s, s->content_folder, err);
    s->carrier = s->notifier ? carrier_start(s, err) : NULL;
    if (s->carrier == NULL)
        return false;
    work_tell_isolated(s);
    s->previews = preview_jobs_new(s->store, s->identity_rules);
    services_intel(&services);
    server_choose_token(s);
    struct console *console = console_start(&config, &services, err);
    pthread_mutex_lock(&s->publish_lock);
    s->console = console;
    pthread_mutex_unlock(&s->publish_lock);
    return console != NULL && name_url(s, config.listen, err) && server_announce(s, err);
}

/* --------------------------------------------------------------- canaries */

static struct knowledge *canary_knowledge(void *context)
{
    struct server *s = context;
    return engine_knowledge(s->engine);
}

/* What the program has to say comes in like all records, from the sender "hyakuyo". */
static bool report_record(void *context, struct str record)
{
    struct server *s = context;
    struct batch *batch = batch_new(1);
    struct record *r = batch_add(batch, record, STR("hyakuyo"));
    r->received_ns = clock_wall_ns();
    r->transport = TRANSPORT_HTTP;
    if (journal_submit(s->journal, submission_new(batch)))
        return true;
    batch_free(batch);
    return false;
}

static void add_canary_input(struct canary_options *o, const char *name, enum transport transport,
                             struct str host, unsigned port, size_t line_max)
{
    struct canary_input *in = &o->inputs[o->input_count++];
    *in = (struct canary_input){.name = name, .transport = transport, .port = port, .line_max = line_max};
    snprintf(in->host, sizeof in->host, "%.*s", STR_ARGS(host));
}

#define DATAGRAM_BYTES_MAX 65000
#define LINE_BYTES_MAX     (60u << 10)

static bool start_canaries(struct start *start, struct error *err)
{
    struct server *s = start->server;
    char host[256] = "";
    uint16_t ignored;
    struct canary_options o = {.data_dir = s->data_dir,
                               .key = &s->canary_key,
                               .state = s->state,
                               .watch = s->watch,
                               .every_ns =
                                   argument_number(start->arguments, "canary-hours") * 3600 * NS_PER_SECOND,
                               .wait_ns = argument_number(start->arguments, "canary-wait-ms") * NS_PER_MS,
                               .knowledge = canary_knowledge,
                               .report = report_record,
                               .context = s};
    if (!split_address(argument_text(start->arguments, "listen-syslog"), host, sizeof host, &ignored, err))
        return false;
    add_canary_input(&o, "syslog/udp", TRANSPORT_UDP, reachable(host), inputs_port(s->inputs, "syslog/udp"),
                     DATAGRAM_BYTES_MAX);
    add_canary_input(&o, "syslog/tcp", TRANSPORT_TCP, reachable(host), inputs_port(s->inputs, "syslog/tcp"),
                     LINE_BYTES_MAX);
    if (argument(start->arguments, "tail")->list_count) {
        add_canary_input(&o, "tail", TRANSPORT_TAIL, STR_EMPTY, 0, LINE_BYTES_MAX);
        o.inputs[o.input_count - 1].path = start->canary_file;
    }
    add_canary_input(&o, "http", TRANSPORT_HTTP, STR_EMPTY, 0, LINE_BYTES_MAX);
    s->canary = canary_start(&o, err);
    return s->canary != NULL;
}

/* Folders of the data directory that must be there before anything reads them. */
static bool make_folders(struct start *start, struct error *err)
{
    struct server *s = start->server;
    start->canary_file = serve_data_path(start, "canary/canary.log");
    return file_make_folders(s->rules_dir, 0700, err) &&
           file_make_folders(serve_data_path(start, "canary"), 0700, err);
}

static bool start_intake(struct server *s)
{
    s->intake = intake_start(s);
    return true;
}

static bool start_retro(struct server *s)
{
    pthread_mutex_lock(&s->reload_lock);
    s->retro = retro_start(s);
    pthread_mutex_unlock(&s->reload_lock);
    return true;
}

static bool start_retrospect(struct server *s)
{
    s->retrospect = retrospect_start(s);
    return true;
}

bool server_start(struct start *start, struct error *err)
{
    struct server *s = start->server;
    return open_state(start, err) && make_folders(start, err) && load_cursors(start, err) &&
           open_work(start, err) && open_desk(start, err) && open_store(s, start->arguments, err) &&
           start_engine(s, start->arguments, err) && open_journal(start, err) && start_inputs(start, err) &&
           start_retro(s) && work_catch_up(s, err) && start_intake(s) && start_retrospect(s) &&
           start_console(start, err) && start_canaries(start, err);
}
