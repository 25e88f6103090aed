/* Carries a request to the NAS and waits for the answer (stage connect). Answers that do not hold are passed
 * over, as RFC 2865 asks; the last reason is told when none comes that does. Next: program.c. */
#include "connect/radius_client.h"

#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"

#define LOOK_UP_MS 200 /* how long the end of the program may go unnoticed */

static int open_socket(const struct radius_exchange *x, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG}, *found = NULL;
    int problem = getaddrinfo(x->host, x->port, &hints, &found), fd = -1;
    if (problem != 0) {
        error_set(err, "%s: %s", x->host, gai_strerror(problem));
        return -1;
    }
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next) {
        fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC, a->ai_protocol);
        if (fd >= 0 &&
            connect(fd, a->ai_addr, a->ai_addrlen) != 0) { /* only this peer is heard from now on */
            close(fd);
            fd = -1;
        }
    }
    freeaddrinfo(found);
    if (fd < 0)
        error_errno(err, tr("%s port %s cannot be reached", "%s のポート %s に接続できません"), x->host,
                    x->port);
    return fd;
}

static bool is_over(const struct radius_exchange *x)
{
    return x->is_over != NULL && atomic_load(x->is_over);
}

/* Until an answer holds, or the time of this try is over. `*why` keeps the last reason. */
static bool wait_for(struct radius_exchange *x, int fd, struct radius_answer *answer, struct error *why)
{
    int64_t end_ns = clock_monotonic_ns() + (int64_t)x->timeout_ms * NS_PER_MS;
    for (int64_t left_ns; !is_over(x) && (left_ns = end_ns - clock_monotonic_ns()) > 0;) {
        struct pollfd p = {.fd = fd, .events = POLLIN};
        int64_t left_ms = left_ns / NS_PER_MS + 1;
        if (poll(&p, 1, (int)(left_ms < LOOK_UP_MS ? left_ms : LOOK_UP_MS)) <= 0)
            continue;
        ssize_t n = recv(fd, x->answer_bytes, sizeof x->answer_bytes, 0);
        if (n < 0 && errno != EINTR)
            error_errno(why, tr("%s port %s", "%s のポート %s"), x->host, x->port);
        if (n < 0)
            return false; /* nobody listens there: the next try waits its turn below */
        if (radius_check(x->request, x->secret, x->needs_authenticator, str_n(x->answer_bytes, (size_t)n),
                         answer, why))
            return true;
    }
    return false;
}

static void rest_of_turn(struct radius_exchange *x, int64_t end_ns)
{
    while (!is_over(x) && clock_monotonic_ns() < end_ns)
        poll(NULL, 0, (int)(x->timeout_ms < LOOK_UP_MS ? x->timeout_ms : LOOK_UP_MS));
}

bool radius_exchange(struct radius_exchange *x, struct radius_answer *answer, struct error *err)
{
    struct error why = {{0}};
    bool has_answer = false;
    int fd = open_socket(x, err);
    if (fd < 0)
        return false;
    for (x->sent = 0; !has_answer && x->sent < x->tries && !is_over(x);) {
        int64_t end_ns = clock_monotonic_ns() + (int64_t)x->timeout_ms * NS_PER_MS;
        x->sent++;
        if (send(fd, x->request->bytes, x->request->n, MSG_NOSIGNAL) < 0)
            error_errno(&why, tr("%s port %s", "%s のポート %s"), x->host, x->port);
        else
            has_answer = wait_for(x, fd, answer, &why);
        if (!has_answer && x->sent < x->tries)
            rest_of_turn(x, end_ns);
    }
    close(fd);
    return has_answer || error_set(err,
                                   tr("no valid answer from %s port %s after %u packets%s%s",
                                      "%s のポート %s から有効な応答がありません(送信 %u 回)%s%s"),
                                   x->host, x->port, x->sent, why.text[0] ? ": " : "", why.text);
}
