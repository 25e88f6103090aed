/* Reads content/intel: fields.yml (what is looked up, what a hit means) and broad.yml (what no indicator may
 * be).
 * Stage: detect, at load. Next: indicator_reader.c, indicator_match.c. */
#include "detect/indicator_plan.h"

#include <stdio.h>

#include "base/log.h"
#include "base/yaml.h"

struct reading {
    struct indicator_plan *plan;
    const char *path;
    struct error *err;
};

static bool complain(struct reading *r, const struct yaml *at, const char *what, struct str word)
{
    return error_at(r->err, r->path, at->line, at->column,
                    tr("%s: '%.*s' cannot be used here", "%s: '%.*s' は使えません"), what, STR_ARGS(word));
}

/* Index of the word in a list of names, or −1. */
static int word_index(struct str word, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (names[i] && str_eq(word, str_c(names[i])))
            return (int)i;
    return -1;
}

static const char *const directions[] = {[DIRECTION_OUTBOUND] = "outbound",
                                         [DIRECTION_INBOUND] = "inbound",
                                         [DIRECTION_INTERNAL] = "internal",
                                         [DIRECTION_EXTERNAL] = "external"};
static const char *const passages[] = {
    [PASSAGE_UNKNOWN] = "unknown", [PASSAGE_DENIED] = "denied", [PASSAGE_ALLOWED] = "allowed"};
static const char *const entities[] = {
    [ENTITY_HOST] = "host", [ENTITY_SOURCE] = "source", [ENTITY_DESTINATION] = "destination"};

/* ------------------------------------------------------------------- roles */

static bool read_verdict(struct reading *r, const struct yaml *node, struct role *role)
{
    struct verdict *v = &role->verdicts[role->verdict_count];
    struct str direction = yaml_text(node, "direction"), passage = yaml_text(node, "passage"),
               level = yaml_text(node, "level");
    *v = (struct verdict){.passage = -1, .stage = yaml_text(node, "stage")};
    if (role->verdict_count == VERDICTS_MAX)
        return complain(r, node, "verdicts", role->name);
    if (direction.n) {
        int at = word_index(direction, directions, COUNT_OF(directions));
        if (at < 0)
            return complain(r, node, "direction", direction);
        v->direction = (enum intel_direction)at;
    }
    if (passage.n && (v->passage = word_index(passage, passages, COUNT_OF(passages))) < 0)
        return complain(r, node, "passage", passage);
    if (!level_parse(level, &v->level))
        return complain(r, node, "level", level);
    if (!str_to_double(yaml_text(node, "likelihood_ratio"), &v->likelihood_ratio))
        return complain(r, node, "likelihood_ratio", yaml_text(node, "likelihood_ratio"));
    role->verdict_count++;
    return true;
}

static bool read_role(struct reading *r, const struct yaml *node)
{
    struct indicator_plan *plan = r->plan;
    if (plan->role_count == ROLES_MAX)
        return complain(r, node, "roles", node->key);
    struct role *role = &plan->roles[plan->role_count];
    int entity = word_index(yaml_text(node, "entity"), entities, COUNT_OF(entities));
    *role = (struct role){.name = node->key,
                          .title_en = yaml_text(node, "title_en"),
                          .title_ja = yaml_text(node, "title_ja"),
                          .evidence_group = yaml_text(node, "evidence_group"),
                          .entity = (enum entity)entity};
    if (entity < 0)
        return complain(r, node, "entity", yaml_text(node, "entity"));
    if (role->title_en.n == 0 || role->title_ja.n == 0)
        return complain(r, node, "title_en, title_ja", node->key);
    const struct yaml *verdicts = yaml_get(node, "verdicts");
    for (const struct yaml *v = verdicts ? verdicts->child : NULL; v; v = v->next)
        if (!read_verdict(r, v, role))
            return false;
    if (role->verdict_count == 0)
        return complain(r, node, "verdicts", node->key);
    plan->role_count++;
    return true;
}

/* ------------------------------------------------------------------ fields */

