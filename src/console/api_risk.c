/* Risk: of entities, what remains, who is watched, what was accepted, what teaches, and the work list.
 * Stage: console. Every route is one request to one service. Next: services.h. */
#include <stddef.h>

#include "base/json.h"
#include "base/memory.h"
#include "console/console_internal.h"
#include "console/router.h"

enum { ENTITIES_KIND, ENTITIES_LIMIT };
static const struct parameter ENTITIES[] = {
    {"kind", PARAMETER_CHOICE, true, 0, 0, "host|user|department"},
    {"limit", PARAMETER_INTEGER, false, 1, 1000, NULL},
    {0},
};
static const struct parameter EXPOSURE[] = {
    {"by", PARAMETER_CHOICE, true, 0, 0, "person|department"},
    {"limit", PARAMETER_INTEGER, false, 1, 1000, NULL},
    {0},
};
static const struct parameter LIMIT[] = {{"limit", PARAMETER_INTEGER, false, 1, 1000, NULL}, {0}};
enum { LIST_ENDED, LIST_LIMIT };
static const struct parameter LIST[] = {
    {"ended", PARAMETER_BOOLEAN, false, 0, 0, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 1000, NULL},
    {0},
};
static const struct parameter END[] = {{"reason", PARAMETER_TEXT, true, 1, 1000, NULL}, {0}};

static const struct parameter FOCUS[] = {
    {"kind", PARAMETER_CHOICE, true, 0, 0, "host|user|department"},
    {"subject", PARAMETER_TEXT, true, 1, 90, NULL},
    {"reason", PARAMETER_TEXT, true, 1, 1000, NULL},
    {"owner", PARAMETER_TEXT, true, 1, 100, NULL},
    {"approver", PARAMETER_TEXT, true, 1, 64, NULL},
    {"until", PARAMETER_TIME, true, 0, 0, NULL},
    {0},
};

static const struct parameter ACCEPT[] = {
    {"category", PARAMETER_CHOICE, true, 0, 0, "known|mail|web|vulnerability|zero_day|targeted"},
    {"decision", PARAMETER_CHOICE, true, 0, 0, "accept|treat"},
    {"reason", PARAMETER_TEXT, true, 1, 2000, NULL},
    {"owner", PARAMETER_TEXT, true, 1, 100, NULL},
    {"approver", PARAMETER_TEXT, true, 1, 64, NULL},
    {"until", PARAMETER_TIME, true, 0, 0, NULL},
    {0},
};

static const struct parameter SCENARIO[] = {
    {"title", PARAMETER_TEXT, true, 1, 200, NULL},
    {"impact", PARAMETER_TEXT, true, 1, 2000, NULL},
    {"indicators", PARAMETER_TEXT, true, 1, 2000, NULL},
    {"controls", PARAMETER_TEXT, true, 1, 2000, NULL},
    {"owner", PARAMETER_TEXT, true, 1, 100, NULL},
    {"review", PARAMETER_TIME, true, 0, 0, NULL},
    {0},
};

static const struct parameter TRAINING[] = {
    {"department", PARAMETER_TEXT, true, 1, 200, NULL}, {"topic", PARAMETER_TEXT, true, 1, 200, NULL},
    {"held", PARAMETER_TIME, true, 0, 0, NULL},         {"people", PARAMETER_INTEGER, true, 1, 1000000, NULL},
    {"note", PARAMETER_TEXT, false, 0, 1000, NULL},     {0},
};

static const struct parameter HANDOVER[] = {
    {"note", PARAMETER_TEXT, true, 1, 4000, NULL},
    {"to", PARAMETER_TEXT, false, 0, 100, NULL},
    {"until", PARAMETER_TIME, true, 0, 0, NULL},
    {0},
};

static const struct parameter SNOOZE[] = {
    {"item", PARAMETER_TEXT, true, 1, 200, NULL},
    {"reason", PARAMETER_TEXT, true, 1, 1000, NULL},
    {"until", PARAMETER_TIME, true, 0, 0, NULL},
    {0},
};
static const struct parameter ADOPT[] = {{"reason", PARAMETER_TEXT, true, 1, 1000, NULL}, {0}};

