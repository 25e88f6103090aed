/* An incident as a case of the library, from its first event to what was learnt, failures included. What a
 * fixed vocabulary says stays as it is; all else goes through the redactor. Next: work_library.c. */
#include <math.h>

#include "base/log.h"
#include "incident/incident.h"
#include "work/library.h"

struct writing {
    const struct library_source *s;
    struct redactor *r;
    struct json_writer *w;
};

/* ------------------------------------------------------------------ values */

static void put_word(struct writing *o, const char *key, struct str word)
{
    json_key(o->w, key);
    json_put_str(o->w, word);
}

static void put_text(struct writing *o, const char *key, struct str text)
{
    put_word(o, key, redact_text(o->r, text));
}

static void put_value(struct writing *o, const char *key, enum redact_kind kind, struct str value)
{
    put_word(o, key, redact_value(o->r, kind, value));
}

/* The machine is nobody. */
static void put_who(struct writing *o, struct str who)
{
    if (str_eq(who, STR("hyakuyo")))
        put_word(o, "who", who);
    else
        put_value(o, "who", REDACT_USER, who);
}

static void put_both(struct writing *o, const char *key, struct str en, struct str ja)
{
    json_key(o->w, key);
    json_begin_object(o->w);
    put_text(o, "en", en);
    put_text(o, "ja", ja.n ? ja : en);
    json_end_object(o->w);
}

static void put_number(struct writing *o, const char *key, int64_t number)
{
    json_key(o->w, key);
    json_put_i64(o->w, number);
}

static void put_minute(struct writing *o, const char *key, int64_t time_ns)
{
    json_key(o->w, key);
    if (time_ns == 0 || time_ns == TIME_UNKNOWN)
        json_put_null(o->w);
    else
        json_put_i64(o->w, (time_ns - o->s->incident.first_ns) / (60 * NS_PER_SECOND));
}

static void begin_list(struct writing *o, const char *key)
{
    json_key(o->w, key);
    json_begin_array(o->w);
}

/* ---------------------------------------------------------------- what was seen */

static void put_finding(struct writing *o, const struct incident_finding *f)
{
    struct str rest = f->peers.n ? f->peers : f->peer, peer;
    json_begin_object(o->w);
    put_minute(o, "minute", f->first_ns);
    put_text(o, "rule_id", f->rule_id);
    put_both(o, "title", f->title_en, f->title_ja);
    put_word(o, "level", level_name(f->level));
    put_word(o, "evidence_group", f->evidence_group);
    put_word(o, "stage", f->stage);
    put_text(o, "product", f->product);
    put_number(o, "count", (int64_t)f->count);
    if (!f->is_outside)
        put_value(o, "host", REDACT_HOST, f->host_name.n ? f->host_name : f->host_ip);
    put_value(o, "user", REDACT_USER, f->user);
    put_word(o, "techniques", f->techniques);
    begin_list(o, "peers");
    if (f->is_outside)
        json_put_str(o->w, redact_text(o->r, f->host_ip));
    while (rest.n && str_split(&rest, ';', &peer))
        json_put_str(o->w, redact_text(o->r, str_trim(peer)));
    json_end_array(o->w);
    json_end_object(o->w);
}

static void put_seen(struct writing *o)
{
    const struct incident *i = &o->s->incident;
    put_word(o, "type", i->type);
    put_both(o, "title", i->title_en, i->title_ja);
    put_word(o, "state", incident_state_name(i->state));
    put_number(o, "urgency", i->urgency);
    put_number(o, "importance", i->importance);
    put_number(o, "confidence_level", i->confidence_level);
    put_value(o, "department", REDACT_DEPARTMENT, i->department);
    put_value(o, "user", REDACT_USER, i->user);
    begin_list(o, "findings");
    for (uint32_t k = 0; k < i->finding_count; k++)
        put_finding(o, &i->findings[k]);
    json_end_array(o->w);
}

/* ----------------------------------------------------------------- what was done */

static void put_history(struct writing *o)
{
    begin_list(o, "history");
    for (uint32_t i = 0; i < o->s->change_count; i++) {
        const struct state_change *change = &o->s->changes[i];
        json_begin_object(o->w);
        put_minute(o, "minute", change->when_ns);
        put_who(o, change->who);
        put_word(o, "from", incident_state_name(change->from));
        put_word(o, "to", incident_state_name(change->to));
        put_text(o, "note", change->note);
        json_end_object(o->w);
    }
    json_end_array(o->w);
}

/* Columns that are words, columns that people wrote, one time. */
struct table_form {
    const char *key;
    enum work_table table;
    int when; /* −1 = none */
    int words[4], texts[4], person;
};

