/* The thread of previews: stored events in the order of the journal → batches → preview.c. */
#include "replay/preview_job.h"

#include <pthread.h>

#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"

#define BATCH_RECORDS 512

enum job_state { JOB_FREE, JOB_WAITING, JOB_RUNNING, JOB_DONE, JOB_FAILED };

struct job {
    enum job_state state;
    uint64_t id;
    struct preview *preview; /* until it is done */
    int64_t from_ns, to_ns;
    uint64_t events, events_done;
    bool is_cut; /* not all events of the range were run */
    struct error err;
    struct buf result; /* members of preview_json() */
};

struct preview_jobs {
    struct store *store;
    const struct identity_rules *identity_rules; /* may be NULL */
    pthread_t thread;
    pthread_mutex_t lock; /* guards all below; a running job's preview belongs to the thread */
    pthread_cond_t changed;
    bool is_stopping;
    uint64_t next_id;
    struct job jobs[PREVIEW_JOBS_MAX];
};

/* --------------------------------------------------------------- history */

struct sequences {
    uint64_t *items;
    size_t count, capacity;
};

static bool note_sequence(void *context, const struct store_result *result, const struct store_cell *cells)
{
    struct sequences *s = context;
    (void)result;
    if (s->count == s->capacity) {
        s->capacity = s->capacity ? s->capacity * 2 : 4096;
        s->items = memory_resize_array(s->items, s->capacity, sizeof *s->items);
    }
    s->items[s->count++] = (uint64_t)cells[0].number;
    return true;
}

/* Newest first, so that a limit leaves out the oldest. */
static bool list_sequences(struct preview_jobs *j, struct job *job, struct sequences *out, struct error *err)
{
    static const struct str columns[] = {{"hyakuyo.sequence", 16},
                                         {"@timestamp", 10},
                                         {"hyakuyo.canary", 14},
                                         {"hyakuyo.exercise", 16}};
    struct part_filter filter = PART_FILTER_ALL;
    filter.from_ns = job->from_ns == INT64_MIN ? TIME_UNKNOWN : job->from_ns;
    filter.to_ns = job->to_ns == INT64_MAX ? TIME_UNKNOWN : job->to_ns;
    struct store_query query = {.sql = STR(
                                    "SELECT \"hyakuyo.sequence\" FROM events WHERE \"hyakuyo.canary\" IS NULL"
                                    " AND \"hyakuyo.exercise\" IS NULL"
                                    " ORDER BY \"hyakuyo.sequence\" DESC"),
                                .filter = filter,
                                .columns = columns,
                                .column_count = COUNT_OF(columns),
                                .limits = {.max_rows = PREVIEW_EVENTS_MAX,
                                           .timeout_ms = (unsigned)(PREVIEW_TIME_NS / NS_PER_MS)}};
    enum store_end end = store_query(j->store, &query, note_sequence, out, NULL, err);
    job->is_cut = end == STORE_MORE_ROWS;
    job->events = out->count;
    return end == STORE_DONE || end == STORE_MORE_ROWS;
}

struct page {
    struct str raws[BATCH_RECORDS];
    int64_t received_ns[BATCH_RECORDS];
    struct arena arena;
};

static bool keep_event(void *context, size_t index, const struct event *e)
{
    struct page *page = context;
    page->raws[index] = arena_str(&page->arena, e->raw);
    page->received_ns[index] = e->received_ns;
    return true;
}

static void run_page(struct job *job, const struct page *page, const uint64_t *sequences, size_t count)
{
    struct batch *b = batch_new(BATCH_RECORDS);
    for (size_t i = 0; i < count; i++) {
        if (page->raws[i].p == NULL)
            continue; /* gone by retention meanwhile */
        struct record *r = batch_add(b, page->raws[i], STR_EMPTY);
        r->sequence = sequences[i];
        r->received_ns = page->received_ns[i];
    }
    if (b->count) {
        b->first_sequence = b->records[0].sequence;
        b->last_sequence = b->records[b->count - 1].sequence;
        preview_batch(job->preview, b);
    }
    batch_free(b);
}

static bool goes_on(struct preview_jobs *j, struct job *job, size_t done, int64_t until_ns)
{
    pthread_mutex_lock(&j->lock);
    job->events_done = done;
    bool stops = j->is_stopping;
    pthread_mutex_unlock(&j->lock);
    if (clock_monotonic_ns() > until_ns)
        job->is_cut = true;
    return !stops && !job->is_cut;
}

/* From the newest pages to the oldest: what the time does not suffice for is the oldest. */
static bool run_history(struct preview_jobs *j, struct job *job, struct error *err)
{
    struct sequences s = {0};
    struct page *page = NEW(struct page);
    int64_t until_ns = clock_monotonic_ns() + PREVIEW_TIME_NS;
    bool ok = list_sequences(j, job, &s, err), is_short = job->is_cut;
    arena_init(&page->arena, 1 << 20);
    job->is_cut = false;
    for (size_t done = 0; ok && done < s.count && goes_on(j, job, done, until_ns);) {
        uint64_t sequences[BATCH_RECORDS];
        size_t n = s.count - done < BATCH_RECORDS ? s.count - done : BATCH_RECORDS;
        for (size_t i = 0; i < n; i++)
            sequences[i] = s.items[done + n - 1 - i]; /* ascending within the page */
        memset(page->raws, 0, sizeof page->raws);
        ok = store_fetch(j->store, sequences, n, keep_event, page, err);
        if (ok)
            run_page(job, page, sequences, n);
        arena_reset(&page->arena);
        done += n;
    }
    job->is_cut |= is_short;
    arena_free(&page->arena);
    memory_free(page);
    memory_free(s.items);
    return ok;
}

