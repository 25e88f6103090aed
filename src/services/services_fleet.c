/* The states of controls for the console: the fleet's answers, and what other parts of the program know about
 * the same things: gateways that are silent (S51), classes of malware that could be found today (S87), and
 * whether people looked after a product's alarms (S20). */
#include "base/json.h"
#include "base/memory.h"
#include "proof/coverage.h"
#include "server/server.h"
#include "store/state_incidents.h"

#define INCIDENTS_LOOKED_AT 1000
#define PRODUCTS_CARED_FOR  64

static bool fail(const struct error *err, int status, struct console_failure *failure)
{
    failure->status = status;
    failure->en = failure->ja = *err;
    return false;
}

/* -------------------------------------------------------------------- care */

struct care_list {
    struct fleet_care items[PRODUCTS_CARED_FOR];
    uint32_t count;
};

static struct fleet_care *care_of(struct care_list *list, struct str product)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (str_eq_nocase(list->items[i].product, product))
            return &list->items[i];
    if (product.n == 0 || list->count == PRODUCTS_CARED_FOR)
        return NULL;
    list->items[list->count] = (struct fleet_care){.product = product};
    return &list->items[list->count++];
}

/* When people last did something about it; TIME_UNKNOWN: never. */
static bool last_touched(struct server *s, const struct incident *i, struct arena *arena, int64_t *out,
                         struct error *err)
{
    struct state_change *changes;
    uint32_t count;
    *out = TIME_UNKNOWN;
    if (i->state == INCIDENT_NEW)
        return true;
    if (!state_incidents_changes(s->state, i->id, arena, &changes, &count, err))
        return false;
    for (uint32_t n = 0; n < count; n++)
        if (!str_eq(changes[n].who, STR("hyakuyo")) && changes[n].when_ns > *out)
            *out = changes[n].when_ns;
    return true;
}

static bool look_after(struct server *s, const struct fleet_badge_times *times, struct arena *arena,
                       struct care_list *list, struct error *err)
{
    struct incident_page page = {.selection = SELECT_ALL_INCIDENTS,
                                 .limit = INCIDENTS_LOOKED_AT,
                                 .with_findings = true};
    int64_t now_ns = clock_wall_ns();
    if (!state_incidents_list(s->state, arena, &page, err))
        return false;
    for (uint32_t i = 0; i < page.count; i++) {
        const struct incident *incident = &page.incidents[i];
        int64_t touched_ns;
        if (!last_touched(s, incident, arena, &touched_ns, err))
            return false;
        bool is_overdue =
            incident->state == INCIDENT_NEW && now_ns - incident->opened_ns > times->acknowledge_ns;
        bool is_recent = touched_ns != TIME_UNKNOWN && now_ns - touched_ns <= times->review_ns;
        for (uint32_t f = 0; f < incident->finding_count; f++) {
            struct fleet_care *c = care_of(list, incident->findings[f].product);
            if (c == NULL)
                continue;
            if (is_overdue)
                c->acknowledged = ANSWER_NO;
            else if (c->acknowledged == ANSWER_UNKNOWN && incident->state != INCIDENT_NEW)
                c->acknowledged = ANSWER_YES;
            if (c->reviewed != ANSWER_YES)
                c->reviewed = is_recent ? ANSWER_YES : ANSWER_NO;
        }
    }
    return true;
}

/* ------------------------------------------------------ gateways and classes */

/* What the fleet's rules say, copied under the desk's lock. */
struct wanted {
    struct arena *arena;
    struct str *categories;
    uint32_t category_count;
    int64_t down_ns;
    struct fleet_class *classes;
    uint32_t class_count;
    struct fleet_badge_times times;
};

static const struct str *copy_list(struct arena *a, const struct str *list)
{
    size_t n = 0;
    while (list[n].n)
        n++;
    struct str *out = ARENA_ARRAY(a, struct str, n + 1);
    for (size_t i = 0; i < n; i++)
        out[i] = arena_str(a, list[i]);
    return out;
}

