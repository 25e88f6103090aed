/* What happens in the office, compiled: activities that go on by themselves, and steps of a scenario. Both
 * are a few values that are chosen and lines that are written. */
#ifndef SIMULATE_PROGRAM_H
#define SIMULATE_PROGRAM_H

#include "simulate/quiet.h"
#include "simulate/simulate.h"
#include "simulate/template.h"

/* Which hosts; what is not given does not matter. */
struct selector {
    struct str type, role, department, vendor, key;
    int kind;   /* enum host_kind, −1 */
    int sensor; /* 0, 1, −1 */
};
bool selector_read(const char *path, const struct yaml *node, struct selector *out,
                   struct error *err) MUST_CHECK;
bool selector_takes(const struct selector *s, const struct host *h);

struct host_set {
    struct host **items;
    uint32_t count;
};
void selector_collect(const struct selector *s, const struct office *o, struct arena *arena,
                      struct host_set *out);

enum when {
    WHEN_RATE,          /* again and again, at random, as the profile of the day says */
    WHEN_SESSION_START, /* the computer is switched on */
    WHEN_SESSION_END,
    WHEN_DAILY,
    WHEN_EVERY,
    WHEN_ONSET, /* the host comes into the condition of `with` */
    WHEN_STEP,  /* of a scenario */
    WHEN_TRUTH, /* the end of a day */
};
enum attendance { WHILE_PRESENT, WHILE_POWERED, WHILE_ALWAYS };
enum deed { DOES_NOTHING, DOES_UPDATE, DOES_SCAN };
enum outcome { OUTCOME_ANY, OUTCOME_DONE, OUTCOME_FAILED };

struct binding {
    uint32_t cell;
    enum cell_kind kind;
    struct template text;
    const struct list *list;
    bool is_zipf;
    uint32_t favourites; /* of each host; 0 = the whole list */
    struct host_set hosts;
};

struct emission {
    struct template text;
    uint32_t source;
    int64_t after_low_ns, after_high_ns;
    double chance;
    enum outcome outcome;
    bool is_at_scan_end;
};

struct activity {
    struct str name;
    enum when when;
    enum attendance attendance;
    enum deed deed;
    struct selector who;
    double share, per_day; /* share: of the rate; worked out into per_day */
    double chance, hosts;  /* each time; of hosts */
    unsigned days;         /* bit per weekday; 0x80: workdays only */
    int64_t at_ns, spread_ns, period_ns;
    double jitter;
    const double *profile;   /* 24 weights, sum 1 */
    uint32_t with, without;  /* masks of conditions */
    int64_t low_ns, high_ns; /* how long a scan takes */
    struct binding *bindings;
    uint32_t binding_count;
    struct emission *emissions;
    uint32_t emission_count;
    /* steps */
    struct host_set each;    /* one repetition for each */
    const struct list *over; /* or for each row */
    uint32_t item_cell;      /* of peer or item */
    uint32_t times;
    int64_t every_low_ns, every_high_ns;
    double drop;                      /* share of repetitions that leave no lines */
    uint32_t host_cell;               /* who acts */
    int64_t from_hour_ns, to_hour_ns; /* only repetitions within these hours of the day; both 0 = all */
    uint32_t sets;                    /* condition that the acting host comes into */
    bool sets_condition, infects;
    struct str infected_by; /* role */
};

/* Shared by all that is compiled. */
struct program {
    struct arena *arena;
    struct words *words;
    struct office *office;
    struct fleet *fleet;
    struct str sources[SIMULATE_SOURCES_MAX];
    uint32_t source_count;
    struct activity *activities;
    uint32_t activity_count;
    const struct yaml *profiles;
};
bool program_read_activities(struct program *p, const char *path, struct error *err) MUST_CHECK;
/* Rates of activities from their shares, so that a host of each kind has about `rate` lines a day. */
void program_set_rate(struct program *p, double rate);

/* A map of names, like `let`, into out->bindings. */
bool program_read_let(struct program *p, const char *path, const struct yaml *let, struct scope *scope,
                      struct activity *out, struct error *err) MUST_CHECK;
/* Reads `let` and `lines` (or the one line that the node itself is) of an activity or step. */
bool program_read_body(struct program *p, const char *path, const struct yaml *node, struct scope *scope,
                       struct activity *out, struct error *err) MUST_CHECK;
bool program_read_range(const char *path, const struct yaml *node, const char *key, int64_t *low_ns,
                        int64_t *high_ns, struct error *err) MUST_CHECK;
bool program_read_number(const char *path, const struct yaml *node, const char *key, double low, double high,
                         double *value, struct error *err) MUST_CHECK;

#endif
