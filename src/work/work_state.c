/* The steps of an incident: gathers the facts that the guards ask for, moves the state, and with it the
 * tasks; merging, splitting. Next: work_items.c. */
#include "work/work.h"

#include "base/log.h"
#include "incident/incident.h"
#include "store/state_incidents.h"

/* ------------------------------------------------------------------ facts */

static bool is_status(const struct work_row *row, int column, const char *status)
{
    return str_eq(row->values[column], str_c(status));
}

/* S172–S174: each must say something, if only that nobody was needed. */
static bool lacks_people(const struct work_row *row, int instructed_by, int approved_by, int reported_to)
{
    return row->values[instructed_by].n == 0 || row->values[approved_by].n == 0 ||
           row->values[reported_to].n == 0;
}

static bool count_tasks(struct casework *c, uint64_t incident, struct workflow_facts *facts)
{
    struct work_rows tasks, entries;
    if (!work_rows_of(c, WORK_TASK, incident, &tasks) || !work_rows_of(c, WORK_ENTRY, incident, &entries))
        return false;
    for (uint32_t i = 0; i < tasks.count; i++) {
        const struct work_row *t = &tasks.rows[i];
        facts->open_tasks += is_status(t, TASK_STATUS, "open") || is_status(t, TASK_STATUS, "doing");
        facts->incomplete_entries += is_status(t, TASK_STATUS, "done") &&
                                     work_number(t, TASK_WATCH_UNTIL) == 0 &&
                                     lacks_people(t, TASK_INSTRUCTED_BY, TASK_APPROVED_BY, TASK_REPORTED_TO);
    }
    for (uint32_t i = 0; i < entries.count; i++)
        facts->incomplete_entries +=
            is_status(&entries.rows[i], ENTRY_KIND, "work") &&
            lacks_people(&entries.rows[i], ENTRY_INSTRUCTED_BY, ENTRY_APPROVED_BY, ENTRY_REPORTED_TO);
    return true;
}

static bool look_at_evidence(struct casework *c, uint64_t incident, struct workflow_facts *facts)
{
    struct work_rows items, hosts, answers;
    uint32_t clean = 0;
    if (!work_rows_of(c, WORK_EVIDENCE, incident, &items) || !work_rows_of(c, WORK_HOST, incident, &hosts) ||
        !work_rows_of(c, WORK_HEARING, incident, &answers))
        return false;
    for (uint32_t i = 0; i < items.count; i++) {
        facts->has_eradication_evidence |= is_status(&items.rows[i], EVIDENCE_PURPOSE, "eradication") ||
                                           is_status(&items.rows[i], EVIDENCE_PURPOSE, "rebuild");
        facts->has_evidence |= is_status(&items.rows[i], EVIDENCE_PURPOSE, "false_alarm");
        facts->has_offline_check |= is_status(&items.rows[i], EVIDENCE_PURPOSE, "offline_scan") ||
                                    is_status(&items.rows[i], EVIDENCE_PURPOSE, "rebuild");
    }
    for (uint32_t i = 0; i < hosts.count; i++)
        clean += is_status(&hosts.rows[i], HOST_STATUS, "verified_clean") ||
                 is_status(&hosts.rows[i], HOST_STATUS, "closed");
    facts->has_eradication_evidence |= hosts.count > 0 && clean == hosts.count;
    for (uint32_t i = 0; i < answers.count; i++) {
        double ratio = 1;
        facts->has_evidence |= str_to_double(answers.rows[i].values[HEARING_RATIO], &ratio) && ratio < 1;
    }
    return true;
}

static bool look_at_decisions(struct casework *c, const struct incident *incident,
                              struct workflow_facts *facts)
{
    struct work_rows reviews;
    if (!work_find_approval(c, incident->id, STR_EMPTY, STR_EMPTY, &facts->has_approval, NULL) ||
        !work_find_approval(c, incident->id, STR("return"), STR("service"), &facts->owner_agreed, NULL) ||
        !work_find_approval(c, incident->id, STR("dismiss"), STR("incident"), &facts->second_person_agreed,
                            NULL) ||
        !work_may_act(c, incident, STR("isolate"), STR("single_pc"), &facts->is_preauthorised, NULL) ||
        !work_rows_of(c, WORK_REVIEW, incident->id, &reviews))
        return false;
    facts->review_signed =
        reviews.count > 0 && work_number(&reviews.rows[reviews.count - 1], REVIEW_SIGNED) != 0;
    return true;
}

/* What the instrument blind_host says (S76): then a host's word that it is clean closes nothing. */
static bool is_rootkit_suspected(const struct incident *incident)
{
    for (uint32_t i = 0; i < incident->finding_count; i++)
        if (str_eq(incident->findings[i].rule_id, STR("rootkit_suspected")))
            return true;
    return false;
}

