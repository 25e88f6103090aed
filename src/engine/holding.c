/* Incidents first, then the events that led to them (engine/holding.h). Before: engine.c. Next: desk_keep.c
 * and store/writer.c. */
#include "engine/holding.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/queue.h"

#define WAIT_MS        1000
#define HELD_MOST_NS   (400 * NS_PER_MS) /* under load, many findings in one transaction */
#define SAVES_APART_NS (100 * NS_PER_MS) /* of a flood; what comes alone is kept at once */
#define SAVES_SHARE    20                /* and a twentieth of the time goes into saving */
#define RETRY_NS       (500 * NS_PER_MS)

/* A batch, or a range that will never come. */
struct item {
    struct batch *batch; /* NULL: a gap */
    uint64_t first, last;
    bool has_news;
};

struct holding {
    struct desk *desk;
    struct store *store;
    struct queue *waiting;
    pthread_t thread;
    bool is_running;
    atomic_bool is_leaving;

    /* Of the thread. */
    struct item *held[HOLDING_CAPACITY];
    unsigned count;
    bool has_news;        /* that are not kept yet */
    bool has_given_up;    /* the program ends and the disk refuses */
    int64_t since_ns;     /* when the first of them came; monotonic, as the next */
    int64_t next_save_ns; /* not before, unless it is full or has waited long */
};

struct holding *holding_new(struct desk *desk, struct store *store)
{
    struct holding *h = NEW(struct holding);
    h->desk = desk;
    h->store = store;
    h->waiting = queue_new(HOLDING_CAPACITY);
    return h;
}

static void put(struct holding *h, const struct item *item)
{
    struct item *copy = NEW(struct item);
    *copy = *item;
    if (queue_push(h->waiting, copy))
        return;
    if (copy->batch != NULL)
        batch_free(copy->batch);
    memory_free(copy);
}

void holding_put(struct holding *h, struct batch *batch, bool has_news)
{
    put(h, &(struct item){.batch = batch, .has_news = has_news});
}

void holding_skip(struct holding *h, uint64_t first, uint64_t last)
{
    put(h, &(struct item){.first = first, .last = last});
}

/* A state.db that cannot be written holds everything up, loudly; false when the program ends meanwhile. */
static bool keep_incidents(struct holding *h)
{
    struct error err;
    bool has_complained = false;
    while (!desk_keep_incidents(h->desk, &err)) {
        if (!has_complained)
            log_error(tr("incidents cannot be kept, everything waits for it: %s",
                         "インシデントを保存できないため待機しています: %s"),
                      err.text);
        has_complained = true;
        if (atomic_load(&h->is_leaving))
            return false;
        struct timespec pause = {0, RETRY_NS};
        nanosleep(&pause, NULL);
    }
    if (has_complained)
        log_info("%s", tr("incidents are kept again", "インシデントの保存が再開しました"));
    return true;
}

static int64_t next_save(int64_t started_ns, int64_t ended_ns)
{
    int64_t pause_ns = (ended_ns - started_ns) * SAVES_SHARE;
    return ended_ns + (pause_ns > SAVES_APART_NS ? pause_ns : SAVES_APART_NS);
}

/* Once one batch could not go, none that follows may: the journal has them all and brings them again. */
static void let_go(struct holding *h)
{
    if (h->has_news && !h->has_given_up) {
        int64_t started_ns = clock_monotonic_ns();
        h->has_given_up = !keep_incidents(h);
        h->next_save_ns = next_save(started_ns, clock_monotonic_ns());
    }
    for (unsigned i = 0; i < h->count; i++) {
        struct item *item = h->held[i];
        if (item->batch == NULL && !h->has_given_up)
            store_skip(h->store, item->first, item->last);
        else if (item->batch != NULL && h->has_given_up)
            batch_free(item->batch);
        else if (item->batch != NULL)
            h->has_given_up = !store_put(h->store, item->batch);
        memory_free(item);
    }
    h->count = 0;
    h->has_news = false;
}

/* How long the next one may be waited for before what is held goes. */
static unsigned patience_ms(const struct holding *h)
{
    if (h->count == 0)
        return WAIT_MS;
    int64_t left_ns = h->has_news ? h->next_save_ns - clock_monotonic_ns() : 0;
    return left_ns > 0 ? (unsigned)((left_ns + NS_PER_MS - 1) / NS_PER_MS) : 0;
}

static bool is_due(const struct holding *h)
{
    int64_t now_ns = clock_monotonic_ns();
    return h->count == HOLDING_CAPACITY || !h->has_news || now_ns >= h->next_save_ns ||
           now_ns - h->since_ns > HELD_MOST_NS;
}

static void *run(void *context)
{
    struct holding *h = context;
    for (;;) {
        struct item *item = queue_pop_wait(h->waiting, patience_ms(h));
        if (item == NULL && h->count == 0 && queue_is_closed(h->waiting) && queue_depth(h->waiting) == 0)
            return NULL;
        if (item != NULL) {
            if (h->count == 0)
                h->since_ns = clock_monotonic_ns();
            h->held[h->count++] = item;
            h->has_news |= item->has_news;
        }
        if (h->count && (item == NULL || is_due(h)))
            let_go(h);
    }
}

void holding_start(struct holding *h)
{
    if (pthread_create(&h->thread, NULL, run, h) != 0)
        BUG("cannot start the thread that keeps incidents");
    pthread_setname_np(h->thread, "incidents");
    h->is_running = true;
}

void holding_leave(struct holding *h)
{
    atomic_store(&h->is_leaving, true);
}

void holding_stop(struct holding *h)
{
    if (!h->is_running)
        return;
    queue_close(h->waiting);
    pthread_join(h->thread, NULL);
    h->is_running = false;
}

void holding_free(struct holding *h)
{
    if (h == NULL)
        return;
    holding_stop(h);
    queue_free(h->waiting);
    memory_free(h);
}
