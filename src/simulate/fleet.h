/* Anti-malware on the hosts: which product, which pattern since when, the last full scan, and what is wrong
 * with it. The truth that the fleet's screens are compared with. */
#ifndef SIMULATE_FLEET_H
#define SIMULATE_FLEET_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "base/yaml.h"

#define CONDITIONS_MAX 24
#define VENDORS_MAX    8

struct vendor {
    struct str key, product, engine, pattern; /* pattern: form with {n}, {date}, {rev} */
    double share;
    bool is_for_servers;
    int64_t first, every_ns; /* number of the first release, time between two */
    struct str *releases;    /* texts made so far, by release − base */
    int64_t release_base, release_count;
};

struct condition {
    struct str name;
    double share;           /* of clients that have it at the end */
    double servers;         /* of servers */
    bool is_from_the_start; /* else from some moment within the time simulated */
};

struct fleet {
    struct arena *arena;
    struct vendor vendors[VENDORS_MAX];
    unsigned vendor_count;
    struct condition conditions[CONDITIONS_MAX];
    unsigned condition_count;
    int64_t from_ns, to_ns; /* of the simulation */
};

struct control {
    uint8_t vendor;
    int64_t release;      /* installed */
    int64_t updated_ns;   /* when it was installed */
    int64_t full_scan_ns; /* end of the last full scan that ran to its end; TIME_UNKNOWN = none yet */
    int64_t since_ns[CONDITIONS_MAX]; /* INT64_MAX = never */
};

/* Texts live in `arena`. */
bool simulated_fleet_load(struct fleet *f, const char *path, struct arena *arena, int64_t from_ns,
                          int64_t to_ns, struct error *err) MUST_CHECK;
/* Index, or −1. */
int fleet_condition(const struct fleet *f, struct str name);

struct host;
/* Vendor, first pattern and conditions of a host. */
void fleet_equip(struct fleet *f, struct host *h);
static inline bool control_has(const struct control *c, int condition, int64_t time_ns)
{
    return condition >= 0 && time_ns >= c->since_ns[condition];
}

/* The newest release at that time, and its text and time. */
int64_t fleet_newest(const struct vendor *v, int64_t time_ns);
struct str fleet_pattern(struct fleet *f, struct vendor *v, int64_t release);
int64_t fleet_release_time(const struct vendor *v, int64_t release);
/* Installs the release if it is newer than what is there; true when it was. */
bool fleet_update(struct fleet *f, struct host *h, int64_t release, int64_t time_ns);

#endif
