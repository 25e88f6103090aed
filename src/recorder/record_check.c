/* The check of a response record, in the order in which doubts arise: is every entry what it was and in its
 * place (record/walk.c); do the signed checkpoints agree, and is none missing; is nothing cut off behind
 * them; is the state database what the record says. Next: command_verify.c prints it. */
#include "recorder/record_check.h"

#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/sha256.h"
#include "record/audit_log.h"
#include "record/timestamp.h"
#include "recorder/record_compare.h"
#include "recorder/record_seal.h"
#include "store/state_record.h"

#define PAGE                500
#define TIMESTAMP_MAX_BYTES (64 << 10)

struct run {
    struct record_check *check;
    struct record_checkpoint *checkpoints;
    uint32_t checkpoint_count;
    uint32_t next_checkpoint; /* the first that covers entries not walked yet */
    struct error checkpoint_error;
    bool checkpoints_are_bad;
    struct audit_check *audit;
    bool audit_is_bad; /* what follows hangs on the first line that is wrong */
};

static void report(struct run *r, uint64_t seq, const char *why)
{
    r->check->bad++;
    r->check->found(r->check->context, seq, why);
}

/* ------------------------------------------------------------- checkpoints */

static bool same(const struct record_hash *a, const struct record_hash *b)
{
    return memcmp(a->bytes, b->bytes, RECORD_HASH_BYTES) == 0;
}

/* The entry that names checkpoint N: it must be in the file, and be the one that was written. */
static void check_named(struct run *r, const struct record_row *row)
{
    uint64_t number;
    char hash[2 * RECORD_HASH_BYTES + 1], key[2 * RECORD_HASH_BYTES + 1], wanted[200];
    if (!str_starts(row->target, STR("checkpoint/")) || !str_eq(row->actor, STR("hyakuyo")) ||
        !str_to_u64(str_skip(row->target, strlen("checkpoint/")), 10, &number))
        return;
    if (number == 0 || number > r->checkpoint_count) {
        report(r, row->seq,
               r->checkpoints_are_bad ? r->checkpoint_error.text
                                      : tr("the checkpoint that it names is missing",
                                           "この記録が指すチェックポイントがありません"));
        return;
    }
    const struct record_checkpoint *c = &r->checkpoints[number - 1];
    record_hash_text(&c->line_hash, hash);
    record_hash_text(&c->key, key);
    snprintf(wanted, sizeof wanted, "sha256:%s;key:%s", hash, key);
    if (!str_eq(row->evidence, str_c(wanted)))
        report(r, row->seq,
               tr("the checkpoint that it names was replaced",
                  "この記録が指すチェックポイントが置き換えられています"));
    else if (r->check->public_key && !same(&c->key, r->check->public_key))
        report(r, row->seq,
               tr("the checkpoint was signed with another key than the one given",
                  "チェックポイントは指定された鍵とは別の鍵で署名されています"));
}

static bool is_named(struct str evidence, struct str bytes)
{
    struct record_hash hash;
    char text[2 * RECORD_HASH_BYTES + 1], wanted[sizeof text + 8];
    struct sha256 *h = sha256_new();
    sha256_add(h, bytes);
    sha256_end(h, hash.bytes);
    record_hash_text(&hash, text);
    snprintf(wanted, sizeof wanted, "sha256:%s", text);
    return str_eq(evidence, str_c(wanted));
}

/* The entry that names the time stamp of checkpoint N: the file must be the one, and be about that line. */
static void check_timestamp(struct run *r, const struct record_row *row)
{
    uint64_t number;
    struct arena arena;
    struct buf token = {0};
    struct error why;
    struct record_timestamp t;
    if (!str_starts(row->target, STR("timestamp/")) ||
        !str_to_u64(str_skip(row->target, strlen("timestamp/")), 10, &number) || number == 0 ||
        number > r->checkpoint_count)
        return;
    r->check->timestamps++;
    arena_init(&arena, 4096);
    if (!file_read(record_timestamp_path(r->check->data_dir, number, &arena), TIMESTAMP_MAX_BYTES, &token,
                   &why) ||
        !record_timestamp_check(buf_str(&token), &r->checkpoints[number - 1].line_hash, r->check->tsa_ca, &t,
                                &why))
        report(r, row->seq, why.text);
    else if (!is_named(row->evidence, buf_str(&token)))
        report(r, row->seq,
               tr("the time stamp that it names was replaced",
                  "この記録が指すタイムスタンプが置き換えられています"));
    buf_free(&token);
    arena_free(&arena);
}

