/* The heap of next events and the heap of lines that wait. See simulate.h for the way through. */
#include "simulate/engine.h"

#include <stdlib.h>

#include "base/log.h"

#define RATE_MAX 1e6

/* ---------------------------------------------------------------- heaps */

static bool actor_before(const struct actor *a, const struct actor *b)
{
    return a->next_ns != b->next_ns ? a->next_ns < b->next_ns : a->order < b->order;
}

static void sift_actor(struct simulation *s, uint32_t at)
{
    struct actor moved = s->actors[at];
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= s->actor_count)
            break;
        child += child + 1 < s->actor_count && actor_before(&s->actors[child + 1], &s->actors[child]);
        if (!actor_before(&s->actors[child], &moved))
            break;
        s->actors[at] = s->actors[child];
        at = child;
    }
    s->actors[at] = moved;
}

void engine_add_actor(struct simulation *s, struct actor a)
{
    if (a.next_ns == INT64_MAX)
        return;
    if (s->actor_count == s->actor_capacity) {
        s->actor_capacity = s->actor_capacity ? s->actor_capacity * 2 : 4096;
        s->actors = memory_resize_array(s->actors, s->actor_capacity, sizeof *s->actors);
    }
    uint32_t at = s->actor_count++;
    for (; at > 0 && actor_before(&a, &s->actors[(at - 1) / 2]); at = (at - 1) / 2)
        s->actors[at] = s->actors[(at - 1) / 2];
    s->actors[at] = a;
}

/* Lines up to `until_ns` (exclusive) go out. */
static void release(struct simulation *s, int64_t until_ns)
{
    struct waiting_line line;
    while (line_heap_take(&s->waiting, until_ns, &line)) {
        if (s->ok && line.time_ns >= s->from_ns && line.time_ns < s->to_ns)
            s->ok = s->sink->line(s->sink->context, line.time_ns, line.source, str_n(line.text, line.size));
        memory_free(line.text);
    }
}

/* ---------------------------------------------------------------- acting */

static uint32_t favourite(const struct binding *b, const struct host *h, uint32_t rank)
{
    return (uint32_t)(random_key(h->key, rank + 1000) % b->list->count);
}

static uint32_t choose_row(const struct binding *b, const struct host *h, struct random *random)
{
    uint32_t count = b->favourites && random_unit(random) < 0.85 ? b->favourites : b->list->count;
    /* log-uniform ranks: the k-th is chosen about 1/k as often as the first (Zipf) */
    uint32_t rank = b->is_zipf ? (uint32_t)pow((double)count, random_unit(random)) - 1
                               : (uint32_t)(random_next(random) % count);
    return count == b->list->count ? rank : favourite(b, h, rank);
}

void engine_bind(struct simulation *s, const struct activity *a, struct rendering *r, struct cell *cells,
                 struct arena *arena)
{
    const struct host *actor = cells[0].host;
    for (uint32_t i = 0; i < a->binding_count; i++) {
        const struct binding *b = &a->bindings[i];
        struct cell *c = &cells[b->cell];
        if (b->kind == CELL_ROW) {
            c->row = choose_row(b, actor, r->random);
        } else if (b->kind == CELL_HOST) {
            c->host = b->hosts.count ? b->hosts.items[random_next(r->random) % b->hosts.count] : actor;
        } else {
            buf_clear(&s->text);
            template_render(&b->text, r, &s->text);
            c->text = arena_str(arena, buf_str(&s->text));
        }
    }
}

