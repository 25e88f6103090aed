/* Matches and firings → hits in groups. Stage: correlate. Reads events by the routes that link.c laid; what a
 * hit needs further on, when its correlation fires and is named by another one, travels with it as bytes:
 *
 *   way on:  for each correlation above: struct onward_head, key, its own way on
 *            for each host that a sequence hops to: the same, with ONWARD_HOP
 *
 * Next: group.c. */
#include "correlate/hit.h"
#include "base/ip.h"

#include <math.h>

#include "base/log.h"
#include "base/memory.h"

/* ---------------------------------------------------------------- from events */

static bool as_number(const struct value *v, double *out)
{
    switch (v->type) {
    case TYPE_LONG:
    case TYPE_BOOL:
    case TYPE_DATE:
        *out = (double)v->number;
        return true;
    case TYPE_DOUBLE:
        *out = v->real;
        return isfinite(v->real);
    default:
        return str_to_double(value_text(v), out) && isfinite(*out);
    }
}

/* Several fields count as one value together. */
static bool read_value(struct correlator *c, const struct route *r, const struct event *e, uint64_t *value,
                       double *number)
{
    const struct correlation *rule = c->set->rules[r->correlation];
    bool wants_number = rule->type == TYPE_VALUE_SUM || rule->type == TYPE_VALUE_AVG ||
                        (rule->type == TYPE_VALUE_PERCENTILE && rule->percentile >= 0);
    *value = 0;
    *number = 0;
    for (uint32_t i = 0; i < rule->field_count; i++) {
        const struct value *v = find_value(e, &r->values[i]);
        if (v == NULL || (wants_number && !as_number(v, number)))
            return false;
        *value = *value * 31 + str_hash_nocase(value_as_text(v, &c->batch->arena));
    }
    *value += *value == 0;
    return rule->field_count > 0;
}

static void put_onward(struct buf *out, struct onward_head head, const struct buf *key,
                       const struct buf *above)
{
    head.key_size = (uint32_t)key->n;
    head.onward_size = above ? (uint32_t)above->n : 0;
    buf_bytes(out, &head, sizeof head);
    buf_add(out, buf_str(key));
    if (above)
        buf_add(out, buf_str(above));
}

static void add_ways(struct correlator *c, const struct route *up, const struct event *e,
                     const struct finding *f, struct buf *out);

static void add_way(struct correlator *c, const struct route *up, const struct event *e,
                    const struct finding *f, enum variant variant, struct buf *out)
{
    struct buf key = {0}, above = {0};
    struct onward_head head = {.step = up->step, .flags = variant == VARIANT_ADDRESS ? ONWARD_SECOND : 0};
    if (build_key(c, up, e, f, variant, &key)) {
        head.flags |= read_value(c, up, e, &head.value, &head.number) ? ONWARD_VALUE : 0;
        add_ways(c, up, e, f, &above);
        put_onward(out, head, &key, &above);
    }
    buf_free(&key);
    buf_free(&above);
}

/* The group of the host that the hit's step hops to. */
static void add_hop(struct correlator *c, const struct route *r, const struct event *e,
                    const struct finding *f, struct str target, struct buf *out)
{
    const struct correlation *rule = c->set->rules[r->correlation];
    struct onward_head head = {.step = r->step, .flags = ONWARD_HOP};
    struct buf key = {0};
    target = ip_host_label(target);
    bool is_whole = target.n > 0 && !str_eq_nocase(target, f->host_ip) &&
                    !str_eq_nocase(target, ip_host_label(f->host_name));
    begin_key(&key, rule, f->is_exercise);
    for (uint32_t i = 0; i < rule->group_count && is_whole; i++) {
        struct str part = rule->sequence->by[i] == BY_HOST ? target : key_part(c, r, i, e, f, VARIANT_NAME);
        is_whole = part.n > 0;
        add_key_part(&key, part);
    }
    if (is_whole)
        put_onward(out, head, &key, NULL);
    buf_free(&key);
}

/* The host of the finding, when the group is another's by an alias: it has two names perhaps. */
static void add_own_host_hop(struct correlator *c, const struct route *r, const struct event *e,
                             const struct finding *f, struct buf *out)
{
    struct finding nobody = *f;
    nobody.host_name = nobody.host_ip = STR_EMPTY;
    add_hop(c, r, e, &nobody, f->host_name, out);
    add_hop(c, r, e, &nobody, f->host_ip, out);
}

