/* What has happened since the last look: what the record says, and what only time brings. Next:
 * notifier_text.c. */
#include "base/log.h"
#include "base/memory.h"
#include "incident/incident.h"
#include "notifier/notifier_internal.h"
#include "proof/coverage.h"
#include "store/state_incidents.h"
#include "store/state_record.h"
#include "store/state_reports.h"
#include "store/state_sources.h"
#include "work/outside.h"

#define ENTRIES_AT_ONCE 50 /* in one transaction */
#define ROWS_MOST       10000
#define REPORTS_MOST    1000

static struct str key_of(struct notify_run *run, const char *what, uint64_t id, const char *how)
{
    return arena_printf(run->arena, "%s/%llu/%s", what, (unsigned long long)id, how);
}

/* ---------------------------------------------------------------- the record */

static bool rose(const struct record_change_row *c)
{
    int64_t before, now;
    return (str_eq(c->field, STR("urgency")) || str_eq(c->field, STR("importance")) ||
            str_eq(c->field, STR("confidence_level"))) &&
           str_to_i64(c->old_value, &before) && str_to_i64(c->new_value, &now) && now > before;
}

/* Exercises are nobody's alarm. */
static bool tell_incident(struct notify_run *run, uint64_t id, enum notice_kind kind,
                          const struct record_row *entry, struct error *err)
{
    struct incident incident;
    if (!state_incidents_load(run->s->state, id, run->arena, &incident, err))
        return false;
    if (incident.is_exercise || !incident_is_open(incident.state))
        return true;
    struct occurrence o = {.kind = kind,
                           .key = key_of(run, "incident", id,
                                         kind == NOTICE_INCIDENT_OPENED ? "opened" : "raised"),
                           .posture = -1,
                           .happened_ns = entry->recorded_ns};
    notify_say_incident(run, &incident, &o);
    return notify_tell(run, &o, err);
}

static bool tell_decision(struct notify_run *run, uint64_t id, enum notice_kind kind,
                          const struct record_row *entry, struct error *err)
{
    struct work_row approval;
    if (!state_work_get(run->s->state, WORK_APPROVAL, id, run->arena, &approval, err))
        return false;
    struct occurrence o = {.kind = kind,
                           .key =
                               key_of(run, "approval", id, kind == NOTICE_DECISION_LATE ? "late" : "waiting"),
                           .posture = -1,
                           .happened_ns = entry->recorded_ns};
    notify_say_decision(run, &approval, &o);
    return notify_tell(run, &o, err);
}

/* A server that starts records its level without the one before, so what was heard last is kept. */
static bool tell_posture(struct notify_run *run, struct str level, const struct record_row *entry,
                         struct error *err)
{
    struct str before = run->posture.n ? run->posture : posture_level_name(POSTURE_GREEN);
    struct occurrence o = {.kind = NOTICE_POSTURE_CHANGED,
                           .key = key_of(run, "posture", entry->seq, "changed"),
                           .once = true,
                           .happened_ns = entry->recorded_ns};
    run->posture = level;
    if (str_eq(before, level))
        return true;
    notify_say_posture(run, before, level, &o);
    return notify_tell(run, &o, err);
}

/* Each note for each person is told once. */
static bool tell_mention(struct notify_run *run, uint64_t id, const struct record_row *entry,
                         struct error *err)
{
    struct work_row mention;
    if (!state_work_get(run->s->state, WORK_MENTION, id, run->arena, &mention, err))
        return false;
    struct occurrence o = {.kind = NOTICE_MENTIONED,
                           .key = key_of(run, "mention", id, "written"),
                           .once = true,
                           .posture = -1,
                           .happened_ns = entry->recorded_ns};
    notify_say_mention(run, &mention, &o);
    return notify_tell(run, &o, err);
}

static bool tell_change(struct notify_run *run, const struct record_row *entry,
                        const struct record_change_row *c, struct error *err)
{
    struct occurrence o = {.posture = -1, .happened_ns = entry->recorded_ns, .once = true};
    if (str_eq(c->table, STR("posture")))
        return tell_posture(run, c->new_value, entry, err);
    if (str_eq(c->table, STR("report")) && str_eq(c->field, STR("sha256"))) {
        o.kind = NOTICE_REPORT_MADE;
        o.key = key_of(run, "report", c->id, "made");
        notify_say_report(run, c->id, &o);
        return o.item == 0 || notify_tell(run, &o, err);
    }
    if (str_eq(c->table, STR("work_mention")) && str_eq(c->field, STR("account")))
        return tell_mention(run, c->id, entry, err);
    if (!str_eq(c->table, STR("work_approval")))
        return true;
    bool waits = str_eq(c->field, STR("status")) &&
                 (str_eq(c->new_value, STR("proposed")) || str_eq(c->new_value, STR("checked")) ||
                  str_eq(c->new_value, STR("emergency")));
    if (waits)
        return tell_decision(run, c->id, NOTICE_DECISION_WAITING, entry, err);
    bool is_late = str_eq(c->field, STR("escalated")) || str_eq(c->field, STR("flagged"));
    return !is_late || tell_decision(run, c->id, NOTICE_DECISION_LATE, entry, err);
}