/* The server itself found at a start that something had been changed while it stood still. */
static void check_broken(struct run *r, const struct record_row *row)
{
    struct error why;
    if (!str_eq(row->target, STR(RECORD_SEAL_BROKEN)) || !str_eq(row->actor, STR("hyakuyo")))
        return;
    error_set(&why, tr("found at a start: %.*s", "起動時に検出: %.*s"), STR_ARGS(row->text));
    report(r, row->seq, why.text);
}

/* The entry that names how far the audit log went, and what its last line was. */
static void check_audit(struct run *r, const struct record_row *row)
{
    struct audit_mark mark;
    struct error why;
    if (r->audit_is_bad || !str_eq(row->target, STR("audit.log")) || !str_eq(row->actor, STR("hyakuyo")) ||
        !audit_mark_parse(row->evidence, &mark))
        return;
    r->audit_is_bad = !audit_check_to(r->audit, &mark, &why);
    if (r->audit_is_bad)
        report(r, row->seq, why.text);
}

static void check_covered(struct run *r, const struct record_entry *e)
{
    for (; r->next_checkpoint < r->checkpoint_count; r->next_checkpoint++) {
        const struct record_checkpoint *c = &r->checkpoints[r->next_checkpoint];
        if (c->entries > e->seq)
            return;
        if (c->entries == e->seq && !same(&c->head, &e->entry_hash))
            report(r, e->seq,
                   tr("it is not what the checkpoint signed", "チェックポイントが署名した記録と異なります"));
    }
}

/* -------------------------------------------------------------------- walk */

static void take_hash(struct record_hash *out, struct str bytes)
{
    if (bytes.n == RECORD_HASH_BYTES)
        memcpy(out->bytes, bytes.p, RECORD_HASH_BYTES);
}

static struct record_entry entry_of(const struct record_row *row)
{
    struct record_entry e = {.seq = row->seq,
                             .recorded_ns = row->recorded_ns,
                             .event_ns = row->event_ns,
                             .clock_back_ns = row->clock_back_ns,
                             .tz = row->tz,
                             .action = row->action,
                             .actor = row->actor,
                             .role = row->role,
                             .on_behalf = row->on_behalf,
                             .target = row->target,
                             .instructed_by = row->instructed_by,
                             .approved_by = row->approved_by,
                             .reported_to = row->reported_to,
                             .evidence = row->evidence,
                             .criteria_version = row->criteria_version,
                             .incident = row->incident,
                             .incident_seq = row->incident_seq,
                             .salt = row->salt,
                             .text = row->text,
                             .is_erased = row->is_erased};
    take_hash(&e.prev_hash, row->prev_hash);
    take_hash(&e.incident_prev_hash, row->incident_prev_hash);
    take_hash(&e.changes_hash, row->changes_hash);
    take_hash(&e.payload_hash, row->payload_hash);
    take_hash(&e.entry_hash, row->entry_hash);
    return e;
}

static bool read_changes(struct state *s, struct arena *arena, struct record_entry *e, struct error *err)
{
    struct record_change_row *rows;
    if (!state_record_changes(s, e->seq, arena, &rows, &e->change_count, err))
        return false;
    struct record_change *changes = ARENA_ARRAY(arena, struct record_change, e->change_count + 1);
    for (uint32_t i = 0; i < e->change_count; i++)
        changes[i] = (struct record_change){rows[i].table, rows[i].field, rows[i].old_value,
                                            rows[i].new_value, rows[i].id};
    e->changes = changes;
    return true;
}

/* False: could not be read. *goes_on false behind the first bad entry: what follows hangs on it. */
static bool walk_page(struct run *r, struct record_walk *w, const struct record_row *rows, uint32_t count,
                      struct arena *arena, bool *goes_on, struct error *err)
{
    for (uint32_t i = 0; i < count; i++) {
        struct error why;
        struct record_entry e = entry_of(&rows[i]);
        if (!read_changes(r->check->state, arena, &e, err))
            return false;
        *goes_on = record_walk_take(w, &e, &why);
        if (!*goes_on) {
            report(r, e.seq > r->check->entries + 1 ? r->check->entries + 1 : e.seq, why.text);
            return true;
        }
        r->check->entries++;
        check_covered(r, &e);
        check_named(r, &rows[i]);
        check_timestamp(r, &rows[i]);
        check_audit(r, &rows[i]);
        check_broken(r, &rows[i]);
    }
    return true;
}

