/* store stage: the writer's threads. Reads batches that went through all stages, leaves sealed parts
 * (parquet_file.c) in the catalogue. Merging and retention come later and elsewhere (merge.c, retention.c).
 *
 * Invariants
 *   1. Parts cover contiguous ranges: a part begins where the one before it ends, announced gaps included.
 *   2. Parts are sealed in order, by one thread; stored_through is the end of the last one committed.
 *   3. The batch that is wanted next is never kept out by the bound on waiting ones, so waiting ends. */
#include "store/writer.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/parquet_file.h"
#include "store/state_parts.h"

enum { SEALING_MAX = 2, RETRY_MS = 500, REPEAT_LOG_SECONDS = 60, SPARE_SECONDS = 30 };

/* A batch, or a gap (batch == NULL). */
struct waiting {
    uint64_t first, last;
    struct batch *batch;
};

struct writer {
    struct writer_config config;
    struct catalogue *catalogue;
    pthread_t writing, sealing;
    pthread_mutex_t lock;
    pthread_cond_t arrived; /* for the writer thread: something to do */
    pthread_cond_t room;    /* for put() and rotation: something went on */
    pthread_cond_t ready;   /* for the sealer: a part is full, or the end */
    pthread_cond_t stored;  /* for flush(): a part is on disk */
    struct waiting *waiting;
    uint32_t waiting_count, waiting_capacity;
    uint64_t next_sequence;
    struct open_part *open;               /* the writer thread's */
    struct open_part *queue[SEALING_MAX]; /* full ones, oldest first */
    uint32_t queue_count;
    uint64_t stored_through, flush_through;
    bool is_leaving, is_closing, is_written_out, is_given_up;
    uint64_t events, parts;
    char problem[1024];
    int64_t problem_logged_ns;
};

/* ---- taking in ---- */

static void add_waiting(struct writer *w, struct waiting item)
{
    if (w->waiting_count == w->waiting_capacity) {
        w->waiting_capacity = w->waiting_capacity ? w->waiting_capacity * 2 : 64;
        w->waiting = memory_resize_array(w->waiting, w->waiting_capacity, sizeof *w->waiting);
    }
    w->waiting[w->waiting_count++] = item;
    pthread_cond_signal(&w->arrived);
}

bool writer_put(struct writer *w, struct batch *batch)
{
    if (batch->count == 0) {
        batch_free(batch);
        return true;
    }
    pthread_mutex_lock(&w->lock);
    bool is_taken = !w->is_closing;
    while (is_taken && w->waiting_count >= w->config.waiting_batches &&
           batch->first_sequence > w->next_sequence) {
        if (w->is_leaving && w->problem[0])
            is_taken = false;
        else
            pthread_cond_wait(&w->room, &w->lock);
        is_taken &= !w->is_closing;
    }
    if (is_taken)
        add_waiting(w, (struct waiting){batch->first_sequence, batch->last_sequence, batch});
    pthread_mutex_unlock(&w->lock);
    if (!is_taken)
        batch_free(batch);
    return is_taken;
}

void writer_leave(struct writer *w)
{
    pthread_mutex_lock(&w->lock);
    w->is_leaving = true;
    pthread_cond_broadcast(&w->room);
    pthread_mutex_unlock(&w->lock);
}

void writer_skip(struct writer *w, uint64_t first, uint64_t last)
{
    pthread_mutex_lock(&w->lock);
    if (last >= w->next_sequence)
        add_waiting(w, (struct waiting){first, last, NULL});
    pthread_mutex_unlock(&w->lock);
}

/* Takes out the item that begins at, or before, the sequence wanted next. Lock held. */
static bool take_next(struct writer *w, struct waiting *out)
{
    for (uint32_t i = 0; i < w->waiting_count; i++) {
        if (w->waiting[i].first > w->next_sequence)
            continue;
        *out = w->waiting[i];
        w->waiting[i] = w->waiting[--w->waiting_count];
        return true;
    }
    return false;
}

/* ---- rows ---- */

static void start_part(struct writer *w, uint64_t first)
{
    w->open = open_part_new(catalogue_pool(w->catalogue), first);
    catalogue_add_open(w->catalogue, w->open);
}

/* Hands the open part to the sealer and begins the next. Waits while two are on their way already. Lock held.
 */
static void rotate(struct writer *w)
{
    while (w->queue_count == SEALING_MAX && !w->is_given_up)
        pthread_cond_wait(&w->room, &w->lock);
    if (w->is_given_up)
        return;
    w->queue[w->queue_count++] = w->open;
    pthread_cond_signal(&w->ready);
    start_part(w, w->open->last_sequence + 1);
}

