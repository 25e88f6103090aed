/* Reads content/playbooks/ (stage incident) into immutable sheets and proves their samples. Whoever opens the
 * tasks of an incident asks here which. Next: authority.c, which says who must agree to an action. */
#include "incident/playbook.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/log.h"
#include "base/memory.h"
#include "base/yaml.h"

#define SHEETS_MAX 64

struct playbooks {
    struct arena arena;
    struct playbook_sheet sheets[SHEETS_MAX];
    uint32_t sheet_count;
    struct playbook_task *firsts;
    uint32_t first_count;
    struct hearing_question *questions;
    uint32_t question_count;
};

struct reader {
    const char *path;
    struct error *err;
    struct playbooks *books;
};

static bool complain(const struct reader *r, const struct yaml *at, const char *what)
{
    return error_at(r->err, r->path, at ? at->line : 1, at ? at->column : 1, "%s", what);
}

/* --------------------------------------------------------------- reading */

static bool read_text(const struct reader *r, const struct yaml *map, const char *key, bool is_required,
                      struct playbook_text *out)
{
    const struct yaml *node = yaml_get(map, key);
    out->en = yaml_text(node, "en");
    out->ja = yaml_text(node, "ja");
    if ((out->en.n && out->ja.n) || (node == NULL && !is_required))
        return true;
    return error_at(r->err, r->path, node ? node->line : map->line, 0,
                    tr("'%s' needs a text in English (en) and one in Japanese (ja)",
                       "'%s' には英語(en)と日本語(ja)の文が必要です"),
                    key);
}

static bool read_checks(const struct reader *r, const struct yaml *list, struct playbook_task *task)
{
    if (list == NULL)
        return true;
    task->checks = ARENA_ARRAY(&r->books->arena, struct playbook_text, list->count + 1);
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        struct playbook_text *check = &task->checks[task->check_count++];
        check->en = yaml_text(at, "en");
        check->ja = yaml_text(at, "ja");
        if (check->en.n == 0 || check->ja.n == 0)
            return complain(r, at,
                            tr("a line of a checklist needs en and ja",
                               "チェックリストの行には en と ja が必要です"));
    }
    return true;
}

static bool read_task(const struct reader *r, const struct yaml *node, struct playbook_task *task)
{
    task->id = yaml_text(node, "id");
    task->minutes = yaml_int(node, "minutes", 0);
    task->watch_days = yaml_int(node, "watch_days", 0);
    task->action = yaml_text(node, "action");
    task->scope = yaml_text(node, "scope");
    if (task->id.n == 0)
        return complain(r, node, tr("a task needs an 'id'", "作業には 'id' が必要です"));
    if (task->minutes < 0 || task->minutes > 60 * 24 * 366 || task->watch_days < 0 || task->watch_days > 366)
        return complain(r, node,
                        tr("'minutes' and 'watch_days' must be between 0 and a year",
                           "'minutes' と 'watch_days' は 0 から 1 年の間にしてください"));
    if ((task->action.n == 0) != (task->scope.n == 0))
        return complain(r, node,
                        tr("'action' and 'scope' go together: they name a row of authority.yml",
                           "'action' と 'scope' は組で書いてください(authority.yml の行を指します)"));
    return read_text(r, node, "title", true, &task->title) &&
           read_text(r, node, "script", false, &task->script) &&
           read_checks(r, yaml_get(node, "checklist"), task);
}

static bool is_stage(enum incident_state s)
{
    return s >= INCIDENT_NEW && s <= INCIDENT_REVIEW;
}

static bool read_stage(const struct reader *r, const struct yaml *node, struct playbook_sheet *sheet)
{
    enum incident_state stage;
    if (!incident_state_parse(node->key, &stage) || !is_stage(stage) || node->type != YAML_LIST)
        return complain(r, node,
                        tr("'stages' holds lists of tasks under the names of states from new to review",
                           "'stages' には new から review までの状態名の下に作業の列を書いてください"));
    for (const struct yaml *at = node->child; at != NULL; at = at->next) {
        struct playbook_task *task = &sheet->tasks[sheet->task_count++];
        task->stage = stage;
        if (!read_task(r, at, task))
            return false;
        for (uint32_t i = 0; i + 1 < sheet->task_count; i++)
            if (str_eq(sheet->tasks[i].id, task->id))
                return complain(r, at, tr("the id of this task stands twice", "作業の id が重複しています"));
    }
    return true;
}