static bool parse_type(struct str word, enum indicator_type *out)
{
    for (int t = 0; t < INDICATOR_TYPE_COUNT; t++) {
        if (str_eq(word, indicator_type_name((enum indicator_type)t))) {
            *out = (enum indicator_type)t;
            return true;
        }
    }
    return false;
}

static bool read_field(struct reading *r, const struct yaml *node)
{
    struct indicator_plan *plan = r->plan;
    struct str name = yaml_text(node, "field"), role = yaml_text(node, "role");
    enum indicator_type type;
    size_t at = 0;
    if (name.n == 0 || plan->field_count == PLAN_FIELDS_MAX)
        return complain(r, node, "field", name);
    if (!parse_type(yaml_text(node, "type"), &type))
        return complain(r, node, "type", yaml_text(node, "type"));
    while (at < plan->role_count && !str_eq(plan->roles[at].name, role))
        at++;
    if (at == plan->role_count)
        return complain(r, node, "role", role);
    field_id field = field_intern(name);
    if (field == FIELD_NONE || plan->field_number[field])
        return complain(r, node, "field", name);
    static const enum indicator_about about[] = {[ENTITY_UNSET] = INDICATOR_ABOUT_HOST,
                                                 [ENTITY_HOST] = INDICATOR_ABOUT_HOST,
                                                 [ENTITY_SOURCE] = INDICATOR_ABOUT_SOURCE,
                                                 [ENTITY_DESTINATION] = INDICATOR_ABOUT_DESTINATION};
    plan->fields[plan->field_count] = (struct indicator_field){field, type, about[plan->roles[at].entity]};
    plan->role_of[plan->field_count] = (uint8_t)at;
    plan->field_number[field] = (uint8_t)++plan->field_count;
    return true;
}

static bool read_confidence(struct reading *r, const struct yaml *node)
{
    struct indicator_plan *plan = r->plan;
    plan->unknown_confidence = (int)yaml_int(node, "unknown", 50);
    const struct yaml *steps = yaml_get(node, "steps");
    for (const struct yaml *s = steps ? steps->child : NULL; s; s = s->next) {
        if (plan->step_count == STEPS_MAX)
            return complain(r, s, "steps", node->key);
        plan->steps[plan->step_count++] =
            (struct confidence_step){(int)yaml_int(s, "below", 0), (int)yaml_int(s, "lower", 0)};
    }
    return true;
}

static bool each_child(struct reading *r, const struct yaml *top, const char *key,
                       bool (*read)(struct reading *r, const struct yaml *node))
{
    const struct yaml *list = yaml_get(top, key);
    if (list == NULL || list->child == NULL)
        return error_at(r->err, r->path, top->line, top->column, tr("'%s' is missing", "'%s' がありません"),
                        key);
    for (const struct yaml *at = list->child; at; at = at->next)
        if (!read(r, at))
            return false;
    return true;
}

static bool read_fields(struct reading *r, const struct yaml *top)
{
    return each_child(r, top, "roles", read_role) && each_child(r, top, "fields", read_field) &&
           read_confidence(r, yaml_get(top, "confidence"));
}

/* ------------------------------------------------------------------- broad */

static void fill_words(struct map *words, const struct yaml *list)
{
    for (const struct yaml *at = list ? list->child : NULL; at; at = at->next)
        *map_put(words, at->text, NULL) = 1;
}

static bool read_broad(struct reading *r, const struct yaml *top)
{
    struct indicator_plan *plan = r->plan;
    const struct yaml *shortest = yaml_get(top, "shortest_network");
    plan->shortest_v4 = (unsigned)yaml_int(shortest, "ipv4", 8);
    plan->shortest_v6 = (unsigned)yaml_int(shortest, "ipv6", 24);
    fill_words(&plan->registry_labels, yaml_get(top, "registry_labels"));
    fill_words(&plan->shared, yaml_get(top, "shared"));
    fill_words(&plan->file_names, yaml_get(top, "file_names"));
    return true;
}

static bool read_file(struct reading *r, const char *folder, const char *name,
                      bool (*read)(struct reading *r, const struct yaml *top))
{
    char path[4096];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    r->path = path;
    const struct yaml *top = yaml_load(path, &r->plan->arena, r->err);
    bool ok = top != NULL && read(r, top);
    r->path = NULL;
    return ok;
}