static bool is_full(const struct writer *w, size_t memory_bytes)
{
    const struct column_set *set = w->open->set;
    return set->rows >= w->config.rows_per_part || set->text_bytes >= w->config.part_bytes ||
           memory_bytes >= w->config.part_bytes;
}

/* Adds rows from `*at` on until the batch ends or the part is full. */
static void add_rows(struct writer *w, struct batch *batch, uint32_t *at)
{
    struct open_part *p = w->open;
    pthread_mutex_lock(&p->lock);
    do {
        uint64_t sequence = batch->first_sequence + *at;
        column_set_add_event(p->set, &batch->events[(*at)++], sequence);
        p->last_sequence = sequence;
    } while (*at < batch->count && !is_full(w, 0));
    pthread_mutex_unlock(&p->lock);
    if (!p->opened_ns)
        p->opened_ns = clock_monotonic_ns();
}

/* Without the lock: only the writer thread touches the open part's end. */
static void store_batch(struct writer *w, struct batch *batch, uint64_t next)
{
    uint32_t at = next > batch->first_sequence ? (uint32_t)(next - batch->first_sequence) : 0;
    uint32_t added = batch->count - at;
    while (at < batch->count) {
        add_rows(w, batch, &at);
        if (is_full(w, column_set_bytes(w->open->set))) {
            pthread_mutex_lock(&w->lock);
            rotate(w);
            bool is_given_up = w->is_given_up;
            pthread_mutex_unlock(&w->lock);
            if (is_given_up)
                break;
        }
    }
    batch_free(batch);
    pthread_mutex_lock(&w->lock);
    w->events += added;
    pthread_mutex_unlock(&w->lock);
}

/* Lock held on entry and return. */
static void store_item(struct writer *w, const struct waiting *item)
{
    uint64_t next = w->next_sequence;
    if (item->last < next) {
        batch_free(item->batch); /* stored before */
        return;
    }
    w->next_sequence = item->last + 1;
    pthread_mutex_unlock(&w->lock);
    if (item->batch)
        store_batch(w, item->batch, next);
    else
        w->open->last_sequence = item->last;
    pthread_mutex_lock(&w->lock);
    pthread_cond_broadcast(&w->room);
}

static bool is_begun(const struct writer *w)
{
    return w->open->last_sequence >= w->open->first_sequence;
}

/* Old enough, or a flush waits for what it holds. */
static bool is_due(const struct writer *w)
{
    const struct open_part *p = w->open;
    if (w->flush_through >= p->first_sequence && p->last_sequence >= w->flush_through && is_begun(w))
        return true;
    return p->opened_ns && clock_monotonic_ns() - p->opened_ns >= w->config.seal_after_ms * NS_PER_MS;
}

static void wait_ms(pthread_cond_t *cond, pthread_mutex_t *lock, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(cond, lock, &until);
}

/* Nothing to do for the moment. Lock held. */
static void rest(struct writer *w)
{
    if (set_pool_trim(catalogue_pool(w->catalogue), SPARE_SECONDS * NS_PER_SECOND)) {
        open_part_trim(w->open);
        memory_give_back();
    }
    wait_ms(&w->arrived, &w->lock, w->config.seal_after_ms < 100 ? w->config.seal_after_ms : 100);
}

