/* The registers of decisions about risk: who may be entered for how long, and what follows. Next:
 * services_measure.c. */
#include "base/log.h"
#include "base/memory.h"
#include "console/roles.h"
#include "risk/services_risk.h"
#include "server/mentions.h"
#include "store/state_users.h"

static const struct kind {
    const char *name;
    uint32_t most;     /* entries that stand */
    int64_t most_days; /* until they end by themselves; 0 = they do not */
    bool needs_approver;
    const char *action; /* of the record */
} kinds[] = {
    [REGISTER_FOCUS] = {"focus", FOCUS_MAX, 30, true, "instruct"},     /* S69 */
    [REGISTER_ACCEPTANCE] = {"acceptance", 100, 366, true, "approve"}, /* S78 */
    [REGISTER_SCENARIO] = {"scenario", 1000, 366, false, "report"},
    [REGISTER_TRAINING] = {"training", 10000, 0, false, "report"},
    [REGISTER_HANDOVER] = {"handover", 200, 7, false, "report"},
    [REGISTER_SNOOZE] = {"snooze", 5000, 30, false, "execute"},
    [REGISTER_CALIBRATION] = {"calibration", 1, 0, false, "approve"},
};

const char *register_name(enum risk_register which)
{
    return kinds[which].name;
}

/* ------------------------------------------------------------------- lists */

static struct str state_of(const struct register_entry *e, int64_t now_ns)
{
    if (e->ended_ns != INT64_MAX)
        return STR("ended");
    return now_ns < e->until_ns ? STR("active") : STR("expired");
}

static void put_end(struct json_writer *w, const char *key, int64_t time_ns)
{
    json_key(w, key);
    json_put_time(w, time_ns == INT64_MAX ? TIME_UNKNOWN : time_ns);
}

static void write_entry(struct risk_answer *a, const struct register_entry *e)
{
    struct json_writer *w = a->w;
    json_begin_object(w);
    json_key(w, "id");
    json_put_i64(w, e->id);
    risk_put(w, "state", state_of(e, a->now_ns));
    risk_put(w, "kind", e->kind);
    risk_put(w, "subject", e->subject);
    risk_put(w, "reason", e->reason);
    risk_put(w, "owner", e->owner);
    risk_put(w, "approver", e->approver);
    risk_put(w, "created_by", e->created_by);
    put_end(w, "created", e->created_ns);
    put_end(w, "until", e->until_ns);
    risk_put(w, "ended_by", e->ended_by);
    risk_put(w, "ended_reason", e->ended_reason);
    put_end(w, "ended", e->ended_ns);
    json_key(w, "details");
    json_put_json(w, e->details);
    json_end_object(w);
}

bool register_list(struct risk_answer *a)
{
    struct register_entry *rows;
    struct error err;
    uint32_t count;
    if (!state_register_list(a->server->state, register_name(a->request->which),
                             a->request->with_ended ? TIME_UNKNOWN : a->now_ns, a->request->limit, a->arena,
                             &rows, &count, &err))
        return risk_fail(a, 500, &err);
    json_key(a->w, "rows");
    json_begin_array(a->w);
    for (uint32_t i = 0; i < count; i++) {
        if (a->request->which == REGISTER_ACCEPTANCE && !risk_premises(a, &rows[i]))
            return false;
        write_entry(a, &rows[i]);
    }
    json_end_array(a->w);
    return true;
}

/* ----------------------------------------------------------------- entering */

static bool check_until(const struct risk_request *r, const struct kind *kind, int64_t now_ns,
                        struct error *err)
{
    if (kind->most_days == 0)
        return true;
    if (r->until_ns <= now_ns)
        return error_set(err, "%s", tr("the end must be in the future", "期限は将来の日時にしてください"));
    return r->until_ns - now_ns <= kind->most_days * DAY_NS ||
           error_set(err, tr("the end may be at most %d days ahead", "期限は %d 日以内にしてください"),
                     (int)kind->most_days);
}

