/* The lists of content/fleet.yml that organisations add to: version lines, policies, gateways, classes
 * (stage fleet). */
#include "fleet/rules_reader.h"

static const struct yaml *first_of(const struct yaml *list)
{
    return list != NULL && list->type == YAML_LIST ? list->child : NULL;
}

static size_t count_of(const struct yaml *list)
{
    return list != NULL && list->type == YAML_LIST ? list->count : 0;
}

static bool read_component(struct str text, enum component *out)
{
    static const char *const names[COMPONENT_COUNT] = {"product", "engine", "pattern"};
    for (unsigned i = 0; i < COMPONENT_COUNT; i++)
        if (str_eq(text, str_c(names[i]))) {
            *out = (enum component)i;
            return true;
        }
    return false;
}

static bool read_versions(struct reader *r, const struct yaml *list)
{
    struct fleet_rules *rules = r->rules;
    rules->lines = ARENA_ARRAY(&rules->arena, struct version_line, count_of(list) + 1);
    for (const struct yaml *at = first_of(list); at != NULL; at = at->next) {
        struct version_line *line = &rules->lines[rules->line_count++];
        *line = (struct version_line){.product = yaml_text(at, "product"),
                                      .current = yaml_text(at, "current"),
                                      .allowed = yaml_text(at, "allowed"),
                                      .by = yaml_text(at, "by"),
                                      .date = yaml_text(at, "date"),
                                      .reason = yaml_text(at, "reason")};
        if (!read_component(yaml_text(at, "component"), &line->component))
            return wrong(r, at, "component", "must be product, engine or pattern",
                         "は product、engine、pattern のどれかです");
        if (line->product.n == 0 || line->allowed.n == 0 || line->date.n == 0 || line->reason.n == 0)
            return wrong(r, at, "versions", "needs product, allowed, date and reason in each row",
                         "の各行には product、allowed、date、reason が必要です");
        if (line->current.n == 0)
            line->current = line->allowed;
    }
    return true;
}

static bool read_ports(struct reader *r, const struct yaml *list, struct denial *d)
{
    d->ports = ARENA_ARRAY(&r->rules->arena, uint16_t, count_of(list) + 1);
    for (const struct yaml *at = first_of(list); at != NULL; at = at->next) {
        uint64_t port;
        if (!str_to_u64(at->text, 10, &port) || port > 65535)
            return wrong(r, at, "ports", "must be numbers from 0 to 65535", "は 0 から 65535 の数値です");
        d->ports[d->port_count++] = (uint16_t)port;
    }
    return true;
}

static bool read_except(struct reader *r, const struct yaml *list, struct denial *d)
{
    d->except = ARENA_ARRAY(&r->rules->arena, struct cidr, count_of(list) + 1);
    for (const struct yaml *at = first_of(list); at != NULL; at = at->next)
        if (!cidr_parse(at->text, &d->except[d->except_count++]))
            return wrong(r, at, "except", "must be addresses or networks (10.0.0.0/8)",
                         "はアドレスかネットワーク(10.0.0.0/8)です");
    return true;
}

static bool read_denials(struct reader *r, const struct yaml *list)
{
    struct fleet_rules *rules = r->rules;
    rules->denials = ARENA_ARRAY(&rules->arena, struct denial, count_of(list) + 1);
    for (const struct yaml *at = first_of(list); at != NULL; at = at->next) {
        struct denial *d = &rules->denials[rules->denial_count++];
        struct str hosts = yaml_text(at, "hosts"), direction = yaml_text(at, "direction");
        *d = (struct denial){.protocol = arena_lower(&rules->arena, yaml_text(at, "protocol")),
                             .policy = yaml_text(at, "policy"),
                             .is_inbound = str_eq(direction, STR("inbound"))};
        d->hosts = str_eq(hosts, STR("client"))   ? HOSTS_CLIENT
                   : str_eq(hosts, STR("server")) ? HOSTS_SERVER
                                                  : HOSTS_ANY;
        if (!d->is_inbound && !str_eq(direction, STR("outbound")))
            return wrong(r, at, "direction", "must be inbound or outbound", "は inbound か outbound です");
        if (d->hosts == HOSTS_ANY && !str_eq(hosts, STR("any")))
            return wrong(r, at, "hosts", "must be client, server or any",
                         "は client、server、any のどれかです");
        if (!read_ports(r, yaml_get(at, "ports"), d) || !read_except(r, yaml_get(at, "except"), d))
            return false;
    }
    return true;
}

