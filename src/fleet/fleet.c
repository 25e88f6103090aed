/* The stage's frame: events of a batch → the hosts they are about → control.c, detections.c, firewall.c,
 * gateway.c; the watermark → evaluate.c. Most events name a host and nothing about controls: they leave after
 * one look-up. Next stage: judge/. */
#include "base/memory.h"
#include "fleet/state.h"

struct fleet *fleet_new(struct fleet_rules *rules)
{
    struct fleet *f = NEW(struct fleet);
    f->rules = rules;
    f->regex = regex_scratch_new();
    names_init(&f->names);
    arena_init(&f->keys, 64 << 10);
    f->products = NEW_ARRAY(struct product, PRODUCTS_MAX);
    f->sightings.capacity = (uint32_t)rules->limits.hashes;
    f->late_capacity = (uint32_t)rules->limits.late_detections;
    f->scan_capacity = (uint32_t)rules->limits.scans;
    f->watermark_ns = f->due_ns = TIME_UNKNOWN;
    return f;
}

void fleet_free(struct fleet *f)
{
    if (f == NULL)
        return;
    hosts_free(f);
    for (uint32_t i = 1; i <= f->product_count; i++)
        product_free(&f->products[i]);
    memory_free(f->products);
    map_free(&f->by_product);
    memory_free(f->gateways);
    memory_free(f->sightings.halves[0]);
    memory_free(f->sightings.halves[1]);
    memory_free(f->lates);
    memory_free(f->scans);
    names_free(&f->names);
    regex_scratch_free(f->regex);
    fleet_rules_free(f->rules);
    memory_free(f);
}

/* Names may mean other functions and forms of versions may have changed: what comes is read by the new ones.
 */
void fleet_use(struct fleet *f, struct fleet_rules *rules)
{
    fleet_rules_free(f->rules);
    f->rules = rules;
}

const struct rule_info *fleet_finding(const struct fleet *f, struct str finding_id)
{
    for (size_t n = 0; n < FOUND_COUNT; n++)
        if (str_eq(f->rules->findings[n].id, finding_id))
            return &f->rules->findings[n];
    return NULL;
}

struct fleet_counters fleet_counters(const struct fleet *f)
{
    struct fleet_counters c = f->counters;
    c.hosts = f->host_count;
    c.dropped_hashes = f->sightings.dropped;
    c.dropped_names = f->names.refused;
    return c;
}

void note_word(struct fleet *f, struct str word)
{
    name_id name = name_put(&f->names, word);
    for (uint32_t i = 0; i < f->word_count; i++)
        if (f->words[i].name == name) {
            f->words[i].count++;
            return;
        }
    if (f->word_count < WORDS_MAX)
        f->words[f->word_count++] = (struct word){name, 1};
}

/* ---------------------------------------------------------------- subjects */

static bool is_ours(const struct event *e, const struct ip *ip, bool is_source)
{
    struct str direction = event_text(e, FIELD_HYAKUYO_DIRECTION);
    if (direction.n == 0)
        return ip_is_private(ip);
    return str_eq(direction, STR("internal")) ||
           str_eq(direction, is_source ? STR("outbound") : STR("inbound"));
}

/* Of the usual networks: nobody is there. */
static bool is_broadcast(const struct ip *ip)
{
    return ip_is_v4(ip) && (ip->bytes[15] == 255 || ip->bytes[15] == 0);
}

/* The host's own end of a communication, by what the inventory or earlier events say of the address. */
static struct host *find_end(struct fleet *f, const struct event *e, int64_t time_ns, bool is_source,
                             bool creates)
{
    struct ip ip;
    struct str text = event_text(e, is_source ? FIELD_SOURCE_IP : FIELD_DESTINATION_IP);
    if (text.n == 0 || !ip_parse(text, &ip) || !is_ours(e, &ip, is_source) || is_broadcast(&ip))
        return NULL;
    struct str name = event_text(e, is_source ? FIELD_HYAKUYO_SOURCE_HOST : FIELD_HYAKUYO_DESTINATION_HOST);
    struct host *h = name.n ? host_by_name(f, name, creates) : NULL;
    if (h == NULL)
        return host_by_address(f, &ip, time_ns, creates);
    host_take_address(f, h, &ip, time_ns);
    return h;
}

static void describe(struct fleet *f, struct host *h, const struct event *e)
{
    static const struct str server = {"server", 6}, controller = {"domain-controller", 17};
    struct str department = event_text(e, FIELD_HYAKUYO_DEPARTMENT);
    struct str type = event_text(e, FIELD_HYAKUYO_ASSET_TYPE);
    if (department.n)
        h->department = name_put(&f->names, department);
    if (type.n) {
        h->type = name_put(&f->names, type);
        h->is_server |= str_eq_nocase(type, server);
        h->is_exempt |= rules_lists(&f->rules->exempt_types, type);
    }
    for (const struct value *v = event_get(e, FIELD_HYAKUYO_ASSET_ROLE); v != NULL; v = event_next(e, v)) {
        h->is_server |=
            str_ends_nocase(value_text(v), STR("-server")) || str_eq_nocase(value_text(v), controller);
        h->is_exempt |= rules_lists(&f->rules->exempt_roles, value_text(v));
    }
    h->is_in_inventory |= type.n || event_get(e, FIELD_HYAKUYO_ASSET_ROLE) != NULL ||
                          event_get(e, FIELD_HYAKUYO_ASSET_OWNER) != NULL;
}

