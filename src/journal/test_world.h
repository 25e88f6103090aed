/* For the journal's tests: a folder, a sink that checks order, and submissions that say what became of them.
 */
#ifndef JOURNAL_TEST_WORLD_H
#define JOURNAL_TEST_WORLD_H

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/memory.h"
#include "journal/journal.h"

#define WORLD_RECORDS 20000

struct world {
    char folder[64];
    _Atomic uint64_t seen;              /* records in the sink */
    _Atomic uint64_t last;              /* sequence number of the last */
    unsigned char times[WORLD_RECORDS]; /* how often each number, written in the text, was seen */
    _Atomic uint64_t safe, refused;     /* submissions */
    _Atomic uint64_t safe_through;      /* record numbers, not sequence numbers */
    uint64_t gap_first, gap_last, gaps, marks, last_mark;
    char last_cursor[64];
    atomic_bool is_blocked;
};

static inline void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    memcpy(w->folder, "/tmp/hyakuyo-journal-XXXXXX", sizeof "/tmp/hyakuyo-journal-XXXXXX");
    assert_non_null(mkdtemp(w->folder));
}

static inline void world_end(struct world *w)
{
    DIR *d = opendir(w->folder);
    for (struct dirent *e; d && (e = readdir(d)) != NULL;)
        (void)unlinkat(dirfd(d), e->d_name, 0);
    if (d)
        closedir(d);
    (void)rmdir(w->folder);
}

static inline void pause_ms(int ms)
{
    nanosleep(&(struct timespec){.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000}, NULL);
}

static inline bool world_sink(void *context, struct batch *b)
{
    struct world *w = context;
    while (atomic_load(&w->is_blocked))
        pause_ms(1);
    assert_int_equal(b->last_sequence - b->first_sequence + 1, b->count);
    for (uint32_t i = 0; i < b->count; i++) {
        uint64_t number;
        assert_true(str_to_u64(str_slice(b->records[i].raw, 0, 8), 10, &number));
        assert_true(b->records[i].sequence > w->last);
        w->last = b->records[i].sequence;
        w->times[number]++;
        atomic_fetch_add(&w->seen, 1);
    }
    batch_free(b);
    return true;
}

static inline void world_mark(void *context, const struct journal_mark *m)
{
    struct world *w = context;
    w->marks++;
    w->last_mark = m->last_sequence;
    snprintf(w->last_cursor, sizeof w->last_cursor, "%.*s", STR_ARGS(m->cursor));
}

static inline void world_gap(void *context, uint64_t first, uint64_t last)
{
    struct world *w = context;
    w->gaps++;
    w->gap_first = first;
    w->gap_last = last;
}

static inline void world_done(void *context, const struct submission *s, enum submission_result result,
                              uint64_t first, uint64_t last)
{
    struct world *w = context;
    (void)first;
    (void)last;
    if (result == SUBMISSION_SAFE) {
        uint64_t number;
        str_to_u64(str_slice(s->batch->records[s->batch->count - 1].raw, 0, 8), 10, &number);
        w->safe_through = number;
        atomic_fetch_add(&w->safe, 1);
    } else {
        atomic_fetch_add(&w->refused, 1);
    }
}

static inline struct journal *world_open(struct world *w, struct journal_options o, uint64_t stored_through,
                                         struct journal_recovery *report)
{
    struct error err = {.text = ""};
    const struct journal_callbacks callbacks = {.context = w,
                                                .sink = world_sink,
                                                .mark = world_mark,
                                                .gap = world_gap};
    o.folder = w->folder;
    w->last = stored_through;
    struct journal *j = journal_open(&o, stored_through, &callbacks, report, &err);
    if (!j)
        fail_msg("%s", err.text);
    return j;
}

/* Records first … last, each with its number as text and `padding` bytes. */
static inline struct submission *world_submission(struct world *w, uint64_t first, uint64_t last,
                                                  size_t padding)
{
    struct batch *b = batch_new(4);
    struct buf text = {0};
    for (uint64_t n = first; n <= last; n++) {
        buf_clear(&text);
        buf_printf(&text, "%08llu", (unsigned long long)n);
        memset(buf_reserve(&text, padding), '.', padding);
        text.n += padding;
        batch_add(b, buf_str(&text), STR("192.0.2.1"));
    }
    buf_free(&text);
    struct submission *s = submission_new(b);
    s->cursor = arena_printf(&b->arena, "at %llu", (unsigned long long)last);
    s->done = world_done;
    s->context = w;
    return s;
}

static inline void world_submit(struct journal *j, struct submission *s)
{
    for (int i = 0; !journal_submit(j, s); i++) {
        assert_true(i < 5000);
        pause_ms(1);
    }
}

static inline void wait_until_equal(_Atomic uint64_t *value, uint64_t wanted)
{
    for (int i = 0; atomic_load(value) != wanted && i < 5000; i++)
        pause_ms(1);
    assert_int_equal(atomic_load(value), wanted);
}

/* Writes `frames` frames of `each` records and stops; returns the only segment's bytes. */
static inline void world_write(struct world *w, struct journal_options o, uint64_t frames, uint64_t each,
                               size_t padding)
{
    struct error err;
    struct journal *j = world_open(w, o, 0, NULL);
    assert_true(journal_start(j, &err));
    for (uint64_t f = 0; f < frames; f++)
        world_submit(j, world_submission(w, f * each + 1, (f + 1) * each, padding));
    wait_until_equal(&w->safe, frames);
    journal_free(j);
}

static inline void world_forget(struct world *w) /* what was seen so far, not the folder */
{
    char folder[sizeof w->folder];
    memcpy(folder, w->folder, sizeof folder);
    memset(w, 0, sizeof *w);
    memcpy(w->folder, folder, sizeof folder);
}

static inline void segment_file(const struct world *w, uint64_t first, char out[128])
{
    snprintf(out, 128, "%s/%020llu.journal", w->folder, (unsigned long long)first);
}

#endif
