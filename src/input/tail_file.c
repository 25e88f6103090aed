/* One tailed file: reads whole lines from where it stopped and makes submissions of them, each with the
 * cursor behind its last line. Input stage: reads one open file, leaves submissions to tail.c.
 *
 * Nothing of a line is kept in memory between turns: a line without its end stays in the file and is read
 * when the end is there, so the cursor always stands at the start of a line. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/memory.h"
#include "input/tail.h"

/* A writer that does not append leaves a hole when its file is truncated under it: zeros up to where it goes
 * on. */
#define HOLE_BYTES 16
/* Of a line that is longer than the buffer, so much is searched for its end in one turn. */
#define SEARCH_BUFFERS 16

struct tail_file *tail_file_open(const char *path, struct error *err)
{
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &info) != 0 || !S_ISREG(info.st_mode)) {
        error_errno(err, tr("cannot read %s", "%s を読めません"), path);
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    struct tail_file *f = NEW(struct tail_file);
    f->fd = fd;
    f->path = memory_strdup(path);
    f->path_now = memory_strdup(path);
    f->position = (struct tail_position){.device = info.st_dev, .inode = info.st_ino, .path = str_c(f->path)};
    (void)tail_position_print(&f->position, fd);
    f->size = (uint64_t)info.st_size;
    f->grew_ns = clock_monotonic_ns();
    return f;
}

void tail_file_free(struct tail_file *f)
{
    close(f->fd);
    memory_free((char *)f->cut_position.path.p);
    memory_free(f->path);
    memory_free(f->path_now);
    memory_free(f);
}

void tail_file_resume(struct tail_file *f, const struct tail_position *p)
{
    char *path = memory_alloc(p->path.n + 1);
    memcpy(path, p->path.p, p->path.n);
    path[p->path.n] = '\0';
    memory_free(f->path);
    f->path = path;
    f->position.path = str_n(path, p->path.n);
    f->position.offset = f->scanned = p->offset;
    f->position.print_bytes = p->print_bytes;
    f->position.head_hash = p->head_hash;
    f->position.tail_hash = p->tail_hash;
}

static void begin_again(struct tail_file *f)
{
    log_info(tr("%s was truncated: reading it from the start again",
                "%s が切り詰められました。先頭から読み直します"),
             f->path);
    memory_free((char *)f->cut_position.path.p);
    f->cut_position = f->position;
    f->cut_position.path = str_n(memory_strdup(f->path), f->position.path.n);
    f->cut_ns = clock_monotonic_ns();
    f->position.offset = f->scanned = 0;
    f->position.print_bytes = 0;
    (void)tail_position_print(&f->position, f->fd);
    f->head_bytes = 0;
    f->is_finished = false;
}

static void learn_head(struct tail_file *f)
{
    if (f->head_bytes == PRINT_BYTES)
        return;
    ssize_t n = pread(f->fd, f->head, PRINT_BYTES, 0);
    f->head_bytes = n > 0 ? (size_t)n : 0;
}

/* Looks at the file; false when it cannot be read. Sets size; starts again when it was truncated, also when
 * it has already grown past the old place. */
static bool look(struct tail_file *f)
{
    struct stat info;
    if (fstat(f->fd, &info) != 0)
        return false;
    uint64_t size = (uint64_t)info.st_size;
    int64_t modified_ns = info.st_mtim.tv_sec * NS_PER_SECOND + info.st_mtim.tv_nsec;
    if (size == f->size && modified_ns == f->modified_ns)
        return true;
    if (size < f->position.offset || !tail_position_holds(&f->position, f->fd))
        begin_again(f);
    if (size != f->size) {
        f->grew_ns = clock_monotonic_ns();
        f->is_finished = false;
    }
    f->size = size;
    f->modified_ns = modified_ns;
    learn_head(f);
    return true;
}

struct turn {
    struct tail_file *f;
    size_t max_message;
    struct batch *batch;
    struct input_count count;
    int64_t received_ns;
};

/* `length` is the whole line's, `line` what there is of it. */
static void take_line(struct turn *t, struct str line, uint64_t length)
{
    size_t most = t->max_message;
    uint16_t flags = record_age_flags(t->received_ns, t->f->modified_ns);
    if (line.n == length && line.n > 0 && line.p[line.n - 1] == '\r')
        length = --line.n;
    if (length > most) {
        line.n = most;
        t->count.cut_bytes += length - most;
        flags |= RECORD_CUT;
    }
    if (length == 0)
        return;
    if (!t->batch)
        t->batch = batch_new(BATCH_RECORDS);
    struct record *r = batch_add(t->batch, line, t->f->position.path);
    r->received_ns = t->received_ns;
    r->transport = TRANSPORT_TAIL;
    r->flags = flags;
    input_count_record(&t->count, line.n, flags);
}

