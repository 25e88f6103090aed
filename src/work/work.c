/* What all work on incidents shares: values of a request, rows, the transaction with the record, answers.
 * Next: work_tasks.c. */
#include "work/work.h"

#include "base/log.h"
#include "base/memory.h"
#include "console/parameters.h"
#include "store/state_assets.h"
#include "store/state_incidents.h"

struct casework work_machine(struct server *s, struct arena *arena, struct console_failure *failure)
{
    return (struct casework){.s = s,
                             .arena = arena,
                             .failure = failure,
                             .actor = STR("hyakuyo"),
                             .sees_persons = true,
                             .now_ns = clock_wall_ns()};
}

/* ------------------------------------------------------------- the request */

static const struct parameter_value *find_value(const struct casework *c, const char *name)
{
    for (size_t i = 0; c->q != NULL && c->q->names != NULL && c->q->names[i].name != NULL; i++)
        if (strcmp(c->q->names[i].name, name) == 0)
            return c->q->values[i].is_given ? &c->q->values[i] : NULL;
    return NULL;
}

bool work_given(const struct casework *c, const char *name)
{
    return find_value(c, name) != NULL;
}

struct str work_value(const struct casework *c, const char *name)
{
    const struct parameter_value *value = find_value(c, name);
    return value != NULL && value->text.p != NULL ? str_trim(value->text) : STR_EMPTY;
}

int64_t work_value_number(const struct casework *c, const char *name, int64_t fallback)
{
    const struct parameter_value *value = find_value(c, name);
    return value != NULL ? value->number : fallback;
}

/* -------------------------------------------------------------- refusals */

bool work_refuse(struct casework *c, int status, const char *en, const char *ja)
{
    c->failure->status = status;
    error_set(&c->failure->en, "%s", en);
    error_set(&c->failure->ja, "%s", ja);
    return false;
}

bool work_fail(struct casework *c, int status, const struct error *err)
{
    c->failure->status = status;
    c->failure->en = *err;
    return false;
}

/* ------------------------------------------------------------------- rows */

static bool is_of_department(const struct server *s, struct str user, struct str department, int64_t now_ns)
{
    bool is = false;
    struct context *context = engine_context(s->engine);
    const struct asset_set *set = context ? context_assets(context) : NULL;
    for (uint32_t i = 0; set != NULL && i < set->counts[ASSET_USERS] && !is; i++) {
        const struct asset_user *u = &set->users[i];
        is = str_eq_nocase(u->user, user) && u->department.n && str_eq_nocase(u->department, department) &&
             u->row.valid_from_ns <= now_ns && now_ns < u->row.valid_to_ns;
    }
    context_unref(context);
    return is;
}

bool work_may_see(struct server *s, unsigned roles, struct str user, const struct incident *incident)
{
    return roles != ROLE_DEPARTMENT || is_of_department(s, user, incident->department, clock_wall_ns());
}

bool work_incident(struct casework *c, uint64_t id, struct incident *out)
{
    struct error err;
    if (!state_incidents_load(c->s->state, id, c->arena, out, &err))
        return work_fail(c, 404, &err);
    return work_may_see(c->s, c->roles, c->actor, out) ||
           work_refuse(c, 404, "There is no such incident.", "そのインシデントはありません。");
}

bool work_row_of(struct casework *c, enum work_table table, uint64_t id, uint64_t incident,
                 struct work_row *row)
{
    struct error err;
    if (!state_work_get(c->s->state, table, id, c->arena, row, &err))
        return work_fail(c, 404, &err);
    return (uint64_t)work_number(row, 0) == incident ||
           work_refuse(c, 404, "It belongs to another incident.", "別のインシデントのものです。");
}

bool work_rows_of(struct casework *c, enum work_table table, uint64_t parent, struct work_rows *out)
{
    struct error err;
    return state_work_list(c->s->state, table, 0, work_text_of((int64_t)parent, c->arena), WORK_ROWS_MOST,
                           c->arena, out, &err) ||
           work_fail(c, 500, &err);
}

bool work_case(struct casework *c, uint64_t incident, struct work_row *row)
{
    struct work_rows rows;
    if (!work_rows_of(c, WORK_CASE, incident, &rows))
        return false;
    if (rows.count) {
        *row = rows.rows[0];
        return true;
    }
    *row = (struct work_row){0};
    for (int i = 0; i < CASE_COLUMNS; i++)
        row->values[i] = STR_EMPTY;
    row->values[CASE_INCIDENT] = work_text_of((int64_t)incident, c->arena);
    return true;
}

