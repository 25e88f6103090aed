/* The desk keeps: judgements and their entries in the record, then how far it has come, then what instruments
 * and fleet have gathered. Next: desk_restore.c. */
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "desk/desk_internal.h"
#include "incident/incident.h"
#include "store/state_desk.h"
#include "store/state_identity.h"
#include "store/state_incidents.h"

#define KEEP_AT_ONCE         256 /* candidates in one transaction, or what HOLD_NS suffices for */
#define KEEP_AT_LEAST        16
#define HOLD_NS              (5 * NS_PER_MS) /* the desk thread waits so long for the lock */
#define TURN_NS              (200 * 1000)    /* between two of them, so that it gets the lock */
#define STATE_PATIENCE       1000            /* turns that others may keep the state for */
#define OBSERVERS_EVERY_NS   (60 * NS_PER_SECOND)
#define OBSERVERS_COST_SHARE 50  /* and so much longer than the desk stood still for it the last time */
#define EXPIRE_AT_ONCE       500 /* candidates in one transaction; the next one takes the rest */

static bool record_merge(struct desk *d, uint64_t id, const struct incident *into, struct error *err)
{
    char target[40], evidence[40];
    if (d->options.recorder == NULL)
        return true;
    if (!recorder_begin(d->options.recorder, err))
        return false;
    snprintf(target, sizeof target, "incident/%llu", (unsigned long long)id);
    snprintf(evidence, sizeof evidence, "incident/%llu", (unsigned long long)into->id);
    return recorder_commit(d->options.recorder,
                           &(struct deed){.action = "judge",
                                          .actor = STR("hyakuyo"),
                                          .incident = id,
                                          .target = str_c(target),
                                          .event_ns = into->last_ns,
                                          .evidence = str_c(evidence)},
                           err);
}

static bool close_absorbed(struct desk *d, uint64_t id, const struct incident *into, struct error *err)
{
    struct arena arena;
    struct incident absorbed;
    arena_init(&arena, 64 << 10);
    bool ok = state_incidents_load(d->options.state, id, &arena, &absorbed, err);
    if (ok && absorbed.state == INCIDENT_CANDIDATE) { /* nobody has worked on it: it just goes */
        ok = state_candidates_remove(d->options.state, id, err);
    } else if (ok && incident_is_open(absorbed.state)) {
        struct state_change change = {.who = STR("hyakuyo"),
                                      .note = arena_printf(&arena, "merged into #%llu / 統合先 #%llu",
                                                           (unsigned long long)into->id,
                                                           (unsigned long long)into->id),
                                      .when_ns = clock_wall_ns(),
                                      .from = absorbed.state,
                                      .to = INCIDENT_MERGED};
        ok = state_incidents_change(d->options.state, id, &change, err) && record_merge(d, id, into, err);
    }
    arena_free(&arena);
    return ok;
}

/* The state of a stored incident moves only through state_incidents_change(). */
static bool note_promotion(struct desk *d, const struct incident *incident, struct error *err)
{
    struct state_change change = {.who = STR("hyakuyo"),
                                  .note = STR_EMPTY,
                                  .when_ns = clock_wall_ns(),
                                  .from = INCIDENT_CANDIDATE,
                                  .to = INCIDENT_NEW};
    return state_incidents_change(d->options.state, incident->id, &change, err);
}

struct news {
    const struct incident *incident;
    bool is_new;
};

struct keeping {
    struct desk *desk;
    struct buf news; /* struct news each: told once they are kept */
    struct error *err;
};

/* What the machine makes of an incident, old to new (S167): an entry when something of it changed. */
static bool record_judgement(struct desk *d, const struct incident *now, struct error *err)
{
    char target[40];
    if (d->options.recorder == NULL || !recorder_waits(d->options.recorder))
        return true;
    snprintf(target, sizeof target, "incident/%llu", (unsigned long long)now->id);
    return recorder_append(d->options.recorder,
                           &(struct deed){.action = "judge",
                                          .actor = STR("hyakuyo"),
                                          .incident = now->id,
                                          .target = str_c(target),
                                          .event_ns = now->last_ns},
                           err);
}

static bool keep_in_state(struct desk *d, const struct judgement *j, bool is_new, struct error *err)
{
    bool was_stored = j->candidate->id != 0;
    if (!state_incidents_save(d->options.state, j->candidate, err) ||
        (was_stored && is_new && !note_promotion(d, j->candidate, err)) ||
        (j->candidate->state != INCIDENT_CANDIDATE && !record_judgement(d, j->candidate, err)))
        return false;
    for (uint32_t i = 0; i < j->absorbed_count; i++)
        if (!close_absorbed(d, j->absorbed_ids[i], j->candidate, err))
            return false;
    return true;
}

