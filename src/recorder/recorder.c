/* The front of the response record: gives an entry its place in the chain and stores it with what it changes.
 * All between begin and commit is guarded by the state's lock, the pending changes too. Next: record/entry.c
 * makes the hashes, store/state_record.c the rows. */
#include <sodium.h>
#include <stdio.h>

#include "base/log.h"
#include "base/memory.h"
#include "recorder/recorder_changes.h"
#include "recorder/recorder_internal.h"

static void forget_changes(struct recorder *r)
{
    buf_clear(&r->changes);
    arena_reset(&r->pending);
    randombytes_buf(r->salt, sizeof r->salt);
}

static struct recorder_act *act_of(const struct recorder *r)
{
    return pthread_getspecific(r->acting);
}

/* A transaction is about to be committed with changes that nobody named: whoever this thread acts for did
 * them, or the program by itself. */
static bool record_unnamed(void *context, struct error *err)
{
    struct recorder *r = context;
    const struct recorder_act *act = act_of(r);
    struct deed by_itself = {.action = "observe", .actor = STR("hyakuyo")};
    forget_changes(r);
    return recorder_append(r, act ? &act->deed : &by_itself, err);
}

struct recorder *recorder_new(struct state *state, struct error *err)
{
    struct recorder *r = NEW(struct recorder);
    BUG_IF(sodium_init() < 0);
    r->state = state;
    r->zone = zone_find(STR("local"));
    arena_init(&r->pending, 2048);
    forget_changes(r);
    pthread_mutex_init(&r->checkpoint_lock, NULL);
    BUG_IF(pthread_key_create(&r->acting, NULL) != 0);
    if (state_capture_arm(state, record_unnamed, r, err))
        return r;
    recorder_free(r);
    return NULL;
}

void recorder_free(struct recorder *r)
{
    if (r == NULL)
        return;
    state_capture_disarm(r->state);
    arena_free(&r->pending);
    buf_free(&r->changes);
    pthread_key_delete(r->acting);
    pthread_mutex_destroy(&r->checkpoint_lock);
    sodium_memzero(&r->key, sizeof r->key);
    memory_free(r);
}

void recorder_enter(struct recorder *r, struct recorder_act *act)
{
    BUG_IF(act_of(r) != NULL);
    act->entries = 0;
    pthread_setspecific(r->acting, act);
}

void recorder_leave(struct recorder *r)
{
    pthread_setspecific(r->acting, NULL);
}

bool recorder_waits(struct recorder *r)
{
    return r->changes.n > 0 || state_capture_waits(r->state);
}

void recorder_set_criteria(struct recorder *r, struct str version)
{
    state_lock(r->state);
    snprintf(r->criteria, sizeof r->criteria, "%.*s", STR_ARGS(version));
    state_unlock(r->state);
}

/* ------------------------------------------------------------- transaction */

bool recorder_begin(struct recorder *r, struct error *err)
{
    if (!state_begin(r->state, err))
        return false;
    forget_changes(r);
    return true;
}

void recorder_change(struct recorder *r, const char *table, uint64_t id, const char *field, struct str old,
                     struct str new_value)
{
    struct record_change_row c = {arena_str(&r->pending, str_c(table)), arena_str(&r->pending, str_c(field)),
                                  arena_str(&r->pending, old), arena_str(&r->pending, new_value), id};
    buf_bytes(&r->changes, &c, sizeof c);
}

void recorder_take_row(struct recorder *r, const struct captured_row *row)
{
    recorder_changes_of(row, str_n((const char *)r->salt, sizeof r->salt), &r->pending, &r->changes);
}

void recorder_rollback(struct recorder *r)
{
    forget_changes(r);
    state_rollback(r->state);
}

/* --------------------------------------------------------------- one entry */