static bool is_full(const struct turn *t)
{
    return t->batch && (t->batch->count >= BATCH_RECORDS || t->batch->bytes >= BATCH_BYTES);
}

/* Lines in `bytes`, which start at position.offset: takes whole ones until the batch is full; returns bytes
 * used. */
static size_t take_lines(struct turn *t, struct str bytes)
{
    size_t at = 0, from = t->f->scanned - t->f->position.offset;
    while (!is_full(t)) {
        size_t end = str_find_char(bytes, '\n', from > at ? from : at);
        if (end == STR_NOT_FOUND)
            break;
        take_line(t, str_slice(bytes, at, end), end - at);
        at = end + 1;
    }
    return at;
}

/* The line that starts at position.offset is longer than the buffer, whose content `start` is: search its end
 * further on. Returns the line's length with its end, 0 when the end was not found yet. */
static uint64_t take_long_line(struct turn *t, struct str start)
{
    struct tail_file *f = t->f;
    char piece[16 << 10];
    uint64_t at = f->scanned, stop = at + SEARCH_BUFFERS * (uint64_t)start.n;
    ssize_t n;
    while (at < stop && (n = pread(f->fd, piece, sizeof piece, (off_t)at)) > 0) {
        size_t end = str_find_char(str_n(piece, (size_t)n), '\n', 0);
        if (end != STR_NOT_FOUND) {
            uint64_t length = at + end - f->position.offset;
            take_line(t, start, length);
            return length + 1;
        }
        at += (uint64_t)n;
    }
    f->scanned = at;
    return 0;
}

static size_t hole(struct str bytes)
{
    size_t n = 0;
    while (n < bytes.n && bytes.p[n] == '\0')
        n++;
    return n >= HOLE_BYTES ? n : 0;
}

static void advance(struct tail_file *f, uint64_t bytes)
{
    f->position.offset += bytes;
    if (f->scanned < f->position.offset)
        f->scanned = f->position.offset;
    if (!tail_position_print(&f->position, f->fd))
        log_debug("%s changed while it was read", f->path); /* the next look finds it truncated */
}

/* Returns the bytes used of the line(s) at the position. */
static uint64_t take(struct turn *t, struct str bytes, size_t buffer_bytes, bool ends)
{
    struct tail_file *f = t->f;
    uint64_t used = take_lines(t, bytes);
    if (used > 0 || is_full(t))
        return used;
    if (f->scanned < f->position.offset + bytes.n)
        f->scanned = f->position.offset + bytes.n;
    if (bytes.n == buffer_bytes)
        used = take_long_line(t, bytes);
    if (used == 0 && ends && f->scanned >= f->size) {
        used = f->size - f->position.offset;
        take_line(t, str_slice(bytes, 0, used), used);
    }
    return used;
}

static bool finish(struct turn *t, struct tail_take *out)
{
    if (!t->batch)
        return false;
    *out = (struct tail_take){submission_new(t->batch), t->f->position.path, t->count, t->received_ns};
    out->submission->cursor = tail_position_format(&t->f->position, &t->batch->arena);
    return true;
}

enum tail_turn tail_file_turn(struct tail_file *f, size_t max_message, char *buffer, size_t buffer_bytes,
                              bool ends, struct tail_take *out)
{
    struct turn t = {.f = f, .max_message = max_message, .received_ns = clock_wall_ns()};
    *out = (struct tail_take){0};
    if (!look(f))
        return TAIL_UNREADABLE;
    if (f->size <= f->position.offset || (f->scanned >= f->size && !ends))
        return TAIL_IDLE;
    ssize_t n = pread(f->fd, buffer, buffer_bytes, (off_t)f->position.offset);
    if (n <= 0)
        return n < 0 ? TAIL_UNREADABLE : TAIL_IDLE;
    struct str bytes = str_n(buffer, (size_t)n);
    size_t zeros = f->scanned == f->position.offset ? hole(bytes) : 0;
    uint64_t before = f->scanned;
    uint64_t used = zeros ? zeros : take(&t, bytes, buffer_bytes, ends);
    if (used > 0)
        advance(f, used);
    if (finish(&t, out))
        return TAIL_BATCH;
    return used > 0 || f->scanned > before ? TAIL_MORE : TAIL_IDLE;
}
