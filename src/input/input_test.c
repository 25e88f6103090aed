/* Inputs over real sockets on loopback: what comes out of the sink, and that the counters close to the
 * record. */
#include <arpa/inet.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "input/internal.h"

struct world {
    struct inputs *inputs;
    pthread_mutex_t lock;
    struct buf text; /* records, each behind its sender and flags */
    _Atomic uint64_t records, flagged;
    atomic_bool is_full;
};

static bool submit(void *context, struct submission *s)
{
    struct world *w = context;
    if (atomic_load(&w->is_full))
        return false;
    pthread_mutex_lock(&w->lock);
    for (uint32_t i = 0; i < s->batch->count; i++) {
        const struct record *r = &s->batch->records[i];
        assert_true(r->received_ns > 0);
        if (w->text.n < 1 << 20)
            buf_printf(&w->text, "%.*s/%.*s|", STR_ARGS(r->sender), STR_ARGS(r->raw));
        w->flagged += r->flags != 0;
    }
    atomic_fetch_add(&w->records, s->batch->count);
    pthread_mutex_unlock(&w->lock);
    batch_free(s->batch);
    return true;
}

static uint16_t begin(struct world *w, struct input_settings settings)
{
    struct error err = {.text = ""};
    *w = (struct world){0};
    pthread_mutex_init(&w->lock, NULL);
    const struct input_sink sink = {w, submit};
    w->inputs = inputs_new(&sink, &err);
    assert_non_null(w->inputs);
    settings.name = "test";
    if (!inputs_add(w->inputs, &settings, &err) || !inputs_start(w->inputs, &err))
        fail_msg("%s", err.text);
    return inputs_port(w->inputs, "test");
}

static void end(struct world *w)
{
    inputs_free(w->inputs);
    pthread_mutex_destroy(&w->lock);
    buf_free(&w->text);
}

static void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_nsec = ms * 1000000L}, NULL);
}

static void wait_for(struct world *w, uint64_t records)
{
    for (int i = 0; atomic_load(&w->records) < records && i < 3000; i++)
        pause_ms(2);
    assert_int_equal(atomic_load(&w->records), records);
}

struct sums {
    struct input_count all, drops;
    int64_t hour_ns;
};

static void add_up(void *context, const struct input_tally *t)
{
    struct sums *s = context;
    input_count_add(&s->all, &t->count);
    if (str_eq(t->sender, STR("test")))
        input_count_add(&s->drops, &t->count);
    s->hour_ns = t->hour_ns;
}

static struct sums take_counts(struct world *w)
{
    struct sums s = {0};
    input_counters_take(w->inputs, add_up, &s);
    return s;
}

static int peer(int type, uint16_t port)
{
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons(port),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&to, sizeof to), 0);
    return fd;
}

static void say(int fd, struct str s)
{
    while (s.n > 0) {
        ssize_t n = send(fd, s.p, s.n, MSG_NOSIGNAL);
        assert_true(n > 0);
        s = str_skip(s, (size_t)n);
    }
}

static void tcp_frames_and_names_the_sender(void **state)
{
    struct world w;
    (void)state;
    int fd = peer(SOCK_STREAM, begin(&w, (struct input_settings){.type = "syslog_tcp"}));
    say(fd, STR("<13>a\n7 <13>b\nc<13>"));
    wait_for(&w, 2);
    say(fd, STR("d"));
    close(fd); /* the end completes the last line */
    wait_for(&w, 3);
    assert_string_equal(buf_cstr(&w.text), "127.0.0.1/<13>a|127.0.0.1/<13>b\nc|127.0.0.1/<13>d|");
    struct sums s = take_counts(&w);
    assert_true(s.all.received == 3 && s.all.lost == 0 && s.all.bytes == 17);
    assert_int_equal(s.hour_ns % (3600 * NS_PER_SECOND), 0);
    assert_true(clock_wall_ns() - s.hour_ns < 2 * 3600 * NS_PER_SECOND);
    assert_int_equal(take_counts(&w).all.received, 0); /* taken is taken … */
    struct sums total = {0};
    input_counters_walk(w.inputs, add_up, &total); /* … the sum stays */
    assert_int_equal(total.all.received, 3);
    end(&w);
}