static void emit(struct simulation *s, const struct activity *a, struct actor *actor, struct cell *cells,
                 uint32_t index, int64_t time_ns, bool is_done, int64_t scan_end_ns)
{
    struct rendering r = {&actor->random, cells, time_ns, index};
    arena_reset(&s->turn);
    engine_bind(s, a, &r, cells, &s->turn);
    for (uint32_t i = 0; i < a->emission_count; i++) {
        const struct emission *e = &a->emissions[i];
        bool is_chosen = e->chance >= 1 || random_unit(&actor->random) < e->chance;
        int64_t after = random_between(&actor->random, e->after_low_ns, e->after_high_ns);
        if (!is_chosen || (e->outcome == OUTCOME_DONE && !is_done) ||
            (e->outcome == OUTCOME_FAILED && is_done))
            continue;
        r.time_ns = e->is_at_scan_end ? scan_end_ns : time_ns + after;
        buf_clear(&s->text);
        template_render(&e->text, &r, &s->text);
        line_heap_add(&s->waiting, r.time_ns, e->source, buf_str(&s->text));
    }
}

static uint32_t conditions_of(const struct simulation *s, const struct host *h, int64_t time_ns)
{
    uint32_t mask = 0;
    for (unsigned i = 0; i < s->fleet.condition_count; i++)
        mask |= (uint32_t)(time_ns >= h->control.since_ns[i]) << i;
    return mask;
}

/* What the host's anti-malware does now: true when it worked. */
static bool carry_out(struct simulation *s, struct actor *actor, int64_t *scan_end_ns)
{
    const struct activity *a = actor->activity;
    struct host *h = actor->host;
    struct vendor *v = &s->fleet.vendors[h->control.vendor];
    int stuck = fleet_condition(&s->fleet, STR("update_stuck")),
        never = fleet_condition(&s->fleet, STR("scan_never"));
    int64_t now = actor->next_ns;
    if (a->deed == DOES_UPDATE) {
        /* a release reaches the hosts one after the other, over some hours */
        int64_t lag = (int64_t)(random_exponential(&actor->random) * 0.35 * (double)v->every_ns);
        return !control_has(&h->control, stuck, now) &&
               fleet_update(&s->fleet, h, fleet_newest(v, now - lag), now);
    }
    *scan_end_ns = now + random_between(&actor->random, a->low_ns, a->high_ns);
    struct window w = presence_of(s, h, time_day(now), WHILE_POWERED);
    bool is_done = !control_has(&h->control, never, now) && *scan_end_ns < w.to_ns;
    if (*scan_end_ns >= w.to_ns)
        *scan_end_ns = w.to_ns - NS_PER_SECOND;
    if (is_done)
        h->control.full_scan_ns = *scan_end_ns;
    return is_done;
}

static void act(struct simulation *s, struct actor *actor)
{
    const struct activity *a = actor->activity;
    uint32_t conditions = conditions_of(s, actor->host, actor->next_ns);
    bool is_chosen = a->chance >= 1 || random_unit(&actor->random) < a->chance;
    actor->done++;
    if (!is_chosen || (conditions & a->with) != a->with || (conditions & a->without))
        return;
    struct cell cells[CELLS_MAX];
    cells[0].host = actor->host;
    int64_t scan_end_ns = 0;
    bool is_done = a->deed == DOES_NOTHING || carry_out(s, actor, &scan_end_ns);
    emit(s, a, actor, cells, actor->done - 1, actor->next_ns, is_done, scan_end_ns);
}

/* ---------------------------------------------------------------- steps */

static uint32_t repetitions(const struct activity *a)
{
    return a->each.items ? a->each.count : a->over ? a->over->count : a->times;
}

static bool is_within_hours(const struct activity *a, int64_t time_ns)
{
    int64_t of_day = time_ns - time_of_day(time_day(time_ns));
    return a->from_hour_ns == a->to_hour_ns || (of_day >= a->from_hour_ns && of_day < a->to_hour_ns);
}

static void leave_marks(struct simulation *s, const struct activity *a, struct run *run, struct host *h,
                        int64_t time_ns)
{
    if (a->sets_condition && h->control.since_ns[a->sets] > time_ns)
        h->control.since_ns[a->sets] = time_ns;
    if (!a->infects || !s->ok)
        return;
    int by = a->infected_by.n ? scope_find(&run->scope, a->infected_by) : -1;
    s->ok = truth_infection(s, run, h, by >= 0 ? run->cells[by].host : NULL, time_ns);
}

