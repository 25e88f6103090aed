/* The live stream's ring: order, lag told exactly, resuming, filters and sampling, masking. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <unistd.h>

#include "base/memory.h"
#include "console/stream.h"

static void no_rates(void *ctx, struct console_rates *out)
{
    (void)ctx;
    memset(out, 0, sizeof *out);
}

static void *filter_new(void *ctx, struct str expression, struct console_failure *failure)
{
    (void)ctx;
    if (str_eq(expression, STR("("))) {
        failure->position = 1;
        return NULL;
    }
    return memory_strdup(expression.p[0] == 'o' ? "odd" : "none");
}

static bool filter_match(const void *filter, const struct event *e)
{
    return str_contains(e->raw, str_c(filter));
}

static const struct console_services SERVICES = {.rates = no_rates,
                                                 .filter_new = filter_new,
                                                 .filter_match = filter_match,
                                                 .filter_free = memory_free};

static void count(void *token)
{
    ++*(_Atomic int *)token;
}

static _Atomic int suspended;

static struct stream_client *subscribe(struct stream *s, struct stream_request request)
{
    enum stream_result result;
    struct console_failure failure = {.position = -1};
    struct stream_client *c = stream_subscribe(s, &request, &result, &failure);
    assert_int_equal(result, STREAM_OK);
    stream_attach(c, count, count, &suspended);
    return c;
}

/* Everything there is to read now. Heartbeats and rates of the thread are not disturbing: it publishes them
 * after a second. */
static struct str drain(struct stream_client *c, struct buf *out)
{
    char bytes[777]; /* not a divisor of anything */
    ssize_t n;
    buf_clear(out);
    while ((n = stream_read(c, bytes, sizeof bytes)) > 0)
        buf_bytes(out, bytes, (size_t)n);
    return buf_str(out);
}

static void publish(struct stream *s, size_t n, const char *padding)
{
    for (size_t i = 0; i < n; i++) {
        struct finding f = {.rule_id = STR("r"),
                            .title_en = str_c(padding),
                            .title_ja = STR("題"),
                            .product = STR("p"),
                            .evidence_group = STR_EMPTY,
                            .stage = STR_EMPTY,
                            .host_name = STR("h"),
                            .host_ip = STR_EMPTY,
                            .user = STR("someone"),
                            .department = STR_EMPTY,
                            .peer = STR_EMPTY,
                            .sequence = i};
        stream_publish_finding(s, &f);
    }
}

static size_t occurrences(struct str s, struct str needle)
{
    size_t n = 0;
    for (size_t at = str_find(s, needle, 0); at != STR_NOT_FOUND; at = str_find(s, needle, at + 1))
        n++;
    return n;
}

static void delivers_in_order_and_sleeps(void **state)
{
    struct stream *s = stream_new(2, &SERVICES);
    struct buf out = {0};
    (void)state;
    struct stream_client *c =
        subscribe(s, (struct stream_request){.sees_persons = true, .filter = STR_EMPTY});
    suspended = 0;
    drain(c, &out);
    assert_int_equal(suspended, 1);
    publish(s, 3, "x");
    for (int i = 0; i < 100 && suspended < 2; i++)
        usleep(5000);
    assert_int_equal(suspended, 2); /* resumed once by the stream's thread */
    struct str text = drain(c, &out);
    assert_int_equal(occurrences(text, STR("event: finding\n")), 3);
    assert_true(str_find(text, STR("[\"0\",\"0\"]"), 0) < str_find(text, STR("[\"2\",\"2\"]"), 0));
    assert_true(str_contains(text, STR("someone")));
    stream_unsubscribe(c);
    buf_free(&out);
    stream_free(s);
}

static void tells_what_was_missed(void **state)
{
    struct stream *s = stream_new(2, &SERVICES);
    struct buf out = {0};
    (void)state;
    struct stream_client *c = subscribe(s, (struct stream_request){.filter = STR_EMPTY});
    drain(c, &out);
    publish(s, 3000, "x");
    struct str text = drain(c, &out);
    size_t got = occurrences(text, STR("event: finding\n")), lagged = 3000 - got;
    char expected[64];
    snprintf(expected, sizeof expected, "{\"missed\":%zu}", lagged);
    assert_true(lagged >= 1900 && lagged <= 2000);
    assert_true(str_contains(text, str_c(expected)));
    assert_int_equal(occurrences(text, STR("lagged")), 1);
    assert_false(str_contains(text, STR("someone"))); /* may not see persons */
    stream_unsubscribe(c);
    buf_free(&out);
    stream_free(s);
}

static void oversized_messages_count_as_missed(void **state)
{
    struct stream *s = stream_new(2, &SERVICES);
    struct buf out = {0}, large = {0};
    (void)state;
    while (large.n < 100000)
        buf_c(&large, "xxxxxxxxxx");
    struct stream_client *c = subscribe(s, (struct stream_request){.filter = STR_EMPTY});
    drain(c, &out);
    publish(s, 1, buf_cstr(&large));
    publish(s, 1, "x");
    struct str text = drain(c, &out);
    assert_int_equal(occurrences(text, STR("event: finding\n")), 1);
    assert_true(str_contains(text, STR("{\"missed\":1}")));
    stream_unsubscribe(c);
    buf_free(&large);
    buf_free(&out);
    stream_free(s);
}

