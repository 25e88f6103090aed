/* The response record of the running server: what the machine itself does goes in here (start, stop, content
 * in force, posture), and checkpoints are made in time. What people do is recorded where it is done
 * (services_*.c), or by the line that the console's gate writes for every change. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "record/entry.h"
#include "recorder/record_seal.h"
#include "serve/serve.h"

#define CONTENT_FILE_MAX (64 << 20)
#define ANCHOR_NS        (5 * 60 * NS_PER_SECOND) /* of the audit log, while it grows */

static void complain(const struct error *err)
{
    log_error(tr("the response record could not be written: %s", "対応記録を書き込めません: %s"), err->text);
}

void server_note(struct server *s, const struct deed *deed)
{
    struct error err;
    if (s->recorder != NULL && !recorder_note(s->recorder, deed, &err))
        complain(&err);
}

/* ----------------------------------------------------------------- content */

static bool add_file(struct sha256 *h, struct str path, struct error *err)
{
    struct buf text = {0};
    if (!file_read(path.p, CONTENT_FILE_MAX, &text, err))
        return false;
    char size[32];
    snprintf(size, sizeof size, "%zu:", text.n);
    sha256_add(h, path);
    sha256_add(h, str_c(size));
    sha256_add(h, buf_str(&text));
    buf_free(&text);
    return true;
}

/* One hash over what decides: criteria, rules, parsers, playbooks, those made in the console too. */
static bool hash_content(const struct server *s, struct record_hash *out, struct error *err)
{
    static const char *const suffixes[] = {".yml", ".yaml", NULL};
    const char *folders[] = {s->content_folder, s->rules_dir};
    struct sha256 *h = sha256_new();
    bool ok = true;
    for (size_t k = 0; ok && k < COUNT_OF(folders); k++) {
        struct arena arena;
        struct file_list list = {0};
        arena_init(&arena, 64 << 10);
        ok = !file_exists(folders[k]) || file_walk(folders[k], suffixes, &arena, &list, err);
        for (size_t i = 0; ok && i < list.count; i++)
            ok = add_file(h, list.paths[i], err);
        arena_free(&arena);
    }
    sha256_end(h, out->bytes);
    return ok;
}

void serve_record_content(struct server *s, const char *what)
{
    struct error err;
    struct record_hash hash;
    char text[2 * RECORD_HASH_BYTES + 1];
    if (s->recorder == NULL)
        return;
    if (!hash_content(s, &hash, &err)) {
        complain(&err);
        return;
    }
    record_hash_text(&hash, text);
    recorder_set_criteria(s->recorder, str_c(text));
    const struct deed deed = {.action = "execute", .actor = STR("hyakuyo"), .target = str_c(what)};
    const struct seal_folder folders[] = {{"content", s->content_folder, false},
                                          {"DATA", s->data_dir, true},
                                          {"DATA/rules", s->rules_dir, false},
                                          {.name = NULL}};
    if (!recorder_begin(s->recorder, &err))
        complain(&err);
    else if (!record_seal_content(s->recorder, s->state, folders, &err)) {
        recorder_rollback(s->recorder);
        complain(&err);
    } else if (!recorder_commit(s->recorder, &deed, &err)) {
        complain(&err);
    }
}

/* ----------------------------------------------------------------- posture */

/* With the desk locked; its order of locks is desk, then state. */
void serve_record_posture(void *context, const struct posture_view *view, int64_t time_ns)
{
    struct server *s = context;
    struct error err;
    int before = s->posture_recorded - 1;
    if (s->recorder == NULL || before == (int)view->level)
        return;
    s->posture_recorded = (int)view->level + 1;
    if (!recorder_begin(s->recorder, &err)) {
        complain(&err);
        return;
    }
    recorder_change(s->recorder, "posture", 1, "level",
                    before < 0 ? STR_EMPTY : posture_level_name((enum posture_level)before),
                    posture_level_name(view->level));
    if (!recorder_commit(s->recorder,
                         &(struct deed){.action = "judge",
                                        .actor = STR("hyakuyo"),
                                        .target = STR("posture"),
                                        .event_ns = time_ns},
                         &err))
        complain(&err);
}

/* ------------------------------------------------------------ start to stop */

static void on_broken_seal(void *context, uint64_t seq, const char *why)
{
    struct server *s = context;
    char evidence[40];
    log_error(tr("response record, entry %llu: %s", "対応記録 %llu: %s"), (unsigned long long)seq, why);
    snprintf(evidence, sizeof evidence, "record/%llu", (unsigned long long)seq);
    server_note(s, &(struct deed){.action = "observe",
                                  .actor = STR("hyakuyo"),
                                  .target = STR(RECORD_SEAL_BROKEN),
                                  .text = str_c(why),
                                  .evidence = str_c(evidence)});
}

/* Before anything moves on: what was changed while the server stood still would be sealed at the next stop as
 * if it were right, so it is said now, in the record itself. */
static bool check_seals(struct server *s, struct error *err)
{
    struct seal_check check = {.state = s->state, .found = on_broken_seal, .context = s};
    return record_seal_check(&check, err);
}

bool serve_record_open(struct server *s, struct error *err)
{
    s->recorder = recorder_new(s->state, err);
    return s->recorder != NULL && recorder_baseline(s->recorder, err) &&
           recorder_sign(s->recorder, s->data_dir, err) && check_seals(s, err);
}

/* The end of the audit log enters the record: whoever takes a line away, or changes one, breaks the chain up
 * to there. */
static void anchor_audit(struct server *s, bool now)
{
    struct audit_mark end = audit_log_end(s->audit_log);
    int64_t now_ns = clock_monotonic_ns();
    char evidence[120];
    if (end.bytes == s->audit_anchored || (!now && now_ns - s->audit_anchored_ns < ANCHOR_NS))
        return;
    s->audit_anchored = end.bytes;
    s->audit_anchored_ns = now_ns;
    audit_mark_format(&end, evidence);
    server_note(s, &(struct deed){.action = "observe",
                                  .actor = STR("hyakuyo"),
                                  .target = STR("audit.log"),
                                  .evidence = str_c(evidence)});
}

void serve_record_checkpoint(struct server *s, bool now)
{
    struct error err;
    if (s->recorder != NULL && s->audit_log != NULL)
        anchor_audit(s, now);
    if (s->recorder != NULL && !recorder_checkpoint(s->recorder, now, &err))
        complain(&err);
}

/* What the program counted for itself stands still now: sealed by the entry of the stop. */
static void note_stop(struct server *s)
{
    struct error err;
    const struct deed deed = {.action = "execute", .actor = STR("hyakuyo"), .target = STR("server.stop")};
    if (!recorder_begin(s->recorder, &err)) {
        complain(&err);
        return;
    }
    bool ok = record_seal_incidents(s->recorder, s->state, &err);
    if (!ok)
        recorder_rollback(s->recorder);
    if (!ok || !recorder_commit(s->recorder, &deed, &err))
        complain(&err);
}

void serve_record_stop(struct server *s, bool was_running)
{
    if (s->recorder != NULL && was_running) {
        note_stop(s);
        serve_record_checkpoint(s, true);
    }
    recorder_free(s->recorder);
    s->recorder = NULL;
}
