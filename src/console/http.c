/* The HTTP server. Stage: console. The only file that knows libmicrohttpd. Reads requests from its event
 * loop, leaves them at the gate and with their handlers, sends the replies.
 *
 *   head ── gate_enter ──► body collected ── gate_body ──► handler on the loop ─────────────────► reply
 *                │ refused                                 handler on a worker (suspended) ─► resumed ─┘
 *                └──────► body thrown away ──► reply       service answers later (suspended) ─┘
 *
 * A request belongs to the loop's thread, except between suspend and resume, when it belongs to a worker or a
 * service. Next: gate.c. */
#include <microhttpd.h>
#include <stddef.h>
#include <stdio.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "console/connections.h"
#include "console/console_internal.h"
#include "console/listen.h"
#include "console/router.h"
#include "console/upload.h"

#define HEAD_BYTES_MAX  ((size_t)64 << 10)
#define POOL_BYTES      (HEAD_BYTES_MAX + ((size_t)16 << 10))
#define STREAM_BLOCK    4096
#define SLOWEST_BYTES_S 8192                 /* bodies and replies slower than this … */
#define BODY_GRACE_NS   (30 * NS_PER_SECOND) /* … get this much time on top */
#define KEEP_ALIVE_NS   (75 * NS_PER_SECOND)

struct http_server {
    struct console *console;
    struct MHD_Daemon *daemon;
    unsigned port;
    struct connections *connections;
};

/* What the library hands back to us with every callback of a request. */
struct exchange {
    struct request request;
    struct http_server *server;
    struct MHD_Connection *connection;
    enum { EXCHANGE_BODY, EXCHANGE_RUNNING, EXCHANGE_ANSWERED } state;
    uint64_t body_bytes; /* received, kept or not */
};

/* ------------------------------------------------------------ connections */

static struct connection *connection_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info ? info->socket_context : NULL;
}

static int64_t in_seconds(unsigned seconds)
{
    return clock_monotonic_ns() + (int64_t)seconds * NS_PER_SECOND;
}

static struct connection *opened(struct http_server *h, struct MHD_Connection *connection)
{
    struct ip ip;
    int fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
    address_to_ip(MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr, &ip);
    return connection_open(h->connections, fd, &ip, in_seconds(h->console->config.header_timeout_s));
}

/* The library tells of the end before it closes the socket. */
static void on_connection(void *context, struct MHD_Connection *connection, void **socket_context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct http_server *h = context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *socket_context = opened(h, connection);
    } else {
        connection_close(h->connections, *socket_context);
        *socket_context = NULL;
    }
}

static enum MHD_Result on_accept(void *context, const struct sockaddr *address, socklen_t length)
{
    struct http_server *h = context;
    struct ip ip;
    (void)length;
    address_to_ip(address, &ip);
    if (connections_from(h->connections, &ip) < h->console->config.connections_per_address)
        return MHD_YES;
    atomic_fetch_add(&h->console->numbers.refused_connections, 1);
    return MHD_NO;
}

void http_enforce_limits(struct http_server *h, int64_t now_ns)
{
    atomic_fetch_add(&h->console->numbers.timed_out_connections, connections_enforce(h->connections, now_ns));
}

/* --------------------------------------------------------------- requests */

/* The raw target, before the library takes it apart; and the moment from which the head has its time. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    struct http_server *h = context;
    struct connection *c = connection_of(connection);
    buf_clear(&c->target);
    buf_c(&c->target, target);
    connection_deadline(c, in_seconds(h->console->config.header_timeout_s));
    return NULL;
}

/* target.c decodes; the library must not. */
static size_t keep_escapes(void *context, struct MHD_Connection *connection, char *s)
{
    (void)context;
    (void)connection;
    return strlen(s);
}

static enum MHD_Result collect_header(void *context, enum MHD_ValueKind kind, const char *name,
                                      const char *value)
{
    struct request *r = context;
    (void)kind;
    if (r->header_count == REQUEST_HEADERS_MAX)
        return MHD_NO;
    r->headers[r->header_count++] = (struct pair){str_c(name), value ? str_c(value) : STR_EMPTY};
    return MHD_YES;
}

static void resume(struct request *r);