/* One entry: an incident is told once, as opened or as raised, however many of its fields moved. */
static bool look_at_entry(struct notify_run *run, const struct record_row *entry, struct error *err)
{
    struct record_change_row *changes;
    uint32_t count;
    uint64_t opened = 0, raised = 0;
    if (!state_record_changes(run->s->state, entry->seq, run->arena, &changes, &count, err))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct record_change_row *c = &changes[i];
        bool is_incident = str_eq(c->table, STR("incident"));
        if (is_incident && str_eq(c->field, STR("state")) &&
            (str_eq(c->new_value, STR("new")) || str_eq(c->new_value, STR("reopened"))))
            opened = c->id;
        else if (is_incident && rose(c))
            raised = c->id;
        else if (!is_incident && !tell_change(run, entry, c, err))
            return false;
    }
    if (opened)
        return tell_incident(run, opened, NOTICE_INCIDENT_OPENED, entry, err);
    return raised == 0 || tell_incident(run, raised, NOTICE_INCIDENT_RAISED, entry, err);
}

static bool look_at_entries(struct notify_run *run, struct work_row *feed, const struct record_row *entries,
                            uint32_t count, struct error *err)
{
    bool ok = true;
    if (!state_begin(run->s->state, err))
        return false;
    for (uint32_t i = 0; ok && i < count; i++)
        ok = look_at_entry(run, &entries[i], err);
    feed->values[FEED_ENTRY] = work_text_of((int64_t)entries[count - 1].seq, run->arena);
    feed->values[FEED_POSTURE] = run->posture;
    for (int column = 0; ok && column < FEED_COLUMNS; column++)
        ok = state_work_set(run->s->state, WORK_FEED, feed->id, column, feed->values[column], err);
    if (ok)
        return state_commit(run->s->state, err);
    state_rollback(run->s->state);
    return false;
}

bool notify_look_record(struct notify_run *run, struct work_row *feed, struct error *err)
{
    uint32_t count = ENTRIES_AT_ONCE;
    run->posture = feed->values[FEED_POSTURE];
    while (count == ENTRIES_AT_ONCE && !atomic_load(run->is_over)) {
        struct record_row *entries;
        struct record_filter f = {.after_seq = (uint64_t)work_number(feed, FEED_ENTRY),
                                  .from_ns = INT64_MIN,
                                  .to_ns = INT64_MAX,
                                  .limit = ENTRIES_AT_ONCE};
        if (!state_record_list(run->s->state, &f, run->arena, &entries, &count, err))
            return false;
        if (count && !look_at_entries(run, feed, entries, count, err))
            return false;
    }
    return true;
}

/* ---------------------------------------------------------------- the clocks */

static bool is_listened(const struct notify_run *run, enum notice_kind kind)
{
    for (uint32_t i = 0; i < run->set->rules.count; i++)
        if (run->set->rules.rules[i].on == kind)
            return true;
    return false;
}

static bool look_at_tasks(struct notify_run *run, struct str status, int64_t since_ns, struct error *err)
{
    struct work_rows tasks;
    if (!state_work_list(run->s->state, WORK_TASK, TASK_STATUS, status, ROWS_MOST, run->arena, &tasks, err))
        return false;
    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct work_row *task = &tasks.rows[i];
        int64_t due_ns = work_number(task, TASK_DUE);
        struct incident incident = {0};
        if (due_ns == 0 || due_ns > run->now_ns || due_ns < since_ns)
            continue;
        if (!state_incidents_judged(run->s->state, (uint64_t)work_number(task, TASK_INCIDENT), run->arena,
                                    &incident, err))
            return false;
        struct occurrence o = {.kind = NOTICE_TASK_OVERDUE,
                               .key = key_of(run, "task", task->id, work_text_of(due_ns, run->arena).p),
                               .once = true,
                               .urgency = incident.urgency,
                               .importance = incident.importance,
                               .posture = -1,
                               .happened_ns = due_ns};
        notify_say_task(run, task, &o);
        if (!notify_tell(run, &o, err))
            return false;
    }
    return true;
}

