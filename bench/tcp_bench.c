/* Loopback TCP → framing → journal → nothing. Prints records/s of each step alone and of the way as a whole,
 * all on this machine's cores together with the sender.
 *
 *   tcp_bench [FOLDER [RECORDS]]       default: ./tcp-bench-data, 5,000,000 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "input/framing.h"
#include "input/input.h"
#include "journal/journal.h"

#define LINE_BYTES  265
#define BLOCK_LINES 4000

struct bench {
    struct journal *j;
    struct inputs *inputs;
    uint64_t wanted;
    uint16_t port;
    int64_t sender_ns; /* CPU of the sender */
    _Atomic uint64_t got;
};

static int64_t cpu_ns(clockid_t clock)
{
    struct timespec t;
    clock_gettime(clock, &t);
    return t.tv_sec * NS_PER_SECOND + t.tv_nsec;
}

static struct buf lines(bool is_counted)
{
    struct buf b = {0};
    char text[LINE_BYTES];
    memset(text, 'x', sizeof text);
    memcpy(text, "<13>", 4);
    for (int i = 0; i < BLOCK_LINES; i++) {
        if (is_counted)
            buf_printf(&b, "%d ", LINE_BYTES);
        buf_bytes(&b, text, sizeof text);
        if (!is_counted)
            buf_char(&b, '\n');
    }
    return b;
}

static void count_record(void *context, struct str raw, uint16_t flags)
{
    uint64_t *n = context;
    *n += raw.n > 0 && flags == 0;
}

static void framing_alone(const char *name, bool is_counted, uint64_t wanted)
{
    struct buf block = lines(is_counted);
    struct framing f;
    uint64_t n = 0;
    framing_init(&f, 0xFFFF);
    int64_t start = clock_monotonic_ns();
    while (n < wanted)
        for (struct str rest = buf_str(&block); rest.n > 0;
             rest = str_skip(rest, rest.n < 65536 ? rest.n : 65536))
            framing_feed(&f, str_slice(rest, 0, 65536), count_record, &n);
    printf("%-34s %10.0f records/s\n", name, (double)n / ((double)(clock_monotonic_ns() - start) / 1e9));
    framing_free(&f);
    buf_free(&block);
}

static void *send_all(void *context)
{
    struct bench *b = context;
    struct buf block = lines(false);
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(b->port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
        exit(1);
    for (uint64_t sent = 0; sent < b->wanted; sent += BLOCK_LINES)
        for (struct str rest = buf_str(&block); rest.n > 0;) {
            ssize_t n = send(fd, rest.p, rest.n, MSG_NOSIGNAL);
            if (n <= 0)
                exit(1);
            rest = str_skip(rest, (size_t)n);
        }
    close(fd);
    buf_free(&block);
    b->sender_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
    return NULL;
}

static bool drop_submission(void *context, struct submission *s)
{
    struct bench *b = context;
    atomic_fetch_add(&b->got, s->batch->count);
    batch_free(s->batch);
    return true;
}

static bool to_journal(void *context, struct submission *s)
{
    return journal_submit(((struct bench *)context)->j, s);
}

static bool null_sink(void *context, struct batch *batch)
{
    struct bench *b = context;
    atomic_fetch_add(&b->got, batch->count);
    if ((batch->first_sequence & 0xFFFF) < batch->count)
        journal_release(b->j, batch->last_sequence);
    batch_free(batch);
    return true;
}

static void room(void *context)
{
    inputs_room(((struct bench *)context)->inputs);
}

static void whole_way(const char *name, const char *folder, uint64_t wanted)
{
    struct bench b = {.wanted = wanted};
    struct error err = {.text = ""};
    pthread_t sender;
    const struct journal_callbacks callbacks = {.context = &b, .sink = null_sink, .room = room};
    const struct journal_options options = {.folder = folder};
    const struct input_sink sink = {&b, folder ? to_journal : drop_submission};
    const struct input_settings settings = {.type = "syslog_tcp", .name = "bench"};
    bool is_good = true;
    if (folder) {
        b.j = journal_open(&options, (uint64_t)clock_wall_ns(), &callbacks, NULL, &err);
        is_good = b.j && journal_start(b.j, &err);
    }
    b.inputs = inputs_new(&sink, &err);
    if (!is_good || !b.inputs || !inputs_add(b.inputs, &settings, &err) || !inputs_start(b.inputs, &err)) {
        fprintf(stderr, "%s\n", err.text);
        exit(1);
    }
    b.port = inputs_port(b.inputs, "bench");
    int64_t start = clock_monotonic_ns(), cpu = cpu_ns(CLOCK_PROCESS_CPUTIME_ID);
    pthread_create(&sender, NULL, send_all, &b);
    while (atomic_load(&b.got) < wanted)
        nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    double took = (double)(clock_monotonic_ns() - start) / 1e9;
    pthread_join(sender, NULL);
    double own = (double)(cpu_ns(CLOCK_PROCESS_CPUTIME_ID) - cpu - b.sender_ns) / 1e9;
    inputs_free(b.inputs);
    journal_free(b.j);
    struct rusage use;
    getrusage(RUSAGE_SELF, &use);
    printf("%-34s %10.0f records/s %7.1f MB/s  %10.0f records per CPU second without the sender  peak RSS "
           "%ld MiB\n",
           name, (double)wanted / took, (double)wanted * LINE_BYTES / took / 1e6, (double)wanted / own,
           use.ru_maxrss / 1024);
}

int main(int argc, char **argv)
{
    const char *folder = argc > 1 ? argv[1] : "tcp-bench-data";
    uint64_t wanted = argc > 2 ? strtoull(argv[2], NULL, 10) : 5000000;
    wanted -= wanted % BLOCK_LINES;
    printf("TCP: lines of %d bytes\n", LINE_BYTES);
    framing_alone("framing alone, lines", false, wanted);
    framing_alone("framing alone, counted", true, wanted);
    whole_way("loopback → framing → batches", NULL, wanted);
    whole_way("loopback → framing → journal", folder, wanted);
    return 0;
}
