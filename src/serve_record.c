/* The response record of the running server: what the machine itself does goes in here (start, stop, content
 * in force, posture), and checkpoints are made in time. What people do is recorded where it is done
 * (services_*.c), or by the line that the console's gate writes for every change. */
#include <stdio.h>

#include "base/file.h"
#include "base/log.h"
#include "base/sha256.h"
#include "record/entry.h"
#include "serve.h"

#define CONTENT_FILE_MAX (64 << 20)

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
    server_note(s, &(struct deed){.action = "execute", .actor = STR("hyakuyo"), .target = str_c(what)});
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

bool serve_record_open(struct server *s, struct error *err)
{
    s->recorder = recorder_new(s->state, err);
    return s->recorder != NULL && recorder_baseline(s->recorder, err) &&
           recorder_sign(s->recorder, s->data_dir, err);
}

void serve_record_checkpoint(struct server *s, bool now)
{
    struct error err;
    if (s->recorder != NULL && !recorder_checkpoint(s->recorder, now, &err))
        complain(&err);
}

void serve_record_stop(struct server *s, bool was_running)
{
    if (s->recorder != NULL && was_running) {
        server_note(s, &(struct deed){.action = "execute",
                                      .actor = STR("hyakuyo"),
                                      .target = STR("server.stop")});
        serve_record_checkpoint(s, true);
    }
    recorder_free(s->recorder);
    s->recorder = NULL;
}
