/* Syslog over UDP (RFC 5426): one datagram is one record. Input stage: reads sockets that share one port
 * (SO_REUSEPORT), one thread each, leaves batches in the sink.
 *
 * What the kernel drops because the socket's buffer is full is counted exactly: the socket's drop counter
 * comes with every datagram (SO_RXQ_OVFL) as it stood when that datagram was queued, and SO_MEMINFO tells it
 * after the last one. */
#include <arpa/inet.h>
#include <errno.h>
#include <limits.h>
#include <linux/sock_diag.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/ip.h"
#include "base/log.h"
#include "base/memory.h"
#include "input/framing.h"
#include "input/internal.h"

#define SLOTS               256
#define SLOT_BYTES          ((size_t)64 << 10) /* no datagram is longer */
#define DEFAULT_BUFFER      ((size_t)32 << 20)
#define WAITING_BATCHES_MAX 16 /* turned away by the sink and kept; further datagrams are lost */
#define RETRY_MS            10
#define IDLE_MS             1000
/* Blocks of SLOTS read before the batch that is filling is handed over and the kernel's counter asked. */
#define ROUNDS_MAX 16
/* At the end: what a full buffer holds, but no endless flood. */
#define LAST_ROUNDS_MAX 2048

struct slots {
    struct mmsghdr headers[SLOTS];
    struct iovec parts[SLOTS];
    struct sockaddr_storage peers[SLOTS];
    char controls[SLOTS][CMSG_SPACE(sizeof(uint32_t)) + CMSG_SPACE(64)];
    char *bytes; /* SLOTS × SLOT_BYTES; pages are touched only where datagrams reach */
};

struct udp_socket {
    struct input *in;
    int fd;
    int stop_fd;
    pthread_t thread;
    bool is_running;
    struct slots *slots;
    struct batcher batcher;
    uint32_t drops; /* the kernel's counter as last seen; wraps */
    char peer[64];  /* text of the last sender … */
    struct str peer_text;
    struct sockaddr_storage peer_address; /* … and its address, for runs of one sender */
    struct input_count run;               /* of that sender, not yet counted */
};

struct udp {
    struct udp_socket *sockets;
    unsigned count;
};

static bool parse_address(const struct input_settings *s, struct sockaddr_storage *out, socklen_t *n)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    *out = (struct sockaddr_storage){0};
    if (inet_pton(AF_INET, s->address, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(s->port);
        *n = sizeof *v4;
        return true;
    }
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(s->port);
    *n = sizeof *v6;
    return inet_pton(AF_INET6, s->address, &v6->sin6_addr) == 1;
}

/* As large as allowed: beyond net.core.rmem_max when privileged. */
static void set_buffer(int fd, size_t bytes)
{
    int wanted = (int)(bytes == 0 ? DEFAULT_BUFFER : bytes < INT_MAX / 2 ? bytes : INT_MAX / 2);
    if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &wanted, sizeof wanted) != 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &wanted, sizeof wanted);
}

/* SO_REUSEPORT would let a second program of the same user share the port and take half of the datagrams
 * unnoticed: a socket without it finds out. */
static bool is_free(const struct sockaddr_storage *address, socklen_t n)
{
    int fd = socket(address->ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    bool is_bound = fd >= 0 && bind(fd, (const struct sockaddr *)address, n) == 0;
    int why = errno;
    if (fd >= 0)
        close(fd);
    errno = why;
    return is_bound;
}

static bool cannot_listen(const struct input *in, struct error *err)
{
    return error_errno(err,
                       tr("input %s: cannot listen on %s port %u (UDP)",
                          "入力 %s: %s ポート %u (UDP) で待ち受けできません"),
                       in->settings.name, in->settings.address, in->settings.port);
}

static bool open_socket(struct udp_socket *u, struct input *in, bool is_first, struct error *err)
{
    struct sockaddr_storage address = {0};
    socklen_t n = 0;
    const int yes = 1;
    if (!parse_address(&in->settings, &address, &n))
        return error_set(err,
                         tr("input %s: \"%s\" is not an IP address of this machine",
                            "入力 %s: \"%s\" はこのマシンの IP アドレスではありません"),
                         in->settings.name, in->settings.address);
    if (is_first && !is_free(&address, n))
        return cannot_listen(in, err);
    u->fd = socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    u->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (u->fd < 0 || u->stop_fd < 0)
        return error_errno(err, tr("input %s: cannot create a socket", "入力 %s: ソケットを作成できません"),
                           in->settings.name);
    set_buffer(u->fd, in->settings.receive_buffer_bytes);
    if (setsockopt(u->fd, SOL_SOCKET, SO_REUSEPORT, &yes, sizeof yes) != 0 ||
        setsockopt(u->fd, SOL_SOCKET, SO_RXQ_OVFL, &yes, sizeof yes) != 0 ||
        bind(u->fd, (struct sockaddr *)&address, n) != 0)
        return cannot_listen(in, err);
    return true;
}

static uint16_t bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t n = sizeof address;
    if (getsockname(fd, &address.any, &n) != 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET ? address.v4.sin_port : address.v6.sin6_port);
}

