/* Activity of rules and sources, gathered by batch and kept in state.db. See watch.h. Next: coverage.c, which
 * draws the conclusions. */
#include "proof/watch.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "base/map.h"
#include "base/memory.h"
#include "store/state_exceptions.h"

#define HOUR_NS (3600 * NS_PER_SECOND)

struct rule_entry {
    struct rule_activity row;
    bool is_changed;
};

struct hour_entry {
    struct hour_entry *before; /* the hour before it with events of the same source */
    struct source_activity row;
    bool is_changed;
};

struct observation_entry {
    struct observation row;
    bool is_changed;
};

struct watch {
    struct state *state;
    pthread_mutex_t lock; /* guards all below */
    struct arena arena;
    struct map rules;        /* rule id → struct rule_entry * */
    struct map observations; /* source, log source, field → struct observation_entry * */
    struct map sources;      /* source → newest struct hour_entry * */
    struct map exceptions;   /* number → findings withheld */
    uint32_t hour_count;
    bool is_full;
    watch_canary came;
    void *came_context;
};

/* -------------------------------------------------------------- entries */

static struct rule_entry *rule_entry(struct watch *w, struct str id)
{
    struct rule_entry *e = map_get_pointer(&w->rules, id);
    if (e != NULL)
        return e;
    e = ARENA_NEW(&w->arena, struct rule_entry);
    e->row.rule_id = arena_str(&w->arena, id);
    e->row.last_ns = TIME_UNKNOWN;
    *map_put(&w->rules, e->row.rule_id, NULL) = (uintptr_t)e;
    return e;
}

static struct observation_entry *observation_entry(struct watch *w, uint32_t source, struct str logsource,
                                                   struct str field)
{
    char key[512];
    int n = snprintf(key, sizeof key, "%u\n%.*s\n%.*s", source, STR_ARGS(logsource), STR_ARGS(field));
    struct str text = str_n(key, n < (int)sizeof key ? (size_t)n : sizeof key - 1);
    struct observation_entry *e = map_get_pointer(&w->observations, text);
    if (e != NULL)
        return e;
    if (w->observations.count >= WATCH_OBSERVATIONS_MAX) {
        w->is_full = true;
        return NULL;
    }
    e = ARENA_NEW(&w->arena, struct observation_entry);
    e->row = (struct observation){.source = source,
                                  .logsource = arena_str(&w->arena, logsource),
                                  .field = arena_str(&w->arena, field),
                                  .last_ns = TIME_UNKNOWN};
    *map_put(&w->observations, arena_str(&w->arena, text), NULL) = (uintptr_t)e;
    return e;
}

static struct hour_entry **newest_hour(struct watch *w, uint32_t source)
{
    struct str key = str_n((const char *)&source, sizeof source);
    struct hour_entry **place = (struct hour_entry **)map_find(&w->sources, key);
    if (place == NULL)
        place = (struct hour_entry **)map_put(&w->sources, arena_str(&w->arena, key), NULL);
    return place;
}

/* The source's oldest hour, when it is older than anybody looks back: it is used again. */
static struct hour_entry *take_oldest(struct hour_entry **newest, int64_t before_hour)
{
    while (*newest != NULL && (*newest)->before != NULL)
        newest = &(*newest)->before;
    struct hour_entry *oldest = *newest;
    if (oldest == NULL || oldest->row.hour >= before_hour || oldest->is_changed)
        return NULL;
    *newest = NULL;
    return oldest;
}

static struct hour_entry *hour_entry(struct watch *w, uint32_t source, int64_t hour)
{
    struct hour_entry **place = newest_hour(w, source);
    if (*place != NULL && (*place)->row.hour >= hour) /* a clock that was set back stays in its hour */
        return *place;
    struct hour_entry *e = take_oldest(place, hour - WATCH_HISTORY_HOURS);
    if (e == NULL && w->hour_count >= WATCH_HOURS_MAX) {
        w->is_full = true;
        return *place;
    }
    if (e == NULL) {
        e = ARENA_NEW(&w->arena, struct hour_entry);
        w->hour_count++;
    }
    *e = (struct hour_entry){.before = *place,
                             .row = {.source = source, .hour = hour, .last_ns = TIME_UNKNOWN}};
    *place = e;
    return e;
}

/* ------------------------------------------------------------- gathering */

static void count_event(struct watch *w, const struct event *e)
{
    int64_t before_ns = TIME_UNKNOWN;
    struct hour_entry *newest = *newest_hour(w, e->source);
    if (newest != NULL)
        before_ns = newest->row.last_ns;
    struct hour_entry *h = hour_entry(w, e->source, e->received_ns / HOUR_NS);
    if (h == NULL)
        return;
    h->row.events++;
    h->row.failures += (e->flags & EVENT_PARSE_FAILURE) != 0;
    if (before_ns != TIME_UNKNOWN && e->received_ns - before_ns > h->row.longest_gap_ns)
        h->row.longest_gap_ns = e->received_ns - before_ns;
    if (e->received_ns > h->row.last_ns)
        h->row.last_ns = e->received_ns;
    h->is_changed = true;
}

