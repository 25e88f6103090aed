/* Syslog over sockets (stage notify). Next: src/notifier/notifier.c. */
#include <errno.h>
#include <netdb.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "notify/transport.h"

#define WAIT_MS 5000

/* "udp://host:port", "tcp://[::1]:6514" */
static bool split(const char *url, char *host, size_t size, char port[8], struct error *err)
{
    struct str rest = str_skip(str_c(url), strlen("udp://"));
    size_t colon = str_find_last_char(rest, ':');
    struct str name = colon == STR_NOT_FOUND ? rest : str_slice(rest, 0, colon);
    struct str number = colon == STR_NOT_FOUND ? STR("514") : str_skip(rest, colon + 1);
    name = str_trim_chars(name, "[]");
    if (name.n == 0 || name.n >= size || number.n == 0 || number.n > 5)
        return error_set(err,
                         tr("%s is not an address; write udp://host:port",
                            "%s はアドレスではありません。udp://host:port と書いてください"),
                         url);
    snprintf(host, size, "%.*s", STR_ARGS(name));
    snprintf(port, 8, "%.*s", STR_ARGS(number));
    return true;
}

static bool is_ready(int fd, short what)
{
    struct pollfd p = {.fd = fd, .events = what};
    return poll(&p, 1, WAIT_MS) == 1 && (p.revents & what) != 0;
}

static int connect_one(const struct addrinfo *a)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK, a->ai_protocol);
    int problem = 0;
    socklen_t n = sizeof problem;
    if (fd < 0)
        return -1;
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
        return fd;
    if (errno == EINPROGRESS && is_ready(fd, POLLOUT) &&
        getsockopt(fd, SOL_SOCKET, SO_ERROR, &problem, &n) == 0 && problem == 0)
        return fd;
    errno = problem ? problem : errno == EINPROGRESS ? ETIMEDOUT : errno;
    int keep = errno;
    close(fd);
    errno = keep;
    return -1;
}

static bool write_all(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EAGAIN) {
            if (!is_ready(fd, POLLOUT)) {
                errno = ETIMEDOUT;
                return false;
            }
            continue;
        }
        if (n < 0)
            return false;
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

/* The other side has read all when it ends the connection after us; that it does not answer is no error. */
static bool say_good_bye(int fd)
{
    char ignored[256];
    ssize_t n = 1;
    shutdown(fd, SHUT_WR);
    while (n > 0 && is_ready(fd, POLLIN))
        n = recv(fd, ignored, sizeof ignored, 0);
    return n >= 0;
}

bool transport_syslog(struct delivery *d, struct str line, struct error *err)
{
    const char *url = d->channel->url;
    char host[256], port[8];
    bool is_tcp = str_starts(str_c(url), STR("tcp://"));
    struct addrinfo hints = {.ai_socktype = is_tcp ? SOCK_STREAM : SOCK_DGRAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found = NULL;
    struct buf frame = {0};
    int fd = -1;
    d->is_permanent = false;
    d->status = 0;
    if (!split(url, host, sizeof host, port, err))
        return false;
    int problem = getaddrinfo(host, port, &hints, &found);
    if (problem != 0)
        return error_set(err, "%s: %s", url, gai_strerror(problem));
    for (const struct addrinfo *a = found; a != NULL && fd < 0; a = a->ai_next)
        fd = connect_one(a);
    freeaddrinfo(found);
    if (fd < 0)
        return error_errno(err, tr("%s cannot be reached", "%s に接続できません"), url);
    if (is_tcp)
        buf_printf(&frame, "%zu ", line.n);
    buf_add(&frame, line);
    bool ok = write_all(fd, buf_str(&frame)) && (!is_tcp || say_good_bye(fd));
    if (!ok)
        error_errno(err, tr("%s took nothing", "%s に送信できません"), url);
    close(fd);
    buf_free(&frame);
    return ok;
}
