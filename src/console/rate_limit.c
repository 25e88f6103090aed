/* Sliding-window limiter for failed log-ins. Stage: console. Reads keys and times, leaves waiting times.
 * Next: auth.c. */
#include "console/rate_limit.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/memory.h"

/* `times` is a ring of the newest max_failures attempts. */
struct entry {
    uint64_t key;
    unsigned count, next;
    int64_t *times;
};

struct rate_limit {
    pthread_mutex_t lock;
    unsigned max_failures;
    int64_t window_ns;
    size_t capacity, used;
    struct entry *entries;
    int64_t *times;
};

struct rate_limit *rate_limit_new(unsigned max_failures, int64_t window_ns, size_t capacity)
{
    struct rate_limit *l = NEW(struct rate_limit);
    pthread_mutex_init(&l->lock, NULL);
    l->max_failures = max_failures;
    l->window_ns = window_ns;
    l->capacity = capacity;
    l->entries = NEW_ARRAY(struct entry, capacity);
    l->times = NEW_ARRAY(int64_t, capacity * max_failures);
    for (size_t i = 0; i < capacity; i++)
        l->entries[i].times = l->times + i * max_failures;
    return l;
}

void rate_limit_free(struct rate_limit *l)
{
    if (!l)
        return;
    pthread_mutex_destroy(&l->lock);
    memory_free(l->entries);
    memory_free(l->times);
    memory_free(l);
}

static int64_t newest(const struct rate_limit *l, const struct entry *e)
{
    return e->count ? e->times[(e->next + l->max_failures - 1) % l->max_failures] : INT64_MIN;
}

static struct entry *find(struct rate_limit *l, uint64_t key)
{
    for (size_t i = 0; i < l->used; i++)
        if (l->entries[i].key == key)
            return &l->entries[i];
    return NULL;
}

static struct entry *find_or_replace(struct rate_limit *l, uint64_t key)
{
    struct entry *e = find(l, key);
    if (e)
        return e;
    if (l->used < l->capacity) {
        e = &l->entries[l->used++];
    } else {
        e = &l->entries[0];
        for (size_t i = 1; i < l->used; i++)
            if (newest(l, &l->entries[i]) < newest(l, e))
                e = &l->entries[i];
    }
    e->key = key;
    e->count = e->next = 0;
    return e;
}

/* Seconds until the oldest of max_failures attempts leaves the window. */
static unsigned wait_of(const struct rate_limit *l, const struct entry *e, int64_t now_ns)
{
    if (!e || e->count < l->max_failures)
        return 0;
    int64_t left = e->times[e->next] + l->window_ns - now_ns;
    return left <= 0 ? 0 : (unsigned)(left / NS_PER_SECOND + 1);
}

unsigned rate_limit_wait(struct rate_limit *l, struct str key, int64_t now_ns)
{
    pthread_mutex_lock(&l->lock);
    unsigned seconds = wait_of(l, find(l, str_hash(key)), now_ns);
    pthread_mutex_unlock(&l->lock);
    return seconds;
}

unsigned rate_limit_attempt(struct rate_limit *l, struct str key, int64_t now_ns)
{
    pthread_mutex_lock(&l->lock);
    struct entry *e = find_or_replace(l, str_hash(key));
    unsigned seconds = wait_of(l, e, now_ns);
    if (!seconds) {
        e->times[e->next] = now_ns;
        e->next = (e->next + 1) % l->max_failures;
        if (e->count < l->max_failures)
            e->count++;
    }
    pthread_mutex_unlock(&l->lock);
    return seconds;
}

void rate_limit_forget(struct rate_limit *l, struct str key)
{
    pthread_mutex_lock(&l->lock);
    struct entry *e = find(l, str_hash(key));
    if (e)
        e->count = e->next = 0;
    pthread_mutex_unlock(&l->lock);
}

void rate_limit_undo(struct rate_limit *l, struct str key)
{
    pthread_mutex_lock(&l->lock);
    struct entry *e = find(l, str_hash(key));
    if (e && e->count) {
        e->count--;
        e->next = (e->next + l->max_failures - 1) % l->max_failures;
    }
    pthread_mutex_unlock(&l->lock);
}
