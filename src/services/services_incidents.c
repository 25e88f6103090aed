/* Incidents for the console: the queue, one incident, and changes of state. */
#include "work/work.h"

#include "store/state_incidents.h"

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = *err;
    return false;
}

static void mark_watched(void *context, const struct risk *risk, const struct focus *focus, int64_t now_ns)
{
    struct incident_list *list = context;
    (void)risk;
    (void)now_ns;
    for (uint32_t i = 0; i < list->count; i++)
        list->rows[i].is_watched = focus_find(focus, &list->rows[i], clock_wall_ns()) != NULL;
}

static bool incidents(void *ctx, enum incident_filter filter, uint32_t limit, struct arena *arena,
                      struct incident_list *out, struct console_failure *failure)
{
    static const enum incident_selection selections[] = {
        [INCIDENTS_OPEN] = SELECT_OPEN_INCIDENTS,
        [INCIDENTS_CLOSED] = SELECT_CLOSED_INCIDENTS,
        [INCIDENTS_ALL] = SELECT_ALL_INCIDENTS,
    };
    struct server *s = ctx;
    struct error err;
    struct incident_page page = {.selection = selections[filter], .limit = limit, .with_findings = true};
    if (!state_incidents_list(s->state, arena, &page, &err))
        return fail(&err, 500, failure);
    *out = (struct incident_list){page.incidents, page.count};
    desk_ask_risk(s->desk, mark_watched, out);
    return true;
}

static bool incident(void *ctx, uint64_t id, struct arena *arena, struct incident *out,
                     struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    if (!state_incidents_load(s->state, id, arena, out, &err))
        return fail(&err, 404, failure);
    desk_ask_risk(s->desk, mark_watched, &(struct incident_list){out, 1});
    return true;
}

static bool incident_history(void *ctx, uint64_t id, struct arena *arena, struct incident_history *out,
                             struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct state_change *changes;
    uint32_t count;
    if (!state_incidents_changes(s->state, id, arena, &changes, &count, &err))
        return fail(&err, 500, failure);
    out->rows = ARENA_ARRAY(arena, struct incident_step, count + 1);
    out->count = count;
    for (uint32_t i = 0; i < count; i++)
        out->rows[i] = (struct incident_step){changes[i].when_ns, changes[i].who, changes[i].note,
                                              changes[i].from, changes[i].to};
    return work_tasks_json(s, id, true, arena, &out->first_task, &out->tasks) ||
           fail(&(struct error){"the tasks cannot be read"}, 500, failure);
}

static bool incident_change(void *ctx, const struct incident_change *change, struct console_failure *failure)
{
    struct arena arena;
    struct casework_answer answer = {0};
    arena_init(&arena, 64 << 10);
    struct casework c = {.s = ctx,
                         .arena = &arena,
                         .answer = &answer,
                         .failure = failure,
                         .actor = change->viewer.user,
                         .roles = change->viewer.roles,
                         .now_ns = clock_wall_ns()};
    bool ok = work_change_state(&c, change);
    arena_free(&arena);
    return ok;
}

static bool incident_is_visible(void *ctx, const struct console_viewer *viewer, struct str department)
{
    return work_may_see(ctx, viewer->roles, viewer->user, &(struct incident){.department = department});
}

static bool incident_may_step(enum incident_state from, enum incident_state to)
{
    return workflow_find(from, to) != NULL;
}

void services_incidents(struct console_services *s)
{
    s->incidents = incidents;
    s->incident = incident;
    s->incident_history = incident_history;
    s->incident_change = incident_change;
    s->incident_is_visible = incident_is_visible;
    s->incident_may_step = incident_may_step;
}
