/* Syslog over TCP (RFC 6587). Input stage: one libuv server in the loop thread; framing.c finds the records
 * in the stream, the batcher hands them over when it is full or when the loop has read all that was readable.
 *
 *   on_connection ─► connection ─► on_read ─► take_bytes ─► framing ─► batcher ─► sink
 *                        ▲                                               │ full
 *                        └── resume() ◄── room / retry timer ◄── pause() ┘   nothing is read meanwhile
 *
 * take_bytes() is where plain bytes arrive: a transport that must decrypt first calls it with what it
 * decrypted. */
#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "input/framing.h"
#include "input/internal.h"

#define READ_BYTES          ((size_t)64 << 10) /* one buffer for all: read and framed within one callback */
#define DEFAULT_CONNECTIONS 4096
#define BACKLOG             1024
#define RETRY_MS            20
#define SETTLE_MS           500
#define COMPLAIN_EVERY_NS   (60 * NS_PER_SECOND)
/* Memory for messages that are not complete, of all connections of one server together … */
#define CARRY_MAX_BYTES ((size_t)256 << 20)
/* … and what a connection without one may keep of it. */
#define CARRY_KEPT_BYTES ((size_t)8 << 10)

struct connection {
    uv_tcp_t stream; /* first: a handle is its connection */
    struct tcp *server;
    struct connection *next, *before;
    struct framing framing;
    struct input_count count; /* of the bytes being taken */
    int64_t received_ns;      /* of the bytes being taken */
    char sender[64];
    struct str sender_text;
};

struct tcp {
    struct input *in;
    uv_tcp_t listener;
    uv_check_t after_reading; /* runs when all readable sockets of this turn were read */
    uv_timer_t retry, settle;
    struct connection *connections;
    unsigned count;
    size_t carry_bytes; /* memory of all framings */
    bool is_paused, is_stopping;
    struct batcher batcher;
    char *buffer;
    int64_t complained_ns;
    uint16_t port;
};

/* ---- bytes → records ---- */

static void take_record(void *context, struct str raw, uint16_t flags)
{
    struct connection *c = context;
    input_count_record(&c->count, raw.n, flags);
    batcher_add(&c->server->batcher, raw, c->sender_text, c->received_ns, TRANSPORT_TCP, flags);
}

static void count(struct connection *c)
{
    c->count.cut_bytes = c->framing.cut_bytes;
    c->framing.cut_bytes = 0;
    if (c->count.received > 0 || c->count.cut_bytes > 0)
        counters_add(c->server->in->counters, c->sender_text, c->received_ns, &c->count);
    c->count = (struct input_count){0};
}

static void take_bytes(struct connection *c, struct str bytes)
{
    struct buf *carry = &c->framing.carry;
    c->server->carry_bytes -= carry->capacity;
    c->received_ns = clock_wall_ns();
    framing_feed(&c->framing, bytes, take_record, c);
    count(c);
    if (carry->n == 0 && carry->capacity > CARRY_KEPT_BYTES)
        buf_free(carry);
    c->server->carry_bytes += carry->capacity;
}

/* ---- back-pressure ---- */

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer);

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
    (void)suggested;
    *buffer = uv_buf_init(((struct connection *)handle)->server->buffer, READ_BYTES);
}

static void on_retry(uv_timer_t *timer);

static void pause_reading(struct tcp *tcp)
{
    if (tcp->is_paused || tcp->is_stopping)
        return;
    tcp->is_paused = true;
    for (struct connection *c = tcp->connections; c; c = c->next)
        uv_read_stop((uv_stream_t *)&c->stream);
    uv_timer_start(&tcp->retry, on_retry, RETRY_MS, RETRY_MS);
}

static void resume_reading(struct tcp *tcp)
{
    if (!tcp->is_paused || tcp->is_stopping || !batcher_flush(&tcp->batcher))
        return;
    tcp->is_paused = false;
    uv_timer_stop(&tcp->retry);
    for (struct connection *c = tcp->connections; c; c = c->next)
        (void)uv_read_start((uv_stream_t *)&c->stream, on_alloc, on_read);
}