static void add_hops(struct correlator *c, const struct route *r, const struct event *e,
                     const struct finding *f, struct buf *out)
{
    static const field_id destination[] = {FIELD_DESTINATION_IP, FIELD_DESTINATION_DOMAIN},
                          source[] = {FIELD_SOURCE_IP, FIELD_SOURCE_DOMAIN};
    const struct sequence *s = c->set->rules[r->correlation]->sequence;
    enum hop hop = s ? stage_of(s, r->step)->hop : HOP_NONE;
    if (hop == HOP_DESTINATION)
        add_hop(c, r, e, f, first_text(e, destination, COUNT_OF(destination)), out);
    else if (hop == HOP_SOURCE)
        add_hop(c, r, e, f, first_text(e, source, COUNT_OF(source)), out);
    else if (hop == HOP_HOST)
        add_own_host_hop(c, r, e, f, out);
}

/* Only ways whose group the event can tell. */
static void add_ways(struct correlator *c, const struct route *r, const struct event *e,
                     const struct finding *f, struct buf *out)
{
    for (const struct route *up = r->up; up != NULL; up = up->next) {
        add_way(c, up, e, f, VARIANT_NAME, out);
        if (has_two_names(c, up, f))
            add_way(c, up, e, f, VARIANT_ADDRESS, out);
    }
    add_hops(c, r, e, f, out);
}

/* ------------------------------------------------------------------ into groups */

static void on_tell(void *context, struct group *g, const struct firing *f)
{
    struct correlator *c = context;
    if (!c->set->rules[g->correlation]->is_silent)
        tell_firing(c, g, f);
    hit_from_firing(c, g, f);
}

static void on_move(void *context, struct group *g, const struct firing *from, const struct firing *to)
{
    hit_moves(context, g, from, to);
}

/* The group's hits have changed from that time on. */
static void refresh(struct correlator *c, struct group *g, int64_t from_ns)
{
    const struct group_news news = {c, on_tell, on_move};
    const struct correlation *rule = c->set->rules[g->correlation];
    if (rule->is_sliding)
        group_recompute(g, rule, from_ns, &news);
    if (rule->sequence && rule->sequence->has_hop)
        hop_pass_on(c, g, from_ns);
}

static bool is_same_origin(const struct origin *a, const struct origin *b)
{
    return a->size == b->size && memcmp(a->bytes, b->bytes, a->size) == 0;
}

/* One event is one hit of a step, however many of its rules matched. */
static bool is_there(const struct group *g, const struct hit *hit)
{
    for (uint32_t i = hits_from(&g->hits, hit->time_ns);
         i < g->hits.count && g->hits.items[i].time_ns == hit->time_ns; i++) {
        const struct hit *h = &g->hits.items[i];
        if (h->step == hit->step && h->sequence == hit->sequence && h->child == hit->child)
            return true;
    }
    return false;
}

/* Many hits of one step must not drive out the few of another. */
static uint32_t least_wanted(const struct group *g, const struct correlation *rule)
{
    uint32_t counts[SEQUENCE_MAX_PARTS] = {0}, most = 0, at = 0;
    if (!rule->sequence)
        return 0;
    for (uint32_t i = 0; i < g->hits.count; i++)
        counts[g->hits.items[i].step]++;
    for (uint32_t p = 0; p < rule->step_count; p++)
        most = counts[p] > counts[most] ? p : most;
    while (g->hits.items[at].step != most)
        at++;
    return at;
}

static void make_room(struct correlator *c, struct group *g, const struct correlation *rule)
{
    if (g->hits.count < (rule->sequence ? SEQUENCE_MAX_HITS : CORRELATE_MAX_GROUP_HITS))
        return;
    hits_remove(&g->hits, least_wanted(g, rule), 1);
    c->hit_count--;
    c->counters.dropped_hits++;
}

static void wait_for_end(struct correlator *c, struct group *g, const struct correlation *rule,
                         const struct hit *hit)
{
    if (rule->sequence)
        correlator_wait_until(c, g, sequence_due(rule, hit));
    else if (!g->is_in_heap || g->hits.items[0].time_ns == hit->time_ns)
        correlator_wait(c, g);
}

void hit_insert(struct correlator *c, uint32_t correlation, struct str key, struct hit hit)
{
    const struct correlation *rule = c->set->rules[correlation];
    if (hit.time_ns < horizon_of(c)) {
        c->counters.late_hits++;
        origin_release(hit.origin);
        return;
    }
    struct group *g = correlator_group(c, correlation, key);
    if (rule->sequence && is_there(g, &hit)) {
        origin_release(hit.origin);
        return;
    }
    if (g->hits.count && is_same_origin(g->hits.items[g->hits.count - 1].origin, hit.origin)) {
        origin_release(hit.origin);
        hit.origin = origin_share(g->hits.items[g->hits.count - 1].origin);
    }
    make_room(c, g, rule);
    hits_insert(&g->hits, &hit);
    c->hit_count++;
    c->counters.hits++;
    if (!rule->is_sliding)
        wait_for_end(c, g, rule, &hit);
    refresh(c, g, hit.time_ns);
}

