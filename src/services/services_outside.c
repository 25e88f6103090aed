/* Deadlines of incidents and what leaves the house, for the console. */
#include "server/server.h"

#include "base/json.h"
#include "console/roles.h"
#include "store/state_incidents.h"
#include "work/outside.h"
#include "work/work_custody.h"

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

/* ----------------------------------------------------------------- deadlines */

static void put_texts(struct json_writer *w, const char *key, const char *key_ja, struct str en,
                      struct str ja)
{
    json_key(w, key);
    json_put_str(w, en);
    json_key(w, key_ja);
    json_put_str(w, ja);
}

static void put_time(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns);
}

static void put_mark(struct json_writer *w, const struct deadline_mark *m)
{
    json_key(w, "mark");
    if (m == NULL) {
        json_put_null(w);
        return;
    }
    json_begin_object(w);
    put_time(w, "at", m->when_ns);
    export_member(w, "who", m->who);
    export_member(w, "reason", m->reason);
    export_member(w, "receipt", m->receipt);
    json_key(w, "entry");
    json_put_u64(w, m->report);
    json_end_object(w);
}

static void put_deadline(struct json_writer *w, const struct deadline *d)
{
    json_begin_object(w);
    json_key(w, "clock");
    json_put_str(w, d->rule->id);
    put_texts(w, "title", "title_ja", d->rule->title_en, d->rule->title_ja);
    put_texts(w, "to", "to_ja", d->rule->to_en, d->rule->to_ja);
    put_texts(w, "note", "note_ja", d->rule->note_en, d->rule->note_ja);
    json_key(w, "source");
    json_put_str(w, d->rule->source);
    json_key(w, "state");
    json_put_str(w, deadline_state_name(d->state));
    json_key(w, "met_late");
    json_put_bool(w, deadline_is_met_late(d));
    put_time(w, "start", d->start_ns);
    json_key(w, "start_assumed");
    json_put_bool(w, d->is_start_assumed);
    json_key(w, "known_by");
    json_put_str(w, d->known_by.p ? d->known_by : STR_EMPTY);
    put_time(w, "warn", d->warn_ns);
    put_time(w, "due", d->due_ns);
    json_key(w, "missing");
    json_begin_array(w);
    for (size_t i = 0; i < d->missing_count; i++)
        json_put_str(w, d->missing[i]);
    json_end_array(w);
    put_mark(w, d->mark);
    json_end_object(w);
}

