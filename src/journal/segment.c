/* Segment files: names, list, creation, deletion. Journal stage: frame.c makes the bytes, commit.c decides
 * when they are written, recover.c reads the files again. */
#include "journal/segment.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "journal/frame.h"

#define SUFFIX    ".journal"
#define TEMPORARY ".new"
#define DIGITS    20

static ssize_t system_write(void *context, int fd, const void *bytes, size_t n, off_t at)
{
    (void)context;
    return pwrite(fd, bytes, n, at);
}

static int system_sync(void *context, int fd)
{
    (void)context;
    return fdatasync(fd);
}

static int system_truncate(void *context, int fd, off_t bytes)
{
    (void)context;
    return ftruncate(fd, bytes);
}

const struct journal_io journal_system_io = {.write = system_write,
                                             .sync = system_sync,
                                             .truncate = system_truncate};

void segment_list_init(struct segment_list *l, const char *folder)
{
    *l = (struct segment_list){.folder = memory_strdup(folder)};
    pthread_mutex_init(&l->lock, NULL);
}

void segment_list_free(struct segment_list *l)
{
    pthread_mutex_destroy(&l->lock);
    memory_free(l->items);
    memory_free(l->folder);
}

void segment_path(const struct segment_list *l, uint64_t first_sequence, char out[SEGMENT_PATH_MAX])
{
    snprintf(out, SEGMENT_PATH_MAX, "%s/%0*llu" SUFFIX, l->folder, DIGITS,
             (unsigned long long)first_sequence);
}

static void append(struct segment_list *l, struct segment s)
{
    if (l->count == l->capacity) {
        l->capacity = l->capacity ? l->capacity * 2 : 16;
        l->items = memory_resize_array(l->items, l->capacity, sizeof *l->items);
    }
    l->items[l->count++] = s;
    l->bytes += s.bytes;
}

void segment_list_add(struct segment_list *l, struct segment s)
{
    pthread_mutex_lock(&l->lock);
    if (l->count > 0 && l->items[l->count - 1].first_sequence == s.first_sequence)
        l->bytes -= l->items[--l->count].bytes;
    append(l, s);
    pthread_mutex_unlock(&l->lock);
}

void segment_list_grow(struct segment_list *l, uint64_t bytes, uint64_t last_sequence)
{
    pthread_mutex_lock(&l->lock);
    struct segment *newest = &l->items[l->count - 1];
    newest->bytes += bytes;
    newest->last_sequence = last_sequence;
    l->bytes += bytes;
    pthread_mutex_unlock(&l->lock);
}

uint64_t segment_list_bytes(struct segment_list *l)
{
    pthread_mutex_lock(&l->lock);
    uint64_t bytes = l->bytes;
    pthread_mutex_unlock(&l->lock);
    return bytes;
}

static void delete_file(struct segment_list *l, uint64_t first_sequence)
{
    char path[SEGMENT_PATH_MAX];
    segment_path(l, first_sequence, path);
    if (unlink(path) != 0 && errno != ENOENT)
        log_warning(tr("cannot delete the stored journal segment %s: %s; it is skipped at the next start",
                       "保存済みジャーナル %s を削除できません: %s。次回起動時は読み飛ばします"),
                    path, strerror(errno));
}

void segment_list_release(struct segment_list *l, uint64_t stored_through, bool also_newest)
{
    pthread_mutex_lock(&l->lock);
    size_t most = l->count - (l->count > 0 && !also_newest ? 1 : 0), gone = 0;
    while (gone < most && l->items[gone].last_sequence <= stored_through) {
        delete_file(l, l->items[gone].first_sequence);
        l->bytes -= l->items[gone++].bytes;
    }
    l->count -= gone;
    if (gone > 0 && l->count > 0)
        memmove(l->items, l->items + gone, l->count * sizeof *l->items);
    pthread_mutex_unlock(&l->lock);
}