static bool read_stages(const struct reader *r, const struct yaml *stages, struct playbook_sheet *sheet)
{
    size_t count = 1;
    for (const struct yaml *at = stages ? stages->child : NULL; at != NULL; at = at->next)
        count += at->count;
    sheet->tasks = ARENA_ARRAY(&r->books->arena, struct playbook_task, count);
    for (const struct yaml *at = stages ? stages->child : NULL; at != NULL; at = at->next)
        if (!read_stage(r, at, sheet))
            return false;
    return true;
}

static bool read_firsts(const struct reader *r, const struct yaml *list)
{
    if (list == NULL)
        return true;
    r->books->firsts = ARENA_ARRAY(&r->books->arena, struct playbook_task, list->count + 1);
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        struct playbook_task *task = &r->books->firsts[r->books->first_count++];
        task->stage = INCIDENT_NEW;
        task->is_first = true;
        if (!read_task(r, at, task))
            return false;
    }
    return true;
}

static bool read_answers(const struct reader *r, const struct yaml *list, struct hearing_question *question)
{
    question->answers = ARENA_ARRAY(&r->books->arena, struct hearing_answer, list ? list->count + 1 : 1);
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        struct hearing_answer *answer = &question->answers[question->answer_count++];
        answer->id = yaml_text(at, "id");
        answer->text = (struct playbook_text){yaml_text(at, "en"), yaml_text(at, "ja")};
        if (answer->id.n == 0 || answer->text.en.n == 0 || answer->text.ja.n == 0 ||
            !str_to_double(yaml_text(at, "ratio"), &answer->likelihood_ratio) ||
            answer->likelihood_ratio < 0.001 || answer->likelihood_ratio > 1000)
            return complain(r, at,
                            tr("an answer needs id, en, ja and a 'ratio' from 0.001 to 1000",
                               "回答には id、en、ja と 0.001〜1000 の 'ratio' が必要です"));
    }
    return true;
}

static bool read_hearing(const struct reader *r, const struct yaml *list)
{
    if (list == NULL)
        return true;
    r->books->questions = ARENA_ARRAY(&r->books->arena, struct hearing_question, list->count + 1);
    for (const struct yaml *at = list->child; at != NULL; at = at->next) {
        struct hearing_question *question = &r->books->questions[r->books->question_count++];
        question->id = yaml_text(at, "id");
        question->evidence_group = yaml_text(at, "group");
        if (question->id.n == 0 || question->evidence_group.n == 0)
            return complain(r, at,
                            tr("a question needs 'id' and the evidence 'group' its answer counts in",
                               "質問には 'id' と回答を数える証拠の 'group' が必要です"));
        if (!read_text(r, at, "text", true, &question->text) ||
            !read_answers(r, yaml_get(at, "answers"), question))
            return false;
    }
    return true;
}

static bool is_date(struct str s)
{
    int64_t time_ns;
    struct time_context context = {0};
    char text[32];
    if (s.n != 10)
        return false;
    memcpy(text, s.p, 10);
    memcpy(text + 10, "T00:00:00Z", 11);
    return time_parse_iso(str_c(text), &context, &time_ns);
}

static bool read_head(const struct reader *r, const struct yaml *top, struct playbook_sheet *sheet)
{
    sheet->type = yaml_text(top, "type");
    sheet->version = yaml_text(top, "version");
    sheet->owner = yaml_text(top, "owner");
    sheet->review = yaml_text(top, "review");
    if (sheet->type.n == 0 || sheet->version.n == 0 || sheet->owner.n == 0 || !is_date(sheet->review))
        return complain(r, top,
                        tr("a playbook needs type, version, owner and the date of its review (YYYY-MM-DD)",
                           "対応手順書には type、version、owner と見直し日 review(YYYY-MM-DD)が必要です"));
    if (playbooks_find(r->books, sheet->type) != NULL)
        return complain(r, top,
                        tr("there is another playbook for this type", "この type の手順書が他にもあります"));
    return read_text(r, top, "title", true, &sheet->title);
}