static const char *const KINDS[] = {"host", "user", "department"};
static const char *const CATEGORIES[] = {"known", "mail", "web", "vulnerability", "zero_day", "targeted"};
static const char *const DECISIONS[] = {"accept", "treat"};

/* Where a member of the body goes in the request, in the order of its parameters. */
enum place_kind { PLACE_NONE, PLACE_TEXT, PLACE_NUMBER, PLACE_WORD };
struct place {
    enum place_kind kind;
    size_t offset;
    const char *const *words; /* of a choice */
};
#define TEXT(member)                                                                                         \
    {                                                                                                        \
        PLACE_TEXT, offsetof(struct risk_request, member), NULL                                              \
    }
#define NUMBER(member)                                                                                       \
    {                                                                                                        \
        PLACE_NUMBER, offsetof(struct risk_request, member), NULL                                            \
    }
#define WORD(member, words)                                                                                  \
    {                                                                                                        \
        PLACE_WORD, offsetof(struct risk_request, member), words                                             \
    }

/* The registers. Each is listed, added to and ended in the same way under its path. */
static const struct register_form {
    const char *path;
    enum risk_register which;
    struct place places[8]; /* the last is empty */
} FORMS[] = {
    {"/api/v1/focus",
     REGISTER_FOCUS,
     {WORD(kind, KINDS), TEXT(subject), TEXT(reason), TEXT(owner), TEXT(approver), NUMBER(until_ns)}},
    {"/api/v1/risk/acceptances",
     REGISTER_ACCEPTANCE,
     {WORD(kind, CATEGORIES), WORD(decision, DECISIONS), TEXT(reason), TEXT(owner), TEXT(approver),
      NUMBER(until_ns)}},
    {"/api/v1/risk/scenarios",
     REGISTER_SCENARIO,
     {TEXT(subject), TEXT(impact), TEXT(indicators), TEXT(controls), TEXT(owner), NUMBER(until_ns)}},
    {"/api/v1/risk/trainings",
     REGISTER_TRAINING,
     {TEXT(subject), TEXT(kind), NUMBER(from_ns), NUMBER(people), TEXT(reason)}},
    {"/api/v1/worklist/handovers", REGISTER_HANDOVER, {TEXT(reason), TEXT(subject), NUMBER(until_ns)}},
    {"/api/v1/worklist/snoozes", REGISTER_SNOOZE, {TEXT(subject), TEXT(reason), NUMBER(until_ns)}},
    {"/api/v1/calibration", REGISTER_CALIBRATION, {TEXT(reason)}},
};

static struct risk_request blank(struct request *r, enum risk_action action, enum risk_register which)
{
    return (struct risk_request){.action = action,
                                 .which = which,
                                 .kind = STR_EMPTY,
                                 .subject = STR_EMPTY,
                                 .reason = STR_EMPTY,
                                 .owner = STR_EMPTY,
                                 .approver = STR_EMPTY,
                                 .decision = STR_EMPTY,
                                 .impact = STR_EMPTY,
                                 .indicators = STR_EMPTY,
                                 .controls = STR_EMPTY,
                                 .from_ns = TIME_UNKNOWN,
                                 .until_ns = TIME_UNKNOWN,
                                 .limit = 100,
                                 .may_see_persons = request_may(r, MAY_SEE_PERSONS),
                                 .viewer = request_viewer(r)};
}

static void answer(struct request *r, const struct risk_request *request, int status)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (r->services->risk == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                      STR("このサーバーでは利用できません。"));
    else if (!r->services->risk(r->services->ctx, request, &r->arena, &json, &failure))
        reply_failure(r, &failure);
    else if (status == 204)
        reply_nothing(r, 204);
    else
        buf_add(reply_json(r, status), buf_str(&json));
    buf_free(&json);
}

