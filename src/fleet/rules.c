/* Reads content/fleet.yml (stage fleet). Leaves an immutable struct fleet_rules; rules_lists.c reads the
 * lists that organisations add to. Next: take.c. */
#include "fleet/rules_reader.h"

struct number {
    const char *name;
    size_t offset;
    double least, most;
};
#define NUMBER(type, member, least, most)                                                                    \
    {                                                                                                        \
#member, offsetof(struct type, member), least, most                                                  \
    }

static const struct number limits[] = {
    NUMBER(fleet_limits, hosts, 10, 1e6),
    NUMBER(fleet_limits, hashes, 10, 1e6),
    NUMBER(fleet_limits, releases, 8, 10000),
    NUMBER(fleet_limits, gateways, 1, 100000),
    NUMBER(fleet_limits, late_detections, 1, 100000),
    NUMBER(fleet_limits, scans, 1, 1e6),
};
static const struct number times[] = {
    NUMBER(fleet_times, present_hours, 0.1, 8760),
    NUMBER(fleet_times, unmanaged_days, 0.01, 3650),
    NUMBER(fleet_times, contradiction_days, 0.01, 3650),
    NUMBER(fleet_times, late_shown_days, 0.01, 3650),
    NUMBER(fleet_times, forget_days, 1, 3650),
    NUMBER(fleet_times, heartbeat_hours, 0.01, 8760),
    NUMBER(fleet_times, heartbeat_server_hours, 0.01, 8760),
    NUMBER(fleet_times, heartbeat_default_minutes, 1, 100000),
    NUMBER(fleet_times, silent_traffic_hours, 0.01, 8760),
    NUMBER(fleet_times, traffic_gap_minutes, 1, 100000),
    NUMBER(fleet_times, address_days, 0.01, 3650),
    NUMBER(fleet_times, late_hours, 0, 87600),
    NUMBER(fleet_times, full_scan_days, 0.01, 3650),
    NUMBER(fleet_times, full_scan_server_days, 0.01, 3650),
    NUMBER(fleet_times, patch_days, 0, 3650),
    NUMBER(fleet_times, patch_exploited_days, 0, 3650),
    NUMBER(fleet_times, refusal_session_minutes, 0, 100000),
    NUMBER(fleet_times, refusal_days, 1, 3650),
    NUMBER(fleet_times, warm_up_hours, 0, 8760),
    NUMBER(fleet_times, evaluation_minutes, 1, 1440),
    NUMBER(fleet_times, scan_long_hours, 0.01, 8760),
    NUMBER(fleet_times, scan_window_days, 0.1, 365),
};
static const struct number colours[] = {
    NUMBER(fleet_colours, pattern_green_hours, 0, 87600),
    NUMBER(fleet_colours, pattern_amber_hours, 0, 87600),
    NUMBER(fleet_colours, release_slack_hours, 0, 24),
    NUMBER(fleet_colours, coverage_amber_percent, 0, 100),
    NUMBER(fleet_colours, coverage_red_percent, 0, 100),
    NUMBER(fleet_colours, propagation_z, 0.1, 1000),
    NUMBER(fleet_colours, propagation_releases_least, 2, 30),
    NUMBER(fleet_colours, propagation_hosts_least, 1, 1e6),
    NUMBER(fleet_colours, mass_silence_hosts, 2, 1e6),
    NUMBER(fleet_colours, mass_silence_percent, 0, 100),
    NUMBER(fleet_colours, minority_combinations, 0, 50),
    NUMBER(fleet_colours, scans_least, 1, 1e6),
};
static const struct number badge[] = {
    NUMBER(fleet_badge, least, 1, 6),
    NUMBER(fleet_badge, updates_hours, 1, 87600),
    NUMBER(fleet_badge, arriving_hours, 0.1, 8760),
    NUMBER(fleet_badge, acknowledge_hours, 0.1, 8760),
    NUMBER(fleet_badge, review_days, 0.1, 3650),
    NUMBER(fleet_badge, test_days, 0.1, 3650),
};

static const char *const function_names[FUNCTION_COUNT] = {"antivirus", "firewall", "ips", "launch"};
static const char *const state_names[] = {"",       "running", "stopped",       "disabled",
                                          "failed", "removed", "update_failed", "noted"};
static const char *const threat_names[THREAT_COUNT] = {"known_malware", "unknown_attack",
                                                       "unknown_execution"};
