/* Tasks. Reads an incident as the desk has judged it; leaves its tasks, the first of which follows the
 * confidence (S147–S149). Next: work_hearing.c. */
#include "work/work.h"

#include "base/log.h"
#include "incident/incident.h"
#include "judge/score.h"
#include "store/state_incidents.h"

#define MINUTE_NS (60 * NS_PER_SECOND)
#define DAY_NS    (24 * 60 * MINUTE_NS)

/* ---------------------------------------------------------------- opening */

static struct str checklist_json(const struct playbook_task *task, struct arena *arena)
{
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_begin_array(&w);
    for (uint32_t i = 0; i < task->check_count; i++) {
        json_put_both(&w, task->checks[i].en, task->checks[i].ja);
    }
    json_end_array(&w);
    struct str text = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static struct str due_of(const struct casework *c, int64_t minutes)
{
    return work_text_of(minutes ? c->now_ns + minutes * MINUTE_NS : 0, c->arena);
}

/* The timer of a later state's task begins when that state is entered. */
static bool open_task(struct casework *c, uint64_t incident, const struct playbook_task *task,
                      const struct playbook_sheet *sheet)
{
    struct work_row row = {0};
    bool is_running = task->is_first || task->stage <= INCIDENT_TRIAGE;
    row.values[TASK_INCIDENT] = work_text_of((int64_t)incident, c->arena);
    row.values[TASK_KEY] = task->id;
    row.values[TASK_STAGE] = incident_state_name(task->is_first ? INCIDENT_TRIAGE : task->stage);
    row.values[TASK_TITLE_EN] = task->title.en;
    row.values[TASK_TITLE_JA] = task->title.ja;
    row.values[TASK_SCRIPT_EN] = task->script.en;
    row.values[TASK_SCRIPT_JA] = task->script.ja;
    row.values[TASK_CHECKLIST] = checklist_json(task, c->arena);
    row.values[TASK_IS_FIRST] = task->is_first ? STR("1") : STR("0");
    row.values[TASK_STATUS] = STR("open");
    row.values[TASK_OPENED] = work_text_of(c->now_ns, c->arena);
    row.values[TASK_MINUTES] = work_text_of(task->minutes, c->arena);
    row.values[TASK_DUE] = is_running ? due_of(c, task->minutes) : STR("0");
    row.values[TASK_ACTION] = task->action;
    row.values[TASK_SCOPE] = task->scope;
    row.values[TASK_PLAYBOOK] = sheet->type;
    row.values[TASK_PLAYBOOK_VERSION] = sheet->version;
    if (task->watch_days)
        row.values[TASK_WATCH_UNTIL] = work_text_of(c->now_ns + task->watch_days * DAY_NS, c->arena);
    return work_add(c, WORK_TASK, &row);
}

static bool is_unfinished(const struct work_row *task)
{
    struct str status = task->values[TASK_STATUS];
    return str_eq(status, STR("open")) || str_eq(status, STR("doing"));
}

static bool end_task(struct casework *c, struct work_row *task, struct str status, struct str reason)
{
    return work_set(c, WORK_TASK, task, TASK_STATUS, status) &&
           work_set(c, WORK_TASK, task, TASK_REASON, reason) &&
           work_set_number(c, WORK_TASK, task, TASK_ENDED, c->now_ns);
}

static bool supersede_first(struct casework *c, uint64_t incident)
{
    struct work_rows tasks;
    if (!work_rows_of(c, WORK_TASK, incident, &tasks))
        return false;
    for (uint32_t i = 0; i < tasks.count; i++)
        if (work_flag(&tasks.rows[i], TASK_IS_FIRST) && is_unfinished(&tasks.rows[i]) &&
            !end_task(c, &tasks.rows[i], STR("superseded"),
                      STR("the confidence has changed / 確信度が変わったため")))
            return false;
    return true;
}

static bool open_all(struct casework *c, const struct incident *incident)
{
    const struct playbooks *books = c->s->playbooks;
    const struct playbook_sheet *own = playbooks_find(books, incident->type),
                                *common = playbooks_find(books, STR("*"));
    uint32_t count;
    const struct playbook_task **tasks = playbooks_tasks(books, incident->type, c->arena, &count);
    for (uint32_t i = 0; i < count; i++) {
        bool is_own = own != NULL && tasks[i] >= own->tasks && tasks[i] < own->tasks + own->task_count;
        if (!open_task(c, incident->id, tasks[i], is_own ? own : common))
            return false;
    }
    return true;
}

bool work_is_server(struct server *s, const struct incident *incident)
{
    bool is = false;
    struct context *context = engine_context(s->engine);
    for (uint32_t i = 0; context != NULL && i < incident->finding_count && !is; i++) {
        const struct incident_finding *f = &incident->findings[i];
        const struct asset_host *host = f->host_name.n || f->host_ip.n
                                            ? context_find_host(context, f->host_name, f->host_ip, f->last_ns)
                                            : NULL;
        is = host != NULL && str_eq_nocase(host->type, STR("server"));
    }
    context_unref(context);
    return is;
}

static bool follow(struct casework *c, const struct incident *incident, struct work_row *known)
{
    const struct playbook_task *first =
        playbooks_first(c->s->playbooks, str_c(score_first_task(incident)), work_is_server(c->s, incident));
    bool is_new = known->id == 0;
    if (first == NULL || str_eq(first->id, known->values[CASE_FIRST_KIND]))
        return true;
    if (!work_begin(c))
        return false;
    bool ok = is_new ? work_add(c, WORK_CASE, known) : supersede_first(c, incident->id);
    ok = ok && open_task(c, incident->id, first, playbooks_find(c->s->playbooks, STR("*")));
    ok = ok && work_set(c, WORK_CASE, known, CASE_FIRST_KIND, first->id);
    ok = ok && (!is_new || open_all(c, incident));
    struct deed deed = work_deed(c, "instruct", incident->id, "incident", incident->id,
                                 arena_printf(c->arena, "first task: %.*s / 最初の作業: %.*s",
                                              STR_ARGS(first->title.en), STR_ARGS(first->title.ja)));
    if (!work_end(c, ok, &deed))
        return false;
    if (first->watch_days != 0)
        work_want_watch(c->s, incident->id);
    return true;
}

/* How it came in, by its earliest evidence, until a person says (S3). */
static bool note_vector(struct casework *c, const struct incident *incident, struct work_row *known)
{
    struct str kind = c->s->vectors ? vectors_of(c->s->vectors, incident) : STR_EMPTY;
    struct str by = known->values[CASE_VECTOR_BY];
    if (known->id == 0 || kind.n == 0 || str_eq(kind, known->values[CASE_VECTOR_KIND]) ||
        (by.n && !str_eq(by, c->actor)))
        return true;
    if (!work_begin(c))
        return false;
    bool ok = work_set(c, WORK_CASE, known, CASE_VECTOR_KIND, kind) &&
              work_set(c, WORK_CASE, known, CASE_VECTOR_BY, c->actor);
    struct deed deed = work_deed(c, "judge", incident->id, "incident", incident->id, STR_EMPTY);
    return work_end(c, ok, &deed);
}

void work_follow(struct server *s, const struct incident *incident)
{
    struct arena arena;
    struct console_failure failure = {0};
    struct work_row known;
    if (incident->id == 0 || incident->state == INCIDENT_CANDIDATE || !incident_is_open(incident->state) ||
        s->playbooks == NULL)
        return;
    arena_init(&arena, 16 << 10);
    struct casework c = work_machine(s, &arena, &failure);
    if (!work_case(&c, incident->id, &known) || !follow(&c, incident, &known) ||
        !note_vector(&c, incident, &known))
        log_warning(tr("the tasks of incident %llu could not be opened: %s",
                       "インシデント %llu の作業を開けませんでした: %s"),
                    (unsigned long long)incident->id, failure.en.text);
    arena_free(&arena);
}

bool work_catch_up(struct server *s, struct error *err)
{
    struct arena arena;
    struct incident_page page = {.selection = SELECT_OPEN_INCIDENTS,
                                 .limit = WORK_ROWS_MOST,
                                 .with_findings = true};
    arena_init(&arena, 256 << 10);
    bool ok = state_incidents_list(s->state, &arena, &page, err);
    for (uint32_t i = 0; ok && i < page.count; i++)
        work_follow(s, &page.incidents[i]);
    for (uint32_t i = 0; ok && i < page.count; i++)
        work_want_watch(s, page.incidents[i].id); /* who has its history is passed over */
    arena_free(&arena);
    return ok;
}

bool work_enter_stage(struct casework *c, uint64_t incident, enum incident_state state)
{
    struct work_rows tasks;
    if (!work_rows_of(c, WORK_TASK, incident, &tasks))
        return false;
    for (uint32_t i = 0; i < tasks.count; i++) {
        struct work_row *task = &tasks.rows[i];
        if (!str_eq(task->values[TASK_STAGE], incident_state_name(state)) || !is_unfinished(task) ||
            work_number(task, TASK_DUE) != 0)
            continue;
        if (!work_set(c, WORK_TASK, task, TASK_DUE, due_of(c, work_number(task, TASK_MINUTES))))
            return false;
    }
    return true;
}

bool work_drop_tasks(struct casework *c, uint64_t incident, struct str reason)
{
    struct work_rows tasks;
    if (!work_rows_of(c, WORK_TASK, incident, &tasks))
        return false;
    for (uint32_t i = 0; i < tasks.count; i++)
        if (is_unfinished(&tasks.rows[i]) && !end_task(c, &tasks.rows[i], STR("superseded"), reason))
            return false;
    return true;
}

/* ---------------------------------------------------------------- showing */

void work_put_task(const struct work_row *task, int64_t now_ns, bool sees_persons, struct json_writer *w)
{
    int64_t due_ns = work_number(task, TASK_DUE);
    json_begin_object(w);
    work_row_members(WORK_TASK, task, sees_persons, w);
    json_key(w, "is_late");
    json_put_bool(w, due_ns != 0 && due_ns < now_ns && is_unfinished(task));
    json_end_object(w);
}

bool work_tasks_json(struct server *s, uint64_t incident, bool sees_persons, struct arena *arena,
                     struct str *first, struct str *all)
{
    struct console_failure failure = {0};
    struct casework c = work_machine(s, arena, &failure);
    struct work_rows tasks;
    struct buf one = {0}, many = {0};
    struct json_writer w = {.out = &many};
    if (!work_rows_of(&c, WORK_TASK, incident, &tasks))
        return false;
    json_begin_array(&w);
    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct work_row *task = &tasks.rows[i];
        work_put_task(task, c.now_ns, sees_persons, &w);
        if (work_flag(task, TASK_IS_FIRST) && !str_eq(task->values[TASK_STATUS], STR("superseded"))) {
            buf_clear(&one);
            work_put_task(task, c.now_ns, sees_persons, &(struct json_writer){.out = &one});
        }
    }
    json_end_array(&w);
    *first = arena_str(arena, buf_str(&one));
    *all = arena_str(arena, buf_str(&many));
    buf_free(&one);
    buf_free(&many);
    return true;
}

