/* The table of hosts, by name and by address (stage fleet). A host is known by its name without the domain;
 * while only an address is known, it is nameless, and becomes part of the host whose name turns up with that
 * address. When the table is full, the sixteenth that was not seen longest makes room. */
#include <stdlib.h>

#include "base/memory.h"
#include "fleet/state.h"

#define NAME_MAX_BYTES 128

/* "PC-1.corp.example" and "pc-1" are one. An address stays as it is. */
static struct str plain_name(struct str name, char out[NAME_MAX_BYTES])
{
    struct ip ip;
    size_t n = 0;
    if (!ip_parse(name, &ip))
        name = str_slice(name, 0, str_find_char(name, '.', 0));
    for (; n < name.n && n < NAME_MAX_BYTES; n++)
        out[n] = ascii_lower(name.p[n]);
    return str_n(out, n);
}

static struct str address_key(const struct ip *ip)
{
    return str_n((const char *)ip->bytes, sizeof ip->bytes);
}

static void index_put(struct fleet *f, struct map *map, struct str key, struct host *h)
{
    uintptr_t *place = map_find(map, key);
    if (place == NULL)
        place = map_put(map, arena_str(&f->keys, key), NULL);
    *place = (uintptr_t)h;
}

static void index_drop(struct fleet *f, struct map *map, struct str key, const struct host *h)
{
    uintptr_t *place = map_find(map, key);
    if (place == NULL || *place != (uintptr_t)h)
        return;
    *place = 0;
    f->dead_keys++;
}

void hosts_index(struct fleet *f)
{
    map_clear(&f->by_name);
    map_clear(&f->by_address);
    arena_reset(&f->keys);
    f->dead_keys = 0;
    for (uint32_t i = 0; i < f->host_count; i++) {
        struct host *h = f->hosts[i];
        index_put(f, &f->by_name, text_of(f, h->name), h);
        for (uint32_t a = 0; a < h->address_count; a++)
            index_put(f, &f->by_address, address_key(&h->addresses[a].ip), h);
    }
}

static void host_free(struct host *h)
{
    for (unsigned i = 0; i < FUNCTION_COUNT; i++)
        memory_free(h->controls[i]);
    memory_free(h);
}

void hosts_free(struct fleet *f)
{
    for (uint32_t i = 0; i < f->host_count; i++)
        host_free(f->hosts[i]);
    memory_free(f->hosts);
    map_free(&f->by_name);
    map_free(&f->by_address);
    arena_free(&f->keys);
}

void hosts_forget(struct fleet *f, int64_t before_ns)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->host_count; i++) {
        if (f->hosts[i]->last_ns >= before_ns)
            f->hosts[kept++] = f->hosts[i];
        else
            host_free(f->hosts[i]);
    }
    if (kept == f->host_count)
        return;
    f->host_count = kept;
    hosts_index(f);
}

static int by_last(const void *left, const void *right)
{
    const struct host *a = *(struct host *const *)left, *b = *(struct host *const *)right;
    if (a->last_ns != b->last_ns)
        return a->last_ns < b->last_ns ? -1 : 1;
    return a->name < b->name ? -1 : a->name > b->name;
}

static void make_room(struct fleet *f)
{
    uint32_t some = f->host_count / 16 + 1;
    qsort(f->hosts, f->host_count, sizeof *f->hosts, by_last);
    for (uint32_t i = 0; i < some; i++)
        host_free(f->hosts[i]);
    f->host_count -= some;
    memmove(f->hosts, f->hosts + some, f->host_count * sizeof *f->hosts);
    f->counters.dropped_hosts += some;
    hosts_index(f);
}

static struct host *add_host(struct fleet *f, struct str name, bool is_nameless)
{
    if (f->host_count >= (uint32_t)f->rules->limits.hosts)
        make_room(f);
    if (f->dead_keys > f->host_count + 1000)
        hosts_index(f);
    if (f->host_count == f->host_capacity) {
        f->host_capacity = f->host_capacity ? f->host_capacity * 2 : 256;
        f->hosts = memory_resize_array(f->hosts, f->host_capacity, sizeof *f->hosts);
    }
    struct host *h = NEW(struct host);
    *h = (struct host){.name = name_put(&f->names, name),
                       .shown = name_put(&f->names, name),
                       .is_nameless = is_nameless,
                       .first_ns = TIME_UNKNOWN,
                       .last_ns = TIME_UNKNOWN,
                       .traffic_ns = TIME_UNKNOWN,
                       .refusal_ns = TIME_UNKNOWN,
                       .attempt_ns = TIME_UNKNOWN,
                       .malware_ns = TIME_UNKNOWN,
                       .patch_ns = TIME_UNKNOWN};
    f->hosts[f->host_count++] = h;
    index_put(f, &f->by_name, name, h);
    return h;
}

struct host *host_by_name(struct fleet *f, struct str name, bool create)
{
    char plain[NAME_MAX_BYTES];
    struct str written = str_trim(name);
    name = plain_name(written, plain);
    if (name.n == 0)
        return NULL;
    struct host *h = map_get_pointer(&f->by_name, name);
    if (h != NULL || !create)
        return h;
    h = add_host(f, name, false);
    h->shown = name_put(&f->names, str_slice(written, 0, name.n));
    return h;
}

