/* After a crash: reads every segment, verifies every frame, replays what is not in the parts yet. Journal
 * stage: reads journal/(*).journal, leaves batches in the sink and the list of segments; commit.c goes on
 * from there.
 *
 * What does not verify is one of two things. Torn: nothing whole follows in the newest segment; a write was
 * under way when the machine stopped, nobody was told that it is safe, and it is cut off. Corrupt: something
 * whole follows; it is skipped up to the next frame that verifies, and the sequence numbers that are missing
 * are a gap in the balance.
 *
 * The next segment is always a new file, so nothing is ever appended behind bytes of an earlier life. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "journal/frame.h"
#include "journal/internal.h"

struct recovery {
    struct journal *j;
    struct journal_recovery *report;
    uint64_t next; /* sequence number that is neither stored, nor replayed, nor reported as lost */
    const char *path;
    struct segment *segment;
    bool is_newest;
};

static void tell_gap(struct recovery *r, uint64_t first, uint64_t last)
{
    r->report->lost_records += last - first + 1;
    log_error(
        tr("the journal lacks records %llu to %llu (found before %s): they are lost and counted as lost",
           "ジャーナルにレコード %llu~%llu がありません(%s の手前)。損失として計上します"),
        (unsigned long long)first, (unsigned long long)last, r->path);
    if (r->j->callbacks.gap)
        r->j->callbacks.gap(r->j->callbacks.context, first, last);
}

static void tell_mark(struct recovery *r, const struct frame *f)
{
    if (!r->j->callbacks.mark || (f->cursor.n == 0 && f->key.n == 0))
        return;
    struct journal_mark mark = {f->cursor, f->key_source, f->key, f->first_sequence, f->last_sequence};
    r->j->callbacks.mark(r->j->callbacks.context, &mark);
}

/* False: the pipeline is closed, or the frame is not what its checksum promised. */
static bool replay(struct recovery *r, const struct frame *f)
{
    struct batch *b = frame_decode(f, r->next - 1);
    if (!b)
        return false;
    if (f->first_sequence > r->next)
        tell_gap(r, r->next, f->first_sequence - 1);
    tell_mark(r, f);
    r->report->replayed_records += b->count;
    r->next = f->last_sequence + 1;
    if (!r->j->callbacks.sink(r->j->callbacks.context, b))
        batch_free(b);
    return true;
}

static bool take_frame(struct recovery *r, const struct frame *f)
{
    if (f->last_sequence < r->next)
        tell_mark(r, f); /* in the parts already, or written twice after a failed sync */
    else if (!replay(r, f))
        return false;
    r->report->frames++;
    if (f->last_sequence > r->segment->last_sequence)
        r->segment->last_sequence = f->last_sequence;
    return true;
}

static void tell_corrupt(struct recovery *r, size_t from, size_t to)
{
    r->report->corrupt_places++;
    r->report->corrupt_bytes += to - from;
    log_error(
        tr("%s is corrupt: bytes %zu to %zu do not verify and are skipped; check the disk",
           "%s が壊れています: バイト %zu~%zu は検証できないため読み飛ばします。ディスクを確認してください"),
        r->path, from, to);
}

/* Where reading goes on after bytes that do not verify; the end of the bytes when nothing whole follows. */
static size_t find_next(struct str bytes, size_t at, uint64_t seed, enum frame_state state,
                        const struct frame *f)
{
    struct frame next;
    if (state == FRAME_BAD_PAYLOAD &&
        frame_read(str_skip(bytes, at + f->total_bytes), seed, &next) == FRAME_WHOLE)
        return at + f->total_bytes;
    return frame_find(bytes, at + 1, seed);
}

/* Offset behind the last whole frame. `*is_too_new` when a frame of a later version was met. */
static size_t walk(struct recovery *r, struct str bytes, size_t at, uint64_t seed, bool *is_too_new)
{
    while (at < bytes.n) {
        struct frame f;
        enum frame_state state = frame_read(str_skip(bytes, at), seed, &f);
        *is_too_new = state == FRAME_TOO_NEW;
        if (*is_too_new)
            return at;
        if (state == FRAME_WHOLE && take_frame(r, &f)) {
            at += f.total_bytes;
            continue;
        }
        size_t next = find_next(bytes, at, seed, state, &f);
        if (next == bytes.n)
            return at;
        tell_corrupt(r, at, next);
        at = next;
    }
    return at;
}

static bool read_segment(const char *path, struct buf *bytes, struct error *err)
{
    buf_clear(bytes);
    return file_read(path, JOURNAL_SEGMENT_MAX_BYTES, bytes, err);
}

