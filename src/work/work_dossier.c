/* Dossiers of controls (S183, S184): why a control is introduced, what it leaves, and who agreed. A draft can
 * be changed; once it is submitted its sections are fixed, and the decision runs like every other (work_
 * decisions.c). What the decision says is the dossier's state, so there is nothing to keep in step.
 *
 *   draft ─submit─▶ submitted ─all signed─▶ approved ─introduced─▶ operating ─▶ ended
 *     ▲                └─ rejected, withdrawn: may be changed and submitted again
 * Next: work_library.c. */
#include "work/work.h"

#include "base/log.h"
#include "risk/services_risk.h"
#include "store/state_register.h"

static bool has_status(const struct work_row *d, const char *status)
{
    return str_eq(d->values[DOSSIER_STATUS], str_c(status));
}

/* ------------------------------------------------------------------- state */

static struct str state_of(struct casework *c, const struct work_row *d, struct work_row *approval)
{
    struct error err;
    uint64_t id = (uint64_t)work_number(d, DOSSIER_APPROVAL);
    *approval = (struct work_row){0};
    if (!has_status(d, "submitted") ||
        !state_work_get(c->s->state, WORK_APPROVAL, id, c->arena, approval, &err))
        return d->values[DOSSIER_STATUS];
    struct str status = approval->values[APPROVAL_STATUS];
    bool is_decided = str_eq(status, STR("approved")) || str_eq(status, STR("rejected")) ||
                      str_eq(status, STR("withdrawn"));
    return is_decided ? status : STR("submitted");
}

static bool may_change(struct str state)
{
    return str_eq(state, STR("draft")) || str_eq(state, STR("rejected")) || str_eq(state, STR("withdrawn"));
}

/* ---------------------------------------------------------------- sections */

static const struct {
    int column;
    const char *en, *ja;
} sections[] = {
    {DOSSIER_PURPOSE, "purpose", "目的(purpose)"},
    {DOSSIER_RISKS, "risk assessment (risks)", "リスク評価(risks)"},
    {DOSSIER_ALTERNATIVES, "alternatives", "代替案の検討(alternatives)"},
    {DOSSIER_ADEQUACY, "adequacy of the control", "対策の妥当性(adequacy)"},
    {DOSSIER_RESIDUAL, "residual risk", "残存リスク(residual)"},
    {DOSSIER_ACCEPTANCE_REASON, "why it is accepted (acceptance_reason)", "受容理由(acceptance_reason)"},
    {DOSSIER_OPERATION, "how its working is shown (operation)", "稼働の確認方法(operation)"},
    {DOSSIER_OWNER, "owner", "責任者(owner)"},
};

/* Every section is mandatory when it is submitted; the sentence names all that are missing. */
static bool check_sections(struct casework *c, const struct work_row *d)
{
    struct str en = STR_EMPTY, ja = STR_EMPTY;
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        if (d->values[sections[i].column].n)
            continue;
        en = arena_printf(c->arena, "%.*s%s%s", STR_ARGS(en), en.n ? ", " : "", sections[i].en);
        ja = arena_printf(c->arena, "%.*s%s%s", STR_ARGS(ja), ja.n ? "、" : "", sections[i].ja);
    }
    if (en.n == 0)
        return true;
    c->failure->status = 409;
    error_set(&c->failure->en, "The dossier still lacks: %.*s.", STR_ARGS(en));
    error_set(&c->failure->ja, "未記入の項目があります: %.*s。", STR_ARGS(ja));
    return false;
}

/* The acceptance of the residual risk it rests on: one that stands, of the same category (S78). */
static bool check_acceptance(struct casework *c, const struct work_row *d)
{
    struct register_entry *rows;
    uint32_t count;
    struct error err;
    int64_t wanted = work_number(d, DOSSIER_ACCEPTANCE);
    if (wanted == 0)
        return work_refuse(c, 409,
                           "Name the acceptance of the residual risk (\"acceptance\"); see "
                           "/api/v1/risk/acceptances.",
                           "残存リスクの受容記録(acceptance)を指定してください。"
                           "/api/v1/risk/acceptances を参照してください。");
    if (!state_register_list(c->s->state, register_name(REGISTER_ACCEPTANCE), c->now_ns, WORK_ROWS_MOST,
                             c->arena, &rows, &count, &err))
        return work_fail(c, 500, &err);
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].id == wanted && str_eq(rows[i].kind, d->values[DOSSIER_CATEGORY]))
            return true;
    return work_refuse(c, 409, "There is no such acceptance that stands for this category of residual risk.",
                       "この区分の残存リスクについて有効な受容記録がありません。");
}

/* ------------------------------------------------------------------ showing */

static void put_missing(const struct work_row *d, struct json_writer *w)
{
    json_key(w, "missing");
    json_begin_array(w);
    for (size_t i = 0; i < COUNT_OF(sections); i++) {
        if (d->values[sections[i].column].n)
            continue;
        json_put_both(w, str_c(sections[i].en), str_c(sections[i].ja));
    }
    json_end_array(w);
}