/* ---------------------------------------------------------------- proof */

static bool prove_tasks(const struct reader *r, const struct yaml *node, struct str type)
{
    uint32_t count, at = 0;
    const struct playbook_task **tasks = playbooks_tasks(r->books, type, &r->books->arena, &count);
    const struct yaml *wanted = yaml_get(node, "tasks");
    for (const struct yaml *id = wanted ? wanted->child : NULL; id != NULL; id = id->next) {
        while (at < count && !str_eq(tasks[at]->id, id->text))
            at++;
        if (at == count)
            return error_at(r->err, r->path, id->line, id->column,
                            tr("the sample expects task '%.*s' here and it does not come",
                               "見本ではここに作業「%.*s」がありますが、実際にはありません"),
                            STR_ARGS(id->text));
    }
    return wanted == NULL || wanted->count == count ||
           error_at(r->err, r->path, wanted->line, 0,
                    tr("the sample names %zu tasks and %u are opened",
                       "見本の作業は %zu 件、実際は %u 件です"),
                    wanted->count, count);
}

static bool prove_first(const struct reader *r, const struct yaml *node)
{
    struct str kind = yaml_text(node, "first"), wanted = yaml_text(node, "opens");
    if (kind.n == 0)
        return true;
    const struct playbook_task *task = playbooks_first(r->books, kind, yaml_bool(node, "server", false));
    return (task != NULL && str_eq(task->id, wanted)) ||
           error_at(r->err, r->path, node->line, 0,
                    tr("the sample expects first task '%.*s', not '%.*s'",
                       "見本の最初の作業は「%.*s」ですが、実際は「%.*s」です"),
                    STR_ARGS(wanted), STR_ARGS(task ? task->id : STR("-")));
}

static bool prove(const struct reader *r, const struct yaml *top, struct playbook_sheet *sheet)
{
    const struct yaml *samples = yaml_get(top, "samples");
    for (const struct yaml *at = samples ? samples->child : NULL; at != NULL; at = at->next) {
        sheet->sample_count++;
        if (!prove_first(r, at) || !prove_tasks(r, at, sheet->type))
            return false;
    }
    return sheet->sample_count > 0 ||
           complain(r, top,
                    tr("a playbook needs samples that prove it", "手順書には見本(samples)が必要です"));
}

/* -------------------------------------------------------------- loading */

static bool read_file(struct playbooks *p, const char *path, const struct yaml *top, struct error *err)
{
    struct reader r = {path, err, p};
    if (p->sheet_count == SHEETS_MAX)
        return complain(&r, top, tr("there are more than 64 playbooks", "手順書が 64 件を超えています"));
    struct playbook_sheet sheet = {0};
    if (!read_head(&r, top, &sheet) || !read_stages(&r, yaml_get(top, "stages"), &sheet) ||
        !read_firsts(&r, yaml_get(top, "first")) || !read_hearing(&r, yaml_get(top, "hearing")))
        return false;
    p->sheets[p->sheet_count++] = sheet;
    return true;
}

/* Samples are proved once all is read: those of one type speak of the tasks of all. */
static bool read_files(struct playbooks *p, const struct file_list *files, struct error *err)
{
    const struct yaml *tops[SHEETS_MAX + 1] = {0};
    for (size_t i = 0; i < files->count; i++) {
        struct yaml *top = yaml_load(files->paths[i].p, &p->arena, err);
        if (top == NULL || !read_file(p, files->paths[i].p, top, err))
            return false;
        tops[i] = top;
    }
    for (size_t i = 0; i < files->count; i++) {
        struct reader r = {files->paths[i].p, err, p};
        if (!prove(&r, tops[i], &p->sheets[i]))
            return false;
    }
    return true;
}

