/* Sources and the event balance. Stage: console. Reads registrations, leaves who sends what and whether the
 * sums close. Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

enum { CHANGE_NAME, CHANGE_PARSER, CHANGE_TIMEZONE, CHANGE_REGISTERED };
static const struct parameter CHANGE[] = {
    {"name", PARAMETER_TEXT, false, 1, 128, NULL},
    {"parser", PARAMETER_TEXT, false, 0, 128, NULL},
    {"timezone", PARAMETER_TEXT, false, 0, 64, NULL},
    {"registered", PARAMETER_BOOLEAN, false, 0, 0, NULL},
    {0},
};

static const struct parameter BALANCE[] = {
    {"from", PARAMETER_TIME, false, 0, 0, NULL},
    {"to", PARAMETER_TIME, false, 0, 0, NULL},
    {0},
};

static void put_text(struct json_writer *w, const char *key, struct str value)
{
    json_key(w, key);
    json_put_str(w, value.p ? value : STR_EMPTY);
}

static void put_number(struct json_writer *w, const char *key, uint64_t value)
{
    json_key(w, key);
    json_put_u64(w, value);
}

static void write_source(struct json_writer *w, const struct source_view *s)
{
    json_begin_object(w);
    put_number(w, "id", s->id);
    put_text(w, "name", s->name);
    put_text(w, "sender", s->sender);
    put_text(w, "transport", s->transport);
    put_text(w, "parser", s->parser);
    put_text(w, "timezone", s->timezone);
    json_key(w, "registered");
    json_put_bool(w, s->registered);
    json_key(w, "first_seen");
    json_put_time(w, s->first_seen_ns);
    json_key(w, "last_seen");
    json_put_time(w, s->last_seen_ns);
    put_number(w, "events_today", s->events_today);
    json_key(w, "per_second");
    json_put_double(w, s->per_second);
    put_number(w, "parse_failures_today", s->parse_failures_today);
    json_key(w, "silent");
    json_put_bool(w, s->silent);
    json_end_object(w);
}

static void get_sources(struct request *r)
{
    struct console_failure failure = failure_none();
    struct source_list list = {0};
    if (!r->services->sources(r->services->ctx, &r->arena, &list, &failure)) {
        reply_failure(r, &failure);
        return;
    }
    struct json_writer w = {.out = reply_json(r, 200)};
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < list.count; i++)
        write_source(&w, &list.rows[i]);
    json_end_array(&w);
    json_end_object(&w);
}

static void put_source(struct request *r)
{
    const struct parameter_value *v = r->members;
    struct console_failure failure = failure_none();
    uint64_t id;
    if (!str_to_u64(r->path_values[0], 10, &id) || id == 0 || id > UINT32_MAX) {
        reply_problem(r, PROBLEM_NOT_FOUND, STR("Source identifiers are whole numbers."),
                      STR("送信元の識別子は整数です。"));
        return;
    }
    struct source_change change = {.id = (uint32_t)id,
                                   .has_name = v[CHANGE_NAME].is_given,
                                   .has_parser = v[CHANGE_PARSER].is_given,
                                   .has_timezone = v[CHANGE_TIMEZONE].is_given,
                                   .has_registered = v[CHANGE_REGISTERED].is_given,
                                   .name = v[CHANGE_NAME].text,
                                   .parser = v[CHANGE_PARSER].text,
                                   .timezone = v[CHANGE_TIMEZONE].text,
                                   .registered = v[CHANGE_REGISTERED].number != 0,
                                   .viewer = request_viewer(r)};
    if (change.has_timezone && change.timezone.n && !zone_find(change.timezone))
        reply_problem(r, PROBLEM_BODY, STR("\"timezone\" is unknown; write Asia/Tokyo or +09:00."),
                      STR("「timezone」が不明です。Asia/Tokyo や +09:00 のように指定してください。"));
    else if (r->services->source_change(r->services->ctx, &change, &failure))
        reply_nothing(r, 204);
    else
        reply_failure(r, &failure);
}

static void write_counts(struct json_writer *w, const struct balance_row *row)
{
    int64_t accounted = (int64_t)(row->stored + row->filtered + row->rejected + row->lost);
    put_number(w, "received", row->received);
    put_number(w, "stored", row->stored);
    put_number(w, "filtered", row->filtered);
    put_number(w, "rejected", row->rejected);
    put_number(w, "lost", row->lost);
    json_key(w, "difference");
    json_put_i64(w, (int64_t)row->received - accounted);
}

static void add_counts(struct balance_row *total, const struct balance_row *row)
{
    total->received += row->received;
    total->stored += row->stored;
    total->filtered += row->filtered;
    total->rejected += row->rejected;
    total->lost += row->lost;
}

static void write_balance(struct json_writer *w, const struct balance_list *list)
{
    struct balance_row total = {0};
    json_begin_object(w);
    json_key(w, "rows");
    json_begin_array(w);
    for (uint32_t i = 0; i < list->count; i++) {
        json_begin_object(w);
        put_text(w, "source", list->rows[i].source);
        json_key(w, "hour");
        json_put_time(w, list->rows[i].hour_ns);
        write_counts(w, &list->rows[i]);
        json_end_object(w);
        add_counts(&total, &list->rows[i]);
    }
    json_end_array(w);
    json_key(w, "total");
    json_begin_object(w);
    write_counts(w, &total);
    json_end_object(w);
    json_end_object(w);
}

static void get_balance(struct request *r)
{
    struct console_failure failure = failure_none();
    struct balance_list list = {0};
    int64_t from_ns = r->query[0].is_given ? r->query[0].number : r->now_ns - 24 * 3600 * NS_PER_SECOND;
    int64_t to_ns = r->query[1].is_given ? r->query[1].number : INT64_MAX;
    if (!r->services->balance(r->services->ctx, from_ns, to_ns, &r->arena, &list, &failure)) {
        reply_failure(r, &failure);
        return;
    }
    struct json_writer w = {.out = reply_json(r, 200)};
    write_balance(&w, &list);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/sources", get_sources, RUN_WORKER, MAY_SEE_SOURCES, 0, NULL, NULL, NULL},
    {METHOD_PUT, "/api/v1/sources/{id}", put_source, RUN_WORKER, MAY_MANAGE_SOURCES, 0, NULL, CHANGE,
     "source.change"},
    {METHOD_GET, "/api/v1/balance", get_balance, RUN_WORKER, MAY_SEE_SOURCES, 0, BALANCE, NULL, NULL},
};
const struct route_table source_routes = {ROUTES, COUNT_OF(ROUTES)};
