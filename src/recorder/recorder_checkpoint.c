/* Checkpoints of the running record: when one is due, and the entry that names it. Next: record/checkpoint.c
 * signs and writes the line. */
#include <stdio.h>

#include "base/sha256.h"
#include "recorder/recorder_internal.h"
#include "store/state_record.h"

#define CHECKPOINT_NS      (15 * 60 * NS_PER_SECOND)
#define CHECKPOINT_ENTRIES 1000

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
    /* A checkpoint must not outlive its entries in a power cut: the desk commits without waiting for the disk
     */
    if (!state_sync(r->state, err) || !state_record_parts(r->state, arena, &parts, err))
        return false;
    struct sha256 *h = sha256_new();
    sha256_add(h, parts);
    sha256_end(h, c.parts.bytes);
    recorder_take_hash(&c.head, head->entry_hash);
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
