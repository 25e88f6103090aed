/* Threads between journal and store: workers that run the pipeline, and the desk that takes their batches in
 * order. Next: pipeline.c, then holding.c. */
#include "engine/engine.h"

#include <pthread.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "base/queue.h"
#include "engine/holding.h"

#define WORK_CAPACITY     64 /* batches */
#define IN_ORDER_CAPACITY 64 /* finished batches that wait for an earlier one */

struct worker {
    struct engine *engine;
    pthread_t thread;
    struct pipeline pipeline;
    uint64_t generation;
    pthread_mutex_t lock; /* held while it runs a batch: guards the pipeline against engine_collect() */
};

/* A range that will never come, or a finished batch. */
struct arrival {
    struct arrival *next;
    struct batch *batch; /* NULL: a gap */
    uint64_t first, last;
};

struct rule_count {
    uint64_t fired;
    int64_t last_ns;
};

struct engine {
    struct engine_options options;
    struct queue *work;
    struct worker *workers;
    pthread_t desk_thread;
    bool is_running;
    struct holding *holding;
    struct registry_cache senders; /* of the thread that calls engine_take() */

    pthread_mutex_t swap_lock; /* guards knowledge, context, suppressions, indicators and geo */
    struct knowledge *knowledge;
    struct context *context;
    struct suppressions *suppressions;
    struct indicator_set *indicators;
    struct geo *geo;
    atomic_uint_fast64_t generation;

    pthread_mutex_t order_lock; /* guards the members below */
    pthread_cond_t arrived, taken;
    struct arrival *arrivals; /* by first sequence */
    size_t arrival_count;
    uint64_t next_sequence; /* 0 until the first batch is seen by engine_take */
    bool is_closed;

    pthread_mutex_t count_lock;
    struct map fired; /* rule id → struct rule_count * */
    struct arena fired_arena;
    uint64_t latency[40];
    atomic_uint_fast64_t events, parse_failures, findings;
};

/* ------------------------------------------------------------ swapping */

/* What the matcher saw of log sources and fields goes to the watch. */
static void collect(struct worker *w)
{
    if (w->engine->options.watch != NULL && w->pipeline.detect_scratch != NULL)
        watch_scratch(w->engine->options.watch, w->pipeline.detect_scratch);
}

void engine_collect(struct engine *e)
{
    for (unsigned i = 0; i < e->options.workers; i++) {
        pthread_mutex_lock(&e->workers[i].lock);
        collect(&e->workers[i]);
        pthread_mutex_unlock(&e->workers[i].lock);
    }
}

static void adopt_newest(struct worker *w)
{
    struct engine *e = w->engine;
    uint64_t generation = atomic_load_explicit(&e->generation, memory_order_acquire);
    if (generation == w->generation)
        return;
    pthread_mutex_lock(&e->swap_lock);
    struct knowledge *knowledge = knowledge_ref(e->knowledge);
    struct context *context = e->context ? context_ref(e->context) : NULL;
    struct suppressions *suppressions = e->suppressions ? suppressions_ref(e->suppressions) : NULL;
    struct indicator_set *indicators = e->indicators ? indicator_set_ref(e->indicators) : NULL;
    struct geo *geo = e->geo ? geo_ref(e->geo) : NULL;
    w->generation = atomic_load(&e->generation);
    pthread_mutex_unlock(&e->swap_lock);
    collect(w);
    pipeline_adopt(&w->pipeline, knowledge, context);
    pipeline_suppress(&w->pipeline, suppressions);
    if (e->options.watch != NULL)
        detect_scratch_watch(w->pipeline.detect_scratch);
    pipeline_adopt_indicators(&w->pipeline, indicators);
    pipeline_adopt_geo(&w->pipeline, geo);
}

void engine_set_knowledge(struct engine *e, struct knowledge *knowledge)
{
    struct correlation_set *correlations = correlation_set_ref(knowledge->correlations);
    pthread_mutex_lock(&e->swap_lock);
    struct knowledge *old = e->knowledge;
    e->knowledge = knowledge;
    atomic_fetch_add(&e->generation, 1);
    pthread_mutex_unlock(&e->swap_lock);
    knowledge_unref(old);
    desk_set_correlations(e->options.desk, correlations);
}