/* ------------------------------------------------------------ transactions */

bool work_begin(struct casework *c)
{
    struct error err;
    return recorder_begin(c->s->recorder, &err) || work_fail(c, 503, &err);
}

bool work_end(struct casework *c, bool ok, const struct deed *deed)
{
    struct error err;
    if (ok)
        return recorder_commit(c->s->recorder, deed, &err) || work_fail(c, 503, &err);
    recorder_rollback(c->s->recorder);
    return false;
}

bool work_add(struct casework *c, enum work_table table, struct work_row *row)
{
    struct error err;
    uint32_t count;
    work_columns(table, &count);
    for (uint32_t i = 0; i < count; i++)
        if (row->values[i].p == NULL)
            row->values[i] = STR_EMPTY;
    return state_work_add(c->s->state, table, row, &err) || work_fail(c, 503, &err);
}

bool work_set(struct casework *c, enum work_table table, struct work_row *row, int column, struct str value)
{
    struct error err;
    if (str_eq(row->values[column], value))
        return true;
    if (!state_work_set(c->s->state, table, row->id, column, value, &err))
        return work_fail(c, 503, &err);
    row->values[column] = value;
    return true;
}

bool work_set_number(struct casework *c, enum work_table table, struct work_row *row, int column,
                     int64_t number)
{
    return work_set(c, table, row, column, work_text_of(number, c->arena));
}

static struct str member_text(const struct casework *c, const char *name, enum work_kind kind)
{
    bool is_number = kind == WORK_NUMBER || kind == WORK_TIME || kind == WORK_BOOLEAN;
    return is_number ? work_text_of(work_value_number(c, name, 0), c->arena) : work_value(c, name);
}

void work_take_members(const struct casework *c, enum work_table table, struct work_row *row)
{
    uint32_t count;
    const struct work_column *columns = work_columns(table, &count);
    for (uint32_t i = 0; i < count; i++)
        if (work_given(c, columns[i].name))
            row->values[i] = member_text(c, columns[i].name, columns[i].kind);
}

bool work_change_members(struct casework *c, enum work_table table, struct work_row *row)
{
    uint32_t count;
    const struct work_column *columns = work_columns(table, &count);
    for (uint32_t i = 0; i < count; i++)
        if (work_given(c, columns[i].name) &&
            !work_set(c, table, row, (int)i, member_text(c, columns[i].name, columns[i].kind)))
            return false;
    return true;
}

struct deed work_deed(const struct casework *c, const char *action, uint64_t incident, const char *kind,
                      uint64_t id, struct str text)
{
    struct buf roles = {0};
    if (c->roles && c->roles != ~0u)
        roles_format(c->roles, &roles);
    struct deed deed = {.action = action,
                        .actor = c->actor,
                        .role = arena_str(c->arena, buf_str(&roles)),
                        .on_behalf = STR_EMPTY,
                        .incident = incident,
                        .target = arena_printf(c->arena, "%s/%llu", kind, (unsigned long long)id),
                        .event_ns = work_value_number(c, "happened", c->now_ns),
                        .text = text,
                        .instructed_by = work_value(c, "instructed_by"),
                        .approved_by = work_value(c, "approved_by"),
                        .reported_to = work_value(c, "reported_to"),
                        .evidence = STR_EMPTY,
                        .criteria_version = authority_version(c->s->authority)};
    buf_free(&roles);
    return deed;
}

bool work_enter(struct casework *c, enum work_table table, struct work_row *row, const char *action,
                uint64_t incident, const char *kind, struct str text)
{
    if (!work_begin(c))
        return false;
    bool ok = work_add(c, table, row);
    struct deed deed = work_deed(c, action, incident, kind, row->id, text);
    c->answer->status = 201;
    return work_end(c, ok, &deed);
}

bool work_find(struct casework *c, enum work_table table, uint64_t id, struct work_row *row)
{
    struct error err;
    return state_work_get(c->s->state, table, id, c->arena, row, &err) || work_fail(c, 404, &err);
}

bool work_all_rows(struct casework *c, enum work_table table, struct work_rows *out)
{
    struct error err;
    return state_work_list(c->s->state, table, -1, STR_EMPTY, WORK_ROWS_MOST, c->arena, out, &err) ||
           work_fail(c, 500, &err);
}

