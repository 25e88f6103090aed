/* store stage: the life of the event plane: opening (catalogue_check.c), the writer (writer.c), the keeper
 * thread that merges (merge.c) and drops (retention.c), closing. Reading is in store_query.c. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "store/catalogue_check.h"
#include "store/store_internal.h"

enum { ROWS_PER_PART = 122880, MERGED_ROWS = 1 << 20, KEEPER_MS = 1000, KEEPER_RETRY_MS = 60000 };
#define MERGED_BYTES ((uint64_t)128 << 20)
#define PART_BYTES   ((size_t)128 << 20)
#define QUERY_BYTES  ((size_t)512 * 1000 * 1000)

static void set_defaults(struct store_config *c)
{
    c->rows_per_part = c->rows_per_part ? c->rows_per_part : ROWS_PER_PART;
    c->seal_after_ms = c->seal_after_ms ? c->seal_after_ms : 10000;
    c->part_bytes = c->part_bytes ? c->part_bytes : PART_BYTES;
    c->part_bytes = c->part_bytes > (size_t)1 << 30 ? (size_t)1 << 30 : c->part_bytes;
    c->waiting_batches = c->waiting_batches ? c->waiting_batches : 64;
    c->zstd_level = c->zstd_level ? c->zstd_level : 1;
    c->query_memory_bytes = c->query_memory_bytes ? c->query_memory_bytes : QUERY_BYTES;
    c->query_threads = c->query_threads ? c->query_threads : 2;
}

static struct store *store_new(const struct store_config *config, struct error *err)
{
    struct buf folder = {0};
    char real[PATH_MAX];
    buf_printf(&folder, "%s/events", config->data_dir);
    struct store *s = NEW(struct store);
    s->config = *config;
    s->lock_fd = -1;
    pthread_mutex_init(&s->reload_lock, NULL);
    pthread_mutex_init(&s->keeper_lock, NULL);
    pthread_cond_init(&s->keeper_wakes, NULL);
    set_defaults(&s->config);
    bool ok = !config->state || file_make_folders(buf_cstr(&folder), 0750, err);
    if (ok && !realpath(buf_cstr(&folder), real))
        ok = error_errno(err, tr("there are no events in %s", "%s にイベントがありません"), config->data_dir);
    buf_free(&folder);
    if (!ok) {
        store_close(s);
        return NULL;
    }
    s->data_dir = memory_strdup(config->data_dir);
    s->events_folder = memory_strdup(real);
    s->reader = duckdb_reader_new(real, s->config.query_memory_bytes, s->config.query_threads);
    s->rows = row_reader_new(0);
    return s;
}

/* Two writers would delete each other's files. */
static bool lock_folder(struct store *s, struct error *err)
{
    struct buf path = {0};
    buf_printf(&path, "%s/.lock", s->events_folder);
    s->lock_fd = open(buf_cstr(&path), O_RDWR | O_CREAT | O_CLOEXEC, 0640);
    bool ok = s->lock_fd >= 0 || error_errno(err, tr("cannot open %s", "%s を開けません"), buf_cstr(&path));
    if (ok && flock(s->lock_fd, LOCK_EX | LOCK_NB) != 0)
        ok = error_set(err,
                       tr("%s is in use by another hyakuyo; stop it first",
                          "%s は別の hyakuyo が使用中です。先に停止してください"),
                       s->data_dir);
    buf_free(&path);
    return ok;
}

static bool load_catalogue(struct store *s, uint64_t *stored_through, struct error *err)
{
    struct part_list parts = {0};
    struct catalogue_check check;
    bool is_new;
    struct sqlite3 *db = state_lock(s->state);
    bool ok = state_parts_prepare(db, &is_new, err) && state_parts_stored_through(db, stored_through, err) &&
              state_parts_load(db, s->events_folder, &parts, err);
    state_unlock(s->state);
    ok = ok && catalogue_check_folder(s->events_folder, *stored_through, is_new && !parts.count, &parts,
                                      &check, err);
    if (ok) {
        s->parts_missing = check.missing;
        s->catalogue = catalogue_new(&parts);
    }
    part_list_free(&parts);
    return ok;
}

/* ---- keeper ---- */

static bool merge_all(struct store *s, struct error *err)
{
    struct merge_config m = {
        .events_folder = s->events_folder,
        .state = s->state,
        .catalogue = s->catalogue,
        .reader = s->reader,
        .rows_per_group = ROWS_PER_PART,
        .max_rows = MERGED_ROWS,
        .max_bytes = MERGED_BYTES,
        .zstd_level = s->config.zstd_level > 3 ? s->config.zstd_level : 3,
        .is_cancelled = &s->is_closing,
    };
    uint32_t merged = 1;
    while (merged && !atomic_load(&s->is_closing)) {
        if (!merge_step(&m, clock_wall_ns(), &merged, err))
            return atomic_load(&s->is_closing);
        atomic_fetch_add(&s->merged_parts, merged);
    }
    return true;
}

static bool drop_old(struct store *s, struct error *err)
{
    struct retention_config r = {s->state, s->catalogue, s->config.retention_days, s->config.retention_bytes};
    struct retention_result dropped = {0};
    if (!r.days && !r.max_bytes)
        return true;
    bool ok = retention_step(&r, clock_wall_ns(), &dropped, err);
    atomic_fetch_add(&s->dropped_parts, dropped.parts);
    atomic_fetch_add(&s->dropped_rows, dropped.rows);
    return ok;
}

