/* GET /api/v1/stream: opens a live stream. Stage: console. Reads the filter, leaves a subscribed client in
 * the reply. Next: stream.c. */
#include "console/console_internal.h"
#include "console/router.h"

enum { STREAM_EVENTS, STREAM_Q };
static const struct parameter STREAM[] = {
    {"events", PARAMETER_BOOLEAN, false, 0, 0, NULL},
    {"q", PARAMETER_TEXT, false, 0, 8192, NULL},
    {0},
};

static void refuse(struct request *r, enum stream_result result, const struct console_failure *failure)
{
    if (result == STREAM_BAD_FILTER)
        reply_failure(r, failure);
    else if (result == STREAM_FILTERS_FULL)
        reply_problem_retry(r, PROBLEM_UNAVAILABLE, 30,
                            STR("Too many different filters are open in live streams."),
                            STR("ライブ表示で使われているフィルターの種類が多すぎます。"));
    else
        reply_problem_retry(r, PROBLEM_UNAVAILABLE, 30, STR("Too many live streams are open."),
                            STR("開かれているライブ表示が多すぎます。"));
}

static void get_stream(struct request *r)
{
    enum stream_result result;
    struct console_failure failure = failure_none();
    struct stream_request request = {.wants_events = r->query[STREAM_EVENTS].number != 0,
                                     .sees_persons = request_may(r, MAY_SEE_PERSONS),
                                     .sees_no_incidents = r->who.roles == ROLE_DEPARTMENT,
                                     .filter = r->query[STREAM_Q].is_given ? str_trim(r->query[STREAM_Q].text)
                                                                           : STR_EMPTY,
                                     .last_event_id = request_header(r, "Last-Event-ID"),
                                     .session = r->who.has_session ? r->who.session : NULL};
    if (request.wants_events && !request_may(r, MAY_SEARCH)) {
        reply_problem(r, PROBLEM_FORBIDDEN, STR("Your role sees findings and incidents, not raw events."),
                      STR("この役割では検知とインシデントのみ閲覧でき、生のイベントは閲覧できません。"));
        return;
    }
    struct stream_client *client =
        r->method == METHOD_HEAD ? NULL : stream_subscribe(r->console->stream, &request, &result, &failure);
    if (!client && r->method != METHOD_HEAD) {
        refuse(r, result, &failure);
        return;
    }
    reply_text(r, 200, "text/event-stream");
    r->reply.stream = client;
    reply_header(r, "X-Accel-Buffering", STR("no")); /* proxies must pass each message on at once */
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/stream", get_stream, RUN_INLINE, MAY_SEE_STATUS, 0, STREAM, NULL, NULL},
};
const struct route_table stream_routes = {ROUTES, COUNT_OF(ROUTES)};
