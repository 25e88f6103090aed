/* Sends canaries over UDP and TCP sockets, into a tailed file, and by HTTP. Each reaches the program by the
 * same door as everybody else's records. */
#include "proof/canary_send.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cli/client.h"

#define DATAGRAMS_AT_ONCE 32
#define PAUSE_NS          (2 * NS_PER_MS)
#define FILE_MAX_BYTES    (4u << 20) /* of the tailed file: then it begins anew */
#define BODY_MAX_BYTES    (256u << 10)
#define SEND_TIMEOUT_S    10

bool canary_can_send(const struct canary_input *input, struct str record, const char **why)
{
    bool is_lines = input->transport == TRANSPORT_TAIL || input->transport == TRANSPORT_HTTP;
    if (record.n > input->line_max)
        *why = tr("the sample is longer than a record of this input may be",
                  "見本がこの入力の記録の上限より長いため送れません");
    else if (is_lines && memchr(record.p, '\n', record.n))
        *why = tr("the sample has line breaks, which this input takes as the end of a record",
                  "見本に改行があり、この入力では記録の終わりになるため送れません");
    else
        return true;
    return false;
}

static int connect_to(const struct canary_input *input, int type, struct error *err)
{
    struct addrinfo hints = {.ai_socktype = type, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV}, *address;
    struct timeval timeout = {SEND_TIMEOUT_S, 0};
    char port[16];
    snprintf(port, sizeof port, "%u", input->port);
    int failed = getaddrinfo(input->host, port, &hints, &address);
    if (failed) {
        error_set(err, "%s:%u: %s", input->host, input->port, gai_strerror(failed));
        return -1;
    }
    int fd = socket(address->ai_family, type | SOCK_CLOEXEC, 0);
    if (fd >= 0)
        setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout);
    if (fd < 0 || connect(fd, address->ai_addr, address->ai_addrlen) != 0) {
        error_errno(err, tr("%s:%u cannot be reached", "%s:%u に接続できません"), input->host, input->port);
        if (fd >= 0)
            close(fd);
        fd = -1;
    }
    freeaddrinfo(address);
    return fd;
}

static bool send_all(int fd, struct str bytes, const char *what, struct error *err)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return error_errno(err, tr("%s does not take the canary", "%s がカナリアを受け付けません"), what);
        bytes = str_skip(bytes, (size_t)n);
    }
    return true;
}

static bool send_udp(const struct canary_input *input, const struct str *records, uint32_t count,
                     struct error *err)
{
    int fd = connect_to(input, SOCK_DGRAM, err);
    bool ok = fd >= 0;
    for (uint32_t i = 0; i < count && ok; i++) {
        ok = send_all(fd, records[i], input->name, err);
        struct timespec pause = {0, PAUSE_NS};
        if (i % DATAGRAMS_AT_ONCE == DATAGRAMS_AT_ONCE - 1)
            nanosleep(&pause, NULL);
    }
    if (fd >= 0)
        close(fd);
    return ok;
}

/* RFC 6587 3.4.1: octet counting, so that a record may have line breaks. */
static bool send_tcp(const struct canary_input *input, const struct str *records, uint32_t count,
                     struct error *err)
{
    struct buf all = {0};
    int fd = connect_to(input, SOCK_STREAM, err);
    for (uint32_t i = 0; i < count && fd >= 0; i++) {
        buf_printf(&all, "%zu ", records[i].n);
        buf_add(&all, records[i]);
    }
    bool ok = fd >= 0 && send_all(fd, buf_str(&all), input->name, err);
    if (fd >= 0)
        close(fd);
    buf_free(&all);
    return ok;
}

static void add_lines(struct buf *out, const struct str *records, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        buf_add(out, records[i]);
        buf_char(out, '\n');
    }
}

static bool send_file(const struct canary_input *input, const struct str *records, uint32_t count,
                      struct error *err)
{
    struct buf lines = {0};
    struct stat info;
    int fd = open(input->path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    bool ok =
        fd >= 0 && fstat(fd, &info) == 0 && (info.st_size + 0u < FILE_MAX_BYTES || ftruncate(fd, 0) == 0);
    add_lines(&lines, records, count);
    ok = ok && write(fd, lines.p, lines.n) == (ssize_t)lines.n;
    if (!ok)
        error_errno(err, tr("%s cannot be written", "%s に書き込めません"), input->path);
    if (fd >= 0)
        close(fd);
    buf_free(&lines);
    return ok;
}

static bool send_http(const struct canary_options *options, const struct str *records, uint32_t count,
                      struct error *err)
{
    struct client client;
    struct buf body = {0}, answer = {0};
    bool ok = client_find(options->data_dir, &client) ||
              error_set(err,
                        tr("%s/server.json does not name this process",
                           "%s/server.json がこのプロセスを指していません"),
                        options->data_dir);
    for (uint32_t i = 0; i < count && ok;) {
        buf_clear(&body);
        while (i < count && (body.n == 0 || body.n + records[i].n < BODY_MAX_BYTES))
            add_lines(&body, &records[i++], 1);
        buf_clear(&answer);
        ok = client_post(&client, "/api/v1/records/hyakuyo-canary", "text/plain", buf_str(&body), &answer,
                         err);
    }
    buf_free(&body);
    buf_free(&answer);
    return ok;
}

bool canary_send(const struct canary_options *options, const struct canary_input *input,
                 const struct str *records, uint32_t count, struct error *err)
{
    switch (input->transport) {
    case TRANSPORT_UDP:
        return send_udp(input, records, count, err);
    case TRANSPORT_TCP:
        return send_tcp(input, records, count, err);
    case TRANSPORT_TAIL:
        return send_file(input, records, count, err);
    case TRANSPORT_HTTP:
        return send_http(options, records, count, err);
    case TRANSPORT_FILE_SCAN:
    case TRANSPORT_TLS:
        break;
    }
    return error_set(err, tr("canaries cannot be sent over %s", "%s にはカナリアを送れません"), input->name);
}
