/* Sensors that were hit, by event time, and what the fleet knows of the hosts. desk.c tells of findings and
 * asks through the judge. */
#include "desk/priors.h"

#include <stdio.h>

#include "base/ip.h"
#include "base/map.h"
#include "base/memory.h"

/* A sensor that was hit raises its network for others: its own sign is no neighbour's. */
struct hit {
    struct ip network, host;
    int64_t from_ns, until_ns;
};

struct priors {
    const struct criteria *criteria;
    double base, of_class;                  /* by posture */
    uint64_t class_rules[PRIORS_CLASS_MAX]; /* hashes of their ids */
    size_t class_count;
    struct hit *hits;
    uint32_t count, capacity;
    const struct focus *focus; /* NULL = nobody */
    struct fleet *fleet;       /* NULL = nobody knows the controls */
    struct map isolated;       /* by name as focus_key() makes it */
    struct arena isolated_keys;
    struct buf reason;
};

struct priors *priors_new(const struct criteria *criteria)
{
    struct priors *p = NEW(struct priors);
    p->criteria = criteria;
    p->base = p->of_class = criteria->prior;
    arena_init(&p->isolated_keys, 4096);
    return p;
}

void priors_free(struct priors *p)
{
    if (p == NULL)
        return;
    memory_free(p->hits);
    map_free(&p->isolated);
    arena_free(&p->isolated_keys);
    buf_free(&p->reason);
    memory_free(p);
}

void priors_set_posture(struct priors *p, double prior, double of_class, const struct str *rules,
                        size_t rule_count)
{
    p->base = prior;
    p->of_class = of_class;
    p->class_count = rule_count < PRIORS_CLASS_MAX ? rule_count : PRIORS_CLASS_MAX;
    for (size_t i = 0; i < p->class_count; i++)
        p->class_rules[i] = str_hash(rules[i]);
}

/* Whether it is of the class that the posture is raised for. */
static bool is_of_class(const struct priors *p, const struct incident *i)
{
    for (uint32_t n = 0; p->class_count && n < i->finding_count; n++) {
        uint64_t rule = str_hash(i->findings[n].rule_id);
        for (size_t k = 0; k < p->class_count; k++)
            if (p->class_rules[k] == rule)
                return true;
    }
    return false;
}

/* The /24 (or /64) around an address. */
static struct ip network_of(const struct ip *host)
{
    struct ip network = *host;
    size_t kept = ip_is_v4(host) ? 15 : 8;
    memset(network.bytes + kept, 0, sizeof network.bytes - kept);
    return network;
}