/* "00000000000000000001.journal" → 1; 0 = not a segment. */
static uint64_t sequence_of_name(const char *name)
{
    struct str s = str_c(name);
    uint64_t sequence = 0;
    if (s.n != DIGITS + sizeof SUFFIX - 1 || !str_ends(s, STR(SUFFIX)) ||
        !str_to_u64(str_slice(s, 0, DIGITS), 10, &sequence))
        return 0;
    return sequence;
}

static int by_sequence(const void *a, const void *b)
{
    const struct segment *x = a, *y = b;
    return x->first_sequence < y->first_sequence ? -1 : x->first_sequence > y->first_sequence;
}

bool segment_list_load(struct segment_list *l, struct error *err)
{
    DIR *folder = opendir(l->folder);
    if (!folder)
        return error_errno(err,
                           tr("cannot read the journal folder %s", "ジャーナルのフォルダー %s を読めません"),
                           l->folder);
    for (const struct dirent *e; (e = readdir(folder)) != NULL;) {
        struct stat info;
        uint64_t sequence = sequence_of_name(e->d_name);
        if (str_ends(str_c(e->d_name), STR(SUFFIX TEMPORARY)))
            (void)unlinkat(dirfd(folder), e->d_name, 0);
        else if (sequence > 0 && fstatat(dirfd(folder), e->d_name, &info, 0) == 0)
            append(l, (struct segment){.first_sequence = sequence, .bytes = (uint64_t)info.st_size});
    }
    closedir(folder);
    if (l->count > 0)
        qsort(l->items, l->count, sizeof *l->items, by_sequence);
    return true;
}

bool segment_write(const struct journal_io *io, int fd, const char *bytes, size_t n, uint64_t at)
{
    while (n > 0) {
        ssize_t written = io->write(io->context, fd, bytes, n, (off_t)at);
        if (written < 0 && errno == EINTR)
            continue;
        if (written <= 0) {
            errno = written == 0 ? ENOSPC : errno;
            return false;
        }
        bytes += written;
        at += (uint64_t)written;
        n -= (size_t)written;
    }
    return true;
}

static bool write_new_file(struct segment_writer *w, const char *temporary, const char *path,
                           const char *header, const struct segment_list *l, const struct journal_io *io,
                           struct error *err)
{
    if (!segment_write(io, w->fd, header, sizeof(struct journal_segment_header), 0) ||
        io->sync(io->context, w->fd) != 0)
        return error_errno(err, tr("cannot write the journal segment %s", "ジャーナル %s に書けません"),
                           path);
    if (rename(temporary, path) != 0)
        return error_errno(err, tr("cannot rename %s to %s", "%s を %s に改名できません"), temporary, path);
    if (!file_sync_folder(l->folder, err)) {
        (void)unlink(path); /* not known to be durable under this name: begin again */
        return false;
    }
    return true;
}

bool segment_create(struct segment_writer *w, struct segment_list *l, uint64_t first_sequence,
                    const struct journal_io *io, struct error *err)
{
    char path[SEGMENT_PATH_MAX], temporary[SEGMENT_PATH_MAX + sizeof TEMPORARY];
    char header[sizeof(struct journal_segment_header)];
    segment_path(l, first_sequence, path);
    snprintf(temporary, sizeof temporary, "%s" TEMPORARY, path);
    *w = (struct segment_writer){.fd = -1, .first_sequence = first_sequence, .good_bytes = sizeof header};
    if (getrandom(&w->seed, sizeof w->seed, 0) != (ssize_t)sizeof w->seed)
        return error_errno(err, "%s", tr("cannot get random bytes", "乱数を得られません"));
    w->fd = open(temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (w->fd < 0)
        return error_errno(err, tr("cannot create %s", "%s を作成できません"), temporary);
    segment_header_encode(header, w->seed, first_sequence, clock_wall_ns());
    if (!write_new_file(w, temporary, path, header, l, io, err)) {
        segment_close(w);
        (void)unlink(temporary);
        return false;
    }
    segment_list_add(l, (struct segment){.first_sequence = first_sequence, .bytes = sizeof header});
    return true;
}

void segment_close(struct segment_writer *w)
{
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}
