/* An incident as it was known at a time (S150): what the record says each value was then, not what the rows
 * hold now. What people wrote is not in the record; it is never changed, and shown from when it was there.
 * Next: work_look.c. */
#include "work/work.h"

#include "recorder/recorder_changes.h"
#include "store/state_incidents.h"

struct as_of {
    struct casework *c;
    uint64_t incident;
    int64_t time_ns;
    struct json_writer w;
};

/* *is_there false: no entry by then tells of it. */
static bool value_then(struct as_of *v, const char *table, uint64_t id, const char *field, struct str *out,
                       bool *is_there)
{
    struct error err;
    return state_record_value_then(v->c->s->state, str_c(table), id, str_c(field), v->time_ns, v->c->arena,
                                   out, is_there, &err) ||
           work_fail(v->c, 500, &err);
}

/* The row's recorded values as they were; *existed false when it was not there yet. */
static bool row_then(struct as_of *v, enum work_table table, struct work_row *row, bool *existed)
{
    uint32_t count;
    struct str text;
    bool is_there;
    const char *name = work_table_name(table);
    const struct work_column *columns = work_columns(table, &count);
    if (!value_then(v, name, row->id, RECORDED_ROW, &text, existed))
        return false;
    *existed = *existed && text.n > 0;
    for (uint32_t i = 0; *existed && i < count; i++) {
        if (!work_is_recorded_open(columns[i].kind))
            continue;
        if (!value_then(v, name, row->id, columns[i].name, &text, &is_there))
            return false;
        row->values[i] = is_there ? text : STR_EMPTY;
    }
    return true;
}

static bool rows_then(struct as_of *v, enum work_table table, const char *key,
                      void (*put)(struct as_of *v, const struct work_row *row))
{
    struct work_rows rows;
    bool ok = work_rows_of(v->c, table, v->incident, &rows);
    json_key(&v->w, key);
    json_begin_array(&v->w);
    for (uint32_t i = 0; ok && i < rows.count; i++) {
        bool existed;
        ok = row_then(v, table, &rows.rows[i], &existed);
        if (!ok || !existed)
            continue;
        json_begin_object(&v->w);
        put(v, &rows.rows[i]);
        json_end_object(&v->w);
    }
    json_end_array(&v->w);
    return ok;
}

static void put_text(struct as_of *v, const char *name, struct str text)
{
    json_key(&v->w, name);
    json_put_str(&v->w, text);
}

static void put_task(struct as_of *v, const struct work_row *task)
{
    json_key(&v->w, "id");
    json_put_u64(&v->w, task->id);
    json_both(&v->w, "title", task->values[TASK_TITLE_EN], task->values[TASK_TITLE_JA]);
    put_text(v, "status", task->values[TASK_STATUS]);
}

static void put_approval(struct as_of *v, const struct work_row *a)
{
    json_key(&v->w, "id");
    json_put_u64(&v->w, a->id);
    put_text(v, "action", a->values[APPROVAL_ACTION]);
    put_text(v, "scope", a->values[APPROVAL_SCOPE]);
    put_text(v, "status", a->values[APPROVAL_STATUS]);
}

static void put_entry(struct as_of *v, const struct work_row *row)
{
    work_row_members(WORK_ENTRY, row, v->c->sees_persons, &v->w);
}

static void put_evidence(struct as_of *v, const struct work_row *row)
{
    work_row_members(WORK_EVIDENCE, row, v->c->sees_persons, &v->w);
}

static bool history_then(struct as_of *v)
{
    struct state_change *changes;
    uint32_t count;
    struct error err;
    if (!state_incidents_changes(v->c->s->state, v->incident, v->c->arena, &changes, &count, &err))
        return work_fail(v->c, 500, &err);
    json_key(&v->w, "history");
    json_begin_array(&v->w);
    for (uint32_t i = 0; i < count && changes[i].when_ns <= v->time_ns; i++) {
        json_begin_object(&v->w);
        json_key(&v->w, "time");
        json_put_time(&v->w, changes[i].when_ns);
        put_text(v, "user", changes[i].who);
        put_text(v, "from", incident_state_name(changes[i].from));
        put_text(v, "to", incident_state_name(changes[i].to));
        put_text(v, "note", changes[i].note);
        json_end_object(&v->w);
    }
    json_end_array(&v->w);
    return true;
}

static bool state_then(struct as_of *v)
{
    struct str state;
    bool is_there;
    if (!value_then(v, "incident", v->incident, "state", &state, &is_there))
        return false;
    put_text(v, "state", is_there ? state : incident_state_name(INCIDENT_CANDIDATE));
    return true;
}

bool work_get_as_of(struct casework *c)
{
    struct incident incident;
    struct as_of v = {.c = c,
                      .incident = c->q->id,
                      .time_ns = work_value_number(c, "time", 0),
                      .w = {.out = c->out}};
    if (!work_incident(c, c->q->id, &incident))
        return false;
    json_begin_object(&v.w);
    json_key(&v.w, "time");
    json_put_time(&v.w, v.time_ns);
    bool ok = history_then(&v) && rows_then(&v, WORK_TASK, "tasks", put_task) &&
              rows_then(&v, WORK_APPROVAL, "approvals", put_approval) &&
              rows_then(&v, WORK_ENTRY, "entries", put_entry) &&
              rows_then(&v, WORK_EVIDENCE, "evidence", put_evidence) && state_then(&v);
    json_end_object(&v.w);
    return ok;
}
