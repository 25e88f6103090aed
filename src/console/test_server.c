/* console_test_server: the console over memory. For tests/test_console_http.py and for trying the web console
 * by hand. Stage: console. Prints "port N" and "setup TOKEN", then reads commands from standard input, one a
 * line: finding            publishes a finding            events N       offers a batch of N events incident
 * publishes an incident          answer         answers ingest requests that are held back hold / release
 * holds ingest answers back      disk-full      the next ingest has no room quit               stops; so does
 * end of input */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "base/memory.h"
#include "console/auth.h"
#include "console/console.h"
#include "console/metrics.h"

#define USERS_MAX 8
#define HELD_MAX  4096
#define KEYS_MAX  64

struct held {
    struct ingest_result result;
    void (*done)(void *token, const struct ingest_result *result);
    void *token;
};

struct fake {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct console_user users[USERS_MAX];
    size_t user_count;
    uint64_t sequence, audited;
    bool holds, disk_full, is_stopping;
    struct held held[HELD_MAX];
    size_t held_count;
    uint64_t keys[KEYS_MAX];
    struct ingest_result key_results[KEYS_MAX];
    size_t key_count;
    enum incident_state state;
    pthread_t answering;
};

static void status(void *ctx, struct arena *arena, struct console_status *out)
{
    struct fake *f = ctx;
    out->version = STR("test");
    out->started_ns = clock_wall_ns();
    out->posture = STR("green");
    out->rules_loaded = 3;
    out->queue_capacity = 64;
    out->stored = f->sequence;
    out->warnings = ARENA_ARRAY(arena, struct console_warning, 1);
    out->warnings[out->warning_count++] = (struct console_warning){STR("a warning"), STR("警告")};
}

static bool ready(void *ctx, struct error *en, struct error *ja)
{
    (void)ctx, (void)en, (void)ja;
    return true;
}

static void rates(void *ctx, struct console_rates *out)
{
    (void)ctx;
    *out = (struct console_rates){100, 99, 0.5};
}

static void metrics(void *ctx, struct metrics *out)
{
    struct fake *f = ctx;
    metrics_counter(out, "hyakuyo_records_received_total", "Records.", STR("source=\"test\""),
                    (double)f->sequence);
}

/* "bad" is a syntax error, "slow" takes half a second, everything else has one row. */
static bool search(void *ctx, const struct search_request *request, struct arena *arena,
                   struct search_result *out, struct console_failure *failure)
{
    (void)ctx;
    if (str_eq(request->expression, STR("bad"))) {
        failure->position = 2;
        error_set(&failure->en, "unexpected end");
        error_set(&failure->ja, "式が途中で終わっています");
        return false;
    }
    if (str_eq(request->expression, STR("slow")))
        nanosleep(&(struct timespec){.tv_nsec = 500000000}, NULL);
    out->columns = ARENA_ARRAY(arena, struct str, 1);
    out->columns[out->column_count++] = STR("message");
    buf_c(&out->rows, "{\"_id\":\"1\",\"message\":");
    json_string(&out->rows, request->expression);
    buf_c(&out->rows, "}");
    out->parts_total = 1;
    return true;
}

static bool histogram(void *ctx, const struct search_request *request, uint32_t buckets, struct arena *arena,
                      struct histogram_result *out, struct console_failure *failure)
{
    (void)ctx, (void)failure;
    out->from_ns = request->from_ns;
    out->to_ns = request->to_ns;
    out->step_seconds = 60;
    out->count = buckets;
    out->counts = ARENA_ARRAY(arena, uint64_t, buckets);
    out->counts[0] = 7;
    return true;
}

static bool event(void *ctx, uint64_t sequence, const struct console_viewer *viewer, struct buf *json,
                  struct console_failure *failure)
{
    (void)ctx, (void)viewer;
    if (sequence != 1) {
        failure->status = 404;
        return error_set(&failure->en, "no such event");
    }
    buf_c(json, "{\"_id\":\"1\",\"@timestamp\":\"2025-11-10T00:13:09.000Z\"}");
    return true;
}