struct indicator_plan *indicator_plan_load(const char *folder, struct error *err)
{
    struct indicator_plan *plan = NEW(struct indicator_plan);
    struct reading r = {.plan = plan, .err = err};
    atomic_init(&plan->references, 1);
    arena_init(&plan->arena, 32 << 10);
    plan->field_number = memory_zero(FIELD_MAX);
    if (read_file(&r, folder, "fields.yml", read_fields) && read_file(&r, folder, "broad.yml", read_broad))
        return plan;
    indicator_plan_unref(plan);
    return NULL;
}

struct indicator_plan *indicator_plan_ref(struct indicator_plan *plan)
{
    atomic_fetch_add_explicit(&plan->references, 1, memory_order_relaxed);
    return plan;
}

void indicator_plan_unref(struct indicator_plan *plan)
{
    if (!plan || atomic_fetch_sub_explicit(&plan->references, 1, memory_order_acq_rel) != 1)
        return;
    map_free(&plan->registry_labels);
    map_free(&plan->shared);
    map_free(&plan->file_names);
    memory_free(plan->field_number);
    arena_free(&plan->arena);
    memory_free(plan);
}

/* -------------------------------------------------------------- objections */

/* This host, private, link-local, multicast, reserved: every network has them, so they name nobody. */
static bool is_local(const struct ip *ip)
{
    const uint8_t *v4 = ip->bytes + 12;
    if (ip_is_private(ip))
        return true;
    if (ip_is_v4(ip))
        return v4[0] == 0 || v4[0] == 127 || v4[0] >= 224 || (v4[0] == 169 && v4[1] == 254) ||
               (v4[0] == 100 && (v4[1] & 0xc0) == 64);
    static const uint8_t zeros[15];
    return (memcmp(ip->bytes, zeros, 15) == 0 && ip->bytes[15] <= 1) || ip->bytes[0] == 0xff ||
           (ip->bytes[0] == 0xfe && (ip->bytes[1] & 0xc0) == 0x80);
}

static enum indicator_reason object_to_ip(const struct indicator_plan *plan, const struct indicator_key *key)
{
    struct ip ip = {{0}};
    bool is_network = key->type == INDICATOR_NETWORK;
    if (is_network || key->n == 16) {
        memcpy(ip.bytes, key->bytes + is_network, 16);
    } else {
        ip.bytes[10] = ip.bytes[11] = 0xff;
        memcpy(ip.bytes + 12, key->bytes, 4);
    }
    if (is_network) {
        bool is_v4 = key->bytes[0] >= 96 && ip_is_v4(&ip);
        if (key->bytes[0] < (is_v4 ? 96 + plan->shortest_v4 : plan->shortest_v6))
            return REASON_BROAD_NETWORK;
    }
    return is_local(&ip) ? REASON_LOCAL_ADDRESS : REASON_COUNT;
}

static enum indicator_reason object_to_domain(const struct indicator_plan *plan, struct str name)
{
    size_t dot = str_find_char(name, '.', 0);
    struct str parent = str_skip(name, dot + 1);
    if (map_find(&plan->shared, name))
        return REASON_SHARED_HOST;
    bool is_second_level = str_find_char(parent, '.', 0) == STR_NOT_FOUND;
    if (is_second_level && parent.n == 2 && map_find(&plan->registry_labels, str_slice(name, 0, dot)))
        return REASON_PUBLIC_SUFFIX;
    return REASON_COUNT;
}

enum indicator_reason indicator_plan_objection(const struct indicator_plan *plan,
                                               const struct indicator_key *key)
{
    struct str text = {(const char *)key->bytes, key->n};
    switch (key->type) {
    case INDICATOR_ADDRESS:
    case INDICATOR_NETWORK:
        return object_to_ip(plan, key);
    case INDICATOR_DOMAIN:
        return object_to_domain(plan, text);
    case INDICATOR_FILE_NAME:
        return text.n < 5 || map_find(&plan->file_names, text) ? REASON_COMMON_NAME : REASON_COUNT;
    default:
        return REASON_COUNT;
    }
}