static bool answer_task(struct casework *c, const struct work_row *task)
{
    work_put_task(task, c->now_ns, c->sees_persons, &(struct json_writer){.out = c->out});
    return true;
}

bool work_get_tasks(struct casework *c)
{
    struct incident incident;
    struct str first, all;
    if (!work_incident(c, c->q->id, &incident))
        return false;
    if (!work_tasks_json(c->s, c->q->id, c->sees_persons, c->arena, &first, &all))
        return work_refuse(c, 500, "The tasks cannot be read.", "作業を読み出せません。");
    buf_printf(c->out, "{\"rows\":%.*s,\"first_task\":%.*s}", STR_ARGS(all),
               STR_ARGS(first.n ? first : STR("null")));
    return true;
}

/* --------------------------------------------------------------- changing */

bool work_post_task(struct casework *c)
{
    struct incident incident;
    struct work_row row = {0};
    if (!work_incident(c, c->q->id, &incident))
        return false;
    work_take_members(c, WORK_TASK, &row);
    row.values[TASK_INCIDENT] = work_text_of((int64_t)incident.id, c->arena);
    row.values[TASK_KEY] = STR("own");
    row.values[TASK_TITLE_EN] = row.values[TASK_TITLE_JA] = work_value(c, "title");
    row.values[TASK_SCRIPT_EN] = row.values[TASK_SCRIPT_JA] = work_value(c, "script");
    if (!work_given(c, "stage"))
        row.values[TASK_STAGE] = incident_state_name(incident.state);
    row.values[TASK_STATUS] = STR("open");
    row.values[TASK_OPENED] = work_text_of(c->now_ns, c->arena);
    row.values[TASK_DUE] = due_of(c, work_value_number(c, "minutes", 0));
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_TASK, &row);
    struct deed deed = work_deed(c, "instruct", incident.id, "task", row.id, work_value(c, "title"));
    return work_end(c, ok, &deed) && answer_task(c, &row);
}