static struct incident_finding a_finding(void)
{
    return (struct incident_finding){.id = 1,
                                     .rule_id = STR("irc-port"),
                                     .title_en = STR("IRC"),
                                     .title_ja = STR("IRC通信"),
                                     .level = LEVEL_HIGH,
                                     .count = 2,
                                     .product = STR("FW"),
                                     .user = STR("t.sato"),
                                     .evidence_group = STR_EMPTY,
                                     .stage = STR_EMPTY,
                                     .host_name = STR("PC-1"),
                                     .host_ip = STR("10.0.0.1"),
                                     .department = STR("Sales"),
                                     .peer = STR("198.51.100.23"),
                                     .techniques = STR("T1071;T1059"),
                                     .matched = STR("{\"destination.port\":\"6667\"}")};
}

static void fill_incident(struct fake *f, struct arena *arena, struct incident *out)
{
    *out = (struct incident){.id = 1,
                             .state = f->state,
                             .title_en = STR("Bot"),
                             .title_ja = STR("ボット"),
                             .opened_ns = NS_PER_SECOND,
                             .hosts = STR("PC-1 (10.0.0.1);PC-2 (10.0.0.2)"),
                             .department = STR("Sales"),
                             .user = STR("t.sato"),
                             .urgency = 3,
                             .importance = 2,
                             .urgency_low = 2,
                             .urgency_high = 3,
                             .confidence = 0.9,
                             .confidence_level = 4,
                             .reason = STR("{\"table\":1}")};
    if (arena) {
        out->findings = ARENA_NEW(arena, struct incident_finding);
        *out->findings = a_finding();
        out->finding_count = 1;
    }
}

static bool findings(void *ctx, int64_t from_ns, int64_t to_ns, uint32_t limit, struct arena *arena,
                     struct finding_list *out, struct console_failure *failure)
{
    (void)ctx, (void)from_ns, (void)to_ns, (void)limit, (void)failure;
    out->rows = ARENA_NEW(arena, struct incident_finding);
    out->rows[0] = a_finding();
    out->count = 1;
    return true;
}

static bool incidents(void *ctx, enum incident_filter filter, uint32_t limit, struct arena *arena,
                      struct incident_list *out, struct console_failure *failure)
{
    (void)filter, (void)limit, (void)failure;
    out->rows = ARENA_NEW(arena, struct incident);
    fill_incident(ctx, arena, out->rows);
    out->count = 1;
    return true;
}

static bool incident(void *ctx, uint64_t id, struct arena *arena, struct incident *out,
                     struct console_failure *failure)
{
    if (id != 1) {
        failure->status = 404;
        error_set(&failure->ja, "インシデントがありません");
        return error_set(&failure->en, "no such incident");
    }
    fill_incident(ctx, arena, out);
    return true;
}

static bool incident_may_step(enum incident_state from, enum incident_state to)
{
    return from != INCIDENT_CLOSED && to != INCIDENT_CANDIDATE;
}

static bool incident_change(void *ctx, const struct incident_change *change, struct console_failure *failure)
{
    struct fake *f = ctx;
    if (change->id != 1) {
        failure->status = 404;
        return error_set(&failure->en, "no such incident");
    }
    if (change->has_state)
        f->state = change->state;
    return true;
}

static bool sources(void *ctx, struct arena *arena, struct source_list *out, struct console_failure *failure)
{
    (void)ctx, (void)failure;
    out->rows = ARENA_NEW(arena, struct source_view);
    out->rows[0] = (struct source_view){.id = 1, .name = STR("fw"), .last_seen_ns = TIME_UNKNOWN};
    out->count = 1;
    return true;
}

static bool source_change(void *ctx, const struct source_change *change, struct console_failure *failure)
{
    (void)ctx;
    if (change->id == 1)
        return true;
    failure->status = 404;
    return error_set(&failure->en, "no such source");
}

static bool balance(void *ctx, int64_t from_ns, int64_t to_ns, struct arena *arena, struct balance_list *out,
                    struct console_failure *failure)
{
    (void)ctx, (void)from_ns, (void)to_ns, (void)failure;
    out->rows = ARENA_NEW(arena, struct balance_row);
    out->rows[0] = (struct balance_row){.source = STR("fw"), .received = 10, .stored = 8, .lost = 1};
    out->count = 1;
    return true;
}

