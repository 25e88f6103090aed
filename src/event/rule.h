/* What people see of a rule, whichever stage runs it: detect/ (one event) or correlate/ (several). */
#ifndef EVENT_RULE_H
#define EVENT_RULE_H

#include "event/finding.h"

/* Texts live as long as the set it came from; "" when the rule says nothing. */
struct rule_info {
    struct str id; /* or the file's name when it has none */
    struct str name, path;
    unsigned line;
    struct str title_en, title_ja, description_en, description_ja, status, author;
    struct str next_steps_en, next_steps_ja; /* one step a line */
    struct str false_positives, references;  /* one a line */
    enum level level;
    struct str logsource;   /* "category/product/service" */
    struct str *techniques; /* "T1071.001" */
    uint32_t technique_count;
    struct str evidence_group, stage;
    double likelihood_ratio; /* 0 = not said */
    uint32_t sample_count;
};

#endif
