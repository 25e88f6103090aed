/* Controls that stand on no host: scanners at mail and web gateways (stage fleet; S16, S19). Which path they
 * guard, which versions they have, and which files they called clean. */
#include "base/memory.h"
#include "fleet/state.h"

static struct gateway *find_gateway(struct fleet *f, struct str name, int64_t time_ns)
{
    name_id id = name_put(&f->names, name);
    for (uint32_t i = 0; i < f->gateway_count; i++)
        if (f->gateways[i].name == id)
            return &f->gateways[i];
    uint32_t most = (uint32_t)f->rules->limits.gateways;
    if (f->gateway_count >= most) {
        f->counters.dropped_gateways++;
        return NULL;
    }
    f->gateways = memory_resize_array(f->gateways, f->gateway_count + 1, sizeof *f->gateways);
    struct gateway *g = &f->gateways[f->gateway_count++];
    *g = (struct gateway){.name = id, .first_ns = time_ns, .last_ns = time_ns};
    for (unsigned i = 0; i < COMPONENT_COUNT; i++)
        g->held[i].since_ns = g->held[i].seen_ns = TIME_UNKNOWN;
    return g;
}

static uint32_t paths_of(const struct event *e)
{
    uint32_t paths = 0;
    for (const struct value *v = event_get(e, FIELD_EVENT_CATEGORY); v != NULL; v = event_next(e, v)) {
        paths |= str_eq(value_text(v), STR("email")) ? PATH_MAIL : 0;
        paths |= str_eq(value_text(v), STR("web")) ? PATH_WEB : 0;
    }
    return paths;
}

static void note_passed(struct fleet *f, uint32_t product, const struct event *e, int64_t time_ns)
{
    struct str hash_text;
    uint64_t file = file_of(e, &hash_text);
    bool is_bad = event_get(e, FIELD_HYAKUYO_MALWARE_NAME) != NULL;
    if (file == 0 || (is_bad && !str_eq(event_text(e, FIELD_EVENT_OUTCOME), STR("failure"))))
        return;
    struct sighting *s = sighting_find(&f->sightings, file, time_ns, true);
    s->first_ns = sooner(s->first_ns, time_ns);
    s->last_ns = later(s->last_ns, time_ns);
    s->passed_ns = later(s->passed_ns, time_ns);
    s->passed_product = product;
}

void gateway_take(struct fleet *f, const struct event *e, int64_t time_ns)
{
    static const field_id fields[COMPONENT_COUNT] = {FIELD_HYAKUYO_CONTROL_VERSION,
                                                     FIELD_HYAKUYO_CONTROL_ENGINE_VERSION,
                                                     FIELD_HYAKUYO_CONTROL_PATTERN_VERSION};
    struct str name = event_text(e, FIELD_OBSERVER_HOSTNAME), product = event_text(e, FIELD_OBSERVER_PRODUCT);
    struct gateway *g = find_gateway(f, name.n ? name : product.n ? product : STR("?"), time_ns);
    if (g == NULL)
        return;
    g->product = product_number(f, product, event_text(e, FIELD_OBSERVER_VENDOR));
    g->paths |= paths_of(e);
    g->first_ns = sooner(g->first_ns, time_ns);
    g->last_ns = later(g->last_ns, time_ns);
    g->events++;
    g->alarms += event_get(e, FIELD_HYAKUYO_MALWARE_NAME) != NULL;
    if (g->product) {
        struct product *p = product_at(f, g->product);
        p->first_ns = sooner(p->first_ns, time_ns);
        p->last_ns = later(p->last_ns, time_ns);
        p->is_gateway = 1;
        p->events++;
        p->alarms += event_get(e, FIELD_HYAKUYO_MALWARE_NAME) != NULL;
        note_passed(f, g->product, e, time_ns);
    }
    for (unsigned i = 0; i < COMPONENT_COUNT; i++)
        version_seen(f, g->product, (enum component)i, &g->held[i], NULL, NULL, event_text(e, fields[i]),
                     time_ns, TIME_UNKNOWN);
}