static bool walk(struct run *r, struct record_walk *w, uint64_t last, struct error *err)
{
    bool ok = true, goes_on = true;
    uint32_t count = PAGE;
    while (ok && goes_on && count == PAGE) {
        struct arena arena;
        struct record_row *rows;
        struct record_filter f = {.after_seq = r->check->entries,
                                  .before_seq = last + 1,
                                  .from_ns = INT64_MIN,
                                  .to_ns = INT64_MAX,
                                  .limit = PAGE};
        arena_init(&arena, 256 << 10);
        ok = state_record_list(r->check->state, &f, &arena, &rows, &count, err) &&
             walk_page(r, w, rows, count, &arena, &goes_on, err);
        arena_free(&arena);
    }
    return ok;
}

/* ------------------------------------------------------------------- state */

static void on_difference(void *context, uint64_t seq, const char *why)
{
    report(context, seq, why);
}

static bool compare_state(struct run *r, struct error *err)
{
    struct record_compare c = {.state = r->check->state, .found = on_difference, .context = r};
    struct arena arena;
    arena_init(&arena, 4096);
    const struct seal_folder folders[] = {{"content", r->check->content, false},
                                          {"DATA", r->check->data_dir, true},
                                          {"DATA/rules",
                                           arena_printf(&arena, "%s/rules", r->check->data_dir).p, false},
                                          {.name = NULL}};
    struct seal_check seals = {.state = r->check->state,
                               .data_dir = r->check->data_dir,
                               .folders = r->check->content ? folders : NULL,
                               .found = on_difference,
                               .context = r};
    bool ok = record_compare_run(&c, err) && record_seal_check(&seals, err);
    r->check->compared = c.compared + seals.compared;
    r->check->not_compared = c.not_compared + seals.not_compared;
    arena_free(&arena);
    return ok;
}

/* --------------------------------------------------------------------- all */

/* A checkpoint is written before the entry that names it, and after those it covers. */
static bool check_end(struct run *r, struct arena *arena, struct error *err)
{
    struct record_row head;
    if (!state_record_head(r->check->state, 0, arena, &head, err))
        return false;
    uint32_t n = r->checkpoint_count;
    if (n && r->checkpoints[n - 1].entries > head.seq)
        report(r, head.seq + 1,
               tr("it was there at the last checkpoint and is gone",
                  "最後のチェックポイントの時点にはあった記録が"
                  "消えています"));
    return true;
}

static bool check_all(struct run *r, struct arena *arena, struct error *err)
{
    struct error why;
    struct record_row head;
    uint64_t seq;
    if (!state_record_head(r->check->state, 0, arena, &head, err))
        return false;
    r->checkpoints_are_bad = !record_checkpoints_read(r->check->data_dir, NULL, arena, &r->checkpoints,
                                                      &r->checkpoint_count, &r->checkpoint_error);
    r->check->checkpoints = r->checkpoint_count;
    struct record_walk *w = record_walk_new();
    bool ok = walk(r, w, head.seq, err);
    if (ok && r->check->bad == 0 && !record_walk_end(w, &seq, &why))
        report(r, seq, why.text);
    record_walk_free(w);
    ok = ok && (r->check->bad || check_end(r, arena, err));
    if (ok && r->checkpoints_are_bad && r->check->bad == 0)
        report(r, r->check->entries, r->checkpoint_error.text);
    if (ok && !r->audit_is_bad && !audit_check_rest(r->audit, &why))
        report(r, r->check->entries, why.text);
    r->check->audit_lines = audit_check_lines(r->audit);
    return ok && compare_state(r, err);
}

bool record_check_run(struct record_check *c, struct error *err)
{
    struct run r = {.check = c};
    struct arena arena;
    c->audit_lines = c->timestamps = c->entries = c->checkpoints = c->compared = c->not_compared = c->bad = 0;
    arena_init(&arena, 64 << 10);
    r.audit = audit_check_open(arena_printf(&arena, "%s/audit.ndjson", c->data_dir).p, err);
    bool ok = r.audit != NULL && check_all(&r, &arena, err);
    audit_check_close(r.audit);
    arena_free(&arena);
    return ok;
}
