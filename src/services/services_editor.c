/* Rules made in the console: reading a rule's text, checking one with its samples, previewing it over the
 * stored days, saving it into DATA/rules and taking it away. What a save replaces is kept in
 * DATA/rule-versions. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/json.h"
#include "base/log.h"
#include "base/memory.h"
#include "recorder/recorded_file.h"
#include "server/server.h"

#define TEXT_MAX_BYTES (1u << 20)

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = failure->ja = *err;
    return false;
}

static bool refuse(struct console_failure *failure, int status, const char *en, const char *ja)
{
    failure->status = status;
    error_set(&failure->en, "%s", en);
    return error_set(&failure->ja, "%s", ja);
}

static void put_text(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value.p ? value : STR_EMPTY);
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}

/* ------------------------------------------------------------------ paths */

static const char *own_path(const struct server *s, struct str name, struct arena *arena)
{
    return arena_printf(arena, "%s/%.*s.yml", s->rules_dir, STR_ARGS(name)).p;
}

static const char *versions_path(const struct server *s, struct str name, struct arena *arena)
{
    return arena_printf(arena, "%s/rule-versions/%.*s", s->data_dir, STR_ARGS(name)).p;
}

/* "/…/rules/NAME.yml" → "NAME" */
static struct str name_of(struct str path)
{
    size_t slash = str_find_last_char(path, '/');
    struct str name = slash == STR_NOT_FOUND ? path : str_skip(path, slash + 1);
    size_t dot = str_find_last_char(name, '.');
    return str_slice(name, 0, dot == STR_NOT_FOUND ? name.n : dot);
}

/* ---------------------------------------------------------------- reading */

static bool write_versions(struct server *s, struct str name, struct arena *arena, struct json_writer *w)
{
    static const char *const suffixes[] = {".yml", NULL};
    struct file_list files = {0};
    struct error ignored;
    const char *folder = versions_path(s, name, arena);
    json_key(w, "versions");
    json_begin_array(w);
    if (file_is_folder(folder) && file_walk(folder, suffixes, arena, &files, &ignored))
        for (size_t i = 0; i < files.count; i++)
            json_put_str(w, name_of(files.paths[i]));
    json_end_array(w);
    return true;
}

static bool rule_text(void *ctx, struct str id, struct arena *arena, struct buf *json,
                      struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct buf text = {0};
    struct knowledge *k = engine_knowledge(s->engine);
    const struct rule_info *rule = knowledge_rule(k, id);
    struct str path = rule ? arena_str(arena, rule->path) : STR_EMPTY;
    knowledge_unref(k);
    if (rule == NULL)
        return refuse(failure, 404, "No rule with this id is loaded.",
                      "この識別子の規則は読み込まれていません。");
    if (!file_read(path.p, TEXT_MAX_BYTES, &text, &err))
        return fail(&err, 500, failure);
    struct json_writer w = {.out = json};
    json_begin_object(&w);
    put_text(&w, "id", id);
    put_text(&w, "file", path);
    put_text(&w, "name", name_of(path));
    json_key(&w, "own");
    json_put_bool(&w, str_starts(path, str_c(s->rules_dir)));
    put_text(&w, "text", buf_str(&text));
    write_versions(s, name_of(path), arena, &w);
    json_end_object(&w);
    buf_free(&text);
    return true;
}

/* --------------------------------------------------------------- checking */

/* "text:LINE:COLUMN: reason" → its parts. */
static void write_problem(struct json_writer *w, const struct rule_problem *p)
{
    static const char *const kinds[] = {[RULE_REFUSED] = "refused",
                                        [RULE_CORRELATION] = "note",
                                        [RULE_FILTER] = "note",
                                        [RULE_UNPROVED] = "unproved",
                                        [RULE_NOTE] = "note"};
    struct str rest = p->text;
    uint64_t places[2] = {0, 0};
    if (str_starts(rest, STR("text:")))
        rest = str_skip(rest, 5);
    for (size_t i = 0; i < COUNT_OF(places); i++) {
        size_t colon = str_find_char(rest, ':', 0);
        if (colon == STR_NOT_FOUND || !str_to_u64(str_slice(rest, 0, colon), 10, &places[i]))
            break;
        rest = str_skip(rest, colon + 1);
    }
    json_begin_object(w);
    put_text(w, "kind", str_c(kinds[p->kind]));
    put_number(w, "line", places[0]);
    put_number(w, "column", places[1]);
    put_text(w, "text", str_trim(rest));
    json_end_object(w);
}

struct check {
    struct rule_report report;
    bool is_good; /* everything was loaded and every sample holds */
};

/* Only this text, with the parsers that are loaded. */
static bool run_check(struct server *s, struct str text, struct check *c, struct error *err)
{
    struct knowledge *k = engine_knowledge(s->engine);
    struct ruleset_options options = {.taxonomy_folder = s->knowledge_options.taxonomy_folder, .text = text};
    struct ruleset *rules = ruleset_load(&options, &c->report, err);
    if (rules != NULL) {
        struct sample_runner runner = {k->normaliser, normaliser_scratch_new(k->normaliser)};
        detect_prove(rules, knowledge_normalise_sample, &runner, &c->report);
        normaliser_scratch_free(runner.scratch);
    }
    knowledge_unref(k);
    ruleset_unref(rules);
    c->is_good =
        rules != NULL && c->report.loaded > 0 && c->report.refused == 0 && c->report.samples_failed == 0;
    return rules != NULL;
}

