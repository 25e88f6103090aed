/* Whom we ask and tell: partners with what each may receive, consultations on an incident, and the ledger of
 * what was given and received (S151, S153, S154). Nothing leaves by this: it is checked and written down.
 * Next: work_improve.c. */
#include "work/work.h"

#include "base/log.h"
#include "incident/incident.h"
#include "report/outside/export.h"

/* ----------------------------------------------------------------- partners */

bool work_get_partners(struct casework *c)
{
    struct work_rows rows;
    return work_is_inside(c) && work_all_rows(c, WORK_PARTNER, &rows) &&
           work_answer_rows(c, WORK_PARTNER, &rows);
}

bool work_post_partner(struct casework *c)
{
    struct work_row p = {0};
    struct work_rows known;
    if (!work_all_rows(c, WORK_PARTNER, &known))
        return false;
    for (uint32_t i = 0; i < known.count; i++)
        if (str_eq_nocase(known.rows[i].values[PARTNER_NAME], work_value(c, "name")))
            return work_refuse(c, 409, "A partner of this name is in the register already; change that one.",
                               "同じ名前の共有先が登録済みです。登録済みの共有先を変更してください。");
    work_take_members(c, WORK_PARTNER, &p);
    if (p.values[PARTNER_REDACTION].n == 0)
        p.values[PARTNER_REDACTION] = STR("internal");
    return work_enter(c, WORK_PARTNER, &p, "correct", 0, "partner", p.values[PARTNER_NAME]) &&
           work_answer_row(c, WORK_PARTNER, &p);
}

bool work_patch_partner(struct casework *c)
{
    struct work_row p;
    if (!work_find(c, WORK_PARTNER, c->q->id, &p) || !work_begin(c))
        return false;
    bool ok = work_change_members(c, WORK_PARTNER, &p);
    struct deed deed = work_deed(c, "correct", 0, "partner", p.id, p.values[PARTNER_NAME]);
    return work_end(c, ok, &deed) && work_answer_row(c, WORK_PARTNER, &p);
}

/* A partner gets nothing above its TLP and nothing less redacted than agreed. */
static bool may_receive(struct casework *c, struct str tlp_text, struct str redaction_text,
                        struct work_row *p)
{
    enum tlp tlp, most;
    enum redaction_profile redaction, least;
    if (!work_find(c, WORK_PARTNER, (uint64_t)work_value_number(c, "partner", 0), p))
        return false;
    if (work_number(p, PARTNER_ENDED) != 0)
        return work_refuse(c, 409, "Nothing is shared with this partner any longer.",
                           "この共有先との共有は終了しています。");
    if (!tlp_parse(p->values[PARTNER_TLP], &most) || !tlp_parse(tlp_text, &tlp) || tlp > most) {
        c->failure->status = 409;
        error_set(&c->failure->en, "This partner receives up to TLP:%.*s; choose a lower label.",
                  STR_ARGS(p->values[PARTNER_TLP]));
        error_set(&c->failure->ja, "この共有先に渡せるのは TLP:%.*s までです。ラベルを下げてください。",
                  STR_ARGS(p->values[PARTNER_TLP]));
        return false;
    }
    if (redaction_profile_parse(redaction_text, &redaction) &&
        redaction_profile_parse(p->values[PARTNER_REDACTION], &least) && redaction >= least)
        return true;
    c->failure->status = 409;
    error_set(&c->failure->en, "This partner receives only what is redacted as \"%.*s\" or more.",
              STR_ARGS(p->values[PARTNER_REDACTION]));
    error_set(&c->failure->ja, "この共有先には「%.*s」以上の秘匿化が必要です。",
              STR_ARGS(p->values[PARTNER_REDACTION]));
    return false;
}

static struct str partner_name(struct casework *c, const struct work_row *row, int column)
{
    struct work_row p;
    struct error err;
    return state_work_get(c->s->state, WORK_PARTNER, (uint64_t)work_number(row, column), c->arena, &p, &err)
               ? p.values[PARTNER_NAME]
               : STR_EMPTY;
}

static void put_with_partner(struct casework *c, enum work_table table, const struct work_row *row,
                             int column, struct json_writer *w)
{
    json_begin_object(w);
    work_row_members(table, row, c->sees_persons, w);
    json_key(w, "partner_name");
    json_put_str(w, partner_name(c, row, column));
    json_end_object(w);
}

/* Those that belong to incidents this person may see. */
static bool answer_with_partners(struct casework *c, enum work_table table, const struct work_rows *rows,
                                 int column)
{
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < rows->count; i++)
        if (work_may_see_number(c, work_number(&rows->rows[i], 0)))
            put_with_partner(c, table, &rows->rows[i], column, &w);
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

static bool answer_one(struct casework *c, enum work_table table, const struct work_row *row, int column)
{
    struct json_writer w = {.out = c->out};
    put_with_partner(c, table, row, column, &w);
    return true;
}

/* ------------------------------------------------------------ consultations */

bool work_get_consultations(struct casework *c)
{
    struct incident incident = {0};
    struct work_rows rows;
    return work_is_inside(c) && work_incident(c, c->q->id, &incident) &&
           work_rows_of(c, WORK_CONSULTATION, c->q->id, &rows) &&
           answer_with_partners(c, WORK_CONSULTATION, &rows, CONSULTATION_PARTNER);
}