static void tcp_cuts_what_is_too_long(void **state)
{
    struct world w;
    (void)state;
    int fd = peer(SOCK_STREAM,
                  begin(&w, (struct input_settings){.type = "syslog_tcp", .max_message_bytes = 1000}));
    struct buf line = {0};
    memset(buf_reserve(&line, 300000), 'x', 300000);
    line.n = 300000;
    buf_c(&line, "\n<13>next\n");
    say(fd, buf_str(&line));
    wait_for(&w, 2);
    close(fd);
    assert_int_equal(w.flagged, 1);
    struct sums s = take_counts(&w);
    assert_true(s.all.cut == 1 && s.all.cut_bytes == 299000 && s.all.received == 2);
    buf_free(&line);
    end(&w);
}

#define FLOOD 200000

static void *flood(void *context)
{
    int fd = *(int *)context;
    struct buf lines = {0};
    for (int i = 0; i < FLOOD; i++)
        buf_printf(&lines, "<13>record number %06d of many\n", i);
    say(fd, buf_str(&lines));
    close(fd);
    buf_free(&lines);
    return NULL;
}

static void tcp_waits_while_the_sink_is_full(void **state)
{
    struct world w;
    pthread_t threads[4];
    int fds[4];
    (void)state;
    uint16_t port = begin(&w, (struct input_settings){.type = "syslog_tcp"});
    atomic_store(&w.is_full, true);
    for (int i = 0; i < 4; i++) {
        fds[i] = peer(SOCK_STREAM, port);
        pthread_create(&threads[i], NULL, flood, &fds[i]);
    }
    for (int i = 0; i < 20; i++) { /* full and free, full and free */
        pause_ms(15);
        atomic_store(&w.is_full, i % 2 == 0);
        inputs_room(w.inputs);
    }
    atomic_store(&w.is_full, false);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    wait_for(&w, 4 * FLOOD);
    struct sums s = take_counts(&w);
    assert_true(s.all.received == 4 * FLOOD && s.all.lost == 0);
    end(&w);
}

static void tcp_serves_many_and_turns_away_more(void **state)
{
    struct world w;
    int fds[60];
    char byte;
    (void)state;
    uint16_t port = begin(&w, (struct input_settings){.type = "syslog_tcp", .max_connections = 50});
    for (int i = 0; i < 60; i++) {
        fds[i] = peer(SOCK_STREAM, port);
        if (i < 50)
            say(fds[i], STR("<13>hello\n"));
    }
    wait_for(&w, 50);
    assert_int_equal(recv(fds[59], &byte, 1, 0), 0); /* closed by the server */
    for (int i = 0; i < 60; i++)
        close(fds[i]);
    end(&w);
}

static void tcp_keeps_half_a_line_when_it_stops(void **state)
{
    struct world w;
    (void)state;
    int fd = peer(SOCK_STREAM, begin(&w, (struct input_settings){.type = "syslog_tcp"}));
    say(fd, STR("<13>a\n<13>ha"));
    wait_for(&w, 1);
    inputs_stop(w.inputs);
    assert_int_equal(w.records, 2);
    assert_int_equal(w.flagged, 1);
    close(fd);
    end(&w);
}

static void udp_takes_datagrams(void **state)
{
    struct world w;
    (void)state;
    int fd = peer(SOCK_DGRAM, begin(&w, (struct input_settings){.type = "syslog_udp"}));
    say(fd, STR("<13>a"));
    say(fd, STR("<13>b\r\n"));
    assert_int_equal(send(fd, "", 0, 0), 0);
    say(fd, STR("<13>c\nd"));
    wait_for(&w, 3);
    assert_string_equal(buf_cstr(&w.text), "127.0.0.1/<13>a|127.0.0.1/<13>b|127.0.0.1/<13>c\nd|");
    close(fd);
    end(&w);
}

