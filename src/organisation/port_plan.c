/* See port_plan.h. Next: command_ports.c. */
#include "organisation/port_plan.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/yaml.h"

#define DAY_S       INT64_C(86400)
#define TARGETS_MAX 65536

/* ------------------------------------------------------------------- reading */

static bool complain(const char *path, const struct yaml *at, struct error *err, const char *what)
{
    return error_at(err, path, at ? at->line : 1, at ? at->column : 1, "%s", what);
}

static bool mark_ports(const struct yaml *list, const char *path, bool *marks, struct error *err)
{
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next) {
        struct asset_port_range range;
        if (!asset_port_parse(at->text, &range) || range.from == 0)
            return complain(path, at, err,
                            tr("a port is a number from 1 to 65535, or a range like 8000-8100",
                               "ポートは 1 から 65535 の数、または 8000-8100 のような範囲です"));
        for (unsigned port = range.from; port <= range.to; port++)
            marks[port] = true;
    }
    return true;
}

static bool mark_backdoor_ports(const char *content, bool *marks, struct arena *arena, struct error *err)
{
    struct str path = arena_printf(arena, "%s/instruments/inventory.yml", content);
    const struct yaml *top = yaml_load(path.p, arena, err);
    return top != NULL && mark_ports(yaml_get(yaml_get(top, "lists"), "backdoor_ports"), path.p, marks, err);
}

static void take_ports(struct port_profile *p, const char *name, const bool *marks, struct arena *arena)
{
    struct buf text = {0};
    uint16_t *ports = arena_alloc(arena, 65536 * sizeof *ports);
    for (unsigned port = 1; port < 65536; port++)
        if (marks[port]) {
            ports[p->port_count++] = (uint16_t)port;
            buf_printf(&text, "%u,", port);
        }
    p->ports = ports;
    snprintf(p->coverage, sizeof p->coverage, "tcp:%.20s:%zu:%08x", name, p->port_count,
             (unsigned)str_hash(buf_str(&text)));
    buf_free(&text);
}

static bool read_number(const struct yaml *map, const char *key, int64_t most, unsigned *out,
                        const char *path, struct error *err)
{
    int64_t value = yaml_int(map, key, 0);
    if (value < 1 || value > most)
        return error_at(err, path, map->line, map->column,
                        tr("'%s' must be a number from 1 to %lld", "'%s' は 1 から %lld の数です"), key,
                        (long long)most);
    *out = (unsigned)value;
    return true;
}

static bool read_profile(struct port_plan *plan, const struct yaml *top, const char *path,
                         const char *content, const char *name, struct arena *arena, struct error *err)
{
    struct port_profile *p = &plan->profile;
    const struct yaml *profiles = yaml_get(top, "profiles"), *map = yaml_get(profiles, name);
    bool *marks = arena_zero(arena, 65536);
    if (map == NULL)
        return error_at(err, path, profiles ? profiles->line : 1, 1,
                        tr("there is no profile '%s'", "プロファイル '%s' はありません"), name);
    p->needs_approval = yaml_bool(map, "needs_approval", false);
    if (!read_number(map, "packets_per_second", 1000, &p->packets_per_second, path, err) ||
        !read_number(map, "timeout_ms", 950, &p->timeout_ms, path, err) ||
        !read_number(map, "banner_ms", 5000, &p->banner_ms, path, err) ||
        !read_number(map, "hosts_at_once", 64, &p->hosts_at_once, path, err) ||
        !mark_ports(yaml_get(map, "ports"), path, marks, err))
        return false;
    if (yaml_bool(map, "backdoor_ports", false) && !mark_backdoor_ports(content, marks, arena, err))
        return false;
    take_ports(p, name, marks, arena);
    return p->port_count > 0 || complain(path, map, err, tr("a profile needs ports", "ポートが必要です"));
}

static bool read_minute(struct str text, int *minute)
{
    uint64_t hours, minutes;
    if (text.n != 5 || text.p[2] != ':' || !str_to_u64(str_slice(text, 0, 2), 10, &hours) ||
        !str_to_u64(str_skip(text, 3), 10, &minutes) || hours > 24 || minutes > 59)
        return false;
    *minute = (int)(hours * 60 + minutes);
    return true;
}

static bool read_schedule(struct port_plan *plan, const struct yaml *top, const char *path, struct error *err)
{
    const struct yaml *schedule = yaml_get(top, "schedule");
    struct str window = yaml_text(schedule, "window");
    size_t dash = str_find_char(window, '-', 0);
    if (dash == STR_NOT_FOUND || !read_minute(str_slice(window, 0, dash), &plan->from_minute) ||
        !read_minute(str_skip(window, dash + 1), &plan->to_minute) || plan->from_minute >= plan->to_minute)
        return complain(path, schedule ? schedule : top, err,
                        tr("'window' must be HH:MM-HH:MM within one day",
                           "'window' は同じ日の HH:MM-HH:MM です"));
    return true;
}

static bool read_calendar(struct port_plan *plan, const char *content, struct arena *arena, struct error *err)
{
    plan->calendar = calendar_load(arena_printf(arena, "%s/calendar.yml", content).p, err);
    return plan->calendar != NULL;
}

void port_plan_free(struct port_plan *plan)
{
    calendar_free(plan->calendar);
    plan->calendar = NULL;
}

bool port_plan_read(struct port_plan *plan, const char *content, const char *profile, struct arena *arena,
                    struct error *err)
{
    struct str path = arena_printf(arena, "%s/port-scan.yml", content);
    const struct yaml *top = yaml_load(path.p, arena, err);
    *plan = (struct port_plan){0};
    if (top == NULL)
        return false;
    plan->never = yaml_get(top, "never");
    plan->targets = yaml_get(top, "targets");
    return read_profile(plan, top, path.p, content, profile, arena, err) &&
           read_schedule(plan, top, path.p, err) && read_calendar(plan, content, arena, err);
}