static bool check(struct risk_answer *a, const struct kind *kind)
{
    struct error err;
    if (!check_until(a->request, kind, a->now_ns, &err))
        return risk_fail(a, 400, &err);
    if (kind->needs_approver && !server_check_approver(a->server, a->request->approver, &err))
        return risk_fail(a, 400, &err);
    return true;
}

static void put_details(struct risk_answer *a, struct buf *details)
{
    const struct risk_request *r = a->request;
    struct json_writer w = {.out = details};
    json_begin_object(&w);
    if (r->which == REGISTER_SCENARIO) {
        risk_put(&w, "impact", r->impact);
        risk_put(&w, "indicators", r->indicators);
        risk_put(&w, "controls", r->controls);
    }
    if (r->which == REGISTER_TRAINING) {
        json_key(&w, "people");
        json_put_i64(&w, r->people);
        json_key(&w, "held");
        json_put_time(&w, r->from_ns);
    }
    json_end_object(&w);
}

static bool make_details(struct risk_answer *a, struct buf *details)
{
    if (a->request->which == REGISTER_ACCEPTANCE)
        return risk_estimate(a, a->request->kind, details);
    if (a->request->which == REGISTER_CALIBRATION)
        return risk_adopt(a, details);
    put_details(a, details);
    return true;
}

/* What the rest of the program must know of a change. */
static bool follow(struct risk_answer *a)
{
    struct error err;
    if (a->request->which == REGISTER_FOCUS)
        return server_reload_focus(a->server, &err) || risk_fail(a, 500, &err);
    if (a->request->which == REGISTER_CALIBRATION)
        return server_reload_calibration(a->server, &err) || risk_fail(a, 500, &err);
    return true;
}

/* An entry of the record goes with what it changes, both or neither; without a record the change stands
 * alone. */
static bool begin(struct risk_answer *a, struct error *err)
{
    struct server *s = a->server;
    return s->recorder ? recorder_begin(s->recorder, err) : state_begin(s->state, err);
}

static bool finish(struct risk_answer *a, bool ok, const char *action, int64_t id, struct error *err)
{
    struct server *s = a->server;
    const struct risk_request *r = a->request;
    struct deed deed = {.action = action,
                        .actor = r->viewer.user,
                        .role = STR_EMPTY,
                        .on_behalf = STR_EMPTY,
                        .target = arena_printf(a->arena, "%s/%lld", register_name(r->which), (long long)id),
                        .event_ns = a->now_ns,
                        .text = str_trim(r->reason),
                        .instructed_by = STR_EMPTY,
                        .approved_by = r->approver,
                        .reported_to = STR_EMPTY,
                        .evidence = STR_EMPTY,
                        .criteria_version = STR_EMPTY};
    if (s->recorder == NULL && ok)
        return state_commit(s->state, err);
    if (s->recorder == NULL)
        state_rollback(s->state);
    else if (ok)
        return recorder_commit(s->recorder, &deed, err);
    else
        recorder_rollback(s->recorder);
    return false;
}

static bool may_see_worklist(void *context, struct str user, unsigned roles)
{
    (void)context;
    (void)user;
    return roles_permissions(roles) & MAY_WORK_INCIDENTS;
}

/* "to" is free text; the name of an account in it is meant like "@" and the name. */
static bool tell(struct risk_answer *a, const struct register_entry *e, int64_t id,
                 struct mention_outcome *outcome, struct error *err)
{
    struct user user;
    bool is_account;
    struct str to = str_trim_chars(e->subject, "@");
    if (!state_users_find(a->server->state, to, a->arena, &user, &is_account, err))
        return false;
    bool is_named = is_account || str_starts(e->subject, STR("@"));
    struct mention_source source = {.kind = "handover",
                                    .item = (uint64_t)id,
                                    .author = e->created_by,
                                    .text = e->reason,
                                    .names = is_named ? to : STR_EMPTY,
                                    .at_ns = e->created_ns,
                                    .may_see = may_see_worklist};
    return mentions_add(a->server->state, &source, a->arena, outcome, err);
}

