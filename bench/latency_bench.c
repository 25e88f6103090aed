/* From the wire to the screen: sends a line that meets a rule over TCP every 100 ms and waits for its finding
 * in the live stream that browsers listen to. Prints the time between the two. The background load is
 * somebody else's (send_tcp --rate).
 *
 *   latency_bench HTTP_PORT SYSLOG_PORT TOKEN [COUNT [INTERVAL_MS]]       default: 300 lines, 100 ms
 *
 * Each line comes from an address of its own in 10.200.0.0/16, which the finding names. */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/memory.h"

#define LINES_MAX   10000
#define LATE_MS     5000 /* how long the last ones are waited for */
#define READ_BYTES  65536
#define OWN_NETWORK "10.200."

struct probe {
    int stream, syslog;
    unsigned count, sent, arrived;
    int64_t sent_ns[LINES_MAX], took_ns[LINES_MAX];
    struct buf text; /* of the stream, from the last whole line on */
    bool is_finding; /* the message being read */
};

static int connect_to(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), yes = 1;
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0) {
        perror("latency_bench: connect");
        exit(1);
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
    return fd;
}

static void send_all(int fd, struct str text)
{
    while (text.n) {
        ssize_t n = send(fd, text.p, text.n, MSG_NOSIGNAL);
        if (n <= 0) {
            perror("latency_bench: send");
            exit(1);
        }
        text = str_skip(text, (size_t)n);
    }
}

static void open_stream(struct probe *p, uint16_t port, const char *token)
{
    struct buf request = {0};
    p->stream = connect_to(port);
    buf_printf(&request,
               "GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAuthorization: Bearer %s\r\n"
               "Accept: text/event-stream\r\n\r\n",
               port, token);
    send_all(p->stream, buf_str(&request));
    buf_free(&request);
}

static void send_line(struct probe *p)
{
    struct buf line = {0};
    char date[32];
    time_t now = time(NULL);
    struct tm parts;
    gmtime_r(&now, &parts);
    date[strftime(date, sizeof date, "date=%Y-%m-%d time=%H:%M:%S", &parts)] = 0;
    buf_printf(&line,
               "<189>%s devname=\"FW-EDGE\" devid=\"FGT60FTK20000001\" logid=\"0000000013\" type=\"traffic\" "
               "subtype=\"forward\" level=\"notice\" vd=\"root\" eventtime=%lld000000000 srcip=" OWN_NETWORK
               "%u.%u srcport=50123 "
               "srcintf=\"lan\" dstip=198.18.250.9 dstport=6667 dstintf=\"wan1\" policyid=7 sessionid=%u "
               "proto=6 action=\"deny\"\n",
               date, (long long)now, p->sent / 250, p->sent % 250 + 1, p->sent);
    p->sent_ns[p->sent++] = clock_monotonic_ns();
    send_all(p->syslog, buf_str(&line));
    buf_free(&line);
}

/* The number of the line whose source the text names; LINES_MAX when none. */
static unsigned line_of(struct str text)
{
    unsigned high, low;
    size_t at = str_find(text, STR("\"" OWN_NETWORK), 0);
    if (at == STR_NOT_FOUND || sscanf(str_skip(text, at).p, "\"" OWN_NETWORK "%u.%u\"", &high, &low) != 2)
        return LINES_MAX;
    return high * 250 + low - 1;
}

static void take_stream_line(struct probe *p, struct str line, int64_t now_ns)
{
    if (str_starts(line, STR("event:")))
        p->is_finding = str_contains(line, STR("finding"));
    unsigned number = p->is_finding && str_starts(line, STR("data:")) ? line_of(line) : LINES_MAX;
    if (number >= p->sent || p->took_ns[number])
        return;
    p->took_ns[number] = now_ns - p->sent_ns[number];
    p->arrived++;
}

static void read_stream(struct probe *p)
{
    ssize_t n = read(p->stream, buf_reserve(&p->text, READ_BYTES), READ_BYTES);
    int64_t now_ns = clock_monotonic_ns();
    if (n <= 0) {
        fprintf(stderr, "latency_bench: the stream ended\n");
        exit(1);
    }
    p->text.n += (size_t)n;
    buf_cstr(&p->text); /* sscanf stops at the NUL */
    struct str rest = buf_str(&p->text);
    for (size_t end; (end = str_find_char(rest, '\n', 0)) != STR_NOT_FOUND; rest = str_skip(rest, end + 1))
        take_stream_line(p, str_slice(rest, 0, end), now_ns);
    memmove(p->text.p, rest.p, rest.n);
    p->text.n = rest.n;
}

static void run(struct probe *p, int64_t interval_ns)
{
    struct pollfd stream = {.fd = p->stream, .events = POLLIN};
    int64_t due_ns = clock_monotonic_ns() + NS_PER_SECOND, end_ns = INT64_MAX;
    while (p->arrived < p->count && clock_monotonic_ns() < end_ns) {
        int64_t now_ns = clock_monotonic_ns();
        if (p->sent < p->count && now_ns >= due_ns) {
            send_line(p);
            due_ns += interval_ns;
            if (p->sent == p->count)
                end_ns = now_ns + LATE_MS * NS_PER_MS;
        }
        int64_t wait_ns = (p->sent < p->count ? due_ns : end_ns) - clock_monotonic_ns();
        if (poll(&stream, 1, wait_ns > 0 ? (int)(wait_ns / NS_PER_MS) + 1 : 0) > 0)
            read_stream(p);
    }
}

static int by_value(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

/* Lines whose finding never came count as the longest. */
static void report(struct probe *p)
{
    for (unsigned i = 0; i < p->sent; i++)
        p->took_ns[i] = p->took_ns[i] ? p->took_ns[i] : LATE_MS * NS_PER_MS;
    qsort(p->took_ns, p->sent, sizeof *p->took_ns, by_value);
    printf("findings %u of %u p50 %.1f ms p99 %.1f ms max %.1f ms\n", p->arrived, p->sent,
           (double)p->took_ns[p->sent / 2] / 1e6, (double)p->took_ns[p->sent * 99 / 100] / 1e6,
           (double)p->took_ns[p->sent - 1] / 1e6);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: latency_bench HTTP_PORT SYSLOG_PORT TOKEN [COUNT [INTERVAL_MS]]\n");
        return 2;
    }
    struct probe *p = NEW(struct probe);
    p->count = argc > 4 ? (unsigned)strtoul(argv[4], NULL, 10) : 300;
    if (p->count == 0 || p->count > LINES_MAX)
        p->count = LINES_MAX;
    open_stream(p, (uint16_t)strtoul(argv[1], NULL, 10), argv[3]);
    p->syslog = connect_to((uint16_t)strtoul(argv[2], NULL, 10));
    run(p, (argc > 5 ? (int64_t)strtoul(argv[5], NULL, 10) : 100) * NS_PER_MS);
    report(p);
    int status = p->arrived == p->count ? 0 : 1;
    close(p->stream);
    close(p->syslog);
    buf_free(&p->text);
    memory_free(p);
    return status;
}
