/* The chain of custody of an item of evidence (spec 3.6): who looked, who handed it to whom and who took it,
 * holds by law, how long it is kept, and its end, which somebody else must have approved.
 *
 *   held ─transfer─▶ on its way ─receive─▶ held         hold ⇄ release (approved)
 *   held ─retain─▶ kept for longer                      held ─disposal (approved, over, no hold)─▶ disposed
 * Next: work_vendors.c. */
#include <stdio.h>
#include <unistd.h>

#include "base/log.h"
#include "incident/incident.h"
#include "work/work_custody.h"

/* ------------------------------------------------------------------ the log */

static bool add_custody(struct casework *c, const struct work_row *item, struct work_row *row)
{
    row->values[CUSTODY_EVIDENCE] = work_text_of((int64_t)item->id, c->arena);
    if (row->values[CUSTODY_FROM_PERSON].p == NULL)
        row->values[CUSTODY_FROM_PERSON] = item->values[EVIDENCE_HOLDER];
    row->values[CUSTODY_HAPPENED] = work_text_of(work_value_number(c, "happened", c->now_ns), c->arena);
    row->values[CUSTODY_SIGNED_BY] = c->actor;
    return work_add(c, WORK_CUSTODY, row);
}

bool evidence_note_access(struct casework *c, uint64_t incident, const struct work_row *item, struct str what)
{
    struct work_row row = {0};
    row.values[CUSTODY_KIND] = STR("access");
    row.values[CUSTODY_TO_PERSON] = c->actor;
    row.values[CUSTODY_REASON] = what;
    if (!work_begin(c))
        return false;
    bool ok = add_custody(c, item, &row);
    struct deed deed = work_deed(c, "observe", incident, "evidence", item->id, what);
    return work_end(c, ok, &deed);
}

bool evidence_take_in(struct casework *c, const struct work_row *item, struct str what)
{
    struct work_row row = {0};
    row.values[CUSTODY_KIND] = STR("receive");
    row.values[CUSTODY_FROM_PERSON] = item->values[EVIDENCE_ACQUIRED_BY];
    row.values[CUSTODY_TO_PERSON] = c->actor;
    row.values[CUSTODY_REASON] = what;
    return add_custody(c, item, &row);
}

/* Whom it was given to and has not taken it yet; "" = nobody. */
static struct str on_its_way_to(const struct work_rows *custody)
{
    struct str to = STR_EMPTY;
    for (uint32_t i = 0; i < custody->count; i++) {
        const struct work_row *row = &custody->rows[i];
        if (str_eq(row->values[CUSTODY_KIND], STR("transfer")))
            to = row->values[CUSTODY_TO_PERSON];
        else if (str_eq(row->values[CUSTODY_KIND], STR("receive")))
            to = STR_EMPTY;
    }
    return to;
}