static struct exchange *exchange_new(struct http_server *h, struct MHD_Connection *connection,
                                     const char *method)
{
    struct exchange *x = NEW(struct exchange);
    struct connection *c = connection_of(connection);
    struct request *r = &x->request;
    x->server = h;
    x->connection = connection;
    arena_init(&r->arena, 4096);
    r->console = h->console;
    r->services = &h->console->services;
    r->is_loopback = c->is_loopback;
    r->is_https = h->console->config.public_https || h->console->config.certificate_pem;
    r->finish = resume;
    ip_format(&c->ip, r->address);
    MHD_get_connection_values(connection, MHD_HEADER_KIND, collect_header, r);
    gate_enter(r, buf_str(&c->target), str_c(method));
    /* a file has this long for each piece of it, see take_body */
    size_t whole = r->upload ? 0 : gate_body_limit(r);
    connection_deadline(c, clock_monotonic_ns() + BODY_GRACE_NS +
                               (int64_t)(whole / SLOWEST_BYTES_S) * NS_PER_SECOND);
    return x;
}

static void exchange_free(struct exchange *x)
{
    buf_free(&x->request.body);
    buf_free(&x->request.reply.body);
    upload_free(x->request.upload);
    if (x->request.reply.fd)
        close(x->request.reply.fd);
    if (x->request.reply.stream)
        stream_unsubscribe(x->request.reply.stream);
    arena_free(&x->request.arena);
    memory_free(x);
}

/* ---------------------------------------------------------------- replies */

static void suspend_connection(void *connection)
{
    MHD_suspend_connection(connection);
}

static void resume_connection(void *connection)
{
    MHD_resume_connection(connection);
}

static ssize_t read_stream(void *context, uint64_t position, char *out, size_t max)
{
    struct exchange *x = context;
    (void)position;
    ssize_t n = stream_read(x->request.reply.stream, out, max);
    return n < 0 ? MHD_CONTENT_READER_END_OF_STREAM : n;
}

static struct MHD_Response *response_of(struct exchange *x)
{
    struct request *r = &x->request;
    struct reply *reply = &r->reply;
    if (reply->stream) {
        stream_attach(reply->stream, suspend_connection, resume_connection, x->connection);
        return MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, STREAM_BLOCK, read_stream, x, NULL);
    }
    if (reply->file) {
        struct str bytes = reply->file_gzip ? reply->file->gzip : reply->file->bytes;
        return MHD_create_response_from_buffer(bytes.n, (void *)(uintptr_t)bytes.p, MHD_RESPMEM_PERSISTENT);
    }
    if (reply->fd) {
        int fd = reply->fd; /* the response closes it */
        reply->fd = 0;
        return MHD_create_response_from_fd64(reply->fd_bytes, fd);
    }
    /* the exchange outlives the response: it is freed when the request is completed */
    return MHD_create_response_from_buffer(reply->body.n,
                                           reply->body.p ? reply->body.p : (void *)(uintptr_t) "",
                                           MHD_RESPMEM_PERSISTENT);
}

static void add_header(struct MHD_Response *response, const char *name, const char *value)
{
    /* refused only for characters that cannot stand in a header: better without it than with a broken reply
     */
    (void)MHD_add_response_header(response, name, value);
}

