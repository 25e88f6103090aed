/* Worker threads. Stage: console. Reads requests that take their time, runs their handlers. Next: the api_*.c
 * files. */
#include "console/work.h"

#include <pthread.h>

#include "base/memory.h"
#include "base/queue.h"

#define WORK_THREADS_MAX 16

struct work {
    struct queue *queue;
    void (*run)(void *item);
    unsigned thread_count;
    pthread_t threads[WORK_THREADS_MAX];
};

static void *loop(void *context)
{
    struct work *w = context;
    void *item;
    while ((item = queue_pop(w->queue)))
        w->run(item);
    return NULL;
}

struct work *work_new(unsigned threads, size_t queue_capacity, const char *name, void (*run)(void *item))
{
    struct work *w = NEW(struct work);
    w->queue = queue_new(queue_capacity);
    w->run = run;
    w->thread_count = threads < WORK_THREADS_MAX ? threads : WORK_THREADS_MAX;
    for (unsigned i = 0; i < w->thread_count; i++) {
        BUG_IF(pthread_create(&w->threads[i], NULL, loop, w) != 0);
        pthread_setname_np(w->threads[i], name);
    }
    return w;
}

bool work_submit(struct work *w, void *item)
{
    return queue_try_push(w->queue, item);
}

size_t work_depth(struct work *w)
{
    return queue_depth(w->queue);
}

void work_free(struct work *w)
{
    if (!w)
        return;
    queue_close(w->queue);
    for (unsigned i = 0; i < w->thread_count; i++)
        pthread_join(w->threads[i], NULL);
    queue_free(w->queue);
    memory_free(w);
}
