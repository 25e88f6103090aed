/* What closed incidents teach about rules (stage judge; spec 4.4): how sure the judge was of the incidents in
 * which a rule spoke, and how many of them were real. Pure arithmetic over labelled incidents, and an
 * immutable table for the judge.
 *
 * For a rule with k real of n labelled incidents and content's mean confidence p̄ in them, the share to be met
 * is the Beta mean (k + m·p̄)/(n + m): what content says is worth m = LEARNED_PRIOR_CASES incidents. The
 * ratios are moved until the mean confidence of each rule's incidents meets its share (iterative scaling with
 * the judge's own arithmetic, groups and caps included); with nothing closed they are content's. Labelled
 * incidents are those that became work: so ratios are corrected against the judge's own confidence and never
 * against the share of real ones among all incidents, which says nothing of a host-day.
 *
 * Exercises never teach. Below LEARNED_CALIBRATED labelled incidents everything says "uncalibrated". */
#ifndef JUDGE_LEARNED_H
#define JUDGE_LEARNED_H

#include "base/arena.h"
#include "event/incident.h"
#include "judge/criteria.h"

#define LEARNED_CALIBRATED  50   /* labelled incidents (spec 4) */
#define LEARNED_PRIOR_CASES 10   /* what content's ratio is worth */
#define LEARNED_MAX_RULES   5000 /* further ones keep content's ratio */
#define LEARNED_LIMIT       100  /* no ratio further from content's than this factor */

struct learned_ratio {
    struct str rule_id;
    uint32_t real, not_real; /* labelled incidents with this rule */
    uint32_t cases;          /* both */
    double content, ratio;
    double expected, observed; /* content's mean confidence in them, and the share to be met */
};

struct learned {
    struct str version;           /* of the adoption, "c7"; "" = not adopted */
    struct learned_ratio *ratios; /* by rule_id */
    uint32_t count;
    uint32_t real, not_real;             /* labelled incidents */
    uint32_t left_out;                   /* exercises, and those merged or doubled */
    double brier_content, brier_learned; /* mean squared error over the labelled incidents; −1 = none.
                                            Learned: each fifth is judged by what the other four teach. */
};

/* Of incidents closed as real or as false positive; others are passed over. Lives in the arena with its
 * texts.
 */
const struct learned *learned_from(const struct criteria *c, const struct incident *incidents, uint32_t count,
                                   struct arena *arena);

/* The same without learning and measuring: who spoke how often in which. */
const struct learned *learned_counts(const struct criteria *c, const struct incident *incidents,
                                     uint32_t count, struct arena *arena);

const struct learned_ratio *learned_find(const struct learned *l, struct str rule_id); /* NULL = content's */
uint32_t learned_cases(const struct learned *l);                                       /* 0 for NULL */
bool learned_is_calibrated(const struct learned *l);

#endif
