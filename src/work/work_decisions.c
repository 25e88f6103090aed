/* Decisions: proposed, checked, signed by the roles of the matrix, or overridden in an emergency and approved
 * afterwards (S156–S166). The decision clock runs by wall time: when it is over the deputies may sign too.
 * Next: work_clock.c. */
#include "work/work.h"

#include "base/log.h"
#include "incident/incident.h"
#include "store/state_incidents.h"

#define MINUTE_NS (60 * NS_PER_SECOND)
#define HOUR_NS   (60 * MINUTE_NS)

#define CONTROL_DAYS 14 /* a control is decided on in days, not in minutes */

/* ------------------------------------------------------------------- who */

static bool holds_by_contact(const struct work_rows *contacts, struct str role, struct str user,
                             struct str position, bool *is_named)
{
    bool holds = false;
    for (uint32_t i = 0; i < contacts->count; i++) {
        const struct work_row *contact = &contacts->rows[i];
        struct str account = contact->values[CONTACT_ACCOUNT];
        if (!str_eq(contact->values[CONTACT_ROLE], role) || account.n == 0)
            continue;
        *is_named = true;
        holds =
            holds || (str_eq_nocase(account, user) && str_eq(contact->values[CONTACT_POSITION], position));
    }
    return holds;
}

static bool load_contacts(struct casework *c, struct work_rows *contacts)
{
    struct error err;
    return state_work_list(c->s->state, WORK_CONTACT, -1, STR_EMPTY, WORK_ROWS_MOST, c->arena, contacts,
                           &err) ||
           work_fail(c, 500, &err);
}

bool work_signer(struct casework *c, struct authority_signer *signer)
{
    struct work_rows contacts;
    uint32_t count;
    const struct authority_role *roles = authority_roles(c->s->authority, &count);
    if (!load_contacts(c, &contacts))
        return false;
    struct str *primary = ARENA_ARRAY(c->arena, struct str, count + 1);
    struct str *deputy = ARENA_ARRAY(c->arena, struct str, count + 1);
    *signer = (struct authority_signer){.user = c->actor,
                                        .is_outside = (c->roles & ROLE_VENDOR) != 0,
                                        .primary_of = primary,
                                        .deputy_of = deputy};
    for (uint32_t i = 0; i < count; i++) {
        bool is_named = false;
        if (holds_by_contact(&contacts, roles[i].id, c->actor, STR("primary"), &is_named) ||
            (!is_named && c->roles & roles_find(roles[i].account)))
            primary[signer->primary_count++] = roles[i].id;
        if (holds_by_contact(&contacts, roles[i].id, c->actor, STR("deputy"), &is_named))
            deputy[signer->deputy_count++] = roles[i].id;
    }
    return true;
}

/* ------------------------------------------------------------------- what */

static bool is_open_proposal(const struct work_row *a)
{
    struct str status = a->values[APPROVAL_STATUS];
    return str_eq(status, STR("proposed")) || str_eq(status, STR("checked"));
}

/* An emergency goes on until somebody approves or rejects it. */
static bool waits(const struct work_row *a)
{
    return is_open_proposal(a) || str_eq(a->values[APPROVAL_STATUS], STR("emergency"));
}

static bool lets_act(const struct work_row *a, int64_t now_ns)
{
    struct str status = a->values[APPROVAL_STATUS];
    return str_eq(status, STR("emergency")) ||
           (str_eq(status, STR("approved")) && work_number(a, APPROVAL_EXPIRES) > now_ns);
}

static const struct authority_row *row_of(const struct casework *c, const struct work_row *a)
{
    return authority_find(c->s->authority, a->values[APPROVAL_ACTION], a->values[APPROVAL_SCOPE],
                          (int)work_number(a, APPROVAL_URGENCY));
}

bool work_find_approval(struct casework *c, uint64_t incident, struct str action, struct str scope,
                        bool *found, struct work_row *approval)
{
    struct work_rows rows;
    *found = false;
    if (!work_rows_of(c, WORK_APPROVAL, incident, &rows))
        return false;
    for (uint32_t i = 0; i < rows.count && !*found; i++) {
        const struct work_row *a = &rows.rows[i];
        const struct authority_row *row = row_of(c, a);
        bool fits =
            action.n ? str_eq(action, a->values[APPROVAL_ACTION]) && str_eq(scope, a->values[APPROVAL_SCOPE])
                     : row != NULL && row->is_containment;
        *found = fits && lets_act(a, c->now_ns);
        if (*found && approval != NULL)
            *approval = *a;
    }
    return true;
}