/* ---------------------------------------------------------------- thread */

static struct job *next_job(struct preview_jobs *j)
{
    struct job *next = NULL;
    for (size_t i = 0; i < PREVIEW_JOBS_MAX; i++)
        if (j->jobs[i].state == JOB_WAITING && (next == NULL || j->jobs[i].id < next->id))
            next = &j->jobs[i];
    return next;
}

static void finish(struct preview_jobs *j, struct job *job, bool ok, const struct error *err)
{
    struct json_writer w = {.out = &job->result};
    buf_clear(&job->result);
    preview_json(job->preview, &w);
    preview_free(job->preview);
    pthread_mutex_lock(&j->lock);
    job->preview = NULL;
    job->err = *err;
    job->state = ok ? JOB_DONE : JOB_FAILED;
    pthread_mutex_unlock(&j->lock);
}

static void *work(void *context)
{
    struct preview_jobs *j = context;
    for (;;) {
        struct error err = {.text = ""};
        pthread_mutex_lock(&j->lock);
        struct job *job;
        while ((job = next_job(j)) == NULL && !j->is_stopping)
            pthread_cond_wait(&j->changed, &j->lock);
        bool stops = j->is_stopping;
        if (!stops)
            job->state = JOB_RUNNING;
        pthread_mutex_unlock(&j->lock);
        if (stops)
            return NULL;
        bool ok = run_history(j, job, &err);
        finish(j, job, ok, &err);
    }
}

struct preview_jobs *preview_jobs_new(struct store *store, const struct identity_rules *rules)
{
    struct preview_jobs *j = NEW(struct preview_jobs);
    j->store = store;
    j->identity_rules = rules;
    j->next_id = 1;
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->changed, NULL);
    if (pthread_create(&j->thread, NULL, work, j) != 0)
        BUG("cannot start the thread of previews");
    pthread_setname_np(j->thread, "preview");
    return j;
}

void preview_jobs_free(struct preview_jobs *j)
{
    if (j == NULL)
        return;
    pthread_mutex_lock(&j->lock);
    j->is_stopping = true;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    pthread_join(j->thread, NULL);
    for (size_t i = 0; i < PREVIEW_JOBS_MAX; i++) {
        preview_free(j->jobs[i].preview);
        buf_free(&j->jobs[i].result);
    }
    pthread_mutex_destroy(&j->lock);
    pthread_cond_destroy(&j->changed);
    memory_free(j);
}

/* A free place, or that of the oldest job that is over. */
static struct job *take_place(struct preview_jobs *j)
{
    struct job *place = NULL;
    for (size_t i = 0; i < PREVIEW_JOBS_MAX; i++) {
        struct job *job = &j->jobs[i];
        if (job->state != JOB_WAITING && job->state != JOB_RUNNING && (place == NULL || job->id < place->id))
            place = job;
    }
    return place;
}

bool preview_jobs_start(struct preview_jobs *j, struct preview_side before, struct preview_side after,
                        struct context *context, int64_t from_ns, int64_t to_ns, uint64_t *id)
{
    struct preview *preview = preview_new(before, after, context, NULL, NULL);
    if (j->identity_rules != NULL)
        preview_learn(preview, j->identity_rules);
    pthread_mutex_lock(&j->lock);
    struct job *job = take_place(j);
    if (job != NULL) {
        struct buf result = job->result;
        buf_clear(&result);
        *id = j->next_id++;
        *job = (struct job){.state = JOB_WAITING,
                            .id = *id,
                            .preview = preview,
                            .from_ns = from_ns,
                            .to_ns = to_ns,
                            .result = result};
        pthread_cond_broadcast(&j->changed);
    }
    pthread_mutex_unlock(&j->lock);
    if (job == NULL)
        preview_free(preview);
    return job != NULL;
}

static void write_job(const struct job *job, struct buf *json)
{
    static const char *const states[] = {"free", "waiting", "running", "done", "failed"};
    struct json_writer w = {.out = json};
    bool is_over = job->state == JOB_DONE || job->state == JOB_FAILED;
    json_begin_object(&w);
    json_key(&w, "id");
    buf_printf(json, "\"%llu\"", (unsigned long long)job->id);
    w.needs_comma = true;
    json_key(&w, "state");
    json_put_c(&w, states[job->state]);
    json_key(&w, "error");
    json_put_str(&w, str_c(job->err.text));
    json_key(&w, "from");
    json_put_time(&w, job->from_ns);
    json_key(&w, "to");
    json_put_time(&w, job->to_ns == INT64_MAX ? TIME_UNKNOWN : job->to_ns);
    json_key(&w, "cut");
    json_put_bool(&w, job->is_cut);
    json_key(&w, "progress");
    json_put_double(&w, is_over ? 1 : job->events ? (double)job->events_done / (double)job->events : 0);
    if (is_over) {
        buf_char(json, ',');
        buf_add(json, buf_str(&job->result));
    } else {
        buf_c(json, ",\"events\":0,\"added\":0,\"removed\":0,\"incomplete\":false,\"rules\":[]");
    }
    buf_char(json, '}');
}

bool preview_jobs_json(struct preview_jobs *j, uint64_t id, struct buf *json)
{
    bool found = false;
    pthread_mutex_lock(&j->lock);
    for (size_t i = 0; i < PREVIEW_JOBS_MAX && !found; i++)
        if (j->jobs[i].state != JOB_FREE && j->jobs[i].id == id) {
            write_job(&j->jobs[i], json);
            found = true;
        }
    pthread_mutex_unlock(&j->lock);
    return found;
}