static void put_questions(struct json_writer *w, const struct deadlines *all)
{
    json_key(w, "questions");
    json_begin_array(w);
    for (size_t i = 0; i < all->question_count; i++) {
        json_begin_object(w);
        json_key(w, "fact");
        json_put_str(w, all->questions[i].fact);
        put_texts(w, "title", "title_ja", all->questions[i].title_en, all->questions[i].title_ja);
        json_key(w, "kind");
        json_put_str(w, all->questions[i].kind);
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_facts(struct json_writer *w, const struct outside_case *c)
{
    json_key(w, "facts");
    json_begin_object(w);
    for (size_t i = 0; i < c->facts.fact_count; i++) {
        json_key_str(w, c->facts.facts[i].name);
        json_put_str(w, c->facts.facts[i].value);
    }
    json_end_object(w);
}

static void put_entries(struct json_writer *w, const struct outside_case *c)
{
    static const char *const kinds[] = {"fact", "knew", "met", "waived"};
    json_key(w, "entries");
    json_begin_array(w);
    for (uint32_t i = 0; i < c->entry_count; i++) {
        const struct outside_entry *e = &c->entries[i];
        if ((size_t)e->kind >= COUNT_OF(kinds))
            continue; /* the ledger of reports: services_forms.c */
        json_begin_object(w);
        json_key(w, "id");
        json_put_u64(w, e->id);
        json_key(w, "action");
        json_put_c(w, kinds[e->kind]);
        export_member(w, "name", e->name);
        export_member(w, "value", e->value);
        export_member(w, "receipt", e->receipt);
        export_member(w, "who", e->who);
        put_time(w, "at", e->at_ns);
        put_time(w, "noted", e->noted_ns);
        json_end_object(w);
    }
    json_end_array(w);
}

static bool deadlines(void *ctx, uint64_t id, struct arena *arena, struct buf *json,
                      struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct outside_case c;
    struct json_writer w = {.out = json};
    if (!outside_case_load(s->state, id, arena, &c, &err))
        return fail(&err, 404, failure);
    const struct deadline *rows =
        outside_deadlines(s->outside, &c, zone_find(STR("local")), clock_wall_ns(), arena);
    json_begin_object(&w);
    json_key(&w, "version");
    json_put_str(&w, s->outside->deadlines.version);
    put_texts(&w, "note", "note_ja", s->outside->deadlines.note_en, s->outside->deadlines.note_ja);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (size_t i = 0; i < s->outside->deadlines.count; i++)
        put_deadline(&w, &rows[i]);
    json_end_array(&w);
    put_questions(&w, &s->outside->deadlines);
    put_facts(&w, &c);
    put_entries(&w, &c);
    json_end_object(&w);
    return true;
}

static bool is_name(struct str s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!ascii_is_digit(s.p[i]) && !(s.p[i] >= 'a' && s.p[i] <= 'z') && s.p[i] != '_')
            return false;
    return s.n > 0;
}

static bool is_clock(const struct outside *o, struct str id)
{
    for (size_t i = 0; i < o->deadlines.count; i++)
        if (str_eq(o->deadlines.rules[i].id, id))
            return true;
    return false;
}

/* What each action needs before it may be written down. */
static bool check_act(const struct outside *o, const struct deadline_act *a, int64_t now_ns,
                      struct console_failure *failure)
{
    if (a->at_ns != TIME_UNKNOWN && a->at_ns > now_ns)
        return refuse(failure, 400, "\"at\" lies in the future.", "「at」が未来の日時です。");
    switch (a->action) {
    case DEADLINE_ACT_FACT:
        return is_name(a->name) ||
               refuse(failure, 400, "The name of a fact is lower-case letters, digits and '_'.",
                      "事実の名前は英小文字・数字・「_」です。");
    case DEADLINE_ACT_KNEW:
        return (a->name.n && a->at_ns != TIME_UNKNOWN) ||
               refuse(failure, 400, "Say which department knew (\"name\"), and since when (\"at\").",
                      "知った部署（name）と日時（at）を指定してください。");
    case DEADLINE_ACT_MET:
        if (!is_clock(o, a->name))
            return refuse(failure, 404, "There is no such deadline.", "その期限はありません。");
        return (a->value.n && a->receipt.n) ||
               refuse(failure, 400,
                      "Give the copy of what was sent (\"value\") and the receipt number (\"receipt\").",
                      "送付した内容の写し（value）と受付番号（receipt）を指定してください。");
    case DEADLINE_ACT_WAIVE:
        if (!is_clock(o, a->name))
            return refuse(failure, 404, "There is no such deadline.", "その期限はありません。");
        return a->value.n ||
               refuse(failure, 400, "Say why (\"value\").", "理由（value）を指定してください。");
    }
    return refuse(failure, 400, "There is no such action.", "その操作はありません。");
}

static bool record_act(struct server *s, const struct deadline_act *a, struct error *err)
{
    struct buf roles = {0}, target = {0};
    bool was_sent = a->action == DEADLINE_ACT_MET;
    roles_format(a->viewer.roles, &roles);
    buf_printf(&target, "deadline/%.*s", STR_ARGS(a->name));
    struct deed deed = {.action = was_sent                          ? "report"
                                  : a->action == DEADLINE_ACT_WAIVE ? "approve"
                                                                    : "observe",
                        .actor = a->viewer.user,
                        .role = buf_str(&roles),
                        .incident = a->id,
                        .target = buf_str(&target),
                        .event_ns = a->at_ns,
                        .text = a->value,
                        .evidence = a->receipt};
    bool ok = recorder_commit(s->recorder, &deed, err);
    buf_free(&roles);
    buf_free(&target);
    return ok;
}

static bool deadline_act(void *ctx, const struct deadline_act *a, struct console_failure *failure)
{
    static const enum outside_kind kinds[] = {OUTSIDE_FACT, OUTSIDE_KNEW, OUTSIDE_MET, OUTSIDE_WAIVED};
    struct server *s = ctx;
    struct error err;
    int64_t now_ns = clock_wall_ns();
    if (!check_act(s->outside, a, now_ns, failure))
        return false;
    if (a->action == DEADLINE_ACT_WAIVE &&
        !(a->viewer.roles & (ROLE_LEAD | ROLE_APPROVER | ROLE_ADMINISTRATOR)))
        return refuse(failure, 403, "Only a lead or an approver waives a deadline.",
                      "期限の免除はリーダーまたは承認者だけが行えます。");
    struct outside_entry e = {.incident = a->id,
                              .kind = kinds[a->action],
                              .name = a->name,
                              .value = a->value,
                              .receipt = a->receipt,
                              .who = a->viewer.user,
                              .at_ns = a->at_ns == TIME_UNKNOWN ? now_ns : a->at_ns,
                              .noted_ns = now_ns};
    if (!recorder_begin(s->recorder, &err))
        return fail(&err, 500, failure);
    if (!state_outside_add(s->state, &e, &err)) {
        recorder_rollback(s->recorder);
        return fail(&err, 404, failure);
    }
    return record_act(s, a, &err) || fail(&err, 500, failure);
}

/* ------------------------------------------------------------------- exports */

static bool load_steps(struct server *s, struct case_export *c, uint64_t id, struct error *err)
{
    struct state_change *changes;
    uint32_t count;
    if (!state_incidents_changes(s->state, id, c->arena, &changes, &count, err))
        return false;
    struct case_step *steps = ARENA_ARRAY(c->arena, struct case_step, count + 1);
    for (uint32_t i = 0; i < count; i++)
        steps[i] = (struct case_step){changes[i].when_ns, changes[i].who, changes[i].note,
                                      changes[i].from == changes[i].to ? STR_EMPTY
                                                                       : incident_state_name(changes[i].to)};
    c->steps = steps;
    c->step_count = count;
    return true;
}

struct extract {
    struct case_export *c;
    struct buf *out;
};

/* Names inside that the incident itself does not mention. */
static void learn_names(struct redactor *r, const struct event *e)
{
    static const struct {
        field_id field;
        enum redact_kind kind;
    } fields[] = {{FIELD_HOST_NAME, REDACT_HOST}, {FIELD_USER_NAME, REDACT_USER}};
    for (size_t i = 0; i < COUNT_OF(fields); i++)
        redactor_know(r, fields[i].kind, event_text(e, fields[i].field));
}

static bool put_event(void *context, size_t index, const struct event *e)
{
    struct extract *x = context;
    struct buf json = {0};
    (void)index;
    learn_names(x->c->redactor, e);
    search_document(e, &json);
    buf_add(x->out, redact_text(x->c->redactor, buf_str(&json)));
    buf_char(x->out, '\n');
    buf_free(&json);
    return true;
}

static bool put_events(struct server *s, struct case_export *c, struct buf *out, struct error *err)
{
    const struct incident *i = c->facts->incident;
    uint64_t *sequences = ARENA_ARRAY(c->arena, uint64_t, 2 * i->finding_count + 1);
    size_t count = 0;
    struct extract x = {c, out};
    for (uint32_t n = 0; n < i->finding_count; n++) {
        const uint64_t both[] = {i->findings[n].first_sequence, i->findings[n].last_sequence};
        for (size_t k = 0; k < 2; k++) {
            bool is_there = false;
            for (size_t at = 0; at < count; at++)
                is_there |= sequences[at] == both[k];
            if (!is_there)
                sequences[count++] = both[k];
        }
    }
    return store_fetch(s->store, sequences, count, put_event, &x, err);
}

static bool export_as(struct server *s, struct case_export *c, const struct export_request *r,
                      struct buf *out, struct error *err)
{
    static void (*const formats[])(const struct case_export *c, struct buf *out) = {
        [EXPORT_STIX] = export_stix, [EXPORT_IODEF] = export_iodef, [EXPORT_MISP] = export_misp};
    if (r->format == EXPORT_JSONL)
        return put_events(s, c, out, err);
    if (r->format == EXPORT_CSV)
        export_csv(c, r->has_bom, out);
    else
        formats[r->format](c, out);
    return true;
}

/* What was given out is kept as it was, as an item of evidence. */
static bool keep_export(struct server *s, const struct export_request *r, struct str bytes,
                        struct arena *arena, struct console_failure *failure)
{
    static const char *const formats[] = {[EXPORT_STIX] = "STIX 2.1",
                                          [EXPORT_IODEF] = "IODEF v2",
                                          [EXPORT_MISP] = "MISP",
                                          [EXPORT_CSV] = "CSV",
                                          [EXPORT_JSONL] = "events"};
    struct casework c = work_machine(s, arena, failure);
    struct evidence_item item = {.type = "file",
                                 .description = arena_printf(arena, "Export (%s) / 出力(%s)",
                                                             formats[r->format], formats[r->format]),
                                 .acquired_ns = c.now_ns};
    c.actor = r->viewer.user;
    c.roles = r->viewer.roles;
    if (!evidence_keep(&c, bytes, &item) || !work_begin(&c))
        return false;
    bool ok = evidence_attach(&c, r->id, &item);
    struct deed deed = work_deed(&c, "observe", r->id, "incident", r->id, item.description);
    return work_end(&c, ok, &deed);
}

static bool incident_export(void *ctx, const struct export_request *r, struct arena *arena, struct buf *out,
                            struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct outside_case oc;
    enum redaction_profile profile = (enum redaction_profile)r->redact;
    if (profile == REDACT_NONE && !r->viewer.may_see_persons)
        return refuse(failure, 403, "Your role sees no names: export with redact=internal or anonymous.",
                      "氏名を閲覧できない役割です。redact=internal または anonymous で出力してください。");
    if (!outside_case_load(s->state, r->id, arena, &oc, &err))
        return fail(&err, 404, failure);
    struct case_export c = {.facts = &oc.facts,
                            .redactor = redactor_new(profile, s->outside->key, arena),
                            .tlp = (enum tlp)r->tlp,
                            .organisation =
                                profile == REDACT_ANONYMOUS ? STR_EMPTY : s->outside->organisation,
                            .email = profile == REDACT_ANONYMOUS ? STR_EMPTY : s->outside->email,
                            .seed = str_c(s->outside->seed),
                            .now_ns = clock_wall_ns(),
                            .arena = arena};
    redactor_know_incident(c.redactor, &oc.incident);
    if (!load_steps(s, &c, r->id, &err) || !export_as(s, &c, r, out, &err))
        return fail(&err, 500, failure);
    return keep_export(s, r, buf_str(out), arena, failure);
}

void services_outside(struct console_services *s)
{
    s->deadlines = deadlines;
    s->deadline_act = deadline_act;
    s->incident_export = incident_export;
}
