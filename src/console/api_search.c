/* Search, histogram, single events. Stage: console. Reads expressions and time ranges, leaves rows. The work
 * is done by the services, on a query worker. Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

#define EXPRESSION_BYTES_MAX 8192

enum { QUERY_Q, QUERY_FROM, QUERY_TO, QUERY_LIMIT, QUERY_BEFORE };
static const struct parameter SEARCH[] = {
    {"q", PARAMETER_TEXT, false, 0, EXPRESSION_BYTES_MAX, NULL},
    {"from", PARAMETER_TIME, false, 0, 0, NULL},
    {"to", PARAMETER_TIME, false, 0, 0, NULL},
    {"limit", PARAMETER_INTEGER, false, 1, 10000, NULL},
    {"before", PARAMETER_TEXT, false, 0, 256, NULL},
    {0},
};

enum { HISTOGRAM_BUCKETS = 3 };
static const struct parameter HISTOGRAM[] = {
    {"q", PARAMETER_TEXT, false, 0, EXPRESSION_BYTES_MAX, NULL},
    {"from", PARAMETER_TIME, false, 0, 0, NULL},
    {"to", PARAMETER_TIME, false, 0, 0, NULL},
    {"buckets", PARAMETER_INTEGER, false, 1, 1000, NULL},
    {0},
};

static struct search_request request_of(struct request *r, int64_t default_from_ns, int64_t default_to_ns)
{
    const struct parameter_value *v = r->query;
    return (struct search_request){
        .expression = v[QUERY_Q].is_given ? v[QUERY_Q].text : STR_EMPTY,
        .from_ns = v[QUERY_FROM].is_given ? v[QUERY_FROM].number : default_from_ns,
        .to_ns = v[QUERY_TO].is_given ? v[QUERY_TO].number : default_to_ns,
        .limit = 100,
        .before = STR_EMPTY,
        .viewer = request_viewer(r),
    };
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}

static void write_result(struct request *r, const struct search_result *result)
{
    struct buf *out = reply_json(r, 200);
    struct json_writer w = {.out = out};
    json_begin_object(&w);
    json_put_texts(&w, "columns", result->columns, result->column_count);
    json_key(&w, "rows");
    buf_char(out, '[');
    buf_add(out, buf_str(&result->rows));
    buf_char(out, ']');
    w.needs_comma = true;
    json_key(&w, "next");
    if (result->next.n)
        json_put_str(&w, result->next);
    else
        json_put_null(&w);
    put_number(&w, "took_ms", (uint64_t)((clock_monotonic_ns() - r->started_ns) / NS_PER_MS));
    put_number(&w, "parts_read", result->parts_read);
    put_number(&w, "parts_total", result->parts_total);
    json_put_texts(&w, "warnings", result->warnings, result->warning_count);
    json_end_object(&w);
}

static void get_search(struct request *r)
{
    struct console_failure failure = failure_none();
    struct search_result result = {.next = STR_EMPTY};
    struct search_request request = request_of(r, INT64_MIN, INT64_MAX);
    if (r->query[QUERY_LIMIT].is_given)
        request.limit = (uint32_t)r->query[QUERY_LIMIT].number;
    if (r->query[QUERY_BEFORE].is_given)
        request.before = r->query[QUERY_BEFORE].text;
    if (r->services->search(r->services->ctx, &request, &r->arena, &result, &failure))
        write_result(r, &result);
    else
        reply_failure(r, &failure);
    buf_free(&result.rows);
}

static void write_histogram(struct request *r, const struct histogram_result *result)
{
    uint64_t total = 0;
    struct json_writer w = {.out = reply_json(r, 200)};
    json_begin_object(&w);
    json_key(&w, "from");
    json_put_time(&w, result->from_ns);
    json_key(&w, "to");
    json_put_time(&w, result->to_ns);
    put_number(&w, "step_seconds", result->step_seconds);
    json_key(&w, "counts");
    json_begin_array(&w);
    for (uint32_t i = 0; i < result->count; i++) {
        json_put_u64(&w, result->counts[i]);
        total += result->counts[i];
    }
    json_end_array(&w);
    put_number(&w, "total", total);
    json_end_object(&w);
}

static void get_histogram(struct request *r)
{
    struct console_failure failure = failure_none();
    struct histogram_result result = {0};
    struct search_request request = request_of(r, r->now_ns - 24 * 3600 * NS_PER_SECOND, r->now_ns);
    uint32_t buckets =
        r->query[HISTOGRAM_BUCKETS].is_given ? (uint32_t)r->query[HISTOGRAM_BUCKETS].number : 60;
    if (request.from_ns >= request.to_ns)
        reply_problem(r, PROBLEM_PARAMETER, STR("\"from\" must be before \"to\"."),
                      STR("「from」は「to」より前にしてください。"));
    else if (r->services->histogram(r->services->ctx, &request, buckets, &r->arena, &result, &failure))
        write_histogram(r, &result);
    else
        reply_failure(r, &failure);
}

static void get_event(struct request *r)
{
    uint64_t sequence;
    struct console_failure failure = failure_none();
    struct console_viewer viewer = request_viewer(r);
    struct buf document = {0};
    if (!str_to_u64(r->path_values[0], 10, &sequence))
        reply_problem(r, PROBLEM_NOT_FOUND, STR("Event identifiers are whole numbers."),
                      STR("イベントの識別子は整数です。"));
    else if (r->services->event(r->services->ctx, sequence, &viewer, &document, &failure))
        buf_add(reply_json(r, 200), buf_str(&document));
    else
        reply_failure(r, &failure);
    buf_free(&document);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/search", get_search, RUN_WORKER, MAY_SEARCH, 0, SEARCH, NULL, "search"},
    {METHOD_GET, "/api/v1/histogram", get_histogram, RUN_WORKER, MAY_SEARCH, 0, HISTOGRAM, NULL, NULL},
    {METHOD_GET, "/api/v1/events/{id}", get_event, RUN_WORKER, MAY_SEARCH, 0, NULL, NULL, "event.view"},
};
const struct route_table search_routes = {ROUTES, COUNT_OF(ROUTES)};
