/* Sends a file of lines to a syslog port over and over, as fast as the receiver takes them or at a given
 * rate, and counts. Everything is read into memory first; a sender writes whole blocks, so that it costs
 * little.
 *
 *   send_tcp PORT FILE [--connections N] [--seconds S] [--lines N] [--rate LINES_PER_SECOND]
 *
 * Ends after S seconds or N lines, whatever comes first, always after a whole line. Prints what it sent. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/str.h"

#define BLOCK_LINES     1000
#define TURNS_A_SECOND  100 /* of a sender that is held to a rate */
#define CONNECTIONS_MAX 64

struct block {
    struct str bytes;
    uint32_t lines;
};

struct sending {
    struct block *blocks;
    size_t count, capacity;
    uint16_t port;
    unsigned connections;
    uint32_t block_lines;
    bool has_rate;
    int64_t until_ns;
    uint64_t lines_max;
    _Atomic uint64_t lines, bytes;
};

struct sender {
    struct sending *all;
    pthread_t thread;
    unsigned number;
};

static void give_up(const char *what)
{
    fprintf(stderr, "send_tcp: %s: %s\n", what, strerror(errno));
    exit(1);
}

static struct str read_file(const char *path)
{
    struct stat st;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &st) != 0)
        give_up(path);
    char *p = memory_alloc((size_t)st.st_size);
    size_t n = 0;
    for (ssize_t got; n < (size_t)st.st_size && (got = read(fd, p + n, (size_t)st.st_size - n)) > 0;)
        n += (size_t)got;
    close(fd);
    return str_n(p, n);
}

static void add_block(struct sending *s, struct block block)
{
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 1024;
        s->blocks = memory_resize_array(s->blocks, s->capacity, sizeof *s->blocks);
    }
    s->blocks[s->count++] = block;
}

static void cut(struct sending *s, struct str all)
{
    struct block block = {{all.p, 0}, 0};
    for (size_t end; (end = str_find_char(all, '\n', 0)) != STR_NOT_FOUND; all = str_skip(all, end + 1)) {
        block.bytes.n += end + 1;
        if (++block.lines < s->block_lines)
            continue;
        add_block(s, block);
        block = (struct block){{all.p + end + 1, 0}, 0};
    }
    if (block.lines)
        add_block(s, block);
    if (!s->count)
        give_up("no lines");
}

static int open_connection(uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        give_up("connect");
    return fd;
}

static void send_whole(int fd, struct str bytes)
{
    while (bytes.n) {
        ssize_t n = send(fd, bytes.p, bytes.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            give_up("send");
        bytes = str_skip(bytes, n > 0 ? (size_t)n : 0);
    }
}

static void sleep_until(int64_t at_ns)
{
    struct timespec at = {at_ns / NS_PER_SECOND, at_ns % NS_PER_SECOND};
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void *run(void *context)
{
    struct sender *me = context;
    struct sending *s = me->all;
    int fd = open_connection(s->port);
    int64_t turn_ns = clock_monotonic_ns() + me->number * NS_PER_SECOND / TURNS_A_SECOND / s->connections;
    for (size_t i = me->number; clock_monotonic_ns() < s->until_ns; i += s->connections) {
        const struct block *b = &s->blocks[i % s->count];
        if (s->has_rate)
            sleep_until(turn_ns += NS_PER_SECOND / TURNS_A_SECOND);
        if (atomic_fetch_add(&s->lines, b->lines) >= s->lines_max) {
            atomic_fetch_sub(&s->lines, b->lines);
            break;
        }
        send_whole(fd, b->bytes);
        atomic_fetch_add(&s->bytes, b->bytes.n);
    }
    close(fd);
    return NULL;
}

static double cpu_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void send_all(struct sending *s, double seconds)
{
    struct sender senders[CONNECTIONS_MAX];
    double cpu = cpu_seconds();
    int64_t start = clock_monotonic_ns();
    s->until_ns = start + (int64_t)(seconds * 1e9);
    for (unsigned i = 0; i < s->connections; i++) {
        senders[i] = (struct sender){.all = s, .number = i};
        BUG_IF(pthread_create(&senders[i].thread, NULL, run, &senders[i]) != 0);
    }
    for (unsigned i = 0; i < s->connections; i++)
        pthread_join(senders[i].thread, NULL);
    double took = (double)(clock_monotonic_ns() - start) / 1e9;
    printf("lines %llu bytes %llu seconds %.3f cpu %.3f\n", (unsigned long long)s->lines,
           (unsigned long long)s->bytes, took, cpu_seconds() - cpu);
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"connections", 1, NULL, 'c'},
                                            {"seconds", 1, NULL, 's'},
                                            {"lines", 1, NULL, 'l'},
                                            {"rate", 1, NULL, 'r'},
                                            {0}};
    struct sending s = {.connections = 2, .lines_max = UINT64_MAX, .block_lines = BLOCK_LINES};
    double seconds = 1e6;
    unsigned rate = 0;
    for (int c; (c = getopt_long(argc, argv, "", options, NULL)) != -1;)
        switch (c) {
        case 'c':
            s.connections = (unsigned)strtoul(optarg, NULL, 10);
            break;
        case 's':
            seconds = strtod(optarg, NULL);
            break;
        case 'l':
            s.lines_max = strtoull(optarg, NULL, 10);
            break;
        case 'r':
            rate = (unsigned)strtoul(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    if (optind + 2 != argc || s.connections == 0 || s.connections > CONNECTIONS_MAX) {
        fprintf(stderr, "usage: send_tcp PORT FILE [--connections N] [--seconds S] [--lines N] [--rate "
                        "LINES_PER_SECOND]\n");
        return 2;
    }
    s.port = (uint16_t)strtoul(argv[optind], NULL, 10);
    s.has_rate = rate > 0;
    if (rate)
        s.block_lines = rate / TURNS_A_SECOND / s.connections ? rate / TURNS_A_SECOND / s.connections : 1;
    struct str all = read_file(argv[optind + 1]);
    cut(&s, all);
    send_all(&s, seconds);
    memory_free(s.blocks);
    memory_free((void *)(uintptr_t)all.p);
    return 0;
}
