/* Filling struct rule_report; report.c. Inside the stage only. */
#ifndef DETECT_REPORT_H
#define DETECT_REPORT_H

#include "base/yaml.h"
#include "detect/detect.h"

/* Adds one line and counts it. Texts are copied. */
void report_problem(struct rule_report *report, enum rule_problem_kind kind, const struct rule_info *info,
                    struct str text);

#endif