static void count_finding(struct watch *w, const struct finding *f)
{
    struct rule_entry *r = rule_entry(w, f->rule_id);
    r->row.fired++;
    if (f->time_ns > r->row.last_ns)
        r->row.last_ns = f->time_ns;
    r->is_changed = true;
}

static void count_suppressed(struct watch *w, const struct finding *f)
{
    struct rule_entry *r = rule_entry(w, f->rule_id);
    struct str key = str_n((const char *)&f->exception, sizeof f->exception);
    if (map_find(&w->exceptions, key) == NULL)
        map_put(&w->exceptions, arena_str(&w->arena, key), NULL);
    ++*map_find(&w->exceptions, key);
    r->row.suppressed++;
    r->is_changed = true;
}

void watch_batch(struct watch *w, const struct batch *b)
{
    bool has_canaries = false;
    pthread_mutex_lock(&w->lock);
    for (uint32_t i = 0; i < b->count; i++)
        if (b->events[i].flags & EVENT_CANARY)
            has_canaries = true;
        else if (!(b->events[i].flags & EVENT_EXERCISE))
            count_event(w, &b->events[i]);
    for (const struct finding *f = b->findings; f != NULL; f = f->next)
        if (!f->is_exercise)
            count_finding(w, f);
    for (const struct finding *f = b->withheld; f != NULL; f = f->next)
        if (f->exception && !f->is_exercise)
            count_suppressed(w, f);
    watch_canary came = has_canaries ? w->came : NULL;
    void *context = w->came_context;
    pthread_mutex_unlock(&w->lock);
    for (uint32_t i = 0; i < b->count && came != NULL; i++)
        if (b->events[i].flags & EVENT_CANARY)
            came(context, &b->events[i], b);
}

void watch_set_canary(struct watch *w, watch_canary came, void *context)
{
    pthread_mutex_lock(&w->lock);
    w->came = came;
    w->came_context = context;
    pthread_mutex_unlock(&w->lock);
}

static void take_seen(void *context, const struct detect_seen *seen)
{
    struct watch *w = context;
    struct observation_entry *e = observation_entry(w, seen->source, seen->logsource, seen->field);
    if (e == NULL)
        return;
    e->row.events += seen->events;
    e->row.looked += seen->looked;
    e->row.missed = seen->events ? seen->missed : e->row.missed + seen->missed;
    if (seen->events && seen->last_ns > e->row.last_ns)
        e->row.last_ns = seen->last_ns;
    e->is_changed = true;
}

void watch_scratch(struct watch *w, struct detect_scratch *scratch)
{
    pthread_mutex_lock(&w->lock);
    w->is_full |= detect_scratch_seen(scratch, take_seen, w) > 0;
    pthread_mutex_unlock(&w->lock);
}

/* --------------------------------------------------------------- keeping */

static bool save_rules(struct watch *w, struct error *err)
{
    for (uint32_t i = 0; i < w->rules.count; i++) {
        struct rule_entry *e = (struct rule_entry *)w->rules.entries[i].value;
        if (e->is_changed && !state_rule_activity_put(w->state, &e->row, err))
            return false;
    }
    return true;
}

static bool save_hours(struct watch *w, struct error *err)
{
    int64_t newest = 0;
    for (uint32_t i = 0; i < w->sources.count; i++)
        for (struct hour_entry *e = (struct hour_entry *)w->sources.entries[i].value; e; e = e->before) {
            newest = e->row.hour > newest ? e->row.hour : newest;
            if (e->is_changed && !state_source_activity_put(w->state, &e->row, err))
                return false;
        }
    return state_source_activity_expire(w->state, newest - WATCH_HISTORY_HOURS, err);
}

static bool save_observations(struct watch *w, struct error *err)
{
    for (uint32_t i = 0; i < w->observations.count; i++) {
        struct observation_entry *e = (struct observation_entry *)w->observations.entries[i].value;
        if (e->is_changed && !state_observation_put(w->state, &e->row, err))
            return false;
    }
    return true;
}

static bool save_exceptions(struct watch *w, struct error *err)
{
    int64_t id;
    for (uint32_t i = 0; i < w->exceptions.count; i++) {
        memcpy(&id, w->exceptions.entries[i].key.p, sizeof id);
        if (!state_exceptions_count(w->state, id, w->exceptions.entries[i].value, err))
            return false;
    }
    return true;
}

static void settle(struct watch *w)
{
    for (uint32_t i = 0; i < w->rules.count; i++)
        ((struct rule_entry *)w->rules.entries[i].value)->is_changed = false;
    for (uint32_t i = 0; i < w->observations.count; i++)
        ((struct observation_entry *)w->observations.entries[i].value)->is_changed = false;
    for (uint32_t i = 0; i < w->sources.count; i++)
        for (struct hour_entry *e = (struct hour_entry *)w->sources.entries[i].value; e; e = e->before)
            e->is_changed = false;
}