static void keeper_sleep(struct store *s, unsigned ms)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    pthread_mutex_lock(&s->keeper_lock);
    if (!atomic_load(&s->is_closing))
        pthread_cond_timedwait(&s->keeper_wakes, &s->keeper_lock, &until);
    pthread_mutex_unlock(&s->keeper_lock);
}

static void *keep(void *context)
{
    struct store *s = context;
    struct error err = {.text = ""};
    setpriority(PRIO_PROCESS, (id_t)gettid(), 10); /* of this thread only: tidying up can wait */
    while (!atomic_load(&s->is_closing)) {
        bool ok = drop_old(s, &err) && (s->config.is_merging_off || merge_all(s, &err));
        if (!ok)
            log_warning(tr("Event files could not be tidied up; tried again in a minute: %s",
                           "イベントファイルの整理に失敗しました。1分後に再試行します: %s"),
                        err.text);
        keeper_sleep(s, ok ? KEEPER_MS : KEEPER_RETRY_MS);
    }
    return NULL;
}

/* ---- opening and closing ---- */

struct store *store_open(const struct store_config *config, struct error *err)
{
    uint64_t stored_through = 0;
    BUG_IF(!config->state);
    struct store *s = store_new(config, err);
    if (!s)
        return NULL;
    s->state = config->state;
    if (!lock_folder(s, err) || !load_catalogue(s, &stored_through, err)) {
        store_close(s);
        return NULL;
    }
    struct writer_config w = {
        .events_folder = s->events_folder,
        .state = s->state,
        .rows_per_part = s->config.rows_per_part,
        .seal_after_ms = s->config.seal_after_ms,
        .part_bytes = s->config.part_bytes,
        .waiting_batches = s->config.waiting_batches,
        .zstd_level = s->config.zstd_level,
        .prepare = s->config.prepare,
        .commit = s->config.commit,
        .on_stored = s->config.on_stored,
        .context = s->config.context,
    };
    s->writer = writer_new(&w, s->catalogue, stored_through);
    BUG_IF(pthread_create(&s->keeper, NULL, keep, s) != 0);
    pthread_setname_np(s->keeper, "keeper");
    s->has_keeper = true;
    return s;
}

struct store *store_open_readonly(const char *data_dir, struct error *err)
{
    struct store_config config = {.data_dir = data_dir};
    struct store *s = store_new(&config, err);
    if (!s)
        return NULL;
    struct buf path = {0};
    buf_printf(&path, "%s/state.db", data_dir);
    s->readonly_db = state_parts_open_readonly(buf_cstr(&path), err);
    buf_free(&path);
    if (s->readonly_db && store_reload(s, err))
        return s;
    store_close(s);
    return NULL;
}

bool store_reload(struct store *s, struct error *err)
{
    struct part_list parts = {0};
    bool ok = state_parts_load(s->readonly_db, s->events_folder, &parts, err);
    if (ok) {
        struct catalogue *fresh = catalogue_new(&parts);
        pthread_mutex_lock(&s->reload_lock);
        struct catalogue *old = s->catalogue;
        s->catalogue = fresh;
        pthread_mutex_unlock(&s->reload_lock);
        catalogue_free(old);
    }
    part_list_free(&parts);
    return ok;
}

void store_close(struct store *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->keeper_lock);
    atomic_store(&s->is_closing, true);
    pthread_cond_signal(&s->keeper_wakes);
    pthread_mutex_unlock(&s->keeper_lock);
    if (s->has_keeper)
        pthread_join(s->keeper, NULL);
    writer_close(s->writer);
    duckdb_reader_free(s->reader);
    row_reader_free(s->rows);
    catalogue_free(s->catalogue);
    state_parts_close(s->readonly_db);
    if (s->lock_fd >= 0)
        close(s->lock_fd);
    pthread_mutex_destroy(&s->reload_lock);
    pthread_mutex_destroy(&s->keeper_lock);
    pthread_cond_destroy(&s->keeper_wakes);
    memory_free(s->data_dir);
    memory_free(s->events_folder);
    memory_free(s);
}

/* ---- writing ---- */

uint64_t store_stored_through(struct store *s)
{
    struct writer_status w;
    writer_status(s->writer, &w);
    return w.stored_through;
}

bool store_put(struct store *s, struct batch *batch)
{
    return writer_put(s->writer, batch);
}

void store_leave(struct store *s)
{
    writer_leave(s->writer);
}

void store_skip(struct store *s, uint64_t first, uint64_t last)
{
    writer_skip(s->writer, first, last);
}

bool store_flush(struct store *s, unsigned timeout_ms)
{
    return writer_flush(s->writer, timeout_ms);
}

void store_status(struct store *s, struct store_status *out)
{
    *out = (struct store_status){.parts_missing = s->parts_missing,
                                 .merged_parts = atomic_load(&s->merged_parts),
                                 .dropped_parts = atomic_load(&s->dropped_parts),
                                 .dropped_rows = atomic_load(&s->dropped_rows)};
    pthread_mutex_lock(&s->reload_lock);
    struct catalogue_totals t = catalogue_totals(s->catalogue);
    pthread_mutex_unlock(&s->reload_lock);
    out->parts = t.parts;
    out->rows = t.rows;
    out->bytes = t.bytes;
    out->open_rows = t.open_rows;
    if (!s->writer)
        return;
    struct writer_status w;
    writer_status(s->writer, &w);
    out->stored_through = w.stored_through;
    out->next_sequence = w.next_sequence;
    out->events = w.events;
    out->waiting = w.waiting;
    out->sealing = w.sealing;
    out->is_stuck = w.is_stuck;
    snprintf(out->problem, sizeof out->problem, "%s", w.problem);
}
