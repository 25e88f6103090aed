/* The ladder of a notice that nobody has acknowledged: whether it still stands, and who is told next. Next:
 * notifier_send.c. */
#include "base/memory.h"
#include "incident/incident.h"
#include "notifier/notifier_internal.h"
#include "store/state_incidents.h"
#include "work/outside.h"

#define OPEN_MOST 10000

/* ------------------------------------------------------------- does it stand */

static bool is_one_of(struct str s, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (str_eq(s, str_c(words[i])))
            return true;
    return false;
}

static bool deadline_stands(struct notify_run *run, const struct work_row *notice)
{
    struct error ignored;
    struct outside_case c;
    struct str key = notice->values[NOTICE_KEY];
    size_t slash = str_find_last_char(key, '/');
    struct str rule = slash == STR_NOT_FOUND ? STR_EMPTY : str_skip(key, slash + 1);
    if (!outside_case_load(run->s->state, (uint64_t)work_number(notice, NOTICE_INCIDENT), run->arena, &c,
                           &ignored))
        return true;
    const struct deadline *all =
        outside_deadlines(run->s->outside, &c, run->s->zone, run->now_ns, run->arena);
    for (size_t i = 0; i < run->s->outside->deadlines.count; i++)
        if (str_eq(all[i].rule->id, rule))
            return all[i].state == DEADLINE_SOON || all[i].state == DEADLINE_OVERDUE;
    return false;
}

static bool still_stands(struct notify_run *run, const struct work_row *notice)
{
    static const char *const undecided[] = {"proposed", "checked", "emergency"}, *const undone[] = {"open",
                                                                                                    "doing"};
    struct error ignored;
    struct work_row row;
    struct incident incident;
    enum notice_kind kind;
    uint64_t id = (uint64_t)work_number(notice, NOTICE_INCIDENT),
             item = (uint64_t)work_number(notice, NOTICE_ITEM);
    if (!notice_kind_parse(notice->values[NOTICE_KIND], &kind))
        return false;
    switch (kind) {
    case NOTICE_INCIDENT_OPENED:
        return !state_incidents_judged(run->s->state, id, run->arena, &incident, &ignored) ||
               incident.state == INCIDENT_NEW || incident.state == INCIDENT_REOPENED;
    case NOTICE_INCIDENT_RAISED:
        return !state_incidents_judged(run->s->state, id, run->arena, &incident, &ignored) ||
               incident_is_open(incident.state);
    case NOTICE_DECISION_WAITING:
    case NOTICE_DECISION_LATE:
        return !state_work_get(run->s->state, WORK_APPROVAL, item, run->arena, &row, &ignored) ||
               is_one_of(row.values[APPROVAL_STATUS], undecided, COUNT_OF(undecided));
    case NOTICE_TASK_OVERDUE:
        return !state_work_get(run->s->state, WORK_TASK, item, run->arena, &row, &ignored) ||
               is_one_of(row.values[TASK_STATUS], undone, COUNT_OF(undone));
    case NOTICE_MENTIONED:
        return !state_work_get(run->s->state, WORK_MENTION, item, run->arena, &row, &ignored) ||
               work_number(&row, MENTION_READ) == 0;
    case NOTICE_DEADLINE_NEAR:
    case NOTICE_DEADLINE_MISSED:
        return deadline_stands(run, notice);
    default:
        return true;
    }
}

/* ---------------------------------------------------------------- the ladder */

static const struct notify_rule *find_rule(const struct notify_rules *rules, struct str id)
{
    for (uint32_t i = 0; i < rules->count; i++)
        if (str_eq(rules->rules[i].id, id))
            return &rules->rules[i];
    return NULL;
}

static bool climb(struct notify_run *run, struct work_row *notice, const struct notify_rule *rule,
                  uint32_t step, struct error *err)
{
    struct notify_when when = {run->set->calendar, run->s->zone, run->now_ns};
    int64_t due_ns = notify_due(&run->set->rules, rule, &when);
    int64_t next_ns = step + 1 < rule->step_count ? due_ns + rule->steps[step + 1].after_ns : 0;
    struct notify_post post = {.run = run, .notice = notice, .rule = rule, .step = step, .due_ns = due_ns};
    if (!recorder_begin(run->s->recorder, err))
        return false;
    bool ok = notify_mark(run, WORK_NOTICE, notice, NOTICE_STEP, work_text_of(step, run->arena), err) &&
              state_work_set(run->s->state, WORK_NOTICE, notice->id, NOTICE_ESCALATES,
                             work_text_of(next_ns, run->arena), err) &&
              notify_post(&post, err);
    struct deed deed = notify_deed(run, "report", STR("hyakuyo"), "notice", notice->id,
                                   (uint64_t)work_number(notice, NOTICE_INCIDENT));
    deed.evidence = STR("not acknowledged in time");
    return notify_end(run, ok, &deed, err);
}

/* What it said is no longer so, or somebody works on it. */
static bool settle(struct notify_run *run, struct work_row *notice, struct error *err)
{
    struct deed deed = notify_deed(run, "close", STR("hyakuyo"), "notice", notice->id,
                                   (uint64_t)work_number(notice, NOTICE_INCIDENT));
    if (!recorder_begin(run->s->recorder, err))
        return false;
    return notify_end(run, notify_mark(run, WORK_NOTICE, notice, NOTICE_STATUS, STR("settled"), err), &deed,
                      err);
}

bool notify_escalate(struct notify_run *run, struct error *err)
{
    struct work_rows open;
    if (!state_work_list(run->s->state, WORK_NOTICE, NOTICE_STATUS, STR("open"), OPEN_MOST, run->arena, &open,
                         err))
        return false;
    for (uint32_t i = 0; i < open.count; i++) {
        struct work_row *notice = &open.rows[i];
        const struct notify_rule *rule = find_rule(&run->set->rules, notice->values[NOTICE_RULE]);
        int64_t escalates_ns = work_number(notice, NOTICE_ESCALATES);
        uint32_t step = (uint32_t)work_number(notice, NOTICE_STEP) + 1;
        if (escalates_ns == 0 || escalates_ns > run->now_ns)
            continue;
        bool stands = rule != NULL && step < rule->step_count && still_stands(run, notice);
        if (stands ? !climb(run, notice, rule, step, err) : !settle(run, notice, err))
            return false;
    }
    return true;
}
