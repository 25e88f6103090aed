/* The server's reports: built from what it holds, kept in DATA/reports with their hash, signed by people. One
 * thread makes those that a form's schedule asks for. */
#ifndef REPORTING_REPORTER_H
#define REPORTING_REPORTER_H

#include "reporting/report_build.h"
#include "reporting/report_pack.h"
#include "server/server.h"
#include "store/state_reports.h"

struct reporter;
/* Starts the schedule. `forms` is borrowed. */
struct reporter *reporter_start(struct server *s, const char *forms);
void reporter_stop(struct reporter *r); /* waits for what is being made; NULL is fine */

const char *reporter_forms(const struct reporter *r);
/* The signature of somebody with those roles (console/roles.h), once. Recorded. */
bool reporter_sign(struct reporter *r, const struct report_row *row, struct str who, unsigned roles,
                   struct str note, struct error *err) MUST_CHECK;
/* Unsigned reports whose time is over. */
uint32_t reporter_overdue(struct reporter *r);
void reporter_count_overdue(struct reporter *r);

/* Builds, writes the file, enters it; `row` has name and built_by, and gets the rest, in `arena`. One at a
 * time: `*is_busy` when another is being made. */
bool reporter_make(struct reporter *r, const struct report_order *order, const struct report_rendering *how,
                   struct arena *arena, struct report_row *row, bool *is_busy, struct error *err) MUST_CHECK;
/* The file of a report, checked against its hash. */
bool reporter_read(struct reporter *r, const struct report_row *row, struct buf *out,
                   struct error *err) MUST_CHECK;

#endif