static void *write_loop(void *context)
{
    struct writer *w = context;
    struct waiting item;
    pthread_mutex_lock(&w->lock);
    while (!w->is_given_up) {
        if (is_due(w))
            rotate(w);
        else if (take_next(w, &item))
            store_item(w, &item);
        else if (w->is_closing && is_begun(w))
            rotate(w);
        else if (w->is_closing)
            break;
        else
            rest(w);
    }
    w->is_written_out = true;
    pthread_cond_signal(&w->ready);
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- sealing ---- */

static bool sync_folders(const char *events_folder, const char *path, struct error *err)
{
    struct buf folder = {0};
    bool ok = true;
    for (const char *slash = strchr(path, '/'); ok && slash; slash = strchr(slash + 1, '/')) {
        buf_clear(&folder);
        buf_printf(&folder, "%s/%.*s", events_folder, (int)(slash - path), path);
        ok = file_sync_folder(buf_cstr(&folder), err);
    }
    buf_free(&folder);
    return ok && file_sync_folder(events_folder, err);
}

bool part_publish(const char *events_folder, const char *temporary, const struct part *p, struct error *err)
{
    struct buf folder = {0};
    buf_add(&folder, str_n(p->file, (size_t)(strrchr(p->file, '/') - p->file)));
    bool ok = file_make_folders(buf_cstr(&folder), 0750, err);
    buf_free(&folder);
    if (ok && rename(temporary, p->file) != 0)
        ok = error_errno(err, "cannot rename %s to %s", temporary, p->file);
    if (!ok)
        unlink(temporary);
    return ok && sync_folders(events_folder, p->path, err);
}

static bool write_part(struct writer *w, const struct column_set *set, struct part *p, struct error *err)
{
    struct buf temporary = {0};
    buf_printf(&temporary, "%s/sealing-%llu.tmp", w->config.events_folder,
               (unsigned long long)p->first_sequence);
    struct parquet_file *f = parquet_file_create(buf_cstr(&temporary), w->config.zstd_level, err);
    bool ok = f && parquet_file_write(f, set, err);
    if (ok)
        ok = parquet_file_finish(f, p, err);
    else
        parquet_file_abort(f);
    p->min_time_ns = set->min_time_ns;
    p->max_time_ns = set->max_time_ns;
    ok = ok && part_publish(w->config.events_folder, buf_cstr(&temporary), p, err);
    buf_free(&temporary);
    return ok;
}

static bool commit_part(struct writer *w, struct part *p, uint64_t first, uint64_t last, struct error *err)
{
    const struct writer_config *c = &w->config;
    if (c->prepare && !c->prepare(c->context, last, err))
        return false;
    if (!state_begin(c->state, err))
        return false;
    struct sqlite3 *db = state_lock(c->state);
    bool ok = (!p || state_parts_insert(db, p, err)) && state_parts_set_stored_through(db, last, err);
    state_unlock(c->state);
    ok = ok && (!c->commit || c->commit(c->context, c->state, first, last, err));
    if (ok)
        return state_commit(c->state, err);
    state_rollback(c->state);
    return false;
}

/* One attempt. A part without rows (only a gap) is committed without a file. */
static bool seal(struct writer *w, struct open_part *open, struct error *err)
{
    struct column_set *set = open->set;
    struct part *p = NULL;
    if (set->rows)
        p = part_new(w->config.events_folder, open->first_sequence, open->last_sequence, set->first_time_ns,
                     clock_wall_ns());
    if ((p && !write_part(w, set, p, err)) ||
        !commit_part(w, p, open->first_sequence, open->last_sequence, err)) {
        part_release(p);
        return false;
    }
    catalogue_seal(w->catalogue, open, p);
    return true;
}

static void report_problem(struct writer *w, const struct error *err)
{
    int64_t now = clock_monotonic_ns();
    bool is_time = !w->problem[0] || now - w->problem_logged_ns > REPEAT_LOG_SECONDS * NS_PER_SECOND;
    snprintf(w->problem, sizeof w->problem, "%s", err->text);
    if (!is_time)
        return;
    w->problem_logged_ns = now;
    log_error(tr("Events cannot be written to disk: %s. They are kept in memory and in the journal; inputs "
                 "will stop "
                 "when that is full. Make room or repair the disk; writing goes on by itself.",
                 "イベントをディスクに書き込めません: "
                 "%s。イベントはメモリーとジャーナルに保持されています。満杯になると"
                 "入力が停止します。空き容量を確保するかディスクを修復してください。書き込みは自動的に再開し"
                 "ます。"),
              err->text);
}

static void forget_problem(struct writer *w)
{
    if (w->problem[0])
        log_info("%s", tr("Events are being written to disk again.",
                          "イベントのディスクへの書き込みが再開しました。"));
    w->problem[0] = '\0';
}

/* Tries until it is done; gives up only when the program stops and the disk still refuses. Lock held. */
static bool seal_until_done(struct writer *w, struct open_part *open)
{
    struct error err = {.text = "?"};
    for (;;) {
        pthread_mutex_unlock(&w->lock);
        bool ok = seal(w, open, &err);
        pthread_mutex_lock(&w->lock);
        if (ok) {
            forget_problem(w);
            return true;
        }
        report_problem(w, &err);
        if (w->is_leaving)
            pthread_cond_broadcast(&w->room); /* put() need not wait any more */
        if (w->is_closing)
            return false;
        wait_ms(&w->ready, &w->lock, RETRY_MS);
    }
}

/* Lock held on entry and return. */
static void finish_part(struct writer *w, struct open_part *open)
{
    w->stored_through = open->last_sequence;
    w->parts++;
    memmove(&w->queue[0], &w->queue[1], (--w->queue_count) * sizeof w->queue[0]);
    pthread_cond_broadcast(&w->room);
    pthread_cond_broadcast(&w->stored);
    uint64_t last = open->last_sequence;
    pthread_mutex_unlock(&w->lock);
    open_part_release(open);
    if (w->config.on_stored)
        w->config.on_stored(w->config.context, last);
    pthread_mutex_lock(&w->lock);
}

static void *seal_loop(void *context)
{
    struct writer *w = context;
    pthread_mutex_lock(&w->lock);
    for (;;) {
        while (!w->queue_count && !w->is_written_out)
            pthread_cond_wait(&w->ready, &w->lock);
        if (!w->queue_count)
            break;
        if (!seal_until_done(w, w->queue[0])) {
            w->is_given_up = true;
            pthread_cond_broadcast(&w->room);
            break;
        }
        finish_part(w, w->queue[0]);
    }
    pthread_mutex_unlock(&w->lock);
    return NULL;
}

/* ---- life ---- */

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t a;
    pthread_condattr_init(&a);
    pthread_condattr_setclock(&a, CLOCK_MONOTONIC);
    pthread_cond_init(cond, &a);
    pthread_condattr_destroy(&a);
}

