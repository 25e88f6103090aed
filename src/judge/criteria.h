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
    STAGE_MAIL_DENIED, /* mail past our own servers that the firewall stopped */
    STAGE_OUTWARD_ATTACK,
    STAGE_SPREADING,
    STAGE_HARM, /* data leave, or are destroyed */
    STAGE_COUNT
};

/* What moves the urgency of the table's row (spec 4.1). */
enum urgency_modifier {
    MODIFIER_ONGOING_AND_SPREADING,
    MODIFIER_ORANGE_OF_SAME_CLASS,
    MODIFIER_ISOLATED,
    MODIFIER_COUNT
};

/* Risk of an entity (spec 2.12). */
struct risk_criteria {
    double score[LEVEL_CRITICAL + 1];
    double source_cap; /* times the highest score of one rule on one system */
    double promotion;  /* capped scores of 24 h (S121) */
    int systems;       /* more than this many within 24 h are an alert */
    int64_t half_life_ns, watched_half_life_ns;
    double weight[5]; /* on the odds, by importance 1–4; [0], unregistered, is medium's */
};

struct criteria {
    struct arena arena;
    struct str version;
    int64_t window_ns;
    double prior, correlation, group_cap, decisive, hysteresis;
    double prior_by_posture[4], prior_cap; /* green, yellow, orange, red; [0] is `prior` */
    double sensor_factor;                  /* on the prior of a network whose sensor was hit (S113) */
    int64_t sensor_ns;
    double unpatched_factor,
        control_factor;          /* on the prior of hosts without patches, without a working antivirus */
    double focus_factor;         /* on the prior of what is under focus watch (S69) */
    enum level sensor_level;     /* least level of a finding that is a hit */
    double confidence_levels[3]; /* low < [0] <= medium < [1] <= high < [2] <= highest */
    double likelihood_ratio[LEVEL_CRITICAL + 1];
    int urgency[STAGE_COUNT];
    int modifier[MODIFIER_COUNT];
    int64_t ongoing_ns; /* the last finding is no older */
    int hosts_within_hour;
    struct risk_criteria risk;
    int unregistered_importance;
    double promotion_confidence;
    enum level promotion_level;
};

/* NULL on error; the sentence names file, line and remedy. */
struct criteria *criteria_load(const char *path, struct error *err) MUST_CHECK;
void criteria_free(struct criteria *c);

struct str stage_kind_name(enum stage_kind k);
const char *urgency_modifier_name(enum urgency_modifier m);

#endif
