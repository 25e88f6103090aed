/* hyakuyo scan, the threads:
 *
 *   reader ─▶ work queue ─▶ workers (decode, parse … detect, findings as text) ─▶ taken in order by the
 * caller └──────▶ order queue ─────────────────────────────────────────────────────────────┘
 *
 * The caller also runs the correlations, block by block. Both queues are bounded, so memory is, whatever the
 * files' sizes. Blocks are independent of each other, except those of tables whose header lines say what the
 * columns mean: they wait for the block before. */
#include "replay/scan.h"

#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "base/queue.h"
#include "engine/pipeline.h"

#define WORKERS_MAX       256
#define BLOCKS_PER_WORKER 4
#define WAIT_MS           200
/* Files come one after the other, each from its beginning: no event of theirs is late for a correlation. */
#define LATENESS_NS (INT64_C(20) * 366 * 86400 * NS_PER_SECOND)

/* A file (or member of an archive) whose blocks come one after the other. */
struct turn {
    atomic_uint references;
    uint32_t begun, finished; /* blocks; `finished` under the scan's lock */
    struct source_memory *memory;
};

struct job {
    struct scan_result result;
    struct turn *turn;
    uint32_t number; /* of the block in its turn */
    bool is_done;    /* under the scan's lock */
};

struct scan {
    const struct scan_plan *plan;
    struct queue *work, *order;
    struct correlator *correlator; /* of the caller */
    struct job *last;              /* that had events: what correlations tell at the end belongs to it */
    pthread_mutex_t lock;
    pthread_cond_t done;
};

static struct turn *turn_new(void)
{
    struct turn *t = NEW(struct turn);
    atomic_init(&t->references, 1);
    t->memory = source_memory_new(true);
    return t;
}

static void turn_unref(struct turn *t)
{
    if (t == NULL || atomic_fetch_sub(&t->references, 1) != 1)
        return;
    source_memory_free(t->memory);
    memory_free(t);
}

static void job_free(struct job *j)
{
    if (j == NULL)
        return;
    feed_block_free(j->result.block);
    buf_free(&j->result.lines);
    turn_unref(j->turn);
    memory_free(j);
}

/* Reader -------- */

static struct job *job_new(size_t file)
{
    struct job *j = NEW(struct job);
    j->result.file = file;
    return j;
}

/* A job without a block has nothing to be worked on. */
static void hand_over(struct scan *s, struct job *j)
{
    j->is_done = j->result.block == NULL;
    bool needs_work = !j->is_done;
    queue_push(s->order, j);
    if (needs_work)
        queue_push(s->work, j);
}

static void hand_over_error(struct scan *s, size_t file, const struct error *err)
{
    struct job *j = job_new(file);
    j->result.err = *err;
    hand_over(s, j);
}

static void join_turn(struct job *j, struct turn **turn, uint32_t *member)
{
    if (*turn == NULL || *member != j->result.block->member_number) {
        turn_unref(*turn);
        *turn = turn_new();
        *member = j->result.block->member_number;
    }
    atomic_fetch_add(&(*turn)->references, 1);
    j->turn = *turn;
    j->number = (*turn)->begun++;
}

static void read_file(struct scan *s, size_t file)
{
    struct error err;
    struct turn *turn = NULL;
    uint32_t member = 0;
    struct feed *feed = feed_open(s->plan->files->paths[file].p, &err);
    if (feed == NULL)
        hand_over_error(s, file, &err);
    struct feed_block *block;
    int status;
    while (feed != NULL && (status = feed_next_block(feed, clock_wall_ns(), &block, &err)) != 0) {
        if (status < 0) {
            hand_over_error(s, file, &err);
            continue;
        }
        struct job *j = job_new(file);
        j->result.block = block;
        j->result.position = feed_position(feed);
        join_turn(j, &turn, &member);
        hand_over(s, j);
    }
    struct job *end = job_new(file);
    end->result.is_end = true;
    if (feed != NULL) {
        end->result.position = feed_position(feed);
        end->result.skipped_bytes = feed_skipped_bytes(feed);
    }
    hand_over(s, end);
    turn_unref(turn);
    feed_close(feed);
}

static void *read_files(void *context)
{
    struct scan *s = context;
    for (size_t i = 0; i < s->plan->files->count; i++)
        read_file(s, i);
    queue_close(s->work);
    queue_close(s->order);
    return NULL;
}

/* Workers -------- */

/* Until the blocks before are finished. They are in other workers' hands already: the queue keeps their
 * order. */
static void wait_for_turn(struct scan *s, struct job *j)
{
    pthread_mutex_lock(&s->lock);
    while (j->turn->finished != j->number)
        pthread_cond_wait(&s->done, &s->lock);
    pthread_mutex_unlock(&s->lock);
}

static void finish_job(struct scan *s, struct job *j)
{
    pthread_mutex_lock(&s->lock);
    j->turn->finished++;
    j->is_done = true;
    pthread_cond_broadcast(&s->done);
    pthread_mutex_unlock(&s->lock);
}

static void write_findings(struct scan_result *r)
{
    buf_clear(&r->lines);
    for (struct finding *f = r->findings; f != NULL; f = f->next) {
        f->record_number = feed_record_number(r->block, f->sequence);
        f->member = r->block->member;
        finding_json(f, r->block->path, &r->lines);
        buf_char(&r->lines, '\n');
    }
}

