/* /api/v1/report: the form of people who suspect an infection, without log-in (S80 to S86). Stage: console.
 * Anybody in reach may send it, so each address and all together have a limit, texts are short, and other
 * sites' pages are refused by the gate. Next: services.h, report_form(). */
#include "console/console_internal.h"
#include "console/report_form.h"
#include "console/router.h"

#define WINDOW_NS   (600 * NS_PER_SECOND)
#define ADDRESSES   4096
#define ALL_TIMES   60 /* of one address's limit: all addresses together */
#define TICKS_TIMES 6  /* of one address's limit: each report has a card */
#define TEXT(name, most)                                                                                     \
    {                                                                                                        \
        name, PARAMETER_TEXT, false, 0, most, NULL                                                           \
    }

const struct parameter report_form_members[] = {TEXT("symptoms", 400),
                                                TEXT("done", 400),
                                                TEXT("text", 4000),
                                                TEXT("pc", 253),
                                                TEXT("reporter", 200),
                                                TEXT("contact", 254),
                                                TEXT("location", 200),
                                                {"noticed", PARAMETER_TIME, false, 0, 0, NULL},
                                                {0}};
static const struct parameter TICK[] = {{"number", PARAMETER_INTEGER, true, 1, INT64_C(1) << 53, NULL},
                                        {"step", PARAMETER_TEXT, true, 1, 32, NULL},
                                        {"key", PARAMETER_TEXT, true, 1, 64, NULL},
                                        {0}};
static const struct parameter READ[] = {{0}};

struct report_form {
    struct rate_limit *sent, *ticked, *read, *all;
};

struct report_form *report_form_new(unsigned per_address)
{
    struct report_form *f = NEW(struct report_form);
    if (per_address == 0)
        return f;
    f->sent = rate_limit_new(per_address, WINDOW_NS, ADDRESSES);
    f->ticked = rate_limit_new(per_address * TICKS_TIMES, WINDOW_NS, ADDRESSES);
    f->read = rate_limit_new(per_address, WINDOW_NS, ADDRESSES);
    f->all = rate_limit_new(per_address * ALL_TIMES, WINDOW_NS, 1);
    return f;
}

void report_form_free(struct report_form *f)
{
    if (f == NULL)
        return;
    rate_limit_free(f->sent);
    rate_limit_free(f->ticked);
    rate_limit_free(f->read);
    rate_limit_free(f->all);
    memory_free(f);
}

static bool is_on(struct request *r)
{
    if (r->services->report_form != NULL && r->console->report_form->sent != NULL)
        return true;
    reply_problem(r, PROBLEM_NOT_FOUND, STR("The form for reports is switched off here; call the help desk."),
                  STR("申告フォームは停止しています。ヘルプデスクに電話してください。"));
    return false;
}

static bool within(struct request *r, struct rate_limit *limit, struct str key)
{
    unsigned seconds = rate_limit_attempt(limit, key, r->started_ns);
    if (seconds == 0)
        return true;
    reply_problem_retry(r, PROBLEM_RATE, seconds,
                        STR("Too many reports from here in a short time; call the help desk."),
                        STR("短時間の送信が多すぎます。ヘルプデスクに電話してください。"));
    return false;
}

static void ask(struct request *r, enum report_form_question what)
{
    struct console_failure failure = failure_none();
    struct casework_answer out = {.status = 200};
    struct report_form_request request = {.what = what,
                                          .address = str_c(r->address),
                                          .names = r->route->members,
                                          .values = r->members,
                                          .language = r->language};
    if (!r->services->report_form(r->services->ctx, &request, &r->arena, &out, &failure))
        reply_failure(r, &failure);
    else if (out.status == 204)
        reply_nothing(r, 204);
    else
        buf_add(reply_json(r, out.status), buf_str(&out.body));
    buf_free(&out.body);
}

static void show(struct request *r)
{
    if (is_on(r))
        ask(r, REPORT_FORM_SHOW);
}

static void send(struct request *r)
{
    struct report_form *f = r->console->report_form;
    if (is_on(r) && within(r, f->sent, str_c(r->address)) && within(r, f->all, STR("all")))
        ask(r, REPORT_FORM_SEND);
}

static void tick(struct request *r)
{
    if (is_on(r) && within(r, r->console->report_form->ticked, str_c(r->address)))
        ask(r, REPORT_FORM_TICK);
}

static void read_page(struct request *r)
{
    if (is_on(r) && within(r, r->console->report_form->read, str_c(r->address)))
        ask(r, REPORT_FORM_READ);
}

static const struct route ROUTES[] = {
    {METHOD_GET, "/api/v1/report", show, RUN_WORKER, 0, ROUTE_PUBLIC, NULL, NULL, NULL},
    {METHOD_POST, "/api/v1/report", send, RUN_WORKER, 0, ROUTE_PUBLIC | ROUTE_SMALL_BODY, NULL,
     report_form_members, "report.send"},
    {METHOD_POST, "/api/v1/report/ticks", tick, RUN_WORKER, 0, ROUTE_PUBLIC | ROUTE_SMALL_BODY, NULL, TICK,
     "report.tick"},
    {METHOD_POST, "/api/v1/report/read", read_page, RUN_WORKER, 0, ROUTE_PUBLIC | ROUTE_SMALL_BODY, NULL,
     READ, "report.read"},
};
const struct route_table report_form_routes = {ROUTES, COUNT_OF(ROUTES)};