static void step(struct simulation *s, struct actor *actor)
{
    const struct activity *a = actor->activity;
    struct cell cells[CELLS_MAX];
    memcpy(cells, actor->run->cells, sizeof cells);
    struct host *host = (struct host *)(uintptr_t)cells[a->host_cell].host;
    uint32_t index = actor->done++;
    cells[0].host = host;
    if (a->each.items)
        cells[a->item_cell].host = a->each.items[index];
    else if (a->over)
        cells[a->item_cell].row = index;
    leave_marks(s, a, actor->run, host, actor->next_ns);
    if ((a->drop > 0 && random_unit(&actor->random) < a->drop) || !is_within_hours(a, actor->next_ns))
        return;
    emit(s, a, actor, cells, index, actor->next_ns, true, 0);
}

static int64_t next_step(struct actor *actor)
{
    const struct activity *a = actor->activity;
    if (actor->done >= repetitions(a))
        return INT64_MAX;
    return actor->next_ns + random_between(&actor->random, a->every_low_ns, a->every_high_ns);
}

/* ---------------------------------------------------------------- running */

static const struct activity end_of_day = {.when = WHEN_TRUTH};

static void turn(struct simulation *s)
{
    struct actor *actor = &s->actors[0];
    if (actor->activity->when == WHEN_TRUTH) {
        s->ok = s->ok && truth_day(s, actor->next_ns);
        actor->next_ns += DAY_NS;
    } else if (actor->activity->when == WHEN_STEP) {
        step(s, actor);
        actor->next_ns = next_step(actor);
    } else {
        act(s, actor);
        actor->next_ns = presence_next(s, actor, actor->next_ns);
    }
    if (s->actors[0].next_ns >= s->to_ns) {
        s->actors[0] = s->actors[--s->actor_count];
        if (s->actor_count == 0)
            return;
    }
    sift_actor(s, 0);
}

static void add_activity(struct simulation *s, const struct activity *a, uint32_t number, struct host *h)
{
    if (!selector_takes(&a->who, h) ||
        (a->hosts < 1 && random_share(random_key_of(h->key, a->name)) >= a->hosts))
        return;
    struct actor actor = {.random = {random_key_of(h->key, a->name)},
                          .activity = a,
                          .host = h,
                          .order = (h->number + 1) * 512 + number};
    actor.next_ns = presence_next(s, &actor, s->from_ns - 1);
    engine_add_actor(s, actor);
}

static void populate(struct simulation *s)
{
    for (size_t h = 0; h < s->office.host_count && s->options.has_background; h++)
        for (uint32_t i = 0; i < s->program.activity_count; i++)
            if (!s->office.hosts[h].is_visitor)
                add_activity(s, &s->program.activities[i], i, &s->office.hosts[h]);
    if (s->options.has_background)
        engine_add_actor(s, (struct actor){.next_ns = time_of_day(s->first_day + 1) - 1,
                                           .activity = &end_of_day,
                                           .order = UINT32_MAX});
}

bool simulation_run(struct simulation *s, const struct simulation_sink *sink)
{
    s->sink = sink;
    s->ok = truth_begin(s);
    populate(s);
    while (s->actor_count && s->ok) {
        release(s, s->actors[0].next_ns);
        turn(s);
    }
    release(s, INT64_MAX);
    return s->ok;
}

/* ---------------------------------------------------------------- beginning and end */

static const char *content_file(struct simulation *s, const char *name)
{
    return arena_printf(&s->arena, "%s/simulate/%s", s->options.content, name).p;
}

static bool load_calendar(struct simulation *s, struct error *err)
{
    s->calendar = calendar_load(arena_printf(&s->arena, "%s/calendar.yml", s->options.content).p, err);
    s->quiet = s->calendar ? quiet_load(content_file(s, "presence.yml"), err) : NULL;
    s->presence = ARENA_ARRAY(&s->arena, double, s->options.days + 2);
    for (unsigned i = 0; i <= s->options.days && s->quiet != NULL; i++)
        s->presence[i] = quiet_presence(s->quiet, s->calendar, s->first_day + i);
    return s->quiet != NULL;
}

