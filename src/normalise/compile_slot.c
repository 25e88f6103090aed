/* Names of the record and event fields → slots. Stage: normalise. Reads names as a parser file writes them,
 * leaves entries in the parser's slot table. Next: compile_expression.c. */
#include <stdio.h>

#include "event/field.h"
#include "normalise/compile.h"

static slot_id add_slot(struct compile *c, struct slot slot)
{
    struct parser *p = c->p;
    if (p->slot_count == SLOTS_MAX)
        return SLOT_NONE;
    if (p->slot_count == p->slot_capacity) {
        p->slot_capacity = p->slot_capacity ? p->slot_capacity * 2 : 256;
        p->slots = memory_resize_array(p->slots, p->slot_capacity, sizeof *p->slots);
    }
    p->slots[p->slot_count] = slot;
    return (slot_id)p->slot_count++;
}

slot_id compile_name(struct compile *c, struct str name)
{
    uintptr_t *known = map_find(&c->p->names, name);
    if (known)
        return (slot_id)*known;
    struct str copy = arena_str(c->arena, name);
    slot_id id = add_slot(c, (struct slot){.name = copy, .address_twin = SLOT_NONE});
    if (id != SLOT_NONE)
        *map_put(&c->p->names, copy, NULL) = id;
    return id;
}

static enum related related_of(struct str name, const struct field *f)
{
    if (str_starts(name, STR("related.")) || str_starts(name, STR("hyakuyo.")) ||
        str_starts(name, STR("threat.")))
        return RELATED_NONE;
    if (f->type == TYPE_IP)
        return RELATED_IP;
    if (str_ends(name, STR("user.name")) || str_eq(name, STR("user.target.name")) ||
        str_eq(name, STR("user.effective.name")) || str_eq(name, STR("user.changes.name")))
        return RELATED_USER;
    if (str_ends(name, STR(".hostname")) || str_eq(name, STR("host.name")) ||
        str_eq(name, STR("observer.name")) ||
        (str_ends(name, STR(".domain")) && !str_ends(name, STR("user.domain")) &&
         !str_contains(name, STR("registered"))) ||
        str_eq(name, STR("tls.client.server_name")))
        return RELATED_HOSTS;
    return str_contains(name, STR(".hash.")) ? RELATED_HASH : RELATED_NONE;
}

static slot_id field_slot(struct compile *c, field_id id)
{
    struct str name = field_name(id);
    uintptr_t *known = map_find(&c->p->fields, name);
    if (known)
        return (slot_id)*known;
    const struct field *f = field_get(id);
    slot_id slot = add_slot(c, (struct slot){.name = name,
                                             .field = id,
                                             .type = (uint8_t)f->type,
                                             .related = (uint8_t)related_of(name, f),
                                             .is_array = f->shape == FIELD_ARRAY,
                                             .is_mac = str_ends(name, STR(".mac")),
                                             .address_twin = SLOT_NONE});
    if (slot == SLOT_NONE)
        return SLOT_NONE;
    *map_put(&c->p->fields, name, NULL) = slot;
    if (f->type == TYPE_IP && str_ends(name, STR(".ip"))) {
        char twin[128];
        int n = snprintf(twin, sizeof twin, "%.*s.domain", (int)name.n - 3, name.p);
        field_id other = n > 0 && (size_t)n < sizeof twin ? field_find(str_n(twin, (size_t)n)) : FIELD_NONE;
        if (other && other < FIELD_STATIC_COUNT) {
            slot_id twin_slot = field_slot(c, other);
            c->p->slots[slot].address_twin = twin_slot;
        }
    }
    return slot;
}

slot_id compile_field(struct compile *c, struct str name, const struct yaml *at)
{
    uintptr_t *known = map_find(&c->p->fields, name);
    if (known)
        return (slot_id)*known;
    field_id id = field_find(name);
    bool is_declared = id != FIELD_NONE && id < FIELD_STATIC_COUNT;
    size_t dot = str_find_char(c->p->keep_prefix, '.', 0);
    struct str vendor = str_slice(c->p->keep_prefix, 0, dot == STR_NOT_FOUND ? c->p->keep_prefix.n : dot);
    bool is_vendor = vendor.n && str_starts(name, vendor) && name.n > vendor.n && name.p[vendor.n] == '.';
    if (!is_declared && !is_vendor) {
        compile_mistake(c, at,
                        "there is no event field \"%.*s\": correct the name, write $%.*s for a name of the "
                        "record, or use the vendor's prefix (keep: {prefix: …})",
                        STR_ARGS(name), STR_ARGS(name));
        return SLOT_NONE;
    }
    if (!is_declared)
        id = field_intern(name);
    slot_id slot = id ? field_slot(c, id) : SLOT_NONE;
    if (slot == SLOT_NONE)
        compile_mistake(c, at, "too many fields");
    return slot;
}

slot_id compile_target(struct compile *c, struct str text, const struct yaml *at)
{
    if (text.n < 2 || text.p[0] != '$')
        return compile_field(c, text, at);
    struct str name = str_skip(text, 1);
    if (name.p[0] == '{' && name.p[name.n - 1] == '}')
        name = str_slice(name, 1, name.n - 1);
    return compile_name(c, name);
}

void compile_fixed_slots(struct compile *c)
{
    static const char *const fields[] = {
#define X(constant, name) name,
#include "normalise/well_known.def"
#undef X
    };
    static const char *const names[] = {
#define X(constant, name) name,
        BUILT_IN_NAMES(X)
#undef X
    };
    struct parser *p = c->p;
    for (size_t i = 0; i < COUNT_OF(fields); i++) {
        field_id id = field_intern(str_c(fields[i]));
        const struct field *f = field_get(id);
        struct str name = field_name(id);
        add_slot(c, (struct slot){.name = name,
                                  .field = id,
                                  .type = (uint8_t)f->type,
                                  .related = (uint8_t)related_of(name, f),
                                  .is_array = f->shape == FIELD_ARRAY,
                                  .is_mac = str_ends(name, STR(".mac")),
                                  .address_twin = SLOT_NONE});
        *map_put(&p->fields, name, NULL) = i;
    }
    p->slots[SLOT_SOURCE_IP].address_twin = SLOT_SOURCE_DOMAIN;
    p->slots[SLOT_DESTINATION_IP].address_twin = SLOT_DESTINATION_DOMAIN;
    p->slots[SLOT_CLIENT_IP].address_twin = SLOT_CLIENT_DOMAIN;
    p->slots[SLOT_SERVER_IP].address_twin = SLOT_SERVER_DOMAIN;
    for (size_t i = 0; i < COUNT_OF(names); i++) {
        slot_id id = compile_name(c, str_c(names[i]));
        p->slots[id].is_consumed = true;
    }
}