bool work_may_see_number(struct casework *c, int64_t incident)
{
    struct incident found = {0};
    struct error err;
    return c->roles != ROLE_DEPARTMENT ||
           (incident > 0 && state_incidents_load(c->s->state, (uint64_t)incident, c->arena, &found, &err) &&
            work_may_see(c->s, c->roles, c->actor, &found));
}

bool work_is_inside(struct casework *c)
{
    return c->roles != ROLE_VENDOR || work_refuse(c, 403, "This register is not for accounts from outside.",
                                                  "社外のアカウントはこの台帳を閲覧できません。");
}

bool work_list_has(struct str list, struct str wanted)
{
    struct str part;
    while (list.n && str_split(&list, ';', &part))
        if (str_eq_nocase(str_trim(part), wanted))
            return true;
    return false;
}

/* ---------------------------------------------------------------- answers */

bool work_answer_rows(struct casework *c, enum work_table table, const struct work_rows *rows)
{
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < rows->count; i++) {
        json_begin_object(&w);
        work_row_members(table, &rows->rows[i], c->sees_persons, &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_answer_row(struct casework *c, enum work_table table, const struct work_row *row)
{
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    work_row_members(table, row, c->sees_persons, &w);
    json_end_object(&w);
    return true;
}

casework_handler *work_handler(enum casework_question question)
{
    static casework_handler *const handlers[CASEWORK_QUESTION_COUNT] = {
        [CASEWORK_CASE] = work_get_case,
        [CASEWORK_CASE_CHANGE] = work_patch_case,
        [CASEWORK_TASKS] = work_get_tasks,
        [CASEWORK_TASK_ADD] = work_post_task,
        [CASEWORK_TASK_CHANGE] = work_patch_task,
        [CASEWORK_RETROSPECTS] = work_get_retrospects,
        [CASEWORK_RETROSPECT_CHANGE] = work_patch_retrospect,
        [CASEWORK_HEARING] = work_get_hearing,
        [CASEWORK_HEARING_ADD] = work_post_hearing,
        [CASEWORK_APPROVALS] = work_get_approvals,
        [CASEWORK_PROPOSE] = work_propose,
        [CASEWORK_APPROVALS_ALL] = work_get_all_approvals,
        [CASEWORK_APPROVAL] = work_get_approval,
        [CASEWORK_APPROVAL_CHECK] = work_check,
        [CASEWORK_APPROVAL_APPROVE] = work_approve,
        [CASEWORK_APPROVAL_REJECT] = work_reject,
        [CASEWORK_APPROVAL_WITHDRAW] = work_withdraw,
        [CASEWORK_EVIDENCE] = work_get_evidence,
        [CASEWORK_EVIDENCE_ADD] = work_post_evidence,
        [CASEWORK_EVIDENCE_ITEM] = work_get_evidence_item,
        [CASEWORK_EVIDENCE_UPLOAD] = work_post_evidence_file,
        [CASEWORK_EVIDENCE_QUERY] = work_post_evidence_query,
        [CASEWORK_EVIDENCE_FILE] = work_get_evidence_file,
        [CASEWORK_CUSTODY_ADD] = work_post_custody,
        [CASEWORK_HOSTS] = work_get_hosts,
        [CASEWORK_HOST_ADD] = work_post_host,
        [CASEWORK_HOST_CHANGE] = work_patch_host,
        [CASEWORK_RESIDUAL] = work_get_residual,
        [CASEWORK_ENTRIES] = work_get_entries,
        [CASEWORK_ENTRY_ADD] = work_post_entry,
        [CASEWORK_MENTIONS] = work_get_mentions,
        [CASEWORK_MENTION_READ] = work_read_mention,
        [CASEWORK_REVIEW] = work_get_review,
        [CASEWORK_REVIEW_ADD] = work_post_review,
        [CASEWORK_REVIEW_SIGN] = work_sign_review,
        [CASEWORK_ACTION_ADD] = work_post_action,
        [CASEWORK_ACTION_CHANGE] = work_patch_action,
        [CASEWORK_MERGE] = work_merge,
        [CASEWORK_SPLIT] = work_split,
        [CASEWORK_SIMILAR] = work_get_similar,
        [CASEWORK_AS_OF] = work_get_as_of,
        [CASEWORK_COUNTERMEASURES] = work_get_countermeasures,
        [CASEWORK_COUNTERMEASURE_ADD] = work_post_countermeasure,
        [CASEWORK_COUNTERMEASURES_ALL] = work_get_all_countermeasures,
        [CASEWORK_COUNTERMEASURE_CHANGE] = work_patch_countermeasure,
        [CASEWORK_COUNTERMEASURE_APPROVE] = work_approve_measure,
        [CASEWORK_COUNTERMEASURE_CHECK] = work_check_measure,
        [CASEWORK_COUNTERMEASURE_PREVIEW] = work_get_preview,
        [CASEWORK_CONNECTORS] = work_get_connectors,
        [CASEWORK_CONNECTOR_TEST] = work_test_connector,
        [CASEWORK_ORDER_RETRY] = work_retry_order,
        [CASEWORK_BLOCKLIST] = work_get_blocklist,
        [CASEWORK_CONTACTS] = work_get_contacts,
        [CASEWORK_CONTACT_ADD] = work_post_contact,
        [CASEWORK_CONTACT_CHANGE] = work_patch_contact,
        [CASEWORK_CONTACT_REMOVE] = work_delete_contact,
        [CASEWORK_AUTHORITY] = work_get_authority,
        [CASEWORK_PLAYBOOKS] = work_get_playbooks,
        [CASEWORK_INTAKE] = work_get_intake,
        [CASEWORK_INTAKE_ADD] = work_post_intake,
        [CASEWORK_INTAKE_ITEM] = work_get_intake_item,
        [CASEWORK_INTAKE_CHANGE] = work_patch_intake,
        [CASEWORK_INTAKE_TICK] = work_post_intake_tick,
        [CASEWORK_INTAKE_LOOKS] = work_post_intake_looks,
        [CASEWORK_VENDORS] = work_get_vendors,
        [CASEWORK_VENDOR_ADD] = work_post_vendor,
        [CASEWORK_VENDOR] = work_get_vendor,
        [CASEWORK_VENDOR_CHANGE] = work_patch_vendor,
        [CASEWORK_INVOCATIONS] = work_get_invocations,
        [CASEWORK_INVOCATION_ADD] = work_post_invocation,
        [CASEWORK_INVOCATION_CHANGE] = work_patch_invocation,
        [CASEWORK_PARTNERS] = work_get_partners,
        [CASEWORK_PARTNER_ADD] = work_post_partner,
        [CASEWORK_PARTNER_CHANGE] = work_patch_partner,
        [CASEWORK_CONSULTATIONS] = work_get_consultations,
        [CASEWORK_CONSULTATIONS_ALL] = work_get_all_consultations,
        [CASEWORK_CONSULTATION_ADD] = work_post_consultation,
        [CASEWORK_CONSULTATION_CHANGE] = work_patch_consultation,
        [CASEWORK_SHARING] = work_get_sharing,
        [CASEWORK_SHARING_ADD] = work_post_sharing,
        [CASEWORK_SHARING_CHANGE] = work_patch_sharing,
        [CASEWORK_IMPROVEMENTS] = work_get_improvements,
        [CASEWORK_KPIS] = work_get_kpis,
        [CASEWORK_KPI] = work_get_kpi,
        [CASEWORK_DOSSIERS] = work_get_dossiers,
        [CASEWORK_DOSSIER_ADD] = work_post_dossier,
        [CASEWORK_DOSSIER] = work_get_dossier,
        [CASEWORK_DOSSIER_CHANGE] = work_patch_dossier,
        [CASEWORK_DOSSIER_SUBMIT] = work_submit_dossier,
        [CASEWORK_LIBRARY_ADD] = work_post_case,
        [CASEWORK_LIBRARY] = work_get_library,
        [CASEWORK_LIBRARY_CASE] = work_get_library_case,
        [CASEWORK_LIBRARY_REMOVE] = work_delete_library_case,
        [CASEWORK_REFERENCES] = work_get_references,
        [CASEWORK_DOCUMENTS] = work_get_documents,
        [CASEWORK_DOCUMENT_ADD] = work_post_document,
        [CASEWORK_DOCUMENT_CHANGE] = work_patch_document,
        [CASEWORK_READINESS] = work_get_readiness,
        [CASEWORK_ATTESTATION_ADD] = work_post_attestation,
        [CASEWORK_NOTIFICATIONS] = work_get_notifications,
        [CASEWORK_NOTIFICATION_ACKNOWLEDGE] = work_acknowledge,
        [CASEWORK_MESSAGE_RETRY] = work_retry_message,
        [CASEWORK_CHANNEL_TEST] = work_test_channel,
    };
    return handlers[question];
}
