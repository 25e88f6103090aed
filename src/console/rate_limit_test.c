/* The sliding window: the eleventh failure waits, old ones are forgotten, memory is bounded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "console/rate_limit.h"

#define WINDOW (900 * NS_PER_SECOND)

static void waits_after_the_last_allowed(void **state)
{
    struct rate_limit *l = rate_limit_new(10, WINDOW, 16);
    int64_t now = 5 * NS_PER_SECOND;
    (void)state;
    for (int i = 0; i < 10; i++)
        assert_int_equal(rate_limit_attempt(l, STR("a"), now + i * NS_PER_SECOND), 0);
    assert_int_equal(rate_limit_attempt(l, STR("a"), now + 10 * NS_PER_SECOND), 891);
    assert_int_equal(rate_limit_wait(l, STR("b"), now), 0);
    assert_int_equal(rate_limit_attempt(l, STR("a"), now + WINDOW), 0); /* the first has left the window */
    assert_int_equal(rate_limit_attempt(l, STR("a"), now + WINDOW), 2); /* the second leaves a second later */
    rate_limit_free(l);
}

static void success_takes_attempts_back(void **state)
{
    struct rate_limit *l = rate_limit_new(2, WINDOW, 16);
    (void)state;
    assert_int_equal(rate_limit_attempt(l, STR("a"), 1), 0);
    assert_int_equal(rate_limit_attempt(l, STR("a"), 2), 0);
    assert_true(rate_limit_attempt(l, STR("a"), 3) > 0);
    rate_limit_undo(l, STR("a"));
    assert_int_equal(rate_limit_attempt(l, STR("a"), 4), 0);
    assert_true(rate_limit_wait(l, STR("a"), 5) > 0);
    rate_limit_forget(l, STR("a"));
    assert_int_equal(rate_limit_wait(l, STR("a"), 5), 0);
    rate_limit_undo(l, STR("unknown"));
    rate_limit_free(l);
}

static void the_oldest_key_gives_way(void **state)
{
    struct rate_limit *l = rate_limit_new(1, WINDOW, 2);
    (void)state;
    assert_int_equal(rate_limit_attempt(l, STR("a"), 1), 0);
    assert_int_equal(rate_limit_attempt(l, STR("b"), 2), 0);
    assert_int_equal(rate_limit_attempt(l, STR("c"), 3), 0);
    assert_int_equal(rate_limit_wait(l, STR("a"), 4), 0);
    assert_true(rate_limit_wait(l, STR("b"), 4) > 0);
    assert_true(rate_limit_wait(l, STR("c"), 4) > 0);
    rate_limit_free(l);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(waits_after_the_last_allowed),
                                       cmocka_unit_test(success_takes_attempts_back),
                                       cmocka_unit_test(the_oldest_key_gives_way)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