static void add_headers(struct MHD_Response *response, const struct request *r)
{
    static const char *const ALWAYS[][2] = {
        {"Content-Security-Policy",
         "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
         "object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Frame-Options", "DENY"},
        {"Referrer-Policy", "no-referrer"},
        {"Permissions-Policy", "camera=(), geolocation=(), microphone=(), payment=(), usb=()"},
        {"Cross-Origin-Opener-Policy", "same-origin"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    bool has_cache_control = false;
    for (size_t i = 0; i < COUNT_OF(ALWAYS); i++)
        add_header(response, ALWAYS[i][0], ALWAYS[i][1]);
    for (size_t i = 0; i < r->reply.header_count; i++) {
        add_header(response, r->reply.headers[i].name.p, r->reply.headers[i].value.p);
        has_cache_control |= str_eq(r->reply.headers[i].name, STR("Cache-Control"));
    }
    if (r->reply.content_type)
        add_header(response, "Content-Type", r->reply.content_type);
    if (!has_cache_control)
        add_header(response, "Cache-Control", "no-store");
    if (r->is_https)
        add_header(response, "Strict-Transport-Security", "max-age=31536000");
    if (r->reply.close)
        add_header(response, "Connection", "close");
}

static void count_reply(struct console *c, const struct request *r)
{
    unsigned class = (unsigned)r->reply.status / 100;
    atomic_fetch_add_explicit(&c->numbers.by_class[class < 6 ? class : 0], 1, memory_order_relaxed);
    if (!r->reply.stream)
        metrics_observe(&c->numbers.latency, clock_monotonic_ns() - r->started_ns);
}

static enum MHD_Result send_reply(struct exchange *x)
{
    struct request *r = &x->request;
    size_t bytes = r->reply.fd ? r->reply.fd_bytes : r->reply.file ? r->reply.file->bytes.n : r->reply.body.n;
    struct MHD_Response *response = response_of(x);
    int64_t time_ns = BODY_GRACE_NS + (int64_t)(bytes / SLOWEST_BYTES_S) * NS_PER_SECOND;
    add_headers(response, r);
    count_reply(x->server->console, r);
    connection_deadline(connection_of(x->connection),
                        r->reply.stream ? NO_DEADLINE : clock_monotonic_ns() + time_ns);
    enum MHD_Result result = MHD_queue_response(x->connection, (unsigned)r->reply.status, response);
    MHD_destroy_response(response);
    return result;
}

/* --------------------------------------------------------------- dispatch */

static void answered(struct exchange *x)
{
    gate_leave(&x->request);
    x->state = EXCHANGE_ANSWERED;
    atomic_fetch_add(&x->server->console->sending, 1);
}

/* Gives a suspended request back to its loop. The last thing its worker or service does with it. */
static void resume(struct request *r)
{
    struct exchange *x = (struct exchange *)(void *)((char *)r - offsetof(struct exchange, request));
    struct console *c = r->console;
    answered(x);
    MHD_resume_connection(x->connection);
    atomic_fetch_sub(&c->running, 1);
}

void http_run_on_worker(void *item)
{
    struct request *r = item;
    gate_run(r);
    resume(r);
}

static void too_busy(struct request *r)
{
    reply_problem_retry(r, PROBLEM_UNAVAILABLE, 2, STR("Too many requests are waiting."),
                        STR("待機中のリクエストが多すぎます。"));
}

/* Counts the request as running, unless the console is stopping: console_stop() first says so, then waits for
 * the count. */
static bool may_run(struct request *r)
{
    struct console *c = r->console;
    atomic_fetch_add(&c->running, 1);
    if (!atomic_load(&c->is_stopping))
        return true;
    atomic_fetch_sub(&c->running, 1);
    reply_problem_retry(r, PROBLEM_UNAVAILABLE, 10, STR("The server is shutting down."),
                        STR("サーバーを停止しています。"));
    return false;
}

/* Suspends first: whoever takes the request may be done before we return. */
static void hand_over(struct exchange *x)
{
    struct request *r = &x->request;
    struct console *c = r->console;
    struct work *workers = r->route->run == RUN_PASSWORD ? c->password_workers : c->query_workers;
    x->state = EXCHANGE_RUNNING;
    connection_deadline(connection_of(x->connection), NO_DEADLINE);
    MHD_suspend_connection(x->connection);
    if (r->route->run == RUN_ASYNC) {
        r->route->handler(r);
    } else if (!work_submit(workers, r)) {
        too_busy(r);
        resume(r);
    }
}

static enum MHD_Result dispatch(struct exchange *x)
{
    struct request *r = &x->request;
    if (r->reply.status == 0)
        gate_body(r);
    if (r->reply.status == 0 && r->route->run != RUN_INLINE && may_run(r)) {
        hand_over(x);
        return MHD_YES;
    }
    if (r->reply.status == 0)
        gate_run(r);
    answered(x);
    return send_reply(x);
}

/* A body that is too long without having said so is read on for a while, so that the client gets to hear why,
 * and then cut off. */
static enum MHD_Result take_body(struct exchange *x, const char *bytes, size_t *n)
{
    struct request *r = &x->request;
    size_t limit = gate_body_limit(r);
    x->body_bytes += *n;
    if (x->body_bytes > 2 * limit)
        return MHD_NO;
    if (r->reply.status == 0 && x->body_bytes > limit) {
        reply_problem(r, PROBLEM_TOO_LARGE,
                      arena_printf(&r->arena, "At most %zu bytes are taken at once.", limit),
                      arena_printf(&r->arena, "一度に送れるのは%zuバイトまでです。", limit));
        buf_free(&r->body);
        upload_free(r->upload);
        r->upload = NULL;
    }
    if (r->reply.status == 0 && r->upload) {
        gate_file(r, str_n(bytes, *n));
        connection_deadline(connection_of(x->connection), clock_monotonic_ns() + BODY_GRACE_NS);
    } else if (r->reply.status == 0) {
        buf_bytes(&r->body, bytes, *n);
    }
    *n = 0;
    return MHD_YES;
}

/* Refused while the body is still to come: what may be sent is read to its end and thrown away, because
 * closing on a client that is still writing would destroy the answer. Only a body that announces itself as
 * too long, or waits to be asked for (Expect), is answered at once. */
static bool answers_at_once(const struct request *r)
{
    uint64_t length = 0;
    struct str text = request_header(r, "Content-Length");
    if (r->reply.status == 0)
        return false;
    return r->reply.close || str_eq_nocase(request_header(r, "Expect"), STR("100-continue")) ||
           (text.n && (!str_to_u64(text, 10, &length) || length > gate_body_limit(r)));
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *upload,
                                  size_t *upload_bytes, void **exchange)
{
    struct exchange *x = *exchange;
    (void)url;
    (void)version;
    if (!x) {
        *exchange = x = exchange_new(context, connection, method);
        if (!answers_at_once(&x->request))
            return MHD_YES;
        x->request.reply.close = true;
        answered(x);
        return send_reply(x);
    }
    if (*upload_bytes)
        return take_body(x, upload, upload_bytes);
    if (x->state == EXCHANGE_BODY)
        return dispatch(x);
    BUG_IF(x->state != EXCHANGE_ANSWERED);
    return send_reply(x);
}

static void on_completed(void *context, struct MHD_Connection *connection, void **exchange,
                         enum MHD_RequestTerminationCode code)
{
    struct http_server *h = context;
    struct exchange *x = *exchange;
    (void)code;
    if (x && x->state == EXCHANGE_ANSWERED)
        atomic_fetch_sub(&h->console->sending, 1);
    if (x)
        exchange_free(x);
    *exchange = NULL;
    struct connection *c = connection_of(connection);
    if (c)
        connection_deadline(c, clock_monotonic_ns() + KEEP_ALIVE_NS);
}

/* ------------------------------------------------------------- life cycle */

static void log_message(void *context, const char *format, va_list arguments)
{
    char text[256];
    (void)context;
    int n = vsnprintf(text, sizeof text, format, arguments);
    while (n > 0 && n < (int)sizeof text && text[n - 1] == '\n')
        text[--n] = '\0';
    log_debug("http: %s", text);
}

static struct MHD_Daemon *start_daemon(struct http_server *h, int fd)
{
    const struct console_config *config = &h->console->config;
    bool tls = config->certificate_pem && config->key_pem;
    unsigned flags = MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    const struct MHD_OptionItem tls_options[] = {{MHD_OPTION_HTTPS_MEM_CERT, 0,
                                                  (void *)(uintptr_t)config->certificate_pem},
                                                 {MHD_OPTION_HTTPS_MEM_KEY, 0,
                                                  (void *)(uintptr_t)config->key_pem},
                                                 {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem pool_options[] = {{MHD_OPTION_THREAD_POOL_SIZE, config->loops, NULL},
                                                  {MHD_OPTION_END, 0, NULL}};
    const struct MHD_OptionItem nothing[] = {{MHD_OPTION_END, 0, NULL}};
    return MHD_start_daemon(flags | (tls ? MHD_USE_TLS : 0), 0, on_accept, h, on_request, h,
                            MHD_OPTION_EXTERNAL_LOGGER, log_message, NULL, MHD_OPTION_LISTEN_SOCKET, fd,
                            MHD_OPTION_CONNECTION_LIMIT, config->connections,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, POOL_BYTES, MHD_OPTION_CONNECTION_TIMEOUT,
                            config->idle_timeout_s, MHD_OPTION_STRICT_FOR_CLIENT, 1,
                            MHD_OPTION_NOTIFY_CONNECTION, on_connection, h, MHD_OPTION_NOTIFY_COMPLETED,
                            on_completed, h, MHD_OPTION_URI_LOG_CALLBACK, on_target, h,
                            MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL, MHD_OPTION_ARRAY,
                            tls ? tls_options : nothing, MHD_OPTION_ARRAY,
                            config->loops > 1 ? pool_options : nothing, MHD_OPTION_END);
}

struct http_server *http_start(struct console *c, struct error *err)
{
    int fd;
    struct http_server *h = NEW(struct http_server);
    h->console = c;
    h->connections = connections_new();
    if (listen_open(c->config.listen, &fd, &h->port, err)) {
        h->daemon = start_daemon(h, fd);
        if (h->daemon)
            return h;
        close(fd);
        error_set(err,
                  "cannot start the HTTP server on %s; check the TLS certificate and key, and the limit of "
                  "open files "
                  "(ulimit -n).",
                  c->config.listen);
    }
    connections_free(h->connections);
    memory_free(h);
    return NULL;
}

unsigned http_port(const struct http_server *h)
{
    return h->port;
}

/* Nothing may be suspended any more: workers and services have answered, streams are closed. */
void http_stop(struct http_server *h)
{
    if (!h)
        return;
    MHD_stop_daemon(h->daemon);
    connections_free(h->connections);
    memory_free(h);
}