static bool rules(void *ctx, struct arena *arena, struct rule_list *out, struct console_failure *failure)
{
    (void)ctx, (void)failure;
    out->rows = ARENA_NEW(arena, struct rule_view);
    out->rows[0] =
        (struct rule_view){.id = STR("irc-port"), .title_en = STR("IRC"), .last_fired_ns = TIME_UNKNOWN};
    out->count = 1;
    out->refusals = ARENA_NEW(arena, struct rule_refusal);
    out->refusals[0] = (struct rule_refusal){STR("a.yml"), STR("no condition"), 3, 1};
    out->refusal_count = 1;
    out->loaded = out->refused = 1;
    return true;
}

static bool rules_reload(void *ctx, const struct console_viewer *viewer, uint64_t *loaded, uint64_t *refused,
                         struct console_failure *failure)
{
    (void)ctx, (void)viewer, (void)failure;
    *loaded = 3;
    *refused = 1;
    return true;
}

/* ------------------------------------------------------------------ ingest */

/* Under the lock. Each line that is not empty is a record. */
static struct ingest_result take(struct fake *f, const struct ingest_request *request)
{
    struct ingest_result result = {.first_sequence = f->sequence + 1};
    struct str rest = request->body, line;
    uint64_t key = str_hash(request->idempotency_key);
    for (size_t i = 0; request->idempotency_key.n && i < f->key_count; i++)
        if (f->keys[i] == key)
            return f->key_results[i];
    while (str_split(&rest, '\n', &line))
        result.accepted += line.n > 0;
    f->sequence += result.accepted;
    result.last_sequence = f->sequence;
    if (request->idempotency_key.n && f->key_count < KEYS_MAX) {
        f->keys[f->key_count] = key;
        f->key_results[f->key_count] = result;
        f->key_results[f->key_count++].outcome = INGEST_DUPLICATE;
    }
    return result;
}

static void ingest(void *ctx, const struct ingest_request *request)
{
    struct fake *f = ctx;
    struct ingest_result refused = {.outcome = INGEST_QUEUE_FULL};
    pthread_mutex_lock(&f->lock);
    bool is_taken = !f->disk_full && f->held_count < HELD_MAX;
    if (f->disk_full)
        refused.outcome = INGEST_DISK_FULL;
    f->disk_full = false;
    if (is_taken)
        f->held[f->held_count++] = (struct held){take(f, request), request->done, request->token};
    if (is_taken && f->holds) {
        printf("held\n");
        fflush(stdout);
    }
    pthread_cond_signal(&f->changed);
    pthread_mutex_unlock(&f->lock);
    if (!is_taken)
        request->done(request->token, &refused);
}

/* Stands for the journal's thread. */
static void *answer_loop(void *context)
{
    struct fake *f = context;
    pthread_mutex_lock(&f->lock);
    while (!f->is_stopping || f->held_count) {
        if (!f->held_count || f->holds) {
            pthread_cond_wait(&f->changed, &f->lock);
            continue;
        }
        struct held one = f->held[0];
        memmove(f->held, f->held + 1, --f->held_count * sizeof *f->held);
        pthread_mutex_unlock(&f->lock);
        one.done(one.token, &one.result);
        pthread_mutex_lock(&f->lock);
    }
    pthread_mutex_unlock(&f->lock);
    return NULL;
}

/* ------------------------------------------------------------------- users */

static uint64_t user_count(void *ctx)
{
    struct fake *f = ctx;
    pthread_mutex_lock(&f->lock);
    uint64_t n = f->user_count;
    pthread_mutex_unlock(&f->lock);
    return n;
}

static bool user_find(void *ctx, struct str name, struct console_user *out)
{
    struct fake *f = ctx;
    bool found = false;
    pthread_mutex_lock(&f->lock);
    for (size_t i = 0; i < f->user_count && !found; i++)
        if ((found = str_eq(str_c(f->users[i].name), name)))
            *out = f->users[i];
    pthread_mutex_unlock(&f->lock);
    return found;
}