static void copy_class(struct arena *a, const struct fleet_class *from, struct fleet_class *to)
{
    size_t n = 0;
    while (from->needs[n] != NULL)
        n++;
    const struct str **needs = ARENA_ARRAY(a, const struct str *, n + 1);
    for (size_t i = 0; i < n; i++)
        needs[i] = copy_list(a, from->needs[i]);
    *to = (struct fleet_class){arena_str(a, from->name), arena_str(a, from->title_en),
                               arena_str(a, from->title_ja), needs};
}

static void copy_wanted(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct wanted *w = context;
    (void)assets;
    const struct str *categories = fleet_gateway_categories(fleet, &w->category_count, &w->down_ns);
    const struct fleet_class *classes = fleet_classes(fleet, &w->class_count);
    w->categories = ARENA_ARRAY(w->arena, struct str, w->category_count + 1);
    w->classes = ARENA_ARRAY(w->arena, struct fleet_class, w->class_count + 1);
    for (uint32_t i = 0; i < w->category_count; i++)
        w->categories[i] = arena_str(w->arena, categories[i]);
    for (uint32_t i = 0; i < w->class_count; i++)
        copy_class(w->arena, &classes[i], &w->classes[i]);
    w->times = fleet_badge_times(fleet);
}

static bool is_category(struct str logsource, struct str category)
{
    return str_eq(str_slice(logsource, 0, str_find_char(logsource, '/', 0)), category);
}

static const struct source_health *health_of(const struct coverage *c, uint32_t source)
{
    for (uint32_t i = 0; i < c->source_count; i++)
        if (c->sources[i].source == source)
            return &c->sources[i];
    return NULL;
}

static bool gives(const struct watch_view *seen, uint32_t source, struct str category)
{
    for (uint32_t i = 0; i < seen->observation_count; i++)
        if (seen->observations[i].source == source && is_category(seen->observations[i].logsource, category))
            return true;
    return false;
}

static bool is_gateway(const struct watch_view *seen, uint32_t source, const struct wanted *wanted)
{
    for (uint32_t i = 0; i < wanted->category_count; i++)
        if (gives(seen, source, wanted->categories[i]))
            return true;
    return false;
}

static void put_text(struct json_writer *w, const char *key, struct str text)
{
    json_key(w, key);
    json_put_str(w, text);
}

/* S51: down once it is silent for twice its own longest gap, and no sooner than the minutes of the file. */
static void write_gateways(struct json_writer *w, const struct server *s, const struct watch_view *seen,
                           const struct coverage *c, const struct wanted *wanted, int64_t now_ns)
{
    json_key(w, "gateways");
    json_begin_array(w);
    for (uint32_t i = 0; i < c->source_count; i++) {
        const struct source_health *h = &c->sources[i];
        const struct source *source = registry_get(s->registry, h->source);
        if (!is_gateway(seen, h->source, wanted))
            continue;
        int64_t after_ns = h->usual_gap_ns == TIME_UNKNOWN ? h->silent_after_ns : 2 * h->usual_gap_ns;
        after_ns = after_ns > wanted->down_ns ? after_ns : wanted->down_ns;
        json_begin_object(w);
        put_text(w, "source", source ? source->name : STR("?"));
        json_key(w, "last");
        json_put_time(w, h->last_ns);
        json_key(w, "silent_minutes");
        json_put_double(w, (double)(now_ns - h->last_ns) / 60e9);
        json_key(w, "down_after_minutes");
        json_put_double(w, (double)after_ns / 60e9);
        put_text(w, "state", now_ns - h->last_ns > after_ns ? STR("down") : STR("up"));
        json_end_object(w);
    }
    json_end_array(w);
}