static void on_retry(uv_timer_t *timer)
{
    resume_reading(timer->data);
}

static void on_turn_end(uv_check_t *check)
{
    struct tcp *tcp = check->data;
    if (!tcp->is_paused && !batcher_flush(&tcp->batcher))
        pause_reading(tcp);
}

/* ---- connections ---- */

static void on_closed(uv_handle_t *handle)
{
    struct connection *c = (struct connection *)handle;
    framing_free(&c->framing);
    memory_free(c);
}

static void close_connection(struct connection *c, bool is_broken)
{
    struct tcp *tcp = c->server;
    c->received_ns = clock_wall_ns();
    framing_end(&c->framing, is_broken, take_record, c);
    count(c);
    tcp->carry_bytes -= c->framing.carry.capacity;
    if (c->before)
        c->before->next = c->next;
    else
        tcp->connections = c->next;
    if (c->next)
        c->next->before = c->before;
    tcp->count--;
    uv_close((uv_handle_t *)&c->stream, on_closed);
}

static void complain(struct tcp *tcp, const char *why)
{
    int64_t now = clock_monotonic_ns();
    if (tcp->complained_ns && now - tcp->complained_ns < COMPLAIN_EVERY_NS)
        return;
    tcp->complained_ns = now;
    log_warning(tr("input %s turns connections away: %s", "入力 %s は接続を断っています: %s"),
                tcp->in->settings.name, why);
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buffer)
{
    struct connection *c = (struct connection *)stream;
    struct tcp *tcp = c->server;
    if (n > 0)
        take_bytes(c, str_n(buffer->base, (size_t)n));
    if (n < 0) {
        close_connection(c, n != UV_EOF);
    } else if (tcp->carry_bytes > CARRY_MAX_BYTES && c->framing.carry.n > 0) {
        complain(tcp, tr("incomplete messages take too much memory",
                         "未完のメッセージがメモリーの上限に達しました"));
        close_connection(c, true);
    }
    if (batcher_is_blocked(&tcp->batcher))
        pause_reading(tcp);
}

static void name_peer(struct connection *c)
{
    struct sockaddr_storage peer = {0};
    int n = sizeof peer;
    (void)uv_tcp_getpeername(&c->stream, (struct sockaddr *)&peer, &n); /* gone already: "(unknown)" */
    c->sender_text = sender_text((const struct sockaddr *)&peer, c->sender);
}

static void on_connection(uv_stream_t *listener, int status)
{
    struct tcp *tcp = listener->data;
    if (status < 0) {
        complain(tcp, uv_strerror(status));
        return;
    }
    struct connection *c = NEW(struct connection);
    c->server = tcp;
    framing_init(&c->framing, tcp->in->settings.max_message_bytes);
    BUG_IF(uv_tcp_init(tcp->in->loop, &c->stream) != 0);
    if (uv_accept(listener, (uv_stream_t *)&c->stream) != 0 ||
        tcp->count >= tcp->in->settings.max_connections) {
        complain(tcp, tr("there are too many", "接続数の上限です"));
        uv_close((uv_handle_t *)&c->stream, on_closed);
        return;
    }
    name_peer(c);
    c->next = tcp->connections;
    if (c->next)
        c->next->before = c;
    tcp->connections = c;
    tcp->count++;
    (void)uv_tcp_keepalive(&c->stream, 1, 60);
    if (!tcp->is_paused)
        (void)uv_read_start((uv_stream_t *)&c->stream, on_alloc, on_read);
}

static void on_settle(uv_timer_t *timer)
{
    struct tcp *tcp = timer->data;
    for (struct connection *c = tcp->connections; c && !tcp->is_paused; c = c->next) {
        if (c->framing.carry.n == 0)
            continue;
        c->received_ns = clock_wall_ns();
        framing_settle(&c->framing, take_record, c);
        count(c);
    }
}

/* ---- the plug-in ---- */

