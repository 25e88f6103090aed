/* The front of the response record: gives an entry its place in the chain and stores it with what it changes.
 * All between begin and commit is guarded by the state's lock, the pending changes too. Next: record/entry.c
 * makes the hashes, store/state_record.c the rows. */
#include "recorder.h"

#include <pthread.h>
#include <sodium.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "record/checkpoint.h"
#include "store/state_record.h"

#define CHECKPOINT_NS      (15 * 60 * NS_PER_SECOND)
#define CHECKPOINT_ENTRIES 1000

struct recorder {
    struct state *state;
    const struct zone *zone;
    char criteria[2 * RECORD_HASH_BYTES + 1];
    struct arena pending; /* texts of the changes */
    struct buf changes;   /* struct record_change_row */
    const char *data_dir; /* NULL: no checkpoints */
    struct record_key key;
    pthread_mutex_t checkpoint_lock;
    uint64_t checkpoint_seq;
    int64_t checkpoint_ns; /* monotonic */
};

struct recorder *recorder_new(struct state *state)
{
    struct recorder *r = NEW(struct recorder);
    BUG_IF(sodium_init() < 0);
    r->state = state;
    r->zone = zone_find(STR("local"));
    arena_init(&r->pending, 2048);
    pthread_mutex_init(&r->checkpoint_lock, NULL);
    return r;
}

void recorder_free(struct recorder *r)
{
    if (r == NULL)
        return;
    arena_free(&r->pending);
    buf_free(&r->changes);
    pthread_mutex_destroy(&r->checkpoint_lock);
    sodium_memzero(&r->key, sizeof r->key);
    memory_free(r);
}

void recorder_set_criteria(struct recorder *r, struct str version)
{
    state_lock(r->state);
    snprintf(r->criteria, sizeof r->criteria, "%.*s", STR_ARGS(version));
    state_unlock(r->state);
}

/* ------------------------------------------------------------- transaction */

static void forget_changes(struct recorder *r)
{
    buf_clear(&r->changes);
    arena_reset(&r->pending);
}

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

static void take_hash(struct record_hash *out, struct str bytes)
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
    take_hash(&e->prev_hash, last.entry_hash);
    take_hash(&e->incident_prev_hash, last_of_incident.entry_hash);
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

static void attach_changes(const struct recorder *r, struct record_entry *e, struct arena *arena)
{
    const struct record_change_row *rows = (const void *)r->changes.p;
    e->change_count = (uint32_t)(r->changes.n / sizeof *rows);
    struct record_change *changes = ARENA_ARRAY(arena, struct record_change, e->change_count + 1);
    for (uint32_t i = 0; i < e->change_count; i++)
        changes[i] = (struct record_change){rows[i].table, rows[i].field, rows[i].old_value,
                                            rows[i].new_value, rows[i].id};
    e->changes = changes;
}

bool recorder_append(struct recorder *r, const struct deed *d, struct error *err)
{
    struct arena arena;
    struct record_entry e;
    unsigned char salt[RECORD_SALT_BYTES];
    arena_init(&arena, 4096);
    fill(r, d, &e, &arena);
    attach_changes(r, &e, &arena);
    randombytes_buf(salt, sizeof salt);
    e.salt = str_n((const char *)salt, sizeof salt);
    bool ok = find_place(r, &e, &arena, err);
    if (ok) {
        record_seal(&e);
        struct record_row row = row_of(&e);
        ok = state_record_add(r->state, &row, (const void *)r->changes.p, e.change_count, err);
    }
    forget_changes(r);
    arena_free(&arena);
    return ok;
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

/* ------------------------------------------------------------- checkpoints */

bool recorder_sign(struct recorder *r, const char *data_dir, struct error *err)
{
    r->data_dir = data_dir;
    return record_key_load(data_dir, &r->key, err);
}

/* The entry that names a checkpoint comes after it: a checkpoint that is gone is missed. */
static bool note_checkpoint(struct recorder *r, const struct record_checkpoint *c, struct error *err)
{
    char hash[2 * RECORD_HASH_BYTES + 1], key[2 * RECORD_HASH_BYTES + 1], target[40], evidence[200];
    record_hash_text(&c->line_hash, hash);
    record_hash_text(&c->key, key);
    snprintf(target, sizeof target, "checkpoint/%llu", (unsigned long long)c->number);
    snprintf(evidence, sizeof evidence, "sha256:%s;key:%s", hash, key);
    return recorder_note(r,
                         &(struct deed){.action = "observe",
                                        .actor = STR("hyakuyo"),
                                        .target = str_c(target),
                                        .evidence = str_c(evidence)},
                         err);
}

static bool write_checkpoint(struct recorder *r, const struct record_row *head, struct arena *arena,
                             struct error *err)
{
    struct record_checkpoint c = {.entries = head->seq, .time_ns = clock_wall_ns()};
    struct str parts;
    if (!state_record_parts(r->state, arena, &parts, err))
        return false;
    struct sha256 *h = sha256_new();
    sha256_add(h, parts);
    sha256_end(h, c.parts.bytes);
    take_hash(&c.head, head->entry_hash);
    if (!record_checkpoint_append(r->data_dir, &r->key, &c, err) || !note_checkpoint(r, &c, err))
        return false;
    r->checkpoint_seq = head->seq + 1;
    r->checkpoint_ns = clock_monotonic_ns();
    return true;
}

bool recorder_checkpoint(struct recorder *r, bool now, struct error *err)
{
    struct arena arena;
    struct record_row head;
    if (r->data_dir == NULL)
        return true;
    pthread_mutex_lock(&r->checkpoint_lock);
    arena_init(&arena, 16 << 10);
    bool ok = state_record_head(r->state, 0, &arena, &head, err);
    bool is_due =
        head.seq > r->checkpoint_seq && (now || head.seq - r->checkpoint_seq >= CHECKPOINT_ENTRIES ||
                                         clock_monotonic_ns() - r->checkpoint_ns > CHECKPOINT_NS);
    ok = ok && (!is_due || write_checkpoint(r, &head, &arena, err));
    arena_free(&arena);
    pthread_mutex_unlock(&r->checkpoint_lock);
    return ok;
}