bool work_get_all_consultations(struct casework *c)
{
    struct work_rows rows;
    return work_is_inside(c) && work_all_rows(c, WORK_CONSULTATION, &rows) &&
           answer_with_partners(c, WORK_CONSULTATION, &rows, CONSULTATION_PARTNER);
}

/* One asks for advice with a view and a plan of one's own (S153): both are required members. */
bool work_post_consultation(struct casework *c)
{
    struct incident incident = {0};
    struct work_row partner, row = {0};
    struct str redaction = work_given(c, "redaction") ? work_value(c, "redaction") : STR("internal");
    if (!work_incident(c, c->q->id, &incident) || !may_receive(c, work_value(c, "tlp"), redaction, &partner))
        return false;
    work_take_members(c, WORK_CONSULTATION, &row);
    row.values[CONSULTATION_INCIDENT] = work_text_of((int64_t)incident.id, c->arena);
    row.values[CONSULTATION_REDACTION] = redaction;
    row.values[CONSULTATION_ASKED] = work_text_of(work_value_number(c, "asked", c->now_ns), c->arena);
    row.values[CONSULTATION_ASKED_BY] = c->actor;
    return work_enter(c, WORK_CONSULTATION, &row, "contact", incident.id, "consultation",
                      work_value(c, "question")) &&
           answer_one(c, WORK_CONSULTATION, &row, CONSULTATION_PARTNER);
}

/* The answer, and then whether we follow it: that decision is ours and has a name. */
bool work_patch_consultation(struct casework *c)
{
    struct incident incident = {0};
    struct work_row row;
    if (!work_incident(c, c->q->id, &incident) ||
        !work_row_of(c, WORK_CONSULTATION, c->q->item, c->q->id, &row))
        return false;
    bool has_answer = row.values[CONSULTATION_ANSWER].n > 0 || work_value(c, "answer").n > 0;
    if (work_given(c, "adopted") && !has_answer)
        return work_refuse(c, 409, "Enter the answer before deciding on it.",
                           "採否の前に回答を記入してください。");
    if (!work_begin(c))
        return false;
    bool ok = work_change_members(c, WORK_CONSULTATION, &row);
    if (ok && work_given(c, "answer") && !work_given(c, "answered"))
        ok = work_set_number(c, WORK_CONSULTATION, &row, CONSULTATION_ANSWERED, c->now_ns);
    if (ok && work_given(c, "adopted"))
        ok = work_set(c, WORK_CONSULTATION, &row, CONSULTATION_DECIDED_BY, c->actor) &&
             work_set_number(c, WORK_CONSULTATION, &row, CONSULTATION_DECIDED, c->now_ns);
    struct deed deed =
        work_deed(c, work_given(c, "adopted") ? "judge" : "contact", incident.id, "consultation", row.id,
                  work_given(c, "adopted") ? work_value(c, "reason") : work_value(c, "answer"));
    return work_end(c, ok, &deed) && answer_one(c, WORK_CONSULTATION, &row, CONSULTATION_PARTNER);
}

/* ------------------------------------------------------------------- ledger */

bool work_get_sharing(struct casework *c)
{
    struct work_rows rows;
    return work_is_inside(c) && work_all_rows(c, WORK_SHARED, &rows) &&
           answer_with_partners(c, WORK_SHARED, &rows, SHARED_PARTNER);
}

bool work_post_sharing(struct casework *c)
{
    struct incident incident = {0};
    struct work_row partner, row = {0};
    uint64_t about = (uint64_t)work_value_number(c, "incident", 0);
    bool is_given = str_eq(work_value(c, "direction"), STR("given"));
    struct str redaction = work_given(c, "redaction") ? work_value(c, "redaction") : STR("internal");
    if (about && !work_incident(c, about, &incident))
        return false;
    if (is_given ? !may_receive(c, work_value(c, "tlp"), redaction, &partner)
                 : !work_find(c, WORK_PARTNER, (uint64_t)work_value_number(c, "partner", 0), &partner))
        return false;
    work_take_members(c, WORK_SHARED, &row);
    row.values[SHARED_INCIDENT] = work_text_of((int64_t)about, c->arena);
    row.values[SHARED_REDACTION] = is_given ? redaction : STR_EMPTY;
    row.values[SHARED_HAPPENED] = work_text_of(work_value_number(c, "happened", c->now_ns), c->arena);
    row.values[SHARED_WHO] = c->actor;
    return work_enter(c, WORK_SHARED, &row, "contact", about, "shared", work_value(c, "description")) &&
           answer_one(c, WORK_SHARED, &row, SHARED_PARTNER);
}

/* How useful it was is known later. */
bool work_patch_sharing(struct casework *c)
{
    struct work_row row;
    if (!work_find(c, WORK_SHARED, c->q->id, &row))
        return false;
    if (!work_may_see_number(c, work_number(&row, SHARED_INCIDENT)))
        return work_refuse(c, 404, "There is no such entry.", "その項目はありません。");
    if (!work_begin(c))
        return false;
    bool ok = work_change_members(c, WORK_SHARED, &row);
    struct deed deed = work_deed(c, "judge", (uint64_t)work_number(&row, SHARED_INCIDENT), "shared", row.id,
                                 row.values[SHARED_USEFULNESS]);
    return work_end(c, ok, &deed) && answer_one(c, WORK_SHARED, &row, SHARED_PARTNER);
}