static bool read_assignments(struct reader *r, const struct yaml *list)
{
    struct fleet_rules *rules = r->rules;
    rules->assignments = ARENA_ARRAY(&rules->arena, struct assignment, count_of(list) + 1);
    for (const struct yaml *at = first_of(list); at != NULL; at = at->next) {
        struct assignment *a = &rules->assignments[rules->assignment_count++];
        *a = (struct assignment){yaml_text(at, "department"), yaml_text(at, "product"),
                                 yaml_text(at, "policy")};
        if (a->policy.n == 0)
            return wrong(r, at, "policy", "is missing: which policy these hosts should have",
                         "がありません。割り当てるポリシーを書いてください");
    }
    return true;
}

static const struct str *read_need(struct reader *r, const struct yaml *list)
{
    struct str *out = ARENA_ARRAY(&r->rules->arena, struct str, count_of(list) + 1);
    size_t n = 0;
    for (const struct yaml *at = first_of(list); at != NULL; at = at->next)
        out[n++] = at->text;
    return out;
}

static bool read_classes(struct reader *r, const struct yaml *map)
{
    struct fleet_rules *rules = r->rules;
    rules->classes = ARENA_ARRAY(&rules->arena, struct fleet_class, map ? map->count + 1 : 1);
    for (const struct yaml *at = map ? map->child : NULL; at != NULL; at = at->next) {
        struct fleet_class *c = &rules->classes[rules->class_count++];
        const struct yaml *needs = yaml_get(at, "needs"), *title = yaml_get(at, "title");
        const struct str **lists = ARENA_ARRAY(&rules->arena, const struct str *, count_of(needs) + 1);
        size_t n = 0;
        if (count_of(needs) == 0)
            return wrong(r, at, "needs", "must list lists of log sources", "にはログソースの一覧が必要です");
        for (const struct yaml *need = first_of(needs); need != NULL; need = need->next)
            lists[n++] = read_need(r, need);
        *c = (struct fleet_class){at->key, yaml_text(title, "en"), yaml_text(title, "ja"), lists};
    }
    return true;
}

bool read_lists(struct reader *r, const struct yaml *top)
{
    struct fleet_rules *rules = r->rules;
    const struct yaml *exempt = yaml_get(top, "exempt"), *gateways = yaml_get(top, "gateways");
    const struct yaml *categories = yaml_get(gateways, "categories");
    rules->gateway_categories = ARENA_ARRAY(&rules->arena, struct str, count_of(categories) + 1);
    for (const struct yaml *at = first_of(categories); at != NULL; at = at->next)
        rules->gateway_categories[rules->gateway_category_count++] = at->text;
    return read_words(r, yaml_get(exempt, "types"), "types", &rules->exempt_types, 1) &&
           read_words(r, yaml_get(exempt, "roles"), "roles", &rules->exempt_roles, 1) &&
           read_words(r, yaml_get(top, "default_policies"), "default_policies", &rules->default_policies,
                      1) &&
           read_words(r, yaml_get(top, "tells_only_changes"), "tells_only_changes",
                      &rules->tells_only_changes, 1) &&
           read_number(r, gateways, "down_minutes", 0.1, 10000, &rules->gateway_down_minutes) &&
           read_versions(r, yaml_get(top, "versions")) &&
           read_denials(r, yaml_get(top, "denied_by_policy")) &&
           read_assignments(r, yaml_get(top, "assigned_policies")) &&
           read_classes(r, yaml_get(top, "classes"));
}
