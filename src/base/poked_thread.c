/* Rounds of a thread and the sleep between them, by a clock that nobody sets. */
#include "base/poked_thread.h"

#include <time.h>

#include "base/clock.h"
#include "base/memory.h"

/* Under the lock. */
static void sleep_until_wanted(struct poked_thread *t, int64_t until_ns)
{
    struct timespec until = {.tv_sec = until_ns / NS_PER_SECOND, .tv_nsec = until_ns % NS_PER_SECOND};
    while (!t->is_poked && !atomic_load(&t->is_over))
        if (until_ns == UNTIL_POKED)
            pthread_cond_wait(&t->wakes, &t->lock);
        else if (pthread_cond_timedwait(&t->wakes, &t->lock, &until) != 0)
            return;
}

static void *run(void *context)
{
    struct poked_thread *t = context;
    while (!atomic_load(&t->is_over)) {
        int64_t wait_ns = t->round(t->context);
        int64_t until_ns = wait_ns == UNTIL_POKED ? UNTIL_POKED : clock_monotonic_ns() + wait_ns;
        pthread_mutex_lock(&t->lock);
        sleep_until_wanted(t, until_ns);
        t->is_poked = false;
        pthread_mutex_unlock(&t->lock);
    }
    return NULL;
}

void poked_thread_start(struct poked_thread *t, const char *name, poked_round *round, void *context)
{
    pthread_condattr_t monotonic;
    *t = (struct poked_thread){.round = round, .context = context};
    pthread_mutex_init(&t->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&t->wakes, &monotonic);
    pthread_condattr_destroy(&monotonic);
    if (pthread_create(&t->thread, NULL, run, t) != 0)
        BUG("no thread for rounds");
    pthread_setname_np(t->thread, name);
}

static void wake(struct poked_thread *t, bool is_over)
{
    pthread_mutex_lock(&t->lock);
    t->is_poked = true;
    if (is_over)
        atomic_store(&t->is_over, true);
    pthread_cond_signal(&t->wakes);
    pthread_mutex_unlock(&t->lock);
}

void poked_thread_poke(struct poked_thread *t)
{
    wake(t, false);
}

void poked_thread_stop(struct poked_thread *t)
{
    wake(t, true);
    pthread_join(t->thread, NULL);
    pthread_cond_destroy(&t->wakes);
    pthread_mutex_destroy(&t->lock);
}
