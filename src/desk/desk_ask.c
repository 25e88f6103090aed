/* What others ask of the desk and tell it, from any thread: answers of a hearing, the posture, risk and
 * focus, instruments, the fleet. */
#include "base/log.h"
#include "desk/desk_internal.h"
#include "incident/incident.h"
#include "store/state_desk.h"
#include "store/state_incidents.h"

/* ---------------------------------------------------------------- hearing */

bool desk_hear(struct desk *d, uint64_t id, const struct incident_finding *said, struct error *err)
{
    pthread_mutex_lock(&d->lock);
    desk_read_notes(d);
    enum judge_answer answer = judge_hear(d->judge, id, said);
    if (answer == JUDGE_NOT_HELD) {
        desk_take_up_again(d, id);
        answer = judge_hear(d->judge, id, said);
    }
    bool ok = answer == JUDGE_DONE && desk_hand_out(d, HAND_OUT_INCIDENTS, UINT32_MAX, err);
    pthread_mutex_unlock(&d->lock);
    if (answer == JUDGE_DONE)
        return ok;
    return error_set(err,
                     tr("incident %llu takes no more evidence",
                        "インシデント %llu にはこれ以上の証拠を加えられません"),
                     (unsigned long long)id);
}

/* ----------------------------------------------------------------- regroup */

/* As state.db has it now: the judge's own picture of it is of before. */
static void take_up_changed(struct desk *d, uint64_t id)
{
    struct arena arena;
    struct incident incident;
    struct error err;
    arena_init(&arena, 64 << 10);
    if (!state_incidents_load(d->options.state, id, &arena, &incident, &err)) {
        log_warning("%s", err.text);
    } else {
        judge_set_state(d->judge, id, incident.state, false);
        if (incident_is_open(incident.state)) {
            judge_restore(d->judge, &incident, true);
            judge_weigh_again(d->judge, id);
        }
    }
    arena_free(&arena);
}

bool desk_regroup(struct desk *d, bool (*regroup)(void *context, uint64_t ids[2]), void *context,
                  struct error *err)
{
    uint64_t ids[2];
    pthread_mutex_lock(&d->lock);
    desk_read_notes(d);
    bool ok = desk_hand_out(d, HAND_OUT_ALL, UINT32_MAX, err);
    desk_read_notes(d); /* those that waited for it */
    ok = ok && regroup(context, ids);
    if (ok) {
        take_up_changed(d, ids[0]);
        take_up_changed(d, ids[1]);
        ok = desk_hand_out(d, HAND_OUT_INCIDENTS, UINT32_MAX, err);
    }
    pthread_mutex_unlock(&d->lock);
    return ok;
}

/* ----------------------------------------------------------------- posture */

/* What a decision of people may change, in one line for the record; the reasons are in its entry's text. */
static struct str posture_words(struct desk *d, struct arena *arena)
{
    struct posture_view v;
    uint32_t confirmed = 0;
    posture_view(d->posture, &v);
    for (uint32_t i = 0; i < v.notice_count; i++)
        confirmed += v.notices[i].is_confirmed;
    bool is_overridden = v.override != NULL && v.override->expires_ns != 0;
    struct str level = posture_level_name(v.level), computed = posture_level_name(v.computed);
    return arena_printf(arena,
                        "level=%.*s;computed=%.*s;override_until=%lld;approver=%s;notices=%u;confirmed=%u",
                        STR_ARGS(level), STR_ARGS(computed),
                        is_overridden ? (long long)v.override->expires_ns : 0LL,
                        is_overridden ? v.override->approver : "", v.notice_count, confirmed);
}

static bool keep_posture(struct desk *d, struct str before, struct arena *arena, struct error *err)
{
    struct buf saved = {0};
    posture_save(d->posture, &saved);
    bool ok = state_desk_save_part(d->options.state, &(struct desk_part){"posture", buf_str(&saved)}, err);
    buf_free(&saved);
    d->posture_kept = 0; /* the transaction may yet be undone */
    if (ok && d->options.recorder != NULL)
        recorder_change(d->options.recorder, "posture", 1, "decision", before, posture_words(d, arena));
    return ok;
}

/* The decision, what is kept of it and its entry, or nothing. Desk, then state: the order of the locks. */
static bool decide_posture(struct desk *d,
                           bool (*use)(void *context, struct posture *posture, struct error *err),
                           void *context, struct error *err)
{
    struct recorder *r = d->options.recorder;
    struct arena arena;
    if (d->options.state == NULL)
        return use(context, d->posture, err);
    if (!(r ? recorder_begin(r, err) : state_begin(d->options.state, err)))
        return false;
    arena_init(&arena, 1024);
    struct str before = posture_words(d, &arena);
    bool ok = use(context, d->posture, err) && keep_posture(d, before, &arena, err);
    if (!ok)
        state_rollback(d->options.state);
    else if (r)
        ok = recorder_commit_act(
            r, &(struct deed){.action = "judge", .actor = STR("hyakuyo"), .target = STR("posture")}, err);
    else
        ok = state_commit(d->options.state, err);
    arena_free(&arena);
    return ok;
}

