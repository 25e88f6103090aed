/* Reports: which there are, making one, its file, its signature. Stage: console. Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

enum { MAKE_FROM, MAKE_TO, MAKE_INCIDENT, MAKE_LANGUAGE, MAKE_FORMAT, MAKE_SECTION, MAKE_SEED, MAKE_BOM };
static const struct parameter MAKE[] = {
    {"from", PARAMETER_TIME, false, 0, 0, NULL},
    {"to", PARAMETER_TIME, false, 0, 0, NULL},
    {"incident", PARAMETER_INTEGER, false, 1, INT64_MAX, NULL},
    {"language", PARAMETER_CHOICE, false, 0, 0, "en|ja"},      /* in the order of enum language */
    {"format", PARAMETER_CHOICE, false, 0, 0, "pdf|html|csv"}, /* in the order of enum report_format */
    {"section", PARAMETER_TEXT, false, 1, 100, NULL},
    {"seed", PARAMETER_INTEGER, false, 0, INT64_MAX, NULL},
    {"bom", PARAMETER_BOOLEAN, false, 0, 0, NULL},
    {0},
};

enum { SIGN_NOTE };
static const struct parameter SIGN[] = {{"note", PARAMETER_TEXT, false, 0, 1000, NULL}, {0}};

static void not_offered(struct request *r)
{
    reply_problem(r, PROBLEM_NOT_FOUND, STR("This server does not offer that."),
                  STR("このサーバーでは利用できません。"));
}

static void no_such(struct request *r)
{
    reply_problem(r, PROBLEM_NOT_FOUND, STR("There is no such report."), STR("その報告書はありません。"));
}

static void get_reports(struct request *r)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (r->services->reports == NULL)
        not_offered(r);
    else if (r->services->reports(r->services->ctx, &r->arena, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static void post_report(struct request *r)
{
    const struct parameter_value *v = r->members;
    struct console_failure failure = failure_none();
    struct buf json = {0};
    struct report_request request = {
        .name = r->path_values[0],
        .from_ns = v[MAKE_FROM].is_given ? v[MAKE_FROM].number : TIME_UNKNOWN,
        .to_ns = v[MAKE_TO].is_given ? v[MAKE_TO].number : TIME_UNKNOWN,
        .incident = v[MAKE_INCIDENT].is_given ? (uint64_t)v[MAKE_INCIDENT].number : 0,
        .language = v[MAKE_LANGUAGE].is_given ? (enum language)v[MAKE_LANGUAGE].number : r->language,
        .format = v[MAKE_FORMAT].is_given ? (int)v[MAKE_FORMAT].number : 0,
        .section = v[MAKE_SECTION].is_given ? v[MAKE_SECTION].text : STR_EMPTY,
        .bom = v[MAKE_BOM].is_given && v[MAKE_BOM].number != 0,
        .seed = v[MAKE_SEED].is_given ? v[MAKE_SEED].number : 1,
        .viewer = request_viewer(r)};
    if (r->services->report_make == NULL)
        not_offered(r);
    else if (r->services->report_make(r->services->ctx, &request, &json, &failure))
        buf_add(reply_json(r, 201), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static void get_report(struct request *r)
{
    struct console_failure failure = failure_none();
    struct report_file file = {0};
    uint64_t id;
    if (r->services->report_file == NULL)
        not_offered(r);
    else if (!str_to_u64(r->path_values[0], 10, &id) || id > INT64_MAX)
        no_such(r);
    else if (r->services->report_file(r->services->ctx, id, &r->arena, &file, &failure)) {
        buf_add(reply_text(r, 200, file.type), buf_str(&file.content));
        reply_header(r, "Content-Disposition",
                     arena_printf(&r->arena, "attachment; filename=\"%.*s\"", STR_ARGS(file.name)));
        reply_header(r, "ETag", arena_printf(&r->arena, "\"%.*s\"", STR_ARGS(file.sha256)));
    } else {
        reply_failure(r, &failure);
    }
    buf_free(&file.content);
}

static void post_sign(struct request *r)
{
    struct console_failure failure = failure_none();
    struct console_viewer viewer = request_viewer(r);
    struct buf json = {0};
    struct str note = r->members[SIGN_NOTE].is_given ? r->members[SIGN_NOTE].text : STR_EMPTY;
    uint64_t id;
    if (r->services->report_sign == NULL)
        not_offered(r);
    else if (!str_to_u64(r->path_values[0], 10, &id) || id > INT64_MAX)
        no_such(r);
    else if (r->services->report_sign(r->services->ctx, id, note, &viewer, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

/* Who sees reports sees sources of all departments; who signs leads. */
static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/reports", get_reports, RUN_WORKER, MAY_SEE_SOURCES, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/reports/{report}", post_report, RUN_WORKER, MAY_SEE_SOURCES, 0, NULL, MAKE,
     "report.make"},
    {METHOD_GET, "/api/v1/reports/{report}", get_report, RUN_WORKER, MAY_SEE_SOURCES, 0, NULL, NULL,
     "report.read"},
    {METHOD_POST, "/api/v1/reports/{report}/sign", post_sign, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, SIGN,
     "report.sign"},
};
const struct route_table report_routes = {ROUTES, COUNT_OF(ROUTES)};