static const char *const finding_names[FOUND_COUNT] = {"agent_silent",       "agents_silent_together",
                                                       "server_unprotected", "late_detection",
                                                       "contradicted",       "update_delayed",
                                                       "tampering",          "reported_off",
                                                       "scans_long"};

bool read_number(struct reader *r, const struct yaml *map, const char *key, double least, double most,
                 double *out)
{
    const struct yaml *node = yaml_get(map, key);
    if (node == NULL)
        return error_at(r->err, r->path, map ? map->line : 1, 0,
                        tr("'%s' is missing; add a number from %g to %g",
                           "'%s' がありません。%g から %g の数値を加えてください"),
                        key, least, most);
    if (node->type != YAML_SCALAR || !str_to_double(node->text, out) || !(*out >= least && *out <= most))
        return error_at(r->err, r->path, node->line, node->column,
                        tr("'%s' must be a number from %g to %g",
                           "'%s' は %g から %g の数値でなければなりません"),
                        key, least, most);
    return true;
}

bool wrong(struct reader *r, const struct yaml *node, const char *key, const char *en, const char *ja)
{
    return error_at(r->err, r->path, node ? node->line : 1, node ? node->column : 0, "'%s' %s", key,
                    tr(en, ja));
}

static bool read_numbers(struct reader *r, const struct yaml *top, const char *section,
                         const struct number *table, size_t count, void *into)
{
    const struct yaml *map = yaml_get(top, section);
    for (size_t i = 0; i < count; i++)
        if (!read_number(r, map, table[i].name, table[i].least, table[i].most,
                         (double *)((char *)into + table[i].offset)))
            return false;
    return true;
}

static void read_title(const struct yaml *map, struct titled *out)
{
    const struct yaml *title = yaml_get(map, "title");
    out->title_en = yaml_text(title, "en");
    out->title_ja = yaml_text(title, "ja");
}

/* Words of a list, in lower case, with a number each. */
bool read_words(struct reader *r, const struct yaml *list, const char *key, struct map *into, uintptr_t value)
{
    if (list == NULL || list->type != YAML_LIST)
        return wrong(r, list, key, "must be a list of words", "は語の一覧でなければなりません");
    for (const struct yaml *at = list->child; at != NULL; at = at->next)
        *map_put(into, arena_lower(&r->rules->arena, at->text), NULL) = value;
    return true;
}

static bool read_functions(struct reader *r, const struct yaml *map)
{
    for (unsigned i = 0; i < FUNCTION_COUNT; i++) {
        const struct yaml *one = yaml_get(map, function_names[i]);
        if (one == NULL)
            return wrong(r, map, function_names[i], "is missing under 'functions'",
                         "が functions にありません");
        r->rules->functions[i].name = str_c(function_names[i]);
        read_title(one, &r->rules->functions[i]);
        if (!read_words(r, yaml_get(one, "names"), "names", &r->rules->function_names, i + 1))
            return false;
    }
    return true;
}

static bool read_states(struct reader *r, const struct yaml *map)
{
    for (unsigned i = TOLD_RUNNING; i <= TOLD_NOTED; i++)
        if (!read_words(r, yaml_get(map, state_names[i]), state_names[i], &r->rules->states, i))
            return false;
    return true;
}

static bool read_threats(struct reader *r, const struct yaml *map)
{
    for (unsigned i = 0; i < THREAT_COUNT; i++) {
        const struct yaml *one = yaml_get(map, threat_names[i]), *list = yaml_get(one, "functions");
        if (list == NULL || list->type != YAML_LIST)
            return wrong(r, map, threat_names[i], "must list its functions",
                         "には functions の一覧が必要です");
        r->rules->threats[i].name = str_c(threat_names[i]);
        read_title(one, &r->rules->threats[i]);
        for (const struct yaml *at = list->child; at != NULL; at = at->next) {
            enum control_function function;
            if (!rules_function(r->rules, at->text, &function))
                return wrong(r, at, "functions", "names none of 'functions' above",
                             "に functions にない語があります");
            r->rules->threat_functions[i] |= 1u << function;
        }
    }
    return true;
}

