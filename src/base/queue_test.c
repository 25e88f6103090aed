/* The bounded queue: order, limits, closing, several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/queue.h"

static void keeps_order_and_limit(void **state)
{
    (void)state;
    struct queue *q = queue_new(3);
    int items[4];
    void *out[4];
    assert_int_equal(queue_capacity(q), 3);
    for (int i = 0; i < 3; i++)
        assert_true(queue_try_push(q, &items[i]));
    assert_false(queue_try_push(q, &items[3]));
    assert_int_equal(queue_depth(q), 3);
    assert_ptr_equal(queue_pop(q), &items[0]);
    assert_true(queue_push(q, &items[3]));
    assert_int_equal(queue_pop_many(q, out, 2, 0), 2);
    assert_ptr_equal(out[1], &items[2]);
    assert_ptr_equal(queue_pop_wait(q, 0), &items[3]);
    assert_null(queue_pop_wait(q, 0));
    int64_t before = clock_monotonic_ns();
    assert_null(queue_pop_wait(q, 30));
    assert_true(clock_monotonic_ns() - before >= 29 * NS_PER_MS);
    queue_free(q);
}

static void closes(void **state)
{
    (void)state;
    struct queue *q = queue_new(3);
    int item;
    queue_push(q, &item);
    queue_close(q);
    assert_true(queue_is_closed(q));
    assert_false(queue_push(q, &item) || queue_try_push(q, &item));
    assert_ptr_equal(queue_pop(q), &item);
    assert_null(queue_pop(q));
    assert_int_equal(queue_pop_many(q, (void *[1]){NULL}, 1, 1000), 0);
    queue_free(q);
}

#define ITEMS 20000

static void *produce(void *q)
{
    for (uintptr_t i = 1; i <= ITEMS; i++)
        if (!queue_push(q, (void *)i))
            break;
    return NULL;
}

static void *consume(void *q)
{
    uintptr_t sum = 0;
    void *items[7];
    for (;;) {
        size_t n = queue_pop_many(q, items, COUNT_OF(items), 5);
        if (!n && queue_is_closed(q) && !queue_depth(q))
            break;
        while (n)
            sum += (uintptr_t)items[--n];
    }
    return (void *)sum;
}

static void carries_between_threads(void **state)
{
    (void)state;
    struct queue *q = queue_new(16);
    pthread_t producers[3], consumers[2];
    uintptr_t total = 0;
    for (size_t i = 0; i < COUNT_OF(consumers); i++)
        pthread_create(&consumers[i], NULL, consume, q);
    for (size_t i = 0; i < COUNT_OF(producers); i++)
        pthread_create(&producers[i], NULL, produce, q);
    for (size_t i = 0; i < COUNT_OF(producers); i++)
        pthread_join(producers[i], NULL);
    queue_close(q);
    for (size_t i = 0; i < COUNT_OF(consumers); i++) {
        void *sum;
        pthread_join(consumers[i], &sum);
        total += (uintptr_t)sum;
    }
    assert_int_equal(total, (uintptr_t)3 * ITEMS * (ITEMS + 1) / 2);
    queue_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_order_and_limit),
        cmocka_unit_test(closes),
        cmocka_unit_test(carries_between_threads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
