/* The everyday trends: which there are, the busiest keys, one key over time (S59). Stage: console. Next:
 * services.h. */
#include "console/console_internal.h"
#include "console/router.h"

enum { TOP_FROM, TOP_TO, TOP_LIMIT };
static const struct parameter TOP[] = {
    {"from", PARAMETER_TIME, true, 0, 0, NULL},
    {"to", PARAMETER_TIME, true, 0, 0, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 10000, NULL},
    {0},
};

enum { SERIES_FROM, SERIES_TO, SERIES_SCALE, SERIES_KEY };
static const struct parameter SERIES[] = {
    {"from", PARAMETER_TIME, true, 0, 0, NULL},
    {"to", PARAMETER_TIME, true, 0, 0, NULL},
    {"scale", PARAMETER_CHOICE, true, 0, 0, "5m|1h|1d"},
    {"key", PARAMETER_TEXT, false, 0, 512, NULL},
    {0},
};

static void answer(struct request *r, const struct trend_request *request)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (r->services->trends == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server counts no trends."),
                      STR("このサーバーは傾向を集計していません。"));
    else if (r->services->trends(r->services->ctx, request, &r->arena, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static void get_trends(struct request *r)
{
    answer(r, &(struct trend_request){.what = TRENDS_LIST});
}

static void get_top(struct request *r)
{
    const struct parameter_value *v = r->query;
    answer(r, &(struct trend_request){.what = TRENDS_TOP,
                                      .dimension = r->path_values[0],
                                      .from_ns = v[TOP_FROM].number,
                                      .to_ns = v[TOP_TO].number,
                                      .limit = v[TOP_LIMIT].is_given ? (uint32_t)v[TOP_LIMIT].number : 50});
}

static void get_series(struct request *r)
{
    const struct parameter_value *v = r->query;
    answer(r, &(struct trend_request){.what = TRENDS_SERIES,
                                      .dimension = r->path_values[0],
                                      .has_key = v[SERIES_KEY].is_given,
                                      .key = v[SERIES_KEY].text,
                                      .scale = (enum trend_scale)v[SERIES_SCALE].number,
                                      .from_ns = v[SERIES_FROM].number,
                                      .to_ns = v[SERIES_TO].number});
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/trends", get_trends, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/trends/{name}", get_top, RUN_WORKER, MAY_SEE_INCIDENTS, 0, TOP, NULL, NULL},
    {METHOD_GET, "/api/v1/trends/{name}/series", get_series, RUN_WORKER, MAY_SEE_INCIDENTS, 0, SERIES, NULL,
     NULL},
};
const struct route_table trend_routes = {ROUTES, COUNT_OF(ROUTES)};