static bool answer_item(struct casework *c, const struct work_row *item)
{
    struct work_rows custody;
    struct json_writer w = {.out = c->out};
    if (!work_rows_of(c, WORK_CUSTODY, item->id, &custody))
        return false;
    json_begin_object(&w);
    work_row_members(WORK_EVIDENCE, item, c->sees_persons, &w);
    json_key(&w, "on_its_way_to");
    json_put_str(&w, on_its_way_to(&custody));
    json_key(&w, "has_file");
    json_put_bool(&w, evidence_path(c, item->values[EVIDENCE_LOCATION]).n > 0 &&
                          work_number(item, EVIDENCE_DISPOSED) == 0);
    json_key(&w, "custody");
    json_begin_array(&w);
    for (uint32_t i = 0; i < custody.count; i++) {
        json_begin_object(&w);
        work_row_members(WORK_CUSTODY, &custody.rows[i], c->sees_persons, &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

/* Who looks at an item stands in its access log (spec 3.6). */
bool work_get_evidence_item(struct casework *c)
{
    struct incident incident = {0};
    struct work_row item;
    return work_incident(c, c->q->id, &incident) &&
           work_row_of(c, WORK_EVIDENCE, c->q->item, c->q->id, &item) &&
           evidence_note_access(c, incident.id, &item, STR("viewed / 閲覧")) && answer_item(c, &item);
}

/* ---------------------------------------------------------------- approvals */

bool work_find_subject(struct casework *c, uint64_t incident, const char *action, const char *scope,
                       struct str subject, bool emergency_counts, bool *found, struct work_row *approval)
{
    struct work_rows rows;
    *found = false;
    if (!work_rows_of(c, WORK_APPROVAL, incident, &rows))
        return false;
    for (uint32_t i = rows.count; i-- > 0 && !*found;) {
        const struct work_row *a = &rows.rows[i];
        struct str status = a->values[APPROVAL_STATUS];
        bool stands = (str_eq(status, STR("approved")) && work_number(a, APPROVAL_EXPIRES) > c->now_ns) ||
                      (emergency_counts && str_eq(status, STR("emergency")));
        *found = stands && str_eq(a->values[APPROVAL_ACTION], str_c(action)) &&
                 str_eq(a->values[APPROVAL_SCOPE], str_c(scope)) &&
                 str_eq(a->values[APPROVAL_SUBJECT], subject);
        if (*found)
            *approval = *a;
    }
    return true;
}

/* Sets who approved it in `row`; refuses with the way to ask. */
static bool need_approval(struct casework *c, const struct work_row *item, const char *action,
                          struct work_row *row)
{
    struct work_row approval;
    bool found;
    struct str subject = arena_printf(c->arena, "evidence/%llu", (unsigned long long)item->id);
    if (!work_find_subject(c, c->q->id, action, "evidence", subject, false, &found, &approval))
        return false;
    if (found) {
        row->values[CUSTODY_APPROVED_BY] = approval.values[APPROVAL_DECIDED_BY];
        return true;
    }
    c->failure->status = 409;
    error_set(&c->failure->en,
              "This needs an approval: ask for the decision %s/evidence on \"%.*s\" of this incident.",
              action, STR_ARGS(subject));
    error_set(&c->failure->ja,
              "承認が必要です。このインシデントで「%.*s」について %s/evidence の判断を依頼してください。",
              STR_ARGS(subject), action);
    return false;
}

/* ------------------------------------------------------------------- deeds */

static bool transfer(struct casework *c, struct work_row *item, struct work_row *row)
{
    if (work_value(c, "to_person").n == 0)
        return work_refuse(c, 400, "A transfer needs \"to_person\".",
                           "引き渡しには「to_person」が必要です。");
    if (str_eq_nocase(work_value(c, "to_person"), item->values[EVIDENCE_HOLDER]))
        return work_refuse(c, 409, "This person holds the item already.", "すでにこの人が保管しています。");
    row->values[CUSTODY_TO_PERSON] = work_value(c, "to_person");
    return true;
}

/* The receiver signs: whoever it was given to, or, for a person without an account, whoever saw it taken. */
static bool receive(struct casework *c, struct work_row *item, struct work_row *row)
{
    struct work_rows custody;
    if (!work_rows_of(c, WORK_CUSTODY, item->id, &custody))
        return false;
    struct str to = on_its_way_to(&custody);
    if (to.n == 0)
        return work_refuse(c, 409, "Nobody has handed the item over.", "引き渡し中ではありません。");
    if (str_eq_nocase(item->values[EVIDENCE_HOLDER], c->actor) && !str_eq_nocase(to, c->actor))
        return work_refuse(c, 403, "Who gave it away does not sign for having received it.",
                           "引き渡した本人は受領に署名できません。");
    row->values[CUSTODY_TO_PERSON] = to;
    return true;
}

static bool hold(struct casework *c, struct work_row *item, struct work_row *row)
{
    (void)row;
    return !work_flag(item, EVIDENCE_LEGAL_HOLD) ||
           work_refuse(c, 409, "The item is under legal hold already.", "すでに法的保全の対象です。");
}

static bool release(struct casework *c, struct work_row *item, struct work_row *row)
{
    if (!work_flag(item, EVIDENCE_LEGAL_HOLD))
        return work_refuse(c, 409, "The item is not under legal hold.", "法的保全の対象ではありません。");
    return need_approval(c, item, "release", row);
}

static bool retain(struct casework *c, struct work_row *item, struct work_row *row)
{
    int64_t until_ns = work_value_number(c, "until", 0);
    if (until_ns <= c->now_ns || until_ns <= work_number(item, EVIDENCE_RETENTION_UNTIL))
        return work_refuse(c, 400, "\"until\" lies behind now and behind the time it is kept for so far.",
                           "「until」は現在およびこれまでの保管期限より後にしてください。");
    row->values[CUSTODY_UNTIL] = work_text_of(until_ns, c->arena);
    return true;
}

static bool dispose(struct casework *c, struct work_row *item, struct work_row *row)
{
    if (work_flag(item, EVIDENCE_LEGAL_HOLD))
        return work_refuse(c, 409, "The item is under legal hold.", "法的保全の対象のため廃棄できません。");
    if (work_number(item, EVIDENCE_RETENTION_UNTIL) > c->now_ns)
        return work_refuse(c, 409, "It must be kept for longer.", "保管期間中のため廃棄できません。");
    if (work_value(c, "how").n == 0)
        return work_refuse(c, 400, "Say how it is disposed of (\"how\").",
                           "廃棄の方法(how)を記入してください。");
    row->values[CUSTODY_HOW] = work_value(c, "how");
    return need_approval(c, item, "dispose", row);
}

static bool access_item(struct casework *c, struct work_row *item, struct work_row *row)
{
    (void)item;
    row->values[CUSTODY_TO_PERSON] = work_value(c, "to_person").n ? work_value(c, "to_person") : c->actor;
    return true;
}

/* What the item itself becomes. */
static bool change_item(struct casework *c, struct work_row *item, const struct work_row *row)
{
    struct str kind = row->values[CUSTODY_KIND];
    if (str_eq(kind, STR("transfer")))
        return work_set(c, WORK_EVIDENCE, item, EVIDENCE_HOLDER, row->values[CUSTODY_TO_PERSON]);
    if (str_eq(kind, STR("hold")) || str_eq(kind, STR("release")))
        return work_set_number(c, WORK_EVIDENCE, item, EVIDENCE_LEGAL_HOLD, str_eq(kind, STR("hold")));
    if (str_eq(kind, STR("retain")))
        return work_set(c, WORK_EVIDENCE, item, EVIDENCE_RETENTION_UNTIL, row->values[CUSTODY_UNTIL]);
    return !str_eq(kind, STR("disposal")) ||
           work_set_number(c, WORK_EVIDENCE, item, EVIDENCE_DISPOSED, c->now_ns);
}

/* The same bytes may be another item's too. */
static void remove_file(struct casework *c, const struct work_row *item)
{
    struct error err;
    struct work_rows same;
    struct str path = evidence_path(c, item->values[EVIDENCE_LOCATION]);
    if (path.n == 0 ||
        !state_work_list(c->s->state, WORK_EVIDENCE, EVIDENCE_LOCATION, item->values[EVIDENCE_LOCATION],
                         WORK_ROWS_MOST, c->arena, &same, &err))
        return;
    for (uint32_t i = 0; i < same.count; i++)
        if (work_number(&same.rows[i], EVIDENCE_DISPOSED) == 0)
            return;
    if (unlink(path.p) != 0)
        log_warning(tr("%s could not be removed; remove it by hand",
                       "%s を削除できません。手動で削除してください"),
                    path.p);
}

/* The lock of a transaction, in which nothing is changed, keeps others from taking the same bytes in
 * meanwhile. */
static void remove_file_locked(struct casework *c, const struct work_row *item)
{
    struct error err;
    if (!recorder_begin(c->s->recorder, &err)) {
        log_warning("%s", err.text);
        return;
    }
    remove_file(c, item);
    recorder_rollback(c->s->recorder);
}

static const struct {
    const char *kind, *action;
    bool (*prepare)(struct casework *c, struct work_row *item, struct work_row *row);
} kinds[] = {
    {"transfer", "execute", transfer}, {"receive", "execute", receive}, {"access", "observe", access_item},
    {"hold", "instruct", hold},        {"release", "execute", release}, {"retain", "instruct", retain},
    {"disposal", "execute", dispose},
};

bool work_post_custody(struct casework *c)
{
    struct incident incident = {0};
    struct work_row item, row = {0};
    struct str kind = work_value(c, "kind");
    size_t k = 0;
    while (k < COUNT_OF(kinds) - 1 && !str_eq(kind, str_c(kinds[k].kind)))
        k++;
    if (!work_incident(c, c->q->id, &incident) || !work_row_of(c, WORK_EVIDENCE, c->q->item, c->q->id, &item))
        return false;
    if (work_number(&item, EVIDENCE_DISPOSED) != 0)
        return work_refuse(c, 409, "The item was disposed of.", "廃棄済みの証拠です。");
    row.values[CUSTODY_KIND] = str_c(kinds[k].kind);
    row.values[CUSTODY_REASON] = work_value(c, "reason");
    if (!kinds[k].prepare(c, &item, &row) || !work_begin(c))
        return false;
    bool ok = add_custody(c, &item, &row) && change_item(c, &item, &row);
    struct deed deed =
        work_deed(c, kinds[k].action, incident.id, "evidence", item.id, work_value(c, "reason"));
    deed.approved_by = row.values[CUSTODY_APPROVED_BY];
    if (!work_end(c, ok, &deed))
        return false;
    if (work_number(&item, EVIDENCE_DISPOSED) != 0)
        remove_file_locked(c, &item);
    return answer_item(c, &item);
}
