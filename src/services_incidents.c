/* Incidents for the console: the queue, one incident, and changes of state. */
#include "server.h"

#include "incident/incident.h"
#include "store/state_incidents.h"

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = *err;
    return false;
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
    return true;
}

static bool incident(void *ctx, uint64_t id, struct arena *arena, struct incident *out,
                     struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    return state_incidents_load(s->state, id, arena, out, &err) || fail(&err, 404, failure);
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
    return true;
}

static bool incident_change(void *ctx, const struct incident_change *change, struct console_failure *failure)
{
    struct server *s = ctx;
    struct arena arena;
    struct incident now;
    struct error err;
    arena_init(&arena, 64 << 10);
    if (!state_incidents_load(s->state, change->id, &arena, &now, &err)) {
        arena_free(&arena);
        return fail(&err, 404, failure);
    }
    enum incident_state from = now.state, to = change->has_state ? change->state : now.state;
    arena_free(&arena);
    if (change->has_state && !incident_check_transition(from, to, &err))
        return fail(&err, 409, failure);
    struct state_change step = {
        .who = change->viewer.user, .note = change->note, .when_ns = clock_wall_ns(), .from = from, .to = to};
    if (!state_incidents_change(s->state, change->id, &step, &err))
        return fail(&err, 409, failure);
    if (change->has_state)
        desk_note_state(s->desk, change->id, to);
    return true;
}

static bool incident_may_step(enum incident_state from, enum incident_state to)
{
    struct error why;
    return incident_check_transition(from, to, &why);
}

void services_incidents(struct console_services *s)
{
    s->incidents = incidents;
    s->incident = incident;
    s->incident_history = incident_history;
    s->incident_change = incident_change;
    s->incident_may_step = incident_may_step;
}
