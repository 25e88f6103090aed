/* Coverage: which rules can fire on what comes in now, and which cannot, and why. From the compiled rules
 * (what each needs), the watch (what sources send and fill) and the clock. What is not known is unknown.
 *
 *   rule needs events of a log source, with fields that its condition cannot do without
 *     LIVE      a source that is not silent gives them
 *     DRIFTING  the source gives such events, but no longer fills a field that it used to fill
 *     SILENT    the sources that gave what is needed are silent beyond their usual gap
 *     FIELDS    such events come, but no source has ever filled what is needed
 *     UNMAPPED  no event of that log source has ever been seen
 *     UNKNOWN   no event has been seen at all yet */
#ifndef PROOF_COVERAGE_H
#define PROOF_COVERAGE_H

#include "detect/detect.h"
#include "proof/watch.h"

enum coverage_status {
    COVERAGE_LIVE,
    COVERAGE_DRIFTING,
    COVERAGE_SILENT,
    COVERAGE_FIELDS,
    COVERAGE_UNMAPPED,
    COVERAGE_UNKNOWN,
};
#define COVERAGE_STATUS_COUNT (COVERAGE_UNKNOWN + 1)
struct str coverage_status_name(enum coverage_status s); /* "live", "drifting", … */

/* One source in the light of its own history. Ratios are −1 when too little is known. */
struct source_health {
    uint32_t source;
    int64_t last_ns;         /* receipt of its last event */
    double per_hour;         /* events in the last 24 hours / 24 */
    int64_t usual_gap_ns;    /* its longest gap in the week before; TIME_UNKNOWN = less than a day is known */
    int64_t silent_after_ns; /* what "silent" means for it */
    bool is_silent;
    double failures_now,
        failures_before; /* share of records not understood: last 24 hours, the week before */
    bool is_failing;     /* clearly more than before */
    uint32_t drifting_fields;
};

struct rule_coverage {
    const struct rule_info *rule;
    struct str logsource;
    enum coverage_status status;
    struct str *missing; /* fields */
    uint32_t missing_count;
    uint32_t *sources; /* that give what is needed (LIVE, SILENT), or events of the log source (others) */
    uint32_t source_count;
    int64_t last_event_ns; /* newest event of the log source; TIME_UNKNOWN = none */
};

struct technique_coverage {
    struct str technique;
    uint32_t live, total;
};

struct coverage {
    struct rule_coverage *rules; /* in the order of the rule set */
    uint32_t rule_count;
    uint32_t by_status[COVERAGE_STATUS_COUNT];
    struct technique_coverage *techniques; /* by name */
    uint32_t technique_count;
    struct source_health *sources; /* by number */
    uint32_t source_count;
    bool is_full; /* more sources or fields than are watched: some of the unmapped may not be */
};

/* Only the sources of it. */
void coverage_sources(const struct watch_view *seen, int64_t now_ns, struct arena *arena,
                      struct coverage *out);
/* Everything is in the arena or borrowed from the rule set. */
void coverage_compute(const struct ruleset *rules, const struct watch_view *seen, int64_t now_ns,
                      struct arena *arena, struct coverage *out);

#endif