static uint32_t limit_of(const struct parameter_value *v)
{
    return v->is_given ? (uint32_t)v->number : 100;
}

static bool check_persons(struct request *r, bool is_about_persons)
{
    if (!is_about_persons || request_may(r, MAY_SEE_PERSONS))
        return true;
    reply_problem(r, PROBLEM_FORBIDDEN, STR("Risk of persons is for those who may see persons."),
                  STR("個人別のリスクは、個人情報を閲覧できる役割だけが参照できます。"));
    return false;
}

/* ----------------------------------------------------------------- figures */

static void get_entities(struct request *r)
{
    const struct parameter_value *v = r->query;
    struct risk_request request = blank(r, RISK_ENTITIES, REGISTER_FOCUS);
    request.kind = str_c(KINDS[v[ENTITIES_KIND].number]);
    request.limit = limit_of(&v[ENTITIES_LIMIT]);
    if (check_persons(r, str_eq(request.kind, STR("user"))))
        answer(r, &request, 200);
}

static void get_exposure(struct request *r)
{
    const struct parameter_value *v = r->query;
    struct risk_request request = blank(r, RISK_EXPOSURE, REGISTER_FOCUS);
    bool is_person = v[ENTITIES_KIND].number == 0;
    request.kind = is_person ? STR("person") : STR("department");
    request.limit = limit_of(&v[ENTITIES_LIMIT]);
    if (check_persons(r, is_person))
        answer(r, &request, 200);
}

static void get_residual(struct request *r)
{
    struct risk_request request = blank(r, RISK_RESIDUAL, REGISTER_ACCEPTANCE);
    answer(r, &request, 200);
}

static void get_effect(struct request *r)
{
    struct risk_request request = blank(r, RISK_TRAINING_EFFECT, REGISTER_TRAINING);
    answer(r, &request, 200);
}

static void get_calibration(struct request *r)
{
    struct risk_request request = blank(r, RISK_CALIBRATION, REGISTER_CALIBRATION);
    answer(r, &request, 200);
}

static void get_worklist(struct request *r)
{
    struct risk_request request = blank(r, RISK_WORKLIST, REGISTER_SNOOZE);
    request.limit = r->query[0].is_given ? (uint32_t)r->query[0].number : 0;
    answer(r, &request, 200);
}

/* --------------------------------------------------------------- registers */

static const struct register_form *form_of(const struct request *r)
{
    for (size_t i = 0; i < COUNT_OF(FORMS); i++)
        if (str_starts(str_c(r->route->pattern), str_c(FORMS[i].path)))
            return &FORMS[i];
    BUG("a route of registers without its form");
}

static void get_register(struct request *r)
{
    struct risk_request request = blank(r, RISK_LIST, form_of(r)->which);
    request.with_ended = r->query[LIST_ENDED].is_given && r->query[LIST_ENDED].number;
    request.limit = limit_of(&r->query[LIST_LIMIT]);
    answer(r, &request, 200);
}

static void post_register(struct request *r)
{
    const struct register_form *form = form_of(r);
    struct risk_request request = blank(r, RISK_ADD, form->which);
    const struct parameter_value *v = r->members;
    for (const struct place *p = form->places; p->kind != PLACE_NONE; p++, v++) {
        void *at = (char *)&request + p->offset;
        if (!v->is_given)
            continue;
        if (p->kind == PLACE_NUMBER)
            *(int64_t *)at = v->number;
        else
            *(struct str *)at = p->kind == PLACE_WORD ? str_c(p->words[v->number]) : v->text;
    }
    answer(r, &request, 201);
}

static void delete_register(struct request *r)
{
    struct risk_request request = blank(r, RISK_END, form_of(r)->which);
    request.reason = r->query[0].text;
    if (str_to_u64(r->path_values[0], 10, &request.id))
        answer(r, &request, 204);
    else
        reply_problem(r, PROBLEM_NOT_FOUND, STR("There is no such entry."), STR("その項目はありません。"));
}