static bool user_add(void *ctx, const struct console_user *user, struct error *err)
{
    struct fake *f = ctx;
    bool has_room;
    pthread_mutex_lock(&f->lock);
    if ((has_room = f->user_count < USERS_MAX))
        f->users[f->user_count++] = *user;
    pthread_mutex_unlock(&f->lock);
    return has_room || error_set(err, "too many users");
}

static bool user_set_language(void *ctx, struct str name, enum language language, struct error *err)
{
    (void)ctx, (void)name, (void)language, (void)err;
    return true;
}

/* Tokens: "auditor-token", "collector-token", "analyst-token", "approver-token". */
static bool token_find(void *ctx, const unsigned char hash[TOKEN_HASH_BYTES], struct console_token *out)
{
    static const struct {
        struct str text;
        unsigned role;
    } TOKENS[] = {{{"auditor-token", 13}, ROLE_AUDITOR},
                  {{"collector-token", 15}, ROLE_COLLECTOR},
                  {{"analyst-token", 13}, ROLE_ANALYST},
                  {{"approver-token", 14}, ROLE_APPROVER}};
    unsigned char wanted[TOKEN_HASH_BYTES];
    (void)ctx;
    for (size_t i = 0; i < COUNT_OF(TOKENS); i++) {
        auth_token_hash(TOKENS[i].text, wanted);
        if (memcmp(wanted, hash, sizeof wanted) == 0) {
            *out = (struct console_token){.user = "program",
                                          .roles = TOKENS[i].role,
                                          .expires_ns = TIME_UNKNOWN};
            return true;
        }
    }
    return false;
}

static void audit(void *ctx, const struct console_audit *entry)
{
    struct fake *f = ctx;
    pthread_mutex_lock(&f->lock);
    printf("audit %.*s %.*s %.*s %d\n", STR_ARGS(entry->user), STR_ARGS(entry->action),
           STR_ARGS(entry->object), entry->status);
    fflush(stdout);
    pthread_mutex_unlock(&f->lock);
}

/* A filter is the text that an event's record must hold; "(" is a syntax error. */
static void *filter_new(void *ctx, struct str expression, struct console_failure *failure)
{
    (void)ctx;
    struct buf *copy = NEW(struct buf);
    if (str_eq(expression, STR("("))) {
        failure->position = 1;
        error_set(&failure->en, "something must follow the parenthesis");
        memory_free(copy);
        return NULL;
    }
    buf_add(copy, expression);
    return copy;
}

static bool filter_match(const void *filter, const struct event *e)
{
    return str_contains(e->raw, buf_str(filter));
}

static void filter_free(void *filter)
{
    buf_free(filter);
    memory_free(filter);
}

/* ---------------------------------------------------------------- commands */

static void publish_finding(struct console *c)
{
    struct finding f = {.rule_id = STR("irc-port"),
                        .title_en = STR("IRC"),
                        .title_ja = STR("IRC通信"),
                        .level = LEVEL_HIGH,
                        .time_ns = clock_wall_ns(),
                        .product = STR("FW"),
                        .evidence_group = STR_EMPTY,
                        .stage = STR_EMPTY,
                        .host_name = STR("PC-1"),
                        .host_ip = STR("10.0.0.1"),
                        .user = STR("t.sato"),
                        .department = STR("Sales"),
                        .peer = STR("198.51.100.23")};
    console_publish_finding(c, &f);
}

static void offer_events(struct console *c, uint64_t n)
{
    struct batch *batch = batch_new((uint32_t)n);
    for (uint64_t i = 0; i < n; i++)
        batch_add(batch, i % 2 ? STR("odd line") : STR("even line"), STR("test"));
    if (!batch->events)
        batch->events = ARENA_ARRAY(&batch->arena, struct event, n);
    for (uint32_t i = 0; i < batch->count; i++)
        batch->events[i] =
            (struct event){.raw = batch->records[i].raw, .sequence = i + 1, .time_ns = clock_wall_ns()};
    console_offer_events(c, batch);
    batch_free(batch);
}