static void touch(struct host *h, int64_t time_ns, unsigned seen)
{
    h->seen |= seen;
    h->first_ns = sooner(h->first_ns, time_ns);
    h->last_ns = later(h->last_ns, time_ns);
    if (seen == SEEN_AGENT)
        return;
    h->traffic_ns = later(h->traffic_ns, time_ns);
}

/* The host speaks: for each of its agents, whether it has done so without a pause since the agent last did.
 */
static void note_traffic(struct fleet *f, struct host *h, int64_t time_ns)
{
    for (unsigned i = 0; i < FUNCTION_COUNT; i++) {
        struct control *c = h->controls[i];
        if (c == NULL || time_ns <= c->heartbeat_ns || time_ns <= c->traffic_last_ns)
            continue;
        if (!is_known(c->traffic_last_ns) || c->traffic_last_ns < c->heartbeat_ns ||
            time_ns - c->traffic_last_ns > minutes_ns(f->rules->times.traffic_gap_minutes))
            c->traffic_from_ns = time_ns;
        c->traffic_last_ns = time_ns;
    }
}

/* ------------------------------------------------------------------ events */

/* The computer an event names: host.name, or the name of a lease; with the address it has now. */
static struct host *named_host(struct fleet *f, const struct event *e, int64_t time_ns, struct str name,
                               field_id address)
{
    struct ip ip;
    struct host *h = host_by_name(f, name, true);
    for (const struct value *v = event_get(e, address); v != NULL; v = event_next(e, v)) {
        if (!ip_parse(value_text(v), &ip) || !ip_is_private(&ip))
            continue;
        if (h == NULL)
            h = host_by_address(f, &ip, time_ns, true);
        else
            host_take_address(f, h, &ip, time_ns);
    }
    return h;
}

static struct str host_name(const struct event *e)
{
    struct str name = event_text(e, FIELD_HOST_NAME);
    return name.n ? name : event_text(e, FIELD_HOST_HOSTNAME);
}

static bool is_lease(const struct event *e)
{
    return str_eq(event_text(e, FIELD_NETWORK_PROTOCOL), STR("dhcp")) &&
           event_get(e, FIELD_CLIENT_IP) != NULL &&
           str_eq(event_text(e, FIELD_EVENT_OUTCOME), STR("success"));
}

static bool is_own_firewall_log(const struct fleet *f, const struct event *e)
{
    enum control_function function;
    return rules_function(f->rules, event_text(e, FIELD_HYAKUYO_CONTROL_NAME), &function) &&
           function == FUNCTION_FIREWALL && event_get(e, FIELD_SOURCE_IP) != NULL;
}

/* pfirewall.log and the like: the host is the near end. */
static void take_own_firewall_log(struct fleet *f, const struct event *e, int64_t time_ns)
{
    bool is_inbound = str_eq(event_text(e, FIELD_NETWORK_DIRECTION), STR("inbound")) ||
                      str_eq(event_text(e, FIELD_NETWORK_DIRECTION), STR("ingress"));
    struct host *h = host_name(e).n ? named_host(f, e, time_ns, host_name(e), FIELD_HOST_IP)
                                    : find_end(f, e, time_ns, !is_inbound, true);
    if (h == NULL)
        return;
    touch(h, time_ns, SEEN_TRAFFIC);
    control_take(f, h, e, time_ns);
    note_traffic(f, h, time_ns);
    firewall_take(f, h, true, is_inbound, e, time_ns);
}

static void take_admission(struct fleet *f, struct host *h, const struct event *e, int64_t time_ns)
{
    int64_t session_ns = minutes_ns(f->rules->times.refusal_session_minutes);
    bool is_refused = false;
    for (const struct value *v = event_get(e, FIELD_EVENT_TYPE); v != NULL; v = event_next(e, v))
        is_refused |= str_eq(value_text(v), STR("denied"));
    if (!is_known(h->attempt_ns) || time_ns - h->attempt_ns > session_ns)
        h->attempts++;
    h->attempt_ns = later(h->attempt_ns, time_ns);
    if (!is_refused)
        return;
    name_id name = name_put(&f->names, event_text(e, FIELD_EVENT_REASON));
    bool is_new = !is_known(h->refusal_ns) || time_ns - h->refusal_ns > session_ns;
    h->refusal_ns = later(h->refusal_ns, time_ns);
    h->refusal_reason = name;
    if (!is_new)
        return;
    h->refusals++;
    uint32_t at = 0;
    while (at < f->reason_count && f->reasons[at].name != name)
        at++;
    if (at == REASONS_MAX)
        return;
    if (at == f->reason_count)
        f->reasons[f->reason_count++] = (struct reason){.name = name};
    f->reasons[at].count++;
    f->reasons[at].last_ns = time_ns;
}

