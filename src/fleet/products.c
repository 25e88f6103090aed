/* Products, the versions of their components, and which hosts have come to which release when (stage fleet;
 * S31–S33). A version that becomes the newest after the product's first hours is a release: it came out here
 * when it was first seen. Next: spread.c reads the adoptions. */
#include "base/memory.h"
#include "fleet/state.h"

#define FUTURE_NS (2 * 24 * 3600 * NS_PER_SECOND) /* a version dated later than this is a wrong text */

uint32_t product_number(struct fleet *f, struct str name, struct str vendor)
{
    if (name.n == 0)
        name = vendor.n ? vendor : STR("unknown");
    name_id id = name_put(&f->names, name);
    struct str key = text_of(f, id);
    uintptr_t *known = map_find(&f->by_product, key);
    if (known != NULL)
        return (uint32_t)*known;
    if (f->product_count >= PRODUCTS_MAX - 1 || id == 0)
        return 0;
    uint32_t number = ++f->product_count;
    struct product *p = &f->products[number];
    *p = (struct product){.name = id,
                          .vendor = name_put(&f->names, vendor),
                          .first_ns = TIME_UNKNOWN,
                          .last_ns = TIME_UNKNOWN,
                          .tested_ns = TIME_UNKNOWN};
    for (unsigned c = 0; c < COMPONENT_COUNT; c++)
        p->versions[c].first_ns = TIME_UNKNOWN;
    *map_put(&f->by_product, key, NULL) = number;
    return number;
}

struct product *product_at(const struct fleet *f, uint32_t number)
{
    return &f->products[number];
}

void product_free(struct product *p)
{
    for (unsigned c = 0; c < COMPONENT_COUNT; c++) {
        for (uint32_t i = 0; i < p->versions[c].count; i++)
            memory_free(p->versions[c].items[i].adoptions);
        memory_free(p->versions[c].items);
    }
}

void products_count(struct fleet *f)
{
    for (uint32_t i = 1; i <= f->product_count; i++)
        f->products[i].hosts = 0;
    for (uint32_t i = 0; i < f->host_count; i++)
        for (unsigned n = 0; n < FUNCTION_COUNT; n++)
            if (f->hosts[i]->controls[n] != NULL && f->hosts[i]->controls[n]->product)
                product_at(f, f->hosts[i]->controls[n]->product)->hosts++;
}