/* The desk asks the engine while it holds its own lock (a new incident wants its context): the desk is told
 * only after the swap lock is free again, else both would wait for each other. */
void engine_set_context(struct engine *e, struct context *context)
{
    struct context *for_desk = context ? context_ref(context) : NULL;
    pthread_mutex_lock(&e->swap_lock);
    struct context *old = e->context;
    e->context = context;
    atomic_fetch_add(&e->generation, 1);
    pthread_mutex_unlock(&e->swap_lock);
    context_unref(old);
    desk_set_context(e->options.desk, for_desk);
}

void engine_set_suppressions(struct engine *e, struct suppressions *suppressions)
{
    struct suppressions *for_desk = suppressions ? suppressions_ref(suppressions) : NULL;
    pthread_mutex_lock(&e->swap_lock);
    struct suppressions *old = e->suppressions;
    e->suppressions = suppressions;
    atomic_fetch_add(&e->generation, 1);
    pthread_mutex_unlock(&e->swap_lock);
    suppressions_unref(old);
    desk_set_suppressions(e->options.desk, for_desk);
}

void engine_set_indicators(struct engine *e, struct indicator_set *indicators)
{
    pthread_mutex_lock(&e->swap_lock);
    struct indicator_set *old = e->indicators;
    e->indicators = indicators;
    atomic_fetch_add(&e->generation, 1);
    pthread_mutex_unlock(&e->swap_lock);
    indicator_set_unref(old);
}

void engine_set_geo(struct engine *e, struct geo *geo)
{
    pthread_mutex_lock(&e->swap_lock);
    struct geo *old = e->geo;
    e->geo = geo;
    atomic_fetch_add(&e->generation, 1);
    pthread_mutex_unlock(&e->swap_lock);
    geo_unref(old);
}

struct geo *engine_geo(struct engine *e)
{
    pthread_mutex_lock(&e->swap_lock);
    struct geo *geo = e->geo ? geo_ref(e->geo) : NULL;
    pthread_mutex_unlock(&e->swap_lock);
    return geo;
}

struct indicator_set *engine_indicators(struct engine *e)
{
    pthread_mutex_lock(&e->swap_lock);
    struct indicator_set *indicators = e->indicators ? indicator_set_ref(e->indicators) : NULL;
    pthread_mutex_unlock(&e->swap_lock);
    return indicators;
}

struct knowledge *engine_knowledge(struct engine *e)
{
    pthread_mutex_lock(&e->swap_lock);
    struct knowledge *knowledge = knowledge_ref(e->knowledge);
    pthread_mutex_unlock(&e->swap_lock);
    return knowledge;
}

struct context *engine_context(struct engine *e)
{
    pthread_mutex_lock(&e->swap_lock);
    struct context *context = e->context ? context_ref(e->context) : NULL;
    pthread_mutex_unlock(&e->swap_lock);
    return context;
}

/* ----------------------------------------------------- back in order */

static void insert_arrival(struct engine *e, struct arrival *a)
{
    struct arrival **at = &e->arrivals;
    while (*at != NULL && (*at)->first < a->first)
        at = &(*at)->next;
    a->next = *at;
    *at = a;
    e->arrival_count++;
}

/* Waits for room, unless it is the one that the desk is waiting for. */
static void arrive(struct engine *e, struct batch *batch, uint64_t first, uint64_t last)
{
    struct arrival *a = NEW(struct arrival);
    *a = (struct arrival){.batch = batch, .first = first, .last = last};
    pthread_mutex_lock(&e->order_lock);
    while (e->arrival_count >= IN_ORDER_CAPACITY && first != e->next_sequence)
        pthread_cond_wait(&e->taken, &e->order_lock);
    insert_arrival(e, a);
    pthread_cond_signal(&e->arrived);
    pthread_mutex_unlock(&e->order_lock);
}

/* The next one in order; NULL when none will ever come. */
static struct arrival *next_arrival(struct engine *e)
{
    pthread_mutex_lock(&e->order_lock);
    while (e->arrivals == NULL || e->arrivals->first != e->next_sequence) {
        if (e->is_closed) {
            pthread_mutex_unlock(&e->order_lock);
            return NULL;
        }
        pthread_cond_wait(&e->arrived, &e->order_lock);
    }
    struct arrival *a = e->arrivals;
    e->arrivals = a->next;
    e->arrival_count--;
    e->next_sequence = a->last + 1;
    pthread_cond_broadcast(&e->taken);
    pthread_mutex_unlock(&e->order_lock);
    return a;
}

