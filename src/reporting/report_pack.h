/* What a report is handed over as: one file. */
#ifndef REPORTING_REPORT_PACK_H
#define REPORTING_REPORT_PACK_H

#include "report/report.h"

enum report_format { REPORT_PDF, REPORT_HTML, REPORT_CSV, REPORT_ZIP };
bool report_format_parse(struct str name, enum report_format *out);
const char *report_format_name(enum report_format f); /* also the file's suffix */
const char *report_format_type(enum report_format f); /* media type */

struct report_rendering {
    enum report_format format;
    struct str section; /* csv: only this one; "" = all of them, in a ZIP */
    bool bom;
    int64_t seed; /* of an evidence pack's samples */
};
/* Appends the file to `out`. `*format` is what it has become: tables of several sections become a ZIP, and an
 * evidence pack always is one. */
bool report_render(const struct report *r, const struct report_rendering *how, struct buf *out,
                   enum report_format *format, struct error *err) MUST_CHECK;

#endif
