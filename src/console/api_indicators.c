/* Threat intelligence: sources, look-ups, what the search back found, import and removal. Stage: console.
 * Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

#define CONTENT_BYTES_MAX (32 << 20)

enum { HITS_SOURCE, HITS_LIMIT };
static const struct parameter HITS[] = {
    {"source", PARAMETER_TEXT, false, 0, 128, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 10000, NULL},
    {0},
};

static const struct parameter LOOKUP[] = {
    {"value", PARAMETER_TEXT, true, 1, 2048, NULL},
    {0},
};

enum { IMPORT_SOURCE, IMPORT_CONTENT, IMPORT_CONFIDENCE, IMPORT_TLP, IMPORT_VALID_DAYS };
static const struct parameter IMPORT[] = {
    {"source", PARAMETER_TEXT, true, 1, 64, NULL},
    {"content", PARAMETER_TEXT, true, 1, CONTENT_BYTES_MAX, NULL},
    {"confidence", PARAMETER_INTEGER, false, 0, 100, NULL},
    {"tlp", PARAMETER_CHOICE, false, 0, 0, "clear|green|amber|amber+strict|red"},
    {"valid_days", PARAMETER_INTEGER, false, 0, 36500, NULL},
    {0},
};

static bool is_offered(struct request *r)
{
    if (r->services->indicators != NULL)
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("This server keeps no threat intelligence."),
                  STR("このサーバーには脅威情報の機能がありません。"));
    return false;
}

/* The answer is complete before the reply is begun: a failure must not leave half of one. */
static void reply(struct request *r, bool ok, struct buf *json, const struct console_failure *failure)
{
    if (ok)
        buf_add(reply_json(r, 200), buf_str(json));
    else
        reply_failure(r, failure);
    buf_free(json);
}

static void get_indicators(struct request *r)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (is_offered(r))
        reply(r, r->services->indicators(r->services->ctx, &json, &failure), &json, &failure);
}

static void get_hits(struct request *r)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    struct str source = r->query[HITS_SOURCE].is_given ? r->query[HITS_SOURCE].text : STR_EMPTY;
    uint32_t limit = r->query[HITS_LIMIT].is_given ? (uint32_t)r->query[HITS_LIMIT].number : 1000;
    if (is_offered(r))
        reply(r, r->services->indicator_hits(r->services->ctx, source, limit, &json, &failure), &json,
              &failure);
}

static void get_lookup(struct request *r)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (is_offered(r))
        reply(r, r->services->indicator_lookup(r->services->ctx, r->query[0].text, &json, &failure), &json,
              &failure);
}

static void post_indicators(struct request *r)
{
    const struct parameter_value *v = r->members;
    struct console_failure failure = failure_none();
    struct buf json = {0};
    struct indicator_import import = {
        .source = v[IMPORT_SOURCE].text,
        .content = v[IMPORT_CONTENT].text,
        .origin = STR("console"),
        .tlp = v[IMPORT_TLP].is_given ? v[IMPORT_TLP].text : STR_EMPTY,
        .confidence = v[IMPORT_CONFIDENCE].is_given ? (int)v[IMPORT_CONFIDENCE].number : -1,
        .valid_days = v[IMPORT_VALID_DAYS].is_given ? v[IMPORT_VALID_DAYS].number : 0,
        .viewer = request_viewer(r)};
    if (is_offered(r))
        reply(r, r->services->indicator_import(r->services->ctx, &import, &json, &failure), &json, &failure);
}

static void delete_indicators(struct request *r)
{
    struct console_failure failure = failure_none();
    if (!is_offered(r))
        return;
    if (r->services->indicator_remove(r->services->ctx, r->path_values[0], &failure))
        reply_nothing(r, 204);
    else
        reply_failure(r, &failure);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/indicators", get_indicators, RUN_WORKER, MAY_SEE_RULES, 0, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/indicators", post_indicators, RUN_WORKER, MAY_MANAGE_RULES, ROUTE_LARGE_BODY, NULL,
     IMPORT, "indicators.import"},
    {METHOD_GET, "/api/v1/indicators/hits", get_hits, RUN_WORKER, MAY_SEARCH, 0, HITS, NULL,
     "indicators.hits"},
    {METHOD_GET, "/api/v1/indicators/lookup", get_lookup, RUN_WORKER, MAY_SEE_RULES, 0, LOOKUP, NULL, NULL},
    {METHOD_DELETE, "/api/v1/indicators/{source}", delete_indicators, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL,
     NULL, "indicators.remove"},
};
const struct route_table indicator_routes = {ROUTES, COUNT_OF(ROUTES)};