void hit_remove(struct correlator *c, struct group *g, uint32_t at)
{
    struct hit gone = g->hits.items[at];
    origin_share(gone.origin);
    hits_remove(&g->hits, at, 1);
    c->hit_count--;
    if (!c->set->rules[g->correlation]->is_sliding)
        correlator_refill_heap(c);
    hop_take_back(c, g, &gone);
    refresh(c, g, gone.time_ns);
    origin_release(gone.origin);
}

static void insert_variant(struct correlator *c, const struct route *r, const struct event *e,
                           const struct finding *f, enum variant variant)
{
    struct who who = {f->host_name, f->host_ip,    f->user,   f->department, f->product,
                      f->peer,      f->importance, f->source, f->passage};
    struct hit hit = {.time_ns = e->time_ns,
                      .sequence = e->sequence,
                      .step = r->step,
                      .is_second = variant == VARIANT_ADDRESS};
    buf_clear(&c->key);
    buf_clear(&c->onward);
    if (!build_key(c, r, e, f, variant, &c->key))
        return;
    hit.has_value = read_value(c, r, e, &hit.value, &hit.number);
    add_ways(c, r, e, f, &c->onward);
    hit.origin = origin_new(&who, buf_str(&c->onward));
    hit_insert(c, r->correlation, buf_str(&c->key), hit);
}

void hit_from_event(struct correlator *c, const struct route *r, const struct event *e,
                    const struct finding *f)
{
    insert_variant(c, r, e, f, VARIANT_NAME);
    if (has_two_names(c, r, f))
        insert_variant(c, r, e, f, VARIANT_ADDRESS);
}

/* ------------------------------------------------------------------- from firings */

uint32_t correlation_of_key(const struct correlator *c, struct str key)
{
    const uintptr_t *index = map_find(&c->set->by_hash, str_slice(key, 0, sizeof(uint64_t)));
    return index ? (uint32_t)*index : 0;
}

bool next_onward(struct str *rest, struct onward_head *head, struct str *key, struct str *above)
{
    if (rest->n < sizeof *head)
        return false;
    memcpy(head, rest->p, sizeof *head);
    *rest = str_skip(*rest, sizeof *head);
    if ((uint64_t)head->key_size + head->onward_size > rest->n || head->key_size < sizeof(uint64_t))
        return false;
    *key = str_slice(*rest, 0, head->key_size);
    *above = str_slice(*rest, head->key_size, head->key_size + head->onward_size);
    *rest = str_skip(*rest, head->key_size + head->onward_size);
    return true;
}

void hit_from_firing(struct correlator *c, const struct group *child, const struct firing *f)
{
    struct onward_head head;
    struct str key, above;
    struct who who;
    struct origin *origin = origin_share(f->origin); /* the group may let go of it meanwhile */
    for (struct str rest = origin_read(origin, &who); next_onward(&rest, &head, &key, &above);) {
        uint32_t number = correlation_of_key(c, key);
        if (number == 0 || head.flags & ONWARD_HOP || head.step >= c->set->rules[number - 1]->step_count)
            continue;
        struct hit hit = {.time_ns = f->time_ns,
                          .sequence = c->event->sequence,
                          .value = head.value,
                          .number = head.number,
                          .child = child->number,
                          .step = head.step,
                          .has_value = (head.flags & ONWARD_VALUE) != 0,
                          .is_second = (head.flags & ONWARD_SECOND) != 0,
                          .origin = origin_new(&who, above)};
        hit_insert(c, number - 1, key, hit);
    }
    origin_release(origin);
}

static void remove_child(struct correlator *c, struct str key, uint64_t child, uint32_t step, int64_t time_ns)
{
    struct group *g = map_get_pointer(&c->by_key, key);
    uint32_t at = g ? hits_from(&g->hits, time_ns) : 0;
    while (g && at < g->hits.count && g->hits.items[at].time_ns == time_ns &&
           (g->hits.items[at].child != child || g->hits.items[at].step != step))
        at++;
    if (g && at < g->hits.count && g->hits.items[at].time_ns == time_ns)
        hit_remove(c, g, at);
}

void hit_moves(struct correlator *c, const struct group *child, const struct firing *from,
               const struct firing *to)
{
    struct onward_head head;
    struct str key, above;
    struct who who;
    struct origin *origin = origin_share(from->origin);
    int64_t from_ns = from->time_ns;
    for (struct str rest = origin_read(origin, &who); next_onward(&rest, &head, &key, &above);)
        if (!(head.flags & ONWARD_HOP))
            remove_child(c, key, child->number, head.step, from_ns);
    origin_release(origin);
    if (to != NULL)
        hit_from_firing(c, child, to);
}
