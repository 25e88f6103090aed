/* What to scan, how and when (S98, S99): content/port-scan.yml and the inventory → targets and ports; the
 * window of the day. Detection never asks here: the wall clock is for running a scan only, and what it finds
 * are records with their own times. */
#ifndef ORGANISATION_PORT_PLAN_H
#define ORGANISATION_PORT_PLAN_H

#include "base/arena.h"
#include "base/calendar.h"
#include "base/clock.h"
#include "base/ip.h"
#include "event/asset.h"

struct port_profile {
    const uint16_t *ports; /* ascending, each once */
    size_t port_count;
    unsigned packets_per_second, timeout_ms, banner_ms, hosts_at_once;
    bool needs_approval;
    char coverage[64]; /* the same for the same ports, for the instrument inventory */
};

struct port_plan {
    struct port_profile profile;
    int from_minute, to_minute; /* local, within one day */
    struct calendar *calendar;
    /* private */
    const struct yaml *never, *targets;
};

/* Texts and ports live in `arena`, the calendar until port_plan_free(), also after an error. `content` is the
 * folder content/. */
bool port_plan_read(struct port_plan *plan, const char *content, const char *profile, struct arena *arena,
                    struct error *err) MUST_CHECK;
void port_plan_free(struct port_plan *plan);

struct port_target {
    struct ip ip;
    struct str address, name;
    const char *why_not; /* NULL = to be scanned; else "printer" and the like, why it never is */
};
/* The daily targets of the inventory, in its order; those that are never scanned too, with the reason. */
size_t port_plan_targets(const struct port_plan *plan, const struct asset_set *assets, struct arena *arena,
                         struct port_target **out);
/* An address that somebody names: what the inventory says of it. */
struct port_target port_plan_target(const struct port_plan *plan, const struct asset_set *assets,
                                    const struct ip *ip, struct arena *arena);

/* Local day (since 1970) and minute of that moment. */
int64_t port_plan_day(const struct zone *zone, int64_t wall_ns, int *minute);
/* Whether a scan may run now: a working day, within the window. */
bool port_plan_is_open(const struct port_plan *plan, const struct zone *zone, int64_t wall_ns);
/* When it may run next (now, when it is open); TIME_UNKNOWN when no day of the next year is a working day. */
int64_t port_plan_next(const struct port_plan *plan, const struct zone *zone, int64_t wall_ns);

#endif