static const struct table_form forms[] = {
    {"hearing", WORK_HEARING, HEARING_ANSWERED, {HEARING_QUESTION, HEARING_ANSWER, -1}, {-1}, -1},
    {"decisions",
     WORK_APPROVAL,
     APPROVAL_PROPOSED,
     {APPROVAL_ACTION, APPROVAL_SCOPE, APPROVAL_STATUS, -1},
     {APPROVAL_QUESTION, APPROVAL_RECOMMENDATION, APPROVAL_REASON, -1},
     APPROVAL_PROPOSED_BY},
    {"countermeasures",
     WORK_COUNTERMEASURE,
     COUNTERMEASURE_REQUESTED,
     {COUNTERMEASURE_DEVICE, COUNTERMEASURE_STATUS, -1},
     {COUNTERMEASURE_TARGET, COUNTERMEASURE_REASON, -1},
     -1},
    {"entries", WORK_ENTRY, ENTRY_HAPPENED, {ENTRY_KIND, -1}, {ENTRY_TEXT, ENTRY_RESULT, -1}, ENTRY_WHO},
    {"consultations",
     WORK_CONSULTATION,
     CONSULTATION_ASKED,
     {CONSULTATION_TLP, CONSULTATION_ADOPTED, -1},
     {CONSULTATION_ASSESSMENT, CONSULTATION_PLAN, CONSULTATION_QUESTION, CONSULTATION_ANSWER},
     CONSULTATION_ASKED_BY},
    {"invocations", WORK_INVOCATION, INVOCATION_ASKED, {-1}, {INVOCATION_TASK, INVOCATION_RESULT, -1}, -1},
    {"actions",
     WORK_ACTION,
     -1,
     {ACTION_STATUS, ACTION_KPI, -1},
     {ACTION_TITLE, ACTION_EVIDENCE, ACTION_EFFECT, -1},
     -1},
};

static void put_table(struct writing *o, const struct table_form *f, const struct work_rows *rows)
{
    uint32_t count;
    const struct work_column *columns = work_columns(f->table, &count);
    begin_list(o, f->key);
    for (uint32_t i = 0; i < rows->count; i++) {
        const struct work_row *row = &rows->rows[i];
        json_begin_object(o->w);
        if (f->when >= 0)
            put_minute(o, "minute", work_number(row, f->when));
        if (f->person >= 0)
            put_who(o, row->values[f->person]);
        for (int k = 0; k < 4 && f->words[k] >= 0; k++)
            put_word(o, columns[f->words[k]].name, row->values[f->words[k]]);
        for (int k = 0; k < 4 && f->texts[k] >= 0; k++)
            put_text(o, columns[f->texts[k]].name, row->values[f->texts[k]]);
        json_end_object(o->w);
    }
    json_end_array(o->w);
}

static void put_tasks(struct writing *o)
{
    begin_list(o, "tasks");
    for (uint32_t i = 0; i < o->s->tasks.count; i++) {
        const struct work_row *t = &o->s->tasks.rows[i];
        json_begin_object(o->w);
        put_word(o, "stage", t->values[TASK_STAGE]);
        put_both(o, "title", t->values[TASK_TITLE_EN], t->values[TASK_TITLE_JA]);
        put_word(o, "status", t->values[TASK_STATUS]);
        put_minute(o, "started", work_number(t, TASK_STARTED));
        put_minute(o, "ended", work_number(t, TASK_ENDED));
        put_text(o, "result", t->values[TASK_RESULT]);
        put_text(o, "reason", t->values[TASK_REASON]);
        json_end_object(o->w);
    }
    json_end_array(o->w);
}

static void put_done(struct writing *o)
{
    const struct work_rows *const rows[] = {&o->s->hearing, &o->s->approvals,     &o->s->countermeasures,
                                            &o->s->entries, &o->s->consultations, &o->s->invocations,
                                            &o->s->actions};
    put_history(o);
    put_tasks(o);
    for (size_t i = 0; i < COUNT_OF(forms); i++)
        put_table(o, &forms[i], rows[i]);
}

/* -------------------------------------------------------------- what went wrong */

static void put_failure(struct writing *o, uint32_t count, const char *code, const char *en, const char *ja)
{
    if (count == 0)
        return;
    json_begin_object(o->w);
    json_key(o->w, "code");
    json_put_c(o->w, code);
    json_both_members(o->w, str_c(en), str_c(ja));
    put_number(o, "count", count);
    json_end_object(o->w);
}