static bool keep(void *context, const struct judgement *j)
{
    struct keeping *k = context;
    struct desk *d = k->desk;
    bool is_new = incident_promote(j->candidate, j->deserves_incident,
                                   j->deserved_ns ? j->deserved_ns : j->candidate->last_ns);
    if (d->options.state != NULL && !keep_in_state(d, j, is_new, k->err))
        return false;
    if (d->options.state == NULL && is_new)
        j->candidate->id = ++d->next_id;
    struct news news = {j->candidate, is_new};
    buf_bytes(&k->news, &news, sizeof news);
    return true;
}

static void tell(const struct desk *d, struct str all)
{
    struct news news;
    for (; all.n && d->options.changed != NULL; all = str_skip(all, sizeof news)) {
        memcpy(&news, all.p, sizeof news);
        d->options.changed(d->options.context, news.incident, news.is_new);
    }
}

/* ---------------------------------------------------------------- keeping */

static bool hand_out(struct desk *d, enum hand_out which, uint32_t most,
                     bool (*begin)(struct state *s, struct error *err), struct error *err)
{
    struct keeping k = {.desk = d, .err = err};
    struct state *state = d->options.state;
    if (state != NULL && !begin(state, err))
        return false;
    bool ok = judge_hand_out(d->judge, which, most, keep, &k);
    if (state != NULL && ok)
        ok = state_commit(state, err);
    else if (state != NULL)
        state_rollback(state);
    judge_settle(d->judge, ok);
    if (ok)
        tell(d, buf_str(&k.news));
    buf_free(&k.news);
    return ok;
}

bool desk_hand_out(struct desk *d, enum hand_out which, uint32_t most, struct error *err)
{
    return hand_out(d, which, most, state_begin, err);
}

/* Desk, then state, as everywhere; but while another has the state for long, findings are not held up. */
static void lock_with_state(struct desk *d)
{
    pthread_mutex_lock(&d->lock);
    if (d->options.state == NULL)
        return;
    for (int turn = 0; !state_try_lock(d->options.state); turn++) {
        if (turn == STATE_PATIENCE) {
            state_lock(d->options.state);
            return;
        }
        pthread_mutex_unlock(&d->lock);
        nanosleep(&(struct timespec){0, TURN_NS}, NULL);
        pthread_mutex_lock(&d->lock);
    }
}

static void unlock_with_state(struct desk *d)
{
    if (d->options.state != NULL)
        state_unlock(d->options.state);
    pthread_mutex_unlock(&d->lock);
}

/* What had changed when this begins, without d->lock and bit by bit: findings go on meanwhile. It is on the
 * disk with the next state_sync(). */
static bool keep_changed(struct desk *d, enum hand_out which, struct error *err)
{
    bool ok = true;
    uint32_t step = KEEP_AT_LEAST;
    lock_with_state(d);
    for (uint32_t left = judge_waiting(d->judge, which); ok && left > 0;) {
        uint32_t some = left < step ? left : step;
        int64_t started_ns = clock_monotonic_ns();
        ok = hand_out(d, which, some, state_begin_unsynced, err);
        left -= some;
        int64_t held_ns = clock_monotonic_ns() - started_ns;
        if (held_ns > HOLD_NS && step > KEEP_AT_LEAST)
            step /= 2;
        else if (held_ns < HOLD_NS / 2 && step < KEEP_AT_ONCE)
            step *= 2;
        if (!ok || left == 0)
            break;
        unlock_with_state(d);
        nanosleep(&(struct timespec){0, TURN_NS}, NULL);
        lock_with_state(d);
    }
    unlock_with_state(d);
    return ok;
}

static void go_on(struct desk *d)
{
    desk_read_notes(d);
    judge_let_go(d->judge);
}

bool desk_keep_incidents(struct desk *d, struct error *err)
{
    pthread_mutex_lock(&d->lock);
    bool is_flood = judge_changed_count(d->judge) > KEEP_ALL_BEYOND;
    pthread_mutex_unlock(&d->lock);
    if (!keep_changed(d, is_flood ? HAND_OUT_ALL : HAND_OUT_INCIDENTS, err) ||
        (d->options.state != NULL && !state_sync(d->options.state, err)))
        return false;
    pthread_mutex_lock(&d->lock);
    go_on(d);
    pthread_mutex_unlock(&d->lock);
    return true;
}

/* The state of everything at one event. */
struct capture {
    uint64_t taken;
    int64_t watermark_ns;
    struct buf correlations, priors, risk, instruments, fleet;
    struct rollup_cells trends; /* counted since the last capture */
    struct arena arena;         /* of what follows */
    struct identity_change identity;
    int64_t identity_watermark_ns, identity_history_ns;
};

static bool save_posture(struct state *state, struct str posture, struct error *err)
{
    if (!state_begin_unsynced(state, err))
        return false;
    if (state_desk_save_part(state, &(struct desk_part){"posture", posture}, err))
        return state_commit(state, err);
    state_rollback(state);
    return false;
}

/* The posture is that of now: what comes again changes nothing in it, and what people decided meanwhile
 * stays. */
