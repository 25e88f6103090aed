/* The help desk's side of reports of users: list, one with all that is known, the telephone form, ticks,
 * taking, linking, closing. Next: intake.h. */
#include "base/log.h"
#include "intake/intake.h"
#include "store/state_incidents.h"

#define READ_ROWS_MOST 2000

/* A report is for the eyes of whoever may see incidents of that department. */
static bool is_visible(struct casework *c, const struct work_row *report)
{
    struct incident of = {.department = report->values[USER_REPORT_DEPARTMENT]};
    return work_may_see(c->s, c->roles, c->actor, &of);
}

static bool get_report(struct casework *c, struct work_row *row)
{
    struct error err;
    if (!state_work_get(c->s->state, WORK_USER_REPORT, c->q->id, c->arena, row, &err))
        return work_fail(c, 404, &err);
    return is_visible(c, row) || work_refuse(c, 404, "There is no such report.", "その申告はありません。");
}

static void put_report(struct casework *c, const struct work_row *row, struct json_writer *w)
{
    int64_t limit_ns = c->s->intake_rules->first_answer_minutes * 60 * NS_PER_SECOND;
    int64_t taken_ns = work_number(row, USER_REPORT_TAKEN),
            due_ns = work_number(row, USER_REPORT_RECEIVED) + limit_ns;
    work_row_members(WORK_USER_REPORT, row, c->sees_persons, w);
    json_key(w, "answer_due");
    json_put_time(w, due_ns);
    json_key(w, "is_late"); /* S86: the first answer within ten minutes */
    json_put_bool(w, (taken_ns ? taken_ns : c->now_ns) > due_ns && work_number(row, USER_REPORT_CLOSED) == 0);
}

/* ------------------------------------------------------------------- list */

