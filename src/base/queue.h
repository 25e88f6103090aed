/* Bounded queue of pointers between threads; the only way batches travel. A full queue blocks the producer
 * (back-pressure) unless it asks not to wait. */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue;
struct queue *queue_new(size_t capacity);
void queue_free(struct queue *q);
/* False only after queue_close(). */
bool queue_push(struct queue *q, void *item);
/* False when full or closed: the caller counts the loss or stops reading. */
bool queue_try_push(struct queue *q, void *item);
/* NULL after queue_close() once empty. */
void *queue_pop(struct queue *q);
/* NULL when empty after at most `timeout_ms` (0: at once). */
void *queue_pop_wait(struct queue *q, unsigned timeout_ms);
/* Takes up to `max` items at once, waiting for the first for at most `timeout_ms`. */
size_t queue_pop_many(struct queue *q, void **items, size_t max, unsigned timeout_ms);
void queue_close(struct queue *q);
size_t queue_depth(struct queue *q);
bool queue_is_closed(struct queue *q);
size_t queue_capacity(const struct queue *q);

#endif
