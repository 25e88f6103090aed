/* The vendor register, and the times that vendors were called to an incident, measured against what their
 * contract promises (S155, S156, S158). Next: work_sharing.c. */
#include "work/work_custody.h"

#include "base/log.h"
#include "incident/incident.h"

#define HOUR_NS (3600 * NS_PER_SECOND)
#define SOON_NS (60 * 24 * HOUR_NS) /* a contract that ends within it is shown */

/* ---------------------------------------------------------------- who sees */

/* A vendor sees itself, never what others are paid; a department whom its own incidents called. */
static bool may_see(struct casework *c, const struct work_row *vendor, const struct work_rows *invocations)
{
    if (c->roles == ROLE_VENDOR)
        return work_list_has(vendor->values[VENDOR_ACCOUNTS], c->actor);
    if (c->roles != ROLE_DEPARTMENT)
        return true;
    for (uint32_t i = 0; i < invocations->count; i++)
        if ((uint64_t)work_number(&invocations->rows[i], INVOCATION_VENDOR) == vendor->id &&
            work_may_see_number(c, work_number(&invocations->rows[i], INVOCATION_INCIDENT)))
            return true;
    return false;
}

/* ---------------------------------------------------------------- warnings */

static const struct {
    const char *code, *en, *ja;
} warnings[] = {
    {"contract_unknown", "The end of the contract is not entered", "契約の終了日が未登録"},
    {"contract_ended", "The contract has ended", "契約が終了"},
    {"contract_ends", "The contract ends within 60 days", "契約が60日以内に終了"},
    {"nda_ended", "The non-disclosure agreement has ended", "秘密保持契約が終了"},
    {"review_due", "A review is due", "見直しの期限が到来"},
};
#define WARNING_COUNT COUNT_OF(warnings)

/* What somebody has to do about the contract. A date that was not entered is no promise that it is fine. */
static uint32_t judge_contract(const struct work_row *v, int64_t now_ns, bool holds[WARNING_COUNT])
{
    int64_t until_ns = work_number(v, VENDOR_CONTRACT_UNTIL), nda_ns = work_number(v, VENDOR_NDA_UNTIL),
            due_ns = work_number(v, VENDOR_REVIEW_DUE);
    bool is_used = work_number(v, VENDOR_ENDED) == 0;
    uint32_t count = 0;
    holds[0] = until_ns == 0;
    holds[1] = until_ns != 0 && until_ns <= now_ns;
    holds[2] = until_ns > now_ns && until_ns <= now_ns + SOON_NS;
    holds[3] = nda_ns != 0 && nda_ns <= now_ns;
    holds[4] = due_ns == 0 || due_ns <= now_ns;
    for (size_t i = 0; i < WARNING_COUNT; i++) {
        holds[i] = holds[i] && is_used;
        count += holds[i];
    }
    return count;
}

static uint32_t put_warnings(const struct work_row *v, int64_t now_ns, struct json_writer *w)
{
    bool holds[WARNING_COUNT];
    uint32_t count = judge_contract(v, now_ns, holds);
    json_key(w, "warnings");
    json_begin_array(w);
    for (size_t i = 0; i < WARNING_COUNT; i++) {
        if (!holds[i])
            continue;
        json_begin_object(w);
        json_key(w, "code");
        json_put_c(w, warnings[i].code);
        json_both_members(w, str_c(warnings[i].en), str_c(warnings[i].ja));
        json_end_object(w);
    }
    json_end_array(w);
    return count;
}

bool work_vendor_is_due(const struct work_row *vendor, int64_t now_ns)
{
    bool holds[WARNING_COUNT];
    return judge_contract(vendor, now_ns, holds) > 0;
}

uint32_t work_vendors_due(struct server *s)
{
    struct arena arena;
    struct work_rows rows;
    struct error err;
    uint32_t due = 0;
    arena_init(&arena, 16 << 10);
    bool ok = state_work_list(s->state, WORK_VENDOR, -1, STR_EMPTY, WORK_ROWS_MOST, &arena, &rows, &err);
    for (uint32_t i = 0; ok && i < rows.count; i++)
        due += work_vendor_is_due(&rows.rows[i], clock_wall_ns());
    arena_free(&arena);
    return due;
}

/* ---------------------------------------------------------------- measuring */

enum timeliness { TIME_OPEN, TIME_KEPT, TIME_MISSED };

static enum timeliness timeliness_of(int64_t limit_ns, int64_t done_ns, int64_t now_ns)
{
    if (limit_ns == 0 || (done_ns == 0 && now_ns <= limit_ns))
        return TIME_OPEN;
    return done_ns != 0 && done_ns <= limit_ns ? TIME_KEPT : TIME_MISSED;
}