static struct slots *slots_new(void)
{
    struct slots *s = NEW(struct slots);
    s->bytes = memory_alloc(SLOTS * SLOT_BYTES);
    for (size_t i = 0; i < SLOTS; i++) {
        s->parts[i] = (struct iovec){s->bytes + i * SLOT_BYTES, SLOT_BYTES};
        s->headers[i].msg_hdr = (struct msghdr){
            .msg_name = &s->peers[i],
            .msg_iov = &s->parts[i],
            .msg_iovlen = 1,
            .msg_control = s->controls[i],
        };
    }
    return s;
}

/* ---- the thread of one socket ---- */

static void count_run(struct udp_socket *u, int64_t now_ns)
{
    if (u->run.received == 0)
        return;
    counters_add(u->in->counters, u->peer_text, now_ns, &u->run);
    u->run = (struct input_count){0};
}

static bool same_peer(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family)
        return false;
    if (a->ss_family == AF_INET)
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr ==
               ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr,
                  16) == 0;
}

static void set_peer(struct udp_socket *u, const struct sockaddr_storage *peer, int64_t now_ns)
{
    if (same_peer(peer, &u->peer_address))
        return;
    count_run(u, now_ns);
    u->peer_address = *peer;
    u->peer_text = sender_text((const struct sockaddr *)peer, u->peer);
}

static void count_drops(struct udp_socket *u, uint32_t now_dropped, int64_t now_ns)
{
    uint32_t more = now_dropped - u->drops;
    if (more == 0 || more > UINT32_MAX / 2) /* an older reading of the counter */
        return;
    u->drops = now_dropped;
    const struct input_count count = {.received = more, .lost = more};
    counters_add(u->in->counters, str_c(u->in->settings.name), now_ns, &count);
}

static void read_drops(struct udp_socket *u, struct msghdr *h, int64_t now_ns)
{
    for (struct cmsghdr *c = CMSG_FIRSTHDR(h); c; c = CMSG_NXTHDR(h, c)) {
        uint32_t dropped;
        if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SO_RXQ_OVFL)
            continue;
        memcpy(&dropped, CMSG_DATA(c), sizeof dropped);
        count_drops(u, dropped, now_ns);
    }
}

static void ask_drops(struct udp_socket *u)
{
    uint32_t info[SK_MEMINFO_VARS] = {0};
    socklen_t n = sizeof info;
    if (getsockopt(u->fd, SOL_SOCKET, SO_MEMINFO, info, &n) == 0 && n > SK_MEMINFO_DROPS * sizeof info[0])
        count_drops(u, info[SK_MEMINFO_DROPS], clock_wall_ns());
}

/* Many senders end a datagram like a line; that end is framing. */
static struct str without_line_end(struct str s)
{
    if (s.n > 0 && (s.p[s.n - 1] == '\n' || s.p[s.n - 1] == '\0'))
        s.n--;
    if (s.n > 0 && s.p[s.n - 1] == '\r')
        s.n--;
    return s;
}

static void take_datagram(struct udp_socket *u, struct str raw, int64_t now_ns)
{
    size_t most = u->in->settings.max_message_bytes;
    uint16_t flags = 0;
    raw = without_line_end(raw);
    if (raw.n == 0)
        return;
    if (raw.n > most) {
        u->run.cut_bytes += raw.n - most;
        raw.n = most;
        flags = RECORD_CUT;
    }
    input_count_record(&u->run, raw.n, flags);
    if (u->batcher.waiting_count >= WAITING_BATCHES_MAX)
        u->run.lost++;
    else
        batcher_add(&u->batcher, raw, u->peer_text, now_ns, TRANSPORT_UDP, flags);
}

/* Returns how many datagrams were read. */
static int read_block(struct udp_socket *u)
{
    struct slots *s = u->slots;
    for (size_t i = 0; i < SLOTS; i++) {
        s->headers[i].msg_hdr.msg_namelen = sizeof s->peers[i];
        s->headers[i].msg_hdr.msg_controllen = sizeof s->controls[i];
    }
    int n = recvmmsg(u->fd, s->headers, SLOTS, MSG_DONTWAIT, NULL);
    if (n <= 0)
        return 0;
    int64_t now_ns = clock_wall_ns();
    for (int i = 0; i < n; i++) {
        set_peer(u, &s->peers[i], now_ns);
        take_datagram(u, str_n(s->parts[i].iov_base, s->headers[i].msg_len), now_ns);
    }
    count_run(u, now_ns);
    read_drops(u, &s->headers[n - 1].msg_hdr, now_ns); /* the counter only grows: the last one says it all */
    return n;
}

