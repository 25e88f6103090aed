/* The form without log-in, for the console: whoever sends it is "anonymous", known by nothing but an address.
 * Answers tell nothing that the sender does not know but the name of the sender's own computer and the help
 * desk's numbers. Next: intake.h. */
#include "base/log.h"
#include "enrich/context.h"
#include "intake/intake.h"
#include "store/state_identity.h"

#define CONTACTS_MOST 200

/* ------------------------------------------------------------------- shown */

/* What the inventory says of the address, or else who held it now by the leases: a suggestion, which the
 * sender confirms. The address is that of the connection; what a header says of another is not believed. */
static struct str own_computer(struct casework *c, struct str address)
{
    struct context *context = engine_context(c->s->engine);
    const struct asset_host *host =
        context ? context_find_host(context, STR_EMPTY, address, c->now_ns) : NULL;
    struct str name = host ? arena_str(c->arena, host->hostname) : STR_EMPTY;
    struct error err;
    context_unref(context);
    if (name.n == 0 && !state_identity_host_then(c->s->state, address, c->now_ns, c->arena, &name, &err))
        log_warning("%s", err.text); /* the form works without */
    return name;
}

/* Numbers and hours of the help desk; no names. */
static bool put_phones(struct casework *c, struct json_writer *w)
{
    struct error err;
    struct work_rows contacts;
    if (!state_work_list(c->s->state, WORK_CONTACT, CONTACT_ROLE, STR("helpdesk"), CONTACTS_MOST, c->arena,
                         &contacts, &err))
        return work_fail(c, 500, &err);
    json_key(w, "phones");
    json_begin_array(w);
    for (uint32_t i = 0; i < contacts.count; i++) {
        if (contacts.rows[i].values[CONTACT_PHONE].n == 0)
            continue;
        json_begin_object(w);
        json_key(w, "phone");
        json_put_str(w, contacts.rows[i].values[CONTACT_PHONE]);
        json_key(w, "hours");
        json_put_str(w, contacts.rows[i].values[CONTACT_HOURS]);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

static bool show_form(struct casework *c, struct str address)
{
    const struct intake_rules *rules = c->s->intake_rules;
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "pc");
    json_put_str(&w, own_computer(c, address));
    intake_put_list(&rules->symptoms, &w, "symptoms");
    intake_put_list(&rules->steps, &w, "steps");
    intake_put_list(&rules->deviations, &w, "deviations");
    bool ok = put_phones(c, &w);
    json_end_object(&w);
    return ok;
}

/* -------------------------------------------------------------------- taken */

static bool send_report(struct casework *c, struct str address)
{
    struct work_row row;
    char key[INTAKE_KEY_CHARS + 1];
    struct json_writer w = {.out = c->out};
    if (!intake_file(c, STR("form"), address, &row))
        return false;
    intake_key(c->s, &row, key);
    c->answer->status = 201;
    json_begin_object(&w);
    json_key(&w, "number");
    json_put_u64(&w, row.id);
    json_key(&w, "key");
    json_put_c(&w, key);
    json_key(&w, "received");
    json_put_time(&w, c->now_ns);
    bool ok = put_phones(c, &w) && intake_put_ticks(c, row.id, &w);
    json_end_object(&w);
    return ok;
}

static bool is_same_key(struct str given, const char *key)
{
    unsigned difference = given.n != INTAKE_KEY_CHARS;
    for (size_t i = 0; i < INTAKE_KEY_CHARS; i++)
        difference |= (unsigned)(unsigned char)(i < given.n ? given.p[i] : 0) ^ (unsigned char)key[i];
    return difference == 0;
}

/* A wrong number and a wrong key are one answer: nobody learns which reports there are. */
static bool find_own(struct casework *c, struct work_row *row)
{
    struct error err;
    char key[INTAKE_KEY_CHARS + 1];
    bool is_there = state_work_get(c->s->state, WORK_USER_REPORT, (uint64_t)work_value_number(c, "number", 0),
                                   c->arena, row, &err);
    if (is_there)
        intake_key(c->s, row, key);
    return (is_there && is_same_key(work_value(c, "key"), key)) ||
           work_refuse(c, 404, "There is no report with this number and key.",
                       "この番号とキーの申告はありません。");
}

static bool tick(struct casework *c)
{
    struct work_row row;
    struct json_writer w = {.out = c->out};
    if (!find_own(c, &row) || !intake_tick(c, &row, work_value(c, "step"), c->now_ns))
        return false;
    json_begin_object(&w);
    bool ok = intake_put_ticks(c, row.id, &w);
    json_end_object(&w);
    return ok;
}

/* S80: "I have read when to suspect an infection", counted by department, without names. */
static bool count_read(struct casework *c, struct str address)
{
    struct error err;
    struct work_rows rows;
    struct context *context = engine_context(c->s->engine);
    const struct asset_host *host =
        context ? context_find_host(context, STR_EMPTY, address, c->now_ns) : NULL;
    struct str department =
        context ? arena_str(c->arena, context_department(context, host, address, c->now_ns)) : STR_EMPTY;
    context_unref(context);
    c->answer->status = 204;
    if (!work_begin(c)) /* from here nobody else counts */
        return false;
    bool ok =
        state_work_list(c->s->state, WORK_READ, READ_DEPARTMENT, department, 1, c->arena, &rows, &err) ||
        work_fail(c, 500, &err);
    struct work_row row = ok && rows.count ? rows.rows[0] : (struct work_row){0};
    row.values[READ_DEPARTMENT] = department;
    if (ok && rows.count == 0) {
        row.values[READ_FIRST] = work_text_of(c->now_ns, c->arena);
        ok = work_add(c, WORK_READ, &row);
    }
    ok = ok && work_set_number(c, WORK_READ, &row, READ_COUNT, work_number(&row, READ_COUNT) + 1) &&
         work_set_number(c, WORK_READ, &row, READ_LAST, c->now_ns);
    struct deed deed = work_deed(c, "observe", 0, "report_read", row.id, STR_EMPTY);
    return work_end(c, ok, &deed);
}

static bool report_form(void *ctx, const struct report_form_request *request, struct arena *arena,
                        struct casework_answer *out, struct console_failure *failure)
{
    struct casework_request q = {.names = request->names,
                                 .values = request->values,
                                 .viewer = {.user = STR_EMPTY, .language = request->language}};
    struct casework c = {.s = ctx,
                         .q = &q,
                         .arena = arena,
                         .out = &out->body,
                         .answer = out,
                         .failure = failure,
                         .actor = STR("anonymous"),
                         .now_ns = clock_wall_ns()};
    switch (request->what) {
    case REPORT_FORM_SHOW:
        return show_form(&c, request->address);
    case REPORT_FORM_SEND:
        return send_report(&c, request->address);
    case REPORT_FORM_TICK:
        return tick(&c);
    case REPORT_FORM_READ:
        return count_read(&c, request->address);
    }
    BUG("question of the report form");
}

void services_intake(struct console_services *s)
{
    s->report_form = report_form;
}
