/* The response record: who did what and when, its newest hash, its check, and the lawful erasure of a text.
 * Stage: console. Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

#define NUMBER_MAX 9007199254740991

enum { LIST_INCIDENT, LIST_ACTOR, LIST_FROM, LIST_TO, LIST_BEFORE, LIST_LIMIT };
static const struct parameter LIST[] = {
    {"incident", PARAMETER_INTEGER, false, 1, NUMBER_MAX, NULL},
    {"actor", PARAMETER_TEXT, false, 1, 64, NULL},
    {"from", PARAMETER_TIME, false, 0, 0, NULL},
    {"to", PARAMETER_TIME, false, 0, 0, NULL},
    {"before", PARAMETER_INTEGER, false, 1, NUMBER_MAX, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 1000, NULL},
    {0},
};

enum { OF_INCIDENT_BEFORE, OF_INCIDENT_LIMIT };
static const struct parameter OF_INCIDENT[] = {
    {"before", PARAMETER_INTEGER, false, 1, NUMBER_MAX, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 1000, NULL},
    {0},
};

static const struct parameter ERASE[] = {
    {"reason", PARAMETER_TEXT, true, 1, 500, NULL},
    {0},
};

static void answer(struct request *r, const struct record_request *request)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (r->services->record == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                      STR("このサーバーでは利用できません。"));
    else if (r->services->record(r->services->ctx, request, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static bool path_number(struct request *r, uint64_t *number)
{
    if (str_to_u64(r->path_values[0], 10, number) && *number > 0 && *number <= NUMBER_MAX)
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("There is no such number."), STR("その番号はありません。"));
    return false;
}

static int64_t number_or(const struct parameter_value *v, int64_t otherwise)
{
    return v->is_given ? v->number : otherwise;
}

static void get_record(struct request *r)
{
    const struct parameter_value *v = r->query;
    answer(r, &(struct record_request){.kind = RECORD_LIST,
                                       .incident = (uint64_t)number_or(&v[LIST_INCIDENT], 0),
                                       .actor = v[LIST_ACTOR].is_given ? v[LIST_ACTOR].text : STR_EMPTY,
                                       .from_ns = number_or(&v[LIST_FROM], INT64_MIN),
                                       .to_ns = number_or(&v[LIST_TO], INT64_MAX),
                                       .seq = (uint64_t)number_or(&v[LIST_BEFORE], 0),
                                       .limit = (uint32_t)number_or(&v[LIST_LIMIT], 100),
                                       .viewer = request_viewer(r)});
}

static void get_of_incident(struct request *r)
{
    struct record_request request = {.kind = RECORD_LIST,
                                     .actor = STR_EMPTY,
                                     .from_ns = INT64_MIN,
                                     .to_ns = INT64_MAX,
                                     .seq = (uint64_t)number_or(&r->query[OF_INCIDENT_BEFORE], 0),
                                     .limit = (uint32_t)number_or(&r->query[OF_INCIDENT_LIMIT], 100),
                                     .viewer = request_viewer(r)};
    if (path_number(r, &request.incident))
        answer(r, &request);
}

static void get_head(struct request *r)
{
    answer(r, &(struct record_request){.kind = RECORD_HEAD, .viewer = request_viewer(r)});
}

static void post_verify(struct request *r)
{
    answer(r, &(struct record_request){.kind = RECORD_VERIFY, .viewer = request_viewer(r)});
}

static void post_erase(struct request *r)
{
    struct record_request request = {.kind = RECORD_ERASE,
                                     .text = str_trim(r->members[0].text),
                                     .viewer = request_viewer(r)};
    if (path_number(r, &request.seq))
        answer(r, &request);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/record", get_record, RUN_WORKER, MAY_SEE_RECORD, 0, LIST, NULL, "record.view"},
    {METHOD_GET, "/api/v1/incidents/{id}/record", get_of_incident, RUN_WORKER, MAY_SEE_INCIDENTS, 0,
     OF_INCIDENT, NULL, "record.view"},
    {METHOD_GET, "/api/v1/record/head", get_head, RUN_WORKER, MAY_SEE_RECORD, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/record/verify", post_verify, RUN_WORKER, MAY_SEE_RECORD, 0, NULL, NULL,
     "record.verify"},
    {METHOD_POST, "/api/v1/record/{id}/erase-payload", post_erase, RUN_WORKER, MAY_ERASE_RECORD, 0, NULL,
     ERASE, "record.erase"},
};
const struct route_table response_record_routes = {ROUTES, COUNT_OF(ROUTES)};
