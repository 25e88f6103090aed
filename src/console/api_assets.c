/* All about one host; who was behind it, and which addresses it had. Stage: console. Such views are of
 * persons: they want the permission for it and are audited (S38). Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/incident_json.h"
#include "console/router.h"

enum { IDENTITY_FROM, IDENTITY_TO, IDENTITY_LIMIT };
static const struct parameter IDENTITY[] = {
    {"from", PARAMETER_TIME, false, 0, 0, NULL},
    {"to", PARAMETER_TIME, false, 0, 0, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 10000, NULL},
    {0},
};

static void get_identity(struct request *r)
{
    const struct parameter_value *v = r->query;
    struct console_failure failure = failure_none();
    struct buf json = {0};
    struct identity_request request = {
        .host = r->path_values[0],
        .from_ns = v[IDENTITY_FROM].is_given ? v[IDENTITY_FROM].number : INT64_MIN,
        .to_ns = v[IDENTITY_TO].is_given ? v[IDENTITY_TO].number : INT64_MAX,
        .limit = v[IDENTITY_LIMIT].is_given ? (uint32_t)v[IDENTITY_LIMIT].number : 1000};
    if (r->services->host_identity == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server learns nothing about hosts."),
                      STR("このサーバーはホストについて学習していません。"));
    else if (r->services->host_identity(r->services->ctx, &request, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static void get_host(struct request *r)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    struct incident_list incidents = {0};
    struct host_request request = {.host = r->path_values[0], .viewer = request_viewer(r)};
    if (r->services->host == NULL)
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server learns nothing about hosts."),
                      STR("このサーバーはホストについて学習していません。"));
    else if (r->services->host(r->services->ctx, &request, &r->arena, &json, &incidents, &failure)) {
        struct buf *out = reply_json(r, 200);
        buf_printf(out, "{%.*s,\"incidents\":[", STR_ARGS(buf_str(&json)));
        for (uint32_t i = 0; i < incidents.count; i++) {
            buf_c(out, i ? "," : "");
            incident_json(&incidents.rows[i], NULL, request_may(r, MAY_SEE_PERSONS), out);
        }
        buf_c(out, "]}");
    } else
        reply_failure(r, &failure);
    buf_free(&json);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/assets/hosts/{name}", get_host, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/assets/hosts/{name}/identity", get_identity, RUN_WORKER, MAY_SEE_PERSONS, 0,
     IDENTITY, NULL, "assets.identity"},
};
const struct route_table asset_routes = {ROUTES, COUNT_OF(ROUTES)};
