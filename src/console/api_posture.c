/* The posture of the team: what it is, who overrides it, who confirms that Orange is over, notices from
 * outside. Stage: console. Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

enum { OVERRIDE_LEVEL, OVERRIDE_REASON, OVERRIDE_APPROVER, OVERRIDE_EXPIRES };
static const struct parameter OVERRIDE[] = {
    {"level", PARAMETER_CHOICE, true, 0, 0,
     "green|yellow|orange|red"}, /* in the order of enum posture_level */
    {"reason", PARAMETER_TEXT, true, 1, 200, NULL},
    {"approver", PARAMETER_TEXT, true, 1, 64, NULL},
    {"expires", PARAMETER_TIME, true, 0, 0, NULL},
    {0},
};

enum { NOTICE_ISSUER, NOTICE_TREND, NOTICE_PORT, NOTICE_TLP, NOTICE_TIME };
static const struct parameter NOTICE[] = {
    {"issuer", PARAMETER_TEXT, true, 1, 100, NULL},     {"trend", PARAMETER_TEXT, true, 1, 100, NULL},
    {"port", PARAMETER_INTEGER, false, 1, 65535, NULL}, {"tlp", PARAMETER_TEXT, false, 1, 15, NULL},
    {"time", PARAMETER_TIME, true, 0, 0, NULL},         {0},
};

static void answer(struct request *r, const struct posture_action *action)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (r->services->posture == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                      STR("このサーバーでは利用できません。"));
    else if (r->services->posture(r->services->ctx, action, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static void get_posture(struct request *r)
{
    answer(r, &(struct posture_action){.kind = POSTURE_LOOK});
}

static void post_override(struct request *r)
{
    const struct parameter_value *v = r->members;
    answer(r, &(struct posture_action){.kind = POSTURE_OVERRIDE,
                                       .level = (int)v[OVERRIDE_LEVEL].number,
                                       .text = v[OVERRIDE_REASON].text,
                                       .approver = v[OVERRIDE_APPROVER].text,
                                       .time_ns = v[OVERRIDE_EXPIRES].number,
                                       .viewer = request_viewer(r)});
}

static void delete_override(struct request *r)
{
    answer(r, &(struct posture_action){.kind = POSTURE_WITHDRAW, .viewer = request_viewer(r)});
}

static void post_confirm(struct request *r)
{
    answer(r, &(struct posture_action){.kind = POSTURE_CONFIRM, .viewer = request_viewer(r)});
}

static void post_notice(struct request *r)
{
    const struct parameter_value *v = r->members;
    answer(r, &(struct posture_action){.kind = POSTURE_NOTICE,
                                       .issuer = v[NOTICE_ISSUER].text,
                                       .text = v[NOTICE_TREND].text,
                                       .port = v[NOTICE_PORT].is_given ? (uint16_t)v[NOTICE_PORT].number : 0,
                                       .tlp = v[NOTICE_TLP].is_given ? v[NOTICE_TLP].text : STR_EMPTY,
                                       .time_ns = v[NOTICE_TIME].number,
                                       .viewer = request_viewer(r)});
}

static void post_notice_confirm(struct request *r)
{
    struct posture_action action = {.kind = POSTURE_CONFIRM_NOTICE, .viewer = request_viewer(r)};
    if (str_to_u64(r->path_values[0], 10, &action.id))
        answer(r, &action);
    else
        reply_problem(r, PROBLEM_NOT_FOUND, STR("There is no such notice."), STR("その通知はありません。"));
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/posture", get_posture, RUN_WORKER, MAY_SEE_STATUS, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/posture/override", post_override, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, OVERRIDE,
     "posture.override"},
    {METHOD_DELETE, "/api/v1/posture/override", delete_override, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, NULL,
     "posture.withdraw"},
    {METHOD_POST, "/api/v1/posture/confirm", post_confirm, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, NULL,
     "posture.confirm"},
    {METHOD_POST, "/api/v1/posture/notices", post_notice, RUN_WORKER, MAY_WORK_INCIDENTS, 0, NULL, NOTICE,
     "posture.notice"},
    {METHOD_POST, "/api/v1/posture/notices/{id}/confirm", post_notice_confirm, RUN_WORKER, MAY_WORK_INCIDENTS,
     0, NULL, NULL, "posture.notice.confirm"},
};
const struct route_table posture_routes = {ROUTES, COUNT_OF(ROUTES)};