/* ------------------------------------------------------------------- targets */

static const struct yaml *find_word(const struct yaml *list, struct str word)
{
    for (const struct yaml *at = list ? list->child : NULL; at != NULL; at = at->next)
        if (word.n && str_eq_nocase(at->text, word))
            return at;
    return NULL;
}

static const struct yaml *find_any(const struct yaml *list, const struct asset_list *words)
{
    const struct yaml *found = NULL;
    for (uint32_t i = 0; i < words->count && found == NULL; i++)
        found = find_word(list, words->items[i]);
    return found;
}

static const char *why_never(const struct port_plan *plan, const struct asset_host *host, struct arena *arena)
{
    const struct yaml *word = find_word(yaml_get(plan->never, "types"), host->type);
    if (word == NULL)
        word = find_any(yaml_get(plan->never, "roles"), &host->roles);
    return word ? arena_str(arena, word->text).p : NULL;
}

static int importance_of(const struct asset_set *assets, const struct asset_host *host)
{
    int importance = host->importance;
    for (uint32_t i = 0; i < assets->counts[ASSET_DEPARTMENTS]; i++)
        if (host->department.n && str_eq_nocase(assets->departments[i].department, host->department) &&
            assets->departments[i].importance > importance)
            importance = assets->departments[i].importance;
    return importance;
}

static bool is_in_zone(const struct port_plan *plan, const struct asset_set *assets, const struct ip *ip)
{
    struct cidr cidr;
    for (uint32_t i = 0; i < assets->counts[ASSET_NETWORKS]; i++) {
        const struct asset_network *n = &assets->networks[i];
        if (find_word(yaml_get(plan->targets, "zones"), n->zone) == NULL)
            continue;
        for (uint32_t k = 0; k < n->cidrs.count; k++)
            if (cidr_parse(n->cidrs.items[k], &cidr) && cidr_contains(&cidr, ip))
                return true;
    }
    return false;
}

static bool is_wanted(const struct port_plan *plan, const struct asset_set *assets,
                      const struct asset_host *host, const struct ip *ip)
{
    return importance_of(assets, host) >= yaml_int(plan->targets, "importance", 3) ||
           find_any(yaml_get(plan->targets, "roles"), &host->roles) != NULL || is_in_zone(plan, assets, ip);
}

size_t port_plan_targets(const struct port_plan *plan, const struct asset_set *assets, struct arena *arena,
                         struct port_target **out)
{
    size_t count = 0, most = 1;
    for (uint32_t i = 0; i < assets->counts[ASSET_HOSTS]; i++)
        most += assets->hosts[i].ips.count;
    most = most > TARGETS_MAX ? TARGETS_MAX : most;
    *out = ARENA_ARRAY(arena, struct port_target, most);
    for (uint32_t i = 0; i < assets->counts[ASSET_HOSTS]; i++) {
        const struct asset_host *host = &assets->hosts[i];
        for (uint32_t k = 0; k < host->ips.count && count < most; k++) {
            struct port_target t = {.address = host->ips.items[k], .name = host->hostname};
            if (!ip_parse(t.address, &t.ip) || !is_wanted(plan, assets, host, &t.ip))
                continue;
            t.why_not = why_never(plan, host, arena);
            (*out)[count++] = t;
        }
    }
    return count;
}

struct port_target port_plan_target(const struct port_plan *plan, const struct asset_set *assets,
                                    const struct ip *ip, struct arena *arena)
{
    char text[IP_TEXT_MAX];
    struct port_target t = {.ip = *ip, .address = arena_str(arena, str_n(text, ip_format(ip, text)))};
    for (uint32_t i = 0; i < assets->counts[ASSET_HOSTS]; i++) {
        const struct asset_host *host = &assets->hosts[i];
        for (uint32_t k = 0; k < host->ips.count; k++)
            if (str_eq(host->ips.items[k], t.address)) {
                t.name = host->hostname;
                t.why_not = why_never(plan, host, arena);
            }
    }
    return t;
}

/* ------------------------------------------------------------------------ when */

int64_t port_plan_day(const struct zone *zone, int64_t wall_ns, int *minute)
{
    int64_t seconds = wall_ns / NS_PER_SECOND;
    seconds += zone_offset_at_utc(zone, seconds);
    int64_t of_day = (seconds % DAY_S + DAY_S) % DAY_S;
    *minute = (int)(of_day / 60);
    return (seconds - of_day) / DAY_S;
}

bool port_plan_is_open(const struct port_plan *plan, const struct zone *zone, int64_t wall_ns)
{
    int minute;
    int64_t day = port_plan_day(zone, wall_ns, &minute);
    return minute >= plan->from_minute && minute < plan->to_minute &&
           calendar_is_business_day(plan->calendar, OFFICE_COMPANY, day);
}

int64_t port_plan_next(const struct port_plan *plan, const struct zone *zone, int64_t wall_ns)
{
    int minute;
    int64_t today = port_plan_day(zone, wall_ns, &minute);
    if (port_plan_is_open(plan, zone, wall_ns))
        return wall_ns;
    for (int64_t day = minute < plan->from_minute ? today : today + 1; day < today + 370; day++) {
        int64_t local = day * DAY_S + plan->from_minute * 60;
        if (calendar_is_business_day(plan->calendar, OFFICE_COMPANY, day))
            return (local - zone_offset_at_local(zone, local)) * NS_PER_SECOND;
    }
    return TIME_UNKNOWN;
}
