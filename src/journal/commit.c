/* The journal's thread: group commit. Takes what waits in the queue, writes it as frames with one write and
 * one fdatasync, tells the submitters, passes the batches on. Next: whoever the sink is; recover.c reads the
 * frames after a crash.
 *
 *            ┌────────────────────────── refused (stopping) ◄──────────────┐
 *   gather() ┴► wait_for_size() ─► write_group() ── ok ──► deliver() ─► gather()
 *                                   │      ▲
 *                             error ▼      │ retry_ms
 *                                 step_back()    cut to the last acknowledged byte; failed sync: new segment
 *
 * After a failed fdatasync the kernel may drop the dirty pages and report success the next time, so the file
 * is never trusted again: the same group, with the same sequence numbers, is written to a new segment. */
#include <errno.h>
#include <time.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "journal/frame.h"
#include "journal/internal.h"

/* The queue is asked in slices, so that the end is noticed. */
#define IDLE_WAIT_MS 500

static bool gather(struct journal *j)
{
    j->group_count = 0;
    struct submission *s = NULL;
    while (!s) {
        s = queue_pop_wait(j->queue, IDLE_WAIT_MS);
        if (!s && queue_is_closed(j->queue) && queue_depth(j->queue) == 0)
            return false;
    }
    uint64_t bytes = 0;
    int64_t until = clock_monotonic_ns() + j->options.commit_interval_ms * NS_PER_MS;
    while (s) {
        j->group[j->group_count++] = s;
        bytes += s->batch->bytes;
        if (bytes >= j->options.commit_bytes || j->group_count == GROUP_MAX || clock_monotonic_ns() >= until)
            break;
        s = queue_pop_wait(j->queue, 0);
    }
    atomic_fetch_sub(&j->waiting_bytes, bytes);
    if (j->callbacks.room && atomic_exchange(&j->somebody_was_refused, false))
        j->callbacks.room(j->callbacks.context);
    return true;
}

static void number(struct journal *j)
{
    uint64_t next = atomic_load(&j->next_sequence);
    for (size_t g = 0; g < j->group_count; g++) {
        struct batch *b = j->group[g]->batch;
        b->first_sequence = next;
        for (uint32_t i = 0; i < b->count; i++)
            b->records[i].sequence = next++;
        b->last_sequence = next - 1;
    }
}

static uint64_t group_first(const struct journal *j)
{
    return j->group[0]->batch->first_sequence;
}

static uint64_t group_last(const struct journal *j)
{
    return j->group[j->group_count - 1]->batch->last_sequence;
}

static void encode(struct journal *j)
{
    int64_t now = clock_wall_ns();
    buf_clear(&j->staging);
    for (size_t g = 0; g < j->group_count; g++) {
        size_t bytes = frame_bytes(j->group[g]);
        frame_encode(buf_reserve(&j->staging, bytes), j->group[g], j->writer.seed, now);
        j->staging.n += bytes;
    }
}

static size_t group_bytes(const struct journal *j)
{
    size_t bytes = 0;
    for (size_t g = 0; g < j->group_count; g++)
        bytes += frame_bytes(j->group[g]);
    return bytes;
}

static void set_trouble(struct journal *j, const struct error *why)
{
    pthread_mutex_lock(&j->lock);
    bool is_new = !j->is_stuck;
    j->is_stuck = true;
    j->trouble = *why;
    pthread_mutex_unlock(&j->lock);
    if (is_new)
        log_error("%s", why->text);
}

static void clear_trouble(struct journal *j)
{
    pthread_mutex_lock(&j->lock);
    bool was_stuck = j->is_stuck;
    j->is_stuck = false;
    pthread_mutex_unlock(&j->lock);
    if (was_stuck)
        log_info("%s", tr("the journal takes records again", "ジャーナルの受け付けを再開しました"));
}

/* Sleeps until something changed, at most `ms`; false when the journal stops. */
static bool wait_ms(struct journal *j, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += (long)(ms % 1000) * 1000000;
    if (until.tv_nsec >= NS_PER_SECOND) {
        until.tv_sec++;
        until.tv_nsec -= NS_PER_SECOND;
    }
    pthread_mutex_lock(&j->lock);
    if (!j->is_stopping)
        pthread_cond_timedwait(&j->changed, &j->lock, &until);
    bool goes_on = !j->is_stopping;
    pthread_mutex_unlock(&j->lock);
    return goes_on;
}

/* A group that alone is larger than the bound must pass once everything before it is stored. */
static bool has_size_for(struct journal *j, uint64_t bytes)
{
    uint64_t used = segment_list_bytes(&j->segments);
    if (used + bytes <= j->options.total_bytes)
        return true;
    if (atomic_load(&j->stored_through) + 1 < atomic_load(&j->next_sequence))
        return false;
    segment_close(&j->writer); /* all stored: even the newest segment can go */
    segment_list_release(&j->segments, atomic_load(&j->stored_through), true);
    return true;
}

