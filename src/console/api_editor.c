/* Rules made in the console: reading, checking with samples, previewing over the stored days, saving. Stage:
 * console. Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

#define TEXT_MAX_BYTES 262144
#define NAME_BYTES_MAX 64

static const struct parameter BY_ID[] = {{"id", PARAMETER_TEXT, true, 1, 256, NULL}, {0}};
static const struct parameter TEXT[] = {{"text", PARAMETER_TEXT, true, 1, TEXT_MAX_BYTES, NULL}, {0}};

enum { PREVIEW_TEXT, PREVIEW_RULE, PREVIEW_CONDITION, PREVIEW_FROM, PREVIEW_TO };
static const struct parameter PREVIEW[] = {
    {"text", PARAMETER_TEXT, false, 0, TEXT_MAX_BYTES, NULL},
    {"exception_rule", PARAMETER_TEXT, false, 0, 256, NULL},
    {"exception_condition", PARAMETER_TEXT, false, 0, 8192, NULL},
    {"from", PARAMETER_TIME, false, 0, 0, NULL},
    {"to", PARAMETER_TIME, false, 0, 0, NULL},
    {0},
};

/* The name becomes a file's name. */
static bool is_name(struct str name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = ascii_lower(name.p[i]);
        if (!(c >= 'a' && c <= 'z') && !ascii_is_digit(c) && c != '_' && c != '-')
            return false;
    }
    return name.n > 0 && name.n <= NAME_BYTES_MAX;
}

static void not_there(struct request *r)
{
    reply_problem(r, PROBLEM_NOT_FOUND, STR("There is nothing by that name."),
                  STR("その名前のものはありません。"));
}

static bool check_name(struct request *r)
{
    if (is_name(r->path_values[0]))
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND,
                  STR("A rule's file name has at most 64 letters, digits, '-' and '_'."),
                  STR("規則のファイル名は英数字・'-'・'_' の64文字までです。"));
    return false;
}

static void finish(struct request *r, bool ok, int status, struct buf *json,
                   const struct console_failure *failure)
{
    if (ok)
        buf_add(reply_json(r, status), buf_str(json));
    else
        reply_failure(r, failure);
    buf_free(json);
}

static void get_text(struct request *r)
{
    const struct console_services *s = r->services;
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (s->rule_text == NULL)
        not_there(r);
    else
        finish(r, s->rule_text(s->ctx, r->query[0].text, &r->arena, &json, &failure), 200, &json, &failure);
}

static void post_check(struct request *r)
{
    const struct console_services *s = r->services;
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (s->rule_check == NULL)
        not_there(r);
    else
        finish(r, s->rule_check(s->ctx, r->members[0].text, &r->arena, &json, &failure), 200, &json,
               &failure);
}

static void put_own(struct request *r)
{
    const struct console_services *s = r->services;
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (s->rule_save == NULL)
        not_there(r);
    else if (check_name(r))
        finish(r, s->rule_save(s->ctx, r->path_values[0], r->members[0].text, &r->arena, &json, &failure),
               200, &json, &failure);
}

static void delete_own(struct request *r)
{
    struct console_failure failure = failure_none();
    if (r->services->rule_remove == NULL)
        not_there(r);
    else if (!check_name(r))
        return;
    else if (r->services->rule_remove(r->services->ctx, r->path_values[0], &failure))
        reply_nothing(r, 204);
    else
        reply_failure(r, &failure);
}

#define DAYS_WITHOUT_FROM 7

static void post_preview(struct request *r)
{
    const struct parameter_value *v = r->members;
    struct console_failure failure = failure_none();
    uint64_t id = 0;
    struct preview_request request = {.text = v[PREVIEW_TEXT].text,
                                      .exception_rule = v[PREVIEW_RULE].text,
                                      .exception_condition = v[PREVIEW_CONDITION].text,
                                      .from_ns = v[PREVIEW_FROM].is_given
                                                     ? v[PREVIEW_FROM].number
                                                     : r->now_ns - DAYS_WITHOUT_FROM * 86400 * NS_PER_SECOND,
                                      .to_ns = v[PREVIEW_TO].is_given ? v[PREVIEW_TO].number : INT64_MAX,
                                      .viewer = request_viewer(r)};
    if (r->services->preview_start == NULL)
        not_there(r);
    else if (r->services->preview_start(r->services->ctx, &request, &id, &failure))
        buf_printf(reply_json(r, 202), "{\"id\":\"%llu\"}", (unsigned long long)id);
    else
        reply_failure(r, &failure);
}

static void get_preview(struct request *r)
{
    const struct console_services *s = r->services;
    struct console_failure failure = failure_none();
    struct buf json = {0};
    uint64_t id;
    if (s->preview == NULL || !str_to_u64(r->path_values[0], 10, &id))
        not_there(r);
    else
        finish(r, s->preview(s->ctx, id, &json, &failure), 200, &json, &failure);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/rules/text", get_text, RUN_WORKER, MAY_SEE_RULES, 0, BY_ID, NULL, NULL},
    {METHOD_POST, "/api/v1/rules/check", post_check, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, TEXT, NULL},
    {METHOD_PUT, "/api/v1/rules/own/{name}", put_own, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, TEXT,
     "rule.save"},
    {METHOD_DELETE, "/api/v1/rules/own/{name}", delete_own, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, NULL,
     "rule.remove"},
    {METHOD_POST, "/api/v1/rules/preview", post_preview, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, PREVIEW,
     "rule.preview"},
    {METHOD_GET, "/api/v1/rules/preview/{id}", get_preview, RUN_WORKER, MAY_MANAGE_RULES, 0, NULL, NULL,
     NULL},
};
const struct route_table editor_routes = {ROUTES, COUNT_OF(ROUTES)};
