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

#define HOST_ORDERS                                                                                          \
    "host|department|importance|control|risk|last_seen|-host|-department|-importance|-control|-risk|-last_"  \
    "seen"
#define HOST_CONTROLS "healthy|outdated|off|silent|missing|exempt|absent|unknown|never_seen"

enum {
    HOSTS_TEXT,
    HOSTS_DEPARTMENT,
    HOSTS_NETWORK,
    HOSTS_ROLE,
    HOSTS_TYPE,
    HOSTS_CONTROL,
    HOSTS_PATCHES,
    HOSTS_IMPORTANCE,
    HOSTS_RISK,
    HOSTS_IN_INVENTORY,
    HOSTS_SORT,
    HOSTS_FORMAT,
    HOSTS_LIMIT,
    HOSTS_OFFSET
};
static const struct parameter HOSTS[] = {
    {"q", PARAMETER_TEXT, false, 0, 256, NULL},
    {"department", PARAMETER_TEXT, false, 0, 256, NULL},
    {"network", PARAMETER_TEXT, false, 0, 256, NULL},
    {"role", PARAMETER_TEXT, false, 0, 256, NULL},
    {"type", PARAMETER_TEXT, false, 0, 256, NULL},
    {"control", PARAMETER_CHOICE, false, 0, 0, HOST_CONTROLS},
    {"patches", PARAMETER_CHOICE, false, 0, 0, "compliant|pending|overdue|unknown"},
    {"importance", PARAMETER_INTEGER, false, 0, 4, NULL},
    {"risk", PARAMETER_INTEGER, false, 0, 100, NULL},
    {"registered", PARAMETER_BOOLEAN, false, 0, 0, NULL},
    {"sort", PARAMETER_CHOICE, false, 0, 0, HOST_ORDERS},
    {"format", PARAMETER_CHOICE, false, 0, 0, "json|csv"},
    {"limit", PARAMETER_INTEGER, false, 1, 10000, NULL},
    {"offset", PARAMETER_INTEGER, false, 0, 1000000, NULL},
    {0},
};

static struct str given_text(const struct parameter_value *v)
{
    return v->is_given ? str_trim(v->text) : STR_EMPTY;
}

static void reply_hosts(struct request *r, const struct hosts_request *request)
{
    struct console_failure failure = failure_none();
    struct buf out = {0};
    if (r->services->hosts == NULL) {
        reply_problem(r, PROBLEM_NOT_FOUND, STR("This server learns nothing about hosts."),
                      STR("このサーバーはホストについて学習していません。"));
    } else if (!r->services->hosts(r->services->ctx, request, &r->arena, &out, &failure)) {
        reply_failure(r, &failure);
    } else if (request->as_csv) {
        buf_add(reply_text(r, 200, "text/csv; charset=utf-8"), buf_str(&out));
        reply_header(r, "Content-Disposition", STR("attachment; filename=\"hosts.csv\""));
    } else {
        buf_add(reply_json(r, 200), buf_str(&out));
    }
    buf_free(&out);
}

static void get_hosts(struct request *r)
{
    const struct parameter_value *v = r->query;
    unsigned sort = v[HOSTS_SORT].is_given ? (unsigned)v[HOSTS_SORT].number : 0;
    struct hosts_request request = {.text = given_text(&v[HOSTS_TEXT]),
                                    .department = given_text(&v[HOSTS_DEPARTMENT]),
                                    .network = given_text(&v[HOSTS_NETWORK]),
                                    .role = given_text(&v[HOSTS_ROLE]),
                                    .type = given_text(&v[HOSTS_TYPE]),
                                    .control = given_text(&v[HOSTS_CONTROL]),
                                    .patches = given_text(&v[HOSTS_PATCHES]),
                                    .importance =
                                        v[HOSTS_IMPORTANCE].is_given ? v[HOSTS_IMPORTANCE].number : 0,
                                    .risk = v[HOSTS_RISK].is_given ? v[HOSTS_RISK].number : 0,
                                    .registered = !v[HOSTS_IN_INVENTORY].is_given ? HOSTS_ANY
                                                  : v[HOSTS_IN_INVENTORY].number  ? HOSTS_REGISTERED
                                                                                  : HOSTS_UNREGISTERED,
                                    .order = (enum host_order)(sort % (HOSTS_BY_SEEN + 1)),
                                    .is_falling = sort > HOSTS_BY_SEEN,
                                    .as_csv = v[HOSTS_FORMAT].is_given && v[HOSTS_FORMAT].number == 1,
                                    .limit = v[HOSTS_LIMIT].is_given ? (uint32_t)v[HOSTS_LIMIT].number : 200,
                                    .offset = v[HOSTS_OFFSET].is_given ? (uint32_t)v[HOSTS_OFFSET].number : 0,
                                    .viewer = request_viewer(r)};
    reply_hosts(r, &request);
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
            incident_json(&incidents.rows[i], NULL, viewing_of(r), out);
        }
        buf_c(out, "]}");
    } else
        reply_failure(r, &failure);
    buf_free(&json);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/assets/hosts", get_hosts, RUN_WORKER, MAY_SEE_INCIDENTS, 0, HOSTS, NULL, NULL},
    {METHOD_GET, "/api/v1/assets/hosts/{name}", get_host, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/assets/hosts/{name}/identity", get_identity, RUN_WORKER, MAY_SEE_PERSONS, 0,
     IDENTITY, NULL, "assets.identity"},
};
const struct route_table asset_routes = {ROUTES, COUNT_OF(ROUTES)};
