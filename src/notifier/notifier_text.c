/* What occurrences say, in both languages. Names of hosts are kept apart: only rules with details send them.
 * Next: notifier_queue.c. */
#include "incident/authority.h"
#include "judge/hypothesis.h"
#include "notifier/notifier_internal.h"
#include "report/report.h"
#include "reporting/reporter.h"
#include "store/state_incidents.h"
#include "store/state_reports.h"

static const char *const LEVELS_EN[] = {"unknown", "low", "medium", "high", "highest"};
static const char *const LEVELS_JA[] = {"不明", "低", "中", "高", "最高"};

static int level(int number)
{
    return number >= 1 && number <= 4 ? number : 0;
}

static struct str japanese(const struct incident *i)
{
    return i->title_ja.n ? i->title_ja : i->title_en;
}

/* The kind's name; what nobody could classify says so. */
static void name_kind(const struct signatures *signatures, struct str type, struct str *en, struct str *ja)
{
    *en = STR("not classified");
    *ja = STR("未分類");
    for (uint32_t i = 0; signatures != NULL && i < signatures->kind_count; i++)
        if (str_eq(signatures->kinds[i].id, type)) {
            *en = signatures->kinds[i].title_en;
            *ja = signatures->kinds[i].title_ja;
        }
}

void notify_say_incident(struct notify_run *run, const struct incident *i, struct occurrence *o)
{
    int u = level(i->urgency), m = level(i->importance), c = level(i->confidence_level);
    bool is_raised = o->kind == NOTICE_INCIDENT_RAISED;
    unsigned long long id = i->id;
    struct str kind_en, kind_ja;
    name_kind(run->s->signatures, i->type, &kind_en, &kind_ja);
    o->incident = i->id;
    o->urgency = u;
    o->importance = m;
    o->confidence = c;
    o->hosts = i->outside.n == 0 ? i->hosts
                                 : arena_printf(run->arena, "%.*s%s%.*s (outside / 外部)", STR_ARGS(i->hosts),
                                                i->hosts.n ? ";" : "", STR_ARGS(i->outside));
    o->title_en = arena_printf(run->arena, "Incident %llu%s: %.*s", id, is_raised ? " raised" : "",
                               STR_ARGS(i->title_en));
    o->title_ja = arena_printf(run->arena, "インシデント %llu%s: %.*s", id, is_raised ? " 段階上昇" : "",
                               STR_ARGS(japanese(i)));
    o->text_en =
        arena_printf(run->arena, "Urgency %s, importance %s, confidence %s.\nType: %.*s\nDepartment: %.*s\n",
                     LEVELS_EN[u], LEVELS_EN[m], LEVELS_EN[c], STR_ARGS(kind_en),
                     STR_ARGS(i->department.n ? i->department : STR("unknown")));
    o->text_ja = arena_printf(run->arena, "緊急度 %s、重要度 %s、確信度 %s\n種別: %.*s\n部署: %.*s\n",
                              LEVELS_JA[u], LEVELS_JA[m], LEVELS_JA[c], STR_ARGS(kind_ja),
                              STR_ARGS(i->department.n ? i->department : STR("不明")));
}

void notify_say_decision(struct notify_run *run, const struct work_row *a, struct occurrence *o)
{
    const struct authority_row *row =
        authority_find(run->s->authority, a->values[APPROVAL_ACTION], a->values[APPROVAL_SCOPE],
                       (int)work_number(a, APPROVAL_URGENCY));
    struct str what_en = row ? row->title_en : a->values[APPROVAL_ACTION];
    struct str what_ja = row ? row->title_ja : a->values[APPROVAL_ACTION];
    bool is_late = o->kind == NOTICE_DECISION_LATE;
    char until[TIME_TEXT_MAX];
    int64_t limit_ns =
        work_number(a, work_flag(a, APPROVAL_IS_EMERGENCY) ? APPROVAL_APPROVE_BEFORE : APPROVAL_DEADLINE);
    time_format_local(limit_ns / NS_PER_SECOND * NS_PER_SECOND, run->s->zone, until);
    o->incident = (uint64_t)work_number(a, APPROVAL_INCIDENT);
    o->item = a->id;
    o->urgency = level((int)work_number(a, APPROVAL_URGENCY));
    o->title_en =
        arena_printf(run->arena, "%s (incident %llu): %.*s", is_late ? "Decision is late" : "Decision wanted",
                     (unsigned long long)o->incident, STR_ARGS(what_en));
    o->title_ja =
        arena_printf(run->arena, "%s(インシデント %llu): %.*s", is_late ? "判断期限超過" : "判断依頼",
                     (unsigned long long)o->incident, STR_ARGS(what_ja));
    o->text_en = arena_printf(run->arena, "Asked by %.*s, to be decided until %s.\n%s",
                              STR_ARGS(a->values[APPROVAL_PROPOSED_BY]), until,
                              is_late ? "The time is over; deputies may sign.\n" : "");
    o->text_ja =
        arena_printf(run->arena, "依頼者 %.*s、判断期限 %s\n%s", STR_ARGS(a->values[APPROVAL_PROPOSED_BY]),
                     until, is_late ? "期限を過ぎました。代理も署名できます。\n" : "");
}