#define SEE  MAY_SEE_INCIDENTS
#define LEAD MAY_MANAGE_RULES
static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/risk/entities", get_entities, RUN_WORKER, SEE, 0, ENTITIES, NULL, "risk.entities"},
    {METHOD_GET, "/api/v1/risk/residual", get_residual, RUN_WORKER, SEE, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/risk/exposure", get_exposure, RUN_WORKER, SEE, 0, EXPOSURE, NULL, "risk.exposure"},
    {METHOD_GET, "/api/v1/risk/acceptances", get_register, RUN_WORKER, SEE, 0, LIST, NULL, NULL},
    {METHOD_POST, "/api/v1/risk/acceptances", post_register, RUN_WORKER, LEAD, 0, NULL, ACCEPT,
     "risk.acceptance.add"},
    {METHOD_DELETE, "/api/v1/risk/acceptances/{id}", delete_register, RUN_WORKER, LEAD, 0, END, NULL,
     "risk.acceptance.end"},
    {METHOD_GET, "/api/v1/risk/scenarios", get_register, RUN_WORKER, SEE, 0, LIST, NULL, NULL},
    {METHOD_POST, "/api/v1/risk/scenarios", post_register, RUN_WORKER, LEAD, 0, NULL, SCENARIO,
     "risk.scenario.add"},
    {METHOD_DELETE, "/api/v1/risk/scenarios/{id}", delete_register, RUN_WORKER, LEAD, 0, END, NULL,
     "risk.scenario.end"},
    {METHOD_GET, "/api/v1/risk/trainings", get_register, RUN_WORKER, SEE, 0, LIST, NULL, NULL},
    {METHOD_POST, "/api/v1/risk/trainings", post_register, RUN_WORKER, LEAD, 0, NULL, TRAINING,
     "risk.training.add"},
    {METHOD_DELETE, "/api/v1/risk/trainings/{id}", delete_register, RUN_WORKER, LEAD, 0, END, NULL,
     "risk.training.end"},
    {METHOD_GET, "/api/v1/risk/trainings/effect", get_effect, RUN_WORKER, SEE, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/focus", get_register, RUN_WORKER, MAY_SEARCH, 0, LIST, NULL, "focus.view"},
    {METHOD_POST, "/api/v1/focus", post_register, RUN_WORKER, MAY_SEARCH, 0, NULL, FOCUS, "focus.add"},
    {METHOD_DELETE, "/api/v1/focus/{id}", delete_register, RUN_WORKER, MAY_SEARCH, 0, END, NULL, "focus.end"},
    {METHOD_GET, "/api/v1/worklist", get_worklist, RUN_WORKER, MAY_WORK_INCIDENTS, 0, LIMIT, NULL, NULL},
    {METHOD_POST, "/api/v1/worklist/handovers", post_register, RUN_WORKER, MAY_WORK_INCIDENTS, 0, NULL,
     HANDOVER, "worklist.handover"},
    {METHOD_DELETE, "/api/v1/worklist/handovers/{id}", delete_register, RUN_WORKER, MAY_WORK_INCIDENTS, 0,
     END, NULL, "worklist.handover.end"},
    {METHOD_POST, "/api/v1/worklist/snoozes", post_register, RUN_WORKER, MAY_WORK_INCIDENTS, 0, NULL, SNOOZE,
     "worklist.snooze"},
    {METHOD_DELETE, "/api/v1/worklist/snoozes/{id}", delete_register, RUN_WORKER, MAY_WORK_INCIDENTS, 0, END,
     NULL, "worklist.snooze.end"},
    {METHOD_GET, "/api/v1/calibration", get_calibration, RUN_WORKER, MAY_SEE_RULES, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/calibration", post_register, RUN_WORKER, LEAD, 0, NULL, ADOPT,
     "calibration.adopt"},
    {METHOD_DELETE, "/api/v1/calibration/{id}", delete_register, RUN_WORKER, LEAD, 0, END, NULL,
     "calibration.withdraw"},
};
const struct route_table risk_routes = {ROUTES, COUNT_OF(ROUTES)};