static bool read_finding(struct reader *r, const struct yaml *map, const char *name, struct rule_info *out)
{
    const struct yaml *one = yaml_get(map, name), *list = yaml_get(one, "techniques");
    if (one == NULL)
        return wrong(r, map, name, "is missing under 'findings'", "が findings にありません");
    struct titled title;
    read_title(one, &title);
    *out = (struct rule_info){.id = yaml_text(one, "id"),
                              .title_en = title.title_en,
                              .title_ja = title.title_ja,
                              .evidence_group = yaml_text(one, "evidence_group"),
                              .stage = yaml_text(one, "stage"),
                              .path = str_c(r->path),
                              .line = one->line};
    if (out->id.n == 0 || out->title_en.n == 0 || out->title_ja.n == 0 ||
        !level_parse(yaml_text(one, "level"), &out->level))
        return wrong(r, one, name, "needs id, title (en, ja) and a level from informational to critical",
                     "には id、title(en と ja)、level が必要です");
    out->techniques = ARENA_ARRAY(&r->rules->arena, struct str, list ? list->count + 1 : 1);
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next)
        out->techniques[out->technique_count++] = at->text;
    return read_number(r, one, "likelihood_ratio", 0.001, 1e6, &out->likelihood_ratio);
}

static bool read_dates(struct reader *r, const struct yaml *list)
{
    r->rules->dates = ARENA_ARRAY(&r->rules->arena, struct regex *, list ? list->count + 1 : 1);
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        struct error why;
        struct regex *one = regex_new(at->text, 0, &why);
        if (one == NULL)
            return error_at(r->err, r->path, at->line, at->column, "'version_dates': %s", why.text);
        r->rules->dates[r->rules->date_count++] = one;
    }
    return true;
}

static bool read_rules(struct reader *r, const struct yaml *top)
{
    struct fleet_rules *rules = r->rules;
    rules->version = yaml_text(top, "version");
    if (rules->version.n == 0)
        return wrong(r, top, "version", "is missing; every answer names it", "がありません");
    if (!read_numbers(r, top, "limits", limits, COUNT_OF(limits), &rules->limits) ||
        !read_numbers(r, top, "times", times, COUNT_OF(times), &rules->times) ||
        !read_numbers(r, top, "colours", colours, COUNT_OF(colours), &rules->colours) ||
        !read_numbers(r, top, "badge", badge, COUNT_OF(badge), &rules->badge) ||
        !read_functions(r, yaml_get(top, "functions")) || !read_states(r, yaml_get(top, "states")) ||
        !read_threats(r, yaml_get(top, "threats")) || !read_dates(r, yaml_get(top, "version_dates")) ||
        !read_lists(r, top))
        return false;
    for (unsigned i = 0; i < FOUND_COUNT; i++)
        if (!read_finding(r, yaml_get(top, "findings"), finding_names[i], &rules->findings[i]))
            return false;
    return true;
}

struct fleet_rules *fleet_rules_load(const char *path, struct error *err)
{
    struct fleet_rules *rules = NEW(struct fleet_rules);
    arena_init(&rules->arena, 64 << 10);
    struct reader r = {arena_str(&rules->arena, str_c(path)).p, err, rules};
    struct yaml *top = yaml_load(path, &rules->arena, err);
    if (top == NULL || !read_rules(&r, top)) {
        fleet_rules_free(rules);
        return NULL;
    }
    return rules;
}

void fleet_rules_free(struct fleet_rules *r)
{
    if (r == NULL)
        return;
    for (uint32_t i = 0; i < r->date_count; i++)
        regex_free(r->dates[i]);
    map_free(&r->function_names);
    map_free(&r->states);
    map_free(&r->exempt_types);
    map_free(&r->exempt_roles);
    map_free(&r->default_policies);
    map_free(&r->tells_only_changes);
    arena_free(&r->arena);
    memory_free(r);
}

/* ------------------------------------------------------------------ words */

static uintptr_t find_word(const struct map *set, struct str word)
{
    char lower[64];
    if (word.n == 0 || word.n > sizeof lower)
        return 0;
    for (size_t i = 0; i < word.n; i++)
        lower[i] = ascii_lower(word.p[i]);
    uintptr_t *value = map_find(set, str_n(lower, word.n));
    return value ? *value : 0;
}

bool rules_function(const struct fleet_rules *r, struct str name, enum control_function *out)
{
    uintptr_t number = find_word(&r->function_names, name);
    if (number == 0)
        return false;
    *out = (enum control_function)(number - 1);
    return true;
}

enum told_state rules_state(const struct fleet_rules *r, struct str word)
{
    return (enum told_state)find_word(&r->states, word);
}

bool rules_lists(const struct map *set, struct str word)
{
    return find_word(set, word) != 0;
}
