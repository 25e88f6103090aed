/* Control states as of a time (stage fleet; S10, S30–S32). */
#include "fleet/states.h"

bool host_is_present(const struct fleet *f, const struct host *h, int64_t now_ns)
{
    return is_known(h->last_ns) && now_ns - h->last_ns <= hours_ns(f->rules->times.present_hours);
}

/* The host has spoken for hours, the agent has missed two of its usual words, and others of its product, if
 * there are any, were heard after that. */
bool agent_is_silent(const struct fleet *f, const struct control *c)
{
    int64_t interval_ns = control_interval_ns(f, c);
    if (!is_known(interval_ns) || !is_known(c->traffic_last_ns) || c->traffic_last_ns <= c->heartbeat_ns)
        return false;
    int64_t missed_ns = c->heartbeat_ns + 2 * interval_ns;
    if (c->traffic_last_ns - c->traffic_from_ns < hours_ns(f->rules->times.silent_traffic_hours) ||
        c->traffic_last_ns <= missed_ns)
        return false;
    const struct product *p = c->product ? product_at(f, c->product) : NULL;
    return p == NULL || p->hosts < 2 || p->last_ns > missed_ns;
}

static bool feed_is_silent(const struct fleet *f, const struct control *c, int64_t now_ns, int64_t limit_ns)
{
    const struct product *p = c->product ? product_at(f, c->product) : NULL;
    return p != NULL && p->hosts > 1 && now_ns - p->last_ns > limit_ns;
}

static struct agent late_agent(const struct fleet *f, const struct host *h, const struct control *c,
                               int64_t now_ns, int64_t limit_ns)
{
    int64_t interval_ns = control_interval_ns(f, c);
    int64_t patience_ns = is_known(interval_ns) ? 2 * interval_ns : limit_ns;
    bool goes_on = is_known(h->traffic_ns) && h->traffic_ns - c->heartbeat_ns > patience_ns &&
                   now_ns - h->traffic_ns <= hours_ns(f->rules->times.present_hours);
    if (!goes_on)
        return (struct agent){AGENT_ABSENT, ""};
    if (feed_is_silent(f, c, now_ns, limit_ns))
        return (struct agent){AGENT_UNKNOWN, "feed_silent"};
    return (struct agent){AGENT_UNKNOWN, is_known(interval_ns) ? "too_little_traffic" : "no_heartbeats"};
}

static bool tells_only_changes(const struct fleet *f, const struct control *c)
{
    return c->product &&
           rules_lists(&f->rules->tells_only_changes, text_of(f, product_at(f, c->product)->name));
}

struct agent agent_state(const struct fleet *f, const struct host *h, enum control_function function,
                         int64_t now_ns)
{
    const struct control *c = h->controls[function];
    int64_t limit_ns =
        hours_ns(h->is_server ? f->rules->times.heartbeat_server_hours : f->rules->times.heartbeat_hours);
    if (c == NULL)
        return (struct agent){AGENT_NONE, ""};
    if (c->is_removed)
        return (struct agent){AGENT_OFF, "removed"};
    if (agent_is_silent(f, c))
        return (struct agent){AGENT_SILENT, ""};
    if (!is_known(c->heartbeat_ns)) /* others spoke about it */
        return (struct agent){c->service == TRI_NO ? AGENT_OFF : AGENT_UNKNOWN,
                              c->service == TRI_NO ? "stopped" : "never_heard"};
    if (now_ns - c->heartbeat_ns > limit_ns)
        return late_agent(f, h, c, now_ns, limit_ns);
    if (c->service == TRI_NO)
        return (struct agent){AGENT_OFF, "stopped"};
    if (function == FUNCTION_ANTIVIRUS && c->realtime == TRI_NO)
        return (struct agent){AGENT_OFF, "realtime_off"};
    if (c->enabled == TRI_NO)
        return (struct agent){AGENT_OFF, "disabled"};
    if (function == FUNCTION_ANTIVIRUS && c->realtime == TRI_UNKNOWN)
        return tells_only_changes(f, c) ? (struct agent){AGENT_UP, "realtime_assumed"}
                                        : (struct agent){AGENT_UNKNOWN, "realtime_not_told"};
    return (struct agent){AGENT_UP, ""};
}