static void drop_address(struct fleet *f, struct host *h, uint32_t at)
{
    index_drop(f, &f->by_address, address_key(&h->addresses[at].ip), h);
    h->addresses[at] = h->addresses[--h->address_count];
}

static uint32_t find_address(const struct host *h, const struct ip *ip)
{
    uint32_t at = 0;
    while (at < h->address_count && memcmp(&h->addresses[at].ip, ip, sizeof *ip) != 0)
        at++;
    return at;
}

static void add_address(struct fleet *f, struct host *h, const struct ip *ip, int64_t time_ns)
{
    uint32_t at = find_address(h, ip);
    if (at == h->address_count) {
        if (h->address_count == HOST_ADDRESSES) {
            uint32_t oldest = 0;
            for (uint32_t i = 1; i < HOST_ADDRESSES; i++)
                if (h->addresses[i].seen_ns < h->addresses[oldest].seen_ns)
                    oldest = i;
            drop_address(f, h, oldest);
            at = h->address_count;
        }
        h->addresses[at] = (struct host_address){*ip, time_ns};
        h->address_count++;
    }
    h->addresses[at].seen_ns = later(h->addresses[at].seen_ns, time_ns);
    index_put(f, &f->by_address, address_key(ip), h);
}

struct host *host_by_address(struct fleet *f, const struct ip *ip, int64_t time_ns, bool create)
{
    struct host *h = map_get_pointer(&f->by_address, address_key(ip));
    if (h != NULL) {
        uint32_t at = find_address(h, ip);
        if (h->is_nameless ||
            time_ns - h->addresses[at].seen_ns <= hours_ns(24 * f->rules->times.address_days))
            return h;
        if (!create)
            return NULL;
        drop_address(f, h, at);
    }
    if (!create)
        return NULL;
    char text[IP_TEXT_MAX];
    struct str name = str_n(text, ip_format(ip, text));
    h = map_get_pointer(&f->by_name, name);
    if (h == NULL)
        h = add_host(f, name, true);
    add_address(f, h, ip, time_ns);
    return h;
}

/* Of a control that both have, the named host's stays: it has been told more. */
static void absorb_controls(struct host *h, struct host *nameless)
{
    for (unsigned i = 0; i < FUNCTION_COUNT; i++)
        if (h->controls[i] == NULL) {
            h->controls[i] = nameless->controls[i];
            nameless->controls[i] = NULL;
        }
}

/* What a nameless host did, the named one did. */
static void absorb(struct fleet *f, struct host *h, struct host *nameless)
{
    absorb_controls(h, nameless);
    h->seen |= nameless->seen;
    h->first_ns = sooner(h->first_ns, nameless->first_ns);
    h->last_ns = later(h->last_ns, nameless->last_ns);
    h->traffic_ns = later(h->traffic_ns, nameless->traffic_ns);
    h->department = h->department ? h->department : nameless->department;
    h->site = h->site ? h->site : nameless->site;
    h->refusals += nameless->refusals;
    h->attempts += nameless->attempts;
    h->refusal_ns = later(h->refusal_ns, nameless->refusal_ns);
    h->attempt_ns = later(h->attempt_ns, nameless->attempt_ns);
    while (nameless->address_count)
        drop_address(f, nameless, nameless->address_count - 1);
    index_drop(f, &f->by_name, text_of(f, nameless->name), nameless);
    for (uint32_t i = 0; i < f->host_count; i++)
        if (f->hosts[i] == nameless) {
            f->hosts[i] = f->hosts[--f->host_count];
            break;
        }
    host_free(nameless);
}

void host_take_address(struct fleet *f, struct host *h, const struct ip *ip, int64_t time_ns)
{
    struct host *other = map_get_pointer(&f->by_address, address_key(ip));
    if (other != NULL && other != h) {
        if (other->is_nameless)
            absorb(f, h, other);
        else
            drop_address(f, other, find_address(other, ip));
    }
    add_address(f, h, ip, time_ns);
}

struct control *host_control(struct host *h, enum control_function function)
{
    if (h->controls[function] != NULL)
        return h->controls[function];
    struct control *c = NEW(struct control);
    int64_t *const times[] = {&c->first_ns,        &c->last_ns,         &c->heartbeat_ns,
                              &c->contact_from_ns, &c->service_ns,      &c->realtime_ns,
                              &c->enabled_ns,      &c->update_ns,       &c->update_failed_ns,
                              &c->first_update_ns, &c->scan_started_ns, &c->scan_completed_ns,
                              &c->scan_failed_ns,  &c->policy_ns,       &c->contradiction_ns,
                              &c->tamper_ns,       &c->traffic_from_ns, &c->traffic_last_ns,
                              &c->silent_since_ns, &c->beat_ns,         &c->scan_from_ns};
    for (size_t i = 0; i < COUNT_OF(times); i++)
        *times[i] = TIME_UNKNOWN;
    for (unsigned i = 0; i < COMPONENT_COUNT; i++)
        c->held[i].since_ns = c->held[i].seen_ns = TIME_UNKNOWN;
    c->scan_files = c->scan_skipped = c->scan_took_ns = -1;
    h->controls[function] = c;
    return c;
}