static void note_first(struct engine *e, uint64_t first)
{
    pthread_mutex_lock(&e->order_lock);
    if (e->next_sequence == 0)
        e->next_sequence = first;
    pthread_mutex_unlock(&e->order_lock);
}

bool engine_take(struct engine *e, struct batch *batch)
{
    note_first(e, batch->first_sequence);
    registry_assign(&e->senders, batch);
    struct knowledge *knowledge = engine_knowledge(e);
    tables_assign(e->options.tables, batch, knowledge);
    knowledge_unref(knowledge);
    ledger_received(e->options.ledger, batch);
    return queue_push(e->work, batch);
}

void engine_skip(struct engine *e, uint64_t first, uint64_t last)
{
    note_first(e, first);
    ledger_gap(e->options.ledger, first, last);
    arrive(e, NULL, first, last);
}

/* -------------------------------------------------------------- workers */

static void *work(void *context)
{
    struct worker *w = context;
    struct engine *e = w->engine;
    for (struct batch *b = queue_pop(e->work); b != NULL; b = queue_pop(e->work)) {
        pthread_mutex_lock(&w->lock);
        adopt_newest(w);
        pipeline_run(&w->pipeline, b);
        pthread_mutex_unlock(&w->lock);
        arrive(e, b, b->first_sequence, b->last_sequence);
    }
    pthread_mutex_lock(&w->lock);
    collect(w);
    pipeline_release(&w->pipeline);
    w->pipeline.detect_scratch = NULL;
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ----------------------------------------------------------------- desk */

static void count_finding(struct engine *e, const struct finding *f)
{
    struct rule_count *count = map_get_pointer(&e->fired, f->rule_id);
    if (count == NULL) {
        count = ARENA_NEW(&e->fired_arena, struct rule_count);
        count->last_ns = TIME_UNKNOWN;
        *map_put(&e->fired, arena_str(&e->fired_arena, f->rule_id), NULL) = (uintptr_t)count;
    }
    count->fired++;
    if (f->time_ns > count->last_ns)
        count->last_ns = f->time_ns;
}

static void count_batch(struct engine *e, const struct batch *b)
{
    uint64_t failures = 0, findings = 0;
    for (uint32_t i = 0; i < b->count; i++)
        failures += (b->events[i].flags & EVENT_PARSE_FAILURE) != 0;
    pthread_mutex_lock(&e->count_lock);
    for (const struct finding *f = b->findings; f != NULL; f = f->next, findings++)
        count_finding(e, f);
    int64_t waited_ns = clock_wall_ns() - b->journalled_ns;
    if (findings && b->journalled_ns && waited_ns >= 0) { /* unless the clock was set back */
        uint64_t us = (uint64_t)waited_ns / 1000;
        unsigned bucket = us ? 63 - (unsigned)__builtin_clzll(us) : 0;
        e->latency[bucket < COUNT_OF(e->latency) ? bucket : COUNT_OF(e->latency) - 1] += findings;
    }
    pthread_mutex_unlock(&e->count_lock);
    atomic_fetch_add_explicit(&e->events, b->count, memory_order_relaxed);
    atomic_fetch_add_explicit(&e->parse_failures, failures, memory_order_relaxed);
    atomic_fetch_add_explicit(&e->findings, findings, memory_order_relaxed);
}

static void take_batch(struct engine *e, struct batch *b)
{
    bool has_news = desk_take(e->options.desk, b);
    count_batch(e, b);
    if (e->options.published != NULL)
        e->options.published(e->options.context, b);
    if (e->options.watch != NULL)
        watch_batch(e->options.watch, b);
    ledger_stored(e->options.ledger, b);
    holding_put(e->holding, b, has_news);
}

static void *run_desk(void *context)
{
    struct engine *e = context;
    for (struct arrival *a = next_arrival(e); a != NULL; a = next_arrival(e)) {
        if (a->batch != NULL)
            take_batch(e, a->batch);
        else
            holding_skip(e->holding, a->first, a->last);
        memory_free(a);
    }
    return NULL;
}

/* ------------------------------------------------------------ the whole */

struct engine *engine_new(const struct engine_options *options, struct knowledge *knowledge,
                          struct context *context)
{
    struct engine *e = NEW(struct engine);
    e->options = *options;
    e->knowledge = knowledge;
    e->context = context;
    desk_set_correlations(options->desk, correlation_set_ref(knowledge->correlations));
    desk_set_context(options->desk, context ? context_ref(context) : NULL);
    atomic_init(&e->generation, 1);
    e->senders.registry = options->registry;
    e->work = queue_new(WORK_CAPACITY);
    e->holding = holding_new(options->desk, options->store);
    e->workers = NEW_ARRAY(struct worker, options->workers);
    arena_init(&e->fired_arena, 64 << 10);
    pthread_mutex_init(&e->swap_lock, NULL);
    pthread_mutex_init(&e->order_lock, NULL);
    pthread_mutex_init(&e->count_lock, NULL);
    pthread_cond_init(&e->arrived, NULL);
    pthread_cond_init(&e->taken, NULL);
    return e;
}

void engine_start(struct engine *e)
{
    for (unsigned i = 0; i < e->options.workers; i++) {
        struct worker *w = &e->workers[i];
        w->engine = e;
        pthread_mutex_init(&w->lock, NULL);
        w->pipeline.find_source = registry_source_of;
        w->pipeline.find_source_context = e->options.registry;
        w->pipeline.canary_key = e->options.canary_key;
        w->pipeline.identity_rules = e->options.identity_rules;
        if (pthread_create(&w->thread, NULL, work, w) != 0)
            BUG("cannot start a worker thread");
        pthread_setname_np(w->thread, "worker");
    }
    if (pthread_create(&e->desk_thread, NULL, run_desk, e) != 0)
        BUG("cannot start the desk thread");
    pthread_setname_np(e->desk_thread, "desk");
    holding_start(e->holding);
    e->is_running = true;
}

void engine_leave(struct engine *e)
{
    holding_leave(e->holding);
}

void engine_stop(struct engine *e)
{
    if (!e->is_running)
        return;
    queue_close(e->work);
    for (unsigned i = 0; i < e->options.workers; i++)
        pthread_join(e->workers[i].thread, NULL);
    pthread_mutex_lock(&e->order_lock);
    e->is_closed = true;
    pthread_cond_broadcast(&e->arrived);
    pthread_mutex_unlock(&e->order_lock);
    pthread_join(e->desk_thread, NULL);
    holding_stop(e->holding);
    e->is_running = false;
}

void engine_free(struct engine *e)
{
    if (e == NULL)
        return;
    engine_stop(e);
    holding_free(e->holding);
    queue_free(e->work);
    knowledge_unref(e->knowledge);
    context_unref(e->context);
    suppressions_unref(e->suppressions);
    indicator_set_unref(e->indicators);
    geo_unref(e->geo);
    map_free(&e->fired);
    arena_free(&e->fired_arena);
    memory_free(e->workers);
    pthread_mutex_destroy(&e->swap_lock);
    pthread_mutex_destroy(&e->order_lock);
    pthread_mutex_destroy(&e->count_lock);
    pthread_cond_destroy(&e->arrived);
    pthread_cond_destroy(&e->taken);
    memory_free(e);
}

void engine_counters(struct engine *e, struct engine_counters *out)
{
    out->events = atomic_load(&e->events);
    out->parse_failures = atomic_load(&e->parse_failures);
    out->findings = atomic_load(&e->findings);
    out->queue_depth = queue_depth(e->work);
    out->queue_capacity = queue_capacity(e->work);
    pthread_mutex_lock(&e->count_lock);
    memcpy(out->latency, e->latency, sizeof out->latency);
    pthread_mutex_unlock(&e->count_lock);
}

uint64_t engine_rule_fired(struct engine *e, struct str rule_id, int64_t *last_ns)
{
    pthread_mutex_lock(&e->count_lock);
    const struct rule_count *count = map_get_pointer(&e->fired, rule_id);
    uint64_t fired = count ? count->fired : 0;
    *last_ns = count ? count->last_ns : TIME_UNKNOWN;
    pthread_mutex_unlock(&e->count_lock);
    return fired;
}