static bool tell_deadline(struct notify_run *run, const struct incident *incident, const struct deadline *d,
                          bool is_missed, struct error *err)
{
    char due[TIME_TEXT_MAX];
    unsigned long long id = incident->id;
    time_format_local(d->due_ns, run->s->zone, due);
    struct occurrence o = {.kind = is_missed ? NOTICE_DEADLINE_MISSED : NOTICE_DEADLINE_NEAR,
                           .key = arena_printf(run->arena, "incident/%llu/%s/%.*s", id,
                                               is_missed ? "missed" : "near", STR_ARGS(d->rule->id)),
                           .once = true,
                           .incident = incident->id,
                           .urgency = incident->urgency,
                           .importance = incident->importance,
                           .confidence = incident->confidence_level,
                           .posture = -1,
                           .name = d->rule->id,
                           .happened_ns = is_missed ? d->due_ns : d->warn_ns};
    o.title_en =
        arena_printf(run->arena, "%s (incident %llu): %.*s", is_missed ? "Deadline missed" : "Deadline near",
                     id, STR_ARGS(d->rule->title_en));
    o.title_ja = arena_printf(run->arena, "%s(インシデント %llu): %.*s",
                              is_missed ? "報告期限超過" : "報告期限間近", id, STR_ARGS(d->rule->title_ja));
    o.text_en = arena_printf(run->arena, "To %.*s, due %s.\n", STR_ARGS(d->rule->to_en), due);
    o.text_ja = arena_printf(run->arena, "提出先 %.*s、期限 %s\n", STR_ARGS(d->rule->to_ja), due);
    return notify_tell(run, &o, err);
}

/* Drafts without missing items that nobody has approved. */
static bool look_at_drafts(struct notify_run *run, const struct outside_case *c, int64_t since_ns,
                           struct error *err)
{
    for (uint32_t i = 0; i < c->entry_count; i++) {
        const struct outside_entry *e = &c->entries[i];
        bool is_approved = false;
        struct str number = arena_printf(run->arena, "%llu", (unsigned long long)e->id);
        for (uint32_t k = 0; k < c->entry_count; k++)
            is_approved |= c->entries[k].kind == OUTSIDE_APPROVED && str_eq(c->entries[k].name, number);
        if (e->kind != OUTSIDE_DRAFT || e->missing.n || is_approved || e->noted_ns < since_ns)
            continue;
        const struct form *form = forms_find(&run->s->outside->forms, e->name);
        struct occurrence o = {
            .kind = NOTICE_OUTSIDE_READY,
            .key = key_of(run, "draft", e->id, "ready"),
            .once = true,
            .incident = e->incident,
            .item = e->id,
            .urgency = c->incident.urgency,
            .importance = c->incident.importance,
            .confidence = c->incident.confidence_level,
            .posture = -1,
            .name = e->name,
            .happened_ns = e->noted_ns,
            .text_en = STR("A draft is complete and waits for approval. hyakuyo sends it nowhere itself.\n"),
            .text_ja = STR("下書きが揃い、承認待ちです。hyakuyo が提出することはありません。\n")};
        o.title_en =
            arena_printf(run->arena, "Report to the outside waits for approval (incident %llu): %.*s",
                         (unsigned long long)e->incident, STR_ARGS(form ? form->title_en : e->name));
        o.title_ja = arena_printf(run->arena, "対外報告の承認待ち(インシデント %llu): %.*s",
                                  (unsigned long long)e->incident, STR_ARGS(form ? form->title_ja : e->name));
        if (!notify_tell(run, &o, err))
            return false;
    }
    return true;
}

static bool look_at_case(struct notify_run *run, uint64_t id, int64_t since_ns, struct error *err)
{
    struct outside_case c;
    if (!outside_case_load(run->s->state, id, run->arena, &c, err))
        return false;
    if (c.incident.is_exercise)
        return true;
    /* a fact that was told since may show that a clock has run out long ago */
    bool is_news = c.entry_count && c.entries[c.entry_count - 1].noted_ns >= since_ns;
    const struct deadline *all =
        outside_deadlines(run->s->outside, &c, run->s->zone, run->now_ns, run->arena);
    for (size_t i = 0; i < run->s->outside->deadlines.count; i++) {
        const struct deadline *d = &all[i];
        bool is_missed = d->state == DEADLINE_OVERDUE;
        if (!is_news && (is_missed ? d->due_ns : d->warn_ns) < since_ns)
            continue;
        if ((is_missed || d->state == DEADLINE_SOON) && !tell_deadline(run, &c.incident, d, is_missed, err))
            return false;
    }
    return look_at_drafts(run, &c, since_ns, err);
}

