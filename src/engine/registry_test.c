/* The registry over a real state.db: one number for one sender, whoever asks, and decisions that arrive. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "engine/registry.h"
#include "store/state_sources.h"
#include "store/store_testing.h"

static struct registry *open_registry(struct test_folder *f)
{
    struct error err;
    struct registry *r = registry_new(f->state, &err);
    assert_non_null(r);
    return r;
}

static void a_sender_keeps_its_number(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct registry *r = open_registry(&f);
    const struct source *udp = registry_find(r, TRANSPORT_UDP, STR("192.0.2.1"), 1);
    const struct source *tcp = registry_find(r, TRANSPORT_TCP, STR("192.0.2.1"), 1);
    assert_non_null(udp);
    assert_int_not_equal(udp->number, tcp->number);
    assert_ptr_equal(registry_find(r, TRANSPORT_UDP, STR("192.0.2.1"), 2), udp);
    assert_ptr_equal(registry_get(r, udp->number), udp);
    assert_false(udp->registered);
    assert_null(registry_get(r, 0));
    assert_null(registry_get(r, UINT32_MAX));
    uint32_t number = udp->number;
    registry_free(r);
    test_folder_reopen(&f);
    r = open_registry(&f);
    assert_int_equal(registry_find(r, TRANSPORT_UDP, STR("192.0.2.1"), 3)->number, number);
    registry_free(r);
    test_folder_remove(&f);
}

static void a_decision_replaces_only_what_it_is_about(void **state)
{
    (void)state;
    struct test_folder f;
    struct error err;
    test_folder_make(&f);
    struct registry *r = open_registry(&f);
    const struct source *one = registry_find(r, TRANSPORT_UDP, STR("192.0.2.1"), 1);
    const struct source *two = registry_find(r, TRANSPORT_UDP, STR("192.0.2.2"), 1);
    assert_true(registry_reload(r, &err));
    one = registry_get(r, one->number); /* the name was chosen by state.db */
    two = registry_get(r, two->number);
    struct source_decision decision = {.name = STR("edge"),
                                       .parser = STR("squid"),
                                       .zone = STR("Asia/Tokyo"),
                                       .charset = STR_EMPTY,
                                       .registered = true};
    assert_true(state_sources_decide(f.state, one->number, &decision, &err));
    assert_true(registry_reload(r, &err));
    const struct source *now = registry_find(r, TRANSPORT_UDP, STR("192.0.2.1"), 2);
    assert_ptr_not_equal(now, one);
    assert_true(now->registered && str_eq(now->parser, STR("squid")));
    assert_false(one->registered); /* whoever holds the old one still reads it */
    assert_ptr_equal(registry_get(r, two->number), two);
    registry_free(r);
    test_folder_remove(&f);
}

struct asker {
    struct registry *registry;
    pthread_t thread;
    uint32_t numbers[50];
};

static void *ask(void *context)
{
    struct asker *a = context;
    for (int i = 0; i < 50; i++) {
        char sender[32];
        int n = snprintf(sender, sizeof sender, "198.51.100.%d", i);
        a->numbers[i] = registry_find(a->registry, TRANSPORT_UDP, str_n(sender, (size_t)n), 1)->number;
    }
    return NULL;
}

static void threads_agree(void **state)
{
    (void)state;
    struct test_folder f;
    struct asker askers[4];
    test_folder_make(&f);
    struct registry *r = open_registry(&f);
    for (int i = 0; i < 4; i++) {
        askers[i].registry = r;
        assert_int_equal(pthread_create(&askers[i].thread, NULL, ask, &askers[i]), 0);
    }
    for (int i = 0; i < 4; i++)
        pthread_join(askers[i].thread, NULL);
    for (int i = 1; i < 4; i++)
        assert_memory_equal(askers[0].numbers, askers[i].numbers, sizeof askers[0].numbers);
    registry_free(r);
    test_folder_remove(&f);
}

static void records_are_given_their_source(void **state)
{
    (void)state;
    struct test_folder f;
    test_folder_make(&f);
    struct registry *r = open_registry(&f);
    struct registry_cache cache = {.registry = r};
    struct batch *b = batch_new(4);
    static const char *const senders[] = {"192.0.2.1", "192.0.2.2", "192.0.2.1", "192.0.2.1"};
    for (int i = 0; i < 4; i++)
        batch_add(b, STR("x"), str_c(senders[i]))->transport = i == 3 ? TRANSPORT_TCP : TRANSPORT_UDP;
    registry_assign(&cache, b);
    assert_int_equal(b->records[0].source, b->records[2].source);
    assert_int_not_equal(b->records[0].source, b->records[1].source);
    assert_int_not_equal(b->records[0].source, b->records[3].source);
    for (int i = 0; i < 4; i++) {
        const struct source *source = registry_source_of(r, &b->records[i]);
        assert_string_equal(source->sender.p, senders[i]);
    }
    batch_free(b);
    registry_free(r);
    test_folder_remove(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_sender_keeps_its_number),
        cmocka_unit_test(a_decision_replaces_only_what_it_is_about),
        cmocka_unit_test(threads_agree),
        cmocka_unit_test(records_are_given_their_source),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
