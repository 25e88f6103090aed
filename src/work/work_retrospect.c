/* Files that were used before they were known (S1): the gap, and for each host a task: in the incident of
 * that host, or of its own until there is one. Whether the host is clean is said anew each time somebody
 * asks: a full scan after the file was known, and no malware found on it since. Next: work_retrospect_show.c.
 */
#include "base/log.h"
#include "incident/incident.h"
#include "store/state_retrospect.h"
#include "work/retrospect.h"

#define MINUTE_NS    (60 * NS_PER_SECOND)
#define WAITING_MOST 1000

static bool is_unfinished(const struct work_row *task)
{
    struct str status = task->values[TASK_STATUS];
    return str_eq(status, STR("open")) || str_eq(status, STR("doing"));
}

static bool find_incident(struct casework *c, struct str host, struct str ip, uint64_t *id)
{
    struct error err;
    int64_t open = 0;
    for (int i = INCIDENT_NEW; i < INCIDENT_STATE_COUNT; i++)
        open |= incident_is_open((enum incident_state)i) ? INT64_C(1) << i : 0;
    return state_retrospect_incident(c->s->state, open, host, ip, id, &err) || work_fail(c, 500, &err);
}

/* ------------------------------------------------------------------ tasks */

static struct str checklist(struct casework *c)
{
    const struct retrospect_rules *rules = c->s->retrospect_rules;
    struct buf out = {0};
    struct json_writer w = {.out = &out};
    json_begin_array(&w);
    for (uint32_t i = 0; i < rules->check_count; i++)
        json_put_both(&w, rules->checks[i].en, rules->checks[i].ja);
    json_end_array(&w);
    struct str text = arena_str(c->arena, buf_str(&out));
    buf_free(&out);
    return text;
}

static struct str fill(struct casework *c, const struct work_row *gap, const struct work_row *r,
                       struct str text, int use)
{
    struct str name = gap->values[GAP_NAME].n ? gap->values[GAP_NAME] : gap->values[GAP_OBJECT];
    return retrospect_fill(text, name, r->values[RETROSPECT_HOST], r->values[use], c->arena);
}

static bool open_task(struct casework *c, const struct work_row *gap, const struct work_row *r,
                      int64_t due_ns, struct work_row *task)
{
    const struct retrospect_rules *rules = c->s->retrospect_rules;
    *task = (struct work_row){0};
    task->values[TASK_INCIDENT] = r->values[RETROSPECT_INCIDENT];
    task->values[TASK_KEY] = STR("retrospect");
    task->values[TASK_STAGE] = incident_state_name(INCIDENT_INVESTIGATING);
    task->values[TASK_TITLE_EN] = fill(c, gap, r, rules->title.en, RETROSPECT_USE_EN);
    task->values[TASK_TITLE_JA] = fill(c, gap, r, rules->title.ja, RETROSPECT_USE_JA);
    task->values[TASK_SCRIPT_EN] = fill(c, gap, r, rules->script.en, RETROSPECT_USE_EN);
    task->values[TASK_SCRIPT_JA] = fill(c, gap, r, rules->script.ja, RETROSPECT_USE_JA);
    task->values[TASK_CHECKLIST] = checklist(c);
    task->values[TASK_STATUS] = STR("open");
    task->values[TASK_OPENED] = work_text_of(c->now_ns, c->arena);
    task->values[TASK_DUE] = work_text_of(due_ns, c->arena);
    task->values[TASK_MINUTES] = work_text_of((due_ns - c->now_ns) / MINUTE_NS, c->arena);
    task->values[TASK_PLAYBOOK] = STR("retrospect");
    task->values[TASK_PLAYBOOK_VERSION] = rules->version;
    return work_add(c, WORK_TASK, task);
}

/* The department at the time of the use; whether it is a server. */
static bool place(struct casework *c, const struct gap_use *use, struct str *department)
{
    struct context *context = engine_context(c->s->engine);
    const struct asset_host *host =
        context ? context_find_host(context, use->host, use->ip, use->first_ns) : NULL;
    bool is_server = host != NULL && str_eq_nocase(host->type, STR("server"));
    *department =
        context ? arena_str(c->arena, context_department(context, host, use->ip, use->first_ns)) : STR_EMPTY;
    context_unref(context);
    return is_server;
}