/* state.db before our own lock, the same order as everywhere: a writer of state.db never waits for us. */
bool watch_save(struct watch *w, struct error *err)
{
    if (w->state == NULL)
        return true;
    if (!state_begin(w->state, err))
        return false;
    pthread_mutex_lock(&w->lock);
    bool ok =
        save_rules(w, err) && save_hours(w, err) && save_observations(w, err) && save_exceptions(w, err);
    if (ok)
        ok = state_commit(w->state, err);
    else
        state_rollback(w->state);
    if (ok)
        settle(w);
    pthread_mutex_unlock(&w->lock);
    return ok;
}

static bool load(struct watch *w, struct error *err)
{
    struct rule_activity *rules;
    struct source_activity *hours;
    struct observation *observations;
    struct rule_exception *exceptions;
    uint32_t rule_count, hour_count, observation_count, exception_count;
    if (!state_rule_activity_list(w->state, &w->arena, &rules, &rule_count, err) ||
        !state_source_activity_list(w->state, &w->arena, &hours, &hour_count, err) ||
        !state_observation_list(w->state, &w->arena, &observations, &observation_count, err) ||
        !state_exceptions_list(w->state, &w->arena, &exceptions, &exception_count, err))
        return false;
    for (uint32_t i = 0; i < exception_count; i++)
        if (exceptions[i].suppressed)
            *map_put(&w->exceptions, str_n((const char *)&exceptions[i].id, sizeof exceptions[i].id), NULL) =
                exceptions[i].suppressed;
    for (uint32_t i = 0; i < rule_count; i++)
        rule_entry(w, rules[i].rule_id)->row = rules[i];
    for (uint32_t i = 0; i < hour_count; i++) {
        struct hour_entry *e = hour_entry(w, hours[i].source, hours[i].hour);
        if (e != NULL)
            e->row = hours[i];
    }
    for (uint32_t i = 0; i < observation_count; i++) {
        struct observation *o = &observations[i];
        struct observation_entry *e = observation_entry(w, o->source, o->logsource, o->field);
        if (e != NULL)
            e->row = *o;
    }
    return true;
}

struct watch *watch_new(struct state *state, struct error *err)
{
    struct watch *w = NEW(struct watch);
    w->state = state;
    pthread_mutex_init(&w->lock, NULL);
    arena_init(&w->arena, 64 << 10);
    if (state == NULL || load(w, err))
        return w;
    watch_free(w);
    return NULL;
}

void watch_free(struct watch *w)
{
    if (w == NULL)
        return;
    map_free(&w->rules);
    map_free(&w->observations);
    map_free(&w->sources);
    map_free(&w->exceptions);
    arena_free(&w->arena);
    pthread_mutex_destroy(&w->lock);
    memory_free(w);
}

/* ---------------------------------------------------------------- looking */

static int by_source_and_hour(const void *left, const void *right)
{
    const struct source_activity *a = left, *b = right;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return (a->hour > b->hour) - (a->hour < b->hour);
}

static int by_place(const void *left, const void *right)
{
    const struct observation *a = left, *b = right;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    int order = str_compare(a->logsource, b->logsource);
    return order ? order : str_compare(a->field, b->field);
}

static void view_hours(const struct watch *w, struct arena *arena, struct watch_view *out)
{
    out->hours = ARENA_ARRAY(arena, struct source_activity, w->hour_count + 1);
    for (uint32_t i = 0; i < w->sources.count; i++)
        for (struct hour_entry *e = (struct hour_entry *)w->sources.entries[i].value; e; e = e->before)
            out->hours[out->hour_count++] = e->row;
    if (out->hour_count)
        qsort(out->hours, out->hour_count, sizeof *out->hours, by_source_and_hour);
}

void watch_look(struct watch *w, struct arena *arena, struct watch_view *out)
{
    *out = (struct watch_view){.hours = NULL};
    pthread_mutex_lock(&w->lock);
    view_hours(w, arena, out);
    out->observations = ARENA_ARRAY(arena, struct observation, w->observations.count + 1);
    for (uint32_t i = 0; i < w->observations.count; i++) {
        struct observation *o = &out->observations[out->observation_count++];
        *o = ((struct observation_entry *)w->observations.entries[i].value)->row;
        o->logsource = arena_str(arena, o->logsource);
        o->field = arena_str(arena, o->field);
    }
    out->is_full = w->is_full;
    pthread_mutex_unlock(&w->lock);
    if (out->observation_count)
        qsort(out->observations, out->observation_count, sizeof *out->observations, by_place);
}

bool watch_rule(struct watch *w, struct str rule_id, struct rule_activity *out)
{
    pthread_mutex_lock(&w->lock);
    const struct rule_entry *e = map_get_pointer(&w->rules, rule_id);
    if (e != NULL)
        *out = e->row;
    pthread_mutex_unlock(&w->lock);
    return e != NULL;
}

uint64_t watch_suppressed(struct watch *w, int64_t exception)
{
    pthread_mutex_lock(&w->lock);
    const uintptr_t *count = map_find(&w->exceptions, str_n((const char *)&exception, sizeof exception));
    uint64_t found = count ? *count : 0;
    pthread_mutex_unlock(&w->lock);
    return found;
}