static bool load(struct simulation *s, struct error *err)
{
    const struct simulation_options *o = &s->options;
    s->words = (struct words){.arena = &s->arena, .office = &s->office};
    s->program =
        (struct program){.arena = &s->arena, .words = &s->words, .office = &s->office, .fleet = &s->fleet};
    const char *office = content_file(s, "office.yml");
    if (!simulated_fleet_load(&s->fleet, content_file(s, "fleet.yml"), &s->arena, s->from_ns, s->to_ns, err))
        return false;
    bool ok = o->assets ? office_from_assets(&s->office, office, o->assets, o->seed, &s->arena, err)
                        : office_make(&s->office, office, o->hosts, o->seed, &s->arena, err);
    if (!ok)
        return false;
    int unmanaged = fleet_condition(&s->fleet, STR("unmanaged"));
    s->condition_off = -1;
    for (size_t i = 0; i < s->office.host_count; i++) {
        struct host *h = &s->office.hosts[i];
        fleet_equip(&s->fleet, h);
        presence_settle_conditions(s, h);
        h->is_registered = o->assets || h->texts[ATTRIBUTE_KEY].n || /* who is known by name is in the list */
                           !control_has(&h->control, unmanaged, s->from_ns);
    }
    s->condition_off = fleet_condition(&s->fleet, STR("powered_off"));
    return words_read_lists(&s->words, content_file(s, "lists.yml"), o->seed, err) &&
           words_read_formats(&s->words, content_file(s, "formats.yml"), err) &&
           program_read_activities(&s->program, content_file(s, "activities.yml"), err);
}

struct simulation *simulation_new(const struct simulation_options *options, struct error *err)
{
    if (options->days < 1 || options->days > SIMULATE_DAYS_MAX || options->rate < 0 ||
        options->rate > RATE_MAX) {
        error_set(err,
                  tr("simulate 1 to %d days with a rate of 0 to %.0f lines per host and day",
                     "日数は 1〜%d、量は端末 1 台 1 日あたり 0〜%.0f 行にしてください"),
                  SIMULATE_DAYS_MAX, RATE_MAX);
        return NULL;
    }
    struct simulation *s = NEW(struct simulation);
    arena_init(&s->arena, 256 << 10);
    arena_init(&s->turn, 16 << 10);
    s->options = *options;
    s->from_ns = options->start_ns;
    s->to_ns = s->from_ns + (int64_t)options->days * DAY_NS;
    s->first_day = time_day(s->from_ns);
    if (!load_calendar(s, err) || !load(s, err)) {
        simulation_free(s);
        return NULL;
    }
    program_set_rate(&s->program, options->rate);
    return s;
}

void simulation_free(struct simulation *s)
{
    if (s == NULL)
        return;
    calendar_free(s->calendar);
    quiet_free(s->quiet);
    for (uint32_t i = 0; i < s->run_count; i++)
        memory_free(s->runs[i]);
    memory_free(s->runs);
    memory_free(s->actors);
    line_heap_free(&s->waiting);
    buf_free(&s->text);
    arena_free(&s->turn);
    arena_free(&s->arena);
    memory_free(s);
}

unsigned simulation_source_count(const struct simulation *s)
{
    return s->program.source_count;
}

struct str simulation_source_name(const struct simulation *s, unsigned source)
{
    return s->program.sources[source];
}

int simulation_source_find(const struct simulation *s, struct str name)
{
    for (uint32_t i = 0; i < s->program.source_count; i++)
        if (str_eq(s->program.sources[i], name))
            return (int)i;
    return -1;
}

bool simulation_write_context(const struct simulation *s, const char *folder, struct error *err)
{
    return office_write_context(&s->office, folder, err);
}