static bool rule_check(void *ctx, struct str text, struct arena *arena, struct buf *json,
                       struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct check c = {0};
    struct json_writer w = {.out = json};
    (void)arena;
    if (!run_check(s, text, &c, &err)) {
        rule_report_free(&c.report);
        return fail(&err, 500, failure);
    }
    json_begin_object(&w);
    put_number(&w, "loaded", c.report.loaded);
    put_number(&w, "refused", c.report.refused);
    put_number(&w, "samples", c.report.samples);
    put_number(&w, "failed", c.report.samples_failed);
    json_key(&w, "problems");
    json_begin_array(&w);
    for (uint32_t i = 0; i < c.report.problem_count; i++)
        write_problem(&w, &c.report.problems[i]);
    json_end_array(&w);
    json_end_object(&w);
    rule_report_free(&c.report);
    return true;
}

/* ----------------------------------------------------------------- saving */

/* What stands there now becomes a version. */
static bool keep_version(struct server *s, struct str name, struct arena *arena, struct error *err)
{
    struct buf old = {0};
    const char *path = own_path(s, name, arena), *folder = versions_path(s, name, arena);
    if (!file_exists(path))
        return true;
    const char *version = arena_printf(arena, "%s/%lld.yml", folder, (long long)clock_wall_ns()).p;
    bool ok = file_make_folders(folder, 0700, err) && file_read(path, TEXT_MAX_BYTES, &old, err) &&
              file_write_atomic(version, buf_str(&old), 0600, err);
    buf_free(&old);
    return ok;
}

/* The first sentence about that file in what was just loaded. */
static bool was_refused(struct server *s, const char *path, struct error *why)
{
    struct knowledge *k = engine_knowledge(s->engine);
    const struct rule_report *report = &k->rules_report;
    bool refused = false;
    for (uint32_t i = 0; i < report->problem_count && !refused; i++)
        if (report->problems[i].kind == RULE_REFUSED && str_eq(report->problems[i].path, str_c(path)))
            refused = !error_set(why, "%.*s", STR_ARGS(report->problems[i].text));
    knowledge_unref(k);
    return refused;
}

static bool put_back(const char *path, const struct buf *before, bool was_there, struct error *err)
{
    if (was_there)
        return file_write_atomic(path, buf_str(before), 0600, err);
    return unlink(path) == 0 || error_errno(err, tr("%s cannot be removed", "%s を削除できません"), path);
}

/* Writes, loads, and takes it back when the file is refused beside the others. */
static bool write_and_load(struct server *s, const char *path, struct str text, uint64_t *loaded,
                           uint64_t *refused, struct console_failure *failure)
{
    struct buf before = {0};
    struct error err, why;
    bool was_there = file_exists(path);
    bool ok = (!was_there || file_read(path, TEXT_MAX_BYTES, &before, &err)) &&
              file_write_atomic(path, text, 0600, &err) && server_reload_knowledge(s, loaded, refused, &err);
    if (!ok)
        fail(&err, 500, failure);
    if (ok && was_refused(s, path, &why)) {
        ok = fail(&why, 409, failure);
        if (!put_back(path, &before, was_there, &err) || !server_reload_knowledge(s, loaded, refused, &err))
            fail(&err, 500, failure);
    }
    buf_free(&before);
    return ok;
}

static bool rule_save(void *ctx, struct str name, struct str text, struct arena *arena, struct buf *json,
                      struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct check c = {0};
    struct recorded_file change;
    uint64_t loaded = 0, refused = 0;
    bool ran = run_check(s, text, &c, &err);
    rule_report_free(&c.report);
    if (!ran)
        return fail(&err, 500, failure);
    if (!c.is_good)
        return refuse(failure, 409, "The rule is refused or a sample of it fails; the check says why.",
                      "規則が拒否されるか、見本が失敗しています。検査の結果を見てください。");
    if (!keep_version(s, name, arena, &err) ||
        !recorded_file_describe(own_path(s, name, arena), name, &text, &change, &err) ||
        !recorded_file_stage(s->recorder, "intended", &change, &err))
        return fail(&err, 500, failure);
    if (!write_and_load(s, own_path(s, name, arena), text, &loaded, &refused, failure)) {
        snprintf(change.after, sizeof change.after, "%s", change.before); /* put back */
        if (!recorded_file_stage(s->recorder, "withdrawn", &change, &err))
            log_error("%s", err.text);
        return false;
    }
    if (!recorded_file_stage(s->recorder, "done", &change, &err))
        return fail(&err, 500, failure);
    buf_printf(json, "{\"loaded\":%llu,\"refused\":%llu}", (unsigned long long)loaded,
               (unsigned long long)refused);
    return true;
}