static void put_timeliness(struct json_writer *w, const char *key, enum timeliness t)
{
    json_key(w, key);
    if (t == TIME_OPEN)
        json_put_null(w);
    else
        json_put_bool(w, t == TIME_KEPT);
}

static void put_count(struct json_writer *w, const char *key, int64_t number)
{
    json_key(w, key);
    json_put_i64(w, number);
}

static enum timeliness response_of(const struct work_row *i, int64_t now_ns)
{
    return timeliness_of(work_number(i, INVOCATION_RESPOND_BY), work_number(i, INVOCATION_RESPONDED), now_ns);
}

static enum timeliness resolution_of(const struct work_row *i, int64_t now_ns)
{
    return timeliness_of(work_number(i, INVOCATION_RESOLVE_BY), work_number(i, INVOCATION_RESOLVED), now_ns);
}

/* All times that this vendor was called, added up. */
static void put_measured(struct casework *c, const struct work_row *vendor, const struct work_rows *all,
                         struct json_writer *w)
{
    int64_t calls = 0, minutes = 0, cost = 0, kept[2] = {0}, missed[2] = {0};
    for (uint32_t k = 0; k < all->count; k++) {
        const struct work_row *i = &all->rows[k];
        const enum timeliness both[] = {response_of(i, c->now_ns), resolution_of(i, c->now_ns)};
        if ((uint64_t)work_number(i, INVOCATION_VENDOR) != vendor->id)
            continue;
        calls++;
        minutes += work_number(i, INVOCATION_EFFORT_MINUTES);
        cost += work_number(i, INVOCATION_COST);
        for (int n = 0; n < 2; n++) {
            kept[n] += both[n] == TIME_KEPT;
            missed[n] += both[n] == TIME_MISSED;
        }
    }
    json_key(w, "measured");
    json_begin_object(w);
    put_count(w, "invocations", calls);
    put_count(w, "responded_in_time", kept[0]);
    put_count(w, "responded_late", missed[0]);
    put_count(w, "resolved_in_time", kept[1]);
    put_count(w, "resolved_late", missed[1]);
    put_count(w, "effort_minutes", minutes);
    put_count(w, "cost", cost);
    json_end_object(w);
}

static uint32_t put_vendor(struct casework *c, const struct work_row *v, const struct work_rows *invocations,
                           struct json_writer *w)
{
    work_row_members(WORK_VENDOR, v, c->sees_persons || c->roles == ROLE_VENDOR, w);
    uint32_t due = put_warnings(v, c->now_ns, w);
    put_measured(c, v, invocations, w);
    return due;
}

/* ----------------------------------------------------------------- register */

bool work_get_vendors(struct casework *c)
{
    struct work_rows vendors, invocations;
    struct json_writer w = {.out = c->out};
    uint32_t due = 0;
    if (!work_all_rows(c, WORK_VENDOR, &vendors) || !work_all_rows(c, WORK_INVOCATION, &invocations))
        return false;
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < vendors.count; i++) {
        if (!may_see(c, &vendors.rows[i], &invocations))
            continue;
        json_begin_object(&w);
        due += put_vendor(c, &vendors.rows[i], &invocations, &w) > 0;
        json_end_object(&w);
    }
    json_end_array(&w);
    put_count(&w, "due", due);
    json_end_object(&w);
    return true;
}

static bool vendor_of(struct casework *c, const struct work_row *invocation, struct work_row *vendor)
{
    struct error err;
    uint64_t id = (uint64_t)work_number(invocation, INVOCATION_VENDOR);
    return state_work_get(c->s->state, WORK_VENDOR, id, c->arena, vendor, &err);
}

static struct str vendor_name(struct casework *c, const struct work_row *invocation)
{
    struct work_row vendor;
    return vendor_of(c, invocation, &vendor) ? vendor.values[VENDOR_NAME] : STR_EMPTY;
}

/* What others do and are paid is not a vendor's business. */
static bool may_see_call(struct casework *c, const struct work_row *invocation)
{
    struct work_row vendor;
    return c->roles != ROLE_VENDOR ||
           (vendor_of(c, invocation, &vendor) && work_list_has(vendor.values[VENDOR_ACCOUNTS], c->actor));
}

static void put_invocation(struct casework *c, const struct work_row *i, struct json_writer *w)
{
    int64_t asked_ns = work_number(i, INVOCATION_ASKED), responded_ns = work_number(i, INVOCATION_RESPONDED);
    json_begin_object(w);
    work_row_members(WORK_INVOCATION, i, c->sees_persons, w);
    json_key(w, "vendor_name");
    json_put_str(w, vendor_name(c, i));
    json_key(w, "response_minutes");
    if (responded_ns)
        json_put_i64(w, (responded_ns - asked_ns) / (60 * NS_PER_SECOND));
    else
        json_put_null(w);
    put_timeliness(w, "responded_in_time", response_of(i, c->now_ns));
    put_timeliness(w, "resolved_in_time", resolution_of(i, c->now_ns));
    json_end_object(w);
}