static void resumes_behind_the_last_message(void **state)
{
    struct stream *s = stream_new(3, &SERVICES);
    struct buf out = {0};
    (void)state;
    struct stream_client *c = subscribe(s, (struct stream_request){.filter = STR_EMPTY});
    publish(s, 2, "x");
    struct str text = drain(c, &out);
    size_t at = str_find(text, STR("id: "), 0);
    struct str id = str_slice(text, at + 4, str_find_char(text, '\n', at));
    char kept[64];
    snprintf(kept, sizeof kept, "%.*s", STR_ARGS(id));
    stream_unsubscribe(c);
    c = subscribe(s, (struct stream_request){.filter = STR_EMPTY, .last_event_id = str_c(kept)});
    text = drain(c, &out);
    assert_int_equal(occurrences(text, STR("event: finding\n")), 1);
    assert_false(str_contains(text, STR("lagged")));
    stream_unsubscribe(c);
    c = subscribe(s, (struct stream_request){.filter = STR_EMPTY, .last_event_id = STR("junk-1-2")});
    assert_true(str_contains(drain(c, &out), STR("{\"missed\":null}")));
    stream_unsubscribe(c);
    buf_free(&out);
    stream_free(s);
}

static struct batch *a_batch(uint32_t n)
{
    struct batch *batch = batch_new(n);
    for (uint32_t i = 0; i < n; i++)
        batch_add(batch, i % 2 ? STR("odd") : STR("even"), STR("test"));
    if (!batch->events)
        batch->events = ARENA_ARRAY(&batch->arena, struct event, n);
    for (uint32_t i = 0; i < n; i++)
        batch->events[i] = (struct event){.raw = batch->records[i].raw, .sequence = i + 1, .time_ns = 1};
    return batch;
}

static void samples_and_filters(void **state)
{
    struct stream *s = stream_new(3, &SERVICES);
    struct buf all = {0}, odd = {0};
    struct batch *batch = a_batch(500);
    (void)state;
    stream_offer_events(s, batch); /* nobody listens */
    struct stream_client *a =
        subscribe(s, (struct stream_request){.wants_events = true, .filter = STR_EMPTY});
    struct stream_client *b =
        subscribe(s, (struct stream_request){.wants_events = true, .filter = STR("odd")});
    struct stream_client *none = subscribe(s, (struct stream_request){.filter = STR_EMPTY});
    stream_offer_events(s, batch);
    stream_offer_events(s, batch);
    assert_int_equal(occurrences(drain(a, &all), STR("event: event\n")), 10);
    assert_int_equal(occurrences(drain(b, &odd), STR("event: event\n")), 10);
    assert_true(str_contains(buf_str(&all), STR("\"_sampled\":490}")));
    assert_false(str_contains(buf_str(&odd), STR("\"even\"")));
    assert_int_equal(occurrences(drain(none, &all), STR("event: event\n")), 0);
    stream_unsubscribe(a);
    stream_unsubscribe(b);
    stream_unsubscribe(none);
    stream_offer_events(s, batch);
    batch_free(batch);
    buf_free(&all);
    buf_free(&odd);
    stream_free(s);
}

static void limits(void **state)
{
    struct stream *s = stream_new(STREAM_FILTERS_MAX + 10, &SERVICES);
    struct stream_client *clients[STREAM_FILTERS_MAX + 1];
    struct console_failure failure = {.position = -1};
    enum stream_result result;
    char name[16];
    (void)state;
    assert_null(stream_subscribe(s, &(struct stream_request){.wants_events = true, .filter = STR("(")},
                                 &result, &failure));
    assert_int_equal(result, STREAM_BAD_FILTER);
    assert_int_equal(failure.position, 1);
    for (int i = 0; i <= STREAM_FILTERS_MAX; i++) {
        snprintf(name, sizeof name, "o%d", i);
        clients[i] = subscribe(s, (struct stream_request){.wants_events = true, .filter = str_c(name)});
    }
    assert_null(stream_subscribe(s, &(struct stream_request){.wants_events = true, .filter = STR("new")},
                                 &result, &failure));
    assert_int_equal(result, STREAM_FILTERS_FULL);
    stream_unsubscribe(clients[0]);
    clients[0] = subscribe(s, (struct stream_request){.wants_events = true, .filter = STR("new")});
    stream_close(s);
    char byte;
    assert_int_equal(stream_read(clients[0], &byte, 1), 1); /* what was pending is still delivered */
    assert_null(stream_subscribe(s, &(struct stream_request){.filter = STR_EMPTY}, &result, &failure));
    assert_int_equal(result, STREAM_CLOSED);
    struct buf out = {0};
    for (int i = 0; i <= STREAM_FILTERS_MAX; i++) {
        drain(clients[i], &out);
        assert_int_equal(stream_read(clients[i], &byte, 1), -1);
        stream_unsubscribe(clients[i]);
    }
    buf_free(&out);
    stream_free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(delivers_in_order_and_sleeps),
                                       cmocka_unit_test(tells_what_was_missed),
                                       cmocka_unit_test(oversized_messages_count_as_missed),
                                       cmocka_unit_test(resumes_behind_the_last_message),
                                       cmocka_unit_test(samples_and_filters),
                                       cmocka_unit_test(limits)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