static void work_on(struct scan *s, struct pipeline *p, struct evtx_reader *reader, struct job *j)
{
    struct feed_block *block = j->result.block;
    struct batch *b = block->batch;
    feed_decode(block, reader);
    struct source_memory *own = NULL;
    if (block->is_ordered)
        wait_for_turn(s, j);
    else
        own = source_memory_new(true); /* of this block only, so that the order of workers changes nothing */
    p->memory = own != NULL ? own : j->turn->memory;
    pipeline_run(p, b);
    source_memory_free(own);
    for (uint32_t i = 0; i < b->count; i++)
        j->result.unparsed += (b->events[i].flags & EVENT_PARSE_FAILURE) != 0;
    j->result.findings = b->findings;
    write_findings(&j->result);
}

static void *work(void *context)
{
    struct scan *s = context;
    struct pipeline pipeline = {0};
    struct evtx_reader *reader = evtx_reader_new();
    pipeline_adopt(&pipeline, knowledge_ref(s->plan->knowledge), NULL);
    if (s->plan->indicators != NULL)
        pipeline_adopt_indicators(&pipeline, indicator_set_ref(s->plan->indicators));
    if (s->plan->geo != NULL)
        pipeline_adopt_geo(&pipeline, geo_ref(s->plan->geo));
    for (struct job *j = queue_pop(s->work); j != NULL; j = queue_pop(s->work)) {
        work_on(s, &pipeline, reader, j);
        finish_job(s, j);
    }
    pipeline_release(&pipeline);
    evtx_reader_free(reader);
    return NULL;
}

/* The caller -------- */

static void wait_for_job(struct scan *s, struct job *j)
{
    pthread_mutex_lock(&s->lock);
    while (!j->is_done) {
        struct timespec until;
        clock_gettime(CLOCK_REALTIME, &until);
        until.tv_nsec += WAIT_MS * NS_PER_MS;
        until.tv_sec += until.tv_nsec / NS_PER_SECOND;
        until.tv_nsec %= NS_PER_SECOND;
        pthread_cond_timedwait(&s->done, &s->lock, &until);
        pthread_mutex_unlock(&s->lock);
        s->plan->wait(s->plan->context);
        pthread_mutex_lock(&s->lock);
    }
    pthread_mutex_unlock(&s->lock);
}

/* In the order of the input, so that correlations tell the same whatever the workers did. */
static void correlate(struct scan *s, struct job *j)
{
    struct batch *b = j->result.block->batch;
    uint64_t before = correlator_counters(s->correlator).findings;
    correlator_take(s->correlator, b, 0);
    if (correlator_counters(s->correlator).findings == before)
        return;
    j->result.findings = b->findings;
    write_findings(&j->result);
}

/* All events are there: windows end. The findings that this adds are those without a record number. */
static void end_correlations(struct scan *s)
{
    if (s->last == NULL)
        return;
    struct scan_result *r = &s->last->result;
    struct scan_result end = {.file = r->file, .block = r->block};
    correlator_advance(s->correlator, r->block->batch, clock_wall_ns() + LATENESS_NS);
    struct finding **to = &end.findings;
    for (struct finding *f = r->block->batch->findings, *next; f != NULL; f = next) {
        next = f->next;
        if (!f->is_correlated || f->record_number != 0)
            continue;
        *to = f;
        to = &f->next;
        f->next = NULL;
    }
    write_findings(&end);
    end.block = NULL; /* its events are counted */
    s->plan->take(s->plan->context, &end);
    buf_free(&end.lines);
}

static void take_results(struct scan *s)
{
    for (struct job *j = queue_pop(s->order); j != NULL; j = queue_pop(s->order)) {
        wait_for_job(s, j);
        bool has_events = j->result.block != NULL && j->result.block->batch->count > 0;
        if (has_events)
            correlate(s, j);
        s->plan->take(s->plan->context, &j->result);
        if (!has_events) {
            job_free(j);
            continue;
        }
        job_free(s->last);
        s->last = j;
    }
    end_correlations(s);
    job_free(s->last);
}

static unsigned worker_count(const struct scan_plan *plan)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    unsigned n = plan->threads ? plan->threads : cores > 0 ? (unsigned)cores : 1;
    return n > WORKERS_MAX ? WORKERS_MAX : n;
}

void scan_run(const struct scan_plan *plan)
{
    unsigned count = worker_count(plan);
    size_t room = (size_t)count * BLOCKS_PER_WORKER;
    struct scan s = {.plan = plan,
                     .work = queue_new(room),
                     .order = queue_new(room),
                     .correlator =
                         correlator_new(correlation_set_ref(plan->knowledge->correlations), LATENESS_NS)};
    pthread_t reader, workers[WORKERS_MAX];
    pthread_mutex_init(&s.lock, NULL);
    pthread_cond_init(&s.done, NULL);
    BUG_IF(pthread_create(&reader, NULL, read_files, &s) != 0);
    for (unsigned i = 0; i < count; i++)
        BUG_IF(pthread_create(&workers[i], NULL, work, &s) != 0);
    take_results(&s);
    pthread_join(reader, NULL);
    for (unsigned i = 0; i < count; i++)
        pthread_join(workers[i], NULL);
    pthread_cond_destroy(&s.done);
    pthread_mutex_destroy(&s.lock);
    correlator_free(s.correlator);
    queue_free(s.work);
    queue_free(s.order);
}
