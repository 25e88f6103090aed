/* Proof that rules can fire: canaries, coverage, and the register of exceptions from rules. Stage: console.
 * Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

enum { ADD_RULE, ADD_CONDITION, ADD_OWNER, ADD_REASON, ADD_EXPIRES };
static const struct parameter ADD[] = {
    {"rule_id", PARAMETER_TEXT, true, 1, 256, NULL}, {"condition", PARAMETER_TEXT, true, 1, 8192, NULL},
    {"owner", PARAMETER_TEXT, true, 1, 256, NULL},   {"reason", PARAMETER_TEXT, true, 1, 4096, NULL},
    {"expires", PARAMETER_TIME, true, 0, 0, NULL},   {0},
};

static void not_offered(struct request *r)
{
    reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                  STR("このサーバーでは利用できません。"));
}

typedef bool (*json_service)(void *ctx, struct arena *arena, struct buf *json,
                             struct console_failure *failure);

static void answer_json(struct request *r, json_service service)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (service == NULL) {
        not_offered(r);
        return;
    }
    if (service(r->services->ctx, &r->arena, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static void get_proof(struct request *r)
{
    answer_json(r, r->services->proof);
}

static void get_coverage(struct request *r)
{
    answer_json(r, r->services->coverage);
}

static void get_exceptions(struct request *r)
{
    answer_json(r, r->services->exceptions);
}

static void post_proof_run(struct request *r)
{
    if (r->services->proof_run == NULL)
        not_offered(r);
    else if (r->services->proof_run(r->services->ctx))
        buf_c(reply_json(r, 202), "{\"started\":true}");
    else
        reply_problem(r, PROBLEM_CONFLICT, STR("Canaries are under way already."),
                      STR("カナリアはすでに実行中です。"));
}

static void post_exception(struct request *r)
{
    const struct parameter_value *v = r->members;
    struct console_failure failure = failure_none();
    uint64_t id = 0;
    struct exception_request request = {.rule_id = v[ADD_RULE].text,
                                        .condition = v[ADD_CONDITION].text,
                                        .owner = v[ADD_OWNER].text,
                                        .reason = v[ADD_REASON].text,
                                        .expires_ns = v[ADD_EXPIRES].number,
                                        .viewer = request_viewer(r)};
    if (r->services->exception_add == NULL)
        not_offered(r);
    else if (r->services->exception_add(r->services->ctx, &request, &id, &failure))
        buf_printf(reply_json(r, 201), "{\"id\":%llu}", (unsigned long long)id);
    else
        reply_failure(r, &failure);
}

static void delete_exception(struct request *r)
{
    struct console_failure failure = failure_none();
    struct console_viewer viewer = request_viewer(r);
    uint64_t id;
    if (r->services->exception_withdraw == NULL || !str_to_u64(r->path_values[0], 10, &id))
        reply_problem(r, PROBLEM_NOT_FOUND, STR("There is no such exception."),
                      STR("その例外はありません。"));
    else if (r->services->exception_withdraw(r->services->ctx, id, &viewer, &failure))
        reply_nothing(r, 204);
    else
        reply_failure(r, &failure);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/proof", get_proof, RUN_WORKER, MAY_SEE_RULES, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/proof/run", post_proof_run, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, NULL,
     "proof.run"},
    {METHOD_GET, "/api/v1/coverage", get_coverage, RUN_WORKER, MAY_SEE_RULES, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/exceptions", get_exceptions, RUN_WORKER, MAY_SEE_RULES, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/exceptions", post_exception, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, ADD,
     "exception.add"},
    {METHOD_DELETE, "/api/v1/exceptions/{id}", delete_exception, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, NULL,
     "exception.withdraw"},
};
const struct route_table proof_routes = {ROUTES, COUNT_OF(ROUTES)};