static void *run(void *context)
{
    struct udp_socket *u = context;
    struct pollfd waits[2] = {{.fd = u->fd, .events = POLLIN}, {.fd = u->stop_fd, .events = POLLIN}};
    while (waits[1].revents == 0) {
        if (poll(waits, 2, batcher_is_blocked(&u->batcher) ? RETRY_MS : IDLE_MS) < 0 && errno != EINTR)
            BUG("poll of a UDP socket failed");
        (void)batcher_retry(&u->batcher);
        for (int round = 0; round < ROUNDS_MAX && read_block(u) == SLOTS; round++)
            (void)batcher_retry(&u->batcher);
        if (!batcher_is_blocked(&u->batcher))
            (void)batcher_flush(&u->batcher);
        ask_drops(u);
    }
    for (int round = 0; round < LAST_ROUNDS_MAX && read_block(u) > 0;
         round++) /* what had arrived before the stop */
        (void)batcher_retry(&u->batcher);
    ask_drops(u);
    return NULL;
}

/* ---- the plug-in ---- */

static bool udp_open(struct input *in, struct error *err)
{
    struct udp *udp = in->state = NEW(struct udp);
    unsigned wanted = in->settings.sockets ? in->settings.sockets : 2;
    udp->sockets = NEW_ARRAY(struct udp_socket, wanted);
    for (unsigned i = 0; i < wanted && i < 64; i++) {
        struct udp_socket *u = &udp->sockets[udp->count++];
        *u = (struct udp_socket){.in = in, .fd = -1, .stop_fd = -1};
        batcher_init(&u->batcher, in->sink);
        if (!open_socket(u, in, i == 0, err))
            return false;
        in->settings.port = bound_port(u->fd); /* the others join the first one's */
        u->slots = slots_new();
    }
    return true;
}

static bool udp_start(struct input *in, struct error *err)
{
    struct udp *udp = in->state;
    for (unsigned i = 0; i < udp->count; i++) {
        struct udp_socket *u = &udp->sockets[i];
        int failed = pthread_create(&u->thread, NULL, run, u);
        if (failed) {
            errno = failed;
            return error_errno(err,
                               tr("input %s: cannot start a thread", "入力 %s: スレッドを開始できません"),
                               in->settings.name);
        }
        pthread_setname_np(u->thread, "udp");
        u->is_running = true;
    }
    return true;
}

static void udp_room(struct input *in)
{
    (void)in; /* the threads try again by themselves every RETRY_MS */
}

static void udp_stop(struct input *in)
{
    struct udp *udp = in->state;
    const uint64_t one = 1;
    for (unsigned i = 0; i < udp->count; i++)
        if (udp->sockets[i].is_running && write(udp->sockets[i].stop_fd, &one, sizeof one) != sizeof one)
            BUG("eventfd does not take a number");
    for (unsigned i = 0; i < udp->count; i++) {
        if (udp->sockets[i].is_running)
            pthread_join(udp->sockets[i].thread, NULL);
        udp->sockets[i].is_running = false;
    }
}

static bool udp_drain(struct input *in, bool gives_up)
{
    struct udp *udp = in->state;
    bool is_done = true;
    for (unsigned i = 0; i < udp->count; i++) {
        is_done = batcher_flush(&udp->sockets[i].batcher) && is_done;
        if (gives_up)
            batcher_drop(&udp->sockets[i].batcher, in->counters);
    }
    return is_done;
}

static void udp_close(struct input *in)
{
    struct udp *udp = in->state;
    for (unsigned i = 0; i < udp->count; i++) {
        struct udp_socket *u = &udp->sockets[i];
        if (u->fd >= 0)
            close(u->fd);
        if (u->stop_fd >= 0)
            close(u->stop_fd);
        batcher_free(&u->batcher);
        if (u->slots)
            memory_free(u->slots->bytes);
        memory_free(u->slots);
    }
    memory_free(udp->sockets);
    memory_free(udp);
}

static uint16_t udp_port(const struct input *in)
{
    return in->settings.port;
}

const struct input_type input_syslog_udp = {
    .name = "syslog_udp",
    .transport = TRANSPORT_UDP,
    .needs_address = true,
    .open = udp_open,
    .start = udp_start,
    .room = udp_room,
    .stop = udp_stop,
    .drain = udp_drain,
    .close = udp_close,
    .port = udp_port,
};
