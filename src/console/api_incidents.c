/* Findings and incidents. Stage: console. Reads filters and changes, leaves the queue, one incident, stored
 * findings. Next: incident_json.c. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/incident_json.h"
#include "console/router.h"

enum { FINDINGS_FROM, FINDINGS_TO, FINDINGS_LIMIT };
static const struct parameter FINDINGS[] = {
    {"from", PARAMETER_TIME, false, 0, 0, NULL},
    {"to", PARAMETER_TIME, false, 0, 0, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 1000, NULL},
    {0},
};

enum { INCIDENTS_STATE, INCIDENTS_LIMIT };
static const struct parameter INCIDENTS[] = {
    {"state", PARAMETER_CHOICE, false, 0, 0, "open|closed|all"}, /* in the order of enum incident_filter */
    {"limit", PARAMETER_INTEGER, false, 1, 1000, NULL},
    {0},
};

enum { CHANGE_STATE, CHANGE_NOTE, CHANGE_HOLD_REASON, CHANGE_TARGET };
static const struct parameter CHANGE[] = {
    {"state", PARAMETER_TEXT, false, 1, 32, NULL},
    {"note", PARAMETER_TEXT, false, 0, 4000, NULL},
    {"hold_reason", PARAMETER_CHOICE, false, 0, 0, "user|approval|vendor|evidence"},
    {"target", PARAMETER_INTEGER, false, 1, INT64_C(1) << 53, NULL},
    {0},
};

static uint32_t limit_of(const struct parameter_value *v, uint32_t fallback)
{
    return v->is_given ? (uint32_t)v->number : fallback;
}

static bool is_visible(const struct request *r, struct str department)
{
    struct console_viewer viewer = request_viewer(r);
    return r->services->incident_is_visible == NULL ||
           r->services->incident_is_visible(r->services->ctx, &viewer, department);
}

static void get_findings(struct request *r)
{
    const struct parameter_value *v = r->query;
    struct console_failure failure = failure_none();
    struct finding_list list = {0};
    int64_t from_ns = v[FINDINGS_FROM].is_given ? v[FINDINGS_FROM].number : INT64_MIN;
    int64_t to_ns = v[FINDINGS_TO].is_given ? v[FINDINGS_TO].number : INT64_MAX;
    if (!r->services->findings(r->services->ctx, from_ns, to_ns, limit_of(&v[FINDINGS_LIMIT], 100), &r->arena,
                               &list, &failure)) {
        reply_failure(r, &failure);
        return;
    }
    struct buf *out = reply_json(r, 200);
    buf_c(out, "{\"rows\":[");
    for (uint32_t i = 0, written = 0; i < list.count; i++) {
        if (!is_visible(r, list.rows[i].department))
            continue;
        if (written++)
            buf_char(out, ',');
        incident_finding_json(&list.rows[i], viewing_of(r), out);
    }
    buf_c(out, "]}");
}

static void get_incidents(struct request *r)
{
    const struct parameter_value *v = r->query;
    struct console_failure failure = failure_none();
    struct incident_list list = {0};
    enum incident_filter filter =
        v[INCIDENTS_STATE].is_given ? (enum incident_filter)v[INCIDENTS_STATE].number : INCIDENTS_OPEN;
    if (!r->services->incidents(r->services->ctx, filter, limit_of(&v[INCIDENTS_LIMIT], 100), &r->arena,
                                &list, &failure)) {
        reply_failure(r, &failure);
        return;
    }
    struct buf *out = reply_json(r, 200);
    buf_c(out, "{\"rows\":[");
    for (uint32_t i = 0, written = 0; i < list.count; i++) {
        if (!is_visible(r, list.rows[i].department))
            continue;
        if (written++)
            buf_char(out, ',');
        incident_json(&list.rows[i], NULL, viewing_of(r), out);
    }
    buf_c(out, "]}");
}

static bool incident_id(struct request *r, uint64_t *id)
{
    if (str_to_u64(r->path_values[0], 10, id))
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("Incident identifiers are whole numbers."),
                  STR("インシデントの識別子は整数です。"));
    return false;
}

static unsigned next_states(const struct console_services *s, enum incident_state from)
{
    unsigned states = 0;
    for (int to = 0; to < INCIDENT_STATE_COUNT && s->incident_may_step; to++)
        if (to != (int)from && s->incident_may_step(from, (enum incident_state)to))
            states |= 1u << to;
    return states;
}

static void write_incident(struct request *r, uint64_t id)
{
    struct console_failure failure = failure_none();
    struct incident incident = {0};
    struct incident_history history = {0};
    const struct console_services *s = r->services;
    if (!s->incident(s->ctx, id, &r->arena, &incident, &failure) ||
        (s->incident_history && !s->incident_history(s->ctx, id, &r->arena, &history, &failure))) {
        reply_failure(r, &failure);
        return;
    }
    if (!is_visible(r, incident.department)) {
        reply_problem(r, PROBLEM_NOT_FOUND, STR("There is no such incident."),
                      STR("そのインシデントはありません。"));
        return;
    }
    history.next_states = next_states(s, incident.state);
    incident_json(&incident, &history, viewing_of(r), reply_json(r, 200));
}

static void get_incident(struct request *r)
{
    uint64_t id;
    if (incident_id(r, &id))
        write_incident(r, id);
}

static bool read_state(struct request *r, struct incident_change *change)
{
    change->has_state = r->members[CHANGE_STATE].is_given;
    if (!change->has_state)
        return true;
    if (incident_state_parse(r->members[CHANGE_STATE].text, &change->state))
        return true;
    reply_problem(r, PROBLEM_BODY, STR("\"state\" is not a state of incidents; see openapi.json."),
                  STR("「state」がインシデントの状態名ではありません。openapi.json を参照してください。"));
    return false;
}

static void patch_incident(struct request *r)
{
    struct console_failure failure = failure_none();
    struct incident_change change = {.viewer = request_viewer(r), .note = STR_EMPTY};
    if (!incident_id(r, &change.id) || !read_state(r, &change))
        return;
    if (r->members[CHANGE_NOTE].is_given)
        change.note = str_trim(r->members[CHANGE_NOTE].text);
    if (r->members[CHANGE_HOLD_REASON].is_given)
        change.hold_reason = r->members[CHANGE_HOLD_REASON].text;
    if (r->members[CHANGE_TARGET].is_given)
        change.target = (uint64_t)r->members[CHANGE_TARGET].number;
    if (!change.has_state && !change.note.n)
        reply_problem(r, PROBLEM_BODY, STR("Give a state, a note, or both."),
                      STR("状態またはメモを指定してください。"));
    else if (r->services->incident_change(r->services->ctx, &change, &failure))
        write_incident(r, change.id);
    else
        reply_failure(r, &failure);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/findings", get_findings, RUN_WORKER, MAY_SEE_INCIDENTS, 0, FINDINGS, NULL, NULL},
    {METHOD_GET, "/api/v1/incidents", get_incidents, RUN_WORKER, MAY_SEE_INCIDENTS, 0, INCIDENTS, NULL, NULL},
    {METHOD_GET, "/api/v1/incidents/{id}", get_incident, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL, NULL,
     "incident.view"},
    {METHOD_PATCH, "/api/v1/incidents/{id}", patch_incident, RUN_WORKER, MAY_WORK_INCIDENTS, 0, NULL, CHANGE,
     "incident.change"},
};
const struct route_table incident_routes = {ROUTES, COUNT_OF(ROUTES)};
