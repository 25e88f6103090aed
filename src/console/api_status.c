/* Status, health, metrics and the description of the API. Stage: console. Reads what the services say about
 * themselves. Next: metrics.c. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/openapi.h"
#include "console/router.h"
#include "event/field.h"

static void put_u64(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}

static void put_counts(struct json_writer *w, const char *key, uint64_t loaded, uint64_t refused)
{
    json_key(w, key);
    json_begin_object(w);
    put_u64(w, "loaded", loaded);
    put_u64(w, "refused", refused);
    json_end_object(w);
}

static void put_warnings(struct json_writer *w, const struct console_status *s)
{
    json_key(w, "warnings");
    json_begin_array(w);
    for (uint32_t i = 0; i < s->warning_count; i++) {
        json_put_both(w, s->warnings[i].en, s->warnings[i].ja);
    }
    json_end_array(w);
}

static void put_geoip(struct json_writer *w, const struct console_status *s)
{
    json_key(w, "geoip");
    json_begin_array(w);
    for (uint32_t i = 0; i < s->geoip_count; i++) {
        json_begin_object(w);
        json_key(w, "type");
        json_put_str(w, s->geoip[i].type);
        json_key(w, "built");
        json_put_time(w, s->geoip[i].built_ns);
        json_key(w, "path");
        json_put_str(w, s->geoip[i].path);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_lags(struct json_writer *w, const struct console_status *s)
{
    json_key(w, "lags");
    json_begin_array(w);
    for (uint32_t i = 0; i < s->lag_count; i++) {
        const struct console_lag *lag = &s->lags[i];
        json_begin_object(w);
        put_u64(w, "source", lag->source);
        json_key(w, "name");
        json_put_str(w, lag->name);
        put_u64(w, "events", lag->events);
        json_key(w, "p95_seconds");
        json_put_double(w, lag->p95_s);
        json_key(w, "late_since");
        json_put_time(w, lag->late_since_ns ? lag->late_since_ns : TIME_UNKNOWN);
        json_end_object(w);
    }
    json_end_array(w);
}

static void get_status(struct request *r)
{
    struct console_status s = {.posture = STR("unknown"), .started_ns = TIME_UNKNOWN};
    r->services->status(r->services->ctx, &r->arena, &s);
    struct json_writer w = {.out = reply_json(r, 200)};
    json_begin_object(&w);
    json_key(&w, "version");
    json_put_str(&w, s.version.p ? s.version : STR_EMPTY);
    json_key(&w, "started");
    json_put_time(&w, s.started_ns);
    json_key(&w, "now");
    json_put_time(&w, r->now_ns);
    json_key(&w, "posture");
    json_put_str(&w, s.posture);
    put_counts(&w, "rules", s.rules_loaded, s.rules_refused);
    put_counts(&w, "parsers", s.parsers_loaded, s.parsers_refused);
    json_key(&w, "events_per_second");
    json_put_double(&w, s.events_per_second);
    put_u64(&w, "stored", s.stored);
    json_key(&w, "queue");
    json_begin_object(&w);
    put_u64(&w, "depth", s.queue_depth);
    put_u64(&w, "capacity", s.queue_capacity);
    json_end_object(&w);
    put_u64(&w, "memory_bytes", s.memory_bytes);
    put_geoip(&w, &s);
    put_lags(&w, &s);
    put_warnings(&w, &s);
    json_end_object(&w);
}

static const char *type_name(enum value_type type)
{
    static const char *const NAMES[] = {
        [TYPE_KEYWORD] = "keyword", [TYPE_TEXT] = "text",    [TYPE_IP] = "ip",    [TYPE_LONG] = "long",
        [TYPE_DOUBLE] = "double",   [TYPE_BOOL] = "boolean", [TYPE_DATE] = "date"};
    return NAMES[type];
}

static void get_fields(struct request *r)
{
    struct json_writer w = {.out = reply_json(r, 200)};
    json_begin_array(&w);
    for (size_t i = FIELD_NONE + 1; i < field_count(); i++) {
        const struct field *field = field_get((field_id)i);
        json_begin_object(&w);
        json_key(&w, "name");
        json_put_str(&w, field->name);
        json_key(&w, "type");
        json_put_c(&w, type_name(field->type));
        json_key(&w, "array");
        json_put_bool(&w, field->shape == FIELD_ARRAY);
        json_end_object(&w);
    }
    json_end_array(&w);
}

static void get_healthz(struct request *r)
{
    buf_c(reply_text(r, 200, "text/plain; charset=utf-8"), "ok\n");
}

static void get_readyz(struct request *r)
{
    struct error en = {.text = ""}, ja = {.text = ""};
    if (r->services->ready(r->services->ctx, &en, &ja))
        buf_c(reply_text(r, 200, "text/plain; charset=utf-8"), "ready\n");
    else
        reply_problem_retry(r, PROBLEM_UNAVAILABLE, 0, str_c(en.text), str_c(ja.text));
}

static void own_metrics(struct console *c, struct metrics *m)
{
    static const char *const CLASSES[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    struct stream_numbers stream;
    for (size_t i = 0; i < COUNT_OF(CLASSES); i++) {
        struct buf labels = {0};
        metrics_label(&labels, "class", str_c(CLASSES[i]));
        metrics_counter(m, "hyakuyo_http_requests_total", "Answers of the HTTP server by class of status.",
                        buf_str(&labels), (double)atomic_load(&c->numbers.by_class[i]));
        buf_free(&labels);
    }
    metrics_histogram(m, "hyakuyo_http_request_seconds",
                      "From a request's head to its answer, streams excepted.", STR_EMPTY,
                      &c->numbers.latency);
    metrics_counter(m, "hyakuyo_http_connections_refused_total", "Connections over the limit per address.",
                    STR_EMPTY, (double)atomic_load(&c->numbers.refused_connections));
    metrics_counter(m, "hyakuyo_http_connections_timed_out_total", "Connections ended for being too slow.",
                    STR_EMPTY, (double)atomic_load(&c->numbers.timed_out_connections));
    metrics_gauge(m, "hyakuyo_http_requests_waiting", "Requests waiting for a query worker.", STR_EMPTY,
                  (double)work_depth(c->query_workers));
    stream_numbers(c->stream, &stream);
    metrics_gauge(m, "hyakuyo_stream_clients", "Open live streams.", STR_EMPTY, (double)stream.clients);
    metrics_counter(m, "hyakuyo_stream_messages_total", "Messages published to the live stream.", STR_EMPTY,
                    (double)stream.published);
    metrics_counter(m, "hyakuyo_stream_missed_total", "Messages that slow clients did not get.", STR_EMPTY,
                    (double)stream.missed);
    metrics_counter(m, "hyakuyo_stream_sampled_out_total", "Events left out of live streams by sampling.",
                    STR_EMPTY, (double)stream.sampled_out);
}

static void get_metrics(struct request *r)
{
    struct metrics m = {.out = reply_text(r, 200, "text/plain; version=0.0.4; charset=utf-8")};
    r->services->metrics(r->services->ctx, &m);
    own_metrics(r->console, &m);
}

static void get_openapi(struct request *r)
{
    buf_add(reply_json(r, 200), openapi_text());
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/status", get_status, RUN_WORKER, MAY_SEE_STATUS, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/fields", get_fields, RUN_WORKER, MAY_SEE_STATUS, 0, NULL, NULL, NULL},
    {METHOD_GET, "/api/v1/openapi.json", get_openapi, RUN_INLINE, 0, ROUTE_PUBLIC, NULL, NULL, NULL},
    {METHOD_GET, "/metrics", get_metrics, RUN_WORKER, MAY_SEE_METRICS, ROUTE_LOOPBACK_PUBLIC, NULL, NULL,
     NULL},
    {METHOD_GET, "/healthz", get_healthz, RUN_INLINE, 0, ROUTE_PUBLIC, NULL, NULL, NULL},
    {METHOD_GET, "/readyz", get_readyz, RUN_INLINE, 0, ROUTE_PUBLIC, NULL, NULL, NULL},
};
const struct route_table status_routes = {ROUTES, COUNT_OF(ROUTES)};
