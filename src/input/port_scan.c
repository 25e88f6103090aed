/* See port_scan.h (stage input: the world → raw records; ports.c writes the records). */
#include "input/port_scan.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"

#define IN_FLIGHT     8 /* of one host */
#define PAUSE_NS      (2 * NS_PER_SECOND)
#define ACCEPTED_COST 3

enum waits_for { NOTHING, ANSWER, BANNER };

struct probe {
    int fd;
    uint16_t port;
    enum waits_for waits_for;
    int64_t until_ns;
};

struct target {
    bool is_taken, is_up, confirms;
    size_t index, next; /* port, or open port when it confirms */
    unsigned flying;
    int64_t next_ns;
    uint64_t packets;
    size_t open_count;
    struct probe probes[IN_FLIGHT];
    struct port_scan_open open[PORT_SCAN_MAX_OPEN];
};

struct scanner {
    const struct port_scan_settings *s;
    struct target *slots;
    size_t slot_count, next_target, unfinished;
    struct pollfd *polled;
    struct probe **probes;
    struct target **owners;
    size_t polled_count;
    int socket_error; /* errno of socket(), 0 = none */
};

static int64_t gap_ns(const struct scanner *c)
{
    return NS_PER_SECOND / (c->s->packets_per_second ? c->s->packets_per_second : 1);
}

static void spend(const struct scanner *c, struct target *t, unsigned packets, int64_t now_ns)
{
    t->packets += packets;
    if (t->next_ns < now_ns)
        t->next_ns = now_ns;
    t->next_ns += packets * gap_ns(c);
}

static void tell(const struct scanner *c, const struct target *t, size_t index, enum port_scan_state state)
{
    struct port_scan_result r = {.target = index, .state = state};
    if (t != NULL)
        r = (struct port_scan_result){index, state, t->open, t->open_count, t->packets};
    c->s->done(c->s->context, &r);
}

/* --------------------------------------------------------------------- probes */

static void end_probe(struct target *t, struct probe *p)
{
    close(p->fd);
    p->waits_for = NOTHING;
    t->flying--;
}

static struct port_scan_open *find_open(struct target *t, uint16_t port)
{
    for (size_t i = 0; i < t->open_count; i++)
        if (t->open[i].port == port)
            return &t->open[i];
    return NULL;
}

static void note_open(const struct scanner *c, struct target *t, struct probe *p, int64_t now_ns)
{
    struct port_scan_open *open = find_open(t, p->port);
    t->is_up = true;
    spend(c, t, ACCEPTED_COST, now_ns);
    if (open != NULL) {
        open->is_confirmed = true;
        end_probe(t, p);
        return;
    }
    if (t->open_count < PORT_SCAN_MAX_OPEN)
        t->open[t->open_count++] = (struct port_scan_open){.port = p->port};
    p->waits_for = BANNER;
    p->until_ns = now_ns + (int64_t)c->s->banner_ms * NS_PER_MS;
}

static void note_answer(const struct scanner *c, struct target *t, struct probe *p, int error, int64_t now_ns)
{
    if (error == 0) {
        note_open(c, t, p, now_ns);
        return;
    }
    t->is_up |= error == ECONNREFUSED || error == ECONNRESET;
    end_probe(t, p);
}

static void note_banner(struct target *t, struct probe *p)
{
    char bytes[PORT_SCAN_BANNER_BYTES];
    ssize_t n = recv(p->fd, bytes, sizeof bytes - 1, MSG_DONTWAIT);
    struct port_scan_open *open = find_open(t, p->port);
    size_t kept = 0;
    for (ssize_t i = 0; i < n && bytes[i] != '\r' && bytes[i] != '\n' && open != NULL; i++)
        if (bytes[i] >= ' ' && bytes[i] < 127)
            open->banner[kept++] = bytes[i];
    end_probe(t, p);
}

static void send_probe(struct scanner *c, struct target *t, uint16_t port, int64_t now_ns)
{
    const struct ip *ip = &c->s->targets[t->index];
    struct sockaddr_in v4 = {.sin_family = AF_INET, .sin_port = htons(port)};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
    bool is_v4 = ip_is_v4(ip);
    struct probe *p = t->probes;
    while (p->waits_for != NOTHING)
        p++;
    int fd = socket(is_v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        c->socket_error = errno;
        return;
    }
    memcpy(&v4.sin_addr, ip->bytes + 12, 4);
    memcpy(&v6.sin6_addr, ip->bytes, 16);
    *p = (struct probe){fd, port, ANSWER, now_ns + (int64_t)c->s->timeout_ms * NS_PER_MS};
    t->flying++;
    spend(c, t, 1, now_ns);
    int result = is_v4 ? connect(fd, (struct sockaddr *)&v4, sizeof v4)
                       : connect(fd, (struct sockaddr *)&v6, sizeof v6);
    if (result == 0)
        note_answer(c, t, p, 0, now_ns);
    else if (errno != EINPROGRESS)
        note_answer(c, t, p, errno, now_ns);
}

