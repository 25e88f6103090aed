/* What is known of the target of a countermeasure: the texts that connectors may name. Next: carrier_send.c.
 */
#include "base/ip.h"
#include "base/memory.h"
#include "enrich/identity_rules.h"
#include "store/state_identity.h"
#include "work/carrier_internal.h"

#define INTERVALS_MOST 50

/* "aa-bb-cc-dd-ee-ff" → as RFC 3580, 3.21 writes it: "AA-BB-CC-DD-EE-FF". */
static struct str upper(struct str mac, struct arena *arena)
{
    char *out = (char *)arena_alloc(arena, mac.n + 1);
    for (size_t i = 0; i < mac.n; i++)
        out[i] = ascii_upper(mac.p[i]);
    return str_n(out, mac.n);
}

static struct str joined(struct str mac, const char *between, struct arena *arena)
{
    struct str all = STR_EMPTY, part;
    for (bool is_first = true; mac.n && str_split(&mac, '-', &part); is_first = false)
        all = arena_printf(arena, "%.*s%s%.*s", STR_ARGS(all), is_first ? "" : between, STR_ARGS(part));
    return all;
}

struct known {
    struct str host, ip, mac, user;
};

static struct str registered_macs(const struct asset_host *host, struct arena *arena)
{
    struct str all = STR_EMPTY;
    for (uint32_t i = 0; host != NULL && i < host->macs.count; i++)
        all = arena_printf(arena, "%.*s%s%.*s", STR_ARGS(all), all.n ? ";" : "",
                           STR_ARGS(identity_mac(host->macs.items[i], arena)));
    return all;
}

/* What the inventory says, copied: the context may go. */
static void ask_inventory(struct casework *c, struct known *k, struct str *macs)
{
    struct context *context = engine_context(c->s->engine);
    const struct asset_host *host = context ? context_find_host(context, k->host, k->ip, c->now_ns) : NULL;
    *macs = registered_macs(host, c->arena);
    if (host != NULL && k->host.n == 0)
        k->host = arena_str(c->arena, host->hostname);
    if (host != NULL && k->ip.n == 0 && host->ips.count)
        k->ip = arena_str(c->arena, host->ips.items[0]);
    if (macs->n)
        k->mac = str_slice(*macs, 0, str_find_char(*macs, ';', 0));
    context_unref(context);
}

/* Leases and log-ons that hold now are younger than the inventory. */
static void ask_identity(struct casework *c, struct known *k, struct str macs, bool has_address)
{
    struct identity_interval *rows;
    struct error ignored;
    uint32_t count = 0;
    struct str label = ip_host_label(k->host);
    if (label.n == 0 || !state_identity_of_host(c->s->state, label, macs, c->now_ns, c->now_ns + 1,
                                                INTERVALS_MOST, c->arena, &rows, &count, &ignored))
        return;
    for (uint32_t i = count; i-- > 0;) { /* the newest comes last and wins */
        const struct identity_interval *r = &rows[i];
        bool is_device = r->relation == IDENTITY_DEVICE;
        if (is_device && has_address && !str_eq(r->key, k->ip))
            continue;
        if (is_device && r->mac.n)
            k->mac = r->mac;
        if (is_device && !has_address)
            k->ip = r->key;
        if (!is_device && r->user.n && !r->is_weak)
            k->user = r->user;
    }
}

static struct known know(struct casework *c, struct str target)
{
    struct known k = {STR_EMPTY, STR_EMPTY, STR_EMPTY, STR_EMPTY};
    struct str macs;
    struct ip address;
    bool has_address = ip_parse(target, &address);
    *(has_address ? &k.ip : &k.host) = target;
    ask_inventory(c, &k, &macs);
    ask_identity(c, &k, macs, has_address);
    return k;
}

struct connector_values carrier_values(struct casework *c, const struct work_row *measure, struct str key)
{
    const struct str *v = measure->values;
    struct connector_values out = {
        .key = key,
        .device = v[COUNTERMEASURE_DEVICE],
        .target = v[COUNTERMEASURE_TARGET],
        .countermeasure = work_text_of((int64_t)measure->id, c->arena),
        .incident = v[COUNTERMEASURE_INCIDENT],
        .expires = work_text_of(work_number(measure, COUNTERMEASURE_EXPIRES) / NS_PER_SECOND, c->arena),
        .approved_by = v[COUNTERMEASURE_APPROVED_BY]};
    struct ip address;
    if (!str_eq(out.device, STR("access"))) {
        if (ip_parse(out.target, &address))
            out.ip = out.target;
        return out;
    }
    struct known k = know(c, out.target);
    struct str mac = identity_mac(k.mac, c->arena);
    out.host = k.host;
    out.ip = k.ip;
    out.user = k.user;
    out.mac = upper(mac, c->arena);
    out.mac_colon = joined(mac, ":", c->arena);
    out.mac_plain = joined(mac, "", c->arena);
    return out;
}