/* What the task does must have been decided before it begins (S161–S165). */
static bool check_authority(struct casework *c, const struct incident *incident, const struct work_row *task,
                            struct str *approved_by)
{
    bool may = true;
    struct work_row approval = {0};
    struct str action = task->values[TASK_ACTION], scope = task->values[TASK_SCOPE];
    *approved_by = STR_EMPTY;
    if (action.n == 0)
        return true;
    if (!work_may_act(c, incident, action, scope, &may, &approval))
        return false;
    if (!may) {
        c->failure->status = 409;
        error_set(&c->failure->en,
                  "%.*s/%.*s has not been approved; ask with POST /api/v1/incidents/%llu/approvals.",
                  STR_ARGS(action), STR_ARGS(scope), (unsigned long long)incident->id);
        error_set(
            &c->failure->ja,
            "%.*s/%.*s は承認されていません。POST /api/v1/incidents/%llu/approvals で起案してください。",
            STR_ARGS(action), STR_ARGS(scope), (unsigned long long)incident->id);
        return false;
    }
    *approved_by = approval.id == 0 ? arena_printf(c->arena, "none, within authority %.*s/%.*s",
                                                   STR_ARGS(action), STR_ARGS(scope))
                                    : approval.values[APPROVAL_DECIDED_BY];
    return true;
}