static bool lives(const struct watch_view *seen, const struct coverage *c, struct str category)
{
    for (uint32_t i = 0; i < seen->observation_count; i++) {
        const struct source_health *h = health_of(c, seen->observations[i].source);
        if (is_category(seen->observations[i].logsource, category) && h != NULL && !h->is_silent)
            return true;
    }
    return false;
}

static void write_class(struct json_writer *w, const struct watch_view *seen, const struct coverage *c,
                        const struct fleet_class *class)
{
    bool could = true;
    json_begin_object(w);
    put_text(w, "name", class->name);
    put_text(w, "title", class->title_en);
    put_text(w, "title_ja", class->title_ja);
    json_key(w, "missing");
    json_begin_array(w);
    for (size_t n = 0; class->needs[n] != NULL; n++) {
        bool is_met = false;
        for (const struct str *category = class->needs[n]; category->n; category++)
            is_met |= lives(seen, c, *category);
        for (const struct str *category = class->needs[n]; category->n && !is_met; category++)
            json_put_str(w, *category);
        could &= is_met;
    }
    json_end_array(w);
    json_key(w, "detectable");
    json_put_bool(w, could);
    json_end_object(w);
}

/* ------------------------------------------------------------------ answers */

struct asked {
    struct fleet_asking asking;
    enum fleet_question question;
    struct json_writer *w;
};

static void ask_summary(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct asked *a = context;
    a->asking.assets = assets;
    fleet_summary(fleet, &a->asking, a->w);
}

static void ask_rows(void *context, struct fleet *fleet, const struct asset_set *assets)
{
    struct asked *a = context;
    a->asking.assets = assets;
    fleet_rows(fleet, a->question, &a->asking, a->w);
}

static bool fleet_answer(void *ctx, struct str department, struct arena *arena, struct buf *json,
                         struct console_failure *failure)
{
    struct server *s = ctx;
    struct error err;
    struct wanted wanted = {.arena = arena};
    struct care_list *care = ARENA_NEW(arena, struct care_list);
    struct watch_view seen;
    struct coverage c = {0};
    struct json_writer w = {.out = json};
    int64_t now_ns = clock_wall_ns();
    desk_ask_fleet(s->desk, copy_wanted, &wanted);
    if (!look_after(s, &wanted.times, arena, care, &err))
        return fail(&err, 500, failure);
    struct asked asked = {.asking = {.department = department,
                                     .state = STR_EMPTY,
                                     .care = care->items,
                                     .care_count = care->count},
                          .w = &w};
    engine_collect(s->engine);
    watch_look(s->watch, arena, &seen);
    coverage_sources(&seen, now_ns, arena, &c);
    json_begin_object(&w);
    desk_ask_fleet(s->desk, ask_summary, &asked);
    write_gateways(&w, s, &seen, &c, &wanted, now_ns);
    json_key(&w, "classes");
    json_begin_array(&w);
    for (uint32_t i = 0; i < wanted.class_count; i++)
        write_class(&w, &seen, &c, &wanted.classes[i]);
    json_end_array(&w);
    json_end_object(&w);
    return true;
}

static bool fleet_hosts(void *ctx, const struct fleet_request *request, struct buf *json,
                        struct console_failure *failure)
{
    struct server *s = ctx;
    struct json_writer w = {.out = json};
    struct asked asked = {.asking = {.department = request->department,
                                     .state = request->state,
                                     .limit = request->limit,
                                     .offset = request->offset},
                          .w = &w};
    if (!fleet_question_find(request->question, &asked.question)) {
        failure->status = 400;
        error_set(&failure->en, "There is no such question.");
        error_set(&failure->ja, "その問いはありません。");
        return false;
    }
    json_begin_object(&w);
    desk_ask_fleet(s->desk, ask_rows, &asked);
    json_end_object(&w);
    return true;
}

void services_fleet(struct console_services *s)
{
    s->fleet = fleet_answer;
    s->fleet_hosts = fleet_hosts;
}