/* A single computer may be isolated at high confidence without asking, but never a server (spec 4.6). */
bool work_may_act(struct casework *c, const struct incident *incident, struct str action, struct str scope,
                  bool *may, struct work_row *approval)
{
    const struct authority_row *row = authority_find(c->s->authority, action, scope, incident->urgency);
    *may = row != NULL && authority_is_preauthorised(row, incident->confidence_level, incident->importance) &&
           !(str_eq(scope, STR("single_pc")) && work_is_server(c->s, incident));
    return *may || work_find_approval(c, incident->id, action, scope, may, approval);
}

static bool load_signatures(struct casework *c, uint64_t id, struct work_rows *rows,
                            struct authority_signature **signatures)
{
    if (!work_rows_of(c, WORK_SIGNATURE, id, rows))
        return false;
    *signatures = ARENA_ARRAY(c->arena, struct authority_signature, rows->count + 2);
    for (uint32_t i = 0; i < rows->count; i++)
        (*signatures)[i] = (struct authority_signature){rows->rows[i].values[SIGNATURE_ROLE],
                                                        rows->rows[i].values[SIGNATURE_USER]};
    return true;
}

/* ---------------------------------------------------------------- showing */

void work_put_names(struct json_writer *w, const char *key, const struct str *names, uint32_t count)
{
    json_key(w, key);
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++)
        json_put_str(w, names[i]);
    json_end_array(w);
}

static void put_deputies(const struct authority_row *row, const struct work_rows *contacts,
                         struct json_writer *w)
{
    json_key(w, "deputies");
    json_begin_array(w);
    for (uint32_t i = 0; i < contacts->count; i++)
        for (uint32_t k = 0; row != NULL && k < row->approver_count; k++)
            if (str_eq(contacts->rows[i].values[CONTACT_ROLE], row->approvers[k]) &&
                str_eq(contacts->rows[i].values[CONTACT_POSITION], STR("deputy")))
                json_put_str(w, contacts->rows[i].values[CONTACT_ACCOUNT]);
    json_end_array(w);
}

/* Whether whoever asks holds a role that decides it now; what must come first (a check, another signature) is
 * told when they try. */
static bool may_decide(struct casework *c, const struct work_row *a, const struct authority_row *row)
{
    struct authority_signer signer;
    struct error en, ja;
    struct str role;
    struct authority_case proposal = {.proposer = a->values[APPROVAL_PROPOSED_BY],
                                      .checker = STR("-"),
                                      .is_late = work_number(a, APPROVAL_DEADLINE) < c->now_ns};
    return waits(a) && row != NULL && work_signer(c, &signer) &&
           authority_sign(row, &proposal, &signer, &role, &en, &ja) == AUTHORITY_YES;
}

/* With who has to sign, who has, whether the clock is over, and how long the decision took (S158). */
static bool put_approval(struct casework *c, const struct work_row *a, const struct work_rows *contacts,
                         struct json_writer *w)
{
    struct work_rows signatures;
    const struct authority_row *row = row_of(c, a);
    int64_t decided_ns = work_number(a, APPROVAL_DECIDED), proposed_ns = work_number(a, APPROVAL_PROPOSED);
    if (!work_rows_of(c, WORK_SIGNATURE, a->id, &signatures))
        return false;
    json_begin_object(w);
    work_row_members(WORK_APPROVAL, a, c->sees_persons, w);
    work_put_names(w, "approvers", row ? row->approvers : NULL, row ? row->approver_count : 0);
    put_deputies(row, contacts, w);
    json_key(w, "signatures");
    json_begin_array(w);
    for (uint32_t i = 0; i < signatures.count; i++) {
        json_begin_object(w);
        work_row_members(WORK_SIGNATURE, &signatures.rows[i], c->sees_persons, w);
        json_end_object(w);
    }
    json_end_array(w);
    json_key(w, "is_late");
    json_put_bool(w, is_open_proposal(a) && work_number(a, APPROVAL_DEADLINE) < c->now_ns);
    json_key(w, "may_decide");
    json_put_bool(w, may_decide(c, a, row));
    json_key(w, "latency_seconds");
    json_put_i64(w, ((decided_ns ? decided_ns : c->now_ns) - proposed_ns) / NS_PER_SECOND);
    json_end_object(w);
    return true;
}