static void set(struct fake *f, bool *what, bool value)
{
    pthread_mutex_lock(&f->lock);
    *what = value;
    pthread_cond_broadcast(&f->changed);
    pthread_mutex_unlock(&f->lock);
}

static bool obey(struct fake *f, struct console *c, struct str line)
{
    uint64_t n = 0;
    if (str_eq(line, STR("finding")))
        publish_finding(c);
    else if (str_starts(line, STR("events ")) && str_to_u64(str_skip(line, 7), 10, &n) && n)
        offer_events(c, n);
    else if (str_eq(line, STR("incident"))) {
        struct incident i;
        fill_incident(f, NULL, &i);
        console_publish_incident(c, &i);
    } else if (str_eq(line, STR("hold")))
        set(f, &f->holds, true);
    else if (str_eq(line, STR("release")))
        set(f, &f->holds, false);
    else if (str_eq(line, STR("disk-full")))
        set(f, &f->disk_full, true);
    printf("obeyed\n");
    fflush(stdout);
    return !str_eq(line, STR("quit"));
}

static const struct console_services SERVICES = {
    .status = status,
    .ready = ready,
    .rates = rates,
    .metrics = metrics,
    .search = search,
    .histogram = histogram,
    .event = event,
    .findings = findings,
    .incidents = incidents,
    .incident = incident,
    .incident_change = incident_change,
    .incident_may_step = incident_may_step,
    .sources = sources,
    .source_change = source_change,
    .balance = balance,
    .rules = rules,
    .rules_reload = rules_reload,
    .ingest = ingest,
    .filter_new = filter_new,
    .filter_match = filter_match,
    .filter_free = filter_free,
    .user_count = user_count,
    .user_find = user_find,
    .user_add = user_add,
    .user_set_language = user_set_language,
    .token_find = token_find,
    .audit = audit,
};

static unsigned option(int argc, char **argv, const char *name, unsigned fallback)
{
    for (int i = 1; i + 1 < argc; i++)
        if (str_eq(str_c(argv[i]), str_c(name)))
            return (unsigned)strtoul(argv[i + 1], NULL, 10);
    return fallback;
}

static const char *text_option(int argc, char **argv, const char *name, const char *fallback)
{
    for (int i = 1; i + 1 < argc; i++)
        if (str_eq(str_c(argv[i]), str_c(name)))
            return argv[i + 1];
    return fallback;
}

int main(int argc, char **argv)
{
    static const char *const HOSTS[] = {"siem.example", NULL};
    struct fake *f = NEW(struct fake);
    struct error err;
    char line[256];
    struct console_services services = SERVICES;
    struct console_config config = {.listen = text_option(argc, argv, "--listen", "127.0.0.1:0"),
                                    .web_folder = text_option(argc, argv, "--web", NULL),
                                    .hosts = HOSTS,
                                    .public_https = option(argc, argv, "--https", 0),
                                    .ingest = (enum ingest_policy)option(argc, argv, "--ingest",
                                                                         INGEST_LOOPBACK_OPEN),
                                    .loops = option(argc, argv, "--loops", 0),
                                    .query_queue = option(argc, argv, "--query-queue", 0),
                                    .connections_per_address = option(argc, argv, "--per-address", 0),
                                    .header_timeout_s = option(argc, argv, "--header-timeout", 0),
                                    .session_idle_s = option(argc, argv, "--session-idle", 0),
                                    .stream_clients = option(argc, argv, "--stream-clients", 0)};
    services.ctx = f;
    pthread_mutex_init(&f->lock, NULL);
    pthread_cond_init(&f->changed, NULL);
    pthread_create(&f->answering, NULL, answer_loop, f);
    struct console *c = console_start(&config, &services, &err);
    if (!c) {
        fprintf(stderr, "%s\n", err.text);
        return 1;
    }
    printf("port %u\nsetup %s\n", console_port(c), console_setup_token(c));
    fflush(stdout);
    while (fgets(line, sizeof line, stdin) && obey(f, c, str_trim(str_c(line))))
        continue;
    set(f, &f->holds, false);
    console_stop(c);
    set(f, &f->is_stopping, true);
    pthread_join(f->answering, NULL);
    memory_free(f);
    return 0;
}