bool work_facts(struct casework *c, const struct incident *incident, struct workflow_facts *facts)
{
    struct work_row known;
    if (!work_case(c, incident->id, &known))
        return false;
    *facts = (struct workflow_facts){
        .importance = incident->importance,
        .confidence_level = incident->confidence_level,
        .has_vector =
            known.values[CASE_VECTOR_KIND].n > 0 &&
            (known.values[CASE_VECTOR].n > 0 || !str_eq(known.values[CASE_VECTOR_KIND], VECTOR_UNKNOWN)),
        .has_root_cause = known.values[CASE_ROOT_CAUSE].n > 0,
        .has_unknown_reason = known.values[CASE_UNKNOWN_REASON].n > 0,
        .is_rootkit_suspected = is_rootkit_suspected(incident),
        .deadlines_met = c->s->deadlines_met == NULL || c->s->deadlines_met(c->s, incident->id),
    };
    return count_tasks(c, incident->id, facts) && look_at_evidence(c, incident->id, facts) &&
           look_at_decisions(c, incident, facts);
}

/* ---------------------------------------------------------------- moving */

static bool check_step(struct casework *c, const struct incident *incident,
                       const struct incident_change *change)
{
    struct workflow_facts facts;
    struct incident target;
    if (!work_facts(c, incident, &facts))
        return false;
    facts.has_reason = change->state == INCIDENT_ON_HOLD ? change->hold_reason.n > 0 : change->note.n > 0;
    facts.has_target = change->target != 0;
    if (change->target != 0 && (change->target == incident->id || !work_incident(c, change->target, &target)))
        return work_refuse(c, 400, "\"target\" must be another incident.",
                           "「target」には別のインシデントを指定してください。");
    if (workflow_check(incident->state, change->state, &facts, &c->failure->en, &c->failure->ja))
        return true;
    c->failure->status = 409;
    return false;
}

static bool relate(struct casework *c, uint64_t from, uint64_t to, struct str kind, struct str note)
{
    struct work_row row = {0};
    row.values[RELATION_INCIDENT] = work_text_of((int64_t)from, c->arena);
    row.values[RELATION_OTHER] = work_text_of((int64_t)to, c->arena);
    row.values[RELATION_KIND] = kind;
    row.values[RELATION_WHO] = c->actor;
    row.values[RELATION_RELATED] = work_text_of(c->now_ns, c->arena);
    row.values[RELATION_NOTE] = note;
    return work_add(c, WORK_RELATION, &row);
}

bool work_relate(struct casework *c, uint64_t from, uint64_t to, const char *kind, const char *back,
                 struct str note)
{
    return relate(c, from, to, str_c(kind), note) && relate(c, to, from, str_c(back), note);
}

static bool follow_step(struct casework *c, const struct incident *incident,
                        const struct incident_change *change)
{
    struct work_row known;
    if (!work_case(c, incident->id, &known) ||
        (known.id == 0 && change->hold_reason.n && !work_add(c, WORK_CASE, &known)))
        return false;
    if (known.id != 0 && !work_set(c, WORK_CASE, &known, CASE_HOLD_REASON,
                                   change->state == INCIDENT_ON_HOLD ? change->hold_reason : STR_EMPTY))
        return false;
    if (change->state == INCIDENT_MERGED &&
        !(work_relate(c, incident->id, change->target, "merged_into", "took_in", change->note) &&
          work_move_all_findings(c, incident, change->target)))
        return false;
    if (change->state == INCIDENT_DUPLICATE &&
        !work_relate(c, incident->id, change->target, "duplicate_of", "repeated_by", change->note))
        return false;
    if (!incident_is_open(change->state))
        return work_drop_tasks(c, incident->id, STR("the incident is over / インシデントの終了"));
    return work_enter_stage(c, incident->id, change->state);
}

static const char *deed_of(enum incident_state to)
{
    return to == INCIDENT_ON_HOLD || to == INCIDENT_REOPENED ? "correct"
           : incident_is_open(to)                            ? "judge"
                                                             : "close";
}

static bool change_state(struct casework *c, const struct incident_change *change)
{
    struct incident now;
    struct error err;
    if (!work_incident(c, change->id, &now) || (change->has_state && !check_step(c, &now, change)))
        return false;
    enum incident_state to = change->has_state ? change->state : now.state;
    struct state_change step = {
        .who = c->actor, .note = change->note, .when_ns = c->now_ns, .from = now.state, .to = to};
    if (!work_begin(c))
        return false;
    bool ok = state_incidents_change(c->s->state, change->id, &step, &err) || work_fail(c, 409, &err);
    ok = ok && (!change->has_state || follow_step(c, &now, change));
    struct deed deed = work_deed(c, change->has_state ? deed_of(to) : "observe", change->id, "incident",
                                 change->id, change->note);
    if (!work_end(c, ok, &deed))
        return false;
    if (change->has_state)
        desk_note_state(c->s->desk, change->id, to);
    return true;
}

