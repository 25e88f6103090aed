/* The journal as its users see it: open, start, submit, release, stop. Journal stage: takes submissions from
 * the inputs and from HTTP, leaves safe batches with sequence numbers. Read journal.h for the promises, then
 * commit.c (the thread) and recover.c (after a crash). */
#include "journal/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "journal/format.h"
#include "journal/internal.h"

#define MIB(n) (UINT64_C(n) << 20)

static uint64_t or_default(uint64_t value, uint64_t fallback)
{
    return value ? value : fallback;
}

static uint64_t clamp(uint64_t value, uint64_t low, uint64_t high)
{
    return value < low ? low : value > high ? high : value;
}

static void fill_options(struct journal *j, const struct journal_options *o)
{
    struct journal_options *to = &j->options;
    to->folder = j->segments.folder;
    to->segment_bytes = clamp(or_default(o->segment_bytes, MIB(64)), 4096, MIB(1024));
    to->total_bytes = or_default(o->total_bytes, MIB(4096));
    if (to->total_bytes < 2 * to->segment_bytes)
        to->total_bytes = 2 * to->segment_bytes;
    to->commit_bytes = clamp(or_default(o->commit_bytes, MIB(1)), 1, MIB(64));
    to->commit_interval_ms = (unsigned)clamp(or_default(o->commit_interval_ms, 50), 1, 50);
    to->retry_ms = (unsigned)clamp(or_default(o->retry_ms, 500), 1, 60000);
    to->queue_capacity = or_default(o->queue_capacity, 256);
    to->queue_bytes = or_default(o->queue_bytes, MIB(64));
    j->io = o->io ? o->io : &journal_system_io;
}

/* flock, not a pid file: it ends with the process, however that ends. */
static bool take_lock(struct journal *j, struct error *err)
{
    char path[SEGMENT_PATH_MAX];
    snprintf(path, sizeof path, "%s/lock", j->segments.folder);
    j->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    if (j->lock_fd < 0)
        return error_errno(err, tr("cannot create %s", "%s を作成できません"), path);
    if (flock(j->lock_fd, LOCK_EX | LOCK_NB) != 0)
        return error_set(
            err,
            tr("the journal %s is in use by another hyakuyo: stop it first, or give another --data folder",
               "ジャーナル %s は別の hyakuyo が使用中です。先に停止するか、別の --data を指定してください"),
            j->segments.folder);
    return true;
}

static bool open_folder(struct journal *j, uint64_t stored_through, struct journal_recovery *report,
                        struct error *err)
{
    if (strlen(j->segments.folder) > SEGMENT_PATH_MAX - 64)
        return error_set(err,
                         tr("the path of the journal folder is too long: %.64s…",
                            "ジャーナルのフォルダーのパスが長すぎます: %.64s…"),
                         j->segments.folder);
    atomic_store(&j->stored_through, stored_through);
    return file_make_folders(j->segments.folder, 0750, err) && take_lock(j, err) &&
           segment_list_load(&j->segments, err) && journal_recover(j, report, err);
}

struct journal *journal_open(const struct journal_options *options, uint64_t stored_through,
                             const struct journal_callbacks *callbacks, struct journal_recovery *report,
                             struct error *err)
{
    struct journal *j = NEW(struct journal);
    struct journal_recovery unread = {0};
    BUG_IF(!callbacks->sink);
    j->callbacks = *callbacks;
    j->lock_fd = -1;
    j->writer.fd = -1;
    segment_list_init(&j->segments, options->folder);
    pthread_mutex_init(&j->lock, NULL);
    pthread_cond_init(&j->changed, NULL);
    fill_options(j, options);
    j->queue = queue_new(j->options.queue_capacity);
    if (report)
        *report = unread;
    if (!open_folder(j, stored_through, report ? report : &unread, err)) {
        journal_free(j);
        return NULL;
    }
    return j;
}

bool journal_start(struct journal *j, struct error *err)
{
    int failed = pthread_create(&j->thread, NULL, journal_run, j);
    if (failed) {
        errno = failed;
        return error_errno(err, "%s",
                           tr("cannot start the journal's thread", "ジャーナルのスレッドを開始できません"));
    }
    pthread_setname_np(j->thread, "journal");
    j->is_running = true;
    return true;
}

bool journal_submit(struct journal *j, struct submission *s)
{
    BUG_IF(s->batch->count == 0);
    uint64_t bytes = s->batch->bytes;
    BUG_IF(bytes + s->batch->count * sizeof(struct journal_record_header) > JOURNAL_FRAME_MAX_BYTES);
    uint64_t before = atomic_fetch_add(&j->waiting_bytes, bytes);
    /* one that is larger than the whole allowance still passes when nothing else waits */
    if ((before == 0 || before + bytes <= j->options.queue_bytes) && queue_try_push(j->queue, s))
        return true;
    atomic_fetch_sub(&j->waiting_bytes, bytes);
    atomic_store(&j->somebody_was_refused, true);
    return false;
}

void journal_release(struct journal *j, uint64_t stored_through)
{
    uint64_t before = atomic_load(&j->stored_through);
    while (before < stored_through &&
           !atomic_compare_exchange_weak(&j->stored_through, &before, stored_through))
        ;
    segment_list_release(&j->segments, stored_through, false);
    pthread_mutex_lock(&j->lock);
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
}

bool journal_is_stuck(struct journal *j, struct error *why)
{
    pthread_mutex_lock(&j->lock);
    bool is_stuck = j->is_stuck;
    if (why)
        *why = is_stuck ? j->trouble : (struct error){.text = ""};
    pthread_mutex_unlock(&j->lock);
    return is_stuck;
}

void journal_stats(struct journal *j, struct journal_stats *out)
{
    *out = (struct journal_stats){
        .next_sequence = atomic_load(&j->next_sequence),
        .waiting = queue_depth(j->queue),
        .waiting_bytes = atomic_load(&j->waiting_bytes),
        .groups = atomic_load(&j->groups),
        .records = atomic_load(&j->records),
        .bytes = atomic_load(&j->bytes),
        .failures = atomic_load(&j->failures),
    };
    pthread_mutex_lock(&j->segments.lock);
    out->segments = j->segments.count;
    out->segment_bytes = j->segments.bytes;
    pthread_mutex_unlock(&j->segments.lock);
    for (size_t i = 0; i < JOURNAL_LATENCY_BUCKETS; i++)
        out->latency[i] = atomic_load(&j->latency[i]);
}

void journal_stop(struct journal *j)
{
    queue_close(j->queue);
    pthread_mutex_lock(&j->lock);
    j->is_stopping = true;
    pthread_cond_broadcast(&j->changed);
    pthread_mutex_unlock(&j->lock);
    if (j->is_running)
        pthread_join(j->thread, NULL);
    j->is_running = false;
    segment_close(&j->writer);
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    journal_stop(j);
    for (struct submission *s;
         (s = queue_pop_wait(j->queue, 0)) != NULL;) /* only when it was never started */
        batch_free(s->batch);
    queue_free(j->queue);
    buf_free(&j->staging);
    segment_list_free(&j->segments);
    pthread_cond_destroy(&j->changed);
    pthread_mutex_destroy(&j->lock);
    if (j->lock_fd >= 0)
        close(j->lock_fd);
    memory_free(j);
}