static bool keep_posture(struct desk *d, struct error *err)
{
    struct buf posture = {0};
    if (d->posture == NULL || d->options.state == NULL)
        return true;
    posture_save(d->posture, &posture);
    uint64_t hash = str_hash(buf_str(&posture));
    bool ok = hash == d->posture_kept || save_posture(d->options.state, buf_str(&posture), err);
    if (ok)
        d->posture_kept = hash;
    buf_free(&posture);
    return ok;
}

/* Everything up to it has been kept. Without d->lock: thousands of intervals of identity take a while, and
 * nothing of this is the desk's any more. */
static bool keep_progress(struct desk *d, const struct capture *at, int64_t horizon_ns, struct error *err)
{
    uint64_t counted = atomic_load(&d->counted_before);
    struct desk_progress progress = {.counted_through = at->taken > counted ? at->taken : counted,
                                     .watermark_ns = at->watermark_ns,
                                     .correlations = buf_str(&at->correlations),
                                     .parts = {{"priors", buf_str(&at->priors)},
                                               {"identity", str_n((const char *)&at->identity_watermark_ns,
                                                                  sizeof at->identity_watermark_ns)},
                                               {"risk", buf_str(&at->risk)}},
                                     .part_count = 3};
    struct state *state = d->options.state;
    if (state == NULL)
        return true;
    if (!state_begin(state, err))
        return false;
    bool ok =
        state_desk_save(state, &progress, err) &&
        state_identity_save(state, at->identity.rows, at->identity.count, at->identity_history_ns, err) &&
        state_candidates_expire(state, horizon_ns, EXPIRE_AT_ONCE, err) &&
        (d->options.rollup == NULL || desk_keep_trends(d, &at->trends, err));
    if (ok)
        return state_commit(state, err);
    state_rollback(state);
    return false;
}

/* The desk stands still for as long as this takes: the larger, the more seldom. */
static void capture_observers(struct desk *d, struct buf *instruments, struct buf *fleet)
{
    int64_t started_ns = clock_monotonic_ns();
    if (started_ns < d->observers_due_ns)
        return;
    if (d->options.instruments_path != NULL)
        instruments_save(d->options.instruments, instruments);
    if (d->options.fleet_path != NULL)
        fleet_save(d->options.fleet, fleet);
    d->observers_due_ns =
        started_ns + OBSERVERS_EVERY_NS + OBSERVERS_COST_SHARE * (clock_monotonic_ns() - started_ns);
}

static void capture(struct desk *d, struct capture *at)
{
    *at = (struct capture){.taken = atomic_load(&d->taken_through), .watermark_ns = d->watermark_ns};
    if (d->saved_correlations.n) /* nobody has taken them up yet */
        buf_add(&at->correlations, buf_str(&d->saved_correlations));
    else
        correlator_save(d->correlator, &at->correlations);
    priors_save(d->priors, &at->priors);
    risk_save(d->risk, &at->risk);
    capture_observers(d, &at->instruments, &at->fleet);
    if (d->options.rollup != NULL)
        rollup_hand_over(d->options.rollup, &at->trends);
    arena_init(&at->arena, 16 << 10);
    if (d->options.identity == NULL || d->options.state == NULL)
        return;
    identity_changes(d->options.identity, &at->arena, &at->identity);
    at->identity_watermark_ns = identity_watermark(d->options.identity);
    at->identity_history_ns = identity_history_from(d->options.identity);
}

static void release(struct capture *at)
{
    rollup_cells_free(&at->trends);
    buf_free(&at->correlations);
    buf_free(&at->priors);
    buf_free(&at->risk);
    buf_free(&at->instruments);
    arena_free(&at->arena);
    buf_free(&at->fleet);
}

static bool keep_all(struct desk *d, struct capture *at, struct error *err)
{
    pthread_mutex_lock(&d->lock);
    capture(d, at);
    pthread_mutex_unlock(&d->lock);
    bool ok = keep_changed(d, HAND_OUT_ALL, err);
    lock_with_state(d);
    ok = ok && keep_posture(d, err);
    int64_t horizon_ns = judge_horizon(d->judge);
    unlock_with_state(d);
    ok = ok && keep_progress(d, at, horizon_ns, err);
    pthread_mutex_lock(&d->lock);
    if (!ok && d->options.rollup != NULL) /* counted with the next */
        rollup_put_back(d->options.rollup, &at->trends);
    if (ok && at->identity.version)
        identity_saved(d->options.identity, at->identity.version);
    if (ok)
        go_on(d);
    pthread_mutex_unlock(&d->lock);
    return ok;
}

/* What has changed when this begins is kept when it ends. */
bool desk_keep_all(struct desk *d, struct error *err)
{
    struct capture at;
    pthread_mutex_lock(&d->keeping);
    bool ok = keep_all(d, &at, err);
    if (ok && at.instruments.n) /* only now: it must never know more than what is kept */
        ok = file_write_atomic(d->options.instruments_path, buf_str(&at.instruments), 0600, err);
    if (ok && at.fleet.n)
        ok = file_write_atomic(d->options.fleet_path, buf_str(&at.fleet), 0600, err);
    release(&at);
    pthread_mutex_unlock(&d->keeping);
    return ok;
}
