/* Tailing files: when to read. Input stage: reads what glob patterns name, leaves submissions with cursors.
 * tail_find.c knows which files there are and where to begin, tail_file.c reads one, tail_position.c finds
 * places again.
 *
 *   tail_scan()  every poll_ms, and when inotify tells that a name came or went
 *   read_files() when inotify tells of a change, after a scan, and until there is nothing more: one turn of
 * each file
 *
 * inotify only makes it fast; everything is found by polling too (network file systems, too many watches). */
#include <sys/inotify.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "input/tail.h"

#define DEFAULT_POLL_MS         1000
#define DEFAULT_ROTATED_WAIT_MS 5000
#define DEFAULT_FILES           4096
#define MIN_BUFFER              ((size_t)256 << 10)
#define RETRY_MS                20

/* ---- reading ---- */

/* False: it waits, and nothing more is read. */
static bool hand_over(struct tail *t, struct tail_take take)
{
    t->waiting = take;
    if (!t->in->sink->submit(t->in->sink->context, take.submission))
        return false;
    t->waiting.submission = NULL;
    counters_add(t->in->counters, take.path, take.received_ns, &take.count);
    return true;
}

static bool is_at_end(const struct tail *t, const struct tail_file *f)
{
    int64_t quiet_ns = clock_monotonic_ns() - f->grew_ns;
    return f->is_rotated && !f->is_finished && quiet_ns >= t->in->settings.rotated_wait_ms * NS_PER_MS;
}

/* One turn of one file; true when it has more. */
static bool read_file(struct tail *t, struct tail_file *f)
{
    struct tail_take take;
    if (!tail_may_read(t, f))
        return false;
    bool ends = is_at_end(t, f);
    switch (tail_file_turn(f, t->in->settings.max_message_bytes, t->buffer, t->buffer_bytes, ends, &take)) {
    case TAIL_BATCH:
        (void)hand_over(t, take);
        return true;
    case TAIL_MORE:
        return true;
    case TAIL_UNREADABLE:
        tail_complain(t, tr("a file cannot be read; it is tried again",
                            "読めないファイルがあります。後で再試行します"));
        return false;
    case TAIL_IDLE:
        f->is_finished = f->is_finished || ends;
        break;
    }
    return false;
}

static void forget_finished(struct tail *t)
{
    size_t kept = 0;
    for (size_t i = 0; i < t->count; i++) {
        struct tail_file *f = t->files[i];
        if (f->is_gone && f->is_finished)
            tail_file_free(f);
        else
            t->files[kept++] = f;
    }
    t->count = kept;
}

static void on_more(uv_idle_t *idle);
static void on_retry(uv_timer_t *timer);

/* One turn of every file, so that a large one does not hold up the others. */
static void read_files(struct tail *t)
{
    bool has_more = false;
    if (t->waiting.submission && !hand_over(t, t->waiting)) {
        uv_idle_stop(&t->more);
        uv_timer_start(&t->retry, on_retry, RETRY_MS, 0);
        return;
    }
    for (size_t i = 0; i < t->count && !t->waiting.submission; i++)
        has_more = read_file(t, t->files[i]) || has_more;
    forget_finished(t);
    if (has_more || t->waiting.submission)
        uv_idle_start(&t->more, on_more);
    else
        uv_idle_stop(&t->more);
}

static void on_more(uv_idle_t *idle)
{
    read_files(idle->data);
}

static void on_retry(uv_timer_t *timer)
{
    read_files(timer->data);
}

static void on_poll(uv_timer_t *timer)
{
    struct tail *t = timer->data;
    tail_scan(t);
    read_files(t);
}

static void on_notified(uv_poll_t *poll, int status, int events)
{
    struct tail *t = poll->data;
    char buffer[16 << 10] __attribute__((aligned(__alignof__(struct inotify_event))));
    bool names_changed = false;
    ssize_t n;
    (void)events;
    while (status == 0 && (n = read(t->inotify_fd, buffer, sizeof buffer)) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *e = (const struct inotify_event *)(buffer + at);
            names_changed = names_changed || (e->mask & (WATCH_NAMES | IN_Q_OVERFLOW | IN_IGNORED)) != 0;
            if (e->mask & (IN_IGNORED | IN_Q_OVERFLOW))
                map_clear(&t->watched); /* a folder went away: watch anew what is there */
            at += (ssize_t)(sizeof *e + e->len);
        }
    if (names_changed)
        tail_scan(t);
    read_files(t);
}

/* ---- the plug-in ---- */

