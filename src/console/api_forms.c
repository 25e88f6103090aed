/* Reports to public bodies: templates filled from a case, and the ledger of drafts, approvals and what was
 * sent. Stage: console. Next: services.h. */
#include "base/json.h"
#include "console/console_internal.h"
#include "console/router.h"

enum { ASK_AS, ASK_REDACT, ASK_TLP, ASK_LANGUAGE };
static const struct parameter ASK[] = {
    {"as", PARAMETER_CHOICE, false, 0, 0, "text|html|json"}, /* enum form_media */
    {"redact", PARAMETER_CHOICE, false, 0, 0, "none|internal|anonymous"},
    {"tlp", PARAMETER_CHOICE, false, 0, 0, "clear|green|amber|amber-strict|red"},
    {"language", PARAMETER_CHOICE, false, 0, 0, "en|ja"},
    {0},
};

enum { ACT_ACTION, ACT_REPORT, ACT_RECEIPT, ACT_CLOCK, ACT_REDACT, ACT_TLP, ACT_LANGUAGE };
static const struct parameter ACT[] = {
    {"action", PARAMETER_CHOICE, true, 0, 0, "draft|approve|sent"}, /* in the order of enum form_action */
    {"report", PARAMETER_INTEGER, false, 1, INT64_C(1) << 53, NULL},
    {"receipt", PARAMETER_TEXT, false, 0, 256, NULL},
    {"clock", PARAMETER_TEXT, false, 0, 128, NULL},
    {"redact", PARAMETER_CHOICE, false, 0, 0, "none|internal|anonymous"},
    {"tlp", PARAMETER_CHOICE, false, 0, 0, "clear|green|amber|amber-strict|red"},
    {"language", PARAMETER_CHOICE, false, 0, 0, "en|ja"},
    {0},
};

static bool begin(struct request *r, uint64_t *id)
{
    if (r->services->forms != NULL && str_to_u64(r->path_values[0], 10, id))
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("Incident identifiers are whole numbers."),
                  STR("インシデントの識別子は整数です。"));
    return false;
}

static int choice(const struct parameter_value *v, int fallback)
{
    return v->is_given ? (int)v->number : fallback;
}

static enum language language_of(const struct request *r, const struct parameter_value *v)
{
    if (!v->is_given)
        return r->language;
    return v->number == 1 ? LANGUAGE_JA : LANGUAGE_EN;
}

static void write_forms(struct request *r, uint64_t id)
{
    struct console_failure failure = failure_none();
    struct buf json = {0};
    if (r->services->forms(r->services->ctx, id, &r->arena, &json, &failure))
        buf_add(reply_json(r, 200), buf_str(&json));
    else
        reply_failure(r, &failure);
    buf_free(&json);
}

static void get_forms(struct request *r)
{
    uint64_t id;
    if (begin(r, &id))
        write_forms(r, id);
}

static void get_form(struct request *r)
{
    static const char *const media[] = {"text/plain; charset=utf-8", "text/html; charset=utf-8",
                                        "application/json"};
    const struct parameter_value *v = r->query;
    struct console_failure failure = failure_none();
    struct form_request request = {.form = r->path_values[1], .viewer = request_viewer(r)};
    struct buf out = {0};
    if (!begin(r, &request.id))
        return;
    request.media = choice(&v[ASK_AS], 2);
    request.redact = choice(&v[ASK_REDACT], 1);
    request.tlp = choice(&v[ASK_TLP], 2);
    request.language = language_of(r, &v[ASK_LANGUAGE]);
    if (r->services->form(r->services->ctx, &request, &r->arena, &out, &failure))
        buf_add(reply_text(r, 200, media[request.media]), buf_str(&out));
    else
        reply_failure(r, &failure);
    buf_free(&out);
}

static void post_form(struct request *r)
{
    const struct parameter_value *v = r->members;
    struct console_failure failure = failure_none();
    struct form_act act = {.form = r->path_values[1], .viewer = request_viewer(r)};
    if (!begin(r, &act.id))
        return;
    act.action = (enum form_action)v[ACT_ACTION].number;
    act.report = v[ACT_REPORT].is_given ? (uint64_t)v[ACT_REPORT].number : 0;
    act.receipt = v[ACT_RECEIPT].is_given ? str_trim(v[ACT_RECEIPT].text) : STR_EMPTY;
    act.clock = v[ACT_CLOCK].is_given ? str_trim(v[ACT_CLOCK].text) : STR_EMPTY;
    act.redact = choice(&v[ACT_REDACT], 1);
    act.tlp = choice(&v[ACT_TLP], 2);
    act.language = language_of(r, &v[ACT_LANGUAGE]);
    if (r->services->form_act(r->services->ctx, &act, &r->arena, &failure))
        write_forms(r, act.id);
    else
        reply_failure(r, &failure);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/incidents/{id}/forms", get_forms, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL, NULL,
     NULL},
    {METHOD_GET, "/api/v1/incidents/{id}/forms/{form}", get_form, RUN_WORKER, MAY_SEE_INCIDENTS, 0, ASK, NULL,
     "incident.form"},
    {METHOD_POST, "/api/v1/incidents/{id}/forms/{form}", post_form, RUN_WORKER, MAY_SEE_INCIDENTS, 0, NULL,
     ACT, "incident.form"},
};
const struct route_table form_routes = {ROUTES, COUNT_OF(ROUTES)};
