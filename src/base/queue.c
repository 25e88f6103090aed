/* Ground floor: bounded queue between threads: a ring under one mutex. Batches travel here, not events, so a
 * lock for each item costs nothing that could be measured. */
#include "base/queue.h"

#include <pthread.h>
#include <time.h>

#include "base/memory.h"

struct queue {
    pthread_mutex_t lock;
    pthread_cond_t not_empty, not_full;
    size_t capacity, first, count;
    bool is_closed;
    void *items[];
};

struct queue *queue_new(size_t capacity)
{
    BUG_IF(!capacity || capacity > 1u << 24);
    struct queue *q = memory_zero(sizeof *q + capacity * sizeof q->items[0]);
    q->capacity = capacity;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&q->lock, NULL);
    pthread_cond_init(&q->not_empty, &attributes);
    pthread_cond_init(&q->not_full, &attributes);
    pthread_condattr_destroy(&attributes);
    return q;
}

void queue_free(struct queue *q)
{
    if (!q)
        return;
    pthread_cond_destroy(&q->not_empty);
    pthread_cond_destroy(&q->not_full);
    pthread_mutex_destroy(&q->lock);
    memory_free(q);
}

static bool push(struct queue *q, void *item, bool may_wait)
{
    BUG_IF(!item);
    pthread_mutex_lock(&q->lock);
    while (may_wait && q->count == q->capacity && !q->is_closed)
        pthread_cond_wait(&q->not_full, &q->lock);
    bool is_taken = q->count < q->capacity && !q->is_closed;
    if (is_taken) {
        q->items[(q->first + q->count++) % q->capacity] = item;
        pthread_cond_signal(&q->not_empty);
    }
    pthread_mutex_unlock(&q->lock);
    return is_taken;
}

bool queue_push(struct queue *q, void *item)
{
    return push(q, item, true);
}

bool queue_try_push(struct queue *q, void *item)
{
    return push(q, item, false);
}

static struct timespec deadline_in(unsigned timeout_ms)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += timeout_ms / 1000;
    t.tv_nsec += (long)(timeout_ms % 1000) * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

/* Takes what there is; the lock is held. */
static size_t take(struct queue *q, void **items, size_t max)
{
    size_t n = 0;
    while (n < max && q->count) {
        items[n++] = q->items[q->first];
        q->first = (q->first + 1) % q->capacity;
        q->count--;
    }
    if (n > 1)
        pthread_cond_broadcast(&q->not_full);
    else if (n)
        pthread_cond_signal(&q->not_full);
    return n;
}

void *queue_pop(struct queue *q)
{
    void *item = NULL;
    pthread_mutex_lock(&q->lock);
    while (!q->count && !q->is_closed)
        pthread_cond_wait(&q->not_empty, &q->lock);
    take(q, &item, 1);
    pthread_mutex_unlock(&q->lock);
    return item;
}

size_t queue_pop_many(struct queue *q, void **items, size_t max, unsigned timeout_ms)
{
    pthread_mutex_lock(&q->lock);
    if (!q->count && timeout_ms && !q->is_closed) {
        struct timespec deadline = deadline_in(timeout_ms);
        while (!q->count && !q->is_closed && pthread_cond_timedwait(&q->not_empty, &q->lock, &deadline) == 0)
            ;
    }
    size_t n = take(q, items, max);
    pthread_mutex_unlock(&q->lock);
    return n;
}

void *queue_pop_wait(struct queue *q, unsigned timeout_ms)
{
    void *item = NULL;
    queue_pop_many(q, &item, 1, timeout_ms);
    return item;
}

void queue_close(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    q->is_closed = true;
    pthread_cond_broadcast(&q->not_empty);
    pthread_cond_broadcast(&q->not_full);
    pthread_mutex_unlock(&q->lock);
}

size_t queue_depth(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    size_t depth = q->count;
    pthread_mutex_unlock(&q->lock);
    return depth;
}

bool queue_is_closed(struct queue *q)
{
    pthread_mutex_lock(&q->lock);
    bool is_closed = q->is_closed;
    pthread_mutex_unlock(&q->lock);
    return is_closed;
}

size_t queue_capacity(const struct queue *q)
{
    return q->capacity;
}
