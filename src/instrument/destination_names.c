/* Which name an address goes by: learned from visits that tell both and from answers of DNS, used for flows
 * that tell the address only (a firewall beside a resolver; Zeek's conn.log beside ssl.log). An address that
 * several registered domains share keeps to itself. And whose network an address lies in. Stage: instrument.
 */
#include "instrument/destination_internal.h"

static void learn(struct destination *d, struct str address, struct str name, struct str registered,
                  int64_t time_ns)
{
    struct address_name *a;
    uint32_t now = (uint32_t)seconds_of(time_ns), within = (uint32_t)(d->p->name_hours * 3600);
    if (name.n > sizeof a->name || registered.n == 0 || !str_ends(name, registered))
        return;
    a = keyed_put(d->addresses, address, time_ns, NULL);
    struct str before = str_n(a->name + a->name_bytes - a->registered_bytes, a->registered_bytes);
    bool is_fresh = a->name_bytes && now < a->time_s + within;
    a->is_ambiguous = is_fresh && (a->is_ambiguous || !str_eq(before, registered));
    a->time_s = now;
    a->name_bytes = (uint8_t)name.n;
    a->registered_bytes = (uint8_t)registered.n;
    memcpy(a->name, name.p, name.n);
}

void destination_learn_name(struct destination *d, const struct sight *s, const struct target *t)
{
    if (s->destination.is_known && !s->destination.is_inside)
        learn(d, s->destination.text, t->name, t->registered, s->time_ns);
}

void destination_learn_answers(struct destination *d, const struct sight *s)
{
    const struct value *v = event_get(s->event, FIELD_DNS_RESOLVED_IP);
    for (; v != NULL; v = event_next(s->event, v))
        learn(d, value_text(v), s->domain, s->registered_domain, s->time_ns);
}

void destination_infer_name(const struct destination *d, int64_t now_s, struct target *t)
{
    const struct address_name *a = keyed_find(d->addresses, t->name);
    if (a == NULL || a->is_ambiguous || now_s >= a->time_s + (int64_t)(d->p->name_hours * 3600))
        return;
    struct str name = str_n(a->name, a->name_bytes);
    *t = (struct target){name, str_skip(name, name.n - a->registered_bytes), false, true};
}

bool destination_is_owner_allowed(const struct destination *d, const struct sight *s, const struct target *t)
{
    uint32_t value;
    if (!t->is_address)
        return false;
    if (s->destination.is_known && cidr_map_find(d->networks, &s->destination.ip, &value))
        return true;
    struct str owner = event_text(s->event, FIELD_DESTINATION_AS_ORGANIZATION_NAME);
    for (size_t n = 0; n < d->owner_count && owner.n; n++)
        if (str_contains_nocase(owner, d->owners[n]))
            return true;
    return false;
}

bool destination_is_dynamic(void *const *destination, struct str registered)
{
    const struct destination *d = destination ? *destination : NULL;
    return d != NULL && name_set_holds(&d->dynamic, registered);
}