static bool wait_for_size(struct journal *j)
{
    uint64_t bytes = group_bytes(j);
    while (!has_size_for(j, bytes)) {
        struct error why;
        error_set(
            &why,
            tr("the journal %s has reached its limit of %llu MiB because events are not stored fast enough: "
               "inputs wait; check the store, or raise the limit",
               "ジャーナル %s が上限 %llu MiB に達しました(保存が追いついていません)。"
               "受信を待たせています。保存先を確認するか上限を上げてください"),
            j->options.folder, (unsigned long long)(j->options.total_bytes >> 20));
        set_trouble(j, &why);
        if (!wait_ms(j, j->options.retry_ms))
            return has_size_for(j, bytes);
    }
    return true;
}

static bool segment_is_full(const struct journal *j, size_t more)
{
    return j->writer.good_bytes > sizeof(struct journal_segment_header) &&
           j->writer.good_bytes + more > j->options.segment_bytes;
}

/* After an error: the file must end where the acknowledged frames end. When even that fails, or when a sync
 * failed, the file is left behind; what it holds after its good bytes has the same sequence numbers and the
 * same records as what is written next, so recovery takes them once. */
static void step_back(struct journal *j, bool sync_failed)
{
    struct segment_writer *w = &j->writer;
    atomic_fetch_add(&j->failures, 1);
    bool is_cut = j->io->truncate(j->io->context, w->fd, (off_t)w->good_bytes) == 0;
    if (sync_failed || !is_cut)
        segment_close(w);
}

static bool write_once(struct journal *j, struct error *err)
{
    struct segment_writer *w = &j->writer;
    if (w->fd >= 0 && segment_is_full(j, group_bytes(j)))
        segment_close(w);
    if (w->fd < 0 && !segment_create(w, &j->segments, group_first(j), j->io, err)) {
        atomic_fetch_add(&j->failures, 1);
        return false;
    }
    encode(j);
    bool is_written = segment_write(j->io, w->fd, j->staging.p, j->staging.n, w->good_bytes);
    if (is_written && j->io->sync(j->io->context, w->fd) == 0)
        return true;
    error_errno(err,
                tr("the journal cannot write to %s; inputs wait and nothing is lost; free some space or "
                   "repair the disk",
                   "ジャーナルを %s に書けません。受信を待たせており、失われるものはありません。"
                   "空きを作るかディスクを直してください"),
                j->options.folder);
    step_back(j, is_written);
    return false;
}

static bool write_group(struct journal *j)
{
    struct error why;
    while (!write_once(j, &why)) {
        set_trouble(j, &why);
        if (!wait_ms(j, j->options.retry_ms))
            return write_once(j, &why); /* the last try of a journal that stops */
    }
    clear_trouble(j);
    j->writer.good_bytes += j->staging.n;
    segment_list_grow(&j->segments, j->staging.n, group_last(j));
    return true;
}

static void count_commit(struct journal *j, int64_t took_ns)
{
    uint64_t us = (uint64_t)(took_ns > 1000 ? took_ns / 1000 : 1);
    unsigned bucket = 63 - (unsigned)__builtin_clzll(us);
    atomic_fetch_add(&j->latency[bucket < JOURNAL_LATENCY_BUCKETS ? bucket : JOURNAL_LATENCY_BUCKETS - 1], 1);
    atomic_fetch_add(&j->groups, 1);
    atomic_fetch_add(&j->records, group_last(j) - group_first(j) + 1);
    atomic_fetch_add(&j->bytes, j->staging.n);
}

static bool commit(struct journal *j)
{
    number(j);
    int64_t start = clock_monotonic_ns();
    if (!wait_for_size(j) || !write_group(j))
        return false;
    atomic_store(&j->next_sequence, group_last(j) + 1);
    count_commit(j, clock_monotonic_ns() - start);
    return true;
}

static void refuse(struct submission *s)
{
    struct batch *b = s->batch;
    if (s->done)
        s->done(s->context, s, SUBMISSION_REFUSED, 0, 0);
    batch_free(b);
}

/* All answers first: a sink that blocks must not hold back an acknowledgement that is already true. */
static void deliver(struct journal *j)
{
    int64_t now = clock_wall_ns();
    for (size_t g = 0; g < j->group_count; g++) {
        struct submission *s = j->group[g];
        struct batch *b = s->batch;
        b->journalled_ns = now;
        if (j->callbacks.mark && (s->cursor.n > 0 || s->idempotency_key.n > 0)) {
            struct journal_mark mark = {s->cursor, s->idempotency_source, s->idempotency_key,
                                        b->first_sequence, b->last_sequence};
            j->callbacks.mark(j->callbacks.context, &mark);
        }
        if (s->done)
            s->done(s->context, s, SUBMISSION_SAFE, b->first_sequence, b->last_sequence);
    }
    for (size_t g = 0; g < j->group_count; g++) {
        struct batch *b = j->group[g]->batch; /* the submission is gone with its batch */
        if (!j->callbacks.sink(j->callbacks.context, b))
            batch_free(b);
    }
}

/* After one refusal all are refused: the same sequence numbers must never name different records, and a file
 * that could not be cut may still hold the refused ones. */
void *journal_run(void *context)
{
    struct journal *j = context;
    bool has_given_up = false;
    while (gather(j)) {
        has_given_up = has_given_up || !commit(j);
        if (!has_given_up)
            deliver(j);
        for (size_t g = 0; has_given_up && g < j->group_count; g++)
            refuse(j->group[g]);
    }
    return NULL;
}
