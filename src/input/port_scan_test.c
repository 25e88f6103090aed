/* Unit tests of the light port scanner on loopback (S97–S99). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "input/port_scan.h"

static int listen_on_any(uint16_t *port)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof at;
    int fd = socket(AF_INET, SOCK_STREAM, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&at, sizeof at), 0);
    assert_int_equal(listen(fd, 8), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &size), 0);
    *port = ntohs(at.sin_port);
    return fd;
}

static void *greet(void *context)
{
    int server = *(int *)context, fd;
    while ((fd = accept(server, NULL, NULL)) >= 0) {
        ssize_t n = write(fd, "SSH-2.0-Test_1.0\r\nmore", 22);
        (void)n;
        close(fd);
    }
    return NULL;
}

struct outcome {
    struct port_scan_result result;
    struct port_scan_open open[8];
    unsigned done, steps, most_steps;
};

static void note(void *context, const struct port_scan_result *r)
{
    struct outcome *o = context;
    o->result = *r;
    for (size_t i = 0; i < r->open_count && i < 8; i++)
        o->open[i] = r->open[i];
    o->done++;
}

static bool go_on(void *context)
{
    struct outcome *o = context;
    return ++o->steps <= o->most_steps;
}

static struct outcome scan(const uint16_t *ports, size_t count, size_t targets, unsigned most_steps)
{
    struct outcome o = {.most_steps = most_steps};
    struct ip ips[40];
    struct error err;
    for (size_t i = 0; i < targets; i++)
        assert_true(ip_parse(STR("127.0.0.1"), &ips[i]));
    struct port_scan_settings s = {.targets = ips,
                                   .target_count = targets,
                                   .ports = ports,
                                   .port_count = count,
                                   .packets_per_second = 10,
                                   .timeout_ms = 900,
                                   .banner_ms = 300,
                                   .hosts_at_once = 4,
                                   .go_on = go_on,
                                   .done = note,
                                   .context = &o};
    assert_true(port_scan_run(&s, &err));
    return o;
}

/* Open with and without a greeting, and closed; the open ones twice; no more than ten packets a second. */
static void test_open_and_closed(void **state)
{
    (void)state;
    pthread_t thread;
    uint16_t ports[3];
    int greeting = listen_on_any(&ports[0]), silent = listen_on_any(&ports[1]),
        closed = listen_on_any(&ports[2]);
    close(closed);
    pthread_create(&thread, NULL, greet, &greeting);
    int64_t started_ns = clock_monotonic_ns();
    struct outcome o = scan(ports, 3, 1, UINT32_MAX);
    double seconds = (double)(clock_monotonic_ns() - started_ns) / 1e9;
    assert_int_equal(o.done, 1);
    assert_int_equal(o.result.state, PORT_SCAN_UP);
    assert_int_equal(o.result.open_count, 2);
    assert_int_equal(o.open[0].port, ports[0]);
    assert_string_equal(o.open[0].banner, "SSH-2.0-Test_1.0");
    assert_int_equal(o.open[1].port, ports[1]);
    assert_string_equal(o.open[1].banner, "");
    assert_true(o.open[0].is_confirmed && o.open[1].is_confirmed);
    assert_int_equal(o.result.packets, 3 + 2 * 3 + 2 + 2 * 3);
    assert_true(seconds > 2 && (double)(o.result.packets - 8) / seconds <= 10);
    shutdown(greeting, SHUT_RDWR);
    pthread_join(thread, NULL);
    close(greeting);
    close(silent);
}

/* The kill switch: nothing goes on, and what was not done is told as such. */
static void test_stopped(void **state)
{
    (void)state;
    uint16_t ports[200];
    for (uint16_t i = 0; i < 200; i++)
        ports[i] = (uint16_t)(40000 + i);
    struct outcome o = scan(ports, 200, 10, 5);
    assert_int_equal(o.done, 10);
    assert_int_equal(o.result.state, PORT_SCAN_NOT_DONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_open_and_closed),
        cmocka_unit_test(test_stopped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
