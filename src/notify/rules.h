/* content/notify.yml: what is told to whom, over which channels, when. Immutable once loaded. */
#ifndef NOTIFY_RULES_H
#define NOTIFY_RULES_H

#include "base/calendar.h"
#include "base/log.h"
#include "notify/notify.h"

#define NOTIFY_LIST_MAX  8
#define NOTIFY_STEPS_MAX 4

enum contact_position { POSITION_ANY, POSITION_PRIMARY, POSITION_DEPUTY };

/* Whom a step of a rule reaches: step 0 at once, the next ones when nobody has acknowledged in time. */
struct notify_step {
    int64_t after_ns; /* since the step before; 0 for step 0 */
    struct str roles[NOTIFY_LIST_MAX];
    uint32_t role_count;
    enum contact_position position;
};

struct notify_rule {
    struct str id;
    enum notice_kind on;
    int urgency_least, importance_least; /* 0 = whatever */
    int posture_least;                   /* −1 = whatever */
    struct str names[NOTIFY_LIST_MAX];   /* of reports; none = all */
    uint32_t name_count;
    struct str channels[NOTIFY_LIST_MAX]; /* names or types of channels */
    uint32_t channel_count;
    struct notify_step steps[NOTIFY_STEPS_MAX];
    uint32_t step_count;      /* at least 1 */
    bool through_quiet_hours; /* else it waits for their end */
    int64_t collect_ns;       /* a digest: waits so long for more; 0 = no digest by time */
    int collect_until;        /* a digest at that minute of the local day; −1 = none */
    int64_t window_ns;        /* the same key is told once in it */
    bool has_details;         /* names of hosts go along */
    bool attaches;            /* the report itself */
};

struct notify_rules {
    struct str version;
    enum language language;   /* of recipients whose account says none */
    int quiet_from, quiet_to; /* minutes of the local day, may pass midnight; equal = no quiet hours */
    bool quiet_closed_days;   /* days without work are quiet as a whole */
    uint32_t storm_count; /* so many messages to one recipient within storm_ns: what follows is a digest */
    int64_t storm_ns;
    const struct notify_rule *rules;
    uint32_t count;
};

/* Texts live in `arena`. Runs the samples of the file. False with a sentence that names file and line. */
bool notify_rules_load(struct notify_rules *out, const char *path, const struct calendar *calendar,
                       struct arena *arena, struct error *err) MUST_CHECK;

bool notify_rule_is_met(const struct notify_rule *r, const struct occurrence *o);
/* Digests are for those that say so: one message for all that came together. */
bool notify_rule_collects(const struct notify_rule *r);

#endif
