/* A thread that works in rounds: at its start, whenever it is poked, and when the time comes that the last
 * round asked for. Pokes during a round bring one more round right after it. */
#ifndef BASE_POKED_THREAD_H
#define BASE_POKED_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define UNTIL_POKED INT64_C(-1)

/* One round. Returns after how many nanoseconds the next one is due, or UNTIL_POKED. */
typedef int64_t poked_round(void *context);

struct poked_thread {
    pthread_t thread;
    pthread_mutex_t lock; /* guards is_poked */
    pthread_cond_t wakes;
    bool is_poked;
    atomic_bool is_over; /* a long round asks it in between and ends early */
    poked_round *round;
    void *context;
};

/* `name`: at most 15 bytes, for gdb and top. `t` stays where it is until poked_thread_stop(). */
void poked_thread_start(struct poked_thread *t, const char *name, poked_round *round, void *context);
/* From any thread, also from within a round. */
void poked_thread_poke(struct poked_thread *t);
/* Returns once the round that is under way has ended. From another thread, once. */
void poked_thread_stop(struct poked_thread *t);

#endif