static bool set_status(struct casework *c, struct work_row *task, struct str status)
{
    if (!work_set(c, WORK_TASK, task, TASK_STATUS, status))
        return false;
    if (str_eq(status, STR("doing")))
        return work_set_number(c, WORK_TASK, task, TASK_STARTED, c->now_ns);
    if (str_eq(status, STR("open")))
        return work_set_number(c, WORK_TASK, task, TASK_ENDED, 0);
    return work_set_number(c, WORK_TASK, task, TASK_ENDED, c->now_ns) &&
           work_set(c, WORK_TASK, task, TASK_DONE_BY, c->actor);
}

static bool write_task(struct casework *c, struct work_row *task, struct str status, struct str approved_by)
{
    static const char *const plain[] = {"assignee",      "result",      "reason",
                                        "instructed_by", "approved_by", "reported_to"};
    for (size_t i = 0; i < COUNT_OF(plain); i++)
        if (work_given(c, plain[i]) &&
            !work_set(c, WORK_TASK, task, work_column_find(WORK_TASK, str_c(plain[i])),
                      work_value(c, plain[i])))
            return false;
    if (status.n && !set_status(c, task, status))
        return false;
    return task->values[TASK_APPROVED_BY].n || approved_by.n == 0 ||
           work_set(c, WORK_TASK, task, TASK_APPROVED_BY, approved_by);
}

bool work_change_task(struct casework *c, struct work_row *task, const struct incident *incident)
{
    struct str status = work_value(c, "status"), approved_by = STR_EMPTY;
    bool begins = str_eq(status, STR("doing")) || str_eq(status, STR("done"));
    if (str_eq(task->values[TASK_STATUS], STR("superseded")))
        return work_refuse(c, 409, "This task was superseded by another.",
                           "この作業は別の作業に置き換えられました。");
    if (str_eq(status, STR("waived")) && work_value(c, "reason").n == 0)
        return work_refuse(c, 400, "Waiving a task needs a \"reason\".",
                           "作業の免除には「reason」が必要です。");
    if (begins && incident != NULL && !check_authority(c, incident, task, &approved_by))
        return false;
    if (!work_begin(c))
        return false;
    bool ok = write_task(c, task, status, approved_by);
    struct deed deed =
        work_deed(c, begins ? "execute" : "instruct", (uint64_t)work_number(task, TASK_INCIDENT), "task",
                  task->id, work_given(c, "result") ? work_value(c, "result") : work_value(c, "reason"));
    deed.approved_by = task->values[TASK_APPROVED_BY];
    return work_end(c, ok, &deed);
}

bool work_patch_task(struct casework *c)
{
    struct incident incident;
    struct work_row task;
    return work_incident(c, c->q->id, &incident) && work_row_of(c, WORK_TASK, c->q->item, c->q->id, &task) &&
           work_change_task(c, &task, &incident) && answer_task(c, &task);
}
