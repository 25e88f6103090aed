/* Deadlines of an incident, and its exports. Stage: console. Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

enum { ACT_ACTION, ACT_NAME, ACT_VALUE, ACT_RECEIPT, ACT_AT };
static const struct parameter ACT[] = {
    {"action", PARAMETER_CHOICE, true, 0, 0,
     "fact|knew|met|waive"}, /* in the order of enum deadline_action */
    {"name", PARAMETER_TEXT, true, 1, 128, NULL},
    {"value", PARAMETER_TEXT, false, 0, 60000, NULL},
    {"receipt", PARAMETER_TEXT, false, 0, 256, NULL},
    {"at", PARAMETER_TIME, false, 0, 0, NULL},
    {0},
};

enum { ASK_FORMAT, ASK_REDACT, ASK_TLP, ASK_BOM };
static const struct parameter EXPORT[] = {
    {"format", PARAMETER_CHOICE, true, 0, 0, "stix|iodef|misp|csv|jsonl"}, /* enum export_format */
    {"redact", PARAMETER_CHOICE, false, 0, 0, "none|internal|anonymous"},
    {"tlp", PARAMETER_CHOICE, false, 0, 0, "clear|green|amber|amber-strict|red"},
    {"bom", PARAMETER_BOOLEAN, false, 0, 0, NULL},
    {0},
};

static bool incident_id(struct request *r, uint64_t *id)
{
    if (str_to_u64(r->path_values[0], 10, id))
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("Incident identifiers are whole numbers."),
                  STR("インシデントの識別子は整数です。"));
    return false;
}

static bool is_offered(struct request *r)
{
    if (r->services->deadlines != NULL)
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                  STR("このサーバーでは利用できません。"));
    return false;
}

static void write_deadlines(struct request *r, uint64_t id)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (r->services->deadlines(r->services->ctx, id, &r->arena, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static void get_deadlines(struct request *r)
{
    uint64_t id;
    if (is_offered(r) && incident_id(r, &id))
        write_deadlines(r, id);
}

static struct str text_of(const struct parameter_value *v)
{
    return v->is_given ? str_trim(v->text) : STR_EMPTY;
}

static void post_deadline(struct request *r)
{
    const struct parameter_value *v = r->members;
    struct console_failure failure = failure_none();
    struct deadline_act act = {.viewer = request_viewer(r)};
    if (!is_offered(r) || !incident_id(r, &act.id))
        return;
    act.action = (enum deadline_action)v[ACT_ACTION].number;
    act.name = text_of(&v[ACT_NAME]);
    act.value = text_of(&v[ACT_VALUE]);
    act.receipt = text_of(&v[ACT_RECEIPT]);
    act.at_ns = v[ACT_AT].is_given ? v[ACT_AT].number : TIME_UNKNOWN;
    if (r->services->deadline_act(r->services->ctx, &act, &failure))
        write_deadlines(r, act.id);
    else
        reply_failure(r, &failure);
}

static const struct {
    const char *type, *suffix;
} media[] = {
    [EXPORT_STIX] = {"application/stix+json;version=2.1", "stix.json"},
    [EXPORT_IODEF] = {"application/json", "iodef.json"},
    [EXPORT_MISP] = {"application/json", "misp.json"},
    [EXPORT_CSV] = {"text/csv; charset=utf-8", "csv"},
    [EXPORT_JSONL] = {"application/x-ndjson", "jsonl"},
};

static void get_export(struct request *r)
{
    const struct parameter_value *v = r->query;
    struct console_failure failure = failure_none();
    struct export_request request = {.viewer = request_viewer(r)};
    struct buf out = {0};
    if (!is_offered(r) || !incident_id(r, &request.id))
        return;
    request.format = (enum export_format)v[ASK_FORMAT].number;
    request.redact = v[ASK_REDACT].is_given ? (int)v[ASK_REDACT].number : 1;
    request.tlp = v[ASK_TLP].is_given ? (int)v[ASK_TLP].number : 2;
    request.has_bom = v[ASK_BOM].is_given && v[ASK_BOM].number;
    if (r->services->incident_export(r->services->ctx, &request, &r->arena, &out, &failure)) {
        buf_add(reply_text(r, 200, media[request.format].type), buf_str(&out));
        reply_header(r, "Content-Disposition",
                     arena_printf(&r->arena, "attachment; filename=\"incident-%llu.%s\"",
                                  (unsigned long long)request.id, media[request.format].suffix));
    } else {
        reply_failure(r, &failure);
    }
    buf_free(&out);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/incidents/{id}/deadlines", get_deadlines, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL,
     NULL, NULL},
    {METHOD_POST, "/api/v1/incidents/{id}/deadlines", post_deadline, RUN_WORKER, MAY_WORK_INCIDENTS, 0, NULL,
     ACT, "incident.deadline"},
    {METHOD_GET, "/api/v1/incidents/{id}/export", get_export, RUN_WORKER, MAY_WORK_INCIDENTS, 0, EXPORT, NULL,
     "incident.export"},
};
const struct route_table outside_routes = {ROUTES, COUNT_OF(ROUTES)};