struct str desk_posture_level(struct desk *d)
{
    int level = atomic_load(&d->level_shown);
    return level == LEVEL_NOT_JUDGED ? STR("unknown") : posture_level_name((enum posture_level)level);
}

bool desk_use_posture(struct desk *d, bool decides,
                      bool (*use)(void *context, struct posture *posture, struct error *err), void *context,
                      struct error *err)
{
    if (d->posture == NULL)
        return error_set(err, "%s", tr("there is no posture here", "警戒態勢は設定されていません"));
    pthread_mutex_lock(&d->lock);
    bool ok = decides ? decide_posture(d, use, context, err) : use(context, d->posture, err);
    desk_follow_posture(d);
    if (ok && decides)
        desk_show_level(d);
    pthread_mutex_unlock(&d->lock);
    return ok;
}

/* ---------------------------------------------------- risk, focus, learning */

void desk_set_focus(struct desk *d, struct focus *focus)
{
    pthread_mutex_lock(&d->lock);
    priors_set_focus(d->priors, focus);
    focus_free(d->focus);
    d->focus = focus;
    pthread_mutex_unlock(&d->lock);
}

void desk_set_isolated(struct desk *d, const struct str *hosts, size_t count)
{
    pthread_mutex_lock(&d->lock);
    priors_set_isolated(d->priors, hosts, count);
    pthread_mutex_unlock(&d->lock);
}

void desk_set_learned(struct desk *d, const struct learned *learned, struct arena *arena)
{
    pthread_mutex_lock(&d->lock);
    judge_set_learned(d->judge, learned);
    desk_free_learned(d);
    d->learned = arena;
    pthread_mutex_unlock(&d->lock);
}

void desk_ask_risk(struct desk *d, desk_risk_question *ask, void *context)
{
    pthread_mutex_lock(&d->lock);
    ask(context, d->risk, d->focus, d->reached_ns > d->watermark_ns ? d->reached_ns : d->watermark_ns);
    pthread_mutex_unlock(&d->lock);
}

/* ------------------------------------------------------------- instruments */

void desk_keep_instruments_next(struct desk *d)
{
    pthread_mutex_lock(&d->lock);
    d->observers_due_ns = 0;
    pthread_mutex_unlock(&d->lock);
}

uint64_t desk_observed_through(struct desk *d)
{
    pthread_mutex_lock(&d->lock);
    uint64_t through = d->options.instruments ? instruments_through(d->options.instruments) : UINT64_MAX - 1;
    if (d->options.fleet != NULL && fleet_through(d->options.fleet) < through)
        through = fleet_through(d->options.fleet);
    pthread_mutex_unlock(&d->lock);
    return through;
}

void desk_relearn(struct desk *d, struct batch *batch)
{
    pthread_mutex_lock(&d->lock);
    if (d->options.instruments != NULL)
        instruments_take(d->options.instruments, batch);
    if (d->options.fleet != NULL)
        fleet_take(d->options.fleet, batch);
    pthread_mutex_unlock(&d->lock);
}

/* ------------------------------------------------------------------- fleet */

void desk_set_fleet_rules(struct desk *d, struct fleet_rules *rules)
{
    pthread_mutex_lock(&d->lock);
    if (d->options.fleet != NULL)
        fleet_use(d->options.fleet, rules);
    else
        fleet_rules_free(rules);
    pthread_mutex_unlock(&d->lock);
}

bool desk_ask_fleet(struct desk *d, desk_question *ask, void *context)
{
    pthread_mutex_lock(&d->lock);
    if (d->options.fleet != NULL)
        ask(context, d->options.fleet, d->context ? context_assets(d->context) : NULL);
    pthread_mutex_unlock(&d->lock);
    return d->options.fleet != NULL;
}

bool desk_ask_instruments(struct desk *d, void (*ask)(void *context, const struct instruments *all),
                          void *context)
{
    pthread_mutex_lock(&d->lock);
    if (d->options.instruments != NULL)
        ask(context, d->options.instruments);
    pthread_mutex_unlock(&d->lock);
    return d->options.instruments != NULL;
}

bool desk_describe_finding(struct desk *d, struct str finding_id, struct arena *a, struct rule_info *out)
{
    const struct rule_info *info = NULL;
    pthread_mutex_lock(&d->lock);
    if (d->options.instruments != NULL)
        info = instruments_finding(d->options.instruments, finding_id);
    if (info == NULL && d->options.fleet != NULL)
        info = fleet_finding(d->options.fleet, finding_id);
    if (info != NULL)
        *out = (struct rule_info){.id = arena_str(a, info->id),
                                  .title_en = arena_str(a, info->title_en),
                                  .title_ja = arena_str(a, info->title_ja),
                                  .level = info->level,
                                  .evidence_group = arena_str(a, info->evidence_group),
                                  .stage = arena_str(a, info->stage)};
    pthread_mutex_unlock(&d->lock);
    return info != NULL;
}