static bool answer_vendor(struct casework *c, const struct work_row *v)
{
    struct work_rows invocations;
    struct json_writer w = {.out = c->out};
    if (!work_all_rows(c, WORK_INVOCATION, &invocations))
        return false;
    if (!may_see(c, v, &invocations))
        return work_refuse(c, 404, "There is no such vendor.", "その委託先はありません。");
    json_begin_object(&w);
    put_vendor(c, v, &invocations, &w);
    json_key(&w, "invocations");
    json_begin_array(&w);
    for (uint32_t i = 0; i < invocations.count; i++)
        if ((uint64_t)work_number(&invocations.rows[i], INVOCATION_VENDOR) == v->id &&
            work_may_see_number(c, work_number(&invocations.rows[i], INVOCATION_INCIDENT)))
            put_invocation(c, &invocations.rows[i], &w);
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_get_vendor(struct casework *c)
{
    struct work_row v;
    return work_find(c, WORK_VENDOR, c->q->id, &v) && answer_vendor(c, &v);
}

/* A name is what invocations are found by, so each stands once. */
static bool is_free_name(struct casework *c, struct str name, uint64_t but)
{
    struct work_rows vendors;
    if (name.n == 0)
        return work_refuse(c, 400, "A vendor needs a \"name\".", "委託先には「name」が必要です。");
    if (!work_all_rows(c, WORK_VENDOR, &vendors))
        return false;
    for (uint32_t i = 0; i < vendors.count; i++)
        if (vendors.rows[i].id != but && str_eq_nocase(vendors.rows[i].values[VENDOR_NAME], name))
            return work_refuse(c, 409, "A vendor of this name is in the register already; change that one.",
                               "同じ名前の委託先が登録済みです。登録済みの委託先を変更してください。");
    return true;
}

bool work_post_vendor(struct casework *c)
{
    struct work_row v = {0};
    if (!is_free_name(c, work_value(c, "name"), 0))
        return false;
    work_take_members(c, WORK_VENDOR, &v);
    return work_enter(c, WORK_VENDOR, &v, "correct", 0, "vendor", v.values[VENDOR_NAME]) &&
           answer_vendor(c, &v);
}

bool work_patch_vendor(struct casework *c)
{
    struct work_row v;
    if (!work_find(c, WORK_VENDOR, c->q->id, &v) ||
        (work_given(c, "name") && !is_free_name(c, work_value(c, "name"), v.id)) || !work_begin(c))
        return false;
    bool ok = work_change_members(c, WORK_VENDOR, &v);
    struct deed deed = work_deed(c, "correct", 0, "vendor", v.id, v.values[VENDOR_NAME]);
    return work_end(c, ok, &deed) && answer_vendor(c, &v);
}

/* -------------------------------------------------------------- invocations */

bool work_get_invocations(struct casework *c)
{
    struct incident incident = {0};
    struct work_rows rows;
    struct json_writer w = {.out = c->out};
    if (!work_incident(c, c->q->id, &incident) || !work_rows_of(c, WORK_INVOCATION, c->q->id, &rows))
        return false;
    json_begin_object(&w);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < rows.count; i++)
        if (may_see_call(c, &rows.rows[i]))
            put_invocation(c, &rows.rows[i], &w);
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

static bool is_used(struct casework *c, const struct work_row *approval, bool *used)
{
    struct work_rows calls;
    *used = false;
    if (!work_rows_of(c, WORK_INVOCATION, c->q->id, &calls))
        return false;
    for (uint32_t i = 0; i < calls.count && !*used; i++)
        *used = (uint64_t)work_number(&calls.rows[i], INVOCATION_APPROVAL) == approval->id;
    return true;
}

/* One of those that the contract names agreed to the cost (S155). */
static bool is_agreed(const struct work_row *v, const struct work_row *approval)
{
    struct str who = approval->values[APPROVAL_DECIDED_BY], one, wanted = v->values[VENDOR_INVOKED_BY];
    if (wanted.n == 0 || str_eq(approval->values[APPROVAL_STATUS], STR("emergency")))
        return true;
    while (who.n && str_split(&who, ';', &one))
        if (work_list_has(wanted, str_trim(one)))
            return true;
    return false;
}

/* A vendor is called like anything else that costs: somebody decides, by the matrix of authority. One
 * decision is for one call; an emergency may call first and is decided afterwards. */
static bool find_agreement(struct casework *c, const struct work_row *v, struct work_row *approval)
{
    bool found, used = false;
    struct str subject = arena_printf(c->arena, "vendor/%llu", (unsigned long long)v->id);
    if (!work_find_subject(c, c->q->id, "call", "vendor", subject, true, &found, approval) ||
        (found && !is_used(c, approval, &used)))
        return false;
    if (found && !used && is_agreed(v, approval))
        return true;
    c->failure->status = 409;
    if (found && !used) {
        error_set(&c->failure->en, "The contract wants the approval of %.*s; it was given by %.*s.",
                  STR_ARGS(v->values[VENDOR_INVOKED_BY]), STR_ARGS(approval->values[APPROVAL_DECIDED_BY]));
        return error_set(&c->failure->ja, "契約上、%.*s の承認が必要です(承認者は %.*s)。",
                         STR_ARGS(v->values[VENDOR_INVOKED_BY]),
                         STR_ARGS(approval->values[APPROVAL_DECIDED_BY]));
    }
    error_set(&c->failure->en,
              "A call needs an approval of its own: ask for the decision call/vendor on \"%.*s\".",
              STR_ARGS(subject));
    return error_set(&c->failure->ja,
                     "依頼ごとに承認が必要です。「%.*s」について call/vendor の判断を依頼してください。",
                     STR_ARGS(subject));
}

static bool check_contract(struct casework *c, const struct work_row *v)
{
    int64_t until_ns = work_number(v, VENDOR_CONTRACT_UNTIL);
    return (work_number(v, VENDOR_ENDED) == 0 && (until_ns == 0 || until_ns > c->now_ns)) ||
           work_refuse(c, 409, "The contract with this vendor has ended; enter the new one first.",
                       "この委託先との契約は終了しています。先に新しい契約を登録してください。");
}

static struct str limit_of(struct casework *c, const struct work_row *v, int column, int64_t asked_ns)
{
    int64_t hours = work_number(v, column);
    return hours ? work_text_of(asked_ns + hours * HOUR_NS, c->arena) : STR_EMPTY;
}

static bool answer_invocation(struct casework *c, const struct work_row *row)
{
    struct json_writer w = {.out = c->out};
    put_invocation(c, row, &w);
    return true;
}

/* The limits of that day's contract go along: a later contract does not change what was promised then. */
bool work_post_invocation(struct casework *c)
{
    struct incident incident = {0};
    struct work_row v, approval, row = {0};
    if (!work_incident(c, c->q->id, &incident) ||
        !work_find(c, WORK_VENDOR, (uint64_t)work_value_number(c, "vendor", 0), &v) ||
        !check_contract(c, &v) || !find_agreement(c, &v, &approval))
        return false;
    work_take_members(c, WORK_INVOCATION, &row);
    int64_t asked_ns = work_value_number(c, "asked", c->now_ns);
    row.values[INVOCATION_INCIDENT] = work_text_of((int64_t)incident.id, c->arena);
    row.values[INVOCATION_ASKED] = work_text_of(asked_ns, c->arena);
    row.values[INVOCATION_ASKED_BY] = c->actor;
    row.values[INVOCATION_APPROVAL] = work_text_of((int64_t)approval.id, c->arena);
    row.values[INVOCATION_APPROVED_BY] = approval.values[APPROVAL_DECIDED_BY];
    row.values[INVOCATION_RESPOND_BY] = limit_of(c, &v, VENDOR_RESPOND_HOURS, asked_ns);
    row.values[INVOCATION_RESOLVE_BY] = limit_of(c, &v, VENDOR_RESOLVE_HOURS, asked_ns);
    return work_enter(c, WORK_INVOCATION, &row, "contact", incident.id, "invocation",
                      work_value(c, "task")) &&
           answer_invocation(c, &row);
}

bool work_patch_invocation(struct casework *c)
{
    struct incident incident = {0};
    struct work_row row;
    if (!work_incident(c, c->q->id, &incident) ||
        !work_row_of(c, WORK_INVOCATION, c->q->item, c->q->id, &row))
        return false;
    int64_t asked_ns = work_number(&row, INVOCATION_ASKED);
    if (work_value_number(c, "responded", INT64_MAX) < asked_ns ||
        work_value_number(c, "resolved", INT64_MAX) < asked_ns)
        return work_refuse(c, 400, "Nobody answers before being asked: see \"responded\" and \"resolved\".",
                           "依頼より前の時刻です。「responded」と「resolved」を確認してください。");
    if (!work_begin(c))
        return false;
    bool ok = work_change_members(c, WORK_INVOCATION, &row);
    struct deed deed =
        work_deed(c, "execute", incident.id, "invocation", row.id, row.values[INVOCATION_RESULT]);
    return work_end(c, ok, &deed) && answer_invocation(c, &row);
}