static bool open_one(struct casework *c, const struct work_row *gap, const struct gap_use *use)
{
    const struct retrospect_rules *rules = c->s->retrospect_rules;
    struct work_row r = {0}, task;
    struct str department;
    uint64_t incident;
    if (!find_incident(c, use->host, use->ip, &incident))
        return false;
    int64_t minutes = place(c, use, &department) ? rules->due_server_minutes : rules->due_minutes;
    r.values[RETROSPECT_GAP] = work_text_of((int64_t)gap->id, c->arena);
    r.values[RETROSPECT_INCIDENT] = work_text_of((int64_t)incident, c->arena);
    r.values[RETROSPECT_HOST] = use->host.n ? use->host : use->ip;
    r.values[RETROSPECT_IP] = use->ip;
    r.values[RETROSPECT_DEPARTMENT] = department;
    r.values[RETROSPECT_USERS] = use->users;
    r.values[RETROSPECT_USE] = rules->uses[use->use].id;
    r.values[RETROSPECT_USE_EN] = rules->uses[use->use].text.en;
    r.values[RETROSPECT_USE_JA] = rules->uses[use->use].text.ja;
    r.values[RETROSPECT_USED] = work_text_of(use->first_ns, c->arena);
    r.values[RETROSPECT_LAST_USED] = work_text_of(use->last_ns, c->arena);
    r.values[RETROSPECT_COUNT] = work_text_of((int64_t)use->count, c->arena);
    r.values[RETROSPECT_SEQUENCE] = work_text_of((int64_t)use->sequence, c->arena);
    r.values[RETROSPECT_NOTED] = work_text_of(c->now_ns, c->arena);
    if (!work_begin(c))
        return false;
    bool ok = open_task(c, gap, &r, c->now_ns + minutes * MINUTE_NS, &task);
    r.values[RETROSPECT_TASK] = work_text_of((int64_t)task.id, c->arena);
    ok = ok && work_add(c, WORK_RETROSPECT, &r);
    struct deed deed = work_deed(c, "instruct", incident, "retrospect", r.id,
                                 arena_printf(c->arena, "%.*s / %.*s", STR_ARGS(task.values[TASK_TITLE_EN]),
                                              STR_ARGS(task.values[TASK_TITLE_JA])));
    return work_end(c, ok, &deed);
}

/* ------------------------------------------------------------------- gaps */

bool retrospect_gap(struct casework *c, struct str object, struct work_row *gap)
{
    struct work_rows rows = {0};
    struct error err;
    if (!state_work_list(c->s->state, WORK_GAP, GAP_OBJECT, object, 1, c->arena, &rows, &err))
        return work_fail(c, 500, &err);
    *gap = rows.count > 0 ? rows.rows[0] : (struct work_row){0};
    return true;
}

static struct str join_hashes(const struct gap_object *o, struct arena *arena, struct str *strongest)
{
    struct buf out = {0};
    *strongest = STR_EMPTY;
    for (unsigned k = 0; k < RETROSPECT_HASHES; k++)
        if (o->hashes[k].n > 0) {
            *strongest = strongest->n ? *strongest : o->hashes[k];
            buf_printf(&out, "%s%.*s", out.n ? ";" : "", STR_ARGS(o->hashes[k]));
        }
    struct str joined = arena_str(arena, buf_str(&out));
    buf_free(&out);
    return joined;
}

/* Adds it, or counts the hosts that have come to it. */
static bool note_gap(struct casework *c, const struct gap_object *o, struct work_row *gap)
{
    struct str strongest = STR_EMPTY, hashes = join_hashes(o, c->arena, &strongest);
    if (!retrospect_gap(c, strongest, gap))
        return false;
    bool is_new = gap->id == 0;
    if (!is_new && work_number(gap, GAP_HOSTS) >= o->host_count)
        return true;
    gap->values[GAP_OBJECT] = strongest;
    gap->values[GAP_HASHES] = hashes;
    if (is_new) {
        gap->values[GAP_NAME] = o->name;
        gap->values[GAP_BASIS] = o->basis;
        gap->values[GAP_KNOWN_BY] = o->known_by;
        gap->values[GAP_FIRST] = work_text_of(o->first_ns, c->arena);
        gap->values[GAP_KNOWN] = work_text_of(o->known_ns, c->arena);
        gap->values[GAP_HOSTS] = work_text_of(o->host_count, c->arena);
        gap->values[GAP_NOTED] = work_text_of(c->now_ns, c->arena);
    }
    if (!work_begin(c))
        return false;
    bool ok =
        is_new ? work_add(c, WORK_GAP, gap) : work_set_number(c, WORK_GAP, gap, GAP_HOSTS, o->host_count);
    struct deed deed = work_deed(c, "observe", 0, "gap", gap->id, gap->values[GAP_NAME]);
    return work_end(c, ok, &deed);
}