struct merging {
    struct casework *c;
    const struct incident_change *change;
};

static bool merge(void *context, uint64_t ids[2])
{
    struct merging *m = context;
    ids[0] = m->change->id;
    ids[1] = m->change->target;
    return change_state(m->c, m->change);
}

bool work_change_state(struct casework *c, const struct incident_change *change)
{
    struct merging merging = {c, change};
    bool moves_findings = change->has_state && change->state == INCIDENT_MERGED && change->target != 0;
    return moves_findings ? work_regroup(c, merge, &merging) : change_state(c, change);
}

/* ------------------------------------------------------------- looking on */

static void put_missing(unsigned missing, struct json_writer *w)
{
    json_key(w, "missing");
    json_begin_array(w);
    for (int g = 0; g < GUARD_COUNT; g++) {
        if (!(missing & 1u << g))
            continue;
        json_begin_object(w);
        json_key(w, "guard");
        json_put_str(w, workflow_guard_name((enum workflow_guard)g));
        json_both_members(w, workflow_guard_en((enum workflow_guard)g),
                          workflow_guard_ja((enum workflow_guard)g));
        json_end_object(w);
    }
    json_end_array(w);
}

static void put_steps(enum incident_state from, const struct workflow_facts *facts, struct json_writer *w)
{
    uint32_t count;
    const struct workflow_step *steps = workflow_steps(&count);
    json_key(w, "steps");
    json_begin_array(w);
    for (uint32_t i = 0; i < count; i++) {
        if (steps[i].from != from || steps[i].to == from)
            continue;
        json_begin_object(w);
        json_key(w, "to");
        json_put_str(w, incident_state_name(steps[i].to));
        put_missing(workflow_missing(&steps[i], facts), w);
        json_end_object(w);
    }
    json_end_array(w);
}

bool work_answer_case(struct casework *c, const struct incident *incident)
{
    struct work_row known;
    struct work_rows relations;
    struct workflow_facts facts;
    struct json_writer w = {.out = c->out};
    if (!work_case(c, incident->id, &known) || !work_rows_of(c, WORK_RELATION, incident->id, &relations) ||
        !work_facts(c, incident, &facts))
        return false;
    json_begin_object(&w);
    json_key(&w, "state");
    json_put_str(&w, incident_state_name(incident->state));
    for (int i = CASE_VECTOR; i < CASE_COLUMNS; i++) {
        uint32_t count;
        if (i == CASE_FIRST_KIND) /* of the program's own use */
            continue;
        json_key(&w, work_columns(WORK_CASE, &count)[i].name);
        json_put_str(&w, known.values[i]);
    }
    json_key(&w, "open_tasks");
    json_put_i64(&w, facts.open_tasks);
    json_key(&w, "incomplete_entries");
    json_put_i64(&w, facts.incomplete_entries);
    put_steps(incident->state, &facts, &w);
    json_key(&w, "relations");
    json_begin_array(&w);
    for (uint32_t i = 0; i < relations.count; i++) {
        json_begin_object(&w);
        work_row_members(WORK_RELATION, &relations.rows[i], c->sees_persons, &w);
        json_end_object(&w);
    }
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

bool work_get_case(struct casework *c)
{
    struct incident incident;
    return work_incident(c, c->q->id, &incident) && work_answer_case(c, &incident);
}

/* What is said otherwise than before, or said to be unknown, needs its reason (S3): "vector" in the same
 * request. */
static bool check_vector(struct casework *c, const struct work_row *known)
{
    struct str kind = work_value(c, "vector_kind"), before = known->values[CASE_VECTOR_KIND];
    bool needs_reason = (before.n && !str_eq(before, kind)) || str_eq(kind, VECTOR_UNKNOWN);
    return !work_given(c, "vector_kind") || !needs_reason || work_value(c, "vector").n ||
           work_refuse(c, 400, "Say why it is this vector, or why it stays unknown (\"vector\").",
                       "経路を変更する理由、または不明である理由(vector)を記入してください。");
}

bool work_patch_case(struct casework *c)
{
    struct incident incident;
    struct work_row known;
    if (!work_incident(c, c->q->id, &incident) || !work_case(c, c->q->id, &known) ||
        !check_vector(c, &known) || !work_begin(c))
        return false;
    bool ok = (known.id != 0 || work_add(c, WORK_CASE, &known)) &&
              work_change_members(c, WORK_CASE, &known) &&
              (!work_given(c, "vector_kind") || work_set(c, WORK_CASE, &known, CASE_VECTOR_BY, c->actor));
    struct deed deed = work_deed(c, "judge", incident.id, "incident", incident.id,
                                 arena_printf(c->arena, "%.*s %.*s", STR_ARGS(work_value(c, "vector")),
                                              STR_ARGS(work_value(c, "root_cause"))));
    return work_end(c, ok, &deed) && work_answer_case(c, &incident);
}