void notify_say_task(struct notify_run *run, const struct work_row *task, struct occurrence *o)
{
    char due[TIME_TEXT_MAX];
    struct str ja = task->values[TASK_TITLE_JA];
    time_format_local(work_number(task, TASK_DUE) / NS_PER_SECOND * NS_PER_SECOND, run->s->zone, due);
    o->incident = (uint64_t)work_number(task, TASK_INCIDENT);
    o->item = task->id;
    o->title_en = arena_printf(run->arena, "Task overdue (incident %llu): %.*s",
                               (unsigned long long)o->incident, STR_ARGS(task->values[TASK_TITLE_EN]));
    o->title_ja =
        arena_printf(run->arena, "作業の期限超過(インシデント %llu): %.*s", (unsigned long long)o->incident,
                     STR_ARGS(ja.n ? ja : task->values[TASK_TITLE_EN]));
    o->text_en = arena_printf(run->arena, "It was due %s.\n", due);
    o->text_ja = arena_printf(run->arena, "期限 %s\n", due);
}

/* What was written stays here: it may say anything. */
void notify_say_mention(struct notify_run *run, const struct work_row *mention, struct occurrence *o)
{
    struct incident incident = {0};
    struct error ignored;
    struct str who = mention->values[MENTION_WHO];
    unsigned long long id = o->incident = (uint64_t)work_number(mention, MENTION_INCIDENT);
    o->item = mention->id;
    if (id && state_incidents_judged(run->s->state, id, run->arena, &incident, &ignored)) {
        o->urgency = level(incident.urgency);
        o->importance = level(incident.importance);
        o->confidence = level(incident.confidence_level);
    }
    o->title_en = id ? arena_printf(run->arena, "Note for you (incident %llu)", id)
                     : STR("Note for you (hand-over of the shift)");
    o->title_ja = id ? arena_printf(run->arena, "あなた宛てのメモ(インシデント %llu)", id)
                     : STR("あなた宛てのメモ(シフトの引き継ぎ)");
    o->text_en =
        arena_printf(run->arena, "%.*s has written it. It stands on your work list until you have read it.\n",
                     STR_ARGS(who));
    o->text_ja = arena_printf(run->arena, "%.*s さんが書きました。読むまで作業リストに表示されます。\n",
                              STR_ARGS(who));
}

static const char *posture_ja(struct str level_name)
{
    static const char *const words[] = {"緑", "黄", "橙", "赤"};
    enum posture_level l;
    return posture_level_parse(level_name, &l) ? words[l] : "不明";
}

void notify_say_posture(struct notify_run *run, struct str before, struct str now, struct occurrence *o)
{
    enum posture_level l = POSTURE_GREEN;
    posture_level_parse(now, &l);
    o->posture = (int)l;
    o->name = now;
    o->title_en = arena_printf(run->arena, "Posture is %.*s (was %.*s)", STR_ARGS(now), STR_ARGS(before));
    o->title_ja = arena_printf(run->arena, "警戒態勢: %s(変更前 %s)", posture_ja(now), posture_ja(before));
    o->text_en = STR("The console tells why, and which duties follow.\n");
    o->text_ja = STR("理由と、行うべきことはコンソールにあります。\n");
}

void notify_say_report(struct notify_run *run, uint64_t id, struct occurrence *o)
{
    struct error err;
    struct report_row row;
    bool found;
    if (!state_reports_get(run->s->state, id, run->arena, &row, &found, &err) || !found)
        return;
    struct report *form = report_form_load(reporter_forms(run->s->reporter), row.name, &err);
    o->item = id;
    o->incident = row.incident;
    o->name = row.name;
    struct str en = form ? form->title.en : row.name, ja = form ? form->title.ja : row.name;
    bool is_late = o->kind == NOTICE_REPORT_UNSIGNED, waits = row.due_ns != INT64_MAX;
    unsigned long long number = id;
    o->title_en = arena_printf(run->arena, "%s: %.*s (%llu)", is_late ? "Report is not signed" : "Report",
                               STR_ARGS(en), number);
    o->title_ja = arena_printf(run->arena, "%s: %.*s(%llu)", is_late ? "報告書が未署名" : "報告書",
                               STR_ARGS(ja), number);
    o->text_en = arena_printf(run->arena, "%sSHA-256 %.*s\n", waits ? "It waits for a signature.\n" : "",
                              STR_ARGS(row.sha256));
    o->text_ja =
        arena_printf(run->arena, "%sSHA-256 %.*s\n", waits ? "署名待ちです。\n" : "", STR_ARGS(row.sha256));
    report_free(form);
}