/* The torn tail of the newest segment goes, so that it is reported once. */
static void cut_tail(struct recovery *r, size_t whole, size_t total)
{
    r->report->torn_bytes += total - whole;
    log_warning(
        tr("%s ended in the middle of a write: %zu bytes after byte %zu were never acknowledged and are cut "
           "off",
           "%s は書き込みの途中で終わっていました: 未確定の %zu バイト(バイト %zu 以降)を切り捨てます"),
        r->path, total - whole, whole);
    if (truncate(r->path, (off_t)whole) != 0)
        log_warning(tr("cannot cut %s: %s; it is skipped again at the next start",
                       "%s を切り詰められません: %s。次回起動時も読み飛ばします"),
                    r->path, strerror(errno));
    else
        r->segment->bytes = whole;
}

/* Nothing in the file verifies: it is put aside for a person to look at, never deleted. */
static bool put_aside(struct recovery *r, size_t total, struct error *err)
{
    char aside[SEGMENT_PATH_MAX + 16];
    snprintf(aside, sizeof aside, "%s.unreadable", r->path);
    r->report->corrupt_places++;
    r->report->corrupt_bytes += total;
    if (rename(r->path, aside) != 0)
        return error_errno(err,
                           tr("%s holds nothing that verifies and cannot be renamed to %s",
                              "%s に検証できる内容がなく、%s に改名もできません"),
                           r->path, aside);
    log_error(tr("%s held nothing that verifies (%zu bytes); it is kept as %s",
                 "%s に検証できる内容がありません(%zu バイト)。%s として残します"),
              r->path, total, aside);
    return true;
}

static bool too_new(const struct recovery *r, struct error *err)
{
    return error_set(
        err,
        tr("%s was written by a newer hyakuyo: start that version, or move the file away",
           "%s は新しい版の hyakuyo が書いたものです。その版で起動するか、ファイルを移動してください"),
        r->path);
}

static bool finish_segment(struct recovery *r, size_t frames_at, size_t whole, size_t total,
                           struct error *err)
{
    if (whole == total)
        return true;
    if (r->segment->last_sequence == 0 && (frames_at == total || !r->is_newest))
        return put_aside(r, total, err);
    if (r->is_newest)
        cut_tail(r, whole, total);
    else
        tell_corrupt(r, whole, total); /* also what a failed sync left behind: then no gap follows */
    return true;
}

static bool recover_segment(struct recovery *r, struct buf *storage, struct error *err)
{
    uint64_t seed;
    size_t at;
    bool is_too_new = false;
    if (!read_segment(r->path, storage, err))
        return false;
    struct str bytes = buf_str(storage);
    enum segment_state state = segment_read(bytes, &seed, &at);
    if (state == SEGMENT_TOO_NEW)
        return too_new(r, err);
    size_t frames_at = at;
    if (state == SEGMENT_DAMAGED && at < bytes.n)
        tell_corrupt(r, 0, at);
    size_t whole = state == SEGMENT_DAMAGED && at == bytes.n ? 0 : walk(r, bytes, at, seed, &is_too_new);
    if (is_too_new)
        return too_new(r, err);
    r->report->segments++;
    r->segment->bytes = bytes.n;
    return finish_segment(r, frames_at, whole, bytes.n, err);
}

/* Segments that hold nothing, or nothing that is still needed, go now. */
static void drop_empty(struct journal *j)
{
    struct segment_list *l = &j->segments;
    size_t kept = 0;
    l->bytes = 0;
    for (size_t i = 0; i < l->count; i++) {
        char path[SEGMENT_PATH_MAX];
        segment_path(l, l->items[i].first_sequence, path);
        if (l->items[i].last_sequence == 0) {
            if (unlink(path) != 0 && errno != ENOENT)
                log_warning(tr("cannot delete the empty %s: %s", "空の %s を削除できません: %s"), path,
                            strerror(errno));
            continue;
        }
        l->bytes += l->items[i].bytes;
        l->items[kept++] = l->items[i];
    }
    l->count = kept;
}

bool journal_recover(struct journal *j, struct journal_recovery *report, struct error *err)
{
    uint64_t stored_through = atomic_load(&j->stored_through);
    struct recovery r = {.j = j, .report = report, .next = stored_through + 1};
    struct buf bytes = {0};
    bool is_good = true;
    for (size_t i = 0; i < j->segments.count && is_good; i++) {
        char path[SEGMENT_PATH_MAX];
        segment_path(&j->segments, j->segments.items[i].first_sequence, path);
        r.path = path;
        r.segment = &j->segments.items[i];
        r.is_newest = i + 1 == j->segments.count;
        is_good = recover_segment(&r, &bytes, err);
    }
    buf_free(&bytes);
    if (!is_good)
        return false;
    drop_empty(j);
    segment_list_release(&j->segments, stored_through, true);
    report->next_sequence = r.next;
    atomic_store(&j->next_sequence, r.next);
    return true;
}
