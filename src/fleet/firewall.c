/* Does traffic keep to the policy (stage fleet; S40)? What the policy denies must not be allowed in the
 * desktop firewall's own log, and must not have left the host when another sensor sees it. What others allow
 * towards a host says nothing: the host may have refused it. */
#include "fleet/state.h"

static bool is_type(const struct event *e, struct str type)
{
    for (const struct value *v = event_get(e, FIELD_EVENT_TYPE); v != NULL; v = event_next(e, v))
        if (str_eq(value_text(v), type))
            return true;
    return false;
}

static bool is_excepted(const struct denial *d, struct str other)
{
    struct ip ip;
    if (d->except_count == 0 || !ip_parse(other, &ip))
        return false;
    for (uint32_t i = 0; i < d->except_count; i++)
        if (cidr_contains(&d->except[i], &ip))
            return true;
    return false;
}

static bool covers(const struct fleet *f, const struct denial *d, const struct host *h,
                   const struct control *c, struct str protocol, int64_t port)
{
    if ((d->hosts == HOSTS_CLIENT && h->is_server) || (d->hosts == HOSTS_SERVER && !h->is_server) ||
        (d->protocol.n && !str_eq_nocase(d->protocol, protocol)) ||
        (d->policy.n && (c == NULL || !str_eq(d->policy, text_of(f, c->policy)))))
        return false;
    for (uint32_t i = 0; i < d->port_count; i++)
        if (d->ports[i] == port)
            return true;
    return d->port_count == 0;
}

static void contradict(struct fleet *f, struct host *h, struct control *c, const struct event *e,
                       bool is_inbound, int64_t port, struct str other, int64_t time_ns)
{
    struct arena *a = &f->batch->arena;
    bool is_new = !is_known(c->contradiction_ns) || time_ns - c->contradiction_ns > hours_ns(24);
    c->contradictions++;
    c->contradiction_ns = later(c->contradiction_ns, time_ns);
    c->contradiction_port = (uint32_t)port;
    c->contradiction_inbound = is_inbound;
    if (!is_new || event_get(e, FIELD_HYAKUYO_EXCEPTION) != NULL)
        return;
    struct told t = {.which = FOUND_CONTRADICTED, .time_ns = time_ns, .host = h};
    t.facts[t.fact_count++] =
        (struct matched_value){STR("direction"), is_inbound ? STR("inbound") : STR("outbound")};
    t.facts[t.fact_count++] = (struct matched_value){STR("port"), arena_printf(a, "%lld", (long long)port)};
    t.facts[t.fact_count++] = (struct matched_value){STR("other_side"), arena_str(a, other)};
    t.facts[t.fact_count++] = (struct matched_value){STR("policy"), text_of(f, c->policy)};
    tell(f, &t);
}

void firewall_take(struct fleet *f, struct host *h, bool is_own_log, bool is_inbound, const struct event *e,
                   int64_t time_ns)
{
    int64_t port;
    struct control *c = h->controls[FUNCTION_FIREWALL];
    if (f->rules->denial_count == 0 || c == NULL || !event_number(e, FIELD_DESTINATION_PORT, &port) ||
        (is_own_log && !is_type(e, STR("allowed"))))
        return;
    struct str other = event_text(e, is_inbound ? FIELD_SOURCE_IP : FIELD_DESTINATION_IP);
    struct str protocol = event_text(e, FIELD_NETWORK_TRANSPORT);
    for (uint32_t i = 0; i < f->rules->denial_count; i++) {
        const struct denial *d = &f->rules->denials[i];
        if (d->is_inbound != is_inbound || !covers(f, d, h, c, protocol, port) || is_excepted(d, other))
            continue;
        contradict(f, h, c, e, is_inbound, port, other, time_ns);
        return;
    }
}