static void udp_cuts_long_datagrams(void **state)
{
    struct world w;
    char big[60000];
    (void)state;
    memset(big, 'x', sizeof big);
    int fd = peer(SOCK_DGRAM,
                  begin(&w, (struct input_settings){.type = "syslog_udp", .max_message_bytes = 50000}));
    say(fd, str_n(big, sizeof big));
    wait_for(&w, 1);
    inputs_stop(w.inputs);
    struct sums s = take_counts(&w);
    assert_true(s.all.cut == 1 && s.all.cut_bytes == 10000 && s.all.bytes == 50000 && w.flagged == 1);
    close(fd);
    end(&w);
}

/* More than a tiny kernel buffer holds: each datagram is either in the sink or counted as dropped. */
static void udp_kernel_drops_are_counted(void **state)
{
    struct world w;
    (void)state;
    int fd = peer(SOCK_DGRAM, begin(&w, (struct input_settings){.type = "syslog_udp",
                                                                .sockets = 1,
                                                                .receive_buffer_bytes = 4096}));
    for (int i = 0; i < 50000; i++)
        say(fd, STR("<13>datagram that may not fit into the tiny buffer of the socket"));
    struct sums s = {0};
    for (int i = 0; i < 200 && s.all.received < 50000; i++) {
        pause_ms(10);
        struct sums more = take_counts(&w);
        input_count_add(&s.all, &more.all);
        input_count_add(&s.drops, &more.drops);
    }
    inputs_stop(w.inputs);
    assert_int_equal(s.all.received, 50000);
    assert_int_equal(s.all.lost, s.drops.lost);
    assert_int_equal(w.records + s.all.lost, 50000);
    assert_true(s.all.lost > 0);
    close(fd);
    end(&w);
}

static void udp_without_a_sink_counts_losses(void **state)
{
    struct world w;
    (void)state;
    int fd = peer(SOCK_DGRAM, begin(&w, (struct input_settings){.type = "syslog_udp", .sockets = 1}));
    atomic_store(&w.is_full, true);
    for (int i = 0; i < 30000; i++) {
        say(fd, STR("<13>nobody takes this"));
        if (i % 100 == 0)
            pause_ms(1);
    }
    pause_ms(100);
    atomic_store(&w.is_full, false);
    inputs_stop(w.inputs);
    struct sums s = take_counts(&w);
    assert_int_equal(s.all.received, 30000);
    assert_true(s.all.lost > 10000 && w.records > 4000);
    assert_int_equal(w.records + s.all.lost, 30000);
    close(fd);
    end(&w);
}

static void a_dead_sink_is_a_loss_at_the_end(void **state)
{
    struct world w;
    (void)state;
    int fd = peer(SOCK_STREAM, begin(&w, (struct input_settings){.type = "syslog_tcp"}));
    atomic_store(&w.is_full, true);
    say(fd, STR("<13>a\n<13>b\n"));
    pause_ms(50);
    inputs_stop(w.inputs);
    struct sums s = take_counts(&w);
    assert_true(s.all.received == 2 && s.all.lost == 2 && w.records == 0);
    close(fd);
    end(&w);
}

static void mistakes_are_sentences(void **state)
{
    struct world w;
    struct error err;
    (void)state;
    uint16_t port = begin(&w, (struct input_settings){.type = "syslog_udp", .sockets = 1});
    const struct input_sink sink = {&w, submit};
    struct inputs *other = inputs_new(&sink, &err);
    struct input_settings s = {.type = "syslog_udp", .port = port};
    assert_false(inputs_add(other, &s, &err));
    assert_non_null(strstr(err.text, "cannot listen"));
    s = (struct input_settings){.type = "syslog_tcp", .address = "not.an.address"};
    assert_false(inputs_add(other, &s, &err));
    s = (struct input_settings){.type = "pigeon"};
    assert_false(inputs_add(other, &s, &err));
    s = (struct input_settings){.type = "tail"};
    assert_false(inputs_add(other, &s, &err));
    assert_non_null(strstr(err.text, "pattern"));
    inputs_free(other);
    end(&w);
}