static bool is_same(const struct ip *a, const struct ip *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* The place of that host, else a new one, else that of the hit which ends first. */
static struct hit *place_for(struct priors *p, const struct ip *host)
{
    struct hit *place = NULL;
    for (uint32_t i = 0; i < p->count; i++) {
        if (is_same(&p->hits[i].host, host))
            return &p->hits[i];
        if (place == NULL || p->hits[i].until_ns < place->until_ns)
            place = &p->hits[i];
    }
    if (p->count < PRIORS_MAX) {
        if (p->count == p->capacity) {
            p->capacity = p->capacity ? p->capacity * 2 : 16;
            p->hits = memory_resize_array(p->hits, p->capacity, sizeof *p->hits);
        }
        place = &p->hits[p->count++];
    }
    *place = (struct hit){network_of(host), *host, INT64_MAX, INT64_MIN};
    return place;
}

void priors_note(struct priors *p, const struct finding *f, const struct event *e)
{
    struct ip host;
    int64_t sensor, until_ns = f->time_ns + p->criteria->sensor_ns;
    if (!event_number(e, FIELD_HYAKUYO_SENSOR, &sensor) || sensor == 0 ||
        f->level < p->criteria->sensor_level || !ip_parse(f->host_ip, &host))
        return;
    struct hit *hit = place_for(p, &host);
    if (f->time_ns > hit->until_ns || f->time_ns < hit->from_ns) /* what was is over, or it began earlier */
        hit->from_ns = f->time_ns;
    if (until_ns > hit->until_ns)
        hit->until_ns = until_ns;
}

/* A neighbour of one of the incident's hosts was hit while that began. */
static bool has_hit_neighbour(const struct priors *p, const struct incident *i)
{
    struct ip host;
    for (uint32_t n = 0; p->count && n < i->finding_count; n++) {
        if (i->findings[n].is_outside || !ip_parse(i->findings[n].host_ip, &host))
            continue;
        struct ip network = network_of(&host);
        for (uint32_t k = 0; k < p->count; k++) {
            const struct hit *hit = &p->hits[k];
            if (i->first_ns >= hit->from_ns && i->first_ns < hit->until_ns &&
                is_same(&hit->network, &network) && !is_same(&hit->host, &host))
                return true;
        }
    }
    return false;
}

void priors_set_focus(struct priors *p, const struct focus *focus)
{
    p->focus = focus;
}

void priors_set_isolated(struct priors *p, const struct str *hosts, size_t count)
{
    struct focus_key key;
    map_clear(&p->isolated);
    arena_reset(&p->isolated_keys);
    for (size_t i = 0; i < count && i < PRIORS_MAX; i++)
        *map_put(&p->isolated, arena_str(&p->isolated_keys, focus_key(FOCUS_HOST, hosts[i], &key)), NULL) = 1;
}

void priors_set_fleet(struct priors *p, struct fleet *fleet)
{
    p->fleet = fleet;
}

/* The gravest of its hosts' conditions. A control whose failure is itself a finding of the incident is
 * evidence, and not counted again. */
static struct fleet_condition condition_of(const struct priors *p, const struct incident *i)
{
    struct fleet_condition all = {.control = ""};
    bool is_evidence = false;
    for (uint32_t n = 0; p->fleet != NULL && n < i->finding_count; n++) {
        const struct incident_finding *f = &i->findings[n];
        const struct incident_finding *before = n ? &i->findings[n - 1] : NULL;
        is_evidence |= str_eq(f->evidence_group, STR("agent_state"));
        if (before != NULL && str_eq(before->host_name, f->host_name) && str_eq(before->host_ip, f->host_ip))
            continue;
        struct fleet_condition one = fleet_condition_of(p->fleet, f->host_name, f->host_ip);
        all.is_unpatched |= one.is_unpatched;
        all.control = one.control[0] ? one.control : all.control;
    }
    if (is_evidence)
        all.control = "";
    return all;
}

/* Each of its hosts, by name or by address. */
static bool is_isolated(const struct priors *p, const struct incident *i)
{
    struct focus_key key;
    bool has_host = false;
    for (uint32_t n = 0; p->isolated.count && n < i->finding_count; n++) {
        const struct incident_finding *f = &i->findings[n];
        if (f->is_outside || (f->host_name.n == 0 && f->host_ip.n == 0))
            continue;
        has_host = true;
        if (!map_find(&p->isolated, focus_key(FOCUS_HOST, f->host_name, &key)) &&
            !map_find(&p->isolated, focus_key(FOCUS_HOST, f->host_ip, &key)))
            return false;
    }
    return has_host;
}

static void add_factor(struct priors *p, const char *name, double factor, double *value)
{
    *value *= factor;
    buf_printf(&p->reason, "%s{\"factor\":\"%s\",\"value\":%g}", p->reason.n ? "," : "[", name, factor);
}

struct prior priors_of(void *priors, const struct incident *incident)
{
    struct priors *p = priors;
    const struct criteria *c = p->criteria;
    bool is_class = is_of_class(p, incident);
    double value = is_class ? p->of_class : p->base;
    buf_clear(&p->reason);
    if (has_hit_neighbour(p, incident))
        add_factor(p, "sensor nearby", c->sensor_factor, &value);
    struct fleet_condition condition = condition_of(p, incident);
    if (condition.is_unpatched)
        add_factor(p, "unpatched host", c->unpatched_factor, &value);
    if (condition.control[0]) {
        char name[40];
        snprintf(name, sizeof name, "antivirus %s", condition.control);
        add_factor(p, name, c->control_factor, &value);
    }
    if (focus_find(p->focus, incident, incident->last_ns) != NULL)
        add_factor(p, "focus watch", c->focus_factor, &value);
    if (p->reason.n)
        buf_char(&p->reason, ']');
    return (struct prior){.p = value < c->prior_cap ? value : c->prior_cap,
                          .reason = buf_str(&p->reason),
                          .is_orange_class = is_class,
                          .is_isolated = is_isolated(p, incident)};
}

/* -------------------------------------------------------------------- saving */

#define VERSION 2

void priors_save(const struct priors *p, struct buf *out)
{
    uint32_t head[2] = {VERSION, p->count};
    buf_bytes(out, head, sizeof head);
    buf_bytes(out, p->hits, p->count * sizeof *p->hits);
}

void priors_load(struct priors *p, struct str saved)
{
    uint32_t head[2];
    if (saved.n < sizeof head)
        return;
    memcpy(head, saved.p, sizeof head);
    if (head[0] != VERSION || head[1] > PRIORS_MAX || saved.n != sizeof head + head[1] * sizeof *p->hits)
        return;
    p->hits = memory_resize_array(p->hits, head[1] + 1, sizeof *p->hits);
    p->count = head[1];
    p->capacity = head[1] + 1;
    memcpy(p->hits, saved.p + sizeof head, head[1] * sizeof *p->hits);
}
