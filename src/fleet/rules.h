/* content/fleet.yml, read. Inside the stage only. */
#ifndef FLEET_RULES_H
#define FLEET_RULES_H

#include "base/arena.h"
#include "base/ip.h"
#include "base/map.h"
#include "base/regex.h"
#include "event/rule.h"
#include "fleet/fleet.h"

enum control_function {
    FUNCTION_ANTIVIRUS,
    FUNCTION_FIREWALL,
    FUNCTION_IPS,
    FUNCTION_LAUNCH,
    FUNCTION_COUNT
};
enum component { COMPONENT_PRODUCT, COMPONENT_ENGINE, COMPONENT_PATTERN, COMPONENT_COUNT };
enum told_state {
    TOLD_NOTHING,
    TOLD_RUNNING,
    TOLD_STOPPED,
    TOLD_DISABLED,
    TOLD_FAILED,
    TOLD_REMOVED,
    TOLD_UPDATE_FAILED,
    TOLD_NOTED, /* known, and says nothing about whether the control works */
};
enum fleet_finding {
    FOUND_AGENT_SILENT,
    FOUND_SILENT_TOGETHER,
    FOUND_SERVER_UNPROTECTED,
    FOUND_LATE,
    FOUND_CONTRADICTED,
    FOUND_UPDATE_DELAYED,
    FOUND_TAMPERING,
    FOUND_REPORTED_OFF,
    FOUND_SCANS_LONG,
    FOUND_COUNT
};
#define THREAT_COUNT 3

struct titled {
    struct str name, title_en, title_ja;
};

struct fleet_limits {
    double hosts, hashes, releases, gateways, late_detections, scans;
};
struct fleet_times { /* in the units of the file */
    double present_hours, unmanaged_days, contradiction_days, late_shown_days, forget_days, heartbeat_hours,
        heartbeat_server_hours, heartbeat_default_minutes, silent_traffic_hours, traffic_gap_minutes,
        address_days, late_hours, full_scan_days, full_scan_server_days, patch_days, patch_exploited_days,
        refusal_session_minutes, refusal_days, warm_up_hours, evaluation_minutes, scan_long_hours,
        scan_window_days;
};
struct fleet_colours {
    double pattern_green_hours, pattern_amber_hours, release_slack_hours, coverage_amber_percent,
        coverage_red_percent, propagation_z, propagation_releases_least, propagation_hosts_least,
        mass_silence_hosts, mass_silence_percent, minority_combinations, scans_least;
};
struct fleet_badge {
    double least, updates_hours, arriving_hours, acknowledge_hours, review_days, test_days;
};

struct version_line { /* S31 */
    struct str product;
    enum component component;
    struct str current, allowed, by, date, reason;
};

enum host_class { HOSTS_ANY, HOSTS_CLIENT, HOSTS_SERVER };
struct denial { /* S40 */
    enum host_class hosts;
    bool is_inbound;
    struct str protocol; /* lower case; "" = any */
    uint16_t *ports;     /* none = all */
    uint32_t port_count;
    struct cidr *except;
    uint32_t except_count;
    struct str policy; /* "" = whatever policy */
};
struct assignment {
    struct str department, product, policy;
};
struct fleet_rules {
    struct arena arena;
    struct str version;
    struct fleet_limits limits;
    struct fleet_times times;
    struct fleet_colours colours;
    struct fleet_badge badge;
    struct titled functions[FUNCTION_COUNT];
    struct map function_names; /* lower case → enum control_function + 1 */
    struct map states;         /* lower case → enum told_state */
    struct map exempt_types, exempt_roles, default_policies, tells_only_changes;
    struct titled threats[THREAT_COUNT];
    uint32_t threat_functions[THREAT_COUNT]; /* bits of enum control_function */
    struct regex **dates;
    uint32_t date_count;
    struct version_line *lines;
    uint32_t line_count;
    struct denial *denials;
    uint32_t denial_count;
    struct assignment *assignments;
    uint32_t assignment_count;
    struct str *gateway_categories;
    uint32_t gateway_category_count;
    double gateway_down_minutes;
    struct fleet_class *classes;
    uint32_t class_count;
    struct rule_info findings[FOUND_COUNT];
};

/* False and TOLD_NOTHING when the file does not list the word. */
bool rules_function(const struct fleet_rules *r, struct str name, enum control_function *out);
enum told_state rules_state(const struct fleet_rules *r, struct str word);
bool rules_lists(const struct map *set, struct str word); /* without regard to case */

static inline int64_t minutes_ns(double minutes)
{
    return (int64_t)(minutes * 60e9);
}
static inline int64_t hours_ns(double hours)
{
    return (int64_t)(hours * 3600e9);
}

#endif