static bool listen_error(const struct input *in, int code, struct error *err)
{
    return error_set(err,
                     tr("input %s: cannot listen on %s port %u (TCP): %s",
                        "入力 %s: %s ポート %u (TCP) で待ち受けできません: %s"),
                     in->settings.name, in->settings.address, in->settings.port, uv_strerror(code));
}

static uint16_t port_of(const uv_tcp_t *listener)
{
    struct sockaddr_storage address = {0};
    int n = sizeof address;
    if (uv_tcp_getsockname(listener, (struct sockaddr *)&address, &n) != 0)
        return 0;
    return ntohs(address.ss_family == AF_INET ? ((struct sockaddr_in *)&address)->sin_port
                                              : ((struct sockaddr_in6 *)&address)->sin6_port);
}

static bool tcp_open(struct input *in, struct error *err)
{
    struct tcp *tcp = in->state = NEW(struct tcp);
    struct sockaddr_storage address = {0};
    tcp->in = in;
    tcp->buffer = memory_alloc(READ_BYTES);
    batcher_init(&tcp->batcher, in->sink);
    if (!in->settings.max_connections)
        in->settings.max_connections = DEFAULT_CONNECTIONS;
    uv_tcp_init(in->loop, &tcp->listener);
    uv_check_init(in->loop, &tcp->after_reading);
    uv_timer_init(in->loop, &tcp->retry);
    uv_timer_init(in->loop, &tcp->settle);
    tcp->listener.data = tcp->after_reading.data = tcp->retry.data = tcp->settle.data = tcp;
    int code = uv_ip4_addr(in->settings.address, in->settings.port, (struct sockaddr_in *)&address);
    if (code != 0)
        code = uv_ip6_addr(in->settings.address, in->settings.port, (struct sockaddr_in6 *)&address);
    if (code == 0)
        code = uv_tcp_bind(&tcp->listener, (struct sockaddr *)&address, 0);
    if (code == 0)
        code = uv_listen((uv_stream_t *)&tcp->listener, BACKLOG, on_connection);
    if (code != 0)
        return listen_error(in, code, err);
    tcp->port = port_of(&tcp->listener);
    return true;
}

static bool tcp_start(struct input *in, struct error *err)
{
    struct tcp *tcp = in->state;
    (void)err;
    uv_check_start(&tcp->after_reading, on_turn_end);
    uv_timer_start(&tcp->settle, on_settle, SETTLE_MS, SETTLE_MS);
    return true;
}

static void tcp_room(struct input *in)
{
    resume_reading(in->state);
}

static void tcp_stop(struct input *in)
{
    struct tcp *tcp = in->state;
    tcp->is_stopping = true;
    while (tcp->connections)
        close_connection(tcp->connections, true);
    uv_close((uv_handle_t *)&tcp->listener, NULL);
    uv_close((uv_handle_t *)&tcp->after_reading, NULL);
    uv_close((uv_handle_t *)&tcp->retry, NULL);
    uv_close((uv_handle_t *)&tcp->settle, NULL);
}

static bool tcp_drain(struct input *in, bool gives_up)
{
    struct tcp *tcp = in->state;
    bool is_done = batcher_flush(&tcp->batcher);
    if (gives_up)
        batcher_drop(&tcp->batcher, in->counters);
    return is_done;
}

static void tcp_close(struct input *in)
{
    struct tcp *tcp = in->state;
    batcher_free(&tcp->batcher);
    memory_free(tcp->buffer);
    memory_free(tcp);
}

static uint16_t tcp_port(const struct input *in)
{
    return ((const struct tcp *)in->state)->port;
}

const struct input_type input_syslog_tcp = {
    .name = "syslog_tcp",
    .transport = TRANSPORT_TCP,
    .needs_address = true,
    .open = tcp_open,
    .start = tcp_start,
    .room = tcp_room,
    .stop = tcp_stop,
    .drain = tcp_drain,
    .close = tcp_close,
    .port = tcp_port,
};