/* --------------------------------------------------------------------- hosts */

static void take_targets(struct scanner *c, int64_t now_ns)
{
    for (size_t i = 0; i < c->slot_count && c->next_target < c->s->target_count; i++)
        if (!c->slots[i].is_taken)
            c->slots[i] = (struct target){.is_taken = true, .index = c->next_target++, .next_ns = now_ns};
}

/* True when all its ports were probed, the open ones twice. */
static bool go_on_with(struct scanner *c, struct target *t, int64_t now_ns)
{
    size_t most = t->confirms ? t->open_count : c->s->port_count;
    while (t->next < most && t->flying < IN_FLIGHT && t->next_ns <= now_ns && c->socket_error == 0) {
        uint16_t port = t->confirms ? t->open[t->next].port : c->s->ports[t->next];
        t->next++;
        send_probe(c, t, port, now_ns);
    }
    if (t->next < most || t->flying)
        return false;
    if (t->confirms || t->open_count == 0)
        return true;
    t->confirms = true;
    t->next = 0;
    t->next_ns = now_ns + PAUSE_NS;
    return false;
}

static void collect(struct scanner *c, struct target *t, int64_t now_ns)
{
    for (struct probe *p = t->probes; p < t->probes + IN_FLIGHT; p++) {
        if (p->waits_for == NOTHING)
            continue;
        if (now_ns >= p->until_ns) {
            end_probe(t, p);
            continue;
        }
        c->polled[c->polled_count] = (struct pollfd){p->fd, p->waits_for == ANSWER ? POLLOUT : POLLIN, 0};
        c->owners[c->polled_count] = t;
        c->probes[c->polled_count++] = p;
    }
}

static void read_answers(struct scanner *c, int64_t now_ns)
{
    for (size_t i = 0; i < c->polled_count; i++) {
        int error = 0;
        socklen_t size = sizeof error;
        struct probe *p = c->probes[i];
        if (c->polled[i].revents == 0)
            continue;
        if (p->waits_for == BANNER) {
            note_banner(c->owners[i], p);
            continue;
        }
        if (getsockopt(p->fd, SOL_SOCKET, SO_ERROR, &error, &size) != 0)
            error = errno;
        note_answer(c, c->owners[i], p, error, now_ns);
    }
}

static void stop(struct scanner *c)
{
    for (size_t i = 0; i < c->slot_count; i++) {
        struct target *t = &c->slots[i];
        for (struct probe *p = t->probes; p < t->probes + IN_FLIGHT; p++)
            if (p->waits_for != NOTHING)
                end_probe(t, p);
        if (t->is_taken)
            tell(c, t, t->index, PORT_SCAN_NOT_DONE);
    }
    while (c->next_target < c->s->target_count)
        tell(c, NULL, c->next_target++, PORT_SCAN_NOT_DONE);
}

static void turn(struct scanner *c)
{
    int64_t now_ns = clock_monotonic_ns();
    take_targets(c, now_ns);
    c->polled_count = 0;
    for (size_t i = 0; i < c->slot_count; i++) {
        struct target *t = &c->slots[i];
        if (!t->is_taken)
            continue;
        if (go_on_with(c, t, now_ns)) {
            tell(c, t, t->index, t->is_up ? PORT_SCAN_UP : PORT_SCAN_SILENT);
            t->is_taken = false;
            c->unfinished--;
            continue;
        }
        collect(c, t, now_ns);
    }
    if (poll(c->polled, c->polled_count, 10) > 0)
        read_answers(c, clock_monotonic_ns());
}

bool port_scan_run(const struct port_scan_settings *s, struct error *err)
{
    struct scanner c = {.s = s, .unfinished = s->target_count};
    c.slot_count = s->hosts_at_once > PORT_SCAN_HOSTS_MOST ? PORT_SCAN_HOSTS_MOST : s->hosts_at_once;
    c.slots = NEW_ARRAY(struct target, c.slot_count);
    c.polled = NEW_ARRAY(struct pollfd, c.slot_count * IN_FLIGHT);
    c.probes = NEW_ARRAY(struct probe *, c.slot_count * IN_FLIGHT);
    c.owners = NEW_ARRAY(struct target *, c.slot_count * IN_FLIGHT);
    while (c.unfinished && c.socket_error == 0 && s->go_on(s->context))
        turn(&c);
    stop(&c);
    memory_free(c.slots);
    memory_free(c.polled);
    memory_free(c.probes);
    memory_free(c.owners);
    return c.socket_error == 0 ||
           error_set(err,
                     tr("a socket for the port scan cannot be made (%s); raise the limit of open files "
                        "(ulimit -n)",
                        "ポートスキャン用のソケットを作れません(%s)。開けるファイル数の上限(ulimit "
                        "-n)を上げてください"),
                     strerror(c.socket_error));
}