struct writer *writer_new(const struct writer_config *config, struct catalogue *catalogue,
                          uint64_t stored_through)
{
    struct writer *w = NEW(struct writer);
    w->config = *config;
    w->catalogue = catalogue;
    w->stored_through = stored_through;
    w->next_sequence = stored_through + 1;
    pthread_mutex_init(&w->lock, NULL);
    cond_init(&w->arrived);
    cond_init(&w->room);
    cond_init(&w->ready);
    cond_init(&w->stored);
    start_part(w, w->next_sequence);
    BUG_IF(pthread_create(&w->writing, NULL, write_loop, w) != 0);
    BUG_IF(pthread_create(&w->sealing, NULL, seal_loop, w) != 0);
    pthread_setname_np(w->writing, "writer");
    pthread_setname_np(w->sealing, "sealer");
    return w;
}

static void wake_all(struct writer *w)
{
    pthread_cond_broadcast(&w->arrived);
    pthread_cond_broadcast(&w->room);
    pthread_cond_broadcast(&w->ready);
}

void writer_close(struct writer *w)
{
    if (!w)
        return;
    pthread_mutex_lock(&w->lock);
    w->is_closing = true;
    wake_all(w);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->writing, NULL);
    pthread_join(w->sealing, NULL);
    for (uint32_t i = 0; i < w->waiting_count; i++)
        batch_free(w->waiting[i].batch);
    memory_free(w->waiting);
    for (uint32_t i = 0; i < w->queue_count; i++)
        open_part_release(w->queue[i]);
    open_part_release(w->open);
    pthread_mutex_destroy(&w->lock);
    pthread_cond_destroy(&w->arrived);
    pthread_cond_destroy(&w->room);
    pthread_cond_destroy(&w->ready);
    pthread_cond_destroy(&w->stored);
    memory_free(w);
}

/* Everything that was put and follows without a gap. Lock held. */
static uint64_t last_reachable(const struct writer *w)
{
    uint64_t next = w->next_sequence;
    for (bool moved = true; moved;) {
        moved = false;
        for (uint32_t i = 0; i < w->waiting_count; i++)
            if (w->waiting[i].first <= next && w->waiting[i].last >= next) {
                next = w->waiting[i].last + 1;
                moved = true;
            }
    }
    return next - 1;
}

bool writer_flush(struct writer *w, unsigned timeout_ms)
{
    int64_t deadline = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
    pthread_mutex_lock(&w->lock);
    uint64_t target = last_reachable(w);
    if (target > w->flush_through)
        w->flush_through = target;
    pthread_cond_signal(&w->arrived);
    while (w->stored_through < target && clock_monotonic_ns() < deadline)
        wait_ms(&w->stored, &w->lock, 50);
    bool ok = w->stored_through >= target;
    pthread_mutex_unlock(&w->lock);
    return ok;
}

void writer_status(struct writer *w, struct writer_status *out)
{
    pthread_mutex_lock(&w->lock);
    *out = (struct writer_status){.stored_through = w->stored_through,
                                  .next_sequence = w->next_sequence,
                                  .waiting = w->waiting_count,
                                  .sealing = w->queue_count,
                                  .events = w->events,
                                  .parts = w->parts,
                                  .is_stuck = w->problem[0] != '\0'};
    snprintf(out->problem, sizeof out->problem, "%s", w->problem);
    pthread_mutex_unlock(&w->lock);
}
