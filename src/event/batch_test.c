/* Batches: growing, sharing senders, findings in order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "event/batch.h"

static int unpinned;

static void unpin(void *rules)
{
    assert_ptr_equal(rules, &unpinned);
    unpinned++;
}

static void grows(void **state)
{
    (void)state;
    struct batch *b = batch_new(2);
    char raw[32];
    for (int i = 0; i < 1000; i++) {
        snprintf(raw, sizeof raw, "record %d", i);
        struct record *r = batch_add(b, str_c(raw), i < 500 ? STR("192.0.2.1") : STR("192.0.2.2"));
        r->sequence = (uint64_t)i;
    }
    assert_int_equal(b->count, 1000);
    assert_true(str_eq(b->records[42].raw, STR("record 42")));
    assert_ptr_equal(b->records[0].sender.p, b->records[499].sender.p);
    assert_true(str_eq(b->records[500].sender, STR("192.0.2.2")));
    assert_int_equal(b->records[999].sequence, 999);
    assert_int_equal(b->events[999].count, 0);
    assert_int_equal(b->bytes, 10 * 8 + 90 * 9 + 900 * 10);
    struct finding *first = batch_add_finding(b), *second = batch_add_finding(b);
    assert_ptr_equal(b->findings, first);
    assert_ptr_equal(first->next, second);
    assert_null(second->next);
    b->pinned = &unpinned;
    b->unpin = unpin;
    batch_free(b);
    assert_int_equal(unpinned, 1);
    batch_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(grows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
