/* The states of controls on all hosts: the summary, and the hosts behind each figure. Stage: console. Next:
 * services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

#define QUESTIONS                                                                                            \
    "coverage|unmanaged|agents|tampering|engines|patterns|updates|full_scans|scan_durations|late|firewall_"  \
    "policy|"                                                                                                \
    "firewall_data|refusals|patches|functions"

enum { SUMMARY_DEPARTMENT };
static const struct parameter SUMMARY[] = {
    {"department", PARAMETER_TEXT, false, 0, 256, NULL},
    {0},
};

enum { HOSTS_QUESTION, HOSTS_STATE, HOSTS_DEPARTMENT, HOSTS_LIMIT, HOSTS_OFFSET };
static const struct parameter HOSTS[] = {
    {"question", PARAMETER_CHOICE, true, 0, 0, QUESTIONS},
    {"state", PARAMETER_TEXT, false, 0, 64, NULL},
    {"department", PARAMETER_TEXT, false, 0, 256, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 10000, NULL},
    {"offset", PARAMETER_INTEGER, false, 0, 1000000, NULL},
    {0},
};

static struct str text_or_empty(const struct parameter_value *v)
{
    return v->is_given ? v->text : STR_EMPTY;
}

static void answer(struct request *r, bool is_done, const struct buf *json,
                   const struct console_failure *failure)
{
    if (is_done)
        buf_add(reply_json(r, 200), buf_str(json));
    else
        reply_failure(r, failure);
}

static void get_fleet(struct request *r)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (r->services->fleet == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                      STR("このサーバーでは利用できません。"));
    else
        answer(r,
               r->services->fleet(r->services->ctx, text_or_empty(&r->query[SUMMARY_DEPARTMENT]), &r->arena,
                                  &json, &failure),
               &json, &failure);
    buf_free(&json);
}

static void get_hosts(struct request *r)
{
    const struct parameter_value *v = r->query;
    struct console_failure failure = failure_none();
    struct buf json = {0};
    struct fleet_request request = {.question = v[HOSTS_QUESTION].text,
                                    .state = text_or_empty(&v[HOSTS_STATE]),
                                    .department = text_or_empty(&v[HOSTS_DEPARTMENT]),
                                    .limit = v[HOSTS_LIMIT].is_given ? (uint32_t)v[HOSTS_LIMIT].number : 200,
                                    .offset =
                                        v[HOSTS_OFFSET].is_given ? (uint32_t)v[HOSTS_OFFSET].number : 0};
    if (r->services->fleet_hosts == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                      STR("このサーバーでは利用できません。"));
    else
        answer(r, r->services->fleet_hosts(r->services->ctx, &request, &json, &failure), &json, &failure);
    buf_free(&json);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/fleet", get_fleet, RUN_WORKER, MAY_SEE_INCIDENTS, 0, SUMMARY, NULL, NULL},
    {METHOD_GET, "/api/v1/fleet/hosts", get_hosts, RUN_WORKER, MAY_SEE_INCIDENTS, 0, HOSTS, NULL, NULL},
};
const struct route_table fleet_routes = {ROUTES, COUNT_OF(ROUTES)};
