/* Looks names up among what is under focus watch. priors.c asks at each weighing, services_risk.c for the
 * queue. */
#include "desk/focus.h"

#include "base/map.h"
#include "base/memory.h"

struct focus {
    struct arena arena;
    struct map by_key; /* const struct focus_entry *: the one that lasts longest */
};

struct str focus_key(enum focus_kind kind, struct str name, struct focus_key *key)
{
    size_t n = risk_name((enum risk_kind)kind, name, name, key->text + 1);
    key->text[0] = (char)('0' + kind);
    if (kind == FOCUS_HOST && name.n && name.p[0] >= '0' && name.p[0] <= '9') /* an address has no labels */
        n = risk_name(RISK_HOST, STR_EMPTY, name, key->text + 1);
    for (size_t i = 1; i <= n; i++)
        key->text[i] = ascii_lower(key->text[i]);
    return str_n(key->text, n + 1);
}

struct focus *focus_new(const struct focus_entry *entries, uint32_t count)
{
    struct focus *f = NEW(struct focus);
    struct focus_key key;
    arena_init(&f->arena, 16 << 10);
    for (uint32_t i = 0; i < count && i < FOCUS_MAX; i++) {
        struct str text = focus_key(entries[i].kind, entries[i].name, &key);
        const struct focus_entry *there = map_get_pointer(&f->by_key, text);
        if (there != NULL && there->until_ns >= entries[i].until_ns)
            continue;
        struct focus_entry *e = ARENA_NEW(&f->arena, struct focus_entry);
        *e = entries[i];
        e->name = arena_str(&f->arena, e->name);
        e->reason = arena_str(&f->arena, e->reason);
        e->owner = arena_str(&f->arena, e->owner);
        *map_put(&f->by_key, arena_str(&f->arena, text), NULL) = (uintptr_t)e;
    }
    return f;
}

void focus_free(struct focus *f)
{
    if (f == NULL)
        return;
    map_free(&f->by_key);
    arena_free(&f->arena);
    memory_free(f);
}

const struct focus_entry *focus_named(const struct focus *f, enum focus_kind kind, struct str name,
                                      int64_t now_ns)
{
    struct focus_key key;
    if (f == NULL || f->by_key.count == 0 || name.n == 0)
        return NULL;
    const struct focus_entry *e = map_get_pointer(&f->by_key, focus_key(kind, name, &key));
    return e != NULL && now_ns >= e->from_ns && now_ns < e->until_ns ? e : NULL;
}

const struct focus_entry *focus_find(const struct focus *f, const struct incident *incident, int64_t now_ns)
{
    if (f == NULL || f->by_key.count == 0)
        return NULL;
    for (uint32_t i = 0; i < incident->finding_count; i++) {
        const struct incident_finding *x = &incident->findings[i];
        const struct {
            enum focus_kind kind;
            struct str name;
        } names[] = {{FOCUS_HOST, x->host_name},
                     {FOCUS_HOST, x->host_ip},
                     {FOCUS_USER, x->user},
                     {FOCUS_DEPARTMENT, x->department}};
        for (size_t k = 0; k < COUNT_OF(names); k++) {
            const struct focus_entry *e = focus_named(f, names[k].kind, names[k].name, now_ns);
            if (e != NULL)
                return e;
        }
    }
    return NULL;
}