struct playbooks *playbooks_load(const char *folder, struct error *err)
{
    static const char *const suffixes[] = {".yml", NULL};
    struct playbooks *p = NEW(struct playbooks);
    struct file_list files = {0};
    arena_init(&p->arena, 64 << 10);
    bool ok = file_walk(folder, suffixes, &p->arena, &files, err) && read_files(p, &files, err);
    if (ok && (p->first_count == 0 || playbooks_find(p, STR("*")) == NULL))
        ok = error_set(err,
                       tr("%s: no playbook has type '*' and the first tasks",
                          "%s: type '*' と最初の作業を持つ手順書がありません"),
                       folder);
    if (ok)
        return p;
    playbooks_free(p);
    return NULL;
}

void playbooks_free(struct playbooks *p)
{
    if (p == NULL)
        return;
    arena_free(&p->arena);
    memory_free(p);
}

/* --------------------------------------------------------------- asking */

const struct playbook_sheet *playbooks_sheets(const struct playbooks *p, uint32_t *count)
{
    *count = p->sheet_count;
    return p->sheets;
}

const struct playbook_sheet *playbooks_find(const struct playbooks *p, struct str type)
{
    for (uint32_t i = 0; i < p->sheet_count; i++)
        if (str_eq(p->sheets[i].type, type))
            return &p->sheets[i];
    return NULL;
}

static const struct playbook_task *find_first(const struct playbooks *p, struct str id)
{
    for (uint32_t i = 0; i < p->first_count; i++)
        if (str_eq(p->firsts[i].id, id))
            return &p->firsts[i];
    return NULL;
}

const struct playbook_task *playbooks_first(const struct playbooks *p, struct str kind, bool is_server)
{
    char text[64];
    int n = snprintf(text, sizeof text, "%.*s_server", STR_ARGS(kind));
    const struct playbook_task *task =
        is_server && n > 0 && (size_t)n < sizeof text ? find_first(p, str_n(text, (size_t)n)) : NULL;
    return task != NULL ? task : find_first(p, kind);
}

static bool has_task(const struct playbook_sheet *sheet, struct str id)
{
    for (uint32_t i = 0; sheet != NULL && i < sheet->task_count; i++)
        if (str_eq(sheet->tasks[i].id, id))
            return true;
    return false;
}

const struct playbook_task **playbooks_tasks(const struct playbooks *p, struct str type, struct arena *arena,
                                             uint32_t *count)
{
    const struct playbook_sheet *common = playbooks_find(p, STR("*")), *own = playbooks_find(p, type);
    uint32_t most = (common ? common->task_count : 0) + (own ? own->task_count : 0), n = 0;
    const struct playbook_task **out = ARENA_ARRAY(arena, const struct playbook_task *, most + 1);
    if (own == common)
        own = NULL;
    for (int stage = INCIDENT_NEW; stage <= INCIDENT_REVIEW; stage++) {
        for (uint32_t i = 0; common != NULL && i < common->task_count; i++)
            if ((int)common->tasks[i].stage == stage && !has_task(own, common->tasks[i].id))
                out[n++] = &common->tasks[i];
        for (uint32_t i = 0; own != NULL && i < own->task_count; i++)
            if ((int)own->tasks[i].stage == stage)
                out[n++] = &own->tasks[i];
    }
    *count = n;
    return out;
}

const struct hearing_question *playbooks_hearing(const struct playbooks *p, uint32_t *count)
{
    *count = p->question_count;
    return p->questions;
}

const struct hearing_question *playbooks_question(const struct playbooks *p, struct str id)
{
    for (uint32_t i = 0; i < p->question_count; i++)
        if (str_eq(p->questions[i].id, id))
            return &p->questions[i];
    return NULL;
}

const struct hearing_answer *hearing_find(const struct hearing_question *question, struct str answer)
{
    for (uint32_t i = 0; i < question->answer_count; i++)
        if (str_eq(question->answers[i].id, answer))
            return &question->answers[i];
    return NULL;
}
