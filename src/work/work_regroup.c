/* Findings change their incident: merging moves all of them, splitting those of some hosts. The desk stands
 * still meanwhile and weighs both incidents anew from what they hold then. Next: work_items.c. */
#include "work/work.h"

#include "base/log.h"
#include "incident/incident.h"
#include "store/state_incidents.h"

bool work_regroup(struct casework *c, bool (*regroup)(void *context, uint64_t ids[2]), void *context)
{
    struct error err = {.text = ""};
    if (desk_regroup(c->s->desk, regroup, context, &err))
        return true;
    return err.text[0] ? work_fail(c, 503, &err) : false; /* the failure is set already */
}

/* In the incident's own log, so that its timeline shows it. */
static bool note_in_log(struct casework *c, uint64_t id, enum incident_state state, struct str note)
{
    struct error err;
    struct state_change step = {
        .who = c->actor, .note = note, .when_ns = c->now_ns, .from = state, .to = state};
    return state_incidents_change(c->s->state, id, &step, &err) || work_fail(c, 409, &err);
}

/* "English / Japanese": the console shows the half that is read. */
static struct str moved_words(struct casework *c, const char *en, const char *ja, uint64_t other,
                              uint32_t count)
{
    return arena_printf(c->arena, "%s #%llu (%u findings) / %s #%llu（検知 %u 件）", en,
                        (unsigned long long)other, count, ja, (unsigned long long)other, count);
}

bool work_move_all_findings(struct casework *c, const struct incident *from, uint64_t to)
{
    struct error err;
    struct incident target;
    if (!work_incident(c, to, &target))
        return false;
    for (uint32_t i = 0; i < from->finding_count; i++)
        if (!state_incidents_move_finding(c->s->state, from->findings[i].id, from->id, to, &err))
            return work_fail(c, 503, &err);
    return note_in_log(c, to, target.state,
                       moved_words(c, "took in", "統合元", from->id, from->finding_count));
}

bool work_merge(struct casework *c)
{
    struct incident incident;
    struct incident_change change = {.id = c->q->id,
                                     .has_state = true,
                                     .state = INCIDENT_MERGED,
                                     .note = work_value(c, "note"),
                                     .target = (uint64_t)work_value_number(c, "into", 0)};
    return work_change_state(c, &change) && work_incident(c, change.target, &incident) &&
           work_answer_case(c, &incident);
}

/* "name" or "address" or "name (address)" of a finding, against the list of the request. */
static bool is_listed(struct str list, const struct incident_finding *f)
{
    struct str part;
    while (list.n && str_split(&list, ';', &part)) {
        part = str_trim(part);
        if (part.n && (str_eq_nocase(part, f->host_name) || str_eq(part, f->host_ip)))
            return true;
    }
    return false;
}

static void widen(struct casework *c, struct incident *to, const struct incident_finding *f)
{
    struct str name =
        f->host_name.n ? arena_printf(c->arena, "%.*s (%.*s)", STR_ARGS(f->host_name), STR_ARGS(f->host_ip))
                       : f->host_ip;
    struct str *list = f->is_outside ? &to->outside : &to->hosts;
    if (!str_contains(*list, name))
        *list = list->n ? arena_printf(c->arena, "%.*s;%.*s", STR_ARGS(*list), STR_ARGS(name)) : name;
    to->first_ns = f->first_ns < to->first_ns ? f->first_ns : to->first_ns;
    to->last_ns = f->last_ns > to->last_ns ? f->last_ns : to->last_ns;
}

struct splitting {
    struct casework *c;
    struct incident from, to;
    bool *is_moved; /* of from.findings */
    uint32_t moved;
};

/* The new incident, without findings yet. False when it would get none or all. */
static bool choose(struct splitting *s)
{
    struct str hosts = work_value(s->c, "hosts");
    s->to = s->from;
    s->to.id = 0;
    s->to.state = INCIDENT_NEW;
    s->to.hosts = s->to.outside = STR_EMPTY;
    s->to.opened_ns = s->from.last_ns;
    s->to.first_ns = INT64_MAX;
    s->to.last_ns = INT64_MIN;
    s->to.finding_count = 0;
    s->is_moved = ARENA_ARRAY(s->c->arena, bool, s->from.finding_count + 1);
    for (uint32_t i = 0; i < s->from.finding_count; i++) {
        s->is_moved[i] = is_listed(hosts, &s->from.findings[i]);
        s->moved += s->is_moved[i];
        if (s->is_moved[i])
            widen(s->c, &s->to, &s->from.findings[i]);
    }
    return s->moved > 0 && s->moved < s->from.finding_count;
}

static bool move_chosen(struct splitting *s)
{
    struct casework *c = s->c;
    struct error err;
    if (!state_incidents_save(c->s->state, &s->to, &err))
        return work_fail(c, 503, &err);
    for (uint32_t i = 0; i < s->from.finding_count; i++)
        if (s->is_moved[i] &&
            !state_incidents_move_finding(c->s->state, s->from.findings[i].id, s->from.id, s->to.id, &err))
            return work_fail(c, 503, &err);
    return note_in_log(c, s->from.id, s->from.state,
                       moved_words(c, "split off into", "分割先", s->to.id, s->moved)) &&
           note_in_log(c, s->to.id, INCIDENT_NEW,
                       moved_words(c, "split off from", "分割元", s->from.id, s->moved)) &&
           work_relate(c, s->from.id, s->to.id, "split_into", "split_from", work_value(c, "note"));
}

static bool split(void *context, uint64_t ids[2])
{
    struct splitting *s = context;
    struct casework *c = s->c;
    if (!work_incident(c, c->q->id, &s->from))
        return false;
    if (!incident_is_open(s->from.state))
        return work_refuse(c, 409, "The incident is over.", "終了したインシデントです。");
    if (!choose(s))
        return work_refuse(c, 400, "\"hosts\" must name some of the incident's hosts, and not all of them.",
                           "「hosts」にはこのインシデントの端末の一部を指定してください(全部は不可)。");
    if (!work_begin(c))
        return false;
    bool ok = move_chosen(s);
    struct deed deed = work_deed(c, "correct", s->from.id, "incident", s->to.id, work_value(c, "note"));
    ids[0] = s->from.id;
    ids[1] = s->to.id;
    return work_end(c, ok, &deed);
}

bool work_split(struct casework *c)
{
    struct splitting s = {.c = c};
    if (!work_regroup(c, split, &s))
        return false;
    work_follow(c->s, &s.to);
    c->answer->status = 201;
    return work_incident(c, s.from.id, &s.from) && work_answer_case(c, &s.from);
}