static bool put_dossier(struct casework *c, const struct work_row *d, struct json_writer *w)
{
    struct work_row approval;
    struct work_rows signatures = {0};
    struct str state = state_of(c, d, &approval);
    int64_t review_ns = work_number(d, DOSSIER_REVIEW_DUE);
    if (approval.id && !work_rows_of(c, WORK_SIGNATURE, approval.id, &signatures))
        return false;
    json_begin_object(w);
    work_row_members(WORK_DOSSIER, d, c->sees_persons, w);
    json_key(w, "state");
    json_put_str(w, state);
    put_missing(d, w);
    json_key(w, "review_is_due");
    json_put_bool(w, str_eq(state, STR("operating")) && review_ns <= c->now_ns);
    json_key(w, "signatures");
    json_begin_array(w);
    for (uint32_t i = 0; i < signatures.count; i++) {
        json_begin_object(w);
        work_row_members(WORK_SIGNATURE, &signatures.rows[i], c->sees_persons, w);
        json_end_object(w);
    }
    json_end_array(w);
    json_end_object(w);
    return true;
}

static bool answer_dossier(struct casework *c, const struct work_row *d)
{
    struct json_writer w = {.out = c->out};
    return put_dossier(c, d, &w);
}

bool work_get_dossiers(struct casework *c)
{
    struct work_rows rows;
    struct json_writer w = {.out = c->out};
    if (!work_is_inside(c) || !work_all_rows(c, WORK_DOSSIER, &rows))
        return false;
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < rows.count; i++)
        if (!put_dossier(c, &rows.rows[i], &w))
            return false;
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_get_dossier(struct casework *c)
{
    struct work_row d;
    return work_is_inside(c) && work_find(c, WORK_DOSSIER, c->q->id, &d) && answer_dossier(c, &d);
}

/* ----------------------------------------------------------------- changing */

bool work_post_dossier(struct casework *c)
{
    struct work_row d = {0};
    work_take_members(c, WORK_DOSSIER, &d);
    d.values[DOSSIER_STATUS] = STR("draft");
    d.values[DOSSIER_CREATED] = work_text_of(c->now_ns, c->arena);
    d.values[DOSSIER_CREATED_BY] = c->actor;
    return work_enter(c, WORK_DOSSIER, &d, "instruct", 0, "dossier", d.values[DOSSIER_TITLE]) &&
           answer_dossier(c, &d);
}

/* The life after the decision: operating from a day on, reviewed, ended. */
static bool move_on(struct casework *c, struct work_row *d, struct str state)
{
    struct str to = work_value(c, "status");
    bool is_start = str_eq(to, STR("operating"));
    if (is_start ? !str_eq(state, STR("approved")) : !str_eq(state, STR("operating")))
        return work_refuse(c, 409, "A control operates once its dossier is approved, and ends after that.",
                           "対策は承認後に稼働し、稼働中のものだけを終了できます。");
    if (!is_start)
        return work_set_number(c, WORK_DOSSIER, d, DOSSIER_ENDED, c->now_ns) &&
               work_set(c, WORK_DOSSIER, d, DOSSIER_STATUS, to);
    int64_t when_ns = work_value_number(c, "introduced", c->now_ns);
    return work_set_number(c, WORK_DOSSIER, d, DOSSIER_INTRODUCED, when_ns) &&
           work_set(c, WORK_DOSSIER, d, DOSSIER_STATUS, to);
}

static bool changes_section(const struct casework *c)
{
    static const char *const names[] = {"title",     "category",          "owner",     "purpose",
                                        "risks",     "alternatives",      "adequacy",  "residual",
                                        "operation", "acceptance_reason", "acceptance"};
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (work_given(c, names[i]))
            return true;
    return false;
}

bool work_patch_dossier(struct casework *c)
{
    struct work_row d, approval;
    if (!work_find(c, WORK_DOSSIER, c->q->id, &d))
        return false;
    struct str state = state_of(c, &d, &approval);
    if (changes_section(c) && !may_change(state))
        return work_refuse(c, 409,
                           "What was submitted stays as it is; withdraw the decision, or open a new dossier.",
                           "提出後は変更できません。判断依頼を取り下げるか、新しい文書を作成してください。");
    if (changes_section(c) && work_given(c, "status"))
        return work_refuse(c, 400, "Change sections or \"status\", not both at once.",
                           "項目と「status」は別々に変更してください。");
    if (!work_begin(c))
        return false;
    bool ok = work_given(c, "status") ? move_on(c, &d, state) : work_change_members(c, WORK_DOSSIER, &d);
    struct deed deed = work_deed(c, work_given(c, "status") ? "execute" : "correct", 0, "dossier", d.id,
                                 d.values[DOSSIER_TITLE]);
    return work_end(c, ok, &deed) && answer_dossier(c, &d);
}

bool work_submit_dossier(struct casework *c)
{
    struct work_row d, approval;
    if (!work_find(c, WORK_DOSSIER, c->q->id, &d))
        return false;
    if (!may_change(state_of(c, &d, &approval)))
        return work_refuse(c, 409, "The dossier has been submitted already.", "提出済みです。");
    if (!check_sections(c, &d) || !check_acceptance(c, &d) || !work_begin(c))
        return false;
    bool ok = work_propose_control(c, d.id, d.values[DOSSIER_TITLE], &approval) &&
              work_set_number(c, WORK_DOSSIER, &d, DOSSIER_APPROVAL, (int64_t)approval.id) &&
              work_set_number(c, WORK_DOSSIER, &d, DOSSIER_SUBMITTED, c->now_ns) &&
              work_set(c, WORK_DOSSIER, &d, DOSSIER_STATUS, STR("submitted"));
    struct deed deed = work_deed(c, "instruct", 0, "dossier", d.id, d.values[DOSSIER_TITLE]);
    return work_end(c, ok, &deed) && answer_dossier(c, &d);
}
