/* Reports to public bodies, for the console: templates filled from the case, and the ledger of what was
 * drafted, approved by somebody else, and sent (S151).
 *
 *   draft (the text as it would leave) ──approve──▶ approved ──sent──▶ sent (receipt; may meet a deadline)
 * A changed report is a new draft. All steps stay. */
#include "server/server.h"

#include "base/json.h"
#include "console/roles.h"
#include "report/outside/form.h"
#include "work/outside.h"
#include "work/work.h"

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = *err;
    return false;
}

static bool refuse(struct console_failure *failure, int status, const char *en, const char *ja)
{
    failure->status = status;
    error_set(&failure->en, "%s", en);
    return error_set(&failure->ja, "%s", ja);
}

static void prepare(const struct server *s, const struct outside_case *oc, int redact, int tlp,
                    struct arena *arena, struct case_export *c)
{
    *c =
        (struct case_export){.facts = &oc->facts,
                             .redactor = redactor_new((enum redaction_profile)redact, s->outside->key, arena),
                             .tlp = (enum tlp)tlp,
                             .organisation = s->outside->organisation,
                             .email = s->outside->email,
                             .seed = str_c(s->outside->seed),
                             .now_ns = clock_wall_ns(),
                             .arena = arena};
    redactor_know_incident(c->redactor, &oc->incident);
}

/* -------------------------------------------------------------------- ledger */

struct report {
    const struct outside_entry *draft, *approved, *sent; /* NULL = not yet */
};

static struct report find_report(const struct outside_case *oc, uint64_t id)
{
    struct report r = {0};
    for (uint32_t i = 0; i < oc->entry_count; i++) {
        const struct outside_entry *e = &oc->entries[i];
        uint64_t about;
        if (e->kind == OUTSIDE_DRAFT && e->id == id)
            r.draft = e;
        if ((e->kind != OUTSIDE_APPROVED && e->kind != OUTSIDE_SENT) || !str_to_u64(e->name, 10, &about) ||
            about != id)
            continue;
        *(e->kind == OUTSIDE_APPROVED ? &r.approved : &r.sent) = e;
    }
    return r;
}

static void put_report(struct json_writer *w, const struct report *r)
{
    json_begin_object(w);
    json_key(w, "report");
    json_put_u64(w, r->draft->id);
    export_member(w, "form", r->draft->name);
    export_member(w, "state", r->sent ? STR("sent") : r->approved ? STR("approved") : STR("draft"));
    export_member(w, "supplements", r->draft->receipt);
    export_member(w, "copy", r->draft->value);
    export_member(w, "missing", r->draft->missing);
    export_member(w, "drafted_by", r->draft->who);
    export_time(w, "drafted", r->draft->noted_ns);
    if (r->approved) {
        export_member(w, "approved_by", r->approved->who);
        export_time(w, "approved", r->approved->noted_ns);
    }
    if (r->sent) {
        export_member(w, "sent_by", r->sent->who);
        export_time(w, "sent", r->sent->at_ns);
        export_member(w, "receipt", r->sent->receipt);
    }
    json_end_object(w);
}

