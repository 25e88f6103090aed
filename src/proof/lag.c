/* Lags by source in two minutes of logarithmic buckets. serve_wiring.c tells of batches, serve.c asks for
 * alarms, services_admin.c shows them. */
#include "proof/lag.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/memory.h"

#define MINUTE_NS  (60 * NS_PER_SECOND)
#define BUCKETS    64
#define GROWTH     1.2 /* of a bucket's bounds; 1.2^63 s are longer than a day */
#define FORGET_NS  (3600 * NS_PER_SECOND)
#define PERCENTILE 0.95

struct minute {
    int64_t number; /* since 1970, of receipt */
    uint32_t count;
    uint32_t buckets[BUCKETS]; /* [0]: less than a second; [i]: less than GROWTH^i seconds */
};

struct entry {
    uint32_t source;
    struct minute minutes[2]; /* by number & 1 */
    int64_t last_ns, late_since_ns;
    bool is_told;
};

struct lag {
    double limit_s;
    int64_t patience_ns;
    pthread_mutex_t lock; /* guards what follows */
    struct entry *entries;
    uint32_t count, capacity;
    uint32_t *numbers; /* source → index + 1; 0 = none */
    uint32_t number_count;
};

struct lag *lag_new(double limit_s, double minutes)
{
    struct lag *l = NEW(struct lag);
    l->limit_s = limit_s;
    l->patience_ns = (int64_t)(minutes * 60) * NS_PER_SECOND;
    pthread_mutex_init(&l->lock, NULL);
    return l;
}

void lag_free(struct lag *l)
{
    if (l == NULL)
        return;
    memory_free(l->entries);
    memory_free(l->numbers);
    pthread_mutex_destroy(&l->lock);
    memory_free(l);
}

double lag_limit(const struct lag *l)
{
    return l->limit_s;
}

static struct entry *entry_of(struct lag *l, uint32_t source)
{
    if (source >= l->number_count) {
        uint32_t wanted = source + 64;
        l->numbers = memory_resize_array(l->numbers, wanted, sizeof *l->numbers);
        memset(l->numbers + l->number_count, 0, (wanted - l->number_count) * sizeof *l->numbers);
        l->number_count = wanted;
    }
    if (l->numbers[source] != 0)
        return &l->entries[l->numbers[source] - 1];
    if (l->count == LAG_SOURCES_MAX)
        return NULL;
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 16;
        l->entries = memory_resize_array(l->entries, l->capacity, sizeof *l->entries);
    }
    l->entries[l->count] = (struct entry){.source = source};
    l->numbers[source] = ++l->count;
    return &l->entries[l->count - 1];
}

static unsigned bucket_of(int64_t lag_ns)
{
    double seconds = (double)lag_ns / 1e9;
    if (seconds < 1)
        return 0;
    double bucket = log(seconds) / log(GROWTH) + 1;
    return bucket < BUCKETS ? (unsigned)bucket : BUCKETS - 1;
}

static void note(struct lag *l, const struct event *e)
{
    int64_t lag_ns = e->received_ns - e->time_ns, number = e->received_ns / MINUTE_NS;
    if (e->flags & (EVENT_CANARY | EVENT_EXERCISE) || lag_ns > LAG_HISTORY_NS)
        return;
    struct entry *entry = entry_of(l, e->source);
    if (entry == NULL)
        return;
    struct minute *m = &entry->minutes[number & 1];
    if (m->number != number)
        *m = (struct minute){.number = number};
    m->count++;
    m->buckets[bucket_of(lag_ns)]++;
    entry->last_ns = e->received_ns > entry->last_ns ? e->received_ns : entry->last_ns;
}

void lag_batch(struct lag *l, const struct batch *batch)
{
    pthread_mutex_lock(&l->lock);
    for (uint32_t i = 0; i < batch->count; i++)
        note(l, &batch->events[i]);
    pthread_mutex_unlock(&l->lock);
}

/* ------------------------------------------------------------------- looking */

/* The upper bound of the bucket that holds the percentile. */
static double percentile(const struct minute *const *minutes, size_t n, uint64_t count)
{
    uint64_t seen = 0, wanted = (uint64_t)ceil(PERCENTILE * (double)count);
    for (unsigned b = 0; b < BUCKETS; b++) {
        for (size_t i = 0; i < n; i++)
            seen += minutes[i]->buckets[b];
        if (seen >= wanted)
            return b == 0 ? 0 : pow(GROWTH, b);
    }
    return pow(GROWTH, BUCKETS);
}

static struct lag_row row_of(const struct entry *e, int64_t now_ns)
{
    struct lag_row row = {.source = e->source, .late_since_ns = e->late_since_ns};
    const struct minute *recent[2];
    size_t n = 0;
    for (size_t i = 0; i < 2; i++)
        if (e->minutes[i].count && now_ns / MINUTE_NS - e->minutes[i].number <= 1) {
            recent[n++] = &e->minutes[i];
            row.events += e->minutes[i].count;
        }
    if (row.events)
        row.p95_s = percentile(recent, n, row.events);
    return row;
}

/* What is silent for a while says nothing new about its lag. */
static void judge(const struct lag *l, struct entry *e, int64_t now_ns)
{
    struct lag_row row = row_of(e, now_ns);
    bool is_over = row.events ? row.p95_s <= l->limit_s : now_ns - e->last_ns > FORGET_NS;
    if (is_over) {
        e->late_since_ns = 0;
        e->is_told = false;
    } else if (row.events && e->late_since_ns == 0) {
        e->late_since_ns = now_ns;
    }
}

static int by_source(const void *left, const void *right)
{
    const struct lag_row *a = left, *b = right;
    return (a->source > b->source) - (a->source < b->source);
}

uint32_t lag_look(struct lag *l, int64_t now_ns, struct arena *arena, struct lag_row **rows)
{
    uint32_t count = 0;
    pthread_mutex_lock(&l->lock);
    *rows = ARENA_ARRAY(arena, struct lag_row, l->count + 1);
    for (uint32_t i = 0; i < l->count; i++) {
        judge(l, &l->entries[i], now_ns);
        (*rows)[count] = row_of(&l->entries[i], now_ns);
        count += (*rows)[count].events > 0 || (*rows)[count].late_since_ns != 0;
    }
    pthread_mutex_unlock(&l->lock);
    qsort(*rows, count, sizeof **rows, by_source);
    return count;
}

bool lag_alarm(struct lag *l, int64_t now_ns, struct lag_row *out)
{
    bool is_due = false;
    pthread_mutex_lock(&l->lock);
    for (uint32_t i = 0; i < l->count && !is_due; i++) {
        struct entry *e = &l->entries[i];
        judge(l, e, now_ns);
        is_due = e->late_since_ns != 0 && !e->is_told && now_ns - e->late_since_ns >= l->patience_ns;
        if (is_due) {
            e->is_told = true;
            *out = row_of(e, now_ns);
        }
    }
    pthread_mutex_unlock(&l->lock);
    return is_due;
}