static bool enter(struct risk_answer *a, const struct kind *kind, struct str details)
{
    const struct risk_request *r = a->request;
    struct error err;
    int64_t id;
    struct register_entry e = {.kind = r->kind,
                               .subject = str_trim(r->subject),
                               .reason = str_trim(r->reason),
                               .owner = str_trim(r->owner),
                               .approver = r->approver,
                               .created_by = r->viewer.user,
                               .created_ns = a->now_ns,
                               .until_ns = kind->most_days ? r->until_ns : INT64_MAX,
                               .details = details};
    if (!begin(a, &err))
        return risk_fail(a, 500, &err);
    struct mention_outcome outcome;
    bool is_note = r->which == REGISTER_HANDOVER;
    bool ok = state_register_add(a->server->state, kind->name, &e, kind->most, &id, &err) &&
              (!is_note || tell(a, &e, id, &outcome, &err));
    if (!finish(a, ok, kind->action, ok ? id : 0, &err))
        return risk_fail(a, ok ? 500 : 409, &err);
    json_key(a->w, "id");
    json_put_i64(a->w, id);
    if (is_note)
        mentions_members(&outcome, a->w);
    return follow(a);
}

bool register_add(struct risk_answer *a)
{
    const struct kind *kind = &kinds[a->request->which];
    struct buf details = {0};
    bool ok = check(a, kind) && make_details(a, &details) && enter(a, kind, buf_str(&details));
    buf_free(&details);
    return ok;
}

bool register_end(struct risk_answer *a)
{
    const struct risk_request *r = a->request;
    int64_t id = r->id > INT64_MAX ? 0 : (int64_t)r->id; /* none has 0 */
    struct error err;
    if (!begin(a, &err))
        return risk_fail(a, 500, &err);
    bool ok = state_register_end(a->server->state, register_name(r->which), id, r->viewer.user,
                                 str_trim(r->reason), a->now_ns, &err);
    if (!finish(a, ok, "close", id, &err))
        return risk_fail(a, ok ? 500 : 404, &err);
    return follow(a);
}

/* --------------------------------------------------------------- acceptances */

bool server_review_acceptances(struct server *s, struct error *err)
{
    struct arena arena;
    struct register_entry *rows;
    uint32_t count;
    struct risk_request request = {.action = RISK_LIST, .which = REGISTER_ACCEPTANCE};
    struct console_failure failure = {0};
    arena_init(&arena, 16 << 10);
    struct risk_answer a = {
        .server = s, .request = &request, .arena = &arena, .failure = &failure, .now_ns = clock_wall_ns()};
    bool ok = state_register_list(s->state, register_name(REGISTER_ACCEPTANCE), a.now_ns,
                                  kinds[REGISTER_ACCEPTANCE].most, &arena, &rows, &count, err);
    for (uint32_t i = 0; ok && i < count; i++)
        if (!risk_premises(&a, &rows[i])) {
            *err = failure.en;
            ok = false;
        }
    arena_free(&arena);
    return ok;
}

/* ------------------------------------------------------------------- focus */

bool server_reload_focus(struct server *s, struct error *err)
{
    struct arena arena;
    struct register_entry *rows;
    uint32_t count, used = 0;
    enum risk_kind kind;
    arena_init(&arena, 16 << 10);
    pthread_mutex_lock(&s->reload_lock);
    bool ok = state_register_list(s->state, register_name(REGISTER_FOCUS), clock_wall_ns(), FOCUS_MAX, &arena,
                                  &rows, &count, err);
    struct focus_entry *entries = ARENA_ARRAY(&arena, struct focus_entry, (ok ? count : 0) + 1);
    for (uint32_t i = 0; ok && i < count; i++)
        if (risk_kind_parse(rows[i].kind, &kind))
            entries[used++] =
                (struct focus_entry){rows[i].id,    (enum focus_kind)kind, rows[i].subject, rows[i].reason,
                                     rows[i].owner, rows[i].created_ns,    rows[i].until_ns};
    if (ok)
        desk_set_focus(s->desk, focus_new(entries, used));
    pthread_mutex_unlock(&s->reload_lock);
    arena_free(&arena);
    return ok;
}
