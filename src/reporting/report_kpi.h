/* Key figures of a period beside those of the period before it, for reports (S158, S186). */
#ifndef REPORTING_REPORT_KPI_H
#define REPORTING_REPORT_KPI_H

#include "reporting/report_build.h"

/* {"kpis":[…]}: for each figure its value, the one before, what became of it (better, worse, same, unknown),
 * open actions, and where in the console the incidents behind it are. Figures are those of GET /api/v1/kpis
 * over all incidents; what was not measured is null. */
bool report_kpis(const struct report_world *world, const struct report *report, struct buf *json,
                 struct error *err) MUST_CHECK;

#endif