static void load_cursors(struct tail *t)
{
    const struct input_settings *s = &t->in->settings;
    t->known = NEW_ARRAY(struct tail_position, s->cursor_count + 1);
    for (size_t i = 0; i < s->cursor_count; i++) {
        struct tail_position *p = &t->known[t->known_count];
        if (!tail_position_parse(s->cursors[i], p))
            continue;
        p->path = arena_str(&t->arena, p->path);
        t->known_count++;
    }
    t->in->settings.cursors = NULL; /* the caller's, not kept */
    t->in->settings.cursor_count = 0;
}

static void fill_settings(struct input_settings *s)
{
    s->poll_ms = s->poll_ms ? s->poll_ms : DEFAULT_POLL_MS;
    s->rotated_wait_ms = s->rotated_wait_ms ? s->rotated_wait_ms : DEFAULT_ROTATED_WAIT_MS;
    s->max_files = s->max_files ? s->max_files : DEFAULT_FILES;
}

static bool tail_open(struct input *in, struct error *err)
{
    struct tail *t = in->state = NEW(struct tail);
    t->in = in;
    fill_settings(&in->settings);
    arena_init(&t->arena, 4096);
    t->buffer_bytes =
        in->settings.max_message_bytes + 2 > MIN_BUFFER ? in->settings.max_message_bytes + 2 : MIN_BUFFER;
    t->buffer = memory_alloc(t->buffer_bytes);
    t->patterns = NEW_ARRAY(char *, in->settings.pattern_count + 1);
    for (; t->pattern_count < in->settings.pattern_count; t->pattern_count++)
        t->patterns[t->pattern_count] = memory_strdup(in->settings.patterns[t->pattern_count]);
    in->settings.patterns = NULL;
    load_cursors(t);
    uv_timer_init(in->loop, &t->poll);
    uv_timer_init(in->loop, &t->retry);
    uv_idle_init(in->loop, &t->more);
    t->poll.data = t->retry.data = t->more.data = t->notified.data = t;
    t->inotify_fd = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
    if (t->inotify_fd >= 0 && uv_poll_init(in->loop, &t->notified, t->inotify_fd) != 0)
        BUG("an inotify descriptor cannot be polled");
    if (t->pattern_count == 0)
        return error_set(err,
                         tr("input %s: no file patterns are given",
                            "入力 %s: ファイルのパターンがありません"),
                         in->settings.name);
    return true;
}

static bool tail_start(struct input *in, struct error *err)
{
    struct tail *t = in->state;
    (void)err;
    uv_timer_start(&t->poll, on_poll, 0, in->settings.poll_ms);
    if (t->inotify_fd >= 0)
        uv_poll_start(&t->notified, UV_READABLE, on_notified);
    return true;
}

static void tail_room(struct input *in)
{
    struct tail *t = in->state;
    if (t->waiting.submission)
        read_files(t);
}

static void tail_stop(struct input *in)
{
    struct tail *t = in->state;
    uv_close((uv_handle_t *)&t->poll, NULL);
    uv_close((uv_handle_t *)&t->retry, NULL);
    uv_close((uv_handle_t *)&t->more, NULL);
    if (t->inotify_fd >= 0)
        uv_close((uv_handle_t *)&t->notified, NULL);
}

/* What is not taken is read again at the next start: its cursor never became safe. */
static bool tail_drain(struct input *in, bool gives_up)
{
    struct tail *t = in->state;
    if (!t->waiting.submission || hand_over(t, t->waiting))
        return true;
    if (gives_up) {
        batch_free(t->waiting.submission->batch);
        t->waiting.submission = NULL;
    }
    return false;
}

static void tail_close(struct input *in)
{
    struct tail *t = in->state;
    for (size_t i = 0; i < t->count; i++)
        tail_file_free(t->files[i]);
    for (size_t i = 0; i < t->pattern_count; i++)
        memory_free(t->patterns[i]);
    if (t->waiting.submission)
        batch_free(t->waiting.submission->batch);
    if (t->inotify_fd >= 0)
        close(t->inotify_fd);
    map_free(&t->watched);
    memory_free(t->known);
    memory_free(t->files);
    memory_free(t->patterns);
    memory_free(t->buffer);
    arena_free(&t->arena);
    memory_free(t);
}

const struct input_type input_tail = {
    .name = "tail",
    .transport = TRANSPORT_TAIL,
    .open = tail_open,
    .start = tail_start,
    .room = tail_room,
    .stop = tail_stop,
    .drain = tail_drain,
    .close = tail_close,
};