static struct str utc_offset(const struct recorder *r, int64_t time_ns, struct arena *arena)
{
    int seconds = r->zone ? zone_offset_at_utc(r->zone, time_ns / NS_PER_SECOND) : 0;
    int minutes = abs(seconds) / 60;
    return arena_printf(arena, "%c%02d:%02d", seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

void recorder_take_hash(struct record_hash *out, struct str bytes)
{
    if (bytes.n == RECORD_HASH_BYTES)
        memcpy(out->bytes, bytes.p, RECORD_HASH_BYTES);
}

static bool find_place(struct recorder *r, struct record_entry *e, struct arena *arena, struct error *err)
{
    struct record_row last, last_of_incident = {0};
    if (!state_record_head(r->state, 0, arena, &last, err) ||
        (e->incident && !state_record_head(r->state, e->incident, arena, &last_of_incident, err)))
        return false;
    e->seq = last.seq + 1;
    e->clock_back_ns = last.seq && e->recorded_ns < last.recorded_ns ? last.recorded_ns - e->recorded_ns : 0;
    e->incident_seq = e->incident ? last_of_incident.incident_seq + 1 : 0;
    recorder_take_hash(&e->prev_hash, last.entry_hash);
    recorder_take_hash(&e->incident_prev_hash, last_of_incident.entry_hash);
    return true;
}

static void fill(const struct recorder *r, const struct deed *d, struct record_entry *e, struct arena *arena)
{
    int64_t now_ns = clock_wall_ns();
    *e = (struct record_entry){.recorded_ns = now_ns,
                               .event_ns =
                                   d->event_ns == TIME_UNKNOWN || d->event_ns == 0 ? now_ns : d->event_ns,
                               .tz = utc_offset(r, now_ns, arena),
                               .action = str_c(d->action),
                               .actor = d->actor,
                               .role = d->role,
                               .on_behalf = d->on_behalf,
                               .target = d->target,
                               .instructed_by = d->instructed_by,
                               .approved_by = d->approved_by,
                               .reported_to = d->reported_to,
                               .evidence = d->evidence,
                               .criteria_version =
                                   d->criteria_version.n ? d->criteria_version : str_c(r->criteria),
                               .incident = d->incident,
                               .text = d->text};
    BUG_IF(!record_is_action(e->action));
}

static struct str hash_bytes(const struct record_hash *h)
{
    return str_n((const char *)h->bytes, RECORD_HASH_BYTES);
}

static struct record_row row_of(const struct record_entry *e)
{
    return (struct record_row){e->seq,
                               e->incident,
                               e->incident_seq,
                               e->recorded_ns,
                               e->event_ns,
                               e->clock_back_ns,
                               e->tz,
                               e->action,
                               e->actor,
                               e->role,
                               e->on_behalf,
                               e->target,
                               e->instructed_by,
                               e->approved_by,
                               e->reported_to,
                               e->evidence,
                               e->criteria_version,
                               hash_bytes(&e->prev_hash),
                               hash_bytes(&e->incident_prev_hash),
                               hash_bytes(&e->changes_hash),
                               hash_bytes(&e->payload_hash),
                               hash_bytes(&e->entry_hash),
                               e->salt,
                               e->text,
                               false};
}

/* What was named, then what was seen. */
static bool gather_changes(struct recorder *r, struct record_entry *e, struct arena *arena, struct buf *rows,
                           struct error *err)
{
    struct captured_row *seen;
    uint32_t count;
    if (!state_capture_take(r->state, arena, &seen, &count, err))
        return false;
    buf_add(rows, buf_str(&r->changes));
    for (uint32_t i = 0; i < count; i++)
        recorder_changes_of(&seen[i], e->salt, arena, rows);
    const struct record_change_row *all = (const void *)rows->p;
    e->change_count = (uint32_t)(rows->n / sizeof *all);
    struct record_change *changes = ARENA_ARRAY(arena, struct record_change, e->change_count + 1);
    for (uint32_t i = 0; i < e->change_count; i++)
        changes[i] =
            (struct record_change){all[i].table, all[i].field, all[i].old_value, all[i].new_value, all[i].id};
    e->changes = changes;
    if (e->target.n == 0 && e->change_count)
        e->target = arena_printf(arena, "%.*s/%llu", STR_ARGS(all[0].table), (unsigned long long)all[0].id);
    return true;
}

static bool write_entry(struct recorder *r, struct record_entry *e, struct arena *arena, struct error *err)
{
    struct buf rows = {0};
    bool ok = gather_changes(r, e, arena, &rows, err) && find_place(r, e, arena, err);
    if (ok) {
        record_seal(e);
        struct record_row row = row_of(e);
        ok = state_record_add(r->state, &row, (const void *)rows.p, e->change_count, err);
    }
    buf_free(&rows);
    return ok;
}

bool recorder_append(struct recorder *r, const struct deed *d, struct error *err)
{
    struct arena arena;
    struct record_entry e;
    struct recorder_act *act = act_of(r);
    arena_init(&arena, 4096);
    fill(r, d, &e, &arena);
    e.salt = str_n((const char *)r->salt, sizeof r->salt);
    bool ok = write_entry(r, &e, &arena, err);
    if (act != NULL)
        act->entries += ok;
    forget_changes(r);
    arena_free(&arena);
    return ok;
}

struct deed recorder_deed(const struct recorder *r, const struct deed *fallback)
{
    const struct recorder_act *act = act_of(r);
    return act ? act->deed : *fallback;
}

bool recorder_commit_act(struct recorder *r, const struct deed *fallback, struct error *err)
{
    struct deed deed = recorder_deed(r, fallback);
    return recorder_commit(r, &deed, err);
}

bool recorder_commit(struct recorder *r, const struct deed *d, struct error *err)
{
    if (recorder_append(r, d, err))
        return state_commit(r->state, err);
    recorder_rollback(r);
    return false;
}

bool recorder_note(struct recorder *r, const struct deed *d, struct error *err)
{
    return recorder_begin(r, err) && recorder_commit(r, d, err);
}

bool recorder_erase(struct recorder *r, uint64_t seq, struct str who, struct str role, struct str reason,
                    struct error *err)
{
    char target[40];
    snprintf(target, sizeof target, "record/%llu", (unsigned long long)seq);
    struct deed d = {
        .action = "correct", .actor = who, .role = role, .target = str_c(target), .text = reason};
    if (!recorder_begin(r, err))
        return false;
    if (recorder_append(r, &d, err) && state_record_erase(r->state, seq, err))
        return state_commit(r->state, err);
    recorder_rollback(r);
    return false;
}
