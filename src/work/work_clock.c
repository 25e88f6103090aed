/* What happens to decisions and work by the passing of time, and the matrix of authority as people see it.
 * Next: work_state.c. */
#include "work/work.h"

#include "base/log.h"
#include "work/carrier.h"

#define LOOK_SECONDS 10 /* what ends is looked for so often */

/* ----------------------------------------------------------------- clocks */

static bool note_clock(struct casework *c, struct work_row *a, int column, const char *text)
{
    if (!work_begin(c))
        return false;
    bool ok = work_set_number(c, WORK_APPROVAL, a, column, c->now_ns);
    struct deed deed =
        work_deed(c, "report", (uint64_t)work_number(a, APPROVAL_INCIDENT), "approval", a->id, str_c(text));
    return work_end(c, ok, &deed);
}

static bool tick_approvals(struct casework *c, struct str status)
{
    struct error err;
    struct work_rows rows;
    if (!state_work_list(c->s->state, WORK_APPROVAL, APPROVAL_STATUS, status, WORK_ROWS_MOST, c->arena, &rows,
                         &err))
        return work_fail(c, 500, &err);
    for (uint32_t i = 0; i < rows.count; i++) {
        struct work_row *a = &rows.rows[i];
        bool is_emergency = work_flag(a, APPROVAL_IS_EMERGENCY);
        int64_t limit_ns = work_number(a, is_emergency ? APPROVAL_APPROVE_BEFORE : APPROVAL_DEADLINE);
        int column = is_emergency ? APPROVAL_FLAGGED : APPROVAL_ESCALATED;
        if (limit_ns >= c->now_ns || work_number(a, column) != 0)
            continue;
        if (!note_clock(c, a, column,
                        is_emergency
                            ? "an emergency override was not approved in time: flagged for the auditor / "
                              "緊急措置が期限内に承認されなかったため監査対象とした"
                            : "the decision clock has run out: escalated to the deputies / "
                              "判断期限を過ぎたため代理へエスカレーションした"))
            return false;
    }
    return true;
}

static bool expire_row(struct casework *c, enum work_table table, struct work_row *row, int status,
                       struct str to, int when, const char *kind, const char *text)
{
    if (!work_begin(c))
        return false;
    bool ok =
        work_set(c, table, row, status, to) && (when < 0 || work_set_number(c, table, row, when, c->now_ns));
    if (table == WORK_COUNTERMEASURE)
        ok = ok && carrier_take_back(c, row);
    struct deed deed = work_deed(c, "close", (uint64_t)work_number(row, 0), kind, row->id, str_c(text));
    if (!work_end(c, ok, &deed))
        return false;
    if (table == WORK_COUNTERMEASURE)
        work_tell_isolated(c->s);
    return true;
}

/* Tasks that watch end by themselves; blocks that are over have to be taken out. */
static bool tick_rows(struct casework *c, enum work_table table, int status, struct str from, int limit,
                      struct str to, int when, const char *kind, const char *text)
{
    struct error err;
    struct work_rows rows;
    if (!state_work_list(c->s->state, table, status, from, WORK_ROWS_MOST, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    for (uint32_t i = 0; i < rows.count; i++) {
        int64_t limit_ns = work_number(&rows.rows[i], limit);
        if (limit_ns != 0 && limit_ns < c->now_ns &&
            !expire_row(c, table, &rows.rows[i], status, to, when, kind, text))
            return false;
    }
    return true;
}

static bool tick_all(struct casework *c)
{
    return tick_approvals(c, STR("proposed")) && tick_approvals(c, STR("checked")) &&
           tick_approvals(c, STR("emergency")) &&
           (c->now_ns / NS_PER_SECOND % LOOK_SECONDS > 1 ||
            (tick_rows(c, WORK_TASK, TASK_STATUS, STR("open"), TASK_WATCH_UNTIL, STR("done"), TASK_ENDED,
                       "task", "the watch is over / 監視期間が終了した") &&
             tick_rows(c, WORK_COUNTERMEASURE, COUNTERMEASURE_STATUS, STR("active"), COUNTERMEASURE_EXPIRES,
                       STR("expired"), -1, "countermeasure",
                       "it has expired and has to be removed / 期限切れ、解除が必要") &&
             tick_rows(c, WORK_COUNTERMEASURE, COUNTERMEASURE_STATUS, STR("verified"), COUNTERMEASURE_EXPIRES,
                       STR("expired"), -1, "countermeasure",
                       "it has expired and has to be removed / 期限切れ、解除が必要")));
}

void work_tick(struct server *s)
{
    struct arena arena;
    struct console_failure failure = {0};
    arena_init(&arena, 4 << 10);
    struct casework c = work_machine(s, &arena, &failure);
    if (!tick_all(&c))
        log_warning(tr("clocks of decisions could not be looked at: %s",
                       "判断期限を確認できませんでした: %s"),
                    failure.en.text);
    arena_free(&arena);
}

/* ----------------------------------------------------------------- matrix */

static void put_matrix_row(const struct authority_row *row, struct json_writer *w)
{
    json_begin_object(w);
    json_key(w, "action");
    json_put_str(w, row->action);
    json_key(w, "scope");
    json_put_str(w, row->scope);
    json_both(w, "title", row->title_en, row->title_ja);
    json_key(w, "urgency_least");
    json_put_i64(w, row->urgency_least);
    work_put_names(w, "approvers", row->approvers, row->approver_count);
    work_put_names(w, "notice", row->notices, row->notice_count);
    json_key(w, "subject");
    json_put_str(w, row->subject);
    json_key(w, "check");
    json_put_bool(w, row->needs_check);
    json_key(w, "preauthorised_from_confidence");
    json_put_i64(w, row->confidence_least);
    json_key(w, "hours");
    json_put_i64(w, row->hours);
    json_end_object(w);
}

bool work_get_authority(struct casework *c)
{
    uint32_t count;
    const struct authority_role *roles = authority_roles(c->s->authority, &count);
    struct json_writer w = {.out = c->out};
    json_begin_object(&w);
    json_key(&w, "version");
    json_put_str(&w, authority_version(c->s->authority));
    json_key(&w, "decision_minutes");
    json_put_i64(&w, authority_decision_minutes(c->s->authority));
    json_key(&w, "roles");
    json_begin_array(&w);
    for (uint32_t i = 0; i < count; i++) {
        json_begin_object(&w);
        json_key(&w, "role");
        json_put_str(&w, roles[i].id);
        json_both(&w, "title", roles[i].title_en, roles[i].title_ja);
        json_end_object(&w);
    }
    json_end_array(&w);
    const struct authority_row *rows = authority_rows(c->s->authority, &count);
    json_key(&w, "rows");
    json_begin_array(&w);
    for (uint32_t i = 0; i < count; i++)
        put_matrix_row(&rows[i], &w);
    json_end_array(&w);
    json_end_object(&w);
    return true;
}