static bool put_reads(struct casework *c, struct json_writer *w)
{
    struct error err;
    struct work_rows reads;
    if (!state_work_list(c->s->state, WORK_READ, -1, STR_EMPTY, READ_ROWS_MOST, c->arena, &reads, &err))
        return work_fail(c, 500, &err);
    json_key(w, "read");
    json_begin_array(w);
    for (uint32_t i = 0; i < reads.count; i++) {
        struct work_row of = {0};
        of.values[USER_REPORT_DEPARTMENT] = reads.rows[i].values[READ_DEPARTMENT];
        if (!is_visible(c, &of))
            continue;
        json_begin_object(w);
        work_row_members(WORK_READ, &reads.rows[i], c->sees_persons, w);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

static void put_lists(const struct intake_rules *rules, struct json_writer *w)
{
    intake_put_list(&rules->symptoms, w, "symptoms");
    intake_put_list(&rules->steps, w, "steps");
    intake_put_list(&rules->deviations, w, "deviations");
    intake_put_list(&rules->script, w, "script");
}

bool work_get_intake(struct casework *c)
{
    struct error err;
    struct work_rows rows;
    struct json_writer w = {.out = c->out};
    bool wants_all = str_eq(work_value(c, "state"), STR("all"));
    bool is_of_one = work_given(c, "incident");
    struct str incident = work_text_of(work_value_number(c, "incident", 0), c->arena);
    if (!state_work_list(c->s->state, WORK_USER_REPORT, is_of_one ? USER_REPORT_INCIDENT : -1, incident,
                         WORK_ROWS_MOST, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    json_begin_object(&w);
    json_key(&w, "form_is_on");
    json_put_bool(&w, c->s->report_limit > 0);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = rows.count; i-- > 0;) {
        bool is_closed = str_eq(rows.rows[i].values[USER_REPORT_STATUS], STR("closed"));
        if ((is_closed && !wants_all) || !is_visible(c, &rows.rows[i]))
            continue;
        json_begin_object(&w);
        put_report(c, &rows.rows[i], &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    put_lists(c->s->intake_rules, &w);
    bool ok = put_reads(c, &w);
    json_end_object(&w);
    return ok;
}

/* -------------------------------------------------------------------- one */

static bool put_looks(struct casework *c, uint64_t report, struct json_writer *w)
{
    struct work_rows looks;
    if (!work_rows_of(c, WORK_LOOK, report, &looks))
        return false;
    json_key(w, "looks");
    json_begin_array(w);
    for (uint32_t i = 0; i < looks.count; i++) {
        struct work_row *look = &looks.rows[i];
        if (!c->sees_persons)
            look->values[LOOK_FOUND] = STR("[]"); /* raw events name people and what they did */
        json_begin_object(w);
        work_row_members(WORK_LOOK, look, c->sees_persons, w);
        json_end_object(w);
    }
    json_end_array(w);
    return true;
}

/* S86: from the report to the last packet of that computer. */
static void put_silence(struct casework *c, const struct work_row *row, struct json_writer *w)
{
    int64_t last_ns = intake_last_seen(c->s, row, c->arena);
    bool has_computer = row->values[USER_REPORT_HOST].n || row->values[USER_REPORT_IP].n;
    json_key(w, "last_seen");
    json_put_time(w, last_ns);
    json_key(w, "seconds_to_silence");
    if (!has_computer)
        json_put_null(w);
    else
        json_put_i64(w, last_ns == TIME_UNKNOWN
                            ? 0
                            : (last_ns - work_number(row, USER_REPORT_RECEIVED)) / NS_PER_SECOND);
}

static bool answer_report(struct casework *c, const struct work_row *row)
{
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    put_report(c, row, &w);
    put_silence(c, row, &w);
    bool ok = intake_put_ticks(c, row->id, &w) && put_looks(c, row->id, &w);
    json_end_object(&w);
    return ok;
}

bool work_get_intake_item(struct casework *c)
{
    struct work_row row;
    return get_report(c, &row) && answer_report(c, &row);
}

/* Somebody telephones: the help desk fills the form in and has taken it. */
bool work_post_intake(struct casework *c)
{
    struct work_row row;
    if (!intake_file(c, STR("phone"), STR_EMPTY, &row))
        return false;
    c->answer->status = 201;
    return answer_report(c, &row);
}

bool work_post_intake_tick(struct casework *c)
{
    struct work_row row;
    return get_report(c, &row) &&
           intake_tick(c, &row, work_value(c, "step"), work_value_number(c, "happened", c->now_ns)) &&
           answer_report(c, &row);
}

/* Ask the logs again: what had not arrived yet may be there now. */
bool work_post_intake_looks(struct casework *c)
{
    struct work_row row;
    if (!get_report(c, &row) || !work_begin(c))
        return false;
    bool ok = work_set_number(c, WORK_USER_REPORT, &row, USER_REPORT_LOOKED, 0) &&
              work_set_number(c, WORK_USER_REPORT, &row, USER_REPORT_TOLD, 0);
    struct deed deed = work_deed(c, "instruct", (uint64_t)work_number(&row, USER_REPORT_INCIDENT),
                                 "user_report", row.id, STR_EMPTY);
    if (!work_end(c, ok, &deed))
        return false;
    intake_poke(c->s->intake);
    c->answer->status = 202;
    return answer_report(c, &row);
}

/* ----------------------------------------------------------------- changes */

static bool take(struct casework *c, struct work_row *row)
{
    return work_number(row, USER_REPORT_TAKEN) != 0 ||
           (work_set(c, WORK_USER_REPORT, row, USER_REPORT_TAKEN_BY, c->actor) &&
            work_set_number(c, WORK_USER_REPORT, row, USER_REPORT_TAKEN, c->now_ns));
}

static bool close_report(struct casework *c, struct work_row *row)
{
    return work_set(c, WORK_USER_REPORT, row, USER_REPORT_REASON, work_value(c, "reason")) &&
           work_set(c, WORK_USER_REPORT, row, USER_REPORT_CLOSED_BY, c->actor) &&
           work_set_number(c, WORK_USER_REPORT, row, USER_REPORT_CLOSED, c->now_ns);
}

static bool apply(struct casework *c, struct work_row *row, struct str status)
{
    /* whoever takes a report that the machine has linked has taken it; it stays linked */
    if (str_eq(status, STR("taken")) && str_eq(row->values[USER_REPORT_STATUS], STR("linked")))
        status = STR("linked");
    bool closes = str_eq(status, STR("closed")), links = str_eq(status, STR("linked"));
    int64_t incident = work_value_number(c, "incident", work_number(row, USER_REPORT_INCIDENT));
    return (!links || work_set_number(c, WORK_USER_REPORT, row, USER_REPORT_INCIDENT, incident)) &&
           take(c, row) && (!closes || close_report(c, row)) &&
           (!work_given(c, "note") ||
            work_set(c, WORK_USER_REPORT, row, USER_REPORT_NOTE, work_value(c, "note"))) &&
           work_set(c, WORK_USER_REPORT, row, USER_REPORT_STATUS, status);
}

/* Asked under the state's lock: two people may close it at once, and the machine may link it. */
static bool is_still_open(struct casework *c, const struct work_row *row)
{
    return !str_eq(row->values[USER_REPORT_STATUS], STR("closed")) ||
           work_refuse(c, 409, "The report is closed; enter a new one if it happens again.",
                       "終了した申告です。再発した場合は新しく受け付けてください。");
}

/* new ─▶ taken ─▶ linked ─▶ closed; any of them may be closed, with a reason; a closed one stays closed. */
bool work_patch_intake(struct casework *c)
{
    struct work_row row;
    struct incident incident;
    struct str status = work_value(c, "status");
    if (!get_report(c, &row))
        return false;
    int64_t number = work_value_number(c, "incident", work_number(&row, USER_REPORT_INCIDENT));
    if (str_eq(status, STR("closed")) && !work_given(c, "reason"))
        return work_refuse(c, 400, "Closing needs a \"reason\".", "終了には「reason」が必要です。");
    if (str_eq(status, STR("linked")) && number == 0)
        return work_refuse(c, 400, "Linking needs the number of an \"incident\".",
                           "紐付けにはインシデント番号「incident」が必要です。");
    if (str_eq(status, STR("linked")) && !work_incident(c, (uint64_t)number, &incident))
        return false;
    if (!work_begin(c))
        return false;
    bool ok = get_report(c, &row) && is_still_open(c, &row) && apply(c, &row, status);
    bool closes = str_eq(status, STR("closed"));
    struct deed deed = work_deed(c, closes ? "close" : "execute", (uint64_t)number, "user_report", row.id,
                                 work_value(c, "note"));
    if (!work_end(c, ok, &deed))
        return false;
    intake_poke(c->s->intake);
    return answer_report(c, &row);
}
