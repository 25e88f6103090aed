/* Rounds of a thread: at the start, by pokes, by time, and the stop in each state. Every wait is for a
 * condition. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/poked_thread.h"

#define LONGEST_NS (60 * NS_PER_SECOND)
#define NEVER_NS   (3600 * NS_PER_SECOND)

struct world {
    struct poked_thread thread;
    _Atomic int rounds;
    _Atomic int64_t wait_ns; /* what a round answers */
    atomic_bool is_held;     /* a round does not end */
    bool pokes_itself;
};

static int64_t go_round(void *context)
{
    struct world *w = context;
    int64_t wait_ns = w->wait_ns;
    if (++w->rounds == 1 && w->pokes_itself)
        poked_thread_poke(&w->thread);
    while (w->is_held && !w->thread.is_over)
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    return wait_ns;
}

static bool reach(struct world *w, int rounds)
{
    int64_t until = clock_monotonic_ns() + LONGEST_NS;
    while (w->rounds < rounds && clock_monotonic_ns() < until)
        nanosleep(&(struct timespec){.tv_nsec = NS_PER_MS}, NULL);
    return w->rounds >= rounds;
}

static void starts_with_a_round_and_then_waits_for_pokes(void **state)
{
    struct world w = {.wait_ns = UNTIL_POKED};
    (void)state;
    poked_thread_start(&w.thread, "rounds", go_round, &w);
    assert_true(reach(&w, 1));
    for (int i = 2; i < 50; i++) {
        poked_thread_poke(&w.thread);
        assert_true(reach(&w, i));
    }
    poked_thread_stop(&w.thread); /* asleep */
    assert_int_equal(w.rounds, 49);
}

static void a_time_brings_the_next_round(void **state)
{
    struct world w = {.wait_ns = 5 * NS_PER_MS};
    int64_t began = clock_monotonic_ns();
    (void)state;
    poked_thread_start(&w.thread, "rounds", go_round, &w);
    assert_true(reach(&w, 5));
    assert_true(clock_monotonic_ns() - began >= 4 * 5 * NS_PER_MS);
    w.wait_ns = NEVER_NS; /* of the next round */
    poked_thread_poke(&w.thread);
    poked_thread_stop(&w.thread);
    assert_true(clock_monotonic_ns() - began < NEVER_NS);
}

static void a_poke_during_a_round_is_not_lost(void **state)
{
    struct world w = {.wait_ns = UNTIL_POKED, .is_held = true};
    (void)state;
    poked_thread_start(&w.thread, "rounds", go_round, &w);
    assert_true(reach(&w, 1));
    poked_thread_poke(&w.thread);
    poked_thread_poke(&w.thread);
    w.is_held = false;
    assert_true(reach(&w, 2)); /* both bring one */
    poked_thread_poke(&w.thread);
    assert_true(reach(&w, 3));
    poked_thread_stop(&w.thread);
    assert_int_equal(w.rounds, 3);

    struct world own = {.wait_ns = UNTIL_POKED, .pokes_itself = true};
    poked_thread_start(&own.thread, "rounds", go_round, &own);
    assert_true(reach(&own, 2));
    poked_thread_stop(&own.thread);
    assert_int_equal(own.rounds, 2);
}

static void the_stop_ends_a_round_under_way_and_no_other_follows(void **state)
{
    struct world w = {.wait_ns = 0, .is_held = true};
    (void)state;
    poked_thread_start(&w.thread, "rounds", go_round, &w);
    assert_true(reach(&w, 1));
    poked_thread_poke(&w.thread);
    poked_thread_stop(&w.thread); /* the round sees is_over */
    assert_int_equal(w.rounds, 1);
    for (int i = 0; i < 100; i++) { /* whatever it is doing */
        struct world brief = {.wait_ns = i % 2 ? 0 : UNTIL_POKED};
        poked_thread_start(&brief.thread, "rounds", go_round, &brief);
        poked_thread_stop(&brief.thread);
        assert_true(i % 2 || brief.rounds <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(starts_with_a_round_and_then_waits_for_pokes),
                                       cmocka_unit_test(a_time_brings_the_next_round),
                                       cmocka_unit_test(a_poke_during_a_round_is_not_lost),
                                       cmocka_unit_test(
                                           the_stop_ends_a_round_under_way_and_no_other_follows)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