static uint32_t count_late_tasks(const struct work_rows *tasks)
{
    uint32_t late = 0;
    for (uint32_t i = 0; i < tasks->count; i++) {
        int64_t due_ns = work_number(&tasks->rows[i], TASK_DUE),
                ended_ns = work_number(&tasks->rows[i], TASK_ENDED);
        late += due_ns != 0 && ended_ns > due_ns && str_eq(tasks->rows[i].values[TASK_STATUS], STR("done"));
    }
    return late;
}

static uint32_t count_set(const struct work_rows *rows, int column)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < rows->count; i++)
        count += work_number(&rows->rows[i], column) > 0;
    return count;
}

static uint32_t count_reopened(const struct library_source *s)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < s->change_count; i++)
        count += s->changes[i].to == INCIDENT_REOPENED && s->changes[i].from != INCIDENT_REOPENED;
    return count;
}

static uint32_t count_unclean(const struct work_rows *hosts)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < hosts->count; i++)
        count += work_number(&hosts->rows[i], HOST_VERIFIED_CLEAN) == 0;
    return count;
}

/* What the rows themselves say went wrong: a case that only tells what people like to tell teaches little. */
static void put_failures(struct writing *o)
{
    const struct library_source *s = o->s;
    double sla = s->kpis[KPI_SLA], fields = s->kpis[KPI_COMPLETE_FIELDS];
    begin_list(o, "failures");
    put_failure(o, !isnan(sla) && kpi_is_missed(KPI_SLA, sla), "checked_late",
                "The alarm was checked after its service level", "アラームの確認が期限を超過");
    put_failure(o, count_late_tasks(&s->tasks), "tasks_late", "Tasks were done after their time",
                "期限後に完了したタスク");
    put_failure(o, count_set(&s->approvals, APPROVAL_ESCALATED), "decisions_escalated",
                "Decisions came after their clock had run out", "判断期限を超過した判断");
    put_failure(o, count_set(&s->approvals, APPROVAL_FLAGGED), "emergencies_unapproved",
                "Emergencies were not approved in time", "期限内に承認されなかった緊急措置");
    put_failure(o, count_set(&s->countermeasures, COUNTERMEASURE_SEEN_AFTER), "blocks_leaked",
                "Traffic still passed a block", "遮断後も通信が継続");
    put_failure(o, count_reopened(s), "reopened", "It was over and came back", "完了後に再発");
    put_failure(o, count_unclean(&s->hosts), "hosts_unclean", "Hosts were left without being clean",
                "正常化を確認できなかった端末");
    put_failure(o, !isnan(fields) && kpi_is_missed(KPI_COMPLETE_FIELDS, fields), "fields_missing",
                "Work does not say who instructed, approved or was told", "指示者・承認者・報告先の記入漏れ");
    json_end_array(o->w);
}

/* ---------------------------------------------------------------- what is learnt */

static void put_learnt(struct writing *o)
{
    static const struct {
        int column;
        const char *name;
    } facts[] = {{CASE_VECTOR, "vector"},
                 {CASE_ROOT_CAUSE, "root_cause"},
                 {CASE_UNKNOWN_REASON, "unknown_reason"}},
      reviews[] = {{REVIEW_SUMMARY, "summary"},
                   {REVIEW_CAUSES, "causes"},
                   {REVIEW_WORKED, "worked"},
                   {REVIEW_IMPROVE, "improve"}};
    const struct library_source *s = o->s;
    for (size_t i = 0; i < COUNT_OF(facts); i++)
        put_text(o, facts[i].name, s->facts.count ? s->facts.rows[0].values[facts[i].column] : STR_EMPTY);
    for (size_t i = 0; i < COUNT_OF(reviews); i++)
        put_text(o, reviews[i].name,
                 s->reviews.count ? s->reviews.rows[s->reviews.count - 1].values[reviews[i].column]
                                  : STR_EMPTY);
    put_text(o, "lesson", s->lesson);
    put_text(o, "failure", s->failure);
}

static void put_times(struct writing *o)
{
    json_key(o->w, "figures");
    json_begin_object(o->w);
    for (int k = 0; k < KPI_COUNT; k++)
        if (kpi_about((enum kpi)k)->is_of_incident) {
            json_key(o->w, kpi_about((enum kpi)k)->name);
            json_put_double(o->w, o->s->kpis[k]);
        }
    json_end_object(o->w);
}

void library_write(const struct library_source *source, struct redactor *redactor, struct json_writer *w)
{
    struct writing o = {source, redactor, w};
    json_begin_object(w);
    put_number(&o, "version", 1);
    put_seen(&o);
    put_times(&o);
    put_done(&o);
    put_failures(&o);
    put_learnt(&o);
    json_end_object(w);
}