/* ---------------------------------------------------------------- versions */

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

/* How much older than the newest. Exact when both came out before our eyes or bear their date; else at least
 * what is certain: an older version came out no later than any newer one was seen, and has been out of date
 * since the next one was seen. */
static void measure(const struct versions *v, uint32_t at, int64_t now_ns, struct lag *out)
{
    const struct release *own = &v->items[at], *newest = &v->items[v->count - 1];
    if (own->is_release && newest->is_release) {
        out->hours = (double)(newest->first_ns - own->first_ns) / 3600e9;
        out->is_by_sight = true;
    } else if (is_known(own->told_ns) && is_known(newest->told_ns)) {
        out->hours = (double)(newest->told_ns - own->told_ns) / 3600e9;
    } else {
        int64_t latest_ns = INT64_MAX, next_ns = INT64_MAX;
        for (uint32_t i = at; i < v->count; i++) {
            latest_ns = v->items[i].first_ns < latest_ns ? v->items[i].first_ns : latest_ns;
            if (i > at && v->items[i].first_ns < next_ns)
                next_ns = v->items[i].first_ns;
        }
        int64_t between_ns = newest->is_release ? newest->first_ns - latest_ns : 0;
        out->hours = (double)later(between_ns, now_ns - next_ns) / 3600e9;
        out->is_least = true;
    }
    out->hours = out->hours > 0 ? out->hours : 0;
}

struct lag version_lag(const struct fleet *f, enum component c, const struct held *held, int64_t now_ns)
{
    struct lag out = {.colour = LAG_UNKNOWN};
    const struct fleet_colours *colours = &f->rules->colours;
    if (held->product == 0)
        return out;
    const struct versions *v = &product_at(f, held->product)->versions[c];
    out.newest = v->count ? v->items[v->count - 1].name : 0;
    if (held->name == 0 || !held->is_known)
        return out;
    uint32_t at = place_of(v, &held->key);
    if (at == v->count)
        return out;
    if (version_compare(&v->items[at].key, &held->key) != 0) {
        /* older than all that is remembered */
        out = (struct lag){.colour = LAG_RED,
                           .versions = v->count,
                           .hours = (double)(now_ns - v->items[0].first_ns) / 3600e9,
                           .is_least = true,
                           .newest = out.newest};
        return out;
    }
    out.versions = v->count - 1 - at;
    if (out.versions)
        measure(v, at, now_ns, &out);
    double surely = out.hours - (out.is_by_sight ? colours->release_slack_hours : 0);
    out.colour = surely > colours->pattern_amber_hours                   ? LAG_RED
                 : surely > colours->pattern_green_hours || out.is_least ? LAG_AMBER
                                                                         : LAG_GREEN;
    return out;
}

enum line_status version_line_status(const struct fleet *f, enum component c, const struct held *held,
                                     const struct version_line **line)
{
    struct version_key current, allowed;
    *line = NULL;
    if (held->product == 0 || held->name == 0 || !held->is_known)
        return LINE_UNKNOWN;
    struct str name = text_of(f, product_at(f, held->product)->name);
    for (uint32_t i = 0; i < f->rules->line_count && *line == NULL; i++)
        if (f->rules->lines[i].component == c && str_eq_nocase(f->rules->lines[i].product, name))
            *line = &f->rules->lines[i];
    if (*line == NULL) {
        const struct versions *v = &product_at(f, held->product)->versions[c];
        bool is_newest = v->count && version_compare(&v->items[v->count - 1].key, &held->key) == 0;
        return is_newest ? LINE_CURRENT : LINE_UNLISTED;
    }
    const struct fleet_rules *r = f->rules;
    if (!version_parse((*line)->current, r->dates, r->date_count, f->regex, &current) ||
        !version_parse((*line)->allowed, r->dates, r->date_count, f->regex, &allowed))
        return LINE_UNKNOWN;
    return version_compare(&held->key, &current) >= 0   ? LINE_CURRENT
           : version_compare(&held->key, &allowed) >= 0 ? LINE_ALLOWED
                                                        : LINE_OBSOLETE;
}
