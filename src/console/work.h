/* A few threads and a bounded queue for whatever must not run on the event loop. */
#ifndef CONSOLE_WORK_H
#define CONSOLE_WORK_H

#include <stdbool.h>
#include <stddef.h>

struct work;
struct work *work_new(unsigned threads, size_t queue_capacity, const char *name, void (*run)(void *item));
/* False when the queue is full: nothing was taken. */
bool work_submit(struct work *w, void *item);
size_t work_depth(struct work *w);
/* Runs what is queued, then joins. */
void work_free(struct work *w);

#endif