static bool rule_remove(void *ctx, struct str name, struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct arena arena;
    struct recorded_file change;
    uint64_t loaded, refused;
    arena_init(&arena, 4096);
    const char *path = own_path(s, name, &arena);
    bool ok = file_exists(path) || refuse(failure, 404, "There is no rule of yours by that name.",
                                          "その名前の独自規則はありません。");
    if (ok &&
        !(keep_version(s, name, &arena, &err) && recorded_file_describe(path, name, NULL, &change, &err) &&
          recorded_file_stage(s->recorder, "intended", &change, &err) && put_back(path, NULL, false, &err) &&
          server_reload_knowledge(s, &loaded, &refused, &err) &&
          recorded_file_stage(s->recorder, "done", &change, &err)))
        ok = fail(&err, 500, failure);
    arena_free(&arena);
    return ok;
}

/* ---------------------------------------------------------------- preview */

static bool read_exceptions(struct server *s, const struct preview_request *r, struct arena *arena,
                            struct preview_side *before, struct preview_side *after,
                            struct console_failure *failure)
{
    struct rule_exception *rows;
    uint32_t count;
    struct error err;
    if (!state_exceptions_list(s->state, arena, &rows, &count, &err))
        return fail(&err, 500, failure);
    struct rule_exception *more = ARENA_ARRAY(arena, struct rule_exception, count + 1);
    if (count)
        memcpy(more, rows, count * sizeof *rows);
    /* in a preview it holds for all of the past */
    more[count] = (struct rule_exception){.rule_id = r->exception_rule,
                                          .condition = r->exception_condition,
                                          .owner = STR("preview"),
                                          .reason = STR("preview"),
                                          .id = INT64_MAX,
                                          .created_ns = clock_wall_ns(),
                                          .expires_ns = INT64_MAX,
                                          .withdrawn_ns = INT64_MAX};
    struct rule_exception asked = more[count];
    asked.expires_ns = asked.created_ns + 1;
    failure->status = 400;
    if (r->exception_rule.n && !suppression_check(&asked, asked.created_ns, &failure->en, &failure->ja))
        return false;
    before->suppressions = suppressions_new(rows, count);
    after->suppressions = suppressions_new(more, count + (r->exception_rule.n > 0));
    return true;
}

/* The first sentence about the text, for people who previewed without checking. */
static bool tell_refused(const struct knowledge *k, struct console_failure *failure)
{
    const struct rule_report *report = &k->rules_report;
    for (uint32_t i = 0; i < report->problem_count; i++)
        if (report->problems[i].kind == RULE_REFUSED && str_eq(report->problems[i].path, STR("text"))) {
            struct error why;
            error_set(&why, "%.*s", STR_ARGS(report->problems[i].text));
            return fail(&why, 400, failure);
        }
    return true;
}

static bool load_changed(struct server *s, const struct preview_request *r, struct preview_side *before,
                         struct preview_side *after, struct console_failure *failure)
{
    struct error err;
    struct knowledge_options options = s->knowledge_options;
    options.rule_text = r->text;
    options.proves_samples = false;
    before->knowledge = engine_knowledge(s->engine);
    after->knowledge = r->text.n ? knowledge_load(&options, &err) : knowledge_ref(before->knowledge);
    if (after->knowledge == NULL)
        return fail(&err, 500, failure);
    return tell_refused(after->knowledge, failure);
}

static bool preview_start(void *ctx, const struct preview_request *r, uint64_t *id,
                          struct console_failure *failure)
{
    struct server *s = ctx;
    struct arena arena;
    struct preview_side before = {0}, after = {0};
    if (str_trim(r->text).n == 0 && r->exception_rule.n == 0)
        return refuse(failure, 400, "A preview needs a rule's text or an exception.",
                      "プレビューには規則の本文か例外が必要です。");
    if (r->from_ns >= r->to_ns)
        return refuse(failure, 400, "The time range is empty.", "期間が空です。");
    arena_init(&arena, 16 << 10);
    bool ok = read_exceptions(s, r, &arena, &before, &after, failure) &&
              load_changed(s, r, &before, &after, failure);
    arena_free(&arena);
    if (ok) {
        ok = preview_jobs_start(s->previews, before, after, engine_context(s->engine), r->from_ns, r->to_ns,
                                id);
        return ok ||
               refuse(failure, 503, "Too many previews are waiting.", "待機中のプレビューが多すぎます。");
    }
    knowledge_unref(before.knowledge);
    knowledge_unref(after.knowledge);
    suppressions_unref(before.suppressions);
    suppressions_unref(after.suppressions);
    return false;
}

static bool preview(void *ctx, uint64_t id, struct buf *json, struct console_failure *failure)
{
    struct server *s = ctx;
    return preview_jobs_json(s->previews, id, json) ||
           refuse(failure, 404, "There is no such preview, or it has made room for others.",
                  "そのプレビューはないか、すでに破棄されました。");
}

void services_editor(struct console_services *s)
{
    s->rule_text = rule_text;
    s->rule_check = rule_check;
    s->rule_save = rule_save;
    s->rule_remove = rule_remove;
    s->preview_start = preview_start;
    s->preview = preview;
}