/* The first one that is not older than the key. */
static uint32_t place_of(const struct versions *v, const struct version_key *key)
{
    uint32_t low = 0, high = v->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (version_compare(&v->items[middle].key, key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Only the latest releases are judged: older ones need their adoptions no more. */
static void thin_out(struct versions *v)
{
    uint32_t releases = 0;
    for (uint32_t i = v->count; i-- > 0;) {
        struct release *r = &v->items[i];
        if (!r->is_release || ++releases <= RELEASES_JUDGED)
            continue;
        memory_free(r->adoptions);
        r->adoptions = NULL;
        r->adoption_count = r->adoption_capacity = 0;
    }
}

static void drop_oldest(struct fleet *f, struct versions *v)
{
    memory_free(v->items[0].adoptions);
    memmove(v->items, v->items + 1, --v->count * sizeof *v->items);
    f->counters.dropped_versions++;
}

static struct release *add_release(struct fleet *f, struct versions *v, uint32_t at,
                                   const struct release *new)
{
    if (v->count >= (uint32_t)f->rules->limits.releases) {
        drop_oldest(f, v);
        at -= at > 0;
    }
    if (v->count == v->capacity) {
        v->capacity = v->capacity ? v->capacity * 2 : 8;
        v->items = memory_resize_array(v->items, v->capacity, sizeof *v->items);
    }
    memmove(v->items + at + 1, v->items + at, (v->count++ - at) * sizeof *v->items);
    v->items[at] = *new;
    thin_out(v);
    return &v->items[at];
}

static struct release *note_release(struct fleet *f, struct versions *v, name_id name,
                                    const struct version_key *key, int64_t time_ns, int64_t released_ns)
{
    uint32_t at = place_of(v, key);
    int64_t dated_ns = is_known(released_ns) ? released_ns : version_date_ns(key);
    if (at < v->count && version_compare(&v->items[at].key, key) == 0) {
        struct release *r = &v->items[at];
        r->first_ns = sooner(r->first_ns, time_ns);
        if (!is_known(r->told_ns))
            r->told_ns = dated_ns;
        return r;
    }
    if (is_known(dated_ns) && dated_ns > time_ns + FUTURE_NS)
        return NULL;
    if (!is_known(v->first_ns))
        v->first_ns = time_ns;
    struct release new = {.name = name, .key = *key, .first_ns = time_ns, .told_ns = dated_ns};
    new.is_release =
        at == v->count && v->count > 0 && time_ns - v->first_ns >= hours_ns(f->rules->times.warm_up_hours);
    return add_release(f, v, at, &new);
}

static void adopt(struct release *r, const struct host *h, const struct control *control, int64_t time_ns,
                  uint32_t most)
{
    int64_t from_ns = later(r->first_ns, control->contact_from_ns);
    if (r->adoption_count >= most)
        return;
    if (r->adoption_count == r->adoption_capacity) {
        r->adoption_capacity = r->adoption_capacity ? r->adoption_capacity * 2 : 16;
        r->adoptions = memory_resize_array(r->adoptions, r->adoption_capacity, sizeof *r->adoptions);
    }
    int64_t after_ns = time_ns > from_ns ? time_ns - from_ns : 0;
    r->adoptions[r->adoption_count++] =
        (struct adoption){(uint32_t)(after_ns / NS_PER_SECOND), h->department, h->site};
}

/* Every release between what the host had and what it has now. */
static void adopt_all(struct fleet *f, struct versions *v, const struct held *before,
                      const struct version_key *now, const struct host *h, const struct control *control,
                      int64_t time_ns)
{
    uint32_t releases = 0;
    bool is_first = before->name == 0 || !before->is_known;
    for (uint32_t i = place_of(v, now) + 1; i-- > 0 && releases < RELEASES_JUDGED;) {
        struct release *r = &v->items[i];
        if (i >= v->count || version_compare(&r->key, now) > 0)
            continue;
        if (!is_first && version_compare(&r->key, &before->key) <= 0)
            return;
        releases += r->is_release;
        if (r->is_release && (!is_first || time_ns == r->first_ns))
            adopt(r, h, control, time_ns, (uint32_t)f->rules->limits.hosts);
    }
}

void version_seen(struct fleet *f, uint32_t product, enum component c, struct held *held, struct host *h,
                  const struct control *control, struct str text, int64_t time_ns, int64_t released_ns)
{
    if (text.n == 0 || product == 0 || (is_known(held->seen_ns) && time_ns < held->seen_ns))
        return; /* what is older than what is known is no news */
    struct held before = *held;
    name_id name = name_put(&f->names, str_trim(text));
    bool is_other = before.product != product;
    if (is_other) /* another product: nothing to compare with */
        before = (struct held){0};
    held->product = product;
    held->seen_ns = time_ns;
    if (name == before.name && name != 0 && !is_known(released_ns))
        return;
    struct version_key key;
    bool is_version = version_parse(text, f->rules->dates, f->rules->date_count, f->regex, &key);
    struct versions *v = &product_at(f, product)->versions[c];
    struct release *r = is_version ? note_release(f, v, name, &key, time_ns, released_ns) : NULL;
    held->name = name;
    held->is_known = r != NULL;
    held->key = key;
    if (name != before.name)
        held->since_ns = time_ns;
    if (r == NULL || name == before.name)
        return;
    r->hosts++;
    if (h != NULL && control != NULL)
        adopt_all(f, v, &before, &key, h, control, time_ns);
}
