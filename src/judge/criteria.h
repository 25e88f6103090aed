/* The criteria of judgement, read from content/judgement.yml. Immutable once loaded. Every judgement names
 * their version, so that an old decision can still be explained by the criteria of its day (S150). */
#ifndef JUDGE_CRITERIA_H
#define JUDGE_CRITERIA_H

#include "base/arena.h"
#include "base/clock.h"
#include "base/error.h"
#include "event/finding.h"

enum stage_kind {
    STAGE_UNKNOWN,
    STAGE_EXPOSURE,
    STAGE_STOPPED,
    STAGE_EXECUTED,
    STAGE_C2_DENIED,
    STAGE_C2_ALLOWED,
    STAGE_OUTWARD_ATTACK,
    STAGE_SPREADING,
    STAGE_COUNT
};

struct criteria {
    struct arena arena;
    struct str version;
    int64_t window_ns;
    double prior, correlation, group_cap, decisive;
    double confidence_levels[3]; /* low < [0] <= medium < [1] <= high < [2] <= highest */
    double likelihood_ratio[LEVEL_CRITICAL + 1];
    int urgency[STAGE_COUNT];
    int hosts_within_hour;
    int unregistered_importance;
    double promotion_confidence;
    enum level promotion_level;
};

/* NULL on error; the sentence names file, line and remedy. */
struct criteria *criteria_load(const char *path, struct error *err) MUST_CHECK;
void criteria_free(struct criteria *c);

struct str stage_kind_name(enum stage_kind k);

#endif
