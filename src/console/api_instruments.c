/* The instruments: what each has seen, told and holds, and the lists that some keep. Stage: console. Next:
 * services.h. */
#include "console/console_internal.h"
#include "console/router.h"

static void answer(struct request *r, bool is_done, const struct buf *json,
                   const struct console_failure *failure)
{
    if (is_done)
        buf_add(reply_json(r, 200), buf_str(json));
    else
        reply_failure(r, failure);
}

static bool is_offered(struct request *r)
{
    if (r->services->instruments != NULL)
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                  STR("このサーバーでは利用できません。"));
    return false;
}

static void get_instruments(struct request *r)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (is_offered(r))
        answer(r, r->services->instruments(r->services->ctx, &json, &failure), &json, &failure);
    buf_free(&json);
}

static void get_list(struct request *r)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (is_offered(r))
        answer(r, r->services->instrument_list(r->services->ctx, r->path_values[0], &json, &failure), &json,
               &failure);
    buf_free(&json);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/instruments", get_instruments, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/instruments/{name}/list", get_list, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL, NULL,
     NULL},
};
const struct route_table instrument_routes = {ROUTES, COUNT_OF(ROUTES)};
