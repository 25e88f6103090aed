/* The compiled content/intel. Inside the stage only. */
#ifndef DETECT_INDICATOR_PLAN_H
#define DETECT_INDICATOR_PLAN_H

#include <stdatomic.h>

#include "base/map.h"
#include "detect/indicator_text.h"
#include "detect/sigma.h"

enum intel_direction {
    DIRECTION_ANY,
    DIRECTION_OUTBOUND,
    DIRECTION_INBOUND,
    DIRECTION_INTERNAL,
    DIRECTION_EXTERNAL
};

struct verdict {
    enum intel_direction direction; /* ANY = no condition */
    int passage;                    /* enum passage, −1 = no condition */
    enum level level;
    double likelihood_ratio;
    struct str stage;
};

#define VERDICTS_MAX 12
struct role {
    struct str name, title_en, title_ja, evidence_group;
    enum entity entity;
    struct verdict verdicts[VERDICTS_MAX];
    size_t verdict_count;
};

struct confidence_step {
    int below, lower;
};

#define ROLES_MAX       32
#define PLAN_FIELDS_MAX 254
#define STEPS_MAX       8
struct indicator_plan {
    atomic_uint references;
    struct arena arena;
    struct role roles[ROLES_MAX];
    size_t role_count;
    struct indicator_field fields[PLAN_FIELDS_MAX];
    uint8_t role_of[PLAN_FIELDS_MAX];
    size_t field_count;
    uint8_t *field_number; /* field → number in fields + 1; 0 = not looked up */
    int unknown_confidence;
    struct confidence_step steps[STEPS_MAX];
    size_t step_count;
    unsigned shortest_v4, shortest_v6;
    struct map registry_labels, shared, file_names;
};

/* REASON_COUNT when it may be an indicator, else why not. */
enum indicator_reason indicator_plan_objection(const struct indicator_plan *plan,
                                               const struct indicator_key *key);

#endif