/* Partners whose register names the form. */
static void put_recipients(struct json_writer *w, const struct form *f, const struct work_rows *partners)
{
    json_key(w, "recipients");
    json_begin_array(w);
    for (uint32_t i = 0; i < partners->count; i++) {
        const struct work_row *p = &partners->rows[i];
        if (work_number(p, PARTNER_ENDED) != 0 || !work_list_has(p->values[PARTNER_FORMS], f->id))
            continue;
        json_begin_object(w);
        json_key(w, "partner");
        json_put_u64(w, p->id);
        json_key(w, "name");
        json_put_str(w, p->values[PARTNER_NAME]);
        json_key(w, "tlp");
        json_put_str(w, p->values[PARTNER_TLP]);
        json_key(w, "redaction");
        json_put_str(w, p->values[PARTNER_REDACTION]);
        json_key(w, "address");
        json_put_str(w, p->values[PARTNER_ADDRESS]);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_form(struct json_writer *w, const struct form *f, const struct case_export *c,
                     const struct work_rows *partners)
{
    json_begin_object(w);
    export_member(w, "form", f->id);
    export_member(w, "version", f->version);
    export_member(w, "title", f->title_en);
    export_member(w, "title_ja", f->title_ja);
    export_member(w, "to", f->to_en);
    export_member(w, "to_ja", f->to_ja);
    json_key(w, "missing");
    json_put_str(w, form_missing(f, c));
    put_recipients(w, f, partners);
    json_end_object(w);
}

static bool forms(void *ctx, uint64_t id, struct arena *arena, struct buf *json,
                  struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct outside_case oc;
    struct case_export c;
    struct work_rows partners;
    struct json_writer w = {.out = json};
    if (!outside_case_load(s->state, id, arena, &oc, &err))
        return fail(&err, 404, failure);
    if (!state_work_list(s->state, WORK_PARTNER, -1, STR_EMPTY, WORK_ROWS_MOST, arena, &partners, &err))
        return fail(&err, 500, failure);
    prepare(s, &oc, REDACT_INTERNAL, TLP_AMBER, arena, &c);
    json_begin_object(&w);
    json_key(&w, "forms");
    json_begin_array(&w);
    for (size_t i = 0; i < s->outside->forms.count; i++)
        put_form(&w, &s->outside->forms.items[i], &c, &partners);
    json_end_array(&w);
    json_key(&w, "reports");
    json_begin_array(&w);
    for (uint32_t i = 0; i < oc.entry_count; i++)
        if (oc.entries[i].kind == OUTSIDE_DRAFT) {
            struct report r = find_report(&oc, oc.entries[i].id);
            put_report(&w, &r);
        }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

static bool form(void *ctx, const struct form_request *r, struct arena *arena, struct buf *out,
                 struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct outside_case oc;
    struct case_export c;
    const struct form *f = forms_find(&s->outside->forms, r->form);
    if (f == NULL)
        return refuse(failure, 404, "There is no such form.", "その様式はありません。");
    if (r->redact == REDACT_NONE && !r->viewer.may_see_persons)
        return refuse(failure, 403, "Your role sees no names: ask with redact=internal or anonymous.",
                      "氏名を閲覧できない役割です。redact=internal または anonymous を指定してください。");
    if (!outside_case_load(s->state, r->id, arena, &oc, &err))
        return fail(&err, 404, failure);
    prepare(s, &oc, r->redact, r->tlp, arena, &c);
    form_render(f, &c, (enum form_media)r->media, r->language, STR_EMPTY, out);
    return true;
}

/* --------------------------------------------------------------------- steps */

struct step {
    struct server *s;
    const struct form_act *act;
    const struct form *form;
    struct outside_case oc;
    struct report report;
    struct arena *arena;
};

static bool add(const struct step *t, struct outside_entry e, struct console_failure *failure)
{
    struct error err;
    e.incident = t->act->id;
    e.who = t->act->viewer.user;
    e.noted_ns = clock_wall_ns();
    e.at_ns = e.noted_ns;
    e.receipt = e.receipt.p ? e.receipt : STR_EMPTY;
    return state_outside_add(t->s->state, &e, &err) || fail(&err, 500, failure);
}

/* Number or receipt of the first report of that form, for whoever supplements it. */
static bool first_report(const struct step *t, struct str *out, struct console_failure *failure)
{
    *out = STR_EMPTY;
    if (t->act->report == 0)
        return true;
    if (t->report.sent == NULL || !str_eq(t->report.draft->name, t->form->id))
        return refuse(failure, 409, "Only a report of the same form that was sent can be supplemented.",
                      "追加できるのは送付済みの同じ様式の報告だけです。");
    *out = t->report.sent->receipt;
    return true;
}

static bool draft(const struct step *t, struct console_failure *failure)
{
    struct buf text = {0};
    struct case_export c;
    struct str supplements;
    if (!first_report(t, &supplements, failure))
        return false;
    prepare(t->s, &t->oc, t->act->redact, t->act->tlp, t->arena, &c);
    form_render(t->form, &c, FORM_TEXT, t->act->language, supplements, &text);
    bool ok = add(t,
                  (struct outside_entry){.kind = OUTSIDE_DRAFT,
                                         .missing = form_missing(t->form, &c),
                                         .name = t->form->id,
                                         .value = buf_str(&text),
                                         .receipt = supplements},
                  failure);
    buf_free(&text);
    return ok;
}

static bool approve(const struct step *t, struct console_failure *failure)
{
    if (!(t->act->viewer.roles & (ROLE_LEAD | ROLE_APPROVER)))
        return refuse(failure, 403, "Only a lead or an approver approves a report.",
                      "報告を承認できるのはリーダーまたは承認者だけです。");
    if (str_eq(t->report.draft->who, t->act->viewer.user))
        return refuse(failure, 403, "Nobody approves their own draft.", "自分の起案は承認できません。");
    if (t->report.approved)
        return refuse(failure, 409, "This report is approved already.", "この報告は承認済みです。");
    if (t->report.draft->missing.n)
        return refuse(failure, 409,
                      "Required items were empty when this was drafted; record them and draft again.",
                      "起案時に必須項目が空でした。事実を記録して起案し直してください。");
    return add(t,
               (struct outside_entry){.kind = OUTSIDE_APPROVED,
                                      .value = STR_EMPTY,
                                      .name =
                                          arena_printf(t->arena, "%llu", (unsigned long long)t->act->report)},
               failure);
}

static bool is_clock(const struct outside *o, struct str id)
{
    for (size_t i = 0; i < o->deadlines.count; i++)
        if (str_eq(o->deadlines.rules[i].id, id))
            return true;
    return false;
}

static bool sent(const struct step *t, struct console_failure *failure)
{
    if (t->report.approved == NULL)
        return refuse(failure, 409, "A report is approved before it is sent.", "報告は承認後に送付します。");
    if (t->report.sent)
        return refuse(failure, 409, "This report is marked as sent already.", "この報告は送付済みです。");
    if (t->act->receipt.n == 0)
        return refuse(failure, 400, "Give the receipt number.", "受付番号を指定してください。");
    if (t->act->clock.n && !is_clock(t->s->outside, t->act->clock))
        return refuse(failure, 404, "There is no such deadline.", "その期限はありません。");
    struct str name = arena_printf(t->arena, "%llu", (unsigned long long)t->act->report);
    return add(t,
               (struct outside_entry){
                   .kind = OUTSIDE_SENT, .name = name, .value = STR_EMPTY, .receipt = t->act->receipt},
               failure) &&
           (t->act->clock.n == 0 || add(t,
                                        (struct outside_entry){.kind = OUTSIDE_MET,
                                                               .name = t->act->clock,
                                                               .value = t->report.draft->value,
                                                               .receipt = t->act->receipt},
                                        failure));
}

static bool take_step(struct step *t, struct console_failure *failure)
{
    static bool (*const steps[])(const struct step *t, struct console_failure *failure) = {draft, approve,
                                                                                           sent};
    struct error err;
    if (!outside_case_load(t->s->state, t->act->id, t->arena, &t->oc, &err))
        return fail(&err, 404, failure);
    t->report = find_report(&t->oc, t->act->report);
    if (t->act->report && (t->report.draft == NULL || !str_eq(t->report.draft->name, t->form->id)))
        return refuse(failure, 404, "There is no such report.", "その報告はありません。");
    if (t->act->report == 0 && t->act->action != FORM_ACT_DRAFT)
        return refuse(failure, 400, "Say which report.", "報告の番号を指定してください。");
    return steps[t->act->action](t, failure);
}

/* The case's own chain has the step too: who drafted, who approved, what receipt came. */
static bool record_step(const struct step *t, struct error *err)
{
    static const char *const actions[] = {
        [FORM_ACT_DRAFT] = "report", [FORM_ACT_APPROVE] = "approve", [FORM_ACT_SENT] = "report"};
    struct buf roles = {0};
    roles_format(t->act->viewer.roles, &roles);
    struct deed deed = {.action = actions[t->act->action],
                        .actor = t->act->viewer.user,
                        .role = buf_str(&roles),
                        .incident = t->act->id,
                        .target = arena_printf(t->arena, "form/%.*s", STR_ARGS(t->form->id)),
                        .evidence = t->act->receipt};
    bool ok = recorder_commit(t->s->recorder, &deed, err);
    buf_free(&roles);
    return ok;
}

static bool form_act(void *ctx, const struct form_act *act, struct arena *arena,
                     struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct step t = {.s = s, .act = act, .arena = arena, .form = forms_find(&s->outside->forms, act->form)};
    if (t.form == NULL)
        return refuse(failure, 404, "There is no such form.", "その様式はありません。");
    if (act->action != FORM_ACT_APPROVE && !(roles_permissions(act->viewer.roles) & MAY_WORK_INCIDENTS))
        return refuse(failure, 403, "Your role does not work on incidents.",
                      "インシデント対応の権限がありません。");
    if (!recorder_begin(s->recorder, &err)) /* what is checked still holds when it is written */
        return fail(&err, 500, failure);
    if (!take_step(&t, failure)) {
        recorder_rollback(s->recorder);
        return false;
    }
    return record_step(&t, &err) || fail(&err, 500, failure);
}

void services_forms(struct console_services *s)
{
    s->forms = forms;
    s->form = form;
    s->form_act = form_act;
}