static bool look_at_cases(struct notify_run *run, int64_t since_ns, struct error *err)
{
    struct incident_page page = {.selection = SELECT_OPEN_INCIDENTS, .limit = 1000};
    if (!state_incidents_list(run->s->state, run->arena, &page, err))
        return false;
    for (uint32_t i = 0; i < page.count && !atomic_load(run->is_over); i++)
        if (!look_at_case(run, page.incidents[i].id, since_ns, err))
            return false;
    return true;
}

/* S24: a reminder of reports that nobody has signed in time. */
static bool look_at_reports(struct notify_run *run, int64_t since_ns, struct error *err)
{
    struct report_row *reports;
    uint32_t count;
    if (!state_reports_list(run->s->state, REPORTS_MOST, run->arena, &reports, &count, err))
        return false;
    for (uint32_t i = 0; i < count; i++) {
        const struct report_row *r = &reports[i];
        if (r->signed_by.n || r->due_ns > run->now_ns || r->due_ns < since_ns)
            continue;
        struct occurrence o = {.kind = NOTICE_REPORT_UNSIGNED,
                               .key = key_of(run, "report", r->id, "unsigned"),
                               .once = true,
                               .posture = -1,
                               .happened_ns = r->due_ns};
        notify_say_report(run, r->id, &o);
        if (!notify_tell(run, &o, err))
            return false;
    }
    return true;
}

static bool tell_silence(struct notify_run *run, const struct source_health *h, struct str name,
                         struct error *err)
{
    char last[TIME_TEXT_MAX];
    time_format_local(h->last_ns / NS_PER_SECOND * NS_PER_SECOND, run->s->zone, last);
    struct occurrence o = {.kind = NOTICE_SOURCE_SILENT,
                           .key = key_of(run, "source", h->source, work_text_of(h->last_ns, run->arena).p),
                           .once = true,
                           .item = h->source,
                           .posture = -1,
                           .name = name,
                           .happened_ns = h->last_ns + h->silent_after_ns};
    o.title_en = arena_printf(run->arena, "Source is silent: %.*s", STR_ARGS(name));
    o.title_ja = arena_printf(run->arena, "収集元の途絶: %.*s", STR_ARGS(name));
    o.text_en = arena_printf(run->arena, "The last record came %s.\n", last);
    o.text_ja = arena_printf(run->arena, "最後の記録 %s\n", last);
    return notify_tell(run, &o, err);
}

static bool look_at_sources(struct notify_run *run, int64_t since_ns, struct error *err)
{
    struct watch_view view;
    struct coverage coverage = {0};
    struct source_entry *sources;
    uint32_t count;
    watch_look(run->s->watch, run->arena, &view);
    coverage_sources(&view, run->now_ns, run->arena, &coverage);
    if (!state_sources_load(run->s->state, run->arena, &sources, &count, err))
        return false;
    for (uint32_t i = 0; i < coverage.source_count; i++) {
        const struct source_health *h = &coverage.sources[i];
        struct str name = work_text_of(h->source, run->arena);
        if (!h->is_silent || h->last_ns + h->silent_after_ns < since_ns)
            continue;
        for (uint32_t k = 0; k < count; k++)
            if (sources[k].source.number == h->source)
                name = sources[k].source.name;
        if (!tell_silence(run, h, name, err))
            return false;
    }
    return true;
}

bool notify_look_clocks(struct notify_run *run, int64_t since_ns, struct error *err)
{
    if (is_listened(run, NOTICE_TASK_OVERDUE) &&
        (!look_at_tasks(run, STR("open"), since_ns, err) || !look_at_tasks(run, STR("doing"), since_ns, err)))
        return false;
    bool has_cases = is_listened(run, NOTICE_DEADLINE_NEAR) || is_listened(run, NOTICE_DEADLINE_MISSED) ||
                     is_listened(run, NOTICE_OUTSIDE_READY);
    return (!has_cases || look_at_cases(run, since_ns, err)) &&
           (!is_listened(run, NOTICE_REPORT_UNSIGNED) || look_at_reports(run, since_ns, err)) &&
           (!is_listened(run, NOTICE_SOURCE_SILENT) || look_at_sources(run, since_ns, err));
}