static bool has_row(const struct work_rows *rows, const struct gap_use *use)
{
    struct str host = use->host.n ? use->host : use->ip;
    for (uint32_t i = 0; i < rows->count; i++)
        if (str_eq_nocase(rows->rows[i].values[RETROSPECT_HOST], host))
            return true;
    return false;
}

bool retrospect_keep(struct casework *c, const struct gap_object *o)
{
    struct work_row gap = {0};
    struct work_rows rows = {0};
    int64_t least_ns = c->s->retrospect_rules->gap_least_seconds * NS_PER_SECOND;
    bool has_both = o->first_ns != TIME_UNKNOWN && o->known_ns != TIME_UNKNOWN;
    bool has_gap = has_both && o->known_ns > o->first_ns && o->known_ns - o->first_ns >= least_ns;
    if (!has_gap && has_both && o->is_by_path)
        return note_gap(c, o, &gap);
    if (!has_gap)
        return true;
    if (!note_gap(c, o, &gap) || !work_rows_of(c, WORK_RETROSPECT, gap.id, &rows))
        return false;
    for (uint32_t i = 0; i < o->use_count; i++)
        if (!has_row(&rows, &o->uses[i]) && !open_one(c, &gap, &o->uses[i]))
            return false;
    return true;
}

/* ------------------------------------------------------------------- join */

/* To the incident that its host has now, or with a task of its own again. */
static bool move_on(struct casework *c, struct work_row *r, struct work_row *task, uint64_t incident)
{
    struct work_row gap, fresh;
    bool was_dropped = !is_unfinished(task);
    if (!work_find(c, WORK_GAP, (uint64_t)work_number(r, RETROSPECT_GAP), &gap) || !work_begin(c))
        return false;
    bool ok = work_set_number(c, WORK_RETROSPECT, r, RETROSPECT_INCIDENT, (int64_t)incident);
    if (was_dropped)
        ok = ok && open_task(c, &gap, r, work_number(task, TASK_DUE), &fresh) &&
             work_set_number(c, WORK_RETROSPECT, r, RETROSPECT_TASK, (int64_t)fresh.id);
    else
        ok = ok && work_set_number(c, WORK_TASK, task, TASK_INCIDENT, (int64_t)incident);
    struct deed deed = work_deed(c, "instruct", incident, "retrospect", r->id,
                                 arena_printf(c->arena, "%.*s / %.*s", STR_ARGS(task->values[TASK_TITLE_EN]),
                                              STR_ARGS(task->values[TASK_TITLE_JA])));
    return work_end(c, ok, &deed);
}

static bool join_one(struct casework *c, uint64_t id)
{
    struct work_row r, task;
    uint64_t incident;
    if (!work_find(c, WORK_RETROSPECT, id, &r) ||
        !work_find(c, WORK_TASK, (uint64_t)work_number(&r, RETROSPECT_TASK), &task))
        return false;
    if (is_unfinished(&task) && work_number(&r, RETROSPECT_INCIDENT) != 0)
        return true;
    if (!find_incident(c, r.values[RETROSPECT_HOST], r.values[RETROSPECT_IP], &incident))
        return false;
    return (is_unfinished(&task) && incident == 0) || move_on(c, &r, &task, incident);
}

bool retrospect_join(struct casework *c)
{
    uint64_t *ids = ARENA_ARRAY(c->arena, uint64_t, WAITING_MOST);
    uint32_t count;
    struct error err;
    if (!state_retrospect_waiting(c->s->state, ids, WAITING_MOST, &count, &err))
        return work_fail(c, 500, &err);
    for (uint32_t i = 0; i < count; i++)
        if (!join_one(c, ids[i]))
            return false;
    return true;
}
