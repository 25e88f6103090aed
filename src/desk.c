/* Judge and incident in one thread. Within one transaction for all candidates that changed: candidate →
 * judgement → incident → state.db, and what was kept is told. A batch that comes again after a restart
 * changes nothing that was kept: candidates know the last event they counted. */
#include "desk.h"

#include <pthread.h>

#include "base/log.h"
#include "base/memory.h"
#include "incident/incident.h"
#include "store/state_incidents.h"

#define RESTORE_MAX 10000

struct desk {
    struct desk_options options;
    struct judge *judge;
    int64_t watermark_ns; /* latest event time so far; nothing happens after it was received */
    uint64_t next_id;     /* without state.db */
    pthread_mutex_t notes_lock;
    struct buf notes; /* struct note each */
};

static bool restore(struct desk *d, struct error *err)
{
    struct arena arena;
    struct incident_page page = {.selection = SELECT_LIVING, .limit = RESTORE_MAX, .with_findings = true};
    arena_init(&arena, 256 << 10);
    bool ok = state_incidents_list(d->options.state, &arena, &page, err);
    for (uint32_t i = 0; ok && i < page.count; i++)
        judge_restore(d->judge, &page.incidents[i]);
    arena_free(&arena);
    return ok;
}

struct desk *desk_new(const struct desk_options *options, struct error *err)
{
    struct desk *d = NEW(struct desk);
    d->options = *options;
    d->judge = judge_new(options->criteria);
    d->watermark_ns = INT64_MIN;
    pthread_mutex_init(&d->notes_lock, NULL);
    if (options->state != NULL && !restore(d, err)) {
        desk_free(d);
        return NULL;
    }
    return d;
}

void desk_free(struct desk *d)
{
    if (d == NULL)
        return;
    judge_free(d->judge);
    buf_free(&d->notes);
    pthread_mutex_destroy(&d->notes_lock);
    memory_free(d);
}

static bool close_absorbed(struct desk *d, uint64_t id, const struct incident *into, struct error *err)
{
    struct arena arena;
    struct incident absorbed;
    arena_init(&arena, 64 << 10);
    bool ok = state_incidents_load(d->options.state, id, &arena, &absorbed, err);
    if (ok && incident_is_open(absorbed.state)) {
        struct state_change change = {.who = STR("hyakuyo"),
                                      .note = arena_printf(&arena, "merged into #%llu",
                                                           (unsigned long long)into->id),
                                      .when_ns = clock_wall_ns(),
                                      .from = absorbed.state,
                                      .to = INCIDENT_MERGED};
        ok = state_incidents_change(d->options.state, id, &change, err);
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

static bool keep_in_state(struct desk *d, const struct judgement *j, bool is_new, struct error *err)
{
    bool was_stored = j->candidate->id != 0;
    if (!state_incidents_save(d->options.state, j->candidate, err) ||
        (was_stored && is_new && !note_promotion(d, j->candidate, err)))
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
    bool is_new = incident_promote(j->candidate, j->deserves_incident, j->candidate->last_ns);
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

/* ------------------------------------------------- what people decided */

struct note {
    uint64_t id;
    enum incident_state state;
};

void desk_note_state(struct desk *d, uint64_t id, enum incident_state state)
{
    struct note note = {id, state};
    pthread_mutex_lock(&d->notes_lock);
    buf_bytes(&d->notes, &note, sizeof note);
    pthread_mutex_unlock(&d->notes_lock);
}

/* An incident that was closed and is open again is not the judge's any more: it comes back from state.db. */
static void take_up_again(struct desk *d, uint64_t id)
{
    struct arena arena;
    struct incident incident;
    struct error err;
    arena_init(&arena, 64 << 10);
    if (state_incidents_load(d->options.state, id, &arena, &incident, &err))
        judge_restore(d->judge, &incident);
    else
        log_warning("%s", err.text);
    arena_free(&arena);
}

/* The judge changes only between a hand-out that was kept and the next finding. */
static void read_notes(struct desk *d)
{
    struct note note;
    if (!judge_is_settled(d->judge))
        return;
    pthread_mutex_lock(&d->notes_lock);
    struct buf notes = d->notes;
    d->notes = (struct buf){0};
    pthread_mutex_unlock(&d->notes_lock);
    for (struct str rest = buf_str(&notes); rest.n; rest = str_skip(rest, sizeof note)) {
        memcpy(&note, rest.p, sizeof note);
        bool is_open = incident_is_open(note.state);
        if (!judge_set_state(d->judge, note.id, note.state, is_open) && is_open)
            take_up_again(d, note.id);
    }
    buf_free(&notes);
}

/* ---------------------------------------------------------------- findings */

/* What senders say about the time moves the watermark no further than the time of receipt: one clock that
 * runs ahead would end the windows of all others. */
static void advance(struct desk *d, const struct batch *batch, const struct finding *f)
{
    BUG_IF(f->sequence < batch->first_sequence || f->sequence > batch->last_sequence);
    int64_t received_ns = batch->events[f->sequence - batch->first_sequence].received_ns;
    int64_t time_ns = f->time_ns < received_ns ? f->time_ns : received_ns;
    if (time_ns > d->watermark_ns)
        d->watermark_ns = time_ns;
}

void desk_take(struct desk *d, const struct batch *batch)
{
    read_notes(d);
    for (const struct finding *f = batch->findings; f != NULL; f = f->next) {
        advance(d, batch, f);
        judge_take(d->judge, f);
    }
}

bool desk_keep(struct desk *d, struct error *err)
{
    struct keeping k = {.desk = d, .err = err};
    struct state *state = d->options.state;
    if (state != NULL && !state_begin(state, err))
        return false;
    bool ok = judge_hand_out(d->judge, keep, &k);
    if (state != NULL && ok)
        ok = state_commit(state, err);
    else if (state != NULL)
        state_rollback(state);
    judge_settle(d->judge, ok);
    if (ok)
        tell(d, buf_str(&k.news));
    buf_free(&k.news);
    read_notes(d);
    judge_advance(d->judge, d->watermark_ns);
    return ok;
}