static bool answer_approval(struct casework *c, const struct work_row *a)
{
    struct work_rows contacts;
    struct json_writer w = {.out = c->out};
    return load_contacts(c, &contacts) && put_approval(c, a, &contacts, &w);
}

static bool answer_approvals(struct casework *c, const struct work_rows *rows, bool only_waiting)
{
    struct work_rows contacts;
    struct json_writer w = {.out = c->out};
    if (!load_contacts(c, &contacts))
        return false;
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < rows->count; i++)
        if ((!only_waiting || waits(&rows->rows[i])) && !put_approval(c, &rows->rows[i], &contacts, &w))
            return false;
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_get_approvals(struct casework *c)
{
    struct incident incident = {0};
    struct work_rows rows;
    return work_incident(c, c->q->id, &incident) && work_rows_of(c, WORK_APPROVAL, c->q->id, &rows) &&
           answer_approvals(c, &rows, false);
}

/* Those of incidents that this person may see. */
bool work_get_all_approvals(struct casework *c)
{
    struct error err;
    struct work_rows rows, seen = {.rows = NULL};
    bool only_waiting = work_value_number(c, "state", 0) == 0;
    if (!state_work_list(c->s->state, WORK_APPROVAL, -1, STR_EMPTY, 1000, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    seen.rows = ARENA_ARRAY(c->arena, struct work_row, rows.count + 1);
    for (uint32_t i = 0; i < rows.count; i++) {
        struct incident incident = {0};
        uint64_t id = (uint64_t)work_number(&rows.rows[i], APPROVAL_INCIDENT);
        if (c->roles != ROLE_DEPARTMENT ||
            (state_incidents_load(c->s->state, id, c->arena, &incident, &err) &&
             work_may_see(c->s, c->roles, c->actor, &incident)))
            seen.rows[seen.count++] = rows.rows[i];
    }
    return answer_approvals(c, &seen, only_waiting);
}

/* The approval of the path, and its incident. */
static bool find_approval(struct casework *c, struct work_row *a, struct incident *incident)
{
    struct error err;
    if (!state_work_get(c->s->state, WORK_APPROVAL, c->q->id, c->arena, a, &err))
        return work_fail(c, 404, &err);
    if (work_number(a, APPROVAL_DOSSIER) != 0) /* of a control, not of an incident: no department's own */
        return c->roles != ROLE_DEPARTMENT ||
               work_refuse(c, 404, "There is no such decision.", "その判断依頼はありません。");
    return work_incident(c, (uint64_t)work_number(a, APPROVAL_INCIDENT), incident);
}

bool work_get_approval(struct casework *c)
{
    struct work_row a;
    struct incident incident = {0};
    return find_approval(c, &a, &incident) && answer_approval(c, &a);
}

/* -------------------------------------------------------------- proposing */

bool work_propose_control(struct casework *c, uint64_t dossier, struct str question, struct work_row *a)
{
    *a = (struct work_row){0};
    if (authority_find(c->s->authority, STR("introduce"), STR("control"), 1) == NULL)
        return work_refuse(c, 409, "The authority matrix has no row introduce/control; add it.",
                           "承認権限表に introduce/control がありません。追加してください。");
    a->values[APPROVAL_DOSSIER] = work_text_of((int64_t)dossier, c->arena);
    a->values[APPROVAL_ACTION] = STR("introduce");
    a->values[APPROVAL_SCOPE] = STR("control");
    a->values[APPROVAL_QUESTION] = question;
    a->values[APPROVAL_STATUS] = STR("proposed");
    a->values[APPROVAL_URGENCY] = STR("1");
    a->values[APPROVAL_PROPOSED_BY] = c->actor;
    a->values[APPROVAL_PROPOSED] = work_text_of(c->now_ns, c->arena);
    a->values[APPROVAL_MATRIX_VERSION] = authority_version(c->s->authority);
    a->values[APPROVAL_DEADLINE] =
        work_text_of(work_value_number(c, "deadline", c->now_ns + CONTROL_DAYS * 24 * HOUR_NS), c->arena);
    return work_add(c, WORK_APPROVAL, a);
}

/* What is decided for one thing at a time names it, and it is there. */
static bool check_subject(struct casework *c, const struct authority_row *row)
{
    struct str subject = work_value(c, "subject"), kind;
    struct work_row thing;
    uint64_t id = 0;
    bool is_evidence = str_eq(row->subject, STR("evidence"));
    if (row->subject.n == 0)
        return subject.n == 0 ||
               work_refuse(c, 400, "This decision is about the incident; leave \"subject\" out.",
                           "この判断はインシデント全体についてのものです。「subject」は指定しません。");
    if (!str_split(&subject, '/', &kind) || !str_eq(kind, row->subject) || !str_to_u64(subject, 10, &id)) {
        c->failure->status = 400;
        error_set(&c->failure->en, "Name what it is about: \"subject\" is \"%.*s/NUMBER\".",
                  STR_ARGS(row->subject));
        return error_set(&c->failure->ja, "対象を指定してください。「subject」は「%.*s/番号」です。",
                         STR_ARGS(row->subject));
    }
    return is_evidence ? work_row_of(c, WORK_EVIDENCE, id, c->q->id, &thing)
                       : work_find(c, WORK_VENDOR, id, &thing);
}

bool work_propose(struct casework *c)
{
    struct incident incident = {0};
    struct work_row a = {0};
    struct str action = work_value(c, "action"), scope = work_value(c, "scope");
    bool is_emergency = work_value_number(c, "emergency", 0) != 0;
    if (!work_incident(c, c->q->id, &incident))
        return false;
    const struct authority_row *row = authority_find(c->s->authority, action, scope, incident.urgency);
    bool outlives = row != NULL && str_eq(row->subject, STR("evidence")); /* evidence is kept after the end */
    if (!incident_is_open(incident.state) && !outlives)
        return work_refuse(c, 409, "The incident is over.", "終了したインシデントです。");
    if (row == NULL || str_eq(action, STR("introduce")))
        return work_refuse(
            c, 400, "The authority matrix has no such action and scope; see GET /api/v1/authority.",
            "承認権限表にその措置と範囲はありません。GET /api/v1/authority を参照してください。");
    if (is_emergency && (c->roles & ROLE_VENDOR))
        return work_refuse(c, 403, "An outside account cannot override in an emergency (S156).",
                           "社外のアカウントは緊急措置を決められません(S156)。");
    if (is_emergency && work_value(c, "reason").n == 0)
        return work_refuse(c, 400, "An emergency needs a \"reason\".", "緊急措置には「reason」が必要です。");
    if (!check_subject(c, row))
        return false;
    work_take_members(c, WORK_APPROVAL, &a);
    a.values[APPROVAL_INCIDENT] = work_text_of((int64_t)incident.id, c->arena);
    a.values[APPROVAL_STATUS] = is_emergency ? STR("emergency") : STR("proposed");
    a.values[APPROVAL_IS_EMERGENCY] = is_emergency ? STR("1") : STR("0");
    a.values[APPROVAL_URGENCY] = work_text_of(incident.urgency, c->arena);
    a.values[APPROVAL_PROPOSED_BY] = c->actor;
    a.values[APPROVAL_PROPOSED] = work_text_of(c->now_ns, c->arena);
    a.values[APPROVAL_MATRIX_VERSION] = authority_version(c->s->authority);
    if (!work_given(c, "deadline"))
        a.values[APPROVAL_DEADLINE] =
            work_text_of(c->now_ns + authority_decision_minutes(c->s->authority) * MINUTE_NS, c->arena);
    if (is_emergency)
        a.values[APPROVAL_APPROVE_BEFORE] =
            work_text_of(c->now_ns + authority_emergency_hours(c->s->authority) * HOUR_NS, c->arena);
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, WORK_APPROVAL, &a);
    struct deed deed = work_deed(c, is_emergency ? "execute" : "instruct", incident.id, "approval", a.id,
                                 is_emergency ? work_value(c, "reason") : work_value(c, "question"));
    return work_end(c, ok, &deed) && answer_approval(c, &a);
}

/* --------------------------------------------------------------- deciding */

static bool refuse_as(struct casework *c, enum authority_answer answer, const struct error *en,
                      const struct error *ja)
{
    return work_refuse(c, answer == AUTHORITY_FORBIDDEN ? 403 : 409, en->text, ja->text);
}

static bool find_waiting(struct casework *c, struct work_row *a, struct incident *incident)
{
    return find_approval(c, a, incident) &&
           (waits(a) || work_refuse(c, 409, "It has been decided already.", "すでに決定済みです。"));
}

bool work_check(struct casework *c)
{
    struct work_row a;
    struct incident incident = {0};
    struct authority_signer signer;
    struct error en, ja;
    if (!find_waiting(c, &a, &incident) || !work_signer(c, &signer))
        return false;
    struct authority_case proposal = {.proposer = a.values[APPROVAL_PROPOSED_BY],
                                      .checker = a.values[APPROVAL_CHECKED_BY]};
    enum authority_answer answer = authority_check(&proposal, &signer, &en, &ja);
    if (answer != AUTHORITY_YES)
        return refuse_as(c, answer, &en, &ja);
    if (!work_begin(c))
        return false;
    bool is_emergency = str_eq(a.values[APPROVAL_STATUS], STR("emergency"));
    bool ok = work_set(c, WORK_APPROVAL, &a, APPROVAL_CHECKED_BY, c->actor) &&
              work_set_number(c, WORK_APPROVAL, &a, APPROVAL_CHECKED, c->now_ns) &&
              (is_emergency || work_set(c, WORK_APPROVAL, &a, APPROVAL_STATUS, STR("checked")));
    struct deed deed = work_deed(c, "judge", incident.id, "approval", a.id, work_value(c, "note"));
    return work_end(c, ok, &deed) && answer_approval(c, &a);
}

static bool is_late(const struct casework *c, const struct work_row *a)
{
    return work_number(a, APPROVAL_DEADLINE) < c->now_ns;
}

static bool is_deputy_for(const struct authority_signer *signer, struct str role)
{
    for (uint32_t i = 0; i < signer->primary_count; i++)
        if (str_eq(signer->primary_of[i], role))
            return false;
    return true;
}

static struct str joined_users(struct casework *c, const struct authority_case *proposal)
{
    struct str all = STR_EMPTY;
    for (uint32_t i = 0; i < proposal->signature_count; i++)
        all = arena_printf(c->arena, "%.*s%s%.*s", STR_ARGS(all), all.n ? ";" : "",
                           STR_ARGS(proposal->signatures[i].user));
    return all;
}

static bool note_decision(struct casework *c, struct work_row *a, struct str status, struct str by,
                          int64_t expires_ns)
{
    return work_set(c, WORK_APPROVAL, a, APPROVAL_STATUS, status) &&
           work_set(c, WORK_APPROVAL, a, APPROVAL_DECIDED_BY, by) &&
           work_set_number(c, WORK_APPROVAL, a, APPROVAL_DECIDED, c->now_ns) &&
           work_set_number(c, WORK_APPROVAL, a, APPROVAL_EXPIRES, expires_ns);
}

static bool add_signature(struct casework *c, struct work_row *a, struct str role, bool is_deputy)
{
    struct work_row signature = {0};
    signature.values[SIGNATURE_APPROVAL] = work_text_of((int64_t)a->id, c->arena);
    signature.values[SIGNATURE_ROLE] = role;
    signature.values[SIGNATURE_USER] = c->actor;
    signature.values[SIGNATURE_SIGNED] = work_text_of(c->now_ns, c->arena);
    signature.values[SIGNATURE_IS_DEPUTY] = is_deputy ? STR("1") : STR("0");
    signature.values[SIGNATURE_NOTE] = work_value(c, "note");
    return work_add(c, WORK_SIGNATURE, &signature);
}

/* Signs for one role; with the last one the action is approved. */
static bool sign(struct casework *c, struct work_row *a, const struct authority_row *row,
                 struct authority_case *proposal, struct authority_signature *signatures, struct str role,
                 bool is_deputy)
{
    signatures[proposal->signature_count++] = (struct authority_signature){role, c->actor};
    if (!add_signature(c, a, role, is_deputy))
        return false;
    if (!authority_is_complete(row, proposal))
        return true;
    return note_decision(c, a, STR("approved"), joined_users(c, proposal), c->now_ns + row->hours * HOUR_NS);
}

bool work_approve(struct casework *c)
{
    struct work_row a;
    struct incident incident = {0};
    struct authority_signer signer;
    struct work_rows rows;
    struct authority_signature *signatures;
    struct error en, ja;
    struct str role;
    if (!find_waiting(c, &a, &incident) || !work_signer(c, &signer) ||
        !load_signatures(c, a.id, &rows, &signatures))
        return false;
    const struct authority_row *row = row_of(c, &a);
    struct authority_case proposal = {.proposer = a.values[APPROVAL_PROPOSED_BY],
                                      .checker = a.values[APPROVAL_CHECKED_BY],
                                      .is_late = is_late(c, &a),
                                      .signatures = signatures,
                                      .signature_count = rows.count};
    if (row == NULL)
        return work_refuse(c, 409, "The authority matrix no longer has this action.",
                           "承認権限表にこの措置がなくなりました。");
    enum authority_answer answer = authority_sign(row, &proposal, &signer, &role, &en, &ja);
    if (answer != AUTHORITY_YES)
        return refuse_as(c, answer, &en, &ja);
    if (!work_begin(c))
        return false;
    bool ok = sign(c, &a, row, &proposal, signatures, role, is_deputy_for(&signer, role));
    struct deed deed = work_deed(c, "approve", incident.id, "approval", a.id, work_value(c, "note"));
    deed.role = role;
    deed.approved_by = c->actor;
    return work_end(c, ok, &deed) && answer_approval(c, &a);
}

bool work_reject(struct casework *c)
{
    struct work_row a;
    struct incident incident = {0};
    struct authority_signer signer;
    struct str role;
    struct error en, ja;
    if (work_value(c, "note").n == 0)
        return work_refuse(c, 400, "A rejection needs a \"note\" that says why.",
                           "却下には理由(note)が必要です。");
    if (!find_waiting(c, &a, &incident) || !work_signer(c, &signer))
        return false;
    const struct authority_row *row = row_of(c, &a);
    struct authority_case proposal = {.proposer = a.values[APPROVAL_PROPOSED_BY],
                                      .checker = STR("-"),
                                      .is_late = is_late(c, &a)};
    enum authority_answer answer =
        row == NULL ? AUTHORITY_YES : authority_sign(row, &proposal, &signer, &role, &en, &ja);
    if (answer != AUTHORITY_YES)
        return refuse_as(c, answer, &en, &ja);
    if (!work_begin(c))
        return false;
    bool ok = note_decision(c, &a, STR("rejected"), c->actor, 0) &&
              work_set(c, WORK_APPROVAL, &a, APPROVAL_REASON, work_value(c, "note"));
    struct deed deed = work_deed(c, "reject", incident.id, "approval", a.id, work_value(c, "note"));
    return work_end(c, ok, &deed) && answer_approval(c, &a);
}

bool work_withdraw(struct casework *c)
{
    struct work_row a;
    struct incident incident = {0};
    if (!find_waiting(c, &a, &incident))
        return false;
    if (!str_eq_nocase(a.values[APPROVAL_PROPOSED_BY], c->actor))
        return work_refuse(c, 403, "Only who proposed it withdraws it.", "取り下げは起案者のみ可能です。");
    if (!is_open_proposal(&a))
        return work_refuse(c, 409, "An emergency that has begun cannot be withdrawn.",
                           "開始した緊急措置は取り下げられません。");
    if (!work_begin(c))
        return false;
    bool ok = note_decision(c, &a, STR("withdrawn"), c->actor, 0);
    struct deed deed = work_deed(c, "correct", incident.id, "approval", a.id, work_value(c, "note"));
    return work_end(c, ok, &deed) && answer_approval(c, &a);
}