static void take_named(struct fleet *f, const struct event *e, int64_t time_ns, bool has_control)
{
    bool is_admission = str_eq(event_text(e, FIELD_OBSERVER_TYPE), STR("nac"));
    struct host *h = named_host(f, e, time_ns, host_name(e), FIELD_HOST_IP);
    if (h == NULL)
        return;
    describe(f, h, e);
    touch(h, time_ns, is_admission ? SEEN_ADMISSION : has_control ? SEEN_AGENT : SEEN_OWN_LOG);
    if (is_admission)
        take_admission(f, h, e, time_ns);
    if (has_control)
        control_take(f, h, e, time_ns);
    else
        note_traffic(f, h, time_ns);
    patches_take(f, h, e, time_ns);
    detection_take(f, h, 0, e, time_ns);
}

static void take_traffic(struct fleet *f, const struct event *e, int64_t time_ns)
{
    struct host *h = find_end(f, e, time_ns, true, true);
    if (h == NULL)
        return;
    describe(f, h, e);
    struct str site = event_text(e, FIELD_HYAKUYO_SOURCE_ZONE);
    if (site.n)
        h->site = name_put(&f->names, site);
    touch(h, time_ns, SEEN_TRAFFIC);
    note_traffic(f, h, time_ns);
    firewall_take(f, h, false, false, e, time_ns);
    detection_take(f, h, 0, e, time_ns);
}

static void take_event(struct fleet *f, const struct event *e, int64_t time_ns)
{
    bool has_control = has_control_facts(e), has_name = host_name(e).n || event_get(e, FIELD_HOST_IP) != NULL;
    if (has_control && is_own_firewall_log(f, e))
        take_own_firewall_log(f, e, time_ns);
    else if (has_control && !has_name)
        gateway_take(f, e, time_ns);
    else if (has_control)
        take_named(f, e, time_ns, true);
    else if (event_get(e, FIELD_SOURCE_IP) != NULL)
        take_traffic(f, e, time_ns);
    else if (is_lease(e)) {
        struct host *h = named_host(f, e, time_ns, event_text(e, FIELD_CLIENT_DOMAIN), FIELD_CLIENT_IP);
        if (h != NULL) {
            touch(h, time_ns, SEEN_LEASE);
            note_traffic(f, h, time_ns);
        }
    } else if (has_name)
        take_named(f, e, time_ns, false);
}

/* ------------------------------------------------------------------- batch */

static void reach(struct fleet *f, int64_t watermark_ns)
{
    int64_t step_ns = minutes_ns(f->rules->times.evaluation_minutes);
    if (watermark_ns <= f->watermark_ns && is_known(f->watermark_ns))
        return;
    if (is_known(f->due_ns) && watermark_ns >= f->due_ns)
        evaluate(f, watermark_ns - watermark_ns % step_ns);
    if (!is_known(f->due_ns) || watermark_ns >= f->due_ns)
        f->due_ns = watermark_ns - watermark_ns % step_ns + step_ns;
    f->watermark_ns = watermark_ns;
}

/* Behind the findings of earlier events and of this one. */
static struct finding **behind(struct finding **at, uint64_t sequence)
{
    while (*at != NULL && (*at)->sequence <= sequence)
        at = &(*at)->next;
    return at;
}

uint64_t fleet_through(const struct fleet *f)
{
    return f->through;
}

void fleet_note_recovered(struct fleet *f, uint64_t last)
{
    if (f->through > last)
        f->through = last;
}

void fleet_take(struct fleet *f, struct batch *batch)
{
    f->batch = batch;
    f->insert_at = &batch->findings;
    for (uint32_t i = 0; i < batch->count; i++) {
        const struct event *e = &batch->events[i];
        if (e->sequence <= f->through)
            continue;
        f->through = e->sequence;
        if (e->flags & (EVENT_CANARY | EVENT_PARSE_FAILURE))
            continue;
        int64_t time_ns = e->time_ns < e->received_ns ? e->time_ns : e->received_ns;
        f->event = e;
        f->insert_at = behind(f->insert_at, e->sequence);
        reach(f, time_ns);
        take_event(f, e, time_ns);
    }
    f->batch = NULL;
    f->event = NULL;
}

void fleet_advance(struct fleet *f, struct batch *batch, int64_t watermark_ns)
{
    BUG_IF(batch->count == 0);
    f->batch = batch;
    f->event = &batch->events[batch->count - 1];
    f->insert_at = behind(&batch->findings, f->event->sequence);
    reach(f, watermark_ns);
    f->batch = NULL;
    f->event = NULL;
}
