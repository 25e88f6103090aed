/* content/risk.yml: parameters of what remains, the questions asked of the events, and the work list's
 * limits. Immutable once loaded. */
#ifndef RISK_RISK_CONTENT_H
#define RISK_RISK_CONTENT_H

#include "base/arena.h"
#include "base/error.h"

enum risk_parameter {
    PARAMETER_OPEN,
    PARAMETER_INFECT,
    PARAMETER_EFFICACY,
    PARAMETER_ZERO_DAY,
    RISK_PARAMETERS
};

enum risk_measure {
    MEASURE_MALWARE_BY_PERSON,
    MEASURE_MALWARE_BY_DEPARTMENT,
    MEASURE_MALWARE,
    MEASURE_REALTIME,
    MEASURE_LATER,
    MEASURE_MAIL_BY_PERSON,
    MEASURE_DRILL_CLICKS,
    MEASURE_OPENED_REPORTS,
    MEASURE_MAIL_VOLUME,
    MEASURE_MAIL_ALIVE,
    MEASURE_WEB_BY_PERSON,
    MEASURE_WEB_ALIVE,
    MEASURE_ATTACKS,
    MEASURE_NAMES,
    RISK_MEASURES
};

struct risk_content {
    struct arena arena;
    struct str version;
    double window_days, training_days;
    struct risk_parameter_value {
        const char *name;
        double value;
        struct str owner, text_en, text_ja;
    } parameters[RISK_PARAMETERS];
    struct risk_measure_text {
        const char *name;
        struct str key, expression;
    } measures[RISK_MEASURES];
    double heavy_times, heavy_probability; /* whose mail from outside makes care needed (S71) */
    double red_percent, red_days;          /* of a premise */
    struct risk_check {
        struct str en, ja;
    } * checks; /* the rotating checklist (S107) */
    uint32_t check_count;
    double worklist_checks, worklist_items, benign_share, benign_items;
};

/* NULL on error; the sentence names file, line and remedy. */
struct risk_content *risk_content_load(const char *path, struct error *err) MUST_CHECK;
void risk_content_free(struct risk_content *c); /* NULL is fine */

#endif
