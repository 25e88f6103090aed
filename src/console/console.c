/* Puts the console together and takes it apart. Stage: console. Reads the configuration, leaves a running
 * server. The files in reading order: services.h (what it shows), router.h and the api_*.c (what it answers),
 * gate.c (who may), http.c (how), stream.c (live), auth.c, static_files.c. */
#include "console/console_internal.h"

#include <time.h>

#include "base/memory.h"
#include "base/poked_thread.h"
#include "console/report_form.h"
#include "console/sessions.h"
#include "console/upload.h"

#define PASSWORD_THREADS  2
#define PASSWORD_QUEUE    32
#define SWEEP_SECONDS     60
#define WITHDRAWN_SECONDS 2
#define SENDING_GRACE_NS  (3 * NS_PER_SECOND)

struct housekeeping {
    struct console *console;
    struct poked_thread thread;
    unsigned second;
};

static int64_t keep_house(void *context)
{
    struct housekeeping *k = context;
    k->second++;
    http_enforce_limits(k->console->http, clock_monotonic_ns());
    if (k->second % SWEEP_SECONDS == 0)
        sessions_sweep(auth_sessions(k->console->auth), clock_wall_ns());
    if (k->second % WITHDRAWN_SECONDS == 0)
        sessions_end_withdrawn(auth_sessions(k->console->auth));
    return NS_PER_SECOND;
}

static struct housekeeping *housekeeping_start(struct console *c)
{
    struct housekeeping *k = NEW(struct housekeeping);
    k->console = c;
    poked_thread_start(&k->thread, "console", keep_house, k);
    return k;
}

static void housekeeping_stop(struct housekeeping *k)
{
    if (!k)
        return;
    poked_thread_stop(&k->thread);
    memory_free(k);
}

static void default_to(unsigned *value, unsigned fallback)
{
    if (*value == 0)
        *value = fallback;
}

static void fill_defaults(struct console_config *config)
{
    default_to(&config->loops, 1);
    default_to(&config->query_threads, 2);
    default_to(&config->query_queue, 64);
    default_to(&config->connections, 2048);
    default_to(&config->connections_per_address, 256);
    default_to(&config->header_timeout_s, 15);
    default_to(&config->idle_timeout_s, 30);
    default_to(&config->session_idle_s, 12 * 3600);
    default_to(&config->session_max_s, 7 * 24 * 3600);
    default_to(&config->stream_clients, 1000);
    if (config->ingest_body_bytes == 0)
        config->ingest_body_bytes = (size_t)16 << 20;
}

static void session_ended(void *context, const unsigned char *hash)
{
    stream_end_session(((struct console *)context)->stream, hash);
}

static void start_parts(struct console *c)
{
    struct auth_options options = {.session_idle_ns = c->config.session_idle_s * NS_PER_SECOND,
                                   .session_longest_ns = c->config.session_max_s * NS_PER_SECOND};
    c->stream = stream_new(c->config.stream_clients, &c->services);
    c->auth = auth_new(&options, &c->services);
    c->report_form = report_form_new(c->config.reports_per_address);
    sessions_on_end(auth_sessions(c->auth), session_ended, c);
    c->query_workers = work_new(c->config.query_threads, c->config.query_queue, "query", http_run_on_worker);
    c->password_workers = work_new(PASSWORD_THREADS, PASSWORD_QUEUE, "password", http_run_on_worker);
}

static void free_parts(struct console *c)
{
    work_free(c->query_workers);
    work_free(c->password_workers);
    stream_free(c->stream);
    report_form_free(c->report_form);
    auth_free(c->auth);
    static_files_free(c->files);
    memory_free(c);
}

struct console *console_start(const struct console_config *config, const struct console_services *services,
                              struct error *err)
{
    struct console *c = NEW(struct console);
    c->config = *config;
    c->services = *services;
    fill_defaults(&c->config);
    c->files = static_files_load(config->web_folder, err);
    if (!c->files) {
        memory_free(c);
        return NULL;
    }
    if (c->config.upload_folder)
        upload_clear(c->config.upload_folder);
    start_parts(c);
    c->http = http_start(c, err);
    if (!c->http) {
        free_parts(c);
        return NULL;
    }
    c->housekeeping = housekeeping_start(c);
    return c;
}

/* Whoever was promised an answer gets it; a client that does not read it is not waited for long. */
static void wait_for_answers(struct console *c)
{
    int64_t answered_ns = 0;
    while (atomic_load(&c->running) ||
           (atomic_load(&c->sending) &&
            (answered_ns == 0 || clock_monotonic_ns() < answered_ns + SENDING_GRACE_NS))) {
        struct timespec pause = {.tv_nsec = 5 * NS_PER_MS};
        if (answered_ns == 0 && atomic_load(&c->running) == 0)
            answered_ns = clock_monotonic_ns();
        nanosleep(&pause, NULL);
    }
}

void console_stop(struct console *c)
{
    if (!c)
        return;
    atomic_store(&c->is_stopping, true);
    housekeeping_stop(c->housekeeping);
    stream_close(c->stream);
    wait_for_answers(c);
    http_stop(c->http);
    free_parts(c);
}

unsigned console_port(const struct console *c)
{
    return http_port(c->http);
}

const char *console_setup_token(struct console *c)
{
    return auth_setup_token(c->auth);
}

void console_end_sessions_of(struct console *c, struct str user)
{
    sessions_close_user(auth_sessions(c->auth), user);
}

void console_publish_finding(struct console *c, const struct finding *finding)
{
    stream_publish_finding(c->stream, finding);
}

void console_publish_incident(struct console *c, const struct incident *incident)
{
    stream_publish_incident(c->stream, incident);
}

void console_offer_events(struct console *c, const struct batch *batch)
{
    stream_offer_events(c->stream, batch);
}