static void bodies_are_split(void **state)
{
    struct input_count count;
    struct error err;
    (void)state;
    struct batch *b = records_split(STR("one\r\n\n{\"two\":2}\nthree"), STR("web"), 77, 0, &count, &err);
    assert_int_equal(b->count, 3);
    assert_true(str_eq(b->records[1].raw, STR("{\"two\":2}")) && str_eq(b->records[2].raw, STR("three")));
    assert_true(str_eq(b->records[0].sender, STR("web")) && b->records[0].received_ns == 77);
    assert_true(count.received == 3 && count.bytes == 17);
    batch_free(b);
    b = records_split(STR("12345678\nab\n"), STR("web"), 77, 4, &count, &err);
    assert_true(b->records[0].raw.n == 4 && b->records[0].flags == RECORD_CUT && count.cut_bytes == 4);
    batch_free(b);
    assert_null(records_split(STR("\n\r\n"), STR("web"), 77, 0, &count, &err));
    assert_string_equal(err.text, "");
    struct buf many = {0};
    for (int i = 0; i <= RECORDS_PER_BODY_MAX; i++)
        buf_c(&many, "x\n");
    assert_null(records_split(buf_str(&many), STR("web"), 77, 0, &count, &err));
    assert_string_not_equal(err.text, "");
    buf_free(&many);
}

static void senders_are_bounded(void **state)
{
    struct counters *c = counters_new("test", TRANSPORT_UDP);
    const struct input_count one = {.received = 1};
    struct sums s = {0};
    char name[16];
    (void)state;
    for (int i = 0; i < 20000; i++) {
        snprintf(name, sizeof name, "s%d", i);
        counters_add(c, str_c(name), 1000 * NS_PER_SECOND, &one);
    }
    counters_walk(c, add_up, &s);
    assert_int_equal(s.all.received, 20000);
    s = (struct sums){0};
    counters_take(c, add_up, &s);
    assert_int_equal(s.all.received, 20000);
    counters_add(c, STR("new"), 20000 * NS_PER_SECOND, &one); /* hours later: the silent ones are forgotten */
    s = (struct sums){0};
    counters_take(c, add_up, &s);
    assert_true(s.all.received == 1 && s.hour_ns == 18000 * NS_PER_SECOND);
    s = (struct sums){0};
    counters_walk(c, add_up, &s);
    assert_int_equal(s.all.received, 20001);
    counters_free(c);
}

static bool is_bindable(int type, uint16_t port)
{
    const struct sockaddr_in at = {.sin_family = AF_INET,
                                   .sin_port = htons(port),
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, type, 0);
    bool ok = bind(fd, (const struct sockaddr *)&at, sizeof at) == 0;
    close(fd);
    return ok;
}

static void a_free_port_is_free_for_both(void **unused)
{
    (void)unused;
    for (int i = 0; i < 50; i++) {
        uint16_t port = inputs_free_port("127.0.0.1");
        assert_true(port != 0 && is_bindable(SOCK_DGRAM, port) && is_bindable(SOCK_STREAM, port));
    }
    assert_int_equal(inputs_free_port("192.0.2.1"), 0); /* not of this machine */
    assert_int_equal(inputs_free_port("nonsense"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tcp_frames_and_names_the_sender),
        cmocka_unit_test(tcp_cuts_what_is_too_long),
        cmocka_unit_test(tcp_waits_while_the_sink_is_full),
        cmocka_unit_test(tcp_serves_many_and_turns_away_more),
        cmocka_unit_test(tcp_keeps_half_a_line_when_it_stops),
        cmocka_unit_test(udp_takes_datagrams),
        cmocka_unit_test(udp_cuts_long_datagrams),
        cmocka_unit_test(udp_kernel_drops_are_counted),
        cmocka_unit_test(udp_without_a_sink_counts_losses),
        cmocka_unit_test(a_dead_sink_is_a_loss_at_the_end),
        cmocka_unit_test(mistakes_are_sentences),
        cmocka_unit_test(bodies_are_split),
        cmocka_unit_test(senders_are_bounded),
        cmocka_unit_test(a_free_port_is_free_for_both),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
